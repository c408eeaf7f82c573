/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the parser accepts what RFC 9112 allows, refuses the rest with the
 * right status, and its offsets name the right bytes. Method: the table of
 * heads.h, each head cut everywhere and spoiled everywhere, limits at, below
 * and above. hosted_bounds.c does the same against an unmapped page.
 */
#include "net/head.h"

#include "tests/unit/net/heads.h"
#include "tests/unit/test.h"

static struct net_head head;

static uint32_t parse_text(const char *text, size_t len)
{
    return net_head_parse(&head, (const uint8_t *)text, len);
}

#define PARSE(text) parse_text(text, sizeof(text) - 1)

static bool is_range(const char *text, struct net_range range, const char *wanted, size_t wanted_len)
{
    return range.len == wanted_len && memcmp(text + range.off, wanted, wanted_len) == 0;
}

#define CHECK_RANGE(text, range, wanted) CHECK(is_range(text, range, wanted, sizeof(wanted) - 1))

static bool is_inside(struct net_range range, size_t len)
{
    return (size_t)range.off + range.len <= len;
}

/* What holds for every head accepted. */
static bool is_sound(const struct net_head *h, size_t len)
{
    bool is_good = is_inside(h->method_text, len) && is_inside(h->target, len) && is_inside(h->path, len) &&
                   is_inside(h->query, len) && is_inside(h->host, len) && is_inside(h->upgrade, len) &&
                   h->method < NET_METHOD_COUNT && h->minor <= 1 && h->fields_count <= NET_FIELDS_MAX &&
                   (h->body == NET_BODY_LENGTH || h->length_bytes == 0) && h->method_text.len > 0;
    for (uint32_t i = 0; i < h->fields_count; i++)
        is_good = is_good && h->fields[i].name.len > 0 && is_inside(h->fields[i].name, len) &&
                  is_inside(h->fields[i].value, len);
    return is_good;
}

TEST(net_head, every_sample_gets_its_status)
{
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        char detail[TEST_DETAIL_BYTES];
        uint32_t status = parse_text(samples[i].bytes, samples[i].len);
        test_print_pair(detail, status, samples[i].status);
        if (status != samples[i].status)
            test_fail(TEST_WHERE, samples[i].bytes, detail);
        if (status == 0 && !is_sound(&head, samples[i].len))
            test_fail(TEST_WHERE, samples[i].bytes, ": offsets outside");
    }
}

TEST(net_head, no_prefix_of_a_head_is_a_head)
{
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        for (uint32_t len = 0; len < samples[i].len && samples[i].status == 0; len++) {
            if (parse_text(samples[i].bytes, len) != 400)
                test_fail(TEST_WHERE, samples[i].bytes, ": a prefix is accepted");
        }
    }
}

TEST(net_head, a_control_anywhere_is_refused)
{
    static const uint8_t spoilers[] = {0, 1, 8, '\n', 0x0b, '\r', 0x1f, 0x7f};
    uint8_t copy[512];
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        for (uint32_t at = 0; at < samples[i].len && samples[i].status == 0; at++) {
            for (uint32_t k = 0; k < VK_COUNT(spoilers); k++) {
                memcpy(copy, samples[i].bytes, samples[i].len);
                if (copy[at] == spoilers[k])
                    continue;
                copy[at] = spoilers[k];
                if (net_head_parse(&head, copy, samples[i].len) == 0)
                    test_fail(TEST_WHERE, samples[i].bytes, ": spoiled, yet accepted");
            }
        }
    }
}

TEST(net_head, the_answer_does_not_depend_on_what_the_struct_held)
{
    static struct net_head other;
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        if (samples[i].status != 0)
            continue;
        memset(&head, 0, sizeof(head));
        memset(&other, 0xff, sizeof(other));
        CHECK_EQ(parse_text(samples[i].bytes, samples[i].len), 0);
        CHECK_EQ(net_head_parse(&other, (const uint8_t *)samples[i].bytes, samples[i].len), 0);
        CHECK_MEM(&head, &other, offsetof(struct net_head, fields));
        CHECK_MEM(head.fields, other.fields, head.fields_count * sizeof(struct net_field));
    }
}

TEST(net_head, methods_are_told_apart)
{
#define X(name)                                                                                         \
    CHECK_EQ(PARSE(#name " / HTTP/1.0\r\n\r\n") == 0 || NET_METHOD_##name == NET_METHOD_CONNECT, true); \
    CHECK_EQ(head.method, NET_METHOD_##name);
    NET_METHOD_LIST(X)
#undef X
    static const char text[] = "GETX / HTTP/1.0\r\n\r\n";
    CHECK_EQ(PARSE(text), 0);
    CHECK_EQ(head.method, NET_METHOD_OTHER);
    CHECK_RANGE(text, head.method_text, "GETX");
    CHECK_EQ(PARSE("GE / HTTP/1.0\r\n\r\n"), 0);
    CHECK_EQ(head.method, NET_METHOD_OTHER);
    CHECK_EQ(PARSE("Get / HTTP/1.0\r\n\r\n"), 0);
    CHECK_EQ(head.method, NET_METHOD_OTHER);
}

TEST(net_head, origin_form_is_split_at_the_first_question_mark)
{
    static const char text[] = "GET /a/b?c?d=/e HTTP/1.1\r\nHost: x:1\r\n\r\n";
    CHECK_EQ(PARSE(text), 0);
    CHECK_EQ(head.form, NET_FORM_ORIGIN);
    CHECK_RANGE(text, head.target, "/a/b?c?d=/e");
    CHECK_RANGE(text, head.path, "/a/b");
    CHECK_RANGE(text, head.query, "c?d=/e");
    CHECK_RANGE(text, head.host, "x:1");
    CHECK_EQ(head.flags, NET_HEAD_KEEP_ALIVE | NET_HEAD_HAS_HOST | NET_HEAD_HAS_QUERY);
    CHECK_EQ(PARSE("GET /? HTTP/1.0\r\n\r\n"), 0);
    CHECK_EQ(head.query.len, 0);
    CHECK_EQ(head.flags, NET_HEAD_HAS_QUERY);
}

TEST(net_head, absolute_form_goes_before_the_host_field)
{
    static const char text[] = "GET http://a:8/p?q HTTP/1.1\r\nHost: b\r\n\r\n";
    CHECK_EQ(PARSE(text), 0);
    CHECK_EQ(head.form, NET_FORM_ABSOLUTE);
    CHECK_RANGE(text, head.host, "a:8");
    CHECK_RANGE(text, head.path, "/p");
    CHECK_RANGE(text, head.query, "q");
    static const char bare[] = "GET https://a HTTP/1.1\r\nHost: b\r\n\r\n";
    CHECK_EQ(PARSE(bare), 0);
    CHECK_RANGE(bare, head.host, "a");
    CHECK_RANGE(bare, head.path, "/");
    static const char query[] = "GET http://a?q HTTP/1.1\r\nHost: b\r\n\r\n";
    CHECK_EQ(PARSE(query), 0);
    CHECK_RANGE(query, head.path, "/");
    CHECK_RANGE(query, head.query, "q");
}

TEST(net_head, the_other_forms_have_no_path)
{
    CHECK_EQ(PARSE("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"), 0);
    CHECK_EQ(head.form, NET_FORM_ASTERISK);
    CHECK_EQ(head.path.len + head.query.len, 0);
    static const char text[] = "CONNECT a:443 HTTP/1.1\r\nHost: b\r\n\r\n";
    CHECK_EQ(PARSE(text), 0);
    CHECK_EQ(head.form, NET_FORM_AUTHORITY);
    CHECK_EQ(head.path.len + head.query.len, 0);
    CHECK_RANGE(text, head.host, "a:443");
}

TEST(net_head, versions_set_minor)
{
    CHECK_EQ(PARSE("GET / HTTP/1.0\r\n\r\n"), 0);
    CHECK_EQ(head.minor, 0);
    CHECK_EQ(PARSE("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 0);
    CHECK_EQ(head.minor, 1);
    CHECK_EQ(PARSE("GET / HTTP/1.7\r\nHost:\r\n\r\n"), 0);
    CHECK_EQ(head.minor, 1);
    CHECK_EQ(PARSE("GET / HTTP/1.7\r\n\r\n"), 400);
}

TEST(net_head, framing_is_told)
{
    CHECK_EQ(PARSE("PUT / HTTP/1.1\r\nHost:\r\n\r\n"), 0);
    CHECK_EQ(head.body, NET_BODY_NONE);
    CHECK_EQ(PARSE("PUT / HTTP/1.1\r\nHost:\r\nContent-Length: 1234567890123\r\n\r\n"), 0);
    CHECK_EQ(head.body, NET_BODY_LENGTH);
    CHECK_EQ(head.length_bytes, 1234567890123);
    CHECK_EQ(PARSE("PUT / HTTP/1.1\r\nHost:\r\nContent-Length: 9223372036854775807\r\n\r\n"), 0);
    CHECK_EQ(head.length_bytes, INT64_MAX);
    CHECK_EQ(PARSE("PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n"), 0);
    CHECK_EQ(head.body, NET_BODY_CHUNKED);
    CHECK_EQ(head.length_bytes, 0);
}

TEST(net_head, persistence_follows_version_and_connection)
{
    static const struct {
        bool keep;
        const char *text;
    } rows[] = {
        {true, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {true, "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"},
        {true, "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n"},
        {true, "GET / HTTP/1.1\r\nHost: a\r\nXonnection: close\r\n\r\n"},
        {false, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
        {false, "GET / HTTP/1.1\r\nHost: a\r\nConnection: x , CLOSE\t,y\r\n\r\n"},
        {false, "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n"},
        {false, "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"},
        {false, "GET / HTTP/1.0\r\nHost: a\r\n\r\n"},
        {true, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"},
        {false, "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"},
        {false, "GET / HTTP/1.0\r\nConnection: keep-aliv\r\n\r\n"},
    };
    for (uint32_t i = 0; i < VK_COUNT(rows); i++) {
        size_t len = 0;
        while (rows[i].text[len] != '\0')
            len++;
        CHECK_EQ(parse_text(rows[i].text, len), 0);
        if (rows[i].keep != ((head.flags & NET_HEAD_KEEP_ALIVE) != 0))
            test_fail(TEST_WHERE, rows[i].text, ": wrong persistence");
    }
}

TEST(net_head, expectations_and_upgrades_are_for_1_1)
{
    CHECK_EQ(PARSE("PUT / HTTP/1.1\r\nHost:\r\nExpect: 100-Continue\r\n\r\n"), 0);
    CHECK(head.flags & NET_HEAD_EXPECT);
    CHECK_EQ(PARSE("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), 0);
    CHECK(!(head.flags & NET_HEAD_EXPECT));
    static const char text[] = "GET / HTTP/1.1\r\nHost:\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    CHECK_EQ(PARSE(text), 0);
    CHECK(head.flags & NET_HEAD_UPGRADE);
    CHECK_RANGE(text, head.upgrade, "websocket");
    CHECK_EQ(PARSE("GET / HTTP/1.1\r\nHost:\r\nUpgrade: websocket\r\n\r\n"), 0);
    CHECK(!(head.flags & NET_HEAD_UPGRADE));
    CHECK_EQ(PARSE("GET / HTTP/1.1\r\nHost:\r\nConnection: upgrade\r\n\r\n"), 0);
    CHECK(!(head.flags & NET_HEAD_UPGRADE));
    CHECK_EQ(PARSE("GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"), 0);
    CHECK(!(head.flags & NET_HEAD_UPGRADE));
}

TEST(net_head, fields_are_found_without_regard_to_case)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-b:\t two words \r\nX-a: 3\r\nx@:";
    static const char good[] = "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-b:\t two words \r\nX-a: 3\r\n\r\n";
    CHECK_EQ(PARSE(text), 400);
    CHECK_EQ(PARSE(good), 0);
    const uint8_t *bytes = (const uint8_t *)good;
    struct vk_span value;
    CHECK_EQ(head.fields_count, 4);
    CHECK(net_head_field(&head, bytes, VK_SPAN_LIT("X-B"), &value));
    CHECK_EQ(value.len, 9);
    CHECK_MEM(value.ptr, "two words", 9);
    CHECK(net_head_field(&head, bytes, VK_SPAN_LIT("HOST"), &value));
    CHECK_EQ(value.len, 1);
    CHECK(!net_head_field(&head, bytes, VK_SPAN_LIT("X-"), &value));
    CHECK(!net_head_field(&head, bytes, VK_SPAN_LIT("X\rA"), &value)); /* differs from X-A in bit 5 only */
    CHECK_EQ(net_head_find(&head, bytes, VK_SPAN_LIT("x-a"), 0), 1);
    CHECK_EQ(net_head_find(&head, bytes, VK_SPAN_LIT("x-a"), 2), 3);
    CHECK_EQ(net_head_find(&head, bytes, VK_SPAN_LIT("x-a"), 4), 4);
}

/* "GET /aaa... HTTP/1.0" with a target of target_len. */
static size_t make_long_target(uint8_t *out, size_t target_len)
{
    memcpy(out, "GET /", 5);
    memset(out + 5, 'a', target_len - 1);
    memcpy(out + 4 + target_len, " HTTP/1.0\r\n\r\n", 13);
    return 4 + target_len + 13;
}

static uint8_t big[NET_HEAD_MAX_BYTES + 64];

TEST(net_head, target_limit)
{
    CHECK_EQ(net_head_parse(&head, big, make_long_target(big, NET_TARGET_MAX_BYTES - 1)), 0);
    CHECK_EQ(net_head_parse(&head, big, make_long_target(big, NET_TARGET_MAX_BYTES)), 0);
    CHECK_EQ(head.path.len, NET_TARGET_MAX_BYTES);
    CHECK_EQ(net_head_parse(&head, big, make_long_target(big, NET_TARGET_MAX_BYTES + 1)), 414);
}

static size_t make_fields(uint8_t *out, uint32_t count)
{
    memcpy(out, "GET / HTTP/1.0\r\n", 16);
    size_t len = 16;
    for (uint32_t i = 0; i < count; i++, len += 6)
        memcpy(out + len, "a: b\r\n", 6);
    memcpy(out + len, "\r\n", 2);
    return len + 2;
}

TEST(net_head, fields_limit)
{
    CHECK_EQ(net_head_parse(&head, big, make_fields(big, NET_FIELDS_MAX - 1)), 0);
    CHECK_EQ(net_head_parse(&head, big, make_fields(big, NET_FIELDS_MAX)), 0);
    CHECK_EQ(head.fields_count, NET_FIELDS_MAX);
    CHECK_EQ(head.fields[NET_FIELDS_MAX - 1].value.len, 1);
    CHECK_EQ(net_head_parse(&head, big, make_fields(big, NET_FIELDS_MAX + 1)), 431);
}

/* A head of len bytes with one long value. */
static void make_long_value(uint8_t *out, size_t len)
{
    memset(out, 'v', len);
    memcpy(out, "GET / HTTP/1.0\r\nX: ", 19);
    memcpy(out + len - 4, "\r\n\r\n", 4);
}

TEST(net_head, length_limit)
{
    for (size_t len = NET_HEAD_MAX_BYTES - 1; len <= NET_HEAD_MAX_BYTES + 1; len++) {
        make_long_value(big, len);
        CHECK_EQ(net_head_parse(&head, big, len), len > NET_HEAD_MAX_BYTES ? 431 : 0);
    }
}

TEST(net_head, line_ends_may_fall_anywhere_in_a_window)
{
    /* Lines of growing length put CR, LF and the empty line at every place of a window of 64. */
    for (size_t value_len = 0; value_len < 200; value_len++) {
        memcpy(big, "GET / HTTP/1.0\r\nA: ", 19);
        memset(big + 19, 'v', value_len);
        memcpy(big + 19 + value_len, "\r\nBb: c\r\n\r\n", 11);
        size_t len = 19 + value_len + 11;
        CHECK_EQ(net_head_parse(&head, big, len), 0);
        CHECK_EQ(head.fields_count, 2);
        CHECK_EQ(head.fields[0].value.len, value_len);
        CHECK_EQ(head.fields[1].name.len, 2);
        CHECK_EQ(head.fields[1].value.off, len - 5);
        big[19 + value_len + 1] = 'x'; /* CR without LF */
        CHECK_EQ(net_head_parse(&head, big, len), 400);
        big[19 + value_len + 1] = '\n';
        big[19 + value_len] = 'x'; /* LF without CR */
        CHECK_EQ(net_head_parse(&head, big, len), 400);
    }
}
