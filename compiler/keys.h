/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What grows during lowering, in the compilation's arena: arrays, and tables
 * from any bytes to a number. Open addressing, FNV-1a.
 */
#ifndef COMPILER_KEYS_H
#define COMPILER_KEYS_H

#include "compiler/arena.h"
#include "vk/bytes.h"

/* Room for one more of an array of `size` bytes an item: returns where the array lies now. */
void *vkc_room(struct vkc_arena *arena, void *items, uint32_t count, uint32_t *room, size_t size);

/* items, count, room: an array and its two numbers; evaluates to the new, zeroed item. */
#define VKC_APPEND(arena, items, count, room) \
    ((items) = vkc_room((arena), (items), (count), &(room), sizeof *(items)), &(items)[(count)++])

struct vkc_key {
    const void *bytes;
    uint32_t len;
    uint32_t hash;
    uint32_t value;
};

/* A zeroed one is empty. */
struct vkc_keys {
    /* private */
    struct vkc_key *slots;
    uint32_t room;
    uint32_t count;
};

/* The number of a key; `fresh` when it was not there, and it is there with that number from now on. */
uint32_t vkc_keys_put(struct vkc_keys *keys, struct vkc_arena *arena, const void *bytes, size_t len_bytes,
                      uint32_t fresh);

#endif
