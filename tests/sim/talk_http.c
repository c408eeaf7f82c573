/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what one HTTP connection may go through, each state left in each way
 * a peer can think of. Method: exact texts and exact virtual times.
 */
#include "tests/sim/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_OF(type) "HTTP/1.1 200 OK\r\nServer: vkd\r\nContent-Type: " type "\r\n"
#define OK            HEAD_OF("text/plain") "Content-Length: 2\r\n\r\nok"
#define OK_CLOSE      HEAD_OF("text/plain") "Connection: close\r\nContent-Length: 2\r\n\r\nok"
#define REFUSAL(text, len)                                                                  \
    "HTTP/1.1 " text "\r\nServer: vkd\r\nContent-Type: text/plain\r\nConnection: close\r\n" \
    "Content-Length: " len "\r\n\r\n" text "\n"
#define TIMEOUT_408   REFUSAL("408 Request Timeout", "20")
#define BAD_400       REFUSAL("400 Bad Request", "16")
#define GET(path)     "GET /" path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_10(path)  "GET /" path " HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
#define POST(path, n) "POST /" path " HTTP/1.1\r\nHost: a\r\nContent-Length: " n "\r\n\r\n"
#define CHUNKED(path) "POST /" path " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define EXPECT(path, n) \
    "POST /" path " HTTP/1.1\r\nHost: a\r\nContent-Length: " n "\r\nExpect: 100-continue\r\n\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static struct net_server_counters counters(void)
{
    struct net_server_counters c;
    net_server_counters(talk.server, &c);
    return c;
}

/* ---- a peer that does not read ------------------------------------------------------- */

/* A body of a minute at this pace, though never more than one buffer is on its way. */
static void slow_reader_gets_all(void)
{
    const struct talk_options options = {.socket_bytes = 4096};
    talk_begin(&options);
    struct caller *c = talk_call();
    c->is_deaf = true;
    talk_say(c, "GET /b150000w150000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for (uint32_t i = 0; i < 800 && !c->end_err; i++) {
        (void)talk_hear(c, 512);
        talk_pass(TALK_NS / 2); /* a kilobyte a second: 64 KiB of output take two write timeouts */
    }
    CHECK(c->end_err == -VK_ECLOSED);
    CHECK(c->total > 150000 && c->total < 150200);
    CHECK(talk_logged("w150000"));
    talk_end();
}

static void reader_that_pauses_is_kept(void)
{
    const struct talk_options options = {.socket_bytes = 4096};
    talk_begin(&options);
    struct caller *c = talk_call();
    c->is_deaf = true;
    talk_say(c, GET("b20000w20000"));
    for (uint32_t i = 0; i < 10; i++) {
        talk_pass(25 * TALK_NS); /* less than the limit, each time */
        CHECK(talk_hear(c, 2500) > 0 || c->total > 20000);
    }
    CHECK(c->end_err == 0 && c->total > 20000);
    CHECK(talk_logged("w20000"));
    talk_end();
}

static void reader_that_stops_is_reset(void)
{
    const struct talk_options options = {.socket_bytes = 4096};
    talk_begin(&options);
    struct caller *c = talk_call();
    c->is_deaf = true;
    talk_say(c, GET("b100000w100000"));
    talk_pass(20 * TALK_NS);
    CHECK(talk_hear(c, 1000) == 1000);
    uint64_t since_ns = sim_now(talk.sim);
    talk_pass(29 * TALK_NS);
    CHECK(counters().conns == 1);
    talk_pass(3 * TALK_NS);
    CHECK(counters().conns == 0 && counters().busy == 0);
    (void)talk_hear(c, UINT32_MAX);
    CHECK(c->end_err == -VK_ERESET && sim_now(talk.sim) - since_ns < 33 * TALK_NS);
    CHECK(talk_logged("")); /* its process was ended, nobody was left to answer */
    talk_end();
}

/* Also where the server has nothing more to do but to close. */
static void reader_that_stops_at_the_end_is_reset(void)
{
    const struct talk_options options = {.socket_bytes = 4096};
    talk_begin(&options);
    struct caller *c = talk_call();
    c->is_deaf = true;
    talk_say(c, "GET /b30000w30000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    talk_pass(29 * TALK_NS);
    CHECK(counters().conns == 1 && counters().busy == 0);
    talk_pass(4 * TALK_NS);
    CHECK(counters().conns == 0);
    CHECK(talk_logged("w30000"));
    talk_end();
}

#define CASE(name)  \
    {               \
#name, name \
    }
const struct talk_case talk_cases_http[] = {
    CASE(slow_reader_gets_all),
    CASE(reader_that_pauses_is_kept),
    CASE(reader_that_stops_is_reset),
    CASE(reader_that_stops_at_the_end_is_reset),
    {NULL, NULL},
};
