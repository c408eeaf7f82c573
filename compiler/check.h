/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program from its first file to the last check. Types are looked at only
 * when the files could be read and parsed without error.
 */
#ifndef COMPILER_CHECK_H
#define COMPILER_CHECK_H

#include "compiler/types.h"

/*
 * Check the program whose first file is at that path. Messages are in
 * program->diags, also that the file cannot be read. Returns true without errors.
 */
bool vkc_check(struct vkc_program *program, const char *path);

/* The same of a source that is loaded already. */
bool vkc_check_source(struct vkc_program *program, struct vkc_source *source);

/* The same; imports are loaded by that function. */
bool vkc_check_loaded(struct vkc_program *program, struct vkc_source *source, vkc_load_fn *load,
                      void *load_context);

#endif
