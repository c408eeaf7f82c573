/* SPDX-License-Identifier: Apache-2.0 */
/* metal/frames.h on Linux: each frame apart, so that a sanitizer sees what runs past one. */
#include "metal/frames.h"

#include "vk/limits.h"

#include <stdlib.h>

#define FRAMES 4096u /* 16 MiB */

static void *taken[FRAMES]; /* also for the sanitizer: what is kept on purpose is no leak */
static size_t taken_count;

uint64_t metal_frame_take(void)
{
    void *frame = taken_count < FRAMES ? aligned_alloc(VK_PAGE_BYTES, VK_PAGE_BYTES) : NULL;
    if (frame == NULL)
        return METAL_FRAME_NONE;
    memset(frame, 0, VK_PAGE_BYTES);
    taken[taken_count++] = frame;
    return (uintptr_t)frame;
}

void metal_frame_give(uint64_t frame)
{
    size_t at = taken_count;
    while (at > 0 && (uintptr_t)taken[at - 1] != frame)
        at--;
    vk_assert(at > 0);
    free(taken[at - 1]);
    taken[at - 1] = taken[--taken_count];
}

size_t metal_frames_total(void)
{
    return FRAMES;
}

size_t metal_frames_free(void)
{
    return FRAMES - taken_count;
}
