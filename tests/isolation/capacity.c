/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As many small processes alive as the OS allows: whole slots are taken, and
 * a page of each is touched, until the pool refuses. It must do so by itself,
 * before the OS runs out of mappings; each slot must be one mapping; and all
 * of them can be given back and taken again.
 */
#include "vk/err.h"
#include "vk/guard.h"
#include "vk/limits.h"
#include "vk/plat.h"
#include "vk/pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS_MAX 2000000u /* records; more than mappings, on any machine this is run on */

static struct vk_region region;
static struct vk_guard guard;
static struct vk_pool pool;

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    printf("FAIL %s\n", what);
    exit(1);
}

static uint32_t take_all(struct vk_slot **slots)
{
    uint32_t count = 0;
    int rc = 0;
    while (count < SLOTS_MAX && (rc = vk_pool_take(&pool, 0, 0, &slots[count])) == 0) {
        struct vk_slot *slot = slots[count++];
        check(vk_guard_enter(&guard, slot) == 0, "a slot that was taken can be opened");
        check(*(volatile uint8_t *)slot->base == 0, "a slot is zero");
        *slot->base = 1;
    }
    check(rc == -VK_ENOMEM, "the pool refuses in the end");
    check(vk_pool_room(&pool) == 0, "the pool knew when it would");
    return count;
}

static void give_all(struct vk_slot **slots, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        vk_pool_give(&pool, slots[i], 1);
}

/* How many slots the OS kernel keeps as one mapping of exactly their size; *ret_total: mappings of any kind.
 */
static uint32_t count_mappings(uint32_t *ret_total)
{
    uint32_t exact = 0;
    uintptr_t from, to;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    check(maps != NULL, "the mappings can be read");
    *ret_total = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        (*ret_total)++;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) != 2)
            continue;
        const struct vk_slot *slot = vk_pool_find(&pool, from);
        exact += slot != NULL && (uintptr_t)slot->base == from && to - from == slot->size_bytes;
    }
    (void)fclose(maps);
    return exact;
}

int main(void)
{
    const struct vk_pool_options options = {.slots_max = {SLOTS_MAX, 0, 0, 0}};
    struct plat_caps caps;
    uint32_t total;
    plat_caps(&caps);
    if (caps.mappings_max > SLOTS_MAX || caps.mappings_max < 2 * VK_MAPPINGS_RESERVED) {
        printf("skip: vm.max_map_count is %u\n", caps.mappings_max);
        return 77;
    }
    struct vk_slot **slots = malloc(SLOTS_MAX * sizeof(struct vk_slot *));
    check(slots != NULL, "memory for the list");
    check(vk_region_init(&region, SLOTS_MAX * sizeof(struct vk_slot) + (1u << 20)) == 0, "region");
    check(vk_guard_init(&guard, VK_GUARD_MPROTECT, &region, NULL, 0) == 0, "guard");
    check(vk_pool_init(&pool, &options, &guard, &region) == 0, "pool");

    uint32_t count = take_all(slots);
    check(count == caps.mappings_max - VK_MAPPINGS_RESERVED, "every mapping that is not reserved is a slot");
    check(count_mappings(&total) == count, "every slot is one mapping");
    check(total < caps.mappings_max, "the OS kernel has mappings left");
    printf("ok %u slots alive, %u mappings of %u\n", count, total, caps.mappings_max);
    give_all(slots, count);
    check(take_all(slots) == count, "the same number can be taken again");
    give_all(slots, count);
    printf("ok all given back and taken again\n");

    vk_pool_fini(&pool);
    vk_guard_fini(&guard);
    vk_region_fini(&region);
    (void)count_mappings(&total);
    check(total < 200, "nothing is left of them");
    free(slots);
    return 0;
}
