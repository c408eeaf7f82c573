/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One machine, and the test at the other end of the wire: it answers ARP for
 * everybody, gives addresses (DHCP, router advertisements) and names (DNS).
 * And frames that nobody should send.
 */
#include "tests/lwip/lwip.h"
#include "tests/lwip/packets.h"
#include "vk/limits.h"

#include <string.h>

#define SECOND_NS 1000000000u

/* ---- the machine, and who is at the other end ----------------------------------------------- */

struct far {
    struct sim_wire *wire;
    struct proc_io *io;
    uint64_t asleep_ns;
    uint64_t answers;   /* of ARP */
    uint64_t discovers; /* asked for an address */
    uint64_t requests;
    uint64_t questions; /* asked for a name */
    uint64_t solicits;  /* looked for the router fd00::1 */
    uint64_t agreed;    /* SYNs that were answered well */
    bool is_mute;       /* name servers do not answer, ... */
    bool has_no_dhcp;   /* ... nor who gives addresses */
    uint8_t host;       /* of the address that is given; 0: that of packets_dhcp_answer */
};

static void on_sleep(void *ctx, uint64_t until_ns)
{
    struct far *far = ctx;
    far->asleep_ns = until_ns;
    far->io->ops->wake(far->io);
}

/* start_ns: what its clock shows first; 0: what that of any wire shows. */
static void machine_at(struct far *far, const char *config, uint64_t start_ns)
{
    static struct vk_region region;
    struct sim_wire_options wire_options;
    struct metal_lwip_options options = {0};
    const char *why;
    size_t at;
    memset(far, 0, sizeof(*far));
    sim_wire_options_default(&wire_options, 11);
    wire_options.start_ns = start_ns != 0 ? start_ns : wire_options.start_ns;
    LWIP_CHECK(metal_lwip_config_parse(config, &options.config, &why, &at) == 0);
    LWIP_CHECK(vk_region_init(&region,
                              sim_wire_region_bytes(&wire_options) + metal_lwip_region_bytes(&options)) == 0);
    LWIP_CHECK(sim_wire_create(&wire_options, &region, &far->wire) == 0);
    options.dev = sim_wire_end(far->wire, 0);
    LWIP_CHECK(metal_lwip_create(&options, &region, &far->io) == 0 && far->io != NULL);
    struct proc_io *second;
    LWIP_CHECK(metal_lwip_create(&options, &region, &second) == -VK_EADDRINUSE);
    sim_wire_on_sleep(far->wire, 0, on_sleep, far);
}

static void machine(struct far *far, const char *config)
{
    machine_at(far, config, 0);
}

static void transmit(struct far *far, const uint8_t *frame, uint32_t len)
{
    static const struct net_dev_sum none;
    struct net_dev *dev = sim_wire_end(far->wire, 1);
    struct vk_span piece = vk_span(frame, len);
    LWIP_CHECK(dev->ops->send(dev, &piece, 1, &none) == 0);
}

static void answer_arp(struct far *far, const uint8_t *frame)
{
    uint8_t reply[42];
    memcpy(reply, frame, 42);
    memcpy(reply, frame + 6, 6);
    memcpy(reply + 6, packets_far, 6);
    reply[21] = 2;                      /* reply */
    memcpy(reply + 22, packets_far, 6); /* who was asked for is here */
    memcpy(reply + 28, frame + 38, 4);
    memcpy(reply + 32, frame + 22, 10);
    far->answers++;
    transmit(far, reply, sizeof(reply));
}

static void answer_dhcp(struct far *far, const uint8_t *ask, uint32_t len)
{
    uint8_t frame[PACKETS_MAX];
    uint32_t reply_len = far->has_no_dhcp ? 0 : packets_dhcp_answer(frame, far->host, ask, len);
    far->discovers += packets_dhcp_type(ask, len) == 1;
    far->requests += packets_dhcp_type(ask, len) == 3;
    if (reply_len > 0)
        transmit(far, frame, reply_len);
}

static void answer_dns(struct far *far, const uint8_t *ask, uint32_t len)
{
    uint8_t frame[PACKETS_MAX];
    uint32_t reply_len = packets_dns_answer(frame, ask, len);
    far->questions++;
    if (reply_len > 0 && !far->is_mute)
        transmit(far, frame, reply_len);
}

static void far_poll(struct far *far)
{
    struct net_dev *dev = sim_wire_end(far->wire, 1);
    struct net_dev_buf *buf;
    while ((buf = dev->ops->receive(dev)) != NULL) {
        const uint8_t *f = buf->data;
        uint32_t len = buf->len_bytes;
        if (len >= 42 && f[12] == 0x08 && f[13] == 0x06 && f[21] == 1)
            answer_arp(far, f);
        else if (packets_is_solicitation(f, len))
            far->solicits += memcmp(f + 62, (const uint8_t[16]){0xfd, [15] = 1}, 16) == 0;
        else if (packets_is_syn_ack(f, len))
            far->agreed++;
        else if (packets_udp_port(f, len) == 67)
            answer_dhcp(far, f, len);
        else if (packets_udp_port(f, len) == 53)
            answer_dns(far, f, len);
        dev->ops->give(dev, buf);
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Let both run for so long; ends early when *until becomes other than METAL_LWIP_PENDING. */
static void run_until(struct far *far, uint64_t duration_ns, const int32_t *until)
{
    uint64_t end_ns = sim_wire_now(far->wire) + duration_ns;
    while (sim_wire_now(far->wire) < end_ns && (until == NULL || *until == METAL_LWIP_PENDING)) {
        struct proc_io_event event;
        uint64_t now_ns;
        far->asleep_ns = sim_wire_now(far->wire);
        LWIP_CHECK(far->io->ops->wait(far->io, &event, 1, end_ns, &now_ns) == 0);
        far_poll(far);
        uint64_t to_ns = least(least(far->asleep_ns, end_ns),
                               least(sim_wire_next(far->wire, 0), sim_wire_next(far->wire, 1)));
        sim_wire_advance(far->wire, to_ns);
    }
}

static void run_for(struct far *far, uint64_t duration_ns)
{
    run_until(far, duration_ns, NULL);
}

static bool is_ip4(const struct proc_addr *addr, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return addr->family == 4 && addr->ip[0] == a && addr->ip[1] == b && addr->ip[2] == c && addr->ip[3] == d;
}

/* ---- addresses ------------------------------------------------------------------------------ */

static void configurations_are_read(void)
{
    static const char *const wrong[] = {
        "",
        "dhcp,",
        "10.0.0.1",
        "10.0.0.1/",
        "10.0.0.1/33",
        "10.0.0.1/2x",
        "10.0.0/24x",
        "10.0.0.256/24",
        "fd00::1/129",
        "fd00::1/48",
        "fd00:::1/64",
        "10.0.0.1/24,10.0.0.2/24",
        "10.0.0.1/24,router=",
        "10.0.0.1/24,router=here",
        "10.0.0.1/24,router=10.0.0.2,router=10.0.0.3",
        "router=10.0.0.2",
        "dhcp,10.0.0.1/24",
        "dhcp,router=10.0.0.1",
        "dhcp,dns=1.1.1.1,dns=1.1.1.2,dns=1.1.1.3",
        "dhcp,dns",
        "DHCP",
        "10.0.0.1/24 ,dns=1.1.1.1",
    };
    struct metal_lwip_config config;
    const char *why = NULL;
    size_t at;
    for (size_t i = 0; i < VK_COUNT(wrong); i++) {
        LWIP_CHECK(metal_lwip_config_parse(wrong[i], &config, &why, &at) == -VK_EINVAL);
        LWIP_CHECK(why != NULL && at <= strlen(wrong[i]));
    }
    LWIP_CHECK(metal_lwip_config_parse("10.0.0.1/24,dns=x", &config, &why, &at) == -VK_EINVAL && at == 12);
    LWIP_CHECK(metal_lwip_config_parse("dhcp", &config, &why, &at) == 0 && config.dhcp);
    LWIP_CHECK(metal_lwip_config_parse(
                   "10.1.2.3/20,fd00::5/64,router=10.1.0.1,router=fd00::1,dns=10.1.0.2,dns=fd00::2", &config,
                   &why, &at) == 0);
    LWIP_CHECK(is_ip4(&config.v4.addr, 10, 1, 2, 3) && config.v4.prefix_bits == 20);
    LWIP_CHECK(config.v6.addr.family == 6 && config.v6.addr.ip[0] == 0xfd && config.v6.addr.ip[15] == 5 &&
               config.v6.prefix_bits == 64);
    LWIP_CHECK(is_ip4(&config.router4, 10, 1, 0, 1) && config.router6.ip[15] == 1);
    LWIP_CHECK(is_ip4(&config.servers[0], 10, 1, 0, 2) && config.servers[1].family == 6);
}

static void static_addresses_are_there_at_once(void)
{
    struct far far;
    struct metal_lwip_status status;
    machine(&far, "10.9.0.2/16,router=10.9.0.1,dns=10.9.0.1");
    metal_lwip_status(far.io, &status);
    LWIP_CHECK(status.is_up && is_ip4(&status.v4.addr, 10, 9, 0, 2) && status.v4.prefix_bits == 16);
    LWIP_CHECK(is_ip4(&status.router4, 10, 9, 0, 1) && is_ip4(&status.servers[0], 10, 9, 0, 1));
    LWIP_CHECK(status.v6[0].addr.family == 0);
    run_for(&far, 3 * (uint64_t)SECOND_NS);
    metal_lwip_status(far.io, &status);
    LWIP_CHECK(status.v6[0].addr.family == 6 && status.v6[0].addr.ip[0] == 0xfe);
    far.io->ops->destroy(far.io);
}

static void dhcp_gives_an_address(void)
{
    struct far far;
    struct metal_lwip_status status;
    machine(&far, "dhcp");
    metal_lwip_status(far.io, &status);
    LWIP_CHECK(!status.is_up);
    run_for(&far, 10000000);
    metal_lwip_status(far.io, &status);
    LWIP_CHECK(status.is_up && is_ip4(&status.v4.addr, 10, 1, 2, 3) && status.v4.prefix_bits == 24);
    LWIP_CHECK(is_ip4(&status.router4, 10, 1, 2, 1) && is_ip4(&status.servers[0], 10, 1, 2, 53));
    LWIP_CHECK(far.discovers == 1 && far.requests == 1);
    run_for(&far, 90 * (uint64_t)SECOND_NS); /* of a lease of 120 s: it is asked for again at the half */
    metal_lwip_status(far.io, &status);
    LWIP_CHECK(far.requests >= 2 && is_ip4(&status.v4.addr, 10, 1, 2, 3));
    far.io->ops->destroy(far.io);
}

/* Whether a SYN to 10.1.2.host is answered. */
static bool is_served(struct far *far, uint8_t host, uint32_t number)
{
    uint8_t frame[PACKETS_MAX];
    uint64_t before = far->agreed;
    packets_syn(frame, (const uint8_t[4]){10, 1, 2, host}, number, 80);
    transmit(far, frame, 54);
    run_for(far, SECOND_NS / 20);
    return far->agreed > before;
}

/* A listener on all addresses outlives the lease, and serves by the next address. */
static void a_lease_that_ends(void)
{
    struct proc_addr all = {.family = 4, .port = 80}, bound;
    struct far far;
    struct metal_lwip_status status;
    uint32_t listener;
    machine(&far, "dhcp");
    LWIP_CHECK(far.io->ops->listen(far.io, &all, true, &listener, &bound) == 0);
    LWIP_CHECK(!is_served(&far, 3, 1));
    run_for(&far, SECOND_NS);
    LWIP_CHECK(is_served(&far, 3, 2));

    far.has_no_dhcp = true;
    run_for(&far, 100 * (uint64_t)SECOND_NS); /* of 120 s, renewed at most at the half */
    LWIP_CHECK(is_served(&far, 3, 3));
    run_for(&far, 200 * (uint64_t)SECOND_NS);
    metal_lwip_status(far.io, &status);
    LWIP_CHECK(!status.is_up && far.discovers > 1);
    LWIP_CHECK(!is_served(&far, 3, 4));

    far.has_no_dhcp = false;
    far.host = 9;
    run_for(&far, 130 * (uint64_t)SECOND_NS); /* it is asked for at least once in 60 s */
    metal_lwip_status(far.io, &status);
    LWIP_CHECK(status.is_up && is_ip4(&status.v4.addr, 10, 1, 2, 9));
    LWIP_CHECK(is_served(&far, 9, 5) && !is_served(&far, 3, 6));
    far.io->ops->destroy(far.io);
}

/* lwIP counts milliseconds in 32 bits: after 49 days they begin anew. */
static void fifty_days_are_no_end(void)
{
    const uint64_t wrap_ns = ((uint64_t)UINT32_MAX + 1) * 1000000;
    struct proc_addr all = {.family = 4, .port = 80}, bound;
    struct metal_lwip_lookup lookup;
    struct far far;
    uint32_t listener;
    machine_at(&far, "dhcp", wrap_ns - 2 * (uint64_t)SECOND_NS);
    LWIP_CHECK(far.io->ops->listen(far.io, &all, true, &listener, &bound) == 0);
    run_for(&far, SECOND_NS);
    LWIP_CHECK(is_served(&far, 3, 1));
    far.is_mute = true;
    LWIP_CHECK(metal_lwip_resolve(far.io, "www.example.org", 4, &lookup) == 0);
    run_for(&far, 3 * (uint64_t)SECOND_NS / 2); /* asked before, answered after */
    far.is_mute = false;
    run_until(&far, 60 * (uint64_t)SECOND_NS, &lookup.res);
    LWIP_CHECK(sim_wire_now(far.wire) > wrap_ns && lookup.res == 0);
    LWIP_CHECK(is_served(&far, 3, 2));
    uint64_t requests = far.requests;
    run_for(&far, 120 * (uint64_t)SECOND_NS);
    LWIP_CHECK(far.requests > requests && is_served(&far, 3, 3));
    far.io->ops->destroy(far.io);
}

static void routers_announce_an_address(void)
{
    uint8_t frame[PACKETS_MAX];
    struct far far;
    struct metal_lwip_status status;
    machine(&far, "10.9.0.2/16");
    run_for(&far, 2 * (uint64_t)SECOND_NS);
    transmit(&far, frame, packets_router_advertisement(frame));
    run_for(&far, 3 * (uint64_t)SECOND_NS);
    metal_lwip_status(far.io, &status);
    LWIP_CHECK(status.v6[1].addr.family == 6 && status.v6[1].addr.ip[0] == 0xfd &&
               status.v6[1].addr.ip[1] == 7);
    far.io->ops->destroy(far.io);
}

/* Who is not in the network is looked for behind the router that the configuration names. */
static void a_router_is_named(void)
{
    const struct proc_addr away = {.family = 6, .port = 80, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 9}};
    struct proc_io_req connect = {.tag = 1, .code = PROC_IO_CONNECT};
    struct far far;
    machine(&far, "fd00::5/64,router=fd00::1");
    run_for(&far, 3 * (uint64_t)SECOND_NS); /* until nobody else has that address */
    LWIP_CHECK(far.solicits == 0);
    LWIP_CHECK(far.io->ops->open(far.io, &away, &connect.conn) == 0);
    LWIP_CHECK(far.io->ops->submit(far.io, &connect) == 0);
    run_for(&far, SECOND_NS / 10);
    LWIP_CHECK(far.solicits > 0);
    far.io->ops->destroy(far.io);
}

/* ---- names ---------------------------------------------------------------------------------- */

static void names_are_answered(void)
{
    struct far far;
    struct metal_lwip_lookup lookup, more[METAL_LWIP_LOOKUPS_MAX + 1];
    char long_name[300];
    machine(&far, "10.9.0.2/16,dns=10.9.0.1");
    LWIP_CHECK(metal_lwip_resolve(far.io, "www.example.org", 0, &lookup) == 0);
    LWIP_CHECK(lookup.res == METAL_LWIP_PENDING);
    run_until(&far, SECOND_NS, &lookup.res);
    LWIP_CHECK(lookup.res == 0 && is_ip4(&lookup.addr, 192, 0, 2, 7) && far.questions == 1);
    LWIP_CHECK(metal_lwip_resolve(far.io, "www.example.org", 4, &lookup) == 0);
    LWIP_CHECK(lookup.res == 0 && far.questions == 1); /* remembered */

    LWIP_CHECK(metal_lwip_resolve(far.io, "www.example.net", 6, &lookup) == 0);
    run_until(&far, SECOND_NS, &lookup.res);
    LWIP_CHECK(lookup.res == 0 && lookup.addr.family == 6 && lookup.addr.ip[15] == 9);

    LWIP_CHECK(metal_lwip_resolve(far.io, "no.example.org", 0, &lookup) == 0);
    run_until(&far, 60 * (uint64_t)SECOND_NS, &lookup.res);
    LWIP_CHECK(lookup.res == -VK_ENOENT);

    LWIP_CHECK(metal_lwip_resolve(far.io, "192.0.2.33", 0, &lookup) == 0 && lookup.res == 0);
    LWIP_CHECK(is_ip4(&lookup.addr, 192, 0, 2, 33));
    LWIP_CHECK(metal_lwip_resolve(far.io, "localhost", 4, &lookup) == 0 &&
               is_ip4(&lookup.addr, 127, 0, 0, 1));

    memset(long_name, 'a', sizeof(long_name));
    long_name[299] = '\0';
    LWIP_CHECK(metal_lwip_resolve(far.io, long_name, 0, &lookup) == -VK_EINVAL);
    LWIP_CHECK(metal_lwip_resolve(far.io, "", 0, &lookup) == -VK_EINVAL);
    LWIP_CHECK(metal_lwip_resolve(far.io, "x", 5, &lookup) == -VK_EINVAL);

    far.is_mute = true;
    for (uint32_t i = 0; i < METAL_LWIP_LOOKUPS_MAX; i++) {
        char name[] = "a.example.com";
        name[0] = (char)('a' + i);
        LWIP_CHECK(metal_lwip_resolve(far.io, name, 4, &more[i]) == 0 && more[i].res == METAL_LWIP_PENDING);
    }
    LWIP_CHECK(metal_lwip_resolve(far.io, "z.example.com", 4, &more[METAL_LWIP_LOOKUPS_MAX]) ==
               -VK_EOVERFLOW);
    metal_lwip_forget(far.io, &more[0]);
    LWIP_CHECK(more[0].res == -VK_ECANCELED);
    run_for(&far, 60 * (uint64_t)SECOND_NS);
    for (uint32_t i = 1; i < METAL_LWIP_LOOKUPS_MAX; i++)
        LWIP_CHECK(more[i].res == -VK_ENOENT);
    far.is_mute = false;
    LWIP_CHECK(metal_lwip_resolve(far.io, "z.example.com", 4, &lookup) == 0); /* there is room again */
    run_until(&far, SECOND_NS, &lookup.res);
    LWIP_CHECK(lookup.res == 0);
    far.io->ops->destroy(far.io);
}

static void names_need_a_server(void)
{
    struct far far;
    struct metal_lwip_lookup lookup;
    machine(&far, "10.9.0.2/16");
    LWIP_CHECK(metal_lwip_resolve(far.io, "www.example.org", 0, &lookup) == -VK_EUNREACH);
    far.io->ops->destroy(far.io);
}

/* ---- frames that nobody should send --------------------------------------------------------- */

static struct rig_reader readers[2];

#define TALK_OPS 64u

struct talk {
    uint32_t ops[TALK_OPS];
    uint32_t count;
};

static void note(struct talk *t, uint32_t op)
{
    LWIP_CHECK(t->count < TALK_OPS);
    t->ops[t->count++] = op;
}

/* Who was accepted, this time or late from an earlier one: say something and go. */
static void serve(struct rig *rig, struct talk *t, uint32_t round)
{
    while (rig->accept_count > 0 && t->count + 4 < TALK_OPS) {
        uint32_t server = rig_accepted(rig);
        note(t, rig_recv(rig, server, PROC_IO_MULTI));
        note(t, rig_send(rig, server, rig->buf, 5000));
        if (round % 3 == 0)
            note(t, rig_shutdown(rig, server));
        rig_pass(rig, 1000000);
        note(t, rig_close(rig, server, PROC_IO_ABORT));
    }
}

/*
 * Connections come, talk and go while the wire damages a fifth of the frames,
 * until so many are. How many frames a round has depends on lwIP's random numbers.
 */
static void talk(struct rig *rig, const uint64_t *damaged, uint64_t wanted)
{
    for (uint32_t i = 0; i < 2000 || (*damaged <= wanted && i < 20000); i++) {
        struct talk t = {.count = 0};
        uint32_t client = rig_open(rig, &rig->addr);
        uint32_t connect = rig_connect(rig, client);
        note(&t, connect);
        note(&t, rig_send(rig, client, rig->buf, 1 + i * 7 % 20000));
        note(&t, rig_recv(rig, client, PROC_IO_MULTI));
        rig_pass(rig, 1000000);
        serve(rig, &t, i);
        rig_pass(rig, 1000000);
        bool is_orderly = rig_is_done(rig, connect) && i % 2 == 0;
        note(&t, rig_close(rig, client, is_orderly ? 0 : PROC_IO_ABORT));
        for (uint32_t j = 0; j < t.count; j++)
            (void)rig_await(rig, t.ops[j]); /* whatever came of it */
    }
}

/* What the check sums let through is the worst: the device claims that those of TCP and UDP are right. */
static void damaged_frames_break_nothing(bool can_sum, bool is_v6)
{
    struct rig *rig = &lwip_rig;
    struct proc_addr addr6 = {.family = 6, .ip = {[15] = 1}};
    struct sim_wire_options options;
    struct lwip_pair *machines;
    sim_wire_options_default(&options, 100 + can_sum * 2u + is_v6);
    options.can_sum = can_sum;
    LWIP_CHECK(lwip_pair_create(&options, 400, 1u << 20, &machines) == 0);
    rig_init(rig, lwip_pair_io(machines), &lwip_host);
    if (is_v6) {
        LWIP_CHECK(rig->io->ops->listen(rig->io, &addr6, false, &rig->listener, &rig->addr) == 0);
        rig_new_conn(rig, rig->listener);
        rig_accept_resume(rig);
    } else {
        rig_listen(rig, false);
    }
    rig_close_pair(rig, rig_pair(rig));
    options.damage = 2000;
    options.duplicate = 200;
    options.overtaken = 500;
    sim_wire_set_odds(lwip_pair_wire(machines), &options);
    const struct sim_wire_counters *counters = sim_wire_counters(lwip_pair_wire(machines));
    talk(rig, &counters->damaged, 1000);
    lwip_say("%lu of %lu frames damaged\n", counters->damaged, counters->sent);
    LWIP_CHECK(counters->damaged > 1000);

    options.damage = options.duplicate = options.overtaken = 0;
    sim_wire_set_odds(lwip_pair_wire(machines), &options);
    rig_pass(rig, 40 * (uint64_t)SECOND_NS); /* neighbours that were lied about are asked again */
    struct talk rest = {.count = 0};
    serve(rig, &rest, 0);
    struct rig_pair pair = rig_pair(rig);
    rig_reader_start(rig, &readers[0], pair.server, 1, RIG_READ_MULTI);
    rig_send_all(rig, pair.client, 1, 0, 1u << 20);
    rig_reader_await(rig, &readers[0], 1u << 20);
    rig_close_pair(rig, pair);
    rig_settle(rig);
    lwip_check_memory(machines);
    rig->io->ops->destroy(rig->io);
}

static void damaged_frames_v4(void)
{
    damaged_frames_break_nothing(false, false);
}

static void damaged_frames_v6(void)
{
    damaged_frames_break_nothing(false, true);
}

static void damaged_frames_v4_with_right_sums(void)
{
    damaged_frames_break_nothing(true, false);
}

static void damaged_frames_v6_with_right_sums(void)
{
    damaged_frames_break_nothing(true, true);
}

/* Answers of DHCP, DNS and routers with bytes changed, their sums made right again. */
static void damaged_answers_break_nothing(void)
{
    struct far far;
    uint64_t state = 77;
    machine(&far, "dhcp,dns=10.1.2.53");
    run_for(&far, 10000000);
    for (uint32_t i = 0; i < 6000; i++) {
        uint8_t frame[PACKETS_MAX];
        uint8_t ask[PACKETS_MAX];
        uint32_t ask_len = packets_question(ask, &state, i % 3);
        uint32_t len = i % 3 == 0   ? packets_dns_answer(frame, ask, ask_len)
                       : i % 3 == 1 ? packets_dhcp_answer(frame, 0, ask, ask_len)
                                    : packets_router_advertisement(frame);
        LWIP_CHECK(len > 0);
        len = packets_damage(frame, len, &state);
        transmit(&far, frame, len);
        run_for(&far, 1000000);
    }
    struct metal_lwip_status status;
    metal_lwip_status(far.io, &status);
    LWIP_CHECK(status.frames_in > 5000);
    far.io->ops->destroy(far.io);
}

const struct lwip_case lwip_cases_net[] = {
    {"configurations_are_read", configurations_are_read},
    {"static_addresses_are_there_at_once", static_addresses_are_there_at_once},
    {"dhcp_gives_an_address", dhcp_gives_an_address},
    {"routers_announce_an_address", routers_announce_an_address},
    {"fifty_days_are_no_end", fifty_days_are_no_end},
    {"a_lease_that_ends", a_lease_that_ends},
    {"a_router_is_named", a_router_is_named},
    {"names_are_answered", names_are_answered},
    {"names_need_a_server", names_need_a_server},
    {"damaged_frames_v4", damaged_frames_v4},
    {"damaged_frames_v6", damaged_frames_v6},
    {"damaged_frames_v4_with_right_sums", damaged_frames_v4_with_right_sums},
    {"damaged_frames_v6_with_right_sums", damaged_frames_v6_with_right_sums},
    {"damaged_answers_break_nothing", damaged_answers_break_nothing},
    {NULL, NULL},
};
