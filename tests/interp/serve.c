/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves an assembled module: each route is a function without parameters,
 * named like its method and path with "_" for what is no letter, or given.
 *
 * Usage: vm_serve MODULE.vka "PATTERN=FUNCTION"... -- [FLAGS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/bind/http.h"
#include "net/route.h"
#include "tests/interp/vm.h"
#include "vkd/serve.h"

#define ROUTES_MAX 32

static struct vm vm;
static char text[65536];
static _Alignas(8) uint8_t routes[16384];
static uint32_t functions[ROUTES_MAX];
static struct vk_span patterns[ROUTES_MAX];
static const struct net_bind_http service = {.routes = routes, .functions = functions};
static struct vkd_app app = {.about = "serves an assembled module", .protocol = VKD_HTTP};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "vm_serve: %s: %s\n", what, why);
    return 1;
}

static uint32_t find(const char *name)
{
    return interp_image_find(&vm.image, vk_span(name, strlen(name)));
}

int main(int argc, char **argv)
{
    static const struct interp_native *const natives[] = {interp_natives,
                                                          interp_list_natives,
                                                          interp_text_natives,
                                                          net_bind_natives,
                                                          net_bind_body_natives,
                                                          net_bind_respond_natives,
                                                          NULL};
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    uint32_t count = 0, bad;
    size_t len;
    int at = 2;
    if (!file)
        return complain("no module", "vm_serve MODULE.vka \"PATTERN=FUNCTION\"... -- [FLAGS]");
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    vm.natives = natives;
    if (vm_load(&vm, text))
        return complain(vm.assembly.error, vm.refusal.why ? vm.refusal.why : "");
    for (; at < argc && strcmp(argv[at], "--") != 0 && count < ROUTES_MAX; at++) {
        char *name = strrchr(argv[at], '=');
        functions[count] = name ? find(name + 1) : INTERP_NOWHERE;
        if (functions[count] == INTERP_NOWHERE)
            return complain(argv[at], "no such function");
        patterns[count++] = vk_span(argv[at], (size_t)(name - argv[at]));
    }
    if (net_route_build(patterns, count, routes, sizeof routes, &len, &bad))
        return complain("routes", "not valid");
    interp_program_init(&vm.program, "vm", &vm.image, 0, 65536, 250000000);
    vm.program.choose = net_bind_http_choose;
    vm.program.service = &service;
    app.program = &vm.program.program;
    argv[at < argc ? at : argc - 1] = argv[0];
    return vkd_app_main(&app, argc - at, argv + at);
}
