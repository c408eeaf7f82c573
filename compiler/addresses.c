/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where http blocks listen: each at an address that can be read, no two at the
 * same one. Whether a machine has it, and an interface of that name, is known
 * only where the program runs.
 */
#include "compiler/pass.h"

#include <arpa/inet.h>

#define HOST_MAX_BYTES 64u /* longer than any IPv6 address with its interface */

struct address {
    uint32_t port; /* 0: any free one, which no other block has */
    bool is_ip6;
    uint8_t ip[16];             /* an IPv4 address: the first four */
    char scope[HOST_MAX_BYTES]; /* of a link-local IPv6 address; "": none */
};

static bool read_port(const char *text, uint32_t len, uint32_t *ret_port)
{
    uint32_t port = 0;
    for (uint32_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text[i] - '0');
        if (port > UINT16_MAX)
            return false;
    }
    *ret_port = port;
    return len > 0;
}

static bool read_ip6(char *text, struct address *address)
{
    char *scope = strchr(text, '%');
    if (scope != NULL) {
        *scope = '\0';
        memcpy(address->scope, scope + 1, strlen(scope + 1) + 1);
        if (address->scope[0] == '\0')
            return false;
    }
    address->is_ip6 = true;
    return inet_pton(AF_INET6, text, address->ip) == 1;
}

static bool read_text(const char *text, uint32_t len, struct address *address)
{
    char host[HOST_MAX_BYTES];
    uint32_t colon = len;
    while (colon > 0 && text[colon - 1] != ':')
        colon--;
    if (colon == 0 || colon > sizeof host || memchr(text, '\0', len) != NULL)
        return false;
    if (!read_port(text + colon, len - colon, &address->port))
        return false;
    uint32_t host_bytes = colon - 1;
    memcpy(host, text, host_bytes);
    host[host_bytes] = '\0';
    if (host_bytes < 2 || host[0] != '[' || host[host_bytes - 1] != ']')
        return inet_pton(AF_INET, host, address->ip) == 1;
    host[host_bytes - 1] = '\0';
    return read_ip6(host + 1, address);
}

/* False: it is told, or was when it was parsed. */
static bool read_address(struct vkc_pass *pass, const struct vkc_expr *expr, struct address *ret_address)
{
    *ret_address = (struct address){0};
    if (expr->kind == VKC_EXPR_INT)
        ret_address->port = (uint32_t)expr->number;
    if (expr->kind != VKC_EXPR_STR)
        return expr->kind == VKC_EXPR_INT;
    const char *text = expr->str.count > 0 ? expr->str.parts[0].bytes : "";
    if (read_text(text, expr->str.count > 0 ? expr->str.parts[0].len_bytes : 0, ret_address))
        return true;
    struct vkc_diag *diag = vkc_error(pass->diags, expr->span, "this is no address to listen on");
    vkc_diag_help(pass->diags, diag,
                  "an address in numbers, a colon and a port from 0 to 65535: \"127.0.0.1:8080\" or "
                  "\"[::1]:8080\"; the port alone, as in `http on 8080`, is every IPv4 address");
    return false;
}

static bool is_same(const struct address *a, const struct address *b)
{
    return a->port != 0 && a->port == b->port && a->is_ip6 == b->is_ip6 &&
           memcmp(a->ip, b->ip, sizeof a->ip) == 0 && strcmp(a->scope, b->scope) == 0;
}

void vkc_addresses_check(struct vkc_pass *pass)
{
    struct address seen[VKC_BLOCKS_MAX];
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
