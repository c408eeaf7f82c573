/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schubfach: of the multiples of 10^k, with k chosen so that one or two of
 * them lie between the neighbours' middles, take one; if a multiple of 10^(k+1)
 * lies there, take that. The three products with a power of ten are rounded to
 * odd, which keeps every comparison right (Giulietti, 9.8 and 9.9).
 */
#include "interp/text/float.h"

#include "interp/text/powers.h"
#include "vk/fmt.h"

#define FRACTION_BITS 52
#define HIDDEN        (UINT64_C(1) << FRACTION_BITS)
#define EXPONENT_MAX  2047u
#define BIAS          1075 /* of the fraction as an integer */

/* Text is without exponent for values from 10^-6 up to below 10^21. */
#define POINT_MIN (-5)
#define POINT_MAX 21

/* digits * 10^exponent */
struct decimal {
    uint64_t digits;
    int32_t exponent;
};

/* floor(log10(2^e)), floor(log10(3/4 * 2^e)), floor(log2(10^e)): exact for all exponents here. */
VK_INLINE int32_t log10_of_pow2(int32_t e)
{
    return (e * 1262611) >> 22;
}

VK_INLINE int32_t log10_of_three_quarters_pow2(int32_t e)
{
    return (e * 1262611 - 524031) >> 22;
}

VK_INLINE int32_t log2_of_pow10(int32_t e)
{
    return (e * 1741647) >> 19;
}

/* The least 128-bit number that is not below the power: what the paper calls g. */
static struct interp_power power_above(int32_t exponent)
{
    struct interp_power power = interp_powers[exponent - INTERP_POWER_FIRST];
    if (!interp_power_is_exact(exponent)) {
        power.low++;
        power.high += power.low == 0;
    }
    return power;
}

/* power * c / 2^128, its last bit set when anything was cut off. */
VK_INLINE uint64_t round_to_odd(struct interp_power power, uint64_t c)
{
    uint64_t carried = interp_mul_wide(power.low, c).high;
    struct interp_wide top = interp_mul_wide(power.high, c);
    uint64_t low = top.low + carried;
    uint64_t high = top.high + (low < carried);
    return high | (low > 1);
}

/* The shortest decimal of c * 2^q, which may still end in zeros. is_lower_near: the float below is only half
 * as far. */
static struct decimal shortest(uint64_t c, int32_t q, bool is_lower_near)
{
    bool is_odd = (c & 1) != 0; /* then the middles themselves round away */
    int32_t k = is_lower_near ? log10_of_three_quarters_pow2(q) : log10_of_pow2(q);
    int32_t h = q + log2_of_pow10(-k) + 1;
    struct interp_power power = power_above(-k);
    uint64_t lower = round_to_odd(power, (4 * c - 2 + is_lower_near) << h) + is_odd;
    uint64_t value = round_to_odd(power, 4 * c << h);
    uint64_t upper = round_to_odd(power, (4 * c + 2) << h) - is_odd;
    uint64_t s = value / 4;

    if (s >= 10) {
        uint64_t tens = s / 10;
        bool is_down_inside = lower <= 40 * tens, is_up_inside = 40 * tens + 40 <= upper;
        if (is_down_inside != is_up_inside)
            return (struct decimal){tens + is_up_inside, k + 1};
    }
    bool is_down_inside = lower <= 4 * s, is_up_inside = 4 * s + 4 <= upper;
    if (is_down_inside != is_up_inside)
        return (struct decimal){s + is_up_inside, k};
    uint64_t middle = 4 * s + 2;
    bool is_up = value > middle || (value == middle && (s & 1) != 0);
    return (struct decimal){s + is_up, k};
}

/* value is finite and above 0. */
static struct decimal decimal_of(uint64_t fraction, uint32_t exponent)
{
    if (exponent == 0)
        return shortest(fraction, 1 - BIAS, false);
    uint64_t c = fraction | HIDDEN;
    int32_t q = (int32_t)exponent - BIAS;
    bool is_integer = q <= 0 && q > -(FRACTION_BITS + 1) && (c & ((UINT64_C(1) << -q) - 1)) == 0;
    if (is_integer)
        return (struct decimal){c >> -q, 0};
    return shortest(c, q, fraction == 0 && exponent > 1);
}

/* Writes d with a point that stands `point` digits after the first place, or an exponent; returns its end. */
static uint8_t *put_decimal(uint8_t *at, struct decimal d)
{
    uint8_t digits[VK_FMT_U64_BYTES];
    if (d.digits % 100000000 == 0) { /* short decimals come with many zeros */
        d.digits /= 100000000;
        d.exponent += 8;
    }
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    int32_t len = (int32_t)vk_fmt_u64(digits, d.digits);
    int32_t point = len + d.exponent;
    if (point < POINT_MIN || point > POINT_MAX) {
        *at++ = digits[0];
        if (len > 1) {
            *at++ = '.';
            memcpy(at, digits + 1, (size_t)len - 1);
            at += len - 1;
        }
        *at++ = 'e';
        return at + vk_fmt_i64(at, point - 1);
    }
    if (point <= 0) {
        memcpy(at, "0.", 2);
        memset(at + 2, '0', (size_t)-point);
        memcpy(at + 2 - point, digits, (size_t)len);
        return at + 2 - point + len;
    }
    int32_t whole = len < point ? len : point;
    memcpy(at, digits, (size_t)whole);
    memset(at + whole, '0', (size_t)(point - whole));
    at += point;
    *at++ = '.';
    if (whole == len) {
        *at++ = '0';
        return at;
    }
    memcpy(at, digits + whole, (size_t)(len - whole));
    return at + len - whole;
}

static size_t put_text(uint8_t *dst, uint8_t *at, struct vk_span text)
{
    memcpy(at, text.ptr, text.len);
    return (size_t)(at - dst) + text.len;
}

size_t interp_float_print(uint8_t dst[INTERP_FLOAT_BYTES], double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint64_t fraction = bits & (HIDDEN - 1);
    uint32_t exponent = (uint32_t)(bits >> FRACTION_BITS) & EXPONENT_MAX;
    uint8_t *at = dst;
    if (exponent == EXPONENT_MAX && fraction != 0)
        return put_text(dst, at, VK_SPAN_LIT("nan"));
    if (bits >> 63)
        *at++ = '-';
    if (exponent == EXPONENT_MAX)
        return put_text(dst, at, VK_SPAN_LIT("inf"));
    if ((exponent | fraction) == 0)
        return put_text(dst, at, VK_SPAN_LIT("0.0"));
    return (size_t)(put_decimal(at, decimal_of(fraction, exponent)) - dst);
}
