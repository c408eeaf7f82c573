/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no function of the protocol code reads a byte past its input or
 * writes one past its room. Method: every prefix of every input is placed so
 * that it ends at an unmapped page, and every suffix so that it begins after
 * one; a byte too far is a fault, which ends the test.
 */
#include "net/chunk.h"
#include "net/head.h"
#include "net/query.h"
#include "net/reply.h"
#include "net/route.h"
#include "net/scan.h"
#include "tests/unit/fence.h"
#include "tests/unit/net/heads.h"
#include "tests/unit/test.h"

static void scan_all_prefixes(const uint8_t *in, size_t len)
{
    struct net_scan whole = {0};
    size_t found;
    (void)net_scan_head(&whole, in, len, &found);
    (void)net_scan_status(&whole, in, len, -VK_ETOOBIG);
    struct net_scan cut = {0};
    if (net_scan_head(&cut, in, len / 2, &found) == -VK_EAGAIN)
        (void)net_scan_head(&cut, in, len, &found);
}

TEST(net_bounds, scan_and_parser_over_every_prefix_and_suffix)
{
    uint8_t *room = fence_room();
    static struct net_head head;
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        for (uint32_t len = 0; len <= samples[i].len; len++) {
            const char *suffix = samples[i].bytes + samples[i].len - len;
            uint8_t *in = fence_at_end(room, samples[i].bytes, len);
            scan_all_prefixes(in, len);
            uint32_t status = net_head_parse(&head, in, len);
            if (len == samples[i].len) /* a prefix of a bad head may be a good one */
                CHECK_EQ(status, samples[i].status);
            in = fence_at_start(room, samples[i].bytes, len);
            scan_all_prefixes(in, len);
            CHECK_EQ(net_head_parse(&head, in, len), status);
            in = fence_at_end(room, suffix, len);
            scan_all_prefixes(in, len);
            (void)net_head_parse(&head, in, len);
            in = fence_at_start(room, suffix, len);
            (void)net_head_parse(&head, in, len);
        }
    }
}

TEST(net_bounds, parser_over_heads_that_lie_about_their_end)
{
    /* Every prefix with its last bytes turned into a good end, so that the parser goes all the way. */
    uint8_t *room = fence_room();
    static struct net_head head;
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        for (uint32_t len = 4; len <= samples[i].len; len++) {
            for (uint32_t keep = 0; keep < 4; keep++) {
                uint8_t *in = fence_at_end(room, samples[i].bytes, len);
                memcpy(in + len - (4 - keep), &"\r\n\r\n"[keep], 4 - keep);
                (void)net_head_parse(&head, in, len);
            }
        }
    }
}

TEST(net_bounds, look_up_in_a_head_at_the_edge)
{
    uint8_t *room = fence_room();
    static struct net_head head;
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nZ:\r\n\r\n";
    struct vk_span value;
    uint8_t *in = fence_at_end(room, text, sizeof(text) - 1);
    CHECK_EQ(net_head_parse(&head, in, sizeof(text) - 1), 0);
    CHECK(net_head_field(&head, in, VK_SPAN_LIT("z"), &value));
    CHECK(!net_head_field(&head, in, VK_SPAN_LIT("a-name-longer-than-the-head-itself-is"), &value));
}

TEST(net_bounds, chunks_over_every_piece)
{
    static const char text[] = "5;a=b\r\nhello\r\n7fffffffffffffff\r\nworld";
    static const char last[] = "3\r\nabc\r\n0;e\r\nA: b\r\nC:\r\n\r\n";
    const struct vk_span all[] = {VK_SPAN_LIT(text), VK_SPAN_LIT(last)};
    uint8_t *room = fence_room();
    for (uint32_t i = 0; i < VK_COUNT(all); i++) {
        for (size_t cut = 0; cut <= all[i].len; cut++) {
            struct net_chunk chunk = {0};
            struct vk_span data, in = vk_span(fence_at_end(room, all[i].ptr, cut), cut);
            while (net_chunk_next(&chunk, &in, &data) == 0 && data.len > 0)
                ;
            in = vk_span(fence_at_end(room, all[i].ptr + cut, all[i].len - cut), all[i].len - cut);
            while (net_chunk_next(&chunk, &in, &data) == 0 && data.len > 0)
                ;
            CHECK_EQ(in.len, 0);
        }
    }
    (void)net_chunk_begin(room + FENCE_BYTES - NET_CHUNK_BEGIN_MAX, UINT64_MAX);
}

TEST(net_bounds, responses_into_every_room)
{
    uint8_t *room = fence_room();
    uint8_t text[NET_REPLY_TYPE_MAX];
    memset(text, 't', sizeof(text));
    for (size_t len = 0; len <= 64; len++) {
        uint8_t *copy = fence_at_start(room, text, len);
        for (size_t space = 0; space < 1024; space++) {
            struct net_reply reply = {.status = 200, .type = {copy, len}, .server = {copy, len}};
            size_t out_len = 0;
            uint8_t *out = room + FENCE_BYTES - space;
            int rc = net_reply_whole(out, space, &reply, vk_span(copy, len), &out_len);
            CHECK(rc == 0 ? out_len <= space : rc == -VK_ENOSPC);
            (void)net_reply_error(out, space, &reply, &out_len);
            struct net_writer w = net_writer(out, space);
            net_reply_begin(&w, &reply);
            net_reply_field(&w, VK_SPAN_LIT("X"), vk_span(copy, len));
            (void)net_reply_end(&w);
        }
    }
}

TEST(net_bounds, a_response_of_bytes_at_the_edge)
{
    uint8_t *room = fence_room();
    static uint8_t out[2048];
    uint8_t text[NET_REPLY_TYPE_MAX];
    memset(text, 't', sizeof(text));
    for (size_t len = 0; len <= NET_REPLY_SERVER_MAX; len++) {
        struct vk_span span = vk_span(fence_at_end(room, text, len), len);
        struct net_reply reply = {.status = 200, .type = span, .server = span};
        size_t out_len;
        CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, span, &out_len), 0);
    }
}

TEST(net_bounds, routes_and_queries_at_the_edge)
{
    static const struct vk_span patterns[] = {VK_SPAN_LIT("GET /ab/{x}/c"), VK_SPAN_LIT("GET /ab/"),
                                              VK_SPAN_LIT("GET /")};
    static const char path[] = "/ab/%41%42/c";
    static const char query[] = "a=%41&%62=c+d&%4";
    static uint32_t table[256];
    uint8_t *room = fence_room();
    size_t len;
    uint32_t bad;
    CHECK_EQ(net_route_build(patterns, VK_COUNT(patterns), table, sizeof(table), &len, &bad), 0);
    CHECK(len <= FENCE_BYTES);
    const uint8_t *edge = fence_at_end(room, table, (len + 3) / 4 * 4);
    struct net_route_match match;
    uint8_t *other = fence_room();
    for (size_t cut = 0; cut < sizeof(path); cut++)
        (void)net_route_find(edge, NET_METHOD_GET, vk_span(fence_at_end(other, path, cut), cut), &match);
    for (size_t cut = 0; cut < sizeof(query); cut++) {
        struct vk_span value, text = vk_span(fence_at_end(other, query, cut), cut);
        uint8_t out[sizeof(query)];
        (void)net_query_find(text, VK_SPAN_LIT("b"), &value);
        (void)net_query_find(text, VK_SPAN_LIT("none"), &value);
        (void)net_pct_decode(text, VK_URL_PLUS, out, sizeof(out), &len);
    }
}
