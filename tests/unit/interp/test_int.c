/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: 64 bits and nothing else are integers. Method: tables. */
#include "interp/text/int.h"

#include "tests/unit/test.h"
#include "vk/err.h"

static int64_t parsed(struct vk_span text)
{
    int64_t value;
    CHECK_EQ(interp_int_parse(text, &value), 0);
    return value;
}

TEST(interp_int, numbers_up_to_both_ends)
{
    CHECK_EQ(parsed(VK_SPAN_LIT("0")), 0);
    CHECK_EQ(parsed(VK_SPAN_LIT("-0")), 0);
    CHECK_EQ(parsed(VK_SPAN_LIT("+7")), 7);
    CHECK_EQ(parsed(VK_SPAN_LIT("007")), 7);
    CHECK_EQ(parsed(VK_SPAN_LIT("-42")), -42);
    CHECK_EQ(parsed(VK_SPAN_LIT("9223372036854775807")), INT64_MAX);
    CHECK_EQ(parsed(VK_SPAN_LIT("-9223372036854775807")), -INT64_MAX);
    CHECK_EQ(parsed(VK_SPAN_LIT("-9223372036854775808")), INT64_MIN);
}

TEST(interp_int, what_is_none)
{
    static const char *const bad[] = {"",   "-",   "+",   "--1", "+-1", " 1",
                                      "1 ", "1_0", "0x1", "1.0", "1e3", "a"};
    int64_t value = 5;
    for (uint32_t i = 0; i < VK_COUNT(bad); i++) {
        size_t len = 0;
        while (bad[i][len] != '\0')
            len++;
        CHECK_EQ(interp_int_parse(vk_span(bad[i], len), &value), -VK_EMALFORMED);
    }
    CHECK_EQ(interp_int_parse(VK_SPAN_LIT("9223372036854775808"), &value), -VK_ERANGE);
    CHECK_EQ(interp_int_parse(VK_SPAN_LIT("-9223372036854775809"), &value), -VK_ERANGE);
    CHECK_EQ(interp_int_parse(VK_SPAN_LIT("18446744073709551616"), &value), -VK_ERANGE);
    CHECK_EQ(interp_int_parse(VK_SPAN_LIT("-18446744073709551617"), &value), -VK_ERANGE);
    CHECK_EQ(value, 5);
}

TEST(interp_int, hexadecimal_is_sign_and_magnitude)
{
    uint8_t text[INTERP_INT_HEX_BYTES];
    CHECK_EQ(interp_int_hex(text, 0), 1);
    CHECK_MEM(text, "0", 1);
    CHECK_EQ(interp_int_hex(text, 255), 2);
    CHECK_MEM(text, "ff", 2);
    CHECK_EQ(interp_int_hex(text, -255), 3);
    CHECK_MEM(text, "-ff", 3);
    CHECK_EQ(interp_int_hex(text, INT64_MIN), 17);
    CHECK_MEM(text, "-8000000000000000", 17);
    CHECK_EQ(interp_int_hex(text, INT64_MAX), 16);
    CHECK_MEM(text, "7fffffffffffffff", 16);
}
