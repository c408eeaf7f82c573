/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether to poll for a short time before sleeping. Sleeping and waking up
 * costs more than a small request where the machine is virtual; polling wins
 * with few connections that answer at once, and loses when there is enough
 * to do, or nothing.
 *
 * The rule: poll when the last waits (4 at first) were all shorter than
 * NET_SPIN_NS, and the last millisecond was spent waiting for more than half.
 * Polling in vain doubles the number of short waits it takes to try again.
 * So a worker at rest polls once and sleeps, and a busy one never polls.
 * Only waits are measured that had nothing to do; the clock is read anyway.
 */
#ifndef NET_LINUX_SPIN_H
#define NET_LINUX_SPIN_H

#include "vk/base.h"

#define NET_SPIN_NS 80000u

struct net_spin {
    /* private */
    bool off;           /* for good: told so, or the only processor */
    bool busy;          /* less than half of the last window was waiting */
    uint32_t short_len; /* short waits in a row */
    uint32_t need;      /* how many it takes */
    uint64_t window_ns; /* when the window began */
    uint64_t waited_ns; /* in it */
};

void net_spin_init(struct net_spin *spin, bool off);

VK_INLINE bool net_spin_wanted(const struct net_spin *spin)
{
    return spin->short_len >= spin->need && !spin->busy && !spin->off;
}

/* A wait with nothing to do went from start_ns to end_ns; spun: some of it by polling. */
void net_spin_note(struct net_spin *spin, uint64_t start_ns, uint64_t end_ns, bool spun);

VK_INLINE void net_spin_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

#endif
