/* SPDX-License-Identifier: Apache-2.0 */
#include "net/linux/spin.h"

#include <unistd.h>

enum {
    NEED_MIN = 4,
    NEED_MAX = 256,
    WINDOW_NS = 1000000,
};

void net_spin_init(struct net_spin *spin, bool off, uint32_t eager_ns)
{
    *spin = (struct net_spin){.off = off || sysconf(_SC_NPROCESSORS_ONLN) < 2, .need = NEED_MIN};
    spin->eager_ns = spin->off ? 0 : eager_ns;
}

void net_spin_note(struct net_spin *spin, uint64_t start_ns, uint64_t end_ns, bool spun)
{
    uint64_t gap_ns = end_ns - start_ns;
    spin->waited_ns += gap_ns;
    if (end_ns - spin->window_ns >= WINDOW_NS) {
        spin->busy = spin->waited_ns < (end_ns - spin->window_ns) / 2;
        spin->window_ns = end_ns;
        spin->waited_ns = 0;
    }
    if (gap_ns <= NET_SPIN_NS) {
        spin->short_len += spin->short_len < NEED_MAX;
        if (spun && spin->need > NEED_MIN)
            spin->need--;
        return;
    }
    spin->short_len = 0;
    if (spun && spin->need < NEED_MAX)
        spin->need *= 2;
}
