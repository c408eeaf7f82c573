/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the console says about the state of a kernel that cannot go on. Addresses
 * of code follow the words "rip" and "ret"; the names of functions are in the
 * file of the image, not in memory: whoever reads the console has both.
 */
#ifndef METAL_PANIC_H
#define METAL_PANIC_H

#include "vk/base.h"

void metal_panic_register(const char *name, uint64_t value, bool is_last_of_line);

/* What on the kernel's stack, from rsp on, may be return addresses, innermost first. */
void metal_panic_callers(uint64_t rsp);

#endif
