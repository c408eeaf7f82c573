/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner gives the same tokens whole, in slices and without vectors; what
 * it accepts is UTF-8, its strings come back the same through escapes, its
 * numbers through printing.
 */
#include "interp/text/json.h"

#include "interp/text/float.h"
#include "interp/text/int.h"
#include "interp/text/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "vk/err.h"
#include "vk/limits.h"

int scalar_interp_json_next(struct interp_json *scan, struct vk_span text, size_t bytes_max,
                            enum interp_json_token *ret_token);

/* One after the other into a buffer of its own; to be freed. */
static struct vk_span convert(interp_convert_fn convert_fn, struct vk_span text, struct fuzz_cuts *cuts)
{
    struct interp_pass measure = {0}, write = {0};
    FUZZ_CHECK(convert_fn(&measure, text, NULL, SIZE_MAX) == 0);
    uint8_t *out = malloc(measure.out ? measure.out : 1);
    FUZZ_CHECK(out != NULL);
    while (convert_fn(&write, text, out, fuzz_next_cut(cuts, SIZE_MAX)) == -VK_EAGAIN)
        ;
    FUZZ_CHECK(write.out == measure.out && write.in == text.len);
    return vk_span(out, write.out);
}

static void check_string(const struct interp_json *scan, struct vk_span raw, struct fuzz_cuts *cuts)
{
    struct vk_span plain = convert(interp_json_unescape, raw, cuts);
    FUZZ_CHECK(plain.len == scan->plain_len && plain.len <= raw.len);
    FUZZ_CHECK(interp_json_equal(raw, plain));
    struct vk_span escaped = convert(interp_json_escape, plain, cuts);
    struct vk_span again = convert(interp_json_unescape, escaped, cuts);
    FUZZ_CHECK(vk_span_equal(plain, again));
    free((void *)plain.ptr);
    free((void *)escaped.ptr);
    free((void *)again.ptr);
}

static void check_number(struct vk_span raw, bool is_int)
{
    double value, again;
    int64_t number;
    uint8_t text[INTERP_FLOAT_BYTES];
    int rc = interp_float_parse(raw, &value);
    FUZZ_CHECK(rc == 0 || rc == -VK_ERANGE);
    int int_rc = interp_int_parse(raw, &number);
    FUZZ_CHECK(is_int ? int_rc == 0 || int_rc == -VK_ERANGE : int_rc == -VK_EMALFORMED);
    if (rc == 0) {
        size_t len = interp_float_print(text, value);
        FUZZ_CHECK(interp_float_parse(vk_span(text, len), &again) == 0);
        FUZZ_CHECK(memcmp(&value, &again, sizeof(value)) == 0);
    }
}

static int next_in_slices(struct interp_json *scan, struct vk_span text, struct fuzz_cuts *cuts,
                          enum interp_json_token *ret_token)
{
    int rc;
    do
        rc = interp_json_next(scan, text, fuzz_next_cut(cuts, SIZE_MAX), ret_token);
    while (rc == -VK_EAGAIN);
    return rc;
}

static bool is_same(const struct interp_json *a, const struct interp_json *b)
{
    return a->start == b->start && a->len == b->len && a->plain_len == b->plain_len && a->at == b->at &&
           a->reason == b->reason;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    struct vk_span text = vk_span(copy, size);
    struct interp_json whole = {0}, sliced = {0}, scalar = {0};
    struct fuzz_cuts cuts = fuzz_cuts(data, size);
    enum interp_json_token token = INTERP_JSON_NULL, other = INTERP_JSON_NULL;
    int rc;
    do {
        rc = interp_json_next(&whole, text, SIZE_MAX, &token);
        FUZZ_CHECK(next_in_slices(&sliced, text, &cuts, &other) == rc && (rc != 0 || other == token));
        FUZZ_CHECK(scalar_interp_json_next(&scalar, text, SIZE_MAX, &other) == rc &&
                   (rc != 0 || other == token));
        FUZZ_CHECK(is_same(&whole, &sliced) && is_same(&whole, &scalar));
        FUZZ_CHECK(whole.at <= size && (rc == 0 || rc == -VK_EMALFORMED));
        if (rc == 0 && (token == INTERP_JSON_NAME || token == INTERP_JSON_STRING))
            check_string(&whole, interp_json_span(&whole, text), &cuts);
        if (rc == 0 && (token == INTERP_JSON_INT || token == INTERP_JSON_FLOAT))
            check_number(interp_json_span(&whole, text), token == INTERP_JSON_INT);
    } while (rc == 0 && token != INTERP_JSON_DONE);
    size_t at = 0;
    FUZZ_CHECK(rc != 0 || interp_utf8_check(&at, text, SIZE_MAX) == 0);
    FUZZ_CHECK(rc == 0 || (whole.reason != INTERP_JSON_BAD_NONE && whole.reason <= INTERP_JSON_BAD_UTF8));
    free(copy);
    return 0;
}
