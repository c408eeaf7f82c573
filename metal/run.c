/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plat_run_guarded on bare metal. There is one processor and runs do not nest,
 * so the state of the active run is this file's.
 *
 * A runner is one reservation: guard pages, the native stack, a guard page, and
 * a page with the runner itself.
 */
#include "metal/run.h"

#include "metal/apic.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

/* Below the stack, so wide that no ordinary frame steps over it. It costs addresses only. */
#define STACK_GUARD_BYTES (1u << 20)

#define FLAGS_IN_KERNEL 0x2u /* interrupts off; the bit that is always set */

/*
 * A run is ended after two ticks of its own time, yet the timer goes on while a
 * virtual machine is not run by its host. So the timer is faster than asked for
 * and a run must be met often: one pause of the machine, however long, is one
 * interrupt.
 */
#define MEETINGS_PER_TICK 4u
#define MEETINGS_MAX      (2 * MEETINGS_PER_TICK)

#define CODE_SEGMENT 0x08u
#define DATA_SEGMENT 0x10u

/* Error word of #GP for `int 0x80`: vector 0x80 of the interrupt table, which has no gate. */
#define GP_INT_0X80 (0x80u << 3 | 2u)

struct plat_runner {
    struct plat_runner_options options;
    uint8_t *base; /* of the reservation: the guard pages below the stack */
    size_t len_bytes;
    uint8_t *stack;
    size_t stack_bytes;
    bool is_trusted; /* plat_runner_trust */
    bool is_left;    /* a trusted run was the last one, and returned */
};

/* run_enter.S */
int metal_run_enter(int (*fn)(void *arg), void *arg, void *stack_top, int *ret_value);
extern char metal_run_abort[];
extern uint64_t metal_run_saved_rsp;

static struct {
    struct plat_runner *active; /* NULL outside of runs */
    struct plat_fault fault;    /* why the active run was ended */
    uint32_t run_rights;        /* protection keys for the code that is run; 0: the kernel's */
    uint32_t kernel_rights;     /* protection keys as they were when the run began */
    uint32_t meetings;          /* how often the timer has met this run */
    bool is_growing;            /* its grow callback is running */
} run;

/* ---- runners --------------------------------------------------------------- */

int plat_runner_create(const struct plat_runner_options *options, struct plat_runner **ret_runner)
{
    if (options->stack_bytes == 0 || options->stack_bytes > SIZE_MAX / 2)
        return -VK_EINVAL;
    size_t stack_bytes = VK_ALIGN_UP(options->stack_bytes, (size_t)VK_PAGE_BYTES);
    size_t len_bytes = STACK_GUARD_BYTES + stack_bytes + 2 * VK_PAGE_BYTES;
    void *base;
    int rc = plat_reserve(len_bytes, VK_PAGE_BYTES, &base);
    if (rc != 0)
        return rc;
    uint8_t *stack = (uint8_t *)base + STACK_GUARD_BYTES;
    struct plat_runner *runner = (void *)(stack + stack_bytes + VK_PAGE_BYTES);
    rc = plat_protect(stack, stack_bytes, PLAT_PROT_RW);
    if (rc == 0)
        rc = plat_protect(runner, VK_PAGE_BYTES, PLAT_PROT_RW);
    if (rc != 0) {
        plat_release(base, len_bytes);
        return rc;
    }
    *runner = (struct plat_runner){.options = *options,
                                   .base = base,
                                   .len_bytes = len_bytes,
                                   .stack = stack,
                                   .stack_bytes = stack_bytes};
    *ret_runner = runner;
    return 0;
}

void plat_runner_destroy(struct plat_runner *runner)
{
    if (runner != NULL)
        plat_release(runner->base, runner->len_bytes);
}

/* The top page is wiped; what lies below was touched by deep calls only and starts anew. */
static void wipe_stack(const struct plat_runner *runner)
{
    size_t below_bytes = runner->stack_bytes - VK_PAGE_BYTES;
    memset(runner->stack + below_bytes, 0, VK_PAGE_BYTES);
    if (below_bytes > 0)
        (void)plat_discard(runner->stack, below_bytes); /* needs no new table, so it cannot fail */
}

void plat_key_set_run_rights(uint32_t rights)
{
    run.run_rights = rights;
}

void plat_runner_rest(struct plat_runner *runner)
{
    (void)runner; /* nothing here makes anything dearer */
}

void plat_runner_trust(struct plat_runner *runner, bool is_trusted)
{
    runner->is_trusted = is_trusted;
}

int plat_run_guarded(struct plat_runner *runner, int (*fn)(void *arg), void *arg, int *ret_value,
                     struct plat_fault *ret_fault)
{
    vk_assert(run.active == NULL);
    if (!runner->is_trusted || !runner->is_left)
        wipe_stack(runner);
    if (runner->options.tick_ns != 0)
        metal_apic_tick(runner->options.tick_ns / MEETINGS_PER_TICK);
    run.meetings = 0;
    run.active = runner;
    if (run.run_rights != 0) {
        run.kernel_rights = plat_key_rights();
        plat_key_set_rights(run.run_rights);
    }
    int value;
    int rc = metal_run_enter(fn, arg, runner->stack + runner->stack_bytes, &value);
    if (run.run_rights != 0)
        plat_key_set_rights(run.kernel_rights);
    run.active = NULL;
    runner->is_left = runner->is_trusted && rc == 0;
    if (rc != 0) {
        *ret_fault = run.fault;
        return -VK_EIO;
    }
    *ret_value = value;
    return 0;
}

/* What would be done there is asked for as other things are, and done after the run. */
bool plat_run_home(void (*fn)(void *home, void *arg), void *arg)
{
    (void)fn;
    (void)arg;
    return false;
}

/* ---- traps ------------------------------------------------------------------- */

bool metal_run_is_active(void)
{
    return run.active != NULL && !run.is_growing;
}

/* Let the trap return to metal_run_abort. Nothing of the run's registers is kept. */
static void end_run(struct metal_trap_frame *frame, enum plat_fault_kind kind, uintptr_t addr)
{
    run.fault = (struct plat_fault){kind, addr, frame->rip};
    frame->rip = (uintptr_t)metal_run_abort;
    frame->cs = CODE_SEGMENT;
    frame->ss = DATA_SEGMENT;
    frame->rsp = metal_run_saved_rsp;
    frame->rflags = FLAGS_IN_KERNEL;
}

/* The callback is kernel code and runs with the kernel's rights; the run goes on with its own. */
static bool grow(uintptr_t addr)
{
    const struct plat_runner_options *options = &run.active->options;
    if (options->grow == NULL)
        return false;
    uint32_t rights = 0;
    if (run.run_rights != 0) {
        rights = plat_key_rights();
        plat_key_set_rights(run.kernel_rights);
    }
    run.is_growing = true;
    bool is_open = options->grow(options->grow_ctx, addr);
    run.is_growing = false;
    if (run.run_rights != 0)
        plat_key_set_rights(rights);
    return is_open;
}

static bool is_stack_guard(uintptr_t addr)
{
    return addr - (uintptr_t)run.active->base < STACK_GUARD_BYTES;
}

bool metal_run_access_fault(struct metal_trap_frame *frame, uintptr_t addr, bool is_fetch)
{
    if (!metal_run_is_active())
        return false;
    if (is_stack_guard(addr))
        end_run(frame, PLAT_FAULT_STACK, addr);
    else if (is_fetch || !grow(addr))
        end_run(frame, PLAT_FAULT_ACCESS, addr);
    return true;
}

/* Whether the instruction at pc is the two bytes given. The processor has read the first one already. */
static bool is_instruction(uint64_t pc, uint8_t first, uint8_t second)
{
    const uint8_t *code = (const uint8_t *)(uintptr_t)pc;
    return code[0] == first && code[1] == second;
}

static enum plat_fault_kind kind_of(const struct metal_trap_frame *frame)
{
    switch (frame->vector) {
    case METAL_VECTOR_DIVIDE:
        return PLAT_FAULT_DIVIDE;
    case METAL_VECTOR_INVALID:
        return is_instruction(frame->rip, 0x0f, 0x05) ? PLAT_FAULT_SYSCALL : PLAT_FAULT_ILLEGAL;
    case METAL_VECTOR_GENERAL: /* a misaligned vector, an address that is none: which one is not told */
        return frame->error == GP_INT_0X80 ? PLAT_FAULT_SYSCALL : PLAT_FAULT_OTHER;
    case METAL_VECTOR_STACK:
        return PLAT_FAULT_ACCESS;
    default:
        return PLAT_FAULT_OTHER;
    }
}

bool metal_run_fault(struct metal_trap_frame *frame)
{
    if (!metal_run_is_active())
        return false;
    enum plat_fault_kind kind = kind_of(frame);
    end_run(frame, kind, kind == PLAT_FAULT_SYSCALL ? frame->rax : 0);
    return true;
}

/* As grow: the kernel is asked with its own rights. */
static bool is_over(uint32_t ticks)
{
    const struct plat_runner_options *options = &run.active->options;
    if (options->is_over == NULL)
        return true;
    uint32_t rights = 0;
    if (run.run_rights != 0) {
        rights = plat_key_rights();
        plat_key_set_rights(run.kernel_rights);
    }
    bool is_ended = options->is_over(options->is_over_ctx, ticks);
    if (run.run_rights != 0)
        plat_key_set_rights(rights);
    return is_ended;
}

void metal_run_tick(struct metal_trap_frame *frame)
{
    if (!metal_run_is_active() || run.active->options.tick_ns == 0)
        return;
    bool is_tick = ++run.meetings % MEETINGS_PER_TICK == 0;
    if (is_tick && run.meetings >= MEETINGS_MAX && is_over(run.meetings / MEETINGS_PER_TICK))
        end_run(frame, PLAT_FAULT_TIME, 0);
}

/* The image runs where it was linked, and knows no files. */
uintptr_t plat_code_place(uintptr_t pc, const char **ret_file)
{
    *ret_file = NULL;
    return pc;
}
