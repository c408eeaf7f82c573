/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what ended is started again as the strategy says, in order, and not
 * for ever. Method: three children that live long; the test ends them and
 * looks at who has a new pid.
 */
#include "proc/kernel_impl.h"
#include "proc/supervise.h"
#include "tests/unit/proc/rig.h"

static enum proc_step step_live(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    if (s->count++ == 0)
        seen[1 + seen[0]++ % 60] = *(uint8_t *)proc_at(self, self->arg_off);
    (void)rig_op(self, s, (struct proc_op){.code = PROC_OP_SLEEP, .arg = UINT64_MAX / 2});
    return PROC_STEP_WAIT;
}
RIG_PROGRAM(program_live, step_live, struct rig_state);

static const uint8_t names[] = {0, 1, 2};

static struct proc_supervisor *supervise(struct proc_kernel *kernel, enum proc_strategy strategy)
{
    const struct proc_supervisor_options options = {
        .name = "test",
        .strategy = strategy,
        .restarts_max = 3,
        .period_ns = 1000000000,
        .children_count = 3,
        .children = {{.program = &program_live, .arg = &names[0], .arg_len = 1},
                     {.program = &program_live, .arg = &names[1], .arg_len = 1},
                     {.program = &program_live, .arg = &names[2], .arg_len = 1}},
    };
    struct proc_supervisor *supervisor;
    CHECK_EQ(proc_supervisor_create(kernel, &options, &supervisor), 0);
    rig_run(kernel, 10);
    return supervisor;
}

static void end_child(struct proc_kernel *kernel, struct proc_supervisor *supervisor, uint32_t i)
{
    struct proc_process *p = proc_process_find(kernel, proc_supervisor_pid(supervisor, i));
    CHECK(p != NULL);
    proc_end(kernel, p, PROC_REASON_KILLED);
    rig_run(kernel, 20);
}

/* Ends the middle one; bit i of `changed` says whether child i has to be a new process. */
static void check_strategy(enum proc_strategy strategy, uint32_t changed)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_supervisor *supervisor = supervise(kernel, strategy);
    uint32_t before[3];
    for (uint32_t i = 0; i < 3; i++)
        before[i] = proc_supervisor_pid(supervisor, i);
    end_child(kernel, supervisor, 1);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(proc_supervisor_pid(supervisor, i) != 0);
        CHECK_EQ(proc_supervisor_pid(supervisor, i) != before[i], changed >> i & 1);
    }
    CHECK_EQ(proc_supervisor_restarts(supervisor), (changed & 1) + (changed >> 1 & 1) + (changed >> 2 & 1));
    /* Started in order: the last ones seen are the changed ones, ascending. */
    int64_t at = seen[0];
    for (uint32_t i = 3; i-- > 0;)
        if (changed >> i & 1)
            CHECK_EQ(seen[at--], i);
    proc_kernel_destroy(kernel);
}

TEST(proc_supervise, one_for_one_restarts_the_one)
{
    check_strategy(PROC_ONE_FOR_ONE, 2);
}

TEST(proc_supervise, rest_for_one_restarts_those_after_it_too)
{
    check_strategy(PROC_REST_FOR_ONE, 6);
}

TEST(proc_supervise, one_for_all_restarts_all)
{
    check_strategy(PROC_ONE_FOR_ALL, 7);
}

TEST(proc_supervise, too_many_ends_in_the_period_stop_everything)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_supervisor *supervisor = supervise(kernel, PROC_ONE_FOR_ONE);
    for (int i = 0; i < 3; i++) {
        end_child(kernel, supervisor, 0);
        CHECK(!proc_supervisor_gave_up(supervisor));
    }
    end_child(kernel, supervisor, 0);
    CHECK(proc_supervisor_gave_up(supervisor));
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_supervise, ends_far_apart_are_forgiven)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_supervisor *supervisor = supervise(kernel, PROC_ONE_FOR_ONE);
    for (int i = 0; i < 20; i++) {
        end_child(kernel, supervisor, 0);
        rig_run_for(kernel, 400000000);
    }
    CHECK(!proc_supervisor_gave_up(supervisor));
    CHECK_EQ(proc_supervisor_restarts(supervisor), 20);
    proc_kernel_destroy(kernel);
}

TEST(proc_supervise, bad_options_are_refused)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_supervisor *supervisor;
    struct proc_supervisor_options options = {.children_count = 0};
    CHECK_EQ(proc_supervisor_create(kernel, &options, &supervisor), -VK_EINVAL);
    options.children_count = PROC_CHILDREN_MAX + 1;
    CHECK_EQ(proc_supervisor_create(kernel, &options, &supervisor), -VK_EINVAL);
    options.children_count = 1;
    options.restarts_max = PROC_RESTARTS_MAX + 1;
    CHECK_EQ(proc_supervisor_create(kernel, &options, &supervisor), -VK_EINVAL);
    proc_kernel_destroy(kernel);
}
