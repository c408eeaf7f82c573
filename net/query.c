/* SPDX-License-Identifier: Apache-2.0 */
#include "net/query.h"

#include "vk/err.h"
#include "vk/url.h"

int net_pct_decode(struct vk_span text, uint32_t flags, uint8_t *out, size_t room_bytes,
                   size_t *ret_len_bytes)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        int32_t c = vk_url_byte(text, flags, &at);
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
        if (at == text.len || vk_url_byte(text, flags, &at) != plain.ptr[i])
            return false;
    }
    return at == text.len;
}

bool net_query_find(struct vk_span query, struct vk_span key, struct vk_span *ret_value)
{
    struct vk_span at, value;
    while (vk_url_pair(&query, &at, &value)) {
        if (net_pct_equal(at, VK_URL_PLUS, key)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}
