/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, and which places may be changed. */
#include "compiler/pass.h"

/* ---- places --------------------------------------------------------------------------- */

static void tell_fixed(struct vkc_pass *pass, const struct vkc_expr *place, const struct vkc_symbol *symbol,
                       const char *what)
{
    const char *name = symbol->name->text;
    struct vkc_diag *diag;
    switch (symbol->kind) {
    case VKC_SYMBOL_PARAM:
        diag = vkc_error(pass->diags, place->span, "cannot %s the parameter `%s`", what, name);
        vkc_diag_help(pass->diags, diag, "copy it: `var other = %s`", name);
        break;
    case VKC_SYMBOL_LET:
        diag = vkc_error(pass->diags, place->span, "cannot %s the top-level `%s`", what, name);
        vkc_diag_help(pass->diags, diag, "what changes lives in an actor, or in a `var` of a function");
        break;
    case VKC_SYMBOL_LOCAL:
    case VKC_SYMBOL_STATE:
        diag = vkc_error(pass->diags, place->span, "cannot %s `%s`: it is no `var`", what, name);
        vkc_diag_note(pass->diags, diag, symbol->span, "declared here; `var %s` could change", name);
        break;
    default:
        diag = vkc_error(pass->diags, place->span, "cannot %s `%s`: it is no variable", what, name);
        break;
    }
}

static bool field_changes(struct vkc_pass *pass, const struct vkc_expr *place, const char *what)
{
    const struct vkc_call *call = place->meaning;
    if (call == NULL || call->kind != VKC_CALL_READ) {
        vkc_error(pass->diags, place->span, "cannot %s this: it is no field", what);
        return false;
    }
    const struct vkc_slot *slot = &call->symbol->slots[call->index];
    if (slot->is_var)
        return true;
    struct vkc_diag *diag = vkc_error(pass->diags, place->field.name.span,
                                      "cannot %s the field `%s`: it is no `var`", what, slot->name->text);
    vkc_diag_note(pass->diags, diag, slot->span, "declared here");
    vkc_diag_help(pass->diags, diag, "`%s { ..r, %s: ... }` makes a record with another value",
                  call->symbol->name->text, slot->name->text);
    return false;
}

bool vkc_place_changes(struct vkc_pass *pass, struct vkc_expr *place, const char *what)
{
    enum vkc_type_kind kind = vkc_type_find(place->type)->kind;
    if (kind == VKC_TYPE_ERROR)
        return false; /* told */
    switch (place->kind) {
    case VKC_EXPR_NAME:
        if (place->symbol == NULL || place->symbol->is_var)
            return place->symbol != NULL;
        tell_fixed(pass, place, place->symbol, what);
        return false;
    case VKC_EXPR_FIELD:
        if (place->symbol != NULL) {
            tell_fixed(pass, place, place->symbol, what);
            return false;
        }
        return field_changes(pass, place, what);
    case VKC_EXPR_INDEX:
        kind = vkc_type_find(place->index.object->type)->kind;
        if (kind == VKC_TYPE_LIST || kind == VKC_TYPE_MAP)
            return vkc_place_changes(pass, place->index.object, what);
        if (kind != VKC_TYPE_ERROR)
            vkc_error(pass->diags, place->span, "cannot %s an element of `%s`", what,
                      vkc_type_text(pass->types, place->index.object->type));
        return false;
    case VKC_EXPR_BAD:
        return false;
    default: {
        struct vkc_diag *diag = vkc_error(pass->diags, place->span, "cannot %s a value without a name", what);
        vkc_diag_help(pass->diags, diag, "put it into a `var` first");
        return false;
    }
    }
}

static void infer_assign(struct vkc_pass *pass, struct vkc_stmt *stmt)
{
    struct vkc_expr *place = stmt->assign.place, *value = stmt->assign.value;
    struct vkc_type *type = vkc_infer_expr(pass, place, NULL);
    bool changes = vkc_place_changes(pass, place, "assign to");
    struct vkc_reason reason = {.text = NULL};
    if (place->kind == VKC_EXPR_NAME && place->symbol != NULL)
        reason = (struct vkc_reason){place->symbol->span, "expected because of this variable"};
    if (stmt->assign.op == VKC_BINARY_COUNT) {
        if (changes)
            vkc_infer_as(pass, value, type, &reason);
        else
            vkc_infer_expr(pass, value, type);
        return;
    }
    struct vkc_type *right = vkc_infer_expr(pass, value, type);
    struct vkc_type *result =
        vkc_infer_arith(pass, stmt->assign.op, stmt->assign.op_span, place, value, type, right);
    if (changes && !vkc_type_unify(pass->types, result, type))
        vkc_error(pass->diags, stmt->assign.op_span, "the result is `%s`, the variable `%s`",
                  vkc_type_text(pass->types, result), vkc_type_text(pass->types, type));
}

/* ---- let, loops --------------------------------------------------------------------------- */

static void infer_let(struct vkc_pass *pass, struct vkc_stmt *stmt)
{
    struct vkc_type *type;
    if (stmt->let.type != NULL) {
        struct vkc_reason reason = {stmt->let.type->span, "expected because of this type"};
        type = vkc_resolve_type(pass, stmt->let.type);
        vkc_infer_as(pass, stmt->let.value, type, &reason);
    } else {
        type = vkc_infer_expr(pass, stmt->let.value, NULL);
    }
    stmt->let.symbol = vkc_scope_add(pass, VKC_SYMBOL_LOCAL, stmt->let.name, type, stmt->let.is_var);
}

static void range_types(struct vkc_pass *pass, struct vkc_stmt *stmt, struct vkc_type *types[2])
{
    struct vkc_reason reason = {.text = "a range counts in Ints"};
    vkc_infer_as(pass, stmt->loop.first, vkc_simple(pass, VKC_TYPE_INT), &reason);
    vkc_infer_as(pass, stmt->loop.last, vkc_simple(pass, VKC_TYPE_INT), &reason);
    types[0] = vkc_simple(pass, VKC_TYPE_INT);
    types[1] = vkc_simple(pass, VKC_TYPE_ERROR);
    if (stmt->loop.names_count == 2)
        vkc_error(pass->diags, stmt->loop.names[1].span, "a range has one number at a time");
}

static void element_types(struct vkc_pass *pass, struct vkc_stmt *stmt, struct vkc_type *types[2])
{
    struct vkc_type *through = vkc_type_find(vkc_infer_expr(pass, stmt->loop.first, NULL));
    struct vkc_type *number = vkc_simple(pass, VKC_TYPE_INT);
    bool is_double = stmt->loop.names_count == 2;
    types[0] = types[1] = vkc_simple(pass, VKC_TYPE_ERROR);
    switch (through->kind) {
    case VKC_TYPE_LIST:
        types[0] = is_double ? number : through->args[0];
        types[1] = through->args[0];
        return;
    case VKC_TYPE_MAP:
        types[0] = through->args[0];
        types[1] = through->args[1];
        return;
    case VKC_TYPE_BYTES:
        types[0] = types[1] = number;
        return;
    case VKC_TYPE_ERROR:
    case VKC_TYPE_NEVER:
        return;
    default:
        break;
    }
    struct vkc_diag *diag = vkc_error(pass->diags, stmt->loop.first->span,
                                      "expected a list, a map or Bytes to go through, found `%s`",
                                      vkc_type_text(pass->types, through));
    if (through->kind == VKC_TYPE_INT)
        vkc_diag_help(pass->diags, diag, "`for i in 0..n` counts");
    else if (through->kind == VKC_TYPE_STR)
        vkc_diag_help(pass->diags, diag, "`s.chars` is a list of its characters, `s.bytes` its Bytes");
}

static void infer_for(struct vkc_pass *pass, struct vkc_stmt *stmt)
{
    struct vkc_type *types[2];
    if (stmt->loop.last != NULL)
        range_types(pass, stmt, types);
    else
        element_types(pass, stmt, types);
    vkc_scope_open(pass);
    for (uint32_t i = 0; i < stmt->loop.names_count; i++)
        stmt->loop.symbols[i] = vkc_scope_add(pass, VKC_SYMBOL_LOCAL, stmt->loop.names[i], types[i], false);
    pass->infer->loops++;
    vkc_infer_expr(pass, stmt->loop.body, vkc_simple(pass, VKC_TYPE_NOBODY));
    pass->infer->loops--;
    vkc_scope_close(pass);
}

static void infer_while(struct vkc_pass *pass, struct vkc_stmt *stmt)
{
    vkc_infer_as(pass, stmt->loop.first, vkc_simple(pass, VKC_TYPE_BOOL), NULL);
    pass->infer->loops++;
    vkc_infer_expr(pass, stmt->loop.body, vkc_simple(pass, VKC_TYPE_NOBODY));
    pass->infer->loops--;
}

/* ---- expressions as statements ---------------------------------------------------------------- */

bool vkc_is_stop(struct vkc_pass *pass, const struct vkc_expr *expr)
{
    enum vkc_body_kind kind = pass->infer->body->kind;
    bool is_here = kind == VKC_BODY_METHOD || kind == VKC_BODY_EVERY;
    return is_here && expr->kind == VKC_EXPR_NAME && expr->name.name == pass->name_stop &&
           vkc_scope_find(pass, expr->name.name) == NULL;
}

static void infer_expr_stmt(struct vkc_pass *pass, struct vkc_expr *expr)
{
    bool is_open = expr->kind == VKC_EXPR_IF || expr->kind == VKC_EXPR_MATCH || expr->kind == VKC_EXPR_BLOCK;
    if (vkc_is_stop(pass, expr)) {
        expr->type = vkc_simple(pass, VKC_TYPE_NIL);
        return;
    }
    struct vkc_type *type = vkc_infer_expr(pass, expr, is_open ? vkc_simple(pass, VKC_TYPE_NOBODY) : NULL);
    if (!is_open)
        vkc_later_add(
            pass, (struct vkc_later){.kind = VKC_LATER_DROP, .type = type, .expr = expr, .span = expr->span});
}

void vkc_infer_stmt(struct vkc_pass *pass, struct vkc_stmt *stmt)
{
    switch (stmt->kind) {
    case VKC_STMT_BAD:
        break;
    case VKC_STMT_LET:
        infer_let(pass, stmt);
        break;
    case VKC_STMT_ASSIGN:
        infer_assign(pass, stmt);
        break;
    case VKC_STMT_EXPR:
        infer_expr_stmt(pass, stmt->expr);
        break;
    case VKC_STMT_FOR:
        infer_for(pass, stmt);
        break;
    case VKC_STMT_WHILE:
        infer_while(pass, stmt);
        break;
    case VKC_STMT_ASSERT:
        vkc_infer_as(pass, stmt->expr, vkc_simple(pass, VKC_TYPE_BOOL), NULL);
        break;
    }
}
