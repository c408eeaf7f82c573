/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosting: puts a program of the language into a kernel. A host is made once
 * from a verified image, outside of any kernel, since its processes read it
 * (protection keys close a kernel's own memory to them); then it is started in
 * each kernel that shall serve it.
 *
 * What the environment of its processes holds, by handle: NET_BIND_ENV_ACTORS,
 * NET_BIND_ENV_CLIENT, the stores, then what the caller adds.
 */
#ifndef NET_BIND_HOST_H
#define NET_BIND_HOST_H

#include "interp/actors.h"
#include "net/bind/http.h"
#include "net/server.h"

/* The tables of all natives that a hosted program may use, for interp_image_options. */
extern const struct interp_native *const net_bind_host_natives[];

/* Places in the environment; the handle is 2 more. Empty (kind NULL) while nobody has put anything there. */
enum {
    NET_BIND_ENV_ACTORS,                                         /* starts actors and finds them */
    NET_BIND_ENV_CLIENT,                                         /* requests of tests */
    NET_BIND_ENV_STORES,                                         /* INTERP_STORES_MAX of them */
    NET_BIND_ENV_FREE = NET_BIND_ENV_STORES + INTERP_STORES_MAX, /* the first of the caller's */
};

/* An http block. */
struct net_bind_block {
    const struct interp_block *block; /* in the module: where it listens */
    const char *address;              /* "ADDR:PORT" as it stands in the program; NULL: all, at block->port */
    struct net_bind_http http;
    struct interp_program program; /* of a request */
    struct interp_program crash;   /* of its crash clause, when it has one */
    struct net_handler handler;
};

struct net_bind_host {
    const struct interp_image *image;
    const char *name;              /* of the service */
    struct net_bind_block *blocks; /* in the order of the program */
    uint32_t blocks_count;         /* 0 .. NET_LISTENERS_MAX */
    struct interp_cast cast;       /* its actors */
};

/* Bytes that net_bind_host_init takes. */
size_t net_bind_host_bytes(const struct interp_module *module);

/*
 * Make a host in memory, which is zero-filled, aligned to 64, of
 * net_bind_host_bytes and, with the image, outlives the host. 0; -VK_E... with
 * *ret_refusal saying why (at: the route's line, 0 when it is about none).
 */
int net_bind_host_init(struct net_bind_host *host, const struct interp_image *image, void *memory,
                       struct interp_refusal *ret_refusal);

/* A host in a kernel. */
struct net_bind_hosted {
    const struct net_bind_host *host;
    uint32_t conns_max;        /* of the server; set by the caller before it starts; 0: NET_CONNS_DEFAULT */
    struct proc_env env;       /* of all its processes; the caller may add to it before it listens */
    struct net_server *server; /* NULL: the program has no http block */
    struct interp_actors *actors;
};

/* Region memory that net_bind_host_start takes with such a conns_max, for proc_kernel_options.service_bytes.
 */
size_t net_bind_host_region_bytes(const struct net_bind_host *host, uint32_t conns_max);

/*
 * Start the host's services in the kernel. hosted is zeroed but for what its
 * caller sets, does not move and lives as long as the kernel. 0;
 * -VK_ENOMEM, -VK_ENOSPC: nothing of it is left in the kernel.
 */
int net_bind_host_start(const struct net_bind_host *host, struct proc_kernel *kernel,
                        struct net_bind_hosted *hosted);

/* Serve a block on a listener of the kernel's driver. -VK_ENOSPC: too many listeners. */
int net_bind_host_listen(struct net_bind_hosted *hosted, uint32_t block, uint32_t listener);

#endif
