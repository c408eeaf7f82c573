/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a small heap of a movable program leaves its slot while it waits, and
 * comes back whole; the slots it will need are kept; nothing is held after its
 * end. Method: actors that fill their heaps with a pattern of their own, with
 * the guard off; test_park_guard.c has the guard that keeps heaps in their slots.
 */
#include "tests/unit/proc/world.h"

#define SMALL_BYTES 6000u

static uint32_t used_bytes;

static uint32_t used(const struct proc_program *program, const struct proc_self *self)
{
    (void)program;
    (void)self;
    return used_bytes;
}

static const struct proc_program movable = {
    .name = "movable", .heap_bytes = HEAP_BYTES, .resume = actor_resume, .used = used, .is_movable = true};
static const struct proc_program fixed = {
    .name = "fixed", .heap_bytes = HEAP_BYTES, .resume = actor_resume, .used = used};

static uint8_t *pattern_at(struct proc_self *self)
{
    return (uint8_t *)self + 2048;
}

/* Sleeps once; word is 1 when the heap then holds what it held, and nothing else. */
static int sleeps(struct actor *actor, struct proc_self *self)
{
    uint8_t *bytes = pattern_at(self);
    if (actor->step++ == 0) {
        for (uint32_t i = 0; i < SMALL_BYTES - 2048; i++)
            bytes[i] = (uint8_t)(i * 7 + actor->id);
        ask(self, (struct proc_op){.code = PROC_OP_SLEEP, .arg = 5 * MS, .tag = 1});
        return PROC_RUN_WAIT;
    }
    actor->word = the_done(self)->tag == 1;
    for (uint32_t i = 0; i < SMALL_BYTES - 2048; i++)
        actor->word &= bytes[i] == (uint8_t)(i * 7 + actor->id);
    for (uint32_t i = SMALL_BYTES; i < HEAP_BYTES; i++)
        actor->word &= ((uint8_t *)self)[i] == 0;
    return PROC_RUN_END;
}

static struct actor *start_of(const struct proc_program *program, int want_rc)
{
    struct actor *actor = actor_new(sleeps);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.program = program}), want_rc);
    return actor;
}

static bool is_parked(const struct actor *actor)
{
    return proc_process_find(world.kernel, actor->pid)->slot == NULL;
}

TEST(proc_park, small_heap_that_waits_leaves_its_slot_and_comes_back_whole)
{
    struct actor *actors[8];
    world_start();
    used_bytes = SMALL_BYTES;
    for (uint32_t i = 0; i < VK_COUNT(actors); i++)
        actors[i] = start_of(&movable, 0);
    settle_down();
    CHECK_EQ(counters().slots, 8); /* kept for them */
    for (uint32_t i = 0; i < VK_COUNT(actors); i++)
        CHECK(is_parked(actors[i]));
    pass(10 * MS);
    for (uint32_t i = 0; i < VK_COUNT(actors); i++)
        CHECK(!is_alive(actors[i]) && actors[i]->word == 1);
    check_nothing_held();
    world_end();
}

TEST(proc_park, smallest_heaps_take_half_a_page)
{
    static const uint32_t used[] = {PROC_PARK_SMALL_BYTES + 1024, PROC_PARK_SMALL_BYTES + 1025,
                                    PROC_PARK_MAX_BYTES + 1024};
    world_start();
    for (uint32_t i = 0; i < VK_COUNT(used); i++) {
        used_bytes = used[i];
        const struct actor *actor = start_of(&movable, 0);
        settle_down();
        CHECK(is_parked(actor));
        CHECK_EQ(proc_process_find(world.kernel, actor->pid)->parked.cap_bytes,
                 i == 0 ? PROC_PARK_SMALL_BYTES : PROC_PARK_MAX_BYTES);
    }
    used_bytes = SMALL_BYTES; /* their patterns did not fit */
    pass(10 * MS);
    check_nothing_held();
    world_end();
}

TEST(proc_park, large_heaps_and_those_that_may_hold_addresses_stay)
{
    world_start();
    used_bytes = PROC_PARK_MAX_BYTES + 2 * 32 * PROC_RING_ENTRIES + 1; /* the rings are left out */
    struct actor *large = start_of(&movable, 0);
    settle_down();
    used_bytes = SMALL_BYTES;
    struct actor *native = start_of(&fixed, 0);
    settle_down();
    CHECK(!is_parked(large) && !is_parked(native));
    used_bytes = 0;
    pass(10 * MS);
    CHECK(large->word == 1 && native->word == 1);
    check_nothing_held();
    world_end();
}

TEST(proc_park, large_heap_of_unknown_use_waits_as_it_is)
{
    static const struct proc_program vast = {
        .name = "vast", .heap_bytes = 2 * VK_LARGE_PAGE_BYTES, .resume = actor_resume};
    world_start();
    struct actor *actor = start_of(&vast, 0);
    settle_down();
    CHECK(!is_parked(actor));
    pass(10 * MS);
    CHECK_EQ(actor->word, 1);
    check_nothing_held();
    world_end();
}

TEST(proc_park, slots_that_parked_heaps_need_are_not_given_away)
{
    struct actor *actors[4];
    const struct proc_kernel_options options = {.slots_max = {VK_COUNT(actors)}, .service_bytes = 65536};
    CHECK_EQ(world_start_with(options), 0);
    used_bytes = SMALL_BYTES;
    for (uint32_t i = 0; i < VK_COUNT(actors); i++) {
        actors[i] = start_of(&movable, 0);
        settle_down();
        CHECK(is_parked(actors[i]));
    }
    (void)start_of(&movable, -VK_ENOMEM);
    (void)start_of(&fixed, -VK_ENOMEM);
    pass(10 * MS);
    for (uint32_t i = 0; i < VK_COUNT(actors); i++)
        CHECK_EQ(actors[i]->word, 1);
    check_nothing_held();
    world_end();
}

TEST(proc_park, beyond_their_number_heaps_stay_in_their_slots)
{
    struct actor *actors[3];
    CHECK_EQ(world_start_with((struct proc_kernel_options){.parks_max = 2, .service_bytes = 65536}), 0);
    used_bytes = SMALL_BYTES;
    for (uint32_t i = 0; i < VK_COUNT(actors); i++)
        actors[i] = start_of(&movable, 0);
    settle_down();
    CHECK(is_parked(actors[0]) && is_parked(actors[1]) && !is_parked(actors[2]));
    pass(10 * MS);
    for (uint32_t i = 0; i < VK_COUNT(actors); i++)
        CHECK_EQ(actors[i]->word, 1);
    check_nothing_held();
    world_end();
}

TEST(proc_park, end_while_parked_gives_everything_back)
{
    world_start();
    used_bytes = SMALL_BYTES;
    struct actor *actor = start_of(&movable, 0);
    settle_down();
    CHECK(is_parked(actor));
    proc_end(world.kernel, proc_process_find(world.kernel, actor->pid), PROC_REASON_KILLED);
    settle_down();
    CHECK_EQ(world.kernel->parks.in_use + world.kernel->slotless, 0);
    check_nothing_held();
    world_end();
}
