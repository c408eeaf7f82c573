/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside plat_run_guarded: run.c keeps runners and threads, stack.c the native
 * stack, fault.c the signal handlers, run_x86_64.S the switch between stacks.
 */
#ifndef VK_LINUX_RUN_IMPL_H
#define VK_LINUX_RUN_IMPL_H

#include "vk/limits.h"
#include "vk/plat.h"

#include <signal.h>
#include <time.h>

/* The signal of the CPU tick. */
#define VK_LINUX_TICK_SIGNAL SIGVTALRM

/* Of the alternate stack, a closed page below it included: a frame with all vector registers is 3.5 KiB. */
#define VK_LINUX_ALT_MAP_BYTES (68u << 10)

#define VK_LINUX_VECTORS_AVX    1u
#define VK_LINUX_VECTORS_AVX512 2u

/* Values of the system-call trap's selector (linux/prctl.h). */
#define VK_LINUX_TRAP_ALLOW 0
#define VK_LINUX_TRAP_BLOCK 1

/*
 * The native stack: [lo, top) may be used, [open, top) is open, and pages
 * below are opened when they are touched. Closed pages lie on both sides.
 */
struct vk_linux_stack {
    uint8_t *map;
    size_t map_bytes;
    uint8_t *lo;
    uint8_t *top;
    uint8_t *open;
    uint32_t idle_runs; /* since a page below the top one was last used */
};

int vk_linux_stack_init(struct vk_linux_stack *stack, size_t len_bytes);
void vk_linux_stack_fini(struct vk_linux_stack *stack);

/* A fault at addr: true when it was a closed page of the stack and is open now. For signal handlers. */
bool vk_linux_stack_grow(struct vk_linux_stack *stack, uintptr_t addr);
/* Whether addr lies in the closed pages below the stack. */
bool vk_linux_stack_is_exhausted(const struct vk_linux_stack *stack, uintptr_t addr);
/* Whether nothing but the top page is open. */
static inline bool vk_linux_stack_is_shallow(const struct vk_linux_stack *stack)
{
    return stack->top - stack->open == VK_PAGE_BYTES;
}
/* Wipe what a run may have left. The run is over, by return or by fault. */
void vk_linux_stack_clean(struct vk_linux_stack *stack, bool faulted);

struct plat_runner {
    struct vk_linux_stack stack;
    struct plat_runner_options options;
    uint64_t runs;           /* started so far: the number of the one that is active */
    uint64_t tick_run;       /* the one the last tick saw */
    uint32_t ticks;          /* so many of them by now */
    struct plat_fault fault; /* of the run just ended; NONE when it returned */
    uint32_t mxcsr;          /* floating point control at creation, for after a run */
    uint16_t x87;
    bool is_trusted;          /* plat_runner_trust */
    bool is_left;             /* a trusted run's stack is as the run left it */
    struct plat_runner *next; /* of the same thread */
    timer_t timer;
};

/* What belongs to a thread, shared by its runners. */
struct vk_linux_thread {
    struct plat_runner *active; /* whose code runs now; cleared while its fault is handled */
    void *saved_rsp;            /* the kernel's stack while it does */
    uint32_t vectors;           /* VK_LINUX_VECTORS_..: which registers there are to clear */
    volatile char selector;     /* of the system-call trap */
    bool is_home;               /* the kernel's code is called from within a run */
    bool lapsed;                /* the trap was given up for the rest of this run */
    uint32_t run_rights;        /* protection keys: rights of the code run; 0: do not touch */
    uint32_t kernel_rights;     /* those before and after */
    struct plat_runner *runners;
    uint32_t traps;   /* runners with the system-call trap */
    bool is_trap_set; /* put aside while the kernel makes system calls */
    uint8_t *alt_map;
    stack_t alt_before; /* the host's alternate stack */
};
_Static_assert(offsetof(struct vk_linux_thread, active) == 0, "run_x86_64.S");
_Static_assert(offsetof(struct vk_linux_thread, saved_rsp) == 8, "run_x86_64.S");
_Static_assert(offsetof(struct vk_linux_thread, vectors) == 16, "run_x86_64.S");

/* Reached from signal handlers, so never allocated on first use. */
extern __thread struct vk_linux_thread vk_linux_thread
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

int vk_linux_switch(int (*fn)(void *arg), void *arg, void *stack_top, struct plat_runner *runner);
void vk_linux_switch_home(void (*fn)(void *arg), void *arg);
void vk_linux_recover(void);
void vk_linux_sigreturn(void);
extern const char vk_linux_sigreturn_end[];

/* Install the handlers for the first runner of the OS process; put back what was there after the last. */
int vk_linux_handlers_get(void);
void vk_linux_handlers_put(void);

#endif
