/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The common part of the two drivers: everything that is the same whoever
 * carries out the operations. The driver's own struct starts with it.
 */
#ifndef NET_LINUX_IO_IMPL_H
#define NET_LINUX_IO_IMPL_H

#include "net/io_table.h"
#include "net/linux/io.h"
#include "net/linux/sock.h"

#include <sys/socket.h>
#include <time.h>

/*
 * An ACCEPT that found no descriptor ends with -VK_EMFILE. One submitted anew
 * is held until a descriptor is closed here, or this time is over: a caller
 * that simply tries again does not spin.
 */
#define NET_IO_ACCEPT_PAUSE_NS 50000000u

/* What the drivers differ in beyond proc_io_ops. */
struct net_io;
struct net_io_own {
    int (*fd)(struct net_io *nio);
    bool (*is_due)(const struct net_io *nio);
};

struct net_io {
    struct proc_io io;
    const struct net_io_own *own;
    struct net_table table;
    struct net_io_stats stats;
    union net_sockaddr *addrs; /* by connection index: where CONNECT goes */
    void *map;                 /* of the table and the addresses */
    size_t map_bytes;
    bool reuseport;
    bool nonblock; /* sockets are opened non-blocking */
    int wake_fd;

    uint32_t paused;    /* list of ACCEPTs that are held */
    uint64_t accept_ns; /* until when; 0: descriptors are not known to be short */
    uint64_t
        lost_ns; /* ev: when descriptors that the OS did not watch are tried; UINT64_MAX: there are none */
    uint64_t now_ns; /* as of the last wait */
};

/*
 * Zeroed pages, touched as used; NULL: there are none. What drivers hold is
 * mapped: a library in a foreign program leaves its heap alone.
 */
void *net_io_map(size_t len_bytes);
void net_io_unmap(void *map, size_t len_bytes); /* accepts NULL */

int net_io_init(struct net_io *nio, const struct proc_io_ops *ops, const struct net_io_own *own,
                const struct net_io_options *options);
void net_io_fini(struct net_io *nio);

/* Members of proc_io_ops that are the same for both. */
int net_io_listen(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                  struct proc_addr *ret_bound);
int net_io_open(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn);
int net_io_peer(struct proc_io *io, uint32_t number, struct proc_addr *ret_addr);
uint64_t net_io_taken(struct proc_io *io, uint32_t number);
uint64_t net_io_now(struct proc_io *io);
void net_io_wake(struct proc_io *io);

/* True when a new ACCEPT is to be held; it is in the list then. */
bool net_io_accept_hold(struct net_io *nio, uint32_t op);

/* net_table_take, and an ACCEPT is held while descriptors are short. */
VK_INLINE int net_io_take(struct net_io *nio, const struct proc_io_req *req, uint32_t *ret_conn,
                          uint32_t *ret_op)
{
    int start = net_table_take(&nio->table, req, ret_conn, ret_op);
    if (start == NET_IO_START_IN && req->code == PROC_IO_ACCEPT && net_io_accept_hold(nio, *ret_op))
        start = NET_IO_START_NONE;
    return start;
}

/* An ACCEPT found no descriptor. */
void net_io_accept_starved(struct net_io *nio);

/* Take the list of those held when it is time to try again; 0: not yet or none. */
uint32_t net_io_accept_resume(struct net_io *nio);

/* Take an ACCEPT out of the list, if it is in there. */
void net_io_accept_unhold(struct net_io *nio, uint32_t op);

/* When the wait must end at the latest to try again. */
VK_INLINE uint64_t net_io_retry_at(const struct net_io *nio)
{
    uint64_t accept_ns = nio->paused != 0 ? nio->accept_ns : UINT64_MAX;
    return accept_ns < nio->lost_ns ? accept_ns : nio->lost_ns;
}

VK_INLINE void net_io_descriptor_freed(struct net_io *nio)
{
    nio->accept_ns = 0;
}

VK_INLINE uint64_t net_clock_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The flag of a send that a CLOSE follows which wants to leave with it, else 0. */
VK_INLINE uint32_t net_io_cork(const struct net_table *table, const struct net_io_conn *conn)
{
    return VK_UNLIKELY(conn->close) && (table->ops[conn->close].flags & PROC_IO_CORKED) ? MSG_MORE : 0;
}

#endif
