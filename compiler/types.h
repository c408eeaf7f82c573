/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What checking finds out about a program: types, symbols, bodies, calls,
 * instances. Lowering reads this and the trees of compiler/ast.h, whose fields
 * under "later passes" are set by then:
 *
 *   vkc_expr.type      the solved type, interned: equal types are one pointer. It may hold type
 *                      parameters of the body it stands in; vkc_type_at() puts an instance's in.
 *   vkc_expr.symbol    of NAME (unless it is a built-in function) and of a FIELD that is m.name
 *                      or Enum.Variant: what it stands for
 *   vkc_expr.meaning   of whatever calls or builds something (struct vkc_call): CALL, RECORD,
 *                      START; FIELD where it is a built-in without parentheses (xs.len) or a field
 *                      of a record (READ); NAME and FIELD that are a variant without payload, or a
 *                      function taken as a value (VALUE); INDEX of Json
 *   vkc_expr.inner     of CLOSURE, and of SPAWN of a block: its body
 *   vkc_expr.shares    SHARE is to be emitted for the value (see "ownership")
 *   vkc_pattern.type, .symbol (BIND and ..rest), .of.path.symbol (VARIANT: the variant, RECORD: the
 *                      record), .of.fields[].index (which payload or field)
 *   vkc_stmt.let.symbol, .loop.symbols[], vkc_param.symbol, vkc_decl.symbol, vkc_member.symbol,
 *   vkc_child.symbol, vkc_path.symbol
 *
 * None of it may be used for code unless the program has no errors.
 */
#ifndef COMPILER_TYPES_H
#define COMPILER_TYPES_H

#include "compiler/limits.h"
#include "compiler/program.h"

struct vkc_asset;
struct vkc_body;
struct vkc_builtin;

/* ---- types ----------------------------------------------------------------- */

enum vkc_type_kind {
    VKC_TYPE_ERROR,  /* after an error was told: fits everything, silently */
    VKC_TYPE_NOBODY, /* only as an expectation: nobody takes the value */
    VKC_TYPE_NEVER,  /* of return, break, continue, fail: fits everywhere */
    VKC_TYPE_NIL,
    VKC_TYPE_INT,
    VKC_TYPE_FLOAT,
    VKC_TYPE_BOOL,
    VKC_TYPE_DURATION,
    VKC_TYPE_STR,
    VKC_TYPE_BYTES,
    VKC_TYPE_REQUEST,
    VKC_TYPE_RESPONSE,
    VKC_TYPE_REPLY,  /* what GET "/x" in a test gives */
    VKC_TYPE_STREAM, /* `out` of stream() */
    VKC_TYPE_CRASH,  /* `crash` of a crash clause */
    VKC_TYPE_OBJECT, /* of an OBJECT expression: only below `json`; its entries say what it holds */
    VKC_TYPE_LIST,   /* args: element */
    VKC_TYPE_MAP,    /* args: key, value */
    VKC_TYPE_FIBER,  /* args: what it gives */
    VKC_TYPE_STORE,  /* args: its values; a number at run time, its place among the stores */
    VKC_TYPE_FN,     /* args: parameters, then the result */
    VKC_TYPE_NAMED,  /* symbol is a RECORD, ENUM (Option, Result, Json too) or ACTOR; args: its type arguments
                      */
    VKC_TYPE_PARAM,  /* symbol is a TYPE_PARAM: any type, the same throughout the body */
    VKC_TYPE_VAR,    /* while inferring only */
};

struct vkc_type {
    enum vkc_type_kind kind;
    bool has_vars;   /* it is or holds a VAR: not interned */
    bool has_params; /* it is or holds a PARAM */
    uint32_t id;     /* of interned ones, from 0 in order of making: an index for tables; of VARs, a number */
    struct vkc_symbol *symbol; /* NAMED, PARAM */
    uint32_t count;            /* of args */
    struct vkc_type **args;
    /* private */
    struct vkc_type *link;  /* VAR: what it was found to be, or another VAR; NULL: open */
    struct vkc_span origin; /* VAR: whose type it is, for the message when it stays open */
    struct vkc_type *next;  /* in its hash chain */
    uint32_t hash;
};

struct vkc_types {
    struct vkc_arena *arena;
    /* The types without arguments, by kind. */
    struct vkc_type *simple[VKC_TYPE_VAR + 1];
    uint32_t count; /* of interned types: ids are below it */
    uint32_t vars_count;
    struct vkc_type **all; /* by id */
    /* private */
    struct vkc_type **slots;
    uint32_t room, all_room;
};

void vkc_types_init(struct vkc_types *types, struct vkc_arena *arena);
void vkc_types_fini(struct vkc_types *types);

/* The type of that kind with those arguments; interned unless an argument has open variables. */
struct vkc_type *vkc_type_make(struct vkc_types *types, enum vkc_type_kind kind, struct vkc_symbol *symbol,
                               struct vkc_type *const *args, uint32_t count);
struct vkc_type *vkc_type_var(struct vkc_types *types, struct vkc_span origin);

/* The representative: follows solved variables at the top only. */
struct vkc_type *vkc_type_find(struct vkc_type *type);

/* The type with all solved variables replaced; interned when none is open. */
struct vkc_type *vkc_type_solve(struct vkc_types *types, struct vkc_type *type);

/* params[i] replaced by args[i], both `count` long. */
struct vkc_type *vkc_type_replace(struct vkc_types *types, struct vkc_type *type,
                                  struct vkc_symbol *const *params, struct vkc_type *const *args,
                                  uint32_t count);

/* Makes both equal by solving variables. Returns false, with some of them solved, when they cannot be. */
bool vkc_type_unify(struct vkc_types *types, struct vkc_type *a, struct vkc_type *b);

/* How many types it is made of, written out; stops counting above `most`. */
uint32_t vkc_type_size(struct vkc_type *type, uint32_t most);

/* As it is written in a program: `Map<Str, Int>`, `fn(Int) -> Int`, `T?`; open variables as `_`. In the
 * arena. */
const char *vkc_type_text(struct vkc_types *types, struct vkc_type *type);

/* ---- symbols ----------------------------------------------------------------- */

enum vkc_symbol_kind {
    VKC_SYMBOL_LOCAL, /* let, var, loop variable, name of a pattern */
    VKC_SYMBOL_PARAM, /* of a function, closure or method; capture or query parameter of a route; `req`,
                         `crash` */
    VKC_SYMBOL_STATE, /* parameter, let or var of an actor: lies in the actor's state at `index` */
    VKC_SYMBOL_SELF,  /* the state of an actor: never named; captured by closures that use a STATE */
    VKC_SYMBOL_FN,    /* top-level function */
    VKC_SYMBOL_LET,   /* top-level let */
    VKC_SYMBOL_CHILD, /* name of a supervised actor */
    VKC_SYMBOL_STORE, /* index: its place in vkc_checked.stores */
    VKC_SYMBOL_RECORD,
    VKC_SYMBOL_ENUM,
    VKC_SYMBOL_VARIANT, /* outer is its ENUM; index its tag */
    VKC_SYMBOL_ACTOR,
    VKC_SYMBOL_METHOD, /* `on` of an actor; outer is its ACTOR, index counts them */
    VKC_SYMBOL_TYPE_PARAM,
    VKC_SYMBOL_SIMPLE, /* Int, List and the other built-in types */
    VKC_SYMBOL_MODULE, /* name of an import */
    VKC_SYMBOL_TEST,   /* only so that there is one of a name */
};

/* A parameter, a field of a record, a part of a payload. */
struct vkc_slot {
    const struct vkc_name *name; /* NULL: unnamed payload, or `_` */
    struct vkc_type *type;       /* in the type parameters of its declaration */
    struct vkc_span span;
    struct vkc_expr *value; /* the default; NULL: none */
    bool is_var;            /* of a record's field */
};

/*
 * One symbol a declaration. Where it captures or is captured:
 *
 * A local that a closure or spawned block uses is captured: by value when it
 * never changes after (is_var false), else both share a cell (needs_cell):
 * every use of the symbol, in its own body too, goes through the cell.
 */
struct vkc_symbol {
    enum vkc_symbol_kind kind;
    const struct vkc_name *name;
    struct vkc_span span; /* of the name where it is declared; {0, 0}: built in */
    uint32_t module;      /* index in vkc_checked.modules */
    bool is_pub;
    bool is_var; /* LOCAL, STATE: may be assigned */
    bool is_used;
    bool is_captured;      /* LOCAL, PARAM: by a closure or a spawned block */
    bool needs_cell;       /* captured and var */
    bool has_identity;     /* RECORD: has var fields */
    bool is_plain;         /* ENUM: no variant has a payload: a number at run time */
    struct vkc_type *type; /* of the value; FN, METHOD: its FN type; RECORD, ENUM, ACTOR: NAMED with its own
                              parameters; VARIANT: its enum's */
    struct vkc_decl *decl; /* NULL: no top-level declaration */
    struct vkc_symbol *outer;   /* VARIANT, METHOD, STATE: see above */
    uint32_t index;             /* VARIANT, STATE, METHOD; PARAM: which; LET: place in vkc_checked.lets */
    struct vkc_symbol **params; /* TYPE_PARAMs of FN, RECORD, ENUM */
    uint32_t params_count;
    struct vkc_slot *slots; /* FN, METHOD, ACTOR: parameters; RECORD: fields; VARIANT: payload */
    uint32_t slots_count;
    struct vkc_type *result;     /* FN, METHOD */
    struct vkc_symbol **members; /* ENUM: variants; ACTOR: methods */
    uint32_t members_count;
    struct vkc_symbol **state; /* ACTOR: STATE symbols; parameters first */
    uint32_t state_count;
    struct vkc_symbol *self;   /* ACTOR: its SELF */
    struct vkc_body *body;     /* FN, METHOD, LET: its own; LOCAL, PARAM: the one it belongs to */
    enum vkc_type_kind simple; /* SIMPLE */
    uint32_t target;           /* MODULE: index of the module */
    /* private */
    uint32_t slot; /* of liveness, from 1 */
    uint8_t progress;
};

/* ---- calls ----------------------------------------------------------------------- */

enum vkc_call_kind {
    VKC_CALL_FN,      /* symbol; a method call x.f(a) has x as its first argument */
    VKC_CALL_CLOSURE, /* receiver gives the function value: evaluated before the arguments */
    VKC_CALL_VARIANT, /* symbol: a value of the enum */
    VKC_CALL_RECORD,  /* symbol: args by field; those not given come from `receiver` (the ..base) */
    VKC_CALL_BUILTIN, /* builtin; receiver is x of x.f(a), NULL for a plain function */
    VKC_CALL_ACTOR,   /* symbol: START, and a child of supervise */
    VKC_CALL_METHOD,  /* symbol: what AWAIT and SEND do to the actor that receiver gives */
    VKC_CALL_READ,    /* FIELD of a record: receiver, and its field `index` */
    VKC_CALL_VALUE,   /* a FN taken as a value */
};

/* One argument; `args` are in the order of evaluation, each parameter exactly once, defaults last. */
struct vkc_call_arg {
    struct vkc_expr
        *value;     /* of a default: the constant expression of the declaration, evaluated in no scope */
    uint32_t index; /* of the parameter, field or payload */
    bool is_default;
};

struct vkc_call {
    enum vkc_call_kind kind;
    struct vkc_symbol *symbol;
    const struct vkc_builtin *builtin;
    struct vkc_expr *receiver;
    uint32_t base_at;              /* RECORD: how many args are evaluated before the base */
    uint32_t index;                /* READ */
    const struct vkc_asset *asset; /* BUILTIN `embed` and its kin: the file; NULL: told */
    struct vkc_call_arg *args;
    uint32_t count;
    /* FN, VALUE, BUILTIN: what its type parameters are, in terms of those of the body the call stands in. */
    struct vkc_type **type_args;
    uint32_t type_args_count;
};

/* ---- bodies ------------------------------------------------------------------------ */

enum vkc_body_kind {
    VKC_BODY_FN,
    VKC_BODY_CLOSURE,
    VKC_BODY_SPAWN, /* of a block; no parameters */
    VKC_BODY_LET,   /* the value of a top-level let */
    VKC_BODY_START, /* initial values of an actor's variables: code is NULL, see its decl's members; params:
                       the actor's */
    VKC_BODY_METHOD,
    VKC_BODY_EVERY,
    VKC_BODY_PERIOD, /* the time of an `every`: a Duration */
    VKC_BODY_CHILD,  /* start of a supervised actor: code is the CALL, whose call is ACTOR */
    VKC_BODY_ROUTE,  /* params: `req`, then captures, then query parameters; gives a Response */
    VKC_BODY_ERROR,  /* params: `req`; clause.pattern binds; gives a Response */
    VKC_BODY_CRASH,  /* params: `crash`; gives a Response */
    VKC_BODY_TEST,
};

/* A way for a handler to choose an error clause. */
struct vkc_fail {
    struct vkc_type *type;      /* an enum */
    struct vkc_symbol *variant; /* NULL: any of it */
    struct vkc_span span;
};

/* Why a body may wait: the first place found. */
struct vkc_wait {
    struct vkc_span span;
    const char *what;        /* "await", "sleep", "send"; for a call the callee's name */
    struct vkc_body *callee; /* NULL: waits itself */
};

/* Something that type arguments must be able to do: told when an instance does not. */
struct vkc_demand {
    uint8_t trait; /* enum vkc_trait */
    struct vkc_type *type;
    struct vkc_span span;
};

/* A use of another body: calls (FN), functions taken as values, closures inside; and of top-level lets. */
struct vkc_edge {
    struct vkc_body *callee; /* NULL: a value of that many parameters is called, or a let is read */
    struct vkc_symbol *let;
    struct vkc_call *call; /* FN, VALUE, BUILTIN with type arguments */
    uint32_t arity;        /* of a function value that is called */
    bool runs;             /* false: taken as a value, or started as a fiber */
    struct vkc_span span;
};

/* Code that becomes one function of bytecode (one an instance). */
struct vkc_body {
    enum vkc_body_kind kind;
    uint32_t id; /* index in vkc_checked.bodies */
    uint32_t module;
    struct vkc_symbol
        *symbol;              /* FN, METHOD, LET; START, METHOD, EVERY, PERIOD: see actor; CHILD: the child */
    struct vkc_symbol *actor; /* of what stands inside an actor, closures too */
    struct vkc_body *outer;   /* CLOSURE, SPAWN: the body around it */
    struct vkc_decl *decl;    /* the declaration it stands in */
    struct vkc_clause *clause; /* ROUTE, ERROR, CRASH */
    struct vkc_member *member; /* METHOD, EVERY, PERIOD */
    struct vkc_expr *code;
    struct vkc_span span;
    struct vkc_span starts;          /* the first `start` of an actor in it; its start 0: there is none */
    struct vkc_symbol **type_params; /* of the function it is or stands in */
    uint32_t type_params_count;
    struct vkc_symbol **params;
    uint32_t params_count;
    struct vkc_type *result;    /* what it gives; NIL: the value of code is dropped */
    struct vkc_symbol **locals; /* all that are declared in it, not in closures inside */
    uint32_t locals_count;
    struct vkc_symbol **captures; /* CLOSURE, SPAWN: LOCAL, PARAM, SELF of bodies around it; each also
                                     captured by those between */
    uint32_t captures_count;
    bool *borrows; /* by parameter: the callee only reads it, see "ownership" */
    bool may_wait;
    struct vkc_wait wait; /* when may_wait */
    struct vkc_edge *edges;
    uint32_t edges_count, edges_room;
    struct vkc_demand *demands;
    uint32_t demands_count, demands_room;
    /* private */
    uint32_t locals_room, captures_room;
    struct vkc_fail **fails; /* ROUTE: what it can fail with, to be covered by error clauses */
    uint32_t fails_count, fails_room;
    uint8_t progress;
};

/* Whether the host supplies it: `host fn`. */
VK_INLINE bool vkc_body_is_host(const struct vkc_body *body)
{
    return body->kind == VKC_BODY_FN && body->decl->fn.is_host;
}

/*
 * A body with its type arguments: what lowering makes one function of. Closures
 * inside a generic function are instances of their own, with the same arguments.
 */
struct vkc_instance {
    struct vkc_body *body;
    struct vkc_type **args; /* without parameters: concrete; body->type_params_count of them */
    struct vkc_span span;   /* where it was first asked for */
    uint32_t id;            /* index in vkc_checked.instances */
    /* private */
    struct vkc_instance *next;
    struct vkc_instance *from; /* the instance that asked */
};

/*
 * Ownership, for lists and maps. An object may have one owner, who writes it in
 * place; from SHARE on, who writes copies first. Owners are variables, fields,
 * elements, captured values; a temporary passes its ownership on. Lowering emits
 * SHARE on the value of an expression exactly when `shares` is set and the type
 * of the instance is a list or a map, and always on what a pattern or a loop
 * binds if that is one. Without `shares` the value is new, is only read while it
 * cannot change, or its variable is not used again. Capturing marks nothing: all
 * uses of captured variables do.
 *
 * A parameter that `borrows` is only read by its callee: the caller keeps the
 * ownership. Through a function value, and of a spawned call, none borrows.
 * Messages are copied: they mark nothing. A native that puts elements of its
 * receiver or arguments into a second place marks those that are lists or maps;
 * so does lowering for the fields that a record takes from its ..base.
 */

/* ---- the program -------------------------------------------------------------------- */

struct vkc_checked_module {
    struct vkc_module *module;
    const char *name;           /* "a/b" */
    struct vkc_symbol *symbols; /* private */
    uint8_t progress;
};

/* An http block. */
struct vkc_service {
    struct vkc_decl *decl;
    uint32_t module;
    struct vkc_body **clauses; /* of decl->http.clauses, by index: ROUTE, ERROR, CRASH */
};

struct vkc_checked {
    struct vkc_program *program;
    struct vkc_types types;
    struct vkc_checked_module *modules; /* the program's first; the last is the prelude's */
    uint32_t modules_count;
    struct vkc_body **bodies;
    uint32_t bodies_count;
    struct vkc_symbol **lets; /* in order of evaluation */
    uint32_t lets_count;
    struct vkc_symbol **actors;
    uint32_t actors_count;
    struct vkc_decl **supervisors; /* in order of start; children: vkc_child.symbol, ->body */
    uint32_t supervisors_count;
    struct vkc_symbol **stores;
    uint32_t stores_count;
    struct vkc_service *services;
    uint32_t services_count;
    struct vkc_body **tests;
    uint32_t tests_count;
    struct vkc_instance **instances; /* every body that can run, concrete ones too (no arguments) */
    uint32_t instances_count;
    struct vkc_symbol *option, *result, *json, *json_error, *call_error; /* enums of the prelude */
    /* private */
    struct vkc_pass *pass;
};

/* The type that an expression, pattern or symbol has in that instance: concrete and interned. */
struct vkc_type *vkc_type_at(struct vkc_checked *checked, struct vkc_type *type,
                             const struct vkc_instance *instance);

/* The instance of a callee, asked for by a call, value, or closure (call NULL) in an instance. */
struct vkc_instance *vkc_instance_of(struct vkc_checked *checked, struct vkc_body *callee,
                                     const struct vkc_call *call, const struct vkc_instance *caller);

/* The type of a slot of a record, variant or built-in for those type arguments of its owner. */
struct vkc_type *vkc_slot_type(struct vkc_checked *checked, const struct vkc_symbol *symbol, uint32_t index,
                               struct vkc_type *of);

/* What `T` is when the type is an Option, else NULL. */
struct vkc_type *vkc_type_option(const struct vkc_checked *checked, struct vkc_type *type);
/* Whether a host can give what the function takes and take what it gives. */
bool vkc_can_be_host(const struct vkc_checked *checked, const struct vkc_symbol *symbol);

/* ---- what types can do ------------------------------------------------------------------ */

#define VKC_TRAITS(X)                           \
    X(EQUAL, "equal", "be compared")            \
    X(ORDER, "order", "be put in order")        \
    X(KEY, "key", "be the key of a map")        \
    X(SWAP, "swap", "be swapped in a store")    \
    X(SEND, "send", "be sent")                  \
    X(FREEZE, "freeze", "be a top-level `let`") \
    X(JSON, "json", "be written as JSON")       \
    X(PARSE, "parse", "be read from JSON")      \
    X(TEXT, "text", "stand in a text")          \
    X(NUMBER, "number", "be added up")          \
    X(ADDRESS, "address", "be linked to: it is no actor")

enum vkc_trait {
#define X(name, word, phrase) VKC_TRAIT_##name,
    VKC_TRAITS(X)
#undef X
        VKC_TRAIT_COUNT
};

/* Whether every value of the type can. Of type parameters: yes (their demands are checked by instance). */
bool vkc_type_can(struct vkc_checked *checked, struct vkc_type *type, enum vkc_trait trait);

/* ---- entry ------------------------------------------------------------------------------- */

/* Reads an imported file. Returns NULL with *ret_why a sentence when it cannot. */
typedef struct vkc_source *vkc_load_fn(struct vkc_program *program, const char *path, const char **ret_why,
                                       void *context);

/*
 * Parses what the first module imports, checks everything; errors are in
 * program->diags. Never NULL; valid as long as the program, freed by
 * vkc_checked_fini. `load` NULL: imports are errors.
 */
struct vkc_checked *vkc_analyse(struct vkc_program *program, vkc_load_fn *load, void *context);
void vkc_checked_fini(struct vkc_checked *checked);

/* For --explain-waits: a line for each function that can wait, with the first place where. */
void vkc_waits_print(const struct vkc_checked *checked, struct vkc_text *text);

#endif
