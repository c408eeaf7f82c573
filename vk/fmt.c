/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/fmt.h"

#include "vk/civil.h"

/* ---- numbers --------------------------------------------------------------- */

/* "00" .. "99": two digits a division. */
static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324"
                                     "25262728293031323334353637383940414243444546474849"
                                     "50515253545556575859606162636465666768697071727374"
                                     "75767778798081828384858687888990919293949596979899";

static void put_pair(uint8_t *dst, uint32_t number)
{
    memcpy(dst, &digit_pairs[number * 2], 2);
}

static uint32_t count_digits(uint64_t value)
{
    static const uint64_t powers[] = {
        UINT64_C(0),
        UINT64_C(10),
        UINT64_C(100),
        UINT64_C(1000),
        UINT64_C(10000),
        UINT64_C(100000),
        UINT64_C(1000000),
        UINT64_C(10000000),
        UINT64_C(100000000),
        UINT64_C(1000000000),
        UINT64_C(10000000000),
        UINT64_C(100000000000),
        UINT64_C(1000000000000),
        UINT64_C(10000000000000),
        UINT64_C(100000000000000),
        UINT64_C(1000000000000000),
        UINT64_C(10000000000000000),
        UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000),
        UINT64_C(10000000000000000000),
    };
    /* log10 is log2 * 1233 / 4096, right or one too high; the table decides. */
    uint32_t bits = 64u - (uint32_t)__builtin_clzll(value | 1);
    uint32_t guess = bits * 1233 >> 12;
    return guess + (value >= powers[guess]);
}

size_t vk_fmt_u64(uint8_t *dst, uint64_t value)
{
    uint32_t count = count_digits(value);
    uint8_t *at = dst + count;
    while (value >= 100) {
        at -= 2;
        put_pair(at, (uint32_t)(value % 100));
        value /= 100;
    }
    if (value >= 10)
        put_pair(dst, (uint32_t)value);
    else
        *dst = (uint8_t)('0' + value);
    return count;
}

size_t vk_fmt_i64(uint8_t *dst, int64_t value)
{
    if (value >= 0)
        return vk_fmt_u64(dst, (uint64_t)value);
    *dst = '-';
    return 1 + vk_fmt_u64(dst + 1, 0 - (uint64_t)value);
}

size_t vk_fmt_hex(uint8_t *dst, uint64_t value)
{
    uint32_t bits = 64u - (uint32_t)__builtin_clzll(value | 1);
    uint32_t count = (bits + 3) / 4;
    for (uint32_t at = count; at > 0; at--) {
        dst[at - 1] = (uint8_t) "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    return count;
}

/* ---- date ------------------------------------------------------------------ */

void vk_fmt_date(uint8_t *dst, int64_t seconds)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    seconds = seconds < VK_CIVIL_FIRST ? VK_CIVIL_FIRST : seconds;
    seconds = seconds > VK_CIVIL_LAST ? VK_CIVIL_LAST : seconds;
    int64_t days = vk_civil_day_of(seconds);
    uint32_t second = (uint32_t)(seconds - days * VK_DAY_SECONDS);
    struct vk_civil date = vk_civil_of_days(days);

    memcpy(dst, "Thu, 01 Jan 1970 00:00:00 GMT", VK_FMT_DATE_BYTES);
    memcpy(dst, &weekdays[vk_civil_weekday(days) * 3], 3);
    put_pair(dst + 5, date.day);
    memcpy(dst + 8, &months[(date.month - 1) * 3], 3);
    put_pair(dst + 12, date.year / 100);
    put_pair(dst + 14, date.year % 100);
    put_pair(dst + 17, second / 3600);
    put_pair(dst + 20, second / 60 % 60);
    put_pair(dst + 23, second % 60);
}

/* ---- into a room ------------------------------------------------------------ */

void vk_out_u64(struct vk_out *out, uint64_t value)
{
    uint8_t text[VK_FMT_U64_BYTES];
    vk_out_bytes(out, text, vk_fmt_u64(text, value));
}

void vk_out_i64(struct vk_out *out, int64_t value)
{
    uint8_t text[VK_FMT_U64_BYTES];
    vk_out_bytes(out, text, vk_fmt_i64(text, value));
}

void vk_out_hex(struct vk_out *out, uint64_t value)
{
    uint8_t text[VK_FMT_HEX_BYTES];
    vk_out_bytes(out, text, vk_fmt_hex(text, value));
}

/* ---- formats ------------------------------------------------------------------ */

/* One conversion, after its '%'. */
struct spec {
    char conversion;
    bool is_zero_padded;
    uint32_t width;
    uint32_t size_bytes; /* of the integer argument */
    int precision;       /* of %.*s; -1: none */
};

/* Reads a spec but for the precision's value; returns where the format goes on. */
static const char *read_spec(const char *at, struct spec *ret_spec)
{
    *ret_spec = (struct spec){.size_bytes = sizeof(int), .precision = -1};
    if (*at == '0') {
        ret_spec->is_zero_padded = true;
        at++;
    }
    for (; *at >= '0' && *at <= '9'; at++)
        ret_spec->width = ret_spec->width * 10 + (uint32_t)(*at - '0');
    if (at[0] == '.' && at[1] == '*') {
        ret_spec->precision = 0;
        at += 2;
    }
    for (; *at == 'l' || *at == 'z'; at++)
        ret_spec->size_bytes = sizeof(long long);
    ret_spec->conversion = *at;
    return at + 1;
}

static void put_padded(struct vk_out *out, const struct spec *spec, struct vk_span text)
{
    uint32_t width = spec->width;
    if (spec->is_zero_padded && text.len > 0 && text.ptr[0] == '-') {
        vk_out_byte(out, '-');
        text = vk_span_skip(text, 1);
        width -= width > 0;
    }
    for (size_t len = text.len; len < width; len++)
        vk_out_byte(out, spec->is_zero_padded ? '0' : ' ');
    vk_out_put(out, text);
}

static struct vk_span text_of(const char *text, int len_max)
{
    if (text == NULL)
        return VK_SPAN_LIT("(null)");
    size_t len = 0;
    while ((len_max < 0 || len < (size_t)len_max) && text[len] != '\0')
        len++;
    return vk_span(text, len);
}

void vk_out_vfmt(struct vk_out *out, const char *format, va_list args)
{
    _Static_assert(sizeof(long) == sizeof(long long) && sizeof(size_t) == sizeof(long long), "one wide size");
    uint8_t digits[VK_FMT_U64_BYTES];
    struct spec spec;
    while (*format != '\0') {
        if (*format != '%') {
            vk_out_byte(out, (uint8_t)*format++);
            continue;
        }
        format = read_spec(format + 1, &spec);
        bool is_wide = spec.size_bytes == sizeof(long long);
        size_t len = 1;
        switch (spec.conversion) {
        case 'c':
            digits[0] = (uint8_t)va_arg(args, int);
            break;
        case 'd':
        case 'i':
            len = vk_fmt_i64(digits, is_wide ? va_arg(args, long long) : va_arg(args, int));
            break;
        case 'u':
            len = vk_fmt_u64(digits, is_wide ? va_arg(args, unsigned long long) : va_arg(args, unsigned));
            break;
        case 'x':
            len = vk_fmt_hex(digits, is_wide ? va_arg(args, unsigned long long) : va_arg(args, unsigned));
            break;
        case 's': {
            int len_max = spec.precision < 0 ? -1 : va_arg(args, int);
            put_padded(out, &spec, text_of(va_arg(args, const char *), len_max));
            continue;
        }
        default: /* nothing else exists */
            vk_assert(spec.conversion == '%');
            digits[0] = '%';
            break;
        }
        put_padded(out, &spec, vk_span(digits, len));
    }
}

void vk_out_fmt(struct vk_out *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vk_out_vfmt(out, format, args);
    va_end(args);
}
