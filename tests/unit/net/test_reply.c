/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: responses are written exactly, within their room, and nothing handed
 * in can end a line. Method: whole texts compared; every room from 0 to enough.
 */
#include "net/reply.h"

#include "tests/unit/test.h"
#include "vk/err.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static uint8_t out[2048];
static size_t out_len;

static const struct net_reply hello = {
    .status = 200,
    .type = {(const uint8_t *)"text/plain", 10},
    .server = {(const uint8_t *)"vkd", 3},
    .date = (const uint8_t *)DATE,
};

static void check_out(const char *wanted, size_t wanted_len)
{
    CHECK_EQ(out_len, wanted_len);
    CHECK_MEM(out, wanted, wanted_len);
}

#define CHECK_OUT(wanted) check_out(wanted, sizeof(wanted) - 1)

TEST(net_reply, a_whole_response)
{
    CHECK_EQ(net_reply_whole(out, sizeof(out), &hello, VK_SPAN_LIT("Hello, World!"), &out_len), 0);
    CHECK_OUT("HTTP/1.1 200 OK\r\nDate: " DATE "\r\nServer: vkd\r\nContent-Type: text/plain\r\n"
              "Content-Length: 13\r\n\r\nHello, World!");
    struct net_reply bare = {.status = 404};
    CHECK_EQ(net_reply_whole(out, sizeof(out), &bare, VK_SPAN_LIT(""), &out_len), 0);
    CHECK_OUT("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    bare.status = 799;
    CHECK_EQ(net_reply_whole(out, sizeof(out), &bare, VK_SPAN_LIT(""), &out_len), 0);
    CHECK_OUT("HTTP/1.1 799 \r\nContent-Length: 0\r\n\r\n");
}

TEST(net_reply, bodies_of_every_length_arrive)
{
    static uint8_t body[300];
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)i;
    struct net_reply bare = {.status = 200};
    for (size_t len = 0; len <= sizeof(body); len++) {
        memset(out, 0xee, sizeof(out));
        CHECK_EQ(net_reply_whole(out, sizeof(out), &bare, vk_span(body, len), &out_len), 0);
        CHECK_MEM(out + out_len - len, body, len);
        CHECK_EQ(out[out_len - len - 1], '\n');
        CHECK_EQ(out[out_len], 0xee);
    }
}

TEST(net_reply, types_and_servers_of_every_length_arrive)
{
    uint8_t text[NET_REPLY_TYPE_MAX + 1];
    memset(text, 't', sizeof(text));
    for (size_t len = 1; len <= NET_REPLY_TYPE_MAX; len++) {
        struct net_reply reply = {.status = 200, .type = {text, len}};
        CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT(""), &out_len), 0);
        CHECK_EQ(out_len, 17 + 14 + len + 2 + 19 + 2);
        CHECK_MEM(out + 17 + 14, text, len);
        CHECK_MEM(out + 17 + 14 + len, "\r\nContent-Length: 0\r\n\r\n", 23);
    }
    struct net_reply reply = {.status = 200, .type = {text, NET_REPLY_TYPE_MAX + 1}};
    CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT(""), &out_len), -VK_EINVAL);
    reply = (struct net_reply){.status = 200, .server = {text, NET_REPLY_SERVER_MAX}};
    CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT(""), &out_len), 0);
    reply.server.len++;
    CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT(""), &out_len), -VK_EINVAL);
}

TEST(net_reply, some_statuses_and_head_have_no_body)
{
    static const uint16_t bodyless[] = {100, 101, 103, 199, 204, 304};
    for (uint32_t i = 0; i < VK_COUNT(bodyless); i++) {
        struct net_reply reply = {.status = bodyless[i], .body = NET_BODY_CHUNKED};
        CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT("body"), &out_len), 0);
        CHECK_MEM(out + out_len - 4, "\r\n\r\n", 4);
        for (size_t at = 0; at + 14 <= out_len; at++)
            CHECK(memcmp(out + at, "Content-Length", 14) != 0);
        struct net_writer w = net_writer(out, sizeof(out));
        net_reply_begin(&w, &reply);
        CHECK_EQ(net_reply_end(&w), 0);
        CHECK_EQ(w.len_bytes, out_len);
    }
    struct net_reply head = {.status = 200, .flags = NET_REPLY_HEAD_ONLY};
    CHECK_EQ(net_reply_whole(out, sizeof(out), &head, VK_SPAN_LIT("body"), &out_len), 0);
    CHECK_OUT("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    struct net_reply interim = {.status = 100};
    CHECK_EQ(net_reply_whole(out, sizeof(out), &interim, VK_SPAN_LIT(""), &out_len), 0);
    CHECK_OUT(NET_REPLY_CONTINUE);
}

/* RFC 9110, 8.6 and 15.3.5: no length, and no type of a content that there is not; the caller may add one. */
TEST(net_reply, what_has_no_body_has_neither_type_nor_length)
{
    static const uint16_t bodyless[] = {100, 103, 199, 204, 304};
    for (uint32_t i = 0; i < VK_COUNT(bodyless); i++) {
        struct net_reply reply = hello;
        reply.status = bodyless[i];
        reply.body = NET_BODY_LENGTH;
        CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT("body"), &out_len), 0);
        size_t line = 9 + 4 + net_status_reason(bodyless[i]).len + 2;
        CHECK_EQ(out_len, line + 37 + 13 + 2);
        CHECK_MEM(out + line, "Date: " DATE "\r\nServer: vkd\r\n\r\n", 37 + 13 + 2);
        struct net_writer w = net_writer(out, sizeof(out));
        net_reply_begin(&w, &reply);
        net_reply_field(&w, VK_SPAN_LIT("Content-Type"), VK_SPAN_LIT("a/b"));
        CHECK_EQ(net_reply_end(&w), 0);
        CHECK_EQ(w.len_bytes, out_len + 19);
    }
}

TEST(net_reply, connection_and_allow)
{
    struct net_reply reply = {.status = 405, .flags = NET_REPLY_CLOSE | NET_REPLY_KEEP_ALIVE};
    reply.allow = 1u << NET_METHOD_GET | 1u << NET_METHOD_PATCH;
    CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT(""), &out_len), 0);
    CHECK_OUT("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, PATCH\r\nConnection: close\r\nContent-Length: "
              "0\r\n\r\n");
    reply = (struct net_reply){.status = 200, .flags = NET_REPLY_KEEP_ALIVE};
    CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT(""), &out_len), 0);
    CHECK_OUT("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    reply = (struct net_reply){.status = 101, .flags = NET_REPLY_UPGRADE};
    struct net_writer w = net_writer(out, sizeof(out));
    net_reply_begin(&w, &reply);
    net_reply_field(&w, VK_SPAN_LIT("Upgrade"), VK_SPAN_LIT("websocket"));
    CHECK_EQ(net_reply_end(&w), 0);
    out_len = w.len_bytes;
    CHECK_OUT("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(net_reply, step_by_step)
{
    struct net_reply reply = {.status = 200, .body = NET_BODY_CHUNKED};
    struct net_writer w = net_writer(out, sizeof(out));
    net_reply_begin(&w, &reply);
    net_reply_field(&w, VK_SPAN_LIT("X-A"), VK_SPAN_LIT("b c"));
    net_reply_field(&w, VK_SPAN_LIT("X-Empty"), VK_SPAN_LIT(""));
    CHECK_EQ(net_reply_end(&w), 0);
    out_len = w.len_bytes;
    CHECK_OUT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b c\r\nX-Empty: \r\n\r\n");
    reply = (struct net_reply){.status = 200, .body = NET_BODY_LENGTH, .length_bytes = UINT64_MAX};
    w = net_writer(out, sizeof(out));
    net_reply_begin(&w, &reply);
    CHECK_EQ(net_reply_end(&w), 0);
    out_len = w.len_bytes;
    CHECK_OUT("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n");
}

TEST(net_reply, lengths_around_every_power_of_ten)
{
    struct net_reply reply = {.status = 200, .body = NET_BODY_LENGTH};
    uint64_t power = 1;
    for (uint32_t digits = 1; digits < 20; digits++, power *= 10) {
        for (uint64_t n = power - 1; n <= power; n++) {
            reply.length_bytes = n;
            struct net_writer w = net_writer(out, sizeof(out));
            net_reply_begin(&w, &reply);
            CHECK_EQ(net_reply_end(&w), 0);
            uint64_t back = 0;
            for (size_t at = 33; out[at] != '\r'; at++)
                back = back * 10 + (uint64_t)(out[at] - '0');
            CHECK_EQ(back, n);
            CHECK_EQ(w.len_bytes, 33 + (n < power && digits > 1 ? digits - 1 : digits) + 4);
        }
    }
}

static int field(struct vk_span name, struct vk_span value)
{
    struct net_reply reply = {.status = 200};
    struct net_writer w = net_writer(out, sizeof(out));
    net_reply_begin(&w, &reply);
    net_reply_field(&w, name, value);
    return net_reply_end(&w);
}

#define FIELD(name, value) field(VK_SPAN_LIT(name), VK_SPAN_LIT(value))

TEST(net_reply, nothing_handed_in_can_end_a_line)
{
    CHECK_EQ(FIELD("Location", "/a?b=c \t\xff"), 0);
    CHECK_EQ(FIELD("X", "a\r\nSet-Cookie: b"), -VK_EINVAL);
    CHECK_EQ(FIELD("X", "a\n"), -VK_EINVAL);
    CHECK_EQ(FIELD("X", "a\r"), -VK_EINVAL);
    CHECK_EQ(FIELD("X", "\0"), -VK_EINVAL);
    CHECK_EQ(FIELD("X", "a\x7f"), -VK_EINVAL);
    CHECK_EQ(FIELD("", "a"), -VK_EINVAL);
    CHECK_EQ(FIELD("X:", "a"), -VK_EINVAL);
    CHECK_EQ(FIELD("X Y", "a"), -VK_EINVAL);
    CHECK_EQ(FIELD("X\r\nY", "a"), -VK_EINVAL);
    CHECK_EQ(FIELD("X\0", "a"), -VK_EINVAL);
    CHECK_EQ(FIELD("content-LENGTH", "1"), -VK_EINVAL);
    CHECK_EQ(FIELD("Transfer-Encoding", "chunked"), -VK_EINVAL);
    CHECK_EQ(FIELD("connection", "close"), -VK_EINVAL);
    CHECK_EQ(FIELD("connections", "close"), 0);
}

TEST(net_reply, a_control_at_any_place_of_any_length_is_found)
{
    uint8_t text[40];
    for (size_t len = 1; len <= sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            static const uint8_t spoilers[] = {0, '\n', '\r', 0x1f, 0x7f};
            for (uint32_t k = 0; k < VK_COUNT(spoilers); k++) {
                memset(text, 0x80 + 't', sizeof(text));
                text[at] = spoilers[k];
                CHECK_EQ(field(VK_SPAN_LIT("X"), vk_span(text, len)), -VK_EINVAL);
                struct net_reply reply = {.status = 200, .type = {text, len}};
                CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT(""), &out_len), -VK_EINVAL);
                reply = (struct net_reply){.status = 200, .server = {text, len}};
                CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT(""), &out_len), -VK_EINVAL);
            }
            text[at] = '\t';
            CHECK_EQ(field(VK_SPAN_LIT("X"), vk_span(text, len)), 0);
        }
    }
}

TEST(net_reply, statuses_out_of_range_are_refused)
{
    static const uint16_t statuses[] = {0, 99, 1000, 65535};
    for (uint32_t i = 0; i < VK_COUNT(statuses); i++) {
        struct net_reply reply = {.status = statuses[i]};
        CHECK_EQ(net_reply_whole(out, sizeof(out), &reply, VK_SPAN_LIT(""), &out_len), -VK_EINVAL);
        CHECK_EQ(net_reply_error(out, sizeof(out), &reply, &out_len), -VK_EINVAL);
    }
}

TEST(net_reply, every_room_is_kept_to)
{
    static uint8_t full[1024];
    size_t full_len;
    struct net_reply reply = hello;
    reply.flags = NET_REPLY_CLOSE;
    reply.allow = 0xffff;
    CHECK_EQ(net_reply_whole(full, sizeof(full), &reply, VK_SPAN_LIT("Hello, World!"), &full_len), 0);
    for (size_t room = 0; room <= full_len + 600; room++) {
        memset(out, 0xee, sizeof(out));
        int rc = net_reply_whole(out, room, &reply, VK_SPAN_LIT("Hello, World!"), &out_len);
        CHECK_EQ(rc, room < full_len ? -VK_ENOSPC : 0);
        CHECK_EQ(out[room], 0xee);
        if (rc == 0)
            CHECK_MEM(out, full, full_len);
    }
}

TEST(net_reply, a_long_body_needs_its_room_too)
{
    static uint8_t body[700];
    memset(body, 'b', sizeof(body));
    struct net_reply reply = {.status = 200};
    const size_t full_len = 17 + 21 + 2 + sizeof(body);
    for (size_t room = 0; room <= full_len + 600; room++) {
        memset(out, 0xee, sizeof(out));
        int rc = net_reply_whole(out, room, &reply, vk_span(body, sizeof(body)), &out_len);
        CHECK_EQ(rc, room < full_len ? -VK_ENOSPC : 0);
        CHECK_EQ(out[room], 0xee);
        if (rc == 0)
            CHECK_EQ(out_len, full_len);
    }
}

TEST(net_reply, errors_name_their_status)
{
    struct net_reply reply = {.status = 400, .flags = NET_REPLY_CLOSE};
    CHECK_EQ(net_reply_error(out, NET_REPLY_ROOM, &reply, &out_len), 0);
    CHECK_OUT("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: "
              "16\r\n\r\n"
              "400 Bad Request\n");
    reply.flags |= NET_REPLY_HEAD_ONLY;
    CHECK_EQ(net_reply_error(out, NET_REPLY_ROOM, &reply, &out_len), 0);
    CHECK_OUT("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: "
              "16\r\n\r\n");
}

TEST(net_reply, the_longest_head_fits_its_room)
{
    uint8_t text[NET_REPLY_TYPE_MAX];
    memset(text, 't', sizeof(text));
    for (uint32_t status = 100; status <= 999; status++) {
        struct net_reply reply = hello;
        reply.status = (uint16_t)status;
        reply.type = vk_span(text, NET_REPLY_TYPE_MAX);
        reply.server = vk_span(text, NET_REPLY_SERVER_MAX);
        reply.allow = 0xffff;
        reply.flags = NET_REPLY_KEEP_ALIVE;
        reply.body = NET_BODY_LENGTH;
        reply.length_bytes = UINT64_MAX;
        CHECK_EQ(net_reply_error(out, NET_REPLY_ROOM, &reply, &out_len), 0);
        struct net_writer w = net_writer(out, NET_REPLY_ROOM);
        net_reply_begin(&w, &reply);
        CHECK_EQ(net_reply_end(&w), 0);
    }
}

TEST(net_reply, a_field_fits_behind_the_status_line_of_a_final_answer)
{
    static const struct {
        size_t at;
        const char *head;
    } heads[] = {
        {17, "HTTP/1.1 200 OK\r\nServer: a\r\n\r\n"},
        {17, "HTTP/1.1 200 OK\r\n\r\nbody"},
        {14, "HTTP/1.1 999\r\n"},
        {0, "HTTP/1.1 101 Switching Protocols\r\n\r\n"},
        {0, "HTTP/1.1 100 Continue\r\n\r\n"},
        {0, "HTTP/1.1 200 OK\r"},
        {0, "HTTP/1.1 200 OK\n\n"},
        {0, "HTTP/1.1 "},
        {0, "HTTP/1.0 200 OK\r\n\r\n"},
        {0, "no head\r\n"},
        {0, ""},
    };
    for (uint32_t i = 0; i < VK_COUNT(heads); i++) {
        size_t len = 0;
        while (heads[i].head[len] != '\0')
            len++;
        CHECK_EQ(net_reply_fields_at((const uint8_t *)heads[i].head, len), heads[i].at);
    }
}

TEST(net_reply, the_end_of_a_status_line_is_not_looked_for_without_end)
{
    uint8_t head[NET_REPLY_LINE_MAX + 1];
    for (size_t len = NET_REPLY_LINE_MAX - 1; len <= NET_REPLY_LINE_MAX + 1; len++) {
        memset(head, 'x', sizeof head);
        memcpy(head, "HTTP/1.1 200 ", 13);
        memcpy(head + len - 2, "\r\n", 2);
        CHECK_EQ(net_reply_fields_at(head, len), len > NET_REPLY_LINE_MAX ? 0 : len);
    }
}
