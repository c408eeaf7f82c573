/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network cards: net/dev.h over virtio-net (virtio 1.2, 5.1). Frames lie in
 * blocks of memory that are taken once, at creation; a received frame is lent
 * where the device wrote it.
 *
 * A card that breaks the rules, asks for it, or hangs is reset and brought back
 * with the same features and address. Frames on their way are lost, as on any
 * wire; blocks that are lent stay what they are. Each reset prints one line.
 */
#ifndef METAL_VIRTIO_NET_H
#define METAL_VIRTIO_NET_H

#include "metal/virtio/virtio.h"
#include "net/dev.h"

/*
 * The machine's first network card, on whatever bus. -VK_ENOENT: it has none that
 * is modern; -VK_ENOMEM; -VK_EIO and -VK_ENOTSUP as metal_virtio_begin.
 */
int metal_virtio_net_create(struct net_dev **ret_dev);

/* The same for a device that was found already. It must outlive the card. */
int metal_virtio_net_open(struct metal_virtio *device, struct net_dev **ret_dev);

/* Stops the card. Every block that was lent is gone. Accepts NULL. */
void metal_virtio_net_destroy(struct net_dev *dev);

struct metal_virtio_net_stats {
    uint64_t sent, received; /* frames */
    uint64_t dropped;        /* of those that came: too short, or cut by the device */
    uint64_t kicks;
    uint64_t sleeps;
    uint64_t resets;
};
void metal_virtio_net_stats(const struct net_dev *dev, struct metal_virtio_net_stats *ret_stats);

#endif
