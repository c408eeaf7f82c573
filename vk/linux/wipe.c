/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making memory zero that mostly is zero already: what a short-lived process
 * leaves in its slot and on its stack. Looking first is faster than writing,
 * since few lines of a page are used (docs/decisions.md).
 */
#include "vk/plat.h"

#include <immintrin.h>

#define WIPE_STEP_BYTES 128u

/*
 * Make the range zero and say whether it was not. Looking first is faster than
 * writing all of it, since few lines of a page are used (docs/decisions.md).
 * What is read here may be poisoned: frames that a fault cut off.
 */
#define AVX2 __attribute__((no_sanitize("address"), target("avx2")))

AVX2 VK_INLINE __m256i all_of(const __m256i *at)
{
    return _mm256_or_si256(_mm256_or_si256(at[0], at[1]), _mm256_or_si256(at[2], at[3]));
}

AVX2 VK_INLINE void clear(__m256i *at)
{
    const __m256i zero = _mm256_setzero_si256();
    _mm256_store_si256(&at[0], zero);
    _mm256_store_si256(&at[1], zero);
    _mm256_store_si256(&at[2], zero);
    _mm256_store_si256(&at[3], zero);
}

/* Two steps at a time; the last one may be alone. */
AVX2 static bool wipe_avx2(uint8_t *from, size_t len_bytes)
{
    __m256i *at = (__m256i *)(void *)from, *end = at + len_bytes / (2 * WIPE_STEP_BYTES) * 8;
    bool was_dirty = false;
    for (; at < end; at += 8) {
        __m256i any = _mm256_or_si256(all_of(at), all_of(at + 4));
        if (_mm256_testz_si256(any, any))
            continue;
        was_dirty = true;
        clear(at);
        clear(at + 4);
    }
    if (!(len_bytes & WIPE_STEP_BYTES))
        return was_dirty;
    __m256i any = all_of(at);
    if (_mm256_testz_si256(any, any))
        return was_dirty;
    clear(at);
    return true;
}

__attribute__((no_sanitize("address"))) static bool wipe_sse2(uint8_t *from, size_t len_bytes)
{
    const __m128i zero = _mm_setzero_si128();
    bool was_dirty = false;
    for (size_t off = 0; off < len_bytes; off += WIPE_STEP_BYTES) {
        __m128i *at = (__m128i *)(void *)(from + off);
        __m128i any = zero;
        for (size_t i = 0; i < 8; i++)
            any = _mm_or_si128(any, at[i]);
        if (_mm_movemask_epi8(_mm_cmpeq_epi8(any, zero)) == 0xffff)
            continue;
        was_dirty = true;
        for (size_t i = 0; i < 8; i++)
            _mm_store_si128(&at[i], zero);
    }
    return was_dirty;
}

bool plat_wipe(void *base, size_t len_bytes)
{
    vk_assert(len_bytes % WIPE_STEP_BYTES == 0);
    return __builtin_cpu_supports("avx2") ? wipe_avx2(base, len_bytes) : wipe_sse2(base, len_bytes);
}
