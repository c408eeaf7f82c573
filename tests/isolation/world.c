/* SPDX-License-Identifier: Apache-2.0 */
/* The miniature kernel itself. It needs no more than the libraries do, so it runs wherever they run. */
#include "tests/isolation/isolation.h"

struct world world;

static const char *running;
static bool has_failed;

static void print(const char *text)
{
    size_t len_bytes = 0;
    while (text[len_bytes] != '\0')
        len_bytes++;
    plat_console(text, len_bytes);
}

static void print_number(uint32_t number)
{
    char digits[10];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    plat_console(digits + first, sizeof digits - first);
}

void fail(const char *where, const char *what)
{
    if (!has_failed) {
        print("FAIL ");
        print(running);
    }
    print(has_failed ? "     and " : " ");
    print(where);
    print(": ");
    print(what);
    print("\n");
    has_failed = true;
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
        plat_panic("isolation: no slot");
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

/* ---- what many tests do ---- */

uintptr_t target;

static void poke(uintptr_t addr)
{
    __asm__ volatile("movb $1, (%0)" : : "r"(addr) : "memory");
}

int poke_target(void *arg)
{
    (void)arg;
    poke(target);
    return 0;
}

int peek_target(void *arg)
{
    uint8_t value;
    (void)arg;
    __asm__ volatile("movb (%1), %0" : "=q"(value) : "r"(target) : "memory");
    return value;
}

static int return_seven(void *arg)
{
    (void)arg;
    return 7;
}

void check_still_works(void)
{
    struct result result = run_once(return_seven);
    CHECK(result.rc == 0);
    CHECK(result.value == 7);
}

void check_access(struct result result, uintptr_t addr)
{
    CHECK(result.rc == -VK_EIO);
    CHECK(result.fault.kind == PLAT_FAULT_ACCESS);
    CHECK(result.fault.addr == addr);
    CHECK(result.fault.pc != 0);
    check_still_works();
}

static uint32_t run_tests(const struct test *tests, uint32_t count)
{
    uint32_t failed_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        running = tests[i].name;
        has_failed = false;
        tests[i].run();
        if (has_failed) {
            failed_count++;
        } else {
            print("ok ");
            print(running);
            print("\n");
        }
    }
    return failed_count;
}

int isolation_run(enum vk_guard_kind kind, const struct test *more_tests, uint32_t more_count,
                  uint32_t *ret_failed_count)
{
    int rc = world_init(kind);
    if (rc != 0)
        return rc;
    uint32_t count = fault_tests_count + residue_tests_count + gap_tests_count + more_count;
    *ret_failed_count = run_tests(fault_tests, fault_tests_count);
    *ret_failed_count += run_tests(residue_tests, residue_tests_count);
    *ret_failed_count += run_tests(gap_tests, gap_tests_count);
    *ret_failed_count += run_tests(more_tests, more_count);
    world_fini();
    print_number(count - *ret_failed_count);
    print(" passed, ");
    print_number(*ret_failed_count);
    print(" failed\n");
    return 0;
}
