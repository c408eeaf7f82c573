/* SPDX-License-Identifier: Apache-2.0 */
#include "net/bind/test.h"

#include "interp/text/utf8.h"
#include "net/bind/host.h"
#include "net/chars.h"
#include "vk/err.h"
#include "vk/fmt.h"

#define WHY_BYTES  256u /* of a sentence that says why a request failed */
#define HEAD_BYTES 128u /* of a request beyond target, fields and body */

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

/* ---- fields -------------------------------------------------------------------- */

static enum interp_say test_field(struct interp_call *call)
{
    struct vk_span fields = interp_call_text(call, 0), name = interp_call_text(call, 1);
    struct vk_span value = interp_call_text(call, 2);
    if (name.len == 0 || !net_chars_all(name.ptr, name.len, NET_CHAR_TOKEN) ||
        !net_chars_are_value(value.ptr, value.len))
        return interp_call_fail(call,
                                VK_SPAN_LIT("a header's name or value has a character that cannot be sent"));
    size_t room = fields.len + name.len + value.len + 4;
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), room);
    struct vk_out out;
    if (!dst)
        return INTERP_TRAP;
    vk_out_init(&out, dst, room);
    vk_out_put(&out, interp_call_text(call, 0));
    vk_out_put(&out, interp_call_text(call, 1));
    VK_OUT_LIT(&out, ": ");
    vk_out_put(&out, interp_call_text(call, 2));
    VK_OUT_LIT(&out, "\r\n");
    return INTERP_DONE;
}

/* The next line of fields, which moves behind it; name and value of it. */
static bool next_field(struct vk_span *fields, struct vk_span *ret_name, struct vk_span *ret_value)
{
    size_t end = vk_span_find(*fields, '\n'), colon = vk_span_find(*fields, ':');
    if (end == fields->len || colon > end)
        return false;
    *ret_name = vk_span(fields->ptr, colon);
    size_t len = end - colon - 1;
    struct vk_span value = vk_span(fields->ptr + colon + 1, len);
    if (value.len > 0 && value.ptr[value.len - 1] == '\r')
        value.len--;
    *ret_value = vk_span_trim(value);
    *fields = vk_span_skip(*fields, end + 1);
    return true;
}

static bool has_field(struct vk_span fields, struct vk_span wanted)
{
    struct vk_span name, value;
    while (next_field(&fields, &name, &value))
        if (vk_span_equal_nocase(name, wanted))
            return true;
    return false;
}

/* ---- the request ------------------------------------------------------------------ */

struct target {
    struct vk_span host;
    struct vk_span path;
    uint64_t port; /* 0: of the first block */
};

/* "/path", or "http://host:port/path"; false when it is neither. */
static bool parse_target(struct vk_span text, struct target *ret)
{
    const struct vk_span scheme = VK_SPAN_LIT("http://");
    *ret = (struct target){VK_SPAN_LIT("localhost"), text, 0};
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
            return false;
    if (!vk_span_starts_with(text, scheme))
        return vk_span_starts_with(text, VK_SPAN_LIT("/"));
    text = vk_span_skip(text, scheme.len);
    size_t slash = vk_span_find(text, '/'), colon = slash;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    ret->host = vk_span(text.ptr, slash);
    ret->path = slash < text.len ? vk_span_skip(text, slash) : VK_SPAN_LIT("/");
    return colon > 0 && vk_span_to_u64(vk_span(text.ptr + colon, slash - colon), &ret->port) == 0 &&
           ret->port > 0 && ret->port < 65536;
}

static void write_request(struct vk_out *out, const struct interp_call *call, const struct target *target)
{
    const char *method = methods[interp_call_scalar(call, 0).u];
    struct vk_span fields = interp_call_text(call, 1), body = interp_call_text(call, 2);
    vk_out_fmt(out, "%s ", method);
    vk_out_put(out, target->path);
    VK_OUT_LIT(out, " HTTP/1.1\r\n");
    if (!has_field(fields, VK_SPAN_LIT("host"))) {
        VK_OUT_LIT(out, "host: ");
        vk_out_put(out, target->host);
        VK_OUT_LIT(out, "\r\n");
    }
    vk_out_put(out, fields);
    if (body.len > 0 && !has_field(fields, VK_SPAN_LIT("content-length")) &&
        !has_field(fields, VK_SPAN_LIT("transfer-encoding")))
        vk_out_fmt(out, "content-length: %zu\r\n", body.len);
    VK_OUT_LIT(out, "\r\n");
    vk_out_put(out, body);
}

/* The request is written into an object of its own, whose bytes the op keeps. */
static enum interp_say send_request(struct interp_call *call)
{
    struct target target;
    if (interp_call_scalar(call, 0).u >= VK_COUNT(methods))
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    if (!parse_target(interp_call_text(call, 0), &target))
        return interp_call_fail(
            call, VK_SPAN_LIT("a request goes to \"/path\" or \"http://host:port/path\", without "
                              "spaces: url_encode() writes any text"));
    size_t room = HEAD_BYTES + interp_call_text(call, 0).len + interp_call_text(call, 1).len +
                  interp_call_text(call, 2).len;
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), room);
    struct vk_out out;
    if (!dst)
        return INTERP_TRAP;
    vk_out_init(&out, dst, room);
    (void)parse_target(interp_call_text(call, 0), &target); /* it may have moved */
    write_request(&out, call, &target);
    vk_assert(vk_out_status(&out) == 0);
    const struct proc_op op = {.code = PROC_OP_CALL,
                               .flags = PROC_OP_LAND,
                               .handle = 2 + NET_BIND_ENV_CLIENT,
                               .off = interp_text_off((uint32_t)call->result.u),
                               .len = (uint32_t)vk_out_span(&out).len,
                               .arg = target.port};
    return interp_call_submit(call, &op);
}

/* As the client says; what it says lies in the heap. */
static enum interp_say fail(struct interp_call *call)
{
    uint8_t text[WHY_BYTES];
    struct vk_span why = interp_call_landed(call);
    size_t len = why.len < sizeof text ? why.len : sizeof text;
    vk_copy(text, why.ptr, len);
    if (len == 0)
        return interp_call_trap(call, INTERP_TRAP_AWAIT);
    return interp_call_fail(call, vk_span(text, len));
}

static enum interp_say test_request(struct interp_call *call)
{
    if (!call->done)
        return send_request(call);
    if (call->done->res != 0)
        return fail(call);
    return interp_call_give_landed(call, interp_bytes_type(call->run));
}

/* ---- the reply ------------------------------------------------------------------------ */

/* Its parts; false for bytes that are no reply: they cannot come from a program of the language. */
static bool open_reply(const struct interp_call *call, struct net_bind_reply *ret, struct vk_span *ret_head,
                       struct vk_span *ret_body)
{
    struct vk_span bytes = interp_call_text(call, 0);
    if (bytes.len < sizeof *ret)
        return false;
    memcpy(ret, bytes.ptr, sizeof *ret);
    bytes = vk_span_skip(bytes, sizeof *ret);
    if (ret->head_len > bytes.len)
        return false;
    *ret_head = vk_span(bytes.ptr, ret->head_len);
    *ret_body = vk_span_skip(bytes, ret->head_len);
    return true;
}

static enum interp_say reply_status(struct interp_call *call)
{
    struct net_bind_reply reply;
    struct vk_span head, body;
    if (!open_reply(call, &reply, &head, &body))
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    call->result.u = reply.status;
    return INTERP_DONE;
}

/* The values of that name with ", " between them, into `out` or, when it is NULL, only measured. */
static size_t join_values(struct vk_span head, struct vk_span wanted, struct vk_out *out, uint32_t *ret_count)
{
    struct vk_span name, value;
    size_t len = 0;
    *ret_count = 0;
    while (next_field(&head, &name, &value)) {
        if (!vk_span_equal_nocase(name, wanted))
            continue;
        if (*ret_count > 0 && out)
            VK_OUT_LIT(out, ", ");
        len += value.len + (*ret_count > 0 ? 2 : 0);
        ++*ret_count;
        if (out)
            vk_out_put(out, value);
    }
    return len;
}

static enum interp_say reply_header(struct interp_call *call)
{
    struct net_bind_reply reply;
    struct vk_span head, body;
    struct vk_out out;
    uint32_t count;
    size_t at = 0;
    if (!open_reply(call, &reply, &head, &body))
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    size_t len = join_values(head, interp_call_text(call, 1), NULL, &count);
    call->result.u = 0;
    if (count == 0)
        return INTERP_DONE;
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), len);
    if (!dst)
        return INTERP_TRAP;
    (void)open_reply(call, &reply, &head, &body); /* it may have moved */
    vk_out_init(&out, dst, len);
    (void)join_values(head, interp_call_text(call, 1), &out, &count);
    if (interp_utf8_check(&at, vk_span(dst, len), len + 1))
        return interp_call_trap(call, INTERP_TRAP_TEXT);
    return INTERP_DONE;
}

static enum interp_say give_body(struct interp_call *call, uint16_t type)
{
    struct net_bind_reply reply;
    struct vk_span head, body;
    if (!open_reply(call, &reply, &head, &body))
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    uint8_t *dst = interp_call_text_new(call, type, body.len);
    if (!dst)
        return INTERP_TRAP;
    (void)open_reply(call, &reply, &head, &body); /* it may have moved */
    vk_copy(dst, body.ptr, body.len);
    return INTERP_DONE;
}

static enum interp_say reply_bytes(struct interp_call *call)
{
    return give_body(call, interp_bytes_type(call->run));
}

static enum interp_say reply_text(struct interp_call *call)
{
    struct net_bind_reply reply;
    struct vk_span head, body;
    size_t at = 0;
    if (!open_reply(call, &reply, &head, &body))
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    if (interp_utf8_check(&at, body, body.len + 1))
        return interp_call_fail(call, VK_SPAN_LIT("the reply's body is no UTF-8: bytes() gives it as it is"));
    return give_body(call, interp_str_type(call->run));
}

const struct interp_native net_bind_test_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    NET_BIND_TEST_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
