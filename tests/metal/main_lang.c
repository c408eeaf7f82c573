/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/lang/run on bare metal: for every module of a bundle what the Linux
 * program of that folder does, with the same objects. A bundle (lang.py makes
 * it) is a row of entries, each aligned to 8: the length of the module and its
 * name, in 56 bytes with at least one NUL, then the module.
 */
#include "metal/app/program.h"
#include "metal/app/say.h"
#include "metal/start.h"
#include "vk/err.h"
#include "vkd/trial.h"

#define NAME_BYTES     56u
#define HEAP_BYTES     (1u << 20)
#define REDUCTIONS     100000000u
#define NATIVE_TICK_NS 10000000000u
#define FREEZE_BYTES   (256u << 20)

struct entry {
    uint64_t len_bytes;
    char name[NAME_BYTES];
};

_Static_assert(sizeof(struct entry) == 64, "written by lang.py");

static struct app_program program;

static void print(void *ctx, struct vk_span name, struct vk_span text)
{
    (void)ctx;
    if (name.len == 0)
        return;
    plat_console((const char *)text.ptr, text.len);
    plat_console("\n", 1);
}

static bool run(uint32_t function)
{
    const struct vkd_trial trial = {.host = &program.host,
                                    .seed = 1,
                                    .heap_bytes = HEAP_BYTES,
                                    .reductions = REDUCTIONS,
                                    .native_tick_ns = NATIVE_TICK_NS,
                                    .log = print};
    struct vkd_outcome outcome;
    vkd_trial_run(&trial, function, &outcome);
    if (outcome.verdict == VKD_VERDICT_STUCK)
        app_say("stuck");
    if (outcome.verdict == VKD_VERDICT_GAVE_UP)
        app_say("a supervisor gave up");
    if (outcome.verdict == VKD_VERDICT_REFUSED)
        app_say("refused: %d", outcome.error);
    return outcome.verdict == VKD_VERDICT_PASSED;
}

static void run_program(struct vk_span file)
{
    const struct app_program_options options = {.natives = vkd_trial_natives(),
                                                .freeze_heap_bytes = FREEZE_BYTES,
                                                .seed = 1,
                                                .epoch_s = VKD_TRIAL_EPOCH_S};
    if (!app_program_load(&program, file, &options))
        return;
    const struct interp_services *services = interp_module_services(&program.module);
    const struct interp_test *tests = interp_module_at(&program.module, services->tests);
    for (uint32_t i = 0; i < services->tests.count; i++)
        if (!run(tests[i].function))
            app_say("failed: %s", interp_module_name(&program.module, tests[i].name));
    app_program_unload(&program);
}

int metal_main(const struct boot_info *info)
{
    if (info->module_count == 0)
        return app_refuse("there is no bundle");
    struct vk_span left = vk_span((const void *)(uintptr_t)info->modules[0].base, info->modules[0].len_bytes);
    uint32_t count = 0;
    while (left.len > sizeof(struct entry)) {
        const struct entry *entry = (const void *)left.ptr;
        size_t whole_bytes = sizeof *entry + VK_ALIGN_UP((size_t)entry->len_bytes, (size_t)8);
        if (entry->len_bytes > left.len || whole_bytes > left.len)
            return app_refuse("the bundle is cut off");
        app_say("== %s", entry->name);
        run_program(vk_span(left.ptr + sizeof *entry, (size_t)entry->len_bytes));
        left = vk_span_skip(left, whole_bytes);
        count++;
    }
    app_say("== end of %u programs", count);
    return 0;
}
