/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a fiber with an end: the waiting fiber stands in the list of
 * those that wait and has a SLEEP in flight, and whichever comes first undoes
 * the other.
 */
#include "interp/actor.h"
#include "interp/interp_impl.h"
#include "interp/text/time.h"
#include "vk/fmt.h"

static VK_SELDOM enum interp_say begin(struct interp_call *call, uint32_t target)
{
    struct interp_run *run = call->run;
    int64_t ns = interp_call_scalar(call, 0).i;
    if (interp_is_cycle(run, run->p->current, target))
        return interp_call_trap(call, INTERP_TRAP_DEADLOCK);
    const struct proc_op op = {.code = PROC_OP_SLEEP, .arg = ns > 0 ? (uint64_t)ns : 0};
    enum interp_say say = interp_call_submit(call, &op);
    if (say == INTERP_WAIT)
        interp_fiber_await(run, interp_call_ref(call, 0)); /* it may have moved */
    return say;
}

/* The other one has ended: the SLEEP, if it is still to come, is nobody's. */
static VK_SELDOM enum interp_say ended(struct interp_call *call)
{
    struct interp_fiber *fiber = interp_fiber_at(call->run, call->run->p->current);
    const struct proc_op op = {.code = PROC_OP_CANCEL, .arg = fiber->slot};
    if (fiber->slot == 0)
        return INTERP_DONE;
    if (!interp_submit_silent(call->run, &op))
        return INTERP_FULL;
    interp_fiber_disown(call->run);
    return INTERP_DONE;
}

static VK_SELDOM enum interp_say fiber_wait(struct interp_call *call)
{
    uint32_t target = interp_call_ref(call, 0);
    char text[64];
    struct vk_out out;
    if (interp_fiber_at(call->run, target)->state == INTERP_FIBER_ENDED)
        return ended(call);
    if (!call->done)
        return begin(call, target);
    uint8_t time[INTERP_DURATION_BYTES];
    size_t len = interp_duration_print(time, interp_call_scalar(call, 0).i);
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "the fiber did not end in %.*s", (int)len, (const char *)time);
    return interp_call_trap_text(call, INTERP_TRAP_AWAIT, vk_out_span(&out));
}

const struct interp_native interp_wait_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    INTERP_WAIT_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
