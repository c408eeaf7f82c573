/* SPDX-License-Identifier: Apache-2.0 */
/* Cancel: early, late, twice; each operation still ends once. */
#include "tests/driver/rig.h"

static struct rig_reader reader;

static void cancel_ends_a_receive(struct rig *rig)
{
    uint8_t room[16];
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    for (uint32_t i = 0; i < 30; i++) {
        uint32_t recv = i % 3 == 0   ? rig_recv(rig, pair.server, 0)
                        : i % 3 == 1 ? rig_recv(rig, pair.server, PROC_IO_MULTI)
                                     : rig_recv_into(rig, pair.server, room, sizeof(room));
        if (i % 2 == 0)
            rig_pass(rig, 500000);
        rig_cancel(rig, recv);
        RIG_CHECK(rig, rig_await(rig, recv) == -VK_ECANCELED);
    }
    rig_reader_start(rig, &reader, pair.server, 1, RIG_READ_MULTI); /* the connection is unhurt */
    rig_send_all(rig, pair.client, 1, 0, 5000);
    rig_reader_await(rig, &reader, 5000);
    rig_close_pair(rig, pair);
}

static void cancel_twice_completes_once(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t recv = rig_recv(rig, pair.server, i % 2 == 0 ? PROC_IO_MULTI : 0);
        rig_cancel(rig, recv);
        rig_cancel(rig, recv);
        rig_pass(rig, 200000);
        if (!rig_is_done(rig, recv))
            rig_cancel(rig, recv);
        RIG_CHECK(rig, rig_await(rig, recv) == -VK_ECANCELED);
    }
    rig_close_pair(rig, pair);
}

/* Bytes that meet a cancel on their way are in the receive or in the next one. */
static void cancel_loses_no_bytes(struct rig *rig)
{
    uint64_t pos = 0;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    for (enum rig_read_mode mode = RIG_READ_MULTI; mode <= RIG_READ_INTO; mode++) {
        rig_reader_start(rig, &reader, pair.server, 2, mode);
        reader.pos = pos;
        for (uint32_t i = 0; i < 60; i++) {
            uint32_t len = 1 + i * 7;
            rig_fill(rig->buf, len, 2, pos);
            uint32_t send = rig_send(rig, pair.client, rig->buf, len);
            if (i % 3 != 0)
                rig_pump(rig, i % 5 * 10000u);
            rig_reader_pause(rig, &reader);
            RIG_CHECK(rig, rig_await(rig, send) == (int32_t)len);
            pos += len;
            rig_reader_resume(rig, &reader);
        }
        rig_reader_await(rig, &reader, pos);
        rig_reader_pause(rig, &reader);
    }
    rig_close_pair(rig, pair);
}

/* A connection that meets a cancel on its way is accepted now or by the next ACCEPT. */
static void cancel_of_accept_loses_no_connection(struct rig *rig)
{
    uint32_t connects[40];
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t conn = rig_open(rig, &rig->addr);
        connects[i] = rig_connect(rig, conn);
        if (i % 3 == 0)
            rig_pump(rig, i % 4 * 20000u);
        rig_accept_pause(rig);
        rig_accept_resume(rig);
    }
    for (uint32_t i = 0; i < 40; i++)
        RIG_CHECK(rig, rig_await(rig, connects[i]) == 0);
    for (uint32_t i = 0; i < 40; i++)
        rig_accepted(rig);
}

static void cancel_ends_a_pending_send(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_fill(rig->buf, RIG_BIG_BYTES, 3, 0);
    uint32_t send = rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
    rig_pass(rig, 20000000);
    rig_cancel(rig, send);
    int32_t res = rig_await(rig, send);
    RIG_CHECK(rig, res == -VK_ECANCELED || (res > 0 && res < (int32_t)RIG_BIG_BYTES));
    /* What it managed before arrives; when it says how much, then exactly that. */
    rig_await(rig, rig_shutdown(rig, pair.client));
    rig_reader_start(rig, &reader, pair.server, 3, RIG_READ_MULTI);
    RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == 0);
    RIG_CHECK(rig, res > 0 ? reader.pos == (uint64_t)res : reader.pos < RIG_BIG_BYTES);
    rig_close_pair(rig, pair);
}

/* The second of two SENDs has taken nothing: it ends so, and the first goes on. */
static void cancel_of_a_queued_send_leaves_the_first(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_fill(rig->buf, RIG_BIG_BYTES, 4, 0);
    uint32_t first = rig_send(rig, pair.client, rig->buf, RIG_BIG_BYTES);
    uint32_t second = rig_send(rig, pair.client, "never", 5);
    rig_pass(rig, 5000000);
    rig_cancel(rig, second);
    rig_reader_start(rig, &reader, pair.server, 4, RIG_READ_MULTI);
    rig_reader_await(rig, &reader, RIG_BIG_BYTES);
    RIG_CHECK(rig, rig_await(rig, first) == (int32_t)RIG_BIG_BYTES);
    RIG_CHECK(rig, rig_await(rig, second) == -VK_ECANCELED);
    rig_await(rig, rig_shutdown(rig, pair.client));
    RIG_CHECK(rig, rig_reader_await_end(rig, &reader) == 0 && reader.pos == RIG_BIG_BYTES);
    rig_close_pair(rig, pair);
}

static void cancel_of_connect(struct rig *rig)
{
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 20; i++) {
        uint32_t conn = rig_open(rig, &rig->addr);
        uint32_t connect = rig_connect(rig, conn);
        if (i % 2 == 0)
            rig_pump(rig, 0);
        if (!rig_is_done(rig, connect))
            rig_cancel(rig, connect);
        int32_t res = rig_await(rig, connect);
        RIG_CHECK(rig, res == 0 || res == -VK_ECANCELED);
        rig_await(rig, rig_close(rig, conn, 0));
    }
}

static void cancel_of_what_has_ended_is_ignored(struct rig *rig)
{
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    uint32_t send = rig_send(rig, pair.client, "abc", 3);
    RIG_CHECK(rig, rig_await(rig, send) == 3);
    uint32_t recv = rig_recv(rig, pair.client, 0);
    rig->io->ops->cancel(rig->io, rig->ops[send].req.tag); /* the send's tag, its record is free */
    rig_pass(rig, 2000000);
    RIG_CHECK(rig, !rig_is_done(rig, recv));
    uint32_t close = rig_close(rig, pair.server, 0);
    int32_t res = rig_await(rig, recv); /* unread bytes at the closing end may make it a reset */
    RIG_CHECK(rig, res == 0 || res == -VK_ERESET);
    rig_await(rig, close);
}

const struct rig_case rig_cases_cancel[] = {
    {"cancel_ends_a_receive", cancel_ends_a_receive},
    {"cancel_twice_completes_once", cancel_twice_completes_once},
    {"cancel_loses_no_bytes", cancel_loses_no_bytes},
    {"cancel_of_accept_loses_no_connection", cancel_of_accept_loses_no_connection},
    {"cancel_ends_a_pending_send", cancel_ends_a_pending_send},
    {"cancel_of_a_queued_send_leaves_the_first", cancel_of_a_queued_send_leaves_the_first},
    {"cancel_of_connect", cancel_of_connect},
    {"cancel_of_what_has_ended_is_ignored", cancel_of_what_has_ended_is_ignored},
    {NULL, NULL},
};
