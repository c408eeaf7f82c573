/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: floats at the edges of the format and of the algorithms. Method:
 * tables of bits and text; every power of ten and of two there and back;
 * hosted_floats.c compares random values with the C library.
 */
#include "interp/text/float.h"

#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double float_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static size_t length(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    return len;
}

static uint64_t parsed(const char *text)
{
    double value = 7.0;
    CHECK_EQ(interp_float_parse(vk_span(text, length(text)), &value), 0);
    return bits_of(value);
}

struct sample {
    uint64_t bits;
    const char *text;
};

TEST(interp_float, shortest_texts)
{
    static const struct sample samples[] = {
        {0, "0.0"},
        {UINT64_C(0x8000000000000000), "-0.0"},
        {UINT64_C(0x7ff0000000000000), "inf"},
        {UINT64_C(0xfff0000000000000), "-inf"},
        {UINT64_C(0x7ff8000000000000), "nan"},
        {UINT64_C(0xfff0000000000001), "nan"},
        {UINT64_C(0x0000000000000001), "5e-324"},
        {UINT64_C(0x0000000000000002), "1e-323"},
        {UINT64_C(0x000fffffffffffff), "2.225073858507201e-308"},
        {UINT64_C(0x0010000000000000), "2.2250738585072014e-308"},
        {UINT64_C(0x7fefffffffffffff), "1.7976931348623157e308"},
        {UINT64_C(0x3ff0000000000000), "1.0"},
        {UINT64_C(0xbff8000000000000), "-1.5"},
        {UINT64_C(0x3fb999999999999a), "0.1"},
        {UINT64_C(0x3fd3333333333334), "0.30000000000000004"},
        {UINT64_C(0x4340000000000000), "9007199254740992.0"},
        {UINT64_C(0x4340000000000001), "9007199254740994.0"},
        {UINT64_C(0x44b52d02c7e14af6), "1e23"}, /* two of sixteen digits are as near */
        {UINT64_C(0x44b52d02c7e14af7), "1.0000000000000001e23"},
        {UINT64_C(0x444b1ae4d6e2ef50), "1e21"},
        {UINT64_C(0x444b1ae4d6e2ef4f), "999999999999999900000.0"},
        {UINT64_C(0x3eb0c6f7a0b5ed8d), "0.000001"},
        {UINT64_C(0x3eb0c6f7a0b5ed8c), "9.999999999999997e-7"},
        {UINT64_C(0xbeb4b67e7df70421), "-0.0000012345831165024874"}, /* the longest */
        {UINT64_C(0x4415af1d78b58c40), "100000000000000000000.0"},
        {UINT64_C(0x3d40000000000000), "1.1368683772161603e-13"}, /* the float below is nearer */
        {UINT64_C(0x7e37e43c8800759c), "1e300"},
        {UINT64_C(0x40c81c8000000000), "12345.0"},
        {UINT64_C(0x40fe240c9fbe76c9), "123456.789"},
    };
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        uint8_t text[INTERP_FLOAT_BYTES + 1];
        memset(text, '#', sizeof(text));
        size_t len = interp_float_print(text, float_of(samples[i].bits));
        CHECK_EQ(len, length(samples[i].text));
        CHECK_MEM(text, samples[i].text, len);
        CHECK_EQ(text[len], '#');
        if ((samples[i].bits << 1) < UINT64_C(0xffe0000000000000))
            CHECK_EQ(parsed(samples[i].text), samples[i].bits);
    }
}

TEST(interp_float, texts_between_two_floats)
{
    static const struct sample samples[] = {
        /* the middle of 1 and the next float, a little less, a little more, the same with an odd one below */
        {UINT64_C(0x3ff0000000000000), "1.00000000000000011102230246251565404236316680908203125"},
        {UINT64_C(0x3ff0000000000000), "1.00000000000000011102230246251565404236316680908203124"},
        {UINT64_C(0x3ff0000000000001), "1.00000000000000011102230246251565404236316680908203126"},
        {UINT64_C(0x3ff0000000000002), "1.00000000000000033306690738754696212708950042724609375"},
        {UINT64_C(0x3ff0000000000001), "1.00000000000000033306690738754696212708950042724609374999"},
        {UINT64_C(0x4340000000000000), "9007199254740993"},
        {UINT64_C(0x4340000000000001), "9007199254740993.00000000000000000000000000000000000001"},
        {UINT64_C(0x4340000000000002), "9007199254740995"},
        {UINT64_C(0x4340000000000000), "9007199254740993e0"},
        {UINT64_C(0x4340000000000000), "900719925474099300000000000000000000e-20"},
        /* half the least float: a tie with 0; and what is above it */
        {UINT64_C(0), "2.4703282292062327208e-324"},
        {UINT64_C(1), "2.4703282292062328e-324"},
        {UINT64_C(1), "7.4109846876186981e-324"},
        {UINT64_C(2), "7.4109846876186982e-324"},
        {UINT64_C(0x000fffffffffffff), "2.2250738585072011e-308"},
        {UINT64_C(0x0010000000000000), "2.2250738585072012e-308"},
        {UINT64_C(0x7fefffffffffffff), "1.7976931348623158e308"},
        {UINT64_C(0x7fefffffffffffff), "179769313486231580793e288"},
        {UINT64_C(0), "1e-400"},
        {UINT64_C(0x8000000000000000), "-1e-99999999999999999999"},
        {UINT64_C(0), "0e99999999999999999999"},
        {UINT64_C(0x3ff0000000000000), "0000000000000000000000001.000000000000000000000000000000E+00"},
        {UINT64_C(0x3ff0000000000000), "+1"},
        {UINT64_C(0x4024000000000000), "1e1"},
        {UINT64_C(0x3ff0000000000000), "0.000000000000000000000000000000000000000001e42"},
        {UINT64_C(0x43e158e460913d00), "9999999999999999999e0"},
        {UINT64_C(0x43efffffffffffff), "18446744073709550591"},
        {UINT64_C(0x43f0000000000000), "18446744073709550592"},
    };
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        if (samples[i].bits == UINT64_C(0x43e158e460913d00))
            CHECK_EQ(parsed(samples[i].text), bits_of(9999999999999999999e0));
        else
            CHECK_EQ(parsed(samples[i].text), samples[i].bits);
    }
}

TEST(interp_float, long_digit_strings)
{
    static char text[INTERP_NUMBER_MAX_BYTES + 2];
    double value;
    /* 1 + half a step, then zeros: a tie; a 1 at the very end decides, wherever the end is */
    static const char middle[] = "1.00000000000000011102230246251565404236316680908203125";
    size_t middle_len = sizeof(middle) - 1;
    for (size_t len = middle_len + 1; len <= INTERP_NUMBER_MAX_BYTES; len += len < 1000 ? 1 : 500) {
        memset(text, '0', len);
        memcpy(text, middle, middle_len);
        CHECK_EQ(interp_float_parse(vk_span(text, len), &value), 0);
        CHECK_EQ(bits_of(value), UINT64_C(0x3ff0000000000000));
        text[len - 1] = '1';
        CHECK_EQ(interp_float_parse(vk_span(text, len), &value), 0);
        CHECK_EQ(bits_of(value), UINT64_C(0x3ff0000000000001));
    }
    memset(text, '9', sizeof(text));
    CHECK_EQ(interp_float_parse(vk_span(text, 308), &value), 0);
    CHECK_EQ(bits_of(value), bits_of(1e308));
    CHECK_EQ(interp_float_parse(vk_span(text, 309), &value), -VK_ERANGE);
    CHECK_EQ(interp_float_parse(vk_span(text, INTERP_NUMBER_MAX_BYTES), &value), -VK_ERANGE);
    CHECK_EQ(bits_of(value), UINT64_C(0x7ff0000000000000));
    CHECK_EQ(interp_float_parse(vk_span(text, INTERP_NUMBER_MAX_BYTES + 1), &value), -VK_ETOOBIG);
    /* leading zeros after the point, as many as there is room for */
    memset(text, '0', sizeof(text));
    text[1] = '.';
    memcpy(text + INTERP_NUMBER_MAX_BYTES - 7, "125e+40", 7);
    CHECK_EQ(interp_float_parse(vk_span(text, INTERP_NUMBER_MAX_BYTES), &value), 0);
    CHECK_EQ(bits_of(value), 0);
    memcpy(text + INTERP_NUMBER_MAX_BYTES - 9, "125e+4088", 9); /* 4085 zeros, then 125 */
    CHECK_EQ(interp_float_parse(vk_span(text, INTERP_NUMBER_MAX_BYTES), &value), 0);
    CHECK_EQ(bits_of(value), bits_of(125.0));
}

TEST(interp_float, too_large_is_an_infinity)
{
    static const char *const large[] = {
        "1.7976931348623159e308",  "1e309", "-1e309", "1e99999999999999999999", "179769313486231580794e288",
        "1.797693134862315808e308"};
    double value;
    for (uint32_t i = 0; i < VK_COUNT(large); i++) {
        CHECK_EQ(interp_float_parse(vk_span(large[i], length(large[i])), &value), -VK_ERANGE);
        CHECK_EQ(bits_of(value) << 1, UINT64_C(0xffe0000000000000));
        CHECK_EQ(bits_of(value) >> 63, large[i][0] == '-');
    }
}

TEST(interp_float, what_is_no_number)
{
    static const char *const bad[] = {"",     "-",   "+",   ".",    "1.",   ".5",   "e5",    "1e",
                                      "1e+",  "1e-", "--1", "1.e",  "1..2", "1.2.", "1e5.5", " 1",
                                      "1 ",   "nan", "inf", "-inf", "0x1",  "1_0",  "1,5",   "1e5e",
                                      "1.5f", "+-1", "1ee", "1:",   "1/",   "1e5:"};
    double value = 3.0;
    for (uint32_t i = 0; i < VK_COUNT(bad); i++)
        CHECK_EQ(interp_float_parse(vk_span(bad[i], length(bad[i])), &value), -VK_EMALFORMED);
    CHECK_EQ(bits_of(value), bits_of(3.0));
}

/* Prints, reads back, and compares. */
static void check_there_and_back(uint64_t bits)
{
    uint8_t text[INTERP_FLOAT_BYTES];
    double value;
    size_t len = interp_float_print(text, float_of(bits));
    if (interp_float_parse(vk_span(text, len), &value) != 0 || bits_of(value) != bits)
        CHECK_EQ(bits, UINT64_MAX); /* fails, and shows which */
}

TEST(interp_float, every_binade_and_random_bits_there_and_back)
{
    uint64_t random = 88172645463325252;
    for (uint64_t exponent = 0; exponent < 2047; exponent++) {
        for (uint64_t fraction = 0; fraction < 4; fraction++) {
            check_there_and_back(exponent << 52 | fraction);
            check_there_and_back(exponent << 52 | (UINT64_C(0xfffffffffffff) - fraction));
        }
    }
    for (uint32_t i = 0; i < 100000; i++) {
        uint64_t bits = test_random(&random);
        if ((bits >> 52 & 2047) != 2047)
            check_there_and_back(bits);
    }
}
