/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/lib/courier.h"

#include "vk/err.h"

#define TAG 1u

/* Of self->root, which is the program's own. */
enum stage { BEGIN, ASKED, TOLD };

#define CALL_HEAP_BYTES    (256u << 10) /* the largest message, and the largest answer to it */
#define MONITOR_HEAP_BYTES (16u << 10)

static int ask(struct proc_self *self, uint16_t code)
{
    struct proc_op *op = proc_op_next(self); /* the first one: there is room */
    *op = (struct proc_op){.code = code,
                           .flags = PROC_OP_LAND,
                           .handle = PROC_HANDLE_ORIGIN,
                           .off = self->arg_len != 0 ? self->arg_off : 0,
                           .len = self->arg_len,
                           .tag = TAG};
    self->root = ASKED;
    return PROC_RUN_WAIT;
}

static int tell(struct proc_self *self, uint16_t code)
{
    const struct proc_done *done = &self->done[0];
    struct proc_op *op = proc_op_next(self);
    uint64_t said = (uint32_t)done->res;
    if (code == PROC_OP_MONITOR && done->res >= 0)
        said = done->arg << 16 | (uint32_t)done->res;
    bool has_bytes = done->res >= 0 && self->run_first != 0;
    *op = (struct proc_op){.code = PROC_OP_WRITE,
                           .flags = PROC_OP_SILENT,
                           .handle = PROC_HANDLE_ORIGIN,
                           .off = has_bytes ? self->run_first : 0,
                           .len = has_bytes ? done->len : 0,
                           .arg = said};
    self->root = TOLD;
    return PROC_RUN_END;
}

static int resume(const struct proc_program *program, struct proc_self *self)
{
    uint16_t code = program == &vkd_courier_monitor ? PROC_OP_MONITOR : PROC_OP_CALL;
    if (self->root == BEGIN)
        return ask(self, code);
    if (self->done_count == 0)
        return PROC_RUN_WAIT;
    self->done_count = 0;
    return tell(self, code);
}

/* Kernel side: nothing in the heap is worth an attack on the library's own code, yet it stays inside. */
static uint32_t land(const struct proc_program *program, struct proc_self *self, uint64_t tag, uint32_t len)
{
    (void)program;
    uint32_t off = tag == TAG ? vk_heap_alloc(&self->heap, len, 8) : 0;
    if (off == 0)
        return PROC_LAND_FULL;
    self->run_first = off;
    return off;
}

static uint32_t used(const struct proc_program *program, const struct proc_self *self)
{
    (void)program;
    return self->heap.top_bytes;
}

const struct proc_program vkd_courier_call = {.name = "request of the host's",
                                              .heap_bytes = CALL_HEAP_BYTES,
                                              .resume = resume,
                                              .used = used,
                                              .land = land,
                                              .is_movable = true};
const struct proc_program vkd_courier_monitor = {.name = "monitor of the host's",
                                                 .heap_bytes = MONITOR_HEAP_BYTES,
                                                 .resume = resume,
                                                 .used = used,
                                                 .land = land,
                                                 .is_movable = true};
