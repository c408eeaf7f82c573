/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/plat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void plat_panic(const char *why)
{
    (void)!write(STDERR_FILENO, "panic: ", 7);
    (void)!write(STDERR_FILENO, why, strlen(why));
    (void)!write(STDERR_FILENO, "\n", 1);
    abort();
}

void plat_console(const char *text, size_t len_bytes)
{
    while (len_bytes > 0) {
        ssize_t done = write(STDERR_FILENO, text, len_bytes);
        if (done <= 0)
            return;
        text += done;
        len_bytes -= (size_t)done;
    }
}
