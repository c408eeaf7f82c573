/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections taken at one address and carried to a port of 127.0.0.1, byte
 * for byte: for IPv6, which QEMU's user network does not forward.
 */
#ifndef VKD_RELAY_H
#define VKD_RELAY_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Carry from now on, in a process of its own that ends with this one.
 * listen_fd is a listening socket and stays the caller's. Returns its pid, or -errno.
 */
pid_t vkd_relay_start(int listen_fd, uint16_t port);

#endif
