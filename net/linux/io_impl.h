/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The common part of the two drivers: everything that is the same whoever
 * carries out the operations. The driver's own struct starts with it.
 */
#ifndef NET_LINUX_IO_IMPL_H
#define NET_LINUX_IO_IMPL_H

#include "net/linux/io.h"
#include "net/linux/sock.h"
#include "net/linux/table.h"

#include <time.h>

/* A listener that found no descriptor tries again when one is closed here, or after this. */
#define NET_IO_ACCEPT_PAUSE_NS 50000000u
/* Its owner is told once, and again only after so long a time without failure. */
#define NET_IO_ACCEPT_QUIET_NS 10000000000u

struct net_io {
    struct proc_io io;
    struct net_table table;
    struct net_io_stats stats;
    union net_sockaddr *addrs; /* by connection index: where CONNECT goes */
    size_t addrs_bytes;
    bool reuseport;
    bool nonblock; /* sockets are opened non-blocking */
    int wake_fd;

    uint32_t paused;     /* list of ACCEPTs that found no descriptor */
    bool accept_now;     /* a descriptor was closed since */
    uint64_t accept_ns;  /* when they try again; UINT64_MAX: none is paused */
    uint64_t starved_ns; /* the last time a descriptor was missing */
    uint64_t now_ns;     /* as of the last wait */
};

int net_io_init(struct net_io *nio, const struct proc_io_ops *ops, const struct net_io_options *options);
void net_io_fini(struct net_io *nio);

/* Members of proc_io_ops that are the same for both. */
int net_io_listen(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                  struct proc_addr *ret_bound);
int net_io_open(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn);
int net_io_peer(struct proc_io *io, uint32_t number, struct proc_addr *ret_addr);
uint64_t net_io_now(struct proc_io *io);
void net_io_wake(struct proc_io *io);

/*
 * Check a request against the contract and the state of its connection.
 * Returns 0 and the index of the connection, or what submit returns.
 */
int net_io_check(const struct net_io *nio, const struct proc_io_req *req, uint32_t *ret_conn);

/*
 * Pause an ACCEPT for want of descriptors. True when its owner is to be told,
 * by one completion with -VK_EMFILE and MORE.
 */
bool net_io_accept_pause(struct net_io *nio, uint32_t op);

/* Take the list of paused ACCEPTs when it is time to try again; 0: not yet or none. */
uint32_t net_io_accept_resume(struct net_io *nio, uint64_t now_ns);

/* Take an ACCEPT out of the list of the paused, if it is there. */
bool net_io_accept_unpause(struct net_io *nio, uint32_t op);

/* Release a connection's entry; paused listeners may try again. */
VK_INLINE void net_io_descriptor_freed(struct net_io *nio)
{
    nio->accept_now = true;
}

VK_INLINE uint64_t net_clock_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif
