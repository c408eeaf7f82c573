/* SPDX-License-Identifier: Apache-2.0 */
/* A call of a function of the host while it is under way: host.c and host_give.c. */
#ifndef INTERP_HOST_IMPL_H
#define INTERP_HOST_IMPL_H

#include "interp/host.h"
#include "interp/interp_impl.h"

enum interp_host_given {
    INTERP_HOST_GAVE_NOTHING,
    INTERP_HOST_GAVE_SCALAR, /* value */
    INTERP_HOST_GAVE_REF,    /* roots[0]: a text, or a list that is complete or not */
    INTERP_HOST_GAVE_NONE,
};

/* On the C stack. What it gives that is a reference lies in roots[0] of the process meanwhile. */
struct interp_host_call {
    struct interp_call *call;
    const struct interp_host_link *link;
    const char *wrong; /* the first mistake of the host's; NULL: none */
    int said;          /* what the function returned */
    uint8_t given;     /* enum interp_host_given */
    bool is_failed;
    bool is_full; /* there was no room, and nothing was given since */
    union interp_word value;
    uint8_t why_len;
    uint8_t why[INTERP_HOST_WORDS_MAX];
};
_Static_assert(INTERP_HOST_WORDS_MAX <= UINT8_MAX, "why_len");

#endif
