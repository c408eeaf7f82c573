/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character classes of HTTP and URIs, one table for all of net/, and the
 * vector searches over them. SSE2 belongs to every x86-64; NET_SCALAR or
 * another machine selects the plain loops, which the tests run too.
 */
#ifndef NET_CHARS_H
#define NET_CHARS_H

#include "vk/base.h"

#if defined(__SSE2__) && !defined(NET_SCALAR)
#define NET_SSE2 1
#else
#define NET_SSE2 0
#endif

#define NET_BLOCK_BYTES 16u

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

/* Whether two stretches of len_bytes are the same but for the case of ASCII letters. */
bool net_chars_same(const uint8_t *a, const uint8_t *b, size_t len_bytes);

/* 0 to 15; 16 for a byte that is no hexadecimal digit. */
VK_INLINE uint32_t net_hex_value(uint8_t c)
{
    if (net_char_is(c, NET_CHAR_DIGIT))
        return (uint32_t)(c - '0');
    if (net_char_is(c, NET_CHAR_HEX))
        return (uint32_t)((c | 0x20) - 'a') + 10;
    return 16;
}

#if NET_SSE2
/* Compiler vectors: the intrinsics headers are not freestanding, they pull in stdlib.h. */
typedef uint8_t net_block __attribute__((vector_size(16)));
typedef char net_block_signs __attribute__((vector_size(16)));

VK_INLINE net_block net_block_load(const uint8_t *p)
{
    net_block block;
    memcpy(&block, p, sizeof(block));
    return block;
}

/* Bit i is set where byte i of a comparison's result is. */
VK_INLINE uint32_t net_block_mask(net_block truth)
{
    return (uint32_t)__builtin_ia32_pmovmskb128((net_block_signs)truth);
}
#endif

/*
 * First byte from p on that may not stand in a field value. The caller
 * guarantees that there is one before end, and that NET_BLOCK_BYTES bytes
 * before end are readable.
 */
VK_INLINE const uint8_t *net_find_control(const uint8_t *p, const uint8_t *end)
{
#if NET_SSE2
    for (;; p += NET_BLOCK_BYTES) {
        size_t left = (size_t)(end - p);
        uint32_t past = left < NET_BLOCK_BYTES ? NET_BLOCK_BYTES - (uint32_t)left : 0;
        net_block b = net_block_load(p - past);
        net_block bad = (net_block)((b < 0x20) & (b != '\t')) | (net_block)(b == 0x7f);
        uint32_t mask = net_block_mask(bad) >> past;
        if (mask != 0)
            return p + __builtin_ctz(mask);
    }
#else
    (void)end;
    while (net_char_is(*p, NET_CHAR_VALUE))
        p++;
    return p;
#endif
}

#endif
