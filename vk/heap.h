/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap of a process: one contiguous slot in which everything is named by
 * 32-bit offsets from its base; offset 0 is never an object. Allocation is a
 * bump of `top`. The two marks lie in the heap itself, where a native process
 * can corrupt them, so the kernel only ever uses them clamped to the slot.
 */
#ifndef VK_HEAP_H
#define VK_HEAP_H

#include "vk/base.h"

struct vk_heap {
    uint32_t top_bytes;   /* first free byte */
    uint32_t limit_bytes; /* the quota: one past the last byte that may be used */
};

/*
 * Room for len_bytes, aligned to align_bytes (power of two, at most 4096).
 * Returns the offset from the heap's base, 0 when the quota is exhausted.
 * heap is the heap's marks wherever they are; the memory itself is not touched.
 */
VK_INLINE uint32_t vk_heap_alloc(struct vk_heap *heap, uint32_t len_bytes, uint32_t align_bytes)
{
    uint64_t start = VK_ALIGN_UP((uint64_t)heap->top_bytes, (uint64_t)align_bytes);
    uint64_t end = start + len_bytes;
    if (VK_UNLIKELY(end > heap->limit_bytes))
        return 0;
    heap->top_bytes = (uint32_t)end;
    return (uint32_t)start;
}

/* Whether [off, off + len) lies inside a heap of size_bytes. Never overflows. */
VK_INLINE bool vk_heap_contains(uint32_t size_bytes, uint32_t off, uint32_t len_bytes)
{
    return len_bytes <= size_bytes && off <= size_bytes - len_bytes;
}

#endif
