/* SPDX-License-Identifier: Apache-2.0 */
/* Which places an expression reads and changes: for ownership. */
#ifndef COMPILER_OWNER_H
#define COMPILER_OWNER_H

#include "compiler/pass.h"
#include "compiler/walk.h"

/* The NAME that a chain of fields and indices begins with; NULL: none. */
const struct vkc_expr *vkc_owner_root(const struct vkc_expr *expr);

/* Whether evaluating it may change that variable; NULL: one that closures, methods or records see too. */
bool vkc_owner_changes(const struct vkc_expr *expr, const struct vkc_symbol *symbol);

#endif
