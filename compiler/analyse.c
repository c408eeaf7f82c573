/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the checks. */
#include "compiler/pass.h"

static void name_words(struct vkc_pass *pass)
{
    struct vkc_names *names = &pass->program->names;
    pass->name_stop = vkc_intern_text(names, "stop");
    pass->name_req = vkc_intern_text(names, "req");
    pass->name_crash = vkc_intern_text(names, "crash");
    pass->name_body = vkc_intern_text(names, "body");
    pass->name_headers = vkc_intern_text(names, "headers");
}

struct vkc_checked *vkc_analyse(struct vkc_program *program, vkc_load_fn *load, void *context)
{
    struct vkc_checked *checked = VKC_NEW(&program->arena, struct vkc_checked);
    struct vkc_pass *pass = VKC_NEW(&program->arena, struct vkc_pass);
    checked->program = program;
    checked->pass = pass;
    program->checked = checked;
    vkc_types_init(&checked->types, &program->arena);
    pass->checked = checked;
    pass->program = program;
    pass->types = &checked->types;
    pass->diags = &program->diags;
    pass->load = load;
    pass->load_context = context;
    name_words(pass);
    vkc_resolve_modules(pass);
    if (checked->modules_count > 0 && !pass->is_halted) {
        vkc_infer_all(pass);
        vkc_addresses_check(pass);
    }
    if (program->diags.errors > 0)
        return checked;
    vkc_waits_find(pass);
    vkc_lets_order(pass);
    vkc_instances_find(pass);
    if (program->diags.errors == 0)
        vkc_owners_find(pass);
    return checked;
}

void vkc_checked_fini(struct vkc_checked *checked)
{
    if (checked != NULL)
        vkc_types_fini(&checked->types);
}
