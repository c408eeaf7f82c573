/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Powers of ten to 128 bits, for both directions between floats and text.
 * The table is what powers.py prints.
 */
#ifndef INTERP_TEXT_POWERS_H
#define INTERP_TEXT_POWERS_H

#include "vk/base.h"

#define INTERP_POWER_FIRST (-342) /* times 19 digits: below half the least float */
#define INTERP_POWER_LAST  324    /* what printing the least float needs */

/* 10^q is (high * 2^64 + low) * 2^s, cut off, with the s that makes bit 63 of high 1. */
struct interp_power {
    uint64_t high;
    uint64_t low;
};

extern const struct interp_power interp_powers[INTERP_POWER_LAST - INTERP_POWER_FIRST + 1];

/* Nothing is cut off for these: 5^55 is the last below 2^128. */
VK_INLINE bool interp_power_is_exact(int32_t exponent)
{
    return exponent >= 0 && exponent <= 55;
}

/* A product of two words. Multiplying needs no run-time library; dividing would. */
struct interp_wide {
    uint64_t high;
    uint64_t low;
};

VK_INLINE struct interp_wide interp_mul_wide(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (struct interp_wide){(uint64_t)(product >> 64), (uint64_t)product};
}

#endif
