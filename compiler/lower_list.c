/* SPDX-License-Identifier: Apache-2.0 */
/* Built-ins of lists and maps: loops written out, so that closures are called without natives between. */
#include "compiler/lower_impl.h"

#include <string.h>

/* ---- pieces ----------------------------------------------------------------------- */

struct vkc_counted vkc_count_open(struct vkc_fun *f, uint32_t first, uint32_t count)
{
    struct vkc_counted loop = {.at = vkc_ir_value(f->code, 0)};
    uint32_t limit = vkc_ir_value(f->code, 0);
    loop.head = vkc_ir_label(f->code);
    loop.end = vkc_ir_label(f->code);
    f->code->values[loop.at].is_pair = true;
    vkc_ir_move(f->code, limit, count);
    if (first == VKC_NONE)
        vkc_ir_load(f->code, loop.at, 0);
    else
        vkc_ir_move(f->code, loop.at, first);
    vkc_ir_branch(f->code, INTERP_OP_JGE, loop.at, limit, loop.end);
    vkc_ir_place(f->code, loop.head);
    return loop;
}

void vkc_count_close(struct vkc_fun *f, const struct vkc_counted *loop)
{
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_LOOP);
    ins->reg[0] = loop->at;
    ins->reg[1] = loop->at + 1;
    ins->target = loop->head;
    vkc_ir_place(f->code, loop->end);
}

uint32_t vkc_fun_list(struct vkc_fun *f, uint16_t type, uint32_t room)
{
    uint32_t list = vkc_ir_value(f->code, type);
    struct vkc_ins *ins = vkc_ir_add(f->code, INTERP_OP_LNEW);
    ins->reg[0] = list;
    ins->number = type;
    ins->count = room;
    return list;
}

void vkc_fun_push(struct vkc_fun *f, uint32_t list, uint32_t item)
{
    vkc_ir_op2(f->code, f->code->values[item].type == 0 ? INTERP_OP_LPUSH : INTERP_OP_LPUSHR, list, item);
}

uint32_t vkc_fun_item(struct vkc_fun *f, uint32_t list, uint32_t at, uint16_t type)
{
    uint32_t item = vkc_ir_value(f->code, type);
    vkc_ir_op3(f->code, type == 0 ? INTERP_OP_LGET : INTERP_OP_LGETR, item, list, at);
    return item;
}

static void set_item(struct vkc_fun *f, uint32_t list, uint32_t at, uint32_t item)
{
    vkc_ir_op3(f->code, f->code->values[item].type == 0 ? INTERP_OP_LSET : INTERP_OP_LSETR, list, at, item);
}

static uint32_t length(struct vkc_fun *f, const struct vkc_type *of, uint32_t value)
{
    uint32_t len = vkc_ir_value(f->code, 0);
    vkc_ir_op2(f->code, of->kind == VKC_TYPE_LIST ? INTERP_OP_LLEN : INTERP_OP_MLEN, len, value);
    return len;
}

static uint16_t element(struct vkc_fun *f, const struct vkc_type *of)
{
    return vkc_lower_type(f->lower, of->args[0]);
}

/* What is given from a list has two owners then. */
static uint32_t shared_item(struct vkc_fun *f, const struct vkc_type *of, uint32_t list, uint32_t at)
{
    uint32_t item = vkc_fun_item(f, list, at, element(f, of));
    vkc_fun_share(f, item, of->args[0]);
    return item;
}

static uint32_t give(struct vkc_fun *f, uint32_t value, uint32_t want)
{
    if (want == VKC_NONE)
        return value;
    vkc_ir_move(f->code, want, value);
    return want;
}

static void append_range(struct vkc_fun *f, const struct vkc_type *of, uint32_t to, uint32_t list,
                         uint32_t from, uint32_t end)
{
    struct vkc_counted loop = vkc_count_open(f, from, end);
    vkc_fun_push(f, to, shared_item(f, of, list, loop.at));
    vkc_count_close(f, &loop);
}

uint32_t vkc_fun_slice(struct vkc_fun *f, struct vkc_type *type, const uint32_t *args, uint32_t want)
{
    uint32_t bad = vkc_ir_label(f->code), fine = vkc_ir_label(f->code), len = length(f, type, args[0]);
    vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, args[1], 0, bad);
    vkc_ir_branch(f->code, INTERP_OP_JLT, args[2], args[1], bad);
    vkc_ir_branch(f->code, INTERP_OP_JGE, len, args[2], fine);
    vkc_ir_place(f->code, bad);
    vkc_ir_trap(f->code, INTERP_TRAP_INDEX);
    vkc_ir_place(f->code, fine);
    uint32_t list = vkc_fun_list(f, vkc_lower_type(f->lower, type), 0);
    append_range(f, type, list, args[0], args[1], args[2]);
    return give(f, list, want);
}

/* ---- options of what a list holds ------------------------------------------------------ */

/* Some of the item at `at`, when it is inside, else None. */
static uint32_t option_at(struct vkc_fun *f, const struct vkc_built *b, uint32_t at)
{
    uint32_t none = vkc_ir_label(f->code), len = length(f, b->of, b->args[0]);
    vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, at, 0, none);
    vkc_ir_branch(f->code, INTERP_OP_JGE, at, len, none);
    uint32_t item = shared_item(f, b->of, b->args[0], at);
    return give(f, vkc_fun_some_or_none(f, b->result, item, none), b->want);
}

static uint32_t last_index(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t at = vkc_ir_value(f->code, 0);
    vkc_ir_imm(f->code, INTERP_OP_ADDI, at, length(f, b->of, b->args[0]), -1);
    return at;
}

/* ---- with a function ---------------------------------------------------------------------- */

enum search { SEARCH_FIND, SEARCH_ANY, SEARCH_ALL, SEARCH_CONTAINS, SEARCH_INDEX };

/* The first item that the test is true of (of ALL: false). */
static uint32_t search(struct vkc_fun *f, const struct vkc_built *b, enum search what)
{
    uint32_t result = vkc_fun_fresh(f, b->result), end = vkc_ir_label(f->code), test;
    struct vkc_counted loop = vkc_count_open(f, VKC_NONE, length(f, b->of, b->args[0]));
    uint32_t item = shared_item(f, b->of, b->args[0], loop.at), next = vkc_ir_label(f->code);
    if (what == SEARCH_CONTAINS || what == SEARCH_INDEX)
        test = vkc_fun_equal(f, b->of->args[0], item, b->args[1], VKC_NONE);
    else
        test = vkc_fun_apply(f, b->args[1], &item, 1, VKC_NONE);
    vkc_ir_branch(f->code, what == SEARCH_ALL ? INTERP_OP_JT : INTERP_OP_JF, test, VKC_NONE, next);
    if (what == SEARCH_FIND || what == SEARCH_INDEX)
        (void)vkc_fun_make_some(f, b->result, what == SEARCH_FIND ? item : loop.at, result);
    else
        vkc_ir_load(f->code, result, what != SEARCH_ALL);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, next);
    vkc_count_close(f, &loop);
    if (what == SEARCH_FIND || what == SEARCH_INDEX)
        (void)vkc_fun_make_none(f, b->result, result);
    else
        vkc_ir_load(f->code, result, what == SEARCH_ALL);
    vkc_ir_place(f->code, end);
    return give(f, result, b->want);
}

static uint32_t map_items(struct vkc_fun *f, const struct vkc_built *b, bool filters)
{
    uint32_t list = vkc_fun_list(f, vkc_lower_type(f->lower, b->result), 0);
    struct vkc_counted loop = vkc_count_open(f, VKC_NONE, length(f, b->of, b->args[0]));
    uint32_t item = shared_item(f, b->of, b->args[0], loop.at), next = vkc_ir_label(f->code);
    uint32_t value = vkc_fun_apply(f, b->args[1], &item, 1, VKC_NONE);
    if (value == VKC_NONE)
        value = vkc_fun_number(f, 0, VKC_NONE);
    if (filters)
        vkc_ir_branch(f->code, INTERP_OP_JF, value, VKC_NONE, next);
    vkc_fun_push(f, list, filters ? item : value);
    vkc_ir_place(f->code, next);
    vkc_count_close(f, &loop);
    return give(f, list, b->want);
}

static uint32_t fold(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t sum = vkc_fun_fresh(f, b->result);
    vkc_ir_move(f->code, sum, b->args[1]);
    struct vkc_counted loop = vkc_count_open(f, VKC_NONE, length(f, b->of, b->args[0]));
    uint32_t args[] = {sum, shared_item(f, b->of, b->args[0], loop.at)};
    (void)vkc_fun_apply(f, b->args[2], args, 2, sum);
    vkc_count_close(f, &loop);
    return give(f, sum, b->want);
}

static uint32_t sum(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t total = vkc_fun_number(f, 0, VKC_NONE);
    struct vkc_counted loop = vkc_count_open(f, VKC_NONE, length(f, b->of, b->args[0]));
    uint32_t item = vkc_fun_item(f, b->args[0], loop.at, 0);
    (void)vkc_fun_arith(f, VKC_BINARY_ADD, b->result, b->result, total, item, total);
    vkc_count_close(f, &loop);
    return give(f, total, b->want);
}

static uint32_t reverse(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t list = vkc_fun_list(f, vkc_lower_type(f->lower, b->result), 0), at = last_index(f, b);
    struct vkc_counted loop = vkc_count_open(f, VKC_NONE, length(f, b->of, b->args[0]));
    vkc_fun_push(f, list, shared_item(f, b->of, b->args[0], at));
    vkc_ir_imm(f->code, INTERP_OP_ADDI, at, at, -1);
    vkc_count_close(f, &loop);
    return give(f, list, b->want);
}

static uint32_t concat(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t list = vkc_fun_list(f, vkc_lower_type(f->lower, b->result), 0);
    for (uint32_t i = 0; i < 2; i++)
        append_range(f, b->of, list, b->args[i], vkc_fun_number(f, 0, VKC_NONE),
                     length(f, b->of, b->args[i]));
    return give(f, list, b->want);
}

/* list.order gives the places of the keys in ascending order, equal ones as they stand. */
static uint32_t sort(struct vkc_fun *f, const struct vkc_built *b, bool has_keys)
{
    struct vkc_type *key = b->of->args[0];
    uint32_t keys = b->args[0];
    uint16_t int_list = vkc_unit_list(f->unit, 0);
    if (has_keys) {
        struct vkc_type *fn = vkc_fun_type(f, b->call->args[0].value->type);
        struct vkc_built keys_of = *b;
        key = fn->args[1];
        keys_of.result = vkc_type_make(&f->lower->checked->types, VKC_TYPE_LIST, NULL, &key, 1);
        keys_of.want = VKC_NONE;
        keys = map_items(f, &keys_of, false);
    }
    const char *native = key->kind == VKC_TYPE_FLOAT          ? "list.order_float"
                         : vkc_lower_type(f->lower, key) == 0 ? "list.order"
                                                              : "list.order_text";
    uint32_t order = vkc_fun_native(f, native, &keys, 1, int_list, VKC_NONE);
    uint32_t list = vkc_fun_list(f, vkc_lower_type(f->lower, b->result), 0);
    struct vkc_counted loop = vkc_count_open(f, VKC_NONE, length(f, b->of, order));
    vkc_fun_push(f, list, shared_item(f, b->of, b->args[0], vkc_fun_item(f, order, loop.at, 0)));
    vkc_count_close(f, &loop);
    return give(f, list, b->want);
}

/* ---- maps ------------------------------------------------------------------------------------ */

static uint32_t map_get(struct vkc_fun *f, const struct vkc_built *b, uint32_t found)
{
    uint32_t none = vkc_ir_label(f->code);
    uint32_t value = vkc_fun_fresh(f, b->of->args[1]);
    vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, found, 0, none);
    vkc_ir_op3(f->code, INTERP_OP_MVAL, value, b->args[0], found);
    vkc_fun_share(f, value, b->of->args[1]);
    return vkc_fun_some_or_none(f, b->result, value, none);
}

static uint32_t map_find(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t found = vkc_ir_value(f->code, 0);
    vkc_ir_op3(f->code, INTERP_OP_MFIND, found, b->args[0], b->args[1]);
    return found;
}

static uint32_t map_has(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t found = map_find(f, b), minus_1 = vkc_fun_number(f, -1, VKC_NONE);
    uint32_t result = vkc_fun_dest(f, b->want, 0);
    vkc_ir_op3(f->code, INTERP_OP_LT, result, minus_1, found);
    return result;
}

static uint32_t map_parts(struct vkc_fun *f, const struct vkc_built *b, uint32_t which)
{
    uint32_t list = vkc_fun_list(f, vkc_lower_type(f->lower, b->result), 0);
    uint32_t at = vkc_fun_number(f, -1, VKC_NONE), head = vkc_ir_label(f->code), end = vkc_ir_label(f->code);
    uint32_t part = vkc_fun_fresh(f, b->of->args[which]);
    vkc_ir_place(f->code, head);
    vkc_ir_branch(f->code, INTERP_OP_MNEXT, at, b->args[0], end);
    vkc_ir_op3(f->code, which == 0 ? INTERP_OP_MKEY : INTERP_OP_MVAL, part, b->args[0], at);
    vkc_fun_share(f, part, b->of->args[which]);
    vkc_fun_push(f, list, part);
    vkc_ir_jump(f->code, head);
    vkc_ir_place(f->code, end);
    return give(f, list, b->want);
}

/* ---- which ------------------------------------------------------------------------------------- */

static bool is(const struct vkc_built *b, const char *key)
{
    return strcmp(b->key, key) == 0;
}

static uint32_t is_empty(struct vkc_fun *f, const struct vkc_built *b)
{
    uint32_t len = length(f, b->of, b->args[0]), zero = vkc_fun_number(f, 0, VKC_NONE);
    uint32_t result = vkc_fun_dest(f, b->want, 0);
    vkc_ir_op3(f->code, INTERP_OP_EQ, result, len, zero);
    return result;
}

static bool of_map(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret)
{
    if (is(b, "map.len"))
        *ret = length(f, b->of, b->args[0]);
    else if (is(b, "map.is_empty"))
        *ret = is_empty(f, b);
    else if (is(b, "map.get"))
        *ret = give(f, map_get(f, b, map_find(f, b)), b->want);
    else if (is(b, "map.has"))
        *ret = map_has(f, b);
    else if (is(b, "map.keys"))
        *ret = map_parts(f, b, 0);
    else if (is(b, "map.values"))
        *ret = map_parts(f, b, 1);
    else
        return false;
    return true;
}

static bool with_function(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret)
{
    if (is(b, "list.map") || is(b, "list.filter"))
        *ret = map_items(f, b, is(b, "list.filter"));
    else if (is(b, "list.fold"))
        *ret = fold(f, b);
    else if (is(b, "list.find"))
        *ret = search(f, b, SEARCH_FIND);
    else if (is(b, "list.any"))
        *ret = search(f, b, SEARCH_ANY);
    else if (is(b, "list.all"))
        *ret = search(f, b, SEARCH_ALL);
    else if (is(b, "list.contains"))
        *ret = search(f, b, SEARCH_CONTAINS);
    else if (is(b, "list.index_of"))
        *ret = search(f, b, SEARCH_INDEX);
    else if (is(b, "list.sort") || is(b, "list.sort_by"))
        *ret = sort(f, b, is(b, "list.sort_by"));
    else
        return false;
    return true;
}

bool vkc_built_list(struct vkc_fun *f, struct vkc_built *b, uint32_t *ret)
{
    if (of_map(f, b, ret) || with_function(f, b, ret))
        return true;
    if (is(b, "list.len"))
        *ret = length(f, b->of, b->args[0]);
    else if (is(b, "list.is_empty"))
        *ret = is_empty(f, b);
    else if (is(b, "list.get"))
        *ret = option_at(f, b, b->args[1]);
    else if (is(b, "list.first"))
        *ret = option_at(f, b, vkc_fun_number(f, 0, VKC_NONE));
    else if (is(b, "list.last"))
        *ret = option_at(f, b, last_index(f, b));
    else if (is(b, "list.slice"))
        *ret = vkc_fun_slice(f, b->of, b->args, b->want);
    else if (is(b, "list.concat"))
        *ret = concat(f, b);
    else if (is(b, "list.reverse"))
        *ret = reverse(f, b);
    else if (is(b, "list.sum"))
        *ret = sum(f, b);
    else
        return false;
    if (b->want != VKC_NONE && *ret != b->want)
        *ret = give(f, *ret, b->want);
    return true;
}

/* ---- changes --------------------------------------------------------------------------------------- */

static void cut(struct vkc_fun *f, uint32_t list, uint32_t len)
{
    uint32_t args[] = {list, len};
    vkc_ir_op1(f->code, INTERP_OP_LOWN, list);
    (void)vkc_fun_native(f, "list.cut", args, 2, INTERP_TYPE_NONE, VKC_NONE);
}

/* Take the last one off. */
static uint32_t pop(struct vkc_fun *f, struct vkc_built *b)
{
    uint32_t end = vkc_ir_label(f->code), none = vkc_ir_label(f->code), result = vkc_fun_fresh(f, b->result);
    uint32_t at = last_index(f, b);
    vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, at, 0, none);
    vkc_ir_op1(f->code, INTERP_OP_LOWN, b->args[0]);
    (void)vkc_fun_make_some(f, b->result, vkc_fun_item(f, b->args[0], at, element(f, b->of)), result);
    cut(f, b->args[0], at);
    vkc_ir_jump(f->code, end);
    vkc_ir_place(f->code, none);
    (void)vkc_fun_make_none(f, b->result, result);
    vkc_ir_place(f->code, end);
    return result;
}

static void check_index(struct vkc_fun *f, uint32_t at, uint32_t len)
{
    uint32_t bad = vkc_ir_label(f->code), fine = vkc_ir_label(f->code);
    vkc_ir_branch_imm(f->code, INTERP_OP_JLTI, at, 0, bad);
    vkc_ir_branch(f->code, INTERP_OP_JGE, len, at, fine);
    vkc_ir_place(f->code, bad);
    vkc_ir_trap(f->code, INTERP_TRAP_INDEX);
    vkc_ir_place(f->code, fine);
}

static void insert(struct vkc_fun *f, struct vkc_built *b)
{
    uint32_t to = length(f, b->of, b->args[0]), from = vkc_ir_value(f->code, 0);
    uint32_t head = vkc_ir_label(f->code), end = vkc_ir_label(f->code);
    check_index(f, b->args[1], to);
    vkc_fun_push(f, b->args[0], b->args[2]);
    vkc_ir_place(f->code, head);
    vkc_ir_branch(f->code, INTERP_OP_JGE, b->args[1], to, end);
    vkc_ir_imm(f->code, INTERP_OP_ADDI, from, to, -1);
    set_item(f, b->args[0], to, vkc_fun_item(f, b->args[0], from, element(f, b->of)));
    vkc_ir_move(f->code, to, from);
    vkc_ir_jump(f->code, head);
    vkc_ir_place(f->code, end);
    set_item(f, b->args[0], b->args[1], b->args[2]);
}

static uint32_t remove_at(struct vkc_fun *f, struct vkc_built *b)
{
    uint32_t last = last_index(f, b), next = vkc_ir_value(f->code, 0);
    vkc_ir_op1(f->code, INTERP_OP_LOWN, b->args[0]);
    uint32_t item = vkc_fun_item(f, b->args[0], b->args[1], element(f, b->of));
    struct vkc_counted loop = vkc_count_open(f, b->args[1], last);
    vkc_ir_imm(f->code, INTERP_OP_ADDI, next, loop.at, 1);
    set_item(f, b->args[0], loop.at, vkc_fun_item(f, b->args[0], next, element(f, b->of)));
    vkc_count_close(f, &loop);
    cut(f, b->args[0], last);
    return item;
}

static uint32_t map_remove(struct vkc_fun *f, struct vkc_built *b)
{
    uint32_t result = map_get(f, b, map_find(f, b)), was = vkc_ir_value(f->code, 0);
    vkc_ir_op3(f->code, INTERP_OP_MDEL, was, b->args[0], b->args[1]);
    return result;
}

bool vkc_built_change(struct vkc_fun *f, struct vkc_built *b, uint32_t *ret)
{
    *ret = VKC_NONE;
    if (is(b, "list.push"))
        vkc_fun_push(f, b->args[0], b->args[1]);
    else if (is(b, "list.pop"))
        *ret = pop(f, b);
    else if (is(b, "list.insert"))
        insert(f, b);
    else if (is(b, "list.remove"))
        *ret = remove_at(f, b);
    else if (is(b, "list.clear"))
        b->args[0] = vkc_fun_list(f, vkc_lower_type(f->lower, b->of), 0);
    else if (is(b, "map.clear"))
        vkc_ir_imm(f->code, INTERP_OP_MNEW, b->args[0] = vkc_fun_fresh(f, b->of), VKC_NONE,
                   vkc_lower_type(f->lower, b->of));
    else if (is(b, "map.remove"))
        *ret = map_remove(f, b);
    else
        return false;
    return true;
}
