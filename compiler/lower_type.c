/* SPDX-License-Identifier: Apache-2.0 */
/* Types of the language to types of the module. */
#include "compiler/lower_impl.h"

static void set(struct vkc_lower *l, const struct vkc_type *type, uint16_t entry)
{
    l->types[type->id] = (uint16_t)(entry + 1);
}

/* The types of the slots, references first. */
static uint32_t slot_types(struct vkc_lower *l, const struct vkc_symbol *owner, struct vkc_type *of,
                           uint16_t *ret_words)
{
    uint32_t at = 0;
    for (uint32_t want_refs = 2; want_refs-- > 0;)
        for (uint32_t i = 0; i < owner->slots_count; i++) {
            uint16_t entry = vkc_lower_type(l, vkc_slot_type(l->checked, owner, i, of));
            if ((entry != 0) == (want_refs == 1))
                ret_words[at++] = entry;
        }
    return at;
}

uint32_t vkc_lower_place(struct vkc_lower *l, const struct vkc_symbol *owner, struct vkc_type *of,
                         uint32_t index, struct vkc_type **ret_type)
{
    uint32_t refs = 0, before = 0;
    *ret_type = vkc_slot_type(l->checked, owner, index, of);
    bool is_ref = vkc_lower_type(l, *ret_type) != 0;
    for (uint32_t i = 0; i < owner->slots_count; i++) {
        bool is_other_ref = vkc_lower_type(l, vkc_slot_type(l->checked, owner, i, of)) != 0;
        refs += is_other_ref;
        before += i < index && is_other_ref == is_ref;
    }
    return is_ref ? before : refs + before;
}

static uint16_t record_type(struct vkc_lower *l, struct vkc_type *type)
{
    uint16_t words[INTERP_FIELDS_MAX], entry = vkc_unit_type_new(&l->unit, INTERP_KIND_RECORD);
    set(l, type, entry);
    uint32_t count = slot_types(l, type->symbol, type, words);
    vkc_unit_type_fill(&l->unit, entry, words, count);
    if (type->symbol->has_identity)
        l->unit.types[entry].flags = INTERP_TYPE_MUTABLE;
    return entry;
}

static uint16_t enum_type(struct vkc_lower *l, struct vkc_type *type)
{
    const struct vkc_symbol *symbol = type->symbol;
    if (symbol->is_plain)
        return 0;
    uint16_t words[INTERP_FIELDS_MAX];
    uint16_t entry = vkc_unit_type_new(&l->unit, INTERP_KIND_ENUM);
    set(l, type, entry);
    uint16_t *variants = VKC_NEW_ARRAY(l->arena, uint16_t, symbol->members_count + 1);
    for (uint32_t i = 0; i < symbol->members_count; i++) {
        variants[i] = vkc_unit_type_new(&l->unit, INTERP_KIND_VARIANT);
        l->unit.types[variants[i]].of = entry;
        l->unit.types[variants[i]].tag = (uint16_t)i;
    }
    vkc_unit_type_fill(&l->unit, entry, variants, symbol->members_count);
    for (uint32_t i = 0; i < symbol->members_count; i++) {
        uint32_t count = slot_types(l, symbol->members[i], type, words);
        vkc_unit_type_fill(&l->unit, variants[i], words, count);
    }
    return entry;
}

static uint16_t fn_type(struct vkc_lower *l, const struct vkc_type *type)
{
    uint16_t params[INTERP_FIELDS_MAX];
    uint32_t count = type->count - 1;
    for (uint32_t i = 0; i < count; i++)
        params[i] = vkc_lower_type(l, type->args[i]);
    return vkc_unit_fn(&l->unit, params, count, vkc_lower_result(l, type->args[count]));
}

static uint16_t map_type(struct vkc_lower *l, const struct vkc_type *type)
{
    struct interp_type map = {.kind = INTERP_KIND_MAP};
    map.key = vkc_lower_type(l, type->args[0]);
    map.of = vkc_lower_type(l, type->args[1]);
    return vkc_unit_type(&l->unit, map, NULL, 0);
}

static uint16_t handle_type(struct vkc_lower *l, enum interp_handle of)
{
    return vkc_unit_type(&l->unit, (struct interp_type){.kind = INTERP_KIND_HANDLE, .tag = (uint16_t)of},
                         NULL, 0);
}

/* type, body; extra header lines, in pairs; bytes, or what writes a stream, instead of body; status. */
uint16_t vkc_lower_response(struct vkc_lower *l)
{
    if (l->unit.response_type)
        return l->unit.response_type;
    uint16_t str = vkc_unit_str(&l->unit);
    uint16_t stream = handle_type(l, INTERP_HANDLE_STREAM);
    uint16_t writer = vkc_unit_fn(&l->unit, &stream, 1, INTERP_TYPE_NONE);
    uint16_t words[VKC_RESPONSE_PARTS] = {str,
                                          str,
                                          vkc_unit_list(&l->unit, str),
                                          vkc_unit_opt(&l->unit, vkc_unit_bytes(&l->unit)),
                                          vkc_unit_opt(&l->unit, writer),
                                          0};
    uint16_t entry = vkc_unit_type_new(&l->unit, INTERP_KIND_RECORD);
    vkc_unit_type_fill(&l->unit, entry, words, VK_COUNT(words));
    l->unit.response_type = entry;
    return entry;
}

static uint16_t named_type(struct vkc_lower *l, struct vkc_type *type)
{
    if (type->symbol->kind == VKC_SYMBOL_RECORD)
        return record_type(l, type);
    if (type->symbol->kind == VKC_SYMBOL_ACTOR)
        return handle_type(l, INTERP_HANDLE_ACTOR);
    struct vkc_type *some = vkc_type_option(l->checked, type);
    if (some) {
        uint16_t of = vkc_lower_type(l, some);
        if (of != 0 && l->unit.types[of].kind != INTERP_KIND_OPT)
            return vkc_unit_opt(&l->unit, of);
    }
    return enum_type(l, type);
}

static uint16_t make_type(struct vkc_lower *l, struct vkc_type *type)
{
    switch (type->kind) {
    case VKC_TYPE_STR:
        return vkc_unit_str(&l->unit);
    case VKC_TYPE_BYTES:
    case VKC_TYPE_REPLY: /* as net/bind/test.h lays them out */
        return vkc_unit_bytes(&l->unit);
    case VKC_TYPE_RESPONSE:
        return vkc_lower_response(l);
    case VKC_TYPE_STREAM:
        return handle_type(l, INTERP_HANDLE_STREAM);
    case VKC_TYPE_LIST:
        return vkc_unit_list(&l->unit, vkc_lower_type(l, type->args[0]));
    case VKC_TYPE_MAP:
        return map_type(l, type);
    case VKC_TYPE_FIBER:
        return vkc_unit_fiber(&l->unit, vkc_lower_result(l, type->args[0]));
    case VKC_TYPE_FN:
        return fn_type(l, type);
    case VKC_TYPE_NAMED:
        return named_type(l, type);
    default:
        return 0;
    }
}

uint16_t vkc_lower_type(struct vkc_lower *l, struct vkc_type *type)
{
    if (type->id >= l->types_room) {
        uint32_t room = l->types_room;
        while (type->id >= room)
            room = room == 0 ? 256 : room * 2;
        uint16_t *grown = VKC_NEW_ARRAY(l->arena, uint16_t, room);
        vk_copy(grown, l->types, l->types_room * sizeof *grown);
        l->types = grown;
        l->types_room = room;
    }
    if (l->types[type->id] == 0) {
        uint16_t entry = make_type(l, type);
        set(l, type, entry);
    }
    return (uint16_t)(l->types[type->id] - 1);
}

uint16_t vkc_lower_result(struct vkc_lower *l, struct vkc_type *type)
{
    if (type->kind == VKC_TYPE_NIL || type->kind == VKC_TYPE_NEVER)
        return INTERP_TYPE_NONE;
    return vkc_lower_type(l, type);
}

uint16_t vkc_lower_variant(struct vkc_lower *l, struct vkc_type *type, uint32_t tag)
{
    const struct interp_type *entry = &l->unit.types[vkc_lower_type(l, type)];
    return l->unit.type_words[entry->first + tag];
}

uint16_t vkc_lower_cell(struct vkc_lower *l, uint16_t type)
{
    struct interp_type cell = {.kind = INTERP_KIND_RECORD, .flags = INTERP_TYPE_MUTABLE, .refs = type != 0};
    return vkc_unit_type(&l->unit, cell, &type, 1);
}

/* The actor's state: a MUTABLE record of its STATE symbols. */
uint16_t vkc_lower_state(struct vkc_lower *l, const struct vkc_symbol *actor)
{
    uint16_t words[INTERP_FIELDS_MAX];
    struct interp_type state = {.kind = INTERP_KIND_RECORD, .flags = INTERP_TYPE_MUTABLE};
    uint32_t at = 0;
    for (uint32_t i = 0; i < actor->state_count; i++) {
        uint16_t entry = vkc_lower_type(l, actor->state[i]->type);
        if (entry != 0)
            words[at++] = entry;
    }
    state.refs = (uint16_t)at;
    while (at < actor->state_count)
        words[at++] = 0;
    return vkc_unit_type(&l->unit, state, words, at);
}
