/* SPDX-License-Identifier: Apache-2.0 */
/* `store name: Type, entries: 10_000, bytes: 4m, ttl: 30min`. The word is a keyword nowhere else. */
#include "compiler/parse_impl.h"
#include "vk/limits.h"

bool vkc_is_store(const struct vkc_parser *p)
{
    return vkc_is(p, VKC_TOKEN_NAME) && vkc_is_word(p, "store");
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
    static const char *const names[] = {"entries", "bytes", "ttl"};
    struct vkc_span *const given[] = {&store->entries_span, &store->bytes_span, &store->ttl_span};
    switch (vkc_parse_option(p, names, VK_COUNT(names), "`entries:`, `bytes:` or `ttl:`", given)) {
    case 0:
        entries(p, store);
        break;
    case 1:
        vkc_parse_size(p, INTERP_STORE_BYTES_MIN, INTERP_STORE_BYTES_MAX, "a store has 128k to 64m",
                       &store->bytes);
        break;
    case 2:
        vkc_parse_duration(p, &store->ttl_ns);
        break;
    default:
        break;
    }
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
