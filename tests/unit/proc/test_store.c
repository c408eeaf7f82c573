/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a store answers whoever holds its handle, and nobody else, with copies;
 * each ask is one step; what is malformed or too large changes nothing; no
 * buffer or op is left behind. Method: one process for each ask, cases at,
 * below and above the bounds, time that the kernel's clock makes pass.
 */
#include "proc/store.h"

#include "tests/unit/proc/world.h"
#include "vk/kv.h"

#define STORE  2u /* handles in the environment */
#define OTHER  3u
#define NOBODY 4u

static struct proc_store *store, *other;
static struct proc_env env;

/* The ask under way, and what came of it. */
static struct {
    struct proc_op op;
    uint8_t message[2 * PROC_STORE_VALUE_MAX_BYTES];
    struct proc_done done;
    uint8_t bytes[PROC_STORE_VALUE_MAX_BYTES];
    uint32_t room;
} talk;

static void begin_with(struct proc_store_options options)
{
    static const struct proc_store_options small = {.name = "other", .entries_max = 4, .bytes_max = 1024};
    CHECK_EQ(world_start_with((struct proc_kernel_options){
                 .service_bytes = proc_store_region_bytes(&options) + proc_store_region_bytes(&small),
                 .slots_max = {0, 8},
                 .bufs_max = {0, 0, 0, 8}}),
             0);
    CHECK_EQ(proc_store_create(world.kernel, &options, &store), 0);
    CHECK_EQ(proc_store_create(world.kernel, &small, &other), 0);
    env = (struct proc_env){.count = 2, .objects = {proc_store_object(store), proc_store_object(other)}};
}

static void begin(void)
{
    begin_with((struct proc_store_options){.name = "things", .entries_max = 8, .bytes_max = 256 << 10});
}

static struct proc_store_counters counted(void)
{
    struct proc_store_counters now;
    proc_store_counters(store, &now);
    return now;
}

static void end(void)
{
    check_nothing_held();
    world_end();
}

/* ---- asking ---------------------------------------------------------------------------- */

#define LARGE_OFF (256u << 10) /* of messages and answers in a larger heap */

static const struct proc_program large_program = {
    .name = "large", .heap_bytes = 1u << 20, .prefix_bytes = 1u << 20, .resume = actor_resume};

static int asks(struct actor *actor, struct proc_self *self)
{
    if (actor->step++ == 0) {
        struct proc_op op = talk.op;
        op.off = LARGE_OFF;
        memcpy(proc_at(self, LARGE_OFF), talk.message, op.len);
        op.arg = (LARGE_OFF * 2) | (uint64_t)talk.room << 32;
        ask(self, op);
        return PROC_RUN_WAIT;
    }
    talk.done = *the_done(self);
    uint32_t len = talk.done.len < talk.room ? talk.done.len : talk.room;
    memcpy(talk.bytes, proc_at(self, LARGE_OFF * 2), len);
    return PROC_RUN_END;
}

/* The answer to talk.op, of a process of its own. */
static int ask_op(const struct proc_env *with)
{
    struct actor *actor = actor_new(asks);
    CHECK_EQ(actor_start(actor, &(struct proc_spawn){.program = &large_program, .env = with}), 0);
    settle_down();
    CHECK(!is_alive(actor));
    world.actors_count--;
    return talk.done.res;
}

struct message {
    uint8_t what;
    struct vk_span key, old, value;
    uint64_t ttl_ns;
    int64_t by;
};

static int ask_with(const struct proc_env *with, uint32_t handle, struct message m)
{
    struct proc_store_ask head = {.what = m.what,
                                  .key_len = (uint32_t)m.key.len,
                                  .old_len = (uint32_t)m.old.len,
                                  .ttl_ns = m.ttl_ns,
                                  .by = m.by};
    uint8_t *at = talk.message;
    const struct vk_span parts[] = {vk_span(&head, sizeof head), m.key, m.old, m.value};
    for (uint32_t i = 0; i < VK_COUNT(parts); at += parts[i++].len)
        vk_copy(at, parts[i].ptr, parts[i].len);
    talk.op = (struct proc_op){.code = PROC_OP_CALL, .handle = handle, .len = (uint32_t)(at - talk.message)};
    return ask_op(with);
}

static int say(struct message m)
{
    talk.room = sizeof talk.bytes;
    return ask_with(&env, STORE, m);
}

#define LIT(text) VK_SPAN_LIT(text)

static int put_text(struct vk_span key, struct vk_span value, uint64_t ttl_ns)
{
    return say((struct message){.what = PROC_STORE_PUT, .key = key, .value = value, .ttl_ns = ttl_ns});
}

static bool has(struct vk_span key, struct vk_span value)
{
    int res = say((struct message){.what = PROC_STORE_GET, .key = key});
    return res == 0 && vk_span_equal(vk_span(talk.bytes, talk.done.len), value);
}

static bool has_none(struct vk_span key)
{
    return say((struct message){.what = PROC_STORE_GET, .key = key}) == -VK_ENOENT;
}

static int64_t number(void)
{
    int64_t n;
    CHECK_EQ(talk.done.len, sizeof n);
    memcpy(&n, talk.bytes, sizeof n);
    return n;
}

static int add_to(struct vk_span key, int64_t by, uint64_t ttl_ns)
{
    return say((struct message){.what = PROC_STORE_INCREMENT, .key = key, .by = by, .ttl_ns = ttl_ns});
}

/* ---- tests ------------------------------------------------------------------------------- */

TEST(proc_store, what_was_put_is_there_for_other_processes)
{
    begin();
    CHECK(has_none(LIT("a")));
    CHECK_EQ(put_text(LIT("a"), LIT("one"), 0), 0);
    CHECK(has(LIT("a"), LIT("one")));
    CHECK_EQ(put_text(LIT("a"), LIT(""), 0), 0);
    CHECK(has(LIT("a"), LIT("")));
    CHECK_EQ(counted().hits, 2);
    CHECK_EQ(counted().misses, 1);
    CHECK_EQ(counted().entries, 1);
    CHECK_EQ(counted().bytes, VK_KV_PIECE_SIZE);
    CHECK_EQ(say((struct message){.what = PROC_STORE_TAKE, .key = LIT("a")}), 0);
    CHECK_EQ(say((struct message){.what = PROC_STORE_TAKE, .key = LIT("a")}), -VK_ENOENT);
    CHECK_EQ(counted().entries, 0);
    CHECK_EQ(counted().bytes, 0);
    end();
}

TEST(proc_store, an_answer_is_cut_to_the_room_there_is)
{
    begin();
    CHECK_EQ(put_text(LIT("a"), LIT("abcdef"), 0), 0);
    talk.room = 3;
    CHECK_EQ(ask_with(&env, STORE, (struct message){.what = PROC_STORE_GET, .key = LIT("a")}), 0);
    CHECK_EQ(talk.done.len, 6);
    CHECK_MEM(talk.bytes, "abc", 3);
    end();
}

TEST(proc_store, add_is_for_the_first_only)
{
    begin();
    CHECK_EQ(say((struct message){.what = PROC_STORE_ADD, .key = LIT("k"), .value = LIT("first")}), 0);
    CHECK_EQ(say((struct message){.what = PROC_STORE_ADD, .key = LIT("k"), .value = LIT("second")}),
             -VK_EEXIST);
    CHECK(has(LIT("k"), LIT("first")));
    end();
}

TEST(proc_store, swap_needs_the_old_value)
{
    struct message swap = {.what = PROC_STORE_SWAP, .key = LIT("k"), .old = LIT("one"), .value = LIT("two!")};
    begin();
    CHECK_EQ(say(swap), -VK_ENOENT);
    CHECK_EQ(put_text(LIT("k"), LIT("one"), 0), 0);
    CHECK_EQ(say(swap), 0);
    CHECK_EQ(say(swap), -VK_EEXIST);
    CHECK(has(LIT("k"), LIT("two!")));
    swap.old = LIT("two!");
    swap.value = LIT("");
    CHECK_EQ(say(swap), 0);
    swap.old = LIT("");
    swap.value = LIT("three");
    CHECK_EQ(say(swap), 0);
    CHECK(has(LIT("k"), LIT("three")));
    end();
}

TEST(proc_store, increment_counts_and_refuses_what_does_not_fit)
{
    const int64_t least = INT64_MIN;
    begin();
    CHECK_EQ(add_to(LIT("n"), 5, 0), 0);
    CHECK_EQ(number(), 5);
    CHECK_EQ(add_to(LIT("n"), -7, 0), 0);
    CHECK_EQ(number(), -2);
    CHECK_EQ(add_to(LIT("n"), INT64_MIN, 0), -VK_ERANGE);
    CHECK_EQ(add_to(LIT("n"), 0, 0), 0);
    CHECK_EQ(number(), -2);
    CHECK_EQ(put_text(LIT("t"), LIT("seven"), 0), 0);
    CHECK_EQ(add_to(LIT("t"), 1, 0), -VK_EINVAL);
    CHECK(has(LIT("t"), LIT("seven")));
    CHECK_EQ(put_text(LIT("least"), vk_span(&least, sizeof least), 0), 0);
    CHECK_EQ(add_to(LIT("least"), -1, 0), -VK_ERANGE);
    CHECK_EQ(add_to(LIT("least"), INT64_MAX, 0), 0);
    CHECK_EQ(number(), -1);
    end();
}

TEST(proc_store, values_end_with_their_time)
{
    begin_with((struct proc_store_options){
        .name = "things", .entries_max = 8, .bytes_max = 4096, .ttl_ns = 100 * MS});
    CHECK_EQ(put_text(LIT("a"), LIT("default"), 0), 0);
    CHECK_EQ(put_text(LIT("b"), LIT("own"), 500 * MS), 0);
    CHECK_EQ(put_text(LIT("c"), LIT("ever"), UINT64_MAX), 0);
    CHECK_EQ(add_to(LIT("n"), 1, 300 * MS), 0);
    pass(99 * MS);
    CHECK(has(LIT("a"), LIT("default")));
    pass(MS);
    CHECK(has_none(LIT("a")));
    CHECK(has(LIT("b"), LIT("own")));
    CHECK_EQ(add_to(LIT("n"), 1, 10000 * MS), 0); /* its time stays what it was */
    CHECK_EQ(number(), 2);
    pass(200 * MS);
    CHECK_EQ(add_to(LIT("n"), 1, 10000 * MS), 0);
    CHECK_EQ(number(), 1);
    pass(200 * MS);
    CHECK(has_none(LIT("b")));
    CHECK(has(LIT("c"), LIT("ever")));
    CHECK_EQ(say((struct message){.what = PROC_STORE_ADD, .key = LIT("a"), .value = LIT("again")}), 0);
    CHECK_EQ(say((struct message){
                 .what = PROC_STORE_SWAP, .key = LIT("a"), .old = LIT("again"), .value = LIT("x")}),
             0); /* begins its time anew */
    pass(100 * MS);
    CHECK_EQ(
        say((struct message){.what = PROC_STORE_SWAP, .key = LIT("a"), .old = LIT("x"), .value = LIT("y")}),
        -VK_ENOENT);
    end();
}

TEST(proc_store, a_full_store_forgets_and_says_so_once)
{
    begin_with((struct proc_store_options){.name = "things", .entries_max = 2, .bytes_max = 4096});
    CHECK_EQ(put_text(LIT("a"), LIT("1"), 0), 0);
    CHECK_EQ(put_text(LIT("b"), LIT("2"), 0), 0);
    CHECK(has(LIT("a"), LIT("1")));
    CHECK_EQ(world.lines, 0);
    CHECK_EQ(put_text(LIT("c"), LIT("3"), 0), 0);
    CHECK_EQ(put_text(LIT("d"), LIT("4"), 0), 0);
    CHECK(has_none(LIT("b")) && has_none(LIT("a")));
    CHECK(has(LIT("c"), LIT("3")) && has(LIT("d"), LIT("4")));
    CHECK_EQ(counted().evicted, 2);
    CHECK_EQ(world.lines, 1);
    static const char line[] =
        "the store things is full: from now on it forgets what was not used for longest";
    CHECK_MEM(world.last_line, line, sizeof line);
    end();
}

static uint8_t pattern[PROC_STORE_VALUE_MAX_BYTES + 1];

TEST(proc_store, keys_and_values_have_their_bounds)
{
    begin();
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 31 >> 3);
    struct vk_span key = vk_span(pattern, PROC_STORE_KEY_MAX_BYTES), longer = vk_span(pattern, key.len + 1);
    struct vk_span value = vk_span(pattern, PROC_STORE_VALUE_MAX_BYTES),
                   larger = vk_span(pattern, value.len + 1);
    CHECK_EQ(put_text(key, value, 0), 0);
    CHECK(has(key, value));
    CHECK_EQ(put_text(longer, LIT("x"), 0), -VK_ETOOBIG);
    CHECK_EQ(add_to(longer, 1, 0), -VK_ETOOBIG);
    CHECK(has_none(longer));
    CHECK_EQ(put_text(key, larger, 0), -VK_ETOOBIG);
    CHECK_EQ(say((struct message){.what = PROC_STORE_SWAP, .key = key, .old = value, .value = larger}),
             -VK_ETOOBIG);
    CHECK_EQ(say((struct message){.what = PROC_STORE_ADD, .key = LIT("k"), .value = larger}), -VK_ETOOBIG);
    CHECK(has(key, value));
    CHECK_EQ(counted().entries, 1);
    end();
}

TEST(proc_store, what_the_whole_store_cannot_hold_is_refused)
{
    begin_with((struct proc_store_options){.name = "things", .entries_max = 8, .bytes_max = 256});
    CHECK_EQ(put_text(LIT("a"), LIT("1"), 0), 0);
    CHECK_EQ(put_text(LIT("b"), vk_span(pattern, 2 * VK_KV_PIECE_BYTES), 0), -VK_ETOOBIG);
    CHECK_EQ(add_to(vk_span(pattern, 2 * VK_KV_PIECE_BYTES - 7), 1, 0), -VK_ETOOBIG);
    CHECK(has(LIT("a"), LIT("1")));
    CHECK_EQ(put_text(LIT("b"), vk_span(pattern, 2 * VK_KV_PIECE_BYTES - 1), 0), 0);
    CHECK(has_none(LIT("a")));
    end();
}

TEST(proc_store, malformed_asks_change_nothing)
{
    const struct proc_store_ask heads[] = {
        {.what = 0, .key_len = 1},
        {.what = PROC_STORE_INCREMENT + 1, .key_len = 1},
        {.what = PROC_STORE_GET, .key_len = 4},
        {.what = PROC_STORE_GET, .key_len = UINT32_MAX},
        {.what = PROC_STORE_PUT, .key_len = 1, .old_len = UINT32_MAX},
        {.what = PROC_STORE_SWAP, .key_len = 2, .old_len = 2},
        {.what = PROC_STORE_PUT, .key_len = 1, .old_len = 1},
        {.what = PROC_STORE_GET, .key_len = 2},
        {.what = PROC_STORE_INCREMENT, .key_len = 2},
    };
    begin();
    for (uint32_t i = 0; i < VK_COUNT(heads); i++) {
        memcpy(talk.message, &heads[i], sizeof heads[i]);
        memcpy(talk.message + sizeof heads[i], "abc", 3);
        talk.op = (struct proc_op){.code = PROC_OP_CALL, .handle = STORE, .len = sizeof heads[i] + 3};
        CHECK_EQ(ask_op(&env), -VK_EINVAL);
    }
    for (uint32_t len = 0; len < sizeof(struct proc_store_ask); len++) {
        talk.op = (struct proc_op){.code = PROC_OP_CALL, .handle = STORE, .len = len};
        CHECK_EQ(ask_op(&env), -VK_EINVAL);
    }
    static const uint16_t codes[] = {PROC_OP_SEND, PROC_OP_READ, PROC_OP_WRITE, PROC_OP_MONITOR,
                                     PROC_OP_KILL};
    for (uint32_t i = 0; i < VK_COUNT(codes); i++) {
        talk.op = (struct proc_op){.code = codes[i], .handle = STORE, .len = 64};
        CHECK_EQ(ask_op(&env), -VK_ENOTSUP);
    }
    CHECK_EQ(counted().entries, 0);
    end();
}

TEST(proc_store, only_who_holds_the_handle_can_ask)
{
    const struct proc_env none = {.count = 0};
    struct message get = {.what = PROC_STORE_GET, .key = LIT("secret")};
    begin();
    CHECK_EQ(put_text(LIT("secret"), LIT("mine"), 0), 0);
    CHECK_EQ(ask_with(&none, STORE, get), -VK_EBADH);
    CHECK_EQ(ask_with(&env, OTHER, get), -VK_ENOENT); /* another store, another key of that name */
    CHECK_EQ(ask_with(&env, NOBODY, get), -VK_EBADH);
    const struct proc_env own = {.count = 1, .objects = {proc_store_object(other)}};
    CHECK_EQ(ask_with(&own, STORE, get), -VK_ENOENT);
    CHECK_EQ(ask_with(&own, OTHER, get), -VK_EBADH);
    for (uint32_t handle = 5; handle < 3000; handle += 7)
        CHECK_EQ(ask_with(&env, handle, get), -VK_EBADH);
    end();
}

/* Duplicates the handle, gives up the copy, and asks through another copy. */
static int passes_on(struct actor *actor, struct proc_self *self)
{
    static const struct proc_store_ask head = {.what = PROC_STORE_PUT, .key_len = 1};
    switch (actor->step++) {
    case 0:
    case 2:
        ask(self, (struct proc_op){.code = PROC_OP_DUP, .handle = STORE});
        return PROC_RUN_WAIT;
    case 1:
        CHECK_EQ(the_done(self)->res, 0);
        ask(self, (struct proc_op){.code = PROC_OP_CLOSE, .handle = the_done(self)->handle});
        return PROC_RUN_WAIT;
    case 3:
        memcpy(proc_at(self, OUT_OFF), &head, sizeof head);
        memcpy(proc_at(self, OUT_OFF + (uint32_t)sizeof head), "kv", 2);
        ask(self, (struct proc_op){.code = PROC_OP_CALL,
                                   .handle = the_done(self)->handle,
                                   .off = OUT_OFF,
                                   .len = sizeof head + 2});
        return PROC_RUN_WAIT;
    default:
        CHECK_EQ(the_done(self)->res, 0);
        return PROC_RUN_END;
    }
}

TEST(proc_store, a_handle_can_be_duplicated_and_closed)
{
    begin();
    const struct actor *actor = start_with(passes_on, &env);
    settle_down();
    CHECK(!is_alive(actor));
    CHECK(has(LIT("k"), LIT("v")));
    end();
}

/* Many asks in one turn, more answers than fit into one delivery, and an end with answers under way. */
static int asks_many(struct actor *actor, struct proc_self *self)
{
    struct proc_store_ask head = {.what = PROC_STORE_GET, .key_len = 1};
    memcpy(proc_at(self, OUT_OFF), &head, sizeof head);
    memcpy(proc_at(self, OUT_OFF + (uint32_t)sizeof head), "k", 1);
    for (uint32_t i = 0; i < PROC_RING_ENTRIES; i++)
        ask(self, (struct proc_op){.code = PROC_OP_CALL,
                                   .handle = STORE,
                                   .off = OUT_OFF,
                                   .len = sizeof head + 1,
                                   .arg = IN_OFF | (uint64_t)64 << 32});
    actor->word += self->done_count;
    return actor->step++ < 20 ? PROC_RUN_AGAIN : PROC_RUN_FAIL;
}

TEST(proc_store, an_end_with_answers_under_way_leaves_nothing)
{
    begin();
    CHECK_EQ(put_text(LIT("k"), LIT("value"), 0), 0);
    const struct actor *actor = start_with(asks_many, &env);
    settle_down();
    CHECK(!is_alive(actor) && actor->word > 100);
    end();
}

TEST(proc_store, without_a_buffer_nothing_is_taken)
{
    begin();
    struct vk_buf held[64];
    uint32_t count = 0;
    CHECK_EQ(put_text(LIT("k"), vk_span(pattern, 60000), 0), 0);
    while (count < VK_COUNT(held) && vk_bufs_get(proc_kernel_bufs(world.kernel), 60000, &held[count]))
        count++;
    CHECK(count > 0 && count < VK_COUNT(held));
    CHECK_EQ(say((struct message){.what = PROC_STORE_TAKE, .key = LIT("k")}), -VK_ENOMEM);
    while (count > 0)
        vk_bufs_put(proc_kernel_bufs(world.kernel), &held[--count]);
    CHECK_EQ(say((struct message){.what = PROC_STORE_TAKE, .key = LIT("k")}), 0);
    CHECK_EQ(talk.done.len, 60000);
    CHECK_MEM(talk.bytes, pattern, 60000);
    end();
}

TEST(proc_store, a_store_that_does_not_fit_is_not_made)
{
    const struct proc_store_options good = {.name = "s", .entries_max = 4, .bytes_max = 1024};
    struct proc_store *made = NULL;
    CHECK_EQ(world_start_with((struct proc_kernel_options){.service_bytes = proc_store_region_bytes(&good)}),
             0);
    struct proc_store_options options = good;
    options.bytes_max = 1 << 20;
    CHECK_EQ(proc_store_create(world.kernel, &options, &made), -VK_ENOMEM);
    CHECK(made == NULL);
    world_end();
}
