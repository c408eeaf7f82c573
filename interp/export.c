/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/export.h"

#include "interp/interp_impl.h"
#include "vk/err.h"

#define WORD 8u

/* ---- finding ------------------------------------------------------------------------ */

static void take_types(const struct interp_image *image, struct interp_exported *e)
{
    const struct interp_type *fn = &image->types[image->functions[e->function].signature];
    const uint16_t *words = image->type_words + fn->first;
    uint32_t refs = 0, scalars = fn->refs;
    for (uint32_t i = 0; i < e->signature.count; i++)
        e->types[i] = words[interp_signature_is_ref(e->signature.params[i]) ? refs++ : scalars++];
    e->result = fn->of;
}

int interp_exported_find(const struct interp_image *image, struct vk_span name,
                         struct interp_exported *ret_entry)
{
    const struct interp_module *m = &image->module;
    const struct interp_services *services = interp_module_services(m);
    const struct interp_export *all = services ? interp_module_at(m, services->exports) : NULL;
    for (uint32_t i = 0; services && i < services->exports.count; i++) {
        if (!vk_span_equal(vk_span_text(interp_module_name(m, all[i].name)), name))
            continue;
        *ret_entry = (struct interp_exported){.name = interp_module_name(m, all[i].name),
                                              .type = interp_module_name(m, all[i].signature),
                                              .function = all[i].function};
        bool is_read = interp_signature_read(vk_span_text(interp_module_name(m, all[i].signature)),
                                             &ret_entry->signature);
        vk_assert(is_read); /* by the verifier */
        take_types(image, ret_entry);
        return 0;
    }
    return -VK_ENOENT;
}

/* The variant of an enum with that tag. */
static uint16_t variant_of(const struct interp_image *image, uint16_t type, uint32_t tag)
{
    return image->type_words[image->types[type].first + tag];
}

static bool is_text(uint8_t code)
{
    return interp_signature_is_ref(INTERP_HOST_BASE(code));
}

/* What is in an Option of that type. */
static uint16_t some_type(const struct interp_image *image, uint16_t type)
{
    return image->types[type].kind == INTERP_KIND_OPT ? image->types[type].of : 0;
}

/* ---- arguments ------------------------------------------------------------------------ */

/* The stream. What is read beyond its end is 0, and it is bad then. */
struct reader {
    struct interp_run *run;
    uint32_t at, end; /* offsets in the heap: objects are made, the stream does not move */
    bool is_bad;
};

static uint64_t read_word(struct reader *r)
{
    uint64_t word;
    if (r->end - r->at < WORD) {
        r->is_bad = true;
        return 0;
    }
    memcpy(&word, r->run->heap + r->at, WORD);
    r->at += WORD;
    return word;
}

static struct vk_span read_text(struct reader *r)
{
    uint64_t len = read_word(r);
    if (len > r->end - r->at || VK_ALIGN_UP(len, (uint64_t)WORD) > r->end - r->at) {
        r->is_bad = true;
        return vk_span("", 0);
    }
    struct vk_span text = vk_span(r->run->heap + r->at, (size_t)len);
    r->at += VK_ALIGN_UP((uint32_t)len, WORD);
    return text;
}

/* Items are a word each at least. */
static uint64_t read_count(struct reader *r)
{
    uint64_t count = read_word(r);
    if (count <= (r->end - r->at) / WORD)
        return count;
    r->is_bad = true;
    return 0;
}

static uint64_t base_need(struct reader *r, uint8_t code)
{
    if (is_text(code))
        return interp_text_bytes(read_text(r).len);
    (void)read_word(r);
    return 0;
}

/* Bytes of the heap that the next value takes. */
static uint64_t value_need(struct reader *r, uint8_t code)
{
    uint64_t sum = sizeof(struct interp_object) + WORD;
    if (code & INTERP_HOST_OPTION)
        return read_word(r) ? sum + base_need(r, code) : sum;
    if (!(code & INTERP_HOST_LIST))
        return base_need(r, code);
    uint64_t count = read_count(r);
    sum = interp_list_bytes(count);
    for (uint64_t i = 0; i < count && !r->is_bad; i++)
        sum += base_need(r, code);
    return sum;
}

static uint64_t make_base(struct reader *r, uint8_t code, uint16_t type)
{
    if (!is_text(code))
        return read_word(r);
    struct vk_span text = read_text(r);
    uint32_t ref = interp_take(r->run, (uint32_t)interp_text_bytes(text.len), type, (uint32_t)text.len);
    vk_copy(interp_write_at(r->run, interp_text_off(ref)), text.ptr, text.len);
    return ref;
}

/* Of a reference it is itself, or 0; of a scalar an enum: Some, None. */
static uint64_t make_option(struct reader *r, uint8_t code, uint16_t type)
{
    const struct interp_image *image = r->run->image;
    bool is_some = read_word(r) != 0;
    uint64_t value = is_some ? make_base(r, code, some_type(image, type)) : 0;
    if (image->types[type].kind == INTERP_KIND_OPT)
        return value;
    uint32_t tag = is_some ? 0 : 1;
    uint16_t variant = variant_of(image, type, tag);
    uint32_t fields = image->types[variant].count;
    uint32_t ref = interp_take(r->run, (uint32_t)sizeof(struct interp_object) + WORD * fields, variant, tag);
    if (fields)
        memcpy(interp_write_at(r->run, ref) + sizeof(struct interp_object), &value, WORD);
    return ref;
}

static uint64_t make_list(struct reader *r, uint8_t code, uint16_t type)
{
    uint64_t count = read_count(r);
    uint16_t of = r->run->image->types[type].of;
    uint32_t ref = interp_take(r->run, (uint32_t)interp_list_bytes(count), type, (uint32_t)count);
    struct interp_list *list = (void *)interp_write_at(r->run, ref);
    list->len = count;
    for (uint64_t i = 0; i < count; i++)
        list->items[i].u = make_base(r, code, of); /* nothing moves: all the room is there */
    return ref;
}

static uint64_t make_value(struct reader *r, uint8_t code, uint16_t type)
{
    if (code & INTERP_HOST_OPTION)
        return make_option(r, code, type);
    return code & INTERP_HOST_LIST ? make_list(r, code, type) : make_base(r, code, type);
}

static struct reader reader_of(struct interp_run *run)
{
    const struct proc_self *self = (const void *)run->heap;
    return (struct reader){.run = run, .at = self->arg_off, .end = self->arg_off + self->arg_len};
}

/* Room for all of them, so that nothing moves while they are made. */
static bool has_room(struct interp_run *run, const struct interp_exported *entry)
{
    struct reader r = reader_of(run);
    uint64_t need = 0;
    for (uint32_t i = 0; i < entry->signature.count; i++)
        need += value_need(&r, entry->signature.params[i]);
    if (r.is_bad)
        return false;
    run->p->at_once = true;
    bool has = interp_room(run, need);
    run->p->at_once = false;
    return has;
}

bool interp_exported_begin(struct interp_run *run, const struct interp_exported *entry)
{
    if (!has_room(run, entry))
        return false;
    struct reader r = reader_of(run);
    const struct interp_fiber *root = interp_fiber_at(run, run->p->root);
    union interp_word *regs = (void *)interp_write_at(run, root->stack + root->base);
    uint32_t refs = 0, scalars = INTERP_FRAME_REFS(run->image->calls[entry->function][-1]);
    for (uint32_t i = 0; i < entry->signature.count; i++) {
        uint8_t code = entry->signature.params[i];
        uint64_t value = make_value(&r, code, entry->types[i]);
        regs[interp_signature_is_ref(code) ? refs++ : scalars++].u = value;
    }
    return true;
}

/* ---- the result -------------------------------------------------------------------------- */

/*
 * Where it is written, above the objects. First it is measured, until it is
 * more than can be told: a list may be as large as its heap.
 */
struct writer {
    const struct interp_run *run;
    uint8_t *to; /* NULL: measured */
    uint64_t len;
};

static void write_word(struct writer *w, uint64_t word)
{
    if (w->to)
        memcpy(w->to + w->len, &word, WORD);
    w->len += WORD;
}

static void write_base(struct writer *w, uint8_t code, uint64_t value)
{
    if (!is_text(code)) {
        write_word(w, value);
        return;
    }
    struct vk_span text = interp_text_at(w->run, value);
    uint64_t whole = VK_ALIGN_UP((uint64_t)text.len, (uint64_t)WORD);
    write_word(w, text.len);
    if (w->to) {
        memset(w->to + w->len, 0, (size_t)whole);
        vk_copy(w->to + w->len, text.ptr, text.len);
    }
    w->len += whole;
}

/* The payload of a variant of one field. */
static uint64_t payload_of(const struct interp_run *run, uint64_t ref)
{
    uint64_t value;
    memcpy(&value, interp_read_at(run, (uint32_t)ref) + sizeof(struct interp_object), WORD);
    return value;
}

static void write_option(struct writer *w, uint8_t code, uint16_t type, uint64_t value)
{
    bool is_opt = w->run->image->types[type].kind == INTERP_KIND_OPT;
    bool is_some = is_opt ? value != 0 : interp_object_at(w->run, (uint32_t)value)->count == 0;
    write_word(w, is_some);
    if (is_some)
        write_base(w, code, is_opt ? value : payload_of(w->run, value));
}

static void write_value(struct writer *w, uint8_t code, uint16_t type, uint64_t value)
{
    if (INTERP_HOST_BASE(code) == INTERP_HOST_NIL)
        return;
    if (code & INTERP_HOST_OPTION) {
        write_option(w, code, type, value);
        return;
    }
    if (!(code & INTERP_HOST_LIST)) {
        write_base(w, code, value);
        return;
    }
    const struct interp_list *list = (const void *)interp_read_at(w->run, (uint32_t)value);
    write_word(w, list->len);
    for (uint64_t i = 0; i < list->len && w->len <= PROC_MESSAGE_MAX_BYTES; i++)
        write_base(w, code, list->items[i].u);
}

static void write_result(struct writer *w, const struct interp_exported *entry)
{
    const struct interp_image *image = w->run->image;
    uint8_t code = entry->signature.result;
    uint64_t value = interp_fiber_at(w->run, w->run->p->root)->result;
    if (!(code & INTERP_HOST_RESULT)) {
        write_value(w, code, entry->result, value);
        return;
    }
    uint32_t tag = interp_object_at(w->run, (uint32_t)value)->count;
    uint16_t variant = variant_of(image, entry->result, tag);
    write_word(w, tag);
    if (tag != 0)
        write_base(w, INTERP_HOST_STR, payload_of(w->run, value));
    else if (image->types[variant].count != 0)
        write_value(w, INTERP_HOST_WITHIN(code), image->type_words[image->types[variant].first],
                    payload_of(w->run, value));
}

int interp_exported_end(struct interp_run *run, const struct interp_exported *entry)
{
    struct interp_process *p = run->p;
    struct writer w = {.run = run};
    write_result(&w, entry);
    bool is_large = w.len > PROC_MESSAGE_MAX_BYTES;
    if (!is_large && w.len > p->end - p->top) {
        p->trap = INTERP_TRAP_MEMORY;
        p->current = p->root;
        interp_report(run);
        return PROC_RUN_FAIL;
    }
    struct proc_op *op = proc_op_next((void *)run->heap);
    p->is_returning = op == NULL;
    if (!op)
        return PROC_RUN_AGAIN;
    *op = (struct proc_op){.code = PROC_OP_WRITE, .flags = PROC_OP_SILENT, .handle = PROC_HANDLE_ORIGIN};
    if (is_large) {
        op->arg = VK_ETOOBIG;
        return PROC_RUN_END;
    }
    w = (struct writer){.run = run, .to = run->heap + p->top};
    write_result(&w, entry);
    interp_touched(run, p->top + (uint32_t)w.len);
    op->off = p->top;
    op->len = (uint32_t)w.len;
    return PROC_RUN_END;
}
