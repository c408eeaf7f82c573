/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch to the native stack and back, and the way out of a fault.
 * Offsets are those of struct vk_linux_thread (run_impl.h asserts them).
 */
#define THREAD_ACTIVE    0
#define THREAD_SAVED_RSP 8
#define THREAD_VECTORS   16

#define VECTORS_AVX    1
#define VECTORS_AVX512 2

    .text

/*
 * int vk_linux_switch(int (*fn)(void *arg), void *arg, void *stack_top, struct plat_runner *runner)
 *
 * Between the store to ACTIVE and its clearing a signal handler may at any
 * instruction continue at vk_linux_recover: the frame pushed here stays whole
 * over all of it. Nothing is taken back from registers or from the native
 * stack, which the code that ran may have overwritten. Registers are cleared
 * first, so that it sees nothing of the kernel's or of the process before it;
 * the old x87 ones are not (docs/isolation.md).
 */
    .globl  vk_linux_switch
    .hidden vk_linux_switch
    .type   vk_linux_switch, @function
    .balign 32
vk_linux_switch:
    pushq   %rbp
    pushq   %rbx
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    movq    vk_linux_thread@gottpoff(%rip), %rax
    movq    %rsp, %fs:THREAD_SAVED_RSP(%rax)
    movq    %rcx, %fs:THREAD_ACTIVE(%rax)
    movq    %rdx, %rsp
    movq    %rdi, %r11
    movq    %rsi, %rdi
    movl    %fs:THREAD_VECTORS(%rax), %eax
    testl   $VECTORS_AVX, %eax
    jz      .Lclear_sse
    vzeroall
    testl   $VECTORS_AVX512, %eax
    jnz     .Lclear_avx512
.Lcleared:
    xorl    %eax, %eax
    xorl    %ebx, %ebx
    xorl    %ecx, %ecx
    xorl    %edx, %edx
    xorl    %esi, %esi
    xorl    %ebp, %ebp
    xorl    %r8d, %r8d
    xorl    %r9d, %r9d
    xorl    %r10d, %r10d
    xorl    %r12d, %r12d
    xorl    %r13d, %r13d
    xorl    %r14d, %r14d
    xorl    %r15d, %r15d
    call    *%r11

    .globl  vk_linux_recover
    .hidden vk_linux_recover
    .type   vk_linux_recover, @function
vk_linux_recover:
    movq    vk_linux_thread@gottpoff(%rip), %rcx
    movq    %fs:THREAD_SAVED_RSP(%rcx), %rsp
    movq    $0, %fs:THREAD_ACTIVE(%rcx)
    cld
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbx
    popq    %rbp
    ret

.Lclear_sse:
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    pxor    %xmm\n, %xmm\n
    .endr
    jmp     .Lcleared
.Lclear_avx512:
    .irp    n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vpxorq  %zmm\n, %zmm\n, %zmm\n
    .endr
    .irp    n, 1, 2, 3, 4, 5, 6, 7
    kxorw   %k\n, %k\n, %k\n
    .endr
    kxorw   %k0, %k0, %k0
    jmp     .Lcleared
    .size   vk_linux_recover, . - vk_linux_recover
    .size   vk_linux_switch, . - vk_linux_switch

/*
 * void vk_linux_switch_home(void (*fn)(void *arg), void *arg)
 *
 * Calls fn on the kernel's stack, below the frame that vk_linux_switch left
 * there, and comes back to the native one.
 */
    .globl  vk_linux_switch_home
    .hidden vk_linux_switch_home
    .type   vk_linux_switch_home, @function
    .balign 16
vk_linux_switch_home:
    pushq   %rbp
    movq    %rsp, %rbp
    movq    vk_linux_thread@gottpoff(%rip), %rax
    movq    %fs:THREAD_SAVED_RSP(%rax), %rsp
    andq    $-16, %rsp
    movq    %rdi, %rax
    movq    %rsi, %rdi
    call    *%rax
    movq    %rbp, %rsp
    popq    %rbp
    ret
    .size   vk_linux_switch_home, . - vk_linux_switch_home

/*
 * Where signal handlers return to. Its system call is the one the trap lets
 * pass, so that a handler can return into code under the trap. The address
 * that counts is the one after the instruction, hence the ud2 inside the range.
 */
    .globl  vk_linux_sigreturn
    .hidden vk_linux_sigreturn
    .globl  vk_linux_sigreturn_end
    .hidden vk_linux_sigreturn_end
    .type   vk_linux_sigreturn, @function
    nop
vk_linux_sigreturn:
    movq    $15, %rax
    syscall
    ud2
vk_linux_sigreturn_end:
    .size   vk_linux_sigreturn, . - vk_linux_sigreturn

    .section .note.GNU-stack, "", @progbits
