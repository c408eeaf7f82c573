/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making messages. The bytes grow upwards above the last object, in an area
 * that is asked for beforehand; behind them lie the objects by number, and
 * buckets that find the number of one. When either does not do, the message is
 * made again with a larger area.
 */
#include "interp/message.h"

#include "interp/interp_impl.h"

#define BYTES_FIRST   384u
#define OBJECTS_FIRST 16u /* a power of two */
#define HEAD_BYTES    8u  /* counts of objects and heap */

#define FLAT_FIELDS_MAX 16u

enum state { FINE, FULL_OF_BYTES, FULL_OF_OBJECTS, TOO_BIG, UNSENDABLE };

struct maker {
    struct interp_run *run;
    uint8_t *begin; /* of the bytes */
    uint8_t *at;
    uint8_t *end;
    uint32_t *objects; /* by number: reference */
    uint32_t count;
    uint32_t max;
    uint16_t *buckets; /* number + 1 of an object, or 0; 2 * max of them, linear probing */
    uint64_t heap_bytes;
    uint64_t need; /* bytes that there was no room for, with all before them */
    enum state state;
};

/* Room for len bytes more; NULL and the state says why not. */
static uint8_t *room(struct maker *m, uint64_t len)
{
    if (VK_UNLIKELY(m->state != FINE))
        return NULL;
    if (VK_UNLIKELY(len > (uint64_t)(m->end - m->at))) {
        m->need = (uint64_t)(m->at - m->begin) + len;
        m->state = m->need > PROC_MESSAGE_MAX_BYTES ? TOO_BIG : FULL_OF_BYTES;
        return NULL;
    }
    uint8_t *dst = m->at;
    m->at += len;
    return dst;
}

static void put(struct maker *m, const void *bytes, uint64_t len)
{
    uint8_t *dst = room(m, len);
    if (dst)
        vk_copy(dst, bytes, len);
}

static void put_number(struct maker *m, uint32_t number)
{
    uint8_t bytes[5];
    uint32_t n = 0;
    for (; number >= 128; number >>= 7)
        bytes[n++] = (uint8_t)(number | 128);
    bytes[n++] = (uint8_t)number;
    put(m, bytes, n);
}

/* ---- references ------------------------------------------------------------------ */

/* The bucket of the object, or the free one where it belongs. */
static uint16_t *bucket_of(const struct maker *m, uint32_t ref)
{
    uint32_t mask = 2 * m->max - 1, at = (ref >> 3) * 2654435761u >> 7;
    for (;; at++) {
        uint16_t *bucket = &m->buckets[at & mask];
        if (*bucket == 0 || m->objects[*bucket - 1] == ref)
            return bucket;
    }
}

/* What follows the number of a new object: its size. */
static void put_size(struct maker *m, const struct interp_object *object)
{
    const struct interp_type *type = interp_type_at(m->run, object);
    switch (type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        m->heap_bytes += interp_text_bytes(object->count);
        put_number(m, object->count);
        break;
    case INTERP_KIND_LIST:
        m->heap_bytes += interp_list_bytes(((const struct interp_list *)(const void *)object)->len);
        put_number(m, (uint32_t)((const struct interp_list *)(const void *)object)->len);
        break;
    case INTERP_KIND_MAP:
        m->heap_bytes += interp_map_bytes(((const struct interp_map *)(const void *)object)->live);
        put_number(m, ((const struct interp_map *)(const void *)object)->live);
        break;
    case INTERP_KIND_VARIANT:
        m->heap_bytes += sizeof *object + 8 * (uint64_t)type->count;
        put_number(m, type->tag);
        break;
    case INTERP_KIND_RECORD:
        m->heap_bytes += sizeof *object + 8 * (uint64_t)type->count;
        if (type->flags & INTERP_TYPE_MUTABLE)
            m->state = UNSENDABLE;
        break;
    case INTERP_KIND_HANDLE:
        m->heap_bytes += 16;
        if (type->tag != INTERP_HANDLE_ACTOR)
            m->state = UNSENDABLE;
        break;
    default:
        m->state = UNSENDABLE;
        break;
    }
}

static void put_ref(struct maker *m, uint64_t word)
{
    uint32_t ref = (uint32_t)word;
    if (ref == 0) {
        put_number(m, 0);
        return;
    }
    uint16_t *bucket = bucket_of(m, ref);
    if (*bucket) {
        put_number(m, *bucket + 1u);
        return;
    }
    if (m->count == m->max) {
        m->state = m->state != FINE                      ? m->state
                   : m->max < INTERP_MESSAGE_OBJECTS_MAX ? FULL_OF_OBJECTS
                                                         : TOO_BIG;
        return;
    }
    m->objects[m->count++] = ref;
    *bucket = (uint16_t)m->count;
    put_number(m, 1);
    put_size(m, interp_object_at(m->run, ref));
}

/* ---- contents ---------------------------------------------------------------------- */

static void put_words(struct maker *m, const union interp_word *words, uint64_t count, bool are_refs)
{
    if (!are_refs) {
        put(m, words, 8 * count);
        return;
    }
    for (uint64_t i = 0; i < count && m->state == FINE; i++)
        put_ref(m, words[i].u);
}

static VK_SELDOM void put_map(struct maker *m, const struct interp_map *map, const struct interp_type *type)
{
    for (uint32_t i = 0; i < map->used && m->state == FINE; i++) {
        const struct interp_entry *e = &map->entries[i];
        if (e->next == INTERP_ENTRY_DEAD)
            continue;
        const union interp_word key = {.u = e->key}, value = {.u = e->value};
        put_words(m, &key, 1, type->key != 0);
        put_words(m, &value, 1, type->of != 0);
    }
}

static void put_content(struct maker *m, const struct interp_object *object)
{
    const struct interp_type *type = &m->run->image->types[object->type];
    const union interp_word *words = (const void *)(object + 1);
    const struct interp_list *list = (const void *)object;
    switch (type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        put(m, object + 1, object->count);
        break;
    case INTERP_KIND_LIST:
        put_words(m, list->items, list->len, type->of != 0);
        break;
    case INTERP_KIND_MAP:
        put_map(m, (const void *)object, type);
        break;
    case INTERP_KIND_HANDLE:
        put(m, words, 8);
        break;
    default:
        put_words(m, words, type->refs, true);
        put_words(m, words + type->refs, (uint64_t)type->count - type->refs, false);
        break;
    }
}

static void put_object(struct maker *m, uint32_t ref)
{
    uint8_t *counts = room(m, HEAD_BYTES);
    put_ref(m, ref);
    for (uint32_t i = 0; i < m->count && m->state == FINE; i++)
        put_content(m, interp_object_at(m->run, m->objects[i]));
    if (m->state != FINE)
        return;
    const uint32_t numbers[2] = {m->count, (uint32_t)m->heap_bytes};
    memcpy(counts, numbers, sizeof numbers);
    if (m->heap_bytes > UINT32_MAX)
        m->state = TOO_BIG;
}

/* ---- what a message needs -------------------------------------------------------------- */

#define OWN_BYTES 4096u /* of half a heap: its head, the root's stack, and some of its variables */

uint64_t interp_message_need(struct vk_span bytes, uint32_t head_bytes)
{
    uint32_t numbers[2] = {0, 0}; /* counts of objects and heap */
    if (bytes.len >= head_bytes + sizeof numbers)
        memcpy(numbers, bytes.ptr + head_bytes, sizeof numbers);
    return interp_text_bytes(bytes.len) + VK_ALIGN_UP((uint64_t)numbers[1], 8u) + 4 * (uint64_t)numbers[0];
}

uint64_t interp_message_room(uint32_t heap_bytes)
{
    uint32_t half = heap_bytes / 2, least = heap_bytes / 8;
    return half < least + OWN_BYTES ? least : half - OWN_BYTES;
}

/* ---- the whole ------------------------------------------------------------------------- */

/* How large an area is. */
struct area {
    uint32_t bytes; /* of the message, a multiple of 8 */
    uint32_t max;   /* objects */
};

static uint32_t area_bytes(const struct area *area)
{
    return (uint32_t)sizeof(struct interp_object) + area->bytes + 8 * area->max;
}

/* The area above the objects, which is known to be there. */
static struct maker lay_out(struct interp_run *run, const struct area *area)
{
    uint8_t *begin = run->heap + run->p->top + sizeof(struct interp_object);
    uint32_t *objects = (void *)(begin + area->bytes);
    uint16_t *buckets = (void *)(objects + area->max);
    struct maker m = {.run = run, .begin = begin, .at = begin, .end = begin + area->bytes, .max = area->max};
    m.objects = objects;
    m.buckets = buckets;
    for (uint32_t i = 0; i < 2 * area->max; i++)
        buckets[i] = 0;
    interp_touched(run, run->p->top + area_bytes(area));
    return m;
}

/* What follows: never more than a message may have, so that one that is too large finds no room. */
static VK_SELDOM uint32_t more_bytes(uint32_t bytes, uint64_t need)
{
    uint32_t more = 2 * bytes > need ? 2 * bytes : (uint32_t)need;
    return more < PROC_MESSAGE_MAX_BYTES ? VK_ALIGN_UP(more, 8u) : PROC_MESSAGE_MAX_BYTES;
}

/* What the next attempt has; false: no larger area would do. */
static VK_SELDOM bool enlarge(struct area *area, const struct maker *m)
{
    if (m->state == FULL_OF_OBJECTS)
        area->max = 4 * area->max < INTERP_MESSAGE_OBJECTS_MAX ? 4 * area->max : INTERP_MESSAGE_OBJECTS_MAX;
    else if (m->state == FULL_OF_BYTES)
        area->bytes = more_bytes(area->bytes, m->need);
    else
        return false;
    return true;
}

static enum interp_say finish(struct interp_call *call, const struct maker *m, uint32_t *ret_off,
                              uint32_t *ret_len)
{
    *ret_len = (uint32_t)(m->at - m->begin);
    uint32_t ref = interp_take(call->run, (uint32_t)interp_text_bytes(*ret_len), INTERP_OWN_RAW, *ret_len);
    *ret_off = interp_text_off(ref);
    interp_will_send(call->run, ref);
    call->cost += *ret_len / 64 + m->count / 4;
    return INTERP_DONE;
}

/*
 * A record of scalars, as most messages are: one object whose size its type knows, so there is nothing to
 * number. Returns the bytes of the message; 0: it is no such record, or a large one.
 */
static uint32_t flat_bytes(const struct interp_run *run, uint32_t ref)
{
    if (!ref)
        return 0;
    const struct interp_type *type = interp_type_at(run, interp_object_at(run, ref));
    bool is_flat = type->kind == INTERP_KIND_RECORD && type->refs == 0 && type->flags == 0 &&
                   type->count <= FLAT_FIELDS_MAX;
    return is_flat ? HEAD_BYTES + 1 + 8u * type->count : 0;
}

static enum interp_say make_flat(struct interp_call *call, uint32_t index, uint32_t flat_len,
                                 const void *head, uint32_t head_len, uint32_t *ret_off, uint32_t *ret_len)
{
    struct interp_run *run = call->run;
    uint32_t len = head_len + flat_len, fields_bytes = flat_len - HEAD_BYTES - 1;
    if (!interp_room(run, interp_text_bytes(len)))
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    const struct interp_object *object =
        interp_object_at(run, interp_call_ref(call, index)); /* it may have moved */
    const uint32_t counts[2] = {1, (uint32_t)sizeof *object + fields_bytes};
    uint32_t ref = interp_take(run, (uint32_t)interp_text_bytes(len), INTERP_OWN_RAW, len);
    uint8_t *at = interp_write_at(run, interp_text_off(ref));
    vk_copy_short(at, head, head_len);
    memcpy(at + head_len, counts, sizeof counts);
    at[head_len + HEAD_BYTES] = 1;
    vk_copy_short(at + head_len + HEAD_BYTES + 1, object + 1, fields_bytes);
    *ret_off = interp_text_off(ref);
    *ret_len = len;
    interp_will_send(run, ref);
    call->cost += len / 64;
    return INTERP_DONE;
}

/* One of a scalar, or of nothing: its place is known, so there is nothing to find room for. */
static enum interp_say make_plain(struct interp_call *call, enum interp_part part, uint32_t index,
                                  const void *head, uint32_t head_len, uint32_t *ret_off, uint32_t *ret_len)
{
    struct interp_run *run = call->run;
    uint32_t len = head_len + (part == INTERP_PART_SCALAR ? 8 : 0);
    uint32_t ref = interp_alloc(run, interp_text_bytes(len), INTERP_OWN_RAW, len);
    if (!ref)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    uint8_t *at = interp_write_at(run, ref) +
                  sizeof(struct interp_object); /* where the objects end, when it is empty */
    vk_copy_short(at, head, head_len);
    if (part == INTERP_PART_SCALAR) {
        const union interp_word word = interp_call_scalar(call, index);
        memcpy(at + head_len, &word, sizeof word);
    }
    *ret_off = interp_text_off(ref);
    *ret_len = len;
    interp_will_send(run, ref);
    return INTERP_DONE;
}

enum interp_say interp_message_make(struct interp_call *call, enum interp_part part, uint32_t index,
                                    const void *head, uint32_t head_len, uint32_t *ret_off, uint32_t *ret_len)
{
    struct area area = {BYTES_FIRST, OBJECTS_FIRST};
    struct maker m;
    if (part != INTERP_PART_REF)
        return make_plain(call, part, index, head, head_len, ret_off, ret_len);
    uint32_t flat_len = flat_bytes(call->run, interp_call_ref(call, index));
    if (flat_len)
        return make_flat(call, index, flat_len, head, head_len, ret_off, ret_len);
    do {
        if (!interp_room(call->run, area_bytes(&area)))
            return interp_call_trap(call, INTERP_TRAP_MEMORY);
        m = lay_out(call->run, &area);
        put(&m, head, head_len);
        put_object(&m, interp_call_ref(call, index));
        if (m.state == FINE)
            return finish(call, &m, ret_off, ret_len);
    } while (enlarge(&area, &m));
    return interp_call_trap_text(
        call, INTERP_TRAP_SENT,
        m.state == TOO_BIG ? VK_SPAN_LIT("a message larger than 64 KiB")
                           : VK_SPAN_LIT("a closure, a fiber, a record with `var` fields or a handle"));
}
