/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structure of types as text, and its hash: what two versions of a program
 * must agree on for a message to be understood. Names of fields and variants
 * are part of it, names of types are not. Inside itself a type is named by the
 * number of its first place. Source of the hash: Fowler, Noll, Vo, "FNV-1a".
 */
#include "compiler/lower_impl.h"

struct seen {
    struct vkc_type **types;
    uint32_t count, room;
};

struct writer {
    struct vkc_checked *checked;
    const struct vkc_instance *instance; /* of the method */
    struct vkc_text text;
    struct seen seen;
};

static void put_type(struct writer *w, struct vkc_type *type);

static void put_slots(struct writer *w, const struct vkc_symbol *owner, struct vkc_type *of)
{
    vkc_text_put(&w->text, "(");
    for (uint32_t i = 0; i < owner->slots_count; i++) {
        const struct vkc_name *name = owner->slots[i].name;
        vkc_text_print(&w->text, "%s%s:", i ? "," : "", name ? name->text : "");
        put_type(w, vkc_slot_type(w->checked, owner, i, of));
    }
    vkc_text_put(&w->text, ")");
}

static void put_named(struct writer *w, struct vkc_type *type)
{
    const struct vkc_symbol *symbol = type->symbol;
    for (uint32_t i = 0; i < w->seen.count; i++)
        if (w->seen.types[i] == type) {
            vkc_text_print(&w->text, "#%u", i);
            return;
        }
    *VKC_APPEND(&w->checked->program->arena, w->seen.types, w->seen.count, w->seen.room) = type;
    if (symbol->kind == VKC_SYMBOL_ACTOR) {
        vkc_text_print(&w->text, "actor %s", symbol->name->text);
    } else if (symbol->kind == VKC_SYMBOL_RECORD) {
        vkc_text_put(&w->text, "record");
        put_slots(w, symbol, type);
    } else {
        vkc_text_put(&w->text, "enum{");
        for (uint32_t i = 0; i < symbol->members_count; i++) {
            vkc_text_print(&w->text, "%s%s", i ? "," : "", symbol->members[i]->name->text);
            put_slots(w, symbol->members[i], type);
        }
        vkc_text_put(&w->text, "}");
    }
}

/* Of what can be part of a message; these words never change. */
static const char *word_of(enum vkc_type_kind kind)
{
    static const char *const words[VKC_TYPE_VAR + 1] = {
        [VKC_TYPE_NIL] = "nil",     [VKC_TYPE_INT] = "int",           [VKC_TYPE_FLOAT] = "float",
        [VKC_TYPE_BOOL] = "bool",   [VKC_TYPE_DURATION] = "duration", [VKC_TYPE_STR] = "str",
        [VKC_TYPE_BYTES] = "bytes", [VKC_TYPE_LIST] = "list",         [VKC_TYPE_MAP] = "map"};
    return words[kind] ? words[kind] : "?";
}

static void put_type(struct writer *w, struct vkc_type *type)
{
    struct vkc_type *found = vkc_type_at(w->checked, type, w->instance);
    if (found->kind == VKC_TYPE_NAMED) {
        put_named(w, found);
        return;
    }
    vkc_text_put(&w->text, word_of(found->kind));
    for (uint32_t i = 0; i < found->count; i++) {
        vkc_text_put(&w->text, i ? "," : "<");
        put_type(w, found->args[i]);
    }
    if (found->count)
        vkc_text_put(&w->text, ">");
}

uint64_t vkc_method_hash(struct vkc_checked *checked, const struct vkc_symbol *method)
{
    struct writer w = {.checked = checked, .instance = vkc_instance_of(checked, method->body, NULL, NULL)};
    uint64_t hash = 0xcbf29ce484222325u;
    vkc_text_print(&w.text, "%s(", method->name->text);
    for (uint32_t i = 0; i < method->slots_count; i++) {
        put_type(&w, method->slots[i].type);
        vkc_text_put(&w.text, ";");
    }
    vkc_text_put(&w.text, ")");
    put_type(&w, method->result);
    for (size_t i = 0; i < w.text.len; i++)
        hash = (hash ^ (uint8_t)w.text.bytes[i]) * 0x100000001b3u;
    vkc_text_fini(&w.text);
    return hash;
}
