/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turns of an actor. Its process keeps one RECV in flight while it waits
 * for a turn, with a tag of its own, so that timers wake it too; a message
 * that lands meanwhile is kept until its turn. A timer that is due goes before
 * messages, but not twice in a row when one has come.
 */
#include "interp/actor.h"

#include "interp/interp_impl.h"
#include "interp/message.h"
#include "interp/text/time.h"
#include "vk/err.h"
#include "vk/fmt.h"

#define TAG_TIMER (2 * INTERP_TAG_OWN) /* plus its number */

enum { INBOX_IDLE, INBOX_ASKED, INBOX_ARRIVED };
enum { TURN_MESSAGE, TURN_TIMER };

void interp_actor_done(struct interp_run *run, const struct proc_done *done)
{
    struct interp_process *p = run->p;
    if (done->tag == INTERP_TAG_RECV) {
        p->inbox_state = done->res == 0 ? INBOX_ARRIVED : INBOX_IDLE;
        p->inbox_arg = done->arg;
    } else if (done->res == 0) {
        p->timers_due |= (uint64_t)1 << (done->tag & (INTERP_TIMERS_MAX - 1));
    }
    if (done->res < 0) /* asked for again at once, it would fail again: without end, and at no cost */
        p->turn_error = done->res;
    if (!p->server)
        return;
    p->waiting--;
    interp_fiber_ready(run, p->server);
    p->server = 0;
}

bool interp_actor_begin(struct interp_run *run)
{
    struct proc_self *self = interp_self(run);
    uint32_t len = self->mail_len;
    if (len == 0)
        return true;
    uint32_t ref = interp_alloc(run, interp_text_bytes(len), INTERP_OWN_RAW, len);
    if (!ref)
        return false;
    memcpy(interp_write_at(run, interp_text_off(ref)), proc_at(self, self->mail_off), len);
    run->p->inbox = ref;
    run->p->inbox_state = INBOX_ARRIVED;
    run->p->inbox_arg = self->mail_arg;
    return true;
}

bool interp_actor_is_in_turn(const struct interp_run *run)
{
    const struct interp_process *p = run->p;
    return p->actor && p->inbox_state == INBOX_IDLE && interp_is_cycle(run, p->current, p->root);
}

static bool submit(struct interp_run *run, const struct proc_op *op)
{
    struct proc_op *slot = proc_op_next(interp_self(run));
    if (!slot)
        return false;
    *slot = *op;
    return true;
}

/* ---- the next turn ------------------------------------------------------------------ */

/* Asks for a message unless one is on its way or has come. false: ops[] is full. */
static bool ask_for_message(struct interp_run *run)
{
    const struct proc_op recv = {
        .code = PROC_OP_RECV, .flags = PROC_OP_LAND, .len = PROC_MESSAGE_MAX_BYTES, .tag = INTERP_TAG_RECV};
    if (run->p->inbox_state != INBOX_IDLE)
        return true;
    if (!submit(run, &recv))
        return false;
    run->p->inbox_state = INBOX_ASKED;
    return true;
}

static enum interp_say wait_for_turn(struct interp_run *run)
{
    struct interp_process *p = run->p;
    interp_fiber_at(run, p->current)->state = INTERP_FIBER_OP;
    p->server = p->current;
    p->waiting++;
    return INTERP_WAIT;
}

/* The message in the inbox has no turn: who waits for it, if anybody does, hears why. */
static bool refuse(struct interp_run *run, int why)
{
    const struct proc_op op = {.code = PROC_OP_REPLY,
                               .flags = PROC_OP_SILENT,
                               .arg = (uint32_t)run->p->inbox_arg | (uint64_t)(uint32_t)why << 32};
    return (uint32_t)op.arg == 0 || submit(run, &op);
}

bool interp_actor_leave(struct interp_run *run)
{
    struct interp_process *p = run->p;
    if (p->inbox_state != INBOX_ARRIVED)
        return true;
    if (!refuse(run, -VK_ECANCELED))
        return false;
    p->inbox_state = INBOX_IDLE;
    return true;
}

/* The message becomes what landed for the running fiber. false: no method of its; it is dropped. */
static bool take_message(struct interp_call *call, const struct interp_actor *actor)
{
    struct interp_run *run = call->run;
    struct interp_process *p = run->p;
    const struct interp_method *methods = interp_module_at(&run->image->module, actor->methods);
    struct interp_letter letter = {0};
    struct vk_span bytes = p->inbox ? interp_text(run, p->inbox) : vk_span("", 0);
    if (bytes.len >= sizeof letter)
        memcpy(&letter, bytes.ptr, sizeof letter);
    for (uint32_t i = 0; i < actor->methods.count; i++) {
        if (methods[i].hash != letter.hash)
            continue;
        interp_fiber_at(run, p->current)->landed = p->inbox;
        p->inbox = 0;
        p->caller = (uint32_t)p->inbox_arg;
        call->result.u = i;
        return true;
    }
    p->inbox = 0;
    return false;
}

static enum interp_say begin_timer(struct interp_call *call, const struct interp_actor *actor)
{
    struct interp_process *p = call->run->p;
    uint32_t timer = (uint32_t)__builtin_ctzll(p->timers_due);
    p->timers_due &= p->timers_due - 1;
    p->last_turn = TURN_TIMER;
    call->result.u = actor->methods.count + timer;
    return INTERP_DONE;
}

/* The turn that goes first; the next message is asked for before a timer begins, so that it has its chance.
 */
static enum interp_say next_turn(struct interp_call *call, const struct interp_actor *actor)
{
    struct interp_process *p = call->run->p;
    for (;;) {
        if (!ask_for_message(call->run))
            return INTERP_FULL;
        bool has_message = p->inbox_state == INBOX_ARRIVED;
        if (p->timers_due && !(has_message && p->last_turn == TURN_TIMER))
            return begin_timer(call, actor);
        if (!has_message)
            return wait_for_turn(call->run);
        if (interp_self(call->run)->ops_count == PROC_RING_ENTRIES)
            return INTERP_FULL;
        p->inbox_state = INBOX_IDLE;
        p->last_turn = TURN_MESSAGE;
        if (take_message(call, actor))
            return INTERP_DONE;
        (void)refuse(call->run, -VK_ENOENT); /* a method that this version does not have; there was room */
    }
}

static enum interp_say cannot_wait(struct interp_call *call)
{
    char text[128];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "the actor can wait for no message or timer: %s", vk_err_text(call->run->p->turn_error));
    return interp_call_trap_text(call, INTERP_TRAP_AWAIT, vk_out_span(&out));
}

static enum interp_say actor_next(struct interp_call *call)
{
    struct interp_process *p = call->run->p;
    const struct interp_module *module = &call->run->image->module;
    const struct interp_services *services = interp_module_services(module);
    uint64_t index = interp_call_scalar(call, 0).u;
    if (p->stops)
        return interp_actor_leave(call->run) ? INTERP_END : INTERP_FULL;
    if (VK_UNLIKELY(p->turn_error != 0))
        return cannot_wait(call);
    if (!services || index >= services->actors.count)
        return interp_call_trap(call, INTERP_TRAP_INDEX);
    const struct interp_actor *actor =
        (const struct interp_actor *)interp_module_at(module, services->actors) + index;
    p->actor = (uint16_t)(index + 1);
    p->caller = 0;
    p->cpu_left = interp_turn_reductions(actor);
    return next_turn(call, actor);
}

/* ---- in a turn ----------------------------------------------------------------------- */

static enum interp_say actor_params(struct interp_call *call)
{
    return interp_message_read(call, INTERP_FROM_START, 0);
}

static enum interp_say actor_args(struct interp_call *call)
{
    return interp_message_read(call, INTERP_FROM_LANDED, sizeof(struct interp_letter));
}

/* The result is no message: who waits for it hears so, and the actor, which has changed nothing, goes on. */
static enum interp_say refuse_reply(struct interp_call *call)
{
    struct interp_process *p = call->run->p;
    const struct proc_op op = {.code = PROC_OP_REPLY,
                               .flags = PROC_OP_SILENT,
                               .arg = p->caller | (uint64_t)(uint32_t)-VK_ETOOBIG << 32};
    p->trap_text = 0;
    p->caller = 0;
    (void)submit(call->run, &op); /* there is room */
    return INTERP_DONE;
}

/* The result of a turn that nobody waits for is dropped. */
static enum interp_say actor_reply(struct interp_call *call)
{
    struct interp_process *p = call->run->p;
    uint32_t off, len;
    if (!p->caller)
        return INTERP_DONE;
    if (interp_self(call->run)->ops_count == PROC_RING_ENTRIES)
        return INTERP_FULL;
    enum interp_part part = call->refs      ? INTERP_PART_REF
                            : call->scalars ? INTERP_PART_SCALAR
                                            : INTERP_PART_NONE;
    enum interp_say say = interp_message_make(call, part, 0, NULL, 0, &off, &len);
    if (say == INTERP_TRAP && call->trap == INTERP_TRAP_SENT)
        return refuse_reply(call);
    if (say != INTERP_DONE)
        return say;
    const struct proc_op op = {
        .code = PROC_OP_REPLY, .flags = PROC_OP_SILENT, .off = off, .len = len, .arg = p->caller};
    p->caller = 0;
    (void)submit(call->run, &op); /* there is room */
    return INTERP_DONE;
}

static enum interp_say no_period(struct interp_call *call, int64_t ns)
{
    uint8_t time[INTERP_DURATION_BYTES];
    char text[64 + INTERP_DURATION_BYTES];
    struct vk_out out;
    size_t len = interp_duration_print(time, ns);
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "`every` takes a Duration of at least 1ns, not %.*s", (int)len, (const char *)time);
    return interp_call_fail(call, vk_out_span(&out));
}

static enum interp_say actor_every(struct interp_call *call)
{
    uint64_t timer = interp_call_scalar(call, 0).u, ns = interp_call_scalar(call, 1).u;
    if ((int64_t)ns <= 0)
        return no_period(call, (int64_t)ns);
    if (timer >= INTERP_TIMERS_MAX)
        return interp_call_trap(call, INTERP_TRAP_INDEX);
    const struct proc_op op = {.code = PROC_OP_SLEEP, .arg = ns, .tag = TAG_TIMER + timer};
    return submit(call->run, &op) ? INTERP_DONE : INTERP_FULL;
}

static enum interp_say actor_stop(struct interp_call *call)
{
    call->run->p->stops = true;
    return INTERP_DONE;
}

const struct interp_native interp_turn_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    INTERP_TURN_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
