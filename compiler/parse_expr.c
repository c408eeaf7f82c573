/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: operators, by precedence climbing (Clarke 1986), and what begins and follows operands. */
#include "compiler/parse_impl.h"

/* ---- nodes ------------------------------------------------------------------- */

struct vkc_expr *vkc_expr_new(struct vkc_parser *p, enum vkc_expr_kind kind, uint32_t start)
{
    struct vkc_expr *expr = VKC_NEW(&p->program->arena, struct vkc_expr);
    expr->kind = kind;
    expr->span = (struct vkc_span){start, start};
    return expr;
}

struct vkc_expr *vkc_expr_done(struct vkc_parser *p, struct vkc_expr *expr)
{
    expr->span = vkc_since(p, expr->span.start);
    return expr;
}

struct vkc_expr *vkc_expr_bad(struct vkc_parser *p)
{
    return vkc_expr_new(p, VKC_EXPR_BAD, vkc_start(p));
}

void vkc_expr_above(struct vkc_parser *p, struct vkc_expr *parent, const struct vkc_expr *child)
{
    if (child == NULL)
        return;
    /* A block is no link of the chain; how deep blocks lie within one another is bounded as nesting. */
    uint16_t height = (uint16_t)(child->height + (parent->kind != VKC_EXPR_BLOCK));
    if (height <= parent->height)
        return;
    if (height <= VKC_CHAIN_MAX) {
        parent->height = height;
        return;
    }
    parent->height = VKC_CHAIN_MAX;
    parent->kind = VKC_EXPR_BAD;
    if (p->is_lost)
        return;
    vkc_refuse(p, (struct vkc_span){child->span.start, child->span.start},
               "this expression is too long: at most %u operators and calls in one chain", VKC_CHAIN_MAX);
    p->is_over = true;
    p->at = p->module->tokens.count - 1;
}

/* ---- binary operators ----------------------------------------------------------- */

#define LEVEL_COALESCE 1
#define LEVEL_COMPARE  4

struct operation {
    int level; /* 0: none; higher binds tighter */
    enum vkc_binary op;
};

static const struct operation operations[VKC_TOKEN_KINDS] = {
    [VKC_TOKEN_COALESCE] = {LEVEL_COALESCE, VKC_BINARY_COALESCE},
    [VKC_TOKEN_OR] = {2, VKC_BINARY_EITHER},
    [VKC_TOKEN_AND] = {3, VKC_BINARY_BOTH},
    [VKC_TOKEN_EQ] = {LEVEL_COMPARE, VKC_BINARY_EQ},
    [VKC_TOKEN_NE] = {LEVEL_COMPARE, VKC_BINARY_NE},
    [VKC_TOKEN_LT] = {LEVEL_COMPARE, VKC_BINARY_LT},
    [VKC_TOKEN_LE] = {LEVEL_COMPARE, VKC_BINARY_LE},
    [VKC_TOKEN_GT] = {LEVEL_COMPARE, VKC_BINARY_GT},
    [VKC_TOKEN_GE] = {LEVEL_COMPARE, VKC_BINARY_GE},
    [VKC_TOKEN_PIPE] = {5, VKC_BINARY_OR},
    [VKC_TOKEN_CARET] = {6, VKC_BINARY_XOR},
    [VKC_TOKEN_AMP] = {7, VKC_BINARY_AND},
    [VKC_TOKEN_SHL] = {8, VKC_BINARY_SHL},
    [VKC_TOKEN_SHR] = {8, VKC_BINARY_SHR},
    [VKC_TOKEN_PLUS] = {9, VKC_BINARY_ADD},
    [VKC_TOKEN_MINUS] = {9, VKC_BINARY_SUB},
    [VKC_TOKEN_STAR] = {10, VKC_BINARY_MUL},
    [VKC_TOKEN_SLASH] = {10, VKC_BINARY_DIV},
    [VKC_TOKEN_PERCENT] = {10, VKC_BINARY_REM},
};

/* Two > without space between them. */
static bool is_shift(const struct vkc_parser *p)
{
    return vkc_is(p, VKC_TOKEN_GT) && vkc_kind_after(p, 1) == VKC_TOKEN_GT &&
           (p->tokens[p->at + 1].flags & VKC_FLAG_SPACED) == 0;
}

static struct operation operation_here(const struct vkc_parser *p)
{
    if (p->is_lost || vkc_at_break(p))
        return (struct operation){0};
    return operations[is_shift(p) ? VKC_TOKEN_SHR : vkc_kind(p)];
}

static struct vkc_span take_operator(struct vkc_parser *p)
{
    uint32_t start = vkc_start(p);
    bool is_double = is_shift(p);
    vkc_advance(p);
    if (is_double) {
        vkc_role(p, VKC_ROLE_CALL);
        vkc_advance(p);
    }
    return vkc_since(p, start);
}

static struct vkc_expr *binary(struct vkc_parser *p, int level_min)
{
    struct vkc_expr *left = vkc_parse_unary(p);
    struct operation next;
    bool is_compared = false;
    while (next = operation_here(p), next.level >= level_min && next.level > 0) {
        bool is_comparison = next.level == LEVEL_COMPARE;
        if (is_comparison && is_compared) {
            struct vkc_diag *diag = vkc_refuse(p, vkc_here(p), "comparisons do not chain");
            vkc_help(p, diag, "write `a < b && b < c`");
            break;
        }
        is_compared = is_comparison;
        bool is_right = next.level == LEVEL_COALESCE;
        struct vkc_expr *whole = vkc_expr_new(p, VKC_EXPR_BINARY, left->span.start);
        whole->binary.op = next.op;
        whole->binary.op_span = take_operator(p);
        whole->binary.left = left;
        /* To the right: a chain of ?? recurses, and counts as nesting. */
        bool is_entered = is_right && vkc_enter(p);
        whole->binary.right = binary(p, is_right ? next.level : next.level + 1);
        if (is_entered)
            vkc_leave(p);
        vkc_expr_above(p, whole, left);
        vkc_expr_above(p, whole, whole->binary.right);
        left = vkc_expr_done(p, whole);
    }
    return left;
}

struct vkc_expr *vkc_parse_expr(struct vkc_parser *p)
{
    return p->is_lost ? vkc_expr_bad(p) : binary(p, 1);
}

struct vkc_expr *vkc_parse_head(struct vkc_parser *p, const char *what)
{
    bool was = p->mode.no_brace;
    /* Braces here are a map only where another pair follows: the body. */
    if (!p->is_lost && vkc_is(p, VKC_TOKEN_LBRACE) && !vkc_is_map_head(p)) {
        vkc_expected(p, what);
        return vkc_expr_bad(p);
    }
    p->mode.no_brace = true;
    struct vkc_expr *expr = vkc_parse_expr(p);
    p->mode.no_brace = was;
    bool is_type =
        p->last + 1 == p->at && p->tokens[p->last].kind == VKC_TOKEN_NAME && expr->kind != VKC_EXPR_BAD;
    char first = p->source->text[p->tokens[p->last].start];
    enum vkc_token_kind after = vkc_kind_after(p, 2);
    if (is_type && first >= 'A' && first <= 'Z' && vkc_is(p, VKC_TOKEN_LBRACE) &&
        vkc_kind_after(p, 1) == VKC_TOKEN_NAME && (after == VKC_TOKEN_COLON || after == VKC_TOKEN_COMMA))
        vkc_refuse(p, vkc_here(p),
                   "a record in the head of `if`, `match`, `for` or `while` stands in parentheses");
    return expr;
}

/* ---- prefix operators ------------------------------------------------------------- */

/* The least Int is a literal with its sign: its digits alone fit no Int. */
static struct vkc_expr *least_int(struct vkc_parser *p)
{
    uint32_t start = vkc_start(p);
    size_t len;
    uint64_t value;
    if (vkc_kind_after(p, 1) != VKC_TOKEN_INT)
        return NULL;
    const char *text = vkc_token_text(p, p->at + 1, &len);
    if (!vkc_literal_int(text, len, &value) || value != UINT64_C(1) << 63)
        return NULL;
    vkc_role(p, VKC_ROLE_PREFIX);
    vkc_advance(p);
    vkc_advance(p);
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_INT, start);
    expr->number = INT64_MIN;
    return vkc_expr_done(p, expr);
}

static struct vkc_expr *unary(struct vkc_parser *p, enum vkc_unary op)
{
    struct vkc_expr *least = op == VKC_UNARY_NEGATE ? least_int(p) : NULL;
    if (least != NULL)
        return least;
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_UNARY, vkc_start(p));
    if (!vkc_enter(p))
        return vkc_expr_bad(p);
    vkc_role(p, VKC_ROLE_PREFIX);
    vkc_advance(p);
    expr->unary.op = op;
    expr->unary.operand = vkc_parse_unary(p);
    vkc_leave(p);
    vkc_expr_above(p, expr, expr->unary.operand);
    return vkc_expr_done(p, expr);
}

static bool is_method_call(const struct vkc_expr *expr)
{
    return expr->kind == VKC_EXPR_CALL && expr->call.callee->kind == VKC_EXPR_FIELD && !expr->has_parens;
}

/* `spawn`, `start` and `send` take a call; what else stands there is refused, once. */
static void check_operand(struct vkc_parser *p, struct vkc_expr *expr)
{
    const struct vkc_expr *operand = expr->operand;
    bool is_call = operand->kind == VKC_EXPR_CALL;
    struct vkc_diag *diag = NULL;
    if (operand->kind == VKC_EXPR_BAD)
        return;
    if (expr->kind == VKC_EXPR_SPAWN && !is_call && operand->kind != VKC_EXPR_BLOCK)
        diag =
            vkc_complain(p, operand->span, "`spawn` takes a call or a block: `spawn f(a)`, `spawn { ... }`");
    else if (expr->kind == VKC_EXPR_START && !is_call)
        diag =
            vkc_complain(p, operand->span, "`start` takes an actor with its arguments: `start Counter(10)`");
    else if (expr->kind == VKC_EXPR_SEND && !is_method_call(operand))
        diag = vkc_complain(p, operand->span, "`send` takes a method of an actor: `send counter.hit(id)`");
    if (diag != NULL)
        expr->operand = vkc_expr_bad(p);
}

static struct vkc_expr *prefixed(struct vkc_parser *p, enum vkc_expr_kind kind)
{
    struct vkc_expr *expr = vkc_expr_new(p, kind, vkc_start(p));
    if (!vkc_enter(p))
        return vkc_expr_bad(p);
    vkc_advance(p);
    if (kind == VKC_EXPR_FAIL)
        expr->operand = vkc_parse_expr(p);
    else if (kind == VKC_EXPR_SPAWN && vkc_is(p, VKC_TOKEN_LBRACE))
        expr->operand = vkc_parse_block(p);
    else
        expr->operand = vkc_parse_unary(p);
    vkc_leave(p);
    check_operand(p, expr);
    vkc_expr_above(p, expr, expr->operand);
    return vkc_expr_done(p, expr);
}

static struct vkc_expr *await(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_AWAIT, vkc_start(p));
    if (!vkc_enter(p))
        return vkc_expr_bad(p);
    expr->await.is_try = vkc_take(p, VKC_TOKEN_TRY);
    if (vkc_expect(p, VKC_TOKEN_AWAIT, expr->await.is_try ? "after `try`" : NULL))
        expr->await.operand = vkc_parse_unary(p);
    else
        expr->await.operand = vkc_expr_bad(p);
    if (!p->is_lost && !vkc_at_break(p) && vkc_is_word(p, "timeout") &&
        vkc_kind_after(p, 1) == VKC_TOKEN_COLON) {
        vkc_advance(p);
        vkc_advance(p);
        expr->await.timeout = vkc_parse_unary(p);
    }
    vkc_leave(p);
    vkc_expr_above(p, expr, expr->await.operand);
    vkc_expr_above(p, expr, expr->await.timeout);
    return vkc_expr_done(p, expr);
}

static struct vkc_expr *give_back(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_RETURN, vkc_start(p));
    if (!vkc_enter(p))
        return vkc_expr_bad(p);
    vkc_advance(p);
    if (!vkc_at_break(p) && vkc_is_operand(p))
        expr->operand = vkc_parse_expr(p);
    vkc_leave(p);
    vkc_expr_above(p, expr, expr->operand);
    return vkc_expr_done(p, expr);
}

struct vkc_expr *vkc_parse_unary(struct vkc_parser *p)
{
    if (p->is_lost)
        return vkc_expr_bad(p);
    if (vkc_is_cut(p)) {
        vkc_expected(p, "an expression");
        return vkc_expr_bad(p);
    }
    switch (vkc_kind(p)) {
    case VKC_TOKEN_MINUS:
        return unary(p, VKC_UNARY_NEGATE);
    case VKC_TOKEN_NOT:
        return unary(p, VKC_UNARY_NOT);
    case VKC_TOKEN_TILDE:
        return unary(p, VKC_UNARY_INVERT);
    case VKC_TOKEN_TRY:
    case VKC_TOKEN_AWAIT:
        return await(p);
    case VKC_TOKEN_SPAWN:
        return prefixed(p, VKC_EXPR_SPAWN);
    case VKC_TOKEN_START:
        return prefixed(p, VKC_EXPR_START);
    case VKC_TOKEN_SEND:
        return prefixed(p, VKC_EXPR_SEND);
    case VKC_TOKEN_FAIL:
        return prefixed(p, VKC_EXPR_FAIL);
    case VKC_TOKEN_RETURN:
        return give_back(p);
    default:
        return vkc_parse_postfix(p, vkc_parse_operand(p));
    }
}

/* ---- postfix operators --------------------------------------------------------------- */

static struct vkc_expr *field(struct vkc_parser *p, struct vkc_expr *object)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_FIELD, object->span.start);
    vkc_advance(p);
    expr->field.object = object;
    expr->field.name = vkc_parse_name(p, "a field or method", VKC_CASE_ANY);
    return expr;
}

static struct vkc_expr *item(struct vkc_parser *p, struct vkc_expr *object)
{
    struct vkc_mode mode;
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_INDEX, object->span.start);
    expr->index.object = object;
    if (!vkc_open(p, VKC_TOKEN_LBRACKET, VKC_ROLE_CALL, &mode))
        return vkc_expr_bad(p);
    expr->index.index = vkc_parse_expr(p);
    if (vkc_is(p, VKC_TOKEN_COMMA))
        vkc_expected(p, "`]`");
    vkc_close(p, VKC_TOKEN_RBRACKET, mode);
    vkc_expr_above(p, expr, expr->index.index);
    return expr;
}

static struct vkc_expr *call(struct vkc_parser *p, struct vkc_expr *callee)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_CALL, callee->span.start);
    expr->call.callee = callee;
    expr->call.args = vkc_parse_args(p);
    for (uint32_t i = 0; i < expr->call.args.count; i++)
        vkc_expr_above(p, expr, expr->call.args.items[i].value);
    return expr;
}

static struct vkc_expr *pass(struct vkc_parser *p, struct vkc_expr *operand)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_PASS, operand->span.start);
    vkc_advance(p);
    expr->operand = operand;
    return expr;
}

struct vkc_expr *vkc_parse_postfix(struct vkc_parser *p, struct vkc_expr *operand)
{
    while (!p->is_lost && !vkc_at_break(p)) {
        struct vkc_expr *whole;
        switch (vkc_kind(p)) {
        case VKC_TOKEN_DOT:
            whole = field(p, operand);
            break;
        case VKC_TOKEN_LBRACKET:
            whole = item(p, operand);
            break;
        case VKC_TOKEN_LPAREN:
            whole = call(p, operand);
            break;
        case VKC_TOKEN_QUESTION:
            whole = pass(p, operand);
            break;
        default:
            return operand;
        }
        vkc_expr_above(p, whole, operand);
        operand = vkc_expr_done(p, whole);
    }
    return operand;
}
