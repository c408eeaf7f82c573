/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a simulation, shared by driver.c (operations), net.c (ends
 * and segments), client.c (the test's side) and queue.c (what happens when).
 */
#ifndef SIM_SIM_IMPL_H
#define SIM_SIM_IMPL_H

#include <stdatomic.h>

#include "sim/rand.h"
#include "sim/sim.h"
#include "vk/limits.h"

#define SIM_NONE UINT32_MAX

/* Segments on their way to one end; data beyond it joins the last one. */
#define SIM_SEGMENTS 8u

enum sim_timer_kind {
    SIM_TIMER_NET,  /* an end: its next segment, or its own SYN, arrives */
    SIM_TIMER_IN,   /* an end: step of its receive or accept */
    SIM_TIMER_OUT,  /* an end: step of its sends, shutdown, close, connect */
    SIM_TIMER_CALL, /* a call of sim_at */
};

/* One thing that will happen; embedded, at most once in the queue. */
struct sim_timer {
    uint64_t at_ns;
    uint64_t order; /* among those of one instant */
    uint32_t pos;   /* place in the queue + 1; 0: not in it */
    uint32_t owner; /* index of the end or call */
    uint32_t kind;  /* enum sim_timer_kind */
};

struct sim_call {
    struct sim_timer timer;
    sim_timer_fn fn;
    void *ctx;
    uint32_t next; /* free list */
};

enum sim_segment_kind {
    SIM_SEGMENT_SYNACK,
    SIM_SEGMENT_DATA,
    SIM_SEGMENT_FIN,
    SIM_SEGMENT_RST,
};

struct sim_segment {
    uint64_t at_ns;
    uint32_t len;
    uint32_t kind;
};

enum sim_end_state {
    SIM_END_FREE,
    SIM_END_LISTEN,
    SIM_END_NEW,        /* from open, not connected */
    SIM_END_CONNECTING, /* SYN sent */
    SIM_END_OPEN,       /* may have ended streams */
    SIM_END_FAILED,     /* connect refused */
    SIM_END_DEAD,       /* closed; its number is free after the next wait */
};

/*
 * One end of a connection, or a listener. Positions count bytes since the
 * beginning of the stream towards this end:
 * released <= lent <= taken <= arrived <= written, and
 * written - released <= socket_bytes.
 */
struct sim_end {
    uint8_t state; /* enum sim_end_state */
    bool is_client;
    bool is_told;      /* client: OPEN or REFUSED was reported */
    bool is_accepted;  /* the driver's caller knows its number */
    bool is_deferring; /* listener: accept when first bytes are there */
    bool fin_sent;
    bool fin_arrived;
    bool rst_coming; /* among the segments, or arrived */
    bool rst_arrived;
    bool is_blocked;  /* a send waits for room at the peer */
    bool is_closing;  /* CLOSE accepted */
    bool is_aborting; /* CLOSE with ABORT accepted */
    uint32_t peer;    /* other end; SIM_NONE when it is gone */
    uint32_t next;    /* free list, backlog, or list of ends with lent bytes */
    uint32_t lent_next;
    bool is_lending;

    struct proc_addr local;
    struct proc_addr remote;

    /* stream towards this end */
    uint8_t *ring;
    uint64_t released;
    uint64_t lent;
    uint64_t taken;
    uint64_t arrived;
    uint64_t written;
    struct sim_segment segments[SIM_SEGMENTS];
    uint32_t segment_first;
    uint32_t segment_count;

    /* listener */
    uint32_t backlog_first;
    uint32_t backlog_last;
    uint32_t backlog_count;
    uint32_t listener; /* of an end in a backlog */
    uint64_t born_ns;
    uint32_t syn_tries;
    uint64_t starved_until_ns; /* no accept before: there was no descriptor */

    /* the driver's operations: index of struct sim_op */
    uint32_t in_op;
    uint32_t out_first;
    uint32_t out_last;

    /* the test's */
    sim_client_fn fn;
    void *ctx;

    struct sim_timer net;
    struct sim_timer in;
    struct sim_timer out;
};

struct sim_op {
    struct proc_io_req req;
    uint64_t serial;   /* number of the request, in place of its tag in the trace */
    uint64_t buf_hash; /* of a SEND's buffer at submit */
    uint32_t done;     /* bytes of a SEND taken */
    uint32_t next;     /* free list, or the end's queue */
    bool is_used;
    bool is_canceled;
};

/* A completion that waits for wait. */
struct sim_ready {
    struct proc_io_event event;
    uint64_t serial;
    uint32_t end;
    uint32_t lend; /* bytes of the end's stream that it carries */
    bool frees;    /* delivering it ends the life of the number */
};

struct sim {
    struct proc_io io; /* first */
    struct sim_options options;
    struct sim_rand rand;
    uint64_t now_ns;
    uint64_t trace;
    uint64_t serials;
    uint64_t orders;
    struct sim_counters counters;
    atomic_bool is_woken;
    uint16_t port_next;

    struct sim_end *ends;
    uint32_t end_free;
    uint32_t ends_dead; /* delivered CLOSE, freed by the next wait */
    uint32_t conns_open;
    uint32_t lending; /* list of ends whose bytes the caller may look at */

    struct sim_op *ops;
    uint32_t op_free;
    uint32_t ops_used;
    uint32_t ops_high; /* no operation beyond was ever used */

    struct sim_ready *ready;
    uint32_t ready_max;
    uint32_t ready_first;
    uint32_t ready_count;

    struct sim_call *calls;
    uint32_t call_free;

    struct sim_timer **queue;
    uint32_t queue_count;
};

/* ---- chance and trace -------------------------------------------------------- */

VK_INLINE bool sim_chance(struct sim *sim, uint32_t per_10000)
{
    return per_10000 != 0 && sim_rand_below(&sim->rand, 10000) < per_10000;
}

VK_INLINE void sim_note(struct sim *sim, uint64_t word)
{
    for (unsigned i = 0; i < 8; i++) { /* FNV-1a, byte by byte */
        sim->trace ^= (word >> (8 * i)) & 0xffu;
        sim->trace *= 0x100000001b3u;
    }
}

VK_INLINE void sim_note_bytes(struct sim *sim, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sim->trace ^= ((const uint8_t *)bytes)[i];
        sim->trace *= 0x100000001b3u;
    }
}

/* ---- queue.c -------------------------------------------------------------------- */

/* Schedule, or move when it is earlier than before. */
void sim_queue_add(struct sim *sim, struct sim_timer *timer, uint64_t at_ns);
void sim_queue_remove(struct sim *sim, struct sim_timer *timer); /* no matter if it is in */
struct sim_timer *sim_queue_first(struct sim *sim);              /* NULL when empty */

/* ---- net.c ------------------------------------------------------------------------ */

uint32_t sim_net_take(struct sim *sim); /* a free end; SIM_NONE */
void sim_net_free(struct sim *sim, uint32_t end);
int sim_net_listen(struct sim *sim, uint32_t end, const struct proc_addr *addr);
void sim_net_connect(struct sim *sim, uint32_t end);
/* Write at most len bytes towards the peer; how many were taken. The stream must be open. */
uint32_t sim_net_write(struct sim *sim, uint32_t end, const uint8_t *buf, uint32_t len);
/* 0 while end may send, else the error a send gets. */
int sim_net_send_error(const struct sim_end *end);
void sim_net_finish(struct sim *sim, uint32_t end);           /* send FIN, once */
void sim_net_drop(struct sim *sim, uint32_t end, bool abort); /* close: FIN or RST, forget the peer */
void sim_net_release(struct sim *sim, uint32_t end,
                     uint64_t released);                     /* the stream's bytes up to here are read */
void sim_net_arrive(struct sim *sim, uint32_t end);          /* its NET timer fired */
uint32_t sim_net_accept(struct sim *sim, uint32_t listener); /* next of the backlog; SIM_NONE */
bool sim_net_can_accept(const struct sim *sim, uint32_t listener);

/* ---- driver.c ---------------------------------------------------------------------- */

/* Something changed for the end's receive (or accept), or for its sends. */
void sim_driver_poke_in(struct sim *sim, uint32_t end);
void sim_driver_poke_out(struct sim *sim, uint32_t end);
void sim_driver_init(struct sim *sim);
void sim_driver_in(struct sim *sim, uint32_t end); /* its IN timer fired */
void sim_driver_out(struct sim *sim, uint32_t end);

/* ---- client.c ---------------------------------------------------------------------- */

void sim_client_in(struct sim *sim, uint32_t end);
void sim_client_out(struct sim *sim, uint32_t end);
void sim_client_call(struct sim *sim, uint32_t call);

#endif
