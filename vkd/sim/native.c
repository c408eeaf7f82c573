/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native program that comes with the simulator. Each of its processes looks
 * first whether its heap is as fresh as it was promised, and stains it before
 * it ends, so that whoever came by those bytes would be seen with them.
 */
#include "vkd/sim/native.h"
#include "net/query.h"
#include "net/route.h"
#include "vk/fmt.h"
#include "vkd/sim/watch.h"

#define MS_NS      1000000u
#define STAIN      0xa5
#define FIBERS_MAX 8u

static _Alignas(8) uint8_t routes[2048];

static const struct vk_span patterns[] = {
    VK_SPAN_LIT("GET /id"),    VK_SPAN_LIT("GET /wait"),   VK_SPAN_LIT("POST /echo"),
    VK_SPAN_LIT("GET /big"),   VK_SPAN_LIT("GET /crash"),  VK_SPAN_LIT("GET /fail"),
    VK_SPAN_LIT("GET /count"), VK_SPAN_LIT("GET /kick"),   VK_SPAN_LIT("GET /store"),
    VK_SPAN_LIT("GET /peek"),  VK_SPAN_LIT("GET /fibers"), VK_SPAN_LIT("GET /served"),
    VK_SPAN_LIT("GET /child"), VK_SPAN_LIT("GET /late"),   VK_SPAN_LIT("GET /relay"),
    VK_SPAN_LIT("GET /flood"),
};
#define ROUTES VK_COUNT(patterns)

/* ---- its doors ------------------------------------------------------------------------ */

void vkd_native_start(const struct proc_program *program, struct proc_self *self)
{
    vkd_watch_start(self, program->prefix_bytes);
    proc_native_start(program, self);
}

int vkd_native_resume(const struct proc_program *program, struct proc_self *self)
{
    vkd_watch_resume(self);
    return proc_native_resume(program, self);
}

/* ---- a request ------------------------------------------------------------------------ */

static const struct net_request *request_of(struct proc_self *self, const struct vkd_native *a)
{
    return proc_at(self, a->request);
}

static uint64_t number(struct proc_self *self, const struct vkd_native *a)
{
    struct vk_span query = net_request_span(self, request_of(self, a)->head.query);
    struct vk_span value;
    uint64_t n = 0;
    if (!net_query_find(query, VK_SPAN_LIT("n"), &value) || vk_span_to_u64(value, &n) != 0)
        return 0;
    return n;
}

enum proc_step vkd_native_answer(struct proc_self *self, const struct vkd_native *a, uint64_t n)
{
    uint8_t text[VK_FMT_U64_BYTES];
    size_t len = vk_fmt_u64(text, n);
    int err = net_respond(self, request_of(self, a), 200, VK_SPAN_LIT("text/plain"), vk_span(text, len));
    /* The rest of what is open is stained: the next one shall not see it. */
    if (self->heap.top_bytes < VK_PAGE_BYTES)
        memset((uint8_t *)self + self->heap.top_bytes, STAIN, VK_PAGE_BYTES - self->heap.top_bytes);
    return err != 0 ? PROC_STEP_FAIL : PROC_STEP_END;
}

enum proc_step vkd_native_refuse(struct proc_self *self, const struct vkd_native *a)
{
    return net_respond_status(self, request_of(self, a), 502, 0) != 0 ? PROC_STEP_FAIL : PROC_STEP_END;
}

static enum proc_step step_id(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    return vkd_native_answer(self, a, number(self, a));
}

static enum proc_step step_wait(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    PROC_BEGIN(fiber->step)
    a->op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = number(self, a) % 3000 * MS_NS};
    PROC_AWAIT(fiber->step, proc_wait(self, fiber, &a->op), PROC_STEP_WAIT);
    if (fiber->done.res < 0) /* no room for one more op: it has not slept */
        return vkd_native_refuse(self, a);
    return vkd_native_answer(self, a, number(self, a));
    PROC_END
    return PROC_STEP_END;
}

/* Its deadline ends it before. */
static enum proc_step step_late(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    a->op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = 2 * VKD_DEADLINE_NS};
    return proc_wait(self, fiber, &a->op) ? PROC_STEP_FAIL : PROC_STEP_WAIT;
}

/* ---- streams ----------------------------------------------------------------------------- */

static enum proc_step step_echo(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    return vkd_stream_echo(self, fiber, &a->stream, request_of(self, a));
}

static enum proc_step step_big(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    return vkd_stream_big(self, fiber, &a->stream, request_of(self, a), number(self, a));
}

/* ---- ends that are no answer --------------------------------------------------------------- */

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

/* ---- looking ------------------------------------------------------------------------------------ */

/* All of the slot, as somebody would who looks for what others left; then it is stained to its end. */
static enum proc_step step_peek(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    uint8_t *base = (uint8_t *)self;
    if (!vkd_watch_is_clean(base + self->heap.top_bytes, base + self->heap.limit_bytes))
        vkd_watch_report("a process reads in its heap what it has not written");
    enum proc_step said = vkd_native_answer(self, a, number(self, a));
    memset(base + VK_ALIGN_UP(self->heap.top_bytes, 8u), STAIN, self->heap.limit_bytes - VK_PAGE_BYTES);
    return said;
}

/* ---- fibers --------------------------------------------------------------------------------------- */

struct sleeper {
    struct proc_fiber fiber;
    uint32_t parent; /* struct vkd_native */
    uint32_t adds;
    struct proc_op op;
};

static enum proc_step step_sleeper(struct proc_self *self, struct proc_fiber *fiber)
{
    struct sleeper *s = (struct sleeper *)fiber;
    if (!proc_wait(self, fiber, &s->op))
        return PROC_STEP_WAIT;
    struct vkd_native *a = proc_at(self, s->parent);
    a->sum += s->adds;
    if (--a->fibers == 0)
        proc_fiber_wake(self, &a->fiber);
    return PROC_STEP_END;
}

static enum proc_step step_fibers(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    uint64_t n = number(self, a);
    if (fiber->step == 0) {
        fiber->step = 1;
        a->fibers = 1 + (uint32_t)n % FIBERS_MAX;
        for (uint32_t i = a->fibers; i-- > 0;) {
            struct sleeper *s = (struct sleeper *)proc_fiber_start(self, VKD_STEP_SLEEPER, sizeof *s);
            if (s == NULL)
                return PROC_STEP_FAIL;
            s->parent = proc_off(self, a);
            s->adds = i == 0 ? (uint32_t)n : 0;
            s->op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = (n * (i + 3) % 700) * MS_NS};
        }
    }
    return a->fibers > 0 ? PROC_STEP_WAIT : vkd_native_answer(self, a, a->sum);
}

/* ---- which one ---------------------------------------------------------------------------------- */

static enum proc_step step_route(struct proc_self *self, struct proc_fiber *fiber);
static const proc_step_fn steps[] = {step_route,        step_id,          step_wait,        step_echo,
                                     step_big,          step_crash,       step_fail,        vkd_native_count,
                                     vkd_native_kick,   vkd_native_store, step_peek,        step_fibers,
                                     vkd_native_served, vkd_native_child, step_late,        vkd_native_relay,
                                     vkd_native_flood,  step_sleeper,     vkd_native_caller};
_Static_assert(VK_COUNT(steps) == VKD_STEP_CALLER + 1, "the steps by their numbers");

static enum proc_step step_route(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
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
    a->n = number(self, a);
    return steps[fiber->step_fn](self, fiber);
}

static const struct proc_native native = {steps, VK_COUNT(steps), sizeof(struct vkd_native)};

const struct proc_program vkd_native_program = {
    .name = "native",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = vkd_native_start,
    .resume = vkd_native_resume,
    .context = &native,
};

void vkd_native_init(void)
{
    size_t len;
    uint32_t bad;
    int rc = net_route_build(patterns, ROUTES, routes, sizeof routes, &len, &bad);
    vk_assert(rc == 0);
}

void vkd_native_setup(struct vkd_world *w, struct proc_env *env)
{
    vkd_native_keepers(w, env);
}
