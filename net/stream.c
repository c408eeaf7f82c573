/* SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include "net/nobody.h"
#include "net/pipe.h"
#include "net/transfer.h"
#include "vk/fmt.h"

/* Kinds of completions of a door's sink. */
enum { DOOR_ACCEPT, DOOR_CLOSE };

struct net_stream {
    struct net_pipe pipe;
    struct net_streams *streams;
    struct net_stream *next;      /* in the free list, or in a door's line of connections nobody took yet */
    struct proc_process *process; /* started for it; NULL when a process asked for it */
    struct net_transfer reader;
    struct net_transfer writer;
    struct proc_req *opener; /* pending CONNECT */
    struct proc_later later;
    struct proc_timer stall; /* while a send is under way */
    uint32_t refs;           /* handles that name it */
    bool is_used;
    bool aborts;
    bool wants_shut;
} __attribute__((aligned(64)));

/* What streams come from: a listener that serves a program, or one that a process uses, or a connector. */
struct door {
    struct proc_sink sink;
    struct net_streams *streams;
    const struct proc_program *program; /* started for each connection; NULL: ACCEPT takes them */
    const struct proc_env *env;
    struct proc_addr addr;         /* of a connector */
    struct vk_list waiting;        /* pending ACCEPTs */
    struct net_stream *line_first; /* accepted, but the ACCEPT was canceled meanwhile */
    struct net_stream *line_last;
    struct proc_timer retry;
    uint32_t io;
    uint32_t refs; /* handles that name it; 0: the place is free, or the listener closes */
    bool is_used;
    bool is_listener;
    bool is_accepting;
    bool is_open;
};

struct net_streams {
    struct proc_kernel *kernel;
    struct proc_io *io;
    struct net_stream *streams;
    struct net_stream *free_first;
    uint32_t made;
    uint32_t max;
    uint32_t open;
    uint32_t doors_used;
    bool is_draining;
    uint64_t complained_ns; /* last log line about overload */
    struct proc_timer drain_timer;
    struct net_nobody nobody; /* closes what nobody takes */
    struct door doors[NET_DOORS_MAX];
};

static const struct proc_kind kind_stream;
static const struct proc_kind kind_listener;
static const struct proc_kind kind_connector;
static const struct proc_kind kind_opening;

/* ---- one stream ---------------------------------------------------------------- */

static void serve(struct net_stream *s);

static void serve_later(struct proc_kernel *kernel, struct proc_later *later)
{
    (void)kernel;
    serve(VK_CONTAINER(later, struct net_stream, later));
}

static void again(struct net_stream *s)
{
    proc_later(s->streams->kernel, &s->later);
}

/* Whatever waits finds out at its delivery what there is. */
static void wake(struct net_stream *s)
{
    net_transfer_wake(&s->reader, s->streams->kernel);
    net_transfer_wake(&s->writer, s->streams->kernel);
}

static void stream_free(struct net_stream *s)
{
    struct net_streams *t = s->streams;
    net_pipe_fini(&s->pipe);
    proc_timer_clear(t->kernel, &s->stall);
    s->is_used = false;
    s->next = t->free_first;
    t->free_first = s;
    t->open--;
}

/* Nobody will ask for anything any more, and nobody waits for an answer. */
static bool is_over(const struct net_stream *s)
{
    return s->refs == 0 && s->pipe.ops == 0 && !s->reader.is_due && !s->writer.is_due && !s->later.queued;
}

/* Whatever is due: send, receive while somebody will read, close once nobody names it. */
static void serve(struct net_stream *s)
{
    int rc = net_pipe_send(&s->pipe);
    if (s->pipe.sending_len && !vk_timer_is_armed(&s->stall.timer))
        proc_timer_set(s->streams->kernel, &s->stall,
                       s->pipe.moved_ns + NET_WRITE_TIMEOUT_NS / NET_PIPE_LOOKS);
    if (!rc && s->wants_shut && !s->pipe.is_shut && !s->pipe.out_len && !s->pipe.is_broken &&
        !s->pipe.is_closed)
        rc = net_pipe_submit(&s->pipe, PROC_IO_SHUTDOWN, NET_PIPE_SHUTDOWN);
    if (s->aborts || (s->refs == 0 && (s->pipe.out_len == 0 || s->pipe.is_broken))) {
        rc = net_pipe_close(&s->pipe, s->aborts ? PROC_IO_ABORT : 0);
        if (rc == 0 && is_over(s)) {
            stream_free(s);
            return;
        }
    } else if (!rc && s->reader.req) {
        rc = net_pipe_receive(&s->pipe, true, NET_INPUT_RESUME_BYTES);
    }
    if (!net_pipe_keep(&s->pipe)) {
        s->aborts = true;
        s->pipe.is_broken = true;
    }
    if (rc)
        again(s);
}

static int read_now(struct net_stream *s, uint8_t *room, uint32_t room_bytes, struct proc_done *done)
{
    uint32_t n = s->pipe.in.len < room_bytes ? s->pipe.in.len : room_bytes;
    if (n) {
        memcpy(room, s->pipe.in.ptr, n);
        net_pipe_consume(&s->pipe, n);
    }
    done->len = n;
    if (n || s->pipe.is_eof)
        return 0;
    return s->pipe.is_broken ? -VK_ERESET : PROC_PENDING;
}

static int write_now(struct net_stream *s, const uint8_t *bytes, uint32_t len, struct proc_done *done)
{
    if (s->pipe.is_broken || s->wants_shut)
        return -VK_ECLOSED;
    uint32_t n = net_pipe_free(&s->pipe);
    n = len < n ? len : n;
    if (n == 0)
        return PROC_PENDING;
    if (!net_pipe_put(&s->pipe, bytes, n))
        return s->pipe.sending_len ? PROC_PENDING : -VK_ENOMEM;
    done->len = n;
    return 0;
}

static int op_shutdown(struct net_stream *s)
{
    if (s->pipe.is_broken)
        return -VK_ECLOSED;
    s->wants_shut = true; /* once what gathered is on its way */
    again(s);
    return 0;
}

/* Reset, whatever is pending; buffered input may still be read. */
static void kill(struct net_stream *s)
{
    s->aborts = true;
    s->pipe.is_broken = true;
    wake(s);
    again(s);
}

/* A peer that takes nothing for so long keeps a stream no longer, nor holds up the end of the server. */
static void on_stall(struct proc_kernel *kernel, struct proc_timer *timer)
{
    struct net_stream *s = VK_CONTAINER(timer, struct net_stream, stall);
    bool is_stalled;
    uint64_t look_ns = net_pipe_look(&s->pipe, NET_WRITE_TIMEOUT_NS, &is_stalled);
    if (is_stalled)
        kill(s);
    else if (look_ns != UINT64_MAX) /* else: armed again with the next send */
        proc_timer_set(kernel, timer, look_ns);
}

static struct net_transfer *transfer_of(struct net_stream *s, const struct proc_op *op)
{
    return op->code == PROC_OP_READ ? &s->reader : &s->writer;
}

static int transfer_now(struct net_stream *s, const struct proc_op *op, uint8_t *bytes,
                        struct proc_done *done)
{
    return op->code == PROC_OP_READ ? read_now(s, bytes, op->len, done) : write_now(s, bytes, op->len, done);
}

/* READ or WRITE: at once, or pending in its place. */
static int transfer(struct proc_kernel *k, struct proc_process *p, struct net_stream *s,
                    const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    const struct proc_object object = {&kind_stream, s};
    int rc = net_transfer_check(transfer_of(s, op), op);
    if (rc)
        return rc;
    rc = net_transfer_begin(transfer_of(s, op), k, p, &object, op, bytes, transfer_now(s, op, bytes, done));
    again(s);
    return rc;
}

static int stream_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                     const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    switch (op->code) {
    case PROC_OP_READ:
    case PROC_OP_WRITE:
        return transfer(kernel, process, object, op, bytes, done);
    case PROC_OP_SHUTDOWN:
        return op_shutdown(object);
    case PROC_OP_KILL:
        kill(object);
        return 0;
    default:
        return -VK_ENOTSUP;
    }
}

static void stream_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    (void)kernel;
    struct net_stream *s = req->object;
    (void)net_transfer_cancel(transfer_of(s, &req->op), req);
    again(s);
}

static int stream_deliver(struct proc_kernel *kernel, struct proc_req *req, uint8_t *bytes)
{
    struct net_stream *s = req->object;
    int rc;
    if (s->refs == 0)
        rc = -VK_ECANCELED;
    else
        rc = bytes ? transfer_now(s, &req->op, bytes, &req->done) : -VK_EFAULT;
    again(s);
    return net_transfer_deliver(transfer_of(s, &req->op), kernel, req, bytes, rc);
}

static void stream_release(struct proc_kernel *kernel, void *object, struct proc_process *process)
{
    struct net_stream *s = object;
    s->refs--;
    net_transfer_end(&s->reader, kernel, -VK_ECANCELED);
    net_transfer_end(&s->writer, kernel, -VK_ECANCELED);
    if (process && s->process == process) {
        s->process = NULL;
        if (proc_end_reason(process) != PROC_REASON_NORMAL)
            s->aborts = true; /* the peer shall not take it for an orderly end */
    }
    again(s);
}

static const struct proc_kind kind_stream = {
    .name = "stream",
    .op = stream_op,
    .cancel = stream_cancel,
    .deliver = stream_deliver,
    .release = stream_release,
};

static void connected(struct net_stream *s, int res)
{
    struct proc_req *opener = s->opener;
    s->opener = NULL;
    if (!opener) {
        s->refs = 0;
        return;
    }
    if (res >= 0)
        opener->passed = (struct proc_object){&kind_stream, s};
    else
        s->refs = 0;
    proc_req_finish(s->streams->kernel, opener, res < 0 ? res : 0);
}

static void on_event(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                     const struct proc_io_event *event)
{
    struct net_stream *s = VK_CONTAINER(sink, struct net_stream, pipe.sink);
    switch (net_pipe_event(&s->pipe, kind, event)) {
    case NET_PIPE_INPUT:
    case NET_PIPE_EOF:
        net_transfer_wake(&s->reader, kernel);
        break;
    case NET_PIPE_SENT:
        net_transfer_wake(&s->writer, kernel);
        break;
    case NET_PIPE_NO_BUFFERS:
        kill(s);
        break;
    case NET_PIPE_BROKEN:
        wake(s);
        break;
    case NET_PIPE_CONNECTED:
        connected(s, event->res);
        break;
    case NET_PIPE_NOTHING:
        break;
    }
    serve(s);
}

static struct net_stream *stream_new(struct net_streams *t, uint32_t io)
{
    struct net_stream *s = t->free_first;
    if (s)
        t->free_first = s->next;
    else if (t->made < t->max)
        s = &t->streams[t->made++];
    else
        return NULL;
    memset(s, 0, sizeof *s);
    net_pipe_init(&s->pipe, t->kernel, io, on_event);
    s->streams = t;
    s->later.run = serve_later;
    s->stall.fire = on_stall;
    s->is_used = true;
    s->refs = 1;
    t->open++;
    return s;
}

/* ---- where streams come from ------------------------------------------------------ */

/* Accept while somebody wants connections. A serving door always does. */
static void accept_more(struct door *d)
{
    struct net_streams *t = d->streams;
    bool wanted = d->program || !vk_list_is_empty(&d->waiting);
    if (!d->is_open || !d->refs || d->is_accepting || !wanted || t->is_draining)
        return;
    const struct proc_io_req req = {
        .code = PROC_IO_ACCEPT, .conn = d->io, .tag = proc_tag(&d->sink, DOOR_ACCEPT)};
    d->is_accepting = t->io->ops->submit(t->io, &req) == 0;
    if (VK_UNLIKELY(!d->is_accepting)) /* too many in flight: nothing else would try again */
        proc_timer_set(t->kernel, &d->retry, proc_now_ns(t->kernel) + NET_RETRY_NS);
}

static void close_listener(struct door *d)
{
    struct net_streams *t = d->streams;
    const struct proc_io_req req = {
        .code = PROC_IO_CLOSE, .conn = d->io, .tag = proc_tag(&d->sink, DOOR_CLOSE)};
    if (t->io->ops->submit(t->io, &req))
        proc_timer_set(t->kernel, &d->retry, proc_now_ns(t->kernel) + NET_RETRY_NS);
}

/*
 * Close the listener of a door that serves a program. Its CLOSE waits for the end of its
 * ACCEPT: the driver may already hold connections of it, and forgets them
 * once it is told to close.
 */
static void drain_door(struct door *d)
{
    struct net_streams *t = d->streams;
    const struct proc_io_req req = {.code = PROC_IO_CLOSE, .conn = d->io, .tag = net_nobody_tag(&t->nobody)};
    if (!d->is_open)
        return;
    if (d->is_accepting)
        t->io->ops->cancel(t->io, proc_tag(&d->sink, DOOR_ACCEPT));
    else if (t->io->ops->submit(t->io, &req) == 0)
        d->is_open = false;
    else
        proc_timer_set(t->kernel, &d->retry, proc_now_ns(t->kernel) + NET_RETRY_NS);
}

static void retry(struct proc_kernel *kernel, struct proc_timer *timer)
{
    (void)kernel;
    struct door *d = VK_CONTAINER(timer, struct door, retry);
    if (d->program && d->streams->is_draining)
        drain_door(d);
    else if (d->refs)
        accept_more(d);
    else
        close_listener(d);
}

static bool start_process(struct door *d, struct net_stream *s)
{
    struct net_streams *t = d->streams;
    const struct proc_spawn spawn = {.program = d->program, .origin = {&kind_stream, s}, .env = d->env};
    if (proc_spawn(t->kernel, &spawn, &s->process))
        return false;
    proc_run_soon(t->kernel, s->process);
    return true;
}

/* The ACCEPT that wanted it was canceled: the next one gets it. */
static void line_up(struct door *d, struct net_stream *s)
{
    s->next = NULL;
    if (d->line_first)
        d->line_last->next = s;
    else
        d->line_first = s;
    d->line_last = s;
    d->streams->open--; /* nobody has it yet */
}

static struct net_stream *line_pop(struct door *d)
{
    struct net_stream *s = d->line_first;
    if (!s)
        return NULL;
    d->line_first = s->next;
    d->streams->open++;
    return s;
}

/* Nobody will ask for them any more. */
static void line_end(struct door *d)
{
    for (struct net_stream *s; (s = line_pop(d));) {
        s->refs = 0;
        s->aborts = true;
        again(s);
    }
}

static void complain(struct net_streams *t)
{
    const struct vk_span text = VK_SPAN_LIT("tcp: out of processes or slots, connections are reset");
    if (proc_log_again(t->kernel, &t->complained_ns, NET_COMPLAIN_EACH_NS))
        proc_log(t->kernel, PROC_LOG_WARN, text);
}

/* A connection arrived: for the door's program, or for the first process that waits. */
static void arrived(struct door *d, uint32_t io)
{
    struct net_streams *t = d->streams;
    struct vk_node *node = d->program ? NULL : vk_list_pop(&d->waiting);
    bool is_wanted = d->program || node || (d->refs && d->is_open); /* the last: by the next ACCEPT */
    struct net_stream *s = is_wanted ? stream_new(t, io) : NULL;
    if (!s) {
        if (node)
            proc_req_finish(t->kernel, VK_CONTAINER(node, struct proc_req, wait), -VK_ENOSPC);
        net_nobody_close(&t->nobody, io, PROC_IO_ABORT);
        return;
    }
    if (node) {
        struct proc_req *req = VK_CONTAINER(node, struct proc_req, wait);
        req->passed = (struct proc_object){&kind_stream, s};
        proc_req_finish(t->kernel, req, 0);
    } else if (!d->program) {
        line_up(d, s);
    } else if (!start_process(d, s)) {
        complain(t);
        s->refs = 0;
        s->aborts = true;
        again(s);
    }
}

/* Whoever waits for a connection hears that none will come. */
static void accepts_end(struct door *d, int res)
{
    for (struct vk_node *node; (node = vk_list_pop(&d->waiting));)
        proc_req_finish(d->streams->kernel, VK_CONTAINER(node, struct proc_req, wait), res);
}

static void door_free(struct door *d)
{
    proc_timer_clear(d->streams->kernel, &d->retry);
    d->is_used = false;
    d->streams->doors_used--;
}

/* A process asks for one connection at a time: no more are taken than it asked for. */
static void accept_less(struct door *d)
{
    if (d->is_accepting && !d->program && vk_list_is_empty(&d->waiting))
        d->streams->io->ops->cancel(d->streams->io, proc_tag(&d->sink, DOOR_ACCEPT));
}

static void on_accept(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                      const struct proc_io_event *event)
{
    struct door *d = VK_CONTAINER(sink, struct door, sink);
    if (kind == DOOR_CLOSE) {
        door_free(d);
        return;
    }
    if (!(event->flags & PROC_IO_MORE))
        d->is_accepting = false;
    if (event->res >= 0) {
        arrived(d, (uint32_t)event->res);
        accept_less(d);
    } else if (event->res != -VK_ECANCELED && d->refs) {
        proc_timer_set(kernel, &d->retry, proc_now_ns(kernel) + NET_RETRY_NS);
        return;
    }
    if (VK_UNLIKELY(d->streams->is_draining && d->program && !d->is_accepting))
        drain_door(d);
    accept_more(d);
    if (!d->refs && !d->is_open && !d->is_accepting)
        door_free(d);
}

static int listener_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                       const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    (void)bytes;
    struct door *d = object;
    if (op->code != PROC_OP_ACCEPT)
        return -VK_ENOTSUP;
    if (d->line_first) {
        const struct proc_object stream = {&kind_stream, d->line_first};
        int rc = proc_handle_new(kernel, process, stream, &done->handle);
        if (!rc)
            (void)line_pop(d);
        return rc;
    }
    if (!d->is_open)
        return -VK_ECLOSED;
    struct proc_req *req = proc_req_begin(kernel, process, &kind_listener, d, op);
    if (!req)
        return -VK_EOVERFLOW;
    vk_list_push(&d->waiting, &req->wait);
    accept_more(d);
    return PROC_PENDING;
}

static void listener_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    (void)kernel;
    vk_list_remove(&req->wait);
    accept_less(req->object);
}

static void door_share(struct proc_kernel *kernel, void *object)
{
    (void)kernel;
    ((struct door *)object)->refs++;
}

static void door_release(struct proc_kernel *kernel, void *object, struct proc_process *process)
{
    (void)kernel, (void)process;
    struct door *d = object;
    if (--d->refs > 0)
        return;
    accepts_end(d, -VK_ECANCELED);
    line_end(d);
    if (d->is_listener && d->is_open)
        close_listener(d);
    else if (!d->is_accepting) /* else with its end: the listener was closed by the drain */
        door_free(d);
}

static const struct proc_kind kind_listener = {
    .name = "listener",
    .shareable = true,
    .op = listener_op,
    .cancel = listener_cancel,
    .share = door_share,
    .release = door_release,
};

static int connector_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                        const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    (void)bytes, (void)done;
    struct door *d = object;
    struct net_streams *t = d->streams;
    if (op->code != PROC_OP_CONNECT)
        return -VK_ENOTSUP;
    uint32_t io;
    int rc = t->io->ops->open(t->io, &d->addr, &io);
    if (rc)
        return rc;
    struct net_stream *s = stream_new(t, io);
    if (!s) {
        net_nobody_close(&t->nobody, io, PROC_IO_ABORT);
        return -VK_ENOSPC;
    }
    s->opener = proc_req_begin(kernel, process, &kind_opening, s, op);
    rc = s->opener ? net_pipe_submit(&s->pipe, PROC_IO_CONNECT, NET_PIPE_CONNECT) : 0;
    if (s->opener && !rc)
        return PROC_PENDING;
    s->refs = 0;
    again(s);
    if (!s->opener)
        return -VK_EOVERFLOW;
    connected(s, rc);
    return PROC_PENDING;
}

static void connector_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    (void)kernel;
    struct net_stream *s = req->object;
    s->opener = NULL;
    s->refs = 0;
    s->aborts = true;
    again(s);
}

/* A connection under way: what a CONNECT waits for is the stream, not the connector. */
static const struct proc_kind kind_opening = {.name = "connection", .cancel = connector_cancel};

static const struct proc_kind kind_connector = {
    .name = "connector",
    .shareable = true,
    .op = connector_op,
    .share = door_share,
    .release = door_release,
};

/* ---- the table ---------------------------------------------------------------------- */

static void drain_fire(struct proc_kernel *kernel, struct proc_timer *timer)
{
    struct net_streams *t = VK_CONTAINER(timer, struct net_streams, drain_timer);
    for (uint32_t i = 0; i < t->made; i++) {
        struct net_stream *s = &t->streams[i];
        if (!s->is_used)
            continue;
        kill(s);
        if (s->process)
            proc_end(kernel, s->process, PROC_REASON_SHUTDOWN);
    }
}

size_t net_streams_region_bytes(uint32_t streams_max)
{
    return sizeof(struct net_streams) + (size_t)streams_max * sizeof(struct net_stream) + 2 * VK_PAGE_BYTES;
}

int net_streams_create(struct proc_kernel *kernel, uint32_t streams_max, struct net_streams **ret_streams)
{
    struct vk_region *region = proc_kernel_region(kernel);
    struct net_streams *t = vk_region_alloc(region, sizeof *t, VK_CACHE_LINE_BYTES);
    if (!t)
        return -VK_ENOMEM;
    t->streams = vk_region_alloc(region, (size_t)streams_max * sizeof *t->streams, VK_CACHE_LINE_BYTES);
    if (!t->streams)
        return -VK_ENOMEM;
    t->kernel = kernel;
    t->io = proc_kernel_io(kernel);
    t->max = streams_max;
    t->drain_timer.fire = drain_fire;
    net_nobody_init(&t->nobody, kernel);
    *ret_streams = t;
    return 0;
}

static struct door *door_new(struct net_streams *t)
{
    struct door *d = t->doors;
    while (d < t->doors + NET_DOORS_MAX && d->is_used)
        d++;
    if (d == t->doors + NET_DOORS_MAX)
        return NULL;
    memset(d, 0, sizeof *d);
    t->doors_used++;
    d->is_used = true;
    d->refs = 1;
    d->streams = t;
    d->sink.on_event = on_accept;
    d->retry.fire = retry;
    vk_list_init(&d->waiting);
    d->is_open = true;
    return d;
}

int net_streams_serve(struct net_streams *streams, uint32_t listener, const struct proc_program *program,
                      const struct proc_env *env)
{
    struct door *d = door_new(streams);
    if (!d)
        return -VK_ENOSPC;
    d->io = listener;
    d->is_listener = true;
    d->program = program;
    d->env = env;
    accept_more(d);
    return 0;
}

struct proc_object net_streams_listener(struct net_streams *streams, uint32_t listener)
{
    struct door *d = door_new(streams);
    if (!d)
        return (struct proc_object){0};
    d->io = listener;
    d->is_listener = true;
    return (struct proc_object){&kind_listener, d};
}

struct proc_object net_streams_connector(struct net_streams *streams, const struct proc_addr *addr)
{
    struct door *d = door_new(streams);
    if (!d)
        return (struct proc_object){0};
    d->addr = *addr;
    return (struct proc_object){&kind_connector, d};
}

void net_streams_drain(struct net_streams *streams, uint64_t deadline_ns)
{
    streams->is_draining = true;
    for (uint32_t i = 0; i < NET_DOORS_MAX; i++) {
        struct door *d = &streams->doors[i];
        if (d->program) {
            drain_door(d);
            continue;
        }
        if (d->is_listener && d->is_open && d->refs)
            net_nobody_close(&streams->nobody, d->io, 0);
        d->is_open = d->is_open && !d->refs; /* else its own CLOSE is under way */
        if (!d->is_open && d->is_used) {
            accepts_end(d, -VK_ECLOSED);
            line_end(d);
        }
    }
    proc_timer_set(streams->kernel, &streams->drain_timer, deadline_ns);
}

bool net_streams_is_idle(const struct net_streams *streams)
{
    for (uint32_t i = 0; i < NET_DOORS_MAX; i++)
        if (streams->doors[i].program && streams->doors[i].is_open)
            return false;
    return streams->open == 0;
}

uint32_t net_streams_open(const struct net_streams *streams)
{
    return streams->open;
}

uint32_t net_streams_doors(const struct net_streams *streams)
{
    return streams->doors_used;
}
