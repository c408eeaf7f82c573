/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames given back are kept in a list that runs through the frames themselves,
 * last in, first out; when it is empty, fresh ones are cut from the front of the
 * ranges. So nothing is touched at start, however large the machine.
 */
#include "metal/frames.h"

#include "vk/limits.h"

#define LOWEST_BYTES  0x100000ull    /* firmware data and the PVH structures lie below */
#define HIGHEST_BYTES 0x100000000ull /* what the tables map one to one */

/* Every range is cut at most once by the image and by each module. */
#define PIECES_MAX (BOOT_RANGES_MAX + BOOT_MODULES_MAX + 1)

struct piece {
    uint64_t next; /* first frame never taken */
    uint64_t end;
};

static struct {
    struct piece pieces[PIECES_MAX];
    uint32_t piece_count;
    uint64_t given; /* first of the list of frames given back, or METAL_FRAME_NONE */
    size_t total_count;
    size_t free_count;
} frames;

/* The whole frames of [start, end), less what reserved holds from index on. */
static void add(uint64_t start, uint64_t end, const struct piece *reserved, uint32_t reserved_count)
{
    for (uint32_t i = 0; i < reserved_count; i++) {
        if (reserved[i].next >= end || reserved[i].end <= start)
            continue;
        add(start, reserved[i].next, reserved + i + 1, reserved_count - i - 1);
        start = reserved[i].end;
    }
    start = VK_ALIGN_UP(start, (uint64_t)VK_PAGE_BYTES);
    end &= ~(uint64_t)(VK_PAGE_BYTES - 1);
    if (start >= end)
        return;
    vk_assert(frames.piece_count < PIECES_MAX);
    frames.pieces[frames.piece_count++] = (struct piece){start, end};
    frames.total_count += (end - start) / VK_PAGE_BYTES;
}

void metal_frames_init(const struct boot_info *info)
{
    struct piece reserved[BOOT_MODULES_MAX + 1];
    uint32_t reserved_count = 0;
    reserved[reserved_count++] = (struct piece){info->image_start, info->image_end};
    for (uint32_t i = 0; i < info->module_count; i++)
        reserved[reserved_count++] =
            (struct piece){info->modules[i].base, info->modules[i].base + info->modules[i].len_bytes};

    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *range = &info->ranges[i];
        uint64_t start = range->base > LOWEST_BYTES ? range->base : LOWEST_BYTES;
        uint64_t end = range->base + range->len_bytes;
        if (range->kind == BOOT_RANGE_FREE)
            add(start, end < HIGHEST_BYTES ? end : HIGHEST_BYTES, reserved, reserved_count);
    }
    frames.free_count = frames.total_count;
}

static uint64_t take_fresh(void)
{
    for (uint32_t i = 0; i < frames.piece_count; i++) {
        struct piece *piece = &frames.pieces[i];
        if (piece->next < piece->end) {
            uint64_t frame = piece->next;
            piece->next += VK_PAGE_BYTES;
            return frame;
        }
    }
    return METAL_FRAME_NONE;
}

uint64_t metal_frame_take(void)
{
    uint64_t frame = frames.given;
    if (frame != METAL_FRAME_NONE)
        frames.given = *(const uint64_t *)(uintptr_t)frame;
    else
        frame = take_fresh();
    if (frame == METAL_FRAME_NONE)
        return frame;
    frames.free_count--;
    memset((void *)(uintptr_t)frame, 0, VK_PAGE_BYTES);
    return frame;
}

void metal_frame_give(uint64_t frame)
{
    *(uint64_t *)(uintptr_t)frame = frames.given;
    frames.given = frame;
    frames.free_count++;
}

size_t metal_frames_total(void)
{
    return frames.total_count;
}

size_t metal_frames_free(void)
{
    return frames.free_count;
}
