/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Couriers: small processes of the library's own that ask another process for
 * the host, wait for the answer, and write it to their origin. So a question
 * of the host's waits, is timed and is told of deaths as any process's is.
 */
#ifndef VKD_LIB_COURIER_H
#define VKD_LIB_COURIER_H

#include "proc/program.h"

/* The start argument; the bytes of the message follow. */
struct vkd_courier {
    uint64_t timeout_ns; /* of a call; 0: none */
    uint32_t code;       /* PROC_OP_CALL or PROC_OP_MONITOR, asked of the origin */
    uint32_t reserved;
};

/*
 * They end with a WRITE to their origin. Its arg is what the op came to, a
 * negative error in its low half; else, of a monitor, the reason and, above 16
 * bits, the crash id. Without room for the answer they fail.
 */
extern const struct proc_program vkd_courier_call;
extern const struct proc_program vkd_courier_monitor;

#endif
