/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's page tables. Two kinds of addresses:
 *
 *  - Below 4 GiB the image and the machine's memory, one to one: text can be
 *    run and not written, constants only read, the rest only read and written.
 *    The first MiB is not mapped, so a null pointer faults.
 *  - From METAL_RESERVE_START on what plat_reserve hands out. A page there is
 *    closed, open or sealed, and has a frame or none yet; the cases are bits of its
 *    entry (see paging.c). An open page gets its frame at the first touch.
 *
 * One processor, so a translation is dropped by invlpg alone.
 */
#ifndef METAL_PAGING_H
#define METAL_PAGING_H

#include "metal/boot_info.h"

#define METAL_RESERVE_START 0x0000008000000000u /* 512 GiB: the second entry of the root table */
#define METAL_RESERVE_END   0x00007ffffffff000u /* the last page of the lower half stays unused */

/* Makes the tables and switches to them. Panics when memory does not even suffice for that. */
void metal_paging_init(const struct boot_info *info);

/* Map one page of device registers where it physically is, uncached. Panics without memory. */
void metal_paging_map_device(uint64_t physical);

/* A change to every page of a range: the bits to clear, then those to set. */
struct metal_edit {
    uint64_t clear; /* of METAL_PTE_WRITE and METAL_PTE_KEY(15) */
    uint64_t set;
    bool drop; /* give the frames back: the next touch reads zeros */
};

#define METAL_PTE_WRITE  (1ull << 1) /* the page is open */
#define METAL_PTE_KEY(k) ((uint64_t)(k) << 59)

/*
 * Apply an edit to [base, base + len_bytes) of the reserved addresses; both
 * are multiples of VK_PAGE_BYTES. Returns 0; -VK_ENOMEM when there is no frame
 * for a table (nothing changed).
 */
int metal_paging_edit(uintptr_t base, size_t len_bytes, const struct metal_edit *edit);

/*
 * Nobody writes [base, base + len_bytes) any more, the kernel included, nor
 * what else lies in its first and its last page; a write faults, reading goes on.
 * For good: of memory below 4 GiB; of a reservation until it is edited or given
 * back. Returns 0; -VK_ENOMEM when there is no frame for a table (part of it may be sealed).
 */
int metal_paging_seal(const void *base, size_t len_bytes);

/* Give back frames and tables of a whole reservation; its pages are closed afterwards. */
void metal_paging_release(uintptr_t base, size_t len_bytes);

enum metal_touch {
    METAL_TOUCH_DONE,     /* the page has a frame now; try the access again */
    METAL_TOUCH_CLOSED,   /* the page is not open */
    METAL_TOUCH_NO_FRAME, /* it is open, but memory is used up */
};

/* An access to addr met a page that is not present; is_run: of a guarded run, which gets no promised frame.
 */
enum metal_touch metal_paging_touch(uintptr_t addr, bool is_run);

/*
 * Promise frames to a range of reserved addresses: so many of its pages get
 * theirs, and the tables above them, whatever runs take. For good; at most
 * METAL_PROMISES_MAX times.
 */
#define METAL_PROMISES_MAX 4u
void metal_paging_promise(const void *base, size_t len_bytes, size_t frame_count);

#endif
