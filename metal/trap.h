/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions and interrupts. Every vector enters on a stack of its own
 * (interrupt stack table), so a full or wild stack pointer is just another
 * fault. Interrupts are on only inside a guarded run and while idle; the kernel
 * itself is never interrupted, so it needs no locks.
 *
 * What a trap means, in order:
 *  1. a page that is open but has no frame yet: it gets one, the access goes on;
 *  2. a guarded run is active: run.c ends it, or lets it go on where its grow
 *     callback has opened the range;
 *  3. otherwise the kernel is broken: registers to the console, METAL_EXIT_PANIC.
 */
#ifndef METAL_TRAP_H
#define METAL_TRAP_H

#include "vk/base.h"
#include "vk/limits.h"

enum metal_vector {
    METAL_VECTOR_DIVIDE = 0,
    METAL_VECTOR_INVALID = 6, /* #UD */
    METAL_VECTOR_DOUBLE = 8,
    METAL_VECTOR_STACK = 12,
    METAL_VECTOR_GENERAL = 13,
    METAL_VECTOR_PAGE = 14,
    METAL_VECTOR_TIMER = 32,  /* local APIC timer */
    METAL_VECTOR_DEVICE = 33, /* the first of METAL_DEVICE_VECTORS (irq.h) */
    METAL_VECTOR_SPURIOUS = 255,
};

/* The interrupted state as trap_entry.S leaves it on the trap stack; what is written here takes effect. */
struct metal_trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector;
    uint64_t error; /* 0 where the vector has none */
    uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct metal_trap_frame) == 22 * 8, "trap_entry.S pushes these");

/* Loads descriptor tables of the kernel's own. */
void metal_trap_init(void);

#endif
