/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/driver/lwip.h"

#include "vk/err.h"

#define WAIT_COST_NS 1000u /* of the clock in each wait: who never blocks gets on, too */

struct end {
    struct proc_io *io;
    uint64_t asleep_ns; /* until when it would sleep */
};

struct lwip_pair {
    struct proc_io io; /* first */
    struct sim_wire *wire;
    struct vk_region region;
    struct end ends[SIM_WIRE_ENDS];
    bool is_turned; /* who waits first, by turns */
};

static struct lwip_pair the_pair; /* there cannot be two */

static const uint8_t loop4[4] = {127, 0, 0, 1};
static const uint8_t loop6[16] = {[15] = 1};
static const uint8_t ends4[SIM_WIRE_ENDS][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
static const uint8_t ends6[SIM_WIRE_ENDS][16] = {{0xfd, [15] = 1}, {0xfd, [15] = 2}};

static struct lwip_pair *of(struct proc_io *io)
{
    return (struct lwip_pair *)io;
}

/* ---- names: the suite speaks of 127.0.0.1 and ::1, and of even and odd numbers ---------- */

static struct proc_addr to_end(const struct proc_addr *addr, uint32_t end)
{
    struct proc_addr real = *addr;
    if (addr->family == 4 && memcmp(addr->ip, loop4, 4) == 0)
        memcpy(real.ip, ends4[end], 4);
    else if (addr->family == 6 && memcmp(addr->ip, loop6, 16) == 0)
        memcpy(real.ip, ends6[end], 16);
    return real;
}

static void from_end(struct proc_addr *addr)
{
    if (addr->family == 4)
        memcpy(addr->ip, loop4, 4);
    else
        memcpy(addr->ip, loop6, 16);
}

static uint32_t number_of(uint32_t end, uint32_t conn)
{
    return conn << 1 | end;
}

static struct proc_io *end_of(struct proc_io *io, uint32_t *conn)
{
    uint32_t end = *conn & 1;
    /* A number that no driver gives stays one. */
    *conn = *conn > INT32_MAX ? UINT32_MAX : *conn >> 1;
    return of(io)->ends[end].io;
}

/* ---- operations ------------------------------------------------------------------------- */

static int pair_listen(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                       struct proc_addr *ret_bound)
{
    struct proc_io *server = of(io)->ends[LWIP_PAIR_SERVER].io;
    struct proc_addr real = to_end(addr, LWIP_PAIR_SERVER);
    int err = server->ops->listen(server, &real, defer, ret_conn, ret_bound);
    if (err != 0)
        return err;
    *ret_conn = number_of(LWIP_PAIR_SERVER, *ret_conn);
    memcpy(ret_bound->ip, addr->ip, sizeof(ret_bound->ip));
    return 0;
}

static int pair_open(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn)
{
    struct proc_io *client = of(io)->ends[LWIP_PAIR_CLIENT].io;
    struct proc_addr real = to_end(addr, LWIP_PAIR_SERVER);
    int err = client->ops->open(client, &real, ret_conn);
    if (err == 0)
        *ret_conn = number_of(LWIP_PAIR_CLIENT, *ret_conn);
    return err;
}

static int pair_submit(struct proc_io *io, const struct proc_io_req *req)
{
    struct proc_io_req real = *req;
    struct proc_io *end = end_of(io, &real.conn);
    return end->ops->submit(end, &real);
}

static void pair_cancel(struct proc_io *io, uint64_t tag)
{
    for (uint32_t i = 0; i < SIM_WIRE_ENDS; i++)
        of(io)->ends[i].io->ops->cancel(of(io)->ends[i].io, tag);
}

static uint64_t pair_now(struct proc_io *io)
{
    return sim_wire_now(of(io)->wire);
}

static void pair_wake(struct proc_io *io)
{
    struct proc_io *server = of(io)->ends[LWIP_PAIR_SERVER].io;
    server->ops->wake(server);
}

static int pair_peer(struct proc_io *io, uint32_t conn, struct proc_addr *ret_addr)
{
    struct proc_io *end = end_of(io, &conn);
    int err = end->ops->peer(end, conn, ret_addr);
    if (err == 0)
        from_end(ret_addr);
    return err;
}

static uint64_t pair_taken(struct proc_io *io, uint32_t conn)
{
    struct proc_io *end = end_of(io, &conn);
    return end->ops->taken(end, conn);
}

/* ---- waiting ---------------------------------------------------------------------------- */

/* In place of sleep: note until when, and come back. */
static void on_sleep(void *ctx, uint64_t until_ns)
{
    struct end *end = ctx;
    end->asleep_ns = until_ns;
    end->io->ops->wake(end->io);
}

static uint32_t step(struct lwip_pair *pair, uint32_t which, struct proc_io_event *events, uint32_t max,
                     uint64_t deadline_ns)
{
    struct end *end = &pair->ends[which];
    uint64_t now_ns;
    end->asleep_ns = 0; /* it had a reason not to sleep */
    uint32_t count = end->io->ops->wait(end->io, events, max, deadline_ns, &now_ns);
    for (uint32_t i = 0; i < count; i++) {
        /* A result of an ACCEPT is a number; the suite's listeners all are of the server. */
        bool is_accept = which == LWIP_PAIR_SERVER && events[i].data == NULL && events[i].res > 0 &&
                         (events[i].flags & PROC_IO_MORE) != 0;
        if (is_accept)
            events[i].res = (int32_t)number_of(which, (uint32_t)events[i].res);
    }
    return count;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint32_t pair_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max,
                          uint64_t deadline_ns, uint64_t *ret_now_ns)
{
    struct lwip_pair *pair = of(io);
    uint32_t count = 0;
    sim_wire_advance(pair->wire, sim_wire_now(pair->wire) + WAIT_COST_NS);
    pair->is_turned = !pair->is_turned;
    for (;;) {
        uint32_t first = pair->is_turned;
        count = step(pair, first, events, max, deadline_ns);
        if (count < max)
            count += step(pair, 1 - first, events + count, max - count, deadline_ns);
        *ret_now_ns = sim_wire_now(pair->wire);
        bool is_woken = pair->ends[0].asleep_ns == 0 || pair->ends[1].asleep_ns == 0;
        if (count > 0 || *ret_now_ns >= deadline_ns || is_woken)
            return count;
        uint64_t to_ns = least(least(pair->ends[0].asleep_ns, pair->ends[1].asleep_ns), deadline_ns);
        to_ns = least(to_ns, least(sim_wire_next(pair->wire, 0), sim_wire_next(pair->wire, 1)));
        sim_wire_advance(pair->wire, to_ns);
    }
}

static void pair_destroy(struct proc_io *io)
{
    struct lwip_pair *pair = of(io);
    for (uint32_t i = 0; i < SIM_WIRE_ENDS; i++)
        pair->ends[i].io->ops->destroy(pair->ends[i].io);
    vk_region_fini(&pair->region);
}

static const struct proc_io_ops pair_ops = {
    .name = "lwip",
    .listen = pair_listen,
    .open = pair_open,
    .submit = pair_submit,
    .cancel = pair_cancel,
    .wait = pair_wait,
    .now = pair_now,
    .wake = pair_wake,
    .peer = pair_peer,
    .taken = pair_taken,
    .destroy = pair_destroy,
};

/* ---- creation --------------------------------------------------------------------------- */

static struct metal_lwip_options end_options(struct lwip_pair *pair, uint32_t end, uint32_t conns_max,
                                             uint32_t buffers_bytes)
{
    struct metal_lwip_options options = {
        .dev = sim_wire_end(pair->wire, end),
        .config = {.v4 = {.addr.family = 4, .prefix_bits = 24}, .v6 = {.addr.family = 6, .prefix_bits = 64}},
        .conns_max = conns_max,
        .buffers_bytes = buffers_bytes,
    };
    memcpy(options.config.v4.addr.ip, ends4[end], 4);
    memcpy(options.config.v6.addr.ip, ends6[end], 16);
    return options;
}

static int create_ends(struct lwip_pair *pair, uint32_t conns_max, uint32_t buffers_bytes)
{
    struct metal_lwip_options server = end_options(pair, LWIP_PAIR_SERVER, conns_max, buffers_bytes);
    struct metal_lwip_options client = end_options(pair, LWIP_PAIR_CLIENT, conns_max, buffers_bytes);
    int err = metal_lwip_create(&server, &pair->region, &pair->ends[LWIP_PAIR_SERVER].io);
    if (err == 0)
        err = lwip_copy_create(&client, &pair->region, &pair->ends[LWIP_PAIR_CLIENT].io);
    return err;
}

/* IPv6 addresses are of use when nobody else claimed them for a second. */
static void settle(struct lwip_pair *pair)
{
    struct proc_io_event event;
    uint64_t now_ns = sim_wire_now(pair->wire);
    uint64_t end_ns = now_ns + 3000000000u;
    while (now_ns < end_ns)
        (void)pair_wait(&pair->io, &event, 1, end_ns, &now_ns); /* nothing is in flight yet */
}

int lwip_pair_create(const struct sim_wire_options *wire_options, uint32_t conns_max, uint32_t buffers_bytes,
                     struct lwip_pair **ret_pair)
{
    struct lwip_pair *pair = &the_pair;
    struct metal_lwip_options sizes = {.conns_max = conns_max, .buffers_bytes = buffers_bytes};
    pair->io.ops = &pair_ops;
    int err = vk_region_init(&pair->region,
                             sim_wire_region_bytes(wire_options) + 2 * metal_lwip_region_bytes(&sizes));
    if (err == 0)
        err = sim_wire_create(wire_options, &pair->region, &pair->wire);
    if (err == 0)
        err = create_ends(pair, conns_max, buffers_bytes);
    if (err != 0) {
        vk_region_fini(&pair->region);
        return err;
    }
    for (uint32_t i = 0; i < SIM_WIRE_ENDS; i++)
        sim_wire_on_sleep(pair->wire, i, on_sleep, &pair->ends[i]);
    settle(pair);
    *ret_pair = pair;
    return 0;
}

struct proc_io *lwip_pair_io(struct lwip_pair *pair)
{
    return &pair->io;
}

struct sim_wire *lwip_pair_wire(struct lwip_pair *pair)
{
    return pair->wire;
}

struct proc_io *lwip_pair_end(struct lwip_pair *pair, uint32_t end)
{
    return pair->ends[end].io;
}

/* ---- factories -------------------------------------------------------------------------- */

int lwip_clean_create(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    struct sim_wire_options options;
    struct lwip_pair *pair;
    (void)arg;
    sim_wire_options_default(&options, seed);
    options.can_sum = seed % 2 == 0;
    int err = lwip_pair_create(&options, 0, 0, &pair);
    if (err == 0)
        *ret_io = &pair->io;
    return err;
}

int lwip_rough_create(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    struct sim_wire_options options;
    struct lwip_pair *pair;
    (void)arg;
    sim_wire_options_default(&options, seed);
    options.can_sum = seed % 2 != 0;
    int err = lwip_pair_create(&options, 0, 0, &pair);
    if (err != 0)
        return err;
    options.duplicate = 200;
    options.overtaken = 500;
    sim_wire_set_odds(pair->wire, &options);
    *ret_io = &pair->io;
    return 0;
}

int lwip_loop_create(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    static struct vk_region region; /* the driver cannot be created twice anyway */
    struct sim_wire_options wire_options;
    struct metal_lwip_options options = {0};
    struct sim_wire *wire;
    (void)arg;
    sim_wire_options_default(&wire_options, seed);
    int err =
        vk_region_init(&region, sim_wire_region_bytes(&wire_options) + metal_lwip_region_bytes(&options));
    if (err == 0)
        err = sim_wire_create(&wire_options, &region, &wire);
    if (err != 0)
        return err;
    options.dev = sim_wire_end(wire, 0);
    return metal_lwip_create(&options, &region, ret_io);
}
