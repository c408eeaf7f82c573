/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that drivers of proc/io.h have in common: connections, operations
 * in flight, the rules by which a request is taken or refused, and the way
 * from a caller's tag to its operation (for cancel). Only incoming
 * operations, which live long, are found by a hash: entering each send cost
 * 2 to 3 % of a small request in cache misses. A send is looked for in the
 * queues of all connections.
 *
 * One piece of memory, touched as used; index 0 of each table means "none", so
 * zero-filled memory is a valid empty table. A connection's number
 * is its index with a generation above it and fits in 31 bits, since ACCEPT
 * returns it as a result. Entries are reused last in, first out: the hot ones.
 */
#ifndef NET_IO_TABLE_H
#define NET_IO_TABLE_H

#include "proc/io.h"
#include "vk/err.h"
#include "vk/limits.h"

#define NET_CONNS_CAP (1u << 18) /* bounds the index part of a number; the rest is generation */

enum net_io_conn_flag {
    NET_IO_CONN_LIVE = 1u << 0,
    NET_IO_CONN_LISTENS = 1u << 1,
    NET_IO_CONN_FD_GONE = 1u << 2, /* the descriptor is closed, or the ring was asked to */
    NET_IO_CONN_CLOSED = 1u << 3,  /* ... and that is done */
    NET_IO_CONN_WATCHED = 1u << 4, /* ev: a watcher is registered for events */
    NET_IO_CONN_RESET = 1u << 5,   /* a send met the reset of the peer; the OS tells it only once */
    NET_IO_CONN_OPENED = 1u << 6,  /* from open: the one kind that has a CONNECT */
    NET_IO_CONN_BLOCKED = 1u << 7, /* adopted: the descriptor did, and does again when it is disowned */
};

struct net_io_conn {
    int fd;         /* the driver's own matter */
    uint32_t in;    /* the RECV, RECV_INTO or ACCEPT in flight; a free entry: the next free */
    uint32_t out;   /* last of the ring of SENDs, SHUTDOWNs and CONNECT, in order */
    uint32_t close; /* the first CLOSE; set means that only a CLOSE with ABORT is taken */
    uint16_t gen;
    uint16_t flags;
};

enum net_op_state {
    NET_OP_QUEUED,   /* behind others of its connection, or held */
    NET_OP_ACTIVE,   /* uring: in the ring; ev: being tried */
    NET_OP_RENEWED,  /* uring: active, ended by the driver itself to be started anew */
    NET_OP_CANCELED, /* active, and its end was asked for */
    NET_OP_DONE,     /* in the done list with its result */
};

struct net_op {
    uint64_t tag;
    uint8_t *buf;
    uint32_t len;
    int32_t res;        /* SEND: bytes taken so far; uring's RECV: buffers in a row; then the result */
    uint32_t conn;      /* index */
    uint32_t next;      /* in the one list it is in */
    uint32_t hash_next; /* incoming: others with the same hash of the tag */
    uint32_t seq;       /* uring: tells completions of earlier users of this entry apart */
    uint8_t code;
    uint8_t flags;
    uint8_t state;
};

struct net_table {
    struct net_io_conn *conns;
    struct net_op *ops;
    uint32_t *heads; /* hash of a tag -> first incoming operation */
    uint32_t conns_len, ops_len;
    uint32_t conns_fresh, ops_fresh; /* lowest index never used */
    uint32_t conns_free, ops_free;   /* list of used and freed entries */
    uint32_t conns_live, ops_live;
    uint32_t index_bits, hash_shift;
    uint32_t done_first, done_last; /* finished by the driver itself, to be delivered */
};

/* Bytes of memory for so many connections, 1 .. NET_CONNS_CAP - 1. */
size_t net_table_bytes(uint32_t conns_max);

/* memory: zero-filled, aligned to a page, lives as long as the table. There is no fini. */
void net_table_init(struct net_table *t, uint32_t conns_max, void *memory);

/* A new live entry for fd; 0 when the table is full. */
uint32_t net_io_conn_new(struct net_table *t, int fd, uint32_t flags);
void net_io_conn_free(struct net_table *t, uint32_t index);

/* The operation with this tag, 0: none that can be canceled. */
uint32_t net_op_find(const struct net_table *t, uint64_t tag);

VK_INLINE uint32_t net_io_conn_number(const struct net_table *t, uint32_t index)
{
    return (uint32_t)t->conns[index].gen << t->index_bits | index;
}

/* The live connection with this number, 0 for anything else. */
VK_INLINE uint32_t net_io_conn_index(const struct net_table *t, uint32_t number)
{
    uint32_t index = number & ((1u << t->index_bits) - 1);
    if (index == 0 || index >= t->conns_fresh)
        return 0;
    const struct net_io_conn *conn = &t->conns[index];
    bool same = (uint32_t)conn->gen == number >> t->index_bits;
    return same && (conn->flags & NET_IO_CONN_LIVE) ? index : 0;
}

VK_INLINE uint32_t net_tag_hash(const struct net_table *t, uint64_t tag)
{
    return (uint32_t)((tag * 0x9E3779B97F4A7C15u) >> t->hash_shift); /* Knuth, TAOCP vol. 3, 6.4 */
}

/* RECV, RECV_INTO and ACCEPT: at most one of a connection. */
VK_INLINE bool net_is_incoming(uint8_t code)
{
    return code <= PROC_IO_RECV_INTO;
}
_Static_assert(PROC_IO_ACCEPT == 1 && PROC_IO_RECV == 2 && PROC_IO_RECV_INTO == 3,
               "the incoming codes come first");

/* A new operation from a request; 0 when the table is full. */
VK_INLINE uint32_t net_op_new(struct net_table *t, const struct proc_io_req *req, uint32_t conn)
{
    uint32_t index = t->ops_free;
    if (VK_LIKELY(index != 0))
        t->ops_free = t->ops[index].next;
    else if (t->ops_fresh < t->ops_len)
        index = t->ops_fresh++;
    else
        return 0;
    struct net_op *op = &t->ops[index];
    op->tag = req->tag;
    op->buf = req->buf;
    op->len = req->len;
    op->res = 0;
    op->conn = conn;
    op->next = 0;
    op->seq++;
    op->code = req->code;
    op->flags = req->flags;
    op->state = NET_OP_QUEUED;
    if (net_is_incoming(req->code)) {
        uint32_t *head = &t->heads[net_tag_hash(t, req->tag)];
        op->hash_next = *head;
        *head = index;
    }
    t->ops_live++;
    return index;
}

VK_INLINE void net_op_free(struct net_table *t, uint32_t index)
{
    struct net_op *op = &t->ops[index];
    if (net_is_incoming(op->code)) {
        uint32_t *link = &t->heads[net_tag_hash(t, op->tag)];
        while (*link != index)
            link = &t->ops[*link].hash_next;
        *link = op->hash_next;
    }
    op->next = t->ops_free;
    t->ops_free = index;
    t->ops_live--;
}

/* The ring of outgoing operations of a connection: conn->out is the last, its next the first. */
VK_INLINE uint32_t net_out_first(const struct net_table *t, const struct net_io_conn *conn)
{
    return conn->out == 0 ? 0 : t->ops[conn->out].next;
}

VK_INLINE void net_out_push(struct net_table *t, struct net_io_conn *conn, uint32_t index)
{
    struct net_op *op = &t->ops[index];
    if (conn->out == 0) {
        op->next = index;
    } else {
        op->next = t->ops[conn->out].next;
        t->ops[conn->out].next = index;
    }
    conn->out = index;
}

/* Take an operation out of the ring, usually the first. */
void net_out_remove(struct net_table *t, struct net_io_conn *conn, uint32_t index);

VK_INLINE void net_out_pop(struct net_table *t, struct net_io_conn *conn)
{
    struct net_op *last = &t->ops[conn->out];
    if (last->next == conn->out)
        conn->out = 0;
    else
        last->next = t->ops[last->next].next;
}

/* Put an operation that is in no list into the done list with its result. */
void net_done_push(struct net_table *t, uint32_t index, int32_t res);

/* Deliver at most max of the done list; returns how many. */
uint32_t net_done_take(struct net_table *t, struct proc_io_event *events, uint32_t max);

/*
 * A CLOSE was submitted. Later ones hurry the first and form a list behind
 * it; they name no connection, since the first one releases it.
 */
void net_close_add(struct net_table *t, uint32_t conn_index, uint32_t op);

/* A connection is over: put its CLOSE, after those that hurried it, into the done list. */
void net_close_done(struct net_table *t, uint32_t conn_index);

/* What the driver has to start after net_table_take. */
enum net_io_start {
    NET_IO_START_NONE, /* nothing: it waits for others of its connection, or is held */
    NET_IO_START_IN,   /* the incoming operation of the connection */
    NET_IO_START_OUT,  /* the first of its outgoing queue */
    NET_IO_START_CLOSE,
};

/*
 * Check a request against the contract and the state of its connection.
 * Returns enum net_io_start and the index of the connection; or what submit
 * returns: -VK_EBADH, -VK_EINVAL.
 */
int net_table_check(const struct net_table *t, const struct proc_io_req *req, uint32_t *ret_conn);

/*
 * What every driver does with a request: check it, make it an operation, put
 * it into its place, which is conn->in, the outgoing queue or the list of
 * CLOSEs. Returns enum net_io_start and both indices; or what submit returns,
 * with nothing changed.
 */
VK_INLINE int net_table_take(struct net_table *t, const struct proc_io_req *req, uint32_t *ret_conn,
                             uint32_t *ret_op)
{
    int start = net_table_check(t, req, ret_conn);
    if (VK_UNLIKELY(start < 0))
        return start;
    uint32_t op = net_op_new(t, req, *ret_conn);
    if (VK_UNLIKELY(op == 0))
        return -VK_EOVERFLOW;
    struct net_io_conn *conn = &t->conns[*ret_conn];
    *ret_op = op;
    if (start == NET_IO_START_CLOSE) {
        net_close_add(t, *ret_conn, op);
    } else if (start == NET_IO_START_OUT) {
        net_out_push(t, conn, op);
        if (t->ops[op].next != op)
            start = NET_IO_START_NONE;
    } else {
        conn->in = op;
    }
    return start;
}

/* Write the final completion of an operation that is in no list, and free it. */
VK_INLINE void net_op_finish(struct net_table *t, uint32_t index, int32_t res, struct proc_io_event *ret)
{
    ret->tag = t->ops[index].tag;
    ret->res = res;
    ret->flags = 0;
    ret->data = NULL;
    net_op_free(t, index);
}

#endif
