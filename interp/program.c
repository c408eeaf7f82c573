/* SPDX-License-Identifier: Apache-2.0 */
/* Start, resume and used of a bytecode process. */
#include "interp/program.h"

#include "interp/interp_impl.h"
#include "vk/pool.h"

static struct interp_process *process_of(const struct proc_self *self)
{
    return (struct interp_process *)(void *)((uint8_t *)(uintptr_t)self + INTERP_PROCESS_OFF);
}

/* Kernel side: room for the state, so that the start argument lies behind it. */
static void start(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    self->heap.top_bytes = INTERP_PROCESS_OFF + (uint32_t)sizeof(struct interp_process);
}

/* Process side, first: lay out the heap and the root fiber. */
static bool begin(const struct interp_program *program, struct interp_run *run, int *ret_value)
{
    struct proc_self *self = (void *)run->heap;
    struct interp_process *p = run->p;
    uint32_t function = program->function;
    *ret_value = PROC_RUN_FAIL;
    if (program->choose)
        function = program->choose(program, self);
    if (function == INTERP_NOWHERE) {
        *ret_value = PROC_RUN_END;
        return false;
    }
    uint32_t floor = VK_ALIGN_UP(self->heap.top_bytes, 64u);
    uint32_t end = self->heap.limit_bytes - INTERP_SLACK_BYTES;
    if (self->heap.limit_bytes < INTERP_SLACK_BYTES || floor + 1024 > end)
        return false;
    p->floor = p->top = floor;
    p->end = end;
    p->half = floor + (end - floor) / 2 - 128;
    /* A large quota is touched as far as it is needed: each page costs at every switch to this heap. */
    p->soft = p->half - floor > INTERP_COLLECT_BYTES ? floor + INTERP_COLLECT_BYTES : p->half;
    p->cpu_left = program->cpu_reductions;
    p->begun = true;
#ifdef INTERP_GC_STRESS
    p->soft = floor;
#endif
    p->root = interp_fiber_new(run, function, INTERP_ROOT_WORDS);
    if (!p->root || !interp_actor_begin(run))
        return false;
    interp_fiber_ready(run, p->root);
    if (!program->entry || interp_exported_begin(run, program->entry))
        return true;
    p->trap = INTERP_TRAP_MEMORY;
    p->current = p->root;
    interp_report(run);
    return false;
}

/* The collection goes on as far as the budget reaches. true: the fibers may run. */
static bool collect(struct interp_run *run, enum proc_run *ret_said)
{
    struct interp_process *p = run->p;
    struct proc_self *self = (void *)run->heap;
    uint32_t spent = self->budget;
    uint64_t lands = p->gc.lands;
    enum interp_collected said = interp_collect_some(run, &spent);
    self->budget -= spent < self->budget ? spent : self->budget;
    p->cpu_left -= spent < p->cpu_left ? spent : p->cpu_left;
    *ret_said = PROC_RUN_AGAIN;
    if (said == INTERP_COLLECTED_FULL && lands)
        *ret_said = interp_no_landing(run, lands) ? PROC_RUN_AGAIN : PROC_RUN_FAIL;
    /* Without room, who asked for it finds that out when it asks again. */
    return said != INTERP_COLLECTING && lands == 0;
}

enum proc_run interp_go_on(struct interp_run *run)
{
    enum proc_run said;
    if (VK_UNLIKELY(run->p->gc.phase != INTERP_GC_IDLE) && !collect(run, &said))
        return said;
    said = interp_loop(run);
    if (VK_UNLIKELY(said == PROC_RUN_FAIL))
        interp_report(run);
    return said;
}

/* What a host called ends by saying what it gives. */
static int give(const struct interp_program *program, struct interp_run *run)
{
    int said = (int)interp_go_on(run);
    return VK_UNLIKELY(program->entry != NULL) && said == PROC_RUN_END
               ? interp_exported_end(run, program->entry)
               : said;
}

static struct interp_run run_of(const struct interp_program *own, struct proc_self *self)
{
    return (struct interp_run){.heap = (uint8_t *)self,
                               .image = own->image,
                               .p = process_of(self),
                               .heap_mask = own->heap_mask,
                               .service = own->service};
}

static int resume(const struct proc_program *program, struct proc_self *self)
{
    const struct interp_program *own = program->context;
    struct interp_run run = run_of(own, self);
    int value;
    if (VK_UNLIKELY(!run.p->begun) && !begin(own, &run, &value))
        return value;
    if (VK_UNLIKELY(run.p->is_returning))
        return interp_exported_end(&run, own->entry);
    if (VK_UNLIKELY(run.p->gc.phase > INTERP_GC_WANTED)) /* nothing was delivered */
        return give(own, &run);
    interp_forget_sent(self, run.p);
    if (self->done_count)
        interp_take_completions(&run);
    if (VK_UNLIKELY(self->land_len != 0) &&
        run.p->gc.phase == INTERP_GC_IDLE) /* and at once: other fibers would use the room */
        return interp_make_landing(&run) ? PROC_RUN_AGAIN : PROC_RUN_FAIL;
    return give(own, &run);
}

/* It ends where it stands, as if that were a trap of the fiber that ran, or else of the root. */
static void last(const struct proc_program *program, struct proc_self *self, int reason)
{
    const struct interp_program *own = program->context;
    struct interp_run run = run_of(own, self);
    struct interp_process *p = run.p;
    if (!p->begun || p->trap || p->gc.phase > INTERP_GC_WANTED)
        return;
    p->trap = reason == PROC_REASON_DEADLINE ? INTERP_TRAP_DEADLINE
              : reason == PROC_REASON_LINK   ? INTERP_TRAP_LINK
              : reason == PROC_REASON_TIME   ? INTERP_TRAP_TIME
                                             : INTERP_TRAP_KILLED;
    p->trap_text = 0;
    if (!p->current)
        p->current = p->root;
    interp_report(&run);
}

static uint32_t used(const struct proc_program *program, const struct proc_self *self)
{
    (void)program;
    const struct interp_process *p = process_of(self);
    uint32_t mark = p->high > p->top ? p->high : p->top;
    return mark > self->heap.top_bytes ? mark : self->heap.top_bytes;
}

#ifdef INTERP_MOVE_STRESS
#define MOVED_MAX_BYTES (1u << 20) /* a larger heap stays where it is: it would take too long */
#define ABOVE_BYTES     (1u << 19) /* looked through behind what a heap says is used of it */

/* Nothing was written above what is wiped with the heap: another process would find it in the slot. */
static void check_above(const uint8_t *there, uint32_t from, uint32_t end)
{
    static const uint8_t zeros[4096];
    for (uint32_t n; from < end; from += n) {
        n = end - from < sizeof zeros ? end - from : (uint32_t)sizeof zeros;
        vk_assert(memcmp(there + from, zeros, n) == 0);
    }
}

/*
 * Each run at another address: what the slot holds is copied there and back,
 * and who kept a pointer into the slot, or into the place of an earlier run,
 * finds nonsense, or leaves a mark.
 */
static int resume_moved(const struct proc_program *program, struct proc_self *self)
{
    const struct interp_program *own = program->context;
    struct proc_self *there = interp_move_place(own->heap_mask + 1);
    uint32_t before = used(program, self);
    if (before > MOVED_MAX_BYTES)
        return resume(program, self);
    uint32_t end = program->heap_bytes - before < ABOVE_BYTES ? program->heap_bytes : before + ABOVE_BYTES;
    memcpy(there, self, before);
    memset((uint8_t *)there + before, 0, end - before); /* as a slot is */
    memset(self, 0xdb, before);
    int value = resume(program, there);
    for (uint32_t i = 0; i < before; i++)
        vk_assert(((const uint8_t *)self)[i] == 0xdb);
    uint32_t after = used(program, there);
    check_above((const uint8_t *)there, after, end);
    memcpy(self, there, after);
    memset(there, 0xdb, after);
    return value;
}
#endif

/* Kernel side: what is there may be anything. */
static uint32_t words(const struct proc_program *program, const struct proc_self *self, uint32_t *ret_off)
{
    (void)program;
    *ret_off = process_of(self)->words;
    return process_of(self)->words_len;
}

static uint32_t place(const struct proc_program *program, const struct proc_self *self, uint32_t *ret_off)
{
    (void)program;
    *ret_off = process_of(self)->place;
    return process_of(self)->place_len;
}

void interp_program_init(struct interp_program *program, const char *name, const struct interp_image *image,
                         uint32_t function, uint32_t heap_bytes, uint64_t cpu_reductions)
{
    uint32_t slot_class = vk_pool_class_for(heap_bytes);
    vk_assert(slot_class < VK_SLOT_CLASSES);
    *program = (struct interp_program){
        .program = {.name = name,
                    .heap_bytes = heap_bytes,
                    .start = start,
#ifdef INTERP_MOVE_STRESS
                    .resume = resume_moved,
#else
                    .resume = resume,
#endif
                    .used = used,
                    .land = interp_land,
                    .words = words,
                    .place = place,
                    .last = last,
                    .is_movable = true,
                    .counts = true,
                    .context = program},
        .image = image,
        .function = function,
        .cpu_reductions = cpu_reductions,
        .heap_mask = vk_pool_class_bytes(slot_class) - 1,
    };
}

void interp_program_state(const struct proc_self *self, struct interp_state *ret_state)
{
    const struct interp_process *p = process_of(self);
    uint32_t at = 0;
    if (p->trap && p->current)
        at = ((const struct interp_fiber *)(const void *)((const uint8_t *)self + p->current))->pc;
    *ret_state = (struct interp_state){p->result, p->trap, at, p->collections, p->top};
}

void interp_keep(struct proc_self *self, uint32_t off)
{
    process_of(self)->request = off;
}

uint32_t interp_kept(const struct proc_self *self)
{
    return process_of(self)->request;
}
