/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals, threads and counters of the OS process. What must end a process of
 * the OS, because it is a bug of the kernel's, is done in a child.
 */
#include "tests/isolation/linux.h"

#include "vk/linux/home.h"
#include "vk/linux/linux_impl.h"
#include "vk/linux/run_impl.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GETPID_NUMBER 39

/* ---- helpers ---- */

/* Wait status of a child that runs fn, exits with 0 if it returns, and leaves no core file. */
static int in_child(void (*fn)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        fn();
        _exit(0);
    }
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static bool is_ended_by(int status, int sig)
{
#ifdef VK_LINUX_ASAN
    /* AddressSanitizer's handler was there before ours, and reports by exit. */
    return (WIFSIGNALED(status) && WTERMSIG(status) == sig) ||
           (WIFEXITED(status) && WEXITSTATUS(status) == 1);
#else
    return WIFSIGNALED(status) && WTERMSIG(status) == sig;
#endif
}

/* By instructions: the compiler and sanitizers do not see it coming. */
static void write_null(void)
{
    __asm__ volatile("movb $1, 0" : : : "memory");
}

static int die_of_null(void *arg)
{
    (void)arg;
    write_null();
    return 0;
}

static int die_of_division(void *arg)
{
    (void)arg;
    __asm__ volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx" : : : "eax", "ecx", "edx");
    return 0;
}

static int die_of_opcode(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
    return 0;
}

static int get_pid(void *arg)
{
    long number = GETPID_NUMBER;
    (void)arg;
    __asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
    return (int)number;
}

static int die_of_stack(void *arg)
{
    (void)arg;
    __asm__ volatile("1: pushq $1; jmp 1b");
    return 0;
}

static int spin(void *arg)
{
    volatile uint32_t *rounds = arg;
    for (;;)
        (*rounds)++;
    return 0;
}

static int write_tail(void *arg)
{
    ((volatile uint8_t *)arg)[PREFIX_BYTES] = 1;
    return 0;
}

/* ---- nothing is used up ---- */

struct counters {
    uint32_t descriptors;
    uint32_t mappings;
    uint64_t resident_pages;
};

static struct counters count(void)
{
    struct counters counters = {0};
    unsigned long size, resident = 0;
    int c;
    DIR *folder = opendir("/proc/self/fd");
    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        counters.descriptors++;
    (void)closedir(folder);
    FILE *file = fopen("/proc/self/maps", "r");
    CHECK(file != NULL);
    while ((c = fgetc(file)) != EOF)
        counters.mappings += c == '\n';
    (void)fclose(file);
    file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%lu %lu", &size, &resident) == 2);
    (void)fclose(file);
    counters.resident_pages = resident;
    return counters;
}

static int (*const deaths[])(void *arg) = {die_of_null, die_of_division, die_of_opcode, get_pid,
                                           die_of_stack};

static void die_in_all_ways(uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        CHECK(run_once(deaths[i % VK_COUNT(deaths)]).rc == -VK_EIO);
        if (i % 64 == 0)
            (void)run_once(write_tail);
        if (i % 1000 == 0)
            CHECK(run_once(spin).fault.kind == PLAT_FAULT_TIME);
    }
}

static void test_ten_thousand_faults_use_nothing_up(void)
{
    die_in_all_ways(1000);
    struct counters before = count();
    die_in_all_ways(10000);
    struct counters after = count();
    CHECK(after.descriptors == before.descriptors);
    CHECK(after.mappings <= before.mappings + 2); /* a slot may be between two states */
#ifndef VK_LINUX_ASAN                             /* which keeps what was freed for a while */
    /* Linux before 6.2 counts in steps of 64. A page a fault would be 10,000. */
    CHECK(after.resident_pages <= before.resident_pages + 128);
#endif
    check_still_works();
}

/* ---- signals that are not a process's fault ---- */

static void test_bug_of_the_kernel_is_visible(void)
{
    CHECK(is_ended_by(in_child(write_null), SIGSEGV));
}

static void send_division(void)
{
    (void)raise(SIGFPE);
}

static void test_signal_that_was_sent_is_no_fault(void)
{
    CHECK(is_ended_by(in_child(send_division), SIGFPE));
}

static bool grow_badly(void *ctx, uintptr_t addr)
{
    (void)ctx;
    (void)addr;
    write_null();
    return false;
}

static void fault_in_handler(void)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .grow = grow_badly};
    struct plat_runner *runner;
    struct plat_fault fault;
    int value;
    if (plat_runner_create(&options, &runner) == 0)
        (void)plat_run_guarded(runner, die_of_null, NULL, &value, &fault);
}

static void test_fault_of_the_handler_is_visible(void)
{
    int status = in_child(fault_in_handler);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void exit_42(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    (void)context;
    _exit(42);
}

/* Under the world's runner handlers are installed; this takes them down first. */
static void fault_behind_earlier_handler(void)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES};
    struct sigaction action = {.sa_sigaction = exit_42, .sa_flags = SA_SIGINFO};
    struct plat_runner *runner;
    plat_runner_destroy(world.runner);
    (void)sigaction(SIGSEGV, &action, NULL);
    if (plat_runner_create(&options, &runner) == 0)
        write_null();
}

static void test_earlier_handler_gets_what_is_not_ours(void)
{
    int status = in_child(fault_behind_earlier_handler);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

static void restore_handlers(void)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .tick_ns = TICK_NS};
    struct sigaction action = {.sa_sigaction = exit_42, .sa_flags = SA_SIGINFO}, now;
    struct plat_runner *first, *second;
    plat_runner_destroy(world.runner);
    (void)sigaction(SIGILL, &action, NULL);
    if (plat_runner_create(&options, &first) != 0 || plat_runner_create(&options, &second) != 0)
        _exit(1);
    plat_runner_destroy(first);
    (void)sigaction(SIGILL, NULL, &now);
    if (now.sa_sigaction == exit_42)
        _exit(2);
    plat_runner_destroy(second);
    (void)sigaction(SIGILL, NULL, &now);
    _exit(now.sa_sigaction == exit_42 ? 0 : 3);
}

static void test_last_runner_restores_handlers(void)
{
    int status = in_child(restore_handlers);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- signals of the host during a run ---- */

static volatile sig_atomic_t heard;

static void hear(int sig)
{
    (void)sig;
    heard = getpid() != 0 ? 1 : 2; /* a system call, where the run must not make one */
}

static void *send_to_runner(void *arg)
{
    const pid_t *runner_tid = arg;
    (void)usleep(1000);
    (void)syscall(SYS_tgkill, getpid(), *runner_tid, SIGUSR1);
    return NULL;
}

static int wait_for_signal(void *arg)
{
    (void)arg;
    for (uint32_t i = 0; heard == 0 && i < 400000000u; i++)
        __asm__ volatile("");
    return heard == 1 ? 11 : 12;
}

static void listen_during_run(void)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .syscall_trap = true};
    struct sigaction action = {.sa_handler = hear, .sa_flags = SA_ONSTACK};
    struct plat_runner *runner;
    struct plat_fault fault;
    pthread_t sender;
    pid_t tid = gettid();
    int value = 0;
    plat_runner_destroy(world.runner); /* its trap did not come over the fork */
    (void)sigaction(SIGUSR1, &action, NULL);
    if (plat_runner_create(&options, &runner) != 0 ||
        pthread_create(&sender, NULL, send_to_runner, &tid) != 0)
        _exit(1);
    int rc = plat_run_guarded(runner, wait_for_signal, NULL, &value, &fault);
    (void)pthread_join(sender, NULL);
    if (rc != 0 || value != 11)
        _exit(2);
    rc = plat_run_guarded(runner, get_pid, NULL, &value, &fault);
    _exit(rc == -VK_EIO && fault.kind == PLAT_FAULT_SYSCALL ? 0 : 3);
}

static void test_handler_on_the_alternate_stack_may_call_the_system(void)
{
    int status = in_child(listen_during_run);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

/* ---- the trap is one byte ---- */

static int open_trap_and_call(void *arg)
{
    vk_linux_thread.selector = VK_LINUX_TRAP_ALLOW;
    return get_pid(arg);
}

static void test_trap_can_be_switched_off(void)
{
    struct result result = run_once(open_trap_and_call);
    CHECK(result.rc == 0);
    CHECK(result.value == getpid());
    CHECK(run_once(get_pid).fault.kind == PLAT_FAULT_SYSCALL); /* the next run has it again */
}

/* ---- registers ---- */

static int fill_registers(void *arg)
{
    (void)arg;
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm7, %%xmm7; pcmpeqd %%xmm8, %%xmm8\n"
                     "pcmpeqd %%xmm15, %%xmm15"
                     :
                     :
                     : "xmm0", "xmm7", "xmm8", "xmm15");
    return 0;
}

__attribute__((target("avx512f"))) static int fill_wide_registers(void *arg)
{
    (void)arg;
    __asm__ volatile("vpternlogd $255, %%zmm16, %%zmm16, %%zmm16; vpternlogd $255, %%zmm31, %%zmm31, %%zmm31"
                     :
                     :
                     : "xmm16", "xmm31");
    return 0;
}

static int search_registers(void *arg)
{
    uint64_t words[8];
    (void)arg;
    __asm__ volatile(
        "movdqu %%xmm0, (%0); movdqu %%xmm7, 16(%0); movdqu %%xmm8, 32(%0); movdqu %%xmm15, 48(%0)"
        :
        : "r"(words)
        : "memory");
    for (size_t i = 1; i < VK_COUNT(words); i++)
        words[0] |= words[i]; /* NOLINT(clang-analyzer-core.uninitialized.Assign): the assembly wrote them */
    return words[0] != 0;
}

__attribute__((target("avx512f"))) static int search_wide_registers(void *arg)
{
    uint64_t words[16];
    (void)arg;
    __asm__ volatile("vmovdqu64 %%zmm16, (%0); vmovdqu64 %%zmm31, 64(%0)" : : "r"(words) : "memory");
    for (size_t i = 1; i < VK_COUNT(words); i++)
        words[0] |= words[i]; /* NOLINT(clang-analyzer-core.uninitialized.Assign): the assembly wrote them */
    return words[0] != 0;
}

static void test_registers_are_cleared(void)
{
    (void)run_once(fill_registers);
    CHECK(run_once(search_registers).value == 0);
    if (__builtin_cpu_supports("avx512f")) {
        (void)run_once(fill_wide_registers);
        CHECK(run_once(search_wide_registers).value == 0);
    }
}

/* ---- several runners ---- */

static void die_often(struct plat_runner *runner, uint32_t times, uint32_t *ret_ended)
{
    struct plat_fault fault;
    int value;
    *ret_ended = 0;
    for (uint32_t i = 0; i < times; i++)
        *ret_ended += plat_run_guarded(runner, deaths[i % VK_COUNT(deaths)], NULL, &value, &fault) == -VK_EIO;
}

static void *run_thread(void *arg)
{
    const struct plat_runner_options options = {
        .stack_bytes = STACK_BYTES, .tick_ns = TICK_NS, .syscall_trap = true};
    struct plat_runner *runner;
    if (plat_runner_create(&options, &runner) == 0) {
        die_often(runner, 2000, arg);
        plat_runner_destroy(runner);
    }
    return NULL;
}

static void test_threads_have_runners_of_their_own(void)
{
    pthread_t threads[3];
    uint32_t ended[3] = {0};
    for (size_t i = 0; i < VK_COUNT(threads); i++)
        CHECK(pthread_create(&threads[i], NULL, run_thread, &ended[i]) == 0);
    for (size_t i = 0; i < VK_COUNT(threads); i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(ended[i] == 2000);
    }
    check_still_works();
}

static void test_a_thread_may_have_two_runners(void)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .tick_ns = TICK_NS / 2};
    struct plat_runner *runner;
    struct plat_fault fault;
    uint32_t rounds = 0;
    int value;
    CHECK(plat_runner_create(&options, &runner) == 0);
    CHECK(plat_run_guarded(runner, get_pid, NULL, &value, &fault) == 0); /* this one has no trap */
    CHECK(value == getpid());
    CHECK(run_once(get_pid).fault.kind == PLAT_FAULT_SYSCALL);
    CHECK(run_once(spin).fault.kind == PLAT_FAULT_TIME);
    CHECK(plat_run_guarded(runner, spin, &rounds, &value, &fault) == -VK_EIO);
    CHECK(fault.kind == PLAT_FAULT_TIME);
    CHECK(plat_run_guarded(runner, die_of_stack, NULL, &value, &fault) == -VK_EIO);
    CHECK(fault.kind == PLAT_FAULT_STACK);
    plat_runner_destroy(runner);
    check_still_works();
}

/* ---- the kernel's code within a run ---- */

struct visit {
    uint64_t burn_ns;
    long pid;
    uintptr_t stack;
};

static uint64_t cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* System calls, and more time than a step may take. */
static void visit_home(void *arg)
{
    struct visit *visit = arg;
    uint64_t begin = cpu_ns();
    visit->stack = (uintptr_t)&begin;
    visit->pid = syscall(SYS_getpid);
    while (cpu_ns() - begin < visit->burn_ns)
        continue;
}

static struct visit visit;

/* After it the process is one again: its own system call ends it. */
static int go_home(void *arg)
{
    (void)arg;
    vk_linux_home(visit_home, &visit);
    return 17;
}

static int go_home_and_call(void *arg)
{
    (void)go_home(arg);
    return get_pid(arg);
}

static void test_home_is_the_kernel(void)
{
    uint8_t here;
    visit = (struct visit){.burn_ns = 5ull * TICK_NS};
    struct result result = run_once(go_home);
    CHECK(result.rc == 0 && result.value == 17);
    CHECK(visit.pid == getpid());
    CHECK((uintptr_t)&here - visit.stack < STACK_BYTES); /* the caller's own stack, further down */
    visit = (struct visit){0};
    CHECK(run_once(go_home_and_call).fault.kind == PLAT_FAULT_SYSCALL);
    CHECK(visit.pid == getpid());
    check_still_works();
}

static void test_home_without_a_run_is_a_call(void)
{
    visit = (struct visit){0};
    CHECK(go_home(NULL) == 17 && visit.pid == getpid());
}

static void fault_at_home(void *arg)
{
    (void)arg;
    write_null();
}

static int go_home_and_die(void *arg)
{
    vk_linux_home(fault_at_home, arg);
    return 0;
}

static void run_home_and_die(void)
{
    (void)run_once(go_home_and_die);
}

/* A bug there is the kernel's: it is not taken for the process's. */
static void test_fault_at_home_is_visible(void)
{
    CHECK(is_ended_by(in_child(run_home_and_die), SIGSEGV));
    check_still_works();
}

/* ---- ticks ---- */

/* Set: who starts a timer comes back after ticks enough. */
static bool is_slow;

int __real_timer_settime(timer_t timer, int flags, const struct itimerspec *value, struct itimerspec *before);
int __wrap_timer_settime(timer_t timer, int flags, const struct itimerspec *value, struct itimerspec *before);

int __wrap_timer_settime(timer_t timer, int flags, const struct itimerspec *value, struct itimerspec *before)
{
    struct timespec start, now;
    int rc = __real_timer_settime(timer, flags, value, before);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    do
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while (is_slow && now.tv_sec == start.tv_sec && now.tv_nsec - start.tv_nsec < 30000000);
    return rc;
}

/* As on a machine that is busy with others. */
static void test_tick_may_come_before_its_runner_is_ready(void)
{
    const struct plat_runner_options options = {.stack_bytes = STACK_BYTES, .tick_ns = 1000000};
    struct plat_runner *runner;
    is_slow = true;
    CHECK(plat_runner_create(&options, &runner) == 0);
    is_slow = false;
    plat_runner_destroy(runner);
    check_still_works();
}

/* Where the OS kernel knows no word for it, before Linux 5.18, the caller is told. */
static void test_locked_pages_are_given_back(void)
{
    enum { LEN_BYTES = 4 * VK_PAGE_BYTES };
    void *base;
    CHECK(plat_reserve(LEN_BYTES, VK_PAGE_BYTES, &base) == 0);
    CHECK(plat_slot_map(base, LEN_BYTES, false) == 0);
    CHECK(plat_protect(base, LEN_BYTES, PLAT_PROT_RW) == 0);
    /* By number: sanitizers lock nothing. Who may lock nothing has pages as ever. */
    bool is_locked = syscall(SYS_mlock, base, (size_t)LEN_BYTES) == 0;
    memset(base, 7, LEN_BYTES);
    int rc = plat_discard(base, LEN_BYTES);
    CHECK(rc == 0 || (is_locked && rc == -VK_EINVAL));
    for (uint32_t i = 0; i < LEN_BYTES; i++)
        CHECK(((const uint8_t *)base)[i] == (rc == 0 ? 0 : 7));
    CHECK(plat_discard((uint8_t *)base + 1, VK_PAGE_BYTES) == -VK_EINVAL);
    plat_release(base, LEN_BYTES);
}

const struct test linux_tests[] = {
    {"tick_may_come_before_its_runner_is_ready", test_tick_may_come_before_its_runner_is_ready},
    {"ten_thousand_faults_use_nothing_up", test_ten_thousand_faults_use_nothing_up},
    {"bug_of_the_kernel_is_visible", test_bug_of_the_kernel_is_visible},
    {"signal_that_was_sent_is_no_fault", test_signal_that_was_sent_is_no_fault},
    {"fault_of_the_handler_is_visible", test_fault_of_the_handler_is_visible},
    {"earlier_handler_gets_what_is_not_ours", test_earlier_handler_gets_what_is_not_ours},
    {"last_runner_restores_handlers", test_last_runner_restores_handlers},
    {"handler_on_the_alternate_stack_may_call_the_system",
     test_handler_on_the_alternate_stack_may_call_the_system},
    {"trap_can_be_switched_off", test_trap_can_be_switched_off},
    {"registers_are_cleared", test_registers_are_cleared},
    {"threads_have_runners_of_their_own", test_threads_have_runners_of_their_own},
    {"a_thread_may_have_two_runners", test_a_thread_may_have_two_runners},
    {"home_is_the_kernel", test_home_is_the_kernel},
    {"home_without_a_run_is_a_call", test_home_without_a_run_is_a_call},
    {"fault_at_home_is_visible", test_fault_at_home_is_visible},
    {"locked_pages_are_given_back", test_locked_pages_are_given_back},
};
const uint32_t linux_tests_count = VK_COUNT(linux_tests);
