/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections between lwIP's control blocks and the entries of the driver.
 *
 * A connection that its owner has closed goes on without an entry while lwIP
 * still sends what it was given: its control block has call-backs of its own
 * (orphan_*), which reset it when the peer sends more or takes nothing.
 */
#include "metal/lwip/hooks.h"
#include "metal/lwip/lwip_impl.h"

#include <lwip/priv/tcp_priv.h>

enum {
    HALF_OPEN_TICKS = 500 / TCP_SLOW_INTERVAL, /* a handshake that takes longer gives way to a new one */
    ORPHAN_LOOK = 250, /* ticks of 2 * TCP_TMR_INTERVAL between two looks at an orphan: 25 s */
    RTO_FIRST = 1000 / TCP_SLOW_INTERVAL, /* ticks; RFC 6298 */
    TRIM_SLACK =
        METAL_LWIP_TIME_WAIT_MAX / 4, /* trimmed further than needed, so that it is not done each time */
};

/* ---- lists ------------------------------------------------------------------ */

void metal_lwip_push(struct metal_lwip *d, enum metal_lwip_work work, uint32_t index)
{
    struct metal_lwip_conn *conn = &d->conns[index];
    struct metal_lwip_list *list = &d->works[work];
    if (conn->has_work[work])
        return;
    conn->has_work[work] = true;
    conn->work_next[work] = 0;
    if (list->first == 0)
        list->first = index;
    else
        d->conns[list->last].work_next[work] = index;
    list->last = index;
}

/* ---- queues of connections that nobody has accepted yet --------------------- */

static struct metal_lwip_list queue_of(const struct metal_lwip *d, const struct metal_lwip_state *s)
{
    const struct metal_lwip_state *l = &d->conns[s->listener].s;
    if (s->queue == METAL_LWIP_QUEUE_DEFER)
        return d->deferred;
    return (struct metal_lwip_list){l->accept_first, l->accept_last};
}

static void queue_set(struct metal_lwip *d, const struct metal_lwip_state *s, struct metal_lwip_list list)
{
    struct metal_lwip_state *l = &d->conns[s->listener].s;
    if (s->queue == METAL_LWIP_QUEUE_DEFER) {
        d->deferred = list;
    } else {
        l->accept_first = list.first;
        l->accept_last = list.last;
    }
}

static void queue_add(struct metal_lwip *d, uint32_t index, enum metal_lwip_queue queue)
{
    struct metal_lwip_state *s = &d->conns[index].s;
    s->queue = (uint8_t)queue;
    struct metal_lwip_list list = queue_of(d, s);
    s->queue_next = 0;
    s->queue_prev = list.last;
    if (list.first == 0)
        list.first = index;
    else
        d->conns[list.last].s.queue_next = index;
    list.last = index;
    queue_set(d, s, list);
    if (queue == METAL_LWIP_QUEUE_ACCEPT)
        metal_lwip_push(d, METAL_LWIP_READY, s->listener);
}

static void queue_remove(struct metal_lwip *d, uint32_t index)
{
    struct metal_lwip_state *s = &d->conns[index].s;
    struct metal_lwip_list list = queue_of(d, s);
    if (s->queue_prev == 0)
        list.first = s->queue_next;
    else
        d->conns[s->queue_prev].s.queue_next = s->queue_next;
    if (s->queue_next == 0)
        list.last = s->queue_prev;
    else
        d->conns[s->queue_next].s.queue_prev = s->queue_prev;
    queue_set(d, s, list);
    s->queue = METAL_LWIP_QUEUE_NONE;
}

/* Something happened on a connection: who waited for its first bytes has seen them. */
static void queue_ripe(struct metal_lwip *d, uint32_t index)
{
    if (d->conns[index].s.queue != METAL_LWIP_QUEUE_DEFER)
        return;
    queue_remove(d, index);
    queue_add(d, index, METAL_LWIP_QUEUE_ACCEPT);
}

uint64_t metal_lwip_ripen(struct metal_lwip *d)
{
    while (d->deferred.first != 0) {
        uint64_t at_ns = d->conns[d->deferred.first].s.since_ns + METAL_LWIP_DEFER_NS;
        if (at_ns > d->now_ns)
            return at_ns;
        queue_ripe(d, d->deferred.first);
    }
    return UINT64_MAX;
}

uint32_t metal_lwip_accept(struct metal_lwip *d, uint32_t listener)
{
    uint32_t index = d->conns[listener].s.accept_first;
    if (index == 0)
        return 0;
    queue_remove(d, index);
    d->table.conns[index].flags |= NET_IO_CONN_LIVE;
    return index;
}

/* ---- what lwIP tells -------------------------------------------------------- */

static void unhook(struct tcp_pcb *pcb)
{
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    tcp_poll(pcb, NULL, 0);
}

/*
 * Both directions have ended and the peer knows it: lwIP frees such a block
 * without a word. While the end of the stream has not been told, it follows in
 * the very segment that is being worked on.
 */
static void part_if_over(struct metal_lwip_conn *conn)
{
    struct tcp_pcb *pcb = conn->s.pcb;
    if (pcb->state != TIME_WAIT || conn->s.rx_end > 0)
        return;
    unhook(pcb);
    conn->s.pcb = NULL;
}

/* Notify, and queue; the chain is taken apart since its total may pass 16 bits. */
static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    struct metal_lwip *d = metal_lwip_the;
    struct metal_lwip_conn *conn = arg;
    struct metal_lwip_state *s = &conn->s;
    uint32_t index = metal_lwip_index(d, conn);
    (void)err;
    if (p == NULL) {
        s->rx_end = 0;
        part_if_over(conn);
    } else {
        uint32_t pieces = pbuf_clen(p);
        /* Behind the end of the stream lwIP may throw away what it keeps. */
        if (s->rx_pieces != 0 && s->rx_pieces + pieces > metal_lwip_share(d) && pcb->state <= FIN_WAIT_2)
            return ERR_MEM;
        if (s->rx_first == NULL)
            s->rx_first = p;
        else
            s->rx_last->next = p;
        while (p->next != NULL)
            p = p->next;
        s->rx_last = p;
        s->rx_pieces += pieces;
        metal_lwip_push(d, METAL_LWIP_TOUCHED, index);
    }
    queue_ripe(d, index);
    metal_lwip_push(d, METAL_LWIP_READY, index);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct metal_lwip *d = metal_lwip_the;
    struct metal_lwip_conn *conn = arg;
    uint32_t index = metal_lwip_index(d, conn);
    (void)pcb;
    conn->s.acked += len;
    if (d->table.conns[index].out != 0)
        metal_lwip_push(d, METAL_LWIP_UNSENT, index);
    part_if_over(conn);
    return ERR_OK;
}

/* The block is gone already. */
static void on_err(void *arg, err_t err)
{
    struct metal_lwip *d = metal_lwip_the;
    struct metal_lwip_conn *conn = arg;
    struct metal_lwip_state *s = &conn->s;
    uint32_t index = metal_lwip_index(d, conn);
    int32_t why = err == ERR_RST ? -VK_ERESET : -VK_ETIMEDOUT;
    s->pcb = NULL;
    if (err == ERR_CLSD) /* ended in order, both ways */
        why = -VK_ECLOSED;
    else if (s->rx_end > 0)
        s->rx_end = why;
    if (s->connected > 0)
        s->connected = err == ERR_RST ? -VK_EREFUSED : -VK_ETIMEDOUT;
    if (s->tx_end == 0 || why != -VK_ECLOSED)
        s->tx_end = why;
    queue_ripe(d, index);
    metal_lwip_push(d, METAL_LWIP_READY, index);
    metal_lwip_push(d, METAL_LWIP_UNSENT, index);
}

/*
 * lwIP promises every peer the largest window there is. What this machine can
 * keep may be less; nothing has come yet, and less than what the first
 * segments of a connection carry it never is.
 *
 * lwIP makes no segment longer than half of the largest window that the peer
 * has shown, and full ones while half of it is nothing; when it then shows a
 * small one, lwIP stops at those in its queue. A peer that begins so keeps
 * full ones, which are split for its window.
 */
static void set_windows(const struct metal_lwip *d, struct tcp_pcb *pcb)
{
    tcpwnd_size_t most = (tcpwnd_size_t)(d->window_segments * TCP_MSS);
    pcb->snd_buf = most;
    if (pcb->snd_wnd_max < 2)
        pcb->snd_wnd_max = 2u * pcb->mss;
    if (pcb->rcv_wnd <= most)
        return;
    pcb->rcv_wnd = pcb->rcv_ann_wnd = most;
    pcb->rcv_ann_right_edge = pcb->rcv_nxt + most;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct metal_lwip *d = metal_lwip_the;
    struct metal_lwip_conn *conn = arg;
    (void)err;
    conn->s.connected = 0;
    set_windows(d, pcb);
    metal_lwip_push(d, METAL_LWIP_UNSENT, metal_lwip_index(d, conn));
    return ERR_OK;
}

static void hook(struct metal_lwip_conn *conn, struct tcp_pcb *pcb)
{
    conn->s.pcb = pcb;
    if (pcb->rto > RTO_FIRST) /* lwIP begins with three seconds, as was advised before RFC 6298 */
        pcb->rto = pcb->sv = RTO_FIRST;
    tcp_arg(pcb, conn);
    tcp_recv(pcb, on_recv);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_err);
    tcp_nagle_disable(pcb); /* a tick's sends leave together, and nothing is gained by waiting longer */
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct metal_lwip *d = metal_lwip_the;
    struct metal_lwip_conn *listener = arg;
    if (err != ERR_OK || pcb == NULL)
        return ERR_VAL;
    uint32_t index = net_io_conn_new(&d->table, -1, 0);
    if (index == 0)
        return ERR_MEM;                                         /* lwIP resets it */
    d->table.conns[index].flags &= (uint16_t)~NET_IO_CONN_LIVE; /* nobody knows its number yet */
    struct metal_lwip_conn *conn = &d->conns[index];
    conn->s = (struct metal_lwip_state){
        .rx_end = 1,
        .since_ns = d->now_ns,
        .listener = metal_lwip_index(d, listener),
    };
    metal_lwip_addr_from(&pcb->remote_ip, pcb->remote_port, &conn->s.peer);
    hook(conn, pcb);
    set_windows(d, pcb);
    queue_add(d, index, listener->s.is_deferring ? METAL_LWIP_QUEUE_DEFER : METAL_LWIP_QUEUE_ACCEPT);
    return ERR_OK;
}

/* ---- room for new ones ------------------------------------------------------ */

static uint32_t look_for_half_open(struct tcp_pcb *first, struct tcp_pcb **oldest)
{
    uint32_t count = 0;
    for (struct tcp_pcb *pcb = first; pcb != NULL; pcb = pcb->next) {
        if (pcb->state != SYN_RCVD)
            continue;
        count++;
        if (*oldest == NULL || (int32_t)(pcb->tmr - (*oldest)->tmr) <= 0)
            *oldest = pcb;
    }
    return count;
}

/* How many handshakes have not ended, and the one that heard nothing for the longest. */
static uint32_t count_half_open(const struct metal_lwip *d, struct tcp_pcb **ret_oldest)
{
    *ret_oldest = NULL;
    uint32_t count = look_for_half_open(tcp_active_pcbs, ret_oldest);
    for (uint32_t i = 0; i < METAL_LWIP_BUCKETS; i++)
        count += look_for_half_open(d->buckets[i], ret_oldest);
    return count;
}

/*
 * Every handshake must find an entry at its end. When they may be too many, an
 * old one gives way; else the SYN is dropped, and comes again.
 */
static bool has_room(struct metal_lwip *d)
{
    const struct metal_lwip_class *blocks = &d->mem.classes[METAL_LWIP_CLASS_PCB];
    uint32_t conns_max = d->table.conns_len - 1;
    bool is_short = blocks->in_use == blocks->max && tcp_tw_pcbs == NULL;
    struct tcp_pcb *oldest;
    if (!is_short && d->table.conns_live + METAL_LWIP_HALF_OPEN_MAX < conns_max)
        return true;
    uint32_t half = count_half_open(d, &oldest);
    if (!is_short && d->table.conns_live + half < conns_max)
        return true;
    if (oldest == NULL || tcp_ticks - oldest->tmr < HALF_OPEN_TICKS)
        return false;
    metal_lwip_abandon(d, oldest, false);
    return true;
}

/*
 * Where our window is closed, lwIP answers even an acknowledgement that says
 * nothing new. When the peer does the same, both would do so for ever.
 */
static bool is_echo(const struct tcp_pcb *pcb, const struct tcp_hdr *hdr, const struct pbuf *payload)
{
    return pcb->rcv_wnd == 0 && payload->tot_len == 0 && TCPH_FLAGS(hdr) == TCP_ACK &&
           hdr->seqno == pcb->rcv_nxt && hdr->ackno == pcb->lastack &&
           (tcpwnd_size_t)SND_WND_SCALE(pcb, hdr->wnd) == pcb->snd_wnd;
}

static u8_t *option_at(const struct metal_lwip_options_of *options, uint32_t at)
{
    return at < options->first_len ? options->first + at : options->rest + (at - options->first_len);
}

/*
 * A size of segments holds from the handshake on. lwIP would take another at
 * any time, and stop at what it has queued that is longer. What is blanked is
 * gone over as lwIP will: byte by byte, whatever length it claimed.
 */
static void blank_late_sizes(const struct metal_lwip_options_of *options)
{
    for (uint32_t at = 0; at + LWIP_TCP_OPT_LEN_MSS <= options->len;) {
        u8_t kind = *option_at(options, at), len = *option_at(options, at + 1);
        if (kind == LWIP_TCP_OPT_EOL || (kind != LWIP_TCP_OPT_NOP && len < 2))
            return;
        for (uint32_t i = 0; kind == LWIP_TCP_OPT_MSS && i < LWIP_TCP_OPT_LEN_MSS; i++)
            *option_at(options, at + i) = LWIP_TCP_OPT_NOP;
        at += kind == LWIP_TCP_OPT_NOP ? 1 : kind == LWIP_TCP_OPT_MSS ? LWIP_TCP_OPT_LEN_MSS : len;
    }
}

err_t metal_lwip_admit(const struct tcp_pcb *pcb, struct tcp_hdr *hdr, struct metal_lwip_options_of options,
                       const struct pbuf *payload)
{
    if (pcb->state >= ESTABLISHED) {
        blank_late_sizes(&options);
        return is_echo(pcb, hdr, payload) ? ERR_VAL : ERR_OK;
    }
    if (pcb->state != LISTEN)
        return ERR_OK;
    return !(TCPH_FLAGS(hdr) & TCP_SYN) || has_room(metal_lwip_the) ? ERR_OK : ERR_MEM;
}

void metal_lwip_trim(struct metal_lwip *d)
{
    uint32_t keep = METAL_LWIP_TIME_WAIT_MAX;
    if (d->mem.classes[METAL_LWIP_CLASS_PCB].in_use <= d->table.conns_live + keep)
        return;
    struct tcp_pcb *pcb = tcp_tw_pcbs; /* the youngest first */
    for (uint32_t i = 0; pcb != NULL && i < keep - TRIM_SLACK; i++)
        pcb = pcb->next;
    while (pcb != NULL && pcb->next != NULL)
        tcp_abort(pcb->next); /* says nothing to the peer */
}

/* ---- closed, not yet over --------------------------------------------------- */

static err_t orphan_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    (void)arg, (void)err;
    if (p == NULL)
        return ERR_OK;
    pbuf_free(p);
    tcp_abort(pcb); /* nobody will read it */
    return ERR_ABRT;
}

/* arg: what the peer had acknowledged at the last look. */
static err_t orphan_poll(void *arg, struct tcp_pcb *pcb)
{
    if (pcb->state == FIN_WAIT_2 || (uintptr_t)arg == pcb->lastack) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    tcp_arg(pcb, (void *)(uintptr_t)pcb->lastack);
    return ERR_OK;
}

static void make_orphan(struct tcp_pcb *pcb)
{
    unhook(pcb);
    tcp_recv(pcb, orphan_recv);
    tcp_arg(pcb, (void *)(uintptr_t)pcb->lastack);
    tcp_poll(pcb, orphan_poll, ORPHAN_LOOK);
}

/* ---- what the driver asks --------------------------------------------------- */

int metal_lwip_connect(struct metal_lwip *d, uint32_t index)
{
    struct metal_lwip_conn *conn = &d->conns[index];
    ip_addr_t ip;
    (void)metal_lwip_addr_to(d, &conn->s.peer, &ip); /* open refused other families */
    struct tcp_pcb *pcb = tcp_new_ip_type(IP_GET_TYPE(&ip));
    if (pcb == NULL)
        return -VK_ENOMEM;
    hook(conn, pcb);
    conn->s.connected = 1;
    metal_lwip_show(d, METAL_LWIP_BUCKET_ALL); /* it looks for a port that nobody uses */
    err_t err = tcp_connect(pcb, &ip, conn->s.peer.port, on_connected);
    if (err != ERR_OK) {
        unhook(pcb);
        conn->s.pcb = NULL;
        tcp_abort(pcb);
    }
    metal_lwip_hide(d);
    if (err == ERR_OK)
        return 0;
    return err == ERR_RTE ? -VK_EUNREACH : err == ERR_VAL ? -VK_EINVAL : -VK_ENOMEM;
}

int metal_lwip_bind(struct metal_lwip *d, uint32_t index, const struct proc_addr *addr,
                    struct proc_addr *ret_bound)
{
    struct metal_lwip_conn *conn = &d->conns[index];
    ip_addr_t ip;
    if (!metal_lwip_addr_to(d, addr, &ip))
        return -VK_EINVAL;
    struct tcp_pcb *pcb = tcp_new_ip_type(IP_GET_TYPE(&ip));
    if (pcb == NULL)
        return -VK_EMFILE;
    ip_set_option(pcb, SOF_REUSEADDR); /* connections of an earlier listener are no obstacle */
    metal_lwip_show(d, METAL_LWIP_BUCKET_ALL);
    err_t err = tcp_bind(pcb, &ip, addr->port);
    struct tcp_pcb *listening = err == ERR_OK ? tcp_listen_with_backlog_and_err(pcb, 0xff, &err) : NULL;
    if (listening == NULL)
        tcp_abort(pcb);
    metal_lwip_hide(d);
    if (listening == NULL)
        return err == ERR_USE ? -VK_EADDRINUSE : -VK_EMFILE;
    conn->s.pcb = listening;
    tcp_arg(listening, conn);
    tcp_accept(listening, on_accept);
    *ret_bound = *addr;
    ret_bound->port = listening->local_port;
    return 0;
}

void metal_lwip_open_window(struct metal_lwip *d, struct metal_lwip_conn *conn)
{
    uint32_t len = conn->s.rx_lent_bytes;
    conn->s.rx_lent_bytes = 0;
    if (conn->s.pcb == NULL)
        return;
    for (uint32_t part; len > 0; len -= part) {
        part = len < UINT16_MAX ? len : UINT16_MAX;
        tcp_recved(conn->s.pcb, (u16_t)part);
    }
    /* What did not fit the pieces of the connection is with lwIP. */
    if (conn->s.pcb->refused_data != NULL && conn->s.rx_pieces <= metal_lwip_share(d) / 2 &&
        tcp_process_refused_data(conn->s.pcb) == ERR_OK)
        metal_lwip_push(d, METAL_LWIP_TOUCHED, metal_lwip_index(d, conn));
}

int metal_lwip_finish(struct metal_lwip_conn *conn)
{
    struct metal_lwip_state *s = &conn->s;
    if (s->tx_end != 0)
        return s->tx_end == -VK_ECLOSED ? 0 : s->tx_end;
    if (s->pcb == NULL)
        return -VK_ECLOSED; /* was never connected */
    s->tx_end = -VK_ECLOSED;
    /* Without memory for the segment lwIP tries again by itself. */
    return tcp_shutdown(s->pcb, 0, 1) == ERR_OK ? 0 : -VK_ECLOSED;
}

static void free_rx(struct metal_lwip_state *s)
{
    while (s->rx_first != NULL) {
        struct pbuf *p = s->rx_first;
        s->rx_first = p->next;
        p->next = NULL;
        p->tot_len = p->len;
        pbuf_free(p);
    }
    s->rx_pieces = 0;
}

static void drop_listener(struct metal_lwip *d, uint32_t index)
{
    struct tcp_pcb *pcb = d->conns[index].s.pcb;
    d->conns[index].s.pcb = NULL;
    for (uint32_t i = 1; i < d->table.conns_fresh; i++) {
        struct metal_lwip_state *s = &d->conns[i].s;
        if (s->queue == METAL_LWIP_QUEUE_NONE || s->listener != index)
            continue;
        queue_remove(d, i);
        metal_lwip_drop(d, i, true);
        net_io_conn_free(&d->table, i);
    }
    metal_lwip_show(d, METAL_LWIP_BUCKET_ALL); /* handshakes under way forget it */
    (void)tcp_close(pcb);                      /* cannot fail for a listener */
    metal_lwip_hide(d);
}

void metal_lwip_drop(struct metal_lwip *d, uint32_t index, bool abort)
{
    struct metal_lwip_conn *conn = &d->conns[index];
    if (d->table.conns[index].flags & NET_IO_CONN_LISTENS) {
        drop_listener(d, index);
        return;
    }
    metal_lwip_open_window(d, conn);
    struct tcp_pcb *pcb = conn->s.pcb;
    bool is_unread = conn->s.rx_first != NULL || (pcb != NULL && pcb->refused_data != NULL);
    free_rx(&conn->s);
    if (pcb == NULL)
        return;
    conn->s.pcb = NULL;
    bool is_open = pcb->state >= ESTABLISHED;
    if (abort || is_unread || !is_open) {
        unhook(pcb);
        metal_lwip_abandon(d, pcb, true);
        return;
    }
    make_orphan(pcb);
    if (conn->s.tx_end == 0)
        (void)tcp_shutdown(pcb, 0, 1); /* without memory lwIP tries again by itself */
}
