/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded table from keys to values, both bytes, in memory that is reserved
 * at its start. When it is full it forgets the entry that was not used for
 * longest, so that a put of what can fit never fails. An entry may have a
 * deadline: from then on it is not found, and its memory is given back by
 * calls that come later, VK_KV_EXPIRED_PER_CALL entries in each, without a
 * timer of anybody's.
 *
 * Key and value lie one behind the other in a chain of pieces of fixed size:
 * no fragmentation, and what is held is counted exactly. Keys are found by a
 * keyed hash in chained buckets. Nothing of it knows processes; it does not
 * move, since its lists point into it.
 */
#ifndef VK_KV_H
#define VK_KV_H

#include "vk/bytes.h"
#include "vk/limits.h"
#include "vk/queue.h"
#include "vk/table.h"
#include "vk/wheel.h"

struct vk_region;

#define VK_KV_PIECE_SIZE  128u /* of memory */
#define VK_KV_PIECE_BYTES 116u /* of keys and values in one piece */
#define VK_KV_FOREVER     UINT64_MAX

struct vk_kv_entry {
    struct vk_entry entry;
    uint32_t key_len;   /* bytes; read-only like those below */
    uint32_t value_len; /* bytes */

    /* private */
    struct vk_node used;   /* in the list of all, the one used last at its end */
    struct vk_timer timer; /* its deadline; armed unless it is VK_KV_FOREVER */
    uint64_t hash;         /* of the key */
    uint32_t next;         /* index of the next entry of the bucket; VK_HANDLE_INDEX_MASK: none */
    uint32_t first;        /* index of its first piece; VK_HANDLE_INDEX_MASK: it is empty */
    uint64_t deadline_ns;  /* VK_KV_FOREVER: none */
};

struct vk_kv {
    struct vk_table entries; /* count: how many are held, those included whose deadline has passed */
    struct vk_table pieces;  /* count: how many are in use */
    uint64_t evicted;        /* entries forgotten for want of room so far */
    uint64_t expired;        /* entries whose memory was given back because their time was over */

    /* private */
    uint32_t entries_max;
    uint32_t pieces_max;
    uint32_t *buckets; /* index + 1 of the first entry; a power of two of them */
    uint32_t buckets_mask;
    uint64_t key[2]; /* of the hash */
    struct vk_list used;
    struct vk_wheel wheel;
};

/*
 * entries_max  1 .. VK_TABLE_MAX - 1
 * bytes_max    of the pieces, in units of 128; 128 .. VK_KV_BYTES_MAX
 * key          random bits, which no client knows
 *
 * Returns 0; -VK_EINVAL; -VK_ENOMEM. There is no fini: the memory is the region's.
 */
int vk_kv_init(struct vk_kv *kv, uint32_t entries_max, uint32_t bytes_max, const uint64_t key[2],
               uint64_t now_ns, struct vk_region *region);

/* Bytes of region that vk_kv_init will take, alignment included. */
size_t vk_kv_region_bytes(uint32_t entries_max, uint32_t bytes_max);

/* The entry of a key, which is now the one used last; NULL: none, or its time is over. */
struct vk_kv_entry *vk_kv_find(struct vk_kv *kv, struct vk_span key, uint64_t now_ns);

/* Copies the value, entry->value_len bytes. */
void vk_kv_read(const struct vk_kv *kv, const struct vk_kv_entry *entry, void *dst);

/* Whether the value is these bytes. */
bool vk_kv_is(const struct vk_kv *kv, const struct vk_kv_entry *entry, struct vk_span value);

/* Whether an entry of so many bytes, key and value together, can be put at all. */
bool vk_kv_fits(const struct vk_kv *kv, uint64_t bytes);

/*
 * The key has that value until the deadline, whatever it had before; others
 * are forgotten where that takes their room. Returns 0; -VK_ETOOBIG when key
 * and value are larger than all there is, and nothing has happened.
 */
int vk_kv_put(struct vk_kv *kv, struct vk_span key, struct vk_span value, uint64_t deadline_ns,
              uint64_t now_ns);

/* The value of an entry becomes another of the same length; its deadline stays. */
void vk_kv_write(struct vk_kv *kv, struct vk_kv_entry *entry, const void *value);

void vk_kv_remove(struct vk_kv *kv, struct vk_kv_entry *entry);

/* Give back what has expired, VK_KV_EXPIRED_PER_CALL entries at most: finds and puts do that too. */
void vk_kv_expire(struct vk_kv *kv, uint64_t now_ns);

#endif
