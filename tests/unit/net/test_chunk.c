/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the decoder gives the same payload however the input is cut, refuses
 * what two readers may read differently, and keeps its limits. Method: a table
 * of bodies, each decoded whole, cut in two everywhere, and byte by byte.
 */
#include "net/chunk.h"

#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"

struct body {
    int rc; /* 0: ends; else the error, -VK_EAGAIN for a body that goes on */
    uint32_t len;
    const char *bytes;
    const char *payload; /* before the end or the error */
};

#define BODY(rc, bytes, payload)              \
    {                                         \
        rc, sizeof(bytes) - 1, bytes, payload \
    }
#define BAD(bytes) BODY(-VK_EMALFORMED, bytes, "")

static const struct body bodies[] = {
    BODY(0, "0\r\n\r\n", ""),
    BODY(0, "5\r\nhello\r\n0\r\n\r\n", "hello"),
    BODY(0, "5\r\nhello\r\n0\r\n\r\nGET", "hello"),
    BODY(0, "1\r\n\n\r\n2\r\n\r\n\r\n000\r\n\r\n", "\n\r\n"),
    BODY(0, "A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n", "0123456789abcdefghij"),
    BODY(0, "0000000000000003\r\nabc\r\n0\r\n\r\n", "abc"),
    BODY(0, "3;\r\nabc\r\n0;a=b\r\n\r\n", "abc"),
    BODY(0, "3;a=\"b;c\" ; d\t\r\nabc\r\n0\r\n\r\n", "abc"),
    BODY(0, "0\r\nA: b\r\n\r\n", ""),
    BODY(0, "0\r\nA:\r\nExpires: \t x \xff\r\n\r\n", ""),
    BODY(-VK_EAGAIN, "", ""),
    BODY(-VK_EAGAIN, "5", ""),
    BODY(-VK_EAGAIN, "5\r\nhel", "hel"),
    BODY(-VK_EAGAIN, "5\r\nhello\r\n0\r\n", "hello"),
    BODY(-VK_EAGAIN, "7fffffffffffffff\r\nabc", "abc"),
    BAD("8000000000000000\r\nabc"),
    BAD("ffffffffffffffff\r\nabc"),
    BAD("10000000000000005\r\nabcde\r\n0\r\n\r\n"),
    BAD("00000000000000005\r\nabcde\r\n0\r\n\r\n"),
    BAD("\r\n"),
    BAD("\n"),
    BAD(" 5\r\nhello\r\n"),
    BAD("5 \r\nhello\r\n"),
    BAD("5\t\r\nhello\r\n"),
    BAD("5 ;a\r\nhello\r\n"),
    BAD("+5\r\nhello\r\n"),
    BAD("-5\r\nhello\r\n"),
    BAD("0x5\r\nhello\r\n"),
    BAD("5h\r\nhello\r\n"),
    BAD("g\r\n"),
    BAD(";a\r\n"),
    BAD("5,5\r\nhello\r\n"),
    BAD("5_\r\nhello\r\n"),
    BAD("5\nhello\r\n"),
    BAD("5\rhello\r\n"),
    BAD("5\r\rhello\r\n"),
    BAD("5;a\nhello\r\n0\r\n\r\n"),
    BAD("5;a\rb\r\nhello\r\n"),
    BAD("5;a\x01\r\nhello\r\n"),
    BAD("5;\0\r\nhello\r\n"),
    BAD("0\r\n A: b\r\n\r\n"),
    BAD("0\r\nA : b\r\n\r\n"),
    BAD("0\r\n: b\r\n\r\n"),
    BAD("0\r\nA\r\n\r\n"),
    BAD("0\r\nA: b\n\r\n"),
    BAD("0\r\nA: b\r\n c\r\n\r\n"),
    BAD("0\r\nA: b\rc\r\n\r\n"),
    BAD("0\r\nA: \0\r\n\r\n"),
    BAD("0\r\n\n"),
    BAD("0\r\n\r\r\n"),
    BODY(-VK_EMALFORMED, "5\r\nhello0\r\n\r\n", "hello"),
    BODY(-VK_EMALFORMED, "5\r\nhello\n0\r\n\r\n", "hello"),
    BODY(-VK_EMALFORMED, "5\r\nhello\r0\r\n\r\n", "hello"),
    BODY(-VK_EMALFORMED, "5\r\nhello!\r\n0\r\n\r\n", "hello"),
};

struct sink {
    uint8_t bytes[64];
    size_t len;
};

/* Everything the decoder gives for one piece of input; returns its last word. */
static int drain(struct net_chunk *chunk, struct vk_span *in, struct sink *sink)
{
    for (;;) {
        struct vk_span data;
        int rc = net_chunk_next(chunk, in, &data);
        if (rc || data.len == 0)
            return rc;
        CHECK(sink->len + data.len <= sizeof(sink->bytes));
        memcpy(sink->bytes + sink->len, data.ptr, data.len);
        sink->len += data.len;
    }
}

static size_t length(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    return len;
}

static bool is_right(const struct body *body, int rc, const struct sink *sink)
{
    return rc == body->rc && sink->len == length(body->payload) &&
           memcmp(sink->bytes, body->payload, sink->len) == 0;
}

TEST(net_chunk, every_body_whole_and_cut_in_two)
{
    for (uint32_t i = 0; i < VK_COUNT(bodies); i++) {
        for (uint32_t cut = 0; cut <= bodies[i].len; cut++) {
            struct net_chunk chunk = {0};
            struct sink sink = {.len = 0};
            struct vk_span in = vk_span(bodies[i].bytes, cut);
            int rc = drain(&chunk, &in, &sink);
            if (rc == -VK_EAGAIN) {
                CHECK_EQ(in.len, 0);
                in = vk_span(bodies[i].bytes + cut, bodies[i].len - cut);
                rc = drain(&chunk, &in, &sink);
            }
            if (!is_right(&bodies[i], rc, &sink))
                test_fail(TEST_WHERE, bodies[i].bytes, ": decoded otherwise");
            CHECK_EQ(net_chunk_is_done(&chunk), rc == 0);
        }
    }
}

TEST(net_chunk, every_body_byte_by_byte)
{
    for (uint32_t i = 0; i < VK_COUNT(bodies); i++) {
        struct net_chunk chunk = {0};
        struct sink sink = {.len = 0};
        int rc = -VK_EAGAIN;
        for (uint32_t at = 0; at < bodies[i].len && rc == -VK_EAGAIN; at++) {
            struct vk_span in = vk_span(bodies[i].bytes + at, 1);
            rc = drain(&chunk, &in, &sink);
        }
        if (!is_right(&bodies[i], rc, &sink))
            test_fail(TEST_WHERE, bodies[i].bytes, ": decoded otherwise");
    }
}

TEST(net_chunk, what_follows_the_body_is_left_alone)
{
    static const char text[] = "1\r\na\r\n0\r\n\r\nGET";
    struct net_chunk chunk = {0};
    struct sink sink = {.len = 0};
    struct vk_span in = VK_SPAN_LIT(text);
    CHECK_EQ(drain(&chunk, &in, &sink), 0);
    CHECK_EQ(in.len, 3);
    CHECK_EQ(drain(&chunk, &in, &sink), 0); /* and stays at its end */
    CHECK_EQ(in.len, 3);
}

TEST(net_chunk, payload_is_handed_out_in_place)
{
    static const char text[] = "5\r\nhello\r\n";
    struct net_chunk chunk = {0};
    struct vk_span in = VK_SPAN_LIT(text), data;
    CHECK_EQ(net_chunk_next(&chunk, &in, &data), 0);
    CHECK(data.ptr == (const uint8_t *)text + 3);
    CHECK_EQ(data.len, 5);
}

TEST(net_chunk, errors_stay)
{
    struct net_chunk chunk = {0};
    struct vk_span in = VK_SPAN_LIT("x"), data;
    CHECK_EQ(net_chunk_next(&chunk, &in, &data), -VK_EMALFORMED);
    in = VK_SPAN_LIT("0\r\n\r\n");
    CHECK_EQ(net_chunk_next(&chunk, &in, &data), -VK_EMALFORMED);
}

static uint8_t big[NET_TRAILER_MAX_BYTES + 64];

static int decode_big(size_t len)
{
    struct net_chunk chunk = {0};
    struct vk_span in = vk_span(big, len), data;
    return net_chunk_next(&chunk, &in, &data);
}

TEST(net_chunk, extension_limit)
{
    for (size_t len = NET_CHUNK_EXT_MAX_BYTES - 1; len <= NET_CHUNK_EXT_MAX_BYTES + 1; len++) {
        memset(big, 'e', sizeof(big));
        memcpy(big, "0;", 2);
        memcpy(big + 1 + len, "\r\n\r\n", 4);
        CHECK_EQ(decode_big(1 + len + 4), len > NET_CHUNK_EXT_MAX_BYTES ? -VK_EMALFORMED : 0);
    }
}

TEST(net_chunk, trailer_limit_counts_the_empty_line)
{
    for (size_t len = NET_TRAILER_MAX_BYTES - 1; len <= NET_TRAILER_MAX_BYTES + 1; len++) {
        memset(big, 't', sizeof(big));
        memcpy(big, "0\r\nA:", 5);
        memcpy(big + 3 + len - 4, "\r\n\r\n", 4);
        CHECK_EQ(decode_big(3 + len), len > NET_TRAILER_MAX_BYTES ? -VK_ETOOBIG : 0);
    }
    memset(big, 't', sizeof(big));
    memcpy(big, "0\r\n", 3);
    CHECK_EQ(decode_big(sizeof(big)), -VK_ETOOBIG);
}

TEST(net_chunk, sizes_are_written_as_they_are_read)
{
    for (uint32_t bit = 0; bit < 63; bit++) {
        for (uint64_t size = (UINT64_C(1) << bit) - (bit > 0); size <= UINT64_C(1) << bit; size++) {
            uint8_t out[NET_CHUNK_BEGIN_MAX + 1];
            size_t len = net_chunk_begin(out, size);
            CHECK(len <= NET_CHUNK_BEGIN_MAX);
            CHECK(out[0] != '0');
            out[len] = 'x';
            struct net_chunk chunk = {0};
            struct vk_span in = vk_span(out, len + 1), data;
            CHECK_EQ(net_chunk_next(&chunk, &in, &data), 0);
            CHECK_EQ(data.len, 1);
            CHECK_EQ(chunk.left_bytes, size - 1);
        }
    }
    uint8_t out[NET_CHUNK_BEGIN_MAX];
    CHECK_EQ(net_chunk_begin(out, UINT64_MAX), NET_CHUNK_BEGIN_MAX);
    CHECK_EQ(net_chunk_begin(out, 0x1aF), 5);
    CHECK_MEM(out, "1af\r\n", 5);
}
