/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens when: a binary heap of timers that know their place, ordered
 * by time and then by order of scheduling (Williams 1964, with the index of
 * each element kept so that it can be moved and removed).
 */
#include "sim/sim_impl.h"

static bool is_before(const struct sim_timer *a, const struct sim_timer *b)
{
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns;
    return a->order < b->order;
}

static void put(struct sim *sim, uint32_t pos, struct sim_timer *timer)
{
    sim->queue[pos] = timer;
    timer->pos = pos + 1;
}

static void sift_up(struct sim *sim, uint32_t pos)
{
    struct sim_timer *timer = sim->queue[pos];
    while (pos > 0 && is_before(timer, sim->queue[(pos - 1) / 2])) {
        put(sim, pos, sim->queue[(pos - 1) / 2]);
        pos = (pos - 1) / 2;
    }
    put(sim, pos, timer);
}

static void sift_down(struct sim *sim, uint32_t pos)
{
    struct sim_timer *timer = sim->queue[pos];
    for (;;) {
        uint32_t child = 2 * pos + 1;
        if (child >= sim->queue_count)
            break;
        if (child + 1 < sim->queue_count && is_before(sim->queue[child + 1], sim->queue[child]))
            child++;
        if (!is_before(sim->queue[child], timer))
            break;
        put(sim, pos, sim->queue[child]);
        pos = child;
    }
    put(sim, pos, timer);
}

/* The order among equals: as scheduled, or now and then at random in between. */
static uint64_t draw_order(struct sim *sim)
{
    uint64_t order = ++sim->orders << 20;
    if (!sim_chance(sim, sim->options.odds.reorder))
        return order;
    sim->counters.reorders++;
    return sim_rand_below(&sim->rand, order) + 1;
}

void sim_queue_add(struct sim *sim, struct sim_timer *timer, uint64_t at_ns)
{
    if (timer->pos != 0) {
        if (timer->at_ns <= at_ns)
            return;
        sim_queue_remove(sim, timer);
    }
    timer->at_ns = at_ns;
    timer->order = draw_order(sim);
    put(sim, sim->queue_count, timer);
    sim->queue_count++;
    sift_up(sim, timer->pos - 1);
}

void sim_queue_remove(struct sim *sim, struct sim_timer *timer)
{
    if (timer->pos == 0)
        return;
    uint32_t pos = timer->pos - 1;
    timer->pos = 0;
    sim->queue_count--;
    if (pos == sim->queue_count)
        return;
    struct sim_timer *moved = sim->queue[sim->queue_count];
    put(sim, pos, moved);
    sift_up(sim, pos);
    sift_down(sim, moved->pos - 1);
}

struct sim_timer *sim_queue_first(struct sim *sim)
{
    return sim->queue_count == 0 ? NULL : sim->queue[0];
}
