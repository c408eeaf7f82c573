/* SPDX-License-Identifier: Apache-2.0 */
#undef _FILE_OFFSET_BITS /* names as they are linked */
#include "tests/embed/fail.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool is_on;
    bool is_paused;
    bool goes_on;
    uint32_t count;
    uint32_t nth;
} state;

void fail_begin(uint32_t nth, bool goes_on)
{
    state.nth = nth;
    state.goes_on = goes_on;
    state.count = 0;
    state.is_paused = false;
    state.is_on = true;
}

uint32_t fail_end(void)
{
    state.is_on = false;
    return state.count;
}

void fail_pause(bool pauses)
{
    state.is_paused = pauses;
}

static bool is_due(int error)
{
    if (!state.is_on || state.is_paused)
        return false;
    uint32_t at = state.count++;
    if (at != state.nth && !(state.goes_on && at > state.nth))
        return false;
    errno = error;
    return true;
}

/* The function that this one stands in front of. */
#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        _exit(99);
    return found;
}

#define FRONT(type, name, params, args, error, failed) \
    type name params                                   \
    {                                                  \
        if (is_due(error))                             \
            return failed;                             \
        return REAL(name) args;                        \
    }

FRONT(void *, mmap, (void *at, size_t len, int prot, int flags, int fd, off_t off),
      (at, len, prot, flags, fd, off), ENOMEM, MAP_FAILED)
FRONT(void *, mmap64, (void *at, size_t len, int prot, int flags, int fd, off64_t off),
      (at, len, prot, flags, fd, off), ENOMEM, MAP_FAILED)
FRONT(int, madvise, (void *at, size_t len, int advice), (at, len, advice), ENOMEM, -1)
FRONT(int, eventfd, (unsigned count, int flags), (count, flags), EMFILE, -1)
FRONT(int, epoll_create1, (int flags), (flags), EMFILE, -1)
FRONT(int, epoll_ctl, (int fd, int op, int of, struct epoll_event *event), (fd, op, of, event), ENOMEM, -1)
FRONT(int, socket, (int family, int type, int protocol), (family, type, protocol), EMFILE, -1)
FRONT(int, bind, (int fd, const struct sockaddr *at, socklen_t len), (fd, at, len), EADDRINUSE, -1)
FRONT(int, listen, (int fd, int backlog), (fd, backlog), EADDRINUSE, -1)
FRONT(int, accept4, (int fd, struct sockaddr *at, socklen_t *len, int flags), (fd, at, len, flags), EMFILE,
      -1)
FRONT(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
      (fd, level, name, value, len), ENOBUFS, -1)
FRONT(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
      (fd, level, name, value, len), ENOBUFS, -1)
FRONT(int, getsockname, (int fd, struct sockaddr *at, socklen_t *len), (fd, at, len), ENOBUFS, -1)
FRONT(ssize_t, recv, (int fd, void *to, size_t len, int flags), (fd, to, len, flags), ENOMEM, -1)
FRONT(ssize_t, send, (int fd, const void *from, size_t len, int flags), (fd, from, len, flags), ENOBUFS, -1)
FRONT(int, shutdown, (int fd, int how), (fd, how), ENOTCONN, -1)
FRONT(ssize_t, read, (int fd, void *to, size_t len), (fd, to, len), EIO, -1)
FRONT(ssize_t, write, (int fd, const void *from, size_t len), (fd, from, len), EIO, -1)
FRONT(int, fstat64, (int fd, struct stat64 *about), (fd, about), EIO, -1)
FRONT(ssize_t, getrandom, (void *to, size_t len, unsigned flags), (to, len, flags), ENOSYS, -1)
FRONT(int, getrlimit64, (__rlimit_resource_t which, struct rlimit64 *limit), (which, limit), EPERM, -1)
FRONT(int, sigaltstack, (const stack_t *stack, stack_t *before), (stack, before), ENOMEM, -1)
FRONT(int, timer_create, (clockid_t clock, struct sigevent *event, timer_t *timer), (clock, event, timer),
      EAGAIN, -1)
FRONT(int, timer_settime,
      (timer_t timer, int flags, const struct itimerspec *value, struct itimerspec *before),
      (timer, flags, value, before), EINVAL, -1)
FRONT(int, io_uring_queue_init_params,
      (unsigned entries, struct io_uring *ring, struct io_uring_params *params), (entries, ring, params),
      ENOMEM, -ENOMEM)
FRONT(int, io_uring_register, (unsigned fd, unsigned what, const void *arg, unsigned count),
      (fd, what, arg, count), ENOMEM, -ENOMEM)
FRONT(int, io_uring_register_buf_ring, (struct io_uring * ring, struct io_uring_buf_reg *reg, unsigned flags),
      (ring, reg, flags), ENOMEM, -ENOMEM)
FRONT(int, io_uring_register_ring_fd, (struct io_uring * ring), (ring), EINVAL, -EINVAL)
FRONT(int, io_uring_enter2,
      (unsigned fd, unsigned submit, unsigned wait, unsigned flags, sigset_t *set, size_t size),
      (fd, submit, wait, flags, set, size), EAGAIN, -EAGAIN)

/* Opening fails; closing may not, so only a change that opens is asked for here. */
int mprotect(void *at, size_t len, int prot)
{
    if (prot != PROT_NONE && is_due(ENOMEM))
        return -1;
    return REAL(mprotect)(at, len, prot);
}

int open64(const char *path, int flags, ...)
{
    if (is_due(EMFILE))
        return -1;
    return REAL(open64)(path, flags, 0);
}

int fcntl64(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    long value = va_arg(rest, long);
    va_end(rest);
    return is_due(EINVAL) ? -1 : REAL(fcntl64)(fd, command, value);
}

int prctl(int what, ...)
{
    va_list rest;
    unsigned long values[4];
    va_start(rest, what);
    for (int i = 0; i < 4; i++)
        values[i] = va_arg(rest, unsigned long);
    va_end(rest);
    return is_due(EINVAL) ? -1 : REAL(prctl)(what, values[0], values[1], values[2], values[3]);
}
