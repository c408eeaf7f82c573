/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module in the making: the tables of its file, each entry once. Functions
 * are made first (vkc_unit_function), then filled, then the file is written.
 */
#ifndef COMPILER_UNIT_H
#define COMPILER_UNIT_H

#include "compiler/ir.h"
#include "compiler/text.h"

struct vkc_unit {
    struct vkc_arena *arena;
    uint16_t str_type; /* 0: none yet */
    uint16_t bytes_type;
    uint16_t response_type;
    struct interp_type *types;
    uint32_t types_count, types_room;
    uint16_t *type_words;
    uint32_t type_words_count, type_words_room;
    struct vkc_code **functions;
    uint32_t functions_count, functions_room;
    uint64_t *constants;
    uint32_t constants_count, constants_room;
    uint8_t *data;
    uint32_t data_count, data_room;
    struct interp_ref *refs;
    uint32_t refs_count, refs_room;
    struct interp_import *natives;
    uint32_t natives_count, natives_room;
    char *names;
    uint32_t names_count, names_room;
    uint8_t *services;
    uint32_t services_count, services_room;
    /* private */
    struct vkc_keys type_keys, constant_keys, ref_keys, native_keys, name_keys, data_keys;
};

void vkc_unit_init(struct vkc_unit *unit, struct vkc_arena *arena);

/* The index of a type that is equal to this one with these fields; entered when there is none. */
uint16_t vkc_unit_type(struct vkc_unit *unit, struct interp_type type, const uint16_t *words, uint32_t count);
/* A type of its own, to be filled in later. */
uint16_t vkc_unit_type_new(struct vkc_unit *unit, enum interp_kind kind);
/* Fields of a type made so. */
void vkc_unit_type_fill(struct vkc_unit *unit, uint16_t type, const uint16_t *words, uint32_t count);
uint16_t vkc_unit_str(struct vkc_unit *unit);
uint16_t vkc_unit_bytes(struct vkc_unit *unit);
uint16_t vkc_unit_list(struct vkc_unit *unit, uint16_t element);
uint16_t vkc_unit_opt(struct vkc_unit *unit, uint16_t of);
uint16_t vkc_unit_fiber(struct vkc_unit *unit, uint16_t of);
/* Parameters in any order: references are put first, in their order. */
uint16_t vkc_unit_fn(struct vkc_unit *unit, const uint16_t *params, uint32_t count, uint16_t result);

/* A function to be filled in. */
struct vkc_code *vkc_unit_function(struct vkc_unit *unit, const char *name, uint16_t signature);

uint32_t vkc_unit_name(struct vkc_unit *unit, const char *text);
uint32_t vkc_unit_constant(struct vkc_unit *unit, uint64_t value);
/* Reference constants: a text; an object with these words behind its head. */
uint32_t vkc_unit_text(struct vkc_unit *unit, uint16_t type, const void *bytes, size_t len_bytes);
uint32_t vkc_unit_object(struct vkc_unit *unit, uint16_t type, uint32_t count, const uint64_t *words,
                         uint32_t words_count);
/* A reference or scalar constant whose value is known only when the program is loaded. */
uint32_t vkc_unit_late(struct vkc_unit *unit, uint16_t type);
/* host: NULL; of a function that the host supplies, its signature as text. */
uint32_t vkc_unit_native(struct vkc_unit *unit, const char *name, uint16_t signature, const char *host);

/* len_bytes zeroed bytes of SERVICES, aligned to 8: their offset. */
uint32_t vkc_unit_services(struct vkc_unit *unit, size_t len_bytes);

/*
 * Simplify, give registers, emit, and write the file. Functions that need too
 * many registers have is_too_large then, and nothing is written.
 */
bool vkc_unit_write(struct vkc_unit *unit, struct vkc_text *file);

#endif
