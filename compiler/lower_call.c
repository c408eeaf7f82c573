/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of functions, closures and constructors; closures, fibers, actors. */
#include "compiler/lower_impl.h"

#define ARGS_MAX 64u
#define AWAIT_NS 5000000000 /* how long a call of an actor may take that does not say it */

/* ---- making calls ------------------------------------------------------------------ */

/* Arguments in the order of the parameters to references first. */
static uint32_t refs_first(const struct vkc_fun *f, const uint32_t *args, uint32_t count, uint32_t *ret)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++)
        if (f->code->values[args[i]].type != 0)
            ret[at++] = args[i];
    for (uint32_t i = 0; i < count; i++)
        if (f->code->values[args[i]].type == 0)
            ret[at++] = args[i];
    return at;
}

static uint32_t put_call(struct vkc_fun *f, enum interp_op op, uint32_t number, uint32_t closure,
                         const uint32_t *args, uint32_t count, uint16_t result, uint32_t want)
{
    uint32_t list[ARGS_MAX + 2];
    refs_first(f, args, count, list);
    uint32_t value = result == INTERP_TYPE_NONE ? VKC_NONE : vkc_fun_dest(f, want, result);
    struct vkc_ins *ins = vkc_ir_add(f->code, op);
    ins->number = number;
    ins->reg[0] = value;
    ins->reg[1] = closure;
    vkc_ir_list(f->code, ins, list, count);
    return value;
}

static uint16_t result_of(const struct vkc_unit *unit, uint16_t signature)
{
    return unit->types[signature].of;
}

uint32_t vkc_fun_call(struct vkc_fun *f, uint32_t function, const uint32_t *args, uint32_t count,
                      uint32_t want)
{
    uint16_t result = result_of(f->unit, f->unit->functions[function]->signature);
    return put_call(f, INTERP_OP_CALL, function, VKC_NONE, args, count, result, want);
}

static uint32_t call_native(struct vkc_fun *f, const char *name, const char *host, const uint32_t *args,
                            uint32_t count, uint16_t result, uint32_t want)
{
    uint16_t types[ARGS_MAX] = {0};
    for (uint32_t i = 0; i < count; i++)
        types[i] = f->code->values[args[i]].type;
    uint32_t native = vkc_unit_native(f->unit, name, vkc_unit_fn(f->unit, types, count, result), host);
    return put_call(f, INTERP_OP_CALLN, native, VKC_NONE, args, count, result, want);
}

uint32_t vkc_fun_native(struct vkc_fun *f, const char *name, const uint32_t *args, uint32_t count,
                        uint16_t result, uint32_t want)
{
    return call_native(f, name, NULL, args, count, result, want);
}

uint32_t vkc_fun_host(struct vkc_fun *f, const struct vkc_symbol *symbol, const uint32_t *args)
{
    const char *text = vkc_type_text(&f->lower->checked->types, symbol->type);
    return call_native(f, symbol->name->text, text, args, symbol->slots_count,
                       vkc_lower_result(f->lower, symbol->result), VKC_NONE);
}

uint32_t vkc_fun_apply(struct vkc_fun *f, uint32_t closure, const uint32_t *args, uint32_t count,
                       uint32_t want)
{
    uint16_t result = result_of(f->unit, f->code->values[closure].type);
    return put_call(f, INTERP_OP_CALLC, 0, closure, args, count, result, want);
}

/* ---- arguments ------------------------------------------------------------------------ */

static const struct vkc_expr *later_of(const struct vkc_call *call, uint32_t from)
{
    for (uint32_t i = from; i < call->count; i++)
        if (!vkc_is_calm(call->args[i].value))
            return call->args[i].value;
    return NULL;
}

/* In the order of evaluation, to the order of the parameters. */
void vkc_fun_args(struct vkc_fun *f, const struct vkc_call *call, uint32_t *ret_values)
{
    for (uint32_t i = 0; i < call->count; i++)
        ret_values[call->args[i].index] = vkc_expr_stable(f, call->args[i].value, later_of(call, i + 1));
}

static uint32_t call_fn(struct vkc_fun *f, const struct vkc_call *call, uint32_t want)
{
    uint32_t args[ARGS_MAX];
    vkc_fun_args(f, call, args);
    const struct vkc_instance *callee =
        vkc_instance_of(f->lower->checked, call->symbol->body, call, f->instance);
    return vkc_fun_call(f, vkc_lower_function(f->lower, callee), args, call->count, want);
}

static uint32_t call_closure(struct vkc_fun *f, const struct vkc_call *call, uint32_t want)
{
    uint32_t args[ARGS_MAX];
    uint32_t closure = vkc_expr_stable(f, call->receiver, later_of(call, 0));
    vkc_fun_args(f, call, args);
    return vkc_fun_apply(f, closure, args, call->count, want);
}

static uint32_t call_variant(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t args[ARGS_MAX];
    vkc_fun_args(f, e->meaning, args);
    return vkc_fun_make_variant(f, vkc_fun_type(f, e->type), e->meaning->symbol->index, args, want);
}

static uint32_t call_record(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    const struct vkc_call *call = e->meaning;
    struct vkc_type *type = vkc_fun_type(f, e->type);
    uint32_t args[INTERP_FIELDS_MAX], base = VKC_NONE, count = type->symbol->slots_count;
    for (uint32_t i = 0; i < count; i++)
        args[i] = VKC_NONE;
    for (uint32_t i = 0; i <= call->count; i++) {
        if (call->receiver && i == call->base_at)
            base = vkc_expr_stable(f, call->receiver, later_of(call, i));
        if (i < call->count)
            args[call->args[i].index] = vkc_expr_stable(f, call->args[i].value, later_of(call, i + 1));
    }
    for (uint32_t i = 0; i < count; i++) {
        struct vkc_type *of;
        if (args[i] != VKC_NONE)
            continue;
        uint32_t place = vkc_lower_place(f->lower, type->symbol, type, i, &of);
        args[i] = vkc_fun_field(f, base, place, vkc_lower_type(f->lower, of), VKC_NONE);
        vkc_fun_share(f, args[i], of);
    }
    return vkc_fun_new(f, vkc_lower_type(f->lower, type), args, count, want);
}

/* ---- functions as values ---------------------------------------------------------------- */

/* A function that takes an ENV without captures before its own parameters, and calls `callee`. */
static uint16_t value_env(struct vkc_fun *f, uint32_t callee, uint16_t fn)
{
    struct vkc_lower *l = f->lower;
    struct vkc_code *code;
    uint16_t env = vkc_unit_type_new(f->unit, INTERP_KIND_ENV), words[ARGS_MAX + 1] = {env};
    uint32_t count = f->unit->types[fn].count;
    for (uint32_t i = 0; i < count; i++)
        words[i + 1] = f->unit->type_words[f->unit->types[fn].first + i];
    uint16_t signature = vkc_unit_fn(f->unit, words, count + 1, f->unit->types[fn].of);
    uint32_t made = vkc_lower_made(l, VKC_MADE_VALUE, env, l->unit.functions[callee]->name, signature, &code);
    vkc_unit_type_fill(f->unit, env, NULL, 0);
    f->unit->types[env].of = fn;
    f->unit->types[env].key = (uint16_t)made;
    struct vkc_fun g;
    uint32_t params[ARGS_MAX + 1];
    vkc_fun_init(&g, l, code);
    vkc_fun_params(&g, params);
    vkc_fun_return(&g, vkc_fun_call(&g, callee, params + 1, count, VKC_NONE));
    return env;
}

static uint32_t call_value(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    const struct vkc_instance *instance =
        vkc_instance_of(f->lower->checked, e->meaning->symbol->body, e->meaning, f->instance);
    uint32_t callee = vkc_lower_function(f->lower, instance);
    uint16_t fn = vkc_lower_type(f->lower, vkc_fun_type(f, e->type));
    uint16_t env = value_env(f, callee, fn);
    return vkc_fun_ref(f, vkc_unit_object(f->unit, env, 0, NULL, 0), fn, want);
}

static uint32_t capture(struct vkc_fun *f, const struct vkc_symbol *symbol)
{
    if (symbol->kind == VKC_SYMBOL_SELF)
        return f->self;
    struct vkc_var *var = vkc_fun_var(f, symbol);
    return var ? var->value : vkc_fun_read(f, symbol, VKC_NONE);
}

static uint32_t captures_of(struct vkc_fun *f, const struct vkc_body *body, uint32_t *ret_values)
{
    for (uint32_t i = 0; i < body->captures_count; i++) {
        ret_values[i] = capture(f, body->captures[i]);
        if (!body->captures[i]->needs_cell && body->captures[i]->kind != VKC_SYMBOL_SELF)
            vkc_fun_share(f, ret_values[i], vkc_fun_type(f, body->captures[i]->type));
    }
    return body->captures_count;
}

uint32_t vkc_expr_closure(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t values[ARGS_MAX], count = captures_of(f, e->inner, values);
    const struct vkc_instance *instance = vkc_instance_of(f->lower->checked, e->inner, NULL, f->instance);
    uint32_t function = vkc_lower_function(f->lower, instance);
    uint16_t env = f->unit->type_words[f->unit->types[f->unit->functions[function]->signature].first];
    return vkc_fun_new(f, env, values, count,
                       want == VKC_NONE ? vkc_fun_fresh(f, vkc_fun_type(f, e->type)) : want);
}

/* ---- fibers ---------------------------------------------------------------------------------- */

uint32_t vkc_fun_spawn(struct vkc_fun *f, uint32_t function, const uint32_t *args, uint32_t count,
                       uint32_t want)
{
    uint16_t result = result_of(f->unit, f->unit->functions[function]->signature);
    return put_call(f, INTERP_OP_SPAWN, function, VKC_NONE, args, count, vkc_unit_fiber(f->unit, result),
                    want);
}

/* spawn c(a) of a closure: a function that takes both and calls. */
static uint32_t spawn_closure(struct vkc_fun *f, const struct vkc_call *call, uint32_t want)
{
    uint32_t args[ARGS_MAX + 1], params[ARGS_MAX + 1];
    uint16_t types[ARGS_MAX + 1];
    args[0] = vkc_expr_stable(f, call->receiver, later_of(call, 0));
    vkc_fun_args(f, call, args + 1);
    for (uint32_t i = 0; i <= call->count; i++)
        types[i] = f->code->values[args[i]].type;
    uint16_t signature = vkc_unit_fn(f->unit, types, call->count + 1, result_of(f->unit, types[0]));
    struct vkc_code *code = NULL;
    uint32_t made = vkc_lower_made(f->lower, VKC_MADE_VALUE, 0x10000u + types[0], "spawn", signature, &code);
    if (code) {
        struct vkc_fun g;
        vkc_fun_init(&g, f->lower, code);
        vkc_fun_params(&g, params);
        vkc_fun_return(&g, vkc_fun_apply(&g, params[0], params + 1, call->count, VKC_NONE));
    }
    return vkc_fun_spawn(f, made, args, call->count + 1, want);
}

uint32_t vkc_expr_spawn(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t args[ARGS_MAX], count;
    if (e->inner) {
        const struct vkc_instance *instance = vkc_instance_of(f->lower->checked, e->inner, NULL, f->instance);
        count = captures_of(f, e->inner, args);
        return vkc_fun_spawn(f, vkc_lower_function(f->lower, instance), args, count, want);
    }
    const struct vkc_call *call = e->operand->meaning;
    if (call && call->kind == VKC_CALL_CLOSURE)
        return spawn_closure(f, call, want);
    if (!call || call->kind != VKC_CALL_FN) {
        vkc_lower_error(f->lower, e->span, "a fiber of a built-in function");
        return VKC_NONE;
    }
    vkc_fun_args(f, call, args);
    const struct vkc_instance *callee =
        vkc_instance_of(f->lower->checked, call->symbol->body, call, f->instance);
    return vkc_fun_spawn(f, vkc_lower_function(f->lower, callee), args, call->count, want);
}

/* The record of the arguments of an actor's method, or VKC_NONE. */
static uint32_t message(struct vkc_fun *f, const struct vkc_call *call)
{
    uint32_t args[ARGS_MAX];
    uint16_t words[ARGS_MAX];
    struct interp_type record = {.kind = INTERP_KIND_RECORD};
    if (call->count == 0)
        return VKC_NONE;
    vkc_fun_args(f, call, args);
    uint32_t list[ARGS_MAX], count = refs_first(f, args, call->count, list);
    for (uint32_t i = 0; i < count; i++) {
        words[i] = f->code->values[list[i]].type;
        record.refs = (uint16_t)(record.refs + (words[i] != 0));
    }
    return vkc_fun_new(f, vkc_unit_type(f->unit, record, words, count), args, count, VKC_NONE);
}

/* What asks an actor: VKC_CALL_METHOD. Its native's arguments but the timeout; how many there are. */
static uint32_t ask_args(struct vkc_fun *f, const struct vkc_call *call, const struct vkc_expr *timeout,
                         uint32_t *ret_args)
{
    uint32_t count = 0;
    const struct vkc_expr *later = later_of(call, 0);
    if (!later && timeout && !vkc_is_calm(timeout))
        later = timeout;
    ret_args[count++] = vkc_expr_stable(f, call->receiver, later);
    uint32_t record = message(f, call);
    if (record != VKC_NONE)
        ret_args[count++] = record;
    ret_args[count++] = vkc_fun_number(f, vkc_lower_method(f->lower, call->symbol), VKC_NONE);
    return count;
}

static uint32_t send(struct vkc_fun *f, const struct vkc_call *call)
{
    uint32_t args[3], count = ask_args(f, call, NULL, args);
    (void)vkc_fun_native(f, "actor.send", args, count, INTERP_TYPE_NONE, VKC_NONE);
    return VKC_NONE;
}

/* Ok with the answer, or Err with why there is none. */
static uint32_t try_answer(struct vkc_fun *f, struct vkc_type *type, uint32_t outcome, uint32_t want)
{
    uint32_t ok = vkc_name_is(type->symbol->members[0]->name, "Ok") ? 0 : 1;
    uint32_t fine = vkc_ir_label(f->code), end = vkc_ir_label(f->code), error = vkc_ir_value(f->code, 0);
    struct vkc_type *of;
    (void)vkc_lower_place(f->lower, type->symbol->members[ok], type, 0, &of);
    uint16_t answer = vkc_lower_result(f->lower, of);
    want = vkc_fun_dest(f, want, vkc_lower_type(f->lower, type));
    vkc_ir_branch_imm(f->code, INTERP_OP_JEQI, outcome, 0, fine);
    vkc_ir_imm(f->code, INTERP_OP_ADDI, error, outcome, -1);
    (void)vkc_fun_make_variant(f, type, 1 - ok, &error, want);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, fine);
    uint32_t value = vkc_fun_native(f, "actor.answer", NULL, 0, answer, VKC_NONE);
    if (value == VKC_NONE)
        value = vkc_fun_number(f, 0, VKC_NONE);
    (void)vkc_fun_make_variant(f, type, ok, &value, want);
    vkc_ir_place(f->code, end);
    return want;
}

static uint32_t await_actor(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    struct vkc_type *type = vkc_fun_type(f, e->type);
    uint32_t args[4], count = ask_args(f, e->await.operand->meaning, e->await.timeout, args);
    args[count++] = e->await.timeout ? vkc_expr_value(f, e->await.timeout, VKC_NONE)
                                     : vkc_fun_number(f, AWAIT_NS, VKC_NONE);
    if (!e->await.is_try)
        return vkc_fun_native(f, "actor.call", args, count, vkc_lower_result(f->lower, type), want);
    return try_answer(f, type, vkc_fun_native(f, "actor.ask", args, count, 0, VKC_NONE), want);
}

uint32_t vkc_expr_await(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    if (e->kind == VKC_EXPR_SEND)
        return send(f, e->operand->meaning);
    const struct vkc_expr *operand = e->await.operand;
    if (operand->meaning && operand->meaning->kind == VKC_CALL_METHOD)
        return await_actor(f, e, want);
    uint32_t fiber = vkc_expr_stable(f, operand, e->await.timeout);
    uint16_t result = vkc_lower_result(f->lower, vkc_fun_type(f, e->type));
    if (e->await.timeout) {
        uint32_t args[] = {fiber, vkc_expr_value(f, e->await.timeout, VKC_NONE)};
        (void)vkc_fun_native(f, "fiber.wait", args, 2, INTERP_TYPE_NONE, VKC_NONE);
    }
    bool is_ref = result != 0 && result != INTERP_TYPE_NONE;
    want = vkc_fun_dest(f, want, is_ref ? result : 0);
    vkc_ir_op2(f->code, is_ref ? INTERP_OP_AWAIT : INTERP_OP_AWAITS, want, fiber);
    return want;
}

/* ---- e? ------------------------------------------------------------------------------------------ */

static uint32_t pass_option(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want)
{
    uint32_t some = vkc_ir_label(f->code);
    vkc_jump_some(f, type, value, true, some);
    struct vkc_type *result = f->body ? vkc_fun_type(f, f->body->result) : type;
    vkc_fun_return(f, vkc_fun_make_none(f, result, VKC_NONE));
    vkc_ir_place(f->code, some);
    return vkc_fun_some(f, type, value, want);
}

uint32_t vkc_expr_pass(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    struct vkc_type *type = vkc_fun_type(f, e->operand->type), *of;
    uint32_t value = vkc_expr_value(f, e->operand, VKC_NONE);
    if (vkc_type_option(f->lower->checked, type))
        return pass_option(f, type, value, want);
    uint32_t ok = vkc_name_is(type->symbol->members[0]->name, "Ok") ? 0 : 1;
    uint32_t tag = vkc_ir_value(f->code, 0), fine = vkc_ir_label(f->code);
    vkc_ir_op2(f->code, INTERP_OP_TAG, tag, value);
    vkc_ir_branch_imm(f->code, INTERP_OP_JEQI, tag, ok, fine);
    uint32_t error = vkc_fun_payload(f, type, 1 - ok, 0, value, VKC_NONE);
    struct vkc_type *result = vkc_fun_type(f, f->body->result);
    (void)vkc_lower_place(f->lower, type->symbol->members[1 - ok], type, 0, &of);
    if (f->body->kind == VKC_BODY_ROUTE || !vkc_is_named(result, VKC_SYMBOL_ENUM))
        vkc_fun_fail_with(f, of, error);
    else
        vkc_fun_return(f, vkc_fun_make_variant(f, result, 1 - ok, &error, VKC_NONE));
    vkc_ir_place(f->code, fine);
    return vkc_fun_payload(f, type, ok, 0, value, want);
}

/* ---- all of them ------------------------------------------------------------------------------------ */

static uint32_t start_actor(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    const struct vkc_call *call = e->meaning ? e->meaning : e->operand->meaning;
    uint32_t args[2], count = 0, record = message(f, call);
    if (record != VKC_NONE)
        args[count++] = record;
    args[count++] = vkc_fun_number(f, vkc_lower_actor(f->lower, call->symbol), VKC_NONE);
    return vkc_fun_native(f, "actor.start", args, count, vkc_lower_type(f->lower, vkc_fun_type(f, e->type)),
                          want);
}

uint32_t vkc_expr_call(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    if (e->kind == VKC_EXPR_START)
        return start_actor(f, e, want);
    switch (e->meaning->kind) {
    case VKC_CALL_FN:
        return call_fn(f, e->meaning, want);
    case VKC_CALL_CLOSURE:
        return call_closure(f, e->meaning, want);
    case VKC_CALL_VARIANT:
        return call_variant(f, e, want);
    case VKC_CALL_RECORD:
        return call_record(f, e, want);
    case VKC_CALL_VALUE:
        return call_value(f, e, want);
    case VKC_CALL_ACTOR:
        return start_actor(f, e, want);
    case VKC_CALL_BUILTIN:
        return vkc_expr_builtin(f, e, want);
    default:
        vkc_lower_error(f->lower, e->span, "this call");
        return VKC_NONE;
    }
}
