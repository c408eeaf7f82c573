/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/lex_impl.h"

#include "compiler/limits.h"

static const bool goes_on[VKC_TOKEN_KINDS] = {
#define X(name, spelling, is_open) [VKC_TOKEN_##name] = (is_open) != 0,
    VKC_PUNCTUATION(X)
#undef X
        [VKC_TOKEN_STR_HEAD] = true,
    [VKC_TOKEN_STR_MID] = true,
};

bool vkc_continues(uint8_t kind)
{
    switch (kind) {
    case VKC_TOKEN_DOT:
    case VKC_TOKEN_COALESCE:
    case VKC_TOKEN_AND:
    case VKC_TOKEN_OR:
    case VKC_TOKEN_ELSE:
    case VKC_TOKEN_RPAREN:
    case VKC_TOKEN_RBRACKET:
    case VKC_TOKEN_RBRACE:
    case VKC_TOKEN_STR_MID:
    case VKC_TOKEN_STR_TAIL:
        return true;
    default:
        return false;
    }
}

struct vkc_span vkc_lexer_span(const struct vkc_lexer *lx, uint32_t start, uint32_t end)
{
    return (struct vkc_span){lx->source->base + start, lx->source->base + end};
}

void vkc_lexer_add(struct vkc_lexer *lx, enum vkc_token_kind kind, uint32_t start, uint8_t flags)
{
    if (lx->count == lx->room) {
        lx->room = lx->room != 0 ? lx->room * 2 : 256;
        lx->all = vkc_grow(lx->all, lx->room * sizeof *lx->all);
    }
    if (lx->has_newline)
        flags |= VKC_FLAG_NEWLINE;
    bool is_open = lx->count > 0 && goes_on[lx->all[lx->count - 1].kind];
    if (kind == VKC_TOKEN_END || (lx->has_newline && !is_open && !vkc_continues((uint8_t)kind)))
        flags |= VKC_FLAG_BREAK;
    if (lx->has_space)
        flags |= VKC_FLAG_SPACED;
    lx->all[lx->count++] =
        (struct vkc_token){.start = start, .end = lx->at, .kind = (uint8_t)kind, .flags = flags};
    lx->has_newline = lx->has_space = false;
}

/* ---- brackets -------------------------------------------------------------------- */

void vkc_lexer_push(struct vkc_lexer *lx, enum vkc_lexer_brace kind, uint32_t start)
{
    if (lx->depth == lx->braces_room) {
        lx->braces_room = lx->braces_room != 0 ? lx->braces_room * 2 : 64;
        lx->braces = vkc_grow(lx->braces, lx->braces_room * sizeof *lx->braces);
    }
    lx->braces[lx->depth++] = (struct vkc_lexer_open){kind, start};
    lx->texts += kind != VKC_LEXER_BRACE;
    lx->lines += kind == VKC_LEXER_LINE;
}

static struct vkc_lexer_open pop(struct vkc_lexer *lx)
{
    struct vkc_lexer_open open = lx->braces[--lx->depth];
    lx->texts -= open.kind != VKC_LEXER_BRACE;
    lx->lines -= open.kind == VKC_LEXER_LINE;
    return open;
}

static void close_brace(struct vkc_lexer *lx)
{
    uint32_t start = lx->at++;
    struct vkc_lexer_open open = {VKC_LEXER_BRACE, 0};
    if (lx->depth > 0)
        open = pop(lx);
    if (open.kind == VKC_LEXER_BRACE)
        vkc_lexer_add(lx, VKC_TOKEN_RBRACE, start, 0);
    else
        vkc_lexer_text(lx, start, open);
}

/* A line ends inside the braces of a one-line text: that text, and what is in it, ends here. */
static void end_line_in_text(struct vkc_lexer *lx)
{
    struct vkc_lexer_open open = {0};
    while (lx->lines > 0)
        open = pop(lx);
    vkc_error(&lx->program->diags, vkc_lexer_span(lx, open.start, lx->at),
              "this text is not closed on its line");
    vkc_lexer_add(lx, VKC_TOKEN_BAD, lx->at, 0);
}

/* ---- white space and comments ------------------------------------------------------ */

static void add_comment(struct vkc_lexer *lx, uint32_t start)
{
    if (lx->comments_count == lx->comments_room) {
        lx->comments_room = lx->comments_room != 0 ? lx->comments_room * 2 : 64;
        lx->comments = vkc_grow(lx->comments, lx->comments_room * sizeof *lx->comments);
    }
    uint32_t end = lx->at;
    while (end > start && (lx->text[end - 1] == ' ' || lx->text[end - 1] == '\t'))
        end--;
    bool is_doc =
        end - start >= 3 && lx->text[start + 2] == '/' && !(end - start > 3 && lx->text[start + 3] == '/');
    lx->comments[lx->comments_count++] =
        (struct vkc_comment){.start = start, .end = end, .before = lx->count, .is_doc = is_doc};
}

static void skip_line(struct vkc_lexer *lx)
{
    while (lx->at < lx->len && lx->text[lx->at] != '\n' &&
           !(lx->text[lx->at] == '\r' && lx->text[lx->at + 1] == '\n'))
        lx->at++;
}

static void comment(struct vkc_lexer *lx)
{
    uint32_t start = lx->at;
    skip_line(lx);
    if (lx->texts > 0 && lx->lines == 0) /* of a text on one line the end of the line is the error */
        vkc_error(&lx->program->diags, vkc_lexer_span(lx, start, lx->at),
                  "a comment cannot stand inside a text");
    add_comment(lx, start);
}

/* Comments of other languages, each understood so that it is reported once. */
static void foreign_comment(struct vkc_lexer *lx)
{
    uint32_t start = lx->at;
    bool is_block = lx->text[start] == '/';
    if (is_block) {
        const char *end = strstr(lx->text + start, "*/");
        lx->at = end != NULL ? (uint32_t)(end - lx->text) + 2 : lx->len;
        lx->has_newline |= memchr(lx->text + start, '\n', lx->at - start) != NULL;
    } else {
        skip_line(lx);
    }
    vkc_error(&lx->program->diags, vkc_lexer_span(lx, start, start + (is_block ? 2 : 1)),
              "a comment begins with `//` and runs to the end of its line");
}

static bool skip_space(struct vkc_lexer *lx)
{
    char c = lx->text[lx->at], next = lx->text[lx->at + 1];
    if (c == ' ' || c == '\t' || c == '\r') { /* a lone CR is reported by check_lines */
        lx->at++;
    } else if (c == '\n') {
        if (lx->lines > 0)
            end_line_in_text(lx);
        lx->has_newline = true;
        lx->at++;
    } else if (c == '/' && next == '/') {
        comment(lx);
    } else if (c == '#' || (c == '/' && next == '*')) {
        foreign_comment(lx);
    } else if (c == ';') {
        vkc_error(&lx->program->diags, vkc_lexer_span(lx, lx->at, lx->at + 1),
                  "there is no semicolon: a newline ends a statement");
        lx->has_newline = true;
        lx->at++;
    } else {
        return false;
    }
    lx->has_space = true;
    return true;
}

/* ---- names and punctuation ------------------------------------------------------------ */

bool vkc_lexer_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool vkc_lexer_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || vkc_lexer_is_digit(c) || c == '_';
}

static enum vkc_token_kind keyword_of(const char *text, size_t len)
{
    for (enum vkc_token_kind kind = VKC_TOKEN_ACTOR; kind <= VKC_TOKEN_WHILE; kind++) {
        const char *spelling = vkc_token_spelling(kind);
        if (spelling[0] == text[0] && strlen(spelling) == len && memcmp(spelling, text, len) == 0)
            return kind;
    }
    return VKC_TOKEN_NAME;
}

static void word(struct vkc_lexer *lx)
{
    uint32_t start = lx->at;
    while (vkc_lexer_is_word(lx->text[lx->at]))
        lx->at++;
    uint32_t len = lx->at - start;
    enum vkc_token_kind kind = keyword_of(lx->text + start, len);
    if (len == 1 && lx->text[start] == '_')
        kind = VKC_TOKEN_UNDERSCORE;
    if (len > VKC_NAME_MAX_BYTES)
        vkc_error(&lx->program->diags, vkc_lexer_span(lx, start, lx->at),
                  "a name has at most %u bytes, this one has %u", VKC_NAME_MAX_BYTES, len);
    vkc_lexer_add(lx, kind, start, 0);
}

/* The longest punctuation that stands here; false when there is none. */
static bool punctuation(struct vkc_lexer *lx)
{
    static const enum vkc_token_kind first = VKC_TOKEN_PLUS;
    enum vkc_token_kind best = VKC_TOKEN_END;
    size_t best_len = 0;
    for (enum vkc_token_kind kind = first; kind < VKC_TOKEN_UNDERSCORE; kind++) {
        const char *spelling = vkc_token_spelling(kind);
        size_t len = strlen(spelling);
        /* `>>` stays two tokens, since it closes List<List<T>> too: the parser joins them. */
        if (kind != VKC_TOKEN_SHR && spelling[0] == lx->text[lx->at] && len > best_len &&
            strncmp(lx->text + lx->at, spelling, len) == 0) {
            best = kind;
            best_len = len;
        }
    }
    if (best == VKC_TOKEN_END)
        return false;
    uint32_t start = lx->at;
    if (best == VKC_TOKEN_LBRACE)
        vkc_lexer_push(lx, VKC_LEXER_BRACE, start);
    lx->at += (uint32_t)best_len;
    vkc_lexer_add(lx, best, start, 0);
    return true;
}

/* ---- what is no token -------------------------------------------------------------------- */

static void single_quoted(struct vkc_lexer *lx)
{
    uint32_t start = lx->at++;
    while (lx->at < lx->len && lx->text[lx->at] != '\'' && lx->text[lx->at] != '\n')
        lx->at++;
    lx->at += lx->text[lx->at] == '\'';
    vkc_error(&lx->program->diags, vkc_lexer_span(lx, start, lx->at), "a text stands in double quotes");
}

static void no_token(struct vkc_lexer *lx)
{
    uint32_t start = lx->at;
    uint8_t c = (uint8_t)lx->text[start];
    struct vkc_diags *diags = &lx->program->diags;
    if (c == '\'') {
        single_quoted(lx);
    } else if (c >= 0x80) {
        while ((uint8_t)lx->text[lx->at] >= 0x80 || vkc_lexer_is_word(lx->text[lx->at]))
            lx->at++;
        struct vkc_diag *diag =
            vkc_error(diags, vkc_lexer_span(lx, start, lx->at), "this is no part of the language");
        vkc_diag_help(diags, diag,
                      "names are ASCII letters, digits and `_`; other characters stand in texts");
    } else {
        lx->at++;
        if (c == '`')
            vkc_error(diags, vkc_lexer_span(lx, start, lx->at), "a backquote is no part of the language");
        else if (c > 0x20 && c < 0x7f)
            vkc_error(diags, vkc_lexer_span(lx, start, lx->at), "`%c` is no part of the language", c);
        else
            vkc_error(diags, vkc_lexer_span(lx, start, lx->at), "a control character, U+%04X", c);
    }
    vkc_lexer_add(lx, VKC_TOKEN_BAD, start, 0);
}

/* ---- the whole file -------------------------------------------------------------------------- */

static bool check_utf8(struct vkc_lexer *lx)
{
    uint32_t bytes;
    for (uint32_t i = 0; i < lx->len; i += bytes) {
        bytes = (uint32_t)vkc_utf8_bytes(lx->text + i, lx->len - i);
        if (bytes == 0) {
            vkc_error(&lx->program->diags, vkc_lexer_span(lx, i, i + 1), "this byte, 0x%02x, is not UTF-8",
                      (uint8_t)lx->text[i]);
            return false;
        }
    }
    return true;
}

static void check_lines(struct vkc_lexer *lx)
{
    for (uint32_t i = 0; i < lx->len; i++) {
        if (lx->text[i] == '\r' && lx->text[i + 1] != '\n')
            vkc_error(&lx->program->diags, vkc_lexer_span(lx, i, i + 1),
                      "a carriage return without a line feed: lines end with LF or CR LF");
    }
    for (uint32_t line = 1; line <= lx->source->lines_count; line++) {
        struct vkc_span span = vkc_source_line(lx->source, line);
        if (span.end - span.start > VKC_LINE_MAX_BYTES)
            vkc_error(&lx->program->diags, (struct vkc_span){span.start, span.start},
                      "a line has at most %u bytes, this one has %u", VKC_LINE_MAX_BYTES,
                      span.end - span.start);
    }
}

static void token(struct vkc_lexer *lx)
{
    char c = lx->text[lx->at], next = lx->text[lx->at + 1];
    if (c == 'b' && next == '"')
        vkc_lexer_bytes(lx);
    else if (vkc_lexer_is_digit(c))
        vkc_lexer_number(lx);
    else if (vkc_lexer_is_word(c))
        word(lx);
    else if (c == '"')
        vkc_lexer_text_first(lx);
    else if (c == '}')
        close_brace(lx);
    else if (!punctuation(lx))
        no_token(lx);
}

static void skip_mark(struct vkc_lexer *lx)
{
    if (lx->len < 3 || memcmp(lx->text, "\xef\xbb\xbf", 3) != 0)
        return;
    vkc_error(&lx->program->diags, vkc_lexer_span(lx, 0, 3),
              "the file begins with a byte order mark: save it without");
    lx->at = 3;
}

void vkc_lex(struct vkc_program *program, const struct vkc_source *source, struct vkc_tokens *ret_tokens)
{
    struct vkc_lexer lx = {
        .program = program, .source = source, .text = source->text, .len = source->len_bytes};
    check_lines(&lx);
    if (check_utf8(&lx)) {
        skip_mark(&lx);
        while (lx.at < lx.len) {
            if (!skip_space(&lx))
                token(&lx);
        }
        if (lx.lines > 0)
            end_line_in_text(&lx);
    }
    lx.at = lx.len;
    vkc_lexer_add(&lx, VKC_TOKEN_END, lx.len, 0);
    ret_tokens->all = vkc_arena_copy(&program->arena, lx.all, lx.count * sizeof *lx.all);
    ret_tokens->count = lx.count;
    ret_tokens->comments =
        vkc_arena_copy(&program->arena, lx.comments, lx.comments_count * sizeof *lx.comments);
    ret_tokens->comments_count = lx.comments_count;
    vkc_free(lx.all);
    vkc_free(lx.comments);
    vkc_free(lx.braces);
}
