/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guarded runs as trap.c sees them. The code of a process runs in ring 0 on a
 * native stack of its own; a trap that it causes ends the run by returning from
 * the trap to the end of metal_run_enter (run_enter.S) instead.
 */
#ifndef METAL_RUN_H
#define METAL_RUN_H

#include "metal/trap.h"

/* A run is active, and the trap did not come from inside its grow callback. */
bool metal_run_is_active(void);

/*
 * Each of these: true when the trap belonged to the run, and frame now leads
 * out of it or, for an access that the grow callback made good, back into it.
 */
bool metal_run_access_fault(struct metal_trap_frame *frame, uintptr_t addr, bool is_fetch);
bool metal_run_fault(struct metal_trap_frame *frame);

/* The timer: ends a run that it has met too often. */
void metal_run_tick(struct metal_trap_frame *frame);

#endif
