/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/panic.h"

#include "metal/console.h"
#include "metal/exit.h"
#include "vk/limits.h"
#include "vk/plat.h"

#define CALLERS_MAX 12u

extern char metal_image_start[], metal_rodata_start[]; /* link.ld: the code lies between */
extern char metal_stack_guard[], metal_stack_top[];    /* boot.S */

void metal_panic_register(const char *name, uint64_t value, bool is_last_of_line)
{
    metal_console_text(name);
    metal_console_text(" ");
    metal_console_hex(value);
    metal_console_text(is_last_of_line ? "\n" : "  ");
}

void metal_panic_callers(uint64_t rsp)
{
    uintptr_t bottom = (uintptr_t)metal_stack_guard + VK_PAGE_BYTES, top = (uintptr_t)metal_stack_top;
    const uint64_t *at = (const uint64_t *)(rsp < bottom ? bottom : VK_ALIGN_UP(rsp, (uint64_t)8));
    uint32_t count = 0;
    for (; (uintptr_t)at < top && count < CALLERS_MAX; at++) {
        if (*at < (uintptr_t)metal_image_start || *at >= (uintptr_t)metal_rodata_start)
            continue;
        metal_panic_register("ret", *at, ++count % 3 == 0);
    }
    metal_console_text(count % 3 == 0 ? "" : "\n");
}

void plat_panic(const char *why)
{
    metal_console_text("panic: ");
    metal_console_text(why);
    metal_console_text("\n");
    metal_panic_callers((uintptr_t)__builtin_frame_address(0));
    metal_exit(METAL_EXIT_PANIC);
}
