/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pipe.h"

void net_pipe_init(struct net_pipe *pipe, struct proc_kernel *kernel, uint32_t io, proc_sink_fn on_event)
{
    memset(pipe, 0, sizeof *pipe);
    pipe->sink.on_event = on_event;
    pipe->kernel = kernel;
    pipe->io = io;
}

void net_pipe_fini(struct net_pipe *pipe)
{
    struct vk_bufs *bufs = proc_kernel_bufs(pipe->kernel);
    vk_assert(pipe->ops == 0);
    vk_bufs_put(bufs, &pipe->in.buf);
    vk_bufs_put(bufs, &pipe->out);
    vk_bufs_put(bufs, &pipe->sending);
    pipe->in.len = 0;
    pipe->out_len = 0;
}

static int submit(struct net_pipe *pipe, struct proc_io_req *req, enum net_pipe_op kind)
{
    struct proc_io *io = proc_kernel_io(pipe->kernel);
    req->conn = pipe->io;
    req->tag = proc_tag(&pipe->sink, kind);
    int rc = io->ops->submit(io, req);
    if (VK_LIKELY(rc == 0))
        pipe->ops++;
    return rc;
}

int net_pipe_submit(struct net_pipe *pipe, uint8_t code, enum net_pipe_op kind)
{
    struct proc_io_req req = {.code = code};
    int rc = submit(pipe, &req, kind);
    if (rc == 0 && code == PROC_IO_SHUTDOWN)
        pipe->is_shut = true;
    return rc;
}

/* ---- input ----------------------------------------------------------------------- */

/* Room for more_bytes behind what is there, in a buffer of our own. */
static bool own_input(struct net_pipe *pipe, uint32_t more_bytes)
{
    struct net_input *in = &pipe->in;
    struct vk_bufs *bufs = proc_kernel_bufs(pipe->kernel);
    uint32_t need = in->len + more_bytes;
    if (in->buf.cap_bytes >= need) {
        if (in->ptr + need > in->buf.ptr + in->buf.cap_bytes) {
            memmove(in->buf.ptr, in->ptr, in->len);
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

bool net_pipe_preset(struct net_pipe *pipe, struct vk_span bytes)
{
    struct net_input *in = &pipe->in;
    in->ptr = bytes.ptr;
    in->len = (uint32_t)bytes.len;
    return net_pipe_keep(pipe);
}

bool net_pipe_keep_slow(struct net_pipe *pipe)
{
    struct net_input *in = &pipe->in;
    if (pipe->recv == NET_RECV_LARGE || (in->len > 0 && (in->buf.cap_bytes || own_input(pipe, 0))))
        return true;
    bool is_kept = in->len == 0;
    in->len = 0; /* without a buffer it is gone with the event */
    vk_bufs_put(proc_kernel_bufs(pipe->kernel), &in->buf);
    in->ptr = NULL;
    return is_kept;
}

static bool add_input(struct net_pipe *pipe, const uint8_t *data, uint32_t len)
{
    struct net_input *in = &pipe->in;
    if (VK_LIKELY(in->len == 0)) {
        vk_bufs_put(proc_kernel_bufs(pipe->kernel), &in->buf);
        in->ptr = data;
        in->len = len;
        return true;
    }
    if (!own_input(pipe, len))
        return false;
    memcpy(in->buf.ptr + (in->ptr - in->buf.ptr) + in->len, data, len);
    in->len += len;
    return true;
}

static int receive(struct net_pipe *pipe, bool once)
{
    struct proc_io_req req = {.code = PROC_IO_RECV, .flags = once ? 0 : PROC_IO_MULTI};
    int rc = submit(pipe, &req, NET_PIPE_RECV);
    if (VK_LIKELY(rc == 0))
        pipe->recv = once ? NET_RECV_ONCE : NET_RECV_MULTI;
    return rc;
}

/*
 * What is there, at once, into a buffer of our own, which is held no longer
 * than that takes: a peer that sends nothing holds none.
 */
static int receive_large(struct net_pipe *pipe)
{
    struct net_input *in = &pipe->in;
    struct vk_buf room;
    if (in->len > 0)
        return 0; /* it is called again when that is consumed */
    if (!vk_bufs_get(proc_kernel_bufs(pipe->kernel), NET_INPUT_LARGE_BYTES, &room))
        return receive(pipe, true);
    struct proc_io_req req = {.code = PROC_IO_RECV_INTO, .buf = room.ptr, .len = NET_INPUT_LARGE_BYTES};
    int rc = submit(pipe, &req, NET_PIPE_RECV);
    vk_bufs_put(proc_kernel_bufs(pipe->kernel), rc ? &room : &in->buf);
    if (VK_UNLIKELY(rc))
        return rc;
    in->buf = room;
    pipe->recv = NET_RECV_LARGE;
    return 0;
}

int net_pipe_receive(struct net_pipe *pipe, bool once, uint32_t limit_bytes)
{
    struct proc_io *io = proc_kernel_io(pipe->kernel);
    if (VK_LIKELY(pipe->recv != NET_RECV_NONE)) {
        if (VK_UNLIKELY(pipe->in.len >= NET_INPUT_PAUSE_BYTES && pipe->recv == NET_RECV_MULTI)) {
            io->ops->cancel(io, proc_tag(&pipe->sink, NET_PIPE_RECV));
            pipe->recv = NET_RECV_CANCELED;
        }
        return 0;
    }
    if (pipe->is_eof || pipe->is_broken || pipe->is_closed || pipe->in.len >= limit_bytes)
        return 0;
    if (VK_UNLIKELY(once && pipe->is_ready))
        return receive_large(pipe);
    return receive(pipe, once);
}

static enum net_pipe_news on_recv(struct net_pipe *pipe, const struct proc_io_event *event)
{
    bool is_large = pipe->recv == NET_RECV_LARGE;
    pipe->is_ready = event->flags & PROC_IO_READY;
    if (!(event->flags & PROC_IO_MORE))
        pipe->recv = NET_RECV_NONE;
    if (VK_UNLIKELY(is_large && event->res > 0)) {
        pipe->in.ptr = pipe->in.buf.ptr;
        pipe->in.len = (uint32_t)event->res;
        return NET_PIPE_INPUT;
    }
    if (VK_LIKELY(event->res > 0))
        return add_input(pipe, event->data, (uint32_t)event->res) ? NET_PIPE_INPUT : NET_PIPE_NO_BUFFERS;
    if (event->res == 0) {
        pipe->is_eof = true;
        return NET_PIPE_EOF;
    }
    if (event->res == -VK_ECANCELED || event->res == -VK_EAGAIN)
        return NET_PIPE_NOTHING;
    pipe->is_broken = true;
    return NET_PIPE_BROKEN;
}

/* ---- output ------------------------------------------------------------------------ */

bool net_pipe_room_slow(struct net_pipe *pipe, uint32_t len)
{
    struct vk_bufs *bufs = proc_kernel_bufs(pipe->kernel);
    uint32_t need = pipe->out_len + len;
    struct vk_buf bigger;
    /* More input is waiting: what it causes will want room too. */
    if (!vk_bufs_get(bufs, pipe->in.len ? need * 4 : need, &bigger) && !vk_bufs_get(bufs, need, &bigger))
        return false;
    if (pipe->out_len)
        memcpy(bigger.ptr, pipe->out.ptr, pipe->out_len);
    vk_bufs_put(bufs, &pipe->out);
    pipe->out = bigger;
    return true;
}

void net_pipe_drop_output(struct net_pipe *pipe)
{
    vk_bufs_put(proc_kernel_bufs(pipe->kernel), &pipe->out);
    pipe->out_len = 0;
}

int net_pipe_send(struct net_pipe *pipe)
{
    if (pipe->sending_len || !pipe->out_len || pipe->is_broken || pipe->is_closed)
        return 0;
    struct proc_io_req req = {.code = PROC_IO_SEND, .buf = pipe->out.ptr, .len = pipe->out_len};
    int rc = submit(pipe, &req, NET_PIPE_SEND);
    if (VK_UNLIKELY(rc))
        return rc;
    pipe->sending = pipe->out;
    pipe->sending_len = pipe->out_len;
    pipe->moved_ns = proc_now_ns(pipe->kernel);
    pipe->out = (struct vk_buf){0};
    pipe->out_len = 0;
    return 0;
}

static enum net_pipe_news on_sent(struct net_pipe *pipe, const struct proc_io_event *event)
{
    pipe->sending_len = 0;
    vk_bufs_put(proc_kernel_bufs(pipe->kernel), &pipe->sending);
    if (VK_LIKELY(event->res >= 0))
        return NET_PIPE_SENT;
    pipe->is_broken = true;
    net_pipe_drop_output(pipe);
    return NET_PIPE_BROKEN;
}

uint64_t net_pipe_look(struct net_pipe *pipe, uint64_t limit_ns, bool *ret_is_stalled)
{
    struct proc_io *io = proc_kernel_io(pipe->kernel);
    uint64_t now_ns = proc_now_ns(pipe->kernel);
    *ret_is_stalled = false;
    if (!pipe->sending_len)
        return UINT64_MAX;
    uint64_t taken = io->ops->taken(io, pipe->io);
    if (taken != pipe->taken) {
        pipe->taken = taken;
        pipe->moved_ns = now_ns;
    }
    uint64_t end_ns = pipe->moved_ns + limit_ns;
    uint64_t next_ns = now_ns + limit_ns / NET_PIPE_LOOKS;
    *ret_is_stalled = now_ns >= end_ns;
    return next_ns < end_ns ? next_ns : end_ns;
}

int net_pipe_close(struct net_pipe *pipe, uint32_t flags)
{
    bool abort = flags & PROC_IO_ABORT;
    if (pipe->is_closed && (!abort || pipe->is_aborted))
        return 0;
    struct proc_io_req req = {.code = PROC_IO_CLOSE, .flags = (uint8_t)flags};
    int rc = submit(pipe, &req, abort ? NET_PIPE_ABORT : NET_PIPE_CLOSE);
    if (rc == -VK_EBADH && pipe->is_closed)
        rc = 0; /* the one in order is done already, its completion on the way */
    if (rc)
        return rc;
    pipe->is_closed = true;
    pipe->is_aborted = pipe->is_aborted || abort;
    if (abort)
        pipe->is_broken = true;
    net_pipe_drop_output(pipe);
    return 0;
}

enum net_pipe_news net_pipe_event(struct net_pipe *pipe, uint32_t kind, const struct proc_io_event *event)
{
    if (!(event->flags & PROC_IO_MORE))
        pipe->ops--;
    switch (kind) {
    case NET_PIPE_RECV:
        return on_recv(pipe, event);
    case NET_PIPE_SEND:
        return on_sent(pipe, event);
    case NET_PIPE_CONNECT:
        pipe->is_broken = event->res < 0;
        return NET_PIPE_CONNECTED;
    default:
        return NET_PIPE_NOTHING;
    }
}
