/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native programs: C step functions over structs in the process heap. A fiber
 * is a stackless coroutine: its step function is called when it is runnable,
 * does what it can, and says what it waits for. Everything here runs inside
 * the process, under the guard.
 */
#ifndef PROC_NATIVE_H
#define PROC_NATIVE_H

#include "proc/co.h"
#include "proc/program.h"

/* What a step function says when it returns. */
enum proc_step {
    PROC_STEP_WAIT,  /* for the completion of the op it submitted, or for a wake */
    PROC_STEP_AGAIN, /* run me again after the others */
    PROC_STEP_END,
    PROC_STEP_FAIL, /* ends the whole process abnormally */
};

/*
 * Head of every fiber's state struct. Step functions are named by their index
 * in the program's table: a heap holds no code address.
 */
struct proc_fiber {
    uint32_t next;    /* in the run queue; offset */
    uint16_t step_fn; /* index in proc_native.steps */
    uint16_t step;    /* the step function's own: where to go on */
    uint8_t state;    /* private: idle, queued, waiting */
    uint8_t has_done; /* done is the answer to the last op; cleared by proc_submit */
    uint8_t asked;    /* private: proc_wait has submitted */
    uint8_t reserved;
    uint32_t joiner; /* a fiber to wake at the end, or 0 */
    struct proc_done done;
};

typedef enum proc_step (*proc_step_fn)(struct proc_self *self, struct proc_fiber *fiber);

/* context of a native proc_program. steps[0] is the root fiber's. */
struct proc_native {
    const proc_step_fn *steps;
    uint16_t steps_count;
    uint32_t root_bytes; /* size of the root fiber's state, struct proc_fiber first */
};

/* For proc_program.start of every native program. */
void proc_native_start(const struct proc_program *program, struct proc_self *self);

/* For proc_program.resume of every native program. */
int proc_native_resume(const struct proc_program *program, struct proc_self *self);

/* The same with a table that is not the program's context. */
int proc_native_run(struct proc_self *self, const struct proc_native *native);

/*
 * A new fiber with state_bytes of zeroed state, runnable at once. NULL when
 * the heap is exhausted. Its memory is not given back before the process ends.
 */
struct proc_fiber *proc_fiber_start(struct proc_self *self, uint16_t step_fn, uint32_t state_bytes);

/* Make a waiting fiber runnable. */
void proc_fiber_wake(struct proc_self *self, struct proc_fiber *fiber);

/*
 * Submit a copy of op for fiber; its completion wakes the fiber and is found
 * in fiber->done. false when ops[] is full: return PROC_STEP_AGAIN and try again.
 * One op per fiber at a time. SILENT ones are excepted: how they end is told to nobody.
 */
bool proc_submit(struct proc_self *self, struct proc_fiber *fiber, const struct proc_op *op);

/*
 * For PROC_AWAIT: submits op at the first call, true when its completion is there.
 *
 *     PROC_AWAIT(f->step, proc_wait(self, f, &op), PROC_STEP_WAIT);
 */
bool proc_wait(struct proc_self *self, struct proc_fiber *fiber, const struct proc_op *op);

#endif
