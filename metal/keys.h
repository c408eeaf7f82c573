/* SPDX-License-Identifier: Apache-2.0 */
/* Protection keys: the plat_key_* functions and what traps must know of the rights register. */
#ifndef METAL_KEYS_H
#define METAL_KEYS_H

#include "vk/base.h"

/* Turns keys on where the processor has them, with every right granted. */
void metal_keys_init(void);

bool metal_keys_work(void);

#endif
