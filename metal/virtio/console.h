/* SPDX-License-Identifier: Apache-2.0 */
/* Text to the host through the first port of virtio-console (virtio 1.2, 5.3). Nothing is read. */
#ifndef METAL_VIRTIO_CONSOLE_H
#define METAL_VIRTIO_CONSOLE_H

#include "metal/virtio/virtio.h"

struct metal_virtio_console {
    /* private */
    struct metal_virtio *device;
    struct metal_queue queue;
    uint8_t *memory; /* a frame that the device reads from */
    bool is_up;
};

/* -VK_ENOMEM, or as metal_virtio_begin: then the device is of no use. */
int metal_virtio_console_open(struct metal_virtio_console *console, struct metal_virtio *device);

/* Stops the device. Accepts zeroed. */
void metal_virtio_console_close(struct metal_virtio_console *console);

/*
 * Write text and wait until the device has read it. -VK_EIO: it did not in
 * METAL_CONSOLE_WAIT_NS, or broke the rules; from then on it is left alone.
 */
int metal_virtio_console_write(struct metal_virtio_console *console, const char *text, size_t len_bytes);

#endif
