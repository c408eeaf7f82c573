/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image of a native program: its main, the very function that serves it on
 * Linux, hands its struct to vkd_app_main, which is this one here.
 */
#include "metal/app/serve.h"
#include "metal/start.h"
#include "net/server.h"
#include "net/stream.h"
#include "vk/err.h"

static struct app_start start;

/* The program's. */
int main(int argc, char **argv);

static size_t region_bytes(const struct vkd_app *app, uint32_t conns_max)
{
    return app->protocol == VKD_HTTP ? net_server_region_bytes(conns_max)
                                     : net_streams_region_bytes(conns_max);
}

static int make_http(const struct vkd_app *app, struct proc_kernel *kernel, uint32_t conns_max,
                     uint32_t listener, struct proc_env *env, struct net_server **ret_server)
{
    const struct net_server_options options = {
        .handler = {.program = app->program, .deadline_ns = app->deadline_ns},
        .env = env,
        .conns_max = conns_max,
    };
    int rc = net_server_create(kernel, &options, ret_server);
    if (rc || env->count == PROC_ENV_MAX)
        return rc ? rc : -VK_ENOSPC;
    env->objects[env->count++] = net_server_gauges(*ret_server);
    return net_server_listen(*ret_server, listener, NULL);
}

static int make(const struct vkd_app *app, struct proc_kernel *kernel, uint32_t conns_max, uint32_t listener,
                struct proc_env *env, struct net_server **ret_server)
{
    struct net_streams *streams;
    if (app->protocol == VKD_HTTP)
        return make_http(app, kernel, conns_max, listener, env, ret_server);
    int rc = net_streams_create(kernel, conns_max, &streams);
    return rc ? rc : net_streams_serve(streams, listener, app->program, env);
}

static const struct app_native native = {region_bytes, make};

int vkd_app_main(const struct vkd_app *app, int argc, char **argv)
{
    (void)argc, (void)argv;
    return app_serve(app, &start);
}

int metal_main(const struct boot_info *info)
{
    static char name[] = "metal";
    char *argv[] = {name, NULL};
    start.native = &native;
    int rc = app_start(&start, info->command_line);
    return rc != 0 ? rc : main(1, argv);
}
