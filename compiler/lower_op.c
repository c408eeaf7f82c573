/* SPDX-License-Identifier: Apache-2.0 */
/* Operators and conditions. */
#include "compiler/lower_impl.h"

bool vkc_is_number(const struct vkc_expr *e, int64_t *ret_number)
{
    int64_t inner;
    switch (e->kind) {
    case VKC_EXPR_INT:
    case VKC_EXPR_DURATION:
    case VKC_EXPR_BOOL:
        *ret_number = e->number;
        return true;
    case VKC_EXPR_UNARY:
        return e->unary.op == VKC_UNARY_NEGATE && vkc_is_number(e->unary.operand, &inner) &&
               !__builtin_sub_overflow((int64_t)0, inner, ret_number);
    default:
        return false;
    }
}

static bool is_small(int64_t number)
{
    return number >= INT8_MIN && number <= INT8_MAX;
}

static bool is_text(const struct vkc_type *type)
{
    return type->kind == VKC_TYPE_STR || type->kind == VKC_TYPE_BYTES;
}

/* ---- arithmetic ---------------------------------------------------------------- */

static bool fold(enum vkc_binary op, int64_t a, int64_t b, int64_t *ret)
{
    switch (op) {
    case VKC_BINARY_ADD:
        return !__builtin_add_overflow(a, b, ret);
    case VKC_BINARY_SUB:
        return !__builtin_sub_overflow(a, b, ret);
    case VKC_BINARY_MUL:
        return !__builtin_mul_overflow(a, b, ret);
    case VKC_BINARY_DIV:
    case VKC_BINARY_REM:
        if (b == 0 || b == -1)
            return false;
        *ret = op == VKC_BINARY_DIV ? a / b : a % b;
        return true;
    case VKC_BINARY_SHL:
        *ret = b >= 0 && b < 64 ? (int64_t)((uint64_t)a << b) : 0;
        return b >= 0 && b < 64;
    case VKC_BINARY_AND:
        *ret = a & b;
        return true;
    case VKC_BINARY_OR:
        *ret = a | b;
        return true;
    default:
        return false;
    }
}

static enum interp_op int_op(enum vkc_binary op)
{
    static const uint8_t ops[VKC_BINARY_COUNT] = {
        [VKC_BINARY_MUL] = INTERP_OP_MUL, [VKC_BINARY_DIV] = INTERP_OP_DIV, [VKC_BINARY_REM] = INTERP_OP_MOD,
        [VKC_BINARY_ADD] = INTERP_OP_ADD, [VKC_BINARY_SUB] = INTERP_OP_SUB, [VKC_BINARY_SHL] = INTERP_OP_SHL,
        [VKC_BINARY_SHR] = INTERP_OP_SHR, [VKC_BINARY_AND] = INTERP_OP_AND, [VKC_BINARY_XOR] = INTERP_OP_XOR,
        [VKC_BINARY_OR] = INTERP_OP_OR};
    return (enum interp_op)ops[op];
}

static enum interp_op float_op(enum vkc_binary op)
{
    switch (op) {
    case VKC_BINARY_ADD:
        return INTERP_OP_FADD;
    case VKC_BINARY_SUB:
        return INTERP_OP_FSUB;
    case VKC_BINARY_MUL:
        return INTERP_OP_FMUL;
    default:
        return INTERP_OP_FDIV;
    }
}

uint32_t vkc_fun_arith(struct vkc_fun *f, enum vkc_binary op, struct vkc_type *type,
                       struct vkc_type *right_type, uint32_t a, uint32_t b, uint32_t want)
{
    (void)right_type;
    if (is_text(type)) {
        const uint32_t list[2] = {a, b};
        return vkc_fun_join(f, list, 2, want);
    }
    want = vkc_fun_dest(f, want, 0);
    vkc_ir_op3(f->code, type->kind == VKC_TYPE_FLOAT ? float_op(op) : int_op(op), want, a, b);
    return want;
}

/* With a small constant on the right; VKC_NONE when there is no such instruction. */
static uint32_t arith_small(struct vkc_fun *f, enum vkc_binary op, const struct vkc_expr *left,
                            int64_t number, uint32_t want)
{
    enum interp_op code = INTERP_OP_ADDI;
    if (op == VKC_BINARY_SUB)
        number = number == INT64_MIN ? number : -number;
    else if (op == VKC_BINARY_MUL)
        code = INTERP_OP_MULI;
    else if (op == VKC_BINARY_DIV)
        code = INTERP_OP_DIVI;
    else if (op == VKC_BINARY_REM)
        code = INTERP_OP_MODI;
    else if (op != VKC_BINARY_ADD)
        return VKC_NONE;
    if (!is_small(number))
        return VKC_NONE;
    uint32_t a = vkc_expr_value(f, left, VKC_NONE);
    want = vkc_fun_dest(f, want, 0);
    vkc_ir_imm(f->code, code, want, a, number);
    return want;
}

/* a + b + c ... of Strs or Bytes is one concatenation. */
static uint32_t gather(struct vkc_fun *f, const struct vkc_expr *e, uint32_t *list, uint32_t count,
                       uint32_t max, const struct vkc_expr *later)
{
    bool is_sum = e->kind == VKC_EXPR_BINARY && e->binary.op == VKC_BINARY_ADD;
    if (is_sum && count + 2 <= max) {
        count = gather(f, e->binary.left, list, count, max - 1, e->binary.right);
        return gather(f, e->binary.right, list, count, max, later);
    }
    list[count] = vkc_expr_stable(f, e, later);
    return count + 1;
}

static uint32_t concat(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t list[32], count = gather(f, e, list, 0, VK_COUNT(list), NULL);
    return vkc_fun_join(f, list, count, want);
}

static uint32_t arithmetic(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    struct vkc_type *type = vkc_fun_type(f, e->binary.left->type);
    struct vkc_type *right_type = vkc_fun_type(f, e->binary.right->type);
    int64_t left = 0, right = 0, folded;
    if (is_text(type) && e->binary.op == VKC_BINARY_ADD)
        return concat(f, e, want);
    bool has_right = vkc_is_number(e->binary.right, &right), has_left = vkc_is_number(e->binary.left, &left);
    if (type->kind != VKC_TYPE_FLOAT) {
        uint32_t value = VKC_NONE;
        if (has_left && has_right && fold(e->binary.op, left, right, &folded))
            return vkc_fun_number(f, folded, want);
        if (has_right)
            value = arith_small(f, e->binary.op, e->binary.left, right, want);
        else if (has_left && (e->binary.op == VKC_BINARY_ADD || e->binary.op == VKC_BINARY_MUL))
            value = arith_small(f, e->binary.op, e->binary.right, left, want);
        if (value != VKC_NONE)
            return value;
    }
    uint32_t a = vkc_expr_stable(f, e->binary.left, e->binary.right);
    uint32_t b = vkc_expr_value(f, e->binary.right, VKC_NONE);
    return vkc_fun_arith(f, e->binary.op, type, right_type, a, b, want);
}

uint32_t vkc_expr_unary(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    int64_t number;
    if (vkc_is_number(e, &number))
        return vkc_fun_number(f, number, want);
    bool is_float = vkc_fun_type(f, e->type)->kind == VKC_TYPE_FLOAT;
    uint32_t value = vkc_expr_value(f, e->unary.operand, VKC_NONE);
    want = vkc_fun_dest(f, want, 0);
    if (e->unary.op == VKC_UNARY_NEGATE)
        vkc_ir_op2(f->code, is_float ? INTERP_OP_FNEG : INTERP_OP_NEG, want, value);
    else
        vkc_ir_op2(f->code, e->unary.op == VKC_UNARY_NOT ? INTERP_OP_NOT : INTERP_OP_INV, want, value);
    return want;
}

/* ---- conditions ------------------------------------------------------------------- */

bool vkc_is_comparison(enum vkc_binary op)
{
    return op >= VKC_BINARY_EQ && op <= VKC_BINARY_GE;
}

static enum vkc_binary opposite(enum vkc_binary op)
{
    static const enum vkc_binary to[] = {VKC_BINARY_NE, VKC_BINARY_EQ, VKC_BINARY_GE,
                                         VKC_BINARY_GT, VKC_BINARY_LE, VKC_BINARY_LT};
    return to[op - VKC_BINARY_EQ];
}

static enum vkc_binary mirrored(enum vkc_binary op)
{
    static const enum vkc_binary to[] = {VKC_BINARY_EQ, VKC_BINARY_NE, VKC_BINARY_GT,
                                         VKC_BINARY_GE, VKC_BINARY_LT, VKC_BINARY_LE};
    return to[op - VKC_BINARY_EQ];
}

static void branch_small(struct vkc_fun *f, enum vkc_binary op, uint32_t a, int64_t number, uint32_t label)
{
    static const uint8_t ops[] = {INTERP_OP_JEQI, INTERP_OP_JNEI, INTERP_OP_JLTI,
                                  INTERP_OP_JLEI, INTERP_OP_JGTI, INTERP_OP_JGEI};
    vkc_ir_branch_imm(f->code, (enum interp_op)ops[op - VKC_BINARY_EQ], a, number, label);
}

static void branch_int(struct vkc_fun *f, enum vkc_binary op, uint32_t a, uint32_t b, uint32_t label)
{
    bool swaps = op == VKC_BINARY_LE || op == VKC_BINARY_GT;
    static const uint8_t ops[] = {INTERP_OP_JEQ, INTERP_OP_JNE, INTERP_OP_JLT,
                                  INTERP_OP_JGE, INTERP_OP_JLT, INTERP_OP_JGE};
    vkc_ir_branch(f->code, (enum interp_op)ops[op - VKC_BINARY_EQ], swaps ? b : a, swaps ? a : b, label);
}

/* a > b is b < a; the negated forms are true of what is unordered. */
static void branch_float(struct vkc_fun *f, enum vkc_binary op, uint32_t a, uint32_t b, bool sense,
                         uint32_t label)
{
    bool swaps = op == VKC_BINARY_GT || op == VKC_BINARY_GE,
         is_strict = op == VKC_BINARY_LT || op == VKC_BINARY_GT;
    if (op == VKC_BINARY_EQ || op == VKC_BINARY_NE) {
        uint32_t is_equal = vkc_ir_value(f->code, 0);
        vkc_ir_op3(f->code, INTERP_OP_FEQ, is_equal, a, b);
        vkc_ir_branch(f->code, (op == VKC_BINARY_EQ) == sense ? INTERP_OP_JT : INTERP_OP_JF, is_equal,
                      VKC_NONE, label);
        return;
    }
    enum interp_op code =
        is_strict ? (sense ? INTERP_OP_JFLT : INTERP_OP_JFGE) : (sense ? INTERP_OP_JFLE : INTERP_OP_JFGT);
    vkc_ir_branch(f->code, code, swaps ? b : a, swaps ? a : b, label);
}

static void branch_compare(struct vkc_fun *f, const struct vkc_expr *e, bool sense, uint32_t label)
{
    struct vkc_type *type = vkc_fun_type(f, e->binary.left->type);
    enum vkc_binary op = sense ? e->binary.op : opposite(e->binary.op);
    bool is_int = vkc_lower_type(f->lower, type) == 0 && type->kind != VKC_TYPE_FLOAT;
    int64_t number;
    if (is_int && vkc_is_number(e->binary.right, &number) && is_small(number)) {
        branch_small(f, op, vkc_expr_value(f, e->binary.left, VKC_NONE), number, label);
        return;
    }
    if (is_int && vkc_is_number(e->binary.left, &number) && is_small(number)) {
        branch_small(f, mirrored(op), vkc_expr_value(f, e->binary.right, VKC_NONE), number, label);
        return;
    }
    uint32_t a = vkc_expr_stable(f, e->binary.left, e->binary.right);
    uint32_t b = vkc_expr_value(f, e->binary.right, VKC_NONE);
    vkc_jump_compare(f, e->binary.op, type, a, b, sense, label);
}

void vkc_jump_compare(struct vkc_fun *f, enum vkc_binary binary, struct vkc_type *type, uint32_t a,
                      uint32_t b, bool sense, uint32_t label)
{
    enum vkc_binary op = sense ? binary : opposite(binary);
    if (type->kind == VKC_TYPE_FLOAT) {
        branch_float(f, binary, a, b, sense, label);
    } else if (vkc_lower_type(f->lower, type) == 0) {
        branch_int(f, op, a, b, label);
    } else if (is_text(type) && op != VKC_BINARY_EQ && op != VKC_BINARY_NE) {
        uint32_t t = vkc_ir_value(f->code, 0);
        vkc_ir_op3(f->code, INTERP_OP_SCMP, t, a, b);
        branch_small(f, op, t, 0, label);
    } else {
        uint32_t t = vkc_fun_equal(f, type, a, b, VKC_NONE);
        vkc_ir_branch(f->code, op == VKC_BINARY_EQ ? INTERP_OP_JT : INTERP_OP_JF, t, VKC_NONE, label);
    }
}

static void branch_logic(struct vkc_fun *f, const struct vkc_expr *e, bool sense, uint32_t label)
{
    bool is_both = e->binary.op == VKC_BINARY_BOTH;
    if (is_both != sense) { /* either side decides */
        vkc_jump_if(f, e->binary.left, sense, label);
        vkc_jump_if(f, e->binary.right, sense, label);
        return;
    }
    uint32_t skip = vkc_ir_label(f->code);
    vkc_jump_if(f, e->binary.left, !sense, skip);
    vkc_jump_if(f, e->binary.right, sense, label);
    vkc_ir_place(f->code, skip);
}

void vkc_jump_if(struct vkc_fun *f, const struct vkc_expr *e, bool sense, uint32_t label)
{
    vkc_fun_line(f, e->span);
    if (e->kind == VKC_EXPR_BOOL) {
        if ((e->number != 0) == sense)
            vkc_ir_jump(f->code, label);
    } else if (e->kind == VKC_EXPR_UNARY && e->unary.op == VKC_UNARY_NOT) {
        vkc_jump_if(f, e->unary.operand, !sense, label);
    } else if (e->kind == VKC_EXPR_BINARY && vkc_is_comparison(e->binary.op)) {
        branch_compare(f, e, sense, label);
    } else if (e->kind == VKC_EXPR_BINARY &&
               (e->binary.op == VKC_BINARY_BOTH || e->binary.op == VKC_BINARY_EITHER)) {
        branch_logic(f, e, sense, label);
    } else {
        uint32_t value = vkc_expr_value(f, e, VKC_NONE);
        vkc_ir_branch(f->code, sense ? INTERP_OP_JT : INTERP_OP_JF, value, VKC_NONE, label);
    }
}

/* A condition as a Bool. */
static uint32_t truth(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t result = vkc_ir_value(f->code, 0), on_false = vkc_ir_label(f->code), end = vkc_ir_label(f->code);
    vkc_jump_if(f, e, false, on_false);
    vkc_ir_load(f->code, result, 1);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, on_false);
    vkc_ir_load(f->code, result, 0);
    vkc_ir_place(f->code, end);
    if (want == VKC_NONE)
        return result;
    vkc_ir_move(f->code, want, result);
    return want;
}

/* ---- ?? ------------------------------------------------------------------------------- */

/* An index directly to the left: no Option is made. */
static void index_or(struct vkc_fun *f, const struct vkc_expr *left, uint32_t on_none, uint32_t result)
{
    struct vkc_type *of = vkc_fun_type(f, left->index.object->type);
    uint32_t object = vkc_expr_stable(f, left->index.object, left->index.index), t = vkc_ir_value(f->code, 0);
    uint32_t at = vkc_expr_value(f, left->index.index, VKC_NONE);
    if (vkc_is_named(of, VKC_SYMBOL_ENUM)) { /* Json */
        vkc_fun_json_item(f, of, object, at, on_none, result);
        return;
    }
    if (of->kind == VKC_TYPE_MAP) {
        vkc_ir_op3(f->code, INTERP_OP_MFIND, t, object, at);
        branch_small(f, VKC_BINARY_LT, t, 0, on_none);
        vkc_ir_op3(f->code, INTERP_OP_MVAL, result, object, t);
        return;
    }
    bool is_text_of = is_text(of);
    vkc_ir_op2(f->code, is_text_of ? INTERP_OP_SLEN : INTERP_OP_LLEN, t, object);
    branch_int(f, VKC_BINARY_GE, at, t, on_none);
    branch_small(f, VKC_BINARY_LT, at, 0, on_none);
    bool is_ref = f->code->values[result].type != 0;
    vkc_ir_op3(f->code,
               is_text_of ? INTERP_OP_BYTE
               : is_ref   ? INTERP_OP_LGETR
                          : INTERP_OP_LGET,
               result, object, at);
}

static uint32_t coalesce(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    const struct vkc_expr *left = e->binary.left;
    struct vkc_type *type = vkc_fun_type(f, e->type);
    uint32_t result = vkc_fun_fresh(f, type);
    uint32_t on_none = vkc_ir_label(f->code), end = vkc_ir_label(f->code);
    bool is_option = vkc_type_option(f->lower->checked, vkc_fun_type(f, left->type)) != NULL;
    if (left->kind == VKC_EXPR_INDEX && !left->meaning && vkc_fun_type(f, left->type) == type) {
        index_or(f, left, on_none, result);
    } else if (is_option) {
        uint32_t option = vkc_expr_value(f, left, VKC_NONE);
        vkc_jump_some(f, vkc_fun_type(f, left->type), option, false, on_none);
        (void)vkc_fun_some(f, vkc_fun_type(f, left->type), option, result);
    }
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, on_none);
    (void)vkc_expr(f, e->binary.right, result);
    vkc_ir_place(f->code, end);
    if (want == VKC_NONE)
        return result;
    vkc_ir_move(f->code, want, result);
    return want;
}

uint32_t vkc_expr_binary(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    if (e->binary.op == VKC_BINARY_COALESCE)
        return coalesce(f, e, want);
    if (vkc_is_comparison(e->binary.op) || e->binary.op == VKC_BINARY_BOTH ||
        e->binary.op == VKC_BINARY_EITHER)
        return truth(f, e, want);
    return arithmetic(f, e, want);
}
