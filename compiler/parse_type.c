/* SPDX-License-Identifier: Apache-2.0 */
/* Type expressions. */
#include "compiler/parse_impl.h"

static struct vkc_type_expr *type_new(struct vkc_parser *p, enum vkc_type_expr_kind kind, uint32_t start)
{
    struct vkc_type_expr *type = VKC_NEW(&p->program->arena, struct vkc_type_expr);
    type->kind = kind;
    type->span = vkc_since(p, start);
    return type;
}

/* The lexer took the > for an operator, behind which a newline ends nothing. */
static void end_angle(struct vkc_parser *p)
{
    struct vkc_token *next = &p->tokens[p->at];
    if ((next->flags & VKC_FLAG_NEWLINE) != 0 && !vkc_continues(next->kind))
        next->flags |= VKC_FLAG_BREAK;
}

static void close_angle(struct vkc_parser *p)
{
    if (vkc_is(p, VKC_TOKEN_GT))
        vkc_role(p, VKC_ROLE_ANGLE);
    if (!p->is_lost && vkc_take(p, VKC_TOKEN_GT)) {
        end_angle(p);
        return;
    }
    if (p->is_lost)
        return;
    if (vkc_is(p, VKC_TOKEN_GE)) {
        vkc_complain(p, vkc_here(p), "expected a space between `>` and `=`");
        vkc_advance(p);
        p->is_lost = true;
        return;
    }
    vkc_expect(p, VKC_TOKEN_GT, "after the type arguments");
}

/* Types until the closing token; the opening one is taken. */
static struct vkc_type_exprs types_until(struct vkc_parser *p, enum vkc_token_kind closing)
{
    struct vkc_list types = {0};
    if (!vkc_is(p, closing)) {
        do {
            struct vkc_type_expr *type = vkc_parse_type(p);
            vkc_list_add(&types, &type, sizeof type);
        } while (vkc_comma(p, closing));
    }
    uint32_t count = types.count;
    return (struct vkc_type_exprs){vkc_list_take(p, &types, sizeof(struct vkc_type_expr *)), count};
}

static struct vkc_type_expr *named(struct vkc_parser *p)
{
    uint32_t start = vkc_start(p);
    struct vkc_type_expr *type = type_new(p, VKC_TYPE_EXPR_NAME, start);
    type->name.path = vkc_parse_path(p, vkc_is_capital(p, 0) ? 1 : 2);
    if (vkc_is(p, VKC_TOKEN_LT) && !p->is_lost && vkc_enter(p)) {
        vkc_role(p, VKC_ROLE_ANGLE);
        vkc_advance(p);
        type->name.args = types_until(p, VKC_TOKEN_GT);
        close_angle(p);
        vkc_limit(p, vkc_since(p, start), type->name.args.count, VKC_TYPE_PARAMS_MAX, "type arguments");
        vkc_leave(p);
    }
    type->span = vkc_since(p, start);
    return type;
}

static struct vkc_type_expr *function(struct vkc_parser *p)
{
    uint32_t start = vkc_start(p);
    struct vkc_mode mode;
    struct vkc_type_expr *type = type_new(p, VKC_TYPE_EXPR_FN, start);
    vkc_advance(p);
    if (vkc_open(p, VKC_TOKEN_LPAREN, VKC_ROLE_CALL, &mode)) {
        type->fn.params = types_until(p, VKC_TOKEN_RPAREN);
        vkc_close(p, VKC_TOKEN_RPAREN, mode);
    }
    if (vkc_take(p, VKC_TOKEN_ARROW) && vkc_enter(p)) {
        type->fn.result = vkc_parse_type(p);
        vkc_leave(p);
    }
    type->span = vkc_since(p, start);
    vkc_limit(p, type->span, type->fn.params.count, VKC_PARAMS_MAX, "parameters");
    return type;
}

static struct vkc_type_expr *bare(struct vkc_parser *p)
{
    struct vkc_mode mode;
    if (vkc_is(p, VKC_TOKEN_FN))
        return function(p);
    if (vkc_is(p, VKC_TOKEN_NAME)) {
        struct vkc_type_expr *type = named(p);
        const struct vkc_ident *last = &type->name.path.names[type->name.path.count - 1];
        char first = last->name != NULL ? last->name->text[0] : 'A';
        if (first < 'A' || first > 'Z') {
            struct vkc_diag *diag = vkc_complain(p, last->span, "a type begins with a capital");
            struct vkc_nearest nearest;
            static const char *const known[] = {"Int",      "Float", "Bool", "Str", "Bytes",
                                                "Duration", "Nil",   "List", "Map", "Option",
                                                "Result",   "Json",  "Fiber"};
            vkc_nearest_init(&nearest, last->name->text, last->name->len);
            vkc_nearest_type(&nearest);
            for (size_t i = 0; i < VK_COUNT(known); i++)
                vkc_nearest_offer(&nearest, known[i]);
            if (diag != NULL)
                vkc_nearest_help(&nearest, &p->program->diags, diag);
        }
        return type;
    }
    if (vkc_is(p, VKC_TOKEN_LPAREN) && vkc_open(p, VKC_TOKEN_LPAREN, VKC_ROLE_NONE, &mode)) {
        struct vkc_type_expr *type = vkc_parse_type(p);
        if (!p->is_lost && vkc_is(p, VKC_TOKEN_COMMA))
            vkc_help(p, vkc_expected(p, "`)`"), "there are no tuples: declare a record");
        vkc_close(p, VKC_TOKEN_RPAREN, mode);
        return type;
    }
    vkc_expected(p, "a type");
    return type_new(p, VKC_TYPE_EXPR_BAD, vkc_start(p));
}

struct vkc_type_expr *vkc_parse_type(struct vkc_parser *p)
{
    uint32_t start = vkc_start(p), levels = 0;
    if (p->is_lost)
        return type_new(p, VKC_TYPE_EXPR_BAD, start);
    struct vkc_type_expr *type = bare(p);
    /* `??` is one token, and an Option of an Option here. */
    while (!p->is_lost && (vkc_is(p, VKC_TOKEN_QUESTION) || vkc_is(p, VKC_TOKEN_COALESCE))) {
        uint32_t times = vkc_is(p, VKC_TOKEN_COALESCE) ? 2 : 1;
        vkc_role(p, VKC_ROLE_CALL);
        vkc_advance(p);
        for (uint32_t i = 0; i < times && vkc_enter(p); i++, levels++) {
            struct vkc_type_expr *option = type_new(p, VKC_TYPE_EXPR_OPTION, start);
            option->option = type;
            type = option;
        }
    }
    for (; levels > 0; levels--)
        vkc_leave(p);
    return type;
}
