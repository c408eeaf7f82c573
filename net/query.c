/* SPDX-License-Identifier: Apache-2.0 */
#include "net/query.h"

#include "net/chars.h"
#include "vk/err.h"

/* The byte at *at, decoded, moving *at behind it; -1 when it is malformed. */
VK_INLINE int32_t decode_at(struct vk_span text, uint32_t flags, size_t *at)
{
    uint8_t c = text.ptr[*at];
    *at += 1;
    if (VK_LIKELY(c != '%'))
        return c == '+' && (flags & NET_PCT_PLUS) ? ' ' : c;
    if (text.len - *at < 2)
        return -1;
    uint32_t high = net_hex_value(text.ptr[*at]), low = net_hex_value(text.ptr[*at + 1]);
    *at += 2;
    return (high | low) < 16 ? (int32_t)(high << 4 | low) : -1;
}

int net_pct_decode(struct vk_span text, uint32_t flags, uint8_t *out, size_t room_bytes,
                   size_t *ret_len_bytes)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        int32_t c = decode_at(text, flags, &at);
        if (c < 0)
            return -VK_EMALFORMED;
        if (len == room_bytes)
            return -VK_ENOSPC;
        out[len++] = (uint8_t)c;
    }
    *ret_len_bytes = len;
    return 0;
}

bool net_pct_equal(struct vk_span text, uint32_t flags, struct vk_span plain)
{
    size_t at = 0;
    for (size_t i = 0; i < plain.len; i++) {
        if (at == text.len || decode_at(text, flags, &at) != plain.ptr[i])
            return false;
    }
    return at == text.len;
}

bool net_query_find(struct vk_span query, struct vk_span key, struct vk_span *ret_value)
{
    while (query.len > 0) {
        struct vk_span pair = vk_span(query.ptr, vk_span_find(query, '&'));
        size_t key_len = vk_span_find(pair, '=');
        size_t value_off = key_len + (key_len < pair.len);
        if (pair.len > 0 && net_pct_equal(vk_span(pair.ptr, key_len), NET_PCT_PLUS, key)) {
            *ret_value = vk_span_skip(pair, value_off);
            return true;
        }
        size_t next = pair.len + (pair.len < query.len);
        query = vk_span_skip(query, next);
    }
    return false;
}
