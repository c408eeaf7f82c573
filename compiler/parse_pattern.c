/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns. */
#include "compiler/parse_impl.h"

static struct vkc_pattern *pattern_new(struct vkc_parser *p, enum vkc_pattern_kind kind, uint32_t start)
{
    struct vkc_pattern *pattern = VKC_NEW(&p->program->arena, struct vkc_pattern);
    pattern->kind = kind;
    pattern->span = vkc_since(p, start);
    return pattern;
}

static struct vkc_pattern *done(struct vkc_parser *p, struct vkc_pattern *pattern)
{
    pattern->span = vkc_since(p, pattern->span.start);
    return pattern;
}

/* A literal, which the expression parser reads: with its minus sign. */
static struct vkc_pattern *number(struct vkc_parser *p)
{
    struct vkc_pattern *pattern = pattern_new(p, VKC_PATTERN_BAD, vkc_start(p));
    bool is_negative = vkc_is(p, VKC_TOKEN_MINUS);
    const struct vkc_expr *value = is_negative ? vkc_parse_unary(p) : vkc_parse_number(p);
    bool is_minus = is_negative && value->kind == VKC_EXPR_UNARY && value->unary.op == VKC_UNARY_NEGATE;
    const struct vkc_expr *literal = is_minus ? value->unary.operand : value;
    if (literal->kind == VKC_EXPR_INT || literal->kind == VKC_EXPR_DURATION) {
        pattern->kind = literal->kind == VKC_EXPR_INT ? VKC_PATTERN_INT : VKC_PATTERN_DURATION;
        pattern->number = is_minus ? -literal->number : literal->number;
    } else if (literal->kind == VKC_EXPR_FLOAT) {
        struct vkc_diag *diag = vkc_complain(p, value->span, "a Float is no pattern");
        vkc_help(p, diag, "bind it and compare in a guard: `x if x == 1.5`");
    } else if (literal->kind != VKC_EXPR_BAD) {
        vkc_complain(p, value->span, "a pattern is no expression: only a literal can stand here");
    }
    return done(p, pattern);
}

static struct vkc_pattern *text(struct vkc_parser *p)
{
    struct vkc_pattern *pattern = pattern_new(p, VKC_PATTERN_STR, vkc_start(p));
    const struct vkc_expr *str = vkc_parse_plain_str(p, "a pattern");
    pattern->text.bytes = "";
    if (str->kind == VKC_EXPR_STR && str->str.count == 1) {
        pattern->text.bytes = str->str.parts[0].bytes;
        pattern->text.len_bytes = str->str.parts[0].len_bytes;
    }
    return done(p, pattern);
}

/* One of `p` or `name: p`. */
static struct vkc_pattern_field payload(struct vkc_parser *p)
{
    struct vkc_pattern_field field = {0};
    if (vkc_is(p, VKC_TOKEN_NAME) && vkc_kind_after(p, 1) == VKC_TOKEN_COLON) {
        field.name = vkc_parse_name(p, "a name", VKC_CASE_SMALL);
        vkc_advance(p);
    }
    field.pattern = vkc_parse_pattern(p);
    return field;
}

static void payloads(struct vkc_parser *p, struct vkc_pattern *pattern)
{
    struct vkc_mode mode;
    struct vkc_list fields = {0};
    if (!vkc_open(p, VKC_TOKEN_LPAREN, VKC_ROLE_CALL, &mode))
        return;
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RPAREN)) {
        struct vkc_pattern_field field = payload(p);
        vkc_list_add(&fields, &field, sizeof field);
        if (!vkc_comma(p, VKC_TOKEN_RPAREN))
            break;
    }
    vkc_close(p, VKC_TOKEN_RPAREN, mode);
    pattern->of.has_parens = true;
    pattern->of.count = fields.count;
    pattern->of.fields = vkc_list_take(p, &fields, sizeof(struct vkc_pattern_field));
}

/* `field` or `field: p` of a record. */
static struct vkc_pattern_field record_field(struct vkc_parser *p)
{
    struct vkc_pattern_field field = {.is_short = vkc_kind_after(p, 1) != VKC_TOKEN_COLON};
    uint32_t start = vkc_start(p);
    field.name = vkc_parse_name(p, "a field's name or `..`", VKC_CASE_SMALL);
    if (vkc_take(p, VKC_TOKEN_COLON)) {
        field.pattern = vkc_parse_pattern(p);
        return field;
    }
    field.pattern = pattern_new(p, field.name.name != NULL ? VKC_PATTERN_BIND : VKC_PATTERN_BAD, start);
    field.pattern->bind = field.name;
    return field;
}

static void record_fields(struct vkc_parser *p, struct vkc_pattern *pattern)
{
    struct vkc_mode mode;
    struct vkc_list fields = {0};
    pattern->kind = VKC_PATTERN_RECORD;
    if (!vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_LITERAL, &mode))
        return;
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RBRACE)) {
        if (vkc_take(p, VKC_TOKEN_DOTDOT)) {
            pattern->of.is_open = true;
            break;
        }
        struct vkc_pattern_field field = record_field(p);
        vkc_list_add(&fields, &field, sizeof field);
        if (!vkc_comma(p, VKC_TOKEN_RBRACE))
            break;
    }
    vkc_close(p, VKC_TOKEN_RBRACE, mode);
    pattern->of.count = fields.count;
    pattern->of.fields = vkc_list_take(p, &fields, sizeof(struct vkc_pattern_field));
}

static struct vkc_pattern *variant(struct vkc_parser *p)
{
    struct vkc_pattern *pattern = pattern_new(p, VKC_PATTERN_VARIANT, vkc_start(p));
    pattern->of.path = vkc_parse_path(p, 3);
    const struct vkc_ident *last = &pattern->of.path.names[pattern->of.path.count - 1];
    if (last->name != NULL && (last->name->text[0] < 'A' || last->name->text[0] > 'Z'))
        vkc_complain(p, last->span, "a variant begins with a capital");
    if (vkc_is(p, VKC_TOKEN_LPAREN))
        payloads(p, pattern);
    else if (vkc_is(p, VKC_TOKEN_LBRACE))
        record_fields(p, pattern);
    return done(p, pattern);
}

static struct vkc_pattern *list(struct vkc_parser *p)
{
    struct vkc_pattern *pattern = pattern_new(p, VKC_PATTERN_LIST, vkc_start(p));
    struct vkc_mode mode;
    struct vkc_list items = {0};
    if (!vkc_open(p, VKC_TOKEN_LBRACKET, VKC_ROLE_NONE, &mode))
        return pattern;
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RBRACKET)) {
        if (vkc_take(p, VKC_TOKEN_DOTDOT)) {
            pattern->list.has_rest = true;
            if (vkc_is(p, VKC_TOKEN_NAME))
                pattern->list.rest = vkc_parse_name(p, "a name", VKC_CASE_SMALL);
            if (vkc_is(p, VKC_TOKEN_COMMA))
                vkc_refuse(p, vkc_here(p), "nothing follows `..` in a list pattern");
            break;
        }
        struct vkc_pattern *item = vkc_parse_pattern(p);
        vkc_list_add(&items, &item, sizeof item);
        if (!vkc_comma(p, VKC_TOKEN_RBRACKET))
            break;
    }
    vkc_close(p, VKC_TOKEN_RBRACKET, mode);
    pattern->list.items.count = items.count;
    pattern->list.items.items = vkc_list_take(p, &items, sizeof(struct vkc_pattern *));
    return done(p, pattern);
}

static struct vkc_pattern *word(struct vkc_parser *p)
{
    if (vkc_is_capital(p, 0) || vkc_kind_after(p, 1) == VKC_TOKEN_DOT)
        return variant(p);
    struct vkc_pattern *pattern = pattern_new(p, VKC_PATTERN_BIND, vkc_start(p));
    pattern->bind = vkc_parse_name(p, "a name", VKC_CASE_SMALL);
    if (vkc_is(p, VKC_TOKEN_LPAREN))
        vkc_refuse(p, pattern->bind.span, "a variant begins with a capital");
    return done(p, pattern);
}

static struct vkc_pattern *grouped(struct vkc_parser *p)
{
    struct vkc_mode mode;
    if (!vkc_open(p, VKC_TOKEN_LPAREN, VKC_ROLE_NONE, &mode))
        return pattern_new(p, VKC_PATTERN_BAD, vkc_start(p));
    struct vkc_pattern *pattern = vkc_parse_pattern(p);
    vkc_close(p, VKC_TOKEN_RPAREN, mode);
    return pattern;
}

static struct vkc_pattern *single(struct vkc_parser *p)
{
    struct vkc_pattern *pattern = pattern_new(p, VKC_PATTERN_BAD, vkc_start(p));
    if (vkc_is_cut(p)) {
        vkc_expected(p, "a pattern");
        return pattern;
    }
    switch (vkc_kind(p)) {
    case VKC_TOKEN_UNDERSCORE:
        pattern->kind = VKC_PATTERN_ANY;
        vkc_advance(p);
        return done(p, pattern);
    case VKC_TOKEN_TRUE:
    case VKC_TOKEN_FALSE:
        pattern->kind = VKC_PATTERN_BOOL;
        pattern->number = vkc_is(p, VKC_TOKEN_TRUE);
        vkc_advance(p);
        return done(p, pattern);
    case VKC_TOKEN_MINUS:
    case VKC_TOKEN_INT:
    case VKC_TOKEN_FLOAT:
    case VKC_TOKEN_DURATION:
        return number(p);
    case VKC_TOKEN_STR:
    case VKC_TOKEN_STR_HEAD:
        return text(p);
    case VKC_TOKEN_LBRACKET:
        return list(p);
    case VKC_TOKEN_LPAREN:
        return grouped(p);
    case VKC_TOKEN_NAME:
        return word(p);
    default:
        vkc_expected(p, "a pattern");
        return pattern;
    }
}

/* An alternative that is alternatives itself, in parentheses, becomes part of the whole. */
static void add_alternative(struct vkc_list *list, struct vkc_pattern *pattern)
{
    if (pattern->kind != VKC_PATTERN_ALT) {
        vkc_list_add(list, &pattern, sizeof pattern);
        return;
    }
    for (uint32_t i = 0; i < pattern->alt.count; i++)
        vkc_list_add(list, &pattern->alt.items[i], sizeof pattern);
}

struct vkc_pattern *vkc_parse_pattern(struct vkc_parser *p)
{
    uint32_t start = vkc_start(p);
    if (p->is_lost)
        return pattern_new(p, VKC_PATTERN_BAD, start);
    struct vkc_pattern *first = single(p);
    if (!vkc_is(p, VKC_TOKEN_PIPE) || vkc_at_break(p))
        return first;
    struct vkc_list alternatives = {0};
    add_alternative(&alternatives, first);
    while (!vkc_at_break(p) && vkc_take(p, VKC_TOKEN_PIPE))
        add_alternative(&alternatives, single(p));
    struct vkc_pattern *whole = pattern_new(p, VKC_PATTERN_ALT, start);
    whole->alt.count = alternatives.count;
    whole->alt.items = vkc_list_take(p, &alternatives, sizeof(struct vkc_pattern *));
    return whole;
}
