/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visits: requests that share numbers in a store. There is no process between
 * them: the store is the kernel's, each ask of it is one step, and what is
 * not asked for is forgotten after a while, or when the store is full.
 *
 *   GET /counters  the server's counters, the store's among them
 *   GET /ANYTHING  how often that path was asked for
 */
#include "examples/counters.h"
#include "net/request.h"
#include "proc/store.h"
#include "vk/fmt.h"
#include "vkd/app.h"

#define STORE    2u /* handles of every request: the store, and the server's counters */
#define COUNTERS 3u

#define FORGET_NS 3600000000000u /* an hour without a visit */

static const struct proc_store_options store_options = {
    .name = "visits", .entries_max = 10000, .bytes_max = 2u << 20, .ttl_ns = FORGET_NS};

struct visit {
    struct proc_fiber fiber;
    uint32_t request; /* offset of the struct net_request */
    uint32_t room;    /* of the counters' text */
    int64_t count;
    struct proc_op op;
};

/* The message that adds one to the number of a path: what is asked, and the key behind it. */
static bool make_ask(struct proc_self *self, struct visit *v, struct vk_span path)
{
    uint32_t len = (uint32_t)(sizeof(struct proc_store_ask) + path.len);
    struct proc_store_ask *ask = proc_alloc(self, len);
    if (ask == NULL)
        return false;
    *ask = (struct proc_store_ask){.what = PROC_STORE_INCREMENT, .key_len = (uint32_t)path.len, .by = 1};
    memcpy(ask + 1, path.ptr, path.len);
    v->op = (struct proc_op){.code = PROC_OP_CALL,
                             .handle = STORE,
                             .off = proc_off(self, ask),
                             .len = len,
                             .arg = proc_off(self, &v->count) | (uint64_t)sizeof v->count << 32};
    return true;
}

static enum proc_step respond(struct proc_self *self, const struct visit *v)
{
    const struct net_request *request = proc_at(self, v->request);
    uint8_t room[VK_FMT_U64_BYTES + 1];
    struct vk_out text;
    if (v->fiber.done.res == -VK_ETOOBIG) /* longer than a key may be */
        return net_respond_status(self, request, 414, 0) ? PROC_STEP_FAIL : PROC_STEP_END;
    if (v->fiber.done.res < 0)
        return PROC_STEP_FAIL;
    vk_out_init(&text, room, sizeof room);
    vk_out_fmt(&text, "%ld\n", v->count);
    return net_respond(self, request, 200, VK_SPAN_LIT("text/plain"), vk_out_span(&text)) ? PROC_STEP_FAIL
                                                                                          : PROC_STEP_END;
}

static enum proc_step step_visit(struct proc_self *self, struct proc_fiber *fiber)
{
    struct visit *v = (struct visit *)fiber;
    const struct net_request *request;
    struct vk_span path;
    PROC_BEGIN(fiber->step)
    request = net_request_open(self);
    if (request == NULL)
        return PROC_STEP_END;
    v->request = proc_off(self, request);
    path = net_request_span(self, request->head.path);
    if (vk_span_equal(path, VK_SPAN_LIT("/counters"))) {
        fiber->step_fn = 1;
        return counters_step(self, fiber, request, COUNTERS, &v->room);
    }
    if (!make_ask(self, v, path))
        return PROC_STEP_FAIL;
    PROC_AWAIT(fiber->step, proc_wait(self, fiber, &v->op), PROC_STEP_WAIT);
    PROC_END
    return respond(self, v);
}

static enum proc_step step_counters(struct proc_self *self, struct proc_fiber *fiber)
{
    struct visit *v = (struct visit *)fiber;
    return counters_step(self, fiber, proc_at(self, v->request), COUNTERS, &v->room);
}

static const proc_step_fn steps[] = {step_visit, step_counters};
static const struct proc_native native = {steps, VK_COUNT(steps), sizeof(struct visit)};

static const struct proc_program program = {
    .name = "visit",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = proc_native_start,
    .resume = proc_native_resume,
    .context = &native,
};

static int setup(struct proc_kernel *kernel, struct proc_env *env)
{
    struct proc_store *store;
    int rc = proc_store_create(kernel, &store_options, &store);
    if (rc != 0)
        return rc;
    env->objects[env->count++] = proc_store_object(store);
    return 0;
}

int main(int argc, char **argv)
{
    struct vkd_app app = {
        .about = "counts visits of each path, in a store",
        .protocol = VKD_HTTP,
        .program = &program,
        .setup = setup,
        .setup_bytes = proc_store_region_bytes(&store_options),
        .one_worker = true,
    };
    return vkd_app_main(&app, argc, argv);
}
