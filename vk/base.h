/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every file may lean on: fixed-width types, the four memory functions
 * of the freestanding world, assertions, and a few macros with no policy.
 *
 * The memory functions are reached through compiler builtins, so that small
 * constant sizes are expanded in place although the code is compiled with
 * -ffreestanding. Nothing else of a C library may be called.
 */
#ifndef VK_BASE_H
#define VK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
#include <string.h>
#else
#define memcpy(dst, src, n)  __builtin_memcpy(dst, src, n)
#define memmove(dst, src, n) __builtin_memmove(dst, src, n)
#define memset(dst, c, n)    __builtin_memset(dst, c, n)
#define memcmp(a, b, n)      __builtin_memcmp(a, b, n)
#endif

#define VK_LIKELY(x)   __builtin_expect(!!(x), 1)
#define VK_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define VK_COLD        __attribute__((cold, noinline))

/* Measuring coverage needs one body per function, not a copy per caller (tests/coverage.sh). */
#ifdef VK_COVERAGE
#define VK_INLINE static inline
#else
#define VK_INLINE static inline __attribute__((always_inline))
#endif

/* Number of elements of an array object. */
#define VK_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of the given type whose field `member` is at ptr. */
#define VK_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* align_bytes is a power of two; the sum must not wrap. */
#define VK_ALIGN_UP(n, align_bytes) (((n) + ((align_bytes)-1)) & ~((align_bytes)-1))

/*
 * vk_assert stays on in release and states what our own code guarantees; it
 * must never depend on input from a peer, a file or a process. The argument
 * has no effects. vk_assert_slow is compiled into debug builds only.
 */
#define VK_STR2(x) #x
#define VK_STR(x)  VK_STR2(x)
#define vk_assert(cond) \
    (VK_LIKELY(cond) ? (void)0 : vk_assert_failed(__FILE__ ":" VK_STR(__LINE__) ": " #cond))

#ifdef VK_DEBUG
#define vk_assert_slow(cond) vk_assert(cond)
#else
#define vk_assert_slow(cond) ((void)sizeof(cond))
#endif

/* A function that runs at start, once in a while or for an error: it is compiled for size. */
#define VK_SELDOM __attribute__((cold))

/* Prints where and ends the worker by plat_panic. */
_Noreturn void vk_assert_failed(const char *where) __attribute__((cold));

#endif
