/* SPDX-License-Identifier: Apache-2.0 */
/* What natives are given, and those natives that every program has. */
#include "interp/interp_impl.h"

/* ---- arguments and results ----------------------------------------------------- */

struct vk_span interp_text(const struct interp_run *run, uint32_t ref)
{
    return interp_text_at(run, ref);
}

uint64_t interp_list_len(const struct interp_run *run, uint32_t list)
{
    return ((const struct interp_list *)(void *)interp_read_at(run, list))->len;
}

struct vk_span interp_list_text(const struct interp_run *run, uint32_t list, uint64_t index)
{
    const struct interp_list *l = (void *)interp_read_at(run, list);
    return interp_text(run, (uint32_t)l->items[index].u);
}

/* What is left behind it is nobody's: the heap is never walked from object to object. */
void interp_shorten(struct interp_run *run, uint32_t ref, uint32_t len_bytes)
{
    struct interp_object *text = interp_object_at(run, ref);
    vk_assert_slow(!interp_in_image(ref) && len_bytes <= text->count);
    text->count = len_bytes;
}

uint16_t interp_type_of(const struct interp_run *run, uint32_t ref)
{
    return interp_object_at(run, ref)->type;
}

uint32_t interp_call_handle(struct interp_call *call, uint64_t handle)
{
    uint32_t ref = interp_alloc(call->run, sizeof(struct interp_object) + 8, call->type, 1);
    if (ref)
        memcpy(interp_write_at(call->run, ref) + sizeof(struct interp_object), &handle, 8);
    return ref;
}

struct vk_span interp_call_text(const struct interp_call *call, uint32_t index)
{
    return interp_text_at(call->run, interp_call_ref(call, index));
}

enum interp_say interp_call_trap(struct interp_call *call, enum interp_trap trap)
{
    call->trap = (uint8_t)trap;
    return INTERP_TRAP;
}

enum interp_say interp_call_trap_text(struct interp_call *call, enum interp_trap trap, struct vk_span text)
{
    struct interp_run *run = call->run;
    uint32_t ref = interp_alloc(run, interp_text_bytes(text.len), interp_str_type(run), (uint32_t)text.len);
    if (!ref)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    vk_copy(interp_write_at(run, interp_text_off(ref)), text.ptr, text.len);
    run->p->trap_text = ref;
    return interp_call_trap(call, trap);
}

enum interp_say interp_call_fail(struct interp_call *call, struct vk_span text)
{
    return interp_call_trap_text(call, INTERP_TRAP_FAIL, text);
}

bool interp_call_collects(const struct interp_call *call)
{
    return call->run->p->gc.phase != INTERP_GC_IDLE;
}

void interp_call_restart(const struct interp_call *call, uint32_t step)
{
    interp_fiber_at(call->run, call->run->p->current)->step = step;
}

uint8_t *interp_call_text_new(struct interp_call *call, uint16_t type, uint64_t len_bytes)
{
    uint32_t ref = interp_alloc(call->run, interp_text_bytes(len_bytes), type, (uint32_t)len_bytes);
    call->result.u = ref;
    call->cost += (uint32_t)(len_bytes / 64);
    if (!ref) {
        call->trap = INTERP_TRAP_MEMORY;
        return NULL;
    }
    return interp_write_at(call->run, ref) + sizeof(struct interp_object);
}

enum interp_say interp_call_give_text(struct interp_call *call, struct vk_span text)
{
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), text.len);
    if (!dst)
        return INTERP_TRAP;
    vk_copy(dst, text.ptr, text.len);
    return INTERP_DONE;
}

_Static_assert(sizeof(struct interp_object) == INTERP_TEXT_HEAD_BYTES, "what interp_text_off adds");

uint16_t interp_str_type(const struct interp_run *run)
{
    return run->image->str_type;
}

uint16_t interp_bytes_type(const struct interp_run *run)
{
    return run->image->bytes_type;
}

uint32_t *interp_held(struct interp_run *run)
{
    return &run->p->held;
}

const void *interp_service(const struct interp_run *run)
{
    return run->service;
}

struct proc_self *interp_self(const struct interp_run *run)
{
    return (void *)run->heap;
}

/* ---- ops ------------------------------------------------------------------------------ */

bool interp_submit_silent(struct interp_run *run, const struct proc_op *op)
{
    struct proc_op *slot = proc_op_next(interp_self(run));
    if (!slot)
        return false;
    *slot = *op;
    slot->flags |= PROC_OP_SILENT;
    slot->tag = 0;
    return true;
}

enum interp_say interp_call_submit(struct interp_call *call, const struct proc_op *op)
{
    struct proc_self *self = interp_self(call->run);
    if (self->ops_count >= PROC_RING_ENTRIES)
        return INTERP_FULL;
    /* The op goes first: a collection for the tag's sake keeps its bytes. */
    struct proc_op *slot = proc_op_next(self);
    *slot = *op;
    uint64_t tag = interp_fiber_tag(call->run);
    if (!tag) {
        self->ops_count--;
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    }
    slot->tag = tag;
    struct interp_fiber *fiber = interp_fiber_at(call->run, call->run->p->current);
    fiber->landed = 0;
    fiber->may_refuse = false;
    fiber->state = INTERP_FIBER_OP;
    call->run->p->waiting++;
    return INTERP_WAIT;
}

/* A text's bytes for an op. Those of the image lie outside of the heap: they are copied in. */
uint32_t interp_part_for_op(struct interp_call *call, uint32_t ref, uint32_t from, uint32_t len_bytes)
{
    if (!interp_in_image(ref))
        return interp_text_off(ref) + from;
    struct vk_span text = interp_text(call->run, ref);
    vk_assert_slow(from <= text.len && len_bytes <= text.len - from);
    uint32_t copy = interp_alloc(call->run, interp_text_bytes(len_bytes), INTERP_OWN_RAW, len_bytes);
    if (!copy)
        return 0;
    if (len_bytes) /* an empty one may end where the objects do */
        memcpy(interp_write_at(call->run, interp_text_off(copy)), text.ptr + from, len_bytes);
    return interp_text_off(copy);
}

uint32_t interp_text_for_op(struct interp_call *call, uint32_t ref)
{
    return interp_part_for_op(call, ref, 0, (uint32_t)interp_text(call->run, ref).len);
}

uint32_t interp_call_heap_bytes(const struct interp_call *call)
{
    return call->run->p->end - call->run->p->floor;
}

void interp_call_cut(struct interp_call *call, uint32_t len_bytes)
{
    struct interp_object *text = interp_object_at(call->run, (uint32_t)call->result.u);
    vk_assert_slow(len_bytes <= text->count);
    call->run->p->top -= (uint32_t)(interp_text_bytes(text->count) - interp_text_bytes(len_bytes));
    text->count = len_bytes;
}
