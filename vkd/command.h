/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of `vkd`. Each is given its own arguments, argv[0] the
 * command's name, and returns the exit code: 0, VKD_EXIT_PROGRAM when the
 * program it was given has errors, VKD_EXIT_USAGE when the command line has or
 * names a file that cannot be read, or standard output cannot be written.
 */
#ifndef VKD_COMMAND_H
#define VKD_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#define VKD_EXIT_PROGRAM 1
#define VKD_EXIT_USAGE   2

struct vkc_program;

struct vkd_command {
    const char *name;
    const char *arguments; /* for the usage line */
    const char *about;     /* one line */
    const char *details;   /* more lines of --help, each ended */
    const char *flags;     /* the same, behind them; may be NULL */
    int (*run)(int argc, char *const *argv);
};

extern const struct vkd_command vkd_command_check;
extern const struct vkd_command vkd_command_fmt;
extern const struct vkd_command vkd_command_build;
extern const struct vkd_command vkd_command_disasm;
extern const struct vkd_command vkd_command_run;
extern const struct vkd_command vkd_command_test;
extern const struct vkd_command vkd_command_init;
extern const struct vkd_command vkd_command_metal;
extern const struct vkd_command vkd_command_sim;

/* Complains on standard error, with the command's usage line. Returns VKD_EXIT_USAGE. */
int vkd_usage_error(const struct vkd_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether the file can be read; if not, that is said on standard error, and the command's exit code is
 * VKD_EXIT_USAGE. */
bool vkd_can_read(const char *path);

/* Prints the program's messages on standard error, in colour on a terminal unless NO_COLOR is set. */
void vkd_print_diags(const struct vkc_program *program);

#endif
