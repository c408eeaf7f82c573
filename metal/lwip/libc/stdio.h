/* SPDX-License-Identifier: Apache-2.0 */
/* lwIP includes it for debug output, which is compiled out. */
#ifndef METAL_LWIP_LIBC_STDIO_H
#define METAL_LWIP_LIBC_STDIO_H
#endif
