/* SPDX-License-Identifier: Apache-2.0 */
/* What literals stand for. */
#include "compiler/lex.h"
#include "compiler/limits.h"

#include <math.h>
#include <stdlib.h>

#define INT_LIMIT (UINT64_C(1) << 63) /* one more than the largest Int */

static uint32_t digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint32_t)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (uint32_t)(c - 'A') + 10;
    return UINT32_MAX;
}

bool vkc_literal_int(const char *text, size_t len_bytes, uint64_t *ret_value)
{
    uint64_t base = 10, value = 0;
    size_t at = 0;
    if (len_bytes > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'b')) {
        base = text[1] == 'x' ? 16 : 2;
        at = 2;
    }
    for (; at < len_bytes; at++) {
        if (text[at] == '_')
            continue;
        uint64_t digit = digit_of(text[at]);
        if (value > (INT_LIMIT - digit) / base)
            return false;
        value = value * base + digit;
    }
    *ret_value = value;
    return true;
}

bool vkc_literal_float(const char *text, size_t len_bytes, double *ret_value)
{
    char *plain = vkc_grow(NULL, len_bytes + 1);
    size_t len = 0;
    for (size_t i = 0; i < len_bytes; i++) {
        if (text[i] != '_')
            plain[len++] = text[i];
    }
    plain[len] = '\0';
    *ret_value = strtod(plain, NULL);
    vkc_free(plain);
    return isfinite(*ret_value);
}

/* Splits digits from the suffix. */
static bool with_suffix(const char *text, size_t len_bytes, uint64_t *ret_value, const char **ret_suffix,
                        size_t *ret_suffix_len)
{
    size_t len = 0;
    while (len < len_bytes && (digit_of(text[len]) < 10 || text[len] == '_'))
        len++;
    *ret_suffix = text + len;
    *ret_suffix_len = len_bytes - len;
    return vkc_literal_int(text, len, ret_value);
}

bool vkc_literal_duration(const char *text, size_t len_bytes, int64_t *ret_ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1},          {"us", 1000},          {"ms", 1000000},
                 {"s", 1000000000u}, {"min", 60000000000u}, {"h", 3600000000000u}};
    const char *suffix;
    size_t len;
    uint64_t value;
    if (!with_suffix(text, len_bytes, &value, &suffix, &len))
        return false;
    for (size_t i = 0; i < VK_COUNT(units); i++) {
        if (strlen(units[i].name) != len || memcmp(units[i].name, suffix, len) != 0)
            continue;
        if (value > (INT_LIMIT - 1) / units[i].ns)
            return false;
        *ret_ns = (int64_t)(value * units[i].ns);
    }
    return true;
}

bool vkc_literal_size(const char *text, size_t len_bytes, uint64_t *ret_bytes)
{
    const char *suffix;
    size_t len;
    uint64_t value;
    if (!with_suffix(text, len_bytes, &value, &suffix, &len))
        return false;
    uint32_t shift = suffix[0] == 'k' ? 10 : 20;
    if (value > INT_LIMIT >> shift)
        return false;
    *ret_bytes = value << shift;
    return true;
}

/* ---- texts --------------------------------------------------------------------- */

struct decoder {
    struct vkc_program *program;
    const struct vkc_text_rules *rules;
    struct vkc_span span;
    const char *text; /* of the span */
    uint32_t len;
    uint32_t at;
    char *out; /* never longer than the text */
    uint32_t out_len;
};

static struct vkc_span here(const struct decoder *d, uint32_t from, uint32_t to)
{
    return (struct vkc_span){d->span.start + from, d->span.start + to};
}

static void put(struct decoder *d, uint32_t byte)
{
    d->out[d->out_len++] = (char)byte;
}

static void put_scalar(struct decoder *d, uint32_t c)
{
    if (c < 0x80) {
        put(d, c);
        return;
    }
    if (c < 0x800) {
        put(d, 0xc0 | c >> 6);
    } else if (c < 0x10000) {
        put(d, 0xe0 | c >> 12);
        put(d, 0x80 | (c >> 6 & 0x3f));
    } else {
        put(d, 0xf0 | c >> 18);
        put(d, 0x80 | (c >> 12 & 0x3f));
        put(d, 0x80 | (c >> 6 & 0x3f));
    }
    put(d, 0x80 | (c & 0x3f));
}

/* \u{1F600}: at is behind the u. What stands in braces is taken though it be wrong. */
static void scalar(struct decoder *d, uint32_t start)
{
    uint32_t value = 0, digits = 0;
    bool is_good = d->at < d->len && d->text[d->at] == '{';
    d->at += is_good;
    for (; is_good && d->at < d->len && digit_of(d->text[d->at]) < 16; d->at++) {
        value = digits < 6 ? value << 4 | digit_of(d->text[d->at]) : value;
        digits++;
    }
    is_good = is_good && d->at < d->len && d->text[d->at] == '}';
    d->at += is_good;
    is_good = is_good && digits > 0 && digits < 7;
    if (is_good && value <= 0x10ffff && !(value >= 0xd800 && value < 0xe000))
        put_scalar(d, value);
    else
        vkc_error(&d->program->diags, here(d, start, d->at),
                  is_good ? "this is no Unicode scalar value"
                          : "expected `\\u{...}` with one to six hexadecimal digits");
}

/* \xff: at is behind the x. */
static void byte(struct decoder *d, uint32_t start)
{
    uint32_t high = d->at < d->len ? digit_of(d->text[d->at]) : UINT32_MAX;
    uint32_t low = d->at + 1 < d->len ? digit_of(d->text[d->at + 1]) : UINT32_MAX;
    if (high > 15 || low > 15) {
        vkc_error(&d->program->diags, here(d, start, start + 2),
                  "expected two hexadecimal digits after `\\x`");
        return;
    }
    put(d, high << 4 | low);
    d->at += 2;
}

static void unknown_escape(struct decoder *d, uint32_t start)
{
    struct vkc_diags *diags = &d->program->diags;
    struct vkc_diag *diag = vkc_error(diags, here(d, start, d->at), "there is no such escape");
    vkc_diag_help(diags, diag,
                  d->rules->is_bytes ? "a Bytes literal knows `\\n \\r \\t \\0 \\\\ \\\" \\xff`"
                                     : "a text knows `\\n \\r \\t \\0 \\\\ \\\" \\{ \\} \\u{1F600}`");
}

static void escape(struct decoder *d)
{
    static const char from[] = "nrt0\\\"", to[] = "\n\r\t\0\\\"";
    uint32_t start = d->at++;
    char c = d->at < d->len ? d->text[d->at++] : ' ';
    const char *found = c != '\0' ? memchr(from, c, sizeof from - 1) : NULL;
    if (found != NULL)
        put(d, (uint8_t)to[found - from]);
    else if (!d->rules->is_bytes && (c == '{' || c == '}'))
        put(d, (uint8_t)c);
    else if (!d->rules->is_bytes && c == 'u')
        scalar(d, start);
    else if (d->rules->is_bytes && c == 'x')
        byte(d, start);
    else
        unknown_escape(d, start);
}

/* At the start of a line of a triple text: drops the indentation, which only an empty line may lack. */
static void indentation(struct decoder *d)
{
    for (uint32_t i = 0; i < d->rules->indent_len; i++) {
        char c = d->at < d->len ? d->text[d->at] : '\n';
        if (c == d->rules->indent[i]) {
            d->at++;
        } else {
            if (c != '\n' && c != '\r')
                vkc_error(&d->program->diags, here(d, d->at, d->at),
                          "this line is indented less than the closing `\"\"\"`");
            return;
        }
    }
}

static void plain(struct decoder *d)
{
    uint8_t c = (uint8_t)d->text[d->at];
    if (d->rules->is_triple && c == '\r' && d->at + 1 < d->len && d->text[d->at + 1] == '\n') {
        d->at++;
        return;
    }
    d->at++;
    if (c == '}' && !d->rules->is_bytes)
        vkc_error(&d->program->diags, here(d, d->at - 1, d->at), "a `}` in a text is written `\\}`");
    else if ((c < 0x20 && c != '\t' && !(c == '\n' && d->rules->is_triple)) || c == 0x7f)
        vkc_error(&d->program->diags, here(d, d->at - 1, d->at),
                  "a control character, U+%04X, in a text: use an escape", c);
    else if (c >= 0x80 && d->rules->is_bytes)
        vkc_error(&d->program->diags, here(d, d->at - 1, d->at), "a Bytes literal is ASCII: use `\\x%02x`",
                  c);
    put(d, c);
    if (c == '\n')
        indentation(d);
}

const char *vkc_literal_text(struct vkc_program *program, struct vkc_span span,
                             const struct vkc_text_rules *rules, bool is_line_start, uint32_t *ret_len)
{
    struct decoder d = {.program = program, .rules = rules, .span = span, .len = span.end - span.start};
    d.text = vkc_source_text(&program->sources, span);
    d.out = vkc_arena_take(&program->arena, d.len + 1);
    if (is_line_start)
        indentation(&d);
    while (d.at < d.len) {
        if (d.text[d.at] == '\\')
            escape(&d);
        else
            plain(&d);
    }
    *ret_len = d.out_len;
    return d.out;
}
