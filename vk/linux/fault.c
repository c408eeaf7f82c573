/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signal handlers: from a fault of the code that plat_run_guarded runs to an
 * error of that call. A handler writes down what happened and changes the
 * interrupted context, so that returning from it continues at
 * vk_linux_recover; there is no longjmp.
 *
 * A signal that is not the active run's goes to the handler that was there
 * before, or to the default action: a bug of the kernel itself still ends the
 * OS process, visibly. While a fault is handled no run counts as active, so
 * that a fault of the handler is such a bug too.
 */
#include "vk/err.h"
#include "vk/plat.h"

#include "vk/linux/linux_impl.h"
#include "vk/linux/run_impl.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define KERNEL_SA_RESTORER 0x04000000ul

#define EFLAGS_TRAP      (1ul << 8)
#define EFLAGS_DIRECTION (1ul << 10)
#define EFLAGS_NESTED    (1ul << 14)
#define EFLAGS_ALIGNMENT (1ul << 18)

/* si_code of SIGSYS by the trap; missing in older headers. */
#ifndef SYS_USER_DISPATCH
#define SYS_USER_DISPATCH 2
#endif

/* The OS kernel's own layout. libc's sigaction would put its restorer, which the trap does not let pass. */
struct kernel_sigaction {
    void *handler;
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, VK_LINUX_TICK_SIGNAL};

/* Signal handlers belong to the OS process, so what they replaced is global too. */
static pthread_mutex_t handlers_lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t handlers_users;
static struct kernel_sigaction handlers_before[VK_COUNT(signals)];

static int kernel_sigaction(int sig, const struct kernel_sigaction *act, struct kernel_sigaction *ret_before)
{
    return syscall(SYS_rt_sigaction, sig, act, ret_before, sizeof act->mask) == 0 ? 0 : vk_linux_err(errno);
}

static const struct kernel_sigaction *before_of(int sig)
{
    size_t i = 0;
    while (signals[i] != sig)
        i++;
    return &handlers_before[i];
}

/* Someone sent it, in contrast to an instruction that caused it. */
static bool is_sent(const siginfo_t *info)
{
    return info->si_code <= 0;
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
    const struct kernel_sigaction *before = before_of(sig);
    void (*handler)(int, siginfo_t *, void *);
    if (before->handler == (void *)SIG_IGN && is_sent(info))
        return;
    if (before->handler != (void *)SIG_DFL && before->handler != (void *)SIG_IGN) {
        memcpy(&handler, &before->handler, sizeof handler);
        handler(sig, info, context); /* one that takes the number only ignores the rest */
        return;
    }
    /* An instruction that faulted does so again on return; a signal that was sent is sent again. */
    const struct kernel_sigaction action = {.handler = (void *)SIG_DFL};
    (void)kernel_sigaction(sig, &action, NULL);
    if (is_sent(info))
        (void)syscall(SYS_tgkill, getpid(), gettid(), sig);
}

static enum plat_fault_kind kind_of(int sig, const siginfo_t *info)
{
    switch (sig) {
    case SIGSEGV: /* without an address: a misaligned vector access or a privileged instruction */
        return info->si_code == SI_KERNEL ? PLAT_FAULT_OTHER : PLAT_FAULT_ACCESS;
    case SIGBUS:
        return info->si_code == BUS_ADRALN ? PLAT_FAULT_OTHER : PLAT_FAULT_ACCESS;
    case SIGFPE:
        return info->si_code == FPE_INTDIV || info->si_code == FPE_INTOVF ? PLAT_FAULT_DIVIDE
                                                                          : PLAT_FAULT_OTHER;
    case SIGILL:
        return PLAT_FAULT_ILLEGAL;
    case SIGSYS:
        return PLAT_FAULT_SYSCALL;
    default:
        return PLAT_FAULT_OTHER;
    }
}

/* Let the interrupted context continue behind the run. */
static void end_run(struct plat_runner *runner, ucontext_t *context, enum plat_fault_kind kind,
                    uintptr_t addr)
{
    greg_t *regs = context->uc_mcontext.gregs;
    runner->fault = (struct plat_fault){.kind = kind, .addr = addr, .pc = (uintptr_t)regs[REG_RIP]};
    regs[REG_RIP] = (greg_t)(uintptr_t)vk_linux_recover;
    regs[REG_RSP] = (greg_t)(uintptr_t)vk_linux_thread.saved_rsp;
    regs[REG_EFL] &= ~(greg_t)(EFLAGS_TRAP | EFLAGS_DIRECTION | EFLAGS_NESTED | EFLAGS_ALIGNMENT);
}

/*
 * A system call of a handler of the host's, which interrupted the run and is
 * known by its stack: do it again, untrapped. The trap is set anew by the next run.
 */
static bool is_of_handler(const ucontext_t *context)
{
    uintptr_t off = (uintptr_t)context->uc_mcontext.gregs[REG_RSP] - (uintptr_t)vk_linux_thread.alt_map;
    return off < VK_LINUX_ALT_MAP_BYTES;
}

static void repeat_untrapped(ucontext_t *context)
{
    context->uc_mcontext.gregs[REG_RIP] -= 2; /* the length of `syscall` and of `int $0x80` */
    vk_linux_thread.lapsed = true;
}

/* True when the access may be tried again; else the run has been ended. */
static bool on_fault(struct plat_runner *runner, int sig, siginfo_t *info, ucontext_t *context)
{
    enum plat_fault_kind kind = kind_of(sig, info);
    uintptr_t addr = 0;
    if (kind == PLAT_FAULT_SYSCALL && is_of_handler(context)) {
        repeat_untrapped(context);
        return true;
    }
    if (kind == PLAT_FAULT_SYSCALL) {
        addr = (uintptr_t)info->si_syscall;
    } else if (kind == PLAT_FAULT_ACCESS) {
        addr = (uintptr_t)info->si_addr;
        if (vk_linux_stack_grow(&runner->stack, addr))
            return true;
        if (vk_linux_stack_is_exhausted(&runner->stack, addr))
            kind = PLAT_FAULT_STACK;
        else if (runner->options.grow != NULL && runner->options.grow(runner->options.grow_ctx, addr))
            return true;
    }
    end_run(runner, context, kind, addr);
    return false;
}

/* A tick of one of this thread's runners; active may be another or none. */
static bool is_our_tick(const siginfo_t *info)
{
    if (info->si_code != SI_TIMER)
        return false;
    const struct plat_runner *runner = vk_linux_thread.runners;
    while (runner != NULL && runner != info->si_value.sival_ptr)
        runner = runner->next;
    return runner != NULL;
}

/* True when the run may go on. */
static bool on_tick(struct plat_runner *active, const siginfo_t *info, ucontext_t *context)
{
    if (active == NULL || active != info->si_value.sival_ptr)
        return true;
    if (active->tick_run != active->runs) {
        active->tick_run = active->runs;
        active->ticks = 1;
        return true;
    }
    const struct plat_runner_options *options = &active->options;
    active->ticks++;
    if (options->is_over && !options->is_over(options->is_over_ctx, active->ticks))
        return true;
    end_run(active, context, PLAT_FAULT_TIME, 0);
    return false;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    struct vk_linux_thread *thread = &vk_linux_thread;
    struct plat_runner *active = thread->active;
    /* Before any system call: the trap is still set. */
    char selector = thread->selector;
    thread->selector = VK_LINUX_TRAP_ALLOW;
    thread->active = NULL;
    int error = errno;
    if (active != NULL && thread->run_rights != 0)
        plat_key_set_rights(thread->kernel_rights);

    bool goes_on = true;
    if (sig == VK_LINUX_TICK_SIGNAL && is_our_tick(info))
        goes_on = on_tick(active, info, context);
    else if (active != NULL && sig != VK_LINUX_TICK_SIGNAL && !is_sent(info))
        goes_on = on_fault(active, sig, info, context);
    else
        pass_on(sig, info, context);

    errno = error;
    if (goes_on) {
        thread->active = active;
        if (thread->lapsed)
            selector = VK_LINUX_TRAP_ALLOW;
        thread->selector = selector;
    }
}

static int install(void)
{
    struct kernel_sigaction action = {.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | KERNEL_SA_RESTORER,
                                      .restorer = vk_linux_sigreturn};
    void (*handler)(int, siginfo_t *, void *) = on_signal;
    memcpy(&action.handler, &handler, sizeof handler);
    for (size_t i = 0; i < VK_COUNT(signals); i++)
        action.mask |= 1ull << (signals[i] - 1);
    for (size_t i = 0; i < VK_COUNT(signals); i++) {
        int rc = kernel_sigaction(signals[i], &action, &handlers_before[i]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int vk_linux_handlers_get(void)
{
    int rc = 0;
    (void)pthread_mutex_lock(&handlers_lock);
    if (handlers_users == 0)
        rc = install();
    if (rc == 0)
        handlers_users++;
    (void)pthread_mutex_unlock(&handlers_lock);
    return rc;
}

void vk_linux_handlers_put(void)
{
    (void)pthread_mutex_lock(&handlers_lock);
    vk_assert(handlers_users > 0);
    if (--handlers_users == 0)
        for (size_t i = 0; i < VK_COUNT(signals); i++)
            (void)kernel_sigaction(signals[i], &handlers_before[i], NULL);
    (void)pthread_mutex_unlock(&handlers_lock);
}
