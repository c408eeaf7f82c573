/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inference of bodies: bidirectional, by unification within one function with
 * the closures inside it (docs/language.md, section 3.4). Types are written
 * into the tree as they are found, and solved when the function is through.
 */
#include "compiler/pass.h"

/* ---- what waits for the end of the function ----------------------------------------- */

void vkc_pending_add(struct vkc_pass *pass, struct vkc_type **slot)
{
    VKC_ADD(&pass->program->arena, pass->pending, pass->pending_count, pass->pending_room, slot);
}

void vkc_later_add(struct vkc_pass *pass, struct vkc_later later)
{
    later.body = pass->infer != NULL ? pass->infer->body : NULL;
    VKC_ADD(&pass->program->arena, pass->later, pass->later_count, pass->later_room, later);
}

void vkc_later_trait(struct vkc_pass *pass, enum vkc_trait trait, struct vkc_type *type, struct vkc_span span)
{
    vkc_later_add(pass,
                  (struct vkc_later){.kind = VKC_LATER_TRAIT, .trait = trait, .type = type, .span = span});
}

void vkc_edge_add(struct vkc_pass *pass, struct vkc_edge edge)
{
    struct vkc_body *body = pass->infer->body;
    VKC_ADD(&pass->program->arena, body->edges, body->edges_count, body->edges_room, edge);
}

/* The first open variable of a type, or NULL. */
static struct vkc_type *open_var(struct vkc_type *type)
{
    type = vkc_type_find(type);
    if (type->kind == VKC_TYPE_VAR)
        return type;
    for (uint32_t i = 0; type->has_vars && i < type->count; i++) {
        struct vkc_type *var = open_var(type->args[i]);
        if (var != NULL)
            return var;
    }
    return NULL;
}

/* One message a variable: afterwards it is the error type. */
static void close_vars(struct vkc_pass *pass, struct vkc_type *type)
{
    struct vkc_type *var;
    while ((var = open_var(type)) != NULL) {
        struct vkc_type *whole = vkc_type_find(type);
        var->link = vkc_simple(pass, VKC_TYPE_ERROR);
        if (pass->diags->errors > pass->errors_before)
            continue;     /* it may well follow from what was told */
        var->link = NULL; /* for the text of the whole */
        struct vkc_diag *diag = vkc_error(pass->diags, var->origin, "the type of this cannot be inferred");
        if (whole != var)
            vkc_diag_label(pass->diags, diag, "it would be `%s`", vkc_type_text(pass->types, type));
        vkc_diag_help(pass->diags, diag, "write the type, as in `let xs: List<Int> = []`");
        var->link = vkc_simple(pass, VKC_TYPE_ERROR);
    }
}

static void check_drop(struct vkc_pass *pass, const struct vkc_later *later)
{
    const struct vkc_type *type = vkc_type_find(later->type);
    const struct vkc_expr *expr = later->expr;
    if (type->kind <= VKC_TYPE_NIL)
        return;
    const struct vkc_call *call = expr->meaning;
    if (call != NULL && call->kind == VKC_CALL_BUILTIN && call->builtin->drops)
        return;
    struct vkc_diag *diag = vkc_error(pass->diags, expr->span, "the value of this is not used");
    vkc_diag_label(pass->diags, diag, "it is `%s`", vkc_type_text(pass->types, later->type));
    if (expr->kind == VKC_EXPR_BINARY && expr->binary.op == VKC_BINARY_EQ)
        vkc_diag_help(pass->diags, diag, "`=` assigns, `==` compares");
    else
        vkc_diag_help(pass->diags, diag, "`let _ = ...` drops it");
}

static void demand(struct vkc_pass *pass, const struct vkc_later *later, struct vkc_type *type)
{
    struct vkc_body *body = later->body;
    struct vkc_demand demand = {(uint8_t)later->trait, type, later->span};
    if (type->has_params && body != NULL)
        VKC_ADD(&pass->program->arena, body->demands, body->demands_count, body->demands_room, demand);
}

static void make_later(struct vkc_pass *pass, const struct vkc_later *later)
{
    struct vkc_type *type;
    switch (later->kind) {
    case VKC_LATER_TRAIT:
        type = vkc_type_solve(pass->types, later->type);
        vkc_trait_check(pass, later->trait, type, later->span, NULL);
        demand(pass, later, type);
        break;
    case VKC_LATER_MATCH:
        vkc_match_check(pass, later->expr);
        break;
    case VKC_LATER_DROP:
        check_drop(pass, later);
        break;
    }
}

/* Everything pending since the outermost body began. */
void vkc_settle(struct vkc_pass *pass)
{
    for (uint32_t i = pass->pending_floor; i < pass->pending_count; i++) {
        struct vkc_type **slot = pass->pending[i];
        close_vars(pass, *slot);
        *slot = vkc_type_solve(pass->types, *slot);
    }
    pass->pending_count = pass->pending_floor;
    for (uint32_t i = pass->later_floor; i < pass->later_count; i++)
        make_later(pass, &pass->later[i]);
    pass->later_count = pass->later_floor;
}

/* ---- bodies ----------------------------------------------------------------------------- */

struct saved {
    struct vkc_infer *infer;
    uint32_t floor, depth, pending_floor, later_floor, module, type_params_count;
    struct vkc_symbol **type_params;
    uint32_t errors_before;
};

static struct saved enter(struct vkc_pass *pass, struct vkc_infer *infer, struct vkc_body *body)
{
    struct saved saved = {pass->infer,
                          pass->floor,
                          pass->depth,
                          pass->pending_floor,
                          pass->later_floor,
                          pass->module,
                          pass->type_params_count,
                          pass->type_params,
                          pass->errors_before};
    pass->errors_before = pass->diags->errors;
    pass->infer = infer;
    pass->floor = pass->locals_count;
    pass->pending_floor = pass->pending_count;
    pass->later_floor = pass->later_count;
    pass->module = body->module;
    pass->type_params = body->type_params;
    pass->type_params_count = body->type_params_count;
    vkc_scope_open(pass);
    return saved;
}

static void leave(struct vkc_pass *pass, struct saved saved)
{
    vkc_scope_close(pass);
    vkc_settle(pass);
    pass->infer = saved.infer;
    pass->floor = saved.floor;
    pass->depth = saved.depth;
    pass->pending_floor = saved.pending_floor;
    pass->later_floor = saved.later_floor;
    pass->module = saved.module;
    pass->type_params = saved.type_params;
    pass->type_params_count = saved.type_params_count;
    pass->errors_before = saved.errors_before;
}

/* What an actor's parameters and variables are called, in everything inside it. */
static void state_in_scope(struct vkc_pass *pass, const struct vkc_symbol *actor)
{
    for (uint32_t i = 0; i < actor->state_count; i++) {
        struct vkc_local local = {actor->state[i], pass->depth};
        if (actor->state[i]->name != NULL)
            VKC_ADD(&pass->program->arena, pass->locals, pass->locals_count, pass->locals_room, local);
    }
    vkc_scope_open(pass);
}

static void start_actor(struct vkc_pass *pass, struct vkc_body *body);

static void params_in_scope(struct vkc_pass *pass, struct vkc_body *body)
{
    for (uint32_t i = 0; i < body->params_count; i++) {
        struct vkc_symbol *param = body->params[i];
        struct vkc_local local = {param, pass->depth};
        param->body = body;
        if (param->name != NULL)
            VKC_ADD(&pass->program->arena, pass->locals, pass->locals_count, pass->locals_room, local);
    }
}

void vkc_infer_body(struct vkc_pass *pass, struct vkc_body *body)
{
    struct vkc_infer infer = {.body = body, .result = body->result};
    infer.is_handler = body->kind == VKC_BODY_ROUTE;
    const struct vkc_fn *fn = body->kind == VKC_BODY_FN       ? &body->decl->fn
                              : body->kind == VKC_BODY_METHOD ? &body->member->fn
                                                              : NULL;
    infer.result_reason.text = "expected because it is the result of this function";
    if (fn != NULL && fn->result != NULL)
        infer.result_reason.span = fn->result->span;
    if (body->kind == VKC_BODY_LET) {
        const struct vkc_type_expr *type = body->decl != NULL ? body->decl->let->let.type : NULL;
        infer.result_reason = (struct vkc_reason){{0, 0}, "expected because of this type"};
        if (type != NULL)
            infer.result_reason.span = type->span;
    }
    if (body->kind == VKC_BODY_ROUTE || body->kind == VKC_BODY_ERROR || body->kind == VKC_BODY_CRASH)
        infer.result_reason =
            (struct vkc_reason){body->clause->span, "a clause of an `http` block gives a Response"};
    struct saved saved = enter(pass, &infer, body);
    if (body->actor != NULL && body->kind != VKC_BODY_START)
        state_in_scope(pass, body->actor);
    params_in_scope(pass, body);
    vkc_pending_add(pass, &body->result);
    if (body->kind == VKC_BODY_ERROR)
        vkc_infer_pattern(pass, body->clause->pattern, body->clause->pattern->type);
    if (body->kind == VKC_BODY_START)
        start_actor(pass, body);
    else if (body->kind == VKC_BODY_CHILD)
        vkc_infer_start(pass, body->code, "supervise");
    else if (body->result->kind == VKC_TYPE_NIL)
        vkc_infer_expr(pass, body->code, vkc_simple(pass, VKC_TYPE_NOBODY));
    else
        vkc_infer_as(pass, body->code, body->result, &infer.result_reason);
    if (body->actor != NULL && body->kind != VKC_BODY_START)
        vkc_scope_close(pass);
    leave(pass, saved);
}

/* The variables in order; each sees those before it. */
static void start_actor(struct vkc_pass *pass, struct vkc_body *body)
{
    struct vkc_symbol *actor = body->actor;
    vk_assert(actor != NULL); /* of a VKC_BODY_START */
    uint32_t at = actor->slots_count;
    for (uint32_t i = 0; i < at; i++) {
        struct vkc_local local = {actor->state[i], pass->depth};
        if (actor->state[i]->name != NULL)
            VKC_ADD(&pass->program->arena, pass->locals, pass->locals_count, pass->locals_room, local);
    }
    for (uint32_t i = 0; i < body->decl->actor.count; i++) {
        const struct vkc_member *member = &body->decl->actor.members[i];
        if (member->kind != VKC_MEMBER_VAR)
            continue;
        struct vkc_symbol *symbol = actor->state[at++];
        struct vkc_stmt *stmt = member->var;
        if (stmt->let.type != NULL) {
            struct vkc_reason reason = {stmt->let.type->span, "expected because of this type"};
            symbol->type = vkc_resolve_type(pass, stmt->let.type);
            vkc_infer_as(pass, stmt->let.value, symbol->type, &reason);
        } else {
            symbol->type = vkc_infer_expr(pass, stmt->let.value, NULL);
        }
        vkc_pending_add(pass, &symbol->type);
        struct vkc_local local = {symbol, pass->depth};
        if (symbol->name != NULL)
            VKC_ADD(&pass->program->arena, pass->locals, pass->locals_count, pass->locals_room, local);
    }
}

/* ---- expected and found --------------------------------------------------------------------- */

static void help_mismatch(struct vkc_pass *pass, struct vkc_diag *diag, const struct vkc_expr *expr,
                          struct vkc_type *found, struct vkc_type *expected)
{
    enum vkc_type_kind have = found->kind, want = expected->kind;
    struct vkc_type *inside = vkc_type_option(pass->checked, expected);
    struct vkc_type *given = vkc_type_option(pass->checked, found);
    if (inside != NULL && have == VKC_TYPE_NIL)
        vkc_diag_help(pass->diags, diag, "the empty Option is `None`");
    else if (inside != NULL && inside == found)
        vkc_diag_help(pass->diags, diag, "`Some(...)` makes an Option of it");
    else if (given != NULL && given == expected)
        vkc_diag_help(pass->diags, diag,
                      "`... ?? default`, `match`, or `?` takes the value out of an Option");
    else if (found->symbol != NULL && found->symbol == pass->checked->result)
        vkc_diag_help(pass->diags, diag, "`match` or `?` takes the value out of a Result");
    else if (want == VKC_TYPE_FLOAT && have == VKC_TYPE_INT && expr->kind == VKC_EXPR_INT)
        vkc_diag_help(pass->diags, diag, "a Float is written with a point: `%lld.0`",
                      (long long)expr->number);
    else if (want == VKC_TYPE_FLOAT && have == VKC_TYPE_INT)
        vkc_diag_help(pass->diags, diag, "`.to_float` converts");
    else if (want == VKC_TYPE_INT && have == VKC_TYPE_FLOAT)
        vkc_diag_help(pass->diags, diag, "`.to_int` converts, after `.round` or `.floor`");
    else if (want == VKC_TYPE_STR && have >= VKC_TYPE_INT && have <= VKC_TYPE_DURATION)
        vkc_diag_help(pass->diags, diag, "`.str()` gives its text");
    else if (want == VKC_TYPE_DURATION && have == VKC_TYPE_INT)
        vkc_diag_help(pass->diags, diag, "a Duration has a unit: `250ms`, `1s * n`");
    else if (want == VKC_TYPE_INT && have == VKC_TYPE_STR && expr->kind != VKC_EXPR_STR)
        vkc_diag_help(pass->diags, diag, "`.parse_int` gives an `Int?`");
    else if (want == VKC_TYPE_RESPONSE && have == VKC_TYPE_STR)
        vkc_diag_help(pass->diags, diag, "`text(...)` makes a Response of it");
    else if (want == VKC_TYPE_RESPONSE && have != VKC_TYPE_NIL)
        vkc_diag_help(pass->diags, diag, "`json ...` makes a Response of it");
    else if (want == VKC_TYPE_BOOL && have == VKC_TYPE_INT)
        vkc_diag_help(pass->diags, diag, "a condition is a Bool: compare, as in `n != 0`");
}

static void tell_mismatch(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *found,
                          struct vkc_type *expected, const struct vkc_reason *reason)
{
    found = vkc_type_solve(pass->types, found);
    expected = vkc_type_solve(pass->types, expected);
    struct vkc_span span = expr->span;
    if (expr->kind == VKC_EXPR_BLOCK) /* its last line says more than its brace */
        span = (struct vkc_span){span.end > span.start ? span.end - 1 : span.start, span.end};
    struct vkc_diag *diag =
        vkc_error(pass->diags, span, "expected `%s`, found `%s`", vkc_type_text(pass->types, expected),
                  vkc_type_text(pass->types, found));
    if (expr->kind == VKC_EXPR_BLOCK)
        vkc_diag_label(pass->diags, diag, "this block ends without a value");
    if (reason != NULL && reason->span.start != 0)
        vkc_diag_note(pass->diags, diag, reason->span, "%s", reason->text);
    else if (reason != NULL && reason->text != NULL && strncmp(reason->text, "expected", 8) != 0)
        vkc_diag_help(pass->diags, diag, "%s", reason->text);
    help_mismatch(pass, diag, expr, found, expected);
}

bool vkc_infer_fits(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *found,
                    struct vkc_type *expected, const struct vkc_reason *reason)
{
    found = vkc_type_find(found);
    expected = vkc_type_find(expected);
    if (found->kind == VKC_TYPE_NEVER || expected->kind == VKC_TYPE_NOBODY)
        return true;
    if (vkc_type_unify(pass->types, found, expected))
        return true;
    tell_mismatch(pass, expr, found, expected, reason);
    return false;
}

/* Where a mismatch is told: in the last expression of a block, in the branches of an if or a match. */
static bool tells_inside(const struct vkc_expr *expr)
{
    if (expr->kind == VKC_EXPR_IF || expr->kind == VKC_EXPR_MATCH)
        return true;
    return expr->kind == VKC_EXPR_BLOCK && expr->block.count > 0 &&
           expr->block.items[expr->block.count - 1]->kind == VKC_STMT_EXPR;
}

bool vkc_infer_as(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *type,
                  const struct vkc_reason *reason)
{
    struct vkc_expr *last = expr;
    uint32_t errors = pass->diags->errors;
    struct vkc_type *found = vkc_infer_expr(pass, expr, type);
    if (pass->diags->errors != errors && tells_inside(expr)) {
        /* Told inside; what is left would only repeat it. */
        return vkc_type_unify(pass->types, found, type) || vkc_type_find(found)->kind == VKC_TYPE_NEVER;
    }
    while (last->kind == VKC_EXPR_BLOCK && tells_inside(last))
        last = last->block.items[last->block.count - 1]->expr;
    return vkc_infer_fits(pass, last, found, type, reason);
}

/* ---- blocks, if ---------------------------------------------------------------------------------- */

struct vkc_type *vkc_infer_block(struct vkc_pass *pass, struct vkc_expr *block, struct vkc_type *hint)
{
    struct vkc_type *type = vkc_simple(pass, VKC_TYPE_NIL);
    bool is_dead = false;
    vkc_scope_open(pass);
    for (uint32_t i = 0; i < block->block.count; i++) {
        struct vkc_stmt *stmt = block->block.items[i];
        if (is_dead) {
            struct vkc_diag *diag = vkc_error(pass->diags, stmt->span, "nothing reaches this statement");
            vkc_diag_note(pass->diags, diag, block->block.items[i - 1]->span, "this one never goes on");
            break;
        }
        bool is_last = i + 1 == block->block.count && stmt->kind == VKC_STMT_EXPR;
        if (is_last && !vkc_is_stop(pass, stmt->expr)) {
            type = vkc_infer_expr(pass, stmt->expr, hint);
            continue;
        }
        vkc_infer_stmt(pass, stmt);
        is_dead = stmt->kind == VKC_STMT_EXPR && vkc_type_find(stmt->expr->type)->kind == VKC_TYPE_NEVER;
        if (is_dead)
            type = vkc_simple(pass, VKC_TYPE_NEVER);
    }
    vkc_scope_close(pass);
    return type;
}

static bool is_nobody(const struct vkc_type *hint)
{
    return hint != NULL && hint->kind == VKC_TYPE_NOBODY;
}

/* What several branches give together. */
struct joint {
    struct vkc_type *type; /* NULL: none yet that goes on */
    struct vkc_reason reason;
};

static void join(struct vkc_pass *pass, struct joint *joint, struct vkc_expr *branch, struct vkc_type *hint)
{
    if (is_nobody(hint)) {
        struct vkc_type *type = vkc_infer_expr(pass, branch, hint);
        if (vkc_type_find(type)->kind != VKC_TYPE_NEVER)
            joint->type = vkc_simple(pass, VKC_TYPE_NIL);
        return;
    }
    struct vkc_type *want = joint->type != NULL ? joint->type : hint;
    if (joint->type != NULL) {
        vkc_infer_as(pass, branch, want, &joint->reason);
        return;
    }
    struct vkc_type *type = vkc_infer_expr(pass, branch, want);
    if (vkc_type_find(type)->kind == VKC_TYPE_NEVER)
        return;
    joint->type = type;
    joint->reason = (struct vkc_reason){branch->span, "expected because this branch gives it"};
}

/* A branch against what is expected from outside: told at the branch. */
static void join_as(struct vkc_pass *pass, struct joint *joint, struct vkc_expr *branch,
                    struct vkc_type *hint)
{
    bool is_known = hint != NULL && !is_nobody(hint) && vkc_type_find(hint)->kind != VKC_TYPE_VAR;
    if (!is_known) {
        join(pass, joint, branch, hint);
        return;
    }
    struct vkc_reason reason = pass->infer != NULL && hint == pass->infer->result
                                   ? pass->infer->result_reason
                                   : (struct vkc_reason){{0, 0}, NULL};
    if (vkc_infer_as(pass, branch, hint, &reason) && vkc_type_find(branch->type)->kind == VKC_TYPE_NEVER)
        return;
    joint->type = hint;
}

static struct vkc_type *joined(const struct vkc_pass *pass, const struct joint *joint)
{
    return joint->type != NULL ? joint->type : vkc_simple(pass, VKC_TYPE_NEVER);
}

struct vkc_type *vkc_infer_if(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct joint joint = {0};
    struct vkc_reason reason = {.text = NULL};
    bool has_else = expr->branch.otherwise != NULL;
    struct vkc_type *want = has_else ? hint : vkc_simple(pass, VKC_TYPE_NOBODY);
    for (uint32_t i = 0; i < expr->branch.count; i++) {
        vkc_infer_as(pass, expr->branch.branches[i].condition, vkc_simple(pass, VKC_TYPE_BOOL), &reason);
        join_as(pass, &joint, expr->branch.branches[i].body, want);
    }
    if (has_else) {
        join_as(pass, &joint, expr->branch.otherwise, want);
        return joined(pass, &joint);
    }
    struct vkc_type *wanted = hint != NULL ? vkc_type_find(hint) : NULL;
    bool is_asked = wanted != NULL && !is_nobody(wanted) && wanted->kind != VKC_TYPE_NIL &&
                    wanted->kind != VKC_TYPE_VAR && wanted->kind != VKC_TYPE_ERROR;
    if (is_asked) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, expr->span, "expected `%s`, found an `if` without `else`",
                      vkc_type_text(pass->types, wanted));
        vkc_diag_help(pass->diags, diag, "without `else` it gives `nil`");
        return vkc_simple(pass, VKC_TYPE_ERROR);
    }
    return vkc_simple(pass, VKC_TYPE_NIL);
}

struct vkc_type *vkc_infer_match(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct joint joint = {0};
    struct vkc_type *subject = vkc_infer_expr(pass, expr->match.subject, NULL);
    if (expr->match.count == 0)
        vkc_error(pass->diags, expr->span, "a `match` needs an arm");
    for (uint32_t i = 0; i < expr->match.count; i++) {
        struct vkc_arm *arm = &expr->match.arms[i];
        vkc_scope_open(pass);
        vkc_infer_pattern(pass, arm->pattern, subject);
        if (arm->guard != NULL)
            vkc_infer_as(pass, arm->guard, vkc_simple(pass, VKC_TYPE_BOOL), NULL);
        join_as(pass, &joint, arm->body, hint);
        vkc_scope_close(pass);
    }
    vkc_later_add(pass, (struct vkc_later){.kind = VKC_LATER_MATCH, .expr = expr});
    return joined(pass, &joint);
}
