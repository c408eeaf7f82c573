/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to tokens. Any bytes are taken; what is no token is reported once and
 * becomes BAD, at which the parser says nothing more.
 */
#ifndef COMPILER_LEX_H
#define COMPILER_LEX_H

#include "compiler/program.h"

/* All tokens and comments of a source, in the arena; at least END. */
void vkc_lex(struct vkc_program *program, const struct vkc_source *source, struct vkc_tokens *ret_tokens);

/*
 * Values of literals, given their text, which the lexer accepted. The numbers
 * return false when the value does not fit: an Int up to 2^63 (which only a
 * minus sign makes fit), a Duration up to 2^63 - 1 ns, a finite Float.
 */
bool vkc_literal_int(const char *text, size_t len_bytes, uint64_t *ret_value);
bool vkc_literal_float(const char *text, size_t len_bytes, double *ret_value);
bool vkc_literal_duration(const char *text, size_t len_bytes, int64_t *ret_ns);
bool vkc_literal_size(const char *text, size_t len_bytes, uint64_t *ret_bytes);

/* Whether a token of that kind begins a line that belongs to the one before. */
bool vkc_continues(uint8_t kind);

/* What escapes a text knows, and which indentation its lines lose. */
struct vkc_text_rules {
    bool is_bytes;       /* \xff, ASCII only; no \u */
    bool is_triple;      /* lines lose their indentation, CR LF is LF */
    const char *indent;  /* the white space before the closing """ */
    uint32_t indent_len; /* its bytes */
};

/*
 * The bytes that a stretch of a literal stands for: between quotes and braces,
 * at an absolute span. is_line_start: of a triple text, the stretch begins a
 * line. Errors are reported; then what was understood is returned.
 */
const char *vkc_literal_text(struct vkc_program *program, struct vkc_span span,
                             const struct vkc_text_rules *rules, bool is_line_start, uint32_t *ret_len);

#endif
