/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: under mprotect, whose kernel memory stays open, a heap that waits is
 * nowhere but in its closed slot. Method: a movable program that sleeps.
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

TEST(proc_park_guard, heaps_stay_in_their_slots_where_kernel_memory_is_open)
{
    struct proc_kernel *kernel = rig_kernel();
    uint32_t pid;
    CHECK_EQ(proc_kernel_start(kernel, &movable, NULL, 0, &pid), 0);
    rig_run(kernel, 10);
    const struct proc_process *process = proc_process_find(kernel, pid);
    CHECK(process != NULL && process->state == PROC_STATE_WAITING);
    CHECK(process->slot != NULL);
    CHECK_EQ(kernel->parks.in_use, 0);
    rig_run_for(kernel, 2 * SLEEP_NS);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 1);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}
