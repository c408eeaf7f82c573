/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts of devices. They are taken while idle and in guarded runs, where
 * the function called may do no more than quiet the device and set a flag: its
 * caller has interrupted a process, not the kernel.
 */
#ifndef METAL_IRQ_H
#define METAL_IRQ_H

#include "vk/base.h"

typedef void (*metal_irq_fn)(void *ctx);

/* A vector of its own, for ever; the function is called for each of its interrupts. -VK_ENOSPC. */
int metal_irq_take(metal_irq_fn fn, void *ctx, uint32_t *ret_vector);

/*
 * Lead a line of the IO-APIC to a vector, each time it rises: the function must
 * make the device let go of the line, else no other interrupt comes. -VK_ENOTSUP:
 * no IO-APIC, or none with such a line.
 */
int metal_irq_route_line(uint32_t line, uint32_t vector);

/* What a device writes, and where to, to raise a vector by a message (MSI). */
uint64_t metal_irq_message_address(void);
uint32_t metal_irq_message_data(uint32_t vector);

/* Interrupts of devices that were taken since the start. */
uint64_t metal_irq_count(void);

/* From trap.c. */
void metal_irq_handle(uint32_t vector);

#endif
