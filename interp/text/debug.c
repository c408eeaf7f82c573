/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/text/debug.h"

#define ESCAPE_BYTES 6u /* "\u{1f}" */

static const char digits[] = "0123456789abcdef";

/* The escape of one letter, or 0. */
static uint8_t letter_of(uint8_t c)
{
    switch (c) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case 0:
        return '0';
    default:
        return c == '"' || c == '\\' ? c : 0;
    }
}

/* Returns the length; 0: the byte stands for itself. */
static size_t escape_text(uint8_t out[ESCAPE_BYTES], uint8_t c)
{
    uint8_t letter = c == '{' || c == '}' ? c : letter_of(c);
    if (letter == 0 && c >= 0x20 && c != 0x7f)
        return 0;
    out[0] = '\\';
    out[1] = letter;
    if (letter != 0)
        return 2;
    memcpy(out + 1, "u{", 2);
    size_t len = 3;
    if (c >= 16)
        out[len++] = (uint8_t)digits[c >> 4];
    out[len++] = (uint8_t)digits[c & 15];
    out[len++] = '}';
    return len;
}

static size_t escape_bytes(uint8_t out[ESCAPE_BYTES], uint8_t c)
{
    uint8_t letter = letter_of(c);
    if (letter == 0 && c >= 0x20 && c < 0x7f)
        return 0;
    out[0] = '\\';
    out[1] = letter;
    if (letter != 0)
        return 2;
    out[1] = 'x';
    out[2] = (uint8_t)digits[c >> 4];
    out[3] = (uint8_t)digits[c & 15];
    return 4;
}

VK_INLINE int convert(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max,
                      size_t (*escape)(uint8_t *out, uint8_t c))
{
    size_t at = pass->in, end = interp_slice_end(text, at, bytes_max);
    for (; at < end; at++) {
        uint8_t out[ESCAPE_BYTES];
        size_t len = escape(out, text.ptr[at]);
        if (len == 0)
            interp_pass_byte(pass, dst, text.ptr[at]);
        else
            interp_pass_put(pass, dst, out, len);
    }
    return interp_pass_stop(pass, text, at);
}

int interp_debug_text(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    return convert(pass, text, dst, bytes_max, escape_text);
}

int interp_debug_bytes(struct interp_pass *pass, struct vk_span bytes, uint8_t *dst, size_t bytes_max)
{
    return convert(pass, bytes, dst, bytes_max, escape_bytes);
}
