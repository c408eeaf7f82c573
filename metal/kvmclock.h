/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hypervisor says of the processor's counter: how fast it runs and what
 * time it is, instead of a measurement and a battery-backed clock. KVM offers it, and so
 * does Firecracker, which has no such clock. Read once, at start.
 */
#ifndef METAL_KVMCLOCK_H
#define METAL_KVMCLOCK_H

#include "metal/cpu.h"

/* Written by the hypervisor; a version that is odd, or another afterwards: read it again. */
struct metal_kvmclock_time {
    uint32_t version;
    uint32_t reserved;
    uint64_t tsc;       /* the counter ... */
    uint64_t system_ns; /* ... at this time since the machine began */
    uint32_t scale;     /* ns = (ticks << shift) * scale >> 32; a negative shift is one to the right */
    int8_t shift;
    uint8_t flags;
    uint8_t reserved_too[2];
};
_Static_assert(sizeof(struct metal_kvmclock_time) == 32, "fixed by the hypervisor");

struct metal_kvmclock_wall {
    uint32_t version;
    uint32_t s; /* when the machine began, since 1970 */
    uint32_t ns;
};

/* Registers to ask by; 0: it is not offered. */
struct metal_kvmclock_offer {
    uint32_t wall_msr;
    uint32_t time_msr;
};

/* What a processor with this cpuid offers. */
struct metal_kvmclock_offer metal_kvmclock_offered(struct metal_cpuid (*cpuid)(uint32_t leaf,
                                                                               uint32_t subleaf));

/*
 * Nanoseconds for each tick, with 32 bits of fraction; 0: what is said cannot be
 * relied on (the counter is not the same at all times), or makes no sense.
 */
uint64_t metal_kvmclock_scale(const struct metal_kvmclock_time *time);

/*
 * Ask the hypervisor. False: it offers nothing, or nothing that can be relied on.
 * ret_wall_s: what the wall shows at the counter's ret_tsc; 0: it does not say.
 */
bool metal_kvmclock_read(uint64_t *ret_ns_per_tick_32, int64_t *ret_wall_s, uint64_t *ret_tsc);

#endif
