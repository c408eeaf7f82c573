/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions with registers to words. Emission is repeated until no label
 * moves: a branch that turned out too short takes its long form, the opposite
 * branch over a JMP, and keeps it. Arguments that are not where the callee
 * finds them are moved just before the call, scalars first, as one parallel
 * assignment, then references, which are in transit from there on.
 */
#include "compiler/unit.h"

#include <string.h>

#define MOVES_MAX 256u

struct emit {
    struct vkc_code *code;
    struct vkc_words *out;
    uint32_t *label_at; /* of the pass before; VKC_NONE at first */
    bool *is_long;      /* by instruction */
    bool is_changed;
    bool is_first; /* pass */
    uint32_t line;
};

static uint32_t here(const struct emit *e)
{
    return e->out->count - 1; /* behind the header */
}

static uint32_t *put(struct emit *e, uint32_t word)
{
    struct vkc_words *out = e->out;
    uint32_t *at = VKC_APPEND(e->code->arena, out->words, out->count, out->room);
    *at = word;
    return at;
}

static uint32_t word_of(uint32_t op, uint32_t a, uint32_t b, uint32_t c)
{
    return op | (a & 255) << 8 | (b & 255) << 16 | c << 24;
}

static uint32_t reg_of(const struct emit *e, uint32_t value)
{
    return value == VKC_NONE ? 0 : e->code->values[value].reg;
}

/* ---- branches --------------------------------------------------------------------- */

static uint32_t opposite(uint32_t op)
{
    static const uint8_t pairs[][2] = {{INTERP_OP_JT, INTERP_OP_JF},     {INTERP_OP_JNIL, INTERP_OP_JSOME},
                                       {INTERP_OP_JEQ, INTERP_OP_JNE},   {INTERP_OP_JLT, INTERP_OP_JGE},
                                       {INTERP_OP_JEQI, INTERP_OP_JNEI}, {INTERP_OP_JLTI, INTERP_OP_JGEI},
                                       {INTERP_OP_JLEI, INTERP_OP_JGTI}, {INTERP_OP_JFLT, INTERP_OP_JFGE},
                                       {INTERP_OP_JFLE, INTERP_OP_JFGT}};
    for (uint32_t i = 0; i < VK_COUNT(pairs); i++)
        for (uint32_t k = 0; k < 2; k++)
            if (pairs[i][k] == op)
                return pairs[i][1 - k];
    return INTERP_OP_END;
}

/* Forward distance to a label from the word index `from`; 0 while it is not known. */
static uint32_t distance_to(const struct emit *e, uint32_t label, uint32_t from)
{
    uint32_t at = e->label_at[label];
    return at == VKC_NONE || at < from ? 0 : at - from;
}

static void note_head(struct emit *e, uint32_t at)
{
    struct vkc_words *out = e->out;
    for (uint32_t i = 0; i < out->heads_count; i++)
        if (out->heads[i] == at)
            return;
    *VKC_APPEND(e->code->arena, out->heads, out->heads_count, out->heads_room) = at;
}

static bool is_behind(const struct emit *e, uint32_t label, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (e->code->ins[i].op == VKC_IR_LABEL && e->code->ins[i].target == label)
            return true;
    return false;
}

static void put_jump(struct emit *e, uint32_t label, uint32_t index)
{
    if (is_behind(e, label, index)) {
        uint32_t at = e->label_at[label] == VKC_NONE ? 0 : e->label_at[label];
        note_head(e, at);
        put(e, INTERP_OP_JMPB | (here(e) + 1 - at) << 8);
    } else {
        put(e, INTERP_OP_JMP | distance_to(e, label, here(e) + 1) << 8);
    }
}

static void put_loop(struct emit *e, const struct vkc_ins *ins)
{
    uint32_t at = e->label_at[ins->target] == VKC_NONE ? 0 : e->label_at[ins->target];
    uint32_t distance = here(e) + 1 - at;
    note_head(e, at);
    if (distance > UINT16_MAX)
        e->code->is_too_large = true;
    put(e, INTERP_OP_LOOP | reg_of(e, ins->reg[0]) << 8 | distance << 16);
}

/* The operands of a branch, its distance apart. */
static uint32_t branch_word(const struct emit *e, const struct vkc_ins *ins, uint32_t op)
{
    const char *letters = vkc_ir_operands(op);
    uint32_t word = op | reg_of(e, ins->reg[0]) << 8;
    if (letters[1] == 'i')
        word |= ((uint32_t)ins->number & 255) << 16;
    else if (letters[1] != 'j')
        word |= reg_of(e, ins->reg[1]) << 16;
    return word;
}

static void put_branch(struct emit *e, const struct vkc_ins *ins, uint32_t index)
{
    bool is_wide = vkc_ir_operands(ins->op)[1] == 'j';
    uint32_t max = is_wide ? UINT16_MAX : UINT8_MAX, shift = is_wide ? 16 : 24;
    uint32_t distance = distance_to(e, ins->target, here(e) + 1);
    if (!e->is_long[index] && distance > max) {
        e->is_long[index] = true;
        e->is_changed = true;
    }
    if (!e->is_long[index] && !is_behind(e, ins->target, index)) {
        put(e, branch_word(e, ins, ins->op) | distance << shift);
        return;
    }
    uint32_t op = opposite(ins->op);
    if (op == INTERP_OP_END) { /* MNEXT: branch to the JMP, and over it */
        put(e, branch_word(e, ins, ins->op) | 1u << shift);
        put(e, INTERP_OP_JMP | 1u << 8);
    } else {
        put(e, branch_word(e, ins, op) | 1u << shift);
    }
    put_jump(e, ins->target, index);
}

static void put_switch(struct emit *e, const struct vkc_ins *ins)
{
    uint32_t next = here(e) + 1 + (ins->count + 1) / 2;
    put(e, INTERP_OP_SWITCH | reg_of(e, ins->reg[0]) << 8 | ins->count << 16);
    for (uint32_t i = 0; i < ins->count; i++) {
        uint32_t distance = distance_to(e, ins->list[i], next);
        if (distance > UINT16_MAX)
            e->code->is_too_large = true;
        if (i % 2 == 0)
            put(e, distance);
        else
            e->out->words[e->out->count - 1] |= distance << 16;
    }
}

/* ---- calls -------------------------------------------------------------------------- */

struct moves {
    uint8_t from[MOVES_MAX];
    uint8_t to[MOVES_MAX];
    uint32_t count;
};

static bool is_source(const struct moves *moves, uint32_t reg, uint32_t except)
{
    for (uint32_t i = 0; i < moves->count; i++)
        if (i != except && moves->from[i] == reg)
            return true;
    return false;
}

/* One that overwrites nothing still wanted; in a circle, none. */
static uint32_t next_move(const struct moves *moves)
{
    for (uint32_t i = 0; i < moves->count; i++)
        if (!is_source(moves, moves->to[i], i))
            return i;
    return VKC_NONE;
}

static void put_moves(struct emit *e, struct moves *moves)
{
    uint8_t spare = (uint8_t)(e->code->regs - 1);
    while (moves->count > 0) {
        uint32_t i = next_move(moves);
        if (i == VKC_NONE) {
            put(e, word_of(INTERP_OP_MOV, spare, moves->from[0], 0));
            moves->from[0] = spare;
            continue;
        }
        put(e, word_of(INTERP_OP_MOV, moves->to[i], moves->from[i], 0));
        moves->count--;
        moves->from[i] = moves->from[moves->count];
        moves->to[i] = moves->to[moves->count];
    }
}

static void put_arguments(struct emit *e, const struct vkc_ins *ins)
{
    struct moves moves = {.count = 0};
    for (uint32_t i = 0; i < ins->count; i++) {
        uint32_t from = reg_of(e, ins->list[i]), to = ins->window + vkc_regs_place(e->code, ins, i);
        if (e->code->values[ins->list[i]].type == 0 && from != to) {
            moves.from[moves.count] = (uint8_t)from;
            moves.to[moves.count++] = (uint8_t)to;
        }
    }
    put_moves(e, &moves);
    for (uint32_t i = 0; i < ins->count; i++)
        if (e->code->values[ins->list[i]].type != 0)
            put(e, word_of(INTERP_OP_MOVR, ins->window + vkc_regs_place(e->code, ins, i),
                           reg_of(e, ins->list[i]), 0));
}

/* What the callee gives: a type, or INTERP_TYPE_NONE. */
static uint16_t result_of(const struct emit *e, const struct vkc_ins *ins)
{
    const struct vkc_unit *unit = e->code->unit;
    uint16_t type;
    if (ins->op == INTERP_OP_CALLC)
        type = e->code->values[ins->reg[1]].type;
    else if (ins->op == INTERP_OP_CALLN)
        type = unit->natives[ins->number].signature;
    else
        type = unit->functions[ins->number]->signature;
    if (unit->types[type].kind == INTERP_KIND_ENV)
        type = unit->types[type].of;
    return unit->types[type].of;
}

static void put_call(struct emit *e, const struct vkc_ins *ins)
{
    uint16_t result = result_of(e, ins);
    bool gives_ref = ins->op == INTERP_OP_SPAWN || (result != 0 && result != INTERP_TYPE_NONE);
    put_arguments(e, ins);
    uint32_t word = ins->op | (uint32_t)ins->window << 8 | (uint32_t)ins->number << 16;
    if (ins->op == INTERP_OP_CALLC)
        word = word_of(ins->op, ins->window, reg_of(e, ins->reg[1]), 0);
    if (ins->op == INTERP_OP_CALL && !gives_ref)
        word = (word & ~255u) | INTERP_OP_CALLS;
    put(e, word);
    if ((word & 255) != INTERP_OP_CALLS)
        put(e, gives_ref && ins->reg[0] != VKC_NONE ? reg_of(e, ins->reg[0]) : INTERP_RESULT_NONE);
    if (!gives_ref && ins->reg[0] != VKC_NONE && reg_of(e, ins->reg[0]) != ins->window)
        put(e, word_of(INTERP_OP_MOV, reg_of(e, ins->reg[0]), ins->window, 0));
}

/* ---- the rest ------------------------------------------------------------------------- */

static void put_list(struct emit *e, const struct vkc_ins *ins)
{
    for (uint32_t i = 0; i < ins->count; i++) {
        if (i % 4 == 0)
            put(e, 0);
        e->out->words[e->out->count - 1] |= reg_of(e, ins->list[i]) << i % 4 * 8;
    }
}

static void put_plain(struct emit *e, const struct vkc_ins *ins)
{
    const char *letters = vkc_ir_operands(ins->op);
    uint32_t word = ins->op, number = (uint32_t)ins->number;
    for (uint32_t i = 0; i < 3; i++) {
        bool is_number = letters[i] != 's' && letters[i] != 'R' && letters[i] != 'n' && letters[i] != 'd' &&
                         letters[i] != 'D' && letters[i] != 'm' && letters[i] != 'x' && letters[i] != 'W';
        bool is_wide = i == 1 && letters[2] == letters[1] && is_number && letters[1] != '-';
        if (is_wide) {
            word |= (number & 0xffff) << 16;
            break;
        }
        if (letters[i] != '-')
            word |= ((is_number ? number : reg_of(e, ins->reg[i])) & 255) << (8 + 8 * i);
        if (ins->op == INTERP_OP_TRAP)
            break;
    }
    put(e, word);
    const char *more = strchr(vkc_ir_effects(ins->op), '+');
    if (more && more[1] == 'l')
        put_list(e, ins);
    else if (more && more[1] == '1')
        put(e, ins->count);
}

static void put_load(struct emit *e, const struct vkc_ins *ins)
{
    uint32_t reg = reg_of(e, ins->reg[0]);
    if (ins->number >= INT16_MIN && ins->number <= INT16_MAX)
        put(e, INTERP_OP_LDI | reg << 8 | (uint32_t)ins->number << 16);
    else
        put(e, INTERP_OP_LDK | reg << 8 | vkc_unit_constant(e->code->unit, (uint64_t)ins->number) << 16);
}

static void put_instruction(struct emit *e, const struct vkc_ins *ins, uint32_t index)
{
    bool is_move = ins->op == INTERP_OP_MOV || ins->op == INTERP_OP_MOVR;
    if (is_move && reg_of(e, ins->reg[0]) == reg_of(e, ins->reg[1]))
        return;
    if (vkc_ir_is_call(ins->op))
        put_call(e, ins);
    else if (ins->op == INTERP_OP_JMP)
        put_jump(e, ins->target, index);
    else if (ins->op == INTERP_OP_LOOP)
        put_loop(e, ins);
    else if (ins->op == INTERP_OP_SWITCH)
        put_switch(e, ins);
    else if (ins->op == INTERP_OP_LDI)
        put_load(e, ins);
    else if (ins->target != VKC_NONE)
        put_branch(e, ins, index);
    else
        put_plain(e, ins);
}

static void note_line(struct emit *e, uint32_t line)
{
    struct vkc_words *out = e->out;
    if (line == e->line || line == 0)
        return;
    e->line = line;
    *VKC_APPEND(e->code->arena, out->lines, out->lines_count, out->lines_room) = here(e);
    *VKC_APPEND(e->code->arena, out->lines, out->lines_count, out->lines_room) = line;
}

static void pass(struct emit *e)
{
    struct vkc_code *code = e->code;
    const struct interp_type *fn = &code->unit->types[code->signature];
    e->out->count = e->out->heads_count = e->out->lines_count = 0;
    e->line = 0;
    e->is_changed = false;
    put(e, INTERP_HEADER(code->regs, code->refs, fn->refs, fn->count - fn->refs));
    for (uint32_t i = 0; i < code->ins_count; i++) {
        const struct vkc_ins *ins = &code->ins[i];
        if (ins->op != VKC_IR_LABEL) {
            note_line(e, ins->line);
            put_instruction(e, ins, i);
        } else if (e->label_at[ins->target] != here(e)) {
            e->label_at[ins->target] = here(e);
            e->is_changed = true;
        }
    }
}

void vkc_emit(struct vkc_code *code, struct vkc_words *ret_words)
{
    struct emit e = {.code = code, .out = ret_words};
    e.label_at = VKC_NEW_ARRAY(code->arena, uint32_t, code->labels_count + 1);
    e.is_long = VKC_NEW_ARRAY(code->arena, bool, code->ins_count + 1);
    memset(e.label_at, 0xff, (code->labels_count + 1) * sizeof *e.label_at);
    do
        pass(&e);
    while (e.is_changed && !code->is_too_large);
}
