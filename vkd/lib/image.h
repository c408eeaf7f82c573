/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a module to a verified image in memory that nobody writes
 * any more. What goes wrong is said in words, without a place to print them.
 */
#ifndef VKD_LIB_IMAGE_H
#define VKD_LIB_IMAGE_H

#include "interp/freeze.h"
#include "vk/fmt.h"

/* Memory for a while or for the image's life, aligned to 64; free accepts NULL. */
struct vkd_memory {
    void *(*alloc)(void *ctx, size_t len_bytes); /* not zeroed; NULL: there is none */
    void (*free)(void *ctx, void *memory, size_t len_bytes);
    void *ctx;
};

struct vkd_image {
    struct interp_module module;
    struct interp_image image;
    void *memory; /* of the image: a mapping; NULL: none */
    size_t memory_bytes;
};

struct vkd_image_options {
    struct vkd_memory memory;
    const struct interp_native *const *natives;
    const struct interp_hosts *hosts;       /* functions of the host's; NULL: none */
    const char *name;                       /* of the module, in messages */
    const struct interp_hash_key *hash_key; /* NULL: as the system gives it */
    int64_t wall_s;                         /* the clocks, as top-level values see them */
    uint64_t now_ns;
    void (*log)(void *ctx, struct vk_span line); /* what they log; may be NULL */
    void *log_ctx;
};

/*
 * file is aligned to 8 and outlives the image. On failure `why` has a message
 * without a newline, and nothing is left behind. -VK_EMALFORMED, -VK_ENOENT (a native), -VK_EINVAL
 * (a top-level value), -VK_ENOMEM, -VK_EIO (no random numbers).
 */
int vkd_image_make(struct vkd_image *image, struct vk_span file, const struct vkd_image_options *options,
                   struct vk_out *why);
void vkd_image_fini(struct vkd_image *image); /* accepts zeroed */

#endif
