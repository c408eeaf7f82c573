/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: literals, names, fields, indices, records, collections. */
#include "compiler/lower_impl.h"

#include <string.h>

struct vkc_type *vkc_fun_type(const struct vkc_fun *f, struct vkc_type *type)
{
    return f->instance ? vkc_type_at(f->lower->checked, type, f->instance) : type;
}

uint32_t vkc_fun_fresh(struct vkc_fun *f, struct vkc_type *type)
{
    return vkc_ir_value(f->code, vkc_lower_type(f->lower, type));
}

uint32_t vkc_fun_dest(struct vkc_fun *f, uint32_t want, uint16_t type)
{
    return want != VKC_NONE ? want : vkc_ir_value(f->code, type);
}

/* As it is named from the folder of the program's first file, when there are several. */
static const char *file_of(struct vkc_lower *l, const struct vkc_source *source)
{
    const struct vkc_checked *checked = l->checked;
    if (checked->modules_count <= 2) /* the prelude is one */
        return NULL;
    for (uint32_t i = 0; i + 1 < checked->modules_count; i++) {
        const struct vkc_checked_module *module = &checked->modules[i];
        size_t len = strlen(module->name);
        if (module->module->source != source)
            continue;
        char *text = vkc_arena_take(l->arena, len + sizeof ".vk");
        memcpy(text, module->name, len);
        memcpy(text + len, ".vk", sizeof ".vk");
        return text;
    }
    return NULL;
}

void vkc_fun_line(struct vkc_fun *f, struct vkc_span span)
{
    if (span.start == 0)
        return;
    struct vkc_place place = vkc_source_place(&f->lower->checked->program->sources, span.start);
    f->code->line = place.line;
    if (f->code->file == NULL)
        f->code->file = file_of(f->lower, place.source);
}

uint32_t vkc_fun_number(struct vkc_fun *f, int64_t number, uint32_t want)
{
    want = vkc_fun_dest(f, want, 0);
    vkc_ir_load(f->code, want, number);
    return want;
}

uint32_t vkc_fun_ref(struct vkc_fun *f, uint32_t constant, uint16_t type, uint32_t want)
{
    want = vkc_fun_dest(f, want, type);
    vkc_ir_imm(f->code, INTERP_OP_LDQ, want, VKC_NONE, constant);
    return want;
}

uint32_t vkc_fun_text(struct vkc_fun *f, const char *text, size_t len, uint32_t want)
{
    uint16_t str = vkc_unit_str(f->unit);
    return vkc_fun_ref(f, vkc_unit_text(f->unit, str, text, len), str, want);
}

uint32_t vkc_fun_field(struct vkc_fun *f, uint32_t object, uint32_t place, uint16_t type, uint32_t want)
{
    want = vkc_fun_dest(f, want, type);
    vkc_ir_imm(f->code, type == 0 ? INTERP_OP_GETF : INTERP_OP_GETR, want, object, place);
    return want;
}

void vkc_fun_fail(struct vkc_fun *f, const char *text)
{
    vkc_ir_imm(f->code, INTERP_OP_FAIL, vkc_fun_text(f, text, strlen(text), VKC_NONE), VKC_NONE, 0);
}

void vkc_fun_share(struct vkc_fun *f, uint32_t value, const struct vkc_type *type)
{
    if (vkc_is_owned(type) && value != VKC_NONE)
        vkc_ir_op1(f->code, INTERP_OP_SHARE, value);
}

/* References first, each kind in the order of the slots. */
uint32_t vkc_fun_new(struct vkc_fun *f, uint16_t type, const uint32_t *values, uint32_t count, uint32_t want)
{
    uint32_t list[INTERP_FIELDS_MAX], at = 0;
    for (uint32_t i = 0; i < count; i++)
        if (f->code->values[values[i]].type != 0)
            list[at++] = values[i];
    for (uint32_t i = 0; i < count; i++)
        if (f->code->values[values[i]].type == 0)
            list[at++] = values[i];
    want = vkc_fun_dest(f, want, type);
    struct vkc_ins *ins =
        vkc_ir_add(f->code, f->unit->types[type].kind == INTERP_KIND_ENV ? INTERP_OP_CLOSURE : INTERP_OP_NEW);
    ins->reg[0] = want;
    ins->number = type;
    vkc_ir_list(f->code, ins, list, count);
    return want;
}

/* ---- whether evaluation leaves variables alone ------------------------------------ */

static bool are_calm(const struct vkc_args *args)
{
    for (uint32_t i = 0; i < args->count; i++)
        if (!vkc_is_calm(args->items[i].value))
            return false;
    return true;
}

/* Nothing in it assigns to a local variable; cells apart, which are read when they are named. */
bool vkc_is_calm(const struct vkc_expr *e)
{
    switch (e->kind) {
    case VKC_EXPR_INT:
    case VKC_EXPR_DURATION:
    case VKC_EXPR_BOOL:
    case VKC_EXPR_FLOAT:
    case VKC_EXPR_BYTES:
    case VKC_EXPR_NAME:
        return true;
    case VKC_EXPR_STR:
        for (uint32_t i = 0; i < e->str.count; i++)
            if (e->str.parts[i].expr && !vkc_is_calm(e->str.parts[i].expr))
                return false;
        return true;
    case VKC_EXPR_FIELD:
        return vkc_is_calm(e->field.object);
    case VKC_EXPR_INDEX:
        return vkc_is_calm(e->index.object) && vkc_is_calm(e->index.index);
    case VKC_EXPR_UNARY:
        return vkc_is_calm(e->unary.operand);
    case VKC_EXPR_BINARY:
        return vkc_is_calm(e->binary.left) && vkc_is_calm(e->binary.right);
    case VKC_EXPR_CALL:
        if (e->meaning && e->meaning->kind == VKC_CALL_BUILTIN && e->meaning->builtin->changes)
            return false;
        return vkc_is_calm(e->call.callee) && are_calm(&e->call.args);
    default:
        return false;
    }
}

uint32_t vkc_expr_stable(struct vkc_fun *f, const struct vkc_expr *expr, const struct vkc_expr *later)
{
    uint32_t value = vkc_expr_value(f, expr, VKC_NONE);
    bool may_change = expr->kind == VKC_EXPR_NAME && expr->symbol && expr->symbol->is_var;
    if (!may_change || !later || vkc_is_calm(later))
        return value;
    uint32_t copy = vkc_ir_value(f->code, f->code->values[value].type);
    vkc_ir_move(f->code, copy, value);
    return copy;
}

/* ---- names and fields ---------------------------------------------------------------- */

static uint32_t read_let(struct vkc_fun *f, const struct vkc_symbol *symbol, uint32_t want)
{
    uint32_t constant = vkc_lower_let(f->lower, symbol);
    uint16_t type = vkc_lower_type(f->lower, symbol->type);
    want = vkc_fun_dest(f, want, type);
    vkc_ir_imm(f->code, type == 0 ? INTERP_OP_LDK : INTERP_OP_LDQ, want, VKC_NONE, constant);
    return want;
}

static uint32_t read_child(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t number = vkc_fun_number(f, e->symbol->index, VKC_NONE);
    return vkc_fun_native(f, "actor.child", &number, 1, vkc_lower_type(f->lower, e->symbol->type), want);
}

static uint32_t expr_name(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    if (e->meaning)
        return vkc_expr_call(f, e, want);
    if (!e->symbol)
        return VKC_NONE; /* nil */
    switch (e->symbol->kind) {
    case VKC_SYMBOL_LET:
        return read_let(f, e->symbol, want);
    case VKC_SYMBOL_CHILD:
        return read_child(f, e, want);
    case VKC_SYMBOL_STORE:
        return vkc_fun_number(f, e->symbol->index, want);
    default:
        return vkc_fun_read(f, e->symbol, want);
    }
}

static uint32_t expr_field(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    if (!e->meaning)
        return expr_name(f, e, want);
    if (e->meaning->kind != VKC_CALL_READ)
        return vkc_expr_call(f, e, want);
    struct vkc_type *of = vkc_fun_type(f, e->meaning->receiver->type), *type;
    uint32_t object = vkc_expr_value(f, e->meaning->receiver, VKC_NONE);
    uint32_t place = vkc_lower_place(f->lower, of->symbol, of, e->meaning->index, &type);
    return vkc_fun_field(f, object, place, vkc_lower_type(f->lower, type), want);
}

static uint32_t expr_index(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    if (e->meaning)
        return vkc_expr_call(f, e, want);
    struct vkc_type *of = vkc_fun_type(f, e->index.object->type);
    uint32_t object = vkc_expr_stable(f, e->index.object, e->index.index);
    uint32_t at = vkc_expr_value(f, e->index.index, VKC_NONE);
    if (vkc_is_named(of, VKC_SYMBOL_ENUM)) /* Json */
        return vkc_fun_json_index(f, of, object, at, want);
    uint16_t type = vkc_lower_type(f->lower, vkc_fun_type(f, e->type));
    want = vkc_fun_dest(f, want, type);
    if (of->kind == VKC_TYPE_MAP) {
        uint32_t found = vkc_ir_value(f->code, 0);
        vkc_ir_op3(f->code, INTERP_OP_MFIND, found, object, at);
        vkc_ir_op3(f->code, INTERP_OP_MVAL, want, object, found);
    } else if (of->kind == VKC_TYPE_BYTES || of->kind == VKC_TYPE_STR) {
        vkc_ir_op3(f->code, INTERP_OP_BYTE, want, object, at);
    } else {
        vkc_ir_op3(f->code, type == 0 ? INTERP_OP_LGET : INTERP_OP_LGETR, want, object, at);
    }
    return want;
}

/* ---- collections ------------------------------------------------------------------------- */

static uint32_t expr_list(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint16_t type = vkc_lower_type(f->lower, vkc_fun_type(f, e->type));
    uint32_t list = vkc_ir_value(f->code, type);
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_LNEW);
    ins->reg[0] = list;
    ins->number = type;
    ins->count = e->list.count;
    for (uint32_t i = 0; i < e->list.count; i++) {
        uint32_t item = vkc_expr_value(f, e->list.items[i], VKC_NONE);
        bool is_ref = f->code->values[item].type != 0;
        vkc_ir_op2(f->code, is_ref ? INTERP_OP_LPUSHR : INTERP_OP_LPUSH, list, item);
    }
    if (want == VKC_NONE)
        return list;
    vkc_ir_move(f->code, want, list);
    return want;
}

static uint32_t expr_map(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint16_t type = vkc_lower_type(f->lower, vkc_fun_type(f, e->type));
    uint32_t map = vkc_ir_value(f->code, type), count = e->kind == VKC_EXPR_MAP ? e->map.count : 0;
    vkc_ir_imm(f->code, INTERP_OP_MNEW, map, VKC_NONE, type);
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_entry *entry = &e->map.entries[i];
        uint32_t key = vkc_expr_stable(f, entry->key, entry->value);
        vkc_ir_op3(f->code, INTERP_OP_MSET, map, key, vkc_expr_value(f, entry->value, VKC_NONE));
    }
    if (want == VKC_NONE)
        return map;
    vkc_ir_move(f->code, want, map);
    return want;
}

static uint32_t expr_bytes(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint16_t type = vkc_unit_bytes(f->unit);
    return vkc_fun_ref(f, vkc_unit_text(f->unit, type, e->bytes.bytes, e->bytes.len_bytes), type, want);
}

static uint32_t expr_float(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    int64_t bits;
    memcpy(&bits, &e->real, sizeof bits);
    return vkc_fun_number(f, bits, want);
}

/* ---- control ----------------------------------------------------------------------------- */

static uint32_t expr_if(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    struct vkc_type *type = vkc_fun_type(f, e->type);
    bool gives = vkc_lower_result(f->lower, type) != INTERP_TYPE_NONE;
    uint32_t end = vkc_ir_label(f->code);
    if (gives && want == VKC_NONE)
        want = vkc_fun_fresh(f, type);
    for (uint32_t i = 0; i < e->branch.count; i++) {
        uint32_t next = vkc_ir_label(f->code);
        vkc_jump_if(f, e->branch.branches[i].condition, false, next);
        (void)vkc_expr(f, e->branch.branches[i].body, gives ? want : VKC_NONE);
        vkc_ir_jump(f->code, end);
        vkc_ir_place(f->code, next);
    }
    if (e->branch.otherwise)
        (void)vkc_expr(f, e->branch.otherwise, gives ? want : VKC_NONE);
    vkc_ir_place(f->code, end);
    return gives ? want : VKC_NONE;
}

static uint32_t expr_return(struct vkc_fun *f, const struct vkc_expr *e)
{
    vkc_fun_return(f, e->operand ? vkc_expr(f, e->operand, VKC_NONE) : VKC_NONE);
    return VKC_NONE;
}

static uint32_t expr_fail(struct vkc_fun *f, const struct vkc_expr *e)
{
    struct vkc_type *type = vkc_fun_type(f, e->operand->type);
    uint32_t value = vkc_expr_value(f, e->operand, VKC_NONE);
    if (type->kind == VKC_TYPE_STR)
        vkc_ir_imm(f->code, INTERP_OP_FAIL, value, VKC_NONE, 0);
    else
        vkc_fun_fail_with(f, type, value);
    return VKC_NONE;
}

static uint32_t other(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    switch (e->kind) {
    case VKC_EXPR_IF:
        return expr_if(f, e, want);
    case VKC_EXPR_MATCH:
        return vkc_expr_match(f, e, want, false);
    case VKC_EXPR_BLOCK:
        if (vkc_fun_type(f, e->type)->kind == VKC_TYPE_MAP && e->block.count == 0)
            return expr_map(f, e, want);
        return vkc_expr_block(f, e, want);
    case VKC_EXPR_RETURN:
        return expr_return(f, e);
    case VKC_EXPR_BREAK:
        vkc_ir_jump(f->code, f->loop->on_break);
        return VKC_NONE;
    case VKC_EXPR_CONTINUE:
        vkc_ir_jump(f->code, f->loop->on_continue);
        return VKC_NONE;
    case VKC_EXPR_FAIL:
        return expr_fail(f, e);
    case VKC_EXPR_CLOSURE:
        return vkc_expr_closure(f, e, want);
    case VKC_EXPR_SPAWN:
        return vkc_expr_spawn(f, e, want);
    case VKC_EXPR_AWAIT:
    case VKC_EXPR_SEND:
        return vkc_expr_await(f, e, want);
    case VKC_EXPR_PASS:
        return vkc_expr_pass(f, e, want);
    case VKC_EXPR_JSON:
        return vkc_expr_json(f, e, want);
    case VKC_EXPR_REQUEST:
        return vkc_expr_request(f, e, want);
    default:
        vkc_lower_error(f->lower, e->span, "this expression");
        return VKC_NONE;
    }
}

static uint32_t plain(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    switch (e->kind) {
    case VKC_EXPR_INT:
    case VKC_EXPR_DURATION:
    case VKC_EXPR_BOOL:
        return vkc_fun_number(f, e->number, want);
    case VKC_EXPR_FLOAT:
        return expr_float(f, e, want);
    case VKC_EXPR_STR:
        return vkc_expr_str(f, e, want);
    case VKC_EXPR_BYTES:
        return expr_bytes(f, e, want);
    case VKC_EXPR_NAME:
        return expr_name(f, e, want);
    case VKC_EXPR_FIELD:
        return expr_field(f, e, want);
    case VKC_EXPR_INDEX:
        return expr_index(f, e, want);
    case VKC_EXPR_CALL:
    case VKC_EXPR_RECORD:
    case VKC_EXPR_START:
        return vkc_expr_call(f, e, want);
    case VKC_EXPR_UNARY:
        return vkc_expr_unary(f, e, want);
    case VKC_EXPR_BINARY:
        return vkc_expr_binary(f, e, want);
    case VKC_EXPR_LIST:
        return expr_list(f, e, want);
    case VKC_EXPR_MAP:
        return expr_map(f, e, want);
    default:
        return other(f, e, want);
    }
}

uint32_t vkc_expr(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t line = f->code->line;
    vkc_fun_line(f, e->span);
    uint32_t value = plain(f, e, want);
    if (e->shares)
        vkc_fun_share(f, value, vkc_fun_type(f, e->type));
    f->code->line = line;
    return value;
}

uint32_t vkc_expr_value(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t value = vkc_expr(f, e, want);
    if (value != VKC_NONE)
        return value;
    return vkc_fun_number(f, 0, VKC_NONE);
}
