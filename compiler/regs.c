/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers by linear scan, references first, then scalars.
 *
 * A reference register has one type for the whole function, so only values of
 * equal type share one. Scalars follow; the window of a call is placed above
 * what is alive across it, early enough that arguments are computed where the
 * callee finds them and a result stays where it was given. In a loop a window
 * also lies above all registers written before the loop: the verifier wants
 * what had a value at its head to have one when it comes back.
 * Source: Poletto, Sarkar, "Linear scan register allocation", 1999.
 */
#include "compiler/unit.h"

#include <stdlib.h>

#define REGS_MAX 240u

struct scan {
    struct vkc_code *code;
    const struct vkc_live *live;
    uint32_t *order; /* values by their start */
    uint32_t order_count;
    uint32_t busy[512];    /* by register: it is free from this time on */
    uint32_t top;          /* registers below this have been written */
    uint32_t *floor;       /* by instruction: what a window there must lie above */
    uint32_t *window;      /* by instruction: 0 not chosen */
    uint32_t *argument_of; /* by value: the call that takes it as its last use, plus 1 */
    uint32_t *argument_at; /* where in that call's list */
};

static int by_start(const void *left, const void *right, void *context)
{
    const struct vkc_live *live = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    if (live[a].start != live[b].start)
        return live[a].start < live[b].start ? -1 : 1;
    return a < b ? -1 : 1;
}

static bool is_param(const struct vkc_code *code, uint32_t value)
{
    for (uint32_t i = 0; i < code->params_count; i++)
        if (code->params[i] == value)
            return true;
    return false;
}

static void sort(struct scan *s, bool wants_refs)
{
    struct vkc_code *code = s->code;
    s->order = VKC_NEW_ARRAY(code->arena, uint32_t, code->values_count + 1);
    for (uint32_t i = 0; i < code->values_count; i++)
        if (s->live[i].is_used && (code->values[i].type != 0) == wants_refs && !is_param(code, i))
            s->order[s->order_count++] = i;
    qsort_r(s->order, s->order_count, sizeof *s->order, by_start, (void *)(uintptr_t)s->live);
}

/* ---- references -------------------------------------------------------------- */

static uint32_t ref_register(struct scan *s, uint16_t type, uint32_t start)
{
    struct vkc_code *code = s->code;
    for (uint32_t reg = 0; reg < code->refs; reg++)
        if (code->reg_types[reg] == type && s->busy[reg] <= start)
            return reg;
    if (code->refs >= REGS_MAX) {
        code->is_too_large = true;
        return 0;
    }
    code->reg_types[code->refs] = type;
    return code->refs++;
}

void vkc_regs_refs(struct vkc_code *code, const struct vkc_live *live)
{
    struct scan s = {.code = code, .live = live};
    for (uint32_t i = 0; i < code->params_count; i++) {
        struct vkc_value *value = &code->values[code->params[i]];
        if (value->type == 0)
            continue;
        value->reg = (uint8_t)code->refs;
        s.busy[code->refs] = live[code->params[i]].end + 1;
        code->reg_types[code->refs++] = value->type;
    }
    sort(&s, true);
    for (uint32_t i = 0; i < s.order_count; i++) {
        struct vkc_value *value = &code->values[s.order[i]];
        value->reg = (uint8_t)ref_register(&s, value->type, live[s.order[i]].start);
        s.busy[value->reg] = live[s.order[i]].end + 1;
    }
}

/* ---- windows -------------------------------------------------------------------- */

static uint32_t refs_in(const struct vkc_code *code, const struct vkc_ins *call)
{
    uint32_t refs = 0;
    while (refs < call->count && code->values[call->list[refs]].type != 0)
        refs++;
    return refs;
}

uint32_t vkc_regs_place(const struct vkc_code *code, const struct vkc_ins *call, uint32_t index)
{
    uint32_t refs = refs_in(code, call), skip = call->op == INTERP_OP_CALLC;
    if (index < refs)
        return skip + index;
    if (call->op == INTERP_OP_CALL || call->op == INTERP_OP_SPAWN)
        return code->unit->functions[call->number]->refs + index - refs;
    return skip + index;
}

/* The least window at instruction `at` that leaves alone what is alive across it. */
static uint32_t least_window(const struct scan *s, uint32_t at)
{
    uint32_t least = s->code->refs;
    if (s->floor[at] > least)
        least = s->floor[at];
    for (uint32_t reg = REGS_MAX + 2; reg-- > least;)
        if (s->busy[reg] > 2 * at + 1) {
            least = reg + 1;
            break;
        }
    return least + 1; /* the link */
}

/* Loops: heads are labels that a later instruction goes back to. */
static void raise_floor(struct scan *s, uint32_t head)
{
    const struct vkc_code *code = s->code;
    uint32_t last = head;
    for (uint32_t i = head; i < code->ins_count; i++)
        if (code->ins[i].op != VKC_IR_LABEL && code->ins[i].target == code->ins[head].target)
            last = i;
    for (uint32_t i = head; i < last; i++)
        if (s->floor[i] < s->top)
            s->floor[i] = s->top;
}

static void note_arguments(struct scan *s)
{
    struct vkc_code *code = s->code;
    for (uint32_t i = 0; i < code->ins_count; i++) {
        const struct vkc_ins *ins = &code->ins[i];
        if (!vkc_ir_is_call(ins->op))
            continue;
        for (uint32_t k = 0; k < ins->count; k++)
            if (s->live[ins->list[k]].end == 2 * i) {
                s->argument_of[ins->list[k]] = i + 1;
                s->argument_at[ins->list[k]] = k;
            }
    }
}

/* ---- scalars ----------------------------------------------------------------------- */

static bool is_free(const struct scan *s, uint32_t reg, uint32_t width, uint32_t start)
{
    return s->busy[reg] <= start && (width == 1 || s->busy[reg + 1] <= start);
}

/* Where the value is wanted: as an argument, a call's result, or a copy. VKC_NONE: anywhere. */
static uint32_t wanted_register(struct scan *s, uint32_t value)
{
    const struct vkc_code *code = s->code;
    uint32_t start = s->live[value].start;
    if (s->argument_of[value]) {
        uint32_t call = s->argument_of[value] - 1;
        if (!s->window[call])
            s->window[call] = least_window(s, call);
        return s->window[call] + vkc_regs_place(code, &code->ins[call], s->argument_at[value]);
    }
    if (start % 2 == 0)
        return VKC_NONE;
    const struct vkc_ins *ins = &code->ins[start / 2];
    if (vkc_ir_is_call(ins->op) && ins->reg[0] == value)
        return s->window[start / 2];
    if (ins->op == INTERP_OP_MOV && s->live[ins->reg[1]].end + 1 == start)
        return code->values[ins->reg[1]].reg;
    return VKC_NONE;
}

static void give_scalar(struct scan *s, uint32_t value)
{
    struct vkc_code *code = s->code;
    uint32_t width = code->values[value].is_pair ? 2 : 1, start = s->live[value].start;
    uint32_t reg = width == 2 ? VKC_NONE : wanted_register(s, value);
    if (reg == VKC_NONE || reg > REGS_MAX || !is_free(s, reg, width, start))
        for (reg = code->refs; reg <= REGS_MAX && !is_free(s, reg, width, start); reg++)
            ;
    if (reg + width > REGS_MAX) {
        code->is_too_large = true;
        return;
    }
    for (uint32_t i = 0; i < width; i++) {
        code->values[value + i].reg = (uint8_t)(reg + i);
        s->busy[reg + i] = s->live[value].end + 1;
    }
    if (reg + width > s->top)
        s->top = reg + width;
    if (s->top > code->regs)
        code->regs = s->top;
}

/* All values that live at the call have their registers: the window's last word. */
static void settle_call(struct scan *s, uint32_t at)
{
    struct vkc_code *code = s->code;
    struct vkc_ins *ins = &code->ins[at];
    uint32_t least = least_window(s, at);
    if (s->window[at] < least)
        s->window[at] = least;
    uint32_t window = s->window[at], end = window + 1;
    for (uint32_t i = 0; i < ins->count; i++)
        if (window + vkc_regs_place(code, ins, i) + 1 > end)
            end = window + vkc_regs_place(code, ins, i) + 1;
    if (end > REGS_MAX) {
        code->is_too_large = true;
        return;
    }
    ins->window = (uint8_t)window;
    if (end + 1 > code->regs) /* one more: moves in a circle need it */
        code->regs = end + 1;
    if (s->top <= window) /* a result that nobody takes has a value, too */
        s->top = window + 1;
}

static void place_params(struct scan *s)
{
    struct vkc_code *code = s->code;
    uint32_t reg = code->refs;
    for (uint32_t i = 0; i < code->params_count; i++) {
        struct vkc_value *value = &code->values[code->params[i]];
        if (value->type != 0)
            continue;
        s->busy[reg] = s->live[code->params[i]].end + 1;
        value->reg = (uint8_t)reg++;
    }
    s->top = code->regs = reg;
}

void vkc_regs_scalars(struct vkc_code *code, const struct vkc_live *live)
{
    struct scan s = {.code = code, .live = live};
    s.floor = VKC_NEW_ARRAY(code->arena, uint32_t, code->ins_count + 1);
    s.window = VKC_NEW_ARRAY(code->arena, uint32_t, code->ins_count + 1);
    s.argument_of = VKC_NEW_ARRAY(code->arena, uint32_t, code->values_count + 1);
    s.argument_at = VKC_NEW_ARRAY(code->arena, uint32_t, code->values_count + 1);
    place_params(&s);
    sort(&s, false);
    note_arguments(&s);
    uint32_t next = 0;
    for (uint32_t i = 0; i < code->ins_count && !code->is_too_large; i++) {
        for (; next < s.order_count && live[s.order[next]].start <= 2 * i; next++)
            if (s.order[next] == 0 || !code->values[s.order[next] - 1].is_pair)
                give_scalar(&s, s.order[next]);
        if (code->ins[i].op == VKC_IR_LABEL)
            raise_floor(&s, i);
        if (vkc_ir_is_call(code->ins[i].op))
            settle_call(&s, i);
        for (; next < s.order_count && live[s.order[next]].start == 2 * i + 1; next++)
            if (s.order[next] == 0 || !code->values[s.order[next] - 1].is_pair)
                give_scalar(&s, s.order[next]);
    }
    if (code->regs < code->refs + 1)
        code->regs = code->refs + 1;
}
