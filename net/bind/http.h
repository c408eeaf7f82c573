/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP for bytecode: a process is started with a request head; it parses and
 * routes, a function of the image handles the request, and natives give it
 * what it asks for. The only code of net that knows the interpreter.
 */
#ifndef NET_BIND_HTTP_H
#define NET_BIND_HTTP_H

#include "interp/program.h"

/* service of an interp_program whose choose is one of those below; read by processes. */
struct net_bind_http {
    const void *routes;        /* a table of net_route_build */
    const uint32_t *functions; /* by route: a function of the image without parameters */
    uint32_t crash;            /* the function that answers for a process that died */
    struct vk_span server;     /* of the Server field; empty: vkd */
};

/*
 * For interp_program.choose: parse the head, say how the body is framed, find
 * the route. INTERP_NOWHERE when the request was refused or has no route; the
 * answer has been submitted then.
 */
uint32_t net_bind_http_choose(const struct interp_program *program, struct proc_self *self);

/* The same of a program that net_handler.crash names, which is started with a struct net_crash. */
uint32_t net_bind_http_choose_crash(const struct interp_program *program, struct proc_self *self);

/*
 * X(name, signature, function): what is asked of a request, in http.c.
 *
 * A request that breaks the rules (no UTF-8, a malformed query) is answered
 * with 400 and what is wrong, and its process ends normally.
 */
#define NET_BIND_NATIVES(X)                  \
    X("http.method", ">S", http_method)      \
    X("http.path", ">S", http_path)          \
    X("http.target", ">S", http_target)      \
    X("http.capture", "i>S", http_capture)   \
    X("http.query", "S>O", http_query)       \
    X("http.header", "S>O", http_header)     \
    X("http.cookie", "S>O", http_cookie)     \
    X("http.form_next", "Si>i", form_next)   \
    X("http.form_key", "Si>S", form_key)     \
    X("http.form_value", "Si>S", form_value) \
    X("http.refuse", "Si>-", http_refuse)    \
    X("crash.id", ">i", crash_id)            \
    X("crash.reason", ">S", crash_reason)

extern const struct interp_native net_bind_natives[];

/*
 * The body, in body.c; all wait. One that is too large, for NET_BIND_BODY_MAX_BYTES
 * or for the heap, is answered with 413.
 *   http.body, http.bytes the whole body, as often as one likes
 *   http.form the same of a body that may be a form; 415 when it says that it is none
 *   http.read its next piece; None at the end
 */
#define NET_BIND_BODY_NATIVES(X)      \
    X("http.body", ">S", http_body)   \
    X("http.bytes", ">B", http_bytes) \
    X("http.form", ">S", http_form)   \
    X("http.read", ">P", http_read)

extern const struct interp_native net_bind_body_natives[];

/*
 * Responses, in respond.c.
 *   http.respond (type, body, status), http.respond_headers and http.respond_bytes
 *   (type, body, headers, status): once; wait while a large body is sent
 *   http.respond_begin (type, headers, status): whether a body is to follow by
 *   stream.write; then http.stream gives its handle, and http.respond_end ends it
 *   http.check_field, http.check_redirect trap for what cannot stand in a head
 */
#define NET_BIND_RESPOND_NATIVES(X)                           \
    X("http.respond", "SSi>-", http_respond)                  \
    X("http.respond_headers", "SSLi>-", http_respond_headers) \
    X("http.respond_bytes", "SBLi>-", http_respond_headers)   \
    X("http.respond_begin", "SLi>i", http_respond_begin)      \
    X("http.stream", ">H", http_stream)                       \
    X("http.respond_end", ">-", http_respond_end)             \
    X("stream.write", "HS>i", stream_write)                   \
    X("stream.write_bytes", "HB>i", stream_write)             \
    X("http.check_field", "SS>-", check_field)                \
    X("http.check_redirect", "Si>-", check_redirect)          \
    X("http.cookie_line", "SS>S", cookie_line)

extern const struct interp_native net_bind_respond_natives[];

#endif
