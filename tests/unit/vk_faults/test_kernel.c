/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a platform that refuses ends a start or a process, never the kernel.
 * Method: each refusable call of a kernel's life, from create to destroy, is
 * refused in turn, and then all from that one on.
 */
#include "proc/kernel.h"

#include "tests/unit/test.h"
#include "tests/unit/vk_faults/faults.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/region.h"

static uint64_t clock_ns = 1;

static uint32_t none_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max,
                          uint64_t deadline_ns, uint64_t *ret_now_ns)
{
    (void)io;
    (void)events;
    (void)max;
    (void)deadline_ns;
    *ret_now_ns = ++clock_ns;
    return 0;
}

static uint64_t none_now(struct proc_io *io)
{
    (void)io;
    return clock_ns;
}

static const struct proc_io_ops none_ops = {.name = "none", .wait = none_wait, .now = none_now};
static struct proc_io none = {&none_ops};

/* Two turns, the second past the prefix. */
static int resume(const struct proc_program *two, struct proc_self *self)
{
    (void)two;
    if (self->root++ == 0)
        return PROC_RUN_AGAIN;
    ((volatile uint8_t *)self)[40000] = 1;
    return PROC_RUN_END;
}

static const struct proc_program program = {
    .name = "two turns", .heap_bytes = 65536, .prefix_bytes = 4096, .resume = resume};

static void run_processes(struct proc_kernel *kernel)
{
    struct proc_counters counters;
    uint32_t started = 0;
    uint64_t ended = 0;
    uint32_t pid;
    for (int i = 0; i < 6; i++)
        started += proc_kernel_start(kernel, &program, "argument", 8, &pid) == 0;
    for (int i = 0; i < 10; i++)
        proc_kernel_step(kernel, 0);
    CHECK(!proc_kernel_busy(kernel));
    proc_kernel_counters(kernel, &counters);
    CHECK_EQ(counters.started, started);
    for (size_t i = 0; i < PROC_REASON_END; i++)
        ended += counters.ended[i];
    CHECK_EQ(ended, started);
    uint64_t refused = counters.ended[PROC_REASON_MEMORY] + counters.ended[PROC_REASON_FAULT];
    CHECK_EQ(counters.ended[PROC_REASON_NORMAL] + refused, started);
    CHECK_EQ(counters.processes, 0);
    CHECK_EQ(counters.slots, 0);
    CHECK_EQ(counters.buffers, 0);
    if (faults.refusals == 0)
        CHECK_EQ(counters.ended[PROC_REASON_NORMAL], 6);
}

/* True when nothing was refused. */
static bool run_kernel(enum vk_guard_kind guard)
{
    const struct proc_kernel_options options = {
        .io = &none,
        .guard = guard,
        .no_syscall_trap = true,
        .processes_max = 16,
        .slots_max = {8, 1, 1, 1},
        .slots_warm = 2,
    };
    struct proc_kernel *kernel = NULL;
    faults.calls = 0;
    faults.refusals = 0;
    int rc = proc_kernel_create(&options, &kernel);
    CHECK_EQ(rc == 0, kernel != NULL);
    CHECK(rc == 0 || faults.refusals > 0);
    if (rc == 0)
        run_processes(kernel);
    proc_kernel_destroy(kernel);
    return faults.refusals == 0;
}

static void refuse_each_call(enum vk_guard_kind guard)
{
    uint64_t last = 0;
    CHECK(run_kernel(guard));
    for (faults.refuse_at = 1; !run_kernel(guard); faults.refuse_at++)
        last = faults.refuse_at;
    CHECK(last > 10);
    faults.refuse_at = 0;
    for (faults.refuse_all = 1; faults.refuse_all <= last; faults.refuse_all++)
        CHECK(!run_kernel(guard));
}

TEST(proc_kernel, any_call_may_be_refused_under_mprotect)
{
    refuse_each_call(VK_GUARD_MPROTECT);
}

TEST(proc_kernel, any_call_may_be_refused_under_mprotect_kernel)
{
    refuse_each_call(VK_GUARD_MPROTECT_KERNEL);
}

TEST(vk_region, is_cleared_by_hand_where_its_pages_stay)
{
    struct vk_region region;
    faults = (struct faults){0};
    CHECK_EQ(vk_region_init(&region, 4 * VK_PAGE_BYTES), 0);
    uint8_t *at = (uint8_t *)vk_region_alloc(&region, 3 * VK_PAGE_BYTES + 1, 1);
    memset(at, 'x', 3 * VK_PAGE_BYTES + 1);
    faults.refuse_at = faults.calls + 1;
    vk_region_rewind(&region, 10);
    CHECK_EQ(faults.refusals, 1);
    CHECK(at[9] == 'x' && at[10] == 0 && at[3 * VK_PAGE_BYTES] == 0);
    vk_region_fini(&region);
}
