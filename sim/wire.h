/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated wire: two ends that implement net/dev.h, with a clock of their
 * own. What is lost, doubled, overtaken, delayed or damaged follows from the
 * options and the seed alone, so that a run can be repeated.
 *
 * Frames on their way and frames lent to an end share the slots of the wire;
 * while none is free, send answers -VK_EAGAIN. Time moves in advance, and in
 * the wait of an end that has no sleeper.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "net/dev.h"
#include "vk/region.h"

#define SIM_WIRE_ENDS 2u

/* Chances are in parts per 10,000, drawn for each frame. */
struct sim_wire_options {
    uint64_t seed;
    uint64_t start_ns;   /* the clock at the beginning; not 0 */
    uint32_t frames_max; /* slots */
    uint16_t mtu_bytes;
    bool can_sum;            /* the ends complete check sums, and say of what they deliver that it is right */
    uint64_t latency_min_ns; /* frames keep their order ... */
    uint64_t latency_max_ns;
    uint64_t overtake_ns; /* ... but those drawn to be overtaken, which take at most so much longer */
    uint16_t loss;
    uint16_t duplicate;
    uint16_t overtaken;
    uint16_t damage; /* up to eight bytes of it get other values, or its end is cut off */
};

struct sim_wire_counters {
    uint64_t sent;
    uint64_t delivered;
    uint64_t lost;
    uint64_t duplicates;
    uint64_t overtaken;
    uint64_t damaged;
    uint64_t refused; /* sends without a slot */
};

struct sim_wire;

/* What an end does instead of moving the clock: its owner has more to run before. */
typedef void (*sim_wire_sleep_fn)(void *ctx, uint64_t until_ns);

/* 1,024 slots, MTU 1500, 20 to 60 us, no faults. */
void sim_wire_options_default(struct sim_wire_options *options, uint64_t seed);

/* Bytes of region that sim_wire_create will take at most. */
size_t sim_wire_region_bytes(const struct sim_wire_options *options);

/* A wire in memory of region, which it keeps for good. 0, -VK_EINVAL, -VK_ENOMEM. */
int sim_wire_create(const struct sim_wire_options *options, struct vk_region *region,
                    struct sim_wire **ret_wire);

/* End 0 or 1. Their addresses are 02:00:00:00:00:01 and :02. */
struct net_dev *sim_wire_end(struct sim_wire *wire, uint32_t end);

/* fn instead of the clock's move, NULL: the move again. */
void sim_wire_on_sleep(struct sim_wire *wire, uint32_t end, sim_wire_sleep_fn fn, void *ctx);

uint64_t sim_wire_now(const struct sim_wire *wire);
/* When the next frame arrives at this end, now or later; UINT64_MAX: none is on its way. */
uint64_t sim_wire_next(const struct sim_wire *wire, uint32_t end);
/* Move the clock; a time that has passed is fine. */
void sim_wire_advance(struct sim_wire *wire, uint64_t to_ns);

/* From now on these chances hold, and these of the times. */
void sim_wire_set_odds(struct sim_wire *wire, const struct sim_wire_options *options);
const struct sim_wire_counters *sim_wire_counters(const struct sim_wire *wire);

#endif
