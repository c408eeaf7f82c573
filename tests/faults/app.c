/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/faults/app.h"
#include "net/query.h"
#include "net/route.h"
#include "tests/faults/faults.h"
#include "vk/fmt.h"
#include "vkd/sim/stream.h"

#define MS_NS 1000000u

enum { ROUTE_ID, ROUTE_WAIT, ROUTE_ECHO, ROUTE_BIG, ROUTE_CRASH, ROUTE_FAIL, ROUTES };

static _Alignas(8) uint8_t routes[1024];

struct app {
    struct proc_fiber fiber;
    uint32_t request; /* offset */
    struct proc_op op;
    struct vkd_stream stream;
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

static enum proc_step step_echo(struct proc_self *self, struct proc_fiber *fiber)
{
    struct app *a = (struct app *)fiber;
    return vkd_stream_echo(self, fiber, &a->stream, request_of(self, a));
}

static enum proc_step step_big(struct proc_self *self, struct proc_fiber *fiber)
{
    struct app *a = (struct app *)fiber;
    return vkd_stream_big(self, fiber, &a->stream, request_of(self, a), number(self, a, VK_SPAN_LIT("n")));
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
