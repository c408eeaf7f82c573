/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one style. Line breaks (but that a block of several lines begins and
 * ends on lines of its own, and `else` follows its brace), comments and the
 * inside of texts stay as they are written; indentation, spaces between tokens, blank lines and the
 * alignment of `=>` and of comments at line ends do not. Tokens before and
 * after are the same, and formatting twice is formatting once.
 */
#ifndef COMPILER_FMT_H
#define COMPILER_FMT_H

#include "compiler/program.h"

/* Appends the formatted text of a module that was parsed without errors. */
void vkc_fmt(const struct vkc_module *module, struct vkc_text *text);

#endif
