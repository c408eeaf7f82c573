/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/addr.h"

#include "vk/addr.h"
#include "vk/err.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#define SCOPE_DIGITS_MAX 9u

/* The scope of a link-local address: an interface's name or number. */
static int parse_scope(const char *text, uint32_t *ret_scope)
{
    size_t len = strlen(text);
    *ret_scope = if_nametoindex(text);
    if (*ret_scope != 0)
        return 0;
    if (len == 0 || len > SCOPE_DIGITS_MAX || strspn(text, "0123456789") != len)
        return -VK_EMALFORMED;
    *ret_scope = (uint32_t)strtoul(text, NULL, 10);
    return 0;
}

int vkd_addr_parse(const char *text, struct proc_addr *ret_addr)
{
    struct vk_addr parsed;
    char scope[VKD_ADDR_TEXT] = "";
    int rc = vk_addr_parse(vk_span_text(text), &parsed);
    if (rc != 0)
        return rc;
    struct proc_addr addr = {.family = parsed.family, .port = parsed.port};
    memcpy(addr.ip, parsed.ip, sizeof addr.ip);
    if (parsed.scope.len >= sizeof scope)
        return -VK_EMALFORMED;
    if (parsed.scope.len > 0)
        memcpy(scope, parsed.scope.ptr, parsed.scope.len);
    if (parsed.scope.len > 0 && parse_scope(scope, &addr.scope) != 0)
        return -VK_EMALFORMED;
    *ret_addr = addr;
    return 0;
}

void vkd_addr_print(const struct proc_addr *addr, char text[VKD_ADDR_TEXT])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    char scope[16] = "";
    (void)inet_ntop(addr->family == 6 ? AF_INET6 : AF_INET, addr->ip, ip, sizeof ip);
    if (addr->scope != 0)
        (void)snprintf(scope, sizeof scope, "%%%u", addr->scope);
    (void)snprintf(text, VKD_ADDR_TEXT, addr->family == 6 ? "[%s%s]:%u" : "%s%s:%u", ip, scope, addr->port);
}
