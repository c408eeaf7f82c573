/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view of a module file in memory: each section as an array whose bounds
 * were checked. Opening trusts nothing in the file and copies nothing; what
 * the sections mean is the verifier's business (interp/verify.h).
 */
#ifndef INTERP_MODULE_H
#define INTERP_MODULE_H

#include "interp/bytecode.h"
#include "vk/bytes.h"

/* Why a module is refused, and where. The text is static and has no newline. */
struct interp_refusal {
    const char *why;
    uint32_t function; /* index, or INTERP_NOWHERE */
    uint32_t at; /* an instruction's index from the function's first; else the entry's index or offset */
};

#define INTERP_NOWHERE 0xffffffffu

struct interp_module {
    const struct interp_header *header;
    const struct interp_type *types;
    const uint16_t *type_words;
    const struct interp_function *functions;
    const uint16_t *reg_types;
    const uint32_t *heads;
    const uint32_t *code;
    const uint64_t *constants;
    const uint8_t *data;
    const struct interp_ref *refs;
    const struct interp_import *natives;
    const char *names;
    const uint8_t *lines;
    const uint8_t *services;
    uint32_t counts[INTERP_SECTION_END]; /* elements of each section */
};

/*
 * Look at the len_bytes of a file at `bytes`, which is aligned to 8 and
 * outlives the module. Returns 0, or -VK_EMALFORMED with *ret_refusal set.
 */
int interp_module_open(struct interp_module *module, const void *bytes, size_t len_bytes,
                       struct interp_refusal *ret_refusal);

/* The checksum of a file's bytes behind its header: FNV-1a of 64 bits, by words of 8 bytes. */
uint64_t interp_module_checksum(const void *bytes, size_t len_bytes);

/* The NUL-terminated name at an offset of NAMES; "?" when the offset is outside. */
const char *interp_module_name(const struct interp_module *module, uint32_t offset);

/* The services of a module, which have been verified; NULL: it has none. */
VK_INLINE const struct interp_services *interp_module_services(const struct interp_module *module)
{
    return module->counts[INTERP_SECTION_SERVICES] ? (const void *)module->services : NULL;
}

VK_INLINE const void *interp_module_at(const struct interp_module *module, struct interp_array array)
{
    return module->services + array.first;
}

VK_INLINE bool interp_is_reference(uint16_t type)
{
    return type != 0 && type != INTERP_TYPE_NONE;
}

#endif
