/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/vk_faults/faults.h"

#include <stdlib.h>

#include "tests/unit/test.h"
#include "vk/err.h"
#include "vk/limits.h"

#define RANGES_MAX 16u

struct page {
    bool is_open;
    uint8_t key;
    bool was_open;      /* whole, since it was mapped */
    size_t whole_bytes; /* of the mapping that begins here; 0: none */
};

struct range {
    uint8_t *base;
    size_t len_bytes;
    struct page *pages;
};

struct faults faults;
static struct range ranges[RANGES_MAX];

int __real_plat_reserve(size_t len_bytes, size_t align_bytes, void **ret_base);
int __wrap_plat_reserve(size_t len_bytes, size_t align_bytes, void **ret_base);
void __real_plat_release(void *base, size_t len_bytes);
void __wrap_plat_release(void *base, size_t len_bytes);
int __real_plat_slot_map(void *base, size_t len_bytes, bool odd);
int __wrap_plat_slot_map(void *base, size_t len_bytes, bool odd);
int __real_plat_protect(void *base, size_t len_bytes, enum plat_prot prot);
int __wrap_plat_protect(void *base, size_t len_bytes, enum plat_prot prot);
int __real_plat_discard(void *base, size_t len_bytes);
int __wrap_plat_discard(void *base, size_t len_bytes);
void __real_plat_caps(struct plat_caps *ret_caps);
void __wrap_plat_caps(struct plat_caps *ret_caps);
int __wrap_plat_key_alloc(uint32_t *ret_key);
void __wrap_plat_key_free(uint32_t key);
int __wrap_plat_key_protect(void *base, size_t len_bytes, enum plat_prot prot, uint32_t key);
void __wrap_plat_key_set_run_rights(uint32_t rights);

static bool is_refused(void)
{
    faults.calls++;
    bool refused = faults.calls == faults.refuse_at ||
                   (faults.refuse_all != 0 && faults.calls >= faults.refuse_all) ||
                   (faults.one_in != 0 && test_random_below(&faults.seed, faults.one_in) == 0);
    faults.refusals += refused;
    return refused;
}

static struct page *page_of(const void *addr)
{
    for (size_t i = 0; i < RANGES_MAX; i++) {
        uintptr_t off = (uintptr_t)addr - (uintptr_t)ranges[i].base;
        if (ranges[i].base != NULL && off < ranges[i].len_bytes)
            return &ranges[i].pages[off / VK_PAGE_BYTES];
    }
    return NULL;
}

/* Both ends must lie in one reserved range: what is asked of the platform is checked, too. */
static void mark(void *base, size_t len_bytes, bool is_open, uint32_t key)
{
    struct page *first = page_of(base);
    CHECK(first != NULL && len_bytes > 0 && len_bytes % VK_PAGE_BYTES == 0);
    CHECK_EQ((uintptr_t)base % VK_PAGE_BYTES, 0);
    CHECK(page_of((uint8_t *)base + len_bytes - 1) == first + len_bytes / VK_PAGE_BYTES - 1);
    for (size_t i = 0; i < len_bytes / VK_PAGE_BYTES; i++) {
        first[i].is_open = is_open;
        first[i].key = (uint8_t)key;
    }
}

bool faults_is_open(const void *addr)
{
    const struct page *page = page_of(addr);
    CHECK(page != NULL);
    return page->is_open;
}

bool faults_is_open_to_process(const void *addr)
{
    const struct page *page = page_of(addr);
    CHECK(page != NULL);
    return page->is_open && (faults.rights >> (2u * page->key) & 3u) == 0;
}

int __wrap_plat_reserve(size_t len_bytes, size_t align_bytes, void **ret_base)
{
    if (is_refused())
        return -VK_ENOMEM;
    int rc = __real_plat_reserve(len_bytes, align_bytes, ret_base);
    if (rc != 0)
        return rc;
    CHECK_EQ((uintptr_t)*ret_base % align_bytes, 0);
    size_t free_at = 0;
    while (free_at < RANGES_MAX && ranges[free_at].base != NULL)
        free_at++;
    CHECK(free_at < RANGES_MAX);
    ranges[free_at] = (struct range){
        .base = (uint8_t *)*ret_base,
        .len_bytes = len_bytes,
        .pages = (struct page *)calloc(len_bytes / VK_PAGE_BYTES, sizeof(struct page)),
    };
    CHECK(ranges[free_at].pages != NULL);
    return 0;
}

void __wrap_plat_release(void *base, size_t len_bytes)
{
    size_t at = 0;
    while (at < RANGES_MAX && ranges[at].base != base)
        at++;
    CHECK(at < RANGES_MAX);
    CHECK_EQ(ranges[at].len_bytes, len_bytes);
    free(ranges[at].pages);
    ranges[at] = (struct range){0};
    __real_plat_release(base, len_bytes);
}

int __wrap_plat_slot_map(void *base, size_t len_bytes, bool odd)
{
    if (is_refused())
        return -VK_ENOMEM;
    mark(base, len_bytes, false, 0);
    page_of(base)->whole_bytes = len_bytes;
    page_of(base)->was_open = false;
    return __real_plat_slot_map(base, len_bytes, odd);
}

/* Never refused, as in an OS kernel: closing, and opening again a mapping that stays one. */
int __wrap_plat_protect(void *base, size_t len_bytes, enum plat_prot prot)
{
    struct page *first = page_of(base);
    CHECK(first != NULL);
    bool is_whole = first->whole_bytes == len_bytes;
    if (prot == PLAT_PROT_RW && !(is_whole && first->was_open) && is_refused())
        return -VK_ENOMEM;
    mark(base, len_bytes, prot == PLAT_PROT_RW, 0);
    first->was_open |= is_whole && prot == PLAT_PROT_RW;
    return __real_plat_protect(base, len_bytes, prot);
}

int __wrap_plat_discard(void *base, size_t len_bytes)
{
    if (is_refused())
        return -VK_ENOMEM;
    return __real_plat_discard(base, len_bytes);
}

void __wrap_plat_caps(struct plat_caps *ret_caps)
{
    __real_plat_caps(ret_caps);
    ret_caps->keys = faults.has_keys;
}

int __wrap_plat_key_alloc(uint32_t *ret_key)
{
    if (!faults.has_keys || is_refused())
        return -VK_ENOSPC;
    for (uint32_t key = 1; key < PLAT_KEYS_MAX; key++)
        if ((faults.keys & 1u << key) == 0) {
            faults.keys |= 1u << key;
            *ret_key = key;
            return 0;
        }
    return -VK_ENOSPC;
}

void __wrap_plat_key_free(uint32_t key)
{
    CHECK((faults.keys & 1u << key) != 0);
    faults.keys &= ~(1u << key);
}

int __wrap_plat_key_protect(void *base, size_t len_bytes, enum plat_prot prot, uint32_t key)
{
    CHECK(key == 0 || (faults.keys & 1u << key) != 0);
    if (prot == PLAT_PROT_RW && key != 0 && is_refused())
        return -VK_ENOMEM;
    mark(base, len_bytes, prot == PLAT_PROT_RW, key);
    return __real_plat_protect(base, len_bytes, prot);
}

void __wrap_plat_key_set_run_rights(uint32_t rights)
{
    faults.rights = rights;
}
