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

/* How the service of a native program is made; a program in the language brings vkd_app.host. */
struct app_native {
    size_t (*region_bytes)(const struct vkd_app *app, uint32_t conns_max);
    /* *env holds what setup made. *ret_server stays as it is for a TCP program. Returns 0 or -VK_E.... */
    int (*make)(const struct vkd_app *app, struct proc_kernel *kernel, uint32_t conns_max, uint32_t listener,
                struct proc_env *env, struct net_server **ret_server);
};

/* What metal_main learned before it knew what to serve. */
struct app_start {
    struct app_options options;
    struct app_plan plan;
    const struct app_native *native; /* NULL in an image that takes modules, which so has no code for it */
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
