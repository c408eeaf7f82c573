/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the hash is what its source says. Method: values of SipHash-1-3 computed by other means; slices. */
#include "vk/hash.h"

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

static const uint64_t test_key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

TEST(vk_hash, bytes_as_siphash_has_them)
{
    uint8_t bytes[32];
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    for (uint32_t len = 0; len < VK_COUNT(sip_values); len++) {
        CHECK(vk_hash_bytes(test_key, vk_span(bytes, len)) == sip_values[len]);
        for (size_t slice = 8; slice < 40; slice += 5) {
            struct vk_hash hash;
            vk_hash_begin(&hash, test_key);
            while (vk_hash_more(&hash, vk_span(bytes, len), slice) == -VK_EAGAIN)
                ;
            CHECK(vk_hash_end(&hash, vk_span(bytes, len)) == sip_values[len]);
        }
    }
}

TEST(vk_hash, slices_end)
{
    static const uint8_t zeros[80];
    struct vk_hash hash;
    vk_hash_begin(&hash, test_key);
    CHECK_EQ(vk_hash_more(&hash, vk_span(zeros, 80), 79), -VK_EAGAIN);
    CHECK_EQ(vk_hash_more(&hash, vk_span(zeros, 80), 8), 0);
}
