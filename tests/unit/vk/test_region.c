/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a region hands out each byte once, zeroed and aligned, up to its end. Method: borders by hand. */
#include "vk/region.h"

#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"

static struct vk_region region;

static void start(size_t len_bytes)
{
    vk_region_fini(&region);
    CHECK_EQ(vk_region_init(&region, len_bytes), 0);
}

static bool is_zero(const uint8_t *ptr, size_t len_bytes)
{
    while (len_bytes > 0)
        if (ptr[--len_bytes] != 0)
            return false;
    return true;
}

TEST(vk_region, is_rounded_up_to_pages)
{
    start(1);
    uint8_t *all = (uint8_t *)vk_region_alloc(&region, VK_PAGE_BYTES, 1);
    CHECK(all != NULL);
    CHECK(is_zero(all, VK_PAGE_BYTES));
    memset(all, 'x', VK_PAGE_BYTES);
    CHECK(vk_region_alloc(&region, 1, 1) == NULL);
    CHECK(vk_region_alloc(&region, 0, 1) != NULL);
}

TEST(vk_region, refuses_impossible_lengths)
{
    struct vk_region other;
    CHECK_EQ(vk_region_init(&other, 0), -VK_EINVAL);
    CHECK_EQ(vk_region_init(&other, SIZE_MAX), -VK_EINVAL);
    CHECK(vk_region_init(&other, SIZE_MAX - VK_PAGE_BYTES) < 0);
    vk_region_fini(&other); /* zeroed by the refusal */
    CHECK(vk_region_alloc(&other, 1, 1) == NULL);
}

TEST(vk_region, every_alignment_holds)
{
    start(1u << 20);
    for (size_t align_bytes = 1; align_bytes <= 65536; align_bytes *= 2) {
        uint8_t *one = (uint8_t *)vk_region_alloc(&region, 1, 1); /* so that the next is out of step */
        uint8_t *ptr = (uint8_t *)vk_region_alloc(&region, 3, align_bytes);
        CHECK(one != NULL && ptr != NULL);
        CHECK_EQ((uintptr_t)ptr % align_bytes, 0);
        CHECK(ptr > one);
        CHECK(is_zero(ptr, 3));
        memset(ptr, 'x', 3);
    }
}

TEST(vk_region, a_refusal_changes_nothing)
{
    start(2 * VK_PAGE_BYTES);
    uint8_t *first = (uint8_t *)vk_region_alloc(&region, 100, 1);
    CHECK(vk_region_alloc(&region, 2 * VK_PAGE_BYTES - 99, 1) == NULL);
    CHECK(vk_region_alloc(&region, SIZE_MAX, 1) == NULL);
    CHECK(vk_region_alloc(&region, SIZE_MAX - 7, 8) == NULL);
    CHECK(vk_region_alloc(&region, VK_PAGE_BYTES + 1, VK_PAGE_BYTES) == NULL);
    CHECK(vk_region_alloc(&region, 1, (size_t)1 << 40) == NULL); /* the padding alone passes the end */
    CHECK(vk_region_alloc(&region, 2 * VK_PAGE_BYTES - 100, 1) == first + 100);
}

TEST(vk_region, what_is_taken_back_is_handed_out_again_zeroed)
{
    static const size_t lens[] = {0, 1, 100, VK_PAGE_BYTES - 100, VK_PAGE_BYTES, 3 * VK_PAGE_BYTES + 7};
    for (size_t i = 0; i < VK_COUNT(lens); i++) {
        start(5 * VK_PAGE_BYTES);
        uint8_t *kept = (uint8_t *)vk_region_alloc(&region, 100, 1);
        size_t used_bytes = region.used_bytes;
        memset(kept, 'k', 100);
        uint8_t *gone = (uint8_t *)vk_region_alloc(&region, lens[i], 1);
        memset(gone, 'x', lens[i]);
        vk_region_rewind(&region, used_bytes);
        CHECK_EQ(kept[99], 'k');
        CHECK(vk_region_alloc(&region, 5 * VK_PAGE_BYTES - 100, 1) == gone);
        CHECK(is_zero(gone, 5 * VK_PAGE_BYTES - 100));
    }
}

TEST(vk_region, fini_accepts_zeroed_and_comes_twice)
{
    struct vk_region other = {0};
    vk_region_fini(&other);
    CHECK_EQ(vk_region_init(&other, 4096), 0);
    vk_region_fini(&other);
    vk_region_fini(&other);
    CHECK(vk_region_alloc(&other, 1, 1) == NULL);
}
