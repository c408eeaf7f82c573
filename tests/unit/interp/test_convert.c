/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: each conversion gives what its source says, measured as written, in
 * any slices. Method: tables, the vectors of RFC 4648, random bytes there and
 * back.
 */
#include "interp/text/convert.h"

#include "tests/unit/test.h"

static const size_t slices[] = {1, 2, 3, 4, 5, 8, 13, SIZE_MAX};

/* Measures and writes in slices; the length, or -VK_EMALFORMED with the place in *ret_at. */
static int64_t run(interp_convert_fn convert, struct vk_span text, uint8_t *dst, size_t slice, size_t *ret_at)
{
    struct interp_pass measure = {0}, write = {0};
    int rc, again;
    while ((rc = convert(&measure, text, NULL, slice)) == -VK_EAGAIN)
        ;
    while ((again = convert(&write, text, dst, slice)) == -VK_EAGAIN)
        ;
    CHECK_EQ(rc, again);
    CHECK_EQ(measure.in, write.in);
    CHECK_EQ(measure.out, write.out);
    *ret_at = write.in;
    return rc == 0 ? (int64_t)write.out : rc;
}

static void check(interp_convert_fn convert, struct vk_span text, struct vk_span wanted)
{
    uint8_t out[1200];
    size_t at;
    for (uint32_t s = 0; s < VK_COUNT(slices); s++) {
        int64_t len = run(convert, text, out, slices[s], &at);
        CHECK_EQ(len, wanted.len);
        CHECK_EQ(at, text.len);
        CHECK_MEM(out, wanted.ptr, wanted.len);
    }
}

static void check_bad(interp_convert_fn convert, struct vk_span text, size_t wanted_at)
{
    uint8_t out[64];
    size_t at;
    for (uint32_t s = 0; s < VK_COUNT(slices); s++) {
        CHECK_EQ(run(convert, text, out, slices[s], &at), -VK_EMALFORMED);
        CHECK_EQ(at, wanted_at);
    }
}

#define IS(convert, text, wanted) check(convert, VK_SPAN_LIT(text), VK_SPAN_LIT(wanted))
#define BAD(convert, text, at)    check_bad(convert, VK_SPAN_LIT(text), at)

TEST(interp_convert, base64)
{
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (uint32_t i = 0; i < VK_COUNT(vectors); i++) {
        struct vk_span plain = vk_span(vectors[i][0], i), coded = vk_span(vectors[i][1], (i + 2) / 3 * 4);
        check(interp_base64_encode, plain, coded);
        check(interp_base64_decode, coded, plain);
    }
    IS(interp_base64_encode, "\xff\xef\xbe\0", "/+++AA==");
    BAD(interp_base64_decode, "Z", 0);
    BAD(interp_base64_decode, "Zg", 0);
    BAD(interp_base64_decode, "Zg=", 0);
    BAD(interp_base64_decode, "Zm9vYg=", 4);
    BAD(interp_base64_decode, "====", 0);
    BAD(interp_base64_decode, "Z===", 0);
    BAD(interp_base64_decode, "Zh==", 0);
    BAD(interp_base64_decode, "Zm9=", 0);
    BAD(interp_base64_decode, "Zg==Zg==", 0);
    BAD(interp_base64_decode, "Zm9v====", 4);
    BAD(interp_base64_decode, "Zm9v\n", 4);
    BAD(interp_base64_decode, "Zm 9v", 0);
    BAD(interp_base64_decode, "Zm-_", 0);
    BAD(interp_base64_decode, "Z=9v", 0);
    BAD(interp_base64_decode, "Zm=v", 0);
    BAD(interp_base64_decode, "Zm9\xc3", 0);
}

TEST(interp_convert, hexadecimal)
{
    IS(interp_hex_encode, "", "");
    IS(interp_hex_encode, "\0\x01\x7f\x80\xff", "00017f80ff");
    IS(interp_hex_decode, "00017f80ff", "\0\x01\x7f\x80\xff");
    IS(interp_hex_decode, "aAbBfF", "\xaa\xbb\xff");
    BAD(interp_hex_decode, "0", 0);
    BAD(interp_hex_decode, "000", 2);
    BAD(interp_hex_decode, "0g", 0);
    BAD(interp_hex_decode, "00 1", 2);
    BAD(interp_hex_decode, "0x11", 0);
}

TEST(interp_convert, urls)
{
    IS(interp_url_encode, "", "");
    IS(interp_url_encode, "AZaz09-._~", "AZaz09-._~");
    IS(interp_url_encode, "a b+c/d?e=f&g%h", "a%20b%2Bc%2Fd%3Fe%3Df%26g%25h");
    IS(interp_url_encode, "\xc3\xa9\0@[`{", "%C3%A9%00%40%5B%60%7B");
    IS(interp_url_decode, "a%20b%2Bc%2fd+", "a b+c/d+");
    IS(interp_form_decode, "a%20b%2Bc%2fd+", "a b+c/d ");
    IS(interp_url_decode, "%C3%A9%00", "\xc3\xa9\0");
    BAD(interp_url_decode, "abc%", 3);
    BAD(interp_url_decode, "abc%4", 3);
    BAD(interp_form_decode, "%zz", 0);
    BAD(interp_url_decode, "%41%4g", 3);
}

TEST(interp_convert, html)
{
    IS(interp_html_escape, "", "");
    IS(interp_html_escape, "plain \xc3\xa9", "plain \xc3\xa9");
    IS(interp_html_escape, "<a href=\"x\" b='y'>&amp;</a>",
       "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
    IS(interp_html_escape, "<<>>", "&lt;&lt;&gt;&gt;");
}

TEST(interp_convert, letters)
{
    IS(interp_lower, "", "");
    IS(interp_lower, "AZaz@[`{09\xc3\x89\xff", "azaz@[`{09\xc3\x89\xff");
    IS(interp_upper, "AZaz@[`{09\xc3\xa9\xff", "AZAZ@[`{09\xc3\xa9\xff");
    IS(interp_upper, "the quick brown fox jumps over the lazy dog",
       "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG");
    IS(interp_lower, "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
       "the quick brown fox jumps over the lazy dog");
}

TEST(interp_convert, random_bytes_there_and_back)
{
    static const interp_convert_fn pairs[][2] = {{interp_base64_encode, interp_base64_decode},
                                                 {interp_hex_encode, interp_hex_decode},
                                                 {interp_url_encode, interp_url_decode},
                                                 {interp_url_encode, interp_form_decode}};
    static uint8_t plain[300], coded[900];
    uint64_t random = 7;
    size_t at;
    for (uint32_t i = 0; i < 2000; i++) {
        size_t len = test_random_below(&random, sizeof(plain));
        for (size_t b = 0; b < len; b++)
            plain[b] = (uint8_t)test_random(&random);
        for (uint32_t p = 0; p < VK_COUNT(pairs); p++) {
            size_t slice = slices[test_random_below(&random, VK_COUNT(slices))];
            int64_t coded_len = run(pairs[p][0], vk_span(plain, len), coded, slice, &at);
            uint8_t back[300];
            int64_t back_len = run(pairs[p][1], vk_span(coded, (size_t)coded_len), back, slice, &at);
            CHECK_EQ(back_len, len);
            CHECK_MEM(back, plain, len);
        }
    }
}
