/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a request: in pieces, which land in the heap as they come, or
 * gathered in one object, which the process holds from then on.
 */
#include "interp/text/utf8.h"
#include "net/bind/bind_impl.h"
#include "vk/fmt.h"

static enum interp_say read_piece(struct interp_call *call, struct net_bind_own *own, uint32_t len_bytes)
{
    const struct proc_op op = {
        .code = PROC_OP_READ, .flags = PROC_OP_LAND, .handle = PROC_HANDLE_ORIGIN, .len = len_bytes};
    enum interp_say say = interp_call_submit(call, &op);
    own->is_reading = say == INTERP_WAIT;
    return say;
}

/* A READ that failed. What broke its framing the kernel answers itself, since it knows how. */
static enum interp_say failed(struct interp_call *call, int32_t res)
{
    if (res == -VK_EMALFORMED)
        return INTERP_END;
    if (res == -VK_ECLOSED)
        return net_bind_refuse(call, 400, VK_SPAN_LIT("the body ends before its length"));
    return interp_call_trap(call, INTERP_TRAP_AWAIT);
}

/*
 * The largest body that is taken whole: a third of the heap, so that one copy
 * of it has room too, and what is made of it.
 */
static uint32_t most_bytes(const struct interp_call *call)
{
    uint32_t third = interp_call_heap_bytes(call) / 3;
    return third < NET_BIND_BODY_MAX_BYTES ? third : NET_BIND_BODY_MAX_BYTES;
}

static enum interp_say too_large(struct interp_call *call)
{
    char text[96];
    struct vk_out out;
    uint32_t most = most_bytes(call);
    if (most == NET_BIND_BODY_MAX_BYTES)
        return net_bind_refuse(call, 413, VK_SPAN_LIT("a body is at most 1 MiB"));
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "a body is at most %u bytes here, a third of its handler's heap", most);
    return net_bind_refuse(call, 413, vk_out_span(&out));
}

/* There is no room beside what the program has made: in a large heap perhaps after a collection. */
static enum interp_say no_room(struct interp_call *call)
{
    if (interp_call_collects(call))
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    return net_bind_refuse(call, 413,
                           VK_SPAN_LIT("the body has no room in what is left of its handler's heap"));
}

/* Of one READ: small in a small heap. */
static uint32_t gather_bytes(const struct interp_call *call)
{
    uint32_t part = interp_call_heap_bytes(call) / 16;
    return part < NET_BIND_GATHER_BYTES ? part : NET_BIND_GATHER_BYTES;
}

/* The held object, with room for so many bytes and what it has. false: out of memory. */
static bool hold_room(struct interp_call *call, const struct net_bind_own *own, uint32_t room)
{
    struct interp_run *run = call->run;
    uint8_t *bytes = interp_call_text_new(call, call->type, (uint64_t)room + gather_bytes(call) + 64);
    if (!bytes)
        return false;
    interp_call_cut(call, room); /* the pieces have to have room too */
    if (own->body_len)
        memcpy(bytes, interp_text(run, *interp_held(run)).ptr, own->body_len);
    *interp_held(run) = (uint32_t)call->result.u;
    return true;
}

/*
 * The bytes that came, behind those that are there. INTERP_DONE: go on. When
 * ops[] has no place for what follows, it is called again and finds none.
 */
static enum interp_say append(struct interp_call *call, struct net_bind_own *own)
{
    size_t len = interp_call_landed(call).len;
    size_t need = own->body_len + len, room = interp_text(call->run, *interp_held(call->run)).len;
    if (need > most_bytes(call))
        return too_large(call);
    while (room < need)
        room *= 2;
    room = room < most_bytes(call) ? room : most_bytes(call);
    if (room > interp_text(call->run, *interp_held(call->run)).len && !hold_room(call, own, (uint32_t)room))
        return no_room(call);
    uint8_t *to = (uint8_t *)(uintptr_t)interp_text(call->run, *interp_held(call->run)).ptr;
    vk_copy(to + own->body_len, interp_call_landed(call).ptr, len);
    interp_call_drop(call);
    own->body_len = (uint32_t)need;
    return INTERP_DONE;
}

/* Room before the first byte comes: as large as the body says it is. INTERP_DONE: go on. */
static enum interp_say begin(struct interp_call *call, struct net_bind_own *own)
{
    const struct net_head *head = &net_bind_request(call)->head;
    bool is_unknown = head->body == NET_BODY_CHUNKED;
    uint64_t room = is_unknown ? most_bytes(call) : head->length_bytes;
    if (room > most_bytes(call))
        return too_large(call);
    bool has_room = hold_room(call, own, (uint32_t)room);
    if (!has_room && is_unknown && !interp_call_collects(call))
        has_room = hold_room(call, own, gather_bytes(call));
    if (!has_room)
        return no_room(call);
    own->body = room ? NET_BIND_BODY_GATHERS : NET_BIND_BODY_WHOLE;
    return INTERP_DONE;
}

static bool is_whole(const struct interp_call *call, const struct net_bind_own *own)
{
    const struct net_head *head = &net_bind_request(call)->head;
    bool has_all = head->body == NET_BODY_LENGTH && own->body_len == head->length_bytes;
    return has_all || (call->done && call->done->len == 0);
}

/*
 * A turn of a native that wants the whole body: INTERP_DONE when it is held.
 * step is 1 while it waits; who comes meanwhile is another fiber.
 */
static enum interp_say gather(struct interp_call *call, struct net_bind_own *own)
{
    enum interp_say say = INTERP_DONE;
    if (own->body == NET_BIND_BODY_WHOLE)
        return INTERP_DONE;
    if (own->body == NET_BIND_BODY_PIECES)
        return interp_call_fail(call, VK_SPAN_LIT("the body was read by req.read()"));
    if (own->body == NET_BIND_BODY_GATHERS && call->step == 0)
        return interp_call_fail(call, VK_SPAN_LIT("another fiber reads the body"));
    if (own->body == NET_BIND_BODY_NEW)
        say = begin(call, own);
    if (call->done && call->done->res < 0)
        return failed(call, call->done->res);
    if (call->done)
        say = append(call, own);
    if (say != INTERP_DONE || own->body == NET_BIND_BODY_WHOLE)
        return say;
    call->step = 1;
    if (!is_whole(call, own))
        return read_piece(call, own, gather_bytes(call));
    own->body = NET_BIND_BODY_WHOLE;
    interp_shorten(call->run, *interp_held(call->run), own->body_len);
    return INTERP_DONE;
}

/* The held body as the result. */
static enum interp_say give(struct interp_call *call, const struct net_bind_own *own)
{
    uint32_t held = *interp_held(call->run);
    if (!held) /* the process that answers for a dead one */
        return interp_call_text_new(call, call->type, 0) ? INTERP_DONE : INTERP_TRAP;
    if (interp_type_of(call->run, held) == call->type) {
        call->result.u = held;
        return INTERP_DONE;
    }
    uint8_t *dst = interp_call_text_new(call, call->type, own->body_len);
    if (!dst)
        return INTERP_TRAP;
    vk_copy(dst, interp_text(call->run, *interp_held(call->run)).ptr, own->body_len);
    *interp_held(call->run) = (uint32_t)call->result.u;
    return INTERP_DONE;
}

static enum interp_say whole(struct interp_call *call, bool is_text)
{
    struct net_bind_own *own = net_bind_own(call);
    if (!own)
        return interp_call_trap(call, INTERP_TRAP_NIL);
    enum interp_say say = gather(call, own);
    if (say != INTERP_DONE)
        return say;
    struct vk_span body = vk_span("", 0);
    size_t at = 0;
    if (*interp_held(call->run))
        body = interp_text(call->run, *interp_held(call->run));
    call->cost += (uint32_t)(body.len / 64);
    if (is_text && interp_utf8_check(&at, body, body.len + 1))
        return net_bind_refuse(call, 400, VK_SPAN_LIT("the body is not UTF-8"));
    return give(call, own);
}

static enum interp_say http_body(struct interp_call *call)
{
    return whole(call, true);
}

static enum interp_say http_bytes(struct interp_call *call)
{
    return whole(call, false);
}

/* Whether the client says that the body is something else than a form. */
static bool is_no_form(const struct interp_call *call)
{
    const struct proc_self *self = interp_self(call->run);
    struct vk_span type;
    if (!net_head_field(&net_bind_request(call)->head, (const uint8_t *)self + self->arg_off,
                        VK_SPAN_LIT("content-type"), &type))
        return false;
    type.len = vk_span_find(type, ';');
    return !vk_span_equal_nocase(vk_span_trim(type), VK_SPAN_LIT("application/x-www-form-urlencoded"));
}

static enum interp_say http_form(struct interp_call *call)
{
    if (net_bind_own(call) && is_no_form(call))
        return net_bind_refuse(call, 415, VK_SPAN_LIT("the body is no application/x-www-form-urlencoded"));
    return whole(call, true);
}

static enum interp_say http_read(struct interp_call *call)
{
    struct net_bind_own *own = net_bind_own(call);
    call->result.u = 0;
    if (!own)
        return interp_call_trap(call, INTERP_TRAP_NIL);
    if (own->body == NET_BIND_BODY_WHOLE)
        return INTERP_DONE;
    if (!call->done && (own->body == NET_BIND_BODY_GATHERS || own->is_reading))
        return interp_call_fail(call, VK_SPAN_LIT("another fiber reads the body"));
    if (net_bind_request(call)->head.body == NET_BODY_NONE) {
        own->body = NET_BIND_BODY_WHOLE;
        return INTERP_DONE;
    }
    own->body = NET_BIND_BODY_PIECES;
    if (!call->done)
        return read_piece(call, own, NET_BIND_PIECE_BYTES);
    own->is_reading = false;
    if (call->done->res < 0)
        return failed(call, call->done->res);
    if (call->done->len == 0)
        return INTERP_DONE;
    return interp_call_give_landed(call, interp_bytes_type(call->run));
}

const struct interp_native net_bind_body_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    NET_BIND_BODY_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
