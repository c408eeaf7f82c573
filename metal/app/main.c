/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The application image: serves the program of the module that was loaded
 * beside it, or that was put into it (attach.h).
 */
#include "metal/app/program.h"
#include "metal/app/say.h"
#include "metal/app/serve.h"
#include "metal/start.h"
#include "vk/addr.h"
#include "vk/limits.h"

static struct app_start start;
static struct app_program program;
static struct net_bind_hosted hosted;
static struct vkd_listens listens;

static const struct interp_services *services(void)
{
    return interp_module_services(&program.module);
}

static int host(struct proc_kernel *kernel, const uint32_t *listeners, struct net_server **ret_server,
                const char **ret_why)
{
    hosted.conns_max = start.plan.conns_max;
    int rc = net_bind_host_start(&program.host, kernel, &hosted);
    (void)ret_why;
    if (rc != 0)
        return rc;
    *ret_server = hosted.server;
    if (hosted.server != NULL)
        hosted.env.objects[hosted.env.count++] = net_server_gauges(hosted.server);
    for (uint32_t i = 0; i < program.host.blocks_count && rc == 0; i++)
        rc = net_bind_host_listen(&hosted, i, listeners[i]);
    return rc;
}

static bool is_over(void)
{
    return interp_actors_gave_up(hosted.actors);
}

/*
 * Where a block listens: the port is the program's, the address all of the
 * machine's. One in the program names an address of the host that it was
 * written for. Port 0 is one that nobody else of the machine has (vkd/metal.c
 * forwards to the same).
 */
static bool take_port(const struct net_bind_block *block, uint32_t index, struct proc_addr *addr)
{
    struct vk_addr named = {.port = (uint16_t)block->block->port};
    if (block->address != NULL && vk_addr_parse(vk_span_text(block->address), &named) != 0)
        return false;
    uint32_t port = named.port != 0 ? named.port : APP_PORT_DEFAULT + index;
    *addr = (struct proc_addr){.family = 4, .port = (uint16_t)port};
    return true;
}

static int take_ports(void)
{
    for (uint32_t i = 0; i < program.host.blocks_count; i++) {
        struct proc_addr *addr = &listens.addrs[i];
        if (!take_port(&program.host.blocks[i], i, addr))
            return app_refuse("http on \"%s\": expected ADDR:PORT", program.host.blocks[i].address);
        if (i == 0 && start.options.has_listen)
            *addr = start.options.listen;
        for (uint32_t k = 0; k < i; k++)
            if (listens.addrs[k].port == addr->port)
                return app_refuse("two http blocks listen on port %u; give each a port of its own",
                                  addr->port);
    }
    listens.count = program.host.blocks_count;
    return 0;
}

/* The module; empty: there is none. */
static struct vk_span find_module(const struct boot_info *info)
{
    if (info->module_count == 0)
        return vk_span(NULL, 0);
    return vk_span((const void *)(uintptr_t)info->modules[0].base, info->modules[0].len_bytes);
}

int metal_main(const struct boot_info *info)
{
    struct vk_span file = find_module(info);
    if (app_start(&start, info->command_line) != 0)
        return 1;
    if (file.len == 0)
        return app_refuse(
            "there is no module; load one beside the image: -initrd app.vkb (by `vkd build app.vk`)");
    const struct app_program_options options = {.natives = net_bind_host_natives,
                                                .freeze_heap_bytes = start.plan.freeze_heap_bytes,
                                                .is_verified = info->own_module_count != 0,
                                                .seals_file = true};
    if (!app_program_load(&program, file, &options) || take_ports() != 0)
        return 1;
    if (listens.count == 0 && (services() == NULL || services()->supervisors.count == 0))
        return app_refuse(
            "there is nothing to run: the module has neither an `http` block nor a `supervise` block");
    const struct vkd_app app = {
        .protocol = VKD_HTTP,
        .host = host,
        .listens = &listens,
        .setup_bytes = net_bind_host_region_bytes(&program.host, start.plan.conns_max),
        .is_over = is_over,
        .over_why = "a supervisor gave up: its actors ended more often than `max` within `per`",
    };
    return app_serve(&app, &start);
}
