/* SPDX-License-Identifier: Apache-2.0 */
/* Where lwIP asks us (LWIP_HOOK_FILENAME). Included by lwIP's sources. */
#ifndef METAL_LWIP_HOOKS_H
#define METAL_LWIP_HOOKS_H

#include <lwip/ip6_addr.h>
#include <lwip/prot/tcp.h>
#include <lwip/tcp.h>

/* A first sequence number that nobody else can guess, ascending for the same two ends (RFC 6528). */
u32_t metal_lwip_isn(const ip_addr_t *local_ip, u16_t local_port, const ip_addr_t *remote_ip,
                     u16_t remote_port);

#define LWIP_HOOK_TCP_ISN metal_lwip_isn

/* The options of a segment: behind its head, and where that buffer ends the rest of them in the next. */
struct metal_lwip_options_of {
    u8_t *first, *rest;
    u16_t first_len, len;
};

/* A segment found its control block; its head is in host order. Other than ERR_OK: lwIP drops it. */
err_t metal_lwip_admit(const struct tcp_pcb *pcb, struct tcp_hdr *hdr, struct metal_lwip_options_of options,
                       const struct pbuf *payload);

#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, hdr, optlen, opt1len, opt2, p) \
    metal_lwip_admit(pcb, hdr, (struct metal_lwip_options_of){(u8_t *)((hdr) + 1), opt2, opt1len, optlen}, p)

/* The router of IPv6 that the configuration names; NULL: it names none. */
const ip6_addr_t *metal_lwip_router6(void);

#define LWIP_HOOK_ND6_GET_GW(netif, dest) metal_lwip_router6()

#endif
