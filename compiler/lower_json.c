/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (docs/language.md, section 9): values are written and read by a native
 * that is given their codec; what needs none is written by itself.
 */
#include "compiler/codec.h"

#include <string.h>

static uint32_t codec(struct vkc_fun *f, uint32_t constant)
{
    return vkc_fun_ref(f, constant, vkc_unit_bytes(f->unit), VKC_NONE);
}

static uint32_t str_native(struct vkc_fun *f, const char *native, uint32_t value, uint32_t want)
{
    return vkc_fun_native(f, native, &value, 1, vkc_unit_str(f->unit), want);
}

/* ---- writing ------------------------------------------------------------------------ */

static uint32_t choice(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want)
{
    const struct vkc_symbol *symbol = type->symbol;
    uint32_t *labels = VKC_NEW_ARRAY(f->lower->arena, uint32_t, symbol->members_count + 1);
    uint32_t end = vkc_ir_label(f->code);
    want = vkc_fun_dest(f, want, vkc_unit_str(f->unit));
    for (uint32_t i = 0; i < symbol->members_count; i++)
        labels[i] = vkc_ir_label(f->code);
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_SWITCH);
    ins->reg[0] = value;
    vkc_ir_list(f->code, ins, labels, symbol->members_count);
    vkc_ir_trap(f->code, INTERP_TRAP_VARIANT);
    for (uint32_t i = 0; i < symbol->members_count; i++) {
        struct vkc_text text = {0};
        vkc_ir_place(f->code, labels[i]);
        vkc_text_print(&text, "\"%s\"", symbol->members[i]->name->text);
        (void)vkc_fun_text(f, text.bytes, text.len, want);
        vkc_text_fini(&text);
        vkc_ir_jump(f->code, end);
    }
    vkc_ir_place(f->code, end);
    return want;
}

uint32_t vkc_fun_json(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want)
{
    switch (type->kind) {
    case VKC_TYPE_STR:
        return str_native(f, "json.quote", value, want);
    case VKC_TYPE_INT:
    case VKC_TYPE_BOOL:
        return vkc_fun_to_text(f, type, value, want);
    case VKC_TYPE_FLOAT:
        return str_native(f, "json.float", value, want);
    case VKC_TYPE_DURATION:
        return str_native(f, "json.duration", value, want);
    case VKC_TYPE_NIL:
        return vkc_fun_text(f, "null", 4, want);
    default:
        break;
    }
    if (vkc_lower_type(f->lower, type) == 0)
        return choice(f, type, value, want);
    uint32_t args[] = {value, codec(f, vkc_codec_of(f->lower, type))};
    return vkc_fun_native(f, "json.write", args, 2, vkc_unit_str(f->unit), want);
}

/* `{ name: e, name }` after json: a record that nobody declared. */
static uint32_t object(struct vkc_fun *f, const struct vkc_expr *e, struct vkc_codec_field *ret)
{
    uint32_t count = e->object.count, refs = 0, scalars = 0;
    struct vkc_codec_field *fields = VKC_NEW_ARRAY(f->lower->arena, struct vkc_codec_field, count + 1);
    uint32_t *values = VKC_NEW_ARRAY(f->lower->arena, uint32_t, count + 1);
    uint16_t words[INTERP_FIELDS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_expr *value = e->object.items[i].value, *later = NULL;
        for (uint32_t k = i + 1; k < count; k++)
            if (!vkc_is_calm(e->object.items[k].value))
                later = e->object.items[k].value;
        fields[i].name = e->object.items[i].name.name;
        if (value->kind == VKC_EXPR_OBJECT) {
            values[i] = object(f, value, &fields[i]);
            fields[i].name = e->object.items[i].name.name;
        } else {
            fields[i].type = vkc_fun_type(f, value->type);
            values[i] = vkc_expr_stable(f, value, later);
        }
        refs += f->code->values[values[i]].type != 0;
    }
    struct interp_type record = {.kind = INTERP_KIND_RECORD, .refs = (uint16_t)refs};
    uint32_t at_refs = 0;
    for (uint32_t i = 0; i < count; i++) {
        /* A value may be of a variant where its type's enum is meant: the field is of what the codec says. */
        uint16_t entry = fields[i].type ? vkc_lower_type(f->lower, fields[i].type) : fields[i].entry;
        fields[i].place = entry != 0 ? at_refs++ : refs + scalars++;
        words[fields[i].place] = entry;
    }
    uint16_t entry = vkc_unit_type(f->unit, record, words, count);
    *ret = (struct vkc_codec_field){.fields = fields, .count = count, .entry = entry};
    return vkc_fun_new(f, entry, values, count, VKC_NONE);
}

uint32_t vkc_expr_json(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    const struct vkc_expr *value = e->json.value;
    uint32_t text;
    if (value->kind == VKC_EXPR_OBJECT) {
        struct vkc_codec_field whole;
        uint32_t record = object(f, value, &whole);
        uint32_t constant = vkc_codec_object(f->lower, whole.entry, whole.fields, whole.count);
        uint32_t args[] = {record, codec(f, constant)};
        text = vkc_fun_native(f, "json.write", args, 2, vkc_unit_str(f->unit), VKC_NONE);
    } else {
        text = vkc_fun_json(f, vkc_fun_type(f, value->type), vkc_expr_value(f, value, VKC_NONE), VKC_NONE);
    }
    return vkc_fun_respond(f, "application/json", text, e->json.status ? e->json.status->number : 200, want);
}

/* ---- reading --------------------------------------------------------------------------- */

uint32_t vkc_fun_parse_json(struct vkc_fun *f, struct vkc_type *result, uint32_t text, uint32_t want)
{
    uint32_t args[] = {text, codec(f, vkc_codec_reads(f->lower, result))};
    return vkc_fun_native(f, "json.read", args, 2, vkc_lower_type(f->lower, result), want);
}

static uint32_t joined(struct vkc_fun *f, const uint32_t *parts, uint32_t count)
{
    uint32_t value = vkc_ir_value(f->code, vkc_unit_str(f->unit));
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_SCAT);
    ins->reg[0] = value;
    ins->number = count;
    vkc_ir_list(f->code, ins, parts, count);
    return value;
}

static uint32_t lit(struct vkc_fun *f, const char *text)
{
    return vkc_fun_text(f, text, strlen(text), VKC_NONE);
}

/* What a JsonError says, as a sentence. */
static void fill_error_text(struct vkc_lower *l, struct vkc_code *code, struct vkc_type *error)
{
    struct vkc_fun f;
    uint32_t value, tag = vkc_ir_value(code, 0), len = vkc_ir_value(code, 0);
    uint32_t mismatch = vkc_ir_label(code), whole = vkc_ir_label(code);
    struct vkc_type *number = l->checked->types.simple[VKC_TYPE_INT];
    vkc_fun_init(&f, l, code);
    vkc_fun_params(&f, &value);
    vkc_ir_op2(code, INTERP_OP_TAG, tag, value);
    vkc_ir_branch_imm(code, INTERP_OP_JNEI, tag, 0, mismatch);
    uint32_t at = vkc_fun_payload(&f, error, 0, 0, value, VKC_NONE);
    uint32_t malformed[] = {lit(&f, "malformed JSON: "), vkc_fun_payload(&f, error, 0, 1, value, VKC_NONE),
                            lit(&f, " at byte "), vkc_fun_to_text(&f, number, at, VKC_NONE)};
    vkc_fun_return(&f, joined(&f, malformed, 4));
    vkc_ir_place(code, mismatch);
    uint32_t path = vkc_fun_payload(&f, error, 1, 0, value, VKC_NONE);
    uint32_t what = vkc_fun_payload(&f, error, 1, 1, value, VKC_NONE);
    vkc_ir_op2(code, INTERP_OP_SLEN, len, path);
    vkc_ir_branch_imm(code, INTERP_OP_JEQI, len, 0, whole);
    uint32_t parts[] = {path, lit(&f, ": "), what};
    vkc_fun_return(&f, joined(&f, parts, 3));
    vkc_ir_place(code, whole);
    vkc_fun_return(&f, what);
}

static uint32_t error_text(struct vkc_fun *f, struct vkc_type *error, uint32_t value)
{
    struct vkc_code *code = NULL;
    uint16_t entry = vkc_lower_type(f->lower, error);
    uint16_t signature = vkc_unit_fn(f->unit, &entry, 1, vkc_unit_str(f->unit));
    uint32_t made = vkc_lower_made(f->lower, VKC_MADE_JSON, error->id, "JsonError", signature, &code);
    if (code)
        fill_error_text(f->lower, code, error);
    return vkc_fun_call(f, made, &value, 1, VKC_NONE);
}

/* What a text that is no T does: 400 and the end of the process, or a trap. */
uint32_t vkc_fun_expect_json(struct vkc_fun *f, struct vkc_type *type, uint32_t text, bool is_request,
                             uint32_t want)
{
    struct vkc_checked *checked = f->lower->checked;
    struct vkc_type *error = vkc_type_make(&checked->types, VKC_TYPE_NAMED, checked->json_error, NULL, 0);
    struct vkc_type *args[] = {type, error};
    struct vkc_type *result = vkc_type_make(&checked->types, VKC_TYPE_NAMED, checked->result, args, 2);
    uint32_t ok = vkc_name_is(result->symbol->members[0]->name, "Ok") ? 0 : 1;
    uint32_t tag = vkc_ir_value(f->code, 0), fine = vkc_ir_label(f->code);
    uint32_t value = vkc_fun_parse_json(f, result, text, VKC_NONE);
    vkc_ir_op2(f->code, INTERP_OP_TAG, tag, value);
    vkc_ir_branch_imm(f->code, INTERP_OP_JEQI, tag, ok, fine);
    uint32_t why = error_text(f, error, vkc_fun_payload(f, result, 1 - ok, 0, value, VKC_NONE));
    if (is_request)
        vkc_fun_refuse(f, why);
    else
        vkc_ir_op1(f->code, INTERP_OP_FAIL, why);
    vkc_ir_place(f->code, fine);
    return vkc_fun_payload(f, result, ok, 0, value, want);
}

/* ---- the dynamic type --------------------------------------------------------------------- */

/* The payload of a Json that is of that variant; else to `other`. */
static uint32_t payload_of(struct vkc_fun *f, struct vkc_type *json, enum interp_json_tag variant,
                           uint32_t value, uint32_t other)
{
    uint32_t tag = vkc_ir_value(f->code, 0);
    vkc_ir_op2(f->code, INTERP_OP_TAG, tag, value);
    vkc_ir_branch_imm(f->code, INTERP_OP_JNEI, tag, variant, other);
    return vkc_fun_payload(f, json, variant, 0, value, VKC_NONE);
}

void vkc_fun_json_item(struct vkc_fun *f, struct vkc_type *json, uint32_t value, uint32_t at, uint32_t none,
                       uint32_t result)
{
    bool is_key = f->code->values[at].type != 0;
    uint32_t inner = payload_of(f, json, is_key ? INTERP_JSON_TAG_MAP : INTERP_JSON_TAG_LIST, value, none);
    uint32_t found = vkc_ir_value(f->code, 0);
    if (is_key) {
        vkc_ir_op3(f->code, INTERP_OP_MFIND, found, inner, at);
        vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, found, 0, none);
        vkc_ir_op3(f->code, INTERP_OP_MVAL, result, inner, found);
    } else {
        vkc_ir_op2(f->code, INTERP_OP_LLEN, found, inner);
        vkc_ir_branch(f->code, INTERP_OP_JGE, at, found, none);
        vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, at, 0, none);
        vkc_ir_op3(f->code, INTERP_OP_LGETR, result, inner, at);
    }
}

uint32_t vkc_fun_json_index(struct vkc_fun *f, struct vkc_type *json, uint32_t value, uint32_t at,
                            uint32_t want)
{
    uint32_t none = vkc_ir_label(f->code), end = vkc_ir_label(f->code), result = vkc_fun_fresh(f, json);
    vkc_fun_json_item(f, json, value, at, none, result);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, none);
    vkc_ir_trap(f->code, f->code->values[at].type != 0 ? INTERP_TRAP_KEY : INTERP_TRAP_INDEX);
    vkc_ir_place(f->code, end);
    if (want == VKC_NONE)
        return result;
    vkc_ir_move(f->code, want, result);
    return want;
}

uint32_t vkc_fun_json_get(struct vkc_fun *f, struct vkc_type *json, struct vkc_type *option, uint32_t value,
                          uint32_t key)
{
    uint32_t none = vkc_ir_label(f->code);
    uint32_t item = vkc_fun_fresh(f, json);
    vkc_fun_json_item(f, json, value, key, none, item);
    return vkc_fun_some_or_none(f, option, item, none);
}
