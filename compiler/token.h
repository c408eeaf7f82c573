/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of a source file, all in one array that ends with END. A text with
 * interpolations is HEAD, expression, MID, expression, ..., TAIL; each of these
 * spans its quotes and braces, as in `"a{`, `}b{`, `}c"`. `>>` is two GT without
 * space between them (SHR has a name only): it also closes List<List<T>>.
 */
#ifndef COMPILER_TOKEN_H
#define COMPILER_TOKEN_H

#include "compiler/source.h"

/* Keywords: name, spelling. */
#define VKC_KEYWORDS(X)       \
    X(ACTOR, "actor")         \
    X(ASSERT, "assert")       \
    X(AWAIT, "await")         \
    X(BREAK, "break")         \
    X(CONTINUE, "continue")   \
    X(ELSE, "else")           \
    X(ENUM, "enum")           \
    X(EVERY, "every")         \
    X(FAIL, "fail")           \
    X(FALSE, "false")         \
    X(FN, "fn")               \
    X(FOR, "for")             \
    X(HTTP, "http")           \
    X(IF, "if")               \
    X(IMPORT, "import")       \
    X(IN, "in")               \
    X(LET, "let")             \
    X(MATCH, "match")         \
    X(ON, "on")               \
    X(PUB, "pub")             \
    X(RECORD, "record")       \
    X(RETURN, "return")       \
    X(SEND, "send")           \
    X(SERVICE, "service")     \
    X(SPAWN, "spawn")         \
    X(START, "start")         \
    X(SUPERVISE, "supervise") \
    X(TEST, "test")           \
    X(TRUE, "true")           \
    X(TRY, "try")             \
    X(VAR, "var")             \
    X(WHILE, "while")

/* Punctuation: name, spelling, whether a newline behind it ends nothing. */
#define VKC_PUNCTUATION(X)     \
    X(PLUS, "+", 1)            \
    X(MINUS, "-", 1)           \
    X(STAR, "*", 1)            \
    X(SLASH, "/", 1)           \
    X(PERCENT, "%", 1)         \
    X(EQ, "==", 1)             \
    X(NE, "!=", 1)             \
    X(LT, "<", 1)              \
    X(LE, "<=", 1)             \
    X(GT, ">", 1)              \
    X(GE, ">=", 1)             \
    X(AND, "&&", 1)            \
    X(OR, "||", 1)             \
    X(NOT, "!", 1)             \
    X(AMP, "&", 1)             \
    X(PIPE, "|", 1)            \
    X(CARET, "^", 1)           \
    X(TILDE, "~", 1)           \
    X(SHL, "<<", 1)            \
    X(SHR, ">>", 1)            \
    X(ASSIGN, "=", 1)          \
    X(PLUS_ASSIGN, "+=", 1)    \
    X(MINUS_ASSIGN, "-=", 1)   \
    X(STAR_ASSIGN, "*=", 1)    \
    X(SLASH_ASSIGN, "/=", 1)   \
    X(PERCENT_ASSIGN, "%=", 1) \
    X(COALESCE, "??", 1)       \
    X(QUESTION, "?", 0)        \
    X(DOT, ".", 1)             \
    X(DOTDOT, "..", 1)         \
    X(COMMA, ",", 1)           \
    X(COLON, ":", 1)           \
    X(ARROW, "->", 1)          \
    X(FAT_ARROW, "=>", 1)      \
    X(LPAREN, "(", 1)          \
    X(RPAREN, ")", 0)          \
    X(LBRACKET, "[", 1)        \
    X(RBRACKET, "]", 0)        \
    X(LBRACE, "{", 1)          \
    X(RBRACE, "}", 0)          \
    X(UNDERSCORE, "_", 0)

enum vkc_token_kind {
    VKC_TOKEN_END, /* of the file */
    VKC_TOKEN_BAD, /* reported already by the lexer */
    VKC_TOKEN_NAME,
    VKC_TOKEN_INT,
    VKC_TOKEN_FLOAT,
    VKC_TOKEN_DURATION,
    VKC_TOKEN_SIZE,
    VKC_TOKEN_BYTES,
    VKC_TOKEN_STR,      /* a text without interpolations */
    VKC_TOKEN_STR_HEAD, /* up to the first { */
    VKC_TOKEN_STR_MID,
    VKC_TOKEN_STR_TAIL,
#define X(name, spelling) VKC_TOKEN_##name,
    VKC_KEYWORDS(X)
#undef X
#define X(name, spelling, goes_on) VKC_TOKEN_##name,
        VKC_PUNCTUATION(X)
#undef X
            VKC_TOKEN_KINDS
};

#define VKC_FLAG_NEWLINE 1u /* a newline stands somewhere before it */
#define VKC_FLAG_BREAK   2u /* that newline ends a statement, unless ( ) or [ ] are open */
#define VKC_FLAG_SPACED  4u /* white space or a comment stands before it */
#define VKC_FLAG_TRIPLE  8u /* of a text in """ */

/* What the parser took a token for, where the formatter cannot tell by its kind. */
enum vkc_token_role {
    VKC_ROLE_NONE,
    VKC_ROLE_PREFIX,  /* - ! ~ before their operand */
    VKC_ROLE_ANGLE,   /* < > of type parameters and arguments */
    VKC_ROLE_CALL,    /* ( of parameters and arguments, [ of an index: no space before */
    VKC_ROLE_LITERAL, /* { } of records, maps, objects and their patterns, .. of a record */
    VKC_ROLE_EMPTY,   /* { of {} */
    VKC_ROLE_FIRST,   /* first token of a declaration, statement, arm, clause or member */
    VKC_ROLE_ARM,     /* => of an arm or clause: aligned with its neighbours */
};

struct vkc_token {
    uint32_t start; /* offset in the file */
    uint32_t end;
    uint8_t kind;  /* enum vkc_token_kind */
    uint8_t flags; /* VKC_FLAG_... */
    uint8_t role;  /* enum vkc_token_role */
};

/* Comments are kept aside. */
struct vkc_comment {
    uint32_t start; /* offset in the file, at the // */
    uint32_t end;
    uint32_t before; /* index of the token that follows it */
    bool is_doc;     /* three slashes */
};

struct vkc_tokens {
    struct vkc_token *all; /* the last is END */
    uint32_t count;        /* END included */
    struct vkc_comment *comments;
    uint32_t comments_count;
};

/* "`(`", "a name", "the end of the file": for "expected ... found ...". */
const char *vkc_token_name(enum vkc_token_kind kind);
/* "(", "let"; NULL when the kind has no one spelling. */
const char *vkc_token_spelling(enum vkc_token_kind kind);
bool vkc_token_is_keyword(enum vkc_token_kind kind);

#endif
