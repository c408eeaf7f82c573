/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where http blocks listen: each at an address that can be read, no two at the
 * same one. Whether a machine has it, and an interface of that name, is known
 * only where the program runs.
 */
#include "compiler/pass.h"
#include "vk/addr.h"

/* False: it is told, or was when it was parsed. */
static bool read_address(struct vkc_pass *pass, const struct vkc_expr *expr, struct vk_addr *ret_address)
{
    *ret_address = (struct vk_addr){.family = 4};
    if (expr->kind == VKC_EXPR_INT)
        ret_address->port = (uint16_t)expr->number;
    if (expr->kind != VKC_EXPR_STR)
        return expr->kind == VKC_EXPR_INT;
    struct vk_span text = vk_span(NULL, 0);
    if (expr->str.count > 0)
        text = vk_span(expr->str.parts[0].bytes, expr->str.parts[0].len_bytes);
    if (vk_addr_parse(text, ret_address) == 0)
        return true;
    struct vkc_diag *diag = vkc_error(pass->diags, expr->span, "this is no address to listen on");
    vkc_diag_help(pass->diags, diag,
                  "an address in numbers, a colon and a port from 0 to 65535: \"127.0.0.1:8080\" or "
                  "\"[::1]:8080\"; the port alone, as in `http on 8080`, is every IPv4 address");
    return false;
}

static bool is_same(const struct vk_addr *a, const struct vk_addr *b)
{
    return a->port != 0 && a->port == b->port && a->family == b->family &&
           memcmp(a->ip, b->ip, sizeof a->ip) == 0 && vk_span_equal(a->scope, b->scope);
}

void vkc_addresses_check(struct vkc_pass *pass)
{
    struct vk_addr seen[VKC_BLOCKS_MAX];
    const struct vkc_expr *at[VKC_BLOCKS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < pass->checked->services_count && count < VKC_BLOCKS_MAX; i++) {
        at[count] = pass->checked->services[i].decl->http.address;
        if (!read_address(pass, at[count], &seen[count]))
            continue;
        uint32_t other = 0;
        while (other < count && !is_same(&seen[other], &seen[count]))
            other++;
        if (other < count) {
            struct vkc_diag *diag = vkc_error(pass->diags, at[count]->span,
                                              "two http blocks listen here: give each a port of its own");
            vkc_diag_note(pass->diags, diag, at[other]->span, "the other one");
        }
        count++;
    }
}
