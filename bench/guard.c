/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the guard costs, in ns: a guarded call, its parts, switching between
 * slots, taking and giving them. The least and the median of many rounds.
 */
#include "vk/guard.h"
#include "vk/err.h"
#include "vk/plat.h"
#include "vk/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Short ones, of which the least counts: another load on the machine spoils some, not all. */
#define ROUNDS 100u

struct bench {
    struct vk_region region;
    struct vk_guard guard;
    struct vk_pool pool;
    struct plat_runner *runner;
    struct vk_slot *slots[64];
    uint32_t touch_bytes;
};

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void measure(const char *what, void (*fn)(struct bench *bench, uint32_t times), struct bench *bench,
                    uint32_t times)
{
    double rounds[ROUNDS];
    fn(bench, times / 10 + 1);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t start_ns = plat_mono_ns();
        fn(bench, times);
        rounds[i] = (double)(plat_mono_ns() - start_ns) / times;
    }
    qsort(rounds, ROUNDS, sizeof rounds[0], compare);
    printf("  %-52s %9.1f ns  (median %.1f)\n", what, rounds[0], rounds[ROUNDS / 2]);
}

static void die(const char *what, int rc)
{
    (void)fprintf(stderr, "guard: %s: %s\n", what, vk_err_text(rc));
    exit(1);
}

static void must(const char *what, int rc)
{
    if (rc != 0)
        die(what, rc);
}

static int nothing(void *arg)
{
    (void)arg;
    return 1;
}

static int (*volatile call_nothing)(void *arg) = nothing;

static void call(struct bench *bench, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        (void)call_nothing(bench);
}

static int use_stack(void *arg)
{
    const struct bench *bench = arg;
    volatile char frame[1024];
    for (size_t i = 0; i < sizeof frame; i += 64)
        frame[i] = (char)bench->touch_bytes;
    return frame[128];
}

static void run(struct bench *bench, int (*fn)(void *arg), uint32_t times)
{
    struct plat_fault fault;
    int value;
    for (uint32_t i = 0; i < times; i++)
        must("run", plat_run_guarded(bench->runner, fn, bench, &value, &fault));
}

static void run_nothing(struct bench *bench, uint32_t times)
{
    run(bench, nothing, times);
}

static void run_use_stack(struct bench *bench, uint32_t times)
{
    run(bench, use_stack, times);
}

static int null_write(void *arg)
{
    (void)arg;
    __asm__ volatile("movb $1, 0");
    return 0;
}

static void run_fault(struct bench *bench, uint32_t times)
{
    struct plat_fault fault;
    int value;
    for (uint32_t i = 0; i < times; i++)
        if (plat_run_guarded(bench->runner, null_write, bench, &value, &fault) != -VK_EIO)
            die("fault", 0);
}

static void system_call(struct bench *bench, uint32_t times)
{
    (void)bench;
    for (uint32_t i = 0; i < times; i++)
        (void)syscall(SYS_getppid);
}

static void clear_4k(struct bench *bench, uint32_t times)
{
    must("enter", vk_guard_enter(&bench->guard, bench->slots[0]));
    for (uint32_t i = 0; i < times; i++) {
        memset(bench->slots[0]->base, 0, VK_PAGE_BYTES);
        __asm__ volatile("" : : : "memory");
    }
}

/* Entering two slots by turns, with so many bytes of each touched. */
static void switch_pair(struct bench *bench, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        for (uint32_t k = 0; k < 2; k++) {
            must("enter", vk_guard_enter(&bench->guard, bench->slots[k]));
            for (uint32_t off = 0; off < bench->touch_bytes; off += VK_PAGE_BYTES)
                ((volatile uint8_t *)bench->slots[k]->base)[off] = 1;
        }
}

static void switch_64(struct bench *bench, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        struct vk_slot *slot = bench->slots[i % 64];
        must("enter", vk_guard_enter(&bench->guard, slot));
        *(volatile uint8_t *)slot->base = 1;
    }
}

static uint32_t take_prefix_bytes;
static uint32_t take_used_bytes;

static void take_give(struct bench *bench, uint32_t times)
{
    struct vk_slot *slot;
    for (uint32_t i = 0; i < times; i++) {
        must("take", vk_pool_take(&bench->pool, 0, take_prefix_bytes, &slot));
        must("enter", vk_guard_enter(&bench->guard, slot));
        *(volatile uint8_t *)slot->base = 1;
        vk_pool_give(&bench->pool, slot, take_used_bytes);
    }
}

/* Writes past the prefix at every use, or at every second only, so that nothing is learnt from it. */
static bool grow_always;

static void take_grow_give(struct bench *bench, uint32_t times)
{
    struct vk_slot *slot;
    for (uint32_t i = 0; i < times; i++) {
        must("take", vk_pool_take(&bench->pool, 0, VK_PAGE_BYTES, &slot));
        must("enter", vk_guard_enter(&bench->guard, slot));
        if (slot->open_bytes == VK_PAGE_BYTES &&
            !vk_guard_grow(&bench->guard, (uintptr_t)slot->base + VK_PAGE_BYTES))
            die("grow", -VK_ENOMEM);
        slot->base[VK_PAGE_BYTES] = 1;
        vk_pool_give(&bench->pool, slot, 0);
        if (!grow_always) {
            must("take", vk_pool_take(&bench->pool, 0, VK_PAGE_BYTES, &slot));
            vk_pool_give(&bench->pool, slot, 0);
        }
    }
}

static void run_begin_end(struct bench *bench, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        vk_guard_run_begin(&bench->guard);
        vk_guard_run_end(&bench->guard);
    }
}

static void runner_create(struct bench *bench, bool syscall_trap)
{
    const struct plat_runner_options options = {
        .stack_bytes = 256u << 10, .tick_ns = 2000000, .syscall_trap = syscall_trap};
    must("runner", plat_runner_create(&options, &bench->runner));
}

static void bench_runs(struct bench *bench)
{
    printf("guarded calls\n");
    measure("indirect call", call, bench, 100000);
    measure("system call (getppid)", system_call, bench, 10000);
    runner_create(bench, false);
    measure("guarded call, no system-call trap", run_nothing, bench, 25000);
    plat_runner_destroy(bench->runner);
    runner_create(bench, true);
    measure("guarded call", run_nothing, bench, 25000);
    measure("guarded call that uses 1 KiB of stack", run_use_stack, bench, 25000);
    measure("guarded call ended by a null write", run_fault, bench, 1000);
    measure("system call (getppid) on a thread with the trap", system_call, bench, 10000);
}

static void take_all(struct bench *bench, uint32_t prefix_bytes)
{
    for (uint32_t i = 0; i < 64; i++)
        must("take", vk_pool_take(&bench->pool, 0, prefix_bytes, &bench->slots[i]));
}

static void give_all(struct bench *bench)
{
    for (uint32_t i = 0; i < 64; i++)
        vk_pool_give(&bench->pool, bench->slots[i], 0);
}

static void bench_switches(struct bench *bench, uint32_t prefix_bytes)
{
    static const uint32_t pages[] = {1, 4, 16};
    char what[80];
    take_all(bench, prefix_bytes);
    for (uint32_t i = 0; i < VK_COUNT(pages) && (prefix_bytes == 0 || pages[i] == 1); i++) {
        bench->touch_bytes = pages[i] * VK_PAGE_BYTES;
        (void)snprintf(what, sizeof what, "two switches, %s, %u pages touched",
                       prefix_bytes != 0 ? "prefix slots" : "whole slots", pages[i]);
        measure(what, switch_pair, bench, 1000);
    }
    measure("one switch, 64 slots by turns", switch_64, bench, 1000);
    if (prefix_bytes == 0)
        measure("memset 4 KiB", clear_4k, bench, 25000);
    give_all(bench);
}

static void bench_guard(struct bench *bench, enum vk_guard_kind kind)
{
    const struct vk_pool_options options = {.slots_max = {256, 0, 0, 0}};
    printf("guard %s\n", vk_guard_name(kind));
    must("region", vk_region_init(&bench->region, 1u << 20));
    void *critical = vk_region_alloc(&bench->region, VK_PAGE_BYTES, VK_PAGE_BYTES);
    memset(critical, 1, VK_PAGE_BYTES);
    int rc = vk_guard_init(&bench->guard, kind, &bench->region, critical, VK_PAGE_BYTES);
    if (rc == -VK_ENOTSUP) {
        printf("  not supported here\n");
        vk_region_fini(&bench->region);
        return;
    }
    must("guard", rc);
    must("pool", vk_pool_init(&bench->pool, &options, &bench->guard, &bench->region));
    bench_switches(bench, 0);
    bench_switches(bench, VK_PAGE_BYTES);
    take_prefix_bytes = VK_PAGE_BYTES;
    take_used_bytes = 0;
    measure("take, enter, wipe 4 KiB prefix, give", take_give, bench, 25000);
    take_prefix_bytes = 0;
    take_used_bytes = 1024;
    measure("take, enter, wipe 1 KiB used, give", take_give, bench, 25000);
    grow_always = false;
    measure("the same with a prefix that grows, and one that does not", take_grow_give, bench, 500);
    grow_always = true;
    measure("take, wipe, give, when every use grows", take_grow_give, bench, 500);
    measure("begin and end of a run", run_begin_end, bench, 1000);
    vk_pool_fini(&bench->pool);
    vk_guard_fini(&bench->guard);
    vk_region_fini(&bench->region);
}

int main(void)
{
    static struct bench bench;
    bench_runs(&bench);
    bench_guard(&bench, VK_GUARD_MPROTECT);
    bench_guard(&bench, VK_GUARD_MPROTECT_KERNEL);
    bench_guard(&bench, VK_GUARD_PKEY);
    bench_guard(&bench, VK_GUARD_OFF);
    plat_runner_destroy(bench.runner);
    return 0;
}
