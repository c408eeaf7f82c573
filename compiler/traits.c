/* SPDX-License-Identifier: Apache-2.0 */
/* What types can do, and the part that keeps one from it. */
#include "compiler/pass.h"

enum answer { YES, NO, DESCEND };

struct search {
    struct vkc_checked *checked;
    enum vkc_trait trait;
    /* Records and enums seen: the first part that cannot ends the search, so all of these can, or are on the
     * way. */
    struct vkc_type **visited;
    uint32_t count, room;
    struct vkc_text *path; /* where the culprit lies; NULL: not asked */
    struct vkc_type *culprit;
};

static enum answer of_value_kind(enum vkc_trait trait, enum vkc_type_kind kind)
{
    switch (trait) {
    case VKC_TRAIT_ORDER:
        return kind == VKC_TYPE_INT || kind == VKC_TYPE_FLOAT || kind == VKC_TYPE_DURATION ||
                       kind == VKC_TYPE_STR || kind == VKC_TYPE_BYTES
                   ? YES
                   : NO;
    case VKC_TRAIT_KEY:
        return kind == VKC_TYPE_INT || kind == VKC_TYPE_BOOL || kind == VKC_TYPE_STR || kind == VKC_TYPE_BYTES
                   ? YES
                   : NO;
    case VKC_TRAIT_SWAP: /* bytes that are the same when the values are */
        return kind == VKC_TYPE_INT || kind == VKC_TYPE_BOOL || kind == VKC_TYPE_DURATION ||
                       kind == VKC_TYPE_STR || kind == VKC_TYPE_BYTES
                   ? YES
                   : NO;
    case VKC_TRAIT_TEXT:
        return kind == VKC_TYPE_STR || (kind >= VKC_TYPE_INT && kind <= VKC_TYPE_DURATION) ? YES : NO;
    case VKC_TRAIT_NUMBER:
        return kind == VKC_TYPE_INT || kind == VKC_TYPE_FLOAT || kind == VKC_TYPE_DURATION ? YES : NO;
    case VKC_TRAIT_ADDRESS:
        return NO;
    default:
        return kind <= VKC_TYPE_BYTES ? YES : NO;
    }
}

static bool is_deep(enum vkc_trait trait)
{
    return trait == VKC_TRAIT_EQUAL || trait == VKC_TRAIT_SEND || trait == VKC_TRAIT_FREEZE ||
           trait == VKC_TRAIT_JSON || trait == VKC_TRAIT_PARSE;
}

static enum answer of_named(const struct search *s, const struct vkc_type *type)
{
    const struct vkc_symbol *symbol = type->symbol;
    bool is_json = s->trait == VKC_TRAIT_JSON || s->trait == VKC_TRAIT_PARSE;
    if (symbol->kind == VKC_SYMBOL_ACTOR) {
        bool can = s->trait == VKC_TRAIT_EQUAL || s->trait == VKC_TRAIT_SEND ||
                   s->trait == VKC_TRAIT_FREEZE || s->trait == VKC_TRAIT_ADDRESS;
        return can ? YES : NO;
    }
    if (s->trait == VKC_TRAIT_KEY || s->trait == VKC_TRAIT_SWAP)
        return symbol->kind == VKC_SYMBOL_ENUM && symbol->is_plain ? YES : NO;
    if (!is_deep(s->trait))
        return NO;
    if (is_json && symbol == s->checked->json)
        return YES;
    if (symbol->kind == VKC_SYMBOL_RECORD && symbol->has_identity)
        return s->trait == VKC_TRAIT_EQUAL ? YES : NO;
    return DESCEND;
}

static enum answer answer_of(const struct search *s, const struct vkc_type *type)
{
    switch (type->kind) {
    case VKC_TYPE_ERROR:
    case VKC_TYPE_NOBODY:
    case VKC_TYPE_NEVER:
    case VKC_TYPE_PARAM:
    case VKC_TYPE_VAR:
        return YES;
    case VKC_TYPE_LIST:
        return is_deep(s->trait) ? DESCEND : NO;
    case VKC_TYPE_MAP: {
        bool is_json = s->trait == VKC_TRAIT_JSON || s->trait == VKC_TRAIT_PARSE;
        enum vkc_type_kind key = vkc_type_find(type->args[0])->kind;
        if (is_json && key != VKC_TYPE_STR && key != VKC_TYPE_PARAM && key != VKC_TYPE_ERROR)
            return NO;
        return is_deep(s->trait) ? DESCEND : NO;
    }
    case VKC_TYPE_NAMED:
        return of_named(s, type);
    case VKC_TYPE_OBJECT:
        return s->trait == VKC_TRAIT_JSON ? YES : NO;
    case VKC_TYPE_FIBER:
    case VKC_TYPE_STORE:
    case VKC_TYPE_FN:
        return NO;
    default:
        return of_value_kind(s->trait, type->kind);
    }
}

static bool can(struct search *s, struct vkc_type *type);

static void step(struct search *s, size_t at, const char *format, const char *name)
{
    if (s->path == NULL)
        return;
    struct vkc_text rest = {0};
    vkc_text_print(&rest, format, name);
    vkc_text_put(&rest, s->path->len > at ? " of which " : "");
    vkc_text_clear(s->path);
    vkc_text_put(s->path, rest.bytes);
    vkc_text_fini(&rest);
}

static bool can_slots(struct search *s, const struct vkc_symbol *owner, const struct vkc_symbol *symbol,
                      const struct vkc_type *type)
{
    for (uint32_t i = 0; i < symbol->slots_count; i++) {
        struct vkc_type *slot = vkc_type_replace(&s->checked->types, symbol->slots[i].type, owner->params,
                                                 type->args, owner->params_count);
        if (can(s, slot))
            continue;
        const struct vkc_name *name = symbol->slots[i].name != NULL ? symbol->slots[i].name : symbol->name;
        if (s->path != NULL && s->path->len == 0)
            step(s, 0, symbol->kind == VKC_SYMBOL_VARIANT ? "the payload of `%s`" : "its field `%s`",
                 name->text);
        return false;
    }
    return true;
}

static bool can_named(struct search *s, struct vkc_type *type)
{
    const struct vkc_symbol *symbol = type->symbol;
    bool result = true;
    for (uint32_t i = s->count; i > 0; i--) {
        if (s->visited[i - 1] == type)
            return true;
    }
    if (s->count > VKC_TYPES_MAX)
        return true; /* without end: the instances will tell */
    VKC_ADD(&s->checked->program->arena, s->visited, s->count, s->room, type);
    if (symbol->kind == VKC_SYMBOL_RECORD)
        result = can_slots(s, symbol, symbol, type);
    for (uint32_t i = 0; result && symbol->kind == VKC_SYMBOL_ENUM && i < symbol->members_count; i++)
        result = can_slots(s, symbol, symbol->members[i], type);
    return result;
}

static bool can(struct search *s, struct vkc_type *type)
{
    type = vkc_type_find(type);
    enum answer answer = answer_of(s, type);
    if (answer == NO)
        s->culprit = type;
    if (answer != DESCEND)
        return answer == YES;
    if (type->kind == VKC_TYPE_NAMED)
        return can_named(s, type);
    for (uint32_t i = 0; i < type->count; i++) {
        if (!can(s, type->args[i]))
            return false;
    }
    return true;
}

bool vkc_type_can(struct vkc_checked *checked, struct vkc_type *type, enum vkc_trait trait)
{
    struct search search = {.checked = checked, .trait = trait};
    return can(&search, type);
}

/* ---- messages ------------------------------------------------------------------------------ */

static const char *const phrases[] = {
#define X(name, word, phrase) phrase,
    VKC_TRAITS(X)
#undef X
};

static const char *advice(const struct search *s, enum vkc_trait trait)
{
    const struct vkc_type *type = s->culprit;
    bool is_identity = type->symbol != NULL && type->symbol->has_identity;
    switch (trait) {
    case VKC_TRAIT_SEND:
    case VKC_TRAIT_FREEZE:
        return is_identity ? "a record with `var` fields belongs to one process" : NULL;
    case VKC_TRAIT_KEY:
        return "a key is an `Int`, `Bool`, `Str`, `Bytes` or an enum without payloads";
    case VKC_TRAIT_SWAP:
        return "`swap` is for `Int`, `Bool`, `Duration`, `Str`, `Bytes` and enums without payloads; what "
               "else "
               "changes under several requests lives in an actor";
    case VKC_TRAIT_ORDER:
        return "`Int`, `Float`, `Duration`, `Str` and `Bytes` have an order";
    case VKC_TRAIT_TEXT:
        return vkc_type_option(s->checked, s->culprit) != NULL
                   ? "`?? default` takes the value out, `debug(...)` gives a text of any value"
                   : "`debug(...)` gives a text of any value that can be compared";
    case VKC_TRAIT_JSON:
    case VKC_TRAIT_PARSE:
        return type->kind == VKC_TYPE_MAP ? "the keys of a JSON object are texts: `Map<Str, ...>`" : NULL;
    default:
        return NULL;
    }
}

static void tell(struct vkc_pass *pass, struct search *s, struct vkc_type *type, struct vkc_span span,
                 const struct vkc_instance *instance)
{
    const char *text = vkc_type_text(pass->types, type), *phrase = phrases[s->trait];
    struct vkc_diag *diag = NULL;
    if (s->culprit == type)
        diag = vkc_error(pass->diags, span, "`%s` cannot %s", text, phrase);
    else if (s->path->len > 0)
        diag = vkc_error(pass->diags, span, "`%s` cannot %s: %s is `%s`", text, phrase, s->path->bytes,
                         vkc_type_text(pass->types, s->culprit));
    else
        diag = vkc_error(pass->diags, span, "`%s` cannot %s: it holds `%s`", text, phrase,
                         vkc_type_text(pass->types, s->culprit));
    const char *help = advice(s, s->trait);
    if (instance != NULL)
        vkc_diag_note(pass->diags, diag, instance->span, "asked for with this type here");
    if (help != NULL)
        vkc_diag_help(pass->diags, diag, "%s", help);
}

void vkc_trait_check(struct vkc_pass *pass, enum vkc_trait trait, struct vkc_type *type, struct vkc_span span,
                     const struct vkc_instance *instance)
{
    struct vkc_text path = {0};
    struct search search = {.checked = pass->checked, .trait = trait, .path = &path};
    type = vkc_type_find(type);
    if (!can(&search, type))
        tell(pass, &search, type, span, instance);
    vkc_text_fini(&path);
}
