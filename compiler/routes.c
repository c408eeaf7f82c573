/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes of a block: no two match the same requests. Where a segment is
 * literal in one of them, or an Int, that one goes first.
 */
#include "compiler/pass.h"

static bool is_same_segment(const struct vkc_segment *a, const struct vkc_segment *b)
{
    if (a->is_capture && b->is_capture)
        return a->capture.symbol->type->kind == b->capture.symbol->type->kind;
    if (a->is_capture || b->is_capture)
        return false;
    return a->len_bytes == b->len_bytes &&
           (a->len_bytes == 0 || memcmp(a->bytes, b->bytes, a->len_bytes) == 0);
}

static bool is_same(const struct vkc_clause *a, const struct vkc_clause *b)
{
    if (b->kind != VKC_CLAUSE_ROUTE || a->method != b->method || a->segments_count != b->segments_count)
        return false;
    for (uint32_t i = 0; i < a->segments_count; i++) {
        if (!is_same_segment(&a->segments[i], &b->segments[i]))
            return false;
    }
    return true;
}

void vkc_routes_check(struct vkc_pass *pass, const struct vkc_service *service)
{
    for (uint32_t i = 0; i < service->decl->http.count; i++) {
        const struct vkc_clause *clause = &service->decl->http.clauses[i];
        if (clause->kind != VKC_CLAUSE_ROUTE)
            continue;
        for (uint32_t j = 0; j < i; j++) {
            if (!is_same(clause, &service->decl->http.clauses[j]))
                continue;
            struct vkc_diag *diag = vkc_error(pass->diags, clause->pattern_span,
                                              "this route matches the same requests as another");
            vkc_diag_note(pass->diags, diag, service->decl->http.clauses[j].pattern_span, "the other one");
            break;
        }
    }
}
