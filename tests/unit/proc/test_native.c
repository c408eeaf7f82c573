/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: fibers run in turn and wait for what they asked; a program that went
 * wrong in its own heap ends, and nothing else does. Method: step functions
 * for each case, as trusted code, so that they leave notes in the test.
 */
#include "proc/native.h"
#include "tests/unit/proc/world.h"

static uint32_t notes[8];

enum { ROOT, CHILD, STEPS };
static proc_step_fn steps[STEPS]; /* of the running test */
static uint32_t root_bytes;

static int native_resume(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    const struct proc_native native = {.steps = steps, .steps_count = STEPS, .root_bytes = root_bytes};
    return proc_native_run(self, &native);
}

static void native_start(const struct proc_program *program, struct proc_self *self)
{
    const struct proc_native native = {.steps = steps, .steps_count = STEPS, .root_bytes = root_bytes};
    struct proc_program own = *program;
    own.context = &native;
    proc_native_start(&own, self);
}

static const struct proc_program native_program = {
    .name = "native", .heap_bytes = HEAP_BYTES, .start = native_start, .resume = native_resume};

static void run_native(proc_step_fn root, proc_step_fn child, uint64_t ns, enum proc_reason reason)
{
    memset(notes, 0, sizeof(notes));
    steps[ROOT] = root;
    steps[CHILD] = child;
    world_start();
    struct actor *actor = actor_new(NULL);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.program = &native_program}), 0);
    settle_down();
    if (ns != 0)
        pass(ns);
    CHECK_EQ(counters().ended[reason], 1);
    check_nothing_held();
    world_end();
    root_bytes = 256;
}

static enum proc_step ends(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)self;
    (void)fiber;
    notes[0]++;
    return PROC_STEP_END;
}

/* What nobody waits for fails, before and beside what is waited for. */
static enum proc_step asks_silently(struct proc_self *self, struct proc_fiber *fiber)
{
    const struct proc_op nobody = {.code = PROC_OP_SEND, .flags = PROC_OP_SILENT, .handle = 77};
    const struct proc_op wait = {.code = PROC_OP_SLEEP, .arg = 1000000};
    if (notes[0] == 0) {
        notes[0] = proc_submit(self, fiber, &nobody);
        *proc_op_next(self) = nobody; /* as a helper does that knows no fiber */
    }
    if (!proc_wait(self, fiber, &wait))
        return PROC_STEP_WAIT;
    notes[1] = (uint32_t)fiber->done.res;
    notes[2] = self->heap.limit_bytes;
    return PROC_STEP_END;
}

static enum proc_step fails(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)self;
    (void)fiber;
    return PROC_STEP_FAIL;
}

TEST(proc_native, the_end_of_the_root_is_the_end)
{
    root_bytes = 256;
    run_native(ends, ends, 0, PROC_REASON_NORMAL);
    CHECK_EQ(notes[0], 1);
    run_native(fails, ends, 0, PROC_REASON_FAIL);
}

TEST(proc_native, a_root_that_does_not_fit_fails)
{
    root_bytes = HEAP_BYTES;
    run_native(ends, ends, 0, PROC_REASON_FAIL);
    CHECK_EQ(notes[0], 0);
}

static enum proc_step spoils_its_step(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)self;
    fiber->step_fn = (uint16_t)(notes[1]++ == 0 ? STEPS : 0);
    return PROC_STEP_AGAIN;
}

TEST(proc_native, a_fiber_without_a_step_function_fails)
{
    root_bytes = 256;
    run_native(spoils_its_step, ends, 0, PROC_REASON_FAIL);
    CHECK_EQ(notes[1], 1);
}

static enum proc_step fills_the_heap(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)fiber;
    CHECK(proc_fiber_start(self, CHILD, HEAP_BYTES) == NULL);
    while (proc_fiber_start(self, CHILD, 4096) != NULL)
        notes[1]++;
    CHECK(proc_fiber_start(self, CHILD, 4096) == NULL);
    CHECK_EQ(self->fibers, 1 + notes[1]);
    return notes[0] == notes[1] ? PROC_STEP_END : PROC_STEP_AGAIN;
}

TEST(proc_native, fibers_are_made_until_the_heap_is_full)
{
    root_bytes = 256;
    run_native(fills_the_heap, fails, 0, PROC_REASON_FAIL);
    CHECK(notes[1] > 10 && notes[1] < 16);
}

/* Wakes its child twice before it has run, and once after it has ended. */
static enum proc_step wakes_often(struct proc_self *self, struct proc_fiber *fiber)
{
    static struct proc_fiber *child;
    (void)fiber;
    if (notes[1]++ == 0) {
        child = proc_fiber_start(self, CHILD, sizeof(*child));
        proc_fiber_wake(self, child);
        proc_fiber_wake(self, child);
        return PROC_STEP_AGAIN;
    }
    proc_fiber_wake(self, child);
    return notes[1] < 4 ? PROC_STEP_AGAIN : PROC_STEP_END;
}

TEST(proc_native, a_fiber_is_queued_once_and_not_after_its_end)
{
    root_bytes = 256;
    run_native(wakes_often, ends, 0, PROC_REASON_NORMAL);
    CHECK_EQ(notes[0], 1);
}

/* The child asks to sleep and ends at once; its completion finds nobody. */
static enum proc_step asks_and_ends(struct proc_self *self, struct proc_fiber *fiber)
{
    const struct proc_op op = {.code = PROC_OP_SLEEP, .arg = 5 * MS};
    CHECK(proc_submit(self, fiber, &op));
    notes[0]++;
    return PROC_STEP_END;
}

static enum proc_step outlives_its_child(struct proc_self *self, struct proc_fiber *fiber)
{
    const struct proc_op op = {.code = PROC_OP_SLEEP, .arg = 50 * MS};
    if (fiber->step++ == 0)
        CHECK(proc_fiber_start(self, CHILD, sizeof(*fiber)) != NULL);
    return proc_wait(self, fiber, &op) ? PROC_STEP_END : PROC_STEP_WAIT;
}

TEST(proc_native, the_answer_to_an_ended_fiber_is_dropped)
{
    root_bytes = 256;
    run_native(outlives_its_child, asks_and_ends, 200 * MS, PROC_REASON_NORMAL);
    CHECK_EQ(notes[0], 1);
}

/* Says WAIT and is woken by another before its answer comes. */
static enum proc_step waits_through_wakes(struct proc_self *self, struct proc_fiber *fiber)
{
    const struct proc_op op = {.code = PROC_OP_SLEEP, .arg = 20 * MS};
    notes[2]++;
    if (!proc_wait(self, fiber, &op))
        return PROC_STEP_WAIT;
    CHECK_EQ(fiber->done.res, 0);
    notes[3] = 1;
    return PROC_STEP_END;
}

static enum proc_step wakes_in_vain(struct proc_self *self, struct proc_fiber *fiber)
{
    static struct proc_fiber *child;
    if (notes[1]++ == 0) {
        child = proc_fiber_start(self, CHILD, sizeof(*child));
        child->joiner = proc_off(self, fiber);
        return PROC_STEP_AGAIN;
    }
    if (notes[3] != 0)
        return PROC_STEP_END;
    if (notes[1] < 5) {
        proc_fiber_wake(self, child);
        return PROC_STEP_AGAIN;
    }
    return PROC_STEP_WAIT; /* for its end */
}

TEST(proc_native, a_wake_before_the_answer_changes_nothing)
{
    root_bytes = 256;
    run_native(wakes_in_vain, waits_through_wakes, 100 * MS, PROC_REASON_NORMAL);
    CHECK_EQ(notes[3], 1);
    CHECK(notes[2] > 2);
}

/* More ops than one run may leave: the rest waits for the kernel to take them. */
static enum proc_step asks_too_much(struct proc_self *self, struct proc_fiber *fiber)
{
    const struct proc_op op = {.code = PROC_OP_DUP, .handle = 99, .flags = 0};
    while (notes[1] < 3 * PROC_RING_ENTRIES && proc_submit(self, fiber, &op))
        notes[1]++;
    if (notes[1] < 3 * PROC_RING_ENTRIES) {
        CHECK(!proc_submit(self, fiber, &op));
        notes[2]++;
        return PROC_STEP_AGAIN;
    }
    return PROC_STEP_END;
}

TEST(proc_native, full_rings_put_a_fiber_off)
{
    root_bytes = 256;
    run_native(asks_too_much, ends, 0, PROC_REASON_NORMAL);
    CHECK_EQ(notes[2], 2);
}

TEST(proc_native, how_silent_ops_end_is_told_to_nobody)
{
    run_native(asks_silently, NULL, 5000000, PROC_REASON_NORMAL);
    CHECK_EQ(notes[0], 1);
    CHECK_EQ(notes[1], 0);
    CHECK_EQ(notes[2], HEAP_BYTES);
}
