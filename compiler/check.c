/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/check.h"

static struct vkc_source *load(struct vkc_program *program, const char *path, const char **ret_why,
                               void *context)
{
    (void)context;
    return vkc_source_read(&program->sources, path, ret_why);
}

bool vkc_check_loaded(struct vkc_program *program, struct vkc_source *source, vkc_load_fn *by,
                      void *load_context)
{
    (void)vkc_program_parse(program, source); /* kept in program->modules */
    if (program->diags.errors == 0)
        (void)vkc_analyse(program, by, load_context); /* kept in program->checked */
    return program->diags.errors == 0;
}

bool vkc_check_source(struct vkc_program *program, struct vkc_source *source)
{
    return vkc_check_loaded(program, source, load, NULL);
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
