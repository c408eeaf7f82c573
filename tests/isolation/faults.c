/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of native code end the run, say why, and leave nothing behind. What
 * the compiler would see through or a sanitizer would catch first is done by
 * instructions written out.
 */
#include "tests/isolation/isolation.h"

static void test_return(void)
{
    check_still_works();
}

static void test_null_write(void)
{
    target = 0;
    check_access(run_once(poke_target), 0);
}

static void test_write_to_closed_heap(void)
{
    struct vk_slot *victim = take(PREFIX_BYTES);
    struct vk_slot *slot = take(PREFIX_BYTES);
    target = (uintptr_t)victim->base + 100;
    struct result result = run_in(slot, poke_target);
    if (world.guard.kind == VK_GUARD_OFF) {
        CHECK(result.rc == 0); /* this is what the guard is for */
    } else {
        check_access(result, target);
        CHECK(vk_guard_enter(&world.guard, victim) == 0);
        CHECK(victim->base[100] == 0);
    }
    give(slot);
    give(victim);
}

static const uint8_t constant[8] = "vkd";

static void test_program_code(void)
{
    target = (uintptr_t)poke_target;
    check_access(run_once(poke_target), target);
    target = (uintptr_t)constant;
    check_access(run_once(poke_target), target);
    CHECK(*(const volatile uint8_t *)constant == 'v');
}

static void test_write_past_own_heap(void)
{
    struct vk_slot *slot = take(PREFIX_BYTES);
    target = (uintptr_t)slot->base + slot->size_bytes;
    struct vk_slot *next = vk_pool_find(&world.pool, target);
    CHECK(next == NULL || next != slot);
    struct result result = run_in(slot, poke_target);
    if (world.guard.kind != VK_GUARD_OFF)
        check_access(result, target);
    give(slot);
}

/* A reference that went wrong is an offset of 32 bits: from no heap does one lead to the kernel's memory. */
static void test_any_offset_of_its_heap(void)
{
    static const uint32_t offsets[] = {1u << 26, 1u << 30, 1u << 31, UINT32_MAX};
    struct vk_slot *slot = take(PREFIX_BYTES);
    CHECK((uintptr_t)world.region.base - (uintptr_t)slot->base > UINT32_MAX);
    for (uint32_t i = 0; i < VK_COUNT(offsets); i++) {
        target = (uintptr_t)slot->base + offsets[i];
        check_access(run_in(slot, poke_target), target);
    }
    give(slot);
}

static void test_heap_grows_past_prefix(void)
{
    struct vk_slot *slot = take(PREFIX_BYTES);
    uint64_t grows = world.guard.grows;
    target = (uintptr_t)slot->base + PREFIX_BYTES + 5;
    struct result result = run_in(slot, poke_target);
    CHECK(result.rc == 0);
    CHECK(world.guard.grows == grows + 1);
    CHECK(slot->open_bytes == slot->size_bytes);
    CHECK(slot->base[PREFIX_BYTES + 5] == 1);
    uint8_t *base = slot->base;
    give(slot);
    slot = take(PREFIX_BYTES);
    CHECK(slot->base == base);
    CHECK(slot->open_bytes == PREFIX_BYTES);
    target = (uintptr_t)slot->base + PREFIX_BYTES + 6;
    result = run_in(slot, poke_target);
    CHECK(result.rc == 0);
    CHECK(slot->base[PREFIX_BYTES + 5] == 0);
    CHECK(slot->base[PREFIX_BYTES + 6] == 1);
    give(slot);
}

/* A variable, so that the compiler does not see that it never ends. */
static volatile uint32_t depth_max = UINT32_MAX;

static int recurse(uint32_t depth)
{
    volatile char frame[512];
    frame[0] = 1;
    return depth >= depth_max ? 0 : recurse(depth + 1) + frame[0];
}

static int overflow_stack(void *arg)
{
    (void)arg;
    return recurse(0);
}

static void test_stack_overflow(void)
{
    struct result result = run_once(overflow_stack);
    CHECK(result.rc == -VK_EIO);
    CHECK(result.fault.kind == PLAT_FAULT_STACK);
    check_still_works();
}

static int loop_forever(void *arg)
{
    (void)arg;
    for (;;)
        __asm__ volatile("");
    return 0;
}

static void test_endless_loop(void)
{
    struct result result = run_once(loop_forever);
    CHECK(result.rc == -VK_EIO);
    CHECK(result.fault.kind == PLAT_FAULT_TIME);
    check_still_works();
}

static int divide_by_zero(void *arg)
{
    (void)arg;
    __asm__ volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx" : : : "eax", "ecx", "edx");
    return 0;
}

static int illegal(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
    return 0;
}

static int breakpoint(void *arg)
{
    (void)arg;
    __asm__ volatile("int3");
    return 0;
}

static int system_call(void *arg)
{
    (void)arg;
    long number = 39; /* getpid */
    __asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
    return (int)number;
}

static int wild_jump(void *arg)
{
    (void)arg;
    __asm__ volatile("jmp *%0" : : "r"((uintptr_t)0x1234));
    return 0;
}

static int misaligned(void *arg)
{
    __asm__ volatile("movaps %%xmm0, 1(%0)" : : "r"(arg) : "memory");
    return 0;
}

static int backwards(void *arg)
{
    (void)arg;
    __asm__ volatile("std; movq $0, %%rax; movb $1, (%%rax)" : : : "rax", "memory");
    return 0;
}

static void check_kind(int (*fn)(void *arg), enum plat_fault_kind kind)
{
    struct result result = run_once(fn);
    CHECK(result.rc == -VK_EIO);
    CHECK(result.fault.kind == kind);
    check_still_works();
}

static void test_divide_by_zero(void)
{
    check_kind(divide_by_zero, PLAT_FAULT_DIVIDE);
}

static void test_illegal_instruction(void)
{
    check_kind(illegal, PLAT_FAULT_ILLEGAL);
}

static void test_breakpoint(void)
{
    check_kind(breakpoint, PLAT_FAULT_OTHER);
}

static void test_system_call(void)
{
    struct result result = run_once(system_call);
    CHECK(result.rc == -VK_EIO);
    CHECK(result.fault.kind == PLAT_FAULT_SYSCALL);
    CHECK(result.fault.addr == 39);
    check_still_works();
}

static void test_wild_jump(void)
{
    check_kind(wild_jump, PLAT_FAULT_ACCESS);
}

static void test_misaligned(void)
{
    check_kind(misaligned, PLAT_FAULT_OTHER);
}

static void test_direction_flag(void)
{
    check_kind(backwards, PLAT_FAULT_ACCESS);
    unsigned long flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    CHECK((flags & (1ul << 10)) == 0);
}

const struct test fault_tests[] = {
    {"returns", test_return},
    {"null_write", test_null_write},
    {"program_code", test_program_code},
    {"write_to_closed_heap", test_write_to_closed_heap},
    {"write_past_own_heap", test_write_past_own_heap},
    {"any_offset_of_its_heap", test_any_offset_of_its_heap},
    {"heap_grows_past_prefix", test_heap_grows_past_prefix},
    {"stack_overflow", test_stack_overflow},
    {"endless_loop", test_endless_loop},
    {"divide_by_zero", test_divide_by_zero},
    {"illegal_instruction", test_illegal_instruction},
    {"breakpoint", test_breakpoint},
    {"system_call", test_system_call},
    {"wild_jump", test_wild_jump},
    {"misaligned", test_misaligned},
    {"direction_flag", test_direction_flag},
};
const uint32_t fault_tests_count = VK_COUNT(fault_tests);
