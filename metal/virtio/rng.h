/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes of the host, through virtio-rng (virtio 1.2, 5.4). One queue, one buffer at a time. */
#ifndef METAL_VIRTIO_RNG_H
#define METAL_VIRTIO_RNG_H

#include "metal/virtio/virtio.h"

struct metal_rng {
    /* private */
    struct metal_virtio *device;
    struct metal_queue queue;
    uint8_t *memory; /* a frame that the device writes to */
    bool is_up;
};

/* -VK_ENOMEM, or as metal_virtio_begin: then the device is of no use. */
int metal_rng_open(struct metal_rng *rng, struct metal_virtio *device);

/* Stops the device. Accepts zeroed. */
void metal_rng_close(struct metal_rng *rng);

/*
 * Fill memory with bytes from the device, waiting for them. -VK_EIO: it gave none in
 * METAL_RNG_WAIT_NS, or broke the rules; the next call resets it first.
 */
int metal_rng_read(struct metal_rng *rng, void *dst, size_t len_bytes);

#endif
