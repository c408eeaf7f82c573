/* SPDX-License-Identifier: Apache-2.0 */
/* Frames made and read by hand: what servers on a network say. Lengths of 0: not to be answered. */
#ifndef TESTS_LWIP_PACKETS_H
#define TESTS_LWIP_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

#define PACKETS_MAX 1514u

extern const uint8_t packets_far[6]; /* address of the far card */

void packets_put16(uint8_t *to, uint32_t value);
/* The ones' complement sum of bytes, on top of sum. */
uint32_t packets_sum(const uint8_t *bytes, uint32_t len, uint32_t sum);

/* A SYN to `to` from one of a hundred machines that are not there, 10.0.0.100 and on; 54 bytes. */
void packets_syn(uint8_t *frame, const uint8_t to[4], uint32_t number, uint16_t port);
/* Whether a frame agrees to such a one. */
bool packets_is_syn_ack(const uint8_t *frame, uint32_t len);

/* Destination port of a frame with UDP over IPv4; 0 for others. */
uint32_t packets_udp_port(const uint8_t *frame, uint32_t len);

/* Whether it asks for the card of a neighbour of IPv6, whose address is from byte 62 on. */
bool packets_is_solicitation(const uint8_t *frame, uint32_t len);

/* DHCP: kind of a message (1 DISCOVER, 3 REQUEST; 0 none); its answer, 10.1.2.3, or .host, for 120 seconds.
 */
uint8_t packets_dhcp_type(const uint8_t *frame, uint32_t len);
uint32_t packets_dhcp_answer(uint8_t *frame, uint8_t host, const uint8_t *ask, uint32_t len);

/* DNS: A is 192.0.2.7, AAAA 2001:db8::9; names that begin with "no." are unknown. */
uint32_t packets_dns_answer(uint8_t *frame, const uint8_t *ask, uint32_t len);

/* A router that announces fd07::/64. */
uint32_t packets_router_advertisement(uint8_t *frame);

/* A question of this kind (0 DNS, 1 DHCP) as the machine might ask it; *state is the source of chance. */
uint32_t packets_question(uint8_t *frame, uint64_t *state, uint32_t kind);
/* Change up to eight bytes or cut the end off, and make the sums right again; the new length. */
uint32_t packets_damage(uint8_t *frame, uint32_t len, uint64_t *state);

#endif
