/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codecs (interp/bytecode.h): what the natives of JSON know of a type. Each is
 * a constant of the module.
 */
#ifndef COMPILER_CODEC_H
#define COMPILER_CODEC_H

#include "compiler/lower_impl.h"

/* A field of an object written on the spot. */
struct vkc_codec_field {
    const struct vkc_name *name;
    struct vkc_type *type;                /* NULL: an object within the object */
    const struct vkc_codec_field *fields; /* of that */
    uint32_t count;
    uint16_t entry; /* the module's type of the record of `fields` */
    uint32_t place; /* of this field in its record */
};

/* Reference constants: the codec of a type, of a Result to be read into, of an object. */
uint32_t vkc_codec_of(struct vkc_lower *lower, struct vkc_type *type);
uint32_t vkc_codec_reads(struct vkc_lower *lower, struct vkc_type *result);
uint32_t vkc_codec_object(struct vkc_lower *lower, uint16_t entry, const struct vkc_codec_field *fields,
                          uint32_t count);

#endif
