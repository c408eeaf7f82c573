/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where plat_console writes: the first serial port (16550 at 0x3f8, 115200 8N1)
 * or a virtio console, which takes its place where there is no such port, or
 * where the command line says console=virtio. A machine with neither loses what
 * is written, and so does one without the port until metal_console_choose.
 */
#ifndef METAL_CONSOLE_H
#define METAL_CONSOLE_H

#include "metal/boot_info.h"

void metal_console_init(void);

/* Needs the clock and metal_virtio_find_init. */
void metal_console_choose(const struct boot_info *info);

/* NUL-terminated text; a number in hexadecimal (16 digits) or decimal. */
void metal_console_text(const char *text);
void metal_console_hex(uint64_t value);
void metal_console_dec(uint64_t value);

#endif
