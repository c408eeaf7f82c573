/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CLOSEs that nobody waits for: of connections turned away, and of listeners
 * whose owner has gone. One the driver cannot take is tried again until it can.
 */
#ifndef NET_NOBODY_H
#define NET_NOBODY_H

#include "proc/service.h"
#include "vk/limits.h"

struct net_nobody {
    struct proc_kernel *kernel;
    struct proc_sink sinks[16]; /* take the completions */
    uint32_t tags;
    struct proc_timer retry;
    struct proc_io_req unclosed[NET_UNCLOSED_MAX]; /* refused by the driver until now */
    uint32_t unclosed_count;
};

void net_nobody_init(struct net_nobody *nobody, struct proc_kernel *kernel);

/* CLOSE a connection or listener of the driver; flags: PROC_IO_ABORT or 0. */
void net_nobody_close(struct net_nobody *nobody, uint32_t io, uint8_t flags);

/* A tag for such a CLOSE that no other in flight has, unless 256 are. */
uint64_t net_nobody_tag(struct net_nobody *nobody);

#endif
