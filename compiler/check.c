/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/check.h"

/* Each works on all modules of the program, the first file's first. */
static void (*const passes[])(struct vkc_program *program) = {
    NULL, /* ends the list */
};

bool vkc_check_source(struct vkc_program *program, struct vkc_source *source)
{
    (void)vkc_program_parse(program, source); /* kept in program->modules */
    for (size_t i = 0; passes[i] != NULL && program->diags.errors == 0; i++)
        passes[i](program);
    return program->diags.errors == 0;
}

bool vkc_check(struct vkc_program *program, const char *path)
{
    const char *why = NULL;
    struct vkc_source *source = vkc_source_read(&program->sources, path, &why);
    if (source != NULL)
        return vkc_check_source(program, source);
    vkc_error(&program->diags, (struct vkc_span){0, 0}, "%s: %s", path, why);
    return false;
}
