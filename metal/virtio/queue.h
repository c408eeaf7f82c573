/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtqueue in its split form (virtio 1.2, 2.7), driver's side: memory shared
 * with a device, through which buffers are lent to it and come back. One for
 * every transport and every kind of device.
 *
 * Nothing that the device writes is believed: an index that jumps, a buffer
 * that it does not have, or more bytes than there was room for is -VK_EMALFORMED,
 * after which only metal_queue_reset makes the queue usable. What the driver
 * must remember is in memory of its own and never read back from the rings.
 *
 * Buffers lie in frames, whose address is also their physical one.
 */
#ifndef METAL_VIRTIO_QUEUE_H
#define METAL_VIRTIO_QUEUE_H

#include "vk/base.h"
#include "vk/limits.h"

/* A piece of a buffer. */
struct metal_queue_piece {
    void *data;
    uint32_t len_bytes;
};

/* A buffer that came back. */
struct metal_queue_used {
    uint16_t cookie;    /* as given to metal_queue_add */
    uint32_t len_bytes; /* written by the device from the buffer's start on */
};

struct metal_queue_desc;
struct metal_queue_avail;
struct metal_queue_used_ring;

struct metal_queue {
    /* Shared with the device; where they are is told to it once. Written through these only. */
    struct metal_queue_desc *desc;
    struct metal_queue_avail *avail;
    struct metal_queue_used_ring *used;

    /* private */
    uint16_t size;       /* entries; a power of two, at most METAL_QUEUE_MAX */
    uint16_t free_first; /* list of free entries, through next[] */
    uint16_t free_count;
    uint16_t added; /* buffers given to the device since the reset, and taken back; both wrap */
    uint16_t taken;
    uint16_t kicked;      /* `added` when the device was last told or did not want to be */
    bool has_event_index; /* VIRTIO_F_EVENT_IDX: both sides say at which entry they want to be woken */
    struct {
        uint16_t next;   /* of the free list, or of the buffer's pieces */
        uint16_t pieces; /* of the buffer that begins here; 0: none does, or the device does not have it */
        uint16_t cookie; /* ... */
        uint32_t room_bytes; /* ... what the device may write; 0: it may only read */
    } entries[METAL_QUEUE_MAX];
};

/* Take frames for a queue of so many entries. -VK_ENOMEM; nothing is taken then. */
int metal_queue_init(struct metal_queue *queue, uint16_t size);
void metal_queue_fini(struct metal_queue *queue); /* accepts zeroed; the device must have been stopped */

/* Forget every buffer and begin anew. The device must have been stopped. */
void metal_queue_reset(struct metal_queue *queue, bool has_event_index);

/*
 * Lend a buffer of 1 or more pieces to the device, to read or to write, which may
 * begin at once or need a kick. -VK_EAGAIN: not so many entries are free.
 */
int metal_queue_add(struct metal_queue *queue, const struct metal_queue_piece *pieces, uint16_t count,
                    bool is_writable, uint16_t cookie);

/* Whether the device must be told of what was added since the last call. */
bool metal_queue_must_kick(struct metal_queue *queue);

/* How many buffers have come back and were not taken yet. -VK_EMALFORMED: more than were lent. */
int metal_queue_ready(const struct metal_queue *queue, uint16_t *ret_count);

/* The next of those; there is one. -VK_EMALFORMED. */
int metal_queue_take(struct metal_queue *queue, struct metal_queue_used *ret_used);

/*
 * Interrupts on: one for the next buffer that comes back. What came back before
 * may go without: look once more with metal_queue_ready before sleeping. Off:
 * few or none come.
 */
void metal_queue_arm(struct metal_queue *queue);
void metal_queue_disarm(struct metal_queue *queue);

/* Buffers that the device has. */
VK_INLINE uint16_t metal_queue_lent(const struct metal_queue *queue)
{
    return (uint16_t)(queue->added - queue->taken);
}

#endif
