/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native stack. Most runs never leave its top page, so that is all that is
 * open at first; what a run needs below is opened when it is touched. After
 * each run everything open is made zero again: the next run belongs to another
 * process.
 */
#include "vk/err.h"
#include "vk/limits.h"

#include "vk/linux/linux_impl.h"
#include "vk/linux/run_impl.h"

/* Wide, so that no ordinary frame steps over it. It costs addresses only. */
#define GUARD_BYTES (1u << 20)
/* More than this is given back after the run instead of being wiped. */
#define DEEP_MAX_BYTES (4u * VK_PAGE_BYTES)
/* Pages below the top one are closed again after so many runs that did not use them. */
#define IDLE_RUNS_MAX 64u

int vk_linux_stack_init(struct vk_linux_stack *stack, size_t len_bytes)
{
    void *map;
    if (len_bytes == 0 || len_bytes > SIZE_MAX / 2)
        return -VK_EINVAL;
    len_bytes = VK_ALIGN_UP(len_bytes, (size_t)VK_PAGE_BYTES);
    size_t map_bytes = GUARD_BYTES + len_bytes + VK_PAGE_BYTES;
    int rc = plat_reserve(map_bytes, VK_PAGE_BYTES, &map);
    if (rc != 0)
        return rc;
    uint8_t *lo = (uint8_t *)map + GUARD_BYTES;
    uint8_t *open = lo + len_bytes - VK_PAGE_BYTES;
    rc = plat_protect(open, VK_PAGE_BYTES, PLAT_PROT_RW);
    if (rc != 0) {
        plat_release(map, map_bytes);
        return rc;
    }
    *stack = (struct vk_linux_stack){.map = map, .map_bytes = map_bytes, .lo = lo, .top = lo + len_bytes};
    stack->open = open;
    return 0;
}

void vk_linux_stack_fini(struct vk_linux_stack *stack)
{
    vk_linux_unpoison(stack->lo, (size_t)(stack->top - stack->lo));
    plat_release(stack->map, stack->map_bytes);
}

bool vk_linux_stack_grow(struct vk_linux_stack *stack, uintptr_t addr)
{
    if (addr < (uintptr_t)stack->lo || addr >= (uintptr_t)stack->open)
        return false;
    /* At least twice as much each time, so that deep recursion takes few faults. */
    size_t want_bytes = (size_t)((uintptr_t)stack->top - (addr & ~(uintptr_t)(VK_PAGE_BYTES - 1)));
    size_t twice_bytes = 2 * (size_t)(stack->top - stack->open);
    size_t max_bytes = (size_t)(stack->top - stack->lo);
    if (want_bytes < twice_bytes)
        want_bytes = twice_bytes < max_bytes ? twice_bytes : max_bytes;
    uint8_t *open = stack->top - want_bytes;
    if (plat_protect(open, (size_t)(stack->open - open), PLAT_PROT_RW) != 0)
        return false;
    stack->open = open;
    stack->idle_runs = 0;
    return true;
}

bool vk_linux_stack_is_exhausted(const struct vk_linux_stack *stack, uintptr_t addr)
{
    return addr >= (uintptr_t)stack->map && addr < (uintptr_t)stack->lo;
}

/* Close all but the top page. Where the OS kernel refuses they stay open, but empty: before Linux 5.18 it
 * gives no locked page back. */
static void close_deep(struct vk_linux_stack *stack, size_t deep_bytes)
{
    if (plat_discard(stack->open, deep_bytes) != 0)
        (void)plat_wipe(stack->open, deep_bytes);
    if (plat_protect(stack->open, deep_bytes, PLAT_PROT_NONE) == 0)
        stack->open += deep_bytes;
    stack->idle_runs = 0;
}

static VK_COLD void clean_deep(struct vk_linux_stack *stack, size_t deep_bytes)
{
    if (deep_bytes > DEEP_MAX_BYTES)
        close_deep(stack, deep_bytes);
    else if (plat_wipe(stack->open, deep_bytes))
        stack->idle_runs = 0;
    else if (++stack->idle_runs >= IDLE_RUNS_MAX)
        close_deep(stack, deep_bytes);
}

void vk_linux_stack_clean(struct vk_linux_stack *stack, bool faulted)
{
    size_t deep_bytes = (size_t)(stack->top - stack->open) - VK_PAGE_BYTES;
    if (VK_UNLIKELY(faulted))
        vk_linux_unpoison(stack->open, (size_t)(stack->top - stack->open));
    if (VK_UNLIKELY(deep_bytes != 0))
        clean_deep(stack, deep_bytes);
    (void)plat_wipe(stack->top - VK_PAGE_BYTES, VK_PAGE_BYTES);
}
