/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the checker share: not for others. */
#ifndef COMPILER_PASS_H
#define COMPILER_PASS_H

#include "compiler/builtins.h"
#include "compiler/types.h"

/* Types and values have names of their own, which differ in their first letter; so have variants. */
enum vkc_space {
    VKC_SPACE_VALUE,   /* functions, lets, supervised actors, stores, modules */
    VKC_SPACE_TYPE,    /* records, enums, actors */
    VKC_SPACE_VARIANT, /* several of one name are chained */
    VKC_SPACE_TEST,
};

struct vkc_table_entry {
    struct vkc_symbol *symbol;
    const struct vkc_name *name;
    uint32_t module;
    uint8_t space;
    struct vkc_table_entry *next;    /* in its slot */
    struct vkc_table_entry *another; /* of the same name: variants */
};

/* Why a type was expected. */
struct vkc_reason {
    struct vkc_span span;
    const char *text;
};

/* A check that needs types solved: made at the end of the outermost body. */
enum vkc_later_kind {
    VKC_LATER_TRAIT, /* type can `trait` */
    VKC_LATER_MATCH, /* expr is a MATCH: arms cover, none is unreachable */
    VKC_LATER_DROP,  /* expr is a statement: its type is Nil or Never */
};

struct vkc_later {
    enum vkc_later_kind kind;
    enum vkc_trait trait;
    struct vkc_type *type;
    struct vkc_span span;
    struct vkc_expr *expr;
    struct vkc_body *body;
};

/* The function or closure whose body is being inferred. */
struct vkc_infer {
    struct vkc_infer *outer; /* of a closure: the one around it, in the same function */
    struct vkc_body *body;
    struct vkc_type *result;
    struct vkc_reason result_reason;
    uint32_t loops;
    bool is_handler; /* `fail` and `?` may choose an error clause */
};

struct vkc_local {
    struct vkc_symbol *symbol;
    uint32_t depth; /* of its block */
};

struct vkc_pass {
    struct vkc_checked *checked;
    struct vkc_program *program;
    struct vkc_types *types;
    struct vkc_diags *diags;
    struct vkc_builtins builtins;
    bool is_halted; /* an imported file could not be parsed: its names are not known */
    vkc_load_fn *load;
    void *load_context;
    uint32_t module; /* the one being worked on */
    uint32_t prelude;
    struct vkc_table_entry **table;
    uint32_t table_room, table_count;
    /* Names in scope of the body being inferred; those below `floor` are another's. */
    struct vkc_local *locals;
    uint32_t locals_count, locals_room, floor, depth;
    struct vkc_symbol **type_params; /* in scope */
    uint32_t type_params_count;
    struct vkc_infer *infer;
    uint32_t errors_before;       /* the outermost body */
    const struct vkc_expr *asked; /* the CALL behind `await` or `send`: may be of an actor's method */
    /* Inside the second alternative of a pattern: names are those of the first, at [alt_first, alt_end) of
     * locals. */
    uint32_t alt_first, alt_end, alt_stamp;
    uint32_t stamps;
    /* Types to solve at the end of the outermost body, and what is checked then. */
    struct vkc_type ***pending;
    uint32_t pending_count, pending_room, pending_floor;
    struct vkc_later *later;
    uint32_t later_count, later_room, later_floor;
    uint32_t bodies_room, lets_room, instances_room, actors_room, supervisors_room, stores_room,
        services_room, tests_room;
    struct vkc_instance **instance_slots;
    uint32_t instance_slots_room;
    uint32_t lets_deep; /* top-level lets being inferred, one within another */
    const struct vkc_name *name_stop, *name_req, *name_crash, *name_body, *name_headers;
};

/* Room for one more in an array of the compilation's arena. */
void *vkc_array_room(struct vkc_arena *arena, void *items, uint32_t count, uint32_t *room, size_t size);
#define VKC_ADD(arena, items, count, room, item)                                       \
    do {                                                                               \
        (items) = vkc_array_room((arena), (items), (count), &(room), sizeof *(items)); \
        (items)[(count)++] = (item);                                                   \
    } while (0)

/* ---- table.c: names of modules ------------------------------------------------------ */

struct vkc_table_entry *vkc_table_entry(struct vkc_pass *pass, uint32_t module, enum vkc_space space,
                                        const struct vkc_name *name);
struct vkc_symbol *vkc_table_find(struct vkc_pass *pass, uint32_t module, enum vkc_space space,
                                  const struct vkc_name *name);
/* Enters it; false when the name is taken (never of variants). */
bool vkc_table_add(struct vkc_pass *pass, uint32_t module, enum vkc_space space, struct vkc_symbol *symbol);
void vkc_table_offer(struct vkc_pass *pass, uint32_t module, enum vkc_space space, bool only_pub,
                     struct vkc_nearest *nearest);
struct vkc_symbol *vkc_symbol_new(struct vkc_pass *pass, enum vkc_symbol_kind kind, struct vkc_ident name);
struct vkc_type *vkc_simple(const struct vkc_pass *pass, enum vkc_type_kind kind);
struct vkc_type *vkc_type_of1(const struct vkc_pass *pass, enum vkc_type_kind kind, struct vkc_type *arg);
struct vkc_type *vkc_option_of(const struct vkc_pass *pass, struct vkc_type *arg);

/* ---- resolve.c, resolve_decl.c, resolve_type.c ---------------------------------------- */

void vkc_resolve_modules(struct vkc_pass *pass);
void vkc_resolve_decls(struct vkc_pass *pass, uint32_t module);
void vkc_resolve_types(struct vkc_pass *pass, uint32_t module);
/* What a type expression stands for; told when it is none. NULL gives Nil. */
struct vkc_type *vkc_resolve_type(struct vkc_pass *pass, struct vkc_type_expr *expr);
/* The type a path of capitals names; NULL when none does (told). */
struct vkc_symbol *vkc_resolve_type_path(struct vkc_pass *pass, struct vkc_path *path, uint32_t count,
                                         const char *what);
/* The module a name of this module stands for in front of a point, or NULL. */
struct vkc_symbol *vkc_module_named(struct vkc_pass *pass, const struct vkc_name *name);
struct vkc_body *vkc_body_new(struct vkc_pass *pass, enum vkc_body_kind kind, struct vkc_decl *decl,
                              struct vkc_expr *code);

/* ---- scope.c ------------------------------------------------------------------------------ */

void vkc_scope_open(struct vkc_pass *pass);
void vkc_scope_close(struct vkc_pass *pass);
/* A new local of the body, in scope from here on. A name of NULL is in no scope. */
struct vkc_symbol *vkc_scope_add(struct vkc_pass *pass, enum vkc_symbol_kind kind, struct vkc_ident name,
                                 struct vkc_type *type, bool is_var);
/* The value a name stands for here, captures noted; NULL: none (a built-in, or nothing). */
struct vkc_symbol *vkc_scope_find(struct vkc_pass *pass, const struct vkc_name *name);
void vkc_scope_capture(struct vkc_pass *pass, struct vkc_symbol *symbol);
void vkc_scope_unknown(struct vkc_pass *pass, struct vkc_ident name);

/* ---- infer*.c -------------------------------------------------------------------------------- */

void vkc_infer_all(struct vkc_pass *pass);
/* The type of a top-level let, inferring it first. */
struct vkc_type *vkc_infer_let(struct vkc_pass *pass, struct vkc_symbol *symbol, struct vkc_span use);
/* hint: what would be welcome, NULL: anything; nothing is promised. */
struct vkc_type *vkc_infer_expr(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
/* Infers and demands that type. Returns whether it has it. */
bool vkc_infer_as(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *type,
                  const struct vkc_reason *reason);
/* found is what expr was inferred as; demands that it is `expected`. */
bool vkc_infer_fits(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *found,
                    struct vkc_type *expected, const struct vkc_reason *reason);
struct vkc_type *vkc_infer_block(struct vkc_pass *pass, struct vkc_expr *block, struct vkc_type *hint);
/* `stop` as a statement of an actor's method. */
bool vkc_is_stop(struct vkc_pass *pass, const struct vkc_expr *expr);
void vkc_infer_stmt(struct vkc_pass *pass, struct vkc_stmt *stmt);
struct vkc_type *vkc_infer_call(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_field(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_name(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_record(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_unary(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_binary(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
/* The result of an arithmetic operator on two types; told when there is none. */
struct vkc_type *vkc_infer_arith(struct vkc_pass *pass, enum vkc_binary op, struct vkc_span op_span,
                                 struct vkc_expr *left, struct vkc_expr *right, struct vkc_type *left_type,
                                 struct vkc_type *right_type);
struct vkc_type *vkc_infer_index(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_pass(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_fail(struct vkc_pass *pass, struct vkc_expr *expr);
struct vkc_type *vkc_infer_match(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_if(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_closure(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_spawn(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint);
struct vkc_type *vkc_infer_await(struct vkc_pass *pass, struct vkc_expr *expr);
struct vkc_type *vkc_infer_send(struct vkc_pass *pass, struct vkc_expr *expr);
struct vkc_type *vkc_infer_start(struct vkc_pass *pass, struct vkc_expr *expr, const char *word);
struct vkc_type *vkc_infer_json(struct vkc_pass *pass, struct vkc_expr *expr);
struct vkc_type *vkc_infer_object(struct vkc_pass *pass, struct vkc_expr *expr);
struct vkc_type *vkc_infer_request(struct vkc_pass *pass, struct vkc_expr *expr);
void vkc_infer_pattern(struct vkc_pass *pass, struct vkc_pattern *pattern, struct vkc_type *type);
/* Arguments to slots: names, defaults, counts. `what` names the callee; its types are in params -> type_args.
 */
void vkc_infer_args(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_call *call,
                    const struct vkc_args *args, const struct vkc_slot *slots, uint32_t slots_count,
                    uint32_t first, const char *what, struct vkc_span declared,
                    struct vkc_symbol *const *params);
struct vkc_call *vkc_call_new(struct vkc_pass *pass, struct vkc_expr *expr, enum vkc_call_kind kind,
                              struct vkc_symbol *symbol);
/* Fresh variables for the type parameters of a callee. */
void vkc_call_open(struct vkc_pass *pass, struct vkc_call *call, struct vkc_symbol *const *params,
                   uint32_t count, struct vkc_span span);
/* A variant as a value, or the function that makes one; args NULL: without ( ). */
struct vkc_type *vkc_infer_variant(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_symbol *variant,
                                   const struct vkc_args *args, struct vkc_type *hint);
/* The variant of that name: of the hint's enum, else the only one in scope; NULL: none (or told: *ret_told).
 */
struct vkc_symbol *vkc_variant_named(struct vkc_pass *pass, struct vkc_ident name, struct vkc_type *hint,
                                     bool *ret_told);
struct vkc_symbol *vkc_variant_of(const struct vkc_symbol *enumeration, const struct vkc_name *name);
/* A FIELD that is m.name or Enum.Variant: what it stands for, NULL when told; *ret_is false: it is of a
 * value. */
struct vkc_symbol *vkc_qualified(struct vkc_pass *pass, struct vkc_expr *field, bool *ret_is);
void vkc_tell_no_field(struct vkc_pass *pass, struct vkc_type *type, struct vkc_ident name, bool is_call);
struct vkc_type *vkc_infer_ask(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *object);
struct vkc_type *vkc_infer_read(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *object);
struct vkc_type *vkc_infer_builtin(struct vkc_pass *pass, struct vkc_expr *expr,
                                   const struct vkc_builtin *builtin, struct vkc_expr *receiver,
                                   const struct vkc_args *args, struct vkc_type *hint);
void vkc_wait_add(struct vkc_pass *pass, struct vkc_span span, const char *what);
/* m.name of another module; NULL: told. */
struct vkc_symbol *vkc_member_of(struct vkc_pass *pass, struct vkc_symbol *module, struct vkc_ident name);
/* Infers the code of a body with its parameters in scope, and makes the checks that waited for it. */
void vkc_infer_body(struct vkc_pass *pass, struct vkc_body *body);
void vkc_infer_state(struct vkc_pass *pass, struct vkc_symbol *actor);
void vkc_infer_default(struct vkc_pass *pass, struct vkc_expr *value, struct vkc_type *type,
                       struct vkc_span because);
void vkc_body_params(struct vkc_pass *pass, struct vkc_body *body, struct vkc_params *from,
                     const struct vkc_slot *slots);
void vkc_settle(struct vkc_pass *pass);
void vkc_infer_service(struct vkc_pass *pass, struct vkc_service *service);
void vkc_infer_supervisor(struct vkc_pass *pass, struct vkc_decl *decl);
void vkc_infer_actor(struct vkc_pass *pass, struct vkc_symbol *actor);
bool vkc_const_is(const struct vkc_expr *expr);

/* Whether the place can be changed; told when not. `what` is what would be done: "assign to". */
bool vkc_place_changes(struct vkc_pass *pass, struct vkc_expr *place, const char *what);
void vkc_fail_add(struct vkc_pass *pass, struct vkc_type *type, struct vkc_expr *operand,
                  struct vkc_span span);
void vkc_later_add(struct vkc_pass *pass, struct vkc_later later);
void vkc_later_trait(struct vkc_pass *pass, enum vkc_trait trait, struct vkc_type *type,
                     struct vkc_span span);
void vkc_pending_add(struct vkc_pass *pass, struct vkc_type **slot);
void vkc_edge_add(struct vkc_pass *pass, struct vkc_edge edge);

/* ---- addresses.c, match.c, traits.c, waits.c, lets.c, instances.c, routes.c, owner.c ---------- */

void vkc_match_check(struct vkc_pass *pass, struct vkc_expr *match);
bool vkc_match_useful(struct vkc_pass *pass, struct vkc_pattern *const *rows, uint32_t count,
                      struct vkc_pattern *pattern, struct vkc_type *type);
void vkc_trait_check(struct vkc_pass *pass, enum vkc_trait trait, struct vkc_type *type, struct vkc_span span,
                     const struct vkc_instance *instance);
void vkc_addresses_check(struct vkc_pass *pass);
void vkc_waits_find(struct vkc_pass *pass);
void vkc_lets_order(struct vkc_pass *pass);
void vkc_instances_find(struct vkc_pass *pass);
void vkc_routes_check(struct vkc_pass *pass, const struct vkc_service *service);
void vkc_owners_find(struct vkc_pass *pass);

#endif
