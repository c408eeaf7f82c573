/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: isolation GUARD. Exit 0, 1 when a test failed, 77 when the guard does not work here. */
#include "tests/isolation/isolation.h"

#include <stdio.h>
#include <stdlib.h>

struct world world;

static const char *running;
static uint32_t failures;

void fail(const char *where, const char *what)
{
    printf("FAIL %s: %s: %s\n", running, where, what);
    failures++;
}

static bool on_access(void *ctx, uintptr_t addr)
{
    return vk_guard_grow(ctx, addr);
}

static int world_init(enum vk_guard_kind kind)
{
    const struct vk_pool_options pool_options = {
        .slots_max = {1024, 64, 4, 0}, .warm = 4, .warm_prefix_bytes = PREFIX_BYTES};
    const struct plat_runner_options runner_options = {.stack_bytes = STACK_BYTES,
                                                       .tick_ns = TICK_NS,
                                                       .syscall_trap = true,
                                                       .grow = on_access,
                                                       .grow_ctx = &world.guard};
    int rc = vk_region_init(&world.region, 1u << 20);
    if (rc != 0)
        return rc;
    world.critical = vk_region_alloc(&world.region, VK_PAGE_BYTES, VK_PAGE_BYTES);
    world.kernel_bytes = vk_region_alloc(&world.region, 64, 64);
    rc = vk_guard_init(&world.guard, kind, &world.region, world.critical, VK_PAGE_BYTES);
    if (rc == 0)
        rc = vk_pool_init(&world.pool, &pool_options, &world.guard, &world.region);
    if (rc == 0)
        rc = plat_runner_create(&runner_options, &world.runner);
    return rc;
}

static void world_fini(void)
{
    plat_runner_destroy(world.runner);
    vk_pool_fini(&world.pool);
    vk_guard_fini(&world.guard);
    vk_region_fini(&world.region);
}

struct vk_slot *take(uint32_t prefix_bytes)
{
    struct vk_slot *slot;
    if (vk_pool_take(&world.pool, 0, prefix_bytes, &slot) != 0 || vk_guard_enter(&world.guard, slot) != 0)
        abort();
    return slot;
}

void give(struct vk_slot *slot)
{
    vk_pool_give(&world.pool, slot, 0);
}

struct result run_in(struct vk_slot *slot, int (*fn)(void *arg))
{
    struct result result = {0};
    CHECK(vk_guard_enter(&world.guard, slot) == 0);
    vk_guard_run_begin(&world.guard);
    result.rc = plat_run_guarded(world.runner, fn, slot->base, &result.value, &result.fault);
    vk_guard_run_end(&world.guard);
    return result;
}

struct result run_once(int (*fn)(void *arg))
{
    struct vk_slot *slot = take(PREFIX_BYTES);
    struct result result = run_in(slot, fn);
    give(slot);
    return result;
}

static void run_tests(const struct test *tests, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = failures;
        running = tests[i].name;
        tests[i].run();
        if (failures == before)
            printf("ok %s\n", running);
        (void)fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    enum vk_guard_kind kind;
    if (argc != 2 || vk_guard_parse(argv[1], &kind) != 0) {
        (void)fprintf(stderr, "usage: isolation mprotect|mprotect+kernel|pkey|off\n");
        return 2;
    }
    int rc = world_init(kind);
    if (rc == -VK_ENOTSUP) {
        printf("skip: guard %s is not supported here\n", argv[1]);
        return 77;
    }
    if (rc != 0) {
        printf("FAIL start: %s\n", vk_err_text(rc));
        return 1;
    }
    run_tests(fault_tests, fault_tests_count);
    world_fini();
    printf("%s: %u failed\n", argv[1], failures);
    return failures == 0 ? 0 : 1;
}
