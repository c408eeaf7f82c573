/* SPDX-License-Identifier: Apache-2.0 */
/* Where modules are served. */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"
#include "vkd/addr.h"

#define ATTACH_MIN_BYTES VKD_LIB_BYTES_TO(vk_attach_options, one_request) /* of version 0.1 */

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
    int rc = vkd_lib_begin(m->kernel);
    return rc != 0 || block < m->host.blocks_count ? rc : -VK_ENOENT;
}

/* Nothing new listens while the kernel drains. */
static int check_listen(struct vk_module *m, uint32_t block)
{
    int rc = check(m, block);
    return rc == 0 && m->kernel->is_draining ? -VK_ECANCELED : rc;
}

void vkd_lib_server_made(const struct vk_kernel *kernel, struct net_server *server)
{
    if (kernel->is_draining)
        net_server_drain(server, kernel->drain_ns);
}

struct net_server *vkd_lib_server_next(const struct vk_kernel *kernel, const struct net_server *server)
{
    bool is_found = server == NULL;
    for (const struct vk_module *m = kernel->modules; m != NULL; m = m->next) {
        if (is_found && m->hosted.server != NULL)
            return m->hosted.server;
        is_found = is_found || m->hosted.server == server;
    }
    return is_found ? kernel->server : NULL;
}

int vkd_lib_open_listener(struct vk_kernel *kernel, const char *address, const struct proc_addr *own,
                          uint32_t *ret_listener, uint16_t *ret_port)
{
    struct proc_addr addr = *own, bound;
    int rc = address != NULL ? vkd_addr_parse(address, &addr) : 0;
    if (rc == 0)
        rc = kernel->io->ops->listen(kernel->io, &addr, true, ret_listener, &bound);
    if (rc == 0 && ret_port != NULL)
        *ret_port = bound.port;
    return rc;
}

/* Where the driver cannot take it now, it stays until the kernel's end. */
void vkd_lib_close_listener(struct vk_kernel *kernel, uint32_t listener)
{
    const struct proc_io_req req = {
        .code = PROC_IO_CLOSE, .conn = listener, .tag = proc_tag(&kernel->nobody, 0)};
    (void)kernel->io->ops->submit(kernel->io, &req);
}

int vk_listen(struct vk_module *module, uint32_t block, const char *address, uint16_t *ret_port)
{
    struct proc_addr own = {0};
    uint32_t listener;
    uint16_t port;
    int rc = check_listen(module, block);
    if (rc == 0 && address == NULL)
        rc = own_address(&module->host.blocks[block], &own);
    if (rc == 0)
        rc = vkd_lib_open_listener(module->kernel, address, &own, &listener, &port);
    if (rc != 0)
        return rc;
    rc = net_bind_host_listen(&module->hosted, block, listener);
    if (rc != 0)
        vkd_lib_close_listener(module->kernel, listener);
    else if (ret_port != NULL)
        *ret_port = port;
    return rc;
}

int vk_listen_fd(struct vk_module *module, uint32_t block, int fd)
{
    struct proc_addr bound;
    uint32_t listener;
    int rc = check_listen(module, block);
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
