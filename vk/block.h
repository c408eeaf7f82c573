/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sixteen bytes at a time, and words of unaligned memory: what searches over
 * text are made of. SSE2 belongs to every x86-64; VK_SCALAR or another machine
 * selects the plain loops of those who include this, which the tests run too.
 */
#ifndef VK_BLOCK_H
#define VK_BLOCK_H

#include "vk/base.h"

#if defined(__SSE2__) && !defined(VK_SCALAR)
#define VK_SSE2 1
#else
#define VK_SSE2 0
#endif

#define VK_BLOCK_BYTES 16u

VK_INLINE uint64_t vk_load8(const void *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

VK_INLINE uint32_t vk_load4(const void *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

#if VK_SSE2
/* Compiler vectors: the intrinsics headers are not freestanding, they pull in stdlib.h. */
typedef uint8_t vk_block __attribute__((vector_size(16)));
typedef char vk_block_signs __attribute__((vector_size(16)));

VK_INLINE vk_block vk_block_load(const uint8_t *p)
{
    vk_block block;
    memcpy(&block, p, sizeof(block));
    return block;
}

/* Bit i is set where byte i of a comparison's result is. */
VK_INLINE uint32_t vk_block_mask(vk_block truth)
{
    return (uint32_t)__builtin_ia32_pmovmskb128((vk_block_signs)truth);
}
#endif

#endif
