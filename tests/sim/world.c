/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/sim_test.h"

#include "vk/plat.h"

#include <stdio.h>

#define CONNS_MAX 64u
#define STEPS_MAX 3000000u
#define LIMIT_NS  (1000 * SECOND_NS) /* of virtual time; every deadline of the server is far below */

static struct sim *clock_of_date; /* the one world of this OS process */

/* Linked in place of the wall clock, so that the Date field repeats with the seed. */
int64_t __wrap_plat_wall_s(void);
int64_t __wrap_plat_wall_s(void)
{
    return 1700000000 + (int64_t)(sim_now(clock_of_date) / SECOND_NS);
}

static void ignore_log(void *ctx, enum proc_log_level level, struct vk_span text)
{
    (void)ctx;
    (void)level;
    (void)text;
}

static void set_weather(struct sim_options *o, enum weather weather, uint64_t seed)
{
    struct sim_options rough;
    sim_options_rough(&rough, seed);
    if (weather >= WEATHER_ROUGH) {
        o->odds = rough.odds;
        o->wait_cost_max_ns = rough.wait_cost_max_ns;
    }
    if (weather >= WEATHER_STORM) {
        o->odds.reset = 30;
        o->odds.refuse = 500;
        o->odds.emfile = 500;
    }
    if (weather >= WEATHER_HURRICANE) {
        o->odds.overflow = 200;
        o->odds.jump = 1;
        o->jump_max_ns = 20 * SECOND_NS;
    }
}

static void make_sim(struct world *w)
{
    struct sim_options o;
    sim_options_default(&o, w->seed);
    o.ends_max = 3 * PEERS_MAX;
    o.conns_max = CONNS_MAX;
    o.ops_max = 512;
    o.timers_max = 4 * PEERS_MAX;
    o.socket_bytes = w->socket_bytes = 4096u << (w->seed % 5); /* 4 to 64 KiB */
    set_weather(&o, w->weather, w->seed);
    w->odds = o.odds;
    o.odds = (struct sim_odds){0}; /* until the server stands */
    CHECK(vk_region_init(&w->region, sim_region_bytes(&o)) == 0);
    CHECK(sim_create(&o, &w->region, &w->sim) == 0);
    clock_of_date = w->sim;
    w->io = sim_io(w->sim);
}

void world_make(struct world *w, uint64_t seed, enum weather weather)
{
    const struct proc_addr any = {.family = 4, .ip = {10, 0, 0, 1}};
    uint32_t listener;
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->weather = weather;
    make_sim(w);
    const struct proc_kernel_options options = {
        .io = w->io,
        .guard = VK_GUARD_MPROTECT,
        .processes_max = 256,
        .handles_max = 1024,
        .requests_max = 1024,
        .slots_max = {64},
        .slots_warm = 2,
        .service_bytes = net_server_region_bytes(CONNS_MAX),
        .log = ignore_log,
    };
    CHECK(proc_kernel_create(&options, &w->kernel) == 0);
    w->is_crowded = seed % 7 == 6; /* more peers than the server takes at a time */
    const struct net_server_options server = {.handler = {.program = &app_program},
                                              .conns_max = w->is_crowded ? 12 : CONNS_MAX - 8};
    CHECK(net_server_create(w->kernel, &server, &w->server) == 0);
    CHECK(w->io->ops->listen(w->io, &any, true, &listener, &w->addr) == 0);
    CHECK(net_server_listen(w->server, listener, NULL) == 0);
    sim_set_odds(w->sim, &w->odds);
    proc_kernel_counters(w->kernel, &w->before);
}

struct peer *world_peer(struct world *w, enum manner manner)
{
    CHECK(w->peers_count < PEERS_MAX);
    struct peer *peer = &w->peers[w->peers_count++];
    peer->world = w;
    peer->manner = manner;
    return peer;
}

uint32_t world_draw(struct world *w, uint32_t bound)
{
    return (uint32_t)sim_random_below(w->sim, bound);
}

static bool is_quiet(const struct world *w)
{
    for (uint32_t i = 0; i < w->peers_count; i++) {
        if (!w->peers[i].is_over)
            return false;
    }
    return net_server_is_idle(w->server) && sim_conns_open(w->sim) == 1;
}

static void step(struct world *w, uint32_t *steps)
{
    proc_kernel_step(w->kernel, SECOND_NS);
    CHECK(++*steps < STEPS_MAX && "the server comes to rest");
    CHECK(sim_now(w->sim) < LIMIT_NS && "no connection stays longer than its deadlines");
}

void world_run(struct world *w)
{
    uint32_t steps = 0;
    struct proc_counters now;
    while (!is_quiet(w))
        step(w, &steps);
    for (uint32_t i = 0; i < 3; i++) /* what was put off to a later tick */
        step(w, &steps);
    proc_kernel_counters(w->kernel, &now);
    CHECK(now.processes == w->before.processes);
    CHECK(now.handles == w->before.handles);
    CHECK(now.requests == w->before.requests);
    CHECK(now.buffers == w->before.buffers);
    CHECK(now.slots == w->before.slots);
    CHECK(sim_ops_in_flight(w->sim) <= 1); /* the ACCEPT, unless accepting pauses */
    for (uint32_t i = 0; i < w->peers_count; i++) {
        w->looked_at = &w->peers[i];
        peer_check(w->looked_at, w->weather <= WEATHER_ROUGH && !w->is_crowded);
    }
    w->looked_at = NULL;
}

uint64_t world_end(struct world *w)
{
    uint32_t steps = 0;
    net_server_drain(w->server, sim_now(w->sim) + NET_DRAIN_TIMEOUT_NS);
    net_server_unlisten(w->server);
    while (!net_server_is_idle(w->server) || sim_conns_open(w->sim) > 0)
        step(w, &steps);
    CHECK(sim_ops_in_flight(w->sim) == 0);
    uint64_t trace = sim_trace(w->sim);
    proc_kernel_destroy(w->kernel);
    w->io->ops->destroy(w->io);
    vk_region_fini(&w->region);
    return trace;
}
