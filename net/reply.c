/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A head without extra fields has a known longest form, so it is written
 * without a check per field: straight into the buffer where that much room is
 * left, else into a buffer on the stack first.
 */
#include "net/reply.h"

#include "net/chars.h"
#include "vk/err.h"

/* Longest head: status line 50, Date 37, Server, Content-Type, Allow 70, Connection 24, framing 40, end 2. */
#define HEAD_MAX_BYTES (50 + 37 + 10 + NET_REPLY_SERVER_MAX + 16 + NET_REPLY_TYPE_MAX + 70 + 24 + 40 + 2)
_Static_assert(HEAD_MAX_BYTES + 64 <= NET_REPLY_ROOM, "a head and the text of an error fit");

/* Each put_ writes at o and returns where to go on; the caller has made room. */

#define PUT_TEXT(o, text) put_bytes(o, text, sizeof(text) - 1)

VK_INLINE uint8_t *put_bytes(uint8_t *o, const void *from, size_t len_bytes)
{
    memcpy(o, from, len_bytes);
    return o + len_bytes;
}

/* For the short stretches of a head a call of memcpy costs more than the copy. */
VK_INLINE uint8_t *put_span(uint8_t *o, struct vk_span s)
{
    if (s.len > 32)
        return put_bytes(o, s.ptr, s.len);
    if (s.len >= 16) {
        memcpy(o + s.len - 16, s.ptr + s.len - 16, 16);
        memcpy(o, s.ptr, 16);
    } else if (s.len >= 8) {
        memcpy(o + s.len - 8, s.ptr + s.len - 8, 8);
        memcpy(o, s.ptr, 8);
    } else if (s.len >= 4) {
        memcpy(o + s.len - 4, s.ptr + s.len - 4, 4);
        memcpy(o, s.ptr, 4);
    } else if (s.len > 0) {
        uint8_t middle = s.ptr[s.len / 2], last = s.ptr[s.len - 1];
        o[0] = s.ptr[0];
        o[s.len / 2] = middle;
        o[s.len - 1] = last;
    }
    return o + s.len;
}

VK_INLINE uint8_t *put_number(uint8_t *o, uint64_t n)
{
    uint32_t len = 1;
    for (uint64_t bound = 10; n >= bound && len < 20; bound *= 10)
        len++;
    for (uint32_t i = len; i > 0; i--, n /= 10)
        o[i - 1] = (uint8_t)('0' + n % 10);
    return o + len;
}

static uint8_t *put_status_text(uint8_t *o, uint32_t status)
{
    *o++ = (uint8_t)('0' + status / 100);
    *o++ = (uint8_t)('0' + status / 10 % 10);
    *o++ = (uint8_t)('0' + status % 10);
    *o++ = ' ';
    return put_span(o, net_status_reason(status));
}

static uint8_t *put_allow(uint8_t *o, uint32_t methods)
{
    bool is_first = true;
    o = PUT_TEXT(o, "Allow: ");
    for (uint32_t method = 1; method < NET_METHOD_COUNT; method++) {
        if (!(methods & 1u << method))
            continue;
        if (!is_first)
            o = PUT_TEXT(o, ", ");
        o = put_span(o, net_method_name(method));
        is_first = false;
    }
    return PUT_TEXT(o, "\r\n");
}

static uint8_t *put_rare(uint8_t *o, const struct net_reply *reply)
{
    if (reply->allow != 0)
        o = put_allow(o, reply->allow);
    if (reply->flags & NET_REPLY_CLOSE)
        o = PUT_TEXT(o, "Connection: close\r\n");
    else if (reply->flags & NET_REPLY_UPGRADE)
        o = PUT_TEXT(o, "Connection: upgrade\r\n");
    else if (reply->flags & NET_REPLY_KEEP_ALIVE)
        o = PUT_TEXT(o, "Connection: keep-alive\r\n");
    return o;
}

/* Whether the status of reply allows a body; most are 200. */
VK_INLINE bool has_body(const struct net_reply *reply)
{
    return VK_LIKELY(reply->status == 200) || !net_status_is_bodyless(reply->status);
}

/* Everything but the empty line; at most HEAD_MAX_BYTES. Framed by the arguments, not by reply. */
VK_INLINE uint8_t *put_head(uint8_t *o, const struct net_reply *reply, uint32_t body, uint64_t length_bytes)
{
    bool has_type = reply->type.len != 0;
    if (VK_LIKELY(reply->status == 200)) {
        o = PUT_TEXT(o, "HTTP/1.1 200 OK\r\n");
    } else {
        has_type = has_type && !net_status_is_bodyless(reply->status);
        o = PUT_TEXT(o, "HTTP/1.1 ");
        o = put_status_text(o, reply->status);
        o = PUT_TEXT(o, "\r\n");
    }
    if (reply->date != NULL) {
        o = PUT_TEXT(o, "Date: ");
        o = put_bytes(o, reply->date, NET_DATE_BYTES);
        o = PUT_TEXT(o, "\r\n");
    }
    if (reply->server.len != 0) {
        o = PUT_TEXT(o, "Server: ");
        o = put_span(o, reply->server);
        o = PUT_TEXT(o, "\r\n");
    }
    if (has_type) {
        o = PUT_TEXT(o, "Content-Type: ");
        o = put_span(o, reply->type);
        o = PUT_TEXT(o, "\r\n");
    }
    if (VK_UNLIKELY(reply->allow != 0 || (reply->flags & ~(uint32_t)NET_REPLY_HEAD_ONLY)))
        o = put_rare(o, reply);
    if (VK_LIKELY(body == NET_BODY_LENGTH)) {
        o = PUT_TEXT(o, "Content-Length: ");
        o = put_number(o, length_bytes);
        o = PUT_TEXT(o, "\r\n");
    } else if (body == NET_BODY_CHUNKED) {
        o = PUT_TEXT(o, "Transfer-Encoding: chunked\r\n");
    }
    return o;
}

VK_INLINE bool is_sendable(const struct net_reply *reply)
{
    return reply->status >= 100 && reply->status <= 999 && reply->type.len <= NET_REPLY_TYPE_MAX &&
           reply->server.len <= NET_REPLY_SERVER_MAX &&
           net_chars_are_value(reply->type.ptr, reply->type.len) &&
           net_chars_are_value(reply->server.ptr, reply->server.len);
}

/* ---- step by step ---------------------------------------------------------- */

static void write_bytes(struct net_writer *w, const void *from, size_t len_bytes)
{
    if (w->err)
        return;
    if (w->room_bytes - w->len_bytes < len_bytes) {
        w->err = -VK_ENOSPC;
        return;
    }
    memcpy(w->out + w->len_bytes, from, len_bytes);
    w->len_bytes += len_bytes;
}

static void begin(struct net_writer *w, const struct net_reply *reply, uint32_t body, uint64_t length_bytes)
{
    uint8_t head[HEAD_MAX_BYTES];
    if (w->err == 0 && !is_sendable(reply))
        w->err = -VK_EINVAL;
    if (w->err)
        return;
    if (w->room_bytes - w->len_bytes >= HEAD_MAX_BYTES)
        w->len_bytes = (size_t)(put_head(w->out + w->len_bytes, reply, body, length_bytes) - w->out);
    else
        write_bytes(w, head, (size_t)(put_head(head, reply, body, length_bytes) - head));
}

void net_reply_begin(struct net_writer *w, const struct net_reply *reply)
{
    begin(w, reply, has_body(reply) ? reply->body : (uint32_t)NET_BODY_NONE, reply->length_bytes);
}

/* Names that only net_reply may say, or the framing of the connection breaks. */
static bool is_framing(struct vk_span name)
{
    static const char names[][20] = {"content-length", "transfer-encoding", "connection"};
    static const uint8_t lengths[] = {14, 17, 10};
    for (uint32_t i = 0; i < VK_COUNT(lengths); i++) {
        if (name.len == lengths[i] && net_chars_same(name.ptr, (const uint8_t *)names[i], name.len))
            return true;
    }
    return false;
}

void net_reply_field(struct net_writer *w, struct vk_span name, struct vk_span value)
{
    bool is_good = name.len > 0 && net_chars_all(name.ptr, name.len, NET_CHAR_TOKEN) && !is_framing(name) &&
                   net_chars_are_value(value.ptr, value.len);
    if (w->err == 0 && !is_good)
        w->err = -VK_EINVAL;
    write_bytes(w, name.ptr, name.len);
    write_bytes(w, ": ", 2);
    if (value.len > 0)
        write_bytes(w, value.ptr, value.len);
    write_bytes(w, "\r\n", 2);
}

int net_reply_end(struct net_writer *w)
{
    write_bytes(w, "\r\n", 2);
    return w->err;
}

/* ---- whole responses --------------------------------------------------------- */

static VK_COLD int reply_whole_tight(void *out, size_t room_bytes, const struct net_reply *reply,
                                     uint32_t framing, struct vk_span body, size_t sent_bytes,
                                     size_t *ret_len_bytes)
{
    struct net_writer w = net_writer(out, room_bytes);
    begin(&w, reply, framing, body.len);
    write_bytes(&w, "\r\n", 2);
    if (sent_bytes > 0)
        write_bytes(&w, body.ptr, sent_bytes);
    if (w.err == 0)
        *ret_len_bytes = w.len_bytes;
    return w.err;
}

int net_reply_whole(void *out, size_t room_bytes, const struct net_reply *reply, struct vk_span body,
                    size_t *ret_len_bytes)
{
    uint32_t framing = has_body(reply) ? NET_BODY_LENGTH : NET_BODY_NONE;
    if (VK_UNLIKELY(net_status_is_empty(reply->status)))
        body.len = 0;
    size_t sent = framing == NET_BODY_NONE || (reply->flags & NET_REPLY_HEAD_ONLY) ? 0 : body.len;
    if (VK_UNLIKELY(room_bytes < HEAD_MAX_BYTES || room_bytes - HEAD_MAX_BYTES < sent))
        return reply_whole_tight(out, room_bytes, reply, framing, body, sent, ret_len_bytes);
    if (VK_UNLIKELY(!is_sendable(reply)))
        return -VK_EINVAL;
    uint8_t *o = put_head(out, reply, framing, body.len);
    o = PUT_TEXT(o, "\r\n");
    o = put_span(o, vk_span(body.ptr, sent));
    *ret_len_bytes = (size_t)(o - (uint8_t *)out);
    return 0;
}

int net_reply_error(void *out, size_t room_bytes, const struct net_reply *reply, size_t *ret_len_bytes)
{
    uint8_t text[64];
    struct net_reply error = *reply;
    if (reply->status < 100 || reply->status > 999)
        return -VK_EINVAL;
    uint8_t *end = put_status_text(text, reply->status);
    *end++ = '\n';
    error.type = VK_SPAN_LIT("text/plain");
    return net_reply_whole(out, room_bytes, &error, vk_span(text, (size_t)(end - text)), ret_len_bytes);
}

size_t net_reply_fields_at(const uint8_t *head, size_t len_bytes)
{
    static const char version[] = "HTTP/1.1 ";
    const size_t status_at = sizeof(version) - 1;
    size_t max = len_bytes < NET_REPLY_LINE_MAX ? len_bytes : NET_REPLY_LINE_MAX;
    if (max <= status_at || memcmp(head, version, status_at) != 0 || head[status_at] == '1')
        return 0;
    for (size_t i = status_at; i + 1 < max; i++)
        if (head[i] == '\r' && head[i + 1] == '\n')
            return i + 2;
    return 0;
}
