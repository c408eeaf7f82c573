/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an abnormal end reaches the linked and the watching, a normal one
 * only the watching, and no chain is too long. Method: children started by a
 * process from a program in its environment.
 */
#include "proc/kernel_impl.h"
#include "tests/unit/proc/rig.h"

#define CHILD 2u

static enum proc_step step_child(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    bool fails = self->arg_len && *(uint8_t *)proc_at(self, self->arg_off);
    if (!rig_op(self, s, (struct proc_op){.code = PROC_OP_SLEEP, .arg = 5000000}))
        return PROC_STEP_WAIT;
    return fails ? PROC_STEP_FAIL : PROC_STEP_END;
}
RIG_PROGRAM(program_child, step_child, struct rig_state);

/* arg: whether the child fails, whether it is linked. Then watches it and sleeps. */
static enum proc_step step_parent(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    const uint8_t *arg = proc_at(self, self->arg_off);
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(fiber->step,
               rig_op(self, s,
                      (struct proc_op){.code = PROC_OP_SPAWN,
                                       .flags = arg[1] ? PROC_SPAWN_LINK : 0,
                                       .handle = CHILD,
                                       .off = self->arg_off,
                                       .len = 1}),
               PROC_STEP_WAIT);
    seen[0] = fiber->done.res;
    s->handle = fiber->done.handle;
    PROC_AWAIT(fiber->step, rig_op(self, s, (struct proc_op){.code = PROC_OP_MONITOR, .handle = s->handle}),
               PROC_STEP_WAIT);
    seen[1] = fiber->done.res;
    seen[2] = (int64_t)fiber->done.arg;
    PROC_AWAIT(fiber->step, rig_op(self, s, (struct proc_op){.code = PROC_OP_SLEEP, .arg = 5000000}),
               PROC_STEP_WAIT);
    seen[3] = 1;
    PROC_END
    return PROC_STEP_END;
}
RIG_PROGRAM(program_parent, step_parent, struct rig_state);

static struct proc_kernel *family(uint8_t fails, uint8_t linked)
{
    struct proc_kernel *kernel = rig_kernel();
    static struct proc_env env;
    env.count = 1;
    env.objects[0] = (struct proc_object){&proc_kind_program, (void *)(uintptr_t)&program_child};
    const uint8_t arg[] = {fails, linked};
    rig_spawn(kernel, &program_parent, arg, sizeof arg, &env);
    rig_run_for(kernel, 30000000);
    CHECK_EQ(seen[0], 0);
    rig_check_empty(kernel);
    CHECK_EQ(kernel->links.count, 0);
    return kernel;
}

TEST(proc_link, abnormal_end_ends_the_linked)
{
    struct proc_kernel *kernel = family(1, 1);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_FAIL), 1);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_LINK), 1);
    CHECK_EQ(seen[3], 0);
    proc_kernel_destroy(kernel);
}

TEST(proc_link, normal_end_does_not)
{
    struct proc_kernel *kernel = family(0, 1);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 2);
    CHECK_EQ(seen[1], PROC_REASON_NORMAL);
    CHECK_EQ(seen[3], 1);
    proc_kernel_destroy(kernel);
}

TEST(proc_link, monitor_tells_the_reason_and_the_crash)
{
    struct proc_kernel *kernel = family(1, 0);
    CHECK_EQ(seen[1], PROC_REASON_FAIL);
    CHECK_EQ(seen[2], 1);
    CHECK_EQ(seen[3], 1);
    proc_kernel_destroy(kernel);
}

TEST(proc_link, long_chain_falls_without_recursion)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_process *last = NULL, *first = NULL;
    const uint32_t count = 2000;
    for (uint32_t i = 0; i < count; i++) {
        struct proc_process *p = rig_spawn(kernel, &program_child, NULL, 0, NULL);
        if (last)
            CHECK_EQ(proc_link(kernel, last, p), 0);
        else
            first = p;
        last = p;
    }
    rig_run(kernel, 10);
    proc_end(kernel, first, PROC_REASON_KILLED);
    rig_run(kernel, 2 * count);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_LINK), count - 1);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_link, nobody_is_linked_to_himself)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_process *p = rig_spawn(kernel, &program_child, NULL, 0, NULL);
    CHECK_EQ(proc_link(kernel, p, p), -VK_EINVAL);
    proc_kernel_destroy(kernel);
}
