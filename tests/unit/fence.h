/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory between two unmapped pages, for hosted tests of bounds: a byte read
 * or written too far, at either end, is a fault, which ends the test.
 */
#ifndef TESTS_UNIT_FENCE_H
#define TESTS_UNIT_FENCE_H

#include "tests/unit/test.h"

#include <sys/mman.h>
#include <unistd.h>

#define FENCE_BYTES 65536u

/* FENCE_BYTES to read and write. */
static inline uint8_t *fence_room(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *base = mmap(NULL, FENCE_BYTES + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(base != MAP_FAILED);
    CHECK_EQ(mprotect(base + page, FENCE_BYTES, PROT_READ | PROT_WRITE), 0);
    return base + page;
}

/* A copy that ends where the room does. */
static inline uint8_t *fence_at_end(uint8_t *room, const void *bytes, size_t len)
{
    uint8_t *at = room + FENCE_BYTES - len;
    memcpy(at, bytes, len);
    return at;
}

static inline uint8_t *fence_at_start(uint8_t *room, const void *bytes, size_t len)
{
    memcpy(room, bytes, len);
    return room;
}

#endif
