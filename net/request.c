/* SPDX-License-Identifier: Apache-2.0 */
#include "net/request.h"

#define SERVER VK_SPAN_LIT("vkd")

static bool submit_silent(struct proc_self *self, struct proc_op op)
{
    struct proc_op *slot = proc_op_next(self);
    if (VK_UNLIKELY(!slot))
        return false;
    op.handle = PROC_HANDLE_ORIGIN;
    op.flags |= PROC_OP_SILENT;
    *slot = op;
    return true;
}

static uint16_t frame_flags(const struct net_head *head)
{
    uint32_t flags = 0;
    if (head->body == NET_BODY_LENGTH)
        flags |= NET_FRAME_LENGTH;
    else if (head->body == NET_BODY_CHUNKED)
        flags |= NET_FRAME_CHUNKED;
    if (VK_UNLIKELY(!(head->flags & NET_HEAD_KEEP_ALIVE)))
        flags |= NET_FRAME_CLOSE;
    if (VK_UNLIKELY(head->flags & NET_HEAD_EXPECT))
        flags |= NET_FRAME_EXPECT;
    if (VK_UNLIKELY(head->method == NET_METHOD_HEAD))
        flags |= NET_FRAME_HEAD;
    if (VK_UNLIKELY(head->minor == 0))
        flags |= NET_FRAME_OLD;
    return (uint16_t)flags;
}

struct net_request *net_request_open(struct proc_self *self)
{
    return net_request_open_as(self, (struct vk_span){0});
}

/* The head was not valid: say so. */
static void refuse(struct proc_self *self, uint32_t status, struct vk_span server)
{
    const struct proc_op frame = {.code = PROC_OP_HTTP_FRAME, .flags = NET_FRAME_CLOSE | NET_FRAME_UNKNOWN};
    struct net_reply reply = net_request_reply(self, NULL, status, (struct vk_span){0});
    if (server.len)
        reply.server = server;
    if (submit_silent(self, frame))
        (void)net_respond_error(self, &reply);
}

struct net_request *net_request_open_as(struct proc_self *self, struct vk_span server)
{
    struct net_request *request = proc_alloc(self, sizeof *request);
    if (VK_UNLIKELY(!request))
        return NULL;
    request->bytes = proc_at(self, self->arg_off);
    uint32_t status = net_head_parse(&request->head, request->bytes, self->arg_len);
    if (VK_UNLIKELY(status)) {
        refuse(self, status, server);
        return NULL;
    }
    const struct proc_op frame = {
        .code = PROC_OP_HTTP_FRAME, .flags = frame_flags(&request->head), .arg = request->head.length_bytes};
    return submit_silent(self, frame) ? request : NULL;
}

struct net_reply net_request_reply(const struct proc_self *self, const struct net_request *request,
                                   uint32_t status, struct vk_span type)
{
    struct net_reply reply = {.status = (uint16_t)status, .type = type, .server = SERVER, .date = self->date};
    if (VK_UNLIKELY(!request || !(request->head.flags & NET_HEAD_KEEP_ALIVE)))
        reply.flags = NET_REPLY_CLOSE;
    else if (VK_UNLIKELY(request->head.minor == 0))
        reply.flags = NET_REPLY_KEEP_ALIVE;
    if (request && request->head.method == NET_METHOD_HEAD)
        reply.flags |= NET_REPLY_HEAD_ONLY;
    return reply;
}

int net_request_submit(struct proc_self *self, const struct net_reply *reply, uint32_t off, size_t len_bytes,
                       uint32_t flags, uint64_t arg)
{
    struct proc_op op = {.code = PROC_OP_HTTP_RESPOND, .off = off, .len = (uint32_t)len_bytes, .arg = arg};
    op.flags = (uint16_t)(flags | (reply->flags & NET_REPLY_CLOSE ? NET_RESPOND_CLOSE : 0));
    return submit_silent(self, op) ? 0 : -VK_EAGAIN;
}

/* A 1xx comes before an answer: the client would take the next one for the answer to this request. */
static bool is_final(uint32_t status)
{
    return status >= 200 && status <= 999;
}

/* The same; what was reserved and not used goes back. */
static int respond(struct proc_self *self, const struct net_reply *reply, uint32_t off, size_t len,
                   uint32_t flags, uint64_t arg)
{
    self->heap.top_bytes = off + (uint32_t)len;
    return net_request_submit(self, reply, off, len, flags, arg);
}

int net_respond_reply(struct proc_self *self, const struct net_reply *reply, struct vk_span body)
{
    if (VK_UNLIKELY(!is_final(reply->status)))
        return -VK_EINVAL;
    size_t room = NET_REPLY_ROOM + body.len, len;
    uint32_t off = room <= NET_RESPOND_MAX_BYTES ? vk_heap_alloc(&self->heap, (uint32_t)room, 8) : 0;
    if (!off)
        return -VK_ENOMEM;
    int rc = net_reply_whole(proc_at(self, off), room, reply, body, &len);
    return rc ? rc : respond(self, reply, off, len, 0, 0);
}

int net_respond(struct proc_self *self, const struct net_request *request, uint32_t status,
                struct vk_span type, struct vk_span body)
{
    if (VK_UNLIKELY(!is_final(status)))
        return -VK_EINVAL;
    const struct net_reply reply = net_request_reply(self, request, status, type);
    return net_respond_reply(self, &reply, body);
}

int net_respond_error(struct proc_self *self, const struct net_reply *reply)
{
    if (!is_final(reply->status))
        return -VK_EINVAL;
    size_t len;
    uint32_t off = vk_heap_alloc(&self->heap, NET_REPLY_ROOM, 8);
    if (!off)
        return -VK_ENOMEM;
    int rc = net_reply_error(proc_at(self, off), NET_REPLY_ROOM, reply, &len);
    return rc ? rc : respond(self, reply, off, len, 0, 0);
}

int net_respond_status(struct proc_self *self, const struct net_request *request, uint32_t status,
                       uint32_t allow)
{
    if (!is_final(status))
        return -VK_EINVAL;
    struct net_reply reply = net_request_reply(self, request, status, (struct vk_span){0});
    reply.allow = (uint16_t)allow;
    return net_respond_error(self, &reply);
}

uint32_t net_request_frame(const struct net_request *request, struct net_reply *reply, uint64_t length_bytes)
{
    if (net_status_is_bodyless(reply->status))
        return 0; /* what was written behind it would be taken for the next answer */
    if (net_status_is_empty(reply->status)) {
        reply->body = NET_BODY_LENGTH;
        reply->length_bytes = 0;
        return 0;
    }
    if (length_bytes != UINT64_MAX) {
        reply->body = NET_BODY_LENGTH;
        reply->length_bytes = length_bytes;
        return NET_RESPOND_LENGTH;
    }
    if (request->head.minor >= 1) {
        reply->body = NET_BODY_CHUNKED;
        return NET_RESPOND_CHUNKED;
    }
    reply->flags = (uint8_t)((reply->flags & ~NET_REPLY_KEEP_ALIVE) | NET_REPLY_CLOSE);
    return NET_RESPOND_STREAM;
}

int net_respond_begin(struct proc_self *self, const struct net_request *request, uint32_t status,
                      struct vk_span type, uint64_t length_bytes)
{
    if (!is_final(status))
        return -VK_EINVAL;
    struct net_reply reply = net_request_reply(self, request, status, type);
    uint32_t flags = net_request_frame(request, &reply, length_bytes);
    uint32_t off = vk_heap_alloc(&self->heap, NET_REPLY_ROOM, 8);
    if (!off)
        return -VK_ENOMEM;
    struct net_writer w = net_writer(proc_at(self, off), NET_REPLY_ROOM);
    net_reply_begin(&w, &reply);
    int rc = net_reply_end(&w);
    uint64_t arg = flags == NET_RESPOND_LENGTH ? length_bytes : 0;
    return rc ? rc : respond(self, &reply, off, w.len_bytes, flags, arg);
}
