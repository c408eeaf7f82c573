/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: messages arrive once and in order, a full mailbox makes its senders
 * wait, a caller always gets an answer, and a death answers too. Method: two
 * or three small programs that share handles through an environment.
 */
#include "proc/kernel_impl.h"
#include "tests/unit/proc/rig.h"

#define PEER 2u /* the first handle of the environment */

static struct proc_object object_of(struct proc_process *process)
{
    return (struct proc_object){&proc_kind_process, (void *)(uintptr_t)proc_pid(process)};
}

/* ---- send and receive --------------------------------------------------------- */

static enum proc_step step_receiver(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    const struct proc_op pause = {.code = PROC_OP_SLEEP, .arg = 1000000};
    const struct proc_op recv = {
        .code = PROC_OP_RECV, .off = proc_off(self, s->bytes), .len = sizeof s->bytes};
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(fiber->step, rig_op(self, s, pause), PROC_STEP_WAIT); /* let the mailbox fill first */
    while (s->count < 200) {
        PROC_AWAIT(fiber->step, rig_op(self, s, recv), PROC_STEP_WAIT);
        seen[0] += s->bytes[0] == (uint8_t)s->count && fiber->done.len == 4;
        seen[1] += fiber->done.arg >> 32 == s->count;
        s->count++;
    }
    PROC_END
    return PROC_STEP_END;
}
RIG_PROGRAM(program_receiver, step_receiver, struct rig_state);

static enum proc_step step_sender(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    while (s->count < 200) {
        s->bytes[0] = (uint8_t)s->count;
        const struct proc_op send = {.code = PROC_OP_SEND,
                                     .handle = PEER,
                                     .off = proc_off(self, s->bytes),
                                     .len = 4,
                                     .arg = (uint64_t)s->count << 32};
        if (!rig_op(self, s, send))
            return PROC_STEP_WAIT;
        if (fiber->done.res)
            return PROC_STEP_FAIL;
        s->count++;
        seen[2] = s->count;
    }
    return PROC_STEP_END;
}
RIG_PROGRAM(program_sender, step_sender, struct rig_state);

TEST(proc_mailbox, full_one_makes_the_sender_wait)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_env env = {.count = 1};
    env.objects[0] = object_of(rig_spawn(kernel, &program_receiver, NULL, 0, NULL));
    rig_spawn(kernel, &program_sender, NULL, 0, &env);
    rig_run(kernel, 300);
    CHECK_EQ(seen[2], PROC_MAILBOX_MAX); /* the next one waits */
    rig_run_for(kernel, 3000000);
    rig_run(kernel, 1000);
    CHECK_EQ(seen[0], 200);
    CHECK_EQ(seen[1], 200);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 2);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_mailbox, death_of_the_receiver_fails_waiting_senders)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_env env = {.count = 1};
    struct proc_process *receiver = rig_spawn(kernel, &program_receiver, NULL, 0, NULL);
    env.objects[0] = object_of(receiver);
    rig_spawn(kernel, &program_sender, NULL, 0, &env);
    rig_run(kernel, 300);
    proc_end(kernel, receiver, PROC_REASON_KILLED);
    rig_run(kernel, 10);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_FAIL), 1);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* ---- calls ---------------------------------------------------------------------- */

enum manner { ANSWERS, DIES_BEFORE, DIES_AFTER, KEEPS_SILENT };

static enum proc_step step_server(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    const struct proc_op recv = {
        .code = PROC_OP_RECV, .off = proc_off(self, s->bytes), .len = sizeof s->bytes};
    enum manner manner = (enum manner) * (uint8_t *)proc_at(self, self->arg_off);
    for (;;) {
        if (manner == DIES_BEFORE)
            return PROC_STEP_FAIL;
        if (!rig_op(self, s, recv))
            return PROC_STEP_WAIT;
        if (manner == DIES_AFTER)
            return PROC_STEP_FAIL;
        if (manner == KEEPS_SILENT)
            continue;
        s->bytes[0]++;
        const struct proc_op reply = {.code = PROC_OP_REPLY,
                                      .flags = PROC_OP_SILENT,
                                      .off = proc_off(self, s->bytes),
                                      .len = 100,
                                      .arg = (uint32_t)fiber->done.arg | (uint64_t)7 << 32};
        proc_submit(self, fiber, &reply);
    }
}
RIG_PROGRAM(program_server, step_server, struct rig_state);

static enum proc_step step_caller(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    s->bytes[0] = 41;
    const struct proc_op call = {.code = PROC_OP_CALL,
                                 .handle = PEER,
                                 .off = proc_off(self, s->bytes),
                                 .len = 1,
                                 .arg = proc_off(self, s->bytes + 8) | (uint64_t)10 << 32};
    if (!rig_op(self, s, call))
        return PROC_STEP_WAIT;
    seen[0] = fiber->done.res;
    seen[1] = s->bytes[8];
    seen[2] = fiber->done.len; /* how long the answer was; cut to the room of 10 */
    return PROC_STEP_END;
}
RIG_PROGRAM(program_caller, step_caller, struct rig_state);

static struct proc_kernel *call_with(enum manner manner, struct proc_process **ret_caller)
{
    struct proc_kernel *kernel = rig_kernel();
    static struct proc_env env;
    uint8_t arg = (uint8_t)manner;
    env.count = 1;
    env.objects[0] = object_of(rig_spawn(kernel, &program_server, &arg, 1, NULL));
    *ret_caller = rig_spawn(kernel, &program_caller, NULL, 0, &env);
    rig_run(kernel, 20);
    return kernel;
}

TEST(proc_mailbox, call_gets_the_answer_and_its_result)
{
    struct proc_process *caller;
    struct proc_kernel *kernel = call_with(ANSWERS, &caller);
    CHECK_EQ(seen[0], 7);
    CHECK_EQ(seen[1], 42);
    CHECK_EQ(seen[2], 100);
    proc_kernel_destroy(kernel);
}

TEST(proc_mailbox, call_to_the_dead_fails)
{
    struct proc_process *caller;
    struct proc_kernel *kernel = call_with(DIES_BEFORE, &caller);
    CHECK_EQ(seen[0], -VK_EDIED);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_mailbox, death_between_request_and_answer_fails_the_call)
{
    struct proc_process *caller;
    struct proc_kernel *kernel = call_with(DIES_AFTER, &caller);
    CHECK_EQ(seen[0], -VK_EDIED);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_mailbox, caller_that_dies_takes_its_call_along)
{
    struct proc_process *caller;
    struct proc_kernel *kernel = call_with(KEEPS_SILENT, &caller);
    struct proc_counters counters;
    proc_end(kernel, caller, PROC_REASON_KILLED);
    rig_run(kernel, 4);
    proc_kernel_counters(kernel, &counters);
    CHECK_EQ(counters.processes, 1);
    CHECK_EQ(counters.requests, 1); /* the server's RECV */
    proc_kernel_destroy(kernel);
}

/* ---- messages that do not fit ------------------------------------------------------ */

static enum proc_step step_small_room(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(
        fiber->step,
        rig_op(self, s, (struct proc_op){.code = PROC_OP_RECV, .off = proc_off(self, s->bytes), .len = 3}),
        PROC_STEP_WAIT);
    seen[0] = fiber->done.res;
    seen[1] = fiber->done.len;
    PROC_AWAIT(
        fiber->step,
        rig_op(self, s, (struct proc_op){.code = PROC_OP_RECV, .off = proc_off(self, s->bytes), .len = 4}),
        PROC_STEP_WAIT);
    seen[3] = fiber->done.res;
    PROC_END
    return PROC_STEP_END;
}
RIG_PROGRAM(program_small_room, step_small_room, struct rig_state);

TEST(proc_mailbox, message_too_long_for_the_room_stays)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_env env = {.count = 1};
    env.objects[0] = object_of(rig_spawn(kernel, &program_small_room, NULL, 0, NULL));
    rig_spawn(kernel, &program_sender, NULL, 0, &env);
    rig_run(kernel, 20);
    CHECK_EQ(seen[0], -VK_ETOOBIG);
    CHECK_EQ(seen[1], 4);
    CHECK_EQ(seen[3], 0);
    proc_kernel_destroy(kernel);
}

/* ---- handles that go along ------------------------------------------------------------ */

/* Makes a served handle, sends it to the peer (moved or shared), and tries to use it afterwards. */
static enum proc_step step_giver(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    const bool moves = *(uint8_t *)proc_at(self, self->arg_off);
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(fiber->step, rig_op(self, s, (struct proc_op){.code = PROC_OP_SERVE, .arg = 5}),
               PROC_STEP_WAIT);
    s->handle = fiber->done.handle;
    PROC_AWAIT(fiber->step,
               rig_op(self, s,
                      (struct proc_op){.code = PROC_OP_SEND,
                                       .flags = moves ? PROC_SEND_MOVE : 0,
                                       .handle = PEER,
                                       .off = proc_off(self, s->bytes),
                                       .len = 1,
                                       .arg = s->handle}),
               PROC_STEP_WAIT);
    seen[0] = fiber->done.res;
    PROC_AWAIT(fiber->step, rig_op(self, s, (struct proc_op){.code = PROC_OP_DUP, .handle = s->handle}),
               PROC_STEP_WAIT);
    seen[1] = fiber->done.res;
    PROC_END
    return PROC_STEP_END;
}
RIG_PROGRAM(program_giver, step_giver, struct rig_state);

static enum proc_step step_taker(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(
        fiber->step,
        rig_op(self, s, (struct proc_op){.code = PROC_OP_RECV, .off = proc_off(self, s->bytes), .len = 64}),
        PROC_STEP_WAIT);
    s->handle = fiber->done.handle;
    PROC_AWAIT(fiber->step, rig_op(self, s, (struct proc_op){.code = PROC_OP_DUP, .handle = s->handle}),
               PROC_STEP_WAIT);
    seen[2] = fiber->done.res;
    PROC_END
    return PROC_STEP_END;
}
RIG_PROGRAM(program_taker, step_taker, struct rig_state);

static void check_gift(uint8_t moves, int want)
{
    struct proc_kernel *kernel = rig_kernel();
    struct proc_env env = {.count = 1};
    seen[2] = 1;
    env.objects[0] = object_of(rig_spawn(kernel, &program_taker, NULL, 0, NULL));
    rig_spawn(kernel, &program_giver, &moves, 1, &env);
    rig_run(kernel, 20);
    CHECK_EQ(seen[0], 0);
    CHECK_EQ(seen[1], want);
    CHECK_EQ(seen[2], 0);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_mailbox, shared_handle_is_the_givers_too)
{
    check_gift(0, 0);
}

TEST(proc_mailbox, moved_handle_is_the_receivers_alone)
{
    check_gift(1, -VK_EBADH);
}
