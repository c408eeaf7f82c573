/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program is what a process runs. Native C step functions (proc/native.h)
 * and bytecode implement the same three functions; the kernel knows no other
 * difference than how the slot is opened and wiped.
 */
#ifndef PROC_PROGRAM_H
#define PROC_PROGRAM_H

#include "proc/self.h"

/* What a run says when it returns. Anything else ends the process as a fault. */
enum proc_run {
    PROC_RUN_WAIT,  /* every fiber waits for a completion */
    PROC_RUN_AGAIN, /* the budget is spent or ops[] is full; run me again */
    PROC_RUN_END,   /* done */
    PROC_RUN_FAIL,  /* done, abnormally */
};

#define PROC_LAND_NOBODY 0xffffffffu
#define PROC_LAND_FULL   0xfffffffeu

/*
 * Process side: carry out an OUT op within the run, without a place among ops[], where that can be done; ops
 * of this run that the kernel has not taken come first, so then it cannot. true: *ret_done is its completion.
 * false: nothing has happened, and it may be submitted.
 */
bool proc_op_now(const struct proc_op *op, struct proc_done *ret_done);

struct proc_program {
    const char *name;
    uint32_t heap_bytes;   /* quota; the slot is of the smallest class that has it */
    uint32_t prefix_bytes; /* native: opened at start, a multiple of the page size; 0: the whole slot */

    /*
     * Kernel side, heap open and zero-filled, head filled in: lay out what a
     * fresh process needs. The start argument follows after it returned. May be NULL.
     */
    void (*start)(const struct proc_program *program, struct proc_self *self);

    /* Process side, under the guard: run until every fiber waits. The program is only read. */
    int (*resume)(const struct proc_program *program, struct proc_self *self);

    /*
     * Kernel side, heap open: how many bytes from the slot's start the process
     * can have written. NULL: everything that was open.
     */
    uint32_t (*used)(const struct proc_program *program, const struct proc_self *self);

    /*
     * Kernel side, heap open: room in the heap for len bytes, the answer to
     * the op with that tag, which has PROC_OP_LAND. Returns their offset, which
     * the kernel checks; 0 while there is no room (see proc_self.land_len);
     * PROC_LAND_NOBODY when nobody waits for the tag; PROC_LAND_FULL: there will
     * be no room, so the op ends with -VK_ETOOBIG. Reads the heap as what it is,
     * untrusted. NULL: such ops are -VK_ENOTSUP.
     * A program with this may move what lies in its heap at any time: the
     * bytes of an OUT op that goes on are copied.
     */
    uint32_t (*land)(const struct proc_program *program, struct proc_self *self, uint64_t tag, uint32_t len);

    /*
     * Kernel side, heap open, of a process that failed: why, in its own words: a
     * stretch of its heap, which the kernel checks. Returns its length, 0 for none. May be NULL.
     */
    uint32_t (*words)(const struct proc_program *program, const struct proc_self *self, uint32_t *ret_off);

    /* Likewise, of one that ended abnormally for whatever reason: where it stood. */
    uint32_t (*place)(const struct proc_program *program, const struct proc_self *self, uint32_t *ret_off);

    /*
     * Process side, under the guard: the process is about to be ended, for
     * this enum proc_reason, where it waits, or after a step that was ended. It
     * may submit ops, such as words for the log; nothing is awaited, and it
     * does not run again. May be NULL.
     */
    void (*last)(const struct proc_program *program, struct proc_self *self, int reason);

    /*
     * Verified bytecode: it cannot name an address. So its heap holds none, and nothing behind `used`: while
     * it waits the kernel may keep it elsewhere and go on with it in another slot. And it finds nothing that
     * others left on the native stack.
     */
    bool is_movable;
    /*
     * Before a message comes nobody can tell whether a process of this program has begun: it begins with its
     * first message, and until then it is an entry of the process table.
     */
    bool waits_first;
    bool counts; /* self->budget is what is left of it after a run */

    const void *context; /* of the program's kind: an image, a step table */
};

#endif
