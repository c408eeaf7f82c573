/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations of proc/io.h over the virtual network. submit only notes
 * what is wanted; every effect is a step of an end's IN timer (its receive or
 * accept) or OUT timer (all else, in order), taken inside of wait.
 */
#include "sim/sim_impl.h"
#include "vk/err.h"

#define STARVED_NS 50000000u /* an ACCEPT after one without descriptor is held so long */
#define RETRY_NS   1000u     /* when the queue of completions has no place left */

/* ---- completions ----------------------------------------------------------------- */

static struct sim_ready *push_ready(struct sim *sim, const struct sim_op *op, uint32_t end, int32_t res)
{
    vk_assert(sim->ready_count < sim->ready_max);
    struct sim_ready *r = &sim->ready[(sim->ready_first + sim->ready_count++) % sim->ready_max];
    *r = (struct sim_ready){
        .event = {.tag = op->req.tag, .res = res},
        .serial = op->serial,
        .end = end,
    };
    return r;
}

/* Whether a completion beyond the final ones, which have their places kept, still fits. */
static bool has_room_for_more(const struct sim *sim)
{
    return sim->ready_count + sim->ops_used < sim->ready_max;
}

static void free_op(struct sim *sim, uint32_t op)
{
    sim->ops[op].is_used = false;
    sim->ops[op].next = sim->op_free;
    sim->op_free = op;
    sim->ops_used--;
}

static struct sim_ready *finish_in(struct sim *sim, uint32_t end, int32_t res)
{
    struct sim_end *e = &sim->ends[end];
    uint32_t op = e->in_op;
    e->in_op = SIM_NONE;
    free_op(sim, op);
    return push_ready(sim, &sim->ops[op], end, res);
}

/* A fingerprint of a SEND's bytes, to see that nobody touched them meanwhile. */
static uint64_t hash_buf(const void *buf, uint32_t len)
{
    const uint8_t *bytes = buf;
    uint64_t hash = len;
    uint32_t i = 0;
    for (; len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        hash = sim_rand_rotl((hash ^ word) * 0x9fb21c651e98df25u, 29);
    }
    for (; i < len; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static void finish_out(struct sim *sim, uint32_t end, int32_t res)
{
    struct sim_end *e = &sim->ends[end];
    uint32_t op = e->out_first;
    struct sim_op *o = &sim->ops[op];
    e->out_first = o->next;
    if (e->out_first == SIM_NONE)
        e->out_last = SIM_NONE;
    if (o->req.code == PROC_IO_SEND) /* the caller kept its hands off the buffer */
        vk_assert(o->buf_hash == hash_buf(o->req.buf, o->req.len));
    free_op(sim, op);
    struct sim_ready *r = push_ready(sim, o, end, res);
    r->frees = o->req.code == PROC_IO_CLOSE && e->out_first == SIM_NONE;
}

/* ---- steps of a receive ------------------------------------------------------------ */

static void poke(struct sim *sim, struct sim_timer *timer)
{
    uint64_t at_ns = sim->now_ns;
    if (sim_chance(sim, sim->options.odds.step_delay)) {
        sim->counters.step_delays++;
        at_ns += sim_rand_between(&sim->rand, 0, sim->options.step_delay_max_ns);
    }
    sim_queue_add(sim, timer, at_ns);
}

void sim_driver_poke_in(struct sim *sim, uint32_t end)
{
    if (sim->ends[end].in_op != SIM_NONE)
        poke(sim, &sim->ends[end].in);
}

void sim_driver_poke_out(struct sim *sim, uint32_t end)
{
    if (sim->ends[end].out_first != SIM_NONE)
        poke(sim, &sim->ends[end].out);
}

static uint32_t draw_read(struct sim *sim, uint32_t len)
{
    if (len < 2 || !sim_chance(sim, sim->options.odds.partial_read))
        return len;
    sim->counters.partial_reads++;
    return (uint32_t)sim_rand_between(&sim->rand, 1, len - 1);
}

/* Whether a multishot operation goes on after this completion. */
static bool goes_on(struct sim *sim, const struct sim_op *op)
{
    if (op->is_canceled)
        return false;
    if (!sim_chance(sim, sim->options.odds.multi_end))
        return true;
    sim->counters.multi_ends++;
    return false;
}

/* Complete the receive with what has arrived, at least one byte. */
static void give_data(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    struct sim_op *op = &sim->ops[e->in_op];
    uint32_t size = sim->options.socket_bytes;
    uint32_t at = (uint32_t)(e->taken & (size - 1));
    uint32_t there = (uint32_t)(e->arrived - e->taken);
    uint32_t len = there < size - at ? there : size - at;
    struct sim_ready *r;
    if (op->req.code == PROC_IO_RECV_INTO && len > op->req.len)
        len = op->req.len;
    len = draw_read(sim, len);
    e->taken += len;
    if (op->req.code == PROC_IO_RECV_INTO) {
        memcpy(op->req.buf, e->ring + at, len);
        r = finish_in(sim, end, (int32_t)len);
        r->event.flags = e->taken < e->arrived ? PROC_IO_READY : 0;
    } else if ((op->req.flags & PROC_IO_MULTI) != 0 && goes_on(sim, op)) {
        r = push_ready(sim, op, end, (int32_t)len);
        r->event.flags = PROC_IO_MORE;
        poke(sim, &e->in);
    } else {
        r = finish_in(sim, end, (int32_t)len);
        r->event.flags = e->taken < e->arrived ? PROC_IO_READY : 0;
    }
    r->lend = len;
    if (op->req.code == PROC_IO_RECV)
        r->event.data = e->ring + at;
}

static bool may_connect_yet(const struct sim *sim, const struct sim_end *e)
{
    return e->state == SIM_END_CONNECTING || (e->state == SIM_END_NEW && e->out_first != SIM_NONE &&
                                              sim->ops[e->out_first].req.code == PROC_IO_CONNECT);
}

static void step_recv(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    struct sim_op *op = &sim->ops[e->in_op];
    /* A cancel may come too late: then the receive ends with what is there. */
    bool is_data = e->taken < e->arrived && (!op->is_canceled || sim_rand_below(&sim->rand, 2) == 0);
    if (is_data && !e->is_closing)
        give_data(sim, end);
    else if (op->is_canceled || e->is_closing)
        finish_in(sim, end, -VK_ECANCELED);
    else if (e->rst_arrived)
        finish_in(sim, end, -VK_ERESET);
    else if (e->fin_arrived)
        finish_in(sim, end, 0);
    else if (e->state != SIM_END_OPEN && !may_connect_yet(sim, e))
        finish_in(sim, end, -VK_ECLOSED);
}

static bool is_out_of_conns(struct sim *sim)
{
    bool is_out = sim->conns_open >= sim->options.conns_max || sim_chance(sim, sim->options.odds.emfile);
    if (is_out)
        sim->counters.emfiles++;
    return is_out;
}

static void step_accept(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    struct sim_op *op = &sim->ops[e->in_op];
    bool is_held = sim->now_ns < e->starved_until_ns;
    /* A cancel may come too late: then the ACCEPT ends with a connection. */
    bool is_late = op->is_canceled && !is_held && sim_rand_below(&sim->rand, 2) == 0;
    if (e->is_closing || (op->is_canceled && !is_late)) {
        finish_in(sim, end, -VK_ECANCELED);
        return;
    }
    if (is_held) {
        sim_queue_add(sim, &e->in, e->starved_until_ns);
        return;
    }
    if (!sim_net_can_accept(sim, end)) {
        if (op->is_canceled)
            finish_in(sim, end, -VK_ECANCELED);
        return;
    }
    if (is_out_of_conns(sim)) {
        e->starved_until_ns = sim->now_ns + STARVED_NS;
        finish_in(sim, end, -VK_EMFILE);
        return;
    }
    uint32_t made = sim_net_accept(sim, end);
    sim->conns_open++;
    sim->ends[made].is_accepted = true;
    if (goes_on(sim, op)) {
        push_ready(sim, op, end, (int32_t)made)->event.flags = PROC_IO_MORE;
        poke(sim, &e->in);
    } else {
        finish_in(sim, end, (int32_t)made);
    }
}

void sim_driver_in(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    if (e->listener != SIM_NONE) { /* it waited long enough for its first bytes */
        sim_driver_poke_in(sim, e->listener);
    } else if (e->in_op == SIM_NONE) {
        return;
    } else if (!has_room_for_more(sim)) {
        sim_queue_add(sim, &e->in, sim->now_ns + RETRY_NS);
    } else if (e->state == SIM_END_LISTEN) {
        step_accept(sim, end);
    } else {
        step_recv(sim, end);
    }
}

/* ---- steps of the rest, in order ------------------------------------------------------ */

/* Each step says whether the first operation of the queue is done. */

static bool step_connect(struct sim *sim, uint32_t end, const struct sim_op *op)
{
    struct sim_end *e = &sim->ends[end];
    bool is_pending = e->state == SIM_END_NEW || e->state == SIM_END_CONNECTING;
    if (is_pending && op->is_canceled) {
        sim_net_drop(sim, end, true);
        e->state = SIM_END_FAILED;
        finish_out(sim, end, -VK_ECANCELED);
    } else if (e->state == SIM_END_NEW) {
        sim_net_connect(sim, end);
        return false;
    } else if (is_pending) {
        return false;
    } else {
        finish_out(sim, end, e->state == SIM_END_OPEN ? 0 : -VK_EREFUSED);
    }
    sim_driver_poke_in(sim, end);
    return true;
}

static bool step_send(struct sim *sim, uint32_t end, struct sim_op *op)
{
    struct sim_end *e = &sim->ends[end];
    int err = sim_net_send_error(e);
    if (err == 0 && op->is_canceled)
        err = op->done > 0 ? (int)op->done : -VK_ECANCELED;
    if (err != 0) {
        finish_out(sim, end, err);
        return true;
    }
    uint32_t left = op->req.len - op->done;
    uint32_t want = left;
    if (left > 1 && sim_chance(sim, sim->options.odds.partial_write)) {
        sim->counters.partial_writes++;
        want = (uint32_t)sim_rand_between(&sim->rand, 1, left - 1);
    }
    uint32_t n = sim_net_write(sim, end, (const uint8_t *)op->req.buf + op->done, want);
    op->done += n;
    if (op->done == op->req.len) {
        finish_out(sim, end, (int32_t)op->done);
        return true;
    }
    if (n == 0) {
        sim->counters.blocked_sends++;
        e->is_blocked = true;
    } else {
        sim_queue_add(sim, &e->out,
                      sim->now_ns + sim_rand_between(&sim->rand, 1, sim->options.latency_max_ns));
    }
    return false;
}

static void step_close(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    if (e->in_op != SIM_NONE)
        finish_in(sim, end, -VK_ECANCELED);
    sim_net_drop(sim, end, e->is_aborting);
    e->state = SIM_END_DEAD;
    while (e->out_first != SIM_NONE) {
        struct sim_op *op = &sim->ops[e->out_first];
        int32_t managed = op->done > 0 ? (int32_t)op->done : -VK_ECANCELED;
        finish_out(sim, end, op->req.code == PROC_IO_CLOSE ? 0 : managed);
    }
}

static bool step_out(struct sim *sim, uint32_t end, struct sim_op *op)
{
    switch ((enum proc_io_code)op->req.code) {
    case PROC_IO_CONNECT:
        return step_connect(sim, end, op);
    case PROC_IO_SEND:
        return step_send(sim, end, op);
    case PROC_IO_SHUTDOWN: {
        int err = sim_net_send_error(&sim->ends[end]);
        if (err == 0)
            sim_net_finish(sim, end);
        finish_out(sim, end, err);
        return true;
    }
    default:
        step_close(sim, end);
        return false;
    }
}

void sim_driver_out(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    if (e->is_aborting && e->out_first != SIM_NONE) {
        step_close(sim, end);
        return;
    }
    while (e->out_first != SIM_NONE && step_out(sim, end, &sim->ops[e->out_first]))
        ;
}

/* ---- the seam ------------------------------------------------------------------------- */

static struct sim *of(struct proc_io *io)
{
    return VK_CONTAINER(io, struct sim, io);
}

/* A connection or listener that the caller may name, else NULL. */
static struct sim_end *find(struct sim *sim, uint32_t conn)
{
    if (conn >= sim->options.ends_max)
        return NULL;
    struct sim_end *e = &sim->ends[conn];
    bool is_known = e->state != SIM_END_FREE && e->state != SIM_END_DEAD && !e->is_client && e->is_accepted;
    return is_known ? e : NULL;
}

/* A number for a listener or connection of the driver's own making. */
static uint32_t take_own(struct sim *sim)
{
    if (sim->conns_open >= sim->options.conns_max)
        return SIM_NONE;
    uint32_t end = sim_net_take(sim);
    if (end == SIM_NONE)
        return SIM_NONE;
    sim->ends[end].is_accepted = true;
    sim->conns_open++;
    return end;
}

static int op_listen(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                     struct proc_addr *ret_bound)
{
    struct sim *sim = of(io);
    if (addr->family != 4 && addr->family != 6)
        return -VK_EINVAL;
    uint32_t end = take_own(sim);
    if (end == SIM_NONE)
        return -VK_EMFILE;
    int err = sim_net_listen(sim, end, addr);
    if (err != 0) {
        sim->conns_open--;
        sim_net_free(sim, end);
        return err;
    }
    sim->ends[end].is_deferring = defer;
    *ret_bound = sim->ends[end].local;
    *ret_conn = end;
    return 0;
}

static int op_open(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn)
{
    struct sim *sim = of(io);
    if (addr->family != 4 && addr->family != 6)
        return -VK_EINVAL;
    uint32_t end = take_own(sim);
    if (end == SIM_NONE)
        return -VK_EMFILE;
    sim->ends[end].remote = *addr;
    *ret_conn = end;
    return 0;
}

static int check_request(const struct sim_end *e, const struct proc_io_req *req)
{
    bool is_listener = e->state == SIM_END_LISTEN;
    switch (req->code) {
    case PROC_IO_ACCEPT:
        return is_listener ? 0 : -VK_EINVAL;
    case PROC_IO_CLOSE:
        return 0;
    case PROC_IO_SEND:
    case PROC_IO_RECV_INTO:
        if (req->buf == NULL || req->len == 0 || req->len > INT32_MAX)
            return -VK_EINVAL;
        return is_listener ? -VK_EINVAL : 0;
    case PROC_IO_RECV:
    case PROC_IO_SHUTDOWN:
        return is_listener ? -VK_EINVAL : 0;
    case PROC_IO_CONNECT:
        return e->state == SIM_END_NEW && e->out_first == SIM_NONE ? 0 : -VK_EINVAL;
    default:
        return -VK_EINVAL;
    }
}

static struct sim_op *find_op(struct sim *sim, uint64_t tag)
{
    for (uint32_t i = 0; i < sim->ops_high; i++) {
        if (sim->ops[i].is_used && sim->ops[i].req.tag == tag)
            return &sim->ops[i];
    }
    return NULL;
}

static uint32_t take_op(struct sim *sim, const struct proc_io_req *req)
{
    uint32_t op = sim->op_free;
    struct sim_op *o = &sim->ops[op];
    sim->op_free = o->next;
    sim->ops_used++;
    if (op >= sim->ops_high)
        sim->ops_high = op + 1;
    *o = (struct sim_op){.req = *req, .serial = ++sim->serials, .next = SIM_NONE, .is_used = true};
    if (req->code == PROC_IO_SEND)
        o->buf_hash = hash_buf(req->buf, req->len);
    return op;
}

static void add_in(struct sim *sim, struct sim_end *e, uint32_t op)
{
    vk_assert(e->in_op == SIM_NONE); /* the caller keeps one receive in flight */
    e->in_op = op;
    poke(sim, &e->in);
}

static void add_out(struct sim *sim, struct sim_end *e, uint32_t op)
{
    const struct proc_io_req *req = &sim->ops[op].req;
    if (e->out_last == SIM_NONE)
        e->out_first = op;
    else
        sim->ops[e->out_last].next = op;
    e->out_last = op;
    if (req->code == PROC_IO_CLOSE) {
        e->is_closing = true;
        e->is_aborting = (req->flags & PROC_IO_ABORT) != 0;
        if (e->in_op != SIM_NONE)
            poke(sim, &e->in);
    }
    if (!e->is_blocked || e->is_aborting)
        poke(sim, &e->out);
}

static int op_submit(struct proc_io *io, const struct proc_io_req *req)
{
    struct sim *sim = of(io);
    struct sim_end *e = find(sim, req->conn);
    bool is_abort = req->code == PROC_IO_CLOSE && (req->flags & PROC_IO_ABORT) != 0;
    if (e == NULL || (e->is_closing && (!is_abort || e->is_aborting)))
        return -VK_EBADH;
    int err = check_request(e, req);
    if (err != 0)
        return err;
    bool is_full = sim->op_free == SIM_NONE || sim->ready_count + sim->ops_used + 1 > sim->ready_max;
    if (is_full || sim_chance(sim, sim->options.odds.overflow)) {
        sim->counters.overflows++;
        return -VK_EOVERFLOW;
    }
    vk_assert(find_op(sim, req->tag) == NULL);
    uint32_t op = take_op(sim, req);
    sim_note(sim, sim->ops[op].serial);
    sim_note(sim, (uint64_t)req->code << 56 | (uint64_t)req->conn << 24 | (req->len & 0xffffffu));
    if (req->code == PROC_IO_ACCEPT || req->code == PROC_IO_RECV || req->code == PROC_IO_RECV_INTO)
        add_in(sim, e, op);
    else
        add_out(sim, e, op);
    return 0;
}

static void op_cancel(struct proc_io *io, uint64_t tag)
{
    struct sim *sim = of(io);
    struct sim_op *op = find_op(sim, tag);
    if (op == NULL)
        return;
    struct sim_end *e = &sim->ends[op->req.conn];
    op->is_canceled = true;
    sim_note(sim, op->serial);
    if (e->in_op != SIM_NONE && &sim->ops[e->in_op] == op) {
        poke(sim, &e->in);
    } else {
        e->is_blocked = false;
        poke(sim, &e->out);
    }
}

/* The caller has had its look at the data of the last batch: spoil and reuse it. */
static void take_back(struct sim *sim)
{
    uint32_t size = sim->options.socket_bytes;
    uint32_t end;
    while ((end = sim->lending) != SIM_NONE) {
        struct sim_end *e = &sim->ends[end];
        sim->lending = e->lent_next;
        e->is_lending = false;
        uint32_t len = (uint32_t)(e->lent - e->released);
        uint32_t at = (uint32_t)(e->released & (size - 1));
        uint32_t part = len < size - at ? len : size - at;
        memset(e->ring + at, 0xdd, part);
        memset(e->ring, 0xdd, len - part);
        sim_net_release(sim, end, e->lent);
    }
    while ((end = sim->ends_dead) != SIM_NONE) {
        sim->ends_dead = sim->ends[end].next;
        sim_net_free(sim, end);
    }
}

static void run_due(struct sim *sim)
{
    struct sim_timer *timer;
    while ((timer = sim_queue_first(sim)) != NULL && timer->at_ns <= sim->now_ns) {
        uint32_t owner = timer->owner;
        bool is_client = timer->kind != SIM_TIMER_CALL && sim->ends[owner].is_client;
        sim_queue_remove(sim, timer);
        switch ((enum sim_timer_kind)timer->kind) {
        case SIM_TIMER_NET:
            sim_net_arrive(sim, owner);
            break;
        case SIM_TIMER_IN:
            (is_client ? sim_client_in : sim_driver_in)(sim, owner);
            break;
        case SIM_TIMER_OUT:
            (is_client ? sim_client_out : sim_driver_out)(sim, owner);
            break;
        case SIM_TIMER_CALL:
            sim_client_call(sim, owner);
            break;
        }
    }
}

/* Let things happen until there is a completion, a wake, or the deadline. */
static void run(struct sim *sim, uint64_t deadline_ns)
{
    for (;;) {
        run_due(sim);
        if (sim->ready_count > 0 || atomic_load(&sim->is_woken) || sim->now_ns >= deadline_ns)
            return;
        const struct sim_timer *next = sim_queue_first(sim);
        if (next == NULL && deadline_ns == UINT64_MAX) {
            sim->counters.stuck++;
            return;
        }
        sim->now_ns = next == NULL || next->at_ns > deadline_ns ? deadline_ns : next->at_ns;
    }
}

static void deliver(struct sim *sim, struct proc_io_event *event)
{
    struct sim_ready *r = &sim->ready[sim->ready_first];
    struct sim_end *e = &sim->ends[r->end];
    sim->ready_first = (sim->ready_first + 1) % sim->ready_max;
    sim->ready_count--;
    sim->counters.completions++;
    *event = r->event;
    sim_note(sim, r->serial);
    sim_note(sim, (uint64_t)r->event.flags << 32 | (uint32_t)r->event.res);
    if (r->event.data != NULL)
        sim_note_bytes(sim, r->event.data, r->lend);
    if (r->lend > 0) {
        e->lent += r->lend;
        if (!e->is_lending) {
            e->is_lending = true;
            e->lent_next = sim->lending;
            sim->lending = r->end;
        }
    }
    if (r->frees) {
        e->next = sim->ends_dead;
        sim->ends_dead = r->end;
        sim->conns_open--;
    }
}

static uint32_t op_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max, uint64_t deadline_ns,
                        uint64_t *ret_now_ns)
{
    struct sim *sim = of(io);
    const struct sim_odds *odds = &sim->options.odds;
    take_back(sim);
    sim->counters.waits++;
    sim->now_ns += sim_rand_between(&sim->rand, 1, sim->options.wait_cost_max_ns);
    if (sim_chance(sim, odds->jump)) {
        sim->counters.jumps++;
        sim->now_ns += sim_rand_between(&sim->rand, 1, sim->options.jump_max_ns);
    }
    uint32_t count = 0;
    if (sim_chance(sim, odds->spurious)) {
        sim->counters.spurious++;
    } else {
        run(sim, deadline_ns);
        atomic_store(&sim->is_woken, false);
        count = sim->ready_count < max ? sim->ready_count : max;
    }
    if (count > 1 && sim_chance(sim, odds->short_batch)) {
        sim->counters.short_batches++;
        count = (uint32_t)sim_rand_between(&sim->rand, 1, count - 1);
    }
    for (uint32_t i = 0; i < count; i++)
        deliver(sim, &events[i]);
    sim_note(sim, sim->now_ns);
    *ret_now_ns = sim->now_ns;
    return count;
}

static uint64_t op_now(struct proc_io *io)
{
    return of(io)->now_ns;
}

static void op_wake(struct proc_io *io)
{
    atomic_store(&of(io)->is_woken, true);
}

static int op_peer(struct proc_io *io, uint32_t conn, struct proc_addr *ret_addr)
{
    const struct sim_end *e = find(of(io), conn);
    if (e == NULL || e->state == SIM_END_LISTEN)
        return -VK_EBADH;
    *ret_addr = e->remote;
    return 0;
}

/* What the peer has read; once it has gone nothing changes any more. */
static uint64_t op_taken(struct proc_io *io, uint32_t conn)
{
    struct sim *sim = of(io);
    const struct sim_end *e = find(sim, conn);
    return e != NULL && e->peer != SIM_NONE ? sim->ends[e->peer].released : 0;
}

/* Everything the driver holds is reset; clients live on and hear of it. */
static void op_destroy(struct proc_io *io)
{
    struct sim *sim = of(io);
    for (uint32_t i = 0; i < sim->options.ends_max; i++) {
        struct sim_end *e = &sim->ends[i];
        if (e->state == SIM_END_FREE || e->is_client || e->listener != SIM_NONE)
            continue;
        if (e->state != SIM_END_DEAD)
            sim_net_drop(sim, i, true);
        sim_net_free(sim, i);
    }
    sim_driver_init(sim);
}

static const struct proc_io_ops driver_ops = {
    .name = "sim",
    .listen = op_listen,
    .open = op_open,
    .submit = op_submit,
    .cancel = op_cancel,
    .wait = op_wait,
    .now = op_now,
    .wake = op_wake,
    .peer = op_peer,
    .taken = op_taken,
    .destroy = op_destroy,
};

void sim_driver_init(struct sim *sim)
{
    sim->io.ops = &driver_ops;
    sim->op_free = SIM_NONE;
    for (uint32_t i = sim->options.ops_max; i-- > 0;) {
        sim->ops[i].is_used = false;
        sim->ops[i].next = sim->op_free;
        sim->op_free = i;
    }
    sim->ops_used = sim->ops_high = 0;
    sim->ready_first = sim->ready_count = 0;
    sim->conns_open = 0;
    sim->lending = sim->ends_dead = SIM_NONE;
}
