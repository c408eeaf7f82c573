/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash: every way a handler can go wrong, one route each. Its client gets
 * 500 or a closed connection, the log one line; nobody else notices.
 *
 *   GET /       the routes, one per line
 *   GET /ok     a handler that works, for comparison
 *   GET /counters  the server's counters
 *   GET /NAME   the accident of that name
 */
#include "examples/counters.h"
#include "net/request.h"
#include "vkd/app.h"

#if __STDC_HOSTED__
#include <unistd.h>
#endif

#define COUNTERS 2u /* the handle of the server's counters */

static void crash_null(struct proc_self *self)
{
    (void)self;
    *(volatile int *)0 = 1; /* NOLINT(clang-analyzer-core.NullDereference): that is the accident */
}

/* Class 0 slots lie side by side: the one behind ours is another process's place. */
static void crash_other_heap(struct proc_self *self)
{
    *((volatile uint8_t *)self + VK_SLOT_CLASS0_BYTES + 64) = 1;
}

static void crash_past_heap(struct proc_self *self)
{
    for (volatile uint8_t *at = (volatile uint8_t *)self;; at += 64)
        *at = 1;
}

/* The OS kernel's half of the address space. */
static void crash_kernel(struct proc_self *self)
{
    (void)self;
    *(volatile uint8_t *)(UINTPTR_MAX - 4095) = 1;
}

static int deeper(volatile uint8_t *above, int depth)
{
    volatile uint8_t frame[256];
    frame[0] = (uint8_t)(above[0] + depth);
    return depth < 0 ? 0 : deeper(frame, depth + 1) + frame[0];
}

static void crash_stack(struct proc_self *self)
{
    volatile uint8_t top[1] = {1};
    self->now_ns = (uint64_t)deeper(top, 1);
}

static void crash_loop(struct proc_self *self)
{
    for (;;)
        self->now_ns++;
}

static void crash_divide(struct proc_self *self)
{
    volatile uint32_t seven = 7, zero = 0;
    self->now_ns = seven / zero; /* NOLINT(clang-analyzer-core.DivideZero): that is the accident */
}

static void crash_illegal(struct proc_self *self)
{
    (void)self;
    __asm__ volatile("ud2");
}

static void crash_syscall(struct proc_self *self)
{
    (void)self;
#if __STDC_HOSTED__
    (void)!write(2, "escaped\n", 8);
#else
    __asm__ volatile("syscall" : : : "rcx", "r11", "memory"); /* as an image without Linux is compiled */
#endif
}

static void crash_jump(struct proc_self *self)
{
    void (*volatile nowhere)(void) = (void (*)(void))(uintptr_t)0x10;
    (void)self;
    nowhere();
}

static void crash_code(struct proc_self *self)
{
    (void)self;
    *(volatile uint8_t *)(uintptr_t)crash_jump = 0xcc;
}

static const uint8_t constant[8] = "vkd";

static void crash_constant(struct proc_self *self)
{
    (void)self;
    *(volatile uint8_t *)(uintptr_t)constant = 2;
}

struct accident {
    struct vk_span path;
    void (*run)(struct proc_self *self);
};

#define ACCIDENT(name, run)                              \
    {                                                    \
        {(const uint8_t *)"/" name, sizeof(name)}, (run) \
    }
static const struct accident accidents[] = {
    ACCIDENT("null", crash_null),           ACCIDENT("other-heap", crash_other_heap),
    ACCIDENT("past-heap", crash_past_heap), ACCIDENT("kernel", crash_kernel),
    ACCIDENT("stack", crash_stack),         ACCIDENT("loop", crash_loop),
    ACCIDENT("divide", crash_divide),       ACCIDENT("illegal", crash_illegal),
    ACCIDENT("syscall", crash_syscall),     ACCIDENT("jump", crash_jump),
    ACCIDENT("code", crash_code),           ACCIDENT("constant", crash_constant),
};

static enum proc_step list_routes(struct proc_self *self, const struct net_request *request)
{
    uint8_t text[512];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    VK_OUT_LIT(&out, "/ok\n");
    for (size_t i = 0; i < VK_COUNT(accidents); i++) {
        vk_out_put(&out, accidents[i].path);
        VK_OUT_LIT(&out, "\n");
    }
    int rc = net_respond(self, request, 200, VK_SPAN_LIT("text/plain"), vk_out_span(&out));
    return rc ? PROC_STEP_FAIL : PROC_STEP_END;
}

struct crash {
    struct proc_fiber fiber;
    uint32_t request; /* offset of the struct net_request */
    uint32_t room;    /* of the counters' text */
};

static enum proc_step step_counters(struct proc_self *self, struct proc_fiber *fiber)
{
    struct crash *c = (struct crash *)fiber;
    return counters_step(self, fiber, proc_at(self, c->request), COUNTERS, &c->room);
}

static enum proc_step step(struct proc_self *self, struct proc_fiber *fiber)
{
    struct crash *c = (struct crash *)fiber;
    const struct net_request *request = net_request_open(self);
    if (!request)
        return PROC_STEP_END;
    c->request = proc_off(self, request);
    struct vk_span path = net_request_span(self, request->head.path);
    if (vk_span_equal(path, VK_SPAN_LIT("/")))
        return list_routes(self, request);
    if (vk_span_equal(path, VK_SPAN_LIT("/counters"))) {
        fiber->step_fn = 1;
        return step_counters(self, fiber);
    }
    for (size_t i = 0; i < VK_COUNT(accidents); i++)
        if (vk_span_equal(path, accidents[i].path))
            accidents[i].run(self);
    uint32_t status = vk_span_equal(path, VK_SPAN_LIT("/ok")) ? 200 : 404;
    int rc = status == 200 ? net_respond(self, request, 200, VK_SPAN_LIT("text/plain"), VK_SPAN_LIT("ok\n"))
                           : net_respond_status(self, request, 404, 0);
    return rc ? PROC_STEP_FAIL : PROC_STEP_END;
}

static const proc_step_fn steps[] = {step, step_counters};
static const struct proc_native native = {steps, VK_COUNT(steps), sizeof(struct crash)};

static const struct proc_program crash_program = {
    .name = "crash",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = proc_native_start,
    .resume = proc_native_resume,
    .context = &native,
};

int main(int argc, char **argv)
{
    static const struct vkd_app app = {.about = "handlers that crash, and a server that does not",
                                       .protocol = VKD_HTTP,
                                       .program = &crash_program};
    return vkd_app_main(&app, argc, argv);
}
