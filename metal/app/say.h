/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on the console, of the form that vkd writes to standard error on Linux. */
#ifndef METAL_APP_SAY_H
#define METAL_APP_SAY_H

#include "vk/bytes.h"

/* A line; its newline is added. What is longer than the room for a line (about 1 KiB) is cut. */
void app_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void app_say_span(struct vk_span line);

/* "vkd: " and why the image cannot go on, in words that say what to do. Returns 1, metal_main's result then.
 */
int app_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
