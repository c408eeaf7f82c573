/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects: allocation by bump, and lists. Nothing here but interp_alloc and
 * interp_room may collect; who must keep references over those has them in
 * registers.
 */
#include "interp/interp_impl.h"

bool interp_room_slow(struct interp_run *run, uint64_t len_bytes)
{
    const struct interp_process *p = run->p;
    /* With what the native under way has taken so far: it is called again, and needs all of it. */
    return interp_collect(run, p->call_top, p->top - p->call_top + len_bytes);
}

uint32_t interp_alloc(struct interp_run *run, uint64_t len_bytes, uint16_t type, uint32_t count)
{
    return VK_LIKELY(interp_room(run, len_bytes)) ? interp_take(run, (uint32_t)len_bytes, type, count) : 0;
}

bool interp_room_now(struct interp_run *run, uint64_t len_bytes)
{
    struct interp_process *p = run->p;
    bool before = p->at_once;
    if (VK_LIKELY(p->top + len_bytes <= p->soft))
        return true;
    p->at_once = true;
    bool has_room = interp_collect(run, p->top, len_bytes);
    p->at_once = before;
    return has_room;
}

uint32_t interp_alloc_now(struct interp_run *run, uint64_t len_bytes, uint16_t type, uint32_t count)
{
    return interp_room_now(run, len_bytes) ? interp_take(run, (uint32_t)len_bytes, type, count) : 0;
}

bool interp_list_grows(const struct interp_run *run, uint32_t list, bool adds, uint64_t *ret_room)
{
    const struct interp_list *l = (const void *)interp_read_at(run, list);
    uint64_t len = l->len + adds;
    if (VK_LIKELY(!interp_is_shared(list, &l->head) && len <= l->head.count))
        return false;
    *ret_room = len <= l->head.count ? l->head.count : len < 4 ? 4 : len + len / 2;
    return true;
}

uint32_t interp_list_copy(struct interp_run *run, uint32_t list, uint64_t room)
{
    const struct interp_list *old = (const void *)interp_read_at(run, list);
    uint32_t ref = interp_take(run, (uint32_t)interp_list_bytes(room), old->head.type, (uint32_t)room);
    struct interp_list *new = (void *)interp_write_at(run, ref);
    new->len = old->len;
    memcpy(new->items, old->items, 8 * (size_t)old->len);
    if (interp_is_shared(list, &old->head) && run->image->types[old->head.type].of != 0)
        for (uint64_t i = 0; i < new->len; i++)
            interp_share(run, new->items[i].u);
    return ref;
}
