/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what is allocated lies between the marks, aligned, and never wraps,
 * even with marks that a process has spoiled. Method: borders by hand, random
 * marks against 64-bit arithmetic.
 */
#include "vk/heap.h"

#include "tests/unit/test.h"

TEST(vk_heap, allocations_follow_each_other)
{
    struct vk_heap heap = {.top_bytes = 64, .limit_bytes = 128};
    CHECK_EQ(vk_heap_alloc(&heap, 10, 1), 64);
    CHECK_EQ(vk_heap_alloc(&heap, 1, 1), 74);
    CHECK_EQ(vk_heap_alloc(&heap, 8, 8), 80);
    CHECK_EQ(vk_heap_alloc(&heap, 0, 16), 96);
    CHECK_EQ(heap.top_bytes, 96);
}

TEST(vk_heap, the_quota_is_exact)
{
    struct vk_heap heap = {.top_bytes = 64, .limit_bytes = 128};
    CHECK_EQ(vk_heap_alloc(&heap, 65, 1), 0);
    CHECK_EQ(heap.top_bytes, 64); /* a refusal changes nothing */
    CHECK_EQ(vk_heap_alloc(&heap, 64, 1), 64);
    CHECK_EQ(heap.top_bytes, 128);
    CHECK_EQ(vk_heap_alloc(&heap, 1, 1), 0);
    CHECK_EQ(vk_heap_alloc(&heap, UINT32_MAX, 1), 0);
}

TEST(vk_heap, alignment_counts_against_the_quota)
{
    struct vk_heap heap = {.top_bytes = 65, .limit_bytes = 128};
    CHECK_EQ(vk_heap_alloc(&heap, 65 - 8, 8), 0);
    CHECK_EQ(vk_heap_alloc(&heap, 64 - 8, 8), 72);
    heap = (struct vk_heap){.top_bytes = 1, .limit_bytes = 4096};
    CHECK_EQ(vk_heap_alloc(&heap, 1, 4096), 0);
}

TEST(vk_heap, spoiled_marks_never_wrap)
{
    uint64_t seed = 8;
    for (int round = 0; round < 100000; round++) {
        uint32_t top = (uint32_t)test_random(&seed) | (round % 2 == 0 ? 0xfffff000u : 0);
        struct vk_heap heap = {.top_bytes = top, .limit_bytes = (uint32_t)test_random(&seed)};
        uint32_t len = (uint32_t)test_random(&seed) >> test_random_below(&seed, 32);
        uint64_t align = UINT64_C(1) << test_random_below(&seed, 13);
        uint32_t limit = heap.limit_bytes;
        uint64_t start = (top + align - 1) / align * align;
        bool fits = start + len <= limit;
        CHECK_EQ(vk_heap_alloc(&heap, len, (uint32_t)align), fits ? start : 0);
        CHECK_EQ(heap.top_bytes, fits ? start + len : top);
        CHECK_EQ(heap.limit_bytes, limit);
    }
}

TEST(vk_heap, contains_knows_both_ends)
{
    CHECK(vk_heap_contains(4096, 0, 4096));
    CHECK(vk_heap_contains(4096, 4096, 0));
    CHECK(vk_heap_contains(4096, 4095, 1));
    CHECK(!vk_heap_contains(4096, 4095, 2));
    CHECK(!vk_heap_contains(4096, 4097, 0));
    CHECK(!vk_heap_contains(4096, 0, 4097));
    CHECK(!vk_heap_contains(4096, UINT32_MAX, 2)); /* the sum would wrap to 1 */
    CHECK(!vk_heap_contains(4096, 1, UINT32_MAX));
    CHECK(!vk_heap_contains(0, 0, 1));
    CHECK(vk_heap_contains(0, 0, 0));
}
