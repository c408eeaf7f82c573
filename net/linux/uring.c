/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uring driver. An operation is one entry of the ring from arm to its
 * last completion; user_data is its index with its sequence above it.
 *
 * Invariants: of one connection at most one outgoing operation is in the ring,
 * the first of its queue, so sends cannot overtake each other. A connection's
 * entry lives until its CLOSE completion has been delivered, which is after
 * all others. Everything in the submission ring is handed to the kernel
 * before completions are read, so a cancel never meets a later user of an
 * operation's entry.
 */
#include "net/linux/uring.h"

#include "net/linux/spin.h"
#include "net/linux/uring_impl.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

struct uring {
    struct net_io nio;
    struct net_ring ring;
    struct net_spin spin;
    uint64_t wake_value; /* read target of the wake descriptor */
    bool woken;          /* it was read in this wait */
};

/* user_data of what no caller asked for: no operation has index 0. */
enum { DATA_CANCEL = 1ull << 32, DATA_WAKE = 2ull << 32 };

enum { SPIN_LOOKS = 32 }; /* at the ring between two looks at the clock */

/* How long destroy waits for the answer to a cancel, which is carried out at once, and how often. */
enum { DESTROY_NS = 10000000, DESTROY_TURNS = 1000 };

enum { BURST_MIN = 30 }; /* buffers in a row after which a receive may have been put off */

/* ---- the two rings -------------------------------------------------------- */

static int enter(struct uring *u, unsigned wait_nr, uint64_t timeout_ns)
{
    struct net_ring *r = &u->ring;
    struct __kernel_timespec ts = {.tv_sec = (int64_t)(timeout_ns / 1000000000u),
                                   .tv_nsec = (long long)(timeout_ns % 1000000000u)};
    struct io_uring_getevents_arg arg = {.ts = timeout_ns == UINT64_MAX ? 0 : (uintptr_t)&ts};
    unsigned flags = r->enter_flags | IORING_ENTER_GETEVENTS;
    __atomic_store_n(r->sq_tail, r->sq_local, __ATOMIC_RELEASE);
    u->nio.stats.calls++;
    if (wait_nr == 0)
        return io_uring_enter2((unsigned)r->enter_fd, r->sq_local - r->sq_known, 0, flags, NULL, 0);
    u->nio.stats.sleeps++;
    return io_uring_enter2((unsigned)r->enter_fd, r->sq_local - r->sq_known, wait_nr,
                           flags | IORING_ENTER_EXT_ARG, (void *)&arg, sizeof(arg));
}

/*
 * One system call: submit what is filled in, gather, and wait if asked to.
 * False when a signal ended it; other errors pass or show in the rings.
 */
static bool submit_and_wait(struct uring *u, unsigned wait_nr, uint64_t timeout_ns)
{
    int res = enter(u, wait_nr, timeout_ns);
    u->ring.sq_known = __atomic_load_n(u->ring.sq_head, __ATOMIC_ACQUIRE);
    return res != -EINTR;
}

/*
 * Room for one entry. Without any the kernel is asked to take some; it takes
 * none only while it is out of memory, when nothing else could be done either.
 */
static struct io_uring_sqe *next_sqe(struct uring *u)
{
    struct net_ring *r = &u->ring;
    while (VK_UNLIKELY(r->sq_local - r->sq_known >= r->sq_entries))
        (void)submit_and_wait(u, 0, 0);
    struct io_uring_sqe *sqe = &r->sqes[r->sq_local++ & r->sq_mask];
    return sqe;
}

VK_INLINE bool cq_empty(const struct net_ring *r)
{
    return __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) == r->cq_local;
}

/* The kernel has completions that only a system call brings into the ring. */
VK_INLINE bool cq_pending(const struct net_ring *r)
{
    return __atomic_load_n(r->sq_flags, __ATOMIC_RELAXED) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

static const uint8_t *take_buf(struct uring *u, uint32_t cqe_flags)
{
    struct net_ring *r = &u->ring;
    uint32_t id = cqe_flags >> IORING_CQE_BUFFER_SHIFT;
    uint8_t *buf = r->bufs + (size_t)id * NET_URING_BUF_BYTES;
    /* Filled in now, shown to the kernel at the next wait: until then the caller may read it. */
    io_uring_buf_ring_add(r->br, buf, NET_URING_BUF_BYTES, (unsigned short)id, (int)(r->bufs_count - 1),
                          (int)r->bufs_given++);
    return buf;
}

static void return_bufs(struct net_ring *r)
{
    if (r->bufs_given != 0)
        io_uring_buf_ring_advance(r->br, (int)r->bufs_given);
    r->bufs_given = 0;
}

/* ---- starting operations -------------------------------------------------- */

static void arm(struct uring *u, uint32_t index)
{
    struct net_op *op = &u->nio.table.ops[index];
    const struct net_io_conn *conn = &u->nio.table.conns[op->conn];
    struct io_uring_sqe *sqe = next_sqe(u);
    switch ((enum proc_io_code)op->code) {
    case PROC_IO_ACCEPT:
        io_uring_prep_multishot_accept(sqe, conn->fd, NULL, NULL, SOCK_CLOEXEC);
        break;
    case PROC_IO_RECV:
        io_uring_prep_recv(sqe, conn->fd, NULL, 0, 0);
        if ((op->flags & PROC_IO_MULTI) && u->ring.multi_recv)
            sqe->ioprio = IORING_RECV_MULTISHOT;
        sqe->flags = IOSQE_BUFFER_SELECT;
        break;
    case PROC_IO_RECV_INTO:
        io_uring_prep_recv(sqe, conn->fd, op->buf, op->len, 0);
        break;
    case PROC_IO_SEND:
        io_uring_prep_send(sqe, conn->fd, op->buf + op->res, op->len - (uint32_t)op->res,
                           MSG_NOSIGNAL | MSG_WAITALL);
        break;
    case PROC_IO_CONNECT: {
        const union net_sockaddr *to = &u->nio.addrs[op->conn];
        bool v4 = to->any.sa_family == AF_INET;
        io_uring_prep_connect(sqe, conn->fd, &to->any, v4 ? sizeof(to->v4) : sizeof(to->v6));
        break;
    }
    case PROC_IO_CLOSE:
        io_uring_prep_close(sqe, conn->fd);
        break;
    case PROC_IO_SHUTDOWN:
        vk_assert(false); /* done by start_out */
    }
    sqe->user_data = (uint64_t)op->seq << 32 | index;
    op->state = NET_OP_ACTIVE;
}

static void arm_wake(struct uring *u)
{
    struct io_uring_sqe *sqe = next_sqe(u);
    io_uring_prep_read(sqe, u->nio.wake_fd, &u->wake_value, sizeof(u->wake_value), 0);
    sqe->user_data = DATA_WAKE;
}

/* Ask the kernel to end an operation that is in the ring. */
static void arm_cancel(struct uring *u, uint32_t index)
{
    struct net_op *op = &u->nio.table.ops[index];
    if (op->state != NET_OP_ACTIVE)
        return;
    struct io_uring_sqe *sqe = next_sqe(u);
    io_uring_prep_cancel64(sqe, (uint64_t)op->seq << 32 | index, 0);
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = DATA_CANCEL;
    op->state = NET_OP_CANCELED;
}

/*
 * Let the kernel close right behind the last send, if that is the entry just
 * filled in: it saves a connection per request one turn. The descriptor stays
 * open until the send has ended, however it ends.
 */
static bool link_to_send(struct uring *u, const struct net_io_conn *conn)
{
    struct net_ring *r = &u->ring;
    const struct net_op *send = &u->nio.table.ops[conn->out];
    uint32_t filled = r->sq_local - r->sq_known;
    if (!r->links || send->next != conn->out || send->code != PROC_IO_SEND || filled == 0 ||
        filled >= r->sq_entries)
        return false;
    struct io_uring_sqe *last = &r->sqes[(r->sq_local - 1) & r->sq_mask];
    if (last->user_data != ((uint64_t)send->seq << 32 | conn->out))
        return false;
    last->flags |= IOSQE_IO_HARDLINK;
    last->msg_flags |= net_io_cork(&u->nio.table, conn);
    return true;
}

/* Close the descriptor once nothing goes out any more; what still comes in is being canceled. */
static void start_close(struct uring *u, uint32_t conn_index)
{
    struct net_io_conn *conn = &u->nio.table.conns[conn_index];
    if (conn->flags & NET_IO_CONN_FD_GONE)
        return;
    if (conn->out != 0 && !link_to_send(u, conn))
        return;
    conn->flags |= NET_IO_CONN_FD_GONE;
    arm(u, conn->close);
}

/* Start the first of the outgoing queue. A SHUTDOWN is done on the spot: in the ring it costs a thread. */
static void start_out(struct uring *u, uint32_t conn_index)
{
    struct net_table *t = &u->nio.table;
    struct net_io_conn *conn = &t->conns[conn_index];
    uint32_t first;
    while ((first = net_out_first(t, conn)) != 0 && t->ops[first].code == PROC_IO_SHUTDOWN) {
        int32_t res = shutdown(conn->fd, SHUT_WR) == 0 ? 0 : net_sock_err(errno);
        u->nio.stats.calls++;
        net_out_pop(t, conn);
        net_done_push(t, first, res);
    }
    if (first != 0)
        arm(u, first);
    if (conn->close != 0)
        start_close(u, conn_index);
}

/* Everything of a connection is over: hand out the CLOSE completion. */
static void finish_close(struct uring *u, uint32_t conn_index)
{
    struct net_table *t = &u->nio.table;
    struct net_io_conn *conn = &t->conns[conn_index];
    if ((conn->flags & NET_IO_CONN_CLOSED) && conn->in == 0 && conn->out == 0)
        net_close_done(t, conn_index);
}

/* ---- requests ------------------------------------------------------------- */

static void cancel_op(struct uring *u, uint32_t index)
{
    struct net_table *t = &u->nio.table;
    struct net_op *op = &t->ops[index];
    if (op->state == NET_OP_ACTIVE) {
        arm_cancel(u, index);
    } else if (op->state == NET_OP_RENEWED) {
        op->state = NET_OP_CANCELED;
    } else if (op->state == NET_OP_QUEUED) {
        struct net_io_conn *conn = &t->conns[op->conn];
        if (conn->in == index) {
            net_io_accept_unhold(&u->nio, index);
            conn->in = 0;
        } else {
            net_out_remove(t, conn, index);
        }
        net_done_push(t, index, -VK_ECANCELED);
    }
}

/*
 * A linked close may have been carried out unseen, and the descriptor be
 * another connection's by now. Not if all completions were read: then the
 * send is still under way (its work is done inside our own enters only).
 */
static bool may_still_reset(const struct uring *u, const struct net_io_conn *conn)
{
    if (!(conn->flags & NET_IO_CONN_FD_GONE))
        return true;
    return conn->out != 0 && cq_empty(&u->ring);
}

static void submit_close(struct uring *u, uint32_t conn_index, bool abort)
{
    struct net_table *t = &u->nio.table;
    struct net_io_conn *conn = &t->conns[conn_index];
    if (conn->in != 0)
        cancel_op(u, conn->in);
    if (abort && may_still_reset(u, conn)) {
        net_sock_set_reset(conn->fd);
        uint32_t first = net_out_first(t, conn);
        while (conn->out != first) /* the last ones first: none of them shall be started */
            cancel_op(u, conn->out);
        if (first != 0)
            cancel_op(u, first);
    }
    start_close(u, conn_index);
}

static int uring_submit(struct proc_io *io, const struct proc_io_req *req)
{
    struct uring *u = (struct uring *)io;
    uint32_t conn_index, index;
    int start = net_io_take(&u->nio, req, &conn_index, &index);
    switch (start) {
    case NET_IO_START_NONE:
        return 0;
    case NET_IO_START_IN:
        arm(u, index);
        return 0;
    case NET_IO_START_OUT:
        start_out(u, conn_index);
        return 0;
    case NET_IO_START_CLOSE:
        submit_close(u, conn_index, req->flags & PROC_IO_ABORT);
        return 0;
    default:
        return start;
    }
}

static void uring_cancel(struct proc_io *io, uint64_t tag)
{
    struct uring *u = (struct uring *)io;
    uint32_t index = net_op_find(&u->nio.table, tag);
    if (index != 0 && u->nio.table.ops[index].code != PROC_IO_CLOSE)
        cancel_op(u, index);
}

/* ---- completions ---------------------------------------------------------- */

/* The final completion of the incoming operation of a connection. */
static bool finish_in(struct uring *u, uint32_t index, int32_t res, struct proc_io_event *ev)
{
    uint32_t conn_index = u->nio.table.ops[index].conn;
    u->nio.table.conns[conn_index].in = 0;
    net_op_finish(&u->nio.table, index, res, ev);
    if (u->nio.table.conns[conn_index].close != 0)
        finish_close(u, conn_index);
    return true;
}

static bool not_yet(struct uring *u, uint32_t index)
{
    u->nio.stats.rearms++;
    arm(u, index);
    return false;
}

/* A receive that ended without data, or in an error. */
static bool recv_ended(struct uring *u, uint32_t index, int32_t res, struct proc_io_event *ev)
{
    struct net_op *op = &u->nio.table.ops[index];
    if (op->state == NET_OP_CANCELED)
        return finish_in(u, index, -VK_ECANCELED, ev);
    if (res == -ENOBUFS || res == -EINTR || (res == -ECANCELED && op->state == NET_OP_RENEWED))
        return not_yet(u, index); /* buffers return before the ring is entered again */
    if (res == -EINVAL && op->res == 0 && (op->flags & PROC_IO_MULTI) && u->ring.multi_recv) {
        u->ring.multi_recv = false; /* Linux before 6.0 */
        return not_yet(u, index);
    }
    bool reset = u->nio.table.conns[op->conn].flags & NET_IO_CONN_RESET;
    if (res == 0)
        return finish_in(u, index, reset ? -VK_ERESET : 0, ev);
    return finish_in(u, index, net_sock_err(-res), ev);
}

/*
 * A multishot receive that was put off in a long run of data misses a reset
 * that came behind it (seen on 6.18: 32 buffers in a row, then no completion).
 * So after such a run the socket is looked at once, and where it has ended,
 * the receive is started anew and finds the end.
 */
static void watch_burst(struct uring *u, uint32_t index, bool nonempty)
{
    struct net_op *op = &u->nio.table.ops[index];
    if (nonempty) {
        op->res++;
        return;
    }
    if (VK_UNLIKELY(op->res >= BURST_MIN)) {
        struct pollfd pollfd = {.fd = u->nio.table.conns[op->conn].fd};
        u->nio.stats.calls++;
        if (poll(&pollfd, 1, 0) == 1 && op->state == NET_OP_ACTIVE) {
            arm_cancel(u, index);
            op->state = NET_OP_RENEWED;
        }
    }
    op->res = 1; /* it has worked */
}

static uint32_t ready_flag(const struct io_uring_cqe *cqe)
{
    return cqe->flags & IORING_CQE_F_SOCK_NONEMPTY ? PROC_IO_READY : 0;
}

static bool on_recv(struct uring *u, uint32_t index, const struct io_uring_cqe *cqe, struct proc_io_event *ev)
{
    struct net_op *op = &u->nio.table.ops[index];
    const uint8_t *data = cqe->flags & IORING_CQE_F_BUFFER ? take_buf(u, cqe->flags) : NULL;
    bool more = cqe->flags & IORING_CQE_F_MORE;
    bool closing = u->nio.table.conns[op->conn].close != 0;
    if (VK_UNLIKELY(cqe->res <= 0 || closing)) {
        if (more)
            return false; /* data after CLOSE is not delivered */
        return recv_ended(u, index, cqe->res, ev);
    }
    u->nio.stats.recvs++;
    if ((op->flags & PROC_IO_MULTI) && (more || op->state != NET_OP_CANCELED)) {
        *ev = (struct proc_io_event){.tag = op->tag, .res = cqe->res, .flags = PROC_IO_MORE, .data = data};
        if (!more)
            (void)not_yet(u, index);
        else
            watch_burst(u, index, cqe->flags & IORING_CQE_F_SOCK_NONEMPTY);
        return true;
    }
    (void)finish_in(u, index, cqe->res, ev);
    ev->data = data;
    ev->flags |= ready_flag(cqe);
    return true;
}

static bool on_recv_into(struct uring *u, uint32_t index, const struct io_uring_cqe *cqe,
                         struct proc_io_event *ev)
{
    if (cqe->res <= 0)
        return recv_ended(u, index, cqe->res, ev);
    u->nio.stats.recvs++;
    (void)finish_in(u, index, cqe->res, ev);
    ev->flags |= ready_flag(cqe);
    return true;
}

static bool accept_failed(struct uring *u, uint32_t index, int err, struct proc_io_event *ev)
{
    struct net_op *op = &u->nio.table.ops[index];
    bool starved = err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
    if (op->state == NET_OP_CANCELED)
        return finish_in(u, index, -VK_ECANCELED, ev);
    if (starved)
        net_io_accept_starved(&u->nio);
    else if (err != ECANCELED && err != EINVAL && err != EBADF && err != ENOTSOCK)
        return not_yet(u, index); /* an error of the connection that was to be accepted */
    return finish_in(u, index, starved ? -VK_EMFILE : net_sock_err(err), ev);
}

static bool on_accept(struct uring *u, uint32_t index, const struct io_uring_cqe *cqe,
                      struct proc_io_event *ev)
{
    struct net_table *t = &u->nio.table;
    struct net_op *op = &t->ops[index];
    bool more = cqe->flags & IORING_CQE_F_MORE;
    if (cqe->res < 0)
        return more ? false : accept_failed(u, index, -cqe->res, ev);
    bool closing = t->conns[op->conn].close != 0;
    uint32_t conn_index = closing ? 0 : net_io_conn_new(t, cqe->res, 0);
    if (conn_index == 0) {
        (void)close(cqe->res); /* nobody knows it */
        if (more)
            return false;
        return accept_failed(u, index, closing ? ECANCELED : EMFILE, ev);
    }
    u->nio.stats.accepts++;
    *ev = (struct proc_io_event){
        .tag = op->tag, .res = (int32_t)net_io_conn_number(t, conn_index), .flags = PROC_IO_MORE};
    if (more)
        return true;
    if (op->state == NET_OP_CANCELED) {
        t->conns[op->conn].in = 0;
        net_done_push(t, index, -VK_ECANCELED);
    } else {
        (void)not_yet(u, index);
    }
    return true;
}

/*
 * Count what a send has taken. True when it was started again for the rest:
 * the kernel ends a send early only for an error, which that will tell.
 * Usually it was a reset, and a receive finds no more than an end of stream.
 */
static bool send_rest(struct uring *u, uint32_t index, int32_t taken)
{
    struct net_op *op = &u->nio.table.ops[index];
    struct net_io_conn *conn = &u->nio.table.conns[op->conn];
    op->res += taken;
    if (VK_LIKELY((uint32_t)op->res == op->len)) {
        conn->flags &= (uint16_t)~NET_IO_CONN_RESET;
        return false;
    }
    conn->flags |= NET_IO_CONN_RESET;
    if (op->state == NET_OP_CANCELED || (conn->flags & NET_IO_CONN_FD_GONE))
        return false;
    arm(u, index);
    return true;
}

/* The result of an outgoing operation as the caller sees it. */
static int32_t out_result(const struct net_op *op, struct net_io_conn *conn, int32_t res)
{
    if (op->code == PROC_IO_SEND && (res > 0 || (res == -ECANCELED && op->res > 0)))
        return op->res; /* all of it, or what was managed before its cancel or a reset behind a CLOSE */
    if (res == -ECONNRESET)
        conn->flags |= NET_IO_CONN_RESET;
    return res < 0 ? net_sock_err(-res) : res;
}

static bool on_out(struct uring *u, uint32_t index, int32_t res, struct proc_io_event *ev)
{
    struct net_table *t = &u->nio.table;
    struct net_op *op = &t->ops[index];
    uint32_t conn_index = op->conn;
    struct net_io_conn *conn = &t->conns[conn_index];
    if (op->code == PROC_IO_SEND && res > 0 && send_rest(u, index, res))
        return false;
    if (VK_UNLIKELY(res == -EINTR) && op->code == PROC_IO_SEND && op->state != NET_OP_CANCELED &&
        !(conn->flags & NET_IO_CONN_FD_GONE)) {
        arm(u, index); /* a signal came before the first byte went */
        return false;
    }
    u->nio.stats.sends += op->code == PROC_IO_SEND;
    net_out_pop(t, conn);
    net_op_finish(t, index, out_result(op, conn, res), ev);
    if (VK_UNLIKELY(conn->out != 0)) {
        start_out(u, conn_index);
    } else if (conn->close != 0) {
        start_close(u, conn_index);
        finish_close(u, conn_index);
    }
    return true;
}

static bool on_close(struct uring *u, uint32_t index, int32_t res)
{
    uint32_t conn_index = u->nio.table.ops[index].conn;
    if (res == -ECANCELED) /* not carried out, the send it was linked to was refused */
        (void)close(u->nio.table.conns[conn_index].fd);
    /* else the descriptor is gone, whatever close says */
    u->nio.table.conns[conn_index].flags |= NET_IO_CONN_CLOSED;
    net_io_descriptor_freed(&u->nio);
    finish_close(u, conn_index);
    return false;
}

/* One completion of the ring; true when *ev was written. */
static bool on_cqe(struct uring *u, const struct io_uring_cqe *cqe, struct proc_io_event *ev)
{
    uint32_t index = (uint32_t)cqe->user_data;
    if (VK_UNLIKELY(index == 0)) {
        if (cqe->user_data == DATA_WAKE) {
            u->woken = true;
            if (cqe->res != -ECANCELED) /* by destroy */
                arm_wake(u);
        }
        return false;
    }
    const struct net_op *op = &u->nio.table.ops[index];
    vk_assert(op->seq == cqe->user_data >> 32);
    switch ((enum proc_io_code)op->code) {
    case PROC_IO_RECV:
        return on_recv(u, index, cqe, ev);
    case PROC_IO_RECV_INTO:
        return on_recv_into(u, index, cqe, ev);
    case PROC_IO_ACCEPT:
        return on_accept(u, index, cqe, ev);
    case PROC_IO_CLOSE:
        return on_close(u, index, cqe->res);
    case PROC_IO_SEND:
    case PROC_IO_SHUTDOWN:
    case PROC_IO_CONNECT:
        break;
    }
    return on_out(u, index, cqe->res, ev);
}

/* ---- waiting -------------------------------------------------------------- */

static uint32_t reap(struct uring *u, struct proc_io_event *events, uint32_t max)
{
    struct net_ring *r = &u->ring;
    uint32_t tail = __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE);
    uint32_t count = 0;
    while (r->cq_local != tail && count < max) {
        const struct io_uring_cqe *cqe = &r->cqes[r->cq_local++ & r->cq_mask];
        count += on_cqe(u, cqe, &events[count]);
    }
    __atomic_store_n(r->cq_head, r->cq_local, __ATOMIC_RELEASE);
    return count + net_done_take(&u->nio.table, events + count, max - count);
}

static void resume_accepts(struct uring *u)
{
    uint32_t index = net_io_accept_resume(&u->nio);
    while (index != 0) {
        uint32_t next = u->nio.table.ops[index].next;
        arm(u, index);
        index = next;
    }
}

/* Poll until there is a completion or until_ns; a look costs no system call. */
static void spin_until(struct uring *u, uint64_t until_ns)
{
    const struct net_ring *r = &u->ring;
    u->nio.stats.spins++;
    do {
        for (int i = 0; i < SPIN_LOOKS; i++) {
            if (!cq_empty(r))
                return;
            if (cq_pending(r)) {
                (void)submit_and_wait(u, 0, 0);
                break; /* what it ran need not have completed anything */
            }
            net_spin_pause();
        }
    } while (net_clock_ns() < until_ns);
}

/* Sleep in a wait that began at start_ns. False when the wait of the caller ends with this. */
static bool sleep_now(struct uring *u, uint64_t start_ns, uint64_t until_ns)
{
    bool is_eager = u->spin.eager_ns != 0;
    uint64_t asleep_ns = is_eager ? net_clock_ns() : start_ns;
    bool goes_on = submit_and_wait(u, 1, until_ns == UINT64_MAX ? UINT64_MAX : until_ns - start_ns);
    if (is_eager)
        net_spin_slept(&u->spin, asleep_ns, net_clock_ns());
    return goes_on;
}

/* Wait with nothing to deliver. False when the wait of the caller ends with this. */
static bool sleep_until(struct uring *u, uint64_t until_ns)
{
    const struct net_ring *r = &u->ring;
    uint64_t start_ns = net_clock_ns();
    bool idle = r->sq_local == r->sq_known;
    uint32_t spin_ns = net_spin_wanted(&u->spin, start_ns);
    if (until_ns <= start_ns)
        return submit_and_wait(u, 0, 0);
    if (spin_ns != 0) {
        if (!idle)
            (void)submit_and_wait(u, 0, 0);
        uint64_t end_ns = start_ns + spin_ns;
        spin_until(u, end_ns < until_ns ? end_ns : until_ns);
    }
    bool goes_on = true;
    if (spin_ns == 0 || cq_empty(r))
        goes_on = sleep_now(u, start_ns, until_ns);
    if (idle)
        net_spin_note(&u->spin, start_ns, net_clock_ns(), spin_ns != 0);
    return goes_on;
}

/* Submit, and block when there is nothing to deliver yet. False when the wait ends with this. */
static bool submit_or_sleep(struct uring *u, uint64_t deadline_ns)
{
    const struct net_ring *r = &u->ring;
    if (u->nio.table.done_first != 0 || !cq_empty(r)) {
        if (r->sq_local != r->sq_known || cq_pending(r))
            (void)submit_and_wait(u, 0, 0);
        return true;
    }
    if (deadline_ns == 0) {
        (void)submit_and_wait(u, 0, 0);
        return false;
    }
    uint64_t accept_ns = net_io_retry_at(&u->nio);
    return sleep_until(u, deadline_ns < accept_ns ? deadline_ns : accept_ns);
}

static uint32_t uring_wait(struct proc_io *io, struct proc_io_event *events, uint32_t max,
                           uint64_t deadline_ns, uint64_t *ret_now_ns)
{
    struct uring *u = (struct uring *)io;
    uint32_t count;
    bool again;
    u->nio.stats.waits++;
    u->woken = false;
    net_ring_quieten(&u->ring);
    return_bufs(&u->ring);
    do {
        if (VK_UNLIKELY(u->nio.paused != 0))
            resume_accepts(u);
        again = submit_or_sleep(u, deadline_ns);
        count = reap(u, events, max);
        u->nio.now_ns = net_clock_ns();
    } while (count == 0 && again && !u->woken && u->nio.now_ns < deadline_ns);
    *ret_now_ns = u->nio.now_ns;
    return count;
}

/*
 * End everything in the ring now. Left alone the kernel would do it some time
 * after the ring is closed, and a listener's port stay taken until then.
 * Completions are taken as ever, since connections may be among them, until a
 * turn brings none.
 */
static void cancel_all(struct uring *u)
{
    struct proc_io_event dropped[64];
    uint32_t count = 1;
    for (int turn = 0; (count != 0 || u->ring.sq_local != u->ring.sq_known) && turn < DESTROY_TURNS; turn++) {
        struct io_uring_sqe *sqe = next_sqe(u);
        io_uring_prep_cancel(sqe, NULL, IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY);
        sqe->user_data = DATA_CANCEL;
        return_bufs(&u->ring);
        (void)submit_and_wait(u, 1, DESTROY_NS);
        for (count = 0; !cq_empty(&u->ring) || u->nio.table.done_first != 0; (void)submit_and_wait(u, 0, 0))
            count += reap(u, dropped, VK_COUNT(dropped));
    }
}

static void uring_destroy(struct proc_io *io)
{
    struct uring *u = (struct uring *)io;
    cancel_all(u);
    net_ring_fini(&u->ring);
    net_io_fini(&u->nio);
    net_io_unmap(u, sizeof *u);
}

static const struct proc_io_ops uring_ops = {
    .name = "uring",
    .listen = net_io_listen,
    .open = net_io_open,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .wait = uring_wait,
    .now = net_io_now,
    .wake = net_io_wake,
    .peer = net_io_peer,
    .taken = net_io_taken,
    .destroy = uring_destroy,
};

static int uring_fd(struct net_io *nio)
{
    return net_ring_fd(&((struct uring *)nio)->ring);
}

/* Something to submit, or to be told of. */
static bool uring_is_due(const struct net_io *nio)
{
    const struct net_ring *r = &((const struct uring *)nio)->ring;
    return r->sq_local != r->sq_known || !cq_empty(r) || cq_pending(r);
}

static const struct net_io_own uring_own = {.fd = uring_fd, .is_due = uring_is_due};

int net_uring_create(const struct net_io_options *options, struct proc_io **ret_io)
{
    struct uring *u = net_io_map(sizeof *u);
    if (u == NULL)
        return -VK_ENOMEM;
    int err = net_io_init(&u->nio, &uring_ops, &uring_own, options);
    if (err != 0) {
        net_io_unmap(u, sizeof *u);
        return err;
    }
    err = net_ring_init(&u->ring, options);
    if (err != 0) {
        net_io_fini(&u->nio);
        net_io_unmap(u, sizeof *u);
        return err;
    }
    net_spin_init(&u->spin, options->no_spin, options->spin_ns);
    arm_wake(u);
    *ret_io = &u->nio.io;
    return 0;
}
