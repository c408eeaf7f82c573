/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: raw streams: services, listeners and connectors, and whatever a peer
 * or a process may do to them. Method: as for HTTP.
 */
#include "tests/sim/talk.h"

#include <string.h>

static void slow_reader_gets_all(void)
{
    const struct talk_options options = {.socket_bytes = 4096, .is_tcp = true};
    talk_begin(&options);
    talk.script = "w100000";
    struct caller *c = talk_call();
    c->is_deaf = true;
    talk_pass(TALK_NS / 10);
    for (uint32_t i = 0; i < 800 && !c->end_err; i++) {
        (void)talk_hear(c, 512);
        talk_pass(TALK_NS / 2);
    }
    CHECK(c->end_err == -VK_ECLOSED && c->total == 100000);
    CHECK(talk_logged("w100000"));
    talk_end();
}

static void reader_that_stops_is_reset(void)
{
    const struct talk_options options = {.socket_bytes = 4096, .is_tcp = true};
    talk_begin(&options);
    talk.script = "w200000";
    struct caller *c = talk_call();
    c->is_deaf = true;
    talk_pass(20 * TALK_NS);
    CHECK(talk_hear(c, 1000) == 1000);
    talk_pass(29 * TALK_NS);
    CHECK(net_streams_open(talk.streams) == 1);
    talk_pass(4 * TALK_NS);
    CHECK(net_streams_open(talk.streams) == 0);
    (void)talk_hear(c, UINT32_MAX);
    CHECK(c->end_err == -VK_ERESET);
    CHECK(talk_logged("w-14"));
    talk_end();
}

/* ---- services --------------------------------------------------------------------------- */

static void begin(const char *script)
{
    const struct talk_options options = {.socket_bytes = 4096, .is_tcp = true};
    talk_begin(&options);
    talk.script = script;
}

static void begin_uses(uint16_t overflow)
{
    const struct talk_options options = {.uses = true, .overflow = overflow};
    talk_begin(&options);
}

static void bytes_go_both_ways(void)
{
    begin("r3w5R");
    struct caller *c = talk_call();
    talk_say(c, "abc");
    CHECK(talk_heard(c, "abc34"));
    talk_say(c, "more");
    talk_finish(c);
    CHECK(talk_logged("r3 w5 R4") && c->end_err == -VK_ECLOSED);
    talk_end();
}

static void half_closed_by_the_process(void)
{
    begin("w5sw1sR");
    struct caller *c = talk_call();
    talk_pass(TALK_NS);
    CHECK(talk_heard(c, "01234") && c->end_err == -VK_ECLOSED);
    talk_say(c, "still heard");
    talk_finish(c);
    CHECK(talk_logged("w5 s0 w-14 s0 R11"));
    talk_end();
}

static void half_closed_by_the_peer(void)
{
    begin("Rw5r1");
    struct caller *c = talk_call();
    talk_say(c, "abc");
    talk_finish(c);
    CHECK(talk_logged("R3 w5 r0") && talk_heard(c, "abc34") && c->end_err == -VK_ECLOSED);
    talk_end();
}

/* Whatever it waits for, a reset ends it. */
static void resets_end_what_waits(void)
{
    static const struct {
        const char *script;
        const char *log;
    } cases[] = {{"r5r5", "r-15 r-15"}, {"w900000", "w-14"}, {"z200r5w5s", "r-15 w-14 s-14"},
                 {"r5f", "r-15"},       {"f", ""},           {"x", ""}};
    for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
        begin(cases[i].script);
        struct caller *c = talk_call();
        c->is_deaf = true;
        talk_pass(TALK_NS / 10);
        talk_reset(c);
        talk_pass(TALK_NS);
        CHECK(talk_logged(cases[i].log) && net_streams_open(talk.streams) == 0);
        talk_end();
    }
}

static void how_its_process_ends_is_how_it_ends(void)
{
    static const struct {
        const char *script;
        int err;
    } cases[] = {{"w5", -VK_ECLOSED},  {"w5f", -VK_ERESET},     {"w5x", -VK_ERESET},
                 {"w5c", -VK_ECLOSED}, {"w5k", -VK_ERESET},     {"k", -VK_ERESET},
                 {"w5kc", -VK_ERESET}, {"w5kz100", -VK_ERESET}, {"w5K", -VK_ERESET}};
    for (uint32_t i = 0; i < VK_COUNT(cases); i++) {
        begin(cases[i].script);
        struct caller *c = talk_call();
        talk_pass(TALK_NS);
        CHECK(c->end_err == cases[i].err);
        talk_end();
    }
}

static void killed_with_ops_under_way(void)
{
    begin("j5J5000z10kz10r1w1");
    struct caller *c = talk_call();
    c->is_deaf = true;
    talk_pass(TALK_NS);
    CHECK(talk_logged("J5000 k0 j-15 r-15 w-14"));
    talk_end();
}

static void one_op_each_way_and_no_others(void)
{
    begin("jz10r5r5");
    struct caller *c = talk_call();
    talk_pass(TALK_NS / 10);
    CHECK(talk_logged("j-2"));
    talk_say(c, "x");
    talk_end();
    begin("j5z10r5F0A");
    (void)talk_call();
    talk_pass(TALK_NS / 10);
    CHECK(talk_logged("r-6 F-11 A-5"));
    talk_end();
}

/* A handle that is closed ends what waits on it. */
static void closing_ends_what_waits(void)
{
    begin("j5z10cz10");
    struct caller *c = talk_call();
    talk_pass(TALK_NS);
    CHECK(talk_logged("c0 j-12") && c->end_err == -VK_ECLOSED);
    talk_end();
}

/* Bytes have come for a READ, and its handle is closed before its turn. */
static void a_read_that_is_due_may_be_canceled(void)
{
    begin("z100j5z100cz10");
    struct caller *c = talk_call();
    talk_say(c, "hello");
    talk_pass(TALK_NS);
    CHECK(talk_logged("j5 c0"));
    talk_end();
}

static void input_waits_while_nobody_reads(void)
{
    static char body[60000];
    begin("z1000R");
    struct caller *c = talk_call();
    uint32_t said = talk_say_bytes(c, body, sizeof(body));
    talk_pass(TALK_NS / 2);
    said += talk_say_bytes(c, body, sizeof(body) - said);
    CHECK(said <= 4096);
    for (uint32_t i = 0; i < 100; i++) {
        talk_pass(TALK_NS / 10);
        said += talk_say_bytes(c, body, sizeof(body) - said);
    }
    talk_finish(c);
    CHECK(said == sizeof(body) && talk_logged("R60000"));
    talk_end();
}

static void without_processes_callers_are_reset(void)
{
    const struct talk_options options = {.is_tcp = true, .processes_max = 1};
    talk_begin(&options);
    talk.script = "R";
    (void)talk_call();
    struct caller *c = talk_call();
    talk_pass(TALK_NS);
    CHECK(c->end_err == -VK_ERESET && strstr(talk.last_line, "tcp: out of processes") != NULL);
    talk_end();
}

static void without_streams_callers_are_reset(void)
{
    begin("R");
    for (uint32_t i = 0; i <= TALK_STREAMS; i++)
        (void)talk_call();
    talk_pass(TALK_NS);
    for (uint32_t i = 0; i <= TALK_STREAMS; i++)
        CHECK(talk.callers[i].end_err == (i < TALK_STREAMS ? 0 : -VK_ERESET));
    CHECK(net_streams_open(talk.streams) == TALK_STREAMS);
    talk_end();
}

static void drain_waits_and_then_resets(void)
{
    begin("z2000w5");
    struct caller *c = talk_call();
    talk_pass(TALK_NS / 10);
    talk.script = "R";
    struct caller *stays = talk_call();
    talk_pass(TALK_NS / 10);
    net_streams_drain(talk.streams, sim_now(talk.sim) + 5 * TALK_NS);
    struct caller *late = talk_call();
    talk_pass(4 * TALK_NS);
    CHECK(talk_heard(c, "01234") && c->end_err == -VK_ECLOSED && stays->end_err == 0);
    CHECK(late->end_err == -VK_EREFUSED);
    talk_pass(2 * TALK_NS);
    CHECK(stays->end_err == -VK_ERESET && net_streams_open(talk.streams) == 0);
    talk_end();
}

/* ---- listeners and connectors that a process uses -------------------------------------------- */

static void a_process_accepts_and_connects(void)
{
    begin_uses(0);
    talk_start("Ar5w5ch3F0h2F0");
    struct caller *c = talk_call();
    talk_say(c, "hello");
    CHECK(talk_heard(c, "hello") && c->end_err == -VK_ECLOSED);
    CHECK(talk_logged("A0 r5 w5 c0 F-11 F-11"));
    talk_start("AR");
    talk_start("Cw7");
    talk_pass(TALK_NS);
    CHECK(talk_logged("A0 C0 w7 R7"));
    talk_end();
}

static void callers_wait_for_an_accept(void)
{
    begin_uses(0);
    talk_start("z500Aw1cAw2cAw3c");
    struct caller *a = talk_call(), *b = talk_call(), *c = talk_call();
    CHECK(talk_heard(a, "") && talk_logged(""));
    talk_pass(TALK_NS);
    CHECK(talk_heard(a, "0") && talk_heard(b, "01") && talk_heard(c, "012"));
    talk_end();
}

/* The process ends while its ACCEPT is on the way: whoever is accepted waits for the next one. */
static void nobody_is_lost_between_accepts(void)
{
    begin_uses(0);
    talk_start("z1Aw1");
    talk_start("Aw1z1f");
    struct caller *a = talk_call(), *b = talk_call(), *c = talk_call();
    talk_start("Aw2");
    talk_pass(TALK_NS);
    CHECK(a->total + b->total + c->total == 4);
    talk_end();
}

/* Also for whoever waits already: the server would wait for its process in vain. */
static void a_drained_listener_says_closed(void)
{
    begin_uses(0);
    talk_start("A");
    net_streams_drain(talk.streams, sim_now(talk.sim) + 5 * TALK_NS);
    talk_pass(TALK_NS / 10);
    CHECK(talk_logged("A-14"));
    talk_start("AC");
    CHECK(talk_logged("A-14 C-16"));
    talk_end();
}

static void without_streams_connects_fail(void)
{
    begin_uses(0);
    talk_start("CCCCCCCCCz100");
    talk_pass(TALK_NS);
    CHECK(talk_logged("C0 C0 C0 C0 C0 C0 C0 C0 C-4"));
    talk_end();
}

/* A driver that refuses now and then costs time, and nothing else. */
static void refusals_of_the_driver_lose_nothing(void)
{
    begin_uses(3000);
    for (uint32_t i = 0; i < 20; i++) {
        talk_start(i % 3 ? "Ar5w5" : "Ar5k");
        struct caller *c = talk_call();
        talk_say(c, "hello");
        talk_pass(TALK_NS);
        CHECK(c->end_err == (i % 3 ? -VK_ECLOSED : -VK_ERESET));
        talk_leave(c);
        memset(c, 0, sizeof(*c));
    }
    talk_end();
}

/* More come than there are places, and the driver refuses to close them at first: none stays open. */
static void callers_turned_away_are_closed(void)
{
    const struct talk_options options = {.is_tcp = true, .overflow = 5000};
    talk_begin(&options);
    talk.script = "R";
    for (uint32_t i = 0; i < TALK_CALLERS; i++)
        (void)talk_call();
    talk_pass(5 * TALK_NS);
    uint32_t reset = 0;
    for (uint32_t i = 0; i < TALK_CALLERS; i++)
        reset += talk.callers[i].end_err == -VK_ERESET;
    CHECK(reset == TALK_CALLERS - TALK_STREAMS);
    talk_end();
}

#define CASE(name)            \
    {                         \
        "stream_" #name, name \
    }
const struct talk_case talk_cases_stream[] = {
    CASE(slow_reader_gets_all),
    CASE(reader_that_stops_is_reset),
    CASE(bytes_go_both_ways),
    CASE(half_closed_by_the_process),
    CASE(half_closed_by_the_peer),
    CASE(resets_end_what_waits),
    CASE(how_its_process_ends_is_how_it_ends),
    CASE(killed_with_ops_under_way),
    CASE(one_op_each_way_and_no_others),
    CASE(closing_ends_what_waits),
    CASE(a_read_that_is_due_may_be_canceled),
    CASE(input_waits_while_nobody_reads),
    CASE(without_processes_callers_are_reset),
    CASE(without_streams_callers_are_reset),
    CASE(drain_waits_and_then_resets),
    CASE(a_process_accepts_and_connects),
    CASE(callers_wait_for_an_accept),
    CASE(nobody_is_lost_between_accepts),
    CASE(a_drained_listener_says_closed),
    CASE(without_streams_connects_fail),
    CASE(refusals_of_the_driver_lose_nothing),
    CASE(callers_turned_away_are_closed),
    {NULL, NULL},
};
