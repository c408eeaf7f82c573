/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: text arrives whole, and a device that breaks the rules or reads nothing
 * is given up. Method: a fake device that keeps what it reads.
 */
#include "metal/frames.h"
#include "metal/virtio/console.h"
#include "tests/unit/metal/fake.h"

#define TEXT_BYTES 10000u

static struct fake fake;
static struct metal_virtio_console console;
static char text[TEXT_BYTES];
static char seen[TEXT_BYTES];
static size_t seen_len;

static void read_all(struct fake *device, uint32_t queue)
{
    uint16_t id;
    CHECK_EQ(queue, 1);
    while (fake_take(device, queue, &id)) {
        const struct metal_queue_desc *desc = &device->queues[queue].rings->desc[id];
        CHECK(desc->flags == 0 && desc->len_bytes <= sizeof seen - seen_len);
        memcpy(seen + seen_len, (const void *)(uintptr_t)desc->address, desc->len_bytes);
        seen_len += desc->len_bytes;
        fake_use(device, queue, id, 0);
    }
}

static void write_to_it(struct fake *device, uint32_t queue)
{
    uint16_t id;
    CHECK(fake_take(device, queue, &id));
    fake_use(device, queue, id, 1);
}

static void jump(struct fake *device, uint32_t queue)
{
    device->queues[queue].used = 500;
    fake_show(device, queue);
}

static void start(void)
{
    fake_init(&fake);
    fake.on_kick = read_all;
    seen_len = 0;
    CHECK_EQ(metal_virtio_console_open(&console, &fake.virtio), 0);
}

TEST(metal_virtio_console, text_of_any_length_arrives)
{
    static const size_t lengths[] = {0, 1, 80, 4095, 4096, 4097, 8192, TEXT_BYTES};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * 7 % 26);
    start();
    for (uint32_t i = 0; i < VK_COUNT(lengths); i++) {
        seen_len = 0;
        CHECK_EQ(metal_virtio_console_write(&console, text, lengths[i]), 0);
        CHECK_EQ(seen_len, lengths[i]);
        CHECK_MEM(seen, text, lengths[i]);
    }
    metal_virtio_console_close(&console);
}

TEST(metal_virtio_console, broken_rules_and_silence_end_it)
{
    static void (*const wrong[])(struct fake * device, uint32_t queue) = {write_to_it, jump, NULL};
    size_t free_count = metal_frames_free();
    for (uint32_t i = 0; i < VK_COUNT(wrong); i++) {
        start();
        fake.on_kick = wrong[i];
        CHECK_EQ(metal_virtio_console_write(&console, "text", 4), -VK_EIO);
        uint32_t kicks = fake.queues[1].kicks;
        CHECK_EQ(metal_virtio_console_write(&console, "text", 4), -VK_EIO);
        CHECK_EQ(fake.queues[1].kicks, kicks);
        metal_virtio_console_close(&console);
        metal_virtio_console_close(&console);
        CHECK_EQ(metal_frames_free(), free_count);
    }
}

/* The device may go on reading. */
TEST(metal_virtio_console, device_that_cannot_be_stopped_keeps_its_memory)
{
    size_t free_count = metal_frames_free();
    start();
    fake.stuck_resets = UINT32_MAX;
    metal_virtio_console_close(&console);
    CHECK(metal_frames_free() < free_count);
}

TEST(metal_virtio_console, nothing_is_written_where_there_is_none)
{
    console = (struct metal_virtio_console){0};
    CHECK_EQ(metal_virtio_console_write(&console, "text", 4), -VK_EIO);
    metal_virtio_console_close(&console);
}

TEST(metal_virtio_console, without_memory_it_is_not_opened)
{
    uint64_t hoard = fake_hoard(0);
    fake_init(&fake);
    CHECK_EQ(metal_virtio_console_open(&console, &fake.virtio), -VK_ENOMEM);
    CHECK_EQ(fake.resets, 0);
    while (hoard != METAL_FRAME_NONE)
        hoard = fake_share(hoard);
}
