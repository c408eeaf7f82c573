/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keyed hash of bytes, for tables whose keys clients choose: who does not
 * know the secret cannot choose keys that collide. SipHash-1-3 (Aumasson and
 * Bernstein, "SipHash: a fast short-input PRF", 2012, with 1 and 3 rounds, as
 * several languages' maps have it). Faster hashes of bytes exist; for their
 * keyed forms nobody claims as much.
 */
#ifndef VK_HASH_H
#define VK_HASH_H

#include "vk/bytes.h"

/* key: all random bits, of plat_random or, for tests, anything. */
uint64_t vk_hash_bytes(const uint64_t key[2], struct vk_span bytes);

/* The same for long bytes in slices: begin, more until it returns 0, end. Holds no pointers. */
struct vk_hash {
    /* private */
    uint64_t v[4];
    size_t at;
};

void vk_hash_begin(struct vk_hash *hash, const uint64_t key[2]);

/* bytes_max: at least 8. Returns 0, -VK_EAGAIN. */
int vk_hash_more(struct vk_hash *hash, struct vk_span bytes, size_t bytes_max);

uint64_t vk_hash_end(struct vk_hash *hash, struct vk_span bytes);

#endif
