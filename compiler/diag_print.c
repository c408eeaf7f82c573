/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as text: where, what, the line with carets under it, notes and advice. */
#include "compiler/diag.h"

#include "compiler/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define WINDOW_CHARS 120u /* of a long line, around the caret */
#define BEFORE_CHARS 60u  /* of those, before it */

#define BOLD   "\033[1m"
#define RED    "\033[1;31m"
#define YELLOW "\033[1;33m"
#define BLUE   "\033[1;34m"
#define PLAIN  "\033[0m"

struct printer {
    const struct vkc_sources *sources;
    struct vkc_text *text;
    bool is_colour;
};

static void colour(const struct printer *p, const char *code)
{
    if (p->is_colour)
        vkc_text_put(p->text, code);
}

/* One character as one column: a tab is a space, what a terminal would obey or garble is `?`. */
static size_t put_char(const struct printer *p, const char *text, size_t len_bytes)
{
    size_t bytes = vkc_utf8_bytes(text, len_bytes);
    uint8_t first = (uint8_t)text[0];
    bool is_c1 = bytes == 2 && first == 0xc2 && (uint8_t)text[1] < 0xa0;
    if (first == '\t')
        vkc_text_put(p->text, " ");
    else if (bytes == 0 || first < 0x20 || first == 0x7f || is_c1)
        vkc_text_put(p->text, "?");
    else
        vkc_text_add(p->text, text, bytes);
    return bytes != 0 ? bytes : 1;
}

static size_t next_char(const char *text, size_t len_bytes)
{
    size_t bytes = vkc_utf8_bytes(text, len_bytes);
    return bytes != 0 ? bytes : 1;
}

/* How many columns [from, to) of the text takes. */
static uint32_t columns(const char *text, size_t from, size_t to)
{
    uint32_t count = 0;
    for (size_t i = from; i < to; i += next_char(text + i, to - i))
        count++;
    return count;
}

struct excerpt {
    const char *line;
    size_t len;         /* of the line */
    size_t start, end;  /* what is marked, offsets in the line */
    size_t first, last; /* what is shown */
};

/* Of a long line a window around the mark. */
static void choose_window(struct excerpt *e)
{
    uint32_t before = columns(e->line, 0, e->start);
    e->first = 0;
    for (uint32_t i = BEFORE_CHARS; i < before && columns(e->line, 0, e->len) > WINDOW_CHARS; i++)
        e->first += next_char(e->line + e->first, e->len - e->first);
    e->last = e->first;
    for (uint32_t i = 0; i < WINDOW_CHARS && e->last < e->len; i++)
        e->last += next_char(e->line + e->last, e->len - e->last);
    if (e->end > e->last)
        e->end = e->last > e->start ? e->last : e->start;
}

static void put_marks(const struct printer *p, const struct excerpt *e, const char *label, const char *code)
{
    vkc_text_fill(p->text, ' ', columns(e->line, e->first, e->start) + (e->first > 0 ? 3 : 0));
    colour(p, code);
    uint32_t count = columns(e->line, e->start, e->end);
    vkc_text_fill(p->text, '^', count > 0 ? count : 1);
    if (label != NULL)
        vkc_text_print(p->text, " %s", label);
    colour(p, PLAIN);
    vkc_text_put(p->text, "\n");
}

static void put_excerpt(const struct printer *p, struct vkc_place place, struct vkc_span span,
                        const char *label, const char *code)
{
    struct vkc_span line = vkc_source_line(place.source, place.line);
    struct excerpt e = {.line = vkc_source_text(p->sources, line), .len = line.end - line.start};
    e.start = span.start - line.start < e.len ? span.start - line.start : e.len;
    e.end = span.end - line.start < e.len ? span.end - line.start : e.len;
    choose_window(&e);

    colour(p, BLUE);
    vkc_text_print(p->text, "%5u | ", place.line);
    colour(p, PLAIN);
    if (e.first > 0)
        vkc_text_put(p->text, "...");
    for (size_t i = e.first; i < e.last;)
        i += put_char(p, e.line + i, e.len - i);
    vkc_text_put(p->text, e.last < e.len ? "...\n" : "\n");
    colour(p, BLUE);
    vkc_text_put(p->text, "      | ");
    colour(p, PLAIN);
    put_marks(p, &e, label, code);
}

static void put_head(const struct printer *p, struct vkc_place place, const char *kind, const char *code,
                     const char *text)
{
    if (place.source != NULL) {
        colour(p, BOLD);
        vkc_text_print(p->text, "%s:%u:%u: ", place.source->path, place.line, place.column);
    }
    colour(p, code);
    vkc_text_print(p->text, "%s: ", kind);
    colour(p, PLAIN);
    colour(p, BOLD);
    vkc_text_put(p->text, text);
    colour(p, PLAIN);
    vkc_text_put(p->text, "\n");
}

static void put_note(const struct printer *p, const struct vkc_diag_note *note)
{
    struct vkc_place place = vkc_source_place(p->sources, note->span.start);
    if (place.source == NULL) {
        vkc_text_print(p->text, "      = help: %s\n", note->text);
        return;
    }
    put_head(p, place, "note", BLUE, note->text);
    put_excerpt(p, place, note->span, NULL, BLUE);
}

static void put_diag(const struct printer *p, const struct vkc_diag *diag)
{
    struct vkc_place place = vkc_source_place(p->sources, diag->span.start);
    bool is_error = diag->level == VKC_DIAG_ERROR;
    const char *code = is_error ? RED : YELLOW;
    put_head(p, place, is_error ? "error" : "warning", code, diag->text);
    if (place.source != NULL)
        put_excerpt(p, place, diag->span, diag->label, code);
    for (const struct vkc_diag_note *note = diag->notes; note != NULL; note = note->next)
        put_note(p, note);
}

static int by_place(const void *left, const void *right)
{
    const struct vkc_diag *a = *(struct vkc_diag *const *)left, *b = *(struct vkc_diag *const *)right;
    if (a->span.start != b->span.start)
        return a->span.start < b->span.start ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void put_sum(const struct printer *p, const struct vkc_diags *diags, uint32_t shown)
{
    uint32_t all = diags->errors + diags->warnings;
    if (all > shown)
        vkc_text_print(p->text, "and %u more\n", all - shown);
    if (diags->errors > 0)
        vkc_text_print(p->text, "%u error%s\n", diags->errors, diags->errors == 1 ? "" : "s");
}

/* By place, to be freed; *ret_shown of them are shown. */
static struct vkc_diag **sort(const struct vkc_diags *diags, uint32_t *ret_shown)
{
    struct vkc_diag **sorted = vkc_grow(NULL, diags->count * sizeof(struct vkc_diag *));
    if (diags->count > 0)
        memcpy(sorted, diags->all, diags->count * sizeof(struct vkc_diag *));
    qsort(sorted, diags->count, sizeof(struct vkc_diag *), by_place);
    *ret_shown = diags->count < VKC_ERRORS_SHOWN_MAX ? diags->count : VKC_ERRORS_SHOWN_MAX;
    return sorted;
}

void vkc_diags_each(const struct vkc_diags *diags, vkc_diag_fn *fn, void *context)
{
    struct vkc_text text = {0};
    struct printer p = {diags->sources, &text, false};
    uint32_t shown;
    struct vkc_diag **sorted = sort(diags, &shown);
    for (uint32_t i = 0; i < shown; i++) {
        vkc_text_clear(&text);
        put_diag(&p, sorted[i]);
        fn(context, sorted[i], vkc_source_place(diags->sources, sorted[i]->span.start), text.bytes);
    }
    vkc_text_fini(&text);
    vkc_free(sorted);
}

void vkc_diags_print(const struct vkc_diags *diags, bool is_colour, struct vkc_text *text)
{
    struct printer p = {diags->sources, text, is_colour};
    uint32_t shown;
    struct vkc_diag **sorted = sort(diags, &shown);
    for (uint32_t i = 0; i < shown; i++)
        put_diag(&p, sorted[i]);
    put_sum(&p, diags, shown);
    vkc_free(sorted);
}
