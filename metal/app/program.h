/* SPDX-License-Identifier: Apache-2.0 */
/* From a module in memory to a verified image that is ready to be hosted. */
#ifndef METAL_APP_PROGRAM_H
#define METAL_APP_PROGRAM_H

#include "net/bind/host.h"
#include "vk/region.h"

struct app_program {
    struct interp_module module;
    struct interp_image image;
    struct net_bind_host host;

    /* private */
    struct vk_region image_region;
    struct vk_region host_region;
};

struct app_program_options {
    const struct interp_native *const *natives;
    uint32_t freeze_heap_bytes; /* of the heap that top-level values are evaluated in: a power of two, 64 KiB
                                   or more */
    uint64_t seed;    /* of what is chosen at random, and of the clocks; 0: they are the machine's */
    int64_t epoch_s;  /* with a seed: the wall clock */
    bool is_silent;   /* what top-level values log is not shown */
    bool is_verified; /* when the image was made, and the module has been part of it since */
    bool seals_file;  /* the module's bytes are in pages of their own, and nobody may write them any more */
};

/*
 * Load a module: open (which checks its sum), verify, lay out, evaluate its top-level values, prepare
 * for hosting. program is zeroed; the module's bytes, aligned to 8, stay as they
 * are. The image can only be read afterwards. False: it was said on the console why not.
 */
bool app_program_load(struct app_program *program, struct vk_span file,
                      const struct app_program_options *options);

/* Gives its memory back. */
void app_program_unload(struct app_program *program);

#endif
