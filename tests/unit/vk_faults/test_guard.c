/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: at most one slot is open, a process never reaches another's or the
 * kernel's memory, and lazy closing costs nothing. Method: cases by hand over
 * the recording platform; a simulated CPU with keys for the pkey guard.
 */
#include "vk/guard.h"

#include "tests/unit/test.h"
#include "tests/unit/vk_faults/faults.h"
#include "vk/err.h"
#include "vk/pool.h"
#include "vk/region.h"

#define PAGE  VK_PAGE_BYTES
#define SLOTS 40u /* more than there are keys */

struct world {
    struct vk_region region;
    struct vk_guard guard;
    struct vk_pool pool;
    struct vk_slot *slots[SLOTS];
    uint8_t *kernel; /* a page of the kernel's */
};

static int make_world(struct world *world, enum vk_guard_kind kind)
{
    static const struct vk_pool_options options = {.slots_max = {SLOTS, 2, 0, 0}, .mappings_max = 1000};
    memset(world, 0, sizeof(*world));
    CHECK_EQ(vk_region_init(&world->region, 1u << 20), 0);
    world->kernel = (uint8_t *)vk_region_alloc(&world->region, 4 * PAGE, PAGE);
    int rc = vk_guard_init(&world->guard, kind, &world->region,
                           kind == VK_GUARD_MPROTECT_KERNEL ? world->kernel : NULL,
                           kind == VK_GUARD_MPROTECT_KERNEL ? 4 * PAGE : 0);
    if (rc != 0)
        return rc;
    CHECK_EQ(vk_pool_init(&world->pool, &options, &world->guard, &world->region), 0);
    for (uint32_t i = 0; i < SLOTS; i++)
        CHECK_EQ(vk_pool_take(&world->pool, 0, i % 2 * PAGE, &world->slots[i]), 0);
    return 0;
}

static void end_world(struct world *world)
{
    vk_pool_fini(&world->pool);
    vk_guard_fini(&world->guard);
    vk_region_fini(&world->region);
}

static void start_with_keys(struct world *world)
{
    faults.has_keys = true;
    if (make_world(world, VK_GUARD_PKEY) == -VK_ENOTSUP)
        SKIP("the pkey guard is not there");
}

TEST(vk_guard, names_and_kinds_correspond)
{
    static const enum vk_guard_kind kinds[] = {VK_GUARD_AUTO, VK_GUARD_MPROTECT, VK_GUARD_MPROTECT_KERNEL,
                                               VK_GUARD_PKEY, VK_GUARD_OFF};
    for (size_t i = 0; i < VK_COUNT(kinds); i++) {
        enum vk_guard_kind kind;
        CHECK_EQ(vk_guard_parse(vk_guard_name(kinds[i]), &kind), 0);
        CHECK_EQ(kind, kinds[i]);
    }
}

TEST(vk_guard, other_names_are_refused)
{
    static const char *const names[] = {"", "mprotec", "mprotectx", "PKEY", "of", "offf", "mprotect+"};
    for (size_t i = 0; i < VK_COUNT(names); i++) {
        enum vk_guard_kind kind = VK_GUARD_OFF;
        CHECK_EQ(vk_guard_parse(names[i], &kind), -VK_EINVAL);
        CHECK_EQ(kind, VK_GUARD_OFF);
    }
}

TEST(vk_guard, auto_takes_mprotect_where_there_are_no_keys)
{
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_AUTO), 0);
    CHECK_EQ(world.guard.kind, VK_GUARD_MPROTECT);
    end_world(&world);
    CHECK_EQ(make_world(&world, VK_GUARD_PKEY), -VK_ENOTSUP);
    vk_region_fini(&world.region);
}

TEST(vk_guard, fini_accepts_zeroed)
{
    struct vk_guard guard;
    memset(&guard, 0, sizeof(guard));
    vk_guard_fini(&guard);
}

TEST(vk_guard, only_the_entered_slot_is_open)
{
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT), 0);
    for (uint32_t i = 0; i < SLOTS; i++) {
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[i]), 0);
        CHECK(world.guard.open_slot == world.slots[i]);
        for (uint32_t k = 0; k < SLOTS; k++)
            CHECK_EQ(faults_is_open(world.slots[k]->base), k == i);
        memset(world.slots[i]->base, 'x', world.slots[i]->open_bytes);
    }
    CHECK_EQ(world.guard.switches, SLOTS);
    end_world(&world);
}

TEST(vk_guard, entering_the_open_slot_again_is_free)
{
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT), 0);
    CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
    uint64_t calls = faults.calls;
    for (int i = 0; i < 5; i++)
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
    CHECK_EQ(faults.calls, calls);
    CHECK_EQ(world.guard.switches, 1);
    end_world(&world);
}

TEST(vk_guard, off_never_closes)
{
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_OFF), 0);
    for (uint32_t i = 0; i < SLOTS; i++)
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[i]), 0);
    uint64_t calls = faults.calls;
    for (uint32_t i = 0; i < SLOTS; i++) {
        CHECK(faults_is_open(world.slots[i]->base));
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[i]), 0);
    }
    CHECK_EQ(faults.calls, calls);
    end_world(&world);
}

TEST(vk_guard, a_refused_switch_leaves_nothing_open)
{
    static const enum vk_guard_kind kinds[] = {VK_GUARD_MPROTECT, VK_GUARD_OFF};
    for (size_t i = 0; i < VK_COUNT(kinds); i++) {
        struct world world;
        CHECK_EQ(make_world(&world, kinds[i]), 0);
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
        faults.refuse_at = faults.calls + 1;
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[1]), -VK_ENOMEM);
        CHECK(world.guard.open_slot == NULL);
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[1]), 0);
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
        end_world(&world);
    }
}

TEST(vk_guard, a_slot_grows_from_inside_only)
{
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT), 0);
    struct vk_slot *slot = world.slots[1];
    uintptr_t base = (uintptr_t)slot->base;
    CHECK(!vk_guard_grow(&world.guard, base + PAGE)); /* it is not open */
    CHECK_EQ(vk_guard_enter(&world.guard, slot), 0);
    CHECK(!vk_guard_grow(&world.guard, base - 1));
    CHECK(!vk_guard_grow(&world.guard, base));
    CHECK(!vk_guard_grow(&world.guard, base + PAGE - 1)); /* open: the fault had another reason */
    CHECK(!vk_guard_grow(&world.guard, base + slot->size_bytes));
    CHECK(!vk_guard_grow(&world.guard, 0));
    CHECK(!vk_guard_grow(&world.guard, UINTPTR_MAX));
    CHECK_EQ(world.guard.grows, 0);
    faults.refuse_at = faults.calls + 1;
    CHECK(!vk_guard_grow(&world.guard, base + PAGE));
    CHECK_EQ(slot->open_bytes, PAGE);
    CHECK(vk_guard_grow(&world.guard, base + PAGE));
    CHECK_EQ(world.guard.grows, 1);
    CHECK_EQ(slot->open_bytes, slot->size_bytes);
    memset(slot->base, 'x', slot->size_bytes);
    CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
    CHECK(!faults_is_open(slot->base + slot->size_bytes - 1)); /* closed whole */
    end_world(&world);
}

TEST(vk_guard, mprotect_kernel_closes_what_is_critical_around_a_run)
{
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT_KERNEL), 0);
    CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
    for (int i = 0; i < 3; i++) {
        CHECK(faults_is_open(world.kernel));
        vk_guard_run_begin(&world.guard);
        CHECK(!faults_is_open(world.kernel));
        CHECK(!faults_is_open(world.kernel + 4 * PAGE - 1));
        vk_guard_run_end(&world.guard);
        world.kernel[0] = 'x';
    }
    end_world(&world);
}

TEST(vk_guard, the_other_kinds_do_nothing_around_a_run)
{
    struct world world;
    CHECK_EQ(make_world(&world, VK_GUARD_MPROTECT), 0);
    CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
    vk_guard_run_begin(&world.guard);
    CHECK(faults_is_open(world.kernel));
    vk_guard_run_end(&world.guard);
    CHECK(faults_is_open(world.slots[0]->base));
    end_world(&world);
}

/* ---- keys -------------------------------------------------------------------------- */

static void check_run(struct world *world, uint32_t runs)
{
    vk_guard_run_begin(&world->guard);
    for (uint32_t k = 0; k < SLOTS; k++)
        CHECK_EQ(faults_is_open_to_process(world->slots[k]->base), k == runs);
    CHECK(!faults_is_open_to_process(world->kernel));
    CHECK(!faults_is_open_to_process(world->region.base));
    vk_guard_run_end(&world->guard);
    CHECK(faults_is_open(world->kernel));
    CHECK(faults_is_open(world->slots[runs]->base));
}

TEST(vk_guard, with_keys_a_process_reaches_its_slot_only)
{
    struct world world;
    uint64_t seed = 17;
    start_with_keys(&world);
    for (uint32_t i = 0; i < 4 * SLOTS; i++) {
        uint32_t at = i < SLOTS ? i : test_random_below(&seed, SLOTS);
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[at]), 0);
        check_run(&world, at);
    }
    end_world(&world);
    CHECK_EQ(faults.keys, 0);
}

TEST(vk_guard, with_keys_hot_slots_cost_no_platform_call)
{
    struct world world;
    start_with_keys(&world);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[i]), 0);
    uint64_t calls = faults.calls;
    for (uint32_t i = 0; i < 40; i++) {
        CHECK_EQ(vk_guard_enter(&world.guard, world.slots[i % 4]), 0);
        check_run(&world, i % 4);
    }
    CHECK_EQ(faults.calls, calls);
    end_world(&world);
}

TEST(vk_guard, with_keys_a_refused_switch_leaves_nothing_open)
{
    struct world world;
    start_with_keys(&world);
    CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
    faults.refuse_at = faults.calls + 1;
    CHECK_EQ(vk_guard_enter(&world.guard, world.slots[1]), -VK_ENOMEM);
    CHECK(world.guard.open_slot == NULL);
    CHECK_EQ(vk_guard_enter(&world.guard, world.slots[1]), 0);
    check_run(&world, 1);
    CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
    check_run(&world, 0);
    end_world(&world);
}

TEST(vk_guard, with_keys_a_slot_grows_under_its_key)
{
    struct world world;
    start_with_keys(&world);
    struct vk_slot *slot = world.slots[1];
    CHECK_EQ(vk_guard_enter(&world.guard, slot), 0);
    CHECK(vk_guard_grow(&world.guard, (uintptr_t)slot->base + PAGE));
    vk_guard_run_begin(&world.guard);
    CHECK(faults_is_open_to_process(slot->base + slot->size_bytes - 1));
    vk_guard_run_end(&world.guard);
    CHECK_EQ(vk_guard_enter(&world.guard, world.slots[0]), 0);
    vk_guard_run_begin(&world.guard);
    CHECK(!faults_is_open_to_process(slot->base + slot->size_bytes - 1));
    vk_guard_run_end(&world.guard);
    end_world(&world);
}

TEST(vk_guard, auto_takes_keys_where_there_are_some)
{
    struct world world;
    start_with_keys(&world);
    end_world(&world);
    CHECK_EQ(make_world(&world, VK_GUARD_AUTO), 0);
    CHECK_EQ(world.guard.kind, VK_GUARD_PKEY);
    end_world(&world);
}

TEST(vk_guard, too_few_keys_are_given_back)
{
    struct world world;
    start_with_keys(&world);
    end_world(&world);
    for (uint32_t left = 0; left < 2; left++) {
        faults.keys = 0xfffeu << left & 0xfffeu; /* all taken but `left` of them */
        uint32_t before = faults.keys;
        CHECK_EQ(make_world(&world, VK_GUARD_PKEY), -VK_ENOTSUP);
        CHECK_EQ(faults.keys, before);
        vk_region_fini(&world.region);
    }
}
