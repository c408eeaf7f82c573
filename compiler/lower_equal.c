/* SPDX-License-Identifier: Apache-2.0 */
/* Equality by content: an instruction for scalars and texts, else a function for each type compared. */
#include "compiler/lower_impl.h"

struct pair {
    struct vkc_fun *f;
    struct vkc_type *type;
    uint32_t a, b;
    uint32_t differ; /* label: gives false */
};

static void must_equal(const struct pair *p, struct vkc_type *type, uint32_t a, uint32_t b)
{
    uint32_t is_equal = vkc_fun_equal(p->f, type, a, b, VKC_NONE);
    vkc_ir_branch(p->f->code, INTERP_OP_JF, is_equal, VKC_NONE, p->differ);
}

static void equal_slots(const struct pair *p, const struct vkc_symbol *owner, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < owner->slots_count; i++) {
        struct vkc_type *of;
        uint32_t place = vkc_lower_place(p->f->lower, owner, p->type, i, &of);
        uint16_t entry = vkc_lower_type(p->f->lower, of);
        uint32_t left = vkc_fun_field(p->f, a, place, entry, VKC_NONE);
        must_equal(p, of, left, vkc_fun_field(p->f, b, place, entry, VKC_NONE));
    }
}

static void equal_nullable(const struct pair *p, uint32_t end)
{
    struct vkc_fun *f = p->f;
    uint32_t has = vkc_ir_label(f->code);
    struct vkc_type *of = vkc_type_option(f->lower->checked, p->type);
    vkc_ir_branch(f->code, INTERP_OP_JSOME, p->a, VKC_NONE, has);
    vkc_ir_branch(f->code, INTERP_OP_JSOME, p->b, VKC_NONE, p->differ);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, has);
    vkc_ir_branch(f->code, INTERP_OP_JNIL, p->b, VKC_NONE, p->differ);
    uint32_t a = vkc_fun_some(f, p->type, p->a, VKC_NONE);
    must_equal(p, of, a, vkc_fun_some(f, p->type, p->b, VKC_NONE));
}

static void equal_enum(const struct pair *p, uint32_t end)
{
    struct vkc_fun *f = p->f;
    const struct vkc_symbol *symbol = p->type->symbol;
    uint32_t a = vkc_ir_value(f->code, 0), b = vkc_ir_value(f->code, 0);
    vkc_ir_op2(f->code, INTERP_OP_TAG, a, p->a);
    vkc_ir_op2(f->code, INTERP_OP_TAG, b, p->b);
    vkc_ir_branch(f->code, INTERP_OP_JNE, a, b, p->differ);
    for (uint32_t i = 0; i < symbol->members_count; i++) {
        uint32_t next = vkc_ir_label(f->code);
        if (symbol->members[i]->slots_count == 0)
            continue;
        vkc_ir_branch(f->code, INTERP_OP_JNE, a, vkc_fun_number(f, i, VKC_NONE), next);
        uint16_t variant = vkc_lower_variant(f->lower, p->type, i);
        uint32_t left = vkc_ir_value(f->code, variant), right = vkc_ir_value(f->code, variant);
        vkc_ir_op2(f->code, INTERP_OP_CAST, left, p->a);
        vkc_ir_op2(f->code, INTERP_OP_CAST, right, p->b);
        equal_slots(p, symbol->members[i], left, right);
        vkc_ir_jump(f->code, end);
        vkc_ir_place(f->code, next);
    }
}

static void equal_list(const struct pair *p, uint32_t end)
{
    struct vkc_fun *f = p->f;
    uint32_t at = vkc_ir_value(f->code, 0), len = vkc_ir_value(f->code, 0), head = vkc_ir_label(f->code);
    uint32_t left = vkc_fun_fresh(f, p->type->args[0]), right = vkc_fun_fresh(f, p->type->args[0]);
    uint32_t other = vkc_ir_value(f->code, 0);
    enum interp_op get = f->code->values[left].type == 0 ? INTERP_OP_LGET : INTERP_OP_LGETR;
    f->code->values[at].is_pair = true;
    vkc_ir_op2(f->code, INTERP_OP_LLEN, len, p->a);
    vkc_ir_op2(f->code, INTERP_OP_LLEN, other, p->b);
    vkc_ir_branch(f->code, INTERP_OP_JNE, len, other, p->differ);
    vkc_ir_load(f->code, at, 0);
    vkc_ir_branch(f->code, INTERP_OP_JGE, at, len, end);
    vkc_ir_place(f->code, head);
    vkc_ir_op3(f->code, get, left, p->a, at);
    vkc_ir_op3(f->code, get, right, p->b, at);
    must_equal(p, p->type->args[0], left, right);
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_LOOP);
    ins->reg[0] = at;
    ins->reg[1] = len;
    ins->target = head;
}

static void equal_map(const struct pair *p, uint32_t end)
{
    struct vkc_fun *f = p->f;
    uint32_t head = vkc_ir_label(f->code), at = vkc_fun_number(f, -1, VKC_NONE);
    uint32_t found = vkc_ir_value(f->code, 0), key = vkc_fun_fresh(f, p->type->args[0]);
    uint32_t left = vkc_fun_fresh(f, p->type->args[1]), right = vkc_fun_fresh(f, p->type->args[1]);
    uint32_t count = vkc_ir_value(f->code, 0), other = vkc_ir_value(f->code, 0);
    vkc_ir_op2(f->code, INTERP_OP_MLEN, count, p->a);
    vkc_ir_op2(f->code, INTERP_OP_MLEN, other, p->b);
    vkc_ir_branch(f->code, INTERP_OP_JNE, count, other, p->differ);
    vkc_ir_place(f->code, head);
    vkc_ir_branch(f->code, INTERP_OP_MNEXT, at, p->a, end);
    vkc_ir_op3(f->code, INTERP_OP_MKEY, key, p->a, at);
    vkc_ir_op3(f->code, INTERP_OP_MFIND, found, p->b, key);
    vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, found, 0, p->differ);
    vkc_ir_op3(f->code, INTERP_OP_MVAL, left, p->a, at);
    vkc_ir_op3(f->code, INTERP_OP_MVAL, right, p->b, found);
    must_equal(p, p->type->args[1], left, right);
    vkc_ir_jump(f->code, head);
}

static void fill(struct vkc_lower *l, struct vkc_code *code, struct vkc_type *type)
{
    struct vkc_fun f;
    uint32_t params[2];
    vkc_fun_init(&f, l, code);
    vkc_fun_params(&f, params);
    struct pair p = {&f, type, params[0], params[1], vkc_ir_label(code)};
    uint32_t end = vkc_ir_label(code), result = vkc_ir_value(code, 0);
    bool is_nullable = l->unit.types[vkc_lower_type(l, type)].kind == INTERP_KIND_OPT;
    if (type->kind == VKC_TYPE_LIST)
        equal_list(&p, end);
    else if (type->kind == VKC_TYPE_MAP)
        equal_map(&p, end);
    else if (is_nullable)
        equal_nullable(&p, end);
    else if (vkc_is_named(type, VKC_SYMBOL_ENUM))
        equal_enum(&p, end);
    else
        equal_slots(&p, type->symbol, p.a, p.b);
    vkc_ir_place(code, end);
    vkc_ir_load(code, result, 1);
    vkc_ir_op1(code, INTERP_OP_RETS, result);
    vkc_ir_place(code, p.differ);
    uint32_t no = vkc_fun_number(&f, 0, VKC_NONE);
    vkc_ir_op1(code, INTERP_OP_RETS, no);
}

uint32_t vkc_fun_equal(struct vkc_fun *f, struct vkc_type *type, uint32_t a, uint32_t b, uint32_t want)
{
    uint16_t entry = vkc_lower_type(f->lower, type), params[] = {entry, entry};
    uint32_t args[] = {a, b};
    if (entry == 0 || type->kind == VKC_TYPE_STR || type->kind == VKC_TYPE_BYTES) {
        want = vkc_fun_dest(f, want, 0);
        vkc_ir_op3(f->code,
                   entry != 0                     ? INTERP_OP_SEQ
                   : type->kind == VKC_TYPE_FLOAT ? INTERP_OP_FEQ
                                                  : INTERP_OP_EQ,
                   want, a, b);
        return want;
    }
    if (vkc_is_named(type, VKC_SYMBOL_ACTOR) ||
        (vkc_is_named(type, VKC_SYMBOL_RECORD) && type->symbol->has_identity))
        return vkc_fun_native(f, vkc_is_named(type, VKC_SYMBOL_ACTOR) ? "actor.same" : "ref.same", args, 2, 0,
                              want);
    struct vkc_code *code = NULL;
    uint32_t made =
        vkc_lower_made(f->lower, VKC_MADE_EQUAL, type->id, "==", vkc_unit_fn(f->unit, params, 2, 0), &code);
    if (code)
        fill(f->lower, code, type);
    return vkc_fun_call(f, made, args, 2, want);
}
