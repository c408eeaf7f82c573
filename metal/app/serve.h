/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts an image together: network card, driver, kernel, service, loop. What
 * vkd/serve.c and a daemon are on Linux, without processes of an operating
 * system to start again: the one that looks after the machine does that.
 */
#ifndef METAL_APP_SERVE_H
#define METAL_APP_SERVE_H

#include "metal/app/options.h"
#include "metal/app/plan.h"
#include "vkd/app.h"

/* The port of a program that does not say one itself; of its n-th listener, n more. */
#define APP_PORT_DEFAULT 8080

/* What metal_main learned before it knew what to serve. */
struct app_start {
    struct app_options options;
    struct app_plan plan;
};

/*
 * Read the command line and divide the memory. 0; 1 when that cannot be, which
 * was said on the console.
 */
int app_start(struct app_start *start, const char *command_line);

/*
 * Serve for as long as the machine runs. Returns metal_main's result when the
 * service cannot start or cannot go on; it was said why.
 */
int app_serve(const struct vkd_app *app, const struct app_start *start);

#endif
