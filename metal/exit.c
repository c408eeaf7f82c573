/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/exit.h"

#include "metal/cpu.h"

#define DEBUG_EXIT_PORT 0xf4

void metal_exit(enum metal_exit code)
{
    metal_outl(DEBUG_EXIT_PORT, (uint32_t)code);
    metal_stop();
}
