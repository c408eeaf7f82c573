/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four memory functions that compilers call and our own code may use.
 *
 * Short pieces are moved by two loads that may overlap, longer ones 64 bytes at
 * a time and the rest 16, with a last step that overlaps the one before it: no
 * loop runs over single bytes. There is no `rep movsb`: hardware gains by it
 * between 1 and 16 KiB (105 against 180 cycles for a page, in a virtual
 * machine), but plain emulation runs it byte by byte (690,000 against 7,600).
 */
#include "vk/base.h"

#include <emmintrin.h>

#undef memcpy
#undef memmove
#undef memset
#undef memcmp

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* Pieces of a size the compiler knows become one load or store each. */
#define PIECE(type)                                       \
    static inline type load_##type(const void *from)      \
    {                                                     \
        type value;                                       \
        __builtin_memcpy(&value, from, sizeof value);     \
        return value;                                     \
    }                                                     \
    static inline void store_##type(void *to, type value) \
    {                                                     \
        __builtin_memcpy(to, &value, sizeof value);       \
    }
PIECE(uint64_t)
PIECE(uint32_t)
PIECE(uint16_t)
#undef PIECE

static inline __m128i load_16(const void *from)
{
    return _mm_loadu_si128(from);
}

static inline void store_16(void *to, __m128i value)
{
    _mm_storeu_si128(to, value);
}

/* Up to 16 bytes. Everything is loaded before anything is stored, so the two may overlap. */
static inline void move_short(uint8_t *dst, const uint8_t *src, size_t n)
{
    if (n >= 8) {
        uint64_t first = load_uint64_t(src), last = load_uint64_t(src + n - 8);
        store_uint64_t(dst, first);
        store_uint64_t(dst + n - 8, last);
    } else if (n >= 4) {
        uint32_t first = load_uint32_t(src), last = load_uint32_t(src + n - 4);
        store_uint32_t(dst, first);
        store_uint32_t(dst + n - 4, last);
    } else if (n >= 2) {
        uint16_t first = load_uint16_t(src), last = load_uint16_t(src + n - 2);
        store_uint16_t(dst, first);
        store_uint16_t(dst + n - 2, last);
    } else if (n == 1) {
        *dst = *src;
    }
}

/* All loads come first, so the two may overlap in any way. */
static inline void move_64(uint8_t *dst, const uint8_t *src)
{
    __m128i a = load_16(src), b = load_16(src + 16), c = load_16(src + 32), d = load_16(src + 48);
    store_16(dst, a);
    store_16(dst + 16, b);
    store_16(dst + 32, c);
    store_16(dst + 48, d);
}

/* More than 16 bytes, upwards: right whenever dst is below src or the two do not overlap. */
static void move_up(uint8_t *dst, const uint8_t *src, size_t n)
{
    __m128i last = load_16(src + n - 16);
    uint8_t *last_dst = dst + n - 16;
    for (; n > 64; n -= 64, dst += 64, src += 64)
        move_64(dst, src);
    for (; dst < last_dst; dst += 16, src += 16)
        store_16(dst, load_16(src));
    store_16(last_dst, last);
}

/* More than 16 bytes, downwards: right whenever dst is above src. */
static void move_down(uint8_t *dst, const uint8_t *src, size_t n)
{
    __m128i first = load_16(src);
    for (; n > 64; n -= 64)
        move_64(dst + n - 64, src + n - 64);
    for (; n > 16; n -= 16)
        store_16(dst + n - 16, load_16(src + n - 16));
    store_16(dst, first);
}

void *memcpy(void *dst, const void *src, size_t n)
{
    if (n <= 16)
        move_short(dst, src, n);
    else
        move_up(dst, src, n);
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    if (n <= 16)
        move_short(dst, src, n);
    else if ((uintptr_t)dst - (uintptr_t)src >= n)
        move_up(dst, src, n); /* dst below src (the difference wraps), or clear of it */
    else
        move_down(dst, src, n);
    return dst;
}

/* Up to 16 bytes. */
static inline void set_short(uint8_t *dst, uint64_t pattern, size_t n)
{
    if (n >= 8) {
        store_uint64_t(dst, pattern);
        store_uint64_t(dst + n - 8, pattern);
    } else if (n >= 4) {
        store_uint32_t(dst, (uint32_t)pattern);
        store_uint32_t(dst + n - 4, (uint32_t)pattern);
    } else if (n >= 2) {
        store_uint16_t(dst, (uint16_t)pattern);
        store_uint16_t(dst + n - 2, (uint16_t)pattern);
    } else if (n == 1) {
        *dst = (uint8_t)pattern;
    }
}

/* More than 16 bytes. */
static void set_long(uint8_t *dst, __m128i pattern, size_t n)
{
    uint8_t *last_dst = dst + n - 16;
    for (; n > 64; n -= 64, dst += 64) {
        store_16(dst, pattern);
        store_16(dst + 16, pattern);
        store_16(dst + 32, pattern);
        store_16(dst + 48, pattern);
    }
    for (; dst < last_dst; dst += 16)
        store_16(dst, pattern);
    store_16(last_dst, pattern);
}

void *memset(void *dst, int c, size_t n)
{
    if (n <= 16)
        set_short(dst, (uint8_t)c * 0x0101010101010101u, n);
    else
        set_long(dst, _mm_set1_epi8((char)c), n);
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *left = a, *right = b;
    while (n >= 8 && load_uint64_t(left) == load_uint64_t(right)) {
        left += 8;
        right += 8;
        n -= 8;
    }
    for (; n > 0; n--, left++, right++)
        if (*left != *right)
            return *left - *right;
    return 0;
}
