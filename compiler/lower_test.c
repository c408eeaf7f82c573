/* SPDX-License-Identifier: Apache-2.0 */
/* `assert`: what failed, in the words of the source, and what both sides of a comparison were. Requests of
 * tests. */
#include "compiler/lower_impl.h"

#define SOURCE_MAX_BYTES 120u /* of the asserted expression; the rest is cut */

/* The expression as it was written, on one line. */
static void add_source(const struct vkc_fun *f, const struct vkc_expr *e, struct vkc_text *text)
{
    const char *source = vkc_source_text(&f->lower->checked->program->sources, e->span);
    uint32_t len = e->span.end - e->span.start, at = 0;
    while (at < len && text->len < SOURCE_MAX_BYTES) {
        bool is_break = source[at] == '\n' || source[at] == '\r';
        vkc_text_add(text, is_break ? " " : source + at, 1);
        at++;
        while (is_break && at < len && (source[at] == ' ' || source[at] == '\n'))
            at++;
    }
    while (at < len && ((uint8_t)source[at] & 0xc0) == 0x80) /* no character is cut in two */
        vkc_text_add(text, source + at++, 1);
    if (at < len)
        vkc_text_put(text, "...");
}

/* A side in the language's own notation; a long one is cut. */
static uint32_t side(struct vkc_fun *f, struct vkc_type *type, uint32_t value)
{
    uint32_t text = vkc_fun_debug(f, type, value, VKC_NONE);
    return vkc_fun_native(f, "assert.part", &text, 1, vkc_unit_str(f->unit), VKC_NONE);
}

void vkc_fun_assert(struct vkc_fun *f, const struct vkc_expr *e)
{
    struct vkc_text text = {0};
    uint32_t line = f->code->line, end = vkc_ir_label(f->code), parts[5], count = 1;
    bool is_pair = e->kind == VKC_EXPR_BINARY && vkc_is_comparison(e->binary.op);
    struct vkc_type *type = is_pair ? vkc_fun_type(f, e->binary.left->type) : NULL;
    add_source(f, e, &text);
    if (is_pair) {
        uint32_t left = vkc_expr_stable(f, e->binary.left, e->binary.right);
        uint32_t right = vkc_expr_value(f, e->binary.right, VKC_NONE);
        vkc_jump_compare(f, e->binary.op, type, left, right, true, end);
        vkc_text_put(&text, " (left ");
        parts[1] = side(f, type, left);
        parts[2] = vkc_fun_text(f, ", right ", 8, VKC_NONE);
        parts[3] = side(f, type, right);
        parts[4] = vkc_fun_text(f, ")", 1, VKC_NONE);
        count = 5;
    } else {
        vkc_jump_if(f, e, true, end);
    }
    f->code->line = line; /* the statement's, whatever line its last part is on */
    uint32_t what = parts[0] = vkc_fun_text(f, text.bytes, text.len, VKC_NONE);
    if (count > 1) {
        what = vkc_ir_value(f->code, vkc_unit_str(f->unit));
        struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_SCAT);
        ins->reg[0] = what;
        ins->number = count;
        vkc_ir_list(f->code, ins, parts, count);
    }
    vkc_ir_imm(f->code, INTERP_OP_FAIL, what, VKC_NONE, 1);
    vkc_ir_place(f->code, end);
    vkc_text_fini(&text);
}

/* ---- requests ---------------------------------------------------------------------- */

/* The header's lines, one native call each. */
static uint32_t field_lines(struct vkc_fun *f, uint32_t map)
{
    uint16_t str = vkc_unit_str(f->unit);
    uint32_t next = vkc_ir_label(f->code), end = vkc_ir_label(f->code);
    uint32_t lines = vkc_ir_value(f->code, str), at = vkc_fun_number(f, -1, VKC_NONE);
    (void)vkc_fun_text(f, "", 0, lines);
    vkc_ir_place(f->code, next);
    vkc_ir_branch(f->code, INTERP_OP_MNEXT, at, map, end);
    uint32_t field[] = {lines, vkc_ir_value(f->code, str), vkc_ir_value(f->code, str)};
    vkc_ir_op3(f->code, INTERP_OP_MKEY, field[1], map, at);
    vkc_ir_op3(f->code, INTERP_OP_MVAL, field[2], map, at);
    (void)vkc_fun_native(f, "test.field", field, 3, str, lines);
    vkc_ir_jump(f->code, next);
    vkc_ir_place(f->code, end);
    return lines;
}

static const struct vkc_expr *later_option(const struct vkc_expr *e, uint32_t from)
{
    for (uint32_t i = from; i < e->request.options.count; i++)
        if (!vkc_is_calm(e->request.options.items[i].value))
            return e->request.options.items[i].value;
    return NULL;
}

uint32_t vkc_expr_request(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint16_t bytes = vkc_unit_bytes(f->unit);
    uint32_t target = vkc_expr_stable(f, e->request.target, later_option(e, 0)), map = VKC_NONE;
    uint32_t body = VKC_NONE;
    for (uint32_t i = 0; i < e->request.options.count; i++) {
        const struct vkc_arg *option = &e->request.options.items[i];
        uint32_t value = vkc_expr_stable(f, option->value, later_option(e, i + 1));
        *(vkc_name_is(option->name.name, "body") ? &body : &map) = value;
    }
    bool is_bytes = body != VKC_NONE && f->code->values[body].type == bytes;
    uint32_t args[] = {target, map != VKC_NONE ? field_lines(f, map) : vkc_fun_text(f, "", 0, VKC_NONE),
                       body != VKC_NONE ? body : vkc_fun_text(f, "", 0, VKC_NONE),
                       vkc_fun_number(f, e->request.method, VKC_NONE)};
    return vkc_fun_native(f, is_bytes ? "test.request_bytes" : "test.request", args, 4, bytes, want);
}
