/* SPDX-License-Identifier: Apache-2.0 */
/* Source: Intel SDM vol. 3, 4.6.2. */
#include "metal/keys.h"

#include "metal/cpu.h"
#include "metal/paging.h"
#include "vk/err.h"
#include "vk/plat.h"

#define CPUID_FEATURES_7  7u
#define CPUID_7_ECX_PKU   (1u << 3)
#define KEY_DEFAULT_TAKEN 1u /* key 0 is on every page that was given none */

static struct {
    bool work;
    uint32_t taken; /* bit k: key k is allocated */
} keys;

void metal_keys_init(void)
{
    if (metal_cpuid(0, 0).eax < CPUID_FEATURES_7 || !(metal_cpuid(CPUID_FEATURES_7, 0).ecx & CPUID_7_ECX_PKU))
        return;
    metal_write_cr4(metal_read_cr4() | CR4_PKE);
    metal_wrpkru(0);
    keys.work = true;
    keys.taken = KEY_DEFAULT_TAKEN;
}

bool metal_keys_work(void)
{
    return keys.work;
}

int plat_key_alloc(uint32_t *ret_key)
{
    if (!keys.work)
        return -VK_ENOTSUP;
    for (uint32_t key = 1; key < PLAT_KEYS_MAX; key++) {
        if (keys.taken & 1u << key)
            continue;
        keys.taken |= 1u << key;
        *ret_key = key;
        return 0;
    }
    return -VK_ENOSPC;
}

void plat_key_free(uint32_t key)
{
    vk_assert(key != 0);
    vk_assert(keys.taken & 1u << key);
    keys.taken &= ~(1u << key);
}

int plat_key_protect(void *base, size_t len_bytes, enum plat_prot prot, uint32_t key)
{
    const struct metal_edit edit = {
        .clear = METAL_PTE_WRITE | METAL_PTE_KEY(15),
        .set = METAL_PTE_KEY(key) | (prot == PLAT_PROT_RW ? METAL_PTE_WRITE : 0),
    };
    return metal_paging_edit((uintptr_t)base, len_bytes, &edit);
}

uint32_t plat_key_rights(void)
{
    return keys.work ? metal_rdpkru() : 0;
}

void plat_key_set_rights(uint32_t rights)
{
    if (keys.work)
        metal_wrpkru(rights);
}
