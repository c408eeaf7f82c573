/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/complain.h"

#include "compiler/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *vkd_speaker = "vkd";

void vkd_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", vkd_speaker);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
}

/* ---- files ------------------------------------------------------------------ */

bool vkd_write_all(int fd, const char *bytes, size_t len_bytes)
{
    while (len_bytes > 0) {
        ssize_t written = write(fd, bytes, len_bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        len_bytes -= (size_t)written;
    }
    return true;
}

/* Whether all of it arrived; the first error is the one that errno keeps. */
static bool write_and_close(int fd, const void *bytes, size_t len_bytes)
{
    bool is_done = vkd_write_all(fd, bytes, len_bytes);
    int error = errno;
    bool is_closed = close(fd) == 0;
    if (!is_done)
        errno = error;
    return is_done && is_closed;
}

static bool write_to_device(const char *path, const void *bytes, size_t len_bytes)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write_and_close(fd, bytes, len_bytes);
}

/* What a file is made with. */
static mode_t usual_mode(void)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    return 0666 & ~mask;
}

static bool replace(const char *path, mode_t mode, const void *bytes, size_t len_bytes)
{
    struct vkc_text name = {0};
    bool is_done = false;
    vkc_text_print(&name, "%s.XXXXXX", path);
    int fd = mkstemp(name.bytes);
    if (fd >= 0) {
        is_done = fchmod(fd, mode) == 0;
        is_done = write_and_close(fd, bytes, is_done ? len_bytes : 0) && is_done;
        is_done = is_done && rename(name.bytes, path) == 0;
        int error = errno;
        if (!is_done)
            (void)unlink(name.bytes); /* the first error is the one to tell */
        errno = error;
    }
    vkc_text_fini(&name);
    return is_done;
}

bool vkd_write_whole(const char *path, const void *bytes, size_t len_bytes)
{
    struct stat about;
    char *real = realpath(path, NULL);
    bool is_there = real != NULL && stat(real, &about) == 0;
    bool is_done = false;
    if (is_there && !S_ISREG(about.st_mode))
        is_done = write_to_device(real, bytes, len_bytes);
    else if (is_there || errno == ENOENT)
        is_done = replace(is_there ? real : path, is_there ? about.st_mode & 07777 : usual_mode(), bytes,
                          len_bytes);
    if (!is_done)
        vkd_complain("%s: %s", path, strerror(errno));
    free(real);
    return is_done;
}
