/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verifier of docs/bytecode.md, section 4: one pass over types, functions
 * and data. What it accepts can be run; nothing else may be.
 */
#ifndef INTERP_VERIFY_H
#define INTERP_VERIFY_H

#include "interp/module.h"

/* Scratch memory a verification needs; it is linear in the longest function. */
size_t interp_verify_scratch_bytes(const struct interp_module *module);

/*
 * Verify an opened module. scratch is aligned to 8 and of
 * interp_verify_scratch_bytes(module); its content is of no use afterwards.
 * Returns 0, or -VK_EMALFORMED with *ret_refusal set. Time is linear in the
 * module's size.
 */
int interp_verify(const struct interp_module *module, void *scratch, struct interp_refusal *ret_refusal);

#endif
