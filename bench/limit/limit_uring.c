/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The io_uring yardstick: one thread, multishot accept, multishot receive into
 * provided buffers, sends queued while completions are read and submitted with
 * the next wait: one io_uring_enter per turn of the loop.
 *
 * A connection's first receive is one-shot, since a connection that serves one
 * request then has nothing armed to take back. Completions of sends that
 * succeed are suppressed, so a peer that pipelines without ever reading could
 * see answers out of order: good enough for a yardstick, for nothing else.
 */
#include "limit.h"

#include <liburing.h>
#include <sys/mman.h>

#define SQ_ENTRIES   2048u
#define CQ_ENTRIES   16384u
#define BUFFERS      2048u /* a power of two; 2 MiB shared by all connections */
#define BUFFER_BYTES 1024u

enum op { OP_ACCEPT = 1, OP_RECV, OP_RECV_MULTI, OP_SEND, OP_CLOSE };

struct conn {
    char *carry;        /* the beginning of a head that is not complete yet */
    uint32_t carry_len; /* of it */
};

static struct conn conns[LIMIT_CONNS_MAX];
static struct limit_answer answer;
static struct io_uring ring;
static struct io_uring_buf_ring *buffer_ring;
static char *buffers;
static int buffers_returned; /* in this turn, not yet published */
static int listener;

static uint64_t tag(enum op op, int fd)
{
    return (uint64_t)op << 32 | (uint32_t)fd;
}

static struct io_uring_sqe *next_sqe(void)
{
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&ring)))
        io_uring_submit(&ring);
    return sqe;
}

static void arm_accept(void)
{
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = tag(OP_ACCEPT, 0);
}

static void arm_recv(int fd, enum op op)
{
    struct io_uring_sqe *sqe = next_sqe();
    if (op == OP_RECV_MULTI)
        io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    else
        io_uring_prep_recv(sqe, fd, NULL, BUFFER_BYTES, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    sqe->user_data = tag(op, fd);
}

static void queue_send(int fd, const char *p, size_t len)
{
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_send(sqe, fd, p, len, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = tag(OP_SEND, fd);
}

/* A send that is blocked keeps a reference of its own: nothing is cut off. */
static void queue_close(int fd)
{
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_close(sqe, fd);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = tag(OP_CLOSE, fd);
    free(conns[fd].carry);
    conns[fd] = (struct conn){0};
}

/* Its -ECANCELED completion closes the connection. */
static void queue_cancel_recv(int fd)
{
    struct io_uring_sqe *sqe = next_sqe();
    io_uring_prep_cancel64(sqe, tag(OP_RECV_MULTI, fd), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = tag(OP_CLOSE, fd);
}

static bool carry(struct conn *c, const char *p, size_t len)
{
    if (len > LIMIT_CARRY_BYTES || !(c->carry || (c->carry = malloc(LIMIT_CARRY_BYTES))))
        return false;
    memcpy(c->carry, p, len);
    c->carry_len = (uint32_t)len;
    return true;
}

/* Answer the heads in p. False when the connection is to be closed after them. */
static bool on_bytes(int fd, const char *p, size_t len)
{
    static char joined[LIMIT_CARRY_BYTES + BUFFER_BYTES];
    struct conn *c = &conns[fd];
    if (c->carry_len > 0) {
        memcpy(joined, c->carry, c->carry_len);
        memcpy(joined + c->carry_len, p, len);
        p = joined;
        len += c->carry_len;
        c->carry_len = 0;
    }
    struct limit_scan s = limit_scan(p, len);
    for (uint32_t owed = s.heads - s.last; owed > 0;) {
        uint32_t count = owed < LIMIT_COPIES ? owed : LIMIT_COPIES;
        queue_send(fd, answer.keep, count * answer.keep_len);
        owed -= count;
    }
    if (s.last) {
        queue_send(fd, answer.last, answer.last_len);
        return false;
    }
    return s.used_bytes == len || carry(c, p + s.used_bytes, len - s.used_bytes);
}

static void on_recv(int fd, const struct io_uring_cqe *cqe)
{
    bool more = cqe->flags & IORING_CQE_F_MORE, keep = true;
    if (cqe->res > 0) {
        unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        char *p = buffers + id * BUFFER_BYTES;
        keep = on_bytes(fd, p, (size_t)cqe->res);
        io_uring_buf_ring_add(buffer_ring, p, BUFFER_BYTES, (unsigned short)id, BUFFERS - 1,
                              buffers_returned++);
    } else if (cqe->res != -ENOBUFS) {
        keep = false;
    }
    if (!keep && more)
        queue_cancel_recv(fd);
    else if (!keep)
        queue_close(fd);
    else if (!more)
        arm_recv(fd, OP_RECV_MULTI);
}

static void on_accept(const struct io_uring_cqe *cqe)
{
    if (cqe->res >= 0 && (uint32_t)cqe->res < LIMIT_CONNS_MAX)
        arm_recv(cqe->res, OP_RECV);
    else if (cqe->res >= 0)
        close(cqe->res);
    if (!(cqe->flags & IORING_CQE_F_MORE))
        arm_accept();
}

/* Sends and closes complete only when they fail; the receive sees the reset too. */
static void on_completion(const struct io_uring_cqe *cqe)
{
    enum op op = (enum op)(cqe->user_data >> 32);
    if (op == OP_ACCEPT)
        on_accept(cqe);
    else if (op == OP_RECV || op == OP_RECV_MULTI)
        on_recv((int)(uint32_t)cqe->user_data, cqe);
}

static void check(int err, const char *what)
{
    if (err == 0)
        return;
    fprintf(stderr, "limit_uring: %s: %s\n", what, strerror(-err));
    exit(1);
}

static void *map(size_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    check(p == MAP_FAILED ? -errno : 0, "mmap");
    return p;
}

static void ring_init(void)
{
    struct io_uring_params params = {.cq_entries = CQ_ENTRIES,
                                     .flags = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN};
    check(io_uring_queue_init_params(SQ_ENTRIES, &ring, &params), "io_uring_setup");
    io_uring_register_ring_fd(&ring);
    buffer_ring = map(BUFFERS * sizeof(struct io_uring_buf));
    buffers = map(BUFFERS * BUFFER_BYTES);
    struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)buffer_ring, .ring_entries = BUFFERS};
    check(io_uring_register_buf_ring(&ring, &reg, 0), "provided buffers");
    io_uring_buf_ring_init(buffer_ring);
    for (unsigned i = 0; i < BUFFERS; i++)
        io_uring_buf_ring_add(buffer_ring, buffers + i * BUFFER_BYTES, BUFFER_BYTES, (unsigned short)i,
                              BUFFERS - 1, (int)i);
    io_uring_buf_ring_advance(buffer_ring, (int)BUFFERS);
}

int main(int argc, char **argv)
{
    struct limit_options o = limit_options_parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    ring_init();
    listener = limit_listen(o.port, 0, o.defer);
    arm_accept();
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;
        io_uring_submit_and_wait(&ring, 1);
        limit_answer_refresh(&answer);
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            on_completion(cqe);
            count++;
        }
        io_uring_cq_advance(&ring, count);
        if (buffers_returned > 0)
            io_uring_buf_ring_advance(buffer_ring, buffers_returned);
        buffers_returned = 0;
    }
}
