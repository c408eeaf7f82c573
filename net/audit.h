/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of the HTTP service between two ticks, said by itself: for
 * simulation and tests. Looks at every connection, and changes nothing.
 */
#ifndef NET_AUDIT_H
#define NET_AUDIT_H

#include "net/server.h"

/* NULL, or a sentence about the first thing that does not hold. Never during a tick. */
const char *net_server_audit(const struct net_server *server);

#endif
