/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/memory.h"

#include "vk/plat.h"

#include <stdlib.h>

#define ALIGN_BYTES 16u
#define REAL_PATH_BYTES \
    4096u /* PATH_MAX of Linux, which <limits.h> has: here that would be the folder's own */

/* In front of what an allocator that was given gave. */
struct vkc_block {
    struct vkc_block *next;
    struct vkc_block **place; /* of the pointer to this one */
    size_t len_bytes;         /* with this head */
    size_t reserved;          /* keeps what follows aligned */
};
_Static_assert(sizeof(struct vkc_block) % ALIGN_BYTES == 0, "what follows is aligned for any object");

/* Of the compilation under way on this thread; NULL: the C library's. */
static __thread struct vkc_memory *here;

/* ---- blocks ------------------------------------------------------------------------ */

static void link_block(struct vkc_memory *m, struct vkc_block *block)
{
    block->next = m->blocks;
    block->place = &m->blocks;
    if (block->next != NULL)
        block->next->place = &block->next;
    m->blocks = block;
}

static void give_back(struct vkc_memory *m, struct vkc_block *block)
{
    *block->place = block->next;
    if (block->next != NULL)
        block->next->place = block->place;
    m->free(m->context, block, block->len_bytes);
}

static void *take(struct vkc_memory *m, size_t len_bytes)
{
    size_t whole = sizeof(struct vkc_block) + len_bytes;
    struct vkc_block *block = whole > len_bytes ? m->alloc(m->context, whole, ALIGN_BYTES) : NULL;
    if (block == NULL)
        longjmp(m->out, 1);
    block->len_bytes = whole;
    link_block(m, block);
    return block + 1;
}

static void *grow(struct vkc_memory *m, void *old, size_t len_bytes)
{
    void *grown = take(m, len_bytes);
    if (old == NULL)
        return grown;
    struct vkc_block *block = (struct vkc_block *)old - 1;
    size_t held = block->len_bytes - sizeof *block;
    memcpy(grown, old, held < len_bytes ? held : len_bytes);
    give_back(m, block);
    return grown;
}

/* ---- either way ----------------------------------------------------------------------- */

/* VKC_INSIDE: in libvkc, which has no other memory than its caller's. */
#ifdef VKC_INSIDE

static void *grow_own(void *old, size_t len_bytes)
{
    (void)old;
    (void)len_bytes;
    plat_panic("compiler: no compilation is under way");
}

static void free_own(void *memory)
{
    (void)grow_own(memory, 0);
}

#else

static void *grow_own(void *old, size_t len_bytes)
{
    void *grown = realloc(old, len_bytes != 0 ? len_bytes : 1);
    if (grown == NULL) {
        (void)fputs("vkd: out of memory\n", stderr); /* nobody is left to be told of a failure */
        exit(EXIT_FAILURE);
    }
    return grown;
}

static void free_own(void *memory)
{
    free(memory);
}

#endif

void *vkc_grow(void *old, size_t len_bytes)
{
    return here != NULL ? grow(here, old, len_bytes) : grow_own(old, len_bytes);
}

void vkc_free(void *memory)
{
    if (here == NULL)
        free_own(memory);
    else if (memory != NULL)
        give_back(here, (struct vkc_block *)memory - 1);
}

FILE *vkc_file_open(const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (here != NULL)
        here->file = file;
    return file;
}

void vkc_file_close(FILE *file)
{
    if (here != NULL)
        here->file = NULL;
    (void)fclose(file); /* only read from */
}

char *vkc_real_path(const char *path)
{
    char *real = vkc_grow(NULL, REAL_PATH_BYTES);
    if (realpath(path, real) != NULL)
        return real;
    vkc_free(real);
    return NULL;
}

/* ---- a compilation ---------------------------------------------------------------------- */

bool vkc_memory_run(struct vkc_memory *memory, void (*fn)(void *arg), void *arg)
{
    volatile bool is_good = false;
    vk_assert(here == NULL);
    memory->blocks = NULL;
    memory->file = NULL;
    here = memory;
    if (setjmp(memory->out) == 0) {
        fn(arg);
        is_good = true;
    }
    if (memory->file != NULL)
        vkc_file_close(memory->file);
    while (memory->blocks != NULL)
        give_back(memory, memory->blocks);
    here = NULL;
    return is_good;
}
