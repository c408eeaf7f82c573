/* SPDX-License-Identifier: Apache-2.0 */
/* What names stand for: variables, functions, variants, members of modules, fields. */
#include "compiler/pass.h"

static struct vkc_type *error_type(const struct vkc_pass *pass)
{
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

static bool is_capital(const struct vkc_name *name)
{
    return name != NULL && name->text[0] >= 'A' && name->text[0] <= 'Z';
}

/* ---- variants --------------------------------------------------------------------------- */

struct vkc_symbol *vkc_variant_of(const struct vkc_symbol *enumeration, const struct vkc_name *name)
{
    for (uint32_t i = 0; i < enumeration->members_count; i++) {
        if (enumeration->members[i] != NULL && enumeration->members[i]->name == name)
            return enumeration->members[i];
    }
    return NULL;
}

static void tell_ambiguous(struct vkc_pass *pass, struct vkc_ident name, const struct vkc_table_entry *entry)
{
    const struct vkc_symbol *one = entry->symbol->outer, *other = entry->another->symbol->outer;
    struct vkc_diag *diag = vkc_error(pass->diags, name.span, "`%s` is a variant of `%s` and of `%s`",
                                      name.name->text, one->name->text, other->name->text);
    vkc_diag_help(pass->diags, diag, "say which: `%s.%s`", one->name->text, name.name->text);
}

struct vkc_symbol *vkc_variant_named(struct vkc_pass *pass, struct vkc_ident name, struct vkc_type *hint,
                                     bool *ret_told)
{
    const uint32_t modules[2] = {pass->module, pass->prelude};
    *ret_told = name.name == NULL;
    if (hint != NULL)
        hint = vkc_type_find(hint);
    if (hint != NULL && hint->kind == VKC_TYPE_NAMED && hint->symbol->kind == VKC_SYMBOL_ENUM) {
        struct vkc_symbol *variant = vkc_variant_of(hint->symbol, name.name);
        if (variant != NULL)
            return variant;
    }
    for (size_t i = 0; i < VK_COUNT(modules); i++) {
        const struct vkc_table_entry *entry = vkc_table_entry(pass, modules[i], VKC_SPACE_VARIANT, name.name);
        if (entry == NULL)
            continue;
        if (entry->another == NULL)
            return entry->symbol;
        tell_ambiguous(pass, name, entry);
        *ret_told = true;
        return NULL;
    }
    return NULL;
}

static const char *quoted(struct vkc_pass *pass, const struct vkc_name *name)
{
    struct vkc_text text = {0};
    vkc_text_print(&text, "`%s`", name->text);
    const char *kept = vkc_arena_text(&pass->program->arena, text.bytes, text.len);
    vkc_text_fini(&text);
    return kept;
}

struct vkc_type *vkc_infer_variant(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_symbol *variant,
                                   const struct vkc_args *args, struct vkc_type *hint)
{
    struct vkc_call *call = vkc_call_new(pass, expr, VKC_CALL_VARIANT, variant);
    struct vkc_symbol *of = variant->outer;
    variant->is_used = of->is_used = true;
    vkc_call_open(pass, call, of->params, of->params_count, expr->span);
    struct vkc_type *type =
        vkc_type_make(pass->types, VKC_TYPE_NAMED, of, call->type_args, call->type_args_count);
    if (hint != NULL && vkc_type_find(hint)->symbol == of)
        (void)vkc_type_unify(pass->types, type, hint); /* a hint */
    if (args == NULL && variant->slots_count > 0) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, expr->span, "`%s` is written with its payload: `%s(...)`",
                      variant->name->text, variant->name->text);
        if (variant->span.start != 0)
            vkc_diag_note(pass->diags, diag, variant->span, "declared here");
        return error_type(pass);
    }
    if (args != NULL && variant->slots_count == 0) {
        vkc_error(pass->diags, expr->span, "`%s` has no payload: it is written without ( )",
                  variant->name->text);
        return type;
    }
    if (args != NULL)
        vkc_infer_args(pass, expr, call, args, variant->slots, variant->slots_count, 0,
                       quoted(pass, variant->name), variant->span, of->params);
    return type;
}

/* ---- modules ------------------------------------------------------------------------------- */

struct vkc_symbol *vkc_member_of(struct vkc_pass *pass, struct vkc_symbol *module, struct vkc_ident name)
{
    enum vkc_space space = is_capital(name.name) ? VKC_SPACE_VARIANT : VKC_SPACE_VALUE;
    if (name.name == NULL || module->target >= pass->checked->modules_count)
        return NULL;
    const struct vkc_table_entry *entry = vkc_table_entry(pass, module->target, space, name.name);
    struct vkc_symbol *symbol = entry != NULL ? entry->symbol : NULL;
    if (entry != NULL && entry->another != NULL) {
        tell_ambiguous(pass, name, entry);
        return NULL;
    }
    if (symbol != NULL && symbol->kind != VKC_SYMBOL_MODULE && symbol->is_pub)
        return symbol;
    if (symbol != NULL && symbol->kind != VKC_SYMBOL_MODULE) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, name.span, "`%s` is not `pub` in its module", name.name->text);
        vkc_diag_note(pass->diags, diag, symbol->span, "declared here");
        return NULL;
    }
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, name.name->text, name.name->len);
    vkc_table_offer(pass, module->target, space, true, &nearest);
    vkc_nearest_help(
        &nearest, pass->diags,
        vkc_error(pass->diags, name.span, "module `%s` has no `%s`", module->name->text, name.name->text));
    return NULL;
}

/* ---- values --------------------------------------------------------------------------------- */

static struct vkc_type *fn_value(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_symbol *fn)
{
    struct vkc_call *call = vkc_call_new(pass, expr, VKC_CALL_VALUE, fn);
    vkc_call_open(pass, call, fn->params, fn->params_count, expr->span);
    vkc_edge_add(pass, (struct vkc_edge){.callee = fn->body, .call = call, .span = expr->span});
    return vkc_type_replace(pass->types, fn->type, fn->params, call->type_args, call->type_args_count);
}

static struct vkc_type *symbol_value(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_symbol *symbol,
                                     struct vkc_ident name, struct vkc_type *hint)
{
    expr->symbol = symbol;
    switch (symbol->kind) {
    case VKC_SYMBOL_FN:
        return fn_value(pass, expr, symbol);
    case VKC_SYMBOL_LET:
        vkc_edge_add(pass, (struct vkc_edge){.let = symbol, .runs = true, .span = expr->span});
        return vkc_infer_let(pass, symbol, expr->span);
    case VKC_SYMBOL_VARIANT:
        return vkc_infer_variant(pass, expr, symbol, NULL, hint);
    case VKC_SYMBOL_MODULE: {
        struct vkc_diag *diag =
            vkc_error(pass->diags, name.span, "`%s` is a module, not a value", name.name->text);
        vkc_diag_help(pass->diags, diag, "`%s.name` is what it declares", name.name->text);
        return error_type(pass);
    }
    default:
        return symbol->type;
    }
}

/* `Int` alone is hardly meant as a variant of Json without its payload. */
static bool is_rather_type(struct vkc_pass *pass, const struct vkc_symbol *variant)
{
    return variant->outer == pass->checked->json && variant->slots_count > 0 &&
           vkc_table_find(pass, pass->prelude, VKC_SPACE_TYPE, variant->name) != NULL;
}

static struct vkc_type *capital(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    bool is_told;
    struct vkc_symbol *variant = vkc_variant_named(pass, expr->name, hint, &is_told);
    if (variant != NULL && !is_rather_type(pass, variant)) {
        expr->symbol = variant;
        return vkc_infer_variant(pass, expr, variant, NULL, hint);
    }
    if (is_told)
        return error_type(pass);
    struct vkc_symbol *type = vkc_table_find(pass, pass->module, VKC_SPACE_TYPE, expr->name.name);
    if (type == NULL)
        type = vkc_table_find(pass, pass->prelude, VKC_SPACE_TYPE, expr->name.name);
    if (type != NULL) {
        vkc_error(pass->diags, expr->span, "`%s` is a type, not a value", expr->name.name->text);
        return error_type(pass);
    }
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, expr->name.name->text, expr->name.name->len);
    vkc_table_offer(pass, pass->module, VKC_SPACE_VARIANT, false, &nearest);
    vkc_table_offer(pass, pass->module, VKC_SPACE_TYPE, false, &nearest);
    vkc_table_offer(pass, pass->prelude, VKC_SPACE_VARIANT, false, &nearest);
    vkc_nearest_help(&nearest, pass->diags,
                     vkc_error(pass->diags, expr->span, "there is no variant `%s`", expr->name.name->text));
    return error_type(pass);
}

struct vkc_type *vkc_infer_name(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    const struct vkc_name *name = expr->name.name;
    if (name == NULL)
        return error_type(pass);
    if (is_capital(name))
        return capital(pass, expr, hint);
    struct vkc_symbol *symbol = vkc_scope_find(pass, name);
    if (symbol != NULL)
        return symbol_value(pass, expr, symbol, expr->name, hint);
    if (vkc_name_is(name, "nil"))
        return vkc_simple(pass, VKC_TYPE_NIL);
    if (vkc_builtin_find(&pass->builtins, NULL, name, 0) != NULL) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, expr->span, "`%s` is built in and no value", name->text);
        vkc_diag_help(pass->diags, diag, "call it, or put it into a closure: `fn(x) => %s(x)`", name->text);
        return error_type(pass);
    }
    vkc_scope_unknown(pass, expr->name);
    return error_type(pass);
}

/* ---- m.x, Enum.Variant ------------------------------------------------------------------------- */

/* What stands before the point, when it is no value: a module or a type. */
static struct vkc_symbol *qualifier(struct vkc_pass *pass, struct vkc_expr *object, bool *ret_told)
{
    *ret_told = false;
    if (object->kind == VKC_EXPR_NAME && object->name.name != NULL) {
        const struct vkc_name *name = object->name.name;
        if (!is_capital(name)) {
            struct vkc_symbol *symbol = vkc_module_named(pass, name);
            return symbol != NULL && vkc_scope_find(pass, name) == symbol ? symbol : NULL;
        }
        struct vkc_symbol *type = vkc_table_find(pass, pass->module, VKC_SPACE_TYPE, name);
        if (type == NULL)
            type = vkc_table_find(pass, pass->prelude, VKC_SPACE_TYPE, name);
        bool is_variant = vkc_table_entry(pass, pass->module, VKC_SPACE_VARIANT, name) != NULL;
        return type != NULL && (type->kind == VKC_SYMBOL_ENUM || !is_variant) ? type : NULL;
    }
    if (object->kind != VKC_EXPR_FIELD || object->field.object->kind != VKC_EXPR_NAME ||
        !is_capital(object->field.name.name))
        return NULL;
    struct vkc_symbol *module = vkc_module_named(pass, object->field.object->name.name);
    if (module == NULL || vkc_scope_find(pass, module->name) != module ||
        module->target >= pass->checked->modules_count)
        return NULL;
    struct vkc_symbol *type = vkc_table_find(pass, module->target, VKC_SPACE_TYPE, object->field.name.name);
    if (type != NULL && type->kind == VKC_SYMBOL_ENUM && !type->is_pub) {
        vkc_error(pass->diags, object->field.name.span, "`%s` is not `pub` in its module", type->name->text);
        *ret_told = true;
    }
    return type != NULL && type->kind == VKC_SYMBOL_ENUM ? type : NULL;
}

static struct vkc_symbol *variant_in(struct vkc_pass *pass, const struct vkc_symbol *type,
                                     struct vkc_ident name)
{
    if (type->kind != VKC_SYMBOL_ENUM) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, name.span, "`%s` is a type without variants", type->name->text);
        if (type->kind == VKC_SYMBOL_ACTOR)
            vkc_diag_help(pass->diags, diag, "`start %s(...)` gives an actor to call", type->name->text);
        return NULL;
    }
    struct vkc_symbol *variant = vkc_variant_of(type, name.name);
    if (variant != NULL)
        return variant;
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, name.name->text, name.name->len);
    for (uint32_t i = 0; i < type->members_count; i++) {
        if (type->members[i]->name != NULL)
            vkc_nearest_offer(&nearest, type->members[i]->name->text);
    }
    vkc_nearest_help(
        &nearest, pass->diags,
        vkc_error(pass->diags, name.span, "`%s` has no variant `%s`", type->name->text, name.name->text));
    return NULL;
}

struct vkc_symbol *vkc_qualified(struct vkc_pass *pass, struct vkc_expr *field, bool *ret_is)
{
    bool is_told;
    struct vkc_symbol *before = qualifier(pass, field->field.object, &is_told);
    *ret_is = before != NULL || is_told;
    if (before == NULL || is_told || field->field.name.name == NULL)
        return NULL;
    before->is_used = true;
    field->field.object->type = error_type(pass);
    if (before->kind == VKC_SYMBOL_MODULE)
        return vkc_member_of(pass, before, field->field.name);
    return variant_in(pass, before, field->field.name);
}

/* ---- fields --------------------------------------------------------------------------------------- */

static void offer_fields(struct vkc_pass *pass, const struct vkc_type *type, struct vkc_nearest *nearest)
{
    const struct vkc_symbol *symbol = type->kind == VKC_TYPE_NAMED ? type->symbol : NULL;
    vkc_builtins_offer(&pass->builtins, type, nearest);
    if (symbol == NULL)
        return;
    for (uint32_t i = 0; symbol->kind == VKC_SYMBOL_RECORD && i < symbol->slots_count; i++) {
        if (symbol->slots[i].name != NULL)
            vkc_nearest_offer(nearest, symbol->slots[i].name->text);
    }
    for (uint32_t i = 0; symbol->kind == VKC_SYMBOL_ACTOR && i < symbol->members_count; i++) {
        if (symbol->members[i]->name != NULL)
            vkc_nearest_offer(nearest, symbol->members[i]->name->text);
    }
}

/* What a method is called elsewhere, if ours is one of the type. */
static const char *foreign_method(struct vkc_pass *pass, const struct vkc_type *type, const char *name)
{
    static const char *const words[][2] = {{"length", "len"},        {"size", "len"},
                                           {"count", "len"},         {"append", "push"},
                                           {"add", "push"},          {"put", "push"},
                                           {"includes", "contains"}, {"contains", "has"},
                                           {"has", "contains"},      {"contains_key", "has"},
                                           {"toUpperCase", "upper"}, {"to_upper", "upper"},
                                           {"toLowerCase", "lower"}, {"to_lower", "lower"},
                                           {"substring", "slice"},   {"substr", "slice"},
                                           {"strip", "trim"},        {"reduce", "fold"},
                                           {"indexOf", "index_of"},  {"delete", "remove"},
                                           {"to_string", "str"},     {"toString", "str"},
                                           {"reversed", "reverse"},  {"extend", "concat"},
                                           {"to_i", "parse_int"},    {"to_int", "parse_int"},
                                           {"is_nil", "is_none"},    {"startsWith", "starts_with"},
                                           {"endsWith", "ends_with"}};
    for (size_t i = 0; i < VK_COUNT(words); i++) {
        const struct vkc_name *ours = vkc_intern_text(&pass->program->names, words[i][1]);
        if (strcmp(name, words[i][0]) == 0 && vkc_builtin_find(&pass->builtins, type, ours, 0) != NULL)
            return words[i][1];
    }
    return NULL;
}

void vkc_tell_no_field(struct vkc_pass *pass, struct vkc_type *type, struct vkc_ident name, bool is_call)
{
    if (type->kind == VKC_TYPE_ERROR || type->kind == VKC_TYPE_NEVER || name.name == NULL)
        return;
    if (type->kind == VKC_TYPE_VAR) {
        struct vkc_diag *diag = vkc_error(
            pass->diags, name.span, "the type of what `.%s` is asked of is not known yet", name.name->text);
        vkc_diag_help(pass->diags, diag, "write the type where the value is declared");
        return;
    }
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, name.name->text, name.name->len);
    offer_fields(pass, type, &nearest);
    struct vkc_diag *diag =
        vkc_error(pass->diags, name.span, "`%s` has no %s `%s`", vkc_type_text(pass->types, type),
                  is_call ? "method" : "field or method", name.name->text);
    bool is_option = vkc_type_option(pass->checked, type) != NULL;
    const char *foreign = foreign_method(pass, type, name.name->text);
    if (foreign != NULL)
        vkc_diag_help(pass->diags, diag, "here it is `.%s`", foreign);
    else if (nearest.best == NULL && is_option)
        vkc_diag_help(pass->diags, diag, "take the value out first: `?`, `??` or `match`");
    else
        vkc_nearest_help(&nearest, pass->diags, diag);
}

/* A field of a record: its READ, or NULL. */
struct vkc_type *vkc_infer_read(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *object)
{
    const struct vkc_symbol *symbol = object->kind == VKC_TYPE_NAMED ? object->symbol : NULL;
    if (symbol == NULL || symbol->kind != VKC_SYMBOL_RECORD)
        return NULL;
    for (uint32_t i = 0; i < symbol->slots_count; i++) {
        if (symbol->slots[i].name != expr->field.name.name || symbol->slots[i].name == NULL)
            continue;
        struct vkc_call *call = vkc_call_new(pass, expr, VKC_CALL_READ, object->symbol);
        call->receiver = expr->field.object;
        call->index = i;
        return vkc_type_replace(pass->types, symbol->slots[i].type, symbol->params, object->args,
                                object->count);
    }
    return NULL;
}

static void tell_needs_parens(struct vkc_pass *pass, const struct vkc_expr *expr,
                              const struct vkc_builtin *builtin)
{
    const char *name = builtin->name->text;
    vkc_error(pass->diags, expr->field.name.span, "`%s` is written with ( ): `.%s(%s)`", name, name,
              builtin->slots_count > 0 ? "..." : "");
}

struct vkc_type *vkc_infer_field(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    bool is_qualified;
    struct vkc_symbol *symbol = vkc_qualified(pass, expr, &is_qualified);
    if (symbol != NULL)
        return symbol_value(pass, expr, symbol, expr->field.name, hint);
    if (is_qualified)
        return error_type(pass);
    struct vkc_type *object = vkc_type_find(vkc_infer_expr(pass, expr->field.object, NULL));
    const struct vkc_builtin *builtin = vkc_builtin_find(&pass->builtins, object, expr->field.name.name, 0);
    if (builtin == NULL) {
        struct vkc_type *type = vkc_infer_read(pass, expr, object);
        if (type != NULL)
            return type;
        bool is_method = object->kind == VKC_TYPE_NAMED && object->symbol->kind == VKC_SYMBOL_ACTOR;
        if (is_method && expr->field.name.name != NULL)
            vkc_error(pass->diags, expr->span, "an actor has no fields: ask it with `await a.%s(...)`",
                      expr->field.name.name->text);
        else
            vkc_tell_no_field(pass, object, expr->field.name, false);
        return error_type(pass);
    }
    if (!builtin->is_plain) {
        tell_needs_parens(pass, expr, builtin);
        return error_type(pass);
    }
    static const struct vkc_args none = {0};
    return vkc_infer_builtin(pass, expr, builtin, expr->field.object, &none, hint);
}
