/* SPDX-License-Identifier: Apache-2.0 */
/* From a checked program without errors to a module file. */
#ifndef COMPILER_LOWER_H
#define COMPILER_LOWER_H

#include "compiler/types.h"

/*
 * Writes the module of the program into `file`. Returns false with an error in
 * program->diags when a limit of the file format is passed, or when the
 * program uses something that cannot be compiled.
 */
bool vkc_lower(struct vkc_checked *checked, struct vkc_text *file);

#endif
