/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as bytecode sees them. What natives keep lies below the objects of the heap and never moves. */
#include "net/bind/http.h"

#include "interp/text/utf8.h"
#include "net/query.h"
#include "net/request.h"
#include "net/route.h"
#include "vk/err.h"

#define BODY_PIECE_BYTES 8192u /* room for a body of unknown length */

/* Behind the head and the parsed request. */
struct bind_request {
    uint32_t request; /* offset of the struct net_request */
    uint32_t captures_count;
    struct net_range captures[NET_ROUTE_CAPTURES_MAX]; /* in the head; still encoded */
    uint32_t body;                                     /* offset of the room for the body */
    uint32_t body_room;
    uint32_t body_len;
    bool is_read; /* all of it is there */
};

static struct net_range range_of(const struct proc_self *self, struct vk_span span)
{
    const uint8_t *head = (const uint8_t *)self + self->arg_off;
    return (struct net_range){(uint16_t)(span.ptr - head), (uint16_t)span.len};
}

uint32_t net_bind_http_choose(const struct interp_program *program, struct proc_self *self)
{
    const struct net_bind_http *http = program->service;
    struct net_request *request = net_request_open(self);
    struct bind_request *own = request ? proc_alloc(self, sizeof *own) : NULL;
    if (VK_UNLIKELY(!own))
        return INTERP_NOWHERE;
    struct net_route_match match;
    uint32_t status = net_route_find(http->routes, (enum net_method)request->head.method,
                                     net_request_span(self, request->head.path), &match);
    if (VK_UNLIKELY(status)) {
        (void)net_respond_status(self, request, status, match.allow); /* two ops: there is room */
        return INTERP_NOWHERE;
    }
    own->request = proc_off(self, request);
    own->captures_count = match.captures_count;
    for (uint32_t i = 0; i < match.captures_count; i++)
        own->captures[i] = range_of(self, match.captures[i]);
    interp_keep(self, proc_off(self, own));
    return http->functions[match.route];
}

static struct bind_request *own_of(const struct interp_call *call)
{
    struct proc_self *self = interp_self(call->run);
    return proc_at(self, interp_kept(self));
}

static const struct net_request *request_of(const struct interp_call *call)
{
    return proc_at(interp_self(call->run), own_of(call)->request);
}

static struct vk_span span_of(const struct interp_call *call, struct net_range range)
{
    return net_request_span(interp_self(call->run), range);
}

/*
 * The answer is written into an object of its own: for that time the heap's
 * marks, which bytecode does not use, are the object's.
 */
static enum interp_say http_respond(struct interp_call *call)
{
    struct proc_self *self = interp_self(call->run);
    size_t room = NET_REPLY_ROOM + interp_call_text(call, 1).len;
    int64_t status = interp_call_scalar(call, 0).i;
    if (status < 200 || status > 999)
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    if (self->ops_count >= PROC_RING_ENTRIES)
        return INTERP_FULL;
    uint8_t *bytes = interp_call_text_new(call, interp_str_type(call->run), room + 8);
    if (!bytes)
        return INTERP_TRAP;
    const struct vk_heap marks = self->heap;
    uint32_t off = proc_off(self, bytes);
    self->heap = (struct vk_heap){off, off + (uint32_t)room + 8};
    int rc = net_respond(self, request_of(call), (uint32_t)status, interp_call_text(call, 0),
                         interp_call_text(call, 1));
    self->heap = marks;
    return rc ? interp_call_trap(call, INTERP_TRAP_SENT) : INTERP_DONE;
}

static enum interp_say http_method(struct interp_call *call)
{
    return interp_call_give_text(call, span_of(call, request_of(call)->head.method_text));
}

/* Decoded; what is no UTF-8 then is the client's fault and ends the process. */
static enum interp_say give_decoded(struct interp_call *call, struct vk_span text, uint32_t flags)
{
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), text.len);
    size_t len, at = 0;
    if (!dst)
        return INTERP_TRAP;
    if (net_pct_decode(text, flags, dst, text.len, &len))
        return interp_call_trap(call, INTERP_TRAP_TEXT);
    if (interp_utf8_check(&at, vk_span(dst, len), len + 1))
        return interp_call_trap(call, INTERP_TRAP_TEXT);
    interp_call_cut(call, (uint32_t)len);
    return INTERP_DONE;
}

static enum interp_say http_path(struct interp_call *call)
{
    return give_decoded(call, span_of(call, request_of(call)->head.path), 0);
}

static enum interp_say http_capture(struct interp_call *call)
{
    uint64_t index = interp_call_scalar(call, 0).u;
    const struct bind_request *own = own_of(call);
    if (index >= own->captures_count)
        return interp_call_trap(call, INTERP_TRAP_INDEX);
    return give_decoded(call, span_of(call, own->captures[index]), 0);
}

static enum interp_say http_query(struct interp_call *call)
{
    struct vk_span value;
    call->result.u = 0;
    if (!net_query_find(span_of(call, request_of(call)->head.query), interp_call_text(call, 0), &value))
        return INTERP_DONE;
    return give_decoded(call, value, VK_URL_PLUS);
}

static enum interp_say http_header(struct interp_call *call)
{
    struct proc_self *self = interp_self(call->run);
    struct vk_span value;
    size_t at = 0;
    call->result.u = 0;
    if (!net_head_field(&request_of(call)->head, proc_at(self, self->arg_off), interp_call_text(call, 0),
                        &value))
        return INTERP_DONE;
    if (interp_utf8_check(&at, value, value.len + 1))
        return interp_call_trap(call, INTERP_TRAP_TEXT);
    return interp_call_give_text(call, value);
}

/* ---- the body ------------------------------------------------------------------- */

static enum interp_say read_more(struct interp_call *call, const struct bind_request *own)
{
    const struct proc_op op = {.code = PROC_OP_READ,
                               .handle = PROC_HANDLE_ORIGIN,
                               .off = own->body + own->body_len,
                               .len = own->body_room - own->body_len};
    return interp_call_submit(call, &op);
}

/* The first call: room that does not move, as large as the body or as one of unknown length may be. */
static enum interp_say begin_body(struct interp_call *call, struct bind_request *own)
{
    const struct net_head *head = &request_of(call)->head;
    uint64_t room = head->body == NET_BODY_LENGTH ? head->length_bytes : BODY_PIECE_BYTES;
    if (head->body == NET_BODY_NONE || room == 0)
        return interp_call_give_text(call, vk_span("", 0));
    if (room > NET_BIND_BODY_MAX_BYTES)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    own->body = interp_pin(call->run, (uint32_t)room);
    own->body_room = (uint32_t)room;
    if (!own->body)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    return read_more(call, own);
}

static enum interp_say http_body(struct interp_call *call)
{
    struct bind_request *own = own_of(call);
    struct proc_self *self = interp_self(call->run);
    size_t at = 0;
    if (!own->body)
        return begin_body(call, own);
    if (call->done) {
        if (call->done->res < 0)
            return interp_call_trap(call, INTERP_TRAP_AWAIT);
        own->body_len += call->done->len;
        bool has_length = request_of(call)->head.body == NET_BODY_LENGTH;
        own->is_read = call->done->len == 0 || (has_length && own->body_len == own->body_room);
    }
    if (!own->is_read && own->body_len == own->body_room)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    if (!own->is_read)
        return read_more(call, own);
    struct vk_span body = vk_span(proc_at(self, own->body), own->body_len);
    if (interp_utf8_check(&at, body, body.len + 1))
        return interp_call_trap(call, INTERP_TRAP_TEXT);
    return interp_call_give_text(call, body);
}

const struct interp_native net_bind_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    NET_BIND_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
