/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one process wrote, no later one may read: on the native stack, in a
 * slot, whatever way its writer ended.
 */
#include "tests/isolation/isolation.h"

#define SECRET 0x5ec2e75ec2e75ec2u

/* Bytes below a process's stack pointer that its calls may have used. */
#define SHALLOW_BYTES 3000u
#define DEEP_BYTES    (100u << 10)

static volatile uint32_t stack_bytes;

/* By instructions, so that neither the compiler nor a sanitizer minds that nothing is there. */
static int fill_stack(void *arg)
{
    (void)arg;
    uintptr_t at, count = stack_bytes / 8;
    __asm__ volatile("movq %%rsp, %0\n"
                     "1: subq $8, %0\n"
                     "movq %2, (%0)\n"
                     "decq %1\n"
                     "jnz 1b"
                     : "=&r"(at), "+r"(count)
                     : "r"(SECRET)
                     : "memory", "cc");
    return 0;
}

static int fill_stack_and_die(void *arg)
{
    (void)fill_stack(arg);
    __asm__ volatile("ud2");
    return 0;
}

/* How many words of the secret lie on the stack: below the pointer, and above it up to the top. */
static int search_stack(void *arg)
{
    uintptr_t at, rsp, found = 0, count = stack_bytes / 8;
    (void)arg;
    __asm__ volatile("movq %%rsp, %0\n"
                     "movq %%rsp, %3\n"
                     "1: subq $8, %0\n"
                     "cmpq %4, (%0)\n"
                     "jne 2f\n"
                     "incq %2\n"
                     "2: decq %1\n"
                     "jnz 1b"
                     : "=&r"(at), "+r"(count), "+r"(found), "=&r"(rsp)
                     : "r"(SECRET)
                     : "memory", "cc");
    uintptr_t top = (rsp | (VK_PAGE_BYTES - 1)) + 1;
    for (at = rsp; at < top; at += 8) {
        uintptr_t word;
        __asm__ volatile("movq (%1), %0" : "=r"(word) : "r"(at) : "memory");
        found += word == SECRET;
    }
    return (int)found;
}

static void check_stack(int (*writer)(void *arg), uint32_t bytes)
{
    stack_bytes = bytes;
    (void)run_once(writer);
    struct result result = run_once(search_stack);
    CHECK(result.rc == 0);
    CHECK(result.value == 0);
}

static void test_stack_residue(void)
{
    check_stack(fill_stack, SHALLOW_BYTES);
    check_stack(fill_stack_and_die, SHALLOW_BYTES);
}

static void test_deep_stack_residue(void)
{
    check_stack(fill_stack, DEEP_BYTES);
    check_stack(fill_stack_and_die, DEEP_BYTES);
    check_stack(fill_stack, 3 * VK_PAGE_BYTES);
    check_stack(fill_stack_and_die, 3 * VK_PAGE_BYTES);
}

/* The secret is to be found at all: a search in the run that wrote it. */
static int fill_and_search(void *arg)
{
    (void)fill_stack(arg);
    return search_stack(arg);
}

static void test_search_finds(void)
{
    stack_bytes = SHALLOW_BYTES;
    struct result result = run_once(fill_and_search);
    CHECK(result.rc == 0);
    CHECK(result.value > 300);
}

/* Trusted runs find what others of them left, which shows that it is there; the first other run does not. */
static void test_trusted_stack_residue(void)
{
    stack_bytes = SHALLOW_BYTES;
    plat_runner_trust(world.runner, true);
    CHECK(run_once(fill_stack).rc == 0);
    CHECK(run_once(search_stack).value > 300);
    plat_runner_trust(world.runner, false);
    CHECK(run_once(search_stack).value == 0);
    plat_runner_trust(world.runner, true);
    CHECK(run_once(fill_stack_and_die).rc == -VK_EIO);
    CHECK(run_once(search_stack).value == 0);
    plat_runner_trust(world.runner, false);
}

/* ---- slots ---- */

static volatile uint32_t heap_bytes;

static int fill_heap(void *arg)
{
    volatile uint64_t *words = arg;
    for (size_t i = 0; i < heap_bytes / sizeof *words; i++)
        words[i] = SECRET;
    return 0;
}

static int fill_heap_and_die(void *arg)
{
    (void)fill_heap(arg);
    __asm__ volatile("ud2");
    return 0;
}

static int search_heap(void *arg)
{
    volatile const uint64_t *words = arg;
    int found = 0;
    for (size_t i = 0; i < heap_bytes / sizeof *words; i++)
        found += words[i] != 0;
    return found;
}

static void check_heap(int (*writer)(void *arg), uint32_t prefix_bytes, uint32_t bytes)
{
    heap_bytes = bytes;
    struct vk_slot *slot = take(prefix_bytes);
    (void)run_in(slot, writer);
    give(slot);
    struct vk_slot *again = take(prefix_bytes);
    CHECK(again == slot); /* the hot one: else this proves nothing */
    struct result result = run_in(again, search_heap);
    CHECK(result.rc == 0);
    CHECK(result.value == 0);
    give(again);
}

static void test_slot_residue(void)
{
    check_heap(fill_heap, PREFIX_BYTES, PREFIX_BYTES);
    check_heap(fill_heap_and_die, PREFIX_BYTES, PREFIX_BYTES);
    check_heap(fill_heap, 0, VK_SLOT_CLASS0_BYTES);
    check_heap(fill_heap_and_die, 0, VK_SLOT_CLASS0_BYTES);
}

/* Often enough that the slot is kept open whole for a while, and closed again after it. */
static void test_grown_slot_residue(void)
{
    for (uint32_t i = 0; i < 40; i++)
        check_heap(fill_heap, PREFIX_BYTES, i % 3 != 0 ? VK_SLOT_CLASS0_BYTES : PREFIX_BYTES);
    for (uint32_t i = 0; i < 40; i++)
        check_heap(fill_heap, PREFIX_BYTES, PREFIX_BYTES);
    check_heap(fill_heap_and_die, PREFIX_BYTES, VK_SLOT_CLASS0_BYTES);
}

/* Given back while another one is open: wiped before its next use, not at once. */
static void test_closed_slot_residue(void)
{
    heap_bytes = PREFIX_BYTES;
    struct vk_slot *slot = take(PREFIX_BYTES);
    (void)run_in(slot, fill_heap);
    struct vk_slot *other = take(PREFIX_BYTES);
    (void)run_in(other, fill_heap);
    give(slot);
    struct vk_slot *again = take(PREFIX_BYTES);
    CHECK(again == slot);
    struct result result = run_in(again, search_heap);
    CHECK(result.rc == 0);
    CHECK(result.value == 0);
    give(again);
    give(other);
}

const struct test residue_tests[] = {
    {"search_finds", test_search_finds},
    {"stack_residue", test_stack_residue},
    {"trusted_stack_residue", test_trusted_stack_residue},
    {"deep_stack_residue", test_deep_stack_residue},
    {"slot_residue", test_slot_residue},
    {"grown_slot_residue", test_grown_slot_residue},
    {"closed_slot_residue", test_closed_slot_residue},
};
const uint32_t residue_tests_count = VK_COUNT(residue_tests);
