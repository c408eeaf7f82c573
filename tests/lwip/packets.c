/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lwip/packets.h"

#include <string.h>

enum { ETH = 14, IP4 = 20, IP6 = 40, UDP = 8, BOOTP = 240 };

const uint8_t packets_far[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t near_card[6] = {2, 0, 0, 0, 0, 1};

void packets_put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static uint32_t get16(const uint8_t *from)
{
    return (uint32_t)from[0] << 8 | from[1];
}

uint32_t packets_sum(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
    for (uint32_t i = 0; i < len; i += 2)
        sum += (uint32_t)bytes[i] << 8 | (i + 1 < len ? bytes[i + 1] : 0);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* ---- sums and heads ----------------------------------------------------------------------------- */

static void finish_sum(uint8_t *at, uint32_t sum)
{
    packets_put16(at, ~sum & 0xffff);
}

/* Lengths and sums of an IPv4 frame with UDP or TCP. */
static void finish_v4(uint8_t *frame, uint32_t len)
{
    uint8_t *ip = frame + ETH, *body = ip + IP4;
    uint32_t body_len = len - ETH - IP4;
    packets_put16(ip + 2, len - ETH);
    packets_put16(ip + 10, 0);
    finish_sum(ip + 10, packets_sum(ip, IP4, 0));
    uint32_t at = ip[9] == 6 ? 16 : 6;
    if (ip[9] == 17 && body_len >= UDP)
        packets_put16(body + 4, body_len);
    if (body_len < at + 2)
        return;
    packets_put16(body + at, 0);
    finish_sum(body + at, packets_sum(body, body_len, packets_sum(ip + 12, 8, ip[9] + body_len)));
}

/* The same for ICMP over IPv6. */
static void finish_v6(uint8_t *frame, uint32_t len)
{
    uint8_t *ip = frame + ETH, *body = ip + IP6;
    uint32_t body_len = len - ETH - IP6;
    packets_put16(ip + 4, body_len);
    if (body_len < 4)
        return;
    packets_put16(body + 2, 0);
    finish_sum(body + 2, packets_sum(body, body_len, packets_sum(ip + 8, 32, 58 + body_len)));
}

static void begin_v4(uint8_t *frame, uint8_t proto, const uint8_t from[4], const uint8_t to[4])
{
    uint8_t *ip = frame + ETH;
    memset(frame, 0, ETH + IP4);
    memcpy(frame, near_card, 6);
    memcpy(frame + 6, packets_far, 6);
    packets_put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    ip[8] = 64;
    ip[9] = proto;
    memcpy(ip + 12, from, 4);
    memcpy(ip + 16, to, 4);
}

void packets_syn(uint8_t *frame, const uint8_t to[4], uint32_t number, uint16_t port)
{
    const uint8_t from[4] = {10, 0, 0, (uint8_t)(100 + number % 100)};
    uint8_t *tcp = frame + ETH + IP4;
    begin_v4(frame, 6, from, to);
    frame[11] = 9; /* no card of the wire */
    memset(tcp, 0, 20);
    packets_put16(tcp, 1024 + number);
    packets_put16(tcp + 2, port);
    packets_put16(tcp + 6, number * 7);
    tcp[12] = 5 << 4;
    tcp[13] = 2;
    packets_put16(tcp + 14, 8192);
    finish_v4(frame, ETH + IP4 + 20);
}

bool packets_is_syn_ack(const uint8_t *frame, uint32_t len)
{
    return len >= ETH + IP4 + 20 && get16(frame + 12) == 0x0800 && frame[ETH + 9] == 6 &&
           (frame[ETH + IP4 + 13] & 0x3f) == 0x12;
}

uint32_t packets_udp_port(const uint8_t *frame, uint32_t len)
{
    bool is_udp =
        len >= ETH + IP4 + UDP && get16(frame + 12) == 0x0800 && frame[ETH] == 0x45 && frame[ETH + 9] == 17;
    return is_udp ? get16(frame + ETH + IP4 + 2) : 0;
}

bool packets_is_solicitation(const uint8_t *frame, uint32_t len)
{
    return len >= ETH + IP6 + 24 && get16(frame + 12) == 0x86dd && frame[ETH + 6] == 58 &&
           frame[ETH + IP6] == 135;
}

/* ---- DHCP (RFC 2131) ---------------------------------------------------------------------------- */

static uint8_t *option_of(const uint8_t *frame, uint32_t len, uint8_t code)
{
    uint32_t at = ETH + IP4 + UDP + BOOTP;
    while (at + 2 < len && frame[at] != 255) {
        if (frame[at] == code)
            return (uint8_t *)(uintptr_t)(frame + at + 2);
        at += frame[at] == 0 ? 1 : 2u + frame[at + 1];
    }
    return NULL;
}

uint8_t packets_dhcp_type(const uint8_t *frame, uint32_t len)
{
    const uint8_t *type = option_of(frame, len, 53);
    return type != NULL ? *type : 0;
}

uint32_t packets_dhcp_answer(uint8_t *frame, uint8_t host, const uint8_t *ask, uint32_t len)
{
    static const uint8_t server[4] = {10, 1, 2, 1}, all[4] = {255, 255, 255, 255};
    static const uint8_t options[] = {53,  1,   2,   54, 4, 10, 1,  2, 1, 51, 4, 0, 0,  0, 120, 1,  4,
                                      255, 255, 255, 0,  3, 4,  10, 1, 2, 1,  6, 4, 10, 1, 2,   53, 255};
    uint8_t type = packets_dhcp_type(ask, len);
    uint8_t *udp = frame + ETH + IP4, *bootp = udp + UDP;
    if (type != 1 && type != 3)
        return 0;
    begin_v4(frame, 17, server, all);
    memset(frame, 255, 6);
    packets_put16(udp, 67);
    packets_put16(udp + 2, 68);
    memcpy(bootp, ask + ETH + IP4 + UDP, BOOTP);
    bootp[0] = 2;
    memcpy(bootp + 16, (const uint8_t[]){10, 1, 2, host != 0 ? host : 3}, 4);
    memcpy(bootp + BOOTP, options, sizeof(options));
    bootp[BOOTP + 2] = type == 1 ? 2 : 5; /* OFFER, ACK */
    uint32_t total = ETH + IP4 + UDP + BOOTP + sizeof(options);
    finish_v4(frame, total);
    return total;
}

/* ---- DNS (RFC 1035) ----------------------------------------------------------------------------- */

uint32_t packets_dns_answer(uint8_t *frame, const uint8_t *ask, uint32_t len)
{
    static const uint8_t v4[] = {192, 0, 2, 7}, v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 9};
    uint8_t *udp = frame + ETH + IP4, *dns = udp + UDP;
    uint32_t dns_len = len - ETH - IP4 - UDP;
    if (len < ETH + IP4 + UDP + 12 + 6 || len > 400)
        return 0;
    begin_v4(frame, 17, ask + ETH + 16, ask + ETH + 12);
    memcpy(udp, ask + ETH + IP4 + 2, 2);
    memcpy(udp + 2, ask + ETH + IP4, 2);
    memcpy(dns, ask + ETH + IP4 + UDP, dns_len);
    bool is_known = memcmp(dns + 12, "\2no", 3) != 0;
    bool is_v6 = get16(dns + dns_len - 4) == 28;
    packets_put16(dns + 2, is_known ? 0x8180 : 0x8183);
    packets_put16(dns + 6, is_known);
    uint8_t *answer = dns + dns_len;
    uint32_t answer_len = 0;
    if (is_known) {
        packets_put16(answer, 0xc00c); /* the name of the question */
        packets_put16(answer + 2, is_v6 ? 28 : 1);
        packets_put16(answer + 4, 1);
        memcpy(answer + 6, (const uint8_t[]){0, 0, 14, 16}, 4);
        packets_put16(answer + 10, is_v6 ? 16 : 4);
        memcpy(answer + 12, is_v6 ? v6 : v4, is_v6 ? 16 : 4);
        answer_len = is_v6 ? 28 : 16;
    }
    uint32_t total = ETH + IP4 + UDP + dns_len + answer_len;
    finish_v4(frame, total);
    return total;
}

/* ---- routers (RFC 4861) ------------------------------------------------------------------------- */

uint32_t packets_router_advertisement(uint8_t *frame)
{
    static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1}, router[16] = {0xfe, 0x80, [15] = 0x99};
    static const uint8_t body[] = {134,  0, 0, 0,  64, 0, 7, 8, 0, 0, 0, 0, 0, 0,    0, 0, 3, 4, 64,
                                   0xc0, 0, 0, 14, 16, 0, 0, 7, 8, 0, 0, 0, 0, 0xfd, 7, 0, 0, 0, 0,
                                   0,    0, 0, 0,  0,  0, 0, 0, 0, 0, 1, 1, 2, 0,    0, 0, 0, 2};
    uint8_t *ip = frame + ETH;
    memset(frame, 0, ETH + IP6);
    memcpy(frame, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, 6);
    memcpy(frame + 6, packets_far, 6);
    packets_put16(frame + 12, 0x86dd);
    ip[0] = 0x60;
    ip[6] = 58;
    ip[7] = 255;
    memcpy(ip + 8, router, 16);
    memcpy(ip + 24, all_nodes, 16);
    memcpy(ip + IP6, body, sizeof(body));
    finish_v6(frame, ETH + IP6 + sizeof(body));
    return ETH + IP6 + sizeof(body);
}

/* ---- chance ------------------------------------------------------------------------------------- */

static uint32_t draw(uint64_t *state, uint32_t bound)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (uint32_t)(*state >> 33) % bound;
}

uint32_t packets_question(uint8_t *frame, uint64_t *state, uint32_t kind)
{
    static const uint8_t name[] = "\3www\7example\3org\0\0\1\0\1";
    static const uint8_t near[4] = {10, 1, 2, 3}, far[4] = {10, 1, 2, 53};
    uint8_t *udp = frame + ETH + IP4, *body = udp + UDP;
    uint32_t len = ETH + IP4 + UDP;
    begin_v4(frame, 17, near, far);
    memset(udp, 0, UDP + BOOTP);
    packets_put16(udp, 49152 + draw(state, 16384));
    if (kind == 0) {
        packets_put16(udp + 2, 53);
        packets_put16(body, draw(state, 65536));
        packets_put16(body + 4, 1);
        memcpy(body + 12, name, sizeof(name) - 1);
        return len + 12 + sizeof(name) - 1;
    }
    memcpy(body, (const uint8_t[]){1, 1, 6, 0}, 4);
    memcpy(body + 28, near_card, 6);
    memcpy(body + BOOTP - 4, (const uint8_t[]){0x63, 0x82, 0x53, 0x63}, 4);
    memcpy(body + BOOTP, (const uint8_t[]){53, 1, 1, 255}, 4);
    body[BOOTP + 2] = draw(state, 2) == 0 ? 1 : 3;
    return len + BOOTP + 4;
}

uint32_t packets_damage(uint8_t *frame, uint32_t len, uint64_t *state)
{
    uint32_t hits = draw(state, 9);
    bool is_v6 = get16(frame + 12) == 0x86dd;
    uint32_t heads = ETH + (is_v6 ? IP6 : IP4);
    if (hits == 0)
        len = heads + draw(state, len - heads + 1);
    for (; hits > 0; hits--)
        frame[ETH + draw(state, len - ETH)] = (uint8_t)draw(state, 256);
    if (is_v6)
        finish_v6(frame, len);
    else
        finish_v4(frame, len);
    return len;
}
