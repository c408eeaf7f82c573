/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its response: what the process that handles it may ask of
 * its connection, and what happens when it ends. The kernel decodes the body
 * as the process framed it and holds the process to the length it promised.
 */
#include "net/conn.h"
#include "net/reply.h"

bool net_exchange_has_body(const struct net_conn *conn)
{
    if (!conn->process || conn->stage < NET_STAGE_FRAMED || conn->is_body_bad)
        return false;
    return conn->frame & NET_FRAME_CHUNKED ? !net_chunk_is_done(&conn->chunk) : conn->body_left > 0;
}

/* ---- the request's body ------------------------------------------------------------- */

/*
 * Payload that is here into room; the framing around it is consumed on the way.
 * Returns its length, 0 when there is none yet or the body has ended, or -VK_E....
 */
static int64_t take_body(struct net_conn *c, uint8_t *room, uint32_t room_bytes)
{
    if (!(c->frame & NET_FRAME_CHUNKED)) {
        uint64_t n = c->body_left < c->pipe.in.len ? c->body_left : c->pipe.in.len;
        n = n < room_bytes ? n : room_bytes;
        if (n == 0)
            return 0;
        memcpy(room, c->pipe.in.ptr, (size_t)n);
        net_pipe_consume(&c->pipe, (uint32_t)n);
        c->body_left -= n;
        return (int64_t)n;
    }
    uint32_t taken = 0;
    while (taken < room_bytes && c->pipe.in.len) {
        /* Showing the decoder no more than there is room for keeps its payload within the room. */
        uint32_t window = c->pipe.in.len < room_bytes - taken ? c->pipe.in.len : room_bytes - taken;
        struct vk_span in = vk_span(c->pipe.in.ptr, window), data = {0};
        int rc = net_chunk_next(&c->chunk, &in, &data);
        if (rc == 0 && data.len)
            memcpy(room + taken, data.ptr, data.len);
        taken += (uint32_t)data.len;
        net_pipe_consume(&c->pipe, window - (uint32_t)in.len);
        if (rc == -VK_EAGAIN)
            continue;
        if (rc) {
            c->is_body_bad = true;
            return rc;
        }
        if (net_chunk_is_done(&c->chunk))
            break;
    }
    return taken;
}

/* The answer to a READ, or PROC_PENDING when there is nothing to say yet. */
static int read_now(struct net_conn *c, uint8_t *room, uint32_t room_bytes, struct proc_done *done)
{
    if (c->is_body_bad)
        return -VK_EMALFORMED;
    int64_t n = net_exchange_has_body(c) ? take_body(c, room, room_bytes) : 0;
    if (n < 0)
        return (int)n;
    done->len = (uint32_t)n;
    if (n > 0 || !net_exchange_has_body(c))
        return 0;
    return c->pipe.is_eof || c->pipe.is_broken ? -VK_ECLOSED : PROC_PENDING;
}

/* How much payload take_body would give, at most room_bytes; nothing is taken. */
static uint32_t count_body(const struct net_conn *c, uint32_t room_bytes)
{
    uint32_t seen = c->pipe.in.len < room_bytes ? c->pipe.in.len : room_bytes;
    if (!net_exchange_has_body(c))
        return 0;
    if (!(c->frame & NET_FRAME_CHUNKED))
        return c->body_left < seen ? (uint32_t)c->body_left : seen;
    struct net_chunk chunk = c->chunk;
    struct vk_span in = vk_span(c->pipe.in.ptr, c->pipe.in.len), data;
    uint32_t count = 0;
    while (count < room_bytes && net_chunk_next(&chunk, &in, &data) == 0 && data.len)
        count = data.len < room_bytes - count ? count + (uint32_t)data.len : room_bytes;
    return count;
}

/* The same for bytes that land: PROC_PENDING also when there is something to land. */
static int read_end(struct net_conn *c, uint32_t room_bytes, struct proc_done *done)
{
    uint8_t none[1];
    return count_body(c, room_bytes) ? PROC_PENDING : read_now(c, none, sizeof none, done);
}

static int read_landing(struct net_conn *c, struct proc_kernel *k, struct proc_req *req)
{
    int rc;
    uint32_t count = count_body(c, req->op.len);
    if (count == 0)
        return read_end(c, req->op.len, &req->done);
    uint8_t *room = proc_land(k, req, count, &rc);
    return room ? read_now(c, room, count, &req->done) : rc;
}

static void send_continue(struct net_conn *c)
{
    if (!c->owes_continue)
        return;
    c->owes_continue = false;
    if (c->pipe.in.len == 0 && c->stage == NET_STAGE_FRAMED)
        (void)net_pipe_put(&c->pipe, NET_REPLY_CONTINUE, sizeof NET_REPLY_CONTINUE - 1);
}

static int op_read(struct proc_kernel *k, struct proc_process *p, struct net_conn *c,
                   const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    const struct proc_object object = {&net_kind_exchange, c};
    int rc = c->stage == NET_STAGE_HEAD ? -VK_EPERM : net_transfer_check(&c->reader, op);
    if (rc)
        return rc;
    send_continue(c);
    rc = bytes ? read_now(c, bytes, op->len, done) : read_end(c, op->len, done);
    rc = net_transfer_begin(&c->reader, k, p, &object, op, bytes, rc);
    if (rc == PROC_PENDING && count_body(c, op->len))
        net_transfer_wake(&c->reader, k); /* it lands before the next run */
    else if (rc == PROC_PENDING)
        net_conn_expect(c, NET_WAIT_BODY, c->server->options.body_timeout_ns);
    net_conn_serve_later(c);
    return rc;
}

void net_exchange_input_came(struct net_conn *conn)
{
    if (!conn->reader.req)
        return;
    net_conn_expect_nothing(conn);
    net_transfer_wake(&conn->reader, conn->server->kernel);
}

/* ---- framing and responding -------------------------------------------------------------- */

static int op_frame(struct net_conn *c, const struct proc_op *op)
{
    const uint32_t body = NET_FRAME_LENGTH | NET_FRAME_CHUNKED;
    if (c->stage != NET_STAGE_HEAD)
        return -VK_EPERM;
    if ((op->flags & body) == body)
        return -VK_EINVAL;
    c->stage = NET_STAGE_FRAMED;
    c->is_body_bad = false;
    c->frame = op->flags;
    c->wants_close = op->flags & NET_FRAME_CLOSE;
    if (VK_UNLIKELY(op->flags & body)) {
        c->body_left = op->flags & NET_FRAME_LENGTH ? op->arg : 0;
        c->chunk = (struct net_chunk){0};
        c->owes_continue = (op->flags & NET_FRAME_EXPECT) && net_exchange_has_body(c);
    }
    return 0;
}

/* Whether input waits behind the current request: one more that the client sent before it could know. */
static bool has_next(const struct net_conn *c)
{
    return c->pipe.in.len > (c->frame & NET_FRAME_CHUNKED ? 0 : c->body_left);
}

/*
 * While draining, and of a connection that came for one request, an answer says that it is the last one,
 * though the process that wrote its head knew nothing of the end. Where a request waits already it does not:
 * the last of them will, or the connection ends when it falls silent.
 */
static bool put_last_head(struct net_conn *c, const struct proc_op *op, const uint8_t *bytes)
{
    static const char field[] = "Connection: close\r\n";
    uint32_t at = (uint32_t)net_reply_fields_at(bytes, op->len);
    bool goes_on = !c->is_single && has_next(c);
    if ((op->flags & (NET_RESPOND_CLOSE | NET_RESPOND_STREAM)) || at == 0 || goes_on)
        return net_pipe_put(&c->pipe, bytes, op->len);
    if (!net_pipe_room(&c->pipe, op->len + (uint32_t)sizeof field - 1))
        return false;
    c->wants_close = true;
    return net_pipe_put(&c->pipe, bytes, at) && net_pipe_put(&c->pipe, field, sizeof field - 1) &&
           net_pipe_put(&c->pipe, bytes + at, op->len - at);
}

static bool put_head(struct net_conn *c, const struct proc_op *op, const uint8_t *bytes)
{
    if (VK_UNLIKELY(c->server->is_draining || c->is_single))
        return put_last_head(c, op, bytes);
    return net_pipe_put(&c->pipe, bytes, op->len);
}

static int op_respond(struct net_conn *c, const struct proc_op *op, const uint8_t *bytes)
{
    const uint32_t more = NET_RESPOND_LENGTH | NET_RESPOND_CHUNKED | NET_RESPOND_STREAM;
    uint32_t how = op->flags & more;
    if (c->stage != NET_STAGE_FRAMED)
        return -VK_EPERM;
    if ((how & (how - 1)) || op->len == 0)
        return -VK_EINVAL;
    if (op->len > NET_RESPOND_MAX_BYTES)
        return -VK_ETOOBIG;
    if (VK_UNLIKELY(c->pipe.is_broken))
        return -VK_ECLOSED;
    c->head_at = c->pipe.out_len;
    if (VK_UNLIKELY(!put_head(c, op, bytes)))
        return -VK_ENOMEM;
    c->head_end = c->pipe.out_len;
    c->respond = op->flags;
    if (VK_UNLIKELY(op->flags & (NET_RESPOND_CLOSE | NET_RESPOND_STREAM)))
        c->wants_close = true;
    c->stage = NET_STAGE_DONE;
    if (VK_UNLIKELY(how && !(c->frame & NET_FRAME_HEAD))) {
        c->respond_left = op->flags & NET_RESPOND_LENGTH ? op->arg : UINT64_MAX;
        c->stage = c->respond_left ? NET_STAGE_WRITING : NET_STAGE_DONE;
    }
    net_conn_serve_later(c);
    return 0;
}

/* ---- the response's body ------------------------------------------------------------------- */

static bool put_chunk(struct net_conn *c, const uint8_t *bytes, uint32_t len)
{
    uint8_t begin[NET_CHUNK_BEGIN_MAX];
    uint32_t begin_len = (uint32_t)net_chunk_begin(begin, len);
    return net_pipe_room(&c->pipe, begin_len + len + 2) && net_pipe_put(&c->pipe, begin, begin_len) &&
           net_pipe_put(&c->pipe, bytes, len) && net_pipe_put(&c->pipe, NET_CHUNK_END, 2);
}

/* Whether whatever follows has nobody to go to: the client is gone, or asked for the head alone. */
static bool is_unwanted(const struct net_conn *c)
{
    return c->pipe.is_broken || ((c->frame & NET_FRAME_HEAD) && c->stage == NET_STAGE_DONE);
}

/* As many bytes as there is room for; PROC_PENDING when there is none. */
static int write_now(struct net_conn *c, const uint8_t *bytes, uint32_t len, struct proc_done *done)
{
    if (is_unwanted(c))
        return -VK_ECLOSED;
    if (c->stage != NET_STAGE_WRITING)
        return -VK_EPERM;
    if (len > c->respond_left)
        return -VK_ETOOBIG; /* more than it promised */
    uint32_t room = net_pipe_free(&c->pipe);
    uint32_t n = len < room ? len : room;
    if (n == 0)
        return PROC_PENDING;
    if (!(c->respond & NET_RESPOND_CHUNKED ? put_chunk(c, bytes, n) : net_pipe_put(&c->pipe, bytes, n)))
        return c->pipe.sending_len ? PROC_PENDING : -VK_ENOMEM;
    c->head_end = 0;
    if (c->respond & NET_RESPOND_LENGTH) {
        c->respond_left -= n;
        if (c->respond_left == 0)
            c->stage = NET_STAGE_DONE;
    }
    done->len = n;
    net_conn_serve_later(c);
    return 0;
}

static int op_write(struct proc_kernel *k, struct proc_process *p, struct net_conn *c,
                    const struct proc_op *op, const uint8_t *bytes, struct proc_done *done)
{
    const struct proc_object object = {&net_kind_exchange, c};
    int rc = net_transfer_check(&c->writer, op);
    if (rc)
        return rc;
    return net_transfer_begin(&c->writer, k, p, &object, op, bytes, write_now(c, bytes, op->len, done));
}

static int op_shutdown(struct net_conn *c)
{
    if (is_unwanted(c))
        return -VK_ECLOSED;
    if (c->stage != NET_STAGE_WRITING || c->respond & NET_RESPOND_LENGTH)
        return -VK_EPERM;
    if ((c->respond & NET_RESPOND_CHUNKED) &&
        !net_pipe_put(&c->pipe, NET_CHUNK_LAST, sizeof NET_CHUNK_LAST - 1))
        return -VK_ENOMEM;
    c->stage = NET_STAGE_DONE;
    net_conn_serve_later(c);
    return 0;
}

void net_exchange_broken(struct net_conn *conn)
{
    struct net_conn *c = conn;
    net_conn_close(c, NET_CLOSING_FLUSH);
    net_pipe_drop_output(&c->pipe);
    /* Nobody is left to answer: the handler's work is of no more use, unless it wants to know. */
    if (c->process && c->stage == NET_STAGE_WRITING && (c->respond & NET_RESPOND_TELL))
        net_transfer_end(&c->writer, c->server->kernel, -VK_ECLOSED);
    else if (c->process)
        proc_end(c->server->kernel, c->process, PROC_REASON_SHUTDOWN);
}

/* ---- the handle ---------------------------------------------------------------------------------- */

static int exchange_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                       const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    struct net_conn *c = object;
    switch (op->code) {
    case PROC_OP_HTTP_FRAME:
        return op_frame(c, op);
    case PROC_OP_HTTP_RESPOND:
        return op_respond(c, op, bytes);
    case PROC_OP_READ:
        return op_read(kernel, process, c, op, bytes, done);
    case PROC_OP_WRITE:
        return op_write(kernel, process, c, op, bytes, done);
    case PROC_OP_SHUTDOWN:
        return op_shutdown(c);
    default:
        return -VK_ENOTSUP;
    }
}

static void exchange_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    (void)kernel;
    struct net_conn *c = req->object;
    bool is_read = req->op.code == PROC_OP_READ;
    if (net_transfer_cancel(is_read ? &c->reader : &c->writer, req) && is_read)
        net_conn_expect_nothing(c);
}

static int exchange_deliver(struct proc_kernel *kernel, struct proc_req *req, uint8_t *bytes)
{
    struct net_conn *c = req->object;
    int rc;
    if (req->op.code == PROC_OP_READ) {
        rc = bytes ? read_now(c, bytes, req->op.len, &req->done) : read_landing(c, kernel, req);
        rc = net_transfer_deliver(&c->reader, kernel, req, bytes, rc);
        if (rc == PROC_PENDING) /* only framing had come */
            net_conn_expect(c, NET_WAIT_BODY, c->server->options.body_timeout_ns);
    } else {
        rc = bytes ? write_now(c, bytes, req->op.len, &req->done) : -VK_EFAULT;
        rc = net_transfer_deliver(&c->writer, kernel, req, bytes, rc);
    }
    net_conn_serve_later(c);
    return rc;
}

/* Read and drop what is left of the body, when that is little and here. false: the connection cannot go on.
 */
static bool skip_body(struct net_conn *c)
{
    uint8_t sink[512];
    for (uint32_t n = 0; n < NET_DISCARD_MAX_BYTES && net_exchange_has_body(c); n += sizeof sink)
        if (take_body(c, sink, sizeof sink) <= 0)
            break;
    return !net_exchange_has_body(c) && !c->is_body_bad;
}

/* What a request gets whose process ended without an answer: its own fault, or the client's. */
static uint32_t refusal_of(const struct net_conn *c, const struct proc_process *process)
{
    if (!c->is_body_bad || proc_end_reason(process) != PROC_REASON_NORMAL)
        return 500;
    return (c->frame & NET_FRAME_CHUNKED) && c->chunk.state == NET_CHUNK_BIG ? 431 : 400;
}

/*
 * A fault ended the first run, and what that said of its request was not taken: known are the method, and
 * that nothing behind this request can be told apart.
 */
static void frame_unknown(struct net_conn *c)
{
    const struct proc_op frame = {
        .code = PROC_OP_HTTP_FRAME,
        .flags = (uint16_t)(NET_FRAME_CLOSE | NET_FRAME_UNKNOWN | (c->is_head ? NET_FRAME_HEAD : 0)),
    };
    int rc = op_frame(c, &frame);
    vk_assert(rc == 0);
    c->body_left = 0;
}

/*
 * The process died: whether another one is to answer for it, which is started
 * when nothing of this one runs any more. Never for one that answers already.
 */
static bool plan_crash(struct net_conn *c, struct proc_kernel *kernel, const struct proc_process *process)
{
    if (!c->handler->crash || c->is_crash || c->stage > NET_STAGE_FRAMED || c->closing != NET_OPEN ||
        c->pipe.is_broken || !proc_crash_id(process))
        return false;
    if (c->stage == NET_STAGE_HEAD)
        frame_unknown(c);
    struct vk_span words = proc_end_words(kernel, process);
    c->crash_id = proc_crash_id(process);
    c->words_len = (uint32_t)words.len;
    if (vk_bufs_get(proc_kernel_bufs(kernel), PROC_WORDS_MAX_BYTES, &c->words))
        vk_copy(c->words.ptr, words.ptr, words.len);
    c->is_crash_due = true;
    return true;
}

/*
 * A process that crashed has begun a response of which nothing has left, and
 * no body followed: it is as if it had not begun, so that the crash is answered.
 */
static void take_head_back(struct net_conn *c, const struct proc_process *process)
{
    if (c->stage != NET_STAGE_WRITING || !c->head_end || c->pipe.out_len != c->head_end ||
        !proc_crash_id(process))
        return;
    c->pipe.out_len = c->head_at;
    c->wants_close = c->frame & NET_FRAME_CLOSE;
    c->respond = 0;
    c->stage = NET_STAGE_FRAMED;
}

/* A body that does not come, or an answer that nobody takes. */
static bool exchange_keeps_waiting(struct proc_kernel *kernel, void *object)
{
    struct net_conn *c = object;
    (void)kernel;
    if (!c->reader.req && !c->reader.is_due && !c->writer.req && !c->writer.is_due)
        return false;
    net_conn_too_slow(c);
    return true;
}

/* The process is gone, or gave the handle up: finish what it left. */
static void exchange_release(struct proc_kernel *kernel, void *object, struct proc_process *process)
{
    struct net_conn *c = object;
    take_head_back(c, process);
    if (VK_UNLIKELY(plan_crash(c, kernel, process))) {
        c->process = NULL;
        c->reader = (struct net_transfer){0};
        c->writer = (struct net_transfer){0};
        c->server->counters.busy--;
        net_conn_serve_later(c);
        return;
    }
    bool is_clean = c->stage >= NET_STAGE_FRAMED && !(c->frame & NET_FRAME_UNKNOWN) &&
                    (!(c->frame & (NET_FRAME_LENGTH | NET_FRAME_CHUNKED)) || skip_body(c));
    uint8_t stage = c->stage;
    c->process = NULL;
    c->reader = (struct net_transfer){0};
    c->writer = (struct net_transfer){0};
    c->stage = NET_STAGE_IDLE;
    c->server->counters.busy--;
    if (VK_UNLIKELY(c->closing != NET_OPEN || c->pipe.is_broken)) {
        net_conn_close(c, NET_CLOSING_FLUSH);
    } else if (VK_UNLIKELY(stage == NET_STAGE_WRITING)) {
        /*
         * The peer misses the last chunk, or a part of the length. One of HTTP/1.0, to
         * which the end of the connection says that the body is complete, cannot know; a
         * reset would tell it, and might destroy what was written before.
         */
        net_conn_close(c, NET_CLOSING_LINGER);
    } else if (VK_UNLIKELY(stage != NET_STAGE_DONE)) {
        net_conn_refuse(c, refusal_of(c, process), proc_crash_id(process));
    } else if (c->wants_close) {
        /* A client that did not ask for the end may have sent more: read on, or it resets the answer. */
        bool is_asked = is_clean && c->pipe.in.len == 0 && (c->frame & NET_FRAME_CLOSE);
        net_conn_close(c, is_asked ? NET_CLOSING_FLUSH : NET_CLOSING_LINGER);
    } else if (!is_clean) {
        net_conn_close(c, NET_CLOSING_LINGER);
    }
    net_conn_serve_later(c);
}

const struct proc_kind net_kind_exchange = {
    .name = "http exchange",
    .lands = true,
    .op = exchange_op,
    .cancel = exchange_cancel,
    .deliver = exchange_deliver,
    .keeps_waiting = exchange_keeps_waiting,
    .release = exchange_release,
};
