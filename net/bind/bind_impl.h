/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of net/bind share. */
#ifndef NET_BIND_BIND_IMPL_H
#define NET_BIND_BIND_IMPL_H

#include "interp/native.h"
#include "net/bind/http.h"
#include "net/request.h"
#include "net/route.h"
#include "vk/err.h"
#include "vk/limits.h"

enum net_bind_body {
    NET_BIND_BODY_NEW,
    NET_BIND_BODY_PIECES,  /* being read by http.read */
    NET_BIND_BODY_GATHERS, /* a fiber gathers it in the held object */
    NET_BIND_BODY_WHOLE,   /* it is there */
};

/* What a process of a service keeps below its objects, where nothing moves. */
struct net_bind_own {
    uint32_t request;  /* offset of the struct net_request; of a crash, one that says how to answer */
    uint32_t crash;    /* offset of the struct net_crash; 0: the process handles a request */
    uint32_t body_len; /* gathered so far */
    uint8_t body;      /* enum net_bind_body */
    bool is_reading;   /* a READ is under way */
    bool is_writing;   /* a WRITE is under way */
    uint8_t captures_count;
    struct net_range captures[NET_ROUTE_CAPTURES_MAX]; /* in the head; still encoded */
};

/* NULL: the process belongs to no service. */
struct net_bind_own *net_bind_own(const struct interp_call *call);
const struct net_request *net_bind_request(const struct interp_call *call);

/* What the head of a response says at least, to a request that may be NULL; the same of the process's own. */
VK_INLINE struct net_reply net_bind_reply(const struct proc_self *self, const struct net_bind_http *http,
                                          const struct net_request *request, uint32_t status,
                                          struct vk_span type)
{
    struct net_reply reply = net_request_reply(self, request, status, type);
    if (http->server.len)
        reply.server = http->server;
    return reply;
}
struct net_reply net_bind_answer(const struct interp_call *call, uint32_t status, struct vk_span type);

/* Answer with that status and what is wrong, one line, and end the process; text must not lie in the heap. */
enum interp_say net_bind_refuse(struct interp_call *call, uint32_t status, struct vk_span text);

#endif
