/* SPDX-License-Identifier: Apache-2.0 */
/* Where modules are served. */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"
#include "vkd/addr.h"

#define ATTACH_MIN_BYTES sizeof(struct vk_attach_options) /* of version 0.1 */

uint32_t vk_module_blocks(const struct vk_module *module)
{
    vkd_lib_check(module->kernel);
    return module->host.blocks_count;
}

/* Where the block listens, unless the host says otherwise. */
static int own_address(const struct net_bind_block *block, struct proc_addr *addr)
{
    if (block->address != NULL)
        return vkd_addr_parse(block->address, addr);
    *addr = (struct proc_addr){.family = 4, .port = (uint16_t)block->block->port};
    return 0;
}

static int check(struct vk_module *m, uint32_t block)
{
    vkd_lib_check(m->kernel);
    return block < m->host.blocks_count ? 0 : -VK_ENOENT;
}

/* Where the driver cannot take it now, it stays until the kernel's end. */
static void close_unused(struct vk_kernel *k, uint32_t listener)
{
    const struct proc_io_req req = {.code = PROC_IO_CLOSE, .conn = listener, .tag = proc_tag(&k->nobody, 0)};
    (void)k->io->ops->submit(k->io, &req);
}

int vk_listen(struct vk_module *module, uint32_t block, const char *address, uint16_t *ret_port)
{
    struct proc_addr addr, bound;
    uint32_t listener;
    int rc = check(module, block);
    if (rc == 0)
        rc = address != NULL ? vkd_addr_parse(address, &addr)
                             : own_address(&module->host.blocks[block], &addr);
    if (rc == 0)
        rc = module->kernel->io->ops->listen(module->kernel->io, &addr, true, &listener, &bound);
    if (rc != 0)
        return rc;
    rc = net_bind_host_listen(&module->hosted, block, listener);
    if (rc != 0)
        close_unused(module->kernel, listener);
    else if (ret_port != NULL)
        *ret_port = bound.port;
    return rc;
}

int vk_listen_fd(struct vk_module *module, uint32_t block, int fd)
{
    struct proc_addr bound;
    uint32_t listener;
    int rc = check(module, block);
    if (rc == 0)
        rc = net_io_adopt(module->kernel->io, fd, &listener, &bound);
    if (rc != 0)
        return rc;
    rc = net_bind_host_listen(&module->hosted, block, listener);
    if (rc != 0)
        net_io_disown(module->kernel->io, listener);
    return rc;
}

int vk_attach(struct vk_module *module, uint32_t block, int fd, const struct vk_attach_options *options)
{
    struct vk_attach_options o;
    uint32_t conn;
    int rc = check(module, block);
    if (rc == 0)
        rc = vkd_lib_options(&o, sizeof o, ATTACH_MIN_BYTES, options);
    if (rc == 0)
        rc = net_io_adopt_stream(module->kernel->io, fd, &conn);
    if (rc != 0)
        return rc;
    const struct net_attach attach = {.handler = &module->host.blocks[block].handler,
                                      .received = vk_span(o.received, o.received_bytes),
                                      .is_single = o.one_request};
    rc = net_server_attach(module->hosted.server, conn, &attach);
    if (rc != 0)
        net_io_disown(module->kernel->io, conn);
    return rc;
}
