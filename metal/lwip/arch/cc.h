/* SPDX-License-Identifier: Apache-2.0 */
/* What lwIP asks of compiler and platform. */
#ifndef METAL_LWIP_ARCH_CC_H
#define METAL_LWIP_ARCH_CC_H

#include <stddef.h>
#include <stdint.h>

#define LWIP_NO_INTTYPES_H 1 /* its formats serve debug output only, which is compiled out */
#define LWIP_NO_UNISTD_H   1
#define LWIP_NO_LIMITS_H   1 /* where there is a C library, its SSIZE_MAX would ask for unistd.h */
#define INT_MAX            __INT_MAX__
#define LWIP_NO_CTYPE_H    1
#define X8_F               "02x"
#define U16_F              "u"
#define S16_F              "d"
#define X16_F              "x"
#define U32_F              "u"
#define S32_F              "d"
#define X32_F              "x"
#define SZT_F              "zu"

_Noreturn void metal_lwip_broken(int line) __attribute__((cold));
uint32_t metal_lwip_random(void);
uint16_t metal_lwip_sum(const void *bytes, int len);
void *metal_lwip_malloc(size_t len_bytes);
void *metal_lwip_calloc(size_t count, size_t len_bytes);
void metal_lwip_free(void *block);

#define LWIP_PLATFORM_DIAG(text)   ((void)0)
#define LWIP_PLATFORM_ASSERT(text) metal_lwip_broken(__LINE__) /* the texts would be a tenth of the image */
#define LWIP_CHKSUM                metal_lwip_sum
#define LWIP_RAND()                metal_lwip_random()
#define BYTE_ORDER                 LITTLE_ENDIAN

/* So that every name of ours begins with its folder. */
#define sys_now metal_lwip_now_ms

#endif
