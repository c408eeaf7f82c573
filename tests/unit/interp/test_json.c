/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: exactly JSON is accepted, each error is told with its place, and
 * slices change nothing. Method: the table of json_cases.h at several slices;
 * tokens of a sample; strings there and back; each limit at, below and above.
 */
#include "interp/text/json.h"

#include "interp/text/float.h"
#include "tests/unit/interp/json_cases.h"
#include "tests/unit/test.h"
#include "vk/limits.h"

#define TOKENS_MAX 256u

struct run {
    int rc;
    uint32_t count;
    struct {
        enum interp_json_token token;
        size_t start, len, plain_len;
    } tokens[TOKENS_MAX];
    struct interp_json scan;
};

/* All tokens to the end or the error. */
static void scan_all(struct run *run, struct vk_span text, size_t slice, bool is_utf8)
{
    memset(run, 0, sizeof(*run));
    run->scan.is_utf8 = is_utf8;
    enum interp_json_token token = INTERP_JSON_NULL;
    do {
        run->rc = interp_json_next(&run->scan, text, slice, &token);
        if (run->rc == 0) {
            CHECK(run->count < TOKENS_MAX);
            run->tokens[run->count].token = token;
            run->tokens[run->count].start = run->scan.start;
            run->tokens[run->count].len = run->scan.len;
            bool is_text = token == INTERP_JSON_NAME || token == INTERP_JSON_STRING;
            run->tokens[run->count].plain_len = is_text ? run->scan.plain_len : 0;
            run->count++;
        }
    } while (run->rc == -VK_EAGAIN || (run->rc == 0 && token != INTERP_JSON_DONE));
}

static const size_t slices[] = {1, 2, 3, 5, 16, 17, 1000};

TEST(interp_json, every_valid_text_is_accepted)
{
    static struct run whole, cut;
    for (uint32_t i = 0; i < VK_COUNT(json_valid); i++) {
        scan_all(&whole, json_valid[i], SIZE_MAX, false);
        if (whole.rc != 0)
            CHECK_EQ(i, UINT32_MAX); /* fails, and shows which */
        for (uint32_t s = 0; s < VK_COUNT(slices); s++) {
            scan_all(&cut, json_valid[i], slices[s], s % 2);
            CHECK_EQ(cut.rc, 0);
            CHECK_EQ(cut.count, whole.count);
            CHECK_MEM(cut.tokens, whole.tokens, sizeof(cut.tokens));
        }
    }
    CHECK(VK_COUNT(json_valid) + VK_COUNT(json_invalid) >= 150);
}

TEST(interp_json, every_invalid_text_is_refused_where_it_is_wrong)
{
    static struct run run;
    for (uint32_t i = 0; i < VK_COUNT(json_invalid); i++) {
        const struct json_invalid *bad = &json_invalid[i];
        for (uint32_t s = 0; s < VK_COUNT(slices); s++) {
            enum interp_json_token token;
            scan_all(&run, bad->text, slices[s], false);
            if (run.rc != -VK_EMALFORMED || run.scan.reason != bad->reason || run.scan.at != bad->at) {
                CHECK_EQ(run.scan.at, bad->at);
                CHECK_EQ(run.scan.reason, bad->reason);
                CHECK_EQ(i, UINT32_MAX); /* fails, and shows which */
            }
            CHECK_EQ(interp_json_next(&run.scan, bad->text, 1, &token), -VK_EMALFORMED);
            CHECK(interp_json_reason_text(run.scan.reason).len > 10);
        }
    }
    CHECK(vk_span_equal(interp_json_reason_text(0), interp_json_reason_text(99)));
}

TEST(interp_json, every_prefix_of_a_value_is_refused)
{
    static struct run run;
    for (uint32_t i = 0; i < VK_COUNT(json_valid); i++) {
        struct vk_span text = json_valid[i];
        if (text.ptr[0] != '[' && text.ptr[0] != '{' && text.ptr[0] != '"')
            continue;
        while (text.ptr[text.len - 1] <= ' ')
            text.len--;
        for (size_t cut = 0; cut < text.len; cut++) {
            scan_all(&run, vk_span(text.ptr, cut), SIZE_MAX, false);
            CHECK_EQ(run.rc, -VK_EMALFORMED);
            CHECK(run.scan.at <= cut);
        }
    }
}

TEST(interp_json, tokens_of_a_sample)
{
    static const struct {
        enum interp_json_token token;
        const char *text;
        uint32_t plain_len;
    } wanted[] = {
        {INTERP_JSON_OBJECT, "{", 0},      {INTERP_JSON_NAME, "a", 1},
        {INTERP_JSON_ARRAY, "[", 0},       {INTERP_JSON_INT, "-1", 0},
        {INTERP_JSON_FLOAT, "2e3", 0},     {INTERP_JSON_TRUE, "true", 0},
        {INTERP_JSON_FALSE, "false", 0},   {INTERP_JSON_NULL, "null", 0},
        {INTERP_JSON_ARRAY_END, "]", 0},   {INTERP_JSON_NAME, "\\u00e9\\n", 3},
        {INTERP_JSON_STRING, "x\\\"y", 3}, {INTERP_JSON_NAME, "o", 1},
        {INTERP_JSON_OBJECT, "{", 0},      {INTERP_JSON_OBJECT_END, "}", 0},
        {INTERP_JSON_OBJECT_END, "}", 0},  {INTERP_JSON_DONE, "", 0},
    };
    static const struct vk_span text = {
        (const uint8_t *)" {\"a\":[-1,2e3,true,false,null],\"\\u00e9\\n\":\"x\\\"y\", \"o\":{}} ", 58};
    static struct run run;
    scan_all(&run, text, SIZE_MAX, true);
    CHECK_EQ(run.rc, 0);
    CHECK_EQ(run.count, VK_COUNT(wanted));
    for (uint32_t i = 0; i < run.count; i++) {
        CHECK_EQ(run.tokens[i].token, wanted[i].token);
        size_t len = run.tokens[i].len;
        CHECK_MEM(text.ptr + run.tokens[i].start, wanted[i].text, len);
        CHECK_EQ(wanted[i].text[len], 0);
        CHECK_EQ(run.tokens[i].plain_len, wanted[i].plain_len);
    }
}

TEST(interp_json, depth_at_and_above_its_limit)
{
    static uint8_t text[2 * INTERP_JSON_DEPTH_MAX + 2];
    static struct run run;
    for (uint32_t depth = INTERP_JSON_DEPTH_MAX - 1; depth <= INTERP_JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        scan_all(&run, vk_span(text, 2 * depth), SIZE_MAX, false);
        bool is_good = depth <= INTERP_JSON_DEPTH_MAX;
        CHECK_EQ(run.rc, is_good ? 0 : -VK_EMALFORMED);
        CHECK_EQ(run.scan.reason, is_good ? INTERP_JSON_BAD_NONE : INTERP_JSON_BAD_DEPTH);
        CHECK_EQ(run.scan.at, is_good ? 2 * depth : INTERP_JSON_DEPTH_MAX);
    }
    /* Levels that were left do not count, and keep nothing of what they were. */
    static const char mixed[] = "[{\"a\":[{}]},[[{\"b\":[]}],{}]]";
    scan_all(&run, vk_span(mixed, sizeof(mixed) - 1), 1, false);
    CHECK_EQ(run.rc, 0);
}

TEST(interp_json, numbers_at_and_above_their_limit)
{
    static uint8_t text[INTERP_NUMBER_MAX_BYTES + 8];
    static struct run run;
    memset(text, '1', sizeof(text));
    scan_all(&run, vk_span(text, INTERP_NUMBER_MAX_BYTES), 7, false);
    CHECK_EQ(run.rc, 0);
    CHECK_EQ(run.tokens[0].len, INTERP_NUMBER_MAX_BYTES);
    scan_all(&run, vk_span(text, INTERP_NUMBER_MAX_BYTES + 1), 7, false);
    CHECK_EQ(run.scan.reason, INTERP_JSON_BAD_LONG);
    CHECK_EQ(run.scan.at, 0);
    scan_all(&run, vk_span(text, INTERP_NUMBER_MAX_BYTES + 8), 7, false);
    CHECK_EQ(run.scan.reason, INTERP_JSON_BAD_LONG);
}

/* Measures and writes in slices. */
static size_t convert(interp_convert_fn convert_fn, struct vk_span text, uint8_t *dst, size_t slice)
{
    struct interp_pass measure = {0}, write = {0};
    int rc;
    while ((rc = convert_fn(&measure, text, NULL, slice)) == -VK_EAGAIN)
        ;
    CHECK_EQ(rc, 0);
    while ((rc = convert_fn(&write, text, dst, slice)) == -VK_EAGAIN)
        ;
    CHECK_EQ(rc, 0);
    CHECK_EQ(write.out, measure.out);
    CHECK_EQ(write.in, text.len);
    return write.out;
}

TEST(interp_json, strings_there_and_back)
{
    static const struct {
        struct vk_span raw, plain, escaped;
    } samples[] = {
#define T(text) {(const uint8_t *)(text), sizeof(text) - 1}
        {T(""), T(""), T("")},
        {T("plain"), T("plain"), T("plain")},
        {T("\\\"\\\\\\/\\b\\f\\n\\r\\t"), T("\"\\/\b\f\n\r\t"), T("\\\"\\\\/\\b\\f\\n\\r\\t")},
        {T("\\u0000\\u001F\\u0020\\u007f"), T("\0\x1f \x7f"), T("\\u0000\\u001f \x7f")},
        {T("\\u00e9\\u20AC\\ud83d\\ude00"), T("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
         T("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")},
        {T("0123456789abcdef\\n0123456789abcdef"), T("0123456789abcdef\n0123456789abcdef"),
         T("0123456789abcdef\\n0123456789abcdef")},
#undef T
    };
    uint8_t out[128];
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        for (uint32_t s = 0; s < VK_COUNT(slices); s++) {
            size_t len = convert(interp_json_unescape, samples[i].raw, out, slices[s]);
            CHECK(vk_span_equal(vk_span(out, len), samples[i].plain));
            len = convert(interp_json_escape, samples[i].plain, out, slices[s]);
            CHECK(vk_span_equal(vk_span(out, len), samples[i].escaped));
        }
        CHECK(interp_json_equal(samples[i].raw, samples[i].plain));
        CHECK(interp_json_equal(samples[i].escaped, samples[i].plain));
        CHECK(!interp_json_equal(samples[i].raw, VK_SPAN_LIT("pla")));
        CHECK(!interp_json_equal(samples[i].raw, VK_SPAN_LIT("plain ")));
        CHECK(!interp_json_equal(samples[i].raw, VK_SPAN_LIT("\xc3")));
    }
    CHECK(!interp_json_equal(VK_SPAN_LIT("\\x"), VK_SPAN_LIT("x")));
}

TEST(interp_json, what_was_not_scanned_is_not_unescaped)
{
    static const char *const bad[] = {"\"", "\\", "\\x", "\\u12", "\\ud800", "\n"};
    uint8_t out[16];
    for (uint32_t i = 0; i < VK_COUNT(bad); i++) {
        uint8_t text[16] = {'a'};
        size_t len = 1;
        for (; bad[i][len - 1] != '\0'; len++)
            text[len] = (uint8_t)bad[i][len - 1];
        struct interp_pass pass = {0};
        CHECK_EQ(interp_json_unescape(&pass, vk_span(text, len), out, 100), -VK_EMALFORMED);
        CHECK_EQ(pass.in, 1);
    }
}

TEST(interp_json, printed_floats_are_numbers)
{
    static struct run run;
    static const double values[] = {0.0, -0.0, 1.0, 1e300, 5e-324, -1.5e-7, 123456.789, 1e20, 1e21};
    uint8_t text[INTERP_FLOAT_BYTES];
    for (uint32_t i = 0; i < VK_COUNT(values); i++) {
        scan_all(&run, vk_span(text, interp_float_print(text, values[i])), SIZE_MAX, false);
        CHECK_EQ(run.rc, 0);
        CHECK_EQ(run.tokens[0].token, INTERP_JSON_FLOAT);
    }
}
