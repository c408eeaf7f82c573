/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One instruction: its operands by the letters of INTERP_OPS, then what the
 * letters do not say (kinds of types, indices of fields), then its effect on
 * the state. Sources are checked before anything is written.
 */
#include "interp/verify_impl.h"

struct op_info {
    const char *operands;
    const char *effects;
};

static const struct op_info ops[INTERP_OP_END] = {
#define OP_INFO(name, operands, effects) {operands, effects},
    INTERP_OPS(OP_INFO)
#undef OP_INFO
};

/* The instruction under the pass, taken apart. */
struct operands {
    uint32_t reg[3];
    uint16_t type[3];      /* of R and W operands */
    uint32_t wide;         /* imm16 */
    uint16_t result;       /* type of the D operand, when it gets one */
    bool result_is_scalar; /* m: what is written is a scalar */
};

static bool has(const char *text, char letter)
{
    for (; *text; text++)
        if (*text == letter)
            return true;
    return false;
}

static const struct interp_type *type_of(const struct verify *v, uint16_t index)
{
    return &v->m->types[index];
}

static bool is_kind(const struct verify *v, uint16_t index, enum interp_kind kind)
{
    return type_of(v, index)->kind == kind;
}

static bool check_kind(struct verify *v, uint16_t index, enum interp_kind kind, const char *why)
{
    if (!is_kind(v, index, kind))
        return verify_refuse(v, why);
    return true;
}

/* ---- registers ---------------------------------------------------------------- */

bool interp_verify_read_scalar(struct verify *v, uint32_t reg)
{
    if (reg < v->fn->refs || reg >= v->fn->regs)
        return verify_refuse(v, "an operand is no scalar register");
    if (!verify_has(&v->set, reg))
        return verify_refuse(v, "a scalar register without a value is read");
    return true;
}

bool interp_verify_read_ref(struct verify *v, uint32_t reg, uint16_t *ret_type)
{
    if (reg >= v->fn->refs)
        return verify_refuse(v, "an operand is no reference register");
    *ret_type = v->reg_types[reg];
    if (!verify_has(&v->set, reg))
        return verify_refuse(v, "a reference register without a value is read");
    return true;
}

static bool write_scalar(struct verify *v, uint32_t reg)
{
    if (reg < v->fn->refs || reg >= v->fn->regs)
        return verify_refuse(v, "the result is no scalar register");
    verify_add(&v->set, reg);
    verify_remove(&v->moving, reg);
    return true;
}

bool interp_verify_write_ref(struct verify *v, uint32_t reg, uint16_t type)
{
    if (reg >= v->fn->regs)
        return verify_refuse(v, "the result is no register of the function");
    if (reg >= v->fn->refs) { /* in transit */
        verify_remove(&v->set, reg);
        verify_add(&v->moving, reg);
        v->moving_types[reg] = type;
        return true;
    }
    if (!interp_verify_fits(v->m, type, v->reg_types[reg]))
        return verify_refuse(v, "the result does not fit the register's type");
    verify_add(&v->set, reg);
    return true;
}

/* The words behind the instruction. */
bool interp_verify_words(struct verify *v, uint32_t count)
{
    if (count > v->fn->code_words - v->next)
        return verify_refuse(v, "an instruction reaches past the function's end");
    v->next += count;
    return true;
}

/* ---- branches ------------------------------------------------------------------- */

static bool branch(struct verify *v, uint32_t distance)
{
    if (distance >= v->fn->code_words - v->next)
        return verify_refuse(v, "a branch past the function's end");
    struct verify_word *target = &v->words[v->next + distance];
    if (target->flags & WORD_HAS_STATE)
        for (int i = 0; i < 4; i++)
            target->set.words[i] &= v->set.words[i];
    else
        target->set = v->set;
    target->flags |= WORD_HAS_STATE;
    return true;
}

static bool branch_back(struct verify *v, uint32_t distance)
{
    if (distance > v->next)
        return verify_refuse(v, "a branch back past the function's start");
    const struct verify_word *target = &v->words[v->next - distance];
    uint8_t both = WORD_IS_HEAD | WORD_IS_START;
    if (distance == 0 || (target->flags & both) != both)
        return verify_refuse(v, "a branch back to something that is no loop head");
    for (int i = 0; i < 4; i++)
        if (target->set.words[i] & ~v->set.words[i])
            return verify_refuse(v, "a register that the loop head needs has no value");
    return true;
}

static bool check_switch(struct verify *v, const struct operands *o)
{
    uint32_t at = v->next;
    if (!interp_verify_words(v, (o->wide + 1) / 2))
        return false;
    for (uint32_t i = 0; i < o->wide; i++)
        if (!branch(v, v->code[at + i / 2] >> (i & 1 ? 16 : 0) & 0xffff))
            return false;
    return true;
}

static bool check_branch(struct verify *v, uint32_t op, const struct operands *o)
{
    memset(&v->moving, 0, sizeof v->moving);
    switch (op) {
    case INTERP_OP_JMP:
        return branch(v, v->in >> 8);
    case INTERP_OP_JMPB:
        return branch_back(v, v->in >> 8);
    case INTERP_OP_LOOP:
        return interp_verify_read_scalar(v, o->reg[0] + 1) && branch_back(v, o->wide);
    case INTERP_OP_SWITCH:
        return check_switch(v, o);
    case INTERP_OP_JNIL:
    case INTERP_OP_JSOME:
        return check_kind(v, o->type[0], INTERP_KIND_OPT, "the operand is no OPT") && branch(v, o->wide);
    default:
        return branch(v, ops[op].operands[1] == 'j' ? o->wide : o->reg[2]);
    }
}

/* ---- objects ---------------------------------------------------------------------- */

static bool check_table(struct verify *v, uint32_t index, enum interp_section section)
{
    if (index >= verify_count(v, section))
        return verify_refuse(v, "an index past the end of its table");
    return true;
}

/* A field of an operand that is a reference to an object with fields. */
static bool check_field(struct verify *v, uint16_t type_index, uint32_t field, bool is_ref, bool is_written,
                        uint16_t *ret_type)
{
    const struct interp_type *type = type_of(v, type_index);
    if (type->kind != INTERP_KIND_RECORD && type->kind != INTERP_KIND_VARIANT &&
        type->kind != INTERP_KIND_ENV)
        return verify_refuse(v, "the operand has no fields");
    if (is_written && !(type->flags & INTERP_TYPE_MUTABLE))
        return verify_refuse(v, "a field of something that is not mutable is written");
    if (field >= type->count || is_ref != (field < type->refs))
        return verify_refuse(v, "no such field, or of the other kind");
    *ret_type = verify_fields(v, type)[field];
    return true;
}

static bool check_set_ref(struct verify *v, const struct operands *o)
{
    uint16_t field;
    if (!check_field(v, o->type[0], o->reg[1], true, true, &field))
        return false;
    if (!interp_verify_fits(v->m, o->type[2], field))
        return verify_refuse(v, "the value does not fit the field");
    return true;
}

/* NEW and CLOSURE: all fields, by a list of registers. */
static bool check_new(struct verify *v, uint32_t op, struct operands *o)
{
    if (!check_table(v, o->wide, INTERP_SECTION_TYPES))
        return false;
    o->result = (uint16_t)o->wide;
    const struct interp_type *type = type_of(v, o->result);
    bool is_right = op == INTERP_OP_CLOSURE
                        ? type->kind == INTERP_KIND_ENV
                        : type->kind == INTERP_KIND_RECORD || type->kind == INTERP_KIND_VARIANT;
    if (!is_right)
        return verify_refuse(v, "the type cannot be made by this instruction");
    const uint32_t *list = v->code + v->next;
    if (!interp_verify_words(v, (type->count + 3u) / 4))
        return false;
    for (uint32_t i = 0; i < type->count; i++) {
        uint32_t reg = list[i / 4] >> i % 4 * 8 & 255;
        uint16_t field = verify_fields(v, type)[i], from;
        if (i >= type->refs) {
            if (!interp_verify_read_scalar(v, reg))
                return false;
        } else if (!interp_verify_read_ref(v, reg, &from)) {
            return false;
        } else if (!interp_verify_fits(v->m, from, field)) {
            return verify_refuse(v, "the value does not fit the field");
        }
    }
    return true;
}

static bool check_made(struct verify *v, struct operands *o, enum interp_kind kind)
{
    if (!check_table(v, o->wide, INTERP_SECTION_TYPES))
        return false;
    o->result = (uint16_t)o->wide;
    return check_kind(v, o->result, kind, "the type cannot be made by this instruction");
}

static bool check_cast(struct verify *v, struct operands *o)
{
    if (o->reg[0] >= v->fn->refs)
        return verify_refuse(v, "the result of a CAST is in transit");
    o->result = v->reg_types[o->reg[0]];
    const struct interp_type *type = type_of(v, o->result);
    if (type->kind != INTERP_KIND_VARIANT || type->of != o->type[1])
        return verify_refuse(v, "a CAST to something that is no variant of the operand");
    return true;
}

/* ---- lists, maps, strings ------------------------------------------------------------- */

static bool check_list(struct verify *v, uint16_t list, bool of_refs, uint16_t *ret_element)
{
    if (!check_kind(v, list, INTERP_KIND_LIST, "the operand is no list"))
        return false;
    *ret_element = type_of(v, list)->of;
    if ((*ret_element != 0) != of_refs)
        return verify_refuse(v, "the list has elements of the other kind");
    return true;
}

static bool check_put(struct verify *v, uint16_t list, uint16_t value)
{
    uint16_t element;
    if (!check_list(v, list, true, &element))
        return false;
    if (!interp_verify_fits(v->m, value, element))
        return verify_refuse(v, "the value does not fit the list");
    return true;
}

/* An n operand: a register of the kind of `type`, which it fits. */
static bool read_either(struct verify *v, uint32_t reg, uint16_t type)
{
    uint16_t from;
    if (type == 0)
        return interp_verify_read_scalar(v, reg);
    if (!interp_verify_read_ref(v, reg, &from))
        return false;
    if (!interp_verify_fits(v->m, from, type))
        return verify_refuse(v, "the value does not fit the map");
    return true;
}

static bool check_map(struct verify *v, uint32_t op, struct operands *o)
{
    uint16_t map = o->type[op == INTERP_OP_MSET ? 0 : 1];
    if (!check_kind(v, map, INTERP_KIND_MAP, "the operand is no map"))
        return false;
    const struct interp_type *type = type_of(v, map);
    switch (op) {
    case INTERP_OP_MFIND:
    case INTERP_OP_MDEL:
        return read_either(v, o->reg[2], type->key);
    case INTERP_OP_MSET:
        return read_either(v, o->reg[1], type->key) && read_either(v, o->reg[2], type->of);
    case INTERP_OP_MVAL:
    case INTERP_OP_MKEY:
        o->result = op == INTERP_OP_MVAL ? type->of : type->key;
        o->result_is_scalar = o->result == 0;
        return true;
    default:
        return true;
    }
}

static bool is_text(const struct verify *v, uint16_t type)
{
    return is_kind(v, type, INTERP_KIND_STR) || is_kind(v, type, INTERP_KIND_BYTES);
}

static bool find_str(struct verify *v, struct operands *o)
{
    for (uint32_t i = 1; i < verify_count(v, INTERP_SECTION_TYPES); i++)
        if (is_kind(v, (uint16_t)i, INTERP_KIND_STR)) {
            o->result = (uint16_t)i;
            return true;
        }
    return verify_refuse(v, "the module has no type for strings");
}

static bool check_concat(struct verify *v, struct operands *o)
{
    const uint32_t *list = v->code + v->next;
    if (!find_str(v, o) || !interp_verify_words(v, (o->wide + 3) / 4))
        return false;
    for (uint32_t i = 0; i < o->wide; i++) {
        uint16_t type;
        if (!interp_verify_read_ref(v, list[i / 4] >> i % 4 * 8 & 255, &type))
            return false;
        if (i == 0)
            o->result = type;
        if (type != o->result || !is_text(v, type))
            return verify_refuse(v, "the operands are not all Str or all Bytes");
    }
    return true;
}

static bool check_text(struct verify *v, uint32_t op, const struct operands *o)
{
    bool is_pair = op == INTERP_OP_SEQ || op == INTERP_OP_SCMP;
    if (!is_text(v, o->type[1]) || (is_pair && o->type[2] != o->type[1]))
        return verify_refuse(v, "the operands are not two Str or two Bytes");
    return true;
}

static bool check_fiber(struct verify *v, bool wants_ref, struct operands *o)
{
    if (!check_kind(v, o->type[1], INTERP_KIND_FIBER, "the operand is no fiber"))
        return false;
    o->result = type_of(v, o->type[1])->of;
    if (interp_is_reference(o->result) != wants_ref)
        return verify_refuse(v, "the fiber's result is of the other kind");
    return true;
}

/* ---- what the letters do not say ---------------------------------------------------------- */

static bool check_data_op(struct verify *v, uint32_t op, struct operands *o)
{
    uint16_t ignored;
    switch (op) {
    case INTERP_OP_MOVR:
        o->result = o->type[1];
        return true;
    case INTERP_OP_LDK:
        return check_table(v, o->wide, INTERP_SECTION_CONSTANTS);
    case INTERP_OP_LDQ:
        if (!check_table(v, o->wide, INTERP_SECTION_REFS))
            return false;
        o->result = v->m->refs[o->wide].type;
        return true;
    case INTERP_OP_LDNIL:
        o->result = VERIFY_TYPE_NIL;
        return true;
    case INTERP_OP_NEW:
    case INTERP_OP_CLOSURE:
        return check_new(v, op, o);
    case INTERP_OP_GETF:
    case INTERP_OP_GADDF:
        return check_field(v, o->type[1], o->reg[2], false, false, &ignored);
    case INTERP_OP_GETR:
        return check_field(v, o->type[1], o->reg[2], true, false, &o->result);
    case INTERP_OP_SETF:
    case INTERP_OP_SADDF:
        return check_field(v, o->type[0], o->reg[1], false, true, &ignored);
    case INTERP_OP_SETR:
        return check_set_ref(v, o);
    case INTERP_OP_TAG:
        return check_kind(v, o->type[1], INTERP_KIND_ENUM, "the operand is no enum");
    case INTERP_OP_CAST:
        return check_cast(v, o);
    case INTERP_OP_SOME:
        o->result = type_of(v, o->type[1])->of;
        return check_kind(v, o->type[1], INTERP_KIND_OPT, "the operand is no OPT");
    case INTERP_OP_FAIL:
        if (o->reg[1] > 1)
            return verify_refuse(v, "an unknown way to fail");
        return check_kind(v, o->type[0], INTERP_KIND_STR, "the operand is no Str");
    case INTERP_OP_TRAP:
        if (o->reg[0] == 0 || o->reg[0] >= INTERP_TRAP_END)
            return verify_refuse(v, "an unknown trap");
        return true;
    case INTERP_OP_AWAIT:
    case INTERP_OP_AWAITS:
        return check_fiber(v, op == INTERP_OP_AWAIT, o);
    default:
        return true;
    }
}

static bool check_container_op(struct verify *v, uint32_t op, struct operands *o)
{
    uint16_t element;
    switch (op) {
    case INTERP_OP_LNEW:
        return check_made(v, o, INTERP_KIND_LIST) && interp_verify_words(v, 1);
    case INTERP_OP_MNEW:
        return check_made(v, o, INTERP_KIND_MAP);
    case INTERP_OP_LLEN:
        return check_kind(v, o->type[1], INTERP_KIND_LIST, "the operand is no list");
    case INTERP_OP_LGET:
        return check_list(v, o->type[1], false, &element);
    case INTERP_OP_LGETR:
        return check_list(v, o->type[1], true, &o->result);
    case INTERP_OP_LSET:
    case INTERP_OP_LPUSH:
        return check_list(v, o->type[0], false, &element);
    case INTERP_OP_LSETR:
        return check_put(v, o->type[0], o->type[2]);
    case INTERP_OP_LPUSHR:
        return check_put(v, o->type[0], o->type[1]);
    case INTERP_OP_LOWN:
        if (!is_kind(v, o->type[0], INTERP_KIND_LIST) && !is_kind(v, o->type[0], INTERP_KIND_MAP))
            return verify_refuse(v, "the operand is no list or map");
        return true;
    case INTERP_OP_MLEN:
    case INTERP_OP_MFIND:
    case INTERP_OP_MVAL:
    case INTERP_OP_MKEY:
    case INTERP_OP_MNEXT:
    case INTERP_OP_MSET:
    case INTERP_OP_MDEL:
        return check_map(v, op, o);
    case INTERP_OP_SLEN:
    case INTERP_OP_SEQ:
    case INTERP_OP_SCMP:
    case INTERP_OP_BYTE:
        return check_text(v, op, o);
    case INTERP_OP_SCAT:
        return check_concat(v, o);
    case INTERP_OP_SITOA:
    case INTERP_OP_SFTOA:
        return find_str(v, o);
    default:
        return check_data_op(v, op, o);
    }
}

static bool check_ret(struct verify *v, uint32_t op, const struct operands *o)
{
    uint16_t result = v->signature->of;
    if (op == INTERP_OP_RET && result != INTERP_TYPE_NONE)
        return verify_refuse(v, "RET in a function that gives something");
    if (op == INTERP_OP_RETS && result != 0)
        return verify_refuse(v, "RETS in a function that gives no scalar");
    if (op == INTERP_OP_RETR &&
        (!interp_is_reference(result) || !interp_verify_fits(v->m, o->type[0], result)))
        return verify_refuse(v, "what RETR gives does not fit the function's result");
    return true;
}

/* ---- one instruction -------------------------------------------------------------------------- */

static bool read_operands(struct verify *v, const char *letters, struct operands *o)
{
    for (uint32_t i = 0; i < 3; i++) {
        bool is_fine = true;
        if (letters[i] == 's' || letters[i] == 'x')
            is_fine = interp_verify_read_scalar(v, o->reg[i]);
        else if (letters[i] == 'R' || letters[i] == 'W')
            is_fine = interp_verify_read_ref(v, o->reg[i], &o->type[i]);
        else if (letters[i] == '-' && o->reg[i] != 0)
            is_fine = verify_refuse(v, "an operand that must be 0 is not");
        if (!is_fine)
            return false;
    }
    return true;
}

static bool write_operands(struct verify *v, const char *letters, const struct operands *o)
{
    for (uint32_t i = 0; i < 3; i++) {
        bool is_scalar = letters[i] == 'd' || letters[i] == 'x' || (letters[i] == 'm' && o->result_is_scalar);
        bool is_ref = letters[i] == 'D' || (letters[i] == 'm' && !o->result_is_scalar);
        if (is_scalar && !write_scalar(v, o->reg[i]))
            return false;
        if (is_ref && !interp_verify_write_ref(v, o->reg[i], o->result))
            return false;
    }
    return true;
}

bool interp_verify_op(struct verify *v, bool *ret_ends)
{
    uint32_t op = v->in & 255;
    v->next = v->pc + 1;
    if (op >= INTERP_OP_END)
        return verify_refuse(v, "an unknown instruction");
    const struct op_info *info = &ops[op];
    struct operands o = {.reg = {v->in >> 8 & 255, v->in >> 16 & 255, v->in >> 24}, .wide = v->in >> 16};
    *ret_ends = has(info->effects, 'E');
    if (!read_operands(v, info->operands, &o))
        return false;
    if (info->operands[0] == 'w')
        return interp_verify_call(v, op);
    if (op == INTERP_OP_RET || op == INTERP_OP_RETS || op == INTERP_OP_RETR)
        return check_ret(v, op, &o);
    if (!check_container_op(v, op, &o))
        return false;
    if (has(info->effects, 'G'))
        memset(&v->moving, 0, sizeof v->moving);
    if (!write_operands(v, info->operands, &o))
        return false;
    return has(info->effects, 'B') ? check_branch(v, op, &o) : true;
}
