/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: under mprotect, whose kernel memory stays open, a heap that waits is
 * nowhere but in its closed slot once native code runs. Method: a movable
 * program that sleeps, and a native one that runs before or meanwhile.
 */
#include "proc/kernel_impl.h"
#include "tests/unit/proc/rig.h"

#define SLEEP_NS 5000000u

static int sleep_once(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    if (self->done_count > 0)
        return PROC_RUN_END;
    *proc_op_next(self) = (struct proc_op){.code = PROC_OP_SLEEP, .arg = SLEEP_NS, .tag = 1};
    return PROC_RUN_WAIT;
}

static uint32_t used(const struct proc_program *program, const struct proc_self *self)
{
    (void)program, (void)self;
    return sizeof(struct proc_self);
}

static const struct proc_program movable = {
    .name = "movable", .heap_bytes = 65536, .resume = sleep_once, .used = used, .is_movable = true};

static enum proc_step nothing(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)self, (void)fiber;
    seen[0]++;
    return PROC_STEP_END;
}

RIG_PROGRAM(native, nothing, struct proc_fiber);

static const struct proc_process *start_movable(struct proc_kernel *kernel)
{
    uint32_t pid;
    CHECK_EQ(proc_kernel_start(kernel, &movable, NULL, 0, &pid), 0);
    rig_run(kernel, 10);
    const struct proc_process *process = proc_process_find(kernel, pid);
    CHECK(process != NULL && process->state == PROC_STATE_WAITING);
    return process;
}

static void run_native(struct proc_kernel *kernel)
{
    uint32_t pid;
    CHECK_EQ(proc_kernel_start(kernel, &native, NULL, 0, &pid), 0);
    rig_run(kernel, 10);
    CHECK_EQ(seen[0], 1);
}

TEST(proc_park_guard, heaps_go_back_to_slots_before_native_code_runs)
{
    struct proc_kernel *kernel = rig_kernel();
    const struct proc_process *first = start_movable(kernel), *second = start_movable(kernel);
    CHECK(first->slot == NULL && second->slot == NULL);
    const uint8_t *copy = first->parked.ptr;
    run_native(kernel);
    CHECK(first->slot != NULL && second->slot != NULL && first->slot != second->slot);
    CHECK_EQ(kernel->parks.in_use, 0);
    for (uint32_t i = 0; i < sizeof(struct proc_self); i++)
        CHECK_EQ(copy[i], 0); /* nothing of it is left behind */
    rig_run_for(kernel, 2 * SLEEP_NS);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 3);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_park_guard, heaps_stay_in_their_slots_where_native_code_has_run)
{
    struct proc_kernel *kernel = rig_kernel();
    run_native(kernel);
    const struct proc_process *process = start_movable(kernel);
    CHECK(process->slot != NULL);
    CHECK_EQ(kernel->parks.in_use, 0);
    rig_run_for(kernel, 2 * SLEEP_NS);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 2);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}
