/* SPDX-License-Identifier: Apache-2.0 */
/* `vkd build` and `vkd disasm`. */
#include "compiler/disasm.h"
#include "vkd/command.h"
#include "vkd/complain.h"
#include "vkd/load.h"
#include "vkd/trial.h"

#include <string.h>

/* app.vk to app.vkb */
static void default_name(const char *path, struct vkc_text *name)
{
    size_t len = strlen(path);
    if (len > 3 && vkd_ends_with(path, ".vk"))
        len -= 3;
    vkc_text_add(name, path, len);
    vkc_text_put(name, ".vkb");
}

/* Compiles, and loads as `vkd run` or `vkd test` will: no module is written that they would refuse. */
static int build(const char *path, const char *out, struct vkd_loaded *loaded)
{
    loaded->out = out;
    loaded->is_silent = true;
    loaded->hosts = &vkd_no_host;
    if (!vkd_load_host(path, loaded->has_tests ? vkd_trial_natives() : net_bind_host_natives, loaded))
        return VKD_EXIT_PROGRAM;
    if (loaded->reads_out)
        return vkd_usage_error(&vkd_command_build,
                               "'%s' is a source of the program and would be lost; choose another name", out);
    return vkd_write_whole(out, loaded->file.bytes, loaded->file.len) ? 0 : VKD_EXIT_PROGRAM;
}

static int build_to(const char *path, const char *out, struct vkd_loaded *loaded)
{
    struct vkc_text name = {0};
    if (vkd_ends_with(path, ".vkb"))
        return vkd_usage_error(&vkd_command_build, "'%s' is a module already", path);
    if (out != NULL && vkd_ends_with(out, ".vk"))
        return vkd_usage_error(&vkd_command_build, "'%s' is the name of a source; a module's ends in .vkb",
                               out);
    if (!vkd_can_read(path))
        return VKD_EXIT_USAGE;
    default_name(path, &name);
    int rc = build(path, out != NULL ? out : name.bytes, loaded);
    vkc_text_fini(&name);
    vkd_unload(loaded);
    return rc;
}

static int run_build(int argc, char *const *argv)
{
    const char *path = NULL, *out = NULL;
    struct vkd_loaded loaded = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-o") == 0 && i + 1 < argc)
            out = argv[++i];
        else if (strcmp(argv[i], "--tests") == 0)
            loaded.has_tests = true;
        else if (argv[i][0] == '-')
            return vkd_usage_error(&vkd_command_build,
                                   strcmp(argv[i], "-o") == 0 ? "%s needs a name" : "unknown flag '%s'",
                                   argv[i]);
        else if (path != NULL)
            return vkd_usage_error(&vkd_command_build, "one file at a time");
        else
            path = argv[i];
    }
    if (path == NULL)
        return vkd_usage_error(&vkd_command_build, "which file?");
    return build_to(path, out, &loaded);
}

static int run_disasm(int argc, char *const *argv)
{
    struct vkd_loaded loaded = {.has_tests = true};
    struct vkc_text text = {0};
    if (argc != 2)
        return vkd_usage_error(&vkd_command_disasm, "which file?");
    if (!vkd_can_read(argv[1]))
        return VKD_EXIT_USAGE;
    bool is_good = vkd_load_module(argv[1], &loaded);
    if (is_good) {
        vkc_disasm(loaded.file.bytes, &text);
        fwrite(text.bytes, 1, text.len, stdout);
    }
    vkc_text_fini(&text);
    vkc_text_fini(&loaded.file);
    return is_good ? 0 : VKD_EXIT_PROGRAM;
}

const struct vkd_command vkd_command_build = {
    .name = "build",
    .arguments = "[--tests] FILE [-o OUT]",
    .about = "compile a program to a module",
    .details = "FILE is the program's first file; OUT is FILE with .vkb when it is not given.\n"
               "The module is verified, and its top-level values computed, before it is written.\n"
               "  --tests  with the program's tests, for `vkd test`; without it they are left out\n",
    .run = run_build,
};

const struct vkd_command vkd_command_disasm = {
    .name = "disasm",
    .arguments = "FILE",
    .about = "show a program's bytecode",
    .details = "FILE is a source or a module (.vkb). The columns are source line, instruction, operands.\n",
    .run = run_disasm,
};
