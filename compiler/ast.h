/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a module: one tagged struct a class (type expressions, patterns,
 * expressions, statements, declarations), each node with its span. All of it
 * lies in the compilation's arena.
 *
 * The parser sets everything but the fields under "later passes", which are
 * NULL. Where it reported an error it leaves a node of kind BAD, which later
 * passes take for anything, without a message. The height of a tree is at most
 * VKC_CHAIN_MAX, and the blocks in it VKC_NESTING_MAX, so walking it by
 * recursion is safe; `else if` is a list.
 */
#ifndef COMPILER_AST_H
#define COMPILER_AST_H

#include "compiler/intern.h"
#include "compiler/token.h"

struct vkc_type;   /* later passes: what a type expression stands for */
struct vkc_symbol; /* later passes: what a name stands for */
struct vkc_call;   /* later passes: what a call calls */
struct vkc_body;   /* later passes: code that becomes one function */
struct vkc_expr;

struct vkc_ident {
    const struct vkc_name *name; /* NULL: none, or bad */
    struct vkc_span span;
};

struct vkc_idents {
    struct vkc_ident *items;
    uint32_t count;
};

/* `Name`, `module.Name`, `Enum.Variant`, `module.Enum.Variant`: 1 to 3 names, the last one last. */
struct vkc_path {
    struct vkc_ident *names;
    uint32_t count;
    struct vkc_span span;
    struct vkc_symbol *symbol; /* later passes */
};

/* ---- type expressions ------------------------------------------------------- */

struct vkc_type_exprs {
    struct vkc_type_expr **items;
    uint32_t count;
};

enum vkc_type_expr_kind {
    VKC_TYPE_EXPR_BAD,
    VKC_TYPE_EXPR_NAME,   /* Int, List<T>, m.Link */
    VKC_TYPE_EXPR_OPTION, /* T? */
    VKC_TYPE_EXPR_FN,     /* fn(A, B) -> R */
};

struct vkc_type_expr {
    enum vkc_type_expr_kind kind;
    struct vkc_span span;
    struct vkc_type *type; /* later passes */
    union {
        struct {
            struct vkc_path path;
            struct vkc_type_exprs args;
        } name;
        struct vkc_type_expr *option;
        struct {
            struct vkc_type_exprs params;
            struct vkc_type_expr *result; /* NULL: Nil */
        } fn;
    };
};

/* ---- patterns ---------------------------------------------------------------- */

struct vkc_patterns {
    struct vkc_pattern **items;
    uint32_t count;
};

/* `name: pattern`, `name` alone (pattern binds the same name), or an unnamed payload (name NULL). */
struct vkc_pattern_field {
    struct vkc_ident name;
    struct vkc_pattern *pattern;
    bool is_short;  /* `name` alone */
    uint32_t index; /* later passes: which field or payload */
};

enum vkc_pattern_kind {
    VKC_PATTERN_BAD,
    VKC_PATTERN_ANY,      /* _ */
    VKC_PATTERN_BIND,     /* name */
    VKC_PATTERN_INT,      /* number */
    VKC_PATTERN_DURATION, /* number: nanoseconds */
    VKC_PATTERN_BOOL,     /* number: 0 or 1 */
    VKC_PATTERN_STR,      /* text */
    VKC_PATTERN_VARIANT,  /* Variant, Variant(p, q), Variant(name: p), Enum.Variant(p) */
    VKC_PATTERN_RECORD,   /* Type { field, other: p, .. } */
    VKC_PATTERN_LIST,     /* [p, q], [p, ..], [p, ..rest] */
    VKC_PATTERN_ALT,      /* p | q: two or more, none of them an ALT */
};

struct vkc_pattern {
    enum vkc_pattern_kind kind;
    struct vkc_span span;
    struct vkc_type *type;     /* later passes */
    struct vkc_symbol *symbol; /* later passes: of BIND, or of `..rest` */
    union {
        struct vkc_ident bind;
        int64_t number;
        struct {
            const char *bytes;
            uint32_t len_bytes;
        } text;
        struct { /* VARIANT, RECORD */
            struct vkc_path path;
            struct vkc_pattern_field *fields;
            uint32_t count;
            bool has_parens; /* VARIANT: with a list, though it be empty */
            bool is_open;    /* RECORD: ends with `..` */
        } of;
        struct {
            struct vkc_patterns items; /* those before the rest */
            bool has_rest;
            struct vkc_ident rest; /* of `..rest`; name NULL for `..` */
        } list;
        struct vkc_patterns alt;
    };
};

/* ---- expressions --------------------------------------------------------------- */

struct vkc_exprs {
    struct vkc_expr **items;
    uint32_t count;
};

struct vkc_stmts {
    struct vkc_stmt **items;
    uint32_t count;
};

/* An argument, a field of a record literal, an entry of an object. */
struct vkc_arg {
    struct vkc_ident name;  /* name NULL: by its place */
    struct vkc_expr *value; /* of `name` alone: a NAME expression */
    bool is_short;          /* `name` alone */
};

struct vkc_args {
    struct vkc_arg *items;
    uint32_t count;
};

/* A piece of a Str: bytes, or the expression whose text stands there. */
struct vkc_str_part {
    struct vkc_expr *expr; /* NULL: bytes */
    const char *bytes;     /* escapes resolved */
    uint32_t len_bytes;
    struct vkc_span span;
};

struct vkc_param {
    struct vkc_ident name;      /* `_` is no name: its name is NULL */
    struct vkc_type_expr *type; /* NULL: left out (closures) */
    struct vkc_expr *value;     /* the default; NULL: none */
    struct vkc_symbol *symbol;  /* later passes */
};

struct vkc_params {
    struct vkc_param *items;
    uint32_t count;
};

/* What functions, methods and closures share. */
struct vkc_fn {
    struct vkc_idents type_params;
    struct vkc_params params;
    struct vkc_type_expr *result; /* NULL: Nil; of a closure: to be inferred */
    struct vkc_expr *body; /* a BLOCK; of a closure `fn(x) => e`: e; NULL: of the host, without a stand-in */
    bool is_host;          /* `host fn`: the host supplies it, and body stands for it in tests */
};

struct vkc_arm {
    struct vkc_pattern *pattern;
    struct vkc_expr *guard; /* NULL: none */
    struct vkc_expr *body;
    struct vkc_span span;
};

/* `if` or `else if`: condition and BLOCK. */
struct vkc_branch {
    struct vkc_expr *condition;
    struct vkc_expr *body;
};

struct vkc_entry {
    struct vkc_expr *key;
    struct vkc_expr *value;
};

enum vkc_unary {
    VKC_UNARY_NEGATE, /* - */
    VKC_UNARY_NOT,    /* ! */
    VKC_UNARY_INVERT, /* ~ */
};

/* In the order of the table below; the arithmetic ones are those of `op=` too. */
enum vkc_binary {
    VKC_BINARY_MUL,
    VKC_BINARY_DIV,
    VKC_BINARY_REM,
    VKC_BINARY_ADD,
    VKC_BINARY_SUB,
    VKC_BINARY_SHL,
    VKC_BINARY_SHR,
    VKC_BINARY_AND, /* & */
    VKC_BINARY_XOR,
    VKC_BINARY_OR, /* | */
    VKC_BINARY_EQ,
    VKC_BINARY_NE,
    VKC_BINARY_LT,
    VKC_BINARY_LE,
    VKC_BINARY_GT,
    VKC_BINARY_GE,
    VKC_BINARY_BOTH,     /* && */
    VKC_BINARY_EITHER,   /* || */
    VKC_BINARY_COALESCE, /* ?? */
    VKC_BINARY_COUNT
};

enum vkc_method {
    VKC_METHOD_GET,
    VKC_METHOD_HEAD,
    VKC_METHOD_POST,
    VKC_METHOD_PUT,
    VKC_METHOD_PATCH,
    VKC_METHOD_DELETE,
    VKC_METHOD_OPTIONS,
    VKC_METHOD_COUNT
};

enum vkc_expr_kind {
    VKC_EXPR_BAD,
    VKC_EXPR_INT,      /* number; the least Int is one literal with its minus sign */
    VKC_EXPR_DURATION, /* number: nanoseconds */
    VKC_EXPR_BOOL,     /* number: 0 or 1 */
    VKC_EXPR_FLOAT,    /* real */
    VKC_EXPR_STR,      /* str: parts, none when it is empty */
    VKC_EXPR_BYTES,    /* bytes */
    VKC_EXPR_NAME,     /* name; a variant or a type when it begins with a capital */
    VKC_EXPR_FIELD,    /* field: x.f, m.f, Enum.Variant */
    VKC_EXPR_INDEX,    /* index: x[i] */
    VKC_EXPR_CALL,     /* call: f(a), x.f(a), Variant(a), Actor(a) */
    VKC_EXPR_PASS,     /* operand: e? */
    VKC_EXPR_UNARY,    /* unary */
    VKC_EXPR_BINARY,   /* binary */
    VKC_EXPR_LIST,     /* list */
    VKC_EXPR_MAP,      /* map; {} too, where no block can stand */
    VKC_EXPR_RECORD,   /* record: Link { id, url: u, ..base } */
    VKC_EXPR_OBJECT,   /* object: { name, other: e }, only in JSON */
    VKC_EXPR_JSON,     /* json: `json e`, `json 404 e`: a Response */
    VKC_EXPR_CLOSURE,  /* closure */
    VKC_EXPR_IF,       /* branch */
    VKC_EXPR_MATCH,    /* match */
    VKC_EXPR_BLOCK,    /* block; {} behind => is an empty one: an empty map where a map is expected */
    VKC_EXPR_RETURN,   /* operand, or NULL */
    VKC_EXPR_BREAK,
    VKC_EXPR_CONTINUE,
    VKC_EXPR_FAIL,    /* operand */
    VKC_EXPR_SEND,    /* operand: a CALL whose callee is a FIELD, or BAD */
    VKC_EXPR_AWAIT,   /* await */
    VKC_EXPR_SPAWN,   /* operand: a CALL or a BLOCK, or BAD */
    VKC_EXPR_START,   /* operand: a CALL, or BAD */
    VKC_EXPR_REQUEST, /* request: GET "/path", body: b; only in tests */
};

struct vkc_expr {
    enum vkc_expr_kind kind;
    uint16_t height; /* 0 for a leaf, blocks not counted; at most VKC_CHAIN_MAX */
    bool has_parens; /* it stood in ( ), which the span includes */
    struct vkc_span span;
    struct vkc_type *type;     /* later passes */
    struct vkc_symbol *symbol; /* later passes: of NAME, FIELD, RECORD */
    struct vkc_call *meaning;  /* later passes: compiler/types.h */
    struct vkc_body *inner;    /* later passes: of CLOSURE and SPAWN of a block */
    bool shares;               /* later passes: a second owner of the list or map */
    union {
        int64_t number;
        double real;
        struct {
            struct vkc_str_part *parts;
            uint32_t count;
        } str;
        struct {
            const char *bytes;
            uint32_t len_bytes;
        } bytes;
        struct vkc_ident name;
        struct {
            struct vkc_expr *object;
            struct vkc_ident name;
        } field;
        struct {
            struct vkc_expr *object;
            struct vkc_expr *index;
        } index;
        struct {
            struct vkc_expr *callee;
            struct vkc_args args;
        } call;
        struct vkc_expr *operand;
        struct {
            enum vkc_unary op;
            struct vkc_expr *operand;
        } unary;
        struct {
            enum vkc_binary op;
            struct vkc_span op_span;
            struct vkc_expr *left;
            struct vkc_expr *right;
        } binary;
        struct vkc_exprs list;
        struct {
            struct vkc_entry *entries;
            uint32_t count;
        } map;
        struct {
            struct vkc_path path;
            struct vkc_args fields;
            struct vkc_expr *base; /* of `..base`; NULL: none */
            uint32_t base_at;      /* how many fields stood before it: the order of evaluation */
        } record;
        struct vkc_args object;
        struct {
            struct vkc_expr *status; /* an INT; NULL: 200 */
            struct vkc_expr *value;  /* an OBJECT or any expression */
        } json;
        struct vkc_fn *closure;
        struct {
            struct vkc_branch *branches; /* one or more */
            uint32_t count;
            struct vkc_expr *otherwise; /* a BLOCK; NULL: no else */
        } branch;
        struct {
            struct vkc_expr *subject;
            struct vkc_arm *arms;
            uint32_t count;
        } match;
        struct vkc_stmts block;
        struct {
            struct vkc_expr *operand; /* a CALL of a method, or a fiber */
            struct vkc_expr *timeout; /* NULL: none given */
            bool is_try;              /* try await */
        } await;
        struct {
            enum vkc_method method;
            struct vkc_expr *target; /* a STR */
            struct vkc_args options; /* all named: body, headers */
        } request;
    };
};

/* ---- statements ------------------------------------------------------------------ */

enum vkc_stmt_kind {
    VKC_STMT_BAD,
    VKC_STMT_LET,    /* let: also var, and `let _ = e` */
    VKC_STMT_ASSIGN, /* assign */
    VKC_STMT_EXPR,   /* expr; a NAME `stop` that nothing declares ends an actor */
    VKC_STMT_FOR,    /* loop */
    VKC_STMT_WHILE,  /* loop: range.first is the condition */
    VKC_STMT_ASSERT, /* expr */
};

struct vkc_stmt {
    enum vkc_stmt_kind kind;
    struct vkc_span span;
    union {
        struct {
            struct vkc_ident name;      /* name NULL: `_`, or bad */
            struct vkc_type_expr *type; /* NULL: to be inferred */
            struct vkc_expr *value;
            struct vkc_symbol *symbol; /* later passes */
            bool is_var;
        } let;
        struct {
            struct vkc_expr *place; /* NAME, FIELD, INDEX chains that begin with a NAME, or BAD */
            struct vkc_expr *value;
            struct vkc_span op_span;
            enum vkc_binary op; /* VKC_BINARY_COUNT: plain = */
        } assign;
        struct vkc_expr *expr;
        struct {
            struct vkc_ident names[2];     /* name NULL: `_` */
            struct vkc_symbol *symbols[2]; /* later passes */
            uint32_t names_count;          /* of FOR: 1 or 2 */
            struct vkc_expr *first;        /* what it goes through, the range's start, or WHILE's condition */
            struct vkc_expr *last;         /* the end of the range; NULL: no range */
            struct vkc_expr *body;         /* a BLOCK */
        } loop;
    };
};

/* ---- declarations ------------------------------------------------------------------ */

struct vkc_field {
    struct vkc_ident name; /* name NULL: an unnamed payload */
    struct vkc_type_expr *type;
    bool is_var;
};

struct vkc_fields {
    struct vkc_field *items;
    uint32_t count;
};

struct vkc_variant {
    struct vkc_ident name;
    struct vkc_fields payload; /* all named or none */
};

enum vkc_member_kind {
    VKC_MEMBER_VAR,   /* a let or var of the actor: stmt is a LET */
    VKC_MEMBER_ON,    /* name and fn */
    VKC_MEMBER_EVERY, /* period and body */
};

struct vkc_member {
    enum vkc_member_kind kind;
    struct vkc_span span;
    struct vkc_stmt *var;
    struct vkc_ident name;
    struct vkc_fn fn; /* ON */
    struct vkc_expr *period;
    struct vkc_expr *body;     /* EVERY: a BLOCK */
    struct vkc_symbol *symbol; /* later passes */
};

enum vkc_strategy {
    VKC_STRATEGY_RESTART,
    VKC_STRATEGY_REST,
    VKC_STRATEGY_ALL,
};

struct vkc_child {
    struct vkc_ident name;
    struct vkc_expr *start;    /* a CALL of an actor, or BAD */
    struct vkc_symbol *symbol; /* later passes */
};

/* A segment of a route's path: literal bytes (escapes resolved), or a capture. An empty one ends a path that
 * ends with /. */
struct vkc_segment {
    bool is_capture;
    struct vkc_param capture; /* type NULL: Str */
    const char *bytes;
    uint32_t len_bytes;
    struct vkc_span span;
};

enum vkc_clause_kind {
    VKC_CLAUSE_ROUTE,
    VKC_CLAUSE_ERROR, /* pattern => body */
    VKC_CLAUSE_CRASH, /* crash => body */
};

struct vkc_clause {
    enum vkc_clause_kind kind;
    struct vkc_span span;
    enum vkc_method method;
    struct vkc_span pattern_span; /* of the route's text */
    struct vkc_segment *segments; /* none: "/" */
    uint32_t segments_count;
    struct vkc_params query; /* type NULL: Str */
    struct vkc_pattern *pattern;
    struct vkc_expr *body;
};

/* `heap: 64k, cpu: 5ms`: a span of {0, 0} says that it was not given. */
struct vkc_http_options {
    struct vkc_span heap_span;
    struct vkc_span cpu_span;
    struct vkc_span deadline_span;
    uint64_t heap_bytes;
    int64_t cpu_ns;
    int64_t deadline_ns;
};

struct vkc_store {
    struct vkc_type_expr *type; /* of its values; NULL: bad */
    struct vkc_span entries_span;
    struct vkc_span bytes_span;
    struct vkc_span ttl_span;
    uint32_t entries;
    uint64_t bytes;
    int64_t ttl_ns; /* 0: for ever */
};

enum vkc_decl_kind {
    VKC_DECL_BAD,
    VKC_DECL_LET, /* let: a statement LET, never var */
    VKC_DECL_FN,
    VKC_DECL_RECORD,
    VKC_DECL_ENUM,
    VKC_DECL_ACTOR,
    VKC_DECL_SUPERVISE,
    VKC_DECL_STORE,
    VKC_DECL_HTTP,
    VKC_DECL_TEST,
};

struct vkc_decl {
    enum vkc_decl_kind kind;
    bool is_pub;
    struct vkc_span span;
    struct vkc_ident name; /* of LET, FN, RECORD, ENUM, ACTOR, STORE */
    uint32_t doc_first;    /* its /// comments in the module's tokens */
    uint32_t doc_count;
    struct vkc_symbol *symbol; /* later passes */
    union {
        struct vkc_stmt *let;
        struct vkc_fn fn;
        struct {
            struct vkc_idents type_params;
            struct vkc_fields fields;
        } record;
        struct {
            struct vkc_idents type_params;
            struct vkc_variant *variants;
            uint32_t count;
        } enumeration;
        struct {
            struct vkc_params params;
            struct vkc_http_options options; /* heap alone */
            struct vkc_member *members;
            uint32_t count;
        } actor;
        struct {
            enum vkc_strategy strategy;
            struct vkc_expr *max; /* constants, for a later pass to evaluate */
            struct vkc_expr *per;
            struct vkc_child *children;
            uint32_t count;
        } supervise;
        struct vkc_store store;
        struct {
            struct vkc_expr *address; /* an INT (the port) or a STR without interpolations */
            struct vkc_http_options options;
            struct vkc_clause *clauses;
            uint32_t count;
        } http;
        struct {
            struct vkc_expr *title; /* a STR without interpolations */
            struct vkc_expr *body;  /* a BLOCK */
        } test;
    };
};

struct vkc_import {
    struct vkc_idents path; /* a/b */
    struct vkc_ident alias; /* of `as c`, else the last of the path */
    struct vkc_span span;
    struct vkc_module *module; /* later passes */
};

struct vkc_module {
    const struct vkc_source *source;
    struct vkc_tokens tokens;
    struct vkc_ident service; /* name NULL: none */
    struct vkc_import *imports;
    uint32_t imports_count;
    struct vkc_decl **decls;
    uint32_t decls_count;
};

#endif
