/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard keeps a process in its heap: at most one slot is open, and no
 * process runs while another's is. Closing is lazy: a slot stays open until a
 * different one must open, so processes that follow each other in one slot
 * cost no system call.
 *
 * Kinds: mprotect, the baseline; mprotect+kernel, which also closes a small
 * critical part of kernel memory while native code runs; pkey, with hot slots
 * behind protection keys and kernel memory closed while a process runs; off,
 * which never closes a slot. docs/isolation.md says what each protects.
 */
#ifndef VK_GUARD_H
#define VK_GUARD_H

#include "vk/base.h"
#include "vk/plat.h"
#include "vk/pool.h"

enum vk_guard_kind {
    VK_GUARD_AUTO, /* pkey where the CPU has keys, else mprotect */
    VK_GUARD_MPROTECT,
    VK_GUARD_MPROTECT_KERNEL,
    VK_GUARD_PKEY,
    VK_GUARD_OFF,
};

struct vk_guard {
    enum vk_guard_kind kind;   /* never AUTO after init */
    struct vk_slot *open_slot; /* the one slot open, or NULL */
    uint64_t switches;         /* times another slot had to be opened */
    uint64_t grows;            /* times a prefix was opened whole */
    uint64_t rekeys;           /* pkey: switches for which a key had to change hands */

    /* private */
    void *critical; /* kernel memory closed around native code (mprotect+kernel) */
    size_t critical_bytes;
    struct vk_region *region;
    uint32_t kernel_key;                      /* pkey: the key of the kernel region */
    uint32_t run_rights;                      /* pkey: rights of the open slot's process */
    uint32_t keys_mask;                       /* pkey: bit k: key k is for slots */
    uint32_t key_clock;                       /* pkey: the key given last */
    struct vk_slot *key_slots[PLAT_KEYS_MAX]; /* pkey: which slot holds which key */
};

/*
 * region: the kernel's memory, closed to processes by pkey. critical: whole
 * pages of it that mprotect+kernel closes, and zeroes now; NULL for the other
 * kinds. Neither the guard, nor what its caller touches between run_begin and
 * run_end or while a slot grows, may lie in critical. To be called on the
 * thread that will run processes. -VK_ENOTSUP when the kind does not work
 * here, -VK_EINVAL when critical is missing.
 */
int vk_guard_init(struct vk_guard *guard, enum vk_guard_kind kind, struct vk_region *region, void *critical,
                  size_t critical_bytes);
void vk_guard_fini(struct vk_guard *guard); /* after the pool's; accepts zeroed */

const char *vk_guard_name(enum vk_guard_kind kind);                 /* "mprotect", ... */
int vk_guard_parse(const char *name, enum vk_guard_kind *ret_kind); /* -VK_EINVAL */

/*
 * The slot's mapping was made anew, or goes away: it is closed and holds no
 * key. Called by the pool.
 */
void vk_guard_forget(struct vk_guard *guard, struct vk_slot *slot);

/* The slow half of vk_guard_enter. */
int vk_guard_switch(struct vk_guard *guard, struct vk_slot *slot);
void vk_guard_run_begin_slow(struct vk_guard *guard);
void vk_guard_run_end_slow(struct vk_guard *guard);

/*
 * Make slot the one open slot; the kernel may now read and write it. Returns
 * 0, or -VK_ENOMEM when the platform refused (mapping limit): then no slot is open.
 */
VK_INLINE int vk_guard_enter(struct vk_guard *guard, struct vk_slot *slot)
{
    if (VK_LIKELY(guard->open_slot == slot))
        return 0;
    return vk_guard_switch(guard, slot);
}

/*
 * Around plat_run_guarded for the process of the open slot: its code meets
 * closed kernel memory as far as the kind can. (pkey: rights are changed by
 * plat_run_guarded itself, so the caller has its own all the time.)
 */
VK_INLINE void vk_guard_run_begin(struct vk_guard *guard)
{
    if (VK_UNLIKELY(guard->kind == VK_GUARD_PKEY || guard->kind == VK_GUARD_MPROTECT_KERNEL))
        vk_guard_run_begin_slow(guard);
}

VK_INLINE void vk_guard_run_end(struct vk_guard *guard)
{
    if (VK_UNLIKELY(guard->kind == VK_GUARD_PKEY || guard->kind == VK_GUARD_MPROTECT_KERNEL))
        vk_guard_run_end_slow(guard);
}

/* Whether the kernel's memory is as closed to the process that runs as the slots of others are. */
VK_INLINE bool vk_guard_covers_kernel(const struct vk_guard *guard)
{
    return guard->kind == VK_GUARD_PKEY || guard->kind == VK_GUARD_OFF;
}

/*
 * An access at addr faulted while slot's process ran. When addr lies in the
 * open slot past its opened prefix, open the whole slot and return true. Runs
 * inside the platform's fault handler (a plat_grow_fn by way of the caller).
 */
bool vk_guard_grow(struct vk_guard *guard, uintptr_t addr);

#endif
