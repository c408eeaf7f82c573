/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes for the keys of maps. Clients choose such keys, so each hash has a
 * secret: who does not know it cannot choose keys that collide. Maps are
 * iterated in the order of insertion, so that the order tells nothing of it.
 *
 * Bytes: SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", 2012, with 1 and 3 rounds, as several languages' maps have it). Faster
 * hashes of bytes exist; for their keyed forms nobody claims as much.
 * Integers: multiply-shift with 128 bits (Dietzfelbinger 1996; Thorup, "High
 * speed hashing for integers and strings", 2015, 3.3), which is proven: two
 * given keys collide in any bits of the result no more often than by chance. A
 * fixed permutation behind it keeps that and takes arithmetic progressions
 * apart, which open addressing would suffer from.
 */
#ifndef INTERP_TEXT_HASH_H
#define INTERP_TEXT_HASH_H

#include "vk/bytes.h"

/* All random bits, of plat_random or, for tests, anything. */
struct interp_hash_key {
    uint64_t sip[2];
    uint64_t factor[2]; /* the high half first */
    uint64_t summand[2];
};

uint64_t interp_hash_bytes(const struct interp_hash_key *key, struct vk_span bytes);
uint64_t interp_hash_int(const struct interp_hash_key *key, uint64_t value);

/* The same as interp_hash_bytes for long bytes in slices: begin, more until it returns 0, end. Holds no
 * pointers. */
struct interp_hash {
    /* private */
    uint64_t v[4];
    size_t at;
};

void interp_hash_begin(struct interp_hash *hash, const struct interp_hash_key *key);

/* bytes_max: at least 8. Returns 0, -VK_EAGAIN. */
int interp_hash_more(struct interp_hash *hash, struct vk_span bytes, size_t bytes_max);

uint64_t interp_hash_end(struct interp_hash *hash, struct vk_span bytes);

#endif
