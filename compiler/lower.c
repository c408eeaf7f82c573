/* SPDX-License-Identifier: Apache-2.0 */
/* Functions: one of the module for each instance of a body, and those that lowering makes itself. */
#include "compiler/lower.h"

#include "compiler/lower_impl.h"

#include <string.h>

#define PARAMS_MAX 80u

void vkc_lower_error(struct vkc_lower *l, struct vkc_span span, const char *what)
{
    vkc_error(l->diags, span, "%s cannot be compiled yet", what);
}

/* ---- names ---------------------------------------------------------------------- */

static const char *body_name(struct vkc_lower *l, const struct vkc_body *body)
{
    static const char *const words[] = {
        [VKC_BODY_CLOSURE] = "closure", [VKC_BODY_SPAWN] = "spawn",   [VKC_BODY_START] = "start",
        [VKC_BODY_EVERY] = "every",     [VKC_BODY_PERIOD] = "period", [VKC_BODY_ROUTE] = "route",
        [VKC_BODY_ERROR] = "error",     [VKC_BODY_CRASH] = "crash",   [VKC_BODY_TEST] = "test"};
    struct vkc_text text = {0};
    if (body->actor && body->kind != VKC_BODY_CLOSURE && body->kind != VKC_BODY_SPAWN)
        vkc_text_print(&text, "%s.", body->actor->name->text);
    if (body->kind == VKC_BODY_START || body->kind == VKC_BODY_PERIOD || body->kind == VKC_BODY_EVERY ||
        !body->symbol || !body->symbol->name)
        vkc_text_put(&text, words[body->kind] ? words[body->kind] : "?");
    else
        vkc_text_put(&text, body->symbol->name->text);
    const char *name = vkc_arena_text(l->arena, text.bytes, text.len);
    vkc_text_fini(&text);
    return name;
}

/* ---- signatures -------------------------------------------------------------------- */

static struct vkc_type *type_in(struct vkc_lower *l, struct vkc_type *type,
                                const struct vkc_instance *instance)
{
    return vkc_type_at(l->checked, type, instance);
}

/* What a captured symbol is inside: its value, its cell, or the actor's state. */
static uint16_t capture_type(struct vkc_lower *l, const struct vkc_symbol *symbol,
                             const struct vkc_instance *instance)
{
    if (symbol->kind == VKC_SYMBOL_SELF)
        return vkc_lower_state(l, instance->body->actor);
    uint16_t type = vkc_lower_type(l, type_in(l, symbol->type, instance));
    return symbol->needs_cell ? vkc_lower_cell(l, type) : type;
}

static bool takes_state(const struct vkc_body *body)
{
    return body->kind == VKC_BODY_METHOD || body->kind == VKC_BODY_EVERY || body->kind == VKC_BODY_PERIOD;
}

/* Parameters in their order: captures of a fiber, the state, then those written down. */
static uint32_t param_types(struct vkc_lower *l, const struct vkc_instance *instance, uint16_t *ret)
{
    const struct vkc_body *body = instance->body;
    uint32_t count = 0;
    if (body->kind == VKC_BODY_SPAWN)
        for (uint32_t i = 0; i < body->captures_count; i++)
            ret[count++] = capture_type(l, body->captures[i], instance);
    if (takes_state(body))
        ret[count++] = vkc_lower_state(l, body->actor);
    if (body->kind == VKC_BODY_START)
        for (uint32_t i = 0; i < body->actor->slots_count; i++)
            ret[count++] = vkc_lower_type(l, body->actor->slots[i].type);
    for (uint32_t i = 0; i < body->params_count; i++)
        ret[count++] = vkc_lower_type(l, type_in(l, body->params[i]->type, instance));
    return count;
}

static uint16_t result_type(struct vkc_lower *l, const struct vkc_instance *instance)
{
    const struct vkc_body *body = instance->body;
    if (body->kind == VKC_BODY_START)
        return vkc_lower_state(l, body->actor);
    if (body->kind == VKC_BODY_TEST || body->kind == VKC_BODY_EVERY)
        return INTERP_TYPE_NONE;
    if (body->kind == VKC_BODY_PERIOD)
        return 0;
    if (body->kind == VKC_BODY_LET) /* a constant, of Nil too */
        return vkc_lower_type(l, type_in(l, body->result, instance));
    return vkc_lower_result(l, type_in(l, body->result, instance));
}

static uint16_t closure_signature(struct vkc_lower *l, const struct vkc_instance *instance, uint32_t function)
{
    const struct vkc_body *body = instance->body;
    uint16_t words[PARAMS_MAX], fields[INTERP_FIELDS_MAX];
    uint16_t env = vkc_unit_type_new(&l->unit, INTERP_KIND_ENV);
    uint32_t count = param_types(l, instance, words + 1), at = 0;
    uint16_t result = result_type(l, instance);
    uint16_t of = vkc_unit_fn(&l->unit, words + 1, count, result); /* may move the types */
    l->unit.types[env].of = of;
    l->unit.types[env].key = (uint16_t)function;
    for (uint32_t wants_ref = 2; wants_ref-- > 0;)
        for (uint32_t i = 0; i < body->captures_count; i++) {
            uint16_t type = capture_type(l, body->captures[i], instance);
            if ((type != 0) == wants_ref)
                fields[at++] = type;
        }
    vkc_unit_type_fill(&l->unit, env, fields, at);
    words[0] = env;
    return vkc_unit_fn(&l->unit, words, count + 1, result);
}

static uint16_t signature_of(struct vkc_lower *l, const struct vkc_instance *instance)
{
    uint16_t words[PARAMS_MAX];
    uint32_t count = param_types(l, instance, words);
    return vkc_unit_fn(&l->unit, words, count, result_type(l, instance));
}

/* ---- making functions ------------------------------------------------------------------ */

static void note_origin(struct vkc_lower *l, uint32_t function, const struct vkc_instance *instance)
{
    while (l->queue_count <= function)
        *VKC_APPEND(l->arena, l->queue, l->queue_count, l->queue_room) = NULL;
    l->queue[function] = instance;
}

uint32_t vkc_lower_function(struct vkc_lower *l, const struct vkc_instance *instance)
{
    while (instance->id >= l->functions_room) {
        uint32_t room = l->functions_room == 0 ? 256 : l->functions_room * 2;
        uint32_t *grown = VKC_NEW_ARRAY(l->arena, uint32_t, room);
        vk_copy(grown, l->functions, l->functions_room * sizeof *grown);
        l->functions = grown;
        l->functions_room = room;
    }
    if (l->functions[instance->id])
        return l->functions[instance->id] - 1;
    struct vkc_code *code = vkc_unit_function(&l->unit, body_name(l, instance->body), 0);
    l->functions[instance->id] = code->id + 1;
    code->signature = instance->body->kind == VKC_BODY_CLOSURE ? closure_signature(l, instance, code->id)
                                                               : signature_of(l, instance);
    note_origin(l, code->id, instance);
    return code->id;
}

uint32_t vkc_lower_made(struct vkc_lower *l, enum vkc_made made, uint32_t id, const char *name,
                        uint16_t signature, struct vkc_code **ret_code)
{
    uint32_t key[2] = {made, id};
    uint32_t function = vkc_keys_put(&l->made, l->arena, key, sizeof key, l->unit.functions_count);
    *ret_code = NULL;
    if (function == l->unit.functions_count)
        *ret_code = vkc_unit_function(&l->unit, name, signature);
    return function;
}

void vkc_fun_init(struct vkc_fun *f, struct vkc_lower *l, struct vkc_code *code)
{
    *f = (struct vkc_fun){.lower = l, .code = code, .unit = &l->unit, .self = VKC_NONE};
}

void vkc_fun_params(struct vkc_fun *f, uint32_t *ret_values)
{
    const struct interp_type signature = f->unit->types[f->code->signature];
    f->code->params = VKC_NEW_ARRAY(f->lower->arena, uint32_t, signature.count + 1u);
    f->code->params_count = signature.count;
    for (uint32_t i = 0; i < signature.count; i++)
        ret_values[i] = f->code->params[i] = vkc_ir_value(f->code, f->unit->type_words[signature.first + i]);
}

void vkc_fun_return(struct vkc_fun *f, uint32_t value)
{
    uint16_t result = f->unit->types[f->code->signature].of;
    if (result == INTERP_TYPE_NONE)
        (void)vkc_ir_add(f->code, INTERP_OP_RET);
    else if (value == VKC_NONE)
        vkc_ir_trap(f->code, INTERP_TRAP_NIL); /* after what never comes back */
    else
        vkc_ir_op1(f->code, result == 0 ? INTERP_OP_RETS : INTERP_OP_RETR, value);
}

/* ---- bodies --------------------------------------------------------------------------------- */

/* Values of the parameters from the order of the signature, references first, to the order written. */
static void sort_params(const struct vkc_fun *f, const uint32_t *values, const uint16_t *types,
                        uint32_t count, uint32_t *ret_values)
{
    uint32_t refs = 0, scalars = 0;
    for (uint32_t i = 0; i < count; i++)
        scalars += types[i] != 0;
    for (uint32_t i = 0; i < count; i++)
        ret_values[i] = types[i] != 0 ? values[refs++] : values[scalars++];
    (void)f;
}

static void take_capture(struct vkc_fun *f, const struct vkc_symbol *symbol, uint32_t value)
{
    if (symbol->kind == VKC_SYMBOL_SELF)
        f->self = value;
    else
        *VKC_APPEND(f->lower->arena, f->vars, f->vars_count, f->vars_room) =
            (struct vkc_var){symbol, value, symbol->needs_cell};
}

static void take_env(struct vkc_fun *f, uint32_t env)
{
    const struct vkc_body *body = f->body;
    uint32_t refs = 0, scalars = f->unit->types[f->code->values[env].type].refs;
    for (uint32_t i = 0; i < body->captures_count; i++) {
        uint16_t type = capture_type(f->lower, body->captures[i], f->instance);
        uint32_t place = type != 0 ? refs++ : scalars++;
        take_capture(f, body->captures[i], vkc_fun_field(f, env, place, type, VKC_NONE));
    }
}

static void take_params(struct vkc_fun *f)
{
    const struct vkc_body *body = f->body;
    uint16_t types[PARAMS_MAX];
    uint32_t values[PARAMS_MAX], sorted[PARAMS_MAX], at = 0;
    bool is_closure = body->kind == VKC_BODY_CLOSURE;
    vkc_fun_params(f, values);
    uint32_t count = param_types(f->lower, f->instance, types);
    sort_params(f, values + is_closure, types, count, sorted);
    if (is_closure)
        take_env(f, values[0]);
    if (body->kind == VKC_BODY_SPAWN)
        while (at < body->captures_count) {
            take_capture(f, body->captures[at], sorted[at]);
            at++;
        }
    if (takes_state(body))
        f->self = sorted[at++];
    for (uint32_t i = 0; i < body->params_count; i++)
        if (body->kind != VKC_BODY_START) /* those become part of the state */
            vkc_fun_declare(f, body->params[i], sorted[at + i]);
}

/* The state of a fresh actor: its parameters, then its variables in order. */
static void start_body(struct vkc_fun *f)
{
    const struct vkc_symbol *actor = f->body->actor;
    const struct vkc_decl *decl = actor->decl;
    uint32_t *values = VKC_NEW_ARRAY(f->lower->arena, uint32_t, actor->state_count + 1), at = 0;
    uint32_t params[PARAMS_MAX], sorted[PARAMS_MAX];
    uint16_t types[PARAMS_MAX];
    vkc_fun_params(f, params);
    uint32_t count = param_types(f->lower, f->instance, types);
    sort_params(f, params, types, count, sorted);
    for (; at < count; at++)
        values[at] = sorted[at];
    for (uint32_t i = 0; i < at; i++)
        *VKC_APPEND(f->lower->arena, f->vars, f->vars_count, f->vars_room) =
            (struct vkc_var){actor->state[i], values[i], false};
    for (uint32_t i = 0; i < decl->actor.count; i++) {
        const struct vkc_member *member = &decl->actor.members[i];
        if (member->kind != VKC_MEMBER_VAR || !member->var)
            continue;
        uint32_t fresh = vkc_fun_fresh(f, actor->state[at]->type);
        (void)vkc_expr_value(f, member->var->let.value, fresh);
        *VKC_APPEND(f->lower->arena, f->vars, f->vars_count, f->vars_room) =
            (struct vkc_var){actor->state[at], fresh, false};
        values[at++] = fresh;
    }
    vkc_fun_return(f, vkc_fun_new(f, vkc_lower_state(f->lower, actor), values, at, VKC_NONE));
}

/* Calls, values and fibers of it are those of any function; this alone asks the host. */
static void host_body(struct vkc_fun *f)
{
    uint16_t types[PARAMS_MAX];
    uint32_t values[PARAMS_MAX], sorted[PARAMS_MAX];
    vkc_fun_params(f, values);
    sort_params(f, values, types, param_types(f->lower, f->instance, types), sorted);
    vkc_fun_return(f, vkc_fun_host(f, f->body->symbol, sorted));
}

/* In tests the program's own stand-in is asked, where it has one. */
static bool asks_host(const struct vkc_lower *l, const struct vkc_body *body)
{
    return vkc_body_is_host(body) && (body->code == NULL || !l->checked->program->has_tests);
}

static void fill(struct vkc_lower *l, struct vkc_code *code, const struct vkc_instance *instance)
{
    struct vkc_fun f;
    vkc_fun_init(&f, l, code);
    f.instance = instance;
    f.body = instance->body;
    vkc_fun_line(&f, instance->body->span);
    if (f.body->kind == VKC_BODY_START) {
        start_body(&f);
        return;
    }
    if (asks_host(l, f.body)) {
        host_body(&f);
        return;
    }
    take_params(&f);
    if (f.body->kind == VKC_BODY_ERROR && f.body->clause->pattern) {
        vkc_lower_error(l, f.body->span, "an error clause by itself");
        return;
    }
    uint16_t result = l->unit.types[code->signature].of;
    if (f.body->kind == VKC_BODY_LET && vkc_is_kind(type_in(l, f.body->result, instance), VKC_TYPE_NIL)) {
        vkc_fun_return(&f, vkc_expr_value(&f, f.body->code, VKC_NONE));
        return;
    }
    if (result != INTERP_TYPE_NONE) {
        vkc_expr_tail(&f, f.body->code);
        return;
    }
    (void)vkc_expr(&f, f.body->code, VKC_NONE);
    vkc_fun_return(&f, VKC_NONE);
}

/* ---- the program --------------------------------------------------------------------------------- */

uint32_t vkc_lower_let(struct vkc_lower *l, const struct vkc_symbol *symbol)
{
    if (!l->lets[symbol->index])
        l->lets[symbol->index] = vkc_unit_late(&l->unit, vkc_lower_type(l, symbol->type)) + 1;
    return l->lets[symbol->index] - 1;
}

static void tell_large(struct vkc_lower *l)
{
    for (uint32_t i = 0; i < l->unit.functions_count; i++) {
        const struct vkc_code *code = l->unit.functions[i];
        const struct vkc_instance *instance = i < l->queue_count ? l->queue[i] : NULL;
        struct vkc_span span = instance ? instance->body->span : (struct vkc_span){0, 0};
        if (code->is_too_large)
            vkc_error(l->diags, span, "`%s` needs more than 240 registers at once; divide it", code->name);
    }
}

/* What instructions name by 16 bits; told where the first too many is. */
static bool has_room(struct vkc_lower *l, struct vkc_span span)
{
    const struct vkc_unit *unit = &l->unit;
    const struct {
        uint32_t count, max;
        const char *what;
    } tables[] = {{unit->refs_count, VKC_CONSTANTS_MAX, "constants"},
                  {unit->constants_count, VKC_CONSTANTS_MAX, "constants"},
                  {unit->functions_count, VKC_FUNCTIONS_MAX, "functions, instances and closures counted"},
                  {unit->types_count, INTERP_TYPES_MAX, "types, those that lowering makes counted"}};
    for (uint32_t i = 0; i < VK_COUNT(tables); i++)
        if (tables[i].count > tables[i].max) {
            vkc_error(l->diags, span, "the program has more than %u %s", tables[i].max, tables[i].what);
            return false;
        }
    return true;
}

bool vkc_lower(struct vkc_checked *checked, struct vkc_text *file)
{
    struct vkc_lower l = {
        .checked = checked, .diags = &checked->program->diags, .arena = &checked->program->arena};
    vkc_unit_init(&l.unit, l.arena);
    l.lets = VKC_NEW_ARRAY(l.arena, uint32_t, checked->lets_count + 1);
    vkc_lower_services(&l);
    for (uint32_t i = 0; i < l.unit.functions_count; i++)
        if (i < l.queue_count && l.queue[i]) {
            fill(&l, l.unit.functions[i], l.queue[i]);
            if (!has_room(&l, l.queue[i]->body->span))
                return false;
        }
    vkc_lower_respond(&l);
    if (l.diags->errors != 0)
        return false;
    bool is_written = vkc_unit_write(&l.unit, file);
    if (!is_written)
        tell_large(&l);
    uint32_t start = checked->program->sources.all[0]->base;
    return is_written && has_room(&l, (struct vkc_span){start, start}); /* numbers come in late */
}
