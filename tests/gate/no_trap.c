/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a server that runs under valgrind: pretends that the system
 * call trap was set. Valgrind makes system calls of its own while the program's
 * selector says that none are allowed. Counts of instructions are the same.
 */
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

int prctl(int option, ...)
{
    unsigned long args[4];
    va_list list;
    if (option == PR_SET_SYSCALL_USER_DISPATCH)
        return 0;
    va_start(list, option);
    for (int i = 0; i < 4; i++)
        args[i] = va_arg(list, unsigned long);
    va_end(list);
    return (int)syscall(SYS_prctl, option, args[0], args[1], args[2], args[3]);
}
