/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every slot taken is zero-filled, whoever had it before and whatever
 * the platform refused; hot slots cost no platform call; the capacity is what
 * was promised. Method: cases by hand, each refusable call refused in turn,
 * and random operations with random refusals, over the recording platform.
 */
#include "vk/pool.h"

#include "tests/unit/test.h"
#include "tests/unit/vk_faults/faults.h"
#include "vk/err.h"
#include "vk/guard.h"
#include "vk/region.h"

#define PAGE VK_PAGE_BYTES

struct world {
    struct vk_region region;
    struct vk_guard guard;
    struct vk_pool pool;
};

static const struct vk_pool_options plain_options = {.slots_max = {64, 8, 2, 0}, .mappings_max = 1000};

static int make_world(struct world *world, enum vk_guard_kind kind, const struct vk_pool_options *options)
{
    memset(world, 0, sizeof(*world));
    int rc = vk_region_init(&world->region, 1u << 20);
    if (rc == 0)
        rc = vk_guard_init(&world->guard, kind, &world->region, NULL, 0);
    if (rc == 0)
        rc = vk_pool_init(&world->pool, options, &world->guard, &world->region);
    return rc;
}

static void end_world(struct world *world)
{
    vk_pool_fini(&world->pool);
    vk_guard_fini(&world->guard);
    vk_region_fini(&world->region);
}

static void start(struct world *world, enum vk_guard_kind kind)
{
    CHECK_EQ(make_world(world, kind, &plain_options), 0);
}

static struct vk_slot *take(struct world *world, uint32_t slot_class, uint32_t prefix_bytes)
{
    struct vk_slot *slot = NULL;
    CHECK_EQ(vk_pool_take(&world->pool, slot_class, prefix_bytes, &slot), 0);
    CHECK(slot != NULL && slot->in_use);
    CHECK_EQ(vk_guard_enter(&world->guard, slot), 0);
    return slot;
}

/* What a process's first touch past the prefix does. */
static bool grow(struct world *world, const struct vk_slot *slot, uint32_t off)
{
    return off < slot->open_bytes || vk_guard_grow(&world->guard, (uintptr_t)slot->base + off);
}

static void check_zero(const struct vk_slot *slot)
{
    for (uint32_t at = 0; at < slot->open_bytes; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, slot->base + at, sizeof(word));
        CHECK_EQ(word, 0);
    }
}

/* ---- sizes and options --------------------------------------------------------- */

TEST(vk_pool, classes_are_sixteen_times_apart)
{
    CHECK_EQ(vk_pool_class_bytes(0), 64u << 10);
    CHECK_EQ(vk_pool_class_bytes(1), 1u << 20);
    CHECK_EQ(vk_pool_class_bytes(2), 16u << 20);
    CHECK_EQ(vk_pool_class_bytes(3), 256u << 20);
    CHECK_EQ(vk_pool_class_for(0), 0);
    CHECK_EQ(vk_pool_class_for(64u << 10), 0);
    CHECK_EQ(vk_pool_class_for((64u << 10) + 1), 1);
    CHECK_EQ(vk_pool_class_for(256u << 20), 3);
    CHECK_EQ(vk_pool_class_for((256u << 20) + 1), VK_SLOT_CLASSES);
}

TEST(vk_pool, impossible_options_are_refused)
{
    static const struct vk_pool_options bad[] = {
        {.slots_max = {1, 0, 0, 0}, .warm = 2},
        {.slots_max = {4, 0, 0, 0}, .warm = 1, .warm_prefix_bytes = 100},
        {.slots_max = {4, 0, 0, 0}, .warm = 1, .warm_prefix_bytes = (64u << 10) + PAGE},
    };
    for (size_t i = 0; i < VK_COUNT(bad); i++) {
        struct world world;
        CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT, &bad[i]), -VK_EINVAL);
        end_world(&world);
    }
    struct world world;
    struct vk_pool_options many = {.slots_max = {1u << 20, 0, 0, 0}};
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT, &many), -VK_ENOMEM); /* records past the region */
    end_world(&world);
}

TEST(vk_pool, impossible_takes_are_refused)
{
    struct world world;
    struct vk_slot *slot;
    start(&world, VK_GUARD_MPROTECT);
    CHECK_EQ(vk_pool_take(&world.pool, VK_SLOT_CLASSES, 0, &slot), -VK_EINVAL);
    CHECK_EQ(vk_pool_take(&world.pool, 0, 100, &slot), -VK_EINVAL);
    CHECK_EQ(vk_pool_take(&world.pool, 0, (64u << 10) + PAGE, &slot), -VK_EINVAL);
    CHECK_EQ(vk_pool_take(&world.pool, 3, 0, &slot), -VK_ENOMEM); /* a class that is not offered */
    end_world(&world);
}

TEST(vk_pool, fini_accepts_zeroed)
{
    struct vk_pool pool = {.guard = NULL};
    vk_pool_fini(&pool);
}

/* ---- taking and giving ------------------------------------------------------------ */

TEST(vk_pool, a_slot_is_open_as_far_as_asked)
{
    struct world world;
    start(&world, VK_GUARD_MPROTECT);
    for (uint32_t slot_class = 0; slot_class < 3; slot_class++) {
        struct vk_slot *whole = take(&world, slot_class, 0);
        CHECK_EQ(whole->size_bytes, vk_pool_class_bytes(slot_class));
        CHECK_EQ(whole->open_bytes, whole->size_bytes);
        CHECK(faults_is_open(whole->base + whole->size_bytes - 1));
        struct vk_slot *prefix = take(&world, slot_class, 4 * PAGE);
        CHECK_EQ(prefix->open_bytes, 4 * PAGE);
        CHECK(faults_is_open(prefix->base + 4 * PAGE - 1));
        CHECK(!faults_is_open(prefix->base + 4 * PAGE));
        CHECK(!faults_is_open(whole->base)); /* only one is open */
    }
    end_world(&world);
}

TEST(vk_pool, the_open_slot_is_taken_again_without_a_platform_call)
{
    struct world world;
    start(&world, VK_GUARD_MPROTECT);
    struct vk_slot *cold = take(&world, 0, 4 * PAGE);
    struct vk_slot *hot = take(&world, 0, 4 * PAGE);
    memset(hot->base, 'x', hot->open_bytes);
    uint64_t calls = faults.calls;
    uint64_t switches = world.guard.switches;
    for (int i = 0; i < 10; i++) {
        vk_pool_give(&world.pool, hot, 0);
        if (i == 5)
            vk_pool_give(&world.pool, cold, 0); /* given later, yet not taken first */
        CHECK(take(&world, 0, 4 * PAGE) == hot);
        check_zero(hot);
        memset(hot->base, 'x', hot->open_bytes);
    }
    CHECK_EQ(faults.calls, calls);
    CHECK_EQ(world.guard.switches, switches);
    end_world(&world);
}

TEST(vk_pool, used_bytes_bound_the_wipe)
{
    struct world world;
    start(&world, VK_GUARD_MPROTECT);
    struct vk_slot *slot = take(&world, 0, 0);
    memset(slot->base, 'x', 100);
    uint64_t before = world.pool.wipe_bytes;
    vk_pool_give(&world.pool, slot, 100);
    CHECK_EQ(world.pool.wipe_bytes - before, 100);
    slot = take(&world, 0, 0);
    check_zero(slot);
    memset(slot->base, 'x', slot->size_bytes);
    before = world.pool.wipe_bytes;
    vk_pool_give(&world.pool, slot, UINT32_MAX); /* never past its end */
    CHECK_EQ(world.pool.wipe_bytes - before, slot->size_bytes);
    check_zero(take(&world, 0, 0));
    end_world(&world);
}

TEST(vk_pool, a_slot_given_back_closed_is_wiped_before_its_next_use)
{
    struct world world;
    start(&world, VK_GUARD_MPROTECT);
    struct vk_slot *first = take(&world, 0, 4 * PAGE);
    memset(first->base, 'x', first->open_bytes);
    struct vk_slot *second = take(&world, 0, 4 * PAGE);
    vk_pool_give(&world.pool, first, 0); /* closed by now */
    CHECK(take(&world, 0, 4 * PAGE) == first);
    check_zero(first);
    CHECK(!faults_is_open(second->base));
    end_world(&world);
}

TEST(vk_pool, a_slot_that_grew_keeps_nothing)
{
    struct world world;
    start(&world, VK_GUARD_MPROTECT);
    for (uint32_t slot_class = 0; slot_class < 2; slot_class++) {
        for (int use = 0; use < 40; use++) {
            struct vk_slot *slot = take(&world, slot_class, PAGE);
            CHECK(grow(&world, slot, slot->size_bytes - 1));
            CHECK_EQ(slot->open_bytes, slot->size_bytes);
            check_zero(slot);
            if (use < 10 || use % 20 == 0)
                memset(slot->base, 'x', slot->size_bytes);
            vk_pool_give(&world.pool, slot, 0);
        }
    }
    end_world(&world);
}

TEST(vk_pool, a_slot_that_no_longer_grows_gets_its_prefix_back)
{
    struct world world;
    start(&world, VK_GUARD_MPROTECT);
    struct vk_slot *slot = take(&world, 0, PAGE);
    for (int use = 0; use < 5; use++) {
        CHECK(grow(&world, slot, 2 * PAGE));
        slot->base[2 * PAGE] = 'x';
        vk_pool_give(&world.pool, slot, 0);
        CHECK(take(&world, 0, PAGE) == slot);
    }
    for (int use = 0; use < 40; use++) {
        vk_pool_give(&world.pool, slot, 0);
        CHECK(take(&world, 0, PAGE) == slot);
    }
    CHECK_EQ(slot->open_bytes, PAGE);
    CHECK(!faults_is_open(slot->base + PAGE));
    end_world(&world);
}

TEST(vk_pool, large_slots_give_their_pages_back)
{
    struct world world;
    start(&world, VK_GUARD_MPROTECT);
    struct vk_slot *slot = take(&world, 1, 0);
    memset(slot->base, 'x', slot->size_bytes);
    vk_pool_give(&world.pool, slot, 0);
    CHECK(take(&world, 1, 0) == slot);
    check_zero(slot);
    end_world(&world);
}

/* Whether the platform has large pages or not, what the slot holds stays, closed or open, and goes with its
 * end. */
TEST(vk_pool, a_slot_that_is_gathered_stays_as_it_is)
{
    static const uint32_t marks[] = {1u << 20, 3u << 20, 3u << 20, 9u << 20, 16u << 20};
    struct world world;
    start(&world, VK_GUARD_MPROTECT);
    struct vk_slot *slot = take(&world, 2, 0), *other = take(&world, 0, 0);
    for (uint32_t i = 0, from = 0; i < VK_COUNT(marks); from = marks[i++]) {
        CHECK_EQ(vk_guard_enter(&world.guard, slot), 0);
        memset(slot->base + from, (int)i + 1, marks[i] - from);
        vk_pool_gather(&world.pool, slot, marks[i]);
        CHECK_EQ(slot->large_bytes, (marks[i] + (1u << 20)) & ~((2u << 20) - 1));
        CHECK_EQ(vk_guard_enter(&world.guard, other), 0);
        CHECK_EQ(vk_guard_enter(&world.guard, slot), 0);
        for (uint32_t k = 0, at = 0; k <= i; at = marks[k++])
            for (; at < marks[k]; at += PAGE)
                CHECK_EQ(slot->base[at], k + 1);
    }
    vk_pool_give(&world.pool, slot, marks[VK_COUNT(marks) - 1]);
    CHECK(take(&world, 2, 0) == slot);
    CHECK_EQ(slot->large_bytes, 0);
    check_zero(slot);
    end_world(&world);
}

TEST(vk_pool, a_free_slot_can_change_its_shape)
{
    static const struct vk_pool_options one = {.slots_max = {1, 0, 0, 0}, .mappings_max = 2};
    static const uint32_t prefixes[] = {0, PAGE, 4 * PAGE, 0, 8 * PAGE, 8 * PAGE, PAGE, 0};
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT, &one), 0);
    for (size_t i = 0; i < VK_COUNT(prefixes); i++) {
        struct vk_slot *slot = take(&world, 0, prefixes[i]);
        uint32_t open_bytes = prefixes[i] != 0 ? prefixes[i] : slot->size_bytes;
        CHECK(slot->open_bytes >= open_bytes);
        check_zero(slot);
        memset(slot->base, 'x', slot->open_bytes);
        vk_pool_give(&world.pool, slot, 0);
    }
    end_world(&world);
}

TEST(vk_pool, warm_slots_are_ready)
{
    static const struct vk_pool_options warm = {
        .slots_max = {64, 0, 0, 0}, .mappings_max = 1000, .warm = 8, .warm_prefix_bytes = PAGE};
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT, &warm), 0);
    uint64_t calls = faults.calls;
    struct vk_slot *slot = NULL;
    CHECK_EQ(vk_pool_take(&world.pool, 0, PAGE, &slot), 0);
    CHECK_EQ(vk_guard_enter(&world.guard, slot), 0);
    CHECK_EQ(faults.calls, calls); /* the one made last is open */
    check_zero(slot);
    end_world(&world);
    static const struct vk_pool_options too_warm = {.slots_max = {64, 0, 0, 0}, .mappings_max = 3, .warm = 8};
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT, &too_warm), -VK_ENOMEM);
    end_world(&world);
}

/* ---- capacity ---------------------------------------------------------------------- */

TEST(vk_pool, room_is_what_can_be_taken)
{
    static const struct vk_pool_options few[] = {
        {.slots_max = {10, 0, 0, 0}, .mappings_max = 1000},
        {.slots_max = {100, 0, 0, 0}, .mappings_max = 10},
    };
    for (size_t i = 0; i < VK_COUNT(few); i++) {
        struct world world;
        struct vk_slot *slots[10];
        struct vk_slot *none;
        CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT, &few[i]), 0);
        for (uint32_t taken = 0; taken < 10; taken++) {
            CHECK_EQ(vk_pool_room(&world.pool), 10 - taken);
            slots[taken] = take(&world, 0, 0);
        }
        CHECK_EQ(vk_pool_room(&world.pool), 0);
        CHECK_EQ(vk_pool_take(&world.pool, 0, 0, &none), -VK_ENOMEM);
        vk_pool_give(&world.pool, slots[3], 0);
        CHECK_EQ(vk_pool_room(&world.pool), 1);
        CHECK(take(&world, 0, 0) == slots[3]);
        end_world(&world);
    }
}

TEST(vk_pool, a_prefix_costs_two_mappings)
{
    static const struct vk_pool_options few = {.slots_max = {10, 0, 0, 0}, .mappings_max = 5};
    struct world world;
    struct vk_slot *slot;
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT, &few), 0);
    take(&world, 0, PAGE);
    take(&world, 0, PAGE);
    CHECK_EQ(vk_pool_take(&world.pool, 0, PAGE, &slot), -VK_ENOMEM);
    slot = take(&world, 0, 0); /* one is left */
    vk_pool_give(&world.pool, slot, 0);
    CHECK_EQ(vk_pool_take(&world.pool, 0, PAGE, &slot), -VK_ENOMEM); /* not enough to reshape it */
    CHECK_EQ(vk_pool_take(&world.pool, 0, 0, &slot), 0);             /* and it is not lost */
    end_world(&world);
}

TEST(vk_pool, without_a_limit_the_platform_s_is_used)
{
    static const struct vk_pool_options plain = {.slots_max = {VK_PAGE_BYTES, 0, 0, 0}};
    struct world world;
    struct plat_caps caps;
    plat_caps(&caps);
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT, &plain), 0);
    CHECK_EQ(world.pool.mappings_max, caps.mappings_max - VK_MAPPINGS_RESERVED);
    end_world(&world);
}

TEST(vk_pool, find_knows_slots_in_use_by_any_address)
{
    struct world world;
    start(&world, VK_GUARD_MPROTECT);
    struct vk_slot *a = take(&world, 0, 0);
    struct vk_slot *b = take(&world, 0, 0);
    struct vk_slot *c = take(&world, 1, PAGE);
    CHECK(vk_pool_find(&world.pool, (uintptr_t)a->base) == a);
    CHECK(vk_pool_find(&world.pool, (uintptr_t)a->base + a->size_bytes - 1) == a);
    CHECK(vk_pool_find(&world.pool, (uintptr_t)b->base) == b);
    CHECK(vk_pool_find(&world.pool, (uintptr_t)c->base + c->size_bytes - 1) == c);
    CHECK(vk_pool_find(&world.pool, (uintptr_t)c->base + c->size_bytes) == NULL); /* not made yet */
    CHECK(vk_pool_find(&world.pool, (uintptr_t)&world) == NULL);
    CHECK(vk_pool_find(&world.pool, 0) == NULL);
    vk_pool_give(&world.pool, b, 0);
    CHECK(vk_pool_find(&world.pool, (uintptr_t)b->base) == NULL);
    end_world(&world);
}

/* ---- refusals -------------------------------------------------------------------- */

/* Uses a slot as a process would: fills it, growing if it may. False when the platform refused. */
static bool use_slot(struct world *world, uint32_t slot_class, uint32_t prefix_bytes,
                     struct vk_slot **ret_slot)
{
    *ret_slot = NULL;
    if (vk_pool_take(&world->pool, slot_class, prefix_bytes, ret_slot) != 0)
        return false;
    if (vk_guard_enter(&world->guard, *ret_slot) != 0) {
        CHECK(world->guard.open_slot == NULL);
        vk_pool_give(&world->pool, *ret_slot, 0);
        *ret_slot = NULL;
        return false;
    }
    (void)grow(world, *ret_slot, (*ret_slot)->size_bytes - 1); /* a refusal ends a process, not this */
    check_zero(*ret_slot);
    memset((*ret_slot)->base, 'x', (*ret_slot)->open_bytes);
    return true;
}

/* Start, uses of all kinds, end; refused calls only make it shorter. True when nothing was refused. */
static bool run_scenario(enum vk_guard_kind kind)
{
    static const struct vk_pool_options options = {.slots_max = {3, 1, 0, 0}, .mappings_max = 9, .warm = 2};
    struct world world;
    faults.calls = 0;
    faults.refusals = 0;
    int rc = make_world(&world, kind, &options);
    for (uint32_t i = 0; rc == 0 && i < 24; i++) {
        struct vk_slot *a;
        struct vk_slot *b;
        bool has_a = use_slot(&world, i % 8 == 7 ? 1 : 0, i % 3 * PAGE, &a);
        bool has_b = use_slot(&world, 0, i % 2 * 4 * PAGE, &b);
        if (has_a)
            vk_pool_give(&world.pool, a, 0);
        if (has_b)
            vk_pool_give(&world.pool, b, 0);
    }
    CHECK(rc == 0 || faults.refusals > 0);
    end_world(&world);
    return faults.refusals == 0;
}

static void refuse_each_call(enum vk_guard_kind kind)
{
    uint64_t last = 0;
    for (faults.refuse_at = 1; !run_scenario(kind); faults.refuse_at++)
        last = faults.refuse_at;
    CHECK(last > 20);
    faults.refuse_at = 0;
    for (faults.refuse_all = 1; faults.refuse_all <= last; faults.refuse_all++)
        CHECK(!run_scenario(kind));
}

TEST(vk_pool, any_one_call_may_be_refused)
{
    refuse_each_call(VK_GUARD_MPROTECT);
}

TEST(vk_pool, any_one_call_may_be_refused_without_a_guard)
{
    refuse_each_call(VK_GUARD_OFF);
}

TEST(vk_pool, any_one_call_may_be_refused_with_keys)
{
    struct world world;
    faults.has_keys = true;
    if (make_world(&world, VK_GUARD_PKEY, &plain_options) == -VK_ENOTSUP)
        SKIP("the pkey guard is not there");
    end_world(&world);
    refuse_each_call(VK_GUARD_PKEY);
    CHECK_EQ(faults.keys, 0); /* all were given back */
}

TEST(vk_pool, a_slot_whose_wipe_is_refused_is_kept_for_the_next_take)
{
    static const struct vk_pool_options two = {.slots_max = {2, 0, 0, 0}, .mappings_max = 100};
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT, &two), 0);
    struct vk_slot *dirty = take(&world, 0, 4 * PAGE);
    memset(dirty->base, 'x', dirty->open_bytes);
    take(&world, 0, 4 * PAGE); /* closes it */
    vk_pool_give(&world.pool, dirty, 0);
    struct vk_slot *slot = NULL;
    faults.refuse_at = faults.calls + 1;
    CHECK_EQ(vk_pool_take(&world.pool, 0, 4 * PAGE, &slot), -VK_ENOMEM);
    CHECK(slot == NULL);
    CHECK_EQ(vk_pool_room(&world.pool), 1);
    CHECK(take(&world, 0, 4 * PAGE) == dirty);
    check_zero(dirty);
    end_world(&world);
}

/* ---- at random --------------------------------------------------------------------- */

#define HELD_MAX 20u

struct held {
    struct vk_slot *slot;
    uint8_t fill;
    uint32_t filled_bytes; /* the first and the last byte up to here are the fill */
};

static void check_held(struct world *world, const struct held *held)
{
    if (vk_guard_enter(&world->guard, held->slot) != 0)
        return;
    for (uint32_t at = 0; at < held->filled_bytes; at += 997)
        CHECK_EQ(held->slot->base[at], held->fill);
    CHECK_EQ(held->slot->base[held->filled_bytes - 1], held->fill);
}

static bool take_held(struct world *world, struct held *held, uint64_t *seed)
{
    uint32_t slot_class = test_random_below(seed, 8) == 0 ? 1 : 0;
    uint32_t prefix_bytes = test_random_below(seed, 3) * 4 * PAGE;
    if (vk_pool_take(&world->pool, slot_class, prefix_bytes, &held->slot) != 0)
        return false;
    held->fill = (uint8_t)(1 + test_random_below(seed, 255));
    held->filled_bytes = 1;
    while (vk_guard_enter(&world->guard, held->slot) != 0)
        continue; /* the refusals are random: one is let through */
    if (test_random_below(seed, 3) == 0)
        (void)grow(world, held->slot, held->slot->size_bytes - 1);
    check_zero(held->slot);
    held->filled_bytes = 1 + test_random_below(seed, held->slot->open_bytes);
    memset(held->slot->base, held->fill, held->filled_bytes);
    return true;
}

static void give_held(struct world *world, struct held *held, uint64_t *seed)
{
    check_held(world, held);
    bool is_whole = held->slot->shape_bytes == held->slot->size_bytes;
    uint32_t used_bytes = is_whole && test_random_below(seed, 2) == 0 ? held->filled_bytes : 0;
    vk_pool_give(&world->pool, held->slot, used_bytes);
    held->slot = NULL;
}

static void run_random(enum vk_guard_kind kind, uint32_t one_in, uint64_t seed)
{
    static const struct vk_pool_options options = {.slots_max = {16, 4, 0, 0}, .mappings_max = 30};
    struct held held[HELD_MAX] = {{0}};
    struct world world;
    uint32_t taken = 0;
    CHECK_EQ(make_world(&world, kind, &options), 0);
    faults.one_in = one_in;
    faults.seed = seed;
    for (int round = 0; round < 1500; round++) {
        struct held *one = &held[test_random_below(&seed, HELD_MAX)];
        if (one->slot != NULL)
            give_held(&world, one, &seed);
        else
            taken += take_held(&world, one, &seed);
        for (size_t i = 0; kind == VK_GUARD_MPROTECT && i < HELD_MAX; i++)
            if (held[i].slot != NULL)
                CHECK_EQ(faults_is_open(held[i].slot->base), held[i].slot == world.guard.open_slot);
        CHECK(world.pool.mappings_used <= world.pool.mappings_max);
    }
    /* Refusals lose slots now and then; without them every take but those past the capacity works. */
    CHECK(taken > (one_in == 0 ? 400 : 20));
    faults.one_in = 0;
    end_world(&world);
}

TEST(vk_pool, no_slot_is_shared_and_none_shows_its_past)
{
    run_random(VK_GUARD_MPROTECT, 0, 31);
}

TEST(vk_pool, no_slot_shows_its_past_whatever_is_refused)
{
    run_random(VK_GUARD_MPROTECT, 20, 32);
    run_random(VK_GUARD_OFF, 20, 33);
}
