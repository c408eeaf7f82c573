/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform with a mind of its own: the linker puts these functions before
 * the real ones (--wrap). They keep a record of each page's protection, count
 * calls, refuse when told to, and play a CPU with protection keys.
 */
#ifndef TESTS_UNIT_VK_FAULTS_FAULTS_H
#define TESTS_UNIT_VK_FAULTS_FAULTS_H

#include "vk/plat.h"

struct faults {
    uint64_t calls;      /* calls that may be refused, so far */
    uint64_t refuse_at;  /* the call of this number is refused, counted from 1; 0: none */
    uint64_t refuse_all; /* every call from this number on is refused; 0: none */
    uint32_t one_in;     /* every call is refused with this chance; 0: never */
    uint64_t seed;
    uint64_t refusals;
    bool has_keys;   /* what plat_caps says, and whether keys can be had */
    uint32_t keys;   /* bit k: key k is handed out */
    uint32_t rights; /* the rights of a process, as set last */
};

extern struct faults faults;

/* Whether the kernel could write to this byte of a reserved range. */
bool faults_is_open(const void *addr);

/* Whether a process could: open, and its key not denied. */
bool faults_is_open_to_process(const void *addr);

#endif
