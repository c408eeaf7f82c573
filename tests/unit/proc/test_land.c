/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the bytes of an answer go where the program makes room for them, none
 * are lost while there is no room, they come in order, the bytes of an op that
 * waits may be overwritten in the heap, and a call has an end. Method: actors
 * of a program whose land is the test's.
 */
#include "tests/unit/proc/world.h"

#define PEER     2u
#define LAND_OFF 16384u

static uint32_t room;      /* bytes that land gives at once; 0 none */
static uint32_t lands;     /* how often it was asked */
static uint64_t asked_tag; /* of the last time */
static uint32_t asked_len;
static uint32_t answer_off; /* what it gives */

static uint32_t land(const struct proc_program *program, struct proc_self *self, uint64_t tag, uint32_t len)
{
    (void)program;
    (void)self;
    lands++;
    asked_tag = tag;
    asked_len = len;
    return len <= room ? answer_off : 0;
}

static const struct proc_program landing_program = {
    .name = "landing", .heap_bytes = HEAP_BYTES, .resume = actor_resume, .land = land};

static void begin(uint32_t room_bytes)
{
    world_start();
    room = room_bytes;
    lands = 0;
    asked_tag = 0;
    asked_len = 0;
    answer_off = LAND_OFF;
}

static struct actor *start_landing(actor_fn run, const struct proc_env *env)
{
    struct actor *actor = actor_new(run);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.program = &landing_program, .env = env}), 0);
    return actor;
}

static bool landed_is(struct proc_self *self, struct vk_span text)
{
    return vk_span_equal(vk_span(proc_at(self, LAND_OFF), text.len), text);
}

static void end_actor(const struct actor *actor)
{
    struct proc_process *process = proc_process_find(world.kernel, actor->pid);
    if (process != NULL)
        proc_end(world.kernel, process, PROC_REASON_KILLED);
}

/* ---- messages ------------------------------------------------------------------ */

static int sends_two(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ > 0)
        return PROC_RUN_END;
    ask_send(self, PEER, VK_SPAN_LIT("first"));
    uint32_t at = OUT_OFF + 64;
    memcpy(proc_at(self, at), "second", 6);
    ask(self, (struct proc_op){.code = PROC_OP_SEND, .handle = PEER, .off = at, .len = 6});
    return PROC_RUN_WAIT;
}

/* Receives twice; counts what came right in word, and runs that found no room in stays. */
static int receives_two(struct actor *actor, struct proc_self *self)
{
    const struct proc_op recv = {.code = PROC_OP_RECV, .flags = PROC_OP_LAND, .len = 100, .tag = 7};
    if (self->land_len) {
        CHECK_EQ(self->land_len, actor->step == 1 ? 5 : 6);
        CHECK_EQ(self->land_tag, 7);
        CHECK_EQ(self->done_count, 0);
        if (++actor->stays == 3)
            room = 64;
        return PROC_RUN_WAIT;
    }
    if (actor->step > 0) {
        CHECK_EQ(the_done(self)->res, 0);
        CHECK_EQ(the_done(self)->tag, 7);
        CHECK_EQ(the_done(self)->len, actor->step == 1 ? 5 : 6);
        actor->word += landed_is(self, actor->step == 1 ? VK_SPAN_LIT("first") : VK_SPAN_LIT("second"));
    }
    if (++actor->step == 3)
        return PROC_RUN_END;
    ask(self, recv);
    return PROC_RUN_WAIT;
}

static void receive(bool is_first, uint32_t room_bytes, uint32_t stays)
{
    struct proc_env env = {.count = 1};
    begin(room_bytes);
    struct actor *to = start_landing(receives_two, NULL);
    env.objects[0] = object_of(to);
    if (is_first)
        settle_down();
    start_with(sends_two, &env);
    settle_down();
    CHECK_EQ(to->word, 2);
    CHECK_EQ(to->stays, stays);
    CHECK(!is_alive(to));
    check_nothing_held();
    world_end();
}

TEST(proc_land, message_lands_where_the_program_says)
{
    receive(true, 64, 0);
    receive(false, 64, 0);
}

TEST(proc_land, message_stays_until_there_is_room)
{
    receive(true, 0, 3);
    receive(false, 0, 3);
}

TEST(proc_land, end_without_room_gives_everything_back)
{
    struct proc_env env = {.count = 1};
    begin(0);
    struct actor *to = start_landing(receives_two, NULL);
    to->stays = 1000;
    env.objects[0] = object_of(to);
    start_with(sends_two, &env);
    for (int i = 0; i < 20; i++)
        step();
    CHECK(is_alive(to));
    end_actor(to);
    settle_down();
    check_nothing_held();
    world_end();
}

static int sends_later(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0)
        ask_sleep(self, MS);
    else
        ask_send(self, PEER, VK_SPAN_LIT("later"));
    return actor->step < 3 ? PROC_RUN_WAIT : PROC_RUN_END;
}

/* As one that collects: it makes room only when the kernel has taken the ops it asked for. */
static int makes_room_without_ops(struct actor *actor, struct proc_self *self)
{
    const struct proc_op recv = {.code = PROC_OP_RECV, .flags = PROC_OP_LAND, .len = 100, .tag = 7};
    actor->step += self->done_count;
    if (actor->runs == 1)
        while (self->ops_count < PROC_RING_ENTRIES)
            ask_sleep(self, 2 * MS);
    if (actor->runs == 1)
        return PROC_RUN_AGAIN;
    if (actor->runs == 2)
        ask(self, recv);
    if (self->done_count == PROC_RING_ENTRIES)
        ask(self, (struct proc_op){.code = PROC_OP_CLOSE});
    if (self->land_len && self->ops_count == 0)
        room = 64;
    actor->stays += self->land_len != 0;
    return actor->step == PROC_RING_ENTRIES + 2 ? PROC_RUN_END : PROC_RUN_WAIT;
}

TEST(proc_land, ops_are_taken_while_there_is_no_room)
{
    struct proc_env env = {.count = 1};
    begin(0);
    struct actor *to = start_landing(makes_room_without_ops, NULL);
    env.objects[0] = object_of(to);
    start_with(sends_later, &env);
    for (int i = 0; i < 4; i++)
        step();
    world.clock_ns += 3 * MS;
    for (int i = 0; i < 40; i++)
        step();
    CHECK(to->stays > 0);
    CHECK(!is_alive(to));
    settle_down();
    check_nothing_held();
    world_end();
}

/* ---- refusals ------------------------------------------------------------------- */

static int receives_one(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0) {
        ask(self, (struct proc_op){.code = PROC_OP_RECV, .flags = PROC_OP_LAND, .len = 4, .tag = 7});
        return PROC_RUN_WAIT;
    }
    actor->word = (uint64_t)(int64_t)the_done(self)->res;
    return PROC_RUN_END;
}

static int64_t refusal(const struct proc_program *program, uint32_t off)
{
    struct proc_env env = {.count = 1};
    begin(64);
    answer_off = off;
    struct actor *to = actor_new(receives_one);
    CHECK_EQ(actor_start(to, &(struct proc_spawn){.program = program}), 0);
    env.objects[0] = object_of(to);
    start_with(sends_two, &env);
    settle_down();
    CHECK(!is_alive(to));
    check_nothing_held();
    int64_t res = (int64_t)to->word;
    world_end();
    return res;
}

TEST(proc_land, program_without_it_is_told_so)
{
    CHECK_EQ(refusal(&actor_program, LAND_OFF), -VK_ENOTSUP);
}

TEST(proc_land, more_than_the_op_takes_is_too_big)
{
    CHECK_EQ(refusal(&landing_program, LAND_OFF), -VK_ETOOBIG);
}

static int receives_hundred(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0) {
        ask(self, (struct proc_op){.code = PROC_OP_RECV, .flags = PROC_OP_LAND, .len = 100, .tag = 7});
        return PROC_RUN_WAIT;
    }
    actor->word = (uint64_t)(int64_t)the_done(self)->res;
    return PROC_RUN_END;
}

static int64_t placed_at(uint32_t off)
{
    struct proc_env env = {.count = 1};
    begin(64);
    answer_off = off;
    struct actor *to = start_landing(receives_hundred, NULL);
    env.objects[0] = object_of(to);
    start_with(sends_two, &env);
    settle_down();
    int64_t res = (int64_t)to->word;
    check_nothing_held();
    world_end();
    return res;
}

TEST(proc_land, place_outside_of_the_heap_is_refused)
{
    CHECK_EQ(placed_at(HEAP_BYTES - 5), 0);
    CHECK_EQ(placed_at(HEAP_BYTES - 4), -VK_EFAULT);
    CHECK_EQ(placed_at(0x80000000u), -VK_EFAULT);
    CHECK_EQ(placed_at(PROC_LAND_NOBODY), -VK_EFAULT);
    CHECK_EQ(placed_at(PROC_LAND_FULL), -VK_ETOOBIG);
}

static int sleeps_landing(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0) {
        ask(self, (struct proc_op){
                      .code = PROC_OP_READ, .flags = PROC_OP_LAND, .handle = PEER, .len = 100, .tag = 7});
        return PROC_RUN_WAIT;
    }
    actor->word = (uint64_t)(int64_t)the_done(self)->res;
    return PROC_RUN_END;
}

TEST(proc_land, object_whose_bytes_cannot_land_is_told_so)
{
    struct proc_env env = {.count = 1};
    begin(64);
    struct actor *other = start(actor_waits_forever);
    env.objects[0] = object_of(other);
    struct actor *actor = start_landing(sleeps_landing, &env);
    settle_down();
    CHECK_EQ((int64_t)actor->word, -VK_ENOTSUP);
    end_actor(other);
    settle_down();
    check_nothing_held();
    world_end();
}

/* ---- calls ----------------------------------------------------------------------- */

/* Answers once with the message twice over, result 9. */
static int answers_twice_over(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0) {
        ask_recv(self, 64);
        return PROC_RUN_WAIT;
    }
    const struct proc_done *done = the_done(self);
    memcpy(proc_at(self, OUT_OFF), proc_at(self, IN_OFF), done->len);
    memcpy(proc_at(self, OUT_OFF + done->len), proc_at(self, IN_OFF), done->len);
    ask(self, (struct proc_op){.code = PROC_OP_REPLY,
                               .flags = PROC_OP_SILENT,
                               .off = OUT_OFF,
                               .len = 2 * done->len,
                               .arg = (uint32_t)done->arg | (uint64_t)9 << 32});
    return PROC_RUN_END;
}

static int calls(struct actor *actor, struct proc_self *self)
{
    if (self->land_len) {
        CHECK_EQ(self->land_len, 6);
        CHECK_EQ(self->land_tag, 5);
        if (++actor->stays == 2)
            room = 64;
        return PROC_RUN_AGAIN;
    }
    if (actor->step++ == 0) {
        ask(self, (struct proc_op){.code = PROC_OP_CALL,
                                   .flags = PROC_OP_LAND,
                                   .handle = PEER,
                                   .off = OUT_OFF,
                                   .len = put(self, VK_SPAN_LIT("abc")),
                                   .arg = actor->word,
                                   .tag = 5});
        return PROC_RUN_WAIT;
    }
    actor->word = (uint64_t)(int64_t)the_done(self)->res;
    actor->handle = (uint32_t)the_done(self)->arg;
    if (the_done(self)->res == 9)
        CHECK(landed_is(self, VK_SPAN_LIT("abcabc")));
    return PROC_RUN_END;
}

TEST(proc_land, reply_lands_and_waits_for_room)
{
    for (uint32_t room_bytes = 0; room_bytes <= 64; room_bytes += 64) {
        struct proc_env env = {.count = 1};
        begin(room_bytes);
        struct actor *server = start(answers_twice_over);
        env.objects[0] = object_of(server);
        struct actor *actor = start_landing(calls, &env);
        settle_down();
        CHECK_EQ(actor->word, 9);
        CHECK_EQ(actor->stays, room_bytes ? 0 : 2);
        check_nothing_held();
        world_end();
    }
}

/* The number of bytes in word is asked twice over; handle becomes 1 when they came as they should. */
static int calls_shortly(struct actor *actor, struct proc_self *self)
{
    uint32_t len = (uint32_t)actor->word;
    if (actor->step++ == 0) {
        memcpy(proc_at(self, OUT_OFF), "abcdef", len);
        ask(self, (struct proc_op){.code = PROC_OP_CALL,
                                   .flags = PROC_OP_LAND | PROC_OP_SHORT,
                                   .handle = PEER,
                                   .off = OUT_OFF,
                                   .len = len});
        return PROC_RUN_WAIT;
    }
    const struct proc_done *done = the_done(self);
    bool is_here = done->flags & PROC_DONE_HERE;
    const uint8_t *bytes = is_here ? (const uint8_t *)&done->arg : proc_at(self, LAND_OFF);
    CHECK_EQ(is_here, 2 * len <= 8 && len > 0);
    CHECK_EQ(done->res, 9);
    CHECK_EQ(done->len, 2 * len);
    actor->handle = memcmp(bytes, "abcdef", len) == 0 && memcmp(bytes + len, "abcdef", len) == 0;
    return PROC_RUN_END;
}

TEST(proc_land, short_answer_needs_no_room)
{
    for (uint32_t len = 0; len <= 6; len++) {
        struct proc_env env = {.count = 1};
        begin(64);
        struct actor *server = start(answers_twice_over);
        env.objects[0] = object_of(server);
        struct actor *actor = start_landing(calls_shortly, &env);
        actor->word = len;
        settle_down();
        CHECK_EQ(actor->handle, 1);
        CHECK_EQ(lands, len > 4);
        check_nothing_held();
        world_end();
    }
}

/* Takes what comes and never answers. */
static int keeps_silent(struct actor *actor, struct proc_self *self)
{
    (void)actor;
    ask_recv(self, 64);
    return PROC_RUN_WAIT;
}

TEST(proc_land, call_has_an_end)
{
    struct proc_env env = {.count = 1};
    begin(64);
    struct actor *server = start(keeps_silent);
    env.objects[0] = object_of(server);
    struct actor *actor = start_landing(calls, &env);
    actor->word = 5 * MS;
    settle_down();
    CHECK_EQ(actor->word, 5 * MS); /* it waits */
    pass(4 * MS);
    CHECK(is_alive(actor));
    pass(2 * MS);
    CHECK_EQ((int64_t)actor->word, -VK_ETIMEDOUT);
    CHECK_EQ(actor->handle, 0);
    end_actor(server);
    settle_down();
    check_nothing_held();
    world_end();
}

TEST(proc_land, answer_ends_the_wait)
{
    struct proc_env env = {.count = 1};
    begin(64);
    struct actor *server = start(answers_twice_over);
    env.objects[0] = object_of(server);
    struct actor *actor = start_landing(calls, &env);
    actor->word = 5 * MS;
    settle_down();
    CHECK_EQ(actor->word, 9);
    pass(10 * MS);
    check_nothing_held();
    world_end();
}

/* Fills the mailbox of the peer, then calls. */
static int fills_and_calls(struct actor *actor, struct proc_self *self)
{
    if (actor->step < PROC_MAILBOX_MAX) {
        for (uint32_t i = 0; i < 8; i++, actor->step++)
            ask(self, (struct proc_op){.code = PROC_OP_SEND, .handle = PEER, .flags = PROC_OP_SILENT});
        return PROC_RUN_AGAIN;
    }
    if (actor->step++ == PROC_MAILBOX_MAX) {
        ask(self, (struct proc_op){.code = PROC_OP_CALL,
                                   .flags = PROC_OP_LAND,
                                   .handle = PEER,
                                   .off = OUT_OFF,
                                   .len = put(self, VK_SPAN_LIT("kept")),
                                   .arg = 5 * MS});
        return PROC_RUN_AGAIN;
    }
    if (actor->step++ == PROC_MAILBOX_MAX + 1)
        put(self, VK_SPAN_LIT("gone")); /* as a collection would */
    if (self->done_count == 0)
        return PROC_RUN_WAIT;
    actor->word = (uint64_t)(int64_t)the_done(self)->res;
    return PROC_RUN_END;
}

/* Receives everything after `stays` ns; word: how many messages were "kept". */
static int receives_late(struct actor *actor, struct proc_self *self)
{
    if (actor->step == 0)
        ask_sleep(self, actor->stays);
    if (actor->step > 1 && the_done(self)->len == 4)
        actor->word += in_is(self, VK_SPAN_LIT("kept"));
    if (actor->step++ > 0)
        ask_recv(self, 64);
    return PROC_RUN_WAIT;
}

static struct actor *call_full(uint32_t after_ns, struct actor **ret_caller)
{
    struct proc_env env = {.count = 1};
    begin(64);
    struct actor *to = start(receives_late);
    to->stays = after_ns;
    env.objects[0] = object_of(to);
    *ret_caller = start_landing(fills_and_calls, &env);
    settle_down();
    CHECK(is_alive(*ret_caller));
    pass(20 * MS);
    end_actor(to);
    settle_down();
    CHECK(!is_alive(*ret_caller));
    check_nothing_held();
    return to;
}

TEST(proc_land, bytes_of_a_waiting_call_are_kept)
{
    struct actor *caller, *to = call_full(2 * MS, &caller);
    CHECK_EQ(to->word, 1);
    CHECK_EQ((int64_t)caller->word, -VK_ETIMEDOUT); /* it came, and nobody answered */
    world_end();
}

TEST(proc_land, call_that_waits_for_room_ends_too)
{
    struct actor *caller, *to = call_full(10 * MS, &caller);
    CHECK_EQ(to->word, 0);
    CHECK_EQ((int64_t)caller->word, -VK_ETIMEDOUT);
    world_end();
}

TEST(proc_land, call_in_a_circle_is_named)
{
    struct proc_env envs[2] = {{.count = 1}, {.count = 1}};
    begin(64);
    struct actor *a = start_landing(calls, &envs[0]), *b = start_landing(calls, &envs[1]);
    envs[0].objects[0] = object_of(b);
    envs[1].objects[0] = object_of(a);
    a->word = 5 * MS;
    b->word = 50 * MS;
    pass(6 * MS);
    CHECK_EQ((int64_t)a->word, -VK_ETIMEDOUT);
    CHECK_EQ(a->handle, 1);
    CHECK_EQ((int64_t)b->word, -VK_EDIED);
    check_nothing_held();
    world_end();
}

/* ---- monitors ---------------------------------------------------------------------- */

static uint32_t words(const struct proc_program *program, const struct proc_self *self, uint32_t *ret_off)
{
    (void)program;
    (void)self;
    *ret_off = OUT_OFF;
    return 5;
}

static const struct proc_program speaking_program = {
    .name = "speaking", .heap_bytes = HEAP_BYTES, .resume = actor_resume, .words = words};

static int fails_with_words(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0) {
        ask_sleep(self, MS);
        return PROC_RUN_WAIT;
    }
    put(self, VK_SPAN_LIT("words"));
    return actor->word ? PROC_RUN_END : PROC_RUN_FAIL;
}

static int monitors(struct actor *actor, struct proc_self *self)
{
    if (self->land_len) {
        room = 64;
        return PROC_RUN_WAIT;
    }
    if (actor->step++ == 0) {
        ask(self, (struct proc_op){
                      .code = PROC_OP_MONITOR, .flags = (uint16_t)actor->handle, .handle = PEER, .tag = 3});
        return PROC_RUN_WAIT;
    }
    actor->word = (uint64_t)(int64_t)the_done(self)->res;
    actor->stays = the_done(self)->len;
    CHECK(actor->stays == 0 || landed_is(self, VK_SPAN_LIT("words")));
    return PROC_RUN_END;
}

/* Bytes that a monitor with such flags got. */
static uint32_t monitored(uint32_t flags, bool ends_normally)
{
    struct proc_env env = {.count = 1};
    begin(0);
    struct actor *other = actor_new(fails_with_words);
    other->word = ends_normally;
    CHECK_EQ(actor_start(other, &(struct proc_spawn){.program = &speaking_program}), 0);
    env.objects[0] = object_of(other);
    struct actor *actor = start_landing(monitors, &env);
    actor->handle = flags;
    pass(2 * MS);
    CHECK(!is_alive(actor));
    CHECK_EQ(actor->word, ends_normally ? PROC_REASON_NORMAL : PROC_REASON_FAIL);
    check_nothing_held();
    uint32_t len = actor->stays;
    world_end();
    return len;
}

TEST(proc_land, monitor_hears_why_in_words)
{
    CHECK_EQ(monitored(PROC_OP_LAND, false), 5);
    CHECK_EQ(monitored(0, false), 0);
    CHECK_EQ(monitored(PROC_OP_LAND, true), 0);
}
