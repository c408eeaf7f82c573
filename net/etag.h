/* SPDX-License-Identifier: Apache-2.0 */
/* Entity tags of conditional requests (RFC 9110, 8.8.3 and 13.1.2). */
#ifndef NET_ETAG_H
#define NET_ETAG_H

#include "vk/bytes.h"

/*
 * Whether the value of an If-None-Match field names the tag, quotes included:
 * the client has that response already. Tags are compared weakly, W/ aside; `*`
 * names every tag. What follows something malformed is not looked at.
 */
bool net_etag_matches(struct vk_span field, struct vk_span tag);

#endif
