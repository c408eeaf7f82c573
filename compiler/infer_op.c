/* SPDX-License-Identifier: Apache-2.0 */
/* Operators, indices, `?`, `??` and `fail`. */
#include "compiler/pass.h"

static const char *const spellings[] = {"*",  "/",  "%", "+",  "-", "<<", ">>", "&",  "^", "|",
                                        "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??"};
_Static_assert(VK_COUNT(spellings) == VKC_BINARY_COUNT, "one spelling an operator");

static bool is_number(enum vkc_type_kind kind)
{
    return kind == VKC_TYPE_INT || kind == VKC_TYPE_FLOAT;
}

/* ---- arithmetic ---------------------------------------------------------------------- */

/* The kind of the result, or ERROR. */
static enum vkc_type_kind arith_kind(enum vkc_binary op, enum vkc_type_kind left, enum vkc_type_kind right)
{
    bool is_same = left == right;
    switch (op) {
    case VKC_BINARY_ADD:
        if (is_same && (left == VKC_TYPE_STR || left == VKC_TYPE_BYTES))
            return left;
        return is_same && (is_number(left) || left == VKC_TYPE_DURATION) ? left : VKC_TYPE_ERROR;
    case VKC_BINARY_SUB:
        return is_same && (is_number(left) || left == VKC_TYPE_DURATION) ? left : VKC_TYPE_ERROR;
    case VKC_BINARY_DIV:
        if (left == VKC_TYPE_DURATION && is_same)
            return VKC_TYPE_INT;
        __attribute__((fallthrough));
    case VKC_BINARY_MUL:
        if (left == VKC_TYPE_DURATION && right == VKC_TYPE_INT)
            return VKC_TYPE_DURATION;
        return is_same && is_number(left) ? left : VKC_TYPE_ERROR;
    default:
        return is_same && left == VKC_TYPE_INT ? left : VKC_TYPE_ERROR;
    }
}

static void help_arith(struct vkc_pass *pass, struct vkc_diag *diag, enum vkc_binary op,
                       enum vkc_type_kind left, enum vkc_type_kind right)
{
    const char *help = NULL;
    bool is_mixed = is_number(left) && is_number(right) && left != right;
    if (is_mixed && op != VKC_BINARY_REM)
        help = "numbers are not converted by themselves: `.to_float`, or `.to_int` after `.round`";
    else if (op == VKC_BINARY_ADD && (left == VKC_TYPE_STR || right == VKC_TYPE_STR))
        help = "`\"{a}{b}\"` puts values into a text";
    else if (op == VKC_BINARY_ADD && left == VKC_TYPE_LIST)
        help = "`xs.concat(ys)` joins two lists, `xs.push(x)` appends to one";
    else if (op == VKC_BINARY_MUL && left == VKC_TYPE_INT && right == VKC_TYPE_DURATION)
        help = "the Duration comes first: `1s * n`";
    else if (left == VKC_TYPE_BOOL && (op == VKC_BINARY_AND || op == VKC_BINARY_OR))
        help = "`&&` and `||` are for Bools";
    else if (left == VKC_TYPE_PARAM || right == VKC_TYPE_PARAM)
        help = "a type parameter stands for any type: pass a function that does it";
    if (help != NULL)
        vkc_diag_help(pass->diags, diag, "%s", help);
}

/* An open variable on one side becomes what the other side is. */
static void guess(struct vkc_pass *pass, struct vkc_type *left, struct vkc_type *right)
{
    left = vkc_type_find(left);
    right = vkc_type_find(right);
    bool is_open = (left->kind == VKC_TYPE_VAR) != (right->kind == VKC_TYPE_VAR);
    if (is_open && left->kind != VKC_TYPE_NEVER && right->kind != VKC_TYPE_NEVER)
        (void)vkc_type_unify(pass->types, left, right); /* one is a variable */
}

static bool is_quiet(const struct vkc_type *left, const struct vkc_type *right)
{
    return left->kind == VKC_TYPE_ERROR || right->kind == VKC_TYPE_ERROR || left->kind == VKC_TYPE_NEVER ||
           right->kind == VKC_TYPE_NEVER;
}

struct vkc_type *vkc_infer_arith(struct vkc_pass *pass, enum vkc_binary op, struct vkc_span op_span,
                                 struct vkc_expr *left, struct vkc_expr *right, struct vkc_type *left_type,
                                 struct vkc_type *right_type)
{
    (void)left;
    guess(pass, left_type, right_type);
    left_type = vkc_type_find(left_type);
    right_type = vkc_type_find(right_type);
    if (is_quiet(left_type, right_type))
        return vkc_simple(pass, VKC_TYPE_ERROR);
    if (left_type->kind == VKC_TYPE_VAR) {
        vkc_error(pass->diags, op_span, "the type of the operands of `%s` is not known yet", spellings[op]);
        return vkc_simple(pass, VKC_TYPE_ERROR);
    }
    enum vkc_type_kind kind = arith_kind(op, left_type->kind, right_type->kind);
    if (kind != VKC_TYPE_ERROR)
        return vkc_simple(pass, kind);
    if (left_type->kind == VKC_TYPE_FLOAT && right->kind == VKC_EXPR_INT && op <= VKC_BINARY_SUB &&
        op != VKC_BINARY_REM) {
        (void)vkc_infer_fits(pass, right, right_type, left_type, NULL); /* tells */
        return left_type;
    }
    struct vkc_diag *diag =
        vkc_error(pass->diags, op_span, "`%s` is not defined for `%s` and `%s`", spellings[op],
                  vkc_type_text(pass->types, left_type), vkc_type_text(pass->types, right_type));
    help_arith(pass, diag, op, left_type->kind, right_type->kind);
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

/* ---- comparisons and logic ---------------------------------------------------------------- */

static struct vkc_type *infer_compare(struct vkc_pass *pass, struct vkc_expr *expr)
{
    struct vkc_expr *left = expr->binary.left, *right = expr->binary.right;
    struct vkc_type *type = vkc_infer_expr(pass, left, NULL);
    bool is_equal = expr->binary.op == VKC_BINARY_EQ || expr->binary.op == VKC_BINARY_NE;
    struct vkc_reason reason = {left->span, "expected because the other side has it"};
    if (vkc_infer_as(pass, right, type, &reason))
        vkc_later_trait(pass, is_equal ? VKC_TRAIT_EQUAL : VKC_TRAIT_ORDER, type, expr->binary.op_span);
    return vkc_simple(pass, VKC_TYPE_BOOL);
}

static struct vkc_type *infer_logic(struct vkc_pass *pass, struct vkc_expr *expr)
{
    struct vkc_type *type = vkc_simple(pass, VKC_TYPE_BOOL);
    vkc_infer_as(pass, expr->binary.left, type, NULL);
    vkc_infer_as(pass, expr->binary.right, type, NULL);
    return type;
}

static struct vkc_type *infer_coalesce(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_expr *left = expr->binary.left;
    bool is_index = left->kind == VKC_EXPR_INDEX && !left->has_parens;
    struct vkc_type *want = hint == NULL || hint->kind == VKC_TYPE_NOBODY ? NULL : vkc_option_of(pass, hint);
    struct vkc_type *type = vkc_type_find(vkc_infer_expr(pass, left, is_index ? NULL : want));
    struct vkc_type *value = is_index ? type : vkc_type_option(pass->checked, type);
    struct vkc_reason reason = {left->span, "expected because of what stands to the left of `??`"};
    if (value == NULL && type->kind == VKC_TYPE_VAR) {
        value = vkc_type_var(pass->types, left->span);
        (void)vkc_type_unify(pass->types, type, vkc_option_of(pass, value)); /* type is a variable */
    }
    if (value == NULL) {
        if (type->kind != VKC_TYPE_ERROR && type->kind != VKC_TYPE_NEVER) {
            struct vkc_diag *diag =
                vkc_error(pass->diags, left->span, "expected an Option or an index before `??`, found `%s`",
                          vkc_type_text(pass->types, type));
            if (type->symbol != NULL && type->symbol == pass->checked->result)
                vkc_diag_help(pass->diags, diag, "`.ok` makes an Option of a Result");
        }
        vkc_infer_expr(pass, expr->binary.right, hint);
        return vkc_simple(pass, VKC_TYPE_ERROR);
    }
    vkc_infer_as(pass, expr->binary.right, value, &reason);
    return value;
}

struct vkc_type *vkc_infer_binary(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_expr *left = expr->binary.left, *right = expr->binary.right;
    switch (expr->binary.op) {
    case VKC_BINARY_EQ:
    case VKC_BINARY_NE:
    case VKC_BINARY_LT:
    case VKC_BINARY_LE:
    case VKC_BINARY_GT:
    case VKC_BINARY_GE:
        return infer_compare(pass, expr);
    case VKC_BINARY_BOTH:
    case VKC_BINARY_EITHER:
        return infer_logic(pass, expr);
    case VKC_BINARY_COALESCE:
        return infer_coalesce(pass, expr, hint);
    default:
        break;
    }
    struct vkc_type *left_type = vkc_infer_expr(pass, left, NULL);
    struct vkc_type *right_type = vkc_infer_expr(pass, right, NULL);
    return vkc_infer_arith(pass, expr->binary.op, expr->binary.op_span, left, right, left_type, right_type);
}

struct vkc_type *vkc_infer_unary(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_expr *operand = expr->unary.operand;
    if (expr->unary.op == VKC_UNARY_NOT) {
        vkc_infer_as(pass, operand, vkc_simple(pass, VKC_TYPE_BOOL), NULL);
        return vkc_simple(pass, VKC_TYPE_BOOL);
    }
    struct vkc_type *type = vkc_type_find(vkc_infer_expr(pass, operand, hint));
    bool is_negate = expr->unary.op == VKC_UNARY_NEGATE;
    if (type->kind == VKC_TYPE_INT || type->kind == VKC_TYPE_ERROR)
        return type;
    if (is_negate && (type->kind == VKC_TYPE_FLOAT || type->kind == VKC_TYPE_DURATION))
        return type;
    vkc_error(pass->diags, expr->span, "`%s` is not defined for `%s`", is_negate ? "-" : "~",
              vkc_type_text(pass->types, type));
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

/* ---- indices --------------------------------------------------------------------------------- */

static struct vkc_type *index_json(struct vkc_pass *pass, struct vkc_expr *index, struct vkc_type *json)
{
    enum vkc_type_kind kind = vkc_type_find(vkc_infer_expr(pass, index, NULL))->kind;
    if (kind != VKC_TYPE_STR && kind != VKC_TYPE_INT && kind != VKC_TYPE_ERROR)
        vkc_error(pass->diags, index->span, "expected `Str` or `Int`, found `%s`",
                  vkc_type_text(pass->types, index->type));
    return json;
}

struct vkc_type *vkc_infer_index(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    (void)hint;
    struct vkc_expr *index = expr->index.index;
    struct vkc_type *of = vkc_type_find(vkc_infer_expr(pass, expr->index.object, NULL));
    struct vkc_reason reason = {.text = "a list is indexed by Ints, from 0"};
    switch (of->kind) {
    case VKC_TYPE_LIST:
        vkc_infer_as(pass, index, vkc_simple(pass, VKC_TYPE_INT), &reason);
        return of->args[0];
    case VKC_TYPE_BYTES:
        vkc_infer_as(pass, index, vkc_simple(pass, VKC_TYPE_INT), &reason);
        return vkc_simple(pass, VKC_TYPE_INT);
    case VKC_TYPE_MAP:
        reason = (struct vkc_reason){expr->index.object->span, "expected because it is the key of this map"};
        vkc_infer_as(pass, index, of->args[0], &reason);
        return of->args[1];
    default:
        break;
    }
    if (of->kind == VKC_TYPE_NAMED && of->symbol == pass->checked->json)
        return index_json(pass, index, of);
    vkc_infer_expr(pass, index, NULL);
    if (of->kind == VKC_TYPE_ERROR || of->kind == VKC_TYPE_NEVER)
        return vkc_simple(pass, VKC_TYPE_ERROR);
    if (of->kind == VKC_TYPE_VAR) {
        vkc_error(pass->diags, expr->index.object->span, "the type of this is not known yet");
        return vkc_simple(pass, VKC_TYPE_ERROR);
    }
    struct vkc_diag *diag = vkc_error(pass->diags, expr->span, "a value of type `%s` has no index",
                                      vkc_type_text(pass->types, of));
    if (of->kind == VKC_TYPE_STR)
        vkc_diag_help(pass->diags, diag,
                      "`s.slice(a, b)` is a part, `s.bytes[i]` a byte, `s.chars[i]` a character");
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

/* ---- ? and fail ---------------------------------------------------------------------------------- */

static bool is_enum(const struct vkc_type *type)
{
    return type->kind == VKC_TYPE_NAMED && type->symbol->kind == VKC_SYMBOL_ENUM;
}

void vkc_fail_add(struct vkc_pass *pass, struct vkc_type *type, struct vkc_expr *operand,
                  struct vkc_span span)
{
    struct vkc_infer *infer = pass->infer;
    while (infer->outer != NULL)
        infer = infer->outer;
    struct vkc_body *body = infer->body;
    struct vkc_fail *fail = VKC_NEW(&pass->program->arena, struct vkc_fail);
    *fail = (struct vkc_fail){.type = type, .span = span};
    const struct vkc_call *call = operand != NULL ? operand->meaning : NULL;
    if (call != NULL && call->kind == VKC_CALL_VARIANT)
        fail->variant = call->symbol;
    vkc_pending_add(pass, &fail->type);
    VKC_ADD(&pass->program->arena, body->fails, body->fails_count, body->fails_room, fail);
}

struct vkc_type *vkc_infer_fail(struct vkc_pass *pass, struct vkc_expr *expr)
{
    struct vkc_type *never = vkc_simple(pass, VKC_TYPE_NEVER);
    struct vkc_type *type = vkc_type_find(vkc_infer_expr(pass, expr->operand, NULL));
    if (type->kind == VKC_TYPE_STR || type->kind == VKC_TYPE_ERROR || type->kind == VKC_TYPE_NEVER)
        return never;
    if (pass->infer->is_handler && is_enum(type)) {
        vkc_fail_add(pass, type, expr->operand, expr->span);
        return never;
    }
    struct vkc_diag *diag =
        vkc_error(pass->diags, expr->operand->span, "expected a `Str` to fail with, found `%s`",
                  vkc_type_text(pass->types, type));
    if (is_enum(type))
        vkc_diag_help(pass->diags, diag, "outside a handler an error is returned: `return Err(...)`");
    return never;
}

static struct vkc_type *pass_option(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *value)
{
    struct vkc_infer *infer = pass->infer;
    struct vkc_type *want = vkc_option_of(pass, vkc_type_var(pass->types, expr->span));
    struct vkc_type *result = vkc_type_find(infer->result);
    if (vkc_type_option(pass->checked, result) != NULL || result->kind == VKC_TYPE_ERROR)
        return value;
    if (result->kind == VKC_TYPE_VAR && vkc_type_unify(pass->types, result, want))
        return value;
    struct vkc_diag *diag = vkc_error(pass->diags, expr->span, "`?` would return `None`, but %s gives `%s`",
                                      infer->body->kind == VKC_BODY_ROUTE ? "a handler" : "this function",
                                      vkc_type_text(pass->types, result));
    if (infer->result_reason.span.start != 0 && infer->body->kind != VKC_BODY_ROUTE)
        vkc_diag_note(pass->diags, diag, infer->result_reason.span, "declared here");
    vkc_diag_help(pass->diags, diag, "`... ?? default` or `match` says what to do without a value");
    return value;
}

static void tell_pass_result(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *error,
                             struct vkc_type *result)
{
    const struct vkc_infer *infer = pass->infer;
    bool is_result = result->kind == VKC_TYPE_NAMED && result->symbol == pass->checked->result;
    struct vkc_diag *diag;
    if (is_result)
        diag =
            vkc_error(pass->diags, expr->span, "`?` would return an error `%s`, but this function's is `%s`",
                      vkc_type_text(pass->types, error), vkc_type_text(pass->types, result->args[1]));
    else
        diag = vkc_error(pass->diags, expr->span, "`?` would return an `Err`, but this function gives `%s`",
                         vkc_type_text(pass->types, result));
    if (infer->result_reason.span.start != 0)
        vkc_diag_note(pass->diags, diag, infer->result_reason.span, "declared here");
    if (is_result)
        vkc_diag_help(pass->diags, diag, "`.map_err(f)` makes one error of another");
}

static struct vkc_type *pass_result(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *type)
{
    struct vkc_infer *infer = pass->infer;
    struct vkc_type *error = vkc_type_find(type->args[1]), *result = vkc_type_find(infer->result);
    if (infer->body->kind == VKC_BODY_ROUTE) {
        if (is_enum(error)) {
            vkc_fail_add(pass, error, NULL, expr->span);
        } else if (error->kind != VKC_TYPE_ERROR) {
            struct vkc_diag *diag = vkc_error(pass->diags, expr->span,
                                              "a handler fails with an enum, found an error of type `%s`",
                                              vkc_type_text(pass->types, error));
            vkc_diag_help(pass->diags, diag, "`.map_err(f)` makes an enum of it, for an `error` clause");
        }
        return type->args[0];
    }
    struct vkc_type *args[2] = {vkc_type_var(pass->types, expr->span), error};
    if (result->kind == VKC_TYPE_VAR) {
        (void)vkc_type_unify(pass->types, result,
                             vkc_type_make(pass->types, VKC_TYPE_NAMED, pass->checked->result, args, 2));
        return type->args[0];
    }
    bool is_result = result->kind == VKC_TYPE_NAMED && result->symbol == pass->checked->result;
    if (result->kind == VKC_TYPE_ERROR || (is_result && vkc_type_unify(pass->types, result->args[1], error)))
        return type->args[0];
    tell_pass_result(pass, expr, error, result);
    return type->args[0];
}

struct vkc_type *vkc_infer_pass(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    (void)hint;
    struct vkc_type *type = vkc_type_find(vkc_infer_expr(pass, expr->operand, NULL));
    struct vkc_type *value = vkc_type_option(pass->checked, type);
    if (value != NULL)
        return pass_option(pass, expr, value);
    if (type->kind == VKC_TYPE_NAMED && type->symbol == pass->checked->result)
        return pass_result(pass, expr, type);
    if (type->kind != VKC_TYPE_ERROR && type->kind != VKC_TYPE_NEVER)
        vkc_error(pass->diags, expr->span, "`?` stands behind an Option or a Result, found `%s`",
                  vkc_type_text(pass->types, type));
    return vkc_simple(pass, VKC_TYPE_ERROR);
}
