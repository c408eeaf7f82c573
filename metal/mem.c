/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four memory functions that compilers call and our own code may use.
 *
 * Short pieces are moved by two loads that may overlap, longer ones 16 bytes
 * at a time with a last step that overlaps the one before it, so no loop runs
 * over single bytes. `rep movsb` is left for large blocks: it is the fastest
 * on hardware there, but emulators run it byte by byte.
 */
#include "vk/base.h"

#include <emmintrin.h>

#undef memcpy
#undef memmove
#undef memset
#undef memcmp

#define REP_MIN_BYTES 16384u

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

/* More than 16 bytes, upwards: right whenever dst is below src or the two do not overlap. */
static void move_up(uint8_t *dst, const uint8_t *src, size_t n)
{
    __m128i last = load_16(src + n - 16);
    uint8_t *end = dst + n - 16;
    for (; dst < end; dst += 16, src += 16)
        store_16(dst, load_16(src));
    store_16(end, last);
}

/* More than 16 bytes, downwards: right whenever dst is above src. */
static void move_down(uint8_t *dst, const uint8_t *src, size_t n)
{
    __m128i first = load_16(src);
    for (size_t left = n; left > 16; left -= 16)
        store_16(dst + left - 16, load_16(src + left - 16));
    store_16(dst, first);
}

void *memcpy(void *dst, const void *src, size_t n)
{
    if (n <= 16) {
        move_short(dst, src, n);
    } else if (n < REP_MIN_BYTES) {
        move_up(dst, src, n);
    } else {
        void *to = dst;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(n) : : "memory");
    }
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

void *memset(void *dst, int c, size_t n)
{
    if (n <= 16) {
        set_short(dst, (uint8_t)c * 0x0101010101010101u, n);
    } else if (n < REP_MIN_BYTES) {
        __m128i pattern = _mm_set1_epi8((char)c);
        uint8_t *to = dst, *end = to + n - 16;
        for (; to < end; to += 16)
            store_16(to, pattern);
        store_16(end, pattern);
    } else {
        void *to = dst;
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
    }
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
