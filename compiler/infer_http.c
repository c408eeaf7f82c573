/* SPDX-License-Identifier: Apache-2.0 */
/* http blocks with their clauses, `json`, and requests in tests. */
#include "compiler/pass.h"

static struct vkc_type *error_type(const struct vkc_pass *pass)
{
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

/* ---- json ------------------------------------------------------------------------------ */

static void infer_entry(struct vkc_pass *pass, struct vkc_expr *value)
{
    if (value->kind == VKC_EXPR_OBJECT) {
        value->type = vkc_infer_object(pass, value);
        vkc_pending_add(pass, &value->type);
        return;
    }
    vkc_later_trait(pass, VKC_TRAIT_JSON, vkc_infer_expr(pass, value, NULL), value->span);
}

struct vkc_type *vkc_infer_object(struct vkc_pass *pass, struct vkc_expr *expr)
{
    for (uint32_t i = 0; i < expr->object.count; i++) {
        const struct vkc_arg *entry = &expr->object.items[i];
        for (uint32_t j = 0; j < i && entry->name.name != NULL; j++) {
            if (expr->object.items[j].name.name == entry->name.name)
                vkc_error(pass->diags, entry->name.span, "`%s` is in this object twice",
                          entry->name.name->text);
        }
        infer_entry(pass, entry->value);
    }
    return vkc_simple(pass, VKC_TYPE_OBJECT);
}

struct vkc_type *vkc_infer_json(struct vkc_pass *pass, struct vkc_expr *expr)
{
    struct vkc_expr *status = expr->json.status;
    if (status != NULL) {
        vkc_infer_as(pass, status, vkc_simple(pass, VKC_TYPE_INT), NULL);
        if (status->kind == VKC_EXPR_INT && (status->number < 200 || status->number > 599))
            vkc_error(pass->diags, status->span, "a status is 200 to 599");
    }
    infer_entry(pass, expr->json.value);
    return vkc_simple(pass, VKC_TYPE_RESPONSE);
}

/* ---- requests in tests -------------------------------------------------------------------- */

static void infer_option(struct vkc_pass *pass, const struct vkc_arg *option)
{
    struct vkc_type *str = vkc_simple(pass, VKC_TYPE_STR), *pair[2] = {str, str};
    struct vkc_reason reason = {.text = "`headers:` is a map of names to values"};
    if (option->name.name == pass->name_headers) {
        vkc_infer_as(pass, option->value, vkc_type_make(pass->types, VKC_TYPE_MAP, NULL, pair, 2), &reason);
        return;
    }
    const struct vkc_type *type = vkc_type_find(vkc_infer_expr(pass, option->value, NULL));
    if (option->name.name != pass->name_body) {
        if (option->name.name != NULL)
            vkc_error(pass->diags, option->name.span, "a request takes `body:` and `headers:`, not `%s`",
                      option->name.name->text);
        return;
    }
    if (type->kind == VKC_TYPE_STR || type->kind == VKC_TYPE_BYTES || type->kind == VKC_TYPE_ERROR)
        return;
    struct vkc_diag *diag =
        vkc_error(pass->diags, option->value->span, "a body is `Str` or `Bytes`, found `%s`",
                  vkc_type_text(pass->types, option->value->type));
    vkc_diag_help(pass->diags, diag, "`to_json(...)` gives its text");
}

struct vkc_type *vkc_infer_request(struct vkc_pass *pass, struct vkc_expr *expr)
{
    const struct vkc_infer *infer = pass->infer;
    while (infer->outer != NULL)
        infer = infer->outer;
    if (infer->body->kind != VKC_BODY_TEST)
        vkc_error(pass->diags, expr->span, "requests are made in tests only");
    vkc_infer_as(pass, expr->request.target, vkc_simple(pass, VKC_TYPE_STR), NULL);
    for (uint32_t i = 0; i < expr->request.options.count; i++) {
        const struct vkc_ident *name = &expr->request.options.items[i].name;
        for (uint32_t k = 0; k < i; k++)
            if (name->name != NULL && expr->request.options.items[k].name.name == name->name)
                vkc_error(pass->diags, name->span, "`%s:` is given twice", name->name->text);
        infer_option(pass, &expr->request.options.items[i]);
    }
    vkc_wait_add(pass, expr->span, "a request");
    return vkc_simple(pass, VKC_TYPE_REPLY);
}

/* ---- routes ---------------------------------------------------------------------------------- */

struct params {
    struct vkc_pass *pass;
    struct vkc_body *body;
    uint32_t room;
};

static struct vkc_symbol *add_param(struct params *p, struct vkc_ident name, struct vkc_type *type)
{
    struct vkc_pass *pass = p->pass;
    struct vkc_body *body = p->body;
    struct vkc_symbol *symbol = vkc_symbol_new(pass, VKC_SYMBOL_PARAM, name);
    symbol->type = type;
    symbol->index = body->params_count;
    symbol->body = body;
    for (uint32_t i = 0; i < body->params_count && name.name != NULL; i++) {
        if (body->params[i]->name != name.name)
            continue;
        if (body->params[i]->span.start == 0)
            vkc_error(pass->diags, name.span, "`%s` is the request already: choose another name",
                      name.name->text);
        else
            vkc_error(pass->diags, name.span, "`%s` is in this route twice", name.name->text);
    }
    VKC_ADD(&pass->program->arena, body->params, body->params_count, p->room, symbol);
    return symbol;
}

static void add_built_in(struct params *p, const struct vkc_name *name, enum vkc_type_kind kind)
{
    (void)add_param(p, (struct vkc_ident){.name = name}, vkc_simple(p->pass, kind));
}

static struct vkc_type *param_type(struct vkc_pass *pass, const struct vkc_param *param)
{
    return param->type != NULL ? vkc_resolve_type(pass, param->type) : vkc_simple(pass, VKC_TYPE_STR);
}

static void add_capture(struct params *p, struct vkc_param *param)
{
    struct vkc_type *type = param_type(p->pass, param);
    bool is_fit = type->kind == VKC_TYPE_STR || type->kind == VKC_TYPE_INT || type->kind == VKC_TYPE_ERROR;
    if (!is_fit) {
        vkc_error(p->pass->diags, param->type->span, "a segment is a `Str` or an `Int`, not `%s`",
                  vkc_type_text(p->pass->types, type));
        type = error_type(p->pass);
    }
    param->symbol = add_param(p, param->name, type);
}

static void add_query(struct params *p, struct vkc_param *param)
{
    struct vkc_pass *pass = p->pass;
    struct vkc_type *type = param_type(pass, param), *inside = vkc_type_option(pass->checked, type);
    enum vkc_type_kind kind = inside != NULL ? inside->kind : type->kind;
    bool is_fit = kind == VKC_TYPE_STR || kind == VKC_TYPE_INT || kind == VKC_TYPE_FLOAT ||
                  kind == VKC_TYPE_BOOL || kind == VKC_TYPE_ERROR;
    if (!is_fit) {
        struct vkc_diag *diag =
            vkc_error(pass->diags, param->type->span, "a query parameter cannot be a `%s`",
                      vkc_type_text(pass->types, type));
        vkc_diag_help(pass->diags, diag, "`Str`, `Int`, `Float`, `Bool`, or `?` of these");
        type = error_type(pass);
    }
    param->symbol = add_param(p, param->name, type);
    if (param->value != NULL)
        vkc_infer_default(pass, param->value, type,
                          param->type != NULL ? param->type->span : param->name.span);
}

static struct vkc_body *route_body(struct vkc_pass *pass, struct vkc_decl *decl, struct vkc_clause *clause,
                                   enum vkc_body_kind kind)
{
    struct vkc_body *body = vkc_body_new(pass, kind, decl, clause->body);
    struct params p = {pass, body, 0};
    body->clause = clause;
    body->result = vkc_simple(pass, VKC_TYPE_RESPONSE);
    if (kind == VKC_BODY_CRASH)
        add_built_in(&p, pass->name_crash, VKC_TYPE_CRASH);
    else
        add_built_in(&p, pass->name_req, VKC_TYPE_REQUEST);
    for (uint32_t i = 0; kind == VKC_BODY_ROUTE && i < clause->segments_count; i++) {
        if (clause->segments[i].is_capture)
            add_capture(&p, &clause->segments[i].capture);
    }
    for (uint32_t i = 0; kind == VKC_BODY_ROUTE && i < clause->query.count; i++)
        add_query(&p, &clause->query.items[i]);
    return body;
}

/* ---- error clauses ---------------------------------------------------------------------------------- */

/* The enums that handlers of the block fail with, each once. */
struct failures {
    struct vkc_type **types;
    uint32_t count, room;
};

static void gather(struct vkc_pass *pass, const struct vkc_service *service, struct failures *f)
{
    for (uint32_t i = 0; i < service->decl->http.count; i++) {
        const struct vkc_body *body = service->clauses[i];
        for (uint32_t j = 0; body != NULL && j < body->fails_count; j++) {
            struct vkc_type *type = body->fails[j]->type;
            uint32_t k = 0;
            while (k < f->count && f->types[k] != type)
                k++;
            if (k == f->count && type->kind == VKC_TYPE_NAMED)
                VKC_ADD(&pass->program->arena, f->types, f->count, f->room, type);
        }
    }
}

static struct vkc_type *type_of_variant(const struct failures *f, const struct vkc_path *path)
{
    const struct vkc_name *last = path->names[path->count - 1].name;
    const struct vkc_name *of = path->count > 1 ? path->names[path->count - 2].name : NULL;
    for (uint32_t i = 0; i < f->count; i++) {
        bool is_named = of == NULL || of->text[0] >= 'a' || f->types[i]->symbol->name == of;
        if (is_named && vkc_variant_of(f->types[i]->symbol, last) != NULL)
            return f->types[i];
    }
    return NULL;
}

/* Which enum an error clause is about; the error type when that cannot be said. */
static struct vkc_type *clause_type(struct vkc_pass *pass, const struct failures *f,
                                    const struct vkc_pattern *pattern)
{
    if (pattern->kind == VKC_PATTERN_ALT)
        return clause_type(pass, f, pattern->alt.items[0]);
    if (pattern->kind == VKC_PATTERN_VARIANT) {
        struct vkc_type *type = type_of_variant(f, &pattern->of.path);
        if (type != NULL || f->count > 0)
            return type != NULL ? type : f->types[0];
    }
    if (pattern->kind == VKC_PATTERN_ANY || pattern->kind == VKC_PATTERN_BAD || f->count == 1)
        return f->count == 1 ? f->types[0] : error_type(pass);
    if (f->count == 0)
        vkc_error(pass->diags, pattern->span, "no handler of this block fails with an enum");
    else
        vkc_error(pass->diags, pattern->span, "handlers fail with `%s` and `%s`: name the variants, or `_`",
                  f->types[0]->symbol->name->text, f->types[1]->symbol->name->text);
    return error_type(pass);
}

static bool is_any(const struct vkc_pattern *pattern)
{
    return pattern->kind == VKC_PATTERN_ANY;
}

/* Patterns of the error clauses for one enum, in order. */
static uint32_t rows_for(const struct vkc_service *service, struct vkc_pattern **rows, uint32_t end,
                         const struct vkc_type *type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < end; i++) {
        struct vkc_pattern *pattern = service->decl->http.clauses[i].pattern;
        bool is_error = service->decl->http.clauses[i].kind == VKC_CLAUSE_ERROR;
        if (is_error && (pattern->type == type || is_any(pattern)))
            rows[count++] = pattern;
    }
    return count;
}

static void tell_uncovered(struct vkc_pass *pass, const struct vkc_service *service,
                           const struct vkc_fail *fail, const struct vkc_symbol *variant)
{
    struct vkc_diag *diag =
        vkc_error(pass->diags, fail->span, "no `error` clause covers `%s`", variant->name->text);
    struct vkc_span head = {service->decl->span.start, service->decl->span.start + 4};
    vkc_diag_note(pass->diags, diag, head, "the handler belongs to this block");
    vkc_diag_help(pass->diags, diag, "`error %s%s => ...`, or `error _ => ...` for the rest",
                  variant->name->text, variant->slots_count > 0 ? "(_)" : "");
}

static void check_fail(struct vkc_pass *pass, const struct vkc_service *service, const struct vkc_fail *fail,
                       struct vkc_pattern **rows)
{
    struct vkc_type *type = fail->type;
    uint32_t count = rows_for(service, rows, service->decl->http.count, type);
    for (uint32_t i = 0; type->kind == VKC_TYPE_NAMED && i < type->symbol->members_count; i++) {
        struct vkc_symbol *variant = type->symbol->members[i];
        if (fail->variant != NULL && fail->variant != variant)
            continue;
        struct vkc_pattern any = {.kind = VKC_PATTERN_ANY, .type = type};
        struct vkc_pattern_field fields[VKC_PAYLOAD_MAX];
        struct vkc_pattern probe = {.kind = VKC_PATTERN_VARIANT, .type = type};
        for (uint32_t j = 0; j < variant->slots_count && j < VKC_PAYLOAD_MAX; j++)
            fields[j] = (struct vkc_pattern_field){.pattern = &any, .index = j};
        probe.of.path.symbol = variant;
        probe.of.fields = fields;
        probe.of.count = variant->slots_count;
        if (vkc_match_useful(pass, rows, count, &probe, type)) {
            tell_uncovered(pass, service, fail, variant);
            return;
        }
    }
}

static void check_clauses(struct vkc_pass *pass, const struct vkc_service *service, const struct failures *f)
{
    uint32_t count = service->decl->http.count;
    struct vkc_pattern **rows = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_pattern *, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct vkc_clause *clause = &service->decl->http.clauses[i];
        const struct vkc_body *body = service->clauses[i];
        for (uint32_t j = 0; body != NULL && j < body->fails_count; j++)
            check_fail(pass, service, body->fails[j], rows);
        if (clause->kind != VKC_CLAUSE_ERROR)
            continue;
        bool is_useful = f->count == 0;
        for (uint32_t j = 0; j < f->count; j++) {
            uint32_t before = rows_for(service, rows, i, f->types[j]);
            if (is_any(clause->pattern) || clause->pattern->type == f->types[j])
                is_useful |= vkc_match_useful(pass, rows, before, clause->pattern, f->types[j]);
        }
        if (!is_useful && clause->pattern->type->kind != VKC_TYPE_ERROR)
            vkc_error(pass->diags, clause->pattern->span, "the clauses above cover this already");
    }
}

static void infer_clause(struct vkc_pass *pass, struct vkc_service *service, uint32_t at,
                         enum vkc_clause_kind kind, const struct failures *f)
{
    static const enum vkc_body_kind kinds[] = {VKC_BODY_ROUTE, VKC_BODY_ERROR, VKC_BODY_CRASH};
    struct vkc_clause *clause = &service->decl->http.clauses[at];
    if (clause->kind != kind)
        return;
    service->clauses[at] = route_body(pass, service->decl, clause, kinds[kind]);
    if (kind == VKC_CLAUSE_ERROR)
        clause->pattern->type = clause_type(pass, f, clause->pattern);
    for (uint32_t i = 0; kind == VKC_CLAUSE_CRASH && i < at; i++) {
        if (service->decl->http.clauses[i].kind == VKC_CLAUSE_CRASH)
            vkc_error(pass->diags, clause->span, "a block has one `crash` clause");
    }
    vkc_infer_body(pass, service->clauses[at]);
}

void vkc_infer_service(struct vkc_pass *pass, struct vkc_service *service)
{
    static const enum vkc_clause_kind order[] = {VKC_CLAUSE_ROUTE, VKC_CLAUSE_ERROR, VKC_CLAUSE_CRASH};
    uint32_t count = service->decl->http.count, errors = pass->diags->errors;
    struct failures f = {0};
    service->clauses = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_body *, count + 1);
    for (size_t k = 0; k < VK_COUNT(order); k++) {
        for (uint32_t i = 0; i < count; i++)
            infer_clause(pass, service, i, order[k], &f);
        if (order[k] == VKC_CLAUSE_ROUTE)
            gather(pass, service, &f);
    }
    if (pass->diags->errors == errors)
        check_clauses(pass, service, &f);
    vkc_routes_check(pass, service);
}
