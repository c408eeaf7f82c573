/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry for a page of reserved addresses, by its bits:
 *
 *    WRITE  FRAME  PRESENT   the page is
 *      0      0       0      closed, never touched
 *      1      0       0      open, gets a zeroed frame at the first touch
 *      0      1       0      closed, its content kept in the frame
 *      1      1       1      open, with its frame
 *      0      1       1      sealed: open for reading alone
 *
 * so "closed" is "not present". An
 * entry of a higher table that is not present says the same of every page below
 * it: WRITE and key are inherited when the table is made. A range of any size is
 * thus opened or reserved by a few entries.
 *
 * Every reserved page has the USER bit, although nothing runs in user mode:
 * protection keys apply to such pages only (Intel SDM vol. 3, 4.6.2).
 */
#include "metal/paging.h"

#include "metal/cpu.h"
#include "metal/frames.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    METAL_PTE_WRITE
#define PTE_USER     (1ull << 2)
#define PTE_UNCACHED (1ull << 4)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY    (1ull << 6)
#define PTE_LARGE    (1ull << 7)
#define PTE_FRAME    (1ull << 9) /* ignored by the processor: the address field is a frame we own */
#define PTE_NO_RUN   (1ull << 63)
#define PTE_ADDRESS  0x000ffffffffff000ull

#define LEVELS         4u /* level 0 maps pages, level 3 is the root */
#define ENTRIES        512u
#define LARGE_BYTES    0x200000ull
#define INVLPG_MAX     32u /* dropping more translations than this: all of them at once is cheaper */
#define IDENTITY_BYTES 0x100000000ull

extern char metal_image_start[], metal_rodata_start[], metal_data_start[], metal_image_end[]; /* link.ld */
extern char metal_stack_guard[];                                                              /* boot.S */

static uint64_t *root;

/* Frames that ranges may yet take; metal_paging_promise. */
static struct promise {
    uintptr_t base;
    size_t len_bytes;
    size_t left; /* of the promised frames, tables included */
} promises[METAL_PROMISES_MAX];
static uint32_t promise_count;
static size_t promised; /* sum of what is left */

static uint64_t *table_of(uint64_t entry)
{
    return (uint64_t *)(uintptr_t)(entry & PTE_ADDRESS);
}

/* Addresses that one entry of a table of this level stands for. */
static uintptr_t span_of(uint32_t level)
{
    return (uintptr_t)VK_PAGE_BYTES << (9 * level);
}

static uint64_t *entry_of(uint64_t *table, uint32_t level, uintptr_t addr)
{
    return &table[addr / span_of(level) % ENTRIES];
}

/* Put a table under an entry that has none; it inherits what the entry says. False without memory. */
static bool make_table(uint64_t *entry)
{
    uint64_t frame = metal_frame_take();
    if (frame == METAL_FRAME_NONE)
        return false;
    uint64_t *table = table_of(frame);
    if (*entry != 0)
        for (uint32_t i = 0; i < ENTRIES; i++)
            table[i] = *entry;
    *entry = frame | PTE_PRESENT | PTE_WRITE | PTE_USER;
    return true;
}

/* ---- the kernel's own addresses ------------------------------------------- */

static void map(uint64_t physical, uint64_t flags, uint32_t leaf_level)
{
    uint64_t *table = root;
    for (uint32_t level = LEVELS - 1; level > leaf_level; level--) {
        uint64_t *entry = entry_of(table, level, physical);
        if (!(*entry & PTE_PRESENT) && !make_table(entry))
            plat_panic("paging: no memory for the kernel's tables");
        table = table_of(*entry);
    }
    *entry_of(table, leaf_level, physical) = physical | flags | PTE_PRESENT;
}

static uint64_t image_flags(uintptr_t addr)
{
    if (addr < (uintptr_t)metal_rodata_start)
        return 0;
    if (addr < (uintptr_t)metal_data_start)
        return PTE_NO_RUN;
    return PTE_NO_RUN | PTE_WRITE;
}

/* The image in small pages, up to where large ones can go on. Returns that address. */
static uint64_t map_image(void)
{
    uintptr_t end = VK_ALIGN_UP((uintptr_t)metal_image_end, (uintptr_t)LARGE_BYTES);
    for (uintptr_t addr = (uintptr_t)metal_image_start; addr < end; addr += VK_PAGE_BYTES)
        if (addr != (uintptr_t)metal_stack_guard)
            map(addr, image_flags(addr), 0);
    return end;
}

/* A free range in large pages, from the end of the image's small ones on. */
static void map_memory(const struct boot_range *range, uint64_t from)
{
    uint64_t start = range->base & ~(LARGE_BYTES - 1);
    uint64_t end = range->base + range->len_bytes;
    if (end > IDENTITY_BYTES)
        end = IDENTITY_BYTES;
    for (uint64_t addr = start > from ? start : from; addr < end; addr += LARGE_BYTES)
        map(addr, PTE_WRITE | PTE_NO_RUN | PTE_LARGE, 1);
}

VK_SELDOM void metal_paging_init(const struct boot_info *info)
{
    uint64_t frame = metal_frame_take();
    if (frame == METAL_FRAME_NONE)
        plat_panic("paging: no memory for the kernel's tables");
    root = table_of(frame);
    uint64_t from = map_image();
    for (uint32_t i = 0; i < info->range_count; i++)
        if (info->ranges[i].kind == BOOT_RANGE_FREE)
            map_memory(&info->ranges[i], from);
    metal_write_cr3(frame);
}

VK_SELDOM void metal_paging_map_device(uint64_t physical)
{
    map(physical, PTE_WRITE | PTE_NO_RUN | PTE_UNCACHED, 0);
}

/* ---- reserved addresses ------------------------------------------------------ */

/*
 * Make an entry boundary at addr on every level, so that the ranges on both
 * sides consist of whole entries. Changes no page.
 */
static int split(uintptr_t addr)
{
    uint64_t *table = root;
    for (uint32_t level = LEVELS - 1; level > 0 && addr % span_of(level) != 0; level--) {
        uint64_t *entry = entry_of(table, level, addr);
        if (!(*entry & PTE_PRESENT) && !make_table(entry))
            return -VK_ENOMEM;
        table = table_of(*entry);
    }
    return 0;
}

/* Returns whether a cached translation of the page may have to go. */
static bool edit_page(uint64_t *entry, const struct metal_edit *edit)
{
    uint64_t before = *entry;
    uint64_t after = (before & ~(edit->clear | PTE_PRESENT)) | edit->set;
    if (edit->drop && (after & PTE_FRAME)) {
        metal_frame_give(after & PTE_ADDRESS);
        after &= PTE_WRITE | METAL_PTE_KEY(15);
    }
    if ((after & PTE_WRITE) && (after & PTE_FRAME))
        after |= PTE_PRESENT;
    *entry = after;
    return (before & PTE_PRESENT) && after != before;
}

/* Edit the pages of [start, end) below one table; *stale counts the translations that went. */
static void edit_table(uint64_t *table, uint32_t level, uintptr_t start, uintptr_t end,
                       const struct metal_edit *edit, size_t *stale)
{
    while (start < end) {
        uint64_t *entry = entry_of(table, level, start);
        uintptr_t next = (start & ~(span_of(level) - 1)) + span_of(level);
        if (level == 0) {
            if (edit_page(entry, edit) && ++*stale <= INVLPG_MAX)
                metal_invlpg(start);
        } else if (*entry & PTE_PRESENT) {
            edit_table(table_of(*entry), level - 1, start, next < end ? next : end, edit, stale);
        } else {
            *entry = (*entry & ~edit->clear) | edit->set;
        }
        start = next;
    }
}

int metal_paging_edit(uintptr_t base, size_t len_bytes, const struct metal_edit *edit)
{
    int rc = split(base);
    if (rc == 0)
        rc = split(base + len_bytes);
    if (rc != 0)
        return rc;
    size_t stale = 0;
    edit_table(root, LEVELS - 1, base, base + len_bytes, edit, &stale);
    if (stale > INVLPG_MAX)
        metal_write_cr3(metal_read_cr3());
    return 0;
}

/* ---- sealed memory ------------------------------------------------------------ */

/* The same memory by a table of small pages. */
static bool split_large(uint64_t *entry)
{
    uint64_t frame = metal_frame_take();
    if (frame == METAL_FRAME_NONE)
        return false;
    uint64_t *table = table_of(frame);
    for (uint32_t i = 0; i < ENTRIES; i++)
        table[i] = (*entry & ~PTE_LARGE) + (uint64_t)i * VK_PAGE_BYTES;
    *entry = frame | PTE_PRESENT | PTE_WRITE | PTE_USER;
    return true;
}

/* Returns false without memory for a table, or for a page that was never touched. */
static bool seal_page(uintptr_t addr)
{
    uint64_t *entry = entry_of(root, LEVELS - 1, addr);
    for (uint32_t level = LEVELS - 1; level > 0; level--) {
        bool is_table = (*entry & PTE_PRESENT) && !(*entry & PTE_LARGE);
        if (!is_table && !(*entry & PTE_PRESENT ? split_large(entry) : make_table(entry)))
            return false;
        entry = entry_of(table_of(*entry), level - 1, addr);
    }
    if (!(*entry & PTE_PRESENT)) {
        vk_assert(addr >= METAL_RESERVE_START);
        if (!(*entry & PTE_FRAME)) {
            uint64_t frame = metal_frame_take();
            if (frame == METAL_FRAME_NONE)
                return false;
            *entry |= frame;
        }
        *entry |= PTE_FRAME | PTE_PRESENT | PTE_USER | PTE_NO_RUN;
    }
    *entry &= ~PTE_WRITE;
    metal_invlpg(addr);
    return true;
}

int metal_paging_seal(const void *base, size_t len_bytes)
{
    uintptr_t addr = (uintptr_t)base & ~(uintptr_t)(VK_PAGE_BYTES - 1), end = (uintptr_t)base + len_bytes;
    for (; addr < end; addr += VK_PAGE_BYTES)
        if (!seal_page(addr))
            return -VK_ENOMEM;
    return 0;
}

/* ---- the end of a reservation --------------------------------------------------- */

/* Close everything in [start, end) below a table and free the tables that lie in it whole. */
static void release_table(uint64_t *table, uint32_t level, uintptr_t start, uintptr_t end)
{
    while (start < end) {
        uint64_t *entry = entry_of(table, level, start);
        uintptr_t next = (start & ~(span_of(level) - 1)) + span_of(level);
        bool is_whole = start % span_of(level) == 0 && next <= end;
        if (level == 0) {
            if (*entry & PTE_FRAME)
                metal_frame_give(*entry & PTE_ADDRESS);
        } else if (*entry & PTE_PRESENT) {
            release_table(table_of(*entry), level - 1, start, next < end ? next : end);
            if (is_whole)
                metal_frame_give(*entry & PTE_ADDRESS);
        }
        if (is_whole)
            *entry = 0;
        start = next;
    }
}

void metal_paging_release(uintptr_t base, size_t len_bytes)
{
    release_table(root, LEVELS - 1, base, base + len_bytes);
    metal_write_cr3(metal_read_cr3());
}

/* ---- frames at the first touch ---------------------------------------------------- */

void metal_paging_promise(const void *base, size_t len_bytes, size_t frame_count)
{
    vk_assert(promise_count < METAL_PROMISES_MAX);
    size_t table_count = len_bytes / LARGE_BYTES + LEVELS; /* the pages may lie far apart */
    promises[promise_count++] = (struct promise){(uintptr_t)base, len_bytes, frame_count + table_count};
    promised += frame_count + table_count;
}

/* Whether what is left is promised to others. */
static bool is_withheld(bool is_run)
{
    return is_run && metal_frames_free() <= promised;
}

/* A page at addr has got its frame, or a table above it. */
static void keep_promise(uintptr_t addr)
{
    for (uint32_t i = 0; i < promise_count; i++) {
        if (addr - promises[i].base >= promises[i].len_bytes || promises[i].left == 0)
            continue;
        promises[i].left--;
        promised--;
    }
}

enum metal_touch metal_paging_touch(uintptr_t addr, bool is_run)
{
    if (addr < METAL_RESERVE_START || addr >= METAL_RESERVE_END)
        return METAL_TOUCH_CLOSED;
    uint64_t *entry = entry_of(root, LEVELS - 1, addr);
    for (uint32_t level = LEVELS - 1; level > 0; level--) {
        if (!(*entry & PTE_WRITE))
            return METAL_TOUCH_CLOSED;
        if (!(*entry & PTE_PRESENT)) {
            if (is_withheld(is_run) || !make_table(entry))
                return METAL_TOUCH_NO_FRAME;
            keep_promise(addr);
        }
        entry = entry_of(table_of(*entry), level - 1, addr);
    }
    if (!(*entry & PTE_WRITE))
        return METAL_TOUCH_CLOSED;
    uint64_t frame = is_withheld(is_run) ? METAL_FRAME_NONE : metal_frame_take();
    if (frame == METAL_FRAME_NONE)
        return METAL_TOUCH_NO_FRAME;
    keep_promise(addr);
    *entry |= frame | PTE_FRAME | PTE_PRESENT | PTE_USER | PTE_NO_RUN;
    return METAL_TOUCH_DONE;
}
