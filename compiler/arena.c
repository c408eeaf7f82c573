/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/arena.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define ALIGN_BYTES 16u

struct vkc_arena_chunk {
    struct vkc_arena_chunk *older;
    size_t len_bytes; /* keeps what follows aligned */
};

void vkc_arena_init(struct vkc_arena *arena)
{
    *arena = (struct vkc_arena){0};
}

void vkc_arena_fini(struct vkc_arena *arena)
{
    struct vkc_arena_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        struct vkc_arena_chunk *older = chunk->older;
        vkc_free(chunk);
        chunk = older;
    }
    vkc_arena_init(arena);
}

static void add_chunk(struct vkc_arena *arena, size_t len_bytes)
{
    size_t whole = sizeof(struct vkc_arena_chunk) + (len_bytes > CHUNK_BYTES ? len_bytes : CHUNK_BYTES);
    struct vkc_arena_chunk *chunk = vkc_grow(NULL, whole);
    *chunk = (struct vkc_arena_chunk){.older = arena->chunks, .len_bytes = whole};
    arena->chunks = chunk;
    arena->next = (uint8_t *)(chunk + 1);
    arena->end = (uint8_t *)chunk + whole;
}

void *vkc_arena_take(struct vkc_arena *arena, size_t len_bytes)
{
    size_t room = VK_ALIGN_UP(len_bytes != 0 ? len_bytes : 1, ALIGN_BYTES);
    if ((size_t)(arena->end - arena->next) < room)
        add_chunk(arena, room);
    void *taken = arena->next;
    arena->next += room;
    memset(taken, 0, len_bytes);
    return taken;
}

void *vkc_arena_copy(struct vkc_arena *arena, const void *bytes, size_t len_bytes)
{
    void *copy = vkc_arena_take(arena, len_bytes);
    if (len_bytes != 0)
        memcpy(copy, bytes, len_bytes);
    return copy;
}

char *vkc_arena_text(struct vkc_arena *arena, const char *text, size_t len_bytes)
{
    char *copy = vkc_arena_take(arena, len_bytes + 1);
    if (len_bytes != 0)
        memcpy(copy, text, len_bytes);
    return copy;
}
