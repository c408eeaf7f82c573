/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: FIFO order, and nobody is kept waiting longer than one budget by one
 * who never stops. Method: programs that note their turn in a shared order.
 */
#include "tests/unit/proc/rig.h"

static enum proc_step step_turn(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)fiber;
    uint8_t who = *(uint8_t *)proc_at(self, self->arg_off);
    seen[1 + seen[0]++] = who;
    return PROC_STEP_END;
}
RIG_PROGRAM(program_turn, step_turn, struct rig_state);

TEST(proc_sched, runs_in_the_order_of_start)
{
    struct proc_kernel *kernel = rig_kernel();
    for (uint8_t i = 0; i < 20; i++)
        rig_spawn(kernel, &program_turn, &i, 1, NULL);
    rig_run(kernel, 4);
    CHECK_EQ(seen[0], 20);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(seen[1 + i], i);
    proc_kernel_destroy(kernel);
}

static enum proc_step step_forever(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)self, (void)fiber;
    seen[50]++;
    return PROC_STEP_AGAIN;
}
RIG_PROGRAM(program_forever, step_forever, struct rig_state);

TEST(proc_sched, endless_one_gets_one_budget_a_turn)
{
    struct proc_kernel *kernel = rig_kernel();
    rig_spawn(kernel, &program_forever, NULL, 0, NULL);
    for (uint8_t i = 0; i < 3; i++)
        rig_spawn(kernel, &program_turn, &i, 1, NULL);
    proc_kernel_step(kernel, 0);
    CHECK_EQ(seen[50], PROC_BUDGET);
    CHECK_EQ(seen[0], 3);
    proc_kernel_step(kernel, 0);
    CHECK_EQ(seen[50], 2 * PROC_BUDGET);
    CHECK(proc_kernel_busy(kernel));
    proc_kernel_destroy(kernel);
}

/* ---- fibers -------------------------------------------------------------------- */

struct child {
    struct proc_fiber fiber;
    uint32_t who;
    uint32_t turns;
};

static enum proc_step step_child(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)self;
    struct child *c = (struct child *)fiber;
    seen[1 + seen[0]++] = c->who;
    return ++c->turns < 3 ? PROC_STEP_AGAIN : PROC_STEP_END;
}

struct parent {
    struct proc_fiber fiber;
    uint32_t last;
};

static enum proc_step step_parent(struct proc_self *self, struct proc_fiber *fiber)
{
    struct parent *p = (struct parent *)fiber;
    struct child *c;
    PROC_BEGIN(fiber->step)
    for (uint32_t i = 0; i < 3; i++) {
        c = (struct child *)proc_fiber_start(self, 1, sizeof *c);
        if (!c)
            return PROC_STEP_FAIL;
        c->who = i;
    }
    c->fiber.joiner = proc_off(self, fiber);
    p->last = proc_off(self, c);
    PROC_AWAIT(fiber->step, self->fibers == 1, PROC_STEP_WAIT);
    seen[40] = 1;
    PROC_END
    return PROC_STEP_END;
}

static const proc_step_fn family_steps[] = {step_parent, step_child};
static const struct proc_native family_native = {family_steps, 2, sizeof(struct parent)};
static const struct proc_program program_family = {.name = "family",
                                                   .heap_bytes = 65536,
                                                   .prefix_bytes = VK_PAGE_BYTES,
                                                   .start = proc_native_start,
                                                   .resume = proc_native_resume,
                                                   .context = &family_native};

TEST(proc_sched, fibers_take_turns_inside_one_dispatch)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_counters counters;
    rig_spawn(kernel, &program_family, NULL, 0, NULL);
    rig_run(kernel, 4);
    const int order[] = {0, 1, 2, 0, 1, 2, 0, 1, 2};
    CHECK_EQ(seen[0], VK_COUNT(order));
    for (size_t i = 0; i < VK_COUNT(order); i++)
        CHECK_EQ(seen[1 + i], order[i]);
    CHECK_EQ(seen[40], 1); /* the parent was woken by the last */
    proc_kernel_counters(kernel, &counters);
    CHECK_EQ(counters.dispatches, 1);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* ---- many ops at once: more than the rings hold ---------------------------------- */

#define SLEEPERS 100u

struct sleeper {
    struct proc_fiber fiber;
    struct proc_op op;
};

static enum proc_step step_sleeper(struct proc_self *self, struct proc_fiber *fiber)
{
    struct sleeper *s = (struct sleeper *)fiber;
    s->op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = 10000000};
    if (!proc_wait(self, fiber, &s->op))
        return PROC_STEP_WAIT;
    seen[0] += fiber->done.res == 0;
    return PROC_STEP_END;
}

static enum proc_step step_many(struct proc_self *self, struct proc_fiber *fiber)
{
    PROC_BEGIN(fiber->step)
    for (uint32_t i = 0; i < SLEEPERS; i++) {
        struct proc_fiber *s = proc_fiber_start(self, 1, sizeof(struct sleeper));
        if (!s)
            return PROC_STEP_FAIL;
        s->joiner = proc_off(self, fiber);
    }
    PROC_AWAIT(fiber->step, self->fibers == 1, PROC_STEP_WAIT);
    PROC_END
    return PROC_STEP_END;
}

static const proc_step_fn many_steps[] = {step_many, step_sleeper};
static const struct proc_native many_native = {many_steps, 2, sizeof(struct proc_fiber)};
static const struct proc_program program_many = {.name = "many",
                                                 .heap_bytes = 65536,
                                                 .prefix_bytes = VK_PAGE_BYTES,
                                                 .start = proc_native_start,
                                                 .resume = proc_native_resume,
                                                 .context = &many_native};

TEST(proc_sched, more_ops_than_the_rings_hold_all_complete)
{
    struct proc_kernel *kernel = rig_kernel();
    rig_spawn(kernel, &program_many, NULL, 0, NULL);
    rig_run(kernel, 100);
    CHECK_EQ(seen[0], 0);
    rig_run_for(kernel, 20000000);
    CHECK_EQ(seen[0], SLEEPERS);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 1);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}
