/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ev driver: completion I/O over libev (epoll), for kernels and
 * containers that refuse io_uring. It performs a call when it is likely to
 * succeed, and asks libev only after the OS said "not yet".
 */
#ifndef NET_LINUX_EV_H
#define NET_LINUX_EV_H

#include "net/linux/io.h"

/* -VK_ENOTSUP when libev was built without epoll, -VK_EMFILE, -VK_ENOMEM. */
int net_ev_create(const struct net_io_options *options, struct proc_io **ret_io);

#endif
