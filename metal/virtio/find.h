/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where virtio devices are: named on the command line, one word each
 * (virtio_mmio.device=SIZE@BASE:LINE, as QEMU's microvm and Firecracker write it),
 * or on the first PCI bus. A device is found once and stays its finder's.
 */
#ifndef METAL_VIRTIO_FIND_H
#define METAL_VIRTIO_FIND_H

#include "metal/boot_info.h"
#include "metal/virtio/virtio.h"

/* Before the first search; info stays valid. Looks at nothing yet. */
void metal_virtio_find_init(const struct boot_info *info);

/*
 * The first device of a kind that nobody has yet, reset and quiet. -VK_ENOENT:
 * there is none. One that is there and cannot be used is named on the console,
 * with the reason.
 */
int metal_virtio_find(enum metal_virtio_type type, struct metal_virtio **ret_device);

#endif
