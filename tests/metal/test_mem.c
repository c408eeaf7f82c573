/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the memory functions of metal/mem.c are right for every size, alignment
 * and overlap, and touch nothing outside. Method: all small sizes and
 * some larger ones, against what a loop over single bytes would do.
 */
#include "tests/unit/test.h"

/* The functions themselves, not what vk/base.h makes of them. */
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#define SMALL_BYTES  200u /* every size below it is tried */
#define LARGE_BYTES  5000u
#define MARGIN_BYTES 64u
#define AREA_BYTES   (LARGE_BYTES + 2 * MARGIN_BYTES)

static uint8_t area[AREA_BYTES];
static uint8_t other[AREA_BYTES];

/* The size to try after this one; 0 after the last. */
static size_t next_size(size_t size)
{
    static const size_t large[] = {1000, 4095, 4096, 4097, LARGE_BYTES};
    if (size + 1 < SMALL_BYTES)
        return size + 1;
    for (size_t i = 0; i < VK_COUNT(large); i++)
        if (large[i] > size)
            return large[i];
    return 0;
}

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 167 >> 3 ^ i);
}

/* As much of the areas as is used with pieces of this size, and a margin. */
static size_t used_bytes(size_t size)
{
    return size + 2 * MARGIN_BYTES;
}

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < used_bytes(size); i++)
        bytes[i] = byte_at(i);
}

/* What area must be after size bytes from `from` went to `to`, everything else as fill left it. */
static void check_moved(size_t to, size_t from, size_t size)
{
    for (size_t i = 0; i < used_bytes(size); i++)
        CHECK_EQ(area[i], byte_at(i >= to && i < to + size ? i - to + from : i));
}

TEST(metal_mem, memmove_is_right_for_every_size_and_overlap)
{
    static const size_t shifts[] = {0, 1, 8, 15, 16, 17, MARGIN_BYTES};
    for (size_t size = 1; size != 0; size = next_size(size))
        for (size_t i = 0; i < VK_COUNT(shifts); i++) {
            fill(area, size);
            CHECK(memmove(area + MARGIN_BYTES, area + shifts[i], size) == area + MARGIN_BYTES);
            check_moved(MARGIN_BYTES, shifts[i], size);
            fill(area, size);
            CHECK(memmove(area + shifts[i], area + MARGIN_BYTES, size) == area + shifts[i]);
            check_moved(shifts[i], MARGIN_BYTES, size);
        }
}

TEST(metal_mem, memcpy_writes_its_range_and_nothing_else)
{
    fill(other, LARGE_BYTES);
    for (size_t size = 1; size != 0; size = next_size(size))
        for (size_t shift = 0; shift < 3; shift++) {
            fill(area, size);
            CHECK(memcpy(area + MARGIN_BYTES, other + shift, size) == area + MARGIN_BYTES);
            check_moved(MARGIN_BYTES, shift, size);
        }
}

TEST(metal_mem, memset_writes_its_range_and_nothing_else)
{
    for (size_t size = 1; size != 0; size = next_size(size)) {
        fill(area, size);
        CHECK(memset(area + 3, 0xa5, size) == area + 3);
        for (size_t i = 0; i < used_bytes(size); i++)
            CHECK_EQ(area[i], i >= 3 && i < 3 + size ? 0xa5 : byte_at(i));
    }
}

TEST(metal_mem, memcmp_finds_the_first_difference_as_unsigned_bytes)
{
    for (size_t size = 1; size < SMALL_BYTES; size++) {
        fill(area, size);
        memcpy(other, area, used_bytes(size));
        CHECK_EQ(memcmp(area + 1, other + 1, size), 0);
        other[size + 1] ^= 0xff; /* past the end: of no concern */
        CHECK_EQ(memcmp(area + 1, other + 1, size), 0);
        for (size_t at = 0; at < size; at++) {
            area[1 + at] = 0x80;
            other[1 + at] = 0x7f;
            CHECK(memcmp(area + 1, other + 1, size) > 0);
            CHECK(memcmp(other + 1, area + 1, size) < 0);
            other[1 + at] = area[1 + at] = byte_at(1 + at);
        }
    }
}

TEST(metal_mem, nothing_is_done_for_no_bytes)
{
    volatile size_t none = 0; /* no constant, lest a checker thinks it a mistake */
    fill(area, 0);
    memcpy(area, area + 9, none);
    memmove(area, area + 9, none);
    memset(area, 0, none);
    CHECK_EQ(memcmp(area, area + 9, none), 0);
    check_moved(0, 0, 0);
}
