/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: messages arrive once and in order, a full mailbox makes its senders
 * wait in turn, a caller always gets an answer, a death answers too, and what
 * fails takes nothing. Method: two or three small programs, or lists of ops,
 * that share handles through an environment.
 */
#include "tests/unit/proc/lists.h"
#include "tests/unit/proc/rig.h"

#define PEER 2u /* the first handle of the environment */

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
    env.objects[0] = proc_process_object(rig_spawn(kernel, &program_receiver, NULL, 0, NULL));
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
    env.objects[0] = proc_process_object(receiver);
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
    env.objects[0] = proc_process_object(rig_spawn(kernel, &program_server, &arg, 1, NULL));
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
    env.objects[0] = proc_process_object(rig_spawn(kernel, &program_small_room, NULL, 0, NULL));
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
    env.objects[0] = proc_process_object(rig_spawn(kernel, &program_taker, NULL, 0, NULL));
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

/* ---- turns ---------------------------------------------------------------------------- */

#define SELF_SEND(word)                                                    \
    (struct proc_op)                                                       \
    {                                                                      \
        .code = PROC_OP_SEND, .handle = ENV, .arg = (uint64_t)(word) << 32 \
    }
#define RECEIVE                                        \
    (struct proc_op)                                   \
    {                                                  \
        .code = PROC_OP_RECV, .off = IN_OFF, .len = 64 \
    }

/* A process that has a handle to itself and follows list 0. */
static struct actor *follow_with_self(struct proc_env *env)
{
    struct actor *actor = follow(0, env);
    *env = (struct proc_env){.count = 1, .objects = {object_of(actor)}};
    return actor;
}

TEST(proc_mailbox, end_of_a_served_object_comes_in_its_turn)
{
    static struct proc_env env;
    world_start();
    begin();
    add(0, (struct proc_op){.code = PROC_OP_SERVE, .arg = 77});
    add(0, SELF_SEND(1));
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = GOT(0)});
    add(0, SELF_SEND(2));
    for (int i = 0; i < 3; i++)
        add(0, RECEIVE);
    follow_with_self(&env);
    settle_down();
    CHECK_RESULTS(0, 0, 0, 0, 0, 0, 0, 0);
    CHECK_EQ(lists[0].dones[4].arg >> 32, 1);
    CHECK_EQ(lists[0].dones[5].flags, PROC_DONE_OP);
    struct proc_request request;
    memcpy(&request, lists[0].heads[5], sizeof request);
    CHECK_EQ(request.code, PROC_OP_CLOSE);
    CHECK_EQ(request.badge, 77);
    CHECK_EQ(lists[0].dones[6].arg >> 32, 2);
    check_nothing_held();
    world_end();
}

/* In each turn serves and closes one object and receives two messages or ends. */
static int serves_and_closes(struct actor *actor, struct proc_self *self)
{
    for (uint32_t i = 0; i < self->done_count; i++)
        if (self->done[i].handle != 0)
            ask(self, (struct proc_op){.code = PROC_OP_CLOSE, .handle = self->done[i].handle});
    actor->step++;
    ask(self, (struct proc_op){.code = PROC_OP_SERVE});
    ask(self, RECEIVE);
    ask(self, RECEIVE);
    return PROC_RUN_AGAIN;
}

static int sends_for_ever(struct actor *actor, struct proc_self *self)
{
    (void)actor;
    while (self->ops_count < PROC_RING_ENTRIES)
        ask(self, SELF_SEND(0));
    return PROC_RUN_AGAIN;
}

TEST(proc_mailbox, server_that_always_has_messages_leaks_no_object)
{
    static struct proc_env env;
    world_start();
    struct actor *server = start(serves_and_closes);
    env = (struct proc_env){.count = 1, .objects = {object_of(server)}};
    struct actor *sender = start_with(sends_for_ever, &env);
    for (int i = 0; i < 1000; i++)
        step();
    CHECK_EQ(server->step, 1000);
    CHECK(world.kernel->messages.count >= PROC_MAILBOX_MAX / 2);
    CHECK(world.kernel->served.count <= 2 * PROC_MAILBOX_MAX);
    end_actor(server);
    end_actor(sender);
    settle_down();
    check_nothing_held();
    world_end();
}

TEST(proc_mailbox, end_of_an_object_too_long_for_the_room_stays)
{
    static struct proc_env env;
    world_start();
    begin();
    add(0, (struct proc_op){.code = PROC_OP_SERVE, .arg = 77});
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = GOT(0)});
    add(0, (struct proc_op){.code = PROC_OP_RECV, .off = IN_OFF, .len = sizeof(struct proc_request) - 1});
    add(0, (struct proc_op){.code = PROC_OP_RECV, .off = IN_OFF, .len = sizeof(struct proc_request)});
    follow_with_self(&env);
    settle_down();
    CHECK_RESULTS(0, 0, 0, -VK_ETOOBIG, 0);
    CHECK_EQ(lists[0].dones[2].len, sizeof(struct proc_request));
    check_nothing_held();
    world_end();
}

/* Sends `word` copies of its id, waiting for each. */
static int sends_its_id(struct actor *actor, struct proc_self *self)
{
    if (self->done_count > 0 && the_done(self)->res != 0)
        return PROC_RUN_FAIL;
    if (actor->step++ == actor->word)
        return PROC_RUN_END;
    ask(self, SELF_SEND(actor->id));
    return PROC_RUN_WAIT;
}

/* Sleeps till the test has set word, then receives that many messages and notes who sent the last. */
static int receives_some(struct actor *actor, struct proc_self *self)
{
    for (uint32_t i = 0; i < self->done_count; i++) {
        if (self->done[i].tag != 1)
            continue;
        actor->step++;
        actor->handle = (uint32_t)(self->done[i].arg >> 32);
    }
    if (actor->step < actor->word)
        ask(self, (struct proc_op){.code = PROC_OP_RECV, .off = IN_OFF, .len = 64, .tag = 1});
    else
        ask_sleep(self, MS);
    return PROC_RUN_WAIT;
}

/* A receiver whose mailbox is full of messages of one sender. */
static struct actor *start_full(actor_fn run, struct proc_env *env)
{
    struct actor *receiver = start(run);
    *env = (struct proc_env){.count = 1, .objects = {object_of(receiver)}};
    struct actor *filler = start_with(sends_its_id, env);
    filler->word = PROC_MAILBOX_MAX;
    settle_down();
    CHECK(!is_alive(filler));
    return receiver;
}

static struct actor *start_sender(const struct proc_env *env)
{
    struct actor *sender = start_with(sends_its_id, env);
    sender->word = 1;
    return sender;
}

TEST(proc_mailbox, nobody_overtakes_who_waits_for_room)
{
    static struct proc_env env;
    world_start();
    struct actor *receiver = start_full(receives_some, &env);
    struct actor *first = start_sender(&env);
    settle_down();
    CHECK(is_alive(first));
    receiver->word = 1; /* it makes room for one in this tick, in which the newcomer runs right after it */
    proc_run_soon(world.kernel, proc_process_find(world.kernel, receiver->pid));
    struct actor *newcomer = start_sender(&env);
    settle_down();
    CHECK(!is_alive(first));
    CHECK(is_alive(newcomer));
    receiver->word = PROC_MAILBOX_MAX + 1;
    pass(2 * MS);
    CHECK_EQ(receiver->handle, first->id);
    receiver->word++;
    pass(2 * MS);
    CHECK_EQ(receiver->handle, newcomer->id);
    CHECK(!is_alive(newcomer));
    world_end();
}

/* Sleeps till the test has set word; then the RECV is the last it does. */
static int receives_one_and_ends(struct actor *actor, struct proc_self *self)
{
    if (actor->word == 0)
        ask_sleep(self, MS);
    else
        ask_recv(self, 64);
    return actor->word == 0 ? PROC_RUN_WAIT : PROC_RUN_END;
}

/* A process with that pid, in a table so small that pids come back soon. */
static struct proc_process *start_heir(uint32_t pid)
{
    static const struct proc_spawn spawn = {.program = &actor_program};
    struct proc_process *heir = NULL;
    uint32_t starts = 0;
    do {
        CHECK(++starts < 20000);
        if (heir != NULL)
            proc_end(world.kernel, heir, PROC_REASON_KILLED);
        CHECK_EQ(proc_spawn(world.kernel, &spawn, &heir), 0);
    } while (proc_pid(heir) != pid);
    return heir;
}

TEST(proc_mailbox, woken_sender_never_takes_another_for_its_dead_receiver)
{
    static struct proc_env env;
    CHECK_EQ(world_start_with((struct proc_kernel_options){.processes_max = 3}), 0);
    struct actor *receiver = start_full(receives_one_and_ends, &env);
    struct actor *sender = start_sender(&env);
    settle_down();
    receiver->word = 1;
    proc_run_soon(world.kernel, proc_process_find(world.kernel, receiver->pid));
    step();
    CHECK(!is_alive(receiver));
    CHECK(is_alive(sender)); /* woken, and had no turn yet */
    const struct proc_process *heir = start_heir(receiver->pid);
    settle_down();
    CHECK(!is_alive(sender));
    CHECK_EQ(counters().ended[PROC_REASON_FAIL], 1); /* it was told that its receiver died */
    CHECK_EQ(heir->messages_count, 0);
    CHECK_EQ(heir->promised_count, 0);
    world_end();
}

TEST(proc_mailbox, senders_get_room_in_the_order_they_came)
{
    static struct proc_env env;
    struct actor *senders[20];
    world_start();
    struct actor *receiver = start_full(receives_some, &env);
    for (size_t i = 0; i < VK_COUNT(senders); i++)
        senders[i] = start_sender(&env);
    settle_down();
    receiver->word = PROC_MAILBOX_MAX;
    pass(2 * MS);
    for (size_t i = 0; i < VK_COUNT(senders); i++) {
        CHECK(!is_alive(senders[i]));
        receiver->word++;
        pass(2 * MS);
        CHECK_EQ(receiver->handle, senders[i]->id);
    }
    world_end();
}

/* The receiver is gone when the sender that was woken has its turn. */
TEST(proc_mailbox, death_after_the_waking_fails_the_sender)
{
    static struct proc_env env;
    world_start();
    struct actor *receiver = start_full(receives_some, &env);
    struct actor *sender = start_sender(&env);
    settle_down();
    receiver->word = 1;
    world.clock_ns += 2 * MS;
    step();
    CHECK_EQ(receiver->step, 0);
    while (proc_process_find(world.kernel, sender->pid)->queued == false)
        step();
    end_actor(receiver);
    settle_down();
    CHECK_EQ(counters().ended[PROC_REASON_FAIL], 1);
    check_nothing_held();
    world_end();
}

/* What a woken sender cannot use goes to the next: here there is no entry for its message. */
TEST(proc_mailbox, room_of_a_sender_that_fails_goes_to_the_next)
{
    static struct proc_env env;
    world_start();
    struct actor *receiver = start_full(receives_some, &env);
    struct actor *first = start_sender(&env);
    struct actor *second = start_sender(&env);
    settle_down();
    receiver->word = 1;
    world.clock_ns += 2 * MS;
    while (proc_process_find(world.kernel, first->pid)->queued == false)
        step();
    struct vk_table saved = world.kernel->messages;
    CHECK_EQ(saved.count, PROC_MAILBOX_MAX - 1);
    while (vk_table_take(&world.kernel->messages) != NULL)
        continue;
    step();
    CHECK_EQ(counters().ended[PROC_REASON_FAIL], 1);
    CHECK(!is_alive(first));
    CHECK(is_alive(second));
    CHECK(proc_process_find(world.kernel, second->pid)->queued);
    end_actor(second);
    settle_down();
    CHECK_EQ(counters().requests, 1); /* the receiver's sleep */
    world_end();
}

/* ---- what fails takes nothing ------------------------------------------------------------ */

#define LONG_BYTES (PROC_MESSAGE_HERE_BYTES + 1) /* of a message or an answer that takes a buffer */

static int never_receives(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0)
        ask_sleep(self, 1000 * MS);
    return PROC_RUN_WAIT;
}

TEST(proc_mailbox, few_bytes_take_no_buffer)
{
    for (uint32_t len = PROC_MESSAGE_HERE_BYTES; len <= LONG_BYTES; len++) {
        world_start();
        begin();
        struct actor *target = start(never_receives);
        struct proc_env env = {.count = 1, .objects = {object_of(target)}};
        add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .off = OUT_OFF, .len = len});
        follow(0, &env);
        settle_down();
        CHECK_EQ(counters().buffers, len == LONG_BYTES);
        end_actor(target);
        settle_down();
        check_nothing_held();
        world_end();
    }
}

TEST(proc_mailbox, handle_stays_when_its_message_finds_no_place)
{
    static struct proc_env env;
    CHECK_EQ(world_start_with((struct proc_kernel_options){.bufs_max = {1, 1, 1, 1, 1}}), 0);
    begin();
    add(0, (struct proc_op){.code = PROC_OP_SERVE, .arg = 77});
    for (int i = 0; i < 5; i++)
        add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .off = OUT_OFF, .len = LONG_BYTES});
    add(0, (struct proc_op){.code = PROC_OP_SEND,
                            .flags = PROC_SEND_MOVE,
                            .handle = ENV,
                            .off = OUT_OFF,
                            .len = LONG_BYTES,
                            .arg = GOT(0)});
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = GOT(0)});
    follow_with_self(&env);
    settle_down();
    CHECK_RESULTS(0, 0, 0, 0, 0, 0, 0, -VK_ENOMEM, 0);
    check_nothing_held();
    world_end();
}

/* list 0 receives a call from list 1 and answers it. */
static void answer_a_call(struct proc_op reply, uint32_t call_bytes)
{
    static struct proc_env env;
    add(0, RECEIVE);
    add(0, (struct proc_op){.code = PROC_OP_SERVE, .arg = 77});
    add(0, reply);
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = GOT(1)});
    lists[0].stays = true;
    struct actor *server = follow(0, NULL);
    env = (struct proc_env){.count = 1, .objects = {object_of(server)}};
    add(1, (struct proc_op){.code = PROC_OP_CALL,
                            .handle = ENV,
                            .off = OUT_OFF,
                            .len = call_bytes,
                            .arg = IN_OFF | UINT64_C(64) << 32});
    lists[1].stays = true;
    follow(1, &env);
    settle_down();
}

TEST(proc_mailbox, handle_stays_when_its_answer_finds_no_buffer)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.bufs_max = {1, 1, 1, 1, 1}}), 0);
    begin();
    struct vk_buf taken[5];
    for (size_t i = 0; i < VK_COUNT(taken); i++)
        CHECK(vk_bufs_get(&world.kernel->bufs, 1, &taken[i]));
    answer_a_call((struct proc_op){.code = PROC_OP_REPLY,
                                   .flags = PROC_SEND_MOVE,
                                   .handle = GOT(1),
                                   .off = OUT_OFF,
                                   .len = LONG_BYTES,
                                   .arg = GOT(0)},
                  0);
    CHECK_RESULTS(0, 0, 0, -VK_ENOMEM, 0);
    CHECK_EQ(lists[1].done_count, 0);
    world_end();
}

TEST(proc_mailbox, silent_answer_without_a_buffer_fails_its_caller)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.bufs_max = {1, 1, 1, 1, 1}}), 0);
    begin();
    struct vk_buf taken[5];
    for (size_t i = 0; i < VK_COUNT(taken); i++)
        CHECK(vk_bufs_get(&world.kernel->bufs, 1, &taken[i]));
    answer_a_call(
        (struct proc_op){
            .code = PROC_OP_REPLY, .flags = PROC_OP_SILENT, .off = OUT_OFF, .len = LONG_BYTES, .arg = GOT(0)},
        0);
    CHECK_EQ(lists[0].dones[2].res, -VK_ENOMEM);
    CHECK_EQ(lists[1].done_count, 1);
    CHECK_EQ(lists[1].dones[0].res, -VK_ENOMEM);
    world_end();
}

TEST(proc_mailbox, buffer_of_an_answer_without_its_handle_is_given_back)
{
    world_start();
    begin();
    answer_a_call(
        (struct proc_op){
            .code = PROC_OP_REPLY, .handle = 99, .off = OUT_OFF, .len = LONG_BYTES, .arg = GOT(0)},
        0);
    CHECK_EQ(lists[0].dones[2].res, -VK_EBADH);
    CHECK_EQ(lists[1].done_count, 0);
    CHECK_EQ(counters().buffers, 0);
    world_end();
}

TEST(proc_mailbox, answer_of_one_is_an_answer_like_any_other)
{
    world_start();
    begin();
    answer_a_call((struct proc_op){.code = PROC_OP_REPLY, .arg = GOT(0) | UINT64_C(1) << 32}, 0);
    CHECK_EQ(lists[0].dones[2].res, 0);
    CHECK_RESULTS(1, 1);
    world_end();
}

TEST(proc_mailbox, answer_longer_than_a_message_is_refused)
{
    static const struct proc_program large = {
        .name = "large", .heap_bytes = 1u << 20, .resume = actor_resume, .used = actor_used};
    static struct proc_env env;
    world_start();
    begin();
    add(0, RECEIVE);
    add(0, (struct proc_op){
               .code = PROC_OP_REPLY, .off = OUT_OFF, .len = PROC_MESSAGE_MAX_BYTES + 1, .arg = GOT(0)});
    lists[0].stays = true;
    struct actor *server = actor_new(follows_a_list);
    CHECK_EQ(actor_start(server, &(struct proc_spawn){.program = &large}), 0);
    env = (struct proc_env){.count = 1, .objects = {object_of(server)}};
    add(1, (struct proc_op){.code = PROC_OP_CALL, .handle = ENV});
    follow(1, &env);
    settle_down();
    CHECK_RESULTS(0, 0, -VK_ETOOBIG);
    CHECK_EQ(lists[1].done_count, 0);
    world_end();
}

/* An answer must not come before the question has. */
TEST(proc_mailbox, sender_that_waits_for_room_cannot_be_answered)
{
    static struct proc_env env;
    world_start();
    begin();
    struct actor *receiver = start_full(receives_some, &env);
    struct actor *sender = start_sender(&env);
    settle_down();
    const struct proc_req *req = VK_CONTAINER(
        vk_list_first(&proc_process_find(world.kernel, receiver->pid)->senders), struct proc_req, wait);
    struct proc_op reply = {.code = PROC_OP_REPLY, .arg = req->entry.handle};
    CHECK_EQ(proc_op_reply(world.kernel, proc_process_find(world.kernel, receiver->pid), &reply, NULL),
             -VK_ENOENT);
    CHECK(is_alive(sender));
    world_end();
}

/* ---- one batch of ops that changes what was asked before ---------------------------------------- */

/* Runs the next ops of a list that stays, all in one batch. */
static void more(struct actor *actor, const struct proc_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(0, ops[i]);
    go_on(actor);
    settle_down();
}

#define MORE(actor, ...) \
    more(actor, (const struct proc_op[]){__VA_ARGS__}, VK_COUNT(((const struct proc_op[]){__VA_ARGS__})))

static struct actor *follow_with_self_in_batches(struct proc_env *env)
{
    world_start();
    begin();
    lists[0].all_at_once = true;
    lists[0].stays = true;
    struct actor *actor = follow_with_self(env);
    settle_down();
    return actor;
}

static void check_batch_ends(const struct actor *actor)
{
    end_actor(actor);
    settle_down();
    check_nothing_held();
    world_end();
}

TEST(proc_mailbox, handle_closed_under_a_woken_sender_cancels_it_and_passes_the_room_on)
{
    static struct proc_env env;
    struct actor *actor = follow_with_self_in_batches(&env);
    MORE(actor, {.code = PROC_OP_DUP, .handle = ENV});
    for (uint32_t i = 0; i < PROC_MAILBOX_MAX; i++)
        MORE(actor, SELF_SEND(i));
    const uint32_t first = lists[0].count;
    MORE(actor, {.code = PROC_OP_SEND, .handle = GOT(0), .arg = UINT64_C(100) << 32},
         {.code = PROC_OP_CALL, .handle = ENV});
    CHECK_EQ(lists[0].done_count, first);
    MORE(actor, RECEIVE, {.code = PROC_OP_CLOSE, .handle = GOT(0)});
    CHECK_EQ(lists[0].dones[first].res, -VK_ECANCELED);
    CHECK_EQ(lists[0].dones[first + 2].res, 0);
    CHECK_EQ(lists[0].dones[first + 3].res, 0);
    const struct proc_process *process = proc_process_find(world.kernel, actor->pid);
    CHECK_EQ(process->messages_count, PROC_MAILBOX_MAX); /* the CALL is in */
    CHECK_EQ(process->promised_count, 0);
    check_batch_ends(actor);
}

TEST(proc_mailbox, receive_whose_message_another_took_goes_on_waiting)
{
    static struct proc_env env;
    struct actor *actor = follow_with_self_in_batches(&env);
    MORE(actor, RECEIVE);
    MORE(actor, SELF_SEND(1), RECEIVE);
    CHECK_EQ(lists[0].done_count, 2);
    CHECK_EQ(lists[0].dones[2].arg >> 32, 1);
    MORE(actor, SELF_SEND(2));
    CHECK_EQ(lists[0].done_count, 4);
    CHECK_EQ(lists[0].dones[0].arg >> 32, 2);
    check_batch_ends(actor);
}

TEST(proc_mailbox, receive_whose_message_and_place_others_took_is_refused)
{
    static struct proc_env env;
    struct actor *actor = follow_with_self_in_batches(&env);
    MORE(actor, RECEIVE);
    MORE(actor, SELF_SEND(1), RECEIVE, RECEIVE);
    CHECK_EQ(lists[0].dones[0].res, -VK_EOVERFLOW);
    CHECK_EQ(lists[0].dones[2].arg >> 32, 1);
    CHECK_EQ(lists[0].done_count, 3);
    check_batch_ends(actor);
}

TEST(proc_mailbox, request_is_answered_once_and_by_its_server)
{
    static struct proc_env env;
    struct actor *actor = follow_with_self_in_batches(&env);
    MORE(actor, {.code = PROC_OP_CALL, .handle = ENV}, RECEIVE);
    const uint32_t id = (uint32_t)lists[0].dones[1].arg;
    add(1, (struct proc_op){.code = PROC_OP_REPLY, .arg = id});
    follow(1, NULL);
    settle_down();
    CHECK_RESULTS(1, -VK_ENOENT);
    MORE(actor, {.code = PROC_OP_REPLY, .arg = id | UINT64_C(5) << 32}, {.code = PROC_OP_REPLY, .arg = id});
    CHECK_RESULTS(0, 5, 0, 0, -VK_ENOENT);
    check_batch_ends(actor);
}

TEST(proc_mailbox, handle_cannot_leave_over_itself)
{
    static struct proc_env env;
    struct actor *actor = follow_with_self_in_batches(&env);
    MORE(actor, {.code = PROC_OP_DUP, .handle = ENV});
    MORE(actor, {.code = PROC_OP_SEND, .flags = PROC_SEND_MOVE, .handle = GOT(0), .arg = GOT(0)},
         {.code = PROC_OP_CLOSE, .handle = GOT(0)});
    CHECK_RESULTS(0, 0, -VK_EINVAL, 0);
    check_batch_ends(actor);
}

TEST(proc_mailbox, answer_for_a_room_outside_the_heap_is_not_written)
{
    static struct proc_env env;
    struct actor *actor = follow_with_self_in_batches(&env);
    MORE(actor, {.code = PROC_OP_CALL, .handle = ENV, .arg = (HEAP_BYTES - 4) | UINT64_C(64) << 32}, RECEIVE);
    MORE(actor, {.code = PROC_OP_REPLY, .off = OUT_OFF, .len = 9, .arg = GOT(1)});
    CHECK_RESULTS(0, -VK_EFAULT, 0, 0);
    check_batch_ends(actor);
}

/* The answer brings a handle, and the caller is gone before its turn. */
TEST(proc_mailbox, handle_of_an_answer_goes_with_the_caller)
{
    static struct proc_env env;
    struct actor *actor = follow_with_self_in_batches(&env);
    MORE(actor, {.code = PROC_OP_SERVE}, RECEIVE);
    add(1, (struct proc_op){.code = PROC_OP_CALL, .handle = ENV});
    struct actor *caller = follow(1, &env);
    settle_down();
    add(0, (struct proc_op){.code = PROC_OP_REPLY, .flags = PROC_SEND_MOVE, .handle = GOT(0), .arg = GOT(1)});
    go_on(actor);
    step();
    CHECK_EQ(lists[1].done_count, 0);
    CHECK_EQ(world.kernel->served.count, 1);
    end_actor(caller);
    settle_down();
    CHECK_EQ(counters().handles, 0);
    check_batch_ends(actor);
}

TEST(proc_mailbox, call_waits_for_room_too)
{
    static struct proc_env env;
    struct actor *actor = follow_with_self_in_batches(&env);
    for (uint32_t i = 0; i < PROC_MAILBOX_MAX; i++)
        MORE(actor, SELF_SEND(i));
    MORE(actor, {.code = PROC_OP_CALL, .handle = ENV});
    for (uint32_t i = 0; i <= PROC_MAILBOX_MAX; i++) {
        CHECK_EQ(lists[0].done_count, PROC_MAILBOX_MAX);
        lists[0].count = actor->step = PROC_MAILBOX_MAX + 1;
        MORE(actor, RECEIVE);
        lists[0].done_count--;
    }
    CHECK_EQ(lists[0].dones[PROC_MAILBOX_MAX + 1].flags, PROC_DONE_REQUEST);
    MORE(actor, {.code = PROC_OP_REPLY, .arg = GOT(PROC_MAILBOX_MAX + 1) | UINT64_C(7) << 32});
    CHECK_EQ(lists[0].dones[PROC_MAILBOX_MAX].res, 7);
    check_batch_ends(actor);
}

/* ---- the dead ------------------------------------------------------------------------------------ */

TEST(proc_mailbox, receiver_that_was_woken_may_die_before_its_turn)
{
    world_start();
    struct actor *receiver = start(actor_waits_forever);
    settle_down();
    struct proc_process *process = proc_process_find(world.kernel, receiver->pid);
    const struct proc_letter letter = {.user = 1};
    CHECK_EQ(proc_mail_post(world.kernel, process, &letter), 0);
    CHECK(process->queued);
    end_actor(receiver);
    settle_down();
    check_nothing_held();
    world_end();
}

TEST(proc_mailbox, woken_sender_may_die_after_its_receiver)
{
    static struct proc_env env;
    world_start();
    struct actor *receiver = start_full(receives_some, &env);
    struct actor *sender = start_sender(&env);
    settle_down();
    receiver->word = 1;
    world.clock_ns += 2 * MS;
    while (!proc_process_find(world.kernel, sender->pid)->queued)
        step();
    end_actor(receiver);
    end_actor(sender);
    settle_down();
    check_nothing_held();
    world_end();
}
