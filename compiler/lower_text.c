/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with expressions in them, and the text of a value. */
#include "compiler/lower_impl.h"

#include <string.h>

#define PARTS_MAX 64u /* joined at once; a text of more grows by so many */

static uint32_t bool_text(struct vkc_fun *f, uint32_t value, uint32_t want)
{
    uint32_t on_false = vkc_ir_label(f->code), end = vkc_ir_label(f->code);
    want = vkc_fun_dest(f, want, vkc_unit_str(f->unit));
    vkc_ir_branch(f->code, INTERP_OP_JF, value, VKC_NONE, on_false);
    (void)vkc_fun_text(f, "true", 4, want);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, on_false);
    (void)vkc_fun_text(f, "false", 5, want);
    vkc_ir_place(f->code, end);
    return want;
}

uint32_t vkc_fun_to_text(struct vkc_fun *f, struct vkc_type *type, uint32_t value, uint32_t want)
{
    uint16_t str = vkc_unit_str(f->unit);
    switch (type->kind) {
    case VKC_TYPE_STR:
        if (want != VKC_NONE)
            vkc_ir_move(f->code, want, value);
        return want != VKC_NONE ? want : value;
    case VKC_TYPE_BOOL:
        return bool_text(f, value, want);
    case VKC_TYPE_DURATION:
        return vkc_fun_native(f, "duration.str", &value, 1, str, want);
    default:
        want = vkc_fun_dest(f, want, str);
        vkc_ir_op2(f->code, type->kind == VKC_TYPE_FLOAT ? INTERP_OP_SFTOA : INTERP_OP_SITOA, want, value);
        return want;
    }
}

static const struct vkc_expr *later_of(const struct vkc_expr *e, uint32_t from)
{
    for (uint32_t i = from; i < e->str.count; i++)
        if (e->str.parts[i].expr && !vkc_is_calm(e->str.parts[i].expr))
            return e->str.parts[i].expr;
    return NULL;
}

uint32_t vkc_fun_join(struct vkc_fun *f, const uint32_t *parts, uint32_t count, uint32_t want)
{
    want = vkc_fun_dest(f, want, f->code->values[parts[0]].type);
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_SCAT);
    ins->reg[0] = want;
    ins->number = count;
    vkc_ir_list(f->code, ins, parts, count);
    return want;
}

uint32_t vkc_expr_str(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t list[PARTS_MAX], count = 0;
    if (e->str.count == 0)
        return vkc_fun_text(f, "", 0, want);
    if (e->str.count == 1 && !e->str.parts[0].expr)
        return vkc_fun_text(f, e->str.parts[0].bytes, e->str.parts[0].len_bytes, want);
    for (uint32_t i = 0; i < e->str.count; i++) {
        const struct vkc_str_part *part = &e->str.parts[i];
        if (count == PARTS_MAX) {
            list[0] = vkc_fun_join(f, list, count, VKC_NONE);
            count = 1;
        }
        if (!part->expr) {
            list[count++] = vkc_fun_text(f, part->bytes, part->len_bytes, VKC_NONE);
            continue;
        }
        uint32_t value = vkc_expr_stable(f, part->expr, later_of(e, i + 1));
        list[count++] = vkc_fun_to_text(f, vkc_fun_type(f, part->expr->type), value, VKC_NONE);
    }
    if (count == 1) { /* its text is the whole; a variable may change before it is used */
        want = vkc_fun_dest(f, want, vkc_unit_str(f->unit));
        vkc_ir_move(f->code, want, list[0]);
        return want;
    }
    return vkc_fun_join(f, list, count, want);
}
