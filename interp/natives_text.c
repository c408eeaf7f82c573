/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Natives that make a text or bytes of another: conversions, which are first
 * measured and then written, and copies. All of them take turns: the object
 * under way is in roots[0], the place in work[].
 */
#include "interp/natives_impl.h"
#include "interp/text/convert.h"
#include "interp/text/debug.h"
#include "interp/text/find.h"
#include "interp/text/json.h"
#include "interp/text/utf8.h"
#include "vk/fmt.h"

enum step { FIRST, MEASURES, WRITES, CHECKS };
enum { WORK_IN, WORK_OUT, WORK_FROM, WORK_TO };

static uint64_t *work_of(const struct interp_call *call)
{
    return call->run->p->work;
}

static enum interp_say again(struct interp_call *call, enum step step)
{
    call->step = step;
    return INTERP_AGAIN;
}

/* The object to be filled in, over turns; false: out of memory. */
static bool make(struct interp_call *call, uint16_t type, uint64_t len_bytes)
{
    struct interp_run *run = call->run;
    uint32_t ref = len_bytes > UINT32_MAX
                       ? 0
                       : interp_alloc(run, interp_text_bytes(len_bytes), type, (uint32_t)len_bytes);
    run->p->roots[0] = ref;
    work_of(call)[WORK_IN] = work_of(call)[WORK_OUT] = 0;
    call->step = WRITES;
    return ref != 0;
}

static uint8_t *bytes_made(const struct interp_call *call)
{
    return call->run->heap + interp_text_off(call->run->p->roots[0]);
}

static enum interp_say give(struct interp_call *call)
{
    call->result.u = call->run->p->roots[0];
    call->run->p->roots[0] = 0;
    return INTERP_DONE;
}

static enum interp_say give_none(struct interp_call *call)
{
    call->result.u = call->run->p->roots[0] = 0;
    return INTERP_DONE;
}

/* ---- conversions ---------------------------------------------------------------- */

struct conversion {
    interp_convert_fn convert;
    struct vk_span before; /* with it, a quote stands behind */
    bool is_bytes;         /* what it gives */
    bool is_option;        /* None where it fails, or gives no UTF-8 */
};

/* A turn's part of the first argument; returns what the conversion does. */
static int part(struct interp_call *call, const struct conversion *c, uint8_t *dst)
{
    uint64_t *work = work_of(call);
    struct interp_pass pass = {work[WORK_IN], work[WORK_OUT]};
    int rc = c->convert(&pass, interp_call_text(call, 0), dst, interp_call_turn(call));
    interp_call_charge(call, pass.in - work[WORK_IN] + 63);
    work[WORK_IN] = pass.in;
    work[WORK_OUT] = pass.out;
    return rc;
}

static enum interp_say checked(struct interp_call *call)
{
    size_t at = work_of(call)[WORK_IN], begun = at;
    int rc = interp_utf8_check(&at, interp_text(call->run, call->run->p->roots[0]), interp_call_turn(call));
    interp_call_charge(call, at - begun);
    work_of(call)[WORK_IN] = at;
    if (rc == -VK_EAGAIN)
        return again(call, CHECKS);
    return rc ? give_none(call) : give(call);
}

static enum interp_say written(struct interp_call *call, const struct conversion *c)
{
    uint8_t *dst = bytes_made(call) + c->before.len;
    int rc = part(call, c, dst);
    if (rc == -VK_EAGAIN)
        return again(call, WRITES);
    if (rc)
        return c->is_option ? give_none(call) : interp_call_trap(call, INTERP_TRAP_CONVERT);
    if (c->before.len) {
        memcpy(dst - c->before.len, c->before.ptr, c->before.len);
        dst[work_of(call)[WORK_OUT]] = '"';
    }
    if (!c->is_option || c->is_bytes)
        return give(call);
    work_of(call)[WORK_IN] = 0;
    return checked(call);
}

static enum interp_say converted(struct interp_call *call, const struct conversion *c)
{
    const struct interp_run *run = call->run;
    if (call->step == CHECKS)
        return checked(call);
    if (call->step == WRITES)
        return written(call, c);
    if (call->step == FIRST)
        work_of(call)[WORK_IN] = work_of(call)[WORK_OUT] = 0;
    int rc = part(call, c, NULL);
    if (rc == -VK_EAGAIN)
        return again(call, MEASURES);
    if (rc)
        return c->is_option ? give_none(call) : interp_call_trap(call, INTERP_TRAP_CONVERT);
    uint64_t len = work_of(call)[WORK_OUT] + c->before.len + (c->before.len > 0);
    if (!make(call, c->is_bytes ? interp_bytes_type(run) : interp_str_type(run), len))
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    return written(call, c);
}

#define CONVERSION(name, ...)                             \
    enum interp_say name(struct interp_call *call)        \
    {                                                     \
        static const struct conversion c = {__VA_ARGS__}; \
        return converted(call, &c);                       \
    }

CONVERSION(interp_json_quote, .convert = interp_json_escape, .before = {(const uint8_t *)"\"", 1})
CONVERSION(interp_str_debug, .convert = interp_debug_text, .before = {(const uint8_t *)"\"", 1})
CONVERSION(interp_bytes_debug, .convert = interp_debug_bytes, .before = {(const uint8_t *)"b\"", 2})
CONVERSION(interp_str_lower, .convert = interp_lower)
CONVERSION(interp_str_upper, .convert = interp_upper)
CONVERSION(interp_str_url_encode, .convert = interp_url_encode)
CONVERSION(interp_str_url_decode, .convert = interp_url_decode, .is_option = true)
CONVERSION(interp_str_html_escape, .convert = interp_html_escape)
CONVERSION(interp_bytes_to_hex, .convert = interp_hex_encode)
CONVERSION(interp_bytes_to_base64, .convert = interp_base64_encode)
CONVERSION(interp_from_hex, .convert = interp_hex_decode, .is_bytes = true, .is_option = true)
CONVERSION(interp_from_base64, .convert = interp_base64_decode, .is_bytes = true, .is_option = true)

#undef CONVERSION

/* ---- copies ------------------------------------------------------------------------- */

/* The bytes WORK_FROM up to WORK_TO of the first argument, as that type. */
static enum interp_say copied(struct interp_call *call, uint16_t type)
{
    uint64_t *work = work_of(call), len = work[WORK_TO] - work[WORK_FROM];
    if (call->step != WRITES && !make(call, type, len))
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    uint64_t left = len - work[WORK_OUT], turn = interp_call_turn(call);
    uint64_t piece = left < turn ? left : turn;
    vk_copy(bytes_made(call) + work[WORK_OUT],
            interp_call_text(call, 0).ptr + work[WORK_FROM] + work[WORK_OUT], piece);
    interp_call_charge(call, piece + 63);
    work[WORK_OUT] += piece;
    return piece < left ? again(call, WRITES) : give(call);
}

static enum interp_say no_slice(struct interp_call *call, enum interp_trap trap, size_t len)
{
    char text[128];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "slice(%lld, %lld) of %zu bytes", (long long)interp_call_scalar(call, 0).i,
               (long long)interp_call_scalar(call, 1).i, len);
    return interp_call_trap_text(call, trap, vk_out_span(&out));
}

static enum interp_say slice(struct interp_call *call, uint16_t type, bool is_text)
{
    struct vk_span text = interp_call_text(call, 0);
    uint64_t from = interp_call_scalar(call, 0).u, to = interp_call_scalar(call, 1).u;
    if (to > text.len || from > to)
        return no_slice(call, INTERP_TRAP_INDEX, text.len);
    if (is_text && (!interp_utf8_is_boundary(text, from) || !interp_utf8_is_boundary(text, to)))
        return no_slice(call, INTERP_TRAP_TEXT, text.len);
    work_of(call)[WORK_FROM] = from;
    work_of(call)[WORK_TO] = to;
    return copied(call, type);
}

enum interp_say interp_str_slice(struct interp_call *call)
{
    return slice(call, interp_str_type(call->run), true);
}

enum interp_say interp_bytes_slice(struct interp_call *call)
{
    return slice(call, interp_bytes_type(call->run), false);
}

enum interp_say interp_str_bytes(struct interp_call *call)
{
    work_of(call)[WORK_FROM] = 0;
    work_of(call)[WORK_TO] = interp_call_text(call, 0).len;
    return copied(call, interp_bytes_type(call->run));
}

enum interp_say interp_str_trim(struct interp_call *call)
{
    uint64_t *work = work_of(call);
    struct vk_span text = interp_call_text(call, 0);
    if (call->step == WRITES)
        return copied(call, interp_str_type(call->run));
    size_t from = call->step == FIRST ? 0 : work[WORK_FROM];
    size_t to = call->step == FIRST ? text.len : work[WORK_TO], begun = to - from;
    int rc = interp_trim(text, &from, &to, interp_call_turn(call));
    interp_call_charge(call, begun - (to - from));
    work[WORK_FROM] = from;
    work[WORK_TO] = to;
    return rc == -VK_EAGAIN ? again(call, MEASURES) : copied(call, interp_str_type(call->run));
}

/* Bytes that are UTF-8 as a Str, else None. */
enum interp_say interp_bytes_text(struct interp_call *call)
{
    uint64_t *work = work_of(call);
    struct vk_span text = interp_call_text(call, 0);
    if (call->step == WRITES)
        return copied(call, interp_str_type(call->run));
    size_t at = call->step == FIRST ? 0 : work[WORK_IN], begun = at;
    int rc = interp_utf8_check(&at, text, interp_call_turn(call));
    interp_call_charge(call, at - begun);
    work[WORK_IN] = at;
    if (rc == -VK_EAGAIN)
        return again(call, CHECKS);
    if (rc)
        return give_none(call);
    work[WORK_FROM] = 0;
    work[WORK_TO] = text.len;
    return copied(call, interp_str_type(call->run));
}

/* What is there already is the source of what follows, so that long pieces are copied. */
enum interp_say interp_str_repeat(struct interp_call *call)
{
    uint64_t len = interp_call_text(call, 0).len, times = interp_call_scalar(call, 0).u, bytes;
    uint64_t *work = work_of(call), left = interp_call_turn(call);
    if ((int64_t)times < 0)
        return interp_out_of_range(call, "repeat", (int64_t)times, "takes 0 or more");
    if (__builtin_mul_overflow(len, times, &bytes))
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    if (call->step == FIRST && !make(call, interp_str_type(call->run), bytes))
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    uint8_t *dst = bytes_made(call);
    if (work[WORK_OUT] == 0 && bytes) {
        memcpy(dst, interp_call_text(call, 0).ptr, len);
        work[WORK_OUT] = len;
    }
    while (work[WORK_OUT] < bytes && left > 0) {
        uint64_t done = work[WORK_OUT], from = done % len, piece = done - from;
        piece = piece < bytes - done ? piece : bytes - done;
        piece = piece < left ? piece : left;
        memcpy(dst + done, dst + from, piece);
        work[WORK_OUT] += piece;
        left -= piece;
        interp_call_charge(call, piece + 63);
    }
    return work[WORK_OUT] < bytes ? again(call, WRITES) : give(call);
}
