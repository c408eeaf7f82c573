/* SPDX-License-Identifier: Apache-2.0 */
/* CLOSE, its ABORT, and what a reset does to the other end. */
#include "tests/driver/rig.h"

static struct rig_reader reader;
static struct rig_reader reader_back;

static bool is_broken(int32_t res)
{
    return res == -VK_ERESET || res == -VK_ECLOSED;
}

static void close_cancels_a_pending_receive(struct rig *rig)
{
    uint8_t room[8];
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 12; i++) {
        struct rig_pair pair = rig_pair(rig);
        uint32_t recv = i % 3 == 0   ? rig_recv(rig, pair.server, 0)
                        : i % 3 == 1 ? rig_recv(rig, pair.server, PROC_IO_MULTI)
                                     : rig_recv_into(rig, pair.server, room, sizeof(room));
        if (i % 2 == 0)
            rig_pass(rig, 300000);
        uint32_t close = rig_close(rig, pair.server, i % 4 < 2 ? 0 : PROC_IO_ABORT);
        RIG_CHECK(rig, rig_await(rig, recv) == -VK_ECANCELED);
        RIG_CHECK(rig, rig_await(rig, close) == 0);
        rig_await(rig, rig_close(rig, pair.client, 0));
    }
}

static void close_cancels_a_pending_accept(struct rig *rig)
{
    rig_listen(rig, false);
    rig->is_accept_paused = true;
    RIG_CHECK(rig, rig_await(rig, rig_close(rig, rig->listener, 0)) == 0);
    RIG_CHECK(rig, rig->accept_op == RIG_NONE && rig->accept_res == -VK_ECANCELED);
}

/* Connections nobody accepted end with their listener. */
static void close_of_a_listener_ends_its_backlog(struct rig *rig)
{
    rig_listen(rig, false);
    rig_accept_pause(rig);
    uint32_t conn = rig_open(rig, &rig->addr);
    RIG_CHECK(rig, rig_await(rig, rig_connect(rig, conn)) == 0);
    rig_await(rig, rig_close(rig, rig->listener, 0));
    int32_t res = rig_await(rig, rig_recv(rig, conn, 0));
    RIG_CHECK(rig, res == 0 || is_broken(res));
    rig_await(rig, rig_close(rig, conn, 0));
}

/* A listener's end is not the end of what it accepted. */
static void close_of_a_listener_leaves_its_connections(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig->is_accept_paused = true;
    rig_await(rig, rig_close(rig, rig->listener, 0));
    rig_reader_start(rig, &reader, pair.server, 1, RIG_READ_MULTI);
    rig_send_all(rig, pair.client, 1, 0, 50000);
    rig_reader_await(rig, &reader, 50000);
    rig_close_pair(rig, pair);
}

static void close_delivers_pending_sends_first(struct rig *rig)
{
    const uint32_t part = 2u << 20;
    uint32_t sends[4];
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_fill(rig->buf, 4 * part, 2, 0);
    for (uint32_t i = 0; i < 4; i++)
        sends[i] = rig_send(rig, pair.client, rig->buf + (size_t)i * part, part);
    uint32_t close = rig_close(rig, pair.client, 0);
    rig_reader_start(rig, &reader, pair.server, 2, RIG_READ_MULTI);
    RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == 0);
    RIG_CHECK(rig, reader.pos == 4 * (uint64_t)part);
    for (uint32_t i = 0; i < 4; i++)
        RIG_CHECK(rig, rig_await(rig, sends[i]) == (int32_t)part);
    RIG_CHECK(rig, rig_await(rig, close) == 0);
    rig_await(rig, rig_close(rig, pair.server, 0));
}

static void close_waits_for_a_slow_reader(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_fill(rig->buf, RIG_BIG_BYTES, 3, 0);
    uint32_t send = rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
    uint32_t close = rig_close(rig, pair.client, 0);
    rig_pass(rig, 30000000);
    RIG_CHECK(rig, !rig_is_done(rig, send) && !rig_is_done(rig, close));
    rig_reader_start(rig, &reader, pair.server, 3, RIG_READ_ONE);
    RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == 0 && reader.pos == RIG_BIG_BYTES);
    RIG_CHECK(rig, rig_await(rig, send) == (int32_t)RIG_BIG_BYTES && rig_await(rig, close) == 0);
    rig_await(rig, rig_close(rig, pair.server, 0));
}

/* Held back for the end, it still arrives: at once when it is short, piece by piece when it is long. */
static void corked_close_delivers_what_was_sent(struct rig *rig)
{
    static const uint32_t lens[] = {1, 1000, 5u << 20};
    rig_listen(rig, false);
    for (size_t i = 0; i < VK_COUNT(lens); i++) {
        struct rig_pair pair = rig_pair(rig);
        rig_fill(rig->buf, lens[i], 5, 0);
        uint32_t send = rig_send(rig, pair.server, rig->buf, lens[i]);
        uint32_t close = rig_close(rig, pair.server, PROC_IO_CORKED);
        rig_reader_start(rig, &reader, pair.client, 5, RIG_READ_MULTI);
        RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == 0 && reader.pos == lens[i]);
        RIG_CHECK(rig, rig_await(rig, send) == (int32_t)lens[i] && rig_await(rig, close) == 0);
        rig_await(rig, rig_close(rig, pair.client, PROC_IO_CORKED)); /* nothing to hold back */
    }
}

/* Nobody reads: ABORT ends what a CLOSE in order would wait for without end. */
static void abort_hurries_a_close(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_fill(rig->buf, RIG_BIG_BYTES, 4, 0);
    uint32_t send = rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
    uint32_t close = rig_close(rig, pair.client, 0);
    rig_pass(rig, 10000000);
    uint32_t abort = rig_close(rig, pair.client, PROC_IO_ABORT);
    int32_t res = rig_await(rig, send);
    RIG_CHECK(rig, res < (int32_t)RIG_BIG_BYTES && (res > 0 || res == -VK_ECANCELED || is_broken(res)));
    RIG_CHECK(rig, rig_await(rig, close) == 0 && rig_await(rig, abort) == 0);
    rig_reader_start(rig, &reader, pair.server, 4, RIG_READ_MULTI);
    RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == -VK_ERESET);
    RIG_CHECK(rig, reader.pos < RIG_BIG_BYTES);
    rig_await(rig, rig_close(rig, pair.server, 0));
}

static void abort_resets_the_peer(struct rig *rig)
{
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 6; i++) {
        struct rig_pair pair = rig_pair(rig);
        uint32_t recv = rig_recv(rig, pair.client, i % 2 == 0 ? PROC_IO_MULTI : 0);
        if (i % 3 == 0)
            rig_pass(rig, 300000);
        rig_await(rig, rig_close(rig, pair.server, PROC_IO_ABORT));
        RIG_CHECK(rig, rig_await(rig, recv) == -VK_ERESET);
        RIG_CHECK(rig, is_broken(rig_await(rig, rig_send(rig, pair.client, "x", 1))));
        rig_await(rig, rig_close(rig, pair.client, 0));
    }
}

static void abort_drops_pending_sends(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    uint32_t first = rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
    uint32_t second = rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
    rig_pass(rig, 10000000);
    uint32_t abort = rig_close(rig, pair.client, PROC_IO_ABORT);
    RIG_CHECK(rig, rig_await(rig, first) < (int32_t)RIG_BIG_BYTES);
    int32_t res = rig_await(rig, second);
    RIG_CHECK(rig, res == -VK_ECANCELED || is_broken(res));
    RIG_CHECK(rig, rig_await(rig, abort) == 0);
    rig_await(rig, rig_close(rig, pair.server, 0));
}

static void reset_ends_a_transfer_in_the_middle(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_fill(rig->buf, RIG_BIG_BYTES, 5, 0);
    rig_reader_start(rig, &reader, pair.server, 5, RIG_READ_MULTI);
    rig_reader_start(rig, &reader_back, pair.client, 6, RIG_READ_MULTI);
    uint32_t send = rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
    while (reader.pos < 200000) {
        rig_pump(rig, 1000000);
        rig_expect_progress(rig);
    }
    reader.is_paused = true;
    rig_await(rig, rig_close(rig, pair.server, PROC_IO_ABORT));
    RIG_CHECK(rig, is_broken(rig_await(rig, send)));
    RIG_CHECK(rig, rig_reader_await_end(rig, &reader_back) == -VK_ERESET);
    rig_await(rig, rig_close(rig, pair.client, 0));
}

/* Its number is free for others afterwards; what was submitted before does not reach them. */
static void numbers_come_back_after_close(struct rig *rig)
{
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 300; i++) {
        struct rig_pair pair = rig_pair(rig);
        uint32_t recv = rig_recv(rig, pair.server, PROC_IO_MULTI);
        RIG_CHECK(rig, rig_await(rig, rig_send(rig, pair.client, "ping", 4)) == 4);
        uint32_t close = rig_close(rig, pair.server, i % 2 == 0 ? PROC_IO_ABORT : 0);
        uint32_t close_too = rig_close(rig, pair.client, 0);
        rig_await(rig, recv);
        rig_await(rig, close);
        rig_await(rig, close_too);
    }
}

/* A CLOSE that waits for its reader keeps its number, whoever comes meanwhile. */
static void numbers_stay_taken_until_close_completes(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair slow = rig_pair(rig);
    rig_send(rig, slow.client, rig->buf, RIG_BIG_BYTES);
    uint32_t close = rig_close(rig, slow.client, 0);
    for (uint32_t i = 0; i < 100; i++) { /* the rig knows the numbers in use */
        struct rig_pair pair = rig_pair(rig);
        if (i % 2 == 0)
            rig_close_pair(rig, pair);
    }
    RIG_CHECK(rig, !rig_is_done(rig, close));
}

static void close_of_both_ends_at_once(struct rig *rig)
{
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 40; i++) {
        struct rig_pair pair = rig_pair(rig);
        uint32_t send = rig_send(rig, pair.client, "bye", 3);
        uint32_t close[2] = {rig_close(rig, pair.client, 0),
                             rig_close(rig, pair.server, i % 2 == 0 ? 0 : PROC_IO_ABORT)};
        int32_t res = rig_await(rig, send);
        RIG_CHECK(rig, res == 3 || is_broken(res));
        RIG_CHECK(rig, rig_await(rig, close[0]) == 0 && rig_await(rig, close[1]) == 0);
    }
}

/* destroy follows at once: nothing may be left behind, nothing crash. */
static void destroy_with_everything_in_flight(struct rig *rig)
{
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 10; i++) {
        struct rig_pair pair = rig_pair(rig);
        rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
        rig_recv(rig, pair.client, PROC_IO_MULTI);
        rig_connect(rig, rig_open(rig, &rig->addr));
        if (i % 3 == 0)
            rig_close(rig, pair.client, 0);
    }
    rig->flying = 0;
    rig->is_abandoned = true;
}

const struct rig_case rig_cases_close[] = {
    {"close_cancels_a_pending_receive", close_cancels_a_pending_receive},
    {"close_cancels_a_pending_accept", close_cancels_a_pending_accept},
    {"close_of_a_listener_ends_its_backlog", close_of_a_listener_ends_its_backlog},
    {"close_of_a_listener_leaves_its_connections", close_of_a_listener_leaves_its_connections},
    {"close_delivers_pending_sends_first", close_delivers_pending_sends_first},
    {"close_waits_for_a_slow_reader", close_waits_for_a_slow_reader},
    {"corked_close_delivers_what_was_sent", corked_close_delivers_what_was_sent},
    {"abort_hurries_a_close", abort_hurries_a_close},
    {"abort_resets_the_peer", abort_resets_the_peer},
    {"abort_drops_pending_sends", abort_drops_pending_sends},
    {"reset_ends_a_transfer_in_the_middle", reset_ends_a_transfer_in_the_middle},
    {"numbers_come_back_after_close", numbers_come_back_after_close},
    {"numbers_stay_taken_until_close_completes", numbers_stay_taken_until_close_completes},
    {"close_of_both_ends_at_once", close_of_both_ends_at_once},
    {"destroy_with_everything_in_flight", destroy_with_everything_in_flight},
    {NULL, NULL},
};
