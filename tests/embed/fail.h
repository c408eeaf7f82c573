/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that fail when they are told to. The functions of libc and
 * liburing by which libvk and libev ask the system are replaced by ones that
 * count; the one whose turn it is fails with the error that it may have.
 *
 * Three are left out, since they undo: a caller who is told that they failed
 * can do nothing about it. close gives the descriptor back whatever it returns
 * on Linux; its errors are about data of files, and libvk closes sockets, an
 * eventfd and what it has only read. munmap and mprotect to PROT_NONE fail
 * where one mapping would become two and there are too many already
 * (vm.max_map_count): a range of addresses would stay mapped; a heap that
 * stays open would be unguarded, which is why heaps are laid out so that their
 * neighbours never become one mapping with them (plat_slot_map in vk/plat.h).
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
