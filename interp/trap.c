/* SPDX-License-Identifier: Apache-2.0 */
/* The report of a trap: what, where, and the calls that led there, as one line of the log. */
#include "interp/interp_impl.h"
#include "interp/program.h"
#include "vk/fmt.h"

#define REPORT_BYTES 512u
#define TEXT_BYTES   360u /* of the reason that the program gave; an assertion has room in it */
#define CALLS_MAX    8u

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

/* The calls of the running fiber, the innermost first. */
static void put_calls(const struct interp_run *run, struct vk_out *out)
{
    const struct interp_fiber *fiber = interp_fiber_at(run, run->p->current);
    uint32_t at = fiber->base, pc = fiber->pc;
    VK_OUT_LIT(out, " in ");
    for (uint32_t i = 0; fiber->stack; i++) {
        put_place(run->image, out, pc);
        const union interp_word *r = (void *)interp_write_at(run, fiber->stack + at);
        uint32_t distance = (uint32_t)(r[-1].u >> 32);
        if (distance == 0)
            return;
        if (i == CALLS_MAX) {
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
        vk_out_fmt(out, ": %.*s", (int)(text.len < TEXT_BYTES ? text.len : TEXT_BYTES),
                   (const char *)text.ptr);
    }
}

void interp_describe(const struct interp_run *run, struct vk_out *out)
{
    put_reason(run, out);
    put_calls(run, out);
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
    put_calls(run, &out);
    struct vk_span text = vk_out_span(&out);
    p->top = VK_ALIGN_UP(off + (uint32_t)text.len, 8u);
    const struct proc_op op = {.code = PROC_OP_LOG, .off = off, .len = (uint32_t)text.len};
    (void)interp_submit_silent(run, &op); /* with ops[] full the death is reported without it */
}
