/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server program is, whatever it runs on: its processes, and what it
 * starts before it serves. The same program is a Linux server by vkd/serve.c
 * and boots without an operating system by metal/app/native.c.
 */
#ifndef VKD_APP_H
#define VKD_APP_H

#include "proc/service.h"
#include "vk/limits.h"

enum vkd_protocol {
    VKD_HTTP, /* one process per request */
    VKD_TCP,  /* one process per connection, a stream as its origin */
};

struct net_server;

/* Where a server listens. */
struct vkd_listens {
    uint32_t count; /* 0 .. NET_LISTENERS_MAX */
    struct proc_addr addrs[NET_LISTENERS_MAX];
};

/* A server program. */
struct vkd_app {
    const char *about;
    enum vkd_protocol protocol;
    const struct proc_program *program; /* of every request or connection; NULL: host makes the service */

    /*
     * Start what lives longer than those and fill env, which starts empty: their
     * handles 2, 3, .... The one after these reads the server's counters
     * (net_server_gauges). May be NULL. Returns 0 or -VK_E....
     */
    int (*setup)(struct proc_kernel *kernel, struct proc_env *env);
    size_t setup_bytes;   /* region memory that setup takes */
    uint32_t setup_slots; /* slots that the processes it starts keep; --slots must leave one more */
    bool one_worker;      /* they keep state that requests share: each worker would have its own */

    /*
     * How long the process of a request may live; one that is not done then is
     * ended, and its client gets 500 with a crash number (a reset when part of
     * the answer was sent). 0, the default: as long as it likes. HTTP only.
     */
    uint64_t deadline_ns;

    /*
     * Instead of program, setup and deadline_ns, for HTTP: make the service, on
     * listeners of the driver that stand for listens in their order. *ret_server is
     * NULL when there are none. On failure, too, it may say why, in a constant text.
     * Returns 0 or -VK_E....
     */
    int (*host)(struct proc_kernel *kernel, const uint32_t *listeners, struct net_server **ret_server,
                const char **ret_why);
    /* Whether the service cannot go on: the server drains and ends with status 1. May be NULL. */
    bool (*is_over)(void);
    const char *over_why; /* what is said then */

    const struct vkd_listens *listens; /* NULL: one, as --listen says */
    uint32_t slot_classes;             /* bits of the classes its processes have their slots in */
};

/* main of such a program. */
int vkd_app_main(const struct vkd_app *app, int argc, char **argv);

#endif
