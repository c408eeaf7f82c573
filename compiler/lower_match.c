/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variants, and match. Arms are tried in order; where the subject is an enum, a
 * SWITCH on its tag goes to the first arm that can match it. What no arm can
 * fail to match is not tested.
 */
#include "compiler/lower_impl.h"

/* ---- variants -------------------------------------------------------------------- */

static bool is_nullable(struct vkc_fun *f, struct vkc_type *type)
{
    return f->unit->types[vkc_lower_type(f->lower, type)].kind == INTERP_KIND_OPT;
}

/* Option's variant with a payload, or the one without. */
static uint32_t option_tag(const struct vkc_type *type, bool is_some)
{
    return (type->symbol->members[0]->slots_count != 0) == is_some ? 0 : 1;
}

static uint32_t tag_of(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    if (vkc_lower_type(f->lower, type) == 0)
        return value;
    uint32_t tag = vkc_ir_value(f->code, 0);
    vkc_ir_op2(f->code, INTERP_OP_TAG, tag, value);
    return tag;
}

void vkc_jump_some(struct vkc_fun *f, struct vkc_type *type, uint32_t value, bool sense, uint32_t label)
{
    if (is_nullable(f, type)) {
        vkc_ir_branch(f->code, sense ? INTERP_OP_JSOME : INTERP_OP_JNIL, value, VKC_NONE, label);
        return;
    }
    uint32_t tag = tag_of(f, type, value);
    vkc_ir_branch_imm(f->code, INTERP_OP_JEQI, tag, option_tag(type, sense), label);
}

uint32_t vkc_fun_payload(struct vkc_fun *f, struct vkc_type *type, uint32_t tag, uint32_t index,
                         uint32_t value, uint32_t want)
{
    struct vkc_type *of;
    uint32_t place = vkc_lower_place(f->lower, type->symbol->members[tag], type, index, &of);
    uint32_t variant = vkc_ir_value(f->code, vkc_lower_variant(f->lower, type, tag));
    vkc_ir_op2(f->code, INTERP_OP_CAST, variant, value);
    return vkc_fun_field(f, variant, place, vkc_lower_type(f->lower, of), want);
}

uint32_t vkc_fun_some(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want)
{
    if (!is_nullable(f, type))
        return vkc_fun_payload(f, type, option_tag(type, true), 0, value, want);
    uint16_t of = f->unit->types[vkc_lower_type(f->lower, type)].of;
    uint32_t inner = vkc_fun_dest(f, want, of);
    if (f->code->values[inner].type == of) {
        vkc_ir_op2(f->code, INTERP_OP_SOME, inner, value);
    } else { /* wanted as something wider */
        uint32_t t = vkc_ir_value(f->code, of);
        vkc_ir_op2(f->code, INTERP_OP_SOME, t, value);
        vkc_ir_move(f->code, inner, t);
    }
    return inner;
}

uint32_t vkc_fun_make_variant(struct vkc_fun *f, struct vkc_type *type, uint32_t tag, const uint32_t *values,
                              uint32_t want)
{
    const struct vkc_symbol *variant = type->symbol->members[tag];
    uint16_t entry = vkc_lower_type(f->lower, type);
    if (entry == 0)
        return vkc_fun_number(f, tag, want);
    if (is_nullable(f, type)) {
        want = vkc_fun_dest(f, want, entry);
        if (variant->slots_count)
            vkc_ir_move(f->code, want, values[0]);
        else
            vkc_ir_op1(f->code, INTERP_OP_LDNIL, want);
        return want;
    }
    uint16_t own = vkc_lower_variant(f->lower, type, tag);
    if (variant->slots_count == 0)
        return vkc_fun_ref(f, vkc_unit_object(f->unit, own, tag, NULL, 0), entry, want);
    return vkc_fun_new(f, own, values, variant->slots_count, vkc_fun_dest(f, want, entry));
}

uint32_t vkc_fun_make_some(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want)
{
    return vkc_fun_make_variant(f, type, option_tag(type, true), &value, want);
}

uint32_t vkc_fun_make_none(struct vkc_fun *f, struct vkc_type *type, uint32_t want)
{
    return vkc_fun_make_variant(f, type, option_tag(type, false), NULL, want);
}

uint32_t vkc_fun_some_or_none(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t none)
{
    uint32_t end = vkc_ir_label(f->code), result = vkc_fun_fresh(f, type);
    (void)vkc_fun_make_some(f, type, value, result);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, none);
    (void)vkc_fun_make_none(f, type, result);
    vkc_ir_place(f->code, end);
    return result;
}

/* ---- patterns ---------------------------------------------------------------------- */

static void test_number(struct vkc_fun *f, uint32_t value, int64_t number, uint32_t fail)
{
    if (fail == VKC_NONE)
        return;
    if (number >= INT8_MIN && number <= INT8_MAX)
        vkc_ir_branch_imm(f->code, INTERP_OP_JNEI, value, number, fail);
    else
        vkc_ir_branch(f->code, INTERP_OP_JNE, value, vkc_fun_number(f, number, VKC_NONE), fail);
}

static void test_text(struct vkc_fun *f, const struct vkc_pattern *p, uint32_t value, uint32_t fail)
{
    if (fail == VKC_NONE)
        return;
    uint32_t text = vkc_fun_text(f, p->text.bytes, p->text.len_bytes, VKC_NONE), t = vkc_ir_value(f->code, 0);
    vkc_ir_op3(f->code, INTERP_OP_SEQ, t, value, text);
    vkc_ir_branch(f->code, INTERP_OP_JF, t, VKC_NONE, fail);
}

static bool is_any(const struct vkc_pattern *p)
{
    return p->kind == VKC_PATTERN_ANY;
}

/* The payload of a variant whose tag is known. */
static void test_payload(struct vkc_fun *f, const struct vkc_pattern *p, struct vkc_type *type,
                         uint32_t value, uint32_t fail)
{
    const struct vkc_symbol *symbol = p->of.path.symbol;
    uint32_t needed = 0;
    for (uint32_t i = 0; i < p->of.count; i++)
        needed += p->of.fields[i].pattern && !is_any(p->of.fields[i].pattern);
    if (needed == 0)
        return;
    if (is_nullable(f, type)) {
        vkc_pattern_test(f, p->of.fields[0].pattern, vkc_fun_some(f, type, value, VKC_NONE), fail);
        return;
    }
    uint32_t variant = vkc_ir_value(f->code, vkc_lower_variant(f->lower, type, symbol->index));
    vkc_ir_op2(f->code, INTERP_OP_CAST, variant, value);
    for (uint32_t i = 0; i < p->of.count; i++) {
        const struct vkc_pattern_field *field = &p->of.fields[i];
        struct vkc_type *of;
        if (!field->pattern || is_any(field->pattern))
            continue;
        uint32_t place = vkc_lower_place(f->lower, symbol, type, field->index, &of);
        vkc_pattern_test(f, field->pattern,
                         vkc_fun_field(f, variant, place, vkc_lower_type(f->lower, of), VKC_NONE), fail);
    }
}

static void test_variant(struct vkc_fun *f, const struct vkc_pattern *p, struct vkc_type *type,
                         uint32_t value, uint32_t fail)
{
    const struct vkc_symbol *symbol = p->of.path.symbol;
    if (fail != VKC_NONE && is_nullable(f, type))
        vkc_ir_branch(f->code, symbol->slots_count ? INTERP_OP_JNIL : INTERP_OP_JSOME, value, VKC_NONE, fail);
    else if (fail != VKC_NONE)
        test_number(f, tag_of(f, type, value), symbol->index, fail);
    test_payload(f, p, type, value, fail);
}

static void test_record(struct vkc_fun *f, const struct vkc_pattern *p, struct vkc_type *type, uint32_t value,
                        uint32_t fail)
{
    for (uint32_t i = 0; i < p->of.count; i++) {
        const struct vkc_pattern_field *field = &p->of.fields[i];
        struct vkc_type *of;
        if (!field->pattern || is_any(field->pattern))
            continue;
        uint32_t place = vkc_lower_place(f->lower, type->symbol, type, field->index, &of);
        vkc_pattern_test(f, field->pattern,
                         vkc_fun_field(f, value, place, vkc_lower_type(f->lower, of), VKC_NONE), fail);
    }
}

static void test_list(struct vkc_fun *f, const struct vkc_pattern *p, struct vkc_type *type, uint32_t value,
                      uint32_t fail)
{
    uint32_t count = p->list.items.count, len = vkc_ir_value(f->code, 0);
    uint16_t entry = vkc_lower_type(f->lower, type->args[0]);
    if (fail != VKC_NONE) {
        vkc_ir_op2(f->code, INTERP_OP_LLEN, len, value);
        vkc_ir_branch_imm(f->code, p->list.has_rest ? INTERP_OP_JLTI : INTERP_OP_JNEI, len, count, fail);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (is_any(p->list.items.items[i]))
            continue;
        uint32_t at = vkc_fun_number(f, i, VKC_NONE), item = vkc_ir_value(f->code, entry);
        vkc_ir_op3(f->code, entry == 0 ? INTERP_OP_LGET : INTERP_OP_LGETR, item, value, at);
        vkc_pattern_test(f, p->list.items.items[i], item, fail);
    }
    if (!p->list.has_rest || !p->list.rest.name || !p->symbol)
        return;
    uint32_t args[] = {value, vkc_fun_number(f, count, VKC_NONE), vkc_ir_value(f->code, 0)};
    vkc_ir_op2(f->code, INTERP_OP_LLEN, args[2], value);
    vkc_fun_declare(f, p->symbol, vkc_fun_slice(f, type, args, VKC_NONE));
}

/* What an alternative after the first binds are the first's variables, by name. */
static void bind_again(struct vkc_fun *f, uint32_t first, uint32_t end)
{
    for (uint32_t i = end; i < f->vars_count; i++)
        for (uint32_t k = first; k < end; k++)
            if (f->vars[k].symbol->name == f->vars[i].symbol->name)
                vkc_ir_move(f->code, f->vars[k].value, f->vars[i].value);
}

/* A variable of its own, so that alternatives may write it. */
static void own_variables(struct vkc_fun *f, uint32_t first)
{
    for (uint32_t i = first; i < f->vars_count; i++) {
        uint32_t own = vkc_ir_value(f->code, f->code->values[f->vars[i].value].type);
        vkc_ir_move(f->code, own, f->vars[i].value);
        f->vars[i].value = own;
    }
}

static void test_alternatives(struct vkc_fun *f, const struct vkc_pattern *p, uint32_t value, uint32_t fail)
{
    uint32_t matched = vkc_ir_label(f->code), first = f->vars_count, end = first;
    for (uint32_t i = 0; i < p->alt.count; i++) {
        bool is_last = i + 1 == p->alt.count;
        uint32_t next = is_last ? fail : vkc_ir_label(f->code);
        vkc_pattern_test(f, p->alt.items[i], value, next);
        if (i == 0) {
            own_variables(f, first);
            end = f->vars_count;
        } else {
            bind_again(f, first, end);
        }
        if (is_last)
            break;
        vkc_ir_jump(f->code, matched);
        vkc_ir_place(f->code, next);
    }
    vkc_ir_place(f->code, matched);
}

void vkc_pattern_test(struct vkc_fun *f, const struct vkc_pattern *p, uint32_t value, uint32_t fail)
{
    struct vkc_type *type = vkc_fun_type(f, p->type);
    switch (p->kind) {
    case VKC_PATTERN_BIND:
        vkc_fun_share(f, value, type);
        vkc_fun_declare(f, p->symbol, value);
        break;
    case VKC_PATTERN_INT:
    case VKC_PATTERN_DURATION:
    case VKC_PATTERN_BOOL:
        test_number(f, value, p->number, fail);
        break;
    case VKC_PATTERN_STR:
        test_text(f, p, value, fail);
        break;
    case VKC_PATTERN_VARIANT:
        test_variant(f, p, type, value, fail);
        break;
    case VKC_PATTERN_RECORD:
        test_record(f, p, type, value, fail);
        break;
    case VKC_PATTERN_LIST:
        test_list(f, p, type, value, fail);
        break;
    case VKC_PATTERN_ALT:
        test_alternatives(f, p, value, fail);
        break;
    case VKC_PATTERN_ANY:
    case VKC_PATTERN_BAD:
        break;
    }
}

/* ---- match --------------------------------------------------------------------------- */

struct arms {
    uint32_t *enter; /* by arm: where it is tried */
    uint32_t *known; /* by arm: the same behind the test of its tag, or VKC_NONE */
};

static bool can_match(const struct vkc_pattern *p, uint32_t tag)
{
    if (p->kind == VKC_PATTERN_VARIANT)
        return p->of.path.symbol->index == tag;
    if (p->kind != VKC_PATTERN_ALT)
        return true;
    for (uint32_t i = 0; i < p->alt.count; i++)
        if (can_match(p->alt.items[i], tag))
            return true;
    return false;
}

static void put_switch(struct vkc_fun *f, const struct vkc_expr *e, const struct vkc_type *type, uint32_t tag,
                       const struct arms *arms)
{
    uint32_t *labels = VKC_NEW_ARRAY(f->lower->arena, uint32_t, type->symbol->members_count);
    for (uint32_t t = 0; t < type->symbol->members_count; t++) {
        uint32_t i = 0;
        while (i + 1 < e->match.count && !can_match(e->match.arms[i].pattern, t))
            i++;
        labels[t] = arms->known[i] != VKC_NONE ? arms->known[i] : arms->enter[i];
    }
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_SWITCH);
    ins->reg[0] = tag;
    vkc_ir_list(f->code, ins, labels, type->symbol->members_count);
    vkc_ir_trap(f->code, INTERP_TRAP_VARIANT);
}

static void arm(struct vkc_fun *f, const struct vkc_expr *e, uint32_t i, uint32_t subject,
                const struct arms *arms)
{
    const struct vkc_arm *a = &e->match.arms[i];
    struct vkc_type *type = vkc_fun_type(f, e->match.subject->type);
    uint32_t next = i + 1 < e->match.count ? arms->enter[i + 1] : VKC_NONE;
    vkc_fun_line(f, a->span);
    vkc_ir_place(f->code, arms->enter[i]);
    if (arms->known[i] != VKC_NONE) {
        if (next != VKC_NONE)
            test_number(f, tag_of(f, type, subject), a->pattern->of.path.symbol->index, next);
        vkc_ir_place(f->code, arms->known[i]);
        test_payload(f, a->pattern, type, subject, next);
    } else {
        vkc_pattern_test(f, a->pattern, subject, next);
    }
    if (a->guard && next != VKC_NONE)
        vkc_jump_if(f, a->guard, false, next);
}

static uint32_t match_subject(struct vkc_fun *f, const struct vkc_expr *subject)
{
    uint32_t value = vkc_expr_value(f, subject, VKC_NONE);
    if (subject->kind != VKC_EXPR_NAME || !subject->symbol || !subject->symbol->is_var)
        return value;
    uint32_t copy = vkc_ir_value(f->code, f->code->values[value].type);
    vkc_ir_move(f->code, copy, value);
    return copy;
}

uint32_t vkc_expr_match(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want, bool is_tail)
{
    struct vkc_type *type = vkc_fun_type(f, e->type), *of = vkc_fun_type(f, e->match.subject->type);
    bool gives = vkc_lower_result(f->lower, type) != INTERP_TYPE_NONE && !is_tail;
    uint32_t result = gives ? vkc_fun_fresh(f, type) : VKC_NONE, end = vkc_ir_label(f->code);
    uint32_t subject = match_subject(f, e->match.subject), count = e->match.count;
    bool switches = vkc_is_named(of, VKC_SYMBOL_ENUM) && !is_nullable(f, of) && count > 2;
    struct arms arms = {VKC_NEW_ARRAY(f->lower->arena, uint32_t, count + 1),
                        VKC_NEW_ARRAY(f->lower->arena, uint32_t, count + 1)};
    for (uint32_t i = 0; i < count; i++) {
        arms.enter[i] = vkc_ir_label(f->code);
        bool is_known = switches && e->match.arms[i].pattern->kind == VKC_PATTERN_VARIANT;
        arms.known[i] = is_known ? vkc_ir_label(f->code) : VKC_NONE;
    }
    if (switches)
        put_switch(f, e, of, tag_of(f, of, subject), &arms);
    for (uint32_t i = 0; i < count; i++) {
        arm(f, e, i, subject, &arms);
        if (is_tail) {
            vkc_expr_tail(f, e->match.arms[i].body);
            continue;
        }
        (void)vkc_expr(f, e->match.arms[i].body, result);
        vkc_ir_jump(f->code, end);
    }
    vkc_ir_place(f->code, end);
    if (result == VKC_NONE || want == VKC_NONE)
        return result;
    vkc_ir_move(f->code, want, result);
    return want;
}
