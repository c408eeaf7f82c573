/* SPDX-License-Identifier: Apache-2.0 */
/* What a command has to say on standard error, and files that are written whole. */
#ifndef VKD_COMPLAIN_H
#define VKD_COMPLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* Who complains: "vkd", or, once it is known, "vkd" and the command's name. */
extern const char *vkd_speaker;

/* "SPEAKER: ..." and a line's end. */
void vkd_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes all of it, however many calls that takes; false: errno says why not. */
bool vkd_write_all(int fd, const char *bytes, size_t len_bytes);

/*
 * Puts bytes in the place of the file at that path, or makes it: beside it and
 * then by renaming, so that a write that fails leaves what was there, and nobody
 * sees a half. A link stays a link; what is no regular file, as a device, is
 * written to. false: it was complained of.
 */
bool vkd_write_whole(const char *path, const void *bytes, size_t len_bytes);

#endif
