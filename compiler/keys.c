/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/keys.h"

#include <string.h>

#define ROOM_FIRST 16u

void *vkc_room(struct vkc_arena *arena, void *items, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room == 0 ? ROOM_FIRST : *room * 2;
    void *grown = vkc_arena_take(arena, *room * size);
    vk_copy(grown, items, count * size);
    return grown;
}

static uint32_t hash_of(const void *bytes, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 16777619u;
    return hash;
}

static struct vkc_key *find(const struct vkc_keys *keys, const void *bytes, size_t len, uint32_t hash)
{
    for (uint32_t at = hash;; at++) {
        struct vkc_key *slot = &keys->slots[at & (keys->room - 1)];
        if (slot->bytes == NULL ||
            (slot->hash == hash && slot->len == len && memcmp(slot->bytes, bytes, len) == 0))
            return slot;
    }
}

static void widen(struct vkc_keys *keys, struct vkc_arena *arena)
{
    struct vkc_keys old = *keys;
    keys->room = old.room == 0 ? 64 : old.room * 2;
    keys->slots = VKC_NEW_ARRAY(arena, struct vkc_key, keys->room);
    for (uint32_t i = 0; i < old.room; i++)
        if (old.slots[i].bytes != NULL)
            *find(keys, old.slots[i].bytes, old.slots[i].len, old.slots[i].hash) = old.slots[i];
}

uint32_t vkc_keys_put(struct vkc_keys *keys, struct vkc_arena *arena, const void *bytes, size_t len_bytes,
                      uint32_t fresh)
{
    if (keys->count * 2 >= keys->room)
        widen(keys, arena);
    uint32_t hash = hash_of(bytes, len_bytes);
    struct vkc_key *slot = find(keys, bytes, len_bytes, hash);
    if (slot->bytes == NULL) {
        *slot = (struct vkc_key){vkc_arena_copy(arena, bytes, len_bytes), (uint32_t)len_bytes, hash, fresh};
        keys->count++;
    }
    return slot->value;
}
