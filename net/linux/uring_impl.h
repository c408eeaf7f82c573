/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of the uring driver: made by uring_ring.c, driven by uring.c. */
#ifndef NET_LINUX_URING_IMPL_H
#define NET_LINUX_URING_IMPL_H

#include "net/linux/io_impl.h"

#include <liburing.h>

#define NET_URING_BUF_BYTES 1024u

struct net_ring {
    struct io_uring ring; /* private parts of liburing are used for set-up only */
    unsigned *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    uint32_t sq_entries, sq_mask, cq_mask;
    uint32_t sq_local; /* our tail: entries before it are filled */
    uint32_t sq_known; /* submitted up to here */
    uint32_t cq_local; /* our head */
    int enter_fd;
    unsigned enter_flags;
    bool ready;      /* ring is set up */
    bool links;      /* a send is carried out to its end, so a close may be linked to it: 6.1 */
    bool multi_recv; /* not known to be missing */
    bool has_event;  /* a loop that is not ours waits at event_fd */
    int event_fd;

    struct io_uring_buf_ring *br;
    uint8_t *bufs;
    uint32_t bufs_count;
    uint32_t bufs_given; /* put back into the ring, not yet shown to the kernel */
    size_t br_bytes;
};

/* -VK_ENOTSUP, -VK_EACCES, -VK_EMFILE, -VK_ENOMEM. */
int net_ring_init(struct net_ring *r, const struct net_io_options *options);
void net_ring_fini(struct net_ring *r);

/* For a loop that is not ours: can be read from when the ring has something, until net_ring_quieten.
 * -VK_EMFILE, -VK_ENOMEM. */
int net_ring_fd(struct net_ring *r);
/* Before the ring is looked at. */
void net_ring_quieten(const struct net_ring *r);

#endif
