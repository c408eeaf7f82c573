/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three macros for a step function that reads better from top to bottom. They
 * hold the jump and nothing else; what blocks is an ordinary function. The
 * resume point is a small integer in the process's own struct. No await
 * inside a switch; no local that must live across an await.
 */
#ifndef PROC_CO_H
#define PROC_CO_H

/* step: an lvalue of an unsigned integer type, 0 at first. */
#define PROC_BEGIN(step) \
    switch (step) {      \
    case 0:;

/* Return `waiting` from the function until cond holds; cond is evaluated again at each resume. */
#define PROC_AWAIT(step, cond, waiting) \
    do {                                \
        (step) = __LINE__;              \
        __attribute__((fallthrough));   \
    case __LINE__:                      \
        if (!(cond))                    \
            return waiting;             \
    } while (0)

#define PROC_END }

#endif
