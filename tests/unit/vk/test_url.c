/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: bytes and pairs are cut where they end. Method: tables; net_query tests the rest. */
#include "vk/url.h"

#include "tests/unit/test.h"

TEST(vk_url, hexadecimal_digits_and_no_others)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    for (uint32_t c = 0; c < 256; c++) {
        uint32_t value = 16;
        for (uint32_t i = 0; i < sizeof(digits) - 1; i++)
            if ((uint8_t)digits[i] == c)
                value = i < 16 ? i : i - 6;
        CHECK_EQ(vk_hex_value((uint8_t)c), value);
    }
}

TEST(vk_url, pairs_come_in_order)
{
    struct vk_span key, value, rest = VK_SPAN_LIT("&a=1&&b&=c&d==&");
    CHECK(vk_url_pair(&rest, &key, &value));
    CHECK(vk_span_equal(key, VK_SPAN_LIT("a")) && vk_span_equal(value, VK_SPAN_LIT("1")));
    CHECK(vk_url_pair(&rest, &key, &value));
    CHECK(vk_span_equal(key, VK_SPAN_LIT("b")) && value.len == 0);
    CHECK(vk_url_pair(&rest, &key, &value));
    CHECK(key.len == 0 && vk_span_equal(value, VK_SPAN_LIT("c")));
    CHECK(vk_url_pair(&rest, &key, &value));
    CHECK(vk_span_equal(key, VK_SPAN_LIT("d")) && vk_span_equal(value, VK_SPAN_LIT("=")));
    CHECK(!vk_url_pair(&rest, &key, &value));
    CHECK_EQ(rest.len, 0);
}
