/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/text/convert.h"

#include "vk/url.h"

/* ---- base64 ------------------------------------------------------------------ */

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The end of a slice of whole groups, or the end of the text. */
VK_INLINE size_t groups_end(struct vk_span text, size_t at, size_t bytes_max, size_t group)
{
    size_t groups = bytes_max / group > 0 ? bytes_max / group : 1;
    return text.len - at > groups * group ? at + groups * group : text.len;
}

int interp_base64_encode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    size_t at = pass->in, end = groups_end(text, at, bytes_max, 3);
    if (dst == NULL) {
        pass->out = (text.len + 2) / 3 * 4;
        pass->in = text.len;
        return 0;
    }
    uint8_t *to = dst + pass->out;
    for (; end - at >= 3; at += 3, to += 4) {
        uint32_t bits = (uint32_t)text.ptr[at] << 16 | (uint32_t)text.ptr[at + 1] << 8 | text.ptr[at + 2];
        to[0] = (uint8_t)base64_digits[bits >> 18];
        to[1] = (uint8_t)base64_digits[bits >> 12 & 63];
        to[2] = (uint8_t)base64_digits[bits >> 6 & 63];
        to[3] = (uint8_t)base64_digits[bits & 63];
    }
    if (end > at) { /* one or two bytes at the end of the text */
        bool has_two = end - at == 2;
        uint32_t bits = (uint32_t)text.ptr[at] << 16 | (has_two ? (uint32_t)text.ptr[at + 1] << 8 : 0);
        to[0] = (uint8_t)base64_digits[bits >> 18];
        to[1] = (uint8_t)base64_digits[bits >> 12 & 63];
        to[2] = has_two ? (uint8_t)base64_digits[bits >> 6 & 63] : '=';
        to[3] = '=';
        to += 4;
        at = end;
    }
    pass->out = (size_t)(to - dst);
    return interp_pass_stop(pass, text, at);
}

/* 0 to 63; 64 for a byte that is no digit. */
VK_INLINE uint32_t base64_value(uint8_t c)
{
    static const uint8_t values[256] = {
#define D(c, value) [c] = (value) + 1
        D('A', 0),  D('B', 1),  D('C', 2),  D('D', 3),  D('E', 4),  D('F', 5),  D('G', 6),  D('H', 7),
        D('I', 8),  D('J', 9),  D('K', 10), D('L', 11), D('M', 12), D('N', 13), D('O', 14), D('P', 15),
        D('Q', 16), D('R', 17), D('S', 18), D('T', 19), D('U', 20), D('V', 21), D('W', 22), D('X', 23),
        D('Y', 24), D('Z', 25), D('a', 26), D('b', 27), D('c', 28), D('d', 29), D('e', 30), D('f', 31),
        D('g', 32), D('h', 33), D('i', 34), D('j', 35), D('k', 36), D('l', 37), D('m', 38), D('n', 39),
        D('o', 40), D('p', 41), D('q', 42), D('r', 43), D('s', 44), D('t', 45), D('u', 46), D('v', 47),
        D('w', 48), D('x', 49), D('y', 50), D('z', 51), D('0', 52), D('1', 53), D('2', 54), D('3', 55),
        D('4', 56), D('5', 57), D('6', 58), D('7', 59), D('8', 60), D('9', 61), D('+', 62), D('/', 63),
#undef D
    };
    uint32_t value = values[c];
    return value == 0 ? 64 : value - 1;
}

/* One group of four: how many bytes it means; 0 when it is malformed. Only the last may be padded. */
static uint32_t base64_group(const uint8_t *from, bool is_last, uint8_t bytes[3])
{
    uint32_t count = 3;
    if (is_last && from[3] == '=')
        count = from[2] == '=' ? 1 : 2;
    uint32_t a = base64_value(from[0]), b = base64_value(from[1]);
    uint32_t c = count > 1 ? base64_value(from[2]) : 0, d = count > 2 ? base64_value(from[3]) : 0;
    bool has_rest = (count == 1 && (b & 15) != 0) || (count == 2 && (c & 3) != 0);
    if (((a | b | c | d) & 64) != 0 || has_rest)
        return 0;
    bytes[0] = (uint8_t)(a << 2 | b >> 4);
    bytes[1] = (uint8_t)(b << 4 | c >> 2);
    bytes[2] = (uint8_t)(c << 6 | d);
    return count;
}

int interp_base64_decode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    size_t at = pass->in, end = groups_end(text, at, bytes_max, 4);
    for (; at < end; at += 4) {
        uint8_t bytes[3];
        uint32_t count = end - at >= 4 ? base64_group(text.ptr + at, text.len - at == 4, bytes) : 0;
        if (count == 0) {
            pass->in = at;
            return -VK_EMALFORMED;
        }
        interp_pass_put(pass, dst, bytes, count);
    }
    return interp_pass_stop(pass, text, at);
}

/* ---- hexadecimal --------------------------------------------------------------- */

static const char hex_digits[] = "0123456789abcdef";

int interp_hex_encode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    size_t at = pass->in, end = interp_slice_end(text, at, bytes_max);
    for (; dst != NULL && at < end; at++) {
        dst[2 * at] = (uint8_t)hex_digits[text.ptr[at] >> 4];
        dst[2 * at + 1] = (uint8_t)hex_digits[text.ptr[at] & 15];
    }
    at = dst == NULL ? text.len : at;
    pass->out = 2 * at;
    return interp_pass_stop(pass, text, at);
}

int interp_hex_decode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    size_t at = pass->in, end = groups_end(text, at, bytes_max, 2);
    for (; at < end; at += 2) {
        uint32_t high = vk_hex_value(text.ptr[at]), low = end - at >= 2 ? vk_hex_value(text.ptr[at + 1]) : 16;
        if (high > 15 || low > 15) {
            pass->in = at;
            return -VK_EMALFORMED;
        }
        interp_pass_byte(pass, dst, (uint8_t)(high << 4 | low));
    }
    return interp_pass_stop(pass, text, at);
}

/* ---- URLs ------------------------------------------------------------------------ */

VK_INLINE bool is_unreserved(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

int interp_url_encode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    size_t at = pass->in, end = interp_slice_end(text, at, bytes_max);
    for (; at < end; at++) {
        uint8_t c = text.ptr[at];
        if (is_unreserved(c)) {
            interp_pass_byte(pass, dst, c);
            continue;
        }
        const uint8_t encoded[3] = {'%', (uint8_t) "0123456789ABCDEF"[c >> 4],
                                    (uint8_t) "0123456789ABCDEF"[c & 15]};
        interp_pass_put(pass, dst, encoded, 3);
    }
    return interp_pass_stop(pass, text, at);
}

VK_INLINE int decode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max,
                     uint32_t flags)
{
    size_t at = pass->in, end = interp_slice_end(text, at, bytes_max);
    while (at < end) {
        pass->in = at;
        int32_t byte = vk_url_byte(text, flags, &at);
        if (byte < 0)
            return -VK_EMALFORMED;
        interp_pass_byte(pass, dst, (uint8_t)byte);
    }
    return interp_pass_stop(pass, text, at);
}

int interp_url_decode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    return decode(pass, text, dst, bytes_max, 0);
}

int interp_form_decode(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    return decode(pass, text, dst, bytes_max, VK_URL_PLUS);
}

/* ---- HTML, letters ------------------------------------------------------------------ */

/* What a byte must become; empty when it may stay. */
VK_INLINE struct vk_span html_entity(uint8_t c)
{
    switch (c) {
    case '&':
        return VK_SPAN_LIT("&amp;");
    case '<':
        return VK_SPAN_LIT("&lt;");
    case '>':
        return VK_SPAN_LIT("&gt;");
    case '"':
        return VK_SPAN_LIT("&quot;");
    case '\'':
        return VK_SPAN_LIT("&#39;");
    default:
        return vk_span(NULL, 0);
    }
}

int interp_html_escape(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    size_t at = pass->in, end = interp_slice_end(text, at, bytes_max), plain = at;
    for (; at < end; at++) {
        struct vk_span entity = html_entity(text.ptr[at]);
        if (entity.len == 0)
            continue;
        interp_pass_put(pass, dst, text.ptr + plain, at - plain);
        interp_pass_put(pass, dst, entity.ptr, entity.len);
        plain = at + 1;
    }
    interp_pass_put(pass, dst, text.ptr + plain, at - plain);
    return interp_pass_stop(pass, text, at);
}

/* Flips the case of what lies from `first` on; plain enough to be vectorised. */
VK_INLINE int flip_case(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max,
                        uint8_t first)
{
    size_t end = interp_slice_end(text, pass->in, bytes_max);
    for (size_t at = pass->in; dst != NULL && at < end; at++) {
        uint8_t c = text.ptr[at];
        dst[at] = (uint8_t)(c ^ ((uint8_t)(c - first) < 26 ? 0x20 : 0));
    }
    pass->out = dst == NULL ? text.len : end;
    return interp_pass_stop(pass, text, pass->out);
}

int interp_lower(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    return flip_case(pass, text, dst, bytes_max, 'A');
}

int interp_upper(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    return flip_case(pass, text, dst, bytes_max, 'a');
}
