/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of fixed-size entries named by 32-bit handles: 20 bits of index and
 * 12 bits of generation. The generation changes when an entry is given back,
 * so a handle kept too long, or made up, finds nothing instead of the entry's
 * next user. 0 is never a handle.
 *
 * Entries are taken last-in first-out, so the hot one stays in cache. Memory
 * is touched only when an entry is first used: `made` marks how far that went.
 * An entry whose generation wraps rests until VK_TABLE_REST others rest too,
 * so that the same handle does not come back within VK_TABLE_REST * 4095 uses
 * of a table with that many free entries, however hot one entry is.
 */
#ifndef VK_TABLE_H
#define VK_TABLE_H

#include "vk/base.h"
#include "vk/limits.h"

struct vk_region;

#define VK_HANDLE_INDEX_BITS 20u
#define VK_HANDLE_INDEX_MASK ((1u << VK_HANDLE_INDEX_BITS) - 1u)
#define VK_TABLE_MAX         (1u << VK_HANDLE_INDEX_BITS) /* entries of one table */
#define VK_TABLE_REST        1024u                        /* entries that rest after a wrap */

/* The first member of every entry. */
struct vk_entry {
    uint32_t handle; /* read it freely; 0 while the entry is free */

    /* private */
    uint32_t link; /* while free: generation of the next use above, index of the next free entry below */
};

struct vk_table {
    uint32_t count; /* entries in use */

    /* private */
    uint32_t max;
    uint32_t made;       /* entries [0, made) have been used at least once */
    uint32_t free_first; /* index; VK_HANDLE_INDEX_MASK: none */
    uint8_t *entries;
    uint32_t entry_bytes;
    uint32_t rest_first; /* wrapped entries, oldest first */
    uint32_t rest_last;
    uint32_t rest_count;
};

/*
 * entry_bytes  size of an entry, a multiple of 8, struct vk_entry first
 * max          1 .. VK_TABLE_MAX - 1
 * region       gives the memory, zero-filled; lives as long as the table
 *
 * Returns 0; -VK_EINVAL; -VK_ENOMEM. There is no fini: the memory is the region's.
 */
int vk_table_init(struct vk_table *table, size_t entry_bytes, uint32_t max, struct vk_region *region);

/* Bytes of region that vk_table_init will take, alignment included. */
VK_INLINE size_t vk_table_region_bytes(size_t entry_bytes, uint32_t max)
{
    return entry_bytes * max + VK_CACHE_LINE_BYTES;
}

/* The slow halves of take and give: no free entry at hand, a generation wrapped. */
void *vk_table_take_slow(struct vk_table *table);
void vk_table_rest(struct vk_table *table, struct vk_entry *entry);

/* The entry at an index below `made`, used or free: for indices our own code kept. */
VK_INLINE void *vk_table_at(const struct vk_table *table, uint32_t index)
{
    vk_assert_slow(index < table->made);
    return table->entries + (size_t)index * table->entry_bytes;
}

VK_INLINE uint32_t vk_handle_index(uint32_t handle)
{
    return handle & VK_HANDLE_INDEX_MASK;
}

/* The entry a handle names; NULL when it is stale, made up, or 0. Any number may be asked. */
VK_INLINE void *vk_table_get(const struct vk_table *table, uint32_t handle)
{
    uint32_t index = vk_handle_index(handle);
    if (VK_UNLIKELY(index >= table->made))
        return NULL;
    struct vk_entry *entry = (struct vk_entry *)vk_table_at(table, index);
    /* A free entry holds 0, so 0 must not match. */
    return VK_LIKELY(entry->handle == handle && handle != 0) ? entry : NULL;
}

/* The entry in use at an index; NULL when there is none. Any number may be asked. */
VK_INLINE void *vk_table_used(const struct vk_table *table, uint32_t index)
{
    if (VK_UNLIKELY(index >= table->made))
        return NULL;
    struct vk_entry *entry = (struct vk_entry *)vk_table_at(table, index);
    return entry->handle != 0 ? entry : NULL;
}

/*
 * Take a free entry; its handle is set. The rest is as its last user left it,
 * zero at first use. NULL when max are in use.
 */
VK_INLINE void *vk_table_take(struct vk_table *table)
{
    uint32_t index = table->free_first;
    if (VK_UNLIKELY(index == VK_HANDLE_INDEX_MASK))
        return vk_table_take_slow(table);
    struct vk_entry *entry = (struct vk_entry *)vk_table_at(table, index);
    table->free_first = entry->link & VK_HANDLE_INDEX_MASK;
    table->count++;
    entry->handle = (entry->link & ~VK_HANDLE_INDEX_MASK) | index;
    return entry;
}

/* Give an entry in use back; every handle to it is stale from now on. */
VK_INLINE void vk_table_give(struct vk_table *table, void *used)
{
    struct vk_entry *entry = (struct vk_entry *)used;
    uint32_t handle = entry->handle;
    vk_assert(handle != 0);
    uint32_t generation = (handle & ~VK_HANDLE_INDEX_MASK) + (1u << VK_HANDLE_INDEX_BITS);
    table->count--;
    entry->handle = 0;
    if (VK_UNLIKELY(generation == 0)) {
        vk_table_rest(table, entry);
        return;
    }
    entry->link = generation | table->free_first;
    table->free_first = vk_handle_index(handle);
}

/*
 * Walk the entries in use by index: NULL gives the first, an entry the next
 * one after it, in use or not; NULL after the last. Entries may be given back
 * during the walk.
 */
void *vk_table_next(const struct vk_table *table, const void *entry);

#endif
