/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends badly in the way the command line names, so that the tests can see that
 * a broken kernel is reported and that boot.py takes none of it for success.
 */
#include "metal/console.h"
#include "metal/start.h"

static bool starts_with(const char *text, const char *word)
{
    while (*word != '\0')
        if (*text++ != *word++)
            return false;
    return true;
}

/* Never returns: each frame is used after the call below it. */
static __attribute__((noinline)) uint32_t recurse(uint32_t depth)
{
    volatile uint32_t frame[64];
    frame[0] = depth;
    return depth == UINT32_MAX ? 0 : recurse(depth + 1) + frame[0];
}

int metal_main(const struct boot_info *info)
{
    const char *way = info->command_line;
    volatile uintptr_t null = 0;
    if (starts_with(way, "null"))
        __asm__ volatile("movb $1, (%0)" : : "r"(null) : "memory"); /* the compiler would not do it */
    if (starts_with(way, "stack"))
        return (int)recurse(0);
    if (starts_with(way, "assert"))
        vk_assert(null != 0);
    if (starts_with(way, "hang"))
        for (;;)
            ;
    metal_console_text("ok fault.reached_the_end\n1 passed, 0 failed\n");
    return starts_with(way, "fail") ? 1 : 0;
}
