/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as bytecode sees them. What natives keep lies below the objects of the heap and never moves. */
#include "interp/text/utf8.h"
#include "net/bind/bind_impl.h"
#include "net/query.h"
#include "vk/fmt.h"

#define TEXT_BYTES 192u /* of what is wrong with a request */

/* ---- the process's start -------------------------------------------------------- */

static struct net_range range_of(const struct proc_self *self, struct vk_span span)
{
    const uint8_t *head = (const uint8_t *)self + self->arg_off;
    return (struct net_range){(uint16_t)(span.ptr - head), (uint16_t)span.len};
}

uint32_t net_bind_http_choose(const struct interp_program *program, struct proc_self *self)
{
    const struct net_bind_http *http = program->service;
    struct net_request *request = net_request_open_as(self, http->server);
    struct net_bind_own *own = request ? proc_alloc(self, sizeof *own) : NULL;
    if (VK_UNLIKELY(!own))
        return INTERP_NOWHERE;
    struct net_route_match match;
    uint32_t status = net_route_find(http->routes, (enum net_method)request->head.method,
                                     net_request_span(self, request->head.path), &match);
    if (VK_UNLIKELY(status)) {
        struct net_reply reply = net_bind_reply(self, http, request, status, (struct vk_span){0});
        reply.allow = (uint16_t)match.allow;
        (void)net_respond_error(self, &reply); /* two ops: there is room */
        return INTERP_NOWHERE;
    }
    own->request = proc_off(self, request);
    own->captures_count = (uint8_t)match.captures_count;
    for (uint32_t i = 0; i < match.captures_count; i++)
        own->captures[i] = range_of(self, match.captures[i]);
    interp_keep(self, proc_off(self, own));
    return http->functions[match.route];
}

/* The argument is the kernel's. The request says of the client what an answer has to know, and nothing else.
 */
uint32_t net_bind_http_choose_crash(const struct interp_program *program, struct proc_self *self)
{
    const struct net_bind_http *http = program->service;
    struct net_request *request = proc_alloc(self, sizeof *request);
    struct net_bind_own *own = request ? proc_alloc(self, sizeof *own) : NULL;
    if (!own)
        return INTERP_NOWHERE;
    const struct net_crash *crash = proc_at(self, self->arg_off);
    request->head.method = crash->frame & NET_FRAME_HEAD ? NET_METHOD_HEAD : NET_METHOD_GET;
    request->head.minor = crash->frame & NET_FRAME_OLD ? 0 : 1;
    request->head.flags = crash->frame & NET_FRAME_CLOSE ? 0 : NET_HEAD_KEEP_ALIVE;
    own->request = proc_off(self, request);
    own->crash = self->arg_off;
    own->body = NET_BIND_BODY_WHOLE;
    interp_keep(self, proc_off(self, own));
    return http->crash;
}

/* ---- what natives find ----------------------------------------------------------- */

struct net_bind_own *net_bind_own(const struct interp_call *call)
{
    struct proc_self *self = interp_self(call->run);
    uint32_t kept = interp_kept(self);
    return kept ? proc_at(self, kept) : NULL;
}

const struct net_request *net_bind_request(const struct interp_call *call)
{
    return proc_at(interp_self(call->run), net_bind_own(call)->request);
}

struct net_reply net_bind_answer(const struct interp_call *call, uint32_t status, struct vk_span type)
{
    return net_bind_reply(interp_self(call->run), interp_service(call->run), net_bind_request(call), status,
                          type);
}

enum interp_say net_bind_refuse(struct interp_call *call, uint32_t status, struct vk_span text)
{
    struct proc_self *self = interp_self(call->run);
    char line[TEXT_BYTES + 64];
    struct vk_out out;
    size_t len;
    struct vk_span reason = net_status_reason(status);
    if (self->ops_count >= PROC_RING_ENTRIES)
        return INTERP_FULL;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "%u %.*s: %.*s\n", status, (int)reason.len, (const char *)reason.ptr,
               (int)(text.len < TEXT_BYTES ? text.len : TEXT_BYTES), (const char *)text.ptr);
    uint8_t *bytes = interp_call_text_new(call, interp_str_type(call->run), NET_REPLY_ROOM + sizeof line);
    if (!bytes)
        return INTERP_TRAP;
    const struct net_reply reply = net_bind_answer(call, status, VK_SPAN_LIT("text/plain; charset=utf-8"));
    int rc = net_reply_whole(bytes, NET_REPLY_ROOM + sizeof line, &reply, vk_out_span(&out), &len);
    vk_assert(rc == 0);
    (void)net_request_submit(self, &reply, proc_off(self, bytes), len, 0, 0); /* there is room */
    return INTERP_END;
}

/* A request is asked for where there is none: by code that no compiler makes. */
static enum interp_say nobody(struct interp_call *call)
{
    return interp_call_trap(call, INTERP_TRAP_NIL);
}

static struct vk_span span_of(const struct interp_call *call, struct net_range range)
{
    return net_request_span(interp_self(call->run), range);
}

static bool is_utf8(struct vk_span text)
{
    size_t at = 0;
    return interp_utf8_check(&at, text, text.len + 1) == 0;
}

/* ---- the head ------------------------------------------------------------------------ */

static enum interp_say http_method(struct interp_call *call)
{
    if (!net_bind_own(call))
        return nobody(call);
    return interp_call_give_text(call, span_of(call, net_bind_request(call)->head.method_text));
}

static enum interp_say http_target(struct interp_call *call)
{
    if (!net_bind_own(call))
        return nobody(call);
    return interp_call_give_text(call, span_of(call, net_bind_request(call)->head.target));
}

/* Decoded; what is malformed, or no UTF-8 then, is the client's fault. */
static enum interp_say give_decoded(struct interp_call *call, struct vk_span text, uint32_t flags,
                                    struct vk_span complaint)
{
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), text.len);
    size_t len;
    if (!dst)
        return INTERP_TRAP;
    if (net_pct_decode(text, flags, dst, text.len, &len) || !is_utf8(vk_span(dst, len)))
        return net_bind_refuse(call, 400, complaint);
    interp_call_cut(call, (uint32_t)len);
    return INTERP_DONE;
}

static enum interp_say http_path(struct interp_call *call)
{
    if (!net_bind_own(call))
        return nobody(call);
    return give_decoded(call, span_of(call, net_bind_request(call)->head.path), 0,
                        VK_SPAN_LIT("the path is not UTF-8"));
}

static enum interp_say http_capture(struct interp_call *call)
{
    const struct net_bind_own *own = net_bind_own(call);
    uint64_t index = interp_call_scalar(call, 0).u;
    if (!own || index >= own->captures_count)
        return nobody(call);
    return give_decoded(call, span_of(call, own->captures[index]), 0, VK_SPAN_LIT("the path is not UTF-8"));
}

static enum interp_say http_query(struct interp_call *call)
{
    struct vk_span value, name = interp_call_text(call, 0);
    char text[TEXT_BYTES];
    struct vk_out out;
    call->result.u = 0;
    if (!net_bind_own(call))
        return nobody(call);
    if (!net_query_find(span_of(call, net_bind_request(call)->head.query), name, &value))
        return INTERP_DONE;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "the query parameter `%.*s` is malformed", (int)(name.len < 64 ? name.len : 64),
               (const char *)name.ptr);
    return give_decoded(call, value, VK_URL_PLUS, vk_out_span(&out));
}

/* The values of all lines of a name, with ", " between them. Returns their length; dst NULL: no more. */
static size_t join_values(const struct interp_call *call, const struct net_request *request, uint8_t *dst,
                          bool *ret_is_utf8)
{
    const uint8_t *bytes = proc_at(interp_self(call->run), interp_self(call->run)->arg_off);
    struct vk_span name = interp_call_text(call, 0);
    size_t len = 0;
    *ret_is_utf8 = true;
    for (uint32_t i = 0; (i = net_head_find(&request->head, bytes, name, i)) < request->head.fields_count;
         i++) {
        struct vk_span value = net_head_span(bytes, request->head.fields[i].value);
        size_t between = len ? 2 : 0;
        if (dst) {
            vk_copy(dst + len, ", ", between);
            vk_copy(dst + len + between, value.ptr, value.len);
        }
        *ret_is_utf8 &= is_utf8(value);
        len += between + value.len;
    }
    return len;
}

static enum interp_say http_header(struct interp_call *call)
{
    bool is_good;
    call->result.u = 0;
    if (!net_bind_own(call))
        return nobody(call);
    const struct net_request *request = net_bind_request(call);
    const uint8_t *bytes = proc_at(interp_self(call->run), interp_self(call->run)->arg_off);
    if (net_head_find(&request->head, bytes, interp_call_text(call, 0), 0) == request->head.fields_count)
        return INTERP_DONE;
    size_t len = join_values(call, request, NULL, &is_good);
    if (!is_good)
        return net_bind_refuse(call, 400, VK_SPAN_LIT("a header is not UTF-8"));
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), len);
    if (!dst)
        return INTERP_TRAP;
    (void)join_values(call, request, dst, &is_good);
    return INTERP_DONE;
}

/* The value of the first "name=value" in a Cookie field, without the quotes around it (RFC 6265, 4.1.1). */
static bool find_cookie(struct vk_span field, struct vk_span name, struct vk_span *ret_value)
{
    while (field.len) {
        struct vk_span pair = vk_span(field.ptr, vk_span_find(field, ';'));
        field = vk_span_skip(field, pair.len + (pair.len < field.len));
        pair = vk_span_trim(pair);
        size_t at = vk_span_find(pair, '=');
        if (at == pair.len || !vk_span_equal(vk_span(pair.ptr, at), name))
            continue;
        struct vk_span value = vk_span_skip(pair, at + 1);
        if (value.len > 1 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = vk_span(value.ptr + 1, value.len - 2);
        *ret_value = value;
        return true;
    }
    return false;
}

static enum interp_say http_cookie(struct interp_call *call)
{
    const struct proc_self *self = interp_self(call->run);
    call->result.u = 0;
    if (!net_bind_own(call))
        return nobody(call);
    const struct net_head *head = &net_bind_request(call)->head;
    const uint8_t *bytes = (const uint8_t *)self + self->arg_off;
    for (uint32_t i = 0; (i = net_head_find(head, bytes, VK_SPAN_LIT("cookie"), i)) < head->fields_count;
         i++) {
        struct vk_span value;
        if (!find_cookie(net_head_span(bytes, head->fields[i].value), interp_call_text(call, 0), &value))
            continue;
        return is_utf8(value) ? interp_call_give_text(call, value)
                              : net_bind_refuse(call, 400, VK_SPAN_LIT("a cookie is not UTF-8"));
    }
    return INTERP_DONE;
}

/* ---- forms: places in the text of a body -------------------------------------------------- */

/* The pair at or behind a place; false: there is none. */
static bool pair_at(const struct interp_call *call, struct vk_span *ret_key, struct vk_span *ret_value,
                    size_t *ret_end)
{
    struct vk_span text = interp_call_text(call, 0);
    uint64_t at = interp_call_scalar(call, 0).u;
    struct vk_span rest = vk_span_skip(text, at < text.len ? (size_t)at : text.len);
    bool has_pair = vk_url_pair(&rest, ret_key, ret_value);
    *ret_end = text.len - rest.len;
    return has_pair;
}

/* The place behind the next pair; -1: there is none. */
static enum interp_say form_next(struct interp_call *call)
{
    struct vk_span key, value;
    size_t end;
    bool has_pair = pair_at(call, &key, &value, &end);
    call->result.i = has_pair ? (int64_t)end : -1;
    return INTERP_DONE;
}

/* A part of the pair, decoded. Its bytes move when room is made for the result. */
static enum interp_say form_part(struct interp_call *call, bool is_key)
{
    struct vk_span key, value;
    size_t end, len;
    if (!pair_at(call, &key, &value, &end)) /* at a place that form_next did not give */
        return nobody(call);
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), is_key ? key.len : value.len);
    if (!dst)
        return INTERP_TRAP;
    (void)pair_at(call, &key, &value, &end);
    struct vk_span part = is_key ? key : value;
    if (net_pct_decode(part, VK_URL_PLUS, dst, part.len, &len) || !is_utf8(vk_span(dst, len)))
        return net_bind_own(call) ? net_bind_refuse(call, 400, VK_SPAN_LIT("the form is malformed"))
                                  : nobody(call);
    interp_call_cut(call, (uint32_t)len);
    return INTERP_DONE;
}

static enum interp_say form_key(struct interp_call *call)
{
    return form_part(call, true);
}

static enum interp_say form_value(struct interp_call *call)
{
    return form_part(call, false);
}

/* For what compiled code finds wrong with a request. */
static enum interp_say http_refuse(struct interp_call *call)
{
    struct vk_span text = interp_call_text(call, 0);
    int64_t status = interp_call_scalar(call, 0).i;
    char copy[TEXT_BYTES];
    size_t len = text.len < sizeof copy ? text.len : sizeof copy;
    if (!net_bind_own(call) || status < 400 || status > 599)
        return nobody(call);
    vk_copy(copy, text.ptr, len);
    return net_bind_refuse(call, (uint32_t)status, vk_span(copy, len));
}

/* ---- crashes -------------------------------------------------------------------------------- */

static const struct net_crash *crash_of(const struct interp_call *call)
{
    const struct net_bind_own *own = net_bind_own(call);
    return own && own->crash ? proc_at(interp_self(call->run), own->crash) : NULL;
}

static enum interp_say crash_id(struct interp_call *call)
{
    const struct net_crash *crash = crash_of(call);
    if (!crash)
        return nobody(call);
    call->result.u = crash->id;
    return INTERP_DONE;
}

/* What the dead process left; as far as it is text. */
static enum interp_say crash_reason(struct interp_call *call)
{
    const struct net_crash *crash = crash_of(call);
    size_t at = 0;
    if (!crash)
        return nobody(call);
    struct vk_span words = vk_span(crash + 1, crash->words_len);
    if (interp_utf8_check(&at, words, words.len + 1))
        words.len = at;
    return interp_call_give_text(call, words);
}

const struct interp_native net_bind_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    NET_BIND_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
