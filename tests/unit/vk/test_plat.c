/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every platform keeps the promises of vk/plat.h on memory, time and
 * randomness. Method: what can be seen without a fault; test_run.c has the rest.
 */
#include "vk/plat.h"

#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"

#define SLOT_BYTES (64u << 10)

static uint8_t *reserve(size_t len_bytes, size_t align_bytes)
{
    void *base = NULL;
    CHECK_EQ(plat_reserve(len_bytes, align_bytes, &base), 0);
    return base;
}

static bool is_zero(const uint8_t *bytes, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static int code_one(void *arg)
{
    return arg != NULL;
}

static int code_other(void *arg)
{
    return arg == NULL;
}

TEST(vk_plat, code_lies_where_it_was_linked)
{
    const char *file, *other_file, *none = "";
    uintptr_t one = (uintptr_t)code_one, other = (uintptr_t)code_other;
    uintptr_t place = plat_code_place(one, &file);
    CHECK_EQ(plat_code_place(other, &other_file) - place, other - one);
    CHECK(file == other_file);
    CHECK(file != NULL || place == one);
    CHECK(file == NULL || file[0] != '\0');
    CHECK_EQ(plat_code_place(7, &none), 7); /* nobody's code */
    CHECK(none == NULL);
    CHECK_EQ(plat_code_place((uintptr_t)&none, &none), (uintptr_t)&none);
    CHECK(none == NULL);
}

TEST(vk_plat, reservations_are_aligned_and_apart)
{
    uint8_t *small = reserve(VK_PAGE_BYTES, VK_PAGE_BYTES);
    uint8_t *large = reserve(16u << 20, 16u << 20);
    uint8_t *other = reserve(3 * VK_PAGE_BYTES, 4 * VK_PAGE_BYTES);
    CHECK_EQ((uintptr_t)large % (16u << 20), 0);
    CHECK_EQ((uintptr_t)other % (4 * VK_PAGE_BYTES), 0);
    CHECK(small + VK_PAGE_BYTES <= large || large + (16u << 20) <= small);
    CHECK(other + 3 * VK_PAGE_BYTES <= large || large + (16u << 20) <= other);
    plat_release(small, VK_PAGE_BYTES);
    plat_release(large, 16u << 20);
    plat_release(other, 3 * VK_PAGE_BYTES);
}

TEST(vk_plat, reserving_more_than_there_is_fails_cleanly)
{
    void *base = NULL;
    CHECK_EQ(plat_reserve((size_t)1 << 60, VK_PAGE_BYTES, &base), -VK_ENOMEM);
    CHECK(base == NULL);
}

TEST(vk_plat, address_space_is_reserved_without_memory)
{
    size_t len_bytes = (size_t)64 << 30;
    uint8_t *base = reserve(len_bytes, VK_PAGE_BYTES);
    size_t at = len_bytes - SLOT_BYTES;
    CHECK_EQ(plat_slot_map(base + at, SLOT_BYTES, false), 0);
    CHECK_EQ(plat_protect(base + at, SLOT_BYTES, PLAT_PROT_RW), 0);
    base[len_bytes - 1] = 9;
    CHECK_EQ(base[len_bytes - 1], 9);
    plat_release(base, len_bytes);
}

TEST(vk_plat, large_open_range_costs_only_what_is_touched)
{
    size_t len_bytes = (size_t)1 << 30;
    uint8_t *base = reserve(len_bytes, VK_PAGE_BYTES);
    CHECK_EQ(plat_protect(base, len_bytes, PLAT_PROT_RW), 0);
    for (size_t at = 0; at < len_bytes; at += len_bytes / 16)
        base[at] = 1;
    CHECK_EQ(base[len_bytes / 16], 1);
    CHECK_EQ(base[len_bytes / 16 + 1], 0);
    plat_release(base, len_bytes);
}

TEST(vk_plat, slot_is_zero_at_first)
{
    uint8_t *base = reserve(SLOT_BYTES, SLOT_BYTES);
    CHECK_EQ(plat_slot_map(base, SLOT_BYTES, true), 0);
    CHECK_EQ(plat_protect(base, SLOT_BYTES, PLAT_PROT_RW), 0);
    CHECK(is_zero(base, SLOT_BYTES));
    plat_release(base, SLOT_BYTES);
}

TEST(vk_plat, closing_and_opening_keeps_the_content)
{
    uint8_t *base = reserve(2 * SLOT_BYTES, SLOT_BYTES);
    CHECK_EQ(plat_slot_map(base, SLOT_BYTES, false), 0);
    CHECK_EQ(plat_slot_map(base + SLOT_BYTES, SLOT_BYTES, true), 0);
    CHECK_EQ(plat_protect(base, 2 * SLOT_BYTES, PLAT_PROT_RW), 0);
    for (uint32_t i = 0; i < 2 * SLOT_BYTES; i++)
        base[i] = (uint8_t)(i >> 8 ^ i);
    CHECK_EQ(plat_protect(base, SLOT_BYTES, PLAT_PROT_NONE), 0);
    CHECK_EQ(plat_protect(base, SLOT_BYTES, PLAT_PROT_RW), 0);
    CHECK_EQ(plat_protect(base + VK_PAGE_BYTES, VK_PAGE_BYTES, PLAT_PROT_NONE), 0);
    CHECK_EQ(plat_protect(base + VK_PAGE_BYTES, VK_PAGE_BYTES, PLAT_PROT_RW), 0);
    for (uint32_t i = 0; i < 2 * SLOT_BYTES; i++)
        CHECK_EQ(base[i], (uint8_t)(i >> 8 ^ i));
    plat_release(base, 2 * SLOT_BYTES);
}

TEST(vk_plat, discarded_pages_read_zero_and_their_neighbours_do_not)
{
    uint8_t *base = reserve(SLOT_BYTES, SLOT_BYTES);
    CHECK_EQ(plat_slot_map(base, SLOT_BYTES, false), 0);
    CHECK_EQ(plat_protect(base, SLOT_BYTES, PLAT_PROT_RW), 0);
    memset(base, 7, SLOT_BYTES);
    CHECK_EQ(plat_discard(base + VK_PAGE_BYTES, 2 * VK_PAGE_BYTES), 0);
    CHECK_EQ(base[VK_PAGE_BYTES - 1], 7);
    CHECK(is_zero(base + VK_PAGE_BYTES, 2 * VK_PAGE_BYTES));
    CHECK_EQ(base[3 * VK_PAGE_BYTES], 7);
    plat_release(base, SLOT_BYTES);
}

/* Each length has its own last step; a single byte anywhere is found, and what is outside stays. */
TEST(vk_plat, wipe_finds_every_byte_and_leaves_the_neighbours)
{
    static _Alignas(128) uint8_t bytes[128 * 7];
    for (size_t len = 128; len <= sizeof bytes - 256; len += 128) {
        for (size_t i = 0; i < len; i++) {
            memset(bytes, 0, sizeof bytes);
            bytes[127] = bytes[128 + len] = 7;
            CHECK(!plat_wipe(bytes + 128, len));
            bytes[128 + i] = 1;
            CHECK(plat_wipe(bytes + 128, len));
            CHECK(is_zero(bytes + 128, len) && bytes[127] == 7 && bytes[128 + len] == 7);
            CHECK(!plat_wipe(bytes + 128, len));
        }
    }
}

TEST(vk_plat, slot_mapped_anew_is_zero)
{
    uint8_t *base = reserve(SLOT_BYTES, SLOT_BYTES);
    for (uint32_t round = 0; round < 3; round++) {
        CHECK_EQ(plat_slot_map(base, SLOT_BYTES, false), 0);
        CHECK_EQ(plat_protect(base, SLOT_BYTES, PLAT_PROT_RW), 0);
        CHECK(is_zero(base, SLOT_BYTES));
        memset(base, 0xee, SLOT_BYTES);
    }
    plat_release(base, SLOT_BYTES);
}

TEST(vk_plat, released_memory_can_be_had_again_for_ever)
{
    size_t len_bytes = 4u << 20;
    for (uint32_t round = 0; round < 64; round++) { /* 256 MiB in all */
        uint8_t *base = reserve(len_bytes, VK_PAGE_BYTES);
        CHECK_EQ(plat_protect(base, len_bytes, PLAT_PROT_RW), 0);
        for (size_t at = 0; at < len_bytes; at += VK_PAGE_BYTES) {
            CHECK_EQ(base[at], 0);
            base[at] = 1;
        }
        plat_release(base, len_bytes);
    }
}

TEST(vk_plat, monotonic_clock_never_goes_back)
{
    uint64_t last_ns = plat_mono_ns();
    for (uint32_t i = 0; i < 10000; i++) {
        uint64_t now_ns = plat_mono_ns();
        CHECK(now_ns >= last_ns);
        last_ns = now_ns;
    }
}

TEST(vk_plat, idling_ends_and_time_has_passed)
{
    uint64_t deadline_ns = plat_mono_ns() + 3000000;
    while (plat_mono_ns() < deadline_ns)
        plat_idle_until(deadline_ns); /* it may return early, and must not stay for ever */
    plat_idle_until(deadline_ns);
    plat_idle_until(0);
    CHECK(plat_mono_ns() >= deadline_ns);
}

TEST(vk_plat, random_bytes_fill_any_length)
{
    uint8_t bytes[67] = {0};
    uint8_t others[67] = {0};
    for (size_t len = 0; len <= 65; len++) {
        CHECK_EQ(plat_random(bytes, len), 0);
        CHECK_EQ(bytes[len], 0);
        CHECK_EQ(bytes[len + 1], 0);
        memset(bytes, 0, sizeof bytes);
    }
    CHECK_EQ(plat_random(bytes, 64), 0);
    CHECK_EQ(plat_random(others, 64), 0);
    CHECK(test_difference(bytes, others, 64) < 64);
}

TEST(vk_plat, keys_are_distinct_and_run_out)
{
    struct plat_caps caps;
    plat_caps(&caps);
    if (!caps.keys)
        SKIP("this processor has no protection keys");
    uint32_t keys[PLAT_KEYS_MAX];
    uint32_t count = 0, seen = 0;
    while (count < PLAT_KEYS_MAX && plat_key_alloc(&keys[count]) == 0) {
        CHECK(keys[count] >= 1 && keys[count] < PLAT_KEYS_MAX);
        CHECK_EQ(seen >> keys[count] & 1, 0);
        seen |= 1u << keys[count++];
    }
    CHECK(count > 0 && count < PLAT_KEYS_MAX);
    CHECK_EQ(plat_key_alloc(&keys[count]), -VK_ENOSPC);
    while (count > 0)
        plat_key_free(keys[--count]);
}
