/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel object: process table, scheduler, handles, timers, and the tick
 * that moves all of it. There are no globals; a program may have several
 * kernels, each used by one thread at a time. After create it allocates
 * nothing.
 *
 * A tick: wait for completions, hand each to its service, fire what is due,
 * run every process that was runnable, then let services send what gathered.
 */
#ifndef PROC_KERNEL_H
#define PROC_KERNEL_H

#include "proc/io.h"
#include "proc/program.h"
#include "vk/bufs.h"
#include "vk/bytes.h"
#include "vk/guard.h"
#include "vk/pool.h"

struct proc_kernel;

enum proc_log_level {
    PROC_LOG_ERROR,
    PROC_LOG_WARN,
    PROC_LOG_INFO,
};

/* One line without its newline; text is valid during the call only. */
typedef void (*proc_log_fn)(void *ctx, enum proc_log_level level, struct vk_span text);

#define PROC_SLOTS_DEFAULT    \
    {                         \
        60000, 8192, 1024, 16 \
    } /* of each class */

/* Zero means the default everywhere. */
struct proc_kernel_options {
    struct proc_io *io; /* the driver; stays the caller's, must outlive the kernel; required */
    enum vk_guard_kind guard;
    bool no_syscall_trap;    /* direct system calls of native code are not trapped */
    bool no_native;          /* no fault handling at all: only programs whose code is trusted may run */
    uint64_t native_tick_ns; /* CPU time between ticks that end an endless native step */
    uint32_t processes_max;
    uint32_t handles_max;  /* of all processes together */
    uint32_t requests_max; /* ops in flight, of all processes together */
    uint32_t slots_max[VK_SLOT_CLASSES];
    uint32_t slots_warm;
    uint32_t bufs_max[VK_BUF_CLASSES];
    uint32_t parks_max;   /* heaps kept outside their slots while they wait, of each of two sizes */
    size_t service_bytes; /* region memory for services, from proc_kernel_region */
    int64_t wall_base_s;  /* the wall clock is this plus the driver's own, in simulation */
    bool logs_all;        /* lines are not limited a second */
    proc_log_fn log;
    void *log_ctx;
};

/* What happened so far and what is held now; for tests, metrics and the gate. */
struct proc_counters {
    uint64_t ticks;
    uint64_t dispatches;
    uint64_t started;
    uint64_t ended[PROC_REASON_END];
    uint64_t crashes; /* of those, abnormal */
    uint64_t gave_up; /* supervisors that stopped their processes, since too many had ended */
    uint64_t guard_switches;
    uint64_t guard_grows;
    uint64_t wipes;
    uint64_t wipe_bytes;
    uint32_t processes; /* alive */
    uint32_t handles;
    uint32_t requests;
    uint32_t buffers;
    uint32_t slots;
};

/*
 * -VK_ENOMEM, -VK_EINVAL (no driver), -VK_ENOTSUP (the guard or the system
 * call trap does not work here). On failure nothing is left behind.
 */
int proc_kernel_create(const struct proc_kernel_options *options, struct proc_kernel **ret_kernel);

/* The first half of destroying it: every process ends, and what held one is told; no other starts. */
void proc_kernel_end(struct proc_kernel *kernel);

/* Ends every process, closes nothing of the driver. Accepts NULL. */
void proc_kernel_destroy(struct proc_kernel *kernel);

/* One tick that sleeps at most wait_ns (0: not at all) when there is nothing to do. */
void proc_kernel_step(struct proc_kernel *kernel, uint64_t wait_ns);

/* Whether a step with wait 0 would find something to run right now. */
bool proc_kernel_busy(const struct proc_kernel *kernel);

/* When a step has something to do whatever the driver brings, on the driver's clock; 0: now; UINT64_MAX:
 * never. */
uint64_t proc_kernel_next_ns(const struct proc_kernel *kernel);

/* The driver's clock is read: between steps, before something that has a deadline begins. */
void proc_kernel_refresh(struct proc_kernel *kernel);

void proc_kernel_counters(const struct proc_kernel *kernel, struct proc_counters *ret_counters);
enum vk_guard_kind proc_kernel_guard(const struct proc_kernel *kernel);

/* Start a process with no origin. Argument bytes are copied. 0, -VK_ENOSPC, -VK_ENOMEM, -VK_ETOOBIG. */
int proc_kernel_start(struct proc_kernel *kernel, const struct proc_program *program, const void *arg,
                      uint32_t arg_len, uint32_t *ret_pid);

#endif
