/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool divides one reserved range of addresses per size class into slots,
 * the places where heaps live. Slots are made on demand, taken last-in
 * first-out so that the hot one stays in cache and TLB, and wiped before they
 * are used again: what one process wrote, no later one may read.
 *
 * Two ways to open a slot (docs/decisions.md has the figures):
 *  - whole: one kernel mapping, for code whose writes the kernel can bound by
 *    a mark of its own (bytecode). The wipe goes up to that mark.
 *  - prefix: the first pages only, for native code, which may write wherever
 *    is open. Costs two mappings. The first touch past the prefix opens the
 *    whole slot (vk_guard_grow); the wipe goes to the end of what was opened.
 *    A slot that grows again and again stays whole until its tail is idle.
 *
 * Slot records live in kernel memory. The capacity follows from the mappings
 * the platform allows; beyond it vk_pool_take fails cleanly.
 */
#ifndef VK_POOL_H
#define VK_POOL_H

#include "vk/base.h"
#include "vk/limits.h"
#include "vk/region.h"

struct vk_guard;

struct vk_slot {
    uint8_t *base;       /* first address; aligned to VK_PAGE_BYTES */
    uint32_t size_bytes; /* addresses of the slot: the size of its class */
    uint32_t open_bytes; /* how much is open while the guard has it open; <= size_bytes */

    /* private: pool and guard */
    uint32_t dirty_bytes; /* to wipe before the next use; 0 while wiped */
    uint32_t next;        /* index + 1 of the next free slot of the class */
    uint32_t large_bytes; /* of its beginning that was to be gathered into large pages */
    uint32_t shape_bytes; /* of its first mapping: size_bytes when whole, else the prefix */
    uint8_t slot_class;
    uint8_t key;        /* protection key it holds; 0 none */
    uint8_t grown_runs; /* uses in a row that needed more than the prefix */
    uint8_t idle_runs;  /* uses in a row that did not write past the prefix although it was open */
    bool in_use;
    bool is_accessible; /* its pages are PLAT_PROT_RW now, whatever the key */
};

struct vk_pool_options {
    uint32_t slots_max[VK_SLOT_CLASSES]; /* records to keep per class; 0: class not offered */
    uint32_t mappings_max;               /* 0: what the platform allows less VK_MAPPINGS_RESERVED */
    uint32_t warm;                       /* class 0 slots to make and touch at start */
    uint32_t warm_prefix_bytes;          /* how they will be taken: 0 whole, else the prefix */
};

struct vk_pool_class {
    /* private */
    uint8_t *base;
    struct vk_slot *slots;
    uint32_t made; /* slots[0 .. made-1] have a mapping */
    uint32_t max;
    uint32_t free_first[2]; /* free slots by shape, whole and prefix: index + 1; 0: none */
    uint32_t free[2];       /* how many */
    uint32_t in_use;
};

struct vk_pool {
    /* private */
    struct vk_pool_class classes[VK_SLOT_CLASSES];
    struct vk_guard *guard;
    uint32_t mappings_used;
    uint32_t mappings_max;
    uint64_t wipes; /* counted, with the bytes, for tests and metrics */
    uint64_t wipe_bytes;
};

/*
 * Takes its tables from region; guard decides how slots open. Returns 0,
 * -VK_ENOMEM, -VK_EINVAL.
 */
int vk_pool_init(struct vk_pool *pool, const struct vk_pool_options *options, struct vk_guard *guard,
                 struct vk_region *region);
void vk_pool_fini(struct vk_pool *pool); /* accepts zeroed; every slot is gone afterwards */

/* Addresses of a slot of this class, in bytes. */
uint32_t vk_pool_class_bytes(uint32_t slot_class);
/* Smallest class whose slots have need_bytes; VK_SLOT_CLASSES when there is none. */
uint32_t vk_pool_class_for(uint32_t need_bytes);

/* How many more class 0 slots opened whole could be taken now. */
uint32_t vk_pool_room(const struct vk_pool *pool);

/*
 * Take a zero-filled slot.
 *
 * prefix_bytes  how much to open at least: 0 the whole slot, else a multiple of the page size
 * ret_slot      set on success; the caller's until vk_pool_give
 *
 * The slot is closed or, when it is the one the guard has open, open already:
 * enter it by vk_guard_enter before touching it. Returns 0; -VK_ENOMEM when
 * no slot or mapping is left (nothing changed).
 */
int vk_pool_take(struct vk_pool *pool, uint32_t slot_class, uint32_t prefix_bytes, struct vk_slot **ret_slot);

/*
 * Give a slot back. used_bytes is the kernel's own high-water mark of a slot
 * opened whole by code that cannot pass it (bytecode); 0 means everything
 * that was open may have been written. Wiped at once when the slot is open,
 * else before its next use.
 */
void vk_pool_give(struct vk_pool *pool, struct vk_slot *slot, uint32_t used_bytes);

/*
 * The slot is open, goes on being in use, and has that mark: what it fills of large pages is gathered into
 * such, since opening and closing it costs by the page.
 */
void vk_pool_gather(const struct vk_pool *pool, struct vk_slot *slot, uint32_t used_bytes);

/* The slot in use that contains addr, or NULL. */
struct vk_slot *vk_pool_find(struct vk_pool *pool, uintptr_t addr);

#endif
