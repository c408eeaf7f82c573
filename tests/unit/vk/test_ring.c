/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what goes into a ring comes out once, in order, across the end of its
 * memory and across the end of size_t. Method: cases by hand; then random
 * operations against a counter, since byte n of the stream is a function of n.
 */
#include "vk/ring.h"

#include "tests/unit/test.h"
#include "vk/err.h"

static uint8_t byte_at(uint64_t n)
{
    return (uint8_t)(n * 131 + (n >> 8));
}

TEST(vk_ring, capacity_must_be_a_power_of_two)
{
    uint8_t memory[8];
    struct vk_ring ring;
    CHECK_EQ(vk_ring_init(&ring, memory, 0), -VK_EINVAL);
    CHECK_EQ(vk_ring_init(&ring, memory, 6), -VK_EINVAL);
    CHECK_EQ(vk_ring_init(&ring, NULL, 8), -VK_EINVAL);
    CHECK_EQ(vk_ring_init(&ring, memory, 1), 0);
    CHECK_EQ(vk_ring_init(&ring, memory, 8), 0);
    CHECK_EQ(vk_ring_capacity(&ring), 8);
    CHECK_EQ(vk_ring_used(&ring), 0);
    CHECK_EQ(vk_ring_free(&ring), 8);
}

TEST(vk_ring, reserve_past_free_is_refused)
{
    uint8_t memory[8];
    struct vk_ring ring;
    struct vk_rooms rooms = {{NULL, 99}, {NULL, 99}};
    CHECK_EQ(vk_ring_init(&ring, memory, 8), 0);
    CHECK_EQ(vk_ring_reserve(&ring, 9, &rooms), -VK_ETOOBIG);
    CHECK_EQ(vk_ring_reserve(&ring, SIZE_MAX, &rooms), -VK_ETOOBIG);
    CHECK_EQ(rooms.first.len, 99);
    CHECK_EQ(vk_ring_reserve(&ring, 8, &rooms), 0);
    CHECK_EQ(rooms.first.len, 8);
    CHECK_EQ(rooms.second.len, 0);
    vk_ring_commit(&ring, 3);
    CHECK_EQ(vk_ring_reserve(&ring, 6, &rooms), -VK_EAGAIN);
    CHECK_EQ(vk_ring_reserve(&ring, 5, &rooms), 0);
    CHECK_EQ(vk_ring_used(&ring), 3);
}

TEST(vk_ring, nothing_is_readable_before_commit)
{
    uint8_t memory[8];
    struct vk_ring ring;
    struct vk_rooms rooms;
    struct vk_spans spans;
    CHECK_EQ(vk_ring_init(&ring, memory, 8), 0);
    CHECK_EQ(vk_ring_reserve(&ring, 4, &rooms), 0);
    memcpy(rooms.first.ptr, "abcd", 4);
    CHECK_EQ(vk_ring_peek(&ring, &spans), 0);
    CHECK_EQ(spans.first.len, 0);
    vk_ring_commit(&ring, 2);
    CHECK_EQ(vk_ring_peek(&ring, &spans), 2);
    CHECK_MEM(spans.first.ptr, "ab", 2u);
}

TEST(vk_ring, a_view_across_the_end_has_two_spans)
{
    uint8_t memory[8];
    char text[8];
    struct vk_ring ring;
    struct vk_rooms rooms;
    struct vk_spans spans;
    CHECK_EQ(vk_ring_init(&ring, memory, 8), 0);
    CHECK_EQ(vk_ring_write(&ring, VK_SPAN_LIT("012345")), 0);
    CHECK_EQ(vk_ring_read(&ring, text, 5), 5);
    CHECK_MEM(text, "01234", 5u);
    vk_ring_reserve_all(&ring, &rooms);
    CHECK(rooms.first.ptr == memory + 6);
    CHECK_EQ(rooms.first.len, 2);
    CHECK(rooms.second.ptr == memory);
    CHECK_EQ(rooms.second.len, 5);
    CHECK_EQ(vk_ring_write(&ring, VK_SPAN_LIT("6789abc")), 0);
    CHECK_EQ(vk_ring_free(&ring), 0);
    CHECK_EQ(vk_ring_peek(&ring, &spans), 8);
    CHECK_EQ(spans.first.len, 3);
    CHECK_MEM(spans.first.ptr, "567", 3u);
    CHECK_EQ(spans.second.len, 5);
    CHECK_MEM(spans.second.ptr, "89abc", 5u);
    CHECK_EQ(vk_ring_read(&ring, text, 8), 8);
    CHECK_MEM(text, "56789abc", 8u);
}

TEST(vk_ring, a_write_that_does_not_fit_changes_nothing)
{
    uint8_t memory[4];
    char text[4];
    struct vk_ring ring;
    CHECK_EQ(vk_ring_init(&ring, memory, 4), 0);
    CHECK_EQ(vk_ring_write(&ring, VK_SPAN_LIT("abcde")), -VK_ETOOBIG);
    CHECK_EQ(vk_ring_write(&ring, VK_SPAN_LIT("abc")), 0);
    CHECK_EQ(vk_ring_write(&ring, VK_SPAN_LIT("de")), -VK_EAGAIN);
    CHECK_EQ(vk_ring_write(&ring, vk_span(NULL, 0)), 0);
    CHECK_EQ(vk_ring_read(&ring, text, 4), 3);
    CHECK_MEM(text, "abc", 3u);
    CHECK_EQ(vk_ring_read(&ring, text, 4), 0);
}

TEST(vk_ring, reset_forgets_everything)
{
    uint8_t memory[4];
    struct vk_ring ring;
    CHECK_EQ(vk_ring_init(&ring, memory, 4), 0);
    CHECK_EQ(vk_ring_write(&ring, VK_SPAN_LIT("abc")), 0);
    vk_ring_reset(&ring);
    CHECK_EQ(vk_ring_used(&ring), 0);
    CHECK_EQ(vk_ring_free(&ring), 4);
}

static void fill(struct vk_room room, uint64_t *n)
{
    for (size_t i = 0; i < room.len; i++)
        room.ptr[i] = byte_at((*n)++);
}

static void check_span(struct vk_span span, uint64_t *n)
{
    for (size_t i = 0; i < span.len; i++)
        CHECK_EQ(span.ptr[i], byte_at((*n)++));
}

static void run_stream(struct vk_ring *ring, uint64_t seed)
{
    uint64_t written = 0;
    uint64_t read = 0;
    for (int round = 0; round < 20000; round++) {
        uint32_t want = test_random_below(&seed, (uint32_t)vk_ring_capacity(ring) + 1);
        struct vk_rooms rooms;
        struct vk_spans spans;
        if (test_random_below(&seed, 2) == 0) {
            bool fits = want <= vk_ring_free(ring);
            CHECK_EQ(vk_ring_reserve(ring, want, &rooms), fits ? 0 : -VK_EAGAIN);
            if (!fits)
                continue;
            CHECK_EQ(rooms.first.len + rooms.second.len, want);
            fill(rooms.first, &written);
            fill(rooms.second, &written);
            vk_ring_commit(ring, want);
        } else {
            uint64_t at = read;
            CHECK_EQ(vk_ring_peek(ring, &spans), written - read);
            check_span(spans.first, &at);
            check_span(spans.second, &at);
            CHECK_EQ(at, written);
            want = want < vk_ring_used(ring) ? want : (uint32_t)vk_ring_used(ring);
            vk_ring_consume(ring, want);
            read += want;
        }
        CHECK_EQ(vk_ring_used(ring), written - read);
    }
    CHECK(read > 1000);
}

TEST(vk_ring, a_long_stream_arrives_in_order)
{
    static uint8_t memory[64];
    for (size_t capacity = 1; capacity <= sizeof(memory); capacity *= 2) {
        struct vk_ring ring;
        CHECK_EQ(vk_ring_init(&ring, memory, capacity), 0);
        run_stream(&ring, 100 + capacity);
    }
}

TEST(vk_ring, the_counters_may_wrap)
{
    static uint8_t memory[64];
    struct vk_ring ring;
    CHECK_EQ(vk_ring_init(&ring, memory, sizeof(memory)), 0);
    ring.head = SIZE_MAX - 1000;
    ring.tail = ring.head;
    run_stream(&ring, 77);
    CHECK(ring.tail < SIZE_MAX / 2);
}
