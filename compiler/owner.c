/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership of lists and maps (compiler/types.h): liveness of local variables,
 * backward over the tree of each body. A use that makes an owner is a move when
 * the variable is not live after it, else SHARE. Which parameters are only read
 * is found first, by assuming it of all and taking back until nothing changes.
 */
#include "compiler/owner.h"

#define ROUNDS_MAX     8u
#define LOOPS_DEEP_MAX 6u /* nested deeper, what a loop uses counts as alive in all of it */

struct set {
    uint64_t *words;
};

struct loop {
    const struct loop *outer;
    struct set at_break, at_continue;
};

struct owner {
    struct vkc_pass *pass;
    struct vkc_arena arena; /* of one body */
    struct vkc_body *body;
    struct set live;
    uint32_t words;
    const struct loop *loop;
    uint32_t loops;
    bool is_marking;
    bool has_changed; /* a parameter does not borrow after all */
};

/* ---- sets ------------------------------------------------------------------------------ */

static struct set copy(struct owner *o, struct set from)
{
    return (struct set){vkc_arena_copy(&o->arena, from.words, o->words * sizeof(uint64_t))};
}

static void assign_set(const struct owner *o, struct set to, struct set from)
{
    memcpy(to.words, from.words, o->words * sizeof(uint64_t));
}

static void join(const struct owner *o, struct set to, struct set from)
{
    for (uint32_t i = 0; i < o->words; i++)
        to.words[i] |= from.words[i];
}

static void clear(const struct owner *o, struct set set)
{
    memset(set.words, 0, o->words * sizeof(uint64_t));
}

static bool is_tracked(const struct owner *o, const struct vkc_symbol *symbol)
{
    bool is_local = symbol->kind == VKC_SYMBOL_LOCAL || symbol->kind == VKC_SYMBOL_PARAM;
    return is_local && symbol->body == o->body && symbol->slot != 0;
}

static bool has(struct set set, const struct vkc_symbol *symbol)
{
    return (set.words[symbol->slot / 64] >> symbol->slot % 64 & 1) != 0;
}

static void put(struct set set, const struct vkc_symbol *symbol)
{
    set.words[symbol->slot / 64] |= (uint64_t)1 << symbol->slot % 64;
}

static void drop(struct set set, const struct vkc_symbol *symbol)
{
    set.words[symbol->slot / 64] &= ~((uint64_t)1 << symbol->slot % 64);
}

/* ---- uses ------------------------------------------------------------------------------------ */

static void value(struct owner *o, struct vkc_expr *expr, bool owns);

static bool may_be_list(const struct vkc_type *type)
{
    return type->kind == VKC_TYPE_LIST || type->kind == VKC_TYPE_MAP || type->kind == VKC_TYPE_PARAM;
}

static void mark(const struct owner *o, struct vkc_expr *expr, bool shares)
{
    if (o->is_marking && shares && may_be_list(expr->type))
        expr->shares = true;
}

static void keeps(struct owner *o, const struct vkc_symbol *symbol)
{
    struct vkc_body *body = o->body;
    bool is_param = symbol->kind == VKC_SYMBOL_PARAM && body->borrows != NULL && symbol->body == body;
    if (is_param && body->borrows[symbol->index]) {
        body->borrows[symbol->index] = false;
        o->has_changed = true;
    }
}

static void use_name(struct owner *o, struct vkc_expr *expr, bool owns)
{
    const struct vkc_symbol *symbol = expr->symbol;
    if (symbol == NULL || symbol->kind == VKC_SYMBOL_LET)
        return; /* what lies in the image counts as shared */
    if (!is_tracked(o, symbol)) {
        bool is_variable = symbol->kind <= VKC_SYMBOL_STATE;
        mark(o, expr, owns && is_variable);
        return;
    }
    if (owns)
        keeps(o, symbol);
    mark(o, expr, owns && (symbol->is_captured || has(o->live, symbol)));
    put(o->live, symbol);
}

/* A variable that others may change while its value is only read: seen by closures, methods, records. */
static bool is_shaky(const struct owner *o, const struct vkc_expr *expr)
{
    while (true) {
        if (expr->kind == VKC_EXPR_INDEX) {
            expr = expr->index.object;
        } else if (expr->kind == VKC_EXPR_FIELD && expr->meaning != NULL &&
                   expr->meaning->kind == VKC_CALL_READ) {
            if (expr->meaning->symbol->slots[expr->meaning->index].is_var)
                return true;
            expr = expr->field.object;
        } else {
            break;
        }
    }
    const struct vkc_symbol *symbol = expr->kind == VKC_EXPR_NAME ? expr->symbol : NULL;
    (void)o;
    return symbol != NULL && (symbol->needs_cell || (symbol->kind == VKC_SYMBOL_STATE && symbol->is_var));
}

/* Read only, while `others` are evaluated and, if it calls, something unknown runs. */
static void borrowed(struct owner *o, struct vkc_expr *expr, const struct vkc_call *others, bool calls)
{
    const struct vkc_expr *root = vkc_owner_root(expr);
    const struct vkc_symbol *symbol = root != NULL ? root->symbol : NULL;
    bool shaky = is_shaky(o, expr);
    bool shares = shaky && calls;
    for (uint32_t i = 0; symbol != NULL && others != NULL && i < others->count; i++) {
        const struct vkc_expr *other = others->args[i].value;
        if (other != expr && (shaky || symbol->is_var))
            shares = shares || vkc_owner_changes(other, shaky ? NULL : symbol);
    }
    mark(o, expr, shares);
    value(o, expr, false);
}

/* ---- calls -------------------------------------------------------------------------------------- */

static bool is_quiet(const struct owner *o, const struct vkc_symbol *fn)
{
    if (fn->body == NULL || fn->body->may_wait)
        return false;
    for (uint32_t i = 0; i < fn->slots_count; i++) {
        if (!vkc_type_can(o->pass->checked, fn->slots[i].type, VKC_TRAIT_SEND))
            return false;
    }
    return true;
}

static void call_fn(struct owner *o, const struct vkc_call *call, bool is_spawned)
{
    const struct vkc_body *callee = call->symbol->body;
    bool is_loud = !is_quiet(o, call->symbol);
    for (uint32_t i = call->count; i > 0; i--) {
        struct vkc_expr *arg = call->args[i - 1].value;
        bool borrows = callee != NULL && callee->borrows != NULL && callee->borrows[call->args[i - 1].index];
        if (call->args[i - 1].is_default)
            continue;
        if (borrows && !is_spawned)
            borrowed(o, arg, call, is_loud);
        else
            value(o, arg, true);
    }
}

static void call_builtin(struct owner *o, const struct vkc_call *call)
{
    bool owns = call->builtin->changes || call->builtin->id == VKC_BUILTIN_LIST_FOLD;
    for (uint32_t i = call->count; i > 0; i--)
        value(o, call->args[i - 1].value, owns);
    if (call->receiver == NULL)
        return;
    if (call->builtin->changes)
        value(o, call->receiver, false);
    else
        borrowed(o, call->receiver, call, call->builtin->calls || call->builtin->waits);
}

static void build(struct owner *o, const struct vkc_call *call)
{
    for (uint32_t i = call->count; i > 0; i--) {
        if (call->kind == VKC_CALL_RECORD && call->receiver != NULL && call->base_at == i)
            value(o, call->receiver, false);
        if (!call->args[i - 1].is_default)
            value(o, call->args[i - 1].value, true);
    }
    if (call->kind == VKC_CALL_RECORD && call->receiver != NULL && call->base_at == 0)
        value(o, call->receiver, false);
}

static void message(struct owner *o, const struct vkc_call *call)
{
    for (uint32_t i = call->count; i > 0; i--) {
        if (!call->args[i - 1].is_default)
            value(o, call->args[i - 1].value, false);
    }
    if (call->receiver != NULL)
        value(o, call->receiver, false);
}

static void any_call(struct owner *o, struct vkc_expr *expr, bool owns, bool is_spawned)
{
    const struct vkc_call *call = expr->meaning;
    switch (call->kind) {
    case VKC_CALL_FN:
        call_fn(o, call, is_spawned);
        break;
    case VKC_CALL_CLOSURE:
        for (uint32_t i = call->count; i > 0; i--)
            value(o, call->args[i - 1].value, true);
        value(o, call->receiver, false);
        break;
    case VKC_CALL_VARIANT:
    case VKC_CALL_RECORD:
        build(o, call);
        break;
    case VKC_CALL_BUILTIN:
        call_builtin(o, call);
        break;
    case VKC_CALL_ACTOR:
    case VKC_CALL_METHOD:
        message(o, call);
        break;
    case VKC_CALL_READ:
        mark(o, expr, owns);
        value(o, call->receiver, false);
        break;
    case VKC_CALL_VALUE:
        break;
    }
}

/* ---- branches and loops -------------------------------------------------------------------------- */

static void branches(struct owner *o, struct vkc_expr *expr, bool owns)
{
    struct set after = copy(o, o->live);
    if (expr->branch.otherwise != NULL)
        value(o, expr->branch.otherwise, owns);
    for (uint32_t i = expr->branch.count; i > 0; i--) {
        struct set otherwise = copy(o, o->live);
        assign_set(o, o->live, after);
        value(o, expr->branch.branches[i - 1].body, owns);
        join(o, o->live, otherwise);
        value(o, expr->branch.branches[i - 1].condition, false);
    }
}

static void arms(struct owner *o, struct vkc_expr *expr, bool owns)
{
    struct set after = copy(o, o->live), all = copy(o, o->live);
    clear(o, all);
    for (uint32_t i = expr->match.count; i > 0; i--) {
        const struct vkc_arm *arm = &expr->match.arms[i - 1];
        assign_set(o, o->live, after);
        value(o, arm->body, owns);
        if (arm->guard != NULL) {
            join(o, o->live, all); /* where the guard is false */
            value(o, arm->guard, false);
        }
        join(o, all, o->live);
    }
    assign_set(o, o->live, all);
    value(o, expr->match.subject, false);
}

static bool note_use(const struct vkc_expr *expr, const void *context)
{
    const struct owner *o = context;
    if (expr->kind == VKC_EXPR_NAME && expr->symbol != NULL && is_tracked(o, expr->symbol))
        put(o->live, expr->symbol);
    return false;
}

/* Once to learn what is alive at its head, once with that. */
static void loop_body(struct owner *o, const struct vkc_stmt *stmt)
{
    struct loop loop = {o->loop, copy(o, o->live), copy(o, o->live)};
    bool was_marking = o->is_marking, is_while = stmt->kind == VKC_STMT_WHILE;
    struct vkc_seek seek = {note_use, NULL, o};
    o->loop = &loop;
    if (o->loops++ >= LOOPS_DEEP_MAX) {
        (void)vkc_any(stmt->loop.body, &seek); /* notes */
        if (is_while)
            (void)vkc_any(stmt->loop.first, &seek);
        join(o, loop.at_continue, o->live);
    } else {
        o->is_marking = false;
        for (int i = 0; i < 2; i++) {
            if (is_while)
                value(o, stmt->loop.first, false);
            assign_set(o, loop.at_continue, o->live);
            value(o, stmt->loop.body, false);
            join(o, o->live, loop.at_break);
        }
        o->is_marking = was_marking;
    }
    if (is_while)
        value(o, stmt->loop.first, false);
    assign_set(o, loop.at_continue, o->live);
    value(o, stmt->loop.body, false);
    join(o, o->live, loop.at_break);
    if (is_while)
        value(o, stmt->loop.first, false);
    o->loops--;
    o->loop = loop.outer;
}

/* What it goes through must not change meanwhile. */
static void loop_first(struct owner *o, const struct vkc_stmt *stmt)
{
    struct vkc_expr *first = stmt->loop.first;
    const struct vkc_expr *root = vkc_owner_root(first);
    bool shaky = is_shaky(o, first);
    bool is_var = root != NULL && root->symbol != NULL && root->symbol->is_var;
    mark(o, first, shaky || (is_var && vkc_owner_changes(stmt->loop.body, root->symbol)));
    if (stmt->loop.last != NULL)
        value(o, stmt->loop.last, false);
    value(o, first, false);
}

/* ---- statements ------------------------------------------------------------------------------------ */

static void assign(struct owner *o, const struct vkc_stmt *stmt)
{
    struct vkc_expr *place = stmt->assign.place;
    bool is_name = place->kind == VKC_EXPR_NAME;
    bool is_plain = stmt->assign.op == VKC_BINARY_COUNT;
    if (is_name && is_plain) {
        if (place->symbol != NULL && is_tracked(o, place->symbol))
            drop(o->live, place->symbol);
        value(o, stmt->assign.value, true);
        return;
    }
    value(o, stmt->assign.value, is_plain);
    value(o, place, false);
}

static void statement(struct owner *o, struct vkc_stmt *stmt)
{
    switch (stmt->kind) {
    case VKC_STMT_BAD:
        break;
    case VKC_STMT_LET:
        if (stmt->let.symbol != NULL && is_tracked(o, stmt->let.symbol))
            drop(o->live, stmt->let.symbol);
        value(o, stmt->let.value, stmt->let.name.name != NULL);
        break;
    case VKC_STMT_ASSIGN:
        assign(o, stmt);
        break;
    case VKC_STMT_EXPR:
    case VKC_STMT_ASSERT:
        value(o, stmt->expr, false);
        break;
    case VKC_STMT_FOR:
        loop_body(o, stmt);
        loop_first(o, stmt);
        break;
    case VKC_STMT_WHILE:
        loop_body(o, stmt);
        break;
    }
}

static void block(struct owner *o, struct vkc_expr *expr, bool owns)
{
    for (uint32_t i = expr->block.count; i > 0; i--) {
        struct vkc_stmt *stmt = expr->block.items[i - 1];
        if (i == expr->block.count && stmt->kind == VKC_STMT_EXPR)
            value(o, stmt->expr, owns);
        else
            statement(o, stmt);
    }
}

/* ---- expressions -------------------------------------------------------------------------------------- */

static void binary(struct owner *o, struct vkc_expr *expr, bool owns)
{
    struct set after = copy(o, o->live);
    bool is_coalesce = expr->binary.op == VKC_BINARY_COALESCE;
    bool is_lazy = is_coalesce || expr->binary.op == VKC_BINARY_BOTH || expr->binary.op == VKC_BINARY_EITHER;
    value(o, expr->binary.right, owns);
    if (is_lazy)
        join(o, o->live, after);
    mark(o, expr, is_coalesce && owns);
    const struct vkc_expr *root = vkc_owner_root(expr->binary.left);
    if (root != NULL && root->symbol != NULL && (root->symbol->is_var || is_shaky(o, expr->binary.left)))
        mark(o, expr->binary.left,
             vkc_owner_changes(expr->binary.right, is_shaky(o, expr->binary.left) ? NULL : root->symbol));
    value(o, expr->binary.left, false);
}

static void ends(struct owner *o, struct vkc_expr *expr)
{
    if (expr->kind == VKC_EXPR_BREAK || expr->kind == VKC_EXPR_CONTINUE) {
        if (o->loop != NULL)
            assign_set(o, o->live, expr->kind == VKC_EXPR_BREAK ? o->loop->at_break : o->loop->at_continue);
        return;
    }
    clear(o, o->live);
    if (expr->operand != NULL)
        value(o, expr->operand, expr->kind == VKC_EXPR_RETURN);
}

static void many(struct owner *o, struct vkc_expr *expr)
{
    switch (expr->kind) {
    case VKC_EXPR_STR:
        for (uint32_t i = expr->str.count; i > 0; i--) {
            if (expr->str.parts[i - 1].expr != NULL)
                value(o, expr->str.parts[i - 1].expr, false);
        }
        break;
    case VKC_EXPR_LIST:
        for (uint32_t i = expr->list.count; i > 0; i--)
            value(o, expr->list.items[i - 1], true);
        break;
    case VKC_EXPR_MAP:
        for (uint32_t i = expr->map.count; i > 0; i--) {
            value(o, expr->map.entries[i - 1].value, true);
            value(o, expr->map.entries[i - 1].key, true);
        }
        break;
    case VKC_EXPR_OBJECT:
        for (uint32_t i = expr->object.count; i > 0; i--)
            value(o, expr->object.items[i - 1].value, false);
        break;
    case VKC_EXPR_REQUEST:
        for (uint32_t i = expr->request.options.count; i > 0; i--)
            value(o, expr->request.options.items[i - 1].value, false);
        value(o, expr->request.target, false);
        break;
    default:
        break;
    }
}

/* Captured parameters stay in the closure. */
static void closure(struct owner *o, const struct vkc_expr *expr)
{
    const struct vkc_body *inner = expr->inner;
    for (uint32_t i = 0; inner != NULL && i < inner->captures_count; i++)
        keeps(o, inner->captures[i]);
}

static void value(struct owner *o, struct vkc_expr *expr, bool owns)
{
    bool is_block = expr->kind == VKC_EXPR_SPAWN && expr->inner != NULL;
    if (expr->meaning != NULL) {
        any_call(o, expr, owns, false);
        return;
    }
    switch (expr->kind) {
    case VKC_EXPR_NAME:
        use_name(o, expr, owns);
        break;
    case VKC_EXPR_INDEX:
        mark(o, expr, owns);
        value(o, expr->index.index, false);
        value(o, expr->index.object, false);
        break;
    case VKC_EXPR_PASS:
        mark(o, expr, owns);
        value(o, expr->operand, false);
        break;
    case VKC_EXPR_UNARY:
        value(o, expr->unary.operand, false);
        break;
    case VKC_EXPR_BINARY:
        binary(o, expr, owns);
        break;
    case VKC_EXPR_JSON:
        value(o, expr->json.value, false);
        break;
    case VKC_EXPR_CLOSURE:
        closure(o, expr);
        break;
    case VKC_EXPR_IF:
        branches(o, expr, owns);
        break;
    case VKC_EXPR_MATCH:
        arms(o, expr, owns);
        break;
    case VKC_EXPR_BLOCK:
        block(o, expr, owns);
        break;
    case VKC_EXPR_RETURN:
    case VKC_EXPR_FAIL:
    case VKC_EXPR_BREAK:
    case VKC_EXPR_CONTINUE:
        ends(o, expr);
        break;
    case VKC_EXPR_AWAIT:
        mark(o, expr, owns && expr->await.operand->meaning == NULL);
        if (expr->await.timeout != NULL)
            value(o, expr->await.timeout, false);
        value(o, expr->await.operand, false);
        break;
    case VKC_EXPR_SPAWN:
        if (is_block)
            closure(o, expr);
        else if (expr->operand->meaning != NULL)
            any_call(o, expr->operand, false, true);
        break;
    case VKC_EXPR_SEND:
    case VKC_EXPR_START:
        value(o, expr->operand, false);
        break;
    default:
        many(o, expr);
        break;
    }
}

/* ---- bodies ----------------------------------------------------------------------------------------------
 */

static uint32_t number(struct vkc_symbol **symbols, uint32_t count, uint32_t next)
{
    for (uint32_t i = 0; i < count; i++)
        symbols[i]->slot = may_be_list(symbols[i]->type) ? next++ : 0;
    return next;
}

static void one_body(struct owner *o, struct vkc_body *body)
{
    uint32_t count = number(body->params, body->params_count, 1);
    count = number(body->locals, body->locals_count, count);
    vkc_arena_init(&o->arena);
    o->body = body;
    o->words = count / 64 + 1;
    o->live.words = VKC_NEW_ARRAY(&o->arena, uint64_t, o->words);
    if (body->code != NULL)
        value(o, body->code, body->result->kind != VKC_TYPE_NIL);
    for (uint32_t i = 0; body->kind == VKC_BODY_START && i < body->decl->actor.count; i++) {
        const struct vkc_member *member = &body->decl->actor.members[i];
        if (member->kind == VKC_MEMBER_VAR)
            value(o, member->var->let.value, true);
    }
    vkc_arena_fini(&o->arena);
}

static void all_bodies(struct owner *o)
{
    const struct vkc_checked *checked = o->pass->checked;
    o->has_changed = false;
    for (uint32_t i = 0; i < checked->bodies_count; i++)
        one_body(o, checked->bodies[i]);
}

static void assume(struct vkc_pass *pass, bool borrows)
{
    const struct vkc_checked *checked = pass->checked;
    for (uint32_t i = 0; i < checked->bodies_count; i++) {
        struct vkc_body *body = checked->bodies[i];
        if (body->borrows == NULL)
            body->borrows = VKC_NEW_ARRAY(&pass->program->arena, bool, body->params_count);
        for (uint32_t j = 0; j < body->params_count; j++)
            body->borrows[j] = borrows && body->kind == VKC_BODY_FN;
    }
}

void vkc_owners_find(struct vkc_pass *pass)
{
    struct owner o = {.pass = pass, .has_changed = true};
    assume(pass, true);
    for (uint32_t i = 0; o.has_changed && i < ROUNDS_MAX; i++)
        all_bodies(&o);
    if (o.has_changed)
        assume(pass, false);
    o.is_marking = true;
    all_bodies(&o);
}
