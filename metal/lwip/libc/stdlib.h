/* SPDX-License-Identifier: Apache-2.0 */
/* The part of stdlib.h that lwIP uses: text.c has it on metal, the C library elsewhere. */
#ifndef METAL_LWIP_LIBC_STDLIB_H
#define METAL_LWIP_LIBC_STDLIB_H

int atoi(const char *text);

#endif
