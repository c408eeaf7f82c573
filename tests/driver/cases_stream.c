/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes: whole, in order, in bounded memory, and the ends of streams. */
#include "tests/driver/rig.h"

static struct rig_reader reader;
static struct rig_reader reader_back;

static void echo(struct rig *rig)
{
    static const char text[] = "Hello, driver!";
    uint8_t got[sizeof(text)];
    uint32_t have = 0;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    RIG_CHECK(rig, rig_await(rig, rig_send(rig, pair.client, text, sizeof(text))) == (int32_t)sizeof(text));
    while (have < sizeof(text)) {
        int32_t res =
            rig_await(rig, rig_recv_into(rig, pair.server, got + have, (uint32_t)sizeof(got) - have));
        RIG_CHECK(rig, res > 0);
        int32_t sent = rig_await(rig, rig_send(rig, pair.server, got + have, (uint32_t)res));
        RIG_CHECK(rig, sent == res);
        have += (uint32_t)res;
    }
    memset(got, 0, sizeof(got));
    for (have = 0; have < sizeof(text);) {
        int32_t res =
            rig_await(rig, rig_recv_into(rig, pair.client, got + have, (uint32_t)sizeof(got) - have));
        RIG_CHECK(rig, res > 0);
        have += (uint32_t)res;
    }
    RIG_CHECK(rig, memcmp(got, text, sizeof(text)) == 0);
    rig_close_pair(rig, pair);
}

static void one_shot_recv_completes_once(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    uint32_t recv = rig_recv(rig, pair.server, 0);
    rig_send_all(rig, pair.client, 1, 0, 10);
    RIG_CHECK(rig, rig_await(rig, recv) > 0);
    RIG_CHECK(rig, rig->ops[recv].events == 1);
    rig_send_all(rig, pair.client, 1, 10, 10); /* nobody asked for these: no completion */
    uint32_t finishes = (uint32_t)rig->finish_count;
    rig_pass(rig, 5000000);
    RIG_CHECK(rig, rig->finish_count == finishes);
    RIG_CHECK(rig, rig_await(rig, rig_recv(rig, pair.server, 0)) > 0);
}

/* Whoever believes it holds a buffer for what comes, and no longer than that takes. */
static void ready_is_said_only_of_bytes_that_are_there(struct rig *rig)
{
    static const uint32_t sizes[] = {10, 1024, 4096, 16384, 16385};
    static uint8_t room[4096];
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    for (uint32_t i = 0; i < VK_COUNT(sizes); i++) {
        rig_send_all(rig, pair.client, 3, 0, sizes[i]);
        for (uint32_t have = 0, turn = i; have < sizes[i]; turn++) {
            uint32_t op =
                turn % 2 ? rig_recv_into(rig, pair.server, room, sizeof room) : rig_recv(rig, pair.server, 0);
            int32_t res = rig_await(rig, op);
            RIG_CHECK(rig, res > 0);
            have += (uint32_t)res;
            RIG_CHECK(rig, (rig->ops[op].flags & PROC_IO_READY) == 0 || have < sizes[i]);
        }
    }
    rig_close_pair(rig, pair);
}

static void each_way_of_receiving(struct rig *rig)
{
    rig_listen(rig, false);
    for (enum rig_read_mode mode = RIG_READ_MULTI; mode <= RIG_READ_INTO; mode++) {
        struct rig_pair pair = rig_pair(rig);
        rig_reader_start(rig, &reader, pair.server, 2, mode);
        rig_send_all(rig, pair.client, 2, 0, 300000);
        rig_reader_await(rig, &reader, 300000);
        rig_await(rig, rig_shutdown(rig, pair.client));
        RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == 0);
        rig_close_pair(rig, pair);
    }
}

static void multi_recv_goes_on(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_reader_start(rig, &reader, pair.server, 2, RIG_READ_MULTI);
    for (uint32_t i = 0; i < 200; i++) {
        rig_send_all(rig, pair.client, 2, (uint64_t)i * 77, 77);
        rig_reader_await(rig, &reader, (uint64_t)i * 77 + 77);
    }
    rig_close_pair(rig, pair);
}

static void recv_into_fills_no_more_than_its_room(struct rig *rig)
{
    uint8_t room[9];
    uint64_t have = 0;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_send_all(rig, pair.client, 4, 0, 50);
    while (have < 50) {
        uint8_t want[4];
        memset(room, 0xcc, sizeof(room));
        int32_t res = rig_await(rig, rig_recv_into(rig, pair.server, room, 4));
        RIG_CHECK(rig, res >= 1 && res <= 4);
        rig_fill(want, (uint32_t)res, 4, have);
        RIG_CHECK(rig, memcmp(room, want, (size_t)res) == 0);
        RIG_CHECK(rig, room[4] == 0xcc && room[8] == 0xcc);
        have += (uint32_t)res;
    }
    rig_close_pair(rig, pair);
}

/* The next requests are submitted before the data is looked at: still there? */
static void data_stays_until_the_next_wait(struct rig *rig)
{
    uint32_t sends[50];
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_reader_start(rig, &reader, pair.server, 6, RIG_READ_MULTI);
    rig_reader_start(rig, &reader_back, pair.client, 7, RIG_READ_ONE);
    rig_fill(rig->buf, 100000, 6, 0);
    rig_fill(rig->buf + 100000, 100000, 7, 0);
    for (uint32_t i = 0; i < 50; i++) {
        bool is_back = i % 2 == 1;
        uint32_t n = i / 2;
        uint8_t *from = rig->buf + (is_back ? 100000 : 0) + (size_t)n * 4000;
        sends[i] = rig_send(rig, is_back ? pair.server : pair.client, from, 4000);
        rig_pump(rig, 100000);
    }
    for (uint32_t i = 0; i < 50; i++)
        RIG_CHECK(rig, rig_await(rig, sends[i]) == 4000);
    rig_reader_await(rig, &reader, 100000);
    rig_reader_await(rig, &reader_back, 100000);
    rig_close_pair(rig, pair);
}

static void sends_keep_their_order(struct rig *rig)
{
    uint32_t sends[300];
    uint32_t pos = 0;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_reader_start(rig, &reader, pair.server, 10, RIG_READ_MULTI);
    rig_fill(rig->buf, 300 * 300, 10, 0);
    for (uint32_t i = 0; i < 300; i++) {
        sends[i] = rig_send(rig, pair.client, rig->buf + pos, i + 1);
        pos += i + 1;
    }
    for (uint32_t i = 0; i < 300; i++)
        RIG_CHECK(rig, rig_await(rig, sends[i]) == (int32_t)(i + 1));
    for (uint32_t i = 1; i < 300; i++)
        RIG_CHECK(rig, rig->ops[sends[i]].finish_no > rig->ops[sends[i - 1]].finish_no);
    rig_reader_await(rig, &reader, pos);
    rig_close_pair(rig, pair);
}

static void sends_of_every_size(struct rig *rig)
{
    static const uint32_t sizes[] = {1,     2,     3,     1447,  1448,   1449,   4095,
                                     4096,  4097,  8191,  8192,  8193,   16384,  16385,
                                     32767, 65535, 65536, 65537, 131071, 262145, 1048575};
    uint64_t pos = 0;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_reader_start(rig, &reader, pair.server, 11, RIG_READ_MULTI);
    for (size_t i = 0; i < VK_COUNT(sizes); i++) {
        rig_send_all(rig, pair.client, 11, pos, sizes[i]);
        pos += sizes[i];
        rig_reader_await(rig, &reader, pos);
    }
    rig_close_pair(rig, pair);
}

static void large_transfers_both_ways(struct rig *rig)
{
    const uint32_t len = 8u << 20;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_fill(rig->buf, len, 12, 0);
    rig_fill(rig->buf + len, len, 13, 0);
    rig_reader_start(rig, &reader, pair.server, 12, RIG_READ_MULTI);
    rig_reader_start(rig, &reader_back, pair.client, 13, RIG_READ_INTO);
    uint32_t there = rig_send(rig, pair.client, rig->buf, len);
    uint32_t back = rig_send(rig, pair.server, rig->buf + len, len);
    rig_reader_await(rig, &reader, len);
    rig_reader_await(rig, &reader_back, len);
    RIG_CHECK(rig, rig_await(rig, there) == (int32_t)len && rig_await(rig, back) == (int32_t)len);
    rig_close_pair(rig, pair);
}

/* A SEND that the sockets cannot hold stays pending: no driver hoards bytes. */
static void send_waits_for_a_slow_reader(struct rig *rig)
{
    uint64_t pos = 0;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_fill(rig->buf, RIG_BIG_BYTES, 14, 0);
    uint32_t send = rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
    rig_pass(rig, 50000000);
    RIG_CHECK(rig, !rig_is_done(rig, send));
    rig_reader_start(rig, &reader, pair.server, 14, RIG_READ_ONE);
    for (uint32_t i = 0; i < 20; i++) { /* sip and pause */
        pos = reader.pos + 20000;
        while (reader.pos < pos) {
            rig_pump(rig, 1000000);
            rig_expect_progress(rig);
        }
        rig_reader_pause(rig, &reader);
        rig_pass(rig, 1000000);
        RIG_CHECK(rig, !rig_is_done(rig, send));
        rig_reader_resume(rig, &reader);
    }
    rig_reader_await(rig, &reader, RIG_BIG_BYTES);
    RIG_CHECK(rig, rig_await(rig, send) == (int32_t)RIG_BIG_BYTES);
    rig_close_pair(rig, pair);
}

/* A multishot receive that is canceled takes nothing more: the sender comes to a stop. */
static void paused_multi_recv_holds_the_sender(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_reader_start(rig, &reader, pair.server, 15, RIG_READ_MULTI);
    rig_fill(rig->buf, RIG_BUF_BYTES, 15, 0);
    uint32_t send = rig_send(rig, pair.client, rig->buf, RIG_BUF_BYTES);
    while (reader.pos < 100000) {
        rig_pump(rig, 1000000);
        rig_expect_progress(rig);
    }
    rig_reader_pause(rig, &reader);
    uint64_t pos = reader.pos;
    rig_pass(rig, 50000000);
    RIG_CHECK(rig, reader.pos == pos && !rig_is_done(rig, send));
    rig_reader_resume(rig, &reader);
    rig_reader_await(rig, &reader, RIG_BUF_BYTES);
    RIG_CHECK(rig, rig_await(rig, send) == (int32_t)RIG_BUF_BYTES);
    rig_close_pair(rig, pair);
}

/* One slow connection is not in the way of the others. */
static void full_connection_does_not_hold_others(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair slow = rig_pair(rig);
    struct rig_pair quick = rig_pair(rig);
    uint32_t stuck = rig_send(rig, slow.client, rig->buf, RIG_BIG_BYTES);
    rig_reader_start(rig, &reader, quick.server, 16, RIG_READ_MULTI);
    uint8_t *from = rig->buf + RIG_BIG_BYTES;
    rig_fill(from, 1 << 20, 16, 0);
    RIG_CHECK(rig, rig_await(rig, rig_send(rig, quick.client, from, 1 << 20)) == 1 << 20);
    rig_reader_await(rig, &reader, 1 << 20);
    RIG_CHECK(rig, !rig_is_done(rig, stuck));
    rig_close_pair(rig, quick);
}

static void end_of_stream_is_zero(struct rig *rig)
{
    rig_listen(rig, false);
    for (uint32_t mode = 0; mode < 3; mode++) {
        uint8_t room[10];
        struct rig_pair pair = rig_pair(rig);
        uint32_t close = rig_close(rig, pair.client, 0);
        uint32_t recv = mode == 2 ? rig_recv_into(rig, pair.server, room, 10)
                                  : rig_recv(rig, pair.server, mode == 1 ? PROC_IO_MULTI : 0);
        RIG_CHECK(rig, rig_await(rig, recv) == 0);
        RIG_CHECK(rig, rig_await(rig, rig_recv(rig, pair.server, 0)) == 0 && "as often as it is asked");
        rig_await(rig, close);
        rig_await(rig, rig_close(rig, pair.server, 0));
    }
}

/* Submit to the other driver and wait there for the completion, while the rig's own stands still. */
static int32_t other_does(struct rig *rig, struct proc_io *other, struct proc_io_req req)
{
    struct proc_io_event event;
    uint64_t now_ns = other->ops->now(other);
    uint64_t limit_ns = now_ns + RIG_PATIENCE_NS;
    RIG_CHECK(rig, other->ops->submit(other, &req) == 0);
    while (other->ops->wait(other, &event, 1, limit_ns, &now_ns) == 0)
        RIG_CHECK(rig, now_ns < limit_ns);
    return event.res;
}

/* A connection from the other driver, and a receive that waits on it here. */
static uint32_t other_connects(struct rig *rig, struct proc_io *other, uint64_t seed, enum rig_read_mode mode)
{
    uint32_t conn;
    RIG_CHECK(rig, other->ops->open(other, &rig->addr, &conn) == 0);
    RIG_CHECK(rig, other_does(rig, other, (struct proc_io_req){.code = PROC_IO_CONNECT, .conn = conn}) == 0);
    rig_reader_start(rig, &reader, rig_accepted(rig), seed, mode);
    rig_pass(rig, 300000);
    return conn;
}

/* Send, then end the stream in this way, all before the receive here is looked after. */
static void other_ends(struct rig *rig, struct proc_io *other, uint32_t conn, uint64_t seed,
                       struct proc_io_req last)
{
    uint32_t len = 1000u << (seed % 7);
    struct proc_io_req send = {.code = PROC_IO_SEND, .conn = conn, .buf = rig->buf, .len = len};
    rig_fill(rig->buf, len, seed, 0);
    RIG_CHECK(rig, other_does(rig, other, send) == (int32_t)len);
    last.conn = conn;
    RIG_CHECK(rig, other_does(rig, other, last) == 0);
}

static struct proc_io *make_other(struct rig *rig)
{
    struct proc_io *other = NULL;
    if (rig->host->create_other == NULL)
        rig->host->skip("no second driver on this network");
    RIG_CHECK(rig, rig->host->create_other(rig->host, &other) == 0);
    return other;
}

static void end_right_behind_the_bytes_is_seen(struct rig *rig)
{
    static const struct proc_io_req lasts[] = {{.code = PROC_IO_SHUTDOWN}, {.code = PROC_IO_CLOSE}};
    struct proc_io *other = make_other(rig);
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 42; i++) {
        uint32_t conn = other_connects(rig, other, i, (enum rig_read_mode)(i % 3));
        other_ends(rig, other, conn, i, lasts[i % 2]);
        RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == 0 && reader.pos == 1000u << (i % 7));
        rig_await(rig, rig_close(rig, reader.conn, 0));
    }
    other->ops->destroy(other);
}

/* The same with a reset, which may throw bytes away. */
static void reset_right_behind_the_bytes_is_seen(struct rig *rig)
{
    struct proc_io *other = make_other(rig);
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 42; i++) {
        uint32_t conn = other_connects(rig, other, i, (enum rig_read_mode)(i % 3));
        other_ends(rig, other, conn, i, (struct proc_io_req){.code = PROC_IO_CLOSE, .flags = PROC_IO_ABORT});
        RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == -VK_ERESET && reader.pos <= 1000u << (i % 7));
        rig_await(rig, rig_close(rig, reader.conn, 0));
    }
    other->ops->destroy(other);
}

/*
 * Bytes and then a reset are there before anybody asks. A multishot receive
 * of Linux 6.18 takes the bytes and, when they were more than some 32 buffers,
 * sleeps on, since nothing more will ever happen: a driver has to know it.
 */
static void reset_before_the_receive_is_seen(struct rig *rig)
{
    static const uint32_t sizes[] = {1, 1000, 1024, 5000, 40000, 65536, 100001};
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 3 * VK_COUNT(sizes); i++) {
        struct rig_pair pair = rig_pair(rig);
        uint32_t len = sizes[i / 3];
        rig_fill(rig->buf, len, i, 0);
        uint32_t send = rig_send(rig, pair.client, rig->buf, len);
        rig_pass(rig, 2000000);
        rig_await(rig, rig_close(rig, pair.client, PROC_IO_ABORT));
        rig_pass(rig, 1000000);
        rig_reader_start(rig, &reader, pair.server, i, (enum rig_read_mode)(i % 3));
        RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == -VK_ERESET && reader.pos <= len);
        rig_await(rig, send);
        rig_await(rig, rig_close(rig, pair.server, 0));
    }
}

static void shutdown_comes_after_the_sends(struct rig *rig)
{
    const uint32_t len = 6u << 20;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_fill(rig->buf, len, 17, 0);
    uint32_t send = rig_send(rig, pair.client, rig->buf, len);
    uint32_t shut = rig_shutdown(rig, pair.client);
    rig_reader_start(rig, &reader, pair.server, 17, RIG_READ_MULTI);
    RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == 0);
    RIG_CHECK(rig, reader.pos == len);
    RIG_CHECK(rig, rig_await(rig, send) == (int32_t)len && rig_await(rig, shut) == 0);
    RIG_CHECK(rig, rig->ops[shut].finish_no > rig->ops[send].finish_no);
    /* The other direction is as alive as before. */
    rig_reader_start(rig, &reader_back, pair.client, 18, RIG_READ_MULTI);
    rig_send_all(rig, pair.server, 18, 0, 100000);
    rig_await(rig, rig_shutdown(rig, pair.server));
    RIG_CHECK(rig, rig_reader_await_end(rig, &reader_back) == 0 && reader_back.pos == 100000);
    rig_close_pair(rig, pair);
}

static void send_after_shutdown_fails(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    uint32_t shut = rig_shutdown(rig, pair.client);
    uint32_t early = rig_send(rig, pair.client, "x", 1);
    RIG_CHECK(rig, rig_await(rig, shut) == 0);
    int32_t res = rig_await(rig, early);
    RIG_CHECK(rig, res == -VK_ECLOSED || res == -VK_ERESET);
    res = rig_await(rig, rig_send(rig, pair.client, "x", 1));
    RIG_CHECK(rig, res == -VK_ECLOSED || res == -VK_ERESET);
    RIG_CHECK(rig, rig_await(rig, rig_recv(rig, pair.server, 0)) == 0 && "not a byte got through");
    rig_close_pair(rig, pair);
}

static void sends_to_a_closed_peer_fail_in_the_end(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_await(rig, rig_close(rig, pair.server, 0));
    int32_t res = 1;
    for (uint32_t i = 0; i < 1000 && res > 0; i++) {
        res = rig_await(rig, rig_send(rig, pair.client, "x", 1));
        rig_pass(rig, 500000);
    }
    RIG_CHECK(rig, res == -VK_ECLOSED || res == -VK_ERESET);
    rig_await(rig, rig_close(rig, pair.client, 0));
}

/* How to see that a SEND which does not end goes on. What a peer's buffers hold counts as taken. */
static void taken_changes_as_the_peer_takes(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    const struct proc_io_ops *ops = rig->io->ops;
    rig_fill(rig->buf, RIG_BIG_BYTES, 9, 0);
    uint32_t send = rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
    rig_pass(rig, 20000000);
    rig_reader_start(rig, &reader, pair.server, 9, RIG_READ_MULTI);
    uint64_t before = ops->taken(rig->io, pair.client);
    RIG_CHECK(rig, !rig_is_done(rig, send));
    rig_reader_await(rig, &reader, RIG_BIG_BYTES);
    RIG_CHECK(rig, ops->taken(rig->io, pair.client) != before);
    RIG_CHECK(rig, rig_await(rig, send) == (int32_t)RIG_BIG_BYTES);
    rig_close_pair(rig, pair);
    RIG_CHECK(rig, ops->taken(rig->io, pair.client) == 0);
    RIG_CHECK(rig, ops->taken(rig->io, UINT32_MAX) == 0);
}

const struct rig_case rig_cases_stream[] = {
    {"echo", echo},
    {"one_shot_recv_completes_once", one_shot_recv_completes_once},
    {"ready_is_said_only_of_bytes_that_are_there", ready_is_said_only_of_bytes_that_are_there},
    {"each_way_of_receiving", each_way_of_receiving},
    {"multi_recv_goes_on", multi_recv_goes_on},
    {"recv_into_fills_no_more_than_its_room", recv_into_fills_no_more_than_its_room},
    {"data_stays_until_the_next_wait", data_stays_until_the_next_wait},
    {"sends_keep_their_order", sends_keep_their_order},
    {"sends_of_every_size", sends_of_every_size},
    {"large_transfers_both_ways", large_transfers_both_ways},
    {"taken_changes_as_the_peer_takes", taken_changes_as_the_peer_takes},
    {"send_waits_for_a_slow_reader", send_waits_for_a_slow_reader},
    {"paused_multi_recv_holds_the_sender", paused_multi_recv_holds_the_sender},
    {"full_connection_does_not_hold_others", full_connection_does_not_hold_others},
    {"end_of_stream_is_zero", end_of_stream_is_zero},
    {"end_right_behind_the_bytes_is_seen", end_right_behind_the_bytes_is_seen},
    {"reset_right_behind_the_bytes_is_seen", reset_right_behind_the_bytes_is_seen},
    {"reset_before_the_receive_is_seen", reset_before_the_receive_is_seen},
    {"shutdown_comes_after_the_sends", shutdown_comes_after_the_sends},
    {"send_after_shutdown_fails", send_after_shutdown_fails},
    {"sends_to_a_closed_peer_fail_in_the_end", sends_to_a_closed_peer_fail_in_the_end},
    {NULL, NULL},
};
