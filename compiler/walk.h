/* SPDX-License-Identifier: Apache-2.0 */
/* Searching a tree. */
#ifndef COMPILER_WALK_H
#define COMPILER_WALK_H

#include "compiler/types.h"

struct vkc_seek {
    bool (*is)(const struct vkc_expr *expr, const void *context);
    bool (*assigns)(const struct vkc_stmt *stmt, const void *context); /* of ASSIGN; NULL: no matter */
    const void *context;
};

/* Whether the expression, or anything in it (closures too), is what is sought. NULL holds nothing. */
bool vkc_any(const struct vkc_expr *expr, const struct vkc_seek *seek);

#endif
