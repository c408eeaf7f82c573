/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local APIC: its timer, in one of two states at a time. Ticks come again
 * and again and matter to guarded runs only; an alarm comes once and ends
 * plat_idle_until. At most one tick meets an idle machine: setting the timer is
 * dear in a virtual machine, and mostly a device's interrupt comes before it.
 */
#ifndef METAL_APIC_H
#define METAL_APIC_H

#include "vk/base.h"

/* Panics when there is none; silences the old interrupt controllers. Needs paging and traps. */
void metal_apic_init(void);

/* This processor's number, as interrupts are addressed. */
uint32_t metal_apic_id(void);

/* The timer's counter, counting down, and how fast it does (set once by clock.c). */
uint32_t metal_apic_count(void);
void metal_apic_set_hz(uint64_t hz);

/* Tick every period_ns from now on, unless it does so already, until the next alarm. */
void metal_apic_tick(uint64_t period_ns);

/* One interrupt in delay_ns, or earlier when that is more than the counter holds. Ends the ticks. */
void metal_apic_alarm(uint64_t delay_ns);

/* Whether a tick will come in delay_ns at most; not when one came since the last call of metal_apic_tick. */
bool metal_apic_ticks_within(uint64_t delay_ns);

/* The timer's interrupt came. */
void metal_apic_fired(void);

/* Every interrupt is answered by this, before anything else. */
void metal_apic_end_interrupt(void);

#endif
