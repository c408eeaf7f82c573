/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a token means where it stands. A value that is complete is delivered to
 * the frame on top, which may be complete by it, and so on.
 */
#include "interp/json_read_impl.h"
#include "interp/text/convert.h"
#include "interp/text/float.h"
#include "interp/text/int.h"
#include "interp/text/time.h"
#include "vk/fmt.h"

#define LONG_BYTES 4096u /* a text up to this is copied at once */

static struct read_frame *top(struct reader *r)
{
    return &r->s.frames[r->s.depth - 1];
}

static const struct interp_codec_node *node_of(const struct reader *r, const struct read_frame *f)
{
    return &r->codec.nodes[f->node];
}

static const struct interp_codec_field *field_at(const struct reader *r, const struct interp_codec_node *node,
                                                 uint32_t index)
{
    return &r->codec.fields[node->first + index];
}

static struct vk_span token_span(const struct reader *r)
{
    return interp_json_span(&r->s.scan, r->text);
}

/* ---- expected and found --------------------------------------------------------- */

static const char *expected(enum interp_codec_kind kind)
{
    static const char *const words[INTERP_CODEC_END] = {
        [INTERP_CODEC_INT] = "a whole number",
        [INTERP_CODEC_FLOAT] = "a number",
        [INTERP_CODEC_BOOL] = "true or false",
        [INTERP_CODEC_DURATION] = "a number of milliseconds",
        [INTERP_CODEC_NIL] = "null",
        [INTERP_CODEC_CHOICE] = "the name of a variant",
        [INTERP_CODEC_STR] = "a string",
        [INTERP_CODEC_BYTES] = "a base64 string",
        [INTERP_CODEC_LIST] = "an array",
        [INTERP_CODEC_MAP] = "an object",
        [INTERP_CODEC_RECORD] = "an object",
        [INTERP_CODEC_TUPLE] = "an array",
        [INTERP_CODEC_ENUM] = "an object with the name of a variant",
    };
    return words[kind] ? words[kind] : "a value";
}

static const char *found(enum interp_json_token token)
{
    static const char *const words[] = {
        [INTERP_JSON_OBJECT] = "an object", [INTERP_JSON_ARRAY] = "an array",
        [INTERP_JSON_STRING] = "a string",  [INTERP_JSON_INT] = "a number",
        [INTERP_JSON_FLOAT] = "a number",   [INTERP_JSON_TRUE] = "true",
        [INTERP_JSON_FALSE] = "false",      [INTERP_JSON_NULL] = "null",
    };
    return token < VK_COUNT(words) && words[token] ? words[token] : "the end";
}

static enum read_outcome other(struct reader *r, enum interp_codec_kind kind, enum interp_json_token token)
{
    uint8_t text[96];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    bool is_fraction = kind == INTERP_CODEC_INT && token == INTERP_JSON_FLOAT;
    vk_out_fmt(&out, "expected %s, found %s", expected(kind),
               is_fraction ? "one with a fraction or exponent" : found(token));
    return interp_read_mismatch(r, vk_out_span(&out));
}

/* ---- delivering --------------------------------------------------------------------- */

static enum read_outcome deliver(struct reader *r, uint64_t word);

/* The frame on top is complete and gives an object of its words: of a record, a tuple. */
static enum read_outcome close_words(struct reader *r, uint16_t type)
{
    uint32_t ref = interp_read_make_object(r, type, interp_read_words(r, top(r)->base));
    if (!ref)
        return READ_FULL;
    r->s.count = top(r)->base;
    r->s.depth--;
    return deliver(r, ref);
}

/* The frame on top wraps the word in a variant of one payload. */
static enum read_outcome wrap(struct reader *r, uint16_t type, uint64_t word)
{
    uint32_t ref = interp_read_make_object(r, type, &word);
    if (!ref)
        return READ_FULL;
    r->s.depth--;
    return deliver(r, ref);
}

static enum read_outcome deliver_word(struct reader *r, uint64_t word, uint32_t want)
{
    uint64_t *at = interp_read_push(r, 1);
    if (!at)
        return READ_FULL;
    *at = word;
    r->s.want = want;
    return READ_ON;
}

static enum read_outcome deliver_slot(struct reader *r, struct read_frame *f,
                                      const struct interp_codec_node *node, uint64_t word)
{
    interp_read_words(r, f->base)[field_at(r, node, f->at)->place] = word;
    f->at++;
    f->state = READ_OPEN;
    r->s.want = READ_NOTHING;
    if (node->kind == INTERP_CODEC_TUPLE && f->at < node->count)
        r->s.want = field_at(r, node, f->at)->node;
    return READ_ON;
}

static enum read_outcome deliver(struct reader *r, uint64_t word)
{
    if (r->s.depth == 0) {
        r->s.want = READ_NOTHING;
        r->s.result = word;
        return READ_ON;
    }
    struct read_frame *f = top(r);
    const struct interp_codec_node *node = node_of(r, f);
    switch (node->kind) {
    case INTERP_CODEC_LIST:
        return deliver_word(r, word, node->first);
    case INTERP_CODEC_MAP:
        return deliver_word(r, word, READ_NOTHING);
    case INTERP_CODEC_RECORD:
    case INTERP_CODEC_TUPLE:
        return deliver_slot(r, f, node, word);
    case INTERP_CODEC_MAYBE:
        return wrap(r, interp_read_variant(r, node->type, field_at(r, node, 0)->place), word);
    case INTERP_CODEC_JSON:
        return wrap(r, interp_read_variant(r, node->type, f->at), word);
    case INTERP_CODEC_ONE:
        return wrap(r, node->type, word);
    default: /* ENUM */
        f->state = READ_HAS_VALUE;
        return deliver_word(r, word, READ_NOTHING);
    }
}

/* ---- frames ---------------------------------------------------------------------------- */

static enum read_outcome push(struct reader *r, uint32_t node)
{
    if (r->s.depth == INTERP_JSON_FRAMES_MAX)
        return interp_read_malformed(r, r->s.scan.start, interp_json_reason_text(INTERP_JSON_BAD_DEPTH));
    r->s.frames[r->s.depth++] = (struct read_frame){.node = (uint16_t)node, .base = r->s.count};
    r->s.want = READ_NOTHING;
    return READ_ON;
}

static bool is_kind(const struct reader *r, uint16_t type, uint8_t kind)
{
    return type < r->run->image->types_count && r->types[type].kind == kind;
}

static uint32_t mark_words(const struct interp_codec_node *node)
{
    return (node->count + 63u) / 64;
}

/* Each field has a place of its own: with one that stood twice, another would stay 0, also a reference. */
static bool are_places_right(const struct reader *r, const struct interp_codec_node *node)
{
    uint64_t taken[INTERP_FIELDS_MAX / 64 + 1] = {0};
    for (uint32_t i = 0; i < node->count; i++) {
        uint32_t place = field_at(r, node, i)->place;
        if (place >= node->count || taken[place / 64] >> place % 64 & 1)
            return false;
        taken[place / 64] |= UINT64_C(1) << place % 64;
    }
    return true;
}

/* A record's or tuple's frame: a word for each field, then a bit for each, set when it is there. */
static enum read_outcome push_words(struct reader *r, uint32_t index, const struct interp_codec_node *node)
{
    uint32_t marks = node->kind == INTERP_CODEC_RECORD ? mark_words(node) : 0;
    bool is_variant = is_kind(r, node->type, INTERP_KIND_VARIANT);
    if ((!is_variant && !is_kind(r, node->type, INTERP_KIND_RECORD)) ||
        r->types[node->type].count != node->count || !are_places_right(r, node))
        return READ_BAD;
    enum read_outcome rc = push(r, index);
    uint64_t *words = rc == READ_ON ? interp_read_push(r, node->count + marks) : NULL;
    if (!words)
        return rc == READ_ON ? READ_FULL : rc;
    memset(words, 0, 8 * ((size_t)node->count + marks));
    return READ_ON;
}

static enum read_outcome open_record(struct reader *r, uint32_t index, const struct interp_codec_node *node)
{
    return push_words(r, index, node);
}

/* Each field of a tuple is checked here, those of records when they are met. */
static enum read_outcome open_tuple(struct reader *r, uint32_t index, const struct interp_codec_node *node)
{
    enum read_outcome rc = push_words(r, index, node);
    for (uint32_t i = 0; rc == READ_ON && i < node->count; i++) {
        const struct interp_codec_field *field = field_at(r, node, i);
        const struct interp_codec_node *of = json_codec_node(&r->codec, field->node);
        if (!of || !interp_read_fits(r, node->type, field->place, of))
            return READ_BAD;
    }
    if (rc == READ_ON && node->count > 0)
        r->s.want = field_at(r, node, 0)->node;
    return rc;
}

static enum read_outcome open_list(struct reader *r, uint32_t index, const struct interp_codec_node *node)
{
    const struct interp_codec_node *of = json_codec_node(&r->codec, node->first);
    if (!of || !is_kind(r, node->type, INTERP_KIND_LIST) || r->types[node->type].of != interp_read_given(of))
        return READ_BAD;
    enum read_outcome rc = push(r, index);
    if (rc == READ_ON)
        r->s.want = node->first;
    return rc;
}

static enum read_outcome open_map(struct reader *r, uint32_t index, const struct interp_codec_node *node)
{
    const struct interp_codec_node *of = json_codec_node(&r->codec, node->first);
    if (!of || !is_kind(r, node->type, INTERP_KIND_MAP) || r->types[node->type].of != interp_read_given(of) ||
        r->types[node->type].key != r->run->image->str_type)
        return READ_BAD;
    return push(r, index);
}

/* ---- texts -------------------------------------------------------------------------------- */

static enum read_outcome stage_done(struct reader *r)
{
    uint32_t made = r->s.made;
    r->s.stage = READ_NO_STAGE;
    if (r->s.scan.is_name && r->s.depth > 0 && node_of(r, top(r))->kind == INTERP_CODEC_MAP &&
        r->s.want == READ_NOTHING)
        return deliver_word(r, made, node_of(r, top(r))->first);
    return deliver(r, made);
}

static enum read_outcome go_on_text(struct reader *r)
{
    struct vk_span from = vk_span(r->text.ptr + r->s.from, r->s.len);
    if (r->s.copied)
        from = interp_text(r->run, r->s.copied);
    uint8_t *to = r->run->heap + interp_text_off(r->s.made);
    bool is_text = r->s.stage == READ_TEXT;
    size_t before = r->s.pass.in;
    int rc = is_text ? interp_json_unescape(&r->s.pass, from, to, (size_t)r->left)
                     : interp_base64_decode(&r->s.pass, from, to, (size_t)r->left);
    r->left -= (int64_t)(r->s.pass.in - before);
    if (rc == -VK_EAGAIN)
        return READ_AGAIN;
    if (rc)
        return other(r, INTERP_CODEC_BYTES, INTERP_JSON_STRING);
    return stage_done(r);
}

/* A string, or a name, of the text as a Str. */
static enum read_outcome take_text(struct reader *r)
{
    struct vk_span from = token_span(r);
    size_t len = r->s.scan.plain_len;
    uint32_t ref = interp_read_make(r, interp_text_bytes(len), r->run->image->str_type, (uint32_t)len);
    if (!ref)
        return READ_FULL;
    r->s.made = ref;
    r->s.copied = 0;
    if (from.len == len && len <= LONG_BYTES) {
        vk_copy(r->run->heap + interp_text_off(ref), from.ptr, len);
        return stage_done(r);
    }
    r->s.stage = READ_TEXT;
    r->s.from = r->s.scan.start;
    r->s.len = from.len;
    r->s.pass = (struct interp_pass){0};
    return READ_ON;
}

/* Bytes that base64 of that length stands for; padding is at most two bytes. */
static size_t decoded_len(struct vk_span text)
{
    size_t pad = 0;
    while (pad < 2 && pad < text.len && text.ptr[text.len - 1 - pad] == '=')
        pad++;
    return text.len / 4 * 3 - (text.len >= 4 ? pad : 0);
}

/* Some write the slash of base64 as an escape: such a string is copied out first, at once. */
static bool copy_out(struct reader *r, struct vk_span from)
{
    size_t len = r->s.scan.plain_len;
    struct interp_pass pass = {0};
    r->s.copied = interp_read_make(r, interp_text_bytes(len), r->run->image->str_type, (uint32_t)len);
    if (r->s.copied)
        (void)interp_json_unescape(&pass, from, r->run->heap + interp_text_off(r->s.copied), from.len + 1);
    r->left -= (int64_t)from.len;
    return r->s.copied != 0;
}

static enum read_outcome take_bytes(struct reader *r)
{
    struct vk_span from = token_span(r);
    r->s.copied = 0;
    if (r->s.scan.plain_len != from.len) {
        if (!copy_out(r, from))
            return READ_FULL;
        from = interp_text(r->run, r->s.copied);
    }
    if (from.len % 4 != 0)
        return other(r, INTERP_CODEC_BYTES, INTERP_JSON_STRING);
    size_t len = decoded_len(from);
    uint32_t ref = interp_read_make(r, interp_text_bytes(len), r->run->image->bytes_type, (uint32_t)len);
    if (!ref)
        return READ_FULL;
    r->s.made = ref;
    r->s.stage = READ_BYTES;
    r->s.from = r->s.scan.start;
    r->s.len = from.len;
    r->s.pass = (struct interp_pass){0};
    return READ_ON;
}

/* ---- scalars ------------------------------------------------------------------------------- */

static enum read_outcome take_int(struct reader *r, enum interp_json_token token)
{
    int64_t value;
    if (token != INTERP_JSON_INT)
        return other(r, INTERP_CODEC_INT, token);
    if (interp_int_parse(token_span(r), &value))
        return interp_read_mismatch(r, VK_SPAN_LIT("the number does not fit an Int"));
    return deliver(r, (uint64_t)value);
}

static enum read_outcome take_float(struct reader *r, enum interp_json_token token)
{
    union interp_word word;
    if (token != INTERP_JSON_INT && token != INTERP_JSON_FLOAT)
        return other(r, INTERP_CODEC_FLOAT, token);
    if (interp_float_parse(token_span(r), &word.f))
        return interp_read_mismatch(r, VK_SPAN_LIT("the number does not fit a Float"));
    return deliver(r, word.u);
}

static enum read_outcome take_duration(struct reader *r, enum interp_json_token token)
{
    int64_t ns;
    if (token != INTERP_JSON_INT && token != INTERP_JSON_FLOAT)
        return other(r, INTERP_CODEC_DURATION, token);
    if (interp_ms_parse(token_span(r), &ns))
        return interp_read_mismatch(r, VK_SPAN_LIT("the number does not fit a Duration"));
    return deliver(r, (uint64_t)ns);
}

/* The field of that name; the one expected first, since most texts keep the order. */
static uint32_t find_field(const struct reader *r, const struct interp_codec_node *node, uint32_t first)
{
    struct vk_span text = token_span(r);
    bool is_plain = text.len == r->s.scan.plain_len;
    for (uint32_t i = 0, at = first; i < node->count; i++, at++) {
        at = at < node->count ? at : 0;
        const struct interp_codec_field *field = field_at(r, node, at);
        if (field->name_len != r->s.scan.plain_len)
            continue;
        struct vk_span name = json_codec_name(&r->codec, field);
        if (is_plain ? vk_span_equal(name, text) : interp_json_equal(text, name))
            return at;
    }
    return READ_NOTHING;
}

static enum read_outcome no_variant(struct reader *r)
{
    uint8_t text[96];
    struct vk_out out;
    struct vk_span name = token_span(r);
    vk_out_init(&out, text, sizeof text);
    if (name.len <= 64)
        vk_out_fmt(&out, "there is no variant %.*s", (int)name.len, (const char *)name.ptr);
    else
        VK_OUT_LIT(&out, "there is no such variant");
    return interp_read_mismatch(r, vk_out_span(&out));
}

/* The name of a variant without payload. */
static enum read_outcome take_choice(struct reader *r, const struct interp_codec_node *node,
                                     enum interp_json_token token)
{
    if (token != INTERP_JSON_STRING)
        return other(r, (enum interp_codec_kind)node->kind, token);
    uint32_t tag = find_field(r, node, 0);
    if (tag == READ_NOTHING)
        return no_variant(r);
    if (node->kind == INTERP_CODEC_CHOICE)
        return deliver(r, tag);
    if (field_at(r, node, tag)->node != INTERP_CODEC_NOTHING)
        return interp_read_mismatch(r, VK_SPAN_LIT("the variant holds something: write it as an object"));
    uint16_t type = interp_read_variant(r, node->type, tag);
    if (type == 0 || r->types[type].count != 0)
        return READ_BAD;
    uint32_t ref = interp_read_make_object(r, type, NULL);
    return ref ? deliver(r, ref) : READ_FULL;
}

/* ---- values -------------------------------------------------------------------------------- */

static enum read_outcome take_value(struct reader *r, uint32_t index, enum interp_json_token token);

/* A variant of Json; numbers that fit no Int are Floats. */
static enum read_outcome take_dynamic(struct reader *r, uint32_t index, const struct interp_codec_node *node,
                                      enum interp_json_token token)
{
    static const uint8_t tags[] = {
        [INTERP_JSON_OBJECT] = INTERP_JSON_TAG_MAP,  [INTERP_JSON_ARRAY] = INTERP_JSON_TAG_LIST,
        [INTERP_JSON_STRING] = INTERP_JSON_TAG_STR,  [INTERP_JSON_INT] = INTERP_JSON_TAG_INT,
        [INTERP_JSON_FLOAT] = INTERP_JSON_TAG_FLOAT, [INTERP_JSON_TRUE] = INTERP_JSON_TAG_BOOL,
        [INTERP_JSON_FALSE] = INTERP_JSON_TAG_BOOL,  [INTERP_JSON_NULL] = INTERP_JSON_TAG_NULL,
    };
    uint32_t tag = tags[token];
    int64_t value;
    if (tag == INTERP_JSON_TAG_INT && interp_int_parse(token_span(r), &value))
        tag = INTERP_JSON_TAG_FLOAT;
    uint16_t type = interp_read_variant(r, node->type, tag);
    if (type == 0 || node->count != INTERP_JSON_TAGS)
        return READ_BAD;
    if (tag == INTERP_JSON_TAG_NULL) {
        uint32_t ref = r->types[type].count == 0 ? interp_read_make_object(r, type, NULL) : 0;
        return ref ? deliver(r, ref) : r->types[type].count ? READ_BAD : READ_FULL;
    }
    uint32_t inner = field_at(r, node, tag)->node;
    const struct interp_codec_node *of = json_codec_node(&r->codec, inner);
    if (!of || of->kind == INTERP_CODEC_JSON || r->types[type].count != 1 ||
        !interp_read_fits(r, type, 0, of))
        return READ_BAD;
    enum read_outcome rc = push(r, index);
    if (rc != READ_ON)
        return rc;
    top(r)->at = tag;
    return take_value(r, inner, token);
}

static enum read_outcome take_none(struct reader *r, const struct interp_codec_node *node)
{
    if (node->kind == INTERP_CODEC_OPTION)
        return deliver(r, 0);
    uint16_t type = interp_read_variant(r, node->type, 1u - field_at(r, node, 0)->place);
    if (type == 0 || r->types[type].count != 0)
        return READ_BAD;
    uint32_t ref = interp_read_make_object(r, type, NULL);
    return ref ? deliver(r, ref) : READ_FULL;
}

static enum read_outcome take_option(struct reader *r, uint32_t index, const struct interp_codec_node *node,
                                     enum interp_json_token token)
{
    bool is_opt = node->kind == INTERP_CODEC_OPTION;
    uint32_t inner = is_opt ? node->first : node->count ? field_at(r, node, 0)->node : INTERP_CODEC_NOTHING;
    const struct interp_codec_node *of = json_codec_node(&r->codec, inner);
    if (!of || of->kind == INTERP_CODEC_RESULT)
        return READ_BAD;
    if (is_opt && (!is_kind(r, node->type, INTERP_KIND_OPT) || of->kind == INTERP_CODEC_OPTION ||
                   r->types[node->type].of != interp_read_given(of)))
        return READ_BAD;
    if (!is_opt) {
        uint16_t some = interp_read_variant(r, node->type, field_at(r, node, 0)->place);
        if (some == 0 || r->types[some].count != 1 || !interp_read_fits(r, some, 0, of))
            return READ_BAD;
    }
    if (token == INTERP_JSON_NULL)
        return take_none(r, node);
    enum read_outcome rc = is_opt ? READ_ON : push(r, index);
    return rc == READ_ON ? take_value(r, inner, token) : rc;
}

static enum read_outcome take_open(struct reader *r, uint32_t index, const struct interp_codec_node *node,
                                   enum interp_json_token token)
{
    bool is_array = node->kind == INTERP_CODEC_LIST || node->kind == INTERP_CODEC_TUPLE;
    if (token != (is_array ? INTERP_JSON_ARRAY : INTERP_JSON_OBJECT))
        return other(r, (enum interp_codec_kind)node->kind, token);
    switch (node->kind) {
    case INTERP_CODEC_LIST:
        return open_list(r, index, node);
    case INTERP_CODEC_TUPLE:
        return open_tuple(r, index, node);
    case INTERP_CODEC_MAP:
        return open_map(r, index, node);
    case INTERP_CODEC_RECORD:
        return open_record(r, index, node);
    default:
        return push(r, index);
    }
}

static enum read_outcome take_value(struct reader *r, uint32_t index, enum interp_json_token token)
{
    const struct interp_codec_node *node = json_codec_node(&r->codec, index);
    if (!node)
        return READ_BAD;
    switch (node->kind) {
    case INTERP_CODEC_INT:
        return take_int(r, token);
    case INTERP_CODEC_FLOAT:
        return take_float(r, token);
    case INTERP_CODEC_BOOL:
        if (token != INTERP_JSON_TRUE && token != INTERP_JSON_FALSE)
            return other(r, INTERP_CODEC_BOOL, token);
        return deliver(r, token == INTERP_JSON_TRUE);
    case INTERP_CODEC_DURATION:
        return take_duration(r, token);
    case INTERP_CODEC_NIL:
        return token == INTERP_JSON_NULL ? deliver(r, 0) : other(r, INTERP_CODEC_NIL, token);
    case INTERP_CODEC_CHOICE:
        return take_choice(r, node, token);
    case INTERP_CODEC_STR:
        if (node->type != r->run->image->str_type)
            return READ_BAD;
        return token == INTERP_JSON_STRING ? take_text(r) : other(r, INTERP_CODEC_STR, token);
    case INTERP_CODEC_BYTES:
        if (node->type != r->run->image->bytes_type)
            return READ_BAD;
        return token == INTERP_JSON_STRING ? take_bytes(r) : other(r, INTERP_CODEC_BYTES, token);
    case INTERP_CODEC_OPTION:
    case INTERP_CODEC_MAYBE:
        return take_option(r, index, node, token);
    case INTERP_CODEC_JSON:
        return take_dynamic(r, index, node, token);
    case INTERP_CODEC_ENUM:
        return token == INTERP_JSON_STRING ? take_choice(r, node, token) : take_open(r, index, node, token);
    case INTERP_CODEC_LIST:
    case INTERP_CODEC_MAP:
    case INTERP_CODEC_RECORD:
    case INTERP_CODEC_TUPLE:
        return take_open(r, index, node, token);
    default:
        return READ_BAD;
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

static enum read_outcome name_of_record(struct reader *r, struct read_frame *f,
                                        const struct interp_codec_node *node)
{
    uint32_t at = find_field(r, node, f->at);
    if (at == READ_NOTHING) {
        r->s.is_skipping = true;
        r->s.skips = 0;
        return READ_ON;
    }
    const struct interp_codec_field *field = field_at(r, node, at);
    const struct interp_codec_node *of = json_codec_node(&r->codec, field->node);
    uint64_t *marks = interp_read_words(r, f->base) + node->count + at / 64, bit = UINT64_C(1) << at % 64;
    f->at = at;
    f->state = READ_IN_FIELD;
    if (*marks & bit)
        return interp_read_mismatch(r, VK_SPAN_LIT("the name stands twice"));
    if (!of || !interp_read_fits(r, node->type, field->place, of))
        return READ_BAD;
    *marks |= bit;
    f->met++;
    r->s.want = field->node;
    return READ_ON;
}

static enum read_outcome name_of_enum(struct reader *r, struct read_frame *f,
                                      const struct interp_codec_node *node)
{
    if (f->state != READ_OPEN)
        return interp_read_mismatch(r, VK_SPAN_LIT("expected one variant, found a second name"));
    uint32_t tag = find_field(r, node, 0), payload;
    if (tag == READ_NOTHING)
        return no_variant(r);
    payload = field_at(r, node, tag)->node;
    if (payload == INTERP_CODEC_NOTHING)
        return interp_read_mismatch(r, VK_SPAN_LIT("the variant holds nothing: write its name as a string"));
    const struct interp_codec_node *of = json_codec_node(&r->codec, payload);
    if (!of || of->type == 0 || of->type != interp_read_variant(r, node->type, tag))
        return READ_BAD;
    f->at = tag;
    f->state = READ_IN_FIELD;
    if (of->kind != INTERP_CODEC_ONE) {
        r->s.want = payload;
        return of->kind == INTERP_CODEC_RECORD || of->kind == INTERP_CODEC_TUPLE ? READ_ON : READ_BAD;
    }
    const struct interp_codec_node *inner = json_codec_node(&r->codec, field_at(r, of, 0)->node);
    if (of->count != 1 || !inner || r->types[of->type].count != 1 || !interp_read_fits(r, of->type, 0, inner))
        return READ_BAD;
    enum read_outcome rc = push(r, payload);
    if (rc == READ_ON)
        r->s.want = field_at(r, of, 0)->node;
    return rc;
}

static enum read_outcome take_name(struct reader *r)
{
    struct read_frame *f = top(r);
    const struct interp_codec_node *node = node_of(r, f);
    switch (node->kind) {
    case INTERP_CODEC_RECORD:
        return name_of_record(r, f, node);
    case INTERP_CODEC_MAP:
        return take_text(r);
    default:
        return name_of_enum(r, f, node);
    }
}

/* ---- ends -------------------------------------------------------------------------------------- */

/* The fields that were not there: None where that is a value, else the error. */
static enum read_outcome fill_fields(struct reader *r, struct read_frame *f,
                                     const struct interp_codec_node *node)
{
    for (uint32_t i = 0; i < node->count; i++) {
        const struct interp_codec_field *field = field_at(r, node, i);
        const struct interp_codec_node *of = json_codec_node(&r->codec, field->node);
        uint64_t *words = interp_read_words(r, f->base);
        if (words[node->count + i / 64] >> i % 64 & 1)
            continue;
        f->at = i;
        f->state = READ_IN_FIELD;
        if (!of || !interp_read_fits(r, node->type, field->place, of))
            return READ_BAD;
        if (of->kind != INTERP_CODEC_OPTION && of->kind != INTERP_CODEC_MAYBE)
            return interp_read_mismatch(r, VK_SPAN_LIT("the field is missing"));
        enum read_outcome rc = take_none(r, of); /* delivers it to this frame */
        if (rc != READ_ON)
            return rc;
    }
    return READ_ON;
}

static enum read_outcome end_record(struct reader *r, struct read_frame *f,
                                    const struct interp_codec_node *node)
{
    enum read_outcome rc = f->met < node->count ? fill_fields(r, f, node) : READ_ON;
    return rc == READ_ON ? close_words(r, node->type) : rc;
}

static enum read_outcome begin_items(struct reader *r, uint16_t type)
{
    uint64_t len = r->s.count - top(r)->base;
    uint32_t ref = interp_read_make(r, interp_list_bytes(len), type, (uint32_t)len);
    if (!ref)
        return READ_FULL;
    ((struct interp_list *)(void *)(r->run->heap + ref))->len = len;
    r->s.made = ref;
    r->s.stage = READ_ITEMS;
    r->s.pass = (struct interp_pass){0};
    return interp_read_go_on(r);
}

static enum read_outcome begin_entries(struct reader *r, uint16_t type)
{
    uint64_t len = (r->s.count - top(r)->base) / 2;
    uint32_t ref = interp_read_make(r, interp_map_bytes(len), type, (uint32_t)len);
    if (!ref)
        return READ_FULL;
    interp_map_clear(r->run, ref);
    r->s.made = ref;
    r->s.stage = READ_ENTRIES;
    r->s.pass = (struct interp_pass){0};
    return interp_read_go_on(r);
}

static enum read_outcome take_end(struct reader *r)
{
    struct read_frame *f = top(r);
    const struct interp_codec_node *node = node_of(r, f);
    switch (node->kind) {
    case INTERP_CODEC_LIST:
        return begin_items(r, node->type);
    case INTERP_CODEC_MAP:
        return begin_entries(r, node->type);
    case INTERP_CODEC_RECORD:
        return end_record(r, f, node);
    case INTERP_CODEC_TUPLE:
        if (f->at < node->count)
            return interp_read_mismatch(r, VK_SPAN_LIT("the array has too few items"));
        return close_words(r, node->type);
    default: {
        if (f->state != READ_HAS_VALUE)
            return other(r, INTERP_CODEC_ENUM, INTERP_JSON_OBJECT);
        uint64_t word = *interp_read_words(r, f->base);
        r->s.count = f->base;
        r->s.depth--;
        return deliver(r, word);
    }
    }
}

/* ---- stages ------------------------------------------------------------------------------------- */

static enum read_outcome close_made(struct reader *r)
{
    r->s.stage = READ_NO_STAGE;
    r->s.count = top(r)->base;
    r->s.depth--;
    return deliver(r, r->s.made);
}

static enum read_outcome go_on_items(struct reader *r)
{
    struct interp_list *list = (void *)(r->run->heap + r->s.made);
    uint64_t left = list->len - r->s.pass.in, piece = (uint64_t)r->left / 8 + 1;
    piece = left < piece ? left : piece;
    vk_copy(list->items + r->s.pass.in, interp_read_words(r, top(r)->base) + r->s.pass.in, 8 * piece);
    r->s.pass.in += piece;
    r->left -= (int64_t)(8 * piece);
    return r->s.pass.in < list->len ? READ_AGAIN : close_made(r);
}

static enum read_outcome go_on_entries(struct reader *r)
{
    uint32_t len = (r->s.count - top(r)->base) / 2;
    for (; r->s.pass.in < len; r->s.pass.in++, r->left -= 64) {
        const uint64_t *pair = interp_read_words(r, top(r)->base) + 2 * r->s.pass.in;
        if (r->left <= 0)
            return READ_AGAIN;
        if (!interp_map_put(r->run, r->s.made, pair[0], pair[1])) {
            r->s.count = top(r)->base + 2 * (uint32_t)r->s.pass.in + 1; /* for the path: ends in that key */
            return interp_read_mismatch(r, VK_SPAN_LIT("the name stands twice"));
        }
    }
    return close_made(r);
}

enum read_outcome interp_read_go_on(struct reader *r)
{
    if (r->s.stage == READ_ITEMS)
        return go_on_items(r);
    return r->s.stage == READ_ENTRIES ? go_on_entries(r) : go_on_text(r);
}

/* ---- tokens -------------------------------------------------------------------------------------- */

static void skip(struct reader *r, enum interp_json_token token)
{
    if (token == INTERP_JSON_OBJECT || token == INTERP_JSON_ARRAY)
        r->s.skips++;
    if (token == INTERP_JSON_OBJECT_END || token == INTERP_JSON_ARRAY_END)
        r->s.skips--;
    r->s.is_skipping = r->s.skips > 0;
}

enum read_outcome interp_read_take(struct reader *r, enum interp_json_token token)
{
    if (r->s.is_skipping) {
        skip(r, token);
        return READ_ON;
    }
    switch (token) {
    case INTERP_JSON_DONE:
        r->s.is_done = true;
        return interp_read_give(r, r->s.result);
    case INTERP_JSON_OBJECT_END:
    case INTERP_JSON_ARRAY_END:
        return take_end(r);
    case INTERP_JSON_NAME:
        return take_name(r);
    default:
        if (r->s.want == READ_NOTHING) /* only a tuple that is complete is not asked for its next one */
            return interp_read_mismatch(r, VK_SPAN_LIT("the array has too many items"));
        return take_value(r, r->s.want, token);
    }
}
