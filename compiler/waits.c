/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bodies may wait: those that do, those that call one of them, and those
 * that call a function value when a function of as many parameters that waits
 * is taken as a value somewhere.
 */
#include "compiler/pass.h"

#define ARITIES (VKC_PARAMS_MAX + 1u)

struct waits {
    const struct vkc_checked *checked;
    struct vkc_body *values[ARITIES]; /* one that waits and is taken as a value, by its parameters */
    bool has_changed;
};

static bool is_value(const struct vkc_edge *edge)
{
    if (edge->runs || edge->callee == NULL || edge->callee->kind == VKC_BODY_SPAWN)
        return false;
    return edge->call == NULL || edge->call->kind == VKC_CALL_VALUE;
}

static const char *name_of(const struct vkc_body *body)
{
    bool is_named = body->symbol != NULL && body->symbol->name != NULL;
    return is_named && body->outer == NULL ? body->symbol->name->text : "a closure";
}

static void look_at(struct waits *w, struct vkc_body *body, const struct vkc_edge *edge)
{
    struct vkc_body *callee = edge->callee;
    if (is_value(edge) && callee->may_wait && callee->params_count < ARITIES &&
        w->values[callee->params_count] == NULL) {
        w->values[callee->params_count] = callee;
        w->has_changed = true;
    }
    if (body->may_wait || !edge->runs || edge->let != NULL)
        return;
    if (callee == NULL)
        callee = edge->arity < ARITIES ? w->values[edge->arity] : NULL;
    if (callee == NULL || !callee->may_wait)
        return;
    body->may_wait = true;
    body->wait = (struct vkc_wait){edge->span, name_of(callee), callee};
    w->has_changed = true;
}

void vkc_waits_find(struct vkc_pass *pass)
{
    struct waits w = {.checked = pass->checked, .has_changed = true};
    for (bool is_back = true; w.has_changed; is_back = !is_back) {
        w.has_changed = false;
        for (uint32_t i = 0; i < w.checked->bodies_count; i++) {
            struct vkc_body *body = w.checked->bodies[is_back ? w.checked->bodies_count - 1 - i : i];
            for (uint32_t j = 0; j < body->edges_count; j++)
                look_at(&w, body, &body->edges[j]);
        }
    }
}

/* ---- --explain-waits ------------------------------------------------------------------- */

static void put_body(const struct vkc_body *body, struct vkc_text *text)
{
    switch (body->kind) {
    case VKC_BODY_FN:
        vkc_text_print(text, "fn %s", body->symbol->name->text);
        break;
    case VKC_BODY_METHOD:
        vkc_text_print(text, "%s.%s", body->actor->name->text, body->symbol->name->text);
        break;
    case VKC_BODY_EVERY:
        vkc_text_print(text, "%s, every", body->actor->name->text);
        break;
    case VKC_BODY_START:
        vkc_text_print(text, "the start of %s", body->actor->name->text);
        break;
    case VKC_BODY_CLOSURE:
        vkc_text_put(text, "a closure");
        break;
    case VKC_BODY_SPAWN:
        vkc_text_put(text, "a spawned block");
        break;
    case VKC_BODY_ROUTE:
        vkc_text_put(text, "a handler");
        break;
    case VKC_BODY_ERROR:
    case VKC_BODY_CRASH:
        vkc_text_put(text, "a clause");
        break;
    case VKC_BODY_TEST:
        vkc_text_put(text, "a test");
        break;
    case VKC_BODY_LET:
    case VKC_BODY_PERIOD:
    case VKC_BODY_CHILD:
        vkc_text_put(text, "a value");
        break;
    }
}

void vkc_waits_print(const struct vkc_checked *checked, struct vkc_text *text)
{
    for (uint32_t i = 0; i < checked->bodies_count; i++) {
        const struct vkc_body *body = checked->bodies[i];
        if (!body->may_wait || body->kind == VKC_BODY_TEST)
            continue;
        struct vkc_place place = vkc_source_place(&checked->program->sources, body->wait.span.start);
        if (place.source != NULL)
            vkc_text_print(text, "%s:%u:%u: ", place.source->path, place.line, place.column);
        put_body(body, text);
        vkc_text_print(text, body->wait.callee != NULL ? " may wait: it calls %s\n" : " may wait: %s\n",
                       body->wait.what);
    }
}
