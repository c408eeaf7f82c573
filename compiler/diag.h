/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to the author of a program, gathered over all passes and printed
 * once, sorted by place. One error a place: a second one whose span begins at
 * the same position is dropped, since it follows from the first.
 *
 *     app.vk:3:11: error: expected a type, found `=`
 *       3 |   let a: = 1
 *         |          ^ a type stands here, as in `a: Int`
 *       = help: ...
 *
 * A message is one sentence without a full stop, code in backquotes.
 */
#ifndef COMPILER_DIAG_H
#define COMPILER_DIAG_H

#include "compiler/intern.h"
#include "compiler/source.h"
#include "compiler/text.h"

enum vkc_diag_level {
    VKC_DIAG_ERROR,
    VKC_DIAG_WARNING, /* does not refuse the program */
};

/* What follows a message: another place, or advice without a place. */
struct vkc_diag_note {
    struct vkc_diag_note *next;
    struct vkc_span span; /* {0, 0}: advice, printed after "help:" */
    const char *text;
};

struct vkc_diag {
    enum vkc_diag_level level;
    struct vkc_span span; /* start == end: one caret */
    const char *text;
    const char *label; /* beside the carets, or NULL */
    struct vkc_diag_note *notes;
    /* private */
    struct vkc_diag_note **notes_end;
    uint32_t order;
};

struct vkc_diags {
    uint32_t errors; /* gathered, those dropped not counted */
    uint32_t warnings;
    /* private */
    struct vkc_arena *arena;
    const struct vkc_sources *sources;
    struct vkc_diag **all;
    uint32_t count;
    uint32_t room;
};

void vkc_diags_init(struct vkc_diags *diags, struct vkc_arena *arena, const struct vkc_sources *sources);
void vkc_diags_fini(struct vkc_diags *diags);

/* Adds an error. Returned for label and notes; never NULL, though it be dropped. */
struct vkc_diag *vkc_error(struct vkc_diags *diags, struct vkc_span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void vkc_diag_label(struct vkc_diags *diags, struct vkc_diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "note:" at another place, as in "first declared here". */
void vkc_diag_note(struct vkc_diags *diags, struct vkc_diag *diag, struct vkc_span span, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* "help:" without a place. */
void vkc_diag_help(struct vkc_diags *diags, struct vkc_diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* All of them, sorted, into text; at most VKC_ERRORS_SHOWN_MAX, then the number left out. Then "N errors". */
void vkc_diags_print(const struct vkc_diags *diags, bool is_colour, struct vkc_text *text);

/* Each of them in that order, as text by itself, without the number. */
typedef void vkc_diag_fn(void *context, const struct vkc_diag *diag, struct vkc_place place,
                         const char *text);
void vkc_diags_each(const struct vkc_diags *diags, vkc_diag_fn *fn, void *context);

/*
 * "Did you mean": the candidate nearest to what was written, by the edit
 * distance with transpositions (Damerau 1964, restricted), if that is at most a
 * third of the length. A letter of the other case costs nothing.
 */
struct vkc_nearest {
    const char *best; /* NULL: none near enough */
    /* private */
    const char *wanted;
    size_t len;
    uint32_t distance;
};

void vkc_nearest_init(struct vkc_nearest *nearest, const char *wanted, size_t len_bytes);
/* For a type: what other languages call `Str`, `Int` and so on is the nearest of all. */
void vkc_nearest_type(struct vkc_nearest *nearest);
void vkc_nearest_offer(struct vkc_nearest *nearest, const char *candidate);
/* "did you mean `x`?" when there is one. */
void vkc_nearest_help(const struct vkc_nearest *nearest, struct vkc_diags *diags, struct vkc_diag *diag);

#endif
