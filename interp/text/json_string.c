/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of JSON and what they mean (RFC 8259, 7). */
#include "interp/text/json_impl.h"
#include "interp/text/utf8.h"
#include "vk/url.h"

/* The unit of \uXXXX at `at`; UINT32_MAX when there is none. */
static uint32_t unit_at(struct vk_span text, size_t at)
{
    uint32_t unit = 0;
    if (text.len - at < 6 || text.ptr[at] != '\\' || text.ptr[at + 1] != 'u')
        return UINT32_MAX;
    for (size_t i = at + 2; i < at + 6; i++) {
        uint32_t digit = vk_hex_value(text.ptr[i]);
        if (digit > 15)
            return UINT32_MAX;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* \uXXXX, alone or a pair. */
static uint32_t unicode_at(struct vk_span text, size_t at, uint32_t *ret_code_point, uint8_t *ret_reason)
{
    uint32_t high = unit_at(text, at);
    if (high == UINT32_MAX) {
        *ret_reason = INTERP_JSON_BAD_ESCAPE;
        return 0;
    }
    *ret_code_point = high;
    if (high < 0xd800 || high > 0xdfff)
        return 6;
    uint32_t low = high < 0xdc00 ? unit_at(text, at + 6) : UINT32_MAX;
    if (low < 0xdc00 || low > 0xdfff) {
        *ret_reason = INTERP_JSON_BAD_SURROGATE;
        return 0;
    }
    *ret_code_point = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
    return 12;
}

uint32_t interp_json_escape_at(struct vk_span text, size_t at, uint32_t *ret_code_point, uint8_t *ret_reason)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (text.len - at >= 2) {
        uint8_t c = text.ptr[at + 1];
        if (c == 'u')
            return unicode_at(text, at, ret_code_point, ret_reason);
        for (uint32_t i = 0; i < sizeof(letters) - 1; i++) {
            if (c == (uint8_t)letters[i]) {
                *ret_code_point = (uint8_t)meant[i];
                return 2;
            }
        }
    }
    *ret_reason = INTERP_JSON_BAD_ESCAPE;
    return 0;
}

int interp_json_unescape(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    size_t at = pass->in, end = interp_slice_end(text, at, bytes_max);
    while (at < end) {
        size_t next = interp_json_skip_plain(text.ptr, at, end, false);
        interp_pass_put(pass, dst, text.ptr + at, next - at);
        at = next;
        if (at == end)
            break;
        uint8_t bytes[INTERP_UTF8_BYTES], reason;
        uint32_t code_point, len = 0;
        if (text.ptr[at] == '\\')
            len = interp_json_escape_at(text, at, &code_point, &reason);
        if (len == 0) {
            pass->in = at;
            return -VK_EMALFORMED;
        }
        interp_pass_put(pass, dst, bytes, interp_utf8_encode(bytes, code_point));
        at += len;
    }
    return interp_pass_stop(pass, text, at);
}

/* A control, quote or backslash; returns the length. */
static uint32_t escape_byte(uint8_t out[6], uint8_t c)
{
    static const char letters[32] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    out[0] = '\\';
    out[1] = c < 0x20 ? (uint8_t)letters[c] : c;
    if (out[1] != 0)
        return 2;
    memcpy(out + 1, "u00", 3);
    out[4] = (uint8_t)('0' + (c >> 4));
    out[5] = (uint8_t) "0123456789abcdef"[c & 15];
    return 6;
}

int interp_json_escape(struct interp_pass *pass, struct vk_span text, uint8_t *dst, size_t bytes_max)
{
    size_t at = pass->in, end = interp_slice_end(text, at, bytes_max);
    while (at < end) {
        size_t next = interp_json_skip_plain(text.ptr, at, end, false);
        interp_pass_put(pass, dst, text.ptr + at, next - at);
        at = next;
        if (at < end) {
            uint8_t escaped[6];
            uint32_t len = escape_byte(escaped, text.ptr[at]);
            interp_pass_put(pass, dst, escaped, len);
            at++;
        }
    }
    return interp_pass_stop(pass, text, at);
}

bool interp_json_equal(struct vk_span text, struct vk_span plain)
{
    size_t at = 0, out = 0;
    while (at < text.len && out < plain.len) {
        uint8_t bytes[INTERP_UTF8_BYTES] = {text.ptr[at]}, reason;
        uint32_t code_point, len = 1, count = 1;
        if (text.ptr[at] == '\\') {
            len = interp_json_escape_at(text, at, &code_point, &reason);
            count = len == 0 ? 0 : interp_utf8_encode(bytes, code_point);
        }
        if (count == 0 || count > plain.len - out || memcmp(bytes, plain.ptr + out, count) != 0)
            return false;
        at += len;
        out += count;
    }
    return at == text.len && out == plain.len;
}
