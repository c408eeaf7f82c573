/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The router: patterns such as "GET /a/{name}/b" become, once, a tree of path
 * segments in one stretch of bytes that holds offsets and no pointers, so
 * that it may lie in an image or a heap, be copied and be mapped anywhere.
 *
 * A segment of a pattern is literal text, or {name:Int}, which matches a
 * number of 64 bits, or {name}, which matches any non-empty segment. They go
 * in this order; where one leads to no route for the method, the next is tried. A trailing slash matters. The
 * path is compared with its percent-encoding resolved, segment by segment, so
 * an encoded slash never divides.
 */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/http.h"
#include "vk/err.h"

#define NET_ROUTE_SEGMENTS_MAX 16u /* of a pattern; more is -VK_ETOOBIG */
#define NET_ROUTE_CAPTURES_MAX 8u  /* named segments of a pattern; more is -VK_ETOOBIG */

struct net_route_match {
    uint32_t route; /* index of the pattern */
    uint32_t allow; /* methods the path has (bits 1u << enum net_method), when none matched */
    uint32_t captures_count;
    struct vk_span
        captures[NET_ROUTE_CAPTURES_MAX]; /* in order; inside the path; still encoded, never empty */
};

/* Bytes that are enough for the table of these patterns. */
size_t net_route_room(const struct vk_span *patterns, uint32_t count);

/*
 * Build the table. Its memory is aligned to 4 bytes wherever it is used.
 *
 * patterns     "METHOD /path": one space, a known method, a path of the characters a request's path may have
 *              (without "%"; braces only around a whole segment)
 * ret_bad      set on error: index of the pattern that is wrong
 *
 * Returns 0; -VK_EMALFORMED; -VK_EINVAL for a pattern that an earlier one
 * already covers (names of segments make no difference); -VK_ETOOBIG;
 * -VK_ENOSPC when room_bytes does not suffice.
 */
int net_route_build(const struct vk_span *patterns, uint32_t count, void *table, size_t room_bytes,
                    size_t *ret_len_bytes, uint32_t *ret_bad);

/*
 * Find the route for a request. An empty path stands for the target "*".
 *
 * Returns 0: match->route and the captures are set. HEAD falls back to GET.
 * Else what to answer: 204 for an OPTIONS without a route of its own, 405 for
 * a path with other methods, both with match->allow; 404; 501 for a method
 * that is none of enum net_method. The table is trusted.
 */
uint32_t net_route_find(const void *table, enum net_method method, struct vk_span path,
                        struct net_route_match *match);

#endif
