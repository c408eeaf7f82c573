/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no function over text reads a byte past its input or writes one past
 * what it measured. Method: every prefix of every input is placed so that it
 * ends at an unmapped page, and every suffix so that it begins after one;
 * results are written so that they end at another.
 */
#include "interp/text/convert.h"
#include "interp/text/find.h"
#include "interp/text/float.h"
#include "interp/text/hash.h"
#include "interp/text/int.h"
#include "interp/text/time.h"
#include "interp/text/utf8.h"
#include "tests/unit/fence.h"
#include "tests/unit/interp/json_cases.h"
#include "tests/unit/test.h"

static const char *const inputs[] = {
    "",
    "0123456789abcdefghijklmnopqrstuvwxyz",
    "-1234567890123456789012345678901234567890.5e-300",
    "1.00000000000000011102230246251565404236316680908203125",
    "9223372036854775807",
    "1996-12-19T16:39:57.123-08:00",
    "1990-12-31T23:59:60Z",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Zm9vYmFyZm9vYmFyZg==",
    "00017f80ffaAbB",
    "a%20b%2Bc%2fd+e%C3%A9",
    "<a href=\"x\" b='y'>&amp;</a>",
    "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xc3\xa9",
    "a=1; b=\"2\"; c; d=\"",
    " \t\n abc abcabd abcabc \r\n",
    "\"\\u00e9\\ud83d\\ude00\\n\\\"0123456789abcdef\\u0041\"",
    "{\"a\": [1, -2.5e10, true, false, null, \"0123456789abcdef\\n\"], \"b\": {}}",
};

static const interp_convert_fn converts[] = {
    interp_base64_encode, interp_base64_decode, interp_hex_encode,  interp_hex_decode,
    interp_url_encode,    interp_url_decode,    interp_form_decode, interp_html_escape,
    interp_lower,         interp_upper,         interp_json_escape, interp_json_unescape,
};

static void scan_json(struct vk_span text, size_t slice, bool is_utf8)
{
    struct interp_json scan = {.is_utf8 = is_utf8};
    enum interp_json_token token = INTERP_JSON_NULL;
    int rc;
    do
        rc = interp_json_next(&scan, text, slice, &token);
    while (rc == -VK_EAGAIN || (rc == 0 && token != INTERP_JSON_DONE));
    CHECK(scan.at <= text.len);
}

static void run_convert(interp_convert_fn convert, struct vk_span text, uint8_t *room, size_t slice)
{
    struct interp_pass measure = {0}, write = {0};
    int rc;
    while ((rc = convert(&measure, text, NULL, slice)) == -VK_EAGAIN)
        ;
    while (convert(&write, text, room + FENCE_BYTES - measure.out, slice) == -VK_EAGAIN)
        ;
    CHECK_EQ(write.out, measure.out);
    CHECK(write.in <= text.len && (rc != 0 || write.in == text.len));
}

static void run_find(struct vk_span text, struct vk_span needle, uint8_t *room)
{
    for (size_t slice = 1; slice < 100; slice += 13) {
        struct interp_find find = {0};
        struct interp_replace measure = {0}, write = {0};
        int rc;
        while ((rc = interp_find(&find, text, needle, slice)) == -VK_EAGAIN)
            ;
        CHECK(rc != 0 || find.at + needle.len <= text.len);
        while (interp_replace(&measure, text, needle, VK_SPAN_LIT("xyz"), NULL, slice) == -VK_EAGAIN)
            ;
        uint8_t *dst = room + FENCE_BYTES - measure.pass.out;
        while (interp_replace(&write, text, needle, VK_SPAN_LIT("xyz"), dst, slice) == -VK_EAGAIN)
            ;
        CHECK_EQ(write.pass.out, measure.pass.out);
    }
}

static void run_parsers(struct vk_span text)
{
    double value;
    int64_t number;
    size_t start = 0, end = text.len, at = 0, count = 0;
    struct vk_span name, cookie, rest = text;
    const struct interp_hash_key key = {{1, 2}, {3, 4}, {5, 6}};
    (void)interp_float_parse(text, &value);
    (void)interp_int_parse(text, &number);
    (void)interp_rfc3339_parse(text, &number);
    (void)interp_http_date_parse(text, &number);
    (void)interp_trim(text, &start, &end, SIZE_MAX);
    (void)vk_hash_bytes(key.sip, text);
    (void)interp_json_equal(text, VK_SPAN_LIT("a\xc3\xa9"));
    (void)interp_json_equal(VK_SPAN_LIT("a\\u00e9bc"), text);
    while (interp_cookie_next(&rest, &name, &cookie))
        CHECK(cookie.ptr + cookie.len <= text.ptr + text.len);
    if (interp_utf8_check(&at, text, SIZE_MAX) == 0) {
        for (size_t next = 0; next < text.len;)
            (void)interp_utf8_next(text, &next);
    }
    at = 0;
    (void)interp_utf8_count(&at, &count, text, SIZE_MAX);
}

/* The input and the room for results are fenced apart. */
static void run_all(struct vk_span text, uint8_t *room)
{
    run_parsers(text);
    scan_json(text, SIZE_MAX, false);
    scan_json(text, 3, true);
    for (uint32_t i = 0; i < VK_COUNT(converts); i++) {
        run_convert(converts[i], text, room, SIZE_MAX);
        run_convert(converts[i], text, room, 1 + text.len % 7);
    }
    run_find(text, VK_SPAN_LIT("abcabc"), room);
    run_find(VK_SPAN_LIT("a\xc3\xa9 abcabc 0123456789"), text, room);
}

static void run_cuts(const void *bytes, size_t len, uint8_t *in, uint8_t *out)
{
    for (size_t cut = 0; cut <= len; cut++) {
        run_all(vk_span(fence_at_end(in, bytes, cut), cut), out);
        run_all(vk_span(fence_at_start(in, (const uint8_t *)bytes + cut, len - cut), len - cut), out);
        run_all(vk_span(fence_at_end(in, (const uint8_t *)bytes + cut, len - cut), len - cut), out);
    }
}

TEST(interp_bounds, every_function_over_every_prefix_and_suffix)
{
    uint8_t *in = fence_room(), *out = fence_room();
    for (uint32_t i = 0; i < VK_COUNT(inputs); i++)
        run_cuts(inputs[i], strlen(inputs[i]), in, out);
}

TEST(interp_bounds, scanner_over_every_prefix_and_suffix_of_all_cases)
{
    uint8_t *in = fence_room();
    for (uint32_t i = 0; i < VK_COUNT(json_valid) + VK_COUNT(json_invalid); i++) {
        struct vk_span text =
            i < VK_COUNT(json_valid) ? json_valid[i] : json_invalid[i - VK_COUNT(json_valid)].text;
        for (size_t cut = 0; cut <= text.len; cut++) {
            for (size_t slice = 1; slice < 40; slice += 6) {
                scan_json(vk_span(fence_at_end(in, text.ptr, cut), cut), slice, slice % 2);
                size_t rest = text.len - cut;
                scan_json(vk_span(fence_at_end(in, text.ptr + cut, rest), rest), slice, slice % 2);
                scan_json(vk_span(fence_at_start(in, text.ptr + cut, rest), rest), slice, slice % 2);
            }
        }
    }
}

TEST(interp_bounds, what_is_printed_ends_where_it_says)
{
    static const double values[] = {0.0,    -0.0,   1.0,       0.1,  -1.2345831165024874e-06,
                                    5e-324, 1e300,  1e20,      1e21, 1e-7,
                                    12.5,   1.5e-7, 123456.789};
    static const int64_t durations[] = {0, 1, 1500, -1500000000, INT64_MIN, INT64_MAX, 60000000000};
    uint8_t *room = fence_room(), text[INTERP_FLOAT_BYTES];
    for (uint32_t i = 0; i < VK_COUNT(values); i++) {
        size_t len = interp_float_print(text, values[i]);
        CHECK_EQ(interp_float_print(room + FENCE_BYTES - len, values[i]), len);
        CHECK_MEM(room + FENCE_BYTES - len, text, len);
    }
    for (uint32_t i = 0; i < VK_COUNT(durations); i++)
        (void)interp_duration_print(room + FENCE_BYTES - INTERP_DURATION_BYTES, durations[i]);
    interp_rfc3339_print(room + FENCE_BYTES - INTERP_RFC3339_BYTES, 0);
    (void)interp_int_hex(room + FENCE_BYTES - INTERP_INT_HEX_BYTES, INT64_MIN);
}
