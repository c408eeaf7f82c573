/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/app.h"
#include "net/query.h"
#include "net/request.h"
#include "net/route.h"
#include "tests/faults/faults.h"
#include "vk/fmt.h"

#define PIECE_BYTES 8192u
#define MS_NS       1000000u

enum { ROUTE_ID, ROUTE_WAIT, ROUTE_ECHO, ROUTE_BIG, ROUTE_CRASH, ROUTE_FAIL, ROUTES };

static _Alignas(8) uint8_t routes[1024];

struct app {
    struct proc_fiber fiber;
    uint32_t request; /* offsets */
    uint32_t piece;
    uint32_t piece_len;
    uint32_t written; /* of the piece */
    uint64_t left;
    struct proc_op op;
};

static const struct net_request *request_of(struct proc_self *self, const struct app *a)
{
    return proc_at(self, a->request);
}

static uint64_t number(struct proc_self *self, const struct app *a, struct vk_span key)
{
    struct vk_span query = net_request_span(self, request_of(self, a)->head.query);
    struct vk_span value;
    uint64_t n = 0;
    if (!net_query_find(query, key, &value) || vk_span_to_u64(value, &n) != 0)
        return 0;
    return n;
}

static enum proc_step answer_number(struct proc_self *self, const struct app *a)
{
    char text[24];
    struct vk_out out;
    vk_out_init(&out, text, sizeof(text));
    vk_out_fmt(&out, "%llu", (unsigned long long)number(self, a, VK_SPAN_LIT("n")));
    int err = net_respond(self, request_of(self, a), 200, VK_SPAN_LIT("text/plain"), vk_out_span(&out));
    return err != 0 ? PROC_STEP_FAIL : PROC_STEP_END;
}

static enum proc_step step_id(struct proc_self *self, struct proc_fiber *fiber)
{
    return answer_number(self, (struct app *)fiber);
}

static enum proc_step step_wait(struct proc_self *self, struct proc_fiber *fiber)
{
    struct app *a = (struct app *)fiber;
    PROC_BEGIN(fiber->step)
    a->op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = number(self, a, VK_SPAN_LIT("ms")) * MS_NS};
    PROC_AWAIT(fiber->step, proc_wait(self, fiber, &a->op), PROC_STEP_WAIT);
    return answer_number(self, a);
    PROC_END
    return PROC_STEP_END;
}

static bool begin_stream(struct proc_self *self, struct app *a, uint64_t length_bytes)
{
    if (net_respond_begin(self, request_of(self, a), 200, VK_SPAN_LIT("application/octet-stream"),
                          length_bytes) != 0)
        return false;
    void *piece = proc_alloc(self, PIECE_BYTES);
    a->piece = piece != NULL ? proc_off(self, piece) : 0;
    return piece != NULL;
}

static bool stream_op(struct proc_self *self, struct app *a, uint16_t code, uint32_t off, uint32_t len)
{
    a->op = (struct proc_op){.code = code, .handle = PROC_HANDLE_ORIGIN, .off = off, .len = len};
    return proc_wait(self, &a->fiber, &a->op);
}

/* Write all of the piece; true when done, or failed: piece_len is 0 then. */
static bool write_piece(struct proc_self *self, struct app *a)
{
    while (a->written < a->piece_len) {
        if (!stream_op(self, a, PROC_OP_WRITE, a->piece + a->written, a->piece_len - a->written))
            return false;
        if (a->fiber.done.res < 0)
            a->piece_len = 0;
        else
            a->written += a->fiber.done.len;
    }
    return true;
}

static enum proc_step step_echo(struct proc_self *self, struct proc_fiber *fiber)
{
    struct app *a = (struct app *)fiber;
    PROC_BEGIN(fiber->step)
    const struct net_head *head = &request_of(self, a)->head;
    if (!begin_stream(self, a, head->body == NET_BODY_CHUNKED ? UINT64_MAX : head->length_bytes))
        return PROC_STEP_FAIL;
    for (;;) {
        PROC_AWAIT(fiber->step, stream_op(self, a, PROC_OP_READ, a->piece, PIECE_BYTES), PROC_STEP_WAIT);
        if (fiber->done.res < 0)
            return PROC_STEP_FAIL;
        if (fiber->done.len == 0)
            break;
        a->piece_len = fiber->done.len;
        a->written = 0;
        PROC_AWAIT(fiber->step, write_piece(self, a), PROC_STEP_WAIT);
        if (a->piece_len == 0)
            return PROC_STEP_END;
    }
    if (request_of(self, a)->head.body == NET_BODY_CHUNKED)
        PROC_AWAIT(fiber->step, stream_op(self, a, PROC_OP_SHUTDOWN, 0, 0), PROC_STEP_WAIT);
    PROC_END
    return PROC_STEP_END;
}

static enum proc_step step_big(struct proc_self *self, struct proc_fiber *fiber)
{
    struct app *a = (struct app *)fiber;
    PROC_BEGIN(fiber->step)
    a->left = number(self, a, VK_SPAN_LIT("n"));
    if (!begin_stream(self, a, a->left))
        return PROC_STEP_FAIL;
    while (a->left > 0) {
        a->piece_len = a->left < PIECE_BYTES ? (uint32_t)a->left : PIECE_BYTES;
        a->written = 0;
        for (uint32_t i = 0; i < a->piece_len; i++) /* counts down, whatever the pieces */
            ((uint8_t *)proc_at(self, a->piece))[i] = (uint8_t)(a->left - i);
        PROC_AWAIT(fiber->step, write_piece(self, a), PROC_STEP_WAIT);
        if (a->piece_len == 0)
            return PROC_STEP_END;
        a->left -= a->piece_len;
    }
    PROC_END
    return PROC_STEP_END;
}

static enum proc_step step_crash(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)self;
    (void)fiber;
    uint8_t *volatile nowhere = NULL;
    *(volatile uint8_t *)nowhere = 1; /* NOLINT(clang-analyzer-core.NullDereference): a crash on purpose */
    return PROC_STEP_END;
}

static enum proc_step step_fail(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)self;
    (void)fiber;
    return PROC_STEP_FAIL;
}

static const proc_step_fn routed[ROUTES] = {step_id, step_wait, step_echo, step_big, step_crash, step_fail};

static enum proc_step step_route(struct proc_self *self, struct proc_fiber *fiber)
{
    struct app *a = (struct app *)fiber;
    const struct net_request *request = net_request_open(self);
    if (request == NULL)
        return PROC_STEP_END;
    a->request = proc_off(self, request);
    struct net_route_match match;
    uint32_t status = net_route_find(routes, (enum net_method)request->head.method,
                                     net_request_span(self, request->head.path), &match);
    if (status != 0)
        return net_respond_status(self, request, status, match.allow) != 0 ? PROC_STEP_FAIL : PROC_STEP_END;
    fiber->step_fn = (uint16_t)(1 + match.route);
    return routed[match.route](self, fiber);
}

static const proc_step_fn app_steps[] = {step_route, step_id,    step_wait, step_echo,
                                         step_big,   step_crash, step_fail};
static const struct proc_native app_native = {app_steps, VK_COUNT(app_steps), sizeof(struct app)};

const struct proc_program app_program = {
    .name = "app",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = proc_native_start,
    .resume = proc_native_resume,
    .context = &app_native,
};

void app_init(void)
{
    static const struct vk_span patterns[ROUTES] = {
        VK_SPAN_LIT("GET /id"),  VK_SPAN_LIT("GET /wait"),  VK_SPAN_LIT("POST /echo"),
        VK_SPAN_LIT("GET /big"), VK_SPAN_LIT("GET /crash"), VK_SPAN_LIT("GET /fail"),
    };
    size_t len;
    uint32_t bad;
    CHECK(net_route_build(patterns, ROUTES, routes, sizeof(routes), &len, &bad) == 0);
}
