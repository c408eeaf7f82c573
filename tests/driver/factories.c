/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers that the suite knows how to make. */
#include "tests/driver/main.h"

#include "sim/sim.h"
#include "tests/driver/through.h"
#ifdef HAVE_LWIP
#include "tests/driver/lwip.h"
#endif
#ifdef HAVE_NET_LINUX
#include "net/linux/io.h"
#endif

static int create_sim(const struct sim_options *plain, struct proc_io **ret_io)
{
    static struct vk_region region;
    struct sim_options options = *plain;
    struct sim *sim;
    options.ends_max = 2048;
    options.conns_max = 2048;
    options.ops_max = 2048;
    options.backlog_max = 512;
    int err = vk_region_init(&region, sim_region_bytes(&options));
    if (err != 0)
        return err;
    err = sim_create(&options, &region, &sim);
    if (err == 0)
        *ret_io = sim_io(sim);
    return err;
}

int driver_create_sim(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    struct sim_options options;
    (void)arg;
    sim_options_default(&options, seed);
    return create_sim(&options, ret_io);
}

static int create_rough_sim(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    struct sim_options options;
    (void)arg;
    sim_options_rough(&options, seed);
    return create_sim(&options, ret_io);
}

#ifdef HAVE_NET_LINUX
static int create_linux(enum net_io_kind kind, const struct net_io_options *options, struct proc_io **ret_io)
{
    const char *why;
    return net_io_create(kind, options, ret_io, &why);
}

static int create_uring(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    const struct net_io_options options = {.no_spin = seed % 2 == 0};
    (void)arg;
    return create_linux(NET_IO_URING, &options, ret_io);
}

/* Without what came after Linux 5.19. */
static int create_old_uring(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    const struct net_io_options options = {.without = NET_IO_NO_DEFER_TASKRUN | NET_IO_NO_MULTI_RECV |
                                                      NET_IO_NO_REG_RING};
    (void)arg, (void)seed;
    return create_linux(NET_IO_URING, &options, ret_io);
}

/* Rings and buffers so small that all of them run over. */
static int create_small_uring(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    const struct net_io_options options = {.buffers = 4, .sq_entries = 4, .cq_entries = 8};
    (void)arg, (void)seed;
    return create_linux(NET_IO_URING, &options, ret_io);
}

static int create_ev(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    const struct net_io_options options = {.no_spin = seed % 2 == 0};
    (void)arg;
    return create_linux(NET_IO_EV, &options, ret_io);
}
#endif

/* ---- through a process --------------------------------------------------------------- */

typedef int (*create_fn)(const char *arg, uint64_t seed, struct proc_io **ret_io);

static int create_through(create_fn create, const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    struct proc_io *inner;
    int err = create(arg, seed, &inner);
    return err != 0 ? err : through_create(inner, ret_io);
}

static int create_through_sim(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    return create_through(driver_create_sim, arg, seed, ret_io);
}

static int create_through_rough_sim(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    return create_through(create_rough_sim, arg, seed, ret_io);
}

#ifdef HAVE_NET_LINUX
static int create_through_uring(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    return create_through(create_uring, arg, seed, ret_io);
}

static int create_through_ev(const char *arg, uint64_t seed, struct proc_io **ret_io)
{
    return create_through(create_ev, arg, seed, ret_io);
}
#endif

static const struct driver_skip through_skips[] = {
    {"taken_changes_as_the_peer_takes", "no op of a stream tells what its peer took"},
    {"peer_is_the_other_end", "no op of a stream tells its peer's address"},
    {"listen_on_ipv6", "asks for the peer's address"},
    {"end_right_behind_the_bytes_is_seen",
     "a stream's WRITE means that the kernel has the bytes; the case never runs that kernel again"},
    {NULL, NULL},
};

const struct driver_factory driver_factories[] = {
#ifdef HAVE_NET_LINUX
    {"uring", true, create_uring, NULL},
    {"uring-old", true, create_old_uring, NULL},
    {"uring-small", true, create_small_uring, NULL},
    {"ev", true, create_ev, NULL},
    {"through-uring", true, create_through_uring, through_skips},
    {"through-ev", true, create_through_ev, through_skips},
#endif
#ifdef HAVE_LWIP
    {"lwip", false, lwip_clean_create, NULL},
    {"lwip-rough", false, lwip_rough_create, NULL},
    {"lwip-loop", false, lwip_loop_create, NULL},
#endif
    {"sim", false, driver_create_sim, NULL},
    {"sim-rough", false, create_rough_sim, NULL},
    {"through-sim", false, create_through_sim, through_skips},
    {"through-sim-rough", false, create_through_rough_sim, through_skips},
    {NULL, false, NULL, NULL},
};
