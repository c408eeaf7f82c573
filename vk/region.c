/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/region.h"

#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

int vk_region_init(struct vk_region *region, size_t len_bytes)
{
    void *base;
    *region = (struct vk_region){0};
    if (len_bytes == 0 || len_bytes > SIZE_MAX - VK_PAGE_BYTES)
        return -VK_EINVAL;
    len_bytes = VK_ALIGN_UP(len_bytes, (size_t)VK_PAGE_BYTES);
    int rc = plat_reserve(len_bytes, VK_PAGE_BYTES, &base);
    if (rc != 0)
        return rc;
    rc = plat_protect(base, len_bytes, PLAT_PROT_RW);
    if (rc != 0) {
        plat_release(base, len_bytes);
        return rc;
    }
    region->base = base;
    region->len_bytes = len_bytes;
    return 0;
}

void vk_region_fini(struct vk_region *region)
{
    if (region->base != NULL)
        plat_release(region->base, region->len_bytes);
    *region = (struct vk_region){0};
}

void *vk_region_alloc(struct vk_region *region, size_t len_bytes, size_t align_bytes)
{
    vk_assert(align_bytes != 0 && (align_bytes & (align_bytes - 1)) == 0);
    /* By address, so that alignments above the page size hold too. */
    uintptr_t free_at = (uintptr_t)region->base + region->used_bytes;
    size_t pad_bytes = (size_t)(-free_at & (align_bytes - 1));
    size_t left_bytes = region->len_bytes - region->used_bytes;
    if (pad_bytes > left_bytes || len_bytes > left_bytes - pad_bytes)
        return NULL;
    uint8_t *at = region->base + region->used_bytes + pad_bytes;
    region->used_bytes += pad_bytes + len_bytes;
    return at;
}

void vk_region_rewind(struct vk_region *region, size_t used_bytes)
{
    vk_assert(used_bytes <= region->used_bytes);
    size_t len_bytes = region->used_bytes - used_bytes;
    size_t first_bytes = VK_ALIGN_UP(used_bytes, (size_t)VK_PAGE_BYTES) - used_bytes;
    uint8_t *at = region->base + used_bytes;
    first_bytes = first_bytes < len_bytes ? first_bytes : len_bytes;
    memset(at, 0, first_bytes);
    size_t pages_bytes = VK_ALIGN_UP(len_bytes - first_bytes, (size_t)VK_PAGE_BYTES);
    if (pages_bytes != 0 && plat_discard(at + first_bytes, pages_bytes) != 0)
        memset(at + first_bytes, 0, pages_bytes);
    region->used_bytes = used_bytes;
}
