/* SPDX-License-Identifier: Apache-2.0 */
/* Listening, connecting, waiting, and requests that must be refused. */
#include "tests/driver/rig.h"

static void listen_chooses_a_port(struct rig *rig)
{
    struct proc_addr addr = {.family = 4, .ip = {127, 0, 0, 1}};
    struct proc_addr bound[2];
    uint32_t conn[2];
    for (uint32_t i = 0; i < 2; i++)
        RIG_CHECK(rig, rig->io->ops->listen(rig->io, &addr, false, &conn[i], &bound[i]) == 0);
    for (uint32_t i = 0; i < 2; i++)
        rig_new_conn(rig, conn[i]);
    RIG_CHECK(rig, bound[0].port != 0 && bound[1].port != 0 && bound[0].port != bound[1].port);
}

static void listen_refuses_an_address_in_use(struct rig *rig)
{
    struct proc_addr bound;
    uint32_t conn;
    rig_listen(rig, false);
    RIG_CHECK(rig, rig->io->ops->listen(rig->io, &rig->addr, false, &conn, &bound) == -VK_EADDRINUSE);
    struct rig_pair pair = rig_pair(rig); /* and the first is as it was */
    rig_close_pair(rig, pair);
}

static void listen_again_after_close(struct rig *rig)
{
    rig_listen(rig, false);
    struct proc_addr addr = rig->addr;
    rig_accept_pause(rig);
    rig_await(rig, rig_close(rig, rig->listener, 0));
    RIG_CHECK(rig, rig->io->ops->listen(rig->io, &addr, false, &rig->listener, &rig->addr) == 0);
    RIG_CHECK(rig, rig->addr.port == addr.port);
    rig_new_conn(rig, rig->listener);
    rig_accept_resume(rig);
    rig_close_pair(rig, rig_pair(rig));
}

static void listen_refuses_an_unknown_family(struct rig *rig)
{
    struct proc_addr addr = {.family = 5, .port = 0};
    struct proc_addr bound;
    uint32_t conn;
    RIG_CHECK(rig, rig->io->ops->listen(rig->io, &addr, false, &conn, &bound) == -VK_EINVAL);
}

static void listen_on_ipv6(struct rig *rig)
{
    struct proc_addr addr = {.family = 6, .ip = {[15] = 1}};
    struct proc_addr peer;
    int err = rig->io->ops->listen(rig->io, &addr, false, &rig->listener, &rig->addr);
    if (err == -VK_ENOTSUP || err == -VK_EUNREACH)
        rig->host->skip("no IPv6 here");
    RIG_CHECK(rig, err == 0 && rig->addr.family == 6 && rig->addr.port != 0);
    rig_new_conn(rig, rig->listener);
    rig_accept_resume(rig);
    struct rig_pair pair = rig_pair(rig);
    RIG_CHECK(rig, rig->io->ops->peer(rig->io, pair.server, &peer) == 0);
    RIG_CHECK(rig, peer.family == 6 && memcmp(peer.ip, addr.ip, 16) == 0);
    rig_close_pair(rig, pair);
}

static void peer_is_the_other_end(struct rig *rig)
{
    struct proc_addr server;
    struct proc_addr client;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    RIG_CHECK(rig, rig->io->ops->peer(rig->io, pair.client, &server) == 0);
    RIG_CHECK(rig, rig->io->ops->peer(rig->io, pair.server, &client) == 0);
    RIG_CHECK(rig, server.family == 4 && server.port == rig->addr.port);
    RIG_CHECK(rig, memcmp(server.ip, rig->addr.ip, 4) == 0);
    RIG_CHECK(rig, client.family == 4 && client.port != 0 && client.port != server.port);
    RIG_CHECK(rig, client.ip[0] == 127);
    rig_close_pair(rig, pair);
    RIG_CHECK(rig, rig->io->ops->peer(rig->io, pair.client, &server) == -VK_EBADH);
}

static void accept_gives_each_connection_once(struct rig *rig)
{
    uint32_t opened[24];
    uint32_t connects[24];
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 24; i++) {
        opened[i] = rig_open(rig, &rig->addr);
        connects[i] = rig_connect(rig, opened[i]);
    }
    for (uint32_t i = 0; i < 24; i++)
        RIG_CHECK(rig, rig_await(rig, connects[i]) == 0);
    for (uint32_t i = 0; i < 24; i++) /* distinct: the rig checks it */
        rig_accepted(rig);
    rig_pass(rig, 2000000);
    RIG_CHECK(rig, rig->accept_count == 0);
}

static void accept_goes_on_after_a_pause(struct rig *rig)
{
    rig_listen(rig, false);
    rig_accept_pause(rig);
    RIG_CHECK(rig, rig->accept_res == -VK_ECANCELED);
    uint32_t client = rig_open(rig, &rig->addr);
    uint32_t connect = rig_connect(rig, client);
    rig_pass(rig, 5000000);
    RIG_CHECK(rig, rig->accept_count == 0 && "nothing is accepted while no ACCEPT is in flight");
    rig_accept_resume(rig);
    RIG_CHECK(rig, rig_await(rig, connect) == 0);
    struct rig_pair pair = {.client = client, .server = rig_accepted(rig)};
    rig_close_pair(rig, pair);
}

static void deferred_listener_delivers_the_first_bytes(struct rig *rig)
{
    static struct rig_reader reader;
    rig_listen(rig, true);
    uint32_t client = rig_open(rig, &rig->addr);
    RIG_CHECK(rig, rig_await(rig, rig_connect(rig, client)) == 0);
    rig_send_all(rig, client, 3, 0, 100);
    rig_reader_start(rig, &reader, rig_accepted(rig), 3, RIG_READ_MULTI);
    rig_reader_await(rig, &reader, 100);
}

static void connect_is_refused_where_nobody_listens(struct rig *rig)
{
    rig_listen(rig, false);
    struct proc_addr addr = rig->addr;
    rig_accept_pause(rig);
    rig_await(rig, rig_close(rig, rig->listener, 0));
    uint32_t conn = rig_open(rig, &addr);
    RIG_CHECK(rig, rig_await(rig, rig_connect(rig, conn)) == -VK_EREFUSED);
    RIG_CHECK(rig, rig_await(rig, rig_close(rig, conn, 0)) == 0);
}

static void open_without_connect_can_be_closed(struct rig *rig)
{
    rig_listen(rig, false);
    uint32_t conn = rig_open(rig, &rig->addr);
    RIG_CHECK(rig, rig_await(rig, rig_close(rig, conn, 0)) == 0);
    rig_pass(rig, 2000000);
    RIG_CHECK(rig, rig->accept_count == 0);
}

static void connect_and_close_at_once(struct rig *rig)
{
    rig_listen(rig, false);
    for (uint32_t i = 0; i < 20; i++) {
        uint32_t conn = rig_open(rig, &rig->addr);
        uint32_t connect = rig_connect(rig, conn);
        uint32_t done = rig_close(rig, conn, i % 2 == 0 ? 0 : PROC_IO_ABORT);
        int32_t res = rig_await(rig, connect);
        RIG_CHECK(rig, res == 0 || res == -VK_ECANCELED);
        rig_await(rig, done);
    }
}

/* ---- refusals -------------------------------------------------------------------------- */

static int refuse(struct rig *rig, struct proc_io_req req)
{
    uint32_t op;
    return rig_try_submit(rig, &req, &op);
}

static void malformed_requests_are_refused(struct rig *rig)
{
    uint8_t byte = 0;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    const struct proc_io_req bad[] = {
        {.code = 0, .conn = pair.client},
        {.code = PROC_IO_CONNECT + 1, .conn = pair.client},
        {.code = 255, .conn = pair.client},
        {.code = PROC_IO_SEND, .conn = pair.client, .buf = &byte, .len = 0},
        {.code = PROC_IO_SEND, .conn = pair.client, .buf = NULL, .len = 1},
        {.code = PROC_IO_RECV_INTO, .conn = pair.client, .buf = &byte, .len = 0},
        {.code = PROC_IO_RECV_INTO, .conn = pair.client, .buf = NULL, .len = 1},
        {.code = PROC_IO_ACCEPT, .conn = pair.client},
        {.code = PROC_IO_RECV, .conn = rig->listener},
        {.code = PROC_IO_RECV_INTO, .conn = rig->listener, .buf = &byte, .len = 1},
        {.code = PROC_IO_SEND, .conn = rig->listener, .buf = &byte, .len = 1},
        {.code = PROC_IO_SHUTDOWN, .conn = rig->listener},
        {.code = PROC_IO_CONNECT, .conn = rig->listener},
        {.code = PROC_IO_CONNECT, .conn = pair.server},
    };
    for (size_t i = 0; i < VK_COUNT(bad); i++)
        RIG_CHECK(rig, refuse(rig, bad[i]) == -VK_EINVAL);
    rig_pass(rig, 2000000); /* a refused request has no completion: the rig would see it */
    rig_close_pair(rig, pair);
}

static void unknown_connections_are_refused(struct rig *rig)
{
    uint8_t byte = 1;
    const uint32_t conns[] = {12345, 65535, 0x7fffffff, 0x80000000u, UINT32_MAX};
    struct proc_addr peer;
    for (size_t i = 0; i < VK_COUNT(conns); i++) {
        for (unsigned code = PROC_IO_ACCEPT; code <= PROC_IO_CONNECT; code++) {
            struct proc_io_req req = {.code = (uint8_t)code, .conn = conns[i], .buf = &byte, .len = 1};
            RIG_CHECK(rig, refuse(rig, req) == -VK_EBADH);
        }
        RIG_CHECK(rig, rig->io->ops->peer(rig->io, conns[i], &peer) == -VK_EBADH);
    }
}

static void closed_connections_are_refused(struct rig *rig)
{
    uint8_t byte = 1;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    uint32_t done = rig_close(rig, pair.client, 0);
    struct proc_io_req req = {.code = PROC_IO_SEND, .conn = pair.client, .buf = &byte, .len = 1};
    RIG_CHECK(rig, refuse(rig, req) == -VK_EBADH && "refused from the CLOSE on");
    req.code = PROC_IO_CLOSE;
    RIG_CHECK(rig, refuse(rig, req) == -VK_EBADH && "a second CLOSE without ABORT, too");
    rig_await(rig, done);
    for (unsigned code = PROC_IO_ACCEPT; code <= PROC_IO_CONNECT; code++) {
        req.code = (uint8_t)code;
        RIG_CHECK(rig, refuse(rig, req) == -VK_EBADH && "and after its completion");
    }
}

static void cancel_of_unknown_tags_is_ignored(struct rig *rig)
{
    static struct rig_reader reader;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_reader_start(rig, &reader, pair.server, 5, RIG_READ_MULTI);
    rig->io->ops->cancel(rig->io, 0);
    rig->io->ops->cancel(rig->io, 42);
    rig->io->ops->cancel(rig->io, UINT64_MAX);
    rig_send_all(rig, pair.client, 5, 0, 1000);
    rig->io->ops->cancel(rig->io, rig->ops[reader.op].req.tag ^ 1);
    rig->io->ops->cancel(rig->io, rig->ops[reader.op].req.tag ^ (uint64_t)1 << 60);
    rig_send_all(rig, pair.client, 5, 1000, 1000);
    rig_reader_await(rig, &reader, 2000);
    rig_close_pair(rig, pair);
}

/* ---- waiting ------------------------------------------------------------------------------ */

static void wait_returns_at_its_deadline(struct rig *rig)
{
    struct proc_io_event event;
    uint64_t now_ns = 0;
    uint64_t deadline_ns = rig->io->ops->now(rig->io) + 3000000;
    rig_listen(rig, false);
    while (now_ns < deadline_ns) /* an early return is allowed, a completion is not */
        RIG_CHECK(rig, rig->io->ops->wait(rig->io, &event, 1, deadline_ns, &now_ns) == 0);
    RIG_CHECK(rig, rig->io->ops->now(rig->io) >= now_ns);
}

static void wait_with_a_past_deadline_returns(struct rig *rig)
{
    struct proc_io_event event;
    uint64_t before_ns = rig->io->ops->now(rig->io);
    uint64_t now_ns = 0;
    rig_listen(rig, false);
    for (uint64_t deadline_ns = 0; deadline_ns < 3; deadline_ns++) {
        RIG_CHECK(rig, rig->io->ops->wait(rig->io, &event, 1, deadline_ns, &now_ns) == 0);
        RIG_CHECK(rig, now_ns >= before_ns);
    }
}

static void wait_without_blocking_makes_progress(struct rig *rig)
{
    rig_listen(rig, false);
    uint32_t conn = rig_open(rig, &rig->addr);
    uint32_t connect = rig_connect(rig, conn);
    while (!rig_is_done(rig, connect)) {
        rig_pump(rig, 0);
        rig_expect_progress(rig);
    }
    RIG_CHECK(rig, rig_await(rig, connect) == 0);
}

static void wait_keeps_what_does_not_fit_the_batch(struct rig *rig)
{
    static struct rig_reader reader;
    uint32_t sends[40];
    rig->batch_max = 1;
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    rig_reader_start(rig, &reader, pair.server, 8, RIG_READ_MULTI);
    rig_fill(rig->buf, 4000, 8, 0);
    for (uint32_t i = 0; i < 40; i++)
        sends[i] = rig_send(rig, pair.client, rig->buf + (size_t)100 * i, 100);
    for (uint32_t i = 0; i < 40; i++)
        RIG_CHECK(rig, rig_await(rig, sends[i]) == 100);
    rig_reader_await(rig, &reader, 4000);
    rig_close_pair(rig, pair);
}

static void wake_ends_the_next_wait(struct rig *rig)
{
    struct proc_io_event event;
    uint64_t now_ns;
    if (rig->io->ops->wake == NULL)
        rig->host->skip("the driver has no wake");
    rig_listen(rig, false);
    rig_pass(rig, 1000000);
    for (uint32_t i = 0; i < 10; i++) {
        uint64_t far_ns = rig->io->ops->now(rig->io) + RIG_PATIENCE_NS;
        rig->io->ops->wake(rig->io);
        RIG_CHECK(rig, rig->io->ops->wait(rig->io, &event, 1, far_ns, &now_ns) == 0);
        RIG_CHECK(rig, now_ns < far_ns && "woken, not timed out");
    }
}

static void wake_from_another_thread_ends_a_wait(struct rig *rig)
{
    struct proc_io_event event;
    uint64_t now_ns;
    if (rig->io->ops->wake == NULL || rig->host->wake_soon == NULL)
        rig->host->skip("no wake, or no threads here");
    rig_listen(rig, false);
    rig_pass(rig, 1000000);
    uint64_t far_ns = rig->io->ops->now(rig->io) + RIG_PATIENCE_NS;
    rig->host->wake_soon(rig->io);
    RIG_CHECK(rig, rig->io->ops->wait(rig->io, &event, 1, far_ns, &now_ns) == 0);
    RIG_CHECK(rig, now_ns < far_ns && "woken, not timed out");
}

/* Beyond what the driver can hold, submit refuses; nothing of what it took is lost. */
static void submit_refuses_too_many_and_recovers(struct rig *rig)
{
    static struct rig_reader reader;
    uint32_t ops[4000];
    uint32_t count = 0;
    struct proc_io_req req = {.code = PROC_IO_SEND, .buf = rig->buf, .len = 16};
    rig_listen(rig, false);
    struct rig_pair pair = rig_pair(rig);
    req.conn = pair.client;
    rig_fill(rig->buf, 16, 9, 0);
    rig_reader_start(rig, &reader, pair.server, 9, RIG_READ_MULTI);
    for (int err = 0; count < VK_COUNT(ops) && err == 0; count += err == 0) {
        rig_fill(rig->buf + (size_t)count * 16, 16, 9, (uint64_t)count * 16);
        req.buf = rig->buf + (size_t)count * 16;
        err = rig_try_submit(rig, &req, &ops[count]);
        RIG_CHECK(rig, err == 0 || err == -VK_EOVERFLOW);
    }
    RIG_CHECK(rig, count > 0);
    for (uint32_t i = 0; i < count; i++)
        RIG_CHECK(rig, rig_await(rig, ops[i]) == 16);
    rig_reader_await(rig, &reader, (uint64_t)count * 16);
    rig_send_all(rig, pair.client, 9, (uint64_t)count * 16, 16); /* there is room again */
    rig_reader_await(rig, &reader, (uint64_t)count * 16 + 16);
    rig_close_pair(rig, pair);
}

const struct rig_case rig_cases_basic[] = {
    {"listen_chooses_a_port", listen_chooses_a_port},
    {"listen_refuses_an_address_in_use", listen_refuses_an_address_in_use},
    {"listen_again_after_close", listen_again_after_close},
    {"listen_refuses_an_unknown_family", listen_refuses_an_unknown_family},
    {"listen_on_ipv6", listen_on_ipv6},
    {"peer_is_the_other_end", peer_is_the_other_end},
    {"accept_gives_each_connection_once", accept_gives_each_connection_once},
    {"accept_goes_on_after_a_pause", accept_goes_on_after_a_pause},
    {"deferred_listener_delivers_the_first_bytes", deferred_listener_delivers_the_first_bytes},
    {"connect_is_refused_where_nobody_listens", connect_is_refused_where_nobody_listens},
    {"open_without_connect_can_be_closed", open_without_connect_can_be_closed},
    {"connect_and_close_at_once", connect_and_close_at_once},
    {"malformed_requests_are_refused", malformed_requests_are_refused},
    {"unknown_connections_are_refused", unknown_connections_are_refused},
    {"closed_connections_are_refused", closed_connections_are_refused},
    {"cancel_of_unknown_tags_is_ignored", cancel_of_unknown_tags_is_ignored},
    {"wait_returns_at_its_deadline", wait_returns_at_its_deadline},
    {"wait_with_a_past_deadline_returns", wait_with_a_past_deadline_returns},
    {"wait_without_blocking_makes_progress", wait_without_blocking_makes_progress},
    {"wait_keeps_what_does_not_fit_the_batch", wait_keeps_what_does_not_fit_the_batch},
    {"wake_ends_the_next_wait", wake_ends_the_next_wait},
    {"wake_from_another_thread_ends_a_wait", wake_from_another_thread_ends_a_wait},
    {"submit_refuses_too_many_and_recovers", submit_refuses_too_many_and_recovers},
    {NULL, NULL},
};
