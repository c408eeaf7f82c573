/* SPDX-License-Identifier: Apache-2.0 */
/* The command `vkd`: finds the command that its first argument names. */
#include "compiler/program.h"
#include "vkd/command.h"
#include "vkd/complain.h"

#include <errno.h>
#include <sys/stat.h>

static const struct vkd_command *const commands[] = {
    &vkd_command_init, &vkd_command_run,   &vkd_command_test,   &vkd_command_sim,   &vkd_command_check,
    &vkd_command_fmt,  &vkd_command_build, &vkd_command_disasm, &vkd_command_metal,
};

static void print_usage(FILE *to)
{
    fprintf(to, "usage: vkd COMMAND [ARGS]\n\n");
    int width = 0;
    for (size_t i = 0; i < VK_COUNT(commands); i++)
        if ((int)strlen(commands[i]->arguments) > width)
            width = (int)strlen(commands[i]->arguments);
    for (size_t i = 0; i < VK_COUNT(commands); i++)
        fprintf(to, "  %-6s %-*s  %s\n", commands[i]->name, width, commands[i]->arguments,
                commands[i]->about);
    fprintf(to, "\n  vkd COMMAND --help     more of a command\n"
                "  vkd --help             this text\n"
                "  vkd --version          the version\n");
}

int vkd_usage_error(const struct vkd_command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", vkd_speaker);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\nusage: vkd %s %s (vkd %s --help says more)\n", command->name, command->arguments,
            command->name);
    va_end(arguments);
    return VKD_EXIT_USAGE;
}

bool vkd_can_read(const char *path)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    bool is_folder = file != NULL && fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode);
    const char *why = is_folder ? "is a folder" : file == NULL ? strerror(errno) : NULL;
    if (why != NULL)
        vkd_complain("%s: %s", path, why);
    if (file != NULL)
        fclose(file);
    return why == NULL;
}

static int run_command(const struct vkd_command *command, int argc, char *const *argv)
{
    static char speaker[32];
    (void)snprintf(speaker, sizeof speaker, "vkd %s", command->name);
    vkd_speaker = speaker;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0)
            break;
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s\n\nusage: vkd %s %s\n%s%s", command->about, command->name, command->arguments,
                   command->details, command->flags ? command->flags : "");
            return 0;
        }
    }
    return command->run(argc, argv);
}

/* What was written to standard output has to arrive: a full disk is no success. */
static int end(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    vkd_complain("standard output: %s", errno != 0 ? strerror(errno) : "it cannot be written");
    return VKD_EXIT_USAGE;
}

static int unknown_command(const char *name)
{
    struct vkc_nearest nearest;
    vkc_nearest_init(&nearest, name, strlen(name));
    for (size_t i = 0; i < VK_COUNT(commands); i++)
        vkc_nearest_offer(&nearest, commands[i]->name);
    fprintf(stderr, "vkd: unknown %s '%s'", name[0] == '-' ? "flag" : "command", name);
    if (nearest.best != NULL)
        fprintf(stderr, "; did you mean '%s'?", nearest.best);
    fprintf(stderr, "\n");
    print_usage(stderr);
    return VKD_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return VKD_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return end(0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("vkd %s\n", VKD_VERSION);
        return end(0);
    }
    for (size_t i = 0; i < VK_COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i]->name) == 0)
            return end(run_command(commands[i], argc - 1, argv + 1));
    }
    return unknown_command(argv[1]);
}
