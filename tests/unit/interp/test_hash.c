/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the hash of integers is what its source says, and both spread. Method:
 * values of multiply-shift computed by other means; collisions counted.
 */
#include "interp/text/hash.h"

#include "tests/unit/test.h"

static const struct interp_hash_key test_key = {
    .sip = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)},
    .factor = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)},
    .summand = {UINT64_C(0x1111111111111111), UINT64_C(0xffffffffffffffff)},
};

TEST(interp_hash, integers_as_multiply_shift_has_them)
{
    CHECK(interp_hash_int(&test_key, 0) == UINT64_C(0x0894a26500000000));
    CHECK(interp_hash_int(&test_key, 1) == UINT64_C(0x0d65372119c3e2ed));
    CHECK(interp_hash_int(&test_key, 2) == UINT64_C(0x70458d0780c5c065));
    CHECK(interp_hash_int(&test_key, UINT64_C(1) << 63) == UINT64_C(0xdfe149171a528994));
    CHECK(interp_hash_int(&test_key, UINT64_MAX) == UINT64_C(0xdb0d23ba8eacac6f));
    CHECK(interp_hash_int(&test_key, UINT64_C(0x123456789)) == UINT64_C(0x2b94811dfdcc9575));
}

/* Keys in a row fill 4096 places as evenly as chance would: 4096 keys leave 1507 of them empty, give or take.
 */
static void check_spread(uint64_t step, bool is_int, bool is_high)
{
    static uint8_t seen[4096];
    uint32_t empty = 0;
    uint64_t random = 1234567;
    struct interp_hash_key key;
    for (uint32_t i = 0; i < 2; i++) {
        key.sip[i] = test_random(&random);
        key.factor[i] = test_random(&random);
        key.summand[i] = test_random(&random);
    }
    memset(seen, 0, sizeof(seen));
    for (uint64_t i = 0; i < sizeof(seen); i++) {
        uint64_t value = i * step;
        uint64_t hash = is_int ? interp_hash_int(&key, value) : vk_hash_bytes(key.sip, vk_span(&value, 8));
        seen[is_high ? hash >> 52 : hash & 4095] = 1;
    }
    for (uint32_t i = 0; i < sizeof(seen); i++)
        empty += seen[i] == 0;
    CHECK(empty < 1800);
}

TEST(interp_hash, keys_in_a_row_are_spread)
{
    for (uint32_t bit = 0; bit < 52; bit++) {
        check_spread(UINT64_C(1) << bit, true, true);
        check_spread(UINT64_C(1) << bit, true, false);
        check_spread(UINT64_C(1) << bit, false, true);
    }
}
