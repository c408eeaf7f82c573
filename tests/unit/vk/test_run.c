/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever code does inside plat_run_guarded, the caller gets an error
 * that says what it was, and goes on. Method: one run per misdeed, on whatever
 * platform this is linked to; after each of them the same runner must work.
 */
#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

#define STACK_BYTES 65536u
#define TICK_NS     2000000u

struct outcome {
    int rc;
    int value;
    struct plat_fault fault;
};

static int add_one(void *arg)
{
    return *(int *)arg + 1;
}

static struct plat_runner *runner_with(const struct plat_runner_options *options)
{
    struct plat_runner *runner = NULL;
    CHECK_EQ(plat_runner_create(options, &runner), 0);
    return runner;
}

static struct plat_runner *plain_runner(void)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES};
    return runner_with(&options);
}

/* Run fn, and see that the runner is as good as before whatever fn did. */
static struct outcome run_on(struct plat_runner *runner, int (*fn)(void *arg), void *arg)
{
    struct outcome outcome = {0};
    outcome.rc = plat_run_guarded(runner, fn, arg, &outcome.value, &outcome.fault);
    struct plat_fault unused;
    int number = 41, value = 0;
    CHECK_EQ(plat_run_guarded(runner, add_one, &number, &value, &unused), 0);
    CHECK_EQ(value, 42);
    return outcome;
}

static struct outcome run(int (*fn)(void *arg), void *arg)
{
    struct plat_runner *runner = plain_runner();
    struct outcome outcome = run_on(runner, fn, arg);
    plat_runner_destroy(runner);
    return outcome;
}

/* One closed slot of two pages. */
static uint8_t *closed_slot(void)
{
    void *base = NULL;
    CHECK_EQ(plat_reserve(2 * VK_PAGE_BYTES, VK_PAGE_BYTES, &base), 0);
    CHECK_EQ(plat_slot_map(base, 2 * VK_PAGE_BYTES, false), 0);
    return base;
}

/* The null check of a sanitizer would report what is wanted here. */
static __attribute__((no_sanitize("undefined"))) int store_byte(void *arg)
{
    *(volatile uint8_t *)arg = 1;
    return 0;
}

static __attribute__((no_sanitize("undefined"))) int load_byte(void *arg)
{
    return *(volatile uint8_t *)arg;
}

static int jump_to(void *arg)
{
    __asm__ volatile("call *%0" : : "r"(arg) : "memory");
    return 0;
}

TEST(vk_run, value_is_returned)
{
    int number = 6;
    struct outcome outcome = run(add_one, &number);
    CHECK_EQ(outcome.rc, 0);
    CHECK_EQ(outcome.value, 7);
}

/* ---- memory ---- */

TEST(vk_run, null_write_is_contained)
{
    struct outcome outcome = run(store_byte, (void *)0);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ACCESS);
    CHECK_EQ(outcome.fault.addr, 0);
    CHECK(outcome.fault.pc != 0);
}

TEST(vk_run, write_to_a_closed_slot_is_contained)
{
    uint8_t *slot = closed_slot();
    struct outcome outcome = run(store_byte, slot + VK_PAGE_BYTES + 5);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ACCESS);
    CHECK_EQ(outcome.fault.addr, (uintptr_t)slot + VK_PAGE_BYTES + 5);
    plat_release(slot, 2 * VK_PAGE_BYTES);
}

TEST(vk_run, read_of_a_slot_closed_again_is_contained)
{
    uint8_t *slot = closed_slot();
    CHECK_EQ(plat_protect(slot, 2 * VK_PAGE_BYTES, PLAT_PROT_RW), 0);
    struct outcome outcome = run(store_byte, slot);
    CHECK_EQ(outcome.rc, 0);
    CHECK_EQ(plat_protect(slot, 2 * VK_PAGE_BYTES, PLAT_PROT_NONE), 0);
    outcome = run(load_byte, slot);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ACCESS);
    CHECK_EQ(outcome.fault.addr, (uintptr_t)slot);
    plat_release(slot, 2 * VK_PAGE_BYTES);
}

TEST(vk_run, access_past_the_end_of_a_slot_is_contained)
{
    uint8_t *slot = closed_slot();
    CHECK_EQ(plat_protect(slot, VK_PAGE_BYTES, PLAT_PROT_RW), 0);
    struct outcome outcome = run(store_byte, slot + VK_PAGE_BYTES - 1);
    CHECK_EQ(outcome.rc, 0);
    outcome = run(store_byte, slot + VK_PAGE_BYTES);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ACCESS);
    plat_release(slot, 2 * VK_PAGE_BYTES);
}

TEST(vk_run, address_that_is_none_is_contained)
{
    struct outcome outcome = run(store_byte, (void *)0x5555000000000000u);
    CHECK_EQ(outcome.rc, -VK_EIO);
}

/* ---- protection keys ---- */

#define DENY_ALL(key)   (1u << 2 * (key))
#define DENY_WRITE(key) (2u << 2 * (key))

/* Whether a run with these rights may load from, and store to, an open page with the key. */
static void check_rights(uint32_t key, uint8_t *page, uint32_t rights, bool may_load, bool may_store)
{
    plat_key_set_run_rights(rights);
    struct outcome load = run(load_byte, page);
    struct outcome store = run(store_byte, page);
    plat_key_set_run_rights(0);
    CHECK_EQ(load.rc, may_load ? 0 : -VK_EIO);
    CHECK_EQ(store.rc, may_store ? 0 : -VK_EIO);
    if (!may_store) {
        CHECK_EQ(store.fault.kind, PLAT_FAULT_ACCESS);
        CHECK_EQ(store.fault.addr, (uintptr_t)page);
    }
    page[key] = 7; /* the kernel's own rights are back */
}

TEST(vk_run, rights_to_keys_hold_for_the_run_only)
{
    struct plat_caps caps;
    plat_caps(&caps);
    if (!caps.keys)
        SKIP("this processor has no protection keys");
    uint8_t *slot = closed_slot();
    uint32_t key = 0;
    CHECK_EQ(plat_key_alloc(&key), 0);
    CHECK_EQ(plat_key_protect(slot, VK_PAGE_BYTES, PLAT_PROT_RW, key), 0);
    uint32_t rights = plat_key_rights() & ~(DENY_ALL(key) | DENY_WRITE(key));
    plat_key_set_rights(rights);
    check_rights(key, slot, rights | DENY_ALL(key), false, false);
    check_rights(key, slot, rights | DENY_WRITE(key), true, false);
    CHECK_EQ(plat_key_protect(slot, VK_PAGE_BYTES, PLAT_PROT_RW, 0), 0);
    check_rights(key, slot, rights | DENY_ALL(key), true, true);
    plat_key_free(key);
    plat_release(slot, 2 * VK_PAGE_BYTES);
}

/* ---- jumps ---- */

TEST(vk_run, jump_to_nowhere_is_contained)
{
    struct outcome outcome = run(jump_to, (void *)0x18);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ACCESS);
    CHECK_EQ(outcome.fault.pc, 0x18);
}

TEST(vk_run, jump_into_a_heap_is_contained)
{
    uint8_t *slot = closed_slot();
    CHECK_EQ(plat_protect(slot, VK_PAGE_BYTES, PLAT_PROT_RW), 0);
    slot[0] = 0xc3; /* ret */
    struct outcome outcome = run(jump_to, slot);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ACCESS);
    CHECK_EQ(outcome.fault.pc, (uintptr_t)slot);
    plat_release(slot, 2 * VK_PAGE_BYTES);
}

TEST(vk_run, write_to_code_is_contained)
{
    struct outcome outcome = run(store_byte, (void *)(uintptr_t)add_one);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ACCESS);
    CHECK_EQ(outcome.fault.addr, (uintptr_t)add_one);
}

TEST(vk_run, write_to_constants_is_contained)
{
    static const int constant = 5;
    struct outcome outcome = run(store_byte, (void *)(uintptr_t)&constant);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ACCESS);
}

/* ---- instructions ---- */

static int divide_by_zero(void *arg)
{
    (void)arg;
    uint32_t quotient = 1, rest = 0;
    __asm__ volatile("divl %2" : "+a"(quotient), "+d"(rest) : "r"(0));
    return (int)quotient;
}

static int overflow_quotient(void *arg)
{
    (void)arg;
    int32_t quotient = INT32_MIN, rest = -1;
    __asm__ volatile("idivl %2" : "+a"(quotient), "+d"(rest) : "r"(-1));
    return quotient;
}

static int run_illegal(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
    return 0;
}

static int run_breakpoint(void *arg)
{
    (void)arg;
    __asm__ volatile("int3");
    return 0;
}

static int load_misaligned(void *arg)
{
    __asm__ volatile("movaps (%0), %%xmm0" : : "r"(arg) : "xmm0");
    return 0;
}

TEST(vk_run, division_by_zero_is_contained)
{
    struct outcome outcome = run(divide_by_zero, NULL);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_DIVIDE);
}

TEST(vk_run, quotient_overflow_is_contained)
{
    struct outcome outcome = run(overflow_quotient, NULL);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_DIVIDE);
}

TEST(vk_run, illegal_instruction_is_contained)
{
    struct outcome outcome = run(run_illegal, NULL);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ILLEGAL);
}

TEST(vk_run, breakpoint_is_contained)
{
    struct outcome outcome = run(run_breakpoint, NULL);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_OTHER);
}

TEST(vk_run, misaligned_vector_load_is_contained)
{
    static const _Alignas(16) uint8_t bytes[32];
    struct outcome outcome = run(load_misaligned, (void *)(uintptr_t)(bytes + 1));
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_OTHER);
}

/* ---- system calls ---- */

#define CALL_NUMBER 39u /* getpid of Linux: harmless where it is not trapped */

static int call_system(void *arg)
{
    (void)arg;
    uint64_t result = CALL_NUMBER;
    __asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
    return 0;
}

TEST(vk_run, system_call_is_trapped)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .syscall_trap = true};
    struct plat_runner *runner = NULL;
    int rc = plat_runner_create(&options, &runner);
    if (rc == -VK_ENOTSUP)
        SKIP("this system cannot trap system calls");
    CHECK_EQ(rc, 0);
    struct outcome outcome = run_on(runner, call_system, NULL);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_SYSCALL);
    CHECK_EQ(outcome.fault.addr, CALL_NUMBER);
    plat_runner_destroy(runner);
}

TEST(vk_run, system_call_is_trapped_again_after_a_rest)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .syscall_trap = true};
    struct plat_runner *runner = NULL;
    int rc = plat_runner_create(&options, &runner);
    if (rc == -VK_ENOTSUP)
        SKIP("this system cannot trap system calls");
    CHECK_EQ(rc, 0);
    for (uint32_t i = 0; i < 3; i++) {
        plat_runner_rest(runner);
        plat_runner_rest(runner);
        struct outcome outcome = run_on(runner, call_system, NULL);
        CHECK_EQ(outcome.rc, -VK_EIO);
        CHECK_EQ(outcome.fault.kind, PLAT_FAULT_SYSCALL);
    }
    plat_runner_destroy(runner);
}

/* ---- the native stack ---- */

/* Frames of half a KiB, each of which is used after the call below it returns. */
static __attribute__((noinline)) uint32_t recurse(uint32_t depth)
{
    volatile uint32_t frame[128];
    frame[0] = depth;
    frame[127] = depth;
    uint32_t below = depth == 0 ? 0 : recurse(depth - 1);
    return below + frame[0] + frame[127];
}

static int recurse_to(void *arg)
{
    return (int)(recurse(*(uint32_t *)arg) & 1);
}

TEST(vk_run, deep_recursion_that_fits_is_fine)
{
    uint32_t depth = STACK_BYTES / 2048;
    CHECK_EQ(run(recurse_to, &depth).rc, 0);
}

TEST(vk_run, stack_overflow_is_contained)
{
    uint32_t depth = UINT32_MAX;
    struct outcome outcome = run(recurse_to, &depth);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_STACK);
}

#define SECRET 0x5ec2e75ec2e75ec2u

/* Leave the secret all over what lies below the frame. The compiler must not know of it. */
static __attribute__((no_sanitize("address"))) int write_below(void *arg)
{
    (void)arg;
    uint64_t *at;
    __asm__ volatile("mov %%rsp, %0" : "=r"(at));
    for (uint32_t i = 64; i < 1024; i++)
        *(volatile uint64_t *)(at - i) = SECRET;
    return 0;
}

static __attribute__((no_sanitize("address"))) int find_below(void *arg)
{
    (void)arg;
    uint64_t *at;
    int found = 0;
    __asm__ volatile("mov %%rsp, %0" : "=r"(at));
    for (uint32_t i = 1; i < 1024; i++)
        found += *(volatile uint64_t *)(at - i) == SECRET;
    return found;
}

TEST(vk_run, next_run_finds_nothing_on_the_stack)
{
    struct plat_runner *runner = plain_runner();
    struct plat_fault fault;
    int value = -1;
    CHECK_EQ(plat_run_guarded(runner, write_below, NULL, &value, &fault), 0);
    CHECK_EQ(plat_run_guarded(runner, find_below, NULL, &value, &fault), 0);
    CHECK_EQ(value, 0);
    plat_runner_destroy(runner);
}

TEST(vk_run, impossible_stacks_are_refused)
{
    struct plat_runner_options options = {.stack_bytes = 0};
    struct plat_runner *runner = NULL;
    CHECK_EQ(plat_runner_create(&options, &runner), -VK_EINVAL);
    options.stack_bytes = SIZE_MAX;
    CHECK_EQ(plat_runner_create(&options, &runner), -VK_EINVAL);
    CHECK(runner == NULL);
    plat_runner_destroy(runner);
}

/* ---- growing ---- */

struct growth {
    uint8_t *slot;
    uint32_t calls;
    uintptr_t addr;
    bool is_allowed;
};

static bool grow(void *ctx, uintptr_t addr)
{
    struct growth *growth = ctx;
    growth->calls++;
    growth->addr = addr;
    return growth->is_allowed && plat_protect(growth->slot, 2 * VK_PAGE_BYTES, PLAT_PROT_RW) == 0;
}

static struct outcome run_growing(struct growth *growth)
{
    const struct plat_runner_options options = {
        .stack_bytes = STACK_BYTES,
        .grow = grow,
        .grow_ctx = growth,
    };
    struct plat_runner *runner = runner_with(&options);
    struct outcome outcome = run_on(runner, store_byte, growth->slot + VK_PAGE_BYTES);
    plat_runner_destroy(runner);
    return outcome;
}

TEST(vk_run, access_goes_on_where_grow_opens_the_range)
{
    struct growth growth = {.slot = closed_slot(), .is_allowed = true};
    struct outcome outcome = run_growing(&growth);
    CHECK_EQ(outcome.rc, 0);
    CHECK_EQ(growth.calls, 1);
    CHECK_EQ(growth.addr, (uintptr_t)growth.slot + VK_PAGE_BYTES);
    CHECK_EQ(growth.slot[VK_PAGE_BYTES], 1);
    plat_release(growth.slot, 2 * VK_PAGE_BYTES);
}

TEST(vk_run, access_is_contained_where_grow_refuses)
{
    struct growth growth = {.slot = closed_slot()};
    struct outcome outcome = run_growing(&growth);
    CHECK_EQ(outcome.rc, -VK_EIO);
    CHECK_EQ(outcome.fault.kind, PLAT_FAULT_ACCESS);
    CHECK_EQ(growth.calls, 1);
    plat_release(growth.slot, 2 * VK_PAGE_BYTES);
}

/* ---- home ---- */

static void note_visit(void *home, void *arg)
{
    *(void **)arg = home;
}

struct visit {
    void *seen;
    bool is_done;
};

static int visit_home(void *arg)
{
    struct visit *visit = arg;
    visit->is_done = plat_run_home(note_visit, &visit->seen);
    return 17;
}

TEST(vk_run, code_of_the_kernels_is_given_its_home_or_is_not_called)
{
    struct visit visit = {0};
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .home = &visit};
    struct plat_runner *runner = runner_with(&options);
    struct outcome outcome = run_on(runner, visit_home, &visit);
    CHECK_EQ(outcome.rc, 0);
    CHECK_EQ(outcome.value, 17);
    CHECK(visit.seen == (visit.is_done ? &visit : NULL));
    plat_runner_destroy(runner);
    visit.seen = NULL;
    CHECK_EQ(visit_home(&visit), 17);
    CHECK(!visit.is_done && visit.seen == NULL); /* there is no run */
}

/* ---- time ---- */

static int loop_for_ever(void *arg)
{
    for (;;)
        *(volatile uint32_t *)arg += 1;
    return 0;
}

TEST(vk_run, endless_loop_is_ended)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .tick_ns = TICK_NS};
    struct plat_runner *runner = runner_with(&options);
    uint32_t loops = 0;
    struct plat_fault fault;
    int value;
    CHECK_EQ(plat_run_guarded(runner, loop_for_ever, &loops, &value, &fault), -VK_EIO);
    CHECK_EQ(fault.kind, PLAT_FAULT_TIME);
    CHECK(loops > 0);
    plat_runner_destroy(runner);
}

struct asked {
    uint32_t times;
    uint32_t ticks[8];
    uint32_t most;
};

static bool is_over(void *ctx, uint32_t ticks)
{
    struct asked *asked = ctx;
    if (asked->times < VK_COUNT(asked->ticks))
        asked->ticks[asked->times] = ticks;
    asked->times++;
    return ticks >= asked->most;
}

/* By counts: how long the ticks of a loaded machine take does not matter. */
TEST(vk_run, endless_loop_lasts_as_many_ticks_as_is_said)
{
    struct asked asked = {.most = 6};
    const struct plat_runner_options options = {
        .stack_bytes = STACK_BYTES, .tick_ns = TICK_NS, .is_over = is_over, .is_over_ctx = &asked};
    struct plat_runner *runner = runner_with(&options);
    uint32_t loops = 0;
    struct plat_fault fault;
    int value;
    for (int i = 0; i < 2; i++) {
        asked.times = 0;
        CHECK_EQ(plat_run_guarded(runner, loop_for_ever, &loops, &value, &fault), -VK_EIO);
        CHECK_EQ(fault.kind, PLAT_FAULT_TIME);
        CHECK_EQ(asked.times, 5); /* the first to meet it asks nothing */
        for (uint32_t k = 0; k < 5; k++)
            CHECK_EQ(asked.ticks[k], k + 2);
    }
    plat_runner_destroy(runner);
}

static int wait_until(void *arg)
{
    uint64_t deadline_ns = *(const uint64_t *)arg;
    while (plat_mono_ns() < deadline_ns)
        ;
    return 0;
}

TEST(vk_run, run_without_ticks_takes_its_time)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .tick_ns = TICK_NS};
    struct plat_runner *ticking = runner_with(&options);
    int number = 0;
    CHECK_EQ(run_on(ticking, add_one, &number).rc, 0);
    uint64_t deadline_ns = plat_mono_ns() + 10 * TICK_NS;
    CHECK_EQ(run(wait_until, &deadline_ns).rc, 0);
    plat_runner_destroy(ticking);
}

/* ---- registers ---- */

#define ROUND_DOWN 0x3f80u /* MXCSR: all exceptions masked, rounding towards minus infinity */

static int leave_odd_state(void *arg)
{
    uint32_t mxcsr = ROUND_DOWN;
    __asm__ volatile("ldmxcsr %0; std" : : "m"(mxcsr));
    if (arg != NULL)
        __asm__ volatile("ud2");
    __asm__ volatile("cld");
    return 0;
}

static uint32_t read_mxcsr(void)
{
    uint32_t mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return mxcsr;
}

TEST(vk_run, rounding_mode_is_the_callers_again)
{
    int marker = 0;
    uint32_t mxcsr = read_mxcsr();
    CHECK_EQ(run(leave_odd_state, NULL).rc, 0);
    CHECK_EQ(read_mxcsr() >> 6, mxcsr >> 6);
    CHECK_EQ(run(leave_odd_state, &marker).rc, -VK_EIO);
    CHECK_EQ(read_mxcsr() >> 6, mxcsr >> 6);
}

TEST(vk_run, direction_flag_is_clear_after_a_fault)
{
    int marker = 0;
    uint64_t flags;
    CHECK_EQ(run(leave_odd_state, &marker).rc, -VK_EIO);
    __asm__ volatile("pushfq; pop %0" : "=r"(flags));
    CHECK_EQ(flags >> 10 & 1, 0);
}

static int leave_secrets(void *arg)
{
    (void)arg;
    __asm__ volatile("mov %0, %%r10; movq %0, %%xmm6; movq %0, %%xmm15"
                     :
                     : "r"(SECRET)
                     : "r10", "xmm6", "xmm15");
    return 0;
}

static int count_secrets(void *arg)
{
    (void)arg;
    uint64_t a, b, c;
    __asm__ volatile("mov %%r10, %0; movq %%xmm6, %1; movq %%xmm15, %2" : "=&r"(a), "=&r"(b), "=&r"(c));
    return (a == SECRET) + (b == SECRET) + (c == SECRET);
}

TEST(vk_run, next_run_finds_nothing_in_registers)
{
    struct plat_runner *runner = plain_runner();
    struct plat_fault fault;
    int value = -1;
    CHECK_EQ(plat_run_guarded(runner, leave_secrets, NULL, &value, &fault), 0);
    CHECK_EQ(plat_run_guarded(runner, count_secrets, NULL, &value, &fault), 0);
    CHECK_EQ(value, 0);
    plat_runner_destroy(runner);
}

static int clobber_everything(void *arg)
{
    (void)arg;
    __asm__ volatile("xor %%ebx, %%ebx; xor %%r12d, %%r12d; xor %%r13d, %%r13d;"
                     "xor %%r14d, %%r14d; xor %%r15d, %%r15d; ud2"
                     :
                     :
                     : "rbx", "r12", "r13", "r14", "r15", "memory");
    return 0;
}

TEST(vk_run, callers_registers_survive_a_fault)
{
    struct plat_runner *runner = plain_runner();
    uint64_t seed = 7;
    for (uint32_t i = 0; i < 100; i++) {
        uint64_t a = test_random(&seed), b = test_random(&seed), c = test_random(&seed);
        uint64_t sum = a + b + c;
        struct plat_fault fault;
        int value;
        CHECK_EQ(plat_run_guarded(runner, clobber_everything, NULL, &value, &fault), -VK_EIO);
        CHECK_EQ(a + b + c, sum);
        CHECK_EQ(fault.kind, PLAT_FAULT_ILLEGAL);
    }
    plat_runner_destroy(runner);
}
