/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share: the entry point, a check that stays on, exact copies. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "vk/base.h"
#include "vk/bytes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(cond)      \
    do {                      \
        if (!(cond))          \
            __builtin_trap(); \
    } while (0)

/* A copy without a byte to spare, so that a read past it is caught; to be freed. */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    FUZZ_CHECK(copy != NULL);
    vk_copy(copy, data, size);
    return copy;
}

/* Places to cut at, drawn from the input itself: the same input is cut the same way. */
struct fuzz_cuts {
    uint32_t state;
};

static inline struct fuzz_cuts fuzz_cuts(const uint8_t *data, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 16777619u;
    return (struct fuzz_cuts){hash | 1};
}

/* 1 .. left, mostly small. */
static inline size_t fuzz_next_cut(struct fuzz_cuts *cuts, size_t left)
{
    cuts->state ^= cuts->state << 13;
    cuts->state ^= cuts->state >> 17;
    cuts->state ^= cuts->state << 5;
    size_t max = cuts->state & 64 ? 4 : 100;
    size_t cut = (cuts->state >> 8) % max + 1;
    return cut < left ? cut : left;
}

#endif
