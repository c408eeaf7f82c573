/* SPDX-License-Identifier: Apache-2.0 */
/* Texts: where they end and where their interpolations begin. What is in them is literal.c's matter. */
#include "compiler/lex_impl.h"

/* Behind the escape at lx->at; \u{...} holds a brace that begins nothing. */
static void skip_escape(struct vkc_lexer *lx)
{
    lx->at++;
    char c = lx->text[lx->at];
    if (lx->at < lx->len && c != '\n' && c != '\r')
        lx->at++;
    if (c != 'u' || lx->text[lx->at] != '{')
        return;
    lx->at++;
    while (vkc_lexer_is_word(lx->text[lx->at]))
        lx->at++;
    lx->at += lx->text[lx->at] == '}';
}

static bool is_line_end(const struct vkc_lexer *lx)
{
    return lx->text[lx->at] == '\n' || (lx->text[lx->at] == '\r' && lx->text[lx->at + 1] == '\n');
}

static bool is_quote(const struct vkc_lexer *lx, bool is_triple)
{
    return is_triple ? strncmp(lx->text + lx->at, "\"\"\"", 3) == 0 : lx->text[lx->at] == '"';
}

static void not_closed(struct vkc_lexer *lx, uint32_t start, struct vkc_lexer_open open, bool is_triple)
{
    struct vkc_diags *diags = &lx->program->diags;
    uint32_t end = is_triple ? open.start + 3 : lx->at;
    if (lx->lines == 0) /* else the text around this one is what is not closed */
        vkc_error(diags, vkc_lexer_span(lx, open.start, end),
                  is_triple ? "this text is not closed: expected `\"\"\"`"
                            : "this text is not closed on its line");
    vkc_lexer_add(lx, VKC_TOKEN_BAD, start, 0);
}

void vkc_lexer_text(struct vkc_lexer *lx, uint32_t start, struct vkc_lexer_open open)
{
    bool is_triple = open.kind == VKC_LEXER_TRIPLE, is_first = lx->text[start] == '"';
    uint8_t flags = is_triple ? VKC_FLAG_TRIPLE : 0;
    while (lx->at < lx->len && (is_triple || !is_line_end(lx))) {
        if (is_quote(lx, is_triple)) {
            lx->at += is_triple ? 3 : 1;
            vkc_lexer_add(lx, is_first ? VKC_TOKEN_STR : VKC_TOKEN_STR_TAIL, start, flags);
            return;
        }
        if (lx->text[lx->at] == '{') {
            lx->at++;
            vkc_lexer_add(lx, is_first ? VKC_TOKEN_STR_HEAD : VKC_TOKEN_STR_MID, start, flags);
            vkc_lexer_push(lx, open.kind, open.start);
            return;
        }
        if (lx->text[lx->at] == '\\')
            skip_escape(lx);
        else
            lx->at++;
    }
    not_closed(lx, start, open, is_triple);
}

void vkc_lexer_text_first(struct vkc_lexer *lx)
{
    struct vkc_lexer_open open = {VKC_LEXER_LINE, lx->at};
    if (is_quote(lx, true)) {
        open.kind = VKC_LEXER_TRIPLE;
        lx->at += 3;
        if (!is_line_end(lx) && lx->at < lx->len)
            vkc_error(&lx->program->diags, vkc_lexer_span(lx, lx->at, lx->at),
                      "the text begins on the line after `\"\"\"`");
    } else {
        lx->at++;
    }
    vkc_lexer_text(lx, open.start, open);
}

void vkc_lexer_bytes(struct vkc_lexer *lx)
{
    uint32_t start = lx->at;
    lx->at += 2;
    while (lx->at < lx->len && !is_line_end(lx)) {
        if (lx->text[lx->at] == '"') {
            lx->at++;
            vkc_lexer_add(lx, VKC_TOKEN_BYTES, start, 0);
            return;
        }
        if (lx->text[lx->at] == '\\')
            skip_escape(lx);
        else
            lx->at++;
    }
    not_closed(lx, start, (struct vkc_lexer_open){VKC_LEXER_LINE, start}, false);
}
