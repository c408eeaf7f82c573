/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/app/say.h"

#include "vk/fmt.h"
#include "vk/plat.h"

#define LINE_BYTES 1024u

static void say_list(const char *before, const char *format, va_list arguments)
{
    uint8_t line[LINE_BYTES];
    struct vk_out out;
    vk_out_init(&out, line, sizeof line - 1);
    vk_out_fmt(&out, "%s", before);
    vk_out_vfmt(&out, format, arguments);
    struct vk_span text = vk_out_span(&out);
    line[text.len] = '\n';
    plat_console((const char *)line, text.len + 1);
}

void app_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_list("", format, arguments);
    va_end(arguments);
}

void app_say_span(struct vk_span line)
{
    app_say("%.*s", (int)(line.len < LINE_BYTES ? line.len : LINE_BYTES - 1), (const char *)line.ptr);
}

int app_refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_list("vkd: ", format, arguments);
    va_end(arguments);
    return 1;
}
