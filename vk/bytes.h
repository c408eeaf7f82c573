/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans: a pointer and a length, never owning. And the few operations on
 * bytes that protocols need. No function here reads past a span's end.
 */
#ifndef VK_BYTES_H
#define VK_BYTES_H

#include "vk/base.h"

/* A read-only view; ptr may be NULL when len is 0. */
struct vk_span {
    const uint8_t *ptr;
    size_t len;
};

#define VK_SPAN_LIT(text) ((struct vk_span){(const uint8_t *)(text), sizeof(text) - 1})

VK_INLINE struct vk_span vk_span(const void *ptr, size_t len_bytes)
{
    return (struct vk_span){(const uint8_t *)ptr, len_bytes};
}

#endif
