/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: spans compare, search and parse exactly, at every length and
 * alignment, and rooms are never overrun. Method: the plainest byte loop as a
 * model, guard bytes around what may be written.
 */
#include "vk/bytes.h"

#include "tests/unit/test.h"
#include "vk/err.h"

static uint8_t plain_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

TEST(vk_bytes, equality_compares_length_and_bytes)
{
    CHECK(vk_span_equal(vk_span(NULL, 0), vk_span(NULL, 0)));
    CHECK(vk_span_equal(VK_SPAN_LIT(""), vk_span(NULL, 0)));
    CHECK(vk_span_equal(VK_SPAN_LIT("host"), VK_SPAN_LIT("host")));
    CHECK(!vk_span_equal(VK_SPAN_LIT("host"), VK_SPAN_LIT("hosT")));
    CHECK(!vk_span_equal(VK_SPAN_LIT("host"), VK_SPAN_LIT("hos")));
    CHECK(!vk_span_equal(VK_SPAN_LIT(""), VK_SPAN_LIT("h")));
}

TEST(vk_bytes, a_prefix_is_no_longer_than_its_span)
{
    CHECK(vk_span_starts_with(VK_SPAN_LIT("HTTP/1.1"), VK_SPAN_LIT("HTTP/")));
    CHECK(vk_span_starts_with(VK_SPAN_LIT("HTTP/"), VK_SPAN_LIT("HTTP/")));
    CHECK(vk_span_starts_with(VK_SPAN_LIT("HTTP/"), VK_SPAN_LIT("")));
    CHECK(vk_span_starts_with(vk_span(NULL, 0), vk_span(NULL, 0)));
    CHECK(!vk_span_starts_with(VK_SPAN_LIT("HTTP"), VK_SPAN_LIT("HTTP/")));
    CHECK(!vk_span_starts_with(VK_SPAN_LIT("HTTQ/1"), VK_SPAN_LIT("HTTP/")));
}

TEST(vk_bytes, case_is_ignored_for_letters_of_ascii_only)
{
    /* Every pair of bytes, in the tail (length 1) and in a whole word (length 8). */
    for (uint32_t a = 0; a < 256; a++) {
        for (uint32_t b = 0; b < 256; b++) {
            uint8_t left[8] = "aZ09[`{";
            uint8_t right[8] = "Az09[`{";
            uint32_t place = (a * 7 + b) % 8;
            left[place] = (uint8_t)a;
            right[place] = (uint8_t)b;
            bool same = plain_lower((uint8_t)a) == plain_lower((uint8_t)b);
            CHECK_EQ(vk_span_equal_nocase(vk_span(left, 8), vk_span(right, 8)), same);
            CHECK_EQ(vk_span_equal_nocase(vk_span(left + place, 1), vk_span(right + place, 1)), same);
        }
    }
}

TEST(vk_bytes, case_is_ignored_at_every_length)
{
    static const char upper[] = "X-FORWARDED-FOR-AND-MORE-OF-IT";
    static const char mixed[] = "x-Forwarded-fOR-and-moRE-of-iT";
    for (size_t len = 0; len < sizeof(upper); len++) {
        CHECK(vk_span_equal_nocase(vk_span(upper, len), vk_span(mixed, len)));
        for (size_t at = 0; at < len; at++) {
            char other[sizeof(mixed)];
            memcpy(other, mixed, sizeof(mixed));
            other[at] = '_';
            CHECK(!vk_span_equal_nocase(vk_span(upper, len), vk_span(other, len)));
        }
    }
    CHECK(!vk_span_equal_nocase(VK_SPAN_LIT("host"), VK_SPAN_LIT("hosts")));
    CHECK(vk_span_equal_nocase(vk_span(NULL, 0), vk_span(NULL, 0)));
}

TEST(vk_bytes, find_gives_the_first_at_every_place_and_length)
{
    uint8_t bytes[40];
    for (size_t from = 0; from < 8; from++) {
        for (size_t len = 0; len + from <= sizeof(bytes); len++) {
            memset(bytes, 'x', sizeof(bytes));
            struct vk_span span = vk_span(bytes + from, len);
            CHECK_EQ(vk_span_find(span, ':'), len);
            /* One just past the end must not be seen. */
            if (from + len < sizeof(bytes))
                bytes[from + len] = ':';
            CHECK_EQ(vk_span_find(span, ':'), len);
            for (size_t at = len; at > 0; at--) {
                bytes[from + at - 1] = ':'; /* from the end on, so that each is the first */
                CHECK_EQ(vk_span_find(span, ':'), at - 1);
            }
        }
    }
    CHECK_EQ(vk_span_find(vk_span(NULL, 0), 0), 0);
}

TEST(vk_bytes, find_is_not_misled_by_neighbouring_values)
{
    /* Where a borrow crosses bytes the word test is wrong above the first hit only. */
    uint64_t seed = 5;
    for (int round = 0; round < 50000; round++) {
        uint8_t bytes[24];
        uint8_t wanted = (uint8_t)test_random_below(&seed, 256);
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)(wanted + test_random_below(&seed, 3) - 1 + (i % 2 == 0 ? 0x80 : 0));
        size_t plain = 0;
        while (plain < sizeof(bytes) && bytes[plain] != wanted)
            plain++;
        CHECK_EQ(vk_span_find(vk_span(bytes, sizeof(bytes)), wanted), plain);
    }
}

TEST(vk_bytes, trim_takes_spaces_and_tabs_from_both_ends_only)
{
    CHECK(vk_span_equal(vk_span_trim(VK_SPAN_LIT(" \t a b\tc \t")), VK_SPAN_LIT("a b\tc")));
    CHECK(vk_span_equal(vk_span_trim(VK_SPAN_LIT("a")), VK_SPAN_LIT("a")));
    CHECK_EQ(vk_span_trim(VK_SPAN_LIT(" \t ")).len, 0);
    CHECK_EQ(vk_span_trim(VK_SPAN_LIT("")).len, 0);
    CHECK_EQ(vk_span_trim(vk_span(NULL, 0)).len, 0);
    CHECK_EQ(vk_span_trim(VK_SPAN_LIT("\r\n")).len, 2);
    CHECK_EQ(vk_span_trim(VK_SPAN_LIT("\va\f")).len, 3);
}

TEST(vk_bytes, numbers_parse_to_the_last_value)
{
    uint64_t value = 1;
    CHECK_EQ(vk_span_to_u64(VK_SPAN_LIT("0"), &value), 0);
    CHECK_EQ(value, 0);
    CHECK_EQ(vk_span_to_u64(VK_SPAN_LIT("18446744073709551615"), &value), 0);
    CHECK_EQ(value, UINT64_MAX);
    CHECK_EQ(vk_span_to_u64(VK_SPAN_LIT("00000000000000000000000000042"), &value), 0);
    CHECK_EQ(value, 42);
}

TEST(vk_bytes, numbers_beyond_the_last_value_are_out_of_range)
{
    uint64_t value = 7;
    CHECK_EQ(vk_span_to_u64(VK_SPAN_LIT("18446744073709551616"), &value), -VK_ERANGE);
    CHECK_EQ(vk_span_to_u64(VK_SPAN_LIT("18446744073709551620"), &value), -VK_ERANGE);
    CHECK_EQ(vk_span_to_u64(VK_SPAN_LIT("99999999999999999999"), &value), -VK_ERANGE);
    CHECK_EQ(vk_span_to_u64(VK_SPAN_LIT("184467440737095516150"), &value), -VK_ERANGE);
    /* The product wraps to a small value: the flag, not the value, must tell. */
    CHECK_EQ(vk_span_to_u64(VK_SPAN_LIT("36893488147419103232"), &value), -VK_ERANGE);
    CHECK_EQ(value, 7);
}

TEST(vk_bytes, what_is_no_number_is_malformed)
{
    static const char *const texts[] = {"", "+1", "-1", " 1", "1 ", "1a", "0x1", "1_0", "/", ":", "1.0"};
    uint64_t value = 7;
    for (size_t i = 0; i < VK_COUNT(texts); i++) {
        size_t len = 0;
        while (texts[i][len] != '\0')
            len++;
        CHECK_EQ(vk_span_to_u64(vk_span(texts[i], len), &value), -VK_EMALFORMED);
    }
    /* Out of range and malformed: malformed. */
    CHECK_EQ(vk_span_to_u64(VK_SPAN_LIT("99999999999999999999x"), &value), -VK_EMALFORMED);
    CHECK_EQ(vk_span_to_u64(vk_span("1\0", 2), &value), -VK_EMALFORMED);
    CHECK_EQ(value, 7);
}

TEST(vk_out, pieces_follow_each_other)
{
    uint8_t room[16];
    struct vk_out out;
    vk_out_init(&out, room, sizeof(room));
    CHECK_EQ(vk_out_span(&out).len, 0);
    VK_OUT_LIT(&out, "HTTP/1.1 ");
    vk_out_put(&out, VK_SPAN_LIT("200"));
    vk_out_byte(&out, ' ');
    vk_out_put(&out, vk_span(NULL, 0));
    uint8_t *place = vk_out_take(&out, 3);
    CHECK(place == room + 13);
    memcpy(place, "OK.", 3);
    CHECK_EQ(vk_out_status(&out), 0);
    CHECK(vk_span_equal(vk_out_span(&out), VK_SPAN_LIT("HTTP/1.1 200 OK.")));
}

TEST(vk_out, what_does_not_fit_is_left_out_with_all_that_follows)
{
    for (size_t room_bytes = 1; room_bytes <= 8; room_bytes++) {
        uint8_t memory[16];
        struct vk_out out;
        memset(memory, '#', sizeof(memory));
        vk_out_init(&out, memory, room_bytes);
        VK_OUT_LIT(&out, "ab");
        VK_OUT_LIT(&out, "cdef");
        vk_out_byte(&out, 'g');
        size_t written = room_bytes < 2 ? 0 : room_bytes < 6 ? 2 : room_bytes < 7 ? 6 : 7;
        CHECK_EQ(vk_out_span(&out).len, written);
        CHECK_MEM(memory, "abcdefg", written);
        CHECK_EQ(vk_out_status(&out), room_bytes < 7 ? -VK_ENOSPC : 0);
        for (size_t at = written; at < sizeof(memory); at++)
            CHECK_EQ(memory[at], '#');
    }
}

TEST(vk_out, an_overflow_is_not_forgotten)
{
    uint8_t room[4];
    struct vk_out out;
    vk_out_init(&out, room, sizeof(room));
    VK_OUT_LIT(&out, "abcd");
    CHECK_EQ(vk_out_status(&out), 0);
    vk_out_put(&out, VK_SPAN_LIT("")); /* full, and nothing still fits */
    CHECK_EQ(vk_out_status(&out), 0);
    CHECK(vk_out_take(&out, SIZE_MAX) == NULL);
    CHECK_EQ(vk_out_status(&out), -VK_ENOSPC);
    vk_out_put(&out, VK_SPAN_LIT(""));
    CHECK_EQ(vk_out_status(&out), -VK_ENOSPC);
}

TEST(vk_bytes, copy_short_copies_every_length_and_nothing_beside_it)
{
    uint8_t src[40], dst[42];
    for (size_t i = 0; i < sizeof src; i++)
        src[i] = (uint8_t)(i + 1);
    for (size_t len = 0; len <= sizeof src; len++) {
        memset(dst, 0xee, sizeof dst);
        vk_copy_short(dst + 1, src, len);
        CHECK(dst[0] == 0xee && dst[1 + len] == 0xee);
        CHECK(memcmp(dst + 1, src, len) == 0);
    }
}
