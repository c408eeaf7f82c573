/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region: memory of the kernel, reserved once at start and handed out by a
 * bump pointer, never given back one by one. Pages cost memory when touched.
 * Everything the kernel owns lies in one region, so that protection keys can
 * close it with one key, and nothing is allocated after start.
 */
#ifndef VK_REGION_H
#define VK_REGION_H

#include "vk/base.h"

struct vk_region {
    size_t used_bytes; /* handed out so far; read only */
    /* private */
    uint8_t *base;
    size_t len_bytes;
};

/* Reserve len_bytes (rounded up to pages), readable and writable, zero-filled. -VK_ENOMEM. */
int vk_region_init(struct vk_region *region, size_t len_bytes);
void vk_region_fini(struct vk_region *region); /* accepts zeroed */

/* Zero-filled memory, aligned to align_bytes (a power of two); NULL when the region is used up. */
void *vk_region_alloc(struct vk_region *region, size_t len_bytes, size_t align_bytes);

/*
 * Take back all that was handed out since used_bytes was so. Nothing points
 * there any more; what is handed out there again is zero-filled.
 */
void vk_region_rewind(struct vk_region *region, size_t used_bytes);

#endif
