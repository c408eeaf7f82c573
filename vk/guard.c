/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/guard.h"

#include "vk/err.h"

/* Rights that deny every key but 0, and the two bits of one key. */
#define RIGHTS_NONE    0x55555554u
#define RIGHTS_OF(key) (3u << (2 * (key)))
/* More hot slots gain little: a key that changes hands is one mprotect more than none. */
#define SLOT_KEYS_MAX 12u

static const char *const names[] = {
    [VK_GUARD_AUTO] = "auto",
    [VK_GUARD_MPROTECT] = "mprotect",
    [VK_GUARD_MPROTECT_KERNEL] = "mprotect+kernel",
    [VK_GUARD_PKEY] = "pkey",
    [VK_GUARD_OFF] = "off",
};

const char *vk_guard_name(enum vk_guard_kind kind)
{
    return names[kind];
}

static bool is_equal(const char *a, const char *b)
{
    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    return *a == *b;
}

int vk_guard_parse(const char *name, enum vk_guard_kind *ret_kind)
{
    for (uint32_t i = 0; i < VK_COUNT(names); i++)
        if (is_equal(name, names[i])) {
            *ret_kind = (enum vk_guard_kind)i;
            return 0;
        }
    return -VK_EINVAL;
}

static int protect(struct vk_guard *guard, struct vk_slot *slot, uint32_t len_bytes, enum plat_prot prot)
{
    if (guard->kind == VK_GUARD_PKEY)
        return plat_key_protect(slot->base, len_bytes, prot, slot->key);
    return plat_protect(slot->base, len_bytes, prot);
}

static void drop_key(struct vk_guard *guard, struct vk_slot *slot)
{
    guard->key_slots[slot->key] = NULL;
    slot->key = 0;
}

/* Closing what was opened restores a state the OS kernel has had before: it takes no more mappings. */
static void close_slot(struct vk_guard *guard, struct vk_slot *slot)
{
    drop_key(guard, slot);
    int rc = protect(guard, slot, slot->open_bytes, PLAT_PROT_NONE);
    vk_assert(rc == 0);
    slot->is_accessible = false;
}

static int open_slot(struct vk_guard *guard, struct vk_slot *slot)
{
    int rc = protect(guard, slot, slot->open_bytes, PLAT_PROT_RW);
    slot->is_accessible = rc == 0;
    return rc;
}

/* Give up all keys; what they protected is the ordinary key's again. */
static void keys_fini(struct vk_guard *guard)
{
    for (uint32_t key = 1; key < PLAT_KEYS_MAX; key++) {
        if ((guard->keys_mask & (1u << key)) == 0)
            continue;
        if (guard->key_slots[key] != NULL)
            close_slot(guard, guard->key_slots[key]);
        plat_key_free(key);
    }
    if (guard->kernel_key != 0) {
        int rc = plat_key_protect(guard->region->base, guard->region->len_bytes, PLAT_PROT_RW, 0);
        vk_assert(rc == 0);
        plat_key_free(guard->kernel_key);
    }
    guard->keys_mask = 0;
    guard->kernel_key = 0;
}

/* One key for the kernel's memory, the others for slots, of which there must be one at least. */
static int keys_init(struct vk_guard *guard)
{
    struct vk_region *region = guard->region;
    uint32_t key, count = 0;
    int rc = plat_key_alloc(&guard->kernel_key);
    if (rc != 0)
        return -VK_ENOTSUP;
    rc = plat_key_protect(region->base, region->len_bytes, PLAT_PROT_RW, guard->kernel_key);
    while (rc == 0 && count < SLOT_KEYS_MAX && plat_key_alloc(&key) == 0) {
        guard->keys_mask |= 1u << key;
        count++;
    }
    if (rc == 0 && count > 0)
        return 0;
    keys_fini(guard);
    return rc != 0 ? rc : -VK_ENOTSUP;
}

/* A mapping of its own, so that closing it neither splits nor merges one. */
static int critical_init(struct vk_guard *guard)
{
    if (guard->critical == NULL || guard->critical_bytes == 0)
        return -VK_EINVAL;
    int rc = plat_slot_map(guard->critical, guard->critical_bytes, true);
    return rc != 0 ? rc : plat_protect(guard->critical, guard->critical_bytes, PLAT_PROT_RW);
}

VK_SELDOM int vk_guard_init(struct vk_guard *guard, enum vk_guard_kind kind, struct vk_region *region,
                            void *critical, size_t critical_bytes)
{
    struct plat_caps caps;
    int rc = 0;
    plat_caps(&caps);
    *guard = (struct vk_guard){.region = region, .critical = critical, .critical_bytes = critical_bytes};
    if (kind == VK_GUARD_AUTO)
        kind = caps.keys ? VK_GUARD_PKEY : VK_GUARD_MPROTECT;
    if (kind == VK_GUARD_PKEY)
        rc = caps.keys ? keys_init(guard) : -VK_ENOTSUP;
    else if (kind == VK_GUARD_MPROTECT_KERNEL)
        rc = critical_init(guard);
    guard->kind = kind;
    return rc;
}

void vk_guard_fini(struct vk_guard *guard)
{
    keys_fini(guard);
    *guard = (struct vk_guard){0};
}

void vk_guard_forget(struct vk_guard *guard, struct vk_slot *slot)
{
    drop_key(guard, slot);
    slot->is_accessible = false;
    if (guard->open_slot == slot)
        guard->open_slot = NULL;
}

/* The next key in turn, taken from the slot that holds it; the open slot, used last, keeps its own if it can.
 */
static uint32_t next_key(struct vk_guard *guard)
{
    uint32_t key = guard->key_clock, spared = 0;
    for (;;) {
        key = key + 1 < PLAT_KEYS_MAX ? key + 1 : 1;
        if ((guard->keys_mask & (1u << key)) == 0)
            continue;
        if (guard->key_slots[key] == NULL || guard->key_slots[key] != guard->open_slot || spared == key)
            break;
        spared = key;
    }
    guard->key_clock = key;
    return key;
}

static int switch_keys(struct vk_guard *guard, struct vk_slot *slot)
{
    if (slot->key == 0) {
        uint32_t key = next_key(guard);
        guard->rekeys++;
        if (guard->key_slots[key] != NULL)
            close_slot(guard, guard->key_slots[key]);
        slot->key = (uint8_t)key;
        int rc = open_slot(guard, slot);
        if (rc != 0) {
            slot->key = 0;
            return rc;
        }
        guard->key_slots[key] = slot;
    }
    guard->run_rights = RIGHTS_NONE & ~RIGHTS_OF(slot->key);
    return 0;
}

int vk_guard_switch(struct vk_guard *guard, struct vk_slot *slot)
{
    struct vk_slot *before = guard->open_slot;
    int rc = 0;
    guard->switches++;
    if (guard->kind == VK_GUARD_PKEY) {
        rc = switch_keys(guard, slot);
    } else {
        if (guard->kind != VK_GUARD_OFF && before != NULL)
            close_slot(guard, before);
        if (!slot->is_accessible)
            rc = open_slot(guard, slot);
    }
    guard->open_slot = rc == 0 ? slot : NULL;
    return rc;
}

void vk_guard_run_begin_slow(struct vk_guard *guard)
{
    if (guard->kind == VK_GUARD_PKEY) {
        plat_key_set_run_rights(guard->run_rights);
        return;
    }
    int rc = plat_protect(guard->critical, guard->critical_bytes, PLAT_PROT_NONE);
    vk_assert(rc == 0);
}

void vk_guard_run_end_slow(struct vk_guard *guard)
{
    if (guard->kind == VK_GUARD_PKEY) {
        plat_key_set_run_rights(0);
        return;
    }
    int rc = plat_protect(guard->critical, guard->critical_bytes, PLAT_PROT_RW);
    vk_assert(rc == 0);
}

bool vk_guard_grow(struct vk_guard *guard, uintptr_t addr)
{
    struct vk_slot *slot = guard->open_slot;
    if (slot == NULL)
        return false;
    uintptr_t off = addr - (uintptr_t)slot->base;
    if (off < slot->open_bytes || off >= slot->size_bytes)
        return false;
    if (protect(guard, slot, slot->size_bytes, PLAT_PROT_RW) != 0)
        return false;
    slot->open_bytes = slot->size_bytes;
    guard->grows++;
    return true;
}
