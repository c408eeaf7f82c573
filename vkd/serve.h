/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a worker together: driver, kernel, service, loop, drain. What differs
 * between programs is what they start in the kernel before it serves.
 */
#ifndef VKD_SERVE_H
#define VKD_SERVE_H

#include "vkd/daemon.h"

/* Serve it with these options until told to stop; the exit status, as vkd_daemon_run's. */
int vkd_app_run(const struct vkd_app *app, const struct vkd_options *options, const char *program);

#endif
