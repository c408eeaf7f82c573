/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ports of a program's http blocks inside of the machine. There they are of
 * all addresses: one in the program names an address of the host that it was
 * written for. Known to the image, which listens there, and to `vkd metal`,
 * which leads the host's ports there.
 */
#ifndef METAL_APP_PORTS_H
#define METAL_APP_PORTS_H

#include "net/bind/host.h"

/* The port of a program that does not say one itself; of its n-th block, n more, or the next that is free. */
#define APP_PORT_DEFAULT 8080u

/* The port as the program says it; 0: any. False: its address is none. */
bool app_port_named(const struct net_bind_block *block, uint16_t *ret_port);

/*
 * A port for each block. first: of the first one, instead of the program's; 0:
 * the program's. Returns 0; -VK_EMALFORMED when the address of a block is none;
 * -VK_EADDRINUSE when it has the port of one before; *ret_block says which block.
 */
int app_ports_choose(const struct net_bind_host *host, uint16_t first, uint16_t ports[NET_LISTENERS_MAX],
                     uint32_t *ret_block);

#endif
