/* SPDX-License-Identifier: Apache-2.0 */
/* What tests over the simulated network share. */
#ifndef TESTS_SIM_SIM_TEST_H
#define TESTS_SIM_SIM_TEST_H

#include "sim/sim.h"
#include "vk/limits.h"

#define SECOND_NS 1000000000ull

/* Says where, what and the seed, and ends the program with 1. */
void test_failed(const char *where, const char *what) __attribute__((noreturn));
#define CHECK(cond)                                            \
    do {                                                       \
        if (!(cond))                                           \
            test_failed(__FILE__ ":" VK_STR(__LINE__), #cond); \
    } while (0)

#endif
