/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the HTTP service: the connection. For server.c, conn.c and
 * exchange.c only.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/chunk.h"
#include "net/nobody.h"
#include "net/pipe.h"
#include "net/scan.h"
#include "net/server.h"
#include "net/transfer.h"

/* How far the current request has come. */
enum net_stage {
    NET_STAGE_IDLE, /* no process */
    NET_STAGE_HEAD, /* the process runs, nothing framed yet */
    NET_STAGE_FRAMED,
    NET_STAGE_WRITING, /* response begun, more to follow */
    NET_STAGE_DONE,    /* response complete */
};

/* How the connection ends. */
enum net_closing {
    NET_OPEN,
    NET_CLOSING_FLUSH,  /* when the output is sent; all input was read */
    NET_CLOSING_LINGER, /* then shut down, read on until the peer closes too */
    NET_CLOSING_NOW,    /* CLOSE was submitted; waits for completions */
};

/* Which timeout deadline_ns stands for. */
enum net_wait {
    NET_WAIT_IDLE,
    NET_WAIT_HEAD,
    NET_WAIT_BODY,
    NET_WAIT_PROCESS, /* none of ours */
    NET_WAIT_LINGER,
};

struct net_conn {
    struct net_pipe pipe;
    struct net_server *server;
    const struct net_handler *handler; /* of the listener it came by */
    struct net_conn *next_free;
    struct proc_process *process; /* of the current request, or NULL */

    uint8_t stage;   /* enum net_stage */
    uint8_t closing; /* enum net_closing */
    uint8_t wait;    /* enum net_wait */
    bool is_used;
    bool is_serving;    /* inside conn_serve: what ends a request must not start the next */
    bool is_first;      /* nothing received yet */
    bool aborts;        /* the CLOSE is a reset */
    bool wants_close;   /* after the current response */
    bool owes_continue; /* 100 Continue is to be sent when the body is asked for */
    bool is_body_bad;   /* the body broke its framing: nothing behind it can be trusted */
    bool is_crash_due;  /* the process died unanswered: one that answers for it is to be started */
    bool is_crash;      /* process is such a one */
    bool is_head;       /* the current request's method is HEAD, as far as can be told unparsed */
    bool is_single;     /* one request is answered, then it ends */

    struct net_scan scan;
    uint16_t frame;     /* NET_FRAME_* of the current request */
    uint16_t respond;   /* NET_RESPOND_* */
    uint64_t body_left; /* of a request body with a length */
    struct net_chunk chunk;
    uint64_t respond_left;
    uint32_t head_at;  /* where the response's head begins in pipe.out, as long as ... */
    uint32_t head_end; /* ... it ends there, and nothing was sent; 0: something of its body followed */
    struct net_transfer reader;
    struct net_transfer writer;

    /* While is_crash_due. */
    uint64_t crash_id;
    struct vk_buf words; /* struct net_crash has words_len of them; none: there was no buffer */
    uint32_t words_len;

    uint64_t deadline_ns; /* the timeout in force; the timer may fire earlier and is armed again then */
    struct proc_timer timer;
    struct proc_later later;
} __attribute__((aligned(64)));

struct net_listener {
    struct proc_sink sink;
    struct net_server *server;
    const struct net_handler *handler;
    uint32_t io;
    bool is_accepting;
    bool is_open; /* its CLOSE is not submitted yet */
};

struct net_server {
    struct proc_kernel *kernel;
    struct proc_io *io;
    struct net_server_options options;
    struct net_server_counters counters;
    struct net_conn *conns;
    struct net_conn *free_first;
    uint32_t conns_made;
    uint32_t listeners_count;
    bool is_draining;
    bool is_unlistening;    /* listeners are closed as soon as their ACCEPT has ended */
    bool is_paused;         /* accepting paused: too many connections */
    bool is_cut;            /* the drain's deadline is over, and it was said how many it cut off */
    uint64_t complained_ns; /* last log line about overload */
    struct proc_timer drain_timer;
    uint64_t drain_ns;        /* when what is left is ended, with 503 where nothing was answered */
    struct net_nobody nobody; /* closes connections turned away */
    struct net_listener listeners[NET_LISTENERS_MAX];
};

/* net/conn.c */
void net_conn_open(struct net_listener *listener, uint32_t io);
/* The same from elsewhere, with what was received already. -VK_ENOMEM: no buffer; nothing has happened. */
int net_conn_attach(struct net_server *server, uint32_t io, const struct net_attach *attach);
/* Serve what is there, send what gathered, receive on: after anything has changed. */
void net_conn_serve(struct net_conn *conn);
/* The server drains: close it now when it has been idle for a while, else soon. */
void net_conn_drain(struct net_conn *conn);
/* Others wait for its descriptor: close it now when nothing is asked or answered on it any more. */
void net_conn_yield(struct net_conn *conn);
/* The drain is over: end it. Returns whether that cut off a request. */
bool net_conn_cut(struct net_conn *conn);
/* Later in this tick, for callers inside an op or a release. */
void net_conn_serve_later(struct net_conn *conn);
/* Answer with a status of our own and close. */
void net_conn_refuse(struct net_conn *conn, uint32_t status, uint64_t crash_id);
/* The same to a peer that let a process wait for too long; a response that has begun is cut short. */
void net_conn_too_slow(struct net_conn *conn);
void net_conn_close(struct net_conn *conn, enum net_closing how);
void net_conn_abort(struct net_conn *conn);
/* No timeout of ours: the process is at work. */
void net_conn_expect_nothing(struct net_conn *conn);
/* Timeout from now on; what wait says is what happens then. */
void net_conn_expect(struct net_conn *conn, enum net_wait wait, uint64_t timeout_ns);

/* net/exchange.c */
extern const struct proc_kind net_kind_exchange;
/* Whether more of the current request's body is to come. */
bool net_exchange_has_body(const struct net_conn *conn);
void net_exchange_input_came(struct net_conn *conn);
void net_exchange_broken(struct net_conn *conn);

/* net/server.c */
void net_server_conn_gone(struct net_conn *conn);
void net_server_complain(struct net_server *server, const char *text);

#endif
