/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which top-level lets are evaluated: each after those it reads, itself or through what it
 * calls. */
#include "compiler/pass.h"

enum progress { NEW, OPEN, DONE };

struct orderer {
    struct vkc_pass *pass;
    uint32_t *seen; /* by body: the let that was there last, from 1 */
    uint32_t round;
    struct vkc_body **stack;
    uint32_t stack_count, stack_room;
    uint32_t depth;
    uint8_t *progress; /* by body of the let */
};

static void visit(struct orderer *o, struct vkc_symbol *let);

static void tell_cycle(const struct orderer *o, const struct vkc_symbol *let, const struct vkc_edge *edge)
{
    struct vkc_pass *pass = o->pass;
    struct vkc_diag *diag = vkc_error(pass->diags, let->span, "`%s` depends on itself", let->name->text);
    vkc_diag_note(pass->diags, diag, edge->span, "it is read here, before it has a value");
}

static void push(struct orderer *o, struct vkc_body *body)
{
    if (body == NULL || o->seen[body->id] == o->round)
        return;
    o->seen[body->id] = o->round;
    VKC_ADD(&o->pass->program->arena, o->stack, o->stack_count, o->stack_room, body);
}

struct reads {
    const struct vkc_edge **edges;
    uint32_t count, room;
    const struct vkc_body *starter; /* one that starts an actor; NULL: none does */
    const struct vkc_edge *asks;    /* the first call of a function of the host; NULL: there is none */
};

/* All reads of lets, and a start of an actor, that evaluating this one can come to. */
static struct reads reads_of(struct orderer *o, const struct vkc_symbol *let)
{
    struct reads reads = {0};
    o->round++;
    o->stack_count = 0;
    push(o, let->body);
    while (o->stack_count > 0) {
        const struct vkc_body *body = o->stack[--o->stack_count];
        if (body->starts.start != 0 && reads.starter == NULL)
            reads.starter = body;
        for (uint32_t i = 0; i < body->edges_count; i++) {
            const struct vkc_edge *edge = &body->edges[i];
            if (reads.asks == NULL && edge->callee != NULL && vkc_body_is_host(edge->callee))
                reads.asks = edge;
            if (edge->let != NULL)
                VKC_ADD(&o->pass->program->arena, reads.edges, reads.count, reads.room, edge);
            push(o, edge->callee);
        }
    }
    return reads;
}

/* Nothing runs yet when a let is evaluated, so an actor could not live anywhere. */
static void refuse_start(struct vkc_pass *pass, const struct vkc_symbol *let, const struct vkc_body *starter)
{
    bool is_here = starter == let->body;
    struct vkc_diag *diag = vkc_error(pass->diags, is_here ? starter->starts : let->span,
                                      "a top-level `let` cannot start an actor");
    if (!is_here)
        vkc_diag_note(pass->diags, diag, starter->starts, "it is started here");
    vkc_diag_help(pass->diags, diag, "a `supervise` block names the actors that live as long as the program");
}

static void refuse_host(struct vkc_pass *pass, const struct vkc_symbol *let, const struct vkc_edge *edge)
{
    struct vkc_diag *diag = vkc_error(pass->diags, let->span, "a top-level `let` cannot ask the host");
    vkc_diag_note(pass->diags, diag, edge->span, "`%s` is a function of the host",
                  edge->callee->symbol->name->text);
    vkc_diag_help(pass->diags, diag,
                  "it is computed when the program is built, where there is no host; ask in a function");
}

static void visit(struct orderer *o, struct vkc_symbol *let)
{
    struct vkc_pass *pass = o->pass;
    struct vkc_checked *checked = pass->checked;
    if (let->body == NULL || o->progress[let->body->id] != NEW)
        return;
    if (o->depth == VKC_LETS_DEPTH_MAX) {
        vkc_error(pass->diags, let->span, "more than %u top-level lets need one another", VKC_LETS_DEPTH_MAX);
        return;
    }
    o->depth++;
    o->progress[let->body->id] = OPEN;
    struct reads reads = reads_of(o, let);
    if (reads.starter != NULL)
        refuse_start(pass, let, reads.starter);
    if (reads.asks != NULL)
        refuse_host(pass, let, reads.asks);
    for (uint32_t i = 0; i < reads.count; i++) {
        struct vkc_symbol *other = reads.edges[i]->let;
        if (other->body != NULL && o->progress[other->body->id] == OPEN)
            tell_cycle(o, other, reads.edges[i]);
        else
            visit(o, other);
    }
    o->progress[let->body->id] = DONE;
    o->depth--;
    let->index = checked->lets_count;
    VKC_ADD(&pass->program->arena, checked->lets, checked->lets_count, pass->lets_room, let);
}

static void refuse_waits(struct vkc_pass *pass, const struct vkc_symbol *let)
{
    const struct vkc_body *body = let->body;
    if (body == NULL || !body->may_wait)
        return;
    struct vkc_diag *diag = vkc_error(pass->diags, body->wait.span, "a top-level `let` cannot wait");
    for (const struct vkc_body *at = body->wait.callee; at != NULL; at = at->wait.callee)
        vkc_diag_note(pass->diags, diag, at->wait.span, "here it waits: %s", at->wait.what);
}

void vkc_lets_order(struct vkc_pass *pass)
{
    struct vkc_checked *checked = pass->checked;
    struct orderer o = {.pass = pass};
    o.seen = VKC_NEW_ARRAY(&pass->program->arena, uint32_t, checked->bodies_count + 1);
    o.progress = VKC_NEW_ARRAY(&pass->program->arena, uint8_t, checked->bodies_count + 1);
    for (uint32_t i = 0; i < checked->bodies_count; i++) {
        const struct vkc_body *body = checked->bodies[i];
        if (body->kind != VKC_BODY_LET)
            continue;
        refuse_waits(pass, body->symbol);
        visit(&o, body->symbol);
    }
}
