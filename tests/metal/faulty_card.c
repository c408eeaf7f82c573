/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network card that goes wrong again and again, below a whole application: the
 * linker puts this in front of metal_virtio_net_create (--wrap). It corrupts the
 * rings from our side, which the driver cannot tell from the device's.
 */
#include "metal/virtio/net_impl.h"

#define FRAMES 200u /* received between two faults */

int __real_metal_virtio_net_create(struct net_dev **ret_dev);
int __wrap_metal_virtio_net_create(struct net_dev **ret_dev);

static struct net_dev_ops faulty;
static const struct net_dev_ops *good;
static uint32_t frame_count;

static struct net_dev_buf *receive(struct net_dev *dev)
{
    struct metal_net *net = (struct metal_net *)(void *)dev;
    struct net_dev_buf *frame = good->receive(dev);
    if (frame == NULL || ++frame_count % FRAMES != 0)
        return frame;
    struct metal_queue *queue = frame_count / FRAMES % 2 == 0 ? &net->rx : &net->tx;
    queue->used->index = (uint16_t)(queue->used->index + 1000);
    return frame;
}

int __wrap_metal_virtio_net_create(struct net_dev **ret_dev)
{
    int rc = __real_metal_virtio_net_create(ret_dev);
    if (rc != 0)
        return rc;
    good = (*ret_dev)->ops;
    faulty = *good;
    faulty.receive = receive;
    (*ret_dev)->ops = &faulty;
    return 0;
}
