/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of bytes over the caller's memory: a bounded stream between a writer
 * and a reader of one thread. Both see it through at most two spans, the part
 * up to the end of the memory and the part from its start, so bytes are
 * produced and consumed in place.
 *
 * head and tail count all bytes ever consumed and committed; they wrap with
 * size_t, and the capacity is a power of two, so their difference is always
 * what the ring holds and no byte is lost to tell full from empty.
 * Source: Lamport, "Specifying concurrent program modules", 1983.
 */
#ifndef VK_RING_H
#define VK_RING_H

#include "vk/bytes.h"

struct vk_ring {
    /* private */
    uint8_t *bytes;
    size_t mask; /* capacity - 1 */
    size_t head; /* consumed so far */
    size_t tail; /* committed so far; tail - head <= capacity */
};

/* A view of stored bytes, in order; second.len is 0 unless first reaches the end of the memory. */
struct vk_spans {
    struct vk_span first;
    struct vk_span second;
};

/* Room to write to; the same shape. */
struct vk_rooms {
    struct vk_room first;
    struct vk_room second;
};

/* memory holds capacity_bytes, a power of two, and outlives the ring. -VK_EINVAL. */
int vk_ring_init(struct vk_ring *ring, void *memory, size_t capacity_bytes);

VK_INLINE size_t vk_ring_capacity(const struct vk_ring *ring)
{
    return ring->mask + 1;
}

/* Bytes that can be read. */
VK_INLINE size_t vk_ring_used(const struct vk_ring *ring)
{
    return ring->tail - ring->head;
}

/* Bytes that can be written. */
VK_INLINE size_t vk_ring_free(const struct vk_ring *ring)
{
    return vk_ring_capacity(ring) - vk_ring_used(ring);
}

/*
 * Room for exactly len_bytes at the tail, valid until the next commit or
 * reset. Nothing is readable before commit; reserving again starts anew.
 * Returns 0; -VK_EAGAIN when the reader has not freed enough yet; -VK_ETOOBIG
 * when it never can.
 */
int vk_ring_reserve(struct vk_ring *ring, size_t len_bytes, struct vk_rooms *ret_rooms);

/* All room there is; may be empty. For receiving as much as comes. */
void vk_ring_reserve_all(struct vk_ring *ring, struct vk_rooms *ret_rooms);

/* Make the first len_bytes of the room readable; at most what is free. */
VK_INLINE void vk_ring_commit(struct vk_ring *ring, size_t len_bytes)
{
    vk_assert(len_bytes <= vk_ring_free(ring));
    ring->tail += len_bytes;
}

/* What can be read, oldest first, valid until consumed. Returns its length. */
size_t vk_ring_peek(const struct vk_ring *ring, struct vk_spans *ret_spans);

/* Forget the oldest len_bytes; at most what is used. */
VK_INLINE void vk_ring_consume(struct vk_ring *ring, size_t len_bytes)
{
    vk_assert(len_bytes <= vk_ring_used(ring));
    ring->head += len_bytes;
}

/* Forget everything. */
VK_INLINE void vk_ring_reset(struct vk_ring *ring)
{
    ring->head = ring->tail;
}

/* Copy all of data in and commit it. 0, -VK_EAGAIN, -VK_ETOOBIG; then nothing is changed. */
int vk_ring_write(struct vk_ring *ring, struct vk_span data);

/* Copy out and consume up to max_bytes. Returns how many. */
size_t vk_ring_read(struct vk_ring *ring, void *dst, size_t max_bytes);

#endif
