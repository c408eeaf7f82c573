/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: await, send, start; actors and supervisors. */
#include "compiler/pass.h"
#include "interp/bytecode.h"
#include "vk/limits.h"

static struct vkc_type *error_type(const struct vkc_pass *pass)
{
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

void vkc_wait_add(struct vkc_pass *pass, struct vkc_span span, const char *what)
{
    struct vkc_body *body = pass->infer->body;
    if (body->may_wait)
        return;
    body->may_wait = true;
    body->wait = (struct vkc_wait){span, what, NULL};
}

static const char *quoted(struct vkc_pass *pass, const struct vkc_name *name)
{
    struct vkc_text text = {0};
    vkc_text_print(&text, "`%s`", name->text);
    const char *kept = vkc_arena_text(&pass->program->arena, text.bytes, text.len);
    vkc_text_fini(&text);
    return kept;
}

/* ---- asking an actor ------------------------------------------------------------------ */

struct vkc_type *vkc_infer_ask(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *object)
{
    struct vkc_ident name = expr->call.callee->field.name;
    const struct vkc_symbol *actor = object->symbol;
    struct vkc_symbol *method = NULL;
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, name.name->text, name.name->len);
    for (uint32_t i = 0; i < actor->members_count; i++) {
        if (actor->members[i]->name == name.name)
            method = actor->members[i];
        else if (actor->members[i]->name != NULL)
            vkc_nearest_offer(&nearest, actor->members[i]->name->text);
    }
    if (method == NULL) {
        for (uint32_t i = 0; i < expr->call.args.count; i++)
            vkc_infer_expr(pass, expr->call.args.items[i].value, NULL);
        struct vkc_diag *diag = vkc_error(pass->diags, name.span, "actor `%s` has no method `%s`",
                                          actor->name->text, name.name->text);
        vkc_nearest_help(&nearest, pass->diags, diag);
        return error_type(pass);
    }
    struct vkc_call *call = vkc_call_new(pass, expr, VKC_CALL_METHOD, method);
    call->receiver = expr->call.callee->field.object;
    expr->symbol = method;
    vkc_infer_args(pass, expr, call, &expr->call.args, method->slots, method->slots_count, 0,
                   quoted(pass, method->name), method->span, NULL);
    return method->result;
}

static struct vkc_type *ask(struct vkc_pass *pass, struct vkc_expr *operand)
{
    const struct vkc_expr *before = pass->asked;
    pass->asked = operand;
    struct vkc_type *type = vkc_infer_expr(pass, operand, NULL);
    pass->asked = before;
    return type;
}

static bool is_ask(const struct vkc_expr *operand)
{
    return operand->meaning != NULL && operand->meaning->kind == VKC_CALL_METHOD;
}

struct vkc_type *vkc_infer_await(struct vkc_pass *pass, struct vkc_expr *expr)
{
    struct vkc_expr *operand = expr->await.operand;
    struct vkc_reason reason = {.text = "`timeout:` takes a Duration"};
    struct vkc_type *type = vkc_type_find(ask(pass, operand));
    vkc_wait_add(pass, expr->span, "await");
    if (expr->await.timeout != NULL)
        vkc_infer_as(pass, expr->await.timeout, vkc_simple(pass, VKC_TYPE_DURATION), &reason);
    if (is_ask(operand)) {
        struct vkc_type *args[2] = {type, pass->checked->call_error->type};
        return expr->await.is_try ? vkc_type_make(pass->types, VKC_TYPE_NAMED, pass->checked->result, args, 2)
                                  : type;
    }
    if (type->kind == VKC_TYPE_ERROR || type->kind == VKC_TYPE_NEVER)
        return error_type(pass);
    if (type->kind != VKC_TYPE_FIBER) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, operand->span, "expected a fiber or a call of an actor, found `%s`",
                      vkc_type_text(pass->types, type));
        vkc_diag_help(pass->diags, diag, "an ordinary call waits by itself: leave `await` out");
        return error_type(pass);
    }
    if (expr->await.is_try)
        vkc_error(pass->diags, expr->span, "`try await` is for calls of actors: a fiber cannot die alone");
    return type->args[0];
}

struct vkc_type *vkc_infer_send(struct vkc_pass *pass, struct vkc_expr *expr)
{
    const struct vkc_type *type = vkc_type_find(ask(pass, expr->operand));
    vkc_wait_add(pass, expr->span, "send");
    if (!is_ask(expr->operand) && type->kind != VKC_TYPE_ERROR)
        vkc_error(pass->diags, expr->operand->span, "`send` takes a call of an actor's method");
    return vkc_simple(pass, VKC_TYPE_NIL);
}

/* ---- starting one -------------------------------------------------------------------------- */

struct vkc_type *vkc_infer_start(struct vkc_pass *pass, struct vkc_expr *expr, const char *word)
{
    struct vkc_ident names[2];
    struct vkc_path path = {.names = names};
    const struct vkc_expr *callee = expr->kind == VKC_EXPR_CALL ? expr->call.callee : NULL;
    if (callee != NULL && callee->kind == VKC_EXPR_FIELD && callee->field.object->kind == VKC_EXPR_NAME) {
        names[path.count++] = callee->field.object->name;
        names[path.count++] = callee->field.name;
    } else if (callee != NULL && callee->kind == VKC_EXPR_NAME) {
        names[path.count++] = callee->name;
    }
    if (path.count == 0) {
        if (expr->kind != VKC_EXPR_BAD)
            vkc_error(pass->diags, expr->span, "`%s` takes an actor with its arguments: `Counter(1)`", word);
        return error_type(pass);
    }
    if (pass->infer->body->starts.start == 0)
        pass->infer->body->starts = expr->span;
    struct vkc_symbol *actor = vkc_resolve_type_path(pass, &path, path.count, "actor");
    bool is_actor = actor != NULL && actor->kind == VKC_SYMBOL_ACTOR;
    expr->type = is_actor ? actor->type : error_type(pass);
    if (!is_actor || expr->type->kind == VKC_TYPE_ERROR) {
        for (uint32_t i = 0; i < expr->call.args.count; i++)
            vkc_infer_expr(pass, expr->call.args.items[i].value, NULL);
        if (actor != NULL)
            vkc_error(pass->diags, callee->span, "`%s` is no actor", actor->name->text);
        return expr->type;
    }
    struct vkc_call *call = vkc_call_new(pass, expr, VKC_CALL_ACTOR, actor);
    vkc_infer_args(pass, expr, call, &expr->call.args, actor->slots, actor->slots_count, 0,
                   quoted(pass, actor->name), actor->span, NULL);
    return expr->type;
}

/* ---- supervisors ------------------------------------------------------------------------------ */

void vkc_infer_supervisor(struct vkc_pass *pass, struct vkc_decl *decl)
{
    const struct vkc_expr *max = decl->supervise.max, *per = decl->supervise.per;
    if (max != NULL && max->kind != VKC_EXPR_BAD && (max->kind != VKC_EXPR_INT || max->number < 1))
        vkc_error(pass->diags, max->span, "expected a positive Int after `max:`");
    if (per != NULL && per->kind != VKC_EXPR_BAD && (per->kind != VKC_EXPR_DURATION || per->number < 1))
        vkc_error(pass->diags, per->span, "expected a Duration after `per:`, as in `10s`");
    if (max != NULL && max->kind == VKC_EXPR_INT && max->number > PROC_RESTARTS_MAX)
        vkc_error(pass->diags, max->span, "`max:` is at most %u", PROC_RESTARTS_MAX);
    if (decl->supervise.count > PROC_CHILDREN_MAX)
        vkc_error(pass->diags, decl->supervise.children[PROC_CHILDREN_MAX].name.span,
                  "a `supervise` block has at most %u actors; divide it", PROC_CHILDREN_MAX);
    if (decl->supervise.count == 0)
        vkc_error(pass->diags, decl->span, "`supervise` needs an actor to start");
    for (uint32_t i = 0; i < decl->supervise.count; i++) {
        struct vkc_child *child = &decl->supervise.children[i];
        struct vkc_body *body = vkc_body_new(pass, VKC_BODY_CHILD, decl, child->start);
        body->symbol = child->symbol;
        child->symbol->body = body;
        body->result = child->symbol->type;
        if (child->symbol->type->kind != VKC_TYPE_ERROR)
            vkc_infer_body(pass, body);
    }
    VKC_ADD(&pass->program->arena, pass->checked->supervisors, pass->checked->supervisors_count,
            pass->supervisors_room, decl);
}

/* ---- actors ------------------------------------------------------------------------------------------ */

static struct vkc_body *actor_body(struct vkc_pass *pass, struct vkc_symbol *actor, enum vkc_body_kind kind,
                                   struct vkc_member *member, struct vkc_expr *code)
{
    struct vkc_body *body = vkc_body_new(pass, kind, actor->decl, code);
    body->actor = actor;
    body->member = member;
    if (member != NULL && code == NULL)
        body->span = member->span;
    return body;
}

static struct vkc_symbol *add_state(struct vkc_pass *pass, struct vkc_symbol *actor, struct vkc_ident name,
                                    struct vkc_type *type, uint32_t *room)
{
    struct vkc_symbol *symbol = vkc_symbol_new(pass, VKC_SYMBOL_STATE, name);
    symbol->outer = actor;
    symbol->index = actor->state_count;
    symbol->type = type;
    for (uint32_t i = 0; i < actor->state_count && name.name != NULL; i++) {
        if (actor->state[i]->name != name.name)
            continue;
        struct vkc_diag *diag =
            vkc_error(pass->diags, name.span, "`%s` is declared twice in this actor", name.name->text);
        vkc_diag_note(pass->diags, diag, actor->state[i]->span, "first declared here");
    }
    VKC_ADD(&pass->program->arena, actor->state, actor->state_count, *room, symbol);
    return symbol;
}

/* Symbols of its parameters and variables, and their types. */
void vkc_infer_state(struct vkc_pass *pass, struct vkc_symbol *actor)
{
    struct vkc_decl *decl = actor->decl;
    uint32_t room = 0;
    pass->module = actor->module;
    actor->self = vkc_symbol_new(pass, VKC_SYMBOL_SELF, (struct vkc_ident){0});
    actor->self->outer = actor;
    for (uint32_t i = 0; i < actor->slots_count; i++)
        decl->actor.params.items[i].symbol =
            add_state(pass, actor, decl->actor.params.items[i].name, actor->slots[i].type, &room);
    for (uint32_t i = 0; i < decl->actor.count; i++) {
        struct vkc_member *member = &decl->actor.members[i];
        if (member->kind != VKC_MEMBER_VAR)
            continue;
        struct vkc_symbol *symbol = add_state(pass, actor, member->var->let.name, error_type(pass), &room);
        symbol->is_var = member->var->let.is_var;
        member->symbol = member->var->let.symbol = symbol;
    }
    struct vkc_body *body = actor_body(pass, actor, VKC_BODY_START, NULL, NULL);
    body->symbol = actor;
    actor->body = body;
    vkc_infer_body(pass, body);
}

static void infer_method(struct vkc_pass *pass, struct vkc_symbol *actor, struct vkc_member *member)
{
    struct vkc_symbol *method = member->symbol;
    struct vkc_body *body = actor_body(pass, actor, VKC_BODY_METHOD, member, member->fn.body);
    body->symbol = method;
    body->result = method->result;
    method->body = body;
    vkc_body_params(pass, body, &member->fn.params, method->slots);
    vkc_infer_body(pass, body);
}

/* A period that is written as a number, so that a timer without end is refused before it runs. */
static void check_period(struct vkc_pass *pass, const struct vkc_expr *period)
{
    bool is_negative = period->kind == VKC_EXPR_UNARY && period->unary.op == VKC_UNARY_NEGATE &&
                       period->unary.operand->kind == VKC_EXPR_DURATION;
    if (is_negative || (period->kind == VKC_EXPR_DURATION && period->number == 0))
        vkc_error(pass->diags, period->span, "the time between two turns of a timer is at least 1ns");
}

void vkc_infer_actor(struct vkc_pass *pass, struct vkc_symbol *actor)
{
    uint32_t timers = 0;
    pass->module = actor->module;
    for (uint32_t i = 0; i < actor->decl->actor.count; i++) {
        struct vkc_member *member = &actor->decl->actor.members[i];
        if (member->kind == VKC_MEMBER_ON)
            infer_method(pass, actor, member);
        if (member->kind != VKC_MEMBER_EVERY)
            continue;
        if (timers++ == INTERP_TIMERS_MAX)
            vkc_error(pass->diags, member->span, "an actor has at most %u timers", INTERP_TIMERS_MAX);
        struct vkc_body *period = actor_body(pass, actor, VKC_BODY_PERIOD, member, member->period);
        period->result = vkc_simple(pass, VKC_TYPE_DURATION);
        vkc_infer_body(pass, period);
        check_period(pass, member->period);
        vkc_infer_body(pass, actor_body(pass, actor, VKC_BODY_EVERY, member, member->body));
    }
}
