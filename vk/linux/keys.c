/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protection keys of x86. The rights register is written by an instruction of
 * its own, which exists only where the OS kernel switched the feature on.
 */
#include "vk/err.h"
#include "vk/plat.h"

#include "vk/linux/linux_impl.h"

#include <cpuid.h>
#include <errno.h>
#include <sys/mman.h>

#define CPUID_LEAF7_ECX_OSPKE (1u << 4)

bool vk_linux_has_keys(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & CPUID_LEAF7_ECX_OSPKE) != 0;
}

int plat_key_alloc(uint32_t *ret_key)
{
    if (!vk_linux_has_keys())
        return -VK_ENOTSUP;
    int key = pkey_alloc(0, 0);
    if (key < 0)
        return vk_linux_err(errno);
    *ret_key = (uint32_t)key;
    return 0;
}

void plat_key_free(uint32_t key)
{
    (void)pkey_free((int)key);
}

int plat_key_protect(void *base, size_t len_bytes, enum plat_prot prot, uint32_t key)
{
    int flags = prot == PLAT_PROT_RW ? PROT_READ | PROT_WRITE : PROT_NONE;
    return pkey_mprotect(base, len_bytes, flags, (int)key) == 0 ? 0 : vk_linux_err(errno);
}

/* rdpkru and wrpkru by their bytes: older assemblers and -mno-pku do not matter. */
uint32_t plat_key_rights(void)
{
    uint32_t rights, high;
    __asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(rights), "=d"(high) : "c"(0) : "memory");
    return rights;
}

void plat_key_set_rights(uint32_t rights)
{
    __asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(rights), "c"(0), "d"(0) : "memory");
}
