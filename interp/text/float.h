/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floats (IEEE 754 binary64) as text and back: the shortest text that reads
 * back the same, and reading that is correctly rounded, to nearest, ties to
 * even, whatever the length.
 */
#ifndef INTERP_TEXT_FLOAT_H
#define INTERP_TEXT_FLOAT_H

#include "vk/bytes.h"

#define INTERP_FLOAT_BYTES 25u /* "-0.0000012345831165024874" */

/*
 * Writes the shortest decimal that reads back as value, the nearest of those
 * of that length, always with a point or an exponent: "1.0", "0.1", "1e300",
 * "-1.5e-7", "nan", "inf", "-inf". From 1e-6 up to below 1e21 there is no
 * exponent. Returns the length; nothing behind it is written.
 *
 * Source: Giulietti, "The Schubfach way to render doubles", 2020.
 */
size_t interp_float_print(uint8_t dst[INTERP_FLOAT_BYTES], double value);

/*
 * The whole text as a number: "-" or "+" or nothing, digits, perhaps a point
 * and digits, perhaps "e" or "E" with an exponent. No white space, no "nan".
 *
 * Returns 0; -VK_EMALFORMED; -VK_ETOOBIG above INTERP_NUMBER_MAX_BYTES;
 * -VK_ERANGE when the nearest float is an infinity, which is then in
 * *ret_value all the same.
 *
 * Sources: Clinger, "How to read floating point numbers accurately", 1990;
 * Lemire, "Number parsing at a gigabyte per second", 2021; Mushtak and Lemire,
 * "Fast number parsing without fallback", 2023, for up to 19 digits. More
 * digits, where they matter, are compared exactly with the middle between two
 * floats.
 */
int interp_float_parse(struct vk_span text, double *ret_value);

#endif
