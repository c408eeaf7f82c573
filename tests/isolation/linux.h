/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what only the Linux platform has: signals, threads, descriptors. */
#ifndef TESTS_ISOLATION_LINUX_H
#define TESTS_ISOLATION_LINUX_H

#include "tests/isolation/isolation.h"

extern const struct test linux_tests[];
extern const uint32_t linux_tests_count;

#endif
