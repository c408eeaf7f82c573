/* SPDX-License-Identifier: Apache-2.0 */
/* What scanner and conversions share: plain stretches of strings, and escapes. */
#ifndef INTERP_TEXT_JSON_IMPL_H
#define INTERP_TEXT_JSON_IMPL_H

#include "interp/text/json.h"
#include "vk/block.h"

/* What stands for itself in a string: no control, quote or backslash; bytes beyond ASCII if so asked. */
VK_INLINE bool interp_json_is_plain(uint8_t c, bool is_ascii_only)
{
    return c >= 0x20 && c != '"' && c != '\\' && (c < 0x80 || !is_ascii_only);
}

/* The first byte from at on that is not plain; end when all are. */
VK_INLINE size_t interp_json_skip_plain(const uint8_t *p, size_t at, size_t end, bool is_ascii_only)
{
#if VK_SSE2
    for (; end - at >= VK_BLOCK_BYTES; at += VK_BLOCK_BYTES) {
        vk_block b = vk_block_load(p + at);
        uint32_t found = vk_block_mask((vk_block)(b == '"') | (vk_block)(b == '\\') | (vk_block)(b < 0x20));
        if (is_ascii_only)
            found |= vk_block_mask(b);
        if (found != 0)
            return at + (uint32_t)__builtin_ctz(found);
    }
#endif
    while (at < end && interp_json_is_plain(p[at], is_ascii_only))
        at++;
    return at;
}

/*
 * The escape whose backslash is at `at`: its length, with the code point; 0
 * when it is none, with the reason.
 */
uint32_t interp_json_escape_at(struct vk_span text, size_t at, uint32_t *ret_code_point, uint8_t *ret_reason);

#endif
