/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program from its first file to the last check. Passes run in order over
 * the whole program; one runs only when those before it reported no error, so
 * that none sees a tree with BAD nodes. A pass to come is a line in check.c.
 */
#ifndef COMPILER_CHECK_H
#define COMPILER_CHECK_H

#include "compiler/program.h"

/*
 * Check the program whose first file is at that path. Messages are in
 * program->diags, also that the file cannot be read. Returns true without errors.
 */
bool vkc_check(struct vkc_program *program, const char *path);

/* The same of a source that is loaded already. */
bool vkc_check_source(struct vkc_program *program, struct vkc_source *source);

#endif
