/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the loaded files an address of code belongs to, by their program headers. */
#include "vk/plat.h"

#include <errno.h>
#include <link.h>
#include <string.h>

struct search {
    uintptr_t pc;
    const char *file;
    uintptr_t base; /* address of the file minus the one it was linked at */
};

static bool has_code(const struct dl_phdr_info *info, uintptr_t pc)
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) &&
            pc - info->dlpi_addr - part->p_vaddr < part->p_memsz)
            return true;
    }
    return false;
}

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct search *search = arg;
    (void)size;
    if (!has_code(info, search->pc))
        return 0;
    const char *slash = strrchr(info->dlpi_name, '/');
    search->file = slash ? slash + 1 : info->dlpi_name;
    if (info->dlpi_name[0] == '\0')
        search->file = program_invocation_short_name;
    search->base = info->dlpi_addr;
    return 1;
}

uintptr_t plat_code_place(uintptr_t pc, const char **ret_file)
{
    struct search search = {.pc = pc};
    (void)dl_iterate_phdr(look, &search); /* its value is look's */
    *ret_file = search.file;
    return pc - search.base;
}
