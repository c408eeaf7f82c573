/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond
 * U+10FFFF. Functions that take `at` and bytes_max go through long texts in
 * slices: start with 0 and call again with the same bytes, which may have
 * moved, as long as -VK_EAGAIN comes back.
 */
#ifndef INTERP_TEXT_UTF8_H
#define INTERP_TEXT_UTF8_H

#include "vk/bytes.h"

#define INTERP_UTF8_BYTES 4u /* longest code point */

/*
 * Whether the text is valid.
 *
 * at         where to go on; 0 at first; after an error, where the first bad
 *            sequence begins
 * bytes_max  how much to look at, at least 1; up to 3 bytes more are
 *
 * Returns 0 at the end; -VK_EAGAIN; -VK_EMALFORMED.
 */
int interp_utf8_check(size_t *at, struct vk_span text, size_t bytes_max);

/* Adds to *count, which starts as 0, the code points of a valid text; 0 at its end, else -VK_EAGAIN. */
int interp_utf8_count(size_t *at, size_t *count, struct vk_span text, size_t bytes_max);

/* Writes the code point; returns 1 to 4 bytes; 0 for a surrogate or what is beyond U+10FFFF. */
uint32_t interp_utf8_encode(uint8_t dst[INTERP_UTF8_BYTES], uint32_t code_point);

/* The code point at *at of a valid text, where one begins; moves *at behind it. */
uint32_t interp_utf8_next(struct vk_span text, size_t *at);

/* Whether a valid text can be cut here: 0, its length, and where a code point begins. False beyond. */
VK_INLINE bool interp_utf8_is_boundary(struct vk_span text, size_t at)
{
    return at >= text.len ? at == text.len : (text.ptr[at] & 0xc0) != 0x80;
}

/* The length of the valid sequence that begins at `at`, which is below text.len; 0 when it is bad or cut off.
 */
VK_INLINE uint32_t interp_utf8_length(struct vk_span text, size_t at)
{
    const uint8_t *p = text.ptr + at;
    size_t left = text.len - at;
    uint8_t c = p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || left < 2)
        return 0;
    if (c < 0xe0)
        return (p[1] & 0xc0) == 0x80 ? 2 : 0;
    /* The second byte alone rules out overlong forms, surrogates and what is too high (RFC 3629, 4). */
    if (c < 0xf0) {
        uint8_t low = c == 0xe0 ? 0xa0 : 0x80, high = c == 0xed ? 0x9f : 0xbf;
        return left >= 3 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 ? 3 : 0;
    }
    uint8_t low = c == 0xf0 ? 0x90 : 0x80, high = c == 0xf4 ? 0x8f : 0xbf;
    bool is_good = c < 0xf5 && left >= 4 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 &&
                   (p[3] & 0xc0) == 0x80;
    return is_good ? 4 : 0;
}

#endif
