/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first serial port (16550 at 0x3f8, 115200 8N1), write only. plat_console
 * is here too; a machine without the port loses what is written.
 */
#ifndef METAL_CONSOLE_H
#define METAL_CONSOLE_H

#include "vk/base.h"

void metal_console_init(void);

/* NUL-terminated text; a number in hexadecimal (16 digits) or decimal. */
void metal_console_text(const char *text);
void metal_console_hex(uint64_t value);
void metal_console_dec(uint64_t value);

#endif
