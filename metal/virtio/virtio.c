/* SPDX-License-Identifier: Apache-2.0 */
/* Source: virtio 1.2, 3.1 (initialisation) and 2.5 (configuration). */
#include "metal/virtio/virtio.h"

#include "vk/err.h"
#include "vk/plat.h"

#define CONFIG_TRIES 16u

int metal_virtio_stop(struct metal_virtio *device)
{
    device->ops->set_status(device, 0);
    uint64_t deadline_ns = plat_mono_ns() + METAL_VIRTIO_RESET_NS;
    while (device->ops->status(device) != 0)
        if (plat_mono_ns() > deadline_ns)
            return -VK_EIO;
    return 0;
}

int metal_virtio_begin(struct metal_virtio *device, uint64_t required, uint64_t optional)
{
    const struct metal_virtio_ops *ops = device->ops;
    int rc = metal_virtio_stop(device);
    if (rc != 0)
        return rc;
    device->is_config_changed = false;
    required |= METAL_F_VERSION_1;
    uint32_t status = METAL_STATUS_ACKNOWLEDGE | METAL_STATUS_DRIVER;
    ops->set_status(device, METAL_STATUS_ACKNOWLEDGE);
    ops->set_status(device, status);
    uint64_t features = ops->offered(device) & (required | optional);
    if ((features & required) != required)
        return -VK_ENOTSUP;
    ops->accept(device, features);
    status |= METAL_STATUS_FEATURES_OK;
    ops->set_status(device, status);
    if (!(ops->status(device) & METAL_STATUS_FEATURES_OK))
        return -VK_EIO;
    device->features = features;
    return 0;
}

/* The largest power of two that is no larger. */
static uint16_t power_of_two(uint32_t size)
{
    uint32_t power = 1;
    while (power * 2 <= size)
        power *= 2;
    return (uint16_t)power;
}

int metal_virtio_queue(struct metal_virtio *device, uint16_t index, uint16_t size_max,
                       struct metal_queue *queue)
{
    uint32_t offered = device->ops->queue_max(device, index);
    if (offered == 0 || (queue->desc != NULL && offered < queue->size))
        return -VK_ENOTSUP;
    if (queue->desc == NULL) {
        int rc = metal_queue_init(queue, power_of_two(offered < size_max ? offered : size_max));
        if (rc != 0)
            return rc;
    }
    metal_queue_reset(queue, metal_virtio_has(device, METAL_F_EVENT_IDX));
    return device->ops->queue_on(device, index, queue);
}

void metal_virtio_run(struct metal_virtio *device)
{
    device->ops->set_status(device, METAL_STATUS_ACKNOWLEDGE | METAL_STATUS_DRIVER |
                                        METAL_STATUS_FEATURES_OK | METAL_STATUS_DRIVER_OK);
}

int metal_virtio_exchange(struct metal_virtio *device, uint16_t index, struct metal_queue *queue,
                          const struct metal_queue_piece *piece, bool is_writable, uint64_t wait_ns,
                          struct metal_queue_used *ret_used)
{
    int rc = metal_queue_add(queue, piece, 1, is_writable, 0);
    vk_assert(rc == 0); /* the queue is empty */
    metal_virtio_kick(device, index, queue);
    uint64_t deadline_ns = plat_mono_ns() + wait_ns;
    uint16_t count = 0;
    while (rc == 0 && count == 0) {
        rc = metal_queue_ready(queue, &count);
        if (count == 0 && plat_mono_ns() > deadline_ns)
            return -VK_EIO;
    }
    if (rc == 0)
        rc = metal_queue_take(queue, ret_used);
    return rc == 0 ? 0 : -VK_EIO;
}

bool metal_virtio_is_broken(struct metal_virtio *device)
{
    uint32_t status = device->ops->status(device);
    return (status & METAL_STATUS_NEEDS_RESET) || !(status & METAL_STATUS_DRIVER_OK);
}

int metal_virtio_config(struct metal_virtio *device, uint32_t offset, uint32_t width_bytes, uint32_t count,
                        void *dst)
{
    uint8_t *to = dst;
    for (uint32_t i = 0; i < CONFIG_TRIES; i++) {
        uint32_t before = device->ops->config_generation(device);
        for (uint32_t at = 0; at < count * width_bytes; at += width_bytes) {
            uint32_t field = device->ops->config(device, offset + at, width_bytes);
            memcpy(to + at, &field, width_bytes); /* little-endian, as the processor is */
        }
        if (device->ops->config_generation(device) == before)
            return 0;
    }
    return -VK_EIO;
}
