/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads documents from standard input, each after its length (4 bytes,
 * little-endian). Prints two lines for each: what its tokens say, with strings
 * and numbers parsed and written again; then "ok", or "bad REASON AT".
 */
#include "interp/text/float.h"
#include "interp/text/int.h"
#include "interp/text/json.h"
#include "vk/err.h"

#include <stdio.h>
#include <stdlib.h>

#define SLICE_BYTES 37u /* odd and short, so that most documents are cut */

static void print_converted(interp_convert_fn convert, struct vk_span text, uint8_t *out, size_t *ret_len)
{
    struct interp_pass pass = {0};
    int rc;
    while ((rc = convert(&pass, text, out, SLICE_BYTES)) == -VK_EAGAIN)
        ;
    if (rc != 0)
        abort();
    *ret_len = pass.out;
}

static void print_string(struct vk_span raw)
{
    uint8_t *plain = malloc(raw.len + 1), *escaped = malloc(raw.len * 6 + 1);
    size_t plain_len, len;
    print_converted(interp_json_unescape, raw, plain, &plain_len);
    print_converted(interp_json_escape, vk_span(plain, plain_len), escaped, &len);
    putchar('"');
    fwrite(escaped, 1, len, stdout);
    putchar('"');
    free(plain);
    free(escaped);
}

static void print_number(struct vk_span raw, bool is_int)
{
    int64_t number;
    double value;
    uint8_t text[INTERP_FLOAT_BYTES];
    if (is_int && interp_int_parse(raw, &number) == 0) {
        printf("%lld", (long long)number);
        return;
    }
    if (interp_float_parse(raw, &value) == -VK_ERANGE)
        printf("%s1e999", value < 0 ? "-" : "");
    else
        fwrite(text, 1, interp_float_print(text, value), stdout);
}

static void print_token(const struct interp_json *scan, struct vk_span text, enum interp_json_token token)
{
    struct vk_span raw = interp_json_span(scan, text);
    switch (token) {
    case INTERP_JSON_NAME:
    case INTERP_JSON_STRING:
        print_string(raw);
        break;
    case INTERP_JSON_INT:
    case INTERP_JSON_FLOAT:
        print_number(raw, token == INTERP_JSON_INT);
        break;
    default:
        fwrite(raw.ptr, 1, raw.len, stdout);
        break;
    }
}

/* Writes tokens with the commas and colons that they leave out. */
static void print_document(struct vk_span text)
{
    struct interp_json scan = {0};
    enum interp_json_token token = INTERP_JSON_NULL;
    bool wants_comma = false;
    for (;;) {
        int rc;
        while ((rc = interp_json_next(&scan, text, SLICE_BYTES, &token)) == -VK_EAGAIN)
            ;
        if (rc != 0) {
            printf("\nbad %u %zu\n", scan.reason, scan.at);
            return;
        }
        if (token == INTERP_JSON_DONE) {
            printf("\nok\n");
            return;
        }
        bool is_end = token == INTERP_JSON_OBJECT_END || token == INTERP_JSON_ARRAY_END;
        if (wants_comma && !is_end)
            putchar(',');
        print_token(&scan, text, token);
        if (token == INTERP_JSON_NAME)
            putchar(':');
        wants_comma = token != INTERP_JSON_NAME && token != INTERP_JSON_OBJECT && token != INTERP_JSON_ARRAY;
    }
}

int main(void)
{
    uint32_t len;
    while (fread(&len, sizeof(len), 1, stdin) == 1) {
        uint8_t *text = malloc(len + 1);
        if (text == NULL || fread(text, 1, len, stdin) != len)
            return 1;
        print_document(vk_span(text, len));
        free(text);
    }
    return 0;
}
