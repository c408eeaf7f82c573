/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader's first instructions: the PVH entry, from 32-bit protected mode
 * without paging to 64-bit mode with the first 4 GiB mapped one to one.
 *
 * The state at entry, and why a note leads here: the Xen PVH boot protocol
 * (xen/docs/misc/pvh.pandoc): ebx holds the address of struct hvm_start_info,
 * paging and interrupts are off, segments are flat. Long mode is entered in
 * the order of Intel SDM vol. 3, 9.8.5.
 *
 * The tables made here live until the kernel proper has made its own
 * (paging.c), in which nothing but what is needed is mapped.
 */

#define CR0_WANTED 0x80010022 /* PG, WP, NE, MP; PE is on already */
#define CR0_CLEAR  0x0000000c /* TS, EM: the FPU is there and ours */
#define CR4_WANTED 0x00000620 /* PAE, OSFXSR, OSXMMEXCPT */
#define MSR_EFER   0xc0000080
#define EFER_WANTED 0x900 /* LME, NXE; SCE stays off: `syscall` is an invalid opcode */

#define PTE_TABLE 0x3  /* present, writable */
#define PTE_2MIB  0x83 /* present, writable, large */

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18 /* name and descriptor sizes; XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long metal_boot_entry

    .section .text.boot, "ax", @progbits
    .code32
    .globl metal_boot_entry
    .type metal_boot_entry, @function
metal_boot_entry:
    cli
    cld
    rdtsc

    /* From app/unpack.S, edx:eax is the time stamp counter at its entry. */
    .globl metal_boot_unpacked
metal_boot_unpacked:
    mov %ebx, %ebp /* struct hvm_start_info */
    mov %eax, %esi
    mov %edx, %ebx

    /* Not every PVH loader promises a zeroed .bss; whole pages of it. No `rep stosl`: plain emulation is slow in it. */
    mov $metal_bss_start, %edi
    xor %eax, %eax
1:  mov %eax, (%edi)
    mov %eax, 4(%edi)
    mov %eax, 8(%edi)
    mov %eax, 12(%edi)
    mov %eax, 16(%edi)
    mov %eax, 20(%edi)
    mov %eax, 24(%edi)
    mov %eax, 28(%edi)
    add $32, %edi
    cmp $metal_bss_end, %edi
    jb 1b
    mov %esi, entry_tsc
    mov %ebx, entry_tsc + 4

    /* Four directories of 512 large pages each: the first 4 GiB. */
    mov $directories, %edi
    mov $PTE_2MIB, %eax
    mov $(4 * 512), %ecx
1:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b

    mov $pointers, %edi
    mov $(directories + PTE_TABLE), %eax
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $4096, %eax
    add $8, %edi
    loop 1b
    movl $(pointers + PTE_TABLE), root

    mov %cr4, %eax
    or $CR4_WANTED, %eax
    mov %eax, %cr4
    mov $root, %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    rdmsr
    or $EFER_WANTED, %eax
    wrmsr
    mov %cr0, %eax
    and $~CR0_CLEAR, %eax
    or $CR0_WANTED, %eax
    mov %eax, %cr0
    lgdt gdt_pointer
    ljmp $0x8, $long_mode

    .code64
long_mode:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov $metal_stack_top, %rsp
    mov %ebp, %edi
    mov entry_tsc, %rsi
    xor %ebp, %ebp
    call metal_loader
    ud2 /* it does not return */

    .section .rodata.boot, "a", @progbits
    .balign 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 64-bit code */
    .quad 0x00cf93000000ffff /* data */
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .quad gdt

    .section .bss.boot, "aw", @nobits
    .balign 4096
root:
    .skip 4096
pointers:
    .skip 4096
directories:
    .skip 4 * 4096
entry_tsc:
    .skip 8

    /* The kernel's stack. The page below is never mapped by the kernel's tables. */
    .section .bss.stack, "aw", @nobits
    .balign 4096
    .globl metal_stack_guard, metal_stack_top
metal_stack_guard:
    .skip 4096
    .skip 65536
metal_stack_top:

    .section .note.GNU-stack, "", @progbits
