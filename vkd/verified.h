/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a module to a verified image in memory that nobody writes
 * any more. What goes wrong is said in words, without a place to print them.
 */
#ifndef VKD_VERIFIED_H
#define VKD_VERIFIED_H

#include "interp/freeze.h"
#include "vk/fmt.h"

/* Memory for a while or for the image's life, aligned to 64; free accepts NULL. */
struct vkd_memory {
    void *(*alloc)(void *ctx, size_t len_bytes); /* not zeroed; NULL: there is none */
    void (*free)(void *ctx, void *memory, size_t len_bytes);
    void *ctx;
};

struct vkd_verified {
    struct interp_module module;
    struct interp_image image;
    void *memory; /* of the image: a mapping; NULL: none */
    size_t memory_bytes;
};

struct vkd_verified_options {
    struct vkd_memory memory;
    const struct interp_native *const *natives;
    const struct interp_hosts *hosts;       /* functions of the host's; NULL: none */
    const char *host_advice;                /* behind a message about one that is missing; NULL: nothing */
    const char *name;                       /* of the module, in messages */
    const struct interp_hash_key *hash_key; /* NULL: as the system gives it */
    int64_t wall_s;                         /* the clocks, as top-level values see them */
    uint64_t now_ns;
    void (*log)(void *ctx, struct vk_span line); /* what they log; may be NULL */
    void *log_ctx;
};

/*
 * Verify a module, for reading it. file is aligned to 8 and outlives what comes of it. On failure `why` has a
 * message without a newline, and nothing is left behind. -VK_EMALFORMED, -VK_ENOMEM.
 */
int vkd_verified_open(struct vkd_verified *verified, struct vk_span file,
                      const struct vkd_verified_options *options, struct vk_out *why);

/*
 * The image of an open one, its top-level values evaluated. On failure as above, and it is open no longer.
 * -VK_ENOENT (a native), -VK_EINVAL (a top-level value), -VK_ENOMEM, -VK_EIO (no random numbers).
 */
int vkd_verified_lay_out(struct vkd_verified *verified, const struct vkd_verified_options *options,
                         struct vk_out *why);
void vkd_verified_fini(struct vkd_verified *verified); /* accepts zeroed */

#endif
