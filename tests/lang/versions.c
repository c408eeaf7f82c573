/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an actor of one version of a program takes the messages that another
 * version's process means, and refuses all others. Method: main.vk's tests run in
 * kernels whose services and actors are those of old.vk, next to it; lines
 * that processes log are printed as they come, then which tests failed.
 *
 *   versions FOLDER/main.vk
 */
#include "vkd/load.h"
#include "vkd/trial.h"

#include <stdio.h>
#include <string.h>

#define HEAP_BYTES (1u << 20)
#define REDUCTIONS 100000000u

static void print(void *ctx, struct vk_span name, struct vk_span text)
{
    (void)ctx;
    if (name.len > 0)
        printf("%.*s\n", (int)text.len, (const char *)text.ptr);
}

static bool run(const struct net_bind_host *host, uint32_t function)
{
    const struct vkd_trial trial = {
        .host = host, .seed = 1, .heap_bytes = HEAP_BYTES, .reductions = REDUCTIONS, .log = print};
    struct vkd_outcome outcome;
    vkd_trial_run(&trial, function, &outcome);
    return outcome.verdict == VKD_VERDICT_PASSED;
}

int main(int argc, char **argv)
{
    static struct vkd_loaded new = {.has_tests = true, .seed = 1}, old = {.seed = 1};
    char path[512];
    const char *slash = argc == 2 ? strrchr(argv[1], '/') : NULL;
    if (slash == NULL)
        return 1;
    snprintf(path, sizeof path, "%.*s/old.vk", (int)(slash - argv[1]), argv[1]);
    if (!vkd_load_host(argv[1], vkd_trial_natives(), &new) || !vkd_load_host(path, vkd_trial_natives(), &old))
        return 1;
    struct net_bind_host host = old.host;
    host.image = &new.code.image; /* what the tests' own processes run */
    const struct interp_services *services = interp_module_services(&new.code.module);
    const struct interp_test *tests = services ? interp_module_at(&new.code.module, services->tests) : NULL;
    int failed = 0;
    for (uint32_t i = 0; services && i < services->tests.count; i++)
        if (!run(&host, tests[i].function)) {
            printf("failed: %s\n", interp_module_name(&new.code.module, tests[i].name));
            failed = 1;
        }
    vkd_unload(&old);
    vkd_unload(&new);
    return failed;
}
