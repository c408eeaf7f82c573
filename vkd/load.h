/* SPDX-License-Identifier: Apache-2.0 */
/* From a program's file, source or module, to a verified image. */
#ifndef VKD_LOAD_H
#define VKD_LOAD_H

#include "compiler/text.h"
#include "interp/image.h"

struct vkd_loaded {
    bool has_tests;       /* set by the caller: the program's tests are compiled too */
    uint64_t seed;        /* likewise; not 0: of all that is chosen at random */
    struct vkc_text file; /* the module; aligned to 8 */
    struct interp_module module;
    struct interp_image image;
};

/*
 * Reads a module (a path that ends in .vkb), or compiles, and verifies what
 * comes of it. Errors go to standard error.
 */
bool vkd_load_module(const char *path, struct vkd_loaded *loaded);

/* The same, laid out for running with these natives; the memory lasts as long as the program. */
bool vkd_load_image(const char *path, const struct interp_native *const *natives, struct vkd_loaded *loaded);

#endif
