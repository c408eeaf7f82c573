/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of virtio: a network card that does what a test tells it,
 * good or bad, instead of a transport with a card behind it.
 */
#ifndef TESTS_UNIT_METAL_FAKE_H
#define TESTS_UNIT_METAL_FAKE_H

#include "metal/virtio/net_impl.h"
#include "tests/unit/test.h"
#include "vk/err.h"

#define FAKE_QUEUES    2u
#define FAKE_FRAME_MAX (METAL_NET_MTU_MAX + 64u)
#define FAKE_OFFERED                                                                    \
    (METAL_F_VERSION_1 | METAL_F_EVENT_IDX | METAL_F_NET_MRG_RXBUF | METAL_F_NET_CSUM | \
     METAL_F_NET_GUEST_CSUM | METAL_F_NET_MAC)
#define FAKE_CONFIG_BYTES  12u
#define FAKE_CONFIG_MTU_AT 10u

struct fake_queue {
    const struct metal_queue *rings; /* where they are; NULL: off */
    uint16_t size;
    uint16_t avail_seen; /* entries taken from the driver */
    uint16_t used;       /* entries given back */
    uint32_t kicks;
};

struct fake {
    struct metal_virtio virtio;
    uint64_t offered;
    uint64_t accepted;
    struct fake_queue queues[FAKE_QUEUES];

    /* What it does as soon as it is told of buffers; may be NULL. */
    void (*on_kick)(struct fake *fake, uint32_t queue);

    uint32_t status;
    uint32_t queue_max;
    uint32_t resets;
    uint32_t stuck_resets; /* so many times a reset is not carried out */
    uint32_t generation;
    uint8_t config[FAKE_CONFIG_BYTES];

    /* What it does wrong. */
    bool generation_moves; /* the configuration never keeps still */
    bool refuses_features; /* FEATURES_OK does not stay */
    bool refuses_queues;   /* queue_on fails */
};

/* Takes frames of memory until only so many are left: a list through the frames themselves. */
uint64_t fake_hoard(size_t left);
/* Gives the first of them back; returns the rest. */
uint64_t fake_share(uint64_t first);

/* A card with the usual features, address 52:54:00:12:34:56. */
void fake_init(struct fake *fake);

/* The next buffer the driver lent; false: there is none. */
bool fake_take(struct fake *fake, uint32_t queue, uint16_t *ret_id);

/* Give one back, whether the driver lent it or not. Visible at once. */
void fake_use(struct fake *fake, uint32_t queue, uint32_t id, uint32_t len_bytes);

/* The same in two steps, for several at once. */
void fake_put(struct fake *fake, uint32_t queue, uint32_t id, uint32_t len_bytes);
void fake_show(struct fake *fake, uint32_t queue);

/* Take a frame that the driver sent; returns its length without the header, 0 when there is none. */
size_t fake_sent(struct fake *fake, struct metal_net_head *ret_head, uint8_t frame[FAKE_FRAME_MAX]);

/* A frame arrives, in as many buffers as it needs. False: the driver lent too few. */
bool fake_arrive(struct fake *fake, const struct metal_net_head *head, const uint8_t *frame, size_t len);

#endif
