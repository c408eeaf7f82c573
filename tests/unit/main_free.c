/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the tests linked into an image that has nothing but plat_console. The
 * way out of a test that failed is the compiler's own longjmp, since there is
 * no C library; it only ever leaves frames of test code.
 */
#include "tests/unit/test.h"

#include "vk/plat.h"

extern const struct test_case *const __start_test_cases[];
extern const struct test_case *const __stop_test_cases[];

enum outcome { PASSED, FAILED, SKIPPED };

/* The runner's only state: tests are not handed a context. */
static void *way_out[5];
static const struct test_case *running;
static enum outcome outcome;

static void print(const char *text)
{
    size_t len_bytes = 0;
    while (text[len_bytes] != '\0')
        len_bytes++;
    plat_console(text, len_bytes);
}

static void print_number(uint32_t number)
{
    char text[TEST_DETAIL_BYTES];
    test_put_number(text, number);
    print(text);
}

static void print_case(const char *what)
{
    print(what);
    print(running->suite);
    print("/");
    print(running->name);
}

void test_fail(const char *where, const char *expr, const char *detail)
{
    print_case("FAIL ");
    print(" ");
    print(where);
    print(": ");
    print(expr);
    print(detail);
    print("\n");
    outcome = FAILED;
    __builtin_longjmp(way_out, 1);
}

void test_skip(const char *why)
{
    print_case("skip ");
    print(": ");
    print(why);
    print("\n");
    outcome = SKIPPED;
    __builtin_longjmp(way_out, 1);
}

/* Apart from its caller: a function that calls setjmp keeps nothing in registers across it. */
static void __attribute__((noinline)) run_one(void)
{
    outcome = PASSED;
    if (__builtin_setjmp(way_out) != 0)
        return;
    running->run();
    print_case("ok ");
    print("\n");
}

int test_run_all(void)
{
    uint32_t counts[3] = {0};
    for (const struct test_case *const *at = __start_test_cases; at < __stop_test_cases; at++) {
        running = *at;
        run_one();
        counts[outcome]++;
    }
    print_number(counts[PASSED]);
    print(" passed, ");
    print_number(counts[FAILED]);
    print(" failed");
    if (counts[SKIPPED] > 0) {
        print(", ");
        print_number(counts[SKIPPED]);
        print(" skipped");
    }
    print("\n");
    return counts[PASSED] + counts[FAILED] == 0 ? 1 : (int)counts[FAILED];
}
