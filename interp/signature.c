/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/signature.h"

/* ---- text ---------------------------------------------------------------------- */

struct reader {
    struct vk_span left;
    bool is_bad;
};

static void skip_blanks(struct reader *r)
{
    while (r->left.len > 0 && r->left.ptr[0] == ' ')
        r->left = vk_span_skip(r->left, 1);
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Takes the word or sign if it stands here; a word as a whole. */
static bool take(struct reader *r, const char *text)
{
    struct vk_span word = vk_span_text(text);
    skip_blanks(r);
    if (!vk_span_starts_with(r->left, word))
        return false;
    if (is_letter(word.ptr[0]) && r->left.len > word.len && is_letter(r->left.ptr[word.len]))
        return false;
    r->left = vk_span_skip(r->left, word.len);
    return true;
}

static void expect(struct reader *r, const char *text)
{
    if (!take(r, text))
        r->is_bad = true;
}

static uint8_t read_base(struct reader *r)
{
    static const char *const names[INTERP_HOST_BASES] = {
        [INTERP_HOST_INT] = "Int",   [INTERP_HOST_FLOAT] = "Float",
        [INTERP_HOST_BOOL] = "Bool", [INTERP_HOST_DURATION] = "Duration",
        [INTERP_HOST_STR] = "Str",   [INTERP_HOST_BYTES] = "Bytes",
        [INTERP_HOST_NIL] = "Nil"};
    for (uint8_t i = 0; i < INTERP_HOST_BASES; i++)
        if (take(r, names[i]))
            return i;
    r->is_bad = true;
    return 0;
}

/* A base, T? or List<T>. */
static uint8_t read_plain(struct reader *r)
{
    bool is_list = take(r, "List");
    if (is_list)
        expect(r, "<");
    uint8_t code = read_base(r);
    if (is_list)
        expect(r, ">");
    bool is_option = !is_list && take(r, "?");
    if (code == INTERP_HOST_NIL && (is_list || is_option))
        r->is_bad = true;
    return (uint8_t)(code | (is_list ? INTERP_HOST_LIST : 0) | (is_option ? INTERP_HOST_OPTION : 0));
}

static uint8_t read_result(struct reader *r)
{
    if (!take(r, "->"))
        return INTERP_HOST_NIL;
    if (!take(r, "Result"))
        return read_plain(r);
    expect(r, "<");
    uint8_t code = read_plain(r);
    expect(r, ",");
    expect(r, "Str");
    expect(r, ">");
    return (uint8_t)(code | INTERP_HOST_RESULT);
}

static void read_params(struct reader *r, struct interp_signature *signature)
{
    expect(r, "(");
    if (take(r, ")"))
        return;
    do {
        uint8_t code = read_plain(r);
        if (code == INTERP_HOST_NIL || signature->count == INTERP_HOST_PARAMS_MAX)
            r->is_bad = true;
        else
            signature->params[signature->count++] = code;
    } while (!r->is_bad && take(r, ","));
    expect(r, ")");
}

bool interp_signature_read(struct vk_span text, struct interp_signature *ret_signature)
{
    struct reader r = {.left = text};
    *ret_signature = (struct interp_signature){0};
    expect(&r, "fn");
    read_params(&r, ret_signature);
    ret_signature->result = read_result(&r);
    skip_blanks(&r);
    return !r.is_bad && r.left.len == 0;
}

bool interp_signature_is_equal(const struct interp_signature *a, const struct interp_signature *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- types ----------------------------------------------------------------------- */

bool interp_signature_is_ref(uint8_t code)
{
    uint32_t base = INTERP_HOST_BASE(code);
    return base == INTERP_HOST_STR || base == INTERP_HOST_BYTES || code > INTERP_HOST_BASE(code);
}

static bool fits_base(const struct interp_module *m, uint32_t base, uint16_t type)
{
    if (base == INTERP_HOST_STR || base == INTERP_HOST_BYTES)
        return m->types[type].kind == (base == INTERP_HOST_STR ? INTERP_KIND_STR : INTERP_KIND_BYTES);
    return type == 0;
}

static const struct interp_type *variant_of(const struct interp_module *m, uint16_t type, uint32_t tag)
{
    return &m->types[m->type_words[m->types[type].first + tag]];
}

static bool is_pair(const struct interp_module *m, uint16_t type, uint32_t first_count, uint32_t second_count)
{
    return m->types[type].kind == INTERP_KIND_ENUM && m->types[type].count == 2 &&
           variant_of(m, type, 0)->count == first_count && variant_of(m, type, 1)->count == second_count;
}

static uint16_t payload_of(const struct interp_module *m, uint16_t type, uint32_t tag)
{
    return m->type_words[variant_of(m, type, tag)->first];
}

/* An Option of a reference is an OPT, of a scalar an enum: Some, None. */
static bool fits_plain(const struct interp_module *m, uint8_t code, uint16_t type)
{
    uint32_t base = INTERP_HOST_BASE(code);
    if (code & INTERP_HOST_LIST)
        return m->types[type].kind == INTERP_KIND_LIST && fits_base(m, base, m->types[type].of);
    if (!(code & INTERP_HOST_OPTION))
        return fits_base(m, base, type);
    if (m->types[type].kind == INTERP_KIND_OPT)
        return m->types[type].of != 0 && fits_base(m, base, m->types[type].of);
    return is_pair(m, type, 1, 0) && payload_of(m, type, 0) == 0 && fits_base(m, base, 0);
}

/* A Result is an enum: Ok, Err. */
static bool fits_result(const struct interp_module *m, uint8_t code, uint16_t type)
{
    if (code == INTERP_HOST_NIL || type == INTERP_TYPE_NONE)
        return code == INTERP_HOST_NIL && type == INTERP_TYPE_NONE;
    if (!(code & INTERP_HOST_RESULT))
        return fits_plain(m, code, type);
    return is_pair(m, type, 1, 1) && fits_plain(m, INTERP_HOST_WITHIN(code), payload_of(m, type, 0)) &&
           fits_base(m, INTERP_HOST_STR, payload_of(m, type, 1));
}

bool interp_signature_fits(const struct interp_module *module, const struct interp_signature *signature,
                           uint16_t fn)
{
    const struct interp_type *type = &module->types[fn];
    const uint16_t *words = module->type_words + type->first;
    uint32_t refs = 0, scalars = type->refs;
    if (type->count != signature->count)
        return false;
    for (uint32_t i = 0; i < signature->count; i++) {
        bool is_ref = interp_signature_is_ref(signature->params[i]);
        if (is_ref ? refs == type->refs : scalars == type->count)
            return false;
        if (!fits_plain(module, signature->params[i], words[is_ref ? refs++ : scalars++]))
            return false;
    }
    return fits_result(module, signature->result, type->of);
}
