/* SPDX-License-Identifier: Apache-2.0 */
/* Source: Intel SDM vol. 3, chapters 6 (exceptions) and 7.7 (task-state segment). */
#include "metal/trap.h"

#include "metal/apic.h"
#include "metal/console.h"
#include "metal/cpu.h"
#include "metal/exit.h"
#include "metal/irq.h"
#include "metal/paging.h"
#include "metal/panic.h"
#include "metal/run.h"
#include "vk/plat.h"

#define EXCEPTIONS   32u
#define SELECT_CODE  0x08u
#define SELECT_TSS   0x18u
#define GATE         0x8e00u /* present, ring 0, interrupt gate: interrupts go off */
#define IST_TRAPS    1u
#define IST_DOUBLE   2u
#define PF_PRESENT   (1u << 0) /* error word of a page fault: the page was there, a right was missing */
#define PF_FETCH     (1u << 4) /* it was an instruction that was to be read */
#define TRAP_BYTES   8192u     /* of trap stack, for one trap */
#define TRAPS_NESTED 3u        /* a page fault may come inside a page fault's grow callback */

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t flags; /* with the number of the stack in the low bits */
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

/* Only the interrupt stacks matter in 64-bit mode. */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed));

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

_Static_assert(sizeof(struct gate) == 16, "fixed by the processor");
_Static_assert(sizeof(struct tss) == 104, "fixed by the processor");

#define VECTORS (METAL_VECTOR_DEVICE + METAL_DEVICE_VECTORS)
_Static_assert(VECTORS == 48, "trap_entry.S has so many, and the spurious one");
extern const uint64_t metal_trap_entries[VECTORS + 1];

/* Called by trap_entry.S. */
void metal_trap(struct metal_trap_frame *frame);

static struct gate gates[256];
static struct tss tss;
static uint64_t segments[5]; /* null, code, data, and two for the TSS */
static uint8_t trap_stack[TRAPS_NESTED * TRAP_BYTES]
    __attribute__((aligned(16), section(".bss.stack.traps")));
static uint8_t double_stack[TRAP_BYTES] __attribute__((aligned(16), section(".bss.stack.double")));
static uint32_t depth; /* traps being handled, one inside the other */

/* ---- tables ------------------------------------------------------------------ */

static void set_gate(uint32_t vector, uint64_t entry, uint32_t ist)
{
    gates[vector] = (struct gate){
        .offset_low = (uint16_t)entry,
        .selector = SELECT_CODE,
        .flags = (uint16_t)(GATE | ist),
        .offset_middle = (uint16_t)(entry >> 16),
        .offset_high = (uint32_t)(entry >> 32),
    };
}

static void load_segments(void)
{
    uint64_t base = (uintptr_t)&tss;
    segments[1] = 0x00af9b000000ffff;
    segments[2] = 0x00cf93000000ffff;
    segments[3] = (sizeof tss - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    segments[4] = base >> 32;
    tss.ist[IST_TRAPS - 1] = (uintptr_t)(trap_stack + sizeof trap_stack);
    tss.ist[IST_DOUBLE - 1] = (uintptr_t)(double_stack + sizeof double_stack);
    tss.io_map = sizeof tss;
    struct table_pointer pointer = {sizeof segments - 1, (uintptr_t)segments};
    __asm__ volatile("lgdt %0" : : "m"(pointer));
    __asm__ volatile("ltr %w0" : : "r"(SELECT_TSS));
}

void metal_trap_init(void)
{
    load_segments();
    for (uint32_t vector = 0; vector < VECTORS; vector++)
        set_gate(vector, metal_trap_entries[vector], vector == METAL_VECTOR_DOUBLE ? IST_DOUBLE : IST_TRAPS);
    set_gate(METAL_VECTOR_SPURIOUS, metal_trap_entries[VECTORS], IST_TRAPS);
    struct table_pointer pointer = {sizeof gates - 1, (uintptr_t)gates};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

/* ---- the end of the kernel ----------------------------------------------------- */

static const char *vector_name(uint64_t vector)
{
    static const char *const names[EXCEPTIONS] = {
        "divide error",
        "debug",
        "non-maskable interrupt",
        "breakpoint",
        "overflow",
        "bound",
        "invalid opcode",
        "no FPU",
        "double fault",
        "coprocessor overrun",
        "invalid TSS",
        "segment not present",
        "stack segment",
        "general protection",
        "page fault",
        "reserved",
        "x87 error",
        "alignment",
        "machine check",
        "SIMD error",
    };
    return vector < EXCEPTIONS && names[vector] != NULL ? names[vector] : "unknown";
}

static _Noreturn void die(const struct metal_trap_frame *frame, uint64_t addr)
{
    metal_console_text("\npanic: exception in the kernel: ");
    metal_console_text(vector_name(frame->vector));
    metal_console_text("\n");
    metal_panic_register("vec", frame->vector, false);
    metal_panic_register("err", frame->error, false);
    metal_panic_register("cr2", addr, true);
    metal_panic_register("rip", frame->rip, false);
    metal_panic_register("rsp", frame->rsp, false);
    metal_panic_register("rfl", frame->rflags, true);
    metal_panic_register("rax", frame->rax, false);
    metal_panic_register("rbx", frame->rbx, false);
    metal_panic_register("rcx", frame->rcx, true);
    metal_panic_register("rdx", frame->rdx, false);
    metal_panic_register("rsi", frame->rsi, false);
    metal_panic_register("rdi", frame->rdi, true);
    metal_panic_register("rbp", frame->rbp, false);
    metal_panic_register("r8 ", frame->r8, false);
    metal_panic_register("r9 ", frame->r9, true);
    metal_panic_register("r10", frame->r10, false);
    metal_panic_register("r11", frame->r11, false);
    metal_panic_register("r12", frame->r12, true);
    metal_panic_register("r13", frame->r13, false);
    metal_panic_register("r14", frame->r14, false);
    metal_panic_register("r15", frame->r15, true);
    metal_panic_callers(frame->rsp);
    metal_exit(METAL_EXIT_PANIC);
}

/* ---- dispatch ------------------------------------------------------------------- */

static void page_fault(struct metal_trap_frame *frame)
{
    uintptr_t addr = metal_read_cr2();
    bool is_fetch = frame->error & PF_FETCH;
    if (!(frame->error & PF_PRESENT) && !is_fetch) {
        enum metal_touch touch = metal_paging_touch(addr, metal_run_is_active());
        if (touch == METAL_TOUCH_DONE)
            return;
        if (touch == METAL_TOUCH_NO_FRAME && !metal_run_is_active())
            plat_panic("out of memory");
    }
    if (!metal_run_access_fault(frame, addr, is_fetch))
        die(frame, addr);
}

static void dispatch(struct metal_trap_frame *frame)
{
    switch (frame->vector) {
    case METAL_VECTOR_TIMER:
        metal_apic_end_interrupt();
        metal_apic_fired();
        metal_run_tick(frame);
        break;
    case METAL_VECTOR_DEVICE ... METAL_VECTOR_DEVICE + METAL_DEVICE_VECTORS - 1:
        metal_apic_end_interrupt();
        metal_irq_handle((uint32_t)frame->vector);
        break;
    case METAL_VECTOR_SPURIOUS:
        break;
    case METAL_VECTOR_PAGE:
        page_fault(frame);
        break;
    default:
        if (frame->vector == METAL_VECTOR_DOUBLE || !metal_run_fault(frame))
            die(frame, 0);
    }
}

void metal_trap(struct metal_trap_frame *frame)
{
    if (++depth >= TRAPS_NESTED)
        die(frame, metal_read_cr2());
    tss.ist[IST_TRAPS - 1] -= TRAP_BYTES; /* a trap inside this one must not overwrite its frame */
    dispatch(frame);
    tss.ist[IST_TRAPS - 1] += TRAP_BYTES;
    depth--;
}
