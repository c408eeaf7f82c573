/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the simulator sees what must not be. Method: faults are planted in the
 * kernel and the service, each by a function that the linker puts in place of
 * another; within some seeds the simulator has to say what is wrong, in the
 * words of the check that is meant to see it, and a script that it shortens,
 * writes and reads again has to break in the same way.
 */
#include "net/pipe.h"
#include "proc/kernel_impl.h"
#include "proc/supervise.h"
#include "vk/kv.h"
#include "vkd/sim/play.h"
#include "vkd/sim/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEEDS_MAX 3000u
#define WORDS_MAX 5u

enum fault {
    FAULT_NONE,
    FAULT_NO_WIPE,
    FAULT_NO_CLOSE,
    FAULT_TWO_OPEN,
    FAULT_BUFFER_LEAK,
    FAULT_HANDLE_LEAK,
    FAULT_SLOT_LEAK,
    FAULT_PROCESS_LEAK,
    FAULT_LOST_TIMER,
    FAULT_LOST_WAKE,
    FAULT_LOST_REPLY,
    FAULT_RESTARTS,
    FAULT_ANSWER_TWICE,
    FAULT_ANSWER_LOST,
    FAULT_ANSWER_CROSSED,
    FAULT_ANSWER_SWAPPED,
    FAULT_BYTE,
    FAULT_HEAD,
    FAULT_STORE,
    FAULT_CHANCE,
    FAULT_DEATH,
};

static enum fault fault;
static uint32_t calls; /* of the function that is faulty, in this world */

/* Whether it fails this time: not always, or a server would not even start. */
static bool fails(enum fault which, uint32_t each)
{
    return fault == which && ++calls % each == 0;
}

/* ---- in place of others ------------------------------------------------------------- */

#define WRAP(type, name, ...)        \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

/* The supervisors of either program are made first in a world. */
WRAP(int, proc_supervisor_create, struct proc_kernel *kernel, const struct proc_supervisor_options *options,
     struct proc_supervisor **ret_supervisor)
{
    struct proc_supervisor_options more = *options;
    calls = 0; /* each world begins so, and breaks alone as it did among others */
    if (fails(FAULT_RESTARTS, 1))
        more.restarts_max = PROC_RESTARTS_MAX;
    return __real_proc_supervisor_create(kernel, &more, ret_supervisor);
}

WRAP(bool, plat_wipe, void *base, size_t len_bytes)
{
    return fails(FAULT_NO_WIPE, 1) ? true : __real_plat_wipe(base, len_bytes);
}

WRAP(int, plat_protect, void *base, size_t len_bytes, enum plat_prot prot)
{
    return prot == PLAT_PROT_NONE && fails(FAULT_NO_CLOSE, 1) ? 0
                                                              : __real_plat_protect(base, len_bytes, prot);
}

WRAP(int, vk_guard_switch, struct vk_guard *guard, struct vk_slot *slot)
{
    struct vk_slot *before = guard->open_slot;
    int rc = __real_vk_guard_switch(guard, slot);
    if (before && rc == 0 && fails(FAULT_TWO_OPEN, 3))
        before->is_accessible = __real_plat_protect(before->base, before->open_bytes, PLAT_PROT_RW) == 0;
    return rc;
}

WRAP(void, vk_bufs_put, struct vk_bufs *bufs, struct vk_buf *buf)
{
    if (buf->cap_bytes && fails(FAULT_BUFFER_LEAK, 40))
        *buf = (struct vk_buf){0};
    else
        __real_vk_bufs_put(bufs, buf);
}

WRAP(void, proc_handles_close_all, struct proc_kernel *kernel, struct proc_process *process)
{
    if (!vk_list_is_empty(&process->handles) && fails(FAULT_HANDLE_LEAK, 1))
        return;
    __real_proc_handles_close_all(kernel, process);
}

WRAP(void, vk_pool_give, struct vk_pool *pool, struct vk_slot *slot, uint32_t used_bytes)
{
    if (!fails(FAULT_SLOT_LEAK, 20))
        __real_vk_pool_give(pool, slot, used_bytes);
}

WRAP(void, proc_process_free, struct proc_kernel *kernel, struct proc_process *process)
{
    if (!fails(FAULT_PROCESS_LEAK, 3))
        __real_proc_process_free(kernel, process);
}

WRAP(void, proc_timer_set, struct proc_kernel *kernel, struct proc_timer *timer, uint64_t deadline_ns)
{
    if (!fails(FAULT_LOST_TIMER, 5))
        __real_proc_timer_set(kernel, timer, deadline_ns);
}

WRAP(void, proc_queue, struct proc_kernel *kernel, struct proc_process *process)
{
    if (!fails(FAULT_LOST_WAKE, 5))
        __real_proc_queue(kernel, process);
}

WRAP(int, proc_op_reply, struct proc_kernel *kernel, struct proc_process *process, const struct proc_op *op,
     const uint8_t *bytes)
{
    return fails(FAULT_LOST_REPLY, 3) ? 0 : __real_proc_op_reply(kernel, process, op, bytes);
}

/* What a pipe is about to send, changed: only where there is something to send and no send under way. */
static void spoil(struct net_pipe *pipe)
{
    static uint8_t other[512];
    static uint32_t other_len;
    uint32_t len = pipe->out_len;
    if (fails(FAULT_ANSWER_TWICE, 5) && 2 * len <= pipe->out.cap_bytes) {
        memcpy(pipe->out.ptr + len, pipe->out.ptr, len);
        pipe->out_len = 2 * len;
    }
    if (fails(FAULT_ANSWER_LOST, 5))
        pipe->out_len = 0;
    if (fails(FAULT_BYTE, 5))
        pipe->out.ptr[len - 1] ^= 1;
    if (fails(FAULT_HEAD, 5) && len > 40)
        memcpy(pipe->out.ptr + 17, "Xerver", 6);
    if (fault == FAULT_ANSWER_CROSSED && other_len == len && fails(fault, 2))
        memcpy(pipe->out.ptr, other, len);
    if (fault == FAULT_ANSWER_SWAPPED && len >= 4 && fails(fault, 5)) {
        uint8_t last = pipe->out.ptr[len - 1]; /* two digits of a number */
        pipe->out.ptr[len - 1] = pipe->out.ptr[len - 2];
        pipe->out.ptr[len - 2] = last;
    }
    other_len = len < sizeof other ? len : 0;
    memcpy(other, pipe->out.ptr, other_len);
}

WRAP(int, net_pipe_send, struct net_pipe *pipe)
{
    if (pipe->out_len && pipe->sending_len == 0)
        spoil(pipe);
    return __real_net_pipe_send(pipe);
}

WRAP(void, vk_kv_write, struct vk_kv *kv, struct vk_kv_entry *entry, const void *value)
{
    if (!fails(FAULT_STORE, 2))
        __real_vk_kv_write(kv, entry, value);
}

WRAP(void, vk_fmt_date, uint8_t *dst, int64_t seconds)
{
    struct timespec now;
    __real_vk_fmt_date(dst, seconds);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (fails(FAULT_CHANCE, 1))
        dst[6] = (uint8_t)('0' + now.tv_nsec / 1000 % 10);
}

WRAP(void, net_pipe_fini, struct net_pipe *pipe)
{
    if (fails(FAULT_DEATH, 3))
        plat_panic("an assertion");
    __real_net_pipe_fini(pipe);
}

/* ---- each has to be found -------------------------------------------------------------------- */

static const struct mutant {
    const char *name;
    enum fault fault;
    const char *words[WORDS_MAX]; /* one of these is what is said */
} of_native[] =
    {
        {"a heap is not wiped", FAULT_NO_WIPE, {"a heap that is not clean", "what it has not written"}},
        {"heaps stay open", FAULT_NO_CLOSE, {"can be read, though it is closed"}},
        {"two heaps are open", FAULT_TWO_OPEN, {"more than one heap is open", "while another heap is open"}},
        {"a buffer is lost", FAULT_BUFFER_LEAK, {"buffers are left over"}},
        {"handles are kept", FAULT_HANDLE_LEAK, {"handles belong to no process", "handles are left over"}},
        {"a slot is lost", FAULT_SLOT_LEAK, {"slots are in use that no process lies in"}},
        {"a process stays", FAULT_PROCESS_LEAK, {"processes are left over"}},
        {"a deadline is lost",
         FAULT_LOST_TIMER,
         {"waits for nothing, and nothing will end it", "lets it wait for ever",
          "longer than its deadlines"}},
        {"a wake is lost", FAULT_LOST_WAKE, {"a process is runnable, and in no queue"}},
        {"a reply to a call is lost",
         FAULT_LOST_REPLY,
         {"answers are missing", "the answer 500 in place of", "left over"}},
        {"a supervisor is frantic", FAULT_RESTARTS, {"a supervisor restarts more often"}},
        {"an answer comes twice",
         FAULT_ANSWER_TWICE,
         {"an answer that nobody asked for", "in place of", "is another"}},
        {"an answer is lost",
         FAULT_ANSWER_LOST,
         {"answers are missing", "lets it wait for ever", "a head without end", "a head that is none",
          "in place of"}},
        {"an answer goes to another", FAULT_ANSWER_CROSSED, {"in place of", "twice"}},
        {"digits change places", FAULT_ANSWER_SWAPPED, {"in place of", "is another"}},
        {"a byte is another", FAULT_BYTE, {"in place of", "is another"}},
        {"a head has a line of nobody's", FAULT_HEAD, {"a field that nobody wrote"}},
        {"a store forgets", FAULT_STORE, {"twice"}},
        {"something is left to chance", FAULT_CHANCE, {"not the same run"}},
        {"an assertion fails", FAULT_DEATH, {"an assertion"}},
},
  of_language[] = {
      {"a heap of the language is not wiped", FAULT_NO_WIPE, {"a heap that is not clean"}},
      {"a reply to an actor's caller is lost", FAULT_LOST_REPLY, {"in place of", "ops are left over"}},
      {"a store of the language forgets", FAULT_STORE, {"twice"}},
      {"an answer of the language goes to another", FAULT_ANSWER_CROSSED, {"in place of"}},
};

static enum vkd_program program; /* that is served */

static void draw(struct vkd_script *script, uint64_t seed)
{
    vkd_script_draw(script, seed, program, 0);
}

static bool is_said(const char *why, const char *const *words)
{
    for (uint32_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
        if (strstr(why, words[i]) != NULL)
            return true;
    return false;
}

/* Shorter, written, read: it breaks as before. */
static bool shrinks(struct vkd_script *script, struct vkd_told *told, const char *const *words)
{
    static struct vkd_script again;
    uint32_t before = script->count, line = 0;
    vkd_shrink(script, told);
    FILE *file = tmpfile();
    if (file == NULL || script->count > before || !is_said(told->why, words)) {
        printf("  alone, or shorter, it does not break so: %s\n", told->why);
        return false;
    }
    vkd_script_write(script, file);
    rewind(file);
    const char *why = vkd_script_read(&again, file, &line);
    fclose(file);
    printf("  %u of %u events are left\n", script->count, before);
    return why == NULL && again.count == script->count && !vkd_play(&again, told, false) &&
           is_said(told->why, words);
}

/* A fault may be seen by another check first: then some other seed has to show it to the one that it is for.
 */
static bool breaks(const struct mutant *mutant, struct vkd_told *told)
{
    struct vkd_plays plays = {
        .first = 1, .count = SEEDS_MAX, .jobs = 1, .repeats = mutant->fault == FAULT_CHANCE, .draw = draw};
    while (plays.first <= SEEDS_MAX && !vkd_play_seeds(&plays, told)) {
        if (is_said(told->why, mutant->words))
            return true;
        plays.first = told->seed + 1;
        plays.count = SEEDS_MAX + 1 - plays.first;
    }
    return false;
}

static bool find(const struct mutant *mutant, bool is_shrunk, struct vkd_told *told)
{
    static struct vkd_script script;
    fault = mutant->fault;
    bool is_found = breaks(mutant, told);
    printf("%s: %s (seed %llu)\n", mutant->name, is_found ? told->why : "NOT FOUND",
           (unsigned long long)told->seed);
    if (!is_found || !is_shrunk || mutant->fault == FAULT_CHANCE) /* which needs two runs of a script */
        return is_found;
    draw(&script, told->seed);
    return shrinks(&script, told, mutant->words);
}

int main(void)
{
    static struct vkd_program_loaded loaded;
    struct vkd_told *told = vkd_told_new();
    uint32_t bad = 0;
    if (!vkd_program_load(NULL, &loaded))
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (told == NULL)
        return 1;
    for (uint32_t i = 0; i < VK_COUNT(of_native); i++)
        bad += !find(&of_native[i], i % 4 == 0, told);
    program = VKD_PROGRAM_LANGUAGE;
    for (uint32_t i = 0; i < VK_COUNT(of_language); i++)
        bad += !find(&of_language[i], false, told);
    printf("%zu passed, %u failed\n", VK_COUNT(of_native) + VK_COUNT(of_language) - bad, bad);
    return bad == 0 ? 0 : 1;
}
