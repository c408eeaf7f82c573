/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/driver/rig.h"

#define SLICE_NS 1000000000u /* one wait of a rig that awaits something */

/* ---- patterns ------------------------------------------------------------------------ */

/* Word n of a pattern: splitmix64 (Steele, Lea, Flood 2014) of its number. */
static uint64_t pattern_word(uint64_t seed, uint64_t n)
{
    uint64_t z = (seed + 1) * 0xd1342543de82ef95u + n * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint8_t pattern_byte(uint64_t seed, uint64_t pos)
{
    return (uint8_t)(pattern_word(seed, pos / 8) >> (8 * (pos % 8)));
}

void rig_fill(uint8_t *buf, uint32_t len, uint64_t seed, uint64_t pos)
{
    uint32_t i = 0;
    for (; i < len && (pos + i) % 8 != 0; i++)
        buf[i] = pattern_byte(seed, pos + i);
    for (; len - i >= 8; i += 8) {
        uint64_t word = pattern_word(seed, (pos + i) / 8);
        memcpy(buf + i, &word, 8);
    }
    for (; i < len; i++)
        buf[i] = pattern_byte(seed, pos + i);
}

static bool is_pattern(const uint8_t *buf, uint32_t len, uint64_t seed, uint64_t pos)
{
    uint8_t want[4096];
    uint32_t i = 0;
    while (i < len) {
        uint32_t n = len - i < sizeof(want) ? len - i : (uint32_t)sizeof(want);
        rig_fill(want, n, seed, pos + i);
        if (memcmp(buf + i, want, n) != 0)
            return false;
        i += n;
    }
    return true;
}

/* ---- numbers ---------------------------------------------------------------------------- */

/* Where a number is, or would be: Knuth's multiplicative hash, then the next free place. */
static struct rig_conn *place_of(struct rig *rig, uint32_t number)
{
    uint32_t at = (number * 2654435761u) % RIG_CONNS_MAX;
    while (rig->conns[at].is_known && rig->conns[at].number != number)
        at = (at + 1) % RIG_CONNS_MAX;
    return &rig->conns[at];
}

struct rig_conn *rig_conn_of(struct rig *rig, uint32_t number)
{
    struct rig_conn *c = place_of(rig, number);
    RIG_CHECK(rig, c->is_known && "no request is taken for a number that was never given");
    return c;
}

void rig_new_conn(struct rig *rig, uint32_t number)
{
    struct rig_conn *c = place_of(rig, number);
    RIG_CHECK(rig, number <= INT32_MAX);
    RIG_CHECK(rig, !c->is_alive && "a number is not reused before its CLOSE completion");
    *c = (struct rig_conn){.is_known = true, .is_alive = true, .number = number};
    RIG_CHECK(rig, ++rig->conn_count < RIG_CONNS_MAX / 2);
}

/* ---- requests -------------------------------------------------------------------------- */

/* Tags use all 64 bits, so that a driver that keeps fewer is found out. */
#define TAG_SALT 0xa5c3000000000000u

static uint64_t make_tag(uint32_t op, uint32_t serial)
{
    return TAG_SALT ^ ((uint64_t)serial << 16 | op);
}

static struct rig_op *find_op(struct rig *rig, uint64_t tag)
{
    uint64_t plain = tag ^ TAG_SALT;
    uint32_t op = (uint32_t)(plain & 0xffffu);
    RIG_CHECK(rig, op < RIG_OPS_MAX && "a completion's tag is known");
    struct rig_op *o = &rig->ops[op];
    RIG_CHECK(rig, o->serial == plain >> 16 && "a completion's tag is known");
    RIG_CHECK(rig, o->state == RIG_OP_FLYING && "no completion follows the final one");
    return o;
}

static uint32_t take_record(struct rig *rig)
{
    for (uint32_t i = 0; i < RIG_OPS_MAX; i++) {
        uint32_t op = (rig->op_next + i) % RIG_OPS_MAX;
        if (rig->ops[op].state == RIG_OP_FREE) {
            rig->op_next = (op + 1) % RIG_OPS_MAX;
            return op;
        }
    }
    rig->host->fail(RIG_WHERE, "the rig has no record left");
}

int rig_try_submit(struct rig *rig, const struct proc_io_req *req, uint32_t *ret_op)
{
    uint32_t op = take_record(rig);
    struct rig_op *o = &rig->ops[op];
    *o = (struct rig_op){.req = *req, .serial = ++rig->serials};
    o->req.tag = make_tag(op, o->serial);
    struct proc_io_req copy = o->req;
    int err = rig->io->ops->submit(rig->io, &copy);
    memset(&copy, 0xee, sizeof(copy)); /* the request was copied */
    RIG_CHECK(rig, err <= 0);
    if (err != 0)
        return err;
    o->state = RIG_OP_FLYING;
    rig->flying++;
    struct rig_conn *c = rig_conn_of(rig, req->conn);
    c->ops++;
    if (req->code == PROC_IO_CLOSE) {
        c->closes++;
        c->is_closing = true;
    }
    *ret_op = op;
    return 0;
}

/* A request that must be taken; where the driver is full, after some waiting. */
static uint32_t submit(struct rig *rig, struct proc_io_req req)
{
    uint32_t op = RIG_NONE;
    int err;
    while ((err = rig_try_submit(rig, &req, &op)) == -VK_EOVERFLOW) {
        rig_pump(rig, SLICE_NS);
        rig_expect_progress(rig);
    }
    RIG_CHECK(rig, err == 0 && "submit takes a valid request");
    return op;
}

uint32_t rig_send(struct rig *rig, uint32_t conn, const void *buf, uint32_t len)
{
    return submit(rig, (struct proc_io_req){
                           .code = PROC_IO_SEND, .conn = conn, .buf = (void *)(uintptr_t)buf, .len = len});
}

uint32_t rig_recv(struct rig *rig, uint32_t conn, uint8_t flags)
{
    return submit(rig, (struct proc_io_req){.code = PROC_IO_RECV, .flags = flags, .conn = conn});
}

uint32_t rig_recv_into(struct rig *rig, uint32_t conn, void *buf, uint32_t len)
{
    return submit(rig, (struct proc_io_req){.code = PROC_IO_RECV_INTO, .conn = conn, .buf = buf, .len = len});
}

uint32_t rig_shutdown(struct rig *rig, uint32_t conn)
{
    return submit(rig, (struct proc_io_req){.code = PROC_IO_SHUTDOWN, .conn = conn});
}

uint32_t rig_connect(struct rig *rig, uint32_t conn)
{
    return submit(rig, (struct proc_io_req){.code = PROC_IO_CONNECT, .conn = conn});
}

uint32_t rig_close(struct rig *rig, uint32_t conn, uint8_t flags)
{
    return submit(rig, (struct proc_io_req){.code = PROC_IO_CLOSE, .flags = flags, .conn = conn});
}

void rig_cancel(struct rig *rig, uint32_t op)
{
    rig->ops[op].is_canceled = true;
    rig->io->ops->cancel(rig->io, rig->ops[op].req.tag);
}

/* ---- completions ------------------------------------------------------------------------- */

static void submit_accept(struct rig *rig)
{
    rig->accept_op = submit(rig, (struct proc_io_req){.code = PROC_IO_ACCEPT, .conn = rig->listener});
}

static void submit_read(struct rig *rig, struct rig_reader *reader)
{
    if (reader->mode == RIG_READ_INTO)
        reader->op = rig_recv_into(rig, reader->conn, reader->buf, reader->room);
    else
        reader->op = rig_recv(rig, reader->conn, reader->mode == RIG_READ_MULTI ? PROC_IO_MULTI : 0);
    rig->ops[reader->op].reader = reader;
}

static void note_accept(struct rig *rig, const struct rig_op *o, int32_t res, bool is_final)
{
    if (res >= 0) {
        rig_new_conn(rig, (uint32_t)res);
        RIG_CHECK(rig, rig->accept_count < RIG_ACCEPTS_MAX);
        rig->accepted[(rig->accept_first + rig->accept_count++) % RIG_ACCEPTS_MAX] = (uint32_t)res;
    }
    if (is_final && o == &rig->ops[rig->accept_op]) {
        rig->accept_res = res;
        rig->accept_op = RIG_NONE;
    }
}

static void note_recv(struct rig *rig, const struct rig_op *o, const struct proc_io_event *event)
{
    struct rig_reader *reader = o->reader;
    uint32_t len = event->res > 0 ? (uint32_t)event->res : 0;
    RIG_CHECK(rig, o->req.code == PROC_IO_RECV_INTO || (event->data != NULL) == (len > 0));
    RIG_CHECK(rig, o->req.code == PROC_IO_RECV || len <= o->req.len);
    if (reader == NULL)
        return;
    if (event->data != NULL)
        rig->looks[rig->look_count++] = (struct rig_look){event->data, len, reader->seed, reader->pos};
    else if (len > 0)
        RIG_CHECK(rig, is_pattern(reader->buf, len, reader->seed, reader->pos));
    reader->pos += len;
    if ((event->flags & PROC_IO_MORE) != 0)
        return;
    reader->op = RIG_NONE;
    reader->res = event->res;
    reader->is_ended = event->res == 0 || (event->res < 0 && event->res != -VK_ECANCELED);
}

/* What holds for the connection of an operation that has ended. */
static void note_final(struct rig *rig, struct rig_op *o)
{
    struct rig_conn *c = rig_conn_of(rig, o->req.conn);
    o->finish_no = ++rig->finish_count;
    o->state = RIG_OP_DONE;
    rig->flying--;
    c->ops--;
    if (o->req.code != PROC_IO_CLOSE)
        return;
    c->closes--;
    RIG_CHECK(rig, o->res == 0 && "CLOSE never fails");
    RIG_CHECK(rig, c->ops == c->closes && "CLOSE completes last on its connection");
    if (c->ops == 0)
        c->is_alive = false;
}

static void check_result(struct rig *rig, const struct rig_op *o, const struct proc_io_event *event)
{
    bool may_go_on =
        o->req.code == PROC_IO_ACCEPT || (o->req.code == PROC_IO_RECV && (o->req.flags & PROC_IO_MULTI) != 0);
    bool is_more = (event->flags & PROC_IO_MORE) != 0;
    RIG_CHECK(rig, (event->flags & ~(uint32_t)(PROC_IO_MORE | PROC_IO_READY)) == 0);
    RIG_CHECK(rig, !is_more || (may_go_on && event->res >= 0));
    RIG_CHECK(rig, !is_more || o->req.code == PROC_IO_ACCEPT || event->res > 0);
    RIG_CHECK(rig, event->res > -(int32_t)VK_ERR_END);
    RIG_CHECK(rig, event->res != -VK_EAGAIN);
    RIG_CHECK(rig, event->data == NULL || o->req.code == PROC_IO_RECV);
    bool is_cut = o->is_canceled || rig_conn_of(rig, o->req.conn)->is_closing;
    if (o->req.code == PROC_IO_SEND && event->res >= 0) /* whole, unless cut short */
        RIG_CHECK(rig, event->res == (int32_t)o->req.len || (is_cut && event->res > 0));
    RIG_CHECK(rig, event->res != -VK_ECANCELED || is_cut);
    if (o->req.code == PROC_IO_CONNECT || o->req.code == PROC_IO_SHUTDOWN)
        RIG_CHECK(rig, event->res <= 0);
}

static void handle(struct rig *rig, const struct proc_io_event *event)
{
    struct rig_op *o = find_op(rig, event->tag);
    bool is_final = (event->flags & PROC_IO_MORE) == 0;
    check_result(rig, o, event);
    o->events++;
    o->res = event->res;
    o->flags = event->flags;
    if (o->req.code == PROC_IO_ACCEPT)
        note_accept(rig, o, event->res, is_final);
    if (o->req.code == PROC_IO_RECV || o->req.code == PROC_IO_RECV_INTO)
        note_recv(rig, o, event);
    if (is_final)
        note_final(rig, o);
}

/* The last moment at which the data of a batch must still be there. */
static void look_at_data(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->look_count; i++) {
        const struct rig_look *look = &rig->looks[i];
        RIG_CHECK(rig, is_pattern(look->data, look->len, look->seed, look->pos));
    }
    rig->look_count = 0;
}

/* Records that nobody awaits: those of readers and of the acceptor. */
static void go_on(struct rig *rig, const struct proc_io_event *event)
{
    uint32_t op = (uint32_t)((event->tag ^ TAG_SALT) & 0xffffu);
    struct rig_op *o = &rig->ops[op];
    struct rig_reader *reader = o->reader;
    if (o->state != RIG_OP_DONE)
        return;
    if (reader != NULL) {
        const struct rig_conn *c = rig_conn_of(rig, reader->conn);
        o->state = RIG_OP_FREE;
        if (!reader->is_ended && !reader->is_paused && c->is_alive && !c->is_closing)
            submit_read(rig, reader);
    } else if (o->req.code == PROC_IO_ACCEPT) {
        o->state = RIG_OP_FREE;
        if (!rig->is_accept_paused && o->res >= 0)
            submit_accept(rig);
    }
}

uint32_t rig_pump(struct rig *rig, uint64_t timeout_ns)
{
    struct proc_io_event events[RIG_BATCH_MAX + 1];
    uint64_t before_ns = rig->io->ops->now(rig->io);
    uint64_t deadline_ns = timeout_ns == 0 ? 0 : before_ns + timeout_ns;
    look_at_data(rig);
    memset(events, 0xee, sizeof(events));
    uint32_t count = rig->io->ops->wait(rig->io, events, rig->batch_max, deadline_ns, &rig->now_ns);
    RIG_CHECK(rig, count <= rig->batch_max);
    RIG_CHECK(rig, events[rig->batch_max].tag == 0xeeeeeeeeeeeeeeeeu && "wait stays within max");
    RIG_CHECK(rig, rig->now_ns >= before_ns && "the clock is monotonic");
    for (uint32_t i = 0; i < count; i++)
        handle(rig, &events[i]);
    for (uint32_t i = 0; i < count; i++)
        go_on(rig, &events[i]);
    if (count > 0)
        rig->progress_ns = rig->now_ns;
    return count;
}

void rig_expect_progress(struct rig *rig)
{
    if (rig->now_ns - rig->progress_ns > RIG_PATIENCE_NS)
        rig->host->fail(RIG_WHERE, "what was awaited never happened");
}

void rig_pass(struct rig *rig, uint64_t duration_ns)
{
    uint64_t end_ns = rig->io->ops->now(rig->io) + duration_ns;
    uint64_t now_ns;
    while ((now_ns = rig->io->ops->now(rig->io)) < end_ns)
        rig_pump(rig, end_ns - now_ns);
    look_at_data(rig);
    rig->progress_ns = now_ns;
}

bool rig_is_done(const struct rig *rig, uint32_t op)
{
    return rig->ops[op].state == RIG_OP_DONE;
}

int32_t rig_await(struct rig *rig, uint32_t op)
{
    RIG_CHECK(rig, rig->ops[op].state != RIG_OP_FREE);
    rig->progress_ns = rig->io->ops->now(rig->io);
    while (!rig_is_done(rig, op)) {
        rig_pump(rig, SLICE_NS);
        rig_expect_progress(rig);
    }
    look_at_data(rig);
    rig->ops[op].state = RIG_OP_FREE;
    return rig->ops[op].res;
}

/* ---- connections ---------------------------------------------------------------------------- */

void rig_listen(struct rig *rig, bool defer)
{
    struct proc_addr addr = {.family = 4, .ip = {127, 0, 0, 1}};
    RIG_CHECK(rig, rig->io->ops->listen(rig->io, &addr, defer, &rig->listener, &rig->addr) == 0);
    RIG_CHECK(rig, rig->addr.family == 4 && rig->addr.port != 0);
    RIG_CHECK(rig, memcmp(rig->addr.ip, addr.ip, 4) == 0);
    rig_new_conn(rig, rig->listener);
    submit_accept(rig);
}

void rig_accept_pause(struct rig *rig)
{
    rig->is_accept_paused = true;
    rig->progress_ns = rig->io->ops->now(rig->io);
    if (rig->accept_op == RIG_NONE)
        return;
    rig_cancel(rig, rig->accept_op);
    while (rig->accept_op != RIG_NONE) {
        rig_pump(rig, SLICE_NS);
        rig_expect_progress(rig);
    }
}

void rig_accept_resume(struct rig *rig)
{
    rig->is_accept_paused = false;
    submit_accept(rig);
}

uint32_t rig_accepted(struct rig *rig)
{
    rig->progress_ns = rig->io->ops->now(rig->io);
    while (rig->accept_count == 0) {
        rig_pump(rig, SLICE_NS);
        rig_expect_progress(rig);
    }
    uint32_t conn = rig->accepted[rig->accept_first];
    rig->accept_first = (rig->accept_first + 1) % RIG_ACCEPTS_MAX;
    rig->accept_count--;
    return conn;
}

uint32_t rig_open(struct rig *rig, const struct proc_addr *addr)
{
    uint32_t conn = RIG_NONE;
    RIG_CHECK(rig, rig->io->ops->open(rig->io, addr, &conn) == 0);
    rig_new_conn(rig, conn);
    return conn;
}

struct rig_pair rig_pair(struct rig *rig)
{
    struct rig_pair pair = {.client = rig_open(rig, &rig->addr)};
    RIG_CHECK(rig, rig_await(rig, rig_connect(rig, pair.client)) == 0);
    pair.server = rig_accepted(rig);
    return pair;
}

void rig_close_pair(struct rig *rig, struct rig_pair pair)
{
    uint32_t client = rig_close(rig, pair.client, 0);
    uint32_t server = rig_close(rig, pair.server, 0);
    rig_await(rig, client);
    rig_await(rig, server);
}

/* ---- streams ---------------------------------------------------------------------------------- */

void rig_reader_start(struct rig *rig, struct rig_reader *reader, uint32_t conn, uint64_t seed,
                      enum rig_read_mode mode)
{
    memset(reader, 0, sizeof(*reader));
    reader->conn = conn;
    reader->seed = seed;
    reader->mode = mode;
    reader->room = sizeof(reader->buf);
    submit_read(rig, reader);
}

void rig_reader_await(struct rig *rig, struct rig_reader *reader, uint64_t pos)
{
    rig->progress_ns = rig->io->ops->now(rig->io);
    while (reader->pos < pos) {
        RIG_CHECK(rig, !reader->is_ended && "the stream goes on");
        rig_pump(rig, SLICE_NS);
        rig_expect_progress(rig);
    }
    look_at_data(rig);
    RIG_CHECK(rig, reader->pos == pos && "no byte more than was sent");
}

int32_t rig_reader_await_end(struct rig *rig, struct rig_reader *reader)
{
    rig->progress_ns = rig->io->ops->now(rig->io);
    while (!reader->is_ended) {
        rig_pump(rig, SLICE_NS);
        rig_expect_progress(rig);
    }
    look_at_data(rig);
    return reader->res;
}

void rig_reader_pause(struct rig *rig, struct rig_reader *reader)
{
    reader->is_paused = true;
    rig->progress_ns = rig->io->ops->now(rig->io);
    if (reader->op == RIG_NONE)
        return;
    rig_cancel(rig, reader->op);
    while (reader->op != RIG_NONE) {
        rig_pump(rig, SLICE_NS);
        rig_expect_progress(rig);
    }
}

void rig_reader_resume(struct rig *rig, struct rig_reader *reader)
{
    reader->is_paused = false;
    if (!reader->is_ended && reader->op == RIG_NONE)
        submit_read(rig, reader);
}

void rig_send_all(struct rig *rig, uint32_t conn, uint64_t seed, uint64_t pos, uint32_t len)
{
    RIG_CHECK(rig, len <= RIG_BUF_BYTES);
    rig_fill(rig->buf, len, seed, pos);
    RIG_CHECK(rig, rig_await(rig, rig_send(rig, conn, rig->buf, len)) == (int32_t)len);
}

/* ---- life --------------------------------------------------------------------------------------- */

void rig_init(struct rig *rig, struct proc_io *io, const struct rig_host *host)
{
    rig->io = io;
    rig->host = host;
    rig->batch_max = RIG_BATCH_MAX;
    rig->listener = rig->accept_op = RIG_NONE;
    rig->now_ns = io->ops->now(io);
    rig->progress_ns = rig->now_ns;
}

void rig_settle(struct rig *rig)
{
    rig->is_accept_paused = true;
    for (uint32_t i = 0; i < RIG_CONNS_MAX; i++) {
        struct rig_conn *c = &rig->conns[i];
        struct proc_io_req req = {.code = PROC_IO_CLOSE, .flags = PROC_IO_ABORT, .conn = c->number};
        uint32_t op;
        int err;
        while (c->is_alive && (err = rig_try_submit(rig, &req, &op)) != 0) {
            /* A CLOSE on its way may be too far gone to be hurried. */
            RIG_CHECK(rig, err == -VK_EOVERFLOW || (err == -VK_EBADH && c->is_closing));
            rig_pump(rig, SLICE_NS);
            rig_expect_progress(rig);
            if (err == -VK_EBADH)
                break;
        }
    }
    rig->progress_ns = rig->io->ops->now(rig->io);
    while (rig->flying > 0) {
        rig_pump(rig, SLICE_NS);
        rig_expect_progress(rig);
    }
    rig_pass(rig, 5000000); /* time for what must not come */
}
