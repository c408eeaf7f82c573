/* SPDX-License-Identifier: Apache-2.0 */
/* The rings as the device sees them (virtio 1.2, 2.7.5 to 2.7.8). Little-endian, as the processor is. */
#ifndef METAL_VIRTIO_QUEUE_IMPL_H
#define METAL_VIRTIO_QUEUE_IMPL_H

#include "metal/virtio/queue.h"

#define METAL_DESC_NEXT  1u /* another piece follows: entry `next` */
#define METAL_DESC_WRITE 2u /* the device writes */

#define METAL_AVAIL_NO_INTERRUPT 1u /* both are hints, and unused with an event index */
#define METAL_USED_NO_KICK       1u

struct metal_queue_desc {
    uint64_t address;
    uint32_t len_bytes;
    uint16_t flags;
    uint16_t next;
};

/* Behind the entries of each ring stands the event index: entries[size]. */
struct metal_queue_avail {
    uint16_t flags;
    uint16_t index; /* entries ever put in; wraps */
    uint16_t entries[];
};

struct metal_queue_used_entry {
    uint32_t id; /* of the buffer's first descriptor */
    uint32_t len_bytes;
};

struct metal_queue_used_ring {
    uint16_t flags;
    uint16_t index;
    struct metal_queue_used_entry entries[];
};

_Static_assert(sizeof(struct metal_queue_desc) == 16, "fixed by the specification");
_Static_assert(sizeof(struct metal_queue_used_entry) == 8, "fixed by the specification");
_Static_assert(offsetof(struct metal_queue_used_ring, entries) == 4, "fixed by the specification");

#endif
