/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows: messages and formatted sources. A zeroed one is empty; the bytes are terminated. */
#ifndef COMPILER_TEXT_H
#define COMPILER_TEXT_H

#include "vk/base.h"

#include <stdarg.h>

struct vkc_text {
    char *bytes; /* NULL while empty */
    size_t len;
    /* private */
    size_t room;
};

void vkc_text_fini(struct vkc_text *text);
void vkc_text_clear(struct vkc_text *text);
void vkc_text_add(struct vkc_text *text, const char *bytes, size_t len_bytes);
void vkc_text_put(struct vkc_text *text, const char *terminated);
void vkc_text_fill(struct vkc_text *text, char byte, size_t count);
void vkc_text_print(struct vkc_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void vkc_text_vprint(struct vkc_text *text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Length of the UTF-8 character (RFC 3629) at text, which has len_bytes > 0 left; 0 when none is there. */
size_t vkc_utf8_bytes(const char *text, size_t len_bytes);

#endif
