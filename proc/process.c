/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Birth and death of processes. A process is one entry of the table, one
 * slot, and what hangs on the entry's queues; death empties all of them, so a
 * free entry needs no clearing when it is taken again.
 */
#include "proc/kernel_impl.h"
#include "vk/fmt.h"

static const char *const reason_texts[PROC_REASON_END] = {
    [PROC_REASON_NORMAL] = "ended",
    [PROC_REASON_FAIL] = "failed",
    [PROC_REASON_FAULT] = "fault",
    [PROC_REASON_TIME] = "a step ran too long",
    [PROC_REASON_CPU] = "CPU limit spent",
    [PROC_REASON_DEADLINE] = "deadline passed",
    [PROC_REASON_OP] = "invalid op",
    [PROC_REASON_MEMORY] = "out of memory",
    [PROC_REASON_DEADLOCK] = "waits for nothing",
    [PROC_REASON_LINK] = "a linked process ended",
    [PROC_REASON_KILLED] = "killed",
    [PROC_REASON_SHUTDOWN] = "shut down",
};

static const char *const fault_texts[] = {
    [PLAT_FAULT_NONE] = "none",
    [PLAT_FAULT_ACCESS] = "bad access",
    [PLAT_FAULT_STACK] = "stack overflow",
    [PLAT_FAULT_DIVIDE] = "division by zero",
    [PLAT_FAULT_ILLEGAL] = "illegal instruction",
    [PLAT_FAULT_SYSCALL] = "system call",
    [PLAT_FAULT_TIME] = "endless step",
    [PLAT_FAULT_OTHER] = "trap",
};

const char *proc_reason_text(enum proc_reason reason)
{
    return (unsigned)reason < PROC_REASON_END ? reason_texts[reason] : "unknown";
}

uint32_t proc_pid(const struct proc_process *process)
{
    return process->entry.handle;
}

enum proc_reason proc_end_reason(const struct proc_process *process)
{
    return (enum proc_reason)process->reason;
}

uint64_t proc_crash_id(const struct proc_process *process)
{
    return process->crash_id;
}

struct proc_process *proc_process_find(struct proc_kernel *kernel, uint32_t pid)
{
    struct proc_process *p = vk_table_get(&kernel->processes, pid);
    return p && p->state != PROC_STATE_ENDING ? p : NULL;
}

struct proc_process *proc_process_named(struct proc_kernel *kernel, uint64_t name)
{
    struct proc_process *p = vk_table_used(&kernel->processes, (uint32_t)name & VK_HANDLE_INDEX_MASK);
    return p && p->name == name && p->state != PROC_STATE_ENDING ? p : NULL;
}

const struct proc_program *proc_named_program(struct proc_kernel *kernel, uint64_t name)
{
    const struct proc_process *p = proc_process_named(kernel, name);
    return p ? p->program : NULL;
}

uint64_t proc_name(const struct proc_process *process)
{
    return process->name;
}

struct proc_object proc_process_object(const struct proc_process *process)
{
    return (struct proc_object){&proc_kind_process, (void *)(uintptr_t)process->name};
}

_Static_assert(sizeof(uintptr_t) >= sizeof(uint64_t), "an object holds a name");

/* ---- birth ------------------------------------------------------------------- */

/* Whether the other side of its origin is what a process waits for, that has nothing else to do. */
static bool is_kept_waiting(struct proc_kernel *k, const struct proc_process *p)
{
    const struct proc_kind *kind = p->origin.kind;
    return p->state == PROC_STATE_WAITING && kind && kind->keeps_waiting &&
           kind->keeps_waiting(k, p->origin.object);
}

static void deadline_fire(struct proc_kernel *kernel, struct proc_timer *timer)
{
    struct proc_process *p = VK_CONTAINER(timer, struct proc_process, deadline);
    if (is_kept_waiting(kernel, p))
        proc_end(kernel, p, PROC_REASON_SHUTDOWN);
    else
        proc_process_doom(kernel, p, PROC_REASON_DEADLINE); /* it has a last word */
}

static void make_entry(struct proc_process *p)
{
    vk_list_init(&p->reqs);
    vk_list_init(&p->handles);
    vk_list_init(&p->senders);
    vk_list_init(&p->calls);
    vk_list_init(&p->monitors);
    vk_list_init(&p->links);
    p->deadline.fire = deadline_fire;
    p->made = true;
}

/*
 * How much of the slot to open at first: the program's prefix when head, root
 * fiber and argument will fit into it, else the whole slot, since what the
 * kernel writes must be open.
 */
static int size_slot(const struct proc_spawn *spawn, uint32_t *ret_class, uint32_t *ret_prefix)
{
    const struct proc_program *program = spawn->program;
    uint64_t need = (uint64_t)sizeof(struct proc_self) + spawn->arg_len + 64;
    if (need > program->heap_bytes)
        return -VK_ETOOBIG;
    *ret_class = vk_pool_class_for(program->heap_bytes);
    if (*ret_class == VK_SLOT_CLASSES)
        return -VK_ETOOBIG;
    *ret_prefix = need <= program->prefix_bytes / 4 * 3 ? program->prefix_bytes : 0;
    return 0;
}

static int keep_arg(struct proc_kernel *k, struct proc_process *p, const struct proc_spawn *spawn)
{
    p->arg = spawn->arg;
    p->arg_len = spawn->arg_len;
    if (VK_LIKELY(!spawn->copy_arg) || spawn->arg_len == 0)
        return 0;
    uint8_t *dst = p->arg_here;
    if (spawn->arg_len > sizeof p->arg_here) {
        if (!vk_bufs_get(&k->bufs, spawn->arg_len, &p->arg_buf))
            return -VK_ENOMEM;
        dst = p->arg_buf.ptr;
    }
    vk_copy(dst, spawn->arg, spawn->arg_len);
    p->arg = dst;
    return 0;
}

int proc_spawn(struct proc_kernel *kernel, const struct proc_spawn *spawn, struct proc_process **ret_process)
{
    uint32_t slot_class, prefix_bytes;
    int rc = size_slot(spawn, &slot_class, &prefix_bytes);
    if (VK_UNLIKELY(rc))
        return rc;
    struct proc_process *p = vk_table_take(&kernel->processes);
    if (VK_UNLIKELY(!p))
        return -VK_ENOSPC;
    rc = keep_arg(kernel, p, spawn);
    if (!rc)
        rc = proc_place(kernel, p, spawn->runs_now || !spawn->program->is_movable, slot_class, prefix_bytes);
    if (VK_UNLIKELY(rc)) {
        vk_bufs_put(&kernel->bufs, &p->arg_buf);
        vk_table_give(&kernel->processes, p);
        return rc;
    }
    if (VK_UNLIKELY(!p->made))
        make_entry(p);
    p->program = spawn->program;
    p->origin = spawn->origin;
    p->env = spawn->env;
    p->state = PROC_STATE_READY;
    p->fresh = true;
    p->doomed = false;
    p->done_count = 0;
    p->has_backlog = false;
    p->keeps_ops = false;
    p->child = NULL;
    p->crash_id = 0;
    p->reason = PROC_REASON_NORMAL;
    p->deadline_ns = spawn->deadline_ns;
    p->name = ++kernel->counters.started << VK_HANDLE_INDEX_BITS | vk_handle_index(p->entry.handle);
    *ret_process = p;
    return 0;
}

bool proc_is_light(const struct proc_program *program)
{
    return program->is_movable && program->heap_bytes <= VK_SLOT_CLASS0_BYTES;
}

int proc_kernel_start(struct proc_kernel *kernel, const struct proc_program *program, const void *arg,
                      uint32_t arg_len, uint32_t *ret_pid)
{
    const struct proc_spawn spawn = {.program = program, .arg = arg, .arg_len = arg_len, .copy_arg = true};
    struct proc_process *p;
    int rc = proc_spawn(kernel, &spawn, &p);
    if (rc)
        return rc;
    *ret_pid = proc_pid(p);
    proc_run_soon(kernel, p);
    return 0;
}

/* ---- death ----------------------------------------------------------------------- */

static bool is_abnormal(enum proc_reason reason)
{
    return reason != PROC_REASON_NORMAL && reason != PROC_REASON_SHUTDOWN;
}

/* Where it happened: the address it is about, if there is one, and the code as symbolizers take it. */
static void describe_fault(struct vk_out *out, const struct plat_fault *fault)
{
    const char *file;
    uintptr_t place = plat_code_place(fault->pc, &file);
    vk_out_fmt(out, ", %s", fault_texts[fault->kind]);
    if (fault->kind == PLAT_FAULT_ACCESS || fault->kind == PLAT_FAULT_STACK)
        vk_out_fmt(out, " at address 0x%lx", (unsigned long)fault->addr);
    else if (fault->kind == PLAT_FAULT_SYSCALL)
        vk_out_fmt(out, " %lu", (unsigned long)fault->addr);
    vk_out_fmt(out, file ? ", code %s+0x%lx" : ", code %s0x%lx", file ? file : "", (unsigned long)place);
}

static void log_death(struct proc_kernel *k, const struct proc_process *p, const struct plat_fault *fault)
{
    if (!k->log || !proc_log_allowed(k))
        return;
    char line[384];
    struct vk_out out;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "process %u (%s) crashed, id %llu: %s", proc_pid(p), p->program->name,
               (unsigned long long)p->crash_id, proc_reason_text((enum proc_reason)p->reason));
    if (fault)
        describe_fault(&out, fault);
    proc_log(k, PROC_LOG_WARN, vk_out_span(&out));
}

static void drop_reqs(struct proc_kernel *k, struct proc_process *p)
{
    for (struct vk_node *node; (node = vk_list_first(&p->reqs));)
        proc_req_drop(k, VK_CONTAINER(node, struct proc_req, node));
    for (struct vk_link *link; (link = vk_fifo_first(&p->ready));)
        proc_req_drop(k, VK_CONTAINER(link, struct proc_req, ready));
}

typedef uint32_t (*say_fn)(const struct proc_program *program, const struct proc_self *self,
                           uint32_t *ret_off);

/* A stretch of its heap, which may be anything; how much of it was kept. */
static uint32_t keep(const struct proc_process *p, say_fn say, uint8_t to[PROC_WORDS_MAX_BYTES])
{
    uint32_t off = 0, len = say(p->program, (const struct proc_self *)p->slot->base, &off);
    len = len < PROC_WORDS_MAX_BYTES ? len : PROC_WORDS_MAX_BYTES;
    if (!vk_heap_contains(p->program->heap_bytes, off, len) || off + len > p->slot->open_bytes)
        return 0;
    vk_copy(to, p->slot->base + off, len);
    return len;
}

/* What a process says of its abnormal end, while its heap is there. */
static void keep_words(struct proc_kernel *k, const struct proc_process *p)
{
    k->words_len = k->place_len = 0;
    if (k->guard.open_slot != p->slot)
        return;
    if (p->reason == PROC_REASON_FAIL && p->program->words)
        k->words_len = keep(p, p->program->words, k->words);
    if (p->program->place)
        k->place_len = keep(p, p->program->place, k->place);
}

struct vk_span proc_end_words(const struct proc_kernel *kernel, const struct proc_process *process)
{
    if (process->reason == PROC_REASON_FAIL && kernel->words_len)
        return vk_span(kernel->words, kernel->words_len);
    return vk_span_text(proc_reason_text((enum proc_reason)process->reason));
}

struct vk_span proc_end_place(const struct proc_kernel *kernel, const struct proc_process *process)
{
    return vk_span(kernel->place, process->crash_id ? kernel->place_len : 0);
}

/* What others hold of it, or it of others; most have none. */
static bool has_ties(const struct proc_process *p)
{
    return p->promised_count || !vk_fifo_is_empty(&p->mail) || !vk_list_is_empty(&p->senders) ||
           !vk_list_is_empty(&p->calls) || !vk_list_is_empty(&p->handles) || !vk_list_is_empty(&p->links) ||
           !vk_list_is_empty(&p->monitors);
}

static void end_ties(struct proc_kernel *k, struct proc_process *p)
{
    proc_mailbox_end(k, p);
    proc_handles_close_all(k, p);
    proc_links_end(k, p);
}

void proc_process_dead(struct proc_kernel *kernel, struct proc_process *process, enum proc_reason reason,
                       const struct plat_fault *fault)
{
    struct proc_process *p = process;
    p->state = PROC_STATE_ENDING;
    p->reason = (uint8_t)reason;
    kernel->counters.ended[reason]++;
    if (VK_UNLIKELY(is_abnormal(reason))) {
        p->crash_id = ++kernel->crash_seq;
        log_death(kernel, p, fault);
        keep_words(kernel, p);
    }
    if (VK_UNLIKELY(p->arg_buf.cap_bytes))
        vk_bufs_put(&kernel->bufs, &p->arg_buf);
    if (VK_UNLIKELY(vk_timer_is_armed(&p->deadline.timer)))
        proc_timer_clear(kernel, &p->deadline);
    drop_reqs(kernel, p);
    proc_leave(kernel, p); /* first, so that whatever the release starts takes this very slot, open and hot */
    if (VK_UNLIKELY(has_ties(p)))
        end_ties(kernel, p);
    struct proc_object origin = p->origin;
    p->origin = (struct proc_object){0};
    if (origin.kind)
        origin.kind->release(kernel, origin.object, p);
    if (VK_UNLIKELY(p->child != NULL))
        proc_child_ended(kernel, p);
    if (!p->queued)
        proc_process_free(kernel, p);
}

void proc_process_free(struct proc_kernel *kernel, struct proc_process *process)
{
    vk_table_give(&kernel->processes, process);
}

void proc_process_doom(struct proc_kernel *kernel, struct proc_process *process, enum proc_reason reason)
{
    if (process->state == PROC_STATE_ENDING || process->doomed)
        return;
    process->doomed = true;
    process->reason = (uint8_t)reason;
    if (process->state != PROC_STATE_RUNNING)
        proc_queue(kernel, process);
}

void proc_end(struct proc_kernel *kernel, struct proc_process *process, enum proc_reason reason)
{
    if (process->state == PROC_STATE_RUNNING)
        proc_process_doom(kernel, process, reason);
    else if (process->state != PROC_STATE_ENDING)
        proc_process_dead(kernel, process, reason, NULL);
}
