/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part of the body of interp_loop (run.c), not a header of its own:
 * records, lists, maps and strings.
 */
#ifndef INTERP_RUN_OBJECTS_H
#define INTERP_RUN_OBJECTS_H

/* A VARIANT's head counts its tag, all others their fields. */
OP(NEW)
OP(CLOSURE)
{
    const struct interp_type *type = &image->types[WIDE];
    const uint8_t *regs = (const uint8_t *)pc;
    uint32_t count = type->count;
    NEED(8 + 8 * (uint64_t)count);
    uint32_t ref = interp_take(run, (uint32_t)need, (uint16_t)WIDE,
                               type->kind == INTERP_KIND_VARIANT ? type->tag : count);
    union interp_word *fields = &FIELD_WRITE(ref, 0);
    for (uint32_t i = 0; i < count; i++)
        fields[i] = r[regs[i]];
    r[A].u = ref;
    pc += (count + 3) / 4;
    NEXT;
}
SIMPLE(GETF, r[A] = FIELD(r[B].u, C))
SIMPLE(GETR, r[A] = FIELD(r[B].u, C))
SIMPLE(SETF, FIELD_WRITE(r[A].u, B) = r[C])
SIMPLE(SETR, FIELD_WRITE(r[A].u, B) = r[C])
SIMPLE(GADDF, r[A].f += FIELD(r[B].u, C).f)
SIMPLE(SADDF, FIELD_WRITE(r[A].u, B).f += r[C].f)
SIMPLE(TAG, r[A].u = ((struct interp_object *)READ(r[B].u))->count)
OP(CAST)
{
    if (VK_UNLIKELY(((struct interp_object *)READ(r[B].u))->count != C))
        TRAP(VARIANT);
    r[A] = r[B];
    NEXT;
}
OP(SOME)
{
    if (VK_UNLIKELY(r[B].u == 0))
        TRAP(NIL);
    r[A] = r[B];
    NEXT;
}
OP(SHARE)
{
    if (r[A].u != 0 && !interp_in_image((uint32_t)r[A].u))
        ((struct interp_object *)WRITE(r[A].u))->flags |= INTERP_OBJECT_SHARED;
    NEXT;
}

/* ---- lists ---- */

OP(LNEW)
{
    NEED(interp_list_bytes(*pc));
    uint32_t ref = interp_take(run, (uint32_t)need, (uint16_t)WIDE, *pc);
    ((struct interp_list *)WRITE(ref))->len = 0;
    r[A].u = ref;
    pc++;
    NEXT;
}
SIMPLE(LLEN, r[A].u = ((const struct interp_list *)READ(r[B].u))->len)
OP(LGET)
OP(LGETR)
{
    uint64_t list = r[B].u, index = r[C].u;
    if (VK_UNLIKELY(index >= as_list(&here, list)->len))
        TRAP(INDEX);
    r[A] = ITEM(list, index);
    NEXT;
}

/*
 * A copy of bytes_ goes to dst_. A long one takes turns: until it is complete
 * the instruction is executed again.
 */
#define COPY(dst_, bytes_, is_long_, copy_, move_) \
    do {                                           \
        if (VK_LIKELY(!(is_long_))) {              \
            NEED(bytes_);                          \
            budget -= (int64_t)((bytes_) / 64);    \
            (dst_) = (copy_);                      \
            break;                                 \
        }                                          \
        if (p->moving == 0)                        \
            NEED(bytes_);                          \
        uint32_t whole_ = (move_);                 \
        budget -= INTERP_TURN_BYTES / 64;          \
        if (whole_ == 0) {                         \
            SAVE(pc - 1);                          \
            goto again;                            \
        }                                          \
        (dst_) = whole_;                           \
    } while (0)

/* The list becomes one that may be written, with room for one more when it grows. */
#define LIST_OWN(adds_)                                                                            \
    do {                                                                                           \
        uint64_t room_;                                                                            \
        uint32_t list_ = (uint32_t)r[A].u;                                                         \
        if (interp_list_grows(run, list_, (adds_), &room_))                                        \
            COPY(r[A].u, interp_list_bytes(room_), as_list(&here, list_)->len > INTERP_LONG_ITEMS, \
                 interp_list_copy(run, list_, room_), interp_move_list(run, list_, room_));        \
    } while (0)

#define MAP_OWN(dst_, map_, room_)                                                                          \
    COPY(dst_, interp_map_bytes(room_), is_long_map(&here, map_, room_), interp_map_copy(run, map_, room_), \
         interp_move_map(run, map_, room_))

OP(LSET)
OP(LSETR)
{
    const struct interp_list *list = as_list(&here, r[A].u);
    if (VK_UNLIKELY(r[B].u >= list->len))
        TRAP(INDEX);
    if (VK_UNLIKELY(!is_own_list(list, r[A].u)))
        LIST_OWN(false);
    ITEM_WRITE(r[A].u, r[B].u) = r[C];
    NEXT;
}
OP(LPUSH)
OP(LPUSHR)
{
    const struct interp_list *list = as_list(&here, r[A].u);
    if (VK_UNLIKELY(!is_own_list(list, r[A].u) || list->len == list->head.count))
        LIST_OWN(true);
    struct interp_list *own_list = WRITE(r[A].u);
    ITEM_WRITE(r[A].u, own_list->len) = r[B];
    own_list->len++;
    NEXT;
}
OP(LOWN)
{
    uint32_t ref = (uint32_t)r[A].u;
    uint64_t room;
    if (image->types[((struct interp_object *)READ(ref))->type].kind == INTERP_KIND_LIST) {
        LIST_OWN(false);
    } else if (interp_map_grows(run, ref, false, &room)) {
        MAP_OWN(r[A].u, ref, room);
    }
    NEXT;
}

/* ---- maps ---- */

OP(MNEW)
{
    NEED(interp_map_bytes(0));
    uint32_t ref = interp_take(run, (uint32_t)need, (uint16_t)WIDE, 0);
    struct interp_map *map = WRITE(ref);
    map->live = map->used = map->buckets = map->reserved = 0;
    r[A].u = ref;
    NEXT;
}
SIMPLE(MLEN, r[A].u = ((const struct interp_map *)READ(r[B].u))->live)
OP(MFIND)
{
    uint32_t ref = (uint32_t)r[B].u;
    r[A].i = interp_map_find(run, ref, r[C].u, interp_map_hash(run, ref, r[C].u));
    NEXT;
}
OP(MVAL)
OP(MKEY)
{
    const struct interp_map *map = READ(r[B].u);
    if (VK_UNLIKELY(r[C].u >= map->used || map->entries[r[C].u].next == INTERP_ENTRY_DEAD))
        TRAP(KEY);
    const struct interp_entry *entry = &map->entries[r[C].u];
    r[A].u = (in & 255) == INTERP_OP_MVAL ? entry->value : entry->key;
    NEXT;
}
OP(MNEXT)
{
    const struct interp_map *map = READ(r[B].u);
    uint64_t i = r[A].u + 1;
    while (i < map->used && map->entries[i].next == INTERP_ENTRY_DEAD)
        i++;
    r[A].u = i;
    if (i >= map->used)
        pc += C;
    NEXT;
}
OP(MSET)
{
    uint32_t ref = (uint32_t)r[A].u;
    uint32_t hash = interp_map_hash(run, ref, r[B].u);
    uint64_t room;
    int64_t at = interp_map_find(run, ref, r[B].u, hash);
    if (VK_UNLIKELY(interp_map_grows(run, ref, at < 0, &room))) {
        MAP_OWN(ref, ref, room);
        r[A].u = ref;
        if (at >= 0)
            at = interp_map_find(run, ref, r[B].u, hash); /* dead entries before it are gone */
    }
    if (at < 0)
        interp_map_add(run, ref, r[B].u, r[C].u, hash);
    else
        ((struct interp_map *)WRITE(ref))->entries[at].value = r[C].u;
    NEXT;
}
OP(MDEL)
{
    uint32_t ref = (uint32_t)r[B].u;
    uint32_t hash = interp_map_hash(run, ref, r[C].u);
    uint64_t room;
    int64_t at = interp_map_find(run, ref, r[C].u, hash);
    if (at >= 0) {
        if (VK_UNLIKELY(interp_map_grows(run, ref, false, &room))) {
            MAP_OWN(ref, ref, room);
            r[B].u = ref;
            at = interp_map_find(run, ref, r[C].u, hash);
        }
        interp_map_remove(run, ref, at);
    }
    r[A].u = at >= 0;
    NEXT;
}

/* ---- strings ---- */

SIMPLE(SLEN, r[A].u = ((struct interp_object *)READ(r[B].u))->count)
OP(SEQ)
OP(SCMP)
{
    struct vk_span a = interp_text(run, (uint32_t)r[B].u), b = interp_text(run, (uint32_t)r[C].u);
    bool is_equality = (in & 255) == INTERP_OP_SEQ;
    size_t both = a.len < b.len ? a.len : b.len;
    if (VK_UNLIKELY(both > INTERP_TURN_BYTES) && !(is_equality && a.len != b.len)) {
        int64_t order;
        budget -= INTERP_TURN_BYTES / 64;
        if (!interp_compare_long(run, (uint32_t)r[B].u, (uint32_t)r[C].u, &order)) {
            SAVE(pc - 1);
            goto again;
        }
        r[A].i = is_equality ? order == 0 : order;
        NEXT;
    }
    budget -= (int64_t)(both / 64);
    if (is_equality)
        r[A].u = vk_span_equal(a, b);
    else
        r[A].i = compare_texts(a, b);
    NEXT;
}
OP(SCAT)
{
    uint32_t count = WIDE;
    const uint8_t *regs = (const uint8_t *)pc;
    uint64_t len = concat_len(run, r, regs, count);
    COPY(r[A].u, interp_text_bytes(len), len > INTERP_TURN_BYTES, concat(run, r, regs, count, len),
         interp_move_texts(run, r, regs, count, len));
    pc += (count + 3) / 4;
    NEXT;
}
OP(SITOA)
{
    uint8_t digits[VK_FMT_U64_BYTES];
    uint32_t len = (uint32_t)vk_fmt_i64(digits, r[B].i);
    NEED(interp_text_bytes(VK_FMT_U64_BYTES));
    uint32_t ref = interp_take(run, (uint32_t)interp_text_bytes(len), image->str_type, len);
    vk_copy_short((uint8_t *)WRITE(ref) + sizeof(struct interp_object), digits, len);
    r[A].u = ref;
    NEXT;
}
OP(SFTOA)
{
    uint8_t text[INTERP_FLOAT_BYTES];
    uint32_t len = (uint32_t)interp_float_print(text, r[B].f);
    NEED(interp_text_bytes(INTERP_FLOAT_BYTES));
    uint32_t ref = interp_take(run, (uint32_t)interp_text_bytes(len), image->str_type, len);
    memcpy((uint8_t *)WRITE(ref) + sizeof(struct interp_object), text, len);
    r[A].u = ref;
    NEXT;
}
OP(BYTE)
{
    struct vk_span text = interp_text_at(&here, r[B].u);
    if (VK_UNLIKELY(r[C].u >= text.len))
        TRAP(INDEX);
    r[A].u = text.ptr[r[C].u];
    NEXT;
}

#endif
