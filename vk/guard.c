/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/guard.h"

#include "vk/err.h"

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

int vk_guard_init(struct vk_guard *guard, enum vk_guard_kind kind, struct vk_region *region, void *critical,
                  size_t critical_bytes)
{
    *guard = (struct vk_guard){.region = region, .critical = critical, .critical_bytes = critical_bytes};
    if (kind == VK_GUARD_AUTO)
        kind = VK_GUARD_MPROTECT;
    if (kind == VK_GUARD_PKEY)
        return -VK_ENOTSUP;
    guard->kind = kind;
    return 0;
}

void vk_guard_fini(struct vk_guard *guard)
{
    *guard = (struct vk_guard){0};
}

void vk_guard_forget(struct vk_guard *guard, struct vk_slot *slot)
{
    slot->is_accessible = false;
    if (guard->open_slot == slot)
        guard->open_slot = NULL;
}

static int open_slot(struct vk_slot *slot)
{
    int rc = plat_protect(slot->base, slot->open_bytes, PLAT_PROT_RW);
    slot->is_accessible = rc == 0;
    return rc;
}

/* Closing what was opened restores a state the OS kernel has had before: it takes no more mappings. */
static void close_slot(struct vk_slot *slot)
{
    int rc = plat_protect(slot->base, slot->open_bytes, PLAT_PROT_NONE);
    vk_assert(rc == 0);
    slot->is_accessible = false;
}

int vk_guard_switch(struct vk_guard *guard, struct vk_slot *slot)
{
    guard->switches++;
    if (guard->kind != VK_GUARD_OFF && guard->open_slot != NULL)
        close_slot(guard->open_slot);
    guard->open_slot = NULL;
    if (!slot->is_accessible) {
        int rc = open_slot(slot);
        if (rc != 0)
            return rc;
    }
    guard->open_slot = slot;
    return 0;
}

void vk_guard_run_begin_slow(struct vk_guard *guard)
{
    int rc = plat_protect(guard->critical, guard->critical_bytes, PLAT_PROT_NONE);
    vk_assert(rc == 0);
}

void vk_guard_run_end_slow(struct vk_guard *guard)
{
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
    if (plat_protect(slot->base, slot->size_bytes, PLAT_PROT_RW) != 0)
        return false;
    slot->open_bytes = slot->size_bytes;
    guard->grows++;
    return true;
}
