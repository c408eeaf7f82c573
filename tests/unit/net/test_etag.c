/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a tag is known when the field names it, and only then. Method: tables; every prefix of a long field.
 */
#include "net/etag.h"

#include "tests/unit/test.h"

#define KNOWS(field, tag) net_etag_matches(VK_SPAN_LIT(field), VK_SPAN_LIT(tag))

TEST(net_etag, a_tag_is_found_in_the_list)
{
    CHECK(KNOWS("\"a\"", "\"a\""));
    CHECK(KNOWS("  \"a\"\t", "\"a\""));
    CHECK(KNOWS("\"x\",\"a\"", "\"a\""));
    CHECK(KNOWS("\"x\" ,\t \"a\" , \"y\"", "\"a\""));
    CHECK(KNOWS(", ,\"a\",", "\"a\""));
    CHECK(KNOWS("\"\"", "\"\""));
    CHECK(KNOWS("\"a,b\", \"c\"", "\"c\""));
    CHECK(KNOWS("\"a,b\"", "\"a,b\""));
}

TEST(net_etag, comparison_is_weak)
{
    CHECK(KNOWS("W/\"a\"", "\"a\""));
    CHECK(KNOWS("\"a\"", "W/\"a\""));
    CHECK(KNOWS("W/\"a\"", "W/\"a\""));
    CHECK(KNOWS("W/\"x\", W/\"a\"", "\"a\""));
    CHECK(!KNOWS("w/\"a\"", "\"a\""));
}

TEST(net_etag, another_tag_is_not_found)
{
    CHECK(!KNOWS("", "\"a\""));
    CHECK(!KNOWS("\"A\"", "\"a\""));
    CHECK(!KNOWS("\"ab\"", "\"a\""));
    CHECK(!KNOWS("\"a\"", "\"ab\""));
    CHECK(!KNOWS("\"a,b\"", "\"b\""));
    CHECK(!KNOWS("\"x\", \"y\"", "\"a\""));
}

TEST(net_etag, a_star_stands_for_every_tag_and_stands_alone)
{
    CHECK(KNOWS("*", "\"a\""));
    CHECK(KNOWS(" * ", "\"a\""));
    CHECK(!KNOWS("*", ""));
    CHECK(!KNOWS("*, \"b\"", "\"a\""));
    CHECK(!KNOWS("**", "\"a\""));
}

TEST(net_etag, nothing_behind_what_is_malformed_is_looked_at)
{
    CHECK(!KNOWS("a, \"a\"", "\"a\""));
    CHECK(!KNOWS("\"x, \"a\"", "\"a\""));
    CHECK(!KNOWS("\"", "\""));
    CHECK(!KNOWS("\"", "\"a\""));
    CHECK(!KNOWS("W/", "\"a\""));
    CHECK(!KNOWS("W/a, \"a\"", "\"a\""));
    CHECK(KNOWS("\"a\", x", "\"a\""));
}

TEST(net_etag, a_field_cut_anywhere_names_no_more_than_it_holds)
{
    static const char field[] = "W/\"one\", \"two,three\" ,\"four\"";
    for (size_t len = 0; len < sizeof(field); len++) {
        struct vk_span cut = vk_span(field, len);
        CHECK_EQ(net_etag_matches(cut, VK_SPAN_LIT("\"one\"")), len >= 7);
        CHECK_EQ(net_etag_matches(cut, VK_SPAN_LIT("\"two,three\"")), len >= 20);
        CHECK_EQ(net_etag_matches(cut, VK_SPAN_LIT("\"four\"")), len >= 28);
    }
}
