/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of lowering share.
 *
 * An expression gives a value of the IR, or VKC_NONE when its type is Nil or
 * Never. `want` names the value that shall hold the result; only the last
 * instruction of an expression writes it, so it may be a variable that the
 * expression reads.
 *
 * Representation: Int, Float, Bool, Duration, Nil, enums without payloads,
 * Request and Crash are scalars. Option of a reference that is no Option is an
 * OPT. Fields and parameters lie references first.
 */
#ifndef COMPILER_LOWER_IMPL_H
#define COMPILER_LOWER_IMPL_H

#include "compiler/builtins.h"
#include "compiler/lower.h"
#include "compiler/unit.h"

/* A function that nobody wrote, by what it is for and a type. */
enum vkc_made {
    VKC_MADE_EQUAL,
    VKC_MADE_DEBUG,
    VKC_MADE_VALUE, /* a function taken as a value: its ENV */
    VKC_MADE_JSON,  /* the text of a JsonError */
    VKC_MADE_COMPARE,
    VKC_MADE_SERVE, /* the turns of an actor */
    VKC_MADE_TURN,  /* one of a method */
    VKC_MADE_MONITOR,
};

struct vkc_lower {
    struct vkc_checked *checked;
    struct vkc_diags *diags;
    struct vkc_arena *arena;
    struct vkc_unit unit;
    uint16_t *types; /* by id of a type: its entry + 1 */
    uint32_t types_room;
    uint32_t *functions; /* by id of an instance: its function + 1 */
    uint32_t functions_room;
    struct vkc_keys made;              /* struct { enum vkc_made, id } to function or type */
    const struct vkc_instance **queue; /* by function: what it is made of; NULL: made already */
    uint32_t queue_count, queue_room;
    uint32_t respond; /* the function that answers with a Response, + 1; filled in last */
    bool has_headers; /* some response has header lines of its own */
    bool has_bytes;   /* some response has Bytes as its body */
    bool has_streams; /* some response is a stream */
    uint32_t *lets;   /* by vkc_symbol.index of a top-level let: its constant + 1 */
};

/* Where a symbol's value is. */
struct vkc_var {
    const struct vkc_symbol *symbol;
    uint32_t value;
    bool is_cell; /* value is a cell: a MUTABLE record of one field */
};

struct vkc_loop {
    uint32_t on_break;
    uint32_t on_continue;
    struct vkc_loop *outer;
};

/* A function being lowered. */
struct vkc_fun {
    struct vkc_lower *lower;
    struct vkc_code *code;
    struct vkc_unit *unit;
    const struct vkc_instance *instance; /* NULL: one that nobody wrote */
    const struct vkc_body *body;
    struct vkc_var *vars;
    uint32_t vars_count, vars_room;
    struct vkc_loop *loop;
    uint32_t self; /* value of the actor's state, or VKC_NONE */
};

/* ---- lower_type.c: types ------------------------------------------------------ */

uint16_t vkc_lower_type(struct vkc_lower *lower, struct vkc_type *type);
/* Of a function's result: INTERP_TYPE_NONE for Nil and Never. */
uint16_t vkc_lower_result(struct vkc_lower *lower, struct vkc_type *type);
/* The entry of an enum's variant. */
uint16_t vkc_lower_variant(struct vkc_lower *lower, struct vkc_type *type, uint32_t tag);
/* Place of a field or payload in its object, and its type. */
uint32_t vkc_lower_place(struct vkc_lower *lower, const struct vkc_symbol *owner, struct vkc_type *of,
                         uint32_t index, struct vkc_type **ret_type);
/* A MUTABLE record of one such field. */
uint16_t vkc_lower_cell(struct vkc_lower *lower, uint16_t type);
uint16_t vkc_lower_state(struct vkc_lower *lower, const struct vkc_symbol *actor);

/* The fields of a Response, in their order. */
enum {
    VKC_RESPONSE_TYPE,
    VKC_RESPONSE_BODY,
    VKC_RESPONSE_HEADERS,
    VKC_RESPONSE_BYTES,
    VKC_RESPONSE_STREAM,
    VKC_RESPONSE_STATUS,
    VKC_RESPONSE_PARTS,
};
uint16_t vkc_lower_response(struct vkc_lower *lower);

VK_INLINE bool vkc_is_kind(const struct vkc_type *type, enum vkc_type_kind kind)
{
    return type->kind == kind;
}

VK_INLINE bool vkc_is_owned(const struct vkc_type *type)
{
    return type->kind == VKC_TYPE_LIST || type->kind == VKC_TYPE_MAP;
}

/* Whether `type` is an enum or record of the program or the prelude. */
VK_INLINE bool vkc_is_named(const struct vkc_type *type, enum vkc_symbol_kind kind)
{
    return type->kind == VKC_TYPE_NAMED && type->symbol->kind == kind;
}

/* ---- lower.c: functions --------------------------------------------------------- */

/* The function of an instance; lowered later when it is new. */
uint32_t vkc_lower_function(struct vkc_lower *lower, const struct vkc_instance *instance);
/* A made function: its index; *ret_code is set when it is new and to be filled in. */
uint32_t vkc_lower_made(struct vkc_lower *lower, enum vkc_made made, uint32_t id, const char *name,
                        uint16_t signature, struct vkc_code **ret_code);
void vkc_fun_init(struct vkc_fun *f, struct vkc_lower *lower, struct vkc_code *code);
void vkc_lower_error(struct vkc_lower *lower, struct vkc_span span, const char *what);
/* The constant of a top-level let. */
uint32_t vkc_lower_let(struct vkc_lower *lower, const struct vkc_symbol *symbol);
/* Parameters of a function without a body: fresh values, references first. */
void vkc_fun_params(struct vkc_fun *f, uint32_t *ret_values);

/* ---- lower_expr.c ----------------------------------------------------------------- */

/* The concrete type. */
struct vkc_type *vkc_fun_type(const struct vkc_fun *f, struct vkc_type *type);
uint32_t vkc_fun_fresh(struct vkc_fun *f, struct vkc_type *type);
uint32_t vkc_expr(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
/* The same, and a value also for Nil and Never. */
uint32_t vkc_expr_value(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
/* A value that stays what it is while `later` is evaluated. */
uint32_t vkc_expr_stable(struct vkc_fun *f, const struct vkc_expr *expr, const struct vkc_expr *later);
bool vkc_is_calm(const struct vkc_expr *expr);
/* `want`, or a fresh value of that type. */
uint32_t vkc_fun_dest(struct vkc_fun *f, uint32_t want, uint16_t type);
uint32_t vkc_fun_number(struct vkc_fun *f, int64_t number, uint32_t want);
uint32_t vkc_fun_text(struct vkc_fun *f, const char *text, size_t len, uint32_t want);
uint32_t vkc_fun_ref(struct vkc_fun *f, uint32_t constant, uint16_t type, uint32_t want);
void vkc_fun_return(struct vkc_fun *f, uint32_t value);
uint32_t vkc_fun_call(struct vkc_fun *f, uint32_t function, const uint32_t *args, uint32_t count,
                      uint32_t want);
uint32_t vkc_fun_native(struct vkc_fun *f, const char *name, const uint32_t *args, uint32_t count,
                        uint16_t result, uint32_t want);
/* A function of the host with these arguments, in the order of its parameters. */
uint32_t vkc_fun_host(struct vkc_fun *f, const struct vkc_symbol *symbol, const uint32_t *args);
uint32_t vkc_fun_field(struct vkc_fun *f, uint32_t object, uint32_t place, uint16_t type, uint32_t want);
void vkc_fun_fail(struct vkc_fun *f, const char *text);
void vkc_fun_line(struct vkc_fun *f, struct vkc_span span);
void vkc_fun_share(struct vkc_fun *f, uint32_t value, const struct vkc_type *type);
/* A new object from values in the order of the owner's slots. */
uint32_t vkc_fun_new(struct vkc_fun *f, uint16_t type, const uint32_t *values, uint32_t count, uint32_t want);

/* ---- lower_op.c -------------------------------------------------------------------- */

uint32_t vkc_expr_unary(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
uint32_t vkc_expr_binary(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
uint32_t vkc_fun_arith(struct vkc_fun *f, enum vkc_binary op, struct vkc_type *type,
                       struct vkc_type *right_type, uint32_t a, uint32_t b, uint32_t want);
/* To the label if the condition is `sense`, else on. */
void vkc_jump_if(struct vkc_fun *f, const struct vkc_expr *expr, bool sense, uint32_t label);
/* The same for a comparison of two values of that type. */
void vkc_jump_compare(struct vkc_fun *f, enum vkc_binary op, struct vkc_type *type, uint32_t a, uint32_t b,
                      bool sense, uint32_t label);
bool vkc_is_comparison(enum vkc_binary op);
/* The number that an expression stands for. */
bool vkc_is_number(const struct vkc_expr *expr, int64_t *ret_number);

/* ---- lower_equal.c -------------------------------------------------------------------- */

uint32_t vkc_fun_equal(struct vkc_fun *f, struct vkc_type *type, uint32_t a, uint32_t b, uint32_t want);

/* ---- lower_stmt.c ---------------------------------------------------------------------- */

/* Evaluates and returns from the function. */
void vkc_expr_tail(struct vkc_fun *f, const struct vkc_expr *expr);
uint32_t vkc_expr_block(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
/* Declares the symbol with that initial value, into a cell where it needs one. */
void vkc_fun_declare(struct vkc_fun *f, const struct vkc_symbol *symbol, uint32_t value);
struct vkc_var *vkc_fun_var(struct vkc_fun *f, const struct vkc_symbol *symbol);
uint32_t vkc_fun_read(struct vkc_fun *f, const struct vkc_symbol *symbol, uint32_t want);
void vkc_fun_write(struct vkc_fun *f, const struct vkc_symbol *symbol, uint32_t value);

/* A place that can be changed. */
enum vkc_place_kind { VKC_PLACE_SYMBOL, VKC_PLACE_FIELD, VKC_PLACE_ITEM, VKC_PLACE_ENTRY, VKC_PLACE_VALUE };

struct vkc_place_of {
    enum vkc_place_kind kind;
    struct vkc_type *type; /* of what lies there */
    const struct vkc_symbol *symbol;
    struct vkc_place_of *outer; /* ITEM, ENTRY: the list or map */
    uint32_t object;            /* FIELD: the record; VALUE: the value */
    uint32_t at;                /* FIELD: which; ITEM, ENTRY: value of index or key */
};

struct vkc_place_of *vkc_place_open(struct vkc_fun *f, const struct vkc_expr *expr);
/* What lies there, to be read. */
uint32_t vkc_place_read(struct vkc_fun *f, const struct vkc_place_of *place);
/* The list or map that lies there, to be changed in place; then it must be put back. */
uint32_t vkc_place_take(struct vkc_fun *f, const struct vkc_place_of *place);
void vkc_place_put(struct vkc_fun *f, const struct vkc_place_of *place, uint32_t value);

/* ---- lower_match.c ------------------------------------------------------------------------ */

/* is_tail: each arm's value is what the function returns. */
uint32_t vkc_expr_match(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want, bool is_tail);
/* Tests and binds; to `fail` where it does not match, VKC_NONE: it does. */
void vkc_pattern_test(struct vkc_fun *f, const struct vkc_pattern *pattern, uint32_t value, uint32_t fail);
/* Option and Result, whatever their representation. */
void vkc_jump_some(struct vkc_fun *f, struct vkc_type *type, uint32_t value, bool sense, uint32_t label);
uint32_t vkc_fun_some(struct vkc_fun *f, struct vkc_type *type, uint32_t value,
                      uint32_t want); /* what is in it */
uint32_t vkc_fun_make_some(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want);
uint32_t vkc_fun_make_none(struct vkc_fun *f, struct vkc_type *type, uint32_t want);
/* Some of value here, None where code jumped to that label. */
uint32_t vkc_fun_some_or_none(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t none);
uint32_t vkc_fun_make_variant(struct vkc_fun *f, struct vkc_type *type, uint32_t tag, const uint32_t *values,
                              uint32_t want);
uint32_t vkc_fun_payload(struct vkc_fun *f, struct vkc_type *type, uint32_t tag, uint32_t index,
                         uint32_t value, uint32_t want);

/* ---- lower_call.c ------------------------------------------------------------------------- */

uint32_t vkc_expr_call(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
uint32_t vkc_expr_closure(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
uint32_t vkc_expr_spawn(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
uint32_t vkc_expr_await(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
/* The arguments of a call, in the order of the parameters. */
void vkc_fun_args(struct vkc_fun *f, const struct vkc_call *call, uint32_t *ret_values);
/* A fiber that runs the function. */
uint32_t vkc_fun_spawn(struct vkc_fun *f, uint32_t function, const uint32_t *args, uint32_t count,
                       uint32_t want);
uint32_t vkc_expr_pass(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
uint32_t vkc_fun_apply(struct vkc_fun *f, uint32_t closure, const uint32_t *args, uint32_t count,
                       uint32_t want);
uint32_t vkc_expr_str(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
/* One Str or Bytes of at least one. */
uint32_t vkc_fun_join(struct vkc_fun *f, const uint32_t *parts, uint32_t count, uint32_t want);
uint32_t vkc_fun_to_text(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want);

/* ---- lower_test.c --------------------------------------------------------------------------- */

void vkc_fun_assert(struct vkc_fun *f, const struct vkc_expr *expr);
uint32_t vkc_expr_request(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);

/* ---- lower_builtin.c ------------------------------------------------------------------------ */

uint32_t vkc_expr_builtin(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);

/* A built-in's receiver and arguments, evaluated. */
struct vkc_built {
    const struct vkc_expr *expr;
    const struct vkc_call *call;
    const char *key;
    struct vkc_type *of;     /* of the receiver, or NULL */
    struct vkc_type *result; /* of the whole */
    uint32_t args[8];        /* the receiver first, when there is one */
    uint32_t count;
    uint32_t want;
};

/* lower_store.c: those of stores; and their table in SERVICES. */
bool vkc_built_store(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret_value);
struct interp_array vkc_lower_stores(struct vkc_lower *lower);

/* lower_list.c: those of lists and maps. Returns false when it is none of them. */
bool vkc_built_list(struct vkc_fun *f, struct vkc_built *b, uint32_t *ret_value);
/* Those that change the variable they are called on. */
bool vkc_built_change(struct vkc_fun *f, struct vkc_built *b, uint32_t *ret_value);
/* args: list, from, to. */
uint32_t vkc_fun_slice(struct vkc_fun *f, struct vkc_type *type, const uint32_t *args, uint32_t want);
uint32_t vkc_fun_list(struct vkc_fun *f, uint16_t type, uint32_t room);
void vkc_fun_push(struct vkc_fun *f, uint32_t list, uint32_t item);
uint32_t vkc_fun_item(struct vkc_fun *f, uint32_t list, uint32_t at, uint16_t type);

/* A loop over 0 .. count - 1 or the items of a list, written by lowering. */
struct vkc_counted {
    uint32_t at;
    uint32_t head;
    uint32_t end;
};
struct vkc_counted vkc_count_open(struct vkc_fun *f, uint32_t first, uint32_t count);
void vkc_count_close(struct vkc_fun *f, const struct vkc_counted *loop);

/* A Response of that type and body. */
uint32_t vkc_fun_respond(struct vkc_fun *f, const char *type, uint32_t body, int64_t status, uint32_t want);

/* ---- lower_json.c -------------------------------------------------------------------------- */

/* The value's text in JSON. */
uint32_t vkc_fun_json(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want);
uint32_t vkc_expr_json(struct vkc_fun *f, const struct vkc_expr *expr, uint32_t want);
/* A Str read as what the Result holds. */
uint32_t vkc_fun_parse_json(struct vkc_fun *f, struct vkc_type *result, uint32_t text, uint32_t want);
/* A Str read as a value of the type. What is none answers the request with 400 and ends it, or traps. */
uint32_t vkc_fun_expect_json(struct vkc_fun *f, struct vkc_type *type, uint32_t text, bool is_request,
                             uint32_t want);
/* j["a"], j[0]; j.get("a") */
uint32_t vkc_fun_json_index(struct vkc_fun *f, struct vkc_type *json, uint32_t value, uint32_t at,
                            uint32_t want);
/* The same into `result`; to `none` where there is nothing. */
void vkc_fun_json_item(struct vkc_fun *f, struct vkc_type *json, uint32_t value, uint32_t at, uint32_t none,
                       uint32_t result);
uint32_t vkc_fun_json_get(struct vkc_fun *f, struct vkc_type *json, struct vkc_type *option, uint32_t value,
                          uint32_t key);

/* ---- lower_debug.c ------------------------------------------------------------------------- */

/* The value's text in the notation of the language. */
uint32_t vkc_fun_debug(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want);

/* ---- lower_service.c -------------------------------------------------------------------------- */

void vkc_lower_services(struct vkc_lower *lower);
/* After all functions: the one that answers knows what answers there are. */
void vkc_lower_respond(struct vkc_lower *lower);
/* As natives name them: the actor's place in SERVICES; the actor's place * 65536 + the method's. */
uint32_t vkc_lower_actor(struct vkc_lower *lower, const struct vkc_symbol *actor);
uint32_t vkc_lower_method(struct vkc_lower *lower, const struct vkc_symbol *method);
/* Answers the request with 400 and that Str, and ends the process. */
void vkc_fun_refuse(struct vkc_fun *f, uint32_t why);

/* ---- lower_actor.c, structure.c ---------------------------------------------------------------- */

/* Their tables in SERVICES, with what they name. Supervisors first: names of children stand for places. */
struct interp_array vkc_lower_supervisors(struct vkc_lower *lower);
struct interp_array vkc_lower_actors(struct vkc_lower *lower);
uint32_t vkc_fun_monitor(struct vkc_fun *f, uint32_t address, uint32_t want);
/* Of its name and the structure of its types. */
uint64_t vkc_method_hash(struct vkc_checked *checked, const struct vkc_symbol *method);

void vkc_fun_fail_with(struct vkc_fun *f, struct vkc_type *type, uint32_t value);

#endif
