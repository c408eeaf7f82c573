/* SPDX-License-Identifier: Apache-2.0 */
/* Fibers: their stacks, the run queue, who waits for whom, and completions. */
#include "interp/interp_impl.h"

#define BASE_BYTES 16u /* of the first frame: behind the stack's head and the first link */

static uint64_t stack_bytes(uint32_t words)
{
    return sizeof(struct interp_stack) + 8 * (uint64_t)words;
}

uint32_t interp_fiber_new(struct interp_run *run, uint32_t function, uint32_t spare_words)
{
    const uint32_t *entry = run->image->calls[function];
    uint32_t frame = entry[-1], words = INTERP_FRAME_REGS(frame) + 1 + spare_words;
    if (run->p->fibers == INTERP_FIBERS_MAX ||
        !interp_room(run, sizeof(struct interp_fiber) + stack_bytes(words)))
        return 0;
    uint32_t ref = interp_take(run, sizeof(struct interp_fiber), INTERP_OWN_FIBER, 0);
    struct interp_fiber *fiber = interp_fiber_at(run, ref);
    memset(&fiber->next, 0, sizeof *fiber - sizeof fiber->head);
    fiber->stack = interp_take(run, (uint32_t)stack_bytes(words), INTERP_OWN_STACK, words);
    fiber->pc = (uint32_t)(entry - run->image->code);
    fiber->base = BASE_BYTES;
    struct interp_stack *stack = (void *)interp_write_at(run, fiber->stack);
    memset(stack->words, 0, 8 * (size_t)(1 + INTERP_FRAME_REFS(frame)));
    run->p->fibers++;
    return ref;
}

bool interp_stack_grow(struct interp_run *run, uint32_t words)
{
    struct interp_fiber *fiber = interp_fiber_at(run, run->p->current);
    uint32_t room = interp_object_at(run, fiber->stack)->count;
    uint64_t larger = room * 2u > words ? room * 2u : words;
    uint32_t ref = interp_alloc(run, stack_bytes((uint32_t)larger), INTERP_OWN_STACK, (uint32_t)larger);
    if (!ref)
        return false;
    fiber = interp_fiber_at(run, run->p->current);
    const struct interp_stack *old = (void *)interp_write_at(run, fiber->stack);
    memcpy(((struct interp_stack *)(void *)interp_write_at(run, ref))->words, old->words, 8 * (size_t)room);
    fiber->stack = ref;
    return true;
}

void interp_fiber_ready(struct interp_run *run, uint32_t fiber)
{
    struct interp_process *p = run->p;
    struct interp_fiber *f = interp_fiber_at(run, fiber);
    f->state = INTERP_FIBER_READY;
    f->awaits = 0;
    f->next = 0;
    if (p->run_first)
        interp_fiber_at(run, p->run_last)->next = fiber;
    else
        p->run_first = fiber;
    p->run_last = fiber;
}

bool interp_is_cycle(const struct interp_run *run, uint32_t fiber, uint32_t target)
{
    for (uint32_t at = target; at; at = interp_fiber_at(run, at)->awaits)
        if (at == fiber)
            return true;
    return false;
}

void interp_fiber_ended(struct interp_run *run, uint64_t result, bool gives_ref)
{
    uint32_t ref = run->p->current;
    struct interp_fiber *fiber = interp_fiber_at(run, ref);
    fiber->state = INTERP_FIBER_ENDED;
    fiber->result = result;
    fiber->gives_ref = gives_ref;
    fiber->stack = 0;
    run->p->fibers--;
    uint32_t last = fiber->waiters;
    if (last == 0)
        return;
    fiber->waiters = 0;
    for (uint32_t at = interp_fiber_at(run, last)->next, next;; at = next) {
        next = interp_fiber_at(run, at)->next;
        interp_fiber_ready(run, at);
        if (at == last)
            return;
    }
}

void interp_fiber_await(struct interp_run *run, uint32_t target)
{
    uint32_t ref = run->p->current;
    struct interp_fiber *fiber = interp_fiber_at(run, ref), *of = interp_fiber_at(run, target);
    fiber->state = INTERP_FIBER_AWAITS;
    fiber->awaits = target;
    if (of->waiters) {
        struct interp_fiber *last = interp_fiber_at(run, of->waiters);
        fiber->next = last->next;
        last->next = ref;
    } else {
        fiber->next = ref;
    }
    of->waiters = ref;
}

/* ---- completions ------------------------------------------------------------------ */

/* A table with a free entry; false: out of memory. */
static bool grow_table(struct interp_run *run)
{
    struct interp_process *p = run->p;
    uint32_t count = p->table ? interp_object_at(run, p->table)->count : 0;
    uint32_t more = count ? count * 2 : 4;
    uint32_t ref =
        interp_alloc(run, sizeof(struct interp_table) + 8 * (uint64_t)more, INTERP_OWN_TABLE, more);
    if (!ref)
        return false;
    struct interp_table *table = (void *)interp_write_at(run, ref);
    if (count)
        memcpy(table->entries, ((struct interp_table *)(void *)interp_write_at(run, p->table))->entries,
               8 * (size_t)count);
    for (uint32_t i = count; i < more; i++)
        table->entries[i] = 2 * (uint64_t)(i + 1 < more ? i + 2 : 0) + 1;
    table->free = count + 1;
    table->reserved = 0;
    p->table = ref;
    return true;
}

uint64_t interp_fiber_tag(struct interp_run *run)
{
    struct interp_process *p = run->p;
    struct interp_table *table = p->table ? (void *)interp_write_at(run, p->table) : NULL;
    if (!table || !table->free) {
        if (!grow_table(run))
            return 0;
        table = (void *)interp_write_at(run, p->table);
    }
    uint32_t slot = table->free;
    table->free = (uint32_t)(table->entries[slot - 1] >> 1);
    table->entries[slot - 1] = p->current;
    interp_fiber_at(run, p->current)->slot = slot;
    return slot;
}

/* The fiber no longer waits for another one, which has not ended. */
static void forget(const struct interp_run *run, uint32_t ref)
{
    struct interp_fiber *fiber = interp_fiber_at(run, ref), *of = interp_fiber_at(run, fiber->awaits);
    uint32_t before = of->waiters;
    while (interp_fiber_at(run, before)->next != ref)
        before = interp_fiber_at(run, before)->next;
    interp_fiber_at(run, before)->next = fiber->next;
    if (of->waiters == ref)
        of->waiters = before == ref ? 0 : before;
}

/* One that waits with an end may have been woken by the other fiber's end already. */
static void wake(struct interp_run *run, uint32_t ref, const struct proc_done *done)
{
    struct interp_fiber *fiber = interp_fiber_at(run, ref);
    fiber->slot = 0;
    fiber->done = *done;
    fiber->has_done = true;
    if (fiber->awaits)
        forget(run, ref);
    if (fiber->state != INTERP_FIBER_READY)
        interp_fiber_ready(run, ref);
}

void interp_fiber_disown(struct interp_run *run)
{
    struct interp_fiber *fiber = interp_fiber_at(run, run->p->current);
    struct interp_table *table = (void *)interp_write_at(run, run->p->table);
    table->entries[fiber->slot - 1] = 0;
    fiber->slot = 0;
}

static void complete(struct interp_run *run, const struct proc_done *done)
{
    struct interp_process *p = run->p;
    struct interp_table *table = p->table ? (void *)interp_write_at(run, p->table) : NULL;
    if (VK_UNLIKELY(done->tag >= INTERP_TAG_OWN)) {
        interp_actor_done(run, done);
        return;
    }
    if (!table || done->tag == 0 || done->tag > table->head.count || table->entries[done->tag - 1] & 1)
        return;
    uint32_t ref = (uint32_t)table->entries[done->tag - 1];
    table->entries[done->tag - 1] = 2 * (uint64_t)table->free + 1;
    table->free = (uint32_t)done->tag;
    p->waiting--;
    if (ref)
        wake(run, ref, done);
}

void interp_take_completions(struct interp_run *run)
{
    struct proc_self *self = (void *)run->heap;
    uint32_t count = self->done_count < PROC_RING_ENTRIES ? self->done_count : PROC_RING_ENTRIES;
    self->done_count = 0;
    for (uint32_t i = 0; i < count; i++)
        complete(run, &self->done[i]);
}
