/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user process of the pass-through, and the driver around both. A request
 * is submitted into a record; the user's process finds it there at its next
 * run, asks the served handle, and leaves the result in the record's event.
 */
#include "tests/driver/through.h"

#include "proc/kernel_impl.h"

enum { ASK_RECV, ASK_OP, ASK_KILL, ASK_CLOSE, ASK_NOTHING };

enum op_state {
    OP_FREE,
    OP_QUEUED, /* to be asked */
    OP_ASKED,
    OP_EVENT, /* has an event to be handed out */
    OP_TAKEN, /* which was: its bytes stay until the next wait */
};

struct op {
    struct proc_io_req req;
    uint8_t state;
    bool is_canceled;
    bool is_cancel_asked;
    bool is_final;
    uint32_t pos; /* SEND: bytes taken */
    uint32_t next;
    int32_t res;
    uint8_t data[THROUGH_READ_BYTES];
};

enum close_state {
    CLOSE_NONE,
    CLOSE_WANTED,
    CLOSE_KILLING,
    CLOSE_CLOSING,
    CLOSE_DOORS, /* until the listener is really closed */
    CLOSE_OVER,  /* its event is on the way */
};

struct conn {
    bool is_used;
    bool is_listener;
    bool is_opened; /* by open: CONNECT is for it */
    bool is_touched;
    bool is_killed;
    uint8_t closing; /* enum close_state */
    uint32_t handle;
    uint32_t connector;
    uint32_t next_touched;
    uint32_t recv, accept, connect, close, abort; /* requests, or NONE */
    uint32_t outs_first;                          /* SENDs and SHUTDOWNs, one after the other */
    uint32_t outs_last;
};

#define CONNECTOR_WORD 0x80000000u
#define CONNECTORS     8u

struct through {
    struct proc_io io;
    struct proc_io_ops ops;
    struct proc_io *inner;
    struct proc_kernel *kernel;
    struct net_streams *streams;
    struct proc_process *user;
    struct proc_process *pass_process;
    struct proc_env env;
    struct vk_region region;
    struct through_pass *pass;

    struct through_queue queue; /* the user's */
    bool is_receiving;
    uint32_t touched_first;
    uint32_t events_first; /* records whose event is to be handed out, oldest first */
    uint32_t events_last;
    uint32_t taken[THROUGH_OPS];
    uint32_t taken_count;
    uint32_t doors; /* listeners not closed and connectors */
    uint32_t connectors_count;
    struct {
        struct proc_addr addr;
        uint32_t handle;
    } connectors[CONNECTORS];
    struct op records[THROUGH_OPS];
    struct conn conns[THROUGH_CONNS];
};

/* ---- records and events ------------------------------------------------------------ */

static void touch(struct through *t, struct conn *c)
{
    if (c->is_touched)
        return;
    c->is_touched = true;
    c->next_touched = t->touched_first;
    t->touched_first = (uint32_t)(c - t->conns);
    proc_run_soon(t->kernel, t->user);
}

static void emit(struct through *t, struct op *o, int32_t res, bool is_final)
{
    uint32_t index = (uint32_t)(o - t->records);
    o->state = OP_EVENT;
    o->res = res;
    o->is_final = is_final;
    o->next = THROUGH_NONE;
    if (t->events_first == THROUGH_NONE)
        t->events_first = index;
    else
        t->records[t->events_last].next = index;
    t->events_last = index;
}

/* Its connection forgets it. */
static void forget(struct through *t, struct conn *c, uint32_t index)
{
    if (c->recv == index)
        c->recv = THROUGH_NONE;
    if (c->accept == index)
        c->accept = THROUGH_NONE;
    if (c->connect == index)
        c->connect = THROUGH_NONE;
    if (c->outs_first == index)
        c->outs_first = t->records[index].next;
    touch(t, c);
}

static void finish(struct through *t, struct op *o, int32_t res)
{
    forget(t, &t->conns[o->req.conn], (uint32_t)(o - t->records));
    emit(t, o, res, true);
}

static struct op *op_at(struct through *t, uint32_t index)
{
    return index == THROUGH_NONE ? NULL : &t->records[index];
}

/* Somewhere in the line of SENDs. */
static void finish_out(struct through *t, struct conn *c, struct op *o, int32_t res)
{
    uint32_t index = (uint32_t)(o - t->records);
    uint32_t before = THROUGH_NONE;
    for (uint32_t i = c->outs_first; i != index; i = t->records[i].next)
        before = i;
    if (c->outs_last == index)
        c->outs_last = before;
    if (before != THROUGH_NONE)
        t->records[before].next = o->next;
    finish(t, o, res);
}

/* By the user's word, or because its connection closes. */
static void cancel(struct through *t, struct op *o)
{
    if (!o || o->is_canceled || (o->state == OP_EVENT && o->is_final))
        return;
    struct conn *c = &t->conns[o->req.conn];
    o->is_canceled = true;
    if (o->state != OP_QUEUED)
        touch(t, c);
    else if (o->req.code == PROC_IO_SEND || o->req.code == PROC_IO_SHUTDOWN)
        finish_out(t, c, o, o->pos > 0 ? (int32_t)o->pos : -VK_ECANCELED);
    else
        finish(t, o, -VK_ECANCELED);
}

static uint32_t conn_new(struct through *t)
{
    for (uint32_t i = 0; i < THROUGH_CONNS; i++) {
        struct conn *c = &t->conns[i];
        if (c->is_used)
            continue;
        bool is_touched = c->is_touched; /* and then in the list of them, by its place */
        uint32_t next = c->next_touched;
        memset(c, 0, sizeof *c);
        c->is_touched = is_touched;
        c->next_touched = next;
        c->is_used = true;
        c->connector = c->recv = c->accept = c->connect = THROUGH_NONE;
        c->close = c->abort = c->outs_first = c->outs_last = THROUGH_NONE;
        return i;
    }
    return THROUGH_NONE;
}

/* ---- the user's process ---------------------------------------------------------------- */

static void ask_op(struct through *t, struct op *o, uint16_t code, uint32_t handle, uint32_t len)
{
    uint32_t index = (uint32_t)(o - t->records);
    o->state = OP_ASKED;
    o->is_cancel_asked = false;
    through_ask(&t->queue, (struct proc_op){.code = code,
                                            .handle = handle,
                                            .off = len ? through_area(index) : 0,
                                            .len = len,
                                            .tag = through_tag(ASK_OP, index)});
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void ask(struct through *t, struct proc_self *self, struct op *o, uint32_t handle)
{
    uint32_t area = through_area((uint32_t)(o - t->records));
    uint32_t n;
    switch (o->req.code) {
    case PROC_IO_ACCEPT:
        ask_op(t, o, PROC_OP_ACCEPT, handle, 0);
        break;
    case PROC_IO_CONNECT:
        ask_op(t, o, PROC_OP_CONNECT, handle, 0);
        break;
    case PROC_IO_RECV:
        ask_op(t, o, PROC_OP_READ, handle, THROUGH_READ_BYTES);
        break;
    case PROC_IO_RECV_INTO:
        ask_op(t, o, PROC_OP_READ, handle, least(o->req.len, THROUGH_UNIT_BYTES));
        break;
    case PROC_IO_SEND:
        n = least(o->req.len - o->pos, THROUGH_UNIT_BYTES);
        memcpy(proc_at(self, area), (const uint8_t *)o->req.buf + o->pos, n);
        ask_op(t, o, PROC_OP_WRITE, handle, n);
        break;
    default:
        ask_op(t, o, PROC_OP_SHUTDOWN, handle, 0);
        break;
    }
}

/* What is due for a request: ask, or ask to cancel. */
static void advance(struct through *t, struct proc_self *self, struct op *o, uint32_t handle)
{
    if (!o)
        return;
    if (o->state == OP_QUEUED && handle) {
        ask(t, self, o, handle);
    } else if (o->state == OP_ASKED && o->is_canceled && !o->is_cancel_asked) {
        o->is_cancel_asked = true;
        through_ask(&t->queue, (struct proc_op){.code = PROC_OP_CANCEL,
                                                .flags = PROC_OP_SILENT,
                                                .arg = through_tag(ASK_OP, (uint32_t)(o - t->records)),
                                                .tag = through_tag(ASK_NOTHING, 0)});
    }
}

static void closed(struct through *t, struct conn *c)
{
    c->closing = CLOSE_OVER;
    emit(t, &t->records[c->close], 0, true);
    if (c->abort != THROUGH_NONE)
        emit(t, &t->records[c->abort], 0, true);
}

/* Nothing else is pending: reset when that is wanted, then give the handle up. */
static void advance_close(struct through *t, struct conn *c)
{
    uint32_t number = (uint32_t)(c - t->conns);
    bool aborts = c->abort != THROUGH_NONE || (t->records[c->close].req.flags & PROC_IO_ABORT);
    if (c->closing != CLOSE_WANTED)
        return;
    if (!c->handle && !c->is_listener) {
        closed(t, c);
    } else if (!c->handle) {
        return; /* its served handle is on the way */
    } else if (aborts && !c->is_killed && !c->is_listener) {
        c->closing = CLOSE_KILLING;
        through_ask(&t->queue, (struct proc_op){.code = PROC_OP_KILL,
                                                .handle = c->handle,
                                                .tag = through_tag(ASK_KILL, number)});
    } else {
        c->closing = CLOSE_CLOSING;
        through_ask(&t->queue, (struct proc_op){.code = PROC_OP_CLOSE,
                                                .handle = c->handle,
                                                .tag = through_tag(ASK_CLOSE, number)});
    }
}

static void advance_conn(struct through *t, struct proc_self *self, struct conn *c)
{
    advance(t, self, op_at(t, c->accept), c->handle);
    advance(t, self, op_at(t, c->recv), c->handle);
    advance(t, self, op_at(t, c->outs_first), c->handle);
    if (c->connect != THROUGH_NONE)
        advance(t, self, op_at(t, c->connect), t->connectors[c->connector].handle);
    bool is_dead = c->is_opened && !c->handle && c->connect == THROUGH_NONE && c->closing;
    while (is_dead && c->outs_first != THROUGH_NONE)
        finish_out(t, c, &t->records[c->outs_first], -VK_ECLOSED);
    if (c->closing && c->accept == THROUGH_NONE && c->recv == THROUGH_NONE && c->connect == THROUGH_NONE &&
        c->outs_first == THROUGH_NONE)
        advance_close(t, c);
}

static void on_accept(struct through *t, struct op *o, const struct proc_done *done)
{
    if (done->res < 0) {
        finish(t, o, done->res);
        return;
    }
    uint32_t number = conn_new(t);
    vk_assert(number != THROUGH_NONE && done->handle);
    t->conns[number].handle = done->handle;
    if (o->is_canceled)
        finish(t, o, (int32_t)number);
    else
        emit(t, o, (int32_t)number, false);
}

static void on_read(struct through *t, struct proc_self *self, struct op *o, const struct proc_done *done)
{
    int32_t res = done->res < 0 ? done->res : (int32_t)done->len;
    bool is_into = o->req.code == PROC_IO_RECV_INTO;
    vk_assert(done->len <= (is_into ? o->req.len : THROUGH_READ_BYTES));
    if (res > 0)
        memcpy(is_into ? o->req.buf : o->data, proc_at(self, through_area((uint32_t)(o - t->records))),
               (uint32_t)res);
    if (res > 0 && (o->req.flags & PROC_IO_MULTI) && !o->is_canceled)
        emit(t, o, res, false);
    else
        finish(t, o, res);
}

static void on_written(struct through *t, struct op *o, const struct proc_done *done)
{
    struct conn *c = &t->conns[o->req.conn];
    if (done->res < 0) {
        finish_out(t, c, o, done->res);
        return;
    }
    vk_assert(done->len > 0 && done->len <= o->req.len - o->pos);
    o->pos += done->len;
    if (o->pos == o->req.len || o->is_canceled) {
        finish_out(t, c, o, (int32_t)o->pos);
        return;
    }
    o->state = OP_QUEUED;
    touch(t, c);
}

static void on_op(struct through *t, struct proc_self *self, struct op *o, const struct proc_done *done)
{
    struct conn *c = &t->conns[o->req.conn];
    vk_assert(o->state == OP_ASKED);
    switch (o->req.code) {
    case PROC_IO_ACCEPT:
        on_accept(t, o, done);
        break;
    case PROC_IO_CONNECT:
        c->handle = done->res < 0 ? 0 : done->handle;
        vk_assert(done->res < 0 || done->handle);
        finish(t, o, done->res);
        break;
    case PROC_IO_RECV:
    case PROC_IO_RECV_INTO:
        on_read(t, self, o, done);
        break;
    case PROC_IO_SEND:
        on_written(t, o, done);
        break;
    default:
        finish_out(t, c, o, done->res);
        break;
    }
}

/* A served handle: of a listener, or a connector. */
static void on_message(struct through *t, const struct proc_done *done)
{
    uint32_t word = (uint32_t)(done->arg >> 32);
    vk_assert(done->res == 0 && done->handle);
    if (!(word & CONNECTOR_WORD)) {
        t->conns[word].handle = done->handle;
        touch(t, &t->conns[word]);
        return;
    }
    t->connectors[word & ~CONNECTOR_WORD].handle = done->handle;
    for (uint32_t i = 0; i < THROUGH_CONNS; i++) {
        if (t->conns[i].is_used && t->conns[i].connect != THROUGH_NONE)
            touch(t, &t->conns[i]);
    }
}

static void on_done(struct through *t, struct proc_self *self, const struct proc_done *done)
{
    uint32_t index = (uint32_t)done->tag;
    struct conn *c = &t->conns[index % THROUGH_CONNS];
    switch (through_what(done->tag)) {
    case ASK_RECV:
        t->is_receiving = false;
        on_message(t, done);
        break;
    case ASK_OP:
        on_op(t, self, &t->records[index], done);
        break;
    case ASK_KILL:
        vk_assert(done->res == 0);
        c->is_killed = true;
        c->closing = CLOSE_WANTED;
        touch(t, c);
        break;
    case ASK_CLOSE:
        vk_assert(done->res == 0);
        if (c->is_listener)
            c->closing = CLOSE_DOORS, t->doors--;
        else
            closed(t, c);
        break;
    default:
        break;
    }
}

static int user_resume(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    struct through *t;
    memcpy(&t, proc_at(self, self->arg_off), sizeof t);
    for (uint32_t i = 0; i < self->done_count; i++)
        on_done(t, self, &self->done[i]);
    self->done_count = 0;
    while (t->touched_first != THROUGH_NONE) {
        struct conn *c = &t->conns[t->touched_first];
        t->touched_first = c->next_touched;
        c->is_touched = false;
        if (c->is_used)
            advance_conn(t, self, c);
    }
    if (!t->is_receiving)
        through_ask(&t->queue, (struct proc_op){.code = PROC_OP_RECV,
                                                .off = THROUGH_MESSAGE_AT,
                                                .len = 64,
                                                .tag = through_tag(ASK_RECV, 0)});
    t->is_receiving = true;
    return through_flush(&t->queue, self);
}

static const struct proc_program user_program = {
    .name = "user", .heap_bytes = THROUGH_HEAP_BYTES, .resume = user_resume};

/* ---- the driver: connections ---------------------------------------------------------------- */

static struct through *of(struct proc_io *io)
{
    return VK_CONTAINER(io, struct through, io);
}

/* A real handle for the pass-through to serve. */
static int offer(struct through *t, struct proc_object object, uint32_t word)
{
    struct through_pass *p = t->pass;
    if (!object.kind || p->offers_count == VK_COUNT(p->offers))
        return -VK_EMFILE;
    int rc = proc_handle_new(t->kernel, t->pass_process, object, &p->offers[p->offers_count].handle);
    if (rc)
        return rc;
    p->offers[p->offers_count++].word = word;
    t->doors++;
    proc_run_soon(t->kernel, t->pass_process);
    return 0;
}

static int through_listen(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                          struct proc_addr *ret_bound)
{
    struct through *t = of(io);
    uint32_t listener;
    int rc = t->inner->ops->listen(t->inner, addr, defer, &listener, ret_bound);
    if (rc)
        return rc;
    uint32_t number = conn_new(t);
    vk_assert(number != THROUGH_NONE);
    t->conns[number].is_listener = true;
    *ret_conn = number;
    return offer(t, net_streams_listener(t->streams, listener), number);
}

static bool same_addr(const struct proc_addr *a, const struct proc_addr *b)
{
    return a->family == b->family && a->port == b->port && a->scope == b->scope &&
           memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* Connectors are kept, one for each address. */
static int find_connector(struct through *t, const struct proc_addr *addr, uint32_t *ret_connector)
{
    for (uint32_t i = 0; i < t->connectors_count; i++) {
        if (same_addr(&t->connectors[i].addr, addr)) {
            *ret_connector = i;
            return 0;
        }
    }
    if (t->connectors_count == CONNECTORS)
        return -VK_EMFILE;
    *ret_connector = t->connectors_count;
    int rc = offer(t, net_streams_connector(t->streams, addr), CONNECTOR_WORD | t->connectors_count);
    if (rc == 0)
        t->connectors[t->connectors_count++].addr = *addr;
    return rc;
}

static int through_open(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn)
{
    struct through *t = of(io);
    uint32_t connector;
    int rc = find_connector(t, addr, &connector);
    uint32_t number = rc ? THROUGH_NONE : conn_new(t);
    if (number == THROUGH_NONE)
        return rc ? rc : -VK_EMFILE;
    t->conns[number].is_opened = true;
    t->conns[number].connector = connector;
    *ret_conn = number;
    return 0;
}

static int through_peer(struct proc_io *io, uint32_t conn, struct proc_addr *ret_addr)
{
    struct through *t = of(io);
    (void)ret_addr; /* a stream's handle does not tell it */
    return conn < THROUGH_CONNS && t->conns[conn].is_used ? -VK_ENOTSUP : -VK_EBADH;
}

static uint64_t through_taken(struct proc_io *io, uint32_t conn)
{
    (void)io, (void)conn;
    return 0; /* a stream's handle does not tell it */
}

/* ---- the driver: requests ----------------------------------------------------------------------- */

static int check(const struct conn *c, const struct proc_io_req *req)
{
    bool is_abort = req->code == PROC_IO_CLOSE && (req->flags & PROC_IO_ABORT);
    if (c->closing && !(is_abort && c->abort == THROUGH_NONE && c->closing < CLOSE_CLOSING))
        return -VK_EBADH;
    switch (req->code) {
    case PROC_IO_ACCEPT:
        return c->is_listener ? 0 : -VK_EINVAL;
    case PROC_IO_SEND:
    case PROC_IO_RECV_INTO:
        return c->is_listener || !req->buf || !req->len ? -VK_EINVAL : 0;
    case PROC_IO_RECV:
    case PROC_IO_SHUTDOWN:
        return c->is_listener ? -VK_EINVAL : 0;
    case PROC_IO_CONNECT:
        return c->is_opened && !c->handle && c->connect == THROUGH_NONE ? 0 : -VK_EINVAL;
    case PROC_IO_CLOSE:
        return 0;
    default:
        return -VK_EINVAL;
    }
}

static void close_conn(struct through *t, struct conn *c, uint32_t index)
{
    bool aborts = t->records[index].req.flags & PROC_IO_ABORT;
    if (c->closing) {
        c->abort = index;
    } else {
        c->close = index;
        c->closing = CLOSE_WANTED;
    }
    cancel(t, op_at(t, c->recv));
    cancel(t, op_at(t, c->accept));
    cancel(t, op_at(t, c->connect));
    for (uint32_t i = aborts ? c->outs_first : THROUGH_NONE; i != THROUGH_NONE;) {
        uint32_t next = t->records[i].next;
        cancel(t, &t->records[i]);
        i = next;
    }
}

static void add(struct through *t, struct conn *c, uint32_t index)
{
    switch (t->records[index].req.code) {
    case PROC_IO_ACCEPT:
        c->accept = index;
        break;
    case PROC_IO_CONNECT:
        c->connect = index;
        break;
    case PROC_IO_RECV:
    case PROC_IO_RECV_INTO:
        c->recv = index;
        break;
    case PROC_IO_CLOSE:
        close_conn(t, c, index);
        break;
    default:
        if (c->outs_first == THROUGH_NONE)
            c->outs_first = index;
        else
            t->records[c->outs_last].next = index;
        c->outs_last = index;
        break;
    }
    touch(t, c);
}

static int through_submit(struct proc_io *io, const struct proc_io_req *req)
{
    struct through *t = of(io);
    if (req->conn >= THROUGH_CONNS || !t->conns[req->conn].is_used)
        return -VK_EBADH;
    struct conn *c = &t->conns[req->conn];
    int rc = check(c, req);
    if (rc)
        return rc;
    uint32_t index = 0;
    while (index < THROUGH_OPS && t->records[index].state != OP_FREE)
        index++;
    if (index == THROUGH_OPS)
        return -VK_EOVERFLOW;
    struct op *o = &t->records[index];
    memset(o, 0, offsetof(struct op, data));
    o->req = *req;
    o->state = OP_QUEUED;
    o->next = THROUGH_NONE;
    add(t, c, index);
    return 0;
}

static void through_cancel(struct proc_io *io, uint64_t tag)
{
    struct through *t = of(io);
    for (uint32_t i = 0; i < THROUGH_OPS; i++) {
        struct op *o = &t->records[i];
        bool is_over = o->state == OP_FREE || (o->state >= OP_EVENT && o->is_final);
        if (!is_over && o->req.tag == tag && o->req.code != PROC_IO_CLOSE)
            cancel(t, o);
    }
}

/* ---- the driver: waiting ---------------------------------------------------------------------------- */

/* What the last wait handed out: over, or to go on. */
static void take_back(struct through *t)
{
    for (uint32_t i = 0; i < t->taken_count; i++) {
        struct op *o = &t->records[t->taken[i]];
        struct conn *c = &t->conns[o->req.conn];
        if (o->is_final) {
            o->state = OP_FREE;
            continue;
        }
        o->state = OP_QUEUED;
        if (o->is_canceled)
            finish(t, o, -VK_ECANCELED);
        else
            touch(t, c);
    }
    t->taken_count = 0;
}

static void hand_out(struct through *t, struct proc_io_event *event)
{
    uint32_t index = t->events_first;
    struct op *o = &t->records[index];
    struct conn *c = &t->conns[o->req.conn];
    t->events_first = o->next;
    *event = (struct proc_io_event){
        .tag = o->req.tag,
        .res = o->res,
        .flags = o->is_final ? 0 : PROC_IO_MORE,
        .data = o->req.code == PROC_IO_RECV && o->res > 0 ? o->data : NULL,
    };
    o->state = OP_TAKEN;
    t->taken[t->taken_count++] = index;
    if (o->req.code != PROC_IO_CLOSE)
        return;
    if (c->abort == THROUGH_NONE || c->abort == index)
        c->is_used = false;
}

/* Closed listeners are told once no more doors are open than should be. */
static void tell_closed_doors(struct through *t)
{
    if (net_streams_doors(t->streams) != t->doors)
        return;
    for (uint32_t i = 0; i < THROUGH_CONNS; i++) {
        if (t->conns[i].is_used && t->conns[i].closing == CLOSE_DOORS)
            closed(t, &t->conns[i]);
    }
}

static uint32_t through_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max,
                             uint64_t deadline_ns, uint64_t *ret_now_ns)
{
    struct through *t = of(io);
    uint64_t now_ns = t->inner->ops->now(t->inner);
    take_back(t);
    for (uint32_t steps = 0; steps < 64 || now_ns < deadline_ns; steps++) {
        bool was_idle = !proc_kernel_busy(t->kernel);
        bool may_block = t->events_first == THROUGH_NONE && now_ns < deadline_ns;
        proc_kernel_step(t->kernel, may_block ? deadline_ns - now_ns : 0);
        tell_closed_doors(t);
        now_ns = t->inner->ops->now(t->inner);
        if (t->events_first != THROUGH_NONE || (was_idle && !proc_kernel_busy(t->kernel)))
            break;
    }
    uint32_t count = 0;
    while (count < max && t->events_first != THROUGH_NONE)
        hand_out(t, &events[count++]);
    *ret_now_ns = now_ns;
    return count;
}

static uint64_t through_now(struct proc_io *io)
{
    struct proc_io *inner = of(io)->inner;
    return inner->ops->now(inner);
}

static void through_wake(struct proc_io *io)
{
    struct proc_io *inner = of(io)->inner;
    inner->ops->wake(inner);
}

/* ---- life -------------------------------------------------------------------------------------------- */

static void through_destroy(struct proc_io *io)
{
    struct through *t = of(io);
    struct vk_region region = t->region;
    proc_kernel_destroy(t->kernel);
    t->inner->ops->destroy(t->inner);
    vk_region_fini(&region);
}

static int start(struct through *t)
{
    const struct proc_kernel_options options = {
        .io = t->inner,
        .no_native = true,
        .slots_warm = 1,
        .service_bytes = net_streams_region_bytes(THROUGH_CONNS),
    };
    int rc = proc_kernel_create(&options, &t->kernel);
    if (!rc)
        rc = net_streams_create(t->kernel, THROUGH_CONNS, &t->streams);
    const struct proc_spawn user = {
        .program = &user_program, .arg = &t, .arg_len = sizeof t, .copy_arg = true};
    if (!rc)
        rc = proc_spawn(t->kernel, &user, &t->user);
    if (rc)
        return rc;
    t->env.count = 1;
    t->env.objects[0] = proc_process_object(t->user);
    const struct proc_spawn pass = {.program = &through_pass_program,
                                    .arg = &t->pass,
                                    .arg_len = sizeof t->pass,
                                    .copy_arg = true,
                                    .env = &t->env};
    rc = proc_spawn(t->kernel, &pass, &t->pass_process);
    if (rc)
        return rc;
    proc_run_soon(t->kernel, t->user);
    proc_run_soon(t->kernel, t->pass_process);
    return 0;
}

static const struct proc_io_ops through_ops = {
    .name = "through",
    .listen = through_listen,
    .open = through_open,
    .submit = through_submit,
    .cancel = through_cancel,
    .wait = through_wait,
    .now = through_now,
    .peer = through_peer,
    .taken = through_taken,
    .destroy = through_destroy,
};

int through_create(struct proc_io *inner, struct proc_io **ret_io)
{
    struct vk_region region;
    size_t bytes = sizeof(struct through) + sizeof(struct through_pass) + 2 * (size_t)VK_PAGE_BYTES;
    int rc = vk_region_init(&region, bytes);
    if (rc) {
        inner->ops->destroy(inner);
        return rc;
    }
    struct through *t = vk_region_alloc(&region, sizeof *t, VK_CACHE_LINE_BYTES);
    t->pass = vk_region_alloc(&region, sizeof *t->pass, VK_CACHE_LINE_BYTES);
    t->region = region;
    t->inner = inner;
    t->ops = through_ops;
    t->ops.wake = inner->ops->wake ? through_wake : NULL;
    t->io.ops = &t->ops;
    t->touched_first = t->events_first = THROUGH_NONE;
    rc = start(t);
    if (rc)
        through_destroy(&t->io);
    else
        *ret_io = &t->io;
    return rc;
}
