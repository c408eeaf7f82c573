/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the time stamp counter runs says the hypervisor, where it does
 * (kvmclock.h). Else it is measured against a counter of known speed: the
 * programmable interval timer where there is one, else the timer of the local
 * APIC, which every virtual machine known to us runs at 1 GHz (QEMU and KVM:
 * APIC_BUS_FREQUENCY). Two measurements in a row must agree, since an emulator
 * can be stopped in the middle of one.
 */
#include "metal/clock.h"

#include "metal/apic.h"
#include "metal/cpu.h"
#include "metal/kvmclock.h"
#include "metal/rtc.h"
#include "vk/plat.h"

#define NS_PER_S 1000000000ull

#define PIT_HZ        1193182u
#define PIT_CHANNEL2  0x42u
#define PIT_COMMAND   0x43u
#define PIT_DOWN      0xb0u /* channel 2, both bytes, mode 0: counts down and wraps */
#define PIT_LATCH     0x80u /* channel 2: hold the count for reading */
#define PIT_GATE_PORT 0x61u
#define PIT_GATE_ON   0x01u
#define PIT_SPEAKER   0x02u
#define PIT_TRIES     50u  /* reading takes about as long as one of its ticks */
#define PIT_WINDOW    600u /* ticks of one measurement: 0.5 ms */

#define APIC_HZ          1000000000ull
#define APIC_WINDOW      100000u /* ticks of one measurement: 0.1 ms at 1 GHz */
#define MEASUREMENTS_MAX 16u
#define READS_PER_SAMPLE 4u
#define AGREE_PARTS      256u     /* two measurements agree within 1/256 */
#define SAMPLES_MAX      1000000u /* a reference that stands still must not hang the kernel */

/* A counter that counts down and wraps at mask. */
struct reference {
    uint32_t (*read)(void);
    uint32_t mask;
    uint32_t window; /* ticks that one measurement waits for */
    uint64_t hz;
};

struct sample {
    uint64_t tsc;
    uint32_t count;
};

static struct {
    uint64_t start_tsc;
    uint64_t ns_per_tick_32; /* fixed point, 32 bits of fraction */
    int64_t boot_wall_s;     /* wall clock at monotonic 0 */
} clock;

static uint32_t read_pit(void)
{
    metal_outb(PIT_COMMAND, PIT_LATCH);
    uint32_t low = metal_inb(PIT_CHANNEL2);
    return low | (uint32_t)metal_inb(PIT_CHANNEL2) << 8;
}

/* Starts channel 2 and sees whether it counts. */
static bool pit_works(void)
{
    uint8_t gate = metal_inb(PIT_GATE_PORT);
    metal_outb(PIT_GATE_PORT, (uint8_t)((gate & ~PIT_SPEAKER) | PIT_GATE_ON));
    metal_outb(PIT_COMMAND, PIT_DOWN);
    metal_outb(PIT_CHANNEL2, 0xff);
    metal_outb(PIT_CHANNEL2, 0xff);
    uint32_t first = read_pit();
    for (uint32_t i = 0; i < PIT_TRIES; i++)
        if (read_pit() != first)
            return true;
    return false;
}

/* Both counters at one moment: of a few readings the one that took least. */
static struct sample take_sample(const struct reference *reference)
{
    struct sample best = {0};
    uint64_t best_gap = UINT64_MAX;
    for (uint32_t i = 0; i < READS_PER_SAMPLE; i++) {
        uint64_t before = metal_rdtsc();
        uint32_t count = reference->read();
        uint64_t gap = metal_rdtsc() - before;
        if (gap < best_gap) {
            best_gap = gap;
            best = (struct sample){before + gap / 2, count};
        }
    }
    return best;
}

/* Ticks of the time stamp counter per second, by one measurement; 0 when the reference stands still. */
static uint64_t measure(const struct reference *reference)
{
    struct sample first = take_sample(reference);
    for (uint32_t i = 0; i < SAMPLES_MAX; i++) {
        struct sample last = take_sample(reference);
        uint32_t elapsed = (first.count - last.count) & reference->mask;
        if (elapsed >= reference->window)
            return (last.tsc - first.tsc) * reference->hz / elapsed;
    }
    return 0;
}

static uint64_t measure_twice(const struct reference *reference)
{
    uint64_t before = measure(reference);
    for (uint32_t i = 1; i < MEASUREMENTS_MAX; i++) {
        uint64_t now = measure(reference);
        uint64_t difference = now > before ? now - before : before - now;
        if (now != 0 && difference <= now / AGREE_PARTS)
            return now;
        before = now;
    }
    plat_panic("clock: the processor's counter does not run evenly");
}

/* How fast the APIC timer runs, from a time stamp counter whose speed is known (and below 18 GHz). */
static uint64_t measure_apic(uint64_t tsc_hz)
{
    const struct reference apic = {metal_apic_count, UINT32_MAX, APIC_WINDOW, APIC_HZ};
    return APIC_HZ * tsc_hz / measure_twice(&apic);
}

/* The timer's speed has no other reference where the interval timer is missing. */
static void measure_timer(uint64_t tsc_hz)
{
    metal_apic_set_hz(pit_works() ? measure_apic(tsc_hz) : APIC_HZ);
}

/* By what the hypervisor says. False: it says nothing. */
static bool init_told(uint64_t entry_tsc)
{
    int64_t wall_s;
    uint64_t wall_tsc;
    if (!metal_kvmclock_read(&clock.ns_per_tick_32, &wall_s, &wall_tsc))
        return false;
    clock.start_tsc = entry_tsc;
    measure_timer((NS_PER_S << 32) / clock.ns_per_tick_32);
    if (wall_s == 0)
        clock.boot_wall_s = metal_rtc_read_s() - (int64_t)(plat_mono_ns() / NS_PER_S);
    else
        clock.boot_wall_s =
            wall_s - (int64_t)((wall_tsc - entry_tsc) / ((NS_PER_S << 32) / clock.ns_per_tick_32));
    return true;
}

void metal_clock_init(uint64_t entry_tsc)
{
    if (init_told(entry_tsc))
        return;
    const struct reference pit = {read_pit, 0xffff, PIT_WINDOW, PIT_HZ};
    const struct reference apic = {metal_apic_count, UINT32_MAX, APIC_WINDOW, APIC_HZ};
    bool has_pit = pit_works();
    uint64_t tsc_hz = measure_twice(has_pit ? &pit : &apic);
    metal_apic_set_hz(has_pit ? measure_apic(tsc_hz) : APIC_HZ);
    clock.start_tsc = entry_tsc;
    clock.ns_per_tick_32 = (NS_PER_S << 32) / tsc_hz;
    clock.boot_wall_s = metal_rtc_read_s() - (int64_t)(plat_mono_ns() / NS_PER_S);
}

uint64_t plat_mono_ns(void)
{
    uint64_t ticks = metal_rdtsc() - clock.start_tsc;
    return (uint64_t)((unsigned __int128)ticks * clock.ns_per_tick_32 >> 32);
}

int64_t plat_wall_s(void)
{
    return clock.boot_wall_s + (int64_t)(plat_mono_ns() / NS_PER_S);
}

void plat_idle_until(uint64_t deadline_ns)
{
    uint64_t now_ns = plat_mono_ns();
    if (deadline_ns <= now_ns)
        return;
    if (!metal_apic_ticks_within(deadline_ns - now_ns))
        metal_apic_alarm(deadline_ns - now_ns);
    metal_wait();
}
