/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deterministic simulation: a virtual network and a virtual clock behind the
 * seam proc/io.h. Everything that happens follows from the options, the seed
 * and the calls made; the same three replay the same run to the byte, which
 * the trace hash proves. No clock, randomness or address of the host is used.
 *
 * Time moves in wait only: to the next scheduled event, or to the deadline.
 * Bytes on their way and bytes not yet read share one bounded buffer per
 * direction, so a SEND stays pending until its peer reads.
 *
 * Remote peers are played by the test: sim_client_* from outside of wait, or
 * from a client's or timer's callback, which run inside of wait. Callbacks
 * must not call the driver.
 *
 * A simulation also checks the caller's half of the contract by vk_assert:
 * unique tags, one receive per connection, SEND buffers left alone.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "proc/io.h"
#include "vk/region.h"

/* Chances, each in parts per 10,000, drawn whenever the thing could happen. */
struct sim_odds {
    uint16_t partial_read;  /* a RECV gets a random part of what has arrived */
    uint16_t partial_write; /* a SEND is taken in pieces, with pauses between */
    uint16_t reset;         /* a written segment is lost with its connection */
    uint16_t reset_discard; /* a reset throws away what the victim had not read */
    uint16_t refuse;        /* a CONNECT is refused though somebody listens */
    uint16_t emfile;        /* an ACCEPT ends with -VK_EMFILE */
    uint16_t delay;         /* a segment takes delay_max_ns more at most */
    uint16_t reorder;       /* a step takes its place at random among those of its instant */
    uint16_t step_delay;    /* an operation's next step waits step_delay_max_ns at most */
    uint16_t multi_end;     /* a multishot RECV or an ACCEPT ends of itself */
    uint16_t short_batch;   /* wait delivers a random part of what is ready */
    uint16_t spurious;      /* wait returns early with nothing */
    uint16_t jump;          /* the clock jumps jump_max_ns at most */
    uint16_t overflow;      /* submit refuses with -VK_EOVERFLOW */
};

struct sim_options {
    uint64_t seed;
    uint64_t start_ns;       /* the clock at the beginning; not 0 */
    uint32_t ends_max;       /* listeners and ends of connections, the clients' included */
    uint32_t conns_max;      /* of these, the driver's own: its descriptors */
    uint32_t ops_max;        /* requests in flight */
    uint32_t timers_max;     /* of sim_at, pending at once */
    uint32_t socket_bytes;   /* buffer per direction; a power of two */
    uint32_t backlog_max;    /* connections of a listener waiting to be accepted */
    uint64_t latency_min_ns; /* of a segment */
    uint64_t latency_max_ns;
    uint64_t delay_max_ns;
    uint64_t step_delay_max_ns;
    uint64_t wait_cost_max_ns; /* time that one wait takes of itself, at least 1 */
    uint64_t jump_max_ns;
    struct sim_odds odds;
};

/* How often each thing happened; proves that a fault was really met. */
struct sim_counters {
    uint64_t waits;
    uint64_t completions;
    uint64_t segments;
    uint64_t bytes;
    uint64_t connects;
    uint64_t accepts;
    uint64_t blocked_sends; /* times a SEND found the peer's buffer full */
    uint64_t partial_reads;
    uint64_t partial_writes;
    uint64_t resets;
    uint64_t discards;
    uint64_t refusals;
    uint64_t emfiles;
    uint64_t delays;
    uint64_t reorders;
    uint64_t step_delays;
    uint64_t multi_ends;
    uint64_t short_batches;
    uint64_t spurious;
    uint64_t jumps;
    uint64_t overflows;
    uint64_t stuck; /* waits without deadline while nothing was ever to happen */
};

struct sim;

/* Small tables, no faults, latencies of 20 to 200 us. */
void sim_options_default(struct sim_options *options, uint64_t seed);
/* The same with every fault but clock jumps, refusals and resets, at moderate odds. */
void sim_options_rough(struct sim_options *options, uint64_t seed);

/* Bytes of region that sim_create will take at most. */
size_t sim_region_bytes(const struct sim_options *options);

/*
 * A simulation in memory of region, which it keeps for good. Returns 0,
 * -VK_EINVAL (options out of range), -VK_ENOMEM.
 */
int sim_create(const struct sim_options *options, struct vk_region *region, struct sim **ret_sim);

/* The driver of a simulation; destroy of its ops ends the simulation. */
struct proc_io *sim_io(struct sim *sim);

/* FNV-1a over everything that happened so far: equal means the same run. */
uint64_t sim_trace(const struct sim *sim);
const struct sim_counters *sim_counters(const struct sim *sim);
/* From now on these odds hold: a scenario may end in fair weather. */
void sim_set_odds(struct sim *sim, const struct sim_odds *odds);
/* What the driver holds now, for tests that look for leaks. */
uint32_t sim_conns_open(const struct sim *sim);
uint32_t sim_ops_in_flight(const struct sim *sim);
uint64_t sim_now(const struct sim *sim);
/* The clock jumps ahead, over whatever was to happen meanwhile; not from inside of wait. */
void sim_jump(struct sim *sim, uint64_t by_ns);

/* ---- the test's side ------------------------------------------------------ */

enum sim_client_event {
    SIM_CLIENT_OPEN,     /* connected */
    SIM_CLIENT_REFUSED,  /* the client is gone */
    SIM_CLIENT_READABLE, /* bytes, the end of the stream or a reset: call recv */
    SIM_CLIENT_WRITABLE, /* room again after a send that was cut short */
};

typedef void (*sim_client_fn)(void *ctx, struct sim *sim, uint32_t client, enum sim_client_event event);
typedef void (*sim_timer_fn)(void *ctx, struct sim *sim);

/* Connect to a listener of the driver. -VK_ENOSPC when the table is full. */
int sim_client_connect(struct sim *sim, const struct proc_addr *addr, sim_client_fn fn, void *ctx,
                       uint32_t *ret_client);

/* Send what fits: *ret_len 0 .. len. -VK_ECLOSED, -VK_ERESET; -VK_EAGAIN before OPEN. */
int sim_client_send(struct sim *sim, uint32_t client, const void *buf, size_t len, size_t *ret_len);

/* Take what has arrived. -VK_EAGAIN nothing yet, -VK_ECLOSED end of stream, -VK_ERESET. */
int sim_client_recv(struct sim *sim, uint32_t client, void *room, size_t room_len, size_t *ret_len);

void sim_client_shutdown(struct sim *sim, uint32_t client); /* end of the stream after what was sent */
void sim_client_close(struct sim *sim,
                      uint32_t client); /* the client is gone; unread bytes make it a reset */
void sim_client_reset(struct sim *sim, uint32_t client); /* the same by a reset */

/* Call fn inside of wait when the clock reaches at_ns. -VK_ENOSPC. */
int sim_at(struct sim *sim, uint64_t at_ns, sim_timer_fn fn, void *ctx);

#endif
