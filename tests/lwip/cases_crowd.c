/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections, quick ones, hostile ones; little memory; a device without room. */
#include "tests/lwip/lwip.h"
#include "tests/lwip/packets.h"
#include "vk/limits.h"

#define BURST    600u
#define QUICK    20000u /* more than a machine has ports of its own to connect from */
#define THOUSAND 1000u
#define STARVED  24u
#define FLOOD    3000u

static struct rig_reader readers[STARVED];

static struct lwip_pair *machines_with(uint32_t frames_max, uint32_t conns_max, uint32_t buffers_bytes)
{
    struct sim_wire_options options;
    sim_wire_options_default(&options, frames_max + conns_max);
    options.frames_max = frames_max;
    return lwip_rig_pair(&options, conns_max, buffers_bytes);
}

static void status_of(struct lwip_pair *machines, uint32_t end, struct metal_lwip_status *ret_status)
{
    metal_lwip_status(lwip_pair_end(machines, end), ret_status);
}

/* All in one tick: none of their SYNs is refused, or it would take a second until it comes again. */
static void burst_of_connections(void)
{
    static uint32_t conns[BURST], ops[BURST];
    struct rig *rig = &lwip_rig;
    machines_with(4096, 0, 0);
    rig_close_pair(rig, rig_pair(rig)); /* the machines know each other's address of the card */
    uint64_t start_ns = lwip_rig_now();
    for (uint32_t i = 0; i < BURST; i++) {
        conns[i] = rig_open(rig, &rig->addr);
        ops[i] = rig_connect(rig, conns[i]);
    }
    for (uint32_t i = 0; i < BURST; i++)
        RIG_CHECK(rig, rig_await(rig, ops[i]) == 0);
    for (uint32_t i = 0; i < BURST; i++)
        rig_accepted(rig);
    uint64_t time_ns = lwip_rig_now() - start_ns;
    lwip_say("%u connections in %lu us of the wire's time\n", BURST, time_ns / 1000);
    LWIP_CHECK(time_ns < 100000000);
    rig_settle(rig);
}

/* All of them ask at once, are answered at once, and stay: what a connection at rest costs. */
static void a_thousand_stay_connected(void)
{
    static uint32_t clients[THOUSAND], servers[THOUSAND], ops[2 * THOUSAND];
    struct rig *rig = &lwip_rig;
    struct metal_lwip_status before, after;
    struct lwip_pair *machines = machines_with(4096, THOUSAND + 24, 1u << 20);
    status_of(machines, LWIP_PAIR_SERVER, &before);
    for (uint32_t i = 0; i < THOUSAND; i++) {
        clients[i] = rig_open(rig, &rig->addr);
        ops[i] = rig_connect(rig, clients[i]);
    }
    for (uint32_t i = 0; i < THOUSAND; i++)
        RIG_CHECK(rig, rig_await(rig, ops[i]) == 0);
    for (uint32_t i = 0; i < THOUSAND; i++)
        servers[i] = rig_accepted(rig);
    for (uint32_t turn = 0; turn < 2; turn++) {
        const uint32_t *from = turn == 0 ? clients : servers, *to = turn == 0 ? servers : clients;
        uint32_t len = turn == 0 ? 200 : 300;
        for (uint32_t i = 0; i < THOUSAND; i++) {
            ops[2 * i] = rig_send(rig, from[i], rig->buf, len);
            ops[2 * i + 1] = rig_recv(rig, to[i], 0);
        }
        for (uint32_t i = 0; i < THOUSAND; i++)
            RIG_CHECK(rig, rig_await(rig, ops[2 * i]) == (int32_t)len &&
                               rig_await(rig, ops[2 * i + 1]) == (int32_t)len);
    }
    rig_pass(rig, 100000000);
    status_of(machines, LWIP_PAIR_SERVER, &after);
    uint64_t each_bytes = (after.bytes_used - before.bytes_used) / THOUSAND;
    lwip_say("%u connections, %lu bytes of lwIP's for each at rest\n", THOUSAND, each_bytes);
    LWIP_CHECK(after.conns_live == THOUSAND + 1 && each_bytes < 320);
    rig_settle(rig);
    lwip_check_memory(machines);
}

/* ---- one connection for each request ---------------------------------------------------------- */

/* Without a rig, which remembers every number it saw. */
struct quick {
    struct proc_io *io;
    uint32_t listener;
    uint32_t accepted; /* 0: none yet */
    uint64_t tags;
};

#define ACCEPT_TAG UINT64_MAX

static void put_in(struct quick *q, struct proc_io_req req)
{
    LWIP_CHECK(q->io->ops->submit(q->io, &req) == 0);
}

/* Wait until the operation with this tag is done, or, for ACCEPT_TAG, until there is a connection. */
static int32_t await_tag(struct quick *q, uint64_t tag)
{
    struct proc_io_event event;
    for (uint32_t i = 0; i < 10000; i++) {
        uint64_t now_ns;
        if (tag == ACCEPT_TAG && q->accepted != 0)
            return 0;
        if (q->io->ops->wait(q->io, &event, 1, UINT64_MAX, &now_ns) == 0)
            continue;
        if (event.tag == ACCEPT_TAG)
            q->accepted = (uint32_t)event.res;
        else if (event.tag == tag)
            return event.res;
    }
    lwip_fail(RIG_WHERE, "what was awaited never happened");
}

static int32_t perform(struct quick *q, struct proc_io_req req)
{
    req.tag = ++q->tags;
    put_in(q, req);
    return await_tag(q, req.tag);
}

/* One request and answer, ended by who answers, as HTTP without keep-alive does it. */
static void ask(struct quick *q, const struct proc_addr *addr)
{
    static char request[] = "request", answer[] = "answer";
    uint32_t client;
    LWIP_CHECK(q->io->ops->open(q->io, addr, &client) == 0);
    LWIP_CHECK(perform(q, (struct proc_io_req){.code = PROC_IO_CONNECT, .conn = client}) == 0);
    (void)await_tag(q, ACCEPT_TAG);
    uint32_t server = q->accepted;
    q->accepted = 0;
    LWIP_CHECK(perform(q, (struct proc_io_req){
                              .code = PROC_IO_SEND, .conn = client, .buf = request, .len = 7}) == 7);
    LWIP_CHECK(perform(q, (struct proc_io_req){.code = PROC_IO_RECV, .conn = server}) == 7);
    put_in(q, (struct proc_io_req){
                  .code = PROC_IO_SEND, .conn = server, .buf = answer, .len = 6, .tag = ++q->tags});
    LWIP_CHECK(perform(q, (struct proc_io_req){
                              .code = PROC_IO_CLOSE, .flags = PROC_IO_CORKED, .conn = server}) == 0);
    LWIP_CHECK(perform(q, (struct proc_io_req){.code = PROC_IO_RECV, .conn = client}) == 6);
    LWIP_CHECK(perform(q, (struct proc_io_req){.code = PROC_IO_RECV, .conn = client}) == 0);
    LWIP_CHECK(perform(q, (struct proc_io_req){.code = PROC_IO_CLOSE, .conn = client}) == 0);
}

static void a_connection_for_each_request(void)
{
    const struct proc_addr any = {.family = 4, .port = 80, .ip = {127, 0, 0, 1}};
    struct sim_wire_options options;
    struct lwip_pair *machines;
    struct metal_lwip_status status;
    struct proc_addr addr;
    uint64_t slowest_ns = 0;
    sim_wire_options_default(&options, 7);
    LWIP_CHECK(lwip_pair_create(&options, 16, METAL_LWIP_BUFFERS_MIN_BYTES, &machines) == 0);
    struct quick q = {.io = lwip_pair_io(machines)};
    LWIP_CHECK(q.io->ops->listen(q.io, &any, false, &q.listener, &addr) == 0);
    put_in(&q, (struct proc_io_req){.code = PROC_IO_ACCEPT, .conn = q.listener, .tag = ACCEPT_TAG});
    uint64_t start_ns = q.io->ops->now(q.io);
    for (uint32_t i = 0; i < QUICK; i++) {
        uint64_t one_ns = q.io->ops->now(q.io);
        ask(&q, &addr);
        one_ns = q.io->ops->now(q.io) - one_ns;
        slowest_ns = one_ns > slowest_ns ? one_ns : slowest_ns;
    }
    lwip_say("%u connections, one after the other, in %lu ms of the wire's time, the slowest in %lu us\n",
             QUICK, (q.io->ops->now(q.io) - start_ns) / 1000000, slowest_ns / 1000);
    LWIP_CHECK(slowest_ns < 5000000); /* none waited for a port, or for an earlier one to be forgotten */
    status_of(machines, LWIP_PAIR_SERVER, &status);
    LWIP_CHECK(status.conns_live == 1 && status.blocks_short == 0);
    lwip_check_memory(machines);
    q.io->ops->destroy(q.io);
}

/* ---- little memory ------------------------------------------------------------------------------ */

/* More transfers than memory holds windows of: they wait for each other, and all arrive. */
static void transfers_share_little_memory(void)
{
    const uint32_t len = 256u << 10;
    struct rig *rig = &lwip_rig;
    uint32_t sends[STARVED];
    struct rig_pair pairs[STARVED];
    struct metal_lwip_status status;
    struct lwip_pair *machines = machines_with(4096, 64, METAL_LWIP_BUFFERS_MIN_BYTES);
    for (uint32_t i = 0; i < STARVED; i++) {
        pairs[i] = rig_pair(rig);
        rig_fill(rig->buf + (size_t)i * len, len, i, 0);
        sends[i] = rig_send(rig, pairs[i].server, rig->buf + (size_t)i * len, len);
        rig_reader_start(rig, &readers[i], pairs[i].client, i, (enum rig_read_mode)(i % 3));
    }
    for (uint32_t i = 0; i < STARVED; i++) {
        rig_reader_await(rig, &readers[i], len);
        RIG_CHECK(rig, rig_await(rig, sends[i]) == (int32_t)len);
        rig_close_pair(rig, pairs[i]);
    }
    status_of(machines, LWIP_PAIR_SERVER, &status);
    LWIP_CHECK(status.blocks_short > 0); /* it really was too little */
    rig_settle(rig);
    lwip_check_memory(machines);
}

/* Whose bytes nobody reads holds up neither the device nor others. */
static void unread_connections_hold_up_nobody(void)
{
    struct rig *rig = &lwip_rig;
    struct rig_pair slow[8];
    struct lwip_pair *machines = machines_with(256, 64, 1u << 20);
    for (uint32_t i = 0; i < VK_COUNT(slow); i++) {
        slow[i] = rig_pair(rig);
        rig_send(rig, slow[i].client, rig->buf, RIG_BIG_BYTES);
    }
    rig_pass(rig, 100000000);
    struct rig_pair quick = rig_pair(rig);
    rig_reader_start(rig, &readers[0], quick.server, 9, RIG_READ_MULTI);
    uint64_t start_ns = lwip_rig_now();
    rig_send_all(rig, quick.client, 9, 0, 4u << 20);
    rig_reader_await(rig, &readers[0], 4u << 20);
    lwip_say("4 MiB beside eight that are not read: %lu ms of the wire's time\n",
             (lwip_rig_now() - start_ns) / 1000000);
    rig_close_pair(rig, quick);
    rig_settle(rig);
    lwip_check_memory(machines);
}

/* A device that has no room most of the time. */
static void device_without_room(void)
{
    struct rig *rig = &lwip_rig;
    struct lwip_pair *machines = machines_with(12, 0, 0);
    struct rig_pair pair = rig_pair(rig);
    rig_reader_start(rig, &readers[0], pair.client, 3, RIG_READ_MULTI);
    rig_send_all(rig, pair.server, 3, 0, 2u << 20);
    rig_reader_await(rig, &readers[0], 2u << 20);
    LWIP_CHECK(sim_wire_counters(lwip_pair_wire(machines))->refused > 0);
    rig_close_pair(rig, pair);
    rig_settle(rig);
}

/* More want in than there is room for: they wait, and come in as others leave. */
static void full_machine_lets_them_wait(void)
{
    struct rig *rig = &lwip_rig;
    uint32_t conns[24], ops[24];
    machines_with(1024, 25,
                  1u << 20); /* the server also holds a listener: 24 fit, less than the clients' 25 */
    struct rig_pair first = rig_pair(rig);
    for (uint32_t i = 0; i < 24; i++) {
        conns[i] = rig_open(rig, &rig->addr);
        ops[i] = rig_connect(rig, conns[i]);
    }
    for (uint32_t i = 0; i < 23; i++)
        rig_accepted(rig);
    uint32_t none;
    RIG_CHECK(rig, rig->io->ops->open(rig->io, &rig->addr, &none) == -VK_EMFILE);
    rig_pass(rig, 500000000);
    RIG_CHECK(rig, rig->accept_count == 0);
    rig_close_pair(rig, first);
    rig_accepted(rig);
    for (uint32_t i = 0; i < 24; i++)
        RIG_CHECK(rig, rig_await(rig, ops[i]) == 0);
    rig_settle(rig);
}

/* ---- half-open ones ------------------------------------------------------------------------- */

static void flood_of_syns_leaves_room(void)
{
    struct rig *rig = &lwip_rig;
    const struct net_dev_sum no_sum = {0};
    uint8_t frame[54];
    struct lwip_pair *machines = machines_with(4096, 64, 1u << 20);
    struct net_dev *wire = sim_wire_end(lwip_pair_wire(machines), LWIP_PAIR_CLIENT);
    struct rig_pair before = rig_pair(rig);
    for (uint32_t i = 0; i < FLOOD; i++) {
        struct vk_span piece = vk_span(frame, sizeof(frame));
        packets_syn(frame, rig->addr.ip, i, rig->addr.port);
        LWIP_CHECK(wire->ops->send(wire, &piece, 1, &no_sum) == 0);
        if (i % 100 == 99)
            rig_pass(rig, 1000000);
    }
    uint64_t start_ns = lwip_rig_now();
    struct rig_pair after = rig_pair(rig);
    LWIP_CHECK(lwip_rig_now() - start_ns <
               1500000000); /* its second SYN at the latest takes an older one's place */
    rig_reader_start(rig, &readers[0], before.server, 1, RIG_READ_MULTI);
    rig_send_all(rig, before.client, 1, 0, 100000);
    rig_reader_await(rig, &readers[0], 100000);
    rig_close_pair(rig, before);
    rig_close_pair(rig, after);
    rig_settle(rig);
    lwip_check_memory(machines);
}

/* A client that connects and says nothing is accepted in the end, where first bytes are waited for. */
static void silent_client_is_accepted_late(void)
{
    struct rig *rig = &lwip_rig;
    struct lwip_pair *machines;
    struct sim_wire_options options;
    sim_wire_options_default(&options, 9);
    LWIP_CHECK(lwip_pair_create(&options, 0, 0, &machines) == 0);
    rig_init(rig, lwip_pair_io(machines), &lwip_host);
    rig_listen(rig, true);
    uint32_t silent = rig_open(rig, &rig->addr);
    RIG_CHECK(rig, rig_await(rig, rig_connect(rig, silent)) == 0);
    rig_pass(rig, METAL_LWIP_DEFER_NS / 2);
    RIG_CHECK(rig, rig->accept_count == 0);
    uint32_t quick = rig_open(rig, &rig->addr);
    RIG_CHECK(rig, rig_await(rig, rig_connect(rig, quick)) == 0);
    rig_send_all(rig, quick, 1, 0, 10);
    uint32_t server = rig_accepted(rig);
    RIG_CHECK(rig, rig_await(rig, rig_recv(rig, server, 0)) == 10);
    RIG_CHECK(rig, rig->accept_count == 0);
    rig_pass(rig, METAL_LWIP_DEFER_NS);
    RIG_CHECK(rig, rig->accept_count == 1);
    rig_settle(rig);
}

const struct lwip_case lwip_cases_crowd[] = {
    {"burst_of_connections", burst_of_connections},
    {"a_thousand_stay_connected", a_thousand_stay_connected},
    {"a_connection_for_each_request", a_connection_for_each_request},
    {"transfers_share_little_memory", transfers_share_little_memory},
    {"unread_connections_hold_up_nobody", unread_connections_hold_up_nobody},
    {"device_without_room", device_without_room},
    {"full_machine_lets_them_wait", full_machine_lets_them_wait},
    {"flood_of_syns_leaves_room", flood_of_syns_leaves_room},
    {"silent_client_is_accepted_late", silent_client_is_accepted_late},
    {NULL, NULL},
};
