/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores: their table in SERVICES, and their methods as natives, which take
 * references first: key and value, then the store's place and the time. A
 * value that is a scalar goes behind these.
 */
#include "compiler/lower_impl.h"
#include "interp/bytecode.h"

#include <string.h>

struct interp_array vkc_lower_stores(struct vkc_lower *l)
{
    uint32_t count = l->checked->stores_count;
    struct interp_array stores = {vkc_unit_services(&l->unit, count * sizeof(struct interp_store)), count};
    for (uint32_t i = 0; i < count; i++) {
        const struct vkc_symbol *symbol = l->checked->stores[i];
        const struct vkc_store *from = &symbol->decl->store;
        const struct interp_store store = {.name = vkc_unit_name(&l->unit, symbol->name->text),
                                           .entries = from->entries,
                                           .bytes = (uint32_t)from->bytes,
                                           .ttl_ns = (uint64_t)from->ttl_ns};
        memcpy(l->unit.services + stores.first + i * sizeof store, &store, sizeof store);
    }
    return stores;
}

/* The arguments of a native: key, values that are references, store, time, values that are none. */
struct asked {
    uint32_t args[8];
    uint32_t count;
};

static void add(struct asked *a, uint32_t value)
{
    a->args[a->count++] = value;
}

/*
 * The type of what lies in the store. A native knows an object by its own type
 * and would take a Some("a") for a Str, so an OPT goes into a record.
 */
static uint16_t held_type(struct vkc_fun *f, const struct vkc_built *b)
{
    uint16_t type = vkc_lower_type(f->lower, b->of->args[0]);
    struct interp_type box = {.kind = INTERP_KIND_RECORD, .refs = 1};
    return f->unit->types[type].kind == INTERP_KIND_OPT ? vkc_unit_type(f->unit, box, &type, 1) : type;
}

/* ttl: VKC_NONE where none is given. */
static uint32_t ask(struct vkc_fun *f, const struct vkc_built *b, const char *native, const uint32_t *values,
                    uint32_t values_count, uint32_t ttl)
{
    struct asked a = {.args = {b->args[1]}, .count = 1};
    uint16_t type = vkc_lower_type(f->lower, b->of->args[0]), held = held_type(f, b);
    bool is_ref = type != 0;
    bool is_nothing = strcmp(native, "store.put") == 0;
    for (uint32_t i = 0; is_ref && i < values_count; i++)
        add(&a, held != type ? vkc_fun_new(f, held, &values[i], 1, VKC_NONE) : values[i]);
    add(&a, b->args[0]);
    add(&a, ttl != VKC_NONE ? ttl : vkc_fun_number(f, INTERP_STORE_NO_TTL, VKC_NONE));
    for (uint32_t i = 0; !is_ref && i < values_count; i++)
        add(&a, values[i]);
    return vkc_fun_native(f, native, a.args, a.count, is_nothing ? INTERP_TYPE_NONE : 0,
                          is_nothing ? VKC_NONE : b->want);
}

/* Whether there is a value, then the value. */
static uint32_t found(struct vkc_fun *f, const struct vkc_built *b, const char *native)
{
    const uint32_t args[] = {b->args[1], b->args[0]};
    uint32_t none = vkc_ir_label(f->code);
    uint32_t has = vkc_fun_native(f, native, args, 2, 0, VKC_NONE);
    vkc_ir_branch(f->code, INTERP_OP_JF, has, VKC_NONE, none);
    uint16_t type = vkc_lower_type(f->lower, b->of->args[0]), held = held_type(f, b);
    uint32_t value = vkc_fun_native(f, "store.value", NULL, 0, held, VKC_NONE);
    if (held != type)
        value = vkc_fun_field(f, value, 0, type, VKC_NONE);
    return vkc_fun_some_or_none(f, b->result, value, none);
}

static bool is(const struct vkc_built *b, const char *key)
{
    return strcmp(b->key, key) == 0;
}

bool vkc_built_store(struct vkc_fun *f, const struct vkc_built *b, uint32_t *ret_value)
{
    bool has_ttl = is(b, "store.put_ttl") || is(b, "store.add_ttl") || is(b, "store.swap_ttl") ||
                   is(b, "store.increment_ttl");
    uint32_t ttl = has_ttl ? b->args[b->count - 1] : VKC_NONE;
    if (is(b, "store.get"))
        *ret_value = found(f, b, "store.get");
    else if (is(b, "store.remove"))
        *ret_value = found(f, b, "store.take");
    else if (is(b, "store.put") || is(b, "store.put_ttl"))
        *ret_value = ask(f, b, "store.put", b->args + 2, 1, ttl);
    else if (is(b, "store.add") || is(b, "store.add_ttl"))
        *ret_value = ask(f, b, "store.add", b->args + 2, 1, ttl);
    else if (is(b, "store.swap") || is(b, "store.swap_ttl"))
        *ret_value = ask(f, b, "store.swap", b->args + 2, 2, ttl);
    else if (is(b, "store.increment") || is(b, "store.increment_ttl"))
        *ret_value = ask(f, b, "store.increment", b->args + 2, 1, ttl);
    else
        return false;
    return true;
}
