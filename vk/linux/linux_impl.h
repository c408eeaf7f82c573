/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Linux platform share. Nobody else includes it. */
#ifndef VK_LINUX_LINUX_IMPL_H
#define VK_LINUX_LINUX_IMPL_H

#include "vk/base.h"

/* errno to -VK_E... */
int vk_linux_err(int os_error);

/* Whether the CPU has protection keys and the OS kernel switched them on. */
bool vk_linux_has_keys(void);

/* Tell AddressSanitizer, where it is, that the frames in this range are gone. */
#if defined(__SANITIZE_ADDRESS__)
#define VK_LINUX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VK_LINUX_ASAN 1
#endif
#endif

#ifdef VK_LINUX_ASAN
#include <sanitizer/asan_interface.h>
#define vk_linux_unpoison(base, len_bytes) __asan_unpoison_memory_region(base, len_bytes)
#else
#define vk_linux_unpoison(base, len_bytes) ((void)(base), (void)(len_bytes))
#endif

#endif
