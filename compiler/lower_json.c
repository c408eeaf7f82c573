/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as JSON: for each type a function that gives its text
 * (docs/language.md, section 9). Scalars and texts need no function.
 */
#include "compiler/lower_impl.h"

#include <string.h>

static uint32_t lit(struct vkc_fun *f, const char *text)
{
    return vkc_fun_text(f, text, strlen(text), VKC_NONE);
}

static uint32_t joined(struct vkc_fun *f, const uint32_t *parts, uint32_t count, uint32_t want)
{
    want = vkc_fun_dest(f, want, vkc_unit_str(f->unit));
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_SCAT);
    ins->reg[0] = want;
    ins->number = count;
    vkc_ir_list(f->code, ins, parts, count);
    return want;
}

static uint32_t str_native(struct vkc_fun *f, const char *native, uint32_t value, uint32_t want)
{
    return vkc_fun_native(f, native, &value, 1, vkc_unit_str(f->unit), want);
}

/* "name": with what stands before it. Names of the program need no escapes. */
static uint32_t key(struct vkc_fun *f, const char *before, const struct vkc_name *name)
{
    struct vkc_text text = {0};
    vkc_text_print(&text, "%s\"%s\":", before, name->text);
    uint32_t value = vkc_fun_text(f, text.bytes, text.len, VKC_NONE);
    vkc_text_fini(&text);
    return value;
}

static bool is_option(struct vkc_fun *f, struct vkc_type *type)
{
    return vkc_type_option(f->lower->checked, type) != NULL;
}

/* Appends `"name":value` to the text in `out`; an Option that is None is left out. */
static void field(struct vkc_fun *f, uint32_t out, uint32_t comma, const struct vkc_name *name,
                  struct vkc_type *type, uint32_t value)
{
    uint32_t skip = vkc_ir_label(f->code);
    if (is_option(f, type))
        vkc_jump_some(f, type, value, false, skip);
    uint32_t parts[] = {out, comma, key(f, "", name), vkc_fun_json(f, type, value, VKC_NONE)};
    (void)joined(f, parts, 4, out);
    (void)vkc_fun_text(f, ",", 1, comma);
    vkc_ir_place(f->code, skip);
}

/* The fields of a record or payload as an object. */
static uint32_t object(struct vkc_fun *f, const struct vkc_symbol *owner, struct vkc_type *of, uint32_t value)
{
    uint32_t out = lit(f, "{"), comma = lit(f, "");
    for (uint32_t i = 0; i < owner->slots_count; i++) {
        struct vkc_type *type;
        uint32_t place = vkc_lower_place(f->lower, owner, of, i, &type);
        uint32_t item = vkc_fun_field(f, value, place, vkc_lower_type(f->lower, type), VKC_NONE);
        field(f, out, comma, owner->slots[i].name, type, item);
    }
    uint32_t parts[] = {out, lit(f, "}")};
    return joined(f, parts, 2, VKC_NONE);
}

/* Unnamed payloads: the one, or an array. */
static uint32_t payload(struct vkc_fun *f, const struct vkc_symbol *owner, struct vkc_type *of,
                        uint32_t value)
{
    uint32_t parts[64], count = 0;
    bool is_array = owner->slots_count > 1;
    if (owner->slots[0].name)
        return object(f, owner, of, value);
    if (is_array)
        parts[count++] = lit(f, "[");
    for (uint32_t i = 0; i < owner->slots_count; i++) {
        struct vkc_type *type;
        uint32_t place = vkc_lower_place(f->lower, owner, of, i, &type);
        uint32_t item = vkc_fun_field(f, value, place, vkc_lower_type(f->lower, type), VKC_NONE);
        if (i > 0)
            parts[count++] = lit(f, ",");
        parts[count++] = vkc_fun_json(f, type, item, VKC_NONE);
    }
    if (is_array)
        parts[count++] = lit(f, "]");
    return joined(f, parts, count, VKC_NONE);
}

static void enumeration(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    const struct vkc_symbol *symbol = type->symbol;
    bool is_json = symbol == f->lower->checked->json, is_plain = vkc_lower_type(f->lower, type) == 0;
    uint32_t tag = value;
    if (!is_plain) {
        tag = vkc_ir_value(f->code, 0);
        vkc_ir_op2(f->code, INTERP_OP_TAG, tag, value);
    }
    for (uint32_t i = 0; i < symbol->members_count; i++) {
        const struct vkc_symbol *variant = symbol->members[i];
        uint32_t next = vkc_ir_label(f->code), parts[3], own;
        vkc_ir_branch(f->code, INTERP_OP_JNE, tag, vkc_fun_number(f, i, VKC_NONE), next);
        if (variant->slots_count == 0) {
            struct vkc_text text = {0};
            vkc_text_print(&text, is_json ? "null" : "\"%s\"", variant->name->text);
            vkc_fun_return(f, vkc_fun_text(f, text.bytes, text.len, VKC_NONE));
            vkc_text_fini(&text);
        } else {
            own = vkc_ir_value(f->code, vkc_lower_variant(f->lower, type, i));
            vkc_ir_op2(f->code, INTERP_OP_CAST, own, value);
            if (!is_json)
                parts[0] = key(f, "{", variant->name);
            parts[1] = payload(f, variant, type, own);
            if (!is_json)
                parts[2] = lit(f, "}");
            vkc_fun_return(f, is_json ? parts[1] : joined(f, parts, 3, VKC_NONE));
        }
        vkc_ir_place(f->code, next);
    }
    vkc_ir_trap(f->code, INTERP_TRAP_VARIANT);
}

static void collection(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    uint16_t str = vkc_unit_str(f->unit);
    bool is_map = type->kind == VKC_TYPE_MAP;
    uint32_t texts = vkc_fun_list(f, vkc_unit_list(f->unit, str), 0), head = vkc_ir_label(f->code);
    uint32_t end = vkc_ir_label(f->code), item = vkc_fun_fresh(f, type->args[is_map]), text;
    if (is_map) {
        uint32_t at = vkc_fun_number(f, -1, VKC_NONE), name = vkc_ir_value(f->code, str);
        vkc_ir_place(f->code, head);
        vkc_ir_branch(f->code, INTERP_OP_MNEXT, at, value, end);
        vkc_ir_op3(f->code, INTERP_OP_MKEY, name, value, at);
        vkc_ir_op3(f->code, INTERP_OP_MVAL, item, value, at);
        uint32_t quoted = str_native(f, "json.quote", name, VKC_NONE), colon = lit(f, ":");
        uint32_t parts[] = {quoted, colon, vkc_fun_json(f, type->args[1], item, VKC_NONE)};
        vkc_fun_push(f, texts, joined(f, parts, 3, VKC_NONE));
        vkc_ir_jump(f->code, head);
    } else {
        uint32_t len = vkc_ir_value(f->code, 0);
        vkc_ir_op2(f->code, INTERP_OP_LLEN, len, value);
        struct vkc_counted loop = vkc_count_open(f, VKC_NONE, len);
        text = vkc_fun_item(f, value, loop.at, f->code->values[item].type);
        vkc_fun_push(f, texts, vkc_fun_json(f, type->args[0], text, VKC_NONE));
        vkc_count_close(f, &loop);
    }
    vkc_ir_place(f->code, end);
    uint32_t args[] = {texts, lit(f, ",")},
             parts[] = {lit(f, is_map ? "{" : "["), VKC_NONE, lit(f, is_map ? "}" : "]")};
    parts[1] = vkc_fun_native(f, "list.join", args, 2, str, VKC_NONE);
    vkc_fun_return(f, joined(f, parts, 3, VKC_NONE));
}

static void option(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    uint32_t none = vkc_ir_label(f->code);
    vkc_jump_some(f, type, value, false, none);
    uint32_t inner = vkc_fun_some(f, type, value, VKC_NONE);
    vkc_fun_return(f, vkc_fun_json(f, vkc_type_option(f->lower->checked, type), inner, VKC_NONE));
    vkc_ir_place(f->code, none);
    vkc_fun_return(f, lit(f, "null"));
}

static void fill(struct vkc_lower *l, struct vkc_code *code, struct vkc_type *type)
{
    struct vkc_fun f;
    uint32_t value;
    vkc_fun_init(&f, l, code);
    vkc_fun_params(&f, &value);
    if (type->kind == VKC_TYPE_LIST || type->kind == VKC_TYPE_MAP)
        collection(&f, type, value);
    else if (is_option(&f, type))
        option(&f, type, value);
    else if (vkc_is_named(type, VKC_SYMBOL_ENUM))
        enumeration(&f, type, value);
    else
        vkc_fun_return(&f, object(&f, type->symbol, type, value));
}

uint32_t vkc_fun_json(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want)
{
    uint16_t str = vkc_unit_str(f->unit), entry = vkc_lower_type(f->lower, type);
    struct vkc_code *code = NULL;
    switch (type->kind) {
    case VKC_TYPE_STR:
        return str_native(f, "json.quote", value, want);
    case VKC_TYPE_BYTES:
        return str_native(f, "json.quote", str_native(f, "bytes.base64", value, VKC_NONE), want);
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
    uint32_t made = vkc_lower_made(f->lower, VKC_MADE_JSON, type->id, "to_json",
                                   vkc_unit_fn(f->unit, &entry, 1, str), &code);
    if (code)
        fill(f->lower, code, type);
    return vkc_fun_call(f, made, &value, 1, want);
}

/* `{ name: e, name }` after json. */
static uint32_t object_expr(struct vkc_fun *f, const struct vkc_expr *e)
{
    uint32_t out = lit(f, "{"), comma = lit(f, "");
    for (uint32_t i = 0; i < e->object.count; i++) {
        const struct vkc_arg *entry = &e->object.items[i];
        struct vkc_type *type = vkc_fun_type(f, entry->value->type);
        if (entry->value->kind == VKC_EXPR_OBJECT) {
            uint32_t parts[] = {out, comma, key(f, "", entry->name.name), object_expr(f, entry->value)};
            (void)joined(f, parts, 4, out);
            (void)vkc_fun_text(f, ",", 1, comma);
        } else {
            field(f, out, comma, entry->name.name, type, vkc_expr_value(f, entry->value, VKC_NONE));
        }
    }
    uint32_t parts[] = {out, lit(f, "}")};
    return joined(f, parts, 2, VKC_NONE);
}

uint32_t vkc_expr_json(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    const struct vkc_expr *value = e->json.value;
    uint32_t text;
    if (value->kind == VKC_EXPR_OBJECT)
        text = object_expr(f, value);
    else
        text = vkc_fun_json(f, vkc_fun_type(f, value->type), vkc_expr_value(f, value, VKC_NONE), VKC_NONE);
    return vkc_fun_respond(f, "application/json", text, e->json.status ? e->json.status->number : 200, want);
}
