/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: see the freestanding runner report what fails. Method: tests that must; expected.txt has the report.
 */
#include "tests/unit/test.h"

TEST(runner, a_true_check_passes)
{
    CHECK(1 + 1 == 2);
    CHECK_EQ((uint32_t)7, (int64_t)7);
    CHECK_EQ(UINT64_MAX, UINT64_MAX);
    CHECK_MEM("abc", "abd", 2u);
}

TEST(runner, a_false_check_fails)
{
    CHECK(1 + 1 == 3);
}

TEST(runner, unequal_numbers_fail_by_value)
{
    CHECK_EQ(UINT64_MAX, -1);
}

TEST(runner, negative_numbers_are_shown)
{
    CHECK_EQ(INT64_MIN, 0);
}

TEST(runner, bytes_that_differ_fail)
{
    CHECK_MEM("abc", "abd", 3u);
}

static void fail_deeper(int depth)
{
    if (depth > 0)
        fail_deeper(depth - 1);
    CHECK(depth > 0);
}

TEST(runner, a_check_in_a_helper_ends_the_test)
{
    fail_deeper(3);
    CHECK(false);
}

TEST(runner, a_skipped_test_is_neither)
{
    SKIP("no such device");
    CHECK(false);
}

TEST(runner, other_tests_still_run)
{
    CHECK(true);
}
