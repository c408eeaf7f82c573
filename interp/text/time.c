/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/text/time.h"

#include "interp/text/float.h"
#include "vk/civil.h"
#include "vk/err.h"
#include "vk/fmt.h"

/* ---- points in time ----------------------------------------------------------- */

/* A reader that fails once and for all. */
struct reader {
    struct vk_span text;
    size_t at;
    bool is_bad;
};

/* The number of exactly so many digits. */
static uint32_t read_digits(struct reader *r, uint32_t count)
{
    uint32_t value = 0;
    for (; count > 0; count--, r->at++) {
        uint32_t digit = r->at < r->text.len ? (uint32_t)r->text.ptr[r->at] - '0' : 10;
        if (digit > 9) {
            r->is_bad = true;
            return 0;
        }
        value = value * 10 + digit;
    }
    return value;
}

/* One of two bytes; which it was. */
static uint8_t read_byte(struct reader *r, uint8_t a, uint8_t b)
{
    uint8_t c = r->at < r->text.len ? r->text.ptr[r->at] : 0;
    r->is_bad |= r->at >= r->text.len || (c != a && c != b);
    r->at++;
    return c;
}

static void read_text(struct reader *r, struct vk_span text)
{
    for (size_t i = 0; i < text.len; i++)
        read_byte(r, text.ptr[i], text.ptr[i]);
}

/* Which of the words of three letters comes next. */
static uint32_t read_word(struct reader *r, struct vk_span words)
{
    for (size_t at = 0; at < words.len && !r->is_bad && r->text.len - r->at >= 3; at += 3) {
        if (memcmp(words.ptr + at, r->text.ptr + r->at, 3) == 0) {
            r->at += 3;
            return (uint32_t)at / 3;
        }
    }
    r->is_bad = true;
    return 0;
}

/* "08:49:37" as seconds of its day; a leap second is that after it. */
static uint32_t read_clock(struct reader *r)
{
    uint32_t hour = read_digits(r, 2);
    read_byte(r, ':', ':');
    uint32_t minute = read_digits(r, 2);
    read_byte(r, ':', ':');
    uint32_t second = read_digits(r, 2);
    r->is_bad |= hour > 23 || minute > 59 || second > 60;
    return (hour * 60 + minute) * 60 + second;
}

/* "Z" or "+01:30", in seconds to the east. */
static int32_t read_offset(struct reader *r)
{
    uint8_t sign = r->at < r->text.len ? r->text.ptr[r->at] : 0;
    if (sign != '+' && sign != '-') {
        read_byte(r, 'Z', 'z');
        return 0;
    }
    r->at++;
    uint32_t hour = read_digits(r, 2);
    read_byte(r, ':', ':');
    uint32_t minute = read_digits(r, 2);
    r->is_bad |= hour > 23 || minute > 59;
    int32_t offset = (int32_t)(hour * 3600 + minute * 60);
    return sign == '-' ? -offset : offset;
}

static void read_fraction(struct reader *r)
{
    if (r->at >= r->text.len || r->text.ptr[r->at] != '.')
        return;
    r->at++;
    read_digits(r, 1);
    while (r->at < r->text.len && (uint8_t)(r->text.ptr[r->at] - '0') <= 9)
        r->at++;
}

/* Whether a second 60, which these seconds of the day include, is at the end of a day of UTC, where alone it
 * can be. */
static bool is_end_of_day(uint32_t second, int32_t offset)
{
    return (second + (uint32_t)VK_DAY_SECONDS - (uint32_t)offset) % (uint32_t)VK_DAY_SECONDS == 0;
}

int interp_rfc3339_parse(struct vk_span text, int64_t *ret_seconds)
{
    struct reader r = {.text = text};
    struct vk_civil date;
    date.year = read_digits(&r, 4);
    read_byte(&r, '-', '-');
    date.month = read_digits(&r, 2);
    read_byte(&r, '-', '-');
    date.day = read_digits(&r, 2);
    read_byte(&r, 'T', 't');
    size_t clock_at = r.at;
    uint32_t second = read_clock(&r);
    read_fraction(&r);
    int32_t offset = read_offset(&r);
    if (r.is_bad || r.at != text.len || !vk_civil_is_date(date))
        return -VK_EMALFORMED;
    bool is_leap = text.ptr[clock_at + 6] == '6';
    if (is_leap && !is_end_of_day(second, offset))
        return -VK_EMALFORMED;
    *ret_seconds = vk_civil_to_days(date) * VK_DAY_SECONDS + second - offset;
    return 0;
}

int interp_http_date_parse(struct vk_span text, int64_t *ret_seconds)
{
    struct reader r = {.text = text};
    struct vk_civil date;
    uint32_t weekday = read_word(&r, VK_SPAN_LIT("ThuFriSatSunMonTueWed"));
    read_text(&r, VK_SPAN_LIT(", "));
    date.day = read_digits(&r, 2);
    read_byte(&r, ' ', ' ');
    date.month = read_word(&r, VK_SPAN_LIT("JanFebMarAprMayJunJulAugSepOctNovDec")) + 1;
    read_byte(&r, ' ', ' ');
    date.year = read_digits(&r, 4);
    read_byte(&r, ' ', ' ');
    size_t clock_at = r.at;
    uint32_t second = read_clock(&r);
    read_text(&r, VK_SPAN_LIT(" GMT"));
    if (r.is_bad || r.at != text.len || !vk_civil_is_date(date))
        return -VK_EMALFORMED;
    int64_t days = vk_civil_to_days(date);
    bool is_leap = text.ptr[clock_at + 6] == '6';
    if (vk_civil_weekday(days) != weekday || (is_leap && !is_end_of_day(second, 0)))
        return -VK_EMALFORMED;
    *ret_seconds = days * VK_DAY_SECONDS + second;
    return 0;
}

static uint8_t *put_padded(uint8_t *at, uint32_t value, uint32_t digits)
{
    for (uint32_t i = digits; i > 0; i--) {
        at[i - 1] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

void interp_rfc3339_print(uint8_t dst[INTERP_RFC3339_BYTES], int64_t seconds)
{
    seconds = seconds < VK_CIVIL_FIRST ? VK_CIVIL_FIRST : seconds;
    seconds = seconds > VK_CIVIL_LAST ? VK_CIVIL_LAST : seconds;
    int64_t days = vk_civil_day_of(seconds);
    uint32_t second = (uint32_t)(seconds - days * VK_DAY_SECONDS);
    struct vk_civil date = vk_civil_of_days(days);
    memcpy(dst, "0000-00-00T00:00:00Z", INTERP_RFC3339_BYTES);
    put_padded(dst, date.year, 4);
    put_padded(dst + 5, date.month, 2);
    put_padded(dst + 8, date.day, 2);
    put_padded(dst + 11, second / 3600, 2);
    put_padded(dst + 14, second / 60 % 60, 2);
    put_padded(dst + 17, second % 60, 2);
}

/* ---- durations ------------------------------------------------------------------- */

#define SECOND_NS UINT64_C(1000000000)
#define MS_NS     UINT64_C(1000000)

static size_t put_unit(uint8_t *dst, uint8_t *at, struct vk_span unit)
{
    memcpy(at, unit.ptr, unit.len);
    return (size_t)(at - dst) + unit.len;
}

/* value / unit with all its decimals but no zeros at the end; unit is 10^digits. */
static uint8_t *put_fraction(uint8_t *at, uint64_t value, uint64_t unit, uint32_t digits)
{
    at += vk_fmt_u64(at, value / unit);
    uint64_t rest = value % unit;
    if (rest == 0)
        return at;
    *at++ = '.';
    at = put_padded(at, (uint32_t)rest, digits);
    while (at[-1] == '0')
        at--;
    return at;
}

size_t interp_duration_print(uint8_t dst[INTERP_DURATION_BYTES], int64_t nanoseconds)
{
    uint64_t ns = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
    uint8_t *at = dst;
    if (nanoseconds < 0)
        *at++ = '-';
    if (ns == 0)
        return put_unit(dst, at, VK_SPAN_LIT("0s"));
    if (ns % (3600 * SECOND_NS) == 0)
        return put_unit(dst, at + vk_fmt_u64(at, ns / (3600 * SECOND_NS)), VK_SPAN_LIT("h"));
    if (ns % (60 * SECOND_NS) == 0)
        return put_unit(dst, at + vk_fmt_u64(at, ns / (60 * SECOND_NS)), VK_SPAN_LIT("min"));
    if (ns >= SECOND_NS)
        return put_unit(dst, put_fraction(at, ns, SECOND_NS, 9), VK_SPAN_LIT("s"));
    if (ns >= MS_NS)
        return put_unit(dst, put_fraction(at, ns, MS_NS, 6), VK_SPAN_LIT("ms"));
    if (ns >= 1000)
        return put_unit(dst, put_fraction(at, ns, 1000, 3), VK_SPAN_LIT("us"));
    return put_unit(dst, at + vk_fmt_u64(at, ns), VK_SPAN_LIT("ns"));
}

size_t interp_ms_print(uint8_t dst[INTERP_MS_BYTES], int64_t nanoseconds)
{
    uint64_t ns = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
    uint8_t *at = dst;
    if (nanoseconds < 0)
        *at++ = '-';
    return (size_t)(put_fraction(at, ns, MS_NS, 6) - dst);
}

/* Digits, perhaps a point and up to six more: exact. False for any other form, and where it overflows. */
static bool parse_exact(struct vk_span text, uint64_t *ret_ns)
{
    uint64_t ns = 0;
    uint32_t decimals = 0;
    bool is_behind = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.ptr[i] - '0');
        if (text.ptr[i] == '.') {
            is_behind = true;
            continue;
        }
        if (digit > 9 || decimals == 6 || __builtin_mul_overflow(ns, 10, &ns) ||
            __builtin_add_overflow(ns, digit, &ns))
            return false;
        decimals += is_behind;
    }
    for (; decimals < 6; decimals++)
        if (__builtin_mul_overflow(ns, 10, &ns))
            return false;
    *ret_ns = ns;
    return ns <= INT64_MAX;
}

int interp_ms_parse(struct vk_span text, int64_t *ret_nanoseconds)
{
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t ns;
    double value;
    if (parse_exact(vk_span_skip(text, is_negative), &ns)) {
        *ret_nanoseconds = is_negative ? -(int64_t)ns : (int64_t)ns;
        return 0;
    }
    if (interp_float_parse(text, &value))
        return -VK_ERANGE;
    value *= (double)MS_NS;
    if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0))
        return -VK_ERANGE;
    int64_t whole = (int64_t)value;
    double rest = value - (double)whole;
    *ret_nanoseconds = whole + (rest >= 0.5) - (rest <= -0.5);
    return 0;
}
