/* SPDX-License-Identifier: Apache-2.0 */
/* Source: Intel SDM vol. 3, chapter 10. */
#include "metal/apic.h"

#include "metal/cpu.h"
#include "metal/paging.h"
#include "metal/trap.h"
#include "vk/plat.h"

#define CPUID_1_EDX_APIC (1u << 9)
#define MSR_APIC_BASE    0x1bu
#define BASE_ENABLE      (1ull << 11)
#define BASE_X2APIC      (1ull << 10)
#define BASE_ADDRESS     0x000ffffffffff000ull

/* Registers, as offsets of bytes. */
#define REG_ID         0x020u
#define REG_EOI        0x0b0u
#define REG_SPURIOUS   0x0f0u
#define REG_LVT_TIMER  0x320u
#define REG_LVT_LINT0  0x350u
#define REG_LVT_LINT1  0x360u
#define REG_INITIAL    0x380u
#define REG_CURRENT    0x390u
#define REG_DIVIDE     0x3e0u
#define SPURIOUS_ON    0x100u
#define LVT_MASKED     (1u << 16)
#define LVT_PERIODIC   (1u << 17)
#define DIVIDE_BY_1    0xbu
#define PIC_MASTER_IMR 0x21u
#define PIC_SLAVE_IMR  0xa1u

static struct {
    volatile uint32_t *registers;
    uint64_t hz;
    uint64_t period_ns; /* of the ticks; UINT64_MAX while there are none */
    bool has_fired;     /* since ticks were last asked for */
} apic;

static void write_register(uint32_t offset, uint32_t value)
{
    apic.registers[offset / 4] = value;
}

void metal_apic_init(void)
{
    if (!(metal_cpuid(1, 0).edx & CPUID_1_EDX_APIC))
        plat_panic("apic: the processor has no local APIC");
    uint64_t base = metal_rdmsr(MSR_APIC_BASE);
    if (base & BASE_X2APIC)
        plat_panic("apic: the local APIC is in x2APIC mode");
    metal_wrmsr(MSR_APIC_BASE, base | BASE_ENABLE);
    metal_paging_map_device(base & BASE_ADDRESS);
    apic.registers = (volatile uint32_t *)(uintptr_t)(base & BASE_ADDRESS);

    metal_outb(PIC_MASTER_IMR, 0xff); /* where there are no such chips, nobody listens */
    metal_outb(PIC_SLAVE_IMR, 0xff);
    write_register(REG_LVT_LINT0, LVT_MASKED);
    write_register(REG_LVT_LINT1, LVT_MASKED);
    write_register(REG_DIVIDE, DIVIDE_BY_1);
    write_register(REG_LVT_TIMER, LVT_MASKED | METAL_VECTOR_TIMER);
    write_register(REG_SPURIOUS, SPURIOUS_ON | METAL_VECTOR_SPURIOUS);
    write_register(REG_INITIAL, UINT32_MAX); /* counts, for clock.c, and interrupts nobody */
    apic.period_ns = UINT64_MAX;
}

uint32_t metal_apic_id(void)
{
    return apic.registers[REG_ID / 4] >> 24;
}

uint32_t metal_apic_count(void)
{
    return apic.registers[REG_CURRENT / 4];
}

void metal_apic_set_hz(uint64_t hz)
{
    apic.hz = hz;
}

/* At least 1, since 0 would stop the timer. hz is below 2^34, so a second of them fits. */
static uint32_t count_of(uint64_t delay_ns)
{
    uint64_t below_second_ns = delay_ns < 1000000000u ? delay_ns : 1000000000u;
    uint64_t count = below_second_ns * apic.hz / 1000000000u;
    if (count == 0)
        return 1;
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static void start(uint32_t mode, uint64_t delay_ns)
{
    write_register(REG_LVT_TIMER, mode | METAL_VECTOR_TIMER);
    write_register(REG_INITIAL, count_of(delay_ns));
}

void metal_apic_tick(uint64_t period_ns)
{
    apic.has_fired = false;
    if (apic.period_ns == period_ns)
        return;
    apic.period_ns = period_ns;
    start(LVT_PERIODIC, period_ns);
}

void metal_apic_alarm(uint64_t delay_ns)
{
    apic.period_ns = UINT64_MAX;
    start(0, delay_ns);
}

bool metal_apic_ticks_within(uint64_t delay_ns)
{
    return !apic.has_fired && apic.period_ns != UINT64_MAX && apic.period_ns <= delay_ns;
}

void metal_apic_fired(void)
{
    apic.has_fired = true;
}

void metal_apic_end_interrupt(void)
{
    write_register(REG_EOI, 0);
}
