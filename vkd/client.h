/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of a test: what stands behind the handle by which requests of
 * tests are sent (net/bind/test.h). Each request has a connection of its own
 * on the simulated network. Replies are read strictly: whatever is no whole
 * HTTP/1.1 reply fails the request with a sentence that says why.
 */
#ifndef VKD_CLIENT_H
#define VKD_CLIENT_H

#include "net/bind/host.h"
#include "sim/sim.h"

/* Does not move while it is used. */
struct vkd_client {
    struct sim *sim;
    struct proc_io *io;
    struct proc_kernel *kernel;
    uint32_t blocks_count;
    struct proc_addr addrs[NET_LISTENERS_MAX]; /* of the blocks, on the simulated network */
    uint16_t ports[NET_LISTENERS_MAX];         /* as the program writes them */
    uint32_t talks;                            /* requests under way */
};

/* For the environment. */
struct proc_object vkd_client_object(struct vkd_client *client);

#endif
