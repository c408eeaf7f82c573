/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: exactly the sequences of RFC 3629 are valid, wherever a text is cut
 * into slices. Method: every code point, every sequence of two and three
 * bytes against a plain model, tables of bad forms at every offset.
 */
#include "interp/text/utf8.h"

#include "tests/unit/test.h"
#include "vk/err.h"

static int check(struct vk_span text, size_t slice, size_t *ret_at)
{
    int rc;
    *ret_at = 0;
    do
        rc = interp_utf8_check(ret_at, text, slice);
    while (rc == -VK_EAGAIN);
    return rc;
}

TEST(interp_utf8, every_code_point_there_and_back)
{
    uint8_t bytes[INTERP_UTF8_BYTES];
    for (uint32_t code_point = 0; code_point < 0x110800; code_point++) {
        bool is_scalar = code_point <= 0x10ffff && (code_point < 0xd800 || code_point > 0xdfff);
        uint32_t len = interp_utf8_encode(bytes, code_point);
        uint32_t wanted = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
        CHECK(len == (is_scalar ? wanted : 0));
        if (len == 0)
            continue;
        size_t at = 0;
        CHECK(interp_utf8_length(vk_span(bytes, len), 0) == len);
        CHECK(interp_utf8_next(vk_span(bytes, len), &at) == code_point && at == len);
        for (size_t cut = 1; cut < len; cut++) {
            CHECK(interp_utf8_length(vk_span(bytes, cut), 0) == 0);
            CHECK(!interp_utf8_is_boundary(vk_span(bytes, len), cut));
        }
        CHECK(interp_utf8_is_boundary(vk_span(bytes, len), 0));
        CHECK(interp_utf8_is_boundary(vk_span(bytes, len), len));
        CHECK(!interp_utf8_is_boundary(vk_span(bytes, len), len + 1u));
    }
}

TEST(interp_utf8, every_start_of_three_bytes_as_by_decoding)
{
    for (uint32_t bits = 0; bits < 1u << 24; bits++) {
        uint8_t b[4] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits, 0x80};
        uint32_t code_point = 0, len = 0;
        if (b[0] < 0x80)
            code_point = b[0], len = 1;
        else if (b[0] >> 5 == 6)
            code_point = b[0] & 31u, len = 2;
        else if (b[0] >> 4 == 14)
            code_point = b[0] & 15u, len = 3;
        else if (b[0] >> 3 == 30)
            code_point = b[0] & 7u, len = 4;
        for (uint32_t i = 1; i < len; i++) {
            code_point = code_point << 6 | (b[i] & 63u);
            if (b[i] >> 6 != 2) {
                len = 0;
                break;
            }
        }
        uint32_t shortest = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
        if (len != shortest || code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
            len = 0;
        if (interp_utf8_length(vk_span(b, 4), 0) != len)
            CHECK_EQ(bits, 0); /* fails, and shows which */
    }
}

TEST(interp_utf8, a_bad_byte_is_found_where_it_is)
{
    static const struct vk_span bad[] = {
        VK_SPAN_LIT("\x80"),         VK_SPAN_LIT("\xc0\x80"),         VK_SPAN_LIT("\xe0\x9f\xbf"),
        VK_SPAN_LIT("\xed\xa0\x80"), VK_SPAN_LIT("\xf4\x90\x80\x80"), VK_SPAN_LIT("\xff"),
    };
    uint8_t text[96];
    size_t at;
    for (uint32_t i = 0; i < VK_COUNT(bad); i++) {
        for (size_t offset = 0; offset + bad[i].len <= sizeof(text); offset++) {
            memset(text, 'a', sizeof(text));
            if (offset >= 9)
                memcpy(text + offset - 9, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
            vk_copy(text + offset, bad[i].ptr, bad[i].len);
            for (size_t slice = 1; slice <= sizeof(text) + 1; slice += 1 + slice / 4) {
                CHECK_EQ(check(vk_span(text, sizeof(text)), slice, &at), -VK_EMALFORMED);
                CHECK_EQ(at, offset);
                CHECK_EQ(check(vk_span(text, offset), slice, &at), 0);
            }
        }
    }
}

TEST(interp_utf8, code_points_are_counted_in_slices)
{
    static const char text[] =
        "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80zyxwvutsrq\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9z";
    for (size_t slice = 1; slice <= sizeof(text); slice++) {
        size_t at = 0, count = 0, plain = 0;
        while (interp_utf8_count(&at, &count, VK_SPAN_LIT(text), slice) == -VK_EAGAIN)
            ;
        for (size_t next = 0; next < sizeof(text) - 1; plain++)
            (void)interp_utf8_next(VK_SPAN_LIT(text), &next);
        CHECK_EQ(count, 19);
        CHECK_EQ(plain, 19);
    }
}

TEST(interp_utf8, the_empty_text_is_valid)
{
    size_t at, count = 0;
    CHECK_EQ(check(vk_span(NULL, 0), 1, &at), 0);
    CHECK_EQ(interp_utf8_count(&at, &count, vk_span(NULL, 0), 1), 0);
    CHECK_EQ(count, 0);
    CHECK(interp_utf8_is_boundary(vk_span(NULL, 0), 0));
}
