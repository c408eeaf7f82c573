/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel for unit tests: over a driver without a network whose clock moves
 * only when the kernel waits, straight to the deadline. Programs of the tests
 * are single step functions; what they find out they leave in `seen`, which
 * every process may write since it is the test program's own memory.
 */
#ifndef TESTS_UNIT_PROC_RIG_H
#define TESTS_UNIT_PROC_RIG_H

#include "proc/kernel_impl.h"
#include "proc/native.h"
#include "tests/unit/test.h"

struct rig_io {
    struct proc_io io;
    uint64_t now_ns;
};

static int rig_listen(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                      struct proc_addr *ret_bound)
{
    (void)io, (void)addr, (void)defer, (void)ret_conn, (void)ret_bound;
    return -VK_ENOTSUP;
}

static int rig_open(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn)
{
    (void)io, (void)addr, (void)ret_conn;
    return -VK_ENOTSUP;
}

static int rig_submit(struct proc_io *io, const struct proc_io_req *req)
{
    (void)io, (void)req;
    return -VK_EBADH;
}

static void rig_cancel(struct proc_io *io, uint64_t tag)
{
    (void)io, (void)tag;
}

static uint64_t rig_now(struct proc_io *io)
{
    return ((struct rig_io *)io)->now_ns;
}

static uint32_t rig_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max, uint64_t deadline_ns,
                         uint64_t *ret_now_ns)
{
    (void)events, (void)max;
    struct rig_io *rig = (struct rig_io *)io;
    if (deadline_ns > rig->now_ns && deadline_ns != UINT64_MAX)
        rig->now_ns = deadline_ns;
    *ret_now_ns = rig->now_ns;
    return 0;
}

static const struct proc_io_ops rig_ops = {
    .name = "rig",
    .listen = rig_listen,
    .open = rig_open,
    .submit = rig_submit,
    .cancel = rig_cancel,
    .wait = rig_wait,
    .now = rig_now,
};

/* What processes of the running test report. */
static volatile int64_t seen[64];

static struct rig_io rig_io;

__attribute__((unused)) static struct proc_kernel *rig_kernel_with(struct proc_kernel_options options)
{
    struct proc_kernel *kernel;
    rig_io = (struct rig_io){{&rig_ops}, 1000000000};
    for (size_t i = 0; i < VK_COUNT(seen); i++)
        seen[i] = 0;
    options.io = &rig_io.io;
    options.service_bytes = 1u << 20;
    CHECK_EQ(proc_kernel_create(&options, &kernel), 0);
    return kernel;
}

__attribute__((unused)) static struct proc_kernel *rig_kernel(void)
{
    return rig_kernel_with((struct proc_kernel_options){.slots_warm = 1, .guard = VK_GUARD_MPROTECT});
}

/* Ticks until nothing is left to run, count at most; time stands still. */
__attribute__((unused)) static void rig_run(struct proc_kernel *kernel, uint32_t count)
{
    do
        proc_kernel_step(kernel, 0);
    while (proc_kernel_busy(kernel) && --count > 0);
}

/* The same for ns of virtual time. */
__attribute__((unused)) static void rig_run_for(struct proc_kernel *kernel, uint64_t ns)
{
    uint64_t end_ns = rig_io.now_ns + ns;
    while (rig_io.now_ns < end_ns)
        proc_kernel_step(kernel, end_ns - rig_io.now_ns);
    rig_run(kernel, 100);
}

/* Everything was given back. */
__attribute__((unused)) static void rig_check_empty(const struct proc_kernel *kernel)
{
    struct proc_counters counters;
    proc_kernel_counters(kernel, &counters);
    CHECK_EQ(counters.processes, 0);
    CHECK_EQ(counters.handles, 0);
    CHECK_EQ(counters.requests, 0);
    CHECK_EQ(counters.buffers, 0);
    CHECK_EQ(counters.slots, 0);
}

__attribute__((unused)) static uint64_t rig_ended(const struct proc_kernel *kernel, enum proc_reason reason)
{
    struct proc_counters counters;
    proc_kernel_counters(kernel, &counters);
    return counters.ended[reason];
}

/* A program of one root step function whose state is `type`. */
#define RIG_PROGRAM(name_, step_, type_)                                                \
    static const proc_step_fn name_##_steps[] = {step_};                                \
    static const struct proc_native name_##_native = {name_##_steps, 1, sizeof(type_)}; \
    static const struct proc_program name_ = {.name = #name_,                           \
                                              .heap_bytes = 65536,                      \
                                              .prefix_bytes = VK_PAGE_BYTES,            \
                                              .start = proc_native_start,               \
                                              .resume = proc_native_resume,             \
                                              .context = &name_##_native}

/* State with room for one op and some bytes. */
struct rig_state {
    struct proc_fiber fiber;
    struct proc_op op;
    uint32_t handle;
    uint32_t count;
    uint8_t bytes[128];
};

/* Start with a start argument of `arg` and an environment; returns the process, not run yet. */
__attribute__((unused)) static struct proc_process *rig_spawn(struct proc_kernel *kernel,
                                                              const struct proc_program *program,
                                                              const void *arg, uint32_t arg_len,
                                                              const struct proc_env *env)
{
    const struct proc_spawn spawn = {
        .program = program, .arg = arg, .arg_len = arg_len, .copy_arg = true, .env = env};
    struct proc_process *process;
    CHECK_EQ(proc_spawn(kernel, &spawn, &process), 0);
    proc_run_soon(kernel, process);
    return process;
}

/* One op, awaited: true when fiber->done is its answer. */
__attribute__((unused)) static bool rig_op(struct proc_self *self, struct rig_state *s, struct proc_op op)
{
    s->op = op;
    return proc_wait(self, &s->fiber, &s->op);
}

#endif
