/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs from types: one node for each type met, so that types may contain themselves. */
#include "compiler/codec.h"

#include <string.h>

struct codec {
    struct vkc_lower *lower;
    struct vkc_keys keys; /* id of a type to its node */
    struct interp_codec_node *nodes;
    uint32_t nodes_count, nodes_room;
    struct interp_codec_field *fields; /* names: places in `names` */
    uint32_t fields_count, fields_room;
    struct vkc_text names; /* each in quotes, with a colon */
};

static uint32_t add_node(struct codec *c)
{
    (void)VKC_APPEND(c->lower->arena, c->nodes, c->nodes_count, c->nodes_room);
    return c->nodes_count - 1;
}

static void set_node(struct codec *c, uint32_t index, enum interp_codec_kind kind, uint16_t type,
                     uint32_t first, uint32_t count)
{
    c->nodes[index] = (struct interp_codec_node){
        .kind = (uint8_t)kind, .type = type, .first = (uint16_t)first, .count = (uint16_t)count};
}

static struct interp_codec_field field(struct codec *c, const char *name, uint32_t node, uint32_t place)
{
    size_t len = strlen(name);
    struct interp_codec_field f = {.name = (uint32_t)c->names.len + 1,
                                   .name_len = (uint16_t)len,
                                   .node = (uint16_t)node,
                                   .place = (uint16_t)place};
    vkc_text_print(&c->names, "\"%s\":", name);
    return f;
}

static uint32_t add_fields(struct codec *c, const struct interp_codec_field *fields, uint32_t count)
{
    uint32_t first = c->fields_count;
    for (uint32_t i = 0; i < count; i++)
        *VKC_APPEND(c->lower->arena, c->fields, c->fields_count, c->fields_room) = fields[i];
    return first;
}

/* ---- types -------------------------------------------------------------------------- */

static uint32_t node_of(struct codec *c, struct vkc_type *type);

/* Slots of a record or variant; payloads without names have empty ones. */
static void fill_slots(struct codec *c, uint32_t index, enum interp_codec_kind kind, uint16_t entry,
                       const struct vkc_symbol *owner, struct vkc_type *of)
{
    struct interp_codec_field fields[INTERP_FIELDS_MAX];
    for (uint32_t i = 0; i < owner->slots_count; i++) {
        struct vkc_type *type;
        uint32_t place = vkc_lower_place(c->lower, owner, of, i, &type);
        const char *name = owner->slots[i].name ? owner->slots[i].name->text : "";
        fields[i] = field(c, name, node_of(c, type), place);
    }
    set_node(c, index, kind, entry, add_fields(c, fields, owner->slots_count), owner->slots_count);
}

static uint32_t variant_node(struct codec *c, const struct vkc_symbol *variant, struct vkc_type *of,
                             uint32_t tag)
{
    if (variant->slots_count == 0)
        return INTERP_CODEC_NOTHING;
    uint32_t index = add_node(c);
    enum interp_codec_kind kind = variant->slots[0].name      ? INTERP_CODEC_RECORD
                                  : variant->slots_count == 1 ? INTERP_CODEC_ONE
                                                              : INTERP_CODEC_TUPLE;
    fill_slots(c, index, kind, vkc_lower_variant(c->lower, of, tag), variant, of);
    return index;
}

static void fill_enum(struct codec *c, uint32_t index, struct vkc_type *type)
{
    const struct vkc_symbol *symbol = type->symbol;
    uint16_t entry = vkc_lower_type(c->lower, type);
    uint32_t count = symbol->members_count;
    bool is_json = symbol == c->lower->checked->json;
    struct interp_codec_field *fields = VKC_NEW_ARRAY(c->lower->arena, struct interp_codec_field, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_symbol *variant = symbol->members[i];
        uint32_t node = INTERP_CODEC_NOTHING;
        if (entry != 0 && is_json && variant->slots_count > 0)
            node = node_of(c, vkc_slot_type(c->lower->checked, variant, 0, type));
        else if (entry != 0 && !is_json)
            node = variant_node(c, variant, type, i);
        fields[i] = field(c, variant->name->text, node, 0);
    }
    set_node(c, index,
             entry == 0 ? INTERP_CODEC_CHOICE
             : is_json  ? INTERP_CODEC_JSON
                        : INTERP_CODEC_ENUM,
             entry, add_fields(c, fields, count), count);
}

static void fill_option(struct codec *c, uint32_t index, struct vkc_type *type, struct vkc_type *some)
{
    uint16_t entry = vkc_lower_type(c->lower, type);
    uint32_t inner = node_of(c, some);
    if (c->lower->unit.types[entry].kind == INTERP_KIND_OPT) {
        set_node(c, index, INTERP_CODEC_OPTION, entry, inner, 0);
        return;
    }
    uint32_t tag = type->symbol->members[0]->slots_count > 0 ? 0 : 1;
    struct interp_codec_field f = field(c, "", inner, tag);
    set_node(c, index, INTERP_CODEC_MAYBE, entry, add_fields(c, &f, 1), 1);
}

static void fill_named(struct codec *c, uint32_t index, struct vkc_type *type)
{
    struct vkc_type *some = vkc_type_option(c->lower->checked, type);
    if (some)
        fill_option(c, index, type, some);
    else if (type->symbol->kind == VKC_SYMBOL_ENUM)
        fill_enum(c, index, type);
    else
        fill_slots(c, index, INTERP_CODEC_RECORD, vkc_lower_type(c->lower, type), type->symbol, type);
}

static void fill(struct codec *c, uint32_t index, struct vkc_type *type)
{
    static const uint8_t kinds[VKC_TYPE_PARAM] = {
        [VKC_TYPE_INT] = INTERP_CODEC_INT,    [VKC_TYPE_FLOAT] = INTERP_CODEC_FLOAT,
        [VKC_TYPE_BOOL] = INTERP_CODEC_BOOL,  [VKC_TYPE_DURATION] = INTERP_CODEC_DURATION,
        [VKC_TYPE_NIL] = INTERP_CODEC_NIL,    [VKC_TYPE_STR] = INTERP_CODEC_STR,
        [VKC_TYPE_BYTES] = INTERP_CODEC_BYTES};
    uint16_t entry = vkc_lower_type(c->lower, type);
    if (type->kind == VKC_TYPE_NAMED)
        fill_named(c, index, type);
    else if (type->kind == VKC_TYPE_LIST)
        set_node(c, index, INTERP_CODEC_LIST, entry, node_of(c, type->args[0]), 0);
    else if (type->kind == VKC_TYPE_MAP)
        set_node(c, index, INTERP_CODEC_MAP, entry, node_of(c, type->args[1]), 0);
    else
        set_node(c, index, (enum interp_codec_kind)kinds[type->kind], entry, 0, 0);
}

static uint32_t node_of(struct codec *c, struct vkc_type *type)
{
    uint32_t index = vkc_keys_put(&c->keys, c->lower->arena, &type->id, sizeof type->id, c->nodes_count);
    if (index < c->nodes_count)
        return index;
    (void)add_node(c);
    fill(c, index, type);
    return index;
}

/* ---- constants ------------------------------------------------------------------------- */

static uint32_t write(struct codec *c)
{
    struct interp_codec head = {c->nodes_count, c->fields_count};
    size_t nodes_bytes = c->nodes_count * sizeof *c->nodes,
           fields_bytes = c->fields_count * sizeof *c->fields;
    uint32_t names_at = (uint32_t)(sizeof head + nodes_bytes + fields_bytes);
    struct vkc_text text = {0};
    for (uint32_t i = 0; i < c->fields_count; i++)
        c->fields[i].name += names_at;
    vkc_text_add(&text, (const char *)&head, sizeof head);
    vkc_text_add(&text, (const char *)c->nodes, nodes_bytes);
    if (fields_bytes)
        vkc_text_add(&text, (const char *)c->fields, fields_bytes);
    if (c->names.len)
        vkc_text_add(&text, c->names.bytes, c->names.len);
    struct vkc_unit *unit = &c->lower->unit;
    uint32_t constant = vkc_unit_text(unit, vkc_unit_bytes(unit), text.bytes, text.len);
    vkc_text_fini(&text);
    vkc_text_fini(&c->names);
    return constant;
}

uint32_t vkc_codec_of(struct vkc_lower *lower, struct vkc_type *type)
{
    struct codec c = {.lower = lower};
    (void)node_of(&c, type);
    return write(&c);
}

uint32_t vkc_codec_reads(struct vkc_lower *lower, struct vkc_type *result)
{
    struct codec c = {.lower = lower};
    uint32_t ok = vkc_name_is(result->symbol->members[0]->name, "Ok") ? 0 : 1;
    (void)add_node(&c);
    uint32_t inner = node_of(&c, vkc_slot_type(lower->checked, result->symbol->members[ok], 0, result));
    struct interp_codec_field f = field(&c, "", inner, ok);
    set_node(&c, 0, INTERP_CODEC_RESULT, vkc_lower_type(lower, result), add_fields(&c, &f, 1), 1);
    return write(&c);
}

static void fill_object(struct codec *c, uint32_t index, uint16_t entry, const struct vkc_codec_field *from,
                        uint32_t count)
{
    struct interp_codec_field *fields = VKC_NEW_ARRAY(c->lower->arena, struct interp_codec_field, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = from[i].type ? node_of(c, from[i].type) : add_node(c);
        if (!from[i].type)
            fill_object(c, node, from[i].entry, from[i].fields, from[i].count);
        fields[i] = field(c, from[i].name->text, node, from[i].place);
    }
    set_node(c, index, INTERP_CODEC_RECORD, entry, add_fields(c, fields, count), count);
}

uint32_t vkc_codec_object(struct vkc_lower *lower, uint16_t entry, const struct vkc_codec_field *fields,
                          uint32_t count)
{
    struct codec c = {.lower = lower};
    (void)add_node(&c);
    fill_object(&c, 0, entry, fields, count);
    return write(&c);
}
