/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: the machine's memory below 4 GiB in pages of VK_PAGE_BYTES, named by
 * physical address. The kernel's tables map all of it one to one, so a frame's
 * address is also where the kernel reads and writes it.
 */
#ifndef METAL_FRAMES_H
#define METAL_FRAMES_H

#include "metal/boot_info.h"

#define METAL_FRAME_NONE 0u /* never the address of a frame */

/* Takes over every free range less the first MiB, the image and the modules. */
void metal_frames_init(const struct boot_info *info);

/* A zero-filled frame; METAL_FRAME_NONE when memory is used up. */
uint64_t metal_frame_take(void);

/* Give one back; its content is lost. */
void metal_frame_give(uint64_t frame);

/* Frames of the machine, and those not taken now. */
size_t metal_frames_total(void);
size_t metal_frames_free(void);

#endif
