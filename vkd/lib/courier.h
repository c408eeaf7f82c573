/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Couriers: small processes of the library's own that ask another process for
 * the host, wait for the answer, and write it to their origin. So a question
 * of the host's waits, is timed and is told of deaths as any process's is.
 */
#ifndef VKD_LIB_COURIER_H
#define VKD_LIB_COURIER_H

#include "proc/program.h"

/*
 * The start argument of the one that calls is the message, in full length; how
 * long it waits is its origin's to set. They end with a WRITE to their origin.
 * Its arg is what the op came to, a negative error in its low half; else, of a
 * monitor, the reason and, above 16 bits, the crash id. Without room for the
 * answer they fail.
 */
extern const struct proc_program vkd_courier_call;
extern const struct proc_program vkd_courier_monitor;

#endif
