/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Monomorphisation: every body that can run, with the type arguments it runs
 * with, found from those without type parameters on. Then all types that
 * values of those types hold.
 */
#include "compiler/pass.h"

struct vkc_type *vkc_type_at(struct vkc_checked *checked, struct vkc_type *type,
                             const struct vkc_instance *instance)
{
    return vkc_type_replace(&checked->types, type, instance->body->type_params, instance->args,
                            instance->body->type_params_count);
}

struct vkc_type *vkc_slot_type(struct vkc_checked *checked, const struct vkc_symbol *symbol, uint32_t index,
                               struct vkc_type *of)
{
    const struct vkc_symbol *owner = symbol->kind == VKC_SYMBOL_VARIANT ? symbol->outer : symbol;
    return vkc_type_replace(&checked->types, symbol->slots[index].type, owner->params, of->args,
                            owner->params_count);
}

/* ---- the table ---------------------------------------------------------------------------- */

static uint32_t hash_of(const struct vkc_body *body, struct vkc_type *const *args, uint32_t count)
{
    uint32_t hash = body->id * 2654435761u;
    for (uint32_t i = 0; i < count; i++)
        hash = (hash ^ args[i]->id) * 16777619u;
    return hash ^ hash >> 15;
}

static struct vkc_instance *find(const struct vkc_pass *pass, const struct vkc_body *body,
                                 struct vkc_type *const *args, uint32_t count)
{
    if (pass->instance_slots_room == 0)
        return NULL;
    struct vkc_instance *at =
        pass->instance_slots[hash_of(body, args, count) & (pass->instance_slots_room - 1)];
    for (; at != NULL; at = at->next) {
        uint32_t i = 0;
        while (at->body == body && i < count && at->args[i] == args[i])
            i++;
        if (at->body == body && i == count)
            return at;
    }
    return NULL;
}

static struct vkc_instance *add(struct vkc_pass *pass, struct vkc_body *body, struct vkc_type *const *args,
                                uint32_t count, struct vkc_span span)
{
    struct vkc_checked *checked = pass->checked;
    struct vkc_instance *instance = VKC_NEW(&pass->program->arena, struct vkc_instance);
    uint32_t slot = hash_of(body, args, count) & (pass->instance_slots_room - 1);
    instance->body = body;
    instance->args = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_type *, count);
    if (count > 0)
        memcpy(instance->args, args, count * sizeof *args);
    instance->span = span;
    instance->id = checked->instances_count;
    instance->next = pass->instance_slots[slot];
    pass->instance_slots[slot] = instance;
    VKC_ADD(&pass->program->arena, checked->instances, checked->instances_count, pass->instances_room,
            instance);
    return instance;
}

static void args_for(struct vkc_checked *checked, const struct vkc_body *callee, const struct vkc_call *call,
                     const struct vkc_instance *caller, struct vkc_type **args)
{
    for (uint32_t i = 0; i < callee->type_params_count; i++)
        args[i] = call != NULL ? vkc_type_at(checked, call->type_args[i], caller) : caller->args[i];
}

struct vkc_instance *vkc_instance_of(struct vkc_checked *checked, struct vkc_body *callee,
                                     const struct vkc_call *call, const struct vkc_instance *caller)
{
    struct vkc_type *args[VKC_TYPE_PARAMS_MAX];
    args_for(checked, callee, call, caller, args);
    return find(checked->pass, callee, args, callee->type_params_count);
}

/* ---- finding them ---------------------------------------------------------------------------- */

static void follow(struct vkc_pass *pass, struct vkc_instance *from, const struct vkc_edge *edge,
                   uint32_t *generic)
{
    struct vkc_type *args[VKC_TYPE_PARAMS_MAX];
    struct vkc_body *callee = edge->callee;
    if (callee == NULL)
        return;
    args_for(pass->checked, callee, edge->call, from, args);
    if (find(pass, callee, args, callee->type_params_count) != NULL)
        return;
    *generic += callee->type_params_count > 0 && callee->outer == NULL;
    if (*generic > VKC_INSTANCES_MAX) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, edge->span,
                      "the program needs more than %u instances of generic functions", VKC_INSTANCES_MAX);
        vkc_diag_help(pass->diags, diag,
                      "a generic function that calls itself with a larger type has no end");
        return;
    }
    add(pass, callee, args, callee->type_params_count, edge->span)->from = from;
}

static void check_demands(struct vkc_pass *pass, const struct vkc_instance *instance)
{
    const struct vkc_body *body = instance->body;
    const struct vkc_instance *told = instance;
    while (told->body->outer != NULL && told->from != NULL)
        told = told->from; /* where the function around the closure was asked for */
    for (uint32_t i = 0; i < body->demands_count && body->type_params_count > 0; i++) {
        const struct vkc_demand *demand = &body->demands[i];
        vkc_trait_check(pass, (enum vkc_trait)demand->trait,
                        vkc_type_at(pass->checked, demand->type, instance), demand->span, told);
    }
}

/* ---- types -------------------------------------------------------------------------------------- */

static void close_type(struct vkc_pass *pass, struct vkc_type *type)
{
    const struct vkc_symbol *symbol = type->symbol;
    if (type->kind == VKC_TYPE_MAP && !vkc_type_can(pass->checked, type->args[0], VKC_TRAIT_KEY))
        vkc_error(pass->diags, (struct vkc_span){0, 0},
                  "a type holds `%s`, but `%s` cannot be the key of a map", vkc_type_text(pass->types, type),
                  vkc_type_text(pass->types, type->args[0]));
    if (type->kind != VKC_TYPE_NAMED)
        return;
    for (uint32_t i = 0; symbol->kind == VKC_SYMBOL_RECORD && i < symbol->slots_count; i++)
        (void)vkc_slot_type(pass->checked, symbol, i, type); /* interned by asking */
    for (uint32_t i = 0; symbol->kind == VKC_SYMBOL_ENUM && i < symbol->members_count; i++) {
        for (uint32_t j = 0; j < symbol->members[i]->slots_count; j++)
            (void)vkc_slot_type(pass->checked, symbol->members[i], j, type);
    }
}

/* Where the type with that number is declared, or else the last one before it that is declared at all. */
static struct vkc_span declared_near(const struct vkc_pass *pass, uint32_t id)
{
    for (uint32_t i = id + 1; i > 0; i--) {
        const struct vkc_type *type = pass->types->all[i - 1];
        if (type->kind == VKC_TYPE_NAMED && type->symbol->span.start != 0)
            return type->symbol->span;
    }
    return (struct vkc_span){0, 0};
}

static void close_types(struct vkc_pass *pass)
{
    for (uint32_t i = 0; i < pass->types->count; i++) {
        struct vkc_type *type = pass->types->all[i];
        if (i > VKC_TYPES_MAX) {
            struct vkc_diag *diag = vkc_error(pass->diags, declared_near(pass, i),
                                              "the program has more than %u types", VKC_TYPES_MAX);
            vkc_diag_help(pass->diags, diag,
                          "a generic type that holds itself with larger arguments has no end");
            return;
        }
        if (!type->has_params)
            close_type(pass, type);
    }
}

static bool is_root(const struct vkc_body *body)
{
    return body->outer == NULL && body->type_params_count == 0;
}

void vkc_instances_find(struct vkc_pass *pass)
{
    struct vkc_checked *checked = pass->checked;
    uint32_t generic = 0;
    pass->instance_slots_room = 8192;
    pass->instance_slots =
        VKC_NEW_ARRAY(&pass->program->arena, struct vkc_instance *, pass->instance_slots_room);
    for (uint32_t i = 0; i < checked->bodies_count; i++) {
        if (is_root(checked->bodies[i]))
            (void)add(pass, checked->bodies[i], NULL, 0, checked->bodies[i]->span); /* the first ones */
    }
    for (uint32_t i = 0; i < checked->instances_count && generic <= VKC_INSTANCES_MAX; i++) {
        struct vkc_instance *instance = checked->instances[i];
        check_demands(pass, instance);
        for (uint32_t j = 0; j < instance->body->edges_count; j++)
            follow(pass, instance, &instance->body->edges[j], &generic);
    }
    if (pass->diags->errors == 0)
        close_types(pass);
}
