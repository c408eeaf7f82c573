/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that a host may call: the `pub fn` of a program's first file whose
 * types have a plain form. A process runs one: its start argument is the
 * arguments as a stream, and it writes its result as a stream to its origin
 * before it ends; of one above PROC_MESSAGE_MAX_BYTES nothing, the op's arg
 * being VK_ETOOBIG.
 *
 *   value  = scalar | text | option | list       8-byte words, as the machine has them
 *   scalar = word                                Int, Float, Bool (0, 1), Duration
 *   text   = length, bytes, zeros up to a word   Str (UTF-8), Bytes
 *   option = 0 | 1 value      list = count value..
 *   result = 0 value | 1 text                    of a function that gives a Result; else the value
 */
#ifndef INTERP_EXPORT_H
#define INTERP_EXPORT_H

#include "interp/image.h"
#include "interp/signature.h"

struct interp_exported {
    const char *name, *type; /* in the module */
    struct interp_signature signature;
    uint32_t function;
    uint16_t types[INTERP_HOST_PARAMS_MAX]; /* of the parameters, in the order of the signature */
    uint16_t result;                        /* type */
};

/* The function of an image that a host calls by this name. -VK_ENOENT. */
int interp_exported_find(const struct interp_image *image, struct vk_span name,
                         struct interp_exported *ret_entry);

struct interp_run;

/* Process side: the start argument becomes the root fiber's arguments. false: it is none, or there is no
 * room. */
bool interp_exported_begin(struct interp_run *run, const struct interp_exported *entry);

/* Process side, the root has ended: its result is written. enum proc_run; AGAIN: to be called again first. */
int interp_exported_end(struct interp_run *run, const struct interp_exported *entry);

#endif
