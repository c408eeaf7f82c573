/* SPDX-License-Identifier: Apache-2.0 */
/* The signatures of compiler/builtins.def, read into types. A wrong one there ends the program at once. */
#include "compiler/builtins.h"

#include "compiler/pass.h"

#include "vk/plat.h"

#include <ctype.h>
#include <stdio.h>

struct row {
    const char *native, *receiver, *signature, *flags;
};

static const struct row rows[] = {
#define B(id, native, receiver, signature, flags) {native, receiver, signature, flags},
#include "compiler/builtins.def"
#undef B
};

static const char *const trait_words[] = {
#define X(name, word, phrase) word,
    VKC_TRAITS(X)
#undef X
};

struct reader {
    struct vkc_checked *checked;
    struct vkc_builtin *builtin;
    const char *at;
};

static _Noreturn void bad(const struct reader *r)
{
    char why[200];
    snprintf(why, sizeof why, "builtins.def: %s: cannot read \"%s\"", r->builtin->native, r->at);
    plat_panic(why);
}

static bool take(struct reader *r, const char *text)
{
    while (*r->at == ' ')
        r->at++;
    if (strncmp(r->at, text, strlen(text)) != 0)
        return false;
    r->at += strlen(text);
    return true;
}

static void expect(struct reader *r, const char *text)
{
    if (!take(r, text))
        bad(r);
}

static const struct vkc_name *word(struct reader *r)
{
    while (*r->at == ' ')
        r->at++;
    const char *start = r->at;
    while (isalnum((unsigned char)*r->at) || *r->at == '_')
        r->at++;
    if (r->at == start)
        bad(r);
    return vkc_intern(&r->checked->program->names, start, (size_t)(r->at - start));
}

static uint32_t type_param(struct reader *r, const struct vkc_name *name)
{
    struct vkc_builtin *b = r->builtin;
    for (uint32_t i = 0; i < b->params_count; i++) {
        if (b->params[i]->name == name)
            return i;
    }
    if (b->params_count == VKC_BUILTIN_TYPES_MAX)
        bad(r);
    struct vkc_symbol *symbol = VKC_NEW(&r->checked->program->arena, struct vkc_symbol);
    symbol->kind = VKC_SYMBOL_TYPE_PARAM;
    symbol->name = name;
    symbol->type = vkc_type_make(&r->checked->types, VKC_TYPE_PARAM, symbol, NULL, 0);
    b->params[b->params_count] = symbol;
    return b->params_count++;
}

static struct vkc_type *type(struct reader *r);

static struct vkc_type *fn_type(struct reader *r)
{
    struct vkc_type *args[VKC_BUILTIN_PARAMS_MAX + 1];
    uint32_t count = 0;
    expect(r, "(");
    while (!take(r, ")")) {
        if (count == VKC_BUILTIN_PARAMS_MAX)
            bad(r);
        args[count++] = type(r);
        (void)take(r, ","); /* the last has none */
    }
    args[count++] = take(r, "->") ? type(r) : r->checked->types.simple[VKC_TYPE_NIL];
    return vkc_type_make(&r->checked->types, VKC_TYPE_FN, NULL, args, count);
}

static struct vkc_type *type(struct reader *r)
{
    const struct vkc_name *name = word(r);
    struct vkc_type *args[2];
    uint32_t count = 0;
    if (vkc_name_is(name, "fn"))
        return fn_type(r);
    if (name->len == 1)
        return r->builtin->params[type_param(r, name)]->type;
    if (take(r, "<")) {
        do
            args[count++] = type(r);
        while (take(r, ",") && count < 2);
        expect(r, ">");
    }
    struct vkc_symbol *symbol =
        vkc_table_find(r->checked->pass, r->checked->modules_count - 1, VKC_SPACE_TYPE, name);
    if (symbol == NULL)
        bad(r);
    if (symbol->kind == VKC_SYMBOL_SIMPLE)
        return vkc_type_make(&r->checked->types, symbol->simple, NULL, args, count);
    return vkc_type_make(&r->checked->types, VKC_TYPE_NAMED, symbol, args, count);
}

static void signature(struct reader *r)
{
    struct vkc_builtin *b = r->builtin;
    b->name = word(r);
    expect(r, "(");
    while (!take(r, ")")) {
        if (b->slots_count == VKC_BUILTIN_PARAMS_MAX)
            bad(r);
        struct vkc_slot *slot = &b->slots[b->slots_count++];
        slot->name = word(r);
        expect(r, ":");
        slot->type = type(r);
        (void)take(r, ","); /* the last has none */
    }
    b->result = take(r, "->") ? type(r) : r->checked->types.simple[VKC_TYPE_NIL];
    b->where.trait = VKC_TRAIT_COUNT;
    if (take(r, "where")) {
        b->where.param = type_param(r, word(r));
        const struct vkc_name *trait = word(r);
        for (int i = 0; i < VKC_TRAIT_COUNT; i++)
            b->where.trait = vkc_name_is(trait, trait_words[i]) ? (enum vkc_trait)i : b->where.trait;
        if (b->where.trait == VKC_TRAIT_COUNT)
            bad(r);
    }
    if (*r->at != '\0')
        bad(r);
}

static void read_row(struct vkc_builtins *builtins, struct vkc_checked *checked, uint32_t i)
{
    const struct row *row = &rows[i];
    struct vkc_builtin *b = &builtins->all[i];
    struct reader r = {checked, b, row->receiver};
    *b = (struct vkc_builtin){.id = (enum vkc_builtin_id)i, .native = row->native};
    if (row->receiver[0] != '\0')
        b->receiver = type(&r);
    r.at = row->signature;
    signature(&r);
    b->changes = strchr(row->flags, 'C') != NULL;
    b->waits = strchr(row->flags, 'W') != NULL;
    b->traps = strchr(row->flags, 'T') != NULL;
    b->calls = strchr(row->flags, 'K') != NULL;
    b->drops = strchr(row->flags, 'D') != NULL;
    b->is_either = strchr(row->flags, 'E') != NULL;
    bool has_parens = strchr(row->flags, 'P') != NULL || b->changes || b->waits;
    b->is_plain = b->receiver != NULL && b->slots_count == 0 && !has_parens;
}

void vkc_builtins_init(struct vkc_builtins *builtins, struct vkc_checked *checked)
{
    for (uint32_t i = 0; i < VKC_BUILTIN_COUNT; i++)
        read_row(builtins, checked, i);
}

static bool is_of(const struct vkc_builtin *b, const struct vkc_type *receiver)
{
    if (b->receiver == NULL || receiver == NULL)
        return b->receiver == NULL && receiver == NULL;
    return b->receiver->kind == receiver->kind && b->receiver->symbol == receiver->symbol;
}

const struct vkc_builtin *vkc_builtin_find(const struct vkc_builtins *builtins,
                                           const struct vkc_type *receiver, const struct vkc_name *name,
                                           uint32_t count)
{
    const struct vkc_builtin *found = NULL;
    for (uint32_t i = 0; i < VKC_BUILTIN_COUNT; i++) {
        const struct vkc_builtin *b = &builtins->all[i];
        if (b->name != name || !is_of(b, receiver))
            continue;
        if (b->slots_count == count)
            return b;
        found = found == NULL ? b : found;
    }
    return found;
}

void vkc_builtins_offer(const struct vkc_builtins *builtins, const struct vkc_type *receiver,
                        struct vkc_nearest *nearest)
{
    for (uint32_t i = 0; i < VKC_BUILTIN_COUNT; i++) {
        if (is_of(&builtins->all[i], receiver))
            vkc_nearest_offer(nearest, builtins->all[i].name->text);
    }
}
