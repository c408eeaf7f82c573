/* SPDX-License-Identifier: Apache-2.0 */
/* Natives around interp/text: conversions of texts, numbers and times to texts and back. Whole at once. */
#include "interp/natives_impl.h"
#include "interp/text/convert.h"
#include "interp/text/debug.h"
#include "interp/text/float.h"
#include "interp/text/int.h"
#include "interp/text/json.h"
#include "interp/text/pass.h"
#include "interp/text/time.h"

/* ---- text to text ------------------------------------------------------------------ */

/* The first argument, converted, between `before` and, when that is not empty, a quote. */
static enum interp_say converted(struct interp_call *call, interp_convert_fn convert, struct vk_span before)
{
    struct interp_pass pass = {0};
    struct vk_span text = interp_call_text(call, 0);
    if (convert(&pass, text, NULL, text.len + 1))
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    uint8_t *dst =
        interp_call_text_new(call, interp_str_type(call->run), pass.out + before.len + (before.len > 0));
    if (!dst)
        return INTERP_TRAP;
    text = interp_call_text(call, 0); /* it may have moved */
    pass = (struct interp_pass){0};
    vk_copy(dst, before.ptr, before.len);
    dst += before.len;
    if (convert(&pass, text, dst, text.len + 1))
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    if (before.len)
        dst[pass.out] = '"';
    call->cost += (uint32_t)(text.len / 32);
    return INTERP_DONE;
}

static enum interp_say json_quote(struct interp_call *call)
{
    return converted(call, interp_json_escape, VK_SPAN_LIT("\""));
}

static enum interp_say str_debug(struct interp_call *call)
{
    return converted(call, interp_debug_text, VK_SPAN_LIT("\""));
}

static enum interp_say bytes_debug(struct interp_call *call)
{
    return converted(call, interp_debug_bytes, VK_SPAN_LIT("b\""));
}

static enum interp_say url_encode(struct interp_call *call)
{
    return converted(call, interp_url_encode, VK_SPAN_LIT(""));
}

static enum interp_say html_escape(struct interp_call *call)
{
    return converted(call, interp_html_escape, VK_SPAN_LIT(""));
}

static enum interp_say bytes_hex(struct interp_call *call)
{
    return converted(call, interp_hex_encode, VK_SPAN_LIT(""));
}

static enum interp_say bytes_base64(struct interp_call *call)
{
    return converted(call, interp_base64_encode, VK_SPAN_LIT(""));
}

/* ---- numbers to text --------------------------------------------------------------------- */

static enum interp_say int_hex(struct interp_call *call)
{
    uint8_t text[INTERP_INT_HEX_BYTES];
    size_t len = interp_int_hex(text, interp_call_scalar(call, 0).i);
    return interp_call_give_text(call, vk_span(text, len));
}

static enum interp_say duration_str(struct interp_call *call)
{
    uint8_t text[INTERP_DURATION_BYTES];
    size_t len = interp_duration_print(text, interp_call_scalar(call, 0).i);
    return interp_call_give_text(call, vk_span(text, len));
}

static enum interp_say json_float(struct interp_call *call)
{
    uint8_t text[INTERP_FLOAT_BYTES];
    double value = interp_call_scalar(call, 0).f;
    if (!(value - value == 0)) /* nan and inf are no JSON */
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    return interp_call_give_text(call, vk_span(text, interp_float_print(text, value)));
}

static enum interp_say json_duration(struct interp_call *call)
{
    uint8_t text[INTERP_MS_BYTES];
    return interp_call_give_text(call, vk_span(text, interp_ms_print(text, interp_call_scalar(call, 0).i)));
}

/* ---- text to numbers ----------------------------------------------------------------------- */

static enum interp_say is_int(struct interp_call *call)
{
    int64_t value;
    call->result.u = interp_int_parse(interp_call_text(call, 0), &value) == 0;
    return INTERP_DONE;
}

static enum interp_say parse_int(struct interp_call *call)
{
    return interp_int_parse(interp_call_text(call, 0), &call->result.i)
               ? interp_call_trap(call, INTERP_TRAP_CONVERT)
               : INTERP_DONE;
}

static enum interp_say is_float(struct interp_call *call)
{
    double value;
    call->result.u = interp_float_parse(interp_call_text(call, 0), &value) == 0;
    return INTERP_DONE;
}

static enum interp_say parse_float(struct interp_call *call)
{
    return interp_float_parse(interp_call_text(call, 0), &call->result.f)
               ? interp_call_trap(call, INTERP_TRAP_CONVERT)
               : INTERP_DONE;
}

static bool is_word(struct vk_span text, const char *word, size_t len)
{
    return vk_span_equal(text, vk_span(word, len));
}

static enum interp_say is_bool(struct interp_call *call)
{
    struct vk_span text = interp_call_text(call, 0);
    call->result.u = is_word(text, "true", 4) || is_word(text, "false", 5);
    return INTERP_DONE;
}

static enum interp_say parse_bool(struct interp_call *call)
{
    call->result.u = is_word(interp_call_text(call, 0), "true", 4);
    return INTERP_DONE;
}

const struct interp_native interp_text_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    INTERP_TEXT_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
