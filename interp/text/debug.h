/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and bytes as literals of the language, without the quotes around them. */
#ifndef INTERP_TEXT_DEBUG_H
#define INTERP_TEXT_DEBUG_H

#include "interp/text/pass.h"

/* Conversions (interp_convert_fn): what a literal must escape is escaped. Both give valid UTF-8. */
int interp_debug_text(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max);
int interp_debug_bytes(struct interp_pass *pass, struct vk_span bytes, uint8_t *dst, size_t bytes_max);

#endif
