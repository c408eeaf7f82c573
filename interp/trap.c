/* SPDX-License-Identifier: Apache-2.0 */
/* The report of a trap: what, where, and the calls that led there, as one line of the log. */
#include "interp/interp_impl.h"
#include "interp/program.h"
#include "interp/text/float.h"
#include "interp/text/utf8.h"
#include "vk/fmt.h"

#define REPORT_BYTES 512u
#define TEXT_BYTES   360u /* of the reason that the program gave; an assertion has room in it */
#define CALLS_MAX    8u

/* Of the line about the other fibers. */
#define OTHERS_CALLS_MAX  3u
#define OTHERS_BYTES      360u /* no further one is named behind this */
#define OTHERS_GROUPS_MAX 32u  /* more places are counted only */

#define STACK_LEAST_BYTES 4096u /* a smaller stack is not what fills a heap */

static const char *const texts[INTERP_TRAP_END] = {
#define TEXT(name, text) text,
    INTERP_TRAPS(TEXT)
#undef TEXT
};

const char *interp_trap_text(uint32_t trap)
{
    return texts[trap < INTERP_TRAP_END ? trap : 0];
}

static void put_place(const struct interp_image *image, struct vk_out *out, uint32_t pc)
{
    const struct interp_place place = interp_image_place(image, pc);
    vk_out_fmt(out, "%s", place.function);
    if (place.line && *place.file)
        vk_out_fmt(out, " (%s:%u)", place.file, place.line);
    else if (place.line)
        vk_out_fmt(out, ":%u", place.line);
}

/* The calls of a fiber, the innermost first, as many as `most`. */
static void put_calls(const struct interp_run *run, struct vk_out *out, uint32_t ref, uint32_t most)
{
    const struct interp_fiber *fiber = interp_fiber_at(run, ref);
    uint32_t at = fiber->base, pc = fiber->pc;
    VK_OUT_LIT(out, " in ");
    for (uint32_t i = 0; fiber->stack; i++) {
        put_place(run->image, out, pc);
        const union interp_word *r = (void *)interp_write_at(run, fiber->stack + at);
        uint32_t distance = (uint32_t)(r[-1].u >> 32);
        if (distance == 0)
            return;
        if (i == most) {
            VK_OUT_LIT(out, " < ...");
            return;
        }
        pc = (uint32_t)r[-1].u / 4 - 1;
        at -= distance;
        VK_OUT_LIT(out, " < ");
    }
}

/*
 * The trap is the recursion's when the stack holds a quarter of what is
 * alive: frames without end often make objects without end.
 */
enum interp_trap interp_memory_trap(const struct interp_run *run)
{
    const struct interp_process *p = run->p;
    uint32_t stack_bytes = p->current ? interp_fiber_at(run, p->current)->base : 0;
    return stack_bytes > STACK_LEAST_BYTES && stack_bytes >= (p->top - p->floor) / 4 ? INTERP_TRAP_STACK
                                                                                     : INTERP_TRAP_MEMORY;
}

/* Of an instruction that converts: what it was given. */
static void put_converted(const struct interp_run *run, struct vk_out *out)
{
    const struct interp_fiber *fiber = interp_fiber_at(run, run->p->current);
    const union interp_word *r = (void *)interp_write_at(run, fiber->stack + fiber->base);
    uint32_t in = run->image->code[fiber->pc];
    uint8_t text[INTERP_FLOAT_BYTES];
    if ((in & 255) != INTERP_OP_FTOI)
        return;
    size_t len = interp_float_print(text, r[in >> 16 & 255].f);
    vk_out_fmt(out, ": to_int of %.*s", (int)len, (const char *)text);
}

/* What the trap is, and what the program says to it. */
static void put_reason(const struct interp_run *run, struct vk_out *out)
{
    const struct interp_process *p = run->p;
    vk_out_fmt(out, "%s", interp_trap_text(p->trap));
    if (p->trap_text) {
        struct vk_span text = interp_text(run, p->trap_text);
        size_t len = text.len < TEXT_BYTES ? text.len : TEXT_BYTES;
        while (!interp_utf8_is_boundary(text, len))
            len--;
        vk_out_fmt(out, ": %.*s", (int)len, (const char *)text.ptr);
    } else if (p->trap == INTERP_TRAP_CONVERT) {
        put_converted(run, out);
    }
}

void interp_describe(const struct interp_run *run, struct vk_out *out)
{
    put_reason(run, out);
    put_calls(run, out, run->p->current, CALLS_MAX);
}

/* Of one, and of several. */
static const char *const state_texts[][2] = {
    [INTERP_FIBER_READY] = {"ready", "ready"},
    [INTERP_FIBER_AWAITS] = {"awaits a fiber", "await a fiber"},
    [INTERP_FIBER_OP] = {"waits", "wait"},
};

/* Fibers that stand at the same place, called from the same ones. */
struct group {
    uint32_t fiber; /* one of them */
    uint32_t count;
    uint32_t pcs[OTHERS_CALLS_MAX + 1]; /* of its calls, the innermost first; 0 behind the last */
};

struct others {
    struct group groups[OTHERS_GROUPS_MAX];
    uint32_t count; /* of groups */
    uint32_t more;  /* fibers of no group */
};

static struct group group_of(const struct interp_run *run, uint32_t ref)
{
    const struct interp_fiber *fiber = interp_fiber_at(run, ref);
    struct group g = {.fiber = ref, .count = 1};
    uint32_t at = fiber->base, pc = fiber->pc;
    for (uint32_t i = 0; fiber->stack && i <= OTHERS_CALLS_MAX; i++) {
        const union interp_word *r = (void *)interp_write_at(run, fiber->stack + at);
        uint32_t distance = (uint32_t)(r[-1].u >> 32);
        g.pcs[i] = pc;
        if (distance == 0)
            break;
        pc = (uint32_t)r[-1].u / 4 - 1;
        at -= distance;
    }
    return g;
}

static bool is_of(const struct interp_run *run, const struct group *group, const struct group *one)
{
    return interp_fiber_at(run, group->fiber)->state == interp_fiber_at(run, one->fiber)->state &&
           memcmp(group->pcs, one->pcs, sizeof one->pcs) == 0;
}

static void add_other(const struct interp_run *run, struct others *o, uint32_t ref)
{
    if (ref == run->p->current || interp_fiber_at(run, ref)->state == INTERP_FIBER_ENDED)
        return;
    const struct group one = group_of(run, ref);
    for (uint32_t i = 0; i < o->count; i++)
        if (is_of(run, &o->groups[i], &one)) {
            o->groups[i].count++;
            return;
        }
    if (o->count < OTHERS_GROUPS_MAX)
        o->groups[o->count++] = one;
    else
        o->more++;
}

/* Those that wait for a fiber. Returns the first of them, or 0. */
static uint32_t add_waiters(const struct interp_run *run, struct others *o, uint32_t ref)
{
    uint32_t last = interp_fiber_at(run, ref)->waiters, at = last;
    for (uint32_t i = 0; at && i < INTERP_FIBERS_MAX; i++) {
        at = interp_fiber_at(run, at)->next;
        add_other(run, o, at);
        if (at == last)
            break;
    }
    return last ? interp_fiber_at(run, last)->next : 0;
}

/* A fiber, those that wait for it, and those that wait for the first of them, and so on. */
static void add_chain(const struct interp_run *run, struct others *o, uint32_t ref)
{
    add_other(run, o, ref);
    for (uint32_t i = 0; ref && i < INTERP_FIBERS_MAX; i++)
        ref = add_waiters(run, o, ref);
}

/* Of an entry: one that waits with an end stands in the list of another fiber or can run, too. */
static bool waits_for_kernel(const struct interp_run *run, uint64_t entry)
{
    return !(entry & 1) && entry != 0 && interp_fiber_at(run, (uint32_t)entry)->state == INTERP_FIBER_OP;
}

/* Those that can run, those that wait for the kernel, and who waits for them or for the running one. */
static void add_others(const struct interp_run *run, struct others *o)
{
    const struct interp_process *p = run->p;
    const struct interp_table *table = p->table ? (const void *)interp_write_at(run, p->table) : NULL;
    add_chain(run, o, p->current);
    for (uint32_t at = p->run_first, i = 0; at && i < INTERP_FIBERS_MAX; i++) {
        add_chain(run, o, at);
        at = at == p->run_last ? 0 : interp_fiber_at(run, at)->next;
    }
    for (uint32_t i = 0; table && i < table->head.count; i++)
        if (waits_for_kernel(run, table->entries[i]))
            add_chain(run, o, (uint32_t)table->entries[i]);
}

static void put_groups(const struct interp_run *run, struct others *o, struct vk_out *out)
{
    for (uint32_t i = 0; i < o->count; i++) {
        const struct group *g = &o->groups[i];
        const char *const *state = state_texts[interp_fiber_at(run, g->fiber)->state];
        if (vk_out_span(out).len > OTHERS_BYTES) {
            o->more += g->count;
            continue;
        }
        vk_out_fmt(out, "%s", i ? "; " : "other fibers: ");
        if (g->count > 1)
            vk_out_fmt(out, "%u fibers %s", g->count, state[1]);
        else
            vk_out_fmt(out, "%s", state[0]);
        put_calls(run, out, g->fiber, OTHERS_CALLS_MAX);
    }
    if (o->more)
        vk_out_fmt(out, "; and %u more", o->more);
}

/* A second line, where there is room for it. */
static void report_others(struct interp_run *run, uint32_t off)
{
    struct interp_process *p = run->p;
    if (off + REPORT_BYTES > p->end)
        return;
    struct others o = {0};
    struct vk_out out;
    add_others(run, &o);
    if (o.count == 0)
        return;
    vk_out_init(&out, run->heap + off, REPORT_BYTES);
    put_groups(run, &o, &out);
    uint32_t len = (uint32_t)vk_out_span(&out).len;
    p->top = VK_ALIGN_UP(off + len, 8u);
    const struct proc_op op = {.code = PROC_OP_LOG, .off = off, .len = len};
    (void)interp_submit_silent(run, &op);
}

/*
 * The text is written to where objects would go, above top: nothing runs in
 * this process any more.
 */
void interp_report(struct interp_run *run)
{
    struct interp_process *p = run->p;
    if (p->top + REPORT_BYTES > p->end)
        return;
    struct vk_out out;
    uint32_t off = p->top;
    vk_out_init(&out, run->heap + off, REPORT_BYTES);
    VK_OUT_LIT(&out, "trap: ");
    uint32_t words = (uint32_t)vk_out_span(&out).len;
    put_reason(run, &out);
    p->words_len = (uint32_t)vk_out_span(&out).len - words;
    p->words = off + words;
    if (p->trap == INTERP_TRAP_FAIL && p->trap_text) { /* the program's own words are all there is to say */
        p->words += (uint32_t)sizeof "failed: " - 1;
        p->words_len -= (uint32_t)sizeof "failed: " - 1;
    }
    uint32_t calls = (uint32_t)vk_out_span(&out).len + (uint32_t)sizeof " in " - 1;
    put_calls(run, &out, p->current, CALLS_MAX);
    if (vk_out_span(&out).len > calls) {
        p->place = off + calls;
        p->place_len = (uint32_t)vk_out_span(&out).len - calls;
    }
    struct vk_span text = vk_out_span(&out);
    p->top = VK_ALIGN_UP(off + (uint32_t)text.len, 8u);
    const struct proc_op op = {.code = PROC_OP_LOG, .off = off, .len = (uint32_t)text.len};
    (void)interp_submit_silent(run, &op); /* with ops[] full the death is reported without it */
    (void)interp_actor_leave(run);        /* likewise */
    report_others(run, p->top);
}
