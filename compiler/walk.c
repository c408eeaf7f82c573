/* SPDX-License-Identifier: Apache-2.0 */
/* Whether some expression or statement below a tree has a property. */
#include "compiler/walk.h"

static bool any_args(const struct vkc_args *args, const struct vkc_seek *seek)
{
    for (uint32_t i = 0; i < args->count; i++) {
        if (vkc_any(args->items[i].value, seek))
            return true;
    }
    return false;
}

static bool any_stmt(const struct vkc_stmt *stmt, const struct vkc_seek *seek)
{
    switch (stmt->kind) {
    case VKC_STMT_BAD:
        return false;
    case VKC_STMT_LET:
        return vkc_any(stmt->let.value, seek);
    case VKC_STMT_ASSIGN:
        return (seek->assigns != NULL && seek->assigns(stmt, seek->context)) ||
               vkc_any(stmt->assign.place, seek) || vkc_any(stmt->assign.value, seek);
    case VKC_STMT_EXPR:
    case VKC_STMT_ASSERT:
        return vkc_any(stmt->expr, seek);
    case VKC_STMT_FOR:
    case VKC_STMT_WHILE:
        return vkc_any(stmt->loop.first, seek) || vkc_any(stmt->loop.last, seek) ||
               vkc_any(stmt->loop.body, seek);
    }
    return false;
}

static bool any_many(const struct vkc_expr *expr, const struct vkc_seek *seek)
{
    bool found = false;
    switch (expr->kind) {
    case VKC_EXPR_STR:
        for (uint32_t i = 0; i < expr->str.count; i++)
            found = found || vkc_any(expr->str.parts[i].expr, seek);
        return found;
    case VKC_EXPR_LIST:
        for (uint32_t i = 0; i < expr->list.count; i++)
            found = found || vkc_any(expr->list.items[i], seek);
        return found;
    case VKC_EXPR_MAP:
        for (uint32_t i = 0; i < expr->map.count; i++)
            found =
                found || vkc_any(expr->map.entries[i].key, seek) || vkc_any(expr->map.entries[i].value, seek);
        return found;
    case VKC_EXPR_IF:
        for (uint32_t i = 0; i < expr->branch.count; i++)
            found = found || vkc_any(expr->branch.branches[i].condition, seek) ||
                    vkc_any(expr->branch.branches[i].body, seek);
        return found || vkc_any(expr->branch.otherwise, seek);
    case VKC_EXPR_MATCH:
        for (uint32_t i = 0; i < expr->match.count; i++)
            found =
                found || vkc_any(expr->match.arms[i].guard, seek) || vkc_any(expr->match.arms[i].body, seek);
        return found || vkc_any(expr->match.subject, seek);
    case VKC_EXPR_BLOCK:
        for (uint32_t i = 0; i < expr->block.count; i++)
            found = found || any_stmt(expr->block.items[i], seek);
        return found;
    default:
        return false;
    }
}

bool vkc_any(const struct vkc_expr *expr, const struct vkc_seek *seek)
{
    if (expr == NULL)
        return false;
    if (seek->is(expr, seek->context))
        return true;
    switch (expr->kind) {
    case VKC_EXPR_FIELD:
        return vkc_any(expr->field.object, seek);
    case VKC_EXPR_INDEX:
        return vkc_any(expr->index.object, seek) || vkc_any(expr->index.index, seek);
    case VKC_EXPR_CALL:
        return vkc_any(expr->call.callee, seek) || any_args(&expr->call.args, seek);
    case VKC_EXPR_PASS:
    case VKC_EXPR_RETURN:
    case VKC_EXPR_FAIL:
    case VKC_EXPR_SEND:
    case VKC_EXPR_SPAWN:
    case VKC_EXPR_START:
        return vkc_any(expr->operand, seek);
    case VKC_EXPR_UNARY:
        return vkc_any(expr->unary.operand, seek);
    case VKC_EXPR_BINARY:
        return vkc_any(expr->binary.left, seek) || vkc_any(expr->binary.right, seek);
    case VKC_EXPR_RECORD:
        return any_args(&expr->record.fields, seek) || vkc_any(expr->record.base, seek);
    case VKC_EXPR_OBJECT:
        return any_args(&expr->object, seek);
    case VKC_EXPR_JSON:
        return vkc_any(expr->json.value, seek);
    case VKC_EXPR_CLOSURE:
        return vkc_any(expr->closure->body, seek);
    case VKC_EXPR_AWAIT:
        return vkc_any(expr->await.operand, seek) || vkc_any(expr->await.timeout, seek);
    case VKC_EXPR_REQUEST:
        return vkc_any(expr->request.target, seek) || any_args(&expr->request.options, seek);
    default:
        return any_many(expr, seek);
    }
}
