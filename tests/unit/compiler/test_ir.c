/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the passes between lowering and the file keep what a function does:
 * what can trap stays, values that live at once have registers of their own,
 * branches reach. Method: functions put together by hand and at random, one
 * pass at a time.
 */
#include "compiler/unit.h"

#include "tests/unit/test.h"

static struct vkc_arena arena;
static struct vkc_unit unit;

/* f(a: Int) -> Int; its parameter is value 0. */
static struct vkc_code *begin(void)
{
    const uint16_t params[] = {0};
    vkc_arena_init(&arena);
    vkc_unit_init(&unit, &arena);
    struct vkc_code *code = vkc_unit_function(&unit, "f", vkc_unit_fn(&unit, params, 1, 0));
    code->params = VKC_NEW_ARRAY(&arena, uint32_t, 1);
    code->params[0] = vkc_ir_value(code, 0);
    code->params_count = 1;
    return code;
}

static void end(void)
{
    vkc_arena_fini(&arena);
}

static uint32_t load(struct vkc_code *code, int64_t number)
{
    uint32_t value = vkc_ir_value(code, 0);
    vkc_ir_load(code, value, number);
    return value;
}

static uint32_t count_of(const struct vkc_code *code, uint32_t op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < code->ins_count; i++)
        count += code->ins[i].op == op && !code->ins[i].is_dead;
    return count;
}

static struct vkc_live *give_registers(struct vkc_code *code)
{
    struct vkc_live *live = vkc_live_find(code);
    vkc_regs_refs(code, live);
    vkc_regs_scalars(code, live);
    return live;
}

TEST(compiler_ir_simplify, what_is_never_read_goes_unless_it_can_trap)
{
    struct vkc_code *code = begin();
    (void)load(code, 5); /* never read */
    uint32_t zero = load(code, 0), quotient = vkc_ir_value(code, 0);
    vkc_ir_op3(code, INTERP_OP_DIV, quotient, 0, zero);
    vkc_ir_op1(code, INTERP_OP_RETS, 0);
    vkc_ir_simplify(code);
    CHECK_EQ(count_of(code, INTERP_OP_LDI), 1u);
    CHECK_EQ(count_of(code, INTERP_OP_DIV), 1u);
    CHECK_EQ(count_of(code, INTERP_OP_RETS), 1u);
    end();
}

TEST(compiler_ir_simplify, jumps_to_jumps_and_what_none_reaches_go)
{
    struct vkc_code *code = begin();
    uint32_t first = vkc_ir_label(code), second = vkc_ir_label(code), last = vkc_ir_label(code);
    vkc_ir_branch_imm(code, INTERP_OP_JEQI, 0, 3, first);
    vkc_ir_jump(code, last);
    vkc_ir_trap(code, INTERP_TRAP_NIL); /* reached by nobody */
    vkc_ir_place(code, first);
    vkc_ir_jump(code, second);
    vkc_ir_place(code, second);
    vkc_ir_jump(code, last);
    vkc_ir_place(code, last);
    vkc_ir_op1(code, INTERP_OP_RETS, 0);
    vkc_ir_simplify(code);
    CHECK_EQ(count_of(code, INTERP_OP_JMP), 0u);
    CHECK_EQ(count_of(code, INTERP_OP_TRAP), 0u);
    CHECK_EQ(count_of(code, INTERP_OP_RETS), 1u);
    end();
}

TEST(compiler_live, what_a_loop_reads_lives_to_its_end)
{
    struct vkc_code *code = begin();
    uint32_t step = load(code, 7), sum = load(code, 0), before = load(code, 1), head = vkc_ir_label(code);
    vkc_ir_op3(code, INTERP_OP_ADD, sum, sum, before);
    vkc_ir_place(code, head);
    vkc_ir_op3(code, INTERP_OP_ADD, sum, sum, step);
    vkc_ir_op3(code, INTERP_OP_ADD, sum, sum, sum);
    uint32_t back = code->ins_count;
    vkc_ir_branch(code, INTERP_OP_JLT, sum, 0, head);
    vkc_ir_op1(code, INTERP_OP_RETS, sum);
    const struct vkc_live *live = vkc_live_find(code);
    CHECK(live[step].end >= 2 * back);
    CHECK(live[before].end < 2 * back);
    CHECK(live[0].end >= 2 * back);
    CHECK(live[sum].end >= 2 * (code->ins_count - 1));
    end();
}

/* Sums of values drawn from all so far. */
static struct vkc_code *random_code(uint32_t seed, uint32_t count)
{
    struct vkc_code *code = begin();
    uint16_t str = vkc_unit_str(&unit), list = vkc_unit_list(&unit, str);
    for (uint32_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t a = (seed >> 8) % code->values_count, b = (seed >> 16) % code->values_count;
        bool is_ref = seed >> 30 == 0, are_scalars = code->values[a].type == 0 && code->values[b].type == 0;
        uint32_t value = vkc_ir_value(code, is_ref ? (seed & 64 ? str : list) : 0);
        if (is_ref)
            vkc_ir_imm(code, INTERP_OP_LDQ, value, VKC_NONE, 0);
        else if (are_scalars)
            vkc_ir_op3(code, INTERP_OP_ADD, value, a, b);
        else
            vkc_ir_load(code, value, (int64_t)seed);
    }
    for (uint32_t i = 0; i < code->values_count; i += 7) { /* these live long */
        uint32_t value = vkc_ir_value(code, 0);
        bool is_ref = code->values[i].type != 0, is_str = code->values[i].type == str;
        vkc_ir_op2(code, !is_ref ? INTERP_OP_NEG : is_str ? INTERP_OP_SLEN : INTERP_OP_LLEN, value, i);
    }
    vkc_ir_op1(code, INTERP_OP_RETS, 0);
    return code;
}

static void check_apart(const struct vkc_code *code, const struct vkc_live *live, uint32_t a, uint32_t b)
{
    bool overlap =
        live[a].is_used && live[b].is_used && live[a].start < live[b].end && live[b].start < live[a].end;
    CHECK(!overlap || code->values[a].reg != code->values[b].reg);
}

TEST(compiler_regs, values_that_live_at_once_lie_apart)
{
    for (uint32_t seed = 1; seed <= 200; seed++) {
        struct vkc_code *code = random_code(seed, 20 + seed % 80);
        const struct vkc_live *live = give_registers(code);
        CHECK(!code->is_too_large);
        for (uint32_t i = 0; i < code->values_count; i++) {
            const struct vkc_value *value = &code->values[i];
            if (!live[i].is_used)
                continue;
            CHECK((value->type != 0) == (value->reg < code->refs));
            CHECK(value->type == 0 || code->reg_types[value->reg] == value->type);
            for (uint32_t j = 0; j < i; j++)
                check_apart(code, live, i, j);
        }
        end();
    }
}

static struct vkc_code *many_alive(uint32_t count)
{
    struct vkc_code *code = begin();
    uint32_t first = code->values_count, sum = load(code, 0);
    for (uint32_t i = 0; i < count; i++)
        (void)load(code, (int64_t)i);
    for (uint32_t i = 1; i <= count; i++)
        vkc_ir_op3(code, INTERP_OP_ADD, sum, sum, first + i);
    vkc_ir_op1(code, INTERP_OP_RETS, sum);
    (void)give_registers(code);
    return code;
}

TEST(compiler_regs, too_many_alive_are_told)
{
    CHECK(!many_alive(230)->is_too_large);
    end();
    CHECK(many_alive(260)->is_too_large);
    end();
}

/* Words of a function that branches over so many instructions. */
static uint32_t words_of(uint32_t distance)
{
    struct vkc_code *code = begin();
    struct vkc_words words = {0};
    uint32_t over = vkc_ir_label(code), sum = load(code, 1);
    vkc_ir_branch(code, INTERP_OP_JLT, 0, sum, over);
    for (uint32_t i = 0; i < distance; i++)
        vkc_ir_op3(code, INTERP_OP_ADD, sum, sum, 0);
    vkc_ir_place(code, over);
    vkc_ir_op1(code, INTERP_OP_RETS, sum);
    (void)give_registers(code);
    vkc_emit(code, &words);
    CHECK(!code->is_too_large);
    uint32_t count = words.count;
    end();
    return count;
}

TEST(compiler_emit, a_far_branch_takes_a_jump_more)
{
    uint32_t near = words_of(10);
    CHECK_EQ(words_of(11), near + 1);
    CHECK_EQ(words_of(200), near + 190);
    uint32_t far = words_of(300);
    CHECK_EQ(far, near + 290 + 1);
    CHECK_EQ(words_of(301), far + 1);
    CHECK_EQ(words_of(40000), far + 39700);
}

TEST(compiler_unit, equal_constants_are_one)
{
    (void)begin();
    uint16_t str = vkc_unit_str(&unit), bytes = vkc_unit_bytes(&unit);
    uint32_t text = vkc_unit_text(&unit, str, "ab", 2);
    CHECK_EQ(vkc_unit_text(&unit, str, "ab", 2), text);
    CHECK(vkc_unit_text(&unit, str, "ab\0", 3) != text);
    CHECK(vkc_unit_text(&unit, bytes, "ab", 2) != text);
    uint32_t number = vkc_unit_constant(&unit, 1ull << 40);
    CHECK_EQ(vkc_unit_constant(&unit, 1ull << 40), number);
    CHECK(vkc_unit_constant(&unit, 1ull << 41) != number);
    CHECK_EQ(vkc_unit_list(&unit, str), vkc_unit_list(&unit, str));
    CHECK(vkc_unit_list(&unit, str) != vkc_unit_list(&unit, bytes));
    end();
}
