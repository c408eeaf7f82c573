/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one compilation: taken piece by piece, given back all at once.
 * Nothing that lies in it is freed by itself. It never lacks: compiler/memory.h.
 */
#ifndef COMPILER_ARENA_H
#define COMPILER_ARENA_H

#include "compiler/memory.h"

struct vkc_arena_chunk;

struct vkc_arena {
    /* private */
    struct vkc_arena_chunk *chunks; /* the newest first */
    uint8_t *next;
    uint8_t *end;
};

void vkc_arena_init(struct vkc_arena *arena);

/* Frees everything taken; the arena is as after init. Takes a zeroed arena too. */
void vkc_arena_fini(struct vkc_arena *arena);

/* len_bytes zeroed bytes, aligned for any object; valid until fini. Never NULL. */
void *vkc_arena_take(struct vkc_arena *arena, size_t len_bytes);

/* A copy of len_bytes bytes. */
void *vkc_arena_copy(struct vkc_arena *arena, const void *bytes, size_t len_bytes);

/* A copy of len_bytes bytes of text, and a terminator. */
char *vkc_arena_text(struct vkc_arena *arena, const char *text, size_t len_bytes);

#define VKC_NEW(arena, type)              ((type *)vkc_arena_take((arena), sizeof(type)))
#define VKC_NEW_ARRAY(arena, type, count) ((type *)vkc_arena_take((arena), sizeof(type) * (size_t)(count)))

#endif
