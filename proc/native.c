/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run loop of native programs: fibers in FIFO order, each a step function
 * over a struct in the heap. All of it runs inside the process, so it trusts
 * nothing it does not need to: offsets read from the heap may be garbage, and
 * then the guard ends the process.
 */
#include "proc/native.h"

enum {
    FIBER_WAITING = 0,
    FIBER_QUEUED = 1,
    FIBER_ENDED = 2,
};

static struct proc_fiber *fiber_at(struct proc_self *self, uint32_t off)
{
    return proc_at(self, off);
}

static void enqueue(struct proc_self *self, struct proc_fiber *fiber)
{
    uint32_t off = proc_off(self, fiber);
    fiber->state = FIBER_QUEUED;
    fiber->next = 0;
    if (self->run_first)
        fiber_at(self, self->run_last)->next = off;
    else
        self->run_first = off;
    self->run_last = off;
}

static struct proc_fiber *dequeue(struct proc_self *self)
{
    struct proc_fiber *fiber = fiber_at(self, self->run_first);
    self->run_first = fiber->next;
    return fiber;
}

struct proc_fiber *proc_fiber_start(struct proc_self *self, uint16_t step_fn, uint32_t state_bytes)
{
    struct proc_fiber *fiber = proc_alloc(self, state_bytes);
    if (!fiber)
        return NULL;
    memset(fiber, 0, state_bytes);
    fiber->step_fn = step_fn;
    self->fibers++;
    enqueue(self, fiber);
    return fiber;
}

void proc_fiber_wake(struct proc_self *self, struct proc_fiber *fiber)
{
    if (fiber->state == FIBER_WAITING)
        enqueue(self, fiber);
}

void proc_native_start(const struct proc_program *program, struct proc_self *self)
{
    const struct proc_native *native = program->context;
    struct proc_fiber *root = proc_alloc(self, native->root_bytes);
    if (!root)
        return; /* the first run finds no root and fails */
    self->fibers = 1;
    self->root = proc_off(self, root);
    enqueue(self, root);
}

bool proc_submit(struct proc_self *self, struct proc_fiber *fiber, const struct proc_op *op)
{
    struct proc_op *slot = proc_op_next(self);
    if (VK_UNLIKELY(!slot))
        return false;
    *slot = *op;
    slot->tag = 0;
    if (op->flags & PROC_OP_SILENT)
        return true;
    slot->tag = proc_off(self, fiber);
    fiber->has_done = false;
    return true;
}

bool proc_wait(struct proc_self *self, struct proc_fiber *fiber, const struct proc_op *op)
{
    enum { IDLE, SUBMITTED };
    if (fiber->asked == IDLE) {
        if (proc_submit(self, fiber, op))
            fiber->asked = SUBMITTED;
        else
            enqueue(self, fiber); /* ops[] is full: again once the kernel took them */
        return false;
    }
    if (!fiber->has_done)
        return false;
    fiber->asked = IDLE;
    return true;
}

/* Completions wake the fibers whose offset is their tag. 0 is of an op that nobody waits for, and that
 * failed. */
static void take_completions(struct proc_self *self)
{
    uint32_t count = self->done_count;
    self->done_count = 0;
    for (uint32_t i = 0; i < count && i < PROC_RING_ENTRIES; i++) {
        struct proc_fiber *fiber = fiber_at(self, (uint32_t)self->done[i].tag);
        if (self->done[i].tag == 0 || fiber->state == FIBER_ENDED)
            continue;
        fiber->done = self->done[i];
        fiber->has_done = true;
        proc_fiber_wake(self, fiber);
    }
}

int proc_native_run(struct proc_self *self, const struct proc_native *native)
{
    if (VK_UNLIKELY(!self->root))
        return PROC_RUN_FAIL;
    take_completions(self);
    while (self->run_first) {
        if (VK_UNLIKELY(self->budget == 0 || self->ops_count == PROC_RING_ENTRIES))
            return PROC_RUN_AGAIN;
        self->budget--;
        struct proc_fiber *fiber = dequeue(self);
        if (VK_UNLIKELY(fiber->step_fn >= native->steps_count))
            return PROC_RUN_FAIL;
        fiber->state = FIBER_WAITING;
        enum proc_step said = native->steps[fiber->step_fn](self, fiber);
        if (said == PROC_STEP_AGAIN && fiber->state == FIBER_WAITING) {
            enqueue(self, fiber);
        } else if (said == PROC_STEP_FAIL) {
            return PROC_RUN_FAIL;
        } else if (said == PROC_STEP_END) {
            fiber->state = FIBER_ENDED;
            if (proc_off(self, fiber) == self->root)
                return PROC_RUN_END;
            self->fibers--;
            if (fiber->joiner)
                proc_fiber_wake(self, fiber_at(self, fiber->joiner));
        }
    }
    return PROC_RUN_WAIT;
}

int proc_native_resume(const struct proc_program *program, struct proc_self *self)
{
    return proc_native_run(self, program->context);
}
