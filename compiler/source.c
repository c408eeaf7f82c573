/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/source.h"

#include "compiler/limits.h"
#include "interp/bytecode.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

void vkc_sources_init(struct vkc_sources *sources, struct vkc_arena *arena)
{
    *sources = (struct vkc_sources){.arena = arena, .next_base = 1};
}

void vkc_sources_fini(struct vkc_sources *sources)
{
    vkc_free(sources->all);
    *sources = (struct vkc_sources){0};
}

/* The offset of each line's first byte; a file that ends with a newline has an empty last line. */
static void find_lines(struct vkc_arena *arena, struct vkc_source *source)
{
    uint32_t count = 1;
    for (uint32_t i = 0; i < source->len_bytes; i++)
        count += source->text[i] == '\n';
    source->lines = VKC_NEW_ARRAY(arena, uint32_t, count);
    source->lines_count = count;
    uint32_t line = 1;
    for (uint32_t i = 0; i < source->len_bytes; i++) {
        if (source->text[i] == '\n')
            source->lines[line++] = i + 1;
    }
}

struct vkc_source *vkc_source_add(struct vkc_sources *sources, const char *path, const char *text,
                                  size_t len_bytes)
{
    /* Positions of the last file must not wrap. */
    if (len_bytes > VKC_SOURCE_MAX_BYTES || sources->next_base > UINT32_MAX - 2 * VKC_SOURCE_MAX_BYTES)
        return NULL;
    if (sources->count == sources->room) {
        sources->room = sources->room != 0 ? sources->room * 2 : 8;
        sources->all = vkc_grow(sources->all, sources->room * sizeof(struct vkc_source *));
    }
    struct vkc_source *source = VKC_NEW(sources->arena, struct vkc_source);
    source->path = vkc_arena_text(sources->arena, path, strlen(path));
    source->text = vkc_arena_text(sources->arena, text, len_bytes);
    source->len_bytes = (uint32_t)len_bytes;
    source->base = sources->next_base;
    sources->next_base += source->len_bytes + 1;
    find_lines(sources->arena, source);
    sources->all[sources->count++] = source;
    return source;
}

static bool is_module(const char *bytes, size_t len_bytes)
{
    const uint32_t magic = INTERP_MAGIC;
    return len_bytes >= sizeof magic && memcmp(bytes, &magic, sizeof magic) == 0;
}

/* Why these bytes are no source at all, when each of them would be an error; or NULL. */
static const char *what_else(const char *bytes, size_t len_bytes)
{
    uint32_t nuls = 0;
    for (size_t i = 0; i < len_bytes && i < VKC_HEAD_BYTES; i++)
        nuls += bytes[i] == '\0';
    if (is_module(bytes, len_bytes))
        return "this is a module (.vkb), not a source";
    return nuls >= VKC_HEAD_NULS ? "this is no text: it is full of NUL bytes" : NULL;
}

/* One byte more than is allowed is read, so that too long is noticed. */
struct vkc_source *vkc_source_read_open(struct vkc_sources *sources, const char *path, FILE *file,
                                        const char **ret_why)
{
    struct stat about;
    if (fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode)) {
        *ret_why = "is a folder";
        return NULL;
    }
    size_t room = (size_t)VKC_SOURCE_MAX_BYTES + 1;
    char *text = vkc_grow(NULL, room);
    errno = 0;
    size_t len_bytes = fread(text, 1, room, file);
    struct vkc_source *source = NULL;
    if (ferror(file)) {
        const char *why = strerror(errno);
        *ret_why = vkc_arena_text(sources->arena, why, strlen(why));
    } else if (what_else(text, len_bytes) != NULL) {
        *ret_why = what_else(text, len_bytes);
    } else {
        source = vkc_source_add(sources, path, text, len_bytes);
        *ret_why = "is longer than 1 MiB, the most a source file may have";
    }
    vkc_free(text);
    return source;
}

struct vkc_source *vkc_source_read(struct vkc_sources *sources, const char *path, const char **ret_why)
{
    FILE *file = vkc_file_open(path);
    if (file == NULL) {
        const char *why = strerror(errno);
        *ret_why = vkc_arena_text(sources->arena, why, strlen(why));
        return NULL;
    }
    struct vkc_source *source = vkc_source_read_open(sources, path, file, ret_why);
    vkc_file_close(file);
    return source;
}

const struct vkc_source *vkc_source_of(const struct vkc_sources *sources, uint32_t position)
{
    uint32_t low = 0, high = sources->count;
    if (position == 0)
        return NULL;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sources->all[middle]->base <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low != 0 ? sources->all[low - 1] : NULL;
}

const char *vkc_source_text(const struct vkc_sources *sources, struct vkc_span span)
{
    const struct vkc_source *source = vkc_source_of(sources, span.start);
    vk_assert(source != NULL);
    return source->text + (span.start - source->base);
}

/* The line of an offset, from 1. */
static uint32_t line_of(const struct vkc_source *source, uint32_t offset)
{
    uint32_t low = 0, high = source->lines_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (source->lines[middle] <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct vkc_place vkc_source_place(const struct vkc_sources *sources, uint32_t position)
{
    const struct vkc_source *source = vkc_source_of(sources, position);
    if (source == NULL)
        return (struct vkc_place){0};
    uint32_t offset = position - source->base;
    struct vkc_place place = {source, line_of(source, offset), 1};
    for (uint32_t i = source->lines[place.line - 1]; i < offset; i++)
        place.column += ((uint8_t)source->text[i] & 0xc0) != 0x80;
    return place;
}

struct vkc_span vkc_source_line(const struct vkc_source *source, uint32_t line)
{
    uint32_t start = source->lines[line - 1];
    uint32_t end = line < source->lines_count ? source->lines[line] - 1 : source->len_bytes;
    if (end > start && source->text[end - 1] == '\r')
        end--;
    return (struct vkc_span){source->base + start, source->base + end};
}
