/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a simulation repeats itself exactly, differs from seed to seed, and
 * really does the damage it promises. Method: a small echo server over
 * proc/io.h and a handful of clients, run to the end under many seeds; plus
 * single behaviours of clock and network. The rules of proc/io.h themselves
 * are proved by tests/driver.
 */
#include "sim/sim.h"
#include "tests/unit/test.h"
#include "vk/err.h"

#define CLIENTS      4u
#define ENDS         32u
#define CLIENT_SEND  3000u
#define SOCKET_BYTES 1024u
#define WAITS_MAX    200000u

#ifdef TEST_FREESTANDING
#define SEEDS 20u /* the images that run this may be emulated */
#else
#define SEEDS 1000u
#endif

struct client {
    uint32_t end;
    uint32_t index;
    uint32_t sent;
    uint32_t got;
    bool is_over;
    bool is_broken;
};

struct server_conn {
    bool is_open;
    bool is_closing;
    uint32_t len;
    uint8_t buf[SOCKET_BYTES];
};

struct world {
    struct vk_region region;
    struct sim *sim;
    struct proc_io *io;
    struct proc_addr addr;
    uint32_t listener;
    uint64_t now_ns;
    struct client clients[CLIENTS];
    struct server_conn conns[ENDS];
    bool is_wrong; /* a client got other bytes than it sent */
};

static struct world world;

enum { TAG_ACCEPT = 1, TAG_RECV, TAG_SEND, TAG_CLOSE };

static uint64_t make_tag(uint32_t what, uint32_t conn)
{
    return (uint64_t)what << 32 | conn;
}

static void setup(struct world *w, const struct sim_options *options)
{
    struct proc_addr any = {.family = 4, .ip = {10, 0, 0, 1}};
    memset(w, 0, sizeof(*w));
    CHECK_EQ(vk_region_init(&w->region, sim_region_bytes(options)), 0);
    CHECK_EQ(sim_create(options, &w->region, &w->sim), 0);
    w->io = sim_io(w->sim);
    CHECK_EQ(w->io->ops->listen(w->io, &any, false, &w->listener, &w->addr), 0);
}

static void teardown(struct world *w)
{
    w->io->ops->destroy(w->io);
    vk_region_fini(&w->region);
}

static struct sim_options small_options(uint64_t seed)
{
    struct sim_options options;
    sim_options_default(&options, seed);
    options.ends_max = ENDS;
    options.conns_max = 3;
    options.ops_max = 64;
    options.socket_bytes = SOCKET_BYTES;
    options.backlog_max = 2;
    return options;
}

static struct sim_options stormy_options(uint64_t seed)
{
    struct sim_options options = small_options(seed);
    struct sim_options rough;
    sim_options_rough(&rough, seed);
    options.odds = rough.odds;
    options.odds.reset = 200;
    options.odds.refuse = 1000;
    options.odds.emfile = 2000;
    options.odds.jump = 20;
    options.odds.overflow = 300;
    return options;
}

/* ---- the echo server ------------------------------------------------------------------ */

/* The storm refuses now and then what it would take the next moment. */
static int submit(struct world *w, uint8_t code, uint8_t flags, uint32_t what, uint32_t conn, uint32_t len)
{
    struct proc_io_req req = {
        .code = code, .flags = flags, .conn = conn, .len = len, .tag = make_tag(what, conn)};
    req.buf = code == PROC_IO_SEND ? w->conns[conn].buf : NULL;
    int err;
    for (uint32_t tries = 0; tries < 1000; tries++) {
        err = w->io->ops->submit(w->io, &req);
        if (err != -VK_EOVERFLOW)
            return err;
    }
    return err;
}

static void close_conn(struct world *w, uint32_t conn, uint8_t flags)
{
    w->conns[conn].is_closing = true;
    CHECK_EQ(submit(w, PROC_IO_CLOSE, flags, TAG_CLOSE, conn, 0), 0);
}

static void on_recv(struct world *w, uint32_t conn, const struct proc_io_event *event)
{
    struct server_conn *c = &w->conns[conn];
    if (c->is_closing)
        return;
    if (event->res <= 0) {
        close_conn(w, conn, event->res == 0 ? 0 : PROC_IO_ABORT);
        return;
    }
    c->len = (uint32_t)event->res;
    CHECK(c->len <= sizeof(c->buf));
    memcpy(c->buf, event->data, c->len);
    CHECK_EQ(submit(w, PROC_IO_SEND, 0, TAG_SEND, conn, c->len), 0);
}

static void start_recv(struct world *w, uint32_t conn)
{
    CHECK_EQ(submit(w, PROC_IO_RECV, 0, TAG_RECV, conn, 0), 0);
}

static void on_event(struct world *w, const struct proc_io_event *event)
{
    uint32_t conn = (uint32_t)event->tag;
    switch (event->tag >> 32) {
    case TAG_ACCEPT:
        if (event->res >= 0) {
            CHECK(!w->conns[event->res].is_open);
            w->conns[event->res] = (struct server_conn){.is_open = true};
            start_recv(w, (uint32_t)event->res);
        }
        if ((event->flags & PROC_IO_MORE) == 0)
            CHECK_EQ(submit(w, PROC_IO_ACCEPT, 0, TAG_ACCEPT, w->listener, 0), 0);
        break;
    case TAG_RECV:
        on_recv(w, conn, event);
        break;
    case TAG_SEND:
        if (event->res < 0)
            close_conn(w, conn, PROC_IO_ABORT);
        else
            start_recv(w, conn);
        break;
    case TAG_CLOSE:
        w->conns[conn].is_open = false;
        break;
    default:
        CHECK(false);
    }
}

/* ---- the clients ----------------------------------------------------------------------- */

static uint8_t byte_at(uint32_t index, uint32_t pos)
{
    return (uint8_t)(pos * 31 + index * 7 + (pos >> 8));
}

static void client_send(struct world *w, struct client *c)
{
    uint8_t buf[300];
    size_t len = 1;
    while (c->sent < CLIENT_SEND && len > 0) {
        uint32_t want = CLIENT_SEND - c->sent < sizeof(buf) ? CLIENT_SEND - c->sent : (uint32_t)sizeof(buf);
        for (uint32_t i = 0; i < want; i++)
            buf[i] = byte_at(c->index, c->sent + i);
        if (sim_client_send(w->sim, c->end, buf, want, &len) != 0)
            return; /* recv will say why */
        c->sent += (uint32_t)len;
    }
}

static void client_recv(struct world *w, struct client *c)
{
    uint8_t buf[256];
    size_t len;
    int err;
    while ((err = sim_client_recv(w->sim, c->end, buf, sizeof(buf), &len)) == 0) {
        for (uint32_t i = 0; i < len; i++)
            w->is_wrong |= buf[i] != byte_at(c->index, c->got + i);
        c->got += (uint32_t)len;
    }
    c->is_broken = err != -VK_EAGAIN;
    c->is_over = c->is_broken || c->got == CLIENT_SEND;
    if (c->is_over)
        sim_client_close(w->sim, c->end);
}

static void on_client(void *ctx, struct sim *sim, uint32_t end, enum sim_client_event event)
{
    struct client *c = ctx;
    (void)sim;
    (void)end;
    switch (event) {
    case SIM_CLIENT_REFUSED:
        c->is_over = c->is_broken = true;
        break;
    case SIM_CLIENT_OPEN:
    case SIM_CLIENT_WRITABLE:
        client_send(&world, c);
        break;
    case SIM_CLIENT_READABLE:
        client_recv(&world, c);
        break;
    }
}

/* ---- a run ---------------------------------------------------------------------------------- */

static bool is_over(const struct world *w)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        if (!w->clients[i].is_over)
            return false;
    }
    return sim_conns_open(w->sim) == 1; /* the listener */
}

static void run_to_the_end(struct world *w)
{
    struct proc_io_event events[8];
    uint32_t waits = 0;
    CHECK_EQ(submit(w, PROC_IO_ACCEPT, 0, TAG_ACCEPT, w->listener, 0), 0);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        struct client *c = &w->clients[i];
        c->index = i;
        CHECK_EQ(sim_client_connect(w->sim, &w->addr, on_client, c, &c->end), 0);
    }
    while (!is_over(w)) {
        uint64_t deadline_ns = sim_now(w->sim) + 1000000000u;
        uint32_t count = w->io->ops->wait(w->io, events, VK_COUNT(events), deadline_ns, &w->now_ns);
        for (uint32_t i = 0; i < count; i++)
            on_event(w, &events[i]);
        CHECK(++waits < WAITS_MAX);
    }
    CHECK(!w->is_wrong);
    CHECK_EQ(sim_ops_in_flight(w->sim), 1); /* the ACCEPT */
}

static uint64_t trace_of(const struct sim_options *options, struct sim_counters *ret_counters)
{
    setup(&world, options);
    run_to_the_end(&world);
    uint64_t trace = sim_trace(world.sim);
    if (ret_counters != NULL)
        *ret_counters = *sim_counters(world.sim);
    teardown(&world);
    return trace;
}

TEST(sim, fair_weather_serves_every_client)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_options options = small_options(seed);
        setup(&world, &options);
        run_to_the_end(&world);
        for (uint32_t i = 0; i < CLIENTS; i++)
            CHECK(!world.clients[i].is_broken && world.clients[i].got == CLIENT_SEND);
        CHECK_EQ(sim_counters(world.sim)->resets, 0);
        CHECK_EQ(sim_counters(world.sim)->partial_reads, 0);
        teardown(&world);
    }
}

TEST(sim, same_seed_repeats_the_run)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_options options = stormy_options(seed);
        CHECK_EQ(trace_of(&options, NULL), trace_of(&options, NULL));
    }
}

TEST(sim, other_seed_is_another_run)
{
    static uint64_t traces[SEEDS];
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        struct sim_options options = stormy_options(seed);
        traces[seed] = trace_of(&options, NULL);
        for (uint32_t i = 0; i < seed; i++)
            CHECK(traces[i] != traces[seed]);
    }
}

TEST(sim, every_fault_happens)
{
    struct sim_counters sum = {0};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_options options = stormy_options(seed);
        struct sim_counters one;
        trace_of(&options, &one);
        uint64_t *to = (uint64_t *)&sum;
        const uint64_t *from = (const uint64_t *)&one;
        for (size_t i = 0; i < sizeof(sum) / sizeof(*to); i++)
            to[i] += from[i];
    }
    CHECK(sum.blocked_sends > 0 && sum.partial_reads > 0 && sum.partial_writes > 0);
    CHECK(sum.resets > 0 && sum.refusals > 0 && sum.emfiles > 0);
    CHECK(sum.delays > 0 && sum.reorders > 0 && sum.step_delays > 0);
    CHECK(sum.multi_ends > 0 && sum.short_batches > 0 && sum.spurious > 0);
    CHECK(sum.jumps > 0 && sum.overflows > 0);
    CHECK_EQ(sum.stuck, 0);
}

TEST(sim, odds_can_change_under_way)
{
    struct sim_options options = stormy_options(1);
    struct sim_odds none = {0};
    setup(&world, &options);
    sim_set_odds(world.sim, &none);
    run_to_the_end(&world);
    CHECK_EQ(sim_counters(world.sim)->partial_reads, 0);
    CHECK_EQ(sim_counters(world.sim)->overflows, 0);
    teardown(&world);
}

/* ---- clock ------------------------------------------------------------------------------------ */

TEST(sim, wait_takes_virtual_time_only)
{
    struct sim_options options = small_options(1);
    struct proc_io_event event;
    setup(&world, &options);
    uint64_t start_ns = sim_now(world.sim);
    uint64_t deadline_ns = start_ns + 3600000000000u; /* an hour */
    CHECK_EQ(world.io->ops->wait(world.io, &event, 1, deadline_ns, &world.now_ns), 0);
    CHECK_EQ(world.now_ns, deadline_ns);
    CHECK_EQ(world.io->ops->now(world.io), deadline_ns);
    CHECK_EQ(world.io->ops->wait(world.io, &event, 1, 0, &world.now_ns), 0);
    CHECK(world.now_ns > deadline_ns && world.now_ns <= deadline_ns + options.wait_cost_max_ns);
    teardown(&world);
}

TEST(sim, nothing_to_come_is_noticed)
{
    struct sim_options options = small_options(1);
    struct proc_io_event event;
    setup(&world, &options);
    CHECK_EQ(world.io->ops->wait(world.io, &event, 1, UINT64_MAX, &world.now_ns), 0);
    CHECK_EQ(sim_counters(world.sim)->stuck, 1);
    teardown(&world);
}

struct calls {
    uint32_t count;
    uint64_t at_ns[3];
};

static void on_call(void *ctx, struct sim *sim)
{
    struct calls *calls = ctx;
    if (calls->count < 3)
        calls->at_ns[calls->count++] = sim_now(sim);
}

TEST(sim, calls_come_in_time_order)
{
    struct sim_options options = small_options(1);
    struct proc_io_event event;
    struct calls calls = {0};
    options.timers_max = 3;
    setup(&world, &options);
    uint64_t start_ns = sim_now(world.sim);
    CHECK_EQ(sim_at(world.sim, start_ns + 3000000, on_call, &calls), 0);
    CHECK_EQ(sim_at(world.sim, start_ns + 1000000, on_call, &calls), 0);
    CHECK_EQ(sim_at(world.sim, start_ns + 2000000, on_call, &calls), 0);
    CHECK_EQ(sim_at(world.sim, start_ns + 4000000, on_call, &calls), -VK_ENOSPC);
    world.io->ops->wait(world.io, &event, 1, start_ns + 2500000, &world.now_ns);
    CHECK_EQ(calls.count, 2);
    CHECK_EQ(sim_at(world.sim, 0, on_call, &calls), 0); /* in the past: at once */
    world.io->ops->wait(world.io, &event, 1, start_ns + 2600000, &world.now_ns);
    CHECK_EQ(calls.count, 3);
    CHECK_EQ(calls.at_ns[0], start_ns + 1000000);
    CHECK_EQ(calls.at_ns[1], start_ns + 2000000);
    CHECK(calls.at_ns[2] < start_ns + 2600000);
    teardown(&world);
}

/* ---- network ------------------------------------------------------------------------------------ */

static uint32_t pump(struct world *w, struct proc_io_event *events, uint32_t max)
{
    return w->io->ops->wait(w->io, events, max, sim_now(w->sim) + 10000000000u, &w->now_ns);
}

TEST(sim, unread_bytes_stop_the_sender)
{
    struct sim_options options = small_options(1);
    struct proc_io_event event;
    uint8_t bytes[4096] = {0};
    uint32_t client;
    size_t len;
    setup(&world, &options);
    CHECK_EQ(sim_client_connect(world.sim, &world.addr, NULL, NULL, &client), 0);
    CHECK_EQ(sim_client_send(world.sim, client, bytes, 10, &len), -VK_EAGAIN);
    pump(&world, &event, 1);
    CHECK_EQ(sim_client_send(world.sim, client, bytes, sizeof(bytes), &len), 0);
    CHECK_EQ(len, options.socket_bytes);
    CHECK_EQ(sim_client_send(world.sim, client, bytes, sizeof(bytes), &len), 0);
    CHECK_EQ(len, 0);
    sim_client_close(world.sim, client);
    teardown(&world);
}

static void note_refusal(void *ctx, struct sim *sim, uint32_t client, enum sim_client_event event)
{
    (void)sim;
    (void)client;
    *(bool *)ctx = event == SIM_CLIENT_REFUSED;
}

TEST(sim, connect_to_nobody_is_refused)
{
    struct sim_options options = small_options(1);
    struct proc_addr nobody = {.family = 4, .port = 1, .ip = {10, 0, 0, 9}};
    struct proc_io_event event;
    bool is_refused = false;
    uint32_t client;
    setup(&world, &options);
    CHECK_EQ(sim_client_connect(world.sim, &nobody, note_refusal, &is_refused, &client), 0);
    pump(&world, &event, 1);
    CHECK(is_refused);
    teardown(&world);
}

/* Accept the one connection there is. */
static uint32_t accept_one(struct world *w)
{
    struct proc_io_event event;
    CHECK_EQ(submit(w, PROC_IO_ACCEPT, 0, TAG_ACCEPT, w->listener, 0), 0);
    CHECK_EQ(pump(w, &event, 1), 1);
    CHECK(event.res >= 0);
    return (uint32_t)event.res;
}

TEST(sim, data_is_spoiled_by_the_next_wait)
{
    struct sim_options options = small_options(1);
    struct proc_io_event event;
    uint32_t client;
    size_t len;
    setup(&world, &options);
    CHECK_EQ(sim_client_connect(world.sim, &world.addr, NULL, NULL, &client), 0);
    uint32_t conn = accept_one(&world);
    start_recv(&world, conn);
    pump(&world, &event, 0);
    CHECK_EQ(sim_client_send(world.sim, client, "data", 4, &len), 0);
    CHECK_EQ(pump(&world, &event, 1), 1);
    CHECK_EQ(event.res, 4);
    const uint8_t *data = event.data;
    CHECK_MEM(data, "data", 4);
    pump(&world, &event, 1);
    CHECK(data[0] == 0xdd && data[3] == 0xdd);
    teardown(&world);
}

TEST(sim, close_over_unread_bytes_resets_the_client)
{
    struct sim_options options = small_options(1);
    struct proc_io_event event;
    uint8_t byte;
    uint32_t client;
    size_t len;
    setup(&world, &options);
    CHECK_EQ(sim_client_connect(world.sim, &world.addr, NULL, NULL, &client), 0);
    uint32_t conn = accept_one(&world);
    pump(&world, &event, 1);
    CHECK_EQ(sim_client_send(world.sim, client, "data", 4, &len), 0);
    pump(&world, &event, 1);
    CHECK_EQ(submit(&world, PROC_IO_CLOSE, 0, TAG_CLOSE, conn, 0), 0);
    CHECK_EQ(pump(&world, &event, 1), 1);
    pump(&world, &event, 1);
    CHECK_EQ(sim_client_recv(world.sim, client, &byte, 1, &len), -VK_ERESET);
    CHECK_EQ(sim_client_send(world.sim, client, "data", 4, &len), -VK_ERESET);
    sim_client_close(world.sim, client);
    teardown(&world);
}

TEST(sim, close_in_order_ends_the_stream)
{
    struct sim_options options = small_options(1);
    struct proc_io_event event;
    uint8_t byte;
    uint32_t client;
    size_t len;
    setup(&world, &options);
    CHECK_EQ(sim_client_connect(world.sim, &world.addr, NULL, NULL, &client), 0);
    uint32_t conn = accept_one(&world);
    CHECK_EQ(submit(&world, PROC_IO_CLOSE, 0, TAG_CLOSE, conn, 0), 0);
    CHECK_EQ(pump(&world, &event, 1), 1);
    pump(&world, &event, 1);
    CHECK_EQ(sim_client_recv(world.sim, client, &byte, 1, &len), -VK_ECLOSED);
    sim_client_reset(world.sim, client);
    teardown(&world);
}

TEST(sim, clients_beyond_the_table_are_refused)
{
    struct sim_options options = small_options(1);
    uint32_t client;
    setup(&world, &options);
    for (uint32_t i = 1; i < ENDS; i++)
        CHECK_EQ(sim_client_connect(world.sim, &world.addr, NULL, NULL, &client), 0);
    CHECK_EQ(sim_client_connect(world.sim, &world.addr, NULL, NULL, &client), -VK_ENOSPC);
    teardown(&world);
}

/* ---- making one ------------------------------------------------------------------------------------ */

TEST(sim, bad_options_are_refused)
{
    struct sim_options good = small_options(1);
    struct sim *sim;
    CHECK_EQ(vk_region_init(&world.region, sim_region_bytes(&good)), 0);
    struct sim_options bad = good;
    bad.socket_bytes = 1000;
    CHECK_EQ(sim_create(&bad, &world.region, &sim), -VK_EINVAL);
    bad = good;
    bad.latency_min_ns = bad.latency_max_ns + 1;
    CHECK_EQ(sim_create(&bad, &world.region, &sim), -VK_EINVAL);
    bad = good;
    bad.start_ns = 0;
    CHECK_EQ(sim_create(&bad, &world.region, &sim), -VK_EINVAL);
    bad = good;
    bad.ops_max = 0;
    CHECK_EQ(sim_create(&bad, &world.region, &sim), -VK_EINVAL);
    vk_region_fini(&world.region);
}

TEST(sim, too_little_memory_is_an_error)
{
    struct sim_options options = small_options(1);
    struct sim *sim;
    for (size_t part = 1; part < 8; part++) {
        CHECK_EQ(vk_region_init(&world.region, sim_region_bytes(&options) * part / 8), 0);
        CHECK_EQ(sim_create(&options, &world.region, &sim), -VK_ENOMEM);
        vk_region_fini(&world.region);
    }
}
