/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets of one address, one per worker. The kernel spreads new
 * connections over them (SO_REUSEPORT), yet a second server on the same
 * address is refused: see vkd_listener_open.
 */
#ifndef VKD_LISTENER_H
#define VKD_LISTENER_H

#include "proc/io.h"

/*
 * Open count listeners on addr; *ret_bound has the port really bound. 0 or
 * -errno, with none open: this is hosted code for the parent's messages, which
 * vkd_listener_explain writes.
 */
int vkd_listener_open(const struct proc_addr *addr, bool client_first, uint32_t count, int *ret_fds,
                      struct proc_addr *ret_bound);

/* What an error of vkd_listener_open means and what to do about it, as half a sentence. */
const char *vkd_listener_explain(int err);

#endif
