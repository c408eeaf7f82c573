/* SPDX-License-Identifier: Apache-2.0 */
/* http blocks: options, routes with their patterns, error and crash clauses. */
#include "compiler/parse_impl.h"

/* ---- options ------------------------------------------------------------------- */

void vkc_parse_size(struct vkc_parser *p, uint64_t min, uint64_t max, const char *bounds, uint64_t *ret_bytes)
{
    size_t len;
    const char *text = vkc_token_text(p, p->at, &len);
    if (!vkc_is(p, VKC_TOKEN_SIZE)) {
        vkc_expected(p, "a size, as in `64k` or `1m`");
        return;
    }
    if (!vkc_literal_size(text, len, ret_bytes) || *ret_bytes > max || *ret_bytes < min)
        vkc_complain(p, vkc_here(p), "%s", bounds);
    vkc_advance(p);
}

void vkc_parse_duration(struct vkc_parser *p, int64_t *ret_ns)
{
    size_t len;
    const char *text = vkc_token_text(p, p->at, &len);
    if (!vkc_is(p, VKC_TOKEN_DURATION)) {
        vkc_expected(p, "a Duration, as in `5ms`");
        return;
    }
    if (!vkc_literal_duration(text, len, ret_ns) || *ret_ns == 0)
        vkc_complain(p, vkc_here(p), "this Duration is %s", *ret_ns == 0 ? "no time at all" : "too long");
    vkc_advance(p);
}

static void option(struct vkc_parser *p, struct vkc_http_options *options)
{
    static const char *const names[] = {"heap", "cpu", "deadline"};
    struct vkc_span *const given[] = {&options->heap_span, &options->cpu_span, &options->deadline_span};
    switch (vkc_parse_option(p, names, VK_COUNT(names), "`heap:`, `cpu:` or `deadline:`", given)) {
    case 0:
        vkc_parse_size(p, 1, VKC_HEAP_MAX_BYTES, "a heap has 1k to 256m", &options->heap_bytes);
        break;
    case 1:
        vkc_parse_duration(p, &options->cpu_ns);
        break;
    case 2:
        vkc_parse_duration(p, &options->deadline_ns);
        break;
    default:
        break;
    }
}

void vkc_parse_actor_option(struct vkc_parser *p, struct vkc_http_options *options)
{
    if (vkc_is_word(p, "heap") || vkc_is_word(p, "cpu"))
        option(p, options);
    else
        vkc_expected(p, "`heap:` or `cpu:`, which is all that may be said of an actor");
}

static void address(struct vkc_parser *p, struct vkc_decl *decl)
{
    decl->http.address = vkc_expr_bad(p);
    vkc_expect(p, VKC_TOKEN_ON, "and a port");
    if (p->is_lost)
        return;
    if (!vkc_is(p, VKC_TOKEN_INT)) {
        decl->http.address =
            vkc_parse_plain_str(p, "a port or an address, as in `8080` or `\"127.0.0.1:8080\"`");
        return;
    }
    decl->http.address = vkc_parse_number(p);
    if (decl->http.address->number > UINT16_MAX)
        vkc_complain(p, decl->http.address->span, "a port is 0 to 65535");
}

/* ---- routes ----------------------------------------------------------------------- */

/* Where in a route's text the reader is. */
enum place {
    PLACE_START,   /* nothing yet */
    PLACE_SLASH,   /* behind a /: a segment may begin */
    PLACE_LITERAL, /* in or behind a literal segment */
    PLACE_CAPTURE, /* behind a {name} */
    PLACE_MARK,    /* behind the ? or an &: a parameter follows */
    PLACE_QUERY,   /* behind a parameter */
};

/* A route while its text is read. */
struct route {
    struct vkc_clause *clause;
    struct vkc_list segments;
    struct vkc_list query;
    uint32_t captures;
    enum place place;
};

static const char begins[] = "a route's path begins with `/`";
static const char whole[] = "a `{name}` is a whole segment of the path";
static const char query_form[] = "query parameters are written `?{a}&{b: Int}`";

/* Literal bytes of the path: segments, each behind a /. */
static void path_bytes(struct vkc_parser *p, struct route *route, const char *bytes, uint32_t len,
                       struct vkc_span span)
{
    for (uint32_t at = 0; at < len;) {
        uint32_t start = at;
        if (bytes[at] == '/') {
            if (route->place == PLACE_SLASH)
                vkc_complain(p, span, "a segment of a route's path is not empty");
            route->place = PLACE_SLASH;
            at++;
            continue;
        }
        while (at < len && bytes[at] != '/')
            at++;
        struct vkc_segment segment = {.bytes = bytes + start, .len_bytes = at - start, .span = span};
        if (route->place != PLACE_SLASH)
            vkc_complain(p, span, "%s", route->place == PLACE_START ? begins : whole);
        vkc_list_add(&route->segments, &segment, sizeof segment);
        route->place = PLACE_LITERAL;
    }
}

/* The end of the path: a last / is an empty segment, unless it is all. */
static void end_path(struct vkc_parser *p, struct route *route, struct vkc_span span)
{
    struct vkc_segment empty = {.bytes = "", .span = span};
    if (route->place == PLACE_START)
        vkc_complain(p, span, "%s", begins);
    else if (route->place == PLACE_SLASH && route->segments.count > 0)
        vkc_list_add(&route->segments, &empty, sizeof empty);
}

static void literal(struct vkc_parser *p, struct route *route, const struct vkc_str_part *part)
{
    const char *bytes = part->bytes;
    uint32_t len = part->len_bytes;
    if (route->place < PLACE_MARK) {
        const char *mark = memchr(bytes, '?', len);
        uint32_t path_len = mark != NULL ? (uint32_t)(mark - bytes) : len;
        path_bytes(p, route, bytes, path_len, part->span);
        if (mark == NULL)
            return;
        end_path(p, route, part->span);
        route->place = PLACE_MARK;
        if (path_len + 1 < len)
            vkc_complain(p, part->span, "%s", query_form);
        return;
    }
    bool is_and = len == 1 && bytes[0] == '&' && route->place == PLACE_QUERY;
    if (len > 0 && !is_and)
        vkc_complain(p, part->span, "%s", query_form);
    if (len > 0)
        route->place = PLACE_MARK;
}

static void capture(struct vkc_parser *p, struct route *route)
{
    uint32_t start = vkc_start(p);
    struct vkc_param param = {.name = vkc_parse_name(p, "a parameter", VKC_CASE_SMALL)};
    if (vkc_take(p, VKC_TOKEN_COLON))
        param.type = vkc_parse_type(p);
    if (vkc_take(p, VKC_TOKEN_ASSIGN))
        param.value = vkc_parse_expr(p);
    struct vkc_span span = vkc_since(p, start);
    if (route->place >= PLACE_MARK) {
        if (route->place != PLACE_MARK)
            vkc_complain(p, span, "%s", query_form);
        vkc_list_add(&route->query, &param, sizeof param);
        route->place = PLACE_QUERY;
        return;
    }
    struct vkc_segment segment = {.is_capture = true, .capture = param, .span = span};
    if (route->place != PLACE_SLASH)
        vkc_complain(p, span, "%s", route->place == PLACE_START ? begins : whole);
    else if (param.value != NULL)
        vkc_complain(p, span, "only a query parameter has a default");
    vkc_list_add(&route->segments, &segment, sizeof segment);
    route->captures++;
    route->place = PLACE_CAPTURE;
}

static struct vkc_str_part piece(struct vkc_parser *p)
{
    static const struct vkc_text_rules rules = {0};
    const struct vkc_token *token = &p->tokens[p->at];
    struct vkc_str_part part = {
        .span = {p->source->base + token->start + 1, p->source->base + token->end - 1}};
    part.bytes = vkc_literal_text(p->program, part.span, &rules, false, &part.len_bytes);
    return part;
}

static void route_text(struct vkc_parser *p, struct route *route)
{
    struct vkc_mode mode = p->mode;
    bool is_last = false;
    if (vkc_is_cut(p) || (!vkc_is(p, VKC_TOKEN_STR) && !vkc_is(p, VKC_TOKEN_STR_HEAD)))
        vkc_expected(p, "the route, a text as in `\"/links/{id}\"`");
    if (p->tokens[p->at].flags & VKC_FLAG_TRIPLE) {
        vkc_refuse(p, vkc_here(p), "a route is a text on one line");
        return;
    }
    while (!p->is_lost && !is_last) {
        if (vkc_kind(p) < VKC_TOKEN_STR || vkc_kind(p) > VKC_TOKEN_STR_TAIL) {
            vkc_expected(p, "`}`");
            break;
        }
        struct vkc_str_part part = piece(p);
        is_last = vkc_is(p, VKC_TOKEN_STR) || vkc_is(p, VKC_TOKEN_STR_TAIL);
        literal(p, route, &part);
        vkc_advance(p);
        p->mode = (struct vkc_mode){.no_lines = true};
        if (!is_last)
            capture(p, route);
        p->mode = mode;
    }
}

static void check_route(struct vkc_parser *p, struct route *route)
{
    const struct vkc_clause *clause = route->clause;
    if (route->place == PLACE_MARK)
        vkc_complain(p, clause->pattern_span, "%s", query_form);
    else if (route->place < PLACE_MARK)
        end_path(p, route, clause->pattern_span);
    vkc_limit(p, clause->pattern_span, route->captures, VKC_CAPTURES_MAX, "captures of a route");
    vkc_limit(p, clause->pattern_span, route->query.count, VKC_QUERY_MAX, "query parameters of a route");
}

static void route_clause(struct vkc_parser *p, struct vkc_clause *clause, enum vkc_method method)
{
    struct route route = {.clause = clause};
    clause->method = method;
    vkc_advance(p);
    uint32_t start = vkc_start(p);
    route_text(p, &route);
    clause->pattern_span = vkc_since(p, start);
    check_route(p, &route);
    clause->segments_count = route.segments.count;
    clause->segments = vkc_list_take(p, &route.segments, sizeof(struct vkc_segment));
    clause->query.count = route.query.count;
    clause->query.items = vkc_list_take(p, &route.query, sizeof(struct vkc_param));
    if (!p->is_lost && vkc_is(p, VKC_TOKEN_LBRACE)) {
        clause->body = vkc_parse_block(p);
        return;
    }
    if (vkc_is(p, VKC_TOKEN_FAT_ARROW))
        vkc_role(p, VKC_ROLE_ARM);
    clause->body = vkc_expect(p, VKC_TOKEN_FAT_ARROW, "or a block") ? vkc_parse_body(p) : vkc_expr_bad(p);
}

/* ---- clauses ------------------------------------------------------------------------ */

static void arrow_body(struct vkc_parser *p, struct vkc_clause *clause)
{
    if (vkc_is(p, VKC_TOKEN_FAT_ARROW))
        vkc_role(p, VKC_ROLE_ARM);
    clause->body = vkc_expect(p, VKC_TOKEN_FAT_ARROW, "and a response") ? vkc_parse_body(p) : vkc_expr_bad(p);
}

static void unknown_clause(struct vkc_parser *p)
{
    static const char *const words[] = {"GET",    "HEAD",    "POST",  "PUT",  "PATCH",
                                        "DELETE", "OPTIONS", "error", "crash"};
    struct vkc_nearest nearest;
    size_t len;
    const char *text = vkc_token_text(p, p->at, &len);
    bool is_name = vkc_is(p, VKC_TOKEN_NAME);
    vkc_nearest_init(&nearest, text, len);
    for (size_t i = 0; i < VK_COUNT(words); i++)
        vkc_nearest_offer(&nearest, words[i]);
    struct vkc_diag *diag = vkc_expected(p, "a route, `error`, `crash` or `}`");
    if (diag != NULL && is_name)
        vkc_nearest_help(&nearest, &p->program->diags, diag);
}

static struct vkc_clause clause(struct vkc_parser *p)
{
    struct vkc_clause clause = {.span = vkc_here(p)};
    enum vkc_method method = vkc_method_word(p);
    vkc_role(p, VKC_ROLE_FIRST);
    if (method != VKC_METHOD_COUNT) {
        clause.kind = VKC_CLAUSE_ROUTE;
        route_clause(p, &clause, method);
    } else if (vkc_is_word(p, "error")) {
        clause.kind = VKC_CLAUSE_ERROR;
        vkc_advance(p);
        clause.pattern = vkc_parse_pattern(p);
        arrow_body(p, &clause);
    } else if (vkc_is_word(p, "crash")) {
        clause.kind = VKC_CLAUSE_CRASH;
        vkc_advance(p);
        arrow_body(p, &clause);
    } else {
        unknown_clause(p);
        clause.body = vkc_expr_bad(p);
    }
    vkc_end_line(p);
    clause.span = vkc_since(p, clause.span.start);
    return clause;
}

static void clauses(struct vkc_parser *p, struct vkc_decl *decl)
{
    struct vkc_list list = {0};
    uint32_t routes = 0;
    struct vkc_span crash = {0, 0};
    while (!vkc_is(p, VKC_TOKEN_RBRACE) && !vkc_is(p, VKC_TOKEN_END) && !vkc_begins_decl(p)) {
        uint32_t first = p->at;
        struct vkc_clause one = clause(p);
        if (p->is_lost) {
            vkc_recover(p, first);
            continue;
        }
        if (one.kind == VKC_CLAUSE_CRASH && crash.start != 0)
            vkc_complain(p, one.span, "a block has one `crash` clause");
        if (one.kind == VKC_CLAUSE_CRASH)
            crash = one.span;
        routes += one.kind == VKC_CLAUSE_ROUTE;
        vkc_list_add(&list, &one, sizeof one);
    }
    vkc_limit(p, decl->http.address->span, routes, VKC_ROUTES_MAX, "routes of a block");
    decl->http.count = list.count;
    decl->http.clauses = vkc_list_take(p, &list, sizeof(struct vkc_clause));
}

struct vkc_decl *vkc_parse_http(struct vkc_parser *p, struct vkc_decl *decl)
{
    struct vkc_mode mode;
    address(p, decl);
    while (vkc_take(p, VKC_TOKEN_COMMA))
        option(p, &decl->http.options);
    if (!vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_NONE, &mode))
        return decl;
    clauses(p, decl);
    vkc_close_block(p, mode);
    return decl;
}
