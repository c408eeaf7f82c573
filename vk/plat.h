/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first of three seams: what the freestanding code asks of the platform.
 * Bound at link time; vk/linux and metal implement it. Everything here is
 * called by trusted code only, never by a process.
 *
 * Addresses and lengths are multiples of VK_PAGE_BYTES unless said otherwise.
 * Functions returning int return 0 or -VK_E...; the rest cannot fail.
 */
#ifndef VK_PLAT_H
#define VK_PLAT_H

#include "vk/base.h"

/* ---- memory ------------------------------------------------------------ */

enum plat_prot {
    PLAT_PROT_NONE, /* no access, the OS kernel included */
    PLAT_PROT_RW,
};

/* What the platform can do; constant after the first call. */
struct plat_caps {
    uint32_t mappings_max; /* separate mappings one OS process may have */
    bool mappings_split;   /* a range of another protection is a mapping of its own */
    bool keys;             /* protection keys (plat_key_*) work here */
};
void plat_caps(struct plat_caps *ret_caps);

/*
 * Reserve addresses without memory, aligned to align_bytes (a power of two).
 * The range is closed (PLAT_PROT_NONE) and costs one mapping.
 * -VK_ENOMEM when the address space or the mapping limit is exhausted.
 */
int plat_reserve(size_t len_bytes, size_t align_bytes, void **ret_base);

/* Give back a whole range from plat_reserve, slots in it included. */
void plat_release(void *base, size_t len_bytes);

/*
 * Make [base, base+len) of a reserved range a fresh, closed, zero-filled slot
 * whose mapping never merges with a neighbour slot's, provided neighbours
 * differ in `odd`. Also used to throw a slot's pages away and start anew.
 */
int plat_slot_map(void *base, size_t len_bytes, bool odd);

/* Change the protection of a range inside one slot or reserved range. */
int plat_protect(void *base, size_t len_bytes, enum plat_prot prot);

/*
 * Make a range zero that mostly is, and say whether it was not; it need not be
 * pages, but base and len_bytes are multiples of 128. Pages that are clean are
 * only read.
 */
bool plat_wipe(void *base, size_t len_bytes);

/* Drop the pages of a range; the next touch reads zeros. Protection stays. */
int plat_discard(void *base, size_t len_bytes);

/*
 * A range that is open, in use, and of whole VK_LARGE_PAGE_BYTES: keep what it holds in one page each, where
 * the platform can, so that a change of its protection costs as little as that of few pages. It may be left
 * as it is.
 */
void plat_gather(void *base, size_t len_bytes);

/* ---- protection keys (caps.keys) ---------------------------------------- */

#define PLAT_KEYS_MAX 16u

/* Allocate a key, 1 .. PLAT_KEYS_MAX-1; -VK_ENOSPC when none is left. */
int plat_key_alloc(uint32_t *ret_key);
void plat_key_free(uint32_t key);
/* Tag a range with a key and give it this protection. */
int plat_key_protect(void *base, size_t len_bytes, enum plat_prot prot, uint32_t key);
/*
 * The rights register of the calling thread: bit 2k denies every access to
 * key k, bit 2k+1 denies writes (Intel SDM vol. 3, 4.6.2).
 */
uint32_t plat_key_rights(void);
void plat_key_set_rights(uint32_t rights);
/*
 * Rights that plat_run_guarded, on this thread, gives the code it runs; the
 * caller's own come back with its return, by whatever way. 0: leave them alone.
 */
void plat_key_set_run_rights(uint32_t rights);

/* ---- running a process's code -------------------------------------------- */

enum plat_fault_kind {
    PLAT_FAULT_NONE,
    PLAT_FAULT_ACCESS,  /* load or store outside what is open; addr is set */
    PLAT_FAULT_STACK,   /* the native stack is exhausted; addr is set */
    PLAT_FAULT_DIVIDE,  /* division by zero or quotient overflow */
    PLAT_FAULT_ILLEGAL, /* illegal instruction */
    PLAT_FAULT_SYSCALL, /* direct system call; addr is its number */
    PLAT_FAULT_TIME,    /* one step was seen at too many ticks of the CPU timer */
    PLAT_FAULT_OTHER,   /* alignment, debug trap, ... */
};

struct plat_fault {
    enum plat_fault_kind kind;
    uintptr_t addr; /* data address where the kind has one, else 0 */
    uintptr_t pc;   /* code address of the fault */
};

/*
 * A runner owns one native stack between guard pages and what is needed to
 * leave a fault. One per kernel; used by one thread at a time. A runner may
 * be used only on the thread that called plat_runner_create, and not across a
 * fork. On Linux a signal handler of the host that may interrupt a run has
 * SA_ONSTACK set: without it, it would run on the process's stack, where its
 * system calls are the process's. Better still, such signals are blocked.
 */
struct plat_runner;

/*
 * Called while a fault is handled, on the platform's own stack, for every
 * access fault: true when the range is now open and the access shall be tried
 * again (a slot's prefix grew), false to end the run.
 */
typedef bool (*plat_grow_fn)(void *ctx, uintptr_t addr);

/*
 * Asked at each tick that meets a run which an earlier one has met, `ticks` of
 * them now, on the platform's own stack: whether the run is to be ended.
 */
typedef bool (*plat_is_over_fn)(void *ctx, uint32_t ticks);

struct plat_runner_options {
    size_t stack_bytes;      /* of the native stack; rounded up to pages */
    uint64_t tick_ns;        /* CPU time between ticks that end a repeated step; 0: never */
    plat_is_over_fn is_over; /* NULL: two ticks are too many */
    void *is_over_ctx;
    bool syscall_trap; /* trap direct system calls of the code run */
    plat_grow_fn grow; /* may be NULL */
    void *grow_ctx;
    void *home; /* what plat_run_home gives */
};

/* -VK_ENOTSUP when syscall_trap is asked for and the platform has none. */
int plat_runner_create(const struct plat_runner_options *options, struct plat_runner **ret_runner);
void plat_runner_destroy(struct plat_runner *runner); /* accepts NULL */

/*
 * The kernel is about to make many system calls: what runs need and makes
 * those dearer (the trap) is put aside until the next run. Optional.
 */
void plat_runner_rest(struct plat_runner *runner);

/*
 * Whether the next runs are of code that reads nothing of the stack but what it wrote in that run, as
 * verified bytecode: what such runs leave there may stay until the first run of other code. At first: of
 * other code.
 */
void plat_runner_trust(struct plat_runner *runner, bool is_trusted);

/*
 * Call fn(arg) on the native stack of the runner. Returns 0 when it returned,
 * with its value in *ret_value; -VK_EIO when it was ended by a fault,
 * described in *ret_fault. What it left on the stack is wiped before the next run
 * (but see plat_runner_trust).
 * Floating-point control is afterwards as it was when the runner was created.
 * Does not nest. ret_value and ret_fault stay accessible during the run.
 */
int plat_run_guarded(struct plat_runner *runner, int (*fn)(void *arg), void *arg, int *ret_value,
                     struct plat_fault *ret_fault);

/*
 * From within a run, by code of our own that it has come to: call fn(home, arg) as code of the kernel, home
 * being what the options of this run's runner say. It has the kernel's rights, a fault there is the kernel's
 * own and no tick ends it; it returns, and lets nothing run. false: nothing was called, since no run is
 * active or the platform does not offer it.
 */
bool plat_run_home(void (*fn)(void *home, void *arg), void *arg);

/*
 * Where code lies, for messages: sets *ret_file to the name of the program or
 * library it belongs to, which stays valid while that is loaded, and returns
 * the address it was linked at there, as a symbolizer takes it. Code of no file,
 * and all code where there are no files: NULL, and pc itself. Not during a run.
 */
uintptr_t plat_code_place(uintptr_t pc, const char **ret_file);

/* ---- time, randomness, words ---------------------------------------------- */

uint64_t plat_mono_ns(void);                           /* monotonic clock */
int64_t plat_wall_s(void);                             /* seconds since 1970-01-01 UTC; coarse and cheap */
int plat_random(void *dst, size_t len_bytes);          /* -VK_EIO when there is no entropy */
void plat_console(const char *text, size_t len_bytes); /* best effort, unbuffered */
_Noreturn void plat_panic(const char *why) __attribute__((cold));
void plat_idle_until(uint64_t deadline_ns); /* may return early */

#endif
