/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is protected under some guards and open under others, and what is open
 * under all of them. Each test shows the one or the other, so that
 * docs/isolation.md cannot promise what is not so, nor forget what is.
 */
#include "tests/isolation/isolation.h"

static bool is_kind(enum vk_guard_kind kind)
{
    return world.guard.kind == kind;
}

/* A process writes one byte of the kernel's: the run ends when it is closed, and the byte changes when not.
 */
static void check_write(uint8_t *byte, bool is_closed)
{
    *byte = 0x55;
    target = (uintptr_t)byte;
    struct result result = run_once(poke_target);
    if (is_closed) {
        check_access(result, (uintptr_t)byte);
        CHECK(*byte == 0x55);
    } else {
        CHECK(result.rc == 0);
        CHECK(*byte == 1);
    }
}

static void check_read(uint8_t *byte, bool is_closed)
{
    *byte = 0x55;
    target = (uintptr_t)byte;
    struct result result = run_once(peek_target);
    if (is_closed) {
        check_access(result, (uintptr_t)byte);
    } else {
        CHECK(result.rc == 0);
        CHECK(result.value == 0x55);
    }
}

static void test_kernel_memory(void)
{
    check_write(world.kernel_bytes, is_kind(VK_GUARD_PKEY));
    check_read(world.kernel_bytes, is_kind(VK_GUARD_PKEY));
}

static void test_critical_memory(void)
{
    bool is_closed = is_kind(VK_GUARD_PKEY) || is_kind(VK_GUARD_MPROTECT_KERNEL);
    check_write(world.critical, is_closed);
    check_read(world.critical, is_closed);
}

static uint8_t program_global;

static void test_program_globals_are_open(void)
{
    check_write(&program_global, false);
    check_read(&program_global, false);
}

static void test_kernel_stack_is_open(void)
{
    uint8_t local;
    check_write(&local, false);
    check_read(&local, false);
}

static void test_other_heaps(void)
{
    struct vk_slot *slots[20];
    for (size_t i = 0; i < VK_COUNT(slots); i++) {
        slots[i] = take(PREFIX_BYTES);
        slots[i]->base[0] = (uint8_t)i;
    }
    for (size_t i = 0; i < VK_COUNT(slots); i++) {
        struct vk_slot *other = slots[(i + 1) % VK_COUNT(slots)];
        target = (uintptr_t)other->base;
        struct result result = run_in(slots[i], peek_target);
        if (is_kind(VK_GUARD_OFF))
            CHECK(result.rc == 0);
        else
            CHECK(result.rc == -VK_EIO && result.fault.addr == target);
    }
    for (size_t i = 0; i < VK_COUNT(slots); i++)
        give(slots[i]);
}

/* One instruction gives a process every right: protection keys hold accidents, not intent. */
static int take_rights_and_poke(void *arg)
{
    plat_key_set_rights(0);
    return poke_target(arg);
}

static void test_rights_can_be_taken(void)
{
    if (!is_kind(VK_GUARD_PKEY))
        return;
    *world.kernel_bytes = 0x55;
    target = (uintptr_t)world.kernel_bytes;
    struct result result = run_once(take_rights_and_poke);
    CHECK(result.rc == 0);
    CHECK(*world.kernel_bytes == 1);
    check_write(world.kernel_bytes, true); /* for one run: the next has its own again */
}

const struct test gap_tests[] = {
    {"kernel_memory", test_kernel_memory},
    {"critical_memory", test_critical_memory},
    {"program_globals_are_open", test_program_globals_are_open},
    {"kernel_stack_is_open", test_kernel_stack_is_open},
    {"other_heaps", test_other_heaps},
    {"rights_can_be_taken", test_rights_can_be_taken},
};
const uint32_t gap_tests_count = VK_COUNT(gap_tests);
