/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler: a FIFO queue of runnable processes, and the dispatch that
 * runs one of them. No process runs while another's heap is open, and what a
 * process leaves in its heap is taken only after it has stopped running.
 */
#include "proc/kernel_impl.h"

void proc_queue(struct proc_kernel *kernel, struct proc_process *process)
{
    if (process->queued)
        return;
    process->queued = true;
    vk_fifo_push(&kernel->runnable, &process->run);
}

void proc_run_soon(struct proc_kernel *kernel, struct proc_process *process)
{
    if (process->fresh && process->program->waits_first && vk_fifo_is_empty(&process->mail))
        process->state = PROC_STATE_WAITING;
    else
        proc_queue(kernel, process);
}

void proc_wake_fresh(struct proc_kernel *kernel, struct proc_process *process)
{
    if (process->state != PROC_STATE_WAITING)
        return;
    process->state = PROC_STATE_READY;
    proc_queue(kernel, process);
}

void proc_run_now(struct proc_kernel *kernel, struct proc_process *process)
{
    vk_assert(!kernel->running && !process->queued);
    proc_dispatch(kernel, process);
}

bool proc_grow(void *kernel, uintptr_t addr)
{
    return vk_guard_grow(&((struct proc_kernel *)kernel)->guard, addr);
}

bool proc_is_over(void *kernel, uint32_t ticks)
{
    return ticks >= (((const struct proc_kernel *)kernel)->counts ? PROC_COUNTED_TICKS : 2);
}

uint8_t *proc_reach_slow(struct proc_kernel *kernel, struct proc_process *process, uint32_t off, uint32_t len)
{
    const struct vk_slot *slot = process->slot;
    if (!vk_heap_contains(process->program->heap_bytes, off, len))
        return NULL;
    return vk_guard_grow(&kernel->guard, (uintptr_t)slot->base + off + len - 1) ? slot->base + off : NULL;
}

/* The head of a fresh heap, which is zero-filled. */
static bool fill_head(struct proc_kernel *k, struct proc_process *p, struct proc_self *self)
{
    self->heap.top_bytes = sizeof *self;
    self->heap.limit_bytes = p->program->heap_bytes;
    self->pid = proc_pid(p);
    if (p->program->start)
        p->program->start(p->program, self);
    self->arg_len = p->arg_len;
    self->arg_off = vk_heap_alloc(&self->heap, p->arg_len, 8);
    uint8_t *dst = self->arg_off ? proc_reach(k, p, self->arg_off, p->arg_len) : NULL;
    if (VK_UNLIKELY(!dst))
        return false;
    vk_copy(dst, p->arg, p->arg_len);
    if (VK_UNLIKELY(p->arg_buf.cap_bytes))
        vk_bufs_put(&k->bufs, &p->arg_buf);
    p->fresh = false;
    if (p->program->waits_first)
        proc_mail_begin(k, p, self);
    return true;
}

/* false: the heap is too small for what the process must get. */
static bool prepare(struct proc_kernel *k, struct proc_process *p, struct proc_self *self, uint32_t budget)
{
    self->land_len = 0;
    if (VK_LIKELY(!p->keeps_ops))
        self->ops_count = 0;
    if (!p->fresh)
        proc_deliver(k, p, self);
    else if (VK_UNLIKELY(!fill_head(k, p, self)))
        return false;
    self->budget = budget;
    self->now_ns = k->now_ns;
    self->wall_s = k->wall_s;
    memcpy(self->date, k->date, sizeof self->date);
    return true;
}

/* What the guarded code is given; it lies on the kernel's stack, which stays readable. */
struct resumption {
    const struct proc_program *program;
    struct proc_self *self;
    int reason; /* of a last run */
};

static int resume(void *arg)
{
    const struct resumption *what = arg;
    return what->program->resume(what->program, what->self);
}

static int last(void *arg)
{
    const struct resumption *what = arg;
    what->program->last(what->program, what->self, what->reason);
    return PROC_RUN_FAIL;
}

static int run(struct proc_kernel *k, struct proc_process *p, struct proc_self *self, int (*fn)(void *),
               int *ret_value, struct plat_fault *ret_fault)
{
    struct resumption what = {p->program, self, p->reason}; /* p may be closed during the run */
    if (VK_UNLIKELY(!k->runner)) {
        *ret_value = fn(&what);
        return 0;
    }
    plat_runner_trust(k->runner, p->program->is_movable);
    vk_guard_run_begin(&k->guard);
    int rc = plat_run_guarded(k->runner, fn, &what, ret_value, ret_fault);
    vk_guard_run_end(&k->guard);
    return rc;
}

static enum proc_reason fault_reason(enum plat_fault_kind kind)
{
    return kind == PLAT_FAULT_TIME ? PROC_REASON_TIME : PROC_REASON_FAULT;
}

static bool has_completions(const struct proc_process *p)
{
    return p->done_count > 0 || !vk_fifo_is_empty(&p->ready);
}

/*
 * Carry out what the run asked for. A process that has not been told
 * everything yet waits with more, else completions that come at once would
 * keep the others from it for ever.
 */
static void take(struct proc_kernel *k, struct proc_process *p, struct proc_self *self, int value)
{
    p->keeps_ops = p->has_backlog && (value == PROC_RUN_AGAIN || value == PROC_RUN_WAIT);
    if (VK_LIKELY(!p->keeps_ops))
        proc_take_ops(k, p, self);
}

/* Whether it would run again at once if it were alone. */
static bool wants_more(const struct proc_process *p, int value)
{
    return value == PROC_RUN_AGAIN || (value == PROC_RUN_WAIT && has_completions(p));
}

/* A process that one turn does not end has a deadline from now on; most never come so far. */
static void arm(struct proc_kernel *k, struct proc_process *p)
{
    if (p->deadline_ns)
        proc_timer_set(k, &p->deadline, p->deadline_ns);
    p->deadline_ns = 0;
}

static void go_on_later(struct proc_kernel *k, struct proc_process *p)
{
    arm(k, p);
    proc_gather(k, p);
    proc_queue(k, p);
}

static void wait_for_completions(struct proc_kernel *k, struct proc_process *p)
{
    arm(k, p);
    p->state = PROC_STATE_WAITING;
    proc_gather(k, p);
    proc_park(k, p); /* else the slot is closed when another opens */
}

/* The run returned: its ops have been taken; go on as it asks. */
static void settle(struct proc_kernel *k, struct proc_process *p, int value)
{
    if (VK_LIKELY(value == PROC_RUN_END && !p->doomed))
        proc_process_dead(k, p, PROC_REASON_NORMAL, NULL);
    else if (p->doomed)
        proc_process_dead(k, p, (enum proc_reason)p->reason, NULL);
    else if (value == PROC_RUN_FAIL)
        proc_process_dead(k, p, PROC_REASON_FAIL, NULL);
    else if (wants_more(p, value))
        go_on_later(k, p);
    else if (value == PROC_RUN_WAIT && p->reqs_count > 0)
        wait_for_completions(k, p);
    else
        proc_process_dead(k, p, value == PROC_RUN_WAIT ? PROC_REASON_DEADLOCK : PROC_REASON_FAULT, NULL);
}

/* One run, and the ops it asked for. Returns the error of a run that did not return. */
static int turn(struct proc_kernel *k, struct proc_process *p, uint32_t budget, int *ret_value,
                struct plat_fault *ret_fault)
{
    struct proc_self *self = (struct proc_self *)p->slot->base;
    if (VK_UNLIKELY(!prepare(k, p, self, budget))) {
        proc_process_doom(k, p, PROC_REASON_MEMORY);
        return 0;
    }
    int rc = run(k, p, self, resume, ret_value, ret_fault);
    if (VK_LIKELY(rc == 0 && !p->doomed))
        take(k, p, self, *ret_value);
    return rc;
}

/* What is left of a dispatch's budget for another run; 0: none. More than there was is not believed. */
static uint32_t rest_of(const struct proc_process *p, uint32_t budget)
{
    uint32_t left = ((const struct proc_self *)p->slot->base)->budget;
    left = left < budget ? left : budget;
    return left > PROC_RUN_COST ? left - PROC_RUN_COST : 0;
}

/*
 * A process of bytecode whose ops finished at once goes on while its slot is
 * open, until its budget is spent: an actor takes all its messages in one
 * dispatch. Native steps are not counted finely enough for that.
 */
static int turns(struct proc_kernel *k, struct proc_process *p, int *ret_value, struct plat_fault *ret_fault)
{
    uint32_t budget = PROC_BUDGET;
    int rc;
    do {
        rc = turn(k, p, budget, ret_value, ret_fault);
        budget = p->doomed ? 0 : rest_of(p, budget); /* a doomed one's heap may be closed */
    } while (rc == 0 && !p->doomed && p->program->counts && budget > 0 && wants_more(p, *ret_value));
    return rc;
}

/* Ends that the process does not know of, and can tell where it was. */
static bool is_worth_words(enum proc_reason reason)
{
    return reason == PROC_REASON_DEADLINE || reason == PROC_REASON_LINK || reason == PROC_REASON_KILLED ||
           reason == PROC_REASON_TIME;
}

/*
 * It says where it stood, if it can and somebody listens. Whatever comes of
 * that, it ends for the reason it has.
 */
static void last_run(struct proc_kernel *k, struct proc_process *p, enum proc_reason reason)
{
    struct plat_fault fault = {0};
    int value;
    p->reason = (uint8_t)reason;
    if (!p->program->last || p->fresh || !is_worth_words(reason) || !proc_log_is_open(k) || proc_enter(k, p))
        return;
    struct proc_self *self = (struct proc_self *)p->slot->base;
    self->ops_count = 0;
    self->done_count = 0;
    k->counts = p->program->counts;
    k->running = p;
    p->state = PROC_STATE_RUNNING;
    p->doomed = false; /* else its ops are not taken */
    if (run(k, p, self, last, &value, &fault) == 0)
        proc_take_ops(k, p, self);
    k->running = NULL;
    p->state = PROC_STATE_READY;
    p->doomed = true;
    p->reason = (uint8_t)reason;
}

void proc_dispatch(struct proc_kernel *kernel, struct proc_process *process)
{
    struct proc_process *p = process;
    if (VK_UNLIKELY(p->doomed)) {
        last_run(kernel, p, (enum proc_reason)p->reason);
        proc_process_dead(kernel, p, (enum proc_reason)p->reason, NULL);
        return;
    }
    if (VK_UNLIKELY(!p->program->is_movable && !kernel->has_native))
        proc_park_none(kernel);
    if (VK_UNLIKELY(proc_enter(kernel, p))) {
        proc_process_dead(kernel, p, PROC_REASON_MEMORY, NULL);
        return;
    }
    struct plat_fault fault = {0};
    int value = PROC_RUN_FAIL;
    kernel->counters.dispatches++;
    kernel->counts = p->program->counts;
    kernel->running = p;
    p->state = PROC_STATE_RUNNING;
    int rc = turns(kernel, p, &value, &fault);
    kernel->running = NULL;
    p->state = PROC_STATE_READY;
    if (VK_UNLIKELY(rc != 0)) {
        last_run(kernel, p, fault_reason(fault.kind));
        proc_process_dead(kernel, p, fault_reason(fault.kind), &fault);
    } else {
        settle(kernel, p, value);
    }
}
