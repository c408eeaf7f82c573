/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that fail when they are told to. The functions of libc and
 * liburing by which libvk and libev ask the system are replaced by ones that
 * count; the one whose turn it is fails with the error that it may have.
 */
#ifndef TESTS_EMBED_FAIL_H
#define TESTS_EMBED_FAIL_H

#include <stdbool.h>
#include <stdint.h>

/* The call with that number from now on fails; UINT32_MAX: none does. goes_on: so do all after it. */
void fail_begin(uint32_t nth, bool goes_on);
/* Calls are not counted, and none fails. The number of those since fail_begin. */
uint32_t fail_end(void);
/* Between: what this program does itself. */
void fail_pause(bool pauses);

#endif
