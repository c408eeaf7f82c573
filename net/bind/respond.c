/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Responses. A whole one is written into an object and handed over at once;
 * what is larger, and streams, have their head first and then WRITEs, each of
 * which waits while the client does not read.
 */
#include "net/bind/bind_impl.h"
#include "net/chars.h"
#include "net/etag.h"
#include "vk/fmt.h"

#define STATUS_MIN 200
#define STATUS_MAX 599

static enum interp_say nobody(struct interp_call *call)
{
    return interp_call_trap(call, INTERP_TRAP_NIL);
}

/* ---- WRITEs ------------------------------------------------------------------------- */

/* Before a completion is counted: it comes again when there was no place for the next WRITE. */
static bool is_full(const struct interp_call *call)
{
    return interp_self(call->run)->ops_count >= PROC_RING_ENTRIES;
}

/* The next part of a text of which so much is sent. INTERP_DONE is never the answer. */
static enum interp_say write_more(struct interp_call *call, uint32_t index, uint32_t sent)
{
    uint32_t len = (uint32_t)interp_call_text(call, index).len - sent;
    len = len < NET_BIND_WRITE_BYTES ? len : NET_BIND_WRITE_BYTES;
    uint32_t off = interp_part_for_op(call, interp_call_ref(call, index), sent, len);
    if (!off)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    const struct proc_op op = {.code = PROC_OP_WRITE, .handle = PROC_HANDLE_ORIGIN, .off = off, .len = len};
    return interp_call_submit(call, &op);
}

/* ---- heads ----------------------------------------------------------------------------- */

/* Names that the server alone writes: the framing of a connection hangs on them, or they would be there
 * twice. */
static bool is_servers(struct vk_span name)
{
    static const char names[][20] = {
        "connection", "content-length",    "date",   "keep-alive", "server", "te",
        "trailer",    "transfer-encoding", "upgrade"};
    for (size_t i = 0; i < VK_COUNT(names); i++) {
        struct vk_span known = vk_span(names[i], 0);
        while (names[i][known.len])
            known.len++;
        if (vk_span_equal_nocase(known, name))
            return true;
    }
    return false;
}

static enum interp_say fail_naming(struct interp_call *call, const char *what, struct vk_span name)
{
    char text[160];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "%s: %.*s", what, (int)(name.len < 64 ? name.len : 64), (const char *)name.ptr);
    return interp_call_fail(call, vk_out_span(&out));
}

static bool is_token(struct vk_span text)
{
    return text.len > 0 && net_chars_all(text.ptr, text.len, NET_CHAR_TOKEN);
}

static enum interp_say check_field(struct interp_call *call)
{
    struct vk_span name = interp_call_text(call, 0), value = interp_call_text(call, 1);
    if (!is_token(name))
        return fail_naming(call, "this is no name of a header", name);
    if (is_servers(name))
        return fail_naming(call, "the server alone writes this header", name);
    if (!net_chars_are_value(value.ptr, value.len))
        return fail_naming(call, "a control character in the value of the header", name);
    return INTERP_DONE;
}

static enum interp_say check_redirect(struct interp_call *call)
{
    int64_t status = interp_call_scalar(call, 0).i;
    struct vk_span url = interp_call_text(call, 0);
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
        return interp_call_fail(call, VK_SPAN_LIT("a redirect is 301, 302, 303, 307 or 308"));
    if (!net_chars_are_value(url.ptr, url.len))
        return interp_call_fail(call, VK_SPAN_LIT("a control character in the address of a redirect"));
    return INTERP_DONE;
}

/* What may stand in a cookie's value (RFC 6265, 4.1.1): others would end it, or be read in several ways. */
static bool is_cookie_octet(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

static enum interp_say cookie_line(struct interp_call *call)
{
    static const char rest[] = "; Path=/; HttpOnly; SameSite=Lax";
    struct vk_span name = interp_call_text(call, 0), value = interp_call_text(call, 1);
    if (!is_token(name))
        return fail_naming(call, "this is no name of a cookie", name);
    for (size_t i = 0; i < value.len; i++)
        if (!is_cookie_octet(value.ptr[i]))
            return fail_naming(call, "the value has a character that no cookie may have; url_encode it",
                               name);
    size_t name_len = name.len, value_len = value.len;
    uint8_t *dst =
        interp_call_text_new(call, interp_str_type(call->run), name_len + 1 + value_len + sizeof rest - 1);
    if (!dst)
        return INTERP_TRAP;
    memcpy(dst, interp_call_text(call, 0).ptr, name_len);
    dst[name_len] = '=';
    vk_copy(dst + name_len + 1, interp_call_text(call, 1).ptr, value_len);
    memcpy(dst + name_len + 1 + value_len, rest, sizeof rest - 1);
    return INTERP_DONE;
}

#define NONE UINT32_MAX

static bool is_type(struct vk_span name)
{
    return vk_span_equal_nocase(name, VK_SPAN_LIT("content-type"));
}

/* What the lines of a response take at most, and the last ones that mean something here; ptr NULL: none. */
struct lines {
    size_t bytes;
    struct vk_span type;
    struct vk_span tag;
};

/* index: of the argument, a list of name, value, name, ...; NONE: the response has no lines. */
static struct lines lines_of(const struct interp_call *call, uint32_t index)
{
    struct lines lines = {0};
    uint32_t list = index == NONE ? 0 : interp_call_ref(call, index);
    for (uint64_t i = 0; list && i + 1 < interp_list_len(call->run, list); i += 2) {
        struct vk_span name = interp_list_text(call->run, list, i);
        struct vk_span value = interp_list_text(call->run, list, i + 1);
        if (is_type(name))
            lines.type = value;
        else if (vk_span_equal_nocase(name, VK_SPAN_LIT("etag")))
            lines.tag = value;
        lines.bytes += name.len + value.len + 4;
    }
    return lines;
}

/* Whether the client says that it has the response with that tag (RFC 9110, 13.2.2). */
static bool is_known(const struct interp_call *call, struct vk_span tag)
{
    const struct net_request *request = net_bind_request(call);
    const uint8_t *bytes = proc_at(interp_self(call->run), interp_self(call->run)->arg_off);
    const struct net_head *head = &request->head;
    const struct vk_span name = VK_SPAN_LIT("if-none-match");
    if (head->method != NET_METHOD_GET && head->method != NET_METHOD_HEAD)
        return false;
    for (uint32_t i = 0; (i = net_head_find(head, bytes, name, i)) < head->fields_count; i++)
        if (net_etag_matches(net_head_span(bytes, head->fields[i].value), tag))
            return true;
    return false;
}

static void put_fields(const struct interp_call *call, uint32_t list, struct net_writer *w)
{
    for (uint64_t i = 0; i + 1 < interp_list_len(call->run, list); i += 2) {
        struct vk_span name = interp_list_text(call->run, list, i);
        if (!is_type(name))
            net_reply_field(w, name, interp_list_text(call->run, list, i + 1));
    }
}

/* The arguments of a response: references by their index, NONE where it has none. */
struct parts {
    uint32_t body;
    uint32_t headers;
    uint64_t length_bytes; /* UINT64_MAX: of a stream */
    bool is_whole;         /* the body goes with the head */
};

static enum interp_say cannot_be_sent(struct interp_call *call)
{
    return interp_call_fail(
        call, VK_SPAN_LIT("a type of a response is at most 128 bytes without control characters"));
}

/* Whether a response can be begun. INTERP_DONE: yes. */
static enum interp_say check_start(struct interp_call *call)
{
    int64_t status = interp_call_scalar(call, 0).i;
    if (!net_bind_own(call))
        return nobody(call);
    if (status < STATUS_MIN || status > STATUS_MAX)
        return interp_call_fail(call, VK_SPAN_LIT("a status is 200 to 599"));
    return is_full(call) ? INTERP_FULL : INTERP_DONE;
}

/* The head, and the body where it is whole. *ret_wants: the body is to follow by WRITE. */
static enum interp_say begin(struct interp_call *call, struct parts *parts, bool *ret_wants)
{
    struct proc_self *self = interp_self(call->run);
    struct lines lines = lines_of(call, parts->headers);
    uint32_t status = (uint32_t)interp_call_scalar(call, 0).i;
    if (lines.bytes > NET_HEAD_MAX_BYTES)
        return interp_call_fail(call, VK_SPAN_LIT("the headers of a response are at most 16 KiB"));
    if (status == 200 && lines.tag.ptr && is_known(call, lines.tag))
        status = 304;
    size_t room = NET_REPLY_ROOM + lines.bytes + (parts->is_whole ? (size_t)parts->length_bytes : 0);
    uint8_t *bytes = interp_call_text_new(call, interp_str_type(call->run), room);
    if (!bytes && parts->is_whole) { /* the head alone may have room */
        parts->is_whole = false;
        return begin(call, parts, ret_wants);
    }
    if (!bytes)
        return INTERP_TRAP;
    lines = lines_of(call, parts->headers); /* they may have moved */
    struct net_reply reply =
        net_bind_answer(call, status, lines.type.ptr ? lines.type : interp_call_text(call, 0));
    struct net_writer w = net_writer(bytes, room);
    uint32_t flags = net_request_frame(net_bind_request(call), &reply, parts->length_bytes);
    net_reply_begin(&w, &reply);
    if (lines.bytes)
        put_fields(call, interp_call_ref(call, parts->headers), &w);
    int rc = net_reply_end(&w);
    if (rc)
        return cannot_be_sent(call);
    *ret_wants = flags && !(reply.flags & NET_REPLY_HEAD_ONLY);
    if (parts->is_whole) {
        size_t body_len = *ret_wants ? (size_t)parts->length_bytes : 0;
        vk_copy(bytes + w.len_bytes, interp_call_text(call, parts->body).ptr, body_len);
        w.len_bytes += body_len;
        flags = 0;
        *ret_wants = false;
    } else if (parts->length_bytes == UINT64_MAX && flags) {
        flags |= NET_RESPOND_TELL;
    }
    interp_call_cut(call, (uint32_t)w.len_bytes);
    (void)net_request_submit(self, &reply, proc_off(self, bytes), w.len_bytes, flags,
                             flags & NET_RESPOND_LENGTH ? parts->length_bytes : 0); /* there is room */
    return INTERP_DONE;
}

/* The rest of a body whose head went before it: step is how much of it is sent, plus 1. */
static enum interp_say respond_more(struct interp_call *call)
{
    if (call->done &&
        call->done->res < 0) /* the kernel ends the process when its client goes: something else */
        return interp_call_trap(call, INTERP_TRAP_SENT);
    if (is_full(call))
        return INTERP_FULL;
    if (call->done)
        call->step += call->done->len;
    uint32_t sent = call->step - 1;
    return sent < interp_call_text(call, 1).len ? write_more(call, 1, sent) : INTERP_DONE;
}

static enum interp_say respond(struct interp_call *call, uint32_t headers)
{
    struct parts parts = {.body = 1, .headers = headers, .length_bytes = interp_call_text(call, 1).len};
    bool wants = false;
    if (call->step)
        return respond_more(call);
    parts.is_whole = parts.length_bytes <= NET_BIND_WHOLE_MAX_BYTES;
    enum interp_say say = check_start(call);
    if (say == INTERP_DONE)
        say = begin(call, &parts, &wants);
    if (say != INTERP_DONE || !wants)
        return say;
    call->step = 1;
    interp_call_restart(call, 1); /* a collection for the first WRITE must not begin it anew */
    return respond_more(call);
}

/* The plain response, which most are: as respond, without what it has not. */
static enum interp_say http_respond(struct interp_call *call)
{
    struct proc_self *self = interp_self(call->run);
    const struct net_bind_own *own = net_bind_own(call);
    const union interp_word *args = call->args; /* type, body, status */
    int64_t status = args[2].i;
    size_t len = interp_text(call->run, (uint32_t)args[1].u).len, room = NET_REPLY_ROOM + len;
    if (VK_UNLIKELY(!own || len > NET_BIND_WHOLE_MAX_BYTES || call->step || status < STATUS_MIN ||
                    status > STATUS_MAX || self->ops_count >= PROC_RING_ENTRIES))
        return respond(call, NONE);
    uint8_t *bytes = interp_call_text_new(call, interp_str_type(call->run), room + 8);
    if (VK_UNLIKELY(!bytes))
        return respond(call, NONE);
    args = call->args;
    const struct net_reply reply =
        net_bind_reply(self, interp_service(call->run), proc_at(self, own->request), (uint32_t)status,
                       interp_text(call->run, (uint32_t)args[0].u));
    if (VK_UNLIKELY(net_reply_whole(bytes, room, &reply, interp_text(call->run, (uint32_t)args[1].u), &len)))
        return cannot_be_sent(call);
    (void)net_request_submit(self, &reply, proc_off(self, bytes), len, 0, 0); /* there is room */
    return INTERP_DONE;
}

static enum interp_say http_respond_headers(struct interp_call *call)
{
    return respond(call, 2);
}

/* ---- streams ---------------------------------------------------------------------------- */

static enum interp_say http_respond_begin(struct interp_call *call)
{
    struct parts parts = {.body = NONE, .headers = 1, .length_bytes = UINT64_MAX};
    bool wants = false;
    enum interp_say say = check_start(call);
    if (say == INTERP_DONE)
        say = begin(call, &parts, &wants);
    call->result.u = wants;
    return say;
}

static enum interp_say http_stream(struct interp_call *call)
{
    call->result.u = interp_call_handle(call, PROC_HANDLE_ORIGIN);
    return call->result.u ? INTERP_DONE : interp_call_trap(call, INTERP_TRAP_MEMORY);
}

static enum interp_say http_respond_end(struct interp_call *call)
{
    const struct proc_op op = {.code = PROC_OP_SHUTDOWN, .handle = PROC_HANDLE_ORIGIN};
    return interp_submit_silent(call->run, &op) ? INTERP_DONE : INTERP_FULL;
}

/* true when all of it is on its way; false when the client has gone, or the stream has ended. */
static enum interp_say stream_write(struct interp_call *call)
{
    struct net_bind_own *own = net_bind_own(call);
    if (!own)
        return nobody(call);
    if (is_full(call))
        return INTERP_FULL;
    if (call->done) {
        own->is_writing = false;
        /* Who only stopped writing would end the response in order, and nobody would see that some is
         * missing. */
        if (VK_UNLIKELY(call->done->res == -VK_ENOMEM))
            return interp_call_fail(call, VK_SPAN_LIT("the server has no memory for what is written"));
        call->step += call->done->res < 0 ? 0 : call->done->len;
    } else if (own->is_writing) {
        return interp_call_fail(call, VK_SPAN_LIT("another fiber writes to this stream"));
    }
    call->result.u = !call->done || call->done->res >= 0;
    if (!call->result.u || call->step == interp_call_text(call, 1).len)
        return INTERP_DONE;
    enum interp_say say = write_more(call, 1, call->step);
    own->is_writing = say == INTERP_WAIT;
    return say;
}

const struct interp_native net_bind_respond_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    NET_BIND_RESPOND_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
