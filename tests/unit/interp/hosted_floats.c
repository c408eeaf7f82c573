/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: floats are read as the C library reads them, and printed as short as
 * can be. Method: so many random values (argument; LONG=1 in the environment:
 * ten million), printed by the C library in several lengths and read by us,
 * printed by us and read by the C library; exact middles between two floats,
 * which an 80-bit long double holds, and the texts next to them; random digits.
 */
#include "interp/text/float.h"
#include "tests/unit/test.h"
#include "vk/err.h"

#undef CHECK
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 2048u

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static void die(const char *what, const char *text, double ours)
{
    printf("%s: %s: %a\n", what, text, ours);
    exit(1);
}

static void check_parse(const char *text)
{
    double ours = 0, theirs = strtod(text, NULL);
    int rc = interp_float_parse(vk_span(text, strlen(text)), &ours);
    if (rc != (isinf(theirs) ? -VK_ERANGE : 0) || bits_of(ours) != bits_of(theirs))
        die("read otherwise than by strtod", text, ours);
}

/* The significant digits of a text, without zeros at their end. */
static int digits_of(const char *text, char *digits)
{
    int count = 0;
    for (; *text != '\0' && *text != 'e'; text++)
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0'))
            digits[count++] = *text;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    return count;
}

/* Whether two decimals of so many digits are equally near. */
static bool is_tie(double value, int count)
{
    static char exact[TEXT_BYTES], digits[TEXT_BYTES];
    snprintf(exact, sizeof(exact), "%.*e", 1100, value);
    int all = digits_of(exact, digits);
    return all == count + 1 && digits[count] == '5';
}

static void check_print(double value)
{
    char text[INTERP_FLOAT_BYTES + 1], other[64], digits[64], other_digits[64];
    text[interp_float_print((uint8_t *)text, value)] = '\0';
    if (bits_of(strtod(text, NULL)) != bits_of(value))
        die("does not read back", text, value);
    int count = digits_of(text, digits);
    if (count > 1) {
        snprintf(other, sizeof(other), "%.*e", count - 2, value);
        if (strtod(other, NULL) == value)
            die("a shorter one reads back", text, value);
    }
    /* The nearest of that length, if it reads back, is the one. */
    snprintf(other, sizeof(other), "%.*e", count - 1, value);
    digits_of(other, other_digits);
    if (strtod(other, NULL) == value && strcmp(digits, other_digits) != 0 && !is_tie(value, count))
        die("not the nearest", text, value);
}

static double random_float(void)
{
    for (;;) {
        uint64_t bits = test_random(&random_state);
        if (test_random_below(&random_state, 16) == 0)
            bits &= ~(UINT64_C(2047) << 52); /* more of those below the normal ones */
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value))
            return value;
    }
}

/* The text of the middle above value, and its neighbours in the last place and beyond. */
static void check_middle(double value)
{
    static char text[TEXT_BYTES];
    double next = nextafter(fabs(value), (double)INFINITY);
    if (isinf(next))
        return;
    long double middle = ((long double)fabs(value) + (long double)next) / 2;
    int len = snprintf(text, sizeof(text) - 8, "%.*Le", 780, middle);
    check_parse(text);
    char *exponent = strchr(text, 'e');
    char *last = exponent - 1;
    while (*last == '0')
        last--;
    /* one more, one less, in the last place that is not 0; then 1 at the far end */
    char was = *last;
    if (was != '.') {
        *last = (char)(was - 1);
        check_parse(text);
        *last = was;
    }
    exponent[-1]++;
    check_parse(text);
    exponent[-1]--;
    memmove(exponent + 1, exponent, (size_t)(text + len - exponent) + 1);
    *exponent = '1';
    check_parse(text);
}

static void check_random_digits(void)
{
    static char text[TEXT_BYTES];
    size_t at = 0;
    uint32_t count = 1 + test_random_below(&random_state, test_random_below(&random_state, 8) ? 25 : 800);
    uint32_t point = test_random_below(&random_state, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        text[at++] = (char)('0' + test_random_below(&random_state, 10));
        if (i + 1 == point && point < count)
            text[at++] = '.';
    }
    snprintf(text + at, sizeof(text) - at, "e%d", (int)test_random_below(&random_state, 700) - 350);
    check_parse(text);
}

int main(int argc, char **argv)
{
    const char *is_long = getenv("LONG");
    long count = argc > 1 ? atol(argv[1]) : 200000;
    if (is_long != NULL && strcmp(is_long, "1") == 0)
        count = 10000000;
    for (long i = 0; i < count; i++) {
        char text[64];
        double value = random_float();
        check_print(value);
        snprintf(text, sizeof(text), "%.17g", value);
        check_parse(text);
        snprintf(text, sizeof(text), "%.*g", 1 + (int)test_random_below(&random_state, 30), value);
        check_parse(text);
        /* what programs print: few digits, small numbers */
        snprintf(text, sizeof(text), "%.*f", (int)test_random_below(&random_state, 6),
                 (double)(int64_t)test_random(&random_state) / 1e12);
        check_parse(text);
        check_print(strtod(text, NULL));
        if (i % 16 == 0)
            check_middle(value);
        check_random_digits();
    }
    printf("%ld values as the C library has them\n", count);
    return count > 0 ? 0 : 1;
}
