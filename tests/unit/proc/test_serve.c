/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a handle served by a process cannot be told from the kernel's own:
 * ops reach the server with their bytes, answers come back with theirs, the
 * server's death fails them, and the end of the last handle is told. Method:
 * one server, one user that gets the handle by a message; or lists of ops, of
 * a process that serves itself and of one whose mailbox is full.
 */
#include "tests/unit/proc/lists.h"
#include "tests/unit/proc/rig.h"

#define USER 2u

/* ---- the server: answers WRITE with what it got, READ with a text, dies at SHUTDOWN ------ */

struct server {
    struct rig_state base;
    uint8_t message[256];
};

static void answer(struct proc_self *self, struct server *s, const struct proc_request *request)
{
    static const uint8_t text[] = "served";
    bool is_read = request->code == PROC_OP_READ;
    if (is_read)
        memcpy(s->base.bytes, text, sizeof text);
    const struct proc_op reply = {
        .code = PROC_OP_REPLY,
        .flags = PROC_OP_SILENT,
        .off = proc_off(self, s->base.bytes),
        .len = is_read ? sizeof text : 5,
        .arg = (uint32_t)s->base.fiber.done.arg | (uint64_t)(is_read ? 0 : request->badge + request->len)
                                                      << 32,
    };
    proc_submit(self, &s->base.fiber, &reply);
}

static enum proc_step step_server(struct proc_self *self, struct proc_fiber *fiber)
{
    struct server *s = (struct server *)fiber;
    const struct proc_op recv = {
        .code = PROC_OP_RECV, .off = proc_off(self, s->message), .len = sizeof s->message};
    const struct proc_request *request = (const struct proc_request *)(void *)s->message;
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(fiber->step, rig_op(self, &s->base, (struct proc_op){.code = PROC_OP_SERVE, .arg = 100}),
               PROC_STEP_WAIT);
    s->base.handle = fiber->done.handle;
    PROC_AWAIT(
        fiber->step,
        rig_op(self, &s->base,
               (struct proc_op){
                   .code = PROC_OP_SEND, .flags = PROC_SEND_MOVE, .handle = USER, .arg = s->base.handle}),
        PROC_STEP_WAIT);
    for (;;) {
        PROC_AWAIT(fiber->step, rig_op(self, &s->base, recv), PROC_STEP_WAIT);
        if (request->code == PROC_OP_CLOSE) {
            seen[10] = (int64_t)request->badge;
            return PROC_STEP_END;
        }
        if (request->code == PROC_OP_SHUTDOWN)
            return PROC_STEP_FAIL;
        if (request->code == PROC_OP_CANCEL)
            seen[14] = request->arg == s->base.count && request->badge == 100;
        s->base.count = (uint32_t)fiber->done.arg;
        if (request->code == PROC_OP_ACCEPT || request->code == PROC_OP_CANCEL)
            continue;                           /* never answered */
        seen[11] = s->message[sizeof *request]; /* first byte of a WRITE */
        seen[12] =
            (fiber->done.flags & (PROC_DONE_OP | PROC_DONE_REQUEST)) == (PROC_DONE_OP | PROC_DONE_REQUEST);
        answer(self, s, request);
    }
    PROC_END
    return PROC_STEP_END;
}
RIG_PROGRAM(program_server, step_server, struct server);

/* ---- the user: whatever ops its argument lists, on the handle it is sent ------------------- */

static enum proc_step step_user(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    const uint16_t *codes = proc_at(self, self->arg_off);
    const struct proc_op recv = {.code = PROC_OP_RECV, .off = proc_off(self, s->bytes), .len = 64};
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(fiber->step, rig_op(self, s, recv), PROC_STEP_WAIT);
    s->handle = fiber->done.handle;
    for (; s->count < self->arg_len / 2; s->count++) {
        s->bytes[0] = 'w';
        PROC_AWAIT(fiber->step,
                   rig_op(self, s,
                          (struct proc_op){.code = codes[s->count],
                                           .handle = s->handle,
                                           .off = proc_off(self, s->bytes),
                                           .len = codes[s->count] & (PROC_OP_IN | PROC_OP_OUT) ? 16 : 0}),
                   PROC_STEP_WAIT);
        seen[s->count] = fiber->done.res;
        seen[20 + s->count] = s->bytes[0];
        seen[40 + s->count] = fiber->done.len;
    }
    PROC_END
    return PROC_STEP_END;
}
RIG_PROGRAM(program_user, step_user, struct rig_state);

static struct proc_kernel *serve(const uint16_t *codes, uint32_t codes_bytes)
{
    struct proc_kernel *kernel = rig_kernel();
    static struct proc_env env;
    struct proc_process *user = rig_spawn(kernel, &program_user, codes, codes_bytes, NULL);
    env.count = 1;
    env.objects[0] = proc_process_object(user);
    rig_spawn(kernel, &program_server, NULL, 0, &env);
    rig_run(kernel, 50);
    return kernel;
}

TEST(proc_serve, ops_reach_the_server_and_come_back)
{
    const uint16_t codes[] = {PROC_OP_WRITE, PROC_OP_READ, PROC_OP_HTTP_FRAME, PROC_OP_WRITE};
    struct proc_kernel *kernel = serve(codes, sizeof codes);
    CHECK_EQ(seen[0], 116); /* badge and length */
    CHECK_EQ(seen[11], 'w');
    CHECK_EQ(seen[12], 1);
    CHECK_EQ(seen[1], 0);
    CHECK_EQ(seen[21], 's');
    CHECK_EQ(seen[2], 100);
    CHECK_EQ(seen[3], 116);
    CHECK_EQ(seen[10], 100); /* the user ended: its handle was the last */
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_serve, death_of_the_server_fails_its_ops)
{
    const uint16_t codes[] = {PROC_OP_WRITE, PROC_OP_SHUTDOWN, PROC_OP_WRITE};
    struct proc_kernel *kernel = serve(codes, sizeof codes);
    CHECK_EQ(seen[0], 116);
    CHECK_EQ(seen[1], -VK_EDIED);
    CHECK_EQ(seen[2], -VK_EDIED);
    rig_check_empty(kernel);
    CHECK_EQ(kernel->served.count, 0);
    proc_kernel_destroy(kernel);
}

TEST(proc_serve, closing_the_handle_tells_the_server)
{
    const uint16_t codes[] = {PROC_OP_CLOSE, PROC_OP_WRITE};
    struct proc_kernel *kernel = serve(codes, sizeof codes);
    CHECK_EQ(seen[0], 0);
    CHECK_EQ(seen[1], -VK_EBADH);
    CHECK_EQ(seen[10], 100);
    rig_check_empty(kernel);
    CHECK_EQ(kernel->served.count, 0);
    proc_kernel_destroy(kernel);
}

TEST(proc_serve, duplicate_keeps_the_object_alive)
{
    const uint16_t codes[] = {PROC_OP_DUP, PROC_OP_CLOSE};
    struct proc_kernel *kernel = serve(codes, sizeof codes);
    CHECK_EQ(seen[0], 0);
    CHECK_EQ(seen[1], 0);
    CHECK_EQ(seen[10], 100); /* told once, when the user's end closed the duplicate too */
    CHECK_EQ(kernel->served.count, 0);
    proc_kernel_destroy(kernel);
}

/* The bytes of an OUT op stay the holder's, and it learns how many were taken. */
TEST(proc_serve, answer_to_a_write_says_how_much_was_taken)
{
    const uint16_t codes[] = {PROC_OP_WRITE, PROC_OP_WRITE};
    struct proc_kernel *kernel = serve(codes, sizeof codes);
    CHECK_EQ(seen[0], 116);
    CHECK_EQ(seen[40], 5);
    CHECK_EQ(seen[20], 'w');
    CHECK_EQ(seen[41], 5);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* ---- a holder that no longer waits ---------------------------------------------------- */

enum impatience { CANCELS, DIES, CLOSES };

static enum proc_step step_impatient(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    const enum impatience how = (enum impatience) * (uint8_t *)proc_at(self, self->arg_off);
    const struct proc_op recv = {.code = PROC_OP_RECV, .off = proc_off(self, s->bytes), .len = 64};
    struct proc_op *op;
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(fiber->step, rig_op(self, s, recv), PROC_STEP_WAIT);
    s->handle = fiber->done.handle;
    op = proc_op_next(self);
    *op = (struct proc_op){.code = PROC_OP_ACCEPT, .handle = s->handle, .tag = 4096};
    PROC_AWAIT(fiber->step, rig_op(self, s, (struct proc_op){.code = PROC_OP_SLEEP, .arg = 5000000}),
               PROC_STEP_WAIT);
    if (how == DIES)
        return PROC_STEP_FAIL; /* its end cancels too */
    PROC_AWAIT(fiber->step,
               rig_op(self, s,
                      how == CANCELS ? (struct proc_op){.code = PROC_OP_CANCEL, .arg = 4096}
                                     : (struct proc_op){.code = PROC_OP_CLOSE, .handle = s->handle}),
               PROC_STEP_WAIT);
    seen[0] = fiber->done.res;
    PROC_END
    return PROC_STEP_END;
}
RIG_PROGRAM(program_impatient, step_impatient, struct rig_state);

static void check_impatient(enum impatience how)
{
    struct proc_kernel *kernel = rig_kernel();
    uint8_t arg = (uint8_t)how;
    struct proc_process *user = rig_spawn(kernel, &program_impatient, &arg, 1, NULL);
    static struct proc_env env;
    env.count = 1;
    env.objects[0] = proc_process_object(user);
    rig_spawn(kernel, &program_server, NULL, 0, &env);
    rig_run_for(kernel, 20000000);
    CHECK_EQ(seen[14], 1); /* told, with the id it knew */
    CHECK_EQ(seen[0], 0);
    CHECK_EQ(seen[10], 100); /* then the end of the handle */
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_serve, canceled_request_is_told_to_the_server)
{
    check_impatient(CANCELS);
}

TEST(proc_serve, death_of_the_holder_is_told_to_the_server)
{
    check_impatient(DIES);
}

TEST(proc_serve, closed_handle_ends_what_was_asked_of_it)
{
    check_impatient(CLOSES);
}

/* ---- a process that serves itself ---------------------------------------------------------- */

#define RECEIVE                                        \
    (struct proc_op)                                   \
    {                                                  \
        .code = PROC_OP_RECV, .off = IN_OFF, .len = 64 \
    }

/* Canceling what was asked of the handle is told to the RECV that waits, which the close ends too. */
TEST(proc_serve, closing_its_own_handle_with_a_receive_on_it_is_harmless)
{
    world_start();
    begin();
    add(0, (struct proc_op){.code = PROC_OP_SERVE, .arg = 77});
    follow(0, NULL);
    lists[0].stays = true;
    settle_down();
    lists[0].all_at_once = true;
    add(0, (struct proc_op){.code = PROC_OP_ACCEPT, .handle = GOT(0)});
    add(0, RECEIVE);
    add(0, (struct proc_op){.code = PROC_OP_RECV, .handle = GOT(0), .off = IN_OFF, .len = 64});
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = GOT(0)});
    go_on(&world.actors[0]);
    settle_down();
    CHECK_EQ(lists[0].dones[1].res, -VK_ECANCELED);
    CHECK_EQ(lists[0].dones[2].res, 0);
    CHECK_EQ(lists[0].dones[3].res, 0);
    CHECK_EQ(lists[0].dones[4].res, 0);
    end_actor(&world.actors[0]);
    settle_down();
    check_nothing_held();
    world_end();
}

TEST(proc_serve, answer_cannot_take_along_the_handle_that_was_asked)
{
    world_start();
    begin();
    lists[0].all_at_once = true;
    add(0, (struct proc_op){.code = PROC_OP_SERVE, .arg = 77});
    follow(0, NULL);
    lists[0].stays = true;
    settle_down();
    add(0, (struct proc_op){.code = PROC_OP_ACCEPT, .handle = GOT(0)});
    add(0, RECEIVE);
    go_on(&world.actors[0]);
    settle_down();
    add(0, (struct proc_op){.code = PROC_OP_REPLY, .flags = PROC_SEND_MOVE, .handle = GOT(0), .arg = GOT(2)});
    go_on(&world.actors[0]);
    settle_down();
    CHECK_EQ(lists[0].dones[3].res, -VK_EINVAL);
    add(0, (struct proc_op){.code = PROC_OP_REPLY, .handle = GOT(0), .arg = GOT(2)});
    go_on(&world.actors[0]);
    settle_down();
    CHECK_RESULTS(0, 0, 0, 0, -VK_EINVAL, 0);
    CHECK(lists[0].dones[1].handle != 0);
    end_actor(&world.actors[0]);
    settle_down();
    check_nothing_held();
    world_end();
}

/* ---- a server whose mailbox is full --------------------------------------------------------- */

/*
 * list 0 serves an object, gives it to list 1 and fills its own mailbox; then
 * list 1 follows asked, and list 0 receives when the test lets it.
 */
struct full {
    struct actor *server;
    struct actor *holder;
    struct proc_env both;
};

static void serve_full(struct full *full, const struct proc_op *asked, uint32_t count)
{
    world_start();
    begin();
    add(1, RECEIVE);
    for (uint32_t i = 0; i < count; i++) {
        add(1, asked[i]);
        lists[1].ops[1 + i].handle = GOT(0);
    }
    lists[0].stays = true;
    lists[1].stays = true;
    full->holder = follow(1, NULL);
    add(0, (struct proc_op){.code = PROC_OP_SERVE, .arg = 77});
    for (uint32_t i = 0; i < PROC_MAILBOX_MAX; i++)
        add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV + 1, .flags = PROC_SEND_MOVE, .arg = GOT(0)});
    full->server = follow(0, &full->both);
    full->both = (struct proc_env){.count = 2, .objects = {object_of(full->server), object_of(full->holder)}};
    settle_down();
    CHECK_EQ(lists[0].done_count, PROC_MAILBOX_MAX + 2);
    CHECK_EQ(lists[1].done_count, 1);
    CHECK_EQ(world.kernel->messages.count, PROC_MAILBOX_MAX);
}

static void receive(struct full *full, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        lists[0].count = lists[0].done_count = full->server->step = 0;
        add(0, RECEIVE);
        go_on(full->server);
        settle_down();
        CHECK_RESULTS(0, 0);
    }
}

static void check_full_ends(struct full *full)
{
    if (is_alive(full->holder))
        end_actor(full->holder);
    if (is_alive(full->server))
        end_actor(full->server);
    settle_down();
    check_nothing_held();
    world_end();
}

static const struct proc_op a_write = {.code = PROC_OP_WRITE, .off = OUT_OFF, .len = 9};
static const struct proc_op a_long_write = {
    .code = PROC_OP_WRITE, .off = OUT_OFF, .len = PROC_MESSAGE_HERE_BYTES};

TEST(proc_serve, op_waits_for_room_and_comes_in_its_turn)
{
    static struct full full;
    serve_full(&full, &a_write, 1);
    receive(&full, PROC_MAILBOX_MAX);
    CHECK_EQ(lists[0].dones[0].flags, 0);
    receive(&full, 1);
    CHECK_EQ(lists[0].dones[0].flags, PROC_DONE_OP | PROC_DONE_REQUEST);
    CHECK_EQ(lists[0].dones[0].len, sizeof(struct proc_request) + 9);
    CHECK_EQ(lists[1].done_count, 1);
    check_full_ends(&full);
}

TEST(proc_serve, op_without_bytes_waits_for_room_too)
{
    static struct full full;
    const struct proc_op op = {.code = PROC_OP_ACCEPT};
    serve_full(&full, &op, 1);
    receive(&full, PROC_MAILBOX_MAX + 1);
    CHECK_EQ(lists[0].dones[0].flags, PROC_DONE_OP | PROC_DONE_REQUEST);
    CHECK_EQ(lists[0].dones[0].len, sizeof(struct proc_request));
    check_full_ends(&full);
}

/* The server received what was asked and its mailbox filled again: it must still hear of the cancellation. */
TEST(proc_serve, cancellation_needs_no_room)
{
    static struct full full;
    const struct proc_op op = {.code = PROC_OP_ACCEPT};
    serve_full(&full, &op, 1);
    receive(&full, PROC_MAILBOX_MAX + 1);
    lists[0].count = lists[0].done_count = full.server->step = 0;
    for (uint32_t i = 0; i < PROC_MAILBOX_MAX; i++)
        add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV});
    go_on(full.server);
    settle_down();
    CHECK_EQ(world.kernel->messages.count, PROC_MAILBOX_MAX);
    end_actor(full.holder);
    CHECK_EQ(world.kernel->messages.count, PROC_MAILBOX_MAX + 1);
    receive(&full, PROC_MAILBOX_MAX + 1);
    struct proc_request request;
    memcpy(&request, lists[0].heads[0], sizeof request);
    CHECK_EQ(request.code, PROC_OP_CANCEL);
    CHECK_EQ(request.badge, 77);
    check_full_ends(&full);
}

TEST(proc_serve, full_table_of_objects_refuses)
{
    world_start();
    begin();
    while (vk_table_take(&world.kernel->served) != NULL)
        continue;
    add(0, (struct proc_op){.code = PROC_OP_SERVE});
    follow(0, NULL);
    settle_down();
    CHECK_RESULTS(0, -VK_ENOSPC);
    CHECK_EQ(counters().handles, 0);
    world_end();
}

TEST(proc_serve, op_that_waits_for_room_fails_with_its_server)
{
    static struct full full;
    serve_full(&full, &a_write, 1);
    end_actor(full.server);
    settle_down();
    CHECK_EQ(lists[1].dones[1].res, -VK_EDIED);
    check_full_ends(&full);
}

/* The server received, the holder was woken and had no turn yet. */
static void wake_holder(struct full *full)
{
    lists[0].count = lists[0].done_count = full->server->step = 0;
    add(0, RECEIVE);
    go_on(full->server);
    while (!proc_process_find(world.kernel, full->holder->pid)->queued)
        step();
    CHECK_EQ(lists[1].done_count, 1);
}

TEST(proc_serve, op_that_was_woken_fails_with_its_server)
{
    static struct full full;
    serve_full(&full, &a_write, 1);
    wake_holder(&full);
    end_actor(full.server);
    settle_down();
    CHECK_EQ(lists[1].dones[1].res, -VK_EDIED);
    check_full_ends(&full);
}

TEST(proc_serve, op_that_was_woken_may_find_no_buffer)
{
    static struct full full;
    serve_full(&full, &a_long_write, 1);
    wake_holder(&full);
    struct vk_buf taken, first = {0};
    while (vk_bufs_get(&world.kernel->bufs, 1, &taken))
        first = taken;
    settle_down();
    CHECK_EQ(lists[1].dones[1].res, -VK_ENOMEM);
    CHECK(first.ptr != NULL);
    world_end();
}

/* It was never posted, so its server must not hear of its end. */
TEST(proc_serve, holder_that_dies_before_there_is_room_is_not_told)
{
    static struct full full;
    for (int woken = 0; woken < 2; woken++) {
        serve_full(&full, &a_write, 1);
        if (woken)
            wake_holder(&full);
        end_actor(full.holder);
        settle_down();
        receive(&full, PROC_MAILBOX_MAX - (uint32_t)woken);
        CHECK_EQ(lists[0].dones[0].flags, 0);
        receive(&full, 1); /* the end of the handle */
        struct proc_request request;
        memcpy(&request, lists[0].heads[0], sizeof request);
        CHECK_EQ(request.code, PROC_OP_CLOSE);
        CHECK_EQ(world.kernel->messages.count, 0);
        check_full_ends(&full);
    }
}

TEST(proc_serve, op_longer_than_a_message_is_refused)
{
    static struct full full;
    serve_full(&full, NULL, 0);
    add(1, (struct proc_op){.code = PROC_OP_WRITE,
                            .handle = GOT(0),
                            .len = PROC_MESSAGE_MAX_BYTES - sizeof(struct proc_request) + 1});
    go_on(full.holder);
    settle_down();
    CHECK_EQ(lists[1].dones[1].res, -VK_ETOOBIG); /* with its head */
    check_full_ends(&full);
}
