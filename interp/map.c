/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps: entries in the order of their insertion, and buckets that hold the
 * index of the first entry of a chain. Removing leaves a dead entry, which
 * the next copy drops. Source of the layout: Hettinger, "More compact
 * dictionaries", 2012, with chains instead of probing.
 */
#include "interp/interp_impl.h"

static uint64_t buckets_for(uint64_t room)
{
    uint64_t n = 4;
    while (n < room)
        n *= 2;
    return room ? n : 0;
}

uint32_t interp_map_buckets(uint32_t room)
{
    return (uint32_t)buckets_for(room);
}

uint64_t interp_map_bytes(uint64_t room)
{
    return sizeof(struct interp_map) + room * sizeof(struct interp_entry) +
           VK_ALIGN_UP(4 * buckets_for(room), (uint64_t)8);
}

static struct interp_map *map_at(const struct interp_run *run, uint32_t ref)
{
    return (void *)interp_read_at(run, ref);
}

static uint32_t *buckets_of(struct interp_map *map)
{
    return (uint32_t *)(void *)(map->entries + map->head.count);
}

static bool has_text_keys(const struct interp_run *run, const struct interp_map *map)
{
    return run->image->types[map->head.type].key != 0;
}

uint32_t interp_map_hash(const struct interp_run *run, uint32_t map, uint64_t key)
{
    const struct interp_hash_key *secret = &run->image->hash_key;
    uint64_t hash = has_text_keys(run, map_at(run, map))
                        ? vk_hash_bytes(secret->sip, interp_text_at(run, key))
                        : interp_hash_int(secret, key);
    return (uint32_t)(hash >> 32);
}

/* A text's bytes are followed by padding up to a multiple of 8, so short ones are compared as one word. */
static bool is_same_text(struct vk_span a, struct vk_span b)
{
    uint64_t left, right;
    if (a.len != b.len || a.len == 0)
        return a.len == b.len;
    if (a.len > sizeof left)
        return memcmp(a.ptr, b.ptr, a.len) == 0;
    memcpy(&left, a.ptr, sizeof left);
    memcpy(&right, b.ptr, sizeof right);
    return (left ^ right) << (64 - 8 * a.len) == 0;
}

int64_t interp_map_find(const struct interp_run *run, uint32_t map, uint64_t key, uint32_t hash)
{
    struct interp_map *m = map_at(run, map);
    if (m->buckets == 0)
        return -1;
    for (uint32_t i = buckets_of(m)[hash & (m->buckets - 1)]; i; i = m->entries[i - 1].next) {
        const struct interp_entry *e = &m->entries[i - 1];
        if (e->hash != hash)
            continue;
        if (e->key == key ||
            (has_text_keys(run, m) && is_same_text(interp_text_at(run, e->key), interp_text_at(run, key))))
            return i - 1;
    }
    return -1;
}

bool interp_map_grows(const struct interp_run *run, uint32_t map, bool adds, uint64_t *ret_room)
{
    const struct interp_map *m = map_at(run, map);
    if (VK_LIKELY(!interp_is_shared(map, &m->head) && (!adds || m->used < m->head.count)))
        return false;
    uint64_t live = (uint64_t)m->live + adds;
    *ret_room = live <= 4 ? 4 : live * 3 / 2 > m->head.count ? live * 2 : m->head.count;
    return true;
}

static void append(struct interp_map *map, uint64_t key, uint64_t value, uint32_t hash)
{
    uint32_t *bucket = &buckets_of(map)[hash & (map->buckets - 1)];
    map->entries[map->used++] = (struct interp_entry){key, value, hash, *bucket};
    map->live++;
    *bucket = map->used;
}

void interp_map_add(const struct interp_run *run, uint32_t map, uint64_t key, uint64_t value, uint32_t hash)
{
    append((void *)interp_write_at(run, map), key, value, hash);
}

void interp_map_open(struct interp_map *map)
{
    map->live = map->used = map->reserved = 0;
    map->buckets = (uint32_t)buckets_for(map->head.count);
}

static void clear(struct interp_map *map)
{
    interp_map_open(map);
    memset(buckets_of(map), 0, 4 * (size_t)map->buckets);
}

void interp_map_pack(struct interp_map *map, const struct interp_map *old, uint64_t room)
{
    map->head = (struct interp_object){old->head.type, 0, (uint32_t)room};
    clear(map);
    for (uint32_t i = 0; i < old->used; i++) {
        const struct interp_entry *e = &old->entries[i];
        if (e->next != INTERP_ENTRY_DEAD)
            append(map, e->key, e->value, e->hash);
    }
}

void interp_map_clear(const struct interp_run *run, uint32_t map)
{
    clear((void *)interp_write_at(run, map));
}

bool interp_map_put(const struct interp_run *run, uint32_t map, uint64_t key, uint64_t value)
{
    uint32_t hash = interp_map_hash(run, map, key);
    if (interp_map_find(run, map, key, hash) >= 0)
        return false;
    interp_map_add(run, map, key, value, hash);
    return true;
}

uint32_t interp_map_copy(struct interp_run *run, uint32_t map, uint64_t room)
{
    const struct interp_map *old = map_at(run, map);
    const struct interp_type *type = &run->image->types[old->head.type];
    bool shares = interp_is_shared(map, &old->head) && type->of != 0;
    uint32_t ref = interp_take(run, (uint32_t)interp_map_bytes(room), old->head.type, (uint32_t)room);
    struct interp_map *new = (void *)interp_write_at(run, ref);
    interp_map_pack(new, old, room);
    for (uint32_t i = 0; shares && i < new->used; i++)
        interp_share(run, new->entries[i].value);
    return ref;
}

void interp_map_remove(const struct interp_run *run, uint32_t map, int64_t index)
{
    struct interp_map *m = (void *)interp_write_at(run, map);
    struct interp_entry *e = &m->entries[index];
    uint32_t *at = &buckets_of(m)[e->hash & (m->buckets - 1)];
    while (*at != (uint32_t)index + 1)
        at = &m->entries[*at - 1].next;
    *at = e->next;
    e->next = INTERP_ENTRY_DEAD;
    e->key = e->value = 0;
    m->live--;
}
