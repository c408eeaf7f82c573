/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     faults PROGRAM [--count N] [--seed SEED] [--round N]
 *
 * Every documented error of every system call of the serving server, in turn,
 * then N faults of all kinds at random. A world serves some thousand rounds in
 * an OS process of its own; its death is reported with the round it died in,
 * which --seed and --round repeat.
 */
#include "tests/faults/faults.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORLD_ROUNDS 2000u
#define ROUND_NS     20000000000ull /* a round that takes longer hangs */
#define VICTIM_STEPS 60             /* then its client has enough */

enum kind { KIND_CALLS, KIND_COMPLETIONS, KIND_HEAP, KIND_CODE_HEAP, KIND_RINGS, KIND_CORRUPTION, KINDS_END };

static const char *const kind_names[] = {
    [KIND_CALLS] = "system calls that fail",
    [KIND_COMPLETIONS] = "completions of the ring that fail",
    [KIND_HEAP] = "bit flips in heaps of native processes",
    [KIND_CODE_HEAP] = "bit flips in heaps of the language's processes",
    [KIND_RINGS] = "bit flips in submission and completion rings",
    [KIND_CORRUPTION] = "native processes that corrupt what they reach",
};

static const char *const call_names[] = {
    [CALL_NONE] = "none",
    [CALL_RECV] = "recv",
    [CALL_SEND] = "send",
    [CALL_SHUTDOWN] = "shutdown",
    [CALL_CLOSE] = "close",
    [CALL_SETSOCKOPT] = "setsockopt",
    [CALL_GETSOCKOPT] = "getsockopt",
    [CALL_GETPEERNAME] = "getpeername",
    [CALL_POLL] = "poll",
    [CALL_EPOLL_CTL] = "epoll_ctl",
    [RING_RECV] = "ring recv",
    [RING_SEND] = "ring send",
    [RING_CLOSE] = "ring close",
    [CALL_ACCEPT] = "accept4",
    [CALL_EPOLL_CTL_ANY] = "epoll_ctl",
    [CALL_EPOLL_WAIT] = "epoll_wait",
    [CALL_ENTER] = "io_uring_enter",
    [CALL_READ] = "read",
    [CALL_MPROTECT] = "mprotect",
    [CALL_MADVISE] = "madvise",
    [CALL_MMAP] = "mmap",
    [RING_ACCEPT] = "ring accept",
    [RING_READ] = "ring read",
};

/*
 * What the pages of the manual say that they can fail with, and a part where
 * that is no error. Left out are those of epoll that say something of the
 * descriptor: said of another one they are lies, which libev believes.
 */
static const int errors_of[CALLS_END][24] = {
    [CALL_RECV] = {EAGAIN, EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN, ENOTSOCK, ECONNRESET,
                   ETIMEDOUT, ENOBUFS, EIO, CALL_SHORT},
    [CALL_SEND] = {EACCES,   EAGAIN,     EALREADY, EBADF,       ECONNRESET, EDESTADDRREQ, EFAULT,
                   EINTR,    EINVAL,     EISCONN,  EMSGSIZE,    ENOBUFS,    ENOMEM,       ENOTCONN,
                   ENOTSOCK, EOPNOTSUPP, EPIPE,    ENETUNREACH, ENETDOWN,   ETIMEDOUT,    CALL_SHORT},
    [CALL_SHUTDOWN] = {EBADF, EINVAL, ENOTCONN, ENOTSOCK},
    [CALL_CLOSE] = {EBADF, EINTR, EIO, ENOSPC, EDQUOT},
    [CALL_SETSOCKOPT] = {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, EDOM, EISCONN, ENOBUFS, ENOMEM},
    [CALL_GETSOCKOPT] = {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, ENOBUFS},
    [CALL_GETPEERNAME] = {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTCONN, ENOTSOCK},
    [CALL_POLL] = {EFAULT, EINTR, EINVAL, ENOMEM},
    [CALL_EPOLL_CTL] = {ENOMEM, ENOSPC},
    [RING_RECV] = {EAGAIN, ECANCELED, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN, ECONNRESET,
                   ETIMEDOUT, ENOBUFS, EIO, EPIPE, EHOSTUNREACH},
    [RING_SEND] = {EACCES, EAGAIN, EALREADY, ECONNRESET, EINTR, EINVAL, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN,
                   EPIPE, ENETUNREACH, ENETDOWN, ETIMEDOUT, ECANCELED},
    [RING_CLOSE] = {EBADF, EINTR, EIO, ENOSPC, EDQUOT, ENOMEM},
    [CALL_ACCEPT] = {EAGAIN,    EBADF,  ECONNABORTED, EFAULT,      EINTR, EINVAL,   EMFILE,   ENFILE,
                     ENOBUFS,   ENOMEM, ENOTSOCK,     EOPNOTSUPP,  EPERM, EPROTO,   ENETDOWN, ENOPROTOOPT,
                     EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH, ENOSR, ETIMEDOUT},
    [CALL_EPOLL_CTL_ANY] = {ENOMEM, ENOSPC},
    [CALL_EPOLL_WAIT] = {EINTR},
    [CALL_ENTER] = {EAGAIN, EBADF, EBADFD, EBADR, EBUSY, EFAULT, EINTR, EINVAL, ENXIO, EOPNOTSUPP, ENOMEM},
    [CALL_READ] = {EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO},
    [CALL_MPROTECT] = {EACCES, EINVAL, ENOMEM},
    [CALL_MADVISE] = {EACCES, EAGAIN, EBADF, EINVAL, EIO, ENOMEM, EPERM},
    [CALL_MMAP] = {EACCES, EAGAIN, EINVAL, ENFILE, ENODEV, ENOMEM, EOVERFLOW, EPERM},
    [RING_ACCEPT] = {EAGAIN,      ECANCELED, ECONNABORTED, EFAULT,       EINTR,       EINVAL,   EMFILE,
                     ENFILE,      ENOBUFS,   ENOMEM,       EOPNOTSUPP,   EPERM,       EPROTO,   ENETDOWN,
                     ENOPROTOOPT, EHOSTDOWN, ENONET,       EHOSTUNREACH, ENETUNREACH, ETIMEDOUT},
    [RING_READ] = {EAGAIN, EFAULT, EINTR, EINVAL, EIO, ENOMEM},
};

/* Calls that only one of the drivers makes. */
static const bool is_of_ring[CALLS_END] = {
    [CALL_POLL] = true,  [CALL_ENTER] = true,  [RING_RECV] = true, [RING_SEND] = true,
    [RING_CLOSE] = true, [RING_ACCEPT] = true, [RING_READ] = true,
};
static const bool is_of_ev[CALLS_END] = {
    [CALL_RECV] = true,          [CALL_SEND] = true,       [CALL_EPOLL_CTL] = true, [CALL_ACCEPT] = true,
    [CALL_EPOLL_CTL_ANY] = true, [CALL_EPOLL_WAIT] = true, [CALL_READ] = true,
};

/* Shared by parent and child: where the child is, and what it has done. */
static struct shared {
    uint64_t seed;
    uint32_t round;
    enum kind kind;
    enum evil evil;
    struct call_fault call;
    char text[256];
    uint64_t rounds, faults[KINDS_END], answers;
    uint64_t calls[CALLS_END];
} * shared;

static uint64_t random_state;
static bool is_careful; /* balances after each round */

uint32_t faults_below(uint32_t bound)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(((z ^ (z >> 31)) >> 32) * bound >> 32);
}

static void say_peer(const char *who, const struct peer *p)
{
    if (p->fd >= 0)
        fprintf(stderr, "  %s of %u: ask %d, n %u, sent %u of %u, status %u, %u of %u + %u bytes%s%s\n", who,
                p->port, (int)p->ask, p->n, p->out_sent, p->out_len, p->status, p->in_len, p->head_len,
                p->body_len, p->is_asking ? ", asking" : "", p->is_closed ? ", closed" : "");
}

static void say_where(void)
{
    for (uint32_t i = 0; i < BYSTANDERS; i++)
        say_peer("bystander", &world.bystanders[i]);
    for (uint32_t i = 0; i < VICTIMS; i++)
        say_peer("victim", &world.victims[i]);
    fprintf(stderr, "  world of seed %llu, round %u: %s, call %s, error %s, after %u; harm %d\n",
            (unsigned long long)shared->seed, shared->round, kind_names[shared->kind],
            call_names[shared->call.call], strerror(shared->call.err), shared->call.skip, (int)shared->evil);
}

void faults_failed(const char *where, const char *what)
{
    fprintf(stderr, "%s: %s\n", where, what);
    say_where();
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- a round -------------------------------------------------------------------- */

static void ask_bystanders(bool all)
{
    for (uint32_t i = 0; i < BYSTANDERS; i++) {
        struct peer *p = &world.bystanders[i];
        bool is_code = p->port == world.code_port;
        uint32_t n = faults_below(100000);
        if (all || faults_below(3) == 0)
            peer_ask(p, (enum ask)(is_code ? ASK_CODE_ID + faults_below(3) : ASK_ID + faults_below(4)), n,
                     false);
    }
}

static bool aims_at_code(enum kind kind)
{
    return kind == KIND_CODE_HEAP || world.is_code_only ||
           (kind < KIND_HEAP && evil_plan.evil == EVIL_NONE && faults_below(2));
}

static bool may_refuse(enum call call)
{
    return call == CALL_MPROTECT || call == CALL_MADVISE || call == CALL_MMAP;
}

/* Errors that say "again": not even the one they meet notices. */
static bool is_harmless(const struct call_fault *call)
{
    bool is_ring = call->call >= RING_RECV && call->call <= RING_CLOSE;
    if (call->call == CALL_CLOSE || call->call == RING_CLOSE)
        return false; /* is made by a client's end */
    return call->err == EINTR || call->err == CALL_SHORT ||
           (call->err == EAGAIN && !is_ring && !may_refuse(call->call));
}

/* Calls that are made of new connections; and what must be answered comes on one that nobody has closed. */
static bool needs_connection(const struct call_fault *call)
{
    enum call c = call->call;
    return c == CALL_ACCEPT || c == RING_ACCEPT || c == CALL_EPOLL_CTL || c == CALL_EPOLL_CTL_ANY ||
           c == CALL_CLOSE || c == RING_CLOSE || is_harmless(call);
}

static void ask_victims(enum kind kind, const struct call_fault *call)
{
    uint32_t count = kind >= KIND_HEAP ? VICTIMS : 1;
    for (uint32_t i = 0; i < count; i++) {
        struct peer *p = &world.victims[i];
        bool is_code = aims_at_code(kind);
        uint16_t port = is_code                       ? world.victim_code_port
                        : evil_plan.evil != EVIL_NONE ? world.evil_port
                                                      : world.victim_port;
        if (p->port != port || p->is_closed || needs_connection(call) || faults_below(8) == 0)
            peer_close(p);
        p->port = port;
        enum ask ask = (enum ask)(is_code ? ASK_CODE_ID + faults_below(3) : ASK_ID + faults_below(4));
        if (kind == KIND_HEAP && faults_below(2))
            ask = ASK_ECHO;
        if (kind == KIND_CODE_HEAP)
            ask = faults_below(2) ? ASK_CODE_WORK : ASK_CODE_ECHO;
        peer_ask(p, ask, faults_below(100000), kind >= KIND_HEAP && faults_below(4) != 0);
    }
}

/* A bit in the heap of someone who waits; then whoever was held back goes on. */
static void flip_one(enum kind kind)
{
    const struct proc_program *program = kind == KIND_HEAP ? &victim_program : world_victim_code();
    struct proc_process *process = world_waiting(program);
    if (process == NULL)
        return;
    world_flip(process, 0, faults_below(2) ? 8192 : sizeof(struct proc_self) + 1024);
    shared->faults[kind]++;
}

static void release_victims(void)
{
    for (uint32_t i = 0; i < VICTIMS; i++)
        world.victims[i].out_until = world.victims[i].out_len;
}

static bool is_asking(const struct peer *peers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (peers[i].is_asking)
            return true;
    return false;
}

static void pump_all(void)
{
    for (uint32_t i = 0; i < BYSTANDERS; i++)
        peer_pump(&world.bystanders[i]);
    for (uint32_t i = 0; i < VICTIMS; i++)
        peer_pump(&world.victims[i]);
}

static bool waits_for_victims(enum kind kind)
{
    return kind <= KIND_COMPLETIONS && evil_plan.evil == EVIL_NONE && is_harmless(&call_fault);
}

/* Until everyone has been answered, or, of the victims, given up. */
static void serve(enum kind kind)
{
    uint64_t end_ns = now_ns() + ROUND_NS;
    for (int step = 0;; step++) {
        pump_all();
        world_step(step % 64 == 63 ? 100000
                                   : 0); /* mostly without a sleep, which is long where a timer ends it */
        if ((kind == KIND_HEAP || kind == KIND_CODE_HEAP) && step < 40)
            flip_one(kind);
        if (step == 12)
            release_victims();
        if (!is_asking(world.bystanders, BYSTANDERS) &&
            (!is_asking(world.victims, VICTIMS) || (step >= VICTIM_STEPS && !waits_for_victims(kind))))
            return;
        if (now_ns() > end_ns)
            faults_failed("main.c", "a bystander is not answered");
    }
}

static void finish(enum kind kind)
{
    for (uint32_t i = 0; i < BYSTANDERS; i++) {
        struct peer *p = &world.bystanders[i];
        if (p->out_len == 0)
            continue;
        peer_check(p, call_fault.fired && may_refuse(call_fault.call));
        p->out_len = 0;
        shared->answers++;
        if (p->status != 200 || faults_below(50) == 0)
            peer_close(p);
    }
    for (uint32_t i = 0; i < VICTIMS; i++)
        if (world.victims[i].is_asking)
            peer_close(&world.victims[i]);
    if (waits_for_victims(kind))
        CHECK(world.victims[0].status == 200);
    if (kind <= KIND_COMPLETIONS) {
        shared->faults[kind] += call_fault.fired;
        shared->calls[call_fault.call] += call_fault.fired;
    } else if (kind == KIND_RINGS || kind == KIND_CORRUPTION) {
        shared->faults[kind] += VICTIMS;
    }
    shared->rounds++;
}

static void round_of(enum kind kind, struct call_fault call, enum evil evil)
{
    shared->kind = kind;
    shared->call = call;
    shared->evil = evil;
    call_fault = (struct call_fault){0};
    evil_plan = (struct evil_plan){.evil = evil, .seed = random_state};
    if (evil == EVIL_WILD_WRITE || evil == EVIL_WILD_READ || evil == EVIL_WILD_JUMP)
        evil_plan.addr = world_wild_address();
    ask_bystanders(faults_below(8) == 0);
    ask_victims(kind, &call);
    call_fault = call;
    if (call.call == CALL_READ || call.call == RING_READ)
        world.io->ops->wake(world.io);
    serve(kind);
    finish(kind);
    call_fault.call = CALL_NONE;
}

/* ---- which faults ---------------------------------------------------------------- */

static bool is_made(enum call call)
{
    bool is_uring = world.driver == NET_IO_URING;
    return call != CALL_NONE && !(is_uring ? is_of_ev[call] : is_of_ring[call]);
}

static uint32_t errors_count(enum call call)
{
    uint32_t count = 0;
    while (errors_of[call][count] != 0)
        count++;
    return count;
}

static enum kind kind_of(enum call call)
{
    return call >= RING_RECV && call <= RING_CLOSE ? KIND_COMPLETIONS
           : call >= RING_ACCEPT                   ? KIND_COMPLETIONS
                                                   : KIND_CALLS;
}

/* What makes the platform call: pages of a deep stack are given back, a heap grows past its first page. */
static enum evil harm_for(enum call call)
{
    bool is_rare =
        !world.is_code_only && (call == CALL_MADVISE || call == CALL_MMAP || call == CALL_MPROTECT);
    if (!is_rare || faults_below(2))
        return EVIL_NONE;
    return faults_below(2) ? EVIL_DEEP : EVIL_WHOLE_HEAP;
}

static struct call_fault any_call(void)
{
    enum call call;
    do
        call = (enum call)faults_below(CALLS_END);
    while (!is_made(call) || ((call == CALL_ACCEPT || call == RING_ACCEPT) && faults_below(64) != 0));
    return (struct call_fault){.call = call,
                               .err = errors_of[call][faults_below(errors_count(call))],
                               .skip = faults_below(4),
                               .times = faults_below(4) ? 1 : 1 + faults_below(8)};
}

static void any_round(void)
{
    uint32_t dice = faults_below(100);
    struct call_fault none = {0};
    if (dice < 25) {
        struct call_fault call = any_call();
        round_of(kind_of(call.call), call, harm_for(call.call));
    } else if (dice < 60 || world.is_code_only) {
        round_of(dice % 3 && !world.is_code_only ? KIND_HEAP : KIND_CODE_HEAP, none, EVIL_NONE);
    } else if (dice < 75) {
        round_of(KIND_RINGS, none, (enum evil)(EVIL_FLIP_OPS + faults_below(2)));
    } else {
        enum evil evil = (enum evil)(EVIL_FLIP_HEAD + faults_below(EVILS_END - EVIL_FLIP_HEAD));
        if ((evil == EVIL_LOOP || evil == EVIL_DEEP) && faults_below(16) != 0)
            evil = EVIL_FLIP_HEAP;
        round_of(KIND_CORRUPTION, none, evil);
    }
}

/* Each error of each call, at its first occasions. */
static void each_call(void)
{
    for (enum call call = CALL_NONE; call < CALLS_END; call++) {
        if (!is_made(call))
            continue;
        for (uint32_t i = 0; errors_of[call][i] != 0; i++)
            for (uint32_t skip = 0; skip < 3; skip++)
                round_of(
                    kind_of(call),
                    (struct call_fault){
                        .call = call, .err = errors_of[call][i], .skip = skip, .times = 1 + 2 * (skip == 2)},
                    EVIL_NONE);
    }
}

/* ---- worlds ----------------------------------------------------------------------- */

static bool all_connected(void)
{
    for (uint32_t i = 0; i < BYSTANDERS; i++)
        if (world.bystanders[i].fd < 0)
            return false;
    return true;
}

static void start_world(uint64_t seed)
{
    static const enum vk_guard_kind guards[] = {VK_GUARD_MPROTECT, VK_GUARD_MPROTECT,
                                                VK_GUARD_MPROTECT_KERNEL};
    random_state = seed;
    calls_one_accept = seed % 4 == 0;
    world_make(seed % 2 ? NET_IO_EV : NET_IO_URING, guards[seed / 2 % 3], seed / 6 % 4 == 3);
    for (int i = 0; i < 4 || !all_connected(); i++) { /* all of it has run once */
        ask_bystanders(true);
        serve(KINDS_END);
        finish(KINDS_END);
    }
    world_note();
}

/* Without victims, and with all bystanders connected. */
static void balance_now(void)
{
    for (uint32_t i = 0; i < VICTIMS; i++)
        peer_close(&world.victims[i]);
    do { /* some are closed after their answer, at random */
        ask_bystanders(true);
        serve(KINDS_END);
        finish(KINDS_END);
    } while (!all_connected());
    world_balance();
}

static void end_world(void)
{
    balance_now();
    world_end();
}

/* In an OS process of its own; rounds 0: each call. */
static void run_world(uint64_t seed, uint32_t rounds)
{
    start_world(seed);
    if (rounds == 0)
        each_call();
    for (shared->round = 0; shared->round < rounds; shared->round++) {
        random_state = seed * 1000003 + shared->round;
        any_round();
        if (is_careful)
            balance_now();
    }
    end_world();
}

static bool world_lives(uint64_t seed, uint32_t rounds)
{
    int status;
    shared->seed = seed;
    shared->round = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(600);
        run_world(seed, rounds);
        fflush(NULL);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "the server died of %s\n", strsignal(WTERMSIG(status)));
        say_where();
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static uint64_t all_faults(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < KINDS_END; i++)
        sum += shared->faults[i];
    return sum;
}

static void print_tally(void)
{
    for (uint32_t i = 0; i < KINDS_END; i++)
        printf("%10llu  %s\n", (unsigned long long)shared->faults[i], kind_names[i]);
    for (uint32_t i = 1; i < CALLS_END; i++)
        if (shared->calls[i])
            printf("%14llu  %s\n", (unsigned long long)shared->calls[i], call_names[i]);
    printf("%10llu  faults in %llu rounds; %llu answers of bystanders checked\n",
           (unsigned long long)all_faults(), (unsigned long long)shared->rounds,
           (unsigned long long)shared->answers);
}

static bool run_all(uint64_t seed, uint64_t count)
{
    bool lives = world_lives(0, 0) && world_lives(1, 0);
    for (uint64_t at = seed; lives && all_faults() < count; at++)
        lives = world_lives(at, WORLD_ROUNDS);
    print_tally();
    return lives;
}

int main(int argc, char **argv)
{
    uint64_t count = 20000, seed = 2;
    if (argc < 2 || argc % 2 != 0) {
        fprintf(stderr, "usage: faults PROGRAM [--count N] [--seed SEED]\n");
        return 2;
    }
    for (int i = 2; i < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 0);
        if (strcmp(argv[i], "--count") == 0)
            count = value;
        else if (strcmp(argv[i], "--seed") == 0)
            seed = value;
        else if (strcmp(argv[i], "--careful") == 0)
            is_careful = value;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || !world_load(argv[1]))
        return 2;
    evil_init();
    return run_all(seed, count) ? 0 : 1;
}
