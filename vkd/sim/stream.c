/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/sim/stream.h"

#define PIECE_BYTES 8192u

static bool begin(struct proc_self *self, struct vkd_stream *s, const struct net_request *request,
                  uint64_t length_bytes)
{
    if (net_respond_begin(self, request, 200, VK_SPAN_LIT("application/octet-stream"), length_bytes) != 0)
        return false;
    void *piece = proc_alloc(self, PIECE_BYTES);
    s->piece = piece != NULL ? proc_off(self, piece) : 0;
    return piece != NULL;
}

static bool move(struct proc_self *self, struct proc_fiber *fiber, struct vkd_stream *s, struct proc_op op)
{
    s->op = op;
    s->op.handle = PROC_HANDLE_ORIGIN;
    return proc_wait(self, fiber, &s->op);
}

/* Write all of the piece; true when done, or failed: piece_len is 0 then. */
static bool write_piece(struct proc_self *self, struct proc_fiber *fiber, struct vkd_stream *s)
{
    while (s->written < s->piece_len) {
        if (!move(self, fiber, s,
                  (struct proc_op){
                      .code = PROC_OP_WRITE, .off = s->piece + s->written, .len = s->piece_len - s->written}))
            return false;
        if (fiber->done.res < 0)
            s->piece_len = 0;
        else
            s->written += fiber->done.len;
    }
    return true;
}

enum proc_step vkd_stream_echo(struct proc_self *self, struct proc_fiber *fiber, struct vkd_stream *s,
                               const struct net_request *request)
{
    const struct net_head *head = &request->head;
    PROC_BEGIN(fiber->step)
    if (!begin(self, s, request, head->body == NET_BODY_CHUNKED ? UINT64_MAX : head->length_bytes))
        return PROC_STEP_FAIL;
    for (;;) {
        PROC_AWAIT(
            fiber->step,
            move(self, fiber, s, (struct proc_op){.code = PROC_OP_READ, .off = s->piece, .len = PIECE_BYTES}),
            PROC_STEP_WAIT);
        if (fiber->done.res < 0)
            return PROC_STEP_FAIL;
        if (fiber->done.len == 0)
            break;
        s->piece_len = fiber->done.len;
        s->written = 0;
        PROC_AWAIT(fiber->step, write_piece(self, fiber, s), PROC_STEP_WAIT);
        if (s->piece_len == 0)
            return PROC_STEP_END;
    }
    if (head->body == NET_BODY_CHUNKED)
        PROC_AWAIT(fiber->step, move(self, fiber, s, (struct proc_op){.code = PROC_OP_SHUTDOWN}),
                   PROC_STEP_WAIT);
    PROC_END
    return PROC_STEP_END;
}

enum proc_step vkd_stream_big(struct proc_self *self, struct proc_fiber *fiber, struct vkd_stream *s,
                              const struct net_request *request, uint64_t len_bytes)
{
    PROC_BEGIN(fiber->step)
    s->left = len_bytes;
    if (!begin(self, s, request, len_bytes))
        return PROC_STEP_FAIL;
    while (s->left > 0) {
        s->piece_len = s->left < PIECE_BYTES ? (uint32_t)s->left : PIECE_BYTES;
        s->written = 0;
        for (uint32_t i = 0; i < s->piece_len; i++)
            ((uint8_t *)proc_at(self, s->piece))[i] = (uint8_t)(s->left - i);
        PROC_AWAIT(fiber->step, write_piece(self, fiber, s), PROC_STEP_WAIT);
        if (s->piece_len == 0)
            return PROC_STEP_END;
        s->left -= s->piece_len;
    }
    PROC_END
    return PROC_STEP_END;
}
