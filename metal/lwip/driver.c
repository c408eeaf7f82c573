/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and the wait. submit puts a request into the common table; lwIP
 * hears of it in the next wait, so that all that a tick sends leaves together.
 *
 * SENDs are copied into lwIP's segments: cancel and ABORT must give the
 * caller's buffer back at once, while segments in flight may be needed again
 * for as long as the peer likes. Received bytes are lent, up to the next wait,
 * from where the device or the copy of a frame has them.
 */
#include "metal/lwip/driver.h"

#include "metal/lwip/lwip_impl.h"
#include "vk/err.h"
#include "vk/plat.h"

#include <lwip/init.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/timeouts.h>

enum {
    WRITE_SEGMENTS = 4, /* handed to lwIP at once, which takes all or nothing */
};

#define MS_NS 1000000u

/* lwIP takes the port behind the one it begins with. */
_Static_assert(TCP_ENSURE_LOCAL_PORT_RANGE(0xffff) < TCP_LOCAL_PORT_RANGE_END, "it would come to port 0");
_Static_assert(TCP_ENSURE_LOCAL_PORT_RANGE(0x3ffe) == TCP_LOCAL_PORT_RANGE_END - 1, "the last one");

struct metal_lwip *metal_lwip_the;

static struct metal_lwip *of(struct proc_io *io)
{
    return (struct metal_lwip *)io;
}

/* The control block of a stream; NULL: it has none, or the entry is a listener's. */
static struct tcp_pcb *stream_of(const struct metal_lwip *d, uint32_t index)
{
    return d->table.conns[index].flags & NET_IO_CONN_LISTENS ? NULL : d->conns[index].s.pcb;
}

/* ---- outgoing --------------------------------------------------------------- */

enum progress { FINISHED, BLOCKED };

/* Give lwIP what it takes of a SEND now. */
static enum progress try_send(const struct metal_lwip *d, const struct metal_lwip_conn *conn,
                              struct net_op *op, int32_t *ret_res)
{
    struct tcp_pcb *pcb = conn->s.pcb;
    *ret_res = conn->s.tx_end != 0 ? conn->s.tx_end : -VK_ECLOSED;
    if (pcb == NULL || conn->s.tx_end != 0)
        return FINISHED;
    uint32_t share = metal_lwip_share(d);
    uint32_t most = (share < WRITE_SEGMENTS ? share : WRITE_SEGMENTS) * (uint32_t)tcp_mss(pcb);
    while ((uint32_t)op->res < op->len) {
        uint32_t left = op->len - (uint32_t)op->res;
        uint32_t len = left < tcp_sndbuf(pcb) ? left : tcp_sndbuf(pcb);
        len = len < most ? len : most;
        uint8_t flags = TCP_WRITE_FLAG_COPY | (len < left ? TCP_WRITE_FLAG_MORE : 0);
        if (len == 0 || pcb->snd_queuelen >= metal_lwip_share(d))
            return BLOCKED;
        if (tcp_write(pcb, op->buf + op->res, (u16_t)len, flags) == ERR_OK) {
            op->res += (int32_t)len;
        } else if (most > tcp_mss(pcb)) {
            most = tcp_mss(pcb); /* memory for a single segment may be left */
        } else {
            return BLOCKED;
        }
    }
    *ret_res = op->res;
    return FINISHED;
}

static enum progress try_connect(struct metal_lwip *d, uint32_t index, struct net_op *op, int32_t *ret_res)
{
    struct metal_lwip_conn *conn = &d->conns[index];
    if (op->state != NET_OP_ACTIVE) {
        op->state = NET_OP_ACTIVE;
        *ret_res = metal_lwip_connect(d, index);
        if (*ret_res != 0) {
            conn->s.tx_end = *ret_res;
            conn->s.rx_end = *ret_res;
        }
        return *ret_res == 0 ? BLOCKED : FINISHED;
    }
    if (conn->s.connected > 0)
        return BLOCKED;
    *ret_res = conn->s.connected;
    return FINISHED;
}

static enum progress try_out(struct metal_lwip *d, uint32_t index, struct net_op *op, int32_t *ret_res)
{
    if (op->code == PROC_IO_SEND)
        return try_send(d, &d->conns[index], op, ret_res);
    if (op->code == PROC_IO_CONNECT)
        return try_connect(d, index, op, ret_res);
    *ret_res = metal_lwip_finish(&d->conns[index]);
    return FINISHED;
}

static void close_now(struct metal_lwip *d, uint32_t index, bool abort)
{
    struct net_io_conn *entry = &d->table.conns[index];
    metal_lwip_drop(d, index, abort);
    entry->flags |= NET_IO_CONN_FD_GONE | NET_IO_CONN_CLOSED;
    net_close_done(&d->table, index);
}

/* Carry out the outgoing queue as far as it goes. True: it waits for memory that others hold. */
static bool flush_out(struct metal_lwip *d, uint32_t index)
{
    struct net_table *t = &d->table;
    struct net_io_conn *entry = &t->conns[index];
    bool is_starved = false;
    uint32_t first;
    while ((first = net_out_first(t, entry)) != 0) {
        int32_t res = 0;
        if (try_out(d, index, &t->ops[first], &res) == BLOCKED) {
            /* Nothing on its way means that nothing of its own will wake it. */
            struct tcp_pcb *pcb = d->conns[index].s.pcb;
            is_starved = pcb != NULL && pcb->state >= ESTABLISHED && pcb->snd_queuelen == 0;
            break;
        }
        net_out_pop(t, entry);
        net_done_push(t, first, res);
    }
    if (entry->out == 0 && entry->close != 0 && !(entry->flags & NET_IO_CONN_FD_GONE))
        close_now(d, index, false);
    struct tcp_pcb *pcb = stream_of(d, index);
    if (pcb != NULL && pcb->unsent != NULL)
        (void)tcp_output(pcb); /* what it cannot send now it sends from its timers */
    return is_starved;
}

/* Take the first connection out of a list; 0: it is empty. */
static uint32_t pop(struct metal_lwip *d, enum metal_lwip_work work)
{
    uint32_t index = d->works[work].first;
    d->works[work].first = d->conns[index].work_next[work]; /* entry 0 is never in a list */
    d->conns[index].has_work[work] = false;
    return index;
}

static void flush_unsent(struct metal_lwip *d)
{
    uint32_t index;
    while ((index = pop(d, METAL_LWIP_UNSENT)) != 0) {
        struct metal_lwip_conn *conn = &d->conns[index];
        if (flush_out(d, index) && !conn->has_work[METAL_LWIP_UNSENT]) {
            conn->has_work[METAL_LWIP_UNSENT] = true; /* in another list, by the same link */
            conn->work_next[METAL_LWIP_UNSENT] = d->starved_first;
            d->starved_first = index;
        }
    }
}

/* Memory may be free again: those who waited for it are tried anew. */
static void feed_starved(struct metal_lwip *d)
{
    while (d->starved_first != 0) {
        uint32_t index = d->starved_first;
        d->starved_first = d->conns[index].work_next[METAL_LWIP_UNSENT];
        d->conns[index].has_work[METAL_LWIP_UNSENT] = false;
        metal_lwip_push(d, METAL_LWIP_UNSENT, index);
    }
}

/* ---- incoming --------------------------------------------------------------- */

static void finish_in(struct metal_lwip *d, uint32_t index, int32_t res, struct proc_io_event *ev)
{
    uint32_t op = d->table.conns[index].in;
    d->table.conns[index].in = 0;
    net_op_finish(&d->table, op, res, ev);
}

/* Take the first piece out of the connection's chain. */
static struct pbuf *pop_piece(struct metal_lwip_state *s)
{
    struct pbuf *p = s->rx_first;
    s->rx_first = p->next;
    s->rx_pieces--;
    p->next = NULL;
    p->tot_len = p->len;
    return p;
}

static uint32_t copy_pieces(struct metal_lwip_state *s, uint8_t *room, uint32_t room_len)
{
    uint32_t len = 0;
    while (s->rx_first != NULL && len < room_len) {
        struct pbuf *p = s->rx_first;
        uint32_t part = p->len < room_len - len ? p->len : room_len - len;
        memcpy(room + len, p->payload, part);
        len += part;
        if (part == p->len) {
            pbuf_free(pop_piece(s));
        } else {
            p->payload = (uint8_t *)p->payload + part;
            p->len = (u16_t)(p->len - part);
        }
    }
    return len;
}

/* True when *ev was written. */
static bool try_recv(struct metal_lwip *d, uint32_t index, struct proc_io_event *ev)
{
    struct net_io_conn *entry = &d->table.conns[index];
    struct metal_lwip_conn *conn = &d->conns[index];
    const struct net_op *op = &d->table.ops[entry->in];
    bool may_come = conn->s.pcb != NULL || net_out_first(&d->table, entry) != 0;
    if (conn->s.rx_first == NULL) {
        if (conn->s.rx_end > 0 && may_come)
            return false;
        finish_in(d, index, conn->s.rx_end > 0 ? -VK_ECLOSED : conn->s.rx_end, ev);
        return true;
    }
    if (op->code == PROC_IO_RECV_INTO) {
        uint32_t len = copy_pieces(&conn->s, op->buf, op->len);
        conn->s.rx_lent_bytes += len;
        finish_in(d, index, (int32_t)len, ev);
    } else {
        struct pbuf *p = pop_piece(&conn->s);
        int32_t len = p->len;
        conn->s.rx_lent_bytes += p->len;
        p->next = d->lent_pieces;
        d->lent_pieces = p;
        if (op->flags & PROC_IO_MULTI)
            *ev = (struct proc_io_event){.tag = op->tag, .res = len, .flags = PROC_IO_MORE};
        else
            finish_in(d, index, len, ev);
        ev->data = p->payload;
    }
    metal_lwip_push(d, METAL_LWIP_TOUCHED, index);
    return true;
}

static bool try_accept(struct metal_lwip *d, uint32_t index, struct proc_io_event *ev)
{
    const struct net_op *op = &d->table.ops[d->table.conns[index].in];
    uint32_t made = metal_lwip_accept(d, index);
    if (made == 0)
        return false;
    int32_t number = (int32_t)net_io_conn_number(&d->table, made);
    *ev = (struct proc_io_event){.tag = op->tag, .res = number, .flags = PROC_IO_MORE};
    return true;
}

/* One completion for each connection in turn, so that a busy one cannot starve others. */
static uint32_t take_ready(struct metal_lwip *d, struct proc_io_event *events, uint32_t max)
{
    uint32_t count = 0;
    uint32_t index;
    while (count < max && (index = pop(d, METAL_LWIP_READY)) != 0) {
        struct net_io_conn *entry = &d->table.conns[index];
        if (entry->in == 0 || !(entry->flags & NET_IO_CONN_LIVE))
            continue; /* canceled or closed since */
        bool did = entry->flags & NET_IO_CONN_LISTENS ? try_accept(d, index, &events[count])
                                                      : try_recv(d, index, &events[count]);
        count += did;
        if (did && entry->in != 0)
            metal_lwip_push(d, METAL_LWIP_READY, index);
    }
    return count;
}

/* ---- requests --------------------------------------------------------------- */

static int op_listen(struct proc_io *io, const struct proc_addr *addr, bool defer, uint32_t *ret_conn,
                     struct proc_addr *ret_bound)
{
    struct metal_lwip *d = of(io);
    uint32_t index = net_io_conn_new(&d->table, -1, NET_IO_CONN_LISTENS);
    if (index == 0)
        return -VK_EMFILE;
    d->conns[index].s = (struct metal_lwip_state){.is_deferring = defer};
    int err = metal_lwip_bind(d, index, addr, ret_bound);
    if (err != 0) {
        net_io_conn_free(&d->table, index);
        return err;
    }
    *ret_conn = net_io_conn_number(&d->table, index);
    return 0;
}

static int op_open(struct proc_io *io, const struct proc_addr *addr, uint32_t *ret_conn)
{
    struct metal_lwip *d = of(io);
    ip_addr_t ip;
    if (!metal_lwip_addr_to(d, addr, &ip))
        return -VK_EINVAL;
    uint32_t index = net_io_conn_new(&d->table, -1, NET_IO_CONN_OPENED);
    if (index == 0)
        return -VK_EMFILE;
    d->conns[index].s = (struct metal_lwip_state){.rx_end = 1, .peer = *addr};
    *ret_conn = net_io_conn_number(&d->table, index);
    return 0;
}

static void cancel_op(struct metal_lwip *d, uint32_t index)
{
    struct net_table *t = &d->table;
    struct net_op *op = &t->ops[index];
    struct net_io_conn *entry = &t->conns[op->conn];
    if (op->state == NET_OP_DONE)
        return;
    if (entry->in == index)
        entry->in = 0;
    else
        net_out_remove(t, entry, index);
    if (op->code == PROC_IO_CONNECT && op->state == NET_OP_ACTIVE) {
        struct metal_lwip_state *s = &d->conns[op->conn].s;
        metal_lwip_drop(d, op->conn, true);
        s->tx_end = s->rx_end = -VK_ECLOSED;
    }
    /* A SEND says what it managed before. */
    net_done_push(t, index, op->code == PROC_IO_SEND && op->res > 0 ? op->res : -VK_ECANCELED);
}

static void submit_close(struct metal_lwip *d, uint32_t index, bool abort)
{
    struct net_io_conn *entry = &d->table.conns[index];
    if (entry->flags & NET_IO_CONN_FD_GONE)
        return;
    if (entry->in != 0)
        cancel_op(d, entry->in);
    while (abort && entry->out != 0)
        cancel_op(d, net_out_first(&d->table, entry));
    if (entry->out == 0)
        close_now(d, index, abort);
}

static int op_submit(struct proc_io *io, const struct proc_io_req *req)
{
    struct metal_lwip *d = of(io);
    uint32_t index, op;
    int start = net_table_take(&d->table, req, &index, &op);
    switch (start) {
    case NET_IO_START_NONE:
        return 0;
    case NET_IO_START_IN:
        metal_lwip_push(d, METAL_LWIP_READY, index);
        return 0;
    case NET_IO_START_OUT:
        metal_lwip_push(d, METAL_LWIP_UNSENT, index);
        return 0;
    case NET_IO_START_CLOSE:
        submit_close(d, index, req->flags & PROC_IO_ABORT);
        return 0;
    default:
        return start;
    }
}

static void op_cancel(struct proc_io *io, uint64_t tag)
{
    struct metal_lwip *d = of(io);
    uint32_t op = net_op_find(&d->table, tag);
    if (op == 0 || d->table.ops[op].code == PROC_IO_CLOSE)
        return;
    uint32_t index = d->table.ops[op].conn;
    cancel_op(d, op);
    metal_lwip_push(d, METAL_LWIP_READY, index);
    metal_lwip_push(d, METAL_LWIP_UNSENT, index);
}

static int op_peer(struct proc_io *io, uint32_t number, struct proc_addr *ret_addr)
{
    struct metal_lwip *d = of(io);
    uint32_t index = net_io_conn_index(&d->table, number);
    if (index == 0 || (d->table.conns[index].flags & (NET_IO_CONN_FD_GONE | NET_IO_CONN_LISTENS)))
        return -VK_EBADH;
    *ret_addr = d->conns[index].s.peer;
    return 0;
}

static uint64_t op_taken(struct proc_io *io, uint32_t number)
{
    struct metal_lwip *d = of(io);
    uint32_t index = net_io_conn_index(&d->table, number);
    if (index == 0 || (d->table.conns[index].flags & NET_IO_CONN_FD_GONE))
        return 0;
    return d->conns[index].s.acked + 1;
}

/* ---- waiting ---------------------------------------------------------------- */

static uint64_t op_now(struct proc_io *io)
{
    struct metal_lwip *d = of(io);
    return d->dev->ops->now(d->dev);
}

static void op_wake(struct proc_io *io)
{
    atomic_store_explicit(&of(io)->is_woken, true, memory_order_release);
}

/* What the last wait delivered is not looked at any more. */
static void take_back(struct metal_lwip *d)
{
    while (d->lent_pieces != NULL) {
        struct pbuf *p = d->lent_pieces;
        d->lent_pieces = p->next;
        p->next = NULL;
        pbuf_free(p);
    }
}

/*
 * Windows and acknowledgements of those that received something in the last
 * wait and had nothing to say meanwhile: a peer never waits for a delayed one.
 */
static void answer_touched(struct metal_lwip *d)
{
    struct metal_lwip_list list = d->works[METAL_LWIP_TOUCHED];
    d->works[METAL_LWIP_TOUCHED] = (struct metal_lwip_list){0}; /* those touched anew are for the next wait */
    while (list.first != 0) {
        uint32_t index = list.first;
        struct metal_lwip_conn *conn = &d->conns[index];
        list.first = conn->work_next[METAL_LWIP_TOUCHED];
        conn->has_work[METAL_LWIP_TOUCHED] = false;
        if (stream_of(d, index) != NULL)
            metal_lwip_open_window(d, conn);
        struct tcp_pcb *pcb = stream_of(d, index);
        if (pcb == NULL || !(pcb->flags & TF_ACK_DELAY))
            continue;
        tcp_ack_now(pcb);
        (void)tcp_output(pcb); /* else with the next segment */
    }
}

/* Whether something that went to ourselves is on its way. */
static bool has_loops(void)
{
    for (const struct netif *netif = netif_list; netif != NULL; netif = netif->next) {
        if (netif->loop_first != NULL)
            return true;
    }
    return false;
}

/* Call what needs all connections. */
static void with_all(struct metal_lwip *d, void (*fn)(void))
{
    metal_lwip_show(d, METAL_LWIP_BUCKET_ALL);
    fn();
    metal_lwip_hide(d);
}

/*
 * A probe of a closed window that is acknowledged may be all there was: lwIP
 * goes on probing, and stops when it has nothing to do it with.
 */
static void check_timeouts(void)
{
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->unsent == NULL || pcb->unacked != NULL)
            pcb->persist_backoff = 0;
    }
    sys_check_timeouts();
}

/* Frames in, timers, and what follows from both. */
static void turn(struct metal_lwip *d)
{
    metal_lwip_card_poll(d);
    if (sys_timeouts_sleeptime() == 0)
        with_all(d, check_timeouts);
    if (d->is_choked) {
        d->is_choked = false;
        with_all(d, tcp_txnow);
    }
    feed_starved(d);
    flush_unsent(d);
    if (has_loops())
        with_all(d, netif_poll_all);
    metal_lwip_trim(d);
    d->dev->ops->flush(d->dev);
}

static bool has_more(const struct metal_lwip *d)
{
    return has_loops() || d->works[METAL_LWIP_UNSENT].first != 0 || d->works[METAL_LWIP_READY].first != 0;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static void sleep_until(struct metal_lwip *d, uint64_t until_ns)
{
    uint32_t left_ms = sys_timeouts_sleeptime();
    if (left_ms == 0)
        return;
    if (left_ms != SYS_TIMEOUTS_SLEEPTIME_INFINITE) /* of a clock that counts whole milliseconds */
        until_ns = earlier(until_ns, (d->now_ns / MS_NS + left_ms) * MS_NS);
    if (d->is_choked)
        until_ns = earlier(until_ns, d->now_ns + MS_NS);
    until_ns = earlier(until_ns, metal_lwip_ripen(d));
    if (!has_more(d))
        d->dev->ops->wait(d->dev, until_ns);
}

static uint32_t gather(struct metal_lwip *d, struct proc_io_event *events, uint32_t max)
{
    uint32_t count = net_done_take(&d->table, events, max);
    return count + take_ready(d, events + count, max - count);
}

static bool take_wake(struct metal_lwip *d)
{
    return atomic_exchange_explicit(&d->is_woken, false, memory_order_acquire);
}

static uint32_t op_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max, uint64_t deadline_ns,
                        uint64_t *ret_now_ns)
{
    struct metal_lwip *d = of(io);
    uint32_t count;
    bool woken = false;
    d->now_ns = op_now(io);
    answer_touched(d);
    take_back(d);
    flush_unsent(d);
    for (;;) {
        turn(d);
        count = gather(d, events, max);
        woken = woken || take_wake(d);
        if (count > 0 || woken || d->now_ns >= deadline_ns)
            break;
        sleep_until(d, deadline_ns);
        d->now_ns = op_now(io);
    }
    *ret_now_ns = d->now_ns;
    return count;
}

/* ---- life ------------------------------------------------------------------- */

static void op_destroy(struct proc_io *io)
{
    struct metal_lwip *d = of(io);
    for (uint32_t i = 1; i < d->table.conns_fresh; i++) {
        bool is_listener = d->table.conns[i].flags & NET_IO_CONN_LISTENS;
        if (d->conns[i].s.pcb != NULL || d->conns[i].s.rx_first != NULL || is_listener)
            metal_lwip_drop(d, i, true);
    }
    take_back(d);
    metal_lwip_show(d, METAL_LWIP_BUCKET_ALL);
    while (tcp_active_pcbs != NULL)
        tcp_abort(tcp_active_pcbs);
    metal_lwip_hide(d);
    while (tcp_tw_pcbs != NULL)
        tcp_abort(tcp_tw_pcbs);
    metal_lwip_address_fini(d);
    metal_lwip_card_fini(d);
}

static const struct proc_io_ops lwip_ops = {
    .name = "lwip",
    .has_many_calls = false,
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

static struct metal_lwip_options with_defaults(const struct metal_lwip_options *options)
{
    struct metal_lwip_options o = *options;
    o.conns_max = o.conns_max != 0 ? o.conns_max : METAL_LWIP_CONNS_DEFAULT;
    o.buffers_bytes = o.buffers_bytes != 0 ? o.buffers_bytes : METAL_LWIP_BUFFERS_BYTES;
    return o;
}

VK_SELDOM size_t metal_lwip_region_bytes(const struct metal_lwip_options *options)
{
    struct metal_lwip_options o = with_defaults(options);
    size_t conns_bytes = ((size_t)o.conns_max + 1) * sizeof(struct metal_lwip_conn);
    return sizeof(struct metal_lwip) + net_table_bytes(o.conns_max) + conns_bytes + metal_lwip_mem_bytes(&o) +
           4 * VK_PAGE_BYTES;
}

static int init(struct metal_lwip *d, const struct metal_lwip_options *o, struct vk_region *region)
{
    void *table = vk_region_alloc(region, net_table_bytes(o->conns_max), VK_PAGE_BYTES);
    d->conns = vk_region_alloc(region, ((size_t)o->conns_max + 1) * sizeof(d->conns[0]), VK_CACHE_LINE_BYTES);
    if (table == NULL || d->conns == NULL)
        return -VK_ENOMEM;
    net_table_init(&d->table, o->conns_max, table);
    int err = metal_lwip_mem_init(&d->mem, o, region);
    if (err != 0)
        return err;
    d->window_segments = metal_lwip_window(&d->mem);
    if (plat_random(d->chance.words, sizeof(d->chance.words)) != 0 ||
        plat_random(d->chance.key, sizeof(d->chance.key)) != 0 ||
        plat_random(d->chance.bucket_keys, sizeof(d->chance.bucket_keys)) != 0)
        return -VK_EIO;
    d->bucket_shown = METAL_LWIP_BUCKET_NONE;
    d->chance.left = VK_COUNT(d->chance.words);
    return 0;
}

VK_SELDOM int metal_lwip_create(const struct metal_lwip_options *options, struct vk_region *region,
                                struct proc_io **ret_io)
{
    struct metal_lwip_options o = with_defaults(options);
    if (metal_lwip_the != NULL)
        return -VK_EADDRINUSE;
    if (o.conns_max > METAL_LWIP_CONNS_MAX || o.buffers_bytes < METAL_LWIP_BUFFERS_MIN_BYTES)
        return -VK_EINVAL;
    struct metal_lwip *d = vk_region_alloc(region, sizeof(*d), VK_CACHE_LINE_BYTES);
    if (d == NULL)
        return -VK_ENOMEM;
    d->io.ops = &lwip_ops;
    d->dev = o.dev;
    d->config = o.config;
    int err = init(d, &o, region);
    if (err != 0)
        return err;
    metal_lwip_the = d;
    d->now_ns = op_now(&d->io);
    lwip_init();
    err = metal_lwip_card_init(d);
    if (err != 0)
        return err;
    metal_lwip_address_init(d);
    *ret_io = &d->io;
    return 0;
}
