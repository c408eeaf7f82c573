/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a queue lends and takes back what it should, wakes and is woken as the
 * event index says, and refuses whatever a device may not do. Method: the test
 * writes the device's part of the rings itself; what they must be is counted
 * apart from them.
 */
#include "metal/frames.h"
#include "tests/unit/metal/fake.h"

#define SIZE   8u
#define ROUNDS 70000u /* so that every index wraps */

static struct metal_queue queue;
static uint8_t memory[4][64];

static void start(uint16_t size, bool has_event_index)
{
    CHECK_EQ(metal_queue_init(&queue, size), 0);
    metal_queue_reset(&queue, has_event_index);
}

static int lend(uint16_t pieces, bool is_writable, uint16_t cookie)
{
    struct metal_queue_piece list[4];
    for (uint16_t i = 0; i < pieces; i++)
        list[i] = (struct metal_queue_piece){memory[i], 64};
    return metal_queue_add(&queue, list, pieces, is_writable, cookie);
}

/* The device gives a buffer back. */
static void use(uint32_t id, uint32_t len_bytes)
{
    uint16_t at = queue.used->index;
    queue.used->entries[at & (queue.size - 1)] = (struct metal_queue_used_entry){id, len_bytes};
    queue.used->index = (uint16_t)(at + 1);
}

/* First descriptor of the buffer that was lent last. */
static uint16_t last_lent(void)
{
    return queue.avail->entries[(uint16_t)(queue.avail->index - 1) & (queue.size - 1)];
}

static uint16_t ready(void)
{
    uint16_t count = 0;
    CHECK_EQ(metal_queue_ready(&queue, &count), 0);
    return count;
}

static void set_kick_at(uint16_t index)
{
    memcpy(&queue.used->entries[queue.size], &index, sizeof index);
}

TEST(metal_virtio_queue, describes_a_buffer_piece_by_piece)
{
    start(SIZE, false);
    CHECK_EQ(lend(3, true, 7), 0);
    CHECK_EQ(queue.avail->index, 1);
    const struct metal_queue_desc *desc = &queue.desc[last_lent()];
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(desc->address, (uintptr_t)memory[i]);
        CHECK_EQ(desc->len_bytes, 64);
        CHECK_EQ(desc->flags, i < 2 ? METAL_DESC_WRITE | METAL_DESC_NEXT : METAL_DESC_WRITE);
        desc = &queue.desc[desc->next];
    }
    use(last_lent(), 192);
    struct metal_queue_used used;
    CHECK_EQ(ready(), 1);
    CHECK_EQ(metal_queue_take(&queue, &used), 0);
    CHECK_EQ(used.cookie, 7);
    CHECK_EQ(used.len_bytes, 192);
    CHECK_EQ(ready(), 0);
    metal_queue_fini(&queue);
}

TEST(metal_virtio_queue, lends_as_many_pieces_as_it_has_entries)
{
    start(SIZE, false);
    CHECK_EQ(lend(4, false, 0), 0);
    CHECK_EQ(lend(3, false, 1), 0);
    CHECK_EQ(lend(2, false, 2), -VK_EAGAIN);
    CHECK_EQ(lend(1, false, 2), 0);
    CHECK_EQ(lend(1, false, 3), -VK_EAGAIN);
    CHECK_EQ(metal_queue_lent(&queue), 3);
    metal_queue_fini(&queue);
}

TEST(metal_virtio_queue, gives_its_frames_back)
{
    static const uint16_t sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    size_t free_count = metal_frames_free();
    for (uint32_t i = 0; i < VK_COUNT(sizes); i++) {
        start(sizes[i], true);
        CHECK_EQ(metal_frames_free(), free_count - (sizes[i] == 256 ? 2 : 1));
        CHECK_EQ((uintptr_t)queue.desc % 16, 0);
        CHECK_EQ((uintptr_t)queue.avail % 2, 0);
        CHECK_EQ((uintptr_t)queue.used % 4, 0);
        metal_queue_fini(&queue);
        metal_queue_fini(&queue);
        CHECK_EQ(metal_frames_free(), free_count);
    }
}

/* Buffers come back in an order of their own, through every wrap of the indices. */
TEST(metal_virtio_queue, takes_back_in_any_order_for_ever)
{
    uint64_t seed = 11;
    uint16_t lent[SIZE] = {0}, ids[SIZE] = {0}, count = 0, cookie = 0;
    start(SIZE, true);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        while (count < SIZE && test_random_below(&seed, 3) > 0) {
            CHECK_EQ(lend(1, true, cookie), 0);
            ids[count] = last_lent();
            lent[count++] = cookie++;
        }
        while (count > 0 && test_random_below(&seed, 3) > 0) {
            uint32_t at = test_random_below(&seed, count);
            struct metal_queue_used used;
            use(ids[at], at);
            CHECK_EQ(ready(), 1);
            CHECK_EQ(metal_queue_take(&queue, &used), 0);
            CHECK_EQ(used.cookie, lent[at]);
            CHECK_EQ(used.len_bytes, at);
            lent[at] = lent[--count];
            ids[at] = ids[count];
        }
        CHECK_EQ(metal_queue_lent(&queue), count);
    }
    metal_queue_fini(&queue);
}

TEST(metal_virtio_queue, index_that_jumps_is_refused)
{
    uint16_t count;
    start(SIZE, false);
    CHECK_EQ(lend(1, true, 0), 0);
    CHECK_EQ(lend(1, true, 1), 0);
    static const uint16_t jumps[] = {3, 9, 1000, 32768, 65535};
    for (uint32_t i = 0; i < VK_COUNT(jumps); i++) {
        queue.used->index = jumps[i];
        CHECK_EQ(metal_queue_ready(&queue, &count), -VK_EMALFORMED);
    }
    queue.used->index = 2;
    CHECK_EQ(ready(), 2);
    metal_queue_fini(&queue);
}

TEST(metal_virtio_queue, buffer_that_was_not_lent_is_refused)
{
    struct metal_queue_used used;
    start(SIZE, false);
    CHECK_EQ(lend(3, true, 0), 0);
    uint16_t head = last_lent(), middle = queue.desc[head].next;
    CHECK_EQ(lend(1, true, 1), 0);
    uint16_t other = last_lent();
    static const uint32_t beyond[] = {SIZE, SIZE + 1, 65536, 0x80000000, UINT32_MAX};
    for (uint32_t i = 0; i < VK_COUNT(beyond); i++) {
        use(beyond[i], 0);
        CHECK_EQ(metal_queue_take(&queue, &used), -VK_EMALFORMED);
        queue.used->index--;
    }
    for (uint16_t id = 0; id < SIZE; id++) {
        if (id == head || id == other)
            continue;
        use(id, 0); /* the middle of a buffer among them */
        CHECK_EQ(metal_queue_take(&queue, &used), -VK_EMALFORMED);
        queue.used->index--;
    }
    CHECK(middle != head && middle != other);
    use(head, 0);
    CHECK_EQ(metal_queue_take(&queue, &used), 0);
    use(head, 0); /* a second time */
    CHECK_EQ(metal_queue_take(&queue, &used), -VK_EMALFORMED);
    metal_queue_fini(&queue);
}

TEST(metal_virtio_queue, more_bytes_than_room_are_refused)
{
    struct metal_queue_used used;
    start(SIZE, false);
    CHECK_EQ(lend(2, true, 0), 0);
    use(last_lent(), 129);
    CHECK_EQ(metal_queue_take(&queue, &used), -VK_EMALFORMED);
    queue.used->index--;
    use(last_lent(), 128);
    CHECK_EQ(metal_queue_take(&queue, &used), 0);
    CHECK_EQ(lend(1, false, 0), 0); /* to be read only: not one byte */
    use(last_lent(), 1);
    CHECK_EQ(metal_queue_take(&queue, &used), -VK_EMALFORMED);
    queue.used->index--;
    use(last_lent(), 0);
    CHECK_EQ(metal_queue_take(&queue, &used), 0);
    metal_queue_fini(&queue);
}

/* A kick is due when the index that the device named lies among those added since the last look. */
TEST(metal_virtio_queue, kicks_when_the_device_asked_for_it)
{
    uint64_t seed = 5;
    uint16_t total = 0;
    start(SIZE, true);
    CHECK(!metal_queue_must_kick(&queue));
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint16_t wanted = (uint16_t)(total + test_random_below(&seed, 2 * SIZE) - SIZE);
        uint16_t count = (uint16_t)test_random_below(&seed, SIZE + 1);
        bool is_due = false;
        set_kick_at(wanted);
        for (uint16_t at = 0; at < count; at++) {
            CHECK_EQ(lend(1, true, 0), 0);
            is_due = is_due || total == wanted;
            total++;
        }
        CHECK_EQ(metal_queue_must_kick(&queue), is_due);
        for (uint16_t at = 0; at < count; at++) {
            struct metal_queue_used used;
            use(queue.avail->entries[(uint16_t)(total - count + at) & (SIZE - 1)], 0);
            CHECK_EQ(metal_queue_take(&queue, &used), 0);
        }
    }
    metal_queue_fini(&queue);
}

TEST(metal_virtio_queue, without_an_event_index_the_flags_decide)
{
    start(SIZE, false);
    CHECK_EQ(queue.avail->flags, METAL_AVAIL_NO_INTERRUPT);
    metal_queue_arm(&queue);
    CHECK_EQ(queue.avail->flags, 0);
    metal_queue_disarm(&queue);
    CHECK_EQ(queue.avail->flags, METAL_AVAIL_NO_INTERRUPT);
    CHECK_EQ(lend(1, true, 0), 0);
    CHECK(metal_queue_must_kick(&queue));
    queue.used->flags = METAL_USED_NO_KICK;
    CHECK_EQ(lend(1, true, 0), 0);
    CHECK(!metal_queue_must_kick(&queue));
    queue.used->flags = 0;
    CHECK_EQ(lend(1, true, 0), 0);
    CHECK(metal_queue_must_kick(&queue));
    metal_queue_fini(&queue);
}

/* The device interrupts when the entry asked for lies among those it used since it looked last. */
TEST(metal_virtio_queue, armed_it_is_woken_by_the_next_buffer_and_disarmed_by_none)
{
    struct metal_queue_used used;
    start(SIZE, true);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint16_t before = queue.used->index;
        bool is_armed = i % 3 == 0;
        if (is_armed)
            metal_queue_arm(&queue);
        else
            metal_queue_disarm(&queue);
        CHECK_EQ(lend(1, true, 0), 0);
        use(last_lent(), 0);
        uint16_t event = queue.avail->entries[SIZE];
        bool is_woken = (uint16_t)(queue.used->index - event - 1) < (uint16_t)(queue.used->index - before);
        CHECK_EQ(is_woken, is_armed);
        CHECK_EQ(metal_queue_take(&queue, &used), 0);
    }
    metal_queue_fini(&queue);
}

TEST(metal_virtio_queue, without_memory_it_takes_none)
{
    for (size_t left = 0; left < 2; left++) {
        uint64_t hoarded = fake_hoard(left);
        CHECK_EQ(metal_queue_init(&queue, 256), -VK_ENOMEM);
        CHECK_EQ(metal_frames_free(), left);
        while (hoarded != METAL_FRAME_NONE)
            hoarded = fake_share(hoarded);
    }
}
