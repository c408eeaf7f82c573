/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program's tests in order, each in a kernel of its own as `vkd test`
 * does it: lines that processes log are printed as they come, then how each
 * test ended.
 *
 *   run FILE.vk [--dump]
 */
#include "compiler/disasm.h"
#include "vkd/load.h"
#include "vkd/trial.h"

#include <stdio.h>
#include <string.h>

#define HEAP_BYTES     (1u << 20)
#define REDUCTIONS     100000000u
#define NATIVE_TICK_NS 10000000000u /* collections at every allocation take their time */

static void print(void *ctx, struct vk_span name, struct vk_span text)
{
    (void)ctx;
    if (name.len > 0)
        printf("%.*s\n", (int)text.len, (const char *)text.ptr);
}

static bool run(const struct net_bind_host *host, uint32_t function)
{
    const struct vkd_trial trial = {.host = host,
                                    .seed = 1,
                                    .heap_bytes = HEAP_BYTES,
                                    .reductions = REDUCTIONS,
                                    .native_tick_ns = NATIVE_TICK_NS,
                                    .log = print};
    struct vkd_outcome outcome;
    vkd_trial_run(&trial, function, &outcome);
    if (outcome.verdict == VKD_VERDICT_STUCK)
        printf("stuck\n");
    if (outcome.verdict == VKD_VERDICT_GAVE_UP)
        printf("a supervisor gave up\n");
    if (outcome.verdict == VKD_VERDICT_REFUSED)
        printf("refused: %d\n", outcome.error);
    return outcome.verdict == VKD_VERDICT_PASSED;
}

static void dump(const struct vkd_loaded *l)
{
    struct vkc_text text = {0};
    vkc_disasm(l->file.bytes, &text);
    fwrite(text.bytes, 1, text.len, stdout);
    vkc_text_fini(&text);
}

int main(int argc, char **argv)
{
    static struct vkd_loaded l = {.has_tests = true, .seed = 1};
    if (argc < 2 || !vkd_load_host(argv[1], vkd_trial_natives(), &l))
        return 1;
    if (argc > 2)
        dump(&l);
    const struct interp_services *services = (const void *)l.code.module.services;
    const struct interp_test *tests = (const void *)(l.code.module.services + services->tests.first);
    int failed = 0;
    for (uint32_t i = 0; i < services->tests.count; i++)
        if (!run(&l.host, tests[i].function)) {
            printf("failed: %s\n", interp_module_name(&l.code.module, tests[i].name));
            failed = 1;
        }
    return failed;
}
