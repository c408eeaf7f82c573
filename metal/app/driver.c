/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/app/driver.h"

#include "metal/app/say.h"
#include "metal/lwip/driver.h"
#include "metal/paging.h"
#include "metal/virtio/net.h"

static struct vk_region region;
static struct metal_lwip_config config;

static int refuse_card(int rc)
{
    if (rc == -VK_ENOENT)
        return app_refuse(
            "the machine has no network card that is known here: give it a modern virtio-net device "
            "(QEMU: -netdev user,id=n0 -device virtio-net-device,netdev=n0 on microvm, "
            "virtio-net-pci on q35)");
    return app_refuse("the network card does not start: %s", vk_err_text(rc));
}

static bool parse_config(const char *text)
{
    const char *why = "";
    size_t at = 0;
    if (metal_lwip_config_parse(text, &config, &why, &at) == 0)
        return true;
    (void)app_refuse("ip=%s: %s (at '%s')", text, why, text + at);
    return false;
}

struct proc_io *app_driver_create(const struct app_start *start)
{
    struct metal_lwip_options options = {.conns_max = start->plan.io_conns_max,
                                         .buffers_bytes = start->plan.io_bytes};
    struct proc_io *io = NULL;
    if (!parse_config(start->options.ip))
        return NULL;
    options.config = config;
    int rc = metal_virtio_net_create(&options.dev);
    if (rc != 0) {
        (void)refuse_card(rc);
        return NULL;
    }
    rc = vk_region_init(&region, metal_lwip_region_bytes(&options));
    if (rc == 0) {
        metal_paging_promise(region.base, region.len_bytes, start->plan.io_bytes / VK_PAGE_BYTES);
        rc = metal_lwip_create(&options, &region, &io);
    }
    if (rc != 0)
        (void)app_refuse("TCP does not start: %s", vk_err_text(rc));
    return rc == 0 ? io : NULL;
}

uint8_t app_driver_family(void)
{
    return config.dhcp || config.v4.addr.family != 0 ? 4 : 6;
}

bool app_driver_is_up(const struct proc_io *io)
{
    struct metal_lwip_status status;
    metal_lwip_status(io, &status);
    return status.is_up;
}

/* One that not only neighbours reach; if there is none, that of the link, which is the first. */
static const struct proc_addr *best_v6(const struct metal_lwip_status *status)
{
    for (uint32_t i = 1; i < METAL_LWIP_V6_MAX; i++)
        if (status->v6[i].addr.family == 6)
            return &status->v6[i].addr;
    return &status->v6[0].addr;
}

void app_driver_address(const struct proc_io *io, uint8_t family, struct proc_addr *ret_addr)
{
    struct metal_lwip_status status;
    uint16_t port = ret_addr->port;
    metal_lwip_status(io, &status);
    const struct proc_addr *found = family == 6 ? best_v6(&status) : &status.v4.addr;
    if (found->family == family)
        *ret_addr = *found;
    ret_addr->port = port;
}
