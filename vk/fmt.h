/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and dates as text. The vk_fmt_ functions write into memory that is
 * large enough and return the length; no terminating zero. The vk_out_ ones
 * put the same into a bounded room. vk_out_fmt is for log lines and metrics,
 * not for hot paths.
 */
#ifndef VK_FMT_H
#define VK_FMT_H

#include <stdarg.h>

#include "vk/bytes.h"

#define VK_FMT_U64_BYTES  20u /* longest decimal of a 64-bit number, sign included */
#define VK_FMT_HEX_BYTES  16u
#define VK_FMT_DATE_BYTES 29u /* always exactly */

size_t vk_fmt_u64(uint8_t *dst, uint64_t value); /* dst: VK_FMT_U64_BYTES */
size_t vk_fmt_i64(uint8_t *dst, int64_t value);  /* dst: VK_FMT_U64_BYTES */
size_t vk_fmt_hex(uint8_t *dst, uint64_t value); /* dst: VK_FMT_HEX_BYTES; lower case, no leading zeros */

/*
 * The date of HTTP, "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110,
 * 5.6.7), of seconds since 1970-01-01 UTC; dst: VK_FMT_DATE_BYTES. The form
 * has four digits for the year: seconds before year 0 or after 9999 are
 * moved to its ends.
 */
void vk_fmt_date(uint8_t *dst, int64_t seconds);

void vk_out_u64(struct vk_out *out, uint64_t value);
void vk_out_i64(struct vk_out *out, int64_t value);
void vk_out_hex(struct vk_out *out, uint64_t value);

/*
 * printf in small, checked by the compiler: %% %c %s %.*s, and %d %i %u %x
 * with l, ll or z, each with a width of spaces or, after 0, zeros ("%08lx").
 * Anything else in the format is an error of ours and asserts. NULL for %s
 * prints "(null)".
 */
void vk_out_fmt(struct vk_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void vk_out_vfmt(struct vk_out *out, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
