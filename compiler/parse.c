/* SPDX-License-Identifier: Apache-2.0 */
/* What the parser's files share: tokens, messages, brackets, getting found again. */
#include "compiler/parse_impl.h"

#include "compiler/types.h"

void vkc_list_add(struct vkc_list *list, const void *item, size_t item_bytes)
{
    if (list->count == list->room) {
        list->room = list->room != 0 ? list->room * 2 : 8;
        list->items = vkc_grow(list->items, list->room * item_bytes);
    }
    memcpy((char *)list->items + list->count * item_bytes, item, item_bytes);
    list->count++;
}

void *vkc_list_take(struct vkc_parser *p, struct vkc_list *list, size_t item_bytes)
{
    void *items = NULL;
    if (list->count > 0)
        items = vkc_arena_copy(&p->program->arena, list->items, list->count * item_bytes);
    vkc_free(list->items);
    *list = (struct vkc_list){0};
    return items;
}

/* ---- tokens ------------------------------------------------------------------ */

enum vkc_token_kind vkc_kind(const struct vkc_parser *p)
{
    return (enum vkc_token_kind)p->tokens[p->at].kind;
}

enum vkc_token_kind vkc_kind_after(const struct vkc_parser *p, uint32_t tokens)
{
    uint32_t left = p->module->tokens.count - 1 - p->at;
    return (enum vkc_token_kind)p->tokens[p->at + (tokens < left ? tokens : left)].kind;
}

bool vkc_is(const struct vkc_parser *p, enum vkc_token_kind kind)
{
    return vkc_kind(p) == kind;
}

bool vkc_at_break(const struct vkc_parser *p)
{
    return !p->mode.no_lines && (p->tokens[p->at].flags & VKC_FLAG_BREAK) != 0;
}

const char *vkc_token_text(const struct vkc_parser *p, uint32_t at, size_t *ret_len)
{
    *ret_len = p->tokens[at].end - p->tokens[at].start;
    return p->source->text + p->tokens[at].start;
}

bool vkc_is_word(const struct vkc_parser *p, const char *word)
{
    size_t len;
    const char *text = vkc_token_text(p, p->at, &len);
    return vkc_is(p, VKC_TOKEN_NAME) && strlen(word) == len && memcmp(text, word, len) == 0;
}

void vkc_role(struct vkc_parser *p, enum vkc_token_role role)
{
    p->tokens[p->at].role = (uint8_t)role;
}

void vkc_advance(struct vkc_parser *p)
{
    p->last = p->at;
    if (!vkc_is(p, VKC_TOKEN_END))
        p->at++;
}

/* A newline in front ends the statement, unless the token begins the next one. */
bool vkc_is_cut(const struct vkc_parser *p)
{
    return vkc_at_break(p) && p->tokens[p->at].role != VKC_ROLE_FIRST;
}

bool vkc_take(struct vkc_parser *p, enum vkc_token_kind kind)
{
    if (p->is_lost || !vkc_is(p, kind) || vkc_is_cut(p))
        return false;
    vkc_advance(p);
    return true;
}

struct vkc_span vkc_here(const struct vkc_parser *p)
{
    const struct vkc_token *token = &p->tokens[p->at];
    return (struct vkc_span){p->source->base + token->start, p->source->base + token->end};
}

uint32_t vkc_start(const struct vkc_parser *p)
{
    return vkc_here(p).start;
}

struct vkc_span vkc_since(const struct vkc_parser *p, uint32_t start)
{
    uint32_t end = p->source->base + p->tokens[p->last].end;
    return (struct vkc_span){start, end > start ? end : start};
}

/* ---- messages ---------------------------------------------------------------- */

static struct vkc_diag *report(struct vkc_parser *p, struct vkc_span span, const char *format,
                               va_list arguments)
{
    struct vkc_text text = {0};
    vkc_text_vprint(&text, format, arguments);
    struct vkc_diag *diag = vkc_error(&p->program->diags, span, "%s", text.bytes);
    vkc_text_fini(&text);
    return diag;
}

struct vkc_diag *vkc_refuse(struct vkc_parser *p, struct vkc_span span, const char *format, ...)
{
    if (p->is_lost)
        return NULL;
    va_list arguments;
    va_start(arguments, format);
    struct vkc_diag *diag = report(p, span, format, arguments);
    va_end(arguments);
    p->is_lost = true;
    return diag;
}

struct vkc_diag *vkc_complain(struct vkc_parser *p, struct vkc_span span, const char *format, ...)
{
    if (p->is_lost)
        return NULL;
    va_list arguments;
    va_start(arguments, format);
    struct vkc_diag *diag = report(p, span, format, arguments);
    va_end(arguments);
    return diag;
}

void vkc_help(struct vkc_parser *p, struct vkc_diag *diag, const char *format, ...)
{
    if (diag == NULL)
        return;
    struct vkc_text text = {0};
    va_list arguments;
    va_start(arguments, format);
    vkc_text_vprint(&text, format, arguments);
    va_end(arguments);
    vkc_diag_help(&p->program->diags, diag, "%s", text.bytes);
    vkc_text_fini(&text);
}

/* The current token as the reader sees it. */
static void describe(const struct vkc_parser *p, struct vkc_text *text)
{
    size_t len;
    const char *bytes = vkc_token_text(p, p->at, &len);
    enum vkc_token_kind kind = vkc_kind(p);
    bool is_shown = kind >= VKC_TOKEN_NAME && kind <= VKC_TOKEN_SIZE && len <= 40;
    if (is_shown)
        vkc_text_print(text, "`%.*s`", (int)len, bytes);
    else
        vkc_text_put(text, vkc_token_name(kind));
}

struct vkc_diag *vkc_expected(struct vkc_parser *p, const char *what)
{
    if (p->is_lost)
        return NULL;
    if (vkc_is(p, VKC_TOKEN_BAD)) { /* the lexer said it */
        p->is_lost = true;
        return NULL;
    }
    /* What is missing at the end of a line or of the file is told there. */
    const struct vkc_token *token = &p->tokens[p->at];
    bool is_end = vkc_is(p, VKC_TOKEN_END);
    bool is_line_end = (token->flags & VKC_FLAG_NEWLINE) != 0 && token->role != VKC_ROLE_FIRST;
    if (p->at > 0 && (is_end || is_line_end)) {
        uint32_t end = p->source->base + p->tokens[p->at - 1].end;
        return vkc_refuse(p, (struct vkc_span){end, end}, "expected %s, found the end of the %s", what,
                          is_end ? "file" : "line");
    }
    struct vkc_text found = {0};
    describe(p, &found);
    struct vkc_diag *diag = vkc_refuse(p, vkc_here(p), "expected %s, found %s", what, found.bytes);
    vkc_text_fini(&found);
    return diag;
}

bool vkc_expect(struct vkc_parser *p, enum vkc_token_kind kind, const char *in)
{
    if (vkc_take(p, kind))
        return true;
    struct vkc_text what = {0};
    vkc_text_print(&what, "%s%s%s", vkc_token_name(kind), in != NULL ? " " : "", in != NULL ? in : "");
    vkc_expected(p, what.bytes);
    vkc_text_fini(&what);
    return false;
}

void vkc_limit(struct vkc_parser *p, struct vkc_span span, uint32_t count, uint32_t max, const char *what)
{
    if (count > max)
        vkc_complain(p, span, "%s: at most %u, here are %u", what, max, count);
}

/* ---- nesting -------------------------------------------------------------------- */

bool vkc_enter(struct vkc_parser *p)
{
    if (p->is_lost)
        return false;
    if (p->depth < VKC_NESTING_MAX) {
        p->depth++;
        return true;
    }
    vkc_refuse(p, vkc_here(p), "nested too deep: at most %u brackets, blocks and prefixes within one another",
               VKC_NESTING_MAX);
    p->is_over = true;
    p->at = p->module->tokens.count - 1;
    return false;
}

void vkc_leave(struct vkc_parser *p)
{
    p->depth--;
}

static void expect_opening(struct vkc_parser *p, enum vkc_token_kind kind)
{
    bool is_below = vkc_is(p, kind);
    struct vkc_diag *diag = vkc_expected(p, vkc_token_name(kind));
    if (is_below)
        vkc_help(p, diag, "a newline ends what stands before it: put the %s on that line",
                 vkc_token_name(kind));
}

bool vkc_open(struct vkc_parser *p, enum vkc_token_kind kind, enum vkc_token_role role,
              struct vkc_mode *ret_mode)
{
    *ret_mode = p->mode;
    if (!p->is_lost && (!vkc_is(p, kind) || vkc_is_cut(p)))
        expect_opening(p, kind);
    if (!vkc_enter(p))
        return false;
    vkc_role(p, role);
    vkc_advance(p);
    p->braces += kind == VKC_TOKEN_LBRACE;
    p->mode = (struct vkc_mode){.no_lines = kind != VKC_TOKEN_LBRACE};
    return true;
}

void vkc_close(struct vkc_parser *p, enum vkc_token_kind kind, struct vkc_mode mode)
{
    if (!p->is_lost && vkc_is(p, kind))
        p->tokens[p->at].role = kind == VKC_TOKEN_RBRACE ? VKC_ROLE_LITERAL : VKC_ROLE_NONE;
    if (!p->is_lost && !vkc_take(p, kind)) {
        struct vkc_text what = {0};
        vkc_text_print(&what, "`,` or %s", vkc_token_name(kind));
        vkc_expected(p, what.bytes);
        vkc_text_fini(&what);
    }
    p->mode = mode;
    p->braces -= kind == VKC_TOKEN_RBRACE;
    vkc_leave(p);
}

void vkc_close_block(struct vkc_parser *p, struct vkc_mode mode)
{
    if (!vkc_take(p, VKC_TOKEN_RBRACE))
        vkc_expected(p, "`}`");
    p->mode = mode;
    p->braces--;
    vkc_leave(p);
}

bool vkc_comma(struct vkc_parser *p, enum vkc_token_kind closing)
{
    return vkc_take(p, VKC_TOKEN_COMMA) && !vkc_is(p, closing);
}

/* ---- getting found again ------------------------------------------------------------ */

#define LOOK_TOKENS 4096u /* looked ahead at most to see whether braces close */

bool vkc_is_balanced(const struct vkc_parser *p, uint32_t more)
{
    struct vkc_parser look = *p;
    uint32_t depth = p->braces + more;
    for (uint32_t i = 0; i < LOOK_TOKENS; i++) {
        if (vkc_is(&look, VKC_TOKEN_END) ||
            (i > 0 && vkc_begins_decl(&look) && !vkc_is(&look, VKC_TOKEN_LET)))
            return depth == 0;
        depth += vkc_is(&look, VKC_TOKEN_LBRACE);
        depth -= vkc_is(&look, VKC_TOKEN_RBRACE) && depth > 0;
        look.at++;
    }
    return false;
}

/* How many literals' braces are open here of those from first on. */
static uint32_t open_literals(const struct vkc_parser *p, uint32_t first)
{
    uint32_t depth = 0;
    for (uint32_t i = first; i < p->at; i++) {
        depth += p->tokens[i].kind == VKC_TOKEN_LBRACE;
        depth -= p->tokens[i].kind == VKC_TOKEN_RBRACE && depth > 0;
    }
    return depth;
}

/* The next statement, though an operator before the newline says that the line goes on. */
static bool begins_line(const struct vkc_parser *p)
{
    uint8_t flags = p->tokens[p->at].flags;
    enum vkc_token_kind kind = vkc_kind(p);
    bool is_word = kind == VKC_TOKEN_LET || kind == VKC_TOKEN_VAR || kind == VKC_TOKEN_FOR ||
                   kind == VKC_TOKEN_WHILE || kind == VKC_TOKEN_ASSERT;
    return (flags & VKC_FLAG_BREAK) != 0 || ((flags & VKC_FLAG_NEWLINE) != 0 && is_word);
}

void vkc_recover(struct vkc_parser *p, uint32_t first)
{
    uint32_t depth = 0, literals = open_literals(p, first);
    bool is_inside = literals > 0 && vkc_is_balanced(p, literals);
    p->is_lost = p->is_over;
    for (; !vkc_is(p, VKC_TOKEN_END); vkc_advance(p)) {
        bool is_closing = vkc_is(p, VKC_TOKEN_RBRACE);
        is_inside = is_inside && literals > 0;
        if (p->at > first && vkc_begins_decl(p))
            return;
        if (depth == 0 && p->at > first && begins_line(p) && !is_inside)
            return;
        if (is_closing && depth + literals == 0)
            return;
        if (is_closing && depth == 0)
            literals--;
        else
            depth -= is_closing;
        depth += vkc_is(p, VKC_TOKEN_LBRACE);
    }
}

uint32_t vkc_parse_word(struct vkc_parser *p, const char *const *words, uint32_t count, const char *expected)
{
    struct vkc_nearest nearest;
    size_t len;
    const char *text = vkc_token_text(p, p->at, &len);
    vkc_nearest_init(&nearest, text, len);
    for (uint32_t i = 0; i < count; i++) {
        if (vkc_is_word(p, words[i])) {
            vkc_advance(p);
            return i;
        }
        vkc_nearest_offer(&nearest, words[i]);
    }
    struct vkc_diag *diag = vkc_expected(p, expected);
    if (diag != NULL)
        vkc_nearest_help(&nearest, &p->program->diags, diag);
    return count;
}

uint32_t vkc_parse_option(struct vkc_parser *p, const char *const *names, uint32_t count,
                          const char *expected, struct vkc_span *const *given)
{
    struct vkc_span span = vkc_here(p);
    uint32_t i = vkc_parse_word(p, names, count, expected);
    if (i == count)
        return count;
    if (given[i]->start != 0)
        vkc_complain(p, span, "this option is given twice");
    *given[i] = span;
    return vkc_expect(p, VKC_TOKEN_COLON, NULL) ? i : count;
}

static void line_goes_on(struct vkc_parser *p)
{
    struct vkc_nearest nearest;
    size_t len;
    const char *text = vkc_token_text(p, p->last, &len);
    bool is_name = p->tokens[p->last].kind == VKC_TOKEN_NAME && p->tokens[p->last].role == VKC_ROLE_FIRST;
    bool is_and = vkc_is_word(p, "and"), is_or = vkc_is_word(p, "or");
    struct vkc_diag *diag = vkc_expected(p, "the end of the line");
    if (is_and || is_or)
        vkc_help(p, diag, "`%s` is written `%s`", is_and ? "and" : "or", is_and ? "&&" : "||");
    if (diag == NULL || !is_name)
        return;
    vkc_nearest_init(&nearest, text, len);
    for (enum vkc_token_kind kind = VKC_TOKEN_ACTOR; kind <= VKC_TOKEN_WHILE; kind++)
        vkc_nearest_offer(&nearest, vkc_token_spelling(kind));
    vkc_nearest_help(&nearest, &p->program->diags, diag);
}

void vkc_end_line(struct vkc_parser *p)
{
    if (p->is_lost || vkc_at_break(p) || vkc_is(p, VKC_TOKEN_RBRACE) || vkc_is(p, VKC_TOKEN_END))
        return;
    line_goes_on(p);
}

/* ---- names ------------------------------------------------------------------------------ */

bool vkc_is_capital(const struct vkc_parser *p, uint32_t tokens)
{
    if (vkc_kind_after(p, tokens) != VKC_TOKEN_NAME)
        return false;
    char c = p->source->text[p->tokens[p->at + tokens].start];
    return c >= 'A' && c <= 'Z';
}

static void check_case(struct vkc_parser *p, struct vkc_ident ident, enum vkc_case wanted)
{
    char first = ident.name->text[0];
    bool is_capital = first >= 'A' && first <= 'Z';
    if (wanted == VKC_CASE_ANY || is_capital == (wanted == VKC_CASE_CAPITAL))
        return;
    struct vkc_diag *diag =
        vkc_complain(p, ident.span,
                     is_capital ? "this name begins with a small letter" : "this name begins with a capital");
    char changed = is_capital ? (char)(first + 32) : first >= 'a' && first <= 'z' ? (char)(first - 32) : 'X';
    vkc_help(p, diag, "%s; write `%c%s`",
             is_capital ? "values, functions, fields and modules begin with a small letter or `_`"
                        : "types, variants and actors begin with a capital",
             changed, ident.name->text + 1);
}

struct vkc_ident vkc_parse_name(struct vkc_parser *p, const char *what, enum vkc_case wanted)
{
    struct vkc_ident ident = {.span = vkc_here(p)};
    size_t len;
    const char *text = vkc_token_text(p, p->at, &len);
    if (!p->is_lost && vkc_is(p, VKC_TOKEN_NAME) && !vkc_is_cut(p)) {
        ident.name = vkc_intern(&p->program->names, text, len);
        check_case(p, ident, wanted);
        vkc_advance(p);
        return ident;
    }
    bool is_keyword = vkc_token_is_keyword(vkc_kind(p)) && (p->tokens[p->at].flags & VKC_FLAG_NEWLINE) == 0;
    struct vkc_diag *diag = vkc_expected(p, what);
    if (is_keyword)
        vkc_help(p, diag, "`%.*s` is a keyword", (int)len, text);
    return ident;
}

struct vkc_ident vkc_parse_binding(struct vkc_parser *p, const char *what)
{
    struct vkc_ident ident = {.span = vkc_here(p)};
    if (vkc_take(p, VKC_TOKEN_UNDERSCORE))
        return ident;
    return vkc_parse_name(p, what, VKC_CASE_SMALL);
}

struct vkc_path vkc_parse_path(struct vkc_parser *p, uint32_t names_max)
{
    struct vkc_list names = {0};
    struct vkc_path path = {.span = vkc_here(p)};
    do {
        enum vkc_case wanted =
            names.count + 1 == names_max || !vkc_is_capital(p, 0) ? VKC_CASE_ANY : VKC_CASE_CAPITAL;
        struct vkc_ident ident = vkc_parse_name(p, "a name", wanted);
        vkc_list_add(&names, &ident, sizeof ident);
    } while (names.count < names_max && vkc_take(p, VKC_TOKEN_DOT));
    path.count = names.count;
    path.names = vkc_list_take(p, &names, sizeof(struct vkc_ident));
    path.span = vkc_since(p, path.span.start);
    return path;
}

/* ---- a module ---------------------------------------------------------------------------- */

struct vkc_module *vkc_program_parse(struct vkc_program *program, struct vkc_source *source)
{
    struct vkc_module *module = VKC_NEW(&program->arena, struct vkc_module);
    module->source = source;
    vkc_lex(program, source, &module->tokens);
    struct vkc_parser parser = {
        .program = program, .module = module, .source = source, .tokens = module->tokens.all};
    vkc_parse_decls(&parser);

    struct vkc_module **modules =
        VKC_NEW_ARRAY(&program->arena, struct vkc_module *, program->modules_count + 1);
    for (uint32_t i = 0; i < program->modules_count; i++)
        modules[i] = program->modules[i];
    modules[program->modules_count++] = module;
    program->modules = modules;
    return module;
}

void vkc_program_init(struct vkc_program *program)
{
    *program = (struct vkc_program){0};
    vkc_arena_init(&program->arena);
    vkc_names_init(&program->names, &program->arena);
    vkc_sources_init(&program->sources, &program->arena);
    vkc_diags_init(&program->diags, &program->arena, &program->sources);
}

void vkc_program_fini(struct vkc_program *program)
{
    vkc_checked_fini(program->checked);
    vkc_diags_fini(&program->diags);
    vkc_sources_fini(&program->sources);
    vkc_names_fini(&program->names);
    vkc_arena_fini(&program->arena);
}
