/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans: a pointer and a length, never owning. And the few operations on
 * bytes that protocols need. No function here reads past a span's end or
 * writes past a room's.
 */
#ifndef VK_BYTES_H
#define VK_BYTES_H

#include "vk/base.h"

/* A read-only view; ptr may be NULL when len is 0. */
struct vk_span {
    const uint8_t *ptr;
    size_t len;
};

/* Memory to write to; ptr may be NULL when len is 0. */
struct vk_room {
    uint8_t *ptr;
    size_t len;
};

#define VK_SPAN_LIT(text) ((struct vk_span){(const uint8_t *)(text), sizeof(text) - 1})

VK_INLINE struct vk_span vk_span(const void *ptr, size_t len_bytes)
{
    return (struct vk_span){(const uint8_t *)ptr, len_bytes};
}

/* A text that ends with NUL, without that. */
VK_INLINE struct vk_span vk_span_text(const char *text)
{
    size_t len = 0;
    while (text[len])
        len++;
    return vk_span(text, len);
}

/* memcpy that accepts NULL with length 0. */
VK_INLINE void vk_copy(void *dst, const void *src, size_t len_bytes)
{
    if (len_bytes > 0)
        memcpy(dst, src, len_bytes);
}

/* The same, for what is mostly 17 to 64 bytes: without a call then, by stores that may overlap. */
VK_INLINE void vk_copy_record(void *dst, const void *src, size_t len_bytes)
{
    uint8_t *to = dst;
    const uint8_t *from = src;
    if (VK_UNLIKELY(len_bytes - 17 > 64 - 17)) {
        vk_copy(dst, src, len_bytes);
        return;
    }
    if (len_bytes > 32) {
        memcpy(to + 16, from + 16, 16);
        memcpy(to + len_bytes - 32, from + len_bytes - 32, 16);
    }
    memcpy(to, from, 16);
    memcpy(to + len_bytes - 16, from + len_bytes - 16, 16);
}

/* The same, for what is mostly short: up to 16 bytes without a call, by two stores that may overlap. */
VK_INLINE void vk_copy_short(void *dst, const void *src, size_t len_bytes)
{
    uint8_t *to = dst;
    const uint8_t *from = src;
    uint64_t first = 0, last = 0;
    size_t width = len_bytes >= 8 ? 8 : len_bytes >= 4 ? 4 : len_bytes >= 2 ? 2 : len_bytes;
    if (len_bytes > 16) {
        memcpy(to, from, len_bytes);
        return;
    }
    switch (width) {
#define VK_COPY_ENDS(bytes)                                 \
    case bytes:                                             \
        memcpy(&first, from, (bytes));                      \
        memcpy(&last, from + len_bytes - (bytes), (bytes)); \
        memcpy(to, &first, (bytes));                        \
        memcpy(to + len_bytes - (bytes), &last, (bytes));   \
        break
        VK_COPY_ENDS(8);
        VK_COPY_ENDS(4);
        VK_COPY_ENDS(2);
        VK_COPY_ENDS(1);
#undef VK_COPY_ENDS
    default:
        break;
    }
}

/* The span without its first count bytes; count is at most its length. */
VK_INLINE struct vk_span vk_span_skip(struct vk_span span, size_t count)
{
    vk_assert_slow(count <= span.len);
    return vk_span(span.ptr + count, span.len - count);
}

VK_INLINE bool vk_span_equal(struct vk_span a, struct vk_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

VK_INLINE bool vk_span_starts_with(struct vk_span span, struct vk_span prefix)
{
    return span.len >= prefix.len && vk_span_equal(vk_span(span.ptr, prefix.len), prefix);
}

/* Equal when A-Z and a-z are the same; all other bytes must be equal. */
bool vk_span_equal_nocase(struct vk_span a, struct vk_span b);

/* Index of the first such byte; span.len when there is none. */
size_t vk_span_find(struct vk_span span, uint8_t byte);

/* Without the spaces and tabs at both ends (OWS, RFC 9110, 5.6.3). */
struct vk_span vk_span_trim(struct vk_span span);

/*
 * A decimal number of digits only: no sign, no space, leading zeros allowed.
 * Returns 0; -VK_EMALFORMED for anything else, the empty span included;
 * -VK_ERANGE for digits beyond UINT64_MAX.
 */
int vk_span_to_u64(struct vk_span span, uint64_t *ret_value);

/* ---- writing into a room -------------------------------------------------- */

/*
 * Puts pieces one behind the other. A piece that does not fit is left out
 * whole, and so is everything after it: what was written is always a true
 * beginning of what was meant, and one test at the end suffices.
 */
struct vk_out {
    uint8_t *at; /* where the next piece goes */

    /* private */
    uint8_t *end; /* drawn in to `at` on overflow, so that nothing fits any more */
    uint8_t *base;
    bool is_overflown;
};

VK_INLINE void vk_out_init(struct vk_out *out, void *memory, size_t len_bytes)
{
    out->base = (uint8_t *)memory;
    out->at = out->base;
    out->end = out->base + len_bytes;
    out->is_overflown = false;
}

/* What has been written so far. */
VK_INLINE struct vk_span vk_out_span(const struct vk_out *out)
{
    return vk_span(out->base, (size_t)(out->at - out->base));
}

/* 0, or -VK_ENOSPC when something was left out. */
int vk_out_status(const struct vk_out *out);

/* Room for exactly len_bytes, taken as written; NULL on overflow. For those that write in place. */
VK_INLINE uint8_t *vk_out_take(struct vk_out *out, size_t len_bytes)
{
    uint8_t *at = out->at;
    if (VK_UNLIKELY(len_bytes > (size_t)(out->end - at))) {
        out->end = at;
        out->is_overflown = true;
        return NULL;
    }
    out->at = at + len_bytes;
    return at;
}

VK_INLINE void vk_out_byte(struct vk_out *out, uint8_t byte)
{
    uint8_t *dst = vk_out_take(out, 1);
    if (VK_LIKELY(dst != NULL))
        *dst = byte;
}

VK_INLINE void vk_out_bytes(struct vk_out *out, const void *src, size_t len_bytes)
{
    uint8_t *dst = vk_out_take(out, len_bytes);
    if (VK_LIKELY(dst != NULL))
        vk_copy(dst, src, len_bytes);
}

VK_INLINE void vk_out_put(struct vk_out *out, struct vk_span span)
{
    vk_out_bytes(out, span.ptr, span.len);
}

/* A literal: its length is known, so short ones are stored without a call. */
#define VK_OUT_LIT(out, text) vk_out_bytes((out), (text), sizeof(text) - 1)

#endif
