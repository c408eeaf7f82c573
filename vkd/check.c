/* SPDX-License-Identifier: Apache-2.0 */
/* `vkd check`: each file is the first of a program of its own. */
#include "compiler/check.h"
#include "compiler/types.h"
#include "vkd/command.h"

static void explain(const struct vkc_program *program)
{
    struct vkc_text text = {0};
    vkc_waits_print(program->checked, &text);
    if (text.len > 0)
        (void)fwrite(text.bytes, 1, text.len, stdout); /* a closed pipe shows at exit */
    vkc_text_fini(&text);
}

static bool check_file(const char *path, bool explains)
{
    struct vkc_program program;
    vkc_program_init(&program);
    bool is_good = vkc_check(&program, path);
    vkd_print_diags(&program);
    if (is_good && explains)
        explain(&program);
    vkc_program_fini(&program);
    return is_good;
}

static int run(int argc, char *const *argv)
{
    bool are_good = true, explains = argc > 1 && strcmp(argv[1], "--explain-waits") == 0;
    int first = explains ? 2 : 1;
    if (first < argc && strcmp(argv[first], "--") == 0)
        first++;
    else if (first < argc && argv[first][0] == '-')
        return vkd_usage_error(&vkd_command_check, "unknown flag '%s'", argv[first]);
    if (first == argc)
        return vkd_usage_error(&vkd_command_check, "which file?");
    for (int i = first; i < argc; i++)
        if (!vkd_can_read(argv[i]))
            return VKD_EXIT_USAGE;
    for (int i = first; i < argc; i++)
        are_good &= check_file(argv[i], explains);
    return are_good ? 0 : VKD_EXIT_PROGRAM;
}

const struct vkd_command vkd_command_check = {
    .name = "check",
    .arguments = "[--explain-waits] FILE...",
    .about = "report the errors of programs",
    .details =
        "Each FILE is the first file of a program. Exit code 0 without errors, 1 with errors, 2 when a\n"
        "file cannot be read.\n"
        "--explain-waits  also list the functions that may wait, each with the first place where\n"
        "                 it does\n",
    .run = run,
};
