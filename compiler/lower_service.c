/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader is told: top-level values, actors, http blocks, tests. Each
 * route gets a root function: it fetches captures and parameters by natives,
 * calls the handler, and answers.
 */
#include "compiler/lower_impl.h"

#include <string.h>

static const struct vkc_instance *instance_of(struct vkc_lower *l, struct vkc_body *body)
{
    return vkc_instance_of(l->checked, body, NULL, NULL);
}

static uint32_t function_of(struct vkc_lower *l, struct vkc_body *body)
{
    return vkc_lower_function(l, instance_of(l, body));
}

static struct interp_services *services(struct vkc_lower *l)
{
    return (struct interp_services *)(void *)l->unit.services;
}

/* An array in SERVICES; pointers into it are good until the next one. */
static struct interp_array array(struct vkc_lower *l, uint32_t count, size_t size)
{
    return (struct interp_array){vkc_unit_services(&l->unit, count * size), count};
}

static void *entry_at(struct vkc_lower *l, struct interp_array in, uint32_t index, size_t size)
{
    return l->unit.services + in.first + index * size;
}

uint32_t vkc_lower_actor(struct vkc_lower *l, const struct vkc_symbol *actor)
{
    uint32_t i = 0;
    while (i < l->checked->actors_count && l->checked->actors[i] != actor)
        i++;
    return i;
}

uint32_t vkc_lower_method(struct vkc_lower *l, const struct vkc_symbol *method)
{
    return vkc_lower_actor(l, method->outer) << 16 | method->index;
}

/* ---- values and tests -------------------------------------------------------------------- */

static void put_lets(struct vkc_lower *l)
{
    struct interp_array lets = array(l, l->checked->lets_count, sizeof(struct interp_let));
    for (uint32_t i = 0; i < l->checked->lets_count; i++) {
        const struct vkc_symbol *symbol = l->checked->lets[i];
        struct interp_let let = {.name = vkc_unit_name(&l->unit, symbol->name->text),
                                 .function = function_of(l, symbol->body),
                                 .constant = vkc_lower_let(l, symbol),
                                 .is_ref = vkc_lower_type(l, symbol->type) != 0};
        memcpy(entry_at(l, lets, i, sizeof let), &let, sizeof let);
    }
    services(l)->lets = lets;
}

static uint32_t line_of(struct vkc_lower *l, struct vkc_span span)
{
    return vkc_source_place(&l->checked->program->sources, span.start).line;
}

/* Those of modules it imports are for whoever tests these. */
static bool is_own_test(const struct vkc_lower *l, const struct vkc_body *body)
{
    const struct vkc_program *program = l->checked->program;
    return program->has_tests &&
           vkc_source_of(&program->sources, body->span.start) == program->modules[0]->source;
}

static void put_tests(struct vkc_lower *l)
{
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < l->checked->tests_count; i++)
        count += is_own_test(l, l->checked->tests[i]);
    struct interp_array tests = array(l, count, sizeof(struct interp_test));
    for (uint32_t i = 0; i < l->checked->tests_count; i++) {
        struct vkc_body *body = l->checked->tests[i];
        if (!is_own_test(l, body))
            continue;
        const struct vkc_expr *title = body->decl->test.title;
        const char *text = title->str.count ? title->str.parts[0].bytes : "";
        const char *name =
            vkc_arena_text(l->arena, text, title->str.count ? title->str.parts[0].len_bytes : 0);
        struct interp_test test = {vkc_unit_name(&l->unit, name), function_of(l, body),
                                   line_of(l, body->span), 0};
        memcpy(entry_at(l, tests, at++, sizeof test), &test, sizeof test);
        l->unit.functions[test.function]->name = name;
    }
    services(l)->tests = tests;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* respond(response) */
static uint32_t respond_function(struct vkc_lower *l)
{
    uint16_t type = vkc_lower_response(l);
    if (!l->respond)
        l->respond =
            vkc_unit_function(&l->unit, "respond", vkc_unit_fn(&l->unit, &type, 1, INTERP_TYPE_NONE))->id + 1;
    return l->respond - 1;
}

/* The cases of a response with a part that most have not. */
static void respond_headers(struct vkc_fun *f, const uint32_t *parts)
{
    uint32_t args[] = {parts[VKC_RESPONSE_TYPE], parts[VKC_RESPONSE_BODY], parts[VKC_RESPONSE_HEADERS],
                       parts[VKC_RESPONSE_STATUS]};
    (void)vkc_fun_native(f, "http.respond_headers", args, 4, INTERP_TYPE_NONE, VKC_NONE);
    vkc_fun_return(f, VKC_NONE);
}

static uint32_t some_of(struct vkc_fun *f, uint32_t option)
{
    uint32_t some = vkc_ir_value(f->code, f->unit->types[f->code->values[option].type].of);
    vkc_ir_op2(f->code, INTERP_OP_SOME, some, option);
    return some;
}

static void respond_bytes(struct vkc_fun *f, const uint32_t *parts)
{
    uint32_t args[] = {parts[VKC_RESPONSE_TYPE], some_of(f, parts[VKC_RESPONSE_BYTES]),
                       parts[VKC_RESPONSE_HEADERS], parts[VKC_RESPONSE_STATUS]};
    (void)vkc_fun_native(f, "http.respond_bytes", args, 4, INTERP_TYPE_NONE, VKC_NONE);
    vkc_fun_return(f, VKC_NONE);
}

/* The closure writes to the stream, unless nobody wants a body. */
static void respond_stream(struct vkc_fun *f, const uint32_t *parts)
{
    uint32_t args[] = {parts[VKC_RESPONSE_TYPE], parts[VKC_RESPONSE_HEADERS], parts[VKC_RESPONSE_STATUS]};
    uint32_t end = vkc_ir_label(f->code), writer = some_of(f, parts[VKC_RESPONSE_STREAM]);
    const struct interp_type *type = &f->unit->types[f->code->values[writer].type];
    uint16_t stream = f->unit->type_words[type->first];
    uint32_t wants = vkc_fun_native(f, "http.respond_begin", args, 3, 0, VKC_NONE);
    vkc_ir_branch(f->code, INTERP_OP_JF, wants, VKC_NONE, end);
    uint32_t handle = vkc_fun_native(f, "http.stream", NULL, 0, stream, VKC_NONE);
    (void)vkc_fun_apply(f, writer, &handle, 1, VKC_NONE);
    (void)vkc_fun_native(f, "http.respond_end", NULL, 0, INTERP_TYPE_NONE, VKC_NONE);
    vkc_ir_place(f->code, end);
    vkc_fun_return(f, VKC_NONE);
}

/* The plain case comes first and alone pays nothing for the others. */
void vkc_lower_respond(struct vkc_lower *l)
{
    if (!l->respond)
        return;
    struct vkc_fun f;
    struct vkc_code *code = l->unit.functions[l->respond - 1];
    const uint16_t *words = l->unit.type_words + l->unit.types[vkc_lower_response(l)].first;
    uint32_t response, parts[VKC_RESPONSE_PARTS], len = vkc_ir_value(code, 0);
    uint32_t has_headers = vkc_ir_label(code), has_bytes = vkc_ir_label(code), is_stream = vkc_ir_label(code);
    vkc_fun_init(&f, l, code);
    vkc_fun_params(&f, &response);
    for (uint32_t i = 0; i < VKC_RESPONSE_PARTS; i++)
        parts[i] = vkc_fun_field(&f, response, i, words[i], VKC_NONE);
    if (l->has_bytes)
        vkc_ir_branch(code, INTERP_OP_JSOME, parts[VKC_RESPONSE_BYTES], VKC_NONE, has_bytes);
    if (l->has_streams)
        vkc_ir_branch(code, INTERP_OP_JSOME, parts[VKC_RESPONSE_STREAM], VKC_NONE, is_stream);
    vkc_ir_op2(code, INTERP_OP_LLEN, len, parts[VKC_RESPONSE_HEADERS]);
    if (l->has_headers)
        vkc_ir_branch_imm(code, INTERP_OP_JGTI, len, 0, has_headers);
    uint32_t plain[] = {parts[VKC_RESPONSE_TYPE], parts[VKC_RESPONSE_BODY], parts[VKC_RESPONSE_STATUS]};
    (void)vkc_fun_native(&f, "http.respond", plain, 3, INTERP_TYPE_NONE, VKC_NONE);
    vkc_fun_return(&f, VKC_NONE);
    vkc_ir_place(code, has_headers);
    if (l->has_headers)
        respond_headers(&f, parts);
    vkc_ir_place(code, has_bytes);
    if (l->has_bytes)
        respond_bytes(&f, parts);
    vkc_ir_place(code, is_stream);
    if (l->has_streams)
        respond_stream(&f, parts);
}

/* The answer, and the end of the process. */
static void finish(struct vkc_fun *f, uint32_t response)
{
    (void)vkc_fun_call(f, respond_function(f->lower), &response, 1, VKC_NONE);
    (void)vkc_fun_native(f, "process.end", NULL, 0, INTERP_TYPE_NONE, VKC_NONE);
    vkc_ir_trap(f->code, INTERP_TRAP_FAIL);
}

void vkc_fun_refuse(struct vkc_fun *f, uint32_t why)
{
    uint32_t args[] = {why, vkc_fun_number(f, 400, VKC_NONE)};
    (void)vkc_fun_native(f, "http.refuse", args, 2, INTERP_TYPE_NONE, VKC_NONE);
    vkc_ir_trap(f->code, INTERP_TRAP_FAIL);
}

static const struct vkc_service *service_of(const struct vkc_lower *l, const struct vkc_decl *decl)
{
    for (uint32_t i = 0; i < l->checked->services_count; i++)
        if (l->checked->services[i].decl == decl)
            return &l->checked->services[i];
    return NULL;
}

/* Tries the error clauses of the block in order. */
static void try_clauses(struct vkc_fun *f, const struct vkc_service *service, struct vkc_type *type,
                        uint32_t value)
{
    const struct vkc_instance *instance = f->instance;
    const struct vkc_body *body = f->body;
    for (uint32_t i = 0; i < service->decl->http.count; i++) {
        const struct vkc_clause *clause = &service->decl->http.clauses[i];
        struct vkc_type *of = clause->pattern ? clause->pattern->type : NULL;
        bool is_any = clause->kind == VKC_CLAUSE_ERROR && clause->pattern->kind == VKC_PATTERN_ANY;
        if (clause->kind != VKC_CLAUSE_ERROR || (!is_any && of != type))
            continue;
        uint32_t next = vkc_ir_label(f->code);
        f->body = service->clauses[i];
        f->instance = instance_of(f->lower, service->clauses[i]);
        if (!is_any)
            vkc_pattern_test(f, clause->pattern, value, next);
        uint32_t response = vkc_expr_value(f, clause->body, VKC_NONE);
        if (body->kind == VKC_BODY_ROUTE)
            vkc_fun_return(f, response);
        else
            finish(f, response);
        vkc_ir_place(f->code, next);
        f->instance = instance;
        f->body = body;
    }
}

void vkc_fun_fail_with(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    const struct vkc_service *service = f->body ? service_of(f->lower, f->body->decl) : NULL;
    if (service)
        try_clauses(f, service, type, value);
    vkc_fun_fail(f, "an error that no clause takes");
}

/* ---- routes ----------------------------------------------------------------------------------- */

static void answer_plain(struct vkc_fun *f, const char *body, int64_t status)
{
    static const char type[] = "text/plain; charset=utf-8";
    uint32_t args[] = {vkc_fun_text(f, type, strlen(type), VKC_NONE),
                       vkc_fun_text(f, body, strlen(body), VKC_NONE), vkc_fun_number(f, status, VKC_NONE)};
    (void)vkc_fun_native(f, "http.respond", args, 3, INTERP_TYPE_NONE, VKC_NONE);
    vkc_fun_return(f, VKC_NONE);
}

static void refuse(struct vkc_fun *f, const struct vkc_param *param, const char *what)
{
    struct vkc_text text = {0};
    vkc_text_print(&text, "%s: `%s`\n", what, param->name.name->text);
    answer_plain(f, text.bytes, 400);
    vkc_text_fini(&text);
}

/* A Str as the type wanted; to `bad` when it is none. */
static uint32_t parsed(struct vkc_fun *f, struct vkc_type *type, uint32_t text, uint32_t bad)
{
    if (type->kind == VKC_TYPE_STR)
        return text;
    const char *natives[2] = {"str.parse_int?", "str.parse_int"};
    if (type->kind == VKC_TYPE_FLOAT)
        natives[0] = "str.parse_float?", natives[1] = "str.parse_float";
    else if (type->kind == VKC_TYPE_BOOL)
        natives[0] = "str.parse_bool?", natives[1] = "str.parse_bool";
    uint32_t is_one = vkc_fun_native(f, natives[0], &text, 1, 0, VKC_NONE);
    vkc_ir_branch(f->code, INTERP_OP_JF, is_one, VKC_NONE, bad);
    return vkc_fun_native(f, natives[1], &text, 1, 0, VKC_NONE);
}

static uint32_t query(struct vkc_fun *f, const struct vkc_param *param, struct vkc_type *type)
{
    uint16_t str = vkc_unit_str(f->unit);
    struct vkc_type *some = vkc_type_option(f->lower->checked, type);
    uint32_t name = vkc_fun_text(f, param->name.name->text, param->name.name->len, VKC_NONE);
    uint32_t found = vkc_fun_native(f, "http.query", &name, 1, vkc_unit_opt(f->unit, str), VKC_NONE);
    uint32_t result = vkc_fun_fresh(f, type), none = vkc_ir_label(f->code), end = vkc_ir_label(f->code);
    uint32_t bad = vkc_ir_label(f->code), text = vkc_ir_value(f->code, str);
    vkc_ir_branch(f->code, INTERP_OP_JNIL, found, VKC_NONE, none);
    vkc_ir_op2(f->code, INTERP_OP_SOME, text, found);
    uint32_t value = parsed(f, some ? some : type, text, bad);
    if (some)
        (void)vkc_fun_make_some(f, type, value, result);
    else
        vkc_ir_move(f->code, result, value);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, bad);
    refuse(f, param, "a query parameter of the wrong form");
    vkc_ir_place(f->code, none);
    if (param->value)
        (void)vkc_expr_value(f, param->value, result);
    else if (some)
        (void)vkc_fun_make_none(f, type, result);
    else
        refuse(f, param, "a query parameter is missing");
    vkc_ir_place(f->code, end);
    return result;
}

static uint32_t root_function(struct vkc_lower *l, struct vkc_body *body, const char *name)
{
    struct vkc_code *code =
        vkc_unit_function(&l->unit, name, vkc_unit_fn(&l->unit, NULL, 0, INTERP_TYPE_NONE));
    const struct vkc_clause *clause = body->clause;
    uint32_t args[64], count = 0, captures = 0, bad = vkc_ir_label(code);
    struct vkc_fun f;
    vkc_fun_init(&f, l, code);
    f.instance = instance_of(l, body);
    f.body = body;
    vkc_fun_line(&f, body->span);
    args[count++] = vkc_fun_number(&f, 0, VKC_NONE); /* req, crash: natives know them */
    for (uint32_t i = 0; clause->kind == VKC_CLAUSE_ROUTE && i < clause->segments_count; i++) {
        if (!clause->segments[i].is_capture)
            continue;
        uint32_t at = vkc_fun_number(&f, captures++, VKC_NONE);
        uint32_t text = vkc_fun_native(&f, "http.capture", &at, 1, vkc_unit_str(&l->unit), VKC_NONE);
        args[count] = parsed(&f, body->params[count]->type, text, bad);
        count++;
    }
    for (uint32_t i = 0; clause->kind == VKC_CLAUSE_ROUTE && i < clause->query.count; i++) {
        args[count] = query(&f, &clause->query.items[i], body->params[count]->type);
        count++;
    }
    uint32_t response = vkc_fun_call(&f, function_of(l, body), args, body->params_count, VKC_NONE);
    (void)vkc_fun_call(&f, respond_function(l), &response, 1, VKC_NONE);
    vkc_fun_return(&f, VKC_NONE);
    vkc_ir_place(code, bad); /* a segment that is none of its type: no such route */
    answer_plain(&f, "404 Not Found\n", 404);
    return code->id;
}

static bool is_int_capture(const struct vkc_segment *segment)
{
    return segment->capture.symbol->type->kind == VKC_TYPE_INT;
}

static const char *pattern_of(struct vkc_lower *l, const struct vkc_clause *clause)
{
    static const char *const methods[VKC_METHOD_COUNT] = {"GET",   "HEAD",   "POST",   "PUT",
                                                          "PATCH", "DELETE", "OPTIONS"};
    struct vkc_text text = {0};
    vkc_text_print(&text, "%s ", methods[clause->method]);
    for (uint32_t i = 0; i < clause->segments_count; i++) {
        const struct vkc_segment *segment = &clause->segments[i];
        vkc_text_put(&text, "/");
        if (segment->is_capture)
            vkc_text_print(&text, is_int_capture(segment) ? "{%s:Int}" : "{%s}",
                           segment->capture.name.name->text);
        else
            vkc_text_add(&text, segment->bytes, segment->len_bytes);
    }
    if (clause->segments_count == 0)
        vkc_text_put(&text, "/");
    const char *copy = vkc_arena_text(l->arena, text.bytes, text.len);
    vkc_text_fini(&text);
    return copy;
}

static struct interp_array put_routes(struct vkc_lower *l, const struct vkc_service *service,
                                      uint32_t *ret_crash)
{
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < service->decl->http.count; i++)
        count += service->decl->http.clauses[i].kind == VKC_CLAUSE_ROUTE;
    struct interp_array routes = array(l, count, sizeof(struct interp_route));
    *ret_crash = 0xffffffffu;
    for (uint32_t i = 0; i < service->decl->http.count; i++) {
        const struct vkc_clause *clause = &service->decl->http.clauses[i];
        if (clause->kind == VKC_CLAUSE_CRASH)
            *ret_crash = root_function(l, service->clauses[i], "crash");
        if (clause->kind != VKC_CLAUSE_ROUTE)
            continue;
        const char *pattern = pattern_of(l, clause);
        uint32_t function = root_function(l, service->clauses[i], pattern);
        struct interp_route route = {vkc_unit_name(&l->unit, pattern), function, line_of(l, clause->span), 0};
        memcpy(entry_at(l, routes, at++, sizeof route), &route, sizeof route);
    }
    return routes;
}

static void put_blocks(struct vkc_lower *l)
{
    struct interp_array blocks = array(l, l->checked->services_count, sizeof(struct interp_block));
    for (uint32_t i = 0; i < l->checked->services_count; i++) {
        const struct vkc_service *service = &l->checked->services[i];
        const struct vkc_http_options *options = &service->decl->http.options;
        const struct vkc_expr *address = service->decl->http.address;
        struct interp_block block = {.heap_bytes = options->heap_bytes,
                                     .cpu_ns = (uint64_t)options->cpu_ns,
                                     .deadline_ns = (uint64_t)options->deadline_ns};
        if (address->kind == VKC_EXPR_INT)
            block.port = (uint32_t)address->number;
        else if (address->str.count)
            block.address = vkc_unit_name(&l->unit, vkc_arena_text(l->arena, address->str.parts[0].bytes,
                                                                   address->str.parts[0].len_bytes));
        block.routes = put_routes(l, service, &block.crash);
        memcpy(entry_at(l, blocks, i, sizeof block), &block, sizeof block);
    }
    services(l)->blocks = blocks;
}

/* ---- what a host calls -------------------------------------------------------------------- */

/* A function of the program's first file that is public, and whose types a host can give and take. */
static bool is_export(const struct vkc_lower *l, const struct vkc_decl *decl)
{
    return decl->kind == VKC_DECL_FN && decl->is_pub && !decl->fn.is_host && decl->symbol != NULL &&
           decl->fn.type_params.count == 0 && vkc_can_be_host(l->checked, decl->symbol);
}

static void put_exports(struct vkc_lower *l)
{
    const struct vkc_module *module = l->checked->modules[0].module;
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < module->decls_count; i++)
        count += is_export(l, module->decls[i]);
    struct interp_array exports = array(l, count, sizeof(struct interp_export));
    for (uint32_t i = 0; i < module->decls_count; i++) {
        const struct vkc_decl *decl = module->decls[i];
        if (!is_export(l, decl))
            continue;
        const struct vkc_symbol *symbol = decl->symbol;
        struct interp_export export = {
            .name = vkc_unit_name(&l->unit, symbol->name->text),
            .function = function_of(l, symbol->body),
            .signature = vkc_unit_name(&l->unit, vkc_type_text(&l->checked->types, symbol->type))};
        memcpy(entry_at(l, exports, at++, sizeof export), &export, sizeof export);
    }
    services(l)->exports = exports;
}

void vkc_lower_services(struct vkc_lower *l)
{
    const struct vkc_ident *name = &l->checked->modules[0].module->service;
    (void)vkc_unit_services(&l->unit, sizeof(struct interp_services));
    services(l)->name = vkc_unit_name(&l->unit, name->name ? name->name->text : l->checked->modules[0].name);
    struct interp_array supervisors = vkc_lower_supervisors(l), actors = vkc_lower_actors(l);
    services(l)->supervisors = supervisors;
    services(l)->actors = actors;
    struct interp_array stores = vkc_lower_stores(l);
    services(l)->stores = stores;
    put_lets(l);
    put_blocks(l);
    put_tests(l);
    put_exports(l);
}
