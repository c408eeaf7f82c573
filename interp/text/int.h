/* SPDX-License-Identifier: Apache-2.0 */
/* Integers of the language as text. Decimal printing is vk_fmt_i64. */
#ifndef INTERP_TEXT_INT_H
#define INTERP_TEXT_INT_H

#include "vk/fmt.h"

#define INTERP_INT_HEX_BYTES (VK_FMT_HEX_BYTES + 1)

/*
 * The whole text as a decimal number: digits, before them "-" or "+" or
 * nothing; leading zeros are allowed, white space is not.
 *
 * Returns 0; -VK_EMALFORMED; -VK_ERANGE for a number that 64 bits cannot hold.
 */
int interp_int_parse(struct vk_span text, int64_t *ret_value);

/* "ff", "-ff", "-8000000000000000": sign and magnitude. Returns the length. */
size_t interp_int_hex(uint8_t dst[INTERP_INT_HEX_BYTES], int64_t value);

#endif
