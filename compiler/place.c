/* SPDX-License-Identifier: Apache-2.0 */
/* What an expression may change. */
#include "compiler/owner.h"

const struct vkc_expr *vkc_owner_root(const struct vkc_expr *expr)
{
    while (true) {
        if (expr->kind == VKC_EXPR_INDEX)
            expr = expr->index.object;
        else if (expr->kind == VKC_EXPR_FIELD && expr->meaning != NULL &&
                 expr->meaning->kind == VKC_CALL_READ)
            expr = expr->field.object;
        else
            return expr->kind == VKC_EXPR_NAME ? expr : NULL;
    }
}

static bool is_of(const struct vkc_expr *place, const struct vkc_symbol *symbol)
{
    const struct vkc_expr *root = vkc_owner_root(place);
    return symbol == NULL || (root != NULL && root->symbol == symbol);
}

static bool assigns(const struct vkc_stmt *stmt, const void *context)
{
    return is_of(stmt->assign.place, context);
}

static bool changes(const struct vkc_expr *expr, const void *context)
{
    const struct vkc_symbol *symbol = context;
    const struct vkc_call *call = expr->meaning;
    bool is_unknown = expr->kind == VKC_EXPR_AWAIT || expr->kind == VKC_EXPR_SEND;
    if (symbol == NULL && is_unknown)
        return true;
    if (call == NULL)
        return false;
    if (call->kind == VKC_CALL_BUILTIN && call->builtin->changes)
        return is_of(call->receiver, symbol);
    bool is_call = call->kind == VKC_CALL_FN || call->kind == VKC_CALL_CLOSURE ||
                   (call->kind == VKC_CALL_BUILTIN && (call->builtin->calls || call->builtin->waits));
    return symbol == NULL && is_call;
}

bool vkc_owner_changes(const struct vkc_expr *expr, const struct vkc_symbol *symbol)
{
    struct vkc_seek seek = {changes, assigns, symbol};
    return vkc_any(expr, &seek);
}
