/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: decoding is exact and strict, keys are found where they are. Method: tables. */
#include "net/query.h"

#include "tests/unit/test.h"
#include "vk/err.h"

static int decode(struct vk_span text, uint32_t flags, const char *wanted, size_t wanted_len)
{
    uint8_t out[64];
    size_t len = 0;
    int rc = net_pct_decode(text, flags, out, sizeof(out), &len);
    if (rc == 0) {
        CHECK_EQ(len, wanted_len);
        CHECK_MEM(out, wanted, wanted_len);
        CHECK(net_pct_equal(text, flags, vk_span(wanted, wanted_len)));
        CHECK(!net_pct_equal(text, flags, vk_span("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1", wanted_len + 1)));
    }
    return rc;
}

#define DECODE(text, flags, wanted) decode(VK_SPAN_LIT(text), flags, wanted, sizeof(wanted) - 1)

TEST(net_query, percent_encoding_is_resolved)
{
    CHECK_EQ(DECODE("", 0, ""), 0);
    CHECK_EQ(DECODE("abc", 0, "abc"), 0);
    CHECK_EQ(DECODE("%41%6a%6A", 0, "Ajj"), 0);
    CHECK_EQ(DECODE("a%00b%ff%2F", 0, "a\0b\xff/"), 0);
    CHECK_EQ(DECODE("%2541", 0, "%41"), 0);
    CHECK_EQ(DECODE("a+b%2b", 0, "a+b+"), 0);
    CHECK_EQ(DECODE("a+b%2b", VK_URL_PLUS, "a b+"), 0);
}

TEST(net_query, malformed_encoding_is_refused)
{
    CHECK_EQ(DECODE("%", 0, ""), -VK_EMALFORMED);
    CHECK_EQ(DECODE("%4", 0, ""), -VK_EMALFORMED);
    CHECK_EQ(DECODE("a%4", 0, ""), -VK_EMALFORMED);
    CHECK_EQ(DECODE("%g1", 0, ""), -VK_EMALFORMED);
    CHECK_EQ(DECODE("%1g", 0, ""), -VK_EMALFORMED);
    CHECK_EQ(DECODE("%%41", 0, ""), -VK_EMALFORMED);
    CHECK(!net_pct_equal(VK_SPAN_LIT("%4"), 0, VK_SPAN_LIT("%4")));
    CHECK(!net_pct_equal(VK_SPAN_LIT("a%"), 0, VK_SPAN_LIT("a")));
}

TEST(net_query, decoding_in_place_and_room)
{
    uint8_t text[] = {'%', '4', '1', 'b', '%', '4', '3'};
    size_t len = 0;
    CHECK_EQ(net_pct_decode(vk_span(text, 7), 0, text, 3, &len), 0);
    CHECK_EQ(len, 3);
    CHECK_MEM(text, "AbC", 3);
    CHECK_EQ(net_pct_decode(vk_span(text, 3), 0, text, 2, &len), -VK_ENOSPC);
}

static bool find(struct vk_span query, struct vk_span key, const char *wanted, size_t wanted_len)
{
    struct vk_span value;
    return net_query_find(query, key, &value) && value.len == wanted_len &&
           memcmp(value.ptr, wanted, wanted_len) == 0 && value.ptr >= query.ptr &&
           value.ptr + value.len <= query.ptr + query.len;
}

#define FIND(query, key, wanted) find(VK_SPAN_LIT(query), VK_SPAN_LIT(key), wanted, sizeof(wanted) - 1)

TEST(net_query, keys_are_found)
{
    CHECK(FIND("a=1", "a", "1"));
    CHECK(FIND("a=1&b=22&c=3", "b", "22"));
    CHECK(FIND("a=1&b=22&c=3", "c", "3"));
    CHECK(FIND("b=1&b=2", "b", "1"));
    CHECK(FIND("ab=1&b=2", "b", "2"));
    CHECK(FIND("b", "b", ""));
    CHECK(FIND("b=", "b", ""));
    CHECK(FIND("a&b", "b", ""));
    CHECK(FIND("b=1=2", "b", "1=2"));
    CHECK(FIND("&&b=1&", "b", "1"));
    CHECK(FIND("%62=%31", "b", "%31"));
    CHECK(FIND("a+c=1", "a c", "1"));
    CHECK(FIND("=x", "", "x"));
    CHECK(FIND("%zz=1&b=2", "b", "2"));
}

TEST(net_query, keys_that_are_not_there)
{
    struct vk_span value;
#define MISSES(query, key) (!net_query_find(VK_SPAN_LIT(query), VK_SPAN_LIT(key), &value))
    CHECK(MISSES("", "a"));
    CHECK(MISSES("", ""));
    CHECK(MISSES("&", ""));
    CHECK(MISSES("ab=1", "a"));
    CHECK(MISSES("a=1", "ab"));
    CHECK(MISSES("x=a", "a"));
    CHECK(MISSES("A=1", "a"));
#undef MISSES
}
