/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run loop. The state of the running fiber lives in locals: pc, r (its
 * frame), the budget; it is written back (SAVE) before anything that may
 * collect, switch or end, and read again (LOAD) after. An instruction that
 * finds no room for its object collects and is executed again from its start,
 * so it changes nothing before it has room.
 *
 * Source of the dispatch: Bell, "Threaded code", 1973; Ertl, Gregg, "The
 * structure and performance of efficient interpreters", 2003.
 */
#include <emmintrin.h>

#include "interp/interp_impl.h"
#include "interp/text/float.h"
#include "vk/fmt.h"

#define A     ((in >> 8) & 255)
#define B     ((in >> 16) & 255)
#define C     (in >> 24)
#define SB    ((int64_t)(int8_t)(in >> 16))
#define SC    ((int64_t)((int32_t)in >> 24))
#define WIDE  (in >> 16)
#define SWIDE ((int64_t)((int32_t)in >> 16))
#define FAR   (in >> 8)

#define OP(name) L_##name:
#define NEXT                    \
    do {                        \
        in = *pc++;             \
        goto *labels[in & 255]; \
    } while (0)

#define TRAP(code)                    \
    do {                              \
        p->trap = INTERP_TRAP_##code; \
        goto trapped;                 \
    } while (0)

/* pc_ is where to go on. */
#define SAVE(pc_)                                                              \
    do {                                                                       \
        struct interp_fiber *fiber_ = interp_fiber_at(&here, p->current);      \
        fiber_->pc = (uint32_t)((pc_)-code);                                   \
        fiber_->base = (uint32_t)((uint8_t *)r - (here.heap + fiber_->stack)); \
    } while (0)

#define LOAD()                                                                       \
    do {                                                                             \
        const struct interp_fiber *fiber_ = interp_fiber_at(&here, p->current);      \
        struct interp_stack *stack_ = (void *)interp_write_at(&here, fiber_->stack); \
        pc = code + fiber_->pc;                                                      \
        r = (union interp_word *)(void *)((uint8_t *)stack_ + fiber_->base);         \
        limit = stack_->words + stack_->head.count;                                  \
    } while (0)

/* Bytes for an object of this instruction; without them it is executed again after a collection. */
#define NEED(bytes_)                              \
    do {                                          \
        need = (bytes_);                          \
        if (VK_UNLIKELY(p->top + need > p->soft)) \
            goto collect;                         \
    } while (0)

#define SPEND(pc_)                       \
    do {                                 \
        if (VK_UNLIKELY(--budget < 0)) { \
            SAVE(pc_);                   \
            goto again;                  \
        }                                \
    } while (0)

#define READ(ref_)            ((void *)interp_read_at(&here, (uint32_t)(ref_)))
#define WRITE(ref_)           ((void *)interp_write_at(&here, (uint32_t)(ref_)))
#define FIELD(ref_, i_)       (((union interp_word *)READ(ref_))[1 + (i_)])
#define FIELD_WRITE(ref_, i_) (((union interp_word *)WRITE(ref_))[1 + (i_)])

/* An element's word: the offset is clamped with the index in it. */
#define ITEM(ref_, i_)       (*(union interp_word *)READ((uint32_t)(ref_) + 16 + 8 * (uint32_t)(i_)))
#define ITEM_WRITE(ref_, i_) (*(union interp_word *)WRITE((uint32_t)(ref_) + 16 + 8 * (uint32_t)(i_)))

static const struct interp_list *as_list(const struct interp_run *run, uint64_t ref)
{
    return (const void *)interp_read_at(run, (uint32_t)ref);
}

static bool is_own_list(const struct interp_list *list, uint64_t ref)
{
    return !interp_in_image((uint32_t)ref) && !(list->head.flags & INTERP_OBJECT_SHARED);
}

static bool is_long_map(const struct interp_run *run, uint32_t map, uint64_t room)
{
    const struct interp_map *m = (const void *)interp_read_at(run, map);
    return m->used > INTERP_LONG_ENTRIES || room > INTERP_TURN_BYTES / 8;
}

static int compare_texts(struct vk_span a, struct vk_span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order ? (order > 0) - (order < 0) : (a.len > b.len) - (a.len < b.len);
}

/* The scalars of a closure's call stand behind its references: move them to where the callee has its own. */
static void place_scalars(union interp_word *window, uint32_t frame)
{
    uint32_t refs = INTERP_FRAME_REFS(frame), params = INTERP_FRAME_PARAMS(frame);
    if (refs == params)
        return;
    for (uint32_t i = INTERP_FRAME_SCALARS(frame); i-- > 0;)
        window[refs + i] = window[params + i];
}

static uint64_t concat_len(const struct interp_run *run, const union interp_word *r, const uint8_t *regs,
                           uint32_t count)
{
    uint64_t len = 0;
    for (uint32_t i = 0; i < count; i++)
        len += interp_text_at(run, r[regs[i]].u).len;
    return len;
}

static uint32_t concat(struct interp_run *run, const union interp_word *r, const uint8_t *regs,
                       uint32_t count, uint64_t len)
{
    uint32_t ref = interp_take(run, (uint32_t)interp_text_bytes(len), run->image->str_type, (uint32_t)len);
    uint8_t *at = interp_write_at(run, ref) + sizeof(struct interp_object);
    for (uint32_t i = 0; i < count; i++) {
        struct vk_span text = interp_text_at(run, r[regs[i]].u);
        vk_copy_short(at, text.ptr, text.len);
        at += text.len;
    }
    return ref;
}

/*
 * A native wanted room that a collection has to make first: then it has done
 * nothing, and is called again. One that could do without the room is done.
 */
static bool is_wanted(struct interp_run *run, enum interp_say say, const struct interp_call *call)
{
    if (say == INTERP_TRAP && call->trap == INTERP_TRAP_MEMORY)
        return true;
    run->p->gc.phase = INTERP_GC_IDLE;
    return false;
}

/* What is given to a native that the running fiber, which is saved, calls with these arguments. */
static inline void open_call(struct interp_run *run, const struct interp_link *link,
                             struct interp_fiber *fiber, const union interp_word *args, int64_t left,
                             struct interp_call *call, struct proc_done *room)
{
    if (VK_UNLIKELY(fiber->has_done))
        *room = fiber->done;
    *call = (struct interp_call){.run = run,
                                 .args = args,
                                 .done = fiber->has_done ? room : NULL,
                                 .step = fiber->step,
                                 .type = link->result,
                                 .refs = link->refs,
                                 .scalars = link->scalars,
                                 .left = left,
                                 .host = link->host};
    fiber->has_done = false;
    fiber->window_refs = link->refs;
    run->call = call;
    run->p->call_top = run->p->top;
}

/* It has not simply been done: what it needs when it is called again. */
static enum interp_say keep_call(struct interp_run *run, enum interp_say say, struct interp_call *call)
{
    struct interp_fiber *fiber = interp_fiber_at(run, run->p->current);
    if (run->p->gc.phase != INTERP_GC_IDLE && is_wanted(run, say, call)) {
        fiber->has_done = call->done != NULL;
        return INTERP_COLLECT;
    }
    if (say == INTERP_WAIT || say == INTERP_FULL || say == INTERP_AGAIN) {
        fiber->step = call->step;
        fiber->has_done = say == INTERP_FULL && call->done != NULL;
    } else {
        fiber->step = 0;
        fiber->window_refs = 0;
    }
    return say;
}

enum proc_run interp_loop(struct interp_run *run)
{
    static const void *const labels[INTERP_OP_END] = {
#define LABEL(name, operands, effects) &&L_##name,
        INTERP_OPS(LABEL)
#undef LABEL
    };
    const struct interp_run here = *run; /* never passed on, so its members stay in registers */
    struct interp_process *const p = here.p;
    struct proc_self *const self = (void *)here.heap;
    const struct interp_image *const image = here.image;
    const uint32_t *const code = image->code;
    const uint32_t *const *const calls = image->calls;
    const uint32_t *pc, *callee;
    union interp_word *r, *limit, *window;
    uint64_t need;
    int64_t budget = self->budget < p->cpu_left ? self->budget : (int64_t)p->cpu_left;
    const int64_t given = budget;
    uint32_t in;
    enum proc_run ret;

    if (p->current == 0)
        goto schedule;
    LOAD();
    NEXT;

#include "interp/run_scalars.h"

#include "interp/run_objects.h"

    /* ---- calls ---- */

/* The link: byte offset of where to go on in the code, and of the caller's frame below this one. */
#define ENTER(skip_)                                                                        \
    do {                                                                                    \
        uint32_t frame_ = callee[-1];                                                       \
        if (VK_UNLIKELY(window + INTERP_FRAME_REGS(frame_) > limit))                        \
            goto grow;                                                                      \
        window[-1].u = (uint64_t)((uint8_t *)window - (uint8_t *)r) << 32 |                 \
                       (uint32_t)((const uint8_t *)(pc + (skip_)) - (const uint8_t *)code); \
        if (INTERP_FRAME_ZERO(frame_)) {                                                    \
            union interp_word *zero_ = window + INTERP_FRAME_PARAMS(frame_);                \
            for (uint32_t i_ = INTERP_FRAME_ZERO(frame_); i_ > 0; i_--)                     \
                (zero_++)->u = 0;                                                           \
        }                                                                                   \
        r = window;                                                                         \
        pc = callee;                                                                        \
        SPEND(pc);                                                                          \
    } while (0)

#define LEAVE()                                                                        \
    do {                                                                               \
        r = (union interp_word *)(void *)((uint8_t *)r - (link >> 32));                \
        pc = (const uint32_t *)(const void *)((const uint8_t *)code + (uint32_t)link); \
    } while (0)

    OP(CALL)
    {
        window = r + A;
        callee = calls[WIDE];
        ENTER(1);
        NEXT;
    }
    OP(CALLS)
    {
        window = r + A;
        callee = calls[WIDE];
        ENTER(0);
        NEXT;
    }
    OP(CALLC)
    {
        uint64_t closure = r[B].u;
        window = r + A;
        callee = calls[image->types[((struct interp_object *)READ(closure))->type].key];
        if (VK_UNLIKELY(window + INTERP_FRAME_REGS(callee[-1]) > limit))
            goto grow;
        window[0].u = closure;
        place_scalars(window, callee[-1]);
        ENTER(1);
        NEXT;
    }
    OP(RET)
    {
        uint64_t link = r[-1].u;
        if (VK_UNLIKELY(link >> 32 == 0)) {
            interp_fiber_ended(run, 0, false);
            goto ended;
        }
        LEAVE();
        NEXT;
    }
    OP(RETS)
    {
        uint64_t link = r[-1].u;
        union interp_word value = r[A];
        if (VK_UNLIKELY(link >> 32 == 0)) {
            interp_fiber_ended(run, value.u, false);
            goto ended;
        }
        r[0] = value;
        LEAVE();
        NEXT;
    }
    OP(RETR)
    {
        uint64_t link = r[-1].u;
        union interp_word value = r[A];
        if (VK_UNLIKELY(link >> 32 == 0)) {
            interp_fiber_ended(run, value.u, true);
            goto ended;
        }
        LEAVE();
        if (pc[-1] != INTERP_RESULT_NONE)
            r[pc[-1] & 255] = value;
        NEXT;
    }
    OP(CALLN)
    {
        const struct interp_link *link = &image->natives[WIDE];
        struct interp_fiber *fiber = interp_fiber_at(&here, p->current);
        uint32_t collections = p->collections;
        struct interp_call call;
        struct proc_done done;
        SAVE(pc - 1);
        fiber->window = (uint8_t)A;
        open_call(run, link, fiber, r + A, budget, &call, &done);
        enum interp_say say = link->fn(&call);
        run->call = NULL;
        if (VK_UNLIKELY(p->collections != collections)) { /* all has moved */
            fiber = interp_fiber_at(&here, p->current);
            LOAD();
            pc++;
        }
        budget -= call.cost + p->gc_cost;
        p->gc_cost = 0;
        if (VK_LIKELY(say == INTERP_DONE && p->gc.phase == INTERP_GC_IDLE)) {
            fiber->step = 0;
            fiber->window_refs = 0;
        } else if ((say = keep_call(run, say, &call)) != INTERP_DONE) {
            if (say == INTERP_WAIT)
                goto schedule;
            if (say == INTERP_FULL || say == INTERP_AGAIN)
                goto again;
            if (say == INTERP_COLLECT)
                goto later;
            if (say == INTERP_PASS) {
                pc++;
                SAVE(pc);
                interp_fiber_ready(run, p->current);
                if (VK_UNLIKELY(--budget < 0))
                    goto again_later;
                goto schedule;
            }
            if (say == INTERP_END) {
                ret = PROC_RUN_END;
                goto leave;
            }
            p->trap = call.trap;
            goto trapped;
        }
        pc++;
        if (interp_is_reference(call.type)) {
            if (pc[-1] != INTERP_RESULT_NONE)
                r[pc[-1] & 255].u = call.result.u;
        } else if (call.type == 0) {
            r[A] = call.result;
        }
        SPEND(pc);
        NEXT;
    }
    OP(FAIL)
    {
        p->trap_text = (uint32_t)r[A].u;
        p->trap = B ? INTERP_TRAP_ASSERT : INTERP_TRAP_FAIL;
        goto trapped;
    }
    OP(TRAP)
    {
        p->trap = A;
        goto trapped;
    }

    /* ---- fibers ---- */

    OP(SPAWN)
    {
        callee = calls[WIDE];
        struct interp_fiber *fiber = interp_fiber_at(&here, p->current);
        uint32_t frame = callee[-1], params = INTERP_FRAME_PARAMS(frame), refs = INTERP_FRAME_REFS(frame);
        SAVE(pc - 1);
        fiber->window = (uint8_t)A;
        fiber->window_refs = (uint8_t)params;
        p->call_top = p->top;
        uint32_t ref = interp_fiber_new(run, WIDE, INTERP_SPAWN_WORDS);
        if (VK_UNLIKELY(p->gc.phase != INTERP_GC_IDLE))
            goto later;
        LOAD();
        interp_fiber_at(&here, p->current)->window_refs = 0;
        pc++;
        if (VK_UNLIKELY(ref == 0)) {
            p->trap = p->fibers == INTERP_FIBERS_MAX ? INTERP_TRAP_FIBERS : interp_memory_trap(&here);
            goto trapped;
        }
        struct interp_fiber *child = interp_fiber_at(&here, ref);
        window = (union interp_word *)WRITE(child->stack + child->base);
        memcpy(window, r + A, 8 * (size_t)params);
        memcpy(window + refs, r + A + refs, 8 * (size_t)INTERP_FRAME_SCALARS(frame));
        interp_fiber_ready(run, ref);
        r[*pc++ & 255].u = ref;
        NEXT;
    }
    OP(AWAIT)
    OP(AWAITS)
    {
        uint32_t target = (uint32_t)r[B].u;
        const struct interp_fiber *fiber = interp_fiber_at(&here, target);
        if (VK_LIKELY(fiber->state == INTERP_FIBER_ENDED)) {
            r[A].u = fiber->result;
            NEXT;
        }
        if (VK_UNLIKELY(interp_is_cycle(run, p->current, target)))
            TRAP(DEADLOCK);
        SAVE(pc - 1);
        interp_fiber_await(run, target);
        goto schedule;
    }

ended:
    if (p->current == p->root) {
        p->result = interp_fiber_at(&here, p->root)->result;
        ret = PROC_RUN_END;
        goto leave;
    }
schedule: /* the running fiber is saved, or has ended */
    p->current = p->run_first;
    if (VK_UNLIKELY(p->current == 0)) {
        if (p->waiting) {
            ret = PROC_RUN_WAIT;
            goto leave;
        }
        p->current = p->root;
        p->trap = INTERP_TRAP_DEADLOCK;
        goto failed;
    }
    p->run_first = interp_fiber_at(&here, p->current)->next;
    LOAD();
    NEXT;

    /* ---- what happens rarely ---- */

collect : { /* then the instruction is executed again */
    pc--;
    SAVE(pc);
    bool has_room = interp_collect(run, p->top, need);
    if (p->gc.phase != INTERP_GC_IDLE)
        goto later;
    LOAD(); /* the stack may have moved even so */
    budget -= p->gc_cost;
    p->gc_cost = 0;
    if (!has_room) {
        pc++;
        p->trap = interp_memory_trap(&here);
        goto trapped;
    }
    NEXT;
}

later: /* the collection that is wanted goes first, in slices; the running fiber is saved */
    ret = PROC_RUN_AGAIN;
    goto leave;

grow : { /* the callee's frame does not fit: a larger stack, then the call again */
    struct interp_fiber *fiber = interp_fiber_at(&here, p->current);
    pc--;
    SAVE(pc);
    fiber->window = (uint8_t)A;
    fiber->window_refs = (uint8_t)INTERP_FRAME_PARAMS(callee[-1]);
    if ((in & 255) == INTERP_OP_CALLC) /* whose first reference is put there by the call itself */
        window[0].u = 0;
    uint32_t words = (uint32_t)(window - r) + INTERP_FRAME_REGS(callee[-1]) + 1 + fiber->base / 8;
    p->call_top = p->top;
    bool is_grown = interp_stack_grow(run, words);
    if (p->gc.phase != INTERP_GC_IDLE)
        goto later;
    LOAD();
    budget -= words / 8 + p->gc_cost;
    p->gc_cost = 0;
    interp_fiber_at(&here, p->current)->window_refs = 0;
    if (!is_grown) {
        pc++;
        p->trap = interp_memory_trap(&here);
        goto trapped;
    }
    NEXT;
}

again_later: /* the running fiber is in the queue */
    p->current = 0;
again:
    ret = PROC_RUN_AGAIN;
    if (budget < 0 && (uint64_t)(given - budget) > p->cpu_left) {
        if (p->current == 0)
            p->current = p->root;
        LOAD();
        pc++;
        TRAP(CPU);
    }
    goto leave;

trapped: /* pc stands behind the instruction */
    SAVE(pc - 1);
failed:
    ret = PROC_RUN_FAIL;
leave : {
    uint64_t spent = (uint64_t)(given - budget);
    p->cpu_left -= spent < p->cpu_left ? spent : p->cpu_left;
    self->budget -= spent < self->budget ? (uint32_t)spent : self->budget;
    if (p->high < p->top)
        p->high = p->top;
    return ret;
}
}
