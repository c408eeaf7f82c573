/* SPDX-License-Identifier: Apache-2.0 */
/* Where modules are served. */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"
#include "vkd/addr.h"

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

/* The listener is the driver's; on failure it is closed by the driver's end at the latest. */
static int serve(struct vk_module *m, uint32_t block, uint32_t listener)
{
    int rc = net_bind_host_listen(&m->hosted, block, listener);
    if (rc == 0)
        return 0;
    const struct proc_io_req req = {
        .code = PROC_IO_CLOSE, .conn = listener, .tag = proc_tag(&m->kernel->nobody, 0)};
    (void)m->kernel->io->ops->submit(m->kernel->io, &req); /* refused: then it stays until the end */
    return rc;
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
    if (rc == 0)
        rc = serve(module, block, listener);
    if (rc == 0 && ret_port != NULL)
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
    return rc != 0 ? rc : serve(module, block, listener);
}
