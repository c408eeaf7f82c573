/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers that the suite knows how to make. */
#include "tests/driver/main.h"

#include "sim/sim.h"

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

const struct driver_factory driver_factories[] = {
    {"sim", false, driver_create_sim},
    {"sim-rough", false, create_rough_sim},
    {NULL, false, NULL},
};
