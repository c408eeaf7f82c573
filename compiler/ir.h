/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code of one function before it has registers: instructions of
 * interp/bytecode.h over values, as many as it takes. A value may be written
 * in several places. Each is a scalar, or a reference of one type of the
 * module. Labels stand in the list of instructions.
 *
 * Operands lie where the letters of INTERP_OPS say: reg[i] where letter i
 * names a register, `number` for immediates and indices, `target` for the
 * label of a branch, `list` for registers that follow. Calls name their
 * arguments in `list`, in the order of the callee's parameters, and their
 * result in reg[0].
 */
#ifndef COMPILER_IR_H
#define COMPILER_IR_H

#include "compiler/keys.h"
#include "interp/bytecode.h"

#define VKC_NONE     0xffffffffu
#define VKC_IR_LABEL INTERP_OP_END /* the label `target` stands here */

struct vkc_value {
    uint16_t type; /* 0: scalar */
    bool is_pair;  /* the next value lies in the register behind this one's */
    uint8_t reg;   /* where it lies, after vkc_regs_assign */
};

struct vkc_ins {
    uint16_t op;
    bool is_dead; /* to be dropped */
    uint32_t line;
    uint32_t reg[3];
    int64_t number;
    uint32_t target;
    uint32_t *list; /* values; labels of a SWITCH */
    uint32_t count;
    uint8_t window; /* of calls, after vkc_regs_assign */
};

struct vkc_code {
    struct vkc_unit *unit;
    struct vkc_arena *arena;
    const char *name;
    uint16_t signature; /* an FN type */
    bool is_too_large;  /* needs more registers than there are; told once */
    uint32_t id;        /* index of the function */
    uint32_t line;      /* of instructions to come */
    const char *file;   /* that the lines are of; NULL: of the program's only one, or of none */
    struct vkc_value *values;
    uint32_t values_count, values_room;
    struct vkc_ins *ins;
    uint32_t ins_count, ins_room;
    uint32_t labels_count;
    uint32_t *params; /* values, references first */
    uint32_t params_count;
    /* after vkc_regs_assign */
    uint32_t refs;
    uint32_t regs;
    uint16_t reg_types[INTERP_REGS_MAX + 1];
};

/* What the operands of an opcode are; of labels, none. */
const char *vkc_ir_operands(uint32_t op);
const char *vkc_ir_effects(uint32_t op);
const char *vkc_ir_name(uint32_t op);

VK_INLINE bool vkc_ir_is_call(uint32_t op)
{
    return op == INTERP_OP_CALL || op == INTERP_OP_CALLC || op == INTERP_OP_CALLN || op == INTERP_OP_SPAWN;
}

/* A fresh value of that type; of a reference's type, a reference. */
uint32_t vkc_ir_value(struct vkc_code *code, uint16_t type);
uint32_t vkc_ir_label(struct vkc_code *code);

/* The fresh instruction at the end; valid until the next one. */
struct vkc_ins *vkc_ir_add(struct vkc_code *code, enum interp_op op);
void vkc_ir_place(struct vkc_code *code, uint32_t label);

/* Usual shapes. */
void vkc_ir_op3(struct vkc_code *code, enum interp_op op, uint32_t a, uint32_t b, uint32_t c);
void vkc_ir_op2(struct vkc_code *code, enum interp_op op, uint32_t a, uint32_t b);
void vkc_ir_op1(struct vkc_code *code, enum interp_op op, uint32_t a);
/* a, b and an immediate or index. */
void vkc_ir_imm(struct vkc_code *code, enum interp_op op, uint32_t a, uint32_t b, int64_t number);
void vkc_ir_jump(struct vkc_code *code, uint32_t label);
void vkc_ir_branch(struct vkc_code *code, enum interp_op op, uint32_t a, uint32_t b, uint32_t label);
void vkc_ir_branch_imm(struct vkc_code *code, enum interp_op op, uint32_t a, int64_t number, uint32_t label);
void vkc_ir_load(struct vkc_code *code, uint32_t a, int64_t number);
/* a = b, of either kind. */
void vkc_ir_move(struct vkc_code *code, uint32_t a, uint32_t b);
void vkc_ir_trap(struct vkc_code *code, enum interp_trap trap);
/* Behind the instruction: `count` values. */
void vkc_ir_list(struct vkc_code *code, struct vkc_ins *ins, const uint32_t *values, uint32_t count);

/* Each value that an instruction reads or writes, in turn. `visit` may change it. */
typedef void vkc_ir_visit_fn(void *context, uint32_t *value, bool reads, bool writes);
void vkc_ir_visit(struct vkc_ins *ins, vkc_ir_visit_fn *visit, void *context);

/* Whether control never comes behind the instruction. */
bool vkc_ir_ends(const struct vkc_ins *ins);

/* ir_simplify.c: fuse, thread jumps, drop what is never reached or never read. */
void vkc_ir_simplify(struct vkc_code *code);

/* ir_loops.c: constants leave the loops that load them. */
void vkc_ir_lift_constants(struct vkc_code *code);

/* ---- registers ------------------------------------------------------------- */

/* live.c: from the first write to the last read, in twice the instructions' numbers: reads at 2i, writes at
 * 2i + 1. */
struct vkc_live {
    uint32_t start;
    uint32_t end;
    bool is_used; /* false: neither written nor read */
};

struct vkc_live *vkc_live_find(struct vkc_code *code);

/* regs.c. All functions' references before any scalars: a call needs its callee's count of references. */
void vkc_regs_refs(struct vkc_code *code, const struct vkc_live *live);
void vkc_regs_scalars(struct vkc_code *code, const struct vkc_live *live);
/* Where in its window a call's argument lies, counted from the window's register. */
uint32_t vkc_regs_place(const struct vkc_code *code, const struct vkc_ins *call, uint32_t index);

/* emit.c: the words of a function, header word first; entries of its line table; loop heads. */
struct vkc_words {
    uint32_t *words;
    uint32_t count, room;
    uint32_t *heads; /* counted from the first instruction */
    uint32_t heads_count, heads_room;
    uint32_t *lines; /* pairs: instruction, line */
    uint32_t lines_count, lines_room;
};

void vkc_emit(struct vkc_code *code, struct vkc_words *ret_words);

#endif
