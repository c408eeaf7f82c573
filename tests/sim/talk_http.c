/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what one HTTP connection may go through, each state left in each way
 * a peer can think of. Method: exact texts and exact virtual times.
 */
#include "net/request.h"
#include "tests/sim/talk.h"
#include "vk/fmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_OF(type) "HTTP/1.1 200 OK\r\nServer: vkd\r\nContent-Type: " type "\r\n"
#define OK            HEAD_OF("text/plain") "Content-Length: 2\r\n\r\nok"
#define OK_CLOSE      HEAD_OF("text/plain") "Connection: close\r\nContent-Length: 2\r\n\r\nok"
#define REFUSAL(text, len)                                                                  \
    "HTTP/1.1 " text "\r\nServer: vkd\r\nContent-Type: text/plain\r\nConnection: close\r\n" \
    "Content-Length: " len "\r\n\r\n" text "\n"
#define TIMEOUT_408     REFUSAL("408 Request Timeout", "20")
#define UNAVAILABLE_503 REFUSAL("503 Service Unavailable", "24")
#define BAD_400         REFUSAL("400 Bad Request", "16")
#define GET(path)       "GET /" path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_10(path)    "GET /" path " HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
#define POST(path, n)   "POST /" path " HTTP/1.1\r\nHost: a\r\nContent-Length: " n "\r\n\r\n"
#define CHUNKED(path)   "POST /" path " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define EXPECT(path, n) \
    "POST /" path " HTTP/1.1\r\nHost: a\r\nContent-Length: " n "\r\nExpect: 100-continue\r\n\r\n"
/* The connection ends, and its process did not know it. */
#define LAST_OF(type) "HTTP/1.1 200 OK\r\nConnection: close\r\nServer: vkd\r\nContent-Type: " type "\r\n"
#define LAST_OK       LAST_OF("text/plain") "Content-Length: 2\r\n\r\nok"
#define CONTINUE      "HTTP/1.1 100 Continue\r\n\r\n"

static void begin(void)
{
    const struct talk_options options = {0};
    talk_begin(&options);
}

/* Within two seconds behind so many after since_ns. */
static bool is_about(uint64_t at_ns, uint64_t since_ns, uint64_t seconds)
{
    return at_ns >= since_ns + seconds * TALK_NS && at_ns <= since_ns + (seconds + 2) * TALK_NS;
}

/* One caller says text, and this is all it hears; err: how its stream ended, 0: not. */
static void says_and_hears(const char *text, const char *wanted, int err)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, text);
    CHECK(talk_heard(c, wanted));
    CHECK(c->end_err == err);
    talk_end();
}

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

/* ---- answers ----------------------------------------------------------------------------- */

static void a_request_is_answered(void)
{
    says_and_hears(GET("a"), OK, 0);
}

static void pipelined_requests_are_answered_in_order(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, GET("z20b1w1") GET("a") GET("z5b3w3"));
    CHECK(talk_heard(c, ""));
    talk_pass(TALK_NS);
    CHECK(talk_heard(
        c, HEAD_OF("a/b") "Content-Length: 1\r\n\r\n0" OK HEAD_OF("a/b") "Content-Length: 3\r\n\r\n012"));
    talk_end();
}

static void many_pipelined_requests_give_way_and_are_all_answered(void)
{
    begin();
    struct caller *c = talk_call();
    char text[8192] = "";
    for (uint32_t i = 0; i < 200; i++)
        strcat(text, GET("a"));
    talk_say(c, text);
    CHECK(c->end_err == 0 && counters().requests == 200);
    const char *at = c->heard;
    for (uint32_t i = 0; i < 200; i++)
        CHECK((at = strstr(at, "ok")) != NULL && at++);
    talk_end();
}

static void requests_behind_a_streaming_answer_wait(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, GET("b6w3z500w3") GET("a"));
    CHECK(talk_heard(c, HEAD_OF("a/b") "Content-Length: 6\r\n\r\n012"));
    talk_pass(TALK_NS);
    CHECK(talk_heard(c, "012" OK));
    talk_end();
}

static void head_of_streamed_answers_has_no_body(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, "HEAD /b6w6 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /Bw6s HTTP/1.1\r\nHost: a\r\n\r\n" GET("a"));
    CHECK(talk_heard(c, HEAD_OF("a/b") "Content-Length: 6\r\n\r\n" HEAD_OF(
                            "a/b") "Transfer-Encoding: chunked\r\n\r\n" OK));
    CHECK(talk_logged("w-14 w-14 s-14"));
    talk_end();
}

static void chunks_end_with_shutdown(void)
{
    says_and_hears(
        GET("Bw3w12s") GET("a"),
        HEAD_OF("a/b") "Transfer-Encoding: chunked\r\n\r\n3\r\n012\r\nc\r\n012345678901\r\n0\r\n\r\n" OK, 0);
}

static void http_10_keeps_alive_and_streams_to_the_end(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, GET_10("a"));
    CHECK(talk_heard(c, HEAD_OF("text/plain") "Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok"));
    talk_say(c, GET_10("Bw3w2s") GET("a"));
    CHECK(talk_heard(c, HEAD_OF("a/b") "Connection: close\r\n\r\n01201") && c->end_err == -VK_ECLOSED);
    c = talk_call();
    talk_say(c, "GET /a HTTP/1.0\r\n\r\n");
    CHECK(talk_heard(c, OK_CLOSE) && c->end_err == -VK_ECLOSED);
    talk_end();
}

/* Bodies of such answers would be taken for the next answer. */
static void bodyless_statuses_stay_so(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, GET("g204w5s") GET("t304") GET("a"));
    CHECK(talk_heard(c, "HTTP/1.1 204 No Content\r\nServer: vkd\r\n\r\n"
                        "HTTP/1.1 304 Not Modified\r\nServer: vkd\r\n\r\n" OK));
    CHECK(talk_logged("w-6 s-6"));
    talk_end();
}

/* A client takes them for what comes before the answer, and the next answer for the one to this request. */
static void interim_statuses_are_no_answers(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, GET("t103t100g199a") GET("a"));
    CHECK(talk_heard(c, OK OK));
    CHECK(talk_logged("t-2 t-2 g-2"));
    talk_end();
}

/* ---- ops out of order ---------------------------------------------------------------------- */

static void ops_out_of_order_are_refused(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, GET("nP0w1sr1F3F0F0r1") GET("a")); /* before the frame; both framings at once; twice */
    CHECK(talk_logged("P-6 w-6 s-6 r-6 F-2 F0 F-6 r0"));
    CHECK(talk_heard(c, REFUSAL("500 Internal Server Error", "26")) && c->end_err == -VK_ECLOSED);
    c = talk_call();
    talk_say(c, GET("w1sP3P256P512kAP0P0w1s"));
    CHECK(talk_logged("w-6 s-6 P-2 P-2 P0 k-11 A-5 P-6 P-6 w-6 s-6"));
    talk_end();
}

/* The one that waits keeps its place. */
static void a_second_read_or_write_is_refused(void)
{
    const struct talk_options options = {.socket_bytes = 4096};
    talk_begin(&options);
    struct caller *c = talk_call();
    talk_say(c, POST("j5r5r5a", "5"));
    CHECK(talk_logged("j-6"));
    talk_say(c, "01234");
    CHECK(talk_logged("r5 r0") && talk_heard(c, OK));
    c->is_deaf = true;
    talk_say(c, GET("b200000W40000W40000W40000J5w5z1000"));
    CHECK(talk_logged("W40000 W40000 W25536 J-6"));
    c->is_deaf = false;
    (void)talk_hear(c, UINT32_MAX);
    talk_pass(TALK_NS);
    CHECK(talk_logged("w5"));
    talk_end();
}

static void more_than_promised_is_refused(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, GET("b3w4w3w1s") GET("a"));
    CHECK(talk_logged("w-10 w3 w-6 s-6"));
    CHECK(talk_heard(c, HEAD_OF("a/b") "Content-Length: 3\r\n\r\n012" OK));
    talk_end();
}

static void less_than_promised_is_cut_off(void)
{
    static const char *const paths[] = {GET("b9w3"), GET("b9w3f"), GET("Bw3"), GET("b9w3x"), GET("b9w3c")};
    for (uint32_t i = 0; i < VK_COUNT(paths); i++) {
        begin();
        struct caller *c = talk_call();
        talk_say(c, paths[i]);
        CHECK(c->end_err == -VK_ECLOSED);
        CHECK(strstr(c->heard, "012") != NULL && strstr(c->heard, "500") == NULL);
        talk_end();
    }
}

/* One of HTTP/1.0 has no chunks to miss; but all that was written arrives. */
static void a_stream_for_http_10_is_cut_off_in_order(void)
{
    static const char *const paths[] = {GET_10("Bw3"), GET_10("Bw3x"), GET_10("Bw3f"), GET_10("Bw3z5000")};
    const struct talk_options options = {.server = {.handler = {.deadline_ns = TALK_NS}}};
    for (uint32_t i = 0; i < VK_COUNT(paths); i++) {
        talk_begin(&options);
        struct caller *c = talk_call();
        talk_say(c, paths[i]);
        talk_pass(2 * TALK_NS);
        CHECK(talk_heard(c, HEAD_OF("a/b") "Connection: close\r\n\r\n012") && c->end_err == -VK_ECLOSED);
        talk_end();
    }
}

static void no_answer_is_a_500(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, GET("z1") GET("a"));
    CHECK(talk_heard(c, REFUSAL("500 Internal Server Error", "26")) && c->end_err == -VK_ECLOSED);
    c = talk_call();
    talk_say(c, GET("x"));
    CHECK(strstr(c->heard, "500 Internal Server Error (crash 1)") != NULL && c->end_err == -VK_ECLOSED);
    c = talk_call();
    talk_say(c, GET("ac") GET("a")); /* gives its handle up, and goes on */
    CHECK(talk_heard(c, OK OK));
    talk_end();
}

/* ---- request bodies --------------------------------------------------------------------------- */

static void bodies_arrive_as_framed(void)
{
    says_and_hears(POST("Ra", "5") "hello" GET("a"), OK OK, 0);
    says_and_hears(CHUNKED("Ra") "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n" GET("a"),
                   OK OK, 0);
}

static void a_body_is_awaited_piece_by_piece(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, CHUNKED("r9r9r9a"));
    talk_say(c, "3");
    talk_say(c, "\r\n"); /* framing alone wakes nobody for good */
    CHECK(talk_logged(""));
    talk_say(c, "abc");
    CHECK(talk_logged("r3"));
    talk_say(c, "\r\n2\r\nde\r\n");
    CHECK(talk_logged("r2"));
    talk_say(c, "0\r\n\r\n");
    CHECK(talk_logged("r0") && talk_heard(c, OK));
    talk_end();
}

static void a_broken_chunk_is_the_clients_fault(void)
{
    says_and_hears(CHUNKED("R") "5\r\nhelloX", BAD_400, -VK_ECLOSED);
    says_and_hears(CHUNKED("Ra") "zz\r\n" GET("a"), OK, -VK_ECLOSED); /* its handler answered all the same */
    says_and_hears(CHUNKED("RR") "zz\r\n", BAD_400, -VK_ECLOSED);
}

static void an_unread_body_is_skipped_or_ends_the_connection(void)
{
    char text[400];
    says_and_hears(POST("a", "5") "hello" GET("a"), OK OK, 0);
    says_and_hears(CHUNKED("a") "5\r\nhello\r\n0\r\n\r\n" GET("a"), OK OK, 0);
    says_and_hears(POST("a", "50") "hello", OK, -VK_ECLOSED);
    (void)snprintf(text, sizeof(text), "%s", CHUNKED("a") "fffff\r\nhello");
    says_and_hears(text, OK, -VK_ECLOSED);
}

static void continue_is_said_when_the_body_is_asked_for(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, EXPECT("z50Ra", "5"));
    CHECK(talk_heard(c, ""));
    talk_pass(TALK_NS / 10);
    CHECK(talk_heard(c, CONTINUE));
    talk_say(c, "hello");
    CHECK(talk_heard(c, OK));
    talk_say(c, EXPECT("Ra", "5") "hello"); /* it did not wait */
    CHECK(talk_heard(c, OK));
    talk_say(c,
             EXPECT("t413", "500000")); /* refused unread: the connection ends, what follows is no request */
    CHECK(strstr(c->heard, "413") != NULL && strstr(c->heard, "100 Continue") == NULL);
    CHECK(c->end_err == -VK_ECLOSED);
    talk_end();
}

static void a_body_that_stops_short(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, POST("R", "50") "hello");
    talk_finish(c);
    CHECK(talk_logged("R-14"));
    CHECK(talk_heard(c, REFUSAL("500 Internal Server Error", "26")));
    talk_end();
}

static void input_waits_while_nobody_reads(void)
{
    const struct talk_options options = {.socket_bytes = 4096};
    talk_begin(&options);
    struct caller *c = talk_call();
    static char body[100000];
    uint32_t said = 0;
    talk_say(c, POST("z5000Ra", "100000"));
    for (uint32_t i = 0; i < 100; i++) {
        said += talk_say_bytes(c, body, sizeof(body) - said);
        talk_pass(TALK_NS / 100);
    }
    CHECK(said < 30000); /* its socket, and what the server keeps: NET_INPUT_PAUSE_BYTES */
    talk_pass(5 * TALK_NS);
    for (uint32_t i = 0; i < 100; i++) {
        said += talk_say_bytes(c, body, sizeof(body) - said);
        talk_pass(TALK_NS / 100);
    }
    CHECK(said == sizeof(body));
    CHECK(talk_logged("R100000") && talk_heard(c, OK));
    talk_end();
}

/* ---- half-close and resets, state by state -------------------------------------------------------- */

static void half_closed_requests_are_answered(void)
{
    static const char *const texts[] = {GET("a"), GET("z100a"), GET("z10a") GET("a"),
                                        POST("Ra", "5") "hello"};
    for (uint32_t i = 0; i < VK_COUNT(texts); i++) {
        begin();
        struct caller *c = talk_call();
        (void)talk_say_bytes(c, texts[i], (uint32_t)strlen(texts[i]));
        talk_finish(c);
        talk_pass(TALK_NS);
        CHECK(talk_heard(c, i == 2 ? OK OK : OK));
        CHECK(c->end_err == -VK_ECLOSED && counters().conns == 0);
        talk_end();
    }
}

static void half_a_head_and_an_end(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, "GET / HTT");
    talk_finish(c);
    CHECK(talk_heard(c, "") && c->end_err == -VK_ECLOSED && counters().conns == 0);
    talk_end();
}

static void resets_leave_nothing_behind(void)
{
    static const char *const texts[] = {"GET / HT",
                                        GET("a"),
                                        GET("z5000a"),
                                        POST("Ra", "50") "x",
                                        CHUNKED("Ra") "5\r\n",
                                        GET("b90000w90000z90000"),
                                        GET("Bw5z90000"),
                                        GET("b200000w200000"),
                                        GET("ab5z90000"),
                                        EXPECT("Ra", "5"),
                                        GET("z50000") GET("a")};
    for (uint32_t i = 0; i < VK_COUNT(texts); i++) {
        const struct talk_options options = {.socket_bytes = 4096};
        talk_begin(&options);
        struct caller *c = talk_call();
        c->is_deaf = true;
        talk_say(c, texts[i]);
        talk_reset(c);
        talk_pass(TALK_NS);
        CHECK(counters().conns == 0 && counters().busy == 0);
        talk_end();
    }
}

/* ---- deadlines, state by state ---------------------------------------------------------------------- */

static void silence_is_ended(void)
{
    static const struct {
        const char *text;
        const char *heard;
        uint32_t seconds;
    } cases[] = {
        {"GET / HT", TIMEOUT_408, 10},
        {GET("a"), OK, 75},
        {GET("a") "G", OK TIMEOUT_408, 10},
        {POST("Ra", "5") "h", TIMEOUT_408, 30},
        {CHUNKED("Ra") "5\r\nhe", TIMEOUT_408, 30},
        {POST("aR", "5") "h", OK, 30},
    };
    for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
        begin();
        struct caller *c = talk_call();
        uint64_t since_ns = sim_now(talk.sim);
        talk_say(c, cases[i].text);
        talk_pass(80 * TALK_NS);
        CHECK(talk_heard(c, cases[i].heard));
        CHECK(c->end_err == -VK_ECLOSED && is_about(c->end_ns, since_ns, cases[i].seconds));
        CHECK(counters().conns == 0 && counters().busy == 0);
        talk_end();
    }
}

/* Each silence by a time of its own, none of which is the default. */
static void silence_is_as_long_as_the_server_wants(void)
{
    static const struct {
        const char *text;
        const char *heard;
        uint32_t seconds;
    } cases[] = {
        {"GET / HT", TIMEOUT_408, 3},
        {GET("a"), OK, 5},
        {POST("Ra", "5") "h", TIMEOUT_408, 7},
    };
    const struct talk_options options = {.server = {.head_timeout_ns = 3 * TALK_NS,
                                                    .idle_timeout_ns = 5 * TALK_NS,
                                                    .body_timeout_ns = 7 * TALK_NS,
                                                    .write_timeout_ns = 9 * TALK_NS}};
    for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
        talk_begin(&options);
        struct caller *c = talk_call();
        uint64_t since_ns = sim_now(talk.sim);
        talk_say(c, cases[i].text);
        talk_pass(20 * TALK_NS);
        CHECK(talk_heard(c, cases[i].heard));
        CHECK(c->end_err == -VK_ECLOSED && is_about(c->end_ns, since_ns, cases[i].seconds));
        talk_end();
    }
}

/* A server that only has handlers of its listeners, which these bring none to. */
static void what_has_no_program_is_refused(void)
{
    const struct talk_options options = {.server = {.conns_max = 4}};
    const struct net_server_options none = {.conns_max = 4};
    struct net_server *second;
    talk_begin(&options);
    CHECK(net_server_create(talk.kernel, &none, &second) == 0);
    CHECK(net_server_listen(second, talk.listener, NULL) == -VK_EINVAL);
    struct caller *c = talk_call(); /* the one that has a program goes on */
    talk_say(c, GET("a"));
    talk_pass(TALK_NS);
    CHECK(talk_heard(c, OK));
    talk_end();
}

/* Half an answer and then no body: the peer must not take it for whole. */
static void silence_inside_an_answer_cuts_it_off(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, POST("b9w3R", "5") "h");
    talk_pass(33 * TALK_NS);
    CHECK(c->end_err == -VK_ECLOSED && strstr(c->heard, "012") != NULL && counters().conns == 0);
    talk_end();
}

/* ---- who answers for the dead -------------------------------------------------------- */

/* "7 failed": the number and the words that it was started with, as the request's framing asks for it. */
static enum proc_step step_apologise(struct proc_self *self, struct proc_fiber *fiber)
{
    const struct net_crash *crash = proc_at(self, self->arg_off);
    struct net_request request = {0};
    char text[64 + PROC_WORDS_MAX_BYTES];
    struct vk_out out;
    (void)fiber;
    request.head.method = crash->frame & NET_FRAME_HEAD ? NET_METHOD_HEAD : NET_METHOD_GET;
    request.head.minor = 1;
    request.head.flags = crash->frame & NET_FRAME_CLOSE ? 0 : NET_HEAD_KEEP_ALIVE;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "%llu %.*s", (unsigned long long)crash->id, (int)crash->words_len,
               (const char *)(crash + 1));
    struct net_reply reply = net_request_reply(self, &request, 200, VK_SPAN_LIT("text/plain"));
    return net_respond_reply(self, &reply, vk_out_span(&out)) == 0 ? PROC_STEP_END : PROC_STEP_FAIL;
}

static enum proc_step step_fail_too(struct proc_self *self, struct proc_fiber *fiber)
{
    (void)self;
    (void)fiber;
    return PROC_STEP_FAIL;
}

static const proc_step_fn apologise_steps[] = {step_apologise}, fail_too_steps[] = {step_fail_too};
static const struct proc_native apologise_native = {apologise_steps, 1, sizeof(struct proc_fiber)};
static const struct proc_native fail_too_native = {fail_too_steps, 1, sizeof(struct proc_fiber)};

static struct proc_program answering(const struct proc_native *native)
{
    return (struct proc_program){.name = "crash",
                                 .heap_bytes = 65536,
                                 .start = proc_native_start,
                                 .resume = proc_native_resume,
                                 .context = native};
}

#define SORRY_LAST(len, text) \
    HEAD_OF("text/plain") "Connection: close\r\nContent-Length: " len "\r\n\r\n" text
#define SORRY(len, text) HEAD_OF("text/plain") "Content-Length: " len "\r\n\r\n" text

/* The connection stays what it was, and the request behind is served. */
static void another_process_answers_for_a_dead_one(void)
{
    const struct proc_program program = answering(&apologise_native);
    const struct talk_options options = {.server = {.handler = {.crash = &program}}};
    talk_begin(&options);
    struct caller *c = talk_call();
    talk_say(c, GET("f") GET("a") GET("z1x"));
    CHECK(talk_heard(c, SORRY("8", "1 failed") OK SORRY("7", "2 fault")) && c->end_err == 0);
    talk_say(c, "HEAD /f HTTP/1.1\r\nHost: a\r\n\r\n" GET("a"));
    CHECK(talk_heard(c, HEAD_OF("text/plain") "Content-Length: 8\r\n\r\n" OK) && c->end_err == 0);
    talk_say(c, GET("b9w3x")); /* it has begun to answer */
    CHECK(talk_heard(c, HEAD_OF("a/b") "Content-Length: 9\r\n\r\n012") && c->end_err == -VK_ECLOSED);
    talk_end();
}

/* A fault in the first run hides how the request was framed: it is answered, and nothing behind it. */
static void another_process_answers_for_one_that_never_got_far(void)
{
    static const char *const cases[][2] = {
        {GET("x") GET("a"), SORRY_LAST("7", "1 fault")},
        {"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" GET("a"), SORRY_LAST("7", "")},
        {POST("x", "5") "hello" GET("a"), SORRY_LAST("7", "1 fault")},
    };
    const struct proc_program program = answering(&apologise_native);
    const struct talk_options options = {.server = {.handler = {.crash = &program}}};
    for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
        talk_begin(&options);
        struct caller *c = talk_call();
        talk_say(c, cases[i][0]);
        talk_pass(3 * TALK_NS);
        CHECK(talk_heard(c, cases[i][1]) && c->end_err == -VK_ECLOSED);
        CHECK(counters().conns == 0 && counters().busy == 0);
        talk_end();
    }
}

static void nobody_answers_for_who_answered_for_a_dead_one(void)
{
    const struct proc_program program = answering(&fail_too_native);
    const struct talk_options options = {.server = {.handler = {.crash = &program}}};
    struct proc_counters counts;
    talk_begin(&options);
    struct caller *c = talk_call();
    talk_say(c, GET("f") GET("a"));
    CHECK(strstr(c->heard, "500 Internal Server Error (crash ") != NULL && c->end_err == -VK_ECLOSED);
    proc_kernel_counters(talk.kernel, &counts);
    CHECK(counts.crashes == 2 && counts.processes == 0);
    talk_end();
}

static void a_caller_that_says_nothing(void)
{
    begin();
    struct caller *c = talk_call();
    talk_pass(2 * TALK_NS); /* accepting is deferred for the first */
    uint64_t since_ns = sim_now(talk.sim);
    talk_pass(15 * TALK_NS);
    CHECK(talk_heard(c, "") && c->end_err == -VK_ECLOSED && c->end_ns < since_ns + 10 * TALK_NS);
    talk_end();
}

static void a_handler_has_a_deadline(void)
{
    const struct talk_options options = {.server = {.handler = {.deadline_ns = TALK_NS}}};
    talk_begin(&options);
    struct caller *c = talk_call();
    talk_say(c, GET("z5000a"));
    talk_pass(2 * TALK_NS);
    CHECK(strstr(c->heard, "500 Internal Server Error (crash 1)") != NULL && c->end_err == -VK_ECLOSED);
    talk_end();
}

/* A client that lets its handler wait until the deadline is no fault of the handler: none has crashed. */
static void a_deadline_that_the_caller_lets_pass_is_its_own(void)
{
    static const struct {
        const char *text;
        const char *drip; /* each 200 ms */
        const char *heard;
    } cases[] = {
        {POST("Ra", "5") "h", NULL, TIMEOUT_408},
        {POST("Ra", "50"), "x", TIMEOUT_408},
        {POST("r1r1r1r1r1r1r1r1r1r1a", "50"), "x", TIMEOUT_408},
        {CHUNKED("Ra"), "1\r\nx\r\n", TIMEOUT_408},
        {POST("j5z5000a", "5"), NULL, TIMEOUT_408},
        {POST("b9w3R", "5") "h", NULL, HEAD_OF("a/b") "Content-Length: 9\r\n\r\n012"},
        {POST("aR", "5") "h", NULL, OK},
    };
    const struct talk_options options = {.server = {.handler = {.deadline_ns = TALK_NS}}};
    for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
        struct proc_counters counts;
        talk_begin(&options);
        struct caller *c = talk_call();
        uint64_t since_ns = sim_now(talk.sim);
        talk_say(c, cases[i].text);
        for (uint32_t n = 0; n < 20 && !c->end_err; n++) {
            if (cases[i].drip)
                (void)talk_say_bytes(c, cases[i].drip, (uint32_t)strlen(cases[i].drip));
            talk_pass(TALK_NS / 5);
        }
        CHECK(talk_heard(c, cases[i].heard));
        CHECK(c->end_err == -VK_ECLOSED && is_about(c->end_ns, since_ns, 1));
        proc_kernel_counters(talk.kernel, &counts);
        CHECK(counts.crashes == 0 && counts.processes == 0);
        talk_end();
    }
}

/* What has begun to leave leaves, and a reader that is slow at the deadline is no crash either. */
static void a_deadline_while_nobody_takes_the_answer(void)
{
    const struct talk_options options = {.server = {.handler = {.deadline_ns = TALK_NS}},
                                         .socket_bytes = 4096};
    struct proc_counters counts;
    talk_begin(&options);
    struct caller *c = talk_call();
    c->is_deaf = true;
    talk_say(c, GET("b200000w200000"));
    talk_pass(2 * TALK_NS);
    c->is_deaf = false;
    (void)talk_hear(c, UINT32_MAX);
    talk_pass(TALK_NS);
    CHECK(c->end_err == -VK_ECLOSED && c->total > 65536);
    proc_kernel_counters(talk.kernel, &counts);
    CHECK(counts.crashes == 0 && counts.processes == 0);
    talk_end();
}

/* After a refusal the peer may go on talking for a while, then it is closed whatever it does. */
static void a_refused_caller_that_stays_is_closed(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, "\x01");
    CHECK(talk_heard(c, BAD_400));
    for (uint32_t i = 0; i < 10; i++) {
        (void)talk_say_bytes(c, "more", 4);
        talk_pass(TALK_NS / 2);
    }
    CHECK(counters().conns == 0);
    talk_end();
}

/* ---- the server is full, or ends --------------------------------------------------------------------- */

static void without_processes_it_says_503(void)
{
    const struct talk_options options = {.processes_max = 2};
    talk_begin(&options);
    struct caller *c[3];
    for (uint32_t i = 0; i < 3; i++) {
        c[i] = talk_call();
        talk_say(c[i], GET("z1000a"));
    }
    CHECK(talk_heard(c[2], REFUSAL("503 Service Unavailable", "24")) && c[2]->end_err == -VK_ECLOSED);
    CHECK(counters().overload == 1 && strstr(talk.last_line, "503") != NULL);
    talk_pass(2 * TALK_NS);
    CHECK(talk_heard(c[0], OK) && talk_heard(c[1], OK));
    talk_end();
}

static void callers_beyond_the_limit_wait_their_turn(void)
{
    const struct talk_options options = {.server = {.conns_max = 2}};
    talk_begin(&options);
    struct caller *c[3];
    for (uint32_t i = 0; i < 3; i++) {
        c[i] = talk_call();
        talk_say(c[i], GET("z100a"));
    }
    talk_pass(TALK_NS);
    CHECK(talk_heard(c[0], OK) && talk_heard(c[1], OK) && talk_heard(c[2], "") && counters().conns == 2);
    CHECK(strstr(talk.last_line, "too many connections") != NULL);
    talk_leave(c[0]);
    talk_pass(2 * TALK_NS);
    CHECK(talk_heard(c[2], OK));
    talk_end();
}

static void drain_within(uint64_t seconds)
{
    net_server_drain(talk.server, sim_now(talk.sim) + seconds * TALK_NS);
}

static void drain_ends_each_state(void)
{
    begin();
    struct caller *idle = talk_call(), *busy = talk_call();
    talk_say(idle, GET("a"));
    CHECK(talk_heard(idle, OK));
    talk_pass(NET_DRAIN_RECENT_NS);
    talk_say(busy, GET("z2000a"));
    drain_within(5);
    talk_pass(TALK_NS / 100);
    CHECK(idle->end_err == -VK_ECLOSED && busy->end_err == 0);
    talk_pass(3 * TALK_NS);
    CHECK(talk_heard(idle, "") && talk_heard(busy, LAST_OK) && busy->end_err == -VK_ECLOSED);
    talk_end();
}

/* Who was answered a moment ago may have sent the next request already. */
static void drain_waits_for_requests_on_their_way(void)
{
    begin();
    struct caller *quick = talk_call(), *silent = talk_call();
    talk_say(quick, GET("a"));
    talk_say(silent, GET("a"));
    drain_within(5);
    talk_pass(NET_DRAIN_GRACE_NS / 2);
    CHECK(quick->end_err == 0 && silent->end_err == 0);
    talk_say(quick, GET("z300a"));
    talk_pass(NET_DRAIN_GRACE_NS);
    CHECK(silent->end_err == -VK_ECLOSED && quick->end_err == 0);
    talk_pass(TALK_NS);
    CHECK(talk_heard(quick, OK LAST_OK) && quick->end_err == -VK_ECLOSED);
    CHECK(talk_heard(silent, OK));
    talk_end();
}

/* What comes too late is read and dropped: it does not reset the answer. */
static void the_last_answer_is_not_reset(void)
{
    begin();
    struct caller *c = talk_call(), *asks = talk_call();
    c->is_deaf = asks->is_deaf = true;
    talk_say(c, GET("z100a"));
    talk_say(asks, "GET /z100a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    drain_within(5);
    talk_pass(TALK_NS / 5);
    CHECK(counters().conns == 1); /* who asked for the end has it, the other is read on */
    talk_say(c, GET("a"));
    (void)talk_hear(c, UINT32_MAX);
    (void)talk_hear(asks, UINT32_MAX);
    CHECK(talk_heard(c, LAST_OK) && c->end_err == -VK_ECLOSED);
    CHECK(talk_heard(asks, OK_CLOSE) && asks->end_err == -VK_ECLOSED);
    talk_pass(NET_LINGER_TIMEOUT_NS);
    CHECK(counters().conns == 0);
    talk_end();
}

static void drain_answers_what_was_pipelined(void)
{
    begin();
    struct caller *c = talk_call(), *body = talk_call();
    talk_say(c, GET("z200a") GET("z10a") GET("a"));
    talk_say(body, POST("z200Ra", "5") "hello" POST("z10Ra", "5") "hello");
    drain_within(5);
    talk_pass(TALK_NS);
    CHECK(talk_heard(c, OK OK LAST_OK) && c->end_err == -VK_ECLOSED);
    CHECK(talk_heard(body, OK LAST_OK) && body->end_err == -VK_ECLOSED);
    talk_end();
}

static void drain_ends_what_had_begun_before_it(void)
{
    begin();
    struct caller *c = talk_call();
    talk_say(c, GET("b6w3z500w3"));
    drain_within(5);
    talk_pass(TALK_NS / 2);
    CHECK(talk_heard(c, HEAD_OF("a/b") "Content-Length: 6\r\n\r\n012012") && c->end_err == 0);
    talk_say(c, GET("b3w3")); /* it could not know */
    CHECK(talk_heard(c, LAST_OF("a/b") "Content-Length: 3\r\n\r\n012") && c->end_err == -VK_ECLOSED);
    talk_end();
}

/* What is not answered when time is over hears so, where it still can. */
static void drain_cuts_off_what_takes_too_long(void)
{
    begin();
    struct caller *half = talk_call(), *stuck = talk_call(), *writes = talk_call(), *done = talk_call();
    talk_say(half, "GET /a HT");
    talk_say(stuck, GET("z60000a"));
    talk_say(writes, GET("b6w3z60000w3"));
    talk_say(done, GET("az60000"));
    drain_within(5);
    talk_pass(4 * TALK_NS);
    CHECK(half->end_err == 0 && stuck->end_err == 0 && writes->end_err == 0);
    talk_pass(TALK_NS + NET_DRAIN_CUT_NS + TALK_NS / 100);
    CHECK(talk_heard(half, UNAVAILABLE_503) && half->end_err == -VK_ECLOSED);
    CHECK(talk_heard(stuck, UNAVAILABLE_503) && stuck->end_err == -VK_ECLOSED);
    CHECK(writes->end_err == -VK_ERESET && net_server_is_idle(talk.server));
    CHECK(talk_heard(done, OK));
    CHECK(strcmp(talk.last_line, "http: 3 requests cut off, the drain took too long") == 0);
    talk_end();
}

/* Who waits at a full server comes in before who was answered is waited for. */
static void drain_makes_room_for_who_waits(void)
{
    const struct talk_options options = {.server = {.conns_max = 2}};
    talk_begin(&options);
    struct caller *c[6];
    for (uint32_t i = 0; i < 6; i++) {
        if (i == 4)
            drain_within(5);
        c[i] = talk_call();
        talk_say(c[i], GET("a"));
    }
    talk_pass(TALK_NS / 100); /* none of them leaves: each would be waited for, and read on for seconds */
    for (uint32_t i = 0; i < 6; i++)
        CHECK(talk_heard(c[i], i < 2 ? OK : LAST_OK) && c[i]->end_err == -VK_ECLOSED);
    talk_end();
}

/* A driver that refuses now and then costs time, and nothing else. */
static void refusals_of_the_driver_lose_nothing(void)
{
    const struct talk_options options = {.socket_bytes = 4096, .overflow = 3000};
    talk_begin(&options);
    for (uint32_t i = 0; i < 12; i++) {
        struct caller *c = talk_call();
        talk_say(c, i % 3 == 0 ? GET("b9000w9000") : POST("Ra", "5") "hello");
        talk_pass(TALK_NS);
        CHECK(c->total > 100);
        if (i % 2)
            talk_finish(c);
        else
            talk_reset(c);
    }
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
    CASE(a_request_is_answered),
    CASE(pipelined_requests_are_answered_in_order),
    CASE(many_pipelined_requests_give_way_and_are_all_answered),
    CASE(requests_behind_a_streaming_answer_wait),
    CASE(head_of_streamed_answers_has_no_body),
    CASE(chunks_end_with_shutdown),
    CASE(http_10_keeps_alive_and_streams_to_the_end),
    CASE(bodyless_statuses_stay_so),
    CASE(interim_statuses_are_no_answers),
    CASE(ops_out_of_order_are_refused),
    CASE(a_second_read_or_write_is_refused),
    CASE(more_than_promised_is_refused),
    CASE(less_than_promised_is_cut_off),
    CASE(a_stream_for_http_10_is_cut_off_in_order),
    CASE(no_answer_is_a_500),
    CASE(another_process_answers_for_a_dead_one),
    CASE(another_process_answers_for_one_that_never_got_far),
    CASE(nobody_answers_for_who_answered_for_a_dead_one),
    CASE(bodies_arrive_as_framed),
    CASE(a_body_is_awaited_piece_by_piece),
    CASE(a_broken_chunk_is_the_clients_fault),
    CASE(an_unread_body_is_skipped_or_ends_the_connection),
    CASE(continue_is_said_when_the_body_is_asked_for),
    CASE(a_body_that_stops_short),
    CASE(input_waits_while_nobody_reads),
    CASE(half_closed_requests_are_answered),
    CASE(half_a_head_and_an_end),
    CASE(resets_leave_nothing_behind),
    CASE(silence_is_ended),
    CASE(silence_is_as_long_as_the_server_wants),
    CASE(what_has_no_program_is_refused),
    CASE(silence_inside_an_answer_cuts_it_off),
    CASE(a_caller_that_says_nothing),
    CASE(a_handler_has_a_deadline),
    CASE(a_deadline_that_the_caller_lets_pass_is_its_own),
    CASE(a_deadline_while_nobody_takes_the_answer),
    CASE(a_refused_caller_that_stays_is_closed),
    CASE(without_processes_it_says_503),
    CASE(callers_beyond_the_limit_wait_their_turn),
    CASE(drain_ends_each_state),
    CASE(drain_waits_for_requests_on_their_way),
    CASE(the_last_answer_is_not_reset),
    CASE(drain_answers_what_was_pipelined),
    CASE(drain_ends_what_had_begun_before_it),
    CASE(drain_cuts_off_what_takes_too_long),
    CASE(drain_makes_room_for_who_waits),
    CASE(refusals_of_the_driver_lose_nothing),
    {NULL, NULL},
};
