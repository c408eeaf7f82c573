/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The application image: serves the program of the module that was loaded
 * beside it, or that was put into it (attach.h).
 */
#include "metal/app/ports.h"
#include "metal/app/program.h"
#include "metal/app/say.h"
#include "metal/app/serve.h"
#include "metal/start.h"
#include "vk/err.h"
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

static int take_ports(void)
{
    uint16_t ports[NET_LISTENERS_MAX], first = start.options.has_listen ? start.options.listen.port : 0;
    uint32_t at;
    int rc = app_ports_choose(&program.host, first, ports, &at);
    if (rc == -VK_EMALFORMED)
        return app_refuse("http on \"%s\": expected ADDR:PORT", program.host.blocks[at].address);
    if (rc != 0)
        return app_refuse("two http blocks listen on port %u; give each a port of its own", ports[at]);
    listens.count = program.host.blocks_count;
    for (uint32_t i = 0; i < listens.count; i++)
        listens.addrs[i] = (struct proc_addr){.family = 4, .port = ports[i]};
    if (start.options.has_listen)
        listens.addrs[0] = start.options.listen;
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
    if (info->own_module_count != 0 && info->module_count > info->own_module_count)
        return app_refuse(
            "the image has a program of its own, and a module beside it (-initrd): leave that away");
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
