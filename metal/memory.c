/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory part of plat.h: which addresses are reserved. What their pages
 * are is in the page tables (paging.c).
 *
 * Reservations are kept sorted; between two of them at least one page belongs
 * to nobody, so that running past an end faults.
 */
#include "metal/frames.h"
#include "metal/keys.h"
#include "metal/paging.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

#define RESERVATIONS_MAX 1024u /* one more fails with -VK_ENOMEM */

static struct reservation {
    uintptr_t base;
    size_t len_bytes;
} reservations[RESERVATIONS_MAX];
static uint32_t reservation_count;

void plat_caps(struct plat_caps *ret_caps)
{
    size_t frames = metal_frames_total();
    *ret_caps = (struct plat_caps){
        .mappings_max =
            (uint32_t)frames + VK_MAPPINGS_RESERVED, /* a slot alive has a frame; nobody else counts */
        .mappings_split = false,
        .keys = metal_keys_work(),
    };
}

int plat_reserve(size_t len_bytes, size_t align_bytes, void **ret_base)
{
    vk_assert(len_bytes % VK_PAGE_BYTES == 0);
    if (reservation_count == RESERVATIONS_MAX || len_bytes > METAL_RESERVE_END - METAL_RESERVE_START)
        return -VK_ENOMEM;
    uintptr_t after = METAL_RESERVE_START;
    uint32_t at = 0;
    for (;; at++) {
        uintptr_t base = VK_ALIGN_UP(after + VK_PAGE_BYTES, (uintptr_t)align_bytes);
        uintptr_t end = at < reservation_count ? reservations[at].base : METAL_RESERVE_END;
        if (base < end && len_bytes + VK_PAGE_BYTES <= end - base) {
            after = base;
            break;
        }
        if (at == reservation_count)
            return -VK_ENOMEM;
        after = reservations[at].base + reservations[at].len_bytes;
    }
    memmove(&reservations[at + 1], &reservations[at], (reservation_count - at) * sizeof reservations[0]);
    reservations[at] = (struct reservation){after, len_bytes};
    reservation_count++;
    *ret_base = (void *)after;
    return 0;
}

void plat_release(void *base, size_t len_bytes)
{
    uint32_t at = 0;
    while (at < reservation_count && reservations[at].base != (uintptr_t)base)
        at++;
    vk_assert(at < reservation_count);
    vk_assert(reservations[at].len_bytes == len_bytes);
    metal_paging_release((uintptr_t)base, len_bytes);
    reservation_count--;
    memmove(&reservations[at], &reservations[at + 1], (reservation_count - at) * sizeof reservations[0]);
}

int plat_slot_map(void *base, size_t len_bytes, bool odd)
{
    (void)odd; /* page-table entries do not merge */
    static const struct metal_edit fresh = {.clear = METAL_PTE_WRITE | METAL_PTE_KEY(15), .drop = true};
    return metal_paging_edit((uintptr_t)base, len_bytes, &fresh);
}

int plat_protect(void *base, size_t len_bytes, enum plat_prot prot)
{
    static const struct metal_edit open = {.set = METAL_PTE_WRITE};
    static const struct metal_edit close = {.clear = METAL_PTE_WRITE};
    return metal_paging_edit((uintptr_t)base, len_bytes, prot == PLAT_PROT_RW ? &open : &close);
}

void plat_gather(void *base, size_t len_bytes)
{
    (void)base; /* protection is a bit of a page's entry, and costs no call */
    (void)len_bytes;
}

int plat_discard(void *base, size_t len_bytes)
{
    static const struct metal_edit drop = {.drop = true};
    return metal_paging_edit((uintptr_t)base, len_bytes, &drop);
}

/* ---- memory that mostly is zero ---- */

/* Lanes of the compiler's own, which it maps to whatever vectors the machine has. */
typedef uint64_t lanes __attribute__((vector_size(16)));
#define LINE_LANES (VK_CACHE_LINE_BYTES / sizeof(lanes))

static bool is_zero_line(const uint8_t *line)
{
    const lanes *at = (const lanes *)(const void *)line;
    lanes any = at[0];
    for (size_t i = 1; i < LINE_LANES; i++)
        any |= at[i];
    return (any[0] | any[1]) == 0;
}

bool plat_wipe(void *base, size_t len_bytes)
{
    bool was_dirty = false;
    uint8_t *at = base;
    for (size_t off = 0; off < len_bytes; off += VK_CACHE_LINE_BYTES) {
        if (is_zero_line(at + off))
            continue;
        memset(at + off, 0, VK_CACHE_LINE_BYTES);
        was_dirty = true;
    }
    return was_dirty;
}
