/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a process is born into zeroed memory, dies for the right reason, and
 * takes nothing with it. Method: tiny native programs on a kernel without a
 * network, one kind of death each; counters before and after.
 */
#include "tests/unit/proc/rig.h"

static enum proc_step step_arg(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)fiber;
    const uint8_t *arg = proc_at(self, self->arg_off);
    seen[0] = self->arg_len;
    seen[1] = self->arg_len ? arg[0] : 0;
    seen[2] = self->arg_len ? arg[self->arg_len - 1] : 0;
    return PROC_STEP_END;
}
RIG_PROGRAM(program_arg, step_arg, struct rig_state);

TEST(proc_process, gets_its_start_argument)
{
    struct proc_kernel *kernel = rig_kernel();
    static uint8_t arg[60000];
    const uint32_t sizes[] = {1, 100, 2000, 5000, sizeof arg};
    for (size_t i = 0; i < VK_COUNT(sizes); i++) {
        arg[0] = (uint8_t)(i + 1);
        arg[sizes[i] - 1] = (uint8_t)(i + 1);
        rig_spawn(kernel, &program_arg, arg, sizes[i], NULL);
        rig_run(kernel, 4);
        CHECK_EQ(seen[0], sizes[i]);
        CHECK_EQ(seen[1], i + 1);
        CHECK_EQ(seen[2], i + 1);
    }
    rig_check_empty(kernel);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), VK_COUNT(sizes));
    proc_kernel_destroy(kernel);
}

TEST(proc_process, argument_larger_than_the_heap_is_refused)
{
    struct proc_kernel *kernel = rig_kernel();
    static uint8_t arg[65536];
    uint32_t pid;
    CHECK_EQ(proc_kernel_start(kernel, &program_arg, arg, sizeof arg, &pid), -VK_ETOOBIG);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* Fills its heap with a pattern, or looks for one that somebody else left. */
static enum proc_step step_residue(struct proc_self *self, struct proc_fiber *fiber)
{
    uint8_t *heap = (uint8_t *)self;
    uint32_t from = proc_off(self, fiber) + (uint32_t)sizeof *fiber;
    uint32_t size = self->arg_len ? 65536 : VK_PAGE_BYTES;
    for (uint32_t i = from; i < size; i++) {
        bool is_arg = i >= self->arg_off && i < self->arg_off + self->arg_len;
        seen[0] += heap[i] == 0x5a && !is_arg;
    }
    memset(heap + from, 0x5a, size - from);
    seen[1]++;
    return PROC_STEP_END;
}
RIG_PROGRAM(program_residue, step_residue, struct proc_fiber);

TEST(proc_process, finds_nothing_of_an_earlier_one)
{
    struct proc_kernel *kernel = rig_kernel();
    for (int i = 0; i < 40; i++) {
        uint8_t large = 1;
        rig_spawn(kernel, &program_residue, &large, i % 3 == 0, NULL);
        rig_run(kernel, 4);
    }
    CHECK_EQ(seen[0], 0);
    CHECK_EQ(seen[1], 40);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* ---- every reason to die ---------------------------------------------------- */

enum death { DEATH_FAIL, DEATH_NULL, DEATH_LOOP, DEATH_WAIT, DEATH_OPS, DEATH_VALUE, DEATH_DEEP };

static int grow_stack(volatile uint8_t *above, int depth)
{
    volatile uint8_t frame[512];
    frame[0] = above[0];
    return depth < 0 ? 0 : grow_stack(frame, depth + 1) + frame[0];
}

static enum proc_step step_die(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)fiber;
    volatile uint8_t top[1] = {0};
    switch ((enum death) * (uint8_t *)proc_at(self, self->arg_off)) {
    case DEATH_NULL:
        *(volatile int *)(uintptr_t)seen[8] = 1;
        break;
    case DEATH_LOOP:
        for (;;)
            self->now_ns++;
    case DEATH_WAIT:
        return PROC_STEP_WAIT;
    case DEATH_OPS:
        self->ops_count = PROC_RING_ENTRIES + 1;
        return PROC_STEP_WAIT;
    case DEATH_DEEP:
        seen[9] = grow_stack(top, 1);
        break;
    default:
        break;
    }
    return PROC_STEP_FAIL;
}
static const proc_step_fn die_steps[] = {step_die};
static const struct proc_native die_native = {die_steps, 1, sizeof(struct proc_fiber)};
static int die_resume(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    if (*(uint8_t *)proc_at(self, self->arg_off) == DEATH_VALUE)
        return 77;
    return proc_native_run(self, &die_native);
}
static const struct proc_program program_die = {.name = "die",
                                                .heap_bytes = 65536,
                                                .prefix_bytes = VK_PAGE_BYTES,
                                                .start = proc_native_start,
                                                .resume = die_resume,
                                                .context = &die_native};

static void check_death(enum death death, enum proc_reason reason)
{
    struct proc_kernel *kernel = rig_kernel();
    uint8_t arg = (uint8_t)death;
    uint8_t fine = 42;
    for (int i = 0; i < 3; i++) {
        rig_spawn(kernel, &program_die, &arg, 1, NULL);
        rig_spawn(kernel, &program_arg, &fine, 1, NULL);
        rig_run(kernel, 8);
    }
    CHECK_EQ(rig_ended(kernel, reason), 3);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 3); /* the bystanders */
    CHECK_EQ(seen[1], 42);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_process, may_fail_by_itself)
{
    check_death(DEATH_FAIL, PROC_REASON_FAIL);
}

TEST(proc_process, bad_access_is_its_own_end_only)
{
    check_death(DEATH_NULL, PROC_REASON_FAULT);
}

TEST(proc_process, stack_overflow_is_its_own_end_only)
{
    check_death(DEATH_DEEP, PROC_REASON_FAULT);
}

TEST(proc_process, endless_step_is_ended)
{
    check_death(DEATH_LOOP, PROC_REASON_TIME);
}

TEST(proc_process, waiting_for_nothing_is_ended)
{
    check_death(DEATH_WAIT, PROC_REASON_DEADLOCK);
}

TEST(proc_process, impossible_count_of_ops_is_ended)
{
    check_death(DEATH_OPS, PROC_REASON_OP);
}

TEST(proc_process, impossible_answer_of_a_run_is_a_fault)
{
    check_death(DEATH_VALUE, PROC_REASON_FAULT);
}

static enum proc_step step_sleep_long(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    return rig_op(self, s, (struct proc_op){.code = PROC_OP_SLEEP, .arg = UINT64_MAX}) ? PROC_STEP_END
                                                                                       : PROC_STEP_WAIT;
}
RIG_PROGRAM(program_sleep_long, step_sleep_long, struct rig_state);

TEST(proc_process, deadline_ends_a_waiting_one)
{
    struct proc_kernel *kernel = rig_kernel();
    const struct proc_spawn spawn = {.program = &program_sleep_long, .deadline_ns = rig_io.now_ns + 50000000};
    struct proc_process *process;
    CHECK_EQ(proc_spawn(kernel, &spawn, &process), 0);
    proc_run_soon(kernel, process);
    rig_run_for(kernel, 40000000);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_DEADLINE), 0);
    rig_run_for(kernel, 20000000);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_DEADLINE), 1);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_process, full_table_refuses_one_more)
{
    struct proc_kernel *kernel =
        rig_kernel_with((struct proc_kernel_options){.processes_max = 8, .slots_warm = 1});
    uint32_t pid;
    for (int i = 0; i < 8; i++)
        CHECK_EQ(proc_kernel_start(kernel, &program_sleep_long, NULL, 0, &pid), 0);
    CHECK_EQ(proc_kernel_start(kernel, &program_sleep_long, NULL, 0, &pid), -VK_ENOSPC);
    rig_run(kernel, 8);
    proc_kernel_destroy(kernel); /* with eight of them alive */
}

TEST(proc_process, no_slot_left_refuses_one_more)
{
    struct proc_kernel *kernel =
        rig_kernel_with((struct proc_kernel_options){.slots_max = {4, 1, 1, 1}, .slots_warm = 1});
    uint32_t pid;
    for (int i = 0; i < 4; i++)
        CHECK_EQ(proc_kernel_start(kernel, &program_sleep_long, NULL, 0, &pid), 0);
    CHECK_EQ(proc_kernel_start(kernel, &program_sleep_long, NULL, 0, &pid), -VK_ENOMEM);
    proc_kernel_destroy(kernel);
}

TEST(proc_process, two_kernels_live_side_by_side)
{
    struct proc_kernel *a = rig_kernel();
    struct proc_kernel *b = rig_kernel();
    uint8_t arg = 7;
    rig_spawn(a, &program_arg, &arg, 1, NULL);
    rig_run(a, 4);
    rig_spawn(b, &program_die, &(uint8_t){DEATH_NULL}, 1, NULL);
    rig_run(b, 4);
    CHECK_EQ(seen[1], 7);
    CHECK_EQ(rig_ended(a, PROC_REASON_NORMAL), 1);
    CHECK_EQ(rig_ended(b, PROC_REASON_FAULT), 1);
    proc_kernel_destroy(a);
    rig_spawn(b, &program_arg, &arg, 1, NULL);
    rig_run(b, 4);
    CHECK_EQ(rig_ended(b, PROC_REASON_NORMAL), 1);
    proc_kernel_destroy(b);
}

TEST(proc_process, create_needs_a_driver)
{
    struct proc_kernel *kernel;
    const struct proc_kernel_options options = {0};
    CHECK_EQ(proc_kernel_create(&options, &kernel), -VK_EINVAL);
    proc_kernel_destroy(NULL);
}

TEST(proc_process, processes_in_one_slot_cost_no_switch)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_counters before, after;
    uint8_t arg = 1;
    rig_spawn(kernel, &program_arg, &arg, 1, NULL);
    rig_run(kernel, 4);
    proc_kernel_counters(kernel, &before);
    for (int i = 0; i < 1000; i++) {
        rig_spawn(kernel, &program_arg, &arg, 1, NULL);
        rig_run(kernel, 4);
    }
    proc_kernel_counters(kernel, &after);
    CHECK_EQ(after.guard_switches - before.guard_switches, 0);
    CHECK_EQ(after.guard_grows - before.guard_grows, 0);
    proc_kernel_destroy(kernel);
}
