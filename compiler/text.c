/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/text.h"

#include "compiler/arena.h"

#include <stdio.h>

#define ROOM_FIRST 256u

void vkc_text_fini(struct vkc_text *text)
{
    vkc_free(text->bytes);
    *text = (struct vkc_text){0};
}

void vkc_text_clear(struct vkc_text *text)
{
    text->len = 0;
    if (text->bytes != NULL)
        text->bytes[0] = '\0';
}

/* Room for len_bytes more and the terminator. */
static void reserve(struct vkc_text *text, size_t len_bytes)
{
    size_t wanted = text->len + len_bytes + 1;
    if (wanted <= text->room)
        return;
    size_t room = text->room != 0 ? text->room : ROOM_FIRST;
    while (room < wanted)
        room *= 2;
    text->bytes = vkc_grow(text->bytes, room);
    text->room = room;
}

void vkc_text_add(struct vkc_text *text, const char *bytes, size_t len_bytes)
{
    reserve(text, len_bytes);
    if (len_bytes != 0)
        memcpy(text->bytes + text->len, bytes, len_bytes);
    text->len += len_bytes;
    text->bytes[text->len] = '\0';
}

void vkc_text_put(struct vkc_text *text, const char *terminated)
{
    vkc_text_add(text, terminated, strlen(terminated));
}

void vkc_text_fill(struct vkc_text *text, char byte, size_t count)
{
    reserve(text, count);
    memset(text->bytes + text->len, byte, count);
    text->len += count;
    text->bytes[text->len] = '\0';
}

void vkc_text_vprint(struct vkc_text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    vk_assert(len >= 0);
    reserve(text, (size_t)len);
    (void)vsnprintf(text->bytes + text->len, (size_t)len + 1, format, again);
    text->len += (size_t)len;
    va_end(again);
}

void vkc_text_print(struct vkc_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vkc_text_vprint(text, format, arguments);
    va_end(arguments);
}

size_t vkc_utf8_bytes(const char *text, size_t len_bytes)
{
    uint8_t first = (uint8_t)text[0];
    if (first < 0x80)
        return 1;
    size_t want = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (want > len_bytes)
        return 0;
    for (size_t i = 1; i < want; i++) {
        if ((uint8_t)text[i] < low || (uint8_t)text[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return want;
}
