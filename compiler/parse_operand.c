/* SPDX-License-Identifier: Apache-2.0 */
/* Operands: names, parentheses, closures, if, match; arguments and parameters. */
#include "compiler/parse_impl.h"

bool vkc_is_operand(const struct vkc_parser *p)
{
    switch (vkc_kind(p)) {
    case VKC_TOKEN_NAME:
    case VKC_TOKEN_INT:
    case VKC_TOKEN_FLOAT:
    case VKC_TOKEN_DURATION:
    case VKC_TOKEN_BYTES:
    case VKC_TOKEN_STR:
    case VKC_TOKEN_STR_HEAD:
    case VKC_TOKEN_TRUE:
    case VKC_TOKEN_FALSE:
    case VKC_TOKEN_LPAREN:
    case VKC_TOKEN_LBRACKET:
    case VKC_TOKEN_FN:
    case VKC_TOKEN_IF:
    case VKC_TOKEN_MATCH:
    case VKC_TOKEN_MINUS:
    case VKC_TOKEN_NOT:
    case VKC_TOKEN_TILDE:
    case VKC_TOKEN_AWAIT:
    case VKC_TOKEN_TRY:
    case VKC_TOKEN_SPAWN:
    case VKC_TOKEN_START:
    case VKC_TOKEN_SEND:
    case VKC_TOKEN_FAIL:
    case VKC_TOKEN_RETURN:
    case VKC_TOKEN_BREAK:
    case VKC_TOKEN_CONTINUE:
        return true;
    case VKC_TOKEN_LBRACE:
        return !p->mode.no_brace;
    default:
        return false;
    }
}

/* ---- arguments and parameters ------------------------------------------------- */

static struct vkc_arg argument(struct vkc_parser *p, bool *is_named)
{
    struct vkc_arg arg = {0};
    if (vkc_is(p, VKC_TOKEN_NAME) && vkc_kind_after(p, 1) == VKC_TOKEN_COLON) {
        arg.name = vkc_parse_name(p, "a name", VKC_CASE_SMALL);
        vkc_advance(p);
        *is_named = true;
    } else if (*is_named) {
        vkc_complain(p, vkc_here(p), "named arguments come last: this one has no name");
    }
    arg.value = vkc_parse_expr(p);
    return arg;
}

struct vkc_args vkc_parse_args(struct vkc_parser *p)
{
    struct vkc_mode mode;
    struct vkc_list args = {0};
    uint32_t start = vkc_start(p);
    bool is_named = false;
    if (!vkc_open(p, VKC_TOKEN_LPAREN, VKC_ROLE_CALL, &mode))
        return (struct vkc_args){0};
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RPAREN)) {
        struct vkc_arg arg = argument(p, &is_named);
        vkc_list_add(&args, &arg, sizeof arg);
        if (!vkc_comma(p, VKC_TOKEN_RPAREN))
            break;
    }
    vkc_close(p, VKC_TOKEN_RPAREN, mode);
    vkc_limit(p, vkc_since(p, start), args.count, VKC_PARAMS_MAX, "arguments of a call");
    uint32_t count = args.count;
    return (struct vkc_args){vkc_list_take(p, &args, sizeof(struct vkc_arg)), count};
}

static struct vkc_param parameter(struct vkc_parser *p, bool is_closure)
{
    struct vkc_param param = {.name = vkc_parse_binding(p, "a parameter")};
    if (is_closure ? vkc_take(p, VKC_TOKEN_COLON)
                   : vkc_expect(p, VKC_TOKEN_COLON, "and the parameter's type"))
        param.type = vkc_parse_type(p);
    if (!p->is_lost && vkc_is(p, VKC_TOKEN_ASSIGN)) {
        if (is_closure)
            vkc_complain(p, vkc_here(p), "a closure's parameter has no default");
        vkc_advance(p);
        param.value = vkc_parse_expr(p);
    }
    return param;
}

void vkc_parse_params(struct vkc_parser *p, struct vkc_params *params, bool is_closure)
{
    struct vkc_mode mode;
    struct vkc_list list = {0};
    uint32_t start = vkc_start(p);
    if (!vkc_open(p, VKC_TOKEN_LPAREN, VKC_ROLE_CALL, &mode))
        return;
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RPAREN)) {
        struct vkc_param param = parameter(p, is_closure);
        vkc_list_add(&list, &param, sizeof param);
        if (!vkc_comma(p, VKC_TOKEN_RPAREN))
            break;
    }
    vkc_close(p, VKC_TOKEN_RPAREN, mode);
    vkc_limit(p, vkc_since(p, start), list.count, VKC_PARAMS_MAX, "parameters");
    params->count = list.count;
    params->items = vkc_list_take(p, &list, sizeof(struct vkc_param));
}

/* ---- closures, if, match --------------------------------------------------------- */

struct vkc_expr *vkc_parse_body(struct vkc_parser *p)
{
    if (!vkc_is(p, VKC_TOKEN_LBRACE) || p->is_lost)
        return vkc_parse_expr(p);
    /* A map has an expression and a colon behind its brace; everything else is a block. */
    if (vkc_kind_after(p, 1) == VKC_TOKEN_RBRACE)
        return vkc_parse_block(p);
    struct vkc_mode mode = p->mode;
    p->mode.no_brace = false;
    struct vkc_expr *body = vkc_parse_braces(p);
    p->mode = mode;
    return body;
}

static struct vkc_expr *closure(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_CLOSURE, vkc_start(p));
    if (!vkc_enter(p))
        return vkc_expr_bad(p);
    struct vkc_fn *fn = expr->closure = VKC_NEW(&p->program->arena, struct vkc_fn);
    vkc_advance(p);
    if (vkc_is(p, VKC_TOKEN_NAME)) {
        struct vkc_diag *diag = vkc_expected(p, "`(`");
        vkc_help(p, diag, "a function inside another has no name: `let f = fn(x: Int) -> Int { x + 1 }`");
    }
    vkc_parse_params(p, &fn->params, true);
    if (vkc_take(p, VKC_TOKEN_ARROW))
        fn->result = vkc_parse_type(p);
    if (vkc_take(p, VKC_TOKEN_FAT_ARROW))
        fn->body = vkc_parse_body(p);
    else if (vkc_is(p, VKC_TOKEN_LBRACE))
        fn->body = vkc_parse_block(p);
    else
        vkc_expected(p, "`{` or `=>`");
    if (fn->body == NULL)
        fn->body = vkc_expr_bad(p);
    vkc_leave(p);
    vkc_expr_above(p, expr, fn->body);
    return vkc_expr_done(p, expr);
}

static struct vkc_branch branch(struct vkc_parser *p)
{
    struct vkc_branch branch = {.condition = vkc_parse_head(p, "a condition")};
    if (vkc_is(p, VKC_TOKEN_ASSIGN) && !p->is_lost) {
        struct vkc_diag *diag = vkc_expected(p, "`{`");
        vkc_help(p, diag, "`==` compares; an assignment is a statement and has no value");
    }
    branch.body = vkc_parse_block(p);
    return branch;
}

static struct vkc_expr *condition(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_IF, vkc_start(p));
    struct vkc_list branches = {0};
    if (!vkc_enter(p))
        return vkc_expr_bad(p);
    do {
        vkc_advance(p);
        struct vkc_branch one = branch(p);
        vkc_expr_above(p, expr, one.condition);
        vkc_expr_above(p, expr, one.body);
        vkc_list_add(&branches, &one, sizeof one);
        if (!vkc_take(p, VKC_TOKEN_ELSE))
            break;
        if (!vkc_is(p, VKC_TOKEN_IF)) {
            expr->branch.otherwise = vkc_parse_block(p);
            vkc_expr_above(p, expr, expr->branch.otherwise);
            break;
        }
    } while (!p->is_lost);
    expr->branch.count = branches.count;
    expr->branch.branches = vkc_list_take(p, &branches, sizeof(struct vkc_branch));
    vkc_leave(p);
    return vkc_expr_done(p, expr);
}

static struct vkc_arm arm(struct vkc_parser *p)
{
    uint32_t start = vkc_start(p);
    vkc_role(p, VKC_ROLE_FIRST);
    struct vkc_arm arm = {.pattern = vkc_parse_pattern(p)};
    if (vkc_take(p, VKC_TOKEN_IF))
        arm.guard = vkc_parse_expr(p);
    if (vkc_is(p, VKC_TOKEN_FAT_ARROW))
        vkc_role(p, VKC_ROLE_ARM);
    arm.body =
        vkc_expect(p, VKC_TOKEN_FAT_ARROW, "and the arm's value") ? vkc_parse_body(p) : vkc_expr_bad(p);
    if (!vkc_at_break(p) && vkc_is(p, VKC_TOKEN_COMMA) && !p->is_lost) {
        struct vkc_diag *diag = vkc_expected(p, "the end of the line");
        vkc_help(p, diag, "arms stand on lines of their own, without commas");
    }
    vkc_end_line(p);
    arm.span = vkc_since(p, start);
    return arm;
}

static struct vkc_expr *match(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_MATCH, vkc_start(p));
    struct vkc_mode mode;
    struct vkc_list arms = {0};
    if (!vkc_enter(p))
        return vkc_expr_bad(p);
    vkc_advance(p);
    expr->match.subject = vkc_parse_head(p, "a value to match");
    vkc_expr_above(p, expr, expr->match.subject);
    if (vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_NONE, &mode)) {
        while (!vkc_is(p, VKC_TOKEN_RBRACE) && !vkc_is(p, VKC_TOKEN_END) && !vkc_begins_decl(p)) {
            uint32_t first = p->at;
            struct vkc_arm one = arm(p);
            vkc_expr_above(p, expr, one.guard);
            vkc_expr_above(p, expr, one.body);
            vkc_list_add(&arms, &one, sizeof one);
            if (p->is_lost)
                vkc_recover(p, first);
        }
        vkc_close(p, VKC_TOKEN_RBRACE, mode);
        p->tokens[p->last].role = VKC_ROLE_NONE;
    }
    expr->match.count = arms.count;
    expr->match.arms = vkc_list_take(p, &arms, sizeof(struct vkc_arm));
    vkc_leave(p);
    return vkc_expr_done(p, expr);
}

/* ---- operands ------------------------------------------------------------------------ */

static struct vkc_expr *word(struct vkc_parser *p)
{
    bool is_capital = vkc_is_capital(p, 0);
    uint32_t brace = is_capital ? 1 : 3;
    bool is_path = is_capital || (vkc_kind_after(p, 1) == VKC_TOKEN_DOT && vkc_is_capital(p, 2));
    bool is_record = is_path && !p->mode.no_brace && vkc_kind_after(p, brace) == VKC_TOKEN_LBRACE;
    if (is_record && (p->tokens[p->at + brace].flags & VKC_FLAG_BREAK) == 0)
        return vkc_parse_record(p);
    enum vkc_method method = vkc_method_here(p);
    if (method != VKC_METHOD_COUNT)
        return vkc_parse_request(p, method);
    if (vkc_is_json(p))
        return vkc_parse_json(p);
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_NAME, vkc_start(p));
    expr->name = vkc_parse_name(p, "a name", VKC_CASE_ANY);
    return vkc_expr_done(p, expr);
}

static struct vkc_expr *grouped(struct vkc_parser *p)
{
    uint32_t start = vkc_start(p);
    struct vkc_mode mode;
    if (!vkc_open(p, VKC_TOKEN_LPAREN, VKC_ROLE_NONE, &mode))
        return vkc_expr_bad(p);
    struct vkc_expr *expr = vkc_parse_expr(p);
    if (!p->is_lost && vkc_is(p, VKC_TOKEN_COMMA)) {
        struct vkc_diag *diag = vkc_expected(p, "`)`");
        vkc_help(p, diag, "there are no tuples: declare a record");
    }
    if (!p->is_lost && !vkc_is(p, VKC_TOKEN_RPAREN))
        vkc_expected(p, "`)`");
    vkc_close(p, VKC_TOKEN_RPAREN, mode);
    expr->has_parens = true;
    expr->span = vkc_since(p, start);
    return expr;
}

static struct vkc_expr *leaf(struct vkc_parser *p, enum vkc_expr_kind kind, int64_t number)
{
    struct vkc_expr *expr = vkc_expr_new(p, kind, vkc_start(p));
    vkc_advance(p);
    expr->number = number;
    return vkc_expr_done(p, expr);
}

static bool begins_stmt(enum vkc_token_kind kind)
{
    return kind == VKC_TOKEN_ASSERT || kind == VKC_TOKEN_LET || kind == VKC_TOKEN_VAR ||
           kind == VKC_TOKEN_FOR || kind == VKC_TOKEN_WHILE;
}

static struct vkc_expr *no_operand(struct vkc_parser *p)
{
    enum vkc_token_kind kind = vkc_kind(p);
    struct vkc_diag *diag = vkc_expected(p, "an expression");
    if (kind == VKC_TOKEN_UNDERSCORE)
        vkc_help(p, diag, "`_` is a pattern and has no value");
    else if (kind == VKC_TOKEN_ASSIGN)
        vkc_help(p, diag, "an assignment is a statement and has no value; `==` compares");
    else if (begins_stmt(kind) && (p->tokens[p->at].flags & VKC_FLAG_NEWLINE) == 0)
        vkc_help(p, diag, "a statement has no value: put it in braces, `{ ... }`");
    else if (kind == VKC_TOKEN_DOTDOT)
        vkc_help(p, diag, "a range stands only in `for i in a..b`");
    else if (kind >= VKC_TOKEN_PLUS && kind <= VKC_TOKEN_COALESCE)
        vkc_help(p, diag,
                 "an operator stands between two values; at the end of a line it goes on with the next one");
    return vkc_expr_bad(p);
}

struct vkc_expr *vkc_parse_operand(struct vkc_parser *p)
{
    switch (vkc_kind(p)) {
    case VKC_TOKEN_NAME:
        return word(p);
    case VKC_TOKEN_INT:
    case VKC_TOKEN_FLOAT:
    case VKC_TOKEN_DURATION:
    case VKC_TOKEN_SIZE:
        return vkc_parse_number(p);
    case VKC_TOKEN_TRUE:
    case VKC_TOKEN_FALSE:
        return leaf(p, VKC_EXPR_BOOL, vkc_is(p, VKC_TOKEN_TRUE));
    case VKC_TOKEN_BREAK:
        return leaf(p, VKC_EXPR_BREAK, 0);
    case VKC_TOKEN_CONTINUE:
        return leaf(p, VKC_EXPR_CONTINUE, 0);
    case VKC_TOKEN_STR:
    case VKC_TOKEN_STR_HEAD:
        return vkc_parse_str(p);
    case VKC_TOKEN_BYTES:
        return vkc_parse_bytes(p);
    case VKC_TOKEN_LPAREN:
        return grouped(p);
    case VKC_TOKEN_LBRACKET:
        return vkc_parse_list(p);
    case VKC_TOKEN_LBRACE:
        return vkc_parse_braces(p);
    case VKC_TOKEN_FN:
        return closure(p);
    case VKC_TOKEN_IF:
        return condition(p);
    case VKC_TOKEN_MATCH:
        return match(p);
    default:
        return no_operand(p);
    }
}
