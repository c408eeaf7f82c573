/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a simulated client: plan.c, routes.c, hear.c and peer.c share it. */
#ifndef VKD_SIM_PEER_H
#define VKD_SIM_PEER_H

#include "vkd/sim/world.h"

/* Something that must hold of a client; the text says what. */
#define HOLDS(peer, cond, ...)                    \
    do {                                          \
        if (VK_UNLIKELY(!(cond)))                 \
            vkd_peer_broken((peer), __VA_ARGS__); \
    } while (0)
void vkd_peer_broken(const struct vkd_peer *peer, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* The byte at a place of a body that is sent there and back. */
VK_INLINE uint8_t vkd_echo_byte(uint32_t pos)
{
    return (uint8_t)(pos * 7 + (pos >> 8));
}

/* A text that stands in one request only. */
#define VKD_TAG_FORMAT "vkT%06xT"
#define VKD_TAG_BYTES  10u

/* plan.c */
void vkd_peer_put(struct vkd_peer *peer, const void *bytes, size_t len);
struct vkd_expect *vkd_peer_expect(struct vkd_peer *peer, enum vkd_expect_kind kind, uint32_t n);

/* routes.c: a request for a route of a program that is a file. False when it ends the connection. */
bool vkd_peer_ask_route(struct vkd_peer *peer, uint32_t route, uint32_t n);
uint32_t vkd_routes_count(const struct net_bind_host *host);

/* hear.c: one more byte of an answer. */
void vkd_peer_hear_byte(struct vkd_peer *peer, uint8_t byte);
/* Of the raw service: what was said. */
void vkd_peer_hear_raw(struct vkd_peer *peer, const uint8_t *bytes, size_t len);

#endif
