/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a process of a program that counts what it spends takes all that is
 * done at once in one dispatch, and gives way when its budget is spent, whatever
 * it says. Method: actors that ask for what is done at once.
 */
#include "tests/unit/proc/world.h"

static const struct proc_program counting_program = {
    .name = "counting", .heap_bytes = HEAP_BYTES, .resume = actor_resume, .used = actor_used, .counts = true};

/* Asks for what is done at once; word is what each run spends, stays how often it asks. */
static int asks_at_once(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == actor->stays)
        return PROC_RUN_END;
    self->budget -= self->budget < actor->word ? self->budget : (uint32_t)actor->word;
    ask(self, (struct proc_op){.code = PROC_OP_CANCEL, .arg = 12345}); /* no such op */
    return PROC_RUN_WAIT;
}

static uint64_t dispatches_of(const struct proc_program *program, uint32_t asks, uint32_t spends)
{
    world_start();
    struct actor *actor = actor_new(asks_at_once);
    actor->stays = asks;
    actor->word = spends;
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.program = program}), 0);
    settle_down();
    CHECK_EQ(actor->runs, asks + 1);
    uint64_t dispatches = counters().dispatches;
    world_end();
    return dispatches;
}

TEST(proc_turns, what_is_done_at_once_goes_on_in_the_same_dispatch)
{
    CHECK_EQ(dispatches_of(&counting_program, 20, 100), 1);
    CHECK_EQ(dispatches_of(&actor_program, 20, 100), 21);
}

TEST(proc_turns, a_dispatch_ends_with_its_budget)
{
    const uint32_t runs = PROC_BUDGET / (1000 + PROC_RUN_COST) + 1;
    CHECK_EQ(dispatches_of(&counting_program, 3 * runs - 1, 1000), 3);
    CHECK_EQ(dispatches_of(&counting_program, 2 * (PROC_BUDGET / PROC_RUN_COST) - 1, 0),
             2); /* who counts nothing */
}
