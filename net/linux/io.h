/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two Linux drivers of proc/io.h share towards the programs that put
 * a server together: their options, adopting listeners that a parent opened,
 * choosing a driver, and counters for tests and metrics.
 */
#ifndef NET_LINUX_IO_H
#define NET_LINUX_IO_H

#include "proc/io.h"

/* Features a driver shall pretend not to have: for tests of its fallbacks. */
enum {
    NET_IO_NO_DEFER_TASKRUN = 1u << 0, /* uring: as on Linux before 6.1 */
    NET_IO_NO_MULTI_RECV = 1u << 1,    /* uring: as on Linux before 6.0 */
    NET_IO_NO_REG_RING = 1u << 2,      /* uring: without a registered ring descriptor */
};

/* Zeroed is a good default. */
struct net_io_options {
    bool reuseport;       /* listen with SO_REUSEPORT */
    bool no_spin;         /* never poll before sleeping */
    uint32_t spin_ns;     /* poll for so long before each sleep; 0: shorter, and at low load only */
    uint32_t conns_max;   /* 0: twice as many as the process may have descriptors */
    uint32_t buffers;     /* uring: provided buffers, a power of two; 0: 2048 */
    uint32_t without;     /* NET_IO_NO_... */
    uint32_t sq_entries;  /* uring: 0: 2048 */
    uint32_t cq_entries;  /* uring: 0: 16384 */
    struct ev_loop *loop; /* ev: the host's, which runs it; wait never sleeps then. NULL: one of its own */
};

/* Since creation. For tests and metrics; nothing depends on them. */
struct net_io_stats {
    uint64_t waits;      /* calls of wait */
    uint64_t calls;      /* system calls of the hot paths */
    uint64_t sleeps;     /* system calls that were allowed to block */
    uint64_t spins;      /* waits that polled before sleeping */
    uint64_t accepts;    /* connections accepted */
    uint64_t recvs;      /* completions of receives with data */
    uint64_t sends;      /* sends completed */
    uint64_t rearms;     /* receives started again by the driver */
    uint64_t starved;    /* accepts that found no descriptor */
    uint32_t conns_live; /* listeners and connections open now */
    uint32_t ops_live;   /* requests in flight now */
};

enum net_io_kind {
    NET_IO_AUTO, /* uring, or ev where io_uring is missing or refused */
    NET_IO_URING,
    NET_IO_EV,
};

/*
 * Create the driver asked for. With NET_IO_AUTO *ret_why is a constant text
 * saying why it is not uring, for one log line; else, and when uring was
 * taken, it is NULL. -VK_ENOTSUP (also: not compiled in), -VK_EACCES (refused),
 * -VK_EMFILE, -VK_ENOMEM.
 */
int net_io_create(enum net_io_kind kind, const struct net_io_options *options, struct proc_io **ret_io,
                  const char **ret_why);

/*
 * For a loop that waits by itself: the descriptor that can be read from when a
 * wait would find something new, as long as net_io_is_due is false: the next
 * wait then has something to hand to the system, or to deliver. due_ns: when,
 * on the driver's clock, the driver itself has something to try; UINT64_MAX never.
 */
int net_io_fd(struct proc_io *io); /* -VK_ENOTSUP: it cannot be found, or the loop is the host's */
bool net_io_is_due(const struct proc_io *io);
uint64_t net_io_due_ns(const struct proc_io *io);

const struct net_io_stats *net_io_stats(const struct proc_io *io);

/*
 * Take over a listening socket, for instance one inherited from a parent.
 * The driver owns fd on success and closes it with the listener.
 * -VK_EINVAL when fd is no listening socket; -VK_EMFILE when the table is full.
 */
int net_io_adopt(struct proc_io *io, int fd, uint32_t *ret_conn, struct proc_addr *ret_bound);

/* The same for a connected stream socket, for instance one end of a socket pair. -VK_EINVAL when it is
 * something else; -VK_EMFILE. */
int net_io_adopt_stream(struct proc_io *io, int fd, uint32_t *ret_conn);

/* Undo one of them; nothing was submitted to the connection. The descriptor is the caller's again, and as it
 * was. */
void net_io_disown(struct proc_io *io, uint32_t conn);

#endif
