/* SPDX-License-Identifier: Apache-2.0 */
/* What is ASCII is passed over in blocks; the rest is judged sequence by sequence. */
#include "interp/text/utf8.h"

#include "vk/block.h"
#include "vk/err.h"

#define HIGHS UINT64_C(0x8080808080808080)

VK_INLINE size_t skip_ascii_bytes(const uint8_t *p, size_t at, size_t end)
{
    while (at < end && p[at] < 0x80)
        at++;
    return at;
}

/* The first byte that is not ASCII, or the end; the last word has bytes from before `at` again. */
VK_INLINE size_t skip_ascii(const uint8_t *p, size_t at, size_t end)
{
#if VK_SSE2
    for (; end - at >= VK_BLOCK_BYTES; at += VK_BLOCK_BYTES) {
        uint32_t high = vk_block_mask(vk_block_load(p + at));
        if (high != 0)
            return at + (uint32_t)__builtin_ctz(high);
    }
#endif
    for (; end - at >= 8; at += 8)
        if ((vk_load8(p + at) & HIGHS) != 0)
            return skip_ascii_bytes(p, at, end);
    if (at == end || end < 8)
        return skip_ascii_bytes(p, at, end);
    return (vk_load8(p + end - 8) & HIGHS) == 0 ? end : skip_ascii_bytes(p, at, end);
}

int interp_utf8_check(size_t *at, struct vk_span text, size_t bytes_max)
{
    size_t pos = *at;
    size_t end = text.len - pos > bytes_max ? pos + bytes_max : text.len;
    while (pos < end) {
        if (text.ptr[pos] < 0x80) {
            pos = skip_ascii(text.ptr, pos, end);
            continue;
        }
        uint32_t len = interp_utf8_length(text, pos);
        if (len == 0) {
            *at = pos;
            return -VK_EMALFORMED;
        }
        pos += len;
    }
    *at = pos;
    return pos < text.len ? -VK_EAGAIN : 0;
}

/* How many bytes of a word continue a code point: bit 7 set, bit 6 clear. */
VK_INLINE uint32_t continued8(uint64_t word)
{
    return (uint32_t)(((word & ~(word << 1) & HIGHS) >> 7) * UINT64_C(0x0101010101010101) >> 56);
}

int interp_utf8_count(size_t *at, size_t *count, struct vk_span text, size_t bytes_max)
{
    size_t pos = *at, continued = 0;
    size_t end = text.len - pos > bytes_max ? pos + bytes_max : text.len;
    for (; end - pos >= 8; pos += 8)
        continued += continued8(vk_load8(text.ptr + pos));
    for (; pos < end; pos++)
        continued += (text.ptr[pos] & 0xc0) == 0x80;
    *count += pos - *at - continued;
    *at = pos;
    return pos < text.len ? -VK_EAGAIN : 0;
}

uint32_t interp_utf8_encode(uint8_t dst[INTERP_UTF8_BYTES], uint32_t code_point)
{
    if (code_point < 0x80) {
        dst[0] = (uint8_t)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        dst[0] = (uint8_t)(0xc0 | code_point >> 6);
        dst[1] = (uint8_t)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        if (code_point - 0xd800 < 0x800)
            return 0;
        dst[0] = (uint8_t)(0xe0 | code_point >> 12);
        dst[1] = (uint8_t)(0x80 | (code_point >> 6 & 0x3f));
        dst[2] = (uint8_t)(0x80 | (code_point & 0x3f));
        return 3;
    }
    if (code_point > 0x10ffff)
        return 0;
    dst[0] = (uint8_t)(0xf0 | code_point >> 18);
    dst[1] = (uint8_t)(0x80 | (code_point >> 12 & 0x3f));
    dst[2] = (uint8_t)(0x80 | (code_point >> 6 & 0x3f));
    dst[3] = (uint8_t)(0x80 | (code_point & 0x3f));
    return 4;
}

uint32_t interp_utf8_next(struct vk_span text, size_t *at)
{
    uint32_t len = interp_utf8_length(text, *at);
    const uint8_t *p = text.ptr + *at;
    vk_assert_slow(len > 0);
    *at += len;
    if (len <= 1)
        return p[0];
    uint32_t code_point = p[0] & (0x7fu >> len);
    for (uint32_t i = 1; i < len; i++)
        code_point = code_point << 6 | (p[i] & 0x3fu);
    return code_point;
}
