/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least image: proof that the loader reached the kernel with a sane
 * boot_info, and how long that took. Prints its modules, so that a test can see
 * that they arrive.
 */
#include "metal/console.h"
#include "metal/start.h"
#include "vk/plat.h"

/* The free memory the loader was told of, in bytes. */
static uint64_t free_bytes(const struct boot_info *info)
{
    uint64_t sum_bytes = 0;
    for (uint32_t i = 0; i < info->range_count; i++)
        if (info->ranges[i].kind == BOOT_RANGE_FREE)
            sum_bytes += info->ranges[i].len_bytes;
    return sum_bytes;
}

static void print_modules(const struct boot_info *info)
{
    for (uint32_t i = 0; i < info->module_count; i++) {
        metal_console_text("module: ");
        plat_console((const char *)(uintptr_t)info->modules[i].base, info->modules[i].len_bytes);
    }
}

int metal_main(const struct boot_info *info)
{
    uint64_t boot_us = plat_mono_ns() / 1000;
    bool is_good = free_bytes(info) > info->image_end - info->image_start;
    metal_console_text("from entry to metal_main: ");
    metal_console_dec(boot_us);
    metal_console_text(" us; wall clock: ");
    metal_console_dec((uint64_t)plat_wall_s());
    metal_console_text(" s\n");
    print_modules(info);
    metal_console_text(is_good ? "ok " : "FAIL ");
    metal_console_text("boot_info/describes_memory\n");
    metal_console_text(is_good ? "1 passed, 0 failed\n" : "0 passed, 1 failed\n");
    return is_good ? 0 : 1;
}
