/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long each value lives: backward data flow over basic blocks, then one
 * interval a value that covers all it found. Source: Poletto, Sarkar, "Linear
 * scan register allocation", 1999.
 */
#include "compiler/ir.h"

#include <string.h>

struct block {
    uint32_t first, end; /* instructions [first, end) */
    uint64_t *in, *gen, *kill;
};

struct flow {
    struct vkc_code *code;
    struct block *blocks;
    uint32_t blocks_count;
    uint32_t *block_of; /* by label */
    uint32_t words;     /* of a set */
    struct block *block;
    struct vkc_live *live;
    uint32_t at;
};

static bool has(const uint64_t *set, uint32_t value)
{
    return set[value / 64] >> value % 64 & 1;
}

static void put(uint64_t *set, uint32_t value)
{
    set[value / 64] |= (uint64_t)1 << value % 64;
}

static bool is_branch(const struct vkc_ins *ins)
{
    return ins->op != VKC_IR_LABEL && (strchr(vkc_ir_effects(ins->op), 'B') != NULL || vkc_ir_ends(ins));
}

static void note_use(void *context, uint32_t *value, bool reads, bool writes)
{
    struct flow *f = context;
    if (reads && !has(f->block->kill, *value))
        put(f->block->gen, *value);
    if (writes)
        put(f->block->kill, *value);
}

static void open_block(struct flow *f, uint32_t first)
{
    struct vkc_arena *arena = f->code->arena;
    f->block = &f->blocks[f->blocks_count++];
    *f->block = (struct block){.first = first,
                               .in = VKC_NEW_ARRAY(arena, uint64_t, f->words),
                               .gen = VKC_NEW_ARRAY(arena, uint64_t, f->words),
                               .kill = VKC_NEW_ARRAY(arena, uint64_t, f->words)};
}

static void find_blocks(struct flow *f)
{
    struct vkc_code *code = f->code;
    uint32_t count = 1;
    for (uint32_t i = 0; i < code->ins_count; i++)
        count += code->ins[i].op == VKC_IR_LABEL || is_branch(&code->ins[i]);
    f->blocks = VKC_NEW_ARRAY(code->arena, struct block, count);
    f->block_of = VKC_NEW_ARRAY(code->arena, uint32_t, code->labels_count + 1);
    for (uint32_t i = 0; i < code->ins_count; i++) {
        struct vkc_ins *ins = &code->ins[i];
        if (i == 0 || ins->op == VKC_IR_LABEL || is_branch(&code->ins[i - 1]))
            open_block(f, i);
        if (ins->op == VKC_IR_LABEL)
            f->block_of[ins->target] = f->blocks_count - 1;
        f->block->end = i + 1;
        vkc_ir_visit(ins, note_use, f);
    }
}

/* Into `out`: what lives where control goes from the block. */
static void join(const struct flow *f, uint64_t *out, uint32_t block)
{
    for (uint32_t w = 0; w < f->words; w++)
        out[w] |= f->blocks[block].in[w];
}

static void find_out(const struct flow *f, uint32_t index, uint64_t *out)
{
    const struct vkc_ins *last = &f->code->ins[f->blocks[index].end - 1];
    memset(out, 0, f->words * sizeof *out);
    if (last->op != VKC_IR_LABEL && last->target != VKC_NONE)
        join(f, out, f->block_of[last->target]);
    if (last->op == INTERP_OP_SWITCH)
        for (uint32_t i = 0; i < last->count; i++)
            join(f, out, f->block_of[last->list[i]]);
    if (index + 1 < f->blocks_count && (last->op == VKC_IR_LABEL || !vkc_ir_ends(last)))
        join(f, out, index + 1);
}

static void solve(struct flow *f, uint64_t *out)
{
    bool is_changed = true;
    while (is_changed) {
        is_changed = false;
        for (uint32_t i = f->blocks_count; i-- > 0;) {
            struct block *b = &f->blocks[i];
            find_out(f, i, out);
            for (uint32_t w = 0; w < f->words; w++) {
                uint64_t in = b->gen[w] | (out[w] & ~b->kill[w]);
                is_changed |= in != b->in[w];
                b->in[w] = in;
            }
        }
    }
}

static void cover(struct vkc_live *live, uint32_t at)
{
    if (!live->is_used)
        *live = (struct vkc_live){at, at, true};
    else if (at < live->start)
        live->start = at;
    else if (at > live->end)
        live->end = at;
}

static void cover_use(void *context, uint32_t *value, bool reads, bool writes)
{
    struct flow *f = context;
    if (reads)
        cover(&f->live[*value], 2 * f->at);
    if (writes)
        cover(&f->live[*value], 2 * f->at + 1);
}

static void cover_set(struct flow *f, const uint64_t *set, uint32_t at)
{
    for (uint32_t w = 0; w < f->words; w++)
        for (uint64_t bits = set[w]; bits; bits &= bits - 1)
            cover(&f->live[w * 64 + (uint32_t)__builtin_ctzll(bits)], at);
}

/* A pair's two values live as long as both. */
static void join_pairs(struct flow *f)
{
    for (uint32_t i = 0; i + 1 < f->code->values_count; i++) {
        if (!f->code->values[i].is_pair || !f->live[i].is_used)
            continue;
        cover(&f->live[i], f->live[i + 1].start);
        cover(&f->live[i], f->live[i + 1].end);
        f->live[i + 1] = f->live[i];
    }
}

struct vkc_live *vkc_live_find(struct vkc_code *code)
{
    struct flow f = {.code = code, .words = code->values_count / 64 + 1};
    uint64_t *out = VKC_NEW_ARRAY(code->arena, uint64_t, f.words);
    f.live = VKC_NEW_ARRAY(code->arena, struct vkc_live, code->values_count + 1);
    find_blocks(&f);
    solve(&f, out);
    for (uint32_t i = 0; i < code->params_count; i++)
        cover(&f.live[code->params[i]], 0);
    for (uint32_t i = 0; i < f.blocks_count; i++) {
        cover_set(&f, f.blocks[i].in, 2 * f.blocks[i].first);
        find_out(&f, i, out);
        cover_set(&f, out, 2 * f.blocks[i].end - 1);
        for (f.at = f.blocks[i].first; f.at < f.blocks[i].end; f.at++)
            vkc_ir_visit(&code->ins[f.at], cover_use, &f);
    }
    join_pairs(&f);
    return f.live;
}
