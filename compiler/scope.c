/* SPDX-License-Identifier: Apache-2.0 */
/* Names in bodies: blocks within blocks, and what closures capture of the bodies around them. */
#include "compiler/pass.h"

void vkc_scope_open(struct vkc_pass *pass)
{
    pass->depth++;
}

void vkc_scope_close(struct vkc_pass *pass)
{
    while (pass->locals_count > pass->floor && pass->locals[pass->locals_count - 1].depth == pass->depth)
        pass->locals_count--;
    pass->depth--;
}

/* One name twice in a scope; and a local that repeats a parameter of its function. */
static const struct vkc_symbol *repeated(const struct vkc_pass *pass, const struct vkc_symbol *symbol)
{
    for (uint32_t i = pass->locals_count; i > pass->floor; i--) {
        const struct vkc_local *local = &pass->locals[i - 1];
        bool is_param = local->symbol->kind == VKC_SYMBOL_PARAM && local->symbol->body == symbol->body;
        if (local->symbol->name == symbol->name && (local->depth == pass->depth || is_param))
            return local->symbol;
    }
    return NULL;
}

static void tell_repeated(struct vkc_pass *pass, struct vkc_ident name, const struct vkc_symbol *first)
{
    bool is_param = first->kind == VKC_SYMBOL_PARAM;
    struct vkc_diag *diag = vkc_error(pass->diags, name.span,
                                      is_param ? "`%s` is the name of a parameter already"
                                               : "`%s` is declared twice in this block",
                                      name.name->text);
    if (first->span.start != 0)
        vkc_diag_note(pass->diags, diag, first->span, "first declared here");
    if (!is_param && first->is_var)
        vkc_diag_help(pass->diags, diag, "`%s = ...` assigns to it", name.name->text);
}

struct vkc_symbol *vkc_scope_add(struct vkc_pass *pass, enum vkc_symbol_kind kind, struct vkc_ident name,
                                 struct vkc_type *type, bool is_var)
{
    struct vkc_symbol *symbol = vkc_symbol_new(pass, kind, name);
    struct vkc_body *body = pass->infer->body;
    symbol->type = type;
    symbol->is_var = is_var;
    symbol->body = body;
    vkc_pending_add(pass, &symbol->type);
    VKC_ADD(&pass->program->arena, body->locals, body->locals_count, body->locals_room, symbol);
    if (name.name == NULL)
        return symbol;
    const struct vkc_symbol *first = repeated(pass, symbol);
    if (first != NULL)
        tell_repeated(pass, name, first);
    struct vkc_local local = {symbol, pass->depth};
    VKC_ADD(&pass->program->arena, pass->locals, pass->locals_count, pass->locals_room, local);
    return symbol;
}

static bool has_capture(const struct vkc_body *body, const struct vkc_symbol *symbol)
{
    for (uint32_t i = 0; i < body->captures_count; i++) {
        if (body->captures[i] == symbol)
            return true;
    }
    return false;
}

void vkc_scope_capture(struct vkc_pass *pass, struct vkc_symbol *symbol)
{
    for (struct vkc_body *body = pass->infer->body; body != NULL && body != symbol->body;
         body = body->outer) {
        if (body->kind != VKC_BODY_CLOSURE && body->kind != VKC_BODY_SPAWN)
            break; /* of SELF: a method has it of itself */
        symbol->is_captured = true;
        symbol->needs_cell |= symbol->is_var;
        if (has_capture(body, symbol))
            break;
        VKC_ADD(&pass->program->arena, body->captures, body->captures_count, body->captures_room, symbol);
    }
}

struct vkc_symbol *vkc_scope_find(struct vkc_pass *pass, const struct vkc_name *name)
{
    for (uint32_t i = pass->locals_count; i > pass->floor; i--) {
        struct vkc_symbol *symbol = pass->locals[i - 1].symbol;
        if (symbol->name != name)
            continue;
        symbol->is_used = true;
        if (symbol->kind == VKC_SYMBOL_STATE)
            vkc_scope_capture(pass, symbol->outer->self);
        else
            vkc_scope_capture(pass, symbol);
        return symbol;
    }
    struct vkc_symbol *symbol = vkc_table_find(pass, pass->module, VKC_SPACE_VALUE, name);
    if (symbol != NULL)
        symbol->is_used = true;
    return symbol;
}

/* ---- what is not there ------------------------------------------------------------------ */

static const char *const elsewhere[][2] = {
    {"null", "there is no null: an Option is `None` or `Some(x)`"},
    {"undefined", "there is no null: an Option is `None` or `Some(x)`"},
    {"print", "`log(s)` writes a line to the log"},
    {"println", "`log(s)` writes a line to the log"},
    {"self", "the variables of an actor are named without `self`"},
    {"this", "the variables of an actor are named without `this`"},
    {"throw", "`fail \"text\"` ends the process; errors to handle are a `Result`"},
    {"panic", "`fail \"text\"` ends the process"},
    {"len", "a length is a method: `xs.len`"},
    {"str", "`{x}` in a text, or `x.str()`"},
    {"stop", "`stop` stands in a method of an actor, as a statement"},
    {"req", "`req` is the request in a handler of an `http` block"},
    {"crash", "`crash` is known in a `crash` clause"},
};

void vkc_scope_unknown(struct vkc_pass *pass, struct vkc_ident name)
{
    if (name.name == NULL)
        return;
    struct vkc_diag *diag = vkc_error(pass->diags, name.span, "`%s` is not declared", name.name->text);
    for (size_t i = 0; i < VK_COUNT(elsewhere); i++) {
        if (vkc_name_is(name.name, elsewhere[i][0])) {
            vkc_diag_help(pass->diags, diag, "%s", elsewhere[i][1]);
            return;
        }
    }
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, name.name->text, name.name->len);
    for (uint32_t i = pass->locals_count; i > pass->floor; i--)
        vkc_nearest_offer(&nearest, pass->locals[i - 1].symbol->name->text);
    vkc_table_offer(pass, pass->module, VKC_SPACE_VALUE, false, &nearest);
    vkc_builtins_offer(&pass->builtins, NULL, &nearest);
    vkc_nearest_help(&nearest, pass->diags, diag);
}
