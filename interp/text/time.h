/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in time, as seconds since 1970-01-01 UTC, and durations, as text.
 * vk_fmt_date prints the date of HTTP.
 */
#ifndef INTERP_TEXT_TIME_H
#define INTERP_TEXT_TIME_H

#include "vk/bytes.h"

#define INTERP_RFC3339_BYTES  20u /* always exactly */
#define INTERP_DURATION_BYTES 22u /* "-9223372036.854775808s" */

/* "1994-11-06T08:49:37Z"; seconds outside of years 0 to 9999 are moved to their ends. */
void interp_rfc3339_print(uint8_t dst[INTERP_RFC3339_BYTES], int64_t seconds);

/*
 * A date-time of RFC 3339: "T" and "Z" in either case, any offset, any
 * fraction, which is dropped. A leap second is the second after it.
 *
 * Returns 0; -VK_EMALFORMED, also for a day that does not exist.
 */
int interp_rfc3339_parse(struct vk_span text, int64_t *ret_seconds);

/*
 * IMF-fixdate (RFC 9110, 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT", and the day
 * of the week must be the right one. The obsolete forms are refused.
 */
int interp_http_date_parse(struct vk_span text, int64_t *ret_seconds);

/*
 * A count of nanoseconds: in hours or minutes when it is a whole number of
 * them, else in the largest of s, ms, us and ns that it reaches, exactly:
 * "2h", "90min", "1.5s", "250ms", "0s". Returns the length.
 */
size_t interp_duration_print(uint8_t dst[INTERP_DURATION_BYTES], int64_t nanoseconds);

#define INTERP_MS_BYTES 21u /* "-9223372036854.775808" */

/* A count of nanoseconds as a number of milliseconds, exactly: "1500", "0.25". Returns the length. */
size_t interp_ms_print(uint8_t dst[INTERP_MS_BYTES], int64_t nanoseconds);

/*
 * A number as JSON has it, of milliseconds. What is finer than a nanosecond is
 * rounded to the nearest. Returns 0; -VK_ERANGE beyond 64 bits.
 */
int interp_ms_parse(struct vk_span text, int64_t *ret_nanoseconds);

#endif
