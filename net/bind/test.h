/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of tests: natives that write a request, ask the environment's
 * NET_BIND_ENV_CLIENT to send it, and read the reply it brings.
 *
 * The op is a CALL that lands: its bytes are the whole request, its arg the
 * port of the block it is for (0: the first one). It ends with 0 and a
 * net_bind_reply, or fails, and the bytes are a sentence that says why.
 */
#ifndef NET_BIND_TEST_H
#define NET_BIND_TEST_H

#include "interp/native.h"

/* In front of a reply's head (without its first line) and body. A Reply of the language is these bytes. */
struct net_bind_reply {
    uint32_t status;
    uint32_t head_len;
};

/*
 * X(name, signature, function)
 *   test.field (fields, name, value) gives the fields with one more
 *   test.request (target, fields, body, method) gives the reply; method: 0 GET, then HEAD POST PUT PATCH
 *   DELETE OPTIONS
 */
#define NET_BIND_TEST_NATIVES(X)                    \
    X("test.field", "SSS>S", test_field)            \
    X("test.request", "SSSi>B", test_request)       \
    X("test.request_bytes", "SSBi>B", test_request) \
    X("reply.status", "B>i", reply_status)          \
    X("reply.header", "BS>O", reply_header)         \
    X("reply.bytes", "B>B", reply_bytes)            \
    X("reply.text", "B>S", reply_text)

extern const struct interp_native net_bind_test_natives[];

#endif
