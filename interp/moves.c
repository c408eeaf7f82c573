/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies that an instruction makes and that are too long for one turn. The
 * instruction is executed again until its copy is complete; meanwhile only the
 * kernel may do something to this heap: what it lands lies above, and a
 * collection for its sake finds the copy in `moving`, whole as far as it goes.
 */
#include "interp/interp_impl.h"

#define ENTRY_BYTES 64u /* what an entry's copy touches, beside its own bytes those of its bucket */

static uint32_t done(struct interp_process *p)
{
    uint32_t ref = p->moving;
    p->moving = 0;
    p->moved = 0;
    return ref;
}

uint32_t interp_move_list(struct interp_run *run, uint32_t list, uint64_t room)
{
    struct interp_process *p = run->p;
    const struct interp_list *old = (const void *)interp_read_at(run, list);
    if (!p->moving) {
        p->moving = interp_take(run, (uint32_t)interp_list_bytes(room), old->head.type, (uint32_t)room);
        ((struct interp_list *)(void *)interp_write_at(run, p->moving))->len = 0;
    }
    struct interp_list *new = (void *)interp_write_at(run, p->moving);
    uint64_t left = old->len - new->len, at = new->len;
    uint64_t count = left < INTERP_TURN_BYTES / 8 ? left : INTERP_TURN_BYTES / 8;
    vk_copy(new->items + at, old->items + at, 8 * count);
    new->len += count;
    if (interp_is_shared(list, &old->head) && run->image->types[old->head.type].of != 0)
        for (uint64_t i = at; i < new->len; i++)
            interp_share(run, new->items[i].u);
    return count < left ? 0 : done(p);
}

/* `moved` counts bytes of buckets that are cleared, then entries of the old map that are done. */
uint32_t interp_move_map(struct interp_run *run, uint32_t map, uint64_t room)
{
    struct interp_process *p = run->p;
    const struct interp_map *old = (const void *)interp_read_at(run, map);
    if (!p->moving) {
        p->moving = interp_take(run, (uint32_t)interp_map_bytes(room), old->head.type, (uint32_t)room);
        interp_map_open((void *)interp_write_at(run, p->moving));
    }
    struct interp_map *new = (void *)interp_write_at(run, p->moving);
    uint64_t clear = 4 * (uint64_t) new->buckets;
    if (p->moved < clear) {
        uint64_t left = clear - p->moved, count = left < INTERP_TURN_BYTES ? left : INTERP_TURN_BYTES;
        memset((uint8_t *)(new->entries + new->head.count) + p->moved, 0, count);
        p->moved += count;
        return 0;
    }
    bool shares = interp_is_shared(map, &old->head) && run->image->types[old->head.type].of != 0;
    uint32_t from = (uint32_t)(p->moved - clear), end = from + INTERP_TURN_BYTES / ENTRY_BYTES;
    end = end < old->used ? end : old->used;
    for (uint32_t i = from; i < end; i++) {
        const struct interp_entry *e = &old->entries[i];
        if (e->next == INTERP_ENTRY_DEAD)
            continue;
        interp_map_add(run, p->moving, e->key, e->value, e->hash);
        if (shares)
            interp_share(run, e->value);
    }
    p->moved += end - from;
    return end < old->used ? 0 : done(p);
}

uint32_t interp_move_texts(struct interp_run *run, const union interp_word *r, const uint8_t *regs,
                           uint32_t count, uint64_t len)
{
    struct interp_process *p = run->p;
    if (!p->moving)
        p->moving = interp_take(run, (uint32_t)interp_text_bytes(len), run->image->str_type, (uint32_t)len);
    uint8_t *dst = interp_write_at(run, p->moving) + sizeof(struct interp_object);
    uint64_t begins = 0, left = INTERP_TURN_BYTES;
    for (uint32_t i = 0; i < count && left > 0; i++) {
        struct vk_span text = interp_text(run, (uint32_t)r[regs[i]].u);
        uint64_t ends = begins + text.len;
        if (p->moved < ends) {
            uint64_t rest = ends - p->moved, piece = rest < left ? rest : left;
            vk_copy(dst + p->moved, text.ptr + (p->moved - begins), piece);
            p->moved += piece;
            left -= piece;
        }
        begins = ends;
    }
    return p->moved < len ? 0 : done(p);
}

bool interp_compare_long(struct interp_run *run, uint32_t a, uint32_t b, int64_t *ret_order)
{
    struct interp_process *p = run->p;
    struct vk_span x = interp_text(run, a), y = interp_text(run, b);
    uint64_t both = x.len < y.len ? x.len : y.len, left = both - p->moved;
    uint64_t piece = left < INTERP_TURN_BYTES ? left : INTERP_TURN_BYTES;
    int order = piece ? memcmp(x.ptr + p->moved, y.ptr + p->moved, piece) : 0;
    p->moved += piece;
    if (order == 0 && p->moved < both)
        return false;
    p->moved = 0;
    *ret_order = order ? (order > 0) - (order < 0) : (x.len > y.len) - (x.len < y.len);
    return true;
}
