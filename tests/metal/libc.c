/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few functions of a C library that the client of tests (vkd/client.c) and
 * what it stands on call, for an image that has no C library.
 *
 * Memory comes in blocks of powers of two, a free list for each, from one
 * region; there are no more of them than a test needs at once.
 */
#include "compiler/arena.h"
#include "vk/fmt.h"
#include "vk/plat.h"
#include "vk/region.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_BYTES    (512u << 20)
#define SIZES         28u /* from 16 bytes on */
#define PRINTED_BYTES 65536u

struct block {
    struct block *next; /* while it is free */
    uint32_t size;      /* of its class: 32 << size bytes, this struct included */
};

_Static_assert(sizeof(struct block) == 16, "what follows is aligned for any object");

static struct vk_region heap;
static struct block *free_first[SIZES];

static uint32_t size_for(size_t len_bytes)
{
    uint32_t size = 0;
    while (((size_t)32 << size) < len_bytes + sizeof(struct block))
        size++;
    return size;
}

void *malloc(size_t len_bytes)
{
    uint32_t size = size_for(len_bytes);
    if (heap.base == NULL && vk_region_init(&heap, HEAP_BYTES) != 0)
        return NULL;
    struct block *block = free_first[size];
    if (block != NULL)
        free_first[size] = block->next;
    else
        block = vk_region_alloc(&heap, (size_t)32 << size, sizeof(struct block));
    if (block == NULL)
        return NULL;
    block->size = size;
    return block + 1;
}

void free(void *memory)
{
    if (memory == NULL)
        return;
    struct block *block = (struct block *)memory - 1;
    block->next = free_first[block->size];
    free_first[block->size] = block;
}

void *realloc(void *old, size_t len_bytes)
{
    void *memory = malloc(len_bytes);
    if (old == NULL || memory == NULL)
        return memory;
    size_t old_bytes = ((size_t)32 << ((struct block *)old - 1)->size) - sizeof(struct block);
    memcpy(memory, old, old_bytes < len_bytes ? old_bytes : len_bytes);
    free(old);
    return memory;
}

void *vkc_grow(void *old, size_t len_bytes)
{
    void *memory = realloc(old, len_bytes);
    if (memory == NULL)
        plat_panic("the client of tests has no memory left");
    return memory;
}

void vkc_free(void *memory)
{
    free(memory);
}

size_t strlen(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    return len;
}

int strncmp(const char *a, const char *b, size_t count)
{
    for (; count > 0; a++, b++, count--)
        if (*a != *b || *a == '\0')
            return (unsigned char)*a - (unsigned char)*b;
    return 0;
}

char *strstr(const char *text, const char *part)
{
    size_t len = strlen(part);
    for (; *text != '\0'; text++)
        if (strncmp(text, part, len) == 0)
            return (char *)(uintptr_t)text;
    return len == 0 ? (char *)(uintptr_t)text : NULL;
}

char *strrchr(const char *text, int byte)
{
    const char *found = NULL;
    for (;; text++) {
        if (*text == (char)byte)
            found = text;
        if (*text == '\0')
            return (char *)(uintptr_t)found;
    }
}

/* Decimal digits are all that is read here. */
unsigned long strtoul(const char *text, char **ret_end, int base)
{
    unsigned long value = 0;
    vk_assert(base == 10);
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (unsigned long)(*text - '0');
    if (ret_end != NULL)
        *ret_end = (char *)(uintptr_t)text;
    return value;
}

int vsnprintf(char *text, size_t room, const char *format, va_list arguments)
{
    static uint8_t printed[PRINTED_BYTES];
    struct vk_out out;
    vk_out_init(&out, printed, sizeof printed);
    vk_out_vfmt(&out, format, arguments);
    vk_assert(vk_out_status(&out) == 0);
    size_t len = vk_out_span(&out).len, kept = len < room ? len : room > 0 ? room - 1 : 0;
    memcpy(text, printed, kept);
    if (room > 0)
        text[kept] = '\0';
    return (int)len;
}
