/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from net.c, which the tests use without a machine to search. */
#include "metal/virtio/find.h"
#include "metal/virtio/net.h"

int metal_virtio_net_create(struct net_dev **ret_dev)
{
    struct metal_virtio *device;
    int rc = metal_virtio_find(METAL_VIRTIO_NET, &device);
    return rc != 0 ? rc : metal_virtio_net_open(device, ret_dev);
}
