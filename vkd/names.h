/* SPDX-License-Identifier: Apache-2.0 */
/* What a panic of the machine says in addresses, in names of functions as well. */
#ifndef VKD_NAMES_H
#define VKD_NAMES_H

#include <stdio.h>

/*
 * Print a line of the machine's console without its end. Behind each address of
 * code that a panic tells ("rip " or "ret " and 16 digits) follows the function
 * that it lies in and how far, as in " <plat_idle_until+0x2b>", by names
 * (vkd_metal_names).
 */
void vkd_names_print(const char *names, const char *line, FILE *to);

#endif
