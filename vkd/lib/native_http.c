/* SPDX-License-Identifier: Apache-2.0 */
/* Native programs that serve HTTP, from the host's side and from inside. */
#include "vkd/lib/lib_impl.h"

#include "net/request.h"
#include "vk/limits.h"

/* ---- listening ---- */

static int make_server(struct vk_kernel *k)
{
    const struct net_server_options options = {.conns_max = k->conns_max};
    return k->server != NULL ? 0 : net_server_create(k->proc, &options, &k->server);
}

int vk_native_listen(struct vk_program *program, const char *address, uint64_t deadline_ns,
                     uint16_t *ret_port)
{
    struct vk_kernel *k = program->kernel;
    const struct proc_addr own = {.family = 4};
    uint32_t listener;
    uint16_t port;
    int rc = vkd_lib_begin(k);
    if (rc == 0 && address == NULL)
        rc = -VK_EINVAL;
    if (rc == 0 && k->is_draining)
        rc = -VK_ECANCELED;
    if (rc == 0)
        rc = make_server(k);
    if (rc != 0)
        return rc;
    struct vkd_handler *handler = vkd_lib_alloc(k, sizeof *handler);
    if (handler == NULL)
        return -VK_ENOMEM;
    handler->handler = (struct net_handler){.program = &program->program, .deadline_ns = deadline_ns};
    rc = vkd_lib_open_listener(k, address, &own, &listener, &port);
    if (rc == 0 && (rc = net_server_listen(k->server, listener, &handler->handler)) != 0)
        vkd_lib_close_listener(k, listener);
    if (rc != 0) {
        vkd_lib_free(k, handler, sizeof *handler);
        return rc;
    }
    handler->next = program->handlers;
    program->handlers = handler;
    if (ret_port != NULL)
        *ret_port = port;
    return 0;
}

/* ---- inside a process ---- */

static struct proc_self *inside(struct vk_self *self)
{
    return (struct proc_self *)(void *)self;
}

static const struct net_request *request_of(const struct vk_request *request)
{
    return (const struct net_request *)(const void *)request;
}

struct vk_request *vk_native_request(struct vk_self *self)
{
    return (struct vk_request *)(void *)net_request_open(inside(self));
}

static const char *text_of(struct vk_span span, size_t *ret_bytes)
{
    *ret_bytes = span.len;
    return (const char *)span.ptr;
}

const char *vk_native_part(struct vk_self *self, const struct vk_request *request, enum vk_part part,
                           size_t *ret_bytes)
{
    const struct net_head *head = &request_of(request)->head;
    const struct net_range ranges[] = {head->method_text, head->path, head->query, head->host};
    if ((uint32_t)part >= VK_COUNT(ranges))
        return text_of(vk_span("", 0), ret_bytes);
    return text_of(net_request_span(inside(self), ranges[part]), ret_bytes);
}

const char *vk_native_field(struct vk_self *self, const struct vk_request *request, const char *name,
                            size_t *ret_bytes)
{
    const struct proc_self *s = inside(self);
    struct vk_span value;
    if (!net_head_field(&request_of(request)->head, (const uint8_t *)s + s->arg_off, vk_span_text(name),
                        &value))
        return NULL;
    return text_of(value, ret_bytes);
}

int vk_native_respond(struct vk_self *self, const struct vk_request *request, uint32_t status,
                      const char *type, const void *body, size_t body_bytes)
{
    return net_respond(inside(self), request_of(request), status, vk_span_text(type),
                       vk_span(body, body_bytes));
}
