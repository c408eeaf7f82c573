/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of a kernel between two ticks, said by the kernel itself:
 * for simulation and tests, which ask after each tick. Looks at every process
 * and every slot, and changes nothing.
 */
#ifndef PROC_AUDIT_H
#define PROC_AUDIT_H

#include "proc/service.h"

/* NULL, or a sentence about the first thing that does not hold. Never during a tick. */
const char *proc_kernel_audit(const struct proc_kernel *kernel);

/* Whether the heap that begins at base is the only one open now; base NULL: whether at most one is. */
bool proc_heap_is_alone(const struct proc_kernel *kernel, const void *base);

/* Whether the heap in the slot at base is open. */
bool proc_heap_is_open(const struct proc_kernel *kernel, const void *base);

/* Nothing is to run, and no timer is armed. */
bool proc_kernel_is_at_rest(const struct proc_kernel *kernel);

/* The n-th living process, counted around; NULL: there is none. For accidents that are simulated. */
struct proc_process *proc_process_nth(struct proc_kernel *kernel, uint32_t n);

/* The heap's place with number i, in the order the slots of class 0 were made; NULL: there are no more. */
const void *proc_heap_at(const struct proc_kernel *kernel, uint32_t i);

#endif
