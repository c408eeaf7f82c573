/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: literals, collections, texts, and the way to all others. */
#include "compiler/pass.h"

bool vkc_const_is(const struct vkc_expr *expr)
{
    switch (expr->kind) {
    case VKC_EXPR_BAD:
    case VKC_EXPR_INT:
    case VKC_EXPR_FLOAT:
    case VKC_EXPR_BOOL:
    case VKC_EXPR_DURATION:
    case VKC_EXPR_BYTES:
        return true;
    case VKC_EXPR_STR:
        return expr->str.count == 0 || (expr->str.count == 1 && expr->str.parts[0].expr == NULL);
    case VKC_EXPR_UNARY:
        return expr->unary.op == VKC_UNARY_NEGATE && vkc_const_is(expr->unary.operand);
    case VKC_EXPR_LIST:
        return expr->list.count == 0;
    case VKC_EXPR_MAP:
        return expr->map.count == 0;
    case VKC_EXPR_BLOCK:
        return expr->block.count == 0;
    case VKC_EXPR_NAME:
        return expr->name.name != NULL && expr->name.name->text[0] >= 'A' && expr->name.name->text[0] <= 'Z';
    case VKC_EXPR_FIELD:
        return expr->field.name.name != NULL && vkc_const_is(expr->field.object);
    case VKC_EXPR_CALL: {
        bool is_const = vkc_const_is(expr->call.callee);
        for (uint32_t i = 0; i < expr->call.args.count; i++)
            is_const = is_const && vkc_const_is(expr->call.args.items[i].value);
        return is_const;
    }
    default:
        return false;
    }
}

static struct vkc_type *infer_str(struct vkc_pass *pass, struct vkc_expr *expr)
{
    for (uint32_t i = 0; i < expr->str.count; i++) {
        struct vkc_expr *part = expr->str.parts[i].expr;
        if (part != NULL)
            vkc_later_trait(pass, VKC_TRAIT_TEXT, vkc_infer_expr(pass, part, NULL), part->span);
    }
    return vkc_simple(pass, VKC_TYPE_STR);
}

/* The element type a hint gives, else a variable. */
static struct vkc_type *hinted(struct vkc_pass *pass, struct vkc_type *hint, enum vkc_type_kind kind,
                               uint32_t arg, struct vkc_span span)
{
    hint = hint != NULL ? vkc_type_find(hint) : NULL;
    return hint != NULL && hint->kind == kind ? hint->args[arg] : vkc_type_var(pass->types, span);
}

static struct vkc_type *infer_list(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_type *of = hinted(pass, hint, VKC_TYPE_LIST, 0, expr->span);
    struct vkc_reason reason = {.text = "all elements of a list have one type"};
    for (uint32_t i = 0; i < expr->list.count; i++) {
        vkc_infer_as(pass, expr->list.items[i], of, i > 0 ? &reason : NULL);
        if (i == 0)
            reason =
                (struct vkc_reason){expr->list.items[0]->span, "expected because the first element has it"};
    }
    return vkc_type_of1(pass, VKC_TYPE_LIST, of);
}

static struct vkc_type *infer_map(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_type *args[2] = {hinted(pass, hint, VKC_TYPE_MAP, 0, expr->span),
                                hinted(pass, hint, VKC_TYPE_MAP, 1, expr->span)};
    struct vkc_reason reasons[2] = {{.text = NULL}, {.text = NULL}};
    for (uint32_t i = 0; i < expr->map.count; i++) {
        struct vkc_entry *entry = &expr->map.entries[i];
        vkc_infer_as(pass, entry->key, args[0], &reasons[0]);
        vkc_infer_as(pass, entry->value, args[1], &reasons[1]);
        if (i == 0) {
            reasons[0] = (struct vkc_reason){entry->key->span, "expected because the first key has it"};
            reasons[1] = (struct vkc_reason){entry->value->span, "expected because the first value has it"};
        }
    }
    vkc_later_trait(pass, VKC_TRAIT_KEY, args[0],
                    expr->map.count > 0 ? expr->map.entries[0].key->span : expr->span);
    return vkc_type_make(pass->types, VKC_TYPE_MAP, NULL, args, 2);
}

/* `{}`: an empty map where one is expected, else an empty block. */
static struct vkc_type *infer_braces(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    struct vkc_type *want = hint != NULL ? vkc_type_find(hint) : NULL;
    if (expr->block.count == 0 && want != NULL && want->kind == VKC_TYPE_MAP) {
        expr->kind = VKC_EXPR_MAP;
        memset(&expr->map, 0, sizeof expr->map);
        return infer_map(pass, expr, hint);
    }
    return vkc_infer_block(pass, expr, hint);
}

static struct vkc_type *infer_return(struct vkc_pass *pass, struct vkc_expr *expr)
{
    struct vkc_infer *infer = pass->infer;
    enum vkc_type_kind kind = vkc_type_find(infer->result)->kind;
    struct vkc_type *never = vkc_simple(pass, VKC_TYPE_NEVER);
    if (infer->body->kind == VKC_BODY_LET || infer->body->kind == VKC_BODY_START) {
        vkc_error(pass->diags, expr->span, "`return` stands in a function");
        return never;
    }
    if (expr->operand != NULL) {
        vkc_infer_as(pass, expr->operand, infer->result, &infer->result_reason);
        return never;
    }
    if (kind == VKC_TYPE_NIL || kind == VKC_TYPE_ERROR ||
        (kind == VKC_TYPE_VAR && vkc_type_unify(pass->types, infer->result, vkc_simple(pass, VKC_TYPE_NIL))))
        return never;
    struct vkc_diag *diag = vkc_error(pass->diags, expr->span, "expected `return` with a value of type `%s`",
                                      vkc_type_text(pass->types, infer->result));
    if (infer->result_reason.span.start != 0)
        vkc_diag_note(pass->diags, diag, infer->result_reason.span, "%s", infer->result_reason.text);
    return never;
}

static struct vkc_type *infer_jump(struct vkc_pass *pass, const struct vkc_expr *expr)
{
    bool is_inner = pass->infer->body->kind == VKC_BODY_CLOSURE || pass->infer->body->kind == VKC_BODY_SPAWN;
    if (pass->infer->loops == 0) {
        const char *word = expr->kind == VKC_EXPR_BREAK ? "break" : "continue";
        struct vkc_diag *diag = vkc_error(pass->diags, expr->span, "`%s` stands in a loop", word);
        if (is_inner)
            vkc_diag_help(pass->diags, diag, "a closure or spawned block cannot leave a loop around it");
        return vkc_simple(pass, VKC_TYPE_ERROR);
    }
    return vkc_simple(pass, VKC_TYPE_NEVER);
}

static struct vkc_type *misplaced(struct vkc_pass *pass, struct vkc_expr *expr, const char *what)
{
    vkc_error(pass->diags, expr->span, "%s", what);
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

static struct vkc_type *infer_kind(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    switch (expr->kind) {
    case VKC_EXPR_BAD:
        return vkc_simple(pass, VKC_TYPE_ERROR);
    case VKC_EXPR_INT:
        return vkc_simple(pass, VKC_TYPE_INT);
    case VKC_EXPR_DURATION:
        return vkc_simple(pass, VKC_TYPE_DURATION);
    case VKC_EXPR_BOOL:
        return vkc_simple(pass, VKC_TYPE_BOOL);
    case VKC_EXPR_FLOAT:
        return vkc_simple(pass, VKC_TYPE_FLOAT);
    case VKC_EXPR_STR:
        return infer_str(pass, expr);
    case VKC_EXPR_BYTES:
        return vkc_simple(pass, VKC_TYPE_BYTES);
    case VKC_EXPR_NAME:
        return vkc_infer_name(pass, expr, hint);
    case VKC_EXPR_FIELD:
        return vkc_infer_field(pass, expr, hint);
    case VKC_EXPR_INDEX:
        return vkc_infer_index(pass, expr, hint);
    case VKC_EXPR_CALL:
        return vkc_infer_call(pass, expr, hint);
    case VKC_EXPR_PASS:
        return vkc_infer_pass(pass, expr, hint);
    case VKC_EXPR_UNARY:
        return vkc_infer_unary(pass, expr, hint);
    case VKC_EXPR_BINARY:
        return vkc_infer_binary(pass, expr, hint);
    case VKC_EXPR_LIST:
        return infer_list(pass, expr, hint);
    case VKC_EXPR_MAP:
        return infer_map(pass, expr, hint);
    case VKC_EXPR_RECORD:
        return vkc_infer_record(pass, expr, hint);
    case VKC_EXPR_OBJECT:
        return misplaced(pass, expr, "an object stands behind `json` only");
    case VKC_EXPR_JSON:
        return vkc_infer_json(pass, expr);
    case VKC_EXPR_CLOSURE:
        return vkc_infer_closure(pass, expr, hint);
    case VKC_EXPR_IF:
        return vkc_infer_if(pass, expr, hint);
    case VKC_EXPR_MATCH:
        return vkc_infer_match(pass, expr, hint);
    case VKC_EXPR_BLOCK:
        return infer_braces(pass, expr, hint);
    case VKC_EXPR_RETURN:
        return infer_return(pass, expr);
    case VKC_EXPR_BREAK:
    case VKC_EXPR_CONTINUE:
        return infer_jump(pass, expr);
    case VKC_EXPR_FAIL:
        return vkc_infer_fail(pass, expr);
    case VKC_EXPR_SEND:
        return vkc_infer_send(pass, expr);
    case VKC_EXPR_AWAIT:
        return vkc_infer_await(pass, expr);
    case VKC_EXPR_SPAWN:
        return vkc_infer_spawn(pass, expr, hint);
    case VKC_EXPR_START:
        return vkc_infer_start(pass, expr->operand, "start");
    case VKC_EXPR_REQUEST:
        return vkc_infer_request(pass, expr);
    }
    return vkc_simple(pass, VKC_TYPE_ERROR);
}

struct vkc_type *vkc_infer_expr(struct vkc_pass *pass, struct vkc_expr *expr, struct vkc_type *hint)
{
    expr->type = infer_kind(pass, expr, hint);
    if (vkc_type_size(expr->type, VKC_TYPE_SIZE_MAX) > VKC_TYPE_SIZE_MAX) {
        if (pass->diags->errors == pass->errors_before) /* the next ones follow from it */
            vkc_error(pass->diags, expr->span, "the type of this is too large: more than %u types in it",
                      VKC_TYPE_SIZE_MAX);
        expr->type = vkc_simple(pass, VKC_TYPE_ERROR);
    }
    vkc_pending_add(pass, &expr->type);
    return expr->type;
}
