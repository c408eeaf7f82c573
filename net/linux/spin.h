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
 *
 * Eager, for one that has its processor to itself: every wait polls first, for
 * as long as it was told. Whoever is awake for NET_SPIN_AWAKE_NS of a
 * NET_SPIN_PERIOD_NS polls no more in it, so that polling alone never takes the
 * processor away from the rest of the machine.
 */
#ifndef NET_LINUX_SPIN_H
#define NET_LINUX_SPIN_H

#include "vk/base.h"

#define NET_SPIN_NS        80000u
#define NET_SPIN_PERIOD_NS 10000000u
#define NET_SPIN_AWAKE_NS  9000000u /* less than the part that Linux leaves to real-time programs: 95 % */

struct net_spin {
    /* private */
    bool off;           /* for good: told so, or the only processor */
    bool busy;          /* less than half of the last window was waiting */
    uint32_t short_len; /* short waits in a row */
    uint32_t need;      /* how many it takes */
    uint64_t window_ns; /* when the window began */
    uint64_t waited_ns; /* in it */
    uint32_t eager_ns;  /* 0: not eager */
    uint64_t period_ns; /* eager: when the period began */
    uint64_t slept_ns;  /* in it */
};

/* eager_ns: how long each wait may poll, 0: as the rule says; without effect when off. */
void net_spin_init(struct net_spin *spin, bool off, uint32_t eager_ns);

/* For how long the wait that begins now shall poll; 0: not at all. */
VK_INLINE uint32_t net_spin_wanted(struct net_spin *spin, uint64_t now_ns)
{
    if (VK_LIKELY(spin->eager_ns == 0))
        return spin->short_len >= spin->need && !spin->busy && !spin->off ? NET_SPIN_NS : 0;
    if (now_ns - spin->period_ns >= NET_SPIN_PERIOD_NS) {
        spin->period_ns = now_ns;
        spin->slept_ns = 0;
    }
    return now_ns - spin->period_ns - spin->slept_ns < NET_SPIN_AWAKE_NS ? spin->eager_ns : 0;
}

/* A wait with nothing to do went from start_ns to end_ns; spun: some of it by polling. */
void net_spin_note(struct net_spin *spin, uint64_t start_ns, uint64_t end_ns, bool spun);

/* A wait of any kind, which asked whether to poll, slept from start_ns to end_ns. */
VK_INLINE void net_spin_slept(struct net_spin *spin, uint64_t start_ns, uint64_t end_ns)
{
    spin->slept_ns += end_ns - start_ns;
}

VK_INLINE void net_spin_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

#endif
