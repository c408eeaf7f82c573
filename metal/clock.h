/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: plat_mono_ns, plat_wall_s and plat_idle_until. The monotonic clock is
 * the time stamp counter, 0 at the loader's first instruction.
 */
#ifndef METAL_CLOCK_H
#define METAL_CLOCK_H

#include "vk/base.h"

/* Finds out how fast the counters run and what time it is. Needs the APIC; takes 0.3 to 1.5 ms. */
void metal_clock_init(uint64_t entry_tsc);

#endif
