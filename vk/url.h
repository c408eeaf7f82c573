/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps that whoever reads a URL shares: a byte with its percent-encoding
 * resolved (RFC 3986, 2.1), and the next pair of a url-encoded list
 * (application/x-www-form-urlencoded, WHATWG URL 5.1), cut but not decoded.
 */
#ifndef VK_URL_H
#define VK_URL_H

#include "vk/bytes.h"

enum {
    VK_URL_PLUS = 1u << 0, /* "+" is a space, as in queries */
};

/* 0 to 15; 16 or more for a byte that is no hexadecimal digit. */
VK_INLINE uint32_t vk_hex_value(uint8_t c)
{
    uint32_t digit = (uint32_t)c - '0';
    uint32_t letter = ((uint32_t)c | 0x20) - 'a';
    if (digit < 10)
        return digit;
    return letter < 6 ? letter + 10 : 16;
}

/* The byte at *at, which is below text.len, decoded; moves *at behind it. -1 when it is malformed. */
VK_INLINE int32_t vk_url_byte(struct vk_span text, uint32_t flags, size_t *at)
{
    uint8_t c = text.ptr[*at];
    *at += 1;
    if (VK_LIKELY(c != '%'))
        return c == '+' && (flags & VK_URL_PLUS) ? ' ' : c;
    if (text.len - *at < 2)
        return -1;
    uint32_t high = vk_hex_value(text.ptr[*at]), low = vk_hex_value(text.ptr[*at + 1]);
    *at += 2;
    return (high | low) < 16 ? (int32_t)(high << 4 | low) : -1;
}

/*
 * The next "key=value" or "key" of *rest, which moves behind it. Both are
 * still encoded; the value is empty for a key alone. Empty pieces ("&&") are
 * passed over. False at the end.
 */
VK_INLINE bool vk_url_pair(struct vk_span *rest, struct vk_span *ret_key, struct vk_span *ret_value)
{
    while (rest->len > 0) {
        struct vk_span pair = vk_span(rest->ptr, vk_span_find(*rest, '&'));
        size_t key_len = vk_span_find(pair, '=');
        *rest = vk_span_skip(*rest, pair.len + (pair.len < rest->len));
        if (pair.len == 0)
            continue;
        *ret_key = vk_span(pair.ptr, key_len);
        *ret_value = vk_span_skip(pair, key_len + (key_len < pair.len));
        return true;
    }
    return false;
}

#endif
