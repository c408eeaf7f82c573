/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/table.h"

#include "vk/err.h"
#include "vk/plat.h"
#include "vk/region.h"

#define NONE             VK_HANDLE_INDEX_MASK
#define FIRST_GENERATION (1u << VK_HANDLE_INDEX_BITS)

VK_SELDOM int vk_table_init(struct vk_table *table, size_t entry_bytes, uint32_t max,
                            struct vk_region *region)
{
    *table = (struct vk_table){0};
    if (entry_bytes < sizeof(struct vk_entry) || entry_bytes % 8 != 0 || entry_bytes > UINT32_MAX)
        return -VK_EINVAL;
    if (max == 0 || max >= VK_TABLE_MAX)
        return -VK_EINVAL;
    uint8_t *entries = (uint8_t *)vk_region_alloc(region, entry_bytes * max, VK_CACHE_LINE_BYTES);
    if (entries == NULL)
        return -VK_ENOMEM;
    *table = (struct vk_table){
        .max = max,
        .free_first = NONE,
        .entries = entries,
        .entry_bytes = (uint32_t)entry_bytes,
        .rest_first = NONE,
        .rest_last = NONE,
    };
    return 0;
}

static uint32_t index_of(const struct vk_table *table, const struct vk_entry *entry)
{
    return (uint32_t)((size_t)((const uint8_t *)entry - table->entries) / table->entry_bytes);
}

static uint32_t pop_rest(struct vk_table *table)
{
    uint32_t index = table->rest_first;
    const struct vk_entry *entry = (const struct vk_entry *)vk_table_at(table, index);
    table->rest_first = vk_handle_index(entry->link);
    table->rest_count--;
    return index;
}

/*
 * The next entry that was never used. A table that fills a large page grows by large pages, where the
 * platform has them: they cost a tenth of the faults that their small pages would.
 */
static uint32_t make_entry(struct vk_table *table)
{
    uint32_t index = table->made++;
    uint8_t *entry = vk_table_at(table, index),
            *end = table->entries + (size_t)table->max * table->entry_bytes;
    uint8_t *page = (uint8_t *)VK_ALIGN_UP((uintptr_t)entry, (uintptr_t)VK_LARGE_PAGE_BYTES);
    if (VK_UNLIKELY(page < entry + table->entry_bytes) && page >= table->entries + VK_LARGE_PAGE_BYTES &&
        page + VK_LARGE_PAGE_BYTES <= end) {
        *(volatile uint8_t *)page = 0; /* it is made of what is there */
        plat_gather(page, VK_LARGE_PAGE_BYTES);
    }
    return index;
}

void *vk_table_take_slow(struct vk_table *table)
{
    bool is_full = table->made == table->max;
    uint32_t index;
    if (table->rest_count > VK_TABLE_REST || (is_full && table->rest_count > 0))
        index = pop_rest(table);
    else if (!is_full)
        index = make_entry(table);
    else
        return NULL;
    struct vk_entry *entry = (struct vk_entry *)vk_table_at(table, index);
    entry->handle = FIRST_GENERATION | index;
    table->count++;
    return entry;
}

void vk_table_rest(struct vk_table *table, struct vk_entry *entry)
{
    uint32_t index = index_of(table, entry);
    entry->link = NONE;
    if (table->rest_count == 0)
        table->rest_first = index;
    else
        ((struct vk_entry *)vk_table_at(table, table->rest_last))->link = index;
    table->rest_last = index;
    table->rest_count++;
}

void *vk_table_next(const struct vk_table *table, const void *entry)
{
    uint32_t index = entry == NULL ? 0 : index_of(table, (const struct vk_entry *)entry) + 1;
    for (; index < table->made; index++) {
        struct vk_entry *at = (struct vk_entry *)vk_table_at(table, index);
        if (at->handle != 0)
            return at;
    }
    return NULL;
}
