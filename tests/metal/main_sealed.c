/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads the module beside it as the application image does; then code of a
 * guarded run, as a native process is, tries to write to it, to the image that was made
 * of it and to the machine's own code. Each such run is ended, nothing was
 * written, and the machine goes on.
 */
#include "metal/app/program.h"
#include "metal/console.h"
#include "metal/start.h"
#include "vk/err.h"
#include "vk/plat.h"

static uint32_t failed;

static int write_there(void *arg)
{
    *(volatile uint8_t *)arg ^= 1;
    return 0;
}

static void check(struct plat_runner *runner, const char *what, const void *target)
{
    volatile uint8_t *at = (volatile uint8_t *)(uintptr_t)target;
    struct plat_fault fault = {0};
    uint8_t before = *at;
    int value;
    int rc = plat_run_guarded(runner, write_there, (void *)(uintptr_t)target, &value, &fault);
    bool is_good =
        rc == -VK_EIO && fault.kind == PLAT_FAULT_ACCESS && fault.addr == (uintptr_t)target && *at == before;
    metal_console_text(is_good ? "ok sealed." : "FAIL sealed.");
    metal_console_text(what);
    metal_console_text("\n");
    failed += !is_good;
}

static void check_all(struct plat_runner *runner, struct vk_span file, const struct interp_image *image)
{
    check(runner, "module_first_byte", file.ptr);
    check(runner, "module_last_byte", file.ptr + file.len - 1);
    check(runner, "program_code", image->code);
    check(runner, "program_constants", image->data);
    check(runner, "machine_code", (const void *)(uintptr_t)metal_main);
}

int metal_main(const struct boot_info *info)
{
    static struct app_program program;
    static const struct app_program_options options = {
        .natives = net_bind_host_natives, .freeze_heap_bytes = 65536, .seals_file = true};
    static const struct plat_runner_options small = {.stack_bytes = 16384};
    struct plat_runner *runner;
    if (info->module_count == 0 || plat_runner_create(&small, &runner) != 0)
        return 1;
    struct vk_span file = vk_span((const void *)(uintptr_t)info->modules[0].base, info->modules[0].len_bytes);
    if (!app_program_load(&program, file, &options))
        return 1;
    check_all(runner, file, &program.image);
    metal_console_text(failed == 0 ? "5 passed, 0 failed\n" : "some failed\n");
    return failed != 0;
}
