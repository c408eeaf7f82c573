/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a clock of the hypervisor is used where it is offered and can be
 * relied on, and nowhere else. Method: processors made up, by what their cpuid
 * says, and records as KVM writes them.
 */
#include "metal/kvmclock.h"
#include "tests/unit/test.h"

#define KVM_EBX 0x4b4d564bu /* "KVMK" */
#define KVM_ECX 0x564b4d56u /* "VMKV" */
#define KVM_EDX 0x0000004du /* "M" */

static struct {
    uint32_t leaf1_ecx;
    struct metal_cpuid hypervisor;
    uint32_t features;
    uint32_t wrong_leaves; /* asked for although the processor has no such leaf */
} made_up;

static struct metal_cpuid made_up_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    if (leaf == 1)
        return (struct metal_cpuid){.ecx = made_up.leaf1_ecx};
    made_up.wrong_leaves += !(made_up.leaf1_ecx & 1u << 31);
    if (leaf == 0x40000000u)
        return made_up.hypervisor;
    made_up.wrong_leaves += made_up.hypervisor.eax != 0 && made_up.hypervisor.eax < leaf;
    return (struct metal_cpuid){.eax = made_up.features};
}

static void make_up_kvm(void)
{
    made_up.leaf1_ecx = 1u << 31;
    made_up.hypervisor =
        (struct metal_cpuid){.eax = 0x40000001u, .ebx = KVM_EBX, .ecx = KVM_ECX, .edx = KVM_EDX};
    made_up.features = 1u << 3 | 1u << 24;
    made_up.wrong_leaves = 0;
}

static bool is_offered(void)
{
    struct metal_kvmclock_offer offer = metal_kvmclock_offered(made_up_cpuid);
    CHECK_EQ(made_up.wrong_leaves, 0);
    CHECK((offer.time_msr == 0x4b564d01u && offer.wall_msr == 0x4b564d00u) ||
          (offer.time_msr == 0 && offer.wall_msr == 0));
    return offer.time_msr != 0;
}

TEST(metal_kvmclock, offered_by_kvm_alone_and_by_its_feature_bit)
{
    make_up_kvm();
    CHECK(is_offered());
    made_up.hypervisor.eax = 0; /* as old ones said */
    CHECK(is_offered());
    make_up_kvm();
    made_up.features = 1u << 0; /* the first form of the clock, whose registers are others */
    CHECK(!is_offered());
    make_up_kvm();
    made_up.leaf1_ecx = 0; /* no hypervisor: what the other leaves say means nothing */
    CHECK(!is_offered());
    make_up_kvm();
    made_up.hypervisor.eax = 0x40000000u;
    CHECK(!is_offered());
    make_up_kvm();
    made_up.hypervisor =
        (struct metal_cpuid){.eax = 0x40000001u, .ebx = 0x54474354u, .ecx = 0x43544743u, .edx = 0x47435447u};
    CHECK(!is_offered()); /* "TCGTCGTCGTCG": QEMU's plain emulation */
}

static uint64_t scale_of(uint32_t scale, int8_t shift, uint8_t flags)
{
    const struct metal_kvmclock_time time = {.version = 2, .scale = scale, .shift = shift, .flags = flags};
    return metal_kvmclock_scale(&time);
}

TEST(metal_kvmclock, scale_is_the_hypervisors)
{
    CHECK_EQ(scale_of(0x80000000u, -1, 1), 0x40000000u); /* 4 GHz: a quarter of a nanosecond */
    CHECK_EQ(scale_of(0x80000000u, 0, 1), 0x80000000u);  /* 2 GHz */
    CHECK_EQ(scale_of(0x80000000u, 2, 1), 1ull << 33);   /* 500 MHz */
    /* 2.4 GHz as KVM says it: within a millionth. */
    CHECK(scale_of(3579139413u, -1, 1) - 1789569706u < 1790u);
}

TEST(metal_kvmclock, what_cannot_be_relied_on_is_refused)
{
    CHECK_EQ(scale_of(0x80000000u, 0, 0), 0); /* the counter may differ from time to time */
    CHECK_EQ(scale_of(0x80000000u, 0, 2), 0);
    CHECK_EQ(scale_of(0, 0, 1), 0);
    CHECK_EQ(scale_of(0x80000000u, 32, 1), 0);
    CHECK_EQ(scale_of(0x80000000u, -32, 1), 0);
    CHECK_EQ(scale_of(0x80000000u, -31, 1), 0); /* faster than any */
    CHECK_EQ(scale_of(0x80000000u, 31, 1), 0);  /* slower than any */
}

TEST(metal_kvmclock, this_machine_offers_none_and_its_clock_was_measured)
{
    uint64_t scale, tsc;
    int64_t wall_s;
    if (metal_kvmclock_offered(metal_cpuid).time_msr != 0)
        SKIP("the machine has it");
    CHECK(!metal_kvmclock_read(&scale, &wall_s, &tsc));
}
