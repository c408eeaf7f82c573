/* SPDX-License-Identifier: Apache-2.0 */
/* Names of modules: one hash table for the program, by module, space and name. */
#include "compiler/pass.h"

void *vkc_array_room(struct vkc_arena *arena, void *items, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return items;
    uint32_t wider = *room != 0 ? *room * 2 : 8;
    void *copy = vkc_arena_take(arena, wider * size);
    if (count > 0)
        memcpy(copy, items, count * size);
    *room = wider;
    return copy;
}

static uint32_t slot_of(const struct vkc_pass *pass, uint32_t module, enum vkc_space space,
                        const struct vkc_name *name)
{
    uint32_t hash = (name->hash ^ module * 2654435761u) + (uint32_t)space * 40503u;
    return (hash ^ hash >> 15) & (pass->table_room - 1);
}

static void widen(struct vkc_pass *pass)
{
    uint32_t old_room = pass->table_room;
    struct vkc_table_entry **old = pass->table;
    pass->table_room = old_room != 0 ? old_room * 2 : 256;
    pass->table = VKC_NEW_ARRAY(&pass->program->arena, struct vkc_table_entry *, pass->table_room);
    for (uint32_t i = 0; i < old_room; i++) {
        struct vkc_table_entry *next;
        for (struct vkc_table_entry *e = old[i]; e != NULL; e = next) {
            uint32_t slot = slot_of(pass, e->module, (enum vkc_space)e->space, e->name);
            next = e->next;
            e->next = pass->table[slot];
            pass->table[slot] = e;
        }
    }
}

struct vkc_table_entry *vkc_table_entry(struct vkc_pass *pass, uint32_t module, enum vkc_space space,
                                        const struct vkc_name *name)
{
    if (pass->table_room == 0 || name == NULL)
        return NULL;
    for (struct vkc_table_entry *e = pass->table[slot_of(pass, module, space, name)]; e != NULL;
         e = e->next) {
        if (e->name == name && e->module == module && e->space == space)
            return e;
    }
    return NULL;
}

struct vkc_symbol *vkc_table_find(struct vkc_pass *pass, uint32_t module, enum vkc_space space,
                                  const struct vkc_name *name)
{
    struct vkc_table_entry *entry = vkc_table_entry(pass, module, space, name);
    return entry != NULL ? entry->symbol : NULL;
}

bool vkc_table_add(struct vkc_pass *pass, uint32_t module, enum vkc_space space, struct vkc_symbol *symbol)
{
    if (symbol->name == NULL)
        return true;
    struct vkc_table_entry *known = vkc_table_entry(pass, module, space, symbol->name);
    if (known != NULL && space != VKC_SPACE_VARIANT)
        return false;
    struct vkc_table_entry *entry = VKC_NEW(&pass->program->arena, struct vkc_table_entry);
    *entry = (struct vkc_table_entry){symbol, symbol->name, module, (uint8_t)space, NULL, NULL};
    if (known != NULL) {
        entry->another = known->another;
        known->another = entry;
        return true;
    }
    if (pass->table_count >= pass->table_room)
        widen(pass);
    uint32_t slot = slot_of(pass, module, space, symbol->name);
    entry->next = pass->table[slot];
    pass->table[slot] = entry;
    pass->table_count++;
    return true;
}

void vkc_table_offer(struct vkc_pass *pass, uint32_t module, enum vkc_space space, bool only_pub,
                     struct vkc_nearest *nearest)
{
    if (pass->diags->errors > 2 * VKC_ERRORS_SHOWN_MAX)
        return; /* hardly any of those to come is shown */
    for (uint32_t i = 0; i < pass->table_room; i++) {
        for (const struct vkc_table_entry *e = pass->table[i]; e != NULL; e = e->next) {
            if (e->module == module && e->space == space && (!only_pub || e->symbol->is_pub))
                vkc_nearest_offer(nearest, e->name->text);
        }
    }
}

struct vkc_symbol *vkc_symbol_new(struct vkc_pass *pass, enum vkc_symbol_kind kind, struct vkc_ident name)
{
    struct vkc_symbol *symbol = VKC_NEW(&pass->program->arena, struct vkc_symbol);
    symbol->kind = kind;
    symbol->name = name.name;
    symbol->span = name.span;
    symbol->module = pass->module;
    return symbol;
}

struct vkc_type *vkc_simple(const struct vkc_pass *pass, enum vkc_type_kind kind)
{
    return pass->types->simple[kind];
}

struct vkc_type *vkc_type_of1(const struct vkc_pass *pass, enum vkc_type_kind kind, struct vkc_type *arg)
{
    return vkc_type_make(pass->types, kind, NULL, &arg, 1);
}

struct vkc_type *vkc_option_of(const struct vkc_pass *pass, struct vkc_type *arg)
{
    return vkc_type_make(pass->types, VKC_TYPE_NAMED, pass->checked->option, &arg, 1);
}

struct vkc_type *vkc_type_option(const struct vkc_checked *checked, struct vkc_type *type)
{
    type = vkc_type_find(type);
    bool is_option = type->kind == VKC_TYPE_NAMED && type->symbol == checked->option;
    return is_option ? vkc_type_find(type->args[0]) : NULL;
}
