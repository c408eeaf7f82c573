/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of use, versions of options, memory of the host's. */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"

#include <unistd.h>

/*
 * Threads get numbers as they come here, since the identifiers of threads that
 * have ended come back. That and the census below are all that kernels of one
 * program share.
 */
static atomic_uint_fast64_t threads_seen;
static _Thread_local uint64_t thread_number;

uint64_t vkd_lib_thread(void)
{
    if (thread_number == 0)
        thread_number = atomic_fetch_add(&threads_seen, 1) + 1;
    return thread_number;
}

/*
 * Heaps that one thread opens are open to all of the OS process. So native
 * programs without protection keys and kernels in several threads exclude each
 * other: the census counts threads that have kernels, above them kernels with
 * such programs, and has the process's number on top. A child begins anew, since
 * its parent's kernels are not its own: a word of another process reads as
 * nobody, so that beginning is one exchange with the first count.
 */
#define ONE_THREAD   1ull
#define ONE_NATIVE   (1ull << 16)
#define COUNT_MAX    0xffffu
#define THREADS(now) ((now)&COUNT_MAX)
#define NATIVES(now) ((now) >> 16 & COUNT_MAX)

static atomic_uint_fast64_t census;
static _Thread_local uint32_t thread_kernels;
static _Thread_local uint32_t thread_pid;

static uint64_t census_of(uint64_t word, uint32_t pid)
{
    return word >> 32 == pid ? word : (uint64_t)pid << 32;
}

static void thread_begin(uint32_t pid)
{
    if (thread_pid != pid)
        thread_kernels = 0;
    thread_pid = pid;
}

int vkd_lib_thread_get(void)
{
    uint32_t pid = (uint32_t)getpid();
    uint64_t word = atomic_load(&census), now;
    thread_begin(pid);
    do {
        if (thread_kernels > 0)
            break;
        now = census_of(word, pid);
        if (NATIVES(now) > 0)
            return -VK_EPERM;
        if (THREADS(now) == COUNT_MAX)
            return -VK_ENOMEM;
    } while (!atomic_compare_exchange_weak(&census, &word, now + ONE_THREAD));
    thread_kernels++;
    return 0;
}

/* The word is this process's: the kernel that goes was counted in it. */
void vkd_lib_thread_put(const struct vk_kernel *kernel)
{
    if (kernel->has_natives)
        atomic_fetch_sub(&census, ONE_NATIVE);
    if (--thread_kernels == 0)
        atomic_fetch_sub(&census, ONE_THREAD);
}

int vkd_lib_natives_get(struct vk_kernel *kernel)
{
    if (kernel->has_natives || proc_kernel_guard(kernel->proc) == VK_GUARD_PKEY)
        return 0;
    uint64_t now = atomic_load(&census); /* of this process, as above */
    do {
        if (THREADS(now) > 1)
            return -VK_EPERM;
        if (NATIVES(now) == COUNT_MAX)
            return -VK_ENOMEM;
    } while (!atomic_compare_exchange_weak(&census, &now, now + ONE_NATIVE));
    kernel->has_natives = true;
    return 0;
}

void vkd_lib_check(const struct vk_kernel *kernel)
{
    bool was_made_in_this_process = *kernel->present == 1;
    bool was_made_by_this_thread = kernel->thread == vkd_lib_thread();
    vk_assert(was_made_in_this_process);
    vk_assert(was_made_by_this_thread);
    bool is_outside_of_host_functions = !kernel->is_in_host;
    vk_assert(is_outside_of_host_functions);
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

int vkd_lib_begin(struct vk_kernel *kernel)
{
    vkd_lib_check(kernel);
    if (kernel->is_ending)
        return -VK_ECANCELED;
    if (kernel->is_stepping)
        return 0;
    proc_kernel_refresh(kernel->proc); /* the last step may have been long ago */
    vkd_lib_loop_turn(kernel);
    return 0;
}

/* Before a callback, which may neither step nor destroy the kernel, also outside of steps. */
static bool begin_callback(struct vk_kernel *kernel)
{
    bool was_stepping = kernel->is_stepping;
    kernel->is_stepping = true;
    return was_stepping;
}

void vkd_lib_log(struct vk_kernel *kernel, enum vk_level level, struct vk_span text)
{
    bool was_stepping = begin_callback(kernel);
    kernel->log(kernel->log_context, level, (const char *)text.ptr, text.len);
    kernel->is_stepping = was_stepping;
}

void *vkd_lib_alloc(struct vk_kernel *kernel, size_t len_bytes)
{
    bool was_stepping = begin_callback(kernel);
    void *memory = kernel->allocator.alloc(kernel->allocator.context, len_bytes, VK_CACHE_LINE_BYTES);
    kernel->is_stepping = was_stepping;
    if (memory != NULL)
        memset(memory, 0, len_bytes);
    return memory;
}

void vkd_lib_free(struct vk_kernel *kernel, void *memory, size_t len_bytes)
{
    if (memory == NULL)
        return;
    bool was_stepping = begin_callback(kernel);
    kernel->allocator.free(kernel->allocator.context, memory, len_bytes);
    kernel->is_stepping = was_stepping;
}
