/* SPDX-License-Identifier: Apache-2.0 */
/* From a program's file, source or module, to a verified image. */
#ifndef VKD_LOAD_H
#define VKD_LOAD_H

#include "compiler/text.h"
#include "net/bind/host.h"
#include "vkd/verified.h"

struct vkd_loaded {
    const char *top; /* set by the caller: imports may be found from any folder between this one, a beginning
                        of the path, and the file's own; NULL: from its own */
    bool has_tests;  /* set by the caller: the program's tests are compiled too */
    bool is_silent;  /* likewise: what the evaluation of top-level values logs is not shown */
    const struct interp_hosts *hosts; /* likewise: functions that programs ask the host for; NULL: none */
    uint64_t seed;                    /* likewise; not 0: of all that is chosen at random */
    const char *out;                  /* likewise: a file to be written later; NULL: none */
    struct vk_span given;             /* likewise: the module, instead of what the path names; empty: none */
    bool reads_out;                   /* out is one of the files that were read, by whatever name */
    struct vkc_text file;             /* the module; aligned to 8 */
    struct vkd_verified code;
    struct net_bind_host host;
    void *host_memory; /* NULL: none */
};

/*
 * Reads a module (a path that ends in .vkb), or compiles, and verifies what
 * comes of it. Errors go to standard error.
 */
bool vkd_load_module(const char *path, struct vkd_loaded *loaded);

/*
 * The same, laid out for running with these natives, its top-level values
 * evaluated; the image is read-only then.
 */
bool vkd_load_image(const char *path, const struct interp_native *const *natives, struct vkd_loaded *loaded);

/* The same, ready to be put into kernels. */
bool vkd_load_host(const char *path, const struct interp_native *const *natives, struct vkd_loaded *loaded);

/* No function, and that is no reason to refuse a program: one that is called traps. */
extern const struct interp_hosts vkd_no_host;

bool vkd_ends_with(const char *text, const char *end);

/* Gives back what a loaded one holds, zeroed ones too. */
void vkd_unload(struct vkd_loaded *loaded);

#endif
