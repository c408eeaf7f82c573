/* SPDX-License-Identifier: Apache-2.0 */
/*
 * int metal_run_enter(int (*fn)(void *arg), void *arg, void *stack_top, int *ret_value)
 *
 * Calls fn on another stack with interrupts on, and with all other registers
 * cleared: it finds nothing of the kernel's or of the process before it there.
 * Returns 0 when fn returned; 1 when a trap came back through metal_run_abort.
 * What the code left in callee-saved registers, rounding modes and flags does
 * not reach the caller.
 */
    .bss
    .balign 8
    .globl metal_run_saved_rsp
metal_run_saved_rsp:
    .skip 8

    .text
    .globl metal_run_enter
    .type metal_run_enter, @function
metal_run_enter:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    push %rcx
    sub $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    mov %rsp, metal_run_saved_rsp
    mov %rdx, %rsp
    mov %rdi, %rax
    mov %rsi, %rdi
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %ebp, %ebp
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    pxor %xmm\n, %xmm\n
    .endr
    sti
    call *%rax
    cli
    mov metal_run_saved_rsp, %rsp
    mov 8(%rsp), %rcx
    mov %eax, (%rcx)
    xor %eax, %eax
leave_run:
    cld
    fnclex
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    add $16, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

    /* A trap returns here, on the saved stack, interrupts off. */
    .globl metal_run_abort
    .type metal_run_abort, @function
metal_run_abort:
    fninit
    mov $1, %eax
    jmp leave_run

    .section .note.GNU-stack, "", @progbits
