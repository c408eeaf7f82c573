/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small things on the list of instructions: arithmetic that one instruction
 * can do, copies that nobody needs, jumps to jumps, and what control never
 * reaches, which the verifier refuses.
 */
#include "compiler/ir.h"

#include <string.h>

struct count {
    uint32_t *reads;
    uint32_t *writes;
};

static void count_visit(void *context, uint32_t *value, bool reads, bool writes)
{
    struct count *c = context;
    c->reads[*value] += reads;
    c->writes[*value] += writes;
}

static struct count count_uses(struct vkc_code *code)
{
    struct count c = {VKC_NEW_ARRAY(code->arena, uint32_t, code->values_count + 1),
                      VKC_NEW_ARRAY(code->arena, uint32_t, code->values_count + 1)};
    for (uint32_t i = 0; i < code->params_count; i++)
        c.writes[code->params[i]]++;
    for (uint32_t i = 0; i < code->values_count; i++)
        if (code->values[i].is_pair) /* never renamed */
            c.reads[i] = c.writes[i] = c.reads[i + 1] = c.writes[i + 1] = 2;
    for (uint32_t i = 0; i < code->ins_count; i++)
        vkc_ir_visit(&code->ins[i], count_visit, &c);
    return c;
}

static void compact(struct vkc_code *code)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < code->ins_count; i++)
        if (!code->ins[i].is_dead)
            code->ins[kept++] = code->ins[i];
    code->ins_count = kept;
}

/* ---- copies ------------------------------------------------------------------------- */

/* Whether that operand is only written, and may be any register. */
static bool writes_first(const struct vkc_ins *ins)
{
    if (ins->op == VKC_IR_LABEL || ins->op == INTERP_OP_CAST || ins->op == INTERP_OP_LDNIL)
        return false;
    char letter = vkc_ir_operands(ins->op)[0];
    return vkc_ir_is_call(ins->op) || letter == 'd' || letter == 'D' || letter == 'm';
}

/* t = ...; v = t, and t is nothing else: v = ... . For references, of one type only. */
static void drop_copies(struct vkc_code *code, const struct count *c)
{
    for (uint32_t i = 1; i < code->ins_count; i++) {
        struct vkc_ins *before = &code->ins[i - 1], *ins = &code->ins[i];
        if (ins->op != INTERP_OP_MOV && ins->op != INTERP_OP_MOVR)
            continue;
        uint32_t from = ins->reg[1], to = ins->reg[0];
        if (before->is_dead || !writes_first(before) || before->reg[0] != from || c->reads[from] != 1 ||
            c->writes[from] != 1 || code->values[from].type != code->values[to].type)
            continue;
        before->reg[0] = to;
        ins->is_dead = true;
    }
    compact(code);
}

/* ---- floats ----------------------------------------------------------------------------- */

struct rename {
    uint32_t from;
    uint32_t to;
};

static void rename_visit(void *context, uint32_t *value, bool reads, bool writes)
{
    (void)reads, (void)writes;
    const struct rename *r = context;
    if (*value == r->from)
        *value = r->to;
}

static void rename_value(struct vkc_code *code, uint32_t from, uint32_t to)
{
    struct rename r = {from, to};
    for (uint32_t i = 0; i < code->ins_count; i++)
        vkc_ir_visit(&code->ins[i], rename_visit, &r);
}

/* A value written once and read once. */
static bool is_temporary(const struct count *c, uint32_t value)
{
    return c->reads[value] == 1 && c->writes[value] == 1;
}

/*
 * t = b * c; d = a +- t: a +- b * c in place, when a is d, or is dead from
 * there on and can become it. Writing in place does not count as another write.
 */
static void fuse_multiply(struct vkc_code *code, struct count *c, struct vkc_live *live, uint32_t i)
{
    struct vkc_ins *mul = &code->ins[i], *add = &code->ins[i + 1];
    bool is_add = add->op == INTERP_OP_FADD;
    if (mul->op != INTERP_OP_FMUL || (!is_add && add->op != INTERP_OP_FSUB) ||
        !is_temporary(c, mul->reg[0]) || mul->reg[0] == add->reg[1])
        return;
    uint32_t sum = add->reg[1], to = add->reg[0];
    if (add->reg[2] != mul->reg[0] ||
        (sum != to && (live[sum].end != 2 * (i + 1) || c->writes[sum] != 1 || c->writes[to] != 1)))
        return;
    add->is_dead = true;
    mul->op = is_add ? INTERP_OP_FMADD : INTERP_OP_FMSUB;
    mul->reg[0] = sum;
    if (sum != to) {
        c->reads[sum] += c->reads[to];
        live[sum].end = live[to].end;
        rename_value(code, to, sum);
    }
}

/* t = field; a = a + t. */
static void fuse_get(struct vkc_code *code, const struct count *c, uint32_t i)
{
    struct vkc_ins *get = &code->ins[i], *add = &code->ins[i + 1];
    if (get->op != INTERP_OP_GETF || add->op != INTERP_OP_FADD || add->reg[2] != get->reg[0] ||
        add->reg[0] != add->reg[1] || !is_temporary(c, get->reg[0]))
        return;
    get->op = INTERP_OP_GADDF;
    get->reg[0] = add->reg[0];
    add->is_dead = true;
}

static void fuse_floats(struct vkc_code *code, struct count *c)
{
    struct vkc_live *live = NULL;
    for (uint32_t i = 0; i + 1 < code->ins_count; i++) {
        if (code->ins[i].op == INTERP_OP_FMUL && live == NULL)
            live = vkc_live_find(code);
        if (live != NULL)
            fuse_multiply(code, c, live, i);
        fuse_get(code, c, i);
    }
    compact(code);
}

/* ---- control ------------------------------------------------------------------------------ */

static uint32_t *find_labels(struct vkc_code *code)
{
    uint32_t *at = VKC_NEW_ARRAY(code->arena, uint32_t, code->labels_count + 1);
    for (uint32_t i = 0; i < code->ins_count; i++)
        if (code->ins[i].op == VKC_IR_LABEL)
            at[code->ins[i].target] = i;
    return at;
}

/* Where a jump to the label ends up. */
static uint32_t final_label(const struct vkc_code *code, const uint32_t *at, uint32_t label, uint32_t from)
{
    for (uint32_t steps = 0; steps < 16; steps++) {
        uint32_t i = at[label];
        while (i < code->ins_count && code->ins[i].op == VKC_IR_LABEL)
            i++;
        if (i >= code->ins_count || code->ins[i].op != INTERP_OP_JMP)
            return label;
        uint32_t next = code->ins[i].target;
        if (at[next] <= from || at[next] <= i) /* only JMP goes back */
            return label;
        label = next;
    }
    return label;
}

static void thread(struct vkc_code *code, const uint32_t *at)
{
    for (uint32_t i = 0; i < code->ins_count; i++) {
        struct vkc_ins *ins = &code->ins[i];
        if (ins->op == VKC_IR_LABEL || ins->op == INTERP_OP_LOOP)
            continue;
        if (ins->op == INTERP_OP_SWITCH)
            for (uint32_t k = 0; k < ins->count; k++)
                ins->list[k] = final_label(code, at, ins->list[k], i);
        else if (ins->target != VKC_NONE && at[ins->target] > i)
            ins->target = final_label(code, at, ins->target, i);
    }
}

struct reach {
    struct vkc_code *code;
    const uint32_t *at;
    bool *is_reached;
    uint32_t *stack;
    uint32_t depth;
};

static void reach(struct reach *r, uint32_t i)
{
    if (i < r->code->ins_count && !r->is_reached[i]) {
        r->is_reached[i] = true;
        r->stack[r->depth++] = i;
    }
}

static void drop_unreached(struct vkc_code *code, const uint32_t *at)
{
    struct reach r = {code, at, VKC_NEW_ARRAY(code->arena, bool, code->ins_count + 1),
                      VKC_NEW_ARRAY(code->arena, uint32_t, code->ins_count + 1), 0};
    reach(&r, 0);
    while (r.depth > 0) {
        uint32_t i = r.stack[--r.depth];
        const struct vkc_ins *ins = &code->ins[i];
        if (ins->op == INTERP_OP_SWITCH)
            for (uint32_t k = 0; k < ins->count; k++)
                reach(&r, at[ins->list[k]]);
        else if (ins->op != VKC_IR_LABEL && ins->target != VKC_NONE)
            reach(&r, at[ins->target]);
        if (ins->op == VKC_IR_LABEL || !vkc_ir_ends(ins))
            reach(&r, i + 1);
    }
    for (uint32_t i = 0; i < code->ins_count; i++)
        code->ins[i].is_dead = !r.is_reached[i];
    compact(code);
}

/* A jump to what follows anyway. */
static bool drop_jumps(struct vkc_code *code)
{
    bool is_changed = false;
    for (uint32_t i = 0; i < code->ins_count; i++) {
        struct vkc_ins *ins = &code->ins[i];
        bool is_plain = ins->op == INTERP_OP_JMP || (ins->op != VKC_IR_LABEL && ins->op != INTERP_OP_LOOP &&
                                                     ins->op != INTERP_OP_MNEXT && ins->target != VKC_NONE);
        for (uint32_t k = i + 1; is_plain && k < code->ins_count && code->ins[k].op == VKC_IR_LABEL; k++)
            if (code->ins[k].target == ins->target)
                is_changed = ins->is_dead = true;
    }
    compact(code);
    return is_changed;
}

/* ---- what nobody reads ------------------------------------------------------------------------ */

/* Without any effect but its result. */
static bool is_pure(const struct vkc_ins *ins)
{
    switch (ins->op) {
    case INTERP_OP_MOV:
    case INTERP_OP_MOVR:
    case INTERP_OP_LDI:
    case INTERP_OP_LDK:
    case INTERP_OP_LDQ:
    case INTERP_OP_LDNIL:
    case INTERP_OP_GETF:
    case INTERP_OP_GETR:
    case INTERP_OP_TAG:
    case INTERP_OP_LLEN:
    case INTERP_OP_SLEN:
        return true;
    default:
        return false;
    }
}

static void drop_unread(struct vkc_code *code)
{
    for (bool is_changed = true; is_changed;) {
        struct count c = count_uses(code);
        is_changed = false;
        for (uint32_t i = 0; i < code->ins_count; i++)
            if (is_pure(&code->ins[i]) && c.reads[code->ins[i].reg[0]] == 0)
                is_changed = code->ins[i].is_dead = true;
        compact(code);
    }
}

void vkc_ir_simplify(struct vkc_code *code)
{
    struct count c = count_uses(code);
    drop_copies(code, &c);
    c = count_uses(code);
    fuse_floats(code, &c);
    drop_unread(code);
    const uint32_t *at = find_labels(code);
    thread(code, at);
    drop_unreached(code, at);
    while (drop_jumps(code))
        drop_unreached(code, find_labels(code));
}
