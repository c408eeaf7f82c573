/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, each kept once: two names are the same exactly when their pointers
 * are. Open addressing, FNV-1a; the texts lie in the compilation's arena.
 */
#ifndef COMPILER_INTERN_H
#define COMPILER_INTERN_H

#include "compiler/arena.h"

struct vkc_name {
    uint32_t hash;
    uint32_t len;
    char text[]; /* terminated */
};

struct vkc_names {
    /* private */
    struct vkc_arena *arena;
    const struct vkc_name **slots; /* a power of two of them */
    uint32_t room;
    uint32_t count;
};

void vkc_names_init(struct vkc_names *names, struct vkc_arena *arena);
void vkc_names_fini(struct vkc_names *names);

/* The name with that text; valid as long as the arena. */
const struct vkc_name *vkc_intern(struct vkc_names *names, const char *text, size_t len_bytes);
const struct vkc_name *vkc_intern_text(struct vkc_names *names, const char *text);

/* Whether a name has that text. NULL has none. */
bool vkc_name_is(const struct vkc_name *name, const char *text);

#endif
