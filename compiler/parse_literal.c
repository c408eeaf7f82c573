/* SPDX-License-Identifier: Apache-2.0 */
/* Literals: numbers, texts, lists, maps, records, objects; `json` and requests. */
#include "compiler/parse_impl.h"

#include <inttypes.h>

/* ---- numbers ------------------------------------------------------------------ */

struct vkc_expr *vkc_parse_number(struct vkc_parser *p)
{
    size_t len;
    const char *text = vkc_token_text(p, p->at, &len);
    enum vkc_token_kind kind = vkc_kind(p);
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_INT, vkc_start(p));
    uint64_t value = 0;
    const char *why = NULL;
    if (kind == VKC_TOKEN_INT) {
        if (!vkc_literal_int(text, len, &value) || value > INT64_MAX)
            why = "an Int: it is at most 9223372036854775807";
        expr->number = (int64_t)(value & INT64_MAX);
    } else if (kind == VKC_TOKEN_FLOAT) {
        expr->kind = VKC_EXPR_FLOAT;
        if (!vkc_literal_float(text, len, &expr->real))
            why = "a Float";
    } else if (kind == VKC_TOKEN_DURATION) {
        expr->kind = VKC_EXPR_DURATION;
        if (!vkc_literal_duration(text, len, &expr->number))
            why = "a Duration: it is at most 9223372036854775807ns";
    } else {
        struct vkc_diag *diag = vkc_complain(p, vkc_here(p), "a size stands only after `heap:`");
        if (text[len - 1] == 'm')
            vkc_help(p, diag, "a Duration of minutes ends with `min`, of milliseconds with `ms`");
        expr->kind = VKC_EXPR_BAD;
    }
    if (why != NULL)
        vkc_complain(p, vkc_here(p), "this number does not fit %s", why);
    vkc_advance(p);
    return vkc_expr_done(p, expr);
}

/* ---- texts ---------------------------------------------------------------------- */

struct strings {
    struct vkc_text_rules rules;
    struct vkc_list parts;
    uint32_t len_bytes;
};

/* The white space before the closing """ of the text that begins here; it must stand on a line of its own. */
static void find_indent(struct vkc_parser *p, struct strings *strings)
{
    uint32_t at = p->at, depth = 0;
    for (; p->tokens[at].kind != VKC_TOKEN_END; at++) {
        depth += p->tokens[at].kind == VKC_TOKEN_STR_HEAD;
        depth -= p->tokens[at].kind == VKC_TOKEN_STR_TAIL;
        if (depth == 0)
            break;
    }
    const struct vkc_token *last = &p->tokens[at];
    const char *text = p->source->text;
    char first = text[p->tokens[p->at].start + 3];
    if (last->kind == VKC_TOKEN_END || (first != '\n' && first != '\r'))
        return; /* not closed, or begun wrongly, as the lexer said */
    uint32_t end = last->end - 3, start = end;
    while (start > last->start && (text[start - 1] == ' ' || text[start - 1] == '\t'))
        start--;
    if (start > last->start && text[start - 1] == '\n') {
        strings->rules.indent = text + start;
        strings->rules.indent_len = end - start;
        return;
    }
    vkc_complain(p, (struct vkc_span){p->source->base + end, p->source->base + last->end},
                 "the closing `\"\"\"` stands on a line of its own");
}

/* The stretch of text in the current token, between its quotes and braces. */
static void stretch(struct vkc_parser *p, struct strings *strings)
{
    const struct vkc_token *token = &p->tokens[p->at];
    bool is_first = token->kind == VKC_TOKEN_STR || token->kind == VKC_TOKEN_STR_HEAD;
    bool is_last = token->kind == VKC_TOKEN_STR || token->kind == VKC_TOKEN_STR_TAIL;
    uint32_t quote = strings->rules.is_triple ? 3 : 1;
    uint32_t start = token->start + (is_first ? quote : 1), end = token->end - (is_last ? quote : 1);
    bool is_line_start = strings->rules.is_triple && is_first;
    if (is_line_start && p->source->text[start] == '\r')
        start++;
    if (is_line_start && p->source->text[start] == '\n' && start < end)
        start++;
    struct vkc_str_part part = {.span = {p->source->base + start, p->source->base + end}};
    part.bytes = vkc_literal_text(p->program, part.span, &strings->rules, is_line_start, &part.len_bytes);
    strings->len_bytes += part.len_bytes;
    if (part.len_bytes > 0)
        vkc_list_add(&strings->parts, &part, sizeof part);
}

/* After an error within the braces, what goes on may be another text, of the other kind. */
static bool is_rest(const struct vkc_parser *p, const struct strings *strings)
{
    bool is_triple = (p->tokens[p->at].flags & VKC_FLAG_TRIPLE) != 0;
    return (vkc_is(p, VKC_TOKEN_STR_MID) || vkc_is(p, VKC_TOKEN_STR_TAIL)) &&
           is_triple == strings->rules.is_triple;
}

/* From a HEAD on: expressions and stretches, to the TAIL. */
static void interpolations(struct vkc_parser *p, struct strings *strings, struct vkc_expr *expr)
{
    struct vkc_mode mode = p->mode;
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_STR_TAIL)) {
        vkc_advance(p);
        p->mode = (struct vkc_mode){.no_lines = true};
        struct vkc_str_part part = {.expr = vkc_parse_expr(p)};
        p->mode = mode;
        part.span = part.expr->span;
        vkc_expr_above(p, expr, part.expr);
        vkc_list_add(&strings->parts, &part, sizeof part);
        p->is_lost = p->is_lost || vkc_is(p, VKC_TOKEN_RBRACE); /* the text ended before, as the lexer said */
        if (!is_rest(p, strings)) {
            struct vkc_diag *diag = vkc_expected(p, "`}`");
            vkc_help(p, diag, "a brace in a text that begins no expression is written `\\{`");
            break;
        }
        stretch(p, strings);
    }
    vkc_take(p, VKC_TOKEN_STR_TAIL);
}

struct vkc_expr *vkc_parse_str(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_STR, vkc_start(p));
    struct strings strings = {.rules = {.is_triple = (p->tokens[p->at].flags & VKC_FLAG_TRIPLE) != 0}};
    if (!vkc_enter(p))
        return vkc_expr_bad(p);
    if (strings.rules.is_triple)
        find_indent(p, &strings);
    stretch(p, &strings);
    if (vkc_is(p, VKC_TOKEN_STR))
        vkc_advance(p);
    else
        interpolations(p, &strings, expr);
    vkc_leave(p);
    expr->str.count = strings.parts.count;
    expr->str.parts = vkc_list_take(p, &strings.parts, sizeof(struct vkc_str_part));
    vkc_expr_done(p, expr);
    if (strings.len_bytes > VKC_TEXT_MAX_BYTES)
        vkc_complain(p, expr->span, "a text has at most %u bytes, this one has %u", VKC_TEXT_MAX_BYTES,
                     strings.len_bytes);
    return expr;
}

struct vkc_expr *vkc_parse_plain_str(struct vkc_parser *p, const char *what)
{
    if ((!vkc_is(p, VKC_TOKEN_STR) && !vkc_is(p, VKC_TOKEN_STR_HEAD)) || vkc_is_cut(p)) {
        vkc_expected(p, what);
        return vkc_expr_bad(p);
    }
    bool is_plain = vkc_is(p, VKC_TOKEN_STR);
    struct vkc_expr *expr = vkc_parse_str(p);
    if (is_plain)
        return expr;
    vkc_complain(p, expr->span, "%s is a text without `{...}`", what);
    expr->kind = VKC_EXPR_BAD;
    return expr;
}

struct vkc_expr *vkc_parse_bytes(struct vkc_parser *p)
{
    static const struct vkc_text_rules rules = {.is_bytes = true};
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_BYTES, vkc_start(p));
    struct vkc_span inside = vkc_here(p);
    inside.start += 2;
    inside.end -= 1;
    expr->bytes.bytes = vkc_literal_text(p->program, inside, &rules, false, &expr->bytes.len_bytes);
    if (expr->bytes.len_bytes > VKC_TEXT_MAX_BYTES)
        vkc_complain(p, vkc_here(p), "a Bytes literal has at most %u bytes, this one has %u",
                     VKC_TEXT_MAX_BYTES, expr->bytes.len_bytes);
    vkc_advance(p);
    return vkc_expr_done(p, expr);
}

/* ---- lists and maps ----------------------------------------------------------------- */

struct vkc_expr *vkc_parse_list(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_LIST, vkc_start(p));
    struct vkc_mode mode;
    struct vkc_list items = {0};
    if (!vkc_open(p, VKC_TOKEN_LBRACKET, VKC_ROLE_NONE, &mode))
        return vkc_expr_bad(p);
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RBRACKET)) {
        struct vkc_expr *item = vkc_parse_expr(p);
        vkc_expr_above(p, expr, item);
        vkc_list_add(&items, &item, sizeof item);
        if (!vkc_comma(p, VKC_TOKEN_RBRACKET))
            break;
    }
    vkc_close(p, VKC_TOKEN_RBRACKET, mode);
    expr->list.count = items.count;
    expr->list.items = vkc_list_take(p, &items, sizeof(struct vkc_expr *));
    return vkc_expr_done(p, expr);
}

/* From the first entry on; the brace is taken. */
static void entries(struct vkc_parser *p, struct vkc_expr *map)
{
    struct vkc_list list = {0};
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RBRACE)) {
        struct vkc_entry entry = {.key = vkc_parse_expr(p)};
        entry.value = vkc_expect(p, VKC_TOKEN_COLON, "after the key") ? vkc_parse_expr(p) : vkc_expr_bad(p);
        vkc_expr_above(p, map, entry.key);
        vkc_expr_above(p, map, entry.value);
        vkc_list_add(&list, &entry, sizeof entry);
        if (!vkc_comma(p, VKC_TOKEN_RBRACE))
            break;
    }
    map->map.count = list.count;
    map->map.entries = vkc_list_take(p, &list, sizeof(struct vkc_entry));
}

/* The word of `await x timeout: 1s`, whose colon makes no map. */
static bool is_timeout(const struct vkc_parser *p, uint32_t at)
{
    size_t len;
    const char *text = vkc_token_text(p, at, &len);
    return at > p->at + 1 && len == 7 && memcmp(text, "timeout", 7) == 0;
}

/* Whether a colon follows the first expression in these braces: at their level, before a line ends. */
static bool is_map(const struct vkc_parser *p)
{
    uint32_t depth = 0, at = p->at + 1;
    for (; p->tokens[at].kind != VKC_TOKEN_END; at++) {
        switch ((enum vkc_token_kind)p->tokens[at].kind) {
        case VKC_TOKEN_LPAREN:
        case VKC_TOKEN_LBRACKET:
        case VKC_TOKEN_LBRACE:
        case VKC_TOKEN_STR_HEAD:
            depth++;
            break;
        case VKC_TOKEN_RPAREN:
        case VKC_TOKEN_RBRACKET:
        case VKC_TOKEN_RBRACE:
        case VKC_TOKEN_STR_TAIL:
            if (depth == 0)
                return false;
            depth--;
            break;
        case VKC_TOKEN_COLON:
            if (depth == 0 && !is_timeout(p, at - 1))
                return true;
            break;
        case VKC_TOKEN_LET:
        case VKC_TOKEN_VAR:
        case VKC_TOKEN_FOR:
        case VKC_TOKEN_WHILE:
        case VKC_TOKEN_ASSERT:
        case VKC_TOKEN_ASSIGN:
        case VKC_TOKEN_COMMA:
        case VKC_TOKEN_FAT_ARROW:
            if (depth == 0)
                return false;
            break;
        default:
            break;
        }
        bool is_line = at > p->at + 1 && (p->tokens[at].flags & VKC_FLAG_BREAK) != 0;
        if (is_line && depth == 0)
            return false;
    }
    return false;
}

bool vkc_is_map_head(const struct vkc_parser *p)
{
    uint32_t depth = 0, at = p->at;
    for (; p->tokens[at].kind != VKC_TOKEN_END; at++) {
        depth += p->tokens[at].kind == VKC_TOKEN_LBRACE;
        depth -= p->tokens[at].kind == VKC_TOKEN_RBRACE;
        if (depth == 0)
            return p->tokens[at + 1].kind == VKC_TOKEN_LBRACE &&
                   (p->tokens[at + 1].flags & VKC_FLAG_BREAK) == 0;
    }
    return false;
}

struct vkc_expr *vkc_parse_braces(struct vkc_parser *p)
{
    bool is_empty = vkc_kind_after(p, 1) == VKC_TOKEN_RBRACE;
    if (!is_empty && !is_map(p))
        return vkc_parse_block(p);
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_MAP, vkc_start(p));
    struct vkc_mode mode;
    if (!vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_LITERAL, &mode))
        return vkc_expr_bad(p);
    entries(p, expr);
    vkc_close(p, VKC_TOKEN_RBRACE, mode);
    return vkc_expr_done(p, expr);
}

/* ---- records and objects --------------------------------------------------------------- */

static struct vkc_expr *name_value(struct vkc_parser *p, struct vkc_ident name)
{
    struct vkc_expr *expr =
        vkc_expr_new(p, name.name != NULL ? VKC_EXPR_NAME : VKC_EXPR_BAD, name.span.start);
    expr->name = name;
    expr->span = name.span;
    return expr;
}

static struct vkc_expr *object(struct vkc_parser *p);

/* Inside braces: an object, as opposed to a map or a block. */
static bool is_object(const struct vkc_parser *p)
{
    if (!vkc_is(p, VKC_TOKEN_LBRACE))
        return false;
    enum vkc_token_kind first = vkc_kind_after(p, 1), second = vkc_kind_after(p, 2);
    bool goes_on = second == VKC_TOKEN_COLON || second == VKC_TOKEN_COMMA || second == VKC_TOKEN_RBRACE;
    return first == VKC_TOKEN_RBRACE || (first == VKC_TOKEN_NAME && goes_on);
}

/* `name: e` or `name`. */
static struct vkc_arg named(struct vkc_parser *p, bool is_in_object)
{
    struct vkc_arg arg = {
        .name = vkc_parse_name(p, "a field's name", is_in_object ? VKC_CASE_ANY : VKC_CASE_SMALL)};
    if (!vkc_take(p, VKC_TOKEN_COLON)) {
        arg.is_short = true;
        arg.value = name_value(p, arg.name);
    } else if (is_in_object && is_object(p)) {
        arg.value = object(p);
    } else {
        arg.value = vkc_parse_expr(p);
    }
    return arg;
}

static struct vkc_expr *object(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_OBJECT, vkc_start(p));
    struct vkc_mode mode;
    struct vkc_list fields = {0};
    if (!vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_LITERAL, &mode))
        return vkc_expr_bad(p);
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RBRACE)) {
        struct vkc_arg field = named(p, true);
        vkc_expr_above(p, expr, field.value);
        vkc_list_add(&fields, &field, sizeof field);
        if (!vkc_comma(p, VKC_TOKEN_RBRACE))
            break;
    }
    vkc_close(p, VKC_TOKEN_RBRACE, mode);
    expr->object.count = fields.count;
    expr->object.items = vkc_list_take(p, &fields, sizeof(struct vkc_arg));
    return vkc_expr_done(p, expr);
}

static void base(struct vkc_parser *p, struct vkc_expr *expr, uint32_t fields)
{
    if (expr->record.base != NULL)
        vkc_complain(p, vkc_here(p), "a record takes the rest of its fields from one record only");
    vkc_role(p, VKC_ROLE_LITERAL);
    vkc_advance(p);
    expr->record.base = vkc_parse_expr(p);
    expr->record.base_at = fields;
    vkc_expr_above(p, expr, expr->record.base);
}

struct vkc_expr *vkc_parse_record(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_RECORD, vkc_start(p));
    struct vkc_mode mode;
    struct vkc_list fields = {0};
    expr->record.path = vkc_parse_path(p, vkc_is_capital(p, 0) ? 1 : 2);
    if (!vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_LITERAL, &mode))
        return vkc_expr_bad(p);
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RBRACE)) {
        if (vkc_is(p, VKC_TOKEN_DOTDOT)) {
            base(p, expr, fields.count);
        } else {
            struct vkc_arg field = named(p, false);
            vkc_expr_above(p, expr, field.value);
            vkc_list_add(&fields, &field, sizeof field);
        }
        if (!vkc_comma(p, VKC_TOKEN_RBRACE))
            break;
    }
    vkc_close(p, VKC_TOKEN_RBRACE, mode);
    expr->record.fields.count = fields.count;
    expr->record.fields.items = vkc_list_take(p, &fields, sizeof(struct vkc_arg));
    return vkc_expr_done(p, expr);
}

/* ---- json and requests -------------------------------------------------------------------- */

/* `json` in front of a value on the same line. `json[0]` is an index, `json - 1` a difference. */
bool vkc_is_json(const struct vkc_parser *p)
{
    if (!vkc_is_word(p, "json"))
        return false;
    struct vkc_parser next = *p;
    next.at++;
    if (vkc_at_break(&next) || vkc_is(&next, VKC_TOKEN_MINUS))
        return false;
    if (vkc_is(&next, VKC_TOKEN_LBRACKET))
        return (next.tokens[next.at].flags & VKC_FLAG_SPACED) != 0;
    return vkc_is_operand(&next);
}

/* An Int, and on the same line a value behind it. */
static bool is_status(const struct vkc_parser *p)
{
    if (!vkc_is(p, VKC_TOKEN_INT))
        return false;
    struct vkc_parser next = *p;
    next.at++;
    return !vkc_at_break(&next) && !vkc_is(&next, VKC_TOKEN_MINUS) && vkc_is_operand(&next);
}

struct vkc_expr *vkc_parse_json(struct vkc_parser *p)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_JSON, vkc_start(p));
    if (!vkc_enter(p))
        return vkc_expr_bad(p);
    vkc_advance(p);
    if (is_status(p))
        expr->json.status = vkc_parse_number(p);
    /* In brackets of its own the value ends there, and `.header(...)` is of the response. */
    if (is_object(p))
        expr->json.value = object(p);
    else if (vkc_is(p, VKC_TOKEN_LPAREN) || vkc_is(p, VKC_TOKEN_LBRACKET) || vkc_is(p, VKC_TOKEN_LBRACE))
        expr->json.value = vkc_parse_operand(p);
    else
        expr->json.value = vkc_parse_expr(p);
    vkc_leave(p);
    vkc_expr_above(p, expr, expr->json.value);
    return vkc_expr_done(p, expr);
}

static const char *const methods[VKC_METHOD_COUNT] = {
    [VKC_METHOD_GET] = "GET",         [VKC_METHOD_HEAD] = "HEAD",   [VKC_METHOD_POST] = "POST",
    [VKC_METHOD_PUT] = "PUT",         [VKC_METHOD_PATCH] = "PATCH", [VKC_METHOD_DELETE] = "DELETE",
    [VKC_METHOD_OPTIONS] = "OPTIONS",
};

enum vkc_method vkc_method_word(const struct vkc_parser *p)
{
    enum vkc_method method = VKC_METHOD_GET;
    while (method < VKC_METHOD_COUNT && !vkc_is_word(p, methods[method]))
        method++;
    return method;
}

enum vkc_method vkc_method_here(const struct vkc_parser *p)
{
    enum vkc_token_kind next = vkc_kind_after(p, 1);
    if ((next != VKC_TOKEN_STR && next != VKC_TOKEN_STR_HEAD) ||
        (p->tokens[p->at + 1].flags & VKC_FLAG_BREAK) != 0)
        return VKC_METHOD_COUNT;
    return vkc_method_word(p);
}

struct vkc_expr *vkc_parse_request(struct vkc_parser *p, enum vkc_method method)
{
    struct vkc_expr *expr = vkc_expr_new(p, VKC_EXPR_REQUEST, vkc_start(p));
    struct vkc_list options = {0};
    expr->request.method = method;
    vkc_advance(p);
    expr->request.target = vkc_parse_str(p);
    vkc_expr_above(p, expr, expr->request.target);
    while (!p->is_lost && vkc_is(p, VKC_TOKEN_COMMA) && vkc_kind_after(p, 1) == VKC_TOKEN_NAME &&
           vkc_kind_after(p, 2) == VKC_TOKEN_COLON) {
        vkc_advance(p);
        struct vkc_arg option = {.name = vkc_parse_name(p, "an option", VKC_CASE_SMALL)};
        if (!vkc_name_is(option.name.name, "body") && !vkc_name_is(option.name.name, "headers"))
            vkc_complain(p, option.name.span, "a request takes `body:` and `headers:`");
        vkc_advance(p);
        option.value = vkc_parse_expr(p);
        vkc_expr_above(p, expr, option.value);
        vkc_list_add(&options, &option, sizeof option);
    }
    expr->request.options.count = options.count;
    expr->request.options.items = vkc_list_take(p, &options, sizeof(struct vkc_arg));
    return vkc_expr_done(p, expr);
}
