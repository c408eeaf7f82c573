/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls, closures, natives and spawns: the window, its arguments and the
 * result. After each of them nothing is in transit, and every register from
 * the link up is without value but a scalar result.
 */
#include "interp/verify_impl.h"

/* Where in the window arguments lie, counted from its register. */
struct window {
    uint32_t reg;
    uint32_t refs_at;    /* first reference */
    uint32_t scalars_at; /* first scalar */
    uint32_t skip;       /* parameters that the call itself gives */
    const struct interp_type *fn;
};

static bool check_arguments(struct verify *v, const struct window *w)
{
    const uint16_t *params = verify_fields(v, w->fn);
    if (w->reg <= v->fn->refs || w->reg > v->fn->regs)
        return verify_refuse(v, "the window does not lie above the references and a link");
    for (uint32_t i = w->skip; i < w->fn->count; i++) {
        bool is_ref = i < w->fn->refs;
        uint32_t reg = w->reg + (is_ref ? w->refs_at + i : w->scalars_at + i - w->fn->refs);
        if (!is_ref) {
            if (!interp_verify_read_scalar(v, reg))
                return false;
        } else if (reg >= v->fn->regs || !verify_has(&v->moving, reg)) {
            return verify_refuse(v, "an argument that is a reference is not in the window");
        } else if (!interp_verify_fits(v->m, v->moving_types[reg], params[i])) {
            return verify_refuse(v, "an argument does not fit its parameter");
        }
    }
    return true;
}

/* What remains after the call. */
static void drop_window(struct verify *v, uint32_t reg)
{
    memset(&v->moving, 0, sizeof v->moving);
    for (uint32_t i = reg - 1; i < v->fn->regs; i++)
        verify_remove(&v->set, i);
}

static bool take_result(struct verify *v, uint32_t window, uint16_t type, uint32_t word)
{
    drop_window(v, window);
    if (interp_is_reference(type)) {
        if (word == INTERP_RESULT_NONE)
            return true;
        if (word >= v->fn->refs)
            return verify_refuse(v, "RESULT names no reference register");
        return interp_verify_write_ref(v, word, type);
    }
    if (word != INTERP_RESULT_NONE)
        return verify_refuse(v, "RESULT names a register, and there is no reference");
    if (type == 0 && window < v->fn->regs)
        verify_add(&v->set, window);
    return true;
}

static bool take_word(struct verify *v, uint32_t *ret_word)
{
    uint32_t at = v->next;
    if (!interp_verify_words(v, 1))
        return false;
    *ret_word = v->code[at];
    if (*ret_word > INTERP_RESULT_NONE)
        return verify_refuse(v, "RESULT names no register");
    return true;
}

static bool check_function(struct verify *v, uint32_t op, uint32_t index)
{
    uint32_t word = INTERP_RESULT_NONE;
    if (index >= verify_count(v, INTERP_SECTION_FUNCTIONS))
        return verify_refuse(v, "an index past the end of its table");
    const struct interp_function *callee = &v->m->functions[index];
    const struct interp_type *fn = &v->m->types[callee->signature];
    struct window w = {.reg = v->in >> 8 & 255, .scalars_at = callee->refs, .fn = fn};
    if (!check_arguments(v, &w))
        return false;
    if (op != INTERP_OP_CALLS && !take_word(v, &word))
        return false;
    if (op == INTERP_OP_CALLS && interp_is_reference(fn->of))
        return verify_refuse(v, "CALLS of a function that gives a reference");
    if (op != INTERP_OP_SPAWN)
        return take_result(v, w.reg, fn->of, word);
    drop_window(v, w.reg);
    if (word >= v->fn->refs)
        return verify_refuse(v, "RESULT names no reference register");
    const struct interp_type *fiber = &v->m->types[v->reg_types[word]];
    if (fiber->kind != INTERP_KIND_FIBER || fiber->of != fn->of)
        return verify_refuse(v, "the result does not fit the register's type");
    verify_add(&v->set, word);
    return true;
}

static bool check_closure(struct verify *v)
{
    uint16_t type;
    uint32_t word, reg = v->in >> 8 & 255;
    if (!interp_verify_read_ref(v, v->in >> 16 & 255, &type))
        return false;
    const struct interp_type *fn = &v->m->types[type];
    if (fn->kind == INTERP_KIND_ENV)
        fn = &v->m->types[fn->of];
    if (fn->kind != INTERP_KIND_FN)
        return verify_refuse(v, "the operand is no closure");
    if (reg >= v->fn->regs)
        return verify_refuse(v, "the closure has no place in the window");
    struct window w = {.reg = reg, .refs_at = 1, .scalars_at = 1u + fn->refs, .fn = fn};
    return check_arguments(v, &w) && take_word(v, &word) && take_result(v, reg, fn->of, word);
}

static bool check_native(struct verify *v, uint32_t index)
{
    uint32_t word;
    if (index >= verify_count(v, INTERP_SECTION_NATIVES))
        return verify_refuse(v, "an index past the end of its table");
    const struct interp_type *fn = &v->m->types[v->m->natives[index].signature];
    struct window w = {.reg = v->in >> 8 & 255, .scalars_at = fn->refs, .fn = fn};
    /* The result is written where the first argument was. */
    if (fn->of == 0 && w.reg >= v->fn->regs)
        return verify_refuse(v, "a native's result has no place in the window");
    return check_arguments(v, &w) && take_word(v, &word) && take_result(v, w.reg, fn->of, word);
}

bool interp_verify_call(struct verify *v, uint32_t op)
{
    if (op == INTERP_OP_CALLC)
        return check_closure(v);
    return op == INTERP_OP_CALLN ? check_native(v, v->in >> 16) : check_function(v, op, v->in >> 16);
}
