/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the heap of a waiting process lies. A slot of its own must be closed
 * when another process runs, and opened again later: two changes of
 * protection each. A small heap that holds no address is copied out instead,
 * and the slot, still open, serves the next process; when it goes on it is
 * copied into whatever slot is open then. The slots that parked heaps will
 * need count as taken, so there is one for each of them.
 */
#include "proc/kernel_impl.h"

bool proc_park(struct proc_kernel *kernel, struct proc_process *process)
{
    struct proc_process *p = process;
    if (!p->program->is_movable || kernel->guard.open_slot != p->slot || p->slot->slot_class != 0)
        return false;
    uint32_t used_bytes = p->program->used(p->program, (const struct proc_self *)p->slot->base);
    if (used_bytes > PROC_PARK_MAX_BYTES || !vk_bufs_get(&kernel->parks, used_bytes, &p->parked))
        return false;
    memcpy(p->parked.ptr, p->slot->base, used_bytes);
    p->parked_bytes = used_bytes;
    vk_pool_give(&kernel->pool, p->slot, used_bytes);
    p->slot = NULL;
    return true;
}

int proc_unpark(struct proc_kernel *kernel, struct proc_process *process)
{
    struct proc_process *p = process;
    int rc = vk_pool_take(&kernel->pool, 0, 0, &p->slot);
    if (rc)
        return rc;
    rc = vk_guard_enter(&kernel->guard, p->slot);
    if (rc)
        return rc;
    memcpy(p->slot->base, p->parked.ptr, p->parked_bytes);
    vk_bufs_put(&kernel->parks, &p->parked);
    return 0;
}

bool proc_parks_leave_slot(const struct proc_kernel *kernel, uint32_t slot_class)
{
    uint32_t parked = kernel->parks.in_use;
    return VK_LIKELY(parked == 0 || slot_class != 0) || vk_pool_room(&kernel->pool) > parked;
}
