/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an actor begins with its first message exactly when nobody can notice
 * that it has not begun before. Method: the names of the program's actors say
 * what the walk over their code must find.
 *
 * Usage: quiet FILE
 */
#include <stdio.h>
#include <string.h>

#include "interp/program.h"
#include "net/bind/host.h"
#include "vkd/load.h"

int main(int argc, char **argv)
{
    static struct vkd_loaded loaded = {.has_tests = true, .seed = 1};
    uint32_t quiet = 0, wrong = 0;
    if (argc < 2 || !vkd_load_host(argv[1], net_bind_host_natives, &loaded))
        return 2;
    const struct interp_services *services = interp_module_services(&loaded.code.module);
    const struct interp_actor *actors = interp_module_at(&loaded.code.module, services->actors);
    for (uint32_t i = 0; i < services->actors.count; i++) {
        const char *name = interp_module_name(&loaded.code.module, actors[i].name);
        bool is_quiet = interp_starts_quietly(&loaded.code.image, actors[i].function);
        bool should = strncmp(name, "Quiet", 5) == 0;
        quiet += is_quiet;
        wrong += is_quiet != should;
        if (is_quiet != should)
            printf("%s %s\n", name, is_quiet ? "is quiet" : "is not quiet");
    }
    printf("%u actors, %u quiet\n", services->actors.count, quiet);
    return wrong == 0 && quiet > 0 && quiet < services->actors.count ? 0 : 1;
}
