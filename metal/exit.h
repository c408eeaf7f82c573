/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving the machine. QEMU's isa-debug-exit device (at port 0xf4) ends the
 * emulator with status 2 * code + 1; without the device the processor stops
 * for ever.
 */
#ifndef METAL_EXIT_H
#define METAL_EXIT_H

#include "vk/base.h"

enum metal_exit {
    METAL_EXIT_OK = 0x10,    /* metal_main returned 0: status 33 */
    METAL_EXIT_FAIL = 0x11,  /* metal_main returned something else: status 35 */
    METAL_EXIT_PANIC = 0x12, /* plat_panic, or an exception in the kernel: status 37 */
};

_Noreturn void metal_exit(enum metal_exit code);

#endif
