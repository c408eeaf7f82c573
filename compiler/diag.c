/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/diag.h"

#include "compiler/limits.h"

#include <stdio.h>

void vkc_diags_init(struct vkc_diags *diags, struct vkc_arena *arena, const struct vkc_sources *sources)
{
    *diags = (struct vkc_diags){.arena = arena, .sources = sources};
}

void vkc_diags_fini(struct vkc_diags *diags)
{
    vkc_free(diags->all);
    *diags = (struct vkc_diags){0};
}

static const char *format_text(struct vkc_diags *diags, const char *format, va_list arguments)
{
    struct vkc_text text = {0};
    vkc_text_vprint(&text, format, arguments);
    const char *kept = vkc_arena_text(diags->arena, text.bytes, text.len);
    vkc_text_fini(&text);
    return kept;
}

static bool is_known(const struct vkc_diags *diags, enum vkc_diag_level level, uint32_t start)
{
    for (uint32_t i = diags->count; i > 0; i--) {
        if (diags->all[i - 1]->level == level && diags->all[i - 1]->span.start == start)
            return true;
    }
    return false;
}

static void keep(struct vkc_diags *diags, struct vkc_diag *diag)
{
    if (diags->count == diags->room) {
        diags->room = diags->room != 0 ? diags->room * 2 : 16;
        diags->all = vkc_grow(diags->all, diags->room * sizeof(struct vkc_diag *));
    }
    diag->order = diags->count;
    diags->all[diags->count++] = diag;
}

/* Beyond those that are shown they are only counted: a file of nothing but errors stays cheap. */
static struct vkc_diag *add(struct vkc_diags *diags, enum vkc_diag_level level, struct vkc_span span,
                            const char *format, va_list arguments)
{
    struct vkc_diag *diag = VKC_NEW(diags->arena, struct vkc_diag);
    diag->level = level;
    diag->span = span;
    diag->notes_end = &diag->notes;
    diag->text = "";
    if (diags->count < 20 * VKC_ERRORS_SHOWN_MAX) {
        if (is_known(diags, level, span.start))
            return diag;
        diag->text = format_text(diags, format, arguments);
        keep(diags, diag);
    }
    if (level == VKC_DIAG_ERROR)
        diags->errors++;
    else
        diags->warnings++;
    return diag;
}

struct vkc_diag *vkc_error(struct vkc_diags *diags, struct vkc_span span, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct vkc_diag *diag = add(diags, VKC_DIAG_ERROR, span, format, arguments);
    va_end(arguments);
    return diag;
}

void vkc_diag_label(struct vkc_diags *diags, struct vkc_diag *diag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    diag->label = format_text(diags, format, arguments);
    va_end(arguments);
}

static void add_note(struct vkc_diags *diags, struct vkc_diag *diag, struct vkc_span span, const char *text)
{
    struct vkc_diag_note *note = VKC_NEW(diags->arena, struct vkc_diag_note);
    note->span = span;
    note->text = text;
    *diag->notes_end = note;
    diag->notes_end = &note->next;
}

void vkc_diag_note(struct vkc_diags *diags, struct vkc_diag *diag, struct vkc_span span, const char *format,
                   ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_note(diags, diag, span, format_text(diags, format, arguments));
    va_end(arguments);
}

void vkc_diag_help(struct vkc_diags *diags, struct vkc_diag *diag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_note(diags, diag, (struct vkc_span){0, 0}, format_text(diags, format, arguments));
    va_end(arguments);
}

/* ---- did you mean ------------------------------------------------------------ */

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c + ('a' - 'A'));
    return c;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Restricted Damerau-Levenshtein, three rows. Both are at most VKC_NAME_MAX_BYTES long. */
static uint32_t distance_of(const char *a, size_t a_len, const char *b, size_t b_len)
{
    uint32_t rows[3][VKC_NAME_MAX_BYTES + 1];
    for (uint32_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (uint32_t i = 1; i <= a_len; i++) {
        uint32_t *row = rows[i % 3];
        const uint32_t *above = rows[(i - 1) % 3], *twice = rows[(i + 1) % 3];
        row[0] = i;
        for (uint32_t j = 1; j <= b_len; j++) {
            uint32_t cost = lower(a[i - 1]) != lower(b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], twice[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

void vkc_nearest_init(struct vkc_nearest *nearest, const char *wanted, size_t len_bytes)
{
    size_t allowed = len_bytes >= 3 ? len_bytes / 3 : 0;
    *nearest = (struct vkc_nearest){.wanted = wanted, .len = len_bytes, .distance = (uint32_t)allowed + 1};
}

void vkc_nearest_offer(struct vkc_nearest *nearest, const char *candidate)
{
    size_t len = strlen(candidate);
    if (len > VKC_NAME_MAX_BYTES || nearest->len > VKC_NAME_MAX_BYTES || nearest->len < 2)
        return;
    uint32_t distance = distance_of(nearest->wanted, nearest->len, candidate, len);
    /* A word of one letter is near to everything: only the other case of it counts. */
    if (distance < nearest->distance && distance < len) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}

void vkc_nearest_type(struct vkc_nearest *nearest)
{
    static const char *const words[][2] = {
        {"string", "Str"}, {"text", "Str"},    {"integer", "Int"},     {"number", "Int"},
        {"long", "Int"},   {"i64", "Int"},     {"boolean", "Bool"},    {"double", "Float"},
        {"f64", "Float"},  {"array", "List"},  {"vec", "List"},        {"vector", "List"},
        {"dict", "Map"},   {"hashmap", "Map"}, {"object", "Map"},      {"bytearray", "Bytes"},
        {"void", "Nil"},   {"unit", "Nil"},    {"optional", "Option"}, {"maybe", "Option"}};
    for (size_t i = 0; i < VK_COUNT(words); i++) {
        size_t len = strlen(words[i][0]);
        if (len == nearest->len && distance_of(nearest->wanted, len, words[i][0], len) == 0) {
            nearest->best = words[i][1];
            nearest->distance = 0;
        }
    }
}

void vkc_nearest_help(const struct vkc_nearest *nearest, struct vkc_diags *diags, struct vkc_diag *diag)
{
    if (nearest->best != NULL)
        vkc_diag_help(diags, diag, "did you mean `%s`?", nearest->best);
}
