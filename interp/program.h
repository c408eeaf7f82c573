/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that runs a function of an image: bytecode as the kernel sees it.
 * What it writes is bounded by its own mark, so a slot is opened whole and
 * wiped up to that mark only.
 */
#ifndef INTERP_PROGRAM_H
#define INTERP_PROGRAM_H

#include "interp/export.h"
#include "interp/image.h"
#include "proc/program.h"

struct interp_program;

/*
 * What a service does in a fresh process before bytecode runs: choose the
 * function for the start argument. Returns it, or INTERP_NOWHERE when the
 * process has nothing to run and ends (what it had to say was submitted).
 */
typedef uint32_t (*interp_choose_fn)(const struct interp_program *program, struct proc_self *self);

struct interp_program {
    struct proc_program program; /* the kernel's view; its context is this struct */
    const struct interp_image *image;
    uint32_t function;       /* without parameters, or with those of entry; what choose is NULL for */
    interp_choose_fn choose; /* may be NULL */
    const void *service;     /* of choose and of natives */
    uint64_t cpu_reductions; /* of one process */
    uint32_t heap_mask;      /* size of the slot - 1 */
    const struct interp_exported *entry; /* of a function that a host calls; NULL: another */
};

/* heap_bytes: the quota; half of it is for objects, the other for collecting, or the last room of a request.
 */
void interp_program_init(struct interp_program *program, const char *name, const struct interp_image *image,
                         uint32_t function, uint32_t heap_bytes, uint64_t cpu_reductions);

/* How the process in a slot stands, for tests, tools and reports. The slot is open. */
struct interp_state {
    uint64_t result; /* of the root function, a scalar */
    uint32_t trap;   /* enum interp_trap */
    uint32_t at;     /* instruction of the trap, an index in the code */
    uint32_t collections;
    uint32_t top;
};
void interp_program_state(const struct proc_self *self, struct interp_state *ret_state);

/*
 * Whether nobody can tell, before a message comes, that a process has begun with this function: all that it
 * does until it waits for one is to make values of its own.
 */
bool interp_starts_quietly(const struct interp_image *image, uint32_t function);

#ifdef INTERP_MOVE_STRESS
/* The test's own: where the next run has its heap, of so many bytes (a slot class), aligned to a page. */
void *interp_move_place(uint32_t len_bytes);
#endif

/* The text of a trap. */
const char *interp_trap_text(uint32_t trap);

#endif
