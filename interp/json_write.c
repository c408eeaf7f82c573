/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value as JSON, by its codec: one pass that writes behind the last object,
 * where the text will be. Nothing is allocated on the way, so references stay
 * good, also over turns; when the room ends, the heap is collected once and
 * writing begins anew. Values in values are frames of a stack in C, which is
 * kept behind the text between turns.
 */
#include "interp/json_codec.h"
#include "interp/natives_impl.h"
#include "interp/text/float.h"
#include "interp/text/json.h"
#include "interp/text/time.h"
#include "vk/fmt.h"
#include "vk/limits.h"

#define SHORT_BYTES  4096u /* a text is escaped in pieces of these */
#define ESCAPED_MAX  6u    /* bytes of one byte */
#define NUMBER_BYTES 32u   /* room for any number or word */
#define UNWRAP_MAX   64u   /* Options in each other; a codec that has more is none of ours */

enum outcome { GOES_ON, PUSHED, AGAIN, FULL, TRAPPED };

/* A value of which a part is written. */
struct frame {
    uint32_t ref;
    uint16_t node;
    uint8_t has_items;    /* the next one follows a comma */
    uint8_t closes_brace; /* the value is the payload of a variant: '}' follows it */
    uint32_t at;          /* field, item or entry that is next */
};

struct writer {
    struct interp_run *run;
    struct json_codec codec;
    uint8_t *out;     /* the bytes of the text */
    uint64_t at;      /* bytes written */
    uint64_t room;    /* bytes there is room for */
    uint64_t begun;   /* bytes written in earlier turns */
    int64_t stop;     /* from here on other processes have their turn */
    uint64_t text_at; /* bytes of the text under way that are done */
    bool is_in_text;  /* what stands before the value of the top frame's item is written */
    uint8_t trap;
    uint32_t depth;
    struct frame frames[INTERP_JSON_WRITTEN_MAX];
};

static enum outcome trapped(struct writer *w, enum interp_trap trap)
{
    w->trap = (uint8_t)trap;
    return TRAPPED;
}

/* The module's codec is none of the compiler's, or not of this value. */
static enum outcome bad_codec(struct writer *w)
{
    return trapped(w, INTERP_TRAP_SENT);
}

VK_INLINE bool has_room(const struct writer *w, uint64_t bytes)
{
    return w->room - w->at >= bytes;
}

VK_INLINE void put(struct writer *w, const void *bytes, size_t len)
{
    vk_copy(w->out + w->at, bytes, len);
    w->at += len;
}

/* ---- values without parts ------------------------------------------------------- */

static enum outcome put_double(struct writer *w, double value)
{
    if (!(value - value == 0)) /* nan and inf are no JSON */
        return trapped(w, INTERP_TRAP_CONVERT);
    w->at += interp_float_print(w->out + w->at, value);
    return GOES_ON;
}

static enum outcome put_choice(struct writer *w, const struct interp_codec_node *node, uint64_t tag)
{
    if (tag >= node->count)
        return bad_codec(w);
    struct vk_span name = json_codec_name(&w->codec, &w->codec.fields[node->first + tag]);
    if (!has_room(w, name.len + 2))
        return FULL;
    w->out[w->at++] = '"';
    put(w, name.ptr, name.len);
    w->out[w->at++] = '"';
    return GOES_ON;
}

static enum outcome put_scalar(struct writer *w, const struct interp_codec_node *node, union interp_word word)
{
    if (!has_room(w, NUMBER_BYTES))
        return FULL;
    switch (node->kind) {
    case INTERP_CODEC_INT:
        w->at += vk_fmt_i64(w->out + w->at, word.i);
        return GOES_ON;
    case INTERP_CODEC_FLOAT:
        return put_double(w, word.f);
    case INTERP_CODEC_BOOL:
        put(w, word.u ? "true" : "false", word.u ? 4 : 5);
        return GOES_ON;
    case INTERP_CODEC_DURATION:
        w->at += interp_ms_print(w->out + w->at, word.i);
        return GOES_ON;
    case INTERP_CODEC_NIL:
        put(w, "null", 4);
        return GOES_ON;
    default:
        return put_choice(w, node, word.u);
    }
}

/* A piece of a text, converted; FULL without room for it. */
static enum outcome put_piece(struct writer *w, interp_convert_fn convert, struct vk_span text, size_t len)
{
    struct interp_pass pass = {.in = w->text_at};
    if (!has_room(w, ESCAPED_MAX * (uint64_t)len + 8)) {
        (void)convert(&pass, text, NULL, len);
        if (!has_room(w, pass.out + 1))
            return FULL;
        pass = (struct interp_pass){.in = w->text_at};
    }
    (void)convert(&pass, text, w->out + w->at, len);
    w->at += pass.out;
    w->text_at = pass.in;
    return GOES_ON;
}

static enum outcome put_text(struct writer *w, interp_convert_fn convert, struct vk_span text)
{
    if (!w->is_in_text) {
        if (!has_room(w, 1))
            return FULL;
        w->out[w->at++] = '"';
        w->is_in_text = true;
        w->text_at = 0;
    }
    while (w->text_at < text.len) {
        if ((int64_t)w->at >= w->stop)
            return AGAIN;
        size_t left = text.len - w->text_at;
        enum outcome rc = put_piece(w, convert, text, left < SHORT_BYTES ? left : SHORT_BYTES);
        if (rc != GOES_ON)
            return rc;
    }
    if (!has_room(w, 1))
        return FULL;
    w->out[w->at++] = '"';
    w->is_in_text = false;
    return GOES_ON;
}

/* ---- values with parts -------------------------------------------------------------- */

static enum outcome push(struct writer *w, uint32_t node, uint32_t ref, char open, bool closes_brace)
{
    if (w->depth == INTERP_JSON_WRITTEN_MAX)
        return trapped(w, INTERP_TRAP_STACK);
    if (open) {
        if (!has_room(w, 1))
            return FULL;
        w->out[w->at++] = (uint8_t)open;
    }
    w->frames[w->depth++] = (struct frame){.ref = ref, .node = (uint16_t)node, .closes_brace = closes_brace};
    return PUSHED;
}

static const struct interp_type *type_of(const struct writer *w, uint32_t ref)
{
    return interp_type_at(w->run, interp_object_at(w->run, ref));
}

/* The object is a variant of that enum: its tag, else UINT32_MAX. */
static uint32_t tag_in(const struct writer *w, const struct interp_codec_node *node, uint32_t ref)
{
    const struct interp_type *type = type_of(w, ref);
    bool is_variant = type->kind == INTERP_KIND_VARIANT && type->of == node->type;
    return is_variant && (type->tag < node->count || node->kind == INTERP_CODEC_MAYBE) ? type->tag
                                                                                       : UINT32_MAX;
}

static union interp_word field_of(const struct writer *w, uint32_t ref, uint32_t place)
{
    return ((const union interp_word *)(const void *)(interp_object_at(w->run, ref) + 1))[place];
}

/* {"Variant": and a frame for its payload; a variant without one is its name. */
static enum outcome put_variant(struct writer *w, const struct interp_codec_node *node, uint32_t ref)
{
    uint32_t tag = tag_in(w, node, ref);
    if (tag == UINT32_MAX)
        return bad_codec(w);
    const struct interp_codec_field *field = &w->codec.fields[node->first + tag];
    if (field->node == INTERP_CODEC_NOTHING)
        return put_choice(w, node, tag);
    const struct interp_codec_node *payload = json_codec_node(&w->codec, field->node);
    struct vk_span name = json_codec_name(&w->codec, field);
    bool is_payload = payload && (payload->kind == INTERP_CODEC_RECORD || payload->kind == INTERP_CODEC_ONE ||
                                  payload->kind == INTERP_CODEC_TUPLE);
    if (!is_payload || payload->type != interp_object_at(w->run, ref)->type || !name.len)
        return bad_codec(w);
    if (!has_room(w, name.len + 5))
        return FULL;
    w->out[w->at++] = '{';
    put(w, name.ptr - 1, name.len + 3);
    char open = payload->kind == INTERP_CODEC_RECORD ? '{' : payload->kind == INTERP_CODEC_TUPLE ? '[' : 0;
    return push(w, field->node, ref, open, true);
}

static enum outcome put_value(struct writer *w, uint32_t index, const struct interp_codec_node *node,
                              union interp_word word);

/* What a variant of Json holds, without a sign of the variant. */
static enum outcome put_dynamic(struct writer *w, const struct interp_codec_node *node, uint32_t ref)
{
    uint32_t tag = tag_in(w, node, ref);
    if (tag == UINT32_MAX)
        return bad_codec(w);
    uint32_t index = w->codec.fields[node->first + tag].node;
    const struct interp_codec_node *inner = json_codec_node(&w->codec, index);
    if (tag == INTERP_JSON_TAG_NULL)
        return put_scalar(w, &(struct interp_codec_node){.kind = INTERP_CODEC_NIL}, (union interp_word){0});
    bool is_one = inner && (json_codec_is_scalar(inner) || inner->kind == INTERP_CODEC_STR ||
                            inner->kind == INTERP_CODEC_LIST || inner->kind == INTERP_CODEC_MAP);
    if (!is_one || !json_codec_fits(type_of(w, ref), 0, inner))
        return bad_codec(w);
    return put_value(w, index, inner, field_of(w, ref, 0));
}

/* The object is as the node says: a record, list or map. */
static enum outcome put_reference(struct writer *w, uint32_t index, const struct interp_codec_node *node,
                                  uint32_t ref)
{
    const struct interp_image *image = w->run->image;
    if (ref == 0)
        return bad_codec(w);
    if (node->kind == INTERP_CODEC_ENUM)
        return put_variant(w, node, ref);
    if (node->kind == INTERP_CODEC_JSON)
        return put_dynamic(w, node, ref);
    uint16_t type = interp_object_at(w->run, ref)->type;
    if (node->kind == INTERP_CODEC_STR && type == image->str_type)
        return put_text(w, interp_json_escape, interp_text(w->run, ref));
    if (node->kind == INTERP_CODEC_BYTES && type == image->bytes_type)
        return put_text(w, interp_base64_encode, interp_text(w->run, ref));
    static const uint8_t kinds[INTERP_CODEC_END] = {[INTERP_CODEC_LIST] = INTERP_KIND_LIST,
                                                    [INTERP_CODEC_MAP] = INTERP_KIND_MAP,
                                                    [INTERP_CODEC_RECORD] = INTERP_KIND_RECORD};
    if (type != node->type || kinds[node->kind] == 0 || type_of(w, ref)->kind != kinds[node->kind])
        return bad_codec(w);
    return push(w, index, ref, node->kind == INTERP_CODEC_LIST ? '[' : '{', false);
}

/* Through Options to what is in them. GOES_ON with *ret_node NULL: nothing is. */
static enum outcome unwrap(struct writer *w, uint32_t *index, union interp_word *word,
                           const struct interp_codec_node **ret_node)
{
    const struct interp_codec_node *node = json_codec_node(&w->codec, *index);
    for (uint32_t i = 0; i < UNWRAP_MAX && node; i++) {
        *ret_node = node;
        if (node->kind == INTERP_CODEC_OPTION) {
            *index = node->first;
            *ret_node = word->u ? json_codec_node(&w->codec, *index) : NULL;
        } else if (node->kind == INTERP_CODEC_MAYBE) {
            uint32_t ref = (uint32_t)word->u, tag = ref && node->count ? tag_in(w, node, ref) : UINT32_MAX;
            if (tag == UINT32_MAX)
                return bad_codec(w);
            const struct interp_codec_field *some = &w->codec.fields[node->first];
            *index = some->node;
            *ret_node = tag == some->place ? json_codec_node(&w->codec, *index) : NULL;
            if (*ret_node && !json_codec_fits(type_of(w, ref), 0, *ret_node))
                return bad_codec(w);
            if (*ret_node)
                *word = field_of(w, ref, 0);
        } else {
            return GOES_ON;
        }
        node = *ret_node;
    }
    return node ? bad_codec(w) : GOES_ON;
}

static enum outcome put_value(struct writer *w, uint32_t index, const struct interp_codec_node *node,
                              union interp_word word)
{
    if (node && json_codec_is_scalar(node))
        return put_scalar(w, node, word);
    if (node && node->kind != INTERP_CODEC_OPTION && node->kind != INTERP_CODEC_MAYBE)
        return put_reference(w, index, node, (uint32_t)word.u);
    if (node) {
        enum outcome rc = unwrap(w, &index, &word, &node);
        if (rc != GOES_ON || node)
            return rc != GOES_ON ? rc : put_value(w, index, node, word);
    }
    if (!has_room(w, 4))
        return FULL;
    put(w, "null", 4);
    return GOES_ON;
}

/* The comma before an item that is not the first; is_in_text: it is there. */
VK_INLINE void put_comma(struct writer *w, struct frame *f)
{
    if (f->has_items)
        w->out[w->at++] = ',';
    f->has_items = true;
}

/* After an item: what the frame's function returns, or GOES_ON. */
#define ITEM_DONE(f_, rc_)                    \
    do {                                      \
        enum outcome item_rc_ = (rc_);        \
        if (item_rc_ <= PUSHED)               \
            (f_)->at++;                       \
        if (VK_UNLIKELY(item_rc_ != GOES_ON)) \
            return item_rc_;                  \
    } while (0)

static enum outcome put_fields(struct writer *w, struct frame *f, const struct interp_codec_node *node)
{
    const struct interp_type *type = type_of(w, f->ref);
    while (f->at < node->count) {
        const struct interp_codec_field *field = &w->codec.fields[node->first + f->at];
        const struct interp_codec_node *of = json_codec_node(&w->codec, field->node);
        uint32_t index = field->node;
        if ((int64_t)w->at >= w->stop)
            return AGAIN;
        if (!of || !json_codec_fits(type, field->place, of))
            return bad_codec(w);
        union interp_word word = field_of(w, f->ref, field->place);
        if (of->kind == INTERP_CODEC_OPTION || of->kind == INTERP_CODEC_MAYBE) {
            enum outcome rc = unwrap(w, &index, &word, &of);
            if (rc != GOES_ON)
                return rc;
        }
        if (!of) { /* a field that is None is left out */
            w->stop--;
            f->at++;
            continue;
        }
        if (!w->is_in_text) {
            struct vk_span name = json_codec_name(&w->codec, field);
            if (!name.len)
                return bad_codec(w);
            if (!has_room(w, name.len + 4))
                return FULL;
            put_comma(w, f);
            put(w, name.ptr - 1, name.len + 3);
        }
        ITEM_DONE(f, put_value(w, index, of, word));
    }
    return GOES_ON;
}

/* The payloads of a variant: one, or an array's. */
static enum outcome put_tuple(struct writer *w, struct frame *f, const struct interp_codec_node *node)
{
    const struct interp_type *type = type_of(w, f->ref);
    while (f->at < node->count) {
        const struct interp_codec_field *field = &w->codec.fields[node->first + f->at];
        const struct interp_codec_node *of = json_codec_node(&w->codec, field->node);
        if ((int64_t)w->at >= w->stop)
            return AGAIN;
        if (!of || !json_codec_fits(type, field->place, of))
            return bad_codec(w);
        if (!has_room(w, 1))
            return FULL;
        if (!w->is_in_text)
            put_comma(w, f);
        ITEM_DONE(f, put_value(w, field->node, of, field_of(w, f->ref, field->place)));
    }
    return GOES_ON;
}

static enum outcome put_items(struct writer *w, struct frame *f, const struct interp_codec_node *node)
{
    const struct interp_list *list = (const void *)interp_object_at(w->run, f->ref);
    const struct interp_codec_node *of = json_codec_node(&w->codec, node->first);
    if (!of || (w->run->image->types[node->type].of == 0) != json_codec_is_scalar(of))
        return bad_codec(w);
    while (f->at < list->len) {
        if ((int64_t)w->at >= w->stop)
            return AGAIN;
        if (!has_room(w, 1))
            return FULL;
        if (!w->is_in_text)
            put_comma(w, f);
        ITEM_DONE(f, put_value(w, node->first, of, list->items[f->at]));
    }
    return GOES_ON;
}

/* The key of an entry and a colon. Keys are texts that a program holds as a whole: no turn ends in one. */
static enum outcome put_key(struct writer *w, struct frame *f, uint32_t key)
{
    if (!has_room(w, 4))
        return FULL;
    put_comma(w, f);
    int64_t stop = w->stop;
    w->stop = INT64_MAX;
    enum outcome rc = put_text(w, interp_json_escape, interp_text(w->run, key));
    w->stop = stop;
    if (rc != GOES_ON || !has_room(w, 1))
        return rc != GOES_ON ? rc : FULL;
    w->out[w->at++] = ':';
    return GOES_ON;
}

static enum outcome put_entries(struct writer *w, struct frame *f, const struct interp_codec_node *node)
{
    const struct interp_map *map = (const void *)interp_object_at(w->run, f->ref);
    const struct interp_type *type = &w->run->image->types[node->type];
    const struct interp_codec_node *of = json_codec_node(&w->codec, node->first);
    if (!of || type->key != w->run->image->str_type || (type->of == 0) != json_codec_is_scalar(of))
        return bad_codec(w);
    while (f->at < map->used) {
        const struct interp_entry *entry = &map->entries[f->at];
        if (entry->next == INTERP_ENTRY_DEAD) {
            f->at++;
            continue;
        }
        if ((int64_t)w->at >= w->stop)
            return AGAIN;
        if (!w->is_in_text) {
            enum outcome rc = put_key(w, f, (uint32_t)entry->key);
            if (rc != GOES_ON)
                return rc;
        }
        ITEM_DONE(f, put_value(w, node->first, of, (union interp_word){.u = entry->value}));
    }
    return GOES_ON;
}

static enum outcome put_parts(struct writer *w, struct frame *f, const struct interp_codec_node *node)
{
    switch (node->kind) {
    case INTERP_CODEC_LIST:
        return put_items(w, f, node);
    case INTERP_CODEC_MAP:
        return put_entries(w, f, node);
    case INTERP_CODEC_RECORD:
        return put_fields(w, f, node);
    case INTERP_CODEC_ONE:
    case INTERP_CODEC_TUPLE:
        return put_tuple(w, f, node);
    default:
        return bad_codec(w);
    }
}

static enum outcome put_frames(struct writer *w)
{
    while (w->depth > 0) {
        struct frame *f = &w->frames[w->depth - 1];
        const struct interp_codec_node *node = &w->codec.nodes[f->node];
        enum outcome rc = put_parts(w, f, node);
        if (rc == PUSHED)
            continue;
        if (rc != GOES_ON)
            return rc;
        if (!has_room(w, 2))
            return FULL;
        if (node->kind != INTERP_CODEC_ONE)
            w->out[w->at++] = node->kind == INTERP_CODEC_LIST || node->kind == INTERP_CODEC_TUPLE ? ']' : '}';
        if (f->closes_brace)
            w->out[w->at++] = '}';
        w->depth--;
    }
    return GOES_ON;
}

/* ---- turns ------------------------------------------------------------------------------ */

enum step { FIRST, BEGUN, BEGUN_COLLECTED, FIRST_COLLECTED };
enum { WORK_AT, WORK_DEPTH, WORK_TEXT_AT, WORK_IN_TEXT, WORK_TOP, WORK_COLLECTIONS };

static uint64_t frames_at(const struct writer *w)
{
    return VK_ALIGN_UP(w->at, (uint64_t)8);
}

/* The frames go behind the text; false: there is no room for them. */
static bool keep(struct interp_call *call, struct writer *w)
{
    struct interp_process *p = call->run->p;
    uint64_t bytes = w->depth * sizeof w->frames[0];
    if (frames_at(w) + bytes > w->room)
        return false;
    memcpy(w->out + frames_at(w), w->frames, bytes);
    p->work[WORK_AT] = w->at;
    p->work[WORK_DEPTH] = w->depth;
    p->work[WORK_TEXT_AT] = w->text_at;
    p->work[WORK_IN_TEXT] = w->is_in_text;
    p->work[WORK_TOP] = p->top;
    p->work[WORK_COLLECTIONS] = p->collections;
    return true;
}

/* false: between the turns the kernel landed something where the text was, or the objects moved for that. */
static bool take_up(struct interp_call *call, struct writer *w)
{
    const struct interp_process *p = call->run->p;
    if (p->work[WORK_TOP] != p->top || p->work[WORK_COLLECTIONS] != p->collections)
        return false;
    w->at = w->begun = p->work[WORK_AT];
    w->depth = (uint32_t)p->work[WORK_DEPTH] % (INTERP_JSON_WRITTEN_MAX + 1);
    w->text_at = p->work[WORK_TEXT_AT];
    w->is_in_text = p->work[WORK_IN_TEXT] != 0;
    memcpy(w->frames, w->out + frames_at(w), w->depth * sizeof w->frames[0]);
    return true;
}

static bool open_writer(struct interp_call *call, struct writer *w, bool is_collected)
{
    struct interp_process *p = call->run->p;
    uint32_t limit = is_collected ? p->half : p->soft, head = (uint32_t)sizeof(struct interp_object);
    w->run = call->run;
    w->out = call->run->heap + p->top + head;
    w->room = limit > p->top + 2 * head ? limit - p->top - 2 * head : 0;
    w->at = w->begun = w->text_at = 0;
    w->depth = 0;
    w->is_in_text = false;
    return json_codec_given(&w->codec, call, 1);
}

/* What was written lies above the last object: it is wiped with the process. */
static void mark(const struct interp_call *call, const struct writer *w)
{
    struct interp_process *p = call->run->p;
    uint64_t end = p->top + sizeof(struct interp_object) + frames_at(w) + w->depth * sizeof w->frames[0];
    interp_touched(call->run, end < p->half ? (uint32_t)end : p->half); /* without room no frames are kept */
}

static enum outcome put_root(struct writer *w, uint32_t ref)
{
    enum outcome rc = put_value(w, 0, json_codec_node(&w->codec, 0), (union interp_word){.u = ref});
    return rc == PUSHED ? GOES_ON : rc;
}

static enum outcome write_turn(struct interp_call *call, struct writer *w, bool is_fresh)
{
    w->stop = (int64_t)(w->at + interp_call_turn(call));
    bool is_at_root = is_fresh || w->depth == 0; /* a text that is the whole value may take turns */
    enum outcome rc = is_at_root ? put_root(w, interp_call_ref(call, 0)) : GOES_ON;
    if (rc == GOES_ON)
        rc = put_frames(w);
    interp_call_charge(call, w->at - w->begun);
    mark(call, w);
    return rc;
}

static enum interp_say give(struct interp_call *call, const struct writer *w)
{
    struct interp_run *run = call->run;
    uint32_t bytes = (uint32_t)interp_text_bytes(w->at);
    call->result.u = interp_take(run, bytes, run->image->str_type, (uint32_t)w->at);
    return INTERP_DONE;
}

static bool make_room(struct interp_call *call, bool is_collected)
{
    const struct interp_process *p = call->run->p;
    return is_collected ? interp_open_reserve(call->run, p->half + 1ull)
                        : interp_collect(call->run, p->top, 0);
}

enum interp_say interp_json_write(struct interp_call *call)
{
    struct writer w;
    bool is_fresh = call->step == FIRST || call->step == FIRST_COLLECTED;
    bool is_collected = call->step == BEGUN_COLLECTED || call->step == FIRST_COLLECTED;
    for (;;) {
        if (!open_writer(call, &w, is_collected))
            return interp_call_trap(call, INTERP_TRAP_SENT);
        if (!is_fresh && !take_up(call, &w))
            is_fresh = true;
        enum outcome rc = write_turn(call, &w, is_fresh);
        if (rc == GOES_ON)
            return give(call, &w);
        if (rc == TRAPPED && w.trap == INTERP_TRAP_CONVERT)
            return interp_call_trap_text(call, INTERP_TRAP_CONVERT, VK_SPAN_LIT(INTERP_NO_JSON));
        if (rc == TRAPPED)
            return interp_call_trap(call, (enum interp_trap)w.trap);
        if (rc == AGAIN && keep(call, &w)) {
            call->step = is_collected ? BEGUN_COLLECTED : BEGUN;
            return INTERP_AGAIN;
        }
        if (!make_room(call, is_collected)) {
            interp_call_restart(call, FIRST_COLLECTED); /* of use only when there is a collection to come */
            return interp_call_trap(call, INTERP_TRAP_MEMORY);
        }
        is_collected = is_fresh = true;
    }
}
