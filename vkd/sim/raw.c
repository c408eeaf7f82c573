/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw streams of the native program: a service that says back what it hears,
 * and requests that connect to it as a client from inside of the server.
 */
#include "vkd/sim/native.h"

#define CONNECTOR   5u /* handle of every process's environment */
#define PIECE_BYTES 2000u

/* ---- the service --------------------------------------------------------------------- */

struct echo {
    struct proc_fiber fiber;
    uint32_t len, written; /* of the piece */
    struct proc_op op;
    uint8_t piece[PIECE_BYTES];
};

static bool stream_op(struct proc_self *self, struct echo *e, uint16_t code, uint8_t *at, uint32_t len)
{
    e->op =
        (struct proc_op){.code = code, .handle = PROC_HANDLE_ORIGIN, .off = proc_off(self, at), .len = len};
    return proc_wait(self, &e->fiber, &e->op);
}

static enum proc_step step_echo(struct proc_self *self, struct proc_fiber *fiber)
{
    struct echo *e = (struct echo *)fiber;
    PROC_BEGIN(fiber->step)
    for (;;) {
        PROC_AWAIT(fiber->step, stream_op(self, e, PROC_OP_READ, e->piece, PIECE_BYTES), PROC_STEP_WAIT);
        if (fiber->done.res < 0 || fiber->done.len == 0)
            break;
        e->len = fiber->done.len;
        for (e->written = 0; e->written < e->len; e->written += fiber->done.len) {
            PROC_AWAIT(fiber->step,
                       stream_op(self, e, PROC_OP_WRITE, e->piece + e->written, e->len - e->written),
                       PROC_STEP_WAIT);
            if (fiber->done.res < 0)
                return PROC_STEP_END;
        }
    }
    PROC_END
    return PROC_STEP_END;
}

static const proc_step_fn echo_steps[] = {step_echo};
static const struct proc_native echo_native = {echo_steps, 1, sizeof(struct echo)};
const struct proc_program vkd_raw_program = {
    .name = "raw",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = vkd_native_start,
    .resume = vkd_native_resume,
    .context = &echo_native,
};

/* ---- a request that is its client ------------------------------------------------------ */

static bool connect(struct proc_self *self, struct vkd_native *a)
{
    a->op = (struct proc_op){.code = PROC_OP_CONNECT, .handle = CONNECTOR};
    return proc_wait(self, &a->fiber, &a->op);
}

/* So much of the number as is not done yet. */
static bool move(struct proc_self *self, struct vkd_native *a, uint16_t code)
{
    uint8_t *number = (uint8_t *)(code == PROC_OP_WRITE ? (void *)&a->n : (void *)&a->value);
    a->op = (struct proc_op){.code = code,
                             .handle = a->handle,
                             .off = proc_off(self, number) + a->written,
                             .len = (uint32_t)sizeof a->n - a->written};
    return proc_wait(self, &a->fiber, &a->op);
}

enum proc_step vkd_native_relay(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(fiber->step, connect(self, a), PROC_STEP_WAIT);
    if (fiber->done.res < 0)
        return vkd_native_refuse(self, a);
    a->handle = fiber->done.handle;
    for (a->written = 0; a->written < sizeof a->n; a->written += fiber->done.len) {
        PROC_AWAIT(fiber->step, move(self, a, PROC_OP_WRITE), PROC_STEP_WAIT);
        if (fiber->done.res < 0)
            return vkd_native_refuse(self, a);
    }
    for (a->written = 0; a->written < sizeof a->n; a->written += fiber->done.len) {
        PROC_AWAIT(fiber->step, move(self, a, PROC_OP_READ), PROC_STEP_WAIT);
        if (fiber->done.res < 0 || fiber->done.len == 0)
            return vkd_native_refuse(self, a);
    }
    PROC_END
    return vkd_native_answer(self, a, (uint64_t)a->value);
}
