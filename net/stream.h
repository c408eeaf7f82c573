/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw byte streams behind handles: TCP services with a process per
 * connection, listeners and connectors that a process uses itself.
 *
 *   stream     READ, WRITE, SHUTDOWN, KILL; closed with its last handle
 *   listener   ACCEPT: a handle to the next connection
 *   connector  CONNECT: a handle to a new connection to its one address
 *
 * READ completes with res 0 and at least one byte, or with len 0 at the end
 * of the stream; WRITE when at least one byte was taken. One of each may be
 * pending at a time; closing the handle ends them with -VK_ECANCELED. KILL
 * resets the connection at once and drops the output: a pending READ or WRITE
 * fails, the peer sees a reset.
 *
 * A listener is closed with its last handle, a connector forgotten. What an
 * environment holds counts as a handle that is never closed.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "proc/service.h"

struct net_streams;

/* The table of streams of a kernel; memory from its service region. -VK_ENOMEM. */
int net_streams_create(struct proc_kernel *kernel, uint32_t streams_max, struct net_streams **ret_streams);
size_t net_streams_region_bytes(uint32_t streams_max);

/* Start program, the stream as its origin, for every connection of a listener of the driver. -VK_ENOSPC. */
int net_streams_serve(struct net_streams *streams, uint32_t listener, const struct proc_program *program,
                      const struct proc_env *env);

/*
 * A listener, or an address to connect to, as an object for an environment or
 * for proc_handle_new. kind NULL: no room.
 */
struct proc_object net_streams_listener(struct net_streams *streams, uint32_t listener);
struct proc_object net_streams_connector(struct net_streams *streams, const struct proc_addr *addr);

/*
 * Stop accepting; processes go on until their streams end or deadline_ns, when
 * they are reset. Connections the driver holds already are served too.
 */
void net_streams_drain(struct net_streams *streams, uint64_t deadline_ns);

/* No stream is open, and a program's listener takes no more. */
bool net_streams_is_idle(const struct net_streams *streams);
uint32_t net_streams_open(
    const struct net_streams *streams); /* streams that somebody has, or had until a moment ago */
uint32_t net_streams_doors(const struct net_streams *streams); /* listeners and connectors alive */

#endif
