/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the end of a head is found at the same place however the input is
 * cut, junk is refused at its first byte, and limits hold. Method: the table
 * of heads.h and a plain model of the search, every cut in two, byte by byte.
 */
#include "net/scan.h"

#include "net/head.h"
#include "tests/unit/net/heads.h"
#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"

/* What the scan must return, byte by byte: an empty line is LF LF or LF CR LF after the first token
 * character. */
static int model(const uint8_t *in, size_t len, size_t *ret_start, size_t *ret_len)
{
    size_t start = 0;
    for (uint32_t skipped = 0; skipped < 2 && start < len; skipped++) {
        if (in[start] == '\n')
            start++;
        else if (in[start] == '\r' && start + 1 == len)
            return -VK_EAGAIN;
        else if (in[start] == '\r' && in[start + 1] == '\n')
            start += 2;
    }
    if (start == len)
        return -VK_EAGAIN;
    bool is_token = false;
    for (const char *c = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; *c;
         c++)
        is_token |= in[start] == (uint8_t)*c;
    if (!is_token)
        return -VK_EMALFORMED;
    *ret_start = start;
    for (size_t i = start + 1; i < len; i++) {
        bool is_end = in[i] == '\n' &&
                      (in[i - 1] == '\n' || (i >= start + 2 && in[i - 1] == '\r' && in[i - 2] == '\n'));
        if (is_end) {
            *ret_len = i + 1;
            return 0;
        }
    }
    return -VK_EAGAIN;
}

static bool is_same_as_model(const struct net_scan *scan, int rc, size_t found_len, const uint8_t *in,
                             size_t len)
{
    size_t start = 0, end = 0;
    int wanted = model(in, len, &start, &end);
    return rc == wanted && (rc != 0 || (found_len == end && scan->start == start));
}

/* The bytes of one scan given as cut, then whole. */
static bool is_cut_right(const uint8_t *in, size_t cut, size_t len)
{
    struct net_scan scan = {0};
    size_t found_len = 0;
    int rc = net_scan_head(&scan, in, cut, &found_len);
    if (!is_same_as_model(&scan, rc, found_len, in, cut))
        return false;
    if (rc != -VK_EAGAIN)
        return true;
    rc = net_scan_head(&scan, in, len, &found_len);
    return is_same_as_model(&scan, rc, found_len, in, len);
}

static bool is_right_byte_by_byte(const uint8_t *in, size_t len)
{
    struct net_scan scan = {0};
    size_t found_len = 0;
    int rc = -VK_EAGAIN;
    size_t have = 0;
    for (; have <= len && rc == -VK_EAGAIN; have++) {
        rc = net_scan_head(&scan, in, have, &found_len);
        if (!is_same_as_model(&scan, rc, found_len, in, have))
            return false;
    }
    return true;
}

TEST(net_scan, every_sample_cut_everywhere)
{
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        const uint8_t *in = (const uint8_t *)samples[i].bytes;
        for (size_t cut = 0; cut <= samples[i].len; cut++) {
            if (!is_cut_right(in, cut, samples[i].len))
                test_fail(TEST_WHERE, samples[i].bytes, ": cut, found elsewhere");
        }
        if (!is_right_byte_by_byte(in, samples[i].len))
            test_fail(TEST_WHERE, samples[i].bytes, ": byte by byte, found elsewhere");
    }
}

TEST(net_scan, random_line_ends)
{
    /* Few letters, so that empty lines and near misses come in every alignment. */
    static const char letters[] = "\r\n\r\na\r\nab";
    uint64_t seed = 7;
    uint8_t in[200];
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t len = test_random_below(&seed, sizeof(in));
        uint32_t plain = test_random_below(&seed, 150);
        for (uint32_t i = 0; i < len; i++)
            in[i] = i < plain ? 'a' : (uint8_t)letters[test_random_below(&seed, sizeof(letters) - 1)];
        CHECK(is_cut_right(in, test_random_below(&seed, len + 1), len));
        CHECK(is_cut_right(in, len, len));
    }
}

TEST(net_scan, what_it_finds_is_a_head_for_the_parser)
{
    struct net_head head;
    for (uint32_t i = 0; i < VK_COUNT(samples); i++) {
        if (samples[i].status != 0)
            continue;
        struct net_scan scan = {0};
        size_t len = 0;
        CHECK_EQ(net_scan_head(&scan, (const uint8_t *)samples[i].bytes, samples[i].len, &len), 0);
        CHECK_EQ(scan.start, 0);
        CHECK_EQ(len, samples[i].len);
        CHECK_EQ(net_head_parse(&head, (const uint8_t *)samples[i].bytes, len), 0);
    }
}

static int scan_text(const char *text, size_t len, size_t *ret_start, size_t *ret_len)
{
    struct net_scan scan = {0};
    int rc = net_scan_head(&scan, (const uint8_t *)text, len, ret_len);
    *ret_start = scan.start;
    return rc;
}

TEST(net_scan, two_leading_empty_lines_are_skipped_and_no_third)
{
    size_t start, len;
#define SCAN(text) scan_text(text, sizeof(text) - 1, &start, &len)
    CHECK_EQ(SCAN("\r\nGET / HTTP/1.1\r\n\r\n"), 0);
    CHECK_EQ(start, 2);
    CHECK_EQ(len, 20);
    CHECK_EQ(SCAN("\n\nGET / HTTP/1.1\n\n"), 0);
    CHECK_EQ(start, 2);
    CHECK_EQ(SCAN("\r\n\r\nGET / HTTP/1.1\r\n\r\nmore"), 0);
    CHECK_EQ(start, 4);
    CHECK_EQ(len, 22);
    CHECK_EQ(SCAN("\r\n\n\r\nGET / HTTP/1.1\r\n\r\n"), -VK_EMALFORMED);
    CHECK_EQ(SCAN("\n\n\nGET / HTTP/1.1\r\n\r\n"), -VK_EMALFORMED);
    CHECK_EQ(SCAN("\n\n\r"), -VK_EMALFORMED);
    CHECK_EQ(SCAN("\r"), -VK_EAGAIN);
    CHECK_EQ(SCAN("\r\r"), -VK_EMALFORMED);
    CHECK_EQ(SCAN("\rG"), -VK_EMALFORMED);
    CHECK_EQ(SCAN(" GET"), -VK_EMALFORMED);
#undef SCAN
}

TEST(net_scan, the_first_byte_must_be_a_token_character)
{
    for (uint32_t c = 0; c < 256; c++) {
        uint8_t in = (uint8_t)c;
        struct net_scan scan = {0};
        size_t len, start;
        int rc = net_scan_head(&scan, &in, 1, &len);
        int wanted = c == '\r' || c == '\n' ? -VK_EAGAIN : model(&in, 1, &start, &len);
        CHECK_EQ(rc, wanted);
    }
}

TEST(net_scan, pipelined_heads_are_found_one_after_another)
{
    static const char text[] =
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /22 HTTP/1.1\r\nHost: a\r\n\r\nGET /333 HTTP";
    static const size_t lengths[] = {28, 29};
    size_t at = 0;
    for (uint32_t i = 0; i < VK_COUNT(lengths); i++) {
        struct net_scan scan = {0};
        size_t len = 0;
        CHECK_EQ(net_scan_head(&scan, (const uint8_t *)text + at, sizeof(text) - 1 - at, &len), 0);
        CHECK_EQ(len, lengths[i]);
        at += len;
    }
    struct net_scan scan = {0};
    size_t len = 0;
    CHECK_EQ(net_scan_head(&scan, (const uint8_t *)text + at, sizeof(text) - 1 - at, &len), -VK_EAGAIN);
}

static uint8_t big[NET_HEAD_MAX_BYTES + 64];

/* "GET /" and letters, ended by an empty line that ends at len. */
static void make_head(size_t len)
{
    memset(big, 'a', sizeof(big));
    memcpy(big, "GET /", 5);
    memcpy(big + len - 4, "\r\n\r\n", 4);
}

TEST(net_scan, length_limit)
{
    for (size_t len = NET_HEAD_MAX_BYTES - 1; len <= NET_HEAD_MAX_BYTES + 1; len++) {
        make_head(len);
        struct net_scan whole = {0}, halves = {0};
        size_t found_len = 0;
        int wanted = len > NET_HEAD_MAX_BYTES ? -VK_ETOOBIG : 0;
        CHECK_EQ(net_scan_head(&whole, big, len, &found_len), wanted);
        CHECK_EQ(net_scan_head(&halves, big, len / 2, &found_len), -VK_EAGAIN);
        CHECK_EQ(net_scan_head(&halves, big, len, &found_len), wanted);
    }
    /* As soon as no head can end in time, and not a byte before. */
    make_head(sizeof(big));
    struct net_scan scan = {0};
    size_t found_len = 0;
    CHECK_EQ(net_scan_head(&scan, big, NET_HEAD_MAX_BYTES - 1, &found_len), -VK_EAGAIN);
    CHECK_EQ(net_scan_head(&scan, big, NET_HEAD_MAX_BYTES, &found_len), -VK_ETOOBIG);
}

static uint32_t status_of(const char *start, size_t start_len, size_t target_len)
{
    memset(big, 'a', sizeof(big));
    memcpy(big, start, start_len);
    if (start_len + target_len < sizeof(big))
        big[start_len + target_len] = ' ';
    struct net_scan scan = {0};
    size_t found_len;
    int err = net_scan_head(&scan, big, sizeof(big), &found_len);
    return net_scan_status(&scan, big, sizeof(big), err);
}

TEST(net_scan, what_is_too_long_gives_the_status)
{
    CHECK_EQ(status_of("GET ", 4, NET_TARGET_MAX_BYTES), 431);
    CHECK_EQ(status_of("GET ", 4, NET_TARGET_MAX_BYTES + 1), 414);
    CHECK_EQ(status_of("GET ", 4, sizeof(big)), 414);
    CHECK_EQ(status_of("\r\n\r\nGET ", 8, NET_TARGET_MAX_BYTES), 431);
    CHECK_EQ(status_of("\r\n\r\nGET ", 8, NET_TARGET_MAX_BYTES + 1), 414);
    CHECK_EQ(status_of("GET / HTTP/1.1\r\n", 16, 10), 431);
    CHECK_EQ(status_of("", 0, sizeof(big)), 431); /* an endless method */
    CHECK_EQ(status_of(" ", 1, 10), 400);
}
