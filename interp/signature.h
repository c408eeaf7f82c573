/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of functions that the host supplies: as text, which is what
 * modules and hosts write ("fn(Str, Int) -> Float"), and as the codes that
 * calls are checked by. docs/language.md says which types there are.
 */
#ifndef INTERP_SIGNATURE_H
#define INTERP_SIGNATURE_H

#include "interp/module.h"

/* The lower bits of a code; the others say what is around it. */
enum interp_host_base {
    INTERP_HOST_INT,
    INTERP_HOST_FLOAT,
    INTERP_HOST_BOOL,
    INTERP_HOST_DURATION, /* nanoseconds */
    INTERP_HOST_STR,
    INTERP_HOST_BYTES,
    INTERP_HOST_NIL, /* a result alone */
    INTERP_HOST_BASES
};

#define INTERP_HOST_OPTION 16u /* T? */
#define INTERP_HOST_LIST   32u /* List<T> */
#define INTERP_HOST_RESULT 64u /* Result<T, Str>, T with all of the above; a result alone */

#define INTERP_HOST_BASE(code)   ((code)&15u)
#define INTERP_HOST_WITHIN(code) ((uint8_t)((code) & ~INTERP_HOST_RESULT))

struct interp_signature {
    uint8_t count; /* of parameters, at most INTERP_HOST_PARAMS_MAX */
    uint8_t result;
    uint8_t params[INTERP_HOST_PARAMS_MAX]; /* those that are not there are 0, so that equal ones are equal
                                               bytes */
};

/* Reads the text, in which blanks may stand between words. false: it is none. */
bool interp_signature_read(struct vk_span text, struct interp_signature *ret_signature);

bool interp_signature_is_equal(const struct interp_signature *a, const struct interp_signature *b);

/* Whether a value with that code is a reference in bytecode. */
bool interp_signature_is_ref(uint8_t code);

/* Whether an FN type of a module, whose type table has been verified, has this signature. */
bool interp_signature_fits(const struct interp_module *module, const struct interp_signature *signature,
                           uint16_t fn);

#endif
