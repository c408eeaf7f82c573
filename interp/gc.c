/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector: copies what the fibers can reach, breadth first, above the
 * last object, with references as they will be when the copy has been moved
 * down to the floor again. So a heap stays in its first pages, and half of it
 * is free for the copy. Frames say by two numbers which registers are
 * references. Source: Cheney, "A nonrecursive list compacting algorithm", 1970.
 */
#include "interp/interp_impl.h"

struct gc {
    struct interp_run *run;
    uint8_t *copy; /* where an object with (new) offset 0 would lie */
    uint32_t from; /* objects to copy lie in from .. from_end - 1 */
    uint32_t from_end;
    uint32_t floor; /* new offset of the first object */
    uint32_t to;    /* new offset of the next copy */
};

static uint64_t fields_bytes(const struct interp_type *type)
{
    return sizeof(struct interp_object) + 8 * (uint64_t)type->count;
}

uint64_t interp_object_bytes(const struct interp_run *run, const struct interp_object *object)
{
    switch (object->type) {
    case INTERP_OWN_FIBER:
        return sizeof(struct interp_fiber);
    case INTERP_OWN_STACK:
        return sizeof(struct interp_stack) + 8 * (uint64_t)object->count;
    case INTERP_OWN_TABLE:
        return sizeof(struct interp_table) + 8 * (uint64_t)object->count;
    case INTERP_OWN_RAW:
        return interp_text_bytes(object->count);
    default:
        break;
    }
    const struct interp_type *type = &run->image->types[object->type];
    switch (type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
        return interp_text_bytes(object->count);
    case INTERP_KIND_LIST:
        return interp_list_bytes(object->count);
    case INTERP_KIND_MAP:
        return interp_map_bytes(object->count);
    case INTERP_KIND_HANDLE:
        return 16;
    default:
        return fields_bytes(type);
    }
}

static uint32_t forward(struct gc *gc, uint64_t ref)
{
    uint32_t off = (uint32_t)ref;
    if (off == 0 || interp_in_image(off))
        return off;
    vk_assert_slow(off >= gc->from && off < gc->from_end);
    struct interp_object *object = (void *)(gc->run->heap + off);
    if (object->flags & INTERP_OBJECT_MOVED)
        return object->count;
    uint32_t bytes = (uint32_t)interp_object_bytes(gc->run, object);
    uint32_t to = gc->to;
    memcpy(gc->copy + to, object, bytes);
    gc->to += bytes;
    object->flags |= INTERP_OBJECT_MOVED;
    object->count = to;
    return to;
}

static void forward_words(struct gc *gc, union interp_word *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        words[i].u = forward(gc, words[i].u);
}

/* The frames of a fiber from the top one down; its stack has just been copied. */
static void scan_frames(struct gc *gc, const struct interp_fiber *fiber)
{
    const struct interp_image *image = gc->run->image;
    uint8_t *stack = gc->copy + fiber->stack;
    uint32_t at = fiber->base, pc = fiber->pc;
    union interp_word *r = (void *)(stack + at);
    if (fiber->window_refs)
        forward_words(gc, r + fiber->window, fiber->window_refs);
    for (;;) {
        forward_words(gc, r, image->functions[interp_image_function_at(image, pc)].refs);
        uint64_t link = r[-1].u;
        uint32_t distance = (uint32_t)(link >> 32);
        if (distance == 0)
            return;
        pc = (uint32_t)link / 4 - 1;
        at -= distance;
        r = (void *)(stack + at);
    }
}

static void scan_fiber(struct gc *gc, struct interp_fiber *fiber)
{
    fiber->next = forward(gc, fiber->next);
    fiber->waiters = forward(gc, fiber->waiters);
    fiber->awaits = forward(gc, fiber->awaits);
    fiber->landed = forward(gc, fiber->landed);
    if (fiber->gives_ref)
        fiber->result = forward(gc, fiber->result);
    if (fiber->stack) {
        fiber->stack = forward(gc, fiber->stack);
        scan_frames(gc, fiber);
    }
}

static void scan_map(struct gc *gc, struct interp_map *map, const struct interp_type *type)
{
    for (uint32_t i = 0; i < map->used; i++) {
        struct interp_entry *e = &map->entries[i];
        if (type->key != 0)
            e->key = forward(gc, e->key);
        if (type->of != 0)
            e->value = forward(gc, e->value);
    }
}

static void scan(struct gc *gc, struct interp_object *object)
{
    const struct interp_type *type =
        &gc->run->image->types[object->type < INTERP_OWN_FIBER ? object->type : 0];
    struct interp_table *table = (void *)object;
    struct interp_list *list = (void *)object;
    if (object->type == INTERP_OWN_FIBER) {
        scan_fiber(gc, (void *)object);
        return;
    }
    if (object->type == INTERP_OWN_TABLE)
        for (uint32_t i = 0; i < object->count; i++)
            table->entries[i] = table->entries[i] & 1 ? table->entries[i] : forward(gc, table->entries[i]);
    switch (type->kind) {
    case INTERP_KIND_RECORD:
    case INTERP_KIND_VARIANT:
    case INTERP_KIND_ENV:
        forward_words(gc, (union interp_word *)(void *)(object + 1), type->refs);
        break;
    case INTERP_KIND_LIST:
        if (type->of != 0)
            forward_words(gc, list->items, (uint32_t)list->len);
        break;
    case INTERP_KIND_MAP:
        scan_map(gc, (void *)object, type);
        break;
    default:
        break;
    }
}

/* Ops that the kernel has not taken yet, and whose bytes lie among the objects: those bytes live on. */
static void keep_ops(struct gc *gc, struct proc_self *self)
{
    for (uint32_t i = 0; i < self->ops_count; i++) {
        struct proc_op *op = &self->ops[i];
        if (!(op->code & PROC_OP_OUT) || op->off < gc->from || op->off >= gc->from_end)
            continue;
        struct interp_object head = {INTERP_OWN_RAW, 0, op->len};
        uint32_t to = gc->to;
        memcpy(gc->copy + to, &head, sizeof head);
        memcpy(gc->copy + to + sizeof head, gc->run->heap + op->off, op->len);
        gc->to += (uint32_t)interp_text_bytes(op->len);
        op->off = to + (uint32_t)sizeof head;
    }
}

static void keep_roots(struct gc *gc, struct interp_process *p)
{
    uint32_t *const roots[] = {&p->current,   &p->run_first, &p->run_last, &p->root, &p->table,
                               &p->trap_text, &p->inbox,     &p->server,   &p->held};
    for (uint32_t i = 0; i < VK_COUNT(roots); i++)
        *roots[i] = forward(gc, *roots[i]);
    for (uint32_t i = 0; i < VK_COUNT(p->roots); i++)
        p->roots[i] = forward(gc, p->roots[i]);
}

/*
 * Bytes of ops in flight are found by keep_ops before objects are marked as
 * moved; the copies of both fit, since ops are few and small against half of
 * the heap (checked), and everything else is alive at most once.
 */
static uint64_t ops_bytes(const struct proc_self *self)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < self->ops_count; i++)
        bytes += self->ops[i].code & PROC_OP_OUT ? interp_text_bytes(self->ops[i].len) : 0;
    return bytes;
}

/* Where collecting is worth it again: when as much has been made as is alive. */
static uint32_t next_soft(const struct interp_process *p, uint64_t need_bytes)
{
#ifdef INTERP_GC_STRESS
    return (uint32_t)(p->top + need_bytes);
#else
    uint64_t live = p->top - p->floor;
    uint64_t soft = p->top + need_bytes + (live > INTERP_COLLECT_BYTES ? live : INTERP_COLLECT_BYTES);
    return soft < p->half ? (uint32_t)soft : p->half;
#endif
}

/* raise_bytes at the floor become no object's. */
static bool collect(struct interp_run *run, uint64_t need_bytes, uint32_t raise_bytes)
{
    struct interp_process *p = run->p;
    struct proc_self *self = (void *)run->heap;
    uint32_t floor = p->floor + raise_bytes;
#ifdef INTERP_GC_STRESS
    floor += p->collections & 1 ? -64u : 64u; /* nothing stays where it was */
#endif
    uint64_t used = p->top - p->floor + 64u;
    if (raise_bytes > p->end || p->top + used + raise_bytes + ops_bytes(self) > p->end)
        return false;
    struct gc gc = {.run = run, .from = p->floor, .from_end = p->top, .floor = floor, .to = floor};
    uint32_t above = p->top + 64u + raise_bytes;
    gc.copy = run->heap + above - floor;
    keep_ops(&gc, self);
    keep_roots(&gc, p);
    for (uint32_t at = floor; at < gc.to;) {
        struct interp_object *object = (void *)(gc.copy + at);
        at += (uint32_t)interp_object_bytes(run, object);
        scan(&gc, object);
    }
    uint32_t live = gc.to - floor;
    memmove(run->heap + floor, run->heap + above, live);
#ifdef INTERP_GC_STRESS
    memset(run->heap + floor + live, 0xdb, above - floor); /* who kept a pointer finds nonsense */
#endif
    if (p->high < above + live)
        p->high = above + live;
    p->collections++;
    p->floor = floor;
    p->top = floor + live;
    if (p->top + need_bytes > p->half)
        return false;
    p->soft = next_soft(p, need_bytes);
    return true;
}

bool interp_collect(struct interp_run *run, uint64_t need_bytes)
{
    return collect(run, need_bytes, 0);
}

uint32_t interp_pin(struct interp_run *run, uint32_t len_bytes)
{
    uint32_t off = run->p->floor;
    uint32_t raise = VK_ALIGN_UP(len_bytes, 64u);
#ifdef INTERP_GC_STRESS
    raise += 64u; /* the next collection may go down by as much */
#endif
    if (len_bytes > run->p->end || !collect(run, 0, raise))
        return 0;
    return off;
}
