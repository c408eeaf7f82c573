/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/serve.h"

#include "net/linux/io.h"
#include "net/server.h"
#include "net/stream.h"
#include "proc/store.h"
#include "vk/err.h"
#include "vk/fmt.h"
#include "vkd/listener.h"
#include "vkd/log.h"
#include "vkd/realtime.h"

#include <stdio.h>

#define TICK_MAX_NS   1000000000u /* longest sleep: what is not driven by events is looked at this often */
#define QUEUE_LOOK_NS 10000000u   /* between looks at the queue */

/* A worker while it runs. */
struct worker {
    const struct vkd_worker *self;
    const struct vkd_app *app;
    struct proc_io *io;
    struct proc_kernel *kernel;
    struct net_server *server;   /* of an HTTP program */
    struct net_streams *streams; /* of a TCP program */
    struct proc_env env;
    struct proc_sink parent; /* its end of stop_fd ... */
    uint32_t parent_conn;    /* ... for the driver */
    bool is_stopping;
};

static void log_line(void *ctx, enum proc_log_level level, struct vk_span text)
{
    (void)ctx, (void)level;
    vkd_log(text);
}

/* Why AUTO did not choose uring: a constant of the driver's. */
static void log_fallback(const char *why)
{
    char line[160];
    int len_bytes = snprintf(line, sizeof line, "the ev driver serves: %s", why);
    vkd_log(vk_span(line, (size_t)len_bytes < sizeof line ? (size_t)len_bytes : sizeof line - 1));
}

static void log_counters(const struct worker *w)
{
    struct proc_counters kernel;
    struct net_server_counters http = {0};
    char line[VKD_LINE_MAX];
    struct vk_out out;
    proc_kernel_counters(w->kernel, &kernel);
    if (w->server)
        net_server_counters(w->server, &http);
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(
        &out,
        "worker %u: now %u processes, %u slots, %u buffers, %u connections, %u busy; so far %lu processes, "
        "%lu crashes, %lu connections, %lu requests, %lu refused",
        w->self->index, kernel.processes, kernel.slots, kernel.buffers, http.conns, http.busy, kernel.started,
        kernel.crashes, http.accepted, http.requests, http.refused);
    vkd_log(vk_out_span(&out));
    for (const struct proc_store *store = NULL; (store = proc_store_after(w->kernel, store)) != NULL;) {
        vk_out_init(&out, line, sizeof line);
        proc_store_print(store, &out);
        vkd_log(vk_out_span(&out));
    }
}

static int listen_to_parent(struct worker *w)
{
    const struct proc_io_req req = {
        .code = PROC_IO_RECV, .conn = w->parent_conn, .tag = proc_tag(&w->parent, 0)};
    return w->io->ops->submit(w->io, &req);
}

/* A byte from the parent asks for counters; the end of the stream, and what else may come, means stop. */
static void on_parent(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                      const struct proc_io_event *event)
{
    struct worker *w = VK_CONTAINER(sink, struct worker, parent);
    (void)kernel, (void)kind;
    if (event->res > 0)
        log_counters(w);
    if (event->res <= 0 || listen_to_parent(w) != 0)
        w->is_stopping = true;
}

static int watch_parent(struct worker *w)
{
    w->parent.on_event = on_parent;
    int rc = net_io_adopt_stream(w->io, w->self->stop_fd, &w->parent_conn);
    return rc ? rc : listen_to_parent(w);
}

static int make_kernel(struct worker *w)
{
    uint32_t slots = w->self->options->slots, classes = w->app->slot_classes;
    static const uint32_t defaults[VK_SLOT_CLASSES] = PROC_SLOTS_DEFAULT;
    if (w->app->program)
        classes = 1u << vk_pool_class_for(w->app->program->heap_bytes);
    struct proc_kernel_options options = {
        .io = w->io,
        .slots_warm = slots < VK_SLOT_WARM ? slots : VK_SLOT_WARM,
        .guard = w->self->options->guard,
        .service_bytes =
            net_server_region_bytes(0) + net_streams_region_bytes(NET_STREAMS_DEFAULT) + w->app->setup_bytes,
        .log = log_line,
    };
    for (uint32_t i = 0; i < VK_SLOT_CLASSES && slots != VKD_SLOTS_MAX; i++)
        if (classes & 1u << i && (w->app->program || slots < defaults[i]))
            options.slots_max[i] = slots;
    return proc_kernel_create(&options, &w->kernel);
}

static int make_http(struct worker *w, uint32_t listener)
{
    const struct net_server_options options = {
        .handler = {.program = w->app->program, .deadline_ns = w->app->deadline_ns}, .env = &w->env};
    int rc = net_server_create(w->kernel, &options, &w->server);
    if (rc || w->env.count == PROC_ENV_MAX)
        return rc ? rc : -VK_ENOSPC;
    w->env.objects[w->env.count++] = net_server_gauges(w->server);
    return net_server_listen(w->server, listener, NULL);
}

static int make_tcp(struct worker *w, uint32_t listener)
{
    vk_assert(w->app->deadline_ns == 0); /* a stream's process lives as long as the stream */
    int rc = net_streams_create(w->kernel, NET_STREAMS_DEFAULT, &w->streams);
    return rc ? rc : net_streams_serve(w->streams, listener, w->app->program, &w->env);
}

static int make_service(struct worker *w, const char **ret_why)
{
    uint32_t listeners[NET_LISTENERS_MAX] = {0};
    int rc = w->app->setup ? w->app->setup(w->kernel, &w->env) : 0;
    for (uint32_t i = 0; i < w->self->bound.count && !rc; i++) {
        struct proc_addr bound;
        rc = net_io_adopt(w->io, w->self->listen_fds[i], &listeners[i], &bound);
    }
    if (rc)
        return rc;
    if (w->app->host)
        rc = w->app->host(w->kernel, listeners, &w->server, ret_why);
    else
        rc = w->app->protocol == VKD_HTTP ? make_http(w, listeners[0]) : make_tcp(w, listeners[0]);
    return rc ? rc : watch_parent(w);
}

static bool is_drained(const struct worker *w)
{
    if (w->app->protocol != VKD_HTTP)
        return net_streams_is_idle(w->streams);
    return !w->server || net_server_is_idle(w->server);
}

static bool has_queue(const struct worker *w)
{
    for (uint32_t i = 0; i < w->self->bound.count; i++)
        if (vkd_listener_has_queue(w->self->listen_fds[i]))
            return true;
    return false;
}

/* Serve until nobody waits to be let in; nobody new comes, so that has an end. */
static void empty_queue(struct worker *w, uint64_t deadline_ns)
{
    uint64_t arrived_ns = w->io->ops->now(w->io) + NET_DRAIN_ARRIVAL_NS;
    for (uint64_t now_ns = 0; now_ns < arrived_ns || has_queue(w);) {
        proc_kernel_step(w->kernel, QUEUE_LOOK_NS);
        now_ns = w->io->ops->now(w->io);
        if (now_ns >= deadline_ns)
            return;
    }
}

static void drain(struct worker *w)
{
    uint64_t deadline_ns = w->io->ops->now(w->io) + NET_DRAIN_TIMEOUT_NS;
    bool is_http = w->app->protocol == VKD_HTTP;
    if (is_http && !w->server)
        return; /* it listens nowhere: nobody waits for anything */
    if (is_http)
        net_server_drain(w->server, deadline_ns); /* closes idle ones, which makes room for who waits */
    empty_queue(w, deadline_ns);
    if (is_http)
        net_server_unlisten(w->server);
    else
        net_streams_drain(w->streams, deadline_ns);
    while (!is_drained(w))
        proc_kernel_step(w->kernel, TICK_MAX_NS);
}

static bool is_over(const struct worker *w)
{
    return w->app->is_over && w->app->is_over();
}

/* Until it is told to stop, or the service cannot go on; the exit status. */
static int run(struct worker *w)
{
    while (!w->is_stopping && !is_over(w))
        proc_kernel_step(w->kernel, TICK_MAX_NS);
    bool gave_up = !w->is_stopping;
    if (gave_up)
        (void)vkd_worker_refuse(w->self, "%s", w->app->over_why);
    drain(w);
    return gave_up ? VKD_WORKER_OVER : 0;
}

static int serve(const struct vkd_worker *self, void *ctx)
{
    struct worker w = {.self = self, .app = ctx};
    const struct net_io_options io_options = {.spin_ns = self->options->realtime ? VKD_REALTIME_POLL_NS : 0};
    const char *why = NULL;
    char why_not[VKD_REALTIME_WHY];
    if (self->options->realtime && !vkd_realtime_begin(self->index, why_not))
        return vkd_worker_refuse(self, "%s", why_not);
    int rc = net_io_create(self->options->driver, &io_options, &w.io, &why);
    if (rc)
        return vkd_worker_refuse(self, "the driver %s does not work here: %s",
                                 vkd_driver_name(self->options->driver), vk_err_text(rc));
    if (why != NULL && self->index == 0)
        log_fallback(why);
    why = NULL;
    rc = make_kernel(&w);
    if (rc)
        return vkd_worker_refuse(self, "the kernel cannot start with --guard %s: %s",
                                 vk_guard_name(self->options->guard), vk_err_text(rc));
    rc = make_service(&w, &why);
    if (rc)
        return vkd_worker_refuse(self, "the service cannot start: %s", why ? why : vk_err_text(rc));
    if (self->options->realtime && !vkd_realtime_enter(why_not))
        return vkd_worker_refuse(self, "%s", why_not);
    vkd_worker_ready(self, w.io->ops->name, vk_guard_name(proc_kernel_guard(w.kernel)));
    int status = run(&w);
    proc_kernel_destroy(w.kernel);
    w.io->ops->destroy(w.io);
    return status;
}

static struct vkd_service service_of(const struct vkd_app *app)
{
    bool is_http = app->protocol == VKD_HTTP;
    return (struct vkd_service){
        .about = app->about,
        .scheme = is_http ? "http" : "tcp",
        .client_first = is_http,
        .one_worker = app->one_worker,
        .own_slots = app->setup_slots,
        .listens = app->listens,
        .serve = serve,
        .ctx = (void *)(uintptr_t)app,
    };
}

int vkd_app_run(const struct vkd_app *app, const struct vkd_options *options, const char *program)
{
    const struct vkd_service service = service_of(app);
    return vkd_daemon_run(&service, options, program);
}

int vkd_app_main(const struct vkd_app *app, int argc, char **argv)
{
    const struct vkd_service service = service_of(app);
    return vkd_main(&service, argc, argv);
}
