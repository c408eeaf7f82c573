/* SPDX-License-Identifier: Apache-2.0 */
/* The lexer's state, shared by its files. Offsets are of the file. */
#ifndef COMPILER_LEX_IMPL_H
#define COMPILER_LEX_IMPL_H

#include "compiler/lex.h"

/* What a { opened. */
enum vkc_lexer_brace {
    VKC_LEXER_BRACE,
    VKC_LEXER_LINE,   /* an interpolation of a text on one line */
    VKC_LEXER_TRIPLE, /* of a text in """ */
};

struct vkc_lexer_open {
    enum vkc_lexer_brace kind;
    uint32_t start; /* of the brace, or of the text */
};

struct vkc_lexer {
    struct vkc_program *program;
    const struct vkc_source *source;
    const char *text; /* ends with a zero byte */
    uint32_t len;
    uint32_t at;
    bool has_newline; /* since the last token */
    bool has_space;
    struct vkc_token *all;
    uint32_t count, room;
    struct vkc_comment *comments;
    uint32_t comments_count, comments_room;
    struct vkc_lexer_open *braces; /* open ones, the innermost last */
    uint32_t depth, braces_room;
    uint32_t texts; /* of these, interpolations */
    uint32_t lines; /* of these, in texts on one line */
};

struct vkc_span vkc_lexer_span(const struct vkc_lexer *lx, uint32_t start, uint32_t end);
/* A token from start to lx->at. */
void vkc_lexer_add(struct vkc_lexer *lx, enum vkc_token_kind kind, uint32_t start, uint8_t flags);
void vkc_lexer_push(struct vkc_lexer *lx, enum vkc_lexer_brace kind, uint32_t start);
bool vkc_lexer_is_digit(char c);
bool vkc_lexer_is_word(char c);

/* Each reads one token at lx->at. */
void vkc_lexer_number(struct vkc_lexer *lx);
void vkc_lexer_bytes(struct vkc_lexer *lx);
void vkc_lexer_text_first(struct vkc_lexer *lx);
/* Goes on with a text behind the } of an interpolation; start is that brace. */
void vkc_lexer_text(struct vkc_lexer *lx, uint32_t start, struct vkc_lexer_open open);

#endif
