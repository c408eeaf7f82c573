/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a program: one call of one kind fails, as the environment
 * says. FAULT_KIND: a name of the list below; FAULT_NTH: which of its calls,
 * from 1; FAULT_ERRNO; FAULT_LOG: a file that gets a byte when that happens.
 * Children count on from where their parent was.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MEMORY "allocation"

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);
void *__libc_memalign(size_t align, size_t len);

static char kind[32];
static long nth, seen;
static int error;

__attribute__((constructor)) static void read_plan(void)
{
    const char *name = getenv("FAULT_KIND"), *number = getenv("FAULT_NTH"), *code = getenv("FAULT_ERRNO");
    if (name == NULL || number == NULL || code == NULL)
        return;
    strncpy(kind, name, sizeof kind - 1);
    error = atoi(code);
    nth = atol(number); /* last: from here on calls are counted */
}

static bool fails(const char *name)
{
    if (nth == 0 || strcmp(kind, name) != 0 || ++seen != nth)
        return false;
    const char *path = getenv("FAULT_LOG");
    int fd = path ? (int)syscall(SYS_open, path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)!syscall(SYS_write, fd, "x", 1);
        (void)syscall(SYS_close, fd);
    }
    errno = error;
    return true;
}

/* ---- memory --------------------------------------------------------------------- */

void *malloc(size_t len)
{
    return fails(MEMORY) ? NULL : __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
    return fails(MEMORY) ? NULL : __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
    return fails(MEMORY) ? NULL : __libc_realloc(old, len);
}

void *aligned_alloc(size_t align, size_t len)
{
    return fails(MEMORY) ? NULL : __libc_memalign(align, len);
}

void *mmap64(void *base, size_t len, int prot, int flags, int fd, off64_t off)
{
    return fails("mmap") ? MAP_FAILED : (void *)syscall(SYS_mmap, base, len, prot, flags, fd, off);
}

int mprotect(void *base, size_t len, int prot)
{
    /* What closes restores what was there, and is not refused. */
    return prot != PROT_NONE && fails("mprotect") ? -1 : (int)syscall(SYS_mprotect, base, len, prot);
}

int madvise(void *base, size_t len, int advice)
{
    return fails("madvise") ? -1 : (int)syscall(SYS_madvise, base, len, advice);
}

/* ---- system calls ------------------------------------------------------------------ */

int socket(int domain, int type, int protocol)
{
    return fails("socket") ? -1 : (int)syscall(SYS_socket, domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
    return fails("socketpair") ? -1 : (int)syscall(SYS_socketpair, domain, type, protocol, fds);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    return fails("bind") ? -1 : (int)syscall(SYS_bind, fd, addr, len);
}

int listen(int fd, int backlog)
{
    return fails("listen") ? -1 : (int)syscall(SYS_listen, fd, backlog);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return fails("setsockopt") ? -1 : (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return fails("getsockopt") ? -1 : (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    return fails("getsockname") ? -1 : (int)syscall(SYS_getsockname, fd, addr, len);
}

int fcntl64(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    long value = va_arg(rest, long);
    va_end(rest);
    return fails("fcntl") ? -1 : (int)syscall(SYS_fcntl, fd, command, value);
}

int eventfd(unsigned count, int flags)
{
    return fails("eventfd") ? -1 : (int)syscall(SYS_eventfd2, count, flags);
}

int signalfd(int fd, const sigset_t *mask, int flags)
{
    return fails("signalfd") ? -1 : (int)syscall(SYS_signalfd4, fd, mask, 8, flags);
}

int epoll_create1(int flags)
{
    return fails("epoll_create") ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

int epoll_ctl(int epfd, int op, int fd, void *event)
{
    return fails("epoll_ctl") ? -1 : (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    return fails("prctl") ? -1 : (int)syscall(SYS_prctl, option, a, b, c, d);
}

int sigaltstack(const stack_t *stack, stack_t *before)
{
    return fails("sigaltstack") ? -1 : (int)syscall(SYS_sigaltstack, stack, before);
}

ssize_t getrandom(void *to, size_t len, unsigned flags)
{
    return fails("getrandom") ? -1 : syscall(SYS_getrandom, to, len, flags);
}

/* ---- what has its work done in a library ---------------------------------------------- */

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}

pid_t fork(void)
{
    pid_t (*real)(void);
    *(void **)&real = next("fork");
    return fails("fork") ? -1 : real();
}

int timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
    int (*real)(clockid_t, struct sigevent *, timer_t *);
    *(void **)&real = next("timer_create");
    return fails("timer_create") ? -1 : real(clock, event, timer);
}

int timer_settime(timer_t timer, int flags, const struct itimerspec *value, struct itimerspec *before)
{
    int (*real)(timer_t, int, const struct itimerspec *, struct itimerspec *);
    *(void **)&real = next("timer_settime");
    return fails("timer_settime") ? -1 : real(timer, flags, value, before);
}

/* liburing gives the error as a negative number. */
int io_uring_queue_init_params(unsigned entries, void *ring, void *params)
{
    int (*real)(unsigned, void *, void *);
    *(void **)&real = next("io_uring_queue_init_params");
    return fails("io_uring_setup") ? -error : real(entries, ring, params);
}

int io_uring_register(unsigned fd, unsigned what, const void *with, unsigned count)
{
    int (*real)(unsigned, unsigned, const void *, unsigned);
    *(void **)&real = next("io_uring_register");
    return fails("io_uring_register") ? -error : real(fd, what, with, count);
}

int io_uring_register_buf_ring(void *ring, void *buffers, unsigned flags)
{
    int (*real)(void *, void *, unsigned);
    *(void **)&real = next("io_uring_register_buf_ring");
    return fails("io_uring_register_buf_ring") ? -error : real(ring, buffers, flags);
}

int io_uring_register_ring_fd(void *ring)
{
    int (*real)(void *);
    *(void **)&real = next("io_uring_register_ring_fd");
    return fails("io_uring_register_ring_fd") ? -error : real(ring);
}
