/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vkd run`: compile or load, verify, and serve the program's http blocks: each
 * request a process that runs the function of its route.
 */
#include "net/bind/host.h"
#include "vk/pool.h"
#include "vkd/command.h"
#include "vkd/complain.h"
#include "vkd/load.h"
#include "vkd/serve.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAM   "vkd run"
#define ARGUMENTS "FILE [FLAGS]"
#define ABOUT     "serve a program"

static struct vkd_loaded loaded;
static struct net_bind_hosted hosted; /* each worker has its own, after the fork */
static struct vkd_listens listens;

/* In a worker: the program's services, on the listeners of its blocks. */
static int start(struct proc_kernel *kernel, const uint32_t *listeners, struct net_server **ret_server,
                 const char **ret_why)
{
    int rc = net_bind_host_start(&loaded.host, kernel, &hosted);
    (void)ret_why;
    if (rc)
        return rc;
    *ret_server = hosted.server;
    if (hosted.server)
        hosted.env.objects[hosted.env.count++] = net_server_gauges(hosted.server);
    for (uint32_t i = 0; i < loaded.host.blocks_count && !rc; i++)
        rc = net_bind_host_listen(&hosted, i, listeners[i]);
    return rc;
}

static bool is_over(void)
{
    return interp_actors_gave_up(hosted.actors);
}

static bool same_place(const struct proc_addr *a, const struct proc_addr *b)
{
    return a->port != 0 && a->port == b->port && a->family == b->family && a->scope == b->scope &&
           memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* Where block i listens; the flag takes the place of the first one's. */
static bool take_address(const char *path, uint32_t i, const struct vkd_options *options)
{
    const struct net_bind_block *block = &loaded.host.blocks[i];
    struct proc_addr *addr = &listens.addrs[i];
    *addr = (struct proc_addr){.family = 4, .port = (uint16_t)block->block->port};
    if (i == 0 && options->has_listen) {
        *addr = options->listen;
    } else if (block->address && vkd_addr_parse(block->address, addr) != 0) {
        vkd_complain("%s: http on \"%s\": expected ADDR:PORT with a numeric address, as in 127.0.0.1:8080 or "
                     "[::1]:8080",
                     path, block->address);
        return false;
    }
    for (uint32_t k = 0; k < i; k++) {
        if (!same_place(&listens.addrs[k], addr))
            continue;
        char text[VKD_ADDR_TEXT];
        vkd_addr_print(addr, text);
        vkd_complain("%s: two http blocks listen on %s; give each a port of its own", path, text);
        return false;
    }
    listens.count = i + 1;
    return true;
}

static bool take_addresses(const char *path, const struct vkd_options *options)
{
    for (uint32_t i = 0; i < loaded.host.blocks_count; i++)
        if (!take_address(path, i, options))
            return false;
    return true;
}

static uint32_t supervisors_count(void)
{
    const struct interp_services *services = interp_module_services(&loaded.code.module);
    return services ? services->supervisors.count : 0;
}

static uint32_t stores_count(void)
{
    const struct interp_services *services = interp_module_services(&loaded.code.module);
    return services ? services->stores.count : 0;
}

/* Actors that are always there: each keeps a slot. */
static uint32_t children_count(void)
{
    const struct interp_services *services = interp_module_services(&loaded.code.module);
    const struct interp_supervisor *all =
        services ? interp_module_at(&loaded.code.module, services->supervisors) : NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < supervisors_count(); i++)
        count += all[i].children.count;
    return count;
}

static int serve(const struct vkd_options *options)
{
    struct vkd_app app = {
        .about = ABOUT,
        .protocol = VKD_HTTP,
        .host = start,
        .listens = &listens,
        .setup_bytes = net_bind_host_region_bytes(&loaded.host, 0),
        .is_over = is_over,
        .over_why = "a supervisor gave up: its actors ended more often than `max` within `per`",
        .setup_slots = children_count(),
        /* Another worker could not reach their actors, and would have stores of its own. */
        .one_worker = supervisors_count() > 0 || stores_count() > 0,
    };
    for (uint32_t i = 0; i < loaded.host.cast.actors_count; i++)
        app.slot_classes |= 1u << vk_pool_class_for(loaded.host.cast.programs[i].program.heap_bytes);
    for (uint32_t i = 0; i < loaded.host.blocks_count; i++)
        app.slot_classes |= 1u << vk_pool_class_for(loaded.host.blocks[i].program.program.heap_bytes);
    return vkd_app_run(&app, options, PROGRAM);
}

static int run(int argc, char *const *argv)
{
    struct vkd_options options;
    if (argc < 2)
        return vkd_usage_error(&vkd_command_run, "which file?");
    const char *path = argv[1];
    if (path[0] == '-')
        return vkd_usage_error(&vkd_command_run, "the file comes first, then the flags");
    char **flags = calloc((size_t)argc, sizeof *flags);
    if (flags == NULL) {
        vkd_complain("out of memory");
        return VKD_EXIT_PROGRAM;
    }
    memcpy(flags, argv + 1, (size_t)(argc - 1) * sizeof *flags);
    flags[0] = (char *)(uintptr_t)PROGRAM;
    enum vkd_parsed parsed = vkd_options_parse(&options, ABOUT, ARGUMENTS, argc - 1, flags, stdout, stderr);
    free(flags);
    if (parsed != VKD_PARSED_SERVE)
        return parsed == VKD_PARSED_DONE ? 0 : VKD_EXIT_USAGE;
    if (!vkd_can_read(path))
        return VKD_EXIT_USAGE;
    if (!vkd_load_host(path, net_bind_host_natives, &loaded) || !take_addresses(path, &options))
        return VKD_EXIT_PROGRAM;
    if (loaded.host.blocks_count == 0 && supervisors_count() == 0) {
        vkd_complain("%s: there is nothing to run: it has neither an `http` block nor a `supervise` block",
                     path);
        return VKD_EXIT_PROGRAM;
    }
    return serve(&options);
}

const struct vkd_command vkd_command_run = {
    .name = "run",
    .arguments = ARGUMENTS,
    .about = ABOUT,
    .details =
        "FILE is a source or a module (.vkb). --listen takes the place of the first http block's address;\n"
        "other blocks listen at their own.\n",
    .flags = vkd_options_help,
    .run = run,
};
