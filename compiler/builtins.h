/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in methods and functions of compiler/builtins.def, with their
 * signatures in the types of one compilation.
 */
#ifndef COMPILER_BUILTINS_H
#define COMPILER_BUILTINS_H

#include "compiler/types.h"

enum vkc_builtin_id {
#define B(id, native, receiver, signature, flags) VKC_BUILTIN_##id,
#include "compiler/builtins.def"
#undef B
    VKC_BUILTIN_COUNT
};

#define VKC_BUILTIN_TYPES_MAX  4u
#define VKC_BUILTIN_PARAMS_MAX 4u

/* What a type parameter must be able to do. */
struct vkc_where {
    uint32_t param;
    enum vkc_trait trait;
};

struct vkc_builtin {
    enum vkc_builtin_id id;
    const char *native;
    const struct vkc_name *name;
    struct vkc_type *receiver; /* NULL: a function */
    struct vkc_slot slots[VKC_BUILTIN_PARAMS_MAX];
    uint32_t slots_count;
    struct vkc_type *result;
    struct vkc_symbol *params[VKC_BUILTIN_TYPES_MAX]; /* type parameters */
    uint32_t params_count;
    struct vkc_where where; /* trait VKC_TRAIT_COUNT: asks nothing */
    bool changes;           /* the variable it is called on */
    bool waits;
    bool traps;
    bool calls;     /* a function it is given */
    bool drops;     /* its result may be dropped */
    bool is_plain;  /* written without () */
    bool is_either; /* written with or without () */
};

struct vkc_builtins {
    struct vkc_builtin all[VKC_BUILTIN_COUNT];
};

/* Reads the table; the prelude's types are declared already. */
void vkc_builtins_init(struct vkc_builtins *builtins, struct vkc_checked *checked);

/*
 * The built-in of that name on that receiver (solved at the top; NULL: a
 * function) with that many arguments, else any of that name; NULL: none.
 */
const struct vkc_builtin *vkc_builtin_find(const struct vkc_builtins *builtins,
                                           const struct vkc_type *receiver, const struct vkc_name *name,
                                           uint32_t count);

/* Offers all names of that receiver. */
void vkc_builtins_offer(const struct vkc_builtins *builtins, const struct vkc_type *receiver,
                        struct vkc_nearest *nearest);

#endif
