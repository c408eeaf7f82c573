/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and names: what the card is called, and whom it asks. */
#include "metal/lwip/driver.h"
#include "metal/lwip/hooks.h"
#include "metal/lwip/lwip_impl.h"
#include "vk/addr.h"
#include "vk/err.h"

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/ip6_addr.h>

enum { NAME_MAX_BYTES = 253 };

/* ---- between lwIP's addresses and ours -------------------------------------- */

void metal_lwip_addr_from(const ip_addr_t *ip, uint16_t port, struct proc_addr *ret_addr)
{
    *ret_addr = (struct proc_addr){.family = 4, .port = port};
    if (IP_IS_V4(ip)) {
        memcpy(ret_addr->ip, &ip_2_ip4(ip)->addr, 4);
        return;
    }
    ret_addr->family = 6;
    ret_addr->scope = ip6_addr_zone(ip_2_ip6(ip));
    memcpy(ret_addr->ip, ip_2_ip6(ip)->addr, 16);
}

bool metal_lwip_addr_to(const struct metal_lwip *d, const struct proc_addr *addr, ip_addr_t *ret_ip)
{
    memset(ret_ip, 0, sizeof(*ret_ip));
    if (addr->family == 4) {
        IP_SET_TYPE(ret_ip, IPADDR_TYPE_V4);
        memcpy(&ip_2_ip4(ret_ip)->addr, addr->ip, 4);
        return true;
    }
    IP_SET_TYPE(ret_ip, IPADDR_TYPE_V6);
    memcpy(ip_2_ip6(ret_ip)->addr, addr->ip, 16);
    ip6_addr_assign_zone(ip_2_ip6(ret_ip), IP6_UNKNOWN, &d->netif);
    return addr->family == 6;
}

static bool is_some(const struct proc_addr *addr)
{
    return addr->family != 0;
}

/* ---- the text of a configuration -------------------------------------------- */

static bool parse_addr(const char *text, size_t len, struct proc_addr *ret_addr)
{
    struct vk_addr addr;
    if (vk_addr_parse_ip(vk_span(text, len), &addr) != 0)
        return false;
    *ret_addr = (struct proc_addr){.family = addr.family};
    memcpy(ret_addr->ip, addr.ip, sizeof(addr.ip));
    return true;
}

static bool begins(const char *text, size_t len, const char *word, size_t word_len)
{
    return len >= word_len && memcmp(text, word, word_len) == 0;
}

#define BEGINS(text, len, word) begins(text, len, word, sizeof(word) - 1)

/* ADDRESS/BITS; NULL, or what is wrong. */
static const char *parse_net(const char *text, size_t len, struct metal_lwip_config *config)
{
    struct metal_lwip_net net = {0};
    size_t slash = 0;
    uint32_t bits = 0;
    while (slash < len && text[slash] != '/')
        slash++;
    if (slash == len || slash + 1 == len || slash + 4 < len || !parse_addr(text, slash, &net.addr))
        return "expected dhcp, ADDRESS/BITS, router=ADDRESS or dns=ADDRESS, such as 10.0.2.15/24";
    for (size_t i = slash + 1; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return "the size of a network is a number of bits, such as /24";
        bits = bits * 10 + (uint32_t)(text[i] - '0');
    }
    if (bits > (net.addr.family == 4 ? 32u : 128u))
        return "a network has at most 32 bits for IPv4 and 128 for IPv6";
    if (net.addr.family == 6 && bits != 64)
        return "a network of IPv6 has 64 bits here, as in fd00::2/64";
    net.prefix_bits = (uint8_t)bits;
    struct metal_lwip_net *to = net.addr.family == 4 ? &config->v4 : &config->v6;
    if (is_some(&to->addr))
        return "there is an address of that family already";
    *to = net;
    return NULL;
}

static const char *parse_router(const char *text, size_t len, struct metal_lwip_config *config)
{
    struct proc_addr addr;
    if (!parse_addr(text, len, &addr))
        return "router= is followed by an IPv4 or IPv6 address";
    struct proc_addr *to = addr.family == 4 ? &config->router4 : &config->router6;
    if (is_some(to))
        return "there is a router of that family already";
    *to = addr;
    return NULL;
}

static const char *parse_server(const char *text, size_t len, struct metal_lwip_config *config)
{
    struct proc_addr addr;
    if (!parse_addr(text, len, &addr))
        return "dns= is followed by an IPv4 or IPv6 address";
    for (size_t i = 0; i < METAL_LWIP_SERVERS_MAX; i++) {
        if (is_some(&config->servers[i]))
            continue;
        config->servers[i] = addr;
        return NULL;
    }
    return "there are two name servers already";
}

static const char *parse_word(const char *text, size_t len, struct metal_lwip_config *config)
{
    if (BEGINS(text, len, "router="))
        return parse_router(text + 7, len - 7, config);
    if (BEGINS(text, len, "dns="))
        return parse_server(text + 4, len - 4, config);
    if (len != 4 || !BEGINS(text, len, "dhcp"))
        return parse_net(text, len, config);
    config->dhcp = true;
    return NULL;
}

/* What no single word is to blame for. */
static const char *check_config(const struct metal_lwip_config *config)
{
    if (config->dhcp && (is_some(&config->v4.addr) || is_some(&config->router4)))
        return "with dhcp, IPv4 address and router come from the server";
    if (is_some(&config->router4) && !is_some(&config->v4.addr))
        return "an IPv4 router needs an IPv4 address beside it";
    return NULL;
}

int metal_lwip_config_parse(const char *text, struct metal_lwip_config *ret_config, const char **ret_why,
                            size_t *ret_at)
{
    size_t at = 0;
    const char *why = NULL;
    *ret_config = (struct metal_lwip_config){0};
    for (;;) {
        size_t len = 0;
        while (text[at + len] != '\0' && text[at + len] != ',')
            len++;
        why = parse_word(text + at, len, ret_config);
        if (why != NULL || text[at + len] == '\0')
            break;
        at += len + 1;
    }
    if (why == NULL) {
        at = 0;
        why = check_config(ret_config);
    }
    *ret_why = why;
    *ret_at = at;
    return why == NULL ? 0 : -VK_EINVAL;
}

/* ---- the card's addresses --------------------------------------------------- */

static void set_v4(struct metal_lwip *d, const struct metal_lwip_config *config)
{
    ip_addr_t ip, router;
    uint32_t bits = config->v4.prefix_bits;
    ip4_addr_t mask = {.addr = lwip_htonl(bits == 0 ? 0 : UINT32_MAX << (32 - bits))};
    struct proc_addr none = {.family = 4};
    (void)metal_lwip_addr_to(d, &config->v4.addr, &ip);
    (void)metal_lwip_addr_to(d, is_some(&config->router4) ? &config->router4 : &none, &router);
    netif_set_addr(&d->netif, ip_2_ip4(&ip), &mask, ip_2_ip4(&router));
}

void metal_lwip_address_init(struct metal_lwip *d)
{
    const struct metal_lwip_config *config = &d->config;
    ip_addr_t ip;
    netif_create_ip6_linklocal_address(&d->netif, 1);
    netif_set_ip6_autoconfig_enabled(&d->netif, 1);
    if (is_some(&config->v4.addr))
        set_v4(d, config);
    if (is_some(&config->v6.addr)) {
        s8_t at = 1;
        (void)metal_lwip_addr_to(d, &config->v6.addr, &ip);
        (void)netif_add_ip6_address(&d->netif, ip_2_ip6(&ip), &at); /* two of three places are free */
    }
    if (is_some(&config->router6))
        (void)metal_lwip_addr_to(d, &config->router6, &d->router6);
    for (uint8_t i = 0; i < METAL_LWIP_SERVERS_MAX; i++) {
        if (is_some(&config->servers[i]) && metal_lwip_addr_to(d, &config->servers[i], &ip))
            dns_setserver(i, &ip);
    }
    if (config->dhcp)
        (void)dhcp_start(&d->netif); /* fails for want of memory only: creation has just made sure of it */
}

const ip6_addr_t *metal_lwip_router6(void)
{
    const struct metal_lwip *d = metal_lwip_the;
    return is_some(&d->config.router6) ? ip_2_ip6(&d->router6) : NULL;
}

void metal_lwip_address_fini(struct metal_lwip *d)
{
    if (d->config.dhcp)
        dhcp_cleanup(&d->netif);
}

static uint8_t bits_of(const ip4_addr_t *mask)
{
    uint32_t word = lwip_ntohl(mask->addr);
    uint8_t bits = 0;
    for (; word != 0; word <<= 1)
        bits++;
    return bits;
}

static void status_v6(const struct metal_lwip *d, struct metal_lwip_status *ret_status)
{
    uint32_t count = 0;
    for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (!ip6_addr_isvalid(netif_ip6_addr_state(&d->netif, i)))
            continue;
        struct metal_lwip_net *net = &ret_status->v6[count++];
        metal_lwip_addr_from(netif_ip_addr6(&d->netif, i), 0, &net->addr);
        net->prefix_bits = 64;
    }
}

void metal_lwip_status(const struct proc_io *io, struct metal_lwip_status *ret_status)
{
    const struct metal_lwip *d = (const struct metal_lwip *)io;
    const struct netif *netif = &d->netif;
    *ret_status = (struct metal_lwip_status){
        .frames_in = d->frames_in,
        .frames_out = d->frames_out,
        .frames_lost = d->frames_lost,
        .blocks_short = d->mem.shorts,
        .conns_live = d->table.conns_live,
        .bytes_used = metal_lwip_mem_used(&d->mem),
    };
    bool has_v4 = !ip4_addr_isany_val(*netif_ip4_addr(netif));
    if (has_v4) {
        metal_lwip_addr_from(netif_ip_addr4(netif), 0, &ret_status->v4.addr);
        ret_status->v4.prefix_bits = bits_of(netif_ip4_netmask(netif));
    }
    if (!ip4_addr_isany_val(*netif_ip4_gw(netif)))
        metal_lwip_addr_from(netif_ip_gw4(netif), 0, &ret_status->router4);
    status_v6(d, ret_status);
    for (uint8_t i = 0; i < METAL_LWIP_SERVERS_MAX; i++) {
        const ip_addr_t *server = dns_getserver(i);
        if (!ip_addr_isany(server))
            metal_lwip_addr_from(server, 0, &ret_status->servers[i]);
    }
    bool wants_v4 = d->config.dhcp || is_some(&d->config.v4.addr);
    ret_status->is_up = has_v4 || (!wants_v4 && is_some(&ret_status->v6[0].addr));
}

/* ---- names ------------------------------------------------------------------ */

static void answer(struct metal_lwip_lookup *lookup, const ip_addr_t *ip)
{
    lookup->res = ip != NULL ? 0 : -VK_ENOENT;
    if (ip != NULL)
        metal_lwip_addr_from(ip, 0, &lookup->addr);
}

static void on_found(const char *name, const ip_addr_t *ip, void *arg)
{
    struct metal_lwip_question *question = arg;
    (void)name;
    question->is_asked = false;
    if (question->lookup == NULL)
        return;
    answer(question->lookup, ip);
    question->lookup = NULL;
    atomic_store_explicit(&metal_lwip_the->is_woken, true, memory_order_release);
}

static struct metal_lwip_question *free_question(struct metal_lwip *d)
{
    for (uint32_t i = 0; i < METAL_LWIP_LOOKUPS_MAX; i++) {
        if (!d->questions[i].is_asked)
            return &d->questions[i];
    }
    return NULL;
}

int metal_lwip_resolve(struct proc_io *io, const char *name, uint8_t family, struct metal_lwip_lookup *lookup)
{
    struct metal_lwip *d = (struct metal_lwip *)io;
    uint8_t type = family == 4   ? LWIP_DNS_ADDRTYPE_IPV4
                   : family == 6 ? LWIP_DNS_ADDRTYPE_IPV6
                                 : LWIP_DNS_ADDRTYPE_IPV4_IPV6;
    ip_addr_t ip;
    size_t len = 0;
    while (len <= NAME_MAX_BYTES && name[len] != '\0')
        len++;
    if (len == 0 || len > NAME_MAX_BYTES || (family != 0 && family != 4 && family != 6))
        return -VK_EINVAL;
    struct metal_lwip_question *question = free_question(d);
    if (question == NULL)
        return -VK_EOVERFLOW;
    *lookup = (struct metal_lwip_lookup){.res = METAL_LWIP_PENDING};
    *question = (struct metal_lwip_question){.lookup = lookup, .is_asked = true};
    err_t err = dns_gethostbyname_addrtype(name, &ip, on_found, question, type);
    if (err == ERR_INPROGRESS)
        return 0;
    question->is_asked = false;
    if (err == ERR_OK) {
        answer(lookup, &ip);
        return 0;
    }
    return err == ERR_VAL ? -VK_EUNREACH : err == ERR_MEM ? -VK_EOVERFLOW : -VK_EINVAL;
}

void metal_lwip_forget(struct proc_io *io, struct metal_lwip_lookup *lookup)
{
    struct metal_lwip *d = (struct metal_lwip *)io;
    for (uint32_t i = 0; i < METAL_LWIP_LOOKUPS_MAX; i++) {
        if (d->questions[i].lookup != lookup)
            continue;
        d->questions[i].lookup = NULL; /* its place stays taken until lwIP has given up */
        lookup->res = -VK_ECANCELED;
    }
}
