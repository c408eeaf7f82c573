/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/bufs.h"

#include "vk/err.h"
#include "vk/limits.h"

static const uint32_t class_bytes[VK_BUF_CLASSES] = {512, 2048, 8192, 65536, 262144};

size_t vk_bufs_region_bytes(const uint32_t counts[VK_BUF_CLASSES])
{
    size_t sum = 0;
    for (unsigned i = 0; i < VK_BUF_CLASSES; i++)
        sum += (size_t)counts[i] * class_bytes[i] + VK_PAGE_BYTES;
    return sum;
}

VK_SELDOM int vk_bufs_init(struct vk_bufs *bufs, const uint32_t counts[VK_BUF_CLASSES],
                           struct vk_region *region)
{
    *bufs = (struct vk_bufs){0};
    for (unsigned i = 0; i < VK_BUF_CLASSES; i++) {
        struct vk_buf_class *c = &bufs->classes[i];
        c->base = vk_region_alloc(region, (size_t)counts[i] * class_bytes[i], VK_PAGE_BYTES);
        if (!c->base)
            return -VK_ENOMEM;
        c->max = counts[i];
    }
    return 0;
}

static uint8_t *class_get(struct vk_buf_class *c, uint32_t size_bytes)
{
    uint8_t *ptr = c->free_first;
    if (ptr) {
        memcpy(&c->free_first, ptr, sizeof c->free_first);
        return ptr;
    }
    if (c->made == c->max)
        return NULL;
    return c->base + (size_t)c->made++ * size_bytes;
}

bool vk_bufs_get(struct vk_bufs *bufs, uint32_t need_bytes, struct vk_buf *ret_buf)
{
    for (unsigned i = 0; i < VK_BUF_CLASSES; i++) {
        if (class_bytes[i] < need_bytes)
            continue;
        uint8_t *ptr = class_get(&bufs->classes[i], class_bytes[i]);
        if (VK_LIKELY(ptr != NULL)) {
            *ret_buf = (struct vk_buf){ptr, class_bytes[i]};
            bufs->in_use++;
            return true;
        }
    }
    *ret_buf = (struct vk_buf){0};
    return false;
}

void vk_bufs_put(struct vk_bufs *bufs, struct vk_buf *buf)
{
    if (!buf->cap_bytes)
        return;
    for (unsigned i = 0; i < VK_BUF_CLASSES; i++) {
        if (class_bytes[i] != buf->cap_bytes)
            continue;
        struct vk_buf_class *c = &bufs->classes[i];
        memcpy(buf->ptr, &c->free_first, sizeof c->free_first);
        c->free_first = buf->ptr;
    }
    bufs->in_use--;
    *buf = (struct vk_buf){0};
}
