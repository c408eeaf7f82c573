/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/exit.h"

#include "metal/console.h"
#include "metal/cpu.h"
#include "vk/plat.h"

#define DEBUG_EXIT_PORT 0xf4

void metal_exit(enum metal_exit code)
{
    metal_outl(DEBUG_EXIT_PORT, (uint32_t)code);
    metal_stop();
}

void plat_panic(const char *why)
{
    metal_console_text("panic: ");
    metal_console_text(why);
    metal_console_text("\n");
    metal_exit(METAL_EXIT_PANIC);
}
