/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP for bytecode: a process is started with a request head; it parses and
 * routes, a function of the image handles the request, and natives give it
 * what it asks for. The only code of net that knows the interpreter.
 */
#ifndef NET_BIND_HTTP_H
#define NET_BIND_HTTP_H

#include "interp/program.h"

/* service of an interp_program whose choose is net_bind_http_choose; read by processes. */
struct net_bind_http {
    const void *routes;        /* a table of net_route_build */
    const uint32_t *functions; /* by route: a function of the image without parameters */
};

/*
 * For interp_program.choose: parse the head, say how the body is framed, find
 * the route. INTERP_NOWHERE when the request was refused or has no route; the
 * answer has been submitted then.
 */
uint32_t net_bind_http_choose(const struct interp_program *program, struct proc_self *self);

/*
 * X(name, signature, function)
 *   http.respond (type, body, status) once; the process may go on and ends later
 *   http.body waits for the whole body; one that is larger than
 *   NET_BIND_BODY_MAX_BYTES or half of what is left of the heap traps
 */
#define NET_BIND_NATIVES(X)                  \
    X("http.respond", "SSi>-", http_respond) \
    X("http.method", ">S", http_method)      \
    X("http.path", ">S", http_path)          \
    X("http.capture", "i>S", http_capture)   \
    X("http.query", "S>O", http_query)       \
    X("http.header", "S>O", http_header)     \
    X("http.body", ">S", http_body)

#define NET_BIND_BODY_MAX_BYTES (1u << 20)

extern const struct interp_native net_bind_natives[];

#endif
