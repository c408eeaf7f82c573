/* SPDX-License-Identifier: Apache-2.0 */
/* A module file as text: functions with names, types of their registers, source lines, instructions. */
#ifndef COMPILER_DISASM_H
#define COMPILER_DISASM_H

#include "compiler/text.h"
#include "interp/bytecode.h"

/* The file has been verified; it is aligned to 8. */
void vkc_disasm(const void *file, struct vkc_text *text);

#endif
