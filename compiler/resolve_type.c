/* SPDX-License-Identifier: Apache-2.0 */
/* Type expressions, and paths of capitals. */
#include "compiler/pass.h"

struct vkc_symbol *vkc_module_named(struct vkc_pass *pass, const struct vkc_name *name)
{
    struct vkc_symbol *symbol = vkc_table_find(pass, pass->module, VKC_SPACE_VALUE, name);
    return symbol != NULL && symbol->kind == VKC_SYMBOL_MODULE ? symbol : NULL;
}

static void tell_private(struct vkc_pass *pass, struct vkc_ident name, const struct vkc_symbol *symbol)
{
    struct vkc_diag *diag =
        vkc_error(pass->diags, name.span, "`%s` is not `pub` in its module", name.name->text);
    vkc_diag_note(pass->diags, diag, symbol->span, "declared here");
}

static struct vkc_symbol *type_in_module(struct vkc_pass *pass, const struct vkc_symbol *module,
                                         struct vkc_ident name)
{
    if (module->target >= pass->checked->modules_count || name.name == NULL)
        return NULL; /* told */
    struct vkc_symbol *symbol = vkc_table_find(pass, module->target, VKC_SPACE_TYPE, name.name);
    if (symbol != NULL && symbol->is_pub)
        return symbol;
    if (symbol != NULL) {
        tell_private(pass, name, symbol);
        return NULL;
    }
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, name.name->text, name.name->len);
    vkc_table_offer(pass, module->target, VKC_SPACE_TYPE, true, &nearest);
    vkc_nearest_help(&nearest, pass->diags,
                     vkc_error(pass->diags, name.span, "module `%s` has no type `%s`", module->name->text,
                               name.name->text));
    return NULL;
}

static struct vkc_symbol *type_here(struct vkc_pass *pass, struct vkc_ident name, const char *what)
{
    if (name.name == NULL)
        return NULL;
    for (uint32_t i = 0; i < pass->type_params_count; i++) {
        if (pass->type_params[i]->name == name.name)
            return pass->type_params[i];
    }
    struct vkc_symbol *symbol = vkc_table_find(pass, pass->module, VKC_SPACE_TYPE, name.name);
    if (symbol == NULL)
        symbol = vkc_table_find(pass, pass->prelude, VKC_SPACE_TYPE, name.name);
    if (symbol != NULL)
        return symbol;
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, name.name->text, name.name->len);
    for (uint32_t i = 0; i < pass->type_params_count; i++)
        vkc_nearest_offer(&nearest, pass->type_params[i]->name->text);
    vkc_table_offer(pass, pass->module, VKC_SPACE_TYPE, false, &nearest);
    vkc_table_offer(pass, pass->prelude, VKC_SPACE_TYPE, false, &nearest);
    vkc_nearest_type(&nearest);
    vkc_nearest_help(&nearest, pass->diags,
                     vkc_error(pass->diags, name.span, "there is no %s `%s`", what, name.name->text));
    return NULL;
}

struct vkc_symbol *vkc_resolve_type_path(struct vkc_pass *pass, struct vkc_path *path, uint32_t count,
                                         const char *what)
{
    if (count == 1)
        return type_here(pass, path->names[0], what);
    struct vkc_symbol *module = vkc_module_named(pass, path->names[0].name);
    if (module != NULL) {
        module->is_used = true;
        return type_in_module(pass, module, path->names[1]);
    }
    if (path->names[0].name != NULL)
        vkc_error(pass->diags, path->names[0].span, "no module `%s` is imported", path->names[0].name->text);
    return NULL;
}

static struct vkc_type *error_type(const struct vkc_pass *pass)
{
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

static uint32_t arity_of(const struct vkc_symbol *symbol)
{
    if (symbol->kind != VKC_SYMBOL_SIMPLE)
        return symbol->kind == VKC_SYMBOL_RECORD || symbol->kind == VKC_SYMBOL_ENUM ? symbol->params_count
                                                                                    : 0;
    if (symbol->simple == VKC_TYPE_MAP)
        return 2;
    return symbol->simple == VKC_TYPE_LIST || symbol->simple == VKC_TYPE_FIBER ||
           symbol->simple == VKC_TYPE_STORE;
}

static bool is_arity(struct vkc_pass *pass, const struct vkc_type_expr *expr, const struct vkc_symbol *symbol)
{
    uint32_t want = arity_of(symbol), found = expr->name.args.count;
    if (want == found)
        return true;
    struct vkc_diag *diag;
    if (want == 0)
        diag = vkc_error(pass->diags, expr->span, "`%s` takes no type arguments", symbol->name->text);
    else
        diag = vkc_error(pass->diags, expr->span, "`%s` takes %u type argument%s, found %u",
                         symbol->name->text, want, want == 1 ? "" : "s", found);
    if (symbol->span.start != 0)
        vkc_diag_note(pass->diags, diag, symbol->span, "declared here");
    return false;
}

static struct vkc_type *named(struct vkc_pass *pass, struct vkc_type_expr *expr)
{
    struct vkc_path *path = &expr->name.path;
    struct vkc_type *args[VKC_TYPE_PARAMS_MAX];
    uint32_t count =
        expr->name.args.count < VKC_TYPE_PARAMS_MAX ? expr->name.args.count : VKC_TYPE_PARAMS_MAX;
    struct vkc_symbol *symbol = path->symbol = vkc_resolve_type_path(pass, path, path->count, "type");
    for (uint32_t i = 0; i < count; i++)
        args[i] = vkc_resolve_type(pass, expr->name.args.items[i]);
    if (symbol == NULL || !is_arity(pass, expr, symbol))
        return error_type(pass);
    symbol->is_used = true;
    if (symbol->kind == VKC_SYMBOL_TYPE_PARAM)
        return symbol->type;
    if (symbol->kind != VKC_SYMBOL_SIMPLE)
        return vkc_type_make(pass->types, VKC_TYPE_NAMED, symbol, args, count);
    if (symbol->simple == VKC_TYPE_MAP)
        vkc_later_trait(pass, VKC_TRAIT_KEY, args[0], expr->name.args.items[0]->span);
    return vkc_type_make(pass->types, symbol->simple, NULL, args, count);
}

static struct vkc_type *fn_type(struct vkc_pass *pass, struct vkc_type_expr *expr)
{
    uint32_t count = expr->fn.params.count;
    struct vkc_type **args = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_type *, count + 1);
    for (uint32_t i = 0; i < count; i++)
        args[i] = vkc_resolve_type(pass, expr->fn.params.items[i]);
    args[count] = vkc_resolve_type(pass, expr->fn.result);
    return vkc_type_make(pass->types, VKC_TYPE_FN, NULL, args, count + 1);
}

struct vkc_type *vkc_resolve_type(struct vkc_pass *pass, struct vkc_type_expr *expr)
{
    if (expr == NULL)
        return vkc_simple(pass, VKC_TYPE_NIL);
    switch (expr->kind) {
    case VKC_TYPE_EXPR_BAD:
        expr->type = error_type(pass);
        break;
    case VKC_TYPE_EXPR_NAME:
        expr->type = named(pass, expr);
        break;
    case VKC_TYPE_EXPR_OPTION:
        expr->type = vkc_option_of(pass, vkc_resolve_type(pass, expr->option));
        break;
    case VKC_TYPE_EXPR_FN:
        expr->type = fn_type(pass, expr);
        break;
    }
    return expr->type;
}
