/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no frame is lost, running out of them is survivable, and what the
 * kernel's tables do not map is out of reach. Method: the frame counters before
 * and after; a process that touches more than the machine has.
 */
#include "metal/frames.h"
#include "metal/paging.h"
#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

#define STACK_BYTES 16384u
#define HUGE_BYTES  ((size_t)8 << 30) /* of addresses; more than the machine has memory */

static struct plat_runner *plain_runner(void)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES};
    struct plat_runner *runner = NULL;
    CHECK_EQ(plat_runner_create(&options, &runner), 0);
    return runner;
}

/* Aligned so that all tables below the root belong to the reservation alone. */
static uint8_t *open_range(size_t len_bytes)
{
    void *base = NULL;
    CHECK_EQ(plat_reserve(len_bytes, (size_t)1 << 39, &base), 0);
    CHECK_EQ(plat_protect(base, len_bytes, PLAT_PROT_RW), 0);
    return base;
}

/* A page of every page table, then every page. */
static int touch_all(void *arg)
{
    for (size_t at = 0; at < HUGE_BYTES; at += VK_PAGE_BYTES)
        *(volatile uint8_t *)((uint8_t *)arg + at) = 1;
    return 0;
}

static int store_byte(void *arg)
{
    *(volatile uint8_t *)arg = 1;
    return 0;
}

TEST(metal_memory, release_gives_every_frame_back)
{
    plat_release(open_range(HUGE_BYTES), HUGE_BYTES); /* the tables at the top of this range stay */
    size_t free_count = metal_frames_free();
    uint8_t *base = open_range(HUGE_BYTES);
    for (size_t at = 0; at < HUGE_BYTES; at += HUGE_BYTES / 64)
        base[at] = 1;
    CHECK_EQ(plat_protect(base + VK_PAGE_BYTES, 5 * VK_PAGE_BYTES, PLAT_PROT_NONE), 0);
    CHECK(metal_frames_free() < free_count - 64);
    plat_release(base, HUGE_BYTES);
    CHECK_EQ(metal_frames_free(), free_count);
}

TEST(metal_memory, discard_gives_frames_back)
{
    uint8_t *base = open_range(64 * VK_PAGE_BYTES);
    memset(base, 1, 64 * VK_PAGE_BYTES);
    size_t free_count = metal_frames_free();
    CHECK_EQ(plat_discard(base, 63 * VK_PAGE_BYTES), 0);
    CHECK_EQ(metal_frames_free(), free_count + 63);
    CHECK_EQ(base[62 * VK_PAGE_BYTES], 0);
    CHECK_EQ(base[63 * VK_PAGE_BYTES], 1);
    plat_release(base, 64 * VK_PAGE_BYTES);
}

static void check_sealed(struct plat_runner *runner, uint8_t *at)
{
    struct plat_fault fault = {0};
    uint8_t before = *(volatile uint8_t *)at;
    int value;
    CHECK_EQ(plat_run_guarded(runner, store_byte, at, &value, &fault), -VK_EIO);
    CHECK_EQ(fault.kind, PLAT_FAULT_ACCESS);
    CHECK_EQ(fault.addr, (uintptr_t)at);
    CHECK_EQ(*(volatile uint8_t *)at, before);
}

TEST(metal_memory, code_and_constants_can_only_be_read)
{
    extern char metal_image_start[], metal_rodata_start[], metal_data_start[];
    struct plat_runner *runner = plain_runner();
    check_sealed(runner, (uint8_t *)metal_image_start);
    check_sealed(runner, (uint8_t *)(uintptr_t)store_byte);
    check_sealed(runner, (uint8_t *)metal_rodata_start);
    check_sealed(runner, (uint8_t *)((uintptr_t)metal_data_start - 1));
    plat_runner_destroy(runner);
}

TEST(metal_memory, sealed_pages_of_a_reservation_can_only_be_read)
{
    size_t free_count = metal_frames_free();
    struct plat_runner *runner = plain_runner();
    uint8_t *base = open_range(8 * VK_PAGE_BYTES);
    base[0] = 7;
    base[4 * VK_PAGE_BYTES] = 8;
    CHECK_EQ(metal_paging_seal(base, 3 * VK_PAGE_BYTES + 1), 0);
    CHECK_EQ(base[0], 7);
    check_sealed(runner, base);
    check_sealed(runner, base + 2 * VK_PAGE_BYTES); /* never touched before */
    CHECK_EQ(base[2 * VK_PAGE_BYTES], 0);
    check_sealed(runner, base + 4 * VK_PAGE_BYTES - 1);
    base[4 * VK_PAGE_BYTES] = 9;
    CHECK_EQ(plat_protect(base, VK_PAGE_BYTES, PLAT_PROT_RW), 0);
    base[0] = 10;
    plat_release(base, 8 * VK_PAGE_BYTES);
    plat_runner_destroy(runner);
    CHECK(metal_frames_free() + 8 > free_count); /* but for tables, which stay */
}

/* Where a module lies; large pages map it until a part of one is sealed. */
TEST(metal_memory, sealed_memory_can_only_be_read_and_what_is_beside_it_written)
{
    struct plat_runner *runner = plain_runner();
    uint64_t frames[3];
    for (uint32_t i = 0; i < VK_COUNT(frames); i++) {
        frames[i] = metal_frame_take();
        CHECK(frames[i] != METAL_FRAME_NONE);
        CHECK(i == 0 || frames[i] != frames[i - 1]);
    }
    uint8_t *page = (uint8_t *)(uintptr_t)frames[1];
    page[5] = 7;
    CHECK_EQ(metal_paging_seal(page + 5, 1), 0);
    check_sealed(runner, page);
    check_sealed(runner, page + VK_PAGE_BYTES - 1);
    CHECK_EQ(page[5], 7);
    for (uint32_t i = 0; i < VK_COUNT(frames); i += 2) {
        *(volatile uint8_t *)(uintptr_t)frames[i] = 1;
        CHECK_EQ(*(volatile uint8_t *)(uintptr_t)frames[i], 1);
        metal_frame_give(frames[i]); /* the sealed one is not given back: whoever got it could not write it */
    }
    plat_runner_destroy(runner);
}

TEST(metal_memory, process_that_uses_up_the_machine_is_ended)
{
    struct plat_runner *runner = plain_runner();
    uint8_t *base = open_range(HUGE_BYTES);
    struct plat_fault fault;
    int value = 0;
    CHECK_EQ(plat_run_guarded(runner, touch_all, base, &value, &fault), -VK_EIO);
    CHECK_EQ(fault.kind, PLAT_FAULT_ACCESS);
    CHECK(fault.addr >= (uintptr_t)base && fault.addr < (uintptr_t)base + HUGE_BYTES);
    CHECK_EQ(metal_frames_free(), 0);
    plat_release(base, HUGE_BYTES);
    CHECK(metal_frames_free() > metal_frames_total() / 2);
    plat_runner_destroy(runner);
}

TEST(metal_memory, protecting_fails_cleanly_without_memory_for_a_table)
{
    void *other = NULL;
    CHECK_EQ(plat_reserve(HUGE_BYTES, (size_t)1 << 39, &other), 0);
    struct plat_runner *runner = plain_runner();
    uint8_t *base = open_range(HUGE_BYTES);
    struct plat_fault fault;
    int value = 0;
    CHECK_EQ(plat_run_guarded(runner, touch_all, base, &value, &fault), -VK_EIO);
    CHECK_EQ(plat_protect(other, VK_PAGE_BYTES, PLAT_PROT_RW), -VK_ENOMEM);
    plat_release(base, HUGE_BYTES);
    CHECK_EQ(plat_run_guarded(runner, store_byte, other, &value, &fault), -VK_EIO);
    CHECK_EQ(plat_protect(other, VK_PAGE_BYTES, PLAT_PROT_RW), 0);
    CHECK_EQ(plat_run_guarded(runner, store_byte, other, &value, &fault), 0);
    plat_runner_destroy(runner);
    plat_release(other, HUGE_BYTES);
}

TEST(metal_memory, low_memory_and_the_stack_guard_are_not_mapped)
{
    extern char metal_stack_guard[];
    static const uintptr_t low[] = {0, 0x1000, 0x7c00, 0xb8000, 0xfffff};
    struct plat_runner *runner = plain_runner();
    struct plat_fault fault;
    int value = 0;
    for (uint32_t i = 0; i < VK_COUNT(low); i++) {
        CHECK_EQ(plat_run_guarded(runner, store_byte, (void *)low[i], &value, &fault), -VK_EIO);
        CHECK_EQ(fault.addr, low[i]);
    }
    CHECK_EQ(plat_run_guarded(runner, store_byte, metal_stack_guard, &value, &fault), -VK_EIO);
    CHECK_EQ(fault.addr, (uintptr_t)metal_stack_guard);
    plat_runner_destroy(runner);
}

/* A process may take all memory but what was promised; the kernel gets that afterwards, tables included. */
TEST(metal_memory, promised_frames_are_left_to_whom_they_were_promised)
{
    enum { PROMISED = 64 };
    const size_t far = (size_t)1 << 21; /* the pages of one table */
    uint8_t *kernel = open_range(HUGE_BYTES), *process = open_range(HUGE_BYTES);
    struct plat_runner *runner = plain_runner();
    struct plat_fault fault = {0};
    int value;
    metal_paging_promise(kernel, PROMISED * far, PROMISED);
    CHECK_EQ(plat_run_guarded(runner, touch_all, process, &value, &fault), -VK_EIO);
    CHECK_EQ(fault.kind, PLAT_FAULT_ACCESS);
    CHECK(metal_frames_free() >= PROMISED);
    for (size_t i = 1; i <= 4 * PROMISED; i++) /* each would need a table of its own */
        CHECK_EQ(plat_run_guarded(runner, store_byte, process + HUGE_BYTES - i * far, &value, &fault),
                 -VK_EIO);
    CHECK(metal_frames_free() >= PROMISED);
    for (size_t i = 0; i < PROMISED; i++)
        kernel[i * far] = 1;
    CHECK(metal_frames_free() < PROMISED);
    plat_runner_destroy(runner);
    plat_release(process, HUGE_BYTES);
    for (size_t i = 1; i < 8; i++)
        kernel[i * VK_PAGE_BYTES] = 1; /* the rest of the promise, so that other tests find none */
    plat_release(kernel, HUGE_BYTES);
}
