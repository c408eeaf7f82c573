/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection: bytes in, requests started one after the other, bytes out.
 * Holds no heap until a head is complete. Everything that changes a
 * connection ends in net_conn_serve, which does whatever is due next: start
 * requests, send, receive, close.
 */
#include "net/conn.h"
#include "net/head.h"
#include "net/reply.h"
#include "vk/fmt.h"

/* ---- timeouts ------------------------------------------------------------------ */

void net_conn_expect(struct net_conn *conn, enum net_wait wait, uint64_t timeout_ns)
{
    conn->wait = (uint8_t)wait;
    conn->deadline_ns = proc_now_ns(conn->server->kernel) + timeout_ns;
    /* Armed for an earlier time: it will find the deadline moved and go on. */
    if (vk_timer_is_armed(&conn->timer.timer) && conn->timer.timer.deadline_ns <= conn->deadline_ns)
        return;
    proc_timer_set(conn->server->kernel, &conn->timer, conn->deadline_ns);
}

void net_conn_expect_nothing(struct net_conn *conn)
{
    conn->wait = NET_WAIT_PROCESS;
    conn->deadline_ns = UINT64_MAX;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static void timed_out(struct net_conn *c)
{
    switch ((enum net_wait)c->wait) {
    case NET_WAIT_HEAD:
    case NET_WAIT_BODY:
        if (c->process || c->pipe.in.len)
            net_conn_too_slow(c);
        else
            net_conn_close(c, NET_CLOSING_FLUSH); /* it never said anything */
        if (c->process)
            proc_end(c->server->kernel, c->process, PROC_REASON_SHUTDOWN);
        break;
    case NET_WAIT_IDLE:
        if (c->pipe.sending_len) /* its last answer is still on its way */
            net_conn_expect(c, NET_WAIT_IDLE, c->server->options.idle_timeout_ns);
        else
            net_conn_close(c, c->server->is_draining ? NET_CLOSING_LINGER : NET_CLOSING_FLUSH);
        break;
    case NET_WAIT_LINGER:
        c->closing = NET_CLOSING_NOW; /* in order: what the OS still holds is sent on */
        break;
    case NET_WAIT_PROCESS:
        break;
    }
}

static void on_timer(struct proc_kernel *kernel, struct proc_timer *timer)
{
    struct net_conn *c = VK_CONTAINER(timer, struct net_conn, timer);
    uint64_t now_ns = proc_now_ns(kernel);
    bool is_stalled;
    uint64_t look_ns = net_pipe_look(&c->pipe, c->server->options.write_timeout_ns, &is_stalled);
    if (is_stalled)
        net_conn_abort(c);
    else if (now_ns >= c->deadline_ns)
        timed_out(c);
    else { /* too early: serving now would count as activity and move the idle deadline */
        if (earlier(look_ns, c->deadline_ns) != UINT64_MAX)
            proc_timer_set(kernel, timer, earlier(look_ns, c->deadline_ns));
        return;
    }
    net_conn_serve_later(c);
}

/* ---- requests --------------------------------------------------------------------------- */

void net_conn_refuse(struct net_conn *conn, uint32_t status, uint64_t crash_id)
{
    struct net_server *s = conn->server;
    uint8_t room[NET_REPLY_ROOM + 64];
    const struct net_reply reply = {
        .status = (uint16_t)status,
        .flags = NET_REPLY_CLOSE,
        .server = s->options.name,
        .type = VK_SPAN_LIT("text/plain"),
        .date = proc_date(s->kernel),
    };
    size_t len = 0;
    int rc;
    if (VK_UNLIKELY(conn->closing >= NET_CLOSING_LINGER))
        return; /* the last word was said: two deadlines may pass in one tick */
    s->counters.refused++;
    if (crash_id) {
        char text[64];
        struct vk_out out;
        vk_out_init(&out, text, sizeof text);
        vk_out_fmt(&out, "500 Internal Server Error (crash %llu)\n", (unsigned long long)crash_id);
        rc = net_reply_whole(room, sizeof room, &reply, vk_out_span(&out), &len);
    } else {
        rc = net_reply_error(room, sizeof room, &reply, &len);
    }
    vk_assert(rc == 0);
    (void)net_pipe_put(&conn->pipe, room, (uint32_t)len); /* without a buffer it just closes */
    net_conn_close(conn, NET_CLOSING_LINGER);
}

void net_conn_too_slow(struct net_conn *conn)
{
    if (conn->stage < NET_STAGE_WRITING)
        net_conn_refuse(conn, 408, 0);
    else /* nothing can be said any more, but all of it arrives */
        net_conn_close(conn, NET_CLOSING_LINGER);
}

static void overloaded(struct net_conn *c, int err)
{
    net_server_complain(c->server, err == -VK_ETOOBIG ? "a request head does not fit the program's heap"
                                                      : "out of processes or slots, answering 503");
    c->server->counters.overload++;
    net_conn_refuse(c, err == -VK_ETOOBIG ? 431 : 503, 0);
}

/* Start a process for the current request. */
static int start_process(struct net_conn *c, const struct proc_program *program, const void *arg,
                         uint32_t arg_len)
{
    struct net_server *s = c->server;
    const struct proc_spawn spawn = {
        .program = program,
        .arg = arg,
        .arg_len = arg_len,
        .runs_now = true,
        .origin = {&net_kind_exchange, c},
        .env = s->options.env,
        .deadline_ns = c->handler->deadline_ns ? proc_now_ns(s->kernel) + c->handler->deadline_ns : 0,
    };
    int rc = proc_spawn(s->kernel, &spawn, &c->process);
    if (VK_LIKELY(rc == 0)) {
        s->counters.busy++;
        return 0;
    }
    c->process = NULL;
    return rc;
}

/* Start the process of the request whose head is in[start .. head_len-1], and run it. */
static void start_request(struct net_conn *c, uint32_t head_len)
{
    struct net_server *s = c->server;
    int rc = start_process(c, c->handler->program, c->pipe.in.ptr + c->scan.start, head_len - c->scan.start);
    if (VK_UNLIKELY(rc)) {
        overloaded(c, rc);
        return;
    }
    if (c->handler->crash)
        c->is_head = vk_span_starts_with(vk_span(c->pipe.in.ptr + c->scan.start, head_len - c->scan.start),
                                         VK_SPAN_LIT("HEAD "));
    net_pipe_consume(&c->pipe, head_len);
    c->scan = (struct net_scan){0};
    c->stage = NET_STAGE_HEAD;
    c->frame = 0;
    c->respond = 0;
    c->is_body_bad = false;
    net_conn_expect_nothing(c); /* the timeout of this head is not the next one's */
    c->is_crash = false;
    s->counters.requests++;
    proc_run_now(s->kernel, c->process);
}

/* Start the process that answers for the one that died; the request is what it was. */
static void start_crash(struct net_conn *c)
{
    struct proc_kernel *kernel = c->server->kernel;
    struct {
        struct net_crash crash;
        uint8_t words[PROC_WORDS_MAX_BYTES];
    } arg = {.crash = {.id = c->crash_id, .frame = c->frame}};
    c->is_crash_due = false;
    if (c->words.cap_bytes) {
        arg.crash.words_len = (uint16_t)c->words_len;
        vk_copy(arg.words, c->words.ptr, c->words_len);
        vk_bufs_put(proc_kernel_bufs(kernel), &c->words);
    }
    uint32_t arg_len = (uint32_t)sizeof arg.crash + arg.crash.words_len;
    if (start_process(c, c->handler->crash, &arg, arg_len)) {
        net_conn_refuse(c, 500, c->crash_id);
        return;
    }
    c->is_crash = true;
    net_conn_expect_nothing(c);
    proc_run_now(kernel, c->process);
}

/* What the connection waits for now that no request can be started. */
static void expect_next(struct net_conn *c)
{
    const struct net_server_options *o = &c->server->options;
    if (c->process) {
        if (c->wait != NET_WAIT_BODY)
            net_conn_expect_nothing(c);
    } else if (c->pipe.in.len == 0) {
        net_conn_expect(c, NET_WAIT_IDLE, o->idle_timeout_ns);
    } else if (c->wait != NET_WAIT_HEAD) {
        net_conn_expect(c, NET_WAIT_HEAD, o->head_timeout_ns); /* from its first byte on, whatever follows */
    }
}

/* Returns true when complete requests may be left, whose turn comes later. */
static bool start_requests(struct net_conn *c)
{
    for (uint32_t n = 0; c->closing == NET_OPEN && !c->process; n++) {
        if (VK_UNLIKELY(c->is_crash_due)) {
            start_crash(c);
            continue;
        }
        if (c->pipe.in.len == 0)
            break;
        if (VK_UNLIKELY(c->pipe.out_len >= NET_OUTPUT_MAX_BYTES))
            return true; /* the peer does not read: its next requests wait until it does */
        if (VK_UNLIKELY(n == NET_REQUESTS_PER_TURN)) {
            proc_later(c->server->kernel, &c->later);
            return true;
        }
        size_t head_len;
        int rc = net_scan_head(&c->scan, c->pipe.in.ptr, c->pipe.in.len, &head_len);
        if (rc == -VK_EAGAIN)
            break;
        if (VK_UNLIKELY(rc)) {
            net_conn_refuse(c, net_scan_status(&c->scan, c->pipe.in.ptr, c->pipe.in.len, rc), 0);
            return false;
        }
        start_request(c, (uint32_t)head_len);
    }
    if (c->closing == NET_OPEN)
        expect_next(c);
    return false;
}

/* ---- the end of a connection ---------------------------------------------------------------- */

void net_conn_close(struct net_conn *conn, enum net_closing how)
{
    if (conn->closing < how)
        conn->closing = (uint8_t)how;
}

void net_conn_abort(struct net_conn *conn)
{
    /* A CLOSE in order behind a send that nobody reads would wait for ever: it is hurried. */
    bool is_closing = conn->closing == NET_CLOSING_NOW && !conn->pipe.sending_len;
    if (conn->aborts || is_closing)
        return;
    conn->closing = NET_CLOSING_NOW;
    conn->aborts = true;
    conn->pipe.is_broken = true;
    if (conn->process)
        net_exchange_broken(conn);
    net_conn_serve_later(conn);
}

/* The next step towards the end, when there is one. */
static void close_on(struct net_conn *c)
{
    if (c->process || c->pipe.out_len)
        return;
    c->pipe.in.len = 0; /* nobody reads it any more, and it may be the driver's */
    /* Draining, who waits to come in goes before who has had his answer. */
    bool lingers = c->closing == NET_CLOSING_LINGER && !(c->server->is_draining && c->server->is_paused);
    if (c->pipe.is_broken || c->pipe.is_eof || !lingers) {
        c->closing = NET_CLOSING_NOW;
        return;
    }
    if (c->pipe.is_shut || c->pipe.sending_len)
        return;
    net_conn_expect(c, NET_WAIT_LINGER, NET_LINGER_TIMEOUT_NS);
    if (net_pipe_submit(&c->pipe, PROC_IO_SHUTDOWN, NET_PIPE_SHUTDOWN))
        c->closing = NET_CLOSING_NOW;
}

static void conn_free(struct net_conn *c)
{
    vk_bufs_put(proc_kernel_bufs(c->server->kernel), &c->words);
    net_pipe_fini(&c->pipe);
    proc_timer_clear(c->server->kernel, &c->timer);
    net_server_conn_gone(c);
}

/* ---- what ties it together ---------------------------------------------------------------------- */

/* CLOSE, then wait for every completion and for the process. */
static void serve_end(struct net_conn *c)
{
    /* A client that wants the end sends nothing behind its request (RFC 9112 9.6). */
    uint32_t how = c->frame & NET_FRAME_CLOSE ? PROC_IO_CORKED : 0;
    if (net_pipe_close(&c->pipe, c->aborts ? PROC_IO_ABORT : how))
        net_conn_serve_later(c); /* too many in flight: after the next wait */
    else if (c->pipe.ops == 0 && !c->process && !c->later.queued)
        conn_free(c);
}

/*
 * Receive on. The first receive finds its bytes already there, since
 * accepting is deferred, and a body is taken piece by piece: both without an
 * operation that would have to be canceled.
 */
static int receive(struct net_conn *c)
{
    bool once = c->is_first || net_exchange_has_body(c);
    return net_pipe_receive(&c->pipe, once, c->process ? NET_INPUT_RESUME_BYTES : NET_INPUT_PAUSE_BYTES);
}

/* How long a send may be under way before it is looked at. */
static uint64_t look_each_ns(const struct net_conn *c)
{
    return c->server->options.write_timeout_ns / NET_PIPE_LOOKS;
}

static int send_on(struct net_conn *c)
{
    int rc = net_pipe_send(&c->pipe);
    uint64_t look_ns = c->pipe.moved_ns + look_each_ns(c);
    bool is_late = !vk_timer_is_armed(&c->timer.timer) || c->timer.timer.deadline_ns > look_ns;
    if (VK_UNLIKELY(is_late) && c->pipe.sending_len)
        proc_timer_set(c->server->kernel, &c->timer, look_ns);
    return rc;
}

void net_conn_serve(struct net_conn *conn)
{
    struct net_conn *c = conn;
    if (VK_UNLIKELY(c->closing == NET_CLOSING_NOW)) {
        serve_end(c);
        return;
    }
    c->is_serving = true;
    bool is_stalled = start_requests(c);
    c->is_serving = false;
    if (VK_UNLIKELY(c->pipe.is_eof) && !c->process && !is_stalled)
        net_conn_close(c, NET_CLOSING_FLUSH);
    int rc = send_on(c);
    if (VK_UNLIKELY(c->closing != NET_OPEN))
        close_on(c);
    if (VK_UNLIKELY(c->closing == NET_CLOSING_NOW)) {
        serve_end(c);
        return;
    }
    if (!rc && c->closing != NET_CLOSING_FLUSH)
        rc = receive(c);
    if (VK_UNLIKELY(!net_pipe_keep(&c->pipe)))
        net_conn_abort(c);
    if (VK_UNLIKELY(rc))
        net_conn_serve_later(c);
}

static void serve_later(struct proc_kernel *kernel, struct proc_later *later)
{
    (void)kernel;
    net_conn_serve(VK_CONTAINER(later, struct net_conn, later));
}

void net_conn_serve_later(struct net_conn *conn)
{
    if (!conn->is_serving)
        proc_later(conn->server->kernel, &conn->later);
}

static void on_input(struct net_conn *c)
{
    if (c->closing >= NET_CLOSING_LINGER)
        c->pipe.in.len = 0; /* read only so that the peer can read our answer */
    else if (VK_UNLIKELY(c->process != NULL))
        net_exchange_input_came(c);
}

static void on_event(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                     const struct proc_io_event *event)
{
    (void)kernel;
    struct net_conn *c = VK_CONTAINER(sink, struct net_conn, pipe.sink);
    switch (net_pipe_event(&c->pipe, kind, event)) {
    case NET_PIPE_INPUT:
        c->is_first = false;
        on_input(c);
        break;
    case NET_PIPE_EOF:
        if (c->process)
            net_exchange_input_came(c);
        break;
    case NET_PIPE_SENT:
        if (VK_UNLIKELY(c->writer.req != NULL))
            net_transfer_wake(&c->writer, c->server->kernel);
        break;
    case NET_PIPE_BROKEN:
        net_exchange_broken(c);
        break;
    case NET_PIPE_NO_BUFFERS:
        net_server_complain(c->server, "out of input buffers");
        net_conn_abort(c);
        break;
    case NET_PIPE_CONNECTED:
    case NET_PIPE_NOTHING:
        break;
    }
    net_conn_serve(c);
}

/* What a new connection has sent is still with the driver: it is no idle one until it has been heard. */
static void expect_first(struct net_conn *c)
{
    const struct net_server *s = c->server;
    net_conn_expect(c, NET_WAIT_HEAD, s->is_draining ? NET_DRAIN_SILENT_NS : s->options.head_timeout_ns);
}

static bool is_idle(const struct net_conn *c)
{
    return c->closing == NET_OPEN && !c->process && !c->is_crash_due && !c->is_first && c->pipe.in.len == 0;
}

void net_conn_drain(struct net_conn *conn)
{
    const struct net_server *s = conn->server;
    if (conn->is_first && conn->closing == NET_OPEN) {
        expect_first(conn);
        return;
    }
    /* Its deadline was set when something last happened on it. */
    uint64_t silent_since_ns = conn->deadline_ns - s->options.idle_timeout_ns;
    if (is_idle(conn) && conn->wait == NET_WAIT_IDLE &&
        proc_now_ns(s->kernel) > silent_since_ns + NET_DRAIN_RECENT_NS)
        net_conn_close(conn, NET_CLOSING_FLUSH);
    net_conn_serve_later(conn);
}

void net_conn_yield(struct net_conn *conn)
{
    bool is_answered = !conn->process && conn->pipe.out_len == 0 && conn->pipe.sending_len == 0;
    if (is_idle(conn))
        net_conn_close(conn, NET_CLOSING_FLUSH);
    else if (conn->closing == NET_CLOSING_LINGER && is_answered)
        net_conn_close(conn, NET_CLOSING_NOW);
    else
        return;
    net_conn_serve_later(conn);
}

bool net_conn_cut(struct net_conn *conn)
{
    struct net_conn *c = conn;
    bool is_silent = c->pipe.out_len == 0 && c->pipe.sending_len == 0;
    if (c->closing == NET_OPEN && is_silent && (c->process || c->is_crash_due || c->pipe.in.len) &&
        c->stage < NET_STAGE_WRITING) {
        net_conn_refuse(c, 503, 0);
        if (c->process)
            proc_end(c->server->kernel, c->process, PROC_REASON_SHUTDOWN);
        net_conn_serve_later(c);
        return true;
    }
    if (!c->process && is_silent && c->closing != NET_CLOSING_NOW) {
        net_conn_close(c, NET_CLOSING_NOW);
        net_conn_serve_later(c);
        return false;
    }
    bool is_cut = !is_silent || (c->process && c->stage != NET_STAGE_DONE);
    net_conn_abort(c);
    return is_cut;
}

static struct net_conn *conn_new(struct net_server *server, const struct net_handler *handler, uint32_t io)
{
    struct net_conn *c = server->free_first;
    if (c)
        server->free_first = c->next_free;
    else
        c = &server->conns[server->conns_made++];
    memset(c, 0, sizeof *c);
    net_pipe_init(&c->pipe, server->kernel, io, on_event);
    c->server = server;
    c->handler = handler;
    c->is_used = true;
    c->is_first = true;
    c->timer.fire = on_timer;
    c->later.run = serve_later;
    server->counters.conns++;
    server->counters.accepted++;
    return c;
}

static void conn_begin(struct net_conn *c)
{
    struct proc_kernel *kernel = c->server->kernel;
    /* Armed for the first look at a send, so that a connection of one request sets its timer once. */
    proc_timer_set(kernel, &c->timer, proc_now_ns(kernel) + look_each_ns(c));
    expect_first(c);
}

void net_conn_open(struct net_listener *listener, uint32_t io)
{
    struct net_conn *c = conn_new(listener->server, listener->handler, io);
    conn_begin(c);
    if (receive(c))
        net_conn_serve_later(c);
}

int net_conn_attach(struct net_server *server, uint32_t io, const struct net_attach *attach)
{
    struct net_conn *c = conn_new(server, attach->handler, io);
    if (!net_pipe_preset(&c->pipe, attach->received)) {
        server->counters.accepted--;
        conn_free(c);
        return -VK_ENOMEM;
    }
    c->is_single = attach->is_single;
    c->is_first = attach->received.len == 0;
    conn_begin(c);
    net_conn_serve_later(c); /* who attaches may be anywhere in a tick */
    return 0;
}
