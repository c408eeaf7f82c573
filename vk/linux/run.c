/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runners: the code of a process is called on a stack of its own and left by
 * return, fault, system call or time. What a thread needs for that is set up
 * with its first runner and taken down with its last.
 */
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

#include "vk/linux/home.h"
#include "vk/linux/linux_impl.h"
#include "vk/linux/run_impl.h"

#include <errno.h>
#include <immintrin.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ALT_BYTES (VK_LINUX_ALT_MAP_BYTES - VK_PAGE_BYTES)

/* linux/prctl.h of kernel 5.11 */
#define TRAP_PRCTL 59
#define TRAP_OFF   0
#define TRAP_ON    1

#define MXCSR_FLAGS 0x3fu

__thread struct vk_linux_thread vk_linux_thread __attribute__((tls_model("initial-exec")));

/* ---- the thread ---- */

static int thread_init(struct vk_linux_thread *thread)
{
    void *map;
    int rc = plat_reserve(VK_LINUX_ALT_MAP_BYTES, VK_PAGE_BYTES, &map);
    if (rc != 0)
        return rc;
    stack_t alt = {.ss_sp = (uint8_t *)map + VK_PAGE_BYTES, .ss_size = ALT_BYTES};
    rc = plat_protect(alt.ss_sp, ALT_BYTES, PLAT_PROT_RW);
    if (rc == 0 && sigaltstack(&alt, &thread->alt_before) != 0)
        rc = vk_linux_err(errno);
    if (rc != 0) {
        plat_release(map, VK_LINUX_ALT_MAP_BYTES);
        return rc;
    }
    thread->alt_map = map;
    thread->vectors = __builtin_cpu_supports("avx") ? VK_LINUX_VECTORS_AVX : 0;
    if (__builtin_cpu_supports("avx512f"))
        thread->vectors |= VK_LINUX_VECTORS_AVX512;
    return 0;
}

static void thread_fini(struct vk_linux_thread *thread)
{
    (void)sigaltstack(&thread->alt_before, NULL);
    plat_release(thread->alt_map, VK_LINUX_ALT_MAP_BYTES);
    thread->alt_map = NULL;
}

/* The trap is a property of the thread, switched by one byte while it is set. */
static int trap_set(struct vk_linux_thread *thread)
{
    uintptr_t from = (uintptr_t)vk_linux_sigreturn;
    thread->selector = VK_LINUX_TRAP_ALLOW;
    if (prctl(TRAP_PRCTL, TRAP_ON, from, (uintptr_t)vk_linux_sigreturn_end - from, &thread->selector) != 0)
        return -VK_ENOTSUP;
    thread->is_trap_set = true;
    return 0;
}

static int trap_get(struct vk_linux_thread *thread)
{
    int rc = thread->is_trap_set ? 0 : trap_set(thread);
    if (rc == 0)
        thread->traps++;
    return rc;
}

static void trap_unset(struct vk_linux_thread *thread)
{
    if (thread->is_trap_set)
        (void)prctl(TRAP_PRCTL, TRAP_OFF, 0, 0, 0); /* it was set, so it can be unset */
    thread->is_trap_set = false;
}

static void trap_put(struct vk_linux_thread *thread)
{
    if (--thread->traps == 0)
        trap_unset(thread);
}

void plat_runner_rest(struct plat_runner *runner)
{
    if (runner->options.syscall_trap)
        trap_unset(&vk_linux_thread);
}

/* ---- the runner ---- */

static int timer_start(struct plat_runner *runner)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = VK_LINUX_TICK_SIGNAL};
    uint64_t tick_ns = runner->options.tick_ns;
    struct timespec tick = {.tv_sec = (time_t)(tick_ns / 1000000000u),
                            .tv_nsec = (long)(tick_ns % 1000000000u)};
    struct itimerspec every = {.it_interval = tick, .it_value = tick};
    event.sigev_value.sival_ptr = runner;
    event._sigev_un._tid = gettid();
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &runner->timer) != 0)
        return vk_linux_err(errno);
    if (timer_settime(runner->timer, 0, &every, NULL) == 0)
        return 0;
    int rc = vk_linux_err(errno);
    (void)timer_delete(runner->timer);
    return rc;
}

/* The parts of a runner in the order they are made; undone in reverse. */
enum part { PART_THREAD, PART_HANDLERS, PART_STACK, PART_TRAP, PART_LISTED, PART_TIMER, PART_COUNT };

static int part_init(struct plat_runner *runner, enum part part)
{
    struct vk_linux_thread *thread = &vk_linux_thread;
    switch (part) {
    case PART_THREAD:
        return thread->runners == NULL ? thread_init(thread) : 0;
    case PART_HANDLERS:
        return vk_linux_handlers_get();
    case PART_STACK:
        return vk_linux_stack_init(&runner->stack, runner->options.stack_bytes);
    case PART_TRAP:
        return runner->options.syscall_trap ? trap_get(thread) : 0;
    case PART_LISTED:
        runner->next = thread->runners;
        thread->runners = runner;
        return 0;
    case PART_TIMER: /* its ticks are known as ours by the list */
        return runner->options.tick_ns != 0 ? timer_start(runner) : 0;
    default:
        return 0;
    }
}

static void unlist(struct plat_runner *runner)
{
    struct plat_runner **link = &vk_linux_thread.runners;
    while (*link != runner) {
        vk_assert(*link != NULL); /* on the thread that created it */
        link = &(*link)->next;
    }
    *link = runner->next;
}

static void part_fini(struct plat_runner *runner, enum part part)
{
    struct vk_linux_thread *thread = &vk_linux_thread;
    switch (part) {
    case PART_THREAD:
        if (thread->runners == NULL)
            thread_fini(thread);
        break;
    case PART_HANDLERS:
        vk_linux_handlers_put();
        break;
    case PART_STACK:
        vk_linux_stack_fini(&runner->stack);
        break;
    case PART_TRAP:
        if (runner->options.syscall_trap)
            trap_put(thread);
        break;
    case PART_LISTED:
        unlist(runner);
        break;
    case PART_TIMER:
        if (runner->options.tick_ns != 0)
            (void)timer_delete(runner->timer);
        break;
    default:
        break;
    }
}

static void parts_fini(struct plat_runner *runner, uint32_t count)
{
    while (count > 0)
        part_fini(runner, (enum part)-- count);
}

static inline uint16_t x87_control(void)
{
    uint16_t control;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    return control;
}

/* A page of its own: in a foreign program nothing is taken from the heap. */
static struct plat_runner *runner_map(void)
{
    void *map = mmap(NULL, VK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return map != MAP_FAILED ? map : NULL;
}
_Static_assert(sizeof(struct plat_runner) <= VK_PAGE_BYTES, "a page has room for it");

static void runner_unmap(struct plat_runner *runner)
{
    (void)munmap(runner, VK_PAGE_BYTES); /* fails only for a range that is no mapping */
}

int plat_runner_create(const struct plat_runner_options *options, struct plat_runner **ret_runner)
{
    struct plat_runner *runner = runner_map();
    if (runner == NULL)
        return -VK_ENOMEM;
    runner->options = *options;
    runner->mxcsr = _mm_getcsr();
    runner->x87 = x87_control();
    for (uint32_t part = 0; part < PART_COUNT; part++) {
        int rc = part_init(runner, (enum part)part);
        if (rc != 0) {
            parts_fini(runner, part);
            runner_unmap(runner);
            return rc;
        }
    }
    *ret_runner = runner;
    return 0;
}

void plat_runner_destroy(struct plat_runner *runner)
{
    if (runner == NULL)
        return;
    parts_fini(runner, PART_COUNT);
    runner_unmap(runner);
}

void plat_key_set_run_rights(uint32_t rights)
{
    vk_linux_thread.run_rights = rights;
}

/* Rounding and exceptions of floating point as at the start; the flags that arithmetic sets may stay. */
static inline void float_restore(const struct plat_runner *runner)
{
    if (VK_UNLIKELY(((_mm_getcsr() ^ runner->mxcsr) & ~MXCSR_FLAGS) != 0))
        _mm_setcsr(runner->mxcsr);
    if (VK_UNLIKELY(x87_control() != runner->x87))
        __asm__ volatile("fninit; fldcw %0" : : "m"(runner->x87));
}

void plat_runner_trust(struct plat_runner *runner, bool is_trusted)
{
    runner->is_trusted = is_trusted;
}

/* What one run leaves on the stack, no other code may read. */
static inline void stack_settle(struct plat_runner *runner, bool faulted)
{
    runner->is_left = runner->is_trusted && !faulted && vk_linux_stack_is_shallow(&runner->stack);
    if (!runner->is_left)
        vk_linux_stack_clean(&runner->stack, faulted);
}

int plat_run_guarded(struct plat_runner *runner, int (*fn)(void *arg), void *arg, int *ret_value,
                     struct plat_fault *ret_fault)
{
    struct vk_linux_thread *thread = &vk_linux_thread;
    uint32_t run_rights = thread->run_rights;
    vk_assert(thread->active == NULL && !thread->is_home);

    if (VK_UNLIKELY(runner->is_left && !runner->is_trusted))
        vk_linux_stack_clean(&runner->stack, false);
    runner->runs++;
    runner->fault.kind = PLAT_FAULT_NONE;
    if (VK_UNLIKELY(run_rights != 0)) {
        thread->kernel_rights = plat_key_rights();
        plat_key_set_rights(run_rights);
    }
    if (runner->options.syscall_trap) {
        if (VK_UNLIKELY(!thread->is_trap_set)) {
            int rc = trap_set(thread);
            vk_assert(rc == 0); /* it could be set before */
        }
        thread->lapsed = false;
        thread->selector = VK_LINUX_TRAP_BLOCK;
    }
    int value = vk_linux_switch(fn, arg, runner->stack.top, runner);
    thread->selector = VK_LINUX_TRAP_ALLOW;
    if (VK_UNLIKELY(run_rights != 0))
        plat_key_set_rights(thread->kernel_rights);

    float_restore(runner);
    bool faulted = runner->fault.kind != PLAT_FAULT_NONE;
    stack_settle(runner, faulted);
    if (VK_UNLIKELY(faulted)) {
        *ret_fault = runner->fault;
        return -VK_EIO;
    }
    *ret_value = value;
    return 0;
}

void vk_linux_home(void (*fn)(void *arg), void *arg)
{
    struct vk_linux_thread *thread = &vk_linux_thread;
    struct plat_runner *active = thread->active;
    if (active == NULL) {
        fn(arg);
        return;
    }
    char selector = thread->selector;
    thread->selector = VK_LINUX_TRAP_ALLOW;
    thread->active = NULL;
    thread->is_home = true;
    if (VK_UNLIKELY(thread->run_rights != 0))
        plat_key_set_rights(thread->kernel_rights);

    vk_linux_switch_home(fn, arg);

    if (VK_UNLIKELY(thread->run_rights != 0))
        plat_key_set_rights(thread->run_rights);
    active->runs++; /* ticks count from here: the time was not the process's */
    thread->is_home = false;
    thread->active = active;
    thread->selector = selector;
}

struct errand {
    void (*fn)(void *home, void *arg);
    void *home;
    void *arg;
};

static void run_errand(void *arg)
{
    const struct errand *errand = arg;
    errand->fn(errand->home, errand->arg);
}

bool plat_run_home(void (*fn)(void *home, void *arg), void *arg)
{
    const struct plat_runner *active = vk_linux_thread.active;
    if (active == NULL)
        return false;
    struct errand errand = {fn, active->options.home, arg};
    vk_linux_home(run_errand, &errand);
    return true;
}
