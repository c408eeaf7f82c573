/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes for the keys of maps. Clients choose such keys, so each hash has a
 * secret. Maps are iterated in the order of insertion, so that the order tells
 * nothing of it.
 *
 * Bytes: vk/hash.h. Integers: multiply-shift with 128 bits (Dietzfelbinger
 * 1996; Thorup, "High speed hashing for integers and strings", 2015, 3.3),
 * which is proven: two given keys collide in any bits of the result no more
 * often than by chance. A fixed permutation behind it keeps that and takes
 * arithmetic progressions apart, which open addressing would suffer from.
 */
#ifndef INTERP_TEXT_HASH_H
#define INTERP_TEXT_HASH_H

#include "vk/hash.h"

/* All random bits, of plat_random or, for tests, anything. */
struct interp_hash_key {
    uint64_t sip[2];    /* for vk_hash_bytes */
    uint64_t factor[2]; /* the high half first */
    uint64_t summand[2];
};

uint64_t interp_hash_int(const struct interp_hash_key *key, uint64_t value);

#endif
