/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's side of HTTP, for native handlers: parse the head the process
 * was started with, say how the body is framed, answer. Runs inside the
 * process; everything lies in its heap.
 */
#ifndef NET_REQUEST_H
#define NET_REQUEST_H

#include "net/head.h"
#include "net/reply.h"
#include "net/server.h"
#include "proc/native.h"

struct net_request {
    const uint8_t
        *bytes; /* the head; valid during one run: heaps may move between runs, use net_request_bytes */
    struct net_head head;
};

/*
 * Parse the start argument and submit HTTP_FRAME. NULL when the head was not
 * valid: then the refusal has been submitted too and the handler just ends.
 * NULL as well, with nothing submitted, when the heap is too small.
 */
struct net_request *net_request_open(struct proc_self *self);
/* The same; the refusal has that Server field, vkd when it is empty. */
struct net_request *net_request_open_as(struct proc_self *self, struct vk_span server);

/* A part of the head, e.g. &request->head.path. */
VK_INLINE struct vk_span net_request_span(struct proc_self *self, struct net_range range)
{
    return net_head_span((const uint8_t *)proc_at(self, self->arg_off), range);
}

/* What the head of a response to this request says at least; NULL: of a refusal. status is 200 to 999. */
struct net_reply net_request_reply(const struct proc_self *self, const struct net_request *request,
                                   uint32_t status, struct vk_span type);

/*
 * A body of length_bytes, UINT64_MAX for one whose length is not known, is to
 * follow the head by PROC_OP_WRITE: changes reply accordingly and returns the
 * flags for PROC_OP_HTTP_RESPOND; 0 when the response is whole without it.
 */
uint32_t net_request_frame(const struct net_request *request, struct net_reply *reply, uint64_t length_bytes);

/*
 * Submit a response that was written to heap offset off, with what
 * net_request_frame said; arg as in PROC_OP_HTTP_RESPOND. 0; -VK_EAGAIN ops[] is full.
 */
int net_request_submit(struct proc_self *self, const struct net_reply *reply, uint32_t off, size_t len_bytes,
                       uint32_t flags, uint64_t arg);

/* Answer with a whole response that says what reply does: as net_respond. */
int net_respond_reply(struct proc_self *self, const struct net_reply *reply, struct vk_span body);

/* The same with the kernel's plain text for its status: as net_respond_status. */
int net_respond_error(struct proc_self *self, const struct net_reply *reply);

/*
 * Answer with a whole response: head, then body (at most
 * NET_RESPOND_MAX_BYTES together). Connection and HEAD are handled. request
 * may be NULL for a refusal. 0; -VK_EAGAIN ops[] is full; -VK_ENOMEM; -VK_EINVAL,
 * also for a status below 200, which is no answer.
 */
int net_respond(struct proc_self *self, const struct net_request *request, uint32_t status,
                struct vk_span type, struct vk_span body);

/* The same with the kernel's plain text for a status, e.g. 404; allow as in net_reply (405). */
int net_respond_status(struct proc_self *self, const struct net_request *request, uint32_t status,
                       uint32_t allow);

/*
 * Begin a response whose body follows by PROC_OP_WRITE: of length_bytes, or
 * UINT64_MAX for one of unknown length (chunked, for 1.0 until the end of the
 * connection), which PROC_OP_SHUTDOWN ends. A status without a body (204,
 * 304) is whole with its head, and both ops are refused.
 */
int net_respond_begin(struct proc_self *self, const struct net_request *request, uint32_t status,
                      struct vk_span type, uint64_t length_bytes);

#endif
