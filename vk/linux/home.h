/* SPDX-License-Identifier: Apache-2.0 */
/* From the code of a process back to the kernel's for the length of a call. */
#ifndef VK_LINUX_HOME_H
#define VK_LINUX_HOME_H

/*
 * Call fn(arg) as code of the kernel: from within plat_run_guarded on the
 * stack it was called on, with the kernel's protection keys, system calls
 * allowed; a fault is the kernel's own, and no tick ends it. fn returns; it
 * leaves neither by longjmp nor by an exception, and runs nothing guarded.
 * Outside of a run it is a plain call.
 */
void vk_linux_home(void (*fn)(void *arg), void *arg);

#endif
