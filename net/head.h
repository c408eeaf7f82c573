/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict parser of HTTP/1.1 request heads (RFC 9112, 2 to 6; RFC 9110).
 * Bytes in, offsets out: nothing is copied or allocated, and the result names
 * places in the head by 16-bit offsets, so it may be moved together with it.
 *
 * Whatever two HTTP implementations have been known to read differently is
 * refused: bare CR or LF, obs-fold, white space before a colon or doubled in
 * the request line, control characters, repeated Host or Content-Length,
 * lengths beside Transfer-Encoding, any coding but chunked.
 */
#ifndef NET_HEAD_H
#define NET_HEAD_H

#include "net/http.h"
#include "vk/limits.h"

/* A place in the head: bytes[off .. off + len - 1]. */
struct net_range {
    uint16_t off;
    uint16_t len;
};

struct net_field {
    struct net_range name;  /* as sent; compare without regard to case */
    struct net_range value; /* without the white space around it; may be empty */
};

/* Forms of the request target (RFC 9112, 3.2). */
enum net_form {
    NET_FORM_ORIGIN,    /* /path?query */
    NET_FORM_ABSOLUTE,  /* http://authority/path?query */
    NET_FORM_ASTERISK,  /* * (OPTIONS only); path and query are empty */
    NET_FORM_AUTHORITY, /* host:port (CONNECT only); path and query are empty */
};

/* Facts found on the way, bits of net_head.flags. */
enum {
    NET_HEAD_KEEP_ALIVE = 1u << 0,  /* the connection persists after the response (RFC 9112, 9.3) */
    NET_HEAD_HAS_HOST = 1u << 1,    /* a Host field was there; only 1.0 may lack it */
    NET_HEAD_HAS_QUERY = 1u << 2,   /* the target has a "?", though the query may be empty */
    NET_HEAD_EXPECT = 1u << 3,      /* Expect: 100-continue, by a 1.1 client */
    NET_HEAD_UPGRADE = 1u << 4,     /* Upgrade, and Connection says so, by a 1.1 client */
    NET_HEAD_OPT_CLOSE = 1u << 5,   /* Connection: close was said */
    NET_HEAD_OPT_KEEP = 1u << 6,    /* Connection: keep-alive was said */
    NET_HEAD_OPT_UPGRADE = 1u << 7, /* Connection: upgrade was said */
};

/* Written by net_head_parse; defined only when it returned 0. */
struct net_head {
    uint8_t method;        /* enum net_method */
    uint8_t minor;         /* HTTP/1.x: 0 or 1; a higher minor is treated as 1 (RFC 9110, 2.5) */
    uint8_t form;          /* enum net_form */
    uint8_t body;          /* enum net_body */
    uint16_t flags;        /* NET_HEAD_... */
    uint16_t fields_count; /* fields[0 .. fields_count-1] are defined */
    struct net_range method_text;
    struct net_range target;
    struct net_range path;    /* begins with "/" unless the form has none; "/" where absolute-form omits it */
    struct net_range query;   /* after the "?" */
    struct net_range host;    /* authority of the target, else the value of Host; with port; may be empty */
    struct net_range upgrade; /* value of the first Upgrade field; empty without one */
    uint64_t length_bytes;    /* body NET_BODY_LENGTH: Content-Length; else 0 */
    struct net_field fields[NET_FIELDS_MAX];
};

/*
 * Parse a whole head: from the request line to the empty line, as
 * net_scan_head found it. Any bytes are safe; nothing past them is read.
 *
 * Returns 0, or the HTTP status to answer before closing the connection:
 * 400 malformed or ambiguous; 414 target over NET_TARGET_MAX_BYTES; 417 an
 * expectation other than 100-continue; 431 over NET_FIELDS_MAX fields or
 * NET_HEAD_MAX_BYTES; 501 a transfer coding besides chunked; 505 not HTTP/1.x.
 */
uint32_t net_head_parse(struct net_head *head, const uint8_t *bytes, size_t len_bytes);

VK_INLINE struct vk_span net_head_span(const uint8_t *bytes, struct net_range range)
{
    return vk_span(bytes + range.off, range.len);
}

/*
 * Index of the first field at or after `from` with this name, compared without
 * regard to case; fields_count when there is none.
 */
uint32_t net_head_find(const struct net_head *head, const uint8_t *bytes, struct vk_span name, uint32_t from);

/* The value of the first field with this name; false when there is none. */
bool net_head_field(const struct net_head *head, const uint8_t *bytes, struct vk_span name,
                    struct vk_span *ret_value);

#endif
