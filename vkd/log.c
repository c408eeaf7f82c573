/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t lines_dropped;

/*
 * O_NONBLOCK would change the description that others share with us. So a pipe
 * or a socket is asked not to block by each write; that takes Linux 6.4 for
 * pipes, and before it a look beforehand has to do, which fails us only when
 * another writer fills the pipe in between. Files and terminals are written to
 * as ever: a file that says "not now" would lose lines.
 */
static bool write_now(const char *bytes, size_t len_bytes)
{
    struct stat stat;
    const struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len_bytes};
    ssize_t written;
    if (fstat(STDERR_FILENO, &stat) == 0 && (S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode))) {
        written = pwritev2(STDERR_FILENO, &piece, 1, -1, RWF_NOWAIT);
        if (written >= 0 || errno != EOPNOTSUPP)
            return written == (ssize_t)len_bytes;
    }
    struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&err, 1, 0) != 1 || !(err.revents & POLLOUT))
        return false;
    written = write(STDERR_FILENO, bytes, len_bytes);
    return written == (ssize_t)len_bytes;
}

static bool tell_dropped(void)
{
    char line[80];
    int len_bytes = snprintf(line, sizeof line, "%llu line%s dropped: standard error did not take them\n",
                             (unsigned long long)lines_dropped, lines_dropped == 1 ? "" : "s");
    if (!write_now(line, (size_t)len_bytes))
        return false;
    lines_dropped = 0;
    return true;
}

void vkd_log(struct vk_span line)
{
    char text[VKD_LINE_MAX];
    size_t len_bytes = line.len < sizeof text - 1 ? line.len : sizeof text - 1;
    memcpy(text, line.ptr, len_bytes);
    text[len_bytes++] = '\n';
    if ((lines_dropped > 0 && !tell_dropped()) || !write_now(text, len_bytes))
        lines_dropped++;
}

void vkd_log_forked(void)
{
    lines_dropped = 0;
}
