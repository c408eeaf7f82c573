/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulation's only source of chance: xoshiro256** 1.0 (Blackman and
 * Vigna, "Scrambled linear pseudorandom number generators", 2018), its state
 * filled from a seed by splitmix64 as its authors advise. Not for secrets.
 */
#ifndef SIM_RAND_H
#define SIM_RAND_H

#include "vk/base.h"

struct sim_rand {
    /* private */
    uint64_t s[4];
};

VK_INLINE uint64_t sim_rand_mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

VK_INLINE void sim_rand_init(struct sim_rand *rand, uint64_t seed)
{
    for (size_t i = 0; i < VK_COUNT(rand->s); i++)
        rand->s[i] = sim_rand_mix(&seed);
}

VK_INLINE uint64_t sim_rand_rotl(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64u - bits));
}

VK_INLINE uint64_t sim_rand_next(struct sim_rand *rand)
{
    uint64_t *s = rand->s;
    uint64_t result = sim_rand_rotl(s[1] * 5u, 7) * 9u;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = sim_rand_rotl(s[3], 45);
    return result;
}

/* 0 .. bound-1; bound at least 1. The modulo's bias is of no consequence here. */
VK_INLINE uint64_t sim_rand_below(struct sim_rand *rand, uint64_t bound)
{
    return sim_rand_next(rand) % bound;
}

/* min .. max, both included. */
VK_INLINE uint64_t sim_rand_between(struct sim_rand *rand, uint64_t min, uint64_t max)
{
    return min + sim_rand_below(rand, max - min + 1u);
}

#endif
