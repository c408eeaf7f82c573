/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module inside of the image's file: a place that says where it is. `vkd
 * metal` adds the module as one more loadable segment, behind the image, and
 * fills the place in, which it finds by its magic; the loader hands the module
 * on as if it had been loaded beside the image. A packed image has the place in
 * its unpacker, which copies it into the loader's (app/unpack.S).
 */
#ifndef METAL_ATTACH_H
#define METAL_ATTACH_H

#include "vk/base.h"

#define METAL_ATTACH_MAGIC "vkd module in\r\n" /* 16 bytes with its NUL */
#define METAL_ATTACH_BYTES 16u

struct metal_attach {
    char magic[METAL_ATTACH_BYTES];
    uint64_t base;      /* physical, a multiple of the page size; little-endian in the file */
    uint64_t len_bytes; /* 0: there is none */
};

_Static_assert(sizeof(METAL_ATTACH_MAGIC) == METAL_ATTACH_BYTES, "found byte for byte");
_Static_assert(sizeof(struct metal_attach) == 32, "written into files");

#endif
