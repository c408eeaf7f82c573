/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a buffer belongs to one holder at a time, is as large as it says, and
 * larger classes help out. Method: borders of the classes by hand; random
 * gets and puts in which every holder fills its buffer and finds it unchanged.
 */
#include "vk/bufs.h"

#include "tests/unit/test.h"
#include "vk/err.h"

static struct vk_region region;

static void start(struct vk_bufs *bufs, const uint32_t counts[VK_BUF_CLASSES])
{
    vk_region_fini(&region);
    CHECK_EQ(vk_region_init(&region, vk_bufs_region_bytes(counts)), 0);
    CHECK_EQ(vk_bufs_init(bufs, counts, &region), 0);
}

TEST(vk_bufs, the_smallest_class_that_fits_serves)
{
    static const uint32_t counts[VK_BUF_CLASSES] = {1, 1, 1, 1, 1};
    static const uint32_t sizes[VK_BUF_CLASSES] = {512, 2048, 8192, 65536, 262144};
    struct vk_bufs bufs;
    for (size_t i = 0; i < VK_BUF_CLASSES; i++) {
        struct vk_buf buf;
        start(&bufs, counts);
        CHECK(vk_bufs_get(&bufs, sizes[i], &buf));
        CHECK_EQ(buf.cap_bytes, sizes[i]);
        CHECK_EQ(bufs.in_use, 1);
        vk_bufs_put(&bufs, &buf);
        CHECK_EQ(buf.cap_bytes, 0);
        CHECK(buf.ptr == NULL);
        CHECK_EQ(bufs.in_use, 0);
        if (i > 0) {
            CHECK(vk_bufs_get(&bufs, sizes[i - 1] + 1, &buf));
            CHECK_EQ(buf.cap_bytes, sizes[i]);
        }
    }
}

TEST(vk_bufs, what_is_too_large_gets_none)
{
    static const uint32_t counts[VK_BUF_CLASSES] = {1, 1, 1, 1, 1};
    struct vk_bufs bufs;
    struct vk_buf buf = {(uint8_t *)&bufs, 9};
    start(&bufs, counts);
    CHECK(!vk_bufs_get(&bufs, 262145, &buf));
    CHECK(buf.ptr == NULL);
    CHECK_EQ(buf.cap_bytes, 0);
    vk_bufs_put(&bufs, &buf); /* an empty one is fine */
    CHECK_EQ(bufs.in_use, 0);
}

TEST(vk_bufs, larger_classes_help_out_until_all_are_used_up)
{
    static const uint32_t counts[VK_BUF_CLASSES] = {2, 0, 1, 0, 0};
    struct vk_bufs bufs;
    struct vk_buf buf[4];
    start(&bufs, counts);
    CHECK(vk_bufs_get(&bufs, 1, &buf[0]));
    CHECK(vk_bufs_get(&bufs, 512, &buf[1]));
    CHECK(vk_bufs_get(&bufs, 0, &buf[2]));
    CHECK_EQ(buf[0].cap_bytes, 512);
    CHECK_EQ(buf[1].cap_bytes, 512);
    CHECK_EQ(buf[2].cap_bytes, 8192);
    CHECK(!vk_bufs_get(&bufs, 1, &buf[3]));
    CHECK_EQ(bufs.in_use, 3);
    uint8_t *hot = buf[0].ptr;
    vk_bufs_put(&bufs, &buf[0]);
    CHECK(vk_bufs_get(&bufs, 1, &buf[3]));
    CHECK(buf[3].ptr == hot);
}

TEST(vk_bufs, the_last_one_given_back_is_the_first_one_taken)
{
    static const uint32_t counts[VK_BUF_CLASSES] = {4, 0, 0, 0, 0};
    struct vk_bufs bufs;
    struct vk_buf buf[3];
    uint8_t *given[3];
    start(&bufs, counts);
    for (size_t i = 0; i < 3; i++)
        CHECK(vk_bufs_get(&bufs, 1, &buf[i]));
    for (size_t i = 0; i < 3; i++) {
        given[i] = buf[i].ptr;
        vk_bufs_put(&bufs, &buf[i]);
    }
    for (size_t i = 3; i > 0; i--) {
        CHECK(vk_bufs_get(&bufs, 1, &buf[0]));
        CHECK(buf[0].ptr == given[i - 1]);
    }
}

TEST(vk_bufs, a_region_too_small_is_refused)
{
    static const uint32_t counts[VK_BUF_CLASSES] = {8, 4, 2, 1, 1};
    for (size_t pages = 1; pages * 4096 < 8 * 512 + 4 * 2048 + 2 * 8192 + 65536 + 262144; pages++) {
        struct vk_bufs bufs;
        vk_region_fini(&region);
        CHECK_EQ(vk_region_init(&region, pages * 4096), 0);
        CHECK_EQ(vk_bufs_init(&bufs, counts, &region), -VK_ENOMEM);
    }
}

/* ---- many holders --------------------------------------------------------------- */

struct holder {
    struct vk_buf buf;
    uint8_t fill;
};

static void check_filled(const struct holder *holder)
{
    for (uint32_t i = 0; i < holder->buf.cap_bytes; i++)
        CHECK_EQ(holder->buf.ptr[i], holder->fill);
}

TEST(vk_bufs, no_two_holders_share_a_byte)
{
    static const uint32_t counts[VK_BUF_CLASSES] = {8, 8, 4, 1, 1};
    static struct holder holders[32];
    struct vk_bufs bufs;
    uint64_t seed = 21;
    uint32_t held = 0;
    memset(holders, 0, sizeof(holders));
    start(&bufs, counts);
    for (int round = 0; round < 5000; round++) {
        struct holder *holder = &holders[test_random_below(&seed, VK_COUNT(holders))];
        if (holder->buf.cap_bytes != 0) {
            check_filled(holder);
            vk_bufs_put(&bufs, &holder->buf);
            held--;
        } else if (vk_bufs_get(&bufs, 1u << test_random_below(&seed, 14), &holder->buf)) {
            holder->fill = (uint8_t)test_random(&seed);
            memset(holder->buf.ptr, holder->fill, holder->buf.cap_bytes);
            held++;
        }
        CHECK_EQ(bufs.in_use, held);
    }
}
