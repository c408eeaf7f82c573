/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/app/ports.h"

#include "vk/addr.h"
#include "vk/err.h"

bool app_port_named(const struct net_bind_block *block, uint16_t *ret_port)
{
    struct vk_addr addr = {.port = (uint16_t)block->block->port};
    if (block->address != NULL && vk_addr_parse(vk_span_text(block->address), &addr) != 0)
        return false;
    *ret_port = addr.port;
    return true;
}

/* Whether a block other than this one has the port; 0 is none. */
static bool is_taken(const uint16_t ports[], uint32_t count, uint32_t block, uint16_t port)
{
    for (uint32_t i = 0; i < count; i++)
        if (i != block && ports[i] == port)
            return true;
    return false;
}

int app_ports_choose(const struct net_bind_host *host, uint16_t first, uint16_t ports[NET_LISTENERS_MAX],
                     uint32_t *ret_block)
{
    uint32_t count = host->blocks_count;
    for (uint32_t i = 0; i < count; i++) {
        *ret_block = i;
        if (!app_port_named(&host->blocks[i], &ports[i]))
            return -VK_EMALFORMED;
        if (i == 0 && first != 0)
            ports[i] = first;
        if (ports[i] != 0 && is_taken(ports, i, i, ports[i]))
            return -VK_EADDRINUSE;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(APP_PORT_DEFAULT + i);
        while (ports[i] == 0 && is_taken(ports, count, i, port))
            port++; /* there are more of them than blocks */
        ports[i] = ports[i] != 0 ? ports[i] : port;
    }
    return 0;
}
