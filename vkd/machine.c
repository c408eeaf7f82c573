/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/machine.h"

#include "vk/plat.h"
#include "vkd/complain.h"
#include "vkd/image.h"
#include "vkd/names.h"
#include "vkd/options.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 48u
#define TEXT_BYTES    4096u
#define LINE_BYTES    2048u
#define KVM           "/dev/kvm"

/* Of a machine under KVM, until it says that it listens; one that crawls takes many times as long. */
#define PROBE_NS 3000000000ull

/* How the image says that it serves (metal/app/serve.c). */
#define LISTENING "listening on "
#define RUNNING   "running "
#define PANIC     "panic: " /* metal/exit.c, metal/trap.c */

/* What QEMU makes of the codes that an image ends with (metal/exit.h). */
#define STATUS_OK    33
#define STATUS_FAIL  35
#define STATUS_PANIC 37

static const char *const accel_names[] = {
    [VKD_ACCEL_TCG] = "tcg", [VKD_ACCEL_KVM] = "kvm", [VKD_ACCEL_AUTO] = "auto"};

/* The arguments of QEMU, and the texts of those that are put together. */
struct command {
    const char *arguments[ARGUMENTS_MAX];
    uint32_t count;
    char text[TEXT_BYTES];
    size_t text_bytes;
};

static void add(struct command *c, const char *argument)
{
    vk_assert(c->count + 1 < ARGUMENTS_MAX);
    c->arguments[c->count++] = argument;
    c->arguments[c->count] = NULL;
}

static void __attribute__((format(printf, 2, 3))) add_text(struct command *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *at = c->text + c->text_bytes;
    int len = vsnprintf(at, TEXT_BYTES - c->text_bytes, format, arguments);
    va_end(arguments);
    vk_assert(len >= 0 && (size_t)len < TEXT_BYTES - c->text_bytes);
    c->text_bytes += (size_t)len + 1;
    add(c, at);
}

static void add_all(struct command *c, const char *const *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(c, arguments[i]);
}

#define MICROVM                                                                \
    "microvm,x-option-roms=off,pit=off,pic=off,rtc=on,isa-serial=on,acpi=off," \
    "auto-kernel-cmdline=on"

/* User networking gives the guest this address; saying so spares it a round of DHCP. */
#define GUEST_NET "ip=10.0.2.15/24,router=10.0.2.2,dns=10.0.2.3"
#define GUEST_IP  "10.0.2.15"

static void add_network(struct command *c, const struct vkd_machine *m)
{
    char forwards[NET_LISTENERS_MAX * 96] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < m->forwards_count; i++) {
        const struct vkd_forward *f = &m->forwards[i];
        at += (size_t)snprintf(forwards + at, sizeof forwards - at,
                               ",hostfwd=tcp:%u.%u.%u.%u:%u-" GUEST_IP ":%u", f->host.ip[0], f->host.ip[1],
                               f->host.ip[2], f->host.ip[3], f->host.port, f->guest_port);
    }
    add(c, "-netdev");
    add_text(c, "user,id=n0%s", forwards);
    add(c, "-device");
    add(c, m->kind == VKD_MACHINE_MICROVM ? "virtio-net-device,netdev=n0"
                                          : "virtio-net-pci,netdev=n0,disable-legacy=on,romfile=");
}

static void make_command(struct command *c, const struct vkd_machine *m, const char *qemu,
                         enum vkd_accel accel)
{
    static const char *const microvm[] = {"-M", MICROVM, "-global", "virtio-mmio.force-legacy=false"};
    static const char *const q35[] = {"-M", "q35", "-bios", "qboot.rom"};
    static const char *const plain[] = {
        "-nodefaults", "-no-reboot", "-display", "none",
        "-serial",     "stdio",      "-device",  "isa-debug-exit,iobase=0xf4,iosize=4"};
    *c = (struct command){0};
    add(c, qemu);
    if (m->kind == VKD_MACHINE_MICROVM)
        add_all(c, microvm, VK_COUNT(microvm));
    else
        add_all(c, q35, VK_COUNT(q35));
    add(c, "-accel");
    add(c, accel == VKD_ACCEL_KVM ? "kvm" : "tcg");
    add(c, "-cpu");
    add(c, accel == VKD_ACCEL_KVM ? "host" : "max");
    add(c, "-m");
    add_text(c, "%uM", m->memory_mib);
    add_all(c, plain, VK_COUNT(plain));
    add(c, "-kernel");
    add(c, m->image);
    add(c, "-append");
    add_text(c, GUEST_NET "%s%s", m->append[0] != '\0' ? " " : "", m->append);
    add_network(c, m);
}

bool vkd_machine_find_qemu(char *path, size_t room)
{
    const char *folders = getenv("PATH");
    for (const char *at = folders != NULL ? folders : ""; *at != '\0';) {
        size_t len = strcspn(at, ":");
        int used = snprintf(path, room, "%.*s/" VKD_MACHINE_QEMU, (int)len, at);
        if (used > 0 && (size_t)used < room && access(path, X_OK) == 0)
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

/* In quotes where a shell would read more into it. */
static void print_argument(const char *argument, FILE *to)
{
    if (argument[0] != '\0' &&
        strspn(argument, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=.,/:+@") ==
            strlen(argument)) {
        fputs(argument, to);
        return;
    }
    fputc('\'', to);
    for (; *argument != '\0'; argument++)
        fputs(*argument == '\'' ? "'\\''" : (char[]){*argument, '\0'}, to);
    fputc('\'', to);
}

void vkd_machine_print(const struct vkd_machine *machine, FILE *to)
{
    struct command c;
    make_command(&c, machine, VKD_MACHINE_QEMU, machine->accel);
    for (uint32_t i = 0; i < c.count; i++) {
        if (i > 0)
            fputs(c.arguments[i][0] == '-' ? " \\\n  " : " ", to);
        print_argument(c.arguments[i], to);
    }
    fputc('\n', to);
}

/* ---- running it -------------------------------------------------------------------- */

struct run {
    const struct vkd_machine *machine;
    enum vkd_accel accel;
    pid_t pid; /* 0: it has ended, and the number may be another's */
    int console_fd;
    int signal_fd;
    uint64_t started_ns;
    bool is_listening;
    bool was_stopped; /* by a signal to us */
    bool crawls;      /* it was given up: KVM was too slow */
    bool has_panicked;
    char line[LINE_BYTES];
    size_t line_bytes;
};

/* In the child: it ends with us, and reads nothing from our terminal. */
static _Noreturn void become(const struct command *c, int console_fd, const sigset_t *signals, pid_t parent)
{
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    (void)setpgid(0, 0); /* a terminal's signals are ours to pass on */
    (void)dup2(null_fd, STDIN_FILENO);
    (void)dup2(console_fd, STDOUT_FILENO);
    (void)dup2(console_fd, STDERR_FILENO);
    (void)sigprocmask(SIG_SETMASK, signals, NULL);
    execv(c->arguments[0], (char *const *)(uintptr_t)c->arguments);
    fprintf(stderr, "%s: %s\n", c->arguments[0], strerror(errno));
    _exit(127);
}

static int begin(struct run *r, const struct command *c, const sigset_t *signals)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    r->started_ns = plat_mono_ns();
    r->pid = fork();
    if (r->pid == 0)
        become(c, ends[1], signals, parent);
    int rc = r->pid < 0 ? -errno : 0;
    (void)close(ends[1]);
    r->console_fd = ends[0];
    if (rc != 0)
        (void)close(ends[0]);
    return rc;
}

/*
 * The guest says "listening on http://10.0.2.15:8080 (lwip, mprotect, 1.92 ms
 * after entry)"; here the same in the host's terms.
 */
static void print_listening(const struct run *r)
{
    const char *scheme = r->line + sizeof LISTENING - 1, *about = strrchr(r->line, '(');
    fputs(LISTENING, stderr);
    for (uint32_t i = 0; i < r->machine->forwards_count; i++) {
        char text[VKD_ADDR_TEXT];
        vkd_addr_print(&r->machine->forwards[i].shown, text);
        fprintf(stderr, "%s%.*s://%s", i > 0 ? ", " : "", (int)strcspn(scheme, ":"), scheme, text);
    }
    fprintf(stderr, " (metal by %s, %.*s; QEMU started %llu ms ago)\n", accel_names[r->accel],
            about != NULL ? (int)strcspn(about + 1, ")") : 0, about != NULL ? about + 1 : "",
            (unsigned long long)(plat_mono_ns() - r->started_ns) / 1000000);
}

/* What comes before a panic is the program's own, whatever it looks like. */
static void print_line(struct run *r)
{
    r->has_panicked |= strncmp(r->line, PANIC, sizeof PANIC - 1) == 0;
    if (!r->has_panicked) {
        fprintf(stderr, "%s\n", r->line); /* in one piece, for which there is room */
        return;
    }
    vkd_names_print(vkd_metal_names, r->line, stderr);
    fputc('\n', stderr);
}

/* The machine is told to stop when we are. */
static void take_signal(struct run *r)
{
    struct signalfd_siginfo signal;
    if (read(r->signal_fd, &signal, sizeof signal) != sizeof signal)
        return;
    r->was_stopped = true;
    if (r->pid > 0)
        (void)kill(r->pid, SIGTERM);
}

/* Whoever reads what we write may stand still: a signal to stop must not wait for him. False: it came. */
static bool wait_for_room(struct run *r)
{
    struct pollfd fds[] = {{.fd = STDERR_FILENO, .events = POLLOUT}, {.fd = r->signal_fd, .events = POLLIN}};
    while (!r->was_stopped) {
        (void)poll(fds, VK_COUNT(fds), -1);
        if (fds[1].revents != 0)
            take_signal(r);
        else if (fds[0].revents != 0)
            return true;
    }
    return false;
}

static void take_line(struct run *r)
{
    r->line[r->line_bytes] = '\0';
    r->line_bytes = 0;
    bool listens = strncmp(r->line, LISTENING, sizeof LISTENING - 1) == 0;
    bool is_first = !r->is_listening;
    r->is_listening |= listens || strncmp(r->line, RUNNING, sizeof RUNNING - 1) == 0;
    if (!wait_for_room(r)) /* QEMU says which signal ends it, and nobody needs to know */
        return;
    if (listens && is_first)
        print_listening(r);
    else
        print_line(r);
}

/* What the machine writes, without carriage returns; a line longer than the room is broken. */
static bool read_console(struct run *r)
{
    char piece[1024];
    ssize_t got = read(r->console_fd, piece, sizeof piece);
    for (ssize_t i = 0; i < got; i++) {
        if (piece[i] == '\n' || r->line_bytes == sizeof r->line - 1)
            take_line(r);
        if (piece[i] != '\n' && piece[i] != '\r')
            r->line[r->line_bytes++] = piece[i];
    }
    return got > 0;
}

/* How long the next look may wait, in ms; -1: for as long as it takes. */
static int patience_ms(const struct run *r)
{
    if (r->accel != VKD_ACCEL_KVM || r->is_listening)
        return -1;
    uint64_t ran_ns = plat_mono_ns() - r->started_ns;
    return ran_ns >= PROBE_NS ? 0 : (int)((PROBE_NS - ran_ns) / 1000000) + 1;
}

/* Until the machine's output ends, which it does with the machine. */
static void watch(struct run *r)
{
    struct pollfd fds[] = {{.fd = r->console_fd, .events = POLLIN}, {.fd = r->signal_fd, .events = POLLIN}};
    for (;;) {
        int ready = poll(fds, VK_COUNT(fds), patience_ms(r));
        if (ready == 0) {
            r->crawls = true;
            (void)kill(r->pid, SIGKILL);
            return;
        }
        if (fds[1].revents != 0)
            take_signal(r);
        if (fds[0].revents != 0 && !read_console(r))
            return;
    }
}

/* Half a sentence about a machine that ended by itself. */
static const char *explain(int status)
{
    if (!WIFEXITED(status))
        return "was ended by a signal";
    switch (WEXITSTATUS(status)) {
    case STATUS_PANIC:
        return "ended with a panic; its last lines say where";
    case STATUS_FAIL:
        return "gave up; its last line says why";
    case STATUS_OK:
        return "ended";
    default:
        return "could not be run; QEMU says above why";
    }
}

static int say_end(struct run *r, int status)
{
    if (r->line_bytes > 0)
        take_line(r);
    if (r->was_stopped)
        return 0;
    vkd_complain("the machine %s", explain(status));
    return 1;
}

/* 0 or 1 as the command's; -1: KVM does not do here. */
static int run_once(struct run *r, const struct command *c, const sigset_t *signals)
{
    int status = 0;
    int rc = begin(r, c, signals);
    if (rc != 0) {
        vkd_complain("QEMU cannot be started: %s", strerror(-rc));
        return 1;
    }
    watch(r);
    (void)close(r->console_fd);
    while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
        ;
    r->pid = 0;
    bool is_image = WIFEXITED(status) && WEXITSTATUS(status) >= STATUS_OK;
    if (r->accel == VKD_ACCEL_KVM && !r->is_listening && !r->was_stopped && !is_image)
        return -1;
    return say_end(r, status);
}

static bool can_use_kvm(void)
{
    int fd = open(KVM, O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    else
        vkd_complain(KVM ": %s; plain emulation (tcg) instead", strerror(errno));
    return fd >= 0;
}

/* Signals that mean stop are read from a descriptor from now on. */
static int take_signals(sigset_t *ret_before)
{
    sigset_t stop;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGINT);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &stop, ret_before);
    return signalfd(-1, &stop, SFD_CLOEXEC);
}

int vkd_machine_run(const struct vkd_machine *machine, const char *qemu)
{
    struct command c;
    sigset_t before;
    struct run r = {.machine = machine, .signal_fd = take_signals(&before)};
    if (r.signal_fd < 0) {
        vkd_complain("signals cannot be watched: %s", strerror(errno));
        return 1;
    }
    if (machine->accel != VKD_ACCEL_TCG && can_use_kvm())
        r.accel = VKD_ACCEL_KVM;
    make_command(&c, machine, qemu, r.accel);
    int rc = run_once(&r, &c, &before);
    if (rc >= 0)
        return rc;
    vkd_complain("KVM %s here; plain emulation (tcg) instead", r.crawls ? "crawls" : "does not work");
    r = (struct run){.machine = machine, .signal_fd = r.signal_fd};
    make_command(&c, machine, qemu, VKD_ACCEL_TCG);
    return run_once(&r, &c, &before);
}
