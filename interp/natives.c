/* SPDX-License-Identifier: Apache-2.0 */
/* The natives that every program has: texts, lists of texts, log and clock. */
#include "interp/interp_impl.h"

#define ASSERT_PART_BYTES 80u

/* ---- texts ---------------------------------------------------------------------- */

static size_t find(struct vk_span text, struct vk_span what)
{
    for (size_t at = 0; what.len <= text.len && at <= text.len - what.len; at++)
        if (vk_span_starts_with(vk_span_skip(text, at), what))
            return at;
    return SIZE_MAX;
}

static void charge(struct interp_call *call, size_t len_bytes)
{
    call->cost += (uint32_t)(len_bytes / 64);
}

/* The index of the second text in the first, or -1. */
static enum interp_say str_find(struct interp_call *call)
{
    struct vk_span text = interp_call_text(call, 0), what = interp_call_text(call, 1);
    size_t at = find(text, what);
    charge(call, text.len);
    call->result.i = at == SIZE_MAX ? -1 : (int64_t)at;
    return INTERP_DONE;
}

static enum interp_say str_starts_with(struct interp_call *call)
{
    call->result.u = vk_span_starts_with(interp_call_text(call, 0), interp_call_text(call, 1));
    return INTERP_DONE;
}

static enum interp_say str_ends_with(struct interp_call *call)
{
    struct vk_span text = interp_call_text(call, 0), what = interp_call_text(call, 1);
    call->result.u = text.len >= what.len && vk_span_equal(vk_span_skip(text, text.len - what.len), what);
    return INTERP_DONE;
}

static bool is_boundary(struct vk_span text, uint64_t at)
{
    return at == text.len || (text.ptr[at] & 0xc0) != 0x80;
}

/* A part of the first argument, which may move while room is made for it. */
static enum interp_say give_part(struct interp_call *call, size_t from, size_t to)
{
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), to - from);
    if (!dst)
        return INTERP_TRAP;
    vk_copy(dst, interp_call_text(call, 0).ptr + from, to - from);
    return INTERP_DONE;
}

static enum interp_say str_slice(struct interp_call *call)
{
    struct vk_span text = interp_call_text(call, 0);
    uint64_t from = interp_call_scalar(call, 0).u, to = interp_call_scalar(call, 1).u;
    if (to > text.len || from > to)
        return interp_call_trap(call, INTERP_TRAP_INDEX);
    if (!is_boundary(text, from) || !is_boundary(text, to))
        return interp_call_trap(call, INTERP_TRAP_TEXT);
    return give_part(call, from, to);
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static enum interp_say str_trim(struct interp_call *call)
{
    struct vk_span text = interp_call_text(call, 0);
    size_t from = 0, to = text.len;
    while (from < to && is_space(text.ptr[from]))
        from++;
    while (to > from && is_space(text.ptr[to - 1]))
        to--;
    return give_part(call, from, to);
}

/* One side of an assertion's comparison: as much of its text as a line of the log has room for. */
static enum interp_say assert_part(struct interp_call *call)
{
    struct vk_span text = interp_call_text(call, 0);
    size_t len = ASSERT_PART_BYTES;
    if (text.len <= len)
        return give_part(call, 0, text.len);
    while (!is_boundary(text, len))
        len--;
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), len + 3);
    if (!dst)
        return INTERP_TRAP;
    memcpy(dst, interp_call_text(call, 0).ptr, len);
    memcpy(dst + len, "...", 3);
    return INTERP_DONE;
}

static enum interp_say change_case(struct interp_call *call, uint8_t first)
{
    size_t len = interp_call_text(call, 0).len;
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), len);
    if (!dst)
        return INTERP_TRAP;
    const uint8_t *src = interp_call_text(call, 0).ptr;
    for (size_t i = 0; i < len; i++)
        dst[i] = (uint8_t)(src[i] - first) < 26 ? src[i] ^ 0x20 : src[i];
    return INTERP_DONE;
}

static enum interp_say str_lower(struct interp_call *call)
{
    return change_case(call, 'A');
}

static enum interp_say str_upper(struct interp_call *call)
{
    return change_case(call, 'a');
}

static enum interp_say str_repeat(struct interp_call *call)
{
    uint64_t len = interp_call_text(call, 0).len, times = interp_call_scalar(call, 0).u, bytes;
    if (__builtin_mul_overflow(len, times, &bytes) || bytes > UINT32_MAX || (int64_t)times < 0)
        return interp_call_trap(call, (int64_t)times < 0 ? INTERP_TRAP_INDEX : INTERP_TRAP_MEMORY);
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), bytes);
    if (!dst)
        return INTERP_TRAP;
    struct vk_span text = interp_call_text(call, 0);
    for (uint64_t i = 0; text.len && i < times; i++)
        memcpy(dst + i * text.len, text.ptr, text.len);
    return INTERP_DONE;
}

/* ---- lists -------------------------------------------------------------------------- */

static struct vk_span item(const struct interp_call *call, uint64_t index)
{
    const struct interp_list *list = (void *)interp_read_at(call->run, interp_call_ref(call, 0));
    return interp_text(call->run, (uint32_t)list->items[index].u);
}

/* The texts of the list with the second argument between them. */
static enum interp_say list_join(struct interp_call *call)
{
    const struct interp_list *list = (void *)interp_read_at(call->run, interp_call_ref(call, 0));
    uint64_t count = list->len, bytes = count ? (count - 1) * interp_call_text(call, 1).len : 0;
    for (uint64_t i = 0; i < count; i++)
        bytes += item(call, i).len;
    call->cost += (uint32_t)count;
    if (bytes > UINT32_MAX)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), bytes);
    if (!dst)
        return INTERP_TRAP;
    struct vk_span between = interp_call_text(call, 1);
    for (uint64_t i = 0; i < count; i++) {
        struct vk_span part = item(call, i);
        vk_copy(dst, part.ptr, part.len);
        dst += part.len;
        if (i + 1 < count)
            vk_copy(dst, between.ptr, between.len);
        dst += between.len;
    }
    return INTERP_DONE;
}

/* ---- log and clock ---------------------------------------------------------------------- */

static enum interp_say log_text(struct interp_call *call)
{
    uint32_t off = interp_text_for_op(call, interp_call_ref(call, 0));
    if (!off)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    uint32_t len = (uint32_t)interp_call_text(call, 0).len;
    const struct proc_op op = {.code = PROC_OP_LOG, .off = off, .len = len};
    return interp_submit_silent(call->run, &op) ? INTERP_DONE : INTERP_FULL;
}

static enum interp_say sleep_ns(struct interp_call *call)
{
    int64_t ns = interp_call_scalar(call, 0).i;
    if (call->done)
        return INTERP_DONE;
    if (ns <= 0)
        return INTERP_PASS;
    const struct proc_op op = {.code = PROC_OP_SLEEP, .arg = (uint64_t)ns};
    return interp_call_submit(call, &op);
}

static enum interp_say pass_turn(struct interp_call *call)
{
    (void)call;
    return INTERP_PASS;
}

static enum interp_say now_ns(struct interp_call *call)
{
    call->result.u = interp_self(call->run)->now_ns;
    return INTERP_DONE;
}

static enum interp_say wall_s(struct interp_call *call)
{
    call->result.i = interp_self(call->run)->wall_s;
    return INTERP_DONE;
}

const struct interp_native interp_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    INTERP_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
