/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vkd run`: compile or load, verify, and serve the program's http block: each
 * request a process that runs the function of its route.
 */
#include "compiler/arena.h"
#include "net/bind/http.h"
#include "net/route.h"
#include "vkd/command.h"
#include "vkd/load.h"
#include "vkd/serve.h"

#include <stdlib.h>
#include <string.h>

#define HEAP_BYTES        65536u
#define ROUTE_TABLE_BYTES (256u << 10)
#define NS_PER_REDUCTION  4u
#define REDUCTIONS        250000000u
#define DEADLINE_NS       30000000000u

static struct vkd_loaded loaded;
static struct interp_program program;
static struct net_bind_http service;
static struct vkd_app app = {.about = "serves a program", .protocol = VKD_HTTP};

static const struct interp_block *first_block(uint32_t *ret_count)
{
    const struct interp_services *services = (const void *)loaded.module.services;
    *ret_count = services->blocks.count;
    return (const void *)(loaded.module.services + services->blocks.first);
}

/* The routes of the block as net/route wants them. */
static bool make_routes(const struct interp_block *block)
{
    const struct interp_route *routes = (const void *)(loaded.module.services + block->routes.first);
    uint32_t count = block->routes.count, bad = 0;
    struct vk_span *patterns = vkc_grow(NULL, (count + 1) * sizeof *patterns);
    uint32_t *functions = vkc_grow(NULL, (count + 1) * sizeof *functions);
    void *table = vkc_grow(NULL, ROUTE_TABLE_BYTES);
    size_t len;
    for (uint32_t i = 0; i < count; i++) {
        const char *text = interp_module_name(&loaded.module, routes[i].pattern);
        patterns[i] = vk_span(text, strlen(text));
        functions[i] = routes[i].function;
    }
    int rc = net_route_build(patterns, count, table, ROUTE_TABLE_BYTES, &len, &bad);
    if (rc)
        fprintf(stderr, "vkd run: the route %s cannot be served\n",
                bad < count ? interp_module_name(&loaded.module, routes[bad].pattern) : "?");
    free(patterns);
    service = (struct net_bind_http){.routes = table, .functions = functions};
    return rc == 0;
}

static bool has_flag(int argc, char *const *argv, const char *flag)
{
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], flag, strlen(flag)) == 0)
            return true;
    return false;
}

static int serve(const struct interp_block *block, int argc, char *const *argv)
{
    char **flags = vkc_grow(NULL, ((size_t)argc + 4) * sizeof *flags), address[300];
    int count = 0;
    const char *name = interp_module_name(&loaded.module, block->address);
    snprintf(address, sizeof address, "%s:%u", "0.0.0.0", block->port);
    flags[count++] = (char *)(uintptr_t) "vkd run";
    if (!has_flag(argc, argv, "--listen")) {
        flags[count++] = (char *)(uintptr_t) "--listen";
        flags[count++] = block->port ? address : (char *)(uintptr_t)name;
    }
    for (int i = 2; i < argc; i++)
        flags[count++] = argv[i];
    flags[count] = NULL;
    uint32_t heap_bytes = block->heap_bytes ? (uint32_t)block->heap_bytes : HEAP_BYTES;
    uint64_t reductions = block->cpu_ns ? block->cpu_ns / NS_PER_REDUCTION : REDUCTIONS;
    interp_program_init(&program, "request", &loaded.image, 0, heap_bytes, reductions);
    program.choose = net_bind_http_choose;
    program.service = &service;
    app.program = &program.program;
    app.deadline_ns = block->deadline_ns ? block->deadline_ns : DEADLINE_NS;
    int rc = vkd_app_main(&app, count, flags);
    free(flags);
    return rc;
}

static int run(int argc, char *const *argv)
{
    static const struct interp_native *const natives[] = {interp_natives, interp_list_natives,
                                                          interp_text_natives, net_bind_natives, NULL};
    uint32_t count;
    if (argc < 2 || argv[1][0] == '-')
        return vkd_usage_error(&vkd_command_run, "which file?");
    if (!vkd_load_image(argv[1], natives, &loaded))
        return VKD_EXIT_PROGRAM;
    const struct interp_block *block = first_block(&count);
    if (count == 0) {
        fprintf(stderr, "vkd run: %s has no http block: there is nothing to serve\n", argv[1]);
        return VKD_EXIT_PROGRAM;
    }
    if (count > 1) {
        fprintf(stderr, "vkd run: %s has several http blocks; one is served so far\n", argv[1]);
        return VKD_EXIT_PROGRAM;
    }
    return make_routes(block) ? serve(block, argc, argv) : VKD_EXIT_PROGRAM;
}

const struct vkd_command vkd_command_run = {
    .name = "run",
    .arguments = "FILE [FLAGS]",
    .about = "serve a program",
    .details = "FILE is a source or a module (.vkb). FLAGS are those of every server: --listen, --workers,\n"
               "--driver, --guard.\n",
    .run = run,
};
