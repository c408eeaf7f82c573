/* SPDX-License-Identifier: Apache-2.0 */
/* Declarations, but http blocks. */
#include "compiler/parse_impl.h"

/* ---- where declarations begin ------------------------------------------------- */

static bool is_decl_word(enum vkc_token_kind kind, enum vkc_token_kind next)
{
    switch (kind) {
    case VKC_TOKEN_FN:
        return next == VKC_TOKEN_NAME;
    case VKC_TOKEN_PUB:
    case VKC_TOKEN_RECORD:
    case VKC_TOKEN_ENUM:
    case VKC_TOKEN_ACTOR:
    case VKC_TOKEN_SUPERVISE:
    case VKC_TOKEN_HTTP:
    case VKC_TOKEN_TEST:
    case VKC_TOKEN_IMPORT:
    case VKC_TOKEN_SERVICE:
        return true;
    default:
        return false;
    }
}

static bool is_first_column(const struct vkc_parser *p)
{
    uint32_t start = p->tokens[p->at].start;
    return start == 0 || p->source->text[start - 1] == '\n';
}

bool vkc_begins_decl(const struct vkc_parser *p)
{
    enum vkc_token_kind kind = vkc_kind(p);
    return is_first_column(p) && (is_decl_word(kind, vkc_kind_after(p, 1)) || kind == VKC_TOKEN_LET);
}

void vkc_recover_decl(struct vkc_parser *p, uint32_t first)
{
    uint32_t depth = 0;
    p->is_lost = p->is_over;
    p->mode = (struct vkc_mode){0};
    while (!vkc_is(p, VKC_TOKEN_END)) {
        bool is_line = (p->tokens[p->at].flags & VKC_FLAG_NEWLINE) != 0;
        bool is_word = is_decl_word(vkc_kind(p), vkc_kind_after(p, 1));
        bool is_other = is_first_column(p) && !vkc_is(p, VKC_TOKEN_RBRACE) && !vkc_is(p, VKC_TOKEN_LBRACE);
        if (p->at > first && (vkc_begins_decl(p) || (depth == 0 && is_line && (is_word || is_other))))
            return;
        depth += vkc_is(p, VKC_TOKEN_LBRACE);
        depth -= vkc_is(p, VKC_TOKEN_RBRACE) && depth > 0;
        vkc_advance(p);
    }
}

/* ---- types ---------------------------------------------------------------------- */

static struct vkc_idents type_params(struct vkc_parser *p)
{
    struct vkc_list params = {0};
    uint32_t start = vkc_start(p);
    if (p->is_lost || !vkc_is(p, VKC_TOKEN_LT))
        return (struct vkc_idents){0};
    vkc_role(p, VKC_ROLE_ANGLE);
    vkc_advance(p);
    do {
        struct vkc_ident ident = vkc_parse_name(p, "a type parameter", VKC_CASE_CAPITAL);
        vkc_list_add(&params, &ident, sizeof ident);
    } while (vkc_comma(p, VKC_TOKEN_GT));
    if (vkc_is(p, VKC_TOKEN_GT))
        vkc_role(p, VKC_ROLE_ANGLE);
    vkc_expect(p, VKC_TOKEN_GT, "after the type parameters");
    vkc_limit(p, vkc_since(p, start), params.count, VKC_TYPE_PARAMS_MAX, "type parameters");
    uint32_t count = params.count;
    return (struct vkc_idents){vkc_list_take(p, &params, sizeof(struct vkc_ident)), count};
}

static struct vkc_field record_field(struct vkc_parser *p)
{
    struct vkc_field field = {.is_var = vkc_take(p, VKC_TOKEN_VAR)};
    field.name = vkc_parse_name(p, "a field's name", VKC_CASE_SMALL);
    if (vkc_expect(p, VKC_TOKEN_COLON, "and the field's type"))
        field.type = vkc_parse_type(p);
    return field;
}

static struct vkc_decl *record(struct vkc_parser *p, struct vkc_decl *decl)
{
    struct vkc_mode mode;
    struct vkc_list fields = {0};
    decl->name = vkc_parse_name(p, "the record's name", VKC_CASE_CAPITAL);
    decl->record.type_params = type_params(p);
    if (!vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_LITERAL, &mode))
        return decl;
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RBRACE)) {
        struct vkc_field field = record_field(p);
        vkc_list_add(&fields, &field, sizeof field);
        if (!vkc_comma(p, VKC_TOKEN_RBRACE))
            break;
    }
    vkc_close(p, VKC_TOKEN_RBRACE, mode);
    vkc_limit(p, decl->name.span, fields.count, VKC_FIELDS_MAX, "fields of a record");
    decl->record.fields.count = fields.count;
    decl->record.fields.items = vkc_list_take(p, &fields, sizeof(struct vkc_field));
    return decl;
}

static struct vkc_field payload(struct vkc_parser *p)
{
    struct vkc_field field = {0};
    if (vkc_is(p, VKC_TOKEN_NAME) && vkc_kind_after(p, 1) == VKC_TOKEN_COLON) {
        field.name = vkc_parse_name(p, "a name", VKC_CASE_SMALL);
        vkc_advance(p);
    }
    field.type = vkc_parse_type(p);
    return field;
}

static void check_payload(struct vkc_parser *p, const struct vkc_variant *variant)
{
    for (uint32_t i = 1; i < variant->payload.count; i++) {
        bool is_named = variant->payload.items[i].name.name != NULL;
        if (is_named != (variant->payload.items[0].name.name != NULL)) {
            vkc_complain(p, variant->name.span, "of a variant's payload either every part is named or none");
            return;
        }
    }
    vkc_limit(p, variant->name.span, variant->payload.count, VKC_PAYLOAD_MAX, "payload of a variant");
}

static struct vkc_variant variant(struct vkc_parser *p)
{
    struct vkc_variant variant = {.name = vkc_parse_name(p, "a variant's name", VKC_CASE_CAPITAL)};
    struct vkc_mode mode;
    struct vkc_list fields = {0};
    if (p->is_lost || !vkc_is(p, VKC_TOKEN_LPAREN) || !vkc_open(p, VKC_TOKEN_LPAREN, VKC_ROLE_CALL, &mode))
        return variant;
    if (vkc_is(p, VKC_TOKEN_RPAREN))
        vkc_complain(p, variant.name.span, "a variant without a payload has no parentheses");
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RPAREN)) {
        struct vkc_field field = payload(p);
        vkc_list_add(&fields, &field, sizeof field);
        if (!vkc_comma(p, VKC_TOKEN_RPAREN))
            break;
    }
    vkc_close(p, VKC_TOKEN_RPAREN, mode);
    variant.payload.count = fields.count;
    variant.payload.items = vkc_list_take(p, &fields, sizeof(struct vkc_field));
    check_payload(p, &variant);
    return variant;
}

static struct vkc_decl *enumeration(struct vkc_parser *p, struct vkc_decl *decl)
{
    struct vkc_mode mode;
    struct vkc_list variants = {0};
    decl->name = vkc_parse_name(p, "the enum's name", VKC_CASE_CAPITAL);
    decl->enumeration.type_params = type_params(p);
    if (!vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_LITERAL, &mode))
        return decl;
    while (!p->is_lost && !vkc_is(p, VKC_TOKEN_RBRACE)) {
        struct vkc_variant one = variant(p);
        vkc_list_add(&variants, &one, sizeof one);
        if (!vkc_comma(p, VKC_TOKEN_RBRACE))
            break;
    }
    vkc_close(p, VKC_TOKEN_RBRACE, mode);
    vkc_limit(p, decl->name.span, variants.count, VKC_VARIANTS_MAX, "variants of an enum");
    if (variants.count == 0)
        vkc_complain(p, decl->name.span, "an enum has at least one variant");
    decl->enumeration.count = variants.count;
    decl->enumeration.variants = vkc_list_take(p, &variants, sizeof(struct vkc_variant));
    return decl;
}

/* ---- functions, actors, supervisors, tests -------------------------------------------- */

/* From the parameters on. */
static void function(struct vkc_parser *p, struct vkc_fn *fn)
{
    vkc_parse_params(p, &fn->params, false);
    if (vkc_take(p, VKC_TOKEN_ARROW))
        fn->result = vkc_parse_type(p);
    if (!p->is_lost && vkc_is(p, VKC_TOKEN_FAT_ARROW)) {
        struct vkc_diag *diag = vkc_expected(p, "`{`");
        vkc_help(p, diag, "the body of a named function stands in braces");
    } else if (!p->is_lost && vkc_is(p, VKC_TOKEN_COLON)) {
        struct vkc_diag *diag = vkc_expected(p, "`->` or `{`");
        vkc_help(p, diag, "the result's type stands after `->`");
    }
    if (!fn->is_host || p->is_lost || vkc_is(p, VKC_TOKEN_LBRACE))
        fn->body = vkc_parse_block(p);
}

static struct vkc_decl *named_fn(struct vkc_parser *p, struct vkc_decl *decl)
{
    decl->name = vkc_parse_name(p, "the function's name", VKC_CASE_SMALL);
    decl->fn.type_params = type_params(p);
    function(p, &decl->fn);
    return decl;
}

/* `host fn price(item: Str) -> Float`, behind its first word, which is a keyword nowhere else. */
static struct vkc_decl *host_fn(struct vkc_parser *p, struct vkc_decl *decl)
{
    vkc_advance(p);
    decl->fn.is_host = true;
    if (!vkc_expect(p, VKC_TOKEN_FN, "and the function's name, as in `host fn price(item: Str) -> Float`"))
        return decl;
    decl = named_fn(p, decl);
    if (decl->fn.type_params.count > 0)
        vkc_complain(p, decl->name.span, "a function of the host has no type parameters");
    return decl;
}

static struct vkc_member member(struct vkc_parser *p)
{
    struct vkc_member member = {.span = vkc_here(p)};
    vkc_role(p, VKC_ROLE_FIRST);
    if (vkc_is(p, VKC_TOKEN_LET) || vkc_is(p, VKC_TOKEN_VAR)) {
        member.kind = VKC_MEMBER_VAR;
        member.var = vkc_parse_let(p);
    } else if (vkc_take(p, VKC_TOKEN_ON)) {
        member.kind = VKC_MEMBER_ON;
        member.name = vkc_parse_name(p, "the method's name", VKC_CASE_SMALL);
        function(p, &member.fn);
    } else if (vkc_take(p, VKC_TOKEN_EVERY)) {
        member.kind = VKC_MEMBER_EVERY;
        member.period = vkc_parse_head(p, "a Duration");
        member.body = vkc_parse_block(p);
    } else {
        bool is_fn = vkc_is(p, VKC_TOKEN_FN);
        struct vkc_diag *diag = vkc_expected(p, "`on`, `let`, `var`, `every` or `}`");
        if (is_fn)
            vkc_help(p, diag, "a method of an actor begins with `on`; functions stand outside");
    }
    vkc_end_line(p);
    member.span = vkc_since(p, member.span.start);
    return member;
}

static struct vkc_decl *actor(struct vkc_parser *p, struct vkc_decl *decl)
{
    struct vkc_mode mode;
    struct vkc_list members = {0};
    decl->name = vkc_parse_name(p, "the actor's name", VKC_CASE_CAPITAL);
    vkc_parse_params(p, &decl->actor.params, false);
    while (!p->is_lost && vkc_take(p, VKC_TOKEN_COMMA))
        vkc_parse_actor_option(p, &decl->actor.options);
    if (!vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_NONE, &mode))
        return decl;
    while (!vkc_is(p, VKC_TOKEN_RBRACE) && !vkc_is(p, VKC_TOKEN_END) && !vkc_begins_decl(p)) {
        uint32_t first = p->at;
        struct vkc_member one = member(p);
        if (p->is_lost)
            vkc_recover(p, first);
        else
            vkc_list_add(&members, &one, sizeof one);
    }
    vkc_close_block(p, mode);
    decl->actor.count = members.count;
    decl->actor.members = vkc_list_take(p, &members, sizeof(struct vkc_member));
    return decl;
}

static void strategy(struct vkc_parser *p, struct vkc_decl *decl)
{
    static const char *const names[] = {"restart", "rest", "all"};
    uint32_t i = vkc_parse_word(p, names, VK_COUNT(names), "`restart`, `rest` or `all`");
    if (i < VK_COUNT(names))
        decl->supervise.strategy = (enum vkc_strategy)i;
}

/* `(max: N, per: D)`, in any order. */
static void intensity(struct vkc_parser *p, struct vkc_decl *decl)
{
    uint32_t start = vkc_start(p);
    struct vkc_args args = vkc_parse_args(p);
    for (uint32_t i = 0; i < args.count; i++) {
        const struct vkc_arg *arg = &args.items[i];
        bool is_max = vkc_name_is(arg->name.name, "max");
        struct vkc_expr **place = is_max ? &decl->supervise.max : &decl->supervise.per;
        if (!is_max && !vkc_name_is(arg->name.name, "per"))
            vkc_complain(p, arg->value->span, "a supervisor takes `max:` and `per:`");
        else if (*place != NULL)
            vkc_complain(p, arg->name.span, "`%s` is given twice", is_max ? "max" : "per");
        *place = arg->value;
    }
    if (decl->supervise.max == NULL || decl->supervise.per == NULL)
        vkc_complain(p, vkc_since(p, start), "a supervisor needs both: `(max: 5, per: 10s)`");
}

static struct vkc_child child(struct vkc_parser *p)
{
    vkc_role(p, VKC_ROLE_FIRST);
    struct vkc_child child = {.name = vkc_parse_name(p, "an actor's name or `}`", VKC_CASE_SMALL)};
    child.start = vkc_expect(p, VKC_TOKEN_ASSIGN, "and the actor") ? vkc_parse_expr(p) : vkc_expr_bad(p);
    if (child.start->kind != VKC_EXPR_CALL && child.start->kind != VKC_EXPR_BAD) {
        vkc_complain(p, child.start->span, "expected an actor with its arguments, as in `Counter(10)`");
        child.start = vkc_expr_bad(p);
    }
    vkc_end_line(p);
    return child;
}

static struct vkc_decl *supervise(struct vkc_parser *p, struct vkc_decl *decl)
{
    struct vkc_mode mode;
    struct vkc_list children = {0};
    strategy(p, decl);
    intensity(p, decl);
    if (!vkc_open(p, VKC_TOKEN_LBRACE, VKC_ROLE_NONE, &mode))
        return decl;
    while (!vkc_is(p, VKC_TOKEN_RBRACE) && !vkc_is(p, VKC_TOKEN_END) && !vkc_begins_decl(p)) {
        uint32_t first = p->at;
        struct vkc_child one = child(p);
        if (p->is_lost)
            vkc_recover(p, first);
        else
            vkc_list_add(&children, &one, sizeof one);
    }
    vkc_close_block(p, mode);
    decl->supervise.count = children.count;
    decl->supervise.children = vkc_list_take(p, &children, sizeof(struct vkc_child));
    return decl;
}

static struct vkc_decl *test(struct vkc_parser *p, struct vkc_decl *decl)
{
    decl->test.title = vkc_parse_plain_str(p, "the test's name");
    decl->test.body = vkc_parse_block(p);
    return decl;
}

static struct vkc_decl *let(struct vkc_parser *p, struct vkc_decl *decl)
{
    decl->let = vkc_parse_let(p);
    decl->name = decl->let->let.name;
    if (decl->name.name == NULL)
        vkc_complain(p, decl->name.span, "a top-level `let` has a name");
    return decl;
}

/* ---- a module --------------------------------------------------------------------------- */

static void unknown_decl(struct vkc_parser *p)
{
    struct vkc_nearest nearest;
    size_t len;
    const char *text = vkc_token_text(p, p->at, &len);
    enum vkc_token_kind kind = vkc_kind(p);
    if (kind == VKC_TOKEN_VAR) {
        struct vkc_diag *diag = vkc_refuse(p, vkc_here(p), "there is no top-level `var`");
        vkc_help(p, diag, "what changes lives in an actor");
        return;
    }
    struct vkc_diag *diag = vkc_expected(p, "a declaration");
    if (kind != VKC_TOKEN_NAME || diag == NULL)
        return;
    static const char *const known[] = {"fn",  "record", "enum", "actor",   "supervise", "http", "test",
                                        "let", "import", "pub",  "service", "store",     "host"};
    static const char *const foreign[][2] = {{"func", "fn"},        {"def", "fn"},        {"function", "fn"},
                                             {"struct", "record"},  {"class", "record"},  {"type", "record"},
                                             {"const", "let"},      {"use", "import"},    {"public", "pub"},
                                             {"module", "service"}, {"external", "host"}, {"extern", "host"}};
    vkc_nearest_init(&nearest, text, len);
    for (size_t i = 0; i < VK_COUNT(known); i++)
        vkc_nearest_offer(&nearest, known[i]);
    for (size_t i = 0; i < VK_COUNT(foreign); i++) {
        if (strlen(foreign[i][0]) == len && memcmp(foreign[i][0], text, len) == 0)
            nearest.best = foreign[i][1];
    }
    vkc_nearest_help(&nearest, &p->program->diags, diag);
}

static struct vkc_decl *by_word(struct vkc_parser *p, struct vkc_decl *decl)
{
    static const struct {
        enum vkc_token_kind word;
        enum vkc_decl_kind kind;
        struct vkc_decl *(*parse)(struct vkc_parser *p, struct vkc_decl *decl);
    } table[] = {
        {VKC_TOKEN_FN, VKC_DECL_FN, named_fn},           {VKC_TOKEN_RECORD, VKC_DECL_RECORD, record},
        {VKC_TOKEN_ENUM, VKC_DECL_ENUM, enumeration},    {VKC_TOKEN_ACTOR, VKC_DECL_ACTOR, actor},
        {VKC_TOKEN_HTTP, VKC_DECL_HTTP, vkc_parse_http}, {VKC_TOKEN_SUPERVISE, VKC_DECL_SUPERVISE, supervise},
        {VKC_TOKEN_TEST, VKC_DECL_TEST, test},
    };
    if (vkc_is(p, VKC_TOKEN_LET)) {
        decl->kind = VKC_DECL_LET;
        return let(p, decl);
    }
    if (vkc_is(p, VKC_TOKEN_NAME) && vkc_is_word(p, "host")) {
        decl->kind = VKC_DECL_FN;
        return host_fn(p, decl);
    }
    if (vkc_is_store(p)) {
        decl->kind = VKC_DECL_STORE;
        return vkc_parse_store(p, decl);
    }
    for (size_t i = 0; i < VK_COUNT(table); i++) {
        if (vkc_take(p, table[i].word)) {
            decl->kind = table[i].kind;
            return table[i].parse(p, decl);
        }
    }
    unknown_decl(p);
    return decl;
}

/* The /// comments directly before a token. */
static void find_doc(const struct vkc_parser *p, struct vkc_decl *decl)
{
    const struct vkc_tokens *tokens = &p->module->tokens;
    uint32_t low = 0, high = tokens->comments_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tokens->comments[middle].before < p->at)
            low = middle + 1;
        else
            high = middle;
    }
    decl->doc_first = low;
    for (; low < tokens->comments_count && tokens->comments[low].before == p->at; low++) {
        if (tokens->comments[low].is_doc)
            decl->doc_count++;
        else
            decl->doc_first = low + 1, decl->doc_count = 0;
    }
}

static void check_pub(struct vkc_parser *p, const struct vkc_decl *decl, struct vkc_span pub)
{
    if (decl->is_pub && (decl->kind == VKC_DECL_HTTP || decl->kind == VKC_DECL_TEST))
        vkc_complain(p, pub, "`pub` says nothing here: %s has no name",
                     decl->kind == VKC_DECL_HTTP ? "an http block" : "a test");
}

static struct vkc_decl *declaration(struct vkc_parser *p)
{
    struct vkc_decl *decl = VKC_NEW(&p->program->arena, struct vkc_decl);
    struct vkc_span start = vkc_here(p);
    find_doc(p, decl);
    vkc_role(p, VKC_ROLE_FIRST);
    decl->is_pub = vkc_take(p, VKC_TOKEN_PUB);
    decl = by_word(p, decl);
    check_pub(p, decl, start);
    if (!p->is_lost && !vkc_at_break(p))
        vkc_expected(p, "the end of the line");
    decl->span = vkc_since(p, start.start);
    return decl;
}

static struct vkc_import import(struct vkc_parser *p)
{
    struct vkc_import import = {.span = vkc_here(p)};
    struct vkc_list path = {0};
    vkc_role(p, VKC_ROLE_FIRST);
    vkc_advance(p);
    do {
        struct vkc_ident ident = vkc_parse_name(p, "a module's name", VKC_CASE_SMALL);
        vkc_list_add(&path, &ident, sizeof ident);
        if (!vkc_is(p, VKC_TOKEN_SLASH))
            break;
        vkc_role(p, VKC_ROLE_CALL);
        vkc_advance(p);
    } while (!p->is_lost);
    import.path.count = path.count;
    import.path.items = vkc_list_take(p, &path, sizeof(struct vkc_ident));
    import.alias = import.path.items[import.path.count - 1];
    if (!p->is_lost && !vkc_at_break(p) && vkc_is_word(p, "as")) {
        vkc_advance(p);
        import.alias = vkc_parse_name(p, "a name", VKC_CASE_SMALL);
    }
    if (!p->is_lost && !vkc_at_break(p))
        vkc_expected(p, "the end of the line");
    import.span = vkc_since(p, import.span.start);
    return import;
}

static void service(struct vkc_parser *p)
{
    vkc_role(p, VKC_ROLE_FIRST);
    vkc_advance(p);
    p->module->service = vkc_parse_name(p, "the service's name", VKC_CASE_ANY);
    if (!p->is_lost && !vkc_at_break(p))
        vkc_expected(p, "the end of the line");
}

/* `service` and `import` come first; later ones are reported and taken. */
static void leading(struct vkc_parser *p, struct vkc_list *imports, bool is_late)
{
    bool is_import = vkc_is(p, VKC_TOKEN_IMPORT);
    if (is_import && is_late)
        vkc_complain(p, vkc_here(p), "imports come before the declarations");
    else if (!is_import && (is_late || imports->count > 0 || p->module->service.name != NULL))
        vkc_complain(p, vkc_here(p), "`service` comes first, once");
    if (is_import) {
        struct vkc_import one = import(p);
        vkc_list_add(imports, &one, sizeof one);
    } else {
        service(p);
    }
}

void vkc_parse_decls(struct vkc_parser *p)
{
    struct vkc_list imports = {0}, decls = {0};
    while (!vkc_is(p, VKC_TOKEN_END)) {
        uint32_t first = p->at;
        if (vkc_is(p, VKC_TOKEN_SERVICE) || vkc_is(p, VKC_TOKEN_IMPORT)) {
            leading(p, &imports, decls.count > 0);
        } else {
            struct vkc_decl *decl = declaration(p);
            vkc_list_add(&decls, &decl, sizeof decl);
        }
        if (p->is_lost)
            vkc_recover_decl(p, first);
    }
    p->module->imports_count = imports.count;
    p->module->imports = vkc_list_take(p, &imports, sizeof(struct vkc_import));
    p->module->decls_count = decls.count;
    p->module->decls = vkc_list_take(p, &decls, sizeof(struct vkc_decl *));
}
