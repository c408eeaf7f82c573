/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes response heads (RFC 9112, 4 and 6) into a buffer of the caller's.
 * Nothing is written past its end, and nothing that a program hands in can
 * end a line early: names and values with CR, LF or NUL are refused.
 */
#ifndef NET_REPLY_H
#define NET_REPLY_H

#include "net/http.h"

#define NET_DATE_BYTES       29u /* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define NET_REPLY_ROOM       512u /* enough for any head without extra fields and with a type up to 128 bytes */
#define NET_REPLY_TYPE_MAX   128u
#define NET_REPLY_SERVER_MAX 64u

/* The interim answer to Expect: 100-continue (RFC 9110, 15.2.1). */
#define NET_REPLY_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

enum {
    NET_REPLY_CLOSE = 1u << 0,      /* say Connection: close */
    NET_REPLY_KEEP_ALIVE = 1u << 1, /* say Connection: keep-alive (to a 1.0 client) */
    NET_REPLY_UPGRADE = 1u << 3,    /* say Connection: upgrade (with 101 or 426); the caller adds Upgrade */
    NET_REPLY_HEAD_ONLY = 1u << 2,  /* answers HEAD: the same head, no body */
};

/* What a head says. Zeroed parts are left out. */
struct net_reply {
    uint16_t status;       /* 100 .. 999 */
    uint16_t allow;        /* Allow: methods whose bits (1u << enum net_method) are set; 0: none */
    uint8_t flags;         /* NET_REPLY_... */
    uint8_t body;          /* enum net_body; ignored where the status has no body */
    uint64_t length_bytes; /* body NET_BODY_LENGTH */
    struct vk_span type;   /* Content-Type; ignored where the status has no body */
    struct vk_span server; /* Server */
    const uint8_t *date;   /* NET_DATE_BYTES of text, or NULL */
};

/* A buffer being filled. An error sticks: check it once, in net_reply_end. */
struct net_writer {
    uint8_t *out;
    size_t room_bytes; /* size of out */
    size_t len_bytes;  /* written so far */
    int err;           /* 0, -VK_ENOSPC, -VK_EINVAL: the first failure */
};

VK_INLINE struct net_writer net_writer(void *out, size_t room_bytes)
{
    return (struct net_writer){(uint8_t *)out, room_bytes, 0, 0};
}

/*
 * A head in three steps: begin writes the status line and the fields that
 * reply asks for, then come extra fields, then end writes the empty line.
 * Failures are kept in w->err: -VK_ENOSPC, or -VK_EINVAL for a status, name
 * or value that cannot be sent. Framing is reply's to say: the names
 * Content-Length, Transfer-Encoding and Connection are refused as extra fields.
 */
void net_reply_begin(struct net_writer *w, const struct net_reply *reply);
void net_reply_field(struct net_writer *w, struct vk_span name, struct vk_span value);
int net_reply_end(struct net_writer *w); /* 0 or w->err */

/*
 * A whole response in one call: head, then body unless the status or
 * NET_REPLY_HEAD_ONLY forbids one. reply->body and length_bytes are taken from
 * `body`. *ret_len_bytes is set on success. Returns 0, -VK_ENOSPC, -VK_EINVAL.
 */
int net_reply_whole(void *out, size_t room_bytes, const struct net_reply *reply, struct vk_span body,
                    size_t *ret_len_bytes);

/*
 * Where a field can be put into a head that is complete: behind its status
 * line, which is searched for its end NET_REPLY_LINE_MAX bytes deep. 0 when it
 * has none there, and for an interim answer (1xx), whose connection goes on.
 */
#define NET_REPLY_LINE_MAX 128u
size_t net_reply_fields_at(const uint8_t *head, size_t len_bytes);

/*
 * The kernel's own answer to what it refuses: a short plain text naming the
 * status. reply->type, body and length_bytes are ignored. As net_reply_whole; NET_REPLY_ROOM always suffices.
 */
int net_reply_error(void *out, size_t room_bytes, const struct net_reply *reply, size_t *ret_len_bytes);

#endif
