/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: native processes do what they are asked, however they end it is told
 * once, and what holds of threads is held to.
 * Method: a program that squares numbers, answers messages, faults and loops.
 */
#include "tests/embed/host.h"

#include "tests/unit/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 256, LARGE = 65536 };

/* ---- the program ---- */

struct worker {
    struct vk_fiber fiber;
    uint32_t room; /* offset */
    struct vk_op op;
};

/* What it is started with. */
enum order { ORDER_SQUARE, ORDER_SERVE, ORDER_FAULT, ORDER_FAIL, ORDER_LOOP, ORDER_SLEEP, ORDER_TWICE };

struct job {
    uint32_t order;
    uint32_t number;
};

static enum vk_said write_answer(struct vk_self *self, struct worker *w, const void *bytes, uint32_t len)
{
    void *copy = vk_native_alloc(self, len);
    if (copy == NULL)
        return VK_SAID_FAIL;
    memcpy(copy, bytes, len);
    w->op = (struct vk_op){
        .code = VK_OP_WRITE, .handle = VK_HANDLE_ORIGIN, .off = vk_native_off(self, copy), .len = len};
    return vk_native_submit(self, &w->fiber, &w->op) ? VK_SAID_END : VK_SAID_FAIL;
}

/* Each message is answered by itself, backwards; an empty one by an error. */
static enum vk_said serve(struct vk_self *self, struct worker *w)
{
    for (;;) {
        uint8_t *room = vk_native_at(self, w->room);
        if (w->fiber.step == 0) {
            w->op = (struct vk_op){.code = VK_OP_RECV, .off = w->room, .len = ROOM};
            if (!vk_native_wait(self, &w->fiber, &w->op))
                return VK_SAID_WAIT;
            uint32_t len = w->fiber.done.len;
            for (uint32_t i = 0; i < len / 2; i++) {
                uint8_t byte = room[i];
                room[i] = room[len - 1 - i];
                room[len - 1 - i] = byte;
            }
            uint64_t error = len == 0 ? (uint64_t)(uint32_t)-VK_ERANGE << 32 : 0;
            w->op = (struct vk_op){
                .code = VK_OP_REPLY, .off = w->room, .len = len, .arg = (uint32_t)w->fiber.done.arg | error};
            w->fiber.step = w->fiber.done.flags & VK_DONE_REQUEST ? 1 : 0;
            if (w->fiber.step == 0)
                continue;
        }
        if (!vk_native_wait(self, &w->fiber, &w->op))
            return VK_SAID_WAIT;
        w->fiber.step = 0;
    }
}

static enum vk_said root(struct vk_self *self, struct vk_fiber *fiber)
{
    struct worker *w = (struct worker *)fiber;
    uint32_t len;
    const struct job *job = vk_native_arg(self, &len);
    uint64_t square = (uint64_t)job->number * job->number;
    if (len != sizeof *job)
        return VK_SAID_FAIL;
    if (w->room == 0)
        w->room = vk_native_off(self, vk_native_alloc(self, ROOM));
    switch ((enum order)job->order) {
    case ORDER_SQUARE:
        return write_answer(self, w, &square, sizeof square);
    case ORDER_TWICE:
        (void)write_answer(self, w, &square, sizeof square);
        return write_answer(self, w, "again", 5);
    case ORDER_SERVE:
        return serve(self, w);
    case ORDER_FAULT:
        *(volatile uint8_t *)(uintptr_t)job->number = 1;
        return VK_SAID_END;
    case ORDER_LOOP:
        for (volatile bool goes_on = true; goes_on;)
            ;
        return VK_SAID_END;
    case ORDER_SLEEP:
        w->op = (struct vk_op){.code = VK_OP_SLEEP, .arg = (uint64_t)job->number * 1000000};
        return vk_native_wait(self, fiber, &w->op) ? VK_SAID_END : VK_SAID_WAIT;
    case ORDER_FAIL:
        break;
    }
    return VK_SAID_FAIL;
}

static const vk_step_fn steps[] = {root};

/* ---- the host ---- */

struct told {
    uint32_t count;
    struct vk_answer answer;
    char bytes[ROOM];
    char words[256];
};

static void on_answer(void *context, const struct vk_answer *answer)
{
    struct told *told = context;
    told->count++;
    told->answer = *answer;
    memset(told->bytes, 0, sizeof told->bytes);
    memcpy(told->bytes, answer->bytes, answer->bytes_len < ROOM ? answer->bytes_len : ROOM);
    memset(told->words, 0, sizeof told->words);
    memcpy(told->words, answer->words, answer->words_len);
}

static struct vk_kernel *make(enum vk_guarding guarding, struct vk_program **ret_program)
{
    const struct vk_options options = {.size = sizeof options, .warm_max = 1, .guarding = guarding};
    const struct vk_native native = {.size = sizeof native,
                                     .name = "worker",
                                     .steps = steps,
                                     .steps_count = 1,
                                     .state_bytes = sizeof(struct worker)};
    struct vk_kernel *kernel = NULL;
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    CHECK_EQ(vk_native_create(kernel, &native, ret_program), 0);
    return kernel;
}

static vk_pid start(struct vk_program *program, enum order order, uint32_t number, uint64_t deadline_ns,
                    struct told *told)
{
    const struct job job = {order, number};
    const struct vk_spawn_options options = {
        .size = sizeof options, .deadline_ns = deadline_ns, .answer = on_answer, .context = told};
    vk_pid pid = 0;
    memset(told, 0, sizeof *told);
    CHECK_EQ(vk_spawn(program, &job, sizeof job, &options, &pid), 0);
    CHECK(pid != 0);
    return pid;
}

static void run_until(struct vk_kernel *kernel, const struct told *told)
{
    for (uint32_t i = 0; i < 3000 && told->count == 0; i++)
        vk_step(kernel, 1000000);
    CHECK_EQ(told->count, 1u);
}

TEST(embed_process, a_process_answers_where_it_was_started)
{
    static const enum vk_guarding guardings[] = {VK_GUARDING_OFF, VK_GUARDING_AUTO};
    for (uint32_t i = 0; i < 2; i++) {
        struct vk_program *program = NULL;
        struct vk_kernel *kernel = make(guardings[i], &program);
        struct told told;
        vk_pid pid = start(program, ORDER_SQUARE, 12, 0, &told);
        CHECK_EQ(told.count, 0u);
        run_until(kernel, &told);
        uint64_t square;
        memcpy(&square, told.bytes, sizeof square);
        CHECK_EQ(told.answer.error, 0);
        CHECK_EQ(told.answer.reason, VK_REASON_NORMAL);
        CHECK_EQ(told.answer.bytes_len, sizeof square);
        CHECK_EQ(told.answer.pid, pid);
        CHECK_EQ(square, 144u);
        (void)start(program, ORDER_TWICE, 3, 0, &told);
        run_until(kernel, &told);
        memcpy(&square, told.bytes, sizeof square);
        CHECK_EQ(square, 9u); /* the first one */
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_process, its_abnormal_end_is_told_with_the_reason)
{
    static const struct {
        enum order order;
        uint32_t number;
        enum vk_reason reason;
    } ends[] = {{ORDER_FAIL, 0, VK_REASON_FAIL},
                {ORDER_FAULT, 8, VK_REASON_FAULT},
                {ORDER_LOOP, 0, VK_REASON_TIME},
                {ORDER_SLEEP, 10000, VK_REASON_DEADLINE}};
    struct vk_program *program = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_AUTO, &program);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct told told;
        (void)start(program, ends[i].order, ends[i].number, 30000000, &told);
        run_until(kernel, &told);
        CHECK_EQ(told.answer.error, -VK_EDIED);
        CHECK_EQ(told.answer.reason, ends[i].reason);
        CHECK(told.answer.crash_id != 0);
        CHECK(told.answer.words_len > 0);
    }
    vk_kernel_destroy(kernel);
}

TEST(embed_process, requests_are_replied_to_and_messages_are_not)
{
    struct vk_program *program = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &program);
    struct told end, told = {0};
    vk_pid pid = start(program, ORDER_SERVE, 0, 0, &end);
    CHECK_EQ(vk_send(kernel, pid, "unheard", 7), 0);
    CHECK_EQ(vk_request(kernel, pid, "stressed", 8, 0, on_answer, &told), 0);
    run_until(kernel, &told);
    CHECK_EQ(told.answer.error, 0);
    CHECK(strcmp(told.bytes, "desserts") == 0);
    told.count = 0;
    CHECK_EQ(vk_request(kernel, pid, "", 0, 0, on_answer, &told), 0);
    run_until(kernel, &told);
    CHECK_EQ(told.answer.error, -VK_ERANGE);
    told.count = 0;
    CHECK_EQ(vk_kill(kernel, pid), 0);
    run_until(kernel, &end);
    CHECK_EQ(end.answer.reason, VK_REASON_KILLED);
    CHECK_EQ(vk_kill(kernel, pid), -VK_EDIED);
    CHECK_EQ(vk_send(kernel, pid, "x", 1), -VK_EDIED);
    CHECK_EQ(vk_request(kernel, pid, "x", 1, 0, on_answer, &told), 0);
    run_until(kernel, &told);
    CHECK_EQ(told.answer.error, -VK_EDIED);
    vk_kernel_destroy(kernel);
}

TEST(embed_process, a_request_that_nobody_replies_to_is_late)
{
    struct vk_program *program = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &program);
    struct told end, told = {0};
    vk_pid pid = start(program, ORDER_SLEEP, 100000, 0, &end);
    CHECK_EQ(vk_request(kernel, pid, "x", 1, 20000000, on_answer, &told), 0);
    run_until(kernel, &told);
    CHECK_EQ(told.answer.error, -VK_ETIMEDOUT);
    vk_kernel_destroy(kernel);
    CHECK_EQ(end.count, 1u); /* the destruction told it */
    CHECK_EQ(end.answer.error, -VK_ECANCELED);
}

TEST(embed_process, monitors_are_told_of_the_end)
{
    struct vk_program *program = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &program);
    struct told end, told = {0};
    vk_pid pid = start(program, ORDER_SLEEP, 5, 0, &end);
    CHECK_EQ(vk_monitor(kernel, pid, on_answer, &told), 0);
    run_until(kernel, &told);
    CHECK_EQ(told.answer.error, 0);
    CHECK_EQ(told.answer.reason, VK_REASON_NORMAL);
    told.count = 0;
    pid = start(program, ORDER_SLEEP, 5000, 0, &end);
    CHECK_EQ(vk_monitor(kernel, pid, on_answer, &told), 0);
    vk_step(kernel, 0);
    CHECK_EQ(vk_kill(kernel, pid), 0);
    run_until(kernel, &told);
    CHECK_EQ(told.answer.reason, VK_REASON_KILLED);
    CHECK_EQ(told.answer.crash_id, end.answer.crash_id);
    told.count = 0;
    CHECK_EQ(vk_monitor(kernel, pid, on_answer, &told), 0);
    run_until(kernel, &told);
    CHECK_EQ(told.answer.error, -VK_EDIED);
    vk_kernel_destroy(kernel);
}

/* Each message is answered by its own end: 16 bytes of it. */
static enum vk_said root_large(struct vk_self *self, struct vk_fiber *fiber)
{
    struct worker *w = (struct worker *)fiber;
    if (w->room == 0)
        w->room = vk_native_off(self, vk_native_alloc(self, LARGE));
    if (fiber->step == 0) {
        w->op = (struct vk_op){.code = VK_OP_RECV, .off = w->room, .len = LARGE};
        if (!vk_native_wait(self, fiber, &w->op))
            return VK_SAID_WAIT;
        if (fiber->done.res < 0)
            return VK_SAID_FAIL;
        w->op = (struct vk_op){.code = VK_OP_REPLY,
                               .off = w->room + fiber->done.len - 16,
                               .len = 16,
                               .arg = (uint32_t)fiber->done.arg};
        fiber->step = 1;
    }
    if (!vk_native_wait(self, fiber, &w->op))
        return VK_SAID_WAIT;
    fiber->step = 0;
    return VK_SAID_AGAIN;
}

static const vk_step_fn large_steps[] = {root_large};

TEST(embed_process, a_request_is_of_up_to_64_KiB)
{
    static const enum vk_guarding guards[] = {VK_GUARDING_OFF, VK_GUARDING_MPROTECT};
    const struct vk_native native = {.size = sizeof native,
                                     .name = "large",
                                     .steps = large_steps,
                                     .steps_count = 1,
                                     .state_bytes = sizeof(struct worker),
                                     .heap_bytes = 256u << 10};
    for (size_t i = 0; i < sizeof guards / sizeof *guards; i++) {
        struct vk_program *program = NULL;
        struct vk_kernel *kernel = make(guards[i], &program);
        struct told told = {0};
        static char large[LARGE];
        vk_pid pid = 0;
        memset(large, 'x', sizeof large);
        memcpy(large + sizeof large - 16, "the end of it...", 16);
        CHECK_EQ(vk_native_create(kernel, &native, &program), 0);
        CHECK_EQ(vk_spawn(program, NULL, 0, NULL, &pid), 0);
        CHECK_EQ(vk_request(kernel, pid, large, sizeof large, 0, on_answer, &told), 0);
        run_until(kernel, &told);
        CHECK_EQ(told.answer.error, 0);
        CHECK(strcmp(told.bytes, "the end of it...") == 0);
        vk_kernel_destroy(kernel);
    }
}

TEST(embed_process, a_full_mailbox_is_told_and_a_request_waits_for_it)
{
    struct vk_program *program = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &program);
    struct told end, told = {0};
    static uint8_t large[65537];
    vk_pid pid = start(program, ORDER_SERVE, 0, 0, &end);
    uint32_t sent = 0;
    while (vk_send(kernel, pid, "x", 1) == 0)
        sent++;
    CHECK_EQ(sent, 64u);
    CHECK_EQ(vk_send(kernel, pid, "x", 1), -VK_EAGAIN);
    CHECK_EQ(vk_send(kernel, pid, large, sizeof large), -VK_ETOOBIG);
    CHECK_EQ(vk_request(kernel, pid, large, sizeof large, 0, on_answer, &told), -VK_ETOOBIG);
    CHECK_EQ(vk_request(kernel, pid, "on", 2, 0, on_answer, &told), 0);
    run_until(kernel, &told);
    CHECK(strcmp(told.bytes, "no") == 0);
    CHECK_EQ(vk_send(kernel, pid, "x", 1), 0);
    vk_kernel_destroy(kernel);
}

/* ---- rules of use ---- */

static struct vk_kernel *shared;

static void *use_elsewhere(void *unused)
{
    (void)unused;
    vk_step(shared, 0);
    return NULL;
}

/* Whether what is done in a child ends it by an assertion. */
static bool aborts(void (*act)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(STDERR_FILENO);
        act();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void step_in_child(void)
{
    vk_step(shared, 0);
}

static void destroy_in_child(void)
{
    vk_kernel_destroy(shared);
}

static void step_in_thread(void)
{
    struct vk_program *program;
    pthread_t thread;
    shared = make(VK_GUARDING_OFF, &program);
    (void)pthread_create(&thread, NULL, use_elsewhere, NULL);
    (void)pthread_join(thread, NULL);
}

static void step_within(void *context, const struct vk_answer *answer)
{
    (void)answer;
    vk_step(context, 0);
}

static void step_in_callback(void)
{
    struct vk_program *program;
    const struct job job = {ORDER_SQUARE, 1};
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &program);
    const struct vk_spawn_options options = {
        .size = sizeof options, .answer = step_within, .context = kernel};
    (void)vk_spawn(program, &job, sizeof job, &options, NULL);
    for (uint32_t i = 0; i < 10; i++)
        vk_step(kernel, 0);
}

static void destroy_within(void *context, const struct vk_answer *answer)
{
    (void)answer;
    vk_kernel_destroy(context);
}

static void destroy_with(vk_answer_fn answer)
{
    struct vk_program *program;
    const struct job job = {ORDER_SLEEP, 1000};
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &program);
    const struct vk_spawn_options options = {.size = sizeof options, .answer = answer, .context = kernel};
    (void)vk_spawn(program, &job, sizeof job, &options, NULL);
    vk_kernel_destroy(kernel);
}

static void step_in_destruction(void)
{
    destroy_with(step_within);
}

static void destroy_in_destruction(void)
{
    destroy_with(destroy_within);
}

static void step_in_log(void *context, enum vk_level level, const char *text, size_t len)
{
    struct vk_kernel *const *kernel = context;
    (void)level, (void)text, (void)len;
    if (*kernel != NULL)
        vk_step(*kernel, 0);
}

static struct vk_kernel *make_with_log(struct vk_kernel **kernel)
{
    const struct vk_options options = {
        .size = sizeof options, .driver = VK_DRIVER_EV, .log = step_in_log, .log_context = kernel};
    (void)vk_kernel_create(&options, kernel);
    return *kernel;
}

static void step_in_log_of_kill(void)
{
    struct vk_kernel *kernel = NULL;
    struct vk_program *program;
    const struct job job = {ORDER_SLEEP, 1000};
    const struct vk_native native = {.size = sizeof native,
                                     .name = "worker",
                                     .steps = steps,
                                     .steps_count = 1,
                                     .state_bytes = sizeof(struct worker)};
    vk_pid pid;
    (void)vk_native_create(make_with_log(&kernel), &native, &program);
    (void)vk_spawn(program, &job, sizeof job, NULL, &pid);
    (void)vk_kill(kernel, pid);
}

static void step_in_log_of_load(void)
{
    struct vk_kernel *kernel = NULL;
    struct vk_module *module;
    (void)vk_module_load_file(make_with_log(&kernel), EMBED_PLUGIN, NULL, &module);
}

static struct vk_kernel *stepped_by_allocator;

static void *step_in_alloc(void *context, size_t len_bytes, size_t align_bytes)
{
    (void)context;
    if (stepped_by_allocator != NULL)
        vk_step(stepped_by_allocator, 0);
    return aligned_alloc(align_bytes, (len_bytes + align_bytes - 1) / align_bytes * align_bytes);
}

static void free_any(void *context, void *memory, size_t len_bytes)
{
    (void)context, (void)len_bytes;
    free(memory);
}

static void step_in_allocator(void)
{
    const struct vk_options options = {.size = sizeof options, .allocator = {step_in_alloc, free_any, NULL}};
    struct vk_kernel *kernel = NULL;
    struct vk_module *module;
    (void)vk_kernel_create(&options, &kernel);
    stepped_by_allocator = kernel;
    (void)vk_module_load(kernel, "", 0, NULL, &module);
}

TEST(embed_process, forks_and_threads_and_callbacks_may_not_use_a_kernel)
{
    struct vk_program *program;
    shared = make(VK_GUARDING_OFF, &program);
    CHECK(aborts(step_in_child));
    CHECK(aborts(destroy_in_child));
    vk_step(shared, 0); /* the parent's goes on */
    vk_kernel_destroy(shared);
    CHECK(aborts(step_in_thread));
    CHECK(aborts(step_in_callback));
    CHECK(aborts(step_in_destruction));
    CHECK(aborts(destroy_in_destruction));
    CHECK(aborts(step_in_log_of_kill));
    CHECK(aborts(step_in_log_of_load));
    CHECK(aborts(step_in_allocator));
}

static int rc_elsewhere;

static void *create_elsewhere(void *unused)
{
    const struct vk_options options = {.size = sizeof options, .warm_max = 1};
    struct vk_kernel *kernel = NULL;
    (void)unused;
    rc_elsewhere = vk_kernel_create(&options, &kernel);
    if (rc_elsewhere == 0)
        vk_kernel_destroy(kernel);
    return NULL;
}

static void create_in_thread(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, create_elsewhere, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST(embed_process, native_programs_keep_other_threads_out)
{
    struct vk_program *program;
    const struct vk_options options = {.size = sizeof options, .warm_max = 1};
    struct vk_kernel *plain = NULL, *second = NULL;
    CHECK_EQ(vk_kernel_create(&options, &plain), 0);
    create_in_thread();
    CHECK_EQ(rc_elsewhere, 0);
    struct vk_kernel *native = make(VK_GUARDING_OFF, &program);
    create_in_thread();
    CHECK_EQ(rc_elsewhere, -VK_EPERM);
    CHECK_EQ(vk_kernel_create(&options, &second), 0); /* of the same thread */
    vk_kernel_destroy(native);
    create_in_thread();
    CHECK_EQ(rc_elsewhere, 0);
    vk_kernel_destroy(second);
    vk_kernel_destroy(plain);
}

static bool is_full;

static void *alloc_unless_full(void *context, size_t len_bytes, size_t align_bytes)
{
    (void)context;
    return is_full ? NULL
                   : aligned_alloc(align_bytes, (len_bytes + align_bytes - 1) / align_bytes * align_bytes);
}

TEST(embed_process, a_native_program_that_was_not_made_keeps_nobody_out)
{
    const struct vk_options options = {.size = sizeof options,
                                       .allocator = {alloc_unless_full, free_any, NULL}};
    const struct vk_native native = {.size = sizeof native,
                                     .name = "worker",
                                     .steps = steps,
                                     .steps_count = 1,
                                     .state_bytes = sizeof(struct worker)};
    struct vk_kernel *kernel = NULL;
    struct vk_program *program;
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    is_full = true;
    CHECK_EQ(vk_native_create(kernel, &native, &program), -VK_ENOMEM);
    is_full = false;
    create_in_thread();
    CHECK_EQ(rc_elsewhere, 0);
    vk_kernel_destroy(kernel);
}

/* ---- first kernels of several threads at once ---- */

enum { STARTERS = 2, ROUNDS = 300, LATE_MAX = 64, SPINS = 20000 };

struct start {
    atomic_uint ready, inside;
    uint32_t late_by; /* turns of a loop: one of the threads comes by so much after the other */
};

/* Waits without sleeping, so that those who wait go on at the same moment; but not for who has no CPU. */
static void meet(atomic_uint *count)
{
    atomic_fetch_add(count, 1);
    for (uint32_t i = 0; atomic_load(count) < STARTERS; i++)
        if (i >= SPINS)
            (void)sched_yield();
}

/* The allocator of a kernel that is counted already, and ends for want of memory when all are. */
static void *meet_inside(void *context, size_t len_bytes, size_t align_bytes)
{
    struct start *start = context;
    (void)len_bytes, (void)align_bytes;
    meet(&start->inside);
    return NULL;
}

static void give_nothing_back(void *context, void *memory, size_t len_bytes)
{
    (void)context, (void)memory, (void)len_bytes;
}

static int create_without_memory(struct start *start)
{
    const struct vk_options options = {.size = sizeof options,
                                       .allocator = {meet_inside, give_nothing_back, start}};
    struct vk_kernel *kernel;
    return vk_kernel_create(&options, &kernel);
}

static void *start_together(void *context)
{
    struct start *start = context;
    meet(&start->ready);
    for (volatile uint32_t i = 0; i < start->late_by; i++)
        ;
    return (void *)(intptr_t)create_without_memory(start);
}

/* One that was not counted leaves fewer than none, which no later kernel can be added to. */
static _Noreturn void start_in_child(uint32_t late_by)
{
    struct start start = {.late_by = late_by};
    pthread_t thread;
    void *rc = NULL;
    (void)alarm(20);
    if (pthread_create(&thread, NULL, start_together, &start) != 0)
        _exit(1);
    meet(&start.ready);
    if (create_without_memory(&start) != -VK_ENOMEM)
        _exit(2);
    (void)pthread_join(thread, &rc);
    if ((intptr_t)rc != -VK_ENOMEM)
        _exit(3);
    _exit(create_without_memory(&start) == -VK_ENOMEM ? 0 : 4);
}

/* Each child is a process that had no kernel yet. */
TEST(embed_process, first_kernels_that_start_together_are_all_counted)
{
    for (uint32_t i = 0; i < ROUNDS; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0)
            start_in_child(i % LATE_MAX);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 0);
    }
}

TEST(embed_process, descriptions_that_cannot_be_are_refused)
{
    struct vk_program *program = NULL;
    struct vk_kernel *kernel = make(VK_GUARDING_OFF, &program);
    const struct vk_native good = {.size = sizeof good,
                                   .name = "x",
                                   .steps = steps,
                                   .steps_count = 1,
                                   .state_bytes = sizeof(struct worker)};
    struct vk_native bad[6];
    for (size_t i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].size = 3;
    bad[1].name = NULL;
    bad[2].steps = NULL;
    bad[3].steps_count = 0;
    bad[4].state_bytes = 8;
    bad[5].heap_bytes = 1000;
    for (size_t i = 0; i < 6; i++)
        CHECK_EQ(vk_native_create(kernel, &bad[i], &program), -VK_EINVAL);
    static uint8_t large[70000];
    CHECK_EQ(vk_spawn(program, large, sizeof large, NULL, NULL), -VK_ETOOBIG);
    vk_kernel_destroy(kernel);
}
