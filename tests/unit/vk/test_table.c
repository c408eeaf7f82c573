/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a handle finds its entry as long as it is in use and never afterwards;
 * a fresh table touches no page ahead of need. Method: cases by hand, random
 * operations against an array, and pages closed under a table.
 */
#include "vk/table.h"

#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"
#include "vk/region.h"

struct item {
    struct vk_entry entry;
    uint64_t value;
};

#define REGION_BYTES (4u << 20)

/* One region for all: tests in one image follow each other, so each begins with a new one. */
static struct vk_region region;

static void start(struct vk_table *table, uint32_t max)
{
    vk_region_fini(&region);
    CHECK_EQ(vk_region_init(&region, REGION_BYTES), 0);
    CHECK_EQ(vk_table_init(table, sizeof(struct item), max, &region), 0);
}

static struct item *take(struct vk_table *table)
{
    return (struct item *)vk_table_take(table);
}

TEST(vk_table, init_refuses_what_it_cannot_hold)
{
    struct vk_table table;
    start(&table, 1);
    CHECK_EQ(vk_table_init(&table, sizeof(struct item), 0, &region), -VK_EINVAL);
    CHECK_EQ(vk_table_init(&table, sizeof(struct item), VK_TABLE_MAX, &region), -VK_EINVAL);
    CHECK_EQ(vk_table_init(&table, 0, 8, &region), -VK_EINVAL);
    CHECK_EQ(vk_table_init(&table, 12, 8, &region), -VK_EINVAL);
    CHECK_EQ(vk_table_init(&table, REGION_BYTES, 8, &region), -VK_ENOMEM);
    CHECK_EQ(vk_table_init(&table, (size_t)UINT32_MAX + 1, 8, &region), -VK_EINVAL);
    CHECK(vk_table_get(&table, 1) == NULL);
    CHECK(vk_table_next(&table, NULL) == NULL);
}

TEST(vk_table, a_handle_finds_its_entry)
{
    struct vk_table table;
    start(&table, 3);
    struct item *a = take(&table);
    struct item *b = take(&table);
    CHECK(a != NULL && b != NULL && a != b);
    CHECK(a->entry.handle != 0 && b->entry.handle != 0);
    CHECK_EQ(table.count, 2);
    CHECK(vk_table_get(&table, a->entry.handle) == a);
    CHECK(vk_table_get(&table, b->entry.handle) == b);
    CHECK_EQ(a->value, 0);
}

TEST(vk_table, a_full_table_gives_null_until_one_is_given_back)
{
    struct vk_table table;
    start(&table, 2);
    struct item *a = take(&table);
    CHECK(take(&table) != NULL);
    CHECK(take(&table) == NULL);
    CHECK(take(&table) == NULL);
    CHECK_EQ(table.count, 2);
    vk_table_give(&table, a);
    CHECK_EQ(table.count, 1);
    CHECK(take(&table) == a);
    CHECK(take(&table) == NULL);
}

TEST(vk_table, the_last_one_given_back_is_the_first_one_taken)
{
    struct vk_table table;
    start(&table, 8);
    struct item *items[3];
    for (size_t i = 0; i < 3; i++)
        items[i] = take(&table);
    vk_table_give(&table, items[0]);
    vk_table_give(&table, items[2]);
    CHECK(take(&table) == items[2]);
    CHECK(take(&table) == items[0]);
}

TEST(vk_table, a_stale_handle_finds_nothing)
{
    struct vk_table table;
    start(&table, 2);
    struct item *item = take(&table);
    uint32_t old = item->entry.handle;
    vk_table_give(&table, item);
    CHECK(vk_table_get(&table, old) == NULL);
    CHECK(take(&table) == item);
    CHECK(item->entry.handle != old);
    CHECK(vk_table_get(&table, old) == NULL);
    CHECK(vk_table_get(&table, item->entry.handle) == item);
}

TEST(vk_table, a_made_up_handle_finds_nothing)
{
    struct vk_table table;
    start(&table, 4);
    struct item *item = take(&table);
    uint32_t index = vk_handle_index(item->entry.handle);
    vk_table_give(&table, take(&table)); /* a free entry, its next generation waiting */
    for (uint32_t generation = 0; generation < 4096; generation++) {
        for (uint32_t other = 0; other < 6; other++) {
            uint32_t handle = generation << VK_HANDLE_INDEX_BITS | other;
            bool is_real = handle == item->entry.handle;
            CHECK_EQ(vk_table_get(&table, handle) != NULL, is_real);
        }
        CHECK(vk_table_get(&table, generation << VK_HANDLE_INDEX_BITS | VK_HANDLE_INDEX_MASK) == NULL);
    }
    CHECK_EQ(index, 0);
    CHECK(vk_table_get(&table, 0) == NULL);
    CHECK(vk_table_get(&table, UINT32_MAX) == NULL);
    vk_table_give(&table, item);
    CHECK(vk_table_get(&table, 0) == NULL); /* though the free entry at index 0 holds just that */
}

TEST(vk_table, a_handle_does_not_come_back_when_its_generation_wraps)
{
    struct vk_table table;
    start(&table, 2 * VK_TABLE_REST);
    uint32_t first = take(&table)->entry.handle;
    vk_table_give(&table, vk_table_get(&table, first));
    uint64_t uses = 1;
    for (;; uses++) {
        struct item *item = take(&table);
        if (item->entry.handle == first)
            break;
        CHECK(vk_table_get(&table, first) == NULL);
        vk_table_give(&table, item);
    }
    CHECK_EQ(uses, (uint64_t)4095 * (VK_TABLE_REST + 1));
}

TEST(vk_table, resting_entries_serve_when_nothing_else_is_left)
{
    struct vk_table table;
    start(&table, 1);
    uint32_t first = 0;
    for (int i = 0; i < 4095 * 2; i++) {
        struct item *item = take(&table);
        CHECK(item != NULL);
        if (i == 0)
            first = item->entry.handle;
        CHECK_EQ(item->entry.handle == first, i % 4095 == 0);
        vk_table_give(&table, item);
    }
    CHECK_EQ(table.count, 0);
}

TEST(vk_table, the_walk_visits_entries_in_use_by_index)
{
    struct vk_table table;
    start(&table, 8);
    CHECK(vk_table_next(&table, NULL) == NULL);
    struct item *items[4];
    for (size_t i = 0; i < 4; i++)
        items[i] = take(&table);
    vk_table_give(&table, items[1]);
    CHECK(vk_table_next(&table, NULL) == items[0]);
    CHECK(vk_table_next(&table, items[0]) == items[2]);
    vk_table_give(&table, items[2]); /* during the walk */
    CHECK(vk_table_next(&table, items[2]) == items[3]);
    CHECK(vk_table_next(&table, items[3]) == NULL);
}

TEST(vk_table, a_fresh_table_touches_no_page_ahead)
{
    struct vk_table table;
    start(&table, 100000);
    struct item *first = take(&table);
    uintptr_t page = VK_ALIGN_UP((uintptr_t)(first + 1), (uintptr_t)VK_PAGE_BYTES);
    void *closed = (void *)page;
    CHECK_EQ(plat_protect(closed, VK_PAGE_BYTES * 64, PLAT_PROT_NONE), 0);
    size_t before = (page - (uintptr_t)first) / sizeof(struct item);
    for (size_t i = 1; i < before; i++)
        CHECK(take(&table) == first + i);
    vk_table_give(&table, first + 1);
    CHECK(take(&table) == first + 1);
    CHECK(vk_table_next(&table, first + before - 1) == NULL);
    CHECK(vk_table_get(&table, 1u << VK_HANDLE_INDEX_BITS | (uint32_t)before) == NULL);
    CHECK_EQ(plat_protect(closed, VK_PAGE_BYTES * 64, PLAT_PROT_RW), 0);
    CHECK(take(&table) == first + before);
}

/* ---- against a model --------------------------------------------------------- */

#define MAX 100u

struct model {
    uint32_t live[MAX]; /* handles in use */
    uint64_t values[MAX];
    uint32_t count;
    uint32_t stale[256]; /* handles given back lately */
    uint32_t stale_count;
};

static struct model model;

static void check_one(const struct vk_table *table, uint64_t *seed)
{
    CHECK_EQ(table->count, model.count);
    if (model.count > 0) {
        uint32_t at = test_random_below(seed, model.count);
        struct item *item = (struct item *)vk_table_get(table, model.live[at]);
        CHECK(item != NULL);
        CHECK_EQ(item->value, model.values[at]);
    }
    uint32_t known = model.stale_count < VK_COUNT(model.stale) ? model.stale_count : VK_COUNT(model.stale);
    if (known > 0)
        CHECK(vk_table_get(table, model.stale[test_random_below(seed, known)]) == NULL);
}

static void check_walk(const struct vk_table *table)
{
    uint32_t visited = 0;
    for (struct item *item = NULL; (item = (struct item *)vk_table_next(table, item)) != NULL;) {
        uint32_t at = 0;
        while (at < model.count && model.live[at] != item->entry.handle)
            at++;
        CHECK(at < model.count);
        visited++;
    }
    CHECK_EQ(visited, model.count);
}

TEST(vk_table, agrees_with_an_array_over_100000_operations)
{
    struct vk_table table;
    uint64_t seed = 42;
    memset(&model, 0, sizeof(model));
    start(&table, MAX);
    for (int round = 0; round < 100000; round++) {
        if (test_random_below(&seed, 2) == 0) {
            struct item *item = take(&table);
            CHECK_EQ(item == NULL, model.count == MAX);
            if (item == NULL)
                continue;
            item->value = test_random(&seed);
            model.values[model.count] = item->value;
            model.live[model.count++] = item->entry.handle;
        } else if (model.count > 0) {
            uint32_t at = test_random_below(&seed, model.count);
            vk_table_give(&table, vk_table_get(&table, model.live[at]));
            model.stale[model.stale_count++ % VK_COUNT(model.stale)] = model.live[at];
            model.live[at] = model.live[--model.count];
            model.values[at] = model.values[model.count];
        }
        check_one(&table, &seed);
        if (round % 1000 == 0)
            check_walk(&table);
    }
}

struct wide {
    struct vk_entry entry;
    uint32_t number[254];
};

TEST(vk_table, table_of_several_large_pages_keeps_what_is_in_it)
{
    enum { COUNT = 4 * VK_LARGE_PAGE_BYTES / sizeof(struct wide) };
    struct vk_region wide_region;
    struct vk_table table;
    struct wide *entry = NULL;
    CHECK_EQ(vk_region_init(&wide_region, vk_table_region_bytes(sizeof *entry, COUNT)), 0);
    CHECK_EQ(vk_table_init(&table, sizeof *entry, COUNT, &wide_region), 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        entry = vk_table_take(&table);
        CHECK(entry != NULL && entry->number[0] == 0 && entry->number[253] == 0);
        entry->number[0] = entry->number[253] = i + 1;
    }
    CHECK(vk_table_take(&table) == NULL);
    entry = NULL;
    for (uint32_t i = 0; i < COUNT; i++) {
        entry = vk_table_next(&table, entry);
        CHECK(entry->number[0] == i + 1 && entry->number[253] == i + 1);
    }
    vk_region_fini(&wide_region);
}
