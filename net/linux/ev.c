/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ev driver. Deductive polling: a send is tried when it is submitted, a
 * receive at the next wait, unless the last one emptied the socket; a watcher
 * is registered only where the OS says "not yet", and stays registered after
 * that (level-triggered). One that fires without a receive pending is stopped.
 *
 * Readable connections queue in a list, one receive each per turn, so a busy
 * one cannot starve others. Received bytes are packed into one arena that is
 * used anew in each wait.
 *
 * The OS may refuse to watch a descriptor (it has no memory, or the user has
 * reached his limit): libev stops such a watcher. Its connection is tried
 * again and again, with pauses, until it can be watched.
 */
#include "net/linux/ev.h"

#include "net/linux/io_impl.h"
#include "net/linux/spin.h"

#include <errno.h>
#include <ev.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ARENA_BYTES = 256 << 10,
    RECV_MAX_BYTES = 16 << 10, /* one receive */
    RECV_MIN_BYTES = 4 << 10,  /* with less room left in the arena the rest waits for the next turn */
    ACCEPTS_MAX = 64,          /* of one listener in one turn */
    UNLOOKED_MAX = 4096,       /* events delivered between two looks: who comes new waits no longer */
    LOST_PAUSE_NS = 20000000,  /* between two tries of what cannot be watched */
};

/* What libev and the ready list need of a connection; same index as its entry in the table. */
struct watch {
    struct ev_io io;
    uint32_t next_ready;
    uint32_t next_unsent;
    uint32_t next_lost;
    bool ready;   /* in the ready list */
    bool unsent;  /* in the list of those with outgoing operations not begun */
    bool drained; /* the last receive left nothing behind */
    bool lost;    /* in the list of those that libev does not watch any more */
};

struct evd {
    struct net_io nio;
    struct ev_loop *loop;
    bool is_borrowed; /* the loop is the host's: it runs, and we never do */
    struct watch *watches;
    size_t watches_bytes;
    uint8_t *arena;
    uint32_t arena_used;
    uint32_t ready_first, ready_last;
    uint32_t ready_count;
    uint32_t unlooked; /* events that may still be delivered before the next look for more */
    uint32_t unsent_first, unsent_last;
    uint32_t lost_first; /* tried again at nio.lost_ns */
    struct ev_io wake;
    bool wake_lost;
    struct ev_timer timer;
    struct net_spin spin;
    uint64_t timer_ns; /* when the timer fires; UINT64_MAX: not armed */
    int backend_fd;    /* the loop's, once somebody asked; negative: not known */
    bool woken;
    bool is_changed; /* watchers changed, of which the OS does not know yet */
};

/* ---- watchers --------------------------------------------------------------- */

static void ready_push(struct evd *e, uint32_t conn_index)
{
    struct watch *w = &e->watches[conn_index];
    if (w->ready)
        return;
    w->ready = true;
    w->next_ready = 0;
    e->ready_count++;
    if (e->ready_first == 0)
        e->ready_first = conn_index;
    else
        e->watches[e->ready_last].next_ready = conn_index;
    e->ready_last = conn_index;
}

static uint32_t ready_pop(struct evd *e)
{
    uint32_t conn_index = e->ready_first;
    e->ready_first = e->watches[conn_index].next_ready;
    e->watches[conn_index].ready = false;
    e->ready_count--;
    return conn_index;
}

/* Outgoing operations are begun by the next wait, all system calls of a tick in one place. */
static void unsent_push(struct evd *e, uint32_t conn_index)
{
    struct watch *w = &e->watches[conn_index];
    if (w->unsent)
        return;
    w->unsent = true;
    w->next_unsent = 0;
    if (e->unsent_first == 0)
        e->unsent_first = conn_index;
    else
        e->watches[e->unsent_last].next_unsent = conn_index;
    e->unsent_last = conn_index;
}

static void on_ready(struct ev_loop *loop, struct ev_io *io, int revents);

/* Watch for these events, 0: none. libev calls epoll_ctl only for what is new. */
static void watch_set(struct evd *e, uint32_t conn_index, int events)
{
    struct ev_io *io = &e->watches[conn_index].io;
    struct net_io_conn *conn = &e->nio.table.conns[conn_index];
    bool watched = conn->flags & NET_IO_CONN_WATCHED;
    if (watched && (io->events & (EV_READ | EV_WRITE)) == events)
        return;
    e->is_changed = true;
    if (watched)
        ev_io_stop(e->loop, io);
    conn->flags &= (uint16_t)~NET_IO_CONN_WATCHED;
    if (events == 0)
        return;
    if (watched) {
        ev_io_modify(io, events);
    } else {
        ev_init(io, on_ready);
        io->data = e;
        ev_io_set(io, conn->fd, events);
    }
    ev_io_start(e->loop, io);
    conn->flags |= NET_IO_CONN_WATCHED;
}

/* libev has stopped the watcher. */
static void lost_push(struct evd *e, uint32_t conn_index)
{
    struct watch *w = &e->watches[conn_index];
    e->nio.table.conns[conn_index].flags &= (uint16_t)~NET_IO_CONN_WATCHED;
    if (w->lost)
        return;
    w->lost = true;
    w->next_lost = e->lost_first;
    e->lost_first = conn_index;
}

static void lost_later(struct evd *e)
{
    if (e->nio.lost_ns == UINT64_MAX)
        e->nio.lost_ns = net_clock_ns() + LOST_PAUSE_NS;
}

static int watched_events(const struct evd *e, uint32_t conn_index)
{
    bool watched = e->nio.table.conns[conn_index].flags & NET_IO_CONN_WATCHED;
    return watched ? e->watches[conn_index].io.events & (EV_READ | EV_WRITE) : 0;
}

static void watch_add(struct evd *e, uint32_t conn_index, int events)
{
    watch_set(e, conn_index, watched_events(e, conn_index) | events);
}

static void watch_drop(struct evd *e, uint32_t conn_index, int events)
{
    watch_set(e, conn_index, watched_events(e, conn_index) & ~events);
}

/* ---- outgoing --------------------------------------------------------------- */

enum progress { FINISHED, BLOCKED };

static enum progress try_send(struct evd *e, const struct net_io_conn *conn, struct net_op *op,
                              int32_t *ret_res)
{
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (int)net_io_cork(&e->nio.table, conn);
    while ((uint32_t)op->res < op->len) {
        e->nio.stats.calls++;
        ssize_t n = send(conn->fd, op->buf + op->res, op->len - (uint32_t)op->res, flags);
        if (n >= 0) {
            op->res += (int32_t)n;
        } else if (errno == EAGAIN) {
            return BLOCKED;
        } else if (errno != EINTR) {
            *ret_res = net_sock_err(errno);
            return FINISHED;
        }
    }
    e->nio.stats.sends++;
    *ret_res = op->res;
    return FINISHED;
}

/* Started once, then asked for its outcome when the socket is writable. */
static enum progress try_connect(struct evd *e, const struct net_io_conn *conn, struct net_op *op,
                                 int32_t *ret_res)
{
    const union net_sockaddr *to = &e->nio.addrs[op->conn];
    int err = 0;
    e->nio.stats.calls++;
    if (op->state == NET_OP_ACTIVE) {
        socklen_t len = sizeof(err);
        if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
            err = errno;
    } else if (connect(conn->fd, &to->any, to->any.sa_family == AF_INET ? sizeof(to->v4) : sizeof(to->v6)) !=
               0) {
        if (errno == EINPROGRESS) {
            op->state = NET_OP_ACTIVE;
            return BLOCKED;
        }
        err = errno;
    }
    *ret_res = err == 0 ? 0 : net_sock_err(err);
    return FINISHED;
}

static enum progress try_out(struct evd *e, const struct net_io_conn *conn, struct net_op *op,
                             int32_t *ret_res)
{
    if (op->code == PROC_IO_SEND)
        return try_send(e, conn, op, ret_res);
    if (op->code == PROC_IO_CONNECT)
        return try_connect(e, conn, op, ret_res);
    e->nio.stats.calls++;
    *ret_res = shutdown(conn->fd, SHUT_WR) == 0 ? 0 : net_sock_err(errno);
    return FINISHED;
}

static void close_now(struct evd *e, uint32_t conn_index)
{
    struct net_io_conn *conn = &e->nio.table.conns[conn_index];
    watch_set(e, conn_index, 0);
    e->nio.stats.calls++;
    (void)close(conn->fd); /* the descriptor is gone whatever it says */
    conn->flags |= NET_IO_CONN_FD_GONE | NET_IO_CONN_CLOSED;
    net_io_descriptor_freed(&e->nio);
    net_close_done(&e->nio.table, conn_index);
}

/* Carry out the outgoing queue as far as it goes. */
static void flush_out(struct evd *e, uint32_t conn_index)
{
    struct net_table *t = &e->nio.table;
    struct net_io_conn *conn = &t->conns[conn_index];
    uint32_t first;
    int32_t res = 0;
    while ((first = net_out_first(t, conn)) != 0) {
        if (try_out(e, conn, &t->ops[first], &res) == BLOCKED) {
            watch_add(e, conn_index, EV_WRITE);
            return;
        }
        if (res == -VK_ERESET)
            conn->flags |= NET_IO_CONN_RESET;
        net_out_pop(t, conn);
        net_done_push(t, first, res);
    }
    watch_drop(e, conn_index, EV_WRITE);
    if (conn->close != 0 && !(conn->flags & NET_IO_CONN_FD_GONE))
        close_now(e, conn_index);
}

static void flush_unsent(struct evd *e)
{
    while (e->unsent_first != 0) {
        uint32_t conn_index = e->unsent_first;
        struct watch *w = &e->watches[conn_index];
        e->unsent_first = w->next_unsent;
        w->unsent = false;
        flush_out(e, conn_index);
    }
}

/* ---- incoming --------------------------------------------------------------- */

static void finish_in(struct evd *e, uint32_t conn_index, int32_t res, struct proc_io_event *ev)
{
    struct net_io_conn *conn = &e->nio.table.conns[conn_index];
    uint32_t index = conn->in;
    conn->in = 0;
    net_op_finish(&e->nio.table, index, res, ev);
}

static ssize_t recv_again(struct evd *e, int fd, void *buf, size_t len)
{
    ssize_t n;
    do {
        e->nio.stats.calls++;
        n = recv(fd, buf, len, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Asked of a socket that filled the room it was given. A receive that only looks would take an error with it.
 */
static bool has_more(struct evd *e, int fd)
{
    int there = 0;
    e->nio.stats.calls++;
    return ioctl(fd, FIONREAD, &there) == 0 && there > 0;
}

/* True when *ev was written. */
static bool try_recv(struct evd *e, uint32_t conn_index, struct proc_io_event *ev)
{
    struct net_io_conn *conn = &e->nio.table.conns[conn_index];
    const struct net_op *op = &e->nio.table.ops[conn->in];
    bool into = op->code == PROC_IO_RECV_INTO;
    uint32_t left = ARENA_BYTES - e->arena_used;
    uint32_t len = into ? op->len : left < RECV_MAX_BYTES ? left : RECV_MAX_BYTES;
    uint8_t *buf = into ? op->buf : e->arena + e->arena_used;
    ssize_t n = recv_again(e, conn->fd, buf, len);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) {
            watch_add(e, conn_index, EV_READ);
            return false;
        }
        int32_t end = conn->flags & NET_IO_CONN_RESET ? -VK_ERESET : 0;
        finish_in(e, conn_index, n == 0 ? end : net_sock_err(errno), ev);
        return true;
    }
    e->nio.stats.recvs++;
    e->watches[conn_index].drained = (size_t)n < len;
    if (!into)
        e->arena_used += VK_ALIGN_UP((uint32_t)n, VK_CACHE_LINE_BYTES);
    if (!into && (op->flags & PROC_IO_MULTI)) {
        *ev = (struct proc_io_event){.tag = op->tag, .res = (int32_t)n, .flags = PROC_IO_MORE, .data = buf};
        if (!(conn->flags & NET_IO_CONN_WATCHED) || !(watched_events(e, conn_index) & EV_READ))
            watch_add(e, conn_index, EV_READ);
        return true;
    }
    finish_in(e, conn_index, (int32_t)n, ev);
    ev->data = into ? NULL : buf;
    if (!e->watches[conn_index].drained && has_more(e, conn->fd))
        ev->flags |= PROC_IO_READY;
    return true;
}

enum accepted { TAKEN, NONE, STARVED, BROKEN };

static enum accepted accept_one(struct evd *e, int listener_fd, uint32_t *ret_conn)
{
    for (int tries = 0; tries < ACCEPTS_MAX; tries++) {
        e->nio.stats.calls++;
        int fd = accept4(listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            *ret_conn = net_io_conn_new(&e->nio.table, fd, 0);
            if (*ret_conn != 0) {
                e->watches[*ret_conn].drained = false;
                return TAKEN;
            }
            (void)close(fd); /* nobody knows it */
            return STARVED;
        }
        switch (errno) {
        case EAGAIN:
            return NONE;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return STARVED;
        case EBADF:
        case EINVAL:
        case ENOTSOCK:
            return BROKEN;
        default:
            break; /* an error of the connection that was to be accepted: take the next */
        }
    }
    return NONE; /* it is readable still, if there are more */
}

static uint32_t try_accept(struct evd *e, uint32_t listener, struct proc_io_event *events, uint32_t max)
{
    struct net_table *t = &e->nio.table;
    const struct net_io_conn *conn = &t->conns[listener];
    uint64_t tag = t->ops[conn->in].tag;
    uint32_t count = 0;
    max = max < ACCEPTS_MAX ? max : ACCEPTS_MAX;
    watch_add(e, listener, EV_READ);
    while (count < max) {
        uint32_t index;
        switch (accept_one(e, conn->fd, &index)) {
        case TAKEN:
            e->nio.stats.accepts++;
            events[count++] = (struct proc_io_event){
                .tag = tag, .res = (int32_t)net_io_conn_number(t, index), .flags = PROC_IO_MORE};
            break;
        case NONE:
            return count;
        case STARVED:
            net_io_accept_starved(&e->nio);
            finish_in(e, listener, -VK_EMFILE, &events[count]);
            return count + 1;
        case BROKEN:
            finish_in(e, listener, -VK_EINVAL, &events[count]);
            return count + 1;
        }
    }
    return count;
}

/* One turn for each connection in the ready list, as long as there is room for what comes. */
static uint32_t take_ready(struct evd *e, struct proc_io_event *events, uint32_t max)
{
    const struct net_table *t = &e->nio.table;
    uint32_t count = 0;
    while (e->ready_first != 0 && count < max && ARENA_BYTES - e->arena_used >= RECV_MIN_BYTES) {
        uint32_t conn_index = ready_pop(e);
        const struct net_io_conn *conn = &t->conns[conn_index];
        if (conn->in == 0 || !(conn->flags & NET_IO_CONN_LIVE))
            continue; /* canceled or closed since */
        if (conn->flags & NET_IO_CONN_LISTENS)
            count += try_accept(e, conn_index, events + count, max - count);
        else
            count += try_recv(e, conn_index, &events[count]);
    }
    return count;
}

static void on_ready(struct ev_loop *loop, struct ev_io *io, int revents)
{
    struct evd *e = io->data;
    uint32_t conn_index = (uint32_t)((struct watch *)io - e->watches);
    (void)loop;
    if (VK_UNLIKELY(revents & EV_ERROR)) {
        lost_push(e, conn_index);
        lost_later(e);
        return;
    }
    if (revents & EV_WRITE)
        flush_out(e, conn_index);
    if (!(revents & EV_READ))
        return;
    if (e->nio.table.conns[conn_index].in != 0)
        ready_push(e, conn_index);
    else
        watch_drop(e, conn_index, EV_READ);
    e->watches[conn_index].drained = false;
}

/* ---- requests --------------------------------------------------------------- */

static void start_in(struct evd *e, uint32_t conn_index, uint32_t index)
{
    struct net_op *op = &e->nio.table.ops[index];
    if (op->code == PROC_IO_ACCEPT) {
        ready_push(e, conn_index);
        return;
    }
    op->state = NET_OP_ACTIVE;
    if (e->watches[conn_index].drained)
        watch_add(e, conn_index, EV_READ);
    else
        ready_push(e, conn_index);
}

static void cancel_op(struct evd *e, uint32_t index)
{
    struct net_table *t = &e->nio.table;
    struct net_op *op = &t->ops[index];
    struct net_io_conn *conn = &t->conns[op->conn];
    if (op->state == NET_OP_DONE)
        return;
    if (conn->in == index) {
        if (op->code == PROC_IO_ACCEPT)
            net_io_accept_unhold(&e->nio, index);
        conn->in = 0;
    } else {
        net_out_remove(t, conn, index);
    }
    /* A SEND says what it managed before. */
    net_done_push(t, index, op->code == PROC_IO_SEND && op->res > 0 ? op->res : -VK_ECANCELED);
}

static void submit_close(struct evd *e, uint32_t conn_index, bool abort)
{
    struct net_io_conn *conn = &e->nio.table.conns[conn_index];
    if (conn->flags & NET_IO_CONN_FD_GONE)
        return;
    if (conn->in != 0)
        cancel_op(e, conn->in);
    if (abort) {
        net_sock_set_reset(conn->fd);
        while (conn->out != 0)
            cancel_op(e, net_out_first(&e->nio.table, conn));
    }
    if (conn->out == 0)
        close_now(e, conn_index);
}

static int evd_submit(struct proc_io *io, const struct proc_io_req *req)
{
    struct evd *e = (struct evd *)io;
    uint32_t conn_index, index;
    int start = net_io_take(&e->nio, req, &conn_index, &index);
    switch (start) {
    case NET_IO_START_NONE:
        return 0;
    case NET_IO_START_IN:
        start_in(e, conn_index, index);
        return 0;
    case NET_IO_START_OUT:
        unsent_push(e, conn_index);
        return 0;
    case NET_IO_START_CLOSE:
        submit_close(e, conn_index, req->flags & PROC_IO_ABORT);
        return 0;
    default:
        return start;
    }
}

static void evd_cancel(struct proc_io *io, uint64_t tag)
{
    struct evd *e = (struct evd *)io;
    uint32_t index = net_op_find(&e->nio.table, tag);
    if (index == 0 || e->nio.table.ops[index].code == PROC_IO_CLOSE)
        return;
    uint32_t conn_index = e->nio.table.ops[index].conn;
    cancel_op(e, index);
    if (e->nio.table.conns[conn_index].out != 0)
        flush_out(e, conn_index);
}

/* ---- waiting ---------------------------------------------------------------- */

static void on_wake(struct ev_loop *loop, struct ev_io *io, int revents)
{
    struct evd *e = io->data;
    uint64_t value;
    (void)loop;
    if (VK_UNLIKELY(revents & EV_ERROR)) {
        e->wake_lost = true;
        lost_later(e);
    }
    (void)!read(io->fd, &value, sizeof(value)); /* resets the counter; another thread may have been first */
    e->woken = true;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    struct evd *e = timer->data;
    (void)revents;
    ev_timer_stop(loop, timer);
    e->timer_ns = UINT64_MAX;
}

/*
 * Let libev wake at until_ns. A timer that fires earlier is left alone: it
 * costs one empty turn, while moving it would cost something in every turn.
 */
static void set_timer(struct evd *e, uint64_t until_ns, uint64_t now_ns)
{
    if (until_ns >= e->timer_ns)
        return;
    ev_now_update(e->loop);
    e->timer.repeat = until_ns > now_ns ? (double)(until_ns - now_ns) * 1e-9 : 1e-9;
    ev_timer_again(e->loop, &e->timer);
    e->timer_ns = until_ns;
}

static void run(struct evd *e, int flags)
{
    e->is_changed = false;
    if (e->is_borrowed)
        return;
    e->nio.stats.calls++;
    (void)ev_run(e->loop, flags);
}

static bool is_quiet(const struct evd *e)
{
    return e->ready_first == 0 && e->nio.table.done_first == 0 && !e->woken;
}

static void sleep_until(struct evd *e, uint64_t until_ns)
{
    uint64_t start_ns = net_clock_ns(), awake_ns = start_ns;
    uint32_t spin_ns = net_spin_wanted(&e->spin, start_ns);
    if (until_ns <= start_ns) {
        run(e, EVRUN_NOWAIT);
        return;
    }
    if (spin_ns != 0) {
        uint64_t end_ns = start_ns + spin_ns;
        end_ns = end_ns < until_ns ? end_ns : until_ns;
        e->nio.stats.spins++;
        do {
            run(e, EVRUN_NOWAIT);
            awake_ns = net_clock_ns();
        } while (is_quiet(e) && awake_ns < end_ns);
    }
    uint64_t end_ns = awake_ns;
    if (is_quiet(e)) {
        if (until_ns != UINT64_MAX)
            set_timer(e, until_ns, awake_ns);
        e->nio.stats.sleeps++;
        run(e, EVRUN_ONCE);
        end_ns = net_clock_ns();
        net_spin_slept(&e->spin, awake_ns, end_ns);
    }
    net_spin_note(&e->spin, start_ns, end_ns, spin_ns != 0);
}

static void look(struct evd *e, bool may_sleep, uint64_t deadline_ns)
{
    uint64_t until_ns = net_io_retry_at(&e->nio);
    if (may_sleep && deadline_ns != 0)
        sleep_until(e, deadline_ns < until_ns ? deadline_ns : until_ns);
    else
        run(e, EVRUN_NOWAIT);
}

/* Those that were not watched may have become ready meanwhile; if not, they are watched as ever. */
static void try_lost(struct evd *e)
{
    if (net_clock_ns() < e->nio.lost_ns)
        return;
    uint32_t conn_index = e->lost_first;
    e->lost_first = 0;
    e->nio.lost_ns = UINT64_MAX;
    if (e->wake_lost)
        ev_io_start(e->loop, &e->wake);
    e->wake_lost = false;
    while (conn_index != 0) {
        struct watch *w = &e->watches[conn_index];
        uint32_t next = w->next_lost;
        w->lost = false;
        if (e->nio.table.conns[conn_index].in != 0)
            ready_push(e, conn_index);
        if (e->nio.table.conns[conn_index].out != 0)
            unsent_push(e, conn_index);
        conn_index = next;
    }
}

static void resume_accepts(struct evd *e)
{
    uint32_t index = net_io_accept_resume(&e->nio);
    while (index != 0) {
        uint32_t next = e->nio.table.ops[index].next;
        ready_push(e, e->nio.table.ops[index].conn);
        index = next;
    }
}

static uint32_t gather(struct evd *e, struct proc_io_event *events, uint32_t max)
{
    uint32_t count = net_done_take(&e->nio.table, events, max);
    return count + take_ready(e, events + count, max - count);
}

static uint32_t deliver(struct evd *e, struct proc_io_event *events, uint32_t max)
{
    uint32_t count = gather(e, events, max);
    e->unlooked -= count < e->unlooked ? count : e->unlooked;
    return count;
}

static uint32_t evd_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max, uint64_t deadline_ns,
                         uint64_t *ret_now_ns)
{
    struct evd *e = (struct evd *)io;
    uint32_t count;
    e->nio.stats.waits++;
    e->woken = false;
    e->arena_used = 0;
    do {
        if (VK_UNLIKELY(e->nio.lost_ns != UINT64_MAX))
            try_lost(e);
        flush_unsent(e);
        if (VK_UNLIKELY(e->nio.paused != 0))
            resume_accepts(e);
        count = deliver(e, events, max);
        /* What is there already is delivered first: a look finds all of it again, and takes as long. */
        if (count == 0 || e->ready_first == 0 || e->unlooked == 0) {
            look(e, count == 0 && e->ready_first == 0, deadline_ns);
            e->unlooked = e->ready_count < UNLOOKED_MAX ? e->ready_count : UNLOOKED_MAX;
            count += deliver(e, events + count, max - count);
        }
        e->nio.now_ns = net_clock_ns();
    } while (count == 0 && !e->woken && e->nio.now_ns < deadline_ns);
    *ret_now_ns = e->nio.now_ns;
    return count;
}

/* ---- life ------------------------------------------------------------------- */

/* Nothing of ours stays in the host's loop. */
static void leave_loop(struct evd *e)
{
    for (uint32_t i = 1; i < e->nio.table.conns_fresh; i++)
        watch_set(e, i, 0);
    ev_ref(e->loop);
    ev_io_stop(e->loop, &e->wake);
}

static void evd_destroy(struct proc_io *io)
{
    struct evd *e = (struct evd *)io;
    if (e->loop != NULL && e->is_borrowed)
        leave_loop(e);
    else if (e->loop != NULL)
        ev_loop_destroy(e->loop);
    net_io_unmap(e->watches, e->watches_bytes);
    net_io_unmap(e->arena, ARENA_BYTES);
    net_io_fini(&e->nio);
    net_io_unmap(e, sizeof *e);
}

static const struct proc_io_ops evd_ops = {
    .name = "ev",
    .has_many_calls = true,
    .listen = net_io_listen,
    .open = net_io_open,
    .submit = evd_submit,
    .cancel = evd_cancel,
    .wait = evd_wait,
    .now = net_io_now,
    .wake = net_io_wake,
    .peer = net_io_peer,
    .taken = net_io_taken,
    .destroy = evd_destroy,
};

/* Whether fd is the epoll descriptor that knows our eventfd; to another one it is added for a moment. */
static bool is_backend(int fd, int wake_fd)
{
    struct epoll_event none = {0};
    if (epoll_ctl(fd, EPOLL_CTL_ADD, wake_fd, &none) != 0)
        return errno == EEXIST;
    (void)epoll_ctl(fd, EPOLL_CTL_DEL, wake_fd, &none); /* it was added just now */
    return false;
}

/*
 * libev keeps its epoll descriptor to itself. It was opened after the eventfd,
 * so it is mostly the next one; once the loop has run, it is the only one that
 * already has the eventfd in it.
 */
static int find_backend(struct evd *e)
{
    struct rlimit limit = {.rlim_cur = NET_CONNS_CAP};
    int wake_fd = e->nio.wake_fd;
    run(e, EVRUN_NOWAIT);
    (void)getrlimit(RLIMIT_NOFILE, &limit); /* cannot fail for this one */
    int max = limit.rlim_cur < NET_CONNS_CAP ? (int)limit.rlim_cur : (int)NET_CONNS_CAP;
    for (int i = 1; i < max; i++) {
        int fd = (wake_fd + i) % max;
        if (is_backend(fd, wake_fd))
            return fd;
    }
    return -VK_ENOTSUP;
}

static int evd_fd(struct net_io *nio)
{
    struct evd *e = (struct evd *)nio;
    if (e->is_borrowed)
        return -VK_ENOTSUP;
    if (e->backend_fd < 0)
        e->backend_fd = find_backend(e);
    return e->backend_fd;
}

static bool evd_is_due(const struct net_io *nio)
{
    const struct evd *e = (const struct evd *)nio;
    return e->ready_first != 0 || e->unsent_first != 0 || (e->is_changed && !e->is_borrowed);
}

static const struct net_io_own evd_own = {.fd = evd_fd, .is_due = evd_is_due};

/* Ours, or the host's, which our eventfd does not keep running. */
static int take_loop(struct evd *e, struct ev_loop *borrowed)
{
    e->is_borrowed = borrowed != NULL;
    e->loop = borrowed;
    if (!e->is_borrowed)
        e->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOINOTIFY | EVFLAG_NOTIMERFD);
    if (e->loop == NULL)
        return -VK_ENOTSUP;
    ev_io_init(&e->wake, on_wake, e->nio.wake_fd, EV_READ);
    e->wake.data = e;
    ev_io_start(e->loop, &e->wake);
    if (e->is_borrowed)
        ev_unref(e->loop);
    return 0;
}

static int make_loop(struct evd *e, struct ev_loop *borrowed)
{
    e->watches_bytes = (size_t)e->nio.table.conns_len * sizeof(e->watches[0]);
    e->watches = net_io_map(e->watches_bytes);
    e->arena = net_io_map(ARENA_BYTES);
    if (e->watches == NULL || e->arena == NULL)
        return -VK_ENOMEM;
    ev_init(&e->timer, on_timer);
    e->timer.data = e;
    e->timer_ns = UINT64_MAX;
    e->is_changed = true;
    e->backend_fd = -1;
    return take_loop(e, borrowed);
}

int net_ev_create(const struct net_io_options *options, struct proc_io **ret_io)
{
    struct evd *e = net_io_map(sizeof *e);
    if (e == NULL)
        return -VK_ENOMEM;
    e->nio.nonblock = true;
    int err = net_io_init(&e->nio, &evd_ops, &evd_own, options);
    if (err != 0) {
        net_io_unmap(e, sizeof *e);
        return err;
    }
    err = make_loop(e, options->loop);
    if (err != 0) {
        evd_destroy(&e->nio.io);
        return err;
    }
    net_spin_init(&e->spin, options->no_spin, options->spin_ns);
    *ret_io = &e->nio.io;
    return 0;
}
