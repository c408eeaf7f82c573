/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: numbers and dates print exactly as they should. Method: the plainest
 * digit loop as a model around every power of ten and for random numbers; a
 * calendar that counts day by day over all 10,000 years as the model of dates.
 */
#include "vk/fmt.h"

#include "tests/unit/test.h"
#include "vk/err.h"

static size_t plain_number(char *dst, uint64_t value, uint64_t base)
{
    char digits[64];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (size_t i = 0; i < count; i++)
        dst[i] = digits[count - 1 - i];
    return count;
}

static void check_number(uint64_t value)
{
    char plain[1 + 64];
    uint8_t text[1 + VK_FMT_U64_BYTES + 1];
    size_t len = plain_number(plain, value, 10);
    memset(text, '#', sizeof(text));
    CHECK_EQ(vk_fmt_u64(text + 1, value), len);
    CHECK_MEM(text + 1, plain, len);
    CHECK_EQ(text[0], '#');
    CHECK_EQ(text[1 + len], '#');

    size_t hex_len = plain_number(plain, value, 16);
    CHECK_EQ(vk_fmt_hex(text + 1, value), hex_len);
    CHECK_MEM(text + 1, plain, hex_len);
}

static void check_signed(int64_t value)
{
    char plain[1 + 64];
    uint8_t text[VK_FMT_U64_BYTES];
    size_t sign = value < 0;
    plain[0] = '-';
    size_t len = sign + plain_number(plain + sign, sign != 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
    CHECK_EQ(vk_fmt_i64(text, value), len);
    CHECK_MEM(text, plain, len);
}

TEST(vk_fmt, numbers_around_every_power_are_exact)
{
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10) {
        check_number(power - 1);
        check_number(power);
        check_number(power + 1);
    }
    for (int bit = 0; bit < 64; bit++) {
        check_number((UINT64_C(1) << bit) - 1);
        check_number(UINT64_C(1) << bit);
    }
    check_number(UINT64_MAX);
}

TEST(vk_fmt, random_numbers_are_exact)
{
    uint64_t seed = 3;
    for (int i = 0; i < 50000; i++) {
        uint64_t value = test_random(&seed);
        value >>= test_random_below(&seed, 64);
        check_number(value);
        check_signed((int64_t)value);
        check_signed(-(int64_t)(value >> 1));
    }
}

TEST(vk_fmt, signed_numbers_reach_both_ends)
{
    check_signed(0);
    check_signed(-1);
    check_signed(INT64_MAX);
    check_signed(INT64_MIN);
    CHECK_EQ(VK_FMT_U64_BYTES, sizeof("-9223372036854775808") - 1);
    CHECK_EQ(VK_FMT_U64_BYTES, sizeof("18446744073709551615") - 1);
}

static void check_date(int64_t seconds, const char *expected)
{
    uint8_t text[VK_FMT_DATE_BYTES + 1];
    text[VK_FMT_DATE_BYTES] = '#';
    vk_fmt_date(text, seconds);
    CHECK_MEM(text, expected, VK_FMT_DATE_BYTES);
    CHECK_EQ(text[VK_FMT_DATE_BYTES], '#');
}

TEST(vk_fmt, dates_of_known_seconds)
{
    check_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT"); /* the example of RFC 9110 */
    check_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    check_date(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    check_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    check_date(4107542399, "Sun, 28 Feb 2100 23:59:59 GMT");
    check_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    check_date(2147483648, "Tue, 19 Jan 2038 03:14:08 GMT");
}

TEST(vk_fmt, dates_stay_within_four_digits)
{
    check_date(INT64_C(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
    check_date(INT64_C(253402300800), "Fri, 31 Dec 9999 23:59:59 GMT");
    check_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
    check_date(INT64_C(-62167219200), "Sat, 01 Jan 0000 00:00:00 GMT");
    check_date(INT64_C(-62167219201), "Sat, 01 Jan 0000 00:00:00 GMT");
    check_date(INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT");
}

struct day {
    uint32_t year;
    uint32_t month; /* 0 .. 11 */
    uint32_t day;
    uint32_t weekday; /* 0: Monday */
};

static uint32_t month_days(const struct day *day)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = day->year % 4 == 0 && (day->year % 100 != 0 || day->year % 400 == 0);
    return days[day->month] + (uint32_t)(day->month == 1 && is_leap);
}

static void next_day(struct day *day)
{
    day->weekday = (day->weekday + 1) % 7;
    if (day->day++ < month_days(day))
        return;
    day->day = 1;
    if (day->month++ < 11)
        return;
    day->month = 0;
    day->year++;
}

static void put_digits(uint8_t *dst, uint32_t value, uint32_t count)
{
    for (uint32_t at = count; at > 0; at--, value /= 10)
        dst[at - 1] = (uint8_t)('0' + value % 10);
}

static void plain_date(uint8_t *dst, const struct day *day, uint32_t second)
{
    memcpy(dst, "Xxx, 00 Xxx 0000 00:00:00 GMT", VK_FMT_DATE_BYTES);
    memcpy(dst, &"MonTueWedThuFriSatSun"[day->weekday * 3], 3);
    memcpy(dst + 8, &"JanFebMarAprMayJunJulAugSepOctNovDec"[day->month * 3], 3);
    put_digits(dst + 5, day->day, 2);
    put_digits(dst + 12, day->year, 4);
    put_digits(dst + 17, second / 3600, 2);
    put_digits(dst + 20, second / 60 % 60, 2);
    put_digits(dst + 23, second % 60, 2);
}

TEST(vk_fmt, every_day_of_ten_thousand_years_is_right)
{
    struct day day = {.year = 0, .month = 0, .day = 1, .weekday = 5};
    int64_t midnight = INT64_C(-62167219200);
    uint64_t seed = 9;
    for (; day.year < 10000; next_day(&day), midnight += 86400) {
        uint8_t plain[VK_FMT_DATE_BYTES];
        uint8_t text[VK_FMT_DATE_BYTES];
        uint32_t second = test_random_below(&seed, 86400);
        plain_date(plain, &day, second);
        vk_fmt_date(text, midnight + second);
        CHECK_MEM(text, plain, VK_FMT_DATE_BYTES);
    }
    CHECK_EQ(midnight, INT64_C(253402300800));
}

/* What a format gives, compared with a text. */
#define CHECK_FMT(expected, ...)                              \
    do {                                                      \
        uint8_t test_room[128];                               \
        struct vk_out test_out;                               \
        vk_out_init(&test_out, test_room, sizeof(test_room)); \
        vk_out_fmt(&test_out, __VA_ARGS__);                   \
        CHECK_EQ(vk_out_status(&test_out), 0);                \
        struct vk_span test_span = vk_out_span(&test_out);    \
        CHECK_EQ(test_span.len, sizeof(expected) - 1);        \
        CHECK_MEM(test_span.ptr, expected, test_span.len);    \
    } while (0)

TEST(vk_fmt, formats_print_what_printf_prints)
{
    const char *volatile none = NULL; /* the compiler would see it */
    CHECK_FMT("", "%s", "");
    CHECK_FMT("plain", "plain");
    CHECK_FMT("100%", "%d%%", 100);
    CHECK_FMT("x=-5 y=4294967295", "x=%d y=%u", -5, UINT32_MAX);
    CHECK_FMT("-2147483648 i", "%i %c", INT32_MIN, 'i');
    CHECK_FMT("18446744073709551615", "%lu", UINT64_MAX);
    CHECK_FMT("18446744073709551615", "%llu", 18446744073709551615ull);
    CHECK_FMT("-9223372036854775808", "%ld", INT64_MIN);
    CHECK_FMT("12 ff ffffffffffffffff", "%zu %x %lx", (size_t)12, 255u, UINT64_MAX);
    CHECK_FMT("one two", "%s %s", "one", "two");
    CHECK_FMT("(null)", "%s", none);
    CHECK_FMT("abc|", "%.*s|", 3, "abcdef");
    CHECK_FMT("ab|", "%.*s|", 3, "ab");
    CHECK_FMT("|", "%.*s|", 0, "ab");
}

TEST(vk_fmt, widths_pad_with_spaces_or_zeros)
{
    CHECK_FMT("[   42][00042][-0042][  -42]", "[%5d][%05d][%05d][%5d]", 42, 42, -42, -42);
    CHECK_FMT("[0000beef]", "[%08x]", 0xbeefu);
    CHECK_FMT("[123456]", "[%3d]", 123456);
    CHECK_FMT("[  ab]", "[%4s]", "ab");
    CHECK_FMT("[3.007]", "[%u.%03u]", 3u, 7u);
}

TEST(vk_fmt, a_full_room_stops_cleanly)
{
    uint8_t room[8];
    struct vk_out out;
    memset(room, '#', sizeof(room));
    vk_out_init(&out, room, 6);
    vk_out_fmt(&out, "n=%u and more", 12345u);
    CHECK_EQ(vk_out_status(&out), -VK_ENOSPC);
    CHECK_EQ(vk_out_span(&out).len, 2);
    CHECK_MEM(room, "n=######", 8);
}

TEST(vk_fmt, numbers_go_into_rooms)
{
    uint8_t room[64];
    struct vk_out out;
    vk_out_init(&out, room, sizeof(room));
    vk_out_u64(&out, UINT64_MAX);
    vk_out_i64(&out, -7);
    vk_out_hex(&out, 0xc0ffee);
    CHECK(vk_span_equal(vk_out_span(&out), VK_SPAN_LIT("18446744073709551615-7c0ffee")));
}
