/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of reading JSON. Objects are made behind the last one of the heap;
 * above them, with a gap that grows by halves, lies the stack of words that
 * lists, maps and records are made of when they are complete. And the errors.
 */
#include "interp/json_read_impl.h"
#include "interp/text/utf8.h"
#include "vk/fmt.h"

#define GAP_BYTES  2048u
#define PATH_BYTES 256u /* of a path in an error; the rest is cut */

/* ---- objects and words ------------------------------------------------------------ */

uint64_t *interp_read_words(const struct reader *r, uint32_t base)
{
    return (uint64_t *)(void *)(r->run->heap + r->s.stack) + base;
}

static uint32_t stack_end(const struct reader *r)
{
    return r->s.stack + 8 * r->s.count;
}

static void move_stack(struct reader *r, uint32_t to)
{
    memmove(r->run->heap + to, r->run->heap + r->s.stack, 8 * (size_t)r->s.count);
    r->s.stack = to;
    interp_touched(r->run, stack_end(r));
}

/* The gap takes so many bytes; false: there is no room. */
static bool widen(struct reader *r, uint64_t bytes)
{
    struct interp_process *p = r->run->p;
    uint64_t need = p->top + bytes - r->s.stack;
    uint64_t room = r->limit > stack_end(r) ? r->limit - stack_end(r) : 0;
    uint64_t wish = need + (p->top - r->s.start) / 2 + GAP_BYTES;
    if (need > room)
        return false;
    move_stack(r, r->s.stack + (uint32_t)((wish < room ? wish : room) & ~(uint64_t)7));
    return p->top + bytes <= r->s.stack;
}

uint32_t interp_read_make(struct reader *r, uint64_t bytes, uint16_t type, uint32_t count)
{
    if (VK_UNLIKELY(r->run->p->top + bytes > r->s.stack) && !widen(r, bytes))
        return 0;
    return interp_take(r->run, (uint32_t)bytes, type, count);
}

uint64_t *interp_read_push(struct reader *r, uint32_t words)
{
    if (VK_UNLIKELY(stack_end(r) + 8 * (uint64_t)words > r->limit)) {
        move_stack(r, VK_ALIGN_UP(r->run->p->top, 8u));
        if (stack_end(r) + 8 * (uint64_t)words > r->limit)
            return NULL;
    }
    uint64_t *at = interp_read_words(r, r->s.count);
    r->s.count += words;
    interp_touched(r->run, stack_end(r)); /* at once: it is shorter when the turn ends */
    return at;
}

uint32_t interp_read_make_object(struct reader *r, uint16_t type, const uint64_t *words)
{
    const struct interp_type *t = &r->types[type];
    uint64_t copy[INTERP_FIELDS_MAX];           /* the stack may move */
    vk_copy(copy, words, 8 * (size_t)t->count); /* a variant without payloads has no words */
    uint32_t ref = interp_read_make(r, sizeof(struct interp_object) + 8 * (uint64_t)t->count, type,
                                    t->kind == INTERP_KIND_VARIANT ? t->tag : t->count);
    if (ref)
        memcpy(r->run->heap + ref + sizeof(struct interp_object), copy, 8 * (size_t)t->count);
    return ref;
}

/* ---- types -------------------------------------------------------------------------- */

uint16_t interp_read_variant(const struct reader *r, uint16_t type, uint32_t tag)
{
    if (type >= r->run->image->types_count || r->types[type].kind != INTERP_KIND_ENUM ||
        tag >= r->types[type].count)
        return 0;
    return r->run->image->type_words[r->types[type].first + tag];
}

uint16_t interp_read_given(const struct interp_codec_node *node)
{
    return json_codec_is_scalar(node) ? 0 : node->type;
}

bool interp_read_fits(const struct reader *r, uint16_t type, uint32_t place,
                      const struct interp_codec_node *node)
{
    const struct interp_type *t = &r->types[type];
    return place < t->count && r->run->image->type_words[t->first + place] == interp_read_given(node);
}

/* ---- errors ---------------------------------------------------------------------------- */

/* An enum of the prelude: Malformed(at, what) and Mismatch(path, what); 0: the codec's result has none. */
static uint16_t error_type(const struct reader *r, uint16_t *ret_err)
{
    const struct interp_codec_node *root = json_codec_node(&r->codec, 0);
    uint16_t str = r->run->image->str_type;
    *ret_err = interp_read_variant(r, root->type, 1 - r->codec.fields[root->first].place);
    if (*ret_err == 0 || r->types[*ret_err].count != 1)
        return 0;
    uint16_t error = r->run->image->type_words[r->types[*ret_err].first];
    uint16_t malformed = interp_read_variant(r, error, 0), mismatch = interp_read_variant(r, error, 1);
    const struct interp_codec_node text = {.kind = INTERP_CODEC_STR, .type = str}, number = {0};
    bool is_one = malformed && mismatch && r->types[malformed].count == 2 && r->types[mismatch].count == 2 &&
                  interp_read_fits(r, malformed, 0, &text) && interp_read_fits(r, malformed, 1, &number) &&
                  interp_read_fits(r, mismatch, 0, &text) && interp_read_fits(r, mismatch, 1, &text);
    return is_one ? error : 0;
}

static uint32_t make_text(struct reader *r, struct vk_span text)
{
    uint32_t ref =
        interp_read_make(r, interp_text_bytes(text.len), r->run->image->str_type, (uint32_t)text.len);
    if (ref)
        vk_copy(r->run->heap + interp_text_off(ref), text.ptr, text.len);
    return ref;
}

/* Nothing made so far is needed any more. `path` lies outside of the heap. */
static enum read_outcome refuse(struct reader *r, uint32_t tag, uint64_t at, struct vk_span path,
                                struct vk_span what)
{
    uint16_t err, error = error_type(r, &err);
    if (error == 0)
        return READ_BAD;
    r->run->p->top = r->s.start;
    uint32_t text = make_text(r, what);
    uint32_t where = tag == 1 ? make_text(r, path) : 1;
    if (!text || !where)
        return READ_FULL;
    const uint64_t malformed[] = {text, at}, mismatch[] = {where, text};
    uint64_t inner =
        interp_read_make_object(r, interp_read_variant(r, error, tag), tag == 0 ? malformed : mismatch);
    r->s.result = inner ? interp_read_make_object(r, err, &inner) : 0;
    return r->s.result ? READ_REFUSED : READ_FULL;
}

enum read_outcome interp_read_malformed(struct reader *r, uint64_t at, struct vk_span what)
{
    return refuse(r, 0, at, vk_span(NULL, 0), what);
}

/* Words that the frame holds itself. */
static uint32_t words_of(const struct reader *r, uint32_t frame)
{
    uint32_t end = frame + 1 < r->s.depth ? r->s.frames[frame + 1].base : r->s.count;
    return end - r->s.frames[frame].base;
}

static void put_name(struct vk_out *out, struct vk_span name)
{
    vk_out_fmt(out, "%s%.*s", vk_out_span(out).len ? "." : "", (int)name.len, (const char *)name.ptr);
}

static bool is_plain_name(struct vk_span key)
{
    for (size_t i = 0; i < key.len; i++) {
        uint8_t c = key.ptr[i];
        if (!((uint8_t)((c | 0x20) - 'a') < 26 || c == '_' || (uint8_t)(c - '0') < 10))
            return false;
    }
    return key.len > 0;
}

/* Names of a map's keys that are no names stand in brackets; what is cut, at a character's end. */
static void put_key(const struct reader *r, struct vk_out *out, uint32_t frame)
{
    uint32_t words = words_of(r, frame);
    if (words % 2 == 0)
        return;
    struct vk_span key =
        interp_text(r->run, (uint32_t)interp_read_words(r, r->s.frames[frame].base)[words - 1]);
    size_t len = key.len < PATH_BYTES / 4 ? key.len : PATH_BYTES / 4;
    while (!interp_utf8_is_boundary(key, len))
        len--;
    key.len = len;
    if (is_plain_name(key))
        put_name(out, key);
    else
        vk_out_fmt(out, "[\"%.*s\"]", (int)key.len, (const char *)key.ptr);
}

/* `items[3].url` */
static void put_path(const struct reader *r, struct vk_out *out)
{
    for (uint32_t i = 0; i < r->s.depth && vk_out_span(out).len < PATH_BYTES / 2; i++) {
        const struct read_frame *f = &r->s.frames[i];
        const struct interp_codec_node *node = json_codec_node(&r->codec, f->node);
        if (node->kind == INTERP_CODEC_LIST)
            vk_out_fmt(out, "[%u]", words_of(r, i));
        else if (node->kind == INTERP_CODEC_TUPLE)
            vk_out_fmt(out, "[%u]", f->at);
        else if (node->kind == INTERP_CODEC_MAP)
            put_key(r, out, i);
        else if (f->state == READ_IN_FIELD && f->at < node->count)
            put_name(out, json_codec_name(&r->codec, &r->codec.fields[node->first + f->at]));
    }
}

enum read_outcome interp_read_mismatch(struct reader *r, struct vk_span what)
{
    uint8_t path[PATH_BYTES], text[PATH_BYTES];
    struct vk_out out, copy;
    vk_out_init(&out, path, sizeof path);
    put_path(r, &out);
    vk_out_init(&copy, text, sizeof text); /* it may lie in what is given up */
    vk_out_fmt(&copy, "%.*s", (int)what.len, (const char *)what.ptr);
    return refuse(r, 1, 0, vk_out_span(&out), vk_out_span(&copy));
}

enum read_outcome interp_read_give(struct reader *r, uint64_t word)
{
    const struct interp_codec_node *root = json_codec_node(&r->codec, 0);
    const struct interp_codec_field *field = &r->codec.fields[root->first];
    uint16_t ok = interp_read_variant(r, root->type, field->place);
    if (ok == 0 || r->types[ok].count != 1 ||
        !interp_read_fits(r, ok, 0, json_codec_node(&r->codec, field->node)))
        return READ_BAD;
    r->s.result = interp_read_make_object(r, ok, &word);
    return r->s.result ? READ_ON : READ_FULL;
}
