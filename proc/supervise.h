/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervisors keep long-lived processes alive. A supervisor has a fixed list
 * of children, in the order they depend on each other, and a strategy: when
 * one ends, it alone is started again, or it and those after it, or all. Too
 * many ends within a period mean that starting again does not help: then the
 * supervisor stops all its children and says so. (Strategies and intensity as
 * in Erlang/OTP's supervisor behaviour.)
 *
 * A child is named by an object that stays the same over restarts, so that a
 * handle to it goes on working; calls in flight at its end fail with -VK_EDIED.
 */
#ifndef PROC_SUPERVISE_H
#define PROC_SUPERVISE_H

#include "proc/service.h"

enum proc_strategy {
    PROC_ONE_FOR_ONE,
    PROC_REST_FOR_ONE,
    PROC_ONE_FOR_ALL,
};

struct proc_child_spec {
    const struct proc_program *program;
    const void *arg; /* must live as long as the supervisor */
    uint32_t arg_len;
    const struct proc_env *env; /* likewise; may be NULL */
};

struct proc_supervisor_options {
    const char *name;
    enum proc_strategy strategy;
    uint32_t restarts_max; /* ends tolerated within period_ns, 0 .. PROC_RESTARTS_MAX */
    uint64_t period_ns;
    bool keeps_ended; /* a child that ends normally is not started again, nor counted */
    uint32_t children_count;
    struct proc_child_spec children[PROC_CHILDREN_MAX];
};

struct proc_supervisor;

/*
 * Start the children in order. Memory comes from the kernel's service region
 * and lives as long as the kernel. 0; -VK_EINVAL, -VK_ENOMEM, -VK_ENOSPC: none runs.
 */
int proc_supervisor_create(struct proc_kernel *kernel, const struct proc_supervisor_options *options,
                           struct proc_supervisor **ret_supervisor);

/* End the children, now, for good. Not while one of them runs. */
void proc_supervisor_stop(struct proc_kernel *kernel, struct proc_supervisor *supervisor);

/* The object that names child i, for an environment. */
struct proc_object proc_supervisor_child(struct proc_supervisor *supervisor, uint32_t i);

/* pid of child i now; 0 while it is not running. */
uint32_t proc_supervisor_pid(const struct proc_supervisor *supervisor, uint32_t i);

/* Its name; 0 while it is not running. */
uint64_t proc_supervisor_name(const struct proc_kernel *kernel, const struct proc_supervisor *supervisor,
                              uint32_t i);

uint64_t proc_supervisor_restarts(const struct proc_supervisor *supervisor);
bool proc_supervisor_gave_up(const struct proc_supervisor *supervisor);

/* Region bytes one supervisor takes, for proc_kernel_options.service_bytes. */
size_t proc_supervisor_region_bytes(void);

#endif
