/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lwIP looks for the connection of a segment along one list, which costs 5,400
 * instructions at 256 connections. So the list is kept in pieces, by a keyed
 * hash of the two ends, and lwIP is shown the piece that a call needs: that of
 * the segment's ends, that of the connection, or all joined (timers, ports).
 * Outside of such calls its list is empty.
 *
 * The hash is multiply-shift over 32-bit words with random 64-bit keys
 * (Dietzfelbinger et al., "A reliable randomized algorithm for the
 * closest-pair problem", 1997): peers cannot choose ends that collide.
 */
#include "metal/lwip/lwip_impl.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/iana.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>

#define BUCKET_SHIFT 56u /* the upper 8 bits choose */

_Static_assert(METAL_LWIP_BUCKETS == 1u << (64 - BUCKET_SHIFT), "bits of the hash");

static uint32_t hash(const struct metal_lwip *d, const void *ip, uint32_t ip_len, const void *ports)
{
    uint32_t words[METAL_LWIP_BUCKET_WORDS] = {0};
    uint64_t sum = 0;
    memcpy(words, ports, 4);
    memcpy(words + 1, ip, ip_len);
    for (uint32_t i = 0; i < 1 + ip_len / 4; i++)
        sum += d->chance.bucket_keys[i] * words[i];
    return (uint32_t)(sum >> BUCKET_SHIFT);
}

uint32_t metal_lwip_bucket_of(const struct metal_lwip *d, const struct tcp_pcb *pcb)
{
    const u16_t ports[2] = {lwip_htons(pcb->remote_port), lwip_htons(pcb->local_port)};
    if (IP_IS_V4_VAL(pcb->remote_ip))
        return hash(d, &ip_2_ip4(&pcb->remote_ip)->addr, 4, ports);
    return hash(d, ip_2_ip6(&pcb->remote_ip)->addr, 16, ports);
}

/* Where lwIP may change the connections without a segment of TCP: a new address from DHCP. */
static bool is_for_dhcp(const uint8_t *udp)
{
    return udp[2] == 0 && udp[3] == LWIP_IANA_PORT_DHCP_CLIENT;
}

uint32_t metal_lwip_bucket_of_frame(const struct metal_lwip *d, const uint8_t *frame, uint32_t len)
{
    const uint8_t *ip = frame + NET_DEV_HEAD_BYTES;
    uint32_t head, from, from_len;
    uint8_t proto;
    if (len < NET_DEV_HEAD_BYTES + IP_HLEN + 4)
        return METAL_LWIP_BUCKET_NONE; /* too short for ports */
    if (frame[12] == 0x08 && frame[13] == 0x00) {
        head = (ip[0] & 15u) * 4u, proto = ip[9], from = 12, from_len = 4;
    } else if (frame[12] == 0x86 && frame[13] == 0xdd) {
        head = IP6_HLEN, proto = ip[6], from = 8, from_len = 16;
        if (proto != IP_PROTO_TCP && proto != IP_PROTO_UDP && proto != IP6_NEXTH_ICMP6)
            return METAL_LWIP_BUCKET_ALL; /* more heads before that of TCP, if it is TCP */
    } else {
        return METAL_LWIP_BUCKET_NONE;
    }
    if (len < NET_DEV_HEAD_BYTES + head + 4)
        return METAL_LWIP_BUCKET_ALL; /* the ports are in another piece, if there are any */
    if (proto == IP_PROTO_UDP)
        return is_for_dhcp(ip + head) ? METAL_LWIP_BUCKET_ALL : METAL_LWIP_BUCKET_NONE;
    return proto == IP_PROTO_TCP ? hash(d, ip + from, from_len, ip + head) : METAL_LWIP_BUCKET_NONE;
}

/* All pieces behind each other. */
static void join(struct metal_lwip *d)
{
    struct tcp_pcb **link = &tcp_active_pcbs;
    for (uint32_t i = 0; i < METAL_LWIP_BUCKETS; i++) {
        *link = d->buckets[i];
        d->buckets[i] = NULL;
        while (*link != NULL)
            link = &(*link)->next;
    }
}

static void split(struct metal_lwip *d)
{
    while (tcp_active_pcbs != NULL) {
        struct tcp_pcb *pcb = tcp_active_pcbs;
        struct tcp_pcb **bucket = &d->buckets[metal_lwip_bucket_of(d, pcb)];
        tcp_active_pcbs = pcb->next;
        pcb->next = *bucket;
        *bucket = pcb;
    }
}

void metal_lwip_show(struct metal_lwip *d, uint32_t bucket)
{
    vk_assert(tcp_active_pcbs == NULL && d->bucket_shown == METAL_LWIP_BUCKET_NONE);
    d->bucket_shown = bucket;
    if (bucket < METAL_LWIP_BUCKETS) {
        tcp_active_pcbs = d->buckets[bucket];
        d->buckets[bucket] = NULL;
    } else if (bucket == METAL_LWIP_BUCKET_ALL) {
        join(d);
    }
}

void metal_lwip_hide(struct metal_lwip *d)
{
    uint32_t bucket = d->bucket_shown;
    d->bucket_shown = METAL_LWIP_BUCKET_NONE;
    if (bucket < METAL_LWIP_BUCKETS) {
        d->buckets[bucket] = tcp_active_pcbs;
        tcp_active_pcbs = NULL;
    } else if (bucket == METAL_LWIP_BUCKET_ALL) {
        split(d);
    }
    vk_assert(tcp_active_pcbs == NULL);
}

void metal_lwip_abandon(struct metal_lwip *d, struct tcp_pcb *pcb, bool reset)
{
    uint32_t shown = d->bucket_shown;
    if (shown != METAL_LWIP_BUCKET_NONE)
        metal_lwip_hide(d);
    metal_lwip_show(d, metal_lwip_bucket_of(d, pcb));
    tcp_abandon(pcb, reset);
    metal_lwip_hide(d);
    if (shown != METAL_LWIP_BUCKET_NONE)
        metal_lwip_show(d, shown);
}
