/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a process whose program waits for its first message runs once one is
 * there and not before, holds no heap until then, and can meanwhile be killed,
 * watched and linked with like any other. Method: actors of such a program
 * beside one that sends, or ends.
 */
#include "tests/unit/proc/world.h"

static const struct proc_program patient = {.name = "patient",
                                            .heap_bytes = HEAP_BYTES,
                                            .resume = actor_resume,
                                            .used = actor_used,
                                            .is_movable = true,
                                            .waits_first = true};

static uint32_t wanted; /* messages, until it ends */

/* Takes them: word has the first byte of each, stays is 1 when the first lay there as it began. */
static int receives(struct actor *actor, struct proc_self *self)
{
    if (actor->runs > 1) {
        CHECK_EQ(the_done(self)->res, 0);
        actor->word = actor->word << 8 | *(uint8_t *)proc_at(self, IN_OFF);
        actor->step++;
    } else if (self->mail_len) {
        actor->word = *(uint8_t *)proc_at(self, self->mail_off);
        actor->stays = 1;
        actor->step = 1;
    }
    if (actor->step == wanted)
        return PROC_RUN_END;
    ask_recv(self, 4096);
    return PROC_RUN_WAIT;
}

static struct actor *start_patient(void)
{
    struct actor *actor = actor_new(receives);
    wanted = 1;
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.program = &patient, .copy_arg = true}), 0);
    settle_down();
    CHECK_EQ(actor->runs, 0);
    return actor;
}

/* Does one op on handle 2 and ends as step says. */
static int does(struct actor *actor, struct proc_self *self)
{
    struct proc_op op = {.code = (uint16_t)actor->word, .handle = 2, .off = OUT_OFF};
    if (actor->step == 0) {
        op.len = op.code == PROC_OP_SEND ? actor->handle : 0;
        memset(proc_at(self, OUT_OFF), (int)actor->id, op.len);
        ask(self, op);
        actor->step = 1;
        return PROC_RUN_WAIT;
    }
    actor->stays = (uint32_t)the_done(self)->res;
    return actor->other ? PROC_RUN_FAIL : PROC_RUN_END;
}

/* Somebody who does that op on the actor, sends so many bytes, each its number, and then fails or ends. */
static struct actor *other_begins(const struct actor *actor, uint16_t code, bool fails, uint32_t len)
{
    static struct proc_env env;
    env = (struct proc_env){1, {object_of(actor)}};
    struct actor *other = actor_new(does);
    other->word = code;
    other->handle = len;
    other->other = fails ? other : NULL;
    CHECK_EQ(actor_start(other, &(struct proc_spawn){.env = &env}), 0);
    return other;
}

static struct actor *other_does(const struct actor *actor, uint16_t code, bool fails)
{
    struct actor *other = other_begins(actor, code, fails, 1);
    settle_down();
    return other;
}

TEST(proc_fresh, runs_when_a_message_is_there)
{
    world_start();
    struct actor *actor = start_patient();
    pass(1000 * MS);
    CHECK_EQ(actor->runs, 0);
    CHECK_EQ(counters().slots, 1); /* the right to one */
    struct actor *sender = other_does(actor, PROC_OP_SEND, false);
    CHECK_EQ(actor->runs, 1);
    CHECK(actor->stays && !is_alive(actor));
    CHECK_EQ(actor->word, sender->id);
    check_nothing_held();
    world_end();
}

TEST(proc_fresh, message_before_the_start_is_over_is_received)
{
    world_start();
    struct actor *actor = actor_new(receives);
    struct proc_process *process;
    wanted = 1;
    const struct proc_spawn spawn = {
        .program = &patient, .arg = &actor->id, .arg_len = sizeof actor->id, .copy_arg = true};
    CHECK_EQ(proc_spawn(world.kernel, &spawn, &process), 0);
    actor->pid = proc_pid(process);
    struct actor *sender = other_does(actor, PROC_OP_SEND, false);
    CHECK_EQ(actor->runs, 0); /* nobody has said that it may */
    proc_run_soon(world.kernel, process);
    settle_down();
    CHECK_EQ(actor->word, sender->id);
    check_nothing_held();
    world_end();
}

TEST(proc_fresh, first_of_several_messages_lies_there_and_the_others_follow)
{
    world_start();
    struct actor *actor = start_patient();
    wanted = 3;
    const struct actor *first = other_begins(actor, PROC_OP_SEND, false, 1);
    (void)other_begins(actor, PROC_OP_SEND, false, PROC_MAIL_HERE_BYTES);
    const struct actor *last = other_begins(actor, PROC_OP_SEND, false, 4096);
    settle_down();
    CHECK(actor->stays && !is_alive(actor));
    CHECK_EQ(actor->word, first->id << 16 | (first->id + 1) << 8 | last->id);
    check_nothing_held();
    world_end();
}

TEST(proc_fresh, long_first_message_is_received)
{
    static const uint32_t lens[] = {PROC_MAIL_HERE_BYTES, PROC_MAIL_HERE_BYTES + 1, 4096};
    world_start();
    for (uint32_t i = 0; i < VK_COUNT(lens); i++) {
        struct actor *actor = start_patient();
        const struct actor *sender = other_begins(actor, PROC_OP_SEND, false, lens[i]);
        settle_down();
        CHECK_EQ(actor->word, sender->id);
        CHECK_EQ(actor->stays, lens[i] <= PROC_MAIL_HERE_BYTES);
    }
    check_nothing_held();
    world_end();
}

TEST(proc_fresh, may_be_killed_before_it_runs)
{
    world_start();
    struct actor *actor = start_patient();
    (void)other_does(actor, PROC_OP_KILL, false);
    CHECK(actor->runs == 0 && !is_alive(actor));
    check_nothing_held();
    world_end();
}

TEST(proc_fresh, ends_with_whom_it_is_linked)
{
    world_start();
    struct actor *actor = start_patient();
    (void)other_does(actor, PROC_OP_LINK, false);
    CHECK(is_alive(actor));
    (void)other_does(actor, PROC_OP_LINK, true);
    CHECK(actor->runs == 0 && !is_alive(actor));
    check_nothing_held();
    world_end();
}

TEST(proc_fresh, its_end_is_told)
{
    world_start();
    struct actor *actor = start_patient();
    struct actor *watcher = other_does(actor, PROC_OP_MONITOR, false);
    CHECK(is_alive(watcher));
    proc_end(world.kernel, proc_process_find(world.kernel, actor->pid), PROC_REASON_KILLED);
    settle_down();
    CHECK(!is_alive(watcher));
    CHECK_EQ(watcher->stays, PROC_REASON_KILLED);
    check_nothing_held();
    world_end();
}

TEST(proc_fresh, long_argument_is_kept_until_then)
{
    uint8_t arg[PROC_ARG_HERE_BYTES + 1];
    struct proc_process *process;
    world_start();
    struct actor *actor = actor_new(receives);
    wanted = 1;
    for (uint32_t len = sizeof arg - 1; len <= sizeof arg; len++) {
        *actor = (struct actor){.run = receives, .id = actor->id};
        memset(arg, 0, sizeof arg);
        memcpy(arg, &actor->id, sizeof actor->id);
        const struct proc_spawn spawn = {.program = &patient, .arg = arg, .arg_len = len, .copy_arg = true};
        CHECK_EQ(proc_spawn(world.kernel, &spawn, &process), 0);
        memset(arg, 0xff, sizeof arg);
        CHECK_EQ(counters().buffers, len > PROC_ARG_HERE_BYTES);
        actor->pid = proc_pid(process);
        proc_run_soon(world.kernel, process);
        struct actor *sender = other_does(actor, PROC_OP_SEND, false);
        CHECK_EQ(actor->word, sender->id);
    }
    check_nothing_held();
    world_end();
}
