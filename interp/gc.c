/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector: copies what the fibers can reach, breadth first, above the
 * last object, with references as they will be when the copies have been moved
 * down to the floor again. So a heap stays in its first pages, and half of it
 * is free for the copies. Frames say by two numbers which registers are
 * references.
 *
 * A small heap is collected at once. A larger one in slices: what is under way
 * is kept in the process, each resume goes on with it as far as its budget
 * reaches, and no fiber runs before it is done; so nothing is read or written
 * between two places. Large objects are copied in parts: when one is found its
 * place is taken and says where it comes from. Source: Cheney, "A nonrecursive
 * list compacting algorithm", 1970.
 */
#include "interp/interp_impl.h"

#define WHOLE_BYTES 4096u /* a larger object is copied in parts, when its turn to be scanned comes */
#define PART_BYTES  4096u
#define LEAST_COST  64u /* copying an object costs as much as so many bytes: one reduction */
#define SCAN_COST   8u  /* looking at one, whatever it holds, as much as so many */
#define SHORT_BYTES 64u /* what is copied without a call */

struct gc {
    struct interp_run *run;
    struct interp_gc *g;
    uint8_t *copy; /* where an object with (new) offset 0 would lie */
    int64_t left;  /* bytes that this slice may still copy or move */
};

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
    return interp_typed_bytes(&run->image->types[object->type], object);
}

/* ---- finding ----------------------------------------------------------------- */

/* A stack is copied by its fiber, which knows how much of it is used. */
static bool is_copied_later(const struct interp_object *object, uint64_t bytes)
{
    return bytes > WHOLE_BYTES || object->type == INTERP_OWN_STACK;
}

/* Sizes are multiples of 8. */
static inline void copy_object(struct interp_object *copy, const struct interp_object *object, uint64_t bytes)
{
    uint64_t *to = (void *)copy;
    const uint64_t *from = (const void *)object;
    if (bytes > SHORT_BYTES) {
        memcpy(to, from, bytes);
        return;
    }
    for (uint64_t i = 0; i < bytes / 8; i++)
        to[i] = from[i];
}

static uint32_t copy_new(struct gc *gc, struct interp_object *object, uint32_t off)
{
    const struct interp_type *types = gc->run->image->types;
    uint64_t bytes = VK_LIKELY(object->type < INTERP_OWN_FIBER)
                         ? interp_typed_bytes(&types[object->type], object)
                         : interp_object_bytes(gc->run, object);
    uint32_t to = gc->g->to;
    struct interp_object *copy = (void *)(gc->copy + to);
    if (VK_UNLIKELY(is_copied_later(object, bytes))) {
        *copy = *object;
        copy->flags |= INTERP_OBJECT_LATER;
        *(uint64_t *)(void *)(copy + 1) = off;
        gc->left -= LEAST_COST;
    } else {
        copy_object(copy, object, bytes);
        gc->left -= bytes > LEAST_COST ? (int64_t)bytes : LEAST_COST;
    }
    gc->g->to = to + (uint32_t)bytes;
    object->flags |= INTERP_OBJECT_MOVED;
    object->count = to;
    return to;
}

static inline uint32_t forward(struct gc *gc, uint64_t ref)
{
    uint32_t off = (uint32_t)ref;
    if (off == 0 || interp_in_image(off))
        return off;
    vk_assert_slow(off >= gc->run->p->floor && off < gc->run->p->top);
    struct interp_object *object = (void *)(gc->run->heap + off);
    return object->flags & INTERP_OBJECT_MOVED ? object->count : copy_new(gc, object, off);
}

static void forward_words(struct gc *gc, union interp_word *words, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        words[i].u = forward(gc, words[i].u);
}

/* ---- scanning whole objects -------------------------------------------------------- */

static void scan_entry(struct gc *gc, struct interp_entry *entry, const struct interp_type *type)
{
    if (type->key != 0)
        entry->key = forward(gc, entry->key);
    if (type->of != 0)
        entry->value = forward(gc, entry->value);
}

static VK_SELDOM void scan_table(struct gc *gc, struct interp_table *table, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        table->entries[i] = table->entries[i] & 1 ? table->entries[i] : forward(gc, table->entries[i]);
}

/* Which of the module's types it is; else the scalar's, which has no references. */
static const struct interp_type *type_of(const struct gc *gc, const struct interp_object *object)
{
    return &gc->run->image->types[object->type < INTERP_OWN_FIBER ? object->type : 0];
}

/* Returns the object's size. */
static uint64_t scan(struct gc *gc, struct interp_object *object)
{
    const struct interp_type *type = type_of(gc, object);
    struct interp_list *list = (void *)object;
    struct interp_map *map = (void *)object;
    if (VK_UNLIKELY(object->type >= INTERP_OWN_FIBER)) {
        if (object->type == INTERP_OWN_TABLE)
            scan_table(gc, (void *)object, 0, object->count);
        return interp_object_bytes(gc->run, object);
    }
    switch (type->kind) {
    case INTERP_KIND_RECORD:
    case INTERP_KIND_VARIANT:
    case INTERP_KIND_ENV:
        forward_words(gc, (union interp_word *)(void *)(object + 1), type->refs);
        break;
    case INTERP_KIND_LIST:
        if (type->of != 0)
            forward_words(gc, list->items, list->len);
        break;
    case INTERP_KIND_MAP:
        for (uint32_t i = 0; i < map->used; i++)
            scan_entry(gc, &map->entries[i], type);
        break;
    default:
        break;
    }
    return interp_typed_bytes(type, object);
}

/* ---- large objects, in parts --------------------------------------------------------- */

/* How much of the object is worth copying: not the free room of a list. */
static VK_SELDOM uint64_t used_bytes(const struct gc *gc, const struct interp_object *copy, const void *old)
{
    const struct interp_list *list = old;
    if (type_of(gc, copy)->kind == INTERP_KIND_LIST)
        return interp_list_bytes(list->len);
    return interp_object_bytes(gc->run, copy);
}

/* References among the bytes [from, to) of a copy, both multiples of 8 from its head. */
static void scan_part(struct gc *gc, struct interp_object *copy, uint64_t from, uint64_t to)
{
    const struct interp_type *type = type_of(gc, copy);
    uint32_t kind = type->kind;
    if (copy->type == INTERP_OWN_TABLE) {
        uint64_t first = sizeof(struct interp_table);
        scan_table(gc, (void *)copy, from > first ? (uint32_t)((from - first) / 8) : 0,
                   to > first ? (uint32_t)((to - first) / 8) : 0);
    } else if (kind == INTERP_KIND_LIST && type->of != 0) {
        from = from < sizeof(struct interp_list) ? sizeof(struct interp_list) : from;
        if (to > from)
            forward_words(gc, (void *)((uint8_t *)copy + from), (to - from) / 8);
    }
}

/* The entries of a map that lie in [0, to) whole and were not scanned yet. */
static VK_SELDOM void scan_entries(struct gc *gc, struct interp_map *map, uint64_t to)
{
    struct interp_gc *g = gc->g;
    const struct interp_type *type = type_of(gc, &map->head);
    while (g->entry < map->used && sizeof *map + (uint64_t)(g->entry + 1) * sizeof(struct interp_entry) <= to)
        scan_entry(gc, &map->entries[g->entry++], type);
}

/* The next part of what g->source is the old place of. */
static void copy_part(struct gc *gc, struct interp_object *copy, uint64_t bytes)
{
    struct interp_gc *g = gc->g;
    uint64_t from = g->part, to = from + PART_BYTES < bytes ? from + PART_BYTES : bytes;
    memcpy((uint8_t *)copy + from, gc->run->heap + g->source + from, to - from);
    gc->left -= (int64_t)(to - from);
    g->part = (uint32_t)to;
    if (copy->type != INTERP_OWN_STACK)
        scan_part(gc, copy, from, to);
    if (type_of(gc, copy)->kind == INTERP_KIND_MAP)
        scan_entries(gc, (void *)copy, to);
    if (to == bytes)
        g->source = 0;
}

static VK_SELDOM void begin_part(struct interp_gc *g, struct interp_object *copy)
{
    g->source = (uint32_t) * (uint64_t *)(void *)(copy + 1);
    g->part = sizeof *copy;
    g->entry = 0;
    copy->flags &= (uint16_t)~INTERP_OBJECT_LATER;
}

/* ---- fibers ------------------------------------------------------------------------------ */

/* The stack's own turn is the fiber's: first its words, then its frames from the top one down. */
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
        begin_part(gc->g, (void *)(gc->copy + fiber->stack));
        gc->g->frame = fiber->base;
        gc->g->pc = fiber->pc;
    }
}

/* What lies above the top frame and the window of its call is no value of anybody. */
static uint64_t stack_bytes(const struct interp_fiber *fiber, const struct interp_object *stack)
{
    uint64_t all = sizeof *stack + 8 * (uint64_t)stack->count;
    uint64_t used = fiber->base + 8 * (uint64_t)(INTERP_REGS_MAX + 1);
    return used < all ? used : all;
}

static void scan_frame(struct gc *gc, const struct interp_fiber *fiber)
{
    struct interp_gc *g = gc->g;
    const struct interp_image *image = gc->run->image;
    union interp_word *r = (void *)(gc->copy + fiber->stack + g->frame);
    if (g->frame == fiber->base && fiber->window_refs)
        forward_words(gc, r + fiber->window, fiber->window_refs);
    uint32_t refs = image->functions[interp_image_function_at(image, g->pc)].refs;
    forward_words(gc, r, refs);
    gc->left -= LEAST_COST;
    uint32_t distance = (uint32_t)(r[-1].u >> 32);
    g->pc = (uint32_t)r[-1].u / 4 - 1;
    g->frame = distance ? g->frame - distance : 0;
}

/* The next step of a fiber whose fields have been scanned. */
static void step_fiber(struct gc *gc, struct interp_fiber *fiber)
{
    struct interp_object *stack = (void *)(gc->copy + fiber->stack);
    if (gc->g->source)
        copy_part(gc, stack, stack_bytes(fiber, stack));
    else
        scan_frame(gc, fiber);
}

/* ---- the passes ----------------------------------------------------------------------------- */

/* One object, or a step of a large one. */
static void step(struct gc *gc)
{
    struct interp_gc *g = gc->g;
    struct interp_object *object = (void *)(gc->copy + g->at);
    gc->left -= SCAN_COST;
    if (object->type == INTERP_OWN_FIBER) {
        if (g->source || g->frame)
            step_fiber(gc, (void *)object);
        else
            scan_fiber(gc, (void *)object);
    } else if (g->source || object->flags & INTERP_OBJECT_LATER) {
        if (!g->source)
            begin_part(g, object);
        copy_part(gc, object, used_bytes(gc, object, gc->run->heap + g->source));
    } else {
        g->at += (uint32_t)scan(gc, object);
        return;
    }
    if (!g->source && !g->frame)
        g->at += (uint32_t)interp_object_bytes(gc->run, object);
}

/* Ops that the kernel has not taken yet, and whose bytes lie among the objects: those bytes live on. */
static VK_SELDOM void keep_ops(struct gc *gc, struct proc_self *self)
{
    const struct interp_process *p = gc->run->p;
    for (uint32_t i = 0; i < self->ops_count; i++) {
        struct proc_op *op = &self->ops[i];
        if (!(op->code & PROC_OP_OUT) || op->off < p->floor || op->off >= p->top)
            continue;
        struct interp_object head = {INTERP_OWN_RAW, 0, op->len};
        uint32_t to = gc->g->to;
        memcpy(gc->copy + to, &head, sizeof head);
        memcpy(gc->copy + to + sizeof head, gc->run->heap + op->off, op->len);
        gc->g->to += (uint32_t)interp_text_bytes(op->len);
        op->off = to + (uint32_t)sizeof head;
    }
}

static void keep_roots(struct gc *gc)
{
    struct interp_process *p = gc->run->p;
    uint32_t *const roots[] = {&p->current,   &p->run_first, &p->run_last, &p->root, &p->table,
                               &p->trap_text, &p->inbox,     &p->server,   &p->held, &p->moving};
    for (uint32_t i = 0; i < VK_COUNT(roots); i++)
        *roots[i] = forward(gc, *roots[i]);
    for (uint32_t i = 0; i < VK_COUNT(p->roots); i++)
        p->roots[i] = forward(gc, p->roots[i]);
}

static uint64_t ops_bytes(const struct proc_self *self)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < self->ops_count; i++)
        bytes += self->ops[i].code & PROC_OP_OUT ? interp_text_bytes(self->ops[i].len) : 0;
    return bytes;
}

/*
 * Everything is alive at most once, so the copies, and more_bytes beside them,
 * need no more room than the objects have now. false: they have not.
 */
static bool can_copy(const struct interp_process *p, uint64_t more_bytes)
{
    uint64_t used = p->top - p->floor + 64u;
    return p->top + used + more_bytes <= p->end;
}

static bool begin(struct gc *gc)
{
    struct interp_process *p = gc->run->p;
    struct interp_gc *g = gc->g;
    if (!can_copy(p, ops_bytes((void *)gc->run->heap)))
        return false;
    uint32_t floor = p->floor;
#ifdef INTERP_GC_STRESS
    floor += p->collections & 1 ? -64u : 64u; /* nothing stays where it was */
#endif
    *g = (struct interp_gc){.phase = INTERP_GC_COPYING,
                            .floor = floor,
                            .above = p->top + 64u,
                            .to = floor,
                            .at = floor,
                            .lands = g->lands,
                            .need = g->need};
    gc->copy = gc->run->heap + g->above - floor;
    keep_ops(gc, (void *)gc->run->heap);
    keep_roots(gc);
    return true;
}

/* Where collecting is worth it again: when twice as much has been made as is alive. */
static uint32_t next_soft(const struct interp_process *p, uint64_t need_bytes)
{
#ifdef INTERP_GC_STRESS
    return (uint32_t)(p->top + need_bytes);
#else
    uint64_t live = p->top - p->floor;
    uint64_t soft = p->top + need_bytes + (live > INTERP_COLLECT_BYTES ? 2 * live : INTERP_COLLECT_BYTES);
    return soft < p->half ? (uint32_t)soft : p->half;
#endif
}

/* Where the arguments of the native under way lie. */
static const union interp_word *window_of(const struct interp_run *run)
{
    const struct interp_fiber *fiber = interp_fiber_at(run, run->p->current);
    return (const union interp_word *)(const void *)interp_write_at(run, fiber->stack + fiber->base) +
           fiber->window;
}

static enum interp_collected end(struct gc *gc)
{
    struct interp_process *p = gc->run->p;
    struct interp_gc *g = gc->g;
    uint32_t live = g->to - g->floor;
#ifdef INTERP_GC_STRESS
    memset(gc->run->heap + g->floor + live, 0xdb,
           g->above - g->floor); /* who kept a pointer finds nonsense */
#endif
    p->floor = g->floor;
    p->top = g->floor + live;
    p->call_top = p->clean_top = p->top;
    p->sent_top = 0;
    p->collections++;
    g->phase = INTERP_GC_IDLE;
    if (gc->run->call)
        gc->run->call->args = window_of(gc->run);
    bool has_room = p->top + g->need <= p->half;
    p->soft = next_soft(p, has_room ? g->need : 0);
    return has_room ? INTERP_COLLECTED : INTERP_COLLECTED_FULL;
}

/* Copy, then move down, while the slice lasts. */
static enum interp_collected go_on(struct gc *gc)
{
    struct interp_process *p = gc->run->p;
    struct interp_gc *g = gc->g;
    gc->copy = gc->run->heap + g->above - g->floor;
    while (g->phase == INTERP_GC_COPYING && gc->left > 0) {
        if (g->at == g->to) {
            g->phase = INTERP_GC_MOVING;
            g->part = 0;
        } else {
            step(gc);
        }
    }
    uint32_t live = g->to - g->floor;
    if (p->high < g->above + live)
        p->high = g->above + live;
    if (g->phase != INTERP_GC_MOVING || gc->left <= 0)
        return INTERP_COLLECTING;
    uint32_t n = live - g->part < (uint64_t)gc->left ? live - g->part : (uint32_t)gc->left;
    memmove(gc->run->heap + g->floor + g->part, gc->run->heap + g->above + g->part, n);
    gc->left -= n;
    g->part += n;
    return g->part == live ? end(gc) : INTERP_COLLECTING;
}

/* ---- from outside ------------------------------------------------------------------------------- */

static bool is_at_once(const struct interp_process *p)
{
#ifdef INTERP_GC_STRESS
    return p->at_once || p->collections % 16 != 15;
#else
    return p->at_once || p->top - p->floor <= INTERP_AT_ONCE_BYTES;
#endif
}

enum interp_collected interp_collect_some(struct interp_run *run, uint32_t *reductions)
{
    struct gc gc = {.run = run, .g = &run->p->gc, .left = (int64_t)*reductions * 64};
    struct proc_self *self = (void *)run->heap;
#ifdef INTERP_GC_STRESS
    gc.left = 64 * LEAST_COST;
#endif
    int64_t given = gc.left;
    *reductions = 0;
    if (gc.g->phase == INTERP_GC_WANTED) {
        if (self->ops_count > 0) /* the kernel takes them first: their bytes lie among the objects */
            return INTERP_COLLECTING;
        if (!begin(&gc)) {
            gc.g->phase = INTERP_GC_IDLE;
            return INTERP_COLLECTED_FULL;
        }
    }
    enum interp_collected said = go_on(&gc);
    self->is_busy = said == INTERP_COLLECTING;
    *reductions = (uint32_t)((uint64_t)(given - gc.left) / 64);
    return said;
}

/* true: it is done, and there is room. */
static bool collect(struct interp_run *run, uint64_t need_bytes, uint64_t lands)
{
    struct interp_process *p = run->p;
    if (p->gc.phase != INTERP_GC_IDLE) /* the one who asked before is in the way: its turn comes first */
        return false;
    p->gc = (struct interp_gc){.need = need_bytes, .lands = lands};
    if (!is_at_once(p)) {
        p->gc.phase = INTERP_GC_WANTED;
        return false;
    }
    struct gc gc = {.run = run, .g = &p->gc, .left = INT64_MAX};
    if (!begin(&gc))
        return false;
    enum interp_collected said = go_on(&gc);
#ifndef INTERP_GC_STRESS /* those nobody would pay */
    p->gc_cost += (uint32_t)((uint64_t)(INT64_MAX - gc.left) / 64);
#endif
    return said == INTERP_COLLECTED;
}

VK_SELDOM bool interp_collect_landing(struct interp_run *run, uint64_t need_bytes, uint64_t tag)
{
    return collect(run, need_bytes, tag);
}

VK_SELDOM bool interp_open_reserve(struct interp_run *run, uint64_t end)
{
    struct interp_process *p = run->p;
    if (!p->request || p->half == p->end || end > p->end)
        return false;
    p->half = p->soft = p->end;
    return true;
}

bool interp_collect(struct interp_run *run, uint32_t from, uint64_t need_bytes)
{
    struct interp_process *p = run->p;
    bool is_alive = from == p->clean_top && from + need_bytes > p->half; /* all below it */
    if (!is_alive && can_copy(p, 0)) {
        if (collect(run, need_bytes, 0))
            return true;
        if (p->gc.phase != INTERP_GC_IDLE)
            return false;
        from = p->top;
    }
    return interp_open_reserve(run, from + need_bytes);
}
