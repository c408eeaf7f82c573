/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image is a verified module laid out for running: what the run loop looks
 * at for each instruction lies in arrays of the shape it wants, natives are
 * linked, constant objects end in a power of two so that one mask clamps a
 * reference to them. Processes only read it; it holds host pointers and is
 * therefore not part of any heap.
 */
#ifndef INTERP_IMAGE_H
#define INTERP_IMAGE_H

#include "interp/host.h"
#include "interp/module.h"
#include "interp/native.h"
#include "interp/text/hash.h"

/*
 * The word before a function's first instruction, as the run loop wants it:
 * registers (at least 1, for a result), reference parameters, references to
 * zero behind them, scalar parameters.
 */
#define INTERP_FRAME_REGS(frame)    ((frame)&255)
#define INTERP_FRAME_PARAMS(frame)  ((frame) >> 8 & 255)
#define INTERP_FRAME_ZERO(frame)    ((frame) >> 16 & 255)
#define INTERP_FRAME_SCALARS(frame) ((frame) >> 24)
#define INTERP_FRAME_REFS(frame)    (INTERP_FRAME_PARAMS(frame) + INTERP_FRAME_ZERO(frame))

/* A native of the module, linked. */
struct interp_link {
    interp_native_fn fn;
    uint16_t result; /* type, or INTERP_TYPE_NONE */
    uint8_t refs;    /* parameters in the window */
    uint8_t scalars;
    const struct interp_host_link *host; /* NULL: it is no function of the host */
};

struct interp_image {
    const uint32_t *code;
    const uint32_t *const
        *calls; /* by function: its first instruction; the word before it is an INTERP_FRAME */
    const struct interp_type *types;
    const uint64_t *constants;
    const uint32_t *refs; /* reference constants, as references */
    const uint8_t *data;  /* constant objects; an offset in them with bit 31 is a reference */
    uint32_t data_mask;   /* the clamp: all of it can be read, and a little more behind it */
    uint32_t data_bytes;  /* of them, with objects in them */
    uint32_t functions_count;
    uint32_t types_count;
    uint16_t str_type; /* 0: none */
    uint16_t bytes_type;
    uint32_t entry;
    const struct interp_link *natives;
    const struct interp_function *functions;
    const uint16_t *type_words;
    struct interp_hash_key hash_key; /* of maps, fixed for the image's life */
    struct interp_module module;
};

struct interp_image_options {
    const struct interp_native *const *natives; /* tables that end in a NULL name; ended by NULL */
    const struct interp_hosts *hosts;           /* functions that the host supplies; NULL: none */
    struct interp_hash_key hash_key;            /* all random bits */
    uint32_t lets_bytes; /* room behind the constant objects, for top-level values; 0: none */
};

/*
 * Bytes that an image of a module needs, with so much room for top-level
 * values. They lie at its end: pages that nothing is frozen into are not touched.
 */
size_t interp_image_bytes(const struct interp_module *module, uint32_t lets_bytes);

/* Bytes from the image's start that are needed once its top-level values are frozen. */
size_t interp_image_used_bytes(const struct interp_image *image, const void *memory);

/*
 * Lay a module out in memory, which is zero-filled, aligned to 64 and of
 * interp_image_bytes(module, options->lets_bytes). The module has been verified and its file
 * outlives the image. Returns 0; -VK_ENOENT when a native, or a function of the
 * host, is unknown or has another signature, with *ret_refusal saying which
 * (at: its index; interp_host_explain says it with both signatures).
 */
int interp_image_init(struct interp_image *image, const struct interp_module *module, void *memory,
                      const struct interp_image_options *options, struct interp_refusal *ret_refusal);

/* No more objects come: the clamp shrinks to those that are there. */
void interp_image_close(struct interp_image *image);

/* The function whose code holds the instruction `at`, an index in the code. */
uint32_t interp_image_function_at(const struct interp_image *image, uint32_t at);

/* Where that is in the source. */
struct interp_place {
    const char *function;
    const char *file; /* "" in a program of one */
    uint32_t line;    /* 0 when there is no line table */
};
struct interp_place interp_image_place(const struct interp_image *image, uint32_t at);

/* A function by its name; INTERP_NOWHERE when there is none. */
uint32_t interp_image_find(const struct interp_image *image, struct vk_span name);

#endif
