/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a vector to metal_trap() and back. The processor has switched to a trap
 * stack, aligned to 16, and pushed five words; with the error word, the vector
 * and fifteen registers that makes struct metal_trap_frame, a multiple of 16.
 * The SSE state is saved as well: C code runs here that uses it, and the run may
 * go on afterwards.
 */
#define FXSAVE_BYTES 512

    .text

    /* Vectors for which the processor pushes an error word: Intel SDM vol. 3, 6.3.1. */
    .macro stub vector
trap_\vector:
    .if \vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21
    .else
    push $0
    .endif
    push $\vector
    jmp trap_common
    .endm

    .altmacro
    .set vector, 0
    .rept 48
    stub %vector
    .set vector, vector + 1
    .endr
    stub 255

    .type trap_common, @function
trap_common:
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %rbp
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    sub $FXSAVE_BYTES, %rsp
    fxsave64 (%rsp)
    ldmxcsr default_mxcsr
    cld
    call metal_trap
    fxrstor64 (%rsp)
    add $FXSAVE_BYTES, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    add $16, %rsp /* vector and error word */
    iretq

    .section .rodata, "a", @progbits
    .balign 4
default_mxcsr:
    .long 0x1f80

    /* Entry points of vectors 0 to 47, then of 255. */
    .macro address vector
    .quad trap_\vector
    .endm
    .balign 8
    .globl metal_trap_entries
metal_trap_entries:
    .set vector, 0
    .rept 48
    address %vector
    .set vector, vector + 1
    .endr
    .quad trap_255

    .section .note.GNU-stack, "", @progbits
