/* SPDX-License-Identifier: Apache-2.0 */
/*
 * debug(e): the text of any value that can be compared, in the notation of the
 * language, by a function for each type (docs/language.md, section 4.9).
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

/* Texts between two others, with commas. */
static uint32_t enclosed(struct vkc_fun *f, const char *before, uint32_t texts, const char *behind)
{
    uint32_t args[] = {texts, lit(f, ", ")};
    uint32_t parts[] = {lit(f, before), VKC_NONE, lit(f, behind)};
    parts[1] = vkc_fun_native(f, "list.join", args, 2, vkc_unit_str(f->unit), VKC_NONE);
    return joined(f, parts, 3, VKC_NONE);
}

static uint32_t texts_of(struct vkc_fun *f)
{
    return vkc_fun_list(f, vkc_unit_list(f->unit, vkc_unit_str(f->unit)), 0);
}

/* ---- records and enums ------------------------------------------------------------ */

static bool holds(struct vkc_fun *f, struct vkc_type *type, const struct vkc_symbol *what, uint32_t depth);

static bool slots_hold(struct vkc_fun *f, const struct vkc_symbol *owner, struct vkc_type *of,
                       const struct vkc_symbol *what, uint32_t depth)
{
    for (uint32_t i = 0; i < owner->slots_count; i++)
        if (holds(f, vkc_slot_type(f->lower->checked, owner, i, of), what, depth))
            return true;
    return false;
}

#define HOLDS_DEPTH 8u /* types in types; what is deeper is taken to hold anything */

/* Whether a value of the type can hold one of that record. */
static bool holds(struct vkc_fun *f, struct vkc_type *type, const struct vkc_symbol *what, uint32_t depth)
{
    if (type->kind == VKC_TYPE_NAMED && type->symbol == what)
        return true;
    if (depth == HOLDS_DEPTH)
        return true;
    if (type->kind == VKC_TYPE_LIST || type->kind == VKC_TYPE_MAP)
        return holds(f, type->args[type->kind == VKC_TYPE_MAP], what, depth + 1);
    if (vkc_is_named(type, VKC_SYMBOL_RECORD))
        return slots_hold(f, type->symbol, type, what, depth + 1);
    if (!vkc_is_named(type, VKC_SYMBOL_ENUM) || type->symbol == f->lower->checked->json)
        return false;
    for (uint32_t i = 0; i < type->symbol->members_count; i++)
        if (slots_hold(f, type->symbol->members[i], type, what, depth + 1))
            return true;
    return false;
}

/* A record with `var` fields may hold itself, around corners: inside another value it is not gone into then.
 */
static bool is_endless(struct vkc_fun *f, struct vkc_type *type)
{
    return vkc_is_named(type, VKC_SYMBOL_RECORD) && type->symbol->has_identity &&
           slots_hold(f, type->symbol, type, type->symbol, 0);
}

static uint32_t inner(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    struct vkc_text text = {0};
    if (!is_endless(f, type))
        return vkc_fun_debug(f, type, value, VKC_NONE);
    vkc_text_print(&text, "%s { .. }", type->symbol->name->text);
    uint32_t constant = vkc_fun_text(f, text.bytes, text.len, VKC_NONE);
    vkc_text_fini(&text);
    return constant;
}

/* name: value, ... */
static uint32_t slots(struct vkc_fun *f, const struct vkc_symbol *owner, struct vkc_type *of, uint32_t value)
{
    uint32_t texts = texts_of(f);
    for (uint32_t i = 0; i < owner->slots_count; i++) {
        struct vkc_type *type;
        struct vkc_text name = {0};
        uint32_t place = vkc_lower_place(f->lower, owner, of, i, &type);
        uint32_t item = vkc_fun_field(f, value, place, vkc_lower_type(f->lower, type), VKC_NONE);
        uint32_t parts[2] = {VKC_NONE, inner(f, type, item)};
        if (owner->slots[i].name) {
            vkc_text_print(&name, "%s: ", owner->slots[i].name->text);
            parts[0] = vkc_fun_text(f, name.bytes, name.len, VKC_NONE);
            vkc_text_fini(&name);
        }
        vkc_fun_push(f, texts, parts[0] != VKC_NONE ? joined(f, parts, 2, VKC_NONE) : parts[1]);
    }
    return texts;
}

static uint32_t record(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    struct vkc_text text = {0};
    if (type->symbol->slots_count == 0) {
        vkc_text_print(&text, "%s {}", type->symbol->name->text);
        uint32_t constant = vkc_fun_text(f, text.bytes, text.len, VKC_NONE);
        vkc_text_fini(&text);
        return constant;
    }
    vkc_text_print(&text, "%s { ", type->symbol->name->text);
    uint32_t whole = enclosed(f, text.bytes, slots(f, type->symbol, type, value), " }");
    vkc_text_fini(&text);
    return whole;
}

static uint32_t variant(struct vkc_fun *f, struct vkc_type *type, uint32_t tag, uint32_t value)
{
    const struct vkc_symbol *symbol = type->symbol->members[tag];
    struct vkc_text text = {0};
    if (symbol->slots_count == 0)
        return lit(f, symbol->name->text);
    uint32_t own = vkc_ir_value(f->code, vkc_lower_variant(f->lower, type, tag));
    vkc_ir_op2(f->code, INTERP_OP_CAST, own, value);
    vkc_text_print(&text, "%s(", symbol->name->text);
    uint32_t whole = enclosed(f, text.bytes, slots(f, symbol, type, own), ")");
    vkc_text_fini(&text);
    return whole;
}

static void enumeration(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    uint32_t tag = value, count = type->symbol->members_count;
    if (vkc_lower_type(f->lower, type) != 0) {
        tag = vkc_ir_value(f->code, 0);
        vkc_ir_op2(f->code, INTERP_OP_TAG, tag, value);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t next = vkc_ir_label(f->code);
        vkc_ir_branch(f->code, INTERP_OP_JNE, tag, vkc_fun_number(f, i, VKC_NONE), next);
        vkc_fun_return(f, variant(f, type, i, value));
        vkc_ir_place(f->code, next);
    }
    vkc_ir_trap(f->code, INTERP_TRAP_VARIANT);
}

/* An Option that is a reference or nothing. */
static void option(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    uint32_t none = vkc_ir_label(f->code);
    vkc_jump_some(f, type, value, false, none);
    uint32_t some = vkc_fun_some(f, type, value, VKC_NONE);
    uint32_t parts[] = {lit(f, "Some("), inner(f, vkc_type_option(f->lower->checked, type), some),
                        lit(f, ")")};
    vkc_fun_return(f, joined(f, parts, 3, VKC_NONE));
    vkc_ir_place(f->code, none);
    vkc_fun_return(f, lit(f, "None"));
}

/* ---- collections --------------------------------------------------------------------- */

static void map(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    uint32_t texts = texts_of(f), head = vkc_ir_label(f->code), end = vkc_ir_label(f->code);
    uint32_t at = vkc_fun_number(f, -1, VKC_NONE), key = vkc_fun_fresh(f, type->args[0]);
    uint32_t item = vkc_fun_fresh(f, type->args[1]);
    vkc_ir_place(f->code, head);
    vkc_ir_branch(f->code, INTERP_OP_MNEXT, at, value, end);
    vkc_ir_op3(f->code, INTERP_OP_MKEY, key, value, at);
    vkc_ir_op3(f->code, INTERP_OP_MVAL, item, value, at);
    uint32_t parts[] = {vkc_fun_debug(f, type->args[0], key, VKC_NONE), lit(f, ": "),
                        inner(f, type->args[1], item)};
    vkc_fun_push(f, texts, joined(f, parts, 3, VKC_NONE));
    vkc_ir_jump(f->code, head);
    vkc_ir_place(f->code, end);
    vkc_fun_return(f, enclosed(f, "{", texts, "}"));
}

static void list(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    uint32_t texts = texts_of(f), len = vkc_ir_value(f->code, 0);
    vkc_ir_op2(f->code, INTERP_OP_LLEN, len, value);
    struct vkc_counted loop = vkc_count_open(f, VKC_NONE, len);
    uint32_t item = vkc_fun_item(f, value, loop.at, vkc_lower_type(f->lower, type->args[0]));
    vkc_fun_push(f, texts, inner(f, type->args[0], item));
    vkc_count_close(f, &loop);
    vkc_fun_return(f, enclosed(f, "[", texts, "]"));
}

/* ---- all of them ------------------------------------------------------------------------ */

static void fill(struct vkc_lower *l, struct vkc_code *code, struct vkc_type *type)
{
    struct vkc_fun f;
    uint32_t value;
    vkc_fun_init(&f, l, code);
    vkc_fun_params(&f, &value);
    bool is_nullable = l->unit.types[vkc_lower_type(l, type)].kind == INTERP_KIND_OPT;
    if (type->kind == VKC_TYPE_LIST)
        list(&f, type, value);
    else if (type->kind == VKC_TYPE_MAP)
        map(&f, type, value);
    else if (is_nullable)
        option(&f, type, value);
    else if (vkc_is_named(type, VKC_SYMBOL_ENUM))
        enumeration(&f, type, value);
    else
        vkc_fun_return(&f, record(&f, type, value));
}

uint32_t vkc_fun_debug(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want)
{
    uint16_t str = vkc_unit_str(f->unit), entry = vkc_lower_type(f->lower, type);
    struct vkc_code *code = NULL;
    switch (type->kind) {
    case VKC_TYPE_STR:
        return vkc_fun_native(f, "str.debug", &value, 1, str, want);
    case VKC_TYPE_BYTES:
        return vkc_fun_native(f, "bytes.debug", &value, 1, str, want);
    case VKC_TYPE_INT:
    case VKC_TYPE_FLOAT:
    case VKC_TYPE_BOOL:
    case VKC_TYPE_DURATION:
        return vkc_fun_to_text(f, type, value, want);
    case VKC_TYPE_NIL:
        return vkc_fun_text(f, "nil", 3, want);
    default:
        break;
    }
    if (vkc_is_named(type, VKC_SYMBOL_ACTOR))
        return vkc_fun_text(f, type->symbol->name->text, type->symbol->name->len, want);
    uint32_t made = vkc_lower_made(f->lower, VKC_MADE_DEBUG, type->id, "debug",
                                   vkc_unit_fn(f->unit, &entry, 1, str), &code);
    if (code)
        fill(f->lower, code, type);
    return vkc_fun_call(f, made, &value, 1, want);
}
