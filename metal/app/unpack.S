/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first instructions of a packed image: unpacks the kernel (pack.c) to where
 * it is linked and enters it as if it had been loaded there. Still in 32-bit
 * protected mode without paging, as the PVH loader left it; the packed bytes are
 * free memory for the kernel afterwards.
 *
 * Source: the block format of LZ4. Copies go by four bytes and may write up to
 * three too many, over what comes next or the kernel's .bss; single bytes where
 * a match overlaps itself by less.
 */
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18 /* name and descriptor sizes; XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long unpack_entry

    .section .text.boot, "ax", @progbits
    /* What metal/attach.h describes; `vkd metal` fills it in. */
    .balign 8
place:
    .ascii "vkd module in\r\n\0"
place_base:
    .quad 0
    .quad 0

    .code32
    .globl unpack_entry
    .type unpack_entry, @function
unpack_entry:
    cli
    cld
    rdtsc
    mov $kernel_stack, %esp
    push %eax
    push %edx
    push %ebx /* struct hvm_start_info */
    mov $kernel_packed, %esi
    mov $kernel_start, %edi

    /* esi: packed bytes, edi: the kernel's, edx: the token, ebp: where a copy ends */
sequence:
    movzbl (%esi), %edx
    inc %esi
    mov %edx, %ecx
    shr $4, %ecx
    cmp $15, %ecx
    jne 2f
1:  movzbl (%esi), %eax
    inc %esi
    add %eax, %ecx
    cmp $255, %eax
    je 1b
2:  lea (%edi,%ecx), %ebp
    lea (%esi,%ecx), %ebx
3:  mov (%esi), %eax
    add $4, %esi
    mov %eax, (%edi)
    add $4, %edi
    cmp %ebp, %edi
    jb 3b
    mov %ebp, %edi
    mov %ebx, %esi
    cmp $kernel_packed_end, %esi
    jae done

    movzwl (%esi), %ebx
    add $2, %esi
    and $15, %edx
    cmp $15, %edx
    jne 5f
4:  movzbl (%esi), %eax
    inc %esi
    add %eax, %edx
    cmp $255, %eax
    je 4b
5:  lea 4(%edi,%edx), %ebp
    mov %edi, %ecx
    sub %ebx, %ecx
    cmp $4, %ebx
    jb 7f
6:  mov (%ecx), %eax
    add $4, %ecx
    mov %eax, (%edi)
    add $4, %edi
    cmp %ebp, %edi
    jb 6b
    mov %ebp, %edi
    jmp sequence
7:  mov (%ecx), %al
    inc %ecx
    mov %al, (%edi)
    inc %edi
    cmp %ebp, %edi
    jb 7b
    jmp sequence

done:
    mov $place_base, %esi
    mov $kernel_place, %edi
    mov $4, %ecx
    rep movsl
    pop %ebx
    pop %edx
    pop %eax
    mov $kernel_entry, %ecx
    jmp *%ecx

    .section .note.GNU-stack, "", @progbits
