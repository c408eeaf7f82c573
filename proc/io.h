/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second seam: completion-based I/O. The kernel and the services in net/
 * ask a driver for operations and later receive completions; nothing above
 * this line knows readiness, descriptors of the OS, or which driver it is.
 *
 * Rules every driver keeps (tests/driver proves them):
 *  - submit never calls back and never blocks. Every accepted request ends in
 *    exactly one final completion (flag MORE unset); a request that submit
 *    refused has none.
 *  - Completions come out of wait only, and the data of a RECV completion is
 *    valid until the next wait.
 *  - A SEND's buffer belongs to the driver from submit until its completion.
 *    It never lies in a process heap.
 *  - SENDs of one connection are carried out in the order submitted.
 *  - cancel is a request to finish early; the canceled operation still ends
 *    in its one final completion, -VK_ECANCELED or what it managed before.
 *  - close ends every pending operation of the connection: each still gets
 *    its final completion. The connection number is not reused before the
 *    CLOSE completion has been delivered.
 *  - The CLOSE completion is the last one of its connection. Once a CLOSE was
 *    accepted, submit refuses the connection with -VK_EBADH, except a CLOSE
 *    with ABORT, which hurries the first; both complete.
 *  - SHUTDOWN takes its place after the SENDs submitted before it. A SEND on
 *    a stream that was shut down, closed or reset by the peer completes with
 *    -VK_ECLOSED or -VK_ERESET.
 *  - A multishot RECV and an ACCEPT may end of themselves, with data or a
 *    connection in the final completion; the caller submits anew.
 *  - An ACCEPT that finds no descriptor ends with -VK_EMFILE. The driver holds
 *    the next one until a descriptor is free or a short time is over, so a
 *    caller that simply submits anew does not spin.
 *
 * The caller keeps one: at most one receive per connection and one ACCEPT per
 * listener are in flight.
 */
#ifndef PROC_IO_H
#define PROC_IO_H

#include "vk/base.h"

/* Where to listen or connect. Text never reaches a driver. */
struct proc_addr {
    uint8_t family; /* 4 or 6 */
    uint16_t port;  /* host byte order; 0 lets the driver choose (listen) */
    uint8_t ip[16]; /* network byte order; the first 4 bytes for family 4 */
    uint32_t scope; /* IPv6 scope id */
};

enum proc_io_code {
    PROC_IO_ACCEPT = 1, /* conn = listener; one completion per connection, with MORE */
    PROC_IO_RECV,       /* one completion with data of the driver's, or multishot */
    PROC_IO_RECV_INTO,  /* one completion, data in the caller's buffer */
    PROC_IO_SEND,       /* completes when all len bytes are taken, or fails */
    PROC_IO_SHUTDOWN,   /* no more sends; the peer sees the end of the stream */
    PROC_IO_CLOSE,      /* after pending sends; never fails */
    PROC_IO_CONNECT,    /* a connection from open; completes with 0 or an error */
};

enum {
    PROC_IO_MULTI = 1u << 0, /* RECV: complete again and again until canceled or ended */
    PROC_IO_ABORT = 1u << 1, /* CLOSE: reset at once, pending sends are dropped */

    /*
     * CLOSE: a send before it may be held back so that the end leaves in its
     * last segment (a hint). The caller knows that the peer sends nothing any
     * more: a close over bytes that were not received resets the stream, and
     * what was held back is lost with it.
     */
    PROC_IO_CORKED = 1u << 2,
};

/* One request. Copied by submit. */
struct proc_io_req {
    uint8_t code;  /* enum proc_io_code */
    uint8_t flags; /* PROC_IO_MULTI, PROC_IO_ABORT, PROC_IO_CORKED */
    uint32_t conn; /* driver's number of a listener or connection */
    void *buf;     /* SEND: bytes; RECV_INTO: room */
    uint32_t len;  /* of buf, at least 1 */
    uint64_t tag;  /* returned in the completion; unique among requests in flight */
};

enum {
    PROC_IO_MORE = 1u << 0, /* another completion with this tag will follow */
    PROC_IO_READY =
        1u << 1, /* RECV, RECV_INTO, its final one: more bytes are there to be received (a hint) */
};

/* One answer. */
struct proc_io_event {
    uint64_t tag;
    int32_t res;         /* >= 0: bytes (RECV 0: end of stream), or the new conn (ACCEPT); else -VK_E... */
    uint32_t flags;      /* PROC_IO_MORE, PROC_IO_READY */
    const uint8_t *data; /* RECV: the bytes, valid until the next wait; else NULL */
};

struct proc_io; /* a driver; its first member is `const struct proc_io_ops *ops` */

struct proc_io_ops {
    const char *name; /* "uring", "ev", "sim", "lwip" */

    /* wait makes a system call for each operation, not one for all: see plat_runner_rest. */
    bool has_many_calls;

    /*
     * Open a listener. defer: tell the OS that the client speaks first, so that
     * a connection is accepted when its first bytes are there (a hint).
     * *ret_bound is the address with the port really bound. -VK_EADDRINUSE,
     * -VK_EACCES, -VK_EMFILE, -VK_EINVAL.
     */
    int (*listen)(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                  struct proc_addr *ret_bound);

    /* A connection number for CONNECT. -VK_EMFILE. */
    int (*open)(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn);

    /*
     * 0; -VK_EBADH unknown conn; -VK_EINVAL malformed (unknown code, no buf or
     * len 0 where one is needed, a code that a listener or a connection does
     * not have); -VK_EOVERFLOW too many in flight (try after the next wait).
     */
    int (*submit)(struct proc_io *io, const struct proc_io_req *req);

    /* Ask the operation with this tag to finish; unknown tags are ignored. */
    void (*cancel)(struct proc_io *io, uint64_t tag);

    /*
     * Carry out what was submitted and gather at most max completions into
     * events. Blocks until there is one, until deadline_ns of the driver's
     * clock, or until wake; deadline 0 never blocks. *ret_now_ns is the
     * driver's clock after the wait: the kernel's only notion of time.
     * Returns the number of events (0 .. max).
     */
    uint32_t (*wait)(struct proc_io *io, struct proc_io_event *events, uint32_t max, uint64_t deadline_ns,
                     uint64_t *ret_now_ns);

    /* The driver's clock, monotonic, in ns. */
    uint64_t (*now)(struct proc_io *io);

    /* End a wait early, from a signal handler or another thread. May be NULL. */
    void (*wake)(struct proc_io *io);

    /* Peer's address of a connection; -VK_EBADH. */
    int (*peer)(struct proc_io *io, uint32_t conn, struct proc_addr *ret_addr);

    /*
     * A number that changes whenever the peer of a connection has taken bytes
     * of what was sent, into its own buffers at least: whether a SEND that
     * does not end goes on slowly, or not at all. Means nothing else; 0 where
     * the driver cannot tell, and of an unknown conn. Costs a system call.
     */
    uint64_t (*taken)(struct proc_io *io, uint32_t conn);

    /* Closes everything; no completion follows. */
    void (*destroy)(struct proc_io *io);
};

struct proc_io {
    const struct proc_io_ops *ops;
};

#endif
