/* SPDX-License-Identifier: Apache-2.0 */
/* `store name: Type, entries: 10_000, bytes: 4m, ttl: 30min`. The word is a keyword nowhere else. */
#include "compiler/parse_impl.h"
#include "vk/limits.h"

bool vkc_is_store(const struct vkc_parser *p)
{
    return vkc_is(p, VKC_TOKEN_NAME) && vkc_is_word(p, "store");
}

static void unknown_option(struct vkc_parser *p)
{
    static const char *const names[] = {"entries", "bytes", "ttl"};
    struct vkc_nearest nearest;
    size_t len;
    const char *text = vkc_token_text(p, p->at, &len);
    vkc_nearest_init(&nearest, text, len);
    for (size_t i = 0; i < VK_COUNT(names); i++)
        vkc_nearest_offer(&nearest, names[i]);
    struct vkc_diag *diag = vkc_expected(p, "`entries:`, `bytes:` or `ttl:`");
    if (diag != NULL)
        vkc_nearest_help(&nearest, &p->program->diags, diag);
}

static void entries(struct vkc_parser *p, struct vkc_store *store)
{
    if (!vkc_is(p, VKC_TOKEN_INT)) {
        vkc_expected(p, "a number, as in `10_000`");
        return;
    }
    const struct vkc_expr *number = vkc_parse_number(p);
    if (number->number < 1 || number->number > INTERP_STORE_ENTRIES_MAX)
        vkc_complain(p, number->span, "a store has 1 to 1,000,000 entries");
    else
        store->entries = (uint32_t)number->number;
}

static void option(struct vkc_parser *p, struct vkc_store *store)
{
    struct vkc_span span = vkc_here(p);
    bool is_entries = vkc_is_word(p, "entries"), is_bytes = vkc_is_word(p, "bytes");
    if (!is_entries && !is_bytes && !vkc_is_word(p, "ttl")) {
        unknown_option(p);
        return;
    }
    struct vkc_span *given = is_entries ? &store->entries_span
                             : is_bytes ? &store->bytes_span
                                        : &store->ttl_span;
    if (given->start != 0)
        vkc_complain(p, span, "this option is given twice");
    *given = span;
    vkc_advance(p);
    if (!vkc_expect(p, VKC_TOKEN_COLON, NULL))
        return;
    if (is_entries)
        entries(p, store);
    else if (is_bytes)
        vkc_parse_size(p, INTERP_STORE_BYTES_MIN, INTERP_STORE_BYTES_MAX, "a store has 128k to 64m",
                       &store->bytes);
    else
        vkc_parse_duration(p, &store->ttl_ns);
}

struct vkc_decl *vkc_parse_store(struct vkc_parser *p, struct vkc_decl *decl)
{
    struct vkc_store *store = &decl->store;
    *store = (struct vkc_store){.entries = INTERP_STORE_ENTRIES, .bytes = INTERP_STORE_BYTES};
    vkc_advance(p);
    decl->name = vkc_parse_name(p, "the store's name", VKC_CASE_SMALL);
    if (vkc_expect(p, VKC_TOKEN_COLON, "and the type of its values, as in `store sessions: Str`"))
        store->type = vkc_parse_type(p);
    while (!p->is_lost && vkc_take(p, VKC_TOKEN_COMMA))
        option(p, store);
    return decl;
}
