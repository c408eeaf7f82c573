/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the interpreter's functions over text cost: ns for each operation, MB/s
 * for what goes through long texts. The least of several rounds, one after the
 * other for all, so that a busy machine disturbs all alike.
 */
#include "interp/text/convert.h"
#include "interp/text/find.h"
#include "interp/text/float.h"
#include "interp/text/hash.h"
#include "interp/text/json.h"
#include "interp/text/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS     9u
#define COUNT      4096u /* values of a round */
#define TEXT_BYTES (1u << 20)

static double values[COUNT], prices[COUNT];
static char value_texts[COUNT][32], price_texts[COUNT][32];
static uint64_t keys[COUNT];
static uint8_t *document, *plain, *out;
static size_t document_len;
static uint64_t sink; /* keeps results alive */

static uint64_t random_state = 88172645463325252;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- what is measured: each returns how many operations or bytes it did ------------------- */

static size_t print_values(void)
{
    uint8_t text[INTERP_FLOAT_BYTES];
    for (uint32_t i = 0; i < COUNT; i++)
        sink += interp_float_print(text, values[i]);
    return COUNT;
}

static size_t print_prices(void)
{
    uint8_t text[INTERP_FLOAT_BYTES];
    for (uint32_t i = 0; i < COUNT; i++)
        sink += interp_float_print(text, prices[i]);
    return COUNT;
}

static size_t parse_texts(char texts[COUNT][32])
{
    for (uint32_t i = 0; i < COUNT; i++) {
        double value;
        sink += (uint64_t)interp_float_parse(vk_span(texts[i], strlen(texts[i])), &value);
        sink += value > 1;
    }
    return COUNT;
}

static size_t parse_values(void)
{
    return parse_texts(value_texts);
}

static size_t parse_prices(void)
{
    return parse_texts(price_texts);
}

static size_t libc_print(void)
{
    char text[40];
    for (uint32_t i = 0; i < COUNT; i++)
        sink += (uint64_t)snprintf(text, sizeof(text), "%.17g", values[i]);
    return COUNT;
}

static size_t libc_parse(void)
{
    for (uint32_t i = 0; i < COUNT; i++)
        sink += strtod(value_texts[i], NULL) > 1;
    return COUNT;
}

static struct interp_hash_key key = {{1, 2}, {0x9e3779b97f4a7c15, 0xd1b54a32d192ed03}, {5, 6}};

static size_t hash_ints(void)
{
    for (uint32_t i = 0; i < COUNT; i++)
        sink += interp_hash_int(&key, keys[i]);
    return COUNT;
}

static size_t hash_span(size_t len)
{
    for (uint32_t i = 0; i < COUNT; i++)
        sink += vk_hash_bytes(key.sip, vk_span((uint8_t *)keys + i * 4, len));
    return COUNT;
}

static size_t hash_8(void)
{
    return hash_span(8);
}

static size_t hash_20(void)
{
    return hash_span(20);
}

static size_t hash_long(void)
{
    sink += vk_hash_bytes(key.sip, vk_span(plain, TEXT_BYTES));
    return TEXT_BYTES;
}

static size_t scan_json(void)
{
    struct interp_json scan = {0};
    struct vk_span text = vk_span(document, document_len);
    enum interp_json_token token = INTERP_JSON_NULL;
    while (interp_json_next(&scan, text, 65536, &token) != -VK_EMALFORMED && token != INTERP_JSON_DONE)
        sink += token;
    if (token != INTERP_JSON_DONE)
        abort();
    return document_len;
}

static size_t convert(interp_convert_fn convert_fn, struct vk_span text)
{
    struct interp_pass measure = {0}, write = {0};
    while (convert_fn(&measure, text, NULL, 65536) == -VK_EAGAIN)
        ;
    while (convert_fn(&write, text, out, 65536) == -VK_EAGAIN)
        ;
    sink += write.out + out[0];
    return text.len;
}

static size_t write_json(void)
{
    return convert(interp_json_escape, vk_span(plain, TEXT_BYTES));
}

static size_t escape_html(void)
{
    return convert(interp_html_escape, vk_span(plain, TEXT_BYTES));
}

static size_t encode_url(void)
{
    return convert(interp_url_encode, vk_span(plain, TEXT_BYTES));
}

static size_t encode_base64(void)
{
    return convert(interp_base64_encode, vk_span(plain, TEXT_BYTES));
}

static size_t check_utf8(void)
{
    size_t at = 0;
    sink += (uint64_t)interp_utf8_check(&at, vk_span(plain, TEXT_BYTES), SIZE_MAX);
    return TEXT_BYTES;
}

static size_t find_absent(void)
{
    struct interp_find find = {0};
    sink +=
        (uint64_t)interp_find(&find, vk_span(plain, TEXT_BYTES), VK_SPAN_LIT("brown cow jumps"), SIZE_MAX);
    return TEXT_BYTES;
}

/* ---- ------------------------------------------------------------------------------- */

static void make_inputs(void)
{
    static const char sentence[] = "The quick brown fox jumps over the lazy dog; caf\xc3\xa9 & \"quotes\".\n";
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t bits = next_random() & ~(UINT64_C(1) << 62);
        memcpy(&values[i], &bits, sizeof(bits));
        prices[i] = (double)(next_random() % 10000000) / 100;
        snprintf(value_texts[i], sizeof(value_texts[i]), "%.17g", values[i]);
        snprintf(price_texts[i], sizeof(price_texts[i]), "%.2f", prices[i]);
        keys[i] = next_random();
    }
    document = malloc(TEXT_BYTES + 4096);
    plain = malloc(TEXT_BYTES);
    out = malloc(TEXT_BYTES * 6);
    if (document == NULL || plain == NULL || out == NULL)
        abort();
    for (size_t i = 0; i < TEXT_BYTES; i++)
        plain[i] = (uint8_t)sentence[i % (sizeof(sentence) - 1)];
    document_len = (size_t)sprintf((char *)document, "[");
    for (uint32_t i = 0; document_len < TEXT_BYTES; i++)
        document_len += (size_t)sprintf(
            (char *)document + document_len,
            "%s{\"id\": %u, \"title\": \"Buy milk and %u eggs\", \"done\": %s, \"price\": "
            "%s, \"tags\": [\"home\", \"caf\xc3\xa9\", \"a\\nb\"]}",
            i > 0 ? ",\n  " : "", i, i % 100, i % 2 ? "true" : "false", price_texts[i % COUNT]);
    document_len += (size_t)sprintf((char *)document + document_len, "]");
}

int main(void)
{
    static const struct {
        const char *name;
        size_t (*run)(void);
        bool is_long; /* counts bytes: MB/s */
    } cases[] = {
        {"float print, random bits", print_values, false},
        {"float print, prices", print_prices, false},
        {"  the C library, %.17g", libc_print, false},
        {"float parse, 17 digits", parse_values, false},
        {"float parse, prices", parse_prices, false},
        {"  the C library, 17 digits", libc_parse, false},
        {"hash of an integer", hash_ints, false},
        {"hash of 8 bytes", hash_8, false},
        {"hash of 20 bytes", hash_20, false},
        {"hash of long bytes", hash_long, true},
        {"JSON scan", scan_json, true},
        {"JSON escape", write_json, true},
        {"HTML escape", escape_html, true},
        {"URL encode", encode_url, true},
        {"base64 encode", encode_base64, true},
        {"UTF-8 check", check_utf8, true},
        {"find, absent", find_absent, true},
    };
    double best[VK_COUNT(cases)];
    make_inputs();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
            double start = now_ns();
            double each = (double)cases[i].run();
            each = (now_ns() - start) / each;
            best[i] = round == 0 || each < best[i] ? each : best[i];
        }
    }
    for (uint32_t i = 0; i < VK_COUNT(cases); i++)
        printf("%-28s %8.1f %s\n", cases[i].name, cases[i].is_long ? 1e3 / best[i] : best[i],
               cases[i].is_long ? "MB/s" : "ns");
    return sink == 0;
}
