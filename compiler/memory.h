/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the compiler's memory comes from. In a program of ours that is the C
 * library, and a want of it ends the program. Inside somebody else's a
 * compilation runs by vkc_memory_run: all it takes comes from an allocator
 * that is given, a want of it ends the compilation, and whatever that had
 * taken is given back.
 */
#ifndef COMPILER_MEMORY_H
#define COMPILER_MEMORY_H

#include "vk/base.h"

#include <setjmp.h>
#include <stdio.h>

struct vkc_block;

struct vkc_memory {
    void *(*alloc)(void *context, size_t len_bytes, size_t align_bytes);
    void (*free)(void *context, void *memory, size_t len_bytes);
    void *context;
    /* private */
    struct vkc_block *blocks; /* all that is taken */
    FILE *file;               /* open now, one at a time */
    jmp_buf out;
};

/*
 * Call fn(arg), which takes all its memory by the functions below. false: there
 * was not enough, and it was left in the middle. All that it took is free afterwards.
 */
bool vkc_memory_run(struct vkc_memory *memory, void (*fn)(void *arg), void *arg);

/* realloc that does not fail: see above. And its free, which takes NULL. */
void *vkc_grow(void *old, size_t len_bytes);
void vkc_free(void *memory);

/* fopen to read from, closed at the end of a compilation at the latest. */
FILE *vkc_file_open(const char *path);
void vkc_file_close(FILE *file);

/* realpath; NULL, with errno, when there is no such file. */
char *vkc_real_path(const char *path);

#endif
