/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors as the loader and their processes see them. Each actor gets a root
 * function, which makes the state of the parameters its process was started
 * with, and a function that serves: it waits for the next turn, calls the
 * method or the timer's block, and answers. The process of a supervised actor
 * has a root of its own that evaluates the arguments anew.
 */
#include "compiler/lower_impl.h"

#include <string.h>

#define PARAMS_MAX 64u

static uint32_t function_of(struct vkc_lower *l, struct vkc_body *body)
{
    return vkc_lower_function(l, vkc_instance_of(l->checked, body, NULL, NULL));
}

/* ---- messages ----------------------------------------------------------------------- */

/* The record of such parameters; INTERP_TYPE_NONE without any. */
static uint16_t record_of(struct vkc_lower *l, const struct vkc_slot *slots, uint32_t count)
{
    struct interp_type record = {.kind = INTERP_KIND_RECORD};
    uint16_t words[PARAMS_MAX];
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t type = vkc_lower_type(l, slots[i].type);
        if (type != 0)
            words[at++] = type;
    }
    record.refs = (uint16_t)at;
    while (at < count)
        words[at++] = 0;
    return count ? vkc_unit_type(&l->unit, record, words, count) : INTERP_TYPE_NONE;
}

/* The parameters out of what the native gives, in their order. */
static void take(struct vkc_fun *f, const char *native, const struct vkc_slot *slots, uint32_t count,
                 uint32_t *ret_values)
{
    uint16_t type = record_of(f->lower, slots, count);
    if (count == 0)
        return;
    uint32_t record = vkc_fun_native(f, native, NULL, 0, type, VKC_NONE);
    uint32_t refs = 0, scalars = f->unit->types[type].refs;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t entry = vkc_lower_type(f->lower, slots[i].type);
        ret_values[i] = vkc_fun_field(f, record, entry != 0 ? refs++ : scalars++, entry, VKC_NONE);
    }
}

/* ---- serving --------------------------------------------------------------------------- */

/* The bodies of an actor's timers, in order: blocks, or periods. */
static struct vkc_body *timer_body(struct vkc_lower *l, const struct vkc_symbol *actor,
                                   enum vkc_body_kind kind, uint32_t index)
{
    for (uint32_t i = 0; i < l->checked->bodies_count; i++) {
        struct vkc_body *body = l->checked->bodies[i];
        if (body->actor == actor && body->kind == kind && index-- == 0)
            return body;
    }
    return NULL;
}

static uint32_t timers_of(const struct vkc_symbol *actor)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < actor->decl->actor.count; i++)
        count += actor->decl->actor.members[i].kind == VKC_MEMBER_EVERY;
    return count;
}

/*
 * A message's turn: a function of its own, so that parameters and result are
 * gone with its frame when the actor waits for the next one.
 */
static uint32_t turn_function(struct vkc_lower *l, const struct vkc_symbol *method)
{
    uint32_t args[PARAMS_MAX + 1];
    uint16_t state = vkc_lower_state(l, method->outer);
    uint16_t signature = vkc_unit_fn(&l->unit, &state, 1, INTERP_TYPE_NONE);
    struct vkc_code *code;
    uint32_t made = vkc_lower_made(l, VKC_MADE_TURN, vkc_lower_method(l, method), method->outer->name->text,
                                   signature, &code);
    if (!code)
        return made;
    struct vkc_fun f;
    vkc_fun_init(&f, l, code);
    vkc_fun_line(&f, method->span);
    vkc_fun_params(&f, args);
    take(&f, "actor.args", method->slots, method->slots_count, args + 1);
    uint32_t result = vkc_fun_call(&f, function_of(l, method->body), args, method->slots_count + 1, VKC_NONE);
    (void)vkc_fun_native(&f, "actor.reply", &result, result != VKC_NONE, INTERP_TYPE_NONE, VKC_NONE);
    vkc_fun_return(&f, VKC_NONE);
    return made;
}

static void arm(struct vkc_fun *f, uint32_t timer, uint32_t period)
{
    uint32_t args[] = {vkc_fun_number(f, timer, VKC_NONE), period};
    (void)vkc_fun_native(f, "actor.every", args, 2, INTERP_TYPE_NONE, VKC_NONE);
}

/* The periods hold for the actor's life. */
static void arm_all(struct vkc_fun *f, const struct vkc_symbol *actor, uint32_t state, uint32_t *ret_periods)
{
    for (uint32_t i = 0; i < timers_of(actor); i++) {
        uint32_t function = function_of(f->lower, timer_body(f->lower, actor, VKC_BODY_PERIOD, i));
        ret_periods[i] = vkc_fun_call(f, function, &state, 1, VKC_NONE);
        arm(f, i, ret_periods[i]);
    }
}

/* The next turn is the method or timer of that number. */
static void branch(struct vkc_fun *f, uint32_t turn, const uint32_t *labels, uint32_t count)
{
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_SWITCH);
    ins->reg[0] = turn;
    vkc_ir_list(f->code, ins, labels, count);
    vkc_ir_trap(f->code, INTERP_TRAP_VARIANT);
}

static void fill_serve(struct vkc_fun *f, const struct vkc_symbol *actor, uint32_t state)
{
    uint32_t methods = actor->members_count, count = methods + timers_of(actor);
    uint32_t *labels = VKC_NEW_ARRAY(f->lower->arena, uint32_t, count + 1);
    uint32_t *periods = VKC_NEW_ARRAY(f->lower->arena, uint32_t, count + 1);
    uint32_t head = vkc_ir_label(f->code);
    arm_all(f, actor, state, periods);
    vkc_ir_place(f->code, head);
    uint32_t index = vkc_fun_number(f, vkc_lower_actor(f->lower, actor), VKC_NONE);
    uint32_t turn = vkc_fun_native(f, "actor.next", &index, 1, 0, VKC_NONE);
    for (uint32_t i = 0; i < count; i++)
        labels[i] = vkc_ir_label(f->code);
    if (count)
        branch(f, turn, labels, count);
    for (uint32_t i = 0; i < count; i++) {
        vkc_ir_place(f->code, labels[i]);
        uint32_t function;
        if (i < methods) {
            function = turn_function(f->lower, actor->members[i]);
        } else {
            arm(f, i - methods, periods[i - methods]);
            function = function_of(f->lower, timer_body(f->lower, actor, VKC_BODY_EVERY, i - methods));
        }
        (void)vkc_fun_call(f, function, &state, 1, VKC_NONE);
        vkc_ir_jump(f->code, head);
    }
    if (count == 0)
        vkc_ir_jump(f->code, head);
}

static uint32_t serve_function(struct vkc_lower *l, const struct vkc_symbol *actor)
{
    uint16_t state = vkc_lower_state(l, actor);
    uint16_t signature = vkc_unit_fn(&l->unit, &state, 1, INTERP_TYPE_NONE);
    struct vkc_code *code;
    uint32_t made =
        vkc_lower_made(l, VKC_MADE_SERVE, vkc_lower_actor(l, actor), actor->name->text, signature, &code);
    if (code) {
        struct vkc_fun f;
        uint32_t param;
        vkc_fun_init(&f, l, code);
        vkc_fun_line(&f, actor->span);
        vkc_fun_params(&f, &param);
        fill_serve(&f, actor, param);
    }
    return made;
}

/* ---- roots ------------------------------------------------------------------------------- */

static struct vkc_code *root(struct vkc_lower *l, const char *name)
{
    return vkc_unit_function(&l->unit, name, vkc_unit_fn(&l->unit, NULL, 0, INTERP_TYPE_NONE));
}

/* Makes the state and serves. */
static void finish_root(struct vkc_fun *f, const struct vkc_symbol *actor, const uint32_t *args)
{
    uint32_t state = vkc_fun_call(f, function_of(f->lower, actor->body), args, actor->slots_count, VKC_NONE);
    (void)vkc_fun_call(f, serve_function(f->lower, actor), &state, 1, VKC_NONE);
    vkc_fun_return(f, VKC_NONE);
}

static uint32_t actor_root(struct vkc_lower *l, const struct vkc_symbol *actor)
{
    struct vkc_code *code = root(l, actor->name->text);
    uint32_t args[PARAMS_MAX];
    struct vkc_fun f;
    vkc_fun_init(&f, l, code);
    vkc_fun_line(&f, actor->span);
    take(&f, "actor.params", actor->slots, actor->slots_count, args);
    finish_root(&f, actor, args);
    return code->id;
}

static uint32_t child_root(struct vkc_lower *l, const struct vkc_child *child)
{
    struct vkc_body *body = child->symbol->body;
    const struct vkc_call *call = body->code->meaning;
    struct vkc_code *code = root(l, child->name.name->text);
    uint32_t args[PARAMS_MAX];
    struct vkc_fun f;
    vkc_fun_init(&f, l, code);
    f.instance = vkc_instance_of(l->checked, body, NULL, NULL);
    f.body = body;
    vkc_fun_line(&f, body->span);
    vkc_fun_args(&f, call, args);
    finish_root(&f, call->symbol, args);
    return code->id;
}

/* ---- the tables ---------------------------------------------------------------------------- */

static void put_methods(struct vkc_lower *l, const struct vkc_symbol *actor, struct interp_array methods)
{
    for (uint32_t i = 0; i < actor->members_count; i++) {
        const struct vkc_symbol *symbol = actor->members[i];
        const struct interp_method method = {.hash = vkc_method_hash(l->checked, symbol),
                                             .name = vkc_unit_name(&l->unit, symbol->name->text)};
        memcpy(l->unit.services + methods.first + i * sizeof method, &method, sizeof method);
    }
}

struct interp_array vkc_lower_actors(struct vkc_lower *l)
{
    uint32_t count = l->checked->actors_count;
    struct interp_array actors = {vkc_unit_services(&l->unit, count * sizeof(struct interp_actor)), count};
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_symbol *symbol = l->checked->actors[i];
        struct interp_actor actor = {.name = vkc_unit_name(&l->unit, symbol->name->text),
                                     .function = actor_root(l, symbol),
                                     .timers = timers_of(symbol),
                                     .heap_bytes = (uint32_t)symbol->decl->actor.options.heap_bytes,
                                     .cpu_ns = (uint64_t)symbol->decl->actor.options.cpu_ns};
        actor.methods.count = symbol->members_count;
        actor.methods.first =
            vkc_unit_services(&l->unit, symbol->members_count * sizeof(struct interp_method));
        put_methods(l, symbol, actor.methods);
        memcpy(l->unit.services + actors.first + i * sizeof actor, &actor, sizeof actor);
    }
    return actors;
}

static struct interp_array put_children(struct vkc_lower *l, const struct vkc_decl *decl)
{
    uint32_t count = decl->supervise.count;
    struct interp_array children = {vkc_unit_services(&l->unit, count * sizeof(struct interp_child)), count};
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_child *source = &decl->supervise.children[i];
        const struct vkc_call *call = source->symbol->body->code->meaning;
        const struct interp_child child = {.name = vkc_unit_name(&l->unit, source->name.name->text),
                                           .actor = vkc_lower_actor(l, call->symbol),
                                           .function = child_root(l, source)};
        memcpy(l->unit.services + children.first + i * sizeof child, &child, sizeof child);
    }
    return children;
}

/* Their names stand for their places, which must be known before any function is made. */
static void number_children(const struct vkc_checked *checked)
{
    uint32_t place = 0;
    for (uint32_t i = 0; i < checked->supervisors_count; i++)
        for (uint32_t k = 0; k < checked->supervisors[i]->supervise.count; k++)
            checked->supervisors[i]->supervise.children[k].symbol->index = place++;
}

struct interp_array vkc_lower_supervisors(struct vkc_lower *l)
{
    uint32_t count = l->checked->supervisors_count;
    struct interp_array supervisors = {vkc_unit_services(&l->unit, count * sizeof(struct interp_supervisor)),
                                       count};
    number_children(l->checked);
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_decl *decl = l->checked->supervisors[i];
        struct interp_supervisor supervisor = {.strategy = (uint32_t)decl->supervise.strategy,
                                               .max = (uint32_t)decl->supervise.max->number,
                                               .per_ns = (uint64_t)decl->supervise.per->number};
        supervisor.children = put_children(l, decl);
        memcpy(l->unit.services + supervisors.first + i * sizeof supervisor, &supervisor, sizeof supervisor);
    }
    return supervisors;
}

_Static_assert((int)VKC_STRATEGY_RESTART == (int)INTERP_STRATEGY_RESTART &&
                   (int)VKC_STRATEGY_REST == (int)INTERP_STRATEGY_REST &&
                   (int)VKC_STRATEGY_ALL == (int)INTERP_STRATEGY_ALL,
               "one order of strategies");

/* ---- monitor --------------------------------------------------------------------------------- */

/* A fiber that waits for the actor's end. */
uint32_t vkc_fun_monitor(struct vkc_fun *f, uint32_t address, uint32_t want)
{
    struct vkc_lower *l = f->lower;
    uint16_t type = f->code->values[address].type, str = vkc_unit_str(f->unit);
    struct vkc_code *code;
    uint32_t made =
        vkc_lower_made(l, VKC_MADE_MONITOR, 0, "monitor", vkc_unit_fn(f->unit, &type, 1, str), &code);
    if (code) {
        struct vkc_fun g;
        uint32_t param;
        vkc_fun_init(&g, l, code);
        vkc_fun_params(&g, &param);
        vkc_fun_return(&g, vkc_fun_native(&g, "actor.monitor", &param, 1, str, VKC_NONE));
    }
    return vkc_fun_spawn(f, made, &address, 1, want);
}
