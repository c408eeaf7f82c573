/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A modern virtio device (virtio 1.2), whatever it is reached by: the steps from
 * reset to running, and its configuration. Transports (mmio.c, pci.c, and a fake
 * of the tests) implement the table of functions; drivers (net.c, rng.c, console.c)
 * call the functions below.
 *
 * The kernel is never interrupted, so what an interrupt leaves for a driver is
 * one flag; buffers that came back it finds in the queue itself.
 */
#ifndef METAL_VIRTIO_VIRTIO_H
#define METAL_VIRTIO_VIRTIO_H

#include "metal/virtio/queue.h"

enum metal_virtio_type {
    METAL_VIRTIO_NET = 1,
    METAL_VIRTIO_CONSOLE = 3,
    METAL_VIRTIO_RNG = 4,
};

/* Device status (virtio 1.2, 2.1). */
enum metal_virtio_status {
    METAL_STATUS_ACKNOWLEDGE = 1,
    METAL_STATUS_DRIVER = 2,
    METAL_STATUS_DRIVER_OK = 4,
    METAL_STATUS_FEATURES_OK = 8,
    METAL_STATUS_NEEDS_RESET = 64,
};

/* Features of every kind of device. */
#define METAL_F_EVENT_IDX (1ull << 29)
#define METAL_F_VERSION_1 (1ull << 32)

struct metal_virtio;

/* What a transport does. Nothing here waits for the device. */
struct metal_virtio_ops {
    const char *name; /* "virtio-mmio" */

    uint32_t (*status)(struct metal_virtio *device);
    void (*set_status)(struct metal_virtio *device, uint32_t status); /* 0 asks for a reset */

    uint64_t (*offered)(struct metal_virtio *device);
    void (*accept)(struct metal_virtio *device, uint64_t features);

    /* Most entries of a queue; 0: the device has no such queue. */
    uint32_t (*queue_max)(struct metal_virtio *device, uint16_t index);

    /* Tell it where a queue is and switch it on. -VK_EIO: the device does not take it. */
    int (*queue_on)(struct metal_virtio *device, uint16_t index, const struct metal_queue *queue);

    void (*kick)(struct metal_virtio *device, uint16_t index);

    /* A field of 1, 2 or 4 bytes of the device's own configuration; 0 behind its end. */
    uint32_t (*config)(struct metal_virtio *device, uint32_t offset, uint32_t width_bytes);

    /* Changes whenever several bytes of the configuration may not belong together. */
    uint32_t (*config_generation)(struct metal_virtio *device);
};

struct metal_virtio {
    const struct metal_virtio_ops *ops;
    enum metal_virtio_type type;

    /* Set by interrupts, which arrive in guarded runs and while idle only; cleared by the driver. */
    volatile bool is_config_changed; /* or the device needs a reset */

    /* private */
    uint64_t features; /* accepted; the same after every reset */
};

/*
 * Reset the device, and agree on features: all of required, and those of optional
 * that it offers. Puts them into device->features. -VK_EIO: it does not come back
 * from the reset, or does not agree after all; -VK_ENOTSUP: it lacks a required one.
 */
int metal_virtio_begin(struct metal_virtio *device, uint64_t required, uint64_t optional);

/*
 * Set up a queue, between begin and run. A zeroed one gets frames for at most
 * size_max entries (a power of two); one that was set up before is reset.
 * -VK_ENOTSUP: the device has no such queue or is content with fewer entries than
 * before; -VK_ENOMEM; -VK_EIO.
 */
int metal_virtio_queue(struct metal_virtio *device, uint16_t index, uint16_t size_max,
                       struct metal_queue *queue);

/* The device may use its queues from now on. */
void metal_virtio_run(struct metal_virtio *device);

/* Reset it, so that it touches no memory any more. -VK_EIO: it does not say that it is so. */
int metal_virtio_stop(struct metal_virtio *device);

/*
 * Lend one piece to a device that has no other buffer of this queue, and wait for
 * it. -VK_EIO: it did not come back in wait_ns, or the device broke the rules; it
 * may have the piece still.
 */
int metal_virtio_exchange(struct metal_virtio *device, uint16_t index, struct metal_queue *queue,
                          const struct metal_queue_piece *piece, bool is_writable, uint64_t wait_ns,
                          struct metal_queue_used *ret_used);

/* It asks for a reset, or has forgotten that it runs. */
bool metal_virtio_is_broken(struct metal_virtio *device);

/*
 * An array of fields of its configuration that belong together, each of 1, 2 or 4
 * bytes in memory too. -VK_EIO: they never keep still.
 */
int metal_virtio_config(struct metal_virtio *device, uint32_t offset, uint32_t width_bytes, uint32_t count,
                        void *dst);

VK_INLINE bool metal_virtio_has(const struct metal_virtio *device, uint64_t feature)
{
    return (device->features & feature) != 0;
}

/* Tell the device of new buffers where it wants to be told. */
VK_INLINE void metal_virtio_kick(struct metal_virtio *device, uint16_t index, struct metal_queue *queue)
{
    if (metal_queue_must_kick(queue))
        device->ops->kick(device, index);
}

#endif
