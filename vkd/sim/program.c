/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/sim/program.h"

#include "vkd/complain.h"
#include "vkd/sim/peer.h"
#include "vkd/sim/watch.h"
#include "vkd/trial.h"

#include <string.h>

#define SEED 1u /* of what is chosen when a program is loaded */

extern const uint8_t vkd_sim_module[], vkd_sim_module_end[]; /* sim/language.vk, compiled at build time */

static bool load(const char *path, struct vkd_program_loaded *l)
{
    l->loaded.seed = SEED;
    if (!vkd_load_host(path, vkd_trial_natives(), &l->loaded))
        return false;
    vkd_served.host = &l->loaded.host;
    vkd_watch_host(&l->loaded.host);
    if (l->loaded.host.blocks_count == 0) {
        vkd_complain("%s: it has no http block, so there is nothing to ask of it", path);
        return false;
    }
    l->routes = vkd_routes_count(&l->loaded.host);
    return true;
}

bool vkd_program_load(const char *path, struct vkd_program_loaded *l)
{
    vkd_native_init();
    if (path != NULL)
        return load(path, l);
    l->loaded.given = vk_span(vkd_sim_module, (size_t)(vkd_sim_module_end - vkd_sim_module));
    return load("the program that comes with vkd", l);
}

void vkd_program_unload(struct vkd_program_loaded *loaded)
{
    vkd_unload(&loaded->loaded);
}

enum vkd_program vkd_program_of_seed(uint64_t seed)
{
    return seed % 2 == 0 ? VKD_PROGRAM_NATIVE : VKD_PROGRAM_LANGUAGE;
}
