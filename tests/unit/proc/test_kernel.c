/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: runnable processes run in turn, each end has its reason and leaves
 * nothing behind, time moves processes only when it should. Method: actors in
 * a kernel without I/O, under a clock of the test.
 */
#include "tests/unit/proc/world.h"

static char order[256];
static uint32_t order_len;

static void note(char what)
{
    CHECK(order_len < sizeof(order));
    order[order_len++] = what;
}

static void check_order(const char *expected)
{
    uint32_t len = 0;
    while (expected[len] != '\0')
        len++;
    CHECK_EQ(order_len, len);
    CHECK_MEM(order, expected, len);
    order_len = 0;
}

/* ---- turns ------------------------------------------------------------------------- */

static int three_turns(struct actor *actor, struct proc_self *self)
{
    (void)self;
    note((char)('a' + actor->id));
    return actor->runs < 3 ? PROC_RUN_AGAIN : PROC_RUN_END;
}

TEST(proc_kernel, runnable_processes_take_turns)
{
    world_start();
    order_len = 0;
    for (int i = 0; i < 3; i++)
        start(three_turns);
    settle_down();
    check_order("abcabcabc");
    check_nothing_held();
    world_end();
}

static int endless(struct actor *actor, struct proc_self *self)
{
    (void)actor;
    CHECK_EQ(self->budget, PROC_BUDGET);
    self->budget = 0;
    return PROC_RUN_AGAIN;
}

TEST(proc_kernel, an_endless_process_delays_others_by_one_turn)
{
    world_start();
    order_len = 0;
    struct actor *hog = start(endless);
    struct actor *other = start(three_turns);
    for (int i = 0; i < 3; i++)
        step();
    check_order("bbb");
    CHECK_EQ(hog->runs, 3);
    CHECK(!is_alive(other));
    CHECK(is_alive(hog));
    CHECK(proc_kernel_busy(world.kernel));
    world_end();
}

TEST(proc_kernel, a_tick_runs_so_many_and_keeps_the_order)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.slots_max = {PROC_RUNS_MAX + 50, 1, 1, 1}}), 0);
    struct proc_process *process;
    struct actor *actor = actor_new(actor_ends);
    for (uint32_t i = 0; i < PROC_RUNS_MAX + 50; i++) {
        const struct proc_spawn spawn = {.program = &actor_program, .arg = &actor->id, .arg_len = 4};
        CHECK_EQ(proc_spawn(world.kernel, &spawn, &process), 0);
        proc_run_soon(world.kernel, process);
    }
    step();
    CHECK_EQ(counters().dispatches, PROC_RUNS_MAX);
    CHECK(proc_kernel_busy(world.kernel));
    step();
    CHECK_EQ(counters().dispatches, PROC_RUNS_MAX + 50);
    check_nothing_held();
    world_end();
}

static int starts_now(struct actor *actor, struct proc_self *self)
{
    (void)self;
    note((char)('a' + actor->id));
    return PROC_RUN_END;
}

static void run_it_now(struct proc_kernel *kernel, struct proc_later *later)
{
    (void)later;
    struct actor *actor = actor_new(starts_now);
    const struct proc_spawn spawn = {.program = &actor_program, .arg = &actor->id, .arg_len = 4};
    struct proc_process *process;
    CHECK_EQ(proc_spawn(kernel, &spawn, &process), 0);
    note('<');
    proc_run_now(kernel, process);
    note('>');
}

TEST(proc_kernel, later_work_runs_once_and_may_run_processes)
{
    world_start();
    order_len = 0;
    static struct proc_later later;
    later = (struct proc_later){.run = run_it_now};
    start(starts_now);
    proc_later(world.kernel, &later);
    proc_later(world.kernel, &later);
    CHECK(proc_kernel_busy(world.kernel));
    step();
    check_order("a<b>");
    CHECK(!proc_kernel_busy(world.kernel));
    step();
    check_order("");
    world_end();
}

/* ---- what a process finds -------------------------------------------------------------- */

static int looks_around(struct actor *actor, struct proc_self *self)
{
    CHECK_EQ(self->pid, actor->pid);
    CHECK_EQ(self->now_ns, world.clock_ns);
    CHECK_EQ(self->arg_len, 4);
    CHECK_EQ(self->ops_count, 0);
    CHECK_EQ(self->done_count, 0);
    CHECK_EQ(self->heap.limit_bytes, HEAP_BYTES);
    CHECK(self->heap.top_bytes >= sizeof(*self) + self->arg_len);
    CHECK_MEM(self->date + 25, " GMT", 4u);
    const uint8_t *heap = (const uint8_t *)self;
    for (uint32_t at = self->heap.top_bytes; at < HEAP_BYTES; at++)
        CHECK_EQ(heap[at], 0);
    memset((uint8_t *)self + self->heap.top_bytes, 'x', HEAP_BYTES - self->heap.top_bytes);
    self->heap.top_bytes = HEAP_BYTES;
    return PROC_RUN_END;
}

TEST(proc_kernel, every_process_begins_with_a_clean_heap)
{
    world_start();
    for (int i = 0; i < 20; i++) {
        start(looks_around);
        if (i % 3 == 0)
            settle_down();
    }
    settle_down();
    CHECK_EQ(counters().ended[PROC_REASON_NORMAL], 20);
    check_nothing_held();
    world_end();
}

TEST(proc_kernel, a_start_argument_is_copied)
{
    world_start();
    struct actor *actor = actor_new(looks_around);
    uint32_t id = actor->id;
    CHECK_EQ(proc_kernel_start(world.kernel, &actor_program, &id, sizeof(id), &actor->pid), 0);
    id = 99;
    settle_down();
    CHECK_EQ(actor->runs, 1);
    check_nothing_held();
    world_end();
}

/* ---- ends --------------------------------------------------------------------------------- */

static int says_what_it_is_told(struct actor *actor, struct proc_self *self)
{
    (void)self;
    return (int)actor->word;
}

TEST(proc_kernel, what_a_run_says_decides_its_end)
{
    static const struct {
        int said;
        enum proc_reason reason;
        uint32_t lines;
    } cases[] = {
        {PROC_RUN_END, PROC_REASON_NORMAL, 0},
        {PROC_RUN_FAIL, PROC_REASON_FAIL, 1},
        {PROC_RUN_WAIT, PROC_REASON_DEADLOCK, 1}, /* nothing can wake it */
        {77, PROC_REASON_FAULT, 1},
        {-1, PROC_REASON_FAULT, 1},
    };
    for (size_t i = 0; i < VK_COUNT(cases); i++) {
        world_start();
        struct actor *actor = start(says_what_it_is_told);
        actor->word = (uint64_t)cases[i].said;
        settle_down();
        CHECK(!is_alive(actor));
        CHECK_EQ(counters().ended[cases[i].reason], 1);
        CHECK_EQ(world.lines, cases[i].lines);
        check_nothing_held();
        world_end();
    }
}

TEST(proc_kernel, crash_lines_are_limited)
{
    world_start();
    for (int second = 1; second <= 2; second++) {
        for (int i = 0; i < 300; i++) {
            world.actors_count = 0;
            start(actor_fails);
            settle_down();
            if (second == 2 && i == 0) {
                static const char dropped[] = "200 lines about crashes dropped: ";
                CHECK_EQ(world.lines, 102); /* what was dropped, then the crash */
                CHECK(memcmp(world.line_before, dropped, sizeof dropped - 1) == 0);
            }
        }
        CHECK_EQ(world.lines, second == 1 ? 100 : 201);
        world.clock_ns += 1000 * MS;
    }
    CHECK_EQ(counters().ended[PROC_REASON_FAIL], 600);
    world_end();
}

TEST(proc_kernel, a_process_can_be_ended_in_any_state)
{
    world_start();
    struct actor *queued = start(actor_waits_forever);
    proc_end(world.kernel, proc_process_find(world.kernel, queued->pid), PROC_REASON_KILLED);
    CHECK(!is_alive(queued));
    struct actor *waiting = start(actor_waits_forever);
    settle_down();
    proc_end(world.kernel, proc_process_find(world.kernel, waiting->pid), PROC_REASON_KILLED);
    CHECK(!is_alive(waiting));
    settle_down();
    CHECK_EQ(queued->runs, 0);
    CHECK_EQ(counters().ended[PROC_REASON_KILLED], 2);
    check_nothing_held();
    world_end();
}

static int ends_itself(struct actor *actor, struct proc_self *self)
{
    ask_sleep(self, 5 * MS);
    proc_end(world.kernel, proc_process_find(world.kernel, actor->pid), PROC_REASON_CPU);
    proc_end(world.kernel, proc_process_find(world.kernel, actor->pid), PROC_REASON_KILLED);
    return actor->word != 0 ? PROC_RUN_END : PROC_RUN_WAIT;
}

TEST(proc_kernel, an_end_during_its_run_comes_after_it_and_counts_once)
{
    for (uint64_t says_end = 0; says_end < 2; says_end++) {
        world_start();
        struct actor *actor = start(ends_itself);
        actor->word = says_end;
        settle_down();
        CHECK(!is_alive(actor));
        CHECK_EQ(counters().ended[PROC_REASON_CPU], 1);
        CHECK_EQ(counters().ended[PROC_REASON_KILLED], 0);
        check_nothing_held();
        world_end();
    }
}

/* ---- capacity --------------------------------------------------------------------------------- */

TEST(proc_kernel, starts_past_a_limit_fail_and_leave_nothing)
{
    static const struct proc_kernel_options few_entries = {.processes_max = 3};
    static const struct proc_kernel_options few_slots = {.slots_max = {4, 0, 0, 0}};
    for (int round = 0; round < 2; round++) {
        CHECK_EQ(world_start_with(round == 0 ? few_entries : few_slots), 0);
        uint32_t max = round == 0 ? 3 : 4;
        for (uint32_t i = 0; i < max; i++)
            start(actor_waits_forever);
        struct actor *late = actor_new(actor_ends);
        CHECK_EQ(actor_start(late, &(struct proc_spawn){0}), round == 0 ? -VK_ENOSPC : -VK_ENOMEM);
        uint32_t pid;
        CHECK(proc_kernel_start(world.kernel, &actor_program, &late->id, 4, &pid) < 0);
        settle_down();
        CHECK_EQ(counters().processes, max);
        CHECK_EQ(counters().buffers, 0);
        proc_end(world.kernel, proc_process_find(world.kernel, world.actors[1].pid), PROC_REASON_KILLED);
        settle_down();
        CHECK_EQ(actor_start(late, &(struct proc_spawn){0}), 0);
        settle_down();
        CHECK_EQ(late->runs, 1);
        world_end();
    }
}

TEST(proc_kernel, arguments_and_heaps_have_their_limits)
{
    static const uint8_t large[HEAP_BYTES];
    static const struct proc_program too_large = {
        .name = "large", .heap_bytes = UINT32_MAX, .resume = actor_resume};
    world_start();
    uint32_t pid;
    CHECK_EQ(proc_kernel_start(world.kernel, &actor_program, large, HEAP_BYTES, &pid), -VK_ETOOBIG);
    CHECK_EQ(proc_kernel_start(world.kernel, &too_large, large, 4, &pid), -VK_ETOOBIG);
    /* Head and argument fit, what the heap rounds up to does not: it ends before its first run. */
    uint32_t most = HEAP_BYTES - (uint32_t)sizeof(struct proc_self) - 64;
    CHECK_EQ(proc_kernel_start(world.kernel, &actor_program, large, most, &pid), 0);
    world.actors[0] = (struct actor){.run = actor_ends};
    settle_down();
    CHECK_EQ(counters().ended[PROC_REASON_NORMAL], 1);
    check_nothing_held();
    world_end();
}

static void takes_too_much(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    self->heap.top_bytes = HEAP_BYTES - 2;
}

TEST(proc_kernel, a_heap_without_room_for_the_argument_ends_its_process)
{
    static const struct proc_program greedy = {
        .name = "greedy", .heap_bytes = HEAP_BYTES, .start = takes_too_much, .resume = actor_resume};
    world_start();
    uint32_t pid;
    CHECK_EQ(proc_kernel_start(world.kernel, &greedy, "1234", 4, &pid), 0);
    settle_down();
    CHECK_EQ(counters().ended[PROC_REASON_MEMORY], 1);
    check_nothing_held();
    world_end();
}

/* ---- time ---------------------------------------------------------------------------------------- */

static int sleeps_three_times(struct actor *actor, struct proc_self *self)
{
    if (actor->step > 0) {
        CHECK_EQ(the_done(self)->tag, actor->step);
        CHECK_EQ(the_done(self)->res, 0);
        CHECK(self->now_ns >= actor->word);
        CHECK(self->now_ns <= actor->word + 2 * MS);
    }
    if (actor->step++ == 3)
        return PROC_RUN_END;
    uint64_t ns = actor->step * 10 * MS;
    actor->word = self->now_ns + ns;
    ask(self, (struct proc_op){.code = PROC_OP_SLEEP, .arg = ns, .tag = actor->step});
    return PROC_RUN_WAIT;
}

TEST(proc_kernel, a_sleep_is_not_short_and_hardly_late)
{
    world_start();
    struct actor *actor = start(sleeps_three_times);
    settle_down();
    CHECK_EQ(actor->runs, 1);
    pass(200 * MS);
    CHECK_EQ(actor->runs, 4);
    check_nothing_held();
    world_end();
}

static int sleeps_forever(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0)
        ask_sleep(self, UINT64_MAX);
    return PROC_RUN_WAIT;
}

TEST(proc_kernel, a_deadline_ends_a_waiting_process)
{
    world_start();
    struct actor *actor = actor_new(sleeps_forever);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.deadline_ns = world.clock_ns + 50 * MS}), 0);
    pass(40 * MS);
    CHECK(is_alive(actor));
    pass(20 * MS);
    CHECK(!is_alive(actor));
    CHECK_EQ(actor->runs, 1);
    CHECK_EQ(counters().ended[PROC_REASON_DEADLINE], 1);
    check_nothing_held();
    world_end();
}

static int last_reason;
static uint32_t last_ops;

/* Its last words, and whatever else a process may ask for. */
static void says_last(const struct proc_program *program, struct proc_self *self, int reason)
{
    (void)program;
    last_reason = reason;
    memcpy(proc_at(self, OUT_OFF), "here", 4);
    ask(self, (struct proc_op){.code = PROC_OP_LOG, .off = OUT_OFF, .len = 4});
    ask_sleep(self, UINT64_MAX);
    self->ops_count = last_ops ? last_ops : self->ops_count;
}

static const struct proc_program talking_program = {
    .name = "talks", .heap_bytes = HEAP_BYTES, .resume = actor_resume, .used = actor_used, .last = says_last};

TEST(proc_kernel, a_process_that_is_ended_where_it_waits_has_a_last_word)
{
    const uint32_t ops[] = {0, PROC_RING_ENTRIES + 1}; /* or nonsense: it ends for its reason all the same */
    for (size_t i = 0; i < VK_COUNT(ops); i++) {
        world_start();
        last_reason = 0;
        last_ops = ops[i];
        struct actor *actor = actor_new(sleeps_forever);
        const struct proc_spawn spawn = {.program = &talking_program,
                                         .deadline_ns = world.clock_ns + 50 * MS};
        CHECK_EQ(actor_start(actor, &spawn), 0);
        pass(60 * MS);
        CHECK(!is_alive(actor));
        CHECK_EQ(actor->runs, 1);
        CHECK_EQ(last_reason, PROC_REASON_DEADLINE);
        CHECK_EQ(counters().ended[PROC_REASON_DEADLINE], 1);
        CHECK_EQ(world.lines, ops[i] ? 1 : 2);
        size_t len = vk_span_find(vk_span(world.line_before, sizeof world.line_before), '\0');
        CHECK(ops[i] || memcmp(world.line_before + len - sizeof " (talks): here" + 1, " (talks): here",
                               sizeof " (talks): here") == 0);
        check_nothing_held();
        world_end();
    }
}

static int asks_for_patience(struct actor *actor, struct proc_self *self)
{
    (void)self;
    while (!proc_is_over(world.kernel, actor->step))
        actor->step++;
    return PROC_RUN_END;
}

/* Bytecode charges itself for what it does: only a step far beyond any is ended. */
TEST(proc_kernel, a_program_that_counts_is_given_more_ticks)
{
    static struct proc_program counting_program;
    counting_program = actor_program;
    counting_program.counts = true;
    world_start();
    struct actor *counting = actor_new(asks_for_patience), *other = actor_new(asks_for_patience);
    CHECK_EQ(actor_start(counting, &(struct proc_spawn){.program = &counting_program}), 0);
    CHECK_EQ(actor_start(other, &(struct proc_spawn){0}), 0);
    settle_down();
    CHECK_EQ(counting->step, PROC_COUNTED_TICKS);
    CHECK_EQ(other->step, 2);
    check_nothing_held();
    world_end();
}

TEST(proc_kernel, one_that_has_never_run_has_none)
{
    world_start();
    last_reason = 0;
    struct actor *actor = actor_new(sleeps_forever);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.program = &talking_program}), 0);
    proc_process_doom(world.kernel, proc_process_find(world.kernel, actor->pid), PROC_REASON_KILLED);
    settle_down();
    CHECK(!is_alive(actor));
    CHECK_EQ(actor->runs, 0);
    CHECK_EQ(last_reason, 0);
    check_nothing_held();
    world_end();
}

TEST(proc_kernel, a_deadline_of_a_process_that_ended_fires_no_more)
{
    world_start();
    struct actor *actor = actor_new(actor_ends);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.deadline_ns = world.clock_ns + 50 * MS}), 0);
    settle_down();
    struct actor *next = start(actor_waits_forever); /* most likely the same entry and slot */
    pass(100 * MS);
    CHECK(is_alive(next));
    CHECK_EQ(counters().ended[PROC_REASON_DEADLINE], 0);
    world_end();
}

TEST(proc_kernel, an_idle_kernel_sleeps_as_long_as_it_may)
{
    world_start();
    start(sleeps_forever);
    settle_down();
    uint32_t waits = world.waits;
    uint64_t before_ns = world.clock_ns;
    proc_kernel_step(world.kernel, 3600 * 1000 * MS);
    CHECK_EQ(world.waits, waits + 1);
    CHECK_EQ(world.clock_ns, before_ns + 3600 * 1000 * MS);
    world_end();
}

/* ---- kernels ------------------------------------------------------------------------------------------ */

TEST(proc_kernel, destroy_ends_whatever_is_left)
{
    world_start();
    start(actor_waits_forever);
    settle_down();
    start(sleeps_forever);
    start(endless);
    world_end();
    proc_kernel_destroy(NULL);
}

TEST(proc_kernel, create_without_a_driver_is_refused)
{
    struct proc_kernel *kernel = NULL;
    CHECK_EQ(proc_kernel_create(&(struct proc_kernel_options){.no_native = true}, &kernel), -VK_EINVAL);
    CHECK(kernel == NULL);
}

TEST(proc_kernel, texts_name_every_reason)
{
    for (uint32_t reason = 0; reason < PROC_REASON_END; reason++)
        CHECK(proc_reason_text((enum proc_reason)reason)[0] != 'u' || reason == PROC_REASON_END);
    CHECK_MEM(proc_reason_text(PROC_REASON_END), "unknown", 8u);
}

/* ---- completions --------------------------------------------------------------------- */

/* Asks in each run as much as it can that finishes at once, and waits for one sleep. */
static int asks_without_end(struct actor *actor, struct proc_self *self)
{
    for (uint32_t i = 0; i < self->done_count; i++) {
        if (self->done[i].tag == 1)
            return PROC_RUN_END;
        actor->step++;
    }
    if (actor->runs == 1)
        ask(self, (struct proc_op){.code = PROC_OP_SLEEP, .arg = MS, .tag = 1});
    while (self->ops_count < PROC_RING_ENTRIES)
        ask(self, (struct proc_op){.code = PROC_OP_CLOSE});
    return PROC_RUN_AGAIN;
}

TEST(proc_kernel, completions_at_once_do_not_keep_others_away)
{
    world_start();
    struct actor *actor = start(asks_without_end);
    for (int i = 0; i < 10; i++)
        step();
    CHECK_EQ(actor->step, 9 * PROC_RING_ENTRIES - 1);
    world.clock_ns += 2 * MS;
    for (int i = 0; i < 4; i++)
        step();
    CHECK(!is_alive(actor));
    check_nothing_held();
    world_end();
}

static int sleeps(struct actor *actor, struct proc_self *self)
{
    (void)actor;
    ask_sleep(self, UINT64_MAX);
    return PROC_RUN_WAIT;
}

/* Makes 60 calls; when it is told of their ends, sends a message in each run, and ends in the last of these.
 */
static int told_in_parts(struct actor *actor, struct proc_self *self)
{
    actor->handle += self->done_count;
    if (self->done_count > 0)
        ask(self, (struct proc_op){.code = PROC_OP_SEND, .flags = PROC_OP_SILENT, .handle = 3});
    if (actor->handle == 60)
        return PROC_RUN_END;
    while (actor->step < 60 && self->ops_count < PROC_RING_ENTRIES) {
        ask(self, (struct proc_op){.code = PROC_OP_CALL, .handle = 2});
        actor->step++;
    }
    return actor->step < 60 ? PROC_RUN_AGAIN : PROC_RUN_WAIT;
}

TEST(proc_kernel, ops_that_stay_during_a_backlog_are_carried_out_once)
{
    static struct proc_env env;
    world_start();
    struct actor *target = start(sleeps);
    struct actor *mailbox = start(sleeps);
    env = (struct proc_env){.count = 2, .objects = {object_of(target), object_of(mailbox)}};
    struct actor *actor = start_with(told_in_parts, &env);
    settle_down();
    CHECK_EQ(counters().requests, 62);
    proc_end(world.kernel, proc_process_find(world.kernel, target->pid), PROC_REASON_KILLED);
    settle_down();
    CHECK(!is_alive(actor));
    CHECK_EQ(world.kernel->messages.count, 4);
    world_end();
}

static int sleeps_once(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ > 0)
        return PROC_RUN_END;
    ask_sleep(self, MS);
    return PROC_RUN_WAIT;
}

/* ---- options --------------------------------------------------------------------------- */

TEST(proc_kernel, tables_larger_than_their_handles_are_refused)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.requests_max = VK_TABLE_MAX}), -VK_EINVAL);
    CHECK_EQ(world_start_with((struct proc_kernel_options){.processes_max = VK_TABLE_MAX}), -VK_EINVAL);
    CHECK_EQ(world_start_with((struct proc_kernel_options){.handles_max = VK_TABLE_MAX}), -VK_EINVAL);
    CHECK(world.kernel == NULL);
}

TEST(proc_kernel, a_wait_without_end_ends_with_the_next_timer)
{
    world_start();
    struct actor *actor = start(sleeps_once);
    settle_down();
    proc_kernel_step(world.kernel, UINT64_MAX);
    settle_down();
    CHECK(!is_alive(actor));
    world_end();
}
