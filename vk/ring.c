/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/ring.h"

#include "vk/err.h"

int vk_ring_init(struct vk_ring *ring, void *memory, size_t capacity_bytes)
{
    *ring = (struct vk_ring){0};
    if (memory == NULL || capacity_bytes == 0 || (capacity_bytes & (capacity_bytes - 1)) != 0)
        return -VK_EINVAL;
    ring->bytes = (uint8_t *)memory;
    ring->mask = capacity_bytes - 1;
    return 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The two parts of len_bytes from a position on. */
static struct vk_rooms parts(const struct vk_ring *ring, size_t from, size_t len_bytes)
{
    size_t at = from & ring->mask;
    size_t first = least(len_bytes, vk_ring_capacity(ring) - at);
    return (struct vk_rooms){{ring->bytes + at, first}, {ring->bytes, len_bytes - first}};
}

int vk_ring_reserve(struct vk_ring *ring, size_t len_bytes, struct vk_rooms *ret_rooms)
{
    if (len_bytes > vk_ring_capacity(ring))
        return -VK_ETOOBIG;
    if (len_bytes > vk_ring_free(ring))
        return -VK_EAGAIN;
    *ret_rooms = parts(ring, ring->tail, len_bytes);
    return 0;
}

void vk_ring_reserve_all(struct vk_ring *ring, struct vk_rooms *ret_rooms)
{
    *ret_rooms = parts(ring, ring->tail, vk_ring_free(ring));
}

size_t vk_ring_peek(const struct vk_ring *ring, struct vk_spans *ret_spans)
{
    size_t len_bytes = vk_ring_used(ring);
    struct vk_rooms both = parts(ring, ring->head, len_bytes);
    ret_spans->first = vk_span(both.first.ptr, both.first.len);
    ret_spans->second = vk_span(both.second.ptr, both.second.len);
    return len_bytes;
}

int vk_ring_write(struct vk_ring *ring, struct vk_span data)
{
    struct vk_rooms rooms;
    int rc = vk_ring_reserve(ring, data.len, &rooms);
    if (rc < 0)
        return rc;
    vk_copy(rooms.first.ptr, data.ptr, rooms.first.len);
    if (rooms.second.len > 0)
        memcpy(rooms.second.ptr, data.ptr + rooms.first.len, rooms.second.len);
    ring->tail += data.len;
    return 0;
}

size_t vk_ring_read(struct vk_ring *ring, void *dst, size_t max_bytes)
{
    size_t len_bytes = least(max_bytes, vk_ring_used(ring));
    struct vk_rooms both = parts(ring, ring->head, len_bytes);
    vk_copy(dst, both.first.ptr, both.first.len);
    if (both.second.len > 0)
        memcpy((uint8_t *)dst + both.first.len, both.second.ptr, both.second.len);
    ring->head += len_bytes;
    return len_bytes;
}
