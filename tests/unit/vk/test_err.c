/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: every code has a text, of either sign. Method: the list itself, and numbers outside it. */
#include "vk/err.h"

#include "tests/unit/test.h"

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

TEST(vk_err, every_code_has_its_text_in_both_signs)
{
#define X(name, text)                          \
    CHECK(same(vk_err_text(VK_##name), text)); \
    CHECK(same(vk_err_text(-VK_##name), text));
    VK_ERR_LIST(X)
#undef X
    CHECK(same(vk_err_text(0), "success"));
}

TEST(vk_err, other_numbers_are_unknown)
{
    CHECK(same(vk_err_text(VK_ERR_END), "unknown error"));
    CHECK(same(vk_err_text(-VK_ERR_END), "unknown error"));
    CHECK(same(vk_err_text(INT32_MIN), "unknown error"));
    CHECK(same(vk_err_text(INT32_MAX), "unknown error"));
}

TEST(vk_err, codes_keep_their_numbers)
{
    /* They travel in completions, so a process may have them compiled in. */
    CHECK_EQ(VK_EAGAIN, 1);
    CHECK_EQ(VK_EINVAL, 2);
    CHECK_EQ(VK_EBADH, 5);
    CHECK_EQ(VK_ECANCELED, 12);
    CHECK_EQ(VK_EIO, 24);
    CHECK_EQ(VK_EEXIST, 25);
    CHECK_EQ(VK_EEXIST, 25);
}
