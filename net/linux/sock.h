/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets as both drivers use them: addresses, options, and the one place
 * where errno becomes VK_E. Knows no driver.
 */
#ifndef NET_LINUX_SOCK_H
#define NET_LINUX_SOCK_H

#include "proc/io.h"

#include <netinet/in.h>

union net_sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* The -VK_E code for an errno value, 1 .. ; never 0. */
int net_sock_err(int err);

/* Length of the socket address for *addr written to *ret; 0 when the family is neither 4 nor 6. */
socklen_t net_sock_addr(const struct proc_addr *addr, union net_sockaddr *ret);

/* -VK_EINVAL for families other than IPv4 and IPv6. */
int net_sock_addr_back(const union net_sockaddr *from, struct proc_addr *ret_addr);

/*
 * A listening, non-blocking socket; accepted sockets inherit TCP_NODELAY.
 * -VK_EADDRINUSE, -VK_EACCES, -VK_EMFILE, -VK_EINVAL (also: no such local address).
 */
int net_sock_listen(const struct proc_addr *addr, bool defer, bool reuseport, int *ret_fd);

/* A stream socket that can connect to *addr. */
int net_sock_open(const struct proc_addr *addr, bool nonblock, int *ret_fd);

/* 0; -VK_EINVAL when fd is no stream socket, or listens. */
int net_sock_check_stream(int fd);

/* The address of a listener as bound, or -VK_EINVAL when fd does not listen. */
int net_sock_bound(int fd, struct proc_addr *ret_addr);

int net_sock_peer(int fd, struct proc_addr *ret_addr);

/* Bytes the peer's system has acknowledged; 0 where fd is no TCP socket. */
uint64_t net_sock_acked(int fd);

/* Make the next close of fd a reset that drops what is unsent. */
void net_sock_set_reset(int fd);

#endif
