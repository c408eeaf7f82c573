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
