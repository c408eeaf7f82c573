/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel proper calls when the machine is ready: each image has its own. */
#ifndef METAL_START_H
#define METAL_START_H

#include "metal/boot_info.h"

/* 0: the machine is left with METAL_EXIT_OK, else with METAL_EXIT_FAIL. */
int metal_main(const struct boot_info *info);

#endif
