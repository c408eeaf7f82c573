/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fourth driver of proc/io.h: TCP by lwIP over a net_dev. One thread, no
 * call-backs into the caller, no memory beyond what creation was given.
 *
 * lwIP is one global stack that cannot be started twice: one driver in the life
 * of a program.
 * All its work happens inside of wait: frames in, timers, what was submitted,
 * frames out, and sleep in the device until the next deadline of either.
 */
#ifndef METAL_LWIP_DRIVER_H
#define METAL_LWIP_DRIVER_H

#include "net/dev.h"
#include "proc/io.h"
#include "vk/region.h"

#define METAL_LWIP_SERVERS_MAX 2u /* name servers */

/* An address of this machine and the size of its network. */
struct metal_lwip_net {
    struct proc_addr addr; /* family 0: none; port and scope mean nothing here */
    uint8_t prefix_bits;   /* 0 .. 32; 64 for IPv6 */
};

/*
 * Which addresses the card has. A link-local IPv6 address and those that
 * routers announce (SLAAC) come of themselves.
 */
struct metal_lwip_config {
    bool dhcp; /* IPv4 address, router and name servers by DHCP; v4 and router4 are none */
    struct metal_lwip_net v4;
    struct metal_lwip_net v6;
    struct proc_addr router4;                         /* family 0: none */
    struct proc_addr router6;                         /* family 0: the one that announces itself */
    struct proc_addr servers[METAL_LWIP_SERVERS_MAX]; /* family 0: none */
};

/*
 * Parse words with commas between: "dhcp", or at most one ADDRESS/BITS of each
 * family, where that of IPv6 has 64 bits; "router=ADDRESS" of each family; "dns=ADDRESS" at most twice. For
 * example "10.0.2.15/24,router=10.0.2.2,dns=10.0.2.3". Returns 0; -VK_EINVAL
 * with a constant text in *ret_why that says what is wrong with the word that
 * begins at *ret_at.
 */
int metal_lwip_config_parse(const char *text, struct metal_lwip_config *ret_config, const char **ret_why,
                            size_t *ret_at);

struct metal_lwip_options {
    struct net_dev *dev; /* outlives the driver */
    struct metal_lwip_config config;
    uint32_t conns_max;     /* listeners and connections; 0: METAL_LWIP_CONNS_DEFAULT */
    uint32_t buffers_bytes; /* for data on its way in and out; 0: METAL_LWIP_BUFFERS_BYTES */
};

/* Bytes of region that metal_lwip_create will take at most; pages cost memory when touched. */
size_t metal_lwip_region_bytes(const struct metal_lwip_options *options);

/*
 * The driver, in memory of region, which it keeps for good. Returns 0;
 * -VK_EINVAL (options out of range), -VK_ENOMEM (region too small), -VK_EIO
 * (plat_random has no entropy), -VK_EADDRINUSE (there was one before).
 */
int metal_lwip_create(const struct metal_lwip_options *options, struct vk_region *region,
                      struct proc_io **ret_io);

/* ---- addresses -------------------------------------------------------------- */

#define METAL_LWIP_V6_MAX 3u

struct metal_lwip_status {
    bool is_up; /* it has an IPv4 address, or none was asked for and it has an IPv6 address */
    struct metal_lwip_net v4;
    struct proc_addr router4;
    struct metal_lwip_net v6[METAL_LWIP_V6_MAX]; /* in use, link-local first; family 0: none */
    struct proc_addr servers[METAL_LWIP_SERVERS_MAX];

    /* Since creation. */
    uint64_t frames_in;
    uint64_t frames_out;
    uint64_t frames_lost;  /* the device had no room, or there was no memory for one that came */
    uint64_t blocks_short; /* times there was no memory of the size asked for */
    uint32_t conns_live;   /* listeners and connections open now */
    uint64_t bytes_used;   /* of lwIP's memory, now */
};

/* May be asked at any time between two waits. */
void metal_lwip_status(const struct proc_io *io, struct metal_lwip_status *ret_status);

/* ---- names ------------------------------------------------------------------ */

#define METAL_LWIP_PENDING 1

/* A question; lies still until it is answered. */
struct metal_lwip_lookup {
    int32_t res;           /* METAL_LWIP_PENDING; then 0, -VK_ENOENT, -VK_ECANCELED */
    struct proc_addr addr; /* when res is 0; port 0 */
};

/*
 * Ask the name servers for an address of name (a text address is its own
 * answer). family 4, 6, or 0: IPv4 before IPv6. The answer may be there at
 * once; else a wait brings it, and ends for it without a completion. Returns 0; -VK_EINVAL
 * (no name, longer than 253 bytes, family), -VK_EOVERFLOW (too many at once,
 * METAL_LWIP_LOOKUPS_MAX), -VK_EUNREACH (no name server is known).
 */
int metal_lwip_resolve(struct proc_io *io, const char *name, uint8_t family,
                       struct metal_lwip_lookup *lookup);

/* Forget a pending question: its res becomes -VK_ECANCELED, and its memory is the caller's again. */
void metal_lwip_forget(struct proc_io *io, struct metal_lwip_lookup *lookup);

#endif
