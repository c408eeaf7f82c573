/* SPDX-License-Identifier: Apache-2.0 */
/* tests/isolation on bare metal: the very objects of the Linux program. The command line names the guard. */
#include "metal/console.h"
#include "metal/start.h"
#include "tests/isolation/isolation.h"

#define GUARD_MAX_BYTES 32u

/* The first word of the command line; the machine may have added its own behind it. */
static void first_word(const char *line, char word[GUARD_MAX_BYTES])
{
    size_t len = 0;
    for (; len + 1 < GUARD_MAX_BYTES && line[len] != '\0' && line[len] != ' '; len++)
        word[len] = line[len];
    word[len] = '\0';
}

int metal_main(const struct boot_info *info)
{
    char guard[GUARD_MAX_BYTES];
    enum vk_guard_kind kind;
    uint32_t failed_count = 0;
    first_word(info->command_line, guard);
    int rc = vk_guard_parse(guard, &kind);
    if (rc == 0)
        rc = isolation_run(kind, NULL, 0, &failed_count);
    if (rc != 0) {
        metal_console_text(rc == -VK_ENOTSUP ? "skipped: guard " : "FAIL start of guard ");
        metal_console_text(guard);
        metal_console_text(": ");
        metal_console_text(vk_err_text(rc));
        metal_console_text("\n");
    }
    return rc == 0 && failed_count == 0 ? 0 : 1;
}
