/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the TCP driver of metal beyond the contract of proc/io.h, over the
 * simulated wire and in its time: what the network does to it. One case a
 * process, since lwIP cannot be started twice.
 */
#ifndef TESTS_LWIP_LWIP_H
#define TESTS_LWIP_LWIP_H

#include "tests/driver/lwip.h"
#include "tests/driver/rig.h"

struct lwip_case {
    const char *name;
    void (*run)(void);
};

extern const struct lwip_case lwip_cases_tcp[];   /* two machines */
extern const struct lwip_case lwip_cases_crowd[]; /* many connections, little memory */
extern const struct lwip_case lwip_cases_net[];   /* one machine, and the test at the other end */

extern const struct rig_host lwip_host;
extern struct rig lwip_rig; /* large, mostly never touched */

void lwip_fail(const char *where, const char *what) __attribute__((noreturn));

#define LWIP_CHECK(cond)                 \
    do {                                 \
        if (!(cond))                     \
            lwip_fail(RIG_WHERE, #cond); \
    } while (0)

/* A rig on a pair of machines with a wire of these options; it listens. */
struct lwip_pair *lwip_rig_pair(const struct sim_wire_options *options, uint32_t conns_max,
                                uint32_t buffers_bytes);
/* Both machines hold no more memory than when they were made, a while after all has ended. */
void lwip_check_memory(struct lwip_pair *machines);
/* Virtual time. */
uint64_t lwip_rig_now(void);
/* Print one line of figures. */
void lwip_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
