/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instructions C has no words for, one function each, named as in the
 * Intel SDM. No policy.
 */
#ifndef METAL_CPU_H
#define METAL_CPU_H

#include "vk/base.h"

#define CR4_PKE (1u << 22)

VK_INLINE void metal_outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

VK_INLINE void metal_outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

VK_INLINE uint8_t metal_inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

VK_INLINE uint32_t metal_inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

VK_INLINE uint64_t metal_rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

VK_INLINE uint64_t metal_rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

VK_INLINE void metal_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

struct metal_cpuid {
    uint32_t eax, ebx, ecx, edx;
};

VK_INLINE struct metal_cpuid metal_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct metal_cpuid id;
    __asm__ volatile("cpuid"
                     : "=a"(id.eax), "=b"(id.ebx), "=c"(id.ecx), "=d"(id.edx)
                     : "a"(leaf), "c"(subleaf));
    return id;
}

/* Address of the last page fault. */
VK_INLINE uint64_t metal_read_cr2(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

VK_INLINE uint64_t metal_read_cr3(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

/* Switches page tables; drops every cached translation. */
VK_INLINE void metal_write_cr3(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

VK_INLINE uint64_t metal_read_cr4(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

VK_INLINE void metal_write_cr4(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

VK_INLINE void metal_invlpg(uintptr_t addr)
{
    __asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory");
}

/* Protection keys; an invalid opcode unless CR4.PKE is set. */
VK_INLINE uint32_t metal_rdpkru(void)
{
    uint32_t value, ignored;
    __asm__ volatile("rdpkru" : "=a"(value), "=d"(ignored) : "c"(0));
    return value;
}

VK_INLINE void metal_wrpkru(uint32_t value)
{
    __asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

/* Sleep until an interrupt, which is taken before this returns; interrupts are off before and after. */
VK_INLINE void metal_wait(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

_Noreturn VK_INLINE void metal_stop(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

#endif
