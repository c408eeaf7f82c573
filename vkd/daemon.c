/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/daemon.h"

#include "vk/limits.h"
#include "vk/plat.h"
#include "vkd/listener.h"
#include "vkd/log.h"
#include "vkd/realtime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS_NS 1000000ull
#define S_NS  1000000000ull

/* A worker as its parent sees it. */
struct child {
    pid_t pid; /* 0: not running */
    int listen_fds[NET_LISTENERS_MAX];
    int control_fd; /* -1 when not running; our end of its stop_fd, and where its ready message comes */
    bool ready;     /* its ready message was read */
    bool silent;    /* none will come any more */
    uint32_t quick_deaths;
    uint64_t started_ns;
    uint64_t start_ns; /* not running: when to start it */
};

enum phase {
    STARTING, /* not all workers were ready yet: a death ends the server */
    SERVING,
    DRAINING,
};

struct daemon {
    const struct vkd_service *service;
    const struct vkd_options *options;
    const char *program;
    struct vkd_listens listens; /* with the ports really bound, once they are */
    sigset_t signals_before;
    int signal_fd;
    enum phase phase;
    bool failed;       /* the exit status shall be 1 */
    uint64_t drain_ns; /* DRAINING: since when */
    uint64_t kill_ns;  /* DRAINING: when patience ends */
    struct child children[VKD_WORKERS_MAX];
};

/* What a worker sends when it accepts. */
struct ready_message {
    char driver[VKD_NAME_MAX + 1];
    char guard[VKD_NAME_MAX + 1];
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void say_list(const char *program, const char *format, va_list arguments)
{
    char line[VKD_LINE_MAX];
    int used = snprintf(line, sizeof line, "%.64s: ", program);
    used += vsnprintf(line + used, sizeof line - (size_t)used, format, arguments);
    vkd_log(vk_span(line, min_u64((uint64_t)used, sizeof line - 1)));
}

static void __attribute__((format(printf, 2, 3))) say(const char *program, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_list(program, format, arguments);
    va_end(arguments);
}

/* ---- in the worker ---------------------------------------------------------- */

void vkd_worker_ready(const struct vkd_worker *worker, const char *driver, const char *guard)
{
    struct ready_message message = {0};
    (void)snprintf(message.driver, sizeof message.driver, "%s", driver);
    (void)snprintf(message.guard, sizeof message.guard, "%s", guard);
    /* Fails only when the parent is gone, and then so are we. */
    (void)send(worker->stop_fd, &message, sizeof message, MSG_NOSIGNAL);
}

int vkd_worker_refuse(const struct vkd_worker *worker, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_list(worker->program, format, arguments);
    va_end(arguments);
    return 1;
}

static void close_listeners(const struct daemon *d, const struct child *child)
{
    for (uint32_t i = 0; i < d->listens.count; i++)
        (void)close(child->listen_fds[i]);
}

/* The worker holds its own listeners and its own control socket, nothing of its siblings. */
static void close_inherited(const struct daemon *d, uint32_t index)
{
    for (uint32_t i = 0; i < d->options->workers; i++) {
        if (i != index)
            close_listeners(d, &d->children[i]);
        if (d->children[i].control_fd >= 0)
            (void)close(d->children[i].control_fd);
    }
    (void)close(d->signal_fd);
}

/* Signals of a terminal or a service manager reach the whole group; what they mean is the parent's to say. */
static void leave_signals_to_parent(const struct daemon *d)
{
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGUSR1, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, &d->signals_before, NULL);
}

static _Noreturn void work(const struct daemon *d, uint32_t index, int stop_fd, pid_t parent)
{
    struct vkd_worker worker = {
        .options = d->options,
        .index = index,
        .bound = d->listens,
        .stop_fd = stop_fd,
        .program = d->program,
    };
    memcpy(worker.listen_fds, d->children[index].listen_fds, sizeof worker.listen_fds);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it died before the line above */
    vkd_log_forked();
    leave_signals_to_parent(d);
    close_inherited(d, index);
    exit(d->service->serve(&worker, d->service->ctx));
}

/* ---- starting a worker -------------------------------------------------------- */

static int start_child(struct daemon *d, uint32_t index)
{
    struct child *child = &d->children[index];
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    (void)fflush(NULL); /* what is buffered must not be printed twice */
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        work(d, index, ends[1], parent);
    }
    int rc = pid < 0 ? -errno : 0;
    (void)close(ends[1]);
    if (rc != 0) {
        (void)close(ends[0]);
        return rc;
    }
    child->pid = pid;
    child->control_fd = ends[0];
    child->ready = child->silent = false;
    child->started_ns = plat_mono_ns();
    return 0;
}

static uint64_t restart_delay_ns(uint32_t quick_deaths)
{
    if (quick_deaths < 2)
        return 0;
    uint32_t doublings = quick_deaths - 2;
    return doublings >= 7 ? VKD_RESTART_MAX_NS
                          : min_u64(VKD_RESTART_FIRST_NS << doublings, VKD_RESTART_MAX_NS);
}

/* What keeps the first worker from starting is said once: the others wait until it has. */
static bool is_held(const struct daemon *d, uint32_t index)
{
    return d->phase == STARTING && index > 0 && !d->children[0].ready;
}

/* Start the workers that are due; one that cannot start now is tried again later. */
static void start_due(struct daemon *d)
{
    for (uint32_t i = 0; i < d->options->workers && d->phase != DRAINING; i++) {
        struct child *child = &d->children[i];
        if (child->pid != 0 || child->start_ns > plat_mono_ns() || is_held(d, i))
            continue;
        int rc = start_child(d, i);
        if (rc == 0)
            continue;
        child->quick_deaths++;
        child->start_ns = plat_mono_ns() + VKD_RESTART_FIRST_NS + restart_delay_ns(child->quick_deaths);
        say(d->program, "worker %u cannot start: %s; trying again", i, strerror(-rc));
    }
}

/* ---- readiness ---------------------------------------------------------------- */

static void announce(struct daemon *d, const struct ready_message *message)
{
    char addr[VKD_ADDR_TEXT], line[NET_LISTENERS_MAX * (VKD_ADDR_TEXT + 16) + 128];
    uint32_t workers = d->options->workers;
    int at = snprintf(line, sizeof line, d->listens.count ? "listening on " : "running ");
    for (uint32_t i = 0; i < d->listens.count; i++) {
        vkd_addr_print(&d->listens.addrs[i], addr);
        at += snprintf(line + at, sizeof line - (size_t)at, "%s%s://%s", i ? ", " : "", d->service->scheme,
                       addr);
    }
    at +=
        snprintf(line + at, sizeof line - (size_t)at, "%s(%s, %s, %u worker%s)", d->listens.count ? " " : "",
                 message->driver, message->guard, workers, workers == 1 ? "" : "s");
    vkd_log(vk_span(line, (size_t)at));
    if (d->options->realtime) {
        vkd_realtime_describe(workers, line, sizeof line);
        vkd_log(vk_span(line, strlen(line)));
    }
}

static bool all_ready(const struct daemon *d)
{
    for (uint32_t i = 0; i < d->options->workers; i++) {
        if (!d->children[i].ready)
            return false;
    }
    return true;
}

/* The message is small and sent in one piece, so that it is read in one. */
static void read_ready(struct daemon *d, struct child *child)
{
    struct ready_message message;
    ssize_t got = recv(child->control_fd, &message, sizeof message, MSG_DONTWAIT);
    child->silent = true;
    if (got != (ssize_t)sizeof message)
        return; /* the worker died, which SIGCHLD tells */
    message.driver[VKD_NAME_MAX] = message.guard[VKD_NAME_MAX] = '\0';
    child->ready = true;
    if (d->phase == STARTING && all_ready(d)) {
        d->phase = SERVING;
        announce(d, &message);
    }
}

/* ---- stopping ----------------------------------------------------------------- */

static void kill_all(struct daemon *d)
{
    d->failed = true;
    d->kill_ns = UINT64_MAX;
    for (uint32_t i = 0; i < d->options->workers; i++) {
        if (d->children[i].pid != 0)
            (void)kill(d->children[i].pid, SIGKILL);
    }
}

/*
 * The doors close first, all at once: a client that one worker no longer lets
 * in must not land with another that is about to stop. From here on the
 * listeners are their worker's alone.
 */
static void begin_drain(struct daemon *d)
{
    d->phase = DRAINING;
    d->drain_ns = plat_mono_ns();
    d->kill_ns = d->drain_ns + NET_DRAIN_TIMEOUT_NS + VKD_DRAIN_GRACE_NS;
    for (uint32_t i = 0; i < d->options->workers; i++)
        for (uint32_t k = 0; k < d->listens.count; k++)
            vkd_listener_shut(d->children[i].listen_fds[k]);
    for (uint32_t i = 0; i < d->options->workers; i++) {
        close_listeners(d, &d->children[i]);
        if (d->children[i].pid != 0)
            (void)shutdown(d->children[i].control_fd, SHUT_WR);
    }
}

/* One request to stop may come as several signals, to the process and to its group, as from timeout(1). */
static void on_stop_signal(struct daemon *d)
{
    if (d->phase != DRAINING) {
        begin_drain(d);
    } else if (d->kill_ns != UINT64_MAX && plat_mono_ns() - d->drain_ns >= VKD_SECOND_SIGNAL_NS) {
        say(d->program, "a second signal to stop; ending the workers at once");
        kill_all(d);
    }
}

/* ---- a worker's end ------------------------------------------------------------- */

static void describe_end(int status, char *text, size_t room)
{
    if (WIFSIGNALED(status))
        (void)snprintf(text, room, "was ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(text, room, "ended with exit status %d", WEXITSTATUS(status));
}

static void plan_restart(struct daemon *d, uint32_t index, pid_t pid, const char *end)
{
    struct child *child = &d->children[index];
    uint64_t now = plat_mono_ns();
    child->quick_deaths = now - child->started_ns < VKD_QUICK_DEATH_NS ? child->quick_deaths + 1 : 0;
    uint64_t delay_ns = restart_delay_ns(child->quick_deaths);
    child->start_ns = now + delay_ns;
    if (delay_ns == 0)
        say(d->program, "worker %u (pid %d) %s; starting another", index, pid, end);
    else
        say(d->program, "worker %u (pid %d) %s, quickly and %u times in a row; starting another in %u.%u s",
            index, pid, end, child->quick_deaths, (uint32_t)(delay_ns / S_NS),
            (uint32_t)(delay_ns % S_NS / (100 * MS_NS)));
}

static void on_end(struct daemon *d, uint32_t index, int status)
{
    struct child *child = &d->children[index];
    char end[96];
    pid_t pid = child->pid;
    (void)close(child->control_fd);
    child->control_fd = -1;
    child->pid = 0;
    child->ready = false;
    describe_end(status, end, sizeof end);
    if (d->phase == SERVING && WIFEXITED(status) && WEXITSTATUS(status) == VKD_WORKER_OVER) {
        d->failed = true; /* it has said why itself */
        begin_drain(d);
        return;
    }
    if (d->phase == SERVING) {
        plan_restart(d, index, pid, end);
        return;
    }
    if (status == 0 && d->phase == DRAINING)
        return;
    /* A worker that refuses to start has said why itself, and its siblings have the same reason. */
    if (d->phase == STARTING) {
        begin_drain(d);
        kill_all(d);
        if (WIFSIGNALED(status) || WEXITSTATUS(status) != 1)
            say(d->program, "worker %u (pid %d) %s before it served", index, pid, end);
    } else if (d->kill_ns != UINT64_MAX) {
        say(d->program, "worker %u (pid %d) %s while it drained", index, pid, end);
    }
    d->failed = true;
}

static void reap(struct daemon *d)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (uint32_t i = 0; i < d->options->workers; i++) {
            if (d->children[i].pid == pid)
                on_end(d, i, status);
        }
    }
}

/* ---- the parent's loop ---------------------------------------------------------- */

static bool any_running(const struct daemon *d)
{
    for (uint32_t i = 0; i < d->options->workers; i++) {
        if (d->children[i].pid != 0)
            return true;
    }
    return false;
}

static uint64_t next_deadline_ns(const struct daemon *d)
{
    uint64_t deadline_ns = d->phase == DRAINING ? d->kill_ns : UINT64_MAX;
    for (uint32_t i = 0; i < d->options->workers && d->phase != DRAINING; i++) {
        if (d->children[i].pid == 0 && !is_held(d, i))
            deadline_ns = min_u64(deadline_ns, d->children[i].start_ns);
    }
    return deadline_ns;
}

static int timeout_ms(uint64_t deadline_ns)
{
    uint64_t now = plat_mono_ns();
    if (deadline_ns == UINT64_MAX)
        return -1;
    /* Rounded up: waking a moment early would only poll again. */
    return deadline_ns <= now ? 0 : (int)min_u64((deadline_ns - now) / MS_NS + 1, 60000u);
}

/* Each worker says what it counts; a stop that is under way is not undone by it. */
static void ask_for_counters(const struct daemon *d)
{
    for (uint32_t i = 0; i < d->options->workers && d->phase != DRAINING; i++)
        if (d->children[i].pid != 0)
            (void)send(d->children[i].control_fd, "c", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void on_signals(struct daemon *d)
{
    struct signalfd_siginfo info;
    while (read(d->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(d);
        else if (info.ssi_signo == SIGUSR1)
            ask_for_counters(d);
        else
            on_stop_signal(d);
    }
}

/* Descriptor 0 is for signals; 1 + i for worker i until it is ready. */
static void wait_once(struct daemon *d)
{
    struct pollfd polls[1 + VKD_WORKERS_MAX];
    uint32_t workers = d->options->workers;
    polls[0] = (struct pollfd){.fd = d->signal_fd, .events = POLLIN};
    for (uint32_t i = 0; i < workers; i++) {
        const struct child *child = &d->children[i];
        polls[1 + i] = (struct pollfd){.fd = child->silent ? -1 : child->control_fd, .events = POLLIN};
    }
    int count = poll(polls, 1 + workers, timeout_ms(next_deadline_ns(d)));
    for (uint32_t i = 0; i < workers && count > 0; i++) {
        if (polls[1 + i].revents != 0)
            read_ready(d, &d->children[i]);
    }
    if (count > 0 && polls[0].revents != 0)
        on_signals(d);
}

static int run(struct daemon *d)
{
    while (d->phase != DRAINING || any_running(d)) {
        start_due(d);
        wait_once(d);
        if (d->phase == DRAINING && any_running(d) && plat_mono_ns() >= d->kill_ns) {
            say(d->program, "workers still running %u s after the request to stop; ending them",
                (uint32_t)((NET_DRAIN_TIMEOUT_NS + VKD_DRAIN_GRACE_NS) / S_NS));
            kill_all(d);
        }
    }
    return d->failed ? 1 : 0;
}

/* ---- setting up ------------------------------------------------------------------ */

static int take_signals(struct daemon *d)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGUSR1);
    /*
     * What is blocked comes, even if it was ignored by whoever started us. Shells
     * without job control do that with SIGINT for every background job; a server
     * there is yet meant to stop when it is sent one. Only nohup's word counts.
     */
    (void)sigaddset(&set, SIGINT);
    if (signal(SIGHUP, SIG_DFL) != SIG_IGN)
        (void)sigaddset(&set, SIGHUP);
    else
        (void)signal(SIGHUP, SIG_IGN); /* nohup asked for it */
    (void)signal(SIGPIPE, SIG_IGN);    /* standard error may be a pipe that nobody reads any more */
    /* An ignored SIGCHLD, inherited from whoever started us, would be no SIGCHLD. */
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigprocmask(SIG_BLOCK, &set, &d->signals_before);
    d->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return d->signal_fd >= 0 ? 0 : -errno;
}

/*
 * A server that was killed leaves its address in use for some milliseconds: the
 * kernel takes a ring apart, and the sockets it holds, after its process is
 * gone. So an owner is believed only when it stays. A stop signal waits as long.
 */
static int open_when_free(struct daemon *d, struct proc_addr *addr, int *ret_fds)
{
    const struct timespec pause = {.tv_nsec = VKD_BIND_RETRY_NS};
    uint64_t deadline_ns = plat_mono_ns() + VKD_BIND_TIMEOUT_NS;
    for (;;) {
        int rc = vkd_listener_open(addr, d->service->client_first, d->options->workers, ret_fds, addr);
        if (rc != -EADDRINUSE || plat_mono_ns() >= deadline_ns)
            return rc;
        (void)nanosleep(&pause, NULL);
    }
}

/* The listeners of one address, one per worker. */
static int open_address(struct daemon *d, uint32_t index)
{
    int fds[VKD_WORKERS_MAX];
    char addr[VKD_ADDR_TEXT];
    int rc = open_when_free(d, &d->listens.addrs[index], fds);
    if (rc != 0) {
        vkd_addr_print(&d->listens.addrs[index], addr);
        if (index == 0)
            say(d->program, "cannot listen on %s: %s", addr, vkd_listener_explain(rc, true));
        else
            say(d->program, "cannot listen on %s, of %s block %u: %s", addr, d->service->scheme, index + 1,
                vkd_listener_explain(rc, false));
        return rc;
    }
    for (uint32_t i = 0; i < d->options->workers; i++)
        d->children[i].listen_fds[index] = fds[i];
    return 0;
}

static int open_listeners(struct daemon *d)
{
    if (d->service->listens)
        d->listens = *d->service->listens;
    else
        d->listens.count = 1;
    if (d->options->has_listen || !d->service->listens)
        d->listens.addrs[0] = d->options->listen;
    for (uint32_t i = 0; i < d->options->workers; i++)
        d->children[i].control_fd = -1;
    for (uint32_t i = 0; i < d->listens.count; i++) {
        int rc = open_address(d, i);
        if (rc != 0)
            return rc; /* the program ends: whatever is open is closed with it */
    }
    return 0;
}

/* The usual soft limit of 1,024 descriptors is for programs that call select; the hard one is meant. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= VKD_DESCRIPTORS)
        return;
    limit.rlim_cur = min_u64(limit.rlim_max, VKD_DESCRIPTORS);
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* at most the hard limit: cannot be refused */
}

/* A descriptor of ours must not become standard output or error: words would go into it. */
static void open_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd); /* it was one too many */
}

/* Options that are right as such, but not for this service. */
static bool suits(const struct vkd_service *service, const struct vkd_options *options, const char *program)
{
    if (service->one_worker && options->workers > 1)
        say(program,
            "--workers '%u': this program keeps state that other workers cannot reach; "
            "leave --workers at 1",
            options->workers);
    else if (options->has_listen && service->listens && service->listens->count == 0)
        say(program, "--listen: this program listens nowhere; leave the flag away");
    else if (options->slots <= service->own_slots)
        say(program,
            "--slots '%u': this program takes %u for itself and needs one more for a client; "
            "--slots %u is the least",
            options->slots, service->own_slots, service->own_slots + 1);
    else if (options->realtime && options->workers > vkd_realtime_processors())
        say(program,
            "--realtime: --workers '%u': each worker takes a processor, and this program may use %u of them; "
            "give no more --workers than that",
            options->workers, vkd_realtime_processors());
    else
        return true;
    return false;
}

int vkd_daemon_run(const struct vkd_service *service, const struct vkd_options *options, const char *program)
{
    struct daemon d = {.service = service, .options = options, .program = program, .signal_fd = -1};
    if (!suits(service, options, program))
        return 2;
    open_standard_descriptors();
    raise_descriptors();
    char why[VKD_REALTIME_WHY];
    if (options->realtime && !vkd_realtime_parent(why)) {
        say(program, "%s", why);
        return 1;
    }
    int rc = take_signals(&d);
    if (rc != 0) {
        say(program, "cannot take signals: %s", strerror(-rc));
        return 1;
    }
    int status = open_listeners(&d) == 0 ? run(&d) : 1;
    (void)close(d.signal_fd);
    /* The signals stay blocked: one that comes late must not change the exit status. */
    return status;
}

/* What was printed must have arrived: a script that reads it would take half for all. */
static int finish_output(const char *program)
{
    int err = fflush(stdout) != 0 ? errno : ferror(stdout) ? EIO : 0;
    if (err != 0)
        say(program, "cannot write to standard output: %s", strerror(err));
    return err != 0 ? 1 : 0;
}

int vkd_main(const struct vkd_service *service, int argc, char **argv)
{
    open_standard_descriptors();
    struct vkd_options options;
    enum vkd_parsed parsed =
        vkd_options_parse(&options, service->about, "[FLAGS]", argc, argv, stdout, stderr);
    if (parsed == VKD_PARSED_DONE)
        return finish_output(vkd_program_name(argv[0]));
    if (parsed == VKD_PARSED_BAD)
        return 2;
    return vkd_daemon_run(service, &options, vkd_program_name(argv[0]));
}
