/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners and the table of connections. Accepting pauses before the table
 * is full and when the OS has no descriptors left, and goes on when
 * connections have gone; a paused listener's clients wait in the OS's queue.
 */
#include "net/server.h"

#include "net/conn.h"
#include "proc/store.h"
#include "vk/fmt.h"

/* Kinds of completions of a listener's sink. */
enum { LISTENER_ACCEPT, LISTENER_CLOSE };

VK_SELDOM size_t net_server_region_bytes(uint32_t conns_max)
{
    size_t conns = conns_max ? conns_max : NET_CONNS_DEFAULT;
    return sizeof(struct net_server) + conns * sizeof(struct net_conn) + 2 * VK_PAGE_BYTES;
}

static void defaults(struct net_server_options *o)
{
    o->name = o->name.len ? o->name : VK_SPAN_LIT("vkd");
    o->conns_max = o->conns_max ? o->conns_max : NET_CONNS_DEFAULT;
    o->head_timeout_ns = o->head_timeout_ns ? o->head_timeout_ns : NET_HEAD_TIMEOUT_NS;
    o->idle_timeout_ns = o->idle_timeout_ns ? o->idle_timeout_ns : NET_IDLE_TIMEOUT_NS;
    o->body_timeout_ns = o->body_timeout_ns ? o->body_timeout_ns : NET_WRITE_TIMEOUT_NS;
    o->write_timeout_ns = o->write_timeout_ns ? o->write_timeout_ns : NET_WRITE_TIMEOUT_NS;
}

/* ---- accepting ----------------------------------------------------------------- */

static void accept_more(struct net_listener *l)
{
    struct net_server *s = l->server;
    if (!l->is_open || l->is_accepting || s->is_paused || s->is_unlistening)
        return;
    const struct proc_io_req req = {
        .code = PROC_IO_ACCEPT, .conn = l->io, .tag = proc_tag(&l->sink, LISTENER_ACCEPT)};
    l->is_accepting = s->io->ops->submit(s->io, &req) == 0;
    if (VK_UNLIKELY(!l->is_accepting)) /* too many in flight: nothing else would ever try again */
        proc_timer_set(s->kernel, &s->drain_timer, proc_now_ns(s->kernel) + NET_RETRY_NS);
}

/* Draining, who waits to come in goes before who has had his answer. */
static void make_room(struct net_server *s)
{
    for (uint32_t i = 0; i < s->conns_made; i++)
        if (s->conns[i].is_used)
            net_conn_yield(&s->conns[i]);
}

static void pause_accept(struct net_server *s, const char *why)
{
    if (!s->is_paused)
        net_server_complain(s, why);
    s->is_paused = true;
    if (VK_UNLIKELY(s->is_draining))
        make_room(s);
    for (uint32_t i = 0; i < s->listeners_count; i++)
        if (s->listeners[i].is_accepting)
            s->io->ops->cancel(s->io, proc_tag(&s->listeners[i].sink, LISTENER_ACCEPT));
}

static void resume_accept(struct net_server *s)
{
    if (s->counters.conns >= s->options.conns_max)
        return; /* nobody could be let in: when connections have gone */
    s->is_paused = false;
    for (uint32_t i = 0; i < s->listeners_count; i++)
        accept_more(&s->listeners[i]);
}

/*
 * A listener's CLOSE waits for the end of its ACCEPT: the driver may already
 * hold connections of it, and forgets them once it is told to close. False
 * when the driver could not take the CLOSE now.
 */
static bool close_listener(struct net_listener *l)
{
    struct net_server *s = l->server;
    const struct proc_io_req req = {
        .code = PROC_IO_CLOSE, .conn = l->io, .tag = proc_tag(&l->sink, LISTENER_CLOSE)};
    if (l->is_accepting) {
        s->io->ops->cancel(s->io, proc_tag(&l->sink, LISTENER_ACCEPT));
        return true;
    }
    if (l->is_open && s->io->ops->submit(s->io, &req) == 0)
        l->is_open = false;
    return !l->is_open;
}

static bool close_listeners(struct net_server *s)
{
    bool is_done = true;
    for (uint32_t i = 0; i < s->listeners_count; i++)
        is_done = close_listener(&s->listeners[i]) && is_done;
    return is_done;
}

static bool has_listener(const struct net_server *s)
{
    for (uint32_t i = 0; i < s->listeners_count; i++)
        if (s->listeners[i].is_open)
            return true;
    return false;
}

static void drain(struct net_server *s)
{
    uint64_t now_ns = proc_now_ns(s->kernel);
    s->is_unlistening = s->is_unlistening || now_ns >= s->drain_ns;
    bool is_done = !s->is_unlistening || close_listeners(s);
    if (!is_done)
        proc_timer_set(s->kernel, &s->drain_timer, now_ns + NET_RETRY_NS);
    else if (now_ns < s->drain_ns + NET_DRAIN_CUT_NS)
        proc_timer_set(s->kernel, &s->drain_timer,
                       s->drain_ns + (now_ns < s->drain_ns ? 0 : NET_DRAIN_CUT_NS));
}

/*
 * The drain's deadline is over: say so to whoever waits for an answer, and to
 * the log. The second time around, what has not taken that word is reset.
 */
static void cut_off(struct net_server *s)
{
    uint32_t count = 0;
    char line[80];
    struct vk_out out;
    for (uint32_t i = 0; i < s->conns_made; i++)
        if (s->conns[i].is_used)
            count += net_conn_cut(&s->conns[i]);
    if (count == 0 || s->is_cut)
        return;
    s->is_cut = true;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "http: %u requests cut off, the drain took too long", count);
    proc_log(s->kernel, PROC_LOG_WARN, vk_out_span(&out));
}

/* Also the retry of a paused accept, which goes on until the listeners are closed. */
static void drain_fire(struct proc_kernel *kernel, struct proc_timer *timer)
{
    struct net_server *s = VK_CONTAINER(timer, struct net_server, drain_timer);
    if (!s->is_draining) {
        resume_accept(s);
        return;
    }
    drain(s);
    resume_accept(s);
    if (proc_now_ns(kernel) >= s->drain_ns)
        cut_off(s);
}

static void accept_failed(struct net_server *s, int err)
{
    if (err == -VK_ECANCELED)
        return;
    pause_accept(s, err == -VK_EMFILE ? "out of descriptors, accepting pauses" : vk_err_text(err));
    proc_timer_set(s->kernel, &s->drain_timer, proc_now_ns(s->kernel) + NET_RETRY_NS);
}

static void on_accept(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                      const struct proc_io_event *event)
{
    (void)kernel;
    struct net_listener *l = VK_CONTAINER(sink, struct net_listener, sink);
    struct net_server *s = l->server;
    if (kind != LISTENER_ACCEPT)
        return;
    if (!(event->flags & PROC_IO_MORE))
        l->is_accepting = false;
    if (event->res < 0)
        accept_failed(s, event->res);
    else if (s->counters.conns >= s->options.conns_max)
        net_nobody_close(&s->nobody, (uint32_t)event->res, PROC_IO_ABORT); /* its client may try again */
    else
        net_conn_open(l, (uint32_t)event->res); /* also one that came before the listener was closed */
    if (s->counters.conns >= s->options.conns_max)
        pause_accept(s, "too many connections, accepting pauses");
    if (VK_UNLIKELY(s->is_unlistening && !l->is_accepting))
        drain(s);
    accept_more(l);
}

void net_server_conn_gone(struct net_conn *conn)
{
    struct net_server *s = conn->server;
    conn->is_used = false;
    conn->next_free = s->free_first;
    s->free_first = conn;
    s->counters.conns--;
    if (VK_UNLIKELY(s->is_paused) && s->counters.conns < s->options.conns_max - s->options.conns_max / 8)
        resume_accept(s);
}

void net_server_complain(struct net_server *server, const char *text)
{
    if (!proc_log_again(server->kernel, &server->complained_ns, NET_COMPLAIN_EACH_NS))
        return;
    char line[160];
    struct vk_out out;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "http: %s (%u connections, %u busy)", text, server->counters.conns,
               server->counters.busy);
    proc_log(server->kernel, PROC_LOG_WARN, vk_out_span(&out));
}

/* ---- create, listen, drain ----------------------------------------------------------- */

VK_SELDOM int net_server_create(struct proc_kernel *kernel, const struct net_server_options *options,
                                struct net_server **ret_server)
{
    struct vk_region *region = proc_kernel_region(kernel);
    struct net_server *s = vk_region_alloc(region, sizeof *s, VK_CACHE_LINE_BYTES);
    if (!s)
        return -VK_ENOMEM;
    s->kernel = kernel;
    s->io = proc_kernel_io(kernel);
    s->options = *options;
    s->drain_timer.fire = drain_fire;
    net_nobody_init(&s->nobody, kernel);
    defaults(&s->options);
    s->conns = vk_region_alloc(region, (size_t)s->options.conns_max * sizeof *s->conns, VK_CACHE_LINE_BYTES);
    if (!s->conns)
        return -VK_ENOMEM;
    *ret_server = s;
    return 0;
}

VK_SELDOM int net_server_listen(struct net_server *server, uint32_t listener,
                                const struct net_handler *handler)
{
    if (server->listeners_count == NET_LISTENERS_MAX)
        return -VK_ENOSPC;
    if (!handler)
        handler = &server->options.handler;
    if (!handler->program)
        return -VK_EINVAL;
    if (server->is_unlistening)
        return -VK_ECANCELED;
    struct net_listener *l = &server->listeners[server->listeners_count++];
    l->sink.on_event = on_accept;
    l->server = server;
    l->handler = handler;
    l->io = listener;
    l->is_open = true;
    accept_more(l);
    if (l->is_accepting || server->is_paused) /* then it begins with the others */
        return 0;
    server->listeners_count--; /* it is the caller's still */
    return -VK_EIO;
}

int net_server_attach(struct net_server *server, uint32_t io, const struct net_attach *attach)
{
    if (server->counters.conns >= server->options.conns_max)
        return -VK_ENOSPC;
    if (attach->received.len > NET_HEAD_MAX_BYTES)
        return -VK_ETOOBIG;
    return net_conn_attach(server, io, attach);
}

void net_server_drain(struct net_server *server, uint64_t deadline_ns)
{
    uint64_t idle_ns = server->options.idle_timeout_ns;
    server->is_draining = true;
    server->drain_ns = deadline_ns;
    for (uint32_t i = 0; i < server->conns_made; i++)
        if (server->conns[i].is_used)
            net_conn_drain(&server->conns[i]);
    /* From now on nobody is idle for longer than that. */
    server->options.idle_timeout_ns = idle_ns < NET_DRAIN_GRACE_NS ? idle_ns : NET_DRAIN_GRACE_NS;
    if (server->is_paused)
        make_room(server);
    drain(server);
}

void net_server_unlisten(struct net_server *server)
{
    server->is_unlistening = true;
    drain(server);
}

bool net_server_is_idle(const struct net_server *server)
{
    return server->counters.conns == 0 && !(server->is_draining && has_listener(server));
}

void net_server_counters(const struct net_server *server, struct net_server_counters *ret_counters)
{
    *ret_counters = server->counters;
}

/* ---- counters as text ------------------------------------------------------------------ */

static void put_gauges(struct vk_out *out, const struct proc_counters *k, const struct net_server_counters *s)
{
    const struct {
        const char *name;
        uint64_t value;
    } gauges[] = {
        {"ticks", k->ticks},
        {"dispatches", k->dispatches},
        {"started", k->started},
        {"crashes", k->crashes},
        {"gave_up", k->gave_up},
        {"guard_switches", k->guard_switches},
        {"guard_grows", k->guard_grows},
        {"wipes", k->wipes},
        {"processes", k->processes},
        {"handles", k->handles},
        {"ops", k->requests},
        {"buffers", k->buffers},
        {"slots", k->slots},
        {"accepted", s->accepted},
        {"requests", s->requests},
        {"refused", s->refused},
        {"overload", s->overload},
        {"conns", s->conns},
        {"busy", s->busy},
    };
    for (size_t i = 0; i < VK_COUNT(gauges); i++)
        vk_out_fmt(out, "%s %llu\n", gauges[i].name, (unsigned long long)gauges[i].value);
}

static void put_store(struct vk_out *out, const struct proc_store *store)
{
    struct proc_store_counters c;
    proc_store_counters(store, &c);
    const struct {
        const char *name;
        uint64_t value;
    } gauges[] = {
        {"entries", c.entries}, {"bytes", c.bytes},     {"hits", c.hits},
        {"misses", c.misses},   {"evicted", c.evicted}, {"expired", c.expired},
    };
    for (size_t i = 0; i < VK_COUNT(gauges); i++)
        vk_out_fmt(out, "store_%s_%s %llu\n", c.name, gauges[i].name, (unsigned long long)gauges[i].value);
}

static int gauges_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                     const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    (void)process;
    if (op->code != PROC_OP_READ)
        return -VK_ENOTSUP;
    struct proc_counters counters;
    struct vk_out out;
    proc_kernel_counters(kernel, &counters);
    vk_out_init(&out, bytes, op->len);
    put_gauges(&out, &counters, &((const struct net_server *)object)->counters);
    for (const struct proc_store *store = NULL; (store = proc_store_after(kernel, store)) != NULL;)
        put_store(&out, store);
    done->len = (uint32_t)vk_out_span(&out).len;
    return vk_out_status(&out) ? -VK_ETOOBIG : 0;
}

static const struct proc_kind kind_gauges = {.name = "gauges", .shareable = true, .op = gauges_op};

struct proc_object net_server_gauges(struct net_server *server)
{
    return (struct proc_object){&kind_gauges, server};
}
