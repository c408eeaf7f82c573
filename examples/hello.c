/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello: an HTTP service in which every request runs in a process of its own.
 *
 *   GET /             Hello, World!
 *   POST /echo        the request's body back
 *   GET /big?bytes=N  N bytes, as fast as the client reads
 *   GET /wait?ms=N    answers after N milliseconds, N at most 3,600,000
 *   GET /counters     the server's counters
 */
#include "examples/counters.h"
#include "net/query.h"
#include "net/request.h"
#include "net/route.h"
#include "vkd/app.h"

#define PIECE_BYTES 32768u /* of a stream, taken in one op */
#define WAIT_MAX_MS 3600000u
#define MS_NS       1000000u
#define COUNTERS    2u /* the handle of the server's counters */

enum { ROUTE_HELLO, ROUTE_ECHO, ROUTE_BIG, ROUTE_WAIT, ROUTE_COUNTERS, ROUTES };

/* Built once in main, before the workers are forked; only read afterwards. */
static _Alignas(8) uint8_t routes[1024];

/* The root fiber's state: what must live across a wait. */
struct hello {
    struct proc_fiber fiber;
    uint32_t request; /* offset of the struct net_request */
    uint32_t piece;   /* offset of the piece under way */
    uint32_t piece_len;
    uint32_t written; /* of the piece */
    uint64_t left;    /* of /big */
    bool has_begun;   /* the response */
    struct proc_op op;
};

static const struct net_request *request_of(struct proc_self *self, const struct hello *h)
{
    return proc_at(self, h->request);
}

static enum proc_step answer(struct proc_self *self, const struct hello *h, uint32_t status)
{
    return net_respond_status(self, request_of(self, h), status, 0) ? PROC_STEP_FAIL : PROC_STEP_END;
}

static bool query_number(struct proc_self *self, const struct hello *h, struct vk_span key, uint64_t max,
                         uint64_t *ret_value)
{
    struct vk_span query = net_request_span(self, request_of(self, h)->head.query), value;
    return net_query_find(query, key, &value) && vk_span_to_u64(value, ret_value) == 0 && *ret_value <= max;
}

static bool begin_stream(struct proc_self *self, struct hello *h, uint64_t length_bytes)
{
    h->has_begun = true;
    return !net_respond_begin(self, request_of(self, h), 200, VK_SPAN_LIT("application/octet-stream"),
                              length_bytes);
}

/* Heap for the pieces of a stream. */
static bool take_piece(struct proc_self *self, struct hello *h)
{
    void *piece = proc_alloc(self, PIECE_BYTES);
    h->piece = piece ? proc_off(self, piece) : 0;
    return piece;
}

/* Submit an op on what is left of the piece; true when its completion is there. */
static bool stream_op(struct proc_self *self, struct hello *h, uint16_t code, uint32_t off, uint32_t len)
{
    h->op = (struct proc_op){.code = code, .handle = PROC_HANDLE_ORIGIN, .off = off, .len = len};
    return proc_wait(self, &h->fiber, &h->op);
}

/* Write all of the piece; true when done or failed (piece_len is then 0). */
static bool write_piece(struct proc_self *self, struct hello *h)
{
    while (h->written < h->piece_len) {
        if (!stream_op(self, h, PROC_OP_WRITE, h->piece + h->written, h->piece_len - h->written))
            return false;
        if (h->fiber.done.res < 0)
            h->piece_len = 0;
        else
            h->written += h->fiber.done.len;
    }
    return true;
}

static enum proc_step step_big(struct proc_self *self, struct proc_fiber *fiber)
{
    struct hello *h = (struct hello *)fiber;
    PROC_BEGIN(fiber->step)
    if (!query_number(self, h, VK_SPAN_LIT("bytes"), INT64_MAX, &h->left))
        return answer(self, h, 400);
    if (!begin_stream(self, h, h->left) || !take_piece(self, h))
        return PROC_STEP_FAIL;
    for (uint32_t i = 0; i < PIECE_BYTES; i++)
        ((uint8_t *)proc_at(self, h->piece))[i] = (uint8_t)('a' + i % 26);
    while (h->left) {
        h->piece_len = h->left < PIECE_BYTES ? (uint32_t)h->left : PIECE_BYTES;
        h->written = 0;
        PROC_AWAIT(fiber->step, write_piece(self, h), PROC_STEP_WAIT);
        if (h->piece_len == 0)
            return PROC_STEP_END; /* the client is gone */
        h->left -= h->piece_len;
    }
    PROC_END
    return PROC_STEP_END;
}

/* Read before answering: asking for the body is what sends a waiting client its 100 Continue. */
static enum proc_step step_echo(struct proc_self *self, struct proc_fiber *fiber)
{
    struct hello *h = (struct hello *)fiber;
    const struct net_head *head = &request_of(self, h)->head;
    bool is_chunked = head->body == NET_BODY_CHUNKED;
    PROC_BEGIN(fiber->step)
    if (!take_piece(self, h))
        return PROC_STEP_FAIL;
    for (;;) {
        PROC_AWAIT(fiber->step, stream_op(self, h, PROC_OP_READ, h->piece, PIECE_BYTES), PROC_STEP_WAIT);
        if (fiber->done.res < 0)
            return PROC_STEP_END; /* the body broke off: the kernel refuses, or breaks the answer off */
        h->piece_len = fiber->done.len;
        h->written = 0;
        if (!h->has_begun && !begin_stream(self, h, is_chunked ? UINT64_MAX : head->length_bytes))
            return PROC_STEP_FAIL;
        if (h->piece_len == 0)
            break;
        PROC_AWAIT(fiber->step, write_piece(self, h), PROC_STEP_WAIT);
        if (h->piece_len == 0)
            return PROC_STEP_END;
    }
    if (is_chunked)
        PROC_AWAIT(fiber->step, stream_op(self, h, PROC_OP_SHUTDOWN, 0, 0), PROC_STEP_WAIT);
    PROC_END
    return PROC_STEP_END;
}

static enum proc_step step_wait(struct proc_self *self, struct proc_fiber *fiber)
{
    struct hello *h = (struct hello *)fiber;
    PROC_BEGIN(fiber->step)
    uint64_t wait_ms;
    if (!query_number(self, h, VK_SPAN_LIT("ms"), WAIT_MAX_MS, &wait_ms))
        return answer(self, h, 400);
    h->op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = wait_ms * MS_NS};
    PROC_AWAIT(fiber->step, proc_wait(self, fiber, &h->op), PROC_STEP_WAIT);
    if (net_respond(self, request_of(self, h), 200, VK_SPAN_LIT("text/plain"), VK_SPAN_LIT("waited\n")))
        return PROC_STEP_FAIL;
    PROC_END
    return PROC_STEP_END;
}

static enum proc_step step_counters(struct proc_self *self, struct proc_fiber *fiber)
{
    struct hello *h = (struct hello *)fiber;
    return counters_step(self, fiber, request_of(self, h), COUNTERS, &h->piece);
}

static enum proc_step step_hello(struct proc_self *self, struct proc_fiber *fiber)
{
    struct hello *h = (struct hello *)fiber;
    return net_respond(self, request_of(self, h), 200, VK_SPAN_LIT("text/plain"),
                       VK_SPAN_LIT("Hello, World!"))
               ? PROC_STEP_FAIL
               : PROC_STEP_END;
}

/* The first step parses and routes; the fiber goes on as the route's step function. */
static enum proc_step step_route(struct proc_self *self, struct proc_fiber *fiber)
{
    struct hello *h = (struct hello *)fiber;
    const struct net_request *request = net_request_open(self);
    if (!request)
        return PROC_STEP_END; /* refused */
    h->request = proc_off(self, request);
    struct net_route_match match;
    uint32_t status = net_route_find(routes, (enum net_method)request->head.method,
                                     net_request_span(self, request->head.path), &match);
    if (VK_UNLIKELY(status != 0))
        return net_respond_status(self, request, status, match.allow) ? PROC_STEP_FAIL : PROC_STEP_END;
    fiber->step_fn = (uint16_t)(1 + match.route);
    static const proc_step_fn steps[ROUTES] = {step_hello, step_echo, step_big, step_wait, step_counters};
    return steps[match.route](self, fiber);
}

static const proc_step_fn hello_steps[] = {step_route, step_hello, step_echo,
                                           step_big,   step_wait,  step_counters};
static const struct proc_native hello_native = {hello_steps, VK_COUNT(hello_steps), sizeof(struct hello)};

static const struct proc_program hello_program = {
    .name = "hello",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = proc_native_start,
    .resume = proc_native_resume,
    .context = &hello_native,
};

int main(int argc, char **argv)
{
    static const struct vk_span patterns[ROUTES] = {
        [ROUTE_HELLO] = {(const uint8_t *)"GET /", 5},
        [ROUTE_ECHO] = {(const uint8_t *)"POST /echo", 10},
        [ROUTE_BIG] = {(const uint8_t *)"GET /big", 8},
        [ROUTE_WAIT] = {(const uint8_t *)"GET /wait", 9},
        [ROUTE_COUNTERS] = {(const uint8_t *)"GET /counters", 13},
    };
    static const struct vkd_app app = {
        .about = "every request in a process of its own", .protocol = VKD_HTTP, .program = &hello_program};
    size_t len;
    uint32_t bad;
    if (net_route_build(patterns, ROUTES, routes, sizeof routes, &len, &bad))
        return 1;
    return vkd_app_main(&app, argc, argv);
}
