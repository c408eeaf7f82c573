/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual network: ends, listeners and the segments between them. It
 * behaves like TCP as a socket sees it on Linux: streams in order, a bounded
 * buffer, FIN after what was sent, a reset instead of it when unread bytes
 * are thrown away, and a reset in answer to bytes for an end that is gone.
 */
#include "sim/sim_impl.h"
#include "vk/err.h"

#define SYN_TRIES_MAX   6u
#define SYN_RETRY_NS    1000000000u
#define DEFER_MAX_NS    1000000000u
#define PORT_FIRST      49152u
#define PORTS_EPHEMERAL 16384u

static uint64_t draw_latency(struct sim *sim)
{
    const struct sim_options *o = &sim->options;
    uint64_t latency_ns = sim_rand_between(&sim->rand, o->latency_min_ns, o->latency_max_ns);
    if (sim_chance(sim, o->odds.delay)) {
        sim->counters.delays++;
        latency_ns += sim_rand_between(&sim->rand, 0, o->delay_max_ns);
    }
    return latency_ns;
}

static struct sim_segment *segment_at(struct sim_end *e, uint32_t i)
{
    return &e->segments[(e->segment_first + i) % SIM_SEGMENTS];
}

/* Send a segment towards end. Segments arrive in the order sent. */
static void push_segment(struct sim *sim, uint32_t end, enum sim_segment_kind kind, uint32_t len)
{
    struct sim_end *e = &sim->ends[end];
    uint64_t at_ns = sim->now_ns + draw_latency(sim);
    struct sim_segment *last = e->segment_count == 0 ? NULL : segment_at(e, e->segment_count - 1);
    sim->counters.segments++;
    if (last != NULL && last->at_ns > at_ns)
        at_ns = last->at_ns;
    if (kind == SIM_SEGMENT_RST)
        e->rst_coming = true;
    /* Places are kept for FIN and RST; each comes once at most. */
    if (kind == SIM_SEGMENT_DATA && e->segment_count >= SIM_SEGMENTS - 2) {
        last->at_ns = at_ns;
        last->len += len;
        return;
    }
    vk_assert(e->segment_count < SIM_SEGMENTS);
    *segment_at(e, e->segment_count++) = (struct sim_segment){at_ns, len, kind};
    sim_queue_add(sim, &e->net, segment_at(e, 0)->at_ns);
}

uint32_t sim_net_take(struct sim *sim)
{
    uint32_t end = sim->end_free;
    if (end == SIM_NONE)
        return SIM_NONE;
    struct sim_end *e = &sim->ends[end];
    uint8_t *ring = e->ring;
    sim->end_free = e->next;
    memset(e, 0, sizeof(*e));
    e->ring = ring;
    e->peer = e->next = e->listener = SIM_NONE;
    e->backlog_first = e->backlog_last = SIM_NONE;
    e->in_op = e->out_first = e->out_last = SIM_NONE;
    e->net.owner = e->in.owner = e->out.owner = end;
    e->net.kind = SIM_TIMER_NET;
    e->in.kind = SIM_TIMER_IN;
    e->out.kind = SIM_TIMER_OUT;
    e->state = SIM_END_NEW;
    return end;
}

void sim_net_free(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    vk_assert(e->state != SIM_END_FREE && e->peer == SIM_NONE);
    sim_queue_remove(sim, &e->net);
    sim_queue_remove(sim, &e->in);
    sim_queue_remove(sim, &e->out);
    e->state = SIM_END_FREE;
    e->next = sim->end_free;
    sim->end_free = end;
}

/* ---- addresses --------------------------------------------------------------- */

static bool is_any(const struct proc_addr *addr)
{
    static const uint8_t zero[16];
    return memcmp(addr->ip, zero, addr->family == 4 ? 4 : 16) == 0;
}

static bool is_same_host(const struct proc_addr *a, const struct proc_addr *b)
{
    return memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

/* The listener that a SYN to addr reaches, SIM_NONE when there is none. */
static uint32_t find_listener(const struct sim *sim, const struct proc_addr *addr)
{
    for (uint32_t i = 0; i < sim->options.ends_max; i++) {
        const struct sim_end *e = &sim->ends[i];
        if (e->state == SIM_END_LISTEN && e->local.family == addr->family && e->local.port == addr->port &&
            (is_any(&e->local) || is_same_host(&e->local, addr)))
            return i;
    }
    return SIM_NONE;
}

static bool is_port_taken(const struct sim *sim, const struct proc_addr *addr)
{
    for (uint32_t i = 0; i < sim->options.ends_max; i++) {
        const struct sim_end *e = &sim->ends[i];
        if (e->state == SIM_END_LISTEN && e->local.family == addr->family && e->local.port == addr->port &&
            (is_any(&e->local) || is_any(addr) || is_same_host(&e->local, addr)))
            return true;
    }
    return false;
}

static uint16_t next_port(struct sim *sim)
{
    uint32_t port = PORT_FIRST + sim->port_next % PORTS_EPHEMERAL;
    sim->port_next++;
    return (uint16_t)port;
}

int sim_net_listen(struct sim *sim, uint32_t end, const struct proc_addr *addr)
{
    struct proc_addr local = *addr;
    uint32_t tries = 0;
    if (local.port == 0)
        local.port = next_port(sim);
    while (is_port_taken(sim, &local)) {
        if (addr->port != 0 || ++tries == PORTS_EPHEMERAL)
            return -VK_EADDRINUSE;
        local.port = next_port(sim);
    }
    sim->ends[end].local = local;
    sim->ends[end].state = SIM_END_LISTEN;
    return 0;
}

/* ---- connecting --------------------------------------------------------------- */

void sim_net_connect(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    e->state = SIM_END_CONNECTING;
    e->local = e->remote;
    e->local.port = next_port(sim);
    sim->counters.connects++;
    sim_queue_add(sim, &e->net, sim->now_ns + draw_latency(sim));
}

static void join_backlog(struct sim *sim, uint32_t listener, uint32_t end)
{
    struct sim_end *l = &sim->ends[listener];
    if (l->backlog_last == SIM_NONE)
        l->backlog_first = end;
    else
        sim->ends[l->backlog_last].next = end;
    l->backlog_last = end;
    l->backlog_count++;
    sim->ends[end].listener = listener;
    sim->ends[end].next = SIM_NONE;
}

static void leave_backlog(struct sim *sim, uint32_t listener, uint32_t end)
{
    struct sim_end *l = &sim->ends[listener];
    uint32_t before = SIM_NONE;
    uint32_t at = l->backlog_first;
    while (at != end) {
        before = at;
        at = sim->ends[at].next;
    }
    if (before == SIM_NONE)
        l->backlog_first = sim->ends[end].next;
    else
        sim->ends[before].next = sim->ends[end].next;
    if (l->backlog_last == end)
        l->backlog_last = before;
    l->backlog_count--;
    sim->ends[end].listener = SIM_NONE;
    sim->ends[end].next = SIM_NONE;
}

/* The SYN of end has reached the host it asked for. */
static void syn_arrives(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    uint32_t listener = find_listener(sim, &e->remote);
    bool is_unlucky = listener != SIM_NONE && sim_chance(sim, sim->options.odds.refuse);
    if (listener == SIM_NONE || is_unlucky || e->syn_tries == SYN_TRIES_MAX) {
        sim->counters.refusals++;
        push_segment(sim, end, SIM_SEGMENT_RST, 0);
        return;
    }
    bool is_full = sim->ends[listener].backlog_count >= sim->options.backlog_max;
    uint32_t made = is_full ? SIM_NONE : sim_net_take(sim);
    if (made == SIM_NONE) {
        sim_queue_add(sim, &e->net, sim->now_ns + ((uint64_t)SYN_RETRY_NS << e->syn_tries++));
        return;
    }
    struct sim_end *b = &sim->ends[made];
    b->state = SIM_END_OPEN;
    b->local = e->remote;
    b->remote = e->local;
    b->peer = end;
    b->born_ns = sim->now_ns;
    e->peer = made;
    join_backlog(sim, listener, made);
    push_segment(sim, end, SIM_SEGMENT_SYNACK, 0);
    sim_driver_poke_in(sim, listener);
    if (sim->ends[listener].is_deferring)
        sim_queue_add(sim, &b->in, sim->now_ns + DEFER_MAX_NS);
}

static bool is_acceptable(const struct sim *sim, const struct sim_end *listener, const struct sim_end *e)
{
    return !listener->is_deferring || e->arrived > 0 || e->fin_arrived || e->rst_arrived ||
           sim->now_ns - e->born_ns >= DEFER_MAX_NS;
}

static uint32_t find_acceptable(const struct sim *sim, uint32_t listener)
{
    uint32_t at = sim->ends[listener].backlog_first;
    while (at != SIM_NONE && !is_acceptable(sim, &sim->ends[listener], &sim->ends[at]))
        at = sim->ends[at].next;
    return at;
}

bool sim_net_can_accept(const struct sim *sim, uint32_t listener)
{
    return find_acceptable(sim, listener) != SIM_NONE;
}

uint32_t sim_net_accept(struct sim *sim, uint32_t listener)
{
    uint32_t end = find_acceptable(sim, listener);
    if (end != SIM_NONE) {
        leave_backlog(sim, listener, end);
        sim->counters.accepts++;
    }
    return end;
}

/* ---- streams -------------------------------------------------------------------- */

static void ring_put(struct sim *sim, struct sim_end *to, const uint8_t *buf, uint32_t len)
{
    uint32_t size = sim->options.socket_bytes;
    uint32_t at = (uint32_t)(to->written & (size - 1));
    uint32_t part = len < size - at ? len : size - at;
    memcpy(to->ring + at, buf, part);
    memcpy(to->ring, buf + part, len - part);
    to->written += len;
}

int sim_net_send_error(const struct sim_end *e)
{
    if (e->rst_arrived)
        return -VK_ERESET;
    return e->state == SIM_END_OPEN && !e->fin_sent ? 0 : -VK_ECLOSED;
}

/* The connection breaks: either end hears of it by a reset. */
static void break_connection(struct sim *sim, uint32_t end)
{
    uint32_t peer = sim->ends[end].peer;
    sim->counters.resets++;
    sim->ends[end].peer = SIM_NONE;
    sim->ends[peer].peer = SIM_NONE;
    if (!sim->ends[end].rst_coming)
        push_segment(sim, end, SIM_SEGMENT_RST, 0);
    if (!sim->ends[peer].rst_coming)
        push_segment(sim, peer, SIM_SEGMENT_RST, 0);
}

uint32_t sim_net_write(struct sim *sim, uint32_t end, const uint8_t *buf, uint32_t len)
{
    struct sim_end *e = &sim->ends[end];
    if (e->peer != SIM_NONE && sim_chance(sim, sim->options.odds.reset))
        break_connection(sim, end);
    if (e->peer == SIM_NONE) { /* one segment into the void; a reset will answer it */
        if (e->rst_coming)
            return 0;
        push_segment(sim, end, SIM_SEGMENT_RST, 0);
        return len < sim->options.socket_bytes ? len : sim->options.socket_bytes;
    }
    struct sim_end *to = &sim->ends[e->peer];
    uint32_t room = sim->options.socket_bytes - (uint32_t)(to->written - to->released);
    uint32_t n = len < room ? len : room;
    if (n == 0)
        return 0;
    ring_put(sim, to, buf, n);
    sim->counters.bytes += n;
    push_segment(sim, e->peer, SIM_SEGMENT_DATA, n);
    return n;
}

void sim_net_finish(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    if (e->fin_sent)
        return;
    e->fin_sent = true;
    if (e->peer != SIM_NONE && !sim->ends[e->peer].rst_coming)
        push_segment(sim, e->peer, SIM_SEGMENT_FIN, 0);
}

/* A send of end that waited for room may go on, once word of the room has travelled. */
static void unblock(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    if (!e->is_blocked)
        return;
    e->is_blocked = false;
    sim_queue_add(sim, &e->out, sim->now_ns + draw_latency(sim));
}

static void drop_backlog(struct sim *sim, uint32_t listener)
{
    uint32_t end;
    while ((end = sim->ends[listener].backlog_first) != SIM_NONE) {
        leave_backlog(sim, listener, end);
        sim_net_drop(sim, end, true);
        sim_net_free(sim, end);
    }
}

void sim_net_drop(struct sim *sim, uint32_t end, bool abort)
{
    struct sim_end *e = &sim->ends[end];
    uint32_t peer = e->peer;
    if (e->state == SIM_END_LISTEN)
        drop_backlog(sim, end);
    if (peer != SIM_NONE) {
        bool is_clean = !abort && e->state == SIM_END_OPEN && e->taken == e->arrived;
        if (is_clean)
            sim_net_finish(sim, end);
        /* Bytes that nobody will read, here or on their way, are answered by a reset. */
        if ((!is_clean || e->arrived < e->written) && !sim->ends[peer].rst_coming)
            push_segment(sim, peer, SIM_SEGMENT_RST, 0);
        sim->ends[peer].peer = SIM_NONE;
        unblock(sim, peer);
    }
    sim_queue_remove(sim, &e->net);
    e->peer = SIM_NONE;
    e->is_blocked = false;
}

void sim_net_release(struct sim *sim, uint32_t end, uint64_t released)
{
    struct sim_end *e = &sim->ends[end];
    vk_assert(e->released <= released && released <= e->taken);
    e->released = released;
    if (e->peer != SIM_NONE)
        unblock(sim, e->peer);
}

static void reset_arrives(struct sim *sim, struct sim_end *e)
{
    if (e->state == SIM_END_CONNECTING) {
        e->state = SIM_END_FAILED;
    } else if (e->taken < e->arrived && sim_chance(sim, sim->options.odds.reset_discard)) {
        sim->counters.discards++;
        e->arrived = e->taken;
    }
    e->rst_arrived = true;
    e->is_blocked = false;
}

static void segment_arrives(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    struct sim_segment *segment = segment_at(e, 0);
    sim_note(sim, sim->now_ns);
    sim_note(sim, (uint64_t)end << 40 | (uint64_t)segment->kind << 32 | segment->len);
    switch ((enum sim_segment_kind)segment->kind) {
    case SIM_SEGMENT_SYNACK:
        e->state = SIM_END_OPEN;
        break;
    case SIM_SEGMENT_DATA:
        e->arrived += segment->len;
        break;
    case SIM_SEGMENT_FIN:
        e->fin_arrived = true;
        break;
    case SIM_SEGMENT_RST:
        reset_arrives(sim, e);
        break;
    }
    e->segment_first = (e->segment_first + 1) % SIM_SEGMENTS;
    e->segment_count--;
}

void sim_net_arrive(struct sim *sim, uint32_t end)
{
    struct sim_end *e = &sim->ends[end];
    if (e->state == SIM_END_CONNECTING && e->segment_count == 0) {
        syn_arrives(sim, end);
        return;
    }
    while (e->segment_count > 0 && segment_at(e, 0)->at_ns <= sim->now_ns)
        segment_arrives(sim, end);
    if (e->segment_count > 0)
        sim_queue_add(sim, &e->net, segment_at(e, 0)->at_ns);
    if (e->listener != SIM_NONE) {
        sim_driver_poke_in(sim, e->listener);
    } else if (e->is_client) {
        sim_client_in(sim, end);
    } else {
        sim_driver_poke_in(sim, end);
        sim_driver_poke_out(sim, end);
    }
}
