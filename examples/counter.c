/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter: requests talk by messages to one long-lived, supervised process.
 *
 *   GET /         the count, after adding one
 *   POST /reset   back to 0
 *   POST /crash   makes the counter crash; its supervisor starts a new one, at 0
 *   POST /lose    the counter never replies to this one; its request ends at its deadline
 *   GET /counters the server's own counters
 */
#include "examples/counters.h"
#include "net/request.h"
#include "net/route.h"
#include "proc/supervise.h"
#include "vk/fmt.h"
#include "vkd/app.h"

#define COUNTER     2u /* the handle of the counter in every request's environment */
#define COUNTERS    3u /* of the server's counters */
#define ASK_BYTES   8u
#define PATIENCE_NS 2000000000u /* of a request, for the counter's reply */

enum { ROUTE_ADD, ROUTE_RESET, ROUTE_CRASH, ROUTE_LOSE, ROUTE_COUNTERS, ROUTES };

static _Alignas(8) uint8_t routes[1024]; /* built before the workers are forked */

/* ---- the counter: answers one message after the other ------------------------------ */

struct counter {
    struct proc_fiber fiber;
    uint64_t count;
    uint64_t what; /* of the message: enum route */
    struct proc_op op;
};

static bool receive(struct proc_self *self, struct counter *c)
{
    c->op = (struct proc_op){.code = PROC_OP_RECV, .off = proc_off(self, &c->what), .len = sizeof c->what};
    return proc_wait(self, &c->fiber, &c->op);
}

static bool reply(struct proc_self *self, struct counter *c, uint32_t request)
{
    const struct proc_op op = {.code = PROC_OP_REPLY,
                               .flags = PROC_OP_SILENT,
                               .off = proc_off(self, &c->count),
                               .len = sizeof c->count,
                               .arg = request};
    return proc_submit(self, &c->fiber, &op);
}

static enum proc_step step_counter(struct proc_self *self, struct proc_fiber *fiber)
{
    struct counter *c = (struct counter *)fiber;
    for (;;) {
        if (!receive(self, c))
            return PROC_STEP_WAIT;
        if (fiber->done.res < 0)
            return PROC_STEP_FAIL;
        if (c->what == ROUTE_CRASH)
            return PROC_STEP_FAIL;
        if (c->what == ROUTE_LOSE)
            continue;
        c->count = c->what == ROUTE_RESET ? 0 : c->count + 1;
        /* One reply and one receive per turn always fit into ops[]: nothing else submits here. */
        if (!reply(self, c, (uint32_t)fiber->done.arg))
            return PROC_STEP_FAIL;
    }
}

static const proc_step_fn counter_steps[] = {step_counter};
static const struct proc_native counter_native = {counter_steps, 1, sizeof(struct counter)};

static const struct proc_program counter_program = {
    .name = "counter",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = proc_native_start,
    .resume = proc_native_resume,
    .context = &counter_native,
};

/* ---- a request: asks the counter, answers the client ----------------------------------- */

struct ask {
    struct proc_fiber fiber;
    uint32_t request;
    uint32_t room; /* of the counters' text */
    uint64_t what;
    uint64_t answer;
    struct proc_op op;
};

static enum proc_step respond(struct proc_self *self, const struct ask *a)
{
    const struct net_request *request = proc_at(self, a->request);
    if (a->fiber.done.res < 0 && a->what != ROUTE_CRASH)
        return net_respond_status(self, request, 503, 0) ? PROC_STEP_FAIL : PROC_STEP_END;
    uint8_t text[VK_FMT_U64_BYTES + 1];
    size_t len = vk_fmt_u64(text, a->fiber.done.res < 0 ? 0 : a->answer);
    text[len++] = '\n';
    int rc = net_respond(self, request, 200, VK_SPAN_LIT("text/plain"), vk_span(text, len));
    return rc ? PROC_STEP_FAIL : PROC_STEP_END;
}

static enum proc_step step_counters(struct proc_self *self, struct proc_fiber *fiber)
{
    struct ask *a = (struct ask *)fiber;
    return counters_step(self, fiber, proc_at(self, a->request), COUNTERS, &a->room);
}

static enum proc_step step_ask(struct proc_self *self, struct proc_fiber *fiber)
{
    struct ask *a = (struct ask *)fiber;
    const struct net_request *request;
    struct net_route_match match;
    uint32_t status;
    PROC_BEGIN(fiber->step)
    request = net_request_open(self);
    if (!request)
        return PROC_STEP_END;
    a->request = proc_off(self, request);
    status = net_route_find(routes, (enum net_method)request->head.method,
                            net_request_span(self, request->head.path), &match);
    if (status)
        return net_respond_status(self, request, status, match.allow) ? PROC_STEP_FAIL : PROC_STEP_END;
    if (match.route == ROUTE_COUNTERS) {
        fiber->step_fn = 1;
        return step_counters(self, fiber);
    }
    a->what = match.route;
    a->op = (struct proc_op){.code = PROC_OP_CALL,
                             .handle = COUNTER,
                             .off = proc_off(self, &a->what),
                             .len = ASK_BYTES,
                             .arg = proc_off(self, &a->answer) | (uint64_t)ASK_BYTES << 32};
    PROC_AWAIT(fiber->step, proc_wait(self, fiber, &a->op), PROC_STEP_WAIT);
    PROC_END
    return respond(self, a);
}

static const proc_step_fn ask_steps[] = {step_ask, step_counters};
static const struct proc_native ask_native = {ask_steps, VK_COUNT(ask_steps), sizeof(struct ask)};

static const struct proc_program ask_program = {
    .name = "request",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = proc_native_start,
    .resume = proc_native_resume,
    .context = &ask_native,
};

static int setup(struct proc_kernel *kernel, struct proc_env *env)
{
    const struct proc_supervisor_options options = {
        .name = "counter",
        .strategy = PROC_ONE_FOR_ONE,
        .restarts_max = 5,
        .period_ns = 10000000000u,
        .children_count = 1,
        .children = {{.program = &counter_program}},
    };
    struct proc_supervisor *supervisor;
    int rc = proc_supervisor_create(kernel, &options, &supervisor);
    if (rc)
        return rc;
    env->objects[0] = proc_supervisor_child(supervisor, 0);
    env->count = 1;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct vk_span patterns[ROUTES] = {
        [ROUTE_ADD] = {(const uint8_t *)"GET /", 5},
        [ROUTE_RESET] = {(const uint8_t *)"POST /reset", 11},
        [ROUTE_CRASH] = {(const uint8_t *)"POST /crash", 11},
        [ROUTE_LOSE] = {(const uint8_t *)"POST /lose", 10},
        [ROUTE_COUNTERS] = {(const uint8_t *)"GET /counters", 13},
    };
    struct vkd_app app = {
        .about = "requests that talk to one supervised process",
        .protocol = VKD_HTTP,
        .program = &ask_program,
        .setup = setup,
        .setup_bytes = proc_supervisor_region_bytes(),
        .setup_slots = 1,
        .one_worker = true,
        .deadline_ns = PATIENCE_NS,
    };
    size_t len;
    uint32_t bad;
    if (net_route_build(patterns, ROUTES, routes, sizeof routes, &len, &bad))
        return 1;
    return vkd_app_main(&app, argc, argv);
}
