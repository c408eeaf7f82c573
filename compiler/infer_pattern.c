/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: their types, what they bind, which variant or fields they name. */
#include "compiler/pass.h"

static struct vkc_type *error_type(const struct vkc_pass *pass)
{
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

static bool fits(struct vkc_pass *pass, const struct vkc_pattern *pattern, struct vkc_type *found,
                 struct vkc_type *expected)
{
    if (vkc_type_find(expected)->kind == VKC_TYPE_NEVER || vkc_type_unify(pass->types, found, expected))
        return true;
    struct vkc_diag *diag =
        vkc_error(pass->diags, pattern->span, "this pattern is of `%s`, the value is `%s`",
                  vkc_type_text(pass->types, vkc_type_solve(pass->types, found)),
                  vkc_type_text(pass->types, vkc_type_solve(pass->types, expected)));
    if (vkc_type_option(pass->checked, vkc_type_find(expected)) != NULL)
        vkc_diag_help(pass->diags, diag, "an Option is matched by `Some(...)` and `None`");
    return false;
}

/* ---- names ------------------------------------------------------------------------------- */

static struct vkc_symbol *bind_again(struct vkc_pass *pass, struct vkc_ident name, struct vkc_type *type)
{
    for (uint32_t i = pass->alt_first; i < pass->alt_end; i++) {
        struct vkc_symbol *symbol = pass->locals[i].symbol;
        if (symbol->name != name.name)
            continue;
        symbol->index = pass->alt_stamp;
        if (!vkc_type_unify(pass->types, symbol->type, type))
            vkc_error(pass->diags, name.span, "`%s` is `%s` in the first alternative, `%s` here",
                      name.name->text, vkc_type_text(pass->types, symbol->type),
                      vkc_type_text(pass->types, type));
        return symbol;
    }
    struct vkc_diag *diag =
        vkc_error(pass->diags, name.span, "`%s` is not bound by the first alternative", name.name->text);
    vkc_diag_help(pass->diags, diag, "alternatives bind the same names");
    return vkc_scope_add(pass, VKC_SYMBOL_LOCAL, name, type, false);
}

static struct vkc_symbol *bind(struct vkc_pass *pass, struct vkc_ident name, struct vkc_type *type)
{
    if (pass->alt_stamp != 0 && name.name != NULL)
        return bind_again(pass, name, type);
    return vkc_scope_add(pass, VKC_SYMBOL_LOCAL, name, type, false);
}

/* Those of the first alternative that this one lacks. */
static void same_names(struct vkc_pass *pass, const struct vkc_pattern *pattern, uint32_t stamp,
                       const bool *wanted)
{
    for (uint32_t i = pass->alt_first; i < pass->alt_end; i++) {
        const struct vkc_symbol *symbol = pass->locals[i].symbol;
        if ((wanted == NULL || wanted[i - pass->alt_first]) && symbol->index != stamp)
            vkc_error(pass->diags, pattern->span, "this alternative does not bind `%s`", symbol->name->text);
    }
}

/* Inside an alternative already: every one of these binds what the first of them does. */
static void infer_alt_within(struct vkc_pass *pass, struct vkc_pattern *pattern, struct vkc_type *type)
{
    uint32_t outer = pass->alt_stamp, count = pass->alt_end - pass->alt_first;
    bool *wanted = VKC_NEW_ARRAY(&pass->program->arena, bool, count + 1);
    for (uint32_t i = 0; i < pattern->alt.count; i++) {
        pass->alt_stamp = ++pass->stamps;
        vkc_infer_pattern(pass, pattern->alt.items[i], type);
        for (uint32_t j = 0; i == 0 && j < count; j++)
            wanted[j] = pass->locals[pass->alt_first + j].symbol->index == pass->alt_stamp;
        same_names(pass, pattern->alt.items[i], pass->alt_stamp, wanted);
    }
    for (uint32_t j = 0; j < count; j++) {
        if (wanted[j])
            pass->locals[pass->alt_first + j].symbol->index = outer;
    }
    pass->alt_stamp = outer;
}

static void infer_alt(struct vkc_pass *pass, struct vkc_pattern *pattern, struct vkc_type *type)
{
    if (pass->alt_stamp != 0) {
        infer_alt_within(pass, pattern, type);
        return;
    }
    uint32_t first = pass->locals_count;
    vkc_infer_pattern(pass, pattern->alt.items[0], type);
    pass->alt_first = first;
    pass->alt_end = pass->locals_count;
    for (uint32_t i = 1; i < pattern->alt.count; i++) {
        pass->alt_stamp = ++pass->stamps;
        vkc_infer_pattern(pass, pattern->alt.items[i], type);
        same_names(pass, pattern->alt.items[i], pass->alt_stamp, NULL);
    }
    pass->alt_stamp = 0;
}

/* ---- variants and records --------------------------------------------------------------------- */

static struct vkc_symbol *enum_variant(struct vkc_pass *pass, const struct vkc_symbol *of,
                                       struct vkc_ident name)
{
    struct vkc_symbol *variant = of->kind == VKC_SYMBOL_ENUM ? vkc_variant_of(of, name.name) : NULL;
    if (variant != NULL || name.name == NULL)
        return variant;
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, name.name->text, name.name->len);
    for (uint32_t i = 0; of->kind == VKC_SYMBOL_ENUM && i < of->members_count; i++) {
        if (of->members[i]->name != NULL)
            vkc_nearest_offer(&nearest, of->members[i]->name->text);
    }
    vkc_nearest_help(
        &nearest, pass->diags,
        vkc_error(pass->diags, name.span, "`%s` has no variant `%s`", of->name->text, name.name->text));
    return NULL;
}

static struct vkc_symbol *path_variant(struct vkc_pass *pass, struct vkc_pattern *pattern,
                                       struct vkc_type *type)
{
    struct vkc_path *path = &pattern->of.path;
    struct vkc_ident last = path->names[path->count - 1];
    bool is_told;
    if (path->count == 1) {
        struct vkc_symbol *variant = vkc_variant_named(pass, last, type, &is_told);
        if (variant != NULL || is_told)
            return variant;
        type = vkc_type_find(type);
        if (type->kind == VKC_TYPE_NAMED && type->symbol->kind == VKC_SYMBOL_ENUM)
            return enum_variant(pass, type->symbol, last);
        vkc_error(pass->diags, last.span, "there is no variant `%s`", last.name->text);
        return NULL;
    }
    struct vkc_symbol *module = path->count == 2 ? vkc_module_named(pass, path->names[0].name) : NULL;
    if (module != NULL) {
        module->is_used = true;
        return vkc_member_of(pass, module, last);
    }
    const struct vkc_symbol *of = vkc_resolve_type_path(pass, path, path->count - 1, "enum");
    return of != NULL ? enum_variant(pass, of, last) : NULL;
}

static uint32_t slot_named(const struct vkc_symbol *symbol, const struct vkc_name *name)
{
    uint32_t i = 0;
    while (i < symbol->slots_count && symbol->slots[i].name != name)
        i++;
    return i;
}

static void infer_fields(struct vkc_pass *pass, struct vkc_pattern *pattern, const struct vkc_symbol *symbol,
                         struct vkc_type *type)
{
    bool *given = VKC_NEW_ARRAY(&pass->program->arena, bool, symbol->slots_count + 1);
    for (uint32_t i = 0; i < pattern->of.count; i++) {
        struct vkc_pattern_field *field = &pattern->of.fields[i];
        uint32_t at = field->name.name != NULL ? slot_named(symbol, field->name.name) : i;
        if (at >= symbol->slots_count) {
            if (field->name.name != NULL) {
                struct vkc_nearest nearest;
                vkc_nearest_init(&nearest, field->name.name->text, field->name.name->len);
                for (uint32_t j = 0; j < symbol->slots_count; j++)
                    vkc_nearest_offer(&nearest,
                                      symbol->slots[j].name != NULL ? symbol->slots[j].name->text : "");
                vkc_nearest_help(&nearest, pass->diags,
                                 vkc_error(pass->diags, field->name.span, "`%s` has no field `%s`",
                                           symbol->name->text, field->name.name->text));
            }
            vkc_infer_pattern(pass, field->pattern, error_type(pass));
            continue;
        }
        if (given[at])
            vkc_error(pass->diags, field->pattern->span, "this field is matched twice");
        given[at] = true;
        field->index = at;
        vkc_infer_pattern(pass, field->pattern,
                          vkc_type_replace(pass->types, symbol->slots[at].type, symbol->params, type->args,
                                           symbol->params_count));
    }
    for (uint32_t i = 0; i < symbol->slots_count && !pattern->of.is_open; i++) {
        bool is_counted = pattern->kind == VKC_PATTERN_VARIANT && pattern->of.count != symbol->slots_count &&
                          (pattern->of.count == 0 || pattern->of.fields[0].name.name == NULL);
        if (is_counted || given[i] || symbol->slots[i].name == NULL)
            continue;
        struct vkc_diag *diag = vkc_error(pass->diags, pattern->of.path.span,
                                          "the pattern says nothing of `%s`", symbol->slots[i].name->text);
        vkc_diag_help(pass->diags, diag,
                      pattern->kind == VKC_PATTERN_RECORD ? "`..` leaves the other fields out"
                                                          : "`_` matches anything");
        break;
    }
}

static struct vkc_type *opened(struct vkc_pass *pass, struct vkc_symbol *of, struct vkc_span span)
{
    struct vkc_type *args[VKC_TYPE_PARAMS_MAX];
    uint32_t count = of->params_count < VKC_TYPE_PARAMS_MAX ? of->params_count : VKC_TYPE_PARAMS_MAX;
    for (uint32_t i = 0; i < count; i++)
        args[i] = vkc_type_var(pass->types, span);
    return vkc_type_make(pass->types, VKC_TYPE_NAMED, of, args, count);
}

static void infer_variant(struct vkc_pass *pass, struct vkc_pattern *pattern, struct vkc_type *type)
{
    struct vkc_symbol *variant = path_variant(pass, pattern, type);
    pattern->of.path.symbol = variant;
    bool is_variant = variant != NULL && variant->kind == VKC_SYMBOL_VARIANT;
    struct vkc_type *of = is_variant ? opened(pass, variant->outer, pattern->span) : NULL;
    if (of == NULL || !fits(pass, pattern, of, type)) {
        pattern->type = error_type(pass);
        for (uint32_t i = 0; i < pattern->of.count; i++)
            vkc_infer_pattern(pass, pattern->of.fields[i].pattern, error_type(pass));
        return;
    }
    variant->is_used = true;
    uint32_t want = variant->slots_count, found = pattern->of.count;
    bool is_named = found > 0 && pattern->of.fields[0].name.name != NULL;
    if (want > 0 && !pattern->of.has_parens) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, pattern->span, "`%s` has a payload", variant->name->text);
        vkc_diag_help(pass->diags, diag, "`%s(%s)` matches any", variant->name->text,
                      want == 1 ? "_" : "_, ...");
    } else if (want != found && !is_named) {
        struct vkc_diag *diag = vkc_error(pass->diags, pattern->span, "`%s` has %u value%s, the pattern %u",
                                          variant->name->text, want, want == 1 ? "" : "s", found);
        if (variant->span.start != 0)
            vkc_diag_note(pass->diags, diag, variant->span, "declared here");
    }
    infer_fields(pass, pattern, variant, of);
}

static void infer_record(struct vkc_pass *pass, struct vkc_pattern *pattern, struct vkc_type *type)
{
    struct vkc_path *path = &pattern->of.path;
    struct vkc_symbol *symbol = vkc_resolve_type_path(pass, path, path->count, "record");
    if (symbol != NULL && symbol->kind != VKC_SYMBOL_RECORD) {
        vkc_error(pass->diags, path->span, "`%s` is no record", symbol->name->text);
        symbol = NULL;
    }
    path->symbol = symbol;
    struct vkc_type *of = symbol != NULL ? opened(pass, symbol, pattern->span) : error_type(pass);
    if (symbol != NULL && fits(pass, pattern, of, type)) {
        infer_fields(pass, pattern, symbol, of);
        return;
    }
    pattern->type = error_type(pass);
    for (uint32_t i = 0; i < pattern->of.count; i++)
        vkc_infer_pattern(pass, pattern->of.fields[i].pattern, error_type(pass));
}

static void infer_list(struct vkc_pass *pass, struct vkc_pattern *pattern, struct vkc_type *type)
{
    struct vkc_type *of = vkc_type_var(pass->types, pattern->span);
    struct vkc_type *list = vkc_type_of1(pass, VKC_TYPE_LIST, of);
    if (!fits(pass, pattern, list, type))
        of->link = error_type(pass);
    for (uint32_t i = 0; i < pattern->list.items.count; i++)
        vkc_infer_pattern(pass, pattern->list.items.items[i], of);
    if (pattern->list.rest.name != NULL)
        pattern->symbol = bind(pass, pattern->list.rest, list);
}

void vkc_infer_pattern(struct vkc_pass *pass, struct vkc_pattern *pattern, struct vkc_type *type)
{
    pattern->type = type;
    vkc_pending_add(pass, &pattern->type);
    switch (pattern->kind) {
    case VKC_PATTERN_BAD:
    case VKC_PATTERN_ANY:
        break;
    case VKC_PATTERN_BIND:
        pattern->symbol = bind(pass, pattern->bind, type);
        break;
    case VKC_PATTERN_INT:
        (void)fits(pass, pattern, vkc_simple(pass, VKC_TYPE_INT), type);
        break;
    case VKC_PATTERN_DURATION:
        (void)fits(pass, pattern, vkc_simple(pass, VKC_TYPE_DURATION), type);
        break;
    case VKC_PATTERN_BOOL:
        (void)fits(pass, pattern, vkc_simple(pass, VKC_TYPE_BOOL), type);
        break;
    case VKC_PATTERN_STR:
        (void)fits(pass, pattern, vkc_simple(pass, VKC_TYPE_STR), type);
        break;
    case VKC_PATTERN_VARIANT:
        infer_variant(pass, pattern, type);
        break;
    case VKC_PATTERN_RECORD:
        infer_record(pass, pattern, type);
        break;
    case VKC_PATTERN_LIST:
        infer_list(pass, pattern, type);
        break;
    case VKC_PATTERN_ALT:
        infer_alt(pass, pattern, type);
        break;
    }
}
