/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two machines on a wire, as one driver: who listens is at one end, who
 * connects at the other. Each end has a stack of its own, the second a copy of
 * the same objects with its names hidden, since lwIP is one global stack.
 */
#ifndef TESTS_DRIVER_LWIP_H
#define TESTS_DRIVER_LWIP_H

#include "metal/lwip/driver.h"
#include "sim/wire.h"

/* The creation of the second copy. */
int lwip_copy_create(const struct metal_lwip_options *options, struct vk_region *region,
                     struct proc_io **ret_io);

enum { LWIP_PAIR_SERVER, LWIP_PAIR_CLIENT };

struct lwip_pair;

/* conns_max, buffers_bytes: of each end, 0: the default. */
int lwip_pair_create(const struct sim_wire_options *wire_options, uint32_t conns_max, uint32_t buffers_bytes,
                     struct lwip_pair **ret_pair);
struct proc_io *lwip_pair_io(struct lwip_pair *pair);
struct sim_wire *lwip_pair_wire(struct lwip_pair *pair);
/* One of its two machines, for what concerns that one alone. */
struct proc_io *lwip_pair_end(struct lwip_pair *pair, uint32_t end);

/* A driver by itself: what it sends to 127.0.0.1 and ::1 stays inside. */
int lwip_loop_create(const char *arg, uint64_t seed, struct proc_io **ret_io);
/*
 * A pair on a clean wire, and one on a wire that doubles and delays. None is
 * lost: a reset is not sent again, so the suite's cases of ABORT could not end.
 */
int lwip_clean_create(const char *arg, uint64_t seed, struct proc_io **ret_io);
int lwip_rough_create(const char *arg, uint64_t seed, struct proc_io **ret_io);

#endif
