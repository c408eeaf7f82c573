/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One way to write a unit test, two ways to run it: under Criterion on Linux,
 * each test in a process of its own, and with -DTEST_FREESTANDING in any image
 * with a console, bare metal too, through test_run_all of main_free.c.
 *
 *     TEST(vk_ring, reserve_past_capacity_is_refused)
 *     {
 *         CHECK_EQ(vk_ring_reserve(&ring, 65, &spans), -VK_EAGAIN);
 *     }
 *
 * The suite is the file under test, the name is a behaviour as a sentence.
 * Tests of vk, proc and net are freestanding themselves: they include this,
 * vk/base.h and what they test. A check that fails ends its test.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include "vk/base.h"

struct test_case {
    const char *suite;
    const char *name;
    void (*run)(void);
};

#ifdef TEST_FREESTANDING

/* A section named like a C identifier: the linker itself marks its two ends. */
#define TEST(suite_, name_)                                                                                  \
    static void test_##suite_##_##name_(void);                                                               \
    static const struct test_case test_case_##suite_##_##name_ = {#suite_, #name_, test_##suite_##_##name_}; \
    __attribute__((                                                                                          \
        used, section("test_cases"))) static const struct test_case *const test_entry_##suite_##_##name_ =   \
        &test_case_##suite_##_##name_;                                                                       \
    static void test_##suite_##_##name_(void)

#define SKIP(why) test_skip(why)

/* Both leave the running test. */
_Noreturn void test_fail(const char *where, const char *expr, const char *detail);
_Noreturn void test_skip(const char *why);

/* Runs every linked test; prints a line for each and the sums to plat_console. Returns how many failed, or 1
 * when there was none. */
int test_run_all(void);

#else

#include <criterion/criterion.h>

#define TEST(suite_, name_) Test(suite_, name_)
#define SKIP(why)           cr_skip_test("%s", why)

#define test_fail(where, expr, detail) cr_assert_fail("%s: %s%s", where, expr, detail)

#endif

#define TEST_WHERE __FILE__ ":" VK_STR(__LINE__)

#define CHECK(cond)                                        \
    do {                                                   \
        if (!(cond))                                       \
            test_fail(TEST_WHERE, "CHECK(" #cond ")", ""); \
    } while (0)

/* For integers of any two types; compared by value, so -1 is not UINT64_MAX. */
#define CHECK_EQ(a, b)                                                      \
    do {                                                                    \
        test_wide test_a = (a);                                             \
        test_wide test_b = (b);                                             \
        char test_detail[TEST_DETAIL_BYTES];                                \
        if (test_a != test_b) {                                             \
            test_print_pair(test_detail, test_a, test_b);                   \
            test_fail(TEST_WHERE, "CHECK_EQ(" #a ", " #b ")", test_detail); \
        }                                                                   \
    } while (0)

#define CHECK_MEM(a, b, len_bytes)                                                           \
    do {                                                                                     \
        const unsigned char *test_a = (const unsigned char *)(a);                            \
        const unsigned char *test_b = (const unsigned char *)(b);                            \
        char test_detail[TEST_DETAIL_BYTES];                                                 \
        size_t test_at = test_difference(test_a, test_b, (len_bytes));                       \
        if (test_at < (len_bytes)) {                                                         \
            test_print_byte(test_detail, test_at, test_a[test_at], test_b[test_at]);         \
            test_fail(TEST_WHERE, "CHECK_MEM(" #a ", " #b ", " #len_bytes ")", test_detail); \
        }                                                                                    \
    } while (0)

/* Holds every 64-bit integer, signed or not. Only compared and negated: no run-time library. */
__extension__ typedef __int128 test_wide;

#define TEST_DETAIL_BYTES 96u

static inline char *test_put_text(char *at, const char *text)
{
    while (*text != '\0')
        *at++ = *text++;
    *at = '\0';
    return at;
}

static inline char *test_put_number(char *at, test_wide value)
{
    char digits[20];
    size_t count = 0;
    uint64_t left = (uint64_t)(value < 0 ? -value : value);
    if (value < 0)
        *at++ = '-';
    do {
        digits[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    return at;
}

static inline void test_print_pair(char *detail, test_wide a, test_wide b)
{
    detail = test_put_number(test_put_text(detail, ": "), a);
    test_put_number(test_put_text(detail, " is not "), b);
}

static inline void test_print_byte(char *detail, size_t at, unsigned char a, unsigned char b)
{
    detail = test_put_number(test_put_text(detail, ": byte "), (test_wide)at);
    detail = test_put_number(test_put_text(detail, " is "), a);
    test_put_number(test_put_text(detail, ", not "), b);
}

/* Index of the first byte that differs; len_bytes when none does. */
static inline size_t test_difference(const unsigned char *a, const unsigned char *b, size_t len_bytes)
{
    size_t at = 0;
    while (at < len_bytes && a[at] == b[at])
        at++;
    return at;
}

/*
 * Numbers for model checks: xorshift64* (Marsaglia 2003; Vigna 2016). The seed
 * is a constant of the test, not 0, so that every run is the same.
 */
static inline uint64_t test_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* The same below a bound, which is not 0. */
static inline uint32_t test_random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((test_random(state) >> 32) * bound >> 32);
}

#endif
