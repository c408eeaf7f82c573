/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: places are those that comparing everywhere finds, in linear time.
 * Method: all needles and texts of two letters up to a length, random ones of
 * periodic pieces, in slices; comparisons counted by slices of one.
 */
#include "interp/text/find.h"

#include "tests/unit/test.h"

static size_t plain_find(struct vk_span text, struct vk_span needle, size_t from)
{
    for (size_t at = from; at + needle.len <= text.len; at++)
        if (memcmp(text.ptr + at, needle.ptr, needle.len) == 0)
            return at;
    return SIZE_MAX;
}

/* Every place, one behind the other, as by plain comparison; counts the calls. */
static uint32_t check_all(struct vk_span text, struct vk_span needle, size_t slice)
{
    struct interp_find find = {0};
    uint32_t calls = 0;
    for (size_t from = 0;;) {
        int rc;
        do {
            calls++;
            rc = interp_find(&find, text, needle, slice);
        } while (rc == -VK_EAGAIN);
        size_t wanted = plain_find(text, needle, from);
        CHECK(rc == (wanted == SIZE_MAX ? -VK_ENOENT : 0));
        if (rc != 0)
            return calls;
        CHECK(find.at == wanted);
        interp_find_again(&find, needle);
        from = wanted + needle.len;
    }
}

static void letters(uint8_t *out, uint32_t len, uint32_t bits)
{
    for (uint32_t i = 0; i < len; i++)
        out[i] = (uint8_t)('a' + (bits >> i & 1));
}

TEST(interp_find, all_texts_of_two_letters)
{
    uint8_t text[12], needle[8];
    for (uint32_t needle_len = 1; needle_len <= 7; needle_len++) {
        for (uint32_t n = 0; n < 1u << needle_len; n++) {
            letters(needle, needle_len, n);
            for (uint32_t t = 0; t<1u << 12; t += needle_len> 5 ? 3 : 1) {
                letters(text, 12, t);
                check_all(vk_span(text, 12), vk_span(needle, needle_len), t % 2 ? SIZE_MAX : 1 + t % 5);
            }
        }
    }
}

/* Short pieces repeated, so that periods are found and broken. */
static size_t periodic(uint64_t *random, uint8_t *out, size_t len_max)
{
    size_t len = 0;
    while (len < len_max) {
        uint32_t period = 1 + test_random_below(random, 6), repeat = 1 + test_random_below(random, 12);
        uint32_t bits = (uint32_t)test_random(random);
        for (uint32_t i = 0; i < period * repeat && len < len_max; i++)
            out[len++] = (uint8_t)('a' + (bits >> i % period & 1));
        if (test_random_below(random, 4) == 0)
            break;
    }
    return len;
}

TEST(interp_find, periodic_texts)
{
    static uint8_t text[512], needle[64];
    uint64_t random = 42;
    for (uint32_t i = 0; i < 20000; i++) {
        size_t len = periodic(&random, text, sizeof(text)),
               needle_len = periodic(&random, needle, sizeof(needle));
        if (i % 2 == 0 && needle_len < len) /* one that is there */
            memcpy(needle, text + test_random_below(&random, (uint32_t)(len - needle_len)), needle_len);
        check_all(vk_span(text, len), vk_span(needle, needle_len), 1 + test_random_below(&random, 40));
    }
}

TEST(interp_find, comparisons_are_linear)
{
    static uint8_t text[8000], needle[2000];
    for (uint32_t shape = 0; shape < 5; shape++) {
        memset(text, 'a', sizeof(text));
        memset(needle, 'a', sizeof(needle));
        for (uint32_t i = 0; shape == 4 && i < sizeof(text); i += 2) /* abab.. */
            text[i] = 'b';
        for (uint32_t i = 0; shape == 4 && i < sizeof(needle); i += 2)
            needle[i] = 'b';
        if (shape == 4)
            needle[sizeof(needle) - 1] = 'c';
        if (shape < 3) /* aaab, baaa, aabaa: nowhere */
            needle[shape == 0 ? sizeof(needle) - 1 : shape == 1 ? 0 : sizeof(needle) / 2] = 'b';
        uint32_t calls = check_all(vk_span(text, sizeof(text)), vk_span(needle, sizeof(needle)), 1);
        CHECK(calls <= 3 * sizeof(text) + 6 * sizeof(needle));
    }
}

TEST(interp_find, ends)
{
    struct interp_find find = {0};
    CHECK_EQ(interp_find(&find, VK_SPAN_LIT("abc"), vk_span(NULL, 0), 1), 0);
    CHECK_EQ(find.at, 0);
    CHECK_EQ(interp_find(&find, vk_span(NULL, 0), vk_span(NULL, 0), 1), 0);
    CHECK_EQ(interp_find(&find, vk_span(NULL, 0), VK_SPAN_LIT("a"), 1), -VK_ENOENT);
    CHECK_EQ(interp_find(&find, VK_SPAN_LIT("ab"), VK_SPAN_LIT("abc"), 1), -VK_ENOENT);
    check_all(VK_SPAN_LIT("abc"), VK_SPAN_LIT("abc"), 1);
    check_all(VK_SPAN_LIT("\0\xff\0\xff"), VK_SPAN_LIT("\xff\0"), 1);
}

static void check_replace(struct vk_span text, struct vk_span needle, struct vk_span with,
                          struct vk_span wanted)
{
    static const size_t slices[] = {1, 2, 3, 7, SIZE_MAX};
    uint8_t out[64];
    for (uint32_t s = 0; s < VK_COUNT(slices); s++) {
        struct interp_replace measure = {0}, write = {0};
        while (interp_replace(&measure, text, needle, with, NULL, slices[s]) == -VK_EAGAIN)
            ;
        CHECK_EQ(measure.pass.out, wanted.len);
        while (interp_replace(&write, text, needle, with, out, slices[s]) == -VK_EAGAIN)
            ;
        CHECK(vk_span_equal(vk_span(out, write.pass.out), wanted));
    }
}

TEST(interp_find, replacing)
{
#define REPLACE(text, needle, with, wanted) \
    check_replace(VK_SPAN_LIT(text), VK_SPAN_LIT(needle), VK_SPAN_LIT(with), VK_SPAN_LIT(wanted))
    REPLACE("", "a", "b", "");
    REPLACE("abc", "", "x", "abc");
    REPLACE("abc", "x", "y", "abc");
    REPLACE("abc", "b", "", "ac");
    REPLACE("aaa", "a", "bb", "bbbbbb");
    REPLACE("aaaaa", "aa", "b", "bba");
    REPLACE("one, two, three", ", ", "\n", "one\ntwo\nthree");
    REPLACE("abab", "abab", "", "");
    REPLACE("xabx", "ab", "abab", "xababx");
#undef REPLACE
}

TEST(interp_find, trimming)
{
    static const struct {
        struct vk_span text;
        size_t start, end;
    } samples[] = {
#define T(text) {(const uint8_t *)(text), sizeof(text) - 1}
        {T(""), 0, 0},
        {T("a"), 0, 1},
        {T("  a b\t\n"), 2, 5},
        {T(" \t\n\v\f\r"), 6, 6},
        {T("\r\na"), 2, 3},
        {T("\xc2\xa0"
           "a\x1f"),
         0, 4},
#undef T
    };
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        for (size_t slice = 1; slice < 10; slice++) {
            size_t start = 0, end = samples[i].text.len;
            while (interp_trim(samples[i].text, &start, &end, slice) == -VK_EAGAIN)
                ;
            CHECK_EQ(start, samples[i].start);
            CHECK_EQ(end, samples[i].end);
        }
    }
}

TEST(interp_find, cookies)
{
    static const char *const wanted[][2] = {{"SID", "31d4d96e407aad42"},
                                            {"lang", "en-US"},
                                            {"q", "a b"},
                                            {"e", ""},
                                            {"x", "1=2"},
                                            {"y", "\""},
                                            {"last", "z"}};
    struct vk_span name, value,
        rest = VK_SPAN_LIT(
            "SID=31d4d96e407aad42; lang=en-US;q=\"a b\" ;; bare; =noname; e=; x=1=2; y=\";\tlast = z ");
    for (uint32_t i = 0; i < VK_COUNT(wanted); i++) {
        CHECK(interp_cookie_next(&rest, &name, &value));
        CHECK(name.ptr[name.len - 1] != ' ');
        CHECK_MEM(name.ptr, wanted[i][0], name.len);
        CHECK_EQ(wanted[i][0][name.len], 0);
        CHECK_MEM(value.ptr, wanted[i][1], value.len);
        CHECK_EQ(wanted[i][1][value.len], 0);
    }
    CHECK(!interp_cookie_next(&rest, &name, &value));
    CHECK(!interp_cookie_next(&rest, &name, &value));
}
