/* SPDX-License-Identifier: Apache-2.0 */
/* The report of a trap: what, where, and the calls that led there, as one line of the log. */
#include "interp/interp_impl.h"
#include "interp/program.h"
#include "interp/text/utf8.h"
#include "vk/fmt.h"

#define REPORT_BYTES 512u
#define TEXT_BYTES   360u /* of the reason that the program gave; an assertion has room in it */
#define CALLS_MAX    8u

/* Of the line about the other fibers. */
#define OTHERS_CALLS_MAX 3u
#define OTHERS_BYTES     360u /* no further fiber is named behind this */

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
    uint32_t function = interp_image_function_at(image, pc);
    const char *name = interp_module_name(&image->module, image->functions[function].name);
    uint32_t line = interp_image_line_at(image, function, pc);
    vk_out_fmt(out, "%s", name);
    if (line)
        vk_out_fmt(out, ":%u", line);
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
    }
}

void interp_describe(const struct interp_run *run, struct vk_out *out)
{
    put_reason(run, out);
    put_calls(run, out, run->p->current, CALLS_MAX);
}

static const char *const state_texts[] = {
    [INTERP_FIBER_READY] = "ready",
    [INTERP_FIBER_AWAITS] = "awaits a fiber",
    [INTERP_FIBER_OP] = "waits",
};

struct others {
    struct vk_out out;
    uint32_t count; /* named */
    uint32_t more;
};

static void put_other(const struct interp_run *run, struct others *o, uint32_t ref)
{
    const struct interp_fiber *fiber = interp_fiber_at(run, ref);
    if (ref == run->p->current || fiber->state == INTERP_FIBER_ENDED)
        return;
    if (vk_out_span(&o->out).len > OTHERS_BYTES) {
        o->more++;
        return;
    }
    vk_out_fmt(&o->out, "%s%s", o->count++ ? "; " : "other fibers: ", state_texts[fiber->state]);
    put_calls(run, &o->out, ref, OTHERS_CALLS_MAX);
}

/* Those that wait for a fiber. Returns the first of them, or 0. */
static uint32_t put_waiters(const struct interp_run *run, struct others *o, uint32_t ref)
{
    uint32_t last = interp_fiber_at(run, ref)->waiters, at = last;
    for (uint32_t i = 0; at && i < INTERP_FIBERS_MAX; i++) {
        at = interp_fiber_at(run, at)->next;
        put_other(run, o, at);
        if (at == last)
            break;
    }
    return last ? interp_fiber_at(run, last)->next : 0;
}

/* A fiber, those that wait for it, and those that wait for the first of them, and so on. */
static void put_chain(const struct interp_run *run, struct others *o, uint32_t ref)
{
    put_other(run, o, ref);
    for (uint32_t i = 0; ref && i < INTERP_FIBERS_MAX; i++)
        ref = put_waiters(run, o, ref);
}

/* Of an entry: one that waits with an end stands in the list of another fiber or can run, too. */
static bool waits_for_kernel(const struct interp_run *run, uint64_t entry)
{
    return !(entry & 1) && entry != 0 && interp_fiber_at(run, (uint32_t)entry)->state == INTERP_FIBER_OP;
}

/* Those that can run, those that wait for the kernel, and who waits for them or for the running one. */
static void put_others(const struct interp_run *run, struct others *o)
{
    const struct interp_process *p = run->p;
    const struct interp_table *table = p->table ? (const void *)interp_write_at(run, p->table) : NULL;
    put_chain(run, o, p->current);
    for (uint32_t at = p->run_first, i = 0; at && i < INTERP_FIBERS_MAX; i++) {
        put_chain(run, o, at);
        at = at == p->run_last ? 0 : interp_fiber_at(run, at)->next;
    }
    for (uint32_t i = 0; table && i < table->head.count; i++)
        if (waits_for_kernel(run, table->entries[i]))
            put_chain(run, o, (uint32_t)table->entries[i]);
}

/* A second line, where there is room for it. */
static void report_others(struct interp_run *run, uint32_t off)
{
    struct interp_process *p = run->p;
    if (off + REPORT_BYTES > p->end)
        return;
    struct others o = {0};
    vk_out_init(&o.out, run->heap + off, REPORT_BYTES);
    put_others(run, &o);
    if (o.count == 0)
        return;
    if (o.more)
        vk_out_fmt(&o.out, "; and %u more", o.more);
    uint32_t len = (uint32_t)vk_out_span(&o.out).len;
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
    put_calls(run, &out, p->current, CALLS_MAX);
    struct vk_span text = vk_out_span(&out);
    p->top = VK_ALIGN_UP(off + (uint32_t)text.len, 8u);
    const struct proc_op op = {.code = PROC_OP_LOG, .off = off, .len = (uint32_t)text.len};
    (void)interp_submit_silent(run, &op); /* with ops[] full the death is reported without it */
    (void)interp_actor_leave(run);        /* likewise */
    report_others(run, p->top);
}
