/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first 19 digits as an integer, times a power of ten to 128 bits, decide
 * nearly always. When digits were left out and the next integer would give
 * another float, all digits are compared with the middle of the two.
 */
#include "interp/text/float.h"

#include "interp/text/powers.h"
#include "vk/err.h"
#include "vk/limits.h"

#define FRACTION_BITS  52
#define HIDDEN         (UINT64_C(1) << FRACTION_BITS)
#define INFINITE       (UINT64_C(0x7ff) << FRACTION_BITS)
#define BIAS           1075
#define DIGITS_WORD    19u     /* fit 64 bits */
#define DIGITS_MAX     772u    /* a middle of two floats has at most 768 */
#define EXPONENT_LIMIT 1000000 /* beyond: the same for all texts of our length */
#define LIMBS          48u     /* DIGITS_MAX digits, or 54 bits times 5^1114: 2650 bits */
#define POW5_MAX       27u     /* 5^27 fits 63 bits */

/* A number as its text has it: digits * 10^exponent, and more digits when is_cut. */
struct number {
    uint64_t digits;
    int64_t exponent;
    uint32_t count; /* significant digits taken, at most DIGITS_WORD */
    bool is_cut;    /* digits other than 0 were left out */
    bool is_negative;
    struct vk_span text; /* all digits, with the point */
};

/* ---- the text --------------------------------------------------------------- */

/* Takes digits from *at on. A digit of the fraction moves the point, one left out of the whole part moves it
 * back. */
static bool take_digits(struct vk_span text, size_t *at, bool is_fraction, struct number *n)
{
    size_t start = *at;
    for (; *at < text.len; *at += 1) {
        uint32_t digit = (uint32_t)text.ptr[*at] - '0';
        if (digit > 9)
            break;
        if (n->count < DIGITS_WORD) {
            n->digits = n->digits * 10 + digit;
            n->count += n->digits != 0;
            n->exponent -= is_fraction;
        } else {
            n->is_cut |= digit != 0;
            n->exponent += !is_fraction;
        }
    }
    return *at > start;
}

static bool take_exponent(struct vk_span text, size_t *at, struct number *n)
{
    bool is_negative = *at < text.len && text.ptr[*at] == '-';
    int64_t exponent = 0;
    if (*at < text.len && (text.ptr[*at] == '-' || text.ptr[*at] == '+'))
        *at += 1;
    size_t start = *at;
    for (; *at < text.len && (uint8_t)(text.ptr[*at] - '0') <= 9; *at += 1)
        exponent = exponent < EXPONENT_LIMIT ? exponent * 10 + (text.ptr[*at] - '0') : exponent;
    n->exponent += is_negative ? -exponent : exponent;
    return *at > start;
}

static bool take_number(struct vk_span text, struct number *n)
{
    size_t at = 0;
    *n = (struct number){0};
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        n->is_negative = text.ptr[0] == '-';
        at++;
    }
    size_t start = at;
    if (!take_digits(text, &at, false, n))
        return false;
    if (at < text.len && text.ptr[at] == '.') {
        at++;
        if (!take_digits(text, &at, true, n))
            return false;
    }
    n->text = vk_span(text.ptr + start, at - start);
    if (at < text.len && (text.ptr[at] | 0x20) == 'e') {
        at++;
        if (!take_exponent(text, &at, n))
            return false;
    }
    return at == text.len;
}

/* ---- up to 19 digits ---------------------------------------------------------- */

/* Both are exact, so that one multiplication or division rounds once (Clinger). */
static bool is_exact(const struct number *n)
{
    return n->digits <= HIDDEN * 2 && n->exponent >= -22 && n->exponent <= 22;
}

static double exact_value(const struct number *n)
{
    static const double powers[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = (double)(int64_t)n->digits;
    return n->exponent < 0 ? value / powers[-n->exponent] : value * powers[n->exponent];
}

/* w * 10^q to the 55 leading bits and more; w has its high bit set (Lemire, section 6). */
static struct interp_wide product_of(uint64_t w, int32_t q)
{
    struct interp_power power = interp_powers[q - INTERP_POWER_FIRST];
    if (q < 0 && q >= -27) { /* where rounding up makes the division by 5^-q exact */
        power.low++;
        power.high += power.low == 0;
    }
    struct interp_wide first = interp_mul_wide(w, power.high);
    if ((first.high & 0x1ff) == 0x1ff) {
        uint64_t second = interp_mul_wide(w, power.low).high;
        first.low += second;
        first.high += first.low < second;
    }
    return first;
}

/* The bits of the float below 2^-1022 nearest to mantissa / 2^(shift + 1); mantissa has one bit for rounding.
 */
static uint64_t small_bits(uint64_t mantissa, int32_t shift)
{
    if (shift >= 64)
        return 0;
    mantissa >>= shift;
    mantissa += mantissa & 1;
    return mantissa >> 1; /* the least normal float, if it was rounded up to that */
}

/* The bits of the float nearest to w * 10^q, for any w but 0. */
static uint64_t nearest_bits(uint64_t w, int64_t exponent)
{
    if (exponent < INTERP_POWER_FIRST)
        return 0;
    if (exponent > 308)
        return INFINITE;
    int32_t q = (int32_t)exponent;
    int32_t zeros = __builtin_clzll(w);
    struct interp_wide product = product_of(w << zeros, q);
    int32_t upper = (int32_t)(product.high >> 63);
    int32_t shift = upper + 64 - FRACTION_BITS - 3;
    uint64_t mantissa = product.high >> shift;
    /* floor(log2(10^q)) by a line; 1023 is the bias */
    int32_t power = ((217706 * q) >> 16) + 63 + upper - zeros + 1023;
    if (power <= 0)
        return small_bits(mantissa, 1 - power);
    /* Exactly between two floats: only for a few q can the product be that exact. */
    bool is_middle =
        product.low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << shift == product.high;
    if (is_middle)
        mantissa &= ~UINT64_C(1);
    mantissa += mantissa & 1;
    mantissa >>= 1;
    if (mantissa >= HIDDEN * 2) {
        mantissa = HIDDEN;
        power++;
    }
    return power >= 0x7ff ? INFINITE : (uint64_t)power << FRACTION_BITS | (mantissa & (HIDDEN - 1));
}

/* ---- all digits ------------------------------------------------------------------ */

struct big {
    uint32_t count; /* limbs in use, the least significant first; the highest is not 0 */
    uint64_t limbs[LIMBS];
};

static void big_mul_add(struct big *big, uint64_t factor, uint64_t summand)
{
    uint64_t carry = summand;
    for (uint32_t i = 0; i < big->count; i++) {
        struct interp_wide product = interp_mul_wide(big->limbs[i], factor);
        big->limbs[i] = product.low + carry;
        carry = product.high + (big->limbs[i] < carry);
    }
    if (carry != 0) {
        vk_assert(big->count < LIMBS);
        big->limbs[big->count++] = carry;
    }
}

static void big_mul_pow5(struct big *big, uint32_t exponent)
{
    for (; exponent >= POW5_MAX; exponent -= POW5_MAX)
        big_mul_add(big, UINT64_C(7450580596923828125), 0);
    for (; exponent > 0; exponent--)
        big_mul_add(big, 5, 0);
}

static void big_shift(struct big *big, uint32_t bits)
{
    uint32_t whole = bits / 64;
    if (bits % 64 != 0)
        big_mul_add(big, UINT64_C(1) << bits % 64, 0);
    vk_assert(big->count + whole <= LIMBS);
    memmove(big->limbs + whole, big->limbs, big->count * sizeof(uint64_t));
    memset(big->limbs, 0, whole * sizeof(uint64_t));
    big->count += whole;
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (uint32_t i = a->count; i > 0; i--)
        if (a->limbs[i - 1] != b->limbs[i - 1])
            return a->limbs[i - 1] < b->limbs[i - 1] ? -1 : 1;
    return 0;
}

/* The first DIGITS_MAX significant digits; moves *exponent, which is that of the last digit, to what is left.
 */
static bool big_of_digits(struct big *big, struct vk_span text, int64_t *exponent)
{
    uint32_t taken = 0;
    bool is_cut = false;
    big->count = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t digit = (uint32_t)text.ptr[i] - '0';
        if (text.ptr[i] == '.')
            continue;
        if (taken < DIGITS_MAX) {
            big_mul_add(big, 10, digit);
            taken += big->count > 0;
        } else {
            is_cut |= digit != 0;
            *exponent += 1;
        }
    }
    return is_cut;
}

/* The exponent of the last digit in the text: the first 19 end where n->exponent says. */
static int64_t exponent_of_last(const struct number *n)
{
    int64_t exponent = n->exponent;
    uint32_t count = 0;
    bool has_begun = false;
    for (size_t i = 0; i < n->text.len; i++) {
        if (n->text.ptr[i] == '.')
            continue;
        has_begun |= n->text.ptr[i] != '0';
        count += has_begun;
        exponent -= count > DIGITS_WORD;
    }
    return exponent;
}

/* Whether the number is below (-1), at, or above the middle of the float with these bits and the next. */
static int compare_with_middle(const struct number *n, uint64_t bits)
{
    struct big digits, middle = {.count = 1};
    int64_t exponent = exponent_of_last(n);
    bool is_cut = big_of_digits(&digits, n->text, &exponent);
    uint64_t fraction = bits & (HIDDEN - 1);
    int32_t power = (int32_t)(bits >> FRACTION_BITS);
    middle.limbs[0] = (power > 0 ? fraction | HIDDEN : fraction) * 2 + 1;
    int64_t twos = (power > 0 ? power : 1) - BIAS - 1;
    /* digits * 10^exponent against middle * 2^twos: no negative powers on either side */
    if (exponent >= 0)
        big_mul_pow5(&digits, (uint32_t)exponent);
    else
        big_mul_pow5(&middle, (uint32_t)-exponent);
    twos -= exponent;
    if (twos >= 0)
        big_shift(&middle, (uint32_t)twos);
    else
        big_shift(&digits, (uint32_t)-twos);
    int order = big_compare(&digits, &middle);
    return order == 0 && is_cut ? 1 : order;
}

/* The digits are between n->digits and one more, which round to the same float or to neighbours. */
static uint64_t nearest_bits_of_all(const struct number *n)
{
    uint64_t low = nearest_bits(n->digits, n->exponent);
    if (!n->is_cut || low == nearest_bits(n->digits + 1, n->exponent))
        return low;
    int order = compare_with_middle(n, low);
    return low + (order > 0 || (order == 0 && (low & 1) != 0));
}

int interp_float_parse(struct vk_span text, double *ret_value)
{
    struct number n;
    if (text.len > INTERP_NUMBER_MAX_BYTES)
        return -VK_ETOOBIG;
    if (!take_number(text, &n))
        return -VK_EMALFORMED;
    if (!n.is_cut && is_exact(&n)) {
        double value = exact_value(&n);
        *ret_value = n.is_negative ? -value : value;
        return 0;
    }
    uint64_t bits = n.digits == 0 ? 0 : nearest_bits_of_all(&n);
    int rc = bits == INFINITE ? -VK_ERANGE : 0;
    bits |= (uint64_t)n.is_negative << 63;
    memcpy(ret_value, &bits, sizeof(bits));
    return rc;
}
