/* SPDX-License-Identifier: Apache-2.0 */
/* Types: hash-consing of those without open variables, union-find of variables, unification (Robinson 1965).
 */
#include "compiler/types.h"

#define ROOM_FIRST 256u

void vkc_types_init(struct vkc_types *types, struct vkc_arena *arena)
{
    *types = (struct vkc_types){.arena = arena};
    for (int kind = 0; kind < VKC_TYPE_VAR; kind++) {
        bool is_simple = kind < VKC_TYPE_LIST;
        types->simple[kind] =
            is_simple ? vkc_type_make(types, (enum vkc_type_kind)kind, NULL, NULL, 0) : NULL;
    }
}

void vkc_types_fini(struct vkc_types *types)
{
    vkc_free(types->slots);
    vkc_free(types->all);
    types->slots = types->all = NULL;
}

/* ---- making -------------------------------------------------------------------- */

static uint32_t mix(uint32_t hash, uintptr_t value)
{
    return (hash ^ (uint32_t)(value >> 3) ^ (uint32_t)((uint64_t)value >> 32)) * 16777619u;
}

static uint32_t hash_of(enum vkc_type_kind kind, const struct vkc_symbol *symbol,
                        struct vkc_type *const *args, uint32_t count)
{
    uint32_t hash = mix(2166136261u, (uintptr_t)kind << 3);
    hash = mix(hash, (uintptr_t)symbol);
    for (uint32_t i = 0; i < count; i++)
        hash = mix(hash, (uintptr_t)args[i]->id << 3);
    return hash;
}

static void widen(struct vkc_types *types)
{
    uint32_t room = types->room != 0 ? types->room * 2 : ROOM_FIRST;
    struct vkc_type **slots = vkc_grow(NULL, room * sizeof *slots);
    memset(slots, 0, room * sizeof *slots);
    for (uint32_t i = 0; i < types->room; i++) {
        struct vkc_type *next;
        for (struct vkc_type *type = types->slots[i]; type != NULL; type = next) {
            next = type->next;
            type->next = slots[type->hash & (room - 1)];
            slots[type->hash & (room - 1)] = type;
        }
    }
    vkc_free(types->slots);
    types->slots = slots;
    types->room = room;
}

static bool is_same(const struct vkc_type *type, enum vkc_type_kind kind, const struct vkc_symbol *symbol,
                    struct vkc_type *const *args, uint32_t count)
{
    if (type->kind != kind || type->symbol != symbol || type->count != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (type->args[i] != args[i])
            return false;
    }
    return true;
}

static struct vkc_type *make(struct vkc_types *types, enum vkc_type_kind kind, struct vkc_symbol *symbol,
                             struct vkc_type *const *args, uint32_t count)
{
    struct vkc_type *type = VKC_NEW(types->arena, struct vkc_type);
    type->kind = kind;
    type->symbol = symbol;
    type->count = count;
    type->has_params = kind == VKC_TYPE_PARAM;
    if (count > 0)
        type->args = vkc_arena_copy(types->arena, args, count * sizeof(struct vkc_type *));
    for (uint32_t i = 0; i < count; i++) {
        type->has_vars |= args[i]->has_vars;
        type->has_params |= args[i]->has_params;
    }
    return type;
}

struct vkc_type *vkc_type_make(struct vkc_types *types, enum vkc_type_kind kind, struct vkc_symbol *symbol,
                               struct vkc_type *const *args, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (args[i]->has_vars)
            return make(types, kind, symbol, args, count);
    }
    if (types->count >= types->room)
        widen(types);
    uint32_t hash = hash_of(kind, symbol, args, count);
    struct vkc_type **slot = &types->slots[hash & (types->room - 1)];
    for (struct vkc_type *type = *slot; type != NULL; type = type->next) {
        if (type->hash == hash && is_same(type, kind, symbol, args, count))
            return type;
    }
    struct vkc_type *type = make(types, kind, symbol, args, count);
    type->hash = hash;
    if (types->count == types->all_room) {
        types->all_room = types->all_room != 0 ? types->all_room * 2 : ROOM_FIRST;
        types->all = vkc_grow(types->all, types->all_room * sizeof *types->all);
    }
    type->id = types->count;
    types->all[types->count++] = type;
    type->next = *slot;
    *slot = type;
    return type;
}

struct vkc_type *vkc_type_var(struct vkc_types *types, struct vkc_span origin)
{
    struct vkc_type *type = VKC_NEW(types->arena, struct vkc_type);
    type->kind = VKC_TYPE_VAR;
    type->has_vars = true;
    type->origin = origin;
    type->id = types->vars_count++;
    return type;
}

struct vkc_type *vkc_type_find(struct vkc_type *type)
{
    struct vkc_type *root = type;
    while (root->kind == VKC_TYPE_VAR && root->link != NULL)
        root = root->link;
    while (type != root) {
        struct vkc_type *next = type->link;
        type->link = root;
        type = next;
    }
    return root;
}

/* ---- walking ---------------------------------------------------------------------- */

static struct vkc_type *map_args(struct vkc_types *types, struct vkc_type *type,
                                 struct vkc_type *(*each)(struct vkc_types *types, struct vkc_type *type,
                                                          const void *context),
                                 const void *context)
{
    struct vkc_type *few[VKC_PARAMS_MAX + 2];
    struct vkc_type **args = few;
    if (type->count > VK_COUNT(few))
        args = vkc_arena_take(types->arena, type->count * sizeof *args);
    for (uint32_t i = 0; i < type->count; i++)
        args[i] = each(types, type->args[i], context);
    return vkc_type_make(types, type->kind, type->symbol, args, type->count);
}

static struct vkc_type *solve(struct vkc_types *types, struct vkc_type *type, const void *context)
{
    (void)context;
    type = vkc_type_find(type);
    if (!type->has_vars || type->kind == VKC_TYPE_VAR)
        return type;
    return map_args(types, type, solve, NULL);
}

struct vkc_type *vkc_type_solve(struct vkc_types *types, struct vkc_type *type)
{
    return solve(types, type, NULL);
}

struct replacement {
    struct vkc_symbol *const *params;
    struct vkc_type *const *args;
    uint32_t count;
};

static struct vkc_type *replace(struct vkc_types *types, struct vkc_type *type, const void *context)
{
    const struct replacement *with = context;
    type = vkc_type_find(type);
    if (!type->has_params)
        return type;
    if (type->kind != VKC_TYPE_PARAM)
        return map_args(types, type, replace, context);
    for (uint32_t i = 0; i < with->count; i++) {
        if (with->params[i] == type->symbol)
            return with->args[i];
    }
    return type;
}

struct vkc_type *vkc_type_replace(struct vkc_types *types, struct vkc_type *type,
                                  struct vkc_symbol *const *params, struct vkc_type *const *args,
                                  uint32_t count)
{
    struct replacement with = {params, args, count};
    return count > 0 ? replace(types, type, &with) : type;
}

/* ---- unification ---------------------------------------------------------------------- */

static bool occurs(const struct vkc_type *var, struct vkc_type *type)
{
    type = vkc_type_find(type);
    if (type == var)
        return true;
    for (uint32_t i = 0; type->has_vars && i < type->count; i++) {
        if (occurs(var, type->args[i]))
            return true;
    }
    return false;
}

static bool bind(struct vkc_type *var, struct vkc_type *type)
{
    if (type->kind != VKC_TYPE_VAR && occurs(var, type))
        return false;
    var->link = type;
    return true;
}

bool vkc_type_unify(struct vkc_types *types, struct vkc_type *a, struct vkc_type *b)
{
    a = vkc_type_find(a);
    b = vkc_type_find(b);
    if (a == b)
        return true;
    if (a->kind == VKC_TYPE_VAR)
        return bind(a, b);
    if (b->kind == VKC_TYPE_VAR)
        return bind(b, a);
    if (a->kind == VKC_TYPE_ERROR || b->kind == VKC_TYPE_ERROR)
        return true;
    if (a->kind != b->kind || a->symbol != b->symbol || a->count != b->count || a->count == 0)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!vkc_type_unify(types, a->args[i], b->args[i]))
            return false;
    }
    return true;
}

uint32_t vkc_type_size(struct vkc_type *type, uint32_t most)
{
    uint32_t size = 1;
    type = vkc_type_find(type);
    for (uint32_t i = 0; i < type->count && size <= most; i++)
        size += vkc_type_size(type->args[i], most - size);
    return size;
}

/* ---- text ------------------------------------------------------------------------------- */

static const char *const simple_names[] = {
    [VKC_TYPE_ERROR] = "_",          [VKC_TYPE_NOBODY] = "_",          [VKC_TYPE_NEVER] = "Never",
    [VKC_TYPE_NIL] = "Nil",          [VKC_TYPE_INT] = "Int",           [VKC_TYPE_FLOAT] = "Float",
    [VKC_TYPE_BOOL] = "Bool",        [VKC_TYPE_DURATION] = "Duration", [VKC_TYPE_STR] = "Str",
    [VKC_TYPE_BYTES] = "Bytes",      [VKC_TYPE_REQUEST] = "Request",   [VKC_TYPE_RESPONSE] = "Response",
    [VKC_TYPE_REPLY] = "Reply",      [VKC_TYPE_STREAM] = "Stream",     [VKC_TYPE_CRASH] = "Crash",
    [VKC_TYPE_OBJECT] = "an object", [VKC_TYPE_LIST] = "List",         [VKC_TYPE_MAP] = "Map",
    [VKC_TYPE_FIBER] = "Fiber",      [VKC_TYPE_STORE] = "Store",
};

static void put(struct vkc_text *text, struct vkc_type *type);

static void put_list(struct vkc_text *text, struct vkc_type *const *args, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vkc_text_put(text, i > 0 ? ", " : "");
        put(text, args[i]);
    }
}

static void put_fn(struct vkc_text *text, const struct vkc_type *type)
{
    vkc_text_put(text, "fn(");
    put_list(text, type->args, type->count - 1);
    vkc_text_put(text, ")");
    if (vkc_type_find(type->args[type->count - 1])->kind != VKC_TYPE_NIL) {
        vkc_text_put(text, " -> ");
        put(text, type->args[type->count - 1]);
    }
}

static void put_named(struct vkc_text *text, const struct vkc_type *type)
{
    const struct vkc_symbol *symbol = type->symbol;
    bool is_option = symbol->span.start == 0 && vkc_name_is(symbol->name, "Option");
    if (is_option && vkc_type_find(type->args[0])->kind != VKC_TYPE_FN) {
        put(text, type->args[0]);
        vkc_text_put(text, "?");
        return;
    }
    vkc_text_put(text, symbol->name->text);
}

static void put(struct vkc_text *text, struct vkc_type *type)
{
    type = vkc_type_find(type);
    if (text->len > 400) { /* a message is no place for more */
        vkc_text_put(text, "...");
        return;
    }
    if (type->kind == VKC_TYPE_FN) {
        put_fn(text, type);
        return;
    }
    if (type->kind == VKC_TYPE_NAMED) {
        put_named(text, type);
        if (text->bytes[text->len - 1] == '?')
            return;
    } else if (type->kind == VKC_TYPE_PARAM) {
        vkc_text_put(text, type->symbol->name->text);
    } else {
        vkc_text_put(text, type->kind == VKC_TYPE_VAR ? "_" : simple_names[type->kind]);
    }
    if (type->count > 0) {
        vkc_text_put(text, "<");
        put_list(text, type->args, type->count);
        vkc_text_put(text, ">");
    }
}

const char *vkc_type_text(struct vkc_types *types, struct vkc_type *type)
{
    struct vkc_text text = {0};
    put(&text, type);
    const char *kept = vkc_arena_text(types->arena, text.bytes, text.len);
    vkc_text_fini(&text);
    return kept;
}
