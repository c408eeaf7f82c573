/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading messages. The message says how much heap its objects take: that much
 * is asked for once, behind it the table of objects by number, and then
 * nothing moves. Everything is checked against the types of this program and
 * against the room; what is refused leaves no trace.
 */
#include "interp/interp_impl.h"
#include "interp/message.h"
#include "interp/text/utf8.h"

struct reader {
    struct interp_run *run;
    const uint8_t *at;
    const uint8_t *end;
    uint32_t *objects; /* by number: reference */
    uint32_t count;    /* met so far */
    uint32_t max;
    uint32_t top;  /* next object */
    uint32_t room; /* end of the objects */
    bool is_bad;
};

static uint64_t left(const struct reader *d)
{
    return (uint64_t)(d->end - d->at);
}

static const uint8_t *take(struct reader *d, uint64_t len)
{
    if (VK_UNLIKELY(d->is_bad || len > left(d))) {
        d->is_bad = true;
        return NULL;
    }
    const uint8_t *bytes = d->at;
    d->at += len;
    return bytes;
}

static uint64_t take_word(struct reader *d)
{
    const uint8_t *bytes = take(d, 8);
    uint64_t word = 0;
    if (bytes)
        memcpy(&word, bytes, sizeof word);
    return word;
}

static uint32_t take_number(struct reader *d)
{
    uint64_t number = 0;
    for (uint32_t shift = 0; shift < 35; shift += 7) {
        const uint8_t *byte = take(d, 1);
        if (!byte)
            return 0;
        number |= (uint64_t)(*byte & 127) << shift;
        if (*byte >= 128)
            continue;
        d->is_bad |= number > UINT32_MAX;
        return (uint32_t)number;
    }
    d->is_bad = true;
    return 0;
}

/* ---- new objects ----------------------------------------------------------------- */

static uint32_t place(struct reader *d, uint64_t bytes, uint16_t type, uint32_t count)
{
    if (d->is_bad || d->count == d->max || bytes > d->room - d->top) {
        d->is_bad = true;
        return 0;
    }
    uint32_t ref = d->top;
    d->top += (uint32_t)bytes;
    *(struct interp_object *)(void *)(d->run->heap + ref) = (struct interp_object){type, 0, count};
    d->objects[d->count++] = ref;
    return ref;
}

static uint32_t place_list(struct reader *d, uint16_t index, uint32_t count)
{
    uint32_t ref = place(d, interp_list_bytes(count), index, count);
    if (ref)
        ((struct interp_list *)(void *)(d->run->heap + ref))->len = count;
    return ref;
}

/* Its entries are not found before fill_buckets. */
static uint32_t place_map(struct reader *d, uint16_t index, uint32_t count)
{
    uint32_t ref = place(d, interp_map_bytes(count), index, count);
    if (ref)
        interp_map_clear(d->run, ref);
    return ref;
}

static uint32_t place_fields(struct reader *d, uint16_t index, bool is_variant)
{
    const struct interp_type *type = &d->run->image->types[index];
    return place(d, sizeof(struct interp_object) + 8 * (uint64_t)type->count, index,
                 is_variant ? type->tag : type->count);
}

static uint32_t place_variant(struct reader *d, const struct interp_type *whole, uint32_t tag)
{
    if (tag >= whole->count) {
        d->is_bad = true;
        return 0;
    }
    return place_fields(d, d->run->image->type_words[whole->first + tag], true);
}

/* A new object of type `index`, its size taken; 0: bad. */
static uint32_t take_new(struct reader *d, uint16_t index)
{
    const struct interp_type *type = &d->run->image->types[index];
    uint32_t number;
    switch (type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        number = take_number(d);
        return place(d, interp_text_bytes(number), index, number);
    case INTERP_KIND_LIST:
        return place_list(d, index, take_number(d));
    case INTERP_KIND_MAP:
        return place_map(d, index, take_number(d));
    case INTERP_KIND_ENUM:
        return place_variant(d, type, take_number(d));
    case INTERP_KIND_VARIANT:
        d->is_bad |= take_number(d) != type->tag;
        return place_fields(d, index, true);
    case INTERP_KIND_RECORD:
        d->is_bad |= (type->flags & INTERP_TYPE_MUTABLE) != 0;
        return place_fields(d, index, false);
    case INTERP_KIND_HANDLE:
        d->is_bad |= type->tag != INTERP_HANDLE_ACTOR;
        return place(d, 16, index, 0);
    default:
        d->is_bad = true;
        return 0;
    }
}

/* Object n again: it must be what is expected here. Two own it now. */
static uint32_t take_again(struct reader *d, uint16_t index, uint32_t n)
{
    if (n >= d->count) {
        d->is_bad = true;
        return 0;
    }
    struct interp_object *object = (void *)(d->run->heap + d->objects[n]);
    const struct interp_type *type = &d->run->image->types[object->type];
    bool fits = object->type == index || (type->kind == INTERP_KIND_VARIANT && type->of == index);
    d->is_bad |= !fits;
    object->flags |= INTERP_OBJECT_SHARED;
    return d->objects[n];
}

static uint64_t take_ref(struct reader *d, uint16_t index)
{
    const struct interp_type *type = &d->run->image->types[index];
    uint32_t number = take_number(d);
    if (number == 0) {
        d->is_bad |= type->kind != INTERP_KIND_OPT;
        return 0;
    }
    uint16_t of = type->kind == INTERP_KIND_OPT ? type->of : index;
    return number == 1 ? take_new(d, of) : take_again(d, of, number - 2);
}

/* ---- contents ---------------------------------------------------------------------- */

static uint64_t take_value(struct reader *d, uint16_t type)
{
    return type == 0 ? take_word(d) : take_ref(d, type);
}

static void take_text(struct reader *d, struct interp_object *text, bool is_str)
{
    const uint8_t *bytes = take(d, text->count);
    size_t at = 0;
    if (!bytes)
        return;
    vk_copy((uint8_t *)(text + 1), bytes, text->count);
    if (is_str && interp_utf8_check(&at, vk_span(bytes, text->count), (size_t)text->count + 1))
        d->is_bad = true;
}

static void take_items(struct reader *d, struct interp_list *list, uint16_t of)
{
    if (of == 0) {
        const uint8_t *bytes = take(d, 8 * list->len);
        if (bytes)
            vk_copy((uint8_t *)list->items, bytes, 8 * (size_t)list->len);
        return;
    }
    for (uint64_t i = 0; i < list->len && !d->is_bad; i++)
        list->items[i].u = take_ref(d, of);
}

static void take_content(struct reader *d, struct interp_object *object)
{
    const struct interp_type *type = &d->run->image->types[object->type];
    const uint16_t *fields = d->run->image->type_words + type->first;
    union interp_word *words = (void *)(object + 1);
    struct interp_map *map = (void *)object;
    switch (type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        take_text(d, object, type->kind == INTERP_KIND_STR);
        break;
    case INTERP_KIND_LIST:
        take_items(d, (void *)object, type->of);
        break;
    case INTERP_KIND_MAP:
        for (uint32_t i = 0; i < object->count && !d->is_bad; i++) {
            map->entries[i].key = take_value(d, type->key);
            map->entries[i].value = take_value(d, type->of);
        }
        break;
    case INTERP_KIND_HANDLE:
        words[0].u = take_word(d);
        break;
    default:
        for (uint32_t i = 0; i < type->count && !d->is_bad; i++)
            words[i].u = take_value(d, fields[i]);
        break;
    }
}

/* When all texts are there, keys can be found; none may come twice. */
static VK_SELDOM void fill_buckets(struct reader *d, uint32_t ref)
{
    struct interp_map *map = (void *)(d->run->heap + ref);
    for (uint32_t i = 0; i < map->head.count; i++) {
        const struct interp_entry e = map->entries[i];
        uint32_t hash = interp_map_hash(d->run, ref, e.key);
        if (interp_map_find(d->run, ref, e.key, hash) >= 0) {
            d->is_bad = true;
            return;
        }
        interp_map_add(d->run, ref, e.key, e.value, hash);
    }
}

static uint32_t take_object(struct reader *d, uint16_t type)
{
    const struct interp_image *image = d->run->image;
    uint32_t ref = (uint32_t)take_ref(d, type);
    for (uint32_t i = 0; i < d->count && !d->is_bad; i++)
        take_content(d, (void *)(d->run->heap + d->objects[i]));
    d->is_bad |= d->at != d->end || d->count != d->max;
    for (uint32_t i = 0; i < d->count && !d->is_bad; i++) {
        const struct interp_object *object = (void *)(d->run->heap + d->objects[i]);
        if (image->types[object->type].kind == INTERP_KIND_MAP)
            fill_buckets(d, d->objects[i]);
    }
    return ref;
}

/* ---- the whole ------------------------------------------------------------------------- */

static struct vk_span source(const struct interp_call *call, enum interp_from from, uint32_t skip_bytes)
{
    struct proc_self *self = interp_self(call->run);
    struct vk_span bytes = from == INTERP_FROM_LANDED ? interp_call_landed(call)
                                                      : vk_span(proc_at(self, self->arg_off), self->arg_len);
    return vk_span_skip(bytes, bytes.len < skip_bytes ? bytes.len : skip_bytes);
}

static enum interp_say refuse(struct interp_call *call)
{
    return interp_call_trap(call, INTERP_TRAP_SENT);
}

/* Room for objects and table; the reader stands behind the counts. */
static enum interp_say begin(struct interp_call *call, enum interp_from from, uint32_t skip_bytes,
                             struct reader *d)
{
    uint32_t counts[2];
    struct vk_span bytes = source(call, from, skip_bytes);
    if (bytes.len < sizeof counts)
        return refuse(call);
    memcpy(counts, bytes.ptr, sizeof counts);
    uint64_t objects = counts[0], heap_bytes = VK_ALIGN_UP((uint64_t)counts[1], 8u);
    if (objects > bytes.len) /* each takes one byte at least */
        return refuse(call);
    if (!interp_room(call->run, heap_bytes + 4 * objects))
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    bytes = vk_span_skip(source(call, from, skip_bytes), sizeof counts);
    struct interp_process *p = call->run->p;
    *d = (struct reader){.run = call->run, .at = bytes.ptr, .end = bytes.ptr + bytes.len, .max = counts[0]};
    d->top = p->top;
    d->room = p->top + (uint32_t)heap_bytes;
    d->objects = (void *)(call->run->heap + d->room);
    interp_touched(call->run, d->room + 4 * d->max);
    return INTERP_DONE;
}

static enum interp_say read_object(struct interp_call *call, enum interp_from from, uint32_t skip_bytes)
{
    struct reader d = {0};
    enum interp_say say = begin(call, from, skip_bytes, &d);
    if (say != INTERP_DONE)
        return say;
    struct interp_process *p = call->run->p;
    uint32_t top = p->top;
    p->top = d.room; /* what is being made lies among the objects */
    call->result.u = take_object(&d, call->type);
    p->top = d.is_bad ? top : d.top;
    call->cost += (uint32_t)(source(call, from, skip_bytes).len / 64) + d.count / 4;
    return d.is_bad ? refuse(call) : INTERP_DONE;
}

/* Whether it is a record of scalars and nothing else, of call->type: its words lie behind the first 9 bytes.
 */
static bool is_flat(const struct interp_call *call, struct vk_span bytes)
{
    const struct interp_type *type = &call->run->image->types[call->type];
    uint32_t fields_bytes = 8u * type->count, counts[2];
    if (type->kind != INTERP_KIND_RECORD || type->refs || type->flags || bytes.len != 9 + fields_bytes)
        return false;
    memcpy(counts, bytes.ptr, sizeof counts);
    return counts[0] == 1 && counts[1] == sizeof(struct interp_object) + fields_bytes && bytes.ptr[8] == 1;
}

static enum interp_say read_flat(struct interp_call *call, enum interp_from from, uint32_t skip_bytes)
{
    uint32_t count = call->run->image->types[call->type].count;
    uint32_t ref = interp_alloc(call->run, sizeof(struct interp_object) + 8u * count, call->type, count);
    if (!ref)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    vk_copy_short(interp_write_at(call->run, ref) + sizeof(struct interp_object),
                  source(call, from, skip_bytes).ptr + 9, 8u * count);
    call->result.u = ref;
    call->cost += count / 8;
    return INTERP_DONE;
}

enum interp_say interp_message_read(struct interp_call *call, enum interp_from from, uint32_t skip_bytes)
{
    struct vk_span bytes = source(call, from, skip_bytes);
    enum interp_say say = INTERP_DONE;
    if (interp_is_reference(call->type) && is_flat(call, bytes))
        say = read_flat(call, from, skip_bytes);
    else if (interp_is_reference(call->type))
        say = read_object(call, from, skip_bytes);
    else if (bytes.len != (call->type == 0 ? 8u : 0u))
        say = refuse(call);
    else if (call->type == 0)
        memcpy(&call->result, bytes.ptr, 8);
    if (say == INTERP_DONE && from == INTERP_FROM_LANDED)
        interp_call_leave(call);
    return say;
}
