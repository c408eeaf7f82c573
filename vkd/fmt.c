/* SPDX-License-Identifier: Apache-2.0 */
/* `vkd fmt`: files are replaced whole, by renaming, and only when they change. */
#include "compiler/fmt.h"
#include "compiler/check.h"
#include "compiler/limits.h"
#include "vkd/command.h"
#include "vkd/complain.h"

/* The formatted text of a source; false, reported, when it has errors. */
static bool format(struct vkc_program *program, struct vkc_source *source, struct vkc_text *text)
{
    const struct vkc_module *module = vkc_program_parse(program, source);
    if (program->diags.errors == 0)
        vkc_fmt(module, text);
    if (text->len > VKC_SOURCE_MAX_BYTES)
        vkc_error(&program->diags, (struct vkc_span){0, 0}, "%s: formatted, it would be longer than 1 MiB",
                  source->path);
    vkd_print_diags(program);
    return program->diags.errors == 0;
}

static bool format_file(const char *path, bool is_check)
{
    struct vkc_program program;
    struct vkc_text text = {0};
    const char *why = NULL;
    vkc_program_init(&program);
    struct vkc_source *source = vkc_source_read(&program.sources, path, &why);
    bool is_good = source != NULL && format(&program, source, &text);
    if (source == NULL)
        vkd_complain("%s: %s", path, why);
    bool is_same = is_good && text.len == source->len_bytes &&
                   (text.len == 0 || memcmp(text.bytes, source->text, text.len) == 0);
    if (is_good && !is_same && is_check) {
        printf("%s\n", path);
        is_good = false;
    } else if (is_good && !is_same) {
        is_good = vkd_write_whole(path, text.bytes, text.len);
    }
    vkc_text_fini(&text);
    vkc_program_fini(&program);
    return is_good;
}

/* Standard input to standard output, or only whether that would change it. */
static bool format_stdin(bool is_check)
{
    struct vkc_program program;
    struct vkc_text text = {0};
    const char *why = NULL;
    vkc_program_init(&program);
    struct vkc_source *source = vkc_source_read_open(&program.sources, "<stdin>", stdin, &why);
    bool is_good = source != NULL && format(&program, source, &text);
    if (source == NULL)
        vkd_complain("standard input: %s", why);
    if (is_good && is_check)
        is_good = text.len == source->len_bytes &&
                  (text.len == 0 || memcmp(text.bytes, source->text, text.len) == 0);
    else if (is_good && text.len > 0)
        (void)fwrite(text.bytes, 1, text.len, stdout); /* whether it arrives shows at exit */
    vkc_text_fini(&text);
    vkc_program_fini(&program);
    return is_good;
}

static int run(int argc, char *const *argv)
{
    bool is_check = false, is_good = true;
    int first = 1;
    for (; first < argc && argv[first][0] == '-' && argv[first][1] != '\0'; first++) {
        if (strcmp(argv[first], "--") == 0) {
            first++;
            break;
        }
        if (strcmp(argv[first], "--check") != 0)
            return vkd_usage_error(&vkd_command_fmt, "unknown flag '%s'", argv[first]);
        is_check = true;
    }
    if (first == argc)
        return vkd_usage_error(&vkd_command_fmt, "which file?");
    for (int i = first; i < argc; i++)
        if (strcmp(argv[i], "-") != 0 && !vkd_can_read(argv[i]))
            return VKD_EXIT_USAGE;
    for (int i = first; i < argc; i++)
        is_good &= strcmp(argv[i], "-") == 0 ? format_stdin(is_check) : format_file(argv[i], is_check);
    return is_good ? 0 : VKD_EXIT_PROGRAM;
}

const struct vkd_command vkd_command_fmt = {
    .name = "fmt",
    .arguments = "[--check] FILE... | -",
    .about = "bring source files into the one style",
    .details = "Files are changed in place; - reads standard input and writes standard output.\n"
               "  --check  change nothing: name the files that are not in the style, exit code 1\n"
               "A file with syntax errors is left alone.\n",
    .run = run,
};
