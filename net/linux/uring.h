/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uring driver: completion I/O over io_uring, Linux 5.19 and later.
 * One kernel ring, created disabled, restricted to the operations used, then
 * enabled; one io_uring_enter per wait.
 */
#ifndef NET_LINUX_URING_H
#define NET_LINUX_URING_H

#include "net/linux/io.h"

/*
 * The driver belongs to the thread that creates it. -VK_ENOTSUP when this
 * kernel lacks what is needed, -VK_EACCES when io_uring is refused (seccomp,
 * sysctl), -VK_EMFILE, -VK_ENOMEM.
 */
int net_uring_create(const struct net_io_options *options, struct proc_io **ret_io);

#endif
