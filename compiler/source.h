/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source files and positions in them. All files of a compilation lie one
 * behind the other in one space of 32-bit positions, so that a position alone
 * says its file; 0 is nowhere. A file's text ends with a zero byte that is not
 * part of it.
 */
#ifndef COMPILER_SOURCE_H
#define COMPILER_SOURCE_H

#include "compiler/arena.h"

#include <stdio.h>

/* The bytes [start, end). {0, 0} is nowhere; start == end marks a place between two bytes. */
struct vkc_span {
    uint32_t start;
    uint32_t end;
};

struct vkc_source {
    const char *path; /* as it was given: for messages */
    const char *text; /* len_bytes bytes and a zero */
    uint32_t len_bytes;
    uint32_t base; /* the position of text[0]; the end of the text is a position too */
    /* private */
    uint32_t *lines; /* offset of each line's first byte */
    uint32_t lines_count;
};

struct vkc_sources {
    struct vkc_source **all;
    uint32_t count;
    /* private */
    struct vkc_arena *arena;
    uint32_t room;
    uint32_t next_base;
};

/* Where a reader finds a position: both from 1, the column in characters. */
struct vkc_place {
    const struct vkc_source *source; /* NULL: nowhere */
    uint32_t line;
    uint32_t column;
};

void vkc_sources_init(struct vkc_sources *sources, struct vkc_arena *arena);
void vkc_sources_fini(struct vkc_sources *sources);

/* Adds a copy of the text. Any bytes are taken, up to VKC_SOURCE_MAX_BYTES: the lexer judges them.
 * Returns NULL when it is longer. */
struct vkc_source *vkc_source_add(struct vkc_sources *sources, const char *path, const char *text,
                                  size_t len_bytes);

/*
 * Adds the file at that path. On failure ret_why is a sentence for the user
 * ("No such file or directory"), in the arena. Returns NULL then.
 */
struct vkc_source *vkc_source_read(struct vkc_sources *sources, const char *path, const char **ret_why);

/* The same of a file that is open already; path is for messages only. */
struct vkc_source *vkc_source_read_open(struct vkc_sources *sources, const char *path, FILE *file,
                                        const char **ret_why);

/* The file of a position; NULL for 0. */
const struct vkc_source *vkc_source_of(const struct vkc_sources *sources, uint32_t position);

/* The text at a span, which lies in one file. */
const char *vkc_source_text(const struct vkc_sources *sources, struct vkc_span span);

struct vkc_place vkc_source_place(const struct vkc_sources *sources, uint32_t position);

/* The bytes of a line (from 1), without its end. */
struct vkc_span vkc_source_line(const struct vkc_source *source, uint32_t line);

#endif
