/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers that the suite knows how to make. */
#include "tests/driver/main.h"

#include "sim/sim.h"
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

const struct driver_factory driver_factories[] = {
#ifdef HAVE_NET_LINUX
    {"uring", true, create_uring},
    {"uring-old", true, create_old_uring},
    {"uring-small", true, create_small_uring},
    {"ev", true, create_ev},
#endif
    {"sim", false, driver_create_sim},
    {"sim-rough", false, create_rough_sim},
    {NULL, false, NULL},
};
