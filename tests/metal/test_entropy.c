/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: random bytes come in any length and are never the same. Method: pairs of
 * reads, through whatever source the machine has: boot.py takes away the instruction.
 */
#include "tests/unit/test.h"
#include "vk/plat.h"

#define MAX_BYTES 10000u

TEST(metal_entropy, random_bytes_of_any_length_differ)
{
    static const size_t lengths[] = {8, 9, 255, 256, 257, 1000, MAX_BYTES};
    static uint8_t first[MAX_BYTES + 1], second[MAX_BYTES + 1];
    for (uint32_t i = 0; i < VK_COUNT(lengths); i++) {
        memset(first, 0, sizeof first);
        memset(second, 0, sizeof second);
        CHECK_EQ(plat_random(first, lengths[i]), 0);
        CHECK_EQ(plat_random(second, lengths[i]), 0);
        CHECK(memcmp(first, second, lengths[i]) != 0);
        CHECK(memcmp(first + lengths[i] - 8, second + lengths[i] - 8, 8) != 0);
        CHECK_EQ(first[lengths[i]], 0);
    }
    CHECK_EQ(plat_random(first, 0), 0);
}

/* 80,000 bits: about half of them are set, within 6 standard deviations. */
TEST(metal_entropy, random_bits_are_set_half_of_the_time)
{
    static uint8_t bytes[MAX_BYTES];
    uint32_t set = 0;
    CHECK_EQ(plat_random(bytes, sizeof bytes), 0);
    for (uint32_t i = 0; i < 8 * MAX_BYTES; i++)
        set += bytes[i / 8] >> i % 8 & 1;
    CHECK(set > 4 * MAX_BYTES - 900 && set < 4 * MAX_BYTES + 900);
}
