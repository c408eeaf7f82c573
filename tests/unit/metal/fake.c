/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/metal/fake.h"

#include "metal/frames.h"

static struct fake *fake_of(struct metal_virtio *device)
{
    return VK_CONTAINER(device, struct fake, virtio);
}

/* ---- as a transport -------------------------------------------------------------- */

static uint32_t status(struct metal_virtio *device)
{
    return fake_of(device)->status;
}

static void set_status(struct metal_virtio *device, uint32_t value)
{
    struct fake *fake = fake_of(device);
    if (value == 0) {
        fake->resets++;
        if (fake->stuck_resets > 0) {
            fake->stuck_resets--;
            return;
        }
        memset(fake->queues, 0, sizeof fake->queues);
        fake->accepted = 0;
    }
    if (fake->refuses_features)
        value &= ~(uint32_t)METAL_STATUS_FEATURES_OK;
    fake->status = value;
}

static uint64_t offered(struct metal_virtio *device)
{
    return fake_of(device)->offered;
}

static void accept(struct metal_virtio *device, uint64_t features)
{
    fake_of(device)->accepted = features;
}

static uint32_t queue_max(struct metal_virtio *device, uint16_t index)
{
    return index < FAKE_QUEUES ? fake_of(device)->queue_max : 0;
}

static int queue_on(struct metal_virtio *device, uint16_t index, const struct metal_queue *queue)
{
    struct fake *fake = fake_of(device);
    CHECK(index < FAKE_QUEUES);
    CHECK((fake->status & METAL_STATUS_FEATURES_OK) && !(fake->status & METAL_STATUS_DRIVER_OK));
    if (fake->refuses_queues)
        return -VK_EIO;
    fake->queues[index] = (struct fake_queue){.rings = queue, .size = queue->size};
    return 0;
}

static void kick(struct metal_virtio *device, uint16_t index)
{
    CHECK(index < FAKE_QUEUES && fake_of(device)->queues[index].rings != NULL);
    struct fake *fake = fake_of(device);
    fake->queues[index].kicks++;
    if (fake->on_kick != NULL)
        fake->on_kick(fake, index);
}

static uint32_t config(struct metal_virtio *device, uint32_t offset, uint32_t width_bytes)
{
    uint32_t field = 0;
    CHECK(offset + width_bytes <= FAKE_CONFIG_BYTES);
    memcpy(&field, fake_of(device)->config + offset, width_bytes);
    return field;
}

static uint32_t config_generation(struct metal_virtio *device)
{
    struct fake *fake = fake_of(device);
    fake->generation += fake->generation_moves;
    return fake->generation;
}

static const struct metal_virtio_ops fake_ops = {
    .name = "fake",
    .status = status,
    .set_status = set_status,
    .offered = offered,
    .accept = accept,
    .queue_max = queue_max,
    .queue_on = queue_on,
    .kick = kick,
    .config = config,
    .config_generation = config_generation,
};

void fake_init(struct fake *fake)
{
    *fake = (struct fake){.virtio = {.ops = &fake_ops, .type = METAL_VIRTIO_NET},
                          .offered = FAKE_OFFERED,
                          .queue_max = 1024,
                          .config = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56}};
}

/* ---- as a device ------------------------------------------------------------------ */

bool fake_take(struct fake *fake, uint32_t queue, uint16_t *ret_id)
{
    struct fake_queue *at = &fake->queues[queue];
    if (at->rings == NULL || at->rings->avail->index == at->avail_seen)
        return false;
    *ret_id = at->rings->avail->entries[at->avail_seen & (at->size - 1)];
    CHECK(*ret_id < at->size);
    at->avail_seen++;
    /* As a device does that sleeps when it has taken all there is. */
    memcpy(&at->rings->used->entries[at->size], &at->avail_seen, sizeof at->avail_seen);
    return true;
}

void fake_put(struct fake *fake, uint32_t queue, uint32_t id, uint32_t len_bytes)
{
    struct fake_queue *at = &fake->queues[queue];
    at->rings->used->entries[at->used & (at->size - 1)] = (struct metal_queue_used_entry){id, len_bytes};
    at->used++;
}

void fake_show(struct fake *fake, uint32_t queue)
{
    fake->queues[queue].rings->used->index = fake->queues[queue].used;
}

void fake_use(struct fake *fake, uint32_t queue, uint32_t id, uint32_t len_bytes)
{
    fake_put(fake, queue, id, len_bytes);
    fake_show(fake, queue);
}

static const struct metal_queue_desc *desc_of(const struct fake *fake, uint32_t queue, uint16_t id)
{
    CHECK(id < fake->queues[queue].size);
    return &fake->queues[queue].rings->desc[id];
}

static void *memory_of(const struct metal_queue_desc *desc)
{
    return (void *)(uintptr_t)desc->address;
}

size_t fake_sent(struct fake *fake, struct metal_net_head *ret_head, uint8_t frame[FAKE_FRAME_MAX])
{
    static uint8_t all[sizeof *ret_head + FAKE_FRAME_MAX];
    uint16_t id;
    if (!fake_take(fake, METAL_NET_TX, &id))
        return 0;
    size_t len = 0;
    for (const struct metal_queue_desc *desc = desc_of(fake, METAL_NET_TX, id);;) {
        CHECK(!(desc->flags & METAL_DESC_WRITE));
        CHECK(desc->len_bytes > 0 && desc->len_bytes <= sizeof all - len);
        memcpy(all + len, memory_of(desc), desc->len_bytes);
        len += desc->len_bytes;
        if (!(desc->flags & METAL_DESC_NEXT))
            break;
        desc = desc_of(fake, METAL_NET_TX, desc->next);
    }
    fake_use(fake, METAL_NET_TX, id, 0);
    CHECK(len > sizeof *ret_head);
    memcpy(ret_head, all, sizeof *ret_head);
    memcpy(frame, all + sizeof *ret_head, len - sizeof *ret_head);
    return len - sizeof *ret_head;
}

bool fake_arrive(struct fake *fake, const struct metal_net_head *head, const uint8_t *frame, size_t len)
{
    size_t at = 0;
    struct metal_net_head *first = NULL;
    uint16_t id, count = 0;
    for (; at < len || count == 0; count++) {
        if (!fake_take(fake, METAL_NET_RX, &id))
            return false;
        const struct metal_queue_desc *desc = desc_of(fake, METAL_NET_RX, id);
        CHECK(desc->flags == METAL_DESC_WRITE);
        uint8_t *memory = memory_of(desc);
        size_t skip = count == 0 ? sizeof *head : 0;
        size_t part = len - at < desc->len_bytes - skip ? len - at : desc->len_bytes - skip;
        if (count == 0) {
            first = (void *)memory;
            *first = *head;
        }
        memcpy(memory + skip, frame + at, part);
        at += part;
        fake_put(fake, METAL_NET_RX, id, (uint32_t)(skip + part));
    }
    if (head->buffer_count == 0)
        first->buffer_count = count;
    fake_show(fake, METAL_NET_RX);
    return true;
}

/* ---- memory ------------------------------------------------------------------------ */

uint64_t fake_hoard(size_t left)
{
    uint64_t first = METAL_FRAME_NONE;
    while (metal_frames_free() > left) {
        uint64_t frame = metal_frame_take();
        CHECK(frame != METAL_FRAME_NONE);
        *(uint64_t *)(uintptr_t)frame = first;
        first = frame;
    }
    return first;
}

uint64_t fake_share(uint64_t first)
{
    CHECK(first != METAL_FRAME_NONE);
    uint64_t next = *(const uint64_t *)(uintptr_t)first;
    metal_frame_give(first);
    return next;
}
