/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an op that cannot be carried out says why, takes nothing, and leaves
 * nothing behind; so does one that is canceled. Method: processes that follow
 * a list of ops, one after the other, in kernels whose tables are tiny.
 */
#include "proc/supervise.h"
#include "tests/unit/proc/lists.h"

/* Lives, and takes no message. */
static int is_busy(struct actor *actor, struct proc_self *self)
{
    (void)actor;
    ask_sleep(self, UINT64_MAX);
    return PROC_RUN_WAIT;
}

/* ---- handles ------------------------------------------------------------------------- */

static uint32_t releases;

static void count_release(struct proc_kernel *kernel, void *object, struct proc_process *process)
{
    (void)kernel;
    (void)object;
    (void)process;
    releases++;
}

static int op_works(struct proc_kernel *kernel, struct proc_process *process, void *object,
                    const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    (void)kernel;
    (void)process;
    (void)object;
    (void)op;
    (void)bytes;
    (void)done;
    return 0;
}

static const struct proc_kind own_kind = {.name = "own", .op = op_works, .release = count_release};

TEST(proc_refusals, the_origin_can_be_given_up_once_and_not_shared)
{
    world_start();
    begin();
    releases = 0;
    add(0, (struct proc_op){.code = PROC_OP_READ, .handle = PROC_HANDLE_ORIGIN, .off = IN_OFF, .len = 8});
    add(0, (struct proc_op){.code = PROC_OP_DUP, .handle = PROC_HANDLE_ORIGIN});
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = PROC_HANDLE_ORIGIN});
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = PROC_HANDLE_ORIGIN});
    add(0, (struct proc_op){.code = PROC_OP_READ, .handle = PROC_HANDLE_ORIGIN, .off = IN_OFF, .len = 8});
    struct actor *actor = actor_new(follows_a_list);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.origin = {&own_kind, NULL}}), 0);
    settle_down();
    CHECK_RESULTS(0, 0, -VK_EPERM, 0, -VK_EBADH, -VK_EBADH);
    CHECK_EQ(releases, 1);
    check_nothing_held();
    world_end();
}

TEST(proc_refusals, the_environment_is_lent_not_given)
{
    world_start();
    begin();
    struct actor *target = start(actor_waits_forever);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_DUP, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_DUP, .handle = ENV + 1});
    add(0, (struct proc_op){.code = PROC_OP_DUP, .handle = 0});
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .flags = PROC_SEND_MOVE, .arg = ENV});
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .flags = PROC_SEND_MOVE, .arg = 99u << 20});
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .arg = 99u << 20});
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = GOT(1)});
    add(0, (struct proc_op){.code = PROC_OP_CLOSE, .handle = GOT(1)});
    add(0, (struct proc_op){.code = PROC_OP_WRITE, .handle = ENV, .off = OUT_OFF, .len = 1});
    add(0, (struct proc_op){.code = 63, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = 0});
    follow(0, &env);
    follow(1, NULL); /* without an environment: its list is empty, so it ends at once */
    settle_down();
    CHECK_RESULTS(0, -VK_EBADH, 0, -VK_EBADH, -VK_EBADH, -VK_EPERM, -VK_EBADH, -VK_EBADH, 0, -VK_EBADH,
                  -VK_ENOTSUP, -VK_ENOTSUP, -VK_EBADH);
    CHECK_EQ(counters().handles, 0);
    world_end();
}

TEST(proc_refusals, a_handle_is_good_for_its_owner_only)
{
    world_start();
    begin();
    struct actor *target = start(actor_waits_forever);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    add(0, (struct proc_op){.code = PROC_OP_DUP, .handle = ENV});
    lists[0].stays = true;
    follow(0, &env);
    settle_down();
    uint32_t handle = lists[0].dones[0].handle;
    CHECK(handle != 0);
    add(1, (struct proc_op){.code = PROC_OP_KILL, .handle = handle});
    add(1, (struct proc_op){.code = PROC_OP_CLOSE, .handle = handle});
    add(1, (struct proc_op){.code = PROC_OP_DUP, .handle = handle});
    follow(1, &env);
    settle_down();
    CHECK_RESULTS(1, -VK_EBADH, -VK_EBADH, -VK_EBADH);
    CHECK(is_alive(target));
    world_end();
}

TEST(proc_refusals, a_full_handle_table_refuses_and_undoes)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.handles_max = 2}), 0);
    begin();
    static struct proc_env env;
    struct actor *target = start(actor_waits_forever);
    env = (struct proc_env){
        .count = 2, .objects = {object_of(target), {&proc_kind_program, (void *)(uintptr_t)&actor_program}}};
    add(0, (struct proc_op){.code = PROC_OP_DUP, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_SERVE});
    add(0, (struct proc_op){.code = PROC_OP_DUP, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_SERVE});
    add(0, (struct proc_op){.code = PROC_OP_SPAWN, .handle = ENV + 1, .off = OUT_OFF, .len = 4});
    add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = ENV + 1});
    follow(0, &env);
    settle_down();
    CHECK_RESULTS(0, 0, 0, -VK_ENOSPC, -VK_ENOSPC, -VK_ENOSPC, -VK_ENOTSUP);
    CHECK_EQ(counters().processes, 1);
    CHECK_EQ(counters().handles, 0);
    CHECK_EQ(world.kernel->served.count, 0);
    world_end();
}

/* Keeps every handle and message for itself. */
static int receives_all(struct actor *actor, struct proc_self *self)
{
    for (uint32_t i = 0; i < self->done_count; i++) {
        CHECK_EQ(self->done[i].res, 0);
        actor->handle = self->done[i].handle;
        actor->step++;
    }
    ask_recv(self, 64);
    return PROC_RUN_WAIT;
}

TEST(proc_refusals, a_handle_that_finds_no_place_is_released)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.handles_max = 1}), 0);
    begin();
    struct actor *target = start(receives_all);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    add(0, (struct proc_op){.code = PROC_OP_SERVE});
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .arg = GOT(0)}); /* one more to the same */
    lists[0].stays = true;
    struct actor *giver = follow(0, &env);
    settle_down();
    CHECK_RESULTS(0, 0, 0);
    CHECK_EQ(target->step, 1);
    CHECK_EQ(target->handle, 0);
    CHECK_EQ(counters().handles, 1);
    CHECK_EQ(world.kernel->served.count, 1);
    end_actor(giver);
    settle_down();
    CHECK_EQ(world.kernel->served.count, 0);
    world_end();
}

/* ---- the dead ----------------------------------------------------------------------------- */

TEST(proc_refusals, every_op_on_a_dead_process_says_so)
{
    world_start();
    begin();
    struct actor *target = start(actor_ends);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    settle_down();
    static const uint16_t codes[] = {PROC_OP_SEND, PROC_OP_CALL, PROC_OP_MONITOR, PROC_OP_LINK, PROC_OP_KILL};
    for (size_t i = 0; i < VK_COUNT(codes); i++)
        add(0, (struct proc_op){.code = codes[i], .handle = ENV});
    follow(0, &env);
    settle_down();
    CHECK_RESULTS(0, -VK_EDIED, -VK_EDIED, -VK_EDIED, -VK_EDIED, -VK_EDIED);
    check_nothing_held();
    world_end();
}

/* A process table so small that pids come back soon. */
TEST(proc_refusals, a_handle_of_the_dead_never_names_another)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.processes_max = 2}), 0);
    begin();
    struct actor *first = start(actor_waits_forever);
    uint32_t pid = first->pid;
    struct proc_env env = {.count = 1, .objects = {object_of(first)}};
    add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = ENV});
    end_actor(first);
    struct actor *heir = actor_new(actor_waits_forever);
    uint32_t starts = 0;
    do {
        CHECK(++starts < 10000);
        if (heir->pid != 0)
            end_actor(heir);
        settle_down();
        *heir = (struct actor){.run = actor_waits_forever, .id = heir->id};
        CHECK_EQ(actor_start(heir, &(struct proc_spawn){0}), 0);
        settle_down();
    } while (heir->pid != pid);
    follow(0, &env);
    settle_down();
    CHECK_RESULTS(0, -VK_EDIED);
    CHECK(is_alive(heir));
    world_end();
}

TEST(proc_refusals, a_killed_process_ends_before_its_next_turn)
{
    world_start();
    begin();
    struct actor *target = start(actor_waits_forever);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = ENV});
    follow(0, &env);
    settle_down();
    CHECK_EQ(target->runs, 1);
    CHECK_EQ(counters().ended[PROC_REASON_KILLED], 1);
    check_nothing_held();
    world_end();
}

/* What it asked after its own end is not carried out. */
TEST(proc_refusals, a_process_that_kills_itself_asks_nothing_more)
{
    static struct proc_env env;
    world_start();
    begin();
    lists[0].all_at_once = true;
    struct actor *target = start(actor_waits_forever);
    add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = ENV + 1});
    struct actor *actor = follow(0, &env);
    env = (struct proc_env){.count = 2, .objects = {object_of(actor), object_of(target)}};
    settle_down();
    CHECK(is_alive(target));
    CHECK(!is_alive(actor));
    CHECK_EQ(counters().ended[PROC_REASON_KILLED], 1);
    world_end();
}

TEST(proc_refusals, a_start_that_finds_no_place_is_refused)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.processes_max = 1}), 0);
    begin();
    struct proc_env env = {.count = 1, .objects = {{&proc_kind_program, (void *)(uintptr_t)&actor_program}}};
    add(0, (struct proc_op){.code = PROC_OP_SPAWN, .handle = ENV, .off = OUT_OFF, .len = 4});
    follow(0, &env);
    settle_down();
    CHECK_RESULTS(0, -VK_ENOSPC);
    check_nothing_held();
    world_end();
}

/* ---- no room for one more op ------------------------------------------------------------------ */

/* Ops of every kind that would have to wait: none of them has a place, and none of them ends anybody. */
TEST(proc_refusals, one_op_too_many_for_the_table_is_refused)
{
    static const struct proc_op ops[] = {
        {.code = PROC_OP_SLEEP, .arg = MS},
        {.code = PROC_OP_RECV, .off = IN_OFF, .len = 64},
        {.code = PROC_OP_MONITOR, .handle = ENV},
        {.code = PROC_OP_CALL, .handle = ENV},
        {.code = PROC_OP_READ, .handle = ENV + 1, .off = IN_OFF, .len = 1},
    };
    for (size_t i = 0; i < VK_COUNT(ops); i++) {
        CHECK_EQ(world_start_with((struct proc_kernel_options){.requests_max = 4}), 0);
        begin();
        struct actor *target = start(actor_waits_forever);
        settle_down();
        struct proc_served *served = (struct proc_served *)vk_table_take(&world.kernel->served);
        served->server = proc_process_find(world.kernel, target->pid)->name;
        served->refs = 1;
        struct proc_env env = {.count = 2, .objects = {object_of(target), {&proc_kind_served, served}}};
        for (int k = 0; k < 3; k++)
            add(0, (struct proc_op){.code = PROC_OP_SLEEP, .arg = 1000 * MS});
        add(0, ops[i]);
        add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = ENV}); /* needs no place */
        lists[0].all_at_once = true;
        struct actor *actor = follow(0, &env);
        step();
        step();
        CHECK(is_alive(actor));
        CHECK_EQ(lists[0].dones[3].res, -VK_EOVERFLOW);
        CHECK_EQ(lists[0].dones[4].res, 0);
        CHECK_EQ(lists[0].done_count, 2);
        CHECK(!is_alive(target));
        CHECK_EQ(counters().processes, 1);
        CHECK_EQ(counters().requests, 3);
        world_end();
    }
}

/* Sleeps in as many ops as it gets; handle: what it saw refused. */
static int takes_all(struct actor *actor, struct proc_self *self)
{
    for (uint32_t i = 0; i < self->done_count; i++)
        actor->handle += self->done[i].res == -VK_EOVERFLOW;
    if (actor->handle > 0)
        return PROC_RUN_WAIT;
    while (self->ops_count < PROC_RING_ENTRIES)
        ask_sleep(self, 1000 * MS);
    return PROC_RUN_AGAIN;
}

TEST(proc_refusals, a_crowd_leaves_places_to_others)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.requests_max = 128}), 0);
    begin();
    struct actor *crowd = start(takes_all);
    settle_down();
    CHECK(crowd->handle > 0);
    CHECK(is_alive(crowd));
    CHECK_EQ(counters().requests, 128 - 128 / PROC_REQUESTS_KEPT);
    add(0, (struct proc_op){.code = PROC_OP_SLEEP, .arg = MS});
    add(0, (struct proc_op){.code = PROC_OP_DUP});
    add(0, (struct proc_op){.code = PROC_OP_SLEEP, .arg = MS});
    struct actor *other = follow(0, NULL);
    pass(10 * MS);
    CHECK_RESULTS(0, 0, -VK_EBADH, 0);
    CHECK(!is_alive(other));
    CHECK_EQ(counters().ended[PROC_REASON_NORMAL], 1);
    end_actor(crowd);
    settle_down();
    check_nothing_held();
    world_end();
}

/* Tries until it may sleep. */
static int tries_again(struct actor *actor, struct proc_self *self)
{
    if (self->done_count > 0 && the_done(self)->res == 0)
        return PROC_RUN_END;
    if (self->done_count > 0)
        actor->step += the_done(self)->res == -VK_EOVERFLOW;
    if (self->done_count > 0 || actor->runs == 1)
        ask_sleep(self, MS);
    return PROC_RUN_WAIT;
}

TEST(proc_refusals, a_table_full_through_others_delays_and_ends_nobody)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.requests_max = 4}), 0);
    struct actor *crowd = start(takes_all);
    struct actor *other = start(tries_again);
    for (int i = 0; i < 20; i++)
        step();
    CHECK_EQ(counters().requests, 4);
    CHECK(is_alive(other));
    CHECK(other->step > 3);
    end_actor(crowd);
    pass(2 * MS);
    CHECK(!is_alive(other));
    CHECK_EQ(counters().ended[PROC_REASON_NORMAL], 1);
    check_nothing_held();
    world_end();
}

TEST(proc_refusals, a_full_link_table_refuses)
{
    world_start();
    begin();
    struct actor *target = start(actor_waits_forever);
    struct proc_env env = {
        .count = 2, .objects = {object_of(target), {&proc_kind_program, (void *)(uintptr_t)&actor_program}}};
    world.kernel->links.max = 1;
    add(0, (struct proc_op){.code = PROC_OP_LINK, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_LINK, .handle = ENV});
    add(0, (struct proc_op){
               .code = PROC_OP_SPAWN, .flags = PROC_SPAWN_LINK, .handle = ENV + 1, .off = OUT_OFF, .len = 4});
    follow(0, &env);
    settle_down();
    CHECK_RESULTS(0, 0, -VK_ENOSPC, -VK_ENOSPC);
    CHECK(is_alive(target)); /* its partner ended normally */
    CHECK_EQ(counters().processes, 1);
    CHECK_EQ(counters().handles, 0);
    world_end();
}

/* ---- messages ------------------------------------------------------------------------------------ */

#define LONG_BYTES (PROC_MESSAGE_HERE_BYTES + 1) /* of a message that takes a buffer */

TEST(proc_refusals, messages_past_the_buffers_are_refused)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.bufs_max = {1, 1, 1, 1, 1}}), 0);
    begin();
    struct actor *target = start(is_busy);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    for (int i = 0; i < 7; i++)
        add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .off = OUT_OFF, .len = LONG_BYTES});
    add(0, (struct proc_op){.code = PROC_OP_CALL, .handle = ENV, .off = OUT_OFF, .len = LONG_BYTES});
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV}); /* no bytes, no buffer */
    lists[0].all_at_once = true;
    follow(0, &env);
    settle_down();
    CHECK_RESULTS(0, 0, 0, 0, 0, 0, -VK_ENOMEM, -VK_ENOMEM, -VK_ENOMEM, 0);
    end_actor(target);
    settle_down();
    check_nothing_held();
    world_end();
}

TEST(proc_refusals, a_full_message_table_refuses)
{
    world_start();
    begin();
    struct actor *target = start(actor_waits_forever);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    settle_down();
    world.kernel->messages.max = 1;
    for (int i = 0; i < 2; i++)
        add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .off = OUT_OFF, .len = 9});
    lists[0].all_at_once = true;
    follow(0, &env);
    settle_down();
    CHECK_RESULTS(0, 0, -VK_ENOMEM);
    CHECK_EQ(counters().buffers, 0);
    world_end();
}

static const struct proc_program large_program = {
    .name = "large", .heap_bytes = 1u << 20, .resume = actor_resume, .used = actor_used};

TEST(proc_refusals, messages_past_their_limit_are_refused)
{
    world_start();
    begin();
    struct actor *target = start(actor_waits_forever);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    const uint32_t most = PROC_MESSAGE_MAX_BYTES;
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .off = OUT_OFF, .len = most + 1});
    add(0, (struct proc_op){.code = PROC_OP_CALL, .handle = ENV, .off = OUT_OFF, .len = most + 1});
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .off = OUT_OFF, .len = most});
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV, .off = (1u << 20) - 8, .len = 9});
    struct actor *actor = actor_new(follows_a_list);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.program = &large_program, .env = &env}), 0);
    settle_down();
    CHECK_RESULTS(0, -VK_ETOOBIG, -VK_ETOOBIG, 0, -VK_EFAULT);
    world_end();
}

TEST(proc_refusals, a_second_receive_is_refused)
{
    world_start();
    begin();
    for (int i = 0; i < 2; i++)
        add(0, (struct proc_op){.code = PROC_OP_RECV, .off = IN_OFF, .len = 64});
    lists[0].all_at_once = true;
    struct actor *actor = follow(0, NULL);
    settle_down();
    CHECK_EQ(lists[0].done_count, 1);
    CHECK_EQ(lists[0].dones[1].res, -VK_EOVERFLOW);
    CHECK(is_alive(actor));
    world_end();
}

/* ---- canceling ------------------------------------------------------------------------------------- */

TEST(proc_refusals, every_pending_op_can_be_canceled)
{
    static const struct proc_op ops[] = {
        {.code = PROC_OP_SLEEP, .arg = 1000 * MS},
        {.code = PROC_OP_RECV, .off = IN_OFF, .len = 64},
        {.code = PROC_OP_MONITOR, .handle = ENV},
        {.code = PROC_OP_CALL, .handle = ENV},
        {.code = PROC_OP_READ, .handle = ENV + 1, .off = IN_OFF, .len = 1},
    };
    for (size_t i = 0; i < VK_COUNT(ops); i++) {
        world_start();
        begin();
        struct actor *target = start(is_busy);
        settle_down();
        struct proc_served *served = (struct proc_served *)vk_table_take(&world.kernel->served);
        served->server = proc_process_find(world.kernel, target->pid)->name;
        served->refs = 1;
        struct proc_env env = {.count = 2, .objects = {object_of(target), {&proc_kind_served, served}}};
        add(0, ops[i]);
        add(0, (struct proc_op){.code = PROC_OP_CANCEL, .arg = 0});
        add(0, (struct proc_op){.code = PROC_OP_CANCEL, .arg = 0});
        lists[0].all_at_once = true;
        follow(0, &env);
        settle_down();
        CHECK_RESULTS(0, -VK_ECANCELED, 0, -VK_ENOENT);
        end_actor(target);
        pass(2000 * MS); /* a timer left behind would fire now */
        vk_table_give(&world.kernel->served, served);
        check_nothing_held();
        world_end();
    }
}

/* ---- full mailboxes ----------------------------------------------------------------------------------- */

static int sends_one(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0) {
        ask_send(self, ENV, VK_SPAN_LIT("one"));
        return PROC_RUN_WAIT;
    }
    CHECK_EQ(the_done(self)->res, 0);
    return PROC_RUN_END;
}

/* Begins to receive when the test says so by word. */
static int receives_when_told(struct actor *actor, struct proc_self *self)
{
    if (actor->word == 0) {
        ask_sleep(self, 10 * MS);
        return PROC_RUN_WAIT;
    }
    return receives_all(actor, self);
}

TEST(proc_refusals, senders_that_die_while_they_wait_do_not_strand_others)
{
    world_start();
    begin();
    struct actor *target = start(receives_when_told);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    const uint32_t waiting = 40;
    for (uint32_t i = 0; i < PROC_MAILBOX_MAX + waiting; i++)
        start_with(sends_one, &env);
    settle_down();
    CHECK_EQ(counters().processes, 1 + waiting);
    /* Half of them go before there is room. */
    for (uint32_t i = 0; i < waiting; i += 2)
        proc_end(world.kernel, proc_process_find(world.kernel, world.actors[1 + PROC_MAILBOX_MAX + i].pid),
                 PROC_REASON_KILLED);
    target->word = 1;
    pass(20 * MS);
    CHECK_EQ(counters().processes, 1);
    CHECK_EQ(target->step, 1 /* the sleep */ + PROC_MAILBOX_MAX + waiting / 2);
    world_end();
}

/* The room of a woken sender that dies before its turn must go to the next one. */
static int dies_on_waking(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0) {
        ask_send(self, ENV, VK_SPAN_LIT("one"));
        return PROC_RUN_WAIT;
    }
    return PROC_RUN_END;
}

static void kill_the_woken(struct proc_kernel *kernel, const struct actor *first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct proc_process *process = proc_process_find(kernel, first[i].pid);
        if (process != NULL && process->queued)
            proc_end(kernel, process, PROC_REASON_KILLED);
    }
}

TEST(proc_refusals, room_that_a_dead_sender_left_goes_to_the_next)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.slots_max = {200, 1, 1, 1}}), 0);
    begin();
    struct actor *target = start(receives_when_told);
    struct proc_env env = {.count = 1, .objects = {object_of(target)}};
    /* Fill the mailbox by one process, then have more senders wait than it holds messages. */
    for (uint32_t i = 0; i < PROC_MAILBOX_MAX; i++) {
        struct actor *actor = start_with(sends_one, &env);
        settle_down();
        CHECK(!is_alive(actor));
        world.actors_count--;
    }
    struct actor *doomed = &world.actors[world.actors_count];
    const uint32_t doomed_count = PROC_MAILBOX_MAX + 6;
    for (uint32_t i = 0; i < doomed_count; i++)
        start_with(dies_on_waking, &env);
    struct actor *last = start_with(sends_one, &env);
    settle_down();
    CHECK(is_alive(last));
    target->word = 1;
    world.clock_ns += 20 * MS;
    /* Each tick the target receives; whoever it wakes dies before its own turn. */
    for (int i = 0; i < 400; i++) {
        step();
        kill_the_woken(world.kernel, doomed, doomed_count);
    }
    CHECK(!is_alive(last));
    world_end();
}

/* ---- supervisors ------------------------------------------------------------------------------------------
 */

static int supervise(struct actor *const *children, uint32_t count, uint32_t restarts_max,
                     struct proc_supervisor **ret_supervisor)
{
    struct proc_supervisor_options options = {
        .restarts_max = restarts_max, .period_ns = 1000 * MS, .children_count = count};
    for (uint32_t i = 0; i < count; i++)
        options.children[i] =
            (struct proc_child_spec){.program = &actor_program, .arg = &children[i]->id, .arg_len = 4};
    return proc_supervisor_create(world.kernel, &options, ret_supervisor);
}

TEST(proc_refusals, a_supervisor_that_cannot_start_all_stops_the_others)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.processes_max = 1, .service_bytes = 65536}), 0);
    struct actor *children[2] = {actor_new(actor_waits_forever), actor_new(actor_waits_forever)};
    struct proc_supervisor *supervisor = NULL;
    CHECK_EQ(supervise(children, 2, 3, &supervisor), -VK_ENOSPC);
    CHECK(supervisor == NULL);
    settle_down();
    check_nothing_held();
    world_end();
}

TEST(proc_refusals, a_region_used_up_gives_no_supervisor)
{
    world_start();
    struct actor *child = actor_new(actor_waits_forever);
    struct proc_supervisor *supervisor = NULL;
    while (vk_region_alloc(&world.kernel->region, 64, 1) != NULL)
        continue;
    CHECK_EQ(supervise(&child, 1, 3, &supervisor), -VK_ENOMEM);
    world_end();
}

static int fails_when_told(struct actor *actor, struct proc_self *self)
{
    if (actor->word != 0)
        return PROC_RUN_FAIL;
    ask_sleep(self, 10 * MS);
    return PROC_RUN_WAIT;
}

TEST(proc_refusals, a_restart_waits_for_a_place)
{
    CHECK_EQ(world_start_with((struct proc_kernel_options){.processes_max = 1, .service_bytes = 65536}), 0);
    struct actor *child = actor_new(fails_when_told);
    struct actor *thief = actor_new(actor_waits_forever);
    struct proc_supervisor *supervisor;
    CHECK_EQ(supervise(&child, 1, 3, &supervisor), 0);
    settle_down();
    /* It is ended outside the tick, and its place is taken before the restart. */
    proc_end(world.kernel, proc_process_find(world.kernel, proc_supervisor_pid(supervisor, 0)),
             PROC_REASON_FAIL);
    CHECK_EQ(proc_supervisor_pid(supervisor, 0), 0);
    CHECK_EQ(actor_start(thief, &(struct proc_spawn){0}), 0);
    pass(300 * MS);
    CHECK_EQ(proc_supervisor_pid(supervisor, 0), 0);
    CHECK_EQ(proc_supervisor_restarts(supervisor), 0);
    end_actor(thief);
    pass(300 * MS);
    CHECK(proc_supervisor_pid(supervisor, 0) != 0);
    CHECK_EQ(proc_supervisor_pid(supervisor, 1), 0);
    CHECK_EQ(proc_supervisor_restarts(supervisor), 1);
    CHECK(!proc_supervisor_gave_up(supervisor));
    world_end();
}

TEST(proc_refusals, a_child_can_be_called_but_not_killed_through_its_name)
{
    world_start();
    begin();
    struct actor *child = actor_new(receives_all);
    struct proc_supervisor *supervisor;
    CHECK_EQ(supervise(&child, 1, 3, &supervisor), 0);
    struct proc_env env = {.count = 1, .objects = {proc_supervisor_child(supervisor, 0)}};
    add(0, (struct proc_op){.code = PROC_OP_KILL, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_LINK, .handle = ENV});
    add(0, (struct proc_op){.code = PROC_OP_SEND, .handle = ENV});
    follow(0, &env);
    settle_down();
    CHECK_RESULTS(0, -VK_EPERM, -VK_EPERM, 0);
    CHECK_EQ(child->step, 1);
    CHECK_EQ(proc_supervisor_restarts(supervisor), 0);
    world_end();
}
