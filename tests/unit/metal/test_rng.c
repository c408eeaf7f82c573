/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: random bytes arrive whole and once, and a device that breaks the rules or
 * says nothing is an error that passes. Method: a fake device whose bytes are known.
 */
#include "metal/frames.h"
#include "metal/virtio/rng.h"
#include "tests/unit/metal/fake.h"

static struct fake fake;
static struct metal_rng rng;
static uint32_t piece_max; /* bytes it gives at once */
static uint8_t next_byte;
static uint8_t bytes[2000];

static void answer(struct fake *device, uint32_t queue)
{
    uint16_t id;
    CHECK_EQ(queue, 0);
    while (fake_take(device, queue, &id)) {
        const struct metal_queue_desc *desc = &device->queues[queue].rings->desc[id];
        uint32_t len = desc->len_bytes < piece_max ? desc->len_bytes : piece_max;
        uint8_t *memory = (uint8_t *)(uintptr_t)desc->address;
        for (uint32_t i = 0; i < len; i++)
            memory[i] = next_byte++;
        fake_use(device, queue, id, len);
    }
}

static void answer_with_nothing(struct fake *device, uint32_t queue)
{
    uint16_t id;
    CHECK(fake_take(device, queue, &id));
    fake_use(device, queue, id, 0);
}

static void answer_too_much(struct fake *device, uint32_t queue)
{
    uint16_t id;
    CHECK(fake_take(device, queue, &id));
    fake_use(device, queue, id, 100000);
}

static void answer_for_another(struct fake *device, uint32_t queue)
{
    fake_use(device, queue, 1, 8);
}

static void start(void)
{
    fake_init(&fake);
    fake.on_kick = answer;
    piece_max = UINT32_MAX;
    next_byte = 1;
    CHECK_EQ(metal_rng_open(&rng, &fake.virtio), 0);
}

TEST(metal_virtio_rng, bytes_of_any_length_arrive_in_order)
{
    static const uint32_t pieces[] = {1, 7, 256, UINT32_MAX};
    start();
    for (uint32_t p = 0; p < VK_COUNT(pieces); p++) {
        piece_max = pieces[p];
        for (size_t len = 0; len < sizeof bytes; len += 37) {
            uint8_t expected = next_byte;
            CHECK_EQ(metal_rng_read(&rng, bytes, len), 0);
            for (size_t i = 0; i < len; i++)
                CHECK_EQ(bytes[i], expected++);
            CHECK_EQ(next_byte, expected); /* none was fetched in vain */
        }
    }
    for (uint32_t i = 0; i < VK_PAGE_BYTES; i++)
        CHECK_EQ(rng.memory[i], 0);
    metal_rng_close(&rng);
    metal_rng_close(&rng);
}

TEST(metal_virtio_rng, broken_rules_are_an_error_that_passes)
{
    static void (*const wrong[])(struct fake * device, uint32_t queue) = {
        answer_with_nothing, answer_too_much, answer_for_another, NULL};
    size_t free_count = metal_frames_free();
    start();
    for (uint32_t i = 0; i < VK_COUNT(wrong); i++) {
        fake.on_kick = wrong[i]; /* the last one says nothing at all */
        CHECK_EQ(metal_rng_read(&rng, bytes, 100), -VK_EIO);
        fake.on_kick = answer;
        CHECK_EQ(metal_rng_read(&rng, bytes, 100), 0);
        CHECK_EQ((uint8_t)(bytes[0] + 99), bytes[99]);
    }
    fake.on_kick = NULL;
    fake.refuses_features = true;
    fake.queues[0].rings->used->index = 77;
    CHECK_EQ(metal_rng_read(&rng, bytes, 1), -VK_EIO);
    CHECK_EQ(metal_rng_read(&rng, bytes, 1), -VK_EIO);
    metal_rng_close(&rng);
    CHECK_EQ(metal_frames_free(), free_count);
}

TEST(metal_virtio_rng, unusable_device_takes_no_memory)
{
    size_t free_count = metal_frames_free();
    fake_init(&fake);
    fake.refuses_queues = true;
    CHECK_EQ(metal_rng_open(&rng, &fake.virtio), -VK_EIO);
    fake.refuses_queues = false;
    fake.queue_max = 0; /* it has no queue at all */
    CHECK_EQ(metal_rng_open(&rng, &fake.virtio), -VK_ENOTSUP);
    fake.queue_max = 1024;
    fake.offered = 0;
    CHECK_EQ(metal_rng_open(&rng, &fake.virtio), -VK_ENOTSUP);
    CHECK_EQ(metal_frames_free(), free_count);
}

/* It may go on writing. */
TEST(metal_virtio_rng, device_that_cannot_be_stopped_keeps_its_memory)
{
    size_t free_count = metal_frames_free();
    start();
    fake.stuck_resets = UINT32_MAX;
    metal_rng_close(&rng);
    CHECK(metal_frames_free() < free_count);
}

TEST(metal_virtio_rng, without_memory_it_is_not_opened)
{
    uint64_t hoard = fake_hoard(0);
    fake_init(&fake);
    CHECK_EQ(metal_rng_open(&rng, &fake.virtio), -VK_ENOMEM);
    CHECK_EQ(fake.resets, 0);
    while (hoard != METAL_FRAME_NONE)
        hoard = fake_share(hoard);
}
