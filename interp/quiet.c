/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether anybody can tell that an actor has begun before its first message
 * comes. Its code is followed from the first instruction to where it waits for
 * a turn: a straight line that makes values, and neither asks the kernel for
 * anything, nor branches, nor can fail but for want of memory.
 */
#include "interp/interp_impl.h"
#include "interp/program.h"

#define STEPS_MAX   256u /* of such a line; a longer one is worth a run */
#define DEPTH_MAX   8u   /* calls in each other */
#define ROOM_MAX    64u  /* of a list that is made */
#define BEHIND_NONE 0xffu

enum { RESULT_WORD = 1, CAPACITY_WORD = 1 };

/* Where the walk is, and where it goes on after each call under way. */
struct walk {
    const struct interp_image *image;
    const uint32_t *pc;
    const uint32_t *returns[DEPTH_MAX];
    uint32_t depth;
    bool has_met; /* the wait for a turn */
};

/* Words behind an instruction that only makes or moves values; BEHIND_NONE: it may do more. */
static VK_SELDOM uint32_t words_behind(const struct interp_image *image, uint32_t in, uint32_t next)
{
    switch (in & 255) {
    case INTERP_OP_MOV:
    case INTERP_OP_MOVR:
    case INTERP_OP_LDI:
    case INTERP_OP_LDK:
    case INTERP_OP_LDQ:
    case INTERP_OP_LDNIL:
    case INTERP_OP_GETF:
    case INTERP_OP_GETR:
    case INTERP_OP_SHARE:
    case INTERP_OP_LPUSH:
    case INTERP_OP_LPUSHR:
    case INTERP_OP_MSET:
    case INTERP_OP_MNEW:
        return 0;
    case INTERP_OP_NEW:
        return (image->types[in >> 16].count + 3u) / 4;
    case INTERP_OP_LNEW:
        return next <= ROOM_MAX ? CAPACITY_WORD : BEHIND_NONE;
    default:
        return BEHIND_NONE;
    }
}

/* A native: the parameters are read, or the walk has met its end. */
static VK_SELDOM bool walk_native(struct walk *w, uint32_t in)
{
    const struct interp_module *module = &w->image->module;
    struct vk_span name = vk_span_text(interp_module_name(module, module->natives[in >> 16].name));
    w->has_met = vk_span_equal(name, VK_SPAN_LIT("actor.next"));
    w->pc += 1 + RESULT_WORD;
    return w->has_met || vk_span_equal(name, VK_SPAN_LIT("actor.params"));
}

static VK_SELDOM bool walk_call(struct walk *w, uint32_t in, uint32_t words)
{
    if (w->depth == DEPTH_MAX)
        return false;
    w->returns[w->depth++] = w->pc + 1 + words;
    w->pc = w->image->calls[in >> 16];
    return true;
}

/* One instruction of verified code; false: what it does could be noticed. */
static VK_SELDOM bool step(struct walk *w)
{
    uint32_t in = *w->pc, words;
    switch (in & 255) {
    case INTERP_OP_CALLN:
        return walk_native(w, in);
    case INTERP_OP_CALL:
        return walk_call(w, in, RESULT_WORD);
    case INTERP_OP_CALLS:
        return walk_call(w, in, 0);
    case INTERP_OP_RET:
    case INTERP_OP_RETS:
    case INTERP_OP_RETR:
        if (w->depth == 0)
            return false; /* it ends */
        w->pc = w->returns[--w->depth];
        return true;
    default:
        words = words_behind(w->image, in, w->pc[1]);
        w->pc += 1 + words;
        return words != BEHIND_NONE;
    }
}

VK_SELDOM bool interp_starts_quietly(const struct interp_image *image, uint32_t function)
{
    struct walk w = {.image = image, .pc = image->calls[function]};
    for (uint32_t i = 0; i < STEPS_MAX && !w.has_met; i++)
        if (!step(&w))
            return false;
    return w.has_met;
}
