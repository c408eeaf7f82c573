/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks and statements. */
#include "compiler/parse_impl.h"

static struct vkc_stmt *stmt_new(struct vkc_parser *p, enum vkc_stmt_kind kind, uint32_t start)
{
    struct vkc_stmt *stmt = VKC_NEW(&p->program->arena, struct vkc_stmt);
    stmt->kind = kind;
    stmt->span = (struct vkc_span){start, start};
    return stmt;
}

struct vkc_stmt *vkc_parse_let(struct vkc_parser *p)
{
    struct vkc_stmt *stmt = stmt_new(p, VKC_STMT_LET, vkc_start(p));
    stmt->let.is_var = vkc_is(p, VKC_TOKEN_VAR);
    vkc_advance(p);
    stmt->let.name = vkc_parse_binding(p, "a name");
    if (vkc_take(p, VKC_TOKEN_COLON))
        stmt->let.type = vkc_parse_type(p);
    if (vkc_expect(p, VKC_TOKEN_ASSIGN, "and a value"))
        stmt->let.value = vkc_parse_expr(p);
    else
        stmt->let.value = vkc_expr_bad(p);
    stmt->span = vkc_since(p, stmt->span.start);
    return stmt;
}

static struct vkc_stmt *assertion(struct vkc_parser *p)
{
    struct vkc_stmt *stmt = stmt_new(p, VKC_STMT_ASSERT, vkc_start(p));
    vkc_advance(p);
    stmt->expr = vkc_parse_expr(p);
    return stmt;
}

static struct vkc_stmt *loop_while(struct vkc_parser *p)
{
    struct vkc_stmt *stmt = stmt_new(p, VKC_STMT_WHILE, vkc_start(p));
    vkc_advance(p);
    stmt->loop.first = vkc_parse_head(p, "a condition");
    stmt->loop.body = vkc_parse_block(p);
    return stmt;
}

static struct vkc_stmt *loop_for(struct vkc_parser *p)
{
    struct vkc_stmt *stmt = stmt_new(p, VKC_STMT_FOR, vkc_start(p));
    vkc_advance(p);
    stmt->loop.names_count = 1;
    stmt->loop.names[0] = vkc_parse_binding(p, "a name");
    if (vkc_take(p, VKC_TOKEN_COMMA)) {
        stmt->loop.names[1] = vkc_parse_binding(p, "a name");
        stmt->loop.names_count = 2;
    }
    stmt->loop.first = vkc_expect(p, VKC_TOKEN_IN, "and what the loop goes through")
                           ? vkc_parse_head(p, "what the loop goes through")
                           : vkc_expr_bad(p);
    if (vkc_take(p, VKC_TOKEN_DOTDOT)) {
        if (stmt->loop.names_count == 2)
            vkc_complain(p, stmt->loop.names[1].span, "a range gives one value a turn");
        stmt->loop.last = vkc_parse_head(p, "the end of the range");
    }
    stmt->loop.body = vkc_parse_block(p);
    return stmt;
}

/* ---- assignments -------------------------------------------------------------------- */

static bool assignment_here(const struct vkc_parser *p, enum vkc_binary *ret_op)
{
    if (p->is_lost || vkc_at_break(p))
        return false;
    switch (vkc_kind(p)) {
    case VKC_TOKEN_ASSIGN:
        *ret_op = VKC_BINARY_COUNT;
        return true;
    case VKC_TOKEN_PLUS_ASSIGN:
        *ret_op = VKC_BINARY_ADD;
        return true;
    case VKC_TOKEN_MINUS_ASSIGN:
        *ret_op = VKC_BINARY_SUB;
        return true;
    case VKC_TOKEN_STAR_ASSIGN:
        *ret_op = VKC_BINARY_MUL;
        return true;
    case VKC_TOKEN_SLASH_ASSIGN:
        *ret_op = VKC_BINARY_DIV;
        return true;
    case VKC_TOKEN_PERCENT_ASSIGN:
        *ret_op = VKC_BINARY_REM;
        return true;
    default:
        return false;
    }
}

/* A name, or fields and items of one. */
static bool is_place(const struct vkc_expr *expr)
{
    while (!expr->has_parens && (expr->kind == VKC_EXPR_FIELD || expr->kind == VKC_EXPR_INDEX))
        expr = expr->kind == VKC_EXPR_FIELD ? expr->field.object : expr->index.object;
    return expr->kind == VKC_EXPR_BAD || (expr->kind == VKC_EXPR_NAME && !expr->has_parens);
}

static struct vkc_stmt *assignment(struct vkc_parser *p, struct vkc_expr *place, enum vkc_binary op)
{
    struct vkc_stmt *stmt = stmt_new(p, VKC_STMT_ASSIGN, place->span.start);
    stmt->assign.op = op;
    stmt->assign.op_span = vkc_here(p);
    stmt->assign.place = place;
    if (!is_place(place)) {
        struct vkc_diag *diag = vkc_complain(p, place->span, "this cannot be assigned");
        vkc_help(p, diag, "an assignment changes a `var`, or a field or item of one");
        stmt->assign.place = vkc_expr_bad(p);
    }
    vkc_advance(p);
    stmt->assign.value = vkc_parse_expr(p);
    if (vkc_is(p, VKC_TOKEN_ASSIGN) && !vkc_at_break(p)) {
        struct vkc_diag *diag = vkc_expected(p, "the end of the line");
        vkc_help(p, diag, "an assignment is a statement and has no value; `==` compares");
    }
    return stmt;
}

/* Words of other languages at the start of a statement. */
static void foreign_word(struct vkc_parser *p)
{
    static const struct {
        const char *word;
        const char *help;
    } words[] = {
        {"const", "a binding is written `let x = 1`, one that changes `var x = 1`"},
        {"mut", "a binding that changes is written `var x = 1`"},
        {"def", "a function is written `fn name(a: Int) -> Int { ... }`"},
        {"function", "a function is written `fn name(a: Int) -> Int { ... }`"},
        {"func", "a function is written `fn name(a: Int) -> Int { ... }`"},
        {"loop", "an endless loop is written `while true { ... }`"},
        {"switch", "a choice is written `match x { ... }`"},
        {"case", "an arm of a `match` is written `pattern => value`"},
        {"throw", "`fail e` ends the process; a function that can fail gives a `Result`"},
        {"elif", "a further condition is written `else if`"},
    };
    enum vkc_token_kind next = vkc_kind_after(p, 1);
    if (vkc_is(p, VKC_TOKEN_NAME) &&
        (next == VKC_TOKEN_NAME || next == VKC_TOKEN_INT || next == VKC_TOKEN_LBRACE)) {
        for (size_t i = 0; i < VK_COUNT(words); i++) {
            if (vkc_is_word(p, words[i].word) && (p->tokens[p->at + 1].flags & VKC_FLAG_BREAK) == 0) {
                struct vkc_diag *diag =
                    vkc_refuse(p, vkc_here(p), "`%s` is no word of this language", words[i].word);
                vkc_help(p, diag, "%s", words[i].help);
                return;
            }
        }
    }
}

static struct vkc_stmt *simple(struct vkc_parser *p)
{
    uint32_t start = vkc_start(p);
    enum vkc_binary op;
    foreign_word(p);
    struct vkc_expr *expr = vkc_parse_expr(p);
    if (assignment_here(p, &op))
        return assignment(p, expr, op);
    struct vkc_stmt *stmt = stmt_new(p, VKC_STMT_EXPR, start);
    stmt->expr = expr;
    return stmt;
}

static struct vkc_stmt *statement(struct vkc_parser *p)
{
    struct vkc_stmt *stmt;
    vkc_role(p, VKC_ROLE_FIRST);
    switch (vkc_kind(p)) {
    case VKC_TOKEN_LET:
    case VKC_TOKEN_VAR:
        stmt = vkc_parse_let(p);
        break;
    case VKC_TOKEN_FOR:
        stmt = loop_for(p);
        break;
    case VKC_TOKEN_WHILE:
        stmt = loop_while(p);
        break;
    case VKC_TOKEN_ASSERT:
        stmt = assertion(p);
        break;
    default:
        stmt = simple(p);
        break;
    }
    stmt->span = vkc_since(p, stmt->span.start);
    vkc_end_line(p);
    return stmt;
}

/* The heights of what a statement holds. */
static void above_stmt(struct vkc_parser *p, struct vkc_expr *block, const struct vkc_stmt *stmt)
{
    switch (stmt->kind) {
    case VKC_STMT_LET:
        vkc_expr_above(p, block, stmt->let.value);
        break;
    case VKC_STMT_ASSIGN:
        vkc_expr_above(p, block, stmt->assign.place);
        vkc_expr_above(p, block, stmt->assign.value);
        break;
    case VKC_STMT_FOR:
    case VKC_STMT_WHILE:
        vkc_expr_above(p, block, stmt->loop.first);
        vkc_expr_above(p, block, stmt->loop.last);
        vkc_expr_above(p, block, stmt->loop.body);
        break;
    case VKC_STMT_EXPR:
    case VKC_STMT_ASSERT:
        vkc_expr_above(p, block, stmt->expr);
        break;
    case VKC_STMT_BAD:
        break;
    }
}

static void not_closed(struct vkc_parser *p, struct vkc_span opening)
{
    struct vkc_diag *diag = vkc_expected(p, "`}`");
    if (diag != NULL)
        vkc_diag_note(&p->program->diags, diag, opening, "this block is not closed");
}

/* A declaration here means that a brace is missing; a `let` in the first column may be a statement though. */
static bool ends_block(const struct vkc_parser *p)
{
    if (vkc_is(p, VKC_TOKEN_RBRACE) || vkc_is(p, VKC_TOKEN_END))
        return true;
    return vkc_begins_decl(p) && !(vkc_is(p, VKC_TOKEN_LET) && vkc_is_balanced(p, 0));
}

struct vkc_expr *vkc_parse_block(struct vkc_parser *p)
{
    struct vkc_expr *block = vkc_expr_new(p, VKC_EXPR_BLOCK, vkc_start(p));
    struct vkc_span opening = vkc_here(p);
    struct vkc_mode mode;
    struct vkc_list stmts = {0};
    bool is_empty = vkc_is(p, VKC_TOKEN_LBRACE) && vkc_kind_after(p, 1) == VKC_TOKEN_RBRACE;
    if (!vkc_open(p, VKC_TOKEN_LBRACE, is_empty ? VKC_ROLE_EMPTY : VKC_ROLE_NONE, &mode))
        return vkc_expr_bad(p);
    while (!ends_block(p)) {
        uint32_t first = p->at;
        struct vkc_stmt *stmt = statement(p);
        if (p->is_lost) {
            stmt->kind = VKC_STMT_BAD;
            vkc_recover(p, first);
        }
        above_stmt(p, block, stmt);
        vkc_list_add(&stmts, &stmt, sizeof stmt);
    }
    if (!p->is_lost && !vkc_is(p, VKC_TOKEN_RBRACE))
        not_closed(p, opening);
    vkc_close_block(p, mode);
    block->block.count = stmts.count;
    block->block.items = vkc_list_take(p, &stmts, sizeof(struct vkc_stmt *));
    return vkc_expr_done(p, block);
}
