/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reserved ranges and slots out of mmap and mprotect.
 *
 * The OS kernel merges neighbouring mappings that are alike, and splitting
 * them again makes a pair of mprotect calls two to three times as dear. Odd
 * slots therefore carry a flag that even ones lack (docs/decisions.md).
 */
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

#include "vk/linux/linux_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The default of Linux, where the file cannot be read. */
#define MAPPINGS_MAX_DEFAULT 65530u

int vk_linux_err(int os_error)
{
    switch (os_error) {
    case 0:
        return 0;
    case EAGAIN:
    case ENOMEM:
        return -VK_ENOMEM;
    case ENOSPC:
        return -VK_ENOSPC;
    case EACCES:
    case EPERM:
        return -VK_EACCES;
    case ENOSYS:
    case EOPNOTSUPP:
        return -VK_ENOTSUP;
    default:
        return -VK_EINVAL;
    }
}

static uint32_t read_mappings_max(void)
{
    char text[16] = {0};
    uint32_t count = 0;
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return MAPPINGS_MAX_DEFAULT;
    ssize_t len = read(fd, text, sizeof text - 1);
    (void)close(fd);
    for (ssize_t i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        count = count < UINT32_MAX / 10 ? count * 10 + (uint32_t)(text[i] - '0') : UINT32_MAX;
    return count != 0 ? count : MAPPINGS_MAX_DEFAULT;
}

void plat_caps(struct plat_caps *ret_caps)
{
    ret_caps->mappings_max = read_mappings_max();
    ret_caps->mappings_split = true;
    ret_caps->keys = vk_linux_has_keys();
}

int plat_reserve(size_t len_bytes, size_t align_bytes, void **ret_base)
{
    if (len_bytes == 0 || len_bytes % VK_PAGE_BYTES != 0 || align_bytes % VK_PAGE_BYTES != 0 ||
        len_bytes > SIZE_MAX - align_bytes)
        return -VK_EINVAL;
    size_t extra = align_bytes - VK_PAGE_BYTES;
    uint8_t *at =
        mmap(NULL, len_bytes + extra, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return vk_linux_err(errno);
    size_t before = (size_t)(-(uintptr_t)at & (align_bytes - 1));
    if (before > 0)
        (void)munmap(at, before);
    if (extra > before)
        (void)munmap(at + before + len_bytes, extra - before);
    *ret_base = at + before;
    return 0;
}

void plat_release(void *base, size_t len_bytes)
{
    if (munmap(base, len_bytes) == 0)
        return;
    /* Part of a mapping that neighbours have merged with, and there is room for none more: the addresses
     * stay. */
    bool is_cut_out = errno == ENOMEM;
    vk_assert(is_cut_out);
    (void)madvise(base, len_bytes, MADV_DONTNEED);
}

int plat_slot_map(void *base, size_t len_bytes, bool odd)
{
    /* Without MAP_NORESERVE, so that the first opening is accounted for and
     * an opened prefix never looks like its tail. */
    if (mmap(base, len_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return vk_linux_err(errno);
    if (odd && madvise(base, len_bytes, MADV_WIPEONFORK) != 0)
        return vk_linux_err(errno);
    return 0;
}

int plat_protect(void *base, size_t len_bytes, enum plat_prot prot)
{
    if (mprotect(base, len_bytes, prot == PLAT_PROT_RW ? PROT_READ | PROT_WRITE : PROT_NONE) != 0)
        return vk_linux_err(errno);
    return 0;
}

/* linux/mman.h of kernels 5.18 and 6.1 */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

void plat_gather(void *base, size_t len_bytes)
{
    (void)madvise(base, len_bytes, MADV_COLLAPSE);
}

int plat_discard(void *base, size_t len_bytes)
{
    if (madvise(base, len_bytes, MADV_DONTNEED) == 0)
        return 0;
    /* Locked pages are given back by a word of their own. */
    if (errno == EINVAL && madvise(base, len_bytes, MADV_DONTNEED_LOCKED) == 0)
        return 0;
    return vk_linux_err(errno);
}
