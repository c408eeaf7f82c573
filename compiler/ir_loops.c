/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants that a loop loads at each turn, loaded once in front of it. A
 * loop is what lies between a label and the last jump back to it, entered by
 * that label alone. Inner loops end first, so what leaves one may leave the
 * next one as well.
 */
#include "compiler/ir.h"

#include <string.h>

#define VALUES_MAX 160u /* of functions this is done to: their registers suffice whatever lives longer */
#define LOADS_MAX  16u  /* moved out of one loop */

struct uses {
    uint32_t *writes;
    uint32_t *reads_of_calls;
    bool is_call;
};

static void note_use(void *context, uint32_t *value, bool reads, bool writes)
{
    struct uses *u = context;
    u->writes[*value] += writes;
    u->reads_of_calls[*value] += reads && u->is_call;
}

static struct uses find_uses(struct vkc_code *code)
{
    struct uses u = {VKC_NEW_ARRAY(code->arena, uint32_t, code->values_count + 1),
                     VKC_NEW_ARRAY(code->arena, uint32_t, code->values_count + 1), false};
    for (uint32_t i = 0; i < code->values_count; i++)
        if (code->values[i].is_pair) /* its register is no other's */
            u.writes[i] = u.writes[i + 1] = 2;
    for (uint32_t i = 0; i < code->params_count; i++)
        u.writes[code->params[i]]++;
    for (uint32_t i = 0; i < code->ins_count; i++) {
        u.is_call = code->ins[i].op != VKC_IR_LABEL && vkc_ir_is_call(code->ins[i].op);
        vkc_ir_visit(&code->ins[i], note_use, &u);
    }
    return u;
}

/* A call's argument is written into its window at each turn anyway. */
static bool is_constant(const struct vkc_ins *ins, const struct uses *u)
{
    bool is_load = ins->op == INTERP_OP_LDI || ins->op == INTERP_OP_LDK || ins->op == INTERP_OP_LDQ;
    return is_load && u->writes[ins->reg[0]] == 1 && u->reads_of_calls[ins->reg[0]] == 0;
}

static bool is_inside(const uint32_t *at, uint32_t label, uint32_t head, uint32_t end)
{
    return at[label] >= head && at[label] <= end;
}

/* Whether an instruction outside [head, end] goes into it. */
static bool has_other_entry(const struct vkc_code *code, const uint32_t *at, uint32_t head, uint32_t end)
{
    for (uint32_t i = 0; i < code->ins_count; i++) {
        const struct vkc_ins *ins = &code->ins[i];
        if (ins->op == VKC_IR_LABEL || (i >= head && i <= end))
            continue;
        if (ins->op == INTERP_OP_SWITCH) {
            for (uint32_t k = 0; k < ins->count; k++)
                if (is_inside(at, ins->list[k], head, end))
                    return true;
        } else if (ins->target != VKC_NONE && is_inside(at, ins->target, head, end)) {
            return true;
        }
    }
    return false;
}

/* The head label goes behind the constants, everything else keeps its order. */
static void move_out(struct vkc_code *code, const struct uses *u, uint32_t head, uint32_t end)
{
    struct vkc_ins loads[LOADS_MAX];
    uint32_t count = 0, to = end;
    for (uint32_t i = end; i > head; i--) {
        if (count < LOADS_MAX && is_constant(&code->ins[i], u))
            loads[count++] = code->ins[i];
        else
            code->ins[to--] = code->ins[i];
    }
    code->ins[to] = code->ins[head];
    for (uint32_t i = 0; i < count; i++)
        code->ins[head + i] = loads[count - 1 - i];
}

static void find_labels(const struct vkc_code *code, uint32_t *at)
{
    for (uint32_t i = 0; i < code->ins_count; i++)
        if (code->ins[i].op == VKC_IR_LABEL)
            at[code->ins[i].target] = i;
}

/* Whether the instruction is the last one that goes back to its target. */
static bool ends_loop(const struct vkc_code *code, const uint32_t *at, uint32_t i)
{
    const struct vkc_ins *ins = &code->ins[i];
    bool goes_back = ins->op == INTERP_OP_LOOP || (ins->op == INTERP_OP_JMP && at[ins->target] <= i);
    for (uint32_t k = i + 1; goes_back && k < code->ins_count; k++)
        if (code->ins[k].op != VKC_IR_LABEL && code->ins[k].target == ins->target)
            return false;
    return goes_back;
}

void vkc_ir_lift_constants(struct vkc_code *code)
{
    if (code->values_count > VALUES_MAX)
        return;
    const struct uses u = find_uses(code);
    uint32_t *at = VKC_NEW_ARRAY(code->arena, uint32_t, code->labels_count + 1);
    find_labels(code, at);
    for (uint32_t i = 0; i < code->ins_count; i++) {
        if (code->ins[i].op == VKC_IR_LABEL || !ends_loop(code, at, i))
            continue;
        uint32_t head = at[code->ins[i].target];
        if (has_other_entry(code, at, head, i))
            continue;
        move_out(code, &u, head, i);
        find_labels(code, at);
    }
}
