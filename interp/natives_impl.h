/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of natives share. A native that may touch many bytes does
 * interp_call_turn() of them, charges for them, and answers INTERP_AGAIN with
 * its place in call->step and the process's work[]: the same fiber goes on,
 * and nothing of the process runs in between. The kernel may land an answer
 * meanwhile, above the objects, or have them collected for its sake: objects
 * that a native makes first and fills in later are kept in roots[].
 */
#ifndef INTERP_NATIVES_IMPL_H
#define INTERP_NATIVES_IMPL_H

#include "interp/interp_impl.h"
#include "interp/text/convert.h"
#include "vk/limits.h"

/* Bytes that may still be touched in this turn, at least 1. */
VK_INLINE size_t interp_call_turn(const struct interp_call *call)
{
    int64_t left = call->left - (int64_t)call->cost;
    if (left <= 0)
        return 1024; /* some progress, whatever the budget: who asks for it is charged */
    return left >= INTERP_TURN_BYTES / 64 ? INTERP_TURN_BYTES : 64 * (size_t)left;
}

VK_INLINE void interp_call_charge(struct interp_call *call, uint64_t len_bytes)
{
    call->cost += (uint32_t)(len_bytes / 64);
}

/* All of the tables. */
#define NATIVE(name, signature, fn) enum interp_say fn(struct interp_call *call);
INTERP_NATIVES(NATIVE)
INTERP_LIST_NATIVES(NATIVE)
INTERP_TEXT_NATIVES(NATIVE)
#undef NATIVE

#define INTERP_NO_JSON "nan and inf are no JSON numbers"

/* The trap CONVERT: "NAME(GIVEN) WHAT", as in "random(0) takes 1 or more". */
enum interp_say interp_out_of_range(struct interp_call *call, const char *name, int64_t given,
                                    const char *what);

#endif
