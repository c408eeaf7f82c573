/* SPDX-License-Identifier: Apache-2.0 */
/* Source: Linux, Documentation/virt/kvm/x86/cpuid.rst and msr.rst (MSR_KVM_SYSTEM_TIME_NEW). */
#include "metal/kvmclock.h"

#define LEAF_HYPERVISOR 0x40000000u
#define LEAF_FEATURES   0x40000001u
#define HYPERVISOR_BIT  (1u << 31) /* of leaf 1, ecx */
#define FEATURE_CLOCK   (1u << 3)  /* the registers below */
#define MSR_WALL        0x4b564d00u
#define MSR_TIME        0x4b564d01u
#define TIME_ON         1u /* in the lowest bit of the address */
#define FLAG_STABLE     1u /* one counter for all processors, that does not jump */
#define TICK_HZ_MIN     10000000ull
#define TICK_HZ_MAX     100000000000ull
#define NS_32           (1000000000ull << 32)
#define READS_MAX       1000u

struct metal_kvmclock_offer metal_kvmclock_offered(struct metal_cpuid (*cpuid)(uint32_t leaf,
                                                                               uint32_t subleaf))
{
    static const char name[] = "KVMKVMKVM\0\0";
    const struct metal_kvmclock_offer none = {0};
    if (!(cpuid(1, 0).ecx & HYPERVISOR_BIT))
        return none;
    struct metal_cpuid id = cpuid(LEAF_HYPERVISOR, 0);
    const uint32_t words[3] = {id.ebx, id.ecx, id.edx};
    /* Old ones say 0 for the last leaf, and mean the next. */
    if (memcmp(words, name, sizeof words) != 0 || (id.eax != 0 && id.eax < LEAF_FEATURES))
        return none;
    if (!(cpuid(LEAF_FEATURES, 0).eax & FEATURE_CLOCK))
        return none;
    return (struct metal_kvmclock_offer){.wall_msr = MSR_WALL, .time_msr = MSR_TIME};
}

uint64_t metal_kvmclock_scale(const struct metal_kvmclock_time *time)
{
    if (!(time->flags & FLAG_STABLE) || time->shift > 31 || time->shift < -31)
        return 0;
    uint64_t scale = time->shift >= 0 ? (uint64_t)time->scale << time->shift : time->scale >> -time->shift;
    return scale >= NS_32 / TICK_HZ_MAX && scale <= NS_32 / TICK_HZ_MIN ? scale : 0;
}

static struct metal_kvmclock_time shared __attribute__((aligned(64))); /* within one page */
static struct metal_kvmclock_wall shared_wall __attribute__((aligned(64)));

/* A copy that the hypervisor did not write meanwhile. */
static bool read_time(struct metal_kvmclock_time *ret_time)
{
    for (uint32_t i = 0; i < READS_MAX; i++) {
        uint32_t version = __atomic_load_n(&shared.version, __ATOMIC_ACQUIRE);
        *ret_time = *(const volatile struct metal_kvmclock_time *)&shared;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (version != 0 && version % 2 == 0 && __atomic_load_n(&shared.version, __ATOMIC_RELAXED) == version)
            return true;
    }
    return false;
}

static void ask(uint32_t msr, const volatile void *place, uint64_t flags)
{
    metal_wrmsr(msr, (uintptr_t)place | flags); /* one to one: the address is physical */
}

bool metal_kvmclock_read(uint64_t *ret_ns_per_tick_32, int64_t *ret_wall_s, uint64_t *ret_tsc)
{
    struct metal_kvmclock_offer offer = metal_kvmclock_offered(metal_cpuid);
    struct metal_kvmclock_time time;
    if (offer.time_msr == 0)
        return false;
    ask(offer.time_msr, &shared, TIME_ON);
    bool is_read = read_time(&time);
    ask(offer.wall_msr, &shared_wall, 0);
    ask(offer.time_msr, &shared, 0); /* it must not write there any more */
    *ret_ns_per_tick_32 = is_read ? metal_kvmclock_scale(&time) : 0;
    const volatile struct metal_kvmclock_wall *wall = &shared_wall;
    uint64_t began_ns = wall->version % 2 == 0 && wall->s != 0 ? wall->s * 1000000000ull + wall->ns : 0;
    *ret_wall_s = began_ns != 0 && is_read ? (int64_t)((began_ns + time.system_ns) / 1000000000ull) : 0;
    *ret_tsc = time.tsc;
    return *ret_ns_per_tick_32 != 0;
}
