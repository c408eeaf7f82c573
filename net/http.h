/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of HTTP/1.1 that parser, writer and router share: methods, ways
 * to frame a body, and the reason phrases of status codes (RFC 9110, 9112).
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "vk/base.h"
#include "vk/bytes.h"

#define NET_METHOD_LIST(X) \
    X(GET)                 \
    X(HEAD)                \
    X(POST)                \
    X(PUT)                 \
    X(DELETE)              \
    X(CONNECT)             \
    X(OPTIONS)             \
    X(TRACE)               \
    X(PATCH)

enum net_method {
    NET_METHOD_OTHER, /* a valid token that names no method below */
#define X(name) NET_METHOD_##name,
    NET_METHOD_LIST(X)
#undef X
        NET_METHOD_COUNT
};

/* How the length of a body is known (RFC 9112, 6). */
enum net_body {
    NET_BODY_NONE,
    NET_BODY_LENGTH,  /* Content-Length, which may be 0 */
    NET_BODY_CHUNKED, /* Transfer-Encoding: chunked */
};

/* "GET", ...; the empty span for OTHER and for numbers that are no method. */
struct vk_span net_method_name(uint32_t method);

/* The method a token names, case-sensitively; OTHER when it names none. */
enum net_method net_method_parse(struct vk_span token);

/* "Not Found"; the empty span for a status without a registered phrase. */
struct vk_span net_status_reason(uint32_t status);

/* Whether a response with this status has no body whatever its head says: 1xx, 204, 304. */
VK_INLINE bool net_status_is_bodyless(uint32_t status)
{
    return status < 200 || status == 204 || status == 304;
}

/* Whether it has a body, of no length: 205, which RFC 9110 allows none, but which is framed as others are. */
VK_INLINE bool net_status_is_empty(uint32_t status)
{
    return status == 205;
}

#endif
