/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the heap of a process lies that does not run. A slot of its own must
 * be closed when another process runs, and opened again later: two changes of
 * protection each. A program whose heaps hold no address needs none: a process
 * that has not begun has no heap yet, and a small one that waits is copied
 * out, so that its slot, still open, serves the next process. To run, it takes
 * whatever slot is open then. The slots that processes without one will need
 * count as taken, so there is one for each of them.
 *
 * The copy lies in the kernel's memory. Under a guard that leaves that open,
 * heaps are parked only in a kernel that has run nothing but verified
 * bytecode: before native code runs, they go back to slots for good.
 */
#include "proc/kernel_impl.h"

int proc_place_slow(struct proc_kernel *kernel, struct proc_process *process, bool needs_slot,
                    uint32_t slot_class, uint32_t prefix_bytes)
{
    bool is_small = slot_class == 0;
    if (is_small && vk_pool_room(&kernel->pool) <= kernel->slotless)
        return -VK_ENOMEM;
    if (!is_small || needs_slot)
        return vk_pool_take(&kernel->pool, slot_class, prefix_bytes, &process->slot);
    kernel->slotless++;
    return 0;
}

static uint32_t used_of(const struct proc_process *p)
{
    return p->program->used(p->program, (const struct proc_self *)p->slot->base);
}

void proc_gather_slow(struct proc_kernel *kernel, struct proc_process *process)
{
    if (process->program->used && kernel->guard.open_slot == process->slot)
        vk_pool_gather(&kernel->pool, process->slot, used_of(process));
}

/*
 * What of a heap is copied: its head without the rings, which are empty while it waits, and what lies behind
 * them.
 */
#define RINGS_OFF   ((uint32_t)offsetof(struct proc_self, ops))
#define RINGS_BYTES ((uint32_t)sizeof(struct proc_self) - RINGS_OFF)

static void pack(uint8_t *dst, const uint8_t *base, uint32_t used_bytes)
{
    memcpy(dst, base, RINGS_OFF);
    memcpy(dst + RINGS_OFF, base + RINGS_OFF + RINGS_BYTES, used_bytes - RINGS_OFF - RINGS_BYTES);
}

/* Into a heap that is wiped. */
static void unpack(uint8_t *base, const uint8_t *src, uint32_t parked_bytes)
{
    memcpy(base, src, RINGS_OFF);
    memcpy(base + RINGS_OFF + RINGS_BYTES, src + RINGS_OFF, parked_bytes - RINGS_OFF);
}

void proc_park(struct proc_kernel *kernel, struct proc_process *process)
{
    struct proc_process *p = process;
    if (kernel->has_native && !vk_guard_covers_kernel(&kernel->guard))
        return; /* a copy would be open to whoever runs */
    if (!p->program->is_movable || kernel->guard.open_slot != p->slot || p->slot->slot_class != 0)
        return;
    uint32_t used_bytes = used_of(p);
    uint32_t parked_bytes = used_bytes - RINGS_BYTES;
    if (p->keeps_ops || p->done_count > 0 || used_bytes < RINGS_OFF + RINGS_BYTES ||
        parked_bytes > PROC_PARK_MAX_BYTES || !vk_bufs_get(&kernel->parks, parked_bytes, &p->parked))
        return;
    pack(p->parked.ptr, p->slot->base, used_bytes);
    p->parked_bytes = parked_bytes;
    vk_pool_give(&kernel->pool, p->slot, used_bytes);
    p->slot = NULL;
    kernel->slotless++;
}

/* The copy is of no more use; what was in it is nobody's. */
static void drop_copy(struct proc_kernel *k, struct proc_process *p)
{
    memset(p->parked.ptr, 0, p->parked_bytes);
    vk_bufs_put(&k->parks, &p->parked);
}

int proc_enter_slow(struct proc_kernel *kernel, struct proc_process *process)
{
    struct proc_process *p = process;
    if (!p->slot) {
        int rc = vk_pool_take(&kernel->pool, 0, 0, &p->slot);
        if (rc)
            return rc;
        kernel->slotless--;
    }
    int rc = vk_guard_enter(&kernel->guard, p->slot);
    if (!rc && p->parked.cap_bytes) {
        unpack(p->slot->base, p->parked.ptr, p->parked_bytes);
        drop_copy(kernel, p);
    }
    return rc;
}

void proc_leave(struct proc_kernel *kernel, struct proc_process *process)
{
    struct proc_process *p = process;
    uint32_t used_bytes = 0;
    if (VK_UNLIKELY(p->parked.cap_bytes))
        drop_copy(kernel, p);
    if (VK_UNLIKELY(!p->slot)) {
        kernel->slotless--;
        return;
    }
    if (p->program->used && kernel->guard.open_slot == p->slot)
        used_bytes = used_of(p);
    vk_pool_give(&kernel->pool, p->slot, used_bytes);
    p->slot = NULL;
}

void proc_park_none(struct proc_kernel *kernel)
{
    struct vk_entry *entry = NULL;
    kernel->has_native = true;
    if (vk_guard_covers_kernel(&kernel->guard))
        return;
    while ((entry = vk_table_next(&kernel->processes, entry))) {
        struct proc_process *p = VK_CONTAINER(entry, struct proc_process, entry);
        if (!p->parked.cap_bytes || !proc_enter(kernel, p))
            continue;
        drop_copy(kernel, p); /* without its heap it cannot go on */
        proc_process_doom(kernel, p, PROC_REASON_MEMORY);
    }
}
