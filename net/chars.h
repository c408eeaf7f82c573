/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character classes of HTTP and URIs, one table for all of net/, and the
 * vector searches over them. Without vectors (vk/block.h) plain loops do it.
 */
#ifndef NET_CHARS_H
#define NET_CHARS_H

#include "vk/base.h"
#include "vk/block.h"

enum {
    NET_CHAR_TOKEN = 1u << 0, /* tchar (RFC 9110, 5.6.2) */
    NET_CHAR_PATH = 1u << 1,  /* of a path, but "%" (see head.c for what is added to RFC 3986) */
    NET_CHAR_QUERY = 1u << 2, /* of a query, "%" included */
    NET_CHAR_HOST = 1u << 3,  /* of a reg-name, but "%" (RFC 3986, 3.2.2) */
    NET_CHAR_VALUE = 1u << 4, /* of a field value: HTAB, SP, VCHAR, obs-text (RFC 9110, 5.5) */
    NET_CHAR_DIGIT = 1u << 5,
    NET_CHAR_HEX = 1u << 6,
};

extern const uint8_t net_chars[256];

VK_INLINE bool net_char_is(uint8_t c, uint32_t class)
{
    return (net_chars[c] & class) != 0;
}

/* Whether every byte of a non-owned stretch has the class; true for none. */
VK_INLINE bool net_chars_all(const uint8_t *p, size_t len_bytes, uint32_t class)
{
    uint32_t all = class;
    for (size_t i = 0; i < len_bytes; i++)
        all &= net_chars[p[i]];
    return all != 0;
}

/* For eight bytes at once: not 0 when one is DEL or a control, HTAB too. */
VK_INLINE uint64_t net_word_controls(uint64_t word)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t del = word ^ each * 0x7f;
    return (((word - each * 0x20) & ~word) | ((del - each) & ~del)) & each * 0x80;
}

/* Whether two stretches of len_bytes are the same but for the case of ASCII letters. */
bool net_chars_same(const uint8_t *a, const uint8_t *b, size_t len_bytes);

/*
 * Skip letters, digits, "-" and ".", what nearly all tokens and hosts are made
 * of, as far as one block shows: a start for a plain loop, which goes on where
 * this stops. Reads nothing at or after end.
 */
VK_INLINE const uint8_t *net_skip_word(const uint8_t *p, const uint8_t *end)
{
#if VK_SSE2
    if (VK_UNLIKELY((size_t)(end - p) < VK_BLOCK_BYTES))
        return p;
    vk_block b = vk_block_load(p);
    vk_block word =
        (vk_block)(((b | 0x20) - 'a') < 26) | (vk_block)((b - '0') < 10) | (vk_block)((b - '-') < 2);
    uint32_t others = ~vk_block_mask(word);
    return p + (uint32_t)__builtin_ctz(others); /* the bits above those of the block are set */
#else
    (void)end;
    return p;
#endif
}

/* Sets of bytes that a window can be searched for. */
enum net_find {
    NET_FIND_LF,
    NET_FIND_CONTROL, /* what may not stand in a field value: controls but HTAB, and DEL */
};

#define NET_WINDOW_BYTES 64u

VK_INLINE uint64_t net_window_plain(const uint8_t *p, size_t len_bytes, enum net_find find)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < len_bytes; i++) {
        bool is_found = find == NET_FIND_LF ? p[i] == '\n' : !net_char_is(p[i], NET_CHAR_VALUE);
        mask |= (uint64_t)is_found << i;
    }
    return mask;
}

#if VK_SSE2
VK_INLINE uint64_t net_block_find(const uint8_t *p, enum net_find find)
{
    vk_block b = vk_block_load(p);
    if (find == NET_FIND_LF)
        return vk_block_mask((vk_block)(b == '\n'));
    return vk_block_mask((vk_block)((b < 0x20) & (b != '\t')) | (vk_block)(b == 0x7f));
}
#endif

/* net_chars_all of NET_CHAR_VALUE, fast for what is mostly sent. */
VK_INLINE bool net_chars_are_value(const uint8_t *p, size_t len_bytes)
{
    uint64_t controls;
#if VK_SSE2
    if (len_bytes >= VK_BLOCK_BYTES) {
        controls = net_block_find(p + len_bytes - VK_BLOCK_BYTES, NET_FIND_CONTROL);
        for (size_t i = 0; i + VK_BLOCK_BYTES < len_bytes; i += VK_BLOCK_BYTES)
            controls |= net_block_find(p + i, NET_FIND_CONTROL);
        return VK_LIKELY(controls == 0);
    }
#endif
    if (len_bytes >= 8) {
        controls = net_word_controls(vk_load8(p + len_bytes - 8));
        for (size_t i = 0; i + 8 < len_bytes; i += 8)
            controls |= net_word_controls(vk_load8(p + i));
    } else if (len_bytes >= 4) {
        controls = net_word_controls((uint64_t)vk_load4(p) << 32 | vk_load4(p + len_bytes - 4));
    } else {
        return net_chars_all(p, len_bytes, NET_CHAR_VALUE);
    }
    return VK_LIKELY(controls == 0) || net_chars_all(p, len_bytes, NET_CHAR_VALUE);
}

/*
 * Bit i is set where in[pos + i] is one of those to find, for the window of
 * 64 bytes, or what is left of the input, that starts at pos (below len_bytes).
 */
VK_INLINE uint64_t net_window(const uint8_t *in, size_t pos, size_t len_bytes, enum net_find find)
{
    const uint8_t *p = in + pos;
    size_t left = len_bytes - pos;
#if VK_SSE2
    if (left >= NET_WINDOW_BYTES)
        return net_block_find(p, find) | net_block_find(p + 16, find) << 16 |
               net_block_find(p + 32, find) << 32 | net_block_find(p + 48, find) << 48;
    if (VK_UNLIKELY(len_bytes < VK_BLOCK_BYTES))
        return net_window_plain(p, left, find);
    uint64_t mask = 0;
    size_t at = 0;
    for (; left - at >= VK_BLOCK_BYTES; at += VK_BLOCK_BYTES)
        mask |= net_block_find(p + at, find) << at;
    /* The rest is seen in a block that ends with the input. */
    uint64_t rest = net_block_find(p + left - VK_BLOCK_BYTES, find) >> (VK_BLOCK_BYTES - (left - at));
    return mask | rest << at;
#else
    return net_window_plain(p, left < NET_WINDOW_BYTES ? left : NET_WINDOW_BYTES, find);
#endif
}

#endif
