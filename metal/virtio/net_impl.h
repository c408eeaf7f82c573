/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a card, for tests that break it. */
#ifndef METAL_VIRTIO_NET_IMPL_H
#define METAL_VIRTIO_NET_IMPL_H

#include "metal/virtio/net.h"
#include "metal/virtio/queue_impl.h"
#include "vk/region.h"

/* In front of every frame (virtio 1.2, 5.1.6). */
struct metal_net_head {
    uint8_t flags;
    uint8_t gso_kind;
    uint16_t head_bytes;
    uint16_t gso_bytes;
    uint16_t sum_start;
    uint16_t sum_offset;
    uint16_t buffer_count; /* received: of a frame that lies in several */
};

_Static_assert(sizeof(struct metal_net_head) == 12, "fixed by the specification");

#define METAL_NET_NEEDS_SUM 1u /* flags: the check sum is still to be completed */
#define METAL_NET_SUM_VALID 2u /* flags: the device has found it right */

#define METAL_F_NET_CSUM       (1ull << 0)
#define METAL_F_NET_GUEST_CSUM (1ull << 1)
#define METAL_F_NET_MTU        (1ull << 3)
#define METAL_F_NET_MAC        (1ull << 5)
#define METAL_F_NET_MRG_RXBUF  (1ull << 15)

#define METAL_NET_RX 0u
#define METAL_NET_TX 1u

#define METAL_NET_NO_BLOCK UINT16_MAX

/* Memory for a frame, or a part of one. */
struct metal_net_block {
    struct net_dev_buf buf; /* received */
    uint8_t *memory;        /* block_bytes of a frame of the machine */
    uint16_t next;          /* to send: of the free list, or of the same frame; METAL_NET_NO_BLOCK: none */
    bool is_lent;           /* received: the stack has it */
};

struct metal_net {
    struct net_dev dev;
    struct metal_virtio *device;
    struct net_dev_caps caps;
    struct vk_region region; /* holds this struct and the blocks */
    uint64_t features;       /* the same after every reset; 0: not agreed on yet */

    struct metal_queue rx, tx;

    struct metal_net_block *blocks; /* block_count to receive into, then as many to send */
    uint16_t block_count;           /* no more than either queue has entries */
    uint32_t block_bytes;
    uint16_t tx_free; /* first block of the list; METAL_NET_NO_BLOCK: none */
    uint16_t tx_free_count;

    uint16_t tx_wanted; /* blocks that send did not find since the last wait; 0: it found all */

    bool is_up;   /* false: whatever it does is not looked at, and its memory not touched */
    bool is_good; /* since the last reset a frame has come or gone */

    /* The queue of sent frames moves, or is empty, or has stood still since tx_moved_ns. */
    uint64_t tx_moved_ns;
    uint16_t tx_seen;  /* tx.taken then */
    bool has_rekicked; /* and the device was told once more since */
    uint64_t hang_ns;  /* METAL_NET_HANG_NS; tests wait less */

    /* While it is down. */
    const char *why;
    uint64_t down_ns;       /* since when */
    uint64_t retry_ns;      /* when to try next */
    uint64_t retry_wait_ns; /* ... and how long to wait should that fail */
    bool has_said_down;

    struct metal_virtio_net_stats stats;
};

#endif
