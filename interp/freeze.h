/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Top-level values: each let's function is run once, in order, in a heap of
 * the loader's, without a kernel; what it gives is copied behind the constant
 * objects of the image, and the constant is set. Afterwards the image is not
 * written any more.
 */
#ifndef INTERP_FREEZE_H
#define INTERP_FREEZE_H

#include "interp/image.h"

struct interp_freeze_options {
    void *heap;          /* aligned to a page; its pages are touched as they are used */
    uint32_t heap_bytes; /* a power of two, at least 64 KiB; a smaller one than below is a smaller limit */
    uint64_t reductions; /* of all together; 0: INTERP_LETS_MAX_REDUCTIONS */
    int64_t wall_s;      /* the clocks, as the values see them */
    uint64_t now_ns;
    void (*log)(void *context, struct vk_span line); /* what the values log; may be NULL */
    void *context;
};

/* Why a program is refused: the let, and what went wrong where. */
struct interp_freeze_refusal {
    const char *let;
    const char *file; /* of the innermost call, in the module's names; "" in a program of one */
    uint32_t line;    /* likewise; 0: unknown */
    uint32_t why_len;
    char why[480]; /* UTF-8, not ended by NUL */
};

/* Top-level values that the module has. */
uint32_t interp_freeze_count(const struct interp_module *module);

/* The heap in which the whole limit can be used: addresses, most of them never touched. */
#define INTERP_FREEZE_HEAP_BYTES (4u * INTERP_LETS_MAX_BYTES)

/*
 * Evaluate and freeze the top-level values of an image whose module has been
 * verified and which was laid out with room for them (lets_bytes). All of them
 * together have INTERP_LETS_MAX_REDUCTIONS and INTERP_LETS_MAX_BYTES. Returns 0;
 * -VK_EINVAL when a value traps, waits, passes a limit, or cannot be frozen,
 * with *ret_refusal set.
 */
int interp_freeze(struct interp_image *image, const struct interp_freeze_options *options,
                  struct interp_freeze_refusal *ret_refusal);

#endif
