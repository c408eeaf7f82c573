/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One test of a program: a fresh kernel on a simulated network with a virtual
 * clock, in it the program with all its services, and a process that runs the
 * test's function. Everything that
 * happens follows from the program, the seed and the limits.
 */
#ifndef VKD_TRIAL_H
#define VKD_TRIAL_H

#include "net/bind/host.h"

enum vkd_verdict {
    VKD_VERDICT_PASSED,
    VKD_VERDICT_FAILED,  /* the process ended abnormally: `reason` */
    VKD_VERDICT_STUCK,   /* nothing can ever happen any more */
    VKD_VERDICT_GAVE_UP, /* a supervisor did: a server would have ended */
    VKD_VERDICT_LATE,    /* VKD_TRIAL_TIME_MAX_NS passed */
    VKD_VERDICT_ENDLESS, /* VKD_TRIAL_STEPS_MAX passed */
    VKD_VERDICT_REFUSED, /* it could not be started: `error` */
};

/* A line that a process logged, or, with `name` empty, one of the kernel. Valid during the call. */
typedef void (*vkd_trial_log_fn)(void *ctx, struct vk_span name, struct vk_span text);

struct vkd_trial {
    const struct net_bind_host *host;
    uint64_t seed;
    uint32_t heap_bytes; /* of the test's own process */
    uint64_t reductions;
    uint32_t processes_max;  /* 0: VKD_TRIAL_PROCESSES_MAX */
    uint64_t native_tick_ns; /* as of the kernel's options */
    vkd_trial_log_fn log;    /* may be NULL */
    void *log_ctx;
};

struct vkd_outcome {
    enum vkd_verdict verdict;
    enum proc_reason reason;
    int error;
    uint64_t trace; /* of the simulation: equal means the same run */
};

/* The name of the test's own process in lines of the log. */
#define VKD_TRIAL_NAME "test"

/* The tables of all natives that tests may use. */
const struct interp_native *const *vkd_trial_natives(void);

void vkd_trial_run(const struct vkd_trial *trial, uint32_t function, struct vkd_outcome *ret_outcome);

#endif
