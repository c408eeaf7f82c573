/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a URI as a program wants them: percent-decoding (RFC 3986, 2.1),
 * and keys of a query string (application/x-www-form-urlencoded, WHATWG URL
 * 5). Strict: what is malformed is an error, never repaired.
 */
#ifndef NET_QUERY_H
#define NET_QUERY_H

#include "vk/base.h"
#include "vk/bytes.h"
#include "vk/url.h"

/*
 * Decode (flags: VK_URL_...) into out, which may be where text is: the result is never longer.
 * Returns 0 with the length in *ret_len_bytes; -VK_EMALFORMED for a "%"
 * without two hexadecimal digits; -VK_ENOSPC. The result may hold any byte.
 */
int net_pct_decode(struct vk_span text, uint32_t flags, uint8_t *out, size_t room_bytes,
                   size_t *ret_len_bytes);

/* Whether text, decoded, is `plain`. False when it is malformed. */
bool net_pct_equal(struct vk_span text, uint32_t flags, struct vk_span plain);

/*
 * The value of the first "key=value" or "key" whose key, decoded, is `key`;
 * still encoded; empty for a key alone. False when there is none.
 */
bool net_query_find(struct vk_span query, struct vk_span key, struct vk_span *ret_value);

#endif
