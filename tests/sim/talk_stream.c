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

#define CASE(name)            \
    {                         \
        "stream_" #name, name \
    }
const struct talk_case talk_cases_stream[] = {
    CASE(slow_reader_gets_all),
    CASE(reader_that_stops_is_reset),
    {NULL, NULL},
};
