/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipe: one connection of the driver with the bytes that came in and are
 * not consumed, and the bytes that gather to go out. What HTTP connections
 * and raw streams have in common; it knows no protocol and no process.
 *
 * Its owner embeds it, gives it the completions of its sink, and calls keep
 * before it returns from one: until then input may be borrowed from the driver.
 */
#ifndef NET_PIPE_H
#define NET_PIPE_H

#include "proc/service.h"

/* Kinds of completions of a pipe's sink: the low bits of a tag. */
enum net_pipe_op {
    NET_PIPE_RECV,
    NET_PIPE_SEND,
    NET_PIPE_SHUTDOWN,
    NET_PIPE_CLOSE,
    NET_PIPE_CONNECT,
    NET_PIPE_ABORT, /* a CLOSE that hurries another */
};

/* What a completion meant. */
enum net_pipe_news {
    NET_PIPE_NOTHING,
    NET_PIPE_INPUT,  /* in has more bytes */
    NET_PIPE_EOF,    /* the peer sends no more */
    NET_PIPE_SENT,   /* there is room for more output */
    NET_PIPE_BROKEN, /* reset or failed: nothing can be sent any more */
    NET_PIPE_CONNECTED,
    NET_PIPE_NO_BUFFERS, /* input had to be dropped: abort it */
};

enum net_pipe_recv {
    NET_RECV_NONE,
    NET_RECV_ONCE,
    NET_RECV_MULTI,
    NET_RECV_CANCELED, /* its final completion is under way */
    NET_RECV_LARGE,    /* once, into in.buf, which is the driver's meanwhile; in.len is 0 */
};

/*
 * Input not consumed yet. ptr is either inside buf, or borrowed from the
 * driver (buf empty) and then valid only while an event is handled.
 */
struct net_input {
    const uint8_t *ptr;
    uint32_t len;
    struct vk_buf buf;
};

struct net_pipe {
    struct proc_sink sink;
    struct proc_kernel *kernel;
    uint32_t io;  /* the driver's number */
    uint16_t ops; /* operations whose final completion is to come, CLOSE among them */
    uint8_t recv; /* enum net_pipe_recv */
    bool is_eof;
    bool is_ready; /* the driver says that more input is there than it gave */
    bool is_broken;
    bool is_shut;    /* SHUTDOWN was submitted */
    bool is_closed;  /* CLOSE was submitted */
    bool is_aborted; /* ... with ABORT */

    struct net_input in;
    struct vk_buf out; /* gathers */
    uint32_t out_len;
    uint32_t sending_len;
    struct vk_buf sending; /* belongs to the driver while sending_len > 0 */
    uint64_t moved_ns;     /* when the send under way began, or its peer was last seen to have taken bytes */
    uint64_t taken;        /* the driver's word for what the peer took, at the last look */
};

void net_pipe_init(struct net_pipe *pipe, struct proc_kernel *kernel, uint32_t io, proc_sink_fn on_event);
/* Gives the buffers back; no operation may be in flight. */
void net_pipe_fini(struct net_pipe *pipe);

/* Take a completion in. Counts ops down. */
enum net_pipe_news net_pipe_event(struct net_pipe *pipe, uint32_t kind, const struct proc_io_event *event);

/* Submit SHUTDOWN or CONNECT. As the driver's submit. */
int net_pipe_submit(struct net_pipe *pipe, uint8_t code, enum net_pipe_op kind);

/* ---- input ---- */

VK_INLINE void net_pipe_consume(struct net_pipe *pipe, uint32_t len)
{
    vk_assert_slow(len <= pipe->in.len);
    pipe->in.ptr += len;
    pipe->in.len -= len;
}

/* Bytes that were received elsewhere; nothing has been yet. They are copied. false: no buffer. */
bool net_pipe_preset(struct net_pipe *pipe, struct vk_span bytes);

/* Before an event ends: borrowed input becomes ours, an empty buffer is given back. false: no
 * buffer, and the input is dropped. */
bool net_pipe_keep_slow(struct net_pipe *pipe);
VK_INLINE bool net_pipe_keep(struct net_pipe *pipe)
{
    if (VK_LIKELY(pipe->in.len == 0 && pipe->in.buf.cap_bytes == 0))
        return true;
    return net_pipe_keep_slow(pipe);
}

/*
 * See to it that receiving goes on while less than limit_bytes are unread, or
 * pauses while NET_INPUT_PAUSE_BYTES are. once: only one piece, and when more
 * is there than the driver's own buffers took, that waits until the piece is
 * consumed, and then comes in a large one. -VK_EOVERFLOW: call again after the
 * next wait.
 */
int net_pipe_receive(struct net_pipe *pipe, bool once, uint32_t limit_bytes);

/* ---- output ---- */

/* Make room for len more bytes. false: no buffer. */
bool net_pipe_room_slow(struct net_pipe *pipe, uint32_t len);
VK_INLINE bool net_pipe_room(struct net_pipe *pipe, uint32_t len)
{
    return VK_LIKELY(pipe->out_len + len <= pipe->out.cap_bytes) || net_pipe_room_slow(pipe, len);
}

/* Append. false: no buffer, nothing appended. */
VK_INLINE bool net_pipe_put(struct net_pipe *pipe, const void *bytes, uint32_t len)
{
    if (VK_UNLIKELY(!net_pipe_room(pipe, len)))
        return false;
    memcpy(pipe->out.ptr + pipe->out_len, bytes, len);
    pipe->out_len += len;
    return true;
}

/* How many bytes more may gather now. */
VK_INLINE uint32_t net_pipe_free(const struct net_pipe *pipe)
{
    return pipe->out_len < NET_OUTPUT_MAX_BYTES ? NET_OUTPUT_MAX_BYTES - pipe->out_len : 0;
}

void net_pipe_drop_output(struct net_pipe *pipe);

/* Send what gathered, unless a send is under way. -VK_EOVERFLOW: call again after the next wait. */
int net_pipe_send(struct net_pipe *pipe);

/*
 * Look at the send under way: is its peer taking bytes? Returns when to look
 * again, UINT64_MAX when there is no send; *ret_is_stalled when nothing was
 * taken for limit_ns. It is found out at most limit_ns / NET_PIPE_LOOKS too late,
 * never too early. The first look is due that long after a send began.
 */
#define NET_PIPE_LOOKS 16u
uint64_t net_pipe_look(struct net_pipe *pipe, uint64_t limit_ns, bool *ret_is_stalled);

/*
 * CLOSE, once in order (flags 0 or PROC_IO_CORKED) and once more with
 * PROC_IO_ABORT: reset, dropping output, and not waiting for sends that the
 * peer does not read. -VK_EOVERFLOW: call again after the next wait.
 */
int net_pipe_close(struct net_pipe *pipe, uint32_t flags);

#endif
