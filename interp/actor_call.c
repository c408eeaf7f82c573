/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting actors and asking them. A native makes the message, gives the op to
 * the service, and says what came of it; what fails names actor and method.
 */
#include "interp/actor.h"
#include "interp/interp_impl.h"
#include "interp/message.h"
#include "interp/text/time.h"
#include "interp/text/utf8.h"
#include "proc/service.h"
#include "vk/err.h"
#include "vk/fmt.h"

#define TEXT_BYTES 400u /* four names and what is between them */
#define START_COST 16u  /* reductions of a start that is no op of its own */

/* ---- names ---------------------------------------------------------------------- */

static const struct interp_actor *actor_at(const struct interp_call *call, uint64_t index)
{
    const struct interp_module *module = &call->run->image->module;
    const struct interp_services *services = interp_module_services(module);
    if (!services || index >= services->actors.count)
        return NULL;
    return (const struct interp_actor *)interp_module_at(module, services->actors) + index;
}

static const char *name_of(const struct interp_call *call, uint32_t name)
{
    return interp_module_name(&call->run->image->module, name);
}

/* The actor and method that the call's first scalar names. */
struct asked {
    const struct interp_actor *actor;
    const struct interp_method *method; /* NULL: none */
};

static struct asked asked_of(const struct interp_call *call)
{
    uint64_t number = interp_call_scalar(call, 0).u;
    const struct interp_actor *actor = actor_at(call, number >> 16);
    if (!actor || (number & 0xffff) >= actor->methods.count)
        return (struct asked){0};
    const struct interp_method *methods = interp_module_at(&call->run->image->module, actor->methods);
    return (struct asked){actor, methods + (number & 0xffff)};
}

static uint64_t address_of(const struct interp_call *call, uint32_t index)
{
    uint64_t address;
    memcpy(&address, interp_read_at(call->run, interp_call_ref(call, index)) + sizeof(struct interp_object),
           8);
    return address;
}

static enum interp_say give_address(struct interp_call *call, uint64_t address)
{
    uint32_t ref = interp_alloc(call->run, INTERP_HANDLE_BYTES, call->type, 0);
    call->result.u = ref;
    if (!ref)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    memcpy(interp_write_at(call->run, ref) + sizeof(struct interp_object), &address, 8);
    return INTERP_DONE;
}

/* ---- what fails ------------------------------------------------------------------- */

static VK_SELDOM void put_late(const struct interp_call *call, const struct asked *asked, struct vk_out *out)
{
    uint8_t time[INTERP_DURATION_BYTES];
    size_t len = interp_duration_print(time, interp_call_scalar(call, 1).i);
    vk_out_fmt(out, " did not answer %s in %.*s", name_of(call, asked->method->name), (int)len,
               (const char *)time);
    if (!call->done->arg)
        return;
    const struct interp_actor *self = actor_at(call, (uint64_t)call->run->p->actor - 1);
    vk_out_fmt(out, ": it waits for %s, which waits for it", self ? name_of(call, self->name) : "the caller");
}

/* The message would have found no room: its sender fails, and who was asked goes on. */
static VK_SELDOM enum interp_say fail_large(struct interp_call *call)
{
    struct asked asked = asked_of(call);
    char text[TEXT_BYTES];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "%s needs %u bytes in the heap of actor %s, which has room for %u",
               name_of(call, asked.method->name), (uint32_t)(call->done->arg >> 32),
               name_of(call, asked.actor->name), (uint32_t)call->done->arg);
    return interp_call_trap_text(call, INTERP_TRAP_SENT, vk_out_span(&out));
}

/* The answer has len bytes, for which the heap of who called has no room; 0: more than a message has. */
static VK_SELDOM enum interp_say fail_answer(struct interp_call *call, uint32_t len)
{
    struct asked asked = call->scalars ? asked_of(call) : (struct asked){0};
    char text[TEXT_BYTES];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    if (asked.method)
        vk_out_fmt(&out, "what actor %s answers to %s ", name_of(call, asked.actor->name),
                   name_of(call, asked.method->name));
    else
        VK_OUT_LIT(&out, "what the actor answers ");
    if (len == 0)
        VK_OUT_LIT(&out, "is larger than 64 KiB");
    else
        vk_out_fmt(&out, "has %u bytes, and the heap of the caller no room for them", len);
    return interp_call_trap_text(call, INTERP_TRAP_AWAIT, vk_out_span(&out));
}

/* It waited in the mailbox, for room there, or for its turn. */
static bool was_not_begun(const struct proc_done *done)
{
    return done->res == -VK_ECANCELED || (done->res == -VK_EDIED && done->arg == PROC_DIED_BEFORE);
}

/* No answer will come, though it was asked in time. */
static bool is_nobody(int res)
{
    return res == -VK_EDIED || res == -VK_ECANCELED || res == -VK_ENOENT;
}

/* The completion says that there is no answer. */
static VK_SELDOM enum interp_say fail_call(struct interp_call *call)
{
    struct asked asked = asked_of(call);
    char text[TEXT_BYTES];
    struct vk_out out;
    if (call->done->res == -VK_ETOOBIG)
        return call->done->arg ? fail_large(call) : fail_answer(call, call->done->len);
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "actor %s", name_of(call, asked.actor->name));
    if (call->done->res == -VK_ETIMEDOUT)
        put_late(call, &asked, &out);
    else if (call->done->res == -VK_EDIED && call->done->arg == INTERP_ENDED_BEFORE)
        vk_out_fmt(&out, " has ended");
    else if (was_not_begun(call->done))
        vk_out_fmt(&out, " ended before %s began", name_of(call, asked.method->name));
    else if (call->done->res == -VK_ENOENT)
        vk_out_fmt(&out, " is of a version that has no such method %s", name_of(call, asked.method->name));
    else if (call->done->res == -VK_EDIED)
        vk_out_fmt(&out, " died during %s", name_of(call, asked.method->name));
    else
        vk_out_fmt(&out, " could not be asked for %s: %s", name_of(call, asked.method->name),
                   vk_err_text(call->done->res));
    return interp_call_trap_text(call, INTERP_TRAP_AWAIT, vk_out_span(&out));
}

/* ---- asking ------------------------------------------------------------------------- */

/* Submits SEND or CALL with the message of the call's arguments. */
static enum interp_say ask(struct interp_call *call, uint16_t code, uint16_t flags, uint64_t timeout_ns)
{
    struct asked asked = asked_of(call);
    if (!asked.method)
        return interp_call_trap(call, INTERP_TRAP_INDEX);
    if (interp_self(call->run)->ops_count == PROC_RING_ENTRIES)
        return INTERP_FULL;
    const struct interp_letter letter = {address_of(call, 0), asked.method->hash};
    uint32_t off, len;
    enum interp_part part = call->refs > 1 ? INTERP_PART_REF : INTERP_PART_NONE;
    enum interp_say say = interp_message_make(call, part, 1, &letter, sizeof letter, &off, &len);
    if (say != INTERP_DONE)
        return say;
    const struct proc_op op = {.code = code,
                               .flags = flags,
                               .handle = INTERP_ACTORS_HANDLE,
                               .off = off,
                               .len = len,
                               .arg = timeout_ns};
    say = interp_call_submit(call, &op);
    if (say == INTERP_WAIT) /* an answer without room fails the call alone */
        interp_fiber_at(call->run, call->run->p->current)->may_refuse = code == PROC_OP_CALL;
    return say;
}

static enum interp_say ask_call(struct interp_call *call, uint16_t flags)
{
    int64_t ns = interp_call_scalar(call, 1).i;
    return ask(call, PROC_OP_CALL, PROC_OP_LAND | flags, ns > 0 ? (uint64_t)ns : 1); /* 0 would be for ever */
}

static enum interp_say actor_send(struct interp_call *call)
{
    if (!call->done)
        return ask(call, PROC_OP_SEND, interp_actor_is_in_turn(call->run) ? PROC_SEND_NO_WAIT_SELF : 0, 0);
    if (call->done->res == -VK_EAGAIN) /* only it could make room in its mailbox */
        return interp_call_trap(call, INTERP_TRAP_DEADLOCK);
    return call->done->res == 0 || call->done->res == -VK_EDIED ? INTERP_DONE : fail_call(call);
}

static enum interp_say read_answer(struct interp_call *call)
{
    uint32_t len = (uint32_t)interp_call_landed(call).len;
    enum interp_say say = interp_message_read(call, INTERP_FROM_LANDED, 0);
    bool has_no_room = say == INTERP_TRAP && call->trap == INTERP_TRAP_MEMORY && !interp_call_collects(call);
    return has_no_room ? fail_answer(call, len) : say;
}

static enum interp_say actor_call(struct interp_call *call)
{
    if (!call->done)
        return ask_call(call, PROC_OP_SHORT);
    return call->done->res == 0 ? read_answer(call) : fail_call(call);
}

static enum interp_say actor_ask(struct interp_call *call)
{
    if (!call->done)
        return ask_call(call, 0); /* the answer is read by another native: it has to lie in the heap */
    int res = call->done->res;
    if (res != 0 && !is_nobody(res) && res != -VK_ETIMEDOUT)
        return fail_call(call);
    call->result.u = res == 0 ? 0 : is_nobody(res) ? 1 : 2;
    return INTERP_DONE;
}

static enum interp_say actor_answer(struct interp_call *call)
{
    return read_answer(call);
}

/* ---- starting, and the rest ------------------------------------------------------------ */

static enum interp_say started(struct interp_call *call, const struct interp_actor *actor)
{
    char text[TEXT_BYTES];
    struct vk_out out;
    if (call->done->res == 0)
        return give_address(call, call->done->arg);
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "actor %s cannot be started: ", name_of(call, actor->name));
    if (call->done->res == -VK_ETOOBIG && call->done->arg)
        vk_out_fmt(&out, "its parameters take %u bytes, and its heap has room for %u",
                   (uint32_t)(call->done->arg >> 32), (uint32_t)call->done->arg);
    else
        vk_out_fmt(&out, "%s", vk_err_text(call->done->res));
    return interp_call_trap_text(call, INTERP_TRAP_AWAIT, vk_out_span(&out));
}

/*
 * What follows can no longer fail for want of room: the address finds what is there now, or what the message
 * leaves, which nobody needs any more.
 */
static bool start_now(struct interp_call *call, const struct proc_op *op, struct proc_done *ret_done)
{
    struct interp_process *p = call->run->p;
    if (p->top + INTERP_HANDLE_BYTES > p->soft || !proc_op_now(op, ret_done))
        return false;
    interp_untake(call->run, op->off - (uint32_t)sizeof(struct interp_object));
    call->cost += START_COST;
    return true;
}

static enum interp_say actor_start(struct interp_call *call)
{
    struct proc_done done;
    uint64_t index = interp_call_scalar(call, 0).u;
    const struct interp_actor *actor = actor_at(call, index);
    uint32_t off, len;
    if (!actor)
        return interp_call_trap(call, INTERP_TRAP_INDEX);
    if (call->done)
        return started(call, actor);
    if (interp_self(call->run)->ops_count == PROC_RING_ENTRIES)
        return INTERP_FULL;
    enum interp_part part = call->refs ? INTERP_PART_REF : INTERP_PART_NONE;
    enum interp_say say = interp_message_make(call, part, 0, NULL, 0, &off, &len);
    if (say != INTERP_DONE)
        return say;
    const struct proc_op op = {
        .code = PROC_OP_SPAWN, .handle = INTERP_ACTORS_HANDLE, .off = off, .len = len, .arg = index};
    if (!start_now(call, &op, &done))
        return interp_call_submit(call, &op);
    call->done = &done;
    return started(call, actor);
}

static VK_SELDOM enum interp_say actor_child(struct interp_call *call)
{
    return give_address(call, INTERP_ADDRESS_CHILD | interp_call_scalar(call, 0).u);
}

static VK_SELDOM enum interp_say actor_same(struct interp_call *call)
{
    call->result.u = address_of(call, 0) == address_of(call, 1);
    return INTERP_DONE;
}

static VK_SELDOM enum interp_say actor_link(struct interp_call *call)
{
    const struct proc_op op = {
        .code = PROC_OP_LINK, .handle = INTERP_ACTORS_HANDLE, .arg = address_of(call, 0)};
    if (!call->done)
        return interp_call_submit(call, &op);
    int res = call->done->res;
    if (res == 0 || res == -VK_EINVAL) /* with itself */
        return INTERP_DONE;
    const char *text = res == -VK_EDIED ? "the actor to link with has ended" : vk_err_text(res);
    return interp_call_trap_text(call, INTERP_TRAP_AWAIT, vk_span_text(text));
}

static VK_SELDOM enum interp_say actor_monitor(struct interp_call *call)
{
    const struct proc_op op = {.code = PROC_OP_MONITOR,
                               .flags = PROC_OP_LAND,
                               .handle = INTERP_ACTORS_HANDLE,
                               .arg = address_of(call, 0)};
    if (!call->done)
        return interp_call_submit(call, &op);
    int res = call->done->res;
    struct vk_span words = interp_call_landed(call);
    size_t at = 0;
    if (words.len && interp_utf8_check(&at, words, words.len + 1) == 0)
        at = words.len;
    if (at > 0) { /* long words end where they were cut, maybe inside a character */
        enum interp_say say = interp_call_give_landed(call, interp_str_type(call->run));
        interp_object_at(call->run, (uint32_t)call->result.u)->count = (uint32_t)at;
        return say;
    }
    const char *text = res >= 0           ? proc_reason_text((enum proc_reason)res)
                       : res == -VK_EDIED ? "gone"
                                          : vk_err_text(res);
    return interp_call_give_text(call, vk_span_text(text));
}

const struct interp_native interp_actor_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    INTERP_ACTOR_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
