/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/kv.h"

#include "vk/err.h"
#include "vk/hash.h"
#include "vk/region.h"

#define NONE VK_HANDLE_INDEX_MASK

struct piece {
    struct vk_entry entry;
    uint32_t next; /* index; NONE: the last */
    uint8_t bytes[VK_KV_PIECE_BYTES];
};
_Static_assert(sizeof(struct piece) == VK_KV_PIECE_SIZE, "bytes_max counts pieces");

static uint32_t buckets_for(uint32_t entries_max)
{
    uint32_t count = 1;
    while (count < entries_max)
        count *= 2;
    return count;
}

static uint32_t pieces_for(uint32_t bytes_max)
{
    return bytes_max / VK_KV_PIECE_SIZE;
}

size_t vk_kv_region_bytes(uint32_t entries_max, uint32_t bytes_max)
{
    return vk_table_region_bytes(sizeof(struct vk_kv_entry), entries_max) +
           vk_table_region_bytes(sizeof(struct piece), pieces_for(bytes_max)) +
           buckets_for(entries_max) * sizeof(uint32_t) + VK_CACHE_LINE_BYTES;
}

int vk_kv_init(struct vk_kv *kv, uint32_t entries_max, uint32_t bytes_max, const uint64_t key[2],
               uint64_t now_ns, struct vk_region *region)
{
    *kv = (struct vk_kv){.entries_max = entries_max, .pieces_max = pieces_for(bytes_max)};
    if (bytes_max > VK_KV_BYTES_MAX)
        return -VK_EINVAL;
    int rc = vk_table_init(&kv->entries, sizeof(struct vk_kv_entry), entries_max, region);
    if (rc == 0)
        rc = vk_table_init(&kv->pieces, sizeof(struct piece), kv->pieces_max, region);
    if (rc)
        return rc;
    uint32_t count = buckets_for(entries_max);
    kv->buckets = vk_region_alloc(region, count * sizeof *kv->buckets, VK_CACHE_LINE_BYTES);
    if (!kv->buckets)
        return -VK_ENOMEM;
    kv->buckets_mask = count - 1;
    kv->key[0] = key[0];
    kv->key[1] = key[1];
    vk_list_init(&kv->used);
    vk_wheel_init(&kv->wheel, now_ns);
    return 0;
}

/* ---- pieces ------------------------------------------------------------------------- */

static uint32_t pieces_of(uint64_t bytes)
{
    return (uint32_t)((bytes + VK_KV_PIECE_BYTES - 1) / VK_KV_PIECE_BYTES);
}

static struct piece *piece_at(const struct vk_kv *kv, uint32_t index)
{
    return vk_table_at(&kv->pieces, index);
}

/* A place in the bytes of an entry. */
struct cursor {
    const struct vk_kv *kv;
    struct piece *piece;
    uint32_t at; /* in the piece; VK_KV_PIECE_BYTES: the next one is due */
};

static struct cursor cursor_of(const struct vk_kv *kv, const struct vk_kv_entry *e, uint32_t skip)
{
    struct cursor c = {kv, e->first == NONE ? NULL : piece_at(kv, e->first), skip};
    while (c.at > VK_KV_PIECE_BYTES) {
        vk_assert(c.piece != NULL); /* skip lies within the entry */
        c.piece = piece_at(kv, c.piece->next);
        c.at -= VK_KV_PIECE_BYTES;
    }
    return c;
}

/* The next bytes that lie together, left of them at most. */
static uint8_t *next_bytes(struct cursor *c, uint32_t left, uint32_t *ret_len)
{
    if (c->at == VK_KV_PIECE_BYTES) {
        c->piece = piece_at(c->kv, c->piece->next);
        c->at = 0;
    }
    uint8_t *bytes = c->piece->bytes + c->at;
    *ret_len = VK_KV_PIECE_BYTES - c->at < left ? VK_KV_PIECE_BYTES - c->at : left;
    c->at += *ret_len;
    return bytes;
}

static void write_bytes(struct cursor *c, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t n; len > 0; len -= n, bytes += n) {
        uint8_t *dst = next_bytes(c, len, &n);
        memcpy(dst, bytes, n);
    }
}

static bool are_bytes(struct cursor *c, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t n; len > 0; len -= n, bytes += n) {
        const uint8_t *held = next_bytes(c, len, &n);
        if (memcmp(held, bytes, n) != 0)
            return false;
    }
    return true;
}

void vk_kv_read(const struct vk_kv *kv, const struct vk_kv_entry *entry, void *dst)
{
    struct cursor c = cursor_of(kv, entry, entry->key_len);
    uint8_t *to = dst;
    for (uint32_t n, left = entry->value_len; left > 0; left -= n, to += n) {
        const uint8_t *held = next_bytes(&c, left, &n);
        memcpy(to, held, n);
    }
}

bool vk_kv_is(const struct vk_kv *kv, const struct vk_kv_entry *entry, struct vk_span value)
{
    struct cursor c = cursor_of(kv, entry, entry->key_len);
    return value.len == entry->value_len && are_bytes(&c, value.ptr, entry->value_len);
}

void vk_kv_write(struct vk_kv *kv, struct vk_kv_entry *entry, const void *value)
{
    struct cursor c = cursor_of(kv, entry, entry->key_len);
    write_bytes(&c, value, entry->value_len);
}

/* ---- entries --------------------------------------------------------------------------- */

static uint32_t *bucket_of(const struct vk_kv *kv, uint64_t hash)
{
    return &kv->buckets[hash & kv->buckets_mask];
}

/* Whether or not its time is over. */
static struct vk_kv_entry *look_up(const struct vk_kv *kv, struct vk_span key, uint64_t hash)
{
    uint32_t first = *bucket_of(kv, hash);
    for (uint32_t at = first ? first - 1 : NONE; at != NONE;) {
        struct vk_kv_entry *e = vk_table_at(&kv->entries, at);
        struct cursor c = cursor_of(kv, e, 0);
        if (e->hash == hash && e->key_len == key.len && are_bytes(&c, key.ptr, e->key_len))
            return e;
        at = e->next;
    }
    return NULL;
}

static void unlink_bucket(struct vk_kv *kv, const struct vk_kv_entry *entry)
{
    uint32_t *bucket = bucket_of(kv, entry->hash), index = vk_handle_index(entry->entry.handle);
    if (*bucket == index + 1) {
        *bucket = entry->next == NONE ? 0 : entry->next + 1;
        return;
    }
    struct vk_kv_entry *before = vk_table_at(&kv->entries, *bucket - 1);
    while (before->next != index)
        before = vk_table_at(&kv->entries, before->next);
    before->next = entry->next;
}

static void drop_bytes(struct vk_kv *kv, struct vk_kv_entry *entry)
{
    for (uint32_t at = entry->first, next; at != NONE; at = next) {
        struct piece *piece = piece_at(kv, at);
        next = piece->next;
        vk_table_give(&kv->pieces, piece);
    }
    entry->first = NONE;
}

void vk_kv_remove(struct vk_kv *kv, struct vk_kv_entry *entry)
{
    drop_bytes(kv, entry);
    unlink_bucket(kv, entry);
    vk_list_remove(&entry->used);
    vk_wheel_cancel(&kv->wheel, &entry->timer);
    vk_table_give(&kv->entries, entry);
}

void vk_kv_expire(struct vk_kv *kv, uint64_t now_ns)
{
    struct vk_list expired;
    vk_list_init(&expired);
    (void)vk_wheel_advance(&kv->wheel, now_ns, &expired, VK_KV_EXPIRED_PER_CALL); /* more: next time */
    for (struct vk_node *node; (node = vk_list_pop(&expired));) {
        struct vk_timer *timer = VK_CONTAINER(node, struct vk_timer, node);
        vk_kv_remove(kv, VK_CONTAINER(timer, struct vk_kv_entry, timer));
        kv->expired++;
    }
}

static bool is_over(const struct vk_kv_entry *e, uint64_t now_ns)
{
    return e->deadline_ns <= now_ns;
}

struct vk_kv_entry *vk_kv_find(struct vk_kv *kv, struct vk_span key, uint64_t now_ns)
{
    vk_kv_expire(kv, now_ns);
    struct vk_kv_entry *e = look_up(kv, key, vk_hash_bytes(kv->key, key));
    if (!e || is_over(e, now_ns)) /* the wheel is a tick behind */
        return NULL;
    vk_list_remove(&e->used);
    vk_list_push(&kv->used, &e->used);
    return e;
}

/* ---- putting ------------------------------------------------------------------------------ */

static void evict(struct vk_kv *kv, uint64_t now_ns)
{
    struct vk_kv_entry *oldest = VK_CONTAINER(vk_list_first(&kv->used), struct vk_kv_entry, used);
    *(is_over(oldest, now_ns) ? &kv->expired : &kv->evicted) += 1;
    vk_kv_remove(kv, oldest);
}

/* An entry of that key without bytes, the one used last. */
static struct vk_kv_entry *empty_entry(struct vk_kv *kv, struct vk_span key, uint64_t now_ns)
{
    uint64_t hash = vk_hash_bytes(kv->key, key);
    struct vk_kv_entry *e = look_up(kv, key, hash);
    if (e) {
        drop_bytes(kv, e);
        vk_wheel_cancel(&kv->wheel, &e->timer);
        vk_list_remove(&e->used);
        vk_list_push(&kv->used, &e->used);
        return e;
    }
    if (kv->entries.count == kv->entries_max)
        evict(kv, now_ns);
    uint32_t *bucket = bucket_of(kv, hash);
    e = vk_table_take(&kv->entries);
    e->hash = hash;
    e->first = NONE;
    e->next = *bucket ? *bucket - 1 : NONE;
    *bucket = vk_handle_index(e->entry.handle) + 1;
    vk_list_push(&kv->used, &e->used);
    return e;
}

/* A chain of so many pieces, which are there. */
static void take_pieces(struct vk_kv *kv, struct vk_kv_entry *e, uint32_t count)
{
    uint32_t *link = &e->first;
    for (; count > 0; count--) {
        struct piece *piece = vk_table_take(&kv->pieces);
        *link = vk_handle_index(piece->entry.handle);
        link = &piece->next;
    }
    *link = NONE;
}

bool vk_kv_fits(const struct vk_kv *kv, uint64_t bytes)
{
    return bytes <= (uint64_t)kv->pieces_max * VK_KV_PIECE_BYTES;
}

int vk_kv_put(struct vk_kv *kv, struct vk_span key, struct vk_span value, uint64_t deadline_ns,
              uint64_t now_ns)
{
    uint64_t bytes = (uint64_t)key.len + value.len;
    if (!vk_kv_fits(kv, bytes))
        return -VK_ETOOBIG;
    uint32_t count = pieces_of(bytes);
    vk_kv_expire(kv, now_ns);
    struct vk_kv_entry *e = empty_entry(kv, key, now_ns);
    /* It is the last that could be evicted, and has no pieces: before its turn comes, all are free. */
    while (kv->pieces_max - kv->pieces.count < count)
        evict(kv, now_ns);
    take_pieces(kv, e, count);
    e->key_len = (uint32_t)key.len;
    e->value_len = (uint32_t)value.len;
    struct cursor c = cursor_of(kv, e, 0);
    write_bytes(&c, key.ptr, e->key_len);
    write_bytes(&c, value.ptr, e->value_len);
    e->deadline_ns = deadline_ns;
    if (deadline_ns != VK_KV_FOREVER)
        vk_wheel_set(&kv->wheel, &e->timer, deadline_ns);
    return 0;
}
