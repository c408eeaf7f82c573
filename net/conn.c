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

static int submit(struct net_conn *c, struct proc_io_req *req, enum net_conn_event kind)
{
    req->conn = c->io;
    req->tag = proc_tag(&c->sink, kind);
    int rc = c->server->io->ops->submit(c->server->io, req);
    if (VK_LIKELY(rc == 0))
        c->ops++;
    return rc;
}

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

static void expect_nothing(struct net_conn *c)
{
    c->wait = NET_WAIT_PROCESS;
    c->deadline_ns = UINT64_MAX;
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
        if (c->stage >= NET_STAGE_WRITING)
            net_conn_abort(c);
        else if (c->process || c->in.len)
            net_conn_refuse(c, 408, 0);
        else
            net_conn_close(c, NET_CLOSING_FLUSH); /* it never said anything */
        if (c->process)
            proc_end(c->server->kernel, c->process, PROC_REASON_SHUTDOWN);
        break;
    case NET_WAIT_IDLE:
        net_conn_close(c, NET_CLOSING_FLUSH);
        break;
    case NET_WAIT_LINGER:
        net_conn_abort(c);
        break;
    case NET_WAIT_PROCESS:
        break;
    }
}

static void on_timer(struct proc_kernel *kernel, struct proc_timer *timer)
{
    struct net_conn *c = VK_CONTAINER(timer, struct net_conn, timer);
    uint64_t now_ns = proc_now_ns(kernel);
    uint64_t write_ns = c->sending_len ? c->sent_ns + c->server->options.write_timeout_ns : UINT64_MAX;
    if (now_ns >= write_ns)
        net_conn_abort(c);
    else if (now_ns >= c->deadline_ns)
        timed_out(c);
    else if (earlier(write_ns, c->deadline_ns) != UINT64_MAX)
        proc_timer_set(kernel, timer, earlier(write_ns, c->deadline_ns));
    net_conn_serve_later(c);
}

/* ---- output ----------------------------------------------------------------------- */

bool net_conn_room(struct net_conn *conn, uint32_t len)
{
    struct net_conn *c = conn;
    if (VK_LIKELY(c->out_len + len <= c->out.cap_bytes))
        return true;
    struct vk_bufs *bufs = proc_kernel_bufs(c->server->kernel);
    uint32_t need = c->out_len + len;
    struct vk_buf bigger;
    /* More input is waiting: its answers will want room too. */
    if (!vk_bufs_get(bufs, c->in.len ? need * 4 : need, &bigger) && !vk_bufs_get(bufs, need, &bigger))
        return false;
    if (c->out_len)
        memcpy(bigger.ptr, c->out.ptr, c->out_len);
    vk_bufs_put(bufs, &c->out);
    c->out = bigger;
    return true;
}

bool net_conn_put(struct net_conn *conn, const void *bytes, uint32_t len)
{
    if (VK_UNLIKELY(!net_conn_room(conn, len)))
        return false;
    memcpy(conn->out.ptr + conn->out_len, bytes, len);
    conn->out_len += len;
    return true;
}

static void drop_output(struct net_conn *c)
{
    vk_bufs_put(proc_kernel_bufs(c->server->kernel), &c->out);
    c->out_len = 0;
}

static void send_output(struct net_conn *c)
{
    if (c->sending_len || !c->out_len || c->is_broken)
        return;
    struct proc_io_req req = {.code = PROC_IO_SEND, .buf = c->out.ptr, .len = c->out_len};
    int rc = submit(c, &req, NET_EVENT_SEND);
    if (VK_UNLIKELY(rc)) {
        net_conn_serve_later(c); /* too many in flight: after the next wait */
        return;
    }
    c->sending = c->out;
    c->sending_len = c->out_len;
    c->sent_ns = proc_now_ns(c->server->kernel);
    c->out = (struct vk_buf){0};
    c->out_len = 0;
    uint64_t stall_ns = c->sent_ns + c->server->options.write_timeout_ns;
    if (!vk_timer_is_armed(&c->timer.timer))
        proc_timer_set(c->server->kernel, &c->timer, stall_ns);
}

static void on_sent(struct net_conn *c, const struct proc_io_event *event)
{
    c->sending_len = 0;
    vk_bufs_put(proc_kernel_bufs(c->server->kernel), &c->sending);
    if (VK_UNLIKELY(event->res < 0)) {
        net_exchange_broken(c);
        return;
    }
    if (VK_UNLIKELY(c->writer != NULL))
        net_exchange_room_came(c);
}

/* ---- input -------------------------------------------------------------------------- */

void net_conn_consume(struct net_conn *conn, uint32_t len)
{
    vk_assert_slow(len <= conn->in.len);
    conn->in.ptr += len;
    conn->in.len -= len;
}

/* Room for more_bytes behind what is there, in a buffer of our own. */
static bool own_input(struct net_conn *c, uint32_t more_bytes)
{
    struct net_input *in = &c->in;
    struct vk_bufs *bufs = proc_kernel_bufs(c->server->kernel);
    uint32_t need = in->len + more_bytes;
    if (in->buf.cap_bytes >= need) {
        if (in->len && in->ptr != in->buf.ptr && in->ptr + need > in->buf.ptr + in->buf.cap_bytes) {
            memmove(in->buf.ptr, in->ptr, in->len);
            in->ptr = in->buf.ptr;
        } else if (!in->len) {
            in->ptr = in->buf.ptr;
        }
        return true;
    }
    struct vk_buf bigger;
    if (!vk_bufs_get(bufs, need, &bigger))
        return false;
    memcpy(bigger.ptr, in->ptr, in->len);
    vk_bufs_put(bufs, &in->buf);
    in->buf = bigger;
    in->ptr = bigger.ptr;
    return true;
}

/* Before an event ends: what was borrowed from the driver becomes ours, and an empty buffer is given back. */
static bool keep_input(struct net_conn *c)
{
    struct net_input *in = &c->in;
    if (VK_LIKELY(in->len == 0)) {
        if (VK_UNLIKELY(in->buf.cap_bytes))
            vk_bufs_put(proc_kernel_bufs(c->server->kernel), &in->buf);
        in->ptr = NULL;
        return true;
    }
    return in->buf.cap_bytes || own_input(c, 0);
}

static bool add_input(struct net_conn *c, const uint8_t *data, uint32_t len)
{
    struct net_input *in = &c->in;
    if (VK_LIKELY(in->len == 0)) {
        if (VK_UNLIKELY(in->buf.cap_bytes))
            vk_bufs_put(proc_kernel_bufs(c->server->kernel), &in->buf);
        in->ptr = data;
        in->len = len;
        return true;
    }
    if (!own_input(c, len))
        return false;
    memcpy(in->buf.ptr + (in->ptr - in->buf.ptr) + in->len, data, len);
    in->len += len;
    return true;
}

static void receive(struct net_conn *c)
{
    if (c->recv != NET_RECV_NONE) {
        if (VK_UNLIKELY(c->in.len >= NET_INPUT_PAUSE_BYTES && c->recv == NET_RECV_MULTI)) {
            c->server->io->ops->cancel(c->server->io, proc_tag(&c->sink, NET_EVENT_RECV));
            c->recv = NET_RECV_CANCELED;
        }
        return;
    }
    if (c->is_eof || c->is_broken ||
        c->in.len >= (c->process ? NET_INPUT_RESUME_BYTES : NET_INPUT_PAUSE_BYTES))
        return;
    /*
     * The first receive finds its bytes already there, since accepting is
     * deferred, and a body is taken piece by piece: both without an operation
     * that would have to be canceled.
     */
    bool once = c->is_first || net_exchange_has_body(c);
    struct proc_io_req req = {.code = PROC_IO_RECV, .flags = once ? 0 : PROC_IO_MULTI};
    if (submit(c, &req, NET_EVENT_RECV))
        net_conn_serve_later(c);
    else
        c->recv = once ? NET_RECV_ONCE : NET_RECV_MULTI;
}

static void on_recv(struct net_conn *c, const struct proc_io_event *event)
{
    if (!(event->flags & PROC_IO_MORE))
        c->recv = NET_RECV_NONE;
    c->is_first = false;
    if (VK_LIKELY(event->res > 0)) {
        if (c->closing >= NET_CLOSING_LINGER)
            return; /* read only so that the peer can read our answer */
        if (VK_UNLIKELY(!add_input(c, event->data, (uint32_t)event->res))) {
            net_server_complain(c->server, "out of input buffers");
            net_conn_abort(c);
        } else if (VK_UNLIKELY(c->process != NULL)) {
            net_exchange_input_came(c);
        }
        return;
    }
    if (event->res == 0) {
        c->is_eof = true;
        if (c->process)
            net_exchange_input_came(c);
    } else if (event->res != -VK_ECANCELED && event->res != -VK_EAGAIN) {
        net_exchange_broken(c);
    }
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
    (void)net_conn_put(conn, room, (uint32_t)len); /* without a buffer it just closes */
    net_conn_close(conn, NET_CLOSING_LINGER);
}

static void overloaded(struct net_conn *c, int err)
{
    net_server_complain(c->server, err == -VK_ETOOBIG ? "a request head does not fit the program's heap"
                                                      : "out of processes or slots, answering 503");
    c->server->counters.overload++;
    net_conn_refuse(c, err == -VK_ETOOBIG ? 431 : 503, 0);
}

/* Start the process of the request whose head is in[start .. head_len-1], and run it. */
static void start_request(struct net_conn *c, uint32_t head_len)
{
    struct net_server *s = c->server;
    const struct proc_spawn spawn = {
        .program = s->options.program,
        .arg = c->in.ptr + c->scan.start,
        .arg_len = head_len - c->scan.start,
        .origin = {&net_kind_exchange, c},
        .env = s->options.env,
        .deadline_ns = s->options.deadline_ns ? proc_now_ns(s->kernel) + s->options.deadline_ns : 0,
    };
    int rc = proc_spawn(s->kernel, &spawn, &c->process);
    if (VK_UNLIKELY(rc)) {
        c->process = NULL;
        overloaded(c, rc);
        return;
    }
    net_conn_consume(c, head_len);
    c->scan = (struct net_scan){0};
    c->stage = NET_STAGE_HEAD;
    c->frame = 0;
    c->respond = 0;
    s->counters.requests++;
    s->counters.busy++;
    proc_run_now(s->kernel, c->process);
}

/* What the connection waits for now that no request can be started. */
static void expect_next(struct net_conn *c)
{
    const struct net_server_options *o = &c->server->options;
    if (c->process) {
        if (c->wait != NET_WAIT_BODY)
            expect_nothing(c);
    } else if (c->in.len == 0) {
        net_conn_expect(c, NET_WAIT_IDLE, o->idle_timeout_ns);
    } else if (c->wait != NET_WAIT_HEAD) {
        net_conn_expect(c, NET_WAIT_HEAD, o->head_timeout_ns); /* from its first byte on, whatever follows */
    }
}

/* Returns true when complete requests may be left, whose turn comes later. */
static bool start_requests(struct net_conn *c)
{
    for (uint32_t n = 0; c->closing == NET_OPEN && !c->process && c->in.len; n++) {
        if (VK_UNLIKELY(c->out_len >= NET_OUTPUT_MAX_BYTES))
            return true; /* the peer does not read: its next requests wait until it does */
        if (VK_UNLIKELY(n == NET_REQUESTS_PER_TURN)) {
            proc_later(c->server->kernel, &c->later);
            return true;
        }
        size_t head_len;
        int rc = net_scan_head(&c->scan, c->in.ptr, c->in.len, &head_len);
        if (rc == -VK_EAGAIN)
            break;
        if (VK_UNLIKELY(rc)) {
            net_conn_refuse(c, net_scan_status(&c->scan, c->in.ptr, c->in.len, rc), 0);
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
    if (conn->closing == NET_CLOSING_NOW)
        return;
    conn->is_broken = true;
    conn->closing = NET_CLOSING_NOW;
    drop_output(conn);
    struct proc_io_req req = {.code = PROC_IO_CLOSE, .flags = PROC_IO_ABORT};
    (void)submit(conn, &req, NET_EVENT_CLOSE);
    if (conn->process)
        net_exchange_broken(conn);
}

static void close_now(struct net_conn *c)
{
    struct proc_io_req req = {.code = PROC_IO_CLOSE};
    if (submit(c, &req, NET_EVENT_CLOSE))
        net_conn_serve_later(c);
    else
        c->closing = NET_CLOSING_NOW;
}

/* The next step towards the end, when there is one. */
static void close_on(struct net_conn *c)
{
    if (c->closing == NET_OPEN || c->closing == NET_CLOSING_NOW || c->process || c->out_len)
        return;
    if (c->is_broken || c->is_eof || c->closing == NET_CLOSING_FLUSH) {
        close_now(c); /* after pending sends */
        return;
    }
    if (!c->is_shut) {
        struct proc_io_req req = {.code = PROC_IO_SHUTDOWN};
        if (submit(c, &req, NET_EVENT_SHUTDOWN)) {
            close_now(c);
            return;
        }
        c->is_shut = true;
        net_conn_expect(c, NET_WAIT_LINGER, NET_LINGER_TIMEOUT_NS);
    }
    c->in.len = 0;
}

static void conn_free(struct net_conn *c)
{
    struct vk_bufs *bufs = proc_kernel_bufs(c->server->kernel);
    vk_bufs_put(bufs, &c->in.buf);
    vk_bufs_put(bufs, &c->out);
    vk_bufs_put(bufs, &c->sending);
    c->in.len = 0;
    proc_timer_clear(c->server->kernel, &c->timer);
    net_server_conn_gone(c);
}

/* ---- what ties it together ---------------------------------------------------------------------- */

void net_conn_serve(struct net_conn *conn)
{
    struct net_conn *c = conn;
    if (c->closing == NET_CLOSING_NOW) {
        if (c->ops == 0 && !c->process && c->is_used && !c->later.queued)
            conn_free(c);
        return;
    }
    c->is_serving = true;
    bool is_stalled = start_requests(c);
    c->is_serving = false;
    if (VK_UNLIKELY(c->is_eof || (c->server->is_draining && !c->in.len)) && !c->process && !is_stalled)
        net_conn_close(c, NET_CLOSING_FLUSH);
    send_output(c);
    if (VK_UNLIKELY(c->closing != NET_OPEN))
        close_on(c);
    if (c->closing != NET_CLOSING_NOW && c->closing != NET_CLOSING_FLUSH)
        receive(c);
    if (VK_UNLIKELY(!keep_input(c)))
        net_conn_abort(c);
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

static void on_event(struct proc_kernel *kernel, struct proc_sink *sink, uint32_t kind,
                     const struct proc_io_event *event)
{
    (void)kernel;
    struct net_conn *c = VK_CONTAINER(sink, struct net_conn, sink);
    if (!(event->flags & PROC_IO_MORE))
        c->ops--;
    if (kind == NET_EVENT_RECV)
        on_recv(c, event);
    else if (kind == NET_EVENT_SEND)
        on_sent(c, event);
    net_conn_serve(c);
}

void net_conn_open(struct net_server *server, uint32_t io)
{
    struct net_conn *c = server->free_first;
    if (c)
        server->free_first = c->next_free;
    else
        c = &server->conns[server->conns_made++];
    memset(c, 0, sizeof *c);
    c->sink.on_event = on_event;
    c->server = server;
    c->io = io;
    c->is_used = true;
    c->is_first = true;
    c->timer.fire = on_timer;
    c->later.run = serve_later;
    server->counters.conns++;
    server->counters.accepted++;
    net_conn_expect(c, NET_WAIT_HEAD, server->options.head_timeout_ns);
    receive(c);
}
