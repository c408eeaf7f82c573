/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internet addresses in numbers, with their port, as people write them where
 * something listens: "127.0.0.1:8080", "[::1]:8080", "[fe80::1%eth0]:8080".
 * No names: nothing here asks anybody.
 */
#ifndef VK_ADDR_H
#define VK_ADDR_H

#include "vk/bytes.h"

#define VK_ADDR_IP_BYTES 16u

struct vk_addr {
    uint8_t family; /* 4 or 6 */
    uint16_t port;
    uint8_t ip[VK_ADDR_IP_BYTES]; /* network byte order; of family 4 the first four, the others 0 */
    struct vk_span scope; /* what stood behind a % in the text, which it points into; empty: none did */
};

/*
 * An address alone: "10.0.2.15" (four decimals without leading zeros) or
 * "2001:db8::7", whose last two groups may be written as an IPv4 address. Sets
 * family and ip and leaves the rest. 0; -VK_EMALFORMED.
 * Source: RFC 4291, 2.2.
 */
int vk_addr_parse_ip(struct vk_span text, struct vk_addr *ret_addr);

/*
 * An address and its port, an IPv6 address in brackets. 0; -VK_EMALFORMED;
 * -VK_ERANGE for a port beyond 65535, digits otherwise.
 * Source: RFC 3986, 3.2; RFC 6874 for the scope, which here may be said with a plain %.
 */
int vk_addr_parse(struct vk_span text, struct vk_addr *ret_addr);

#endif
