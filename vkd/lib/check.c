/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of use, versions of options, memory of the host's. */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"

#include <stdlib.h>

/*
 * Threads get numbers as they come here, since the identifiers of threads that
 * have ended come back. That is all that kernels of one program share.
 */
static atomic_uint_fast64_t threads_seen;
static _Thread_local uint64_t thread_number;

uint64_t vkd_lib_thread(void)
{
    if (thread_number == 0)
        thread_number = atomic_fetch_add(&threads_seen, 1) + 1;
    return thread_number;
}

void vkd_lib_check(const struct vk_kernel *kernel)
{
    bool was_made_in_this_process = *kernel->present == 1;
    bool was_made_by_this_thread = kernel->thread == vkd_lib_thread();
    vk_assert(was_made_in_this_process);
    vk_assert(was_made_by_this_thread);
}

int vkd_lib_options(void *to, size_t to_bytes, size_t min_bytes, const void *from)
{
    size_t size;
    memset(to, 0, to_bytes);
    if (from == NULL)
        return 0;
    memcpy(&size, from, sizeof size);
    if (size < min_bytes || size > VK_LIB_OPTIONS_MAX_BYTES)
        return -VK_EINVAL;
    for (size_t i = to_bytes; i < size; i++)
        if (((const uint8_t *)from)[i] != 0)
            return -VK_ENOTSUP;
    memcpy(to, from, size < to_bytes ? size : to_bytes);
    return 0;
}

void *vkd_lib_alloc(struct vk_kernel *kernel, size_t len_bytes)
{
    void *memory = kernel->allocator.alloc(kernel->allocator.context, len_bytes, VK_CACHE_LINE_BYTES);
    if (memory != NULL)
        memset(memory, 0, len_bytes);
    return memory;
}

void vkd_lib_free(struct vk_kernel *kernel, void *memory, size_t len_bytes)
{
    if (memory != NULL)
        kernel->allocator.free(kernel->allocator.context, memory, len_bytes);
}
