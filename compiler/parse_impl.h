/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive descent, in several files. The first error of a statement,
 * clause or declaration is reported and makes the parser *lost*: it then
 * reports and takes nothing until the loop over statements, clauses or
 * declarations finds a place to go on. Functions return a node in any case.
 */
#ifndef COMPILER_PARSE_IMPL_H
#define COMPILER_PARSE_IMPL_H

#include "compiler/lex.h"
#include "compiler/limits.h"

/* What of the surroundings changes how tokens are read; saved and restored around brackets. */
struct vkc_mode {
    bool no_lines; /* inside ( ) or [ ]: newlines are nothing */
    bool no_brace; /* in the head of if, match, for, while: `Name {` is no record */
};

struct vkc_parser {
    struct vkc_program *program;
    struct vkc_module *module;
    const struct vkc_source *source;
    struct vkc_token *tokens;
    uint32_t at;
    uint32_t depth;  /* brackets, blocks and prefixes open */
    uint32_t braces; /* of these, { */
    struct vkc_mode mode;
    bool is_lost;
    bool is_over;  /* nested too deep: nothing more is read */
    uint32_t last; /* the token taken last */
};

/* A list while it grows; zeroed is empty. */
struct vkc_list {
    void *items;
    uint32_t count;
    uint32_t room;
};

void vkc_list_add(struct vkc_list *list, const void *item, size_t item_bytes);
/* The items, moved into the arena; the list is freed. */
void *vkc_list_take(struct vkc_parser *p, struct vkc_list *list, size_t item_bytes);

/* ---- tokens (parse.c) ---- */

enum vkc_token_kind vkc_kind(const struct vkc_parser *p);
enum vkc_token_kind vkc_kind_after(const struct vkc_parser *p, uint32_t tokens);
bool vkc_is(const struct vkc_parser *p, enum vkc_token_kind kind);
/* Whether a newline that counts stands before the current token. */
bool vkc_at_break(const struct vkc_parser *p);
/* The same, and the token is not marked as the first of what it begins. */
bool vkc_is_cut(const struct vkc_parser *p);
/* Whether the current token is that name, in front of which no newline counts. */
bool vkc_is_word(const struct vkc_parser *p, const char *word);
void vkc_role(struct vkc_parser *p, enum vkc_token_role role); /* of the current token */
void vkc_advance(struct vkc_parser *p);
/* Takes the token if it is of that kind. */
bool vkc_take(struct vkc_parser *p, enum vkc_token_kind kind);
/* Takes it, or reports "expected ..."; in is what it belongs to, as in "after the parameters", or NULL. */
bool vkc_expect(struct vkc_parser *p, enum vkc_token_kind kind, const char *in);
/* Reports "expected WHAT, found ...". Returns NULL when nothing was reported. */
struct vkc_diag *vkc_expected(struct vkc_parser *p, const char *what);
/* Reports an error of another kind and gets lost. NULL when lost already. */
struct vkc_diag *vkc_refuse(struct vkc_parser *p, struct vkc_span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reports and goes on: the tokens were understood. */
struct vkc_diag *vkc_complain(struct vkc_parser *p, struct vkc_span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void vkc_help(struct vkc_parser *p, struct vkc_diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct vkc_span vkc_here(const struct vkc_parser *p); /* of the current token */
struct vkc_span vkc_since(const struct vkc_parser *p,
                          uint32_t start);      /* to the end of the token taken last */
uint32_t vkc_start(const struct vkc_parser *p); /* of the current token */
const char *vkc_token_text(const struct vkc_parser *p, uint32_t at, size_t *ret_len);

/* One level deeper; false, reported, when that is too deep. Each true one is left with vkc_leave. */
bool vkc_enter(struct vkc_parser *p);
void vkc_leave(struct vkc_parser *p);
/* Takes an opening bracket and enters; the mode to give back at vkc_close. False: not there, or too deep. */
bool vkc_open(struct vkc_parser *p, enum vkc_token_kind kind, enum vkc_token_role role,
              struct vkc_mode *ret_mode);
/* Takes the closing one, named in the message if it lacks. */
void vkc_close(struct vkc_parser *p, enum vkc_token_kind kind, struct vkc_mode mode);
/* Takes the } of a block. */
void vkc_close_block(struct vkc_parser *p, struct vkc_mode mode);
/* After an item of a list: takes the comma, true when another item follows. */
bool vkc_comma(struct vkc_parser *p, enum vkc_token_kind closing);
/* Reports that there are more than the limit, at a span. */
void vkc_limit(struct vkc_parser *p, struct vkc_span span, uint32_t count, uint32_t max, const char *what);

/* Goes to the next line of the block that opened at that depth of braces, or to its end; found again. */
void vkc_recover(struct vkc_parser *p, uint32_t first);
/* After a statement, clause or member: expects the end of the line. */
void vkc_end_line(struct vkc_parser *p);

/* ---- names ---- */

enum vkc_case { VKC_CASE_SMALL, VKC_CASE_CAPITAL, VKC_CASE_ANY };
/* A name; what: "a field's name". One of the wrong case is reported and taken. */
struct vkc_ident vkc_parse_name(struct vkc_parser *p, const char *what, enum vkc_case wanted);
/* A small name or `_`, whose name is NULL. */
struct vkc_ident vkc_parse_binding(struct vkc_parser *p, const char *what);
bool vkc_is_capital(const struct vkc_parser *p, uint32_t tokens); /* the name that many tokens ahead */
struct vkc_path vkc_parse_path(struct vkc_parser *p, uint32_t names_max);

/* ---- the classes of nodes ---- */

struct vkc_type_expr *vkc_parse_type(struct vkc_parser *p);
struct vkc_pattern *vkc_parse_pattern(struct vkc_parser *p);

struct vkc_expr *vkc_parse_expr(struct vkc_parser *p);
/* In front of a { that begins a body; what is expected there. */
struct vkc_expr *vkc_parse_head(struct vkc_parser *p, const char *what);
/* Whether the braces that open here are followed by others. */
bool vkc_is_map_head(const struct vkc_parser *p);
struct vkc_expr *vkc_parse_unary(struct vkc_parser *p);
struct vkc_expr *vkc_parse_operand(struct vkc_parser *p);
/* Postfix operators behind an operand. */
struct vkc_expr *vkc_parse_postfix(struct vkc_parser *p, struct vkc_expr *operand);
/* Whether the current token begins an operand. */
bool vkc_is_operand(const struct vkc_parser *p);

struct vkc_expr *vkc_parse_str(struct vkc_parser *p);
struct vkc_expr *vkc_parse_plain_str(struct vkc_parser *p, const char *what); /* without interpolations */
struct vkc_expr *vkc_parse_list(struct vkc_parser *p);
struct vkc_expr *vkc_parse_braces(struct vkc_parser *p); /* map or block */
struct vkc_expr *vkc_parse_record(struct vkc_parser *p);
struct vkc_expr *vkc_parse_json(struct vkc_parser *p);
struct vkc_expr *vkc_parse_request(struct vkc_parser *p, enum vkc_method method);
struct vkc_expr *vkc_parse_number(struct vkc_parser *p);
struct vkc_expr *vkc_parse_bytes(struct vkc_parser *p);
bool vkc_is_json(const struct vkc_parser *p);
/* The method that the current name is in front of a text; VKC_METHOD_COUNT: none. */
enum vkc_method vkc_method_here(const struct vkc_parser *p);
/* The same by the word alone. */
enum vkc_method vkc_method_word(const struct vkc_parser *p);
struct vkc_args vkc_parse_args(struct vkc_parser *p);
void vkc_parse_params(struct vkc_parser *p, struct vkc_params *params, bool is_closure);
/* What follows =>: an expression, or a block that may be empty. */
struct vkc_expr *vkc_parse_body(struct vkc_parser *p);

struct vkc_expr *vkc_parse_block(struct vkc_parser *p);
struct vkc_stmt *vkc_parse_let(struct vkc_parser *p);

void vkc_parse_decls(struct vkc_parser *p);
struct vkc_decl *vkc_parse_http(struct vkc_parser *p, struct vkc_decl *decl);
/* `heap: 64k` or `cpu: 5ms`, and no other option. */
void vkc_parse_actor_option(struct vkc_parser *p, struct vkc_http_options *options);
/* The place of the current word among these, taken; count: it is none of them, which is told. */
uint32_t vkc_parse_word(struct vkc_parser *p, const char *const *words, uint32_t count, const char *expected);
/*
 * The same for options, `name:` with the colon. *given[i] is where option i
 * stood, start 0: nowhere yet; twice is told.
 */
uint32_t vkc_parse_option(struct vkc_parser *p, const char *const *names, uint32_t count,
                          const char *expected, struct vkc_span *const *given);
/* A size, or a time that is more than none: the value of an option. */
void vkc_parse_size(struct vkc_parser *p, uint64_t min, uint64_t max, const char *bounds,
                    uint64_t *ret_bytes);
void vkc_parse_duration(struct vkc_parser *p, int64_t *ret_ns);
bool vkc_is_store(const struct vkc_parser *p);
struct vkc_decl *vkc_parse_store(struct vkc_parser *p, struct vkc_decl *decl);
bool vkc_begins_decl(const struct vkc_parser *p); /* and stands first on its line */
/* Whether every open brace, and that many more, closes before the next declaration, `let` apart, which may be
 * a statement. */
bool vkc_is_balanced(const struct vkc_parser *p, uint32_t more);
void vkc_recover_decl(struct vkc_parser *p, uint32_t first);

/* A node whose span begins there; vkc_done ends it at the token taken last. */
struct vkc_expr *vkc_expr_new(struct vkc_parser *p, enum vkc_expr_kind kind, uint32_t start);
struct vkc_expr *vkc_expr_done(struct vkc_parser *p, struct vkc_expr *expr);
/* Says that child is below parent; reports a tree that grows too high. */
void vkc_expr_above(struct vkc_parser *p, struct vkc_expr *parent, const struct vkc_expr *child);
struct vkc_expr *vkc_expr_bad(struct vkc_parser *p);

#endif
