/* SPDX-License-Identifier: Apache-2.0 */
/* The part of string.h that lwIP uses: text.c has it on metal, the C library elsewhere. */
#ifndef METAL_LWIP_LIBC_STRING_H
#define METAL_LWIP_LIBC_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);

#endif
