/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens are grouped into atoms (a text with its interpolations is one) and
 * these into the lines they were written in. A line's indentation follows
 * from the brackets open before it; then runs of lines are aligned.
 */
#include "compiler/fmt.h"

#define INDENT 2u
#define NONE   UINT32_MAX

struct line {
    uint32_t indent; /* levels */
    uint32_t start;  /* its bytes in the body; none: a comment alone */
    uint32_t end;
    uint32_t arm;     /* offset of the => of its arm in the body, or NONE */
    uint32_t comment; /* index of the comment in it, or NONE */
    bool is_spaced;   /* an empty line before it */
    bool is_whole;    /* closes every bracket it opens, holds no newline */
    uint32_t pad;     /* spaces put before the => */
};

struct open {
    uint32_t indent; /* of the line it stands in */
    bool is_list;    /* a comma ends an item: ( ) [ ] and { } of literals */
};

struct formatter {
    const struct vkc_module *module;
    const struct vkc_token *tokens;
    const char *source;
    struct vkc_text body; /* lines without indentation, one after the other */
    struct line *lines;
    uint32_t lines_count, lines_room;
    struct open *opens;
    uint32_t depth, opens_room;
    bool *cuts;       /* of each token: a line ends before it though none did */
    uint32_t at;      /* the next token */
    uint32_t comment; /* the next comment */
    uint32_t end;     /* offset in the source behind what was taken last */
};

/* ---- spaces between tokens -------------------------------------------------------- */

static bool is_opening(uint8_t kind)
{
    return kind == VKC_TOKEN_LPAREN || kind == VKC_TOKEN_LBRACKET || kind == VKC_TOKEN_LBRACE;
}

static bool is_closing(uint8_t kind)
{
    return kind == VKC_TOKEN_RPAREN || kind == VKC_TOKEN_RBRACKET || kind == VKC_TOKEN_RBRACE;
}

/* Whether nothing stands behind a token, whatever follows. */
static bool is_tight_after(const struct vkc_token *a)
{
    switch (a->kind) {
    case VKC_TOKEN_LPAREN:
    case VKC_TOKEN_LBRACKET:
    case VKC_TOKEN_DOT:
    case VKC_TOKEN_DOTDOT:
        return true;
    case VKC_TOKEN_LT:
        return a->role == VKC_ROLE_ANGLE;
    case VKC_TOKEN_SLASH:
        return a->role == VKC_ROLE_CALL;
    default:
        return a->role == VKC_ROLE_PREFIX;
    }
}

static bool is_tight_before(const struct vkc_token *b)
{
    switch (b->kind) {
    case VKC_TOKEN_COMMA:
    case VKC_TOKEN_COLON:
    case VKC_TOKEN_DOT:
    case VKC_TOKEN_DOTDOT:
    case VKC_TOKEN_QUESTION:
    case VKC_TOKEN_RPAREN:
    case VKC_TOKEN_RBRACKET:
        return true;
    default:
        return b->role == VKC_ROLE_CALL || b->role == VKC_ROLE_ANGLE;
    }
}

static bool has_space(const struct vkc_token *a, const struct vkc_token *b)
{
    if (a->kind == VKC_TOKEN_QUESTION && (b->kind == VKC_TOKEN_QUESTION || b->kind == VKC_TOKEN_COALESCE))
        return true; /* together they would be another token */
    if (a->kind == VKC_TOKEN_LBRACE)
        return b->kind != VKC_TOKEN_RBRACE;
    if (b->kind == VKC_TOKEN_RBRACE || (b->kind == VKC_TOKEN_DOTDOT && a->kind == VKC_TOKEN_COMMA))
        return true;
    return !is_tight_after(a) && !is_tight_before(b);
}

/* ---- lines ----------------------------------------------------------------------- */

static struct line *add_line(struct formatter *f, uint32_t indent)
{
    if (f->lines == NULL || f->lines_count == f->lines_room) {
        f->lines_room = f->lines_room != 0 ? f->lines_room * 2 : 64;
        f->lines = vkc_grow(f->lines, f->lines_room * sizeof *f->lines);
    }
    struct line *line = &f->lines[f->lines_count++];
    *line = (struct line){.indent = indent, .arm = NONE, .comment = NONE, .is_whole = true};
    line->start = line->end = (uint32_t)f->body.len;
    return line;
}

static bool has_newline(const struct formatter *f, uint32_t start, uint32_t end)
{
    return end > start && memchr(f->source + start, '\n', end - start) != NULL;
}

/* Two newlines or more between what was taken last and start. */
static bool has_empty_line(const struct formatter *f, uint32_t start)
{
    uint32_t count = 0;
    for (uint32_t i = f->end; i < start; i++)
        count += f->source[i] == '\n';
    return count > 1;
}

/* Indentation of a line that begins with the next token; a comment before a closing bracket belongs inside.
 */
static uint32_t indent_here(const struct formatter *f, bool is_comment)
{
    const struct vkc_token *token = &f->tokens[f->at];
    if (f->depth == 0)
        return token->kind == VKC_TOKEN_END || f->at == 0 || (token->flags & VKC_FLAG_BREAK) != 0 ? 0 : 1;
    const struct open *open = &f->opens[f->depth - 1];
    if (is_closing(token->kind))
        return open->indent + is_comment;
    uint8_t before = f->tokens[f->at - 1].kind;
    bool is_first = is_opening(before) ||
                    (open->is_list ? before == VKC_TOKEN_COMMA : (token->flags & VKC_FLAG_BREAK) != 0);
    return open->indent + (is_first ? 1 : 2);
}

static void open_bracket(struct formatter *f, const struct vkc_token *token, uint32_t indent)
{
    if (f->depth == f->opens_room) {
        f->opens_room = f->opens_room != 0 ? f->opens_room * 2 : 64;
        f->opens = vkc_grow(f->opens, f->opens_room * sizeof *f->opens);
    }
    bool is_list = token->kind != VKC_TOKEN_LBRACE || token->role == VKC_ROLE_LITERAL;
    f->opens[f->depth++] = (struct open){indent, is_list};
}

/* The source from start to end, with CR LF as LF. */
static void put_source(struct formatter *f, uint32_t start, uint32_t end)
{
    for (uint32_t i = start; i < end; i++) {
        if (f->source[i] != '\r')
            vkc_text_add(&f->body, f->source + i, 1);
    }
}

/* The last token of the atom that begins at f->at: of a text, its TAIL. */
static uint32_t atom_end(const struct formatter *f)
{
    uint32_t at = f->at, depth = 0;
    for (;; at++) {
        depth += f->tokens[at].kind == VKC_TOKEN_STR_HEAD;
        depth -= f->tokens[at].kind == VKC_TOKEN_STR_TAIL;
        if (depth == 0)
            return at;
    }
}

static void put_atom(struct formatter *f, struct line *line)
{
    const struct vkc_token *first = &f->tokens[f->at];
    uint32_t last = atom_end(f), end = f->tokens[last].end;
    bool has_lines = last > f->at || first->kind == VKC_TOKEN_STR;
    if (is_opening(first->kind))
        open_bracket(f, first, line->indent);
    else if (is_closing(first->kind))
        f->depth--;
    put_source(f, first->start, end);
    if (has_lines && has_newline(f, first->start, end))
        line->is_whole = false;
    f->end = end;
    f->at = last + 1;
}

/* `else` on a line of its own goes behind its brace, as does a brace that closes nothing. */
static bool is_joined(const struct formatter *f)
{
    const struct vkc_tokens *tokens = &f->module->tokens;
    if (f->at == 0 || (f->comment < tokens->comments_count && tokens->comments[f->comment].before == f->at))
        return false;
    uint8_t before = f->tokens[f->at - 1].kind, kind = f->tokens[f->at].kind;
    return (kind == VKC_TOKEN_ELSE && before == VKC_TOKEN_RBRACE) ||
           (kind == VKC_TOKEN_RBRACE && before == VKC_TOKEN_LBRACE);
}

static bool ends_line(const struct formatter *f)
{
    const struct vkc_token *token = &f->tokens[f->at];
    return token->kind == VKC_TOKEN_END || f->cuts[f->at] ||
           ((token->flags & VKC_FLAG_NEWLINE) != 0 && !is_joined(f));
}

static void put_line(struct formatter *f)
{
    const struct vkc_token *first = &f->tokens[f->at];
    bool is_inside = f->lines_count > 0 && f->at > 0 && !is_opening(f->tokens[f->at - 1].kind);
    bool after_comment =
        f->comment > 0 && f->lines_count > 0 && f->module->tokens.comments[f->comment - 1].before == f->at;
    bool is_spaced = f->lines_count > 0 && (is_inside || after_comment) && !is_closing(first->kind) &&
                     has_empty_line(f, first->start);
    struct line *line = add_line(f, indent_here(f, false));
    uint32_t depth = f->depth;
    line->is_spaced = is_spaced;
    if (is_closing(first->kind))
        depth--;
    do {
        const struct vkc_token *token = &f->tokens[f->at];
        if (token != first && has_space(token - 1, token))
            vkc_text_put(&f->body, " ");
        if (token->role == VKC_ROLE_ARM && line->arm == NONE && f->depth == depth)
            line->arm = (uint32_t)f->body.len;
        put_atom(f, line);
    } while (!ends_line(f));
    line->is_whole &= f->depth == depth && !is_closing(first->kind);
    line->end = (uint32_t)f->body.len;
}

/* Comments before the next token: the first one may end the line of what stands before it. */
static void put_comments(struct formatter *f)
{
    const struct vkc_tokens *tokens = &f->module->tokens;
    for (; f->comment < tokens->comments_count && tokens->comments[f->comment].before == f->at;
         f->comment++) {
        const struct vkc_comment *comment = &tokens->comments[f->comment];
        struct line *last = f->lines_count > 0 ? &f->lines[f->lines_count - 1] : NULL;
        if (last != NULL && last->comment == NONE && !has_newline(f, f->end, comment->start)) {
            last->comment = f->comment;
        } else {
            bool is_first = f->at > 0 && is_opening(f->tokens[f->at - 1].kind) &&
                            (f->comment == 0 || tokens->comments[f->comment - 1].before != f->at);
            bool is_spaced = last != NULL && !is_first && has_empty_line(f, comment->start);
            last = add_line(f, indent_here(f, true));
            last->is_spaced = is_spaced;
            last->comment = f->comment;
        }
        f->end = comment->end;
    }
}

/* A block of more than one line begins and ends on lines of its own. */
static void find_cuts(struct formatter *f)
{
    uint32_t count = f->module->tokens.count, depth = 0;
    uint32_t *starts = vkc_grow(NULL, count * sizeof *starts), *lines = vkc_grow(NULL, count * sizeof *lines);
    uint32_t line = 0;
    f->cuts = vkc_grow(NULL, count);
    memset(f->cuts, 0, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_token *token = &f->tokens[i];
        line += (token->flags & VKC_FLAG_NEWLINE) != 0;
        if (token->kind == VKC_TOKEN_LBRACE) {
            starts[depth] = i;
            lines[depth++] = line;
        } else if (token->kind == VKC_TOKEN_RBRACE) {
            uint32_t start = starts[--depth];
            bool is_block = f->tokens[start].role != VKC_ROLE_LITERAL && start + 1 != i;
            f->cuts[start + 1] |= is_block && lines[depth] != line;
            f->cuts[i] |= is_block && lines[depth] != line;
        }
    }
    vkc_free(starts);
    vkc_free(lines);
}

/* ---- alignment -------------------------------------------------------------------- */

/* Columns of the body's bytes: one a character. */
static uint32_t width(const struct formatter *f, uint32_t start, uint32_t end)
{
    uint32_t count = 0;
    for (uint32_t i = start; i < end; i++)
        count += ((uint8_t)f->body.bytes[i] & 0xc0) != 0x80;
    return count;
}

static bool has_arm(const struct line *line)
{
    return line->arm != NONE && line->is_whole;
}

/* Behind a run of lines that may be aligned with the one at first. */
static uint32_t arms_end(const struct formatter *f, uint32_t first)
{
    uint32_t end = first + 1;
    while (end < f->lines_count && has_arm(&f->lines[end]) && !f->lines[end].is_spaced &&
           f->lines[end].indent == f->lines[first].indent)
        end++;
    return end;
}

static void align_arms(struct formatter *f)
{
    for (uint32_t i = 0; i < f->lines_count; i++) {
        if (!has_arm(&f->lines[i]))
            continue;
        uint32_t end = arms_end(f, i), widest = 0;
        for (uint32_t j = i; j < end; j++) {
            uint32_t columns = width(f, f->lines[j].start, f->lines[j].arm);
            widest = columns > widest ? columns : widest;
        }
        for (uint32_t j = i; j < end; j++)
            f->lines[j].pad = widest - width(f, f->lines[j].start, f->lines[j].arm);
        i = end - 1;
    }
}

static bool has_comment_behind(const struct line *line)
{
    return line->comment != NONE && line->end > line->start;
}

static uint32_t line_width(const struct formatter *f, const struct line *line)
{
    uint32_t start = line->start;
    for (uint32_t i = line->start; i < line->end; i++)
        start = f->body.bytes[i] == '\n' ? i + 1 : start;
    return width(f, start, line->end) + line->pad + (start == line->start ? line->indent * INDENT : 0);
}

/* The column of the comments of a run of lines. */
static uint32_t comment_column(const struct formatter *f, uint32_t first, uint32_t *ret_end)
{
    uint32_t end = first, widest = 0;
    do {
        uint32_t columns = line_width(f, &f->lines[end]);
        widest = columns > widest ? columns : widest;
        end++;
    } while (end < f->lines_count && has_comment_behind(&f->lines[end]) && !f->lines[end].is_spaced &&
             f->lines[end].indent == f->lines[first].indent);
    *ret_end = end;
    return widest + 2;
}

/* ---- output ------------------------------------------------------------------------ */

static void write_line(const struct formatter *f, const struct line *line, uint32_t column,
                       struct vkc_text *text)
{
    const struct vkc_comment *comment =
        line->comment != NONE ? &f->module->tokens.comments[line->comment] : NULL;
    uint32_t cut = line->arm != NONE ? line->arm : line->end;
    if (line->is_spaced)
        vkc_text_put(text, "\n");
    vkc_text_fill(text, ' ', (size_t)line->indent * INDENT);
    vkc_text_add(text, f->body.bytes + line->start, cut - line->start);
    vkc_text_fill(text, ' ', line->pad);
    vkc_text_add(text, f->body.bytes + cut, line->end - cut);
    if (comment != NULL) {
        if (line->end > line->start)
            vkc_text_fill(text, ' ', column - line_width(f, line));
        vkc_text_add(text, f->source + comment->start, comment->end - comment->start);
    }
    vkc_text_put(text, "\n");
}

static void write_lines(const struct formatter *f, struct vkc_text *text)
{
    uint32_t column = 0, run_end = 0;
    for (uint32_t i = 0; i < f->lines_count; i++) {
        if (has_comment_behind(&f->lines[i]) && i >= run_end)
            column = comment_column(f, i, &run_end);
        write_line(f, &f->lines[i], column, text);
    }
}

void vkc_fmt(const struct vkc_module *module, struct vkc_text *text)
{
    struct formatter f = {.module = module, .tokens = module->tokens.all, .source = module->source->text};
    vkc_text_put(&f.body, "");
    find_cuts(&f);
    put_comments(&f);
    while (f.tokens[f.at].kind != VKC_TOKEN_END) {
        put_line(&f);
        put_comments(&f);
    }
    align_arms(&f);
    write_lines(&f, text);
    vkc_text_fini(&f.body);
    vkc_free(f.cuts);
    vkc_free(f.lines);
    vkc_free(f.opens);
}
