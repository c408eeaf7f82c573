/* SPDX-License-Identifier: Apache-2.0 */
/* Making instructions, and what their operands mean. */
#include "compiler/ir.h"

#include <string.h>

static const struct op_info {
    const char *name;
    const char *operands;
    const char *effects;
} ops[INTERP_OP_END + 1] = {
#define OP_INFO(name, operands, effects) {#name, operands, effects},
    INTERP_OPS(OP_INFO)
#undef OP_INFO
        {"LABEL", "---", ""},
};

const char *vkc_ir_operands(uint32_t op)
{
    return ops[op].operands;
}

const char *vkc_ir_effects(uint32_t op)
{
    return ops[op].effects;
}

const char *vkc_ir_name(uint32_t op)
{
    return ops[op].name;
}

uint32_t vkc_ir_value(struct vkc_code *code, uint16_t type)
{
    struct vkc_value *value = VKC_APPEND(code->arena, code->values, code->values_count, code->values_room);
    value->type = type;
    return code->values_count - 1;
}

uint32_t vkc_ir_label(struct vkc_code *code)
{
    return code->labels_count++;
}

struct vkc_ins *vkc_ir_add(struct vkc_code *code, enum interp_op op)
{
    struct vkc_ins *ins = VKC_APPEND(code->arena, code->ins, code->ins_count, code->ins_room);
    *ins = (struct vkc_ins){
        .op = (uint16_t)op, .line = code->line, .reg = {VKC_NONE, VKC_NONE, VKC_NONE}, .target = VKC_NONE};
    return ins;
}

void vkc_ir_place(struct vkc_code *code, uint32_t label)
{
    vkc_ir_add(code, (enum interp_op)VKC_IR_LABEL)->target = label;
}

void vkc_ir_op3(struct vkc_code *code, enum interp_op op, uint32_t a, uint32_t b, uint32_t c)
{
    struct vkc_ins *ins = vkc_ir_add(code, op);
    ins->reg[0] = a;
    ins->reg[1] = b;
    ins->reg[2] = c;
}

void vkc_ir_op2(struct vkc_code *code, enum interp_op op, uint32_t a, uint32_t b)
{
    vkc_ir_op3(code, op, a, b, VKC_NONE);
}

void vkc_ir_op1(struct vkc_code *code, enum interp_op op, uint32_t a)
{
    vkc_ir_op3(code, op, a, VKC_NONE, VKC_NONE);
}

void vkc_ir_imm(struct vkc_code *code, enum interp_op op, uint32_t a, uint32_t b, int64_t number)
{
    struct vkc_ins *ins = vkc_ir_add(code, op);
    ins->reg[0] = a;
    ins->reg[1] = b;
    ins->number = number;
}

void vkc_ir_jump(struct vkc_code *code, uint32_t label)
{
    vkc_ir_add(code, INTERP_OP_JMP)->target = label;
}

void vkc_ir_branch(struct vkc_code *code, enum interp_op op, uint32_t a, uint32_t b, uint32_t label)
{
    struct vkc_ins *ins = vkc_ir_add(code, op);
    ins->reg[0] = a;
    ins->reg[1] = b;
    ins->target = label;
}

void vkc_ir_branch_imm(struct vkc_code *code, enum interp_op op, uint32_t a, int64_t number, uint32_t label)
{
    struct vkc_ins *ins = vkc_ir_add(code, op);
    ins->reg[0] = a;
    ins->number = number;
    ins->target = label;
}

void vkc_ir_load(struct vkc_code *code, uint32_t a, int64_t number)
{
    vkc_ir_imm(code, INTERP_OP_LDI, a, VKC_NONE, number);
}

void vkc_ir_move(struct vkc_code *code, uint32_t a, uint32_t b)
{
    if (a != b)
        vkc_ir_op2(code, code->values[a].type == 0 ? INTERP_OP_MOV : INTERP_OP_MOVR, a, b);
}

void vkc_ir_trap(struct vkc_code *code, enum interp_trap trap)
{
    vkc_ir_add(code, INTERP_OP_TRAP)->number = trap;
}

void vkc_ir_list(struct vkc_code *code, struct vkc_ins *ins, const uint32_t *values, uint32_t count)
{
    ins->list = vkc_arena_copy(code->arena, values, count * sizeof *values);
    ins->count = count;
}

void vkc_ir_visit(struct vkc_ins *ins, vkc_ir_visit_fn *visit, void *context)
{
    if (ins->op == VKC_IR_LABEL)
        return;
    if (ins->op != INTERP_OP_SWITCH && ins->list != NULL)
        for (uint32_t i = 0; i < ins->count; i++)
            visit(context, &ins->list[i], true, false);
    if (vkc_ir_is_call(ins->op)) {
        if (ins->op == INTERP_OP_CALLC)
            visit(context, &ins->reg[1], true, false);
        if (ins->reg[0] != VKC_NONE)
            visit(context, &ins->reg[0], false, true);
        return;
    }
    const char *letters = ops[ins->op].operands;
    for (int i = 2; i >= 0; i--) {
        if (letters[i] != 0 && strchr("sRn", letters[i]) != NULL)
            visit(context, &ins->reg[i], true, false);
        else if (letters[i] == 'x' || letters[i] == 'W')
            visit(context, &ins->reg[i], true, true);
    }
    for (int i = 0; i < 3; i++)
        if (letters[i] != 0 && strchr("dDm", letters[i]) != NULL)
            visit(context, &ins->reg[i], false, true);
    if (ins->op == INTERP_OP_LOOP)
        visit(context, &ins->reg[1], true, false);
}

bool vkc_ir_ends(const struct vkc_ins *ins)
{
    return strchr(ops[ins->op].effects, 'E') != NULL;
}
