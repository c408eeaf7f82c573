/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/unit.h"

#include <string.h>

void vkc_unit_init(struct vkc_unit *unit, struct vkc_arena *arena)
{
    *unit = (struct vkc_unit){.arena = arena};
    (void)vkc_unit_type_new(unit, INTERP_KIND_SCALAR); /* entry 0 */
    (void)vkc_unit_name(unit, "");
    *VKC_APPEND(arena, unit->data, unit->data_count, unit->data_room) = 0;
    unit->data_count = 8; /* offset 0 is no object */
}

/* ---- types -------------------------------------------------------------------- */

static uint32_t add_words(struct vkc_unit *unit, const uint16_t *words, uint32_t count)
{
    uint32_t first = unit->type_words_count;
    for (uint32_t i = 0; i < count; i++)
        *VKC_APPEND(unit->arena, unit->type_words, unit->type_words_count, unit->type_words_room) = words[i];
    return first;
}

uint16_t vkc_unit_type_new(struct vkc_unit *unit, enum interp_kind kind)
{
    struct interp_type *type = VKC_APPEND(unit->arena, unit->types, unit->types_count, unit->types_room);
    *type = (struct interp_type){.kind = (uint8_t)kind};
    return (uint16_t)(unit->types_count - 1);
}

void vkc_unit_type_fill(struct vkc_unit *unit, uint16_t type, const uint16_t *words, uint32_t count)
{
    unit->types[type].first = add_words(unit, words, count);
    unit->types[type].count = (uint16_t)count;
    if (unit->types[type].kind == INTERP_KIND_ENUM)
        return;
    unit->types[type].refs = 0;
    for (uint32_t i = 0; i < count; i++)
        unit->types[type].refs = (uint16_t)(unit->types[type].refs + (words[i] != 0));
}

uint16_t vkc_unit_type(struct vkc_unit *unit, struct interp_type type, const uint16_t *words, uint32_t count)
{
    uint8_t key[sizeof type + 2 * (INTERP_FIELDS_MAX + 2)];
    if (count > INTERP_FIELDS_MAX)
        count = INTERP_FIELDS_MAX;
    type.first = 0;
    type.count = (uint16_t)count;
    memcpy(key, &type, sizeof type);
    vk_copy(key + sizeof type, words, count * sizeof *words);
    uint32_t index = vkc_keys_put(&unit->type_keys, unit->arena, key, sizeof type + count * sizeof *words,
                                  unit->types_count);
    if (index < unit->types_count)
        return (uint16_t)index;
    type.first = add_words(unit, words, count);
    *VKC_APPEND(unit->arena, unit->types, unit->types_count, unit->types_room) = type;
    return (uint16_t)index;
}

uint16_t vkc_unit_str(struct vkc_unit *unit)
{
    if (!unit->str_type)
        unit->str_type = vkc_unit_type_new(unit, INTERP_KIND_STR);
    return unit->str_type;
}

uint16_t vkc_unit_bytes(struct vkc_unit *unit)
{
    if (!unit->bytes_type)
        unit->bytes_type = vkc_unit_type_new(unit, INTERP_KIND_BYTES);
    return unit->bytes_type;
}

static uint16_t type_of(struct vkc_unit *unit, enum interp_kind kind, uint16_t of)
{
    return vkc_unit_type(unit, (struct interp_type){.kind = (uint8_t)kind, .of = of}, NULL, 0);
}

uint16_t vkc_unit_list(struct vkc_unit *unit, uint16_t element)
{
    return type_of(unit, INTERP_KIND_LIST, element);
}

uint16_t vkc_unit_opt(struct vkc_unit *unit, uint16_t of)
{
    return type_of(unit, INTERP_KIND_OPT, of);
}

uint16_t vkc_unit_fiber(struct vkc_unit *unit, uint16_t of)
{
    return type_of(unit, INTERP_KIND_FIBER, of);
}

uint16_t vkc_unit_fn(struct vkc_unit *unit, const uint16_t *params, uint32_t count, uint16_t result)
{
    uint16_t words[INTERP_FIELDS_MAX];
    struct interp_type type = {.kind = INTERP_KIND_FN, .of = result};
    uint32_t at = 0;
    if (count > INTERP_FIELDS_MAX)
        count = INTERP_FIELDS_MAX;
    for (uint32_t i = 0; i < count; i++)
        if (params[i] != 0)
            words[at++] = params[i];
    type.refs = (uint16_t)at;
    while (at < count)
        words[at++] = 0;
    return vkc_unit_type(unit, type, words, count);
}

/* ---- functions, names, constants -------------------------------------------------- */

struct vkc_code *vkc_unit_function(struct vkc_unit *unit, const char *name, uint16_t signature)
{
    struct vkc_code *code = VKC_NEW(unit->arena, struct vkc_code);
    *code = (struct vkc_code){.unit = unit,
                              .arena = unit->arena,
                              .name = name,
                              .signature = signature,
                              .id = unit->functions_count};
    *VKC_APPEND(unit->arena, unit->functions, unit->functions_count, unit->functions_room) = code;
    return code;
}

uint32_t vkc_unit_name(struct vkc_unit *unit, const char *text)
{
    size_t len = strlen(text) + 1;
    uint32_t at = vkc_keys_put(&unit->name_keys, unit->arena, text, len, unit->names_count);
    if (at == unit->names_count)
        for (size_t i = 0; i < len; i++)
            *VKC_APPEND(unit->arena, unit->names, unit->names_count, unit->names_room) = text[i];
    return at;
}

uint32_t vkc_unit_constant(struct vkc_unit *unit, uint64_t value)
{
    uint32_t index =
        vkc_keys_put(&unit->constant_keys, unit->arena, &value, sizeof value, unit->constants_count);
    if (index == unit->constants_count)
        *VKC_APPEND(unit->arena, unit->constants, unit->constants_count, unit->constants_room) = value;
    return index;
}

static void add_data(struct vkc_unit *unit, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *VKC_APPEND(unit->arena, unit->data, unit->data_count, unit->data_room) = ((const uint8_t *)bytes)[i];
    while (unit->data_count % 8)
        *VKC_APPEND(unit->arena, unit->data, unit->data_count, unit->data_room) = 0;
}

/* A reference constant for an object whose head and body are these bytes. */
static uint32_t add_object(struct vkc_unit *unit, const void *bytes, size_t len)
{
    uint16_t type;
    memcpy(&type, bytes, sizeof type);
    uint32_t off = vkc_keys_put(&unit->data_keys, unit->arena, bytes, len, unit->data_count);
    if (off == unit->data_count)
        add_data(unit, bytes, len);
    uint32_t index = vkc_keys_put(&unit->ref_keys, unit->arena, &off, sizeof off, unit->refs_count);
    if (index == unit->refs_count)
        *VKC_APPEND(unit->arena, unit->refs, unit->refs_count, unit->refs_room) =
            (struct interp_ref){.offset = off, .type = type};
    return index;
}

uint32_t vkc_unit_text(struct vkc_unit *unit, uint16_t type, const void *bytes, size_t len_bytes)
{
    struct interp_object head = {.type = type, .count = (uint32_t)len_bytes};
    uint8_t *object = vkc_arena_take(unit->arena, sizeof head + len_bytes);
    memcpy(object, &head, sizeof head);
    vk_copy(object + sizeof head, bytes, len_bytes);
    return add_object(unit, object, sizeof head + len_bytes);
}

uint32_t vkc_unit_object(struct vkc_unit *unit, uint16_t type, uint32_t count, const uint64_t *words,
                         uint32_t words_count)
{
    struct interp_object head = {.type = type, .count = count};
    uint8_t *object = vkc_arena_take(unit->arena, sizeof head + words_count * sizeof *words);
    memcpy(object, &head, sizeof head);
    vk_copy(object + sizeof head, words, words_count * sizeof *words);
    return add_object(unit, object, sizeof head + words_count * sizeof *words);
}

uint32_t vkc_unit_late(struct vkc_unit *unit, uint16_t type)
{
    if (type == 0) {
        *VKC_APPEND(unit->arena, unit->constants, unit->constants_count, unit->constants_room) = 0;
        return unit->constants_count - 1;
    }
    *VKC_APPEND(unit->arena, unit->refs, unit->refs_count, unit->refs_room) =
        (struct interp_ref){.type = type, .late = 1};
    return unit->refs_count - 1;
}

uint32_t vkc_unit_native(struct vkc_unit *unit, const char *name, uint16_t signature, const char *host)
{
    struct interp_import native = {.name = vkc_unit_name(unit, name), .signature = signature};
    native.host = host != NULL ? vkc_unit_name(unit, host) : 0;
    uint32_t index =
        vkc_keys_put(&unit->native_keys, unit->arena, &native, sizeof native, unit->natives_count);
    if (index == unit->natives_count)
        *VKC_APPEND(unit->arena, unit->natives, unit->natives_count, unit->natives_room) = native;
    return index;
}

uint32_t vkc_unit_services(struct vkc_unit *unit, size_t len_bytes)
{
    uint32_t at = unit->services_count;
    for (size_t i = 0; i < VK_ALIGN_UP(len_bytes, (size_t)8); i++)
        *VKC_APPEND(unit->arena, unit->services, unit->services_count, unit->services_room) = 0;
    return at;
}
