/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a simulation: options, their limits, and the memory of its tables.
 */
#include "sim/sim_impl.h"
#include "vk/err.h"

#define ENDS_LIMIT (1u << 20)

void sim_options_default(struct sim_options *options, uint64_t seed)
{
    *options = (struct sim_options){
        .seed = seed,
        .start_ns = 1000000000u,
        .ends_max = 256,
        .conns_max = 256,
        .ops_max = 1024,
        .timers_max = 64,
        .socket_bytes = 65536,
        .backlog_max = 128,
        .latency_min_ns = 20000,
        .latency_max_ns = 200000,
        .delay_max_ns = 300000000,
        .step_delay_max_ns = 100000,
        .wait_cost_max_ns = 1000,
        .jump_max_ns = 60000000000u,
    };
}

void sim_options_rough(struct sim_options *options, uint64_t seed)
{
    sim_options_default(options, seed);
    options->wait_cost_max_ns = 20000;
    options->odds = (struct sim_odds){
        .partial_read = 3000,
        .partial_write = 3000,
        .reset_discard = 5000,
        .delay = 100,
        .reorder = 3000,
        .step_delay = 3000,
        .multi_end = 500,
        .short_batch = 2000,
        .spurious = 500,
    };
}

static bool is_power_of_2(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static bool is_valid(const struct sim_options *o)
{
    bool is_sized = o->ends_max >= 2 && o->ends_max <= ENDS_LIMIT && o->conns_max >= 1 && o->ops_max >= 1 &&
                    o->ops_max <= ENDS_LIMIT && o->timers_max <= ENDS_LIMIT && o->backlog_max >= 1 &&
                    is_power_of_2(o->socket_bytes) && o->socket_bytes <= 1u << 30;
    bool is_timed = o->start_ns > 0 && o->latency_min_ns >= 1 && o->latency_min_ns <= o->latency_max_ns &&
                    o->wait_cost_max_ns >= 1 && o->jump_max_ns >= 1;
    return is_sized && is_timed;
}

/* Three timers per end and one per call may be in the queue. */
static size_t queue_max(const struct sim_options *o)
{
    return (size_t)o->ends_max * 3 + o->timers_max;
}

static size_t ready_max(const struct sim_options *o)
{
    return (size_t)o->ops_max * 2;
}

size_t sim_region_bytes(const struct sim_options *o)
{
    return sizeof(struct sim) + (size_t)o->ends_max * (sizeof(struct sim_end) + o->socket_bytes) +
           o->ops_max * sizeof(struct sim_op) + ready_max(o) * sizeof(struct sim_ready) +
           o->timers_max * sizeof(struct sim_call) + queue_max(o) * sizeof(struct sim_timer *) +
           (size_t)8 * VK_CACHE_LINE_BYTES;
}

static void *alloc(struct vk_region *region, size_t len_bytes)
{
    return vk_region_alloc(region, len_bytes == 0 ? 1 : len_bytes, VK_CACHE_LINE_BYTES);
}

static int alloc_tables(struct sim *sim, struct vk_region *region)
{
    const struct sim_options *o = &sim->options;
    sim->ends = alloc(region, o->ends_max * sizeof(*sim->ends));
    sim->ops = alloc(region, o->ops_max * sizeof(*sim->ops));
    sim->ready = alloc(region, ready_max(o) * sizeof(*sim->ready));
    sim->calls = alloc(region, o->timers_max * sizeof(*sim->calls));
    sim->queue = alloc(region, queue_max(o) * sizeof(struct sim_timer *));
    uint8_t *rings = alloc(region, (size_t)o->ends_max * o->socket_bytes);
    if (!sim->ends || !sim->ops || !sim->ready || !sim->calls || !sim->queue || !rings)
        return -VK_ENOMEM;
    for (uint32_t i = 0; i < o->ends_max; i++)
        sim->ends[i].ring = rings + (size_t)i * o->socket_bytes;
    return 0;
}

static void init_lists(struct sim *sim)
{
    sim->end_free = sim->call_free = SIM_NONE;
    for (uint32_t i = sim->options.ends_max; i-- > 0;) {
        sim->ends[i].next = sim->end_free;
        sim->end_free = i;
    }
    for (uint32_t i = sim->options.timers_max; i-- > 0;) {
        sim->calls[i].timer = (struct sim_timer){.owner = i, .kind = SIM_TIMER_CALL};
        sim->calls[i].next = sim->call_free;
        sim->call_free = i;
    }
}

int sim_create(const struct sim_options *options, struct vk_region *region, struct sim **ret_sim)
{
    if (!is_valid(options))
        return -VK_EINVAL;
    struct sim *sim = alloc(region, sizeof(*sim));
    if (sim == NULL)
        return -VK_ENOMEM;
    sim->options = *options;
    int err = alloc_tables(sim, region);
    if (err != 0)
        return err;
    sim->now_ns = options->start_ns;
    sim->trace = 0xcbf29ce484222325u;
    sim->ready_max = (uint32_t)ready_max(options);
    sim_rand_init(&sim->rand, options->seed);
    init_lists(sim);
    sim_driver_init(sim);
    *ret_sim = sim;
    return 0;
}

struct proc_io *sim_io(struct sim *sim)
{
    return &sim->io;
}

uint64_t sim_trace(const struct sim *sim)
{
    return sim->trace;
}

const struct sim_counters *sim_counters(const struct sim *sim)
{
    return &sim->counters;
}

void sim_set_odds(struct sim *sim, const struct sim_odds *odds)
{
    sim->options.odds = *odds;
}

uint32_t sim_conns_open(const struct sim *sim)
{
    return sim->conns_open;
}

uint32_t sim_ops_in_flight(const struct sim *sim)
{
    return sim->ops_used + sim->ready_count;
}

uint64_t sim_now(const struct sim *sim)
{
    return sim->now_ns;
}

void sim_jump(struct sim *sim, uint64_t by_ns)
{
    sim->now_ns += by_ns;
    sim->counters.jumps++;
    sim_note(sim, sim->now_ns);
}
