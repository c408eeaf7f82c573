/* SPDX-License-Identifier: Apache-2.0 */
/* Natives of numbers and times, and of their texts. All of them are short. */
#include "interp/natives_impl.h"
#include "interp/text/float.h"
#include "interp/text/int.h"
#include "interp/text/time.h"
#include "vk/civil.h"
#include "vk/fmt.h"

/* ---- floats ------------------------------------------------------------------------ */

#define WHOLE_FROM 4503599627370496.0 /* 2^52: from here on every float is whole */

static double arg(const struct interp_call *call)
{
    return interp_call_scalar(call, 0).f;
}

static enum interp_say give(struct interp_call *call, double value)
{
    call->result.f = value;
    return INTERP_DONE;
}

static bool is_whole(double x)
{
    return !(x > -WHOLE_FROM && x < WHOLE_FROM); /* infinities and nan too */
}

/* Toward zero; keeps the sign of a zero. */
static double truncated(double x)
{
    return is_whole(x) ? x : __builtin_copysign((double)(int64_t)x, x);
}

enum interp_say interp_float_abs(struct interp_call *call)
{
    return give(call, __builtin_fabs(arg(call)));
}

enum interp_say interp_float_floor(struct interp_call *call)
{
    double x = arg(call), whole = truncated(x);
    return give(call, whole > x ? whole - 1 : whole);
}

enum interp_say interp_float_ceil(struct interp_call *call)
{
    double x = arg(call), whole = truncated(x);
    return give(call, whole < x ? __builtin_copysign(whole + 1, x) : whole);
}

enum interp_say interp_float_trunc(struct interp_call *call)
{
    return give(call, truncated(arg(call)));
}

/* Halves go away from zero. */
enum interp_say interp_float_round(struct interp_call *call)
{
    double x = arg(call), whole = truncated(x), rest = x - whole;
    if (!is_whole(x) && (rest >= 0.5 || rest <= -0.5))
        whole += __builtin_copysign(1, x);
    return give(call, whole);
}

/* ---- numbers to text ---------------------------------------------------------------- */

enum interp_say interp_int_to_hex(struct interp_call *call)
{
    uint8_t text[INTERP_INT_HEX_BYTES];
    size_t len = interp_int_hex(text, interp_call_scalar(call, 0).i);
    return interp_call_give_text(call, vk_span(text, len));
}

enum interp_say interp_duration_str(struct interp_call *call)
{
    uint8_t text[INTERP_DURATION_BYTES];
    size_t len = interp_duration_print(text, interp_call_scalar(call, 0).i);
    return interp_call_give_text(call, vk_span(text, len));
}

enum interp_say interp_json_float(struct interp_call *call)
{
    uint8_t text[INTERP_FLOAT_BYTES];
    double value = arg(call);
    if (!(value - value == 0))
        return interp_call_trap_text(call, INTERP_TRAP_CONVERT, VK_SPAN_LIT(INTERP_NO_JSON));
    return interp_call_give_text(call, vk_span(text, interp_float_print(text, value)));
}

enum interp_say interp_json_duration(struct interp_call *call)
{
    uint8_t text[INTERP_MS_BYTES];
    return interp_call_give_text(call, vk_span(text, interp_ms_print(text, interp_call_scalar(call, 0).i)));
}

/* ---- what is out of range ---------------------------------------------------------------- */

enum interp_say interp_out_of_range(struct interp_call *call, const char *name, int64_t given,
                                    const char *what)
{
    char text[128];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "%s(%lld) %s", name, (long long)given, what);
    return interp_call_trap_text(call, INTERP_TRAP_CONVERT, vk_out_span(&out));
}

/* ---- text to numbers ------------------------------------------------------------------- */

enum interp_say interp_is_int(struct interp_call *call)
{
    int64_t value;
    call->result.u = interp_int_parse(interp_call_text(call, 0), &value) == 0;
    return INTERP_DONE;
}

enum interp_say interp_parse_int(struct interp_call *call)
{
    return interp_int_parse(interp_call_text(call, 0), &call->result.i)
               ? interp_call_trap(call, INTERP_TRAP_CONVERT)
               : INTERP_DONE;
}

enum interp_say interp_is_float(struct interp_call *call)
{
    double value;
    call->result.u = interp_float_parse(interp_call_text(call, 0), &value) == 0;
    return INTERP_DONE;
}

enum interp_say interp_parse_float(struct interp_call *call)
{
    return interp_float_parse(interp_call_text(call, 0), &call->result.f)
               ? interp_call_trap(call, INTERP_TRAP_CONVERT)
               : INTERP_DONE;
}

enum interp_say interp_is_bool(struct interp_call *call)
{
    struct vk_span text = interp_call_text(call, 0);
    call->result.u = vk_span_equal(text, VK_SPAN_LIT("true")) || vk_span_equal(text, VK_SPAN_LIT("false"));
    return INTERP_DONE;
}

enum interp_say interp_parse_bool(struct interp_call *call)
{
    call->result.u = vk_span_equal(interp_call_text(call, 0), VK_SPAN_LIT("true"));
    return INTERP_DONE;
}

/* ---- points in time ---------------------------------------------------------------------- */

#define NO_YEAR "lies outside of the years 0 to 9999"

/* Years 0 to 9999 have a text. */
static bool has_text(int64_t seconds)
{
    return seconds >= VK_CIVIL_FIRST && seconds <= VK_CIVIL_LAST;
}

enum interp_say interp_rfc3339(struct interp_call *call)
{
    uint8_t text[INTERP_RFC3339_BYTES];
    int64_t seconds = interp_call_scalar(call, 0).i;
    if (!has_text(seconds))
        return interp_out_of_range(call, "rfc3339", seconds, NO_YEAR);
    interp_rfc3339_print(text, seconds);
    return interp_call_give_text(call, vk_span(text, sizeof text));
}

enum interp_say interp_http_date(struct interp_call *call)
{
    uint8_t text[VK_FMT_DATE_BYTES];
    int64_t seconds = interp_call_scalar(call, 0).i;
    if (!has_text(seconds))
        return interp_out_of_range(call, "http_date", seconds, NO_YEAR);
    vk_fmt_date(text, seconds);
    return interp_call_give_text(call, vk_span(text, sizeof text));
}

enum interp_say interp_is_rfc3339(struct interp_call *call)
{
    int64_t seconds;
    call->result.u = interp_rfc3339_parse(interp_call_text(call, 0), &seconds) == 0;
    return INTERP_DONE;
}

enum interp_say interp_parse_rfc3339(struct interp_call *call)
{
    return interp_rfc3339_parse(interp_call_text(call, 0), &call->result.i)
               ? interp_call_trap(call, INTERP_TRAP_CONVERT)
               : INTERP_DONE;
}

/* ---- random numbers ------------------------------------------------------------------------ */

/* A hash with the image's secret of what is never the same twice: unknown to whoever has not the secret. */
static uint64_t next_random(const struct interp_call *call)
{
    const struct proc_self *self = interp_self(call->run);
    const uint64_t seed[] = {self->pid, self->now_ns, (uint64_t)self->wall_s, call->run->p->randoms++};
    return vk_hash_bytes(call->run->image->hash_key.sip, vk_span(seed, sizeof seed));
}

/*
 * 0 to n - 1, each as likely. Source: Lemire, "Fast random integer generation
 * in an interval", 2019.
 */
enum interp_say interp_random(struct interp_call *call)
{
    uint64_t n = interp_call_scalar(call, 0).u;
    if ((int64_t)n <= 0)
        return interp_out_of_range(call, "random", (int64_t)n, "takes 1 or more");
    unsigned __int128 wide = (unsigned __int128)next_random(call) * n;
    if ((uint64_t)wide < n)
        for (uint64_t least = (0 - n) % n; (uint64_t)wide < least;)
            wide = (unsigned __int128)next_random(call) * n;
    call->result.u = (uint64_t)(wide >> 64);
    return INTERP_DONE;
}
