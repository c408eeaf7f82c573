/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a worker together: driver, kernel, service, loop, drain. What differs
 * between programs is what they start in the kernel before it serves.
 */
#ifndef VKD_SERVE_H
#define VKD_SERVE_H

#include "net/server.h"
#include "vkd/daemon.h"

/* A program that serves HTTP with one process per request. */
struct vkd_http {
    const char *about;
    const struct proc_program *program; /* of every request */

    /*
     * Start what lives longer than a request and fill env, which starts empty:
     * handles 2, 3, ... of every request. May be NULL. Returns 0 or -VK_E....
     */
    int (*setup)(struct proc_kernel *kernel, struct proc_env *env);
    size_t setup_bytes; /* region memory that setup takes */
};

/* main of such a program. */
int vkd_http_main(const struct vkd_http *http, int argc, char **argv);

#endif
