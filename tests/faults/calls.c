/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doubles of the system calls that the platform and the drivers make. A call
 * that fails is not made, but close, which frees the descriptor whatever it
 * says. A completion of the ring fails by its entry: the descriptor in it is
 * replaced by none, and what the ring says of that by the wanted error, so
 * that the ring itself knows the operation has ended.
 */
#include "tests/faults/faults.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS_MAX     4096
#define PATCHES_MAX 16u
#define ACCEPTS_MAX 8u

struct call_fault call_fault;
bool calls_in_kernel, calls_one_accept;

static bool victim_ports[65536];
static bool victim_fds[FDS_MAX];

/* The one ring of a driver. */
static struct io_uring *ring;
static unsigned sq_seen, cq_seen;
static struct patch {
    uint64_t user_data;
    int fd; /* to be closed, or -1 */
    bool is_open;
} patches[PATCHES_MAX];
static uint64_t accepts[ACCEPTS_MAX]; /* user_data */
static uint32_t accepts_next;

int __real_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
ssize_t __real_recv(int fd, void *buf, size_t len, int flags);
ssize_t __real_send(int fd, const void *buf, size_t len, int flags);
int __real_shutdown(int fd, int how);
int __real_close(int fd);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __real_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
ssize_t __real_read(int fd, void *buf, size_t len);
int __real_mprotect(void *base, size_t len, int prot);
int __real_madvise(void *base, size_t len, int advice);
void *__real_mmap64(void *base, size_t len, int prot, int flags, int fd, off_t off);
int __real_io_uring_queue_init_params(unsigned entries, struct io_uring *r, struct io_uring_params *p);
int __real_io_uring_enter2(unsigned fd, unsigned to_submit, unsigned wait_nr, unsigned flags, sigset_t *sig,
                           size_t len);

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
int __wrap_shutdown(int fd, int how);
int __wrap_close(int fd);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
ssize_t __wrap_read(int fd, void *buf, size_t len);
int __wrap_mprotect(void *base, size_t len, int prot);
int __wrap_madvise(void *base, size_t len, int advice);
void *__wrap_mmap64(void *base, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *r, struct io_uring_params *p);
int __wrap_io_uring_enter2(unsigned fd, unsigned to_submit, unsigned wait_nr, unsigned flags, sigset_t *sig,
                           size_t len);

void calls_aim_at(uint16_t port, bool is_victim)
{
    victim_ports[port] = is_victim;
}

void calls_forget(void)
{
    ring = NULL;
    sq_seen = cq_seen = 0;
    accepts_next = 0;
    memset(accepts, 0, sizeof accepts);
    memset(patches, 0, sizeof patches);
    memset(victim_fds, 0, sizeof victim_fds);
}

/* ---- whom a fault meets ------------------------------------------------------- */

/* A descriptor has been made by accepting: whose is it? */
static void accepted(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
    } from = {0};
    socklen_t len = sizeof from;
    if (fd >= 0 && fd < FDS_MAX && __real_getpeername(fd, &from.any, &len) == 0)
        victim_fds[fd] = victim_ports[ntohs(from.v4.sin_port)];
}

static bool is_victim(int fd)
{
    return fd >= 0 && fd < FDS_MAX && victim_fds[fd];
}

static bool fails(enum call call, int fd)
{
    struct call_fault *f = &call_fault;
    if (!calls_in_kernel || f->call != call || f->fired == f->times)
        return false;
    if (call < CALL_ACCEPT && !is_victim(fd))
        return false;
    if (f->skip > 0) {
        f->skip--;
        return false;
    }
    f->fired++;
    errno = f->err;
    return true;
}

/* ---- plain calls ---------------------------------------------------------------- */

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    if (fails(CALL_ACCEPT, fd))
        return -1;
    int made = __real_accept4(fd, addr, len, flags);
    int saved = errno;
    accepted(made);
    errno = saved;
    return made;
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
    if (fails(CALL_RECV, fd)) {
        if (call_fault.err != CALL_SHORT)
            return -1;
        len = 1;
    }
    return __real_recv(fd, buf, len, flags);
}

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
    if (fails(CALL_SEND, fd)) {
        if (call_fault.err != CALL_SHORT)
            return -1;
        len = 1;
    }
    return __real_send(fd, buf, len, flags);
}

int __wrap_shutdown(int fd, int how)
{
    return fails(CALL_SHUTDOWN, fd) ? -1 : __real_shutdown(fd, how);
}

int __wrap_close(int fd)
{
    bool said = fails(CALL_CLOSE, fd);
    if (calls_in_kernel && fd >= 0 && fd < FDS_MAX)
        victim_fds[fd] = false;
    int rc = __real_close(fd);
    if (!said)
        return rc;
    errno = call_fault.err;
    return -1;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return fails(CALL_SETSOCKOPT, fd) ? -1 : __real_setsockopt(fd, level, name, value, len);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return fails(CALL_GETSOCKOPT, fd) ? -1 : __real_getsockopt(fd, level, name, value, len);
}

int __wrap_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    return fails(CALL_GETPEERNAME, fd) ? -1 : __real_getpeername(fd, addr, len);
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return count == 1 && fails(CALL_POLL, fds[0].fd) ? -1 : __real_poll(fds, count, timeout_ms);
}

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
    return fails(CALL_READ, fd) ? -1 : __real_read(fd, buf, len);
}

int __wrap_mprotect(void *base, size_t len, int prot)
{
    /* The kernel's own critical part opens again as it closed: a mapping of its own. */
    bool opens_slot = prot != PROT_NONE && world.kernel && base != world.kernel->guard.critical;
    return opens_slot && fails(CALL_MPROTECT, -1) ? -1 : __real_mprotect(base, len, prot);
}

int __wrap_madvise(void *base, size_t len, int advice)
{
    return fails(CALL_MADVISE, -1) ? -1 : __real_madvise(base, len, advice);
}

void *__wrap_mmap64(void *base, size_t len, int prot, int flags, int fd, off_t off)
{
    return fails(CALL_MMAP, fd) ? MAP_FAILED : __real_mmap64(base, len, prot, flags, fd, off);
}

/* ---- libev's calls: it takes these in place of libc's ------------------------------- */

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    if (fails(CALL_EPOLL_CTL, fd) || fails(CALL_EPOLL_CTL_ANY, fd))
        return -1;
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
    if (fails(CALL_EPOLL_WAIT, -1))
        return -1;
    return (int)syscall(SYS_epoll_wait, epfd, events, max, timeout_ms);
}

/* ---- the ring --------------------------------------------------------------------- */

int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *r, struct io_uring_params *p)
{
    ring = r;
    return __real_io_uring_queue_init_params(entries, r, p);
}

static enum call call_of(uint8_t opcode)
{
    switch (opcode) {
    case IORING_OP_ACCEPT:
        return RING_ACCEPT;
    case IORING_OP_RECV:
        return RING_RECV;
    case IORING_OP_SEND:
        return RING_SEND;
    case IORING_OP_CLOSE:
        return RING_CLOSE;
    case IORING_OP_READ:
        return RING_READ;
    default:
        return CALL_NONE;
    }
}

static struct patch *patch_of(uint64_t user_data)
{
    for (uint32_t i = 0; i < PATCHES_MAX; i++)
        if (patches[i].is_open && patches[i].user_data == user_data)
            return &patches[i];
    return NULL;
}

static void spoil(struct io_uring_sqe *sqe)
{
    for (uint32_t i = 0; i < PATCHES_MAX; i++) {
        if (patches[i].is_open)
            continue;
        patches[i] = (struct patch){sqe->user_data, sqe->opcode == IORING_OP_CLOSE ? sqe->fd : -1, true};
        sqe->fd = -1;
        return;
    }
}

static bool is_accept(uint64_t user_data)
{
    for (uint32_t i = 0; i < ACCEPTS_MAX; i++)
        if (accepts[i] != 0 && accepts[i] == user_data)
            return true;
    return false;
}

/* Entries that were filled in since: the doomed ones are spoiled. */
static void look_at_entries(void)
{
    for (unsigned tail = *ring->sq.ktail; sq_seen != tail; sq_seen++) {
        struct io_uring_sqe *sqe = &ring->sq.sqes[sq_seen & *ring->sq.kring_mask];
        enum call call = call_of(sqe->opcode);
        if (call == RING_ACCEPT && calls_one_accept)
            sqe->ioprio = 0;
        if (call == RING_ACCEPT && !is_accept(sqe->user_data))
            accepts[accepts_next++ % ACCEPTS_MAX] = sqe->user_data;
        if (call != CALL_NONE && fails(call, sqe->fd))
            spoil(sqe);
        else if (sqe->opcode == IORING_OP_CLOSE && sqe->fd >= 0 && sqe->fd < FDS_MAX)
            victim_fds[sqe->fd] = false;
    }
}

static void look_at_completions(void)
{
    unsigned tail = __atomic_load_n(ring->cq.ktail, __ATOMIC_ACQUIRE);
    for (; cq_seen != tail; cq_seen++) {
        struct io_uring_cqe *cqe = &ring->cq.cqes[cq_seen & *ring->cq.kring_mask];
        struct patch *patch = patch_of(cqe->user_data);
        if (is_accept(cqe->user_data))
            accepted(cqe->res);
        if (patch == NULL)
            continue;
        cqe->res = -call_fault.err;
        if (patch->fd >= 0)
            (void)__real_close(patch->fd);
        patch->is_open = false;
    }
}

int __wrap_io_uring_enter2(unsigned fd, unsigned to_submit, unsigned wait_nr, unsigned flags, sigset_t *sig,
                           size_t len)
{
    if (fails(CALL_ENTER, -1))
        return -call_fault.err;
    look_at_entries();
    int rc = __real_io_uring_enter2(fd, to_submit, wait_nr, flags, sig, len);
    look_at_completions();
    return rc;
}
