/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: functions, closures, built-ins, variants; methods in the order of docs/language.md, section 4.8. */
#include "compiler/asset.h"
#include "compiler/pass.h"

static struct vkc_type *error_type(const struct vkc_pass *pass)
{
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

static void infer_all_args(struct vkc_pass *pass, const struct vkc_args *args)
{
    for (uint32_t i = 0; i < args->count; i++)
        vkc_infer_expr(pass, args->items[i].value, NULL);
}

static const char *quoted(struct vkc_pass *pass, const struct vkc_name *name)
{
    struct vkc_text text = {0};
    vkc_text_print(&text, "`%s`", name->text);
    const char *kept = vkc_arena_text(&pass->program->arena, text.bytes, text.len);
    vkc_text_fini(&text);
    return kept;
}

static void welcome(struct vkc_pass *pass, struct vkc_type *result, struct vkc_type *hint)
{
    struct vkc_type *want = hint != NULL ? vkc_type_find(hint) : NULL;
    bool is_useful = want != NULL && want->kind > VKC_TYPE_NEVER && want->kind != VKC_TYPE_VAR;
    if (is_useful && result->has_vars && vkc_type_find(result)->kind != VKC_TYPE_NEVER)
        (void)vkc_type_unify(pass->types, result, want); /* a hint: what does not fit is told by who asked */
}

/* ---- functions ----------------------------------------------------------------------------- */

static struct vkc_type *call_fn(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_symbol *fn,
                                struct vkc_expr *receiver, struct vkc_type *hint)
{
    struct vkc_call *call = vkc_call_new(pass, expr, VKC_CALL_FN, fn);
    struct vkc_call_arg first = {receiver, 0, false};
    vkc_call_open(pass, call, fn->params, fn->params_count, expr->span);
    struct vkc_type *result =
        vkc_type_replace(pass->types, fn->result, fn->params, call->type_args, call->type_args_count);
    if (receiver != NULL) {
        struct vkc_type *want = vkc_type_replace(pass->types, fn->slots[0].type, fn->params, call->type_args,
                                                 call->type_args_count);
        (void)vkc_type_unify(pass->types, receiver->type, want); /* the caller knows that it fits */
        call->args = &first;
        call->count = 1;
    }
    welcome(pass, result, hint);
    vkc_infer_args(pass, expr, call, &expr->call.args, fn->slots, fn->slots_count, receiver != NULL ? 1 : 0,
                   quoted(pass, fn->name), fn->span, fn->params);
    vkc_edge_add(pass, (struct vkc_edge){.callee = fn->body, .call = call, .runs = true, .span = expr->span});
    return result;
}

static void tell_closure_count(struct vkc_pass *pass, const struct vkc_expr *expr, uint32_t want)
{
    struct vkc_diag *diag =
        vkc_error(pass->diags, expr->call.callee->span, "this function takes %u argument%s, found %u", want,
                  want == 1 ? "" : "s", expr->call.args.count);
    vkc_diag_label(pass->diags, diag, "it is `%s`", vkc_type_text(pass->types, expr->call.callee->type));
}

static struct vkc_type *unknown_fn(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *type)
{
    struct vkc_type *args[VKC_PARAMS_MAX + 1];
    uint32_t count = expr->call.args.count < VKC_PARAMS_MAX ? expr->call.args.count : VKC_PARAMS_MAX;
    for (uint32_t i = 0; i <= count; i++)
        args[i] = vkc_type_var(pass->types, expr->span);
    struct vkc_type *fn = vkc_type_make(pass->types, VKC_TYPE_FN, NULL, args, count + 1);
    (void)vkc_type_unify(pass->types, type, fn); /* type is a variable */
    return fn;
}

static struct vkc_type *call_value(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_expr *callee,
                                   struct vkc_type *type)
{
    const struct vkc_args *args = &expr->call.args;
    type = vkc_type_find(type);
    if (type->kind == VKC_TYPE_VAR)
        type = unknown_fn(pass, expr, type);
    if (type->kind != VKC_TYPE_FN) {
        if (type->kind != VKC_TYPE_ERROR && type->kind != VKC_TYPE_NEVER)
            vkc_error(pass->diags, callee->span, "a value of type `%s` cannot be called",
                      vkc_type_text(pass->types, type));
        infer_all_args(pass, args);
        return error_type(pass);
    }
    struct vkc_call *call = vkc_call_new(pass, expr, VKC_CALL_CLOSURE, NULL);
    call->receiver = callee;
    call->args = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_call_arg, type->count);
    if (args->count != type->count - 1)
        tell_closure_count(pass, expr, type->count - 1);
    for (uint32_t i = 0; i < args->count; i++) {
        struct vkc_reason reason = {callee->span, "expected because of this function's parameter"};
        if (args->items[i].name.name != NULL)
            vkc_error(pass->diags, args->items[i].name.span, "a function value's parameters have no names");
        if (i + 1 >= type->count) {
            vkc_infer_expr(pass, args->items[i].value, NULL);
            continue;
        }
        vkc_infer_as(pass, args->items[i].value, type->args[i], &reason);
        call->args[call->count++] = (struct vkc_call_arg){args->items[i].value, i, false};
    }
    vkc_edge_add(pass, (struct vkc_edge){.arity = type->count - 1, .runs = true, .span = expr->span});
    return type->args[type->count - 1];
}

/* ---- built-ins -------------------------------------------------------------------------------- */

static void edges_of_builtin(struct vkc_pass *pass, const struct vkc_call *call, struct vkc_span span)
{
    for (uint32_t i = 0; call->builtin->calls && i < call->count; i++) {
        const struct vkc_expr *value = call->args[i].value;
        if (call->builtin->slots[call->args[i].index].type->kind != VKC_TYPE_FN)
            continue;
        struct vkc_edge edge = {.runs = true, .span = span};
        edge.callee = value->kind == VKC_EXPR_CLOSURE ? value->inner : NULL;
        edge.arity = call->builtin->slots[call->args[i].index].type->count - 1;
        vkc_edge_add(pass, edge);
    }
    if (call->builtin->waits)
        vkc_wait_add(pass, span, call->builtin->name->text);
}

struct vkc_type *vkc_infer_builtin(struct vkc_pass *pass, struct vkc_expr *expr,
                                   const struct vkc_builtin *builtin, struct vkc_expr *receiver,
                                   const struct vkc_args *args, struct vkc_type *hint)
{
    struct vkc_call *call = vkc_call_new(pass, expr, VKC_CALL_BUILTIN, NULL);
    call->builtin = builtin;
    call->receiver = receiver;
    vkc_call_open(pass, call, builtin->params, builtin->params_count, expr->span);
    struct vkc_type *result = vkc_type_replace(pass->types, builtin->result, builtin->params, call->type_args,
                                               call->type_args_count);
    if (receiver != NULL) {
        struct vkc_type *want = vkc_type_replace(pass->types, builtin->receiver, builtin->params,
                                                 call->type_args, call->type_args_count);
        struct vkc_reason reason = {.text = NULL};
        vkc_infer_fits(pass, receiver, receiver->type, want, &reason);
        struct vkc_text what = {0};
        vkc_text_print(&what, "change");
        if (builtin->changes)
            (void)vkc_place_changes(pass, receiver, what.bytes); /* told */
        vkc_text_fini(&what);
    }
    welcome(pass, result, hint);
    vkc_infer_args(pass, expr, call, args, builtin->slots, builtin->slots_count, 0,
                   quoted(pass, builtin->name), (struct vkc_span){0, 0}, builtin->params);
    if (builtin->where.trait != VKC_TRAIT_COUNT)
        vkc_later_trait(pass, builtin->where.trait, call->type_args[builtin->where.param],
                        receiver != NULL ? expr->field.name.span : expr->span);
    edges_of_builtin(pass, call, expr->span);
    if (builtin->id == VKC_BUILTIN_EMBED || builtin->id == VKC_BUILTIN_EMBED_BYTES ||
        builtin->id == VKC_BUILTIN_ASSET)
        vkc_asset_find(pass, call, expr->span);
    return result;
}

/* Two built-ins of one name and as many parameters: by the type of the first argument. */
static const struct vkc_builtin *choose(struct vkc_pass *pass, const struct vkc_builtin *builtin,
                                        const struct vkc_args *args)
{
    if (builtin->id != VKC_BUILTIN_STREAM_WRITE || args->count != 1)
        return builtin;
    struct vkc_type *type = vkc_type_find(vkc_infer_expr(pass, args->items[0].value, NULL));
    return type->kind == VKC_TYPE_BYTES ? &pass->builtins.all[VKC_BUILTIN_STREAM_WRITE_BYTES] : builtin;
}

/* ---- methods -------------------------------------------------------------------------------------- */

static bool takes_first(struct vkc_pass *pass, const struct vkc_symbol *fn, struct vkc_type *type)
{
    if (fn == NULL || fn->kind != VKC_SYMBOL_FN || fn->slots_count == 0 || type->kind == VKC_TYPE_VAR)
        return false;
    struct vkc_type *args[VKC_TYPE_PARAMS_MAX];
    for (uint32_t i = 0; i < fn->params_count && i < VKC_TYPE_PARAMS_MAX; i++)
        args[i] = vkc_type_var(pass->types, fn->span);
    struct vkc_type *want =
        vkc_type_find(vkc_type_replace(pass->types, fn->slots[0].type, fn->params, args, fn->params_count));
    if (want->kind != type->kind || want->symbol != type->symbol)
        return want->kind == VKC_TYPE_VAR || want->kind == VKC_TYPE_ERROR;
    return vkc_type_unify(pass->types, want, vkc_type_solve(pass->types, type));
}

static struct vkc_type *no_method(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *object,
                                  const struct vkc_symbol *fn)
{
    struct vkc_ident name = expr->call.callee->field.name;
    bool is_actor = object->kind == VKC_TYPE_NAMED && object->symbol->kind == VKC_SYMBOL_ACTOR;
    infer_all_args(pass, &expr->call.args);
    if (is_actor && name.name != NULL) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, expr->span, "an actor is asked with `await` or `send`");
        vkc_diag_help(pass->diags, diag, "`await a.%s(...)` waits for the reply, `send a.%s(...)` goes on",
                      name.name->text, name.name->text);
    } else if (fn != NULL && fn->kind == VKC_SYMBOL_FN && fn->slots_count > 0 &&
               object->kind != VKC_TYPE_ERROR && object->kind != VKC_TYPE_VAR) {
        struct vkc_diag *diag = vkc_error(pass->diags, name.span, "`%s` has no method `%s`",
                                          vkc_type_text(pass->types, object), name.name->text);
        vkc_diag_note(pass->diags, diag, fn->slots[0].span, "the function `%s` takes `%s` first",
                      name.name->text, vkc_type_text(pass->types, fn->slots[0].type));
    } else {
        vkc_tell_no_field(pass, object, name, true);
    }
    return error_type(pass);
}

static struct vkc_type *call_builtin_method(struct vkc_pass *pass, struct vkc_expr *expr,
                                            const struct vkc_builtin *builtin, struct vkc_type *hint)
{
    struct vkc_expr *callee = expr->call.callee;
    builtin = choose(pass, builtin, &expr->call.args);
    if (builtin->is_plain && !builtin->is_either) {
        struct vkc_diag *diag = vkc_error(pass->diags, (struct vkc_span){callee->span.end, expr->span.end},
                                          "`%s` is written without ( )", builtin->name->text);
        vkc_diag_help(pass->diags, diag,
                      "`.%s`: ( ) stand where something changes, waits, or takes arguments",
                      builtin->name->text);
        infer_all_args(pass, &expr->call.args);
        return vkc_type_find(error_type(pass));
    }
    struct vkc_type *result =
        vkc_infer_builtin(pass, callee, builtin, callee->field.object, &expr->call.args, hint);
    expr->meaning = callee->meaning;
    callee->meaning = NULL;
    callee->type = error_type(pass);
    return result;
}

static struct vkc_type *call_method(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_expr *callee = expr->call.callee;
    struct vkc_type *object = vkc_type_find(vkc_infer_expr(pass, callee->field.object, NULL));
    const struct vkc_name *name = callee->field.name.name;
    callee->type = error_type(pass);
    if (name == NULL || object->kind == VKC_TYPE_ERROR || object->kind == VKC_TYPE_NEVER) {
        infer_all_args(pass, &expr->call.args);
        return error_type(pass);
    }
    if (expr == pass->asked && object->kind == VKC_TYPE_NAMED && object->symbol->kind == VKC_SYMBOL_ACTOR)
        return vkc_infer_ask(pass, expr, object);
    const struct vkc_builtin *builtin =
        vkc_builtin_find(&pass->builtins, object, name, expr->call.args.count);
    if (builtin != NULL)
        return call_builtin_method(pass, expr, builtin, hint);
    struct vkc_type *field = vkc_infer_read(pass, callee, object);
    if (field != NULL) {
        callee->type = field;
        vkc_pending_add(pass, &callee->type);
        return call_value(pass, expr, callee, field);
    }
    struct vkc_symbol *fn = vkc_table_find(pass, pass->module, VKC_SPACE_VALUE, name);
    if (takes_first(pass, fn, object)) {
        fn->is_used = true;
        expr->symbol = fn;
        return call_fn(pass, expr, fn, callee->field.object, hint);
    }
    return no_method(pass, expr, object, fn);
}

/* ---- names that are called --------------------------------------------------------------------------- */

static struct vkc_type *call_symbol(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_symbol *symbol,
                                    struct vkc_type *hint)
{
    struct vkc_expr *callee = expr->call.callee;
    callee->symbol = symbol;
    callee->type = error_type(pass);
    if (symbol->kind == VKC_SYMBOL_FN) {
        callee->type = symbol->type;
        return call_fn(pass, expr, symbol, NULL, hint);
    }
    if (symbol->kind == VKC_SYMBOL_VARIANT)
        return vkc_infer_variant(pass, expr, symbol, &expr->call.args, hint);
    return call_value(pass, expr, callee, vkc_infer_expr(pass, callee, NULL));
}

static struct vkc_type *call_type(struct vkc_pass *pass, struct vkc_expr *expr, const struct vkc_symbol *type)
{
    const char *name = type->name->text;
    struct vkc_diag *diag =
        vkc_error(pass->diags, expr->call.callee->span, "`%s` is a type and cannot be called", name);
    if (type->kind == VKC_SYMBOL_ACTOR)
        vkc_diag_help(pass->diags, diag, "`start %s(...)` starts one", name);
    else if (type->kind == VKC_SYMBOL_RECORD)
        vkc_diag_help(pass->diags, diag, "a record is written `%s { field: value }`", name);
    infer_all_args(pass, &expr->call.args);
    return error_type(pass);
}

static struct vkc_type *call_capital(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_expr *callee = expr->call.callee;
    bool is_told;
    struct vkc_symbol *variant = vkc_variant_named(pass, callee->name, hint, &is_told);
    if (variant != NULL)
        return call_symbol(pass, expr, variant, hint);
    struct vkc_symbol *type = vkc_table_find(pass, pass->module, VKC_SPACE_TYPE, callee->name.name);
    if (type != NULL && !is_told)
        return call_type(pass, expr, type);
    if (!is_told)
        vkc_infer_expr(pass, callee, NULL); /* tells */
    infer_all_args(pass, &expr->call.args);
    return error_type(pass);
}

static struct vkc_type *call_name(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_expr *callee = expr->call.callee;
    const struct vkc_name *name = callee->name.name;
    callee->type = error_type(pass);
    if (name == NULL) {
        infer_all_args(pass, &expr->call.args);
        return error_type(pass);
    }
    if (name->text[0] >= 'A' && name->text[0] <= 'Z')
        return call_capital(pass, expr, hint);
    struct vkc_symbol *symbol = vkc_scope_find(pass, name);
    if (symbol != NULL)
        return call_symbol(pass, expr, symbol, hint);
    const struct vkc_builtin *builtin = vkc_builtin_find(&pass->builtins, NULL, name, expr->call.args.count);
    if (builtin != NULL)
        return vkc_infer_builtin(pass, expr, builtin, NULL, &expr->call.args, hint);
    infer_all_args(pass, &expr->call.args);
    vkc_scope_unknown(pass, callee->name);
    return error_type(pass);
}

struct vkc_type *vkc_infer_call(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_expr *callee = expr->call.callee;
    if (callee->kind == VKC_EXPR_NAME && !callee->has_parens)
        return call_name(pass, expr, hint);
    if (callee->kind != VKC_EXPR_FIELD || callee->has_parens)
        return call_value(pass, expr, callee, vkc_infer_expr(pass, callee, NULL));
    bool is_qualified;
    struct vkc_symbol *symbol = vkc_qualified(pass, callee, &is_qualified);
    if (symbol != NULL)
        return call_symbol(pass, expr, symbol, hint);
    if (!is_qualified)
        return call_method(pass, expr, hint);
    infer_all_args(pass, &expr->call.args);
    callee->type = error_type(pass);
    return error_type(pass);
}

/* ---- closures -------------------------------------------------------------------------------------------
 */

static struct vkc_body *inner_body(struct vkc_pass *pass, struct vkc_expr *expr, enum vkc_body_kind kind,
                                   struct vkc_expr *code, struct vkc_type *result)
{
    struct vkc_body *around = pass->infer->body;
    struct vkc_body *body = vkc_body_new(pass, kind, around->decl, code);
    body->outer = around;
    body->actor = around->actor;
    body->clause = around->clause;
    body->member = around->member;
    body->type_params = around->type_params;
    body->type_params_count = around->type_params_count;
    body->result = result;
    vkc_pending_add(pass, &body->result);
    expr->inner = body;
    return body;
}

/* Its code, against a result that may still be open. */
static void infer_inner(struct vkc_pass *pass, struct vkc_body *body, const struct vkc_fn *fn,
                        struct vkc_reason reason)
{
    struct vkc_infer infer = {
        .outer = pass->infer, .body = body, .result = body->result, .result_reason = reason};
    infer.is_handler = pass->infer->is_handler;
    pass->infer = &infer;
    vkc_scope_open(pass);
    for (uint32_t i = 0; fn != NULL && i < fn->params.count; i++) {
        struct vkc_param *param = &fn->params.items[i];
        body->params[i] = param->symbol =
            vkc_scope_add(pass, VKC_SYMBOL_PARAM, param->name, body->params[i]->type, false);
        param->symbol->index = i;
    }
    struct vkc_type *result = vkc_type_find(body->result);
    if (result->kind == VKC_TYPE_NIL)
        vkc_infer_expr(pass, body->code, vkc_simple(pass, VKC_TYPE_NOBODY));
    else
        vkc_infer_as(pass, body->code, result, reason.text != NULL ? &reason : NULL);
    if (vkc_type_find(body->result)->kind == VKC_TYPE_VAR &&
        vkc_type_find(body->code->type)->kind == VKC_TYPE_NEVER)
        (void)vkc_type_unify(pass->types, body->result,
                             vkc_simple(pass, VKC_TYPE_NIL)); /* it is a variable */
    vkc_scope_close(pass);
    pass->infer = infer.outer;
    vkc_edge_add(pass, (struct vkc_edge){.callee = body, .span = body->span});
}

static void tell_param_count(struct vkc_pass *pass, const struct vkc_expr *expr, const struct vkc_type *want)
{
    vkc_error(pass->diags, expr->span, "expected a function of %u parameter%s, found %u", want->count - 1,
              want->count == 2 ? "" : "s", expr->closure->params.count);
}

struct vkc_type *vkc_infer_closure(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_fn *fn = expr->closure;
    struct vkc_type *want = hint != NULL ? vkc_type_find(hint) : NULL;
    uint32_t count = fn->params.count;
    bool is_told = false;
    struct vkc_reason reason = {.text = NULL};
    struct vkc_type **types = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_type *, count + 1);
    want = want != NULL && want->kind == VKC_TYPE_FN ? want : NULL;
    if (want != NULL && want->count - 1 != count) {
        tell_param_count(pass, expr, want);
        want = NULL;
        is_told = true;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_param *param = &fn->params.items[i];
        if (param->type != NULL)
            types[i] = vkc_resolve_type(pass, param->type);
        else
            types[i] = want != NULL ? want->args[i] : vkc_type_var(pass->types, param->name.span);
    }
    if (fn->result != NULL) {
        types[count] = vkc_resolve_type(pass, fn->result);
        reason = (struct vkc_reason){fn->result->span, "expected because it is the result of this function"};
    } else {
        types[count] = want != NULL ? want->args[count] : vkc_type_var(pass->types, expr->span);
    }
    struct vkc_body *body = inner_body(pass, expr, VKC_BODY_CLOSURE, fn->body, types[count]);
    body->params_count = count;
    body->params = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_symbol *, count);
    for (uint32_t i = 0; i < count; i++) {
        body->params[i] = vkc_symbol_new(pass, VKC_SYMBOL_PARAM, fn->params.items[i].name);
        body->params[i]->type = types[i];
    }
    infer_inner(pass, body, fn, reason);
    if (is_told)
        return error_type(pass);
    return vkc_type_make(pass->types, VKC_TYPE_FN, NULL, types, count + 1);
}

/* ---- spawn
 * -------------------------------------------------------------------------------------------------- */

struct vkc_type *vkc_infer_spawn(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_expr *operand = expr->operand;
    struct vkc_type *want = hint != NULL ? vkc_type_find(hint) : NULL;
    want =
        want != NULL && want->kind == VKC_TYPE_FIBER ? want->args[0] : vkc_type_var(pass->types, expr->span);
    if (operand->kind == VKC_EXPR_BLOCK) {
        struct vkc_body *body = inner_body(pass, expr, VKC_BODY_SPAWN, operand, want);
        infer_inner(pass, body, NULL, (struct vkc_reason){.text = NULL});
        operand->type = body->result;
        return vkc_type_of1(pass, VKC_TYPE_FIBER, want);
    }
    struct vkc_body *body = pass->infer->body;
    struct vkc_type *type = vkc_infer_expr(pass, operand, want);
    const struct vkc_call *call = operand->meaning;
    bool is_call = call != NULL && (call->kind == VKC_CALL_FN || call->kind == VKC_CALL_CLOSURE);
    if (is_call && body->edges_count > 0)
        body->edges[body->edges_count - 1].runs = false; /* the call's own: it was added last */
    else if (vkc_type_find(type)->kind != VKC_TYPE_ERROR)
        vkc_error(pass->diags, expr->span,
                  "`spawn` starts a call of a function, or a block: `spawn { ... }`");
    return vkc_type_of1(pass, VKC_TYPE_FIBER, type);
}
