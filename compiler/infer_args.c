/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments to parameters, fields and payloads: by place, by name, by default. */
#include "compiler/pass.h"

struct vkc_call *vkc_call_new(struct vkc_pass *pass, struct vkc_expr *expr, enum vkc_call_kind kind,
                              struct vkc_symbol *symbol)
{
    struct vkc_call *call = VKC_NEW(&pass->program->arena, struct vkc_call);
    call->kind = kind;
    call->symbol = symbol;
    expr->meaning = call;
    return call;
}

void vkc_call_open(struct vkc_pass *pass, struct vkc_call *call, struct vkc_symbol *const *params,
                   uint32_t count, struct vkc_span span)
{
    (void)params;
    call->type_args_count = count;
    call->type_args = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_type *, count);
    for (uint32_t i = 0; i < count; i++) {
        call->type_args[i] = vkc_type_var(pass->types, span);
        vkc_pending_add(pass, &call->type_args[i]);
    }
}

struct matcher {
    struct vkc_pass *pass;
    struct vkc_call *call;
    const struct vkc_slot *slots;
    uint32_t count;
    const char *what;
    struct vkc_span declared;
    struct vkc_symbol *const *params;
    bool *given;
    bool is_told; /* a name that is none: what is missing is that */
};

static struct vkc_type *type_of(const struct matcher *m, uint32_t slot)
{
    return vkc_type_replace(m->pass->types, m->slots[slot].type, m->params, m->call->type_args,
                            m->call->type_args_count);
}

static void add_arg(struct matcher *m, struct vkc_expr *value, uint32_t slot, bool is_default)
{
    m->call->args[m->call->count++] = (struct vkc_call_arg){value, slot, is_default};
    m->given[slot] = true;
}

static uint32_t slot_named(const struct matcher *m, const struct vkc_name *name)
{
    uint32_t i = 0;
    while (i < m->count && m->slots[i].name != name)
        i++;
    return i;
}

static void note_declared(const struct matcher *m, struct vkc_diag *diag)
{
    if (m->declared.start != 0)
        vkc_diag_note(m->pass->diags, diag, m->declared, "declared here");
}

static void tell_no_slot(struct matcher *m, struct vkc_ident name)
{
    struct vkc_nearest nearest;
    m->is_told = true;
    bool is_record = m->call->kind == VKC_CALL_RECORD;
    struct vkc_diag *diag = vkc_error(m->pass->diags, name.span, "%s has no %s `%s`", m->what,
                                      is_record ? "field" : "parameter", name.name->text);
    vkc_nearest_init(&nearest, name.name->text, name.name->len);
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->slots[i].name != NULL && !m->given[i])
            vkc_nearest_offer(&nearest, m->slots[i].name->text);
    }
    note_declared(m, diag);
    vkc_nearest_help(&nearest, m->pass->diags, diag);
}

static void infer_arg(struct matcher *m, struct vkc_expr *value, uint32_t slot)
{
    struct vkc_reason reason = {m->slots[slot].span, "expected because of this parameter"};
    if (m->call->kind == VKC_CALL_RECORD)
        reason.text = "expected because of this field";
    else if (m->call->kind == VKC_CALL_VARIANT)
        reason.text = "expected because of this payload";
    vkc_infer_as(m->pass, value, type_of(m, slot), &reason);
    add_arg(m, value, slot, false);
}

static void named_arg(struct matcher *m, const struct vkc_arg *arg)
{
    uint32_t slot = slot_named(m, arg->name.name);
    if (slot < m->count && !m->given[slot]) {
        infer_arg(m, arg->value, slot);
        return;
    }
    if (slot == m->count)
        tell_no_slot(m, arg->name);
    else
        vkc_error(m->pass->diags, arg->name.span, "`%s` is given twice", arg->name.name->text);
    vkc_infer_expr(m->pass, arg->value, NULL);
}

static void tell_count(const struct matcher *m, struct vkc_span span, uint32_t least, uint32_t found,
                       uint32_t first)
{
    uint32_t most = m->count - first;
    struct vkc_text text = {0};
    vkc_text_print(&text, least == most ? "%u" : "%u to %u", least, most);
    struct vkc_diag *diag = vkc_error(m->pass->diags, span, "%s takes %s argument%s, found %u", m->what,
                                      text.bytes, most == 1 ? "" : "s", found);
    vkc_text_fini(&text);
    note_declared(m, diag);
}

/* Those not given: defaults, else what is missing. */
static void fill(struct matcher *m, struct vkc_span span, uint32_t found, uint32_t first, bool is_too_many)
{
    uint32_t least = 0;
    bool is_missing = is_too_many;
    const struct vkc_name *missing = NULL;
    for (uint32_t i = 0; i < m->count; i++) {
        least += i >= first && m->slots[i].value == NULL;
        if (m->given[i])
            continue;
        if (m->slots[i].value != NULL) {
            add_arg(m, m->slots[i].value, i, true);
        } else {
            is_missing = true;
            missing = missing == NULL ? m->slots[i].name : missing;
        }
    }
    if (!is_missing || m->is_told)
        return;
    if (!is_too_many && missing != NULL && found >= least) {
        note_declared(m, vkc_error(m->pass->diags, span, "%s is not given `%s`", m->what, missing->text));
        return;
    }
    tell_count(m, span, least, found, first);
}

/* As many as no parameters take: then what they are says nothing. */
static bool is_wrong_count(const struct matcher *m, const struct vkc_args *args, uint32_t first)
{
    uint32_t least = 0;
    for (uint32_t i = first; i < m->count; i++)
        least += m->slots[i].value == NULL;
    for (uint32_t i = 0; i < args->count; i++) {
        if (args->items[i].name.name != NULL)
            return false;
    }
    return args->count < least || args->count > m->count - first;
}

void vkc_infer_args(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_call *call,
                    const struct vkc_args *args, const struct vkc_slot *slots, uint32_t slots_count,
                    uint32_t first, const char *what, struct vkc_span declared,
                    struct vkc_symbol *const *params)
{
    struct matcher m = {pass, call, slots, slots_count, what, declared, params, NULL, false};
    uint32_t next = first, room = slots_count + 1;
    bool is_too_many = false;
    m.given = VKC_NEW_ARRAY(&pass->program->arena, bool, room);
    struct vkc_call_arg *begun = call->args;
    call->args = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_call_arg, room);
    for (uint32_t i = 0; i < first; i++) {
        call->args[i] = begun[i];
        m.given[i] = true;
    }
    bool is_wrong = is_wrong_count(&m, args, first);
    for (uint32_t i = 0; i < args->count; i++) {
        const struct vkc_arg *arg = &args->items[i];
        if (is_wrong) {
            vkc_infer_expr(pass, arg->value, NULL);
            is_too_many = true;
        } else if (arg->name.name != NULL) {
            named_arg(&m, arg);
        } else if (next < slots_count) {
            infer_arg(&m, arg->value, next++);
        } else {
            vkc_infer_expr(pass, arg->value, NULL);
            is_too_many = true;
        }
    }
    struct vkc_span span = expr->span;
    if (expr->kind == VKC_EXPR_CALL)
        span = expr->call.callee->span;
    fill(&m, span, args->count, first, is_too_many);
}

/* ---- records ------------------------------------------------------------------------------- */

static void missing_fields(struct vkc_pass *pass, struct vkc_expr *expr, const struct vkc_symbol *symbol,
                           const bool *given)
{
    struct vkc_text text = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < symbol->slots_count; i++) {
        if (!given[i] && symbol->slots[i].name != NULL)
            vkc_text_print(&text, "%s`%s`", count++ > 0 ? ", " : "", symbol->slots[i].name->text);
    }
    if (count > 0) {
        struct vkc_diag *diag = vkc_error(pass->diags, expr->record.path.span, "`%s` is not given %s",
                                          symbol->name->text, text.bytes);
        vkc_diag_note(pass->diags, diag, symbol->span, "declared here");
    }
    vkc_text_fini(&text);
}

static struct vkc_symbol *record_symbol(struct vkc_pass *pass, struct vkc_expr *expr)
{
    struct vkc_path *path = &expr->record.path;
    struct vkc_symbol *symbol = path->symbol = vkc_resolve_type_path(pass, path, path->count, "record");
    if (symbol == NULL || symbol->kind == VKC_SYMBOL_RECORD)
        return symbol;
    struct vkc_diag *diag = vkc_error(pass->diags, path->span, "`%s` is no record", symbol->name->text);
    if (symbol->span.start != 0)
        vkc_diag_note(pass->diags, diag, symbol->span, "declared here");
    return NULL;
}

struct vkc_type *vkc_infer_record(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_symbol *symbol = record_symbol(pass, expr);
    if (symbol == NULL) {
        for (uint32_t i = 0; i < expr->record.fields.count; i++)
            vkc_infer_expr(pass, expr->record.fields.items[i].value, NULL);
        if (expr->record.base != NULL)
            vkc_infer_expr(pass, expr->record.base, NULL);
        return vkc_simple(pass, VKC_TYPE_ERROR);
    }
    expr->symbol = symbol;
    struct vkc_call *call = vkc_call_new(pass, expr, VKC_CALL_RECORD, symbol);
    vkc_call_open(pass, call, symbol->params, symbol->params_count, expr->record.path.span);
    struct vkc_type *type =
        vkc_type_make(pass->types, VKC_TYPE_NAMED, symbol, call->type_args, call->type_args_count);
    if (hint != NULL && vkc_type_find(hint)->symbol == symbol)
        (void)vkc_type_unify(pass->types, type, hint); /* a hint */
    struct vkc_text what = {0};
    vkc_text_print(&what, "`%s`", symbol->name->text);
    struct matcher m = {pass,           call, symbol->slots, symbol->slots_count, what.bytes, symbol->span,
                        symbol->params, NULL, false};
    m.given = VKC_NEW_ARRAY(&pass->program->arena, bool, symbol->slots_count + 1);
    call->args = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_call_arg, symbol->slots_count + 1);
    call->receiver = expr->record.base;
    for (uint32_t i = 0; i <= expr->record.fields.count; i++) {
        if (i == expr->record.base_at && expr->record.base != NULL) {
            struct vkc_reason reason = {expr->record.path.span,
                                        "the other fields come from a record of the same type"};
            call->base_at = call->count;
            vkc_infer_as(pass, expr->record.base, type, &reason);
        }
        if (i < expr->record.fields.count && expr->record.fields.items[i].name.name != NULL)
            named_arg(&m, &expr->record.fields.items[i]);
    }
    if (expr->record.base == NULL && !m.is_told)
        missing_fields(pass, expr, symbol, m.given);
    vkc_text_fini(&what);
    return type;
}
