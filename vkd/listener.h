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

/*
 * Let nobody in any more who does not know it yet: from now on a first packet
 * is dropped, so that its client tries again a second later. Connections begun
 * before still arrive and wait to be accepted. Where the kernel cannot do
 * that, nothing happens.
 */
void vkd_listener_shut(int fd);

/* Whether a connection waits to be accepted. */
bool vkd_listener_has_queue(int fd);

/* What an error of vkd_listener_open means and what to do about it, as half a sentence; by_flag: whether
 * --listen gives another address. */
const char *vkd_listener_explain(int err, bool by_flag);

#endif
