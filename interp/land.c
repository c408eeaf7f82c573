/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that land: room at the top of the objects for bytes that the kernel
 * brings. interp_land runs on the kernel's side, where nothing in the heap is
 * trusted: every offset is checked against the quota before it is followed,
 * and nothing but the heap itself can come to harm.
 */
#include "interp/interp_impl.h"
#include "interp/program.h"

/* len bytes of the heap, aligned to 8; NULL when they are not inside. */
static void *reach(const struct proc_program *program, struct proc_self *self, uint64_t off, uint32_t len)
{
    if (off % 8 || off > program->heap_bytes || len > program->heap_bytes - off)
        return NULL;
    return (uint8_t *)self + off;
}

static uint32_t fiber_of(const struct proc_program *program, struct proc_self *self, uint32_t table_off,
                         uint64_t tag)
{
    const struct interp_table *table = reach(program, self, table_off, sizeof *table);
    if (!table_off || !table || tag == 0 || tag > table->head.count)
        return 0;
    const uint64_t *entry = reach(program, self, table_off + sizeof *table + 8 * (tag - 1), 8);
    return !entry || *entry & 1 ? 0 : (uint32_t)*entry;
}

/* Where the reference goes of what lands; NULL: nobody waits for it. */
static uint32_t *holder_of(const struct proc_program *program, struct proc_self *self,
                           struct interp_process *p, uint64_t tag)
{
    if (tag == INTERP_TAG_RECV)
        return &p->inbox;
    uint32_t ref = fiber_of(program, self, p->table, tag);
    struct interp_fiber *fiber = ref ? reach(program, self, ref, sizeof *fiber) : NULL;
    return fiber ? &fiber->landed : NULL;
}

uint32_t interp_land(const struct proc_program *program, struct proc_self *self, uint64_t tag, uint32_t len)
{
    struct interp_process *p = reach(program, self, INTERP_PROCESS_OFF, sizeof *p);
    uint64_t bytes = interp_text_bytes(len);
    if (!p)
        return PROC_LAND_NOBODY;
    uint32_t *holder = holder_of(program, self, p, tag);
    if (!holder)
        return PROC_LAND_NOBODY;
    interp_forget_sent(self, p);
    uint32_t top = p->top;
    if (tag == p->refused) {
        p->refused = 0;
        return PROC_LAND_FULL;
    }
    if (top + bytes > p->soft)
        return 0;
    struct interp_object *object = reach(program, self, top, (uint32_t)bytes);
    if (!object)
        return PROC_LAND_NOBODY;
    *object = (struct interp_object){INTERP_OWN_RAW, 0, len};
    *holder = top;
    p->top = top + (uint32_t)bytes;
    return top + (uint32_t)sizeof *object;
}

bool interp_no_landing(struct interp_run *run, uint64_t tag)
{
    struct interp_process *p = run->p;
    uint32_t waiter = p->root;
    if (tag != INTERP_TAG_RECV)
        waiter = (uint32_t)((const struct interp_table *)(const void *)interp_write_at(run, p->table))
                     ->entries[tag - 1];
    if (waiter && interp_fiber_at(run, waiter)->may_refuse) {
        p->refused = (uint32_t)tag;
        return true;
    }
    p->current = waiter ? waiter : p->root;
    p->trap = INTERP_TRAP_MEMORY;
    interp_report(run);
    return false;
}

bool interp_make_landing(struct interp_run *run)
{
    struct proc_self *self = (void *)run->heap;
    struct interp_process *p = run->p;
    uint32_t len = self->land_len;
    self->land_len = 0;
    if (p->top + interp_text_bytes(len) <= p->soft ||
        interp_collect_landing(run, interp_text_bytes(len), self->land_tag) || p->gc.phase != INTERP_GC_IDLE)
        return true;
    return interp_no_landing(run, self->land_tag);
}

/* ---- for natives -------------------------------------------------------------- */

struct vk_span interp_call_landed(const struct interp_call *call)
{
    if (call->done && call->done->flags & PROC_DONE_HERE)
        return vk_span(&call->done->arg, call->done->len);
    uint32_t ref = interp_fiber_at(call->run, call->run->p->current)->landed;
    return ref ? interp_text(call->run, ref) : vk_span("", 0);
}

void interp_call_leave(struct interp_call *call)
{
    interp_fiber_at(call->run, call->run->p->current)->landed = 0;
}

void interp_call_drop(struct interp_call *call)
{
    struct interp_process *p = call->run->p;
    uint32_t ref = interp_fiber_at(call->run, p->current)->landed;
    interp_call_leave(call);
    if (!ref || ref + interp_text_bytes(interp_object_at(call->run, ref)->count) != p->top)
        return; /* nothing, or something was made since: it is left to the next collection */
    interp_untake(call->run, ref);
}

enum interp_say interp_call_give_landed(struct interp_call *call, uint16_t type)
{
    uint32_t ref = interp_fiber_at(call->run, call->run->p->current)->landed;
    if (!ref)
        return interp_call_text_new(call, type, 0) ? INTERP_DONE : INTERP_TRAP;
    interp_object_at(call->run, ref)->type = type;
    interp_call_leave(call);
    call->result.u = ref;
    return INTERP_DONE;
}
