/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/serve.h"

#include "net/linux/io.h"
#include "vk/err.h"

#include <stdio.h>

#define TICK_MAX_NS 1000000000u /* longest sleep: what is not driven by events is looked at this often */

/* A worker while it runs. */
struct worker {
    const struct vkd_worker *self;
    const struct vkd_http *http;
    struct proc_io *io;
    struct proc_kernel *kernel;
    struct net_server *server;
    struct proc_env env;
    struct proc_sink stop; /* the parent's end of stop_fd */
    bool is_stopping;
};

static void log_line(void *ctx, enum proc_log_level level, struct vk_span text)
{
    (void)ctx, (void)level;
    (void)fprintf(stderr, "%.*s\n", (int)text.len, (const char *)text.ptr); /* nobody to tell if it fails */
}

/* Anything that comes from the parent, the end of the stream above all, means stop. */
static void on_stop(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                    const struct proc_io_event *event)
{
    (void)kernel, (void)kind, (void)event;
    VK_CONTAINER(sink, struct worker, stop)->is_stopping = true;
}

static int watch_parent(struct worker *w)
{
    w->stop.on_event = on_stop;
    uint32_t conn;
    int rc = net_io_adopt_stream(w->io, w->self->stop_fd, &conn);
    if (rc)
        return rc;
    const struct proc_io_req req = {.code = PROC_IO_RECV, .conn = conn, .tag = proc_tag(&w->stop, 0)};
    return w->io->ops->submit(w->io, &req);
}

static int make_kernel(struct worker *w)
{
    const struct proc_kernel_options options = {
        .io = w->io,
        .guard = w->self->options->guard,
        .service_bytes = net_server_region_bytes(0) + w->http->setup_bytes,
        .log = log_line,
    };
    return proc_kernel_create(&options, &w->kernel);
}

static int make_server(struct worker *w)
{
    int rc = w->http->setup ? w->http->setup(w->kernel, &w->env) : 0;
    if (rc)
        return rc;
    const struct net_server_options options = {.program = w->http->program, .env = &w->env};
    uint32_t listener;
    struct proc_addr bound;
    rc = net_server_create(w->kernel, &options, &w->server);
    if (!rc)
        rc = net_io_adopt(w->io, w->self->listen_fd, &listener, &bound);
    if (!rc)
        rc = net_server_listen(w->server, listener);
    return rc ? rc : watch_parent(w);
}

static void run(struct worker *w)
{
    while (!w->is_stopping)
        proc_kernel_step(w->kernel, TICK_MAX_NS);
    uint64_t deadline_ns = w->io->ops->now(w->io) + NET_DRAIN_TIMEOUT_NS;
    net_server_drain(w->server, deadline_ns);
    while (!net_server_is_idle(w->server))
        proc_kernel_step(w->kernel, TICK_MAX_NS);
}

static int serve(const struct vkd_worker *self, void *ctx)
{
    struct worker w = {.self = self, .http = ctx};
    static const struct net_io_options io_options = {0};
    const char *why = NULL;
    int rc = net_io_create(self->options->driver, &io_options, &w.io, &why);
    if (rc)
        return vkd_worker_refuse(self, "the driver %s does not work here: %s",
                                 vkd_driver_name(self->options->driver), vk_err_text(rc));
    if (why != NULL && self->index == 0)
        (void)fprintf(stderr, "the ev driver serves: %s\n", why); /* nobody to tell if it fails */
    rc = make_kernel(&w);
    if (rc)
        return vkd_worker_refuse(self, "the kernel cannot start with --guard %s: %s",
                                 vk_guard_name(self->options->guard), vk_err_text(rc));
    rc = make_server(&w);
    if (rc)
        return vkd_worker_refuse(self, "the service cannot start: %s", vk_err_text(rc));
    vkd_worker_ready(self, w.io->ops->name, vk_guard_name(proc_kernel_guard(w.kernel)));
    run(&w);
    proc_kernel_destroy(w.kernel);
    w.io->ops->destroy(w.io);
    return 0;
}

int vkd_http_main(const struct vkd_http *http, int argc, char **argv)
{
    const struct vkd_service service = {.about = http->about,
                                        .scheme = "http",
                                        .client_first = true,
                                        .serve = serve,
                                        .ctx = (void *)(uintptr_t)http};
    return vkd_main(&service, argc, argv);
}
