/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed pools of kernel buffers in a few size classes, last-in first-out so
 * that the hot one is used again. Their memory is reserved at start and
 * touched on first use; when a class is used up the next larger one serves,
 * and when all are, the caller gets none and must make its peer wait.
 */
#ifndef VK_BUFS_H
#define VK_BUFS_H

#include "vk/base.h"
#include "vk/region.h"

#define VK_BUF_CLASSES 5u /* 512 B, 2 KiB, 8 KiB, 64 KiB, 256 KiB */

/* A buffer held by somebody; cap_bytes 0: none. The pair is what give needs. */
struct vk_buf {
    uint8_t *ptr;
    uint32_t cap_bytes;
};

struct vk_buf_class {
    /* private */
    uint8_t *base;
    void *free_first; /* threaded through the free buffers themselves */
    uint32_t made;
    uint32_t max;
};

struct vk_bufs {
    uint32_t in_use; /* buffers handed out now, all classes */
    /* private */
    struct vk_buf_class classes[VK_BUF_CLASSES];
};

/* counts[i]: how many buffers of class i at most. -VK_ENOMEM when the region is too small. */
int vk_bufs_init(struct vk_bufs *bufs, const uint32_t counts[VK_BUF_CLASSES], struct vk_region *region);

/* Bytes of region that vk_bufs_init will take for these counts. */
size_t vk_bufs_region_bytes(const uint32_t counts[VK_BUF_CLASSES]);

/* A buffer of at least need_bytes; false when there is none (ret_buf is then empty). */
bool vk_bufs_get(struct vk_bufs *bufs, uint32_t need_bytes, struct vk_buf *ret_buf);

/* Gives buf back and empties it; an empty one is fine. */
void vk_bufs_put(struct vk_bufs *bufs, struct vk_buf *buf);

#endif
