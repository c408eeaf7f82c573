/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the conformance suite cannot know: the drivers of Linux against the
 * things of Linux. Seccomp, restrictions of the ring, descriptors running out,
 * ports, IPv6, adopted listeners, signals, and the number of system calls.
 *
 *     test_driver_linux        all cases, each in an OS process of its own
 *
 * The client ends are plain blocking sockets of the test itself, so that what
 * a driver finds ready in a wait does not depend on timing.
 */
#include "net/linux/io.h"
#include "net/linux/spin.h"
#include "net/linux/uring_impl.h"
#include "vk/err.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, EVENTS = 128, CASE_LIMIT_S = 60 };
enum { TAG_ACCEPT = 1, TAG_CLOSE = 2, TAG_RECV = 1000, TAG_SEND = 2000 };

static enum net_io_kind kind;
static struct proc_io *io;
static struct proc_io_event events[EVENTS];

#define CHECK(cond)                                                      \
    do {                                                                 \
        if (!(cond)) {                                                   \
            fprintf(stderr, "  %s:%d: %s\n", __FILE__, __LINE__, #cond); \
            _exit(1);                                                    \
        }                                                                \
    } while (0)

static void skip(const char *why)
{
    fprintf(stderr, "  skipped: %s\n", why);
    _exit(SKIPPED);
}

static void create(void)
{
    const struct net_io_options options = {.no_spin = true};
    const char *why;
    CHECK(net_io_create(kind, &options, &io, &why) == 0);
    CHECK(strcmp(io->ops->name, kind == NET_IO_URING ? "uring" : "ev") == 0);
}

static const struct proc_addr loopback = {.family = 4, .ip = {127, 0, 0, 1}};

static uint32_t listen_on(const struct proc_addr *addr, struct proc_addr *ret_bound)
{
    uint32_t listener;
    CHECK(io->ops->listen(io, addr, false, &listener, ret_bound) == 0);
    return listener;
}

static void submit(uint8_t code, uint8_t flags, uint32_t conn, const void *buf, uint32_t len, uint64_t tag)
{
    const struct proc_io_req req = {
        .code = code, .flags = flags, .conn = conn, .buf = (void *)(uintptr_t)buf, .len = len, .tag = tag};
    CHECK(io->ops->submit(io, &req) == 0);
}

static uint32_t wait_ms(uint64_t timeout_ms)
{
    uint64_t now_ns;
    return io->ops->wait(io, events, EVENTS, io->ops->now(io) + timeout_ms * 1000000u, &now_ns);
}

/* Wait until a completion with this tag comes; others are dropped. */
static struct proc_io_event await(uint64_t tag)
{
    for (;;) {
        uint32_t count = wait_ms(1000);
        for (uint32_t i = 0; i < count; i++) {
            if (events[i].tag == tag)
                return events[i];
        }
    }
}

static int dial(const struct proc_addr *to)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(to->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};
    memcpy(&v4.sin_addr, to->ip, 4);
    memcpy(&v6.sin6_addr, to->ip, 16);
    bool is_v4 = to->family == 4;
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
                  is_v4 ? sizeof(v4) : sizeof(v6)) == 0);
    return fd;
}

/* One connection: what the client writes arrives, what is answered arrives there. */
static void exchange(uint32_t listener, const struct proc_addr *bound)
{
    char text[8];
    int fd = dial(bound);
    submit(PROC_IO_ACCEPT, 0, listener, NULL, 0, TAG_ACCEPT);
    struct proc_io_event accepted = await(TAG_ACCEPT);
    CHECK(accepted.res >= 0);
    uint32_t conn = (uint32_t)accepted.res;
    struct proc_addr peer;
    CHECK(io->ops->peer(io, conn, &peer) == 0);
    CHECK(peer.family == bound->family && memcmp(peer.ip, bound->ip, 4) == 0 && peer.port != 0);
    CHECK(write(fd, "hello", 5) == 5);
    submit(PROC_IO_RECV, 0, conn, NULL, 0, TAG_RECV);
    struct proc_io_event got = await(TAG_RECV);
    CHECK(got.res == 5 && memcmp(got.data, "hello", 5) == 0);
    submit(PROC_IO_SEND, 0, conn, "world", 5, TAG_SEND);
    CHECK(await(TAG_SEND).res == 5);
    CHECK(read(fd, text, sizeof(text)) == 5 && memcmp(text, "world", 5) == 0);
    submit(PROC_IO_CLOSE, 0, conn, NULL, 0, TAG_CLOSE);
    CHECK(await(TAG_CLOSE).res == 0);
    CHECK(read(fd, text, sizeof(text)) == 0);
    close(fd);
    io->ops->cancel(io, TAG_ACCEPT);
    CHECK(await(TAG_ACCEPT).res == -VK_ECANCELED);
}

/* ---- choosing ----------------------------------------------------------------- */

static void forbid_io_uring(uint32_t err)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog prog = {.len = VK_COUNT(code), .filter = code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
}

static void auto_falls_back(uint32_t err, int want)
{
    const struct net_io_options options = {0};
    const char *why;
    forbid_io_uring(err);
    CHECK(net_io_create(NET_IO_URING, &options, &io, &why) == want && why == NULL);
    CHECK(net_io_create(NET_IO_AUTO, &options, &io, &why) == 0);
    CHECK(strcmp(io->ops->name, "ev") == 0);
    CHECK(why != NULL && strstr(why, "io_uring") != NULL && strchr(why, '\n') == NULL);
    struct proc_addr bound;
    uint32_t listener = listen_on(&loopback, &bound);
    exchange(listener, &bound);
}

static void auto_falls_back_where_io_uring_is_refused(void)
{
    auto_falls_back(EPERM, -VK_EACCES);
}

static void auto_falls_back_where_io_uring_is_missing(void)
{
    auto_falls_back(ENOSYS, -VK_ENOTSUP);
}

static void auto_takes_uring_where_it_works(void)
{
    const struct net_io_options options = {0};
    const char *why;
    CHECK(net_io_create(NET_IO_AUTO, &options, &io, &why) == 0);
    CHECK(strcmp(io->ops->name, "uring") == 0 && why == NULL);
}

/* ---- the ring's restrictions --------------------------------------------------- */

static int32_t try_in_ring(struct net_ring *r, uint8_t code, uint8_t flags)
{
    struct io_uring_sqe *sqe = &r->sqes[r->sq_local & r->sq_mask];
    memset(sqe, 0, sizeof(*sqe));
    sqe->opcode = code;
    sqe->flags = flags;
    sqe->fd = AT_FDCWD;
    sqe->addr = (uintptr_t) "/etc/passwd";
    __atomic_store_n(r->sq_tail, ++r->sq_local, __ATOMIC_RELEASE);
    CHECK(io_uring_enter2((unsigned)r->enter_fd, 1, 1, r->enter_flags | IORING_ENTER_GETEVENTS, NULL, 0) ==
          1);
    CHECK(__atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) != r->cq_local);
    int32_t res = r->cqes[r->cq_local & r->cq_mask].res;
    __atomic_store_n(r->cq_head, ++r->cq_local, __ATOMIC_RELEASE);
    return res;
}

static void ring_refuses_what_the_driver_does_not_use(void)
{
    const struct net_io_options options = {0};
    struct net_ring ring = {0};
    CHECK(net_ring_init(&ring, &options) == 0);
    CHECK(try_in_ring(&ring, IORING_OP_OPENAT, 0) == -EACCES);
    CHECK(try_in_ring(&ring, IORING_OP_OPENAT2, 0) == -EACCES);
    CHECK(try_in_ring(&ring, IORING_OP_WRITE, 0) == -EACCES);
    CHECK(try_in_ring(&ring, IORING_OP_NOP, 0) == -EACCES);
    CHECK(try_in_ring(&ring, IORING_OP_RECV, IOSQE_ASYNC) == -EACCES);
    CHECK(try_in_ring(&ring, IORING_OP_RECV, 0) == -EBADF); /* allowed, on no socket */
    int fds[1] = {0};
    CHECK(io_uring_register((unsigned)ring.ring.ring_fd, IORING_REGISTER_FILES, fds, 1) == -EACCES);
    net_ring_fini(&ring);
}

/* ---- listeners ------------------------------------------------------------------ */

static void port_in_use_is_told(void)
{
    struct proc_addr bound, again;
    uint32_t listener;
    create();
    (void)listen_on(&loopback, &bound);
    CHECK(io->ops->listen(io, &bound, false, &listener, &again) == -VK_EADDRINUSE);
}

static void reuseport_shares_a_port(void)
{
    const struct net_io_options options = {.reuseport = true};
    struct proc_addr bound, again;
    const char *why;
    CHECK(net_io_create(kind, &options, &io, &why) == 0);
    (void)listen_on(&loopback, &bound);
    (void)listen_on(&bound, &again);
    CHECK(again.port == bound.port);
}

static void port_without_permission_is_told(void)
{
    const struct proc_addr addr = {.family = 4, .ip = {127, 0, 0, 1}, .port = 1};
    struct proc_addr bound;
    uint32_t listener;
    char text[16] = "";
    int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || atoi(text) <= 1)
        skip("every user may listen on port 1 here");
    if (geteuid() == 0)
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    create();
    CHECK(io->ops->listen(io, &addr, false, &listener, &bound) == -VK_EACCES);
}

static void bad_addresses_are_told(void)
{
    const struct proc_addr nobodys = {.family = 4, .ip = {192, 0, 2, 1}}; /* RFC 5737 */
    const struct proc_addr no_family = {.family = 5};
    struct proc_addr bound;
    uint32_t conn;
    create();
    CHECK(io->ops->listen(io, &nobodys, false, &conn, &bound) == -VK_EINVAL);
    CHECK(io->ops->listen(io, &no_family, false, &conn, &bound) == -VK_EINVAL);
    CHECK(io->ops->open(io, &no_family, &conn) == -VK_EINVAL);
    CHECK(net_io_stats(io)->conns_live == 0);
}

static void ipv6_works_and_leaves_ipv4_alone(void)
{
    const struct proc_addr any4 = {.family = 4};
    struct proc_addr six = {.family = 6, .ip = {[15] = 1}}, any6 = {.family = 6}, bound;
    uint32_t listener;
    create();
    int err = io->ops->listen(io, &six, false, &listener, &bound);
    if (err != 0)
        skip("no IPv6 loopback here");
    CHECK(bound.family == 6 && bound.port != 0);
    exchange(listener, &bound);
    (void)listen_on(&any4, &bound);
    any6.port = bound.port;
    CHECK(io->ops->listen(io, &any6, false, &listener, &bound) == 0);
}

static void adopted_listener_works(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct proc_addr bound;
    uint32_t listener;
    create();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
    CHECK(net_io_adopt(io, fd, &listener, &bound) == -VK_EINVAL);
    CHECK(net_io_adopt(io, STDIN_FILENO, &listener, &bound) == -VK_EINVAL);
    CHECK(listen(fd, 16) == 0);
    CHECK(net_io_adopt(io, fd, &listener, &bound) == 0);
    CHECK(bound.family == 4 && bound.port != 0);
    exchange(listener, &bound);
}

static void destroy_frees_the_port(void)
{
    struct proc_addr bound, again;
    for (int i = 0; i < 20; i++) {
        create();
        uint32_t listener = listen_on(i == 0 ? &loopback : &bound, &again);
        bound = again;
        submit(PROC_IO_ACCEPT, 0, listener, NULL, 0, TAG_ACCEPT);
        CHECK(wait_ms(1) == 0);
        io->ops->destroy(io);
    }
    create();
}

/* ---- descriptors ------------------------------------------------------------------ */

/* Clients in an OS process of their own: theirs are not the descriptors that run out. */
static pid_t start_clients(const struct proc_addr *to, uint32_t count)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        for (uint32_t i = 0; i < count; i++)
            (void)dial(to);
        for (;;)
            pause();
    }
    return pid;
}

/* The next completion, CLOSEs left out. */
static struct proc_io_event next_accept(void)
{
    struct proc_io_event ev = {.tag = TAG_CLOSE};
    uint64_t now_ns;
    while (ev.tag == TAG_CLOSE) {
        if (io->ops->wait(io, &ev, 1, io->ops->now(io) + 1000000000u, &now_ns) == 0)
            ev.tag = TAG_CLOSE;
    }
    CHECK(ev.tag == TAG_ACCEPT);
    return ev;
}

/* An ACCEPT for which there is no descriptor is told so again and again, at a few system calls each. */
static void expect_no_descriptor(uint32_t listener)
{
    for (int i = 0; i < 3; i++) {
        uint64_t calls = net_io_stats(io)->calls;
        submit(PROC_IO_ACCEPT, 0, listener, NULL, 0, TAG_ACCEPT);
        struct proc_io_event ev = next_accept();
        CHECK(ev.res == -VK_EMFILE && !(ev.flags & PROC_IO_MORE));
        CHECK(net_io_stats(io)->calls - calls <= 6);
    }
}

/* Room for three of eight clients: three are accepted, and each CLOSE lets one more in. */
static void running_out_of_descriptors_pauses_accepting(void)
{
    enum { CLIENTS = 8, ROOM = 3 };
    struct proc_addr bound;
    uint32_t conns[CLIENTS], count = 0;
    create();
    uint32_t listener = listen_on(&loopback, &bound);
    pid_t clients = start_clients(&bound, CLIENTS);
    int lowest = dup(STDIN_FILENO);
    close(lowest);
    const struct rlimit limit = {(rlim_t)lowest + ROOM, (rlim_t)lowest + ROOM};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    submit(PROC_IO_ACCEPT, 0, listener, NULL, 0, TAG_ACCEPT);
    while (count < CLIENTS) {
        struct proc_io_event ev = next_accept();
        if (ev.res >= 0) {
            conns[count++] = (uint32_t)ev.res;
            continue;
        }
        CHECK(ev.res == -VK_EMFILE && count >= ROOM);
        expect_no_descriptor(listener);
        submit(PROC_IO_CLOSE, 0, conns[count - ROOM], NULL, 0, TAG_CLOSE);
        submit(PROC_IO_ACCEPT, 0, listener, NULL, 0, TAG_ACCEPT);
    }
    CHECK(kill(clients, SIGKILL) == 0);
    CHECK(waitpid(clients, NULL, 0) == clients);
}

/* ---- waiting ------------------------------------------------------------------------ */

static void on_alarm(int sig)
{
    (void)sig;
    io->ops->wake(io);
}

static void wake_from_a_signal_handler_ends_a_wait(void)
{
    const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    const struct itimerval soon = {.it_value.tv_usec = 20000};
    uint64_t now_ns;
    create();
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    CHECK(io->ops->wait(io, events, EVENTS, UINT64_MAX, &now_ns) == 0);
}

/* A driver that had work, and has none now: what it has counted. */
static struct net_io_stats rest(const struct net_io_options *options)
{
    struct proc_addr bound;
    const char *why;
    CHECK(net_io_create(kind, options, &io, &why) == 0);
    uint32_t listener = listen_on(&loopback, &bound);
    for (int i = 0; i < 50; i++)
        exchange(listener, &bound);
    return *net_io_stats(io);
}

/* A wait at rest polls at most once, then sleeps in one system call until its deadline. */
static void rest_costs_one_sleep(void)
{
    struct net_io_stats before = rest(&(struct net_io_options){0});
    CHECK(wait_ms(200) == 0);
    const struct net_io_stats *after = net_io_stats(io);
    CHECK(after->sleeps - before.sleeps <= 3); /* a timer set earlier, and rounding, wake once more */
    CHECK(after->spins - before.spins <= 1);
}

/* Eager: each wait polls first, for as long as it was told, and then sleeps all the same. */
static void eager_waits_poll_and_sleep(void)
{
    struct net_io_stats before = rest(&(struct net_io_options){.spin_ns = 200000});
    CHECK(wait_ms(100) == 0);
    CHECK(wait_ms(100) == 0);
    const struct net_io_stats *after = net_io_stats(io);
    CHECK(after->sleeps - before.sleeps >= 2);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) < 2 || after->spins - before.spins >= 2);
    CHECK(after->spins - before.spins <= after->waits - before.waits);
}

/* Whoever never sleeps polls no more for the rest of the period; who sleeps does, and in the next one both
 * do. */
static void eager_polling_is_bounded(void)
{
    struct net_spin spin;
    uint64_t now_ns = 5 * (uint64_t)NET_SPIN_PERIOD_NS;
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        return; /* nobody polls there */
    net_spin_init(&spin, false, 1000);
    CHECK(net_spin_wanted(&spin, now_ns) == 1000);
    CHECK(net_spin_wanted(&spin, now_ns + NET_SPIN_AWAKE_NS - 1) == 1000);
    CHECK(net_spin_wanted(&spin, now_ns + NET_SPIN_AWAKE_NS) == 0);
    CHECK(net_spin_wanted(&spin, now_ns + NET_SPIN_PERIOD_NS - 1) == 0);
    net_spin_slept(&spin, now_ns, now_ns + NET_SPIN_PERIOD_NS - NET_SPIN_AWAKE_NS);
    CHECK(net_spin_wanted(&spin, now_ns + NET_SPIN_PERIOD_NS - 1) == 1000);
    now_ns += NET_SPIN_PERIOD_NS;
    CHECK(net_spin_wanted(&spin, now_ns) == 1000);
    CHECK(net_spin_wanted(&spin, now_ns + NET_SPIN_AWAKE_NS) == 0);
    net_spin_init(&spin, true, 1000);
    CHECK(net_spin_wanted(&spin, now_ns) == 0);
}

/* ---- system calls per request ---------------------------------------------------------- */

enum { CONNS = 32, ROUNDS = 50 };

static void answer_all(const uint32_t *conns, uint32_t wanted)
{
    uint32_t sent = 0;
    while (sent < wanted) {
        uint32_t count = wait_ms(1000);
        for (uint32_t i = 0; i < count; i++) {
            if (events[i].tag >= TAG_SEND) {
                CHECK(events[i].res == 5);
                sent++;
                continue;
            }
            uint32_t which = (uint32_t)(events[i].tag - TAG_RECV);
            CHECK(which < CONNS && events[i].res == 5 && (events[i].flags & PROC_IO_MORE));
            submit(PROC_IO_SEND, 0, conns[which], "world", 5, TAG_SEND + which);
        }
    }
}

/* Connections that receive, with their receives started and registered. */
static void connect_all(uint32_t conns[CONNS], int fds[CONNS])
{
    struct proc_addr bound;
    create();
    uint32_t listener = listen_on(&loopback, &bound);
    submit(PROC_IO_ACCEPT, 0, listener, NULL, 0, TAG_ACCEPT);
    for (uint32_t i = 0; i < CONNS; i++) {
        fds[i] = dial(&bound);
        conns[i] = (uint32_t)await(TAG_ACCEPT).res;
        submit(PROC_IO_RECV, PROC_IO_MULTI, conns[i], NULL, 0, TAG_RECV + i);
    }
    (void)wait_ms(1);
}

/* A look for events finds all that are ready again: it comes once for all of them, not with each wait. */
static void many_ready_ones_are_looked_for_once(void)
{
    enum { EACH = 4 };
    uint32_t conns[CONNS], seen = 0, waits = 0;
    int fds[CONNS];
    uint64_t now_ns;
    connect_all(conns, fds);
    for (uint32_t i = 0; i < CONNS; i++)
        CHECK(write(fds[i], "hello", 5) == 5);
    uint64_t before = net_io_stats(io)->calls;
    for (; seen < CONNS && waits < CONNS; waits++)
        seen += io->ops->wait(io, events, EACH, io->ops->now(io) + 1000000000u, &now_ns);
    CHECK(seen == CONNS && waits == CONNS / EACH);
    CHECK(net_io_stats(io)->calls - before <= (kind == NET_IO_URING ? CONNS / EACH : CONNS + 2));
}

static void calls_per_request_are_few(void)
{
    uint32_t conns[CONNS];
    int fds[CONNS];
    char text[8];
    connect_all(conns, fds);
    uint64_t before = net_io_stats(io)->calls;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < CONNS; i++)
            CHECK(write(fds[i], "hello", 5) == 5);
        answer_all(conns, CONNS);
        for (uint32_t i = 0; i < CONNS; i++)
            CHECK(read(fds[i], text, sizeof(text)) == 5);
    }
    double per_request = (double)(net_io_stats(io)->calls - before) / (ROUNDS * CONNS);
    printf("     %s: %.3f system calls a request, %d at a time\n", io->ops->name, per_request, CONNS);
    CHECK(per_request <= (kind == NET_IO_URING ? 0.1 : 2.1));
}

/* ---- running --------------------------------------------------------------------------- */

struct linux_case {
    const char *name;
    void (*run)(void);
    bool once; /* not once for each driver */
};

#define CASE(name)         \
    {                      \
#name, name, false \
    }
#define ONCE(name)        \
    {                     \
#name, name, true \
    }

static const struct linux_case cases[] = {
    ONCE(auto_takes_uring_where_it_works),
    ONCE(auto_falls_back_where_io_uring_is_refused),
    ONCE(auto_falls_back_where_io_uring_is_missing),
    ONCE(ring_refuses_what_the_driver_does_not_use),
    CASE(port_in_use_is_told),
    CASE(reuseport_shares_a_port),
    CASE(port_without_permission_is_told),
    CASE(bad_addresses_are_told),
    CASE(ipv6_works_and_leaves_ipv4_alone),
    CASE(adopted_listener_works),
    CASE(destroy_frees_the_port),
    CASE(running_out_of_descriptors_pauses_accepting),
    CASE(wake_from_a_signal_handler_ends_a_wait),
    CASE(rest_costs_one_sleep),
    CASE(eager_waits_poll_and_sleep),
    ONCE(eager_polling_is_bounded),
    CASE(many_ready_ones_are_looked_for_once),
    CASE(calls_per_request_are_few),
};

static bool run_case(const struct linux_case *c)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(c->run == wake_from_a_signal_handler_ends_a_wait ? 0 : CASE_LIMIT_S);
        c->run();
        fflush(NULL);
        if (io != NULL)
            io->ops->destroy(io);
        _exit(0);
    }
    bool ran = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status);
    int code = ran ? WEXITSTATUS(status) : 2;
    printf("%-4s %s%s\n",
           code == 0         ? "ok"
           : code == SKIPPED ? "skip"
                             : "FAIL",
           c->name,
           c->once                ? ""
           : kind == NET_IO_URING ? " (uring)"
                                  : " (ev)");
    return code == 0 || code == SKIPPED;
}

static bool uring_works(void)
{
    const struct net_io_options options = {0};
    const char *why;
    struct proc_io *probe;
    if (net_io_create(NET_IO_URING, &options, &probe, &why) != 0)
        return false;
    probe->ops->destroy(probe);
    return true;
}

int main(void)
{
    unsigned failed = 0;
    if (!uring_works()) {
        fprintf(stderr, "io_uring does not work here\n");
        return SKIPPED;
    }
    for (size_t i = 0; i < VK_COUNT(cases); i++) {
        kind = NET_IO_URING;
        failed += !run_case(&cases[i]);
        kind = NET_IO_EV;
        if (!cases[i].once)
            failed += !run_case(&cases[i]);
    }
    return failed != 0;
}
