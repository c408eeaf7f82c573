/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks, variables, assignment and loops. */
#include "compiler/lower_impl.h"

/* ---- variables ------------------------------------------------------------------- */

struct vkc_var *vkc_fun_var(struct vkc_fun *f, const struct vkc_symbol *symbol)
{
    for (uint32_t i = f->vars_count; i-- > 0;)
        if (f->vars[i].symbol == symbol)
            return &f->vars[i];
    return NULL;
}

void vkc_fun_declare(struct vkc_fun *f, const struct vkc_symbol *symbol, uint32_t value)
{
    struct vkc_var *var = vkc_fun_var(f, symbol);
    uint16_t type = f->code->values[value].type;
    uint32_t holder = value;
    if (symbol->needs_cell) {
        uint16_t cell = vkc_lower_cell(f->lower, type);
        holder = var ? var->value : vkc_ir_value(f->code, cell);
        (void)vkc_fun_new(f, cell, &value, 1, holder);
    } else if (var) {
        holder = var->value;
        vkc_ir_move(f->code, holder, value);
    }
    if (var)
        return;
    *VKC_APPEND(f->lower->arena, f->vars, f->vars_count, f->vars_room) =
        (struct vkc_var){symbol, holder, symbol->needs_cell};
}

static uint32_t state_place(struct vkc_fun *f, const struct vkc_symbol *symbol)
{
    const struct vkc_symbol *actor = symbol->outer;
    uint32_t refs = 0, before = 0;
    bool is_ref = vkc_lower_type(f->lower, symbol->type) != 0;
    for (uint32_t i = 0; i < actor->state_count; i++) {
        bool is_other = vkc_lower_type(f->lower, actor->state[i]->type) != 0;
        refs += is_other;
        before += i < symbol->index && is_other == is_ref;
    }
    return is_ref ? before : refs + before;
}

uint32_t vkc_fun_read(struct vkc_fun *f, const struct vkc_symbol *symbol, uint32_t want)
{
    uint16_t type = vkc_lower_type(f->lower, vkc_fun_type(f, symbol->type));
    const struct vkc_var *var = vkc_fun_var(f, symbol);
    if (var && var->is_cell)
        return vkc_fun_field(f, var->value, 0, type, want);
    if (var) {
        if (want != VKC_NONE)
            vkc_ir_move(f->code, want, var->value);
        return want != VKC_NONE ? want : var->value;
    }
    if (symbol->kind == VKC_SYMBOL_STATE)
        return vkc_fun_field(f, f->self, state_place(f, symbol), type, want);
    return vkc_fun_number(f, 0, want); /* Request, Crash: natives know them */
}

static void set_field(struct vkc_fun *f, uint32_t object, uint32_t place, uint32_t value)
{
    struct vkc_ins *ins =
        vkc_ir_add(f->code, f->code->values[value].type == 0 ? INTERP_OP_SETF : INTERP_OP_SETR);
    ins->reg[0] = object;
    ins->number = place;
    ins->reg[2] = value;
}

void vkc_fun_write(struct vkc_fun *f, const struct vkc_symbol *symbol, uint32_t value)
{
    const struct vkc_var *var = vkc_fun_var(f, symbol);
    if (!var)
        set_field(f, f->self, state_place(f, symbol), value);
    else if (var->is_cell)
        set_field(f, var->value, 0, value);
    else
        vkc_ir_move(f->code, var->value, value);
}

/* ---- places ------------------------------------------------------------------------- */

static struct vkc_place_of *new_place(struct vkc_fun *f, enum vkc_place_kind kind, struct vkc_type *type)
{
    struct vkc_place_of *place = VKC_NEW(f->lower->arena, struct vkc_place_of);
    place->kind = kind;
    place->type = type;
    return place;
}

static struct vkc_place_of *open_field(struct vkc_fun *f, const struct vkc_expr *e)
{
    const struct vkc_expr *object = e->meaning ? e->meaning->receiver : e->field.object;
    struct vkc_type *of = vkc_fun_type(f, object->type), *type;
    struct vkc_place_of *place = new_place(f, VKC_PLACE_FIELD, NULL);
    place->object = vkc_expr_value(f, object, VKC_NONE);
    place->at = vkc_lower_place(f->lower, of->symbol, of, e->meaning ? e->meaning->index : 0, &type);
    place->type = type;
    return place;
}

struct vkc_place_of *vkc_place_open(struct vkc_fun *f, const struct vkc_expr *e)
{
    struct vkc_type *type = vkc_fun_type(f, e->type);
    struct vkc_place_of *place;
    if (e->kind == VKC_EXPR_NAME && e->symbol && e->symbol->kind != VKC_SYMBOL_LET) {
        place = new_place(f, VKC_PLACE_SYMBOL, type);
        place->symbol = e->symbol;
    } else if (e->kind == VKC_EXPR_FIELD && (!e->meaning || e->meaning->kind == VKC_CALL_READ)) {
        place = open_field(f, e);
    } else if (e->kind == VKC_EXPR_INDEX) {
        bool is_map = vkc_fun_type(f, e->index.object->type)->kind == VKC_TYPE_MAP;
        place = new_place(f, is_map ? VKC_PLACE_ENTRY : VKC_PLACE_ITEM, type);
        place->outer = vkc_place_open(f, e->index.object);
        uint32_t at = vkc_expr_value(f, e->index.index, VKC_NONE);
        place->at = vkc_ir_value(f->code, f->code->values[at].type);
        vkc_ir_move(f->code, place->at, at);
    } else {
        place = new_place(f, VKC_PLACE_VALUE, type);
        place->object = vkc_expr_value(f, e, VKC_NONE);
    }
    return place;
}

static uint32_t read_entry(struct vkc_fun *f, uint32_t map, uint32_t key, uint16_t type)
{
    uint32_t found = vkc_ir_value(f->code, 0), value = vkc_ir_value(f->code, type);
    vkc_ir_op3(f->code, INTERP_OP_MFIND, found, map, key);
    vkc_ir_op3(f->code, INTERP_OP_MVAL, value, map, found);
    return value;
}

static uint32_t read_in(struct vkc_fun *f, const struct vkc_place_of *place, uint32_t outer)
{
    uint16_t type = vkc_lower_type(f->lower, place->type);
    if (place->kind == VKC_PLACE_ENTRY)
        return read_entry(f, outer, place->at, type);
    uint32_t value = vkc_ir_value(f->code, type);
    vkc_ir_op3(f->code, type == 0 ? INTERP_OP_LGET : INTERP_OP_LGETR, value, outer, place->at);
    return value;
}

uint32_t vkc_place_read(struct vkc_fun *f, const struct vkc_place_of *place)
{
    switch (place->kind) {
    case VKC_PLACE_SYMBOL:
        return vkc_fun_read(f, place->symbol, VKC_NONE);
    case VKC_PLACE_FIELD:
        return vkc_fun_field(f, place->object, place->at, vkc_lower_type(f->lower, place->type), VKC_NONE);
    case VKC_PLACE_VALUE:
        return place->object;
    default:
        return read_in(f, place, vkc_place_read(f, place->outer));
    }
}

/* Of something inside a list or map, the outer one becomes our own first: its copy shares what is in it. */
uint32_t vkc_place_take(struct vkc_fun *f, const struct vkc_place_of *place)
{
    if (place->kind != VKC_PLACE_ITEM && place->kind != VKC_PLACE_ENTRY)
        return vkc_place_read(f, place);
    uint32_t outer = vkc_place_take(f, place->outer);
    vkc_ir_op1(f->code, INTERP_OP_LOWN, outer);
    vkc_place_put(f, place->outer, outer);
    return read_in(f, place, outer);
}

void vkc_place_put(struct vkc_fun *f, const struct vkc_place_of *place, uint32_t value)
{
    switch (place->kind) {
    case VKC_PLACE_SYMBOL:
        vkc_fun_write(f, place->symbol, value);
        return;
    case VKC_PLACE_FIELD:
        set_field(f, place->object, place->at, value);
        return;
    case VKC_PLACE_VALUE:
        return;
    default:
        break;
    }
    uint32_t outer = vkc_place_take(f, place->outer);
    bool is_ref = f->code->values[value].type != 0;
    if (place->kind == VKC_PLACE_ENTRY)
        vkc_ir_op3(f->code, INTERP_OP_MSET, outer, place->at, value);
    else
        vkc_ir_op3(f->code, is_ref ? INTERP_OP_LSETR : INTERP_OP_LSET, outer, place->at, value);
    vkc_place_put(f, place->outer, outer);
}

/* ---- assignment -------------------------------------------------------------------------- */

/* f.x += e of Floats in one instruction. */
static bool add_to_field(struct vkc_fun *f, const struct vkc_stmt *s)
{
    const struct vkc_expr *place = s->assign.place;
    if (s->assign.op != VKC_BINARY_ADD || place->kind != VKC_EXPR_FIELD || !place->meaning ||
        place->meaning->kind != VKC_CALL_READ || vkc_fun_type(f, place->type)->kind != VKC_TYPE_FLOAT)
        return false;
    struct vkc_place_of *field = vkc_place_open(f, place);
    uint32_t value = vkc_expr_value(f, s->assign.value, VKC_NONE);
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_SADDF);
    ins->reg[0] = field->object;
    ins->number = field->at;
    ins->reg[2] = value;
    return true;
}

/* x = e and x += e of a variable that is a register. */
static bool assign_register(struct vkc_fun *f, const struct vkc_stmt *s)
{
    const struct vkc_expr *place = s->assign.place;
    const struct vkc_var *var = place->kind == VKC_EXPR_NAME ? vkc_fun_var(f, place->symbol) : NULL;
    if (!var || var->is_cell)
        return false;
    uint32_t value = var->value;
    if (s->assign.op == VKC_BINARY_COUNT) {
        (void)vkc_expr_value(f, s->assign.value, value);
        return true;
    }
    struct vkc_expr sum = {.kind = VKC_EXPR_BINARY,
                           .span = s->span,
                           .type = place->type,
                           .binary = {s->assign.op, s->assign.op_span, s->assign.place, s->assign.value}};
    (void)vkc_expr_binary(f, &sum, value);
    return true;
}

static void assign(struct vkc_fun *f, const struct vkc_stmt *s)
{
    if (assign_register(f, s) || add_to_field(f, s))
        return;
    struct vkc_place_of *place = vkc_place_open(f, s->assign.place);
    if (s->assign.op == VKC_BINARY_COUNT) {
        vkc_place_put(f, place, vkc_expr_value(f, s->assign.value, VKC_NONE));
        return;
    }
    uint32_t old = vkc_place_read(f, place), value = vkc_expr_value(f, s->assign.value, VKC_NONE);
    struct vkc_type *type = vkc_fun_type(f, s->assign.place->type);
    vkc_place_put(
        f, place,
        vkc_fun_arith(f, s->assign.op, type, vkc_fun_type(f, s->assign.value->type), old, value, VKC_NONE));
}

/* ---- loops ---------------------------------------------------------------------------------- */

static void body_of(struct vkc_fun *f, const struct vkc_stmt *s, struct vkc_loop *loop)
{
    loop->outer = f->loop;
    f->loop = loop;
    (void)vkc_expr(f, s->loop.body, VKC_NONE);
    f->loop = loop->outer;
}

static void loop_while(struct vkc_fun *f, const struct vkc_stmt *s)
{
    struct vkc_loop loop = {vkc_ir_label(f->code), vkc_ir_label(f->code), NULL};
    vkc_ir_place(f->code, loop.on_continue);
    vkc_jump_if(f, s->loop.first, false, loop.on_break);
    body_of(f, s, &loop);
    vkc_ir_jump(f->code, loop.on_continue);
    vkc_ir_place(f->code, loop.on_break);
}

/* A counter and, in the register behind it, its limit. */
static uint32_t counter(struct vkc_fun *f)
{
    uint32_t at = vkc_ir_value(f->code, 0);
    (void)vkc_ir_value(f->code, 0);
    f->code->values[at].is_pair = true;
    return at;
}

static void loop_back(struct vkc_fun *f, uint32_t at, uint32_t head)
{
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_LOOP);
    ins->reg[0] = at;
    ins->reg[1] = at + 1;
    ins->target = head;
}

static void bind_loop(struct vkc_fun *f, const struct vkc_stmt *s, uint32_t which, uint32_t value,
                      struct vkc_type *type)
{
    if (!s->loop.names[which].name || !s->loop.symbols[which])
        return;
    vkc_fun_share(f, value, type);
    vkc_fun_declare(f, s->loop.symbols[which], value);
}

static void loop_range(struct vkc_fun *f, const struct vkc_stmt *s)
{
    struct vkc_loop loop = {vkc_ir_label(f->code), vkc_ir_label(f->code), NULL};
    uint32_t head = vkc_ir_label(f->code), at = counter(f);
    int64_t first, last;
    bool is_constant = vkc_is_number(s->loop.first, &first);
    uint32_t begin = is_constant ? VKC_NONE : vkc_expr_stable(f, s->loop.first, s->loop.last);
    (void)vkc_expr_value(f, s->loop.last, at + 1);
    if (is_constant)
        vkc_ir_load(f->code, at, first);
    else
        vkc_ir_move(f->code, at, begin);
    if (!is_constant || !vkc_is_number(s->loop.last, &last) || first >= last)
        vkc_ir_branch(f->code, INTERP_OP_JGE, at, at + 1, loop.on_break);
    vkc_ir_place(f->code, head);
    bind_loop(f, s, 0, at, f->lower->checked->types.simple[VKC_TYPE_INT]);
    body_of(f, s, &loop);
    vkc_ir_place(f->code, loop.on_continue);
    loop_back(f, at, head);
    vkc_ir_place(f->code, loop.on_break);
}

/* The value that the loop goes through, which keeps what it is. */
static uint32_t loop_value(struct vkc_fun *f, const struct vkc_expr *e)
{
    uint32_t value = vkc_expr_value(f, e, VKC_NONE),
             copy = vkc_ir_value(f->code, f->code->values[value].type);
    vkc_ir_move(f->code, copy, value);
    return copy;
}

static void loop_list(struct vkc_fun *f, const struct vkc_stmt *s, struct vkc_type *of)
{
    struct vkc_loop loop = {vkc_ir_label(f->code), vkc_ir_label(f->code), NULL};
    uint32_t head = vkc_ir_label(f->code), list = loop_value(f, s->loop.first), at = counter(f);
    bool is_list = of->kind == VKC_TYPE_LIST;
    struct vkc_type *type = is_list ? of->args[0] : f->lower->checked->types.simple[VKC_TYPE_INT];
    uint16_t entry = vkc_lower_type(f->lower, type);
    vkc_ir_op2(f->code, is_list ? INTERP_OP_LLEN : INTERP_OP_SLEN, at + 1, list);
    vkc_ir_load(f->code, at, 0);
    vkc_ir_branch(f->code, INTERP_OP_JGE, at, at + 1, loop.on_break);
    vkc_ir_place(f->code, head);
    uint32_t which = s->loop.names_count - 1;
    if (which == 1)
        bind_loop(f, s, 0, at, f->lower->checked->types.simple[VKC_TYPE_INT]);
    if (s->loop.names[which].name) {
        uint32_t item = vkc_ir_value(f->code, entry);
        vkc_ir_op3(f->code,
                   !is_list     ? INTERP_OP_BYTE
                   : entry == 0 ? INTERP_OP_LGET
                                : INTERP_OP_LGETR,
                   item, list, at);
        bind_loop(f, s, which, item, type);
    }
    body_of(f, s, &loop);
    vkc_ir_place(f->code, loop.on_continue);
    loop_back(f, at, head);
    vkc_ir_place(f->code, loop.on_break);
}

static void loop_map(struct vkc_fun *f, const struct vkc_stmt *s, const struct vkc_type *of)
{
    struct vkc_loop loop = {vkc_ir_label(f->code), vkc_ir_label(f->code), NULL};
    uint32_t map = loop_value(f, s->loop.first), at = vkc_fun_number(f, -1, VKC_NONE);
    vkc_ir_place(f->code, loop.on_continue);
    vkc_ir_branch(f->code, INTERP_OP_MNEXT, at, map, loop.on_break);
    for (uint32_t i = 0; i < s->loop.names_count; i++) {
        if (!s->loop.names[i].name)
            continue;
        uint32_t value = vkc_fun_fresh(f, of->args[i]);
        vkc_ir_op3(f->code, i == 0 ? INTERP_OP_MKEY : INTERP_OP_MVAL, value, map, at);
        bind_loop(f, s, i, value, of->args[i]);
    }
    body_of(f, s, &loop);
    vkc_ir_jump(f->code, loop.on_continue);
    vkc_ir_place(f->code, loop.on_break);
}

static void loop_for(struct vkc_fun *f, const struct vkc_stmt *s)
{
    struct vkc_type *of = s->loop.last ? NULL : vkc_fun_type(f, s->loop.first->type);
    if (!of)
        loop_range(f, s);
    else if (of->kind == VKC_TYPE_MAP)
        loop_map(f, s, of);
    else
        loop_list(f, s, of);
}

/* ---- statements --------------------------------------------------------------------------------- */

static void let(struct vkc_fun *f, const struct vkc_stmt *s)
{
    if (!s->let.name.name || !s->let.symbol) {
        (void)vkc_expr(f, s->let.value, VKC_NONE);
        return;
    }
    struct vkc_type *type = vkc_fun_type(f, s->let.symbol->type);
    uint32_t fresh = vkc_fun_fresh(f, type);
    uint32_t value = vkc_expr(f, s->let.value, fresh);
    if (value == VKC_NONE)
        vkc_ir_load(f->code, vkc_lower_type(f->lower, type) == 0 ? fresh : vkc_ir_value(f->code, 0), 0);
    vkc_fun_declare(f, s->let.symbol, fresh);
}

/* The other name that stands for no declaration is `nil`. */
static bool is_stop(const struct vkc_stmt *s)
{
    const struct vkc_expr *e = s->kind == VKC_STMT_EXPR ? s->expr : NULL;
    return e && e->kind == VKC_EXPR_NAME && !e->symbol && !e->meaning && vkc_name_is(e->name.name, "stop");
}

static void statement(struct vkc_fun *f, const struct vkc_stmt *s)
{
    vkc_fun_line(f, s->span);
    switch (s->kind) {
    case VKC_STMT_LET:
        let(f, s);
        break;
    case VKC_STMT_ASSIGN:
        assign(f, s);
        break;
    case VKC_STMT_EXPR:
        if (is_stop(s))
            (void)vkc_fun_native(f, "actor.stop", NULL, 0, INTERP_TYPE_NONE, VKC_NONE);
        else
            (void)vkc_expr(f, s->expr, VKC_NONE);
        break;
    case VKC_STMT_FOR:
        loop_for(f, s);
        break;
    case VKC_STMT_WHILE:
        loop_while(f, s);
        break;
    case VKC_STMT_ASSERT:
        vkc_fun_assert(f, s->expr);
        break;
    case VKC_STMT_BAD:
        break;
    }
}

void vkc_expr_tail(struct vkc_fun *f, const struct vkc_expr *e)
{
    uint32_t count = e->kind == VKC_EXPR_BLOCK ? e->block.count : 0;
    vkc_fun_line(f, e->span);
    if (e->kind == VKC_EXPR_IF && e->branch.otherwise) {
        for (uint32_t i = 0; i < e->branch.count; i++) {
            uint32_t next = vkc_ir_label(f->code);
            vkc_jump_if(f, e->branch.branches[i].condition, false, next);
            vkc_expr_tail(f, e->branch.branches[i].body);
            vkc_ir_place(f->code, next);
        }
        vkc_expr_tail(f, e->branch.otherwise);
    } else if (e->kind == VKC_EXPR_MATCH) {
        (void)vkc_expr_match(f, e, VKC_NONE, true);
    } else if (count > 0 && e->block.items[count - 1]->kind == VKC_STMT_EXPR) {
        for (uint32_t i = 0; i + 1 < count; i++)
            statement(f, e->block.items[i]);
        vkc_expr_tail(f, e->block.items[count - 1]->expr);
    } else {
        uint32_t value = vkc_expr(f, e, VKC_NONE);
        vkc_fun_return(f, value);
    }
}

uint32_t vkc_expr_block(struct vkc_fun *f, const struct vkc_expr *e, uint32_t want)
{
    uint32_t count = e->block.count, value = VKC_NONE;
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_stmt *s = e->block.items[i];
        if (i + 1 == count && s->kind == VKC_STMT_EXPR && !is_stop(s))
            value = vkc_expr(f, s->expr, want);
        else
            statement(f, s);
    }
    return value;
}
