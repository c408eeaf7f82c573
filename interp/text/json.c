/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine with a bit for each level instead of recursion. Only white space
 * and strings can be long; a slice may end in them and nowhere else, so that
 * all other tokens are taken whole.
 */
#include "interp/text/json.h"

#include "interp/text/json_impl.h"
#include "interp/text/utf8.h"
#include "vk/limits.h"

_Static_assert(INTERP_JSON_DEPTH_MAX <= 64, "a bit for each level");

/* What may come next. */
enum state {
    WANT_VALUE,      /* of the text, after a colon, after a comma of an array */
    WANT_FIRST_ITEM, /* or the end of the array */
    WANT_FIRST_NAME, /* or the end of the object */
    WANT_NAME,
    WANT_COLON,
    WANT_MORE, /* a comma or an end; outside of all, the end of the text */
    IS_BAD,
};

static int bad(struct interp_json *scan, size_t at, uint32_t reason)
{
    scan->at = at;
    scan->reason = (uint8_t)reason;
    scan->state = IS_BAD;
    return -VK_EMALFORMED;
}

static bool is_in_object(const struct interp_json *scan)
{
    return scan->depth > 0 && (scan->objects >> (scan->depth - 1) & 1) != 0;
}

VK_INLINE bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

VK_INLINE size_t skip_space(const uint8_t *p, size_t at, size_t end)
{
    if (at == end || p[at] > ' ')
        return at;
#if VK_SSE2
    for (; end - at >= VK_BLOCK_BYTES; at += VK_BLOCK_BYTES) {
        vk_block b = vk_block_load(p + at);
        vk_block space =
            (vk_block)(b == ' ') | (vk_block)(b == '\n') | (vk_block)(b == '\r') | (vk_block)(b == '\t');
        uint32_t others = ~vk_block_mask(space) & 0xffff;
        if (others != 0)
            return at + (uint32_t)__builtin_ctz(others);
    }
#endif
    while (at < end && is_space(p[at]))
        at++;
    return at;
}

/* ---- strings -------------------------------------------------------------------- */

/* Goes on with a string to its end or that of the slice. Each escape is longer than what it means. */
static int take_string(struct interp_json *scan, struct vk_span text, size_t end,
                       enum interp_json_token *ret_token)
{
    size_t at = scan->at;
    bool is_ascii_only = !scan->is_utf8;
    uint8_t reason = 0, bytes[INTERP_UTF8_BYTES];
    uint32_t code_point, len;
    for (;;) {
        at = at < end ? interp_json_skip_plain(text.ptr, at, end, is_ascii_only) : at;
        if (at >= end) {
            scan->at = at;
            return at < text.len ? -VK_EAGAIN : bad(scan, text.len, INTERP_JSON_BAD_END);
        }
        uint8_t c = text.ptr[at];
        if (c == '"')
            break;
        if (c < 0x20)
            return bad(scan, at, INTERP_JSON_BAD_CONTROL);
        if (c == '\\') {
            len = interp_json_escape_at(text, at, &code_point, &reason);
            if (len == 0)
                return bad(scan, at, reason);
            scan->plain_len -= len - interp_utf8_encode(bytes, code_point);
        } else {
            len = interp_utf8_length(text, at);
            if (len == 0)
                return bad(scan, at, INTERP_JSON_BAD_UTF8);
        }
        at += len;
    }
    scan->len = at - scan->start;
    scan->plain_len += scan->len;
    scan->at = at + 1;
    scan->is_in_string = false;
    scan->state = scan->is_name ? WANT_COLON : WANT_MORE;
    *ret_token = scan->is_name ? INTERP_JSON_NAME : INTERP_JSON_STRING;
    return 0;
}

/* The opening quote is at scan->at. plain_len first counts, below 0, what escapes save. */
static int begin_string(struct interp_json *scan, struct vk_span text, size_t end, bool is_name,
                        enum interp_json_token *ret_token)
{
    scan->at++;
    scan->start = scan->at;
    scan->plain_len = 0;
    scan->is_in_string = true;
    scan->is_name = is_name;
    return take_string(scan, text, end, ret_token);
}

/* ---- numbers and words ------------------------------------------------------------ */

static size_t skip_digits(struct vk_span text, size_t at)
{
    while (at < text.len && (uint8_t)(text.ptr[at] - '0') <= 9)
        at++;
    return at;
}

/* The end of the number that begins at `at`; 0 when it is malformed. */
static size_t number_end(struct vk_span text, size_t at, bool *ret_is_float)
{
    at += text.ptr[at] == '-';
    size_t digits = at;
    at = skip_digits(text, at);
    if (at == digits || (text.ptr[digits] == '0' && at > digits + 1))
        return 0;
    if (at < text.len && text.ptr[at] == '.') {
        *ret_is_float = true;
        digits = at + 1;
        at = skip_digits(text, digits);
        if (at == digits)
            return 0;
    }
    if (at < text.len && (text.ptr[at] | 0x20) == 'e') {
        *ret_is_float = true;
        digits = at + 1;
        if (digits < text.len && (text.ptr[digits] == '+' || text.ptr[digits] == '-'))
            digits++;
        at = skip_digits(text, digits);
        if (at == digits)
            return 0;
    }
    return at;
}

static int take_number(struct interp_json *scan, struct vk_span text, enum interp_json_token *ret_token)
{
    size_t start = scan->at;
    struct vk_span head = vk_span(text.ptr, interp_slice_end(text, start, INTERP_NUMBER_MAX_BYTES + 1));
    bool is_float = false;
    size_t end = number_end(head, start, &is_float);
    if (end - start > INTERP_NUMBER_MAX_BYTES && end != 0)
        return bad(scan, start, INTERP_JSON_BAD_LONG);
    if (end == 0)
        return bad(scan, start, INTERP_JSON_BAD_NUMBER);
    scan->start = start;
    scan->len = end - start;
    scan->at = end;
    scan->state = WANT_MORE;
    *ret_token = is_float ? INTERP_JSON_FLOAT : INTERP_JSON_INT;
    return 0;
}

static int take_word(struct interp_json *scan, struct vk_span text, struct vk_span word,
                     enum interp_json_token token, enum interp_json_token *ret_token)
{
    if (!vk_span_starts_with(vk_span_skip(text, scan->at), word))
        return bad(scan, scan->at, INTERP_JSON_BAD_VALUE);
    scan->start = scan->at;
    scan->len = word.len;
    scan->at += word.len;
    scan->state = WANT_MORE;
    *ret_token = token;
    return 0;
}

/* ---- structure ---------------------------------------------------------------------- */

static int open_level(struct interp_json *scan, bool is_object, enum interp_json_token *ret_token)
{
    if (scan->depth == INTERP_JSON_DEPTH_MAX)
        return bad(scan, scan->at, INTERP_JSON_BAD_DEPTH);
    uint64_t bit = UINT64_C(1) << scan->depth;
    scan->objects = is_object ? scan->objects | bit : scan->objects & ~bit;
    scan->depth++;
    scan->start = scan->at;
    scan->len = 1;
    scan->at++;
    scan->state = is_object ? WANT_FIRST_NAME : WANT_FIRST_ITEM;
    *ret_token = is_object ? INTERP_JSON_OBJECT : INTERP_JSON_ARRAY;
    return 0;
}

static int close_level(struct interp_json *scan, enum interp_json_token *ret_token)
{
    *ret_token = is_in_object(scan) ? INTERP_JSON_OBJECT_END : INTERP_JSON_ARRAY_END;
    scan->depth--;
    scan->start = scan->at;
    scan->len = 1;
    scan->at++;
    scan->state = WANT_MORE;
    return 0;
}

static int take_value(struct interp_json *scan, struct vk_span text, size_t end,
                      enum interp_json_token *ret_token)
{
    uint8_t c = text.ptr[scan->at];
    switch (c) {
    case '{':
    case '[':
        return open_level(scan, c == '{', ret_token);
    case '"':
        return begin_string(scan, text, end, false, ret_token);
    case 't':
        return take_word(scan, text, VK_SPAN_LIT("true"), INTERP_JSON_TRUE, ret_token);
    case 'f':
        return take_word(scan, text, VK_SPAN_LIT("false"), INTERP_JSON_FALSE, ret_token);
    case 'n':
        return take_word(scan, text, VK_SPAN_LIT("null"), INTERP_JSON_NULL, ret_token);
    default:
        if (c == '-' || (uint8_t)(c - '0') <= 9)
            return take_number(scan, text, ret_token);
        return bad(scan, scan->at, INTERP_JSON_BAD_VALUE);
    }
}

/* After a value: 1 when a comma was passed and there is no token yet. */
static int take_after(struct interp_json *scan, uint8_t c, enum interp_json_token *ret_token)
{
    bool is_object = is_in_object(scan);
    if (scan->depth == 0)
        return bad(scan, scan->at, INTERP_JSON_BAD_MORE);
    if (c == (is_object ? '}' : ']'))
        return close_level(scan, ret_token);
    if (c != ',')
        return bad(scan, scan->at, is_object ? INTERP_JSON_BAD_FIELD : INTERP_JSON_BAD_ITEM);
    scan->at++;
    scan->state = is_object ? WANT_NAME : WANT_VALUE;
    return 1;
}

/* What the state says, with a byte of it at scan->at: as interp_json_next, or 1 when there is no token yet.
 */
static int step(struct interp_json *scan, struct vk_span text, size_t end, enum interp_json_token *ret_token)
{
    uint8_t c = text.ptr[scan->at];
    switch (scan->state) {
    case WANT_FIRST_ITEM:
        if (c == ']')
            return close_level(scan, ret_token);
        return take_value(scan, text, end, ret_token);
    case WANT_VALUE:
        return take_value(scan, text, end, ret_token);
    case WANT_FIRST_NAME:
    case WANT_NAME:
        if (c == '}' && scan->state == WANT_FIRST_NAME)
            return close_level(scan, ret_token);
        if (c != '"')
            return bad(scan, scan->at, INTERP_JSON_BAD_NAME);
        return begin_string(scan, text, end, true, ret_token);
    case WANT_COLON:
        if (c != ':')
            return bad(scan, scan->at, INTERP_JSON_BAD_COLON);
        scan->at++;
        scan->state = WANT_VALUE;
        return 1;
    case WANT_MORE:
        return take_after(scan, c, ret_token);
    default:
        return -VK_EMALFORMED;
    }
}

int interp_json_next(struct interp_json *scan, struct vk_span text, size_t bytes_max,
                     enum interp_json_token *ret_token)
{
    if (scan->state == IS_BAD)
        return -VK_EMALFORMED;
    size_t end = interp_slice_end(text, scan->at, bytes_max);
    if (scan->is_in_string)
        return take_string(scan, text, end, ret_token);
    for (;;) {
        scan->at = skip_space(text.ptr, scan->at, end);
        if (scan->at >= end)
            break;
        int rc = step(scan, text, end, ret_token);
        if (rc <= 0)
            return rc;
    }
    if (scan->at < text.len)
        return -VK_EAGAIN;
    if (scan->state != WANT_MORE || scan->depth > 0)
        return bad(scan, text.len, INTERP_JSON_BAD_END);
    scan->start = scan->at;
    scan->len = 0;
    *ret_token = INTERP_JSON_DONE;
    return 0;
}

struct vk_span interp_json_reason_text(uint32_t reason)
{
    switch (reason) {
#define X(name, text)            \
    case INTERP_JSON_BAD_##name: \
        return VK_SPAN_LIT(text);
        INTERP_JSON_REASONS(X)
#undef X
    default:
        return VK_SPAN_LIT("no error");
    }
}
