/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the hashes are what their sources say. Method: values of SipHash-1-3
 * and of multiply-shift computed by other means; slices; collisions counted.
 */
#include "interp/text/hash.h"

#include "tests/unit/test.h"
#include "vk/err.h"

/* The key 00 01 .. 0f, the bytes 00, 01, ... of each length. */
static const uint64_t sip_values[] = {
    UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93), UINT64_C(0x82cb9b024dc7d44d),
    UINT64_C(0x8bf80ab8e7ddf7fb), UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
    UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140), UINT64_C(0x369095118d299a8e),
    UINT64_C(0x25a48eb36c063de4), UINT64_C(0x79de85ee92ff097f), UINT64_C(0x70c118c1f94dc352),
    UINT64_C(0x78a384b157b4d9a2), UINT64_C(0x306f760c1229ffa7), UINT64_C(0x605aa111c0f95d34),
    UINT64_C(0xd320d86d2a519956), UINT64_C(0xcc4fdd1a7d908b66), UINT64_C(0x9cf2689063dbd80c),
    UINT64_C(0x8ffc389cb473e63e), UINT64_C(0xf21f9de58d297d1c), UINT64_C(0xc0dc2f46a6cce040),
    UINT64_C(0xb992abfe2b45f844), UINT64_C(0x7ffe7b9ba320872e), UINT64_C(0x525a0e7fdae6c123),
    UINT64_C(0xf464aeb267349c8c),
};

static const struct interp_hash_key test_key = {
    .sip = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)},
    .factor = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)},
    .summand = {UINT64_C(0x1111111111111111), UINT64_C(0xffffffffffffffff)},
};

TEST(interp_hash, bytes_as_siphash_has_them)
{
    uint8_t bytes[32];
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    for (uint32_t len = 0; len < VK_COUNT(sip_values); len++) {
        CHECK(interp_hash_bytes(&test_key, vk_span(bytes, len)) == sip_values[len]);
        for (size_t slice = 8; slice < 40; slice += 5) {
            struct interp_hash hash;
            interp_hash_begin(&hash, &test_key);
            while (interp_hash_more(&hash, vk_span(bytes, len), slice) == -VK_EAGAIN)
                ;
            CHECK(interp_hash_end(&hash, vk_span(bytes, len)) == sip_values[len]);
        }
    }
}

TEST(interp_hash, slices_end)
{
    static const uint8_t zeros[80];
    struct interp_hash hash;
    interp_hash_begin(&hash, &test_key);
    CHECK_EQ(interp_hash_more(&hash, vk_span(zeros, 80), 79), -VK_EAGAIN);
    CHECK_EQ(interp_hash_more(&hash, vk_span(zeros, 80), 8), 0);
}

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
        uint64_t hash = is_int ? interp_hash_int(&key, value) : interp_hash_bytes(&key, vk_span(&value, 8));
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
