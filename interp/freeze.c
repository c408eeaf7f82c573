/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluating top-level values, and copying what comes of it into the image:
 * breadth first, each object once, marks of those that were copied in the
 * heap, which is dropped afterwards. Source of the copy: Cheney, "A
 * nonrecursive list compacting algorithm", 1970.
 */
#include "interp/freeze.h"

#include "interp/interp_impl.h"
#include "interp/program.h"
#include "vk/err.h"
#include "vk/fmt.h"

struct freeze {
    struct interp_image *image;
    const struct interp_freeze_options *options;
    struct interp_run run;
    struct proc_self *self;
    uint8_t *data; /* the image's, to be written */
    uint64_t reductions_left;
    uint32_t data_end;   /* of what is frozen already, in the image's data */
    uint32_t data_limit; /* nothing is frozen above this */
    const char *why;     /* the first refusal */
};

static const struct interp_let *lets_of(const struct interp_module *m, uint32_t *ret_count)
{
    const struct interp_services *services = interp_module_services(m);
    *ret_count = services ? services->lets.count : 0;
    return services ? interp_module_at(m, services->lets) : NULL;
}

uint32_t interp_freeze_count(const struct interp_module *module)
{
    uint32_t count;
    (void)lets_of(module, &count);
    return count;
}

/* ---- copying ----------------------------------------------------------------- */

static bool is_frozen_kind(const struct interp_image *image, const struct interp_object *object)
{
    if (object->type >= image->types_count)
        return false;
    const struct interp_type *type = &image->types[object->type];
    switch ((enum interp_kind)type->kind) {
    case INTERP_KIND_STR:
    case INTERP_KIND_BYTES:
    case INTERP_KIND_VARIANT:
    case INTERP_KIND_LIST:
    case INTERP_KIND_MAP:
        return true;
    case INTERP_KIND_RECORD:
    case INTERP_KIND_ENV:
        return !(type->flags & INTERP_TYPE_MUTABLE);
    default:
        return false;
    }
}

/* Room for more elements is not frozen with a list or a map. */
static uint64_t frozen_bytes(const struct freeze *f, const struct interp_object *object)
{
    switch (f->image->types[object->type].kind) {
    case INTERP_KIND_LIST:
        return interp_list_bytes(((const struct interp_list *)(const void *)object)->len);
    case INTERP_KIND_MAP:
        return interp_map_bytes(((const struct interp_map *)(const void *)object)->live);
    default:
        return interp_object_bytes(&f->run, object);
    }
}

static void copy_object(const struct freeze *f, const struct interp_object *object, uint8_t *dst,
                        uint64_t bytes)
{
    const struct interp_map *map = (const void *)object;
    uint32_t kind = f->image->types[object->type].kind;
    if (kind == INTERP_KIND_MAP) {
        interp_map_pack((void *)dst, map, map->live);
        return;
    }
    memcpy(dst, object, bytes);
    struct interp_object *head = (void *)dst;
    head->flags = 0;
    if (kind == INTERP_KIND_LIST)
        head->count = (uint32_t)((struct interp_list *)(void *)dst)->len;
}

/* The reference as it is in the image; f->why is set when it cannot be. */
static uint64_t forward(struct freeze *f, uint64_t ref)
{
    if (ref == 0 || interp_in_image((uint32_t)ref) || f->why)
        return ref;
    struct interp_object *object = interp_object_at(&f->run, (uint32_t)ref);
    if (object->flags & INTERP_OBJECT_MOVED)
        return object->count;
    if (!is_frozen_kind(f->image, object)) {
        f->why = "its type cannot be a top-level value";
        return 0;
    }
    uint64_t bytes = frozen_bytes(f, object);
    if (bytes > f->data_limit - f->data_end) {
        f->why = "the top-level values need more than 64 MiB";
        return 0;
    }
    uint32_t to = f->data_end;
    copy_object(f, object, f->data + to, bytes);
    f->data_end += (uint32_t)bytes;
    object->flags |= INTERP_OBJECT_MOVED;
    object->count = to | INTERP_REF_IMAGE;
    return object->count;
}

static void forward_words(struct freeze *f, union interp_word *words, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        words[i].u = forward(f, words[i].u);
}

static void scan(struct freeze *f, struct interp_object *object)
{
    const struct interp_type *type = &f->image->types[object->type];
    struct interp_list *list = (void *)object;
    struct interp_map *map = (void *)object;
    switch (type->kind) {
    case INTERP_KIND_RECORD:
    case INTERP_KIND_VARIANT:
    case INTERP_KIND_ENV:
        forward_words(f, (union interp_word *)(void *)(object + 1), type->refs);
        break;
    case INTERP_KIND_LIST:
        if (type->of != 0)
            forward_words(f, list->items, list->len);
        break;
    case INTERP_KIND_MAP:
        for (uint32_t i = 0; i < map->used; i++) {
            if (type->key != 0)
                map->entries[i].key = forward(f, map->entries[i].key);
            if (type->of != 0)
                map->entries[i].value = forward(f, map->entries[i].value);
        }
        break;
    default:
        break;
    }
}

static void copy_graph(struct freeze *f, uint32_t constant)
{
    uint32_t at = f->data_end;
    uint32_t ref = (uint32_t)forward(f, (uint32_t)f->run.p->result);
    while (at < f->data_end && !f->why) {
        struct interp_object *object = (void *)(f->data + at);
        at += (uint32_t)frozen_bytes(f, object);
        scan(f, object);
    }
    f->image->data_bytes = f->data_end;
    ((uint32_t *)(uintptr_t)f->image->refs)[constant] = ref;
}

/* ---- evaluating ------------------------------------------------------------------ */

/* What nothing has frozen yet is the heap's. */
static uint32_t object_bytes_left(const struct freeze *f)
{
    return f->data_limit - f->data_end;
}

static bool begin(struct freeze *f, uint32_t function)
{
    struct interp_process *p = f->run.p;
    memset(f->run.heap, 0, INTERP_PROCESS_OFF + sizeof *p);
    f->self->heap = (struct vk_heap){sizeof *f->self, f->options->heap_bytes};
    f->self->now_ns = f->options->now_ns;
    f->self->wall_s = f->options->wall_s;
    p->floor = p->top = VK_ALIGN_UP(INTERP_PROCESS_OFF + (uint32_t)sizeof *p, 64u);
    p->end = f->options->heap_bytes - INTERP_SLACK_BYTES;
    uint32_t half = (p->end - p->floor) / 2 - 128, left = object_bytes_left(f);
    p->half = p->soft = p->floor + (left < half ? left : half);
    p->cpu_left = f->reductions_left;
    p->begun = true;
    p->at_once = true;
#ifdef INTERP_GC_STRESS
    p->soft = p->floor;
#endif
    p->root = interp_fiber_new(&f->run, function, INTERP_ROOT_WORDS);
    if (p->root)
        interp_fiber_ready(&f->run, p->root);
    return p->root != 0;
}

/* Lines of the log are passed on; nobody completes anything else. */
static void take_ops(struct freeze *f)
{
    for (uint32_t i = 0; i < f->self->ops_count && i < PROC_RING_ENTRIES; i++) {
        const struct proc_op *op = &f->self->ops[i];
        if (op->code != PROC_OP_LOG)
            f->why = "it waits, or asks the kernel for something";
        else if (f->options->log)
            f->options->log(f->options->context, vk_span(f->run.heap + op->off, op->len));
    }
    f->self->ops_count = 0;
}

static const char *limit_text(uint32_t trap)
{
    if (trap == INTERP_TRAP_CPU)
        return "the top-level values need more than 100,000,000 reductions";
    return trap == INTERP_TRAP_MEMORY ? "the top-level values need more than 64 MiB" : NULL;
}

static void run(struct freeze *f, struct vk_out *why)
{
    struct interp_process *p = f->run.p;
    enum proc_run value;
    do {
        f->self->budget = PROC_BUDGET;
        value = interp_go_on(&f->run);
        take_ops(f);
    } while (value == PROC_RUN_AGAIN && !f->why);
    f->reductions_left = p->cpu_left;
    if (value == PROC_RUN_WAIT && !f->why)
        f->why = "it waits, or asks the kernel for something";
    if (value != PROC_RUN_FAIL || f->why)
        return;
    f->why = limit_text(p->trap);
    if (f->why)
        vk_out_fmt(why, "%s; ", f->why);
    else
        f->why = interp_trap_text(p->trap);
    interp_describe(&f->run, why);
}

static struct interp_place place_of(const struct freeze *f, uint32_t function)
{
    const struct interp_image *image = f->image;
    const struct interp_process *p = f->run.p;
    bool has_trapped = p->trap && p->current;
    return interp_image_place(image, has_trapped ? interp_fiber_at(&f->run, p->current)->pc
                                                 : image->functions[function].code);
}

static int evaluate(struct freeze *f, const struct interp_let *let, struct interp_freeze_refusal *ret)
{
    struct vk_out why;
    vk_out_init(&why, ret->why, sizeof ret->why);
    if (begin(f, let->function))
        run(f, &why);
    else
        f->why = "the top-level values need more than 64 MiB";
    if (!f->why && let->is_ref)
        copy_graph(f, let->constant);
    else if (!f->why)
        ((uint64_t *)(uintptr_t)f->image->constants)[let->constant] = f->run.p->result;
    if (!f->why)
        return 0;
    if (vk_out_span(&why).len == 0)
        vk_out_fmt(&why, "%s", f->why);
    ret->let = interp_module_name(&f->image->module, let->name);
    ret->why_len = (uint32_t)vk_out_span(&why).len;
    const struct interp_place place = place_of(f, let->function);
    ret->file = place.file;
    ret->line = place.line;
    return -VK_EINVAL;
}

int interp_freeze(struct interp_image *image, const struct interp_freeze_options *options,
                  struct interp_freeze_refusal *ret_refusal)
{
    uint32_t count;
    const struct interp_let *lets = lets_of(&image->module, &count);
    struct freeze f = {.image = image,
                       .options = options,
                       .run = {.heap = options->heap, .image = image, .heap_mask = options->heap_bytes - 1},
                       .self = options->heap,
                       .data = (uint8_t *)(uintptr_t)image->data,
                       .reductions_left =
                           options->reductions ? options->reductions : INTERP_LETS_MAX_REDUCTIONS,
                       .data_end = image->data_bytes};
    f.run.p = (void *)(f.run.heap + INTERP_PROCESS_OFF);
    uint32_t room = image->data_mask + 1;
    f.data_limit = room - f.data_end > INTERP_LETS_MAX_BYTES ? f.data_end + INTERP_LETS_MAX_BYTES : room;
    for (uint32_t i = 0; i < count; i++) {
        int rc = evaluate(&f, &lets[i], ret_refusal);
        if (rc)
            return rc;
    }
    interp_image_close(image);
    return 0;
}
