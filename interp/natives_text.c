/* SPDX-License-Identifier: Apache-2.0 */
/* Natives around interp/text: conversions of texts, numbers and times to texts and back. Whole at once. */
#include "interp/interp_impl.h"
#include "interp/text/convert.h"
#include "interp/text/float.h"
#include "interp/text/int.h"
#include "interp/text/json.h"
#include "interp/text/pass.h"
#include "interp/text/time.h"

/* ---- text to text ------------------------------------------------------------------ */

/* The first argument, converted, with `quotes` bytes '"' before and behind. */
static enum interp_say converted(struct interp_call *call, interp_convert_fn convert, uint32_t quotes)
{
    struct interp_pass pass = {0};
    struct vk_span text = interp_call_text(call, 0);
    if (convert(&pass, text, NULL, text.len + 1))
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    uint8_t *dst = interp_call_text_new(call, interp_str_type(call->run), pass.out + 2 * (size_t)quotes);
    if (!dst)
        return INTERP_TRAP;
    text = interp_call_text(call, 0); /* it may have moved */
    pass = (struct interp_pass){0};
    if (quotes)
        *dst++ = '"';
    if (convert(&pass, text, dst, text.len + 1))
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    if (quotes)
        dst[pass.out] = '"';
    call->cost += (uint32_t)(text.len / 32);
    return INTERP_DONE;
}

static enum interp_say json_quote(struct interp_call *call)
{
    return converted(call, interp_json_escape, 1);
}

static enum interp_say url_encode(struct interp_call *call)
{
    return converted(call, interp_url_encode, 0);
}

static enum interp_say html_escape(struct interp_call *call)
{
    return converted(call, interp_html_escape, 0);
}

static enum interp_say bytes_hex(struct interp_call *call)
{
    return converted(call, interp_hex_encode, 0);
}

static enum interp_say bytes_base64(struct interp_call *call)
{
    return converted(call, interp_base64_encode, 0);
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

static enum interp_say give_float(struct interp_call *call, double value)
{
    uint8_t text[INTERP_FLOAT_BYTES];
    if (!(value - value == 0)) /* nan and inf are no JSON */
        return interp_call_trap(call, INTERP_TRAP_CONVERT);
    return interp_call_give_text(call, vk_span(text, interp_float_print(text, value)));
}

static enum interp_say json_float(struct interp_call *call)
{
    return give_float(call, interp_call_scalar(call, 0).f);
}

/* Milliseconds; a whole number of them without a point. */
static enum interp_say json_duration(struct interp_call *call)
{
    uint8_t text[VK_FMT_U64_BYTES];
    int64_t ns = interp_call_scalar(call, 0).i;
    if (ns % 1000000)
        return give_float(call, (double)ns / 1e6);
    return interp_call_give_text(call, vk_span(text, vk_fmt_i64(text, ns / 1000000)));
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
