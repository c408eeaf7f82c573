/* SPDX-License-Identifier: Apache-2.0 */
/* All bodies of a program, in an order in which what one needs of another is known. */
#include "compiler/pass.h"

enum progress { NEW, OPEN, DONE };

void vkc_body_params(struct vkc_pass *pass, struct vkc_body *body, struct vkc_params *from,
                     const struct vkc_slot *slots)
{
    body->params_count = from->count;
    body->params = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_symbol *, from->count);
    for (uint32_t i = 0; i < from->count; i++) {
        struct vkc_symbol *param = vkc_symbol_new(pass, VKC_SYMBOL_PARAM, from->items[i].name);
        param->type = slots[i].type;
        param->index = i;
        param->body = body;
        from->items[i].symbol = body->params[i] = param;
    }
}

void vkc_infer_default(struct vkc_pass *pass, struct vkc_expr *value, struct vkc_type *type,
                       struct vkc_span because)
{
    struct vkc_body body = {.kind = VKC_BODY_LET, .module = pass->module, .code = value, .result = type};
    if (!vkc_const_is(value)) {
        vkc_error(pass->diags, value->span, "a default is a constant: a literal, or a variant of literals");
        return;
    }
    uint32_t errors = pass->diags->errors;
    vkc_infer_body(pass, &body);
    if (pass->diags->errors != errors)
        vkc_diag_note(pass->diags, pass->diags->all[pass->diags->count - 1], because,
                      "the parameter is declared here");
}

/* ---- lets ------------------------------------------------------------------------------- */

struct vkc_type *vkc_infer_let(struct vkc_pass *pass, struct vkc_symbol *symbol, struct vkc_span use)
{
    if (symbol->progress == DONE)
        return symbol->type;
    if (symbol->progress == OPEN) {
        struct vkc_diag *diag = vkc_error(pass->diags, use, "`%s` depends on itself", symbol->name->text);
        vkc_diag_note(pass->diags, diag, symbol->span, "declared here");
        return vkc_simple(pass, VKC_TYPE_ERROR);
    }
    if (pass->lets_deep == VKC_LETS_DEPTH_MAX) {
        vkc_error(pass->diags, use, "more than %u top-level lets need one another", VKC_LETS_DEPTH_MAX);
        return vkc_simple(pass, VKC_TYPE_ERROR);
    }
    struct vkc_stmt *stmt = symbol->decl->let;
    uint32_t module = pass->module;
    pass->module = symbol->module;
    symbol->progress = OPEN;
    pass->lets_deep++;
    symbol->body = vkc_body_new(pass, VKC_BODY_LET, symbol->decl, stmt->let.value);
    symbol->body->symbol = symbol;
    if (stmt->let.type != NULL)
        symbol->body->result = vkc_resolve_type(pass, stmt->let.type);
    else
        symbol->body->result = vkc_type_var(pass->types, stmt->let.value->span);
    if (stmt->let.type != NULL)
        symbol->type = symbol->body->result;
    vkc_infer_body(pass, symbol->body);
    symbol->type = symbol->body->result;
    symbol->progress = DONE;
    pass->lets_deep--;
    vkc_trait_check(pass, VKC_TRAIT_FREEZE, symbol->type, stmt->let.name.span, NULL);
    pass->module = module;
    return symbol->type;
}

/* ---- functions ---------------------------------------------------------------------------- */

static void new_fn(struct vkc_pass *pass, struct vkc_decl *decl)
{
    struct vkc_symbol *symbol = decl->symbol;
    struct vkc_body *body = vkc_body_new(pass, VKC_BODY_FN, decl, decl->fn.body);
    body->symbol = symbol;
    body->result = symbol->result;
    body->type_params = symbol->params;
    body->type_params_count = symbol->params_count;
    symbol->body = body;
    vkc_body_params(pass, body, &decl->fn.params, symbol->slots);
}

static void infer_defaults(struct vkc_pass *pass, const struct vkc_symbol *symbol)
{
    bool has_default = false;
    for (uint32_t i = 0; symbol != NULL && i < symbol->slots_count; i++) {
        const struct vkc_slot *slot = &symbol->slots[i];
        if (slot->value != NULL)
            vkc_infer_default(pass, slot->value, slot->type, slot->span);
        else if (has_default)
            vkc_error(pass->diags, slot->span, "a parameter without a default stands before those with one");
        has_default |= slot->value != NULL;
    }
}

static void all_defaults(struct vkc_pass *pass, const struct vkc_decl *decl)
{
    if (decl->kind == VKC_DECL_FN || decl->kind == VKC_DECL_ACTOR)
        infer_defaults(pass, decl->symbol);
    for (uint32_t i = 0; decl->kind == VKC_DECL_ACTOR && i < decl->symbol->members_count; i++)
        infer_defaults(pass, decl->symbol->members[i]);
}

static void infer_test(struct vkc_pass *pass, struct vkc_decl *decl)
{
    struct vkc_body *body = vkc_body_new(pass, VKC_BODY_TEST, decl, decl->test.body);
    VKC_ADD(&pass->program->arena, pass->checked->tests, pass->checked->tests_count, pass->tests_room, body);
    vkc_infer_body(pass, body);
}

static void infer_http(struct vkc_pass *pass, struct vkc_decl *decl)
{
    struct vkc_service service = {.decl = decl, .module = pass->module};
    if (pass->checked->services_count == VKC_BLOCKS_MAX)
        vkc_error(pass->diags, decl->span, "http blocks of a program: at most %u", VKC_BLOCKS_MAX);
    vkc_infer_service(pass, &service);
    VKC_ADD(&pass->program->arena, pass->checked->services, pass->checked->services_count,
            pass->services_room, service);
}

/* ---- the program ------------------------------------------------------------------------------- */

enum stage { STAGE_NEW, STAGE_DEFAULTS, STAGE_LETS, STAGE_STATE, STAGE_REST, STAGE_COUNT };

static void infer_rest(struct vkc_pass *pass, struct vkc_decl *decl)
{
    switch (decl->kind) {
    case VKC_DECL_FN:
        if (decl->fn.body != NULL)
            vkc_infer_body(pass, decl->symbol->body);
        break;
    case VKC_DECL_ACTOR:
        vkc_infer_actor(pass, decl->symbol);
        break;
    case VKC_DECL_SUPERVISE:
        vkc_infer_supervisor(pass, decl);
        break;
    case VKC_DECL_HTTP:
        infer_http(pass, decl);
        break;
    case VKC_DECL_TEST:
        infer_test(pass, decl);
        break;
    case VKC_DECL_BAD:
    case VKC_DECL_LET:
    case VKC_DECL_STORE:
    case VKC_DECL_RECORD:
    case VKC_DECL_ENUM:
        break;
    }
}

static void infer_stage(struct vkc_pass *pass, enum stage stage, struct vkc_decl *decl)
{
    if (stage == STAGE_NEW && decl->kind == VKC_DECL_FN)
        new_fn(pass, decl);
    else if (stage == STAGE_DEFAULTS)
        all_defaults(pass, decl);
    else if (stage == STAGE_LETS && decl->kind == VKC_DECL_LET)
        (void)vkc_infer_let(pass, decl->symbol, decl->span);
    else if (stage == STAGE_STATE && decl->kind == VKC_DECL_ACTOR)
        vkc_infer_state(pass, decl->symbol);
    else if (stage == STAGE_REST)
        infer_rest(pass, decl);
}

void vkc_infer_all(struct vkc_pass *pass)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        if (stage == STAGE_DEFAULTS)
            vkc_settle(pass); /* what declarations left to check */
        for (uint32_t i = 0; i < pass->prelude; i++) {
            const struct vkc_module *module = pass->checked->modules[i].module;
            for (uint32_t j = 0; j < module->decls_count; j++) {
                pass->module = i;
                infer_stage(pass, (enum stage)stage, module->decls[j]);
            }
        }
    }
}
