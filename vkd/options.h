/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line shared by every server program: where to listen, which
 * driver and guard, how many workers and processes, and how they run. Nothing is silently ignored: an unknown
 * flag, a flag given twice, a missing or an extra argument is an error.
 */
#ifndef VKD_OPTIONS_H
#define VKD_OPTIONS_H

#include "net/linux/io.h"
#include "vk/guard.h"
#include "vk/limits.h"
#include "vkd/addr.h"

#include <stdio.h>

struct vkd_options {
    struct proc_addr listen;
    bool has_listen; /* it was given */
    enum net_io_kind driver;
    enum vk_guard_kind guard;
    uint32_t workers; /* 1 .. VKD_WORKERS_MAX */
    uint32_t slots;   /* of each worker, 1 .. VKD_SLOTS_MAX: processes that are alive at once */
    bool realtime;    /* vkd/realtime.h */
};

/* What vkd_options_parse tells its caller to do. */
enum vkd_parsed {
    VKD_PARSED_SERVE,
    VKD_PARSED_DONE, /* --help or --version was printed: exit 0 */
    VKD_PARSED_BAD,  /* message and usage were printed: exit 2 */
};

/*
 * Fill options from the command line, defaults for what is not given
 * (127.0.0.1:8080, auto, auto, 1, VKD_SLOTS_MAX, not realtime). argv[0] is the program's name; about is one
 * line for --help, arguments stands behind the name in the usage line ("[FLAGS]"). Help and version
 * go to out, complaints to err.
 */
enum vkd_parsed vkd_options_parse(struct vkd_options *options, const char *about, const char *arguments,
                                  int argc, char *const *argv, FILE *out, FILE *err);

/* The flags, one line or more each, as --help shows them. */
extern const char vkd_options_help[];

const char *vkd_driver_name(enum net_io_kind driver);

/* The last component of a path: a program's name in its messages. */
const char *vkd_program_name(const char *path);

#endif
