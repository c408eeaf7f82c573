/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversions of bytes, all of them interp_convert_fn (interp/text/pass.h
 * says how they are driven: measured, then written, in slices).
 */
#ifndef INTERP_TEXT_CONVERT_H
#define INTERP_TEXT_CONVERT_H

#include "interp/text/pass.h"

/* RFC 4648, 4, with padding. Decoding is strict: no other character, no line ends, no bits left over (3.5).
 */
int interp_base64_encode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);
int interp_base64_decode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);

/* RFC 4648, 8, in lower case; decoding takes both cases. */
int interp_hex_encode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);
int interp_hex_decode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);

/* A component of a URL: all but the unreserved characters become %XX (RFC 3986, 2.3). */
int interp_url_encode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);

/* "%" must stand before two hexadecimal digits. The result may be any bytes: check that it is UTF-8. */
int interp_url_decode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);

/* The same, and "+" is a space: keys and values of queries and forms (vk_url_pair cuts those). */
int interp_form_decode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);

/* & < > " ' become &amp; &lt; &gt; &quot; &#39;, for text and for attributes in either quotes. */
int interp_html_escape(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);

/* A to Z and a to z; all other bytes stay, so valid UTF-8 does. */
int interp_lower(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);
int interp_upper(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);

#endif
