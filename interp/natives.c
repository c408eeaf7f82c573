/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the natives that every program has, and those of assertions, log, clock and process. */
#include "interp/natives_impl.h"
#include "interp/text/utf8.h"

#define ASSERT_PART_BYTES 80u

static enum interp_say give_ref(struct interp_call *call, uint32_t index)
{
    call->result.u = interp_call_ref(call, index);
    return INTERP_DONE;
}

/* One side of an assertion's comparison: as much of its text as a line of the log has room for. */
enum interp_say interp_assert_part(struct interp_call *call)
{
    struct vk_span text = interp_call_text(call, 0);
    size_t len = ASSERT_PART_BYTES;
    if (text.len <= len)
        return give_ref(call, 0);
    while (!interp_utf8_is_boundary(text, len))
        len--;
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), len + 3);
    if (!dst)
        return INTERP_TRAP;
    memcpy(dst, interp_call_text(call, 0).ptr, len);
    memcpy(dst + len, "...", 3);
    return INTERP_DONE;
}

/* ---- log and clock ---------------------------------------------------------------------- */

enum interp_say interp_log(struct interp_call *call)
{
    uint32_t off = interp_text_for_op(call, interp_call_ref(call, 0));
    if (!off)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    uint32_t len = (uint32_t)interp_call_text(call, 0).len;
    const struct proc_op op = {.code = PROC_OP_LOG, .off = off, .len = len};
    return interp_submit_silent(call->run, &op) ? INTERP_DONE : INTERP_FULL;
}

enum interp_say interp_sleep(struct interp_call *call)
{
    int64_t ns = interp_call_scalar(call, 0).i;
    if (call->done && call->done->res < 0) /* refused: it did not sleep */
        return interp_call_fail(call, VK_SPAN_LIT("too many waits at once"));
    if (call->done)
        return INTERP_DONE;
    if (ns <= 0)
        return INTERP_PASS;
    const struct proc_op op = {.code = PROC_OP_SLEEP, .arg = (uint64_t)ns};
    return interp_call_submit(call, &op);
}

enum interp_say interp_pass_turn(struct interp_call *call)
{
    (void)call;
    return INTERP_PASS;
}

enum interp_say interp_now(struct interp_call *call)
{
    call->result.u = interp_self(call->run)->now_ns;
    return INTERP_DONE;
}

enum interp_say interp_time(struct interp_call *call)
{
    call->result.i = interp_self(call->run)->wall_s;
    return INTERP_DONE;
}

/* ---- references and the process ------------------------------------------------------- */

enum interp_say interp_ref_same(struct interp_call *call)
{
    call->result.u = interp_call_ref(call, 0) == interp_call_ref(call, 1);
    return INTERP_DONE;
}

enum interp_say interp_process_end(struct interp_call *call)
{
    (void)call;
    return INTERP_END;
}

/* ---- tables ----------------------------------------------------------------------------- */

#define NATIVE(name, signature, fn) {name, signature, fn},
const struct interp_native interp_natives[] = {INTERP_NATIVES(NATIVE){0}};
const struct interp_native interp_list_natives[] = {INTERP_LIST_NATIVES(NATIVE){0}};
const struct interp_native interp_text_natives[] = {INTERP_TEXT_NATIVES(NATIVE){0}};
#undef NATIVE
