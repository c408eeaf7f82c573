/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo: a raw TCP service with a process per connection. It sends every line
 * back once it is complete; the end of the stream ends the conversation.
 * It speaks no HTTP and every byte of a client is a line to send back, so it
 * has no GET /counters as the others have.
 */
#include "proc/native.h"
#include "vkd/app.h"

#define LINE_MAX_BYTES 8192u /* a longer line is answered in pieces */

struct echo {
    struct proc_fiber fiber;
    uint32_t line; /* offset of the buffer */
    uint32_t len;  /* bytes in it */
    uint32_t due;  /* of those, what is to be sent back */
    uint32_t sent; /* of those, what was */
    bool is_over;
    struct proc_op op;
};

static uint8_t *line_of(struct proc_self *self, const struct echo *e)
{
    return proc_at(self, e->line);
}

/* How much of the buffer goes back now: through its last newline, all of it when full or at the end. */
static uint32_t due_bytes(struct proc_self *self, const struct echo *e)
{
    if (e->is_over || e->len == LINE_MAX_BYTES)
        return e->len;
    for (uint32_t n = e->len; n > 0; n--)
        if (line_of(self, e)[n - 1] == '\n')
            return n;
    return 0;
}

static bool read_more(struct proc_self *self, struct echo *e)
{
    e->op = (struct proc_op){.code = PROC_OP_READ,
                             .handle = PROC_HANDLE_ORIGIN,
                             .off = e->line + e->len,
                             .len = LINE_MAX_BYTES - e->len};
    return proc_wait(self, &e->fiber, &e->op);
}

/* true when all that is due was sent, or nothing can be. */
static bool send_back(struct proc_self *self, struct echo *e)
{
    while (e->sent < e->due) {
        e->op = (struct proc_op){.code = PROC_OP_WRITE,
                                 .handle = PROC_HANDLE_ORIGIN,
                                 .off = e->line + e->sent,
                                 .len = e->due - e->sent};
        if (!proc_wait(self, &e->fiber, &e->op))
            return false;
        if (e->fiber.done.res < 0) {
            e->is_over = true;
            return true;
        }
        e->sent += e->fiber.done.len;
    }
    return true;
}

static enum proc_step step_echo(struct proc_self *self, struct proc_fiber *fiber)
{
    struct echo *e = (struct echo *)fiber;
    void *buffer;
    PROC_BEGIN(fiber->step)
    buffer = proc_alloc(self, LINE_MAX_BYTES);
    if (!buffer)
        return PROC_STEP_FAIL;
    e->line = proc_off(self, buffer);
    while (!e->is_over) {
        PROC_AWAIT(fiber->step, read_more(self, e), PROC_STEP_WAIT);
        if (fiber->done.res < 0)
            return PROC_STEP_END; /* reset: nobody to answer */
        e->is_over = fiber->done.len == 0;
        e->len += fiber->done.len;
        e->due = due_bytes(self, e);
        e->sent = 0;
        PROC_AWAIT(fiber->step, send_back(self, e), PROC_STEP_WAIT);
        e->len -= e->due;
        memmove(line_of(self, e), line_of(self, e) + e->due, e->len);
    }
    PROC_END
    return PROC_STEP_END;
}

static const proc_step_fn steps[] = {step_echo};
static const struct proc_native native = {steps, VK_COUNT(steps), sizeof(struct echo)};

static const struct proc_program echo_program = {
    .name = "echo",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = proc_native_start,
    .resume = proc_native_resume,
    .context = &native,
};

int main(int argc, char **argv)
{
    static const struct vkd_app app = {
        .about = "TCP lines back, a process per connection", .protocol = VKD_TCP, .program = &echo_program};
    return vkd_app_main(&app, argc, argv);
}
