/* SPDX-License-Identifier: Apache-2.0 */
/* Declarations: first a symbol for each name of a module, then their types. */
#include "compiler/pass.h"
#include "vk/limits.h"

/* ---- bodies ------------------------------------------------------------------------ */

struct vkc_body *vkc_body_new(struct vkc_pass *pass, enum vkc_body_kind kind, struct vkc_decl *decl,
                              struct vkc_expr *code)
{
    struct vkc_checked *checked = pass->checked;
    struct vkc_body *body = VKC_NEW(&pass->program->arena, struct vkc_body);
    body->kind = kind;
    body->id = checked->bodies_count;
    body->module = pass->module;
    body->decl = decl;
    body->code = code;
    body->span = code != NULL ? code->span : decl->span;
    body->result = vkc_simple(pass, VKC_TYPE_NIL);
    VKC_ADD(&pass->program->arena, checked->bodies, checked->bodies_count, pass->bodies_room, body);
    return body;
}

/* ---- names ---------------------------------------------------------------------------- */

static void tell_twice(struct vkc_pass *pass, struct vkc_ident name, struct vkc_span first, const char *where)
{
    struct vkc_diag *diag =
        vkc_error(pass->diags, name.span, "`%s` is declared twice %s", name.name->text, where);
    if (first.start != 0)
        vkc_diag_note(pass->diags, diag, first, "first declared here");
}

static struct vkc_symbol *declare(struct vkc_pass *pass, enum vkc_symbol_kind kind, enum vkc_space space,
                                  struct vkc_decl *decl, struct vkc_ident name)
{
    struct vkc_symbol *symbol = vkc_symbol_new(pass, kind, name);
    symbol->decl = decl;
    symbol->is_pub = decl->is_pub;
    if (!vkc_table_add(pass, pass->module, space, symbol)) {
        const struct vkc_symbol *first = vkc_table_find(pass, pass->module, space, name.name);
        bool is_import = first->kind == VKC_SYMBOL_MODULE;
        tell_twice(pass, name, first->span,
                   is_import ? "in this module: an import has that name" : "in this module");
    }
    return symbol;
}

static void type_params(struct vkc_pass *pass, struct vkc_symbol *symbol, const struct vkc_idents *names)
{
    symbol->params_count = names->count;
    symbol->params = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_symbol *, names->count);
    for (uint32_t i = 0; i < names->count; i++) {
        struct vkc_symbol *param = vkc_symbol_new(pass, VKC_SYMBOL_TYPE_PARAM, names->items[i]);
        param->index = i;
        param->type = vkc_type_make(pass->types, VKC_TYPE_PARAM, param, NULL, 0);
        symbol->params[i] = param;
        for (uint32_t j = 0; j < i; j++) {
            if (symbol->params[j]->name == param->name && param->name != NULL)
                tell_twice(pass, names->items[i], symbol->params[j]->span, "here");
        }
    }
}

static struct vkc_type *own_type(struct vkc_pass *pass, struct vkc_symbol *symbol)
{
    struct vkc_type *args[VKC_TYPE_PARAMS_MAX];
    for (uint32_t i = 0; i < symbol->params_count && i < VKC_TYPE_PARAMS_MAX; i++)
        args[i] = symbol->params[i]->type;
    return vkc_type_make(pass->types, VKC_TYPE_NAMED, symbol, args, symbol->params_count);
}

static void declare_enum(struct vkc_pass *pass, struct vkc_decl *decl)
{
    struct vkc_symbol *symbol = decl->symbol =
        declare(pass, VKC_SYMBOL_ENUM, VKC_SPACE_TYPE, decl, decl->name);
    type_params(pass, symbol, &decl->enumeration.type_params);
    symbol->type = own_type(pass, symbol);
    symbol->is_plain = true;
    symbol->members_count = decl->enumeration.count;
    symbol->members = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_symbol *, symbol->members_count);
    for (uint32_t i = 0; i < symbol->members_count; i++) {
        struct vkc_variant *from = &decl->enumeration.variants[i];
        struct vkc_symbol *variant = symbol->members[i] =
            vkc_symbol_new(pass, VKC_SYMBOL_VARIANT, from->name);
        variant->outer = symbol;
        variant->index = i;
        variant->is_pub = decl->is_pub;
        variant->type = symbol->type;
        variant->params = symbol->params;
        variant->params_count = symbol->params_count;
        symbol->is_plain &= from->payload.count == 0;
        const struct vkc_symbol *first = vkc_variant_of(symbol, from->name.name);
        if (first != NULL && first != variant)
            tell_twice(pass, from->name, first->span, "in this enum");
        else
            (void)vkc_table_add(pass, pass->module, VKC_SPACE_VARIANT, variant);
    }
}

static void declare_supervisor(struct vkc_pass *pass, struct vkc_decl *decl)
{
    for (uint32_t i = 0; i < decl->supervise.count; i++) {
        struct vkc_child *child = &decl->supervise.children[i];
        child->symbol = declare(pass, VKC_SYMBOL_CHILD, VKC_SPACE_VALUE, decl, child->name);
        child->symbol->index = i;
    }
}

/* --filter and the report name a test by its name alone. */
static void declare_test(struct vkc_pass *pass, struct vkc_decl *decl)
{
    const struct vkc_expr *title = decl->test.title;
    if (title->kind != VKC_EXPR_STR)
        return;
    const struct vkc_str_part none = {.bytes = ""}, *part = title->str.count ? title->str.parts : &none;
    struct vkc_ident name = {vkc_intern(&pass->program->names, part->bytes, part->len_bytes), title->span};
    struct vkc_symbol *symbol = vkc_symbol_new(pass, VKC_SYMBOL_TEST, name);
    if (vkc_table_add(pass, pass->module, VKC_SPACE_TEST, symbol))
        return;
    const struct vkc_symbol *first = vkc_table_find(pass, pass->module, VKC_SPACE_TEST, name.name);
    struct vkc_diag *diag = vkc_error(pass->diags, title->span, "another test of this module has this name");
    vkc_diag_note(pass->diags, diag, first->span, "first declared here");
}

static void declare_one(struct vkc_pass *pass, struct vkc_decl *decl)
{
    switch (decl->kind) {
    case VKC_DECL_LET:
        decl->symbol = declare(pass, VKC_SYMBOL_LET, VKC_SPACE_VALUE, decl, decl->name);
        decl->let->let.symbol = decl->symbol;
        break;
    case VKC_DECL_FN:
        decl->symbol = declare(pass, VKC_SYMBOL_FN, VKC_SPACE_VALUE, decl, decl->name);
        type_params(pass, decl->symbol, &decl->fn.type_params);
        break;
    case VKC_DECL_RECORD:
        decl->symbol = declare(pass, VKC_SYMBOL_RECORD, VKC_SPACE_TYPE, decl, decl->name);
        type_params(pass, decl->symbol, &decl->record.type_params);
        decl->symbol->type = own_type(pass, decl->symbol);
        break;
    case VKC_DECL_ENUM:
        declare_enum(pass, decl);
        break;
    case VKC_DECL_ACTOR:
        decl->symbol = declare(pass, VKC_SYMBOL_ACTOR, VKC_SPACE_TYPE, decl, decl->name);
        decl->symbol->type = own_type(pass, decl->symbol);
        break;
    case VKC_DECL_SUPERVISE:
        declare_supervisor(pass, decl);
        break;
    case VKC_DECL_TEST:
        declare_test(pass, decl);
        break;
    case VKC_DECL_STORE:
        decl->symbol = declare(pass, VKC_SYMBOL_STORE, VKC_SPACE_VALUE, decl, decl->name);
        break;
    case VKC_DECL_BAD:
    case VKC_DECL_HTTP:
        break;
    }
}

void vkc_resolve_decls(struct vkc_pass *pass, uint32_t module)
{
    const struct vkc_module *from = pass->checked->modules[module].module;
    pass->module = module;
    for (uint32_t i = 0; i < from->decls_count; i++)
        declare_one(pass, from->decls[i]);
}

/* ---- types ---------------------------------------------------------------------------------- */

static void unique_slot(struct vkc_pass *pass, const struct vkc_slot *slots, uint32_t at, const char *where)
{
    for (uint32_t i = 0; i < at && slots[at].name != NULL; i++) {
        if (slots[i].name == slots[at].name)
            tell_twice(pass, (struct vkc_ident){slots[at].name, slots[at].span}, slots[i].span, where);
    }
}

static void params(struct vkc_pass *pass, struct vkc_symbol *symbol, const struct vkc_params *from)
{
    symbol->slots_count = from->count;
    symbol->slots = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_slot, from->count);
    for (uint32_t i = 0; i < from->count; i++) {
        const struct vkc_param *param = &from->items[i];
        struct vkc_slot *slot = &symbol->slots[i];
        *slot = (struct vkc_slot){param->name.name, NULL, param->name.span, param->value, false};
        slot->type =
            param->type != NULL ? vkc_resolve_type(pass, param->type) : vkc_simple(pass, VKC_TYPE_ERROR);
        unique_slot(pass, symbol->slots, i, "among the parameters");
    }
}

static void fields(struct vkc_pass *pass, struct vkc_symbol *symbol, const struct vkc_fields *from,
                   const char *where)
{
    symbol->slots_count = from->count;
    symbol->slots = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_slot, from->count);
    for (uint32_t i = 0; i < from->count; i++) {
        const struct vkc_field *field = &from->items[i];
        symbol->slots[i] = (struct vkc_slot){field->name.name, vkc_resolve_type(pass, field->type),
                                             field->name.span, NULL, field->is_var};
        symbol->has_identity |= field->is_var;
        unique_slot(pass, symbol->slots, i, where);
    }
}

static void fn_symbol(struct vkc_pass *pass, struct vkc_symbol *symbol, struct vkc_fn *fn)
{
    params(pass, symbol, &fn->params);
    symbol->result = vkc_resolve_type(pass, fn->result);
    struct vkc_type **args = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_type *, symbol->slots_count + 1);
    for (uint32_t i = 0; i < symbol->slots_count; i++)
        args[i] = symbol->slots[i].type;
    args[symbol->slots_count] = symbol->result;
    symbol->type = vkc_type_make(pass->types, VKC_TYPE_FN, NULL, args, symbol->slots_count + 1);
}

/* What can be given to C and taken from it: docs/language.md, section 13. */
static bool is_plain(const struct vkc_type *type)
{
    return type->kind >= VKC_TYPE_INT && type->kind <= VKC_TYPE_BYTES;
}

static bool is_of_host(const struct vkc_checked *checked, struct vkc_type *type)
{
    const struct vkc_type *some = vkc_type_option(checked, type);
    if (type->kind == VKC_TYPE_ERROR || is_plain(type))
        return true;
    return some != NULL ? is_plain(some) : type->kind == VKC_TYPE_LIST && is_plain(type->args[0]);
}

static bool is_given_by_host(const struct vkc_checked *checked, struct vkc_type *type)
{
    if (type->kind == VKC_TYPE_NAMED && type->symbol == checked->result &&
        type->args[1]->kind == VKC_TYPE_STR)
        type = type->args[0];
    return type->kind == VKC_TYPE_NIL || is_of_host(checked, type);
}

bool vkc_can_be_host(const struct vkc_checked *checked, const struct vkc_symbol *symbol)
{
    if (symbol->slots_count > INTERP_HOST_PARAMS_MAX)
        return false;
    for (uint32_t i = 0; i < symbol->slots_count; i++)
        if (!is_of_host(checked, symbol->slots[i].type))
            return false;
    return is_given_by_host(checked, symbol->result);
}

#define HOST_TYPES "Int, Float, Bool, Duration, Str, Bytes, `T?` or `List<T>` of these"

static void tell_taken(struct vkc_pass *pass, struct vkc_type *type, struct vkc_span span)
{
    struct vkc_diag *diag = vkc_error(pass->diags, span, "a function of the host cannot take `%s`",
                                      vkc_type_text(pass->types, type));
    vkc_diag_help(pass->diags, diag, "it takes " HOST_TYPES);
    if (vkc_type_can(pass->checked, type, VKC_TRAIT_JSON))
        vkc_diag_help(pass->diags, diag, "other values can be given as text: `to_json`");
}

static void tell_given(struct vkc_pass *pass, struct vkc_type *type, struct vkc_span span)
{
    struct vkc_diag *diag = vkc_error(pass->diags, span, "a function of the host cannot give `%s`",
                                      vkc_type_text(pass->types, type));
    vkc_diag_help(pass->diags, diag, "it gives " HOST_TYPES ", or `Result<T, Str>` with one of them");
}

static void check_host(struct vkc_pass *pass, const struct vkc_symbol *symbol, const struct vkc_fn *fn)
{
    for (uint32_t i = 0; i < symbol->slots_count; i++)
        if (!is_of_host(pass->checked, symbol->slots[i].type))
            tell_taken(pass, symbol->slots[i].type, fn->params.items[i].type->span);
    if (fn->result != NULL && !is_given_by_host(pass->checked, symbol->result))
        tell_given(pass, symbol->result, fn->result->span);
}

static void actor_symbol(struct vkc_pass *pass, struct vkc_decl *decl)
{
    struct vkc_symbol *actor = decl->symbol;
    uint32_t methods_room = 0;
    params(pass, actor, &decl->actor.params);
    for (uint32_t i = 0; i < actor->slots_count; i++)
        vkc_later_trait(pass, VKC_TRAIT_SEND, actor->slots[i].type, decl->actor.params.items[i].type->span);
    for (uint32_t i = 0; i < decl->actor.count; i++) {
        struct vkc_member *member = &decl->actor.members[i];
        if (member->kind != VKC_MEMBER_ON)
            continue;
        struct vkc_symbol *method = member->symbol = vkc_symbol_new(pass, VKC_SYMBOL_METHOD, member->name);
        method->decl = decl;
        method->outer = actor;
        method->index = actor->members_count;
        for (uint32_t j = 0; j < actor->members_count && method->name != NULL; j++) {
            if (actor->members[j]->name == method->name)
                tell_twice(pass, member->name, actor->members[j]->span, "in this actor");
        }
        fn_symbol(pass, method, &member->fn);
        for (uint32_t j = 0; j < method->slots_count; j++)
            vkc_later_trait(pass, VKC_TRAIT_SEND, method->slots[j].type,
                            member->fn.params.items[j].type->span);
        if (member->fn.result != NULL)
            vkc_later_trait(pass, VKC_TRAIT_SEND, method->result, member->fn.result->span);
        VKC_ADD(&pass->program->arena, actor->members, actor->members_count, methods_room, method);
    }
    VKC_ADD(&pass->program->arena, pass->checked->actors, pass->checked->actors_count, pass->actors_room,
            actor);
}

static void child_types(struct vkc_pass *pass, struct vkc_decl *decl)
{
    for (uint32_t i = 0; i < decl->supervise.count; i++) {
        struct vkc_child *child = &decl->supervise.children[i];
        const struct vkc_expr *callee =
            child->start->kind == VKC_EXPR_CALL ? child->start->call.callee : NULL;
        struct vkc_ident names[2];
        struct vkc_path path = {.names = names};
        if (callee != NULL && callee->kind == VKC_EXPR_FIELD && callee->field.object->kind == VKC_EXPR_NAME) {
            names[path.count++] = callee->field.object->name;
            names[path.count++] = callee->field.name;
        } else if (callee != NULL && callee->kind == VKC_EXPR_NAME) {
            names[path.count++] = callee->name;
        }
        child->symbol->type = vkc_simple(pass, VKC_TYPE_ERROR);
        const struct vkc_symbol *actor =
            path.count > 0 ? vkc_resolve_type_path(pass, &path, path.count, "actor") : NULL;
        if (actor != NULL && actor->kind == VKC_SYMBOL_ACTOR)
            child->symbol->type = actor->type;
        else if (actor != NULL)
            vkc_error(pass->diags, callee->span, "`%s` is no actor: only actors are supervised",
                      actor->name->text);
    }
}

static void store_symbol(struct vkc_pass *pass, struct vkc_decl *decl)
{
    struct vkc_symbol *store = decl->symbol;
    struct vkc_type *value = vkc_resolve_type(pass, decl->store.type);
    store->type = vkc_type_of1(pass, VKC_TYPE_STORE, value);
    vkc_later_trait(pass, VKC_TRAIT_SEND, value, decl->store.type->span);
    store->index = pass->checked->stores_count;
    if (store->index == INTERP_STORES_MAX)
        vkc_error(pass->diags, decl->span, "a program has at most %u stores", INTERP_STORES_MAX);
    VKC_ADD(&pass->program->arena, pass->checked->stores, pass->checked->stores_count, pass->stores_room,
            store);
}

static void variant_types(struct vkc_pass *pass, struct vkc_decl *decl)
{
    for (uint32_t i = 0; i < decl->enumeration.count; i++)
        fields(pass, decl->symbol->members[i], &decl->enumeration.variants[i].payload, "in this variant");
}

static void types_of(struct vkc_pass *pass, struct vkc_decl *decl)
{
    struct vkc_symbol *symbol = decl->symbol;
    pass->type_params = symbol != NULL ? symbol->params : NULL;
    pass->type_params_count = symbol != NULL ? symbol->params_count : 0;
    switch (decl->kind) {
    case VKC_DECL_FN:
        fn_symbol(pass, symbol, &decl->fn);
        if (decl->fn.is_host)
            check_host(pass, symbol, &decl->fn);
        break;
    case VKC_DECL_RECORD:
        fields(pass, symbol, &decl->record.fields, "in this record");
        break;
    case VKC_DECL_ENUM:
        variant_types(pass, decl);
        break;
    case VKC_DECL_ACTOR:
        actor_symbol(pass, decl);
        break;
    case VKC_DECL_SUPERVISE:
        child_types(pass, decl);
        break;
    case VKC_DECL_STORE:
        store_symbol(pass, decl);
        break;
    case VKC_DECL_LET:
    case VKC_DECL_BAD:
    case VKC_DECL_HTTP:
    case VKC_DECL_TEST:
        break;
    }
    pass->type_params_count = 0;
}

void vkc_resolve_types(struct vkc_pass *pass, uint32_t module)
{
    const struct vkc_module *from = pass->checked->modules[module].module;
    pass->module = module;
    for (uint32_t i = 0; i < from->decls_count; i++)
        types_of(pass, from->decls[i]);
}
