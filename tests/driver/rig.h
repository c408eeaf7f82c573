/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver conformance suite: one table of cases that proves the rules of
 * proc/io.h, for every driver. A case sees a fresh driver through a rig, which
 * plays both ends of each connection and checks on its way whatever holds
 * always: each request ends in exactly one final completion, MORE only where
 * it may be, data where it belongs, no connection number in use given again,
 * and nothing of a connection after its CLOSE.
 *
 * Cases and rig are freestanding (the host gives memory and the way to fail),
 * so that the suite can also run where there is no C library. No case depends
 * on how long anything takes; a case that makes no progress for RIG_PATIENCE_NS
 * of the driver's own clock has failed.
 */
#ifndef TESTS_DRIVER_RIG_H
#define TESTS_DRIVER_RIG_H

#include "proc/io.h"
#include "vk/base.h"
#include "vk/err.h"

#define RIG_OPS_MAX     8192u
#define RIG_CONNS_MAX   32768u /* numbers seen by one case; a power of two */
#define RIG_BATCH_MAX   64u
#define RIG_ACCEPTS_MAX 2048u
#define RIG_NONE        UINT32_MAX
#define RIG_PATIENCE_NS 60000000000u
#define RIG_BIG_BYTES   (16u << 20) /* more than the sockets of any system keep */
#define RIG_BUF_BYTES   (2 * RIG_BIG_BYTES)

struct rig;

struct rig_host {
    void (*fail)(const char *where, const char *what) __attribute__((noreturn));
    void (*skip)(const char *why) __attribute__((noreturn));
    void (*wake_soon)(struct proc_io *io); /* call wake from another thread, soon; NULL: there is none */
    /* A second driver of the kind, on the same network; NULL: there is none. -VK_E... */
    int (*create_other)(const struct rig_host *host, struct proc_io **ret_io);
    const void *create_ctx;
    uint64_t seed; /* of the stress script */
};

enum rig_op_state { RIG_OP_FREE, RIG_OP_FLYING, RIG_OP_DONE };

enum rig_read_mode { RIG_READ_MULTI, RIG_READ_ONE, RIG_READ_INTO };

/*
 * Reads a connection's stream on and on, in one of the three ways, and
 * compares each byte with the pattern of a seed. Submits anew whenever a
 * receive has ended with data.
 */
struct rig_reader {
    uint32_t conn;
    enum rig_read_mode mode;
    uint64_t seed;
    uint64_t pos;   /* bytes received */
    uint32_t op;    /* in flight, or RIG_NONE */
    bool is_ended;  /* by res: 0 end of stream, or an error */
    bool is_paused; /* do not submit anew */
    int32_t res;
    uint32_t room; /* of buf, READ_INTO */
    uint8_t buf[4096];
};

struct rig_op {
    struct proc_io_req req;
    enum rig_op_state state;
    bool is_canceled;
    int32_t res;        /* of the final completion */
    uint32_t flags;     /* of the last one */
    uint32_t events;    /* completions, MORE ones included */
    uint64_t finish_no; /* order among all final completions */
    uint32_t serial;
    struct rig_reader *reader;
};

/* What is known of a connection number, used or once used. */
struct rig_conn {
    bool is_known;
    bool is_alive;
    uint32_t number;
    uint32_t ops;    /* in flight on it, CLOSEs included */
    uint32_t closes; /* of these, CLOSEs */
    bool is_closing;
};

/* Data of a completion, to be looked at just before the next wait. */
struct rig_look {
    const uint8_t *data;
    uint32_t len;
    uint64_t seed;
    uint64_t pos;
};

struct rig {
    struct proc_io *io;
    const struct rig_host *host;
    uint64_t now_ns;
    uint64_t progress_ns; /* when a completion came last */
    uint32_t batch_max;   /* max of each wait */
    bool is_abandoned;    /* the case leaves all to destroy */
    uint32_t serials;
    uint64_t finish_count;
    uint32_t flying;
    uint32_t op_next; /* where to look for a free record */
    struct rig_look looks[RIG_BATCH_MAX];
    uint32_t look_count;
    struct rig_op ops[RIG_OPS_MAX];
    struct rig_conn conns[RIG_CONNS_MAX];
    uint32_t conn_count; /* numbers given, repetitions included */

    /* the one listener most cases need */
    struct proc_addr addr;
    uint32_t listener;
    uint32_t accept_op;
    bool is_accept_paused;
    int32_t accept_res; /* how the last ACCEPT ended, 0 while none did */
    uint32_t accepted[RIG_ACCEPTS_MAX];
    uint32_t accept_first;
    uint32_t accept_count;

    uint8_t buf[RIG_BUF_BYTES]; /* for the case */
};

/* A connection between two ends of the same driver. */
struct rig_pair {
    uint32_t client; /* from open and CONNECT */
    uint32_t server; /* from ACCEPT */
};

#define RIG_WHERE __FILE__ ":" VK_STR(__LINE__)
#define RIG_CHECK(rig, cond)                     \
    do {                                         \
        if (!(cond))                             \
            (rig)->host->fail(RIG_WHERE, #cond); \
    } while (0)

/* ---- life ------------------------------------------------------------------------ */

void rig_init(struct rig *rig, struct proc_io *io, const struct rig_host *host);
/* Abort what is left and see that all that was submitted has ended, once. */
void rig_settle(struct rig *rig);

/* A number that the driver gave; fails for any other. */
struct rig_conn *rig_conn_of(struct rig *rig, uint32_t number);
/* The driver has just given this number: it was not in use. */
void rig_new_conn(struct rig *rig, uint32_t number);

/* ---- requests; each returns the number of its record ---------------------------------- */

/* 0, or what submit answered; *ret_op set on success only. */
int rig_try_submit(struct rig *rig, const struct proc_io_req *req, uint32_t *ret_op);
uint32_t rig_send(struct rig *rig, uint32_t conn, const void *buf, uint32_t len);
uint32_t rig_recv(struct rig *rig, uint32_t conn, uint8_t flags);
uint32_t rig_recv_into(struct rig *rig, uint32_t conn, void *buf, uint32_t len);
uint32_t rig_shutdown(struct rig *rig, uint32_t conn);
uint32_t rig_connect(struct rig *rig, uint32_t conn);
uint32_t rig_close(struct rig *rig, uint32_t conn, uint8_t flags);
void rig_cancel(struct rig *rig, uint32_t op);

/* ---- waiting -------------------------------------------------------------------------- */

/* One wait of at most timeout_ns; how many completions it brought. */
uint32_t rig_pump(struct rig *rig, uint64_t timeout_ns);
/* Pump until this much of the driver's time is over. */
void rig_pass(struct rig *rig, uint64_t duration_ns);
/* Pump until op is done; its result. The record is free afterwards. */
int32_t rig_await(struct rig *rig, uint32_t op);
bool rig_is_done(const struct rig *rig, uint32_t op);
/* Fail unless something happened lately; for loops of a case's own around rig_pump. */
void rig_expect_progress(struct rig *rig);

/* ---- connections ------------------------------------------------------------------------ */

void rig_listen(struct rig *rig, bool defer); /* on loopback; ACCEPT is kept in flight */
void rig_accept_pause(struct rig *rig);       /* cancel the ACCEPT and wait for its end */
void rig_accept_resume(struct rig *rig);
uint32_t rig_accepted(struct rig *rig); /* wait for the next connection accepted */
uint32_t rig_open(struct rig *rig, const struct proc_addr *addr);
struct rig_pair rig_pair(struct rig *rig);
/* Close both ends in order and wait for it. */
void rig_close_pair(struct rig *rig, struct rig_pair pair);

/* ---- streams ------------------------------------------------------------------------------ */

/* len bytes of the pattern of seed from position pos on. */
void rig_fill(uint8_t *buf, uint32_t len, uint64_t seed, uint64_t pos);
void rig_reader_start(struct rig *rig, struct rig_reader *reader, uint32_t conn, uint64_t seed,
                      enum rig_read_mode mode);
/* Wait until the reader has got pos bytes; fails when its stream ends before. */
void rig_reader_await(struct rig *rig, struct rig_reader *reader, uint64_t pos);
/* Wait for the end of its stream; the result that ended it. */
int32_t rig_reader_await_end(struct rig *rig, struct rig_reader *reader);
/* Cancel its receive, wait for its end; later data stays in the connection. */
void rig_reader_pause(struct rig *rig, struct rig_reader *reader);
void rig_reader_resume(struct rig *rig, struct rig_reader *reader);
/* Send len bytes of a pattern and wait for the completion. */
void rig_send_all(struct rig *rig, uint32_t conn, uint64_t seed, uint64_t pos, uint32_t len);

/* ---- the table ------------------------------------------------------------------------------ */

struct rig_case {
    const char *name;
    void (*run)(struct rig *rig);
};

extern const struct rig_case rig_cases_basic[];
extern const struct rig_case rig_cases_stream[];
extern const struct rig_case rig_cases_cancel[];
extern const struct rig_case rig_cases_close[];
extern const struct rig_case rig_cases_load[];

#endif
